"""Run kerascheck over a folder of repositories and say what it finds in them.

    python bench/corpus.py CORPUS [--sample 100 --seed 1 --together one,two] [--only NAME] [--settings]

Each folder in CORPUS is one repository and one run of the command. Prints, for each code, the findings by severity; the
warnings and errors for 1,000 files with Keras; the runs that crashed, took long or much memory; every KC002, and every
KC000 at code that this Python can parse. With --sample N it prints a reading list of N warnings and errors, at most 10
from a repository and 15 of a code, each with 5 lines of code on both sides. Exits 1 at a crash,
a KC002 or such a KC000.
"""

from __future__ import annotations

import argparse
import ast
import json
import random
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PER_REPOSITORY = 10
PER_CODE = 15
AROUND = 5  # lines of code on each side of a finding
SLOW = 60.0  # seconds
LARGE = 2_000_000  # kilobytes
SEVERITIES = ("error", "warning", "info")
_SUMMARY = re.compile(r"\((\d+) of \d+ files? with Keras")


@dataclass(frozen=True)
class Run:
    """One run over a repository. `crash` is empty when the command did its work; `kilobytes` is its largest process."""

    repository: str
    findings: tuple[dict[str, Any], ...]
    keras_files: int
    seconds: float
    kilobytes: int
    crash: str


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--sample", type=int, default=0, metavar="N", help="print a reading list of N findings")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="which reading list")
    parser.add_argument("--together", default="", metavar="A,B", help="repositories that count as one in the list")
    parser.add_argument("--only", default="", metavar="TEXT", help="only repositories with this in their name")
    parser.add_argument("--settings", action="store_true", help="read the repositories' settings and targets")
    arguments = parser.parse_args()
    corpus: Path = arguments.corpus
    folders = [path for path in sorted(corpus.iterdir()) if path.is_dir() and arguments.only in path.name]
    folders = [path for path in folders if not path.name.startswith(".")]  # the cache of a run in the corpus
    runs = []
    for number, folder in enumerate(folders, 1):
        print(f"\r{number} of {len(folders)} {folder.name:60.60}", end="", file=sys.stderr, flush=True)
        runs.append(run(corpus, folder.name, isolated=not arguments.settings))
    print("\r" + " " * 80 + "\r", end="", file=sys.stderr)
    print(*table(runs), sep="\n")
    wrong = list(problems(runs, corpus))
    print(*wrong, sep="\n")
    if arguments.sample:
        together = frozenset(name for name in arguments.together.split(",") if name)
        for finding in sample(runs, arguments.sample, arguments.seed, together):
            print(*excerpt(finding, corpus), sep="\n")
    return int(any(not line.startswith("slow") for line in wrong))


def run(corpus: Path, name: str, *, isolated: bool) -> Run:
    """Run the command over one folder of the corpus."""
    command = [sys.executable, "-m", "kerascheck", *["--isolated"] * isolated]
    command += ["--format", "json", "--exit-zero", name]
    start = time.perf_counter()
    # the paths of the findings are then those in the corpus
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=corpus, env=_environment())
    seconds = time.perf_counter() - start
    crash = ""
    try:
        findings = tuple(json.loads(result.stdout))
    except ValueError:
        findings = ()
        crash = f"exit {result.returncode} without a report"
    if "Traceback" in result.stderr:
        crash = result.stderr.strip().splitlines()[-1]
    summary = _SUMMARY.search(result.stderr)
    return Run(name, findings, int(summary[1]) if summary else 0, seconds, _largest_child(), crash)


def table(runs: Sequence[Run]) -> Iterator[str]:
    """The findings of each code by severity, and what they come to."""
    counts = Counter((item["code"], item["severity"]) for one in runs for item in one.findings)
    keras_files = sum(one.keras_files for one in runs)
    yield f"{'code':6}" + "".join(f" {severity:>8}" for severity in SEVERITIES) + f" {'repositories':>13}"
    for code in sorted({code for code, _ in counts}):
        homes = sum(any(item["code"] == code for item in one.findings) for one in runs)
        yield f"{code:6}" + "".join(f" {counts[code, severity]:>8}" for severity in SEVERITIES) + f" {homes:>13}"
    serious = sum(count for (code, severity), count in counts.items() if severity != "info" and code != "KC000")
    rate = 1000 * serious / keras_files if keras_files else 0.0
    yield f"{len(runs)} repositories, {keras_files} files with Keras, {sum(one.seconds for one in runs):.0f} s"
    yield f"warnings and errors without KC000: {serious}, {rate:.1f} for 1,000 files with Keras"


