"""Which of a project's saves write a model whole, be it by itself or inside of another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from kerascheck.semantic.storage import WRITING, Save, circle, models_in, saves

if TYPE_CHECKING:
    from kerascheck.semantic.module import Module
    from kerascheck.semantic.values import Obj


def whole_saves(module: Module, model: Obj) -> Iterator[Save]:
    """The places that write a model with its layers and weights: in this module, then in those around it.

    Another module knows a model that a function of this one makes as an object of its own, of the same call. Here two
    of the same call are two models: a builder that is called twice may make different ones.
    """
    for place in circle(module, WRITING, whole=False):
        alike = _same if place is module else _same_call
        for save in saves(place):
            if save.format != "json" and any(_is_or_holds(save, item, model, alike) for item in save.models):
                yield save


def _is_or_holds(save: Save, saved: Obj, model: Obj, alike: Callable[[Obj, Obj], bool]) -> bool:
    """Whether a saved model is this one or has it inside, in one of the branches that make it."""
    if alike(saved, model):
        return True
    return saved.cls is None and any(alike(item, model) for item in models_in(save, saved))


def _same(one: Obj, other: Obj) -> bool:
    return one is other


def _same_call(one: Obj, other: Obj) -> bool:
    return one is other or (one.call is not None and one.call is other.call)
