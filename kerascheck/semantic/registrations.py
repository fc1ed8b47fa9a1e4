"""The names under which classes and functions are registered with Keras."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic.classes import ClassInfo
from kerascheck.semantic.custom_objects import is_top_level
from kerascheck.semantic.values import Func, Obj, string

if TYPE_CHECKING:
    from kerascheck.semantic.module import Module

_REGISTER = frozenset({"keras.utils.register_keras_serializable", "keras.saving.register_keras_serializable"})


@dataclass(frozen=True)
class Registration:
    """A class or function of the project and the name Keras knows it by: "package>name"."""

    owner: ClassInfo | Func
    node: cst.ClassDef | cst.FunctionDef
    key: str

    @property
    def name(self) -> str:
        """The name in the source."""
        return self.node.name.value


def registrations(module: Module) -> Iterator[Registration]:
    """The classes and functions in a file's body that are registered under a name that can be told."""
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
                yield Registration(owner, owner.node, f"{package}>{name}")
    for function in module.functions:
        node = function.node
        if function.module is not module or function.owner is not None or not isinstance(node, cst.FunctionDef):
            continue
        if not is_top_level(function):
            continue
        for decorator, ref in zip(node.decorators, function.decorators, strict=True):
            key = _written_key(decorator.decorator, node.name.value) if ref in _REGISTER else None
            if key is not None:
                yield Registration(function, node, key)


def _written_key(call: cst.BaseExpression, own: str) -> str | None:
    """The name that a decorator of a function gives, where its arguments are written out."""
    if not isinstance(call, cst.Call):
        return None
    found = {"package": "Custom", "name": own}
    for argument, place in zip(call.args, ("package", "name"), strict=False):
        key = argument.keyword.value if argument.keyword is not None else place
        if argument.star or key not in found or not isinstance(argument.value, cst.SimpleString):
            return None
        found[key] = str(argument.value.raw_value)
    return f"{found['package']}>{found['name']}"
