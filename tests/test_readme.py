"""The README and CONTRIBUTING say what the tool does: commands are run, outputs compared, the table generated.

`pytest --accept tests/test_readme.py` writes the outputs and the table anew.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kerascheck.finding import Severity
from kerascheck.pages import Page, all_pages
from kerascheck.registry import all_rules

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
SAMPLE = ROOT / "fixtures" / "projects" / "quickstart"

# `$ command` lines of a block below `<!-- run -->`, each followed by what it printed
_RUN = re.compile(r"(?<=<!-- run -->\n```console\n)(?P<session>.*?)(?=^```$)", re.MULTILINE | re.DOTALL)
_TABLE = re.compile(r"(?<=<!-- rules -->\n)(?P<table>.*?)(?=<!-- /rules -->)", re.DOTALL)
_SECONDS = re.compile(r"\b\d+\.\d\d s\b")
_LINK = re.compile(r"\]\((?!https?:|#)(?P<target>[^)#\s]+)[^)]*\)")
_FILE = re.compile(r"^`(?P<path>[\w./]+)`:\n\n(?P<fence>```+)\w*\n(?P<text>.*?)^(?P=fence)$", re.MULTILINE | re.DOTALL)
_PROGRAMS = ("kerascheck", "flake8")
# a program of a session is that of the environment which runs the tests
_PRELUDE = "".join(f'{name}() {{ {shlex.quote(sys.executable)} -m {name} "$@"; }}\n' for name in _PROGRAMS)

posix = pytest.mark.skipif(sys.platform == "win32", reason="the sessions are written for a POSIX shell")


@pytest.fixture
def accept(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--accept"))


def steps(session: str) -> Iterator[tuple[str, str]]:
    """The commands of a session, each with what it printed."""
    for part in re.split(r"^\$ ", session, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def printed(command: str) -> str:
    """What a command prints in the checkout, errors included."""
    known = {"PYTHONPATH", "FORCE_COLOR", "NO_COLOR", "COLUMNS"}
    environment = {name: value for name, value in os.environ.items() if name not in known}
    environment["PYTHONPATH"] = str(ROOT)
    result = subprocess.run(
        ["sh", "-c", f"{_PRELUDE}{command}"],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return result.stdout


def timeless(text: str) -> str:
    return _SECONDS.sub("0.00 s", text)


SESSIONS = [match["session"] for match in _RUN.finditer(README.read_text(encoding="utf-8"))]


@posix
@pytest.mark.parametrize("number", range(len(SESSIONS)))
def test_the_readme_shows_what_the_commands_print(number: int, accept: bool) -> None:
    session = SESSIONS[number]
    if "flake8" in session:
        pytest.importorskip("flake8")
    now = "".join(f"$ {command}\n{printed(command)}" for command, _ in steps(session))
    if accept:
        if timeless(now) != timeless(session):
            text = README.read_text(encoding="utf-8")
            README.write_text(text.replace(session, now), encoding="utf-8", newline="\n")
        return
    assert timeless(session) == timeless(now)


def test_the_readme_has_sessions() -> None:
    commands = [command for session in SESSIONS for command, _ in steps(session)]
    assert any(command.startswith("kerascheck") and "fixtures/projects/quickstart" in command for command in commands)
    assert any(command.startswith("flake8") for command in commands)


# --- the table of rules


def repair(page: Page) -> str:
    """The level of a rule's fix, from the first words of "Fix safety"."""
    text = page.sections["Fix safety"]
    if text.startswith("Safe"):
        return "safe, else unsafe" if "Otherwise unsafe" in text else "safe"
    return "unsafe" if text.startswith("Unsafe") else "none"


def table() -> str:
    severities = {rule.code: rule.severity for rule in all_rules()}
    severities |= {"KC000": Severity.ERROR, "KC001": Severity.WARNING, "KC002": Severity.ERROR}  # see engine.py
    lines = ["| code | rule | severity | what it finds | fix |", "|---|---|---|---|---|"]
    for code, page in all_pages().items():
        summary = page.summary.replace("|", "\\|")
        name = f"[{page.name}](rules/{page.stem}.md)"
        lines.append(f"| {code} | {name} | {severities[code].label} | {summary} | {repair(page)} |")
    return "\n".join(lines) + "\n"


def test_the_table_of_rules_is_current(accept: bool) -> None:
    text = README.read_text(encoding="utf-8")
    if accept:
        README.write_text(_TABLE.sub(lambda _: table(), text), encoding="utf-8", newline="\n")
        return
    match = _TABLE.search(text)
    assert match is not None
    assert match["table"] == table()


# --- what both texts name


