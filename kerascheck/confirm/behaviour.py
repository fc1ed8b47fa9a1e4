"""Plans for claims about what a model does: what it answers, what it starts with, what training moves or keeps."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import libcst as cst

from kerascheck.confirm.parts import Experiment, model_parameters, module_and_users, stands_at
from kerascheck.confirm.slice import Missing, Slicer, Untold
from kerascheck.finding import Finding
from kerascheck.semantic.calls import TRAINING_METHODS
from kerascheck.semantic.compiled import Compiled, compiled_models, layer_node
from kerascheck.semantic.datasets import chain
from kerascheck.semantic.events import CallFact
from kerascheck.semantic.layer_graph import layers_inside
from kerascheck.semantic.module import Module
from kerascheck.semantic.phases import Moment
from kerascheck.semantic.saving import whole_saves
from kerascheck.semantic.training import models_of
from kerascheck.semantic.values import Arguments, Obj, Ref, boolean, string
from kerascheck.semantic.walk import walk
from kerascheck.text import Span

# the labels that a loss takes; those of another loss cannot be made up
FORMS = {
    "sparse_categorical_crossentropy": "sparse",
    "categorical_crossentropy": "categorical",
    "binary_crossentropy": "binary",
}
_QUANTITIES = frozenset({"meansquarederror", "meanabsoluteerror", "mse", "mae", "huber", "logcosh"})
_PROBABILITIES = {"sigmoid": "binary", "softmax": "categorical"}
# what is monitored, and a metric that logs it; more is better in all of them
_METRICS = {
    "auc": "AUC(name={name!r})",
    "precision": "Precision(name={name!r})",
    "recall": "Recall(name={name!r})",
    "f1_score": "F1Score(threshold=0.5, average='micro', name={name!r})",
    "f1": "F1Score(threshold=0.5, average='micro', name={name!r})",
    "accuracy": "BinaryAccuracy(name={name!r})",
    "acc": "BinaryAccuracy(name={name!r})",
}


def _length(module: Module, node: cst.CSTNode | None, offset: int) -> int | None:
    """The length of a node of this file that the place is in; None when it is not."""
    if node is None or not module.owns(node):
        return None
    span = module.span(node)
    return span.end - span.start if span.start <= offset < span.end else None


Found = TypeVar("Found")


def nearest(module: Module, offset: int, things: Iterable[tuple[cst.CSTNode | None, Found]]) -> Found | None:
    """The thing with the smallest node around a place, else the first one in the statement that starts there."""
    best: tuple[int, Found] | None = None
    every = list(things)
    for node, thing in every:
        length = _length(module, node, offset)
        if length is not None and (best is None or length < best[0]):
            best = length, thing
    if best is not None:
        return best[1]
    for line in walk(module.tree):
        if isinstance(line, cst.SimpleStatementLine) and module.span(line).start == offset:
            span = module.span(line)
            return next((thing for node, thing in every if node is not None and _within(module, node, span)), None)
    return None


def _within(module: Module, node: cst.CSTNode, span: Span) -> bool:
    return module.owns(node) and span.start <= module.span(node).start and module.span(node).end <= span.end


def model_at(module: Module, offset: int) -> tuple[Module, Obj] | None:
    """The model that the smallest construct around a place makes, uses, or has a layer or an argument of."""
    homes = module_and_users(module)
    return nearest(module, offset, ((node, (home, model)) for home in homes for node, model in _nodes(home)))


def _nodes(home: Module) -> Iterator[tuple[cst.CSTNode | None, Obj]]:
    for model in home.facts.models:
        yield model.call, model
        for layer in layers_inside(home.facts, model):
            yield layer.call, model
            for value in layer.arguments.values():
                if isinstance(value, Obj):
                    yield value.call, model
    for event in home.events:
        for model in models_of(event):
            if model.kind == "model":
                yield event.node, model
                yield event.site, model


def _experiment(name: str, slicer: Slicer, parameters: dict[str, Any]) -> Experiment:
    return Experiment(name, parameters, stand_ins=tuple(slicer.stand_ins))


def round_trip(module: Module, offset: int, finding: Finding) -> Experiment | None:
    """The model that the finding stands at, saved whole and loaded."""
    found = model_at(module, offset)
    if found is None:
        return None
    home, model = found
    slicer = Slicer(home)
    parameters = model_parameters(slicer, home, model)
    save = next(whole_saves(home, model), None)
    parameters["format"] = (save.format if save is not None else "") or ".keras"
    return _experiment("roundtrip", slicer, parameters)


def constant_layer(module: Module, offset: int, finding: Finding) -> Experiment | None:
    """The layer that the finding stands at, alone."""
    calls = [call for call in module.calls if call.name.startswith("keras.layers.")]
    call = _smallest(module, calls, offset)
    if call is None or call.arguments.find("activation", 1) is None:
        return None  # what makes its output constant is another layer
    slicer = Slicer(module)
    make = slicer.call(call)
    made = slicer.finish()
    parameters = {"source": made.source, "modules": made.modules, "layer": make}
    return _experiment("constant_output", slicer, parameters)


def _smallest(module: Module, calls: list[CallFact], offset: int) -> CallFact | None:
    return nearest(module, offset, ((call.node, call) for call in calls))


def constant_model(module: Module, offset: int, finding: Finding) -> Experiment | None:
    """The whole model that the finding stands at."""
    return _of_model("constant_output", module, offset)


def equal_weights(module: Module, offset: int, finding: Finding) -> Experiment | None:
    """The model in which two layers are said to start with the same weights."""
    return _of_model("equal_weights", module, offset)


def memory(module: Module, offset: int, finding: Finding) -> Experiment | None:
    """The model that is made again and again, and trained where the program trains it."""
    found = model_at(module, offset)
    if found is None:
        return None
    home, model = found
    slicer = Slicer(home)
    parameters = model_parameters(slicer, home, model)
    parameters["trains"] = any(model in models_of(moment.event) for moment in home.facts.moments)
    return _experiment("memory", slicer, parameters)


def _of_model(name: str, module: Module, offset: int) -> Experiment | None:
    found = model_at(module, offset)
    if found is None:
        return None
    slicer = Slicer(found[0])
    parameters = model_parameters(slicer, *found)
    return _experiment(name, slicer, parameters)


# ---------------------------------------------------------------------- training


def not_trained(module: Module, offset: int, finding: Finding) -> Experiment | None:
    """What is compiled, frozen and trained up to the finding, in the program's order; then one step."""
    moments = [item for item in module.facts.moments if item.event.name in TRAINING_METHODS]
    last = nearest(module, offset, ((item.event.node, item) for item in moments))
    if last is None:
        return None
    model = last.event.receiver
    if not isinstance(model, Obj) or model.kind != "model":
        raise Missing("the trained model")
    slicer = Slicer(module)
    parameters = stepped(slicer, module, last, model)
    parameters["method"] = "train_on_batch" if last.event.name == "train_on_batch" else "fit"
    return _experiment("not_trained", slicer, parameters)


