"""The child process in which experiments run: started, watched and, when need be, killed.

One child imports the framework once and forks for every experiment. It has an empty HOME, KERAS_HOME and working
directory of its own, no terminal, no standard input, and, where the system allows it, no network.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LARGEST_RESULT = 1_000_000  # bytes of a result file
_HELD = re.compile(rb"^Rss(?:Anon|Shmem):\s+(\d+) kB", re.MULTILINE)
_PROPORTIONAL = re.compile(rb"^Pss:\s+(\d+) kB", re.MULTILINE)
_PASSED = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PYTHONPATH", "SYSTEMROOT", "VIRTUAL_ENV", "CONDA_PREFIX")


@dataclass(frozen=True)
class Limits:
    """Seconds for the import of the framework and for one experiment; megabytes for all processes of one experiment."""

    import_seconds: float = 300.0
    experiment_seconds: float = 60.0
    memory_megabytes: int = 4096


@dataclass(frozen=True)
class Result:
    """What came of an experiment: `facts` of the worker, or why there are none: "time", "memory", "died", "garbage"."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    failure: str = ""
    seconds: float = 0.0


class SandboxError(Exception):
    """The child cannot be had at all: no such Python, no Keras in it, or its import fails. One line."""


class Sandbox:
    """A temporary folder and, while it is open, a child process. Use as a context manager.

    `python` is the interpreter of the environment to confirm in; `backend` sets KERAS_BACKEND.
    """

    def __init__(self, python: str = sys.executable, backend: str = "tensorflow", limits: Limits | None = None) -> None:
        self.python = python
        self.backend = backend
        self.limits = limits or Limits()
        self.keras = ""
        self.held: Mapping[str, bool] = {}
        self.imports = 0
        self.known: dict[str, tuple[list[Result], float]] = {}  # what experiments gave, by their keys
        self.folder = ""
        self.token = ""
        self._child: subprocess.Popen[bytes] | None = None
        self._requests = self._answers = -1
        self._buffer = b""
        self._count = 0

    def __enter__(self) -> Sandbox:
        with uninterrupted():  # a folder that was made and is not known would stay
            self.folder = tempfile.mkdtemp(prefix="kerascheck-")
            self.token = os.path.basename(self.folder)
        self._furnish()
        return self

    def __exit__(self, *error: object) -> None:
        with uninterrupted():
            self.stop()
            self._kill_marked()
            _remove(self.folder)

    def _furnish(self) -> None:
        """The folders of the child, made again when an experiment has removed them."""
        for name in ("home", "keras", "cache", "temporary"):
            os.makedirs(os.path.join(self.folder, name), exist_ok=True)

    def run(self, experiment: str, parameters: Mapping[str, Any]) -> Result:
        """Run one experiment in a forked child. Raises SandboxError when the framework cannot be imported."""
        self._furnish()
        child = self._running()
        self._count += 1
        folder = os.path.join(self.folder, f"experiment{self._count}")
        os.mkdir(folder)
        job = {**parameters, "id": self._count, "experiment": experiment, "folder": folder}
        started = time.monotonic()
        try:
            _write_all(self._requests, json.dumps(job).encode() + b"\n")
        except OSError:
            self.stop()
            return Result(failure="died")
        answer = self._answer(started + min(30.0, self.limits.experiment_seconds))
        process = answer.get("pid") if answer else None
        failure = self._watch(process, started) if isinstance(process, int) else "lost"
        seconds = time.monotonic() - started
        if failure == "lost" or child.poll() is not None:
            self.stop()
            failure = "died"
        facts = self._read(os.path.join(folder, "result.json"))
        _remove(folder)
        if isinstance(process, int) and not self.held.get("processes"):
            with contextlib.suppress(OSError):
                os.killpg(process, signal.SIGKILL)  # what it left running in its group
        self._kill_marked(self.own_processes())
        if facts is None and not failure:
            failure = "died"
        if failure:
            return Result(failure=failure, seconds=seconds)
        return Result(facts or {}, "" if facts else "garbage", seconds)

    def run_fresh(self, experiment: str, parameters: Mapping[str, Any], hash_seed: int, *, framework: bool) -> Result:
        """Run one experiment in a process of its own with another PYTHONHASHSEED."""
        fresh = Sandbox(self.python, self.backend, self.limits)
        with fresh:
            fresh.start({"PYTHONHASHSEED": str(hash_seed)}, framework=framework)
            result = fresh.run(experiment, parameters)
        self.imports += framework
        self.keras = self.keras or fresh.keras
        return result

    def stop(self) -> None:
        """End the child and everything that it started."""
        child, self._child = self._child, None
        if child is None:
            return
        for descriptor in (self._requests, self._answers):
            with contextlib.suppress(OSError):
                os.close(descriptor)
        with contextlib.suppress(OSError):
            os.killpg(child.pid, signal.SIGKILL)
        with contextlib.suppress(OSError):
            child.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(2)
        self._kill_marked()

    # ------------------------------------------------------------------ the child

    def _running(self) -> subprocess.Popen[bytes]:
        if self._child is None:
            self.start()
        assert self._child is not None
        return self._child

    def start(self, extra: Mapping[str, str] | None = None, *, framework: bool = True) -> None:
        """Start the child, with more in its environment or without the framework. Raises SandboxError."""
        worker = self._hand_over()
        their_requests, self._requests = os.pipe()
        self._answers, their_answers = os.pipe()
        settings = {"root": self.folder, "framework": framework}
        environment = {name: os.environ[name] for name in _PASSED if name in os.environ}
        environment.update(
            HOME=os.path.join(self.folder, "home"),
            KERAS_HOME=os.path.join(self.folder, "keras"),
            XDG_CACHE_HOME=os.path.join(self.folder, "cache"),
            TMPDIR=os.path.join(self.folder, "temporary"),
            KERAS_BACKEND=self.backend,
            KERASCHECK_CONFIRM=self.token,
            CUDA_VISIBLE_DEVICES="",
            JAX_PLATFORMS="cpu",
            TF_CPP_MIN_LOG_LEVEL="3",
            TF_ENABLE_ONEDNN_OPTS="0",
            PYTHONDONTWRITEBYTECODE="1",
            PYTHONWARNINGS="default",
            MPLBACKEND="Agg",
            **(extra or {}),
        )
        try:
            with uninterrupted():  # a child that was started and is not known would stay
                self._child = subprocess.Popen(
                    [self.python, worker, str(their_requests), str(their_answers), json.dumps(settings)],
                    cwd=os.path.join(self.folder, "temporary"),
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    pass_fds=(their_requests, their_answers),
                    start_new_session=True,
                )
        except OSError as error:
            raise SandboxError(f"{self.python}: cannot be started: {error.strerror or error}") from error
        finally:
            os.close(their_requests)
            os.close(their_answers)
        self._buffer = b""
        deadline = time.monotonic() + self.limits.import_seconds
        answer = self._answer(deadline)
        if answer is None or not answer.get("ready"):
            status = self._child.poll()
            if answer is None and status is None and time.monotonic() < deadline:  # it has closed the pipe and ends
                with contextlib.suppress(subprocess.TimeoutExpired):
                    status = self._child.wait(2)
            if answer is not None:
                problem = str(answer.get("error", ""))
            elif status is None:
                problem = f"not done after {self.limits.import_seconds:g} s"
            else:
                problem = f"the process ended with {status}"
            self.stop()
            where = f"{self.python}: Keras cannot be imported there (backend {self.backend})"
            raise SandboxError(" ".join(f"{where}: {problem}".split()))
        self.imports += framework
        self.held = dict(answer.get("held", {}))
        self.keras = str(answer.get("keras", "")) or self.keras
        self.backend = str(answer.get("backend", "")) or self.backend

    def _hand_over(self) -> str:
        """Copy the program of the child into its folder, as a package with nothing else in it; what starts it."""
        own = os.path.join(self.folder, "worker")
        package = os.path.join(own, "kerascheck", "confirm", "child")
        os.makedirs(package, exist_ok=True)
        for part in Path(__file__).with_name("child").glob("*.py"):
            shutil.copyfile(part, os.path.join(package, part.name))
        for folder in (os.path.dirname(package), os.path.join(own, "kerascheck")):
            Path(folder, "__init__.py").touch()
        start = Path(own, "start.py")
        start.write_text("from kerascheck.confirm.child.worker import main\n\nmain()\n", encoding="utf-8")
        return str(start)

    def _answer(self, deadline: float) -> dict[str, Any] | None:
        """The next line of the child; None when it does not come in time or the child is gone."""
        while b"\n" not in self._buffer:
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            ready, _, _ = select.select([self._answers], [], [], min(left, 0.5))
            if ready:
                data = os.read(self._answers, 65536)
                if not data or len(self._buffer) > LARGEST_RESULT:
                    return None
                self._buffer += data
            elif self._child is not None and self._child.poll() is not None:
                return None
        line, _, self._buffer = self._buffer.partition(b"\n")
        try:
            found = json.loads(line)
        except ValueError:
            return None
        return found if isinstance(found, dict) else None

    def _watch(self, process: int, started: float) -> str:
        """Wait for the end of an experiment; kill it when it takes too long or too much. Gives why it was killed."""
        deadline = started + self.limits.experiment_seconds
        failure = ""
        while True:
            answer = self._answer(time.monotonic() + 0.05)
            if answer is not None:
                if not failure and isinstance(answer.get("status"), int) and answer["status"] != 0:
                    return "died"
                return failure
            if self._child is None or self._child.poll() is not None:
                return "lost"
            if failure:
                if time.monotonic() > deadline + 3:
                    return "lost"
                self._kill_experiment(process)
            elif time.monotonic() > deadline:
                failure = "time"
            elif _memory(self._family(process), self.limits.memory_megabytes) > self.limits.memory_megabytes:
                failure, deadline = "memory", time.monotonic()
            if failure:
                self._kill_experiment(process)

    def _family(self, process: int) -> set[int]:
        """The processes of the experiment: all below the worker, orphans too. Off Linux only the one that is known."""
        if self._child is None:
            return set()
        parents = _parents()
        if not parents:
            return set() if self.held.get("processes") else {process}
        worker = self._child.pid
        if self.held.get("processes"):  # the worker is the first process of a namespace, below the one that we started
            worker = next((entry for entry, parent in parents.items() if parent == worker), worker)
        family = {worker}
        grown = True
        while grown:
            more = {entry for entry, parent in parents.items() if parent in family} - family
            family |= more
            grown = bool(more)
        return family - {worker, self._child.pid}

    def own_processes(self) -> set[int]:
        """The processes that stay between experiments."""
        if self._child is None:
            return set()
        own = {self._child.pid}
        if self.held.get("processes"):
            own |= {entry for entry, parent in _parents().items() if parent == self._child.pid}
        return own

    def _kill_experiment(self, process: int) -> None:
        for entry in self._family(process):
            with contextlib.suppress(OSError):
                os.kill(entry, signal.SIGKILL)
        if not self.held.get("processes"):  # else the number means another process here
            with contextlib.suppress(OSError):
                os.killpg(process, signal.SIGKILL)

    def _read(self, path: str) -> dict[str, Any] | None:
        """The result file: None when there is none, empty when it is no result. It may be anything, a pipe too."""
        try:
            descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        except OSError:
            return None if not os.path.lexists(path) else {}
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            return {}
        with open(descriptor, "rb") as file:
            raw = file.read(LARGEST_RESULT + 1)
        if len(raw) > LARGEST_RESULT:
            return {}
        try:
            found = json.loads(raw)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    def _kill_marked(self, spared: Set[int] = frozenset()) -> None:
        """Kill processes that left their group: they still carry the mark in their environment. Linux only."""
        if not self.token:
            return
        mark = f"KERASCHECK_CONFIRM={self.token}".encode()
        until = time.monotonic() + 2
        while time.monotonic() < until:
            found = 0
            for entry in _processes():
                if entry in spared or entry == os.getpid():
                    continue
                if mark in _bytes(f"/proc/{entry}/environ").split(b"\0"):
                    found += 1
                    with contextlib.suppress(OSError):
                        os.kill(entry, signal.SIGKILL)
            if not found:
                return
            time.sleep(0.01)


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """What must not be left half done: Ctrl-C and a request to end are heard after it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _remove(folder: str) -> None:
    """Remove a folder, also one whose parts were made unreadable."""
    if not folder:
        return
    shutil.rmtree(folder, ignore_errors=True)
    if not os.path.lexists(folder):
        return
    for place, folders, _ in os.walk(folder):
        for name in [".", *folders]:
            with contextlib.suppress(OSError):
                os.chmod(os.path.join(place, name), 0o700)
    shutil.rmtree(folder, ignore_errors=True)


def _processes() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []


def _bytes(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def _parents() -> dict[int, int]:
    """The parent of every process; empty off Linux."""
    parents: dict[int, int] = {}
    for entry in _processes():
        fields = _bytes(f"/proc/{entry}/stat").rpartition(b")")[2].split()
        if len(fields) > 1:
            parents[entry] = int(fields[1])
    return parents


def _memory(processes: Set[int], suspicious: float) -> float:
    """Megabytes that these processes hold, exact from `suspicious` on; 0 where that cannot be told."""
    total = 0.0
    for entry in processes:
        total += sum(int(found) / 1e3 for found in _HELD.findall(_bytes(f"/proc/{entry}/status")))
    if total < suspicious:
        return total
    # forked processes share pages: the proportional size counts each page once, and costs more to read
    shares = [_PROPORTIONAL.search(_bytes(f"/proc/{entry}/smaps_rollup")) for entry in processes]
    return sum(int(share.group(1)) / 1e3 for share in shares if share) or total
