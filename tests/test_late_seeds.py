"""A seed in another file that comes too late: where it is reported (KC403)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kerascheck.cli import main
from kerascheck.engine import Options, check
from kerascheck.files import ProjectReader
from kerascheck.finding import Severity
from kerascheck.semantic.project import Project
from kerascheck.semantic.target import default_target, parse_target
from kerascheck.text import SourceText

HELPER = """import keras


def seed_everything(seed=1):
    keras.utils.set_random_seed(seed)


def build():
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
"""
RUN = """import numpy as np
from helper import build, seed_everything

{first}
{second}
net.compile("adam", "mean_squared_error")
net.fit(np.load("x.npy"), np.load("y.npy"))
"""
SEED, BUILD = "seed_everything(5)", "net = build()"


@pytest.mark.parametrize(
    ("late", "early", "found"),
    [(BUILD, SEED, [("late.py", 5)]), (SEED, BUILD, [])],
)
def test_the_call_of_a_helper_that_seeds(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    late: str,
    early: str,
    found: object,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("helper.py").write_text(HELPER)
    Path("late.py").write_text(RUN.format(first=late, second=early))
    Path("early.py").write_text(RUN.format(first=SEED, second=BUILD))
    main(["check", "--no-cache", "--exit-zero", "--format", "json", "--select", "KC403", "."])
    findings = json.loads(capsys.readouterr().out)
    assert [(item["path"], item["line"]) for item in findings] == found
    main(["check", "--no-cache", "--exit-zero", "--select", "KC403", "."])
    assert ("see helper.py:5:5: the seed is set here" in capsys.readouterr().out) is bool(findings)


def test_three_generators_in_each_pass_of_a_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    three = "    random.seed(seed)\n    np.random.seed(seed)\n    tf.random.set_seed(seed)"
    helper = "import random\nimport numpy as np\nimport tensorflow as tf\n" + HELPER
    Path("helper.py").write_text(helper.replace("    keras.utils.set_random_seed(seed)", three))
    loop = RUN.replace(
        "{first}\n{second}\nnet.compile", "for fold in range(3):\n    {first}\n    {second}\n    net.compile"
    )
    loop = loop.replace("\nnet.fit", "\n    net.fit")
    Path("early.py").write_text(loop.format(first=SEED, second=BUILD))
    Path("late.py").write_text(loop.format(first=BUILD, second=SEED))
    main(["check", "--no-cache", "--exit-zero", "--format", "json", "--select", "KC403", "."])
    assert [(item["path"], item["line"]) for item in json.loads(capsys.readouterr().out)] == [("late.py", 6)]


NET = """import keras
import numpy as np


class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1)

    def build(self, input_shape):
        self.dense.build(input_shape)
        self.built = True

    def call(self, inputs):
        return self.dense(inputs)


{first}
{second}
{third}
net.compile("adam", "mean_squared_error")
net.fit(np.ones((4, 3)), np.ones((4, 1)))
"""


@pytest.mark.parametrize(
    ("made", "keras", "found"),
    [
        ("net.build((None, 3))", "3.15.1", 1),
        ("net.build((None, 3))", "2.15.0", 1),
        ("net(np.ones((1, 3)))", "2.15.0", 1),
        ("print(net.dense)", "3.6.0", 1),  # its layers have taken the seeds of their initialisers
        ("print(net.dense)", "2.15.0", 0),
    ],
)
def test_a_seed_behind_a_subclassed_model(made: str, keras: str, found: int) -> None:
    seed = "keras.utils.set_random_seed(1)"
    options = Options(frozenset({"KC403"}), parse_target(keras))
    late = NET.format(first="net = Net()", second=made, third=seed)
    assert len(check(SourceText(late), "late.py", options).findings) == found
    early = NET.format(first=seed, second="net = Net()", third=made)
    assert not check(SourceText(early), "early.py", options).findings


def test_a_generator_of_another_file_that_seeds_for_its_own_numbers(tmp_path: Path) -> None:
    (tmp_path / "numbers_of.py").write_text("""
import numpy as np


def twister(seed, count):
    np.random.seed(seed)
    return [np.random.RandomState().randint(seed) for _ in range(count)]
""")
    (tmp_path / "main.py").write_text("""
import sys
import time

import keras
import numpy as np
import numbers_of

model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), keras.layers.Dense(1)])
model.compile("adam", "mse")
print(len(str(time.time())), abs(int(time.time())), len(model.layers))
rows = np.array(numbers_of.twister(int(sys.argv[1]), 4))
model.fit(np.ones((4, 3)), rows)
""")
    text = (tmp_path / "numbers_of.py").read_text()
    options = Options(frozenset({"KC403"}), default_target())
    project = Project(ProjectReader(), options.target)
    found = check(SourceText(text), str(tmp_path / "numbers_of.py"), options, project).findings
    assert [item.severity for item in found] == [Severity.INFO]


DATA = "np.random.seed(3)\nx = np.random.randn(64, 4)\nx[:, 1] += np.random.rand(64)\ny = x[:, 0] > 0"
MODEL = "net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])\nnet.compile('adam', 'mse')\nnet.fit(x, y)"
AFTER = "print(net.predict(x[np.random.choice(64, 5)]))"


@pytest.mark.parametrize(
    ("cells", "severity"),
    [
        (["import keras\nimport numpy as np", DATA, MODEL, AFTER], "info"),
        (["import keras\nimport numpy as np", DATA, "rows = x * 2", MODEL], "info"),
        # nothing is drawn, or a model is made in the cell, or numbers are drawn in another one
        (["import keras\nimport numpy as np", "np.random.seed(3)", "x = np.load('x.npy')\ny = x", MODEL], "warning"),
        (["import keras\nimport numpy as np", f"{DATA}\n{MODEL}"], "warning"),
        (["import keras\nimport numpy as np", DATA, "x += np.random.randn(64, 4)", MODEL], "warning"),
        (
            [
                "import keras\nimport numpy as np\nfrom sklearn.model_selection import train_test_split",
                DATA,
                "x, _, y, _ = train_test_split(x, y)",
                MODEL,
            ],
            "warning",
        ),
        (
            ["import keras\nimport numpy as np\nimport tensorflow as tf", f"{DATA}\ntf.random.set_seed(3)", MODEL],
            "warning",
        ),
    ],
)
def test_a_seed_for_the_numbers_of_its_cell(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    cells: list[str],
    severity: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    made = [{"cell_type": "code", "metadata": {}, "source": text, "outputs": []} for text in cells]
    Path("demo.ipynb").write_text(json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    main(["check", "--no-cache", "--exit-zero", "--format", "json", "--select", "KC403", "."])
    assert [item["severity"] for item in json.loads(capsys.readouterr().out)] == [severity]
