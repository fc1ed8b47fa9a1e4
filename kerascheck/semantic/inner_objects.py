"""Own constraints, regularizers and initializers that a layer gives itself, and that nobody makes again."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from kerascheck.semantic.classes import ClassInfo
from kerascheck.semantic.config import bound
from kerascheck.semantic.constructors import arguments_of
from kerascheck.semantic.custom_objects import (
    config_of,
    constructor,
    keras_base_with_config,
    kind_of,
    refuses,
)
from kerascheck.semantic.values import Class
from kerascheck.semantic.walk import walk

_KINDS = ("constraint", "regularizer", "initializer")


def refused_inner_key(owner: ClassInfo) -> tuple[str, ClassInfo, str] | None:
    """An attribute that a layer of Keras writes, the own class of what stands there, and the key that this refuses.

    `self.kernel_constraint = Clip(1.0)` in the `build` or `__init__` of a class made from `Dense`, where the
    `get_config` of `Clip` writes a key that its constructor does not take. None where that is not sure: there is
    another assignment, it stands in a branch, or the constructor does not hand the argument to its base. Run on 2.15,
    3.6.0 and 3.15.1 for the three kinds, made in `build` and in `__init__`: loading raises TypeError, in both formats.
    """
    made, config, base = constructor(owner), config_of(owner), keras_base_with_config(owner)
    written = arguments_of(base) if base is not None else None
    if made is None or config is None or not config.calls_super or not written:
        return None
    if made.keywords is None or not any(made.keywords in call.stars for call in made.calls):
        return None
    if owner.method("from_config")[0] is not None:
        return None
    found: dict[str, list[tuple[ClassInfo, str] | None]] = {}
    for attribute, value in _given(owner):
        if attribute in written and attribute.rpartition("_")[2] in _KINDS and not made.takes(attribute):
            found.setdefault(attribute, []).append(_refused(owner, value) if value is not None else None)
    for attribute, values in found.items():
        if None not in values and values[-1] is not None:
            return attribute, *values[-1]
    return None


def _given(owner: ClassInfo) -> Iterator[tuple[str, cst.BaseExpression | None]]:
    """The attributes of `self` that a class and its bases in the project assign; no value where that may not run."""
    for item in owner.lineage():
        for statement in item.node.body.body if isinstance(item, ClassInfo) else ():
            sure: set[cst.CSTNode] = set()
            own = item is owner and isinstance(statement, cst.FunctionDef)
            if own and isinstance(statement, cst.FunctionDef) and statement.name.value in {"build", "__init__"}:
                sure = set(_sure(statement))  # the method of a base may be replaced
            for node in walk(statement):
                for target in node.targets if isinstance(node, cst.Assign) else ():
                    for place in walk(target.target):
                        if isinstance(place, cst.Attribute) and isinstance(node, cst.Assign):
                            yield place.attr.value, node.value if place is target.target and node in sure else None


def _sure(function: cst.FunctionDef) -> Iterator[cst.CSTNode]:
    """The small statements in the body of a function that are reached: nothing returns above them."""
    for statement in function.body.body:
        if isinstance(statement, cst.SimpleStatementLine):
            yield from statement.body
        elif any(isinstance(node, cst.Return) for node in walk(statement)):
            return


def _refused(owner: ClassInfo, value: cst.BaseExpression) -> tuple[ClassInfo, str] | None:
    """The own class that a value is made of, and a key of its configuration that its constructor does not take."""
    if not isinstance(value, cst.Call) or not isinstance(value.func, cst.Name):
        return None
    found = bound(owner, value.func.value)
    inner = found.info if isinstance(found, Class) else None
    if inner is None or kind_of(inner) not in _KINDS or inner.method("from_config")[0] is not None:
        return None
    made, config = constructor(inner), config_of(inner)
    if made is None or config is None:
        return None
    keys = sorted(key for key in config.keys if key != "dtype" and refuses(inner, made, key))
    return (inner, keys[0]) if keys else None
