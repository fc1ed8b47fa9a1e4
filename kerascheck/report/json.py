"""`--format json`: an array of objects with the documented keys, in that order."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from kerascheck.finding import Finding, PlacedEdit
from kerascheck.pages import url
from kerascheck.text import Position


def render(findings: Iterable[Finding]) -> str:
    """The whole report, in ASCII so that any terminal and pipe carries it. Lines and columns are counted from 1."""
    return json.dumps([as_object(finding) for finding in findings], indent=2) + "\n"


def as_object(finding: Finding) -> dict[str, Any]:
    """One finding."""
    return {
        "path": finding.path,
        "line": finding.start.line,
        "column": finding.start.column,
        "end_line": finding.end.line,
        "end_column": finding.end.column,
        "cell": finding.cell,
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity.label,
        "message": finding.message,
        "url": url(finding.code, finding.name),
        "fix": _fix(finding),
        "verdict": _verdict(finding),
        "fingerprint": finding.fingerprint,
    }


def _fix(finding: Finding) -> dict[str, Any] | None:
    if finding.fix is None:
        return None
    return {
        "title": finding.fix.title,
        "applicability": finding.fix.applicability.value,
        "edits": [_edit(edit, finding.cell) for edit in finding.edits],
    }


def _edit(edit: PlacedEdit, cell: int | None) -> dict[str, Any]:
    shown: dict[str, Any] = {"start": _position(edit.start), "end": _position(edit.end), "text": edit.text}
    if edit.cell != cell:  # an edit in another cell than the finding's must not be taken for one in it
        shown["cell"] = edit.cell
    return shown


def _position(position: Position) -> dict[str, int]:
    return {"line": position.line, "column": position.column}


def _verdict(finding: Finding) -> dict[str, Any] | None:
    verdict = finding.verdict
    if verdict is None:
        return None
    return {
        "status": verdict.status.value,
        "evidence": verdict.evidence,
        "keras": verdict.keras,
        "backend": verdict.backend,
        "seconds": verdict.seconds,
    }
