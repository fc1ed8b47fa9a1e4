"""`kerascheck --confirm` as it is called: options, settings, named models, verdicts in reports, proved fixes."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from test_confirm_slice import start

from kerascheck import engine
from kerascheck.confirm.confirm import prove
from kerascheck.confirm.named import Named, unsaved
from kerascheck.confirm.sandbox import Sandbox
from kerascheck.confirm_command import _own_backend
from kerascheck.edits import Edit
from kerascheck.finding import Finding, Status, Verdict
from kerascheck.semantic.module import Module
from kerascheck.semantic.target import default_target
from kerascheck.text import SourceText

ROOT = Path(__file__).resolve().parent.parent

needs_keras = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("keras", "tensorflow")) or sys.platform == "win32",
    reason="not run: needs keras and tensorflow",
)


def kerascheck(folder: Path, *arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kerascheck", *arguments],
        cwd=folder, input=text, capture_output=True, text=True, check=False,
    )  # fmt: skip


def verdicts(result: subprocess.CompletedProcess[str]) -> dict[str, tuple[str, str]]:
    """Status and evidence by code."""
    return {
        item["code"]: (item["verdict"]["status"], item["verdict"]["evidence"])
        for item in json.loads(result.stdout)
        if item["verdict"]
    }


# --- options and settings


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--python", "python"], "--python needs --confirm"),
        (["--model", "a:b"], "--model needs --confirm"),
        (["--confirm-timeout", "3"], "--confirm-timeout needs --confirm"),
        (["--confirm", "--confirm-timeout", "0"], "--confirm-timeout and --confirm-memory take numbers above 0"),
        (["--confirm", "--confirm-memory", "-1"], "--confirm-timeout and --confirm-memory take numbers above 0"),
        (["--confirm", "--model", "a.py"], "--model: `a.py` is not MODULE:CALLABLE, such as pkg.models:build"),
        (["--show-slice", "--fix"], "--show-slice runs and changes nothing: give it without --fix and --diff"),
    ],
)
def test_options_that_cannot_be_used(arguments: list[str], message: str, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import keras\n")
    result = kerascheck(tmp_path, "--isolated", *arguments, "a.py")
    assert (result.returncode, result.stderr) == (2, f"kerascheck: {message}\n")


def test_an_unknown_setting(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import keras\n")
    (tmp_path / "pyproject.toml").write_text("[tool.kerascheck.confirm]\nmodel = []\n")
    result = kerascheck(tmp_path, "a.py")
    assert result.returncode == 2
    wanted = "kerascheck: pyproject.toml: unknown key `tool.kerascheck.confirm.model`; did you mean `models`?\n"
    assert result.stderr == wanted


def test_help_says_that_code_is_run(tmp_path: Path) -> None:
    assert "--confirm RUNS CODE of the project" in kerascheck(tmp_path, "--help").stdout


@pytest.mark.parametrize(
    ("text", "backend"),
    [
        ("import os\nos.environ['KERAS_BACKEND'] = 'jax'\nimport keras\n", "jax"),
        ('os.environ.setdefault("KERAS_BACKEND", "torch")', "torch"),
        ("%env KERAS_BACKEND=jax", "jax"),
        ("%set_env KERAS_BACKEND torch", "torch"),
        ('{"source": ["%%backend jax\\n", "import keras"]}', "jax"),
        ('{"source": ["os.environ[\\"KERAS_BACKEND\\"] = \\"torch\\"\\n"]}', "torch"),
        ("import keras\nprint(keras.backend.backend())\n", None),
        ("if os.environ['KERAS_BACKEND'] == other:\n    pass\n", None),
    ],
)
def test_the_backend_that_a_file_asks_for(text: str, backend: str | None) -> None:
    assert _own_backend(text.encode()) == backend


ANY_KERAS = """
import os

__version__ = "3.99.0"


class backend:
    backend = staticmethod(lambda: os.environ["KERAS_BACKEND"])
