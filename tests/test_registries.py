"""Models out of tables that other files fill: `@register("unet")` (KC101, KC305, KC306)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from kerascheck.cli import main

Find = Callable[..., list[str]]
REGISTRY = """
MODELS = {}


def register(name):
    def wrap(made):
        if name in MODELS:
            raise KeyError(name)
        MODELS[name] = made
        return made

    return wrap


def build(name, **options):
    return MODELS[name](**options)
"""
NET = """import keras
{imports}


class Fade(keras.layers.Layer):
    def call(self, inputs):
        return inputs / 2


{first}
class Late(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1)

    def call(self, x):
        return self.dense(x)


{second}
def faded(size=4):
    inputs = keras.Input((size,))
    return keras.Model(inputs, keras.layers.Dense(1)(Fade()(inputs)))

{last}
"""
NETS = NET.format(
    imports="from registry import register", first='@register("late")', second='@register("faded")', last=""
)
LOAD = "\nmodel.load_weights('w.weights.h5')\n"


@pytest.fixture
def find(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Find:
    """Writes a project that is pinned to Keras 3 and gives the file and code of what is found in it."""
    monkeypatch.chdir(tmp_path)

    def _find(select: str, files: dict[str, str]) -> list[str]:
        Path("requirements.txt").write_text("keras==3.10.0\n")
        for name, text in files.items():
            Path(name).parent.mkdir(exist_ok=True)
            Path(name).write_text(text)
        main(["check", "--no-cache", "--exit-zero", "--format", "json", "--select", select, "."])
        return [f"{found['path']} {found['code']}" for found in json.loads(capsys.readouterr().out)]

    return _find


MADE = [
    'from registry import build\nmodel = build("late")',
    'import registry\nmodel = registry.MODELS["late"]()',
    'from registry import MODELS\nmodel = MODELS.get("late")()',
    "import argparse\nfrom registry import MODELS\nparser = argparse.ArgumentParser()\n"
    'parser.add_argument("--net", default="late")\nargs = parser.parse_args()\nmodel = MODELS[args.net]()',
    "from dataclasses import dataclass\nfrom registry import build\n@dataclass\nclass Settings:\n"
    '    net: str = "late"\nsettings = Settings()\nmodel = build(settings.net)',
]


@pytest.mark.parametrize("made", MADE)
def test_a_model_that_a_module_puts_into_the_table_of_another_one_is_known(find: Find, made: str) -> None:
    files = {"registry.py": REGISTRY, "nets.py": NETS}
    assert find("KC101", {**files, "train.py": f"import nets\n{made}{LOAD}"}) == ["train.py KC101"]


@pytest.mark.parametrize("made", MADE)
def test_a_table_has_only_what_modules_of_the_program_put_there(find: Find, made: str) -> None:
    files = {"registry.py": REGISTRY, "nets.py": NETS, "other.py": "import nets\nimport train\n"}
    assert find("KC101", {**files, "train.py": f"import keras\n{made}{LOAD}"}) == []


def test_a_layer_of_a_registered_model_is_in_its_file(find: Find) -> None:
    train = 'from registry import build\nimport nets\nmodel = build("faded")\nmodel.save("m.keras")\n'
    serve = 'import keras\nmodel = keras.models.load_model("m.keras")\n'
    files = {"registry.py": REGISTRY, "nets.py": NETS, "train.py": train, "serve.py": serve}
    assert find("KC305,KC306", files) == ["nets.py KC305", "serve.py KC306"]


def test_of_two_modules_that_take_one_name_either_may_be_the_last(find: Find) -> None:
    other = 'import keras\nfrom registry import register\n\n\n@register("late")\ndef make():\n'
    other += "    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])\n"
    train = f'import nets\nimport other\nfrom registry import build\nmodel = build("late"){LOAD}'
    assert find("KC101", {"registry.py": REGISTRY, "nets.py": NETS, "other.py": other, "train.py": train}) == []


def test_a_name_that_is_not_known_is_none_of_them(find: Find) -> None:
    train = f"import sys\nimport nets\nfrom registry import build\nmodel = build(sys.argv[1]){LOAD}"
    assert find("KC101", {"registry.py": REGISTRY, "nets.py": NETS, "train.py": train}) == []


def test_the_modules_that_a_package_imports_when_it_starts_have_filled_its_table(find: Find) -> None:
    train = f'import keras\nfrom zoo.registry import build\nmodel = build("late"){LOAD}'
    nets = NETS.replace("from registry", "from .registry")
    files = {"zoo/__init__.py": "from . import nets\n", "zoo/registry.py": REGISTRY, "zoo/nets.py": nets}
    assert find("KC101", {**files, "train.py": train}) == ["train.py KC101"]
    assert find("KC101", {"zoo/__init__.py": ""}) == []


def test_a_class_may_be_kept_under_its_own_name(find: Find) -> None:
    registry = "MODELS = {}\n\n\ndef register(made):\n    MODELS[made.__name__.lower()] = made\n    return made\n"
    nets = NET.format(imports="from registry import register", first="@register", second="@register", last="")
    train = f'import nets\nfrom registry import MODELS\nmodel = MODELS["late"](){LOAD}'
    assert find("KC101", {"registry.py": registry, "nets.py": nets, "train.py": train}) == ["train.py KC101"]


@pytest.mark.parametrize("last", ['register("late", Late)', 'MODELS["late"] = Late'])
def test_a_table_that_is_filled_by_calls_and_assignments_is_known(find: Find, last: str) -> None:
    registry = "MODELS = {}\n\n\ndef register(name, made):\n    MODELS[name] = made\n"
    nets = NET.format(imports="from registry import MODELS, register", first="", second="", last=last)
    train = f'import nets\nfrom registry import MODELS\nmodel = MODELS["late"](){LOAD}'
    assert find("KC101", {"registry.py": registry, "nets.py": nets, "train.py": train}) == ["train.py KC101"]


def test_a_table_that_starts_empty_has_no_default_for_sure(find: Find) -> None:
    train = 'import keras\nfrom registry import MODELS\npath = MODELS.get("path", "m.h5")\n'
    train += "keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)]).save_weights(path)\n"
    assert find("KC201", {"registry.py": "MODELS = {}\n", "train.py": train}) == []


OBJECT = """
class Registry:
    def __init__(self, kind):
        self._kind = kind
        self._items = {}

    def register(self, name=None):
        def wrap(made):
            self._items[name or made.__name__] = made
            return made

        return wrap

    def keep(self, made):
        self._items[made.__name__] = made
        return made

    def get(self, name):
        if name not in self._items:
            raise KeyError(f"no {name} among {self._kind}")
        return self._items[name]

    def build(self, name, **options):
        return self._items[name](**options)


