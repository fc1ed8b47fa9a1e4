"""The part of a program that makes a model: what is kept, what is left out, what stands in for the unknown."""

from __future__ import annotations

import ast
import posixpath

import pytest

from kerascheck.confirm.slice import Missing, Slicer
from kerascheck.semantic.module import Module
from kerascheck.semantic.project import Project
from kerascheck.semantic.target import default_target, header_target
from kerascheck.semantic.training import models_of
from kerascheck.semantic.values import Obj
from kerascheck.text import SourceText


class Files:
    """A project in memory; `/p` is its top."""

    def __init__(self, files: dict[str, str]) -> None:
        self.files = {posixpath.join("/p", name): text for name, text in files.items()}

    def absolute(self, path: str) -> str:
        return posixpath.join("/p", path)

    def shown(self, path: str) -> str:
        return path.removeprefix("/p/")

    def read(self, path: str) -> SourceText | None:
        text = self.files.get(path)
        return None if text is None else SourceText(text)

    def is_root(self, folder: str) -> bool:
        return folder == "/p"

    def sources(self, folder: str) -> list[str]:
        return sorted(path for path in self.files if path.startswith(folder + "/"))


def start(files: dict[str, str], name: str = "main.py") -> Module:
    target = header_target(files[name]) or default_target()
    module = Project(Files(files), target).start(SourceText(files[name]), name)
    assert module.facts is not None
    return module


def sliced(text: str, **others: str) -> tuple[Slicer, str, dict[str, str]]:
    """The slice of the model that `main.py` saves or compiles: its slicer, source and modules."""
    module = start({"main.py": text, **{f"{name}.py": code for name, code in others.items()}})
    event = next(event for event in module.events if event.name in {"save", "compile", "load_weights"})
    slicer = Slicer(module)
    slicer.expression(models_of(event)[0], "the model")
    made = slicer.finish()
    for part in (made.source, *made.modules.values()):
        ast.parse(part)
    return slicer, made.source, made.modules


HEAD = "import keras\nfrom keras import layers\nimport numpy as np\nimport pandas as pd\n"


def test_a_functional_model_is_written_anew_without_data_and_training() -> None:
    _, source, _ = sliced(
        HEAD + "x = pd.read_csv('a.csv')\ni = keras.Input((4,))\nh = layers.Dense(3)(i)\n"
        "m = keras.Model(i, layers.Add()([h, h]))\nm.compile('adam', 'mse')\nm.fit(x, x)\nm.save('a.keras')\n"
    )
    assert "Input((4,))" in source
    assert source.count("Dense(3)") == 1
    assert not any(word in source for word in ("read_csv", "fit", "compile", "save"))


def test_a_class_comes_with_its_constants_and_helpers_only() -> None:
    _, source, _ = sliced(
        HEAD + "UNITS = 4\nOTHER = 5\ndf = pd.read_csv('a.csv')\n"
        "def width():\n    return UNITS\n"
        "class Net(keras.Model):\n    def __init__(self):\n        super().__init__()\n"
        "        self.d = layers.Dense(width())\n    def call(self, x):\n        return self.d(x)\n"
        "m = Net()\nm.load_weights('a.weights.h5')\n"
    )
    assert "UNITS = 4" in source
    assert "def width" in source
    assert "OTHER" not in source
    assert "read_csv" not in source


def test_an_unknown_size_has_a_stand_in_that_is_told() -> None:
    slicer, source, _ = sliced(
        HEAD + "words = load_words()\nm = keras.Sequential([layers.Embedding(words, 8), layers.Dense(words + 1)])\n"
        "m.compile('adam', 'mse')\n"
    )
    assert "Embedding(100, 8)" in source
    assert "Dense(8)" in source
    assert any("Dense" in text for text in slicer.stand_ins)


def test_arguments_of_a_class_that_is_never_made_are_guessed_by_their_names() -> None:
    module = start(
        {
            "main.py": HEAD
            + "class Net(keras.Model):\n    def __init__(self, attention_dropout_rate, hidden_activation,"
            " num_heads, norm_epsilon, other):\n        super().__init__()\n"
        }
    )
    slicer = Slicer(module)
    slicer.guess = "None"
    text = slicer.construct(module.classes[0], None)
    assert text == (
        "Net(attention_dropout_rate=0.1, hidden_activation='relu', num_heads=2, norm_epsilon=0.001, other=None)"
    )


