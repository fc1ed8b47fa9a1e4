"""The core: check one text, fix one text. No files, no printing, no processes."""

from __future__ import annotations

import hashlib
import re
import traceback
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from kerascheck.edits import Edit, Fix, apply
from kerascheck.finding import Claim, Excerpt, Finding, PlacedEdit, Related, Severity, Status
from kerascheck.registry import all_rules
from kerascheck.rule import RawReport, RelatedNode, Rule
from kerascheck.semantic.module import Module, SyntaxProblem, parse, python_problem
from kerascheck.semantic.positions import PositionsLostError
from kerascheck.suppress import Suppressions
from kerascheck.text import Position, SourceText, Span
from kerascheck.words import Written

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

    from kerascheck.semantic.project import Project, Reader
    from kerascheck.semantic.target import Target

MAXIMUM_PASSES = 10
BATCH = 16  # texts that `check_many` hands out together
AHEAD = 64  # batches under way
TOOL_NAMES = {"KC000": "syntax-error", "KC001": "unused-suppression", "KC002": "internal-error"}


class Confirm(Protocol):
    """Proves findings in a real Keras, and whether fixes mend them."""

    def __call__(self, findings: Sequence[Finding], module: Module, /) -> list[Finding]:
        """The findings with their verdicts."""

    def prove(self, finding: Finding, before: Module, after: Module, place: int, edits: Sequence[Edit], /) -> str:
        """Why a fix cannot be kept, or "" when the experiment that failed before passes after it.

        `place` is where the finding stands in the text after the fixes.
        """


_CELL = re.compile(r"# notebook cell-* (\d+)(?:, python 2)?\r?")


@dataclass(frozen=True)
class Options:
    """What a front asks of the engine for one file.

    `codes` are the selected codes after per-file settings. `noqa` is off in flake8, which reads its own
    comments. `keep_unused` keeps KC001 quiet, as in flake8. `confirm` gives findings their verdicts; with it only
    confirmed findings are fixed, and only when the experiment passes after the fix.
    """

    codes: frozenset[str]
    target: Target
    noqa: bool = True
    keep_unused: bool = False
    confirm: Confirm | None = None


@dataclass(frozen=True)
class Checked:
    """The findings of one text, sorted by place, and the other files that they depend on."""

    findings: tuple[Finding, ...]
    dependencies: tuple[str, ...] = ()


@dataclass(frozen=True)
class Fixed:
    """A repaired text, what is left, and for each pass the text it found and the fixes it made, as findings there."""

    source: SourceText
    passes: tuple[tuple[SourceText, tuple[Finding, ...]], ...]
    left: Checked

    @property
    def applied(self) -> tuple[Finding, ...]:
        """The fixes that went into the text; the place of each is that in the text of its pass."""
        return tuple(finding for _, found in self.passes for finding in found)


def mentions_keras(text: str) -> bool:
    """Whether a text can have findings at all: a cheap test that needs no parser."""
    return "keras" in text or ("tensorflow" in text and "set_random_seed" in text)


def check(source: SourceText, path: str, options: Options, project: Project | None = None) -> Checked:
    """Find the faults of one text. `path` is shown in findings and not opened.

    Rules are run where their words stand; a text in which no selected rule has its words is not parsed.
    """
    rules = [rule for rule in all_rules() if rule.code in options.codes]
    written = Written(source, path, project)
    if not written.may_find(rules) and ("KC000" not in options.codes or python_problem(source.text) is None):
        if project is not None:
            project.pass_over(source, path)
        suppressions = Suppressions.of(source.text, noqa=options.noqa)
        return Checked(with_fingerprints(_sorted(_unused(suppressions, source, path, options))))
    try:
        module = _module(source, path, options, project)
    except SyntaxProblem as problem:
        return Checked(_syntax_error(source, path, problem, options))
    findings: list[Finding] = []
    for rule in rules:
        findings.extend(_run(rule, module, written, path, options))
    suppressions = Suppressions.of(source.text, noqa=options.noqa)
    kept = [finding for finding in findings if not suppressions.silences(finding)]
    kept = _sorted([*kept, *_unused(suppressions, source, path, options)])
    if options.confirm is not None:
        kept = options.confirm(kept, module)
    return Checked(with_fingerprints(kept), module.dependencies)


def check_many(
    sources: Iterable[tuple[SourceText, str]],
    options: Options,
    *,
    executor: Executor | None = None,
    reader: Reader | None = None,
) -> Iterator[Checked]:
    """The findings of each text with its path, in the order given; with `reader` imports are followed into its files.

    With an `executor` (of processes, threads, or a cluster such as `distributed.Client().get_executor()`) the texts are
    handed out to it in batches of BATCH, with `options` and `reader`, which must go through pickle then; at most AHEAD
    batches are under way, so that `sources` may be endless. The files of one project should follow one another: those
    of a batch share what they read. What the executor raises is raised when the batch's turn comes.
    """
    batches = _batches(sources)
    if executor is None:
        for batch in batches:
            yield from _check_batch(batch, options, reader)
        return
    pending: deque[Future[list[Checked]]] = deque()
    try:
        for batch in batches:
            pending.append(executor.submit(_check_batch, batch, options, reader))
            if len(pending) >= AHEAD:
                yield from pending.popleft().result()
        while pending:
            yield from pending.popleft().result()
    finally:
        for future in pending:
            future.cancel()