"""
CELLS = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
CODE = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}


@pytest.mark.skipif(sys.platform == "win32", reason="not run: confirm mode needs POSIX")
@pytest.mark.parametrize(
    ("place", "backend"),
    [
        ("nowhere", "tensorflow"),
        ("variable", "torch"),
        ("setting", "jax"),
        ("confirm setting", "jax"),
        ("code", "jax"),
        ("magic", "jax"),
        ("option", "jax"),
    ],
)
def test_what_decides_the_backend_of_the_child(
    place: str, backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable of the surroundings decides last: all others are more particular."""
    (tmp_path / "any" / "keras").mkdir(parents=True)
    (tmp_path / "any" / "keras" / "__init__.py").write_text(ANY_KERAS)
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join(filter(None, (str(tmp_path / "any"), os.environ.get("PYTHONPATH"))))
    )
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    if place != "nowhere":
        monkeypatch.setenv("KERAS_BACKEND", "torch")
    lines = {
        "setting": '[tool.kerascheck]\nbackend = "jax"\n',
        "confirm setting": '[tool.kerascheck.confirm]\nbackend = "jax"\n',
    }
    (tmp_path / "pyproject.toml").write_text(lines.get(place, "[tool.kerascheck]\n"))
    text = "import os\nos.environ['KERAS_BACKEND'] = 'jax'\n" * (place == "code") + SEED
    name, cells = "train.py", [text]
    if place == "magic":
        name, cells = "train.ipynb", ["%%backend jax\nimport keras\n", text]
        text = json.dumps({**CELLS, "cells": [{**CODE, "id": str(n), "source": cell} for n, cell in enumerate(cells)]})
    (tmp_path / name).write_text(text)
    extra = ("--backend", "jax") if place == "option" else ()
    result = kerascheck(tmp_path, "--confirm", *extra, "--select", "KC404", "--format", "json", "--exit-zero", name)
    assert [item["verdict"]["backend"] for item in json.loads(result.stdout)] == [backend], result.stderr


# --- slices

SEED = "import tensorflow as tf\n\ntf.set_random_seed(1)\n"


