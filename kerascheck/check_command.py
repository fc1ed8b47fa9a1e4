"""`kerascheck check`: find the files, look at them, report. The parser is imported only when a file needs it."""

from __future__ import annotations

import sys

from kerascheck.terminal import CLEAN, FAILED, FOUND, Failure, many, out, told

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence
    from contextlib import AbstractContextManager
    from typing import TextIO

    from kerascheck.cache import Cache
    from kerascheck.confirm_command import Confirmer
    from kerascheck.finding import Finding
    from kerascheck.outcome import Mode, Outcome
    from kerascheck.settings import Settings
    from kerascheck.surroundings import Overrides

_QUIET_SECONDS = 2.0  # before progress is shown


def run_check(options: argparse.Namespace) -> int:
    import os
    import time

    started = time.perf_counter()
    paths: list[str] = options.paths or ["."]
    if "-" in paths:
        if paths != ["-"]:
            raise Failure("- stands for standard input and cannot be mixed with other paths")
        if options.show_files:
            raise Failure("--show-files needs files or folders, not standard input")
    if options.fix and options.diff:
        raise Failure("--fix writes and --diff does not: give one of them")
    if options.show_settings:
        return _show_settings(paths[0] if paths != ["-"] else options.stdin_filename or "stdin.py", options)
    if paths == ["-"]:
        _check_early(options)
        return _check_stdin(options, started)
    cache = _cache(options)
    if cache is None or not cache.is_known:  # else these words were taken before
        _check_early(options)
    from kerascheck.candidates import Candidates, Exclusions

    exclude = None if options.exclude is None else _split(options.exclude)
    exclusions = Exclusions(exclude, _split(options.extend_exclude), options.isolated, cache)
    candidates = Candidates(exclusions, force_exclude=options.force_exclude, cache=cache)
    if options.show_files:
        for path in candidates.all(paths):
            out(f"{path}\n")
        return told(candidates.problems)
    found = candidates.with_keras(paths)
    problems, looked_at = candidates.problems, candidates.looked_at
    if not found:
        if cache is not None:
            cache.write()
        return _nothing(options, problems, looked_at, time.perf_counter() - started)

    with _confirmer(options) as confirmer:
        outcomes = _outcomes(found, set(map(os.path.normpath, paths)), options, confirmer, cache, started)
    if cache is not None:
        cache.write()
    if options.show_slice:
        return told([*problems, *(problem for outcome in outcomes for problem in outcome.problems)])
    if confirmer is not None:
        problems = [*problems, *confirmer.problems]
    return _report(options, outcomes, problems, looked_at, time.perf_counter() - started, confirmer=confirmer)


def _cache(options: argparse.Namespace) -> Cache | None:
    """What earlier runs like this one have found. Confirming is never answered from there."""
    import os

    if options.no_cache or options.confirm or options.show_slice or options.show_files:
        return None
    import json

    from kerascheck.cache import FOLDER, Cache, program
    from kerascheck.files import project_top

    here = os.getcwd()
    folder = options.cache_dir or os.path.join(project_top(here), FOLDER)
    words = (
        options.select, options.extend_select, options.ignore, options.per_file_ignores, options.target_keras,
        options.backend, options.isolated,
    )  # fmt: skip
    return Cache(folder, json.dumps([program(), here, words]))


def _outcomes(
    found: Sequence[str],
    named: set[str],
    options: argparse.Namespace,
    confirmer: Confirmer | None,
    cache: Cache | None,
    started: float,
) -> list[Outcome]:
    """What comes of each file, in order; what the cache knows is not looked at again."""
    from kerascheck.outcome import Mode

    mode = _mode(options)
    known: dict[str, Outcome] = {}
    for path in found if cache is not None else ():
        outcome = _known(cache, path, path in named, mode)
        if outcome is not None:
            known[path] = outcome
    left = [path for path in found if path not in known]
    if not left:
        return [known[path] for path in found]

    from kerascheck.run import look_again, look_at_all

    progress = _Progress(len(left), started)
    overrides = _overrides(options)
    confirm = None if confirmer is None else confirmer.of
    recorder = None if cache is None else cache.recorder
    looked: dict[str, Outcome] = {}
    for path, outcome in zip(left, look_at_all(left, mode, overrides, options.jobs, confirm, recorder)):
        looked[path] = outcome
        progress.at(len(looked))
        if cache is not None and mode is Mode.CHECK and not outcome.problems:
            cache.keep(path, path in named, outcome.target, outcome.findings)
    outcomes = [looked.get(path) or known[path] for path in found]
    if options.fix:
        outcomes = look_again(found, outcomes, overrides, options.jobs)
    progress.end()
    return outcomes


