"""KC301 is a note where no file with the class reads or writes a configuration."""

from pathlib import Path

import pytest

from kerascheck.engine import Options, check
from kerascheck.files import ProjectReader
from kerascheck.semantic.project import Project
from kerascheck.semantic.target import Target, default_target, parse_target
from kerascheck.text import SourceText

LAYER = """import keras


class Scale(keras.layers.Layer):
    def __init__(self, factor=1.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs):
        return inputs * self.factor

    def get_config(self):
        return super().get_config()
"""
TRAIN = """import keras
import numpy as np
from blocks import Scale

rows = np.ones((4, 3), "float32")
model = keras.Sequential([keras.Input((3,)), Scale(4.0), keras.layers.Dense(1)])
model.compile("adam", "mse")
model.fit(rows, rows[:, :1])
np.save("rows.npy", rows)
"""
WEIGHTS = 'model.save_weights("net.weights.h5")\n'


def severities(folder: Path, own: str, target: Target | None = None, **others: str) -> list[str]:
    """Of the findings in `blocks.py`."""
    for name, text in {"blocks": own, **others}.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    (folder / "pyproject.toml").write_text("", encoding="utf-8")
    options = Options(frozenset({"KC301"}), target or default_target())
    project = Project(ProjectReader(), options.target)
    findings = check(SourceText(own), str(folder / "blocks.py"), options, project).findings
    return [item.severity.name.lower() for item in findings]


@pytest.mark.parametrize(
    ("kept", "found"),
    [
        (WEIGHTS, "info"),
        ('# model.save("net.keras")\n' + WEIGHTS, "info"),
        ('keras.callbacks.ModelCheckpoint("net.weights.h5", save_weights_only=True)\n', "info"),
        ('step = tf.train.Checkpoint(model=model)\nstep.save("steps")\n' + WEIGHTS, "info"),
        ("class Agent:\n    def load_model(self, path):\n        model.load_weights(path)\n", "info"),
        ("step = tf.train.Checkpoint(model=model)\n", "info"),
        ('tf.saved_model.save(model, "served")\n', "info"),
        ('model.export("served")\n' + WEIGHTS, "info"),
        ("own.save()\n" + WEIGHTS, "info"),  # a model needs a path
        ("Image.fromarray(rows).convert('L').save(path)\nfirst_image.save(path)\n" + WEIGHTS, "info"),
        ("print(model.optimizer.get_config())\n" + WEIGHTS, "info"),
        ("import copy\n\nchanged = copy.deepcopy(base_config)\n" + WEIGHTS, "info"),
        (
            "from own.loading import load_model\n\n\ndef load_model_again():\n    return load_model()\n" + WEIGHTS,
            "error",
        ),
        ('tf.saved_model.save(model, "served")\nagain = keras.models.load_model("served")\n', "error"),
        ('model.save("net.keras")\n' + WEIGHTS, "error"),
        ('keras.callbacks.ModelCheckpoint("net.keras", save_best_only=True)\n' + WEIGHTS, "error"),
        ('model = keras.models.load_model("net.keras")\n' + WEIGHTS, "error"),
        ("second = keras.models.clone_model(model)\n" + WEIGHTS, "error"),
        ("import copy\n\nsecond = copy.deepcopy(model)\n" + WEIGHTS, "error"),
        ("second = keras.layers.Bidirectional(keras.layers.LSTM(2))\n" + WEIGHTS, "error"),
        ("second = Scale.from_config(model.layers[0].get_config())\n" + WEIGHTS, "error"),
        ("text = model.to_json()\n" + WEIGHTS, "error"),
        ("", "error"),  # who knows what others do with the class
    ],
)
def test_what_the_program_keeps_decides(tmp_path: Path, kept: str, found: str) -> None:
    assert severities(tmp_path, LAYER, train=TRAIN + kept) == [found]


