"""A cheap walk over a tree: the nodes that carry code, without white space, parentheses and commas.

libcst's `children` and visitors cost as much as parsing (measured: 56 us a line); this costs 2 us.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Any

import libcst as cst

_LAYOUT = frozenset(
    """lpar rpar lbrace rbrace lbracket rbracket leading_lines lines_after_decorators lines_after_type_parameters header
    footer semicolon comma equal colon dot indicator operator newline trailing_whitespace star_token""".split()
)


class _Kinds(dict[type, bool]):
    """Whether types derive from one of some others: much faster than `isinstance` of an abstract class."""

    def __init__(self, *bases: type) -> None:
        super().__init__()
        self._bases = bases

    def __missing__(self, kind: type) -> bool:
        found = self[kind] = issubclass(kind, self._bases)
        return found


_PARTS: dict[type, Callable[[Any], tuple[Any, ...]] | None] = {}  # None for a type that has no such fields
_IS_NODE = _Kinds(cst.CSTNode)
_IS_EXPRESSION = _Kinds(cst.BaseExpression)
_IS_SMALL = _Kinds(cst.BaseSmallStatement)


def _parts_of(kind: type) -> Callable[[Any], tuple[Any, ...]] | None:
    """What gives the values of the fields of a type that may hold code."""
    fields = [
        item.name
        for item in dataclasses.fields(kind)
        if item.name not in _LAYOUT and not item.name.startswith("whitespace") and item.type not in (str, "str", bool)
    ]
    if not fields:
        return None
    get = attrgetter(*fields)
    return get if len(fields) > 1 else lambda node: (get(node),)


def children(node: cst.CSTNode) -> list[cst.CSTNode]:
    """The child nodes that carry code, in the order of the fields of their type."""
    kind = type(node)
    try:
        parts = _PARTS[kind]
    except KeyError:
        parts = _PARTS[kind] = _parts_of(kind)
    found: list[cst.CSTNode] = []
    if parts is not None:
        for value in parts(node):
            kind = type(value)
            if kind is tuple or kind is list:
                found += value  # all sequences of libcst's nodes hold nodes
            elif _IS_NODE[kind]:
                found.append(value)
    return found


def walk(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """The node and everything in it that carries code; a node before what is in it, statements in their order."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        below = children(current)
        if below:
            below.reverse()
            stack += below


def statements(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """The node and what is in it, as `walk` in its order, but nothing of expressions and in simple statements."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        if not _IS_SMALL[type(current)]:
            stack += [child for child in reversed(children(current)) if not _IS_EXPRESSION[type(child)]]