def _known(cache: Cache | None, path: str, named: bool, mode: Mode) -> Outcome | None:
    """What the cache knows of a file; what may be fixed is looked at again by a run that fixes."""
    from kerascheck.files import display
    from kerascheck.outcome import Mode, Outcome

    entry = None if cache is None else cache.entry(path, named)
    findings = None if entry is None else entry.findings
    if entry is None or findings is None:
        return None
    if mode is not Mode.CHECK and any(finding.fix is not None for finding in findings):
        return None
    return Outcome(display(path), findings, target=entry.target)


def _confirmer(options: argparse.Namespace) -> AbstractContextManager[Confirmer | None]:
    """What proves findings, when that was asked for."""
    import contextlib

    if not (options.confirm or options.show_slice):
        for name in ("python", "model", "confirm_timeout", "confirm_memory"):
            if getattr(options, name) is not None:
                raise Failure(f"--{name.replace('_', '-')} needs --confirm")
        return contextlib.nullcontext()
    if options.show_slice and (options.fix or options.diff):
        raise Failure("--show-slice runs and changes nothing: give it without --fix and --diff")
    from kerascheck.confirm_command import Confirmer, SliceShower

    return SliceShower(options) if options.show_slice else Confirmer(options)


def _check_early(options: argparse.Namespace) -> None:
    """Refuse codes and targets that cannot be read before any file is looked at."""
    if options.select or options.extend_select or options.ignore or options.per_file_ignores:
        _overrides(options)
    if options.target_keras is not None:
        from kerascheck.semantic.target import TargetError, parse_target

        text = options.target_keras + (f", {options.backend}" if options.backend else "")
        try:
            parse_target(text, "--target-keras")
        except TargetError as error:
            raise Failure(f"--target-keras: {error}") from None


def _overrides(options: argparse.Namespace) -> Overrides:
    from kerascheck.pages import known_codes
    from kerascheck.settings import SettingsError, check_per_file, check_selectors
    from kerascheck.surroundings import Overrides

    known = known_codes()
    try:
        return Overrides(
            None if options.select is None else check_selectors(_split(options.select), "--select", known),
            check_selectors(_split(options.extend_select), "--extend-select", known),
            check_selectors(_split(options.ignore), "--ignore", known),
            check_per_file(_split(options.per_file_ignores), "--per-file-ignores", known),
            options.target_keras,
            options.backend,
            options.unsafe_fixes,
            options.isolated,
        )
    except SettingsError as error:
        raise Failure(str(error)) from None


def _split(values: Iterable[str] | None) -> list[str]:
    """The parts of an option that may be given several times and holds parts between commas."""
    return [part.strip() for value in values or () for part in value.split(",") if part.strip()]


def _mode(options: argparse.Namespace) -> Mode:
    from kerascheck.outcome import Mode

    return Mode.FIX if options.fix else Mode.DIFF if options.diff else Mode.CHECK


def _check_stdin(options: argparse.Namespace, started: float) -> int:
    """Check what comes from standard input. With --fix its repaired text goes to stdout, the report to stderr."""
    import time

    from kerascheck import files

    path = options.stdin_filename or "stdin.py"
    raw = sys.stdin.buffer.read()
    if not (files.mentions_keras(raw) or files.may_use_project(path, raw)) and not path.endswith(".ipynb"):
        if options.fix:
            sys.stdout.buffer.write(raw)
            sys.stdout.flush()
        return _nothing(options, [], 1, time.perf_counter() - started)
    from kerascheck.run import look_at
    from kerascheck.surroundings import Surroundings

    with _confirmer(options) as confirmer:
        surroundings = Surroundings(_overrides(options), None if confirmer is None else confirmer.of)
        outcome = look_at(path, _mode(options), surroundings, raw)
    if options.show_slice:
        return told(outcome.problems)
    if options.fix:
        sys.stdout.buffer.write(outcome.raw or raw)
        sys.stdout.flush()
    problems = [] if confirmer is None else confirmer.problems
    seconds = time.perf_counter() - started
    return _report(options, [outcome], problems, 1, seconds, to_stderr=options.fix, confirmer=confirmer)