def problems(runs: Iterable[Run], corpus: Path) -> Iterator[str]:
    """What must not happen, and (first word "slow") what took much."""
    largest = 0
    for one in runs:
        if one.crash:
            yield f"crash  {one.repository}: {one.crash}"
        if one.seconds > SLOW or (one.kilobytes > LARGE and one.kilobytes > largest):
            yield f"slow   {one.repository}: {one.seconds:.0f} s, largest process so far {one.kilobytes // 1000} MB"
        largest = max(largest, one.kilobytes)
        for item in one.findings:
            if item["code"] == "KC002" or (item["code"] == "KC000" and parses(item, corpus)):
                yield f"{item['code']}  {_place(item)}  {item['message']}"


def parses(finding: dict[str, Any], corpus: Path) -> bool:
    """Whether this Python can parse the file or cell of a KC000."""
    path = corpus / finding["path"]
    try:
        ast.parse(_cell(path, finding["cell"]) if finding["cell"] is not None else path.read_bytes())
    except (SyntaxError, ValueError):
        return False
    return path.suffix == ".py" or finding["cell"] is not None


def sample(runs: Iterable[Run], size: int, seed: int, together: frozenset[str]) -> list[dict[str, Any]]:
    """Warnings and errors drawn at random, few from one repository and few of one code, sorted by code and place."""
    known = [(one.repository, item) for one in runs for item in one.findings]
    drawn = [(name, item) for name, item in known if item["severity"] != "info" and item["code"] != "KC000"]
    random.Random(seed).shuffle(drawn)
    taken: Counter[str] = Counter()
    chosen: list[dict[str, Any]] = []
    for name, item in drawn:
        home = "together" if name in together else name
        if len(chosen) < size and taken[home] < PER_REPOSITORY and taken[item["code"]] < PER_CODE:
            taken.update((home, item["code"]))
            chosen.append(item)
    return sorted(chosen, key=lambda item: (item["code"], item["path"], item["line"]))


def excerpt(finding: dict[str, Any], corpus: Path) -> Iterator[str]:
    """A finding with the lines around it."""
    path = corpus / finding["path"]
    text = _cell(path, finding["cell"]) if finding["cell"] is not None else path.read_text("utf-8", "replace")
    lines = text.split("\n")
    yield ""
    yield f"{finding['code']} {finding['severity']} {_place(finding)}"
    yield f"    {finding['message']}"
    for number in range(max(1, finding["line"] - AROUND), min(len(lines), finding["line"] + AROUND) + 1):
        mark = ">" if number == finding["line"] else " "
        yield f"  {mark} {number:>5} {lines[number - 1].rstrip()[:140]}"


def _place(finding: dict[str, Any]) -> str:
    cell = f":cell {finding['cell']}" if finding["cell"] is not None else ""
    return f"{finding['path']}{cell}:{finding['line']}:{finding['column']}"


def _cell(path: Path, index: int) -> str:
    """The source of a cell, counted from 1."""
    data = json.loads(path.read_text("utf-8"))
    cells = data["cells"] if "cells" in data else [cell for sheet in data["worksheets"] for cell in sheet["cells"]]
    source = cells[index - 1].get("source", cells[index - 1].get("input", ""))
    return source if isinstance(source, str) else "".join(source)


def _environment() -> dict[str, str]:
    """The environment, with this checkout first among the places of modules."""
    import os

    root = str(Path(__file__).resolve().parent.parent)
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))}


def _largest_child() -> int:
    """Kilobytes of the largest process that has ended so far; 0 where the system does not tell."""
    try:
        import resource
    except ImportError:
        return 0
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss


if __name__ == "__main__":
    sys.exit(main())
