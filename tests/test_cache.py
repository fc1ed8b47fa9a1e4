"""The cache: a run that follows another says the same as one without, whatever has changed in between."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path
from zlib import crc32

import pytest

from kerascheck import engine
from kerascheck.cli import main

FIXTURES = Path(__file__).parent.parent / "fixtures"
MODELS = """import keras


class Net(keras.Model):
    def __init__(self, units=8, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(units)

    def call(self, inputs):
        return self.dense(inputs)
"""
TRAIN = """from models import Net

model = Net(4)
model.load_weights("a.weights.h5")
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / ".git").mkdir()
    monkeypatch.chdir(project)


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> object:
    def _call(*arguments: str) -> list[str]:
        """The findings of a run, a line each, and its problems."""
        main(["--format", "concise", "-j", "1", *arguments, "."])
        out, err = capsys.readouterr()
        return [line for line in (out + err).splitlines() if " KC" in line or "kerascheck:" in line]

    return _call


@pytest.fixture
def parses(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that are checked from now on."""
    seen: list[str] = []
    check = engine.check

    def counted(source, path, *rest):
        seen.append(path)
        return check(source, path, *rest)

    monkeypatch.setattr(engine, "check", counted)
    return seen


def put(name: str, text: str) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def age(seconds: int = 100) -> None:
    """Make every file old enough that its times are believed."""
    for path in Path().rglob("*.*"):
        status = path.stat()
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns - seconds * 10**9))


def test_a_second_run_says_the_same_and_looks_at_nothing(call, parses: list[str]) -> None:
    put("models.py", MODELS)
    put("train.py", TRAIN)
    first = call()
    assert any("KC101" in line for line in first)
    assert sorted(parses) == ["models.py", "train.py"]
    parses.clear()
    assert call() == first
    assert parses == []


def test_an_edit_of_another_file_changes_what_is_found(call, parses: list[str]) -> None:
    put("models.py", MODELS)
    put("train.py", TRAIN)
    put("other.py", "import keras\n\nmodel = keras.Sequential([keras.layers.Dense(1)])\n")
    assert any("train.py" in line and "KC101" in line for line in call())
    put("models.py", MODELS.replace("        self.dense = ", "        self.build((None, 3))\n        self.dense = "))
    parses.clear()
    assert not any("train.py" in line and "KC101" in line for line in call())
    assert "other.py" not in parses


def test_a_file_that_was_not_parsed_hangs_on_those_whose_words_were_looked_for(call) -> None:
    """What a rule needs is at first in no file; then in one that is imported, or in one that imports."""
    put("main.py", "import keras\nfrom lib import Name\nmodel = keras.Sequential([Name(lambda x: x)])\n")
    put("lib.py", "from keras.layers import Activation as Name\n")
    put("layers.py", MODELS.replace("keras.Model", "keras.layers.Layer"))
    put("train.py", "import keras\nfrom layers import Net\nmodel = keras.Sequential([keras.Input((1,)), Net(2)])\n")
    arguments = ("--select", "KC302,KC305,KC307")
    age()
    assert call(*arguments) == []
    put("lib.py", "from keras.layers import Lambda as Name\n")
    with Path("train.py").open("a", encoding="utf-8") as file:
        file.write("model.save('a.keras')\n")
    after = call(*arguments)
    assert [line for line in after if line.startswith("main.py") and "KC307" in line]
    assert [line for line in after if line.startswith("layers.py") and "KC305" in line]
    assert after == call(*arguments, "--no-cache")


def test_a_file_that_was_looked_for_and_appears(call) -> None:
    put("train.py", "import keras\n" + TRAIN)
    assert not any("KC101" in line for line in call())
    put("models.py", MODELS)
    assert any("train.py" in line and "KC101" in line for line in call())
    Path("models.py").unlink()
    assert not any("KC101" in line for line in call())


def test_a_file_without_keras_begins_to_matter(call) -> None:
    put("train.py", TRAIN)
    put("models.py", "class Net:\n    pass\n")
    put("keras_elsewhere.py", "import keras\n")
    assert call() == []
    put("models.py", MODELS)
    assert any("train.py" in line and "KC101" in line for line in call())


def test_requirements_and_settings_count(call) -> None:
    put("train.py", "import keras\nmodel = keras.Sequential()\nmodel.save_weights('a.txt')\n")
    assert any("KC201" in line for line in call())
    put("requirements.txt", "tensorflow==2.10\n")
    assert not any("KC201" in line for line in call())
    Path("requirements.txt").unlink()
    assert any("KC201" in line for line in call())
    put("pyproject.toml", '[tool.kerascheck]\nignore = ["KC201"]\n')
    assert not any("KC201" in line for line in call())
    put("pyproject.toml", '[tool.kerascheck]\nexclude = ["train.py"]\n')
    assert call() == []
    put("pyproject.toml", "[project]\n")
    assert any("KC201" in line for line in call())


SAVES = "import keras\n\n\ndef keep(model):\n    model.save_weights('model.h5')\n"


def sheet(*cells: str) -> str:
    return json.dumps({"cells": [{"cell_type": "code", "source": cell} for cell in cells], "nbformat": 4})


def test_what_the_notebooks_install_that_use_a_module(call) -> None:
    """In front of every edit a run without the cache says the same, and nothing is left from the run before."""

    def found() -> list[str]:
        lines = call("--select", "KC201")
        assert lines == call("--select", "KC201", "--no-cache")
        return [line.split(":")[0] for line in lines]

    Path("keeping.py").write_text(SAVES)
    Path("sheet.ipynb").write_text(sheet("import keras", "from keeping import keep"))
    assert found() == ["keeping.py"]
    Path("sheet.ipynb").write_text(sheet("!pip install tensorflow==2.15.1", "from keeping import keep"))
    assert found() == []
    Path("sheet.ipynb").write_text(sheet("!pip install tensorflow==2.15.1", "import keras"))
    assert found() == ["keeping.py"]
    Path("sheet.ipynb").write_text(sheet("!pip install tensorflow==2.15.1", "import numpy as np, between"))
    Path("between.py").write_text("from keeping import keep\n")  # a module that the notebook uses
    assert found() == []
    Path("other.ipynb").write_text(sheet("!pip install keras==3.10.0", "import keeping"))
    assert found() == ["keeping.py"]
    Path("other.ipynb").unlink()
    assert found() == []
    Path("program.py").write_text("import keeping\n")  # nothing tells its Keras
    assert found() == ["keeping.py"]
    Path("program.py").write_text("import keeping_time\n")
    assert found() == []
    Path("requirements.txt").write_text("keras==3.10.0\n")
    assert found() == ["keeping.py"]


def test_a_readme_counts_where_no_requirement_names_a_release(call) -> None:
    def found() -> bool:
        lines = call("--select", "KC201")
        assert lines == call("--select", "KC201", "--no-cache")
        return bool(lines)

    Path("package").mkdir()
    Path("package/keeping.py").write_text(SAVES)
    Path("README.md").write_text("# Keras 2.1.0\n\nThis was written for Keras 2.1.0, and runs.\n")
    assert found()
    Path("README.md").write_text("## Needs\n\n* Keras 2.1.0, TensorFlow 1.4.0\n")
    assert not found()
    Path("package/readme.txt").write_text("- keras >= 3.6\n")  # the nearer one
    assert found()
    Path("package/readme.txt").unlink()
    assert not found()
    Path("requirements.txt").write_text("keras==3.10.0\n")
    assert found()


def test_environments_of_any_name_count_at_the_top_of_a_project(call) -> None:
    def found() -> bool:
        lines = call("--select", "KC201")
        assert lines == call("--select", "KC201", "--no-cache")
        return bool(lines)

    Path("package/envs").mkdir(parents=True)
    Path("package/keeping.py").write_text(SAVES)
    Path("package/envs/gpu.yml").write_text("dependencies:\n- keras=2.2.4\n")  # of a folder below the top
    Path("gpu.yml").write_text("name: a\n")
    assert found()
    Path("gpu.yml").write_text("dependencies:\n- keras=2.2.4\n")
    assert not found()
    Path("gpu.yml").unlink()
    assert found()
    Path("envs").mkdir()
    Path("envs/gpu.yml").write_text("dependencies:\n- keras=2.2.4\n")
    assert not found()


def test_options_and_folders_count(call) -> None:
    put("train.py", "import keras\nmodel = keras.Sequential()\nmodel.save_weights('a.txt')\n")
    assert any("KC201" in line for line in call())
    assert call("--ignore", "KC201") == call("--no-cache", "--ignore", "KC201")
    assert call("--target-keras", "2.15") == call("--no-cache", "--target-keras", "2.15")
    put(".gitignore", "train.py\n")
    assert call() == []
    Path(".gitignore").unlink()
    assert any("KC201" in line for line in call())


def test_a_new_time_alone_costs_a_read(call, parses: list[str]) -> None:
    put("train.py", "import keras\nmodel = keras.Sequential()\nmodel.save_weights('a.txt')\n")
    first = call()
    os.utime("train.py")
    parses.clear()
    assert call() == first
    assert parses == []


def test_the_same_size_and_time_do_not_hide_an_edit(call) -> None:
    model = "keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])"
    path = put("train.py", f"import keras\nmodel = {model}\nmodel.save_weights('a.weights.h5')\n")
    age()
    call()
    assert call() == []
    before = path.stat()
    path.write_text(path.read_text().replace("a.weights.h5", "a.weights.h6"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert any("KC201" in line for line in call())


def test_fix_with_what_is_known(call) -> None:
    put("models.py", MODELS)
    text = "import keras\nimport tensorflow as tf\n\ntf.set_random_seed(1)\n"
    path = put("seed.py", text)
    first = call()
    assert any("seed.py" in line and "KC404" in line for line in first)
    call("--fix")
    assert path.read_text() != text
    assert not any("seed.py" in line and "KC404" in line for line in call())
    assert call() == call("--no-cache")


@pytest.mark.parametrize(
    "damage", ["", "{", "[]", '{"format": 1, "runs": []}', "\0" * 100, '{"format": 99, "runs": {}}']
)
def test_a_damaged_cache_is_as_good_as_none(call, damage: str) -> None:
    put("train.py", "import keras\nmodel = keras.Sequential()\nmodel.save_weights('a.txt')\n")
    first = call()
    place = Path(".kerascheck_cache", "runs.json")
    for check in (b"", b"%08x\n" % crc32(damage.encode())):
        place.write_bytes(check + damage.encode())
        assert call() == first
        assert json.loads(place.read_text().partition("\n")[2])["format"] == 1


def test_every_part_of_the_cache_may_be_damaged(call) -> None:
    put("models.py", MODELS)
    put("train.py", TRAIN)
    first = call()
    place = Path(".kerascheck_cache", "runs.json")
    raw = place.read_bytes()
    chance = random.Random(5)
    for _ in range(60):
        start = chance.randrange(len(raw))
        place.write_bytes(raw[:start] + raw[start + chance.randrange(1, 9) :])
        assert call() == first


def test_a_cache_that_cannot_be_written(call) -> None:
    put("train.py", "import keras\nmodel = keras.Sequential()\nmodel.save_weights('a.txt')\n")
    put("taken", "a file, no folder")
    assert any("KC201" in line for line in call("--cache-dir", "taken"))
    assert Path("taken").read_text() == "a file, no folder"
    assert not Path(".kerascheck_cache").exists()


def test_no_cache_leaves_nothing(call) -> None:
    put("train.py", "import keras\n")
    call("--no-cache")
    assert not Path(".kerascheck_cache").exists()


def test_git_does_not_see_the_cache(call) -> None:
    put("train.py", "import keras\n")
    call()
    assert Path(".kerascheck_cache", ".gitignore").read_text().splitlines()[-1] == "*"


def test_two_runs_at_once(call) -> None:
    for number in range(30):
        put(f"m{number}.py", "import keras\nmodel = keras.Sequential()\nmodel.save_weights('a.txt')\n")
    command = [sys.executable, "-m", "kerascheck", "--format", "concise", "--exit-zero", "."]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(3)]
    outs = [run.communicate()[0].splitlines()[:-1] for run in runs]
    assert outs[0] == outs[1] == outs[2]
    assert call() == [line.decode() for line in outs[0]]
    assert len(outs[0]) >= 30
    assert [name for name in os.listdir(".kerascheck_cache") if name.startswith("runs-")] == []


def test_processes_note_what_they_looked_at(capsys: pytest.CaptureFixture[str]) -> None:
    put("models.py", MODELS)
    for number in range(6):
        put(f"train{number}.py", TRAIN)

    def run(*arguments: str) -> str:
        main(["--format", "concise", *arguments, "."])
        return capsys.readouterr().out.rpartition("\n")[0].rpartition("\nfound ")[0]

    first = run("-j", "3")
    assert first.count("KC101") == 6
    put("models.py", MODELS.replace("        self.dense = ", "        self.build((None, 3))\n        self.dense = "))
    assert run("-j", "3").count("KC101") == 0


@pytest.mark.parametrize("seed", range(4))
def test_edits_at_random(call, seed: int) -> None:
    """Files of the fixtures come, go and change; every run says what a run without a cache says."""
    chance = random.Random(seed)
    pool: list[Path] = []
    for folder in sorted(FIXTURES.iterdir()):
        if folder.is_dir() and folder.name != "projects":
            pool += [path for path in sorted(folder.rglob("*.py")) if path.is_file()]
    pool += [path for path in sorted((FIXTURES / "projects" / "quickstart").iterdir()) if path.is_file()]
    for _ in range(8):
        for _ in range(chance.randrange(1, 6)):
            source = chance.choice(pool)
            place = Path(source.parent.name, source.name)
            what = chance.random()
            if place.exists() and what < 0.3:
                place.unlink()
            elif place.exists() and what < 0.6:
                lines = place.read_text(encoding="utf-8").splitlines(keepends=True)
                del lines[chance.randrange(len(lines))]
                place.write_text("".join(lines), encoding="utf-8")
            else:
                for beside in source.parent.iterdir() if chance.random() < 0.7 else [source]:
                    if beside.is_file():
                        Path(source.parent.name).mkdir(exist_ok=True)
                        shutil.copy(beside, Path(source.parent.name, beside.name))
        assert call() == call("--no-cache")
