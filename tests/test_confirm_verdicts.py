"""Verdicts of a real Keras: the experiments about whole models and configurations, in one warm child."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import truth
from test_confirm_plan import planned

from kerascheck.confirm.child.training import APART, labelled
from kerascheck.confirm.confirm import run
from kerascheck.confirm.plan import Experiment
from kerascheck.confirm.sandbox import Sandbox
from kerascheck.confirm.verdict import judge
from kerascheck.finding import Status

pytestmark = pytest.mark.skipif(truth.installed_keras() is None, reason="not run: no Keras 3 is installed")

HEAD = "import keras\nfrom keras import layers, ops\n"
SCALE = """
class Scale(layers.Layer):
    def __init__(self, factor=2.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor
    def call(self, x):
        return x * self.factor
    def get_config(self):
        return {**super().get_config()%s}
m = keras.Sequential([keras.Input((4,)), Scale(3.0), layers.Dense(2)])
m.save('a.keras')
"""
INNER = """
i = keras.Input((4,))
mean = layers.Dense(2, name='mean')(layers.Dense(3)(i))
encoder = keras.Model(i, [mean, layers.Dense(2)(mean)])
out = layers.Dense(4)(encoder(i)[1])
m = keras.Model(i, [out, mean])
m.save('a%s')
"""
BEHIND = """
i = keras.Input((4,))
h = layers.Dense(3)(i)
mean, log = layers.Dense(2)(h), layers.Dense(2)(h)
encoder = keras.Model(i, layers.Lambda(lambda p: p[0] + ops.exp(p[1]))([mean, log]))
m = keras.Model(i, [layers.Dense(4)(encoder(i)), mean])
m.save('a.keras')
"""
AGAIN = """# target: keras 3.6.0
import keras
from keras import layers
i = keras.Input((4,))
t = layers.Dense(4)
m = keras.Model(i, t(layers.Dense(4)(t(i))))
m.save('a.keras')
"""
NO_KEYWORDS = """
class Scale(layers.Layer):
    def __init__(self, factor=2.0):
        super().__init__()
        self.factor = factor
    def call(self, x):
        return x * self.factor
m = keras.Sequential([keras.Input((4,)), Scale()])
m.save('a.keras')
"""
MODEL = """
class Net(keras.Model):
    def __init__(self, power=1, **kwargs):
        super().__init__(**kwargs)
        self.power = power
        self.d = layers.Dense(2)
    def call(self, x):
        return self.d(x) ** self.power
m = Net(3)
m(ops.ones((1, 4)))
m.save('a.keras')
"""
LAMBDA = "i = keras.Input((4,))\nm = keras.Model(i, layers.Lambda(%s)(layers.Dense(3)(i)))\nm.save('a.keras')\n"
LOSS = (
    "def weighted(a, b):\n    return ops.mean(ops.abs(a - b))\n"
    "m = keras.Sequential([keras.Input((4,)), layers.Dense(2)])\n"
    "m.compile('adam', weighted)\nm.save('a.keras')\n"
)
TWO_FORMATS = """
m = keras.Sequential([keras.Input((4,)), layers.Dense(2)])
m.compile('adam', 'mse')
m.save('a.keras')
m.save('a.h5')
n = keras.models.load_model('a.h5')
"""
PARTS = """
class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.a, self.b = layers.Dense(2), layers.Embedding(9, 2)
    def call(self, x):
        wide, words = x
        return self.a(wide) + ops.mean(self.b(words), axis=1)
m = Net()
m.load_weights('a.weights.h5')
"""
OPEN = """
import numpy as np
x = np.load('x.npy')
m = keras.Sequential([keras.Input(shape=x.shape[1:]), layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(1)])
m.compile('adam', keras.losses.BinaryCrossentropy(from_logits=True), metrics=['accuracy'])
"""
OLD_COPY = """# no HEAD: this file has no other Keras
from tensorflow.python.keras.layers import Dense
from tensorflow.python.keras.models import Sequential
model = Sequential([Dense(1, input_shape=(3,))])
model.save_weights("old.weights.h5")
"""
OLD_CLASS = """# no HEAD: this file has no other Keras
from tensorflow.python import keras
class Net(keras.Model):
    def __init__(self):
        super().__init__()
        raise OSError
model = Net()
model.save_weights("old.h5")
"""
CHECKPOINT = """
import tensorflow as tf
m = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
m.load_weights(tf.train.latest_checkpoint('folder'))
"""
NAMED = """
one, two = keras.Input((3,), name="first"), keras.Input((2,), name="second", dtype="int32")
out = layers.Dense(1)(layers.concatenate([one, layers.Rescaling(1.0)(two)]))
m = keras.Model({"b": one, "a": two}, out)
m.compile('adam', keras.losses.BinaryCrossentropy(from_logits=True), metrics=['accuracy'])
"""
NOISE = """
class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.d = layers.Dense(2)
    def build(self, shape):
        self.d.build(shape)
        self.built = True
    def call(self, x):
        return self.d(x) + keras.random.normal((1, 2))
m = Net()
m.build((None, 4))
m.load_weights('a.weights.h5')
"""

NEVER_LOADED = """
class Scale(layers.Layer):
    def __init__(self, units, factor=2.0):
        super().__init__()
        self.units = units
        self.factor = factor
    def get_config(self):
        return {**super().get_config(), 'units': self.units}
"""
# an argument that leaves no trace, and an attribute that is another one in every object
NO_TRACE = """
class Scale(layers.Layer):
    def __init__(self, factor=2.0, **kwargs):
        super().__init__(**kwargs)
        self.token = id(self)
        self.inner = layers.Dense(4 if factor else 5)
    def call(self, x):
        return self.inner(x)
    def get_config(self):
        return super().get_config()
m = keras.Sequential([keras.Input((4,)), Scale(3.0)])
m.save('a.keras')
"""
# an attribute that nothing sets, and a model that is a graph of its own making
NOTHING_SETS = """
class Scale(layers.Layer):
    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)
    def call(self, x):
        return x
    def get_config(self):
        return {**super().get_config(), 'axis': self.axis}
