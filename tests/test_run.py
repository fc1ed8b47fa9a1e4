"""Runs over several files with the real rules: what one fix means for the findings of other files."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import weakref
from pathlib import Path
from typing import Any

import pytest

from kerascheck import run
from kerascheck.cli import main
from kerascheck.outcome import Mode
from kerascheck.semantic.values import Const, join
from kerascheck.surroundings import Overrides, Surroundings

LAYER = """\
import keras


class Scale(keras.layers.Layer):
    def call(self, inputs):
        return inputs * 2


def train():
    keras.Sequential([keras.Input((3,)), Scale()]).save("out/scale.keras")
"""
SERVE = """\
import keras

Scale = 1.5  # in the way of a fix here
model = keras.models.load_model("out/scale.keras")
"""


@pytest.mark.parametrize("more", [(), ("--jobs", "2")])
def test_what_the_fix_of_another_file_mends_is_not_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], more: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("evaluate.py").write_text(SERVE, "utf-8")
    Path("layers.py").write_text(LAYER, "utf-8")
    arguments = [".", "--isolated", "--select", "KC305,KC306", "--format", "json", *more]
    assert main(arguments) == 1
    before = json.loads(capsys.readouterr().out)
    assert [(item["path"], item["code"], item["fix"] is None) for item in before] == [
        ("evaluate.py", "KC306", True),
        ("layers.py", "KC305", False),
    ]
    assert main([*arguments, "--fix", "--unsafe-fixes"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_what_is_left_in_other_files_stays_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.py").write_text('import keras\n\nkeras.models.load_model("m.h5").save_weights("w.h5")\n', "utf-8")
    Path("b.py").write_text("import keras\nimport tensorflow as tf\n\ntf.set_random_seed(1)\n", "utf-8")
    arguments = [".", "--isolated", "--select", "KC201,KC404", "--format", "json"]
    assert main([*arguments, "--fix"]) == 1
    assert [(item["path"], item["code"]) for item in json.loads(capsys.readouterr().out)] == [("a.py", "KC201")]


def test_the_collector_is_as_before_after_a_run(tmp_path: Path) -> None:
    """It waits while files are looked at, and whoever calls finds it as it was."""
    (tmp_path / "a.py").write_text("import keras\n")
    before = gc.get_threshold()
    during = [gc.get_threshold() for _ in run.look_at_all([str(tmp_path / "a.py")], Mode.CHECK, Overrides())]
    assert during[0][0] > before[0]
    assert gc.get_threshold() == before


def test_the_pieces_of_the_work_keep_folders_together() -> None:
    """Each piece has at most so many bytes, and a folder is cut only when it has more."""
    paths = ["a.py", *(f"one/{name}.py" for name in "abc"), *(f"two/{name}/m.py" for name in "abcd"), "two/z.py"]
    sizes = [1, 3, 3, 3, 4, 4, 4, 4, 30]
    cuts = run._runs([path.split("/") for path in paths], sizes, 10)
    assert [paths[start:end] for start, end in cuts] == [
        ["a.py", "one/a.py", "one/b.py", "one/c.py"],
        ["two/a/m.py", "two/b/m.py"],
        ["two/c/m.py", "two/d/m.py"],
        ["two/z.py"],
    ]


def test_what_a_value_may_be_keeps_its_order_whatever_the_hash_seed() -> None:
    program = (
        "from functools import reduce; from kerascheck.semantic.values import Const, join, options; "
        "print([item.value for item in options(reduce(join, map(Const, ('dense', 'conv', 'lstm', 'gru'))))])"
    )
    for seed in ("0", "1", "2"):
        given = {**os.environ, "PYTHONHASHSEED": seed}
        run = subprocess.run([sys.executable, "-c", program], env=given, capture_output=True, text=True, check=True)
        assert run.stdout.strip() == "['dense', 'conv', 'lstm', 'gru']"


def test_two_values_that_may_be_the_same_are_equal_in_any_order() -> None:
    one, other = Const("dense"), Const("conv")
    assert join(one, other) == join(other, one)
    assert len({join(one, other), join(other, one)}) == 1


def test_files_that_mean_the_same_keras_are_one_project(tmp_path: Path) -> None:
    """Where their releases are written decides nothing: what is parsed for one file serves the other one."""
    places = []
    for name, text in (("one", "keras==3.6.0\n"), ("two", "numpy\n\nkeras==3.6.0\n"), ("three", "keras==3.5.0\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "requirements.txt").write_text(text)
        (tmp_path / name / "train.py").write_text("import keras\n")
        places.append(str(tmp_path / name / "train.py"))
    surroundings = Surroundings(Overrides())
    one, two, three = map(surroundings.target, places)
    assert one.source != two.source
    assert surroundings.project(one) is surroundings.project(two)
    assert surroundings.project(one) is not surroundings.project(three)


def test_long_files_are_looked_at_first_and_listed_in_their_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, lines in (("a", 1), ("b", 400), ("c", 2), ("d", 900)):
        text = f"import keras\n\nmodel = keras.Sequential([keras.layers.Lambda(lambda x: x * {lines})])\n" * lines
        (tmp_path / f"{name}.py").write_text(text + 'model.save("x.keras")\n')
    paths = ["a.py", "b.py", "c.py", "d.py"]
    in_order = list(run.look_at_all(paths, Mode.CHECK, Overrides(), jobs=1))
    looked = []
    look_at = run.look_at

    def noted(path: str, *rest: Any) -> run.Outcome:
        looked.append(path)
        return look_at(path, *rest)

    monkeypatch.setattr(run, "LONG", 10_000)
    monkeypatch.setattr(run, "look_at", noted)
    outcomes = list(run.look_at_all(paths, Mode.CHECK, Overrides(), jobs=1))
    assert looked == ["d.py", "b.py", "a.py", "c.py"]
    assert outcomes == in_order
    looked.clear()
    list(run.look_at_all(paths, Mode.FIX, Overrides(), jobs=1))
    assert looked == paths  # what is written for one file counts for the next


def test_what_is_forgotten_of_a_project_is_given_back_at_once(tmp_path: Path) -> None:
    """Modules are circles: without a collection they would stay until as much again is kept."""
    (tmp_path / "train.py").write_text(LAYER)
    surroundings = Surroundings(Overrides())
    path = str(tmp_path / "train.py")
    run.look_at(path, Mode.CHECK, surroundings)
    project = surroundings.project(surroundings.target(path))
    module = weakref.ref(next(iter(project._modules.values())))
    assert module() is not None
    surroundings.forget()
    assert module() is None
