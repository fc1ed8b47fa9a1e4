"""`kerascheck graph`: models, layers, reuse, states and files, as text and as JSON; and where loads get models from."""

import json
from pathlib import Path
from typing import Any

import pytest

from kerascheck.cli import main
from kerascheck.semantic.layer_graph import graph_of, inner_uses
from kerascheck.semantic.module import Module, parse
from kerascheck.semantic.target import parse_target
from kerascheck.text import SourceText

HEAD = """import keras
from keras import Model, layers, ops
from keras.layers import Dense, Input

"""


def module(text: str) -> Module:
    return parse(SourceText(HEAD + text), "x.py", parse_target("keras 3.15.1"))


def last_graph(text: str) -> Any:
    found = module(text)
    graph = graph_of(found.facts, [model for model in found.facts.models if model.form == "functional"][-1])
    assert graph is not None
    return graph


def shown(capsys: pytest.CaptureFixture[str], path: Path, *more: str) -> Any:
    assert main(["graph", str(path), "--isolated", "--format", "json", *more]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    "body",
    [
        "x = Dense(2)(x)",
        "for size in (4, 4):\n    x = Dense(size)(x)",
        "def block(x, n):\n    return Dense(n)(x)\nx = block(block(x, 3), 2)",
        "x = ops.relu(x) * 2 + x\nx = -x[:, :2]",
        "x += layers.Dropout(0.5)(x)",
        "branches = [Dense(n)(x) for n in (2, 3)]\nx = layers.Concatenate()(branches)",
        "heads = {name: Dense(1, name=name) for name in ('a', 'b')}\nx = layers.Add()([heads['a'](x), heads['b'](x)])",
        "stack = []\nfor _ in range(2):\n    stack.append(Dense(4))\nfor layer in stack:\n    x = layer(x)",
        "class Holder:\n    def __init__(self):\n        self.d = Dense(4)\nx = Holder().d(x)",
        "x = layers.Lambda(lambda t: t * 2)(x)",
        "sub = keras.Sequential([Input((4,)), Dense(3)])\nx = sub(x)",
        "sub = Model(a, [Dense(2)(a), Dense(3)(a)])\nx, y = sub(x)",
        "sub = Model(a, [Dense(2)(a), Dense(3)(a)])\nx = sub(x)[1]",
        "x = layers.Embedding(9, 4)(x)\nx, h, c = layers.LSTM(3, return_state=True)(x)",
        "x = layers.Bidirectional(layers.LSTM(3))(layers.Embedding(9, 4)(x))",
    ],
)
def test_a_tensor_is_followed_through(body: str) -> None:
    graph = last_graph(f"a = Input((4,))\ninputs = Input((4,))\nx = inputs\n{body}\nmodel = Model(inputs, x)\n")
    assert graph.complete
    assert len(graph.applications) > 1
    assert any(not item.sources and item.layer is None for item in graph.applications)


@pytest.mark.parametrize(
    "body",
    ["x = unknown(x)", "x = Dense(2)(unknown)", "x = [Dense(2)(x), unknown]", "for _ in unknown:\n    x = Dense(2)(x)"],
)
def test_what_is_not_known_makes_a_graph_incomplete(body: str) -> None:
    found = module(f"inputs = Input((4,))\nx = inputs\n{body}\nmodel = Model(inputs, x)\n")
    graph = graph_of(found.facts, found.facts.models[-1])
    assert graph is None or not graph.complete


def test_several_outputs_of_a_sub_model_are_one_run() -> None:
    graph = last_graph(
        "a = Input((4,))\nsub = Model(a, [Dense(2)(a), Dense(3)(a)])\nx, y = sub(a)\nm = Model(a, [x, y])\n"
    )
    assert [len(items) for items in graph.runs.values()] == [1]
    assert graph.exact


def test_interleaved_and_siamese_runs_are_told_apart() -> None:
    interleaved = last_graph("a = Input((4,))\nt = Dense(4)\nm = Model(a, t(Dense(4)(t(a))))\n")
    siamese = last_graph(
        "a, b = Input((4,)), Input((4,))\nt = Dense(4)\nm = Model([a, b], layers.Add()([t(a), t(b)]))\n"
    )
    row = last_graph("a = Input((4,))\nt = Dense(4)\nm = Model(a, t(t(a)))\n")
    assert [len(list(graph.interleaved())) for graph in (interleaved, siamese, row)] == [1, 0, 0]
    assert [graph.out_of_order() is not None for graph in (interleaved, siamese, row)] == [True, False, False]


def test_the_order_in_the_file_decides_about_a_shared_inner_layer() -> None:
    start = "a = Input((4,))\nz = Dense(2)(a)\nsub = Model(a, z)\n"
    for outputs, first in (("[sub(a), z]", True), ("[z, sub(a)]", False)):
        found = module(f"{start}m = Model(a, {outputs})\n")
        graph = graph_of(found.facts, found.facts.models[-1])
        assert graph is not None
        assert [use.written_first for use in inner_uses(found.facts, graph)] == [first]


