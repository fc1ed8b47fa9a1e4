"""What starting costs: `--version`, `--help` and a run without Keras, as ratios to `python -c pass`.

    python bench/startup.py [RUNS]

Prints one line each with the median of RUNS (default 41) interleaved runs, and exits 1 when a budget is broken.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time

# What a call may cost, as a multiple of starting Python.
BUDGETS = {"--version": 2.5, "--help": 2.5, "a folder without Keras": 4.5, "flake8_plugin imported": 2.5}


def main(runs: int) -> int:
    """Measure and print. Returns 1 when a budget is broken."""
    script = "import sys; from kerascheck.cli import main; sys.exit(main())"
    with tempfile.TemporaryDirectory() as folder:
        for number in range(20):
            with open(os.path.join(folder, f"module_{number}.py"), "w", encoding="utf-8") as file:
                file.write("import os\n\n\ndef size(path):\n    return os.stat(path).st_size\n" * 20)
        with open(os.path.join(folder, ".gitignore"), "w", encoding="utf-8") as file:
            file.write("env/\n*.log\n")
        commands = {
            "pass": ["-c", "pass"],
            "--version": ["-c", script, "--version"],
            "--help": ["-c", script, "--help"],
            "a folder without Keras": ["-c", script, folder],
            "flake8_plugin imported": ["-c", "import kerascheck.flake8_plugin"],
        }
        seconds: dict[str, list[float]] = {name: [] for name in commands}
        for turn in range(runs + 2):
            for name, command in commands.items():
                started = time.perf_counter()
                subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL)
                if turn >= 2:  # the first turns fill the caches
                    seconds[name].append(time.perf_counter() - started)
    base = statistics.median(seconds.pop("pass"))
    print(f"python -c pass: {base * 1000:.1f} ms")
    broken = False
    for name, measured in seconds.items():
        ratio = statistics.median(measured) / base
        broken = broken or ratio > BUDGETS[name]
        print(f"{name}: {statistics.median(measured) * 1000:.1f} ms, {ratio:.2f} x (at most {BUDGETS[name]} x)")
    return int(broken)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 41))
