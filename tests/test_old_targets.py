"""What rules say of programs for older releases: TensorFlow 2.3, graph mode, checkpoints."""

from pathlib import Path

import pytest

from kerascheck.engine import Options, check
from kerascheck.files import ProjectReader
from kerascheck.finding import Severity
from kerascheck.semantic.project import Project
from kerascheck.semantic.target import default_target, parse_target, target_from_project
from kerascheck.text import SourceText


@pytest.mark.parametrize(
    ("loss", "severity"),
    [
        ("sparse_categorical_crossentropy", Severity.ERROR),
        ("categorical_crossentropy", Severity.INFO),
        ("binary_crossentropy", Severity.INFO),
    ],
)
def test_the_accuracy_that_tensorflow_2_3_loads(loss: str, severity: Severity) -> None:
    text = f"""
from tensorflow import keras

model = keras.Sequential([keras.layers.Dense(3, activation="softmax", input_shape=(4,))])
model.compile("adam", "{loss}", metrics=["accuracy"])
"""
    options = Options(frozenset({"KC501"}), parse_target("tensorflow==2.3.4"))
    assert [item.severity for item in check(SourceText(text), "old.py", options).findings] == [severity]


@pytest.mark.parametrize(
    ("pins", "imported"),
    [
        ("tensorflow>=2.0", "from tensorflow import keras"),  # other releases may run it
        ("tensorflow==2.3.4\nkeras==2.3.1", "import keras"),  # not TensorFlow's Keras
    ],
)
def test_an_accuracy_that_need_not_be_the_one_of_tensorflow_2_3(pins: str, imported: str) -> None:
    text = f"""
{imported}

model = keras.Sequential([keras.layers.Dense(3, activation="softmax", input_shape=(4,))])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
"""
    target = target_from_project({"requirements.txt": pins})
    assert target is not None
    options = Options(frozenset({"KC501"}), target)
    assert [item.severity for item in check(SourceText(text), "old.py", options).findings] == [Severity.INFO]


@pytest.mark.parametrize(("graph", "found"), [("tf.compat.v1.disable_v2_behavior()", 0), ("", 1)])
def test_a_seed_in_graph_mode(graph: str, found: int) -> None:
    text = f"""
import numpy as np
import tensorflow as tf
from tensorflow import keras

{graph}
np.random.seed(0)
tf.random.set_seed(1)
model = keras.Sequential([keras.layers.Dense(2, input_shape=(3,)), keras.layers.Dense(1)])
model.compile("adam", "mse")
model.fit(np.ones((4, 3)), np.ones((4, 1)))
"""
    options = Options(frozenset({"KC403"}), parse_target("tensorflow==2.15.1"))
    assert len(check(SourceText(text), "graph.py", options).findings) == found


@pytest.mark.parametrize(
    ("initializer", "found"),
    [
        ("HeNormal(3)", 0),
        ("glorot_uniform(seed=3)", 0),
        ("RandomNormal(0.0, 0.05, seed=3)", 0),
        ("RandomNormal(0.0, 0.05)", 1),  # a mean, and no seed
        ("Orthogonal(1.0)", 1),
        ("HeNormal(None)", 1),
        ("HeNormal()", 1),
    ],
)
def test_an_initializer_with_a_number(initializer: str, found: int) -> None:
    text = f"""
import numpy as np
from tensorflow import keras
from tensorflow.keras.initializers import {initializer.partition("(")[0]}


def build():
    np.random.seed(0)
    return keras.Sequential([keras.layers.Dense(1, input_shape=(3,), kernel_initializer={initializer})])


model = build()
model.compile("adam", "mse")
model.fit(np.ones((4, 3)), np.ones((4, 1)))
"""
    assert len(check(SourceText(text), "drawn.py", Options(frozenset({"KC403"}), default_target())).findings) == found


def test_one_seed_that_is_met_twice_is_one() -> None:
    text = """
import numpy as np
from tensorflow import keras


def shuffled(x):
    np.random.seed(0)
    np.random.shuffle(x)
    return x


train, test = shuffled(np.ones((4, 3))), shuffled(np.ones((4, 3)))
model = keras.Sequential([keras.layers.Dense(1, input_shape=(3,))])
model.compile("adam", "mse")
model.fit(train, np.ones((4, 1)))
"""
    options = Options(frozenset({"KC403"}), default_target())
    assert {item.severity for item in check(SourceText(text), "twice.py", options).findings} == {Severity.INFO}


