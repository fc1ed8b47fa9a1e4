"""Layers with initializers of their own in files that `import_module` brings (KC403)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kerascheck.cli import main

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
