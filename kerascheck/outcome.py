"""What comes of looking at a file."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from kerascheck.finding import Finding


class Mode(Enum):
    """What a run does with fixes: nothing, show them, or write them."""

    CHECK = "check"
    DIFF = "diff"
    FIX = "fix"


@dataclass(frozen=True)
class Outcome:
    """What came of one file. `problems` are lines for stderr; `changed` says that a fix was or would be written."""

    path: str
    findings: tuple[Finding, ...] = ()
    applied: tuple[Finding, ...] = ()
    problems: tuple[str, ...] = ()
    diff: str = ""
    changed: bool = False
    target: str = ""
    raw: bytes = b""