def test_a_deep_graph_needs_no_recursion() -> None:
    body = "\n".join("x = Dense(4)(x)" for _ in range(1500))
    graph = last_graph(f"a = Input((4,))\nx = a\n{body}\nm = Model(a, x)\n")
    assert graph.complete
    assert len(graph.applications) == 1501


PROGRAM = """import keras
from keras import layers

shared = layers.Dense(4, activation="relu", name="shared")
inputs = keras.Input((4,))
x = shared(inputs)
x = layers.Dense(4)(x)
model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(shared(x)))
model.compile("adam", "binary_crossentropy")
model.fit([1], [1], callbacks=[keras.callbacks.ModelCheckpoint("best.keras")])
model.save("model.keras")


class Own(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(3)

    def call(self, x):
        return self.dense(x)


own = Own()
own.load_weights("own.weights.h5")
loaded = keras.models.load_model("model.keras")
"""


def test_json_of_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "train.py"
    path.write_text(PROGRAM)
    functional, own, loaded = shown(capsys, path)["models"]
    assert (functional["kind"], functional["class"], functional["variable"]) == ("functional", "Model", "model")
    assert functional["place"] == {"path": str(path), "line": 8, "cell": None}
    assert (functional["input"], functional["output"]) == ([4], {"units": 1, "activation": "sigmoid"})
    assert [layer["class"] for layer in functional["layers"]] == ["Input", "Dense", "Dense", "Dense", "Dense"]
    assert [(layer["runs"], layer["interleaved"]) for layer in functional["layers"] if layer["name"]] == [(2, True)] * 2
    events = {event["event"]: event for event in functional["events"]}
    assert events["save"]["before"] == ["built, compiled, trained"]
    assert (events["save"]["path"], events["checkpoint"]["path"]) == ("model.keras", "best.keras")
    assert (own["kind"], own["class"], own["events"][0]["before"]) == ("subclass", "Own", ["new"])
    assert (loaded["kind"], loaded["events"][0]["path"]) == ("loaded", "model.keras")


def test_text_of_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "train.py"
    path.write_text(PROGRAM)
    assert main(["graph", str(path), "--isolated"]) == 0
    text = capsys.readouterr().out
    assert "model = Model, functional; made at" in text
    assert "[one layer, 2 runs, interleaved]" in text
    assert "(built, compiled, trained before)  model.keras" in text


def test_a_model_that_another_file_makes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "models.py").write_text(
        "import keras\n\ndef make():\n    return keras.Sequential([keras.layers.Dense(2)])\n"
    )
    path = tmp_path / "use.py"
    path.write_text("from models import make\n\nmodel = make()\nmodel.load_weights('w.weights.h5')\n")
    (model,) = shown(capsys, path)["models"]
    assert model["place"]["path"].endswith("models.py")
    assert model["events"][0]["path"] == "w.weights.h5"


def test_a_notebook(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cells = [
        "!pip install keras",
        "import keras\n",
        "this is no python",
        "m = keras.Sequential([keras.layers.Dense(2)])\n",
    ]
    data = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {},
        "cells": [
            {"cell_type": "code", "id": str(n), "metadata": {}, "outputs": [], "execution_count": None, "source": cell}
            for n, cell in enumerate(cells)
        ],
    }
    path = tmp_path / "train.ipynb"
    path.write_text(json.dumps(data))
    (model,) = shown(capsys, path)["models"]
    assert (model["place"]["cell"], model["place"]["line"]) == (4, 1)


