"""From findings to experiments: what would show that a claim holds, and what the experiment needs."""

from __future__ import annotations

import ast
import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import libcst as cst

from kerascheck.confirm import behaviour, loading, training
from kerascheck.confirm.arguments import LAYERS, usual
from kerascheck.confirm.folds import refit
from kerascheck.confirm.guarded import Guarded
from kerascheck.confirm.named import in_use
from kerascheck.confirm.objects import built_in, by_name, holder_round_trip, line_alone, making, state
from kerascheck.confirm.parts import Experiment, model_parameters, module_and_users, saved, stands_at
from kerascheck.confirm.slice import Missing, Slicer, Untold
from kerascheck.finding import Claim, Finding, Status
from kerascheck.semantic import keras_api
from kerascheck.semantic.building import EarlyUse, early_uses
from kerascheck.semantic.classes import ClassInfo
from kerascheck.semantic.custom_objects import Parameter, constructor, missing_keys, name_of
from kerascheck.semantic.elements import element_kind
from kerascheck.semantic.events import CallFact
from kerascheck.semantic.layer_graph import graph_of
from kerascheck.semantic.meeting import steps
from kerascheck.semantic.metrics import accuracy_strings
from kerascheck.semantic.module import Module
from kerascheck.semantic.same_run import written_before
from kerascheck.semantic.saving import whole_saves
from kerascheck.semantic.storage import (
    Reached,
    Save,
    instances,
    loads_of,
    loads_standing_in,
    reached,
    reached_by,
    saves,
    saves_of,
    unfound_on,
)
from kerascheck.semantic.target import Reach
from kerascheck.semantic.training import models_of, seeds
from kerascheck.semantic.training import training as trainings
from kerascheck.semantic.values import Arguments, Const, Func, Obj, boolean, suffix_of
from kerascheck.semantic.written_elements import written_kind
from kerascheck.text import Span


@dataclass(frozen=True)
class Plan:
    """The experiments for a finding, or why there are none. The second is run when the first decides nothing."""

    finding: Finding
    experiments: tuple[Experiment, ...] = ()
    reason: str = ""
    status: Status = Status.NOT_REACHED  # what it is when there are none


_BETWEEN_RELEASES = frozenset({"KC214"})


def plan(module: Module, finding: Finding) -> Plan | None:
    """The experiment that decides a finding; None when its claim cannot be executed at all."""
    if finding.claim is Claim.NONE:
        return None
    if finding.code in _BETWEEN_RELEASES:
        return Plan(finding, reason="it takes two releases of Keras to show this, and one is run")
    makers = _BY_CODE.get(finding.code, _PLANNERS.get(finding.claim, ()))
    if not makers:
        reason = f"no experiment for the claim {finding.claim.value} yet"
        return Plan(finding, reason=reason, status=Status.COULD_NOT_RUN)
    experiments: list[Experiment] = []
    reason = "the object that the finding speaks of was not found again"
    for make in makers:
        try:
            experiment = make(module, module.source.offset(finding.start), finding)
        except Missing as missing:
            if not experiments:
                reason = f"{missing} cannot be told from the source{missing.help}"
            continue
        if experiment is not None:
            experiments.append(replace(experiment, claim=finding.claim, sign=_sign(finding)))
    return Plan(finding, tuple(experiments), "" if experiments else reason)


# seen on 2.15 to 3.15.1: the model has no variables, or not all of them
_UNBUILT = (
    r"not (?:yet )?been (?:built|created)|not created its variables|never built|could not be loaded|"
    r"expected \d+ (?:variables|layers)|into a model with \d+ layers|[Ll]ayer count mismatch"
)
_SIGNS = {
    **dict.fromkeys(("KC101", "KC102", "KC103", "KC104"), _UNBUILT),
    "KC201": r"must end|[Ff]ile format|filepath|extension",
    "KC202": r"extension|format",
    "KC203": r"filepath|must end",
    "KC205": r"format|not found|accessible",
    "KC208": r"node index|out of bounds|IndexError|disconnected|loops",
    "KC209": r"variables during loading|variable|IndexError|already exists|disconnected|is not connected to",
    "KC301": r"missing \d+ required|required (?:positional|keyword)",
    "KC302": r"get_config|NotImplementedError|format specifier|serializable|required|missing|revive|variable",
    # the constructor is given the dictionary that was written, on 2.15 in a wrapper of TensorFlow
    "KC303": r"TrackedDict|DictWrapper|\bdict\b|__numpy__|Tensor\b.*serializable",
    "KC304": r"unexpected keyword|multiple values|positional argument|[Uu]nrecognized keyword",
    "KC105": r"expected \d+ variables|already|locked|could not be loaded|[Cc]annot add|built",
    "KC106": r"add new elements of state|variables on a non-first call|singleton tf\.Variable",
    "KC109": r"'NoneType' object",
    "KC207": r"not initialized|[Tt]able|[Ll]ookup",
    "KC606": r"[Uu]nknown variable|different set of variables|KeyError",
    "KC110": r"by_name|argument|[Uu]nexpected",
    "KC311": r"[Ll]ambda|locate|nknown|interpret|marshal|serializ|local",
    "KC607": r"expected (?:min_)?ndim=|rank|[Dd]imension",
    "KC404": r"set_random_seed",
    "KC508": r"shape|rank|ncompatible|valid range|out of",
    "KC307": r"[Ll]ambda|locate|nknown|registered|marshal|unsafe",
}
# the last: Keras 2.15 takes the name of a layer that it does not find for the layer
_NOT_FOUND = (
    r"(?=.*\b{name}\b)(?=.*(?:locate|nknown|interpret|not found|not a KerasSaveable))|string indices must be|"
    r"layer={name} of type <class 'str'>"
)