@pytest.mark.parametrize(
    ("project", "last"),
    [
        ('[project]\nname = "a"\ndependencies = ["tensorflow == 2.14.1"]\n', "2.14.0"),
        ('[project]\nname = "a"\ndynamic = ["dependencies"]\n', "2.3.0"),
        ("", "2.3.0"),
    ],
)
def test_the_dependencies_that_a_build_takes(project: str, last: str) -> None:
    files = {"a/pyproject.toml": project, "a/setup.py": 'setup(install_requires=["keras==2.3.0"])\n'}
    target = target_from_project(files)
    assert target is not None
    assert target.releases[-1].text == last


def test_where_no_load_compiles_the_model_its_accuracy_stays(tmp_path: Path) -> None:
    text = """
from tensorflow import keras

model = keras.Sequential([keras.layers.Dense(3, activation="softmax", input_shape=(4,))])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.save("a.h5")
"""
    options = Options(frozenset({"KC501"}), parse_target("tensorflow==2.3.4"))

    def severities(serve: str) -> list[Severity]:
        (tmp_path / "serve.py").write_text(f"from tensorflow import keras\n{serve}\n")
        project = Project(ProjectReader(), options.target)
        return [item.severity for item in check(SourceText(text), str(tmp_path / "a.py"), options, project).findings]

    assert severities("model.load_weights('a.h5')") == [Severity.INFO]
    assert severities("keras.models.load_model('a.h5', compile=False)") == [Severity.INFO]
    assert severities("model = keras.models.load_model('a.h5')\nmodel.evaluate(x, y)") == [Severity.ERROR]
    assert severities("def get():\n    return keras.models.load_model('a.h5')") == [Severity.ERROR]
    assert severities("def get():\n    model = keras.models.load_model('a.h5')\n    return model") == [Severity.ERROR]
    assert severities("keras.models.load_model('a.h5').predict(x)") == [Severity.INFO]
    own = "def load_model():\n    return keras.models.load_model('a.h5', compile=False)\n\nload_model().evaluate(x, y)"
    assert severities(own) == [Severity.INFO]


@pytest.mark.parametrize(
    ("behind", "importer", "severity"),
    [
        ("model.evaluate(x, y)", "", Severity.INFO),
        ("np.save('scores.npy', model.predict(x))", "", Severity.INFO),
        ("model.save('b.h5')", "", Severity.ERROR),
        ("model.fit(x, y, callbacks=[keras.callbacks.ModelCheckpoint('b.h5')])", "", Severity.ERROR),
        ("", "from measure import model\n\nmodel.save('b.h5')", Severity.ERROR),
        ("", "from another import model\n\nmodel.save('b.h5')", Severity.INFO),
    ],
)
def test_a_model_that_is_loaded_and_compiled_again_only_to_measure_it(
    behind: str, importer: str, severity: Severity, tmp_path: Path
) -> None:
    text = f"""
import numpy as np
from tensorflow import keras

x, y = np.load("x.npy"), np.load("y.npy")
model = keras.models.load_model("a.h5")
model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
{behind}
"""
    again = "model = keras.models.load_model('a.h5')\nmodel.fit(*data)\nmodel.save('a.h5')"
    (tmp_path / "further.py").write_text(f"from tensorflow import keras\n\n{again}\n")
    (tmp_path / "importer.py").write_text(importer)
    options = Options(frozenset({"KC501"}), parse_target("tensorflow==2.3.4"))
    project = Project(ProjectReader(), options.target)
    found = check(SourceText(text), str(tmp_path / "measure.py"), options, project).findings
    assert [item.severity for item in found] == [severity]


