"""Programs that do harm: each costs one verdict, leaves nothing behind, and the next experiment works.

A stand-in for Keras is enough for most of this, so that the framework need not be imported.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kerascheck.confirm.plan import Experiment
from kerascheck.confirm.sandbox import Limits, Result, Sandbox, SandboxError
from kerascheck.confirm.verdict import judge
from kerascheck.finding import Status

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="not run: containment is tested on Linux only")

SECONDS = 3.0  # for one experiment
LIMITS = Limits(import_seconds=20.0, experiment_seconds=SECONDS, memory_megabytes=2048)

ASLEEP = str(100_000 + os.getpid())  # seconds: the sleepers of this process are not those of another one's tests

# the slice runs first, then the statement that is said to raise
HOSTILE = {
    "an endless loop": "while True:\n    pass",
    "a sleep": "import time\ntime.sleep(1000)",
    "os._exit": "import os\nos._exit(0)",
    "sys.exit": "import sys\nsys.exit('no')",
    "a signal to itself": "import os\nos.abort()",
    "a crash of the interpreter": "import ctypes\nctypes.string_at(0)",
    "4 GB": "held = [bytearray(b'x') * (1 << 20) for _ in range(4096)]\nimport time\ntime.sleep(9)",
    "4 GB that are shared": (
        "import mmap, time\nheld = mmap.mmap(-1, 4 << 30)\n"
        "for start in range(0, 4 << 30, 1 << 20):\n    held[start : start + (1 << 20)] = b'x' * (1 << 20)\n"
        "time.sleep(9)"
    ),
    "4 GB of an orphan": (
        "import os, time\nif os.fork() == 0:\n    if os.fork() == 0:\n        os.setsid()\n"
        "        held = [bytearray(b'x') * (1 << 20) for _ in range(4096)]\n        time.sleep(1000)\n    os._exit(0)\n"
        "time.sleep(9)"
    ),
    "sleepers": (
        "import os, time\nfor _ in range(30):\n    if os.fork() == 0:\n        time.sleep(1000)\n        os._exit(0)"
    ),
    "sleepers in sessions of their own": (
        "import os, time\nfor _ in range(30):\n    if os.fork() == 0:\n"
        "        os.setsid()\n        if os.fork() == 0:\n"
        "            time.sleep(1000)\n        os._exit(0)\ntime.sleep(1000)"
    ),
    "sleepers without the mark": (
        "import ctypes, os\nlibc = ctypes.CDLL(None)\nfor _ in range(30):\n"
        "    if os.fork() == 0:\n        os.setsid()\n"
        "        arguments = (ctypes.c_char_p * 3)(b'sleep', b'" + ASLEEP + "', None)\n"
        "        environment = (ctypes.c_char_p * 1)(None)\n"
        "        libc.execve(b'/bin/sleep', arguments, environment)\n        os._exit(0)\nos._exit(0)"
    ),
    "a bounded fork bomb": (
        "import os, time\nmade = 0\nwhile made < 40:\n    made += 1\n    if os.fork() == 0:\n        os.setsid()\n"
        "        while made < 40 and os.fork():\n            made += 20\n        time.sleep(1000)"
    ),
    "a flood of printing": (
        "import os, sys\nfor _ in range(3000):\n    print('x' * 100_000)\n    os.write(2, b'y' * 100_000)\n"
    ),
    "a flood into every descriptor": (
        "import os\nfor number in range(3, 64):\n    try:\n        os.write(number, b'z' * 100_000)\n"
        "    except OSError:\n        pass\n"
    ),
    "no working directory": "import os, shutil\nshutil.rmtree(os.getcwd())",
    "no temporary folder": "import os, shutil\nshutil.rmtree(os.path.dirname(os.getcwd()), ignore_errors=True)",
    "an unreadable folder": (
        "import os\nos.makedirs('a/b')\nopen('a/b/c', 'w').close()\n"
        "os.chmod('a/b', 0)\nos.chmod('a', 0)"
    ),
    "deaf to SIGTERM": (
        "import signal, time\nfor number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):\n"
        "    signal.signal(number, signal.SIG_IGN)\nwhile True:\n    time.sleep(1)"
    ),
    "a signal to its parent": "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\nwhile True:\n    pass",
    "a signal to its parent by the C library": (
        "import ctypes, os, time\nos.setsid()\nctypes.CDLL(None).kill(os.getppid(), 9)\ntime.sleep(1000)"
    ),
    "a parent that is stopped": "import ctypes, os\nctypes.CDLL(None).kill(os.getppid(), 19)\nwhile True:\n    pass",
    "garbage for a result": "import os\nopen('result.json', 'wb').write(b'\\xff\\x00{')\nos._exit(0)",
    "a result of another shape": (
        "import os\nopen('result.json', 'w').write('{\"failed\": [[]], \"missing\": {}}')\n"
        "os._exit(0)"
    ),
    "a list for a result": "import os\nopen('result.json', 'w').write('[' * 100_000)\nos._exit(0)",
    "a result of 100 MB": (
        "import os\nopen('result.json', 'w').write('{\"raised\": \"' + 'x' * 10**8 + '\"}')\n"
        "os._exit(0)"
    ),
    "a pipe for a result": "import os\nos.mkfifo('result.json')\nos._exit(0)",
    "a link for a result": "import os\nos.chdir('/')\nos._exit(0)",
    "a folder for a result": "import os\nos.mkdir('result.json')",
    "an exception without words": (
        "class Silent(Exception):\n    def __str__(self):\n        raise SystemExit(3)\nraise Silent()"
    ),
    "an exception that is endless": (
        "class Endless(Exception):\n    def __str__(self):\n        while True:\n            pass\nraise Endless()"
    ),
    "an exception that is long": "raise ValueError('\\ud800\\x1b[2J\\n' * 10**6)",
    "threads": (
        "import threading, time\nfor _ in range(20):\n"
        "    threading.Thread(target=time.sleep, args=(1000,)).start()"
    ),
    "deep recursion": "import sys\nsys.setrecursionlimit(10**8)\ndef deep():\n    return deep()\ndeep()",
    "other programs": "import subprocess\nsubprocess.Popen(['sleep', '" + ASLEEP + "'], start_new_session=True)",
}  # fmt: skip

FAKE_KERAS = """
__version__ = "3.99.0"

