"""Claims about what a model does, shown by a real Keras: faulty programs and their twins without the fault."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import truth
from test_confirm_slice import start

from kerascheck.confirm.confirm import run
from kerascheck.confirm.plan import Experiment, plan
from kerascheck.confirm.sandbox import Limits, Result, Sandbox
from kerascheck.confirm.verdict import judge
from kerascheck.finding import Claim, Finding, Severity, Status

pytestmark = pytest.mark.skipif(truth.installed_keras() is None, reason="not run: no Keras 3 is installed")

CONFIRMED, REFUTED, NOT_REACHED = Status.CONFIRMED, Status.REFUTED, Status.NOT_REACHED
CONSTANT_OUTPUT, EQUAL_WEIGHTS, NOT_TRAINED = Claim.CONSTANT_OUTPUT, Claim.EQUAL_WEIGHTS, Claim.NOT_TRAINED
METRIC_WRONG, WRONG_EPOCH_KEPT, LEAK = Claim.METRIC_WRONG, Claim.WRONG_EPOCH_KEPT, Claim.LEAK
HEAD = "import keras\nfrom keras import layers\n"
SOFTMAX = "m = keras.Sequential([keras.Input((4,)), layers.Dense(3), layers.Dense(%s, activation=%r)])\n"
SHARED = (
    "one = keras.initializers.%s\n"
    "m = keras.Sequential([keras.Input((4,)), layers.Dense(4, kernel_initializer=one),"
    " layers.Dense(%d, kernel_initializer=one)])\n"
)
GAN = """
def make():
    image = keras.Input((3,))
    return keras.Model(image, layers.Dense(1, activation="sigmoid")(layers.Dense(4)(image)))