def _sign(finding: Finding) -> str:
    """What the text of an exception must have to be the one that a finding speaks of."""
    if finding.code in {"KC305", "KC306"}:
        return "|".join(_NOT_FOUND.format(name=re.escape(name)) for name in finding.subject.split(", "))
    if finding.code == "KC213":
        names = finding.subject.split(", ")
        return "|".join(r"[Ll]ambda" if name[0] == "<" else _NOT_FOUND.format(name=re.escape(name)) for name in names)
    if finding.code == "KC309":
        # the second: the name is missed while the shape of the output is looked for
        return rf"name '{re.escape(finding.subject)}' is not defined|infer the shape|output_shape"
    if finding.code == "KC511":
        key = re.search(r"does not log `([^`]+)`", finding.message)
        return re.escape(key.group(1)) if key is not None else r"(?!)"
    if finding.code == "KC201" and "tensorflow.python.keras" in finding.message:
        return "__version__"  # what its writer of `.h5` files asks for (TensorFlow 2.15.1 to 2.21)
    if finding.code == "KC206":
        return rf"\b{re.escape(finding.subject)}\b"
    if finding.code == "KC204":
        return re.escape(_refused(finding))
    if finding.code == "KC301" and finding.claim is Claim.SAVE_RAISES:
        return r"has no attribute|super\(type, obj\)|is not defined"
    if finding.code in {"KC301", "KC302"} and re.search(r"writes|raises for|first for", finding.message):
        return r"unexpected keyword|multiple values|not recognized|[Uu]nrecognized|missing \d+ required"
    return _SIGNS.get(finding.code, "")


def _early(module: Module, offset: int) -> Iterator[tuple[Module, EarlyUse]]:
    """The early uses that a finding at this place speaks of."""
    for owner in module.classes:
        if stands_at(module, owner.node.name, offset):
            for other in module_and_users(module):
                for use in early_uses(other):
                    if any(model.cls is not None and owner in model.cls.lineage() for model in use.models):
                        yield other, use
    for use in early_uses(module):
        place = use.build.site if use.kind == "hollow" and use.build is not None else use.event.site
        if stands_at(module, place, offset):
            yield module, use


def _load(module: Module, offset: int, finding: Finding) -> Experiment | None:
    for home, use in _early(module, offset):
        if use.kind == "save":
            return _save_of(home, use)
        slicer = Slicer(home)
        shape = ""
        if use.kind == "hollow" and use.build is not None:  # before the model: what it needs is in the slice, too
            shape = slicer.expression(use.build.arguments.value("input_shape", 0), "the shape given to `build`")
        parameters = model_parameters(slicer, home, use.models[0])
        end = suffix_of(use.event.arguments.value("filepath", 0))
        parameters["legacy"] = end is not None and end[0].endswith((".h5", ".hdf5")) and ".weights." not in end[0]
        if shape:
            parameters["before"] = [f"kerascheck_model.build({shape})"]
            sizes = None
            with contextlib.suppress(ValueError, SyntaxError):  # a shape that the child computes
                sizes = ast.literal_eval(shape)
            if isinstance(sizes, (tuple, list)) and len(sizes) > 1:
                sample = [size if isinstance(size, int) else 8 for size in sizes[1:]]
                parameters["shapes"] = [[sample, "float32"], [sample, "int32"]]
        return Experiment("load_weights", parameters, stand_ins=tuple(slicer.stand_ins))
    for owner in module.classes:
        if stands_at(module, owner.node.name, offset):
            made = next((model for model in _instances(module, owner) if model.call is not None), None)
            receiver = made or module.facts.instance_of(owner)[0]
            slicer = Slicer(module)
            return Experiment(
                "load_weights", model_parameters(slicer, module, receiver), stand_ins=tuple(slicer.stand_ins)
            )
    return _suffix(module, offset, finding)


def _instances(module: Module, owner: object) -> Iterator[Obj]:
    for event in module.events:
        for model in models_of(event):
            if model.cls is owner:
                yield model


def _save(module: Module, offset: int, finding: Finding) -> Experiment | None:
    for home, use in _early(module, offset):
        if use.kind == "save":
            return _save_of(home, use)
    return _suffix(module, offset, finding)


def _save_of(home: Module, use: EarlyUse) -> Experiment:
    slicer = Slicer(home)
    parameters = model_parameters(slicer, home, use.models[0])
    parameters["method"] = use.event.name
    known = suffix_of(use.event.arguments.value("filepath", 0))
    if use.event.name == "save" and known is not None:  # the format hangs on the end of the name
        parameters["name"] = "x" * (not known[1]) + known[0].replace("\\", "/").rpartition("/")[2]
    return Experiment("save_early", parameters, stand_ins=tuple(slicer.stand_ins))


