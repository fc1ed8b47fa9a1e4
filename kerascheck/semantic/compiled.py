"""What a model is compiled for: its end, its loss, and the labels of the fits that follow, brought together."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic.calls import TRAINING_METHODS
from kerascheck.semantic.events import Event
from kerascheck.semantic.graph import Head
from kerascheck.semantic.labels import Labels, labels_of
from kerascheck.semantic.layer_graph import layers_inside
from kerascheck.semantic.metrics import is_keras_model, loss_by_value, loss_of, targets_of
from kerascheck.semantic.several import Given, Output, outputs_of, share
from kerascheck.semantic.values import Items, Obj, Part, Value, options
from kerascheck.semantic.walk import walk

if TYPE_CHECKING:
    from kerascheck.semantic.module import Module

CLASS_LOSSES = frozenset({"categorical_crossentropy", "sparse_categorical_crossentropy"})
# losses of regression, by their names, aliases and classes in keras 3.15.1, in lower case
REGRESSION_LOSSES = frozenset(
    """mse mean_squared_error meansquarederror mae mean_absolute_error meanabsoluteerror mape
    mean_absolute_percentage_error meanabsolutepercentageerror msle mean_squared_logarithmic_error
    meansquaredlogarithmicerror huber huber_loss log_cosh logcosh""".split()
)
_USING_LOSSES = TRAINING_METHODS | {"evaluate", "evaluate_generator", "test_on_batch"}
# methods and attributes of models that neither use the loss nor hand the compiled model on
_WITHOUT_LOSS = frozenset(
    """add build compile count_params get_config get_layer get_weights input input_shape inputs layers load_weights name
    output output_shape outputs pop predict predict_classes predict_generator predict_on_batch predict_proba
    save_weights set_weights summary to_json trainable trainable_weights weights""".split()
)
_OWN_LOSS = ("train_step", "compute_loss", "compute_metrics", "compiled_loss")
PROBABILITY_LOSSES = CLASS_LOSSES | {"binary_crossentropy"}


@dataclass(frozen=True)
class Compiled:
    """One `compile` of a model, for one output, and the fits up to the next `compile` of the same model.

    A model with several `outputs` is there once for each, as far as losses and labels can be told apart, else once
    with no head: `place` is the output's.

    `loss` is the snake-case name of a loss of Keras, None when it is not one or cannot be told. `labels` is None when
    nothing is known of them or two fits differ.
    """

    event: Event
    head: Head | None
    loss: str | None
    from_logits: bool | None
    loss_node: cst.BaseExpression | None
    loss_value: Value | None
    fits: tuple[Event, ...]
    labels: Labels | None
    outputs: tuple[Output, ...] = ()
    place: int = 0

    def own(self, given: tuple[cst.BaseExpression, Value | None] | None) -> Given | None:
        """What is meant for this output of the metrics that `compile` is given."""
        return share(given, self.outputs, self.place) if self.outputs else given


def compiled_models(module: Module) -> tuple[Compiled, ...]:
    """Every `compile` of a Keras model that stands in this file, once for each way it is run."""
    known = module.memo.get("compiled")
    if known is None:
        known = module.memo["compiled"] = tuple(_found(module))
    found: tuple[Compiled, ...] = known
    return found


def compiled_as_run(home: Module, event: Event) -> Iterator[Compiled]:
    """A `compile` that stands in any file, as the program `home` runs it."""
    if not _trains_itself(event.receiver):
        compiles, trainings = _compiles_and_trainings(home)
        yield from _compiled(event.module, event, tuple(_fits(event, compiles, trainings)))


def _found(module: Module) -> Iterator[Compiled]:
    compiles, trainings = _compiles_and_trainings(module)
    for event in module.events_of("compile"):
        if is_keras_model(module, event) and event.module is module and not _trains_itself(event.receiver):
            yield from _compiled(module, event, tuple(_fits(event, compiles, trainings)))


def _compiles_and_trainings(module: Module) -> tuple[dict[Value, list[Event]], dict[Value, list[Event]]]:
    compiles: dict[Value, list[Event]] = {}
    trainings: dict[Value, list[Event]] = {}
    for event in module.events:
        if event.receiver is None or isinstance(event.receiver, Part):
            continue
        if event.name in TRAINING_METHODS:
            trainings.setdefault(event.receiver, []).append(event)
        elif event.name == "compile" and is_keras_model(module, event):
            compiles.setdefault(event.receiver, []).append(event)
    return compiles, trainings


def _compiled(module: Module, event: Event, fits: tuple[Event, ...]) -> Iterator[Compiled]:
    several = list(_several(module, event, fits)) if event.head is None else []
    if several:
        yield from several
        return
    loss, from_logits = loss_of(module, event)
    node, value = event.arguments.find("loss", 1) or (None, None)
    yield Compiled(event, event.head, loss, from_logits, node, value, fits, _labels(fits))


def _several(module: Module, event: Event, fits: tuple[Event, ...]) -> Iterator[Compiled]:
    """The outputs of a model with several, each with its loss and its labels."""
    outputs = outputs_of(module, event.receiver)
    for output in outputs:
        part = share(event.arguments.find("loss", 1), outputs, output.place, spread=True)
        if part is None:
            continue
        loss, from_logits = loss_by_value(module, part[1])
        found = [share(fit.arguments.find("y", 1), outputs, output.place) for fit in fits]
        labels = [labels_of(given[1]) if given is not None else None for given in found]
        known = labels[0] if labels and all(item == labels[0] for item in labels) else None
        yield Compiled(event, output.head, loss, from_logits, part[0], part[1], fits, known, outputs, output.place)


def _trains_itself(receiver: Value | None) -> bool:
    """Whether a class of the project computes its loss itself: what is given to `compile` may be used otherwise."""
    classes = [item.cls for item in options(receiver) if isinstance(item, Obj) and item.cls is not None]
    return any(cls.method(name)[0] is not None for cls in classes for name in _OWN_LOSS)


def _fits(event: Event, compiles: dict[Value, list[Event]], trainings: dict[Value, list[Event]]) -> Iterator[Event]:
    """The trainings of a model after a `compile`, before the next one."""
    if event.receiver is None:
        return
    again = [other.order for other in compiles.get(event.receiver, ()) if other.order > event.order]
    end = min(again, default=None)
    for other in trainings.get(event.receiver, ()):
        if event.order < other.order and (end is None or other.order < end):
            yield other


def _labels(fits: tuple[Event, ...]) -> Labels | None:
    found = [labels_of(targets_of(fit)) for fit in fits]
    return found[0] if found and all(item == found[0] for item in found) else None


_BACKEND = re.compile(
    r"""^[^#\n]*KERAS_BACKEND["']\s*(?:\]\s*=|,)\s*["'](tensorflow|jax|torch|numpy)["']""", re.MULTILINE
)


