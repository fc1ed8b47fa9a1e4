"""`kerascheck --confirm`: every finding is proved or refuted by a real round trip in a child process.

This runs the project's code: classes, functions and constants that make the models of the findings.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING

from kerascheck.confirm.confirm import confirm, prove
from kerascheck.confirm.named import Named
from kerascheck.confirm.plan import plan
from kerascheck.confirm.sandbox import Limits, Sandbox, SandboxError
from kerascheck.edits import Edit
from kerascheck.finding import Finding, Status
from kerascheck.settings import ConfirmSettings, is_model_name
from kerascheck.terminal import Failure, out

if TYPE_CHECKING:
    import argparse

    from kerascheck.semantic.module import Module
    from kerascheck.settings import Settings

_WORDS = {
    Status.CONFIRMED: "confirmed",
    Status.REFUTED: "refuted",
    Status.NOT_REACHED: "not reached",
    Status.COULD_NOT_RUN: "could not run",
}
# the backend that a file or a notebook (JSON, so quotes may be escaped) sets for itself
_OWN_BACKEND = re.compile(
    rb"""(?:KERAS_BACKEND\\?["']?\s*(?:\]\s*=|,|=|\s)\s*\\?["']?|%%backend\s+)(tensorflow|jax|torch|numpy)\b"""
)


class Confirmer:
    """Confirms the findings of one file after another; one child for each environment serves them all.

    Use as a context manager: leaving it ends the children and removes their folders.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._sandboxes: dict[tuple[str, str, Limits], Sandbox] = {}
        self._show = sys.stderr.isatty()
        self._broken: set[tuple[str, str, Limits]] = set()
        self._before: object = None
        self.problems: list[str] = []
        _check(options)

    def __enter__(self) -> Confirmer:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGTERM, _end)  # a request to end cleans up, too
        return self

    def __exit__(self, *error: object) -> None:
        if self._show:
            out("\r\x1b[K", to_stderr=True)
        for sandbox in self._sandboxes.values():
            sandbox.__exit__()
        if self._before is not None:
            signal.signal(signal.SIGTERM, self._before)  # type: ignore[arg-type]

    def of(self, settings: Settings, raw: bytes) -> FileConfirmer:
        """What confirms the findings of a file with these settings and bytes."""
        chosen = settings.confirm
        folder = os.path.abspath(settings.folder)
        python = self._options.python or _python(chosen, folder)
        limits = _limits(self._options, chosen)
        backend = self._options.backend or chosen.backend or _own_backend(raw) or settings.backend
        named = [Named(name, _folders(os.getcwd())) for name in self._options.model or ()]
        named += [Named(name, _folders(folder)) for name in chosen.models]

        return FileConfirmer(self, python, backend, limits, named)

    def prove(
        self,
        finding: Finding,
        before: Module,
        after: Module,
        place: int,
        edits: Sequence[Edit],
        environment: tuple[str, str, Limits],
        named: Sequence[Named],
    ) -> str:
        """Why a fix is not kept, or ""."""
        if environment in self._broken:
            return "there is no Keras to try it in"
        self._tell(f"proving the fix of {finding.path}:{finding.start.line} {finding.code}")
        try:
            return prove(finding, before, after, place, edits, self._sandboxes[environment], named)
        except SandboxError as problem:
            return str(problem)

    def confirm(
        self, findings: Sequence[Finding], module: Module, environment: tuple[str, str, Limits], named: Sequence[Named]
    ) -> list[Finding]:
        if not findings or environment in self._broken:
            return list(findings)
        if environment not in self._sandboxes:
            sandbox = self._sandboxes[environment] = Sandbox(*environment)
            sandbox.__enter__()
        try:
            decided = confirm(findings, module, self._sandboxes[environment], self._tell, named)
        except SandboxError as problem:
            self._broken.add(environment)
            self.problems.append(f"not confirmed: {problem}")
            return list(findings)
        return decided

    def summary(self, findings: Sequence[Finding]) -> str:
        """One line: how the experiments ended."""
        counts = dict.fromkeys(Status, 0)
        for finding in findings:
            if finding.verdict is not None:
                counts[finding.verdict.status] += 1
        words = [f"{count} {_WORDS[status]}" for status, count in counts.items() if count]
        keras = ", ".join(f"keras {box.keras} on {box.backend}" for box in self._sandboxes.values() if box.keras)
        return f"verdicts: {', '.join(words) or 'none'}{f' ({keras})' if keras else ''}\n"

    def _tell(self, line: str) -> None:
        if self._show:
            out(f"\r\x1b[K{line[:100]}", to_stderr=True)


@dataclass(frozen=True)
class FileConfirmer:
    """Confirms the findings of one file, and proves its fixes."""

    run: Confirmer
    python: str
    backend: str | None
    limits: Limits
    named: Sequence[Named]

    def __call__(self, findings: Sequence[Finding], module: Module) -> list[Finding]:
        return self.run.confirm(findings, module, self._environment(module), self.named)

    def prove(self, finding: Finding, before: Module, after: Module, place: int, edits: Sequence[Edit]) -> str:
        """Why a fix is not kept, or ""."""
        return self.run.prove(finding, before, after, place, edits, self._environment(before), self.named)

    def _environment(self, module: Module) -> tuple[str, str, Limits]:
        backend = self.backend or module.target.backend or os.environ.get("KERAS_BACKEND") or "tensorflow"
        return self.python, backend, self.limits


class SliceShower(Confirmer):
    """`--show-slice`: prints what would be run for each finding, and runs nothing."""

    def confirm(
        self, findings: Sequence[Finding], module: Module, environment: tuple[str, str, Limits], named: Sequence[Named]
    ) -> list[Finding]:
        for finding in findings:
            planned = plan(module, finding)
            if planned is None:
                continue
            place = f"{finding.path}:{finding.start.line}:{finding.start.column}"
            out(f"# {place}: {finding.code}: {f'no slice: {planned.reason}' if planned.reason else 'slice'}\n")
            for experiment in planned.experiments[:1]:
                out(f"# experiment: {experiment.name}{f', {experiment.fresh} processes' * (experiment.fresh > 0)}\n")
                out(_shown(experiment.parameters))
                for stand_in in experiment.stand_ins:
                    out(f"# stand-in: {stand_in}\n")
            out("\n")
        return list(findings)


def _shown(parameters: dict[str, object]) -> str:
    """The program of an experiment, as one text."""
    lines: list[str] = []
    modules = parameters.get("modules")
    for name, source in modules.items() if isinstance(modules, dict) else ():
        lines += [f"# module {name}", str(source).rstrip(), "", "# program"]
    source = str(parameters.get("source", "")).rstrip()
    lines += [source] if source else []
    if parameters.get("make"):
        lines.append(f"kerascheck_model = {parameters['make']}")
    for key in ("before", "after"):
        steps = parameters.get(key)
        lines += [str(step) for step in steps] if isinstance(steps, (list, tuple)) else []
    for key in ("compile", "value", "statement"):
        if parameters.get(key):
            lines.append(str(parameters[key]))
    makes = parameters.get("makes")
    lines += [str(pair[0]) for pair in makes[:1]] if isinstance(makes, (list, tuple)) else []
    return "\n".join(lines) + "\n"


def _end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _own_backend(raw: bytes) -> str | None:
    """The backend that the code of a file asks for."""
    found = _OWN_BACKEND.search(raw)
    return found.group(1).decode() if found else None


def _folders(folder: str) -> tuple[str, ...]:
    """Where the project's modules lie."""
    inner = os.path.join(folder, "src")
    return (folder, inner) if os.path.isdir(inner) else (folder,)


def _python(chosen: ConfirmSettings, folder: str) -> str:
    """The interpreter of the settings: a path is relative to their folder, a name is looked up in PATH."""
    if chosen.python is None:
        return sys.executable
    python = os.path.expanduser(chosen.python)
    return os.path.normpath(os.path.join(folder, python)) if os.sep in python or "/" in python else python


def _check(options: argparse.Namespace) -> None:
    """Refuse what cannot be used before anything is run."""
    seconds, memory = options.confirm_timeout, options.confirm_memory
    if (seconds is not None and not 0 < seconds < 1e9) or (memory is not None and memory <= 0):
        raise Failure("--confirm-timeout and --confirm-memory take numbers above 0")
    for name in options.model or ():
        if not is_model_name(name):
            raise Failure(f"--model: `{name}` is not MODULE:CALLABLE, such as pkg.models:build")


def _limits(options: argparse.Namespace, chosen: ConfirmSettings) -> Limits:
    """The command line over the settings over what is usual."""
    usual = Limits()
    return Limits(
        import_seconds=chosen.import_seconds or usual.import_seconds,
        experiment_seconds=options.confirm_timeout or chosen.experiment_seconds or usual.experiment_seconds,
        memory_megabytes=options.confirm_memory or chosen.memory or usual.memory_megabytes,
    )