_PLAIN_NAMES = {"save": "experiment.keras", "save_weights": "x.weights.h5", "load_weights": "x.weights.h5"}
_REMOVED = frozenset({"save_format", "signatures", "options", "save_traces", "period", "load_weights_on_restart"})


def _removed(given: Arguments, finding: Finding) -> dict[str, Any]:
    """The argument that a finding speaks of, with its value; 1 when that cannot be told. Nothing but for KC204."""
    return {
        keyword: value.value if isinstance(value, Const) and not isinstance(value.value, (bytes, complex)) else 1
        for keyword, _, value in given.keywords
        if finding.code == "KC204" and keyword == _refused(finding)
    }


def _refused(finding: Finding) -> str:
    """The argument that a finding of KC204 speaks of: the exception has to name it."""
    return next((name for name in sorted(_REMOVED) if f"`{name}`" in finding.message), "save_format")


def _suffix(module: Module, offset: int, finding: Finding) -> Experiment | None:
    for event in module.events_of("save_weights", "load_weights", "save"):
        if not stands_at(module, event.node, offset):
            continue
        known = suffix_of(event.arguments.value("filepath", 0))
        removed = _removed(event.arguments, finding)
        if removed and (known is None or not (event.name == "save" and "save_format" in removed)):
            known = (_PLAIN_NAMES[event.name], True)  # a name that is taken: nothing but the argument can be refused
        if known is None and "checkpoint of TensorFlow" in finding.message:
            known = ("ckpt-1", True)  # as `latest_checkpoint` names them
        if known is None:
            raise Untold("the path")
        name = known[0].replace("\\", "/").rpartition("/")[2]
        parameters: dict[str, Any] = {"method": event.name, "name": name if known[1] else "x" + name}
        parameters.update({"keywords": removed} if removed else {})
        models = models_of(event)
        text = module.code(event.receiver_node) if event.receiver_node is not None else ""
        if not models and event.name == "save" and "model" not in text.lower():
            raise Untold(f"whether `{text}` is a model of Keras")  # much else is fitted and saved
        if "tensorflow.python.keras" in finding.message:
            parameters["old"] = True  # a model of Keras itself does not stand for it
        try:
            parameters.update(
                model_parameters(Slicer(module), module, models[0]) if models else {"source": "", "make": "None"}
            )
        except Missing:
            parameters.update({"source": "", "make": "None"})
        return Experiment("suffix", parameters)
    return None


def _metric(module: Module, offset: int, finding: Finding) -> Experiment | None:
    found = [item for item in accuracy_strings(module, elsewhere=True) if stands_at(module, item.node, offset)]
    if finding.code in {"KC502", "KC509"}:  # one string may be for several models
        found = [item for item in found if (item.counts_logits if finding.code == "KC502" else item.counts_the_largest)]
    for item in found:
        models = models_of(item.event)
        if not models:
            raise Missing("the compiled model")
        if item.outputs:
            raise Untold("which of several outputs")
        slicer = Slicer(item.home)
        loss = item.event.arguments.find("loss", 1)
        text = slicer.expression(loss[1], "the loss") if loss is not None else "None"
        form = behaviour.FORMS.get(item.loss or "")
        if form is None:
            raise Untold("which labels the loss takes")
        parameters = model_parameters(slicer, item.home, models[0])
        open_size = item.head is None or item.head.units is None
        if form == "binary" and open_size and any(text.endswith("=8") for text in slicer.stand_ins):
            raise Missing("how many outputs the model has")  # one and several are counted in different ways
        parameters["compile"] = f"kerascheck_model.compile(loss={text}, metrics=[{item.name!r}])"
        parameters["name"] = item.name
        parameters["labels"] = form
        parameters["logits"] = item.from_logits is True
        labels = ["several labels a sample"] if finding.code == "KC509" else []
        return Experiment("metric", parameters, stand_ins=(*labels, *slicer.stand_ins))
    return None


def _training_flag(module: Module, offset: int, finding: Finding) -> Experiment | None:
    for home in module_and_users(module):
        # of several models with one inherited `call` the fault may be in the layers of some only
        for model in sorted(home.facts.calls_when_trained, key=lambda item: item.short != finding.subject):
            call = model.cls.method("call")[0] if model.cls is not None else None
            if (
                call is None
                or not isinstance(call.node, cst.FunctionDef)
                or not stands_at(module, call.node.name, offset)
            ):
                continue
            slicer = Slicer(home)
            parameters = model_parameters(slicer, home, model)
            parameters["layers"] = sorted(keras_api.TRAINING_LAYERS | set(keras_api.TRAINING_ARGUMENTS))
            return Experiment("training_flag", parameters, stand_ins=tuple(slicer.stand_ins))
    return None