d = make()
d.compile("adam", "binary_crossentropy")
g = keras.Sequential([keras.Input((2,)), layers.Dense(3)])
d.trainable = False
z = keras.Input((2,))
gan = keras.Model(z, d(g(z)))
gan.compile("adam", "binary_crossentropy")
%s
d.train_on_batch(x, y)
"""
THAWED = """
base = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
base.trainable = False
m = keras.Sequential([keras.Input((4,)), base, layers.Dense(1)])
m.compile("adam", "mse")
m.fit(x, y)
base.trainable = True
%s
m.fit(x, y, epochs=2)
"""
LOGITS = (
    "m = keras.Sequential([keras.Input((4,)), layers.Dense(%s)])\n"
    "m.compile('adam', keras.losses.%s, metrics=[%s])\nm.fit(x, y)\n"
)
CALLBACK = "c = keras.callbacks.%s\nm.fit(x, y, callbacks=[c])\n"
CUT = """
i = keras.Input((4,))
h = layers.Dense(3, name="a")(i)
inner = keras.Model(i, [layers.Dense(2)(h), layers.Dense(2)(h)])
j = keras.Input((4,))
p, q = inner(j)
m = keras.Model(j, layers.Dense(1, name="b")(p))
m.save("a.h5")
"""
PICTURES = """
one = keras.utils.image_dataset_from_directory("data", validation_split=0.25, subset="training", seed=1)
two = keras.utils.image_dataset_from_directory("data", validation_split=0.25, subset="validation", seed=%d)
"""

CASES: dict[str, tuple[Any, ...]] = {
    "one unit": (SOFTMAX % (1, "softmax"), "Dense(1", CONSTANT_OUTPUT, "KC507", CONFIRMED, "1 for each of 16 rows"),
    "one unit, sigmoid": (SOFTMAX % (1, "sigmoid"), "Dense(1", CONSTANT_OUTPUT, "KC507", REFUTED, "differ by up"),
    "the whole model": (SOFTMAX % (1, "softmax"), "keras.Seq", CONSTANT_OUTPUT, "KC507", CONFIRMED, "1 for each"),
    "one initializer": (SHARED % ("GlorotUniform()", 4), "one = ", EQUAL_WEIGHTS, "KC408", CONFIRMED, "16 numbers"),
    "other shapes": (SHARED % ("GlorotUniform()", 2), "Dense(2", EQUAL_WEIGHTS, "KC408", NOT_REACHED, "same shape"),
    "constants": (SHARED % ("Ones()", 4), "Dense(4", EQUAL_WEIGHTS, "KC408", NOT_REACHED, "same shape"),
    "discriminator": (GAN % "", "d.train_on", NOT_TRAINED, "KC610", CONFIRMED, "one step moves 0 of 4 weights"),
    "toggled": (GAN % "d.trainable = True", "d.train_on", NOT_TRAINED, "KC610", REFUTED, "moves 4 of 4 weights"),
    "thawed": (THAWED % "", "m.fit(x, y, epochs", NOT_TRAINED, "KC603", CONFIRMED, "moves, too"),
    "recompiled": (THAWED % "m.compile('adam', 'mse')", "m.fit(x, y, e", NOT_TRAINED, "KC603", REFUTED, "4 of 4"),
    "logits": (LOGITS % (3, "CategoricalCrossentropy()", ""), "m.compile", METRIC_WRONG, "KC505", CONFIRMED, "`loss`"),
    "from_logits": (
        LOGITS % (3, "CategoricalCrossentropy(from_logits=True)", ""), "m.compile", METRIC_WRONG, "KC505",
        REFUTED, "`loss`",
    ),
    "regression": (
        LOGITS % (1, "MeanSquaredError()", "'accuracy'"), "m.compile", METRIC_WRONG, "KC503", CONFIRMED, "accuracy",
    ),
    "regression, no list": (  # Keras 3 takes no string for the metrics
        "m = keras.Sequential([keras.Input((4,)), layers.Dense(1)])\nm.compile('sgd', 'mse', metrics='accuracy')\n",
        "m.compile", METRIC_WRONG, "KC503", CONFIRMED, "accuracy",
    ),
    "relu": (
        "m = keras.Sequential([keras.Input((4,)), layers.Dense(3, 'relu')])\n"
        "m.compile('adam', 'categorical_crossentropy')\nm.fit(x, y)\n",
        "layers.Dense(3", METRIC_WRONG, "KC505", CONFIRMED, "`loss`",
    ),
    "one unit, categorical": (
        "m = keras.Sequential([keras.Input((4,)), layers.Dense(1, 'sigmoid')])\n"
        "m.compile('adam', 'categorical_crossentropy')\nm.fit(x, y)\n",
        "m.compile", METRIC_WRONG, "KC508", CONFIRMED, "`loss` logged 0.000",
    ),
    "class numbers": (
        "(x, y), _ = keras.datasets.mnist.load_data()\n"
        "m = keras.Sequential([keras.Input((28, 28)), layers.Flatten(), layers.Dense(10, 'softmax')])\n"
        "m.compile('adam', 'categorical_crossentropy')\nm.fit(x, y)\n",
        "m.compile", Claim.CALL_RAISES, "KC508", CONFIRMED, "labels of ours",
    ),
    "class numbers, sparse": (
        "(x, y), _ = keras.datasets.mnist.load_data()\n"
        "m = keras.Sequential([keras.Input((28, 28)), layers.Flatten(), layers.Dense(10, 'softmax')])\n"
        "m.compile('adam', 'sparse_categorical_crossentropy')\nm.fit(x, y)\n",
        "m.compile", Claim.CALL_RAISES, "KC508", REFUTED, "no exception",
    ),
    "softmax of its own": (
        "m = keras.Sequential([keras.Input((4,)), layers.Dense(1), layers.Activation('softmax')])\n",
        "layers.Dense(1", CONSTANT_OUTPUT, "KC507", CONFIRMED, "1 for each of 16 rows",
    ),
    "auc": (
        CALLBACK % "ModelCheckpoint('a.keras', monitor='val_auc', save_best_only=True, mode='min')",
        "c = ", WRONG_EPOCH_KEPT, "KC512", CONFIRMED, "epoch 1 is kept, epoch 3 is the best",
    ),
    "auc, max": (
        CALLBACK % "ModelCheckpoint('a.weights.h5', monitor='val_auc', save_best_only=True, mode='max',"
        " save_weights_only=True)",
        "c = ", WRONG_EPOCH_KEPT, "KC512", REFUTED, "epoch 3 is kept",
    ),
    "lowered": (
        CALLBACK % "ReduceLROnPlateau(monitor='val_auc', patience=2, mode='min')",
        "c = ", WRONG_EPOCH_KEPT, "KC512", CONFIRMED, "the learning rate is lowered",
    ),
    "shuffled": (
        "import tensorflow as tf\nds = tf.data.Dataset.range(50)\nds = ds.shuffle(50, seed=1)\na = ds.take(40)\n",
        "ds.shuffle", LEAK, "KC406", CONFIRMED, "20 validation rows",
    ),
    "shuffled once": (
        "import tensorflow as tf\nds = tf.data.Dataset.range(50)\n"
        "ds = ds.shuffle(50, reshuffle_each_iteration=False)\na = ds.take(40)\n",
        "ds.shuffle", LEAK, "KC406", REFUTED, "0 of 20",
    ),
    "two seeds": (PICTURES % 2, "keras.utils.image", LEAK, "KC407", CONFIRMED, "of 10 validation rows"),
    "one seed": (PICTURES % 1, "keras.utils.image", LEAK, "KC407", REFUTED, "0 of 10 validation rows"),
    "sharing": (CUT, "keras.Model(j", Claim.SHARING_LOST, "KC209", REFUTED, "before and after"),
}  # fmt: skip


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(limits=Limits(experiment_seconds=120)) as sandbox:
        yield sandbox


def verdict(
    text: str, anchor: str, claim: Claim, code: str, sandbox: Sandbox, message: str = "", subject: str = ""
) -> tuple[Status, str]:
    """The verdict of the first experiment for a finding that stands at the first place with this text."""
    program = HEAD + text
    module = start({"main.py": program})
    place = module.source.position(program.index(anchor))
    finding = Finding("main.py", code, "", Severity.ERROR, message, place, place, claim=claim, subject=subject)
    made = plan(module, finding)
    assert made is not None and made.experiments, made
    return judge(made.experiments[0], run(made.experiments[0], sandbox), sandbox.limits)


TRAINED = "m = keras.Sequential([keras.Input((4,)), layers.Dense(3)])\n"
RESULT = """
class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.d = layers.Dense(2)
    def call(self, x):
        return self.d(x)
