"""Pairs of programs: small scripts in the style of Keras 1 and 2, each right and with one fault written into it.

A pair is told apart when the finding stands at a changed line or beside it and is gone from the right program, which
has no warning or error of the rules on losses, metrics, activations and sequences at all.
"""

import difflib

import pytest

from kerascheck.engine import Options, check
from kerascheck.semantic.target import default_target
from kerascheck.text import SourceText

RULES = frozenset(f"KC{number}" for number in (502, 503, 504, 505, 506, 507, 508, 509, 511, 512, 605, 607))
HEAD = """import numpy as np
from keras.models import Sequential
from keras.layers import Dense, Dropout, Activation, Flatten
"""

XOR = """X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
y = np.array([[0], [1], [1], [0]])
model = Sequential()
model.add(Dense(8, input_dim=2, init="uniform", activation="relu"))
model.add(Dense(1, activation="sigmoid"))
model.compile(loss="binary_crossentropy", optimizer="sgd", metrics=["accuracy"])
model.fit(X, y, nb_epoch=500, batch_size=4, verbose=0)
print(model.predict(X))
"""

MNIST = """from keras.datasets import mnist
from keras.utils import np_utils

(X_train, y_train), (X_test, y_test) = mnist.load_data()
X_train = X_train.reshape(60000, 784).astype("float32") / 255
X_test = X_test.reshape(10000, 784).astype("float32") / 255
Y_train = np_utils.to_categorical(y_train, 10)
Y_test = np_utils.to_categorical(y_test, 10)
model = Sequential()
model.add(Dense(512, input_shape=(784,)))
model.add(Activation("relu"))
model.add(Dropout(0.2))
model.add(Dense(10))
model.add(Activation("softmax"))
model.compile(loss="categorical_crossentropy", optimizer="sgd", metrics=["accuracy"])
model.fit(X_train, Y_train, batch_size=128, nb_epoch=20, validation_data=(X_test, Y_test))
"""

DIABETES = """dataset = np.loadtxt("pima-indians-diabetes.csv", delimiter=",")
X = dataset[:, 0:8]
Y = dataset[:, 8]
model = Sequential()
model.add(Dense(12, input_dim=8, activation="relu"))
model.add(Dense(8, activation="relu"))
model.add(Dense(1, activation="sigmoid"))
model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
model.fit(X, Y, epochs=150, batch_size=10)
"""

PRICES = """import pandas

frame = pandas.read_csv("housing.csv", delim_whitespace=True, header=None)
values = frame.values
X = values[:, 0:13]
Y = values[:, 13]


def baseline_model():
    model = Sequential()
    model.add(Dense(13, input_dim=13, kernel_initializer="normal", activation="relu"))
    model.add(Dense(1, kernel_initializer="normal"))
    model.compile(loss="mean_squared_error", optimizer="adam", metrics=["mae"])
    return model


model = baseline_model()
model.fit(X, Y, epochs=50, batch_size=5)
"""

IMAGES = """from keras.layers import Convolution2D, MaxPooling2D
from keras.preprocessing.image import ImageDataGenerator

model = Sequential()
model.add(Convolution2D(32, (3, 3), input_shape=(150, 150, 3), activation="relu"))
model.add(MaxPooling2D(pool_size=(2, 2)))
model.add(Flatten())
model.add(Dense(64, activation="relu"))
model.add(Dense(1, activation="sigmoid"))
model.compile(loss="binary_crossentropy", optimizer="rmsprop", metrics=["accuracy"])
train_datagen = ImageDataGenerator(rescale=1.0 / 255)
train_generator = train_datagen.flow_from_directory("data/train", batch_size=32, class_mode="binary")
model.fit_generator(train_generator, steps_per_epoch=60, epochs=50)
"""

FUNCTIONAL = """from keras.layers import Input, LSTM, Embedding
from keras.models import Model


def build(vocabulary, length):
    words = Input(shape=(length,))
    x = Embedding(vocabulary, 64)(words)
    x = LSTM(64, return_sequences=True)(x)
    x = LSTM(32)(x)
    answer = Dense(5, activation="softmax")(x)
    return Model(inputs=words, outputs=answer)


model = build(5000, 80)
model.compile(optimizer="rmsprop", loss="categorical_crossentropy", metrics=["acc"])
"""

OBJECTS = """import tensorflow as tf

(x, y), _ = tf.keras.datasets.fashion_mnist.load_data()
model = tf.keras.Sequential([
    tf.keras.layers.Flatten(input_shape=(28, 28)),
    tf.keras.layers.Dense(128, activation="relu"),
    tf.keras.layers.Dense(10),
])
loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile(optimizer="adam", loss=loss, metrics=["accuracy"])
model.fit(x / 255.0, y, epochs=10)
"""

