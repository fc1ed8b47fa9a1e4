"""Plans for one object: what a class keeps where Keras does not look, what a model raises when it is made."""

from __future__ import annotations

import contextlib
import re
from typing import Any

from kerascheck.confirm.behaviour import model_at
from kerascheck.confirm.parts import Experiment, model_parameters, module_and_users, stands_at
from kerascheck.confirm.slice import Missing, Slicer
from kerascheck.finding import Finding
from kerascheck.semantic.classes import ClassInfo
from kerascheck.semantic.layer_graph import layers_inside
from kerascheck.semantic.module import Module
from kerascheck.semantic.storage import instances
from kerascheck.semantic.training import models_of
from kerascheck.semantic.values import Obj, suffix_of

_GUESSES = ("", "8", "0.5", "'relu'", "None")  # for arguments of a class that the program never makes


def _owner(module: Module, offset: int) -> ClassInfo | None:
    """The smallest class around a place."""
    best: tuple[int, ClassInfo] | None = None
    for item in module.classes:
        if module.owns(item.node):
            span = module.span(item.node)
            if span.start <= offset < span.end and (best is None or span.end - span.start < best[0]):
                best = span.end - span.start, item
    return best[1] if best is not None else None


def _holder(module: Module, owner: ClassInfo) -> tuple[Module, Obj] | None:
    """A model of the program that is, or has in it, an instance of a class."""
    for home in module_and_users(module):
        for model in home.facts.models:
            for part in (model, *layers_inside(home.facts, model)):
                if part.cls is not None and owner in part.cls.lineage():
                    return home, model
    return None


def _parameters(module: Module, offset: int) -> tuple[Slicer, dict[str, Any]] | None:
    """What makes the model, or the object, that the class around a place is of; without a class the model there."""
    owner = _owner(module, offset)
    if owner is None:
        found = model_at(module, offset)
        slicer = Slicer(found[0]) if found is not None else None
        return (slicer, model_parameters(slicer, *found)) if found is not None and slicer is not None else None
    found = _holder(module, owner)
    if found is not None:
        with contextlib.suppress(Missing):
            slicer = Slicer(found[0])
            return slicer, model_parameters(slicer, *found)
    slicer = Slicer(module)
    instance = next(iter(instances(module, owner)), None)
    texts: list[str] = []
    for guess in _GUESSES:
        slicer.guess, slicer.asks_class = guess, guess in _GUESSES[:2]
        with contextlib.suppress(Missing):
            texts.append(slicer.construct(owner, instance))
    if not texts:
        raise Missing(f"an argument of `{owner.name}`")
    made = slicer.finish()
    parameters: dict[str, Any] = {"source": made.source, "modules": made.modules, "make": texts[0], "shapes": []}
    return slicer, {**parameters, "others": list(dict.fromkeys(texts))[1:]}


def state(module: Module, offset: int, finding: Finding) -> Experiment | None:
    """The variables of a model that are not among its weights."""
    found = _parameters(module, offset)
    if found is None:
        return None
    parameters = {**found[1], "whole": False, "plain": finding.code == "KC107", "trains": finding.code == "KC106"}
    return Experiment("state", parameters, stand_ins=tuple(found[0].stand_ins))


def line_alone(module: Module, offset: int, finding: Finding) -> Experiment | None:
    """An object of the class, made without its constructor, that is given the variable as the line gives it."""
    owner = _owner(module, offset)
    name = re.search(r"`self\.(\w+)`", finding.message)
    call = next((item for item in module.calls_of("tensorflow.Variable") if stands_at(module, item.node, offset)), None)
    if owner is None or name is None or call is None or call.statement is None:
        return None
    before = module.source.text[module.span(call.statement).start : offset]
    held = re.search(r"\.(?:append|extend)\(|[=\s]\[|\blist\(", before) is not None
    slicer = Slicer(module)
    made = slicer.class_name(owner)
    part = slicer.finish()
    parameters = {"source": part.source, "modules": part.modules, "class": made, "name": name[1], "held": held}
    return Experiment("line_alone", parameters, stand_ins=("nothing run of the constructor but this line",))


def holder_round_trip(module: Module, offset: int, finding: Finding) -> Experiment | None:
    """A model with an instance of the class around the place, saved whole and loaded."""
    found = _parameters(module, offset)
    if found is None:
        return None
    # a layer that `call` makes may be made in training only, or make no weights: that a file holds all is no answer
    parameters = {**found[1], "format": ".keras", "single": True, "silent": finding.code == "KC106"}
    return Experiment("roundtrip", parameters, stand_ins=tuple(found[0].stand_ins))


def making(module: Module, offset: int, finding: Finding) -> Experiment | None:
    """The model that the layer, or an object of the class, of the finding is in; only made and called."""
    found = _parameters(module, offset)
    if found is None:
        return None
    parameters = {**found[1], "whole": finding.code != "KC106"}  # that nothing raises is no answer there
    return Experiment("making", parameters, stand_ins=tuple(found[0].stand_ins))


def by_name(module: Module, offset: int, finding: Finding) -> Experiment | None:
    """The weights of a model, read by name into the same model made once more."""
    for event in module.events_of("load_weights"):
        if not stands_at(module, event.node, offset):
            continue
        models = models_of(event)
        if not models:
            raise Missing("the model that the weights are loaded into")
        end = suffix_of(event.arguments.value("filepath", 0))
        slicer = Slicer(module)
        parameters = model_parameters(slicer, module, models[0])
        ends = (".weights.h5", ".keras", ".h5", ".hdf5")
        parameters["end"] = next((item for item in ends if end is not None and end[0].endswith(item)), ".h5")
        return Experiment("by_name", parameters, stand_ins=("a second model of one process", *slicer.stand_ins))
    return None


def built_in(module: Module, offset: int, finding: Finding) -> Experiment | None:
    """An object of Keras with the arguments of the program, written and read again."""
    for call in module.calls:
        if stands_at(module, call.node, offset):
            slicer = Slicer(module)
            text = slicer.call(call)
            made = slicer.finish()
            parameters = {"source": made.source, "modules": made.modules, "makes": [[text, ""]]}
            return Experiment("configuration", parameters, stand_ins=tuple(slicer.stand_ins))
    return None
