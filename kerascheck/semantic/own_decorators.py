"""Decorators of a project that give back what they decorate as it is, or a function that only calls it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic import registering
from kerascheck.semantic.values import Bound, Func, Items, Later, Mapping, Obj, Value
from kerascheck.semantic.walk import walk

if TYPE_CHECKING:
    from kerascheck.semantic.interpreter import Frame

COLLECTS = "#collects"  # the name of one that keeps what it decorates in a list or dictionary
WRAPS = "#wraps"  # the name of one that gives a function which calls the decorated one with the same arguments
_FILLING = frozenset({"append", "add", "setdefault", "update"})
_HARMLESS = frozenset({"lower", "upper", "strip", "replace", "get"}) | _FILLING
_FUNCTIONS = frozenset(
    {"getattr", "hasattr", "isinstance", "issubclass", "len", "print", "str", "KeyError", "TypeError", "ValueError"}
)
# what may do more than that, or other things later
_MORE = (
    *(cst.FunctionDef, cst.ClassDef, cst.Lambda, cst.Yield, cst.Await, cst.Global, cst.Nonlocal, cst.NamedExpr),
    *(cst.With, cst.Try, cst.TryStar, cst.Import, cst.ImportFrom, cst.Del, cst.While, cst.Match),
)


def function_of(decorator: Value | None) -> tuple[Func | None, Value | None]:
    """The function of the project that a decorator is, and the object whose method it is."""
    if isinstance(decorator, Bound):
        return decorator.function, decorator.receiver
    return (decorator, None) if isinstance(decorator, Func) else (None, None)


def collects(decorator: Value | None) -> bool:
    """Whether a decorator surely gives back what it is given, and tells Keras nothing of it."""
    bound = isinstance(decorator, Bound) and isinstance(decorator.receiver, Obj)
    function, _ = function_of(decorator)
    if function is None or bound != (function.frame.kind == "class"):
        return False
    known: dict[cst.CSTNode, bool] = function.module.memo.setdefault("collecting", {})
    if function.node not in known:
        known[function.node] = _collects(function)
    return known[function.node]


def wraps(function: Func) -> bool:
    """Whether a decorator surely gives a function that calls the decorated one, once, and returns what that gives."""
    known: dict[cst.CSTNode, bool] = function.module.memo.setdefault("wrapping", {})
    if function.node not in known:
        known[function.node] = _wraps(function)
    return known[function.node]


def _wraps(function: Func) -> bool:
    node = function.node
    if not isinstance(node, cst.FunctionDef) or node.decorators or node.asynchronous or function.owner is not None:
        return False
    if len(node.params.params) != 1 or node.params.posonly_params or node.params.kwonly_params:
        return False
    name = node.params.params[0].name.value
    lines = [line for line in node.body.body if not _is_text(line)]
    if len(lines) != 2 or not isinstance(inner := lines[0], cst.FunctionDef) or inner.asynchronous:
        return False
    if not _ends_with(node.body, inner.name.value):
        return False
    return _passes_on(inner, name)


def _passes_on(inner: cst.FunctionDef, name: str) -> bool:
    """Whether a function takes any arguments, hands them on as they are and does nothing else with what it gets."""
    rest, named = inner.params.star_arg, inner.params.star_kwarg
    if inner.params.params or inner.params.kwonly_params or not isinstance(rest, cst.Param) or named is None:
        return False
    calls = [item for item in walk(inner.body) if isinstance(item, cst.Call) and _is_name(item.func, name)]
    if len(calls) != 1 or [argument.star for argument in calls[0].args] != ["*", "**"]:
        return False
    if not _is_name(calls[0].args[0].value, rest.name.value) or not _is_name(calls[0].args[1].value, named.name.value):
        return False
    counted: dict[str, int] = {}
    for item in walk(inner.body):
        if isinstance(item, (cst.Yield, cst.Await, cst.For, cst.While, cst.Try, cst.TryStar, cst.If, cst.IfExp)):
            return False
        if isinstance(item, cst.Name):
            counted[item.value] = counted.get(item.value, 0) + 1
        if isinstance(item, cst.Attribute) and item.attr.value == "__name__" and _is_name(item.value, name):
            counted[name] = counted.get(name, 0) - 1
    if any(counted.get(item) != 1 for item in (name, rest.name.value, named.name.value)):
        return False
    returns = [item.value for item in walk(inner.body) if isinstance(item, cst.Return)]
    if len(returns) != 1:
        return False
    if returns[0] is calls[0]:
        return True
    made = returns[0].value if isinstance(returns[0], cst.Name) else ""
    return counted.get(made) == 2 and any(
        isinstance(item, cst.Assign) and item.value is calls[0] and _is_name(item.targets[0].target, made)
        for item in walk(inner.body)
    )


def _is_text(line: cst.CSTNode) -> bool:
    small = line.body[0] if isinstance(line, cst.SimpleStatementLine) else None
    return isinstance(small, cst.Expr) and isinstance(small.value, (cst.SimpleString, cst.ConcatenatedString))


def _collects(function: Func) -> bool:
    node = function.node
    if not isinstance(node, cst.FunctionDef) or node.decorators or node.asynchronous:
        return False
    parameters, place = node.params, 1 if function.frame.kind == "class" else 0  # behind `self`
    if len(parameters.params) != place + 1 or parameters.posonly_params or parameters.kwonly_params:
        return False
    name = parameters.params[place].name.value
    if registering.by_decorators(function.module) is None or not _ends_with(node.body, name):
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
    if isinstance(node, cst.Attribute) and isinstance(node.value, cst.Name) and function.owner is not None:
        return _is_own_collection(function, node.value.value, node.attr.value)
    if not isinstance(node, cst.Name):
        return False
    for names in _frames(function):
        if node.value in names:
            value = names[node.value]
            if type(value) is Later:
                value = value.module.settled(value)
            return isinstance(value, (Mapping, Items))
    return False


def _is_own_collection(function: Func, holder: str, attribute: str) -> bool:
    """Whether `self.attribute` is a dictionary or list that the constructor of the class makes."""
    initializer, sure = function.owner.method("__init__") if function.owner is not None else (None, False)
    if initializer is None or not sure or holder != "self":
        return False
    for item in walk(initializer.node.body):
        target = item.targets[0].target if isinstance(item, cst.Assign) and len(item.targets) == 1 else None
        target = item.target if isinstance(item, cst.AnnAssign) else target
        if isinstance(target, cst.Attribute) and target.attr.value == attribute and _is_name(target.value, "self"):
            value = item.value if isinstance(item, (cst.Assign, cst.AnnAssign)) else None
            if isinstance(value, cst.Call) and isinstance(value.func, cst.Name) and not value.args:
                return value.func.value in {"dict", "list"}
            return isinstance(value, (cst.Dict, cst.List))
    return False


def _frames(function: Func) -> list[dict[str, Value | None]]:
    found: list[dict[str, Value | None]] = []
    frame: Frame | None = function.frame
    while frame is not None:
        found.append(frame.names)
        frame = frame.parent
    return found
