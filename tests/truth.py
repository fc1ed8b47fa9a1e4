"""The examples of the pages, run in a real Keras.

A page says what a mistake does; here the page's own blocks are run and watched. The watching is in `truth_worker.py`
and knows no rule: it reports which claims a program showed. What a block must show is in its page.
"""

import importlib.metadata
import importlib.util
import itertools
import json
import os
import queue
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
WORKER = Path(__file__).resolve().parent / "truth_worker.py"

# What confirm mode must observe, by rule: any one of these is enough. From the catalogue.
CLAIMS: dict[str, tuple[str, ...]] = {
    "KC101": ("WEIGHTS_NOT_LOADED", "LOAD_RAISES"),
    "KC102": ("WEIGHTS_NOT_LOADED",),
    "KC103": ("WEIGHTS_NOT_LOADED", "LOAD_RAISES"),
    "KC104": ("SAVE_RAISES", "STATE_LOST"),
    "KC105": ("LOAD_RAISES",),
    "KC106": ("STATE_LOST", "CALL_RAISES"),
    "KC107": ("STATE_LOST", "OUTPUTS_DIFFER"),
    "KC108": ("STATE_LOST", "OUTPUTS_DIFFER"),
    "KC109": ("CALL_RAISES",),
    "KC110": ("WEIGHTS_NOT_LOADED", "LOAD_RAISES"),
    "KC111": ("WEIGHTS_NOT_LOADED",),
    "KC201": ("SAVE_RAISES",),
    "KC202": ("SAVE_RAISES", "CALL_RAISES"),
    "KC203": ("CALL_RAISES",),
    "KC204": ("CALL_RAISES", "SAVE_RAISES"),
    "KC205": ("LOAD_RAISES",),
    "KC206": ("LOAD_RAISES",),
    "KC207": ("CALL_RAISES",),
    "KC208": ("LOAD_RAISES",),
    "KC209": ("LOAD_RAISES", "SHARING_LOST"),
    "KC210": ("OUTPUTS_DIFFER",),
    "KC211": ("LOAD_RAISES", "LOAD_HANGS"),
    "KC212": ("CONFIG_DIFFERS", "LOAD_RAISES", "CALL_RAISES"),
    "KC213": ("CALL_RAISES",),
    "KC301": ("CONFIG_DIFFERS", "LOAD_RAISES", "SAVE_RAISES"),
    "KC302": ("CONFIG_DIFFERS", "LOAD_RAISES", "SAVE_RAISES"),
    "KC303": ("LOAD_RAISES",),
    "KC304": ("LOAD_RAISES", "CONFIG_DIFFERS"),
    "KC305": ("LOAD_RAISES",),
    "KC306": ("LOAD_RAISES",),
    "KC307": ("LOAD_RAISES", "CODE_RUNS", "CALL_RAISES"),
    "KC308": ("STATE_LOST",),
    "KC309": ("LOAD_RAISES", "CALL_RAISES"),
    "KC310": ("OUTPUTS_DIFFER", "CONFIG_DIFFERS"),
    "KC311": ("LOAD_RAISES",),
    "KC401": ("RUNS_DIFFER",),
    "KC402": ("RUNS_DIFFER",),
    "KC403": ("RUNS_DIFFER",),
    "KC404": ("CALL_RAISES",),
    "KC405": ("RUNS_DIFFER",),
    "KC406": ("LEAK",),
    "KC407": ("LEAK",),
    "KC408": ("EQUAL_WEIGHTS",),
    "KC409": ("RUNS_DIFFER",),
    "KC411": ("LEAK",),
    "KC501": ("METRIC_WRONG",),
    "KC502": ("METRIC_WRONG",),
    "KC503": ("METRIC_WRONG",),
    "KC504": ("METRIC_WRONG",),
    "KC505": ("METRIC_WRONG",),
    "KC506": ("METRIC_WRONG",),
    "KC507": ("CONSTANT_OUTPUT",),
    "KC508": ("METRIC_WRONG", "CALL_RAISES"),
    "KC509": ("METRIC_WRONG",),
    "KC511": ("CALL_RAISES",),
    "KC512": ("WRONG_EPOCH_KEPT",),
    "KC601": ("TRAINING_FLAG_LOST",),
    "KC602": ("TRAINING_FLAG_LOST",),
    "KC603": ("NOT_TRAINED",),
    "KC606": ("CALL_RAISES",),
    "KC607": ("CALL_RAISES",),
    "KC609": ("STATE_LOST",),
    "KC610": ("NOT_TRAINED",),
}
# Rules whose fault no Keras 3 shows: there the string "accuracy" must be right.
HARMLESS_ON_KERAS_3 = frozenset({"KC501"})
# An info is a hint about a class or a call that may go wrong elsewhere; only these are shown by the block itself.
INFO_IS_EXECUTABLE = frozenset({"KC402", "KC501"})
# Rules whose claim is not shown on TensorFlow: their pages are run, their fixtures are not confirmed.
WITHOUT_EXPERIMENT = frozenset({"KC506"})
# Rules with cases of several releases in one fixture: bench/confirmed.py --fixtures takes each where it is shown.
BOUND_TO_RELEASES = frozenset({"KC108", "KC212", "KC512"})
# Places in fixtures that no experiment reaches: what is said there must not be decided, neither way.
UNREACHED = {
    "KC202": {"model_file_suffix.py:178"},  # a parameter makes the model
    # the arguments are the path of a file, and a layer that is read nowhere: these cannot be made up
    "KC301": {"config_drops_argument.py:434", "bad_kept_and_read.py:53", "bad_inner_object.py:51"},
    # whether the elements of the set are strings is not known, or only in another file
    "KC401": {"unordered_labels.py:306", "bad_naming.py:5", *(f"bad_defaults.py:{line}" for line in (10, 15, 20, 24))},
    "KC403": {"bad_beside_a_generator.py:7"},  # the training stands in the script that calls the helper
    "KC406": {"leaking_split.py:55"},
    "KC407": {"different_split_seeds.py:29"},
    # losses of their own or of CTC: which labels they take cannot be told
    "KC503": {"accuracy_on_regression.py:49", "accuracy_on_regression.py:149", "accuracy_on_regression.py:156"},
    "KC504": {"accuracy_of_probabilities.py:12", "accuracy_of_probabilities.py:33"},
    "KC508": {
        "loss_output_mismatch.py:30",
        "loss_output_mismatch.py:65",
        "loss_output_mismatch.py:115",
        "loss_output_mismatch.py:123",
        "loss_output_mismatch.py:304",  # a loss of quantities
    },
    "KC610": {"frozen_discriminator.py:124"},
}
# Fixtures for older releases of Keras, and the first one that does not show what they say: measured.
SHOWN_BEFORE = {
    "trainable_after_compile/bad_keras_2.py": "3.0.5",
    "call_without_training/bad_own_train_step.py": "3.10.0",
    "lambda_layer/bad_h5_of_keras_2.py": "3.11.0",
}
# Rules of Keras 2 alone and what confirm mode answers on Keras 3; every finding must get this answer there.
ONLY_ON_KERAS_2 = {"KC111": "Keras 3 has no graph mode"}
# Rules without a fix, and those whose finding stands where the model is made, not where loading it fails.
WITHOUT_FIX = frozenset(
    {
        "KC110",
        "KC208",
        "KC209",
        "KC210",
        "KC211",
        "KC308",
        "KC309",
        "KC213",
        "KC212",
        "KC411",
        "KC602",
        "KC606",
        "KC609",
    }
)
FAILS_ELSEWHERE = frozenset(
    {
        "KC309",
        "KC105",
        "KC106",
        "KC109",
        "KC206",
        "KC207",
        "KC208",
        "KC209",
        "KC211",
        "KC212",
        "KC301",
        "KC302",
        "KC303",
        "KC304",
        "KC305",
        "KC307",
        "KC311",
        "KC508",
        "KC511",
        "KC606",
        "KC607",
    }
)
RAISING = frozenset({"LOAD_RAISES", "SAVE_RAISES", "CALL_RAISES"})