"""
OWN_GRAPH = """
class Net(keras.Model):
    def __init__(self, units, **kwargs):
        start = keras.Input((4,))
        super().__init__(start, layers.Dense(units)(start), **kwargs)
m = Net(3)
m.save('a.keras')
"""
UNBUILT = "m = keras.Sequential([layers.Dense(2)])\nm.save(%r)\n"

CASES = [
    ("argument left out", SCALE % "", "KC301", Status.CONFIRMED, "`factor` 1.0 -> 2.0"),
    ("argument of what cannot be loaded", NEVER_LOADED, "KC301", Status.CONFIRMED, "unexpected keyword argument"),
    ("argument of a model", MODEL, "KC302", Status.CONFIRMED, "`power`"),
    ("attribute that nothing sets", NOTHING_SETS, "KC301", Status.CONFIRMED, "has no attribute 'axis'"),
    ("argument of a graph", OWN_GRAPH, "KC302", Status.CONFIRMED, "Unable to revive"),
    ("argument without a trace", NO_TRACE, "KC301", Status.NOT_REACHED, "leaves no trace"),
    ("no keywords", NO_KEYWORDS, "KC304", Status.CONFIRMED, "unexpected keyword argument"),
    ("not registered", SCALE % ", 'factor': self.factor", "KC305", Status.CONFIRMED, "Could not locate class 'Scale'"),
    ("a loss that is not registered", LOSS, "KC305", Status.CONFIRMED, "Could not locate function 'weighted'"),
    ("lambda", LAMBDA % "lambda x: x * 2", "KC307", Status.CONFIRMED, "ambda"),
    ("inner tensor", INNER % ".keras", "KC209", Status.CONFIRMED, "expected 2 variables"),
    ("inner tensor in an old file", INNER % ".h5", "KC209", Status.CONFIRMED, "weights "),
    ("inner tensor behind a lambda", BEHIND, "KC209", Status.CONFIRMED, "safe_mode off, for the lambda in the file"),
    ("fixed in 3.7", AGAIN, "KC208", Status.REFUTED, "equal outputs"),
    ("saved before it is built", UNBUILT % "a.keras", "KC104", Status.CONFIRMED, "0 of 2 weights in the file"),
    ("saved so as an old file", UNBUILT % "out/a.h5", "KC104", Status.CONFIRMED, "0 of 2 weights in the file"),
    ("the old copy of Keras 2", OLD_COPY, "KC201", Status.CONFIRMED, "ImportError: cannot import name '__version__'"),
    ("saved in two formats", TWO_FORMATS, "KC206", Status.CONFIRMED, "'keras.metrics.mse'"),
    ("the old copy, and no model", OLD_CLASS, "KC201", Status.CONFIRMED, "__version__'"),
    ("a checkpoint of TensorFlow", CHECKPOINT, "KC201", Status.CONFIRMED, "filepath=ckpt-1"),
    ("an input in two parts", PARTS, "KC101", Status.CONFIRMED, ""),
    ("inputs by their names", NAMED, "KC502", Status.CONFIRMED, ""),
    ("an input of unknown shape", OPEN, "KC502", Status.CONFIRMED, "sizes of `shape`"),
]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as made:
        yield made


@pytest.mark.parametrize(
    ("text", "code", "status", "evidence"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_verdicts(text: str, code: str, status: Status, evidence: str, sandbox: Sandbox) -> None:
    whole = text if text.startswith("#") else HEAD + text
    (plan,) = planned(whole, code)
    assert plan.experiments, plan.reason
    experiment = plan.experiments[0]
    found = judge(experiment, run(experiment, sandbox), sandbox.limits)
    assert found[0] is status, found
    assert evidence in found[1]


def test_a_model_that_draws_random_numbers_is_judged_by_its_weights(sandbox: Sandbox) -> None:
    make = {"source": HEAD + NOISE.partition("m = ")[0], "make": "Net()", "shapes": [[[4], "float32"]]}
    experiment = Experiment("load_weights", {**make, "before": ["kerascheck_model.build((None, 4))"]})
    status, evidence = judge(experiment, run(experiment, sandbox), sandbox.limits)
    assert status is Status.REFUTED
    assert "2 of 2 weights" in evidence


REFUSED = """
class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.d = layers.Dense(2)
    def call(self, x):
        one, two = x
        import time
        until = time.process_time() + 0.5
        while time.process_time() < until:
            pass
        raise ValueError("never " + str(one.shape) + str(two.shape))
