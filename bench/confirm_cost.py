"""What `kerascheck --confirm` costs on a project, in seconds and in imports of the framework.

    python bench/confirm_cost.py PROJECT [--python PATH] [--backend jax] [--ignore A,B]

Printed are the seconds of one import of Keras in that environment, of the run without and with --confirm, and the
seconds of each verdict: equal experiments are run once and told with each finding that they serve.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def timed(command: Sequence[str], environment: dict[str, str]) -> tuple[float, str]:
    """The seconds of a command and what it printed."""
    started = time.perf_counter()
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    return time.perf_counter() - started, result.stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("project", type=Path)
    parser.add_argument("--python", default=sys.executable, metavar="PATH", help="the environment to confirm in")
    parser.add_argument("--backend", default="tensorflow")
    parser.add_argument("--ignore", default="", metavar="A,B", help="rules that are not run")
    arguments = parser.parse_args()
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": path, "KERAS_BACKEND": arguments.backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    once = min(timed([arguments.python, "-c", "import keras"], environment)[0] for _ in range(2))
    command = [sys.executable, "-m", "kerascheck", "--exit-zero", "--format", "json", str(arguments.project)]
    command += ["--ignore", arguments.ignore] if arguments.ignore else []
    plain, _ = timed(command, environment)
    confirm = ["--confirm", "--python", arguments.python, "--backend", arguments.backend]
    whole, text = timed([*command, *confirm], environment)
    verdicts = [(item["code"], item["verdict"]) for item in json.loads(text) if item["verdict"]]
    for code, verdict in verdicts:
        print(f"{code} {verdict['status']:13} {verdict['seconds']:6.2f} s  {verdict['evidence'][:80]}")
    print(f"keras {verdicts[0][1]['keras'] if verdicts else ''} on {arguments.backend}, {len(verdicts)} verdicts")
    print(f"one import {once:.1f} s, without --confirm {plain:.1f} s, with it {whole:.1f} s")
    print(f"confirm costs {whole - plain:.1f} s, {(whole - plain) / once:.1f} imports")


if __name__ == "__main__":
    main()