def stepped(slicer: Slicer, module: Module, last: Moment, model: Obj) -> dict[str, Any]:
    """The slice of a model, and the steps of compiling, freezing and training before a moment, in their order."""
    steps = list(history(module, last, model))
    parts = {id(step.part): slicer.expression(step.part, f"`{step.part.short}`") for step in steps}
    parameters = model_parameters(slicer, module, model)
    parameters["steps"] = [[step.kind, parts[id(step.part)] + step.which, step.value] for step in steps]
    return parameters


@dataclass(frozen=True)
class Step:
    """One thing that happens to a model or a part of it: "compile", "train", or "switch" to a value.

    `which` are the layers of the part that are meant, as they are written: ".layers[-3:]".
    """

    order: int
    kind: str
    part: Obj
    value: str = ""
    which: str = ""


_LAYERS = re.compile(r"[\w.]+(\.layers\[-?\d*:?-?\d*\])\s*")


def history(module: Module, last: Moment, model: Obj) -> Iterator[Step]:
    """What happened to a model and those around or inside of it before an event."""
    facts = module.facts
    own = {model, *layers_inside(facts, model)}
    found: dict[tuple[int, int], Step] = {}
    earlier = [item for item in facts.moments if item.event.order < last.event.order]
    for moment in earlier:
        whole = moment.event.receiver
        if not isinstance(whole, Obj) or whole.kind != "model":
            continue
        if whole not in own and not own & {whole, *layers_inside(facts, whole)}:
            continue
        kind = "compile" if moment.event.name == "compile" else "train"
        found[moment.event.order, id(whole)] = Step(moment.event.order, kind, whole)
    for moment in [*earlier, last]:
        for (unit, part), switches in moment.snapshot:
            for switch in switches:
                if switch is None or unit not in own:
                    continue
                which = _LAYERS.fullmatch(part)
                if (part and which is None) or switch.value is None:
                    raise Untold("which layers are switched on or off")
                text = which.group(1) if which is not None else ""
                found[switch.order, id(unit)] = Step(switch.order, "switch", unit, repr(switch.value), text)
    for key in sorted(found):
        yield found[key]