def _batches(sources: Iterable[tuple[SourceText, str]]) -> Iterator[list[tuple[SourceText, str]]]:
    rest = iter(sources)
    while batch := list(islice(rest, BATCH)):
        yield batch


def _check_batch(batch: Sequence[tuple[SourceText, str]], options: Options, reader: Reader | None) -> list[Checked]:
    project = None
    if reader is not None:
        from kerascheck.semantic.project import Project

        project = Project(reader, options.target)
    return [
        check(source, path, options, project) if _may_have_findings(source, path, project) else Checked(())
        for source, path in batch
    ]


def _may_have_findings(source: SourceText, path: str, project: Project | None) -> bool:
    return mentions_keras(source.text) or (project is not None and project.reaches_keras(path, source.text))


def fix(source: SourceText, path: str, options: Options, *, unsafe: bool, project: Project | None = None) -> Fixed:
    """Apply fixes until nothing changes, at most ten passes.

    A pass whose result does not parse is our fault: the text stays as it was before it, and KC002 names the rules.
    When the passes come to no end, the text stays as it was before them all.
    """
    passes: list[tuple[SourceText, tuple[Finding, ...]]] = []
    refused: dict[str, str] = {}
    first = checked = check(source, path, options, project)
    original = source
    while True:
        wanted = {
            id(finding.fix): finding
            for finding in checked.findings
            if finding.fix is not None and (finding.fix.safe or unsafe) and _is_confirmed(finding, options)
        }
        _leave_unproved(wanted, refused, source, path, options, project)
        text, done = apply(source.text, [finding.fix for finding in wanted.values() if finding.fix is not None])
        if not done or text == source.text:
            return Fixed(source, tuple(passes), _explained(checked, refused))
        if len(passes) == MAXIMUM_PASSES:
            break
        fixed = source.with_text(text)
        used = [wanted[id(item)] for item in done]
        again = check(fixed, path, options, project)
        if any(finding.code == "KC000" for finding in again.findings):
            names = sorted({finding.code for finding in used})
            problem = _internal(
                source, path, f"the fix of {', '.join(names)} would break this file; it was not applied"
            )
            return Fixed(source, tuple(passes), Checked((*checked.findings, problem), checked.dependencies))
        passes.append((source, tuple(used)))
        source, checked = fixed, again
    names = sorted({wanted[id(item)].code for item in done})
    problem = _internal(original, path, f"the fixes of {', '.join(names)} do not come to an end; none was applied")
    return Fixed(original, (), Checked((*first.findings, problem), first.dependencies))


def _leave_unproved(
    wanted: dict[int, Finding],
    refused: dict[str, str],
    source: SourceText,
    path: str,
    options: Options,
    project: Project | None,
) -> None:
    """Take out of `wanted` the fixes after which the experiment still fails; `refused` gets the reasons.

    All are tried together, as they would be written: the fixes of one class may need one another.
    """
    if options.confirm is None:
        return
    before: Module | None = None
    while True:
        for key, finding in list(wanted.items()):
            if finding.fingerprint in refused:
                del wanted[key]
        text, done = apply(source.text, [finding.fix for finding in wanted.values() if finding.fix is not None])
        claims = [wanted[id(item)] for item in done if wanted[id(item)].claim is not Claim.NONE]
        if not claims:
            return
        try:
            before = before or _module(source, path, options, project)
            after = _module(source.with_text(text), path, options, project)
        except SyntaxProblem:
            return  # the next check tells whose fault that is
        edits = sorted({edit for item in done for edit in item.edits})
        failed = {}
        for finding in claims:
            assert finding.fix is not None
            place = _moved(source.offset(finding.start), edits)
            reason = options.confirm.prove(finding, before, after, place, finding.fix.edits)
            if reason:
                failed[finding.fingerprint] = reason
        if not failed:
            return
        refused.update(failed)


def _module(source: SourceText, path: str, options: Options, project: Project | None) -> Module:
    return project.start(source, path) if project is not None else parse(source, path, options.target)


def _moved(offset: int, edits: Iterable[Edit]) -> int:
    """Where a place is after edits; one that was replaced is where its replacement starts."""
    shift = 0
    for edit in sorted(edits):
        if edit.end <= offset and (edit.end < offset or edit.start == edit.end):
            shift += len(edit.text) - (edit.end - edit.start)
        elif edit.start <= offset:
            return edit.start + shift
    return offset + shift


def _explained(checked: Checked, refused: dict[str, str]) -> Checked:
    """The findings that are left, with the reason in the verdict where a fix was not kept."""
    if not refused:
        return checked
    findings = []
    for finding in checked.findings:
        reason = refused.get(finding.fingerprint)
        if reason and finding.verdict is not None:
            evidence = f"{finding.verdict.evidence}; not fixed: {reason}"
            finding = replace(finding, verdict=replace(finding.verdict, evidence=evidence))
        findings.append(finding)
    return replace(checked, findings=tuple(findings))


