"""Check and fix copies of real notebooks, and say what became of their bytes.

    python bench/notebooks.py CORPUS... [--most 400] [--sample 30 --seed 1]

Copies the notebooks below the folders that mention Keras (without doubles) to a temporary folder and runs the command
there: a check, `--fix --unsafe-fixes`, a check, and the same fix again. Then it compares the bytes with its own reader:
all outside of the values of `source` must be the same, and in those the lines that no fix meant. Prints the figures
and each difference. With --sample N it prints N findings with their cell, as a reader of the notebook counts it.
Exits 1 when anything crashed, or a byte changed that should not.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

_SOURCE = re.compile(rb'(?<!\\)"(?:source|input)"[ \t\r\n]*:[ \t\r\n]*')  # a quote inside of a string has a backslash
_DECODER = json.JSONDecoder()


def collected(corpora: Sequence[str], most: int) -> Iterator[Path]:
    """Notebooks that mention Keras, each text once."""
    seen: set[bytes] = set()
    for corpus in corpora:
        for path in sorted(Path(corpus).rglob("*.ipynb")):
            if not path.is_file() or ".ipynb_checkpoints" in path.parts or len(seen) >= most:
                continue
            raw = path.read_bytes()
            digest = hashlib.sha256(raw).digest()
            if b"keras" in raw and digest not in seen:
                seen.add(digest)
                yield path


def command(folder: Path, *options: str) -> tuple[list[dict[str, Any]], str]:
    """The findings of a run over the folder, and what went wrong."""
    run = subprocess.run(
        [sys.executable, "-m", "kerascheck", "--isolated", "--format", "json", "--exit-zero", *options, "."],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    try:
        return json.loads(run.stdout), "" if run.returncode == 0 else run.stderr
    except json.JSONDecodeError:
        return [], f"exit code {run.returncode}: {run.stderr[-2000:]}"


def pieces(raw: bytes) -> tuple[list[bytes], list[bytes]]:
    """The bytes outside of the values of `source`, and those values as they are written."""
    outside, values, last = [], [], 0
    for match in _SOURCE.finditer(raw):
        text = raw[match.end() :].decode("utf-8")
        _, end = _DECODER.raw_decode(text)
        stop = match.end() + len(text[:end].encode("utf-8"))
        outside.append(raw[last : match.end()])
        values.append(raw[match.end() : stop])
        last = stop
    return [*outside, raw[last:]], values


def compared(before: bytes, after: bytes) -> tuple[list[str], int, int]:
    """What changed that should not have; and how many cells and lines of cells changed."""
    outside, values = pieces(before)
    outside_after, values_after = pieces(after)
    wrong = []
    if outside != outside_after:
        wrong.append("bytes outside of `source` changed")
    cells = lines = 0
    for old, new in zip(values, values_after):
        if old == new:
            continue
        cells += 1
        if json.loads(old) == json.loads(new):
            wrong.append(f"the same source is written differently: {old[:60]!r}")
        rows, rows_after = old.split(b"\n"), new.split(b"\n")
        lines += len(set(rows_after) - set(rows))
        if (b"\r\n" in old) != (b"\r\n" in new) or old[:1] != new[:1]:
            wrong.append(f"a source has another form: {old[:60]!r}")
    return wrong, cells, lines


def shown(path: Path, finding: dict[str, Any]) -> str:
    """A finding beside the lines of its cell, which is counted here, over all cells."""
    head = f"{finding['code']} {finding['message']}\n  {path.name} cell {finding['cell']}, line {finding['line']}"
    if finding["cell"] is None:
        return head
    data = json.loads(path.read_bytes())
    cells = data["cells"] if "cells" in data else [cell for sheet in data["worksheets"] for cell in sheet["cells"]]
    cell = cells[finding["cell"] - 1]
    text = cell.get("source", cell.get("input", ""))
    rows = ("".join(text) if isinstance(text, list) else text).split("\n")
    place = finding["line"] - 1
    shown = [
        f"  {'>' if row == place else ' '} {rows[row]}"
        for row in range(max(place - 2, 0), place + 2)
        if row < len(rows)
    ]
    column = " " * (finding["column"] + 3) + "^"
    shown.insert(min(place, 2) + 1, column)
    return "\n".join([f"{head} ({cell['cell_type']})", *shown])


def main(corpora: Sequence[str], most: int, sample: int, seed: int) -> int:
    """Copy, run, compare, print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        before: dict[Path, bytes] = {}
        for number, path in enumerate(collected(corpora, most)):
            copy = folder / f"{number:04}" / path.name  # a folder each: they are not of one project
            copy.parent.mkdir()
            raw = path.read_bytes()
            copy.write_bytes(raw)
            before[copy] = raw
        print(f"{len(before)} notebooks")
        findings, trouble = command(folder)
        problems = [trouble] if trouble else []
        problems += [f"{item['path']}: {item['message']}" for item in findings if item["code"] == "KC002"]
        codes = sorted({item["code"] for item in findings})
        touched = {item["path"] for item in findings}
        print(f"{len(findings)} findings in {len(touched)} of them; codes: {', '.join(codes)}")
        broken = [item for item in findings if item["code"] == "KC000"]
        print(f"{len(broken)} cells or files cannot be parsed")
        texts = {copy: copy.read_bytes() for copy in before}
        problems += [f"{copy}: a check changed it" for copy in before if texts[copy] != before[copy]]
        left, trouble = command(folder, "--fix", "--unsafe-fixes")
        problems += [trouble] if trouble else []
        changed = cells = lines = 0
        fixed = {copy: copy.read_bytes() for copy in before}
        for copy, raw in before.items():
            if fixed[copy] != raw:
                wrong, some, rows = compared(raw, fixed[copy])
                changed, cells, lines = changed + 1, cells + some, lines + rows
                problems += [f"{copy.name}: {item}" for item in wrong]
        print(f"--fix --unsafe-fixes changed {changed} notebooks: {cells} cells, {lines} new or changed lines")
        again, trouble = command(folder)
        problems += [trouble] if trouble else []
        keys = ("path", "cell", "line", "column", "code", "message")
        first = sorted(str([item[key] for key in keys]) for item in left)
        second = sorted(str([item[key] for key in keys]) for item in again)
        if first != second:
            problems.append("a fresh check finds other things than `--fix` said were left")
        new = [item for item in again if item["code"] == "KC000"]
        if len(new) > len(broken):
            problems.append(f"{len(new) - len(broken)} more cells cannot be parsed after the fixes")
        _, trouble = command(folder, "--fix", "--unsafe-fixes")
        problems += [trouble] if trouble else []
        problems += [f"{copy.name}: a second --fix changed it" for copy in before if copy.read_bytes() != fixed[copy]]
        for copy, raw in before.items():
            copy.write_bytes(raw)
        dice = random.Random(seed)
        for item in dice.sample(findings, min(sample, len(findings))):
            print(f"\n{shown(folder / item['path'], item)}")
    for problem in problems:
        print(f"WRONG: {problem}")
    print(f"{len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="check and fix copies of real notebooks")
    parser.add_argument("corpora", nargs="+")
    parser.add_argument("--most", type=int, default=400)
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    sys.exit(main(options.corpora, options.most, options.sample, options.seed))
