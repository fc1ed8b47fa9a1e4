"""Run the examples of every page on several releases of Keras, and write what each showed into the page.

    python bench/measured.py --releases TARGETS --python ENV/bin/python [--also 2.15=OTHER/bin/python] [--extra FOLDER]

TARGETS holds a folder for each release (`pip install --target TARGETS/3.6.0 --no-deps keras==3.6.0`); ENV has
TensorFlow and the rest. FOLDER is added for releases before 3.3, which want dm-tree. A page gets a table below
"## Measured", between two comments; what stands outside of them is left alone.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
CAPTION = (
    "Each block above, in order, run by bench/measured.py on TensorFlow; **bold** is what the rule says;"
    " `no answer`: it hung, or the process died."
)
START, END = "<!-- measured -->", "<!-- /measured -->"
SECONDS = 40  # for one block; on some releases a load never ends
_TABLE = re.compile(rf"{START}\n.*?{END}\n\n", re.DOTALL)


@dataclass(frozen=True)
class Release:
    """One Keras: the interpreter, and the folders that come before its own packages."""

    name: str
    python: str
    path: str


# ---------------------------------------------------------------------- in the release's own Python


def serve() -> None:
    """Read jobs, fork for each of them, and answer with what the program showed."""
    import tempfile

    import truth_worker  # type: ignore[import-not-found]

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(1, 2)
    sys.argv = ["program.py"]
    os.chdir(tempfile.gettempdir())
    import keras

    def quiet(check: Any) -> Any:
        def checked(*arguments: Any) -> None:
            try:
                check(*arguments)
            except Exception as error:  # an old release keeps other files: nothing can be told
                truth_worker.RECORD.examined.add(f"not looked at: {type(error).__name__}")

        return checked

    for name in ("after_load_weights", "after_save", "compare_loaded", "after_evaluate"):
        setattr(truth_worker, name, quiet(getattr(truth_worker, name)))
    truth_worker.watch_keras()
    if not hasattr(keras.utils, "clear_session"):  # Keras 2
        keras.utils.clear_session = keras.backend.clear_session
    print(json.dumps({"keras": keras.__version__}), file=answers, flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        print(json.dumps([once(truth_worker, job["text"]) for _ in range(job["runs"])]), file=answers, flush=True)


def once(worker: Any, text: str) -> dict[str, Any]:
    """What a program showed, in a forked process that draws random numbers of its own."""
    import random
    import select
    import signal
    import time

    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reading)
            seed = int.from_bytes(os.urandom(4), "little")
            random.seed(seed)
            sys.modules["numpy"].random.seed(seed)
            found = worker.run(text, True)
            found.pop("logs")
            with os.fdopen(writing, "w") as file:
                json.dump(found, file)
        finally:
            os._exit(0)
    os.close(writing)
    data = b""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        if select.select([reading], [], [], 0.5)[0]:
            more = os.read(reading, 1 << 20)
            if not more:
                break
            data += more
    os.close(reading)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    try:
        found = json.loads(data)
    except ValueError:
        return {"observed": [], "examined": [], "state": {}, "error": {"type": "no answer"}}
    assert isinstance(found, dict)
    return found


# ---------------------------------------------------------------------- the tables


class Kept:
    """Outcomes by release and program in a file, so that a run that was ended can go on."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.words: dict[str, str] = {}
        if path is not None and path.is_file():
            self.words = json.loads(path.read_text(encoding="utf-8"))

    def key(self, release: Release, block: Any) -> str:
        """The name of an outcome."""
        return f"{release.name} {block.code} {hashlib.sha256(block.text.encode()).hexdigest()[:16]}"

    def add(self, key: str, outcome: str) -> None:
        """Keep an outcome."""
        self.words[key] = outcome
        if self.path is not None:
            part = self.path.with_name(f"{self.path.name}.{threading.get_ident()}")
            part.write_text(json.dumps(dict(self.words)), encoding="utf-8")
            part.replace(self.path)


def outcomes(release: Release, blocks: list[Any], kept: Kept, only_kept: bool) -> dict[str, str]:
    """A word for every block."""
    found = {block.name: kept.words[key] for block in blocks if (key := kept.key(release, block)) in kept.words}
    blocks = [block for block in blocks if block.name not in found]
    if not blocks or only_kept:
        return found
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(part for part in (release.path, str(ROOT / "tests")) if part),
        "KERAS_BACKEND": "tensorflow",
        "CUDA_VISIBLE_DEVICES": "",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_ENABLE_ONEDNN_OPTS": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "1",
    }
    command = [release.python, __file__, "--serve"]
    children = []
    for seed in ("1", "2"):
        environment["PYTHONHASHSEED"] = seed
        children.append(
            subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        )
    names = [json.loads(_line(child))["keras"] for child in children]
    print(f"{release.name}: keras {names[0]}", file=sys.stderr, flush=True)
    for block in blocks:
        facts = []
        for child in children[: 2 if block.compares_runs else 1]:
            assert child.stdin is not None
            child.stdin.write(json.dumps({"text": block.text, "runs": 1}) + "\n")
            child.stdin.flush()
            facts += json.loads(_line(child))
        found[block.name] = word(block, facts)
        kept.add(kept.key(release, block), found[block.name])
    for child in children:
        child.kill()
        child.wait()
    return found


