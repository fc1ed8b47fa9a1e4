"""kerascheck beside other tools, in one run on the same files.

    python bench/peers.py CORPUS [--files 64] [--rounds 5] [--only ruff] [--environment FOLDER]

Takes every Nth Keras file (.py) below CORPUS until there are FILES, copies them into a temporary folder, and runs every
tool over it in turn, ROUNDS times, whole processes, one process a tool, without caches unless the row says so. The
peers are installed at the pinned versions below into a virtual environment (kept in `--environment`, else temporary);
one that cannot be installed is named and left out. Prints the median of the processor's seconds, the spread, the peak
memory and the ratio to `libcst.parse_module` alone; then the bounds of the project that these rows decide. Exits 1 when
one is broken.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import venv
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PEERS = {
    "ruff": ["ruff==0.17.6"],
    "flake8": ["flake8==7.4.1"],
    "pylint": ["pylint==4.1.4"],
    "fixit": ["fixit==2.2.1"],
    "torchfix": ["torchfix==0.7.0"],
}
DSLINTER = ["dslinter==2.0.9"]  # a plugin of pylint; wants old releases of it on most machines

PARSE = """
import gc, sys, libcst
gc.disable()
for path in sys.argv[1:]:
    libcst.parse_module(open(path, encoding="utf-8").read())