def test_show_slice_runs_nothing(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(SEED)
    result = kerascheck(tmp_path, "--isolated", "--show-slice", "--python", "/no/such/python", "train.py")
    assert (result.returncode, result.stderr) == (0, "")
    assert "# train.py:3:1: KC404: slice\n# experiment: statement\nimport tensorflow\n" in result.stdout
    assert "tensorflow.set_random_seed(1)\n" in result.stdout


def test_show_slice_says_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(MODELS + SERVE)
    shown = kerascheck(tmp_path, "--isolated", "--show-slice", "--select", "KC102", "train.py").stdout
    assert "KC102: no slice: " in shown
    assert "cannot be told from the source" in shown


# --- named models

MODELS = """
import json

import keras


class Net(keras.Model):
    def __init__(self, settings):
        super().__init__()
        self.dense = keras.layers.Dense(settings["units"])

    def call(self, inputs):
        return self.dense(inputs)


class Built(Net):
    def build(self, shape):
        self.dense.build(shape)
        self.built = True


"""
# what a module of a real project does when it is imported
TRAINS = """
SETTINGS = json.load(open("settings.json"))


def build_model():
    return Net(SETTINGS), "adam"


def other():
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])


def broken():
    raise KeyError("units")


model = build_model()[0]
model.compile("adam", "mse")
model.fit(None, epochs=10**9)
model.load_weights("no such file")
"""
SERVE = """
model = Net(json.loads(input()))
model.build((None, 3))
model.load_weights("net.weights.h5")
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("")
    (tmp_path / "package" / "models.py").write_text(MODELS + TRAINS)
    (tmp_path / "settings.json").write_text('{"units": 4}')
    (tmp_path / "serve.py").write_text("import json\n\nfrom package.models import Net\n" + SERVE)
    return tmp_path


@needs_keras
def test_a_named_model_is_taken_where_no_slice_can_be_made(project: Path) -> None:
    before = sorted(path.name for path in project.rglob("*"))
    arguments = ["--confirm", "--isolated", "--format", "json", "--select", "KC102", "serve.py"]
    without = verdicts(kerascheck(project, *arguments))
    assert without["KC102"][1].endswith("; with arguments of ours")  # no settings are read
    named = [part for name in ("broken", "other", "build_model") for part in ("--model", f"package.models:{name}")]
    status, evidence = verdicts(kerascheck(project, *arguments, *named))["KC102"]
    assert status == "confirmed"
    assert "0 of 2 weights equal after the load" in evidence
    assert evidence.endswith("; the model is made by package.models:build_model")
    status, evidence = verdicts(kerascheck(project, *arguments, *named[2:4]))["KC102"]
    assert status == "could-not-run"
    assert "package.models:other makes a Sequential, not a Net" in evidence
    assert sorted(path.name for path in project.rglob("*")) == before


@needs_keras
def test_named_models_limits_and_backend_come_from_the_settings(project: Path) -> None:
    (project / "pyproject.toml").write_text(
        '[tool.kerascheck.confirm]\nmodels = ["package.models:build_model"]\nmemory = 3000\n'
        f'python = "{os.path.relpath(sys.executable, project)}"\n'
    )
    (project / "inner").mkdir()
    result = kerascheck(project / "inner", "--confirm", "--format", "json", "--select", "KC102", "../serve.py")
    assert verdicts(result)["KC102"][0] == "confirmed", result.stderr


# a class and its fault in one file; what `open` gives is not in the source
OWN = """
import json

import keras


class Net(keras.Model):
    def __init__(self, settings):
        super().__init__()
        self.dense = keras.layers.Dense(settings["units"])

    def call(self, inputs):
        return self.dense(inputs)


def build_model():
    return Net(json.load(open("settings.json")))


def serve(settings):
    model = Net(settings)
    model.build((None, 3))
    model.load_weights("net.weights.h5")
    return model
"""


@needs_keras
def test_a_fix_is_proved_with_a_named_model_of_the_repaired_project(project: Path) -> None:
    (project / "own.py").write_text(OWN)
    arguments = [
        "--confirm",
        "--isolated",
        "--unsafe-fixes",
        "--select",
        "KC102",
        "--model",
        "own:build_model",
        "own.py",
    ]
    shown = kerascheck(project, "--fix", *arguments).stdout
    assert "fixed 1 finding in 1 file (1 proved, 0 left because not proved)" in shown, shown
    assert "def build(self, input_shape):" in (project / "own.py").read_text()


@needs_keras
def test_a_text_that_was_not_repaired_proves_nothing(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "own.py").write_text(OWN)
    monkeypatch.chdir(project)
    named = Named("own:build_model", (str(project),))
    changed = OWN.replace("self.dense(inputs)", "self.dense(inputs) * 1.0")
    modules = [start({"own.py": text}, "own.py") for text in (OWN, changed)]
    options = engine.Options(frozenset({"KC102"}), default_target())
    (finding,) = engine.check(SourceText(OWN), "own.py", options).findings
    with Sandbox() as sandbox:
        place = changed.index("model.build(")
        reason = prove(finding, *modules, place, (), sandbox, [named])
    assert "0 of 2 weights equal after the load" in reason
    assert unsaved(modules[0]) == {}
    assert unsaved(modules[1]) == {str(project / "own.py"): changed}


# --- guarded imports

GUARDED = """
import json

import keras
import no_such_library

SETTINGS = json.load(open("settings.json"))


class Net(keras.Model):
    def __init__(self, settings):
        super().__init__()
        self.dense = keras.layers.Dense(settings["units"])

    def call(self, inputs):
        return self.dense(inputs)


class Other(Net):
    pass


model = Net(SETTINGS)
model.load_weights("net.weights.h5")
model(keras.ops.ones((1, 3)))
no_such_library.plot(model)


def build(num_classes):
    other = Other({**SETTINGS, "units": num_classes})
    other.load_weights("other.weights.h5")
    raise RuntimeError("not so far")


if __name__ == "__main__":
    raise SystemExit(1)
"""


@needs_keras
def test_where_no_slice_can_be_made_the_file_is_imported_up_to_the_model(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text('{"units": 4}')
    (tmp_path / "serve.py").write_text(GUARDED)
    arguments = ["--confirm", "--isolated", "--format", "json", "--select", "KC101", "serve.py"]
    found = [item["verdict"] for item in json.loads(kerascheck(tmp_path, *arguments).stdout)]
    assert [item["status"] for item in found] == ["confirmed", "confirmed"], found
    assert all(item["evidence"].endswith("; by a guarded import") for item in found)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["serve.py", "settings.json"]


@needs_keras
def test_a_class_is_made_with_arguments_of_ours_where_nothing_else_is_left(tmp_path: Path) -> None:
    (tmp_path / "serve.py").write_text(GUARDED)
    arguments = ["--confirm", "--isolated", "--format", "json", "--select", "KC101", "serve.py"]
    found = [item["verdict"] for item in json.loads(kerascheck(tmp_path, *arguments).stdout)]
    assert [item["status"] for item in found] == ["confirmed", "confirmed"], found
    assert all(item["evidence"].endswith("; with arguments of ours") for item in found)


@needs_keras
def test_a_guarded_import_that_fails_is_told(tmp_path: Path) -> None:
    (tmp_path / "serve.py").write_text(GUARDED.replace('settings["units"]', "settings.pop()"))
    arguments = ["--confirm", "--isolated", "--format", "json", "--select", "KC101", "serve.py"]
    for item in json.loads(kerascheck(tmp_path, *arguments).stdout):
        assert item["verdict"]["status"] == "not-reached"
        assert "; a guarded import: FileNotFoundError: " in item["verdict"]["evidence"]


LAYER = """
import keras

RATES = [float(text) for text in open("rates.txt")]


class Scale(keras.layers.Layer):
    def __init__(self, factor=2.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor
        self.rate = RATES[0]

    def call(self, x):
        return x * self.factor * self.rate

    def get_config(self):
        return super().get_config()


model = keras.Sequential([keras.Input((4,)), Scale(3.0)])
model.save("scale.keras")
"""


@needs_keras
def test_a_fix_is_proved_by_a_guarded_import(tmp_path: Path) -> None:
    (tmp_path / "rates.txt").write_text("0.5")
    (tmp_path / "layer.py").write_text(LAYER)
    arguments = ["--confirm", "--isolated", "--select", "KC301", "layer.py"]
    assert "-> 2.0; by a guarded import" in kerascheck(tmp_path, *arguments).stdout
    shown = kerascheck(tmp_path, "--fix", *arguments).stdout
    assert "fixed 1 finding in 1 file (1 proved, 0 left because not proved)" in shown, shown


# --- reports

TWO = """
import keras
import tensorflow as tf

tf.set_random_seed(1)
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, activation="sigmoid")])
model.compile(loss="binary_crossentropy", metrics=["accuracy"])
"""


@needs_keras
def test_verdicts_in_every_format(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(TWO)
    arguments = ["--confirm", "--isolated", "a.py", "--fail-on", "info", "--select", "KC404,KC501", "--format"]
    shown = kerascheck(tmp_path, *arguments, "concise")
    assert shown.returncode == 1
    assert "a.py:5:1: error KC404 " in shown.stdout
    assert "[--fix] [confirmed]\n" in shown.stdout
    assert "info KC501" in shown.stdout
    assert "[refuted]\n" in shown.stdout
    assert "found 1 error, 1 refuted in 1 file; fixable: 1 with --fix (" in shown.stdout
    assert "verdicts: 1 confirmed, 1 refuted (keras " in shown.stdout
    only = kerascheck(tmp_path, *arguments[:5], "--select", "KC501", "--format", "full")
    assert only.returncode == 0  # a refuted finding does not fail the run
    assert "[refuted]" in only.stdout
    found = json.loads(kerascheck(tmp_path, *arguments, "json").stdout)
    assert [list(item["verdict"]) for item in found] == [["status", "evidence", "keras", "backend", "seconds"]] * 2
    assert {item["verdict"]["status"] for item in found} == {"confirmed", "refuted"}
    assert "no attribute 'set_random_seed'" in found[0]["verdict"]["evidence"]


@needs_keras
def test_standard_input_is_confirmed(tmp_path: Path) -> None:
    result = kerascheck(tmp_path, "--confirm", "--isolated", "--format", "concise", "-", text=SEED)
    assert "[confirmed]" in result.stdout


# --- fixes that are proved


class Judge:
    """Confirms every finding, and lets the fixes of some codes pass."""

    def __init__(self, *passing: str) -> None:
        self.passing = passing
        self.places: list[tuple[str, str]] = []

    def __call__(self, findings: Sequence[Finding], module: Module) -> list[Finding]:
        verdict = Verdict(Status.CONFIRMED, "seen", "3.15.1", "tensorflow", 0.1)
        return [replace(finding, verdict=verdict) for finding in findings]

    def prove(self, finding: Finding, before: Module, after: Module, place: int, edits: Sequence[Edit]) -> str:
        self.places.append((finding.code, after.source.text[place:].partition("\n")[0]))
        return "" if finding.code in self.passing else "the loss is still there"


def judged(text: str, judge: Judge, *codes: str) -> engine.Fixed:
    options = engine.Options(frozenset({*codes, "KC000", "KC002"}), default_target(), confirm=judge)
    return engine.fix(SourceText(text), "train.py", options, unsafe=True)


def test_a_fix_is_kept_only_when_the_experiment_passes_after_it() -> None:
    fixed = judged(TWO, Judge("KC501"), "KC404", "KC501")
    assert "tf.set_random_seed(1)" in fixed.source.text
    assert "BinaryAccuracy" in fixed.source.text
    assert [finding.code for finding in fixed.applied] == ["KC501"]
    (left,) = fixed.left.findings
    assert left.verdict is not None
    assert left.verdict.evidence == "seen; not fixed: the loss is still there"


def test_a_place_is_found_again_after_the_fixes() -> None:
    judge = Judge("KC404", "KC501")
    assert judged(TWO, judge, "KC404", "KC501").left.findings == ()
    assert judge.places[0] == ("KC404", "tf.random.set_seed(1)")
    assert judge.places[1][1].startswith("keras.metrics.BinaryAccuracy(")


@needs_keras
def test_the_fixes_of_the_sample_are_proved(tmp_path: Path) -> None:
    folder = tmp_path / "quickstart"
    shutil.copytree(ROOT / "fixtures" / "projects" / "quickstart", folder)
    result = kerascheck(folder, "--fix", "--unsafe-fixes", "--confirm", "--format", "concise", ".")
    assert "fixed 8 findings in 3 files (8 proved, 0 left because not proved)" in result.stdout, result.stdout
    again = kerascheck(folder, "--format", "concise", ".")
    assert "fixable" not in again.stdout


FILES = """
import keras


