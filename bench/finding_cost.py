"""What finding costs beside parsing: `engine.check` with all rules against `libcst.parse_module` on the same files.

    python bench/finding_cost.py FOLDER [--every 4] [--project]

One process, CPU time, after start-up and a warm-up. Parsing and checking of a file follow on one another, in
changing order; garbage is collected between the files, never while the clock runs, and as often as the memory asks for
it. Only files that mention Keras are checked. With `--project` imports are followed, too: the other files that this
parses count once, on both sides. Prints both in microseconds a line, their ratio, the median of the ratios of tenths
of the files, and the peak memory; exits 1 when the ratio is above 2.0.
"""

from __future__ import annotations

import argparse
import gc
import resource
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import libcst

from kerascheck import engine
from kerascheck.files import ProjectReader
from kerascheck.registry import all_rules
from kerascheck.semantic.project import Project
from kerascheck.semantic.target import default_target
from kerascheck.text import DecodeError, SourceText

BOUND = 2.0
WARM_UP = 10
COLLECT_AFTER = 400_000  # characters of source; their trees take about 200 MB


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--every", type=int, default=1, metavar="N", help="take every Nth file")
    parser.add_argument("--project", action="store_true", help="follow imports into the other files")
    arguments = parser.parse_args()
    sources = keras_files(arguments.folder)[:: arguments.every]
    target = default_target()
    options = engine.Options(frozenset(rule.code for rule in all_rules()) | {"KC000", "KC001", "KC002"}, target)
    project = Project(ProjectReader(), target) if arguments.project else None
    for path, source in sources[:WARM_UP]:
        libcst.parse_module(source.text)
        engine.check(source, path, options, project)
    if arguments.project:  # the warm-up has parsed files that the measurement would find there
        project = Project(ProjectReader(), target)
    others: dict[str, None] = {}
    parsing, checking, sizes = [], [], []
    findings = uncollected = 0
    gc.disable()
    for number, (path, source) in enumerate(sources):
        steps = (partial(libcst.parse_module, source.text), partial(engine.check, source, path, options, project))
        times: list[float] = [0.0, 0.0]
        for step in (0, 1) if number % 2 else (1, 0):
            times[step], result = _timed(steps[step])
            if step:
                findings += len(result.findings)
        parsing.append(times[0])
        checking.append(times[1])
        sizes.append(len(source.line_starts))
        for module in project.parsed() if project is not None else ():
            if module.source.text not in others:
                others[module.source.text] = None
                uncollected += len(module.source.text)
        uncollected += len(source.text)
        if uncollected > COLLECT_AFTER:
            gc.collect()
            uncollected = 0
    others_parsing = 0.0
    texts = {source.text for _, source in sources}
    for text in others:
        if text not in texts:
            others_parsing += _timed(partial(libcst.parse_module, text))[0]
            sizes.append(text.count("\n"))
    lines = sum(sizes)
    parsed = sum(parsing) + others_parsing
    ratio = sum(checking) / parsed
    # what the other files take is spread over all tenths
    share = parsed / sum(parsing)
    tenths = [sum(checking[at::10]) / sum(parsing[at::10]) / share for at in range(min(10, len(sources)))]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{len(sources)} files, {len(sizes) - len(sources)} others, {lines} lines, {findings} findings")
    print(f"libcst.parse_module {parsed / lines * 1e6:6.1f} us a line")
    print(f"engine.check        {sum(checking) / lines * 1e6:6.1f} us a line")
    print(f"ratio               {ratio:6.2f} (bound {BOUND}), median of tenths {statistics.median(tenths):.2f}")
    print(f"peak memory         {peak:6.0f} MB")
    return int(ratio > BOUND)


def _timed(step: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    result = step()
    return time.process_time() - start, result


def keras_files(folder: Path) -> list[tuple[str, SourceText]]:
    """The files that mention Keras and that libcst can parse."""
    found = []
    for path in sorted(folder.rglob("*.py")):
        try:
            source = SourceText.from_bytes(path.read_bytes())
            if engine.mentions_keras(source.text):
                libcst.parse_module(source.text)
                found.append((str(path), source))
        except (DecodeError, OSError, libcst.ParserSyntaxError):
            continue
    return found


if __name__ == "__main__":
    sys.exit(main())
