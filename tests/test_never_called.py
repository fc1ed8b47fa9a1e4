"""Calls in functions that nothing in a project names: notes (KC201, KC202, KC203)."""

from pathlib import Path

import pytest

from kerascheck.engine import Options, check
from kerascheck.files import ProjectReader
from kerascheck.finding import Severity
from kerascheck.semantic.project import Project
from kerascheck.semantic.target import default_target
from kerascheck.text import SourceText

HELPERS = """
import keras


def make():
    return keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])


def keep():
    model = make()
    model.callbacks = [keras.callbacks.ModelCheckpoint("best.hdf5")]
    model.save_weights("w.h5")
    model.save("whole")


class Trainer(BASE):
    def __init__(self):
        self.model = make()

    def write(self):
        self.model.save_weights("t.h5")
"""
TRAIN = "from helpers import Trainer, keep, make\n\nmodel = make()\nmodel.fit(x, y)\n"


def severities(folder: Path, base: str = "object", **others: str) -> list[Severity]:
    (folder / "helpers.py").write_text(HELPERS.replace("BASE", base))
    (folder / "train.py").write_text(TRAIN)
    for name, text in others.items():
        (folder / f"{name}.py").write_text(text)
    options = Options(frozenset({"KC201", "KC202", "KC203"}), default_target())
    path = folder / "helpers.py"
    found = check(SourceText(path.read_text()), str(path), options, Project(ProjectReader(), options.target)).findings
    return [item.severity for item in found]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


NOTE, ERROR = Severity.INFO, Severity.ERROR


def test_nothing_names_the_functions(folder: Path) -> None:
    assert severities(folder) == [NOTE] * 4
    # another class has a method of that name
    assert severities(folder, other="class Log:\n    def write(self): ...\n\nLog().write()\n") == [NOTE] * 4


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import helpers\n\nhelpers.keep()\n", [ERROR, ERROR, ERROR, NOTE]),
        ("import helpers\n\nhelpers.Trainer().write()\n", [NOTE, NOTE, NOTE, ERROR]),
        ("from helpers import keep as k\n\nk()\n", [ERROR, ERROR, ERROR, NOTE]),
        ("from helpers import *\n\njobs = {'a': keep}\n", [ERROR, ERROR, ERROR, NOTE]),
        ("import helpers, sys\n\ngetattr(helpers, sys.argv[1])()\n", [ERROR] * 4),
        ("import fire, helpers\n\nfire.Fire(helpers)\n", [ERROR] * 4),
        ("from setuptools import setup\n\nsetup(py_modules=['helpers'])\n", [ERROR] * 4),
    ],
)
def test_something_may_call_them(folder: Path, text: str, expected: list[Severity]) -> None:
    assert severities(folder, other=text) == expected


def test_a_method_that_a_base_may_call(folder: Path) -> None:
    assert severities(folder, base="keras.callbacks.Callback")[3] == ERROR


def test_a_file_that_its_package_hands_on(folder: Path) -> None:
    assert severities(folder, __init__="from .helpers import Trainer\n") == [ERROR] * 4


def test_a_function_that_trains_is_run_by_hand(folder: Path) -> None:
    (folder / "train.py").write_text("import helpers\n\nhelpers.show()\nmodel.fit(x, y)\n")
    path = folder / "helpers.py"
    options = Options(frozenset({"KC202"}), default_target())
    text = "import keras\n\n\ndef train():\n    model = keras.Sequential([])\n    FIT\n    model.save('m')\n"
    for fit, expected in (("model.fit(x, y)", ERROR), ("model.summary()", NOTE)):
        path.write_text(text.replace("FIT", fit))
        project = Project(ProjectReader(), options.target)
        found = check(SourceText(path.read_text()), str(path), options, project).findings
        assert [item.severity for item in found] == [expected]


def test_a_file_that_nothing_imports(folder: Path) -> None:
    (folder / "helpers.py").write_text(HELPERS.replace("BASE", "object"))
    path = folder / "helpers.py"
    options = Options(frozenset({"KC201"}), default_target())
    found = check(SourceText(path.read_text()), str(path), options, Project(ProjectReader(), options.target)).findings
    assert {item.severity for item in found} == {ERROR}
