"""Splits that stand in one file and are used in another (KC405, KC406)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kerascheck.cli import main

MIXIN = """import numpy as np


class Split:
    def split(self, x, y):
        order = np.random{generator}.permutation(len(x))
        cut = len(x) // 5
        return x[order[cut:]], y[order[cut:]], x[order[:cut]], y[order[:cut]]
"""
TRAINER = """import keras
from mixin import Split


class Trainer(Split):
    units = 1

    def fit(self, train, late):
        keras.utils.set_random_seed(6)
        self.model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(self.units)])
        self.model.compile("adam", "mean_squared_error")
        self.model.fit(*train, validation_data=late)
        self.model.save(f"{self.units}.keras")

    def run(self, x, y):
        xt, yt, xv, yv = self.split(x, y)
        self.fit((xt, yt), (xv, yv))


class Wide(Trainer):
    units = 2
"""
PROGRAM = """import numpy as np
from trainer import Trainer, Wide

x, y = np.load("x.npy"), np.load("y.npy")
for cls in (Trainer,):
    cls().run(x, y)
"""
FILES = """import random


def cut(files):
    random.shuffle(files)
    return files[:40], files[40:]


def read(files):
    return files, files
"""
SCRIPT = """import keras
import numpy as np
from files import cut, read

{first}
train, late = cut(list(range(50)))
{second}
net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
net.compile("adam", "mean_squared_error")
net.fit(*read(train), epochs=2)
np.save("before.npy", net.predict(late))
net.save("net.keras")
"""
EPOCHS = """import keras
import numpy as np

x, y = np.load("x.npy"), np.load("y.npy")
net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
net.compile("adam", "mean_squared_error")
for epoch in range(5):
    order = np.random.permutation(len(x))
    net.train_on_batch(x[order[:40]], y[order[:40]])
    net.train_on_batch(x[order[40:]], y[order[40:]])
net.save("net.keras")
"""


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.chdir(tmp_path)

    def run(**files: str) -> list[tuple[str, int]]:
        for name, text in files.items():
            Path(f"{name}.py").write_text(text)
        main(["check", "--no-cache", "--exit-zero", "--format", "json", "--select", "KC405", "."])
        return [(item["path"], item["line"]) for item in json.loads(capsys.readouterr().out)]

    return run


@pytest.mark.parametrize(
    ("generator", "found"),
    [("", [("mixin.py", 6)]), (".default_rng()", [("mixin.py", 6)]), (".default_rng(1)", [])],
)
def test_a_base_that_splits_for_each_model(places, generator: str, found: object) -> None:
    assert places(mixin=MIXIN.format(generator=generator), trainer=TRAINER, program=PROGRAM) == found


def test_rows_that_are_read_in_the_call_of_fit(places) -> None:
    late = SCRIPT.format(first="", second="keras.utils.set_random_seed(3)")
    assert places(files=FILES, script=late) == [("files.py", 5)]
    early = SCRIPT.format(first="keras.utils.set_random_seed(3)", second="")
    assert places(script=early) == []


LOOK = """import keras
import numpy as np
from files import cut

train, late = cut(list(range(50)))
net = keras.models.load_model("net.keras")
{mark}print(net.evaluate(late))
print(net.evaluate(np.load("x.npy"), np.load("y.npy")), len(late))
"""


def test_rows_that_only_a_comment_gives_to_a_model(places) -> None:
    assert places(files=FILES, look=LOOK.format(mark="")) == [("files.py", 5)]
    assert places(look=LOOK.format(mark="# ")) == []


def test_rows_that_are_mixed_for_each_epoch(places) -> None:
    assert places(script=EPOCHS) == []


def test_a_dataset_that_another_file_shuffles_and_this_one_cuts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The finding (KC406) stands at the cut: in the other file nothing is wrong."""
    monkeypatch.chdir(tmp_path)
    Path("rows.py").write_text("""import tensorflow as tf


def rows(paths):
    return tf.data.Dataset.from_tensor_slices(paths).shuffle(100)
""")
    Path("train.py").write_text("""import keras
from rows import rows

every = rows(["a", "b", "c"])
train = every.take(2)
held = every.skip(2)
keras.models.load_model("net.keras").fit(train, validation_data=held)
""")
    main(["check", "--no-cache", "--exit-zero", "--format", "json", "--select", "KC406,KC002", "."])
    found = [(item["code"], item["path"], item["line"]) for item in json.loads(capsys.readouterr().out)]
    assert found == [("KC406", "train.py", 6)]