@pytest.mark.parametrize(("given", "found"), [("", "info"), (", only=True", "info"), (", only=False", "error")])
def test_a_checkpoint_of_the_project_that_keeps_weights(tmp_path: Path, given: str, found: str) -> None:
    keeper = """import keras


class Keeper(keras.callbacks.ModelCheckpoint):
    def __init__(self, path, only=True):
        super().__init__(path, save_weights_only=only)
"""
    program = f'from keepers import Keeper\n{TRAIN}model.fit(rows, callbacks=[Keeper("net.weights.h5"{given})])\n'
    end = "model.load_weights('net.weights.h5')\n"
    assert severities(tmp_path, LAYER, program=program + end, keepers=keeper) == [found]


def test_a_file_that_has_nothing_to_do_with_the_class_may_save(tmp_path: Path) -> None:
    other = 'import keras\n\nkeras.Sequential([keras.Input((3,)), keras.layers.Dense(1)]).save("other.keras")\n'
    assert severities(tmp_path, LAYER, train=TRAIN + WEIGHTS, other=other) == ["info"]


def test_a_helper_that_the_program_calls_saves(tmp_path: Path) -> None:
    train = "from files import put\n" + TRAIN + WEIGHTS + "put(model)\n"
    assert severities(tmp_path, LAYER, train=train, files="def put(net):\n    net.save('net.keras')\n") == ["error"]


def test_a_package_is_for_others(tmp_path: Path) -> None:
    setup = "from setuptools import setup\n\nsetup(name='blocks')\n"
    assert severities(tmp_path, LAYER, train=TRAIN + WEIGHTS, setup=setup) == ["error"]


@pytest.mark.parametrize(("method", "found"), [("save", "info"), ("load", "error")])
def test_a_program_that_makes_weights_without_training(tmp_path: Path, method: str, found: str) -> None:
    train = TRAIN.replace("model.fit(rows, rows[:, :1])\n", "")
    assert severities(tmp_path, LAYER, train=train + WEIGHTS.replace("save", method)) == [found]


@pytest.mark.parametrize(("end", "found"), [("", "info"), ('model.save("net.keras")\n', "error")])
def test_a_class_that_no_file_which_trains_has(tmp_path: Path, end: str, found: str) -> None:
    train = TRAIN.replace("from blocks import Scale\n", "").replace("Scale(4.0), ", "")
    assert severities(tmp_path, LAYER, train=train + WEIGHTS + end) == [found]


