"""The command line. Only what a call needs is imported: `--version` nothing, a run without Keras no parser."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Sequence
    from typing import TextIO

    from kerascheck.finding import Finding
    from kerascheck.run import Mode, Outcome
    from kerascheck.settings import Settings
    from kerascheck.surroundings import Overrides

CLEAN, FOUND, FAILED, INTERRUPTED = 0, 1, 2, 130
_QUIET_SECONDS = 2.0  # before progress is shown
_COMMANDS = ("check", "explain", "rules")
_USAGE = """kerascheck [check] PATH...      find faults; --fix repairs them
       kerascheck explain CODE|NAME|"pasted Keras error message"
       kerascheck rules"""


class _Failure(Exception):
    """What was asked cannot be done; the text is one line for stderr."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run with these arguments (default: those of the process). Returns the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _main(words)
    except _Failure as failure:
        _say(str(failure))
        return FAILED
    except BrokenPipeError:
        import os

        # the reader has gone: there is nobody to tell, and the interpreter must not try at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FOUND
    except KeyboardInterrupt:
        _say("interrupted")
        return INTERRUPTED


def _main(words: list[str]) -> int:
    if words[:1] in (["--version"], ["-V"]):
        from kerascheck import __version__

        _out(f"kerascheck {__version__}\n")
        return CLEAN
    command = words.pop(0) if words[:1] and words[0] in _COMMANDS else "check"
    if command == "explain":
        return _explain(words)
    if command == "rules":
        return _rules(words)
    return _check(_check_parser().parse_args(words))


def _check_parser() -> argparse.ArgumentParser:
    import argparse

    parser = _parser(
        "kerascheck",
        _USAGE,
        "A linter that knows Keras.",
        "exit codes: 0 nothing at warning or above, 1 findings (or --diff would change something),\n"
        "2 something could not be done. Settings: [tool.kerascheck] in pyproject.toml.",
    )
    add = parser.add_argument
    add("paths", nargs="*", metavar="PATH", help="files and folders (default: .); - is standard input")
    group = parser.add_argument_group("what is looked for")
    add = group.add_argument
    add("--select", action="append", metavar="CODES", help="only these codes, families (KC1) or names")
    add("--extend-select", action="append", metavar="CODES", help="these besides what the settings select")
    add("--ignore", action="append", metavar="CODES", help="not these")
    add("--per-file-ignores", action="append", metavar="PATTERN:CODES", help="not these in files that match")
    add("--target-keras", metavar="VERSIONS", help='the Keras the code is for, such as 3.13 or ">=3.4,<3.8"')
    add("--backend", choices=("tensorflow", "jax", "torch", "numpy"), help="the backend the code is for")
    group = parser.add_argument_group("repairs")
    add = group.add_argument
    add("--fix", action="store_true", help="apply the safe fixes")
    add("--unsafe-fixes", action="store_true", help="with --fix or --diff: also fixes that may change results or names")
    add("--diff", action="store_true", help="show what --fix would change and write nothing")
    group = parser.add_argument_group("reports")
    add = group.add_argument
    add("--format", choices=("full", "concise", "json"), default="full", help="how findings are shown")
    add("--statistics", action="store_true", help="add the number of findings of each code")
    add("--color", choices=("auto", "always", "never"), default="auto", help="colours (NO_COLOR, FORCE_COLOR)")
    add("--exit-zero", action="store_true", help="exit 0 in spite of findings")
    add("--fail-on", choices=("info", "warning", "error"), default="warning", help="exit 1 from this severity on")
    group = parser.add_argument_group("files and settings")
    add = group.add_argument
    add("--exclude", action="append", metavar="PATTERNS", help="in place of the excluded names")
    add("--extend-exclude", action="append", metavar="PATTERNS", help="besides the excluded names")
    add("--force-exclude", action="store_true", help="exclude also files that are named, as pre-commit does")
    add("--stdin-filename", metavar="PATH", help="the name of what comes from standard input")
    add("--isolated", action="store_true", help="no settings and no requirement files")
    add("--show-files", action="store_true", help="list the files that would be looked at")
    add("--show-settings", action="store_true", help="show the settings in use")
    add("-j", "--jobs", type=_jobs, metavar="N", help="processes at most (default: one a processor)")
    add("-V", "--version", action=_version_action(argparse), help="show the version")
    return parser


def _parser(program: str, usage: str, description: str, epilog: str = "") -> argparse.ArgumentParser:
    import argparse
    import os

    try:
        width = os.get_terminal_size().columns
    except OSError:
        width = 100

    class Formatter(argparse.RawDescriptionHelpFormatter):
        """Knows its width, so that argparse need not import shutil to ask for it."""

        def __init__(self, prog: str) -> None:
            super().__init__(prog, max_help_position=28, width=min(width, 120) - 2)

    return argparse.ArgumentParser(
        program, usage, description, epilog, formatter_class=Formatter, allow_abbrev=False
    )  # fmt: skip


