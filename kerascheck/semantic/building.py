"""Weights that do not exist yet: what is saved, loaded or built too early."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic.classes import ClassInfo
from kerascheck.semantic.events import Event, Flag
from kerascheck.semantic.training import models_of
from kerascheck.semantic.values import Const, Items, Obj, Part, Tensor, Value, number, suffix_of
from kerascheck.semantic.weights_names import is_checkpoint, names_a_checkpoint, refused_by_keras_3, refused_by_old_copy

if TYPE_CHECKING:
    from kerascheck.semantic.module import Module
    from kerascheck.semantic.target import Target

_SAVES = ("save_weights", "save")


@dataclass(frozen=True)
class EarlyUse:
    """A use of weights that do not exist.

    `kind` is "load" (nothing was built), "hollow" (an explicit `build` left variables out; `build` is that call) or
    "save". `refused` says that Keras 3 raises before that, about the file's name, which is KC201's to say. `inner`: all
    layers of the models have their variables, only the models are not built; `partly`: some of them have, or may have.
    """

    kind: str
    event: Event
    models: tuple[Obj, ...]
    target: Target
    build: Event | None = None
    refused: bool = False
    inner: bool = False
    partly: bool = False

    @property
    def receiver(self) -> str:
        """The model as it is written where the weights are used."""
        node = self.event.receiver_node
        return self.event.module.code(node) if node is not None else self.models[0].short

    def elsewhere(self, module: Module) -> bool:
        """Whether the use stands in another file than `module`, which led there."""
        return self.event.module is not module


def early_uses(module: Module) -> list[EarlyUse]:
    """The loads and saves of weights that surely do not exist at that point.

    One that stands in another file counts when this module made the model and handed it over, or hands one of a third
    file directly to the function with the use.
    """
    known: list[EarlyUse] | None = module.memo.get("early uses")
    if known is None:
        module.memo["early uses"] = []  # a circle of files that ask each other
        known = module.memo["early uses"] = list(_early_uses(module))
    return known


def _early_uses(module: Module) -> Iterator[EarlyUse]:
    builds: list[Event] = []
    for event in module.events:
        if event.name == "build":
            builds.append(event)
            continue
        if event.name != "load_weights" and event.name not in _SAVES:
            continue
        models = models_of(event)
        if not models or not all(item.kind == "model" and item.form in {"subclass", "sequential"} for item in models):
            continue
        made_here = all(item.module is module for item in models)
        elsewhere = event.module is not module and not made_here
        if elsewhere and not _is_handed_over(event, models) and not _is_called_here(module, event):
            continue
        if not event.never(Flag.VARIABLES) or not event.states:
            continue
        target = _target_of(module, models)
        if event.name == "load_weights" and is_checkpoint(event):
            continue
        refused = (
            event.name != "save"
            and bool(target.bad(">=3"))
            and (refused_by_keras_3(module, event) is not None or names_a_checkpoint(event, perhaps=True))
        )
        if event.name == "save_weights" and refused_by_old_copy(module, event) is not None:
            continue  # it raises before it writes an empty file, which is KC201's to say
        if event.every(Flag.MARKED):
            if event.name == "load_weights":
                build = next((item for item in reversed(builds) if models_of(item) == models), None)
                if build is not None and not refused and not deferred(target, event) and not _adapted(module, event):
                    yield EarlyUse("hollow", event, models, target, build)
            continue
        if any(state & Flag.MARKED for state in event.states):
            continue
        # `save` writes what the children have; the weights alone are refused from 3.7 on
        if any(state & Flag.CHILDREN for state in event.states) and (event.name == "save" or target.bad("<3.7")):
            continue
        if event.name != "load_weights":
            if event.name == "save" and _writes_no_file(event):
                continue
            if event.name == "save" and any(_is_empty(module, item) for item in models):
                continue  # run on 3.15.1: it comes back as it was; `save_weights` raises all the same
            if all(_has_layers(module, item) for item in models):
                yield EarlyUse("save", event, models, target, refused=refused)
        elif (
            not deferred(target, event)
            and not (target.bad("<3.7") and _inner_built(module, models))
            and not any(_is_abstract(module, item) for item in models)
            and not _recovered(module, event, models, target)
        ):
            inner = _inner_built(module, models) and all(_has_layers(module, item) for item in models)
            partly = any(_has_built_parts(module, item) for item in models)
            yield EarlyUse("load", event, models, target, refused=refused, inner=inner, partly=partly)


def _is_handed_over(event: Event, models: tuple[Obj, ...]) -> bool:
    """Whether a call of this file gives a function of another one the model, which a third file has made."""
    function, call, receiver = event.function, event.site, event.receiver_node
    if function is None or not isinstance(function.node, cst.FunctionDef) or not isinstance(call, cst.Call):
        return False
    called = call.func.attr if isinstance(call.func, cst.Attribute) else call.func
    if not isinstance(called, cst.Name) or called.value != function.node.name.value:
        return False
    names = {item.name.value for item in function.node.params.params}
    handed = isinstance(receiver, cst.Name) and receiver.value in names
    return handed and function.module is event.module and all(item.module is not event.module for item in models)


def _is_called_here(module: Module, event: Event) -> bool:
    """Whether a call of this file runs a method of another one at once, which does that to a model of its object.

    What that file shows by itself is reported there.
    """
    function, call = event.function, event.site
    if function is None or function.owner is None or not isinstance(call, cst.Call) or not module.owns(call):
        return False
    called = call.func.attr if isinstance(call.func, cst.Attribute) else None
    if called is None or not isinstance(function.node, cst.FunctionDef) or called.value != function.node.name.value:
        return False
    return all(use.event.node is not event.node for use in early_uses(event.module))


def _writes_no_file(event: Event) -> bool:
    """Whether Keras 3 refuses the name: run, it raises; and Keras 2 saves a SavedModel there, and raises unbuilt."""
    end = suffix_of(event.arguments.value("filepath", 0))
    return end is not None and (end[1] or "." in end[0]) and not end[0].endswith((".keras", ".h5", ".hdf5"))


def _target_of(module: Module, models: tuple[Obj, ...]) -> Target:
    """The releases a model runs on: where nothing pins them, the file that defines its class may show Keras 2."""
    if module.target.assumed and not module.target.keras2:
        for model in models:
            for owner in model.cls.lineage() if model.cls is not None else ():
                if isinstance(owner, ClassInfo) and owner.module.target.keras2:
                    return owner.module.target
    return module.target


def _adapted(module: Module, load: Event) -> bool:
    """Whether a layer of the model, such as a Normalization, got its variables from `adapt`."""
    if load.receiver_node is None:
        return False
    owner = load.module.code(load.receiver_node) + "."
    return any(
        event.order < load.order
        and event.receiver_node is not None
        and event.module.code(event.receiver_node).startswith(owner)
        for event in module.events_of("adapt")
    )


def deferred(target: Target, event: Event) -> bool:
    """Keras 2 restores a TensorFlow checkpoint when the variables appear: right before the build, too."""
    if not target.bad("<3"):
        return False
    path = suffix_of(event.arguments.value("filepath", 0))
    if path is None:
        return True
    return not path[0].endswith((".h5", ".hdf5", ".keras"))


_FILE_ERRORS = frozenset({"OSError", "IOError", "EnvironmentError", "FileNotFoundError", "PermissionError"})


def _recovered(module: Module, event: Event, models: tuple[Obj, ...], target: Target) -> bool:
    """Whether the load raises into a handler that gives the model its variables and loads again."""
    if any(item.form == "subclass" for item in models) and target.bad(">=3.0,<3.7"):
        return False  # it does not raise on all of these releases
    attempts = [attempt for attempt in event.attempts if _catches(attempt)]
    return bool(attempts) and any(
        other.name == "load_weights"
        and models_of(other) == models
        and not other.never(Flag.VARIABLES)
        and any(attempt in other.recoveries for attempt in attempts)
        for other in module.events
    )


def _catches(attempt: cst.CSTNode) -> bool:
    """Whether a `try` handles more than files that are not there."""
    handlers = attempt.handlers if isinstance(attempt, (cst.Try, cst.TryStar)) else ()
    for handler in handlers:
        kinds = handler.type.elements if isinstance(handler.type, cst.Tuple) else (handler,)
        names = [item.value if isinstance(item, cst.Element) else handler.type for item in kinds]
        if not all(isinstance(name, cst.Name) and name.value in _FILE_ERRORS for name in names):
            return True
    return False


def _is_abstract(module: Module, model: Obj) -> bool:
    """A class with neither layers nor a `call`: what is made there is one of its subclasses, which may be built."""
    if model.cls is None or model.form != "subclass":
        return False
    return not module.facts.sublayers(model.cls) and model.cls.method("call")[0] is None


def _has_layers(module: Module, model: Obj) -> bool:
    """An empty model has nothing to lose; a class without layers of its own may be filled elsewhere."""
    if model.cls is None:
        layers = module.facts.lasting.get((model, "#layers"))
        known = tuple(layers.known()) if isinstance(layers, Items) else ()
        return not known or any(module.facts.weighted(layer) is True for layer in known)
    return bool(module.facts.sublayers(model.cls))


def _is_empty(module: Module, model: Obj) -> bool:
    """Whether a Sequential model surely is given no layer: neither in its list nor with `add`."""
    layers = module.facts.lasting.get((model, "#layers"))
    return model.cls is None and isinstance(layers, Items) and layers.exact and not layers.items


def _inner_built(module: Module, models: tuple[Obj, ...]) -> bool:
    """Up to 3.6 a subclass whose sublayers all have their variables loads well; from 3.7 on it raises."""
    for model in models:
        if model.cls is None or model.form == "sequential":
            return False
        _, made = module.facts.instance_of(model.cls)
        layers = [layer for group in (module.facts.sublayers(model.cls) or {}).values() for layer in group]
        if not layers:
            return True
        for layer in layers:
            states = made.get((layer, "#states"))
            if module.facts.weighted(layer) is False:
                continue
            if not isinstance(states, frozenset) or not all(state & Flag.VARIABLES for state in states):
                return False
    return True


def _has_built_parts(module: Module, model: Obj) -> bool:
    """Whether a model is given another one or a layer, or makes one that has its variables at once."""
    if any(isinstance(value, Obj) and value.kind in {"model", "layer"} for value in model.arguments.values()):
        return True
    if model.cls is None:
        return False
    _, made = module.facts.instance_of(model.cls)
    parts = [part for group in (module.facts.sublayers(model.cls) or {}).values() for part in group]
    known = [states for part in parts if isinstance(states := made.get((part, "#states")), frozenset)]
    return any(state & Flag.VARIABLES for states in known for state in states)


def input_shape(module: Module, model: Obj) -> str | None:
    """The shape of one input sample as Python source, such as `(28, 28, 1)`, read from another use of the class."""
    for event in module.events:
        if event.name not in {"build", "__call__", "predict", "own __call__"} or not event.arguments.positional:
            continue
        if not any(item is model or _same_maker(item, model) for item in models_of(event)):
            continue
        shape = _shape_of(event.arguments.positional[0][1], event.name == "build")
        if shape is not None:
            return shape
    return None


def _same_maker(one: Obj, other: Obj) -> bool:
    if one.cls is not None:
        return one.cls is other.cls
    return one.call is other.call and one.call is not None


def _shape_of(value: Value | None, is_shape: bool) -> str | None:
    if is_shape:
        return _tuple_text(value, drop=True)
    if isinstance(value, Tensor) and value.layer is None and not value.operation:
        return _tuple_text(value.arguments.value("shape", 0), drop=False)
    if isinstance(value, Obj) and value.ref in _FILLED:
        return _tuple_text(value.arguments.value("shape", 0), drop=True)
    if not isinstance(value, Part) or value.attribute != "#call" or not isinstance(value.base, Part):
        return None
    return _shape_of(value.base.base, False) if value.base.attribute == "astype" else None


_FILLED = frozenset(
    """numpy.zeros numpy.ones numpy.random.random numpy.empty tensorflow.zeros tensorflow.ones keras.ops.zeros
    keras.ops.ones tensorflow.random.normal tensorflow.random.uniform numpy.random.random_sample""".split()
)


def _tuple_text(value: Value | None, *, drop: bool) -> str | None:
    if not isinstance(value, Items) or not value.exact:
        return None
    items = value.items[1:] if drop else value.items
    if not items:
        return None
    texts = []
    for item in items:
        known = number(item)
        if known is not None and math.isfinite(known):
            texts.append(str(int(known)))
        elif isinstance(item, Const) and item.value is None:
            texts.append("None")
        else:
            return None
    return "(" + ", ".join(texts) + ("," if len(texts) == 1 else "") + ")"


def concerns(use: EarlyUse, owner: ClassInfo) -> bool:
    """Whether an instance of this class, or of a class made from it, is used too early."""
    return any(model.cls is not None and owner in model.cls.lineage() for model in use.models)
