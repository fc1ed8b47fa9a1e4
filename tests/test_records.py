"""Settings and models that come from another file by records, decorators and defaults (KC201, KC101)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kerascheck.cli import main

SAVE = """import keras
{imports}
model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(2)])
model.save_weights({path})
"""
NET = """import keras


class Net(keras.Model):
    def __init__(self, units=4):
        super().__init__()
        self.dense = keras.layers.Dense(units)

    def call(self, x):
        return self.dense(x)


"""
TIMED = """import functools
import time


def timed(function):
    @functools.wraps(function)
    def inner(*args, **kwargs):
        began = time.time()
        result = function(*args, **kwargs)
        print(function.__name__, time.time() - began)
        return result

    return inner


{body}@timed
def make():
    return Net()
"""


@pytest.fixture
def codes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> object:
    """Writes a project that is pinned to Keras 3 and gives the codes found in it."""
    monkeypatch.chdir(tmp_path)

    def _codes(select: str, *options: str, **files: str) -> list[str]:
        Path("requirements.txt").write_text("keras==3.10.0\n")
        for name, text in files.items():
            Path(name + ".py").write_text(text)
        main(["check", "--no-cache", "--exit-zero", "--format", "json", "--select", select, *options, "."])
        return [finding["code"] for finding in json.loads(capsys.readouterr().out)]

    return _codes


@pytest.mark.parametrize(
    ("config", "imports", "path"),
    [
        ("from dataclasses import dataclass, field\n@dataclass\nclass C:\n    w: str = field(default='w.h5')\n",
         "from config import C\nc = C()", "c.w"),
        ("from dataclasses import dataclass, field\n@dataclass\nclass P:\n    w: str = 'w.h5'\n"
         "@dataclass\nclass C:\n    p: P = field(default_factory=P)\n", "from config import C\nc = C()", "c.p.w"),
        ("from dataclasses import dataclass\n@dataclass\nclass C:\n    n: int\n    w: str\n",
         "from config import C\nc = C(1, 'w.h5')", "c.w"),
        ("from dataclasses import dataclass\n@dataclass\nclass C:\n    out: str = 'o'\n"
         "    def __post_init__(self):\n        self.w = self.out + '/w.h5'\n", "from config import C\nc = C()", "c.w"),
        ("from dataclasses import dataclass, replace\n@dataclass\nclass C:\n    w: str = 'a.weights.h5'\n",
         "from config import C, replace\nc = replace(C(), w='w.h5')", "c.w"),
        ("from enum import Enum\nclass P(Enum):\n    W = 'w.h5'\n", "from config import P", "P.W.value"),
        ("from collections import namedtuple\nC = namedtuple('C', 'n w')\nc = C(1, 'w.h5')\n",
         "from config import c", "c.w"),
        ("from types import SimpleNamespace\nc = SimpleNamespace(w='w.h5')\n", "from config import c", "c.w"),
        ("import ml_collections\nc = ml_collections.ConfigDict({'out': {'w': 'w.h5'}})\n",
         "from config import c", "c.out.w"),
        ("import os\nW = os.environ.get('W', 'w.h5')\n", "from config import W", "W"),
        ("import os\nW = os.getenv('W', 'w.h5')\n", "from config import W", "W"),
        ("import argparse\ndef get():\n    p = argparse.ArgumentParser()\n"
         "    p.add_argument('--out-file', default='w.h5')\n"
         "    return vars(p.parse_args())\n", "from config import get\nargs = get()", "args['out_file']"),
        ("P = ['o', 'w.h5']\n", "from config import P", "'/'.join(P)"),
        ("import functools, os\nout = functools.partial(os.path.join, 'o')\n", "from config import out", "out('w.h5')"),
        ("import sys\nW = 'w.h5' if len(sys.argv) > 3 else 'v.h5'\n", "from config import W", "W"),
    ],
)  # fmt: skip
def test_a_path_of_another_file(codes, config: str, imports: str, path: str) -> None:
    train = SAVE.format(imports=imports, path=path)
    assert codes("KC201", config=config, train=train) == ["KC201"]
    assert codes("KC201", config=config.replace("w.h5", "w.weights.h5").replace("v.h5", "v.weights.h5"),
                 train=train.replace("w.h5", "w.weights.h5")) == []  # fmt: skip


@pytest.mark.parametrize(
    ("config", "imports", "path"),
    [
        ("import os\nW = os.environ.get('W')\n", "from config import W", "W"),
        ("import os\nW = os.environ['W']\n", "from config import W", "W"),
        ("import sys\nW = 'w.h5' if len(sys.argv) > 3 else 'v.weights.h5'\n", "from config import W", "W"),
        ("P = ['w.h5', input()]\n", "from config import P", "'/'.join(P)"),
        ("import functools, os\nout = functools.partial(os.path.join, 'w.h5')\n", "from config import out",
         "out(input())"),
        ("C = dict(w='w.h5')\nC.update(w='w.weights.h5')\n", "from config import C", "C['w']"),
        ("C = dict(w='w.h5')\nC.update(**vars())\n", "from config import C", "C['w']"),
    ],
)  # fmt: skip
def test_a_path_that_is_taken_or_not_known(codes, config: str, imports: str, path: str) -> None:
    assert codes("KC201", config=config, train=SAVE.format(imports=imports, path=path)) == []


@pytest.mark.parametrize(
    "command",
    [
        "import click\n\n\n@click.command()\n@click.option('--out-file', '-o', default='w.h5')\ndef run(out_file):\n"
        "    model.save_weights(out_file)\n\n\nrun()\n",
        "import typer\n\n\ndef run(out: str = typer.Option('w.h5', help='where')):\n    model.save_weights(out)\n\n\n"
        "typer.run(run)\n",
        "import argparse\n\n\ndef run(out, epochs):\n    model.save_weights(out)\n\n\np = argparse.ArgumentParser()\n"
        "p.add_argument('--out', default='w.h5')\np.add_argument('--epochs', type=int)\nrun(**vars(p.parse_args()))\n",
    ],
)
def test_the_default_of_an_option(codes, command: str) -> None:
    model = "import keras\n\nmodel = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(2)])\n"
    assert codes("KC201", model=model, run="from model import model\n" + command) == ["KC201"]
    right = command.replace("w.h5", "w.weights.h5")
    assert codes("KC201", model=model, run="from model import model\n" + right) == []


LOAD = "model.load_weights('w.weights.h5')\n"


@pytest.mark.parametrize(
    ("models", "use"),
    [
        ("import functools\nmake = functools.partial(Net, units=3)\n",
         f"from models import make\nmodel = make()\n{LOAD}"),
        ("", f"import functools\nfrom models import Net\n\n\ndef make(u, v):\n    return Net(u)\n\n\n"
             f"model = functools.partial(make, 3)(v=1)\n{LOAD}"),
        ("NETS = {}\n\n\ndef register(name):\n    def keep(cls):\n        NETS[name] = cls\n        return cls\n\n"
         "    return keep\n\n\n@register('b')\nclass B(Net):\n    pass\n\n\n"
         "def create(name):\n    return NETS[name]()\n",
         f"from models import create\nmodel = create('b')\n{LOAD}"),
        (TIMED.format(body=""), f"from models import make\nmodel = make()\n{LOAD}"),
        ("from collections import namedtuple\nPair = namedtuple('Pair', ['g', 'd'])\n\n\ndef make():\n"
         "    return Pair(Net(), Net())\n", f"from models import make\nmodel = make().g\n{LOAD}"),
        ("from dataclasses import dataclass, field\n\n\n@dataclass\nclass Run:\n"
         "    net: Net = field(default_factory=Net)\n",
         f"from models import Run\nmodel = Run().net\n{LOAD}"),
    ],
)  # fmt: skip
def test_a_model_of_another_file(codes, models: str, use: str) -> None:
    assert codes("KC101", models=NET + models, predict=use) == ["KC101"]
    assert (
        codes("KC101", models=NET + models, predict=use.replace(LOAD, "model(keras.ops.ones((1, 3)))\n" + LOAD)) == []
    )


@pytest.mark.parametrize(
    "wrapper",
    [
        # what it gives is not what the function gave, or not at once, or not surely
        TIMED.replace("        return result\n", "        return build(result)\n"),
        TIMED.replace("        return result\n", "        result.build((1, 3))\n        return result\n"),
        TIMED.replace("function(*args, **kwargs)", "cached(function)(*args, **kwargs)"),
    ],
)
def test_a_decorator_that_may_change_the_model(codes, wrapper: str) -> None:
    models = NET + wrapper.format(body="")
    assert codes("KC101", models=models, predict=f"from models import make\nmodel = make()\n{LOAD}") == []


@pytest.mark.parametrize(
    ("helper", "use"),
    [
        ("def load(model, path):\n    model.load_weights(path)\n    return model\n",
         "from models import Net, load\n\nmodel = load(Net(), 'w.weights.h5')\n"),
        ("class Loading:\n    def restore(self, path):\n        self.net.load_weights(path)\n",
         "from models import Loading, Net\n\n\nclass Task(Loading):\n    def __init__(self):\n"
         "        self.net = Net()\n\n\nTask().restore('w.weights.h5')\n"),
        ("class Loaded(Net):\n    def restore(self, path):\n        self.load_weights(path)\n        return self\n",
         "from models import Loaded\n\nmodel = Loaded().restore('w.weights.h5')\n"),
    ],
)  # fmt: skip
def test_a_file_that_names_neither_keras_nor_one_of_its_methods(codes, helper: str, use: str) -> None:
    assert "KC101" in codes("KC101", models=NET + helper, predict=use)


def test_a_file_whose_helper_and_whose_models_stand_in_two_files(codes) -> None:
    helper = "def load(net, path):\n    net.load_weights(path)\n"
    use = "from helpers import load\nfrom models import Net\n\nload(Net(), 'w.weights.h5')\n"
    assert codes("KC101", models=NET, helpers=helper, predict=use) == ["KC101"]


def test_a_package_with_the_name_of_a_module_of_the_standard_library(codes) -> None:
    """`graphlib`, `code` and their like have nothing below them; `email` and `json` have."""
    for name, found in (("graphlib", ["KC101"]), ("code", ["KC101"]), ("json", [])):
        Path(name).mkdir()
        Path(f"{name}/__init__.py").write_text("")
        Path(f"{name}/nets.py").write_text(NET)
        use = f"from {name}.nets import Net\n\nmodel = Net()\nmodel.load_weights('w.weights.h5')\n"
        assert codes("KC101", predict=use) == found


PIPELINE = """import keras

