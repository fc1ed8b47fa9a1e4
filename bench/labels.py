"""Measure findings against hand labels of real code.

    python bench/labels.py CORPUS LABELS.json [--codes KC101,KC401]

CORPUS holds a folder `owner__name` for each repository of the labels. A risky row is found when a finding of its code
stands in the same statement (KC402, KC403: anywhere in the file). A look-alike is an alarm when a finding of its code
at warning or error stands there. Prints both, with the places, and exits 1 when a bound of the issue is missed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

PER_FILE = {"KC402", "KC403"}
SEEDS = {"KC402", "KC403"}
FIRST_HALF = "KC101,KC102,KC103,KC104,KC201,KC401,KC402,KC403,KC404,KC405,KC501,KC502,KC509,KC601"
COLUMNS = (("risky", 6), ("found", 6), ("look-alike", 11), ("alarm", 6))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("labels", type=Path)
    parser.add_argument("--codes", default=FIRST_HALF)
    arguments = parser.parse_args()
    codes = set(arguments.codes.split(","))
    labels = json.loads(arguments.labels.read_text(encoding="utf-8"))
    rows = [row for key in ("labels", "spot_labels") for row in labels[key] if row.get("code_kc") in codes]
    paths = {}
    for row in rows:
        path = arguments.corpus / row["repo"].replace("/", "__") / row["path"]
        if path.is_file():
            paths[(row["repo"], row["path"])] = path
        else:
            print(f"not in the corpus: {row['repo']} {row['path']}", file=sys.stderr)
    found = findings(sorted(set(paths.values())), arguments.corpus)
    missed: list[str] = []
    alarms: list[str] = []
    counts: Counter[tuple[str, str]] = Counter()
    for row in rows:
        known = paths.get((row["repo"], row["path"]))
        if known is None:
            continue
        hits = [item for item in found.get(known, []) if matches(item, row)]
        where = f"{row['code_kc']} {row['repo']} {row['path']}:{row['line']}"
        place = f"{where}  {row['code'].strip()[:70]}  ({row['why'][:70]})"
        if row["risky"]:
            counts[row["code_kc"], "risky"] += 1
            if hits:
                counts[row["code_kc"], "found"] += 1
            else:
                missed.append(place)
        else:
            counts[row["code_kc"], "look-alike"] += 1
            if any(item["severity"] != "info" for item in hits):
                counts[row["code_kc"], "alarm"] += 1
                alarms.append(place)
    print(f"{'code':6} {'risky':>6} {'found':>6} {'look-alike':>11} {'alarm':>6}")
    for code in sorted({code for code, _ in counts}):
        print(f"{code:6}" + "".join(f" {counts[code, kind]:>{width}}" for kind, width in COLUMNS))
    print(*(f"missed {place}" for place in missed), sep="\n")
    print(*(f"alarm  {place}" for place in alarms), sep="\n")
    seeds = sum(counts[code, "risky"] for code in SEEDS)
    seeds_found = sum(counts[code, "found"] for code in SEEDS)
    others_missed = sum(place[:5] not in SEEDS for place in missed)
    print(
        f"missing seeds found: {seeds_found} of {seeds}; other risky rows missed: {others_missed}; "
        f"alarms: {len(alarms)}"
    )
    return int(bool(alarms) or others_missed > 1 or seeds_found < 0.9 * seeds)


def findings(paths: list[Path], corpus: Path) -> dict[Path, list[dict[str, Any]]]:
    """The findings of the files, each checked as its project would be."""
    command = [sys.executable, "-m", "kerascheck", "--isolated", "--format", "json", "--exit-zero", *map(str, paths)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode not in {0, 1}:
        sys.exit(result.stderr)
    found: dict[Path, list[dict[str, Any]]] = {}
    for item in json.loads(result.stdout):
        found.setdefault(Path(item["path"]).absolute(), []).append(item)
    return {path: found.get(path.absolute(), []) for path in paths}


def matches(item: dict[str, Any], row: dict[str, Any]) -> bool:
    if item["code"] != row["code_kc"]:
        return False
    if item["code"] in PER_FILE:
        return True
    line = row["line"]
    if item["cell"] is not None:
        if row.get("cell") is None or item["cell"] != row["cell"] + 1:
            return False
        line = row["cell_line"]
    return bool(item["line"] - 3 <= line <= item["end_line"])


if __name__ == "__main__":
    sys.exit(main())