TIME_LIMIT = float(os.environ.get("KERASCHECK_TRUTH_TIMEOUT", "180"))
TARGETS = os.environ.get("KERASCHECK_KERAS_TARGETS")
TARGET_PYTHON = os.environ.get("KERASCHECK_KERAS_PYTHON", sys.executable)

_FENCE = re.compile(r"^```python (bad|fixed|good)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MARKER = re.compile(r"[ \t]*# (error|warning|info): (KC\d{3})[ \t]*$", re.MULTILINE)
_TARGET = re.compile(r"\A# target: (\S+) (\d[\w.]*)")
_BACKEND = re.compile(r"\A# target: [^\n]*\b(jax|torch)\b")
_TITLE = re.compile(r"\A# \S+ \((KC\d{3})\)$", re.MULTILINE)


@dataclass(frozen=True)
class Marker:
    line: int
    severity: str
    code: str


@dataclass(frozen=True)
class Block:
    """One example of a page; `text` is the program without its markers."""

    stem: str
    code: str
    kind: str
    number: int
    text: str
    markers: tuple[Marker, ...]
    package: str | None
    release: str | None

    @property
    def name(self) -> str:
        return f"{self.code}-{self.number}-{self.kind}"

    @property
    def claims(self) -> tuple[str, ...]:
        return CLAIMS[self.code]

    @property
    def compares_runs(self) -> bool:
        return "RUNS_DIFFER" in self.claims

    @property
    def must_show(self) -> bool:
        """Whether the block must show its claim on Keras 3."""
        if self.kind != "bad" or self.code in HARMLESS_ON_KERAS_3:
            return False
        return self.code in INFO_IS_EXECUTABLE or any(marker.severity != "info" for marker in self.markers)


def blocks_of(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    title = _TITLE.match(text)
    if title is None:
        raise ValueError(f"{page.name}: the first line is not `# rule-name (KCnnn)`")
    for number, match in enumerate(_FENCE.finditer(text), start=1):
        kind, program = match.groups()
        markers = tuple(
            Marker(program.count("\n", 0, marker.start()) + 1, marker.group(1), marker.group(2))
            for marker in _MARKER.finditer(program)
        )
        target = _TARGET.match(program)
        package, release = target.groups() if target else (None, None)
        yield Block(page.stem, title.group(1), kind, number, _MARKER.sub("", program), markers, package, release)


def all_blocks() -> list[Block]:
    return [
        block for page in sorted((ROOT / "rules").glob("*.md")) for block in blocks_of(page) if block.code in CLAIMS
    ]


def pairs(blocks: list[Block]) -> Iterator[tuple[Block, Block]]:
    """A fixed block belongs to the bad block right above it."""
    for before, after in itertools.pairwise(blocks):
        if before.kind == "bad" and after.kind == "fixed":
            yield before, after


def shown_on(stem: str, release: str) -> bool:
    """Whether a bad block of the page shows its claim on a release, by the table that was measured."""
    for cells in _columns(stem, release):
        return any(cell.startswith("**") for name, cell in cells if name.startswith("bad"))
    raise ValueError(f"{stem}.md: {release} is not in the measured table")


def is_measured(stem: str, release: str) -> bool:
    """Whether the measured table of the page has the release."""
    return any(True for _ in _columns(stem, release))


def _columns(stem: str, release: str) -> Iterator[list[tuple[str, str]]]:
    """The cells of a release with the names of their rows."""
    text = (ROOT / "rules" / f"{stem}.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.partition("<!-- measured -->")[2].partition("<!-- /measured -->")[0].splitlines()
        if line.startswith("|")
    ]
    for column, head in enumerate(rows[0][1:] if rows else [], start=1):
        span = head.split(", ")[0].split("-")
        if version(span[0]) <= version(release) <= version(span[-1]):
            yield [(row[0], row[column]) for row in rows[2:]]


def version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())


def fixture_files(stem: str) -> list[Path]:
    """The files of a rule's fixture that can have findings."""
    files = [*(ROOT / "fixtures").glob(f"{stem}.py"), *sorted((ROOT / "fixtures" / stem).rglob("*.py"))]
    return [path for path in files if _MARKER.search(path.read_text(encoding="utf-8"))]


def is_for_older(path: str, release: str) -> bool:
    """Whether a file of a fixture shows its fault on older releases only."""
    end = next((end for name, end in SHOWN_BEFORE.items() if path.endswith(name)), None)
    return end is not None and version(release) >= version(end)


def is_executable(finding: dict[str, Any]) -> bool:
    """Whether a finding speaks of what its own program does, and claims something that a run can show."""
    if finding["verdict"] is None:
        return False
    return finding["severity"] != "info" or finding["code"] in INFO_IS_EXECUTABLE


def confirmed_fixtures(
    stem: str, code: str, folder: Path = ROOT / "fixtures", extra: tuple[str, ...] = (), path: str = ""
) -> list[dict[str, Any]]:
    """The findings in a rule's fixture with the verdicts of confirm mode, and what `extra` options do besides."""
    files = [str(folder / file.relative_to(ROOT / "fixtures")) for file in fixture_files(stem)]
    command = [sys.executable, "-m", "kerascheck", "--confirm", "--isolated", "--select", code, *extra]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(part for part in (str(ROOT), path) if part)}
    done = subprocess.run(
        [*command, "--format", "json", "--exit-zero", *files],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=environment,
        cwd=folder,
        check=False,
    )
    if done.returncode:
        raise WorkerFailed(f"exit {done.returncode}: {done.stderr[-500:]}")
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