@pytest.mark.parametrize("document", [README, CONTRIBUTING], ids=lambda path: path.name)
def test_links_lead_to_files(document: Path) -> None:
    targets = [match["target"] for match in _LINK.finditer(document.read_text(encoding="utf-8"))]
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []


@pytest.mark.parametrize("document", [README, CONTRIBUTING], ids=lambda path: path.name)
def test_options_exist(document: Path) -> None:
    """Every long option of kerascheck that a text names is one of `--help` or of the flake8 plugin."""
    known = set(re.findall(r"--[a-z][a-z-]+", printed("kerascheck --help")))
    known |= set(re.findall(r"--kerascheck-[a-z-]+", (ROOT / "kerascheck/flake8_plugin.py").read_text("utf-8")))
    known |= {"--accept", "--strict", "--resume", "--extend-ignore"}  # pytest, mypy, the sample, flake8
    text = document.read_text(encoding="utf-8")
    for line in text.splitlines():
        if re.search(r"\b(?:kerascheck|flake8)\b|`--", line) and not re.search(r"\b(?:pip|pytest|ruff) ", line):
            assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", line)) <= known, line


def test_the_settings_of_the_readme_are_read() -> None:
    from kerascheck.pages import known_codes
    from kerascheck.settings import from_toml

    blocks = re.findall(r"^```toml\n(.*?)^```$", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    tables = [from_toml(block, "README.md", known_codes()) for block in blocks]
    assert any(settings is not None for settings in tables)


def test_nothing_of_the_writers_machine_is_shown() -> None:
    for document in (README, CONTRIBUTING):
        assert not re.search(r"/(?:home|root|tmp|work|Users)/", document.read_text(encoding="utf-8")), document.name


# --- the rule that CONTRIBUTING adds


@pytest.mark.slow
def test_the_rule_of_contributing_works_from_its_three_files(tmp_path: Path) -> None:
    files = {match["path"]: match["text"] for match in _FILE.finditer(CONTRIBUTING.read_text(encoding="utf-8"))}
    stem = Path(next(iter(files))).stem
    assert sorted(files) == [f"fixtures/{stem}.py", f"kerascheck/rules/{stem}.py", f"rules/{stem}.md"]
    for name in ("kerascheck", "rules", "fixtures", "tests", "pyproject.toml"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "projects"))
        else:
            shutil.copy(source, tmp_path / name)
    for path, text in files.items():
        (tmp_path / path).write_text(text, encoding="utf-8")
    code = re.search(r"\((KC\d{3})\)", files[f"rules/{stem}.md"])
    assert code is not None
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_rules.py", "-k", code[1]]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment["PYTHONPATH"] = str(tmp_path)
    for arguments in ((*command, "--accept"), command):
        result = subprocess.run(
            list(arguments), cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-1000:]
    assert (tmp_path / "fixtures" / f"{stem}.fixed.py").is_file()
    shown = subprocess.run(
        [sys.executable, "-m", "kerascheck", "--isolated", "--select", code[1], f"fixtures/{stem}.py"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert shown.returncode == 1, shown.stderr
    assert code[1] in shown.stdout


# --- the story, in a real Keras

CAN_TRAIN = all(importlib.util.find_spec(name) is not None for name in ("keras", "tensorflow", "sklearn"))


def python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": "", "PYTHONHASHSEED": "3"}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
@pytest.mark.skipif(not CAN_TRAIN, reason="not run: needs keras, tensorflow and scikit-learn")
def test_the_story_of_the_readme_is_true(tmp_path: Path) -> None:
    """Before: the training ends in an error, the served names are chance. After the fixes both are right."""
    folder = tmp_path / "quickstart"
    shutil.copytree(SAMPLE, folder)
    trained = python(folder, "train.py")
    assert "test accuracy" in trained.stdout, trained.stderr
    assert "The filename must end in `.weights.h5`" in trained.stderr
    before = python(folder, "serve.py", "data/new_windows.csv")
    assert before.returncode == 0, before.stderr
    assert right(before.stdout) < 32

    fixed = python(folder, "-m", "kerascheck", "--fix", "--unsafe-fixes", ".")
    assert re.search(r"^fixed \d+ findings in 3 files", fixed.stdout, re.MULTILINE), fixed.stdout + fixed.stderr
    trained = python(folder, "train.py")
    assert trained.returncode == 0, trained.stderr
    after = python(folder, "serve.py", "data/new_windows.csv")
    assert after.returncode == 0, after.stderr
    assert right(after.stdout) >= 38


def right(output: str) -> int:
    found = re.search(r"^(\d+) of 40 as labelled$", output, re.MULTILINE)
    assert found is not None, output
    return int(found[1])
