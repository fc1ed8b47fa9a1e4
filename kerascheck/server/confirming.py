"""The process that confirms findings for an editor: it holds Keras' child, so that the server never does.

It reads one line of JSON from stdin and ends when stdin ends; it writes lines of JSON: `{"progress": "..."}`, and at
last `{"verdicts": {fingerprint: {...}}, "problems": [...]}`. Started only on a command in a trusted workspace.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from kerascheck import engine
from kerascheck.confirm_command import Confirmer
from kerascheck.editor.analysis import Analyst, World
from kerascheck.editor.documents import Cell, Document, Notebook, Sheet
from kerascheck.surroundings import Overrides

if TYPE_CHECKING:
    from kerascheck.confirm.named import Named
    from kerascheck.confirm.sandbox import Limits
    from kerascheck.finding import Finding
    from kerascheck.semantic.module import Module


class Telling(Confirmer):
    """Confirms the findings with the wanted fingerprints (all when there are none) and says what it is at."""

    def __init__(self, wanted: frozenset[str]) -> None:
        super().__init__(Namespace(python=None, model=None, backend=None, confirm_timeout=None, confirm_memory=None))
        self._wanted = wanted

    def confirm(
        self, findings: Sequence[Finding], module: Module, environment: tuple[str, str, Limits], named: Sequence[Named]
    ) -> list[Finding]:
        named_findings = engine.with_fingerprints(list(findings))
        chosen = [
            finding
            for finding, other in zip(findings, named_findings)
            if not self._wanted or other.fingerprint in self._wanted
        ]
        decided = iter(super().confirm(chosen, module, environment, named))
        return [
            next(decided) if not self._wanted or other.fingerprint in self._wanted else finding
            for finding, other in zip(findings, named_findings)
        ]

    def _tell(self, line: str) -> None:
        write({"progress": line})


def write(data: dict[str, Any]) -> None:
    """One line to the server; pipes of the tool's own may be gone when it was told to stop."""
    sys.stdout.write(json.dumps(data) + "\n")
    sys.stdout.flush()


def sheet_of(data: dict[str, Any]) -> Sheet:
    """The sheet in a request."""
    if "cells" not in data:
        return Document(data["uri"], data["path"], data["text"])
    cells = [
        Cell(Document(f"{data['uri']}#{number}", data["path"], cell["text"], language=cell["language"]), cell["code"])
        for number, cell in enumerate(data["cells"])
    ]
    return Notebook(data["uri"], data["path"], tuple(cells))


def main() -> None:
    """Confirm what one request asks for."""
    request = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    if request["folder"]:
        os.chdir(request["folder"])
    given: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in request["overrides"].items()
    }
    overrides = Overrides(**given)
    world = World(request["open"], tuple(request["folders"]), overrides)
    with Telling(frozenset(request["fingerprints"])) as confirmer:
        analysis = Analyst().check(sheet_of(request["sheet"]), world, confirmer.of)
    verdicts = {
        finding.fingerprint: {**asdict(finding.verdict), "status": finding.verdict.status.value}
        for finding in analysis.findings
        if finding.verdict is not None
    }
    problems = [*confirmer.problems, *([analysis.problem] if analysis.problem else [])]
    write({"verdicts": verdicts, "problems": problems})


def _end_with_stdin() -> None:
    """The server has gone, or wants no more: end as on a request to end, so that nothing is left behind."""
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
