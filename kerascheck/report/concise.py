"""`--format concise`: one line a finding."""

from __future__ import annotations

from collections.abc import Iterable

from kerascheck.finding import Finding, Severity


def render(findings: Iterable[Finding]) -> str:
    """`path:line:column: severity CODE message [--fix] [verdict]`; in a notebook `path:cell N:line:column: ...`."""
    ordered = sorted(findings, key=lambda finding: finding.severity is Severity.INFO)
    return "".join(f"{line(finding)}\n" for finding in ordered)


def line(finding: Finding) -> str:
    """One finding in one line."""
    head = f"{place(finding)}: {finding.severity.label} {finding.code} {one_line(finding.message)}"
    if finding.fix is not None:
        head += " [--fix]" if finding.fix.safe else " [--fix --unsafe-fixes]"
    return head if finding.verdict is None else f"{head} [{finding.verdict.status.value}]"


def place(finding: Finding) -> str:
    """Where a finding is, as editors and terminals understand it."""
    cell = "" if finding.cell is None else f"cell {finding.cell}:"
    return f"{one_line(finding.path)}:{cell}{finding.start.line}:{finding.start.column}"


def one_line(text: str) -> str:
    """A text without control characters: names of files and pieces of code must not move the cursor."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else _escaped(character) for character in text)


def _escaped(character: str) -> str:
    return " " if character in "\t\r\n" else character.encode("unicode_escape").decode("ascii")