def backend_of(module: Module) -> str | None:
    """The backend that the target names or the file sets in its environment; None when neither does."""
    written = set(_BACKEND.findall(module.source.text))
    return module.target.backend or (written.pop() if len(written) == 1 else None)


def layer_node(module: Module, head: Head | None) -> cst.CSTNode | None:
    """The call that makes the last layer, when it stands in this file."""
    if head is None or head.layer is None or head.layer.call is None or not module.owns(head.layer.call):
        return None
    return head.layer.call


def is_inside_another(module: Module, model: Value | None) -> bool:
    """Whether a model is part of another one, as the discriminator of a GAN is, or called as one may be."""
    wanted = {item for item in options(model) if isinstance(item, Obj) and item.kind == "model"}
    if not wanted:
        return False
    return _in_a_stack(module, wanted) or any(
        event.name == "__call__" and any(item in wanted for item in options(event.receiver) if isinstance(item, Obj))
        for event in module.events
    )


def _in_a_stack(module: Module, wanted: set[Obj]) -> bool:
    """Whether one of some models is among the layers of another Sequential model."""
    for other in module.facts.models:
        if other in wanted:
            continue
        stack = module.facts.lasting.get((other, "#layers"))
        if isinstance(stack, Items) and any(item in wanted for layer in stack.known() for item in options(layer)):
            return True
    return False


def is_only_a_part(module: Module, item: Compiled) -> bool:
    """Whether a compiled model is run inside of another one and no training or test of it is seen.

    The modules of the project that use this one are looked at, too.
    """
    part = False
    for user in (module, *module.users):
        compiles = [event for event in user.events if event.name == "compile" and event.node is item.event.node]
        models = {model for event in compiles for model in options(event.receiver) if isinstance(model, Obj)}
        if any(event.name in _USING_LOSSES and not models.isdisjoint(options(event.receiver)) for event in user.events):
            return False
        part = part or _in_a_stack(user, models)
        part = part or any(
            not models.isdisjoint(layers_inside(user.facts, other))
            for other in user.facts.models
            if other not in models
        )
    return part


