"""Losses and metrics of saved models where no load of the project compiles."""

from pathlib import Path

import pytest

from kerascheck.engine import Options, check
from kerascheck.files import ProjectReader
from kerascheck.semantic.project import Project
from kerascheck.semantic.target import default_target
from kerascheck.text import SourceText

TRAIN = """
import os

import keras


def overlap(y_true, y_pred):
    return keras.ops.sum(y_true * y_pred)


{layer}
model = keras.Sequential([keras.Input((3,)), {made}keras.layers.Dense(1)])
model.compile("adam", loss="mse", metrics=[overlap])
model.fit(x, y)
model.save(os.path.join("models", "last.keras"))
"""
BARE = "import keras\n\n\ndef read(path):\n    return keras.models.load_model(path, compile=False)\n"
NAMED = "import keras\n\nmodel = keras.models.load_model('models/best.keras', compile=False)\n"
WHOLE = "import keras\n\nmodel = keras.models.load_model('models/best.keras')\n"
LAYER = "class Twice(keras.layers.Layer):\n    def call(self, inputs):\n        return 2 * inputs\n\n"


@pytest.mark.parametrize(
    ("layer", "read", "more", "found"),
    [
        ("", NAMED, BARE, 0),
        ("", BARE, "", 0),
        ("", NAMED, "", 1),  # it reads another file
        ("", BARE + "\n\nmodel = read('a.keras')\nmodel.save('b.keras')\n", "", 1),  # it may read its own
        ("", NAMED, WHOLE, 1),
        ("", BARE, WHOLE, 1),
        ("", WHOLE, "", 1),
        ("", "", "", 1),
        (LAYER, NAMED, BARE, 1),  # a layer is in the file all the same
    ],
)
def test_what_no_load_compiles(layer: str, read: str, more: str, found: int, tmp_path: Path) -> None:
    text = TRAIN.format(layer=layer, made="Twice(), " if layer else "")
    for place, code in {"app/serve.py": read, "tools/show.py": more, "pyproject.toml": ""}.items():
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_text(code)
    (tmp_path / "train").mkdir()
    options = Options(frozenset({"KC305"}), default_target())
    project = Project(ProjectReader(), options.target)
    findings = check(SourceText(text), str(tmp_path / "train" / "train.py"), options, project).findings
    assert len(findings) == found
