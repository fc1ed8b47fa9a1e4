"""Source text: bytes in, decoded text out, and places in it.

Offsets are code points of the decoded text, counted from 0, without the byte order mark.
Lines and columns are counted from 1; columns are code points.
"""

from __future__ import annotations

import codecs
import re
from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

_LINE_END = re.compile(r"\r\n|\n|\r")
_COOKIE_BYTES = 10_000  # the comment stands in the first two lines
_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_BLANK = re.compile(rb"^[ \t\f]*(?:#[^\r\n]*)?$")


class DecodeError(ValueError):
    """The bytes are not text in the encoding that the file declares (or in UTF-8)."""


@dataclass(frozen=True, order=True)
class Position:
    """A place in a text: `line` and `column` are counted from 1, columns in code points."""

    line: int
    column: int


@dataclass(frozen=True, order=True)
class Span:
    """The code points `start` to `end` (exclusive) of a text, counted from 0."""

    start: int
    end: int


@dataclass(frozen=True)
class SourceText:
    """The decoded text of one file and what is needed to write it back byte for byte."""

    text: str
    encoding: str = "utf-8"
    bom: bool = False
    _starts: array[int] = field(default_factory=lambda: array("Q"), repr=False, compare=False)

    @classmethod
    def from_bytes(cls, raw: bytes) -> SourceText:
        """Decode `raw` as Python does (byte order mark, PEP 263 comment, else UTF-8).

        Raises DecodeError when the bytes do not fit the encoding or the encoding is not known.
        """
        bom = raw.startswith(codecs.BOM_UTF8)
        if bom:
            raw = raw[len(codecs.BOM_UTF8) :]
        declared = _declared_encoding(raw)
        encoding = declared or "utf-8"
        if encoding.lower().replace("_", "-") == "utf-8-sig":
            encoding = "utf-8"  # the mark was taken off above, and is written again only where there was one
        if bom and declared is not None and declared.lower().replace("_", "-") not in {"utf-8", "utf8", "utf-8-sig"}:
            raise DecodeError(f"a UTF-8 byte order mark, but the file declares `{declared}`")
        try:
            return cls(raw.decode(encoding), encoding, bom)
        except UnicodeDecodeError as error:
            line = raw.count(b"\n", 0, error.start) + 1
            raise DecodeError(f"line {line} is not valid {encoding}") from error
        except LookupError as error:
            raise DecodeError(f"unknown encoding `{encoding}`") from error

    def to_bytes(self, text: str | None = None) -> bytes:
        """Encode `text` (default: this text) as the file was. Raises UnicodeEncodeError when it does not fit."""
        raw = (self.text if text is None else text).encode(self.encoding)
        return codecs.BOM_UTF8 + raw if self.bom else raw

    def with_text(self, text: str) -> SourceText:
        """The same file with another text."""
        return SourceText(text, self.encoding, self.bom)

    @property
    def line_starts(self) -> Sequence[int]:
        """The offset of the first code point of every line."""
        if not self._starts:
            self._starts.append(0)
            self._starts.extend(match.end() for match in _LINE_END.finditer(self.text))
        return self._starts

    @property
    def newline(self) -> str:
        """The line ending that the first line has; a line feed when there is none."""
        match = _LINE_END.search(self.text)
        return match.group() if match else "\n"

    def position(self, offset: int) -> Position:
        """The line and column (from 1) of an offset."""
        starts = self.line_starts
        line = bisect_right(starts, offset)
        return Position(line, offset - starts[line - 1] + 1)

    def offset(self, position: Position) -> int:
        """The offset of a line and column (from 1); a column behind the line's end gives that end."""
        starts = self.line_starts
        if position.line > len(starts):
            return len(self.text)
        start = starts[position.line - 1]
        return min(start + position.column - 1, start + len(self.line(position.line)))

    def line(self, number: int) -> str:
        """The text of a line (from 1) without its line ending; an empty string when there is none."""
        starts = self.line_starts
        if not 1 <= number <= len(starts):
            return ""
        end = starts[number] if number < len(starts) else len(self.text)
        return self.text[starts[number - 1] : end].rstrip("\r\n")


def _declared_encoding(raw: bytes) -> str | None:
    """The encoding that a PEP 263 comment in the first two lines names."""
    for line in re.split(rb"\r\n|\n|\r", raw[:_COOKIE_BYTES], maxsplit=2)[:2]:
        match = _COOKIE.match(line)
        if match:
            return match.group(1).decode("ascii", "replace")
        if not _BLANK.match(line):
            return None
    return None
