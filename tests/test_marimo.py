"""Marimo files, percent scripts and Databricks exports: names of other cells are known."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from kerascheck.outcome import Mode
from kerascheck.run import look_at
from kerascheck.semantic.marimo import as_program, cells
from kerascheck.surroundings import Overrides, Surroundings

MARIMO = """import marimo

__generated_with = "0.25.0"
app = marimo.App(width="medium")


@app.cell
def _():
    import keras
    from keras import layers
    return keras, layers


@app.cell(hide_code=True)
def _(mo):
    mo.md("a \U0001f600 text")
    return


@app.cell
def make(
    keras,
    layers,
):
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="softmax")])

    def twice(x):
        return 2 * x
    return model, twice


@app.cell
async def _(model):
    await model.ready()
    model.save_weights("a.keras")
    return


@app.function
def helper(x):
    return x


if __name__ == "__main__":
    app.run()
"""


def found(path: Path, text: str, mode: Mode = Mode.CHECK) -> list[tuple[int, str]]:
    path.write_text(text, encoding="utf-8")
    outcome = look_at(str(path), mode, Surroundings(Overrides(isolated=True, unsafe_fixes=True)))
    assert outcome.problems == ()
    return [(item.start.line, item.code) for item in outcome.findings]


def test_the_program_is_as_long_and_each_line_where_it_was() -> None:
    program = as_program(MARIMO)
    assert [len(line) for line in program.split("\n")] == [len(line) for line in MARIMO.split("\n")]
    tree = compile(program, "a.py", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    assert isinstance(tree, ast.Module)
    functions = [item.name for item in ast.walk(tree) if isinstance(item, ast.FunctionDef)]
    assert functions == ["helper", "twice"]
    assert "        return 2 * x\n" in program
    assert "def helper(x):\n    return x\n" in program
    assert len(cells(MARIMO)) == 4


@pytest.mark.parametrize(
    "text", ["", "import keras\n", "def f():\n    return 1\n", "# marimo\n@app.cellar\ndef f():\n    return 1\n"]
)
def test_other_files_stay(text: str) -> None:
    assert as_program(text) == text


def test_what_a_cell_binds_others_see(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    assert found(path, MARIMO) == [(MARIMO[: MARIMO.index("save_weights")].count("\n") + 1, "KC201")]
    assert found(path, MARIMO, Mode.FIX) == []
    assert path.read_text(encoding="utf-8") == MARIMO.replace('"a.keras"', '"a.weights.h5"')


def test_nothing_is_written_between_the_cells(tmp_path: Path) -> None:
    """What marimo finds there it does not keep: an import for a fix would be lost."""
    text = MARIMO.replace("    import keras\n", "").replace("return keras, layers", "return (layers,)")
    text = text.replace("keras.Sequential([keras.Input((4,)), ", "layers.Sequential([layers.Input((4,)), ")
    text = text.replace("from keras import layers", "from keras import models, layers").replace(
        'model.save_weights("a.keras")',
        'model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])',
    )
    text = text.replace("layers.Sequential([layers.Input((4,)), ", "models.Sequential([layers.Input((4,)), ")
    path = tmp_path / "a.py"
    codes = [code for _, code in found(path, text)]
    assert "KC501" in codes
    found(path, text, Mode.FIX)
    assert path.read_text(encoding="utf-8").startswith(text[: text.index("@app.cell")])


@pytest.mark.parametrize(
    "text",
    [
        "# %% [markdown]\n# # Title\n\n# %%\nimport keras\n\n# %%\nmodel = keras.Sequential([keras.Input((4,))])\n\n"
        '# %% save\nmodel.save_weights("a.keras")\n',
        "# Databricks notebook source\n# MAGIC %md\n# MAGIC # Title\n\n# COMMAND ----------\n\nimport keras\n\n"
        "# COMMAND ----------\n\nmodel = keras.Sequential([keras.Input((4,))])\n\n# COMMAND ----------\n\n"
        'model.save_weights("a.keras")\n',
    ],
)
def test_percent_scripts_and_databricks_exports(tmp_path: Path, text: str) -> None:
    assert found(tmp_path / "a.py", text) == [(text[: text.index("save_weights")].count("\n") + 1, "KC201")]


def test_the_commands_of_a_databricks_export_tell_the_target(tmp_path: Path) -> None:
    text = b"# Databricks notebook source\n# MAGIC %pip install keras==3.4.1\n\n# COMMAND ----------\n\nimport keras\n"
    surroundings = Surroundings(Overrides())
    assert surroundings.target(str(tmp_path / "a.py"), text).text == "keras 3.4.1"
    assert surroundings.target(str(tmp_path / "a.py"), text.replace(b"# Databricks", b"# Some")).assumed
