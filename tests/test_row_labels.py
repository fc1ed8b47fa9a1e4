"""Sets of the labels of rows that pandas keeps (KC401)."""

import pytest

from kerascheck.engine import Options, check
from kerascheck.semantic.target import default_target
from kerascheck.text import SourceText


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ("table[table.loud > 0].index", 0),
        ("table.dropna().index", 0),
        ('table.query("loud > 0").index', 0),
        ("table.kind.where(table.loud > 0).dropna().index", 0),
        ("table.index", 1),  # not chosen among others: the labels may be names
        ("table.kind.value_counts().head().index", 1),
        ('table.set_index("name").dropna().index', 1),
        ('pd.read_csv("a.csv", index_col="name").dropna().index', 1),
        ("table.dropna().kind", 1),
    ],
)
def test_a_saved_set_of_rows(rows: str, found: int) -> None:
    text = f"""
import pickle

import keras
import pandas as pd

table = pd.read_csv("table.csv")
chosen = list(set({rows}))
with open("chosen.pickle", "wb") as file:
    pickle.dump(chosen, file)
"""
    options = Options(frozenset({"KC401"}), default_target())
    assert len(check(SourceText(text), "rows.py", options).findings) == found


def test_the_labels_of_rows_that_number_classes_are_names() -> None:
    text = """
import keras
import pandas as pd

classes = list(set(pd.read_csv("table.csv").dropna().index))
numbers = {name: number for number, name in enumerate(classes)}
"""
    options = Options(frozenset({"KC401"}), default_target())
    assert len(check(SourceText(text), "rows.py", options).findings) == 1
