"""The flake8 plugin: the findings of the command line, on the same lines, under the prefix KC.

flake8 imports this module for every run, so the parser is loaded only inside `run` and only for files with Keras.
"""

from __future__ import annotations

from functools import cache

from kerascheck import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    import ast
    from collections.abc import Iterator, Sequence
    from typing import ClassVar

    from flake8.options.manager import OptionManager

    from kerascheck.engine import Options
    from kerascheck.semantic.project import Project
    from kerascheck.semantic.target import Target

_STDIN_NAMES = frozenset({"-", "stdin"})


class Checker:
    """One file. flake8 asks for the arguments by their names; `lines` have no byte order mark and end in line feeds."""

    name: ClassVar[str] = "kerascheck"
    version: ClassVar[str] = __version__
    least: ClassVar[str] = "info"
    target_keras: ClassVar[str | None] = None
    backend: ClassVar[str | None] = None
    stdin_name: ClassVar[str] = "stdin"

    def __init__(self, tree: ast.AST, filename: str, lines: Sequence[str]) -> None:
        self.filename = filename
        self.lines = lines

    @classmethod
    def add_options(cls, manager: OptionManager) -> None:
        """The options of the plugin; they may stand in flake8's own configuration."""
        manager.add_option(
            "--kerascheck-min-severity",
            choices=("info", "warning", "error"),
            default="info",
            parse_from_config=True,
            help="leave out findings below this severity (default: info, so everything is shown)",
        )
        manager.add_option(
            "--kerascheck-target-keras",
            default=None,
            metavar="VERSIONS",
            parse_from_config=True,
            help="the Keras the code is for, such as 3.13; default: [tool.kerascheck] or the requirement files",
        )
        manager.add_option(
            "--kerascheck-backend",
            choices=("tensorflow", "jax", "torch", "numpy"),
            default=None,
            parse_from_config=True,
            help="the backend the code is for",
        )

    @classmethod
    def parse_options(cls, options: argparse.Namespace) -> None:
        """Keep what was chosen; flake8 calls this in every process that it starts."""
        cls.least = options.kerascheck_min_severity
        cls.target_keras = options.kerascheck_target_keras or None
        cls.backend = options.kerascheck_backend
        cls.stdin_name = options.stdin_display_name
        if cls.target_keras is not None:
            _refuse_unreadable(cls.target_keras, cls.backend)

    def run(self) -> Iterator[tuple[int, int, str, type[Checker]]]:
        """Line (from 1), column (from 0), text and type of every finding."""
        text = "".join(self.lines)
        path = self.stdin_name if self.filename in _STDIN_NAMES else self.filename
        if not _may_have_findings(path, text):
            return
        from kerascheck import engine
        from kerascheck.collector import seldom
        from kerascheck.finding import Severity
        from kerascheck.text import SourceText

        options = self._options(path, text)
        least = Severity[self.least.upper()]
        with seldom():
            findings = engine.check(SourceText(text), path, options, _project(options.target)).findings
        for finding in findings:
            if finding.severity >= least:
                message = " ".join(finding.message.split())
                yield finding.start.line, finding.start.column - 1, f"{finding.code} {message}", type(self)

    def _options(self, path: str, text: str) -> Options:
        """All rules, for the target that the command line would take; flake8 itself selects and reads `noqa`."""
        from kerascheck.engine import Options
        from kerascheck.pages import TOOL_NAMES, known_codes
        from kerascheck.settings import SettingsError
        from kerascheck.surroundings import Overrides, Surroundings

        overrides = Overrides(target_keras=self.target_keras, backend=self.backend)
        try:
            target = Surroundings(overrides).target(path, text.encode("utf-8", "replace"))
        except SettingsError as error:
            from flake8.exceptions import ExecutionError

            raise ExecutionError(f"kerascheck: {error}") from error
        return Options(frozenset(known_codes()) - frozenset(TOOL_NAMES), target, noqa=False, keep_unused=True)


def _may_have_findings(path: str, text: str) -> bool:
    """Whether a file is worth the parser; files without Keras cost no import of libcst."""
    from kerascheck.files import may_use_project, mentions_keras

    raw = text.encode("utf-8", "replace")
    return mentions_keras(raw) or may_use_project(path, raw)


@cache
def _project(target: Target) -> Project:
    """The files around the checked ones; one for each process of flake8, so that a file is parsed once."""
    from kerascheck.files import ProjectReader
    from kerascheck.notebooks import code
    from kerascheck.semantic.project import Project

    return Project(ProjectReader(code), target)


def _refuse_unreadable(target_keras: str, backend: str | None) -> None:
    """Stop flake8 with one line when a target cannot be read."""
    from kerascheck.semantic.target import TargetError, parse_target

    try:
        parse_target(target_keras + (f", {backend}" if backend else ""))
    except TargetError as error:
        from flake8.exceptions import ExecutionError

        raise ExecutionError(f"--kerascheck-target-keras: {error}") from error
