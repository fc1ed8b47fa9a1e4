"""Which of a project's saves write a model whole, be it by itself or inside of another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kerascheck.semantic.layer_graph import layers_inside
from kerascheck.semantic.storage import WRITING, Save, circle, saves

if TYPE_CHECKING:
    from kerascheck.semantic.interpreter import Interpreter
    from kerascheck.semantic.module import Module
    from kerascheck.semantic.values import Obj


def whole_saves(module: Module, model: Obj) -> Iterator[Save]:
    """The places that write a model with its layers and weights: in this module, then in those around it."""
    for place in circle(module, WRITING, whole=False):
        for save in saves(place):
            if save.format != "json" and any(_is_or_holds(place.facts, item, model) for item in save.models):
                yield save


def _is_or_holds(interpreter: Interpreter, saved: Obj, model: Obj) -> bool:
    """Whether a saved model is this one (made at the same call) or a graph with it inside."""
    if saved is model or (saved.call is not None and saved.call is model.call):
        return True
    inside = layers_inside(interpreter, saved) if saved.cls is None else ()
    return any(item.call is model.call for item in inside if item.kind == "model")
