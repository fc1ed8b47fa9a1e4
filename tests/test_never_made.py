"""KC301 is a note for a class that programs of the project know and never make."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kerascheck.cli import main

LAYERS = """import keras
{above}

{decorator}
class Gate(keras.layers.Layer):
    def __init__(self, floor=0.0, **kwargs):
        super(Gate, self).__init__(**kwargs)
        self.floor = floor

    def call(self, inputs):
        return keras.ops.maximum(inputs, self.floor)

    def get_config(self):
        return super(Gate, self).get_config()


class Double(keras.layers.Layer):
    def call(self, inputs):
        return inputs * 2.0

{below}
"""
TRAIN = """import keras
from layers import *

# model.add(Gate(0.5))
model = keras.Sequential([keras.Input((3,)), Double()])
model.compile("adam", "mean_squared_error")
model.fit([[1.0, 2.0, 3.0]], [[1.0, 2.0, 3.0]])
model.save("gate.keras")
"""
TABLE = 'OBJECTS = {"Gate": Gate, "Double": Double}'
KNOWN = {"train.py": TRAIN}


@pytest.mark.parametrize(
    ("places", "others", "severity"),
    [
        ({}, KNOWN, "info"),
        ({"decorator": '@keras.saving.register_keras_serializable("own", name="Gate")'}, KNOWN, "info"),
        ({"above": '__all__ = ["Gate", "Double"]'}, KNOWN, "info"),
        ({"below": TABLE}, KNOWN, "info"),
        (
            {"below": TABLE},
            {**KNOWN, "test.py": "from layers import *\nkeras.models.load_model(path, custom_objects=OBJECTS)\n"},
            "info",
        ),
        (
            {},
            {
                **KNOWN,
                "test.py": "from layers import *\nkeras.models.load_model(path, custom_objects={'Gate': Gate})\n",
            },
            "info",
        ),
        ({}, {**KNOWN, "own/__init__.py": "from layers import Double, Gate\n"}, "info"),
        ({}, {}, "error"),  # for whoever finds it
        ({}, {"train.py": TRAIN.replace("model.fit", "print")}, "error"),
        ({}, {"train.py": TRAIN.replace("from layers import *", "from other import *")}, "error"),
        ({}, {**KNOWN, "setup.py": "from setuptools import setup\nsetup(name='gate')\n"}, "error"),
        ({"decorator": '@LAYERS.add("Gate")', "above": "from own import LAYERS"}, KNOWN, "error"),
        ({"below": TABLE}, {**KNOWN, "more.py": "from layers import OBJECTS\nmake = OBJECTS[name]\n"}, "error"),
        ({"below": "def find(name):\n    return globals()[name]\n"}, KNOWN, "error"),
        ({}, {**KNOWN, "more.py": "import layers\nmade = getattr(layers, name)()\n"}, "error"),
        ({}, {**KNOWN, "more.py": "from layers import Gate\nmake = Gate\n"}, "error"),
        ({}, {**KNOWN, "more.py": "from layers import Gate as Other\nmake = Other\n"}, "error"),
        ({}, {**KNOWN, "more.py": "layer = {'class_name': 'Gate'}\n"}, "error"),
        ({"below": "class Wide(Gate):\n    pass\n"}, KNOWN, "error"),
    ],
)
def test_a_class_that_nothing_makes(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    places: dict[str, str],
    others: dict[str, str],
    severity: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    layers = LAYERS.format(**{"above": "", "decorator": "", "below": "", **places})
    for name, text in {"layers.py": layers, **others}.items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(text)
    main(["check", "--no-cache", "--exit-zero", "--format", "json", "--select", "KC301", "."])
    findings = json.loads(capsys.readouterr().out)
    assert [(item["path"], item["severity"]) for item in findings] == [("layers.py", severity)]