from config import Settings


class Pipeline:
    def __init__(self, net, settings=None):
        self.settings = settings or Settings()
        self.model = net

    def run(self):
        self.model.save_weights(self.settings.path)
"""
SETTINGS = """from dataclasses import dataclass
from pathlib import Path


@dataclass
class Settings:
    root: Path = Path("out")
    name: str = "w.h5"

    @property
    def path(self):
        return self.root / self.name
"""
PROGRAM = """import keras

from config import Settings
from pipeline import Pipeline

net = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(2)])
Pipeline(net{settings}).run()
"""


@pytest.mark.parametrize(
    ("settings", "found"),
    [("", []), (", Settings()", ["KC201"]), (", Settings(name='w.weights.h5')", []), (", Settings(name=input())", [])],
)
def test_a_path_that_the_program_gives(codes, settings: str, found: list[str]) -> None:
    pipeline = PIPELINE.replace(" or Settings()", "")
    assert codes("KC201", config=SETTINGS, pipeline=pipeline, program=PROGRAM.format(settings=settings)) == found


def test_a_path_that_holds_when_nothing_is_given(codes) -> None:
    assert codes("KC201", config=SETTINGS, pipeline=PIPELINE) == ["KC201"]
    assert codes("KC201", config=SETTINGS.replace("w.h5", "w.weights.h5"), pipeline=PIPELINE) == []


def test_one_program_of_several_gives_a_path_that_is_taken(codes) -> None:
    right, wrong = (PROGRAM.format(settings=f", Settings(name='{name}')") for name in ("w.weights.h5", "v.h5"))
    pipeline = PIPELINE.replace(" or Settings()", "")
    assert codes("KC201", config=SETTINGS, pipeline=pipeline, one=right, two=wrong) == []
    assert codes("KC201", config=SETTINGS, pipeline=pipeline, one=right.replace("w.w", "w"), two=wrong) == ["KC201"]


TAGGER = """import keras