def _line(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline() or "{}"


def word(block: Any, facts: list[dict[str, Any]]) -> str:
    """What a block showed: its claims in bold, or that it ran, or the exception that stood in the way."""
    shown = {fact["claim"] for fact in facts[0]["observed"]} & set(block.claims)
    error = facts[0]["error"]
    if block.compares_runs and len(facts) == 2 and not error:
        names = {name for name in facts[0]["state"] if facts[0]["state"][name] != facts[1]["state"].get(name)}
        shown |= {"RUNS_DIFFER"} if names else set()
    if shown:
        return f"**{', '.join(sorted(claim.lower().replace('_', '-') for claim in shown))}**"
    return f"{error['type']}" if error else "fine"


def table(rows: list[tuple[str, list[str]]], releases: list[str]) -> str:
    """Markdown; releases side by side that show the same share a column."""
    groups: list[list[int]] = []
    for index in range(len(releases)):
        same = groups and all(cells[groups[-1][0]] == cells[index] for _, cells in rows)
        if same:
            groups[-1].append(index)
        else:
            groups.append([index])
    heads = [releases[group[0]] + (f"-{releases[group[-1]]}" if len(group) > 1 else "") for group in groups]
    lines = [f"| block | {' | '.join(heads)} |", "|---|" + "---|" * len(groups)]
    lines += [f"| {name} | {' | '.join(cells[group[0]] for group in groups)} |" for name, cells in rows]
    return f"{START}\n{CAPTION}\n\n" + "\n".join(lines) + f"\n\nReleases run: {', '.join(releases)}.\n{END}\n\n"


def write(page: Path, text: str) -> None:
    before = page.read_text(encoding="utf-8")
    without = _TABLE.sub("", before)
    start = without.index("## Measured\n")
    end = without.index("\n## ", start) + 1
    page.write_text(without[:end] + text + without[end:], encoding="utf-8", newline="\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--releases", type=Path, help="a folder of releases")
    parser.add_argument("--python", default=sys.executable, help="the interpreter that they are run with")
    parser.add_argument("--also", action="append", default=[], metavar="NAME=PYTHON", help="an environment of its own")
    parser.add_argument("--extra", default="", help="a folder with what old releases need besides")
    parser.add_argument("--only", nargs="*", default=[], metavar="CODE", help="these rules only")
    parser.add_argument("--skip", nargs="*", default=[], metavar="RELEASE", help="not these releases")
    parser.add_argument("--width", type=int, default=3, help="releases side by side")
    parser.add_argument("--kept", type=Path, metavar="FILE", help="a file for outcomes, so that a run can go on")
    parser.add_argument("--only-kept", action="store_true", help="run nothing; tables of the rules that are complete")
    parser.add_argument("--show", action="store_true", help="print the tables and write nothing")
    options = parser.parse_args()
    if options.serve:
        serve()
        return
    import truth  # type: ignore[import-not-found]

    kept = Kept(options.kept)
    releases = [Release(name, python, "") for name, _, python in (item.partition("=") for item in options.also)]
    for folder in sorted(options.releases.iterdir(), key=lambda item: [int(part) for part in item.name.split(".")]):
        if folder.name not in options.skip:
            extra = options.extra if folder.name.startswith(("3.0.", "3.1.", "3.2.")) else ""
            path = os.pathsep.join(part for part in (str(folder), extra) if part)
            releases.append(Release(folder.name, options.python, path))
    blocks = [block for block in truth.all_blocks() if not options.only or block.code in options.only]
    can_run = [block for block in blocks if "keras.applications." not in block.text or "weights=None" in block.text]
    with ThreadPoolExecutor(options.width) as pool:
        found = list(pool.map(lambda release: outcomes(release, can_run, kept, options.only_kept), releases))
    names = [release.name for release in releases]
    for stem in dict.fromkeys(block.stem for block in blocks):
        rows = [
            (f"{block.kind} {block.number}", [result.get(block.name, "not run") for result in found])
            for block in blocks
            if block.stem == stem
        ]
        wanted = [block.name for block in can_run if block.stem == stem]
        missing = any(name not in result for name in wanted for result in found)
        if options.only_kept and missing:
            print(f"{stem}: not complete", file=sys.stderr)
            continue
        text = table(rows, names)
        if options.show:
            print(f"{stem}\n{text}")
        else:
            write(ROOT / "rules" / f"{stem}.md", text)


if __name__ == "__main__":
    main()