m = Net()
m = m.load_weights("a.weights.h5")
m.predict(x)
"""
WORDS = """
words = layers.StringLookup()
words.adapt(["a", "b"])
i = keras.Input((1,), dtype="string")
m = keras.Model(i, layers.Embedding(9, 2)(words(i)))
m.save("a%s")
"""
AS_TEXT = """
%s
class Scale(layers.Layer):
    def call(self, x):
        return x * 2.0
m = keras.Sequential([keras.Input((4,)), Scale()])
again = keras.models.model_from_json(m.to_json())
"""
HELD = """
class Block(layers.Layer):
    def __init__(self, inner, **kwargs):
        super().__init__(**kwargs)
        self.inner = inner
    def call(self, x):
        return self.inner(x)
    def get_config(self):
        return {**super().get_config(), "inner": self.inner}
    %s
i = keras.Input((4,))
m = keras.Model(i, Block(layers.Dense(3))(i))
m.save("a.keras")
"""
MADE_AGAIN = (
    "@classmethod\n    def from_config(cls, config):\n"
    "        return cls(keras.saving.deserialize_keras_object(config.pop('inner')), **config)"
)
GLOBAL = """
FACTOR, OTHER = 2.0, 3.0
i = keras.Input((4,))
m = keras.Model(i, layers.Lambda(lambda x: x * FACTOR)(i))
m.save("a.keras")
"""
CLASHING = """
register = keras.saving.register_keras_serializable
@keras.saving.register_keras_serializable("shop", name="Scale")
class One(layers.Layer):
    pass