def _runs(module: Module, offset: int, finding: Finding) -> Experiment | None:
    for use in module.order_uses:
        if stands_at(module, use.value.place, offset):
            return _order(module, use.value.place, use.value.element)
    for call in module.calls:
        if stands_at(module, call.node, offset) and call.name.rpartition(".")[2] in {
            "train_test_split",
            "shuffle",
            "permutation",
        }:
            return _split(module, call)
    for event in trainings(module):
        models = models_of(event)
        if not models or event.name == "apply_gradients":  # of an optimizer, which does not tell the model
            continue
        slicer = Slicer(module)
        parameters = model_parameters(slicer, module, models[0])
        early, late = _seed_lines(module, slicer, models[0].order)
        parameters["source"] = "\n".join([*early, parameters["source"]])
        parameters["after"] = late
        return Experiment("run_once", parameters, fresh=2, stand_ins=tuple(slicer.stand_ins))
    raise Missing("the trained model")


def _runs_small(module: Module, offset: int, finding: Finding) -> Experiment | None:
    """The program's seeds before a model of ours; that it differs shows the fault, that it does not shows nothing."""
    event = next(trainings(module), None)
    if event is None or finding.code not in {"KC402", "KC403"}:
        return None
    slicer = Slicer(module)
    keras = slicer.flavour()
    make = f"{keras}.Sequential([{keras}.Input((8,)), {keras}.layers.Dense(8), {keras}.layers.Dropout(0.5)])"
    early, _ = _seed_lines(module, slicer, event.order)
    source = "\n".join([*early, slicer.finish().source])
    parameters: dict[str, Any] = {"source": source, "modules": {}, "make": make, "shapes": [], "small": True}
    return Experiment("run_once", parameters, fresh=2, stand_ins=("a small model in place of the program's",))


def _order(module: Module, place: cst.BaseExpression, element: Any) -> Experiment:
    """The order of the set itself where its elements are constants, else that of strings in their place."""
    text = module.code(place)
    try:
        ast.literal_eval(text.removeprefix("list(").removeprefix("set(").rstrip(")"))
        source = f"list({text})"
        stand_ins: tuple[str, ...] = ()
    except (ValueError, SyntaxError):
        lines = _literals(module, place)
        if lines:
            return Experiment("run_once", {"source": "\n".join(lines), "value": f"list({text})"}, 3, framework=False)
        if (element_kind(element) or written_kind(module, place)) != "str":
            raise Untold("whether the elements of the set are strings, whose order differs from run to run,") from None
        source = 'list({"cat", "dog", "bird", "fox", "horse", "cow", "ant", "bee"})'
        stand_ins = ("eight strings in place of the data",)
    return Experiment("run_once", {"source": "", "value": source}, fresh=3, framework=False, stand_ins=stand_ins)


_LITERAL = (ast.Constant, ast.List, ast.Tuple, ast.Set, ast.BinOp, ast.Mult, ast.Add, ast.Load)


def _literals(module: Module, place: cst.BaseExpression) -> list[str]:
    """The assignments of the names in a set, where each is assigned once, at the top, and made of literals only."""
    try:
        tree, expression = ast.parse(module.source.text), ast.parse(module.code(place), mode="eval")
    except (SyntaxError, ValueError):
        return []
    every = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    lines = []
    for node in ast.walk(expression):
        if not isinstance(node, ast.Name) or node.id in {"list", "set", "sorted", "tuple"}:
            continue
        made = [
            item
            for item in tree.body
            if isinstance(item, ast.Assign)
            and [target.id for target in item.targets if isinstance(target, ast.Name)] == [node.id]
            and all(isinstance(part, _LITERAL) for part in ast.walk(item.value))
        ]
        if len(made) != 1 or every.count(node.id) != 1:
            return []
        lines.append(ast.unparse(made[0]))
    return lines


def _split(module: Module, call: CallFact) -> Experiment:
    short = call.name.rpartition(".")[2]
    lines = []
    for seed in seeds(module):
        if seed.call.order < call.order or seed.imported:
            lines += _seed_line(Slicer(module), seed.call)
    framework = any("keras" in line or "tensorflow" in line for line in lines)
    lines.append(f"import {call.name.rpartition('.')[0]}")
    value = {
        "train_test_split": f"{call.name}(list(range(40)))[0]",
        "permutation": f"list({call.name}(40))",
    }.get(short, f"(lambda rows: ({call.name}(rows), rows))(list(range(40)))")
    return Experiment("run_once", {"source": "\n".join(lines), "value": value}, fresh=2, framework=framework)


def _seed_lines(module: Module, slicer: Slicer, order: int) -> tuple[list[str], list[str]]:
    early: list[str] = []
    late: list[str] = []
    for seed in seeds(module):
        if seed.imported or seed.call.order < order:
            early += _seed_line(slicer, seed.call)
        else:
            late += _seed_line(slicer, seed.call)
    return early, late


def _seed_line(slicer: Slicer, call: CallFact) -> list[str]:
    if not call.arguments.positional:
        return []
    name = call.original if not call.original.startswith("keras.") else call.name
    number = "7"  # any will do
    with contextlib.suppress(Missing, ValueError, SyntaxError):
        number = repr(ast.literal_eval(slicer.expression(call.arguments.positional[0][1], "the seed")))
    return [f"import {name.partition('.')[0]}", f"{name}({number})"]


