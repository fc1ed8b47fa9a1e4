"""Losses, labels and metrics of models with several outputs: each finding speaks of the output it is about."""

import pytest

from kerascheck.engine import Options, check, fix
from kerascheck.semantic.target import header_target
from kerascheck.text import SourceText

CODES = frozenset({"KC501", "KC502", "KC503", "KC504", "KC505", "KC506", "KC507", "KC508", "KC509", "KC000", "KC002"})
# two ends of one graph; what follows compiles and trains it
MODEL = """# target: keras {release}, tensorflow
import keras
from keras import Input, Model
from keras.layers import Dense
from keras.losses import BinaryCrossentropy, SparseCategoricalCrossentropy
from keras.metrics import Accuracy
from keras.utils import to_categorical


def train(x, risk, kinds, sizes, given):
    inputs = Input((4,))
    hidden = Dense(8, activation="relu")(inputs)
    one = Dense({one}, name="one")(hidden)
    two = Dense({two}, name="two")(hidden)
    model = Model(inputs, {outputs})
"""
SIGMOID, SOFTMAX, LINEAR = '1, activation="sigmoid"', '3, activation="softmax"', "1"


def found(body: str, one: str, two: str, outputs: str = "[one, two]", release: str = "3.15.1") -> list[str]:
    """The codes of the findings but notes, each with the text of its line."""
    text = MODEL.format(one=one, two=two, outputs=outputs, release=release)
    text += "".join(f"    {line}\n" for line in body.splitlines())
    checked = check(SourceText(text), "several.py", options(text))
    lines = text.splitlines()
    return [
        f"{item.code} {lines[item.start.line - 1][item.start.column - 1 : item.end.column - 1]}"
        for item in checked.findings
        if item.severity.label != "info"
    ]


def options(text: str) -> Options:
    target = header_target(text)
    assert target is not None
    return Options(CODES, target)


SPARSE, CATEGORICAL = "sparse_categorical_crossentropy", "categorical_crossentropy"


@pytest.mark.parametrize(
    ("losses", "labels"),
    [
        (f'["binary_crossentropy", "{SPARSE}"]', "[risk, to_categorical(kinds)]"),
        (f'{{"two": "{SPARSE}", "one": "binary_crossentropy"}}', "[risk, to_categorical(kinds)]"),
        (f'["binary_crossentropy", "{SPARSE}"]', '{"two": to_categorical(kinds), "one": risk}'),
    ],
)
def test_labels_that_do_not_fit_the_loss_of_their_output(losses: str, labels: str) -> None:
    body = f'model.compile("adam", loss={losses})\nmodel.fit(x, {labels})'
    assert found(body, SIGMOID, SOFTMAX) == [f'KC508 "{SPARSE}"']


def test_losses_of_a_name_are_reported_where_they_are_given() -> None:
    body = f'losses = ["mse", "{SPARSE}"]\nmodel.compile("adam", loss=losses)\n'
    body += "model.fit(x, [sizes, to_categorical(kinds)])"
    assert found(body, LINEAR, SOFTMAX) == ["KC508 losses"]


def test_one_loss_is_that_of_every_output() -> None:
    body = 'model.compile("adam", "binary_crossentropy")\nreturn model'
    assert found(body, SIGMOID, "1") == ['KC505 Dense(1, name="two")']


def test_keys_of_outputs_name_them() -> None:
    body = f'model.compile("adam", loss={{"b": "{CATEGORICAL}", "a": "mse"}})\nreturn model'
    assert found(body, LINEAR, "3", '{"a": one, "b": two}') == ['KC505 Dense(3, name="two")']


def test_an_accuracy_is_that_of_its_output() -> None:
    compiled = 'model.compile("adam", ["mse", BinaryCrossentropy(from_logits=True)], metrics={})'
    for metrics in ('{"two": ["accuracy"]}', '[["mae"], ["accuracy"]]', '["mae", "accuracy"]'):
        assert found(compiled.replace("{}", metrics), LINEAR, LINEAR) == ['KC502 "accuracy"']
    assert found(compiled.replace("{}", '{"one": ["mae"]}'), LINEAR, LINEAR) == []


def test_a_flat_list_of_keras_2_is_for_every_output() -> None:
    body = 'model.compile("adam", ["mse", BinaryCrossentropy(from_logits=True)], metrics=["mae", "accuracy"])'
    assert found(body, LINEAR, LINEAR, release="2.15") == []


def test_an_accuracy_of_several_labels() -> None:
    body = 'model.compile("adam", loss=["mse", "binary_crossentropy"], metrics={"two": "accuracy"})'
    assert found(body, LINEAR, '5, activation="sigmoid"') == ['KC509 "accuracy"']
    one_hot = body + "\nmodel.fit(x, [sizes, to_categorical(kinds)])"
    assert found(one_hot, LINEAR, '5, activation="sigmoid"') == []


def test_an_accuracy_of_quantities() -> None:
    body = f'model.compile("adam", ["mse", "{SPARSE}"], metrics={{"one": ["accuracy"], "two": ["acc"]}})\n'
    assert found(body + "model.fit(x, [sizes, kinds])", LINEAR, SOFTMAX) == ['KC503 "accuracy"']


def test_the_class_accuracy_on_one_of_the_outputs() -> None:
    body = f'model.compile("adam", ["mse", "{SPARSE}"], metrics={{"two": [Accuracy()]}})'
    assert found(body, LINEAR, SOFTMAX) == ["KC504 Accuracy()"]
    assert found(body.replace('"two": [', '"one": ['), LINEAR, SOFTMAX) == []


@pytest.mark.parametrize(
    "compiled",
    [
        f'model.compile("adam", ["{CATEGORICAL}", "binary_crossentropy"])',
        f'model.compile("adam", {{"two": "binary_crossentropy", "one": "{CATEGORICAL}"}})',
        'model.compile("adam", given)',  # not known
        f'model.compile("adam", ["{SPARSE}"])',  # not as many as outputs
        f'model.compile("adam", {{"three": "{SPARSE}"}})',  # no output of that name
    ],
)
def test_what_fits_or_cannot_be_told_is_quiet(compiled: str) -> None:
    body = compiled + "\nmodel.fit(x, [to_categorical(kinds), risk])"
    assert found(body, SOFTMAX, SIGMOID) == []


def test_the_loss_of_one_output_is_changed_in_its_place() -> None:
    text = MODEL.format(one=SIGMOID, two=SOFTMAX, outputs="[one, two]", release="3.15.1")
    text += f'    model.compile("adam", loss={{"one": "binary_crossentropy", "two": "{SPARSE}"}})\n'
    text += "    model.fit(x, [risk, to_categorical(kinds)])\n"
    fixed = fix(SourceText(text), "several.py", options(text), unsafe=True).source.text
    assert fixed == text.replace(f'"two": "{SPARSE}"', f'"two": "{CATEGORICAL}"')
