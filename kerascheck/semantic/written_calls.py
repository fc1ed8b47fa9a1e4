"""Calls and imports in a text, as they are written; comments and what stands in quotes are taken out before."""

from __future__ import annotations

import re

LONGEST_CALL = 4000
_PARENTHESIS = re.compile(r"[()]")
_IMPORT_LINE = re.compile(r"^[ \t]*(?:from|import)\b[^\n]*$")


def is_imported(text: str, start: int, end: int) -> bool:
    """Whether a line is one of an import: by itself, or inside of `import (...)`."""
    if _IMPORT_LINE.match(text[start:end]):
        return True
    opened = text.rfind("(", 0, start)
    return opened >= 0 and text[:opened].rstrip().endswith("import") and ")" not in text[opened:start]


def call_at(text: str, start: int) -> str:
    """What stands in the parentheses that are opened before a place."""
    depth = 1
    for match in _PARENTHESIS.finditer(text, start, start + LONGEST_CALL):
        depth += 1 if match[0] == "(" else -1
        if not depth:
            return text[start : match.start()]
    return ""


def arguments_in(given: str) -> list[str]:
    """The arguments in what stands in parentheses."""
    found, start, depth = [], 0, 0
    for index, mark in enumerate(given):
        depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(mark, 0)
        if mark == "," and not depth:
            found.append(given[start:index].strip())
            start = index + 1
    return [*found, last] if (last := given[start:].strip()) else found