def _statement(module: Module, offset: int, finding: Finding) -> Experiment | None:
    for item in module.imports:
        if stands_at(module, item.node, offset):
            return Experiment("statement", {"source": "", "statement": module.code(item.statement)})
    for call in module.calls:
        if not stands_at(module, call.node, offset):
            continue
        root = call.original.partition(".")[0]
        if finding.code in {"KC203", "KC204", "KC205"}:
            return _path_call(call, root, _removed(call.arguments, finding))
        slicer = Slicer(module)
        values = ""
        with contextlib.suppress(Missing):
            values = ", ".join(slicer.expression(value, "an argument") for _, value in call.arguments.positional)
        if not values and finding.code != "KC404":  # a seed is any number; of other arguments none can be made up
            raise Untold(f"an argument of `{call.name}`")
        return Experiment("statement", {"source": f"import {root}", "statement": f"{call.original}({values or 7})"})
    return None


def _path_call(call: CallFact, root: str, removed: dict[str, Any]) -> Experiment:
    """A call that takes or refuses a path by its end; a folder of that name is there for what reads one."""
    known = suffix_of(call.arguments.value("filepath", 0))
    only = call.arguments.find("save_weights_only", 4)
    if removed:  # a name that is taken, so that nothing but the argument can be refused
        known = ("x.weights.h5" if only is not None and boolean(only[1]) else "x.keras", True)
    if known is None:
        raise Untold("the path")
    name = "x" * (not known[1]) + known[0].replace("\\", "/").rstrip("/").rpartition("/")[2]
    text, source = repr(name), f"import {root}"
    if call.name.endswith("ModelCheckpoint"):
        text += "".join(f", {key}={value!r}" for key, value in removed.items())
        text += f", save_weights_only={boolean(only[1])}" if only is not None else ""
    else:
        source = f"import os\n{source}\nos.makedirs({name!r})"
    return Experiment("statement", {"source": source, "statement": f"{call.original}({text})"})


# ---------------------------------------------------------------------- whole models


def _graph(module: Module, offset: int, finding: Finding) -> Experiment | None:
    """A functional model that is saved whole: the one made at the finding, or with a run of a layer there."""
    for home in (module, *module.users):
        for model in home.facts.models:
            graph = graph_of(home.facts, model) if model.cls is None else None
            if graph is None:
                continue
            nodes = [model.call]
            if finding.code != "KC209":
                nodes = [step.call for item in graph.applications for step in steps(item.tensor, home)]
            if not any(node is not None and stands_at(module, node, offset) for node in nodes):
                continue
            save = next(whole_saves(home, model), None)
            if save is None:
                continue
            slicer = Slicer(home)
            parameters = model_parameters(slicer, home, model)
            parameters.update(format=save.format or ".keras", past_lambda=True)
            return Experiment("roundtrip", parameters, stand_ins=tuple(slicer.stand_ins))
    return None


def _backbone_at(module: Module, offset: int) -> tuple[CallFact, tuple[str, ...]] | None:
    """The EfficientNet that is made at a place, or loads its weights there; and what stands in for what."""
    loads = [event for event in module.events_of("load_weights") if event.module is module]
    makers = [model.call for event in loads if stands_at(module, event.node, offset) for model in models_of(event)]
    for call in module.calls:
        if call.name.startswith("keras.applications.EfficientNetB"):
            if stands_at(module, call.site, offset):
                return call, ()
            if any(call.node is maker for maker in makers):
                return call, ("its file given when it is made",)
    return None


def _small_backbone(module: Module, offset: int, finding: Finding) -> Experiment | None:
    """The smallest EfficientNet in place of a large one: both are made by the same function of Keras."""
    found = _backbone_at(module, offset)
    if found is None or found[0].name.endswith("B0"):
        return None
    call, stand_ins = found
    slicer = Slicer(module)
    text = re.sub(r"\bEfficientNetB[1-7]\b", "EfficientNetB0", slicer.application(call))
    made = slicer.finish()
    source = re.sub(r"\bEfficientNetB[1-7]\b", "EfficientNetB0", made.source)
    build = {"source": source, "modules": made.modules, "make": f"lambda weights: {text}"}
    stand_in = f"EfficientNetB0 in place of {call.name.rpartition('.')[2]}"
    return Experiment("legacy_weights", build, stand_ins=(stand_in, *stand_ins, *slicer.stand_ins))


def _backbone(module: Module, offset: int, finding: Finding) -> Experiment | None:
    """Weights of an older `.h5` file in an application, or in the program's model with a Normalization."""
    found = _backbone_at(module, offset)
    if found is not None:
        slicer = Slicer(module)
        text = slicer.application(found[0])
        made = slicer.finish()
        build = {"source": made.source, "modules": made.modules, "make": f"lambda weights: {text}"}
        return Experiment("legacy_weights", build, stand_ins=(*found[1], *slicer.stand_ins))
    model: Obj | None = None
    for event in module.events_of("load_weights", "save"):
        if event.module is module and stands_at(module, event.node, offset):
            model = next(iter(models_of(event)), None)
    for save in saves(module):
        if model is None and save.module is module and stands_at(module, save.node, offset):
            model = save.models[0]
    if model is None:
        return None
    slicer = Slicer(module)
    parameters = {**model_parameters(slicer, module, model), "format": ".h5", "scramble": False, "after": [_NORMALIZE]}
    return Experiment("roundtrip", parameters, stand_ins=(*slicer.stand_ins, "statistics of its own"))