def loss(module: Module, offset: int, finding: Finding) -> Experiment | None:
    """The loss, or the metric, that Keras logs against one by hand."""
    if finding.code in _ABOUT_STRINGS:
        return None
    item = _compiled_at(module, offset)
    if item is None or not isinstance(item.event.receiver, Obj):
        return None
    head = item.head
    if head is None or head.activation is None:
        raise Untold("what the last layer of the model makes")
    form = FORMS.get(item.loss or "") or ("quantities" if (item.loss or "").replace("_", "") in _QUANTITIES else "")
    if not form:
        raise Untold("which labels the loss takes")
    slicer = Slicer(module)
    given = item.event.arguments.find("loss", 1)
    texts = [f"loss={slicer.expression(given[1] if given is not None else None, 'the loss')}"]
    metrics = item.event.arguments.find("metrics", 2)
    own = finding.code in _ABOUT_METRICS
    if own:
        if metrics is None:
            raise Missing("the metrics")
        texts.append(f"metrics={slicer.metrics(metrics[1])}")
    parameters = model_parameters(slicer, module, item.event.receiver)
    if head.units is None and any(text.endswith("=8") for text in slicer.stand_ins):
        raise Untold("how many outputs the model has")
    parameters["compile"] = f"kerascheck_model.compile(optimizer='sgd', {', '.join(texts)})"
    parameters.update(labels=form, head=head.activation, about="metric" if own else "loss")
    return _experiment("loss", slicer, parameters)


_ABOUT_STRINGS = frozenset({"KC501", "KC502", "KC509"})  # these have an experiment of their own
_ABOUT_METRICS = frozenset({"KC503", "KC504"})


def _compiled_at(module: Module, offset: int) -> Compiled | None:
    return nearest(module, offset, _compiled_nodes(module))


def _compiled_nodes(module: Module) -> Iterator[tuple[cst.CSTNode | None, Compiled]]:
    for item in compiled_models(module):
        if item.outputs:
            continue  # the experiments compile for one output
        yield item.event.node, item
        yield layer_node(module, item.head), item
        found = item.event.arguments.find("loss", 1)
        if found is not None and isinstance(found[1], Obj):
            yield found[1].call, item


def labels_raise(module: Module, offset: int, finding: Finding) -> Experiment | None:
    """One step of fit with labels of the program's form, where that is known."""
    item = _compiled_at(module, offset)
    if item is None or not isinstance(item.event.receiver, Obj) or not item.fits:
        return None
    labels = item.labels
    if labels is None or labels.content not in {"one-hot", "integers"}:
        raise Untold("the form of the labels")
    slicer = Slicer(module)
    given = item.event.arguments.find("loss", 1)
    text = slicer.expression(given[1] if given is not None else None, "the loss")
    parameters = model_parameters(slicer, module, item.event.receiver)
    units = item.head.units if item.head is not None else None
    if units is None:
        raise Untold("how many outputs the model has")
    parameters["compile"] = f"kerascheck_model.compile(optimizer='sgd', loss={text})"
    classes = labels.classes or max(units, 2)
    parameters.update(content=labels.content, column=labels.width == 1, classes=classes)
    stand_ins = ("labels of ours", *slicer.stand_ins)
    return Experiment("labels_raise", parameters, stand_ins=stand_ins)


def wrong_epoch(module: Module, offset: int, finding: Finding) -> Experiment | None:
    """The callback with values that get better: what it keeps, and whether it steps in."""
    call = _smallest(module, [item for item in module.calls if item.name.startswith("keras.callbacks.")], offset)
    if call is None:
        return None
    monitor = string(call.arguments.value("monitor", 0 if not call.name.endswith("ModelCheckpoint") else 1))
    if monitor is None:
        raise Untold("what is monitored")
    name = monitor.removeprefix("val_")
    metric = next((text for key, text in _METRICS.items() if name == key or name.startswith(key + "_")), None)
    if metric is None:
        raise Untold(f"a metric that logs `{monitor}`")
    slicer = Slicer(module)
    short = call.name.rpartition(".")[2]
    weights = boolean(call.arguments.value("save_weights_only", 4)) is True
    path = f"'kept{'.weights.h5' if weights else '.keras'}'"
    if short == "ModelCheckpoint":
        make = slicer.call(call, first=path, replaced={"filepath": path})
    else:
        make = slicer.call(call)
    keras = slicer.flavour()
    model = f"{keras}.Sequential([{keras}.Input((4,)), {keras}.layers.Dense(1, activation='sigmoid')])"
    made = slicer.finish()
    parameters: dict[str, Any] = {"source": made.source, "modules": made.modules, "make": model, "callback": make}
    parameters.update(monitor=monitor, metric=metric.format(name=name), kind=short, file=path.strip("'"))
    return Experiment("wrong_epoch", parameters, stand_ins=("a small model and values of ours",))


# ---------------------------------------------------------------------- data