@keras.saving.register_keras_serializable("shop", name="Scale")
class Two(layers.Layer):
    pass
"""
IN_ORDER = """
from tensorflow.keras.preprocessing.image import ImageDataGenerator
data = ImageDataGenerator(rescale=1 / 255).flow_from_directory("data", target_size=(64, 64)%s)
found = m.predict(data)
"""
WATCHED = """
m = keras.Sequential([keras.Input((4,)), layers.Dense(1, "sigmoid")])
m.compile("adam", "binary_crossentropy", metrics=["accuracy"])
stop = keras.callbacks.EarlyStopping(monitor="val_acc"%s)
m.fit(x, y, validation_split=0.2, callbacks=[stop])
"""
FLAGGED = """
i = keras.Input((4,))
m = keras.Model(i, layers.Dropout(0.5)(layers.Dense(3)(i), training=%s))
m.compile("sgd", "mse")
m.fit(x, y)
m.predict(x)
"""
TWO_MODELS = """
one = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
other = keras.Sequential([%s])
optimizer = keras.optimizers.Adam()
one.compile(optimizer, "mse")
other.compile(optimizer, "mse")
one.fit(x, y)
other.fit(x, y)
"""
GOES_ON = (
    TRAINED
    + """
m.compile("adam", "mse")
m.fit(x, y)
m.save("a.keras")
n = keras.models.load_model("a.keras")
n.compile("adam", "mse")
n.fit(x, y)
"""
)
FROZEN_LATER = """
hidden = layers.Dense(3)
m = keras.Sequential([keras.Input((4,)), hidden, layers.Dense(1)])
m.compile("adam", "mse")
m.fit(x, y)
hidden.trainable = %s
m.save("a.keras")
n = keras.models.load_model("a.keras")
n.fit(x, y)
"""
CASES |= {
    "result": (RESULT, "m.load", Claim.CALL_RAISES, "KC109", CONFIRMED, "has no attribute 'predict'", "", "m"),
    "table": (WORDS % ".h5", "m.save", Claim.CALL_RAISES, "KC207", CONFIRMED, "not initialized", "", "StringLookup"),
    "kept table": (WORDS % ".keras", "m.save", Claim.CALL_RAISES, "KC207", REFUTED, "equal outputs", "", ""),
    "text": (AS_TEXT % "", "keras.models", Claim.LOAD_RAISES, "KC213", CONFIRMED, "'Scale'", "", "Scale"),
    "text, registered": (
        AS_TEXT % "@keras.saving.register_keras_serializable()",
        "keras.models", Claim.LOAD_RAISES, "KC213", REFUTED, "saved and loaded", "", "Scale",
    ),
    "held": (HELD % "", "self.inner}", Claim.LOAD_RAISES, "KC303", CONFIRMED, "TypeError", "", "Block"),
    "held, made again": (
        HELD % MADE_AGAIN, "self.inner}", Claim.LOAD_RAISES, "KC303", REFUTED, "2 weights", "", "Block",
    ),
    "global": (GLOBAL, "FACTOR)", Claim.LOAD_RAISES, "KC309", CONFIRMED, "there is no `FACTOR`", "", "FACTOR"),
    "another global": (GLOBAL, "FACTOR)", Claim.LOAD_RAISES, "KC309", REFUTED, "saved and loaded", "", "OTHER"),
    "clash": (CLASHING, "Two(", Claim.CONFIG_DIFFERS, "KC310", CONFIRMED, "`One` is a `Two` after", "", ""),
    "order": (IN_ORDER % "", "m.predict", Claim.RUNS_DIFFER, "KC409", CONFIRMED, "of 60 rows", "", "data"),
    "kept order": (IN_ORDER % ", shuffle=False", "m.predict", Claim.RUNS_DIFFER, "KC409", REFUTED, "0 of 60", "", ""),
    "watched": (
        WATCHED % "", '"val_acc"', Claim.CALL_RAISES, "KC511", CONFIRMED, "monitor=val_acc",
        "`fit` does not log `val_acc`, which", "",
    ),
    "watched, with its mode": (
        WATCHED % ", mode='max'", '"val_acc"', Claim.CALL_RAISES, "KC511", NOT_REACHED, "nothing raises",
        "`fit` does not log `val_acc`, which", "",
    ),
    "flag": (
        FLAGGED % False, "layers.Dropout", Claim.TRAINING_FLAG_LOST, "KC602", CONFIRMED, "in training mode", "", "",
    ),
    "flag for predict": (
        FLAGGED % True, "layers.Dropout", Claim.TRAINING_FLAG_LOST, "KC602", CONFIRMED, "in inference mode", "", "",
    ),
    "two models": (
        TWO_MODELS % "keras.Input((4,)), layers.Dense(5)", "other.compile", Claim.CALL_RAISES, "KC606", CONFIRMED,
        "Unknown variable", "", "",
    ),
    "a part of the first": (
        TWO_MODELS % "keras.Input((4,)), one", "other.compile", Claim.CALL_RAISES, "KC606", REFUTED, "no exception",
        "", "",
    ),
    "steps of what is frozen later": (
        FROZEN_LATER % "False", "m.save", Claim.STATE_LOST, "KC609", CONFIRMED, "1 step before the save, 0", "", "",
    ),
    "steps of what is left": (
        FROZEN_LATER % "True", "m.save", Claim.STATE_LOST, "KC609", REFUTED, "1 step before the save, 1", "", "",
    ),
    "steps": (GOES_ON, "n.compile", Claim.STATE_LOST, "KC609", CONFIRMED, "3 steps before the save, 0 where", "", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_verdicts(name: str, sandbox: Sandbox) -> None:
    text, anchor, claim, code, status, evidence, *told = CASES[name]
    found = verdict(text, anchor, claim, code, sandbox, *told)
    assert found[0] is status, found
    assert evidence in found[1], found


def test_a_load_that_does_not_end_is_one_that_hangs(sandbox: Sandbox) -> None:
    text = """
