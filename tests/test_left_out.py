"""Paths out of a dictionary that a parameter is by default: `def __init__(self, cfg=CONFIG)` (KC201)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kerascheck.cli import main

CONFIG = 'CONFIG = {"window": 3, "paths": {"root": "out", "file": "f.ckpt", "good": "f.weights.h5"}}\n'
TRAINER = """import os
import keras
import config
from config import CONFIG


class Trainer:
    def __init__(self, PARAMETERS):
        SET
        self.model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])

    def save(self):
        self.model.save_weights(PATH)
"""
PATH = 'os.path.join(self.cfg["paths"]["root"], self.cfg["paths"]["file"])'
GIVEN = "cfg=CONFIG"
SET = "self.cfg = cfg"
UNLESS = "if cfg is None:\n            cfg = CONFIG\n        self.cfg = cfg"
MAIN = "import json\nfrom trainer import Trainer\n{before}\nif __name__ == '__main__':\n"
MAIN += "    trainer = {made}\n    trainer.save()\n"
LOADED = "json.load(open('x.json'))"
HEIR = "\n\nclass Heir(Trainer):\n    def __init__(self):\n        super().__init__({given})\n\n"


def _codes(capsys: pytest.CaptureFixture[str], folder: Path, trainer: str, program: str = "") -> list[str]:
    files = {"config": CONFIG, "trainer": trainer, "names": 'from trainer import Trainer\n__all__ = ["Trainer"]\n'}
    for name, text in {**files, "program": program}.items():
        Path(folder, name + ".py").write_text(text)
    Path(folder, "requirements.txt").write_text("keras==3.15.1\n")
    main(["check", "--no-cache", "--exit-zero", "--format", "json", "--select", "KC201", str(folder)])
    return [f"{Path(item['path']).stem} {item['code']}" for item in json.loads(capsys.readouterr().out)]


def _trainer(parameters: str = GIVEN, kept: str = SET, path: str = PATH) -> str:
    return TRAINER.replace("PARAMETERS", parameters).replace("SET", kept).replace("PATH", path)


@pytest.mark.parametrize(
    ("parameters", "kept"),
    [
        (GIVEN, SET),
        ("cfg=config.CONFIG", SET),
        ("*, cfg=CONFIG", SET),
        ('cfg={"paths": {"root": "out", "file": "f.ckpt", "good": "f.weights.h5"}}', SET),
        ("cfg=None", "self.cfg = cfg or CONFIG"),
        ("cfg=None", UNLESS),
        ("cfg=None", "self.cfg = CONFIG if cfg is None else cfg"),
        ("cfg=None", "self.cfg = cfg if cfg else CONFIG"),
    ],
)
def test_a_table_that_no_call_gives(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], parameters: str, kept: str
) -> None:
    bad, good = _trainer(parameters, kept), _trainer(parameters, kept, PATH.replace('"file"', '"good"'))
    left = MAIN.format(before="", made="Trainer()")
    given = MAIN.format(before="", made=f"Trainer(cfg={LOADED})")
    assert _codes(capsys, tmp_path, bad) == ["trainer KC201"]
    assert _codes(capsys, tmp_path, bad, left) == ["trainer KC201"]
    assert _codes(capsys, tmp_path, bad, given) == []
    assert _codes(capsys, tmp_path, good) == []
    assert _codes(capsys, tmp_path, good, left) == []


@pytest.mark.parametrize(
    ("before", "made", "found"),
    [
        ("", "Trainer({'paths': {'root': 'a', 'file': 'b.ckpt'}})", ["trainer KC201"]),
        ("", "Trainer({'paths': {'root': 'a', 'file': 'b.weights.h5'}})", []),
        ("", f"Trainer({LOADED})", []),
        ("", "Trainer(*sys.argv)", []),
        ("", "{'a': Trainer}['a'](" + LOADED + ")", []),
        ("from config import CONFIG\nCONFIG['paths']['file'] = input()\n", "Trainer()", []),
        ("from config import CONFIG\nCONFIG.update(json.load(open('x.json')))\n", "Trainer()", []),
        (HEIR.format(given=""), "Heir()", ["trainer KC201"]),
        (HEIR.format(given=LOADED), "Heir()", []),
    ],
)
def test_a_table_that_a_program_gives(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], before: str, made: str, found: list[str]
) -> None:
    assert _codes(capsys, tmp_path, _trainer(), MAIN.format(before=before, made=made)) == found


def test_a_program_that_changes_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = "from config import CONFIG\nfrom trainer import Trainer\n\n\ndef start(path):\n"
    program += "    CONFIG['paths']['file'] = path\n    return Trainer()\n"
    assert _codes(capsys, tmp_path, _trainer(), program) == []