HANDED_ON = """
def width(sizes):
    return sum(size for size in sizes)
class Inner(layers.Layer):
    def __init__(self, window, filters):
        self.conv = layers.Conv2D(filters, kernel_size=window)
"""


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("self.d = layers.Dense(x)", "8"),
        ("self.d = layers.Conv2D(4, kernel_size=x, padding='same')", "3"),
        ("self.x = x\n        self.d = layers.Dense(4, kernel_regularizer=keras.regularizers.l2(self.x))", "0.01"),
        ("self.d = [layers.Dense(n) for n in x]", "[8, 8]"),
        ("self.d = [layers.Dense(4) for _ in range(x)]", "2"),
        ("self.d = layers.Dense(4, name=x + '_dense')", "'experiment'"),
        ("self.d = keras.activations.get(x)", "'relu'"),
        ("self.inner = x\n    def call(self, y):\n        return self.inner(y)", "keras.layers.Dense(8)"),
        ("self.d = layers.Dense(4) if x == 'wide' else None", "'wide'"),
        ("self.d = x[0]", "[8, 8, 8]"),
        ("assert x in ('narrow', 'wide')", "'narrow'"),
        ("self.x = x\n        self.d = layers.Dense(self.x.units, self.x.kind)", "NAMESPACE(units=8, kind='relu')"),
        ("self.d = layers.Dense(x['units'], name=x['label'] + '_1')", "{'units': 8, 'label': 'experiment'}"),
        ("self.d = layers.Dense(width(x))", "[8, 8]"),
        ("self.d = Inner(x, 3)", "3"),
        ("self.d = x.anything()", "None"),
        ("self.d = x", "None"),  # its use says nothing: the guess
    ],
)
def test_an_argument_is_what_the_class_uses_it_for(body: str, text: str) -> None:
    program = HEAD + HANDED_ON + f"class Net(keras.Model):\n    def __init__(self, x):\n        {body}\n"
    slicer = Slicer(start({"main.py": program}))
    slicer.guess = "None"
    owner = next(item for item in slicer.module.classes if item.name == "Net")
    made = slicer.construct(owner, None).replace("__import__('types').SimpleNamespace", "NAMESPACE")
    assert made == f"Net(x={text})"


def test_an_argument_is_what_it_is_annotated_with() -> None:
    program = HEAD + (
        "class Net(keras.Model):\n    def __init__(self, a: int, b: list[int], c: keras.layers.Layer, d: 'int'):\n"
        "        super().__init__()\n"
    )
    slicer = Slicer(start({"main.py": program}))
    slicer.guess = "0.5"
    assert slicer.construct(slicer.module.classes[0], None) == "Net(a=8, b=[8, 8], c=keras.layers.Dense(8), d=0.5)"


def test_a_shape_of_unknown_rank_is_left_to_the_child() -> None:
    slicer, source, _ = sliced(
        HEAD + "x = np.load('a.npy')\nm = keras.Sequential([keras.Input(shape=x.shape[1:]), layers.Dense(1)])\n"
        "m.compile('adam', 'mse')\n"
    )
    assert slicer.open_shape
    assert "shape=kerascheck_shape" in source


def test_a_name_that_another_file_binds_in_two_ways_is_imported_from_there() -> None:
    other = "try:\n    import fast\nexcept ImportError:\n    fast = None\n"
    other += "if fast:\n    def kept(x):\n        return x\nelse:\n    def kept(x):\n        return x + 0\n"
    _, source, modules = sliced(
        HEAD
        + "from other import kept\n@kept\nclass Net(keras.Model):\n    pass\nm = Net()\nm.compile('adam', 'mse')\n",
        other=other,
    )
    assert "import kept as kept" in source
    assert [text.count("def kept(x)") for text in modules.values()] == [2]


def test_the_weights_of_an_application_are_not_fetched() -> None:
    _, source, _ = sliced(
        "from tensorflow import keras\nbase = keras.applications.ResNet50(weights='imagenet', include_top=False)\n"
        "x = keras.layers.GlobalAveragePooling2D()(base.output)\nm = keras.Model(base.input, x)\nm.compile('adam')\n"
    )
    assert "weights=None" in source
    assert "imagenet" not in source
    assert ".input" in source
    assert ".output" in source


