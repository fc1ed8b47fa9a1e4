"""KC301 of an argument that only names what is inside of a layer is a note."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kerascheck.cli import main

LAYER = """import keras
from keras import layers
from somewhere import make, unknown


class Block(layers.Layer):
    def __init__(self, units=3, prefix={default}, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        {made}

    def call(self, inputs):
        return {call}

    def get_config(self):
        return {{**super().get_config(), "units": self.units}}
"""
MADE = 'self.inner = layers.Dense(units, name=prefix + "inner")'
CALL = "self.inner(inputs)"


@pytest.mark.parametrize(
    ("default", "made", "call", "more", "severity"),
    [
        ('"a_"', MADE, CALL, "", "info"),
        ('""', MADE, CALL, "", "info"),
        ("None", MADE, CALL, "", "error"),  # loading raises
        ('"a/"', MADE, CALL, "", "error"),
        ('"_"', MADE, CALL, "", "error"),
        ('""', 'self.inner = layers.Dense(units, name=prefix + "_inner")', CALL, "", "error"),
        ('"a_"', "self.inner = layers.Dense(units, name=prefix); self.units = len(prefix)", CALL, "", "error"),
        ('"a_"', "self.inner = layers.Dense(units, name=prefix, activation=prefix)", CALL, "", "error"),
        ('"a_"', f"self.prefix = prefix; {MADE}", CALL, "", "info"),
        ('"a_"', f"self.prefix = prefix; {MADE}", f'{CALL} + self.prefix.count("_")', "", "error"),
        ('"a_"', f"self.prefix = prefix; {MADE}", CALL, "\ndef shown(block):\n    return block.prefix\n", "error"),
        ('"a_"', f"{MADE}; self.more = make(prefix)", CALL, "", "error"),
        ('"a_"', "self.inner = keras.Input((3,), name=prefix)", CALL, "", "error"),
        ('"a_"', "self.inner = unknown(units, name=prefix)", CALL, "", "error"),
        ('"a_"', MADE, "self.inner(inputs) * len(self.inner.name)", "", "error"),
        (
            '"a_"',
            'self.share = self.add_weight(shape=(), initializer="ones", name=prefix)',
            "inputs * self.share",
            "",
            "info",
        ),
        (
            '"a_"',
            'self.share = self.add_weight(shape=(), initializer="ones", name=prefix)',
            "inputs * self.share",
            "\nOLD = '2.15'\n",
            "error",
        ),
    ],
)
def test_an_argument_for_names(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    default: str,
    made: str,
    call: str,
    more: str,
    severity: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("layer.py").write_text(LAYER.format(default=default, made=made, call=call) + more)
    target = "2.15" if "2.15" in more else "3.15.1"
    Path("pyproject.toml").write_text(f'[tool.kerascheck]\ntarget-keras = "{target}"\n')
    main(["check", "--no-cache", "--exit-zero", "--format", "json", "--select", "KC301", "."])
    findings = json.loads(capsys.readouterr().out)
    assert [(item["line"], item["severity"]) for item in findings] == [(7, severity)]


def test_not_for_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    text = LAYER.format(default='"a_"', made=MADE, call=CALL).replace("layers.Layer", "keras.Model")
    Path("layer.py").write_text(text)
    main(["check", "--no-cache", "--exit-zero", "--format", "json", "--select", "KC301", "."])
    assert [item["severity"] for item in json.loads(capsys.readouterr().out)] == ["error"]
