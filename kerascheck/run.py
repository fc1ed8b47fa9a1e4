"""Looking at files, one by one or in several processes: bytes in, findings and fixed bytes out."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from itertools import groupby, takewhile
from typing import TYPE_CHECKING

from kerascheck import engine, files, notebooks
from kerascheck.cache import Recorder
from kerascheck.collector import give_back, seldom
from kerascheck.finding import Finding, Severity
from kerascheck.outcome import Mode, Outcome
from kerascheck.processes import ProcessDied, Stretches, share_out
from kerascheck.settings import SettingsError
from kerascheck.surroundings import Overrides, Surroundings
from kerascheck.text import DecodeError, SourceText, Span

if TYPE_CHECKING:
    from kerascheck.engine import Checked, Confirm, Options
    from kerascheck.semantic.project import Project
    from kerascheck.settings import Settings

PARALLEL_FROM = 40  # files; below it the processes cost more than they give
SHARES = 24  # that the work of each process is cut into, so that all end at about the same time
FEW = 6  # files so long that they would be one of so few shares are begun first
OUTPUTS = 10  # so much of a notebook, at least, is what its cells have shown
LONG = 150_000  # bytes; the tree of a file so long takes more than a hundred megabytes


def look_at(path: str, mode: Mode, surroundings: Surroundings, raw: bytes | None = None) -> Outcome:
    """Check, or fix, one file; with `raw` the bytes that were read from elsewhere, and nothing is written."""
    shown = files.display(path)
    given = raw is not None
    try:
        if raw is None:
            raw = files.read(path, surroundings.recorder)
        files.check_size(path, raw)
        options = surroundings.options(path, raw)
        unsafe = surroundings.settings(path).unsafe_fixes
        project = surroundings.project(options.target)
    except (files.FileProblem, SettingsError) as problem:
        return Outcome(shown, problems=(str(problem),))
    target = options.target.text + (f", {options.target.backend}" if options.target.backend else "")
    if mode is Mode.CHECK:
        return Outcome(shown, check(raw, shown, options, project).findings, target=target, raw=raw)
    try:
        after, applied, left = fix(raw, shown, options, unsafe=unsafe, project=project)
    except (notebooks.NotebookRefused, UnicodeEncodeError) as error:
        refusal = f"{shown}: not fixed: {error}; the file is as it was"
        return Outcome(shown, check(raw, shown, options, project).findings, problems=(refusal,), target=target, raw=raw)
    if mode is Mode.FIX and after != raw and not given:
        try:
            files.write(path, raw, after)
        except files.FileProblem as error:
            findings = check(raw, shown, options, project).findings
            return Outcome(shown, findings, problems=(str(error),), target=target, raw=raw)
    return Outcome(
        shown,
        left.findings,
        applied,
        diff=difference(shown, raw, after) if mode is Mode.DIFF else "",
        changed=after != raw,
        target=target,
        raw=after,
    )


def check(raw: bytes, path: str, options: Options, project: Project | None = None) -> Checked:
    """The findings of the bytes of a source file or, by its name, of a notebook."""
    if path.endswith(".ipynb"):
        return notebooks.check(raw, path, options, project)
    try:
        source = SourceText.from_bytes(raw)
    except DecodeError as error:
        return _undecodable(raw, path, error, options)
    return engine.check(source, path, options, project)


def fix(
    raw: bytes, path: str, options: Options, *, unsafe: bool, project: Project | None = None
) -> tuple[bytes, tuple[Finding, ...], Checked]:
    """The bytes after fixing, the fixes applied, and what is left.

    Raises NotebookRefused or UnicodeEncodeError when the result cannot be written.
    """
    if path.endswith(".ipynb"):
        fixed = notebooks.fix(raw, path, options, unsafe=unsafe, project=project)
        return fixed.raw, fixed.applied, fixed.left
    try:
        source = SourceText.from_bytes(raw)
    except DecodeError as error:
        return raw, (), _undecodable(raw, path, error, options)
    result = engine.fix(source, path, options, unsafe=unsafe, project=project)
    if result.source.text == source.text:
        return raw, (), result.left
    if source.to_bytes() != raw:
        raise notebooks.NotebookRefused(f"its encoding `{source.encoding}` cannot be written back byte for byte")
    return result.source.to_bytes(), result.applied, result.left


def look_at_all(
    paths: Sequence[str],
    mode: Mode,
    overrides: Overrides,
    jobs: int | None = None,
    confirmer: Callable[[Settings, bytes], Confirm] | None = None,
    recorder: Recorder | None = None,
) -> Iterator[Outcome]:
    """The outcome of every file, in the order of `paths`; many files are shared out to processes.

    `jobs` is how many processes at most; None means one for each processor. With a `confirmer` all is done in this
    one: its child process is what takes the time. What the outcomes hang on goes into `recorder`.
    """
    available = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    count = min(available if jobs is None else jobs, len(paths)) if confirmer is None else 1
    done = 0
    if count > 1 and (len(paths) > PARALLEL_FROM or (jobs is not None and len(paths) > 1)):
        try:
            for outcome in _in_processes(paths, mode, overrides, count, recorder):
                done += 1
                yield outcome
        except ProcessDied:
            pass  # a process died, or there can be none here: go on in this one
    yield from _one_by_one(paths[done:], mode, Surroundings(overrides, confirmer, recorder))


def _one_by_one(paths: Sequence[str], mode: Mode, surroundings: Surroundings) -> Iterator[Outcome]:
    """The outcomes in order, without the bytes of files, for which nobody asks.

    Where nothing is written, the longest files are looked at before anything is kept, and what they took is given back:
    what a parser takes for a moment is the most that a run needs (measured on 7,846 files: 955 MB in the order of the
    files, 733 MB so; a process that only parses the longest one takes 403 MB).
    """
    long = {path: size for path in paths if not path.endswith(".ipynb") and (size := _size(path)) > LONG}
    early: dict[str, Outcome] = {}
    with seldom():
        if mode is Mode.CHECK and len(paths) > 1:
            for path in sorted(long, key=lambda path: -long[path]):
                early[path] = replace(look_at(path, mode, surroundings), raw=b"")
            if early:
                surroundings.forget()
                give_back()
        for path in paths:
            yield early[path] if path in early else replace(look_at(path, mode, surroundings), raw=b"")


def look_again(
    paths: Sequence[str], outcomes: Sequence[Outcome], overrides: Overrides, jobs: int | None = None
) -> list[Outcome]:
    """The outcomes after all fixes: what a file was found guilty of may be mended by the fix of another file.

    `paths` and `outcomes` are those of `look_at_all` with fixes that were written. A finding that is still there keeps
    its verdict.
    """
    changed = [at for at, outcome in enumerate(outcomes) if outcome.changed]
    again = [at for at, outcome in enumerate(outcomes) if outcome.findings and changed not in ([], [at])]
    found = list(outcomes)
    for at, now in zip(again, look_at_all([paths[at] for at in again], Mode.CHECK, overrides, jobs)):
        known = {finding.fingerprint: finding for finding in outcomes[at].findings}
        kept = [item for item in outcomes[at].findings if item.code == "KC002"]  # why it was not fixed
        left = [known.get(finding.fingerprint, finding) for finding in now.findings]
        found[at] = replace(outcomes[at], findings=(*left, *(item for item in kept if item not in left)))
    return found


def difference(path: str, before: bytes, after: bytes) -> str:
    """A unified diff of two versions of a file; of a notebook, one for each changed cell."""
    if before == after:
        return ""
    if path.endswith(".ipynb"):
        cells = notebooks.cell_changes(before, after)
        return "".join(_unified(f"{path}:cell {index}", old, new) for index, old, new in cells)
    return _unified(path, SourceText.from_bytes(before).text, SourceText.from_bytes(after).text)


def _unified(name: str, before: str, after: str) -> str:
    lines = difflib.unified_diff(_lines(before), _lines(after), name, name)
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _lines(text: str) -> list[str]:
    """Lines as diff sees them: only a line feed ends one."""
    lines = text.split("\n")
    return [f"{line}\n" for line in lines[:-1]] + lines[-1:] * bool(lines[-1])


def _undecodable(raw: bytes, path: str, error: DecodeError, options: Options) -> Checked:
    """The one finding of a file whose bytes are no text."""
    if "KC000" not in options.codes:
        return engine.Checked(())
    cause = error.__cause__
    start = cause.start if isinstance(cause, UnicodeDecodeError) else 0
    finding = engine.place(
        SourceText(raw.decode("latin-1")),
        path,
        Span(start, start),
        code="KC000",
        name=engine.TOOL_NAMES["KC000"],
        severity=Severity.ERROR,
        message=f"cannot be parsed: {error}",
    )
    return engine.Checked(engine.with_fingerprints([finding]))


def _in_processes(
    paths: Sequence[str], mode: Mode, overrides: Overrides, count: int, recorder: Recorder | None
) -> Iterator[Outcome]:
    """The outcomes in order."""
    weights = [_size(path) // (OUTPUTS if path.endswith(".ipynb") else 1) for path in paths]
    parts = [path.split(os.sep) for path in paths]
    cuts = _runs(parts, weights, max(sum(weights) // (count * SHARES), 1))
    common = [_shared(parts[start - 1], parts[start]) if start else 0 for start, _ in cuts]
    sizes = [sum(weights[start:end]) for start, end in cuts]
    stretches = Stretches(sizes, count, sum(sizes) // (count * FEW), common)
    work = partial(_look_at_piece, mode=mode, overrides=overrides, recorded=recorder is not None)
    pieces = [paths[start:end] for start, end in cuts]
    for outcomes, noted in share_out(work, pieces, stretches, count, finish=mode is Mode.FIX):
        if recorder is not None and noted is not None:
            recorder.add(noted)
        yield from outcomes


def _runs(parts: Sequence[Sequence[str]], sizes: Sequence[int], most: int) -> list[tuple[int, int]]:
    """Where to cut a list of paths, so that each piece has at most so many bytes and is from as few folders as can be.

    Files of one folder read the same other files: one process reads them once. A file alone may be larger.
    """

    def cut(start: int, end: int, depth: int) -> Iterator[tuple[int, int]]:
        if end - start == 1 or sum(sizes[start:end]) <= most or depth > max(map(len, parts[start:end])):
            yield start, end
            return
        for _, run in groupby(range(start, end), key=lambda at: parts[at][depth : depth + 1]):
            same = list(run)
            yield from cut(same[0], same[-1] + 1, depth + 1)

    found: list[tuple[int, int]] = []
    for start, end in cut(0, len(parts), 0):
        if found and sum(sizes[found[-1][0] : end]) <= most:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


def _shared(one: Sequence[str], other: Sequence[str]) -> int:
    """How many folders two paths begin with together."""
    return len(list(takewhile(lambda pair: pair[0] == pair[1], zip(one, other))))


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def _look_at_piece(
    paths: Sequence[str], mode: Mode, overrides: Overrides, recorded: bool
) -> tuple[list[Outcome], Recorder | None]:
    surroundings = _kept_surroundings(overrides, recorded) if mode is Mode.CHECK else Surroundings(overrides)
    outcomes = list(_one_by_one(paths, mode, surroundings))
    return outcomes, None if surroundings.recorder is None else surroundings.recorder.take()


@lru_cache(1)
def _kept_surroundings(overrides: Overrides, recorded: bool) -> Surroundings:
    """The files around those that this process looks at: what one piece has read, the next need not."""
    return Surroundings(overrides, recorder=Recorder() if recorded else None)
