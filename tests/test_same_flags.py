"""A load that no run reaches which compiles the model with the object of the project (KC305, KC306)."""

from pathlib import Path

import pytest

from kerascheck.engine import Options, check
from kerascheck.files import ProjectReader
from kerascheck.semantic.project import Project
from kerascheck.semantic.target import default_target
from kerascheck.text import SourceText

OWN = """import keras
from settings import settings


def own(y_true, y_pred):
    return keras.ops.mean(y_true - y_pred)


def main(x, y, again=False):
    small = settings.small
    wide = settings.wide
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
"""
TRAINED = """    if small:
        model.compile("adam", loss=own)
    elif wide:
        model.compile("sgd", loss=own)
    else:
        model.compile("adam", loss="mse")
    model.fit(x, y)
    model.save("net.h5")
"""
READ = """    if {}:
        return keras.models.load_model("net.h5", compile=False)
    else:
        return keras.models.load_model("net.h5")
"""
SPLIT = OWN + TRAINED + READ
FOUND = ["KC305", "KC306"]


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        (SPLIT.format("small or wide"), []),
        (SPLIT.format("wide or (small and wide) or not wide and small"), []),
        (SPLIT.format("wide"), FOUND),
        (SPLIT.format("small or settings.wide"), FOUND),
        (SPLIT.format("small and wide"), FOUND),
        (SPLIT.format("not (small or wide)"), FOUND),
        # one of the names is bound again
        (OWN + TRAINED + "    wide = again\n" + READ.format("small or wide"), FOUND),
        (OWN + TRAINED + "    for wide in x:\n        print(wide)\n" + READ.format("small or wide"), FOUND),
        # another run reads what this one has saved
        (OWN.replace("\n    model =", "\n    if small:\n        return keras.models.load_model('net.h5')\n    model =")
         + "    if not small:\n        model.compile('adam', own)\n    model.save('net.h5')\n", FOUND),
        (OWN + "    if small:\n        model.compile('adam', own)\n        model.save('net.h5')\n"
         "    else:\n        keras.models.load_model('net.h5')\n", FOUND),
        # each round asks anew
        (OWN + "    while x:\n        fine = next(x)\n        if fine:\n            model.compile('adam', own)\n"
         "        model.save('net.h5')\n        if not fine:\n            keras.models.load_model('net.h5')\n", FOUND),
    ],
)  # fmt: skip
def test_flags_of_a_save_and_a_load(tmp_path: Path, text: str, codes: list[str]) -> None:
    path = tmp_path / "net.py"
    (tmp_path / "pyproject.toml").write_text("")
    path.write_text(text)
    options = Options(frozenset(FOUND), default_target())
    project = Project(ProjectReader(), options.target)
    checked = check(SourceText.from_bytes(path.read_bytes()), str(path), options, project)
    assert sorted({item.code for item in checked.findings}) == codes