class Slow(layers.Layer):
    def call(self, x):
        return x
    @classmethod
    def from_config(cls, config):
        while True:
            pass
m = keras.Sequential([keras.Input((4,)), Slow(), layers.Dense(1)])
m.save("a.keras")
"""
    status, evidence = verdict(text, "m = ", Claim.LOAD_HANGS, "KC211", sandbox)
    assert (status, evidence) == (CONFIRMED, "loading did not end in 15 s of the processor")


MADE_IN_A_LOOP = """
every = []
class Kept(layers.Dense):
    def __init__(self, units):
        super().__init__(units)
        %s
for n in range(9):
    m = keras.Sequential([keras.Input((4,)), Kept(3)])
"""


@pytest.mark.parametrize(
    ("line", "status", "text"),
    [
        ("pass", REFUTED, "of each model 0 layers"),
        ("keras.__dict__.setdefault('kept', []).append(self)", NOT_REACHED, "something else keeps them"),
    ],
)
def test_models_of_a_loop(line: str, status: Status, text: str, sandbox: Sandbox) -> None:
    found = verdict(MADE_IN_A_LOOP % line, "keras.Sequential", Claim.MEMORY_GROWS, "KC608", sandbox)
    assert found[0] is status, found
    assert text in found[1], found


@pytest.mark.parametrize(
    ("kept", "cleared", "status"), [(5000, 10, CONFIRMED), (5000, 4900, NOT_REACHED), (20, 0, REFUTED)]
)
def test_what_stays_of_a_model_is_told_from_what_clear_session_removes(kept: int, cleared: int, status: Status) -> None:
    def alive(step: int) -> dict[str, list[int]]:
        return {"layers": [0] * 6, "objects": [9000 + step * number for number in range(6)]}

    result = Result({"kept": alive(kept), "cleared": alive(cleared)}, "", 0.1)
    assert judge(Experiment("memory"), [result], Limits())[0] is status


STATE = """
import tensorflow as tf
class Own(layers.Layer):
    def __init__(self):
        super().__init__()
        self.inner = layers.Dense(4)
        self.scale = %s
    def call(self, x):
        return %s * self.scale
