"""Programs that split data and load a model which another program trains on other data (KC405)."""

from pathlib import Path

import pytest

from kerascheck.engine import Options, check
from kerascheck.files import ProjectReader
from kerascheck.semantic.project import Project
from kerascheck.semantic.target import default_target
from kerascheck.text import SourceText

TRY = """
import keras
import numpy as np
from sklearn.model_selection import train_test_split

rows = {rows}
shown, kept = train_test_split(rows, test_size=0.5)
model = keras.models.load_model("models/net.keras")
print(model.predict(kept))
"""
TRAIN = """
import keras
import numpy as np

rows = {rows}
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
model.compile("adam", "mse")
model.fit(rows[:, :3], rows[:, 3:])
model.save("models/net.keras")
"""
NEW, OLD = "np.load('data/new.npy')", "np.load('data/old.npy')"


@pytest.mark.parametrize(
    ("rows", "trained", "found"),
    [
        (NEW, OLD, 0),
        (NEW, NEW, 1),
        (NEW, NEW.replace("data/", "../data/"), 1),
        (NEW, "np.load(sys.argv[1])", 1),
        (NEW, "", 1),  # who trained it is not known
        ("np.load(sys.argv[1])", OLD, 1),
        ("np.vstack([np.load('new.npy'), np.load('old.npy')])", OLD, 1),
    ],
)
def test_a_model_of_other_data(rows: str, trained: str, found: int, tmp_path: Path) -> None:
    if trained:
        (tmp_path / "train.py").write_text(TRAIN.format(rows=trained))
    options = Options(frozenset({"KC405"}), default_target())
    project = Project(ProjectReader(), options.target)
    findings = check(SourceText(TRY.format(rows=rows)), str(tmp_path / "try_it.py"), options, project).findings
    assert len(findings) == found
