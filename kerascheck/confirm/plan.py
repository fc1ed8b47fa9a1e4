"""From findings to experiments: what would show that a claim holds, and what the experiment needs."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import libcst as cst

from kerascheck.confirm.slice import Missing, Slicer
from kerascheck.finding import Claim, Finding
from kerascheck.semantic import keras_api
from kerascheck.semantic.building import EarlyUse, early_uses, input_shape
from kerascheck.semantic.calls import element_kind
from kerascheck.semantic.events import CallFact
from kerascheck.semantic.metrics import accuracy_strings
from kerascheck.semantic.module import Module
from kerascheck.semantic.training import models_of, seeds, training
from kerascheck.semantic.values import Obj, suffix_of
from kerascheck.text import Span


@dataclass(frozen=True)
class Experiment:
    """One experiment of the worker. `fresh` is the number of new processes it needs; 0 means a fork of the warm one."""

    name: str
    parameters: dict[str, Any] = field(default_factory=dict)
    fresh: int = 0
    framework: bool = True
    stand_ins: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Equal for findings that one run can serve."""
        return repr((self.name, sorted(self.parameters.items(), key=lambda item: item[0]), self.fresh))


@dataclass(frozen=True)
class Plan:
    """The experiment for a finding, or why there is none."""

    finding: Finding
    experiment: Experiment | None = None
    reason: str = ""


def plan(module: Module, finding: Finding) -> Plan | None:
    """The experiment that decides a finding; None when its claim cannot be executed at all."""
    if finding.claim is Claim.NONE:
        return None
    make = _PLANNERS.get(finding.claim)
    if make is None:
        return Plan(finding, reason=f"no experiment shows {finding.claim.value} yet")
    try:
        experiment = make(module, module.source.offset(finding.start), finding)
    except Missing as missing:
        return Plan(finding, reason=f"{missing} cannot be told from the source; name a function that makes the model")
    if experiment is None:
        return Plan(finding, reason="the object that the finding speaks of was not found again")
    return Plan(finding, experiment)


def _at(module: Module, node: cst.CSTNode, offset: int) -> bool:
    return module.owns(node) and module.span(node).start == offset


def _circle(module: Module) -> Iterator[Module]:
    yield module
    yield from module.users


def _model_parameters(slicer: Slicer, module: Module, model: Obj) -> dict[str, Any]:
    """The slice that makes a model, and the input shapes that the source names."""
    make = slicer.expression(model, f"`{model.short}`")
    made = slicer.finish()
    shapes = []
    text = input_shape(module, model)
    if text is not None:
        shape = [size if isinstance(size, int) else 8 for size in ast.literal_eval(text)]
        shapes = [[shape, "float32"], [shape, "int32"]]
    return {"source": made.source, "modules": made.modules, "make": make, "shapes": shapes}


def _early(module: Module, offset: int) -> Iterator[tuple[Module, EarlyUse]]:
    """The early uses that a finding at this place speaks of."""
    for owner in module.classes:
        if _at(module, owner.node.name, offset):
            for other in _circle(module):
                for use in early_uses(other):
                    if any(model.cls is not None and owner in model.cls.lineage() for model in use.models):
                        yield other, use
    for use in early_uses(module):
        place = use.build.site if use.kind == "hollow" and use.build is not None else use.event.site
        if _at(module, place, offset):
            yield module, use


