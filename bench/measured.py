"""Run the examples of every page on several releases of Keras, and write what each showed into the page.

    python bench/measured.py --releases TARGETS --python ENV/bin/python [--extra FOLDER]
        [--before 2.15=OLD/bin/python] [--also jax=JAX/bin/python] [--also torch=TORCH/bin/python]

TARGETS holds a folder for each release (`pip install --target TARGETS/3.6.0 --no-deps keras==3.6.0`); ENV has
TensorFlow and the rest. FOLDER is added for releases before 3.3, which want dm-tree. An environment that is named
jax or torch is run on that backend. A page gets a table below "## Measured", between two comments; what stands
outside of them is left alone. With --fixtures the findings in the rules' fixtures are confirmed on these releases.
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
BACKENDS = ("jax", "torch")
CAPTION = (
    "Each block above, in order, run by bench/measured.py; **bold** is what the rule says;"
    " {words}a release stands for Keras on TensorFlow{backends}."
)
WORDS = {
    "no answer": "`no answer`: it hung, or the process died",
    "not looked at": "`not looked at`: it ran, and what it left could not be compared",
    "not run": "`not run`: it downloads weights",
    "needs tensorflow": "`needs tensorflow`: it imports TensorFlow, which is not installed there",
}
# What cannot be told when a check of the runner fails, as on releases that keep other files.
UNSEEN = {
    "after_load_weights": {"WEIGHTS_NOT_LOADED"},
    "after_save_weights": {"STATE_LOST"},
    "after_save": {"STATE_LOST", "CONFIG_DIFFERS", "SHARING_LOST", "OUTPUTS_DIFFER"},
    "compare_loaded": {"CODE_RUNS", "CONFIG_DIFFERS", "SHARING_LOST", "OUTPUTS_DIFFER"},
    "after_evaluate": {"METRIC_WRONG"},
    "after_program": {"WEIGHTS_NOT_LOADED"},
}
START, END = "<!-- measured -->", "<!-- /measured -->"
SECONDS = 120  # for one block; on some releases a load never ends
_TABLE = re.compile(rf"{START}\n.*?{END}\n\n", re.DOTALL)


@dataclass(frozen=True)
class Release:
    """One Keras: the interpreter, and the folders that come before its own packages."""

    name: str
    python: str
    path: str

    @property
    def backend(self) -> str:
        return self.name if self.name in BACKENDS else "tensorflow"


def environment(item: str) -> Release:
    """`NAME=PYTHON`, as it is given."""
    name, _, python = item.partition("=")
    return Release(name, python, "")


def releases(before: list[str], folder: Path | None, python: str, extra: str) -> list[Release]:
    """The older environments, then a release for each sub-folder, oldest first."""
    found = [environment(item) for item in before]
    parts = list(folder.iterdir()) if folder is not None else []
    for item in sorted(parts, key=lambda part: [int(number) for number in part.name.split(".")]):
        more = extra if item.name.startswith(("3.0.", "3.1.", "3.2.")) else ""
        found.append(Release(item.name, python, os.pathsep.join(part for part in (str(item), more) if part)))
    return found


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

    def quiet(name: str, check: Any) -> Any:
        def checked(*arguments: Any) -> None:
            try:
                check(*arguments)
            except Exception as error:  # an old release keeps other files: nothing can be told
                truth_worker.RECORD.examined.add(f"not looked at: {name}: {type(error).__name__}: {error}"[:200])

        return checked

    for name in UNSEEN:
        setattr(truth_worker, name, quiet(name, getattr(truth_worker, name)))
    truth_worker.watch_keras()
    print(json.dumps({"keras": keras.__version__}), file=answers, flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        print(json.dumps([once(truth_worker, job["text"], job["state"])]), file=answers, flush=True)


def once(worker: Any, text: str, state: bool) -> dict[str, Any]:
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
            try:
                found = worker.run(text, False)
                found.pop("logs")
                found["state"] = found["state"] if state else {}
            except BaseException as problem:
                found = {"observed": [], "examined": [], "state": {}, "error": worker.error_of(problem)}
                found["error"]["type"] = f"runner: {found['error']['type']}"
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
        "KERAS_BACKEND": release.backend,
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
            child.stdin.write(json.dumps({"text": block.text, "state": block.compares_runs}) + "\n")
            child.stdin.flush()
            facts += json.loads(_line(child))
        found[block.name] = word(block, facts)
        kept.add(kept.key(release, block), found[block.name])
    for child in children:
        child.kill()
        child.wait()
    return found


def confirmed(release: Release, stem: str, code: str, kept: Kept, only_kept: bool) -> str | None:
    """How many findings of a rule's fixture confirm mode shows on a release, of those with an executable claim."""
    import truth  # type: ignore[import-not-found]

    texts = "".join(path.read_text(encoding="utf-8") for path in truth.fixture_files(stem))
    key = f"{release.name} {code} fixture {hashlib.sha256(texts.encode()).hexdigest()[:16]}"
    if key not in kept.words:
        if only_kept:
            return None
        extra = ("--python", release.python, "--backend", release.backend)
        found = truth.confirmed_fixtures(stem, code, extra=extra, path=release.path)
        verdicts = [item["verdict"]["status"] for item in found if truth.is_executable(item)]
        undecided = sum(verdict not in ("confirmed", "refuted") for verdict in verdicts)
        told = f"{verdicts.count('confirmed')} of {len(verdicts)}"
        kept.add(key, f"{told} ({undecided} undecided)" if undecided else told)
        print(f"{release.name}: {stem}: {kept.words[key]}", file=sys.stderr, flush=True)
    return kept.words[key]