m = Net()
m.load_weights('a.weights.h5')
"""


def test_inputs_that_do_not_fit_are_not_tried_for_long(sandbox: Sandbox) -> None:
    (plan,) = planned(HEAD + REFUSED, "KC101")
    experiment = plan.experiments[0]
    status, evidence = judge(experiment, run(experiment, sandbox), sandbox.limits)
    assert status is Status.COULD_NOT_RUN
    assert re.match(r"ValueError: no input fits the model, [2-5] of 54 were tried: ValueError: ", evidence), evidence


@pytest.mark.parametrize("release", ["3.0.5", "3.6.0", "3.10.0"])
def test_a_class_of_the_saving_script_is_not_found_by_another_script(
    release: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Up to 3.8 Keras imports a class by the name of its module, which is `__main__` in both scripts."""
    if truth.TARGETS is None or not (Path(truth.TARGETS) / release).is_dir():
        pytest.skip(f"not run: keras {release} is not in KERASCHECK_KERAS_TARGETS")
    monkeypatch.setenv("PYTHONPATH", f"{Path(truth.TARGETS) / release}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    (plan,) = planned(HEAD + SCALE % ", 'factor': self.factor", "KC305")
    with Sandbox(truth.TARGET_PYTHON) as box:
        for experiment in plan.experiments:
            status, evidence = judge(experiment, run(experiment, box), box.limits)
            assert status is Status.CONFIRMED, evidence
            assert "Could not locate class 'Scale'" in evidence
        assert box.keras == release


@pytest.mark.parametrize(("form", "units"), [("binary", 2), ("binary", 5), ("categorical", 2), ("categorical", 3)])
def test_labels_tell_the_ways_of_counting_apart(form: str, units: int) -> None:
    import numpy  # not everywhere

    for seed in range(30):
        outputs = numpy.random.RandomState(seed).uniform(0, 1, (64, units))
        _, right, rival = labelled(outputs, form, 0.5)
        assert abs(right.mean() - rival) >= APART