def test_a_lambda_brings_the_names_around_it() -> None:
    _, source, _ = sliced(
        HEAD + "SCALE = 3\ndef make(power):\n    i = keras.Input((4,))\n"
        "    return keras.Model(i, layers.Lambda(lambda t: t ** power * SCALE)(i))\n"
        "m = make(2)\nm.save('a.keras')\n"
    )
    assert "SCALE = 3" in source
    assert "(lambda power: lambda t: t ** power * SCALE)(power=2)" in source


def test_classes_of_other_files_come_as_modules_with_made_up_names() -> None:
    _, source, modules = sliced(
        "from nets import Net\nm = Net(3)\nm.save('a.keras')\n",
        nets="import keras\nfrom sizes import WIDTH\nfrom helpers import K\n"
        "class Net(keras.Model):\n    def __init__(self, n):\n        super().__init__()\n"
        "        self.d = keras.layers.Dense(n * WIDTH, activation=K.relu)\n",
        sizes="WIDTH = 2\n",
        helpers="from keras import ops as K\n",
    )
    (part,) = modules
    assert f"{part}.Net(3)" in source
    assert "WIDTH = 2" in modules[part]
    assert "from keras import ops as K" in modules[part]
    assert "from sizes" not in modules[part]


def test_one_of_several_paths_is_taken_and_told() -> None:
    slicer, source, _ = sliced(
        HEAD + "import argparse\np = argparse.ArgumentParser()\np.add_argument('--deep', action='store_true')\n"
        "args = p.parse_args()\ni = keras.Input((4,))\nif args.deep:\n    h = layers.Dense(9)(i)\nelse:\n"
        "    h = layers.Dense(7)(i)\nm = keras.Model(i, h)\nm.save('a.keras')\n"
    )
    assert ("Dense(9)" in source) != ("Dense(7)" in source)
    assert "one of several paths" in slicer.stand_ins


def test_decorators_are_kept() -> None:
    text = HEAD + (
        "@keras.saving.register_keras_serializable('mine')\nclass Net(keras.Model):\n"
        "    def call(self, x):\n        return x\nm = Net()\nm.load_weights('a.weights.h5')\n"
    )
    assert "@keras.saving.register_keras_serializable('mine')\nclass Net(keras.Model):" in sliced(text)[1]


def test_a_class_inside_a_function_takes_what_it_uses_from_there() -> None:
    text = HEAD + (
        "def make():\n    act = 'tanh'\n    @keras.saving.register_keras_serializable()\n    class Net(keras.Model):\n"
        "        def __init__(self):\n            super().__init__()\n            self.d = layers.Dense(2, act)\n"
        "        def call(self, x):\n            return self.d(x)\n"
        "    m = Net()\n    m.load_weights('a.weights.h5')\n"
    )
    _, source, _ = sliced(text)
    assert "def kerascheck_0_maker(act):\n    @keras.saving" in source
    assert "    return Net\nkerascheck_0 = kerascheck_0_maker(act='tanh')\nkerascheck_1 = kerascheck_0()" in source


@pytest.mark.parametrize(
    "text",
    [
        "m = keras.models.load_model('a.keras')\nm.compile('adam')\n",
        "m = keras.Sequential(make_layers())\nm.compile('adam')\n",
    ],
)
def test_what_cannot_be_told_is_missing(text: str) -> None:
    with pytest.raises(Missing):
        sliced(HEAD + text)


def test_arguments_can_be_changed_and_left_out() -> None:
    module = start(
        {
            "main.py": "import keras\nclass L(keras.layers.Layer):\n"
            "    def __init__(self, units, rate=0.1, **kwargs):\n        super().__init__(**kwargs)\n"
            "m = keras.Sequential([L(4, 0.2, name='a')])\nm.save('a.keras')\n"
        }
    )
    owner = next(iter(module.classes))
    made = next(item for holder, _ in module.facts.lasting for item in (holder,) if isinstance(item, Obj))
    layers = module.facts.lasting[(made, "#layers")]
    layer = layers.items[0]  # type: ignore[attr-defined]
    assert Slicer(module).construct(owner, layer) == "L(4, 0.2, name='a')"
    assert Slicer(module).construct(owner, layer, {"rate": "0.7"}) == "L(4, name='a', rate=0.7)"
    assert Slicer(module).construct(owner, layer, {"rate": None}) == "L(4, name='a')"
    assert Slicer(module).construct(owner, None) == "L(units=8)"