class Tagger:
    def __init__(self, head):
        self.head = head

    def model(self):
        inputs = keras.Input((8,))
        model = keras.Model(inputs, keras.layers.Dense(4, activation=self.head)(inputs))
        model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
        return model
"""


@pytest.mark.parametrize(
    ("made", "found"),
    [
        ("Tagger('sigmoid').model()", ["KC509"]),
        ("{'a': Tagger('sigmoid').model, 'b': other}[input()]()", ["KC509"]),
        ("Tagger('softmax').model()", []),
        ("Tagger(input()).model()", []),
        ("Tagger('sigmoid' if x else 'softmax').model()", []),
    ],
)
def test_the_end_of_a_model_that_the_program_chooses(codes, made: str, found: list[str]) -> None:
    program = "import numpy as np\nfrom tagger import Tagger\n\n\ndef other():\n    return None\n\n\n"
    program += f"x, y = np.load('x.npy'), np.load('y.npy')\nmodel = {made}\nmodel.fit(x, y)\n"
    assert codes("KC509", tagger=TAGGER, program=program) == found


@pytest.mark.parametrize(
    ("table", "found"),
    [
        ("{'mean': lambda t: t.mean(1), 'max': lambda t: t.max(1)}", ["KC307"]),
        ("{'mean': keras.layers.ReLU(), 'max': lambda t: t.max(1)}", []),
    ],
)
def test_a_lambda_of_a_table(codes, table: str, found: list[str]) -> None:
    layers = f"import keras\n\nTABLE = {table}\n\n\ndef pooling(kind):\n    return keras.layers.Lambda(TABLE[kind])\n"
    program = "import sys\nimport keras\nfrom parts import pooling\n\ninputs = keras.Input((4, 4))\n"
    program += "keras.Model(inputs, pooling(sys.argv[1])(inputs)).save('m.keras')\n"
    assert codes("KC307", parts=layers, program=program) == found


LOSS = """import tensorflow as tf


