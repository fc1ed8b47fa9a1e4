"""Whether a revision finds the same as this tree: all findings over real code, before and after.

    python bench/same.py REVISION CORPUS [--select CODES] [--jobs 4]

CORPUS is a folder with one folder for each repository. Each is checked by the program of REVISION (any name that git
knows) and by that of this tree, with all rules and without cache; compared is all that the JSON report
says of a finding. Prints what is gone (`-`) and what is new (`+`), and exits 1 when there is anything.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("revision")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--select", default="", metavar="CODES")
    parser.add_argument("--jobs", default="4")
    arguments = parser.parse_args()
    folders = sorted(path for path in arguments.corpus.resolve().iterdir() if path.is_dir())
    same = gone = new = 0
    with tempfile.TemporaryDirectory() as before:
        archive = subprocess.run(
            ["git", "-C", str(ROOT), "archive", arguments.revision, "kerascheck", "rules"],
            stdout=subprocess.PIPE,
            check=True,
        )
        subprocess.run(["tar", "x", "-C", before], input=archive.stdout, check=True)
        for folder in folders:
            old = findings(before, folder, arguments.select, arguments.jobs)
            now = findings(str(ROOT), folder, arguments.select, arguments.jobs)
            same += (old & now).total()
            for sign, left in (("-", old - now), ("+", now - old)):
                for place, code, message, _ in sorted(left.elements()):
                    print(f"{sign} {folder.name}/{place} {code} {message}")
            gone, new = gone + (old - now).total(), new + (now - old).total()
    print(f"{len(folders)} repositories: {same:,} findings the same, {gone} gone, {new} new")
    return int(bool(gone or new))


def findings(program: str, folder: Path, select: str, jobs: str) -> Counter[tuple[str, ...]]:
    """The findings of a folder by one program: where, the code, the message, and all that the report says."""
    command = [sys.executable, "-m", "kerascheck", "--isolated", "--no-cache", "--exit-zero", "--format", "json"]
    command += ["-j", jobs, *(["--select", select] if select else []), "."]
    environment = dict(os.environ) | {"PYTHONPATH": program}
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False)
    if ran.returncode not in (0, 2):  # 2: a file could not be read
        raise SystemExit(f"kerascheck failed in {folder}")
    return Counter(
        (f"{item['path']}:{item['line']}", item["code"], item["message"], json.dumps(item, sort_keys=True))
        for item in json.loads(ran.stdout or "[]")
    )


if __name__ == "__main__":
    sys.exit(main())