m = keras.Sequential([keras.Input((4,)), Own()])
"""
GUESSED = """
import tensorflow as tf
class Own(layers.Layer):
    def __init__(self, kind):
        super().__init__()
        self.apply = keras.activations.get(kind.lower())
        self.scale = tf.Variable(1.0)
    def call(self, x):
        return self.apply(x) * self.scale
"""
IN_TRAINING = """
class Own(layers.Layer):
    def __init__(self):
        super().__init__()
        self.inner = layers.Dense(4)
    def call(self, x, training=False):
        x = self.inner(x)
        return layers.Dropout(0.5)(x, training=True) if training else x
m = keras.Sequential([keras.Input((4,)), Own()])
"""
NEVER_MADE = """
import tensorflow as tf
SIZE = [][0]
class Own(layers.Layer):
    def __init__(self, kind):
        super().__init__()
        self.scale = %s
        raise OSError(kind, SIZE)
    def call(self, x):
        return x * self.scale
"""
RECURRENT = "m = keras.Sequential([keras.Input((5, 3)), layers.GRU(4%s), layers.LSTM(4)])\n"
NAMED = "m = keras.Sequential([keras.Input((3,)), layers.Dense(4%s)])\nm.load_weights('a%s', by_name=True)\n"
HIDDEN = """
class Own(layers.Layer):
    def __init__(self%s):
        super().__init__(%s)
        self.%s = [layers.Dense(4), layers.Dense(4)]
    def call(self, x):
        return self.%s[1](self.%s[0](x))
