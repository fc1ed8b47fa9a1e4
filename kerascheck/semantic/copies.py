"""Arrays whose rows are many copies of each other, by the text that makes them."""

from __future__ import annotations

import re

_LONGEST = 2_000  # characters of a statement
_MOST_NAMES = 20  # that rows go through: `x = y`
ENOUGH = 10  # of that many copies one is in each part of a split, but for one row in millions

_NUMBER = r"(?:int\(\s*)?(\d[\d_]*(?:\.\d*)?(?:[eE]\d+)?)\s*\)?"
_MADE = (
    rf"\.repeat\(\s*(?:repeats\s*=\s*)?(?:{_NUMBER}|(\w+))\s*[,)]",
    rf"\b(?:np|numpy|tf|ops)\.(?:repeat|tile)\([^()\n]*(?:\([^()\n]*\)[^()\n]*)*?,\s*(?:repeats\s*=\s*|reps\s*=\s*)?"
    rf"[(\[]?\s*(?:{_NUMBER}|(\w+))\s*[,)\]]",
)


def are_copies(text: str, name: str) -> bool:
    """Whether an array of this name has each row at least `ENOUGH` times, by the statements of a text that assign it.

    It is a `repeat` or `tile` with a written number, and what is assigned later is made from it row by row, such as
    with noise added.
    """
    for _ in range(_MOST_NAMES):
        for match in reversed(list(re.finditer(rf"(?m)^[ \t]*{re.escape(name)}[ \t]*=(?!=)[ \t]*", text))):
            value = _statement(text[match.end() : match.end() + _LONGEST])
            above = text[: match.start()]
            if any(_count(above, found) >= ENOUGH for way in _MADE for found in re.finditer(way, value)):
                return True
            other = re.match(r"(\w+)[ \t]*(?:[-+*/]|$)", value)
            if other is None:
                return False
            if other[1] != name:
                text, name = above, other[1]
                break
        else:
            return False
    return False


def _statement(text: str) -> str:
    """A text up to the end of its first line outside of parentheses; comments are cut off."""
    depth, kept = 0, []
    for line in text.splitlines():
        line = line.partition("#")[0]
        kept.append(line.strip())
        depth += sum(line.count(mark) for mark in "([{") - sum(line.count(mark) for mark in ")]}")
        if depth <= 0:
            break
    return " ".join(kept)


def _count(text: str, made: re.Match[str]) -> float:
    number, name = made[1], made[2]
    if number is None and name is not None:
        given = re.findall(rf"(?m)^[ \t]*{re.escape(name)}[ \t]*=[ \t]*{_NUMBER}[ \t\r]*(?:#.*)?$", text)
        number = given[-1] if given else None
    return float(number.replace("_", "")) if number else 0.0
