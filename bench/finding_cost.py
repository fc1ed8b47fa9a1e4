"""What finding costs beside parsing: `engine.check` with all rules against `libcst.parse_module` on the same files.

    python bench/finding_cost.py FOLDER [--every 4] [--project]

One process, CPU time, after start-up and a warm-up, garbage collection off for both. Only files that mention Keras are
checked. With `--project` imports are followed, too: the other files that this parses count once, on both sides.
Prints both in microseconds a line and their ratio; exits 1 when it is above 2.0.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from pathlib import Path

import libcst

from kerascheck import engine
from kerascheck.files import ProjectReader
from kerascheck.registry import all_rules
from kerascheck.semantic.project import Project
from kerascheck.semantic.target import default_target
from kerascheck.text import DecodeError, SourceText

BOUND = 2.0
WARM_UP = 10


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
    others: set[str] = set()
    parsing = checking = 0.0
    lines = findings = 0
    gc.disable()
    for path, source in sources:
        start = time.process_time()
        libcst.parse_module(source.text)
        parsed = time.process_time()
        checked = engine.check(source, path, options, project)
        checking += time.process_time() - parsed
        for module in project.parsed() if project is not None else ():
            others.add(module.source.text)
        parsing += parsed - start
        lines += len(source.line_starts)
        findings += len(checked.findings)
        if len(source.text) and not lines % 7:  # keep the memory bounded, outside of both times
            gc.collect()
    for text in others - {source.text for _, source in sources}:
        start = time.process_time()
        libcst.parse_module(text)
        parsing += time.process_time() - start
        lines += text.count("\n")
    ratio = checking / parsing
    print(f"{len(sources)} files, {lines} lines, {findings} findings")
    print(f"libcst.parse_module {parsing / lines * 1e6:6.1f} us a line")
    print(f"engine.check        {checking / lines * 1e6:6.1f} us a line")
    print(f"ratio               {ratio:6.2f} (bound {BOUND})")
    return int(ratio > BOUND)


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
