"""Plans for claims about what a file, a text of JSON or a load gives back."""

from __future__ import annotations

import contextlib
from typing import Any

import libcst as cst

from kerascheck.confirm.parts import Experiment, model_parameters, module_and_users, saved, stands_at
from kerascheck.confirm.slice import Missing, Slicer
from kerascheck.finding import Finding
from kerascheck.semantic.classes import ClassInfo
from kerascheck.semantic.custom_objects import name_of
from kerascheck.semantic.layer_graph import layers_inside
from kerascheck.semantic.module import Module
from kerascheck.semantic.registrations import registrations
from kerascheck.semantic.storage import Reached, circle, reached, reached_by, saves
from kerascheck.semantic.training import models_of
from kerascheck.semantic.values import suffix_of
from kerascheck.semantic.walk import walk

_ENDS = (".weights.h5", ".keras", ".h5", ".hdf5")
_LOOKUPS = frozenset({"StringLookup", "IntegerLookup", "TextVectorization"})


def result_of_load(module: Module, offset: int, finding: Finding) -> Experiment | None:
    """What `load_weights` gives back, and what the program does with it."""
    for event in module.events_of("load_weights"):
        if not stands_at(module, event.node, offset):
            continue
        known = suffix_of(event.arguments.value("filepath", 0))
        models = models_of(event)
        slicer = Slicer(module)
        parameters: dict[str, Any] = {"source": "", "make": "None"}
        if models:
            with contextlib.suppress(Missing):
                parameters = model_parameters(slicer, module, models[0])
            parameters["own"] = models[0].cls is not None  # its `load_weights` may be its own
        parameters["end"] = next((end for end in _ENDS if known is not None and known[0].endswith(end)), _ENDS[0])
        parameters["use"] = _use(module, event.node, finding.subject)
        return Experiment("load_result", parameters, stand_ins=tuple(slicer.stand_ins))
    return None


def _use(module: Module, load: cst.Call, name: str) -> str:
    """The attribute that the program asks the result for first; "" when it calls it."""
    end = module.span(load).end
    found: list[tuple[int, str]] = []
    for node in walk(module.tree):
        used = node.value if isinstance(node, cst.Attribute) else node.func if isinstance(node, cst.Call) else None
        if not isinstance(used, (cst.Name, cst.Attribute)) or module.code(used) != name:
            continue
        if module.span(node).start > end:
            found.append((module.span(node).start, node.attr.value if isinstance(node, cst.Attribute) else ""))
    return min(found)[1] if found else "predict"


def lookup(module: Module, offset: int, finding: Finding) -> Experiment | None:
    """A model with a lookup layer, whose table is made from data, saved as `.h5`, loaded and called."""
    for save in saves(module):
        if save.module is not module or not stands_at(module, save.node, offset):
            continue
        for model in save.models:
            if any(layer.short in _LOOKUPS for layer in layers_inside(save.reader.facts, model)):
                slicer, parameters = saved(save, model)
                parameters.update(before=[_ADAPT], scramble=False)
                stand_ins = ("three words of ours in the table", *slicer.stand_ins)
                return Experiment("roundtrip", parameters, stand_ins=stand_ins)
    return None


# every lookup that has no table gets one
_ADAPT = """
def kerascheck_adapt(holder):
    for layer in getattr(holder, "layers", ()):
        kind = type(layer).__name__
        if kind in ("StringLookup", "TextVectorization"):
            layer.adapt(["one", "two", "three"])
        elif kind == "IntegerLookup":
            layer.adapt([0, 1, 2])
        kerascheck_adapt(layer)
kerascheck_adapt(kerascheck_model)
"""


def architecture(module: Module, offset: int, finding: Finding) -> Experiment | None:
    """The model whose text is read, written as JSON and made again in another process."""
    for call in module.calls_of("keras.models.model_from_json"):
        if not stands_at(module, call.node, offset):
            continue
        names = finding.subject.split(", ")
        written = [save for home in circle(module, ("to_json",)) for save in saves(home) if save.format == "json"]
        for save in sorted(written, key=lambda item: item.function is not call.function):
            if not set(names) <= {name_of(item.thing) or "<lambda>" for item in reached_by(save)}:
                continue
            slicer, parameters = saved(save)
            parameters.update(format="json", foreign=True, without=names)
            return Experiment("roundtrip", parameters, stand_ins=tuple(slicer.stand_ins))
    return None


def held_object(module: Module, offset: int, finding: Finding) -> Experiment | None:
    """The model with an object whose configuration holds another object, saved and loaded."""
    for item in _held(module, offset, finding):
        slicer, parameters = saved(item.save)
        return Experiment("roundtrip", parameters, stand_ins=tuple(slicer.stand_ins))
    return None


def held_object_alone(module: Module, offset: int, finding: Finding) -> Experiment | None:
    """The object alone, as Keras writes it into a file and reads it."""
    for item in _held(module, offset, finding):
        if isinstance(item.thing, ClassInfo) and item.made is not None and item.made.cls is item.thing:
            slicer = Slicer(item.save.reader)
            text = slicer.construct(item.thing, item.made)
            part = slicer.finish()
            parameters = {"source": part.source, "modules": part.modules, "makes": [[text, ""]]}
            return Experiment("configuration", parameters, stand_ins=tuple(slicer.stand_ins))
    return None


def _held(module: Module, offset: int, finding: Finding) -> list[Reached]:
    """What files depend on of the class in which a finding stands."""
    return [
        item
        for item in reached(module)
        if isinstance(item.thing, ClassInfo)
        and item.thing.name == finding.subject
        and item.thing.module is module
        and module.span(item.thing.node).start <= offset < module.span(item.thing.node).end
    ]


def captured_global(module: Module, offset: int, finding: Finding) -> Experiment | None:
    """The model whose lambda reads a global, loaded and called by a process that lacks just this name."""
    for item in reached(module):
        if item.made is None or item.made.call is None or not module.owns(item.made.call):
            continue
        span = module.span(item.made.call)
        if span.start <= offset < span.end:
            slicer, parameters = saved(item.save)
            parameters.update(foreign=True, lacks=finding.subject, load={"safe_mode": False})
            return Experiment("roundtrip", parameters, stand_ins=tuple(slicer.stand_ins))
    return None


def clash(module: Module, offset: int, finding: Finding) -> Experiment | None:
    """Two classes or functions of one registered name: each is written and read, and may be the other one after it."""
    here = [item for item in registrations(module) if stands_at(module, item.node.name, offset)]
    for home in (*module.read(), *module_and_users(module), *(one for user in module.users for one in user.imported)):
        for other in registrations(home):
            if not here or other.key != here[0].key or other.node is here[0].node:
                continue
            slicer = Slicer(module)
            makes = []
            for item in (other, here[0]):
                if isinstance(item.owner, ClassInfo):
                    makes.append(slicer.construct(item.owner, None))
                else:
                    makes.append(slicer.expression(item.owner, item.name))
            part = slicer.finish()
            parameters = {"source": part.source, "modules": part.modules, "makes": makes}
            return Experiment("clash", parameters, stand_ins=tuple(slicer.stand_ins))
    return None