def _is_confirmed(finding: Finding, options: Options) -> bool:
    """With a confirmer only what was proved is repaired; what claims nothing that can be run is repaired as ever."""
    if options.confirm is None or finding.claim is Claim.NONE:
        return True
    return finding.verdict is not None and finding.verdict.status is Status.CONFIRMED


def place(
    source: SourceText,
    path: str,
    span: Span,
    *,
    code: str,
    name: str,
    severity: Severity,
    message: str,
    fix: Fix | None = None,
    claim: Claim = Claim.NONE,
    subject: str = "",
    related: tuple[Related, ...] = (),
) -> Finding:
    """A finding at a span of a text."""
    start, end = source.position(span.start), source.position(max(span.start, span.end))
    last = min(end.line, start.line + 2)
    return Finding(
        path=path,
        code=code,
        name=name,
        severity=severity,
        message=message,
        start=start,
        end=end,
        fix=fix,
        edits=tuple(_placed(source, edit) for edit in fix.edits) if fix else (),
        related=related,
        excerpt=Excerpt(start.line, tuple(source.line(number) for number in range(start.line, last + 1))),
        claim=claim,
        subject=subject,
    )


def _sorted(findings: Iterable[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda finding: finding.sort_key)


def _run(rule: type[Rule], module: Module, written: Written, path: str, options: Options) -> Iterable[Finding]:
    """The findings of one rule; a rule that fails is reported as KC002 and the run goes on."""
    try:
        if not written.allow(rule, module):
            return []
        instance = rule(module)
        instance.check()
        return [_finding(rule, module, path, report) for report in instance.reports]
    except PositionsLostError:
        return []
    except Exception as error:  # the one broad except of the program: a fault of ours must not stop the run
        where = traceback.extract_tb(error.__traceback__)[-1]
        if "KC002" not in options.codes:
            return []
        return [
            _internal(
                module.source,
                path,
                f"rule {rule.code} failed with {type(error).__name__}: {error} ({where.name}, line {where.lineno})",
            )
        ]


def _finding(rule: type[Rule], module: Module, path: str, report: RawReport) -> Finding:
    related = tuple(_related(item) for item in report.related)
    return place(
        module.source,
        path,
        module.span(report.node),
        code=rule.code,
        name=rule.name(),
        severity=report.severity,
        message=report.message,
        fix=report.fix,
        claim=report.claim,
        subject=report.subject,
        related=related,
    )


def _related(item: RelatedNode) -> Related:
    line, column = _line_column(item.module, item.node)
    cell = None
    if item.module.path.endswith(".ipynb"):  # `notebooks` writes a comment above each cell
        for above in range(line, 0, -1):
            marker = _CELL.fullmatch(item.module.source.line(above))
            if marker is not None:
                cell, line = int(marker[1]), max(line - above, 1)
                break
    return Related(item.module.path, line, column, item.message, cell)


def _line_column(module: Module, node: object) -> tuple[int, int]:
    position = module.source.position(module.span(node).start)  # type: ignore[arg-type]
    return position.line, position.column


def _placed(source: SourceText, edit: Edit) -> PlacedEdit:
    return PlacedEdit(source.position(edit.start), source.position(edit.end), edit.text)


def _tool_finding(
    source: SourceText, path: str, span: Span, code: str, severity: Severity, message: str, fix: Fix | None = None
) -> Finding:
    return place(source, path, span, code=code, name=TOOL_NAMES[code], severity=severity, message=message, fix=fix)


def _syntax_error(source: SourceText, path: str, problem: SyntaxProblem, options: Options) -> tuple[Finding, ...]:
    if "KC000" not in options.codes:
        return ()
    start = source.offset(Position(problem.line, problem.column))
    return with_fingerprints(
        [
            _tool_finding(
                source, path, Span(start, start), "KC000", Severity.ERROR, f"cannot be parsed: {problem.message}"
            )
        ]
    )


def _internal(source: SourceText, path: str, message: str) -> Finding:
    return _tool_finding(source, path, Span(0, 0), "KC002", Severity.ERROR, message)


def _unused(suppressions: Suppressions, source: SourceText, path: str, options: Options) -> Iterable[Finding]:
    if "KC001" not in options.codes or options.keep_unused:
        return
    for unused in suppressions.unused(options.codes):
        yield _tool_finding(source, path, unused.span, "KC001", Severity.WARNING, unused.message, unused.fix)


def with_fingerprints(findings: list[Finding]) -> tuple[Finding, ...]:
    """Give each finding a name that survives moved lines: path, code, the line's text and its ordinal among equals."""
    seen: dict[str, int] = {}
    named: list[Finding] = []
    for finding in findings:
        line = "".join(finding.excerpt.lines[:1]).split() if finding.excerpt else []
        base = "\0".join((finding.path, finding.code, " ".join(line), finding.message))
        ordinal = seen[base] = seen.get(base, 0) + 1
        digest = hashlib.blake2b(f"{base}\0{ordinal}".encode("utf-8", "surrogatepass"), digest_size=10).hexdigest()
        named.append(replace(finding, fingerprint=digest))
    return tuple(named)
