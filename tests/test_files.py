"""Discovery, reading and writing of files."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from kerascheck import files, run
from kerascheck.files import Discovery, FileProblem, check_size, display, mentions_keras, read, write
from kerascheck.finding import Severity
from kerascheck.outcome import Mode
from kerascheck.semantic.target import is_project_file, target_from_project
from kerascheck.surroundings import Overrides


def make(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("import keras\n")


def found(root: Path, discovery: Discovery | None = None) -> list[str]:
    """What discovery finds below a folder, without what git ignores, relative to it."""
    discovery = discovery or Discovery()
    paths = [path for path in discovery.files(str(root)) if not discovery.git_ignores(path, str(root))]
    return [os.path.relpath(path, root) for path in paths]


def test_python_files_and_notebooks_in_a_stable_order(tmp_path: Path) -> None:
    make(tmp_path, "b.py", "a.py", "c.ipynb", "d.pyi", "e.txt", "f.pyc", "sub/z.py", "sub/a/y.py")
    assert found(tmp_path) == ["a.py", "b.py", "c.ipynb", "sub/z.py", "sub/a/y.py"]


@pytest.mark.parametrize(
    "name", [".git", ".venv", "venv", "build", "dist", "node_modules", "__pycache__", ".tox", ".nox"]
)
def test_folders_that_are_excluded_by_default(tmp_path: Path, name: str) -> None:
    make(tmp_path, f"{name}/a.py", f"sub/{name}/b.py", "sub/c.py")
    assert found(tmp_path) == ["sub/c.py"]
    assert found(tmp_path / name) == ["a.py"]  # named by the user


def test_what_jupyter_leaves_behind_is_excluded(tmp_path: Path) -> None:
    make(tmp_path, ".virtual_documents/a.ipynb", ".ipynb_checkpoints/a-checkpoint.ipynb", "a.ipynb")
    assert found(tmp_path) == ["a.ipynb"]


def test_nested_gitignore_files_agree_with_git(tmp_path: Path) -> None:
    make(
        tmp_path,
        "keep.py", "gen_a.py", "env/a.py", "sub/env/b.py", "sub/gen_b.py", "sub/keep.py", "sub/deep/x.py",
        "sub/deep/y.py", "logs/a.py", "other/logs/a.py", "data/raw/a.py", "data/raw/b.py", "data/c.py",
    )  # fmt: skip
    (tmp_path / ".gitignore").write_text("gen_*.py\nenv/\n/logs\ndata/**/a.py\n# comment\n\n")
    (tmp_path / "sub/.gitignore").write_text("!gen_b.py\ndeep/*\n!deep/y.py\n")
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    command = ["git", "-C", str(tmp_path), "ls-files", "-co", "--exclude-standard", "*.py"]
    theirs = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert sorted(found(tmp_path)) == sorted(theirs)
    assert "sub/gen_b.py" in theirs
    assert "env/a.py" not in theirs


def test_the_gitignore_above_the_folder_counts_within_the_repository(tmp_path: Path) -> None:
    make(tmp_path, "src/a.py", "src/gen.py")
    (tmp_path / ".gitignore").write_text("gen.py\n")
    assert found(tmp_path / "src") == ["a.py", "gen.py"]  # no repository: a stranger's file
    (tmp_path / ".git").mkdir()
    assert found(tmp_path / "src") == ["a.py"]


def test_a_folder_or_file_that_git_ignores_is_taken_when_named(tmp_path: Path) -> None:
    make(tmp_path, "env/a.py", "gen.py")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("env/\ngen.py\n")
    assert found(tmp_path / "env") == ["a.py"]
    assert found(tmp_path / "gen.py") == ["."]
    assert found(tmp_path) == []


def test_a_gitignore_with_broken_patterns_and_odd_bytes(tmp_path: Path) -> None:
    make(tmp_path, "a.py", "b.py")
    (tmp_path / ".gitignore").write_bytes(b"\xff\xfe\nb.py\n!\n///\n[\n")
    assert found(tmp_path) == ["a.py"]


def test_pathspec_is_not_imported_without_a_gitignore(tmp_path: Path) -> None:
    make(tmp_path, "a.py")
    code = (
        "import sys; from kerascheck.files import Discovery; d = Discovery();"
        f"print([d.git_ignores(p, {str(tmp_path)!r}) for p in d.files({str(tmp_path)!r})], 'pathspec' in sys.modules)"
    )
    import sys

    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown == "[False] False\n"


def test_plain_folder_names_are_pruned_without_patterns(tmp_path: Path) -> None:
    path = tmp_path / ".gitignore"
    path.write_text("env/\n/out/\n*.log\nsub/dir/\nfile\n")
    assert files.plain_folders(str(path)) == {"env", "out"}
    path.write_text("env/\n!env/keep/\n")
    assert files.plain_folders(str(path)) == frozenset()


def test_links_to_folders_are_not_followed(tmp_path: Path) -> None:
    make(tmp_path, "a/b.py")
    (tmp_path / "a/loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "a/dead.py").symlink_to(tmp_path / "nowhere.py")
    assert found(tmp_path) == ["a/b.py"]


def test_excluded_paths_and_force_exclude(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make(tmp_path, "a.py", "gen/b.py", "build/c.py")

    def excluded(path: str) -> bool:
        return path.startswith("gen")

    assert list(Discovery(excluded=excluded).files(".")) == ["a.py"]
    assert list(Discovery(excluded=excluded).files("gen/b.py")) == ["gen/b.py"]
    assert list(Discovery(excluded=excluded, force_exclude=True).files("gen/b.py")) == []
    assert list(Discovery(force_exclude=True).files("build/c.py")) == []
    assert list(Discovery(default_exclude=False).files("build")) == ["build/c.py"]


def test_a_path_that_is_not_there_is_told(tmp_path: Path) -> None:
    discovery = Discovery()
    assert list(discovery.files(str(tmp_path / "no.py"))) == []
    assert discovery.problems == [f"{tmp_path}/no.py: no such file or folder"]


def test_a_folder_that_cannot_be_read_is_told_and_the_rest_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, "a.py", "closed/b.py", "z/c.py")
    real = os.scandir

    def scandir(path: str) -> object:
        if path.endswith("closed"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    discovery = Discovery()
    assert found(tmp_path, discovery) == ["a.py", "z/c.py"]
    assert discovery.problems == [f"{tmp_path}/closed: cannot be read: Permission denied"]


def test_the_test_for_keras_on_bytes() -> None:
    assert mentions_keras(b"from tensorflow import keras")
    assert mentions_keras(b"import tensorflow as tf\ntf.set_random_seed(1)")
    assert not mentions_keras(b"import tensorflow as tf")
    assert not mentions_keras(b"import torch\nset_random_seed(1)")


def test_reading_what_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match="no.py: cannot be read: No such file"):
        read(str(tmp_path / "no.py"))
    with pytest.raises(FileProblem, match="cannot be read"):
        read("a\0b.py")


def test_large_files_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    check_size("a.py", b"x" * 100)
    monkeypatch.setattr(files, "LARGEST_SOURCE", 1_000_000)
    with pytest.raises(FileProblem, match="^a.py: not read, larger than 1 MB; exclude it or split it$"):
        check_size("a.py", b"x" * 1_000_001)
    check_size("a.ipynb", b"x" * 1_000_001)


def test_writing_keeps_the_mode_and_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"old\r\n")
    path.chmod(0o751)
    write(str(path), b"old\r\n", b"new\r\n")
    assert path.read_bytes() == b"new\r\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o751
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.py"]


def test_writing_a_file_in_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.py").write_bytes(b"old")
    write("a.py", b"old", b"new")
    assert Path("a.py").read_bytes() == b"new"


def test_a_read_only_file_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"old")
    path.chmod(0o444)
    with pytest.raises(FileProblem, match=r"a.py: not fixed, read-only; make it writable and run again$"):
        write(str(path), b"old", b"new")
    assert path.read_bytes() == b"old"


def test_a_link_is_not_written(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(b"old")
    link = tmp_path / "b.py"
    link.symlink_to(tmp_path / "a.py")
    with pytest.raises(FileProblem, match=r"b.py: not fixed, a symbolic link; run on the file it points to$"):
        write(str(link), b"old", b"new")
    assert link.is_symlink()
    assert (tmp_path / "a.py").read_bytes() == b"old"


def test_a_file_that_changed_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"newer")
    with pytest.raises(FileProblem, match=r"a.py: not fixed, changed while it was checked; run again$"):
        write(str(path), b"old", b"new")
    assert path.read_bytes() == b"newer"


def test_a_write_that_fails_leaves_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(FileProblem, match=r"a.py: not fixed: No space left on device; the file is as it was$"):
        write(str(path), b"old", b"new")
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.py"]
    assert path.read_bytes() == b"old"


def test_a_file_that_went_away_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match=r"a.py: not fixed: No such file or directory"):
        write(str(tmp_path / "a.py"), b"old", b"new")


def test_paths_as_they_are_shown() -> None:
    assert display("./a/b.py") == "a/b.py"
    assert display("a//b/../c.py") == "a/c.py"
    assert display("/x/a.py") == "/x/a.py"


def test_the_top_of_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = tmp_path / "a/b"
    inner.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert files.project_top(str(inner)) == str(tmp_path)  # below the working folder
    monkeypatch.chdir("/")
    (tmp_path / "a/setup.py").touch()
    assert files.project_top(str(inner)) == str(tmp_path / "a")
    (tmp_path / ".git").mkdir()
    assert files.project_top(str(inner)) == str(tmp_path)


def test_the_texts_of_project_files(tmp_path: Path) -> None:
    make(tmp_path, "requirements.txt", "requirements/base.txt", "other.txt", "requirements/sub/x.txt")
    assert list(files.texts(str(tmp_path), lambda name: "requirements" in name)) == [
        "requirements.txt",
        "requirements/base.txt",
    ]


def test_an_encoding_that_cannot_be_written_back_is_not_fixed(tmp_path: Path) -> None:
    path = tmp_path / "escaped.py"
    raw = b'# coding: unicode_escape\nimport keras\nd = {c: i for i, c in enumerate(set(["a", "b"]))}\n'
    path.write_bytes(raw)
    command = [sys.executable, "-m", "kerascheck", "--isolated", "--fix", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "not fixed: its encoding `unicode_escape`" in done.stderr
    assert path.read_bytes() == raw


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
def test_requirements_in_the_encodings_of_windows_are_read(tmp_path: Path, encoding: str) -> None:
    text = ("\ufeff" if encoding == "utf-16-be" else "") + "tensorflow==2.8.0\r\nnumpy\r\n"
    (tmp_path / "requirements.txt").write_bytes(text.encode(encoding))
    target = target_from_project(files.texts(str(tmp_path), is_project_file))
    assert target is not None and target.text == "keras 2.8.0"


def test_environments_of_any_name_are_those_with_a_list_of_dependencies(tmp_path: Path) -> None:
    make(tmp_path, "envs/sub/deep.yml", "models/net.yml")
    (tmp_path / "py36.yml").write_text("name: a\ndependencies:\r\n  # all\r\n  - keras=2.2.4=py36_0\r\n")
    (tmp_path / "envs/gpu.yaml").write_text("dependencies:\n- tensorflow-gpu=1.14.0\n")
    for name in ("envs/sub/deep.yml", "models/net.yml"):
        (tmp_path / name).write_text("dependencies:\n- keras=3.6.0\n")
    (tmp_path / "circle.yml").write_text("dependencies:\n  override:\n    - pip install keras==3.6.0\n")
    (tmp_path / "config.yml").write_text("model:\n  dependencies:\n    - keras=3.6.0\n")
    (tmp_path / "large.yml").write_text("dependencies:\n- keras=3.6.0\n" + "#" * 200_000)
    texts = files.environment_texts(str(tmp_path))
    assert list(texts) == ["py36.yml", "envs/gpu.yaml"]
    target = target_from_project(texts)
    assert target is not None and target.text == "keras 2.2.4"
    assert target.source == "py36.yml:4, envs/gpu.yaml:2"


CLASS_WITHOUT_BUILD = """import keras