def _load(module: Module, offset: int, finding: Finding) -> Experiment | None:
    for home, use in _early(module, offset):
        if use.kind == "save":
            return _save_of(home, use)
        slicer = Slicer(home)
        parameters = _model_parameters(slicer, home, use.models[0])
        if use.kind == "hollow" and use.build is not None:
            shape = slicer.expression(use.build.arguments.value("input_shape", 0), "the shape given to `build`")
            parameters["before"] = [f"kerascheck_model.build({shape})"]
            sizes = ast.literal_eval(shape)
            if isinstance(sizes, (tuple, list)) and len(sizes) > 1:
                sample = [size if isinstance(size, int) else 8 for size in sizes[1:]]
                parameters["shapes"] = [[sample, "float32"], [sample, "int32"]]
        return Experiment("load_weights", parameters, stand_ins=tuple(slicer.stand_ins))
    for owner in module.classes:
        if _at(module, owner.node.name, offset):
            made = next((model for model in _instances(module, owner) if model.call is not None), None)
            receiver = made or module.facts.instance_of(owner)[0]
            slicer = Slicer(module)
            return Experiment(
                "load_weights", _model_parameters(slicer, module, receiver), stand_ins=tuple(slicer.stand_ins)
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
    parameters = _model_parameters(slicer, home, use.models[0])
    parameters["method"] = use.event.name
    return Experiment("save_early", parameters, stand_ins=tuple(slicer.stand_ins))


def _suffix(module: Module, offset: int, finding: Finding) -> Experiment | None:
    for event in module.events_of("save_weights", "load_weights"):
        if not _at(module, event.node, offset):
            continue
        known = suffix_of(event.arguments.value("filepath", 0))
        if known is None:
            raise Missing("the path")
        name = known[0].replace("\\", "/").rpartition("/")[2]
        parameters: dict[str, Any] = {"method": event.name, "name": name if known[1] else "x" + name}
        models = models_of(event)
        try:
            parameters.update(
                _model_parameters(Slicer(module), module, models[0]) if models else {"source": "", "make": "None"}
            )
        except Missing:
            parameters.update({"source": "", "make": "None"})
        return Experiment("suffix", parameters)
    return None


_FORMS = {"sparse_categorical_crossentropy": "sparse", "categorical_crossentropy": "categorical"}


def _metric(module: Module, offset: int, finding: Finding) -> Experiment | None:
    for item in accuracy_strings(module):
        if not _at(module, item.node, offset):
            continue
        models = models_of(item.event)
        if not models:
            raise Missing("the compiled model")
        slicer = Slicer(module)
        loss = item.event.arguments.find("loss", 1)
        text = slicer.expression(loss[1], "the loss") if loss is not None else "None"
        parameters = _model_parameters(slicer, module, models[0])
        parameters["compile"] = f"kerascheck_model.compile(loss={text}, metrics=[{item.name!r}])"
        parameters["name"] = item.name
        parameters["labels"] = _FORMS.get(item.loss or "", "binary")
        parameters["logits"] = item.from_logits is True
        return Experiment("metric", parameters, stand_ins=tuple(slicer.stand_ins))
    return None


def _training_flag(module: Module, offset: int, finding: Finding) -> Experiment | None:
    for home in _circle(module):
        for model in home.facts.calls_when_trained:
            call = model.cls.method("call")[0] if model.cls is not None else None
            if call is None or not isinstance(call.node, cst.FunctionDef) or not _at(module, call.node.name, offset):
                continue
            slicer = Slicer(home)
            parameters = _model_parameters(slicer, home, model)
            parameters["layers"] = sorted(keras_api.TRAINING_LAYERS | set(keras_api.TRAINING_ARGUMENTS))
            return Experiment("training_flag", parameters, stand_ins=tuple(slicer.stand_ins))
    return None


def _runs(module: Module, offset: int, finding: Finding) -> Experiment | None:
    for use in module.order_uses:
        if _at(module, use.value.place, offset):
            return _order(module, use.value.place, use.value.element)
    for call in module.calls:
        if _at(module, call.node, offset) and call.name.rpartition(".")[2] in {
            "train_test_split",
            "shuffle",
            "permutation",
        }:
            return _split(module, call)
    for event in training(module):
        models = models_of(event)
        if not models:
            continue
        slicer = Slicer(module)
        parameters = _model_parameters(slicer, module, models[0])
        early, late = _seed_lines(module, slicer, models[0].order)
        parameters["source"] = "\n".join([*early, parameters["source"]])
        parameters["after"] = late
        return Experiment("run_once", parameters, fresh=2, stand_ins=tuple(slicer.stand_ins))
    raise Missing("the trained model")


def _order(module: Module, place: cst.BaseExpression, element: Any) -> Experiment:
    """The order of the set itself where its elements are constants, else that of strings in their place."""
    text = module.code(place)
    try:
        ast.literal_eval(text.removeprefix("list(").removeprefix("set(").rstrip(")"))
        source = f"list({text})"
        stand_ins: tuple[str, ...] = ()
    except (ValueError, SyntaxError):
        if element_kind(element) != "str":
            raise Missing("whether the elements of the set are strings") from None
        source = 'list({"cat", "dog", "bird", "fox", "horse", "cow", "ant", "bee"})'
        stand_ins = ("eight strings in place of the data",)
    return Experiment("run_once", {"source": "", "value": source}, fresh=3, framework=False, stand_ins=stand_ins)


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
    try:
        number = slicer.expression(call.arguments.positional[0][1], "the seed")
    except Missing:
        number = "7"
    return [f"import {name.partition('.')[0]}", f"{name}({number})"]


def _statement(module: Module, offset: int, finding: Finding) -> Experiment | None:
    for item in module.imports:
        if _at(module, item.node, offset):
            return Experiment("statement", {"source": "", "statement": module.code(item.statement)})
    for call in module.calls:
        if _at(module, call.node, offset):
            slicer = Slicer(module)
            values = ", ".join(slicer.expression(value, "an argument") for _, value in call.arguments.positional)
            text = f"{call.original}({values or 0})"
            root = call.original.partition(".")[0]
            return Experiment("statement", {"source": f"import {root}", "statement": text})
    return None


_Planner = Callable[[Module, int, Finding], Experiment | None]
_PLANNERS: dict[Claim, _Planner] = {
    Claim.LOAD_RAISES: _load,
    Claim.WEIGHTS_NOT_LOADED: _load,
    Claim.SAVE_RAISES: _save,
    Claim.STATE_LOST: _save,
    Claim.METRIC_WRONG: _metric,
    Claim.TRAINING_FLAG_LOST: _training_flag,
    Claim.RUNS_DIFFER: _runs,
    Claim.CALL_RAISES: _statement,
}

__all__ = ["Experiment", "Plan", "Span", "plan"]
