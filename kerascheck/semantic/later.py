"""What becomes of a name behind a statement: its first use on the way that the program takes from there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic.walk import children

if TYPE_CHECKING:
    from kerascheck.semantic.module import Module

BOUND, TESTED, USED, LEFT = "bound", "tested", "used", "left"
_LEAVING = (cst.Return, cst.Raise, cst.Break, cst.Continue)
_SCOPES = (cst.FunctionDef, cst.ClassDef, cst.Lambda)
_TESTS = (cst.Comparison, cst.UnaryOperation, cst.BooleanOperation)


def first_use(module: Module, scope: cst.CSTNode, statement: cst.CSTNode, name: str) -> str | None:
    """What happens first to `name` (as it is written, such as `self.model`) behind a statement of a scope.

    "bound" when it gets another value, "tested" when it is compared, "used" when anything is done with it, "left" when
    the block is left first; None when nothing happens. What stands in functions inside of the scope does not count.
    """
    look = _Look(module, name)
    for rest in _rests(scope, statement):
        found = look.statements(rest)
        if found is not None:
            return found
    return None


def _rests(scope: cst.CSTNode, statement: cst.CSTNode) -> list[Sequence[cst.CSTNode]]:
    """The statements behind a statement in its own block, then in the block around that, and so on."""
    path: list[Sequence[cst.CSTNode]] = []
    _find(scope, statement, path)
    return path


def _find(node: cst.CSTNode, statement: cst.CSTNode, path: list[Sequence[cst.CSTNode]]) -> bool:
    if node is statement:
        return True
    if isinstance(node, (cst.IndentedBlock, cst.Module)):
        for place, item in enumerate(node.body):
            if _find(item, statement, path):
                path.append(node.body[place + 1 :])
                return True
        return False
    if isinstance(node, cst.BaseSmallStatement):
        return False
    return any(_find(child, statement, path) for child in children(node))


class _Look:
    def __init__(self, module: Module, name: str) -> None:
        self.module = module
        self.name = name
        self.last = name.rpartition(".")[2]

    def statements(self, items: Iterable[cst.CSTNode]) -> str | None:
        for item in items:
            found = self.node(item)
            if found is not None:
                return found
            if isinstance(item, cst.SimpleStatementLine) and isinstance(item.body[-1], _LEAVING):
                return LEFT
        return None

    def node(self, node: cst.CSTNode) -> str | None:
        if isinstance(node, _SCOPES):
            return None
        if isinstance(node, cst.Assign):
            return self.node(node.value) or self._targets(item.target for item in node.targets)
        if isinstance(node, cst.AnnAssign):
            return (self.node(node.value) if node.value is not None else None) or self._targets([node.target])
        if isinstance(node, (cst.For, cst.CompFor)):
            found = self.node(node.iter) or self._targets([node.target])
            return found or (self.node(node.body) if isinstance(node, cst.For) else None)
        if isinstance(node, cst.Del):
            return self._targets([node.target])
        if isinstance(node, (cst.AsName, cst.NamedExpr)):
            return self._targets([node.name if isinstance(node, cst.AsName) else node.target])
        if self._is(node):
            return USED
        inner = [item for child in children(node) if (item := self.node(child)) is not None]
        if inner and inner[0] is USED and isinstance(node, _TESTS):
            return TESTED
        if isinstance(node, cst.If) and self._is(node.test):
            return TESTED
        return inner[0] if inner else None

    def _targets(self, targets: Iterable[cst.CSTNode]) -> str | None:
        """Whether the name is among targets of an assignment: a part of it (`name.x = 1`) is used, not bound."""
        for target in targets:
            if self._is(target):
                return BOUND
            found = [item for child in children(target) if (item := self._targets([child])) is not None]
            if found:
                return BOUND if isinstance(target, (cst.Tuple, cst.List, cst.Element)) else USED
        return None

    def _is(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.Name):
            return node.value == self.name
        return isinstance(node, cst.Attribute) and node.attr.value == self.last and self.module.code(node) == self.name