def _nothing(options: argparse.Namespace, problems: list[str], looked_at: int, seconds: float) -> int:
    """The report of a run that met no Keras; needs none of what reports are made of."""
    if options.format == "json" and not options.diff:
        out("[]\n")
    quiet = options.format == "json" or options.diff or (options.paths == ["-"] and options.fix)
    out(f"no findings (0 of {many(looked_at, 'file')} with Keras, {seconds:.2f} s)\n", quiet)
    return told(problems)


def _report(
    options: argparse.Namespace,
    outcomes: list[Outcome],
    problems: list[str],
    looked_at: int,
    seconds: float,
    to_stderr: bool = False,
    confirmer: Confirmer | None = None,
) -> int:
    """Print diffs or findings and the summary. Returns the exit code."""
    from kerascheck.finding import Severity

    findings = sorted((item for outcome in outcomes for item in outcome.findings), key=lambda item: item.sort_key)
    problems = [*problems, *dict.fromkeys(problem for outcome in outcomes for problem in outcome.problems)]
    if options.diff:
        for outcome in outcomes:
            out(outcome.diff)
    else:
        out(_rendered(findings, options, to_stderr), to_stderr)
    aside = to_stderr or options.diff or options.format == "json"
    failed = bool(told(problems)) or any(finding.code == "KC002" for finding in findings)
    if options.statistics:
        out(_statistics(findings), aside)
    if options.format == "full" and not options.diff:
        out(_targets(outcomes), aside)
    out(_summary(options, outcomes, findings, looked_at, seconds), aside)
    if confirmer is not None:
        out(confirmer.summary([*findings, *(item for outcome in outcomes for item in outcome.applied)]), aside)
    if failed:
        return FAILED
    if options.diff:
        return FOUND if any(outcome.changed for outcome in outcomes) and not options.exit_zero else CLEAN
    least = Severity[options.fail_on.upper()]
    counted = [item for item in findings if item.severity >= least and not item.refuted]
    return FOUND if counted and not options.exit_zero else CLEAN


def _rendered(findings: list[Finding], options: argparse.Namespace, to_stderr: bool) -> str:
    if options.format == "json":
        from kerascheck.report import json

        return json.render(findings)
    if options.format == "concise":
        from kerascheck.report import concise

        return concise.render(findings)
    from kerascheck.report import full

    text = full.render(findings, color=_colored(options.color, sys.stderr if to_stderr else sys.stdout))
    return text + "\n" if text else ""


def _colored(choice: str, stream: TextIO) -> bool:
    import os

    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def _targets(outcomes: list[Outcome]) -> str:
    """The Keras that the files were checked for, and how many files where they differ."""
    counts: dict[str, int] = {}
    for outcome in outcomes:
        if outcome.target:
            counts[outcome.target] = counts.get(outcome.target, 0) + 1
    if len(counts) == 1:
        return f"target: {next(iter(counts))}\n"
    return "".join(f"target: {target}: {many(count, 'file')}\n" for target, count in counts.items())


def _statistics(findings: list[Finding]) -> str:
    counts: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        counts.setdefault((finding.code, finding.name), []).append(finding)
    rows = sorted(counts.items(), key=lambda row: (-len(row[1]), row[0]))
    width = max((len(str(len(items))) for _, items in rows), default=0)
    lines = []
    for (code, name), items in rows:
        fixable = sum(item.fix is not None for item in items)
        lines.append(f"{len(items):>{width}}  {code}  {name}{f' ({fixable} fixable)' if fixable else ''}\n")
    return "".join(lines) + ("\n" if lines else "")


