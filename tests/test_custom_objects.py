"""The fixes of one class land together, and files cross a safe fix in both directions in a real Keras."""

from pathlib import Path

import pytest
import truth
from test_rules import BLOCKS as RULE_BLOCKS
from test_rules import repaired

from kerascheck.engine import Options, check, fix
from kerascheck.files import ProjectReader
from kerascheck.semantic.project import Project
from kerascheck.semantic.target import default_target, parse_target
from kerascheck.text import SourceText

CODES = frozenset({"KC301", "KC302", "KC304", "KC305", "KC306", "KC307", "KC000", "KC002"})

MODELS = """import keras


class Net(keras.Model):
    def __init__(self, units=3, scale=2.0):
        super().__init__()
        self.scale = scale
        self.dense = keras.layers.Dense(units)

    def call(self, inputs):
        return self.dense(inputs) * self.scale


class Block(keras.layers.Layer):
    def __init__(self, rate=0.5, power=1):
        super(Block, self).__init__()
        self.rate = rate
        self.power = power

    def call(self, inputs):
        return (inputs * self.rate) ** self.power

    def get_config(self):
        config = super(Block, self).get_config()
        config["rate"] = self.rate
        return config
"""

FIXED = """import keras


@keras.utils.register_keras_serializable(package="models")
class Net(keras.Model):
    def __init__(self, units=3, scale=2.0, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.scale = scale
        self.dense = keras.layers.Dense(units)

    def call(self, inputs):
        return self.dense(inputs) * self.scale

    def get_config(self):
        config = super().get_config()
        config.update({"units": self.units, "scale": self.scale})
        return config


@keras.utils.register_keras_serializable(package="models")
class Block(keras.layers.Layer):
    def __init__(self, rate=0.5, power=1, **kwargs):
        super(Block, self).__init__(**kwargs)
        self.rate = rate
        self.power = power

    def call(self, inputs):
        return (inputs * self.rate) ** self.power

    def get_config(self):
        config = super(Block, self).get_config()
        config["rate"] = self.rate
        config["power"] = self.power
        return config
"""

TRAIN = """import keras
from models import Block, Net

net = Net(scale=5.0)
net.save("net.keras")
blocks = keras.Sequential([keras.Input((3,)), Block(0.25, power=3)])
blocks.save("blocks.keras")
"""

SERVE = """import keras
import models

net = keras.models.load_model("net.keras")
blocks = keras.models.load_model("blocks.keras")
"""


def write_project(folder: Path) -> Path:
    for name, text in (("pyproject.toml", ""), ("models.py", MODELS), ("train.py", TRAIN), ("serve.py", SERVE)):
        (folder / name).write_text(text, encoding="utf-8")
    return folder / "models.py"


def test_the_findings_stand_in_the_file_of_the_class(tmp_path: Path) -> None:
    path = write_project(tmp_path)
    options = Options(CODES, default_target())
    project = Project(ProjectReader(), default_target())
    found = [(item.code, item.subject) for item in check(SourceText(MODELS), str(path), options, project).findings]
    assert sorted(found) == [
        ("KC301", "Block"), ("KC302", "Net"), ("KC304", "Block"),
        ("KC304", "Net"), ("KC305", "Block"), ("KC305", "Net"),
    ]  # fmt: skip
    serve = check(SourceText(SERVE), str(tmp_path / "serve.py"), options, project).findings
    assert [(item.code, item.start.line, item.related[0].line) for item in serve] == [("KC306", 4, 5), ("KC306", 5, 7)]


def test_the_fixes_of_one_class_land_together_and_are_safe(tmp_path: Path) -> None:
    path = write_project(tmp_path)
    project = Project(ProjectReader(), default_target())
    options = Options(CODES, default_target())
    fixed = fix(SourceText(MODELS), str(path), options, unsafe=False, project=project)
    assert fixed.source.text == FIXED
    assert fixed.left.findings == ()
    path.write_text(FIXED, encoding="utf-8")
    again = Project(ProjectReader(), default_target())
    assert check(SourceText(SERVE), str(tmp_path / "serve.py"), options, again).findings == ()


