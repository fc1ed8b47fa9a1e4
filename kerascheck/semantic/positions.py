"""Where nodes stand in the text.

libcst's own PositionProvider costs twice as much as parsing (measured: 108 us against 54 us a line); this pass
counts the code points that the tree writes and keeps offsets only, at about a third of a parse. It relies on
`CodegenState`, which libcst does not document; a test compares every node with PositionProvider.

In rare files libcst loses comment lines, blank lines, form feeds or line continuations in front of statements, so its
tree writes a shorter text. Then the lines of the two texts are matched, and offsets are moved by what is missing.
"""

from __future__ import annotations

import re
import sys
from bisect import bisect_right
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache

import libcst as cst
from libcst._nodes.internal import CodegenState

from kerascheck.semantic.index import Index, Unit
from kerascheck.text import Span

_LINE = re.compile(r"([^\r\n]*)(?:\r\n|\n|\r)?")
_TRIVIA = re.compile(r"[ \t\f]*(?:#.*|\\)?")
_INDENTATION = " \t\f"
_CARRIES_CODE = (cst.BaseExpression, cst.BaseStatement, cst.BaseSmallStatement, cst.Arg, cst.Param)  # met by `walk`
_MOST_SOUGHT = 200  # statements and heads; each is looked for in the whole text
_MOST_TOGETHER = 4  # statements that are looked for as one
_UNDER_WAY = (0, 0)  # the end of a node that is not written yet
_RECURSION = 8000  # a chain of 1,000 operators takes 4,000 frames


@cache
def _kind_carries_code(kind: type) -> bool:
    return issubclass(kind, _CARRIES_CODE)


def carries_code(node: cst.CSTNode) -> bool:
    """Whether a node is of those that `walk` always meets."""
    return _kind_carries_code(type(node))


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
        return _Region(self, node, start_node, end_node)


class _HeadWritten(Exception):
    """The block of a compound statement is reached."""


class _Writer(_Counter):
    """Counts and writes. Raises _HeadWritten when it comes to the node `end`."""

    __slots__ = ("end",)

    def __init__(self, tree: cst.Module, end: cst.CSTNode | None = None) -> None:
        super().__init__(tree)
        self.end = end

    def before_codegen(self, node: cst.CSTNode) -> None:
        if node is self.end:
            raise _HeadWritten
        super().before_codegen(node)

    def add_token(self, value: str) -> None:
        super().add_token(value)
        self.tokens.append(value)

    def add_indent_tokens(self) -> None:
        super().add_indent_tokens()
        self.tokens.extend(self.indent_tokens)


class _Region(AbstractContextManager[None]):
    """The part of a node without leading lines and parentheses."""

    __slots__ = ("counter", "end_node", "node", "start", "start_node")

    def __init__(
        self, counter: _Counter, node: cst.CSTNode, start_node: cst.CSTNode | None, end_node: cst.CSTNode | None
    ) -> None:
        self.counter = counter
        self.node = node
        self.start_node = start_node
        self.end_node = end_node
        self.start = 0

    def __enter__(self) -> None:
        self.start = self.counter.offset

    def __exit__(self, kind: object, *error: object) -> None:
        if kind is not None:
            return
        start, end = self.start, self.counter.offset
        if self.start_node is not None:
            start = self._of(self.start_node)[0]
        if self.end_node is not None:
            end = self._of(self.end_node)[1]
        self.counter.inner[id(self.node)] = (start, end)

    def _of(self, node: cst.CSTNode) -> tuple[int, int]:
        return self.counter.inner.get(id(node)) or self.counter.outer[id(node)]


@dataclass(frozen=True)
class Extent:
    """How long a part of a tree is, and where its nodes are from its start, by their id: with and without trivia."""

    length: int
    outer: dict[int, tuple[int, int]]
    inner: dict[int, tuple[int, int]]


def extent(part: cst.CSTNode, tree: cst.Module) -> Extent:
    """Measure one part directly below a tree. Raises RecursionError when it is nested too deeply."""
    counter = _Counter(tree)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, _RECURSION))
    try:
        part._codegen(counter)
    finally:
        sys.setrecursionlimit(limit)
    return Extent(counter.offset, counter.outer, counter.inner)


class PositionsLostError(Exception):
    """The tree is nested too deeply to be placed in its text."""


class Positions:
    """The spans of all nodes of one tree, in code points of `text`, the text that it was parsed from.

    When they are not `reliable`, libcst lost something that could not be found again: spans may then be a few lines
    off, and nothing must be written there.
    """

    def __init__(self, tree: cst.Module, text: str) -> None:
        counter = _Counter(tree)
        self._starts: list[int] = []
        self._shifts: list[int] = []
        self.reliable = True
        self.lost = False
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(max(limit, _RECURSION))
        try:
            tree._codegen(counter)
            if counter.offset != len(text):
                self._starts, self._shifts, self.reliable = _align(tree.code, text)
        except RecursionError:  # without positions nothing is reported
            counter = _Counter(tree)
            self.reliable = False
            self.lost = True
        finally:
            sys.setrecursionlimit(limit)
        self._outer, self._inner = counter.outer, counter.inner
        self._end = len(text)

    def has(self, node: cst.CSTNode) -> bool:
        """Whether a node is one of this tree."""
        return id(node) in self._outer

    def span(self, node: cst.CSTNode) -> Span:
        """The span of a node without comments above it and without its own parentheses.

        Raises KeyError for a node of another tree, PositionsLostError when there are no positions at all.
        """
        if self.lost:
            raise PositionsLostError
        start, end = self._inner.get(id(node)) or self._outer[id(node)]
        return self._placed(start, end)

    def whole(self, node: cst.CSTNode) -> Span:
        """The span of an expression with its own parentheses."""
        return self._placed(*self._outer[id(node)])

    def _placed(self, start: int, end: int) -> Span:
        if not self._starts:
            return Span(start, end)
        first = start + self._shifts[bisect_right(self._starts, start) - 1]
        # the end belongs to the line of the last code point, not to the line that begins there
        last = end + self._shifts[bisect_right(self._starts, max(start, end - 1)) - 1]
        return Span(min(first, self._end), min(max(first, last), self._end))


