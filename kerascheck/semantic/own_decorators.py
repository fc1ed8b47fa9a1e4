"""Decorators of a project that keep what they decorate in a list or dictionary and give it back as it is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic.values import Func, Items, Later, Mapping, Value
from kerascheck.semantic.walk import walk

if TYPE_CHECKING:
    from kerascheck.semantic.interpreter import Frame

COLLECTS = "#collects"  # the name of such a decorator
_FILLING = frozenset({"append", "add", "setdefault", "update"})
_HARMLESS = frozenset({"lower", "upper", "strip", "replace", "get"}) | _FILLING
_FUNCTIONS = frozenset(
    {"getattr", "hasattr", "isinstance", "issubclass", "len", "print", "str", "KeyError", "TypeError", "ValueError"}
)
_REGISTERING = re.compile(r"get_custom_objects|register_keras_serializable|keras_export")
# what may do more than that, or other things later
_MORE = (
    *(cst.FunctionDef, cst.ClassDef, cst.Lambda, cst.Yield, cst.Await, cst.Global, cst.Nonlocal, cst.NamedExpr),
    *(cst.With, cst.Try, cst.TryStar, cst.Import, cst.ImportFrom, cst.Del, cst.While, cst.Match),
)


def collects(function: Func) -> bool:
    """Whether a decorator surely gives back what it is given, and tells Keras nothing of it."""
    known: dict[cst.CSTNode, bool] = function.module.memo.setdefault("collecting", {})
    if function.node not in known:
        known[function.node] = _collects(function)
    return known[function.node]


def _collects(function: Func) -> bool:
    node = function.node
    if not isinstance(node, cst.FunctionDef) or node.decorators or node.asynchronous or function.owner is not None:
        return False
    parameters = node.params
    if len(parameters.params) != 1 or parameters.posonly_params or parameters.kwonly_params:
        return False
    name = parameters.params[0].name.value
    if _REGISTERING.search(function.module.source.text) or not _ends_with(node.body, name):
        return False
    for item in walk(node.body):
        if isinstance(item, _MORE):
            return False
        if isinstance(item, cst.Return) and not _is_name(item.value, name):
            return False
        if isinstance(item, (cst.AssignTarget, cst.AnnAssign, cst.AugAssign)) and not _is_kept(function, item, name):
            return False
        if isinstance(item, cst.For) and not isinstance(item.target, cst.Name):
            return False
        if isinstance(item, cst.For) and _is_name(item.target, name):
            return False
        if isinstance(item, cst.Call) and not _is_harmless(function, item):
            return False
    return True


def _ends_with(body: cst.BaseSuite, name: str) -> bool:
    """Whether the last statement gives the parameter back."""
    last = body.body[-1] if body.body else None
    small = last.body[-1] if isinstance(last, cst.SimpleStatementLine) else last
    return isinstance(small, cst.Return) and _is_name(small.value, name)


def _is_name(node: cst.CSTNode | None, name: str) -> bool:
    return isinstance(node, cst.Name) and node.value == name


def _is_kept(function: Func, item: cst.AssignTarget | cst.AnnAssign | cst.AugAssign, name: str) -> bool:
    """Whether an assignment binds a name of the function's own, or puts something into a collection of the project."""
    target = item.target
    if isinstance(target, cst.Name):
        return target.value != name
    return isinstance(target, cst.Subscript) and _is_collection(function, target.value)


def _is_harmless(function: Func, call: cst.Call) -> bool:
    if isinstance(call.func, cst.Name):
        return call.func.value in _FUNCTIONS and not _is_bound(function, call.func.value)
    if not isinstance(call.func, cst.Attribute) or call.func.attr.value not in _HARMLESS:
        return False
    return call.func.attr.value not in _FILLING or _is_collection(function, call.func.value)


def _is_bound(function: Func, name: str) -> bool:
    return any(name in frame for frame in _frames(function))


def _is_collection(function: Func, node: cst.BaseExpression) -> bool:
    """Whether an expression is a dictionary or list that the project makes itself, not one of Keras."""
    if not isinstance(node, cst.Name):
        return False
    for names in _frames(function):
        if node.value in names:
            value = names[node.value]
            if type(value) is Later:
                value = value.module.settled(value)
            return isinstance(value, (Mapping, Items))
    return False


def _frames(function: Func) -> list[dict[str, Value | None]]:
    found: list[dict[str, Value | None]] = []
    frame: Frame | None = function.frame
    while frame is not None:
        found.append(frame.names)
        frame = frame.parent
    return found