"""


@dataclass(frozen=True)
class Row:
    """One command: its name in the table, what is run, and with which variables."""

    name: str
    command: list[str]
    environment: dict[str, str]


@dataclass(frozen=True)
class Measured:
    """Seconds of the processor for each round, and the peak memory in megabytes."""

    seconds: list[float]
    megabytes: float

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--files", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--only",
        default="",
        metavar="NAMES",
        help="besides what decides the bounds only rows whose names begin so, with commas",
    )
    parser.add_argument("--environment", type=Path, help="keep the peers here for the next run")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        files, lines = sample(arguments.corpus, work / "files", arguments.files)
        bin_, missing = install(arguments.environment or work / "environment")
        wanted = ("libcst", "kerascheck", "flake8", *arguments.only.split(",")) if arguments.only else ("",)
        rows = [row for row in commands(work, bin_, files) if row.name.startswith(wanted)]
        measured: dict[str, Measured] = {}
        for turn in range(arguments.rounds + 1):
            for row in rows:
                seconds, megabytes = run(row, work)
                if turn == 0:  # fills the caches of the disk and writes .pyc files
                    measured[row.name] = Measured([], 0.0)
                    continue
                known = measured[row.name]
                measured[row.name] = Measured([*known.seconds, seconds], max(known.megabytes, megabytes))
        print(f"{len(files)} Keras files, {lines:,} lines; {arguments.rounds} rounds, one process each; ", end="")
        print(f"Python {sys.version.split()[0]}, {', '.join(versions(bin_))}")
        for name in missing:
            print(f"left out, cannot be installed here: {name}")
        return report(measured)


def sample(corpus: Path, folder: Path, count: int) -> tuple[list[Path], int]:
    """Copies of every Nth Keras file that Python parses, and their number of lines."""
    found = []
    for path in sorted(corpus.rglob("*.py")):
        raw = path.read_bytes() if path.is_file() else b""
        if b"keras" in raw and 500 < len(raw) < 200_000:
            found.append(path)  # not the text: what this process takes is counted as the least of what it starts
    chosen, lines = [], 0
    folder.mkdir()
    for path in found[:: max(1, len(found) // (count + count // 4))]:
        raw = path.read_bytes()
        try:
            compile(raw, str(path), "exec", dont_inherit=True)
            text = raw.decode("utf-8")
        except (SyntaxError, ValueError):
            continue
        copy = folder / f"m{len(chosen):03}.py"
        copy.write_bytes(raw)
        chosen.append(copy)
        lines += text.count("\n")
        if len(chosen) == count:
            break
    return chosen, lines


def install(place: Path) -> tuple[Path, list[str]]:
    """The folder of the commands, and the peers that could not be installed; kerascheck is installed anew."""
    bin_ = place / ("Scripts" if os.name == "nt" else "bin")
    pip = [str(bin_ / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    marker = place / "complete"
    if not marker.exists():
        venv.create(place, with_pip=True)
        peers = {**PEERS, "dslinter": DSLINTER}
        missing = [
            name
            for name, packages in peers.items()
            if subprocess.run([*pip, *packages], capture_output=True, check=False).returncode
        ]
        constraints = ["-c", str(ROOT / "constraints.txt")]
        subprocess.run([*pip, *constraints, "libcst", "pathspec", "tomli"], capture_output=True, check=True)
        marker.write_text("\n".join(missing))
    shutil.rmtree(place / "plugin", ignore_errors=True)
    here = ["--target", str(place / "plugin"), "--no-deps", str(ROOT)]
    subprocess.run([*pip, *here], capture_output=True, check=True)
    return bin_, marker.read_text().splitlines()


def commands(work: Path, bin_: Path, files: list[Path]) -> list[Row]:
    """What is measured; tools that are not there are left out."""
    folder, python = str(files[0].parent), str(bin_ / "python")
    plain = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with_plugin = plain | {"PYTHONPATH": str(bin_.parent / "plugin")}
    kerascheck = [python, "-m", "kerascheck", "--isolated", "-j", "1", "--exit-zero", "--format", "concise"]
    flake8 = [python, "-m", "flake8", "--isolated", "-j", "1", "--exit-zero", folder]
    ruff = [str(bin_ / "ruff"), "check", "--isolated", "-e", "--select", "F,E,B"]
    rows = [
        Row("libcst.parse_module alone", [python, "-c", PARSE, *map(str, files)], plain),
        Row("kerascheck", [*kerascheck, "--no-cache", folder], with_plugin),
        Row("kerascheck, warm", [*kerascheck, "--cache-dir", str(work / "cache"), folder], with_plugin),
        Row("flake8", flake8, plain),
        Row("flake8 with kerascheck", flake8, with_plugin),
        Row("ruff F,E,B", [*ruff, "--no-cache", folder], plain),
        Row("ruff F,E,B, warm", [*ruff, "--cache-dir", str(work / "ruff"), folder], plain),
        Row("pylint", [python, "-m", "pylint", "-j", "1", "--exit-zero", folder], plain),
        Row("fixit", [python, "-m", "fixit", "lint", folder], plain),
        Row("torchfix", [str(bin_ / "torchfix"), "--select", "ALL", folder], plain),
    ]
    return [row for row in rows if Path(row.command[0]).exists() and _has(bin_, row.command[2])]


def _has(bin_: Path, module: str) -> bool:
    """Whether a row that runs a module can run it."""
    return module not in PEERS or (bin_ / module).exists()


def run(row: Row, cwd: Path) -> tuple[float, float]:
    """Seconds of the processor and peak megabytes of one call."""
    process = subprocess.Popen(
        row.command,
        cwd=cwd,  # `python -m` looks there first
        env=row.environment | {"PYTHONHASHSEED": "0"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, _, used = os.wait4(process.pid, 0)
    process.returncode = 0
    return used.ru_utime + used.ru_stime, used.ru_maxrss / (1024 if sys.platform == "linux" else 1 << 20)


def versions(bin_: Path) -> list[str]:
    command = [str(bin_ / "python"), "-m", "pip", "list", "--format=freeze"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    wanted = {"libcst", "ruff", "flake8", "pylint", "dslinter", "fixit", "torchfix"}
    return [item.replace("==", " ") for item in listed if item.split("==")[0].lower() in wanted]


def report(measured: dict[str, Measured]) -> int:
    floor = measured["libcst.parse_module alone"].median
    print("\n| tool | seconds | spread | MB | x parse |\n|---|---|---|---|---|")
    for name, item in measured.items():
        spread = f"{min(item.seconds):.2f}-{max(item.seconds):.2f}"
        print(f"| {name} | {item.median:.2f} | {spread} | {item.megabytes:.0f} | {item.median / floor:.2f} |")
    flake8, both = measured["flake8"].median, measured["flake8 with kerascheck"].median
    bounds = [
        ("kerascheck over flake8", measured["kerascheck"].median / flake8, 0.9),
        ("the plugin's share over flake8", (both - flake8) / flake8, 0.8),
    ]
    print()
    for name, value, most in bounds:
        print(f"{name}: {value:.2f} (at most {most})")
    return int(any(value > most for _, value, most in bounds))


if __name__ == "__main__":
    sys.exit(main())