"""


@pytest.mark.parametrize(
    ("code", "text", "anchor", "claim", "status", "evidence"),
    [
        ("KC107", STATE % ("tf.Variable(1.0)", "x"), "self.scale", Claim.STATE_LOST, CONFIRMED, "is not among the"),
        ("KC107", GUESSED, "self.scale", Claim.STATE_LOST, CONFIRMED, "is not among the"),
        ("KC107", STATE % ("self.add_weight(shape=())", "x"), "self.scale", Claim.STATE_LOST, NOT_REACHED, "is among"),
        (
            "KC106",
            STATE % ("1.0", "layers.Dense(4)(x)"),
            "layers.Dense(4)(x)",
            Claim.STATE_LOST,
            CONFIRMED,
            "each call",
        ),
        ("KC106", STATE % ("1.0", "self.inner(x)"), "self.inner(x)", Claim.STATE_LOST, NOT_REACHED, "is among the"),
        ("KC106", IN_TRAINING, "layers.Dropout", Claim.STATE_LOST, CONFIRMED, "each call makes 1 variable"),
        ("KC607", RECURRENT % "", "layers.GRU", Claim.CALL_RAISES, CONFIRMED, "expected ndim=3"),
        ("KC607", RECURRENT % ", return_sequences=True", "layers.GRU", Claim.CALL_RAISES, REFUTED, "no exception"),
        ("KC110", NAMED % ("", ".h5"), "m.load", Claim.WEIGHTS_NOT_LOADED, CONFIRMED, "0 of 2 weights"),
        ("KC110", NAMED % (", name='a'", ".h5"), "m.load", Claim.WEIGHTS_NOT_LOADED, REFUTED, "2 of 2 weights"),
        ("KC110", NAMED % (", name='a'", ".weights.h5"), "m.load", Claim.LOAD_RAISES, CONFIRMED, "`by_name` only"),
    ],
)
def test_what_an_object_keeps_and_what_making_it_raises(
    code: str, text: str, anchor: str, claim: Claim, status: Status, evidence: str, sandbox: Sandbox
) -> None:
    found = verdict(text, anchor, claim, code, sandbox)
    assert found[0] is status, found
    assert evidence in found[1], found


@pytest.mark.parametrize("made", ["tf.Variable(1.0)", "[tf.Variable(1.0)]"])
def test_a_class_that_cannot_be_made_is_tried_by_the_line_of_its_variable(made: str, sandbox: Sandbox) -> None:
    program = HEAD + NEVER_MADE % made
    module = start({"main.py": program})
    place = module.source.position(program.index("tf.Variable"))
    told, claim = "`self.scale` is neither trained nor saved", Claim.STATE_LOST
    planned = plan(module, Finding("main.py", "KC107", "", Severity.ERROR, told, place, place, claim=claim))
    assert planned is not None
    first, second = (judge(item, run(item, sandbox), sandbox.limits) for item in planned.experiments)
    assert first[0] is Status.COULD_NOT_RUN, first
    assert second[0] is CONFIRMED, second
    assert "`scale` is not among the 0 weights of a `Own`; with nothing run of the constructor" in second[1]


@pytest.mark.parametrize(
    ("name", "keywords", "status"),
    [
        ("_layers", "**keywords", CONFIRMED),
        ("blocks", "**keywords", REFUTED),
        ("blocks", "", NOT_REACHED),  # loading raises for another reason
    ],
)
def test_layers_that_are_weights_and_not_in_the_file(
    name: str, keywords: str, status: Status, sandbox: Sandbox
) -> None:
    """All variables are among the weights; only a file tells. The layer is tried alone, in a model around it."""
    program = HEAD + HIDDEN % (keywords and f", {keywords}", keywords, name, name, name)
    module = start({"main.py": program})
    place = module.source.position(program.index(f"self.{name} ="))
    finding = Finding("main.py", "KC108", "", Severity.ERROR, "", place, place, claim=Claim.STATE_LOST)
    made = plan(module, finding)
    assert made is not None
    first, second = (judge(item, run(item, sandbox), sandbox.limits) for item in made.experiments)
    assert first[0] is NOT_REACHED, first
    assert second[0] is status, second


def test_a_shape_that_is_no_literal_is_left_to_the_child(sandbox: Sandbox) -> None:
    text = """
import numpy as np
class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.d = layers.Dense(3)
    def call(self, x):
        return self.d(x)
m = Net()
m.build((None, np.int32(8)))
m.load_weights("a.weights.h5")
"""
    found = verdict(text, "m.build", Claim.WEIGHTS_NOT_LOADED, "KC102", sandbox)
    assert found[0] is CONFIRMED, found


def test_what_is_saved_has_to_be_a_model() -> None:
    program = HEAD + "def keep(pipeline, model):\n    pipeline.save('one')\n    model.save('two')\n"
    module = start({"main.py": program})
    found = []
    for anchor in ("pipeline.save", "model.save"):
        place = module.source.position(program.index(anchor))
        made = plan(module, Finding("main.py", "KC202", "", Severity.ERROR, "", place, place, claim=Claim.SAVE_RAISES))
        assert made is not None
        found.append((len(made.experiments), made.reason))
    assert found == [(0, "whether `pipeline` is a model of Keras cannot be told from the source"), (1, "")]


@pytest.mark.parametrize(("text", "status"), [("CategoricalHinge()", REFUTED), ("Huber(delta=2.0)", None)])
def test_an_object_of_keras_is_written_and_read(text: str, status: Status | None, sandbox: Sandbox) -> None:
    found = verdict(f"m = keras.losses.{text}\n", "keras.losses", Claim.CONFIG_DIFFERS, "KC212", sandbox)
    shown = truth.shown_on("lost_constructor_argument", truth.installed_keras() or "")
    assert found[0] is (status or (CONFIRMED if shown else REFUTED)), found


FOLDS = """
from sklearn.model_selection import KFold
def make():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, 'relu'), layers.Dropout(0.5), layers.Dense(1)])
    model.compile('adam', 'mse')
    return model