# {before} and {after} are the classes of one module before and after its fixes.
CROSS = """
import keras
import numpy as np

texts = {{"before": {before!r}, "after": {after!r}}}
x = np.random.RandomState(0).rand(4, 3).astype("float32")
made = {{}}
for name, text in texts.items():
    names = {{"__name__": "models"}}
    exec(text, names)
    made[name] = {{key: value for key, value in names.items() if isinstance(value, type)}}


def models(classes):
    net = classes["Net"]()
    net(x)
    yield "net", net
    yield "blocks", keras.Sequential([keras.Input((3,)), classes["Block"]()])
    other = classes["Net"](scale=5.0)
    other(x)
    yield "scaled", other
    yield "powered", keras.Sequential([keras.Input((3,)), classes["Block"](0.25, power=3)])


def outcome(writer, reader):
    done = {{}}
    for name, model in models(made[writer]):
        model.save("crossed.keras")
        keras.utils.get_custom_objects().clear()
        try:
            loaded = keras.models.load_model("crossed.keras", custom_objects=made[reader])
            done[name] = bool(np.allclose(np.asarray(model(x)), np.asarray(loaded(x))))
        except TypeError:
            done[name] = None
    return done


results = {{f"{{writer}} to {{reader}}": outcome(writer, reader) for writer in made for reader in made}}
"""


@pytest.mark.skipif(truth.installed_keras() is None, reason="not run: no Keras 3 is installed")
def test_files_cross_the_fixes_in_both_directions() -> None:
    after = FIXED.replace('@keras.utils.register_keras_serializable(package="models")\n', "")
    crossed = truth.run_fresh(CROSS.format(before=MODELS, after=after))
    assert crossed.error is None, crossed.error
    results = {name: dict(found) for name, found in dict(crossed.state["results"]).items()}
    assert set(results["before to before"].values()) == {None}  # without **kwargs nothing loads
    assert set(results["after to after"].values()) == {True}
    assert results["before to after"] == {"net": True, "blocks": True, "scaled": False, "powered": False}
    # a reader that could not load before still cannot: no program that ran is worse off
    assert set(results["after to before"].values()) == {None}


@pytest.mark.parametrize("code", ["KC301", "KC302", "KC304", "KC305"])
def test_the_fixed_classes_have_nothing_left_of_the_same_rule(code: str) -> None:
    for block in RULE_BLOCKS:
        if block.code == code and block.kind == "bad":
            left = repaired(block).left.findings
            assert all(finding.fix is None for finding in left), block.name


MEASURED = """import keras


def near(y_true, y_pred):
    return keras.backend.mean(y_pred - y_true)


def save():
    model = keras.Sequential([keras.layers.Dense(1, input_shape=(3,))])
    model.compile("adam", loss=keras.losses.MeanSquaredError(), metrics=[near])
    model.save("measured.{end}")


loaded = keras.models.load_model("measured.{end}")
"""


@pytest.mark.parametrize(
    ("end", "target", "codes"),
    [
        ("h5", "keras==2.15.0", ["KC305", "KC306"]),
        ("h5", "keras==3.15.1", []),
        ("keras", "keras==2.15.0", ["KC305", "KC306"]),
        ("keras", "keras==3.15.1", ["KC305", "KC306"]),
    ],
)
def test_keras_3_loads_an_h5_file_without_its_metrics(end: str, target: str, codes: list[str]) -> None:
    wanted = parse_target(target)
    options = Options(frozenset({"KC305", "KC306"}), wanted)
    project = Project(ProjectReader(), wanted)
    text = MEASURED.format(end=end)
    assert sorted(item.code for item in check(SourceText(text), "measured.py", options, project).findings) == codes


LEAVES_OUT = """import keras


class Own(keras.{base}):
    def __init__(self, {parameters}):
        super().__init__()
        self.size = size

    def call(self, inputs, outputs=None):
        return inputs * self.size

    def get_config(self):
        return {{**super().get_config()}}
"""
NAME_FIRST = "which has no default: loading raises, first for `name`"


