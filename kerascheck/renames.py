"""Other names for files: edits at the end of paths, however they are written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.edits import Edit

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
        constant = _Constant(node.value, _FOLLOWING | following)
        if event.function is not None:
            event.function.node.visit(constant)
        if constant.value is None:
            module.tree.visit(constant)
        if constant.value is None or constant.other:
            return
        node = constant.value
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


class _Constant(cst.CSTVisitor):
    """How a name is used in a file: its only value, and whether it goes anywhere but into weights files."""

    def __init__(self, name: str, following: frozenset[str]) -> None:
        self.name = name
        self.following = following
        self.value: cst.BaseExpression | None = None
        self.other = False

    def visit_Assign(self, node: cst.Assign) -> bool:
        target = node.targets[0].target
        if len(node.targets) > 1 or not isinstance(target, cst.Name) or target.value != self.name:
            return True
        self.other = self.other or self.value is not None
        self.value = node.value
        node.value.visit(self)
        return False

    def visit_AnnAssign(self, node: cst.AnnAssign) -> bool:
        if not isinstance(node.target, cst.Name) or node.target.value != self.name or node.value is None:
            return True
        self.other = self.other or self.value is not None
        self.value = node.value
        node.value.visit(self)
        return False

    def visit_Call(self, node: cst.Call) -> bool:
        function = node.func
        called = function.attr if isinstance(function, cst.Attribute) else function
        if not isinstance(called, cst.Name) or called.value not in self.following:
            return True
        if isinstance(function, cst.Attribute):
            function.value.visit(self)
        for argument in node.args:
            if not isinstance(argument.value, cst.Name):
                argument.value.visit(self)
        return False

    def visit_Attribute(self, node: cst.Attribute) -> bool:
        node.value.visit(self)
        return False

    def visit_Arg(self, node: cst.Arg) -> bool:
        node.value.visit(self)
        return False

    def visit_Name(self, node: cst.Name) -> None:
        self.other = self.other or node.value == self.name