# every Normalization that gets its statistics from data gets some
_NORMALIZE = """
def kerascheck_adapt(holder):
    import numpy
    for layer in getattr(holder, "layers", ()):
        if type(layer).__name__ == "Normalization" and layer.get_weights():
            built = (layer.get_build_config() or {}).get("input_shape") or ()
            shape = [4 if size is None else size for size in built[1:]] or [layer.get_weights()[0].shape[-1]]
            layer.adapt(numpy.random.RandomState(5).normal(3.0, 2.0, (64, *shape)).astype("float32"))
        kerascheck_adapt(layer)
kerascheck_adapt(kerascheck_model)
"""


def _unfound(module: Module, offset: int, finding: Finding) -> Experiment | None:
    """A model with an object that Keras has to find by its name; loaded in another process."""
    for item in reached(module):
        on = unfound_on(item)
        if on and module.target.which(on) is Reach.NONE:
            continue  # another file is meant
        if item.thing.module is module and _is_named(module, item, offset):
            return _foreign(item.save, [name_of(item.thing)], item.compiled)
    for reader, load in loads_standing_in(module):
        if stands_at(module, load.node, offset):
            for save in (*written_before(reader, load), *saves_of(reader, load)):
                names = finding.subject.split(", ")
                held = [item for item in reached_by(save) if name_of(item.thing) in names]
                if {name_of(item.thing) for item in held} != set(names):
                    continue  # another file of the same name
                compiled = any(item.compiled for item in held)
                made = _foreign(save, names, compiled)
                made.parameters["load"] = {} if load.compiles else {"compile": False}
                return made
    return None


def _is_named(module: Module, item: Reached, offset: int) -> bool:
    return isinstance(item.thing.node, (cst.ClassDef, cst.FunctionDef)) and stands_at(
        module, item.thing.node.name, offset
    )


def _foreign(save: Save, without: list[str], compiled: bool) -> Experiment:
    slicer, parameters = saved(save, compiled=compiled)
    parameters.update(foreign=True, without=without, past_lambda=True)
    return Experiment("roundtrip", parameters, stand_ins=tuple(slicer.stand_ins))


def _unfound_object(module: Module, offset: int, finding: Finding) -> Experiment | None:
    """The object alone, as Keras writes it into a file; read in another process."""
    things: list[Reached] = [item for item in reached(module) if _is_named(module, item, offset)]
    for reader, load in loads_standing_in(module):
        if not things and stands_at(module, load.node, offset):
            names = finding.subject.split(", ")
            files = (*written_before(reader, load), *saves_of(reader, load))
            things = [item for save in files for item in reached_by(save) if name_of(item.thing) in names]
    for item in things:
        slicer = Slicer(item.save.module)  # a class of the script that saves is not found by importing it
        if isinstance(item.thing, ClassInfo):
            made = item.made if item.made is not None and item.made.cls is item.thing else None
            text = slicer.construct(item.thing, made)
        else:
            text = slicer.expression(item.thing, name_of(item.thing))
        part = slicer.finish()
        parameters = {"source": part.source, "modules": part.modules, "makes": [[text, ""]], "foreign": True}
        parameters["without"] = finding.subject.split(", ")
        return Experiment("configuration", parameters, stand_ins=tuple(slicer.stand_ins))
    return None


def _lambda(module: Module, offset: int, finding: Finding) -> Experiment | None:
    """The model with a Lambda layer, as the program saves and loads it."""
    for item in reached(module):
        if item.made is None or not _at_call(module, item.made, offset):
            continue
        slicer, parameters = saved(item.save)
        _lambda_load(module, item.made, item.save, finding, parameters)
        return Experiment("roundtrip", parameters, stand_ins=tuple(slicer.stand_ins))
    return None


def _lambda_alone(module: Module, offset: int, finding: Finding) -> Experiment | None:
    """A model with nothing but the Lambda layer; also where the program itself saves nothing."""
    found = [item for item in reached(module) if item.made is not None]
    made = [item.made for item in found if item.made is not None and _at_call(module, item.made, offset)]
    for call in module.calls_of("keras.layers.Lambda"):
        if made or not stands_at(module, call.node, offset):
            continue
        made.append(Obj("layer", arguments=call.arguments, call=call.node))
    for layer in made:
        slicer = Slicer(module)
        function = layer.arguments.value("function", 0)
        is_lambda = isinstance(function, Func) and isinstance(function.node, cst.Lambda)
        text = "lambda x: x"
        if not is_lambda:
            text = slicer.expression(function, "the function of the layer")
        keras = slicer.flavour()
        make = f"{keras}.Sequential([{keras}.Input((4,)), {keras}.layers.Lambda({text}, name='kerascheck')])"
        part = slicer.finish()
        save = next((item.save for item in found if item.made is layer), None)
        parameters: dict[str, Any] = {"source": part.source, "modules": part.modules, "make": make, "shapes": []}
        parameters["format"] = (save.format if save is not None else "") or ".keras"
        _lambda_load(module, layer, save, finding, parameters)
        return Experiment("roundtrip", parameters, stand_ins=("a model with this layer only",))
    return None