MODELS = Registry("models")
LAYERS = Registry("layers")
"""


@pytest.mark.parametrize("first", ['@MODELS.register("Late")', "@MODELS.register()", "@MODELS.keep"])
@pytest.mark.parametrize("made", ['MODELS.build("Late")', 'MODELS.get("Late")()'])
def test_an_object_of_the_project_may_keep_the_table(find: Find, first: str, made: str) -> None:
    nets = NET.format(
        imports="from registry import LAYERS, MODELS", first=first, second='@LAYERS.register("x")', last=""
    )
    train = f"import nets\nfrom registry import LAYERS, MODELS\nmodel = {made}{LOAD}"
    files = {"registry.py": OBJECT, "nets.py": nets}
    assert find("KC101", {**files, "train.py": train}) == ["train.py KC101"]
    assert find("KC101", {"train.py": train.replace("MODELS.", "LAYERS.")}) == []
    assert find("KC101", {"train.py": train.replace("import nets", "import keras"), "other.py": "import nets"}) == []


def test_an_object_that_keeps_something_else_is_not_followed(find: Find) -> None:
    wrapped = OBJECT.replace("] = made\n            return made", "] = made\n            return other(made)")
    nets = NET.format(imports="from registry import MODELS", first='@MODELS.register("Late")', second="", last="")
    train = f"import nets\nmodel = nets.Late(){LOAD}"
    train += f'from registry import MODELS\nmodel = MODELS.build("Late"){LOAD}'
    assert find("KC101", {"registry.py": wrapped, "nets.py": nets, "train.py": train}) == ["train.py KC101"]


BASE = """import keras