@pytest.mark.parametrize(
    ("name", "content"),
    [("bad.py", b"def ("), ("bad.ipynb", b"{"), ("bytes.py", b"\xff\xfe\x00x"), ("missing.py", None)],
)
def test_a_bad_file_is_one_line(
    name: str, content: bytes | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert main(["graph", str(tmp_path / name)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert name in error


def test_origins_of_loads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.py").write_text(PROGRAM)
    (tmp_path / "b.py").write_text("import keras\n\ndef restore(model, path):\n    model.load_weights(path)\n")
    data = shown(capsys, tmp_path, "--origins")
    assert (data["sites"], data["resolved"]) == (3, 2)
    assert data["origins"] == {"loaded": 1, "class": 1}
    assert list(data["reasons"]) == ["a parameter of a function that nothing calls with a known model"]


WRAPPER = """import keras


class Agent:
    def __init__(self):
        self.model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])

    def load_weights(self, path):
        self.model.load_weights(path)


def main(path):
    agent = Agent()
    agent.load_weights(path)
"""


def test_an_own_load_weights_is_no_load_of_a_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.py").write_text(WRAPPER)
    (tmp_path / "b.py").write_text("from a import Agent\n\nagent = Agent()\nagent.load_weights('w.weights.h5')\n")
    data = shown(capsys, tmp_path, "--origins")
    assert (data["sites"], data["resolved"], data["origins"]) == (1, 1, {"sequential": 1})


ORIGINS = {
    "a dictionary of builders, the key unknown": """
def tower(n):
    x = keras.Input((3,))
    return keras.Model(x, keras.layers.Dense(n)(x))


BUILDERS = {}
BUILDERS["tower"] = tower
BUILDERS["stack"] = tower


def main(name, path):
    model = BUILDERS[name](2)
    model.load_weights(path)
""",
    "a property with a setter": """
class Trainer:
    @property
    def model(self):
        return self._model

    @model.setter
    def model(self, value):
        self._model = value

    def make(self):
        x = keras.Input((3,))
        self.model = keras.Model(x, keras.layers.Dense(2)(x))

    def restore(self, path):
        self.model.load_weights(path)
""",
    "made by the class that inherits the load": """
class Base:
    def __init__(self):
        self.model = self.make()

    @abc.abstractmethod
    def make(self):
        ...

    def restore(self, path):
        self.model.load_weights(path)


class Tower(Base):
    def make(self):
        x = keras.Input((3,))
        return keras.Model(x, keras.layers.Dense(2)(x))
""",
    "a call that the budget does not let follow": """
def tower():
    x = keras.Input((3,))
    model = keras.Model(x, keras.layers.Dense(2)(x))
    return model, 3


def busy():
    FILLING


"""
    + "busy()\n" * 12
    + "model, _ = tower()\nmodel.load_weights('w.weights.h5')\n",
}


@pytest.mark.parametrize("program", ORIGINS.values(), ids=ORIGINS)
def test_origin_of_a_load(program: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    filling = "\n    ".join(f"x = {number}" for number in range(100))
    (tmp_path / "a.py").write_text("import abc\nimport keras\n" + program.replace("FILLING", filling))
    data = shown(capsys, tmp_path, "--origins")
    assert (data["sites"], data["origins"], data["reasons"]) == (1, {"functional": 1}, {})


NO_ORIGIN = {
    "a dictionary that may hold anything else": """
BUILDERS = {"a": keras.Sequential, "b": print}


def main(name, path):
    BUILDERS[name]().load_weights(path)
""",
    "a binder that needs what it binds": """
class Trainer:
    def wrap(self):
        self.model = keras.models.clone_model(self.model)

    def restore(self, path):
        self.model.load_weights(path)
""",
    "an own dictionary that others fill": """
BUILDERS = {"a": keras.Sequential}


def register(name, builder):
    BUILDERS[name] = builder


register("b", print)


def main(name, path):
    BUILDERS[name]().load_weights(path)
""",
}


@pytest.mark.parametrize("program", NO_ORIGIN.values(), ids=NO_ORIGIN)
def test_no_origin_of_a_load(program: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.py").write_text("import keras\n" + program)
    data = shown(capsys, tmp_path, "--origins")
    assert (data["sites"], data["resolved"]) == (1, 0)


def test_a_function_past_the_budget_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    filling = "\n    ".join(f"x = {number}" for number in range(100))
    text = "import keras\n\n" + "".join(f"def f{place}():\n    {filling}\n\n" for place in range(12))
    (tmp_path / "a.py").write_text(text + "def g(p):\n    m = keras.Sequential()\n    m.load_weights(p)\n")
    assert shown(capsys, tmp_path, "--origins")["origins"] == {"sequential": 1}


def test_an_item_by_an_unknown_key_is_no_call_of_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.py").write_text(
        "import keras\n\nBASES = {'b': keras.applications.EfficientNetB0, 'm': keras.applications.MobileNetV2}\n\n\n"
        "def make(name, path):\n    model = BASES[name](weights='imagenet')\n    model.load_weights(path)\n"
    )
    assert shown(capsys, tmp_path, "--origins")["origins"] == {"application": 1}
    assert main(["--target-keras", "3.5.0", "--select", "KC210", str(tmp_path)]) == 0


def test_in_the_repository_of_keras_its_public_names_are_what_they_are_elsewhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models = tmp_path / "keras" / "src" / "models"
    models.mkdir(parents=True)
    for folder in (models, models.parent, models.parent.parent):
        (folder / "__init__.py").write_text("")
    (models / "__init__.py").write_text("class Sequential:\n    def load_weights(self, path):\n        raise OSError\n")
    (models / "load_test.py").write_text(
        "from keras.src import models\n\n\ndef test(p):\n    model = models.Sequential()\n    model.load_weights(p)\n"
    )
    assert shown(capsys, tmp_path, "--origins")["origins"] == {"sequential": 1}