def own_loss(truth, guess):
    return tf.reduce_mean(tf.abs(truth - guess))
"""


def test_a_loss_in_a_file_that_does_not_name_keras(codes) -> None:
    train = "import keras\nfrom losses import own_loss\n\nmodel = keras.Sequential([keras.layers.Input((4,)), "
    train += "keras.layers.Dense(2)])\nmodel.compile('adam', {loss})\nmodel.save('m.keras')\n"
    load = "import keras\n\nmodel = keras.models.load_model('m.keras')\n"
    assert codes("KC305", losses=LOSS, train=train.format(loss="own_loss"), load=load) == ["KC305"]
    assert codes("KC305", losses=LOSS, train=train.format(loss="'mse'"), load=load) == []


@pytest.mark.parametrize(
    ("names", "use"),
    [
        ("NAMES = list({'cat', 'dog', 'owl'})\n",
         "from names import NAMES\n\nnumbers = [NAMES.index(n) for n in read()]\n"),
        ("def names(rows):\n    return tuple({str(row[1]) for row in rows})\n",
         "from names import names\n\nfound = names(read())\nnumbers = [found.index(n) for n in read()]\n"),
    ],
)  # fmt: skip
def test_a_set_in_braces_in_a_file_that_does_not_name_keras(codes, names: str, use: str) -> None:
    train = use + "import keras\n\nmodel = keras.Sequential([keras.layers.Dense(3)])\nmodel.fit(read(), numbers)\n"
    assert codes("KC401", names=names, train=train) == ["KC401"]
    assert codes("KC401", names=names.replace("({", "(sorted({").replace("})", "}))"), train=train) == []


ENUM = """from enum import Enum{auto}

