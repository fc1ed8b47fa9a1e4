"""Real editors, headless: they show the findings of the sample, and fix all there as `--fix` does.

An editor that is not installed is skipped: `apt install neovim emacs-nox elpa-eglot` brings both.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
SCRIPTS = Path(__file__).parent / "editors"
QUICKSTART = ROOT / "fixtures" / "projects" / "quickstart"
FILES = ["models.py", "serve.py", "train.py"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "quickstart"
    shutil.copytree(QUICKSTART, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / ".git").mkdir()
    return folder


def run(command: list[str], project: Path, name: str, fix: str = "") -> list[dict[str, Any]]:
    """Run an editor's script; the objects that it printed, one a line."""
    environment = {
        **os.environ,
        "KERASCHECK": "|".join([sys.executable, "-m", "kerascheck", "server"]),
        "ROOT": str(project),
        "FILE": str(project / name),
        "FIX": fix,
    }
    shown = subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    return [json.loads(line) for line in shown.stdout.splitlines() if line.startswith("{")]


def expected(project: Path, name: str) -> list[tuple[int, str, str]]:
    command = [sys.executable, "-m", "kerascheck", "--format", "json", name]
    found = json.loads(subprocess.run(command, cwd=project, capture_output=True, text=True, check=False).stdout)
    return sorted((item["line"], item["code"], item["message"]) for item in found)


def fixed(project: Path, name: str, *options: str) -> bytes:
    """What the command line makes of a file of the sample."""
    before = (project / name).read_bytes()
    shutil.copy(QUICKSTART / name, project / name)
    command = [sys.executable, "-m", "kerascheck", "--fix", *options, name]
    subprocess.run(command, cwd=project, capture_output=True, check=False)
    after = (project / name).read_bytes()
    (project / name).write_bytes(before)
    return after


@pytest.mark.skipif(shutil.which("nvim") is None, reason="Neovim is not installed")
@pytest.mark.parametrize("name", FILES)
def test_neovim_shows_the_findings_and_fixes_all(project: Path, name: str) -> None:
    script = f"luafile {SCRIPTS / 'neovim.lua'}"
    command = ["nvim", "--headless", "-u", "NONE", "-i", "NONE", "-n", "-c", script, "-c", "cquit"]
    first, last = run(command, project, name)
    found = sorted((item["line"], item["code"], item["message"]) for item in first["findings"])
    assert found == sorted_original(project, name)
    assert (project / name).read_bytes() == fixed(project, name)
    assert bool(last["fixall"]) == (fixed(project, name) != (QUICKSTART / name).read_bytes())


@pytest.mark.skipif(shutil.which("nvim") is None, reason="Neovim is not installed")
def test_neovim_applies_one_fix(project: Path) -> None:
    script = f"luafile {SCRIPTS / 'neovim.lua'}"
    command = ["nvim", "--headless", "-u", "NONE", "-i", "NONE", "-n", "-c", script, "-c", "cquit"]
    first, second, _ = run(command, project, "train.py", "KC201")
    assert "KC201" in {item["code"] for item in first["findings"]}
    assert "KC201" in second["quickfix"]
    assert "KC201" not in {item["code"] for item in second["findings"]}
    text = (project / "train.py").read_text()
    assert 'save_weights("falls.weights.h5")' in text
    assert "sorted(set(names))" in text


def has_eglot() -> bool:
    if shutil.which("emacs") is None:
        return False
    command = ["emacs", "--batch", "--eval", "(progn (package-initialize) (require 'eglot))"]
    return subprocess.run(command, capture_output=True, check=False, timeout=60).returncode == 0


@pytest.mark.skipif(not has_eglot(), reason="Emacs with eglot is not installed")
@pytest.mark.parametrize("name", FILES)
def test_emacs_shows_the_findings_and_fixes_all(project: Path, name: str) -> None:
    first, _ = run(["emacs", "--batch", "-l", str(SCRIPTS / "emacs.el")], project, name)
    found = sorted((item["line"], item["text"]) for item in first["findings"])
    before = [(line, f"kerascheck [{code}]: {message}") for line, code, message in sorted_original(project, name)]
    assert found == sorted(before)
    assert (project / name).read_bytes() == fixed(project, name)


def sorted_original(project: Path, name: str) -> list[tuple[int, str, str]]:
    """The findings of a file before it was fixed."""
    after = (project / name).read_bytes()
    shutil.copy(QUICKSTART / name, project / name)
    found = expected(project, name)
    (project / name).write_bytes(after)
    return found