# run on 2.15 and 3.15.1: Python names a key that is not taken before an argument that is missing
@pytest.mark.parametrize(
    ("base", "parameters", "target", "says"),
    [
        ("layers.Layer", "size", "3.15.1", NAME_FIRST),
        ("layers.Layer", "size", "2.15.0", NAME_FIRST),
        ("layers.Layer", "size=1", "3.15.1", "and loading raises for `name`"),
        ("layers.Layer", "size, name=None", "3.15.1", "first for `trainable`"),
        ("layers.Layer", "size, name=None, trainable=True", "2.15.0", "first for `dtype`"),
        ("layers.Layer", "size, name=None, trainable=True, dtype=None", "3.15.1", "no default: loading raises"),
        ("layers.Layer", "size, **kwargs", "3.15.1", "no default: loading raises"),
        ("Model", "size", "3.15.1", NAME_FIRST),
        ("Model", "size", "2.15.0", "no default: loading raises"),
        ("Model", "size=1", "2.15.0", "a loaded copy gets the default `1` instead"),
        ("losses.Loss", "size", "3.15.1", NAME_FIRST),
        ("losses.Loss", "size", "2.15.0", "first for `reduction`"),
        ("metrics.Metric", "size", "3.15.1", NAME_FIRST),
    ],
)
def test_the_key_that_is_not_taken_first_is_the_one_that_loading_raises_for(
    base: str, parameters: str, target: str, says: str
) -> None:
    source = SourceText(LEAVES_OUT.format(base=base, parameters=parameters))
    found = check(source, "own.py", Options(frozenset({"KC301"}), parse_target(f"keras=={target}"))).findings
    assert [item.message for item in found if item.message.endswith(says)], found


HANDS_ON = """import keras


class Own(keras.layers.{base}):
    def __init__(self, *parts, size=1, width=2, **kwargs):
        super().__init__(*parts, **kwargs)
        self.size, self.width = size, width

    def call(self, inputs):
        return super().call(inputs) * self.size * self.width

    def get_config(self):
        return {{**super().get_config(), "width": self.width, "{key}": 1}}
"""


# run on 2.15 and 3.15.1: all of Keras' layers but `HashedCrossing` raise for what they do not take
@pytest.mark.parametrize(
    ("base", "key", "raises"),
    [
        ("Conv2D", "members", True),
        ("LSTM", "members", True),
        ("Layer", "members", True),
        ("Conv2D", "groups", False),
        ("LSTM", "time_major", False),
        ("Dense", "trainable", False),
        ("HashedCrossing", "members", False),
        ("NotOfKeras", "members", False),
    ],
)
def test_a_key_that_the_layer_of_keras_does_not_take_is_what_loading_raises_for(
    base: str, key: str, raises: bool
) -> None:
    source = SourceText(HANDS_ON.format(base=base, key=key))
    found = check(source, "own.py", Options(frozenset({"KC301"}), parse_target("keras==3.15.1"))).findings
    assert any(item.message.endswith("which the constructor takes: loading raises") for item in found) == raises, found


STARTS = """import tensorflow as tf

from tables import f, made


class Own(tf.keras.layers.Layer):
    def __init__(self, {parameter}, **kwargs):
        table = kwargs.pop("table", None)
        super().__init__(**kwargs)
        {statement}

    def call(self, inputs):
        return inputs * tf.reduce_sum(self.table)

    def get_config(self):
        return super().get_config()
"""


# Keras 2 has a `tf.Variable` of a layer among its weights (run on 2.15); of another shape it would not load
@pytest.mark.parametrize(
    ("parameter", "statement", "target", "severity"),
    [
        ("start=1.0", "self.table = tf.Variable(start)", "2.15.0", "info"),
        ("start=1.0", "self.table = tf.Variable(tf.fill((2,), start * 2))", "2.15.0", "info"),
        ("start=1", "self.table = tf.Variable(start)", "2.15.0", "info"),
        ("start='low'", "table = f(table, start); self.table = tf.Variable(table)", "2.15.0", "info"),
        ("start=1.0", "self.table = tf.Variable(start)", "3.15.1", "error"),
        ("start=1.0", "self.table = tf.Variable(1.0, trainable=start > 1)", "2.15.0", "error"),
        ("start=1.0", "table = tf.Variable(start); self.table = 1", "2.15.0", "error"),
        ("start=1.0", "self.table = self.other = tf.Variable(start)", "2.15.0", "error"),
        ("start=1", "self.table = tf.Variable(tf.zeros(start))", "2.15.0", "error"),
        ("start=1", "start = tf.zeros(start); self.table = tf.Variable(start)", "2.15.0", "error"),
        ("start=1", "size = start; size = tf.zeros(size); self.table = tf.Variable(size)", "2.15.0", "error"),
        ("start=1", "self.table = tf.Variable([1.0] * start)", "2.15.0", "error"),
        ("start='low'", "table = made[start]; self.table = tf.Variable(table)", "2.15.0", "error"),
        ("start=None", "self.table = tf.Variable(start)", "2.15.0", "error"),
    ],
)
def test_the_first_value_of_a_variable_is_a_note_where_its_file_holds_it(
    parameter: str, statement: str, target: str, severity: str
) -> None:
    source = SourceText(STARTS.format(parameter=parameter, statement=statement))
    found = check(source, "own.py", Options(frozenset({"KC301"}), parse_target(f"keras=={target}"))).findings
    assert [item.severity.label for item in found] == [severity], found


