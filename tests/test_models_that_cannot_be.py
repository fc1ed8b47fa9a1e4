"""Models that no release can make: nothing is said of what they are compiled with."""

import pytest

from kerascheck.engine import Options, check
from kerascheck.semantic.target import default_target
from kerascheck.text import SourceText


@pytest.mark.parametrize(
    ("shape", "layers", "found"),
    [
        ("(None, 10)", "Conv1D(8, 3), Flatten()", 0),
        ("(None, 10)", "GRU(8, return_sequences=True), Flatten()", 0),
        ("(None, 10)", "Bidirectional(LSTM(8, return_sequences=True)), Flatten(), Dropout(0.1)", 0),
        ("(None, None, 3)", "Conv2D(8, 3), MaxPooling2D(), Flatten()", 0),
        ("(None,)", "Embedding(9, 4), Flatten()", 0),
        ("(6, 10)", "Conv1D(8, 3), Flatten()", 1),
        ("(None, 10)", "Conv1D(8, 3), GlobalMaxPooling1D()", 1),
        ("(None, 10)", "GRU(8), Flatten()", 1),
        ("(size, 10)", "Conv1D(8, 3), Flatten()", 1),
        ("(None, None, 3)", "Conv2D(8, 3), Resizing(4, 4), Flatten()", 1),
        ("(None, 4, 4, 3)", "Reshape((4, 12)), Flatten()", 1),
    ],
)
def test_flatten_meets_an_axis_of_unknown_size(shape: str, layers: str, found: int) -> None:
    """Run on 2.15 and 3.15.1, the first five: ValueError where `Dense` is called."""
    steps = "".join(f"    rows = {layer}(rows)\n" for layer in layers.replace("), ", ")\n").split("\n"))
    text = f"""
from keras import Input, Model
from keras.layers import *


def build(size):
    inputs = rows = Input({shape})
{steps}    model = Model(inputs, Dense(3, activation="sigmoid")(rows))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model
"""
    options = Options(frozenset({"KC509"}), default_target())
    assert len(check(SourceText(text), "net.py", options).findings) == found