def _at_call(module: Module, made: Obj, offset: int) -> bool:
    return made.call is not None and stands_at(module, made.call, offset)


def _lambda_load(module: Module, made: Obj, save: Save | None, finding: Finding, parameters: dict[str, Any]) -> None:
    function = made.arguments.value("function", 0)
    name = name_of(function) if isinstance(function, Func) else ""
    parameters["foreign"] = True
    parameters["without"] = [name] if name else []
    read = loads_of(module, save) if save is not None else ()
    unsafe = any(boolean(load.call.arguments.value("safe_mode")) is False for load in read)
    if finding.claim is Claim.CODE_RUNS and unsafe:
        parameters["load"] = {"safe_mode": False}


def _compiled(module: Module, offset: int, finding: Finding) -> Experiment | None:
    """The model that is compiled or made at the finding, compiled, saved as `.h5` as the program does, and loaded."""
    found = behaviour.model_at(module, offset)
    if found is None:
        return None
    home, model = found
    for save in saves(home):
        if model in save.models and save.format == ".h5":  # it may be saved in other formats besides
            slicer, parameters = saved(save, model, compiled=True)
            return Experiment("roundtrip", parameters, stand_ins=tuple(slicer.stand_ins))
    return None


def _nameless(module: Module, offset: int, finding: Finding) -> Experiment | None:
    """A model with a function that has no name to be found by; loaded in another process."""
    for item in reached(module):
        node = item.thing.node.name if isinstance(item.thing.node, cst.FunctionDef) else item.thing.node
        if item.thing.module is module and stands_at(module, node, offset):
            made = _foreign(item.save, [name_of(item.thing)], item.compiled)
            made.parameters["past_lambda"] = False
            return made
    return None


def _initializer(module: Module, offset: int, finding: Finding) -> Experiment | None:
    """Weights are loaded, then all variables initialised, in graph mode."""
    met = ((home, event) for home in module_and_users(module) for event in home.events_of("initialize"))
    for home, event in met:
        if not any(stands_at(module, node, offset) for node in (event.node, event.site)):
            continue
        models = models_of(event)
        slicer = Slicer(home)
        parameters: dict[str, Any] = {"source": "", "make": "None"}
        with contextlib.suppress(Missing):
            parameters = model_parameters(slicer, home, models[0]) if models else parameters
        parameters["open_shape"] = False
        return Experiment("initializer", parameters, stand_ins=tuple(slicer.stand_ins))
    return None


# ---------------------------------------------------------------------- configurations


def _configuration(module: Module, offset: int, finding: Finding) -> Experiment | None:
    """A class of the project, made with arguments that are not its defaults, written and read again."""
    owner = next(
        (
            item
            for item in module.classes
            if item.name == finding.subject and module.span(item.node).start <= offset < module.span(item.node).end
        ),
        None,
    )
    if owner is None:
        return None
    concrete, instance = _instance(module, owner)
    made = constructor(concrete)
    slicer = Slicer(module)
    makes: list[list[str]] = []
    changes: list[dict[str, str | None]] = []
    plain: dict[str, str | None] | None = None
    if finding.code != "KC304" and made is not None:
        wanted = list(missing_keys(owner))
        at = [item for item in wanted if stands_at(module, item.node.name, offset)]
        names = [item.name for item in at or wanted]
        if finding.code != "KC301":
            names = [item.name for item in made.own if f"`{item.name}`" in finding.message] or names
        optional = [item for item in made.parameters if item.name in names and not item.required]
        if optional:
            plain = {item.name: None for item in optional}
            changes = list(_changes(module, concrete, optional))
    if plain is None or (instance is not None and finding.code != "KC301"):
        changes.insert(0, {})
    guesses = ("", "8", "0.5", "'relu'", "None", f"{slicer.flavour()}.layers.Dense(8)")
    for made_there in dict.fromkeys([instance, None]):  # last, with nothing of what the program gives
        for guess in guesses if made_there is instance else guesses[:2]:
            slicer.guess, slicer.asks_class = guess, guess in guesses[:2]
            for changed in changes:
                with contextlib.suppress(Missing):
                    less = slicer.construct(concrete, made_there, plain) if plain is not None else ""
                    pair = [slicer.construct(concrete, made_there, changed), less]
                    if pair not in makes:
                        makes.append(pair)
    if not makes:
        raise Missing("an argument of the constructor")
    part, maker = slicer.finish(), in_use()
    source = maker.names(slicer, owner.name) if isinstance(maker, Guarded) else part.source
    parameters: dict[str, Any] = {"source": source, "modules": part.modules, "makes": makes}
    if finding.code == "KC304" and finding.claim is Claim.CONFIG_DIFFERS:
        parameters["base"] = True
    return Experiment("configuration", parameters, stand_ins=("arguments of ours",) if slicer.stand_ins else ())


def _instance(module: Module, owner: ClassInfo) -> tuple[ClassInfo, Obj | None]:
    """An instance that the program makes, of the class or of one made from it."""
    for item in reached(module):
        own = isinstance(item.thing, ClassInfo) and item.made is not None and item.made.cls is item.thing
        if own and isinstance(item.thing, ClassInfo) and owner in item.thing.lineage():
            return item.thing, item.made
    found = instances(module, owner)
    return owner, found[0] if found else None