def leak(module: Module, offset: int, finding: Finding) -> Experiment | None:
    """Rows of the validation part that are trained on: the program's split with data of ours."""
    calls = [call for call in module.calls if call.name.endswith("_dataset_from_directory")]
    here = _smallest(module, calls, offset)
    if here is not None:
        return _directory(module, here, calls)
    shuffle = _shuffle(module, offset)
    if shuffle is None:
        return None
    given = []
    for argument in shuffle.args:
        keyword = argument.keyword.value if argument.keyword is not None else ""
        if keyword == "seed" or keyword == "reshuffle_each_iteration":
            if not isinstance(argument.value, (cst.Integer, cst.Name)):
                raise Untold(f"`{keyword}`")
            text = module.code(argument.value)
            given.append(f"{keyword}={text if text in {'True', 'False', 'None'} or text.isdigit() else '7'}")
    parameters = {"source": "", "shuffle": ", ".join(["100", *given])}
    return Experiment("leak", parameters, stand_ins=("a hundred numbers in place of the data",))


def _shuffle(module: Module, offset: int) -> cst.Call | None:
    """The `shuffle` that the place is in or that its statement has."""
    found: list[tuple[int, cst.Call]] = []
    for line in walk(module.tree):
        if not isinstance(line, cst.SimpleStatementLine):
            continue
        span = module.span(line)
        if span.start <= offset < span.end:
            for node in walk(line):
                if (
                    isinstance(node, cst.Call)
                    and isinstance(node.func, cst.Attribute)
                    and node.func.attr.value == "shuffle"
                ):
                    found.append((span.end - span.start, node))
    return min(found, key=lambda item: item[0])[1] if found else None


def _directory(module: Module, here: CallFact, calls: list[CallFact]) -> Experiment | None:
    if here.name.rpartition(".")[2] != "image_dataset_from_directory":
        raise Untold("files of this kind")
    slicer = Slicer(module)
    makes = []
    for call in calls:
        subset = string(call.arguments.value("subset", None))
        if call.name == here.name and subset in {"training", "validation"} and call.function is here.function:
            makes.append([subset, slicer.call(call, first="'images'", replaced=_PICTURES)])
    if {subset for subset, _ in makes} != {"training", "validation"}:
        raise Untold("the other part of the split")
    made = slicer.finish()
    parameters = {"source": made.source, "modules": made.modules, "parts": makes}
    return Experiment("leak", parameters, stand_ins=("forty files of ours in place of the data",))


_PICTURES = {"directory": "'images'", "image_size": "(4, 4)", "batch_size": "4", "class_names": "None"}


def shuffled(module: Module, offset: int, finding: Finding) -> Experiment | None:
    """The generator or dataset that is predicted, over pictures of ours: its order, and that of its labels."""
    for event in module.events_of("predict", "predict_generator"):
        given = event.arguments.find("x", 0) or event.arguments.find("generator")
        known = chain(given[1]) if given is not None and stands_at(module, event.node, offset) else None
        if known is None:
            continue
        root, methods = known
        slicer = Slicer(module)
        if methods and methods[-1][0] == "flow_from_directory":
            return _flow(slicer, root, methods[-1][1])
        if methods and methods[-1][0].startswith("flow_"):
            raise Untold("the table of the files")
        call = next((item for item in module.calls if item.node is root.call), None)
        if call is None or not call.name.endswith("image_dataset_from_directory"):
            raise Untold("files of this kind")
        text = slicer.call(call, first="'images'", replaced=_PICTURES)
        made = slicer.finish()
        parameters = {"source": made.source, "modules": made.modules, "data": text, "flow": False}
        return Experiment("shuffled", parameters, stand_ins=(_SIXTY, *slicer.stand_ins))
    return None


_SIXTY = "sixty pictures of ours in place of the data"


def _flow(slicer: Slicer, root: Obj, given: Arguments) -> Experiment:
    """A generator over a folder, with what the program says of its part, its order and its labels."""
    maker = slicer.expression(Ref(root.ref, root.original), "the maker of the generator")
    texts = []
    split = root.arguments.find("validation_split", 16)
    if split is not None:
        texts.append(f"validation_split={slicer.expression(split[1], 'the part for validation')}")
    parts = ["'images'", "target_size=(4, 4)", "batch_size=8", "class_mode='sparse'"]
    for name in ("shuffle", "seed", "subset"):
        found = given.find(name)
        if found is not None:
            parts.append(f"{name}={slicer.expression(found[1], name)}")
    if given.positional[1:]:
        raise Untold("the arguments of `flow_from_directory`")
    made = slicer.finish()
    parameters: dict[str, Any] = {"source": made.source, "modules": made.modules, "flow": True}
    parameters["data"] = f"{maker}({', '.join(texts)}).flow_from_directory({', '.join(parts)})"
    return Experiment("shuffled", parameters, stand_ins=(_SIXTY, *slicer.stand_ins))
