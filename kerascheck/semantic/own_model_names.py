"""The names that models are given: `keras.Model(x, y, name="tide").name`."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from kerascheck.semantic.values import Arguments, Const, Obj, Text, Value, text_of

if TYPE_CHECKING:
    from kerascheck.semantic.interpreter import Interpreter

_NAME = "#name"


def note(self: Interpreter, model: Obj, arguments: Arguments) -> None:
    """Keep the name that a class of the project hands to the `__init__` of its base."""
    name = text_of(arguments.value("name"))
    if name is not None:
        self.heap[(model, _NAME)] = name


def name_of(self: Interpreter, model: Obj) -> Const | Text | None:
    """The `name` of a model, as far as it is known; None where Keras makes one up, or a file says it."""
    if (model, "_name") in self.heap:
        return text_of(cast("Value | None", self.heap[(model, "_name")]))
    if model.cls is not None:
        return text_of(cast("Value | None", self.heap.get((model, _NAME))))
    if model.form not in {"functional", "sequential"}:
        return None
    return text_of(model.arguments.value("name"))