class backend:
    @staticmethod
    def backend():
        return "tensorflow"
"""


def marked(token: str = "kerascheck-") -> list[int]:
    """The processes that carry the mark of a sandbox."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                text = Path("/proc", name, "environ").read_bytes()
            except OSError:
                continue
            if f"KERASCHECK_CONFIRM={token}".encode() in text:
                found.append(int(name))
    return found


def programs(word: str) -> list[int]:
    """The processes of this machine whose command line holds a word."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                text = Path("/proc", name, "cmdline").read_bytes()
            except OSError:
                continue
            if word.encode() in text:
                found.append(int(name))
    return found


def eventually_gone(token: str) -> bool:
    until = time.monotonic() + 2
    while marked(token) and time.monotonic() < until:
        time.sleep(0.02)
    return not marked(token)


@pytest.fixture(scope="module")
def fake_keras(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("fake")
    (folder / "keras").mkdir()
    (folder / "keras" / "__init__.py").write_text(FAKE_KERAS)
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(folder)
    yield folder
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before


@pytest.fixture(scope="module")
def sandbox(fake_keras: Path) -> Iterator[Sandbox]:
    with Sandbox(limits=LIMITS) as sandbox:
        yield sandbox
        folder, token = sandbox.folder, sandbox.token
    assert not os.path.exists(folder)
    assert eventually_gone(token)


def statement(text: str) -> dict[str, str]:
    return {"source": text, "statement": "raise ValueError('shown')"}


def evidence(result: Result) -> tuple[Status, str]:
    return judge(Experiment("statement"), [result], LIMITS)


def works(sandbox: Sandbox) -> None:
    assert evidence(sandbox.run("statement", statement("x = 1"))) == (Status.CONFIRMED, "ValueError: shown")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_program_costs_one_verdict(name: str, sandbox: Sandbox) -> None:
    sleeping = programs(f"sleep\x00{ASLEEP}")
    seconds = 30.0 if "4 GB" in name else SECONDS  # a busy machine takes seconds to fill memory
    sandbox.limits = replace(LIMITS, experiment_seconds=seconds)
    started = time.monotonic()
    result = sandbox.run("statement", statement(HOSTILE[name]))
    assert time.monotonic() - started < seconds + 5
    sandbox.limits = LIMITS
    status, text = evidence(result)
    assert status in (Status.COULD_NOT_RUN, Status.CONFIRMED), text
    if "loop" in name or "deaf" in name or "endless" in name:
        assert text == "not done after 3 s"
    if "4 GB" in name:
        assert text == "took more than 2048 MB"
    if "result" in name and "shape" not in name and "link" not in name and "folder" not in name:
        assert text == "the process left a result that cannot be read"
    works(sandbox)
    assert set(marked(sandbox.token)) <= sandbox.own_processes()
    assert programs(f"sleep\x00{ASLEEP}") == sleeping


CONNECT = """
import socket
socket.create_connection(("127.0.0.1", {port}), timeout=1)
"""
CONNECT_BY_C = """
import ctypes, socket, struct
libc = ctypes.CDLL(None, use_errno=True)
descriptor = libc.socket(2, 1, 0)
address = struct.pack("=HH4s8x", 2, socket.htons({port}), bytes([127, 0, 0, 1]))
assert libc.connect(descriptor, address, 16) == 0, "no way"
"""


@pytest.mark.parametrize("program", [CONNECT, CONNECT_BY_C], ids=["python", "c"])
def test_there_is_no_network(program: str, sandbox: Sandbox) -> None:
    if program is CONNECT_BY_C and not sandbox.held.get("network"):
        pytest.skip("not run: this system allows neither namespaces nor Landlock")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        result = sandbox.run("statement", statement(program.format(port=server.getsockname()[1])))
        with pytest.raises(TimeoutError):
            server.accept()
    status, text = evidence(result)
    assert status is Status.COULD_NOT_RUN
    assert text == ("PermissionError: kerascheck: no network" if program is CONNECT else "AssertionError: no way")


WRITES = {
    "open": "open({path!r}, 'w').write('x')",
    "os.open": "import os\nos.open({path!r}, os.O_CREAT | os.O_WRONLY)",
    "C": "import ctypes\nassert ctypes.CDLL(None).creat({path!r}.encode(), 0o600) > 0, 'no way'",
    "append": "open({kept!r}, 'a').write('x')",
    "C truncates": "import ctypes\nassert ctypes.CDLL(None).truncate({kept!r}.encode(), 0) == 0, 'no way'",
    "remove": "import os\nos.remove({kept!r})",
    "C removes": "import ctypes\nassert ctypes.CDLL(None).unlink({kept!r}.encode()) == 0, 'no way'",
    "rename": "import os\nos.rename({kept!r}, 'here')",
    "replace": "import os\nopen('x', 'w').close()\nos.replace('x', {kept!r})",
    "by a descriptor": "import os\nfolder = os.open({folder!r}, os.O_RDONLY)\nos.remove('kept.py', dir_fd=folder)",
    "rmtree": "import shutil\nshutil.rmtree({folder!r})",
    "a link": "import os\nos.symlink({folder!r}, 'way')\nopen('way/new.txt', 'w').write('x')",
    "another program": "import os\nassert os.system('touch ' + {path!r}) == 0",
    "sqlite": "import sqlite3\nsqlite3.connect({path!r}).execute('create table a (b)')",
}


@pytest.mark.parametrize("name", WRITES)
def test_nothing_is_written_to_the_project(name: str, sandbox: Sandbox, tmp_path: Path) -> None:
    if name in ("C", "C truncates", "C removes", "sqlite") and not sandbox.held.get("writes"):
        pytest.skip("not run: this system has no Landlock")
    project = tmp_path / "project"
    project.mkdir()
    (project / "kept.py").write_text("x = 1\n")
    names = {"path": str(project / "new.txt"), "kept": str(project / "kept.py"), "folder": str(project)}
    status, text = evidence(sandbox.run("statement", statement(WRITES[name].format(**names))))
    assert status is Status.COULD_NOT_RUN
    assert text.startswith(("PermissionError: kerascheck: no ", "AssertionError: no way", "OperationalError: unable"))
    assert [path.name for path in project.iterdir()] == ["kept.py"]
    assert (project / "kept.py").read_text() == "x = 1\n"


def test_what_held_is_known(sandbox: Sandbox) -> None:
    works(sandbox)
    assert sandbox.held["session"]
    assert set(sandbox.held) == {"session", "network", "subreaper", "processes", "writes"}


def test_files_of_the_user_are_not_those_of_the_program(sandbox: Sandbox) -> None:
    text = "import os\nraise ValueError(os.path.expanduser('~') + ' ' + os.environ['KERAS_HOME'] + ' ' + os.getcwd())"
    _, shown = evidence(sandbox.run("statement", statement(text)))
    assert all(part.startswith(sandbox.folder) for part in shown.split()[1:])


def test_there_is_no_terminal_and_no_input(sandbox: Sandbox) -> None:
    status, text = evidence(sandbox.run("statement", statement("open('/dev/tty')")))
    assert status is Status.COULD_NOT_RUN
    assert "/dev/tty" in text or "No such device" in text
    assert "EOFError" in evidence(sandbox.run("statement", statement("input()")))[1]


# --- an environment that cannot be used


def test_a_missing_interpreter() -> None:
    with Sandbox("/no/such/python") as sandbox, pytest.raises(SandboxError, match="cannot be started: No such file"):
        sandbox.run("statement", statement(""))


def test_a_program_that_is_no_python() -> None:
    with Sandbox("/bin/true") as sandbox, pytest.raises(SandboxError, match="the process ended with 0"):
        sandbox.run("statement", statement(""))


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("raise ImportError('no backend')", "ImportError: no backend"),
        ("import os\nos._exit(7)", "the process ended with"),
        ("raise SystemExit('a\\nb')", "SystemExit: a b"),
    ],
)
def test_an_import_that_fails(module: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "keras.py").write_text(module)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with Sandbox() as sandbox:
        with pytest.raises(SandboxError, match=message) as caught:
            sandbox.run("statement", statement(""))
        token = sandbox.token
    assert "\n" not in str(caught.value)
    assert eventually_gone(token)


# --- the command


def command(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "kerascheck", "--isolated", "--confirm", *arguments, "."],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        env=os.environ | {"TMPDIR": str(folder.parent / "temporary")},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # tests in the background may ignore it
    )  # fmt: skip


# a finding whose slice holds the hostile part
LOOPS = """
import keras


