"""Parses a text that has changed a little: the top-level statements around the change are parsed, the others kept.

Nodes of libcst know nothing of their place, so those of an unchanged statement serve in the new tree as well; places
are kept by statement, from its start. What comes out is what a parse of the whole text gives (a test compares node by
node); where that is not sure, the whole text is parsed.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import libcst as cst

from kerascheck.semantic.module import python_problem
from kerascheck.semantic.positions import Extent, Positions, extent
from kerascheck.text import Span

_EDGE = "pass\n"  # a statement beside a piece of a text, so that comments at its ends belong to what they belong to
_UNUSUAL = ("\r", "\f")  # libcst remembers what line ends a whole text has, and loses some form feeds

Statement = cst.SimpleStatementLine | cst.BaseCompoundStatement


@dataclass(frozen=True)
class Parsed:
    """A text, its tree, and where the nodes of each statement are, from the start of the statement."""

    text: str
    tree: cst.Module
    header: tuple[Extent, ...]
    parts: tuple[Extent, ...]
    footer: tuple[Extent, ...]

    @cached_property
    def starts(self) -> list[int]:
        """Where each statement starts, comments above it included; the first is at the header's end."""
        first = sum(item.length for item in self.header)
        return list(accumulate((part.length for part in self.parts), initial=first))

    @cached_property
    def is_python(self) -> bool:
        """Whether this Python can parse the text: libcst knows newer syntax, too."""
        return python_problem(self.text) is None

    @property
    def is_exact(self) -> bool:
        """Whether the tree writes as many code points as the text has."""
        written = self.starts[-1] + sum(item.length for item in self.footer)
        end = 0 if self.tree.has_trailing_newline or not written else len(self.tree.default_newline)
        return written - end == len(self.text)


def parsed(text: str, tree: cst.Module) -> Parsed | None:
    """What is kept of a tree that was parsed from a whole text; None when nothing of it can be used again."""
    if any(mark in text for mark in _UNUSUAL):
        return None
    return _measured(text, tree, {})


def _measured(text: str, tree: cst.Module, known: dict[int, Extent]) -> Parsed | None:
    try:
        rows = [
            tuple(known.get(id(node)) or extent(node, tree) for node in nodes)
            for nodes in (tree.header, tree.body, tree.footer)
        ]
    except RecursionError:
        return None
    found = Parsed(text, tree, rows[0], rows[1], rows[2])
    return found if found.is_exact else None


def reparsed(before: Parsed, text: str) -> Parsed | None:
    """The same for a text that was made of another; None when the whole text is to be parsed."""
    if any(mark in text for mark in _UNUSUAL) or not before.parts:
        return None
    head, tail = _common(before.text, text)
    body, starts = before.tree.body, before.starts
    count = len(body)
    # one statement more on either side: what was typed may continue the one above, or take comments of the one below
    first = max(bisect_right(starts, head, 0, count) - 2, 0)
    last = min(bisect_left(starts, len(before.text) - tail, 0, count) + 1, count)
    start = starts[first] if first else 0
    end = (starts[last] if last < count else len(before.text)) + len(text) - len(before.text)
    above, below = _EDGE if first else "", _EDGE if last < count else ""
    try:
        piece = cst.parse_module(f"{above}{text[start:end]}{below}")
    except (cst.ParserSyntaxError, RecursionError, UnicodeError):
        return None
    new = list(piece.body)
    if below:
        edge = new.pop()
        if not isinstance(edge, cst.SimpleStatementLine) or edge.leading_lines or len(edge.body) > 1:
            return None
    if above:
        new = new[1:]
    if not new:
        return None  # what follows would be the first statement, or take other comments
    tree = before.tree.with_changes(
        header=before.tree.header if above else piece.header,
        body=[*body[:first], *new, *body[last:]],
        footer=before.tree.footer if below else piece.footer,
        has_trailing_newline=before.tree.has_trailing_newline if below else piece.has_trailing_newline,
    )
    if not _same_indent(tree, new, piece.default_indent):
        return None
    known = {
        id(node): place
        for nodes, places in (
            (before.tree.header, before.header),
            (body, before.parts),
            (before.tree.footer, before.footer),
        )
        for node, place in zip(nodes, places)
    }
    return _measured(text, tree, known)


def _common(before: str, after: str) -> tuple[int, int]:
    """How many code points two texts have in common at their starts, and at their ends behind that."""
    least = min(len(before), len(after))
    head, over = 0, least + 1
    while over - head > 1:
        middle = (head + over) // 2
        head, over = (middle, over) if before[:middle] == after[:middle] else (head, middle)
    tail, over = 0, least - head + 1
    while over - tail > 1:
        middle = (tail + over) // 2
        same = before[len(before) - middle :] == after[len(after) - middle :]
        tail, over = (middle, over) if same else (tail, middle)
    return head, tail


def _same_indent(tree: cst.Module, new: Sequence[Statement], indent: str) -> bool:
    """Whether the whole text would have the default indent of `tree`: that of its first indented block.

    `indent` is the default of the piece that the `new` statements were parsed in.
    """
    if indent != tree.default_indent and any(isinstance(item, cst.BaseCompoundStatement) for item in new):
        return False
    for statement in tree.body:
        if not isinstance(statement, cst.BaseCompoundStatement):
            continue
        if isinstance(statement, cst.Match):
            return False
        if isinstance(statement.body, cst.IndentedBlock):
            return statement.body.indent is None
        if not isinstance(statement, (cst.FunctionDef, cst.ClassDef)):
            return False  # one line may be followed by a block
    return indent == tree.default_indent


class PartPositions(Positions):
    """The spans of all nodes of a tree whose statements were measured one by one."""

    def __init__(self, kept: Parsed) -> None:
        self.reliable = True
        self.lost = False
        self._kept = kept

    @cached_property
    def _parts(self) -> dict[int, tuple[int, Extent]]:
        """For each node by its id the offset of its part, and the part."""
        found: dict[int, tuple[int, Extent]] = {}
        offset = 0
        for part in (*self._kept.header, *self._kept.parts, *self._kept.footer):
            found.update(dict.fromkeys(part.outer, (offset, part)))
            offset += part.length
        tree = self._kept.tree
        whole = Extent(len(self._kept.text), {id(tree): (0, len(self._kept.text))}, {})
        found[id(tree)] = (0, whole)
        return found

    def has(self, node: cst.CSTNode) -> bool:
        """Whether a node is one of this tree."""
        return id(node) in self._parts

    def span(self, node: cst.CSTNode) -> Span:
        """The span of a node without comments above it and without its own parentheses. Raises KeyError."""
        key = id(node)
        offset, part = self._parts[key]
        start, end = part.inner.get(key) or part.outer[key]
        return Span(offset + start, offset + end)

    def whole(self, node: cst.CSTNode) -> Span:
        """The span of an expression with its own parentheses. Raises KeyError."""
        key = id(node)
        offset, part = self._parts[key]
        start, end = part.outer[key]
        return Span(offset + start, offset + end)
