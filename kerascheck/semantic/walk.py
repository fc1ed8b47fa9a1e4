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
_PARTS: dict[type, Callable[[Any], tuple[Any, ...]]] = {}
_IS_NODE: dict[type, bool] = {tuple: False, list: False}  # `isinstance` of an abstract class is slow


def _parts_of(kind: type) -> Callable[[Any], tuple[Any, ...]]:
    """What gives the values of the fields of a type that may hold code."""
    fields = [
        item.name
        for item in dataclasses.fields(kind)
        if item.name not in _LAYOUT and not item.name.startswith("whitespace") and item.type not in (str, "str", bool)
    ]
    if not fields:
        return _nothing
    get = attrgetter(*fields)
    return get if len(fields) > 1 else lambda node: (get(node),)


def _nothing(_: Any) -> tuple[Any, ...]:
    return ()


def children(node: cst.CSTNode) -> list[cst.CSTNode]:
    """The child nodes that carry code, in the order of the fields of their type."""
    kind = type(node)
    parts = _PARTS.get(kind)
    if parts is None:
        parts = _PARTS[kind] = _parts_of(kind)
    found: list[cst.CSTNode] = []
    for value in parts(node):
        kind = type(value)
        if kind is tuple or kind is list:
            for item in value:
                if _IS_NODE.get(type(item)) or is_node(item):
                    found.append(item)
        elif _IS_NODE.get(kind) or is_node(value):
            found.append(value)
    return found


def is_node(value: object) -> bool:
    """Whether a value is a node."""
    kind = type(value)
    known = _IS_NODE.get(kind)
    if known is None:
        known = _IS_NODE[kind] = issubclass(kind, cst.CSTNode)
    return known


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
