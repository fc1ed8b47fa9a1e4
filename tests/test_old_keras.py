"""What a saved model needs where the programs run on a Keras that registers nothing, or refuses no lambda."""

from pathlib import Path

import pytest

from kerascheck.engine import Options, check
from kerascheck.files import ProjectReader
from kerascheck.semantic.project import Project
from kerascheck.semantic.target import assumed_target, default_target, target_from_project
from kerascheck.text import SourceText

NET = """import keras


class Halved(keras.layers.Layer):
    def call(self, inputs):
        return inputs / 2


def network():
    inputs = keras.layers.Input((3,))
    return keras.models.Model(inputs, Halved()(inputs))
"""
TRAIN = "from net import network\n{}\n\nmodel = network()\n{}model.save('net.h5')\n"
FIRST = TRAIN.format("", "model.fit([[1.0]], [[1.0]], nb_epoch=2)\n")
SERVE = "import sys\n\nfrom keras.models import load_model\n\n"
IMPORTED = "from keras.backend.tensorflow_backend import set_session"


def found(folder: Path, files: dict[str, str], code: str, options: Options) -> list[tuple[str, str]]:
    for name, text in {"pyproject.toml": "", **files}.items():
        (folder / name).write_text(text)
    project = Project(ProjectReader(), options.target)
    source = SourceText.from_bytes((folder / "net.py").read_bytes())
    checked = check(source, str(folder / "net.py"), options, project)
    return [(item.severity.name.lower(), item.message) for item in checked.findings if item.code == code]


@pytest.mark.parametrize(
    ("train", "serve", "severity"),
    [
        (FIRST, "", "info"),
        (TRAIN.format(IMPORTED, ""), "", "info"),
        (TRAIN.format("import tensorflow as tf", "tf.Session()\n"), "", "info"),
        (TRAIN.format("import tensorflow as tf", "print(tf.log(2.0))\n"), "", "info"),
        (TRAIN.format("import tensorflow as tf", "print(tf.math.log(2.0))\n"), "", "warning"),
        (TRAIN.format("import keras.backend as K", "K.set_image_dim_ordering('tf')\n"), "", "info"),
        ("#!/usr/bin/env python2\n" + TRAIN.format("", ""), "", "info"),
        (FIRST, SERVE + "load_model('other.h5')\n", "info"),
        (FIRST, SERVE + "load_model(sys.argv[1], OBJECTS)\n", "info"),
        # a load of the project may lack it
        (FIRST, SERVE + "load_model('net.h5')\n", "warning"),
        (FIRST, SERVE + "load_model(sys.argv[1])\n", "warning"),
        # newer ones run it, too
        (TRAIN.format(f"try:\n    {IMPORTED}\nexcept ImportError:\n    pass", ""), "", "warning"),
        (TRAIN.format("nb_epoch = 2", "model.fit([[1.0]], [[1.0]], epochs=nb_epoch)\n"), "", "warning"),
        (TRAIN.format("import tensorflow.compat.v1 as tf", "tf.Session()\n"), "", "warning"),
        (TRAIN.format("", ""), "", "warning"),
    ],
)
def test_an_object_that_nothing_can_register(tmp_path: Path, train: str, serve: str, severity: str) -> None:
    files = {"net.py": NET, "train.py": train} | ({"serve.py": serve} if serve else {})
    ((known, message),) = found(tmp_path, files, "KC305", Options(frozenset({"KC305"}), default_target()))
    assert known == severity
    assert ("(Keras before 2.4)" in message) == (severity == "info")


@pytest.mark.parametrize(
    ("asked", "train", "severity"),
    [
        ("keras>=2.1.5", TRAIN.format(IMPORTED, ""), "info"),
        ("keras>=2.4.3", TRAIN.format(IMPORTED, ""), "warning"),
        ("keras>=2.1.5", TRAIN.format("", ""), "warning"),
    ],
)
def test_of_a_range_the_code_tells_which_releases_run_it(tmp_path: Path, asked: str, train: str, severity: str) -> None:
    target = target_from_project({"requirements.txt": asked})
    assert target is not None
    ((known, _),) = found(tmp_path, {"net.py": NET, "train.py": train}, "KC305", Options(frozenset({"KC305"}), target))
    assert known == severity


def test_the_keras_in_tensorflow_1_is_another(tmp_path: Path) -> None:
    net = NET.replace("import keras", "from tensorflow import keras")
    files = {"net.py": net, "train.py": TRAIN.format("import tensorflow as tf", "tf.Session()\n")}
    ((known, _),) = found(tmp_path, files, "KC305", Options(frozenset({"KC305"}), default_target()))
    assert known == "warning"


LAMBDA = """import keras
from keras import layers


def double(x):
    return x * 2


inputs = keras.layers.Input((3,))
model = keras.models.Model(inputs, layers.Lambda({function})(inputs))
{save}
"""
JSON, H5, V3 = "model.to_json()", "model.save('net.h5')", "model.save('net.keras')"


@pytest.mark.parametrize(
    ("release", "function", "save", "severity"),
    [
        ("keras==2.2.4", "lambda x: x * 2", JSON, "info"),
        ("keras==2.2.4", "lambda x: x * 2", H5, "info"),
        ("keras==2.12.0", "lambda x: x * 2", JSON, "info"),
        ("keras==2.12.0", "lambda x: x * 2", V3, "info"),
        ("keras==2.12.0", "double", JSON, ""),
        ("keras==2.13.1", "lambda x: x * 2", JSON, "error"),
        ("keras==2.13.1", "lambda x: x * 2", V3, "error"),
        ("keras==2.13.1", "double", JSON, "error"),
        ("keras==2.13.1", "lambda x: x * 2", H5, "warning"),
        ("keras==3.10.0", "lambda x: x * 2", H5, "warning"),
        ("keras==3.11.3", "lambda x: x * 2", H5, "error"),
        ("keras==3.10.0", "double", H5, "error"),
        # another file of the same model is refused
        ("keras==2.15.0", "lambda x: x * 2", H5 + "\n" + JSON, "error"),
    ],
)
def test_a_lambda_is_refused_from_2_13_on(
    tmp_path: Path, release: str, function: str, save: str, severity: str
) -> None:
    target = target_from_project({"requirements.txt": release})
    assert target is not None
    net = LAMBDA.format(function=function, save=save)
    assert [known for known, _ in found(tmp_path, {"net.py": net}, "KC307", Options(frozenset({"KC307"}), target))] == (
        [severity] if severity else []
    )


def test_a_range_names_the_releases_that_refuse_a_lambda(tmp_path: Path) -> None:
    target = target_from_project({"requirements.txt": "keras>=2.11,<2.15"})
    assert target is not None
    net = LAMBDA.format(function="lambda x: x * 2", save=JSON)
    ((severity, message),) = found(tmp_path, {"net.py": net}, "KC307", Options(frozenset({"KC307"}), target))
    assert severity == "error"
    assert "(keras 2.13.1-2.14.0)" in message


@pytest.mark.parametrize(("call", "severity"), [("model.fit([[1.0]], [[1.0]], nb_epoch=1)", "info"), ("", "error")])
def test_a_program_with_arguments_of_keras_1_refuses_no_lambda(tmp_path: Path, call: str, severity: str) -> None:
    net = LAMBDA.format(function="lambda x: x * 2", save=call + "\n" + JSON)
    target = assumed_target(("lr=",))
    ((known, _),) = found(tmp_path, {"net.py": net}, "KC307", Options(frozenset({"KC307"}), target))
    assert known == severity
