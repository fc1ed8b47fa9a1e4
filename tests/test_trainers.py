"""A base class in one file that compiles with what its heirs in others say (KC502, KC509)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from kerascheck.cli import main

Find = Callable[..., list[str]]
BASE = """import keras


class Trainer:
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    activation = None
    units = 1

    def model(self):
        x = keras.Input((4,))
        return keras.Model(x, keras.layers.Dense(self.units, activation=self.activation)(x))

    def metrics(self):
        return [keras.metrics.BinaryAccuracy(threshold=0.0)]

    def run(self, x, y):
        model = self.model()
        model.compile("adam", loss=self.loss, metrics=self.metrics())
        model.fit(x, y)
"""
PROBABLE = BASE.replace("keras.losses.BinaryCrossentropy(from_logits=True)", '"binary_crossentropy"').replace(
    "activation = None", 'activation = "sigmoid"'
)
STRINGS = PROBABLE.replace("keras.metrics.BinaryAccuracy(threshold=0.0)", '"accuracy"')
HEIRS = "import keras\nfrom base import Trainer\n{before}\n\nclass Heir(Trainer):\n{body}\n\nALL = {{'a': Heir}}\n"
OWN = "    def metrics(self):\n        return {value}\n"
TOLD = '    loss = "binary_crossentropy"\n    activation = "sigmoid"\n' + OWN
LOOP = "import numpy as np\nfrom heirs import ALL\nfor name, cls in ALL.items():\n    cls().run(np.ones(9), 0)\n"
ONE = "import sys\nimport numpy as np\nfrom heirs import ALL\nALL[sys.argv[1]]().run(np.ones(9), 0)\n"
NAMED = "import sys\nimport heirs\ngetattr(heirs, sys.argv[1])().run(0, 0)\n"
LOGITS = "    activation = None\n    loss = keras.losses.BinaryCrossentropy(from_logits=True)\n"


@pytest.fixture
def find(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Find:
    """Writes a project and gives what is found in it, as "file code"."""
    monkeypatch.chdir(tmp_path)

    def _find(**files: str) -> list[str]:
        Path("requirements.txt").write_text("keras==3.15.1\n")
        for name, text in files.items():
            Path(name + ".py").write_text(text)
        main(["check", "--no-cache", "--exit-zero", "--format", "json", "--select", "KC502,KC509,KC601", "."])
        return [f"{item['path'][:-3]} {item['code']}" for item in json.loads(capsys.readouterr().out)]

    return _find


@pytest.mark.parametrize("program", [LOOP, ONE, NAMED, ""])
@pytest.mark.parametrize(
    ("before", "body", "found"),
    [
        ("", OWN.format(value="['accuracy']"), ["heirs KC502"]),
        ("", OWN.format(value="super().metrics() + ['acc']"), ["heirs KC502"]),
        ("WANTED = ['accuracy']\n", OWN.format(value="WANTED"), ["heirs KC502"]),
        ("from names import WANTED\n", OWN.format(value="WANTED"), ["base KC502"]),
        ("", TOLD.format(value="['accuracy']"), []),
        ("", "    units = 3\n" + TOLD.format(value="['accuracy']"), ["heirs KC509"]),
        ("", OWN.format(value="['mse']"), []),
        ("", "    pass\n", []),
    ],
)
def test_metrics_that_an_heir_names(find: Find, program: str, before: str, body: str, found: list[str]) -> None:
    heirs = HEIRS.format(before=before, body=body)
    assert find(base=BASE, heirs=heirs, program=program, names="WANTED = ['accuracy']\n") == found


@pytest.mark.parametrize("program", [LOOP, ""])
@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("    units = 5\n", ["base KC509"]),
        (LOGITS, ["base KC502"]),
        ("    pass\n", []),
        ("    units = 5\n" + OWN.format(value="[keras.metrics.BinaryAccuracy()]"), []),
        (LOGITS + OWN.format(value="[keras.metrics.BinaryAccuracy(threshold=0.0)]"), []),
    ],
)
def test_a_model_of_an_heir_that_the_base_compiles(find: Find, program: str, body: str, found: list[str]) -> None:
    assert find(base=STRINGS, heirs=HEIRS.format(before="", body=body), program=program) == found


def test_a_class_that_only_others_derive_from_is_not_judged(find: Find) -> None:
    between = HEIRS.format(before="", body="    units = 5\n")
    last = "import keras\nfrom heirs import Heir\n\n\nclass Last(Heir):\n"
    assert find(base=STRINGS, heirs=between, last=last + OWN.format(value="[keras.metrics.BinaryAccuracy()]")) == []
    assert find(base=STRINGS, heirs=between, last=last + "    pass\n") == ["base KC509"]


SPECS = "import base\nSPECS = [(base.logit, base.LOSS, {metric})]\n"
FUNCTION = """import keras

LOSS = keras.losses.BinaryCrossentropy(from_logits=True)


def train(model, loss, metrics):
    model.compile("adam", loss=loss, metrics=metrics)


def logit():
    x = keras.Input((4,))
    return keras.Model(x, keras.layers.Dense(1)(x))
"""
PROGRAM = (
    "import base\nfrom specs import SPECS\nfor build, loss, metrics in SPECS:\n    base.train(build(), loss, metrics)\n"
)


@pytest.mark.parametrize(
    ("metric", "found"), [("['accuracy']", ["specs KC502"]), ("[base.keras.metrics.BinaryAccuracy(threshold=0.0)]", [])]
)
def test_a_string_in_a_table_is_reported_where_it_is_written(find: Find, metric: str, found: list[str]) -> None:
    assert find(base=FUNCTION, specs=SPECS.format(metric=metric), program=PROGRAM) == found


NET = """import keras


class Net(keras.Model):
    def __init__(self, second):
        super().__init__()
        self.first = keras.layers.Dropout(0.5)
        self.second = second

    def call(self, x):
        return self.second(self.first(x))


for model in (Net(keras.layers.Dense(1)), Net(keras.layers.BatchNormalization())):
    model.compile("adam", "mse")
    model.fit(x, y)
"""


def test_several_models_of_one_class_are_one_fault(find: Find) -> None:
    assert find(net=NET) == ["net KC601"]
