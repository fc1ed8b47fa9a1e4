"""KC401: an order that a helper makes and that a file holds from then on."""

from pathlib import Path

import pytest

from kerascheck.engine import Options, check
from kerascheck.files import ProjectReader
from kerascheck.semantic.project import Project
from kerascheck.semantic.target import default_target
from kerascheck.text import SourceText

NUMPY = """import os
import keras
import numpy as np


def known_or_made(texts, folder, name):
    path = folder + "/" + name + "_numbers.npy"
    names_path = folder + "/" + name + "_names.npy"
    if os.path.isfile(path):
        numbers = np.load(path, allow_pickle=True).item()
        names = np.load(names_path, allow_pickle=True).item()
    else:
        numbers, names = make(texts, folder, name)
    return numbers, names


def make(texts, where, title):
    words = set()
    for text in texts:
        words.update(text.split())
    numbers = {word: number for number, word in enumerate(words)}
    names = {number: word for word, number in numbers.items()}
    np.save(where + "/" + title + "_numbers.npy", numbers)
    np.save(where + "/" + title + "_names.npy", names)
    return numbers, names


print(keras.utils.pad_sequences([[1]]), known_or_made(["a cat"], "kept", "all"))
"""
JSON = """import json
from pathlib import Path

import keras

FOLDER = Path("kept")


def make(texts):
    words = sorted(word for text in texts for word in text.split())
    return {word: number for number, word in enumerate(set(words))}


def read(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def main(name):
    path = FOLDER / f"{name}.json"
    if not path.exists():
        numbers = make(["a cat", "a dog"])
        with path.open("w") as file:
            json.dump(numbers, file)
    else:
        numbers = read(FOLDER / f"{name}.json")
    return keras.utils.to_categorical(list(numbers.values()))


main("words")
"""
METHODS = """import os
import pickle

import keras


class Words:
    def __init__(self, texts, folder):
        self.folder = folder
        if os.path.exists(os.path.join(self.folder, "words.pickle")):
            with open(os.path.join(self.folder, "words.pickle"), "rb") as file:
                self.numbers = pickle.load(file)
        else:
            self.make(texts)

    def make(self, texts):
        words = {word for text in texts for word in text.split()}
        self.numbers = {word: number for number, word in enumerate(words)}
        pickle.dump(self.numbers, open(self.folder + "/words.pickle", "wb"))


print(keras.utils.to_categorical(list(Words(["a cat"], "kept").numbers.values())))
"""


def found(folder: Path, **files: str) -> int:
    (folder / "pyproject.toml").write_text("")
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    options = Options(frozenset({"KC401"}), default_target())
    project = Project(ProjectReader(), options.target)
    path = folder / "words.py"
    return len(check(SourceText.from_bytes(path.read_bytes()), str(path), options, project).findings)


@pytest.mark.parametrize("text", [NUMPY, JSON, METHODS])
def test_the_file_holds_the_order(tmp_path: Path, text: str) -> None:
    assert found(tmp_path, words=text) == 0


def test_the_caller_may_be_in_another_file(tmp_path: Path) -> None:
    start = NUMPY.index("def make")
    head, rest = NUMPY[:start], NUMPY[start:]
    body, call = rest[: rest.index("print")], rest[rest.index("print") :]
    program = head.replace("import keras\n", "import keras\nfrom words import make\n") + call
    assert found(tmp_path, words="import numpy as np\n\n\n" + body, program=program) == 0
    assert found(tmp_path, words="import numpy as np\n\n\n" + body, program=program + "make(['a'], 'b', 'c')\n") == 1


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        # another file is read, or written, or looked for
        (NUMPY, "np.load(path,", 'np.load(folder + "/old.npy",'),
        (NUMPY, 'np.save(where + "/" + title + "_numbers.npy"', 'np.save("kept/" + title + "_numbers.npy"'),
        (NUMPY, "isfile(path)", "isfile(folder)"),
        (NUMPY, "make(texts, folder, name)", 'make(texts, folder, "new")'),
        (NUMPY, "make(texts, folder, name)", "make(texts, name, folder)"),
        # numpy puts `.npy` behind the name
        (NUMPY, "_numbers.npy", "_numbers"),
        # the name may have been bound anew
        (NUMPY, "    if os", "    path = path.lower()\n    if os"),
        (NUMPY, "    words = set()", "    where = where.lower()\n    words = set()"),
        # it is made elsewhere, too, or is handed on
        (NUMPY, "print(", "print(make(['a dog'], 'kept', 'all'), "),
        (NUMPY, "print(", "print(list(map(make, [['a dog']])), "),
        # something else decides, or less is read than is made
        (NUMPY, "isfile(path)", "isfile(path) and texts"),
        (NUMPY, "        names = np.load(names_path, allow_pickle=True).item()\n", ""),
        (NUMPY, "np.save(where", "print(where"),
        (JSON, 'path.open("w")', "path.open()"),
        (JSON, "json.dump(numbers, file)", "json.dump(name, file)"),
        (JSON, "read(FOLDER", "read(Path(name)"),
        (METHODS, "self.folder + ", "self.other + "),
        (METHODS, "self.numbers = pickle.load(file)", "pickle.load(file)"),
    ],
)  # fmt: skip
def test_the_file_does_not_hold_the_order(tmp_path: Path, text: str, old: str, new: str) -> None:
    assert old in text
    assert found(tmp_path, words=text.replace(old, new)) == 1