class Net(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.one = keras.layers.Dense(3)
        self.two = keras.layers.Dense(3)

    def call(self, inputs):
        return self.two(self.one(inputs))
"""


@needs_keras
def test_files_cross_a_safe_fix_or_it_is_none() -> None:
    one = {"source": FILES, "make": "Net()", "shapes": [[[3], "float32"]]}
    changed = {**one, "source": FILES.replace("self.two(self.one(inputs))", "self.one(self.two(inputs))")}
    same = {**one, "source": FILES.replace("(self, inputs)", "(self, inputs, training=None)")}
    with Sandbox() as sandbox:
        assert sandbox.run("crossing", {"one": one, "other": same}).facts["lost"] == []
        lost = sandbox.run("crossing", {"one": one, "other": changed}).facts["lost"]
    assert any(text.startswith("a weights.h5 file of the program as it was in the repaired program: ") for text in lost)
    assert any(" of the repaired program in the program as it was: " in text for text in lost)


REGISTERED = """
import keras


@keras.utils.register_keras_serializable("own")
class Shift(keras.layers.Layer):
    def call(self, inputs):
        return inputs + 1
"""


@needs_keras
@pytest.mark.parametrize("handed_over", [True, False])
def test_a_file_with_a_new_registered_name_is_lost_to_those_who_read_such_files_before(handed_over: bool) -> None:
    make = "keras.Sequential([keras.Input((3,)), Shift(), keras.layers.Dense(1)])"
    other = {"source": REGISTERED, "make": make, "without": [] if handed_over else ["Shift"]}
    one = {**other, "source": REGISTERED.replace('@keras.utils.register_keras_serializable("own")', "")}
    with Sandbox() as sandbox:
        lost = sandbox.run("crossing", {"one": one, "other": other}).facts["lost"]
    if handed_over:
        assert [text.partition(": ")[0] for text in lost] == [
            "a keras file of the repaired program in the program as it was"
        ]
    else:
        assert lost == []