@pytest.mark.parametrize(
    ("behind", "severity"),
    [
        ("print(model.predict(x))", Severity.INFO),
        ("ready(model)\nmodel.fit(x, y)", Severity.INFO),
        ("if fast:\n    model.compile('sgd', 'mse')\nmodel.fit(x, y)", Severity.ERROR),
        ("model.evaluate(x, y)\nready(model)", Severity.ERROR),
        ("model.fit(x, y)", Severity.ERROR),
        ("model = model if fast else other()\nready(model)\nmodel.fit(x, y)", Severity.INFO),
        ("model = model if fast else other()\nmodel.fit(x, y)\nready(model)", Severity.ERROR),
    ],
)
def test_what_a_load_compiles_is_lost_where_the_model_is_compiled_again(
    behind: str, severity: Severity, tmp_path: Path
) -> None:
    text = f"""
import sys

from tensorflow import keras


def ready(model, name=sys.argv[1]):
    if name == "sgd":
        model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    else:
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def train(x, y):
    model = keras.Sequential([keras.layers.Dense(3, activation="softmax", input_shape=(4,))])
    ready(model)
    model.fit(x, y)
    model.save("a.h5")


fast = len(sys.argv) > 2
x, y = sys.argv[3:]
train(x, y)
model = keras.models.load_model("a.h5")
{behind}
"""
    options = Options(frozenset({"KC501"}), parse_target("tensorflow==2.3.4"))
    project = Project(ProjectReader(), options.target)
    found = check(SourceText(text), str(tmp_path / "a.py"), options, project).findings
    assert {item.severity for item in found} == {severity}


def test_the_old_keras_of_what_is_imported_counts(tmp_path: Path) -> None:
    net = """
from keras.layers import Dense
from keras.models import Sequential


def train(x, y):
    model = Sequential([Dense(2, input_shape=(3,)), Dense(1)])
    model.compile("adam", "mse")
    model.fit(x, y)
"""
    text = "import net\nimport numpy as np\n\nnp.random.seed(1)\nnet.train(np.ones((4, 3)), np.ones((4, 1)))\n"
    for keras, found in (("keras==2.2.4", 0), ("keras==2.15.0", 1)):
        (tmp_path / "net.py").write_text(net)
        options = Options(frozenset({"KC403"}), parse_target(keras))
        project = Project(ProjectReader(), options.target)
        assert len(check(SourceText(text), str(tmp_path / "a.py"), options, project).findings) == found


@pytest.mark.parametrize(
    ("releases", "imported", "fixed"),
    [
        ("keras 2.3.1", "from keras", False),  # the package had no function that registers
        ("keras 2.3.1", "from tensorflow.keras", True),
        ("tf 1.15", "from keras", False),
        ("keras >=2.2.4,<2.5", "from keras", True),
        ("keras 2.15.0", "from keras", True),
    ],
)
def test_what_a_keras_cannot_register_has_no_fix(releases: str, imported: str, fixed: bool) -> None:
    text = f"""
{imported}.models import Sequential
{imported}.layers import Dense


def distance(y_true, y_pred):
    return abs(y_true - y_pred)


model = Sequential([Dense(1, input_shape=(3,))])
model.compile("adam", loss=distance)
model.save("m.h5")
"""
    (finding,) = check(SourceText(text), "old.py", Options(frozenset({"KC305"}), parse_target(releases))).findings
    assert (finding.fix is not None) is fixed


RESUMED = """
import os
import keras

path = "ckpt/mnist.ckpt"
model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
if TEST:
    model.load_weights(path)
model.fit(x, y, callbacks=[keras.callbacks.ModelCheckpoint(path, save_weights_only=True)])
"""


@pytest.mark.parametrize(
    ("test", "written", "severity"),
    [
        ('os.path.exists(path + ".index")', "path", Severity.INFO),
        ('resume and os.path.isfile(f"{path}.index")', "path", Severity.INFO),
        ('not os.path.exists(path + ".index")', "path", Severity.ERROR),
        ('os.path.exists("ckpt")', "path", Severity.ERROR),
        ('os.path.exists(path + ".index")', "other", Severity.ERROR),  # somebody else wrote it
    ],
)
def test_a_checkpoint_that_only_keras_2_can_have_left_behind(test: str, written: str, severity: Severity) -> None:
    text = RESUMED.replace("TEST", test).replace("ModelCheckpoint(path", f"ModelCheckpoint({written}")
    options = Options(frozenset({"KC201"}), default_target())
    assert [item.severity for item in check(SourceText(text), "resumed.py", options).findings] == [severity]