KEPT_OTHERWISE = [
    "frames[0].save(out, save_all=True, append_images=frames[1:])\n",  # no model's save takes these
    'frame.save(os.path.join(folder, "frame.png"))\n',
    "from PIL import Image\n\npicture = Image.open(path)\npicture.save(path)\n",
    "self.manager = tf.train.CheckpointManager(step, folder)\nself.manager.save(number)\n",
    "converter = tf.experimental.tensorrt.Converter(conversion_params=params)\nconverter.save(path)\n",
    'parser.add_argument("--load_model")\nif args.load_model:\n    pass\n',
    "from keras.models import load_model\n",  # and never uses it
    "shape = self.loader.load_model(mesh.filename)\n",
    "def to_json(self):\n    return {}\n",
    "table.to_json(path)\n",
    "class Text:\n    def copy(self, rows: np.ndarray):\n        return copy.deepcopy(rows)\n",
    "def shown(layer):\n    print(layer.get_config())\n",
    "old = keras.applications.VGG19()\nfor layer in old.layers:\n"
    "    new = layer.__class__.from_config(layer.get_config())\n",
    "class Table(keras.layers.Layer):\n    pass\n\n\nagain = Table.from_config(Table().get_config())\n",
    'model.save("served", save_format="tf")\n',
    "model.save(served_dir)\n",
    'served = f"{name}_served"\nmodel.save(served)\n',
    "keras.callbacks.ModelCheckpoint(log_dir, monitor='loss')\n",
    "import pickle\n\nC = Config()\nC.model_path = path\npickle.dump(C, file)\n",
    "from keras.layers import (\n    LSTM, Bidirectional\n)\n",  # and never uses it
]
STILL_WHOLE = [
    "model.save(path, include_optimizer=False)\n",
    "model.save(path, **given)\n",
    'served = "net.h5"\nmodel.save(served)\n',
    'from keras.models import load_model\nmodel = load_model("net")\n',
    'import keras.models as files\nmodel = files.load_model("net")\n',
    'from keras.models import *\nmodel = load_model("net")\n',
    "read = keras.models.load_model\n",
    'read = getattr(keras.models, "load_model")\n',
    "text = model.to_json(indent=2)\n",
    "text = json.dumps(layer.get_config())\n",
    "second = Scale(**layer.get_config())\n",
    "class Wide(Scale):\n    pass\n\n\nsecond = Wide.from_config(layer.get_config())\n",
    "def copied(layer):\n    return layer.__class__.from_config(layer.get_config())\n",
    'import pickle\n\nfound = {}\nfound["net"] = model\npickle.dump(found, file)\n',
    "import pickle\n\nC = Config()\nC.net = model\npickle.dump(C, file)\n",
    "from keras.layers import Bidirectional\nboth = Bidirectional(Scale(2.0))\n",
    "from keras.layers import Bidirectional as Both\n",
    "from keras import layers\nboth = layers.Bidirectional(Scale(2.0))\n",
    "import pickle\n\nC = Config()\nif more:\n    C = model\npickle.dump(C, file)\n",
    "import pickle\n\nC = Config()\ndef keep(C):\n    pickle.dump(C, file)\n",
]


@pytest.mark.parametrize(
    ("text", "found"), [*((text, "info") for text in KEPT_OTHERWISE), *((text, "error") for text in STILL_WHOLE)]
)
def test_what_may_be_a_model_counts(tmp_path: Path, text: str, found: str) -> None:
    assert severities(tmp_path, LAYER, train=TRAIN + WEIGHTS + text) == [found]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("def keep(paths):\n    frames = [draw(path) for path in paths]\n    frames[0].save('all')\n", "info"),
        ("def show(loader):\n    return loader.load_model('cup')\n", "info"),
        ("def keep(nets):\n    for number, net in enumerate(nets):\n        net.save(f'net_{number}')\n", "error"),
        ("class Keeper:\n    def keep(self, path):\n        self.net.save(path)\n", "error"),
        ("def write(net):\n    return net.to_json()\n", "error"),
    ],
)
def test_a_file_without_keras_has_only_what_it_is_handed(tmp_path: Path, text: str, found: str) -> None:
    assert severities(tmp_path, LAYER, train="import files\n" + TRAIN + WEIGHTS, files=text) == [found]


OPTIMIZER = """import keras


class Decayed(keras.optimizers.SGD):
    def __init__(self, learning_rate=0.1, kept=None, **kwargs):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.kept = kept

    def call(self):
        return self.kept

    def get_config(self):
        return super().get_config()
"""


@pytest.mark.parametrize(("release", "found"), [("2.15", "info"), ("3.15", "error")])
def test_the_json_of_keras_2_has_no_optimizer(tmp_path: Path, release: str, found: str) -> None:
    train = TRAIN.replace("Scale(4.0), ", "").replace("Scale", "Decayed").replace('"adam"', "Decayed(kept=[3])")
    text = "text = model.to_json()\nagain = keras.models.model_from_json(text)\n"
    target = parse_target(f"keras=={release}")
    assert severities(tmp_path, OPTIMIZER, target, train=train + WEIGHTS + text) == [found]


