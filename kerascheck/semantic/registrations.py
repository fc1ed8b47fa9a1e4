"""The names under which classes and functions are registered with Keras."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kerascheck.semantic.classes import ClassInfo
from kerascheck.semantic.custom_objects import is_top_level
from kerascheck.semantic.values import Obj, string

if TYPE_CHECKING:
    from kerascheck.semantic.module import Module

_REGISTER = frozenset({"keras.utils.register_keras_serializable", "keras.saving.register_keras_serializable"})


@dataclass(frozen=True)
class Registration:
    """A class of the project and the name Keras knows it by: "package>name"."""

    owner: ClassInfo
    key: str


def registrations(module: Module) -> Iterator[Registration]:
    """The classes in a file's body that are registered under a name that can be told."""
    for owner in module.classes:
        if owner.module is not module or not is_top_level(owner):
            continue
        for value in owner.decorators:
            if not isinstance(value, Obj) or value.ref not in _REGISTER:
                continue
            given = value.arguments
            package = "Custom" if given.lacks("package", 0) else string(given.value("package", 0))
            name = owner.name if given.lacks("name", 1) else string(given.value("name", 1))
            if package is not None and name is not None:
                yield Registration(owner, f"{package}>{name}")
