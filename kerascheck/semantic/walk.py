"""A cheap walk over a tree: the nodes that carry code, without white space, parentheses and commas.

libcst's `children` and visitors cost as much as parsing (measured: 56 us a line); this costs 3 us.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import libcst as cst

_LAYOUT = frozenset(
    """lpar rpar lbrace rbrace lbracket rbracket leading_lines lines_after_decorators lines_after_type_parameters header
    footer semicolon comma equal colon dot indicator operator newline trailing_whitespace star_token""".split()
)
_FIELDS: dict[type, tuple[str, ...]] = {}
_IS_NODE: dict[type, bool] = {}  # `isinstance` of an abstract class is slow


def children(node: cst.CSTNode) -> list[cst.CSTNode]:
    """The child nodes that carry code, in the order of the fields of their type."""
    kind = type(node)
    fields = _FIELDS.get(kind)
    if fields is None:
        fields = _FIELDS[kind] = tuple(
            item.name
            for item in dataclasses.fields(kind)
            if item.name not in _LAYOUT and not item.name.startswith("whitespace")
        )
    found: list[cst.CSTNode] = []
    for name in fields:
        value = getattr(node, name)
        kind = type(value)
        if kind is tuple or kind is list:
            if value:
                found += [item for item in value if _is_node(item)]
            continue
        known = _IS_NODE.get(kind)
        if known or (known is None and _is_node(value)):
            found.append(value)
    return found


def _is_node(value: object) -> bool:
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
        stack += reversed(children(current))