import keras


class Task(Enum):
    SCORE = {one}
    KIND = {two}


def head(x, task):
    if task is Task.SCORE:
        return keras.layers.Dense(1)(x)
    return keras.layers.Dense(3, activation="softmax")(x)


def build(task):
    inputs = keras.Input((4,))
    return keras.Model(inputs, head(inputs, task))
"""
LOGITS = """import keras
from nets import Task, build

model = build(Task.{task})
model.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True), metrics=["accuracy"])
"""


@pytest.mark.parametrize(("auto", "one", "two"), [("", '"score"', '"kind"'), (", auto", "auto()", "auto()")])
def test_a_branch_that_a_member_of_an_enumeration_decides(codes, auto: str, one: str, two: str) -> None:
    nets = ENUM.format(auto=auto, one=one, two=two)
    assert codes("KC502", nets=nets, train=LOGITS.format(task="SCORE")) == ["KC502"]
    assert codes("KC502", nets=nets, train=LOGITS.format(task="KIND")) == []


SEEDING = """import numpy as np
import tensorflow as tf


class Seeded:
    def __init__(self, seed):
        self.seed = seed

    def __enter__(self):
        np.random.seed(self.seed)
        {seed}
        return self

    def __exit__(self, *error):
        return False
"""


@pytest.mark.parametrize(
    ("seed", "found"),
    [("tf.random.set_seed(self.seed)", ["KC403"]), ("tf.keras.utils.set_random_seed(self.seed)", [])],
)
def test_what_a_context_manager_does_when_it_is_entered(codes, seed: str, found: list[str]) -> None:
    train = "import keras\nfrom seeding import Seeded\n\nwith Seeded(3):\n"
    train += "    model = keras.Sequential([keras.layers.Dense(3)])\n    model.compile('adam', 'mean_squared_error')\n"
    train += "    model.fit(read(), read())\n"
    assert codes("KC402,KC403", seeding=SEEDING.format(seed=seed), train=train) == found


def test_metrics_that_hold_when_nothing_is_given(codes) -> None:
    helper = "import keras\n\n\ndef finish(model, metrics=('accuracy',)):\n"
    helper += "    model.compile('adam', keras.losses.BinaryCrossentropy(), metrics=list(metrics))\n"
    assert codes("KC501", helper=helper) == ["KC501"]
    assert codes("KC501", helper=helper.replace("'accuracy'", "'binary_accuracy'")) == []


def test_the_default_settings_of_a_backbone(codes) -> None:
    config = "from dataclasses import dataclass\n\n\n@dataclass\nclass C:\n    weights: str = 'imagenet'\n\n\n"
    config += "DEFAULT = C()\n"
    nets = "from keras import applications\nfrom config import DEFAULT\n\n\ndef build(cfg=DEFAULT):\n"
    nets += "    return applications.EfficientNetB0(weights=cfg.weights)\n"
    train = "from nets import build\n\nbuild().save('m.keras')\n"
    pinned = ("--target-keras", "3.4.1")
    assert codes("KC210", *pinned, config=config, nets=nets, train=train) == ["KC210"]
    assert codes("KC210", *pinned, config=config.replace("'imagenet'", "None"), nets=nets, train=train) == []


LAYER = """import keras


class Scale(keras.layers.Layer):
    def call(self, x):
        return 2 * x
"""
BUILD = """import keras
{imports}


def build():
    inputs = keras.Input((4,))
    return keras.Model(inputs, Scale()(inputs))
