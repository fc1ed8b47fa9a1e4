"""`kerascheck check`: find the files, look at them, report. The parser is imported only when a file needs it."""

from __future__ import annotations

import sys

from kerascheck.terminal import CLEAN, FAILED, FOUND, Failure, many, out, told

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Sequence
    from contextlib import AbstractContextManager
    from typing import TextIO

    from kerascheck.confirm_command import Confirmer
    from kerascheck.finding import Finding
    from kerascheck.run import Mode, Outcome
    from kerascheck.settings import Settings
    from kerascheck.surroundings import Overrides

_QUIET_SECONDS = 2.0  # before progress is shown


def run_check(options: argparse.Namespace) -> int:
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
    _check_early(options)
    if paths == ["-"]:
        return _check_stdin(options, started)
    problems, looked_at, found = _find(paths, options)
    if options.show_files:
        for path in found:
            out(f"{path}\n")
        return told(problems)
    if not found:
        return _nothing(options, problems, looked_at, time.perf_counter() - started)

    from kerascheck.run import look_again, look_at_all

    progress = _Progress(len(found), started)
    outcomes: list[Outcome] = []
    with _confirmer(options) as confirmer:
        confirm = None if confirmer is None else confirmer.of
        for outcome in look_at_all(found, _mode(options), _overrides(options), options.jobs, confirm):
            outcomes.append(outcome)
            progress.at(len(outcomes))
    if options.fix:
        outcomes = look_again(found, outcomes, _overrides(options), options.jobs)
    progress.end()
    if options.show_slice:
        return told([*problems, *(problem for outcome in outcomes for problem in outcome.problems)])
    if confirmer is not None:
        problems = [*problems, *confirmer.problems]
    return _report(options, outcomes, problems, looked_at, time.perf_counter() - started, confirmer=confirmer)


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


def _find(paths: Sequence[str], options: argparse.Namespace) -> tuple[list[str], int, list[str]]:
    """What could not be read, how many files there are, and those to look at: they mention Keras."""
    import os

    from kerascheck import files

    exclusions: dict[str, tuple[bool, Callable[[str], bool] | None]] = {}
    problems: list[str] = []
    seen: set[str] = set()
    found: list[str] = []
    unsure: set[str] = set()
    for root in paths:
        folder = os.path.abspath(root if os.path.isdir(root) else os.path.dirname(root))
        if folder not in exclusions:
            exclusions[folder] = _exclusion(folder, options)
        default, excluded = exclusions[folder]
        discovery = files.Discovery(default_exclude=default, excluded=excluded, force_exclude=options.force_exclude)
        for path in discovery.files(root):
            if path in seen or (options.show_files and discovery.git_ignores(path, root)):
                continue
            seen.add(path)
            try:
                sure = True if options.show_files else _may_have_findings(path, path == os.path.normpath(root))
                if sure is False:
                    continue
                if discovery.git_ignores(path, root):
                    seen.discard(path)
                else:
                    found.append(path)
                    if sure is None:
                        unsure.add(path)
            except files.FileProblem as problem:
                problems.append(str(problem))
        problems.extend(discovery.problems)
    if len(unsure) == len(found):  # no Keras anywhere in this run
        return problems, len(seen), []
    return problems, len(seen), [path for path in found if path not in unsure or _serves_keras(path)]


def _may_have_findings(path: str, named: bool) -> bool | None:
    """Whether a file is worth the parser; None when that hangs on the project around it.

    A notebook that the user named is read in any case: it may be broken.
    """
    from kerascheck import files

    raw = files.read(path)
    if not (files.mentions_keras(raw) or (named and path.endswith(".ipynb"))):
        if named or path.endswith(".ipynb") or not files.may_matter(raw):
            return named and files.may_use_project(path, raw)
        return None
    files.check_size(path, raw)
    return True


def _serves_keras(path: str) -> bool:
    from kerascheck import files

    try:
        return files.may_use_project(path, files.read(path))
    except files.FileProblem:  # it was readable a moment ago; what changes underneath is left out
        return False


def _exclusion(folder: str, options: argparse.Namespace) -> tuple[bool, Callable[[str], bool] | None]:
    """Whether the default names are excluded below a folder, and what else is."""
    import os

    from kerascheck import files

    patterns: list[tuple[str, str]] = []  # the folder that a pattern is relative to, the pattern
    default = True
    if not options.isolated and files.settings_file(folder) is not None:
        from kerascheck.pages import known_codes
        from kerascheck.settings import SettingsError
        from kerascheck.surroundings import read_settings

        try:
            settings = read_settings(folder, known_codes())
        except SettingsError as error:
            raise Failure(str(error)) from None
        if settings is not None:
            default = settings.exclude is None
            patterns += [
                (settings.folder, pattern) for pattern in (*(settings.exclude or ()), *settings.extend_exclude)
            ]
    here = os.getcwd()
    if options.exclude is not None:
        default = False
        patterns = [(here, pattern) for pattern in _split(options.exclude)]
    patterns += [(here, pattern) for pattern in _split(options.extend_exclude)]
    if not patterns:
        return default, None
    from kerascheck.settings import matches

    def excluded(path: str) -> bool:
        absolute = os.path.abspath(path)
        for base, pattern in patterns:
            relative = os.path.relpath(absolute, base).replace(os.sep, "/")
            if not relative.startswith("../") and matches(relative, pattern):
                return True
        return False

    return default, excluded


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
    from kerascheck.run import Mode

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
