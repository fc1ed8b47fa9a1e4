"""Other names for files: edits at the end of paths, however they are written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.edits import Edit
from kerascheck.semantic.walk import children

if TYPE_CHECKING:
    from kerascheck.semantic.events import CallFact, Event


# what may be given the path, too: it follows the new name
_FOLLOWING = frozenset({"save_weights", "load_weights", "exists", "isfile", "getsize", "remove"})


def rename_end(
    event: Event | CallFact,
    node: cst.BaseExpression,
    extension: re.Pattern[str],
    good: str,
    following: frozenset[str] = frozenset(),
) -> Iterator[Edit]:
    """Change the end of a path: a literal, f-string, concatenation or join, or a constant that names nothing else.

    A constant may also be given to the functions and methods in `following`.
    """
    module = event.module
    if isinstance(node, cst.Name):
        value, other = None, False
        for scope in (event.function.node if event.function is not None else None, module.tree):
            if scope is not None and value is None:
                value, more = _constant(scope, node.value, _FOLLOWING | following)
                other = other or more
        if value is None or other:
            return
        node = value
    while isinstance(node, cst.BinaryOperation) and isinstance(node.operator, (cst.Add, cst.Divide)):
        node = node.right
    if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Modulo):
        node = node.left
    elif isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value == "format":
        node = node.func.value
    if _is_join(node):
        node = cst.ensure_type(node, cst.Call).args[-1].value
        while isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Add):
            node = node.right
    while isinstance(node, cst.ConcatenatedString):
        node = node.right
    if isinstance(node, cst.SimpleString):
        quote = len(node.quote)
        content = node.value[len(node.prefix) + quote : -quote]
    elif isinstance(node, cst.FormattedString) and node.parts:
        quote = len(node.end)
        last = node.parts[-1]
        content = last.value if isinstance(last, cst.FormattedStringText) else ""
    else:
        return
    if not content or content.endswith((good, "/")):
        return
    end = module.span(node).end - quote
    found = extension.search(content)
    yield Edit(end - (len(found.group()) if found else 0), end, good)


def _is_join(node: cst.BaseExpression) -> bool:
    return (
        isinstance(node, cst.Call)
        and isinstance(node.func, cst.Attribute)
        and node.func.attr.value == "join"
        and bool(node.args)
        and not node.args[-1].star
    )


def _constant(scope: cst.CSTNode, name: str, following: frozenset[str]) -> tuple[cst.BaseExpression | None, bool]:
    """The only value of a name in a scope, and whether it goes anywhere but into weights files."""
    value: cst.BaseExpression | None = None
    other = False
    left = [scope]
    while left:
        node = left.pop()
        given = _given(node, name)
        if given is not None:
            other = other or value is not None
            value = given
            left.append(given)
        elif type(node) is cst.Name:
            other = other or node.value == name
        elif type(node) is cst.Attribute or type(node) is cst.Arg:
            left.append(node.value)
        elif type(node) is cst.Call and _last(node.func) in following:
            left += [argument.value for argument in node.args if not isinstance(argument.value, cst.Name)]
            if isinstance(node.func, cst.Attribute):
                left.append(node.func.value)
        else:
            left += children(node)
    return value, other


def _given(node: cst.CSTNode, name: str) -> cst.BaseExpression | None:
    """What a statement gives to a name alone."""
    if type(node) is cst.Assign and len(node.targets) == 1:
        target = node.targets[0].target
    elif type(node) is cst.AnnAssign:
        target = node.target
    else:
        return None
    return node.value if isinstance(target, cst.Name) and target.value == name else None


def _last(function: cst.BaseExpression) -> str:
    called = function.attr if isinstance(function, cst.Attribute) else function
    return called.value if isinstance(called, cst.Name) else ""