def _summary(
    options: argparse.Namespace, outcomes: list[Outcome], findings: list[Finding], looked_at: int, seconds: float
) -> str:
    """One line: what was fixed, what was found by severity, what can be fixed, how many files and seconds."""
    from kerascheck.finding import Severity

    parts = []
    applied = sum(len(outcome.applied) for outcome in outcomes)
    changed = sum(outcome.changed for outcome in outcomes)
    if options.fix:
        proved = _proved(options, outcomes)
        done = f"fixed {many(applied, 'finding')} in {many(changed, 'file')}" if applied else "fixed nothing"
        parts.append(f"{done} ({proved})" if proved else done)
    if options.diff:
        return f"would fix {many(applied, 'finding')} in {many(changed, 'file')} ({seconds:.2f} s)\n"
    words = [
        many(count, severity.label)
        for severity in sorted(Severity, reverse=True)
        if (count := sum(finding.severity is severity and not finding.refuted for finding in findings))
    ]
    refuted = sum(finding.refuted for finding in findings)
    words += [f"{refuted} refuted"] * bool(refuted)
    hit = len({finding.path for finding in findings})
    left = "left: " if options.fix and words else "found "
    parts.append(f"{left}{', '.join(words)} in {many(hit, 'file')}" if words else "no findings")
    fixes = [finding.fix for finding in findings if finding.fix is not None and not finding.refuted]
    safe = sum(fix.safe for fix in fixes)
    unsafe = len(fixes) - safe
    if safe or unsafe:
        ways = [f"{safe} with --fix"] * bool(safe) + [f"{unsafe} with --fix --unsafe-fixes"] * bool(unsafe)
        parts.append(f"fixable: {', '.join(ways)}")
    keras = f"{len(outcomes)} of {many(looked_at, 'file')} with Keras"
    return f"{'; '.join(parts)} ({keras}, {seconds:.2f} s)\n"


def _proved(options: argparse.Namespace, outcomes: list[Outcome]) -> str:
    """How many fixes an experiment has proved, and how many were left because none did; empty without --confirm."""
    from kerascheck.finding import Claim

    if not options.confirm:
        return ""
    proved = sum(finding.verdict is not None for outcome in outcomes for finding in outcome.applied)
    left = [item for outcome in outcomes for item in outcome.findings if item.fix and item.claim is not Claim.NONE]
    unproved = sum(outcome_fix.safe or options.unsafe_fixes for item in left if (outcome_fix := item.fix) is not None)
    return f"{proved} proved, {unproved} left because not proved"


def _show_settings(path: str, options: argparse.Namespace) -> int:
    """The settings in use for a path, a line each, as pyproject.toml would hold them."""
    import os

    _check_early(options)
    from kerascheck.pages import known_codes
    from kerascheck.settings import SettingsError
    from kerascheck.surroundings import Surroundings

    inside = os.path.join(path, "x.py") if os.path.isdir(path) else path
    surroundings = Surroundings(_overrides(options))
    try:
        settings = surroundings.settings(inside)
        target = surroundings.target(inside)
        codes = sorted(surroundings.options(inside, b"").codes)
    except SettingsError as error:
        raise Failure(str(error)) from None
    out(_settings_text(settings, options))
    out(f"codes = {codes!r}\n".replace("'", '"'))
    out(f"# {len(codes)} of {len(known_codes())} codes; target: {target.text} from {target.source}\n")
    return CLEAN


def _settings_text(settings: Settings, options: argparse.Namespace) -> str:
    import json

    from kerascheck.files import DEFAULT_EXCLUDE

    exclude = _split(options.exclude) or settings.exclude
    rows: list[tuple[str, object]] = [
        ("select", settings.select),
        ("extend-select", settings.extend_select),
        ("ignore", settings.ignore),
        ("per-file-ignores", dict(settings.per_file_ignores)),
        ("exclude", sorted(DEFAULT_EXCLUDE) if exclude is None else exclude),
        ("extend-exclude", (*settings.extend_exclude, *_split(options.extend_exclude))),
        ("target-keras", settings.target_keras),
        ("backend", settings.backend),
        ("unsafe-fixes", settings.unsafe_fixes),
    ]
    return "".join(f"{key} = {json.dumps(value)}\n" for key, value in rows if value is not None)


class _Progress:
    """A line on a terminal's stderr, once a run has taken a while."""

    def __init__(self, total: int, started: float) -> None:
        self.total = total
        self.started = started
        self.last = 0.0
        self.shown = False

    def at(self, done: int) -> None:
        import time

        now = time.perf_counter()
        if now - self.started < _QUIET_SECONDS or now - self.last < 0.1 or not sys.stderr.isatty():
            return
        self.last = now
        self.shown = True
        sys.stderr.write(f"\r\x1b[Kkerascheck: {done} of {self.total} files")
        sys.stderr.flush()

    def end(self) -> None:
        if self.shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
