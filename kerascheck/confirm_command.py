"""`kerascheck --confirm`: every finding is proved or refuted by a real round trip in a child process.

This runs the project's code: classes, functions and constants that make the models of the findings.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from kerascheck.confirm.confirm import confirm
from kerascheck.confirm.sandbox import Limits, Sandbox, SandboxError
from kerascheck.finding import Finding, Status
from kerascheck.terminal import Failure, out

if TYPE_CHECKING:
    import argparse

    from kerascheck.semantic.module import Module

_WORDS = {
    Status.CONFIRMED: "confirmed",
    Status.REFUTED: "refuted",
    Status.NOT_REACHED: "not reached",
    Status.COULD_NOT_RUN: "could not run",
}


class Confirmer:
    """Confirms the findings of one file after another; one child for each backend serves them all.

    Use as a context manager: leaving it ends the children and removes their folders.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self._python: str = options.python or sys.executable
        self._backend: str | None = options.backend
        self._limits = _limits(options)
        self._sandboxes: dict[str, Sandbox] = {}
        self._show = sys.stderr.isatty()
        self._broken: set[str] = set()
        self.problems: list[str] = []
        self.counts: dict[Status, int] = dict.fromkeys(Status, 0)

    def __enter__(self) -> Confirmer:
        return self

    def __exit__(self, *error: object) -> None:
        if self._show:
            out("\r\x1b[K", to_stderr=True)
        for sandbox in self._sandboxes.values():
            sandbox.__exit__()

    def __call__(self, findings: Sequence[Finding], module: Module) -> list[Finding]:
        """The findings with their verdicts."""
        backend = self._backend or module.target.backend or "tensorflow"
        if not findings or backend in self._broken:
            return list(findings)
        if backend not in self._sandboxes:
            self._sandboxes[backend] = Sandbox(self._python, backend, self._limits).__enter__()
        try:
            decided = confirm(findings, module, self._sandboxes[backend], self._tell)
        except SandboxError as problem:
            self._broken.add(backend)
            self.problems.append(f"not confirmed: {problem}")
            return list(findings)
        for finding in decided:
            if finding.verdict is not None:
                self.counts[finding.verdict.status] += 1
        return decided

    def summary(self) -> str:
        """One line: how the experiments ended."""
        words = [f"{count} {_WORDS[status]}" for status, count in self.counts.items() if count]
        keras = ", ".join(f"keras {box.keras} on {box.backend}" for box in self._sandboxes.values() if box.keras)
        return f"verdicts: {', '.join(words) or 'none'}{f' ({keras})' if keras else ''}\n"

    def _tell(self, line: str) -> None:
        if self._show:
            out(f"\r\x1b[K{line[:100]}", to_stderr=True)


def _limits(options: argparse.Namespace) -> Limits:
    seconds = options.confirm_timeout
    memory = options.confirm_memory
    if (seconds is not None and seconds <= 0) or (memory is not None and memory <= 0):
        raise Failure("--confirm-timeout and --confirm-memory take numbers above 0")
    given = Limits()
    return Limits(
        import_seconds=given.import_seconds,
        experiment_seconds=seconds or given.experiment_seconds,
        memory_megabytes=memory or given.memory_megabytes,
    )