_OTHER_TEXTS = {"relu": "tanh", "zeros": "ones", "mean": "sum", "same": "valid", "valid": "same", "concat": "sum"}


def _changes(module: Module, owner: ClassInfo, parameters: list[Parameter]) -> Iterator[dict[str, str | None]]:
    """Values for parameters that are not their defaults: all changed together, then other guesses."""
    for guess in range(3):
        found: dict[str, str | None] = {}
        for item in parameters:
            value = _other(module, owner, item, guess)
            if value is not None:
                found[item.name] = value
        if found:
            yield found


def _other(module: Module, owner: ClassInfo, parameter: Parameter, guess: int) -> str | None:
    """Source of a value that is not the default."""
    node, name = parameter.node.default, parameter.name
    home = next((item for item in module.read() if node is not None and item.owns(node)), None)
    try:
        value: object = ast.literal_eval(home.code(node)) if home is not None and node is not None else None
    except (ValueError, SyntaxError):
        value = None
    if isinstance(value, bool):
        return repr(not value)
    if isinstance(value, int):
        return repr((value + 1, value * 2 or 3, value + 2)[guess])
    if isinstance(value, float):
        return repr((value / 2 or 0.25, value + 1.0, 0.75)[guess])
    if isinstance(value, str):
        return repr(_OTHER_TEXTS.get(value) or ("tanh" if "activ" in name else value + "_other"))
    if isinstance(value, (tuple, list)) and value and all(isinstance(item, (int, float)) for item in value):
        return repr(type(value)(item + 1 for item in value))
    told = usual(owner, name, last=True) if guess == 0 and value is None else None
    if told is not None and told not in LAYERS and told != "None":
        return told
    for part, text in (
        ("data_format", "'channels_first'"),
        ("activation", "'tanh'"),
        ("regularizer", "'l2'"),
        ("initializer", "'ones'"),
        ("constraint", "'non_neg'"),
    ):
        if part in name:
            return text
    return ("3", "'other'", "0.25")[guess]


_Planner = Callable[[Module, int, Finding], Experiment | None]
_PLANNERS: dict[Claim, tuple[_Planner, ...]] = {
    Claim.LOAD_RAISES: (_load,),
    Claim.WEIGHTS_NOT_LOADED: (_load,),
    Claim.SAVE_RAISES: (_save,),
    Claim.STATE_LOST: (_save,),
    Claim.METRIC_WRONG: (_metric, behaviour.loss),
    Claim.TRAINING_FLAG_LOST: (_training_flag,),
    Claim.RUNS_DIFFER: (_runs, _runs_small),
    Claim.CALL_RAISES: (_statement, behaviour.labels_raise),
    Claim.LOAD_HANGS: (behaviour.round_trip,),
    Claim.SHARING_LOST: (behaviour.round_trip,),
    Claim.OUTPUTS_DIFFER: (behaviour.round_trip,),
    Claim.NOT_TRAINED: (behaviour.not_trained,),
    Claim.CONSTANT_OUTPUT: (behaviour.constant_layer, behaviour.constant_model),
    Claim.EQUAL_WEIGHTS: (behaviour.equal_weights,),
    Claim.WRONG_EPOCH_KEPT: (behaviour.wrong_epoch,),
    Claim.LEAK: (behaviour.leak,),
    Claim.MEMORY_GROWS: (behaviour.memory,),
}
# rules about whole models: their claims alone do not say what the finding stands at
_BY_CODE: dict[str, tuple[_Planner, ...]] = {
    "KC105": (holder_round_trip,),
    "KC106": (state, making, holder_round_trip),
    "KC107": (state, line_alone),
    "KC108": (state, holder_round_trip),
    "KC109": (loading.result_of_load,),
    "KC110": (by_name,),
    "KC111": (_initializer,),
    "KC201": (_suffix,),
    "KC202": (_suffix,),
    "KC203": (_statement,),
    "KC204": (_suffix, _statement),
    "KC205": (_statement,),
    "KC206": (_compiled,),
    "KC207": (loading.lookup,),
    "KC208": (_graph,),
    "KC209": (_graph,),
    "KC210": (_small_backbone, _backbone),
    "KC211": (behaviour.round_trip,),
    "KC212": (built_in,),
    "KC213": (loading.architecture,),
    "KC301": (_configuration,),
    "KC302": (_configuration,),
    "KC303": (loading.held_object, loading.held_object_alone),
    "KC304": (_configuration,),
    "KC305": (_unfound, _unfound_object),
    "KC306": (_unfound, _unfound_object),
    "KC307": (_lambda, _lambda_alone),
    "KC308": (state, behaviour.round_trip),
    "KC309": (loading.captured_global,),
    "KC310": (loading.clash,),
    "KC311": (_nameless,),
    "KC409": (behaviour.shuffled,),
    "KC411": (refit,),
    "KC511": (training.unlogged_key,),
    "KC602": (training.overwritten_flag,),
    "KC606": (training.shared_optimizer,),
    "KC607": (making,),
    "KC609": (training.optimizer_state,),
}

__all__ = ["Experiment", "Plan", "Span", "plan"]
