"""Metrics that a program hands to a function of another file, which compiles its model (KC509)."""

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