class LazyPositions(Positions):
    """The same spans, found for one statement at a time.

    The smallest statement that holds the node is written out, of a compound one only the head when that will do, and
    looked for in the text. When it stands there more than once, the next larger one is, at last with the statements
    above it. Where that tells nothing, all nodes are placed.
    """

    def __init__(self, tree: cst.Module, text: str, index: Index | None = None) -> None:
        self.reliable = True
        self.lost = False
        self._tree = tree
        self._text = text
        ended = tree.footer or tree.has_trailing_newline
        self._sought = text if ended else text + tree.default_newline  # each statement writes a newline
        self._index = Index(tree) if index is None else index
        self._whole: Positions | None = None
        self._written: dict[cst.CSTNode, tuple[str, Extent]] = {}
        self._parts: dict[tuple[cst.CSTNode, bool], tuple[int, Extent] | None] = {}

    def has(self, node: cst.CSTNode) -> bool:
        """Whether a node is one of this tree."""
        if self._index.unit(node) is not None:
            return True
        return not carries_code(node) and self._all().has(node)

    def span(self, node: cst.CSTNode) -> Span:
        """As that of Positions, with the same exceptions."""
        found = self._part(node)
        if found is None:
            return self._all().span(node)
        offset, part = found
        start, end = part.inner.get(id(node)) or part.outer[id(node)]
        return Span(offset + start, offset + end)

    def whole(self, node: cst.CSTNode) -> Span:
        """The span of an expression with its own parentheses."""
        found = self._part(node)
        if found is None:
            return self._all().whole(node)
        offset, part = found
        start, end = part.outer[id(node)]
        return Span(offset + start, offset + end)

    def _all(self) -> Positions:
        if self._whole is None:
            self._whole = Positions(self._tree, self._text)
            self.reliable, self.lost = self._whole.reliable, self._whole.lost
        return self._whole

    def _part(self, node: cst.CSTNode) -> tuple[int, Extent] | None:
        """The offset of what was written around a node, and its extent; None when it is to be asked of all."""
        unit = self._index.unit(node) if self._whole is None else None
        try:
            if unit is not None and unit.block is not None and node is not unit.statement:
                found = self._found(unit, head=True)
                if found is not None and found[1].outer.get(id(node), _UNDER_WAY)[1]:
                    return found
            while unit is not None:
                found = self._found(unit, head=False)
                if found is not None:
                    return found
                unit = unit.outer
        except RecursionError:
            pass
        return None

    def _found(self, unit: Unit, head: bool) -> tuple[int, Extent] | None:
        key = (unit.statement, head)
        if key not in self._parts:
            if len(self._parts) >= _MOST_SOUGHT:
                return None
            self._parts[key] = None
            code, extent = self._write(unit, head)
            offset = self._offset(code)
            if offset is None and unit.outer is None and not head:
                offset = self._below_others(unit.number, code)
            if offset is not None:
                self._parts[key] = offset, extent
        return self._parts[key]

    def _offset(self, code: str) -> int | None:
        """Where a text stands, when it stands in one place only."""
        first = self._sought.find(code)
        return first if first >= 0 and self._sought.find(code, first + 1) < 0 else None

    def _below_others(self, number: int, code: str) -> int | None:
        above = 0
        for other in range(number - 1, max(number - _MOST_TOGETHER, -1), -1):
            more = self._write(Unit(self._tree.body[other], other), head=False)[0]
            code, above = more + code, above + len(more)
            first = self._offset(code)
            if first is not None:
                return first + above
        return None

    def _write(self, unit: Unit, head: bool) -> tuple[str, Extent]:
        known = None if head else self._written.get(unit.statement)
        if known is not None:
            return known
        writer = _Writer(self._tree, unit.block if head else None)
        for indent in unit.indents:
            writer.increase_indent(self._tree.default_indent if indent is None else indent)
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(max(limit, _RECURSION))
        try:
            unit.statement._codegen(writer)
        except _HeadWritten:
            pass
        finally:
            sys.setrecursionlimit(limit)
        # the first text is what `_Counter` puts there
        found = "".join(writer.tokens), Extent(writer.offset, writer.outer, writer.inner)
        if not head:
            self._written[unit.statement] = found
        return found


def _align(code: str, text: str) -> tuple[list[int], list[int], bool]:
    """Where in `code` which number must be added to an offset to have it in `text`; and whether all lines matched.

    What is missing in `code` can only be trivia, so the other lines are the same ones in the same order.
    """
    starts, shifts = [0], [0]
    rest = _LINE.finditer(text)
    other = next(rest)
    for line in _LINE.finditer(code):
        while not _same(line[1], other[1]) and _TRIVIA.fullmatch(other[1]) and other.end() < len(text):
            other = next(rest)
        if not _same(line[1], other[1]):
            if _TRIVIA.fullmatch(line[1]):
                continue
            return starts, shifts, False
        if other.end(1) - line.end(1) != shifts[-1]:
            starts.append(line.start())
            shifts.append(other.end(1) - line.end(1))
        other = next(rest, other)
    return starts, shifts, True


def _same(line: str, other: str) -> bool:
    """Whether two lines are one: form feeds in the indentation of code may be missing."""
    return line == other or (not _TRIVIA.fullmatch(line) and line.lstrip(_INDENTATION) == other.lstrip(_INDENTATION))
