"""KC301 is a note where a class is only in `.h5` files of which the project reads the weights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kerascheck.cli import main

MODEL = """import keras


class Gate(keras.layers.Layer):
    def __init__(self, floor=0.0, **kwargs):
        super().__init__(**kwargs)
        self.floor = floor

    def call(self, inputs):
        return keras.ops.maximum(inputs, self.floor)

    def get_config(self):
        return super().get_config()


def build():
    return keras.Sequential([keras.Input((3,)), Gate(0.5), keras.layers.Dense(1)])
"""
TRAIN = """from model import build

model = build()
model.compile("adam", "mean_squared_error")
model.fit(x, y)
model.save("gate.h5")
"""
SERVE = """from model import build

model = build()
model.load_weights("gate.h5")
"""


@pytest.mark.parametrize(
    ("others", "severity"),
    [
        ({}, "info"),
        ({"train.py": TRAIN.replace("gate.h5", "gate.keras")}, "error"),
        ({"train.py": TRAIN + 'model.save("all.keras")\n'}, "error"),
        ({"serve.py": SERVE.replace("gate.h5", "other.h5")}, "error"),
        ({"other.py": "import keras\nmodel = keras.models.load_model(path)\n"}, "error"),
        ({"other.py": "import keras\nfrom model import build\nmodel = keras.models.clone_model(build())\n"}, "error"),
        ({"setup.py": "from setuptools import setup\nsetup(name='gate')\n"}, "error"),
    ],
)
def test_a_file_of_which_the_weights_are_read(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    others: dict[str, str],
    severity: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in {"model.py": MODEL, "train.py": TRAIN, "serve.py": SERVE, **others}.items():
        Path(name).write_text(text)
    main(["check", "--no-cache", "--exit-zero", "--format", "json", "--select", "KC301", "."])
    findings = json.loads(capsys.readouterr().out)
    assert [(item["path"], item["severity"]) for item in findings] == [("model.py", severity)]
