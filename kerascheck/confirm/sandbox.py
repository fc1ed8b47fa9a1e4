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
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LARGEST_RESULT = 1_000_000  # bytes of a result file
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
    """What came of an experiment: `facts` of the worker, or why there are none ("time", "memory", "died")."""

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
        self._folder = ""
        self._token = ""
        self._child: subprocess.Popen[bytes] | None = None
        self._requests = self._answers = -1
        self._buffer = b""
        self._count = 0

    def __enter__(self) -> Sandbox:
        self._folder = tempfile.mkdtemp(prefix="kerascheck-")
        self._token = os.path.basename(self._folder)
        for name in ("home", "keras", "cache", "temporary"):
            os.mkdir(os.path.join(self._folder, name))
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()
        self._kill_marked()
        shutil.rmtree(self._folder, ignore_errors=True)

    def run(self, experiment: str, parameters: Mapping[str, Any]) -> Result:
        """Run one experiment in a forked child. Raises SandboxError when the framework cannot be imported."""
        child = self._running()
        self._count += 1
        folder = os.path.join(self._folder, f"experiment{self._count}")
        os.mkdir(folder)
        job = {**parameters, "id": self._count, "experiment": experiment, "folder": folder}
        started = time.monotonic()
        try:
            os.write(self._requests, json.dumps(job).encode() + b"\n")
        except OSError:
            self.stop()
            return Result(failure="died")
        answer = self._answer(started + 30)
        process = answer.get("pid") if answer else None
        failure = self._watch(process, started) if isinstance(process, int) else "died"
        seconds = time.monotonic() - started
        if failure == "lost" or child.poll() is not None:
            self.stop()
            failure = "died"
        facts = self._read(os.path.join(folder, "result.json"))
        shutil.rmtree(folder, ignore_errors=True)
        if facts is not None and not failure:
            return Result(facts, seconds=seconds)
        return Result(failure=failure or "died", seconds=seconds)

    def run_fresh(self, experiment: str, parameters: Mapping[str, Any], hash_seed: int, *, framework: bool) -> Result:
        """Run one experiment in a process of its own with another PYTHONHASHSEED."""
        fresh = Sandbox(self.python, self.backend, self.limits)
        with fresh:
            fresh._start({"PYTHONHASHSEED": str(hash_seed)}, framework)
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
            child.wait(5)
        self._kill_marked()

    # ------------------------------------------------------------------ the child

    def _running(self) -> subprocess.Popen[bytes]:
        if self._child is None:
            self._start({}, True)
        assert self._child is not None
        return self._child

    def _start(self, extra: Mapping[str, str], framework: bool) -> None:
        worker = os.path.join(self._folder, "worker.py")
        shutil.copyfile(Path(__file__).with_name("worker.py"), worker)
        their_requests, self._requests = os.pipe()
        self._answers, their_answers = os.pipe()
        settings = {"root": self._folder, "framework": framework}
        environment = {name: os.environ[name] for name in _PASSED if name in os.environ}
        environment.update(
            HOME=os.path.join(self._folder, "home"),
            KERAS_HOME=os.path.join(self._folder, "keras"),
            XDG_CACHE_HOME=os.path.join(self._folder, "cache"),
            TMPDIR=os.path.join(self._folder, "temporary"),
            KERAS_BACKEND=self.backend,
            KERASCHECK_CONFIRM=self._token,
            CUDA_VISIBLE_DEVICES="",
            JAX_PLATFORMS="cpu",
            TF_CPP_MIN_LOG_LEVEL="3",
            TF_ENABLE_ONEDNN_OPTS="0",
            PYTHONDONTWRITEBYTECODE="1",
            PYTHONWARNINGS="default",
            MPLBACKEND="Agg",
            **extra,
        )
        try:
            self._child = subprocess.Popen(
                [self.python, worker, str(their_requests), str(their_answers), json.dumps(settings)],
                cwd=os.path.join(self._folder, "temporary"),
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
        answer = self._answer(time.monotonic() + self.limits.import_seconds)
        if answer is None or not answer.get("ready"):
            problem = str(answer.get("error", "")) if answer else "its process died or took too long"
            self.stop()
            raise SandboxError(f"{self.python}: Keras cannot be imported there (backend {self.backend}): {problem}")
        self.imports += framework
        self.held = dict(answer.get("held", {}))
        self.keras = str(answer.get("keras", "")) or self.keras
        self.backend = str(answer.get("backend", "")) or self.backend

    def _answer(self, deadline: float) -> dict[str, Any] | None:
        """The next line of the child; None when it does not come in time or the child is gone."""
        while b"\n" not in self._buffer:
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            ready, _, _ = select.select([self._answers], [], [], min(left, 0.5))
            if ready:
                data = os.read(self._answers, 65536)
                if not data:
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
                with contextlib.suppress(OSError):
                    os.killpg(process, signal.SIGKILL)  # what it left running in its group
                if not failure and isinstance(answer.get("status"), int) and answer["status"] != 0:
                    return "died"
                return failure
            if self._child is None or self._child.poll() is not None:
                return "lost"
            if failure and time.monotonic() > deadline + 4:
                return "lost"
            if not failure:
                if time.monotonic() > deadline:
                    failure = "time"
                elif _memory(process, self.limits.memory_megabytes) > self.limits.memory_megabytes:
                    failure, deadline = "memory", time.monotonic()
                if failure:
                    for kill in (os.killpg, os.kill):
                        with contextlib.suppress(OSError):
                            kill(process, signal.SIGKILL)

    def _read(self, path: str) -> dict[str, Any] | None:
        try:
            if os.path.getsize(path) > LARGEST_RESULT:
                return None
            found = json.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def _kill_marked(self) -> None:
        """Kill processes that left their group: they still carry the mark in their environment. Linux only."""
        mark = f"KERASCHECK_CONFIRM={self._token}".encode()
        for _ in range(5):
            found = 0
            for entry in _processes():
                if entry != os.getpid() and mark in _bytes(f"/proc/{entry}/environ").split(b"\0"):
                    found += 1
                    with contextlib.suppress(OSError):
                        os.kill(entry, signal.SIGKILL)
            if not found:
                return
            time.sleep(0.02)


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


def _memory(process: int, suspicious: float) -> float:
    """Megabytes that a process and its descendants hold, exact from `suspicious` on; 0 where that cannot be told."""
    total = 0.0
    parents: dict[int, int] = {}
    for entry in _processes():
        fields = _bytes(f"/proc/{entry}/stat").rpartition(b")")[2].split()
        if len(fields) > 1:
            parents[entry] = int(fields[1])
    family = {process}
    grown = True
    while grown:
        more = {entry for entry, parent in parents.items() if parent in family} - family
        family |= more
        grown = bool(more)
    page = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
    for entry in family:
        fields = _bytes(f"/proc/{entry}/statm").split()
        if len(fields) > 2:
            total += (int(fields[1]) - int(fields[2])) * page / 1e6
    if total < suspicious:
        return total
    # forked processes share pages: the proportional size counts each page once, and costs more to read
    shares = [_PROPORTIONAL.search(_bytes(f"/proc/{entry}/smaps_rollup")) for entry in family]
    return sum(int(share.group(1)) / 1e3 for share in shares if share) or total
