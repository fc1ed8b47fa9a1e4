"""Objects that a decorator of the project keeps in a dictionary, beside others that one registers with Keras."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kerascheck.cli import main

TABLES = """import keras

BLOCKS = {}


def block(name):
    def wrap(cls):
        if name in BLOCKS:
            raise KeyError(name)
        BLOCKS[name] = cls
        return cls

    return wrap


def keras_block(name):
    def wrap(cls):
        cls = keras.saving.register_keras_serializable(package="zoo", name=name)(cls)
        BLOCKS[name] = cls
        return cls

    return wrap
"""
BLOCKS = """import keras
from tables import block, keras_block


@block("gain")
class Gain(keras.layers.Layer):
    def call(self, inputs):
        return inputs * 2.0


@keras_block("bias")
class Bias(keras.layers.Layer):
    def call(self, inputs):
        return inputs + 2.0


@block("turn")
@keras.saving.register_keras_serializable()
class Turn(keras.layers.Layer):
    def call(self, inputs):
        return -inputs
"""
TRAIN = """import keras
from blocks import Bias, Gain, Turn

model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3), Gain(), Bias(), Turn()])
model.compile("adam", "mean_squared_error")
model.save("net.keras")
"""
LOOP = "\n\nfor item in BLOCKS.values():\n    keras.saving.register_keras_serializable()(item)\n"
IN_A_LOOP = TABLES.replace(
    "def wrap(cls):\n        cls", "def wrap(_):\n      for cls in BLOCKS.values():\n        cls"
)


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({}, ["blocks.py:6 KC305", "serve.py:3 KC306"]),
        ({"tables.py": TABLES + '\n\n__all__ = ["block", "keras_block"]\n'}, ["blocks.py:6 KC305", "serve.py:3 KC306"]),
        # what is collected may be registered
        ({"tables.py": TABLES + LOOP}, []),
        ({"blocks.py": BLOCKS + '\n\nkeras_block("gain")(Gain)\n'}, []),
        ({"blocks.py": BLOCKS + "\n\nkeep = keras_block\n"}, []),
        (
            {
                "blocks.py": BLOCKS.replace("import block,", "import keras_block as kept, block,")
                + "kept('gain')(Gain)\n"
            },
            [],
        ),
        (
            {
                "train.py": TRAIN.replace(
                    "\nmodel =", "import tables" + LOOP.replace("BLOCKS", "tables.BLOCKS") + "model ="
                )
            },
            [],
        ),
        ({"train.py": TRAIN.replace("\nmodel =", "from tables import *\nkeras_block('g')(Gain)\nmodel =")}, []),
        ({"tables.py": TABLES.replace("return wrap", "wrap(BLOCKS['gain'])\n    return wrap")}, []),
        ({"tables.py": TABLES + '\n\ngetattr(keras.saving, "register_keras_serializable")()(BLOCKS["gain"])\n'}, []),
        ({"tables.py": IN_A_LOOP}, []),
    ],
)
def test_what_is_collected_is_not_registered_with_keras(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    files: dict[str, str],
    found: list[str],
) -> None:
    serve = 'import blocks\nimport keras\nmodel = keras.models.load_model("net.keras")\n'
    for name, text in {"tables.py": TABLES, "blocks.py": BLOCKS, "train.py": TRAIN, "serve.py": serve, **files}.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    main(["check", "--no-cache", "--exit-zero", "--format", "json", "--select", "KC305,KC306", "."])
    assert [f"{item['path']}:{item['line']} {item['code']}" for item in json.loads(capsys.readouterr().out)] == found
