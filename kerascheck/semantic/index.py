"""Which nodes a tree has, by their type, and the smallest statement that each of them is in.

One walk finds all of it; it goes only as far as it is asked.
"""

from __future__ import annotations

from typing import Any, TypeVar, cast

import libcst as cst

from kerascheck.semantic.walk import children

Node = TypeVar("Node", bound=cst.CSTNode)
_COMPOUND = frozenset({cst.If, cst.For, cst.While, cst.With, cst.Try, cst.TryStar, cst.FunctionDef, cst.ClassDef})


class Unit:
    """One statement: a line of simple ones, or a compound one with all that is in it.

    `outer` is the unit whose block it is in, None at the top of the module; `indents` are those of the blocks, from the
    outermost, None for the usual one; `number` is that of the statement at the top of the module.
    """

    __slots__ = ("indents", "number", "outer", "statement")

    def __init__(
        self, statement: cst.CSTNode, number: int, outer: Unit | None = None, indents: tuple[str | None, ...] = ()
    ) -> None:
        self.statement = statement
        self.number = number
        self.outer = outer
        self.indents = indents

    @property
    def block(self) -> cst.CSTNode | None:
        """The first block of a compound statement: what stands in front of it is its head."""
        return cast(cst.CSTNode, cast(Any, self.statement).body) if type(self.statement) in _COMPOUND else None


class Index:
    """The index of one tree."""

    def __init__(self, tree: cst.Module) -> None:
        self._tree = tree
        self._units: dict[int, Unit] = {}
        self._kinds: dict[type, list[cst.CSTNode]] = {}
        self._walked = 0

    def unit(self, node: cst.CSTNode) -> Unit | None:
        """The smallest statement that a node is in, itself when it is one; None for a node of another tree.

        Only nodes that `walk` meets below a statement are known.
        """
        found = self._units.get(id(node))
        body = self._tree.body
        while found is None and self._walked < len(body):
            statement = body[self._walked]
            self._walk(statement, Unit(statement, self._walked))
            self._walked += 1
            found = self._units.get(id(node))
        return found

    def nodes(self, kind: type[Node]) -> list[Node]:
        """The nodes of exactly one type, in the order of `walk`."""
        self.unit(self._tree)  # which is in no statement
        return cast("list[Node]", self._kinds.get(kind, []))

    def _walk(self, statement: cst.CSTNode, unit: Unit) -> None:
        units, kinds = self._units, self._kinds
        outside = (*unit.indents, statement.indent) if type(statement) is cst.Match else unit.indents
        stack = [statement]
        while stack:
            node = stack.pop()
            units[id(node)] = unit
            kind = type(node)
            if kind in kinds:
                kinds[kind].append(node)
            else:
                kinds[kind] = [node]
            if kind is cst.IndentedBlock:
                block = cast(cst.IndentedBlock, node)
                indents = (*outside, block.indent)
                for inner in block.body:
                    self._walk(inner, Unit(inner, unit.number, unit, indents))
            else:
                below = children(node)
                below.reverse()
                stack += below