@dataclass
class Outcome:
    """What a program did. Facts only."""

    observed: list[dict[str, Any]] = field(default_factory=list)
    examined: list[str] = field(default_factory=list)
    logs: list[dict[str, Any]] = field(default_factory=list)
    error: dict[str, Any] | None = None
    state: dict[str, Any] = field(default_factory=dict)

    def shown(self, claims: tuple[str, ...]) -> list[dict[str, Any]]:
        return [fact for fact in self.observed if fact["claim"] in claims]


class WorkerFailed(Exception):
    """The child hung, died or wrote something else."""


class Worker:
    """A child process that imports Keras once and runs programs one after the other."""

    def __init__(self, *, release: str | None = None, hash_seed: str = "0", watch: bool = True) -> None:
        environment = {
            **os.environ,
            "CUDA_VISIBLE_DEVICES": "",
            "OMP_NUM_THREADS": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONHASHSEED": hash_seed,
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "TF_ENABLE_ONEDNN_OPTS": "0",
            "TF_NUM_INTEROP_THREADS": "1",
            "TF_NUM_INTRAOP_THREADS": "1",
            "TRUTH_WATCH_KERAS": "1" if watch else "",
        }
        python = sys.executable
        if release is not None and TARGETS is not None:
            environment["PYTHONPATH"] = str(Path(TARGETS) / release)
            python = TARGET_PYTHON
        self.process = subprocess.Popen(
            [python, str(WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            env=environment,
        )
        self.lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.release = str(self._answer()["keras"])

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put("")

    def _answer(self) -> dict[str, Any]:
        try:
            line = self.lines.get(timeout=TIME_LIMIT)
        except queue.Empty:
            self.close()
            raise WorkerFailed(f"no answer in {TIME_LIMIT:g} s") from None
        if not line:
            raise WorkerFailed(f"the child ended with {self.process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def run(self, text: str) -> Outcome:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"text": text}) + "\n")
        self.process.stdin.flush()
        return Outcome(**self._answer())

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        if self.process.stdin is not None:
            self.process.stdin.close()


def run_fresh(text: str, *, release: str | None = None, hash_seed: str = "0", watch: bool = True) -> Outcome:
    worker = Worker(release=release, hash_seed=hash_seed, watch=watch)
    try:
        return worker.run(text)
    finally:
        worker.close()


def compare_runs(text: str, release: str | None = None) -> Outcome:
    """The program in two fresh processes with two hash seeds; what it leaves in its names is compared."""
    first, second = (run_fresh(text, release=release, hash_seed=seed, watch=False) for seed in ("1", "2"))
    first.examined.append("RUNS_DIFFER")
    names = sorted(name for name in first.state if first.state[name] != second.state.get(name))
    if names:
        first.observed.append({"claim": "RUNS_DIFFER", "line": None, "evidence": f"differ: {', '.join(names)}"})
    return first


class Laboratory:
    """Runs blocks side by side: warm children for the installed Keras, a fresh child for every other case."""

    def __init__(self, width: int | None = None) -> None:
        self.pool = ThreadPoolExecutor(max_workers=width or min(os.cpu_count() or 1, 8))
        self.local = threading.local()
        self.workers: list[Worker] = []
        self.results: dict[tuple[str, str | None, bool], Future[Outcome]] = {}

    def submit(self, text: str, release: str | None = None, compares_runs: bool = False) -> Future[Outcome]:
        key = (text, release, compares_runs)
        if key not in self.results:
            self.results[key] = self.pool.submit(self._run, *key)
        return self.results[key]

    def submit_block(self, block: Block) -> Future[Outcome]:
        release = block.release if block.package == "keras" else None
        if release == installed_keras():
            release = None
        return self.submit(block.text, release, block.compares_runs)

    def _run(self, text: str, release: str | None, compares_runs: bool) -> Outcome:
        if compares_runs:
            return compare_runs(text, release)
        if release is not None:  # a failing load can spoil later cases of the process on old releases
            return run_fresh(text, release=release)
        worker: Worker | None = getattr(self.local, "worker", None)
        if worker is None or worker.process.poll() is not None:
            worker = Worker()
            self.local.worker = worker
            self.workers.append(worker)
        return worker.run(text)

    def close(self) -> None:
        self.pool.shutdown(wait=True, cancel_futures=True)
        for worker in self.workers:
            worker.close()


def installed_keras() -> str | None:
    """The installed Keras 3, found without importing it."""
    if importlib.util.find_spec("keras") is None:
        return None
    release = importlib.metadata.version("keras")
    return release if release.split(".")[0] == "3" else None


def why_not_run(block: Block) -> str | None:
    """Why this block cannot be run here, or None."""
    if "keras.applications." in block.text and "weights=None" not in block.text:
        return "needs the weights of ImageNet"
    if (backend := _BACKEND.match(block.text)) is not None:
        return f"{backend[1]} is not run here"
    if block.release is None or (block.package == "keras" and block.release == installed_keras()):
        return None
    if block.package != "keras":
        return f"{block.package} {block.release} is not run here"
    if TARGETS is None:
        return f"keras {block.release} is wanted, KERASCHECK_KERAS_TARGETS is not set"
    if not (Path(TARGETS) / block.release).is_dir():
        return f"keras {block.release} is not in KERASCHECK_KERAS_TARGETS"
    return None
