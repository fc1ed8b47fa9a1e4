"""KC401: a numbering of which nothing is left when the program ends."""

from pathlib import Path

import pytest

from kerascheck.engine import Options, check
from kerascheck.files import ProjectReader
from kerascheck.semantic.project import Project
from kerascheck.semantic.target import default_target
from kerascheck.text import SourceText

LABELS = """def numbered(rows):
    names = list(set(row.split()[0] for row in rows))
    return {name: number for number, name in enumerate(names)}
"""
HANDED_ON = "from labels import numbered\n"
TRAIN = """import keras
import numpy as np
import matplotlib.pyplot as plt
from labels import numbered

rows = open("rows.txt").readlines()
numbers = numbered(rows)
x = np.array([[float(row.split()[1])] for row in rows])
y = keras.utils.to_categorical([numbers[row.split()[0]] for row in rows], len(numbers))
model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(len(numbers), "softmax")])
model.compile("adam", "categorical_crossentropy")
past = model.fit(x, y)
plt.savefig("past.png")
names = {number: name for name, number in numbers.items()}
print(names[int(model.predict(x[:1]).argmax())])
"""


@pytest.mark.parametrize(
    ("files", "severity"),
    [
        ({"train.py": TRAIN}, "info"),
        ({"data.py": HANDED_ON, "train.py": TRAIN.replace("labels", "data")}, "info"),
        ({"train.py": TRAIN.replace("from labels", "import plots\nfrom labels"), "plots.py": "kept = 1\n"}, "info"),
        # something outlives it
        ({"train.py": TRAIN + "model.save('net.keras')\n"}, "error"),
        ({"train.py": TRAIN + "model.save_weights('net.weights.h5')\n"}, "error"),
        ({"train.py": TRAIN + "with open('names.txt', 'w') as file:\n    print(names, file=file)\n"}, "error"),
        ({"train.py": TRAIN.replace("past = ", "# model.save('net.keras')\npast = ")}, "error"),
        ({"data.py": HANDED_ON, "train.py": TRAIN.replace("labels", "data") + "x.save()\n"}, "error"),
        ({"train.py": TRAIN, "serve.py": HANDED_ON + "import keras\nkeras.models.load_model('a.h5')\n"}, "error"),
        # equal runs are promised
        ({"train.py": TRAIN.replace("rows = ", "np.random.seed(1)\nrows = ")}, "error"),
        ({"train.py": TRAIN.replace("rows = ", "keras.utils.set_random_seed(1)\nrows = ")}, "error"),
        # it is not known what trains on it, or who does
        ({"train.py": TRAIN.replace("past = model.fit(x, y)\n", "")}, "error"),
        ({"train.py": TRAIN, "setup.py": "import setuptools\n\nsetuptools.setup(name='labels')\n"}, "error"),
    ],
)  # fmt: skip
def test_numbers_that_end_with_the_run(tmp_path: Path, files: dict[str, str], severity: str) -> None:
    for name, text in {"pyproject.toml": "", "labels.py": LABELS, **files}.items():
        (tmp_path / name).write_text(text)
    options = Options(frozenset({"KC401"}), default_target())
    path = tmp_path / "labels.py"
    source = SourceText.from_bytes(path.read_bytes())
    (found,) = check(source, str(path), options, Project(ProjectReader(), options.target)).findings
    assert found.severity.name.lower() == severity
    assert ("outlives" in found.message) == (severity == "info")


def test_one_file_alone_that_trains_nothing_is_reported() -> None:
    text = LABELS + "import keras\nprint(keras.utils.to_categorical(list(numbered(open('a').readlines()).values())))\n"
    (found,) = check(SourceText(text), "alone.py", Options(frozenset({"KC401"}), default_target())).findings
    assert found.severity.name == "ERROR"
