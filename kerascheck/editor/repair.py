"""Edits that turn one text into another, and comments that silence a finding."""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterator

from kerascheck.editor.documents import Change, Document, Encoding
from kerascheck.edits import Edit
from kerascheck.finding import Finding, Severity
from kerascheck.suppress import Suppressions
from kerascheck.text import Position, SourceText

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+")
_IGNORE = re.compile(r"#[ \t]*kerascheck:[ \t]*ignore\[(?P<codes>[^\]\n]*)\]", re.IGNORECASE)


def changes(document: Document, text: str, encoding: Encoding) -> list[Change]:
    """The edits that make `text` (without a byte order mark) of a document: whole lines, from the top down."""
    found = []
    source = document.source
    for edit in _differences(source.text, text):
        start, end = source.position(edit.start), source.position(edit.end)
        found.append(Change(edit.text, document.range(start, end, encoding)))
    return found


def _differences(before: str, after: str) -> Iterator[Edit]:
    old, new = _LINE.findall(before), _LINE.findall(after)
    starts = [0]
    for line in old:
        starts.append(starts[-1] + len(line))
    for kind, first, last, start, end in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind != "equal":
            yield _trimmed(before, Edit(starts[first], starts[last], "".join(new[start:end])))


def _trimmed(text: str, edit: Edit) -> Edit:
    """The edit without what stays the same at its start and end, as long as that is no part of a line end."""
    old, new = text[edit.start : edit.end], edit.text
    limit = min(len(old), len(new))
    head = 0
    while head < limit and old[head] == new[head] and old[head] not in "\r\n":
        head += 1
    tail = 0
    while tail < limit - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    if tail and text[edit.end - tail : edit.end - tail + 1] == "\n" and text[: edit.end - tail].endswith("\r"):
        tail -= 1  # not between the two halves of a line end
    return Edit(edit.start + head, edit.end - tail, new[head : len(new) - tail])


def silenced(text: str, line: int, code: str) -> Edit | None:
    """A comment that silences `code` at a line (from 1) of a Python text; None where there is no place for one.

    It goes to the end of the line, or above the statement when the line ends within a string or a continuation.
    """
    before = _tree(text)
    if before is None:
        return None
    source = SourceText(text)
    place = Position(line, 1)
    finding = Finding("", code, "", Severity.ERROR, "", place, place)
    for edit in _candidates(source, line, code):
        after = text[: edit.start] + edit.text + text[edit.end :]
        moved = line + edit.text.count("\n")
        wanted = Finding("", code, "", Severity.ERROR, "", Position(moved, 1), Position(moved, 1))
        if _tree(after) == before and Suppressions.of(after, noqa=False).silences(
            wanted if edit.text.endswith("\n") else finding
        ):
            return edit
    return None


def _candidates(source: SourceText, line: int, code: str) -> Iterator[Edit]:
    shown = source.line(line)
    start = source.line_starts[line - 1]
    known = _IGNORE.search(shown)
    if known is not None:
        listed = known["codes"].strip()
        codes = f"{listed}, {code}" if listed else code
        yield Edit(start + known.start("codes"), start + known.end("codes"), codes)
    end = start + len(shown.rstrip())
    yield Edit(end, start + len(shown), f"  # kerascheck: ignore[{code}]")
    for above in range(line, 0, -1):  # the statement may begin further up
        text = source.line(above)
        indent = text[: len(text) - len(text.lstrip())]
        yield Edit(
            source.line_starts[above - 1],
            source.line_starts[above - 1],
            f"{indent}# kerascheck: ignore[{code}]{source.newline}",
        )


def _tree(text: str) -> str | None:
    """What a text means, without its comments."""
    try:
        return ast.dump(ast.parse(text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