def sentence(found: dict[str, str]) -> str:
    """What confirm mode shows of a fixture, by release; releases with the same counts are named together."""
    counts = dict.fromkeys(found.values())
    parts = [f"{count} on {', '.join(name for name in found if found[name] == count)}" for count in counts]
    return f"Findings of the fixture that `--confirm` shows: {'; '.join(parts)}.\n" if parts else ""


def _line(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline() or "{}"


def word(block: Any, facts: list[dict[str, Any]]) -> str:
    """What a block showed: its claims in bold, or that it ran, or the exception that stood in the way."""
    shown = {fact["claim"] for fact in facts[0]["observed"]} & set(block.claims)
    error = facts[0]["error"]
    absent = re.match(r"No module named '([^'.]+)", error.get("message", "")) if error else None
    if absent is not None and error["type"] == "ModuleNotFoundError":
        return f"needs {absent[1]}"
    if block.compares_runs and len(facts) == 2 and not error:
        names = {name for name in facts[0]["state"] if facts[0]["state"][name] != facts[1]["state"].get(name)}
        shown |= {"RUNS_DIFFER"} if names else set()
    if shown:
        return f"**{', '.join(sorted(claim.lower().replace('_', '-') for claim in shown))}**"
    if error:
        return f"{error['type']}"
    failed = [item.split(": ")[1] for item in facts[0]["examined"] if item.startswith("not looked at: ")]
    return "not looked at" if any(UNSEEN[name] & set(block.claims) for name in failed) else "fine"


def table(rows: list[tuple[str, list[str]]], releases: list[str], fixture: str) -> str:
    """Markdown; releases side by side that show the same share a column."""
    groups: list[list[int]] = []
    for index in range(len(releases)):
        same = groups and all(cells[groups[-1][0]] == cells[index] for _, cells in rows)
        if same:
            groups[-1].append(index)
        else:
            groups.append([index])
    heads = [head([releases[index] for index in group]) for group in groups]
    lines = [f"| block | {' | '.join(heads)} |", "|---|" + "---|" * len(groups)]
    lines += [f"| {name} | {' | '.join(cells[group[0]] for group in groups)} |" for name, cells in rows]
    seen = {cell for _, cells in rows for cell in cells}
    words = "".join(f"{text}; " for word, text in WORDS.items() if word in seen)
    others = [name for name in releases if name in BACKENDS]
    newest = [name for name in releases if name not in BACKENDS][-1]
    backends = f", {' and '.join(others)} for Keras {newest} on that backend" if others else ""
    caption = CAPTION.format(words=words, backends=backends)
    ran = f"Releases run: {', '.join(releases)}.\n{fixture}"
    return f"{START}\n{caption}\n\n" + "\n".join(lines) + f"\n\n{ran}{END}\n\n"


def head(names: list[str]) -> str:
    """The releases of a column: the first and the last, and the other backends."""
    numbers = [name for name in names if name not in BACKENDS]
    span = f"{numbers[0]}-{numbers[-1]}" if len(numbers) > 1 else "".join(numbers)
    return ", ".join(part for part in (span, *(name for name in names if name in BACKENDS)) if part)


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
    parser.add_argument("--before", action="append", default=[], metavar="NAME=PYTHON", help="an older release")
    parser.add_argument("--also", action="append", default=[], metavar="NAME=PYTHON", help="jax or torch")
    parser.add_argument("--extra", default="", help="a folder with what old releases need besides")
    parser.add_argument("--fixtures", nargs="*", default=[], metavar="RELEASE", help="confirm the fixtures on these")
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
    import truth

    kept = Kept(options.kept)
    found_there = releases(options.before, options.releases, options.python, options.extra)
    every = [release for release in found_there if release.name not in options.skip]
    every += [environment(item) for item in options.also]
    blocks = [block for block in truth.all_blocks() if not options.only or block.code in options.only]
    can_run = [block for block in blocks if "keras.applications." not in block.text or "weights=None" in block.text]
    with ThreadPoolExecutor(options.width) as pool:
        found = list(pool.map(lambda release: outcomes(release, can_run, kept, options.only_kept), every))
    codes = {block.stem: block.code for block in blocks}
    fixtures: dict[str, dict[str, str]] = {stem: {} for stem in codes}
    for release in every:  # one at a time: each has processes of its own
        for stem, code in codes.items():
            only = options.only_kept or release.name not in options.fixtures
            if (told := confirmed(release, stem, code, kept, only)) is not None:
                fixtures[stem][release.name] = told
    names = [release.name for release in every]
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
        text = table(rows, names, sentence(fixtures[stem]))
        if options.show:
            print(f"{stem}\n{text}")
        else:
            write(ROOT / "rules" / f"{stem}.md", text)


if __name__ == "__main__":
    main()
