"""Branches that the arguments of a call decide, and those that they do not (KC307)."""

import pytest

from kerascheck.engine import Options, check
from kerascheck.finding import Severity
from kerascheck.semantic.target import default_target
from kerascheck.text import SourceText

PROGRAM = """
import argparse
import keras
from keras import layers

parser = argparse.ArgumentParser()
parser.add_argument("--norm", default="none")
args = parser.parse_args()
NORM = "none"


def build(norm="none"):
    inputs = keras.Input((4,))
    x = layers.Dense(4)(inputs)
    if norm == "l2":
        x = layers.Lambda(lambda t: t * 2)(x)
    return keras.Model(inputs, x)


def run(norm="none"):
    build(norm).save("run.keras")


{call}
"""


@pytest.mark.parametrize(
    ("call", "severity"),
    [
        ('build("l2").save("a.keras")', Severity.ERROR),
        ('build(norm="none").save("a.keras")', Severity.INFO),
        ('build().save("a.keras")', Severity.INFO),
        ('build(NORM).save("a.keras")', Severity.INFO),
        ('build(**{"norm": NORM}).save("a.keras")', Severity.INFO),
        # the command line may say another one, and anybody may call `run`: the layer may be there, and may not
        ('build(args.norm).save("a.keras")', Severity.INFO),
        ('build(unknown()).save("a.keras")', Severity.INFO),
        ("", Severity.INFO),
    ],
)
def test_a_lambda_in_a_branch(call: str, severity: Severity) -> None:
    text = PROGRAM.format(call=call)
    if call:
        text = text.replace('.save("run.keras")', "")
    options = Options(frozenset({"KC307"}), default_target())
    assert [item.severity for item in check(SourceText(text), "branches.py", options).findings] == [severity]
    if call:  # with such a layer the other way, too, one of them is in the model
        other = "\n    else:\n        x = layers.Lambda(lambda t: t * 3)(x)\n    return keras.Model(inputs, x)"
        text = text.replace("\n    return keras.Model(inputs, x)", other)
        found = [item.severity for item in check(SourceText(text), "branches.py", options).findings]
        decided = "args" not in call and "unknown" not in call
        assert sorted(found) == ([Severity.INFO, Severity.ERROR] if decided else [Severity.ERROR, Severity.ERROR])


TAKEN = """
import keras


class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(2)

    def call(self, x):
        return self.dense(x)


def train(model, name=None, early={early}):
    if early:
        return model
    if name is not None:
        model.save(name)
    return None


{call}
"""


@pytest.mark.parametrize(
    ("early", "call", "found"),
    [
        (True, 'train(Net(), "a.keras")', 0),
        (False, 'train(Net(), "a.keras")', 1),
        (False, "train(Net())", 0),
        (False, 'train(Net(), "a.keras", early=True)', 0),
    ],
)
def test_a_save_that_a_call_does_not_reach(early: bool, call: str, found: int) -> None:
    options = Options(frozenset({"KC305"}), default_target())
    text = TAKEN.format(early=early, call=call)
    assert len(check(SourceText(text), "branches.py", options).findings) == found


@pytest.mark.parametrize(
    ("call", "found"),
    [
        ('build("l2").save("a.keras")', [Severity.ERROR]),
        ('build("l3").save("a.keras")', []),  # the assertion fails: there is no model
        ('build(unknown()).save("a.keras")', [Severity.ERROR]),
    ],
)
def test_an_assertion_about_an_argument(call: str, found: list[Severity]) -> None:
    start = PROGRAM[: PROGRAM.index("def run")].replace(
        '    if norm == "l2":\n    ', '    assert norm in ("l1", "l2")\n'
    )
    options = Options(frozenset({"KC307"}), default_target())
    assert [item.severity for item in check(SourceText(start + call), "branches.py", options).findings] == found
