"""Metrics that a program hands to a function of another file, which compiles its model (KC503, KC509)."""

from pathlib import Path

import pytest

from kerascheck.cli import main
from kerascheck.engine import Options, check
from kerascheck.files import ProjectReader
from kerascheck.semantic.project import Project
from kerascheck.semantic.target import default_target
from kerascheck.text import SourceText

HELPER = """import keras
from keras import layers


def compiled(model, metrics=None):
{body}
    return model


def tagger(count):
    inputs = keras.Input((8,))
    return keras.Model(inputs, layers.Dense(count, activation="sigmoid")(inputs))
"""
TRAIN = """from helper import compiled, tagger

TAGS = ["sea", "wood", "town"]
model = compiled(tagger(len(TAGS)), metrics={metrics})
"""


@pytest.mark.parametrize("metrics", ['["accuracy"]', "None", '["binary_accuracy"]'])
@pytest.mark.parametrize(
    "body",
    [
        '    model.compile("adam", "binary_crossentropy", metrics=metrics)',
        '    model.compile("adam", "binary_crossentropy", metrics=metrics or [])',
        '    model.compile("adam", "binary_crossentropy", metrics=list(metrics or []))',
        '    model.compile("adam", "binary_crossentropy", metrics=metrics if metrics else [])',
        '    model.compile("adam", "binary_crossentropy", metrics=[] if metrics is None else metrics)',
        '    if metrics is None:\n        metrics = ["mae"]\n'
        '    model.compile("adam", "binary_crossentropy", metrics=metrics)',
    ],
)
def test_metrics_that_are_handed_on(tmp_path: Path, body: str, metrics: str) -> None:
    (tmp_path / "helper.py").write_text(HELPER.format(body=body))
    options = Options(frozenset({"KC509"}), default_target())
    train = TRAIN.format(metrics=metrics)
    project = Project(ProjectReader(), options.target)
    found = check(SourceText(train), str(tmp_path / "train.py"), options, project).findings
    assert [item.start.line for item in found] == ([4] if "accuracy" in metrics and "binary" not in metrics else [])


def test_a_file_that_trains_what_others_make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no Keras in it, and imports nothing with Keras."""
    monkeypatch.chdir(tmp_path)
    Path("nets.py").write_text(HELPER.format(body="    model.compile()"))
    Path("running.py").write_text(
        "def run(model, x, y):\n    model.compile('adam', 'binary_crossentropy', metrics=['acc'])\n"
        "    model.fit(x, y)\n"
    )
    Path("main.py").write_text("from nets import tagger\nfrom running import run\n\nrun(tagger(4), x, y)\n")
    assert main(["check", "--no-cache", "--select", "KC509", "."]) == 1
    Path("main.py").write_text("from nets import tagger\nfrom running import run\n\nrun(tagger(1), x, y)\n")
    assert main(["check", "--no-cache", "--select", "KC509", "."]) == 0


PRICES = """import keras
from keras import layers


def compiled(model, metrics=("mae",)):
    model.compile("adam", "{loss}", metrics=list(metrics))
    return model


def judge_or_price(units):
    inputs = keras.Input((8,))
    return keras.Model(inputs, layers.Dense(units)(inputs))
"""
FIT = """import numpy as np
from prices import compiled, judge_or_price

model = judge_or_price({units})
compiled(model, metrics=("mae", "accuracy"))
{fit}
"""


@pytest.mark.parametrize(
    ("loss", "units", "fit", "found"),
    [
        ("mse", 1, "model.fit(x, y)", [5]),
        ("huber", 1, "model.fit(x, np.log1p(prices), epochs=2)", [5]),
        # a discriminator; classes; unknown
        ("mse", 1, "model.fit(x, np.ones((4, 1)))", []),
        ("mse", 1, "model.train_on_batch(x, real)", []),
        ("binary_crossentropy", 1, "model.fit(x, y)", []),
        ("mse", 4, "model.fit(x, y)", []),
        ("mse", "units", "model.fit(x, y)", []),
    ],
)
def test_an_accuracy_for_quantities_that_is_handed_on(
    tmp_path: Path, loss: str, units: object, fit: str, found: list[int]
) -> None:
    (tmp_path / "prices.py").write_text(PRICES.format(loss=loss))
    options = Options(frozenset({"KC503"}), default_target())
    train = SourceText(FIT.format(units=units, fit=fit))
    findings = check(train, str(tmp_path / "train.py"), options, Project(ProjectReader(), options.target)).findings
    assert [item.start.line for item in findings] == found


def test_an_accuracy_beside_the_model_that_another_file_gives(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("from models import judge_or_price, run\nrun(judge_or_price(1), x, y)\n")
    text = PRICES.format(loss="mse") + (
        "\n\ndef run(model, x, y):\n    model.compile('adam', 'mse', metrics=['accuracy'])\n    model.fit(x, y)\n"
    )
    (tmp_path / "models.py").write_text(text)
    options = Options(frozenset({"KC503"}), default_target())
    project = Project(ProjectReader(), options.target)
    findings = check(SourceText(text), str(tmp_path / "models.py"), options, project).findings
    assert [item.start.line for item in findings] == [16]