@pytest.mark.parametrize(
    ("release", "own", "found"),
    [
        ("2.15", OPTIMIZER, "info"),
        ("3.15", OPTIMIZER, "error"),
        (">=2.15,<3.2", OPTIMIZER, "error"),
        ("2.15", LAYER, "error"),
    ],
)
def test_a_clone_is_not_compiled_on_keras_2(tmp_path: Path, release: str, own: str, found: str) -> None:
    train = TRAIN
    if own is OPTIMIZER:
        train = TRAIN.replace("Scale(4.0), ", "").replace("Scale", "Decayed").replace('"adam"', "Decayed(kept=[3])")
    text = "second = keras.models.clone_model(model)\n"
    target = parse_target(f"keras{release}" if release[0] == ">" else f"keras=={release}")
    assert severities(tmp_path, own, target, train=train + WEIGHTS + text) == [found]


FAILING = LAYER.replace("return super().get_config()", 'return {**super().get_config(), "name": self.scale}')


@pytest.mark.parametrize(
    ("end", "found"), [("", "info"), ("model.save(served_dir)\n", "error"), ("model.export(served_dir)\n", "info")]
)
def test_a_configuration_that_cannot_be_written(tmp_path: Path, end: str, found: str) -> None:
    assert severities(tmp_path, FAILING, train=TRAIN + WEIGHTS + end) == [found]


@pytest.mark.parametrize(("end", "found"), [("", "info"), ('model.save("net.keras")\n', "error")])
def test_many_programs_that_use_the_class(tmp_path: Path, end: str, found: str) -> None:
    programs = {f"train_{number}": TRAIN + WEIGHTS for number in range(14)}
    assert severities(tmp_path, LAYER, **programs, last=TRAIN + WEIGHTS + end) == [found]


@pytest.mark.parametrize(("start", "found"), [("from loading", "info"), ("from keras.models", "error")])
def test_a_function_of_the_project_that_is_called_load_model(tmp_path: Path, start: str, found: str) -> None:
    own = "def load_model(name):\n    return name\n"
    train = f"import loading\n{start} import load_model\n" + TRAIN + WEIGHTS
    assert severities(tmp_path, LAYER, train=train, loading=own) == [found]


@pytest.mark.parametrize(("end", "found"), [("", "info"), ('model.save("net.keras")\n', "error")])
def test_a_program_that_trains_and_ends(tmp_path: Path, end: str, found: str) -> None:
    train = TRAIN.replace("import keras\n", "").replace("from blocks import Scale\n", "")
    assert severities(tmp_path, LAYER + "\n\n" + train + end) == [found]


LISTING = """import keras


class Listing(keras.layers.Layer):
    fields = ()

    def __init__(self, factor=1.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def get_config(self):
        return {{**super().get_config(), **{{name: getattr(self, name) for name in type(self).fields}}}}


class Scale(Listing):
    fields = {fields}

    def call(self, inputs):
        return inputs * self.factor
"""


@pytest.mark.parametrize(
    ("fields", "found"),
    [('("factor",)', []), ("names()", []), ('("name",)', ["error"]), ("()", ["error"])],
)
def test_the_names_that_a_base_writes_are_those_that_the_class_lists(
    tmp_path: Path, fields: str, found: list[str]
) -> None:
    save = TRAIN + 'model.save("net.keras")\n'
    assert severities(tmp_path, LISTING.format(fields=fields), train=save) == found


OUTER = """import keras
from blocks import Scale


class Block(keras.layers.Layer):
    def __init__(self, width, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        {made}

    def call(self, inputs):
        return self.scale(inputs)

    def get_config(self):
        return {{**super().get_config(), "width": self.width}}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


model = keras.Sequential([keras.Input((3,)), Block(4), keras.layers.Dense(1)])
model.compile("adam", "mse")
model.save("net.keras")
{behind}
"""


