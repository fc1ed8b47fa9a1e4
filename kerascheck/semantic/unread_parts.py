"""Whether nothing reads the parts that rows are split into, or only torch does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic.calls import RUNNING_METHODS
from kerascheck.semantic.names import is_keras
from kerascheck.semantic.values import Obj, options
from kerascheck.semantic.walk import children, walk

if TYPE_CHECKING:
    from kerascheck.semantic.events import CallFact
    from kerascheck.semantic.module import Module
    from kerascheck.semantic.values import Value

_TRAINS_WITH_TORCH = re.compile(r"\btorch\b[\s\S]*\.backward\(")


class _Scope:
    """The names that a function, or the top of a file, reads, and the assignments that only make one from another."""

    def __init__(self, node: cst.CSTNode, without: cst.CSTNode | None) -> None:
        self._without = without
        body = node.body if isinstance(node, cst.FunctionDef) else node
        self.uses = list(self._uses(body, None, frozenset()))

    def _uses(
        self, node: cst.CSTNode, line: cst.Assign | None, local: frozenset[str]
    ) -> Iterator[tuple[str, cst.Assign | None]]:
        """The names that are read below a node, each with the plain assignment that reads it, if any."""
        if node is self._without or isinstance(node, (cst.Import, cst.ImportFrom, cst.Del)):
            return
        if isinstance(node, cst.Name):
            if node.value not in local:
                yield node.value, line
            return
        parts = children(node)
        if isinstance(node, cst.Assign):
            whole = all(_names(target.target) is not None for target in node.targets)
            line, parts = (node if whole and _is_plain(node) else None), [node.value] if whole else parts
        elif isinstance(node, (cst.Arg, cst.Attribute)):
            parts = [node.value]
        elif isinstance(node, cst.Param):
            parts = [node.default] if node.default is not None else []
        elif isinstance(node, cst.FunctionDef):
            local, line, parts = local | _bound(node), None, [node.params, node.body]
        for part in parts:
            yield from self._uses(part, line, local)

    def reads(self, names: set[str]) -> bool:
        """Whether something reads one of these names, or one that is only made from them."""
        names, grown = set(names), True
        while grown:
            lines = [line for name, line in self.uses if name in names]
            if None in lines:
                return True
            new = {name for line in lines if line is not None for name in _targets(line)} - names
            grown = bool(new)
            names |= new
        return False


def _names(target: cst.CSTNode) -> list[str] | None:
    """The names that an assignment binds; None where it writes into something."""
    if isinstance(target, cst.Name):
        return [target.value]
    if not isinstance(target, (cst.Tuple, cst.List)):
        return None
    parts = [_names(item.value) for item in target.elements]
    return None if None in parts else [name for part in parts if part is not None for name in part]


def _targets(line: cst.Assign) -> list[str]:
    return [name for target in line.targets for name in _names(target.target) or ()]


def _bound(function: cst.FunctionDef) -> frozenset[str]:
    """The names that are a function's own."""
    found = {item.name.value for item in walk(function.params) if isinstance(item, cst.Param)}
    for node in walk(function.body):
        if isinstance(node, cst.Assign):
            found.update(_targets(node))
    return frozenset(found)


def _is_plain(line: cst.Assign) -> bool:
    """Whether an assignment only makes one thing of another: no model runs in it."""
    calls = (node.func for node in walk(line.value) if isinstance(node, cst.Call))
    return not any(isinstance(func, cst.Attribute) and func.attr.value in RUNNING_METHODS | {"score"} for func in calls)


def are_unread(home: Module, call: CallFact) -> bool:
    """Whether nothing reads the rows that are split or mixed, or what is made from them.

    What is not followed counts as read: what a function returns, what importers may read, a loop.
    """
    line = call.statement.body[0] if isinstance(call.statement, cst.SimpleStatementLine) else None
    function = call.function.node if call.function is not None else None
    if line is None or call.loop or not home.owns(line) or isinstance(function, cst.Lambda):
        return False
    names: list[str] | None = None
    if isinstance(line, cst.Assign) and line.value is call.node:
        names = _names(line.targets[0].target)
    elif isinstance(line, cst.Expr) and line.value is call.node and len(call.arguments.positional) == 1:
        names = _names(call.arguments.positional[0][0])  # shuffled in place
    if not names or (function is None and home.users):
        return False
    return not _Scope(function or home.tree, line).reads(set(names))


def goes_to_torch(home: Module, call: CallFact) -> bool:
    """Whether a draw stands in a class that trains with torch and has nothing to do with Keras, nor its bases here."""
    owner = call.function.owner if call.function is not None else None
    if owner is None or not home.owns(owner.node) or owner.keras_kind or home.target.backend == "torch":
        return False
    if _TRAINS_WITH_TORCH.search(home.code(owner.node)) is None:
        return False
    used = [event.function for event in home.events if _may_be_of_keras(event.receiver)]
    used += [item.function for item in home.calls if is_keras(item.name)]
    return not any(function is not None and function.owner is owner for function in used)


def _may_be_of_keras(receiver: Value | None) -> bool:
    return any(not isinstance(item, Obj) or item.kind in {"model", "layer"} for item in options(receiver))