PROBABILITIES = """import tensorflow as tf

(x, y), _ = tf.keras.datasets.fashion_mnist.load_data()
model = tf.keras.Sequential([
    tf.keras.layers.Flatten(input_shape=(28, 28)),
    tf.keras.layers.Dense(128, activation="relu"),
    tf.keras.layers.Dense(10, activation="softmax"),
])
loss = tf.keras.losses.SparseCategoricalCrossentropy()
model.compile(optimizer="adam", loss=loss, metrics=["accuracy"])
model.fit(x / 255.0, y, epochs=10)
"""

HISTORY = """dataset = np.loadtxt("pima-indians-diabetes.csv", delimiter=",")
X = dataset[:, 0:8]
Y = dataset[:, 8]
model = Sequential()
model.add(Dense(12, input_dim=8, activation="relu"))
model.add(Dense(8, activation="relu"))
model.add(Dense(1, activation="sigmoid"))
model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
history = model.fit(X, Y, validation_split=0.33, epochs=150, batch_size=10)
print(history.history["val_accuracy"])
"""

# what is right, and the changes that make it wrong
PAIRS = {
    "one_unit_softmax": ("KC507", XOR, [("sigmoid", "softmax")]),
    "last_activation_relu": ("KC505", MNIST, [('"softmax"', '"relu"')]),
    "last_activation_tanh": ("KC505", MNIST, [('"softmax"', '"tanh"')]),
    "last_activation_missing": ("KC505", MNIST, [('model.add(Activation("softmax"))\n', "")]),
    "labels_not_encoded": (
        "KC508",
        MNIST,
        [("(X_train, Y_train,", "(X_train, y_train,"), ("(X_test, Y_test))", "(X_test, y_test))")],
    ),
    "binary_loss_for_ten_classes": ("KC508", MNIST, [('"categorical_', '"binary_')]),
    "sigmoid_for_ten_classes": ("KC508", MNIST, [('"softmax"', '"sigmoid"')]),
    "sparse_loss_for_one_hot": ("KC508", MNIST, [('"categorical_', '"sparse_categorical_')]),
    "nine_units": ("KC508", MNIST, [("Dense(10)", "Dense(9)")]),
    "one_unit_categorical": ("KC508", DIABETES, [('"binary_', '"categorical_')]),
    "one_unit_linear": ("KC505", DIABETES, [(', activation="sigmoid"', "")]),
    "one_unit_relu": ("KC505", DIABETES, [('"sigmoid"', '"relu"')]),
    "two_units_for_one_column": ("KC508", DIABETES, [("Dense(1,", "Dense(2,")]),
    "softmax_for_one_column": (
        "KC508",
        DIABETES,
        [('Dense(1, activation="sigmoid")', 'Dense(2, activation="softmax")'), ('"binary_', '"categorical_')],
    ),
    "accuracy_of_prices": ("KC503", PRICES, [('"mae"', '"accuracy"')]),
    "class_mode_categorical": ("KC508", IMAGES, [('class_mode="binary"', 'class_mode="categorical"')]),
    "class_mode_not_given": ("KC508", IMAGES, [(', class_mode="binary"', "")]),
    "kernel_of_keras_1": ("KC605", IMAGES, [("(32, (3, 3), ", '(32, 3, 3, border_mode="same", ')]),
    "sequence_lost": ("KC607", FUNCTIONAL, [(", return_sequences=True", "")]),
    "no_softmax": ("KC505", FUNCTIONAL, [(', activation="softmax"', "")]),
    "softmax_of_one_unit": ("KC507", FUNCTIONAL, [("Dense(5,", "Dense(1,")]),
    "from_logits_forgotten": ("KC505", OBJECTS, [("from_logits=True", "")]),
    "accuracy_class": ("KC504", PROBABILITIES, [('["accuracy"]', "[tf.keras.metrics.Accuracy()]")]),
    "old_history_key": ("KC511", HISTORY, [("val_accuracy", "val_acc")]),
}


def findings(text: str) -> list[tuple[str, str, set[int]]]:
    """Code, severity and lines of what is found, related places included."""
    found = check(SourceText(text), "program.py", Options(RULES, default_target()), None).findings
    return [
        (item.code, item.severity.label, {item.start.line, *(place.line for place in item.related)}) for item in found
    ]


def changed_lines(text: str, other: str) -> set[int]:
    """The lines of `text` that differ from `other`, and those beside them."""
    matcher = difflib.SequenceMatcher(None, other.splitlines(), text.splitlines(), autojunk=False)
    changed = [range(first - 1, last + 2) for kind, _, _, first, last in matcher.get_opcodes() if kind != "equal"]
    return {line + 1 for lines in changed for line in lines}


@pytest.mark.parametrize("name", PAIRS)
def test_a_fault_is_named_where_it_is_and_gone_when_it_is_corrected(name: str) -> None:
    code, body, changes = PAIRS[name]
    right = HEAD + body
    wrong = right
    for before, after in changes:
        assert before in wrong
        wrong = wrong.replace(before, after)
    assert [item for item in findings(right) if item[1] != "info" or item[0] == code] == []
    lines = [places for found, _, places in findings(wrong) if found == code]
    assert lines
    assert any(places & changed_lines(wrong, right) for places in lines), (lines, changed_lines(wrong, right))
