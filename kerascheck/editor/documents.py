"""Open texts, and places in them as editors count: lines from 0, columns from 0 in the units of an encoding."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property

from kerascheck.text import Position, SourceText

_BOM = "\ufeff"


class Encoding(Enum):
    """The units in which a client counts columns."""

    UTF8 = "utf-8"
    UTF16 = "utf-16"
    UTF32 = "utf-32"

    def length(self, text: str) -> int:
        """The number of units of a text."""
        if self is Encoding.UTF32 or text.isascii():
            return len(text)
        if self is Encoding.UTF8:
            return len(text.encode("utf-8", "surrogatepass"))
        return len(text) + sum(letter > "\uffff" for letter in text)

    def index(self, text: str, units: int) -> int:
        """The code point at which `units` are used up, at most the text's end; within a letter, where it starts."""
        if self is Encoding.UTF32 or text.isascii():
            return min(max(units, 0), len(text))
        used = 0
        for place, letter in enumerate(text):
            used += self.length(letter)
            if used > units:
                return place
        return len(text)


@dataclass(frozen=True, order=True)
class Place:
    """A place as the client counts: `line` from 0, `character` from 0 in the units of its encoding."""

    line: int
    character: int


@dataclass(frozen=True, order=True)
class Range:
    """From a place to another, the end exclusive."""

    start: Place
    end: Place

    def meets(self, other: Range) -> bool:
        """Whether two ranges overlap or touch."""
        return self.start <= other.end and other.start <= self.end


@dataclass(frozen=True)
class Change:
    """A replacement of a range by a text; without a range it is the whole text."""

    text: str
    range: Range | None = None


@dataclass(frozen=True)
class Document:
    """One open text. `path` is absolute; `version` is the client's count of changes, None when it keeps none."""

    uri: str
    path: str
    text: str
    version: int | None = None
    language: str = "python"

    @cached_property
    def source(self) -> SourceText:
        """The text as the core sees it: without a byte order mark."""
        return SourceText(self.text.removeprefix(_BOM))

    @cached_property
    def _whole(self) -> SourceText:
        return SourceText(self.text)

    @property
    def raw(self) -> bytes:
        """The text as UTF-8, as it would lie on the disk."""
        return self.source.text.encode("utf-8", "surrogatepass")

    def place(self, position: Position, encoding: Encoding) -> Place:
        """A line and column (from 1, code points of `source`) as the client counts."""
        line = self.source.line(position.line)
        units = encoding.length(line[: position.column - 1])
        if position.line == 1 and self.text.startswith(_BOM):
            units += encoding.length(_BOM)
        return Place(position.line - 1, units)

    def range(self, start: Position, end: Position, encoding: Encoding) -> Range:
        """Two lines and columns (from 1, code points of `source`) as the client counts."""
        return Range(self.place(start, encoding), self.place(end, encoding))

    def position(self, place: Place, encoding: Encoding) -> Position:
        """The line and column (from 1, code points of `source`) of a client's place; behind a line's end, its end."""
        line = self._whole.line(place.line + 1)
        index = encoding.index(line, place.character)
        if place.line == 0 and self.text.startswith(_BOM):
            index = max(index - 1, 0)
        return Position(place.line + 1, index + 1)

    def changed(self, changes: Iterable[Change], version: int | None, encoding: Encoding) -> Document:
        """The document after changes, one after another, each in the units of the text before it."""
        document = self
        for change in changes:
            text = change.text
            if change.range is not None:
                start, end = (document._offset(place, encoding) for place in (change.range.start, change.range.end))
                text = document.text[:start] + change.text + document.text[max(start, end) :]
            document = Document(self.uri, self.path, text, version, self.language)
        return document if document is not self else replace(self, version=version)

    def _offset(self, place: Place, encoding: Encoding) -> int:
        starts = self._whole.line_starts
        if place.line >= len(starts):
            return len(self.text)
        return starts[place.line] + encoding.index(self._whole.line(place.line + 1), place.character)


@dataclass(frozen=True)
class Cell:
    """One cell of an open notebook; `document` is its text, `code` whether it is a code cell.

    `count` is its execution count, None when it was not run.
    """

    document: Document
    code: bool
    count: int | None = None


@dataclass(frozen=True)
class Notebook:
    """One open notebook with all its cells, checked as one program."""

    uri: str
    path: str
    cells: tuple[Cell, ...]
    version: int | None = None

    @cached_property
    def raw(self) -> bytes:
        """The notebook as a file without outputs: cells keep their place, so findings name them as in the file."""
        cells = []
        for cell in self.cells:
            kind = "code" if cell.code else "markdown"
            metadata = {"vscode": {"languageId": cell.document.language}} if cell.code else {}
            count = {"execution_count": cell.count} if cell.code else {}
            cells.append({"cell_type": kind, "metadata": metadata, **count, "source": cell.document.text})
        return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()

    def cell(self, index: int | None) -> Document | None:
        """The text of a cell by its index, counted from 1 over all cells."""
        return self.cells[index - 1].document if index is not None and 1 <= index <= len(self.cells) else None

    def with_cells(self, start: int, removed: int, added: Sequence[Cell]) -> Notebook:
        """The notebook with other cells in place of `removed` ones from `start` (from 0) on."""
        return replace(self, cells=(*self.cells[:start], *added, *self.cells[start + removed :]))


Sheet = Document | Notebook