def is_never_asked(module: Module, item: Compiled) -> bool:
    """Whether nothing asks for the loss of a compiled model: it is only a part, or stays in a function unused."""
    return _stays_unused(item) or is_only_a_part(module, item)


def _stays_unused(item: Compiled) -> bool:
    """Whether a model is made and compiled in a function, is not trained or tested there, and does not leave it.

    Every mention of its name must be one of those methods and attributes that neither use the loss nor hand it on.
    """
    made, name, function = item.event.receiver, item.event.receiver_node, item.event.function
    if function is None or item.fits or not isinstance(name, cst.Name) or not isinstance(made, Obj):
        return False
    nodes = list(walk(function.node.body))
    if made.call is None:
        return False
    here = any(node is made.call for node in nodes)
    return (here or _is_made_anew(made, name.value, nodes)) and _is_kept_in(nodes, name.value)


def _is_kept_in(nodes: list[cst.CSTNode], name: str, returned: bool = False) -> bool:
    """Whether a model with this name does not leave a function, and is not asked for its loss in it.

    `returned`: a `return` of the name alone may hand it over.
    """
    plain = {id(node.target) for node in nodes if isinstance(node, cst.AssignTarget)}
    plain |= {id(node.value) for node in nodes if isinstance(node, cst.Attribute) and node.attr.value in _WITHOUT_LOSS}
    if returned:
        plain |= {id(node.value) for node in nodes if isinstance(node, cst.Return)}
    return all(id(node) in plain for node in nodes if isinstance(node, cst.Name) and node.value == name)


def _is_made_anew(made: Obj, name: str, nodes: list[cst.CSTNode]) -> bool:
    """Whether a name is bound to what a function of the project makes in each call and keeps no hold of."""
    called = [
        node.value.func.value
        for node in nodes
        if isinstance(node, cst.Assign)
        and len(node.targets) == 1
        and isinstance(node.targets[0].target, cst.Name)
        and node.targets[0].target.value == name
        and isinstance(node.value, cst.Call)
        and isinstance(node.value.func, cst.Name)
    ]
    if len(called) != 1 or made.module is None:
        return False
    for function in made.module.functions:
        if not isinstance(function.node, cst.FunctionDef) or function.node.name.value != called[0]:
            continue
        inside = list(walk(function.node.body))
        if not any(node is made.call for node in inside):
            continue
        if function.node.decorators or any(isinstance(node, (cst.FunctionDef, cst.Lambda)) for node in inside):
            return False  # it may remember what it has made
        for node in inside:
            if isinstance(node, cst.Return) and node.value is made.call:
                return True
            if isinstance(node, cst.Assign) and node.value is made.call and len(node.targets) == 1:
                target = node.targets[0].target
                return isinstance(target, cst.Name) and _is_kept_in(inside, target.value, returned=True)
    return False


def loss_place(module: Module, item: Compiled) -> cst.CSTNode | None:
    """Where the loss is made, or else where it is given; None when that is in another file."""
    made = item.loss_value
    if isinstance(made, Obj) and made.call is not None and module.owns(made.call):
        return made.call
    return item.loss_node if item.loss_node is not None and module.owns(item.loss_node) else None


def labels_place(module: Module, item: Compiled) -> cst.CSTNode | None:
    """What the name was bound to last under which the first fit is given its labels; the fit itself without one."""
    fit = item.fits[0] if item.fits else None
    if fit is None or not module.owns(fit.node):
        return None
    found = item.own(fit.arguments.find("y", 1)) or fit.arguments.find("x", 0) or fit.arguments.find("generator", 0)
    if found is None or not isinstance(found[0], cst.Name):
        return fit.node
    end, name = module.span(fit.node).start, found[0].value
    place: cst.CSTNode = fit.node
    for node in module.index.nodes(cst.Assign):
        bound = (part for target in node.targets for part in walk(target.target) if isinstance(part, cst.Name))
        if any(part.value == name for part in bound) and module.span(node).start < end:
            place = node.value
    return place