TRAINS_ALONE = """import keras


def own_loss(y_true, y_pred):
    return keras.ops.mean(keras.ops.abs(y_true - y_pred))


model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
model.compile("adam", loss=own_loss)
model.save("net.keras")
"""
READS_ALONE = "import sys\nimport keras\n\nmodel = keras.models.load_model(sys.argv[1]{})\n"


@pytest.mark.parametrize(
    ("reader", "found"),
    [
        (READS_ALONE.format(""), ["KC305"]),
        (READS_ALONE.format(", compile=False"), []),
        (READS_ALONE.format(", compile=False") + 'print "read", model\n', []),  # Python 2
        (READS_ALONE.format(", compile=True") + 'print "read", model\n', ["KC305"]),
        (READS_ALONE.format(',\n    custom_objects={"own_loss": own_loss()},\n'), []),
        (READS_ALONE.format(', custom_objects={"loss": None}'), ["KC305"]),
        (READS_ALONE.format("").replace("model =", "# model =") + "# compile=False\n", ["KC305"]),
        (READS_ALONE.format(", compile=False") + 'model.save("other.keras")\n', ["KC305"]),  # it reads its own
        (READS_ALONE.format(", compile=False").replace("sys.argv[1]", '"other.keras"'), ["KC305"]),
        ("print \"\"\nmodel = load_model('out/net.keras', compile=False)\nmodel.save('other.keras')", []),
    ],
)
def test_what_a_model_was_compiled_with_is_not_missed_where_no_load_compiles(
    tmp_path: Path, reader: str, found: list[str]
) -> None:
    (tmp_path / "train.py").write_text(TRAINS_ALONE)
    (tmp_path / "predict.py").write_text(reader)
    project = Project(ProjectReader(), default_target())
    result = check(SourceText(TRAINS_ALONE), str(tmp_path / "train.py"), Options(CODES, default_target()), project)
    assert [item.code for item in result.findings] == found


READ_AS_WEIGHTS = """import sys

import keras


class Halved(keras.layers.Layer):
    def call(self, inputs):
        return inputs / 2


def network():
    inputs = keras.Input((3,))
    twice = keras.layers.Lambda(lambda x: x * 2)(inputs)
    return keras.Model(inputs, keras.layers.Dense(1)(Halved()(twice)))


network().save("net.keras")
"""


@pytest.mark.parametrize(
    ("reader", "found"),
    [
        ("model = network()\nmodel.load_weights(sys.argv[1])\n", [("KC307", "info")]),
        ("model = network()\nmodel.load_weights('other.keras')\n", [("KC305", "warning"), ("KC307", "error")]),
        ("model = keras.models.load_model(sys.argv[1])\n", [("KC305", "warning"), ("KC307", "error")]),
        ("print(network())\n", [("KC305", "warning"), ("KC307", "error")]),
    ],
)
def test_a_project_that_only_reads_weights_loses_no_objects(
    tmp_path: Path, reader: str, found: list[tuple[str, str]]
) -> None:
    """The file may be any: what is told is whether anything of the project reads a whole model."""
    path = tmp_path / "net.py"
    path.write_text(READ_AS_WEIGHTS)
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "predict.py").write_text("import sys\n\nimport keras\nfrom net import network\n\n" + reader)
    options = Options(frozenset({"KC305", "KC307"}), default_target())
    project = Project(ProjectReader(), options.target)
    findings = check(SourceText.from_bytes(path.read_bytes()), str(path), options, project).findings
    assert sorted((item.code, item.severity.name.lower()) for item in findings) == found