model = make()
first = model.get_weights()
for train, test in KFold(4).split(x):
    %s
    model.fit(x[train], y[train])
"""


@pytest.mark.parametrize(
    ("line", "status", "text"),
    [
        ("print(train)", CONFIRMED, "validation rows differ by up to"),
        ("model.compile('adam', 'mse')", CONFIRMED, "validation rows differ by up to"),
        ("model.set_weights(first)", REFUTED, "do not hang on the labels"),
        ("model = make()", REFUTED, "do not hang on the labels"),
    ],
)
def test_a_model_in_a_loop_over_folds(line: str, status: Status, text: str, sandbox: Sandbox) -> None:
    found = verdict(FOLDS % line, "model.fit", LEAK, "KC411", sandbox)
    assert found[0] is status, found
    assert text in found[1], found


PATHS = """
m = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
m.save(folder + "/model%s")
keras.callbacks.ModelCheckpoint(filepath=folder + "/{epoch}%s", save_freq=steps, save_weights_only=True)
keras.models.load_model(folder + "/model%s")
"""


OLD = """
m = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
m.save_weights(folder(), save_format="h5")
keras.callbacks.ModelCheckpoint(folder(), period=5)
"""


@pytest.mark.parametrize(
    ("anchor", "claim"), [("m.save_weights", Claim.SAVE_RAISES), ("keras.callbacks", Claim.CALL_RAISES)]
)
def test_arguments_that_keras_refuses(anchor: str, claim: Claim, sandbox: Sandbox) -> None:
    argument = "period" if anchor == "keras.callbacks" else "save_format"
    found = verdict(OLD, anchor, claim, "KC204", sandbox, f"Keras 3 takes no `{argument}`")
    assert found[0] is CONFIRMED, found
    assert f"'{argument}'" in found[1], found


@pytest.mark.parametrize(
    ("line", "argument", "status", "evidence"),
    [
        ("m.save_weights('a.ckpt', save_format='tf')", "save_format", CONFIRMED, "'save_format'"),
        ("m.save_weights('a.h5', save_format='h5', options=None)", "options", CONFIRMED, "'options'"),
        ("m.save('a', save_format='tf')", "save_format", CONFIRMED, "save_format=tf"),
        ("m.save('a.h5', save_format='h5')", "save_format", REFUTED, "no exception"),
        ("m.save('a', signatures=None)", "signatures", CONFIRMED, "signatures"),
    ],
)
def test_the_refused_argument_is_the_one_of_the_message(
    line: str, argument: str, status: Status, evidence: str, sandbox: Sandbox
) -> None:
    text = f"m = keras.Sequential([keras.Input((4,)), layers.Dense(3)])\n{line}\n"
    found = verdict(text, "m.save", Claim.SAVE_RAISES, "KC204", sandbox, f"Keras 3 takes no `{argument}`")
    assert found[0] is status, found
    assert evidence in found[1], found


@pytest.mark.parametrize(
    ("anchor", "code", "claim", "end", "status", "evidence"),
    [
        ("m.save", "KC202", Claim.SAVE_RAISES, "", CONFIRMED, "extension"),
        ("m.save", "KC202", Claim.SAVE_RAISES, ".keras", REFUTED, "no exception"),
        ("keras.callbacks", "KC203", Claim.CALL_RAISES, "", CONFIRMED, "must end"),
        ("keras.callbacks", "KC203", Claim.CALL_RAISES, ".weights.h5", REFUTED, "no exception"),
        ("keras.models", "KC205", Claim.LOAD_RAISES, "", CONFIRMED, "File format not supported"),
    ],
)
def test_paths_that_keras_refuses(
    anchor: str, code: str, claim: Claim, end: str, status: Status, evidence: str, sandbox: Sandbox
) -> None:
    found = verdict(PATHS % (end, end, end), anchor, claim, code, sandbox)
    assert found[0] is status, found
    assert evidence in found[1], found
