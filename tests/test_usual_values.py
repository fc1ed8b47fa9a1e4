"""KC301 of an argument that nothing in the project gives, but as the default: a note, as all copies are alike."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kerascheck.cli import main

LAYERS = """import keras


class Gate(keras.layers.Layer):
    def __init__(self, units, floor=0.0, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.floor = floor
        self.inner = keras.layers.Dense(units)

    def call(self, inputs):
        return keras.ops.maximum(self.inner(inputs), self.floor)

    def get_config(self):
        return {**super().get_config(), "units": self.units}
"""
TRAIN = """import keras
from layers import Gate

model = keras.Sequential([keras.Input((3,)), {made}])
model.compile("adam", "mean_squared_error")
model.save("gate.keras")
"""
SERVE = """import keras
from layers import Gate

model = keras.models.load_model("gate.keras", custom_objects={"Gate": Gate})
"""
IDLE_HEIR = """from layers import Gate


class Tower(Gate):
    def __init__(self, width):
        {does}

    def made(self):
        return Gate(2)
"""


@pytest.mark.parametrize(
    ("made", "more", "severity"),
    [
        ("Gate(4)", {}, "info"),
        ("Gate(units=4, name='gate')", {"serve.py": SERVE}, "info"),
        ("Gate(4, floor=0.0)", {}, "info"),
        ("Gate(4, 0.0)", {}, "info"),
        ("Gate(4, floor=0)", {}, "error"),
        ("Gate(4, floor=keras.config.epsilon())", {}, "error"),
        ("Gate(4, floor=0.0), Gate(4, 0.1)", {}, "error"),
        ("Gate(4, floor=0.5)", {}, "error"),
        ("Gate(4, 0.5)", {}, "error"),
        ("Gate(**settings)", {}, "error"),
        ("Gate(4)", {"other.py": "from layers import Gate\nTABLE = [Gate]\n"}, "error"),
        ("Gate(4)", {"other.py": "from layers import Gate\n\n\nclass Wide(Gate):\n    pass\n"}, "error"),
        ("Gate(4)", {"other.py": "from layers import Gate\nmake = lambda *given: Gate(*given)\n"}, "error"),
        ("Gate(4)", {"other.py": "from layers import Gate\nmodel.add(Gate(build(2)))  # unread\n"}, "info"),
        ("Gate(4)", {"other.py": "from layers import Gate\n\n\ndef never(self):\n    Gate(2, floor=1.0)\n"}, "error"),
        ("Gate(4)", {"other.py": "from layers import Gate\nprint('in Gate now', \"a Gate\")\n"}, "info"),
        ("print(4)", {"more.py": "from layers import Gate\nfor made in [build]:\n    made(lambda: Gate(2))\n"}, "info"),
        (
            "print(4)",
            {"test_gate.py": "from layers import Gate\n\n\ndef test():\n    show(lambda: Gate(2))\n"},
            "error",
        ),
        ("Gate(4)", {"other.py": IDLE_HEIR.format(does="pass")}, "info"),
        ("Gate(4)", {"other.py": IDLE_HEIR.format(does="super().__init__(2, 0.5)")}, "error"),
        ("keras.layers.Dense(4)", {}, "error"),  # nothing here makes one
        ("Gate(4)", {"setup.py": "from setuptools import setup\nsetup(name='gate')\n"}, "error"),
        ("Gate(4)", {"pyproject.toml": "[build-system]\nrequires = ['hatchling']\n"}, "error"),
    ],
)
def test_an_argument_that_nothing_gives(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    made: str,
    more: dict[str, str],
    severity: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in {"layers.py": LAYERS, "train.py": TRAIN.format(made=made), **more}.items():
        Path(name).write_text(text)
    main(["check", "--no-cache", "--exit-zero", "--format", "json", "--select", "KC301", "."])
    findings = json.loads(capsys.readouterr().out)
    assert [(item["path"], item["line"], item["severity"]) for item in findings] == [("layers.py", 5, severity)]


def test_what_its_own_from_config_makes_is_made_of_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    own = "\n    @classmethod\n    def from_config(cls, config):\n        return cls(**config)\n"
    Path("layers.py").write_text(LAYERS + own)
    Path("train.py").write_text(TRAIN.format(made="Gate(4)"))
    main(["check", "--no-cache", "--exit-zero", "--format", "json", "--select", "KC301", "."])
    assert [item["severity"] for item in json.loads(capsys.readouterr().out)] == ["info"]
