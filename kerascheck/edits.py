"""Text edits: what a fix is made of, and how fixes are applied together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise


class Applicability(Enum):
    """SAFE: a program that ran keeps its results, its log keys and its files. UNSAFE: one of these may change."""

    SAFE = "safe"
    UNSAFE = "unsafe"


@dataclass(frozen=True, order=True)
class Edit:
    """Replace the code points `start` to `end` (exclusive, from 0) of the decoded text by `text`."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Fix:
    """Edits that are applied whole or not at all. The title is an order: "add `training=None` to `call`"."""

    title: str
    edits: tuple[Edit, ...]
    applicability: Applicability

    @property
    def safe(self) -> bool:
        """Whether the fix is applied without being asked for."""
        return self.applicability is Applicability.SAFE


def apply(text: str, fixes: Iterable[Fix]) -> tuple[str, list[Fix]]:
    """Apply the fixes that do not touch one another, in the order of their first edit.

    Equal edits of two fixes (one import for both) count once. A fix that overlaps or touches an edit
    already taken waits. Returns the new text and the fixes that were applied.
    """
    taken: set[Edit] = set()
    applied: list[Fix] = []
    for fix in sorted(fixes, key=lambda item: (min(item.edits), item.title) if item.edits else (Edit(0, 0, ""), "")):
        fresh = [edit for edit in dict.fromkeys(fix.edits) if edit not in taken]
        if not fix.edits or _collide(fresh) or any(_touch(edit, other) for edit in fresh for other in taken):
            continue
        taken.update(fresh)
        applied.append(fix)
    pieces: list[str] = []
    end = 0
    for edit in sorted(taken):
        pieces += (text[end : edit.start], edit.text)
        end = edit.end
    pieces.append(text[end:])
    return "".join(pieces), applied


def _touch(one: Edit, other: Edit) -> bool:
    return one.start <= other.end and other.start <= one.end


def _collide(edits: list[Edit]) -> bool:
    """Whether edits of one fix overlap; two that only touch are fine within one fix."""
    ordered = sorted(edits)
    return any(
        first.end > second.start or (first.start, first.end) == (second.start, second.end)
        for first, second in pairwise(ordered)
    )
