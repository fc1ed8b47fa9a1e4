"""Layers with initializers of their own, in one file and in those that `import_module` brings (KC403)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kerascheck.cli import main
from kerascheck.engine import Options, check
from kerascheck.semantic.target import default_target
from kerascheck.text import SourceText

TRAIN = """import importlib
import sys

import keras
import numpy as np
import tensorflow as tf

tf.random.set_seed(3)
net = importlib.import_module(sys.argv[1] + ".net").build()
net.compile(keras.optimizers.Adam(), "mse")
net.fit(np.load("x.npy"), np.load("y.npy"), epochs=3)
"""
NET = """import keras


def build():
    inputs = keras.Input((4,))
    # hidden = keras.layers.Dropout(0.5)(inputs)
    hidden = keras.layers.Dense(
        units=8,
        activation="selu",
        kernel_initializer=keras.initializers.VarianceScaling(scale=0.01, mode="fan_avg", seed=1),
    )(inputs)
    return keras.Model(inputs, keras.layers.Dense(1, {last})({rows}))
"""
NUMBERED = "kernel_initializer=keras.initializers.HeNormal(seed=2)"


@pytest.mark.parametrize(
    ("last", "rows", "found"),
    [
        (NUMBERED, "hidden", []),
        ("", "hidden", [8]),
        ("kernel_initializer='he_normal', bias_initializer=keras.initializers.RandomNormal(seed=2)", "hidden", [8]),
        (NUMBERED, "keras.layers.Dropout(0.1)(hidden)", [8]),
    ],
)
def test_layers_of_files_that_are_imported_by_name(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    last: str,
    rows: str,
    found: list[int],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text(TRAIN)
    for name in ("small", "large"):
        Path(name).mkdir()
        Path(name, "net.py").write_text(NET.format(last=NUMBERED, rows="hidden"))
    Path("large", "net.py").write_text(NET.format(last=last, rows=rows))
    main(["check", "--no-cache", "--exit-zero", "--format", "json", "--select", "KC403", "."])
    assert [item["line"] for item in json.loads(capsys.readouterr().out)] == found


ONE_FILE = """import random

import keras
import numpy as np
import tensorflow as tf

NUMBER = 7
{seed}


def dense(rows, count):
    return keras.layers.Dense(count, kernel_initializer=keras.initializers.TruncatedNormal(seed={number}))(rows)


inputs = keras.Input((4,))
net = keras.Model(inputs, dense(keras.layers.PReLU()(inputs), 1))
net.compile("adam", "mse")
x, y = np.load("x.npy"), np.load("y.npy")
{train}
"""
NUMPY, TENSORFLOW = "np.random.seed(3)", "tf.random.set_seed(3)"
IN_ORDER = "net.fit(x, y, epochs=3, shuffle=False)"
BATCH = "for _ in range(9):\n    rows = np.random.randint(0, 64, 8)\n    net.train_on_batch(x[rows], y[rows])"


@pytest.mark.parametrize(
    ("seed", "number", "train", "found"),
    [
        (NUMPY, "1", BATCH, 0),
        (NUMPY, "1", IN_ORDER, 0),
        (NUMPY, "NUMBER", IN_ORDER, 0),
        (NUMPY, "number", IN_ORDER, 1),  # where it comes from is not seen
        (NUMPY, "None", IN_ORDER, 1),
        (NUMPY, "1", "net.fit(x, y, epochs=3)", 1),
        (NUMPY, "1", BATCH.replace("np.random.randint(0, 64, 8)", "random.sample(range(64), 8)"), 1),
        (NUMPY, "1", BATCH.replace("np.random.", "np.random.default_rng().").replace("randint", "integers"), 1),
        (TENSORFLOW, "1", "net.fit(x, y, epochs=3)", 0),
        (TENSORFLOW, "1", BATCH, 1),
        (f"{TENSORFLOW}\n{NUMPY}", "1", BATCH, 0),
        (f"{TENSORFLOW}\n{NUMPY}", "None", BATCH, 1),
    ],
)
def test_layers_with_numbers_of_one_file(seed: str, number: str, train: str, found: int) -> None:
    text = ONE_FILE.format(seed=seed, number=number, train=train)
    options = Options(frozenset({"KC403"}), default_target())
    assert len(check(SourceText(text), "train.py", options).findings) == found
