"""Many files: a warm run beside ruff's, four processes beside one, and the peak memory.

    python bench/scale.py CORPUS [--rounds 5] [--environment FOLDER]

CORPUS is a folder with thousands of Python files. Prints, each as the median of ROUNDS and its spread:

- the seconds of a run that finds all in the cache over those of ruff's (`--select F,E,B`) on the same files;
- the seconds of a run without cache with four processes over those with one (once each: they take long);
- the peak memory of the run with one process over that of one that parses the largest file with libcst alone.

Seconds are those that pass, not those of the processor. ruff is installed as `bench/peers.py` does it. Exits 1 when a
bound of the project is broken.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from peers import PARSE, install

FOUR = 4


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--environment", type=Path, help="keep what is installed here for the next run")
    arguments = parser.parse_args()
    corpus = arguments.corpus.resolve()
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        bin_, _ = install(arguments.environment or work / "environment")
        environment = dict(os.environ) | {"PYTHONPATH": str(bin_.parent / "plugin")}
        python = str(bin_ / "python")
        kerascheck = [python, "-m", "kerascheck", "--isolated", "--exit-zero", "--format", "concise"]
        ruff = [str(bin_ / "ruff"), "check", "--isolated", "-e", "-q", "--select", "F,E,B"]
        ruff += ["--cache-dir", str(work / "ruff"), str(corpus)]
        warm = [*kerascheck, "--cache-dir", str(work / "cache"), str(corpus)]
        files = [path for path in corpus.rglob("*.py") if path.is_file()]
        keras = [path for path in files if b"keras" in path.read_bytes()]
        print(f"{len(files):,} Python files, {len(keras):,} of them with the word keras")

        timed([*warm, "-j", str(FOUR)], environment)  # fills the cache
        cold = [*kerascheck, "--no-cache", str(corpus), "-j"]
        four, _ = timed([*cold, str(FOUR)], environment)
        one, memory = timed([*cold, "1"], environment)
        timed(ruff, environment)
        seconds: dict[str, list[float]] = {"kerascheck": [], "ruff": []}
        for _ in range(arguments.rounds):
            seconds["kerascheck"].append(timed(warm, environment)[0])
            seconds["ruff"].append(timed(ruff, environment)[0])
        for name, measured in seconds.items():
            print(f"warm, {name}: {statistics.median(measured):.3f} s ({min(measured):.3f}-{max(measured):.3f})")
        largest = max(keras, key=lambda path: path.stat().st_size)
        _, floor = timed([python, "-c", PARSE, str(largest)], environment)
        print(f"cold, one process: {one:.1f} s; {FOUR} processes: {four:.1f} s")
        print(
            f"peak memory: {memory:.0f} MB; of a process that parses the largest file ({largest.name}): {floor:.0f} MB"
        )
        bounds = [
            ("warm over ruff's", statistics.median(seconds["kerascheck"]) / statistics.median(seconds["ruff"]), 3.0),
            ("four processes over one", four / one, 0.35),
            ("peak memory over the parser's", memory / floor, 2.0),
        ]
    for name, value, most in bounds:
        print(f"{name}: {value:.2f} (at most {most})")
    return int(any(value > most for _, value, most in bounds))


def timed(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Seconds that pass, and the peak memory of the process and of those it waits for, in megabytes."""
    started = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, _, used = os.wait4(process.pid, 0)
    process.returncode = 0
    return time.perf_counter() - started, used.ru_maxrss / (1024 if sys.platform == "linux" else 1 << 20)


if __name__ == "__main__":
    sys.exit(main())