def _version_action(module: object) -> type[argparse.Action]:
    import argparse

    class Version(argparse.Action):
        """Prints the version wherever the option stands."""

        def __init__(self, option_strings: Sequence[str], dest: str, help: str | None = None) -> None:
            super().__init__(option_strings, dest, nargs=0, help=help)

        def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
            from kerascheck import __version__

            _out(f"kerascheck {__version__}\n")
            parser.exit()

    return Version


def _jobs(text: str) -> int:
    import argparse

    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 on")
    return int(text)


# --- explain, rules


def _explain(words: list[str]) -> int:
    parser = _parser(
        "kerascheck explain",
        'kerascheck explain CODE|NAME|"message"',
        "Show the page of a rule, or what can lie behind an error message of Keras (- reads it from standard input).",
    )
    parser.add_argument("topic", nargs="+", metavar="TOPIC", help="KC101, a rule's name, or a pasted message")
    topic = " ".join(parser.parse_args(words).topic)
    if topic == "-":
        topic = sys.stdin.read()
    from kerascheck.explain import UnknownTopic, explain

    try:
        _out(explain(topic))
    except UnknownTopic as error:
        raise _Failure(f"{error.args[0]}; `kerascheck rules` lists all rules") from None
    return CLEAN


def _rules(words: list[str]) -> int:
    parser = _parser("kerascheck rules", "kerascheck rules [--format text|json]", "List all rules.")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    as_json = parser.parse_args(words).format == "json"
    from kerascheck.pages import all_pages

    pages = all_pages().values()
    if as_json:
        import json

        rows = [{"code": page.code, "name": page.name, "summary": page.summary, "url": page.url} for page in pages]
        _out(json.dumps(rows, indent=2) + "\n")
        return CLEAN
    width = max((len(page.name) for page in pages), default=0)
    for page in pages:
        _out(f"{page.code}  {page.name:<{width}}  {page.summary}\n")
    return CLEAN


# --- check


def _check(options: argparse.Namespace) -> int:
    import time

    started = time.perf_counter()
    paths: list[str] = options.paths or ["."]
    if "-" in paths:
        if paths != ["-"]:
            raise _Failure("- stands for standard input and cannot be mixed with other paths")
        if options.show_files:
            raise _Failure("--show-files needs files or folders, not standard input")
    if options.fix and options.diff:
        raise _Failure("--fix writes and --diff does not: give one of them")
    if options.show_settings:
        return _show_settings(paths[0] if paths != ["-"] else options.stdin_filename or "stdin.py", options)
    _check_early(options)
    if paths == ["-"]:
        return _check_stdin(options, started)
    problems, looked_at, found = _find(paths, options)
    if options.show_files:
        for path in found:
            _out(f"{path}\n")
        return _told(problems)
    if not found:
        return _nothing(options, problems, looked_at, time.perf_counter() - started)

    from kerascheck.run import look_at_all

    progress = _Progress(len(found), started)
    outcomes: list[Outcome] = []
    for outcome in look_at_all(found, _mode(options), _overrides(options), options.jobs):
        outcomes.append(outcome)
        progress.at(len(outcomes))
    progress.end()
    return _report(options, outcomes, problems, looked_at, time.perf_counter() - started)


def _find(paths: Sequence[str], options: argparse.Namespace) -> tuple[list[str], int, list[str]]:
    """What could not be read, how many files there are, and those to look at: they mention Keras."""
    import os

    from kerascheck import files

    exclusions: dict[str, tuple[bool, Callable[[str], bool] | None]] = {}
    problems: list[str] = []
    seen: set[str] = set()
    found: list[str] = []
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
                if options.show_files or _may_have_findings(path, path == os.path.normpath(root)):
                    if discovery.git_ignores(path, root):
                        seen.discard(path)
                    else:
                        found.append(path)
            except files.FileProblem as problem:
                problems.append(str(problem))
        problems.extend(discovery.problems)
    return problems, len(seen), found


def _may_have_findings(path: str, named: bool) -> bool:
    """Whether a file is worth the parser. A notebook that the user named is read in any case: it may be broken."""
    from kerascheck import files

    raw = files.read(path)
    if not files.mentions_keras(raw) and not (named and path.endswith(".ipynb")):
        return False
    files.check_size(path, raw)
    return True


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
            raise _Failure(str(error)) from None
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
            raise _Failure(f"--target-keras: {error}") from None


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
        raise _Failure(str(error)) from None


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
    if not files.mentions_keras(raw) and not path.endswith(".ipynb"):
        if options.fix:
            sys.stdout.buffer.write(raw)
            sys.stdout.flush()
        return _nothing(options, [], 1, time.perf_counter() - started)
    from kerascheck.run import look_at
    from kerascheck.surroundings import Surroundings

    outcome = look_at(path, _mode(options), Surroundings(_overrides(options)), raw)
    if options.fix:
        sys.stdout.buffer.write(outcome.raw or raw)
        sys.stdout.flush()
    return _report(options, [outcome], [], 1, time.perf_counter() - started, to_stderr=options.fix)


