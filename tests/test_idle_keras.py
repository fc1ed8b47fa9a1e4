"""Programs that import Keras and do nothing with it."""

from pathlib import Path

import pytest

from kerascheck.engine import Options, check
from kerascheck.files import ProjectReader
from kerascheck.semantic.project import Project
from kerascheck.semantic.target import default_target
from kerascheck.text import SourceText

PADDED = """
import os
import sys

from keras.utils import pad_sequences
from sklearn.model_selection import train_test_split


class Tagger:
    def __init__(self, table):
        self.table = table

    def train(self, rows):
        self.rows = [[self.table[word] for word in row] for row in rows]


def numbers(rows):
    return {word: number for number, word in enumerate({word.lower() for row in rows for word in row})}


def folders(path):
    return {name: number for number, name in enumerate(os.listdir(path))}


def padded(rows):
    return pad_sequences(rows)


if __name__ == "__main__":
    rows = [line.split() for line in sys.stdin]
    train, test = train_test_split(rows)
    tagger = Tagger(numbers(rows))
    tagger.train(train)
    print(len(test), folders("."))
"""
CALLED = PADDED.replace("tagger.train(train)", "tagger.train(padded(train))")
SAVED = PADDED.replace("tagger.train(train)", "tagger.train(train)\n    tagger.save('tagger')")
LIBRARY = PADDED.partition("if __name__")[0]


@pytest.mark.parametrize(
    ("text", "importer", "found"),
    [
        (PADDED, "", set()),
        (PADDED.replace("pad_sequences(rows)", "rows"), "", set()),
        (CALLED, "", {"KC401", "KC410"}),
        (CALLED.replace("utils import pad_sequences", "utils import *"), "", {"KC401", "KC410"}),
        (SAVED, "", {"KC401", "KC410"}),  # others may read what it wrote
        (LIBRARY, "", {"KC401", "KC410"}),
        (PADDED, "import keras\nfrom tags import numbers", {"KC401", "KC410"}),
    ],
)
def test_what_has_nothing_to_do_with_keras(text: str, importer: str, found: set[str], tmp_path: Path) -> None:
    (tmp_path / "importer.py").write_text(importer)
    (tmp_path / "tags.py").write_text(text)
    options = Options(frozenset({"KC401", "KC405", "KC410"}), default_target())
    project = Project(ProjectReader(), options.target)
    findings = check(SourceText(text), str(tmp_path / "tags.py"), options, project).findings
    assert {item.code for item in findings} == found