class Net(keras.Model):
    def __init__(self):
        super().__init__()
        while True:
            pass

    def call(self, inputs):
        return inputs


model = Net()
model.load_weights("a.weights.h5")
"""
SEED = "import tensorflow as tf\n\ntf.set_random_seed(1)\n"


@pytest.fixture
def project(tmp_path: Path, fake_keras: Path) -> Path:
    (tmp_path / "temporary").mkdir()
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "train.py").write_text(SEED)
    return folder


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_run_leaves_nothing_behind(number: int, project: Path) -> None:
    package = project.parent / "with_model"
    (package / "keras").mkdir(parents=True)
    model = "\n\nclass Model:\n    pass\n\n\nModel.__module__ = 'keras'\n"
    model += "\n\nclass utils:\n    set_random_seed = staticmethod(lambda seed: None)\n    get_custom_objects = dict\n"
    (package / "keras" / "__init__.py").write_text(FAKE_KERAS + model)
    (project / "train.py").write_text(LOOPS)
    before = os.environ["PYTHONPATH"]
    os.environ["PYTHONPATH"] = str(package)
    try:
        process = command(project)
    finally:
        os.environ["PYTHONPATH"] = before
    temporary = project.parent / "temporary"
    until = time.monotonic() + 20
    while not list(temporary.glob("kerascheck-*/experiment*")) and time.monotonic() < until:
        time.sleep(0.05)
    token = next(temporary.glob("kerascheck-*")).name
    while not marked(token) and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(0.3)
    assert marked(token)
    os.kill(process.pid, number)
    _, errors = process.communicate(timeout=10)
    assert eventually_gone(token)
    if number == signal.SIGKILL:  # nobody is left to remove the folder
        return
    assert list(temporary.glob("kerascheck-*")) == []
    assert process.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143}[signal.Signals(number)], errors


def test_an_import_that_hangs_shows_the_findings_without_verdicts(project: Path) -> None:
    (project.parent / "slow").mkdir()
    (project.parent / "slow" / "keras.py").write_text("import time\ntime.sleep(1000)\n")
    (project / "pyproject.toml").write_text("[tool.kerascheck.confirm]\nimport-seconds = 1\n")
    process = subprocess.run(
        [sys.executable, "-m", "kerascheck", "--confirm", "--format", "concise", "train.py"],
        cwd=project, capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHONPATH": str(project.parent / "slow")},
    )  # fmt: skip
    assert process.returncode == 2
    assert "KC404" in process.stdout
    assert process.stderr.count("\n") == 1
    assert "not done after 1 s" in process.stderr


@pytest.mark.parametrize("python", ["/no/such/python", "no-keras"])
def test_no_keras_is_one_line_and_the_findings_are_shown(python: str, project: Path) -> None:
    arguments = ["--format", "concise"]
    environment = dict(os.environ)
    if python == "no-keras":
        (project.parent / "none").mkdir()
        (project.parent / "none" / "keras.py").write_text("raise ImportError('No module named keras')\n")
        environment["PYTHONPATH"] = str(project.parent / "none")
    else:
        arguments += ["--python", python]
    process = subprocess.run(
        [sys.executable, "-m", "kerascheck", "--isolated", "--confirm", *arguments, "train.py"],
        cwd=project, capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip
    assert process.returncode == 2
    assert "KC404" in process.stdout
    assert process.stderr.startswith("kerascheck: not confirmed: ")
    assert process.stderr.count("\n") == 1