@pytest.mark.parametrize(
    ("reader", "found"),
    [
        ("network().load_weights('runs/first.h5')\n", []),  # it lies beside the one that is written
        ("network().load_weights('model_best.h5')\n", []),  # a name of the same kind
        ("load_model = False\nif load_model:\n    network().load_weights('runs/first.h5')\n", []),
        ("keras.models.load_model('runs/folder')\nnetwork().load_weights('runs/first.h5')\n", []),
        ("network().load_weights('vgg16_notop.h5')\n", ["KC305"]),  # of another model
        ("keras.models.load_model('runs/last.h5')\nnetwork().load_weights('runs/first.h5')\n", ["KC305"]),
        ("keras.models.load_model(sys.argv[1])\nnetwork().load_weights('runs/first.h5')\n", ["KC305"]),
        ("network().save_weights('runs/a.h5')\nnetwork().load_weights('runs/a.h5')\n", ["KC305"]),
    ],
)
def test_a_project_that_reads_the_weights_of_files_like_this_one_loses_no_objects(
    tmp_path: Path, reader: str, found: list[str]
) -> None:
    path = tmp_path / "net.py"
    path.write_text(
        READ_AS_WEIGHTS.replace('"net.keras"', '"runs/model_7.h5"').replace("Lambda(lambda x: x * 2)", "ReLU()")
    )
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "predict.py").write_text("import sys\n\nimport keras\nfrom net import network\n\n" + reader)
    options = Options(frozenset({"KC305"}), default_target())
    project = Project(ProjectReader(), options.target)
    findings = check(SourceText.from_bytes(path.read_bytes()), str(path), options, project).findings
    assert [item.code for item in findings] == found


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ('{"Halved": Halved}', []),
        ("None", ["KC305"]),
    ],
)
def test_a_load_of_another_file_shows_that_the_object_is_handed_over(
    tmp_path: Path, given: str, found: list[str]
) -> None:
    """Of a program with a class of its own, in another folder; the objects are the default of a parameter."""
    serve = f"""from keras.models import load_model
from keras.layers import Layer


class Halved(Layer):
    def call(self, inputs):
        return inputs / 2


def load(custom_objects={given}):
    return load_model("model/other.keras", custom_objects=custom_objects)
"""
    if given == "None":
        serve = serve.replace("Halved", "Third")
    path = tmp_path / "net.py"
    path.write_text(READ_AS_WEIGHTS)
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "bot").mkdir()
    (tmp_path / "bot" / "serve.py").write_text(serve)
    options = Options(frozenset({"KC305"}), default_target())
    project = Project(ProjectReader(), options.target)
    findings = check(SourceText.from_bytes(path.read_bytes()), str(path), options, project).findings
    assert [item.code for item in findings] == found


ONE_LAYER = """import keras


class Fifth(keras.layers.Layer):
    def call(self, inputs):
        return inputs / 5


def net():
    inputs = keras.Input((3,))
    return keras.Model(inputs, Fifth()(inputs))
"""
ONE_TEST = """import keras

from net import Fifth, net


def test_net({folder}):
    path = {path}
    net().save(path)
    keras.models.load_model(path{given})
"""


@pytest.mark.parametrize(
    ("folder", "path", "other", "fix"),
    [
        ("tmp_path", 'tmp_path / "net.keras"', "", "safe"),
        ("tmp_path", 'tmp_path / "net.keras"', ', custom_objects={"Fifth": Fifth}', "safe"),
        ("", '"net.keras"', "", "safe"),
        ("", '"net.keras"', ', custom_objects={"Fifth": Fifth}', "unsafe"),  # it reads old files by the plain name
    ],
)
def test_what_each_test_has_written_itself_is_what_it_reads(
    tmp_path: Path, folder: str, path: str, other: str, fix: str
) -> None:
    """Two tests write to one path; the first does not hand the layer over."""
    (tmp_path / "net.py").write_text(ONE_LAYER)
    (tmp_path / "test_one.py").write_text(ONE_TEST.format(folder=folder, path=path, given=""))
    (tmp_path / "test_other.py").write_text(ONE_TEST.format(folder=folder, path=path, given=other))
    options = Options(frozenset({"KC305"}), default_target())
    project = Project(ProjectReader(), options.target)
    (finding,) = check(SourceText(ONE_LAYER), str(tmp_path / "net.py"), options, project).findings
    assert finding.fix is not None
    assert finding.fix.applicability.value == fix
    assert "test_one.py" in finding.related[0].path or other == ""