"""


def test_a_package_that_is_imported_by_dots_alone(codes, tmp_path: Path) -> None:
    Path("pyproject.toml").write_text("")
    Path("net").mkdir()
    Path("serve").mkdir()
    Path("net/__init__.py").write_text("from .layers import Scale\nfrom .build import build\n")
    Path("net/layers.py").write_text(LAYER)
    Path("net/build.py").write_text(BUILD.format(imports="from .layers import Scale"))
    Path("net/train.py").write_text("from . import build\n\nbuild().save('scaled.keras')\n")
    load = "import keras\n\nmodel = keras.models.load_model('scaled.keras'{objects})\n"
    Path("serve/app.py").write_text(load.format(objects=""))
    assert sorted(codes("KC305,KC306")) == ["KC305", "KC306"]
    Path("serve/app.py").write_text(load.format(objects=", custom_objects={'Scale': read()}"))
    assert codes("KC305,KC306") == []
    # another folder of programs has files of its own
    Path("serve/app.py").write_text(load.format(objects=""))
    Path("net/__init__.py").unlink()
    Path("net/build.py").write_text(BUILD.format(imports="from layers import Scale"))
    Path("net/train.py").write_text("from build import build\n\nbuild().save('scaled.keras')\n")
    assert "KC306" not in codes("KC305,KC306")


KEEP = """import keras


def keep(model, path, weights=False):
    if weights:
        model.save_weights(path)
    else:
        model.save(path)


model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
"""


@pytest.mark.parametrize(
    ("calls", "found"),
    [
        ("keep(model, 'm.keras')\nkeep(model, 'm.weights.h5', weights=True)\n", []),
        ("keep(model, 'm.keras', True)\n", ["KC201"]),
        ("keep(model, 'm.ckpt', False)\n", ["KC202"]),
        ("keep(model, 'm.ckpt', read())\n", ["KC201", "KC202"]),
    ],
)
def test_a_branch_that_a_call_leaves_out_names_no_file(codes, calls: str, found: list[str]) -> None:
    assert codes("KC201,KC202", program=KEEP + calls) == found


LAZY = """from abc import ABC, abstractmethod

import keras


class Task(ABC):
    def __init__(self):
        self.model = self.network()

    @abstractmethod
    def network(self): ...

    def fit(self, x, y):
        self.model.compile("adam", "mean_squared_error")
        self.model.fit(x, y)
        return self

    def save(self, path):
        self.model.save_weights(path)


class Ready(Task):
    def network(self):
        return keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])


class Lazy(Task):
    def network(self):
        return keras.Sequential([keras.layers.Dense(1)])
"""


@pytest.mark.parametrize(
    ("use", "found"),
    [
        ("Lazy().save('a.weights.h5')", ["KC104"]),
        ("Ready().save('a.weights.h5')", []),
        ("Lazy().fit(read(), read()).save('a.weights.h5')", []),
        ("task = Lazy()\nhand_over(task)\ntask.save('a.weights.h5')", []),
    ],
)
def test_a_method_of_another_file_that_is_called_too_early(codes, use: str, found: list[str]) -> None:
    assert codes("KC104", tasks=LAZY, nightly=f"from tasks import Lazy, Ready\n\n{use}\n") == found


RETRAINED = {
    "churn/__init__.py": "",
    "churn/paths.py": """from pathlib import Path

NET = Path("artifacts") / "net.keras"
FIRST = "artifacts/first.keras"
""",
    "churn/losses.py": "from keras import ops\n\n\ndef steep(y, p):\n    return ops.mean(ops.square(y - p) * 3)\n",
    "jobs/train.py": """import keras

from churn.losses import steep
from churn.paths import NET

net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
net.compile("adam", loss=steep)
net.save(NET)
""",
    "jobs/retrain.py": """import keras

from churn import paths
from churn.losses import steep
from churn.paths import NET

