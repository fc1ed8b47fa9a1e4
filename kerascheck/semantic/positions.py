"""Where nodes stand in the text.

libcst's own PositionProvider costs twice as much as parsing (measured: 108 us against 54 us a line); this pass
counts the code points that the tree writes and keeps offsets only, at about a third of a parse. It relies on
`CodegenState`, which libcst does not document; a test compares every node with PositionProvider.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from contextlib import AbstractContextManager

import libcst as cst
from libcst._nodes.internal import CodegenState

from kerascheck.text import Span


class _Counter(CodegenState):
    """Counts instead of writing. `outer` holds offsets with, `inner` without the surrounding trivia."""

    __slots__ = ("inner", "last", "offset", "outer")

    def __init__(self, tree: cst.Module) -> None:
        super().__init__(tree.default_indent, tree.default_newline)
        self.tokens.append("")  # libcst looks whether anything was written; an empty module has no node to place
        self.offset = 0
        self.last = 0
        self.outer: dict[int, tuple[int, int]] = {}
        self.inner: dict[int, tuple[int, int]] = {}

    def add_token(self, value: str) -> None:
        self.last = self.offset
        self.offset += len(value)

    def add_indent_tokens(self) -> None:
        for token in self.indent_tokens:
            self.offset += len(token)

    def before_codegen(self, node: cst.CSTNode) -> None:
        self.outer[id(node)] = (self.offset, 0)

    def after_codegen(self, node: cst.CSTNode) -> None:
        key = id(node)
        self.outer[key] = (self.outer[key][0], self.offset)

    def pop_trailing_newline(self) -> None:
        self.offset = self.last

    def record_syntactic_position(  # type: ignore[override]  # libcst wraps a generator; only `with` is used
        self,
        node: cst.CSTNode,
        *,
        start_node: cst.CSTNode | None = None,
        end_node: cst.CSTNode | None = None,
    ) -> _Region:
        return _Region(self, node, end_node)


class _Region(AbstractContextManager[None]):
    """The part of a node without leading lines and parentheses."""

    __slots__ = ("counter", "end_node", "node", "start")

    def __init__(self, counter: _Counter, node: cst.CSTNode, end_node: cst.CSTNode | None) -> None:
        self.counter = counter
        self.node = node
        self.end_node = end_node
        self.start = 0

    def __enter__(self) -> None:
        self.start = self.counter.offset

    def __exit__(self, *error: object) -> None:
        end = self.counter.offset
        if self.end_node is not None:
            end = self.counter.outer.get(id(self.end_node), (0, end))[1]
        self.counter.inner[id(self.node)] = (self.start, end)


class Positions:
    """The spans of all nodes of one tree, in code points of its text."""

    def __init__(self, tree: cst.Module, text: str = "") -> None:
        counter = _Counter(tree)
        tree._codegen(counter)
        self._outer, self._inner = counter.outer, counter.inner
        self.length = counter.offset
        # libcst forgets form feeds in front of statements: where in its text they are missing
        self._missing = _missing(text, tree.code) if "\f" in text else []

    def has(self, node: cst.CSTNode) -> bool:
        """Whether a node is one of this tree."""
        return id(node) in self._outer

    def span(self, node: cst.CSTNode) -> Span:
        """The span of a node without comments above it and without its own parentheses.

        Raises KeyError for a node of another tree.
        """
        start, end = self._inner.get(id(node)) or self._outer[id(node)]
        return self._placed(start, end)

    def whole(self, node: cst.CSTNode) -> Span:
        """The span of an expression with its own parentheses."""
        return self._placed(*self._outer[id(node)])

    def _placed(self, start: int, end: int) -> Span:
        if self._missing:
            return Span(start + bisect_right(self._missing, start), end + bisect_left(self._missing, end))
        return Span(start, end)


def _missing(text: str, code: str) -> list[int]:
    found: list[int] = []
    place = 0
    for character in text:
        if place < len(code) and code[place] == character:
            place += 1
        elif character == "\f":
            found.append(place)
        else:
            return []
    return found