@pytest.mark.parametrize(
    ("made", "behind", "found"),
    [
        ("self.scale = Scale(4.0)", "", "info"),
        ("self.scales = [Scale(4.0) for _ in range(width)]", "", "info"),
        ("self.scale = keras.layers.Bidirectional(Scale(4.0))", "", "error"),  # it asks for the configuration
        ("self.scale = Scale(4.0)", "model.add(Scale(2.0))", "error"),
        ("self.scale = Scale(4.0)", "class Other(Scale):\n    pass", "error"),
        ("self.scale = Scale(4.0)", "kinds = {'scale': Scale}", "error"),
        ("self.width = Scale(4.0)", "", "error"),  # it is in the configuration
    ],
)
def test_a_layer_that_only_other_layers_make(tmp_path: Path, made: str, behind: str, found: str) -> None:
    assert severities(tmp_path, LAYER, outer=OUTER.format(made=made, behind=behind)) == [found]


def test_a_layer_of_a_package_may_be_made_by_others(tmp_path: Path) -> None:
    outer = OUTER.format(made="self.scale = Scale(4.0)", behind="")
    assert severities(tmp_path, LAYER, outer=outer, setup="from setuptools import setup\n\nsetup()\n") == ["error"]


PLAIN_OUTER = """import keras
from blocks import Scale


class Block(keras.layers.{base}):
    def __init__(self, **kwargs):
        super().__init__({given}**kwargs)
        self.scale = Scale(4.0)

    def call(self, inputs):
        return self.scale(inputs)


model = keras.Sequential([keras.Input((3,)), Block(), keras.layers.Dense(1)])
model.compile("adam", "mse")
model.save("net.keras")
"""


@pytest.mark.parametrize(
    ("base", "given", "found"),
    [("Layer", "", "info"), ("Wrapper", "keras.layers.Dense(3), ", "error"), ("Dense", "3, ", "error")],
)
def test_an_outer_layer_without_a_configuration_of_its_own(tmp_path: Path, base: str, given: str, found: str) -> None:
    assert severities(tmp_path, LAYER, outer=PLAIN_OUTER.format(base=base, given=given)) == [found]


@pytest.mark.parametrize(
    ("end", "other", "found"),
    [
        ("print(Scale(4.0)(rows))", "x = 1\n", "info"),
        ("print(Scale(4.0)(rows))", None, "error"),
        ("", "x = 1\n", "error"),
        ("model.add(Scale(4.0))\nmodel.save('net.keras')", "x = 1\n", "error"),
    ],
)
def test_a_class_of_a_notebook(tmp_path: Path, end: str, other: str | None, found: str) -> None:
    if other is not None:
        (tmp_path / "other.py").write_text(other, encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text("", encoding="utf-8")
    options = Options(frozenset({"KC301"}), default_target())
    project = Project(ProjectReader(), options.target)
    findings = check(SourceText(LAYER + "\n\n" + end), str(tmp_path / "own.ipynb"), options, project).findings
    assert [item.severity.name.lower() for item in findings] == [found]


def test_a_call_of_another_class_by_super_in_a_class_that_nothing_makes(tmp_path: Path) -> None:
    failing = LAYER.replace("super().get_config()", "super(Gone, self).get_config()")
    layers = "\n\nclass Double(keras.layers.Layer):\n    pass\n"
    train = TRAIN.replace("Scale(4.0)", "Double()").replace("import Scale", "import Double, Scale")
    assert severities(tmp_path, failing + layers, train=train + 'model.save("net.keras")\n') == ["info"]


CALLING = """    def __call__(self, inputs, **kwargs):
        {start}
        return keras.layers.Add()([self.inner(rows), self.inner(more)])
"""


@pytest.mark.parametrize(
    ("start", "found"),
    [
        ("rows, more = inputs", []),
        ("rows = more = inputs", ["error"]),  # a `Sequential` may have it
        ("rows, more = super().__call__(inputs)", ["error"]),
        ("rows, more = inputs\n        rows = super().__call__(rows)", ["error"]),
    ],
)
def test_a_layer_that_is_no_part_of_the_graph(tmp_path: Path, start: str, found: list[str]) -> None:
    own = LAYER.replace("    def get_config", CALLING.format(start=start) + "\n    def get_config")
    assert severities(tmp_path, own) == found