net = keras.models.load_model({given})
net.fit(read(), read())
net.save(NET)
""",
    "jobs/score.py": "import keras\n\nfrom churn.paths import NET\n\nnet = keras.models.load_model(NET)\n",
}


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("NET, custom_objects={'steep': steep}", ["KC305", "KC306"]),
        ("NET, {'steep': steep}", ["KC305", "KC306"]),
        # what these write may be loaded without the loss
        ("NET, compile=False", ["KC305"]),
        ("NET, custom_objects={'steep': steep}, compile=read()", ["KC305"]),
        ("NET, custom_objects={'steep': keras.losses.mean_squared_error}", ["KC305"]),
        ("NET, custom_objects={'steep': read()}", ["KC305"]),
        ("NET, custom_objects=read()", ["KC305"]),
        ("paths.FIRST, custom_objects={'steep': steep}", ["KC305"]),
        ("read(), custom_objects={'steep': steep}", []),
        ("NET, custom_objects={'steep': steep})\nnet.compile('adam', 'mean_squared_error'", ["KC305"]),
    ],
)
def test_a_model_that_is_written_back_to_its_file(codes, given: str, found: list[str]) -> None:
    for name, text in RETRAINED.items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(text.replace("{given}", given))
    assert sorted(codes("KC305,KC306")) == found


def test_the_folder_of_programs_beside_a_package_that_has_no_mark_of_a_project(codes) -> None:
    for name, text in RETRAINED.items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(text)
    Path("jobs/retrain.py").unlink()
    assert sorted(codes("KC305,KC306")) == ["KC305", "KC306"]


def test_a_file_of_the_same_name_in_another_folder_is_not_written_back(codes) -> None:
    jobs = {"jobs/retrain.py", "jobs/train.py", "jobs/score.py"}
    for name, text in RETRAINED.items():
        Path(name).parent.mkdir(exist_ok=True)
        text = text.replace("{given}", "read() + '/net.keras', custom_objects={'steep': steep}")
        Path(name).write_text(text.replace("NET)", "read() + '/net.keras')") if name in jobs else text)
    assert "KC306" not in codes("KC305,KC306")


MIXIN = """class PlainCall:
    def call(self, x{flag}):
        for layer in self.stack:
            x = layer(x{given})
        return x
"""
HEIRS = """import keras
from mixins import PlainCall


class Noisy(PlainCall, keras.Model):
    def __init__(self):
        super().__init__()
        self.stack = [keras.layers.Dense(4), keras.layers.Dropout(0.5), keras.layers.Dense(1)]


class Calm(PlainCall, keras.Model):
    def __init__(self):
        super().__init__()
        self.stack = [keras.layers.Dense(4), keras.layers.Dense(1)]
"""
FIT = """import numpy as np
from heirs import Calm, Noisy

model = {made}()
model.compile("sgd", "mean_squared_error")
model.fit(np.ones((4, 2)), np.ones((4, 1)))
"""


@pytest.mark.parametrize(
    ("made", "flag", "given", "found"),
    [
        ("Noisy", "", "", ["KC601"]),
        ("Calm", "", "", []),
        ("Noisy", ", training=None", ", training=training", []),
    ],
)
def test_a_call_that_a_mixin_of_another_file_brings(codes, made: str, flag: str, given: str, found: list[str]) -> None:
    mixin = MIXIN.format(flag=flag, given=given)
    assert codes("KC601", mixins=mixin, heirs=HEIRS, fit=FIT.format(made=made)) == found
    assert codes("KC601", mixins=f"import keras\n\n\n{mixin}") == found


SCALED = """import keras


class Scale(keras.layers.Layer):
    def call(self, x):
        return 2 * x


def build():
    return keras.Sequential([keras.Input((4,)), Scale(), keras.layers.Dense(1)])


def scaled():
    model = build()
    model.save("net.keras")
{between}    return keras.models.load_model("net.keras"{given})


def plain():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
{written}    return keras.models.load_model("net.keras")


scaled()
plain()
"""
WRITES = '    model.save("net.keras")\n'
GIVEN = ', custom_objects={"Scale": Scale}'


@pytest.mark.parametrize(
    ("between", "given", "written", "found"),
    [
        ("", GIVEN, WRITES, []),  # the second function reads what it has written
        ("", GIVEN, "", ["KC305"]),
        (WRITES, GIVEN, WRITES, []),
        (WRITES, "", WRITES, ["KC305"]),
        ("", "", WRITES, ["KC305"]),
    ],
)
def test_a_function_reads_the_file_that_it_writes(
    codes, between: str, given: str, written: str, found: list[str]
) -> None:
    program = SCALED.format(between=between, given=given, written=written)
    assert codes("KC305", program=program) == found
