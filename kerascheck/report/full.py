"""`--format full`: the finding, its code with the span underlined, and the fix's title."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator

from kerascheck.finding import Finding, Severity, Verdict
from kerascheck.report.concise import line, one_line, place

_TAB = 4
_COLORS = {Severity.ERROR: "31;1", Severity.WARNING: "33;1", Severity.INFO: "36"}


def render(findings: Iterable[Finding], *, color: bool = False) -> str:
    """Errors and warnings with their code, in the order given, then the info findings, one line each."""
    ordered = list(findings)
    blocks = [_block(finding, color) for finding in ordered if finding.severity is not Severity.INFO]
    quiet = [f"{line(finding)}\n" for finding in ordered if finding.severity is Severity.INFO]
    if quiet:
        blocks.append("".join(quiet))
    return "\n".join(blocks)


def _block(finding: Finding, color: bool) -> str:
    tint = _COLORS[finding.severity]
    label = _painted(f"{finding.severity.label} {finding.code}", tint, color)
    lines = [
        f"{_painted(place(finding), '1', color)}: {label} {finding.name}{' [refuted]' if finding.refuted else ''}",
        f"  {one_line(finding.message)}",
        *_frame(finding, tint, color),
    ]
    for related in finding.related:
        cell = "" if related.cell is None else f"cell {related.cell}:"
        where = f"{one_line(related.path)}:{cell}{related.line}:{related.column}"
        lines.append(f"  see {where}: {one_line(related.message)}")
    if finding.verdict is not None:
        lines.append(f"  {_verdict(finding.verdict)}")
    if finding.fix is not None:
        how = "--fix" if finding.fix.safe else "--fix --unsafe-fixes"
        lines.append(f"  {_painted('fix:', '32', color)} {one_line(finding.fix.title)} ({how})")
    return "".join(f"{text}\n" for text in lines)


def _frame(finding: Finding, tint: str, color: bool) -> Iterator[str]:
    """The lines of the excerpt, each with its part of the span underlined."""
    excerpt = finding.excerpt
    if excerpt is None or not any(text.strip() for text in excerpt.lines):
        return
    width = len(str(excerpt.first_line + len(excerpt.lines) - 1))
    yield f"  {' ' * width} |"
    for number, text in enumerate(excerpt.lines, excerpt.first_line):
        yield f"  {number:>{width}} | {_shown(text)}".rstrip()
        start, end = _underlined(finding, number, text)
        if start < end or number == finding.start.line == finding.end.line:
            gap = " " * _columns(text[:start])
            marks = "^" * max(_columns(text[:end]) - _columns(text[:start]), 1)
            yield f"  {' ' * width} | {gap}{_painted(marks, tint, color)}"
    if finding.end.line > excerpt.first_line + len(excerpt.lines) - 1:
        yield f"  {' ' * width} | ..."


def _underlined(finding: Finding, number: int, text: str) -> tuple[int, int]:
    """The offsets in a line between which the span lies, without the indentation of later lines."""
    if not finding.start.line <= number <= finding.end.line:
        return 0, 0
    start = finding.start.column - 1 if number == finding.start.line else len(text) - len(text.lstrip())
    end = finding.end.column - 1 if number == finding.end.line else len(text.rstrip())
    return min(start, len(text)), min(end, len(text))


def _shown(text: str) -> str:
    """A line as a terminal shows it: tabs as spaces, control characters as escapes, very long lines as they are."""
    return one_line("".join(" " * _TAB if character == "\t" else character for character in text))


def _columns(text: str) -> int:
    """How many columns of a terminal a text takes as `_shown` writes it."""
    if text.isascii() and text.isprintable():
        return len(text)
    return sum(_width(character) for character in _shown(text))


def _width(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _verdict(verdict: Verdict) -> str:
    text = f"{verdict.status.value.replace('-', ' ')}: {one_line(verdict.evidence)}"
    if not verdict.keras or not verdict.seconds:  # nothing was run
        return text
    return f"{text} (keras {verdict.keras}, {verdict.backend}, {verdict.seconds:.1f} s)"


def _painted(text: str, style: str, color: bool) -> str:
    return f"\x1b[{style}m{text}\x1b[0m" if color else text