def _nothing(options: argparse.Namespace, problems: list[str], looked_at: int, seconds: float) -> int:
    """The report of a run that met no Keras; needs none of what reports are made of."""
    if options.format == "json" and not options.diff:
        _out("[]\n")
    quiet = options.format == "json" or options.diff or (options.paths == ["-"] and options.fix)
    _out(f"no findings (0 of {_many(looked_at, 'file')} with Keras, {seconds:.2f} s)\n", quiet)
    return _told(problems)


def _report(
    options: argparse.Namespace,
    outcomes: list[Outcome],
    problems: list[str],
    looked_at: int,
    seconds: float,
    to_stderr: bool = False,
) -> int:
    """Print diffs or findings and the summary. Returns the exit code."""
    from kerascheck.finding import Severity

    findings = sorted((item for outcome in outcomes for item in outcome.findings), key=lambda item: item.sort_key)
    problems = [*problems, *dict.fromkeys(problem for outcome in outcomes for problem in outcome.problems)]
    if options.diff:
        for outcome in outcomes:
            _out(outcome.diff)
    else:
        _out(_rendered(findings, options, to_stderr), to_stderr)
    aside = to_stderr or options.diff or options.format == "json"
    if options.statistics:
        _out(_statistics(findings), aside)
    if options.format == "full" and not options.diff:
        _out(_targets(outcomes), aside)
    _out(_summary(options, outcomes, findings, looked_at, seconds), aside)
    failed = _told(problems) or any(finding.code == "KC002" for finding in findings)
    if failed:
        return FAILED
    if options.diff:
        return FOUND if any(outcome.changed for outcome in outcomes) and not options.exit_zero else CLEAN
    least = Severity[options.fail_on.upper()]
    counted = [item for item in findings if item.severity >= least and not _refuted(item)]
    return FOUND if counted and not options.exit_zero else CLEAN


def _refuted(finding: Finding) -> bool:
    from kerascheck.finding import Status

    return finding.verdict is not None and finding.verdict.status is Status.REFUTED


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
    return "".join(f"target: {target}: {_many(count, 'file')}\n" for target, count in counts.items())


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
        parts.append(f"fixed {_many(applied, 'finding')} in {_many(changed, 'file')}" if applied else "fixed nothing")
    if options.diff:
        return f"would fix {_many(applied, 'finding')} in {_many(changed, 'file')} ({seconds:.2f} s)\n"
    words = [
        _many(count, severity.label)
        for severity in sorted(Severity, reverse=True)
        if (count := sum(finding.severity is severity for finding in findings))
    ]
    hit = len({finding.path for finding in findings})
    left = "left: " if options.fix and words else "found "
    parts.append(f"{left}{', '.join(words)} in {_many(hit, 'file')}" if words else "no findings")
    safe = sum(finding.fix is not None and finding.fix.safe for finding in findings)
    unsafe = sum(finding.fix is not None and not finding.fix.safe for finding in findings)
    if safe or unsafe:
        ways = [f"{safe} with --fix"] * bool(safe) + [f"{unsafe} with --fix --unsafe-fixes"] * bool(unsafe)
        parts.append(f"fixable: {', '.join(ways)}")
    keras = f"{len(outcomes)} of {_many(looked_at, 'file')} with Keras"
    return f"{'; '.join(parts)} ({keras}, {seconds:.2f} s)\n"


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
        raise _Failure(str(error)) from None
    _out(_settings_text(settings, options))
    _out(f"codes = {codes!r}\n".replace("'", '"'))
    _out(f"# {len(codes)} of {len(known_codes())} codes; target: {target.text} from {target.source}\n")
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


# --- output


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


def _many(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _told(problems: Iterable[str]) -> int:
    """Say what could not be done; the exit code for it."""
    code = CLEAN
    for problem in problems:
        _say(problem)
        code = FAILED
    return code


def _say(text: str) -> None:
    _out(f"kerascheck: {text}\n", to_stderr=True)


def _out(text: str, to_stderr: bool = False) -> None:
    """Write to stdout or stderr; what their encoding lacks is written as an escape."""
    stream = sys.stderr if to_stderr else sys.stdout
    try:
        stream.write(text)
    except UnicodeEncodeError:
        encoding = stream.encoding or "ascii"
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()
