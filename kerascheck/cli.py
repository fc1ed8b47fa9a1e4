"""The command line. Only what a call needs is imported: `--version` nothing, a run without Keras no parser."""

from __future__ import annotations

import sys

from kerascheck.terminal import CLEAN, FAILED, FOUND, INTERRUPTED, Failure, out, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

_COMMANDS = ("check", "explain", "graph", "rules", "server")
_USAGE = """kerascheck [check] PATH...      find faults; --fix repairs them
       kerascheck explain CODE|NAME|"pasted Keras error message"
       kerascheck graph FILE           show what is understood of its models
       kerascheck rules
       kerascheck server               the language server, for editors"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run with these arguments (default: those of the process). Returns the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _main(words)
    except Failure as failure:
        say(str(failure))
        return FAILED
    except BrokenPipeError:
        import os

        # the reader has gone: there is nobody to tell, and the interpreter must not try at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FOUND
    except KeyboardInterrupt:
        say("interrupted")
        return INTERRUPTED


def _main(words: list[str]) -> int:
    if words[:1] in (["--version"], ["-V"]):
        from kerascheck import __version__

        out(f"kerascheck {__version__}\n")
        return CLEAN
    command = words.pop(0) if words[:1] and words[0] in _COMMANDS else "check"
    if command == "explain":
        return _explain(words)
    if command == "graph":
        return _graph(words)
    if command == "rules":
        return _rules(words)
    if command == "server":
        return _server(words)
    options = _check_parser().parse_args(words)
    from kerascheck.check_command import run_check

    return run_check(options)


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
    add("--backend", choices=("tensorflow", "jax", "torch", "numpy"), help="the backend it is for, and confirmed on")
    group = parser.add_argument_group("repairs")
    add = group.add_argument
    add("--fix", action="store_true", help="apply the safe fixes")
    add("--unsafe-fixes", action="store_true", help="with --fix or --diff: also fixes that may change results or names")
    add("--diff", action="store_true", help="show what --fix would change and write nothing")
    group = parser.add_argument_group(
        "proof",
        "--confirm RUNS CODE of the project: what makes the models of the findings, in a contained child process",
    )
    add = group.add_argument
    add("--confirm", action="store_true", help="prove or refute each finding by a real round trip in Keras")
    add("--python", metavar="PATH", help="with --confirm: the Python of another environment that has Keras")
    add("--model", action="append", metavar="MODULE:CALLABLE", help="makes a model where the source does not show how")
    add("--confirm-timeout", type=float, metavar="SECONDS", help="seconds for one experiment (default: 60)")
    add("--confirm-memory", type=int, metavar="MB", help="megabytes for one experiment (default: 4096)")
    add("--show-slice", action="store_true", help="print the code that --confirm would run, and run nothing")
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
    add("--no-cache", action="store_true", help="look at every file again, and keep nothing for the next run")
    add("--cache-dir", metavar="PATH", help="where to keep it (default: .kerascheck_cache at the top of the project)")
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

            out(f"kerascheck {__version__}\n")
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
        out(explain(topic))
    except UnknownTopic as error:
        raise Failure(f"{error.args[0]}; `kerascheck rules` lists all rules") from None
    return CLEAN


def _graph(words: list[str]) -> int:
    usage = """kerascheck graph FILE [--format text|json]
       kerascheck graph --origins PATH... [--format text|json]"""
    what = "Show what is understood of each model of a file: its layers, their reuse, its states, its files."
    parser = _parser("kerascheck graph", usage, what)
    add = parser.add_argument
    add("paths", nargs="*", metavar="FILE", help="a .py file or a notebook; with --origins files and folders")
    add("--format", choices=("text", "json"), default="text", help="for people or for programs")
    add("--origins", action="store_true", help="count the loads whose model's origin is known, and why others are not")
    add("--verbose", action="store_true", help="with --origins: name the loads whose origin is not known")
    add("--target-keras", metavar="VERSIONS", help="the Keras the code is for")
    add("--isolated", action="store_true", help="no settings and no requirement files")
    if {"-h", "--help"} & set(words):
        from kerascheck.graph_command import HELP

        parser.epilog = HELP
    options = parser.parse_args(words)
    if not options.paths and not options.origins:
        parser.error("which file?")
    from kerascheck.graph_command import run_graph

    return run_graph(options)


def _rules(words: list[str]) -> int:
    parser = _parser("kerascheck rules", "kerascheck rules [--format text|json]", "List all rules.")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    as_json = parser.parse_args(words).format == "json"
    from kerascheck.pages import all_pages

    pages = all_pages().values()
    if as_json:
        import json

        rows = [{"code": page.code, "name": page.name, "summary": page.summary, "url": page.url} for page in pages]
        out(json.dumps(rows, indent=2) + "\n")
        return CLEAN
    width = max((len(page.name) for page in pages), default=0)
    for page in pages:
        out(f"{page.code}  {page.name:<{width}}  {page.summary}\n")
    return CLEAN


# --- server


def _server(words: list[str]) -> int:
    what = "The language server: speaks the Language Server Protocol on stdin and stdout, for an editor to start."
    parser = _parser("kerascheck server", "kerascheck server [--stdio]", what)
    parser.add_argument("--stdio", action="store_true", help="on stdin and stdout, as it does in any case")
    parser.parse_args(words)
    try:
        from kerascheck.server.app import main as serve
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in ("pygls", "lsprotocol"):
            raise
        raise Failure("the language server needs pygls 2: pip install 'kerascheck[lsp]'") from None

    serve()
    return CLEAN