class NoisyModel(keras.Model):
    def __init__(self, noise=0.1, **kwargs):
        super().__init__(**kwargs)
        self.noise = keras.layers.GaussianNoise(noise)
        self.head = keras.layers.Dense(1)
"""
HEIR = """from base import NoisyModel


class Net(NoisyModel):
    def call(self, x{more}):
        return self.head(self.noise(x{given}))
"""
FIT = "\nmodel.compile('adam', 'mse')\nmodel.fit(np.zeros((3, 3)), np.zeros((3, 1)))\n"
ONE_OF = "import sys\nfrom functools import partial\nimport numpy as np\nfrom nets import Net\n"
ONE_OF += "NETS = {'a': partial(Net, noise=0.2), 'b': Net}\nmodel = NETS[sys.argv[1]]()"


@pytest.mark.parametrize("made", ["import numpy as np\nfrom nets import Net\nmodel = Net()", ONE_OF])
def test_a_layer_that_a_base_of_another_file_makes_is_not_told_that_it_trains(find: Find, made: str) -> None:
    files = {"base.py": BASE, "train.py": made + FIT}
    assert find("KC601", {**files, "nets.py": HEIR.format(more="", given="")}) == ["nets.py KC601"]
    told = HEIR.format(more=", training=None", given=", training=training")
    assert find("KC601", {**files, "nets.py": told}) == []


TEMPLATE = """import keras


class Probe(keras.Model):
    def __init__(self, classes=3, **kwargs):
        super().__init__(**kwargs)
        self.head = keras.layers.Dense(classes)

    def features(self, x{more}):
        raise NotImplementedError

    def call(self, x{more}):
        return self.head(self.features(x{given}))
"""
PROBES = """import keras
from template import Probe


class Noisy(Probe):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.drop = keras.layers.Dropout(0.3)

    def features(self, x{more}):
        return self.drop(x{given})


class Frozen(Probe):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.norm = keras.layers.BatchNormalization()

    def features(self, x{more}):
        return self.norm(x, training=False)


class Twice(Noisy):
    def call(self, x{more}):
        return 2.0 * super().call(x{given})


class Linear(Probe):
    def features(self, x{more}):
        return x


PROBES = {{item.__name__: item for item in (Noisy, Frozen, Twice, Linear)}}
"""
LOOP = "import sys\nimport numpy as np\nfrom probes import PROBES\n{loop}    model.compile('adam', 'mse')\n"
LOOP += "    model.fit(np.zeros((3, 3)), np.zeros((3, 1)))\n"


@pytest.mark.parametrize(
    ("loop", "found"),
    [
        ("for name, cls in PROBES.items():\n    model = cls(classes=2)\n", ["probes.py KC601", "template.py KC601"]),
        ("for model in [cls() for cls in PROBES.values()]:\n", ["probes.py KC601", "template.py KC601"]),
        ("for name in sys.argv[1:]:\n    model = PROBES[name]()\n", ["probes.py KC601", "template.py KC601"]),
        ("for name in ['Noisy', 'Frozen']:\n    model = PROBES[name]()\n", ["template.py KC601"]),
        ("for name in ['Frozen', 'Linear']:\n    model = PROBES[name]()\n", []),
    ],
)
def test_a_call_of_a_base_runs_layers_of_its_heirs(find: Find, loop: str, found: list[str]) -> None:
    files = {"template.py": TEMPLATE, "probes.py": PROBES, "train.py": LOOP.format(loop=loop)}
    assert find("KC601", {name: text.format(more="", given="") for name, text in files.items()}) == found
    more, given = ", training=None", ", training=training"
    assert find("KC601", {name: text.format(more=more, given=given) for name, text in files.items()}) == []