class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1)

    def call(self, inputs):
        return self.dense(inputs)
"""
LOAD = "from pkg.models import Net\n\nnet = Net()\nnet.load_weights('a.weights.h5')\n"
NOTEBOOK = {
    "cells": [{"cell_type": "code", "source": LOAD, "metadata": {}, "outputs": [], "execution_count": None}],
    "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}


@pytest.mark.parametrize(
    ("package", "user", "severity"),
    [
        ("pkg", "load.py", Severity.WARNING),
        ("src/pkg", "jobs/load.py", Severity.WARNING),
        ("src/pkg", "notebooks/load.ipynb", Severity.WARNING),
        ("src/pkg", "other/load.py", Severity.INFO),  # may be of another project
    ],
)
def test_programs_beside_a_package_belong_to_it(tmp_path: Path, package: str, user: str, severity: Severity) -> None:
    """Nothing marks the top of this project: `setup.py` is a module of the package."""
    for name, text in {"__init__.py": "", "setup.py": "SETUP = 1\n", "models.py": CLASS_WITHOUT_BUILD}.items():
        path = tmp_path / "project" / package / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    path = tmp_path / "project" / user
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(NOTEBOOK) if user.endswith(".ipynb") else LOAD)
    models = tmp_path / "project" / package / "models.py"
    outcomes = run.look_at_all([str(models)], Mode.CHECK, Overrides(isolated=True))
    (finding,) = [item for outcome in outcomes for item in outcome.findings if item.code == "KC103"]
    assert finding.severity is severity


def test_a_module_of_a_package_that_is_called_setup_ends_no_search_for_requirements(tmp_path: Path) -> None:
    make(tmp_path, "net/__init__.py", "net/setup.py", "train.py")
    (tmp_path / "requirements.txt").write_text("keras==3.5.0\n")
    (tmp_path / "setup.cfg").write_text("[metadata]\nname = net\n")
    assert files.project_top(str(tmp_path / "net")) == str(tmp_path)
    (tmp_path / "net/setup.py").write_text("from setuptools import setup\n\nsetup()\n")
    assert files.project_top(str(tmp_path / "net")) == str(tmp_path / "net")


def test_a_package_that_is_installed_by_its_own_setup_is_a_top(tmp_path: Path) -> None:
    (tmp_path / "__init__.py").write_text("")
    (tmp_path / "setup.py").write_text("from setuptools import setup\n\nsetup(name='a')\n")
    assert files.project_marks(str(tmp_path)) == ["setup.py"]
    (tmp_path / "setup.py").write_text("SETUP = 1\n")
    assert files.project_marks(str(tmp_path)) == []


def test_pictures_are_left_out_of_the_start_of_a_notebook(tmp_path: Path) -> None:
    path = tmp_path / "train.ipynb"
    path.write_text('{"cells": [{"source": ["import models"], "image/png": "' + "iVBORw0KGgo" * 100 + '"}]}')
    assert files.ProjectReader().start_of(str(path)) == '{"cells": [{"source": ["import models"], "image/png": ""}]}'
