"""KC401: modules that the files around them show to be for Python 2."""

import json
from pathlib import Path

import pytest

from kerascheck import notebooks
from kerascheck.engine import Options, check
from kerascheck.files import ProjectReader
from kerascheck.semantic.project import Project
from kerascheck.semantic.target import default_target
from kerascheck.text import SourceText

LABELS = """import keras

LABELS = ["cat", "dog", "cat"]


def number():
    return {name: i for i, name in enumerate(set(LABELS))}
"""
PROGRAM = "import keras\nfrom tools.labels import number\nprint(keras.Sequential(), number())\n"
OLD = "import cPickle\n" + PROGRAM


def saved(version: str, source: str = PROGRAM) -> str:
    cell = {
        "cell_type": "code",
        "source": source.splitlines(True),
        "metadata": {},
        "outputs": [],
        "execution_count": None,
    }
    return json.dumps({"cells": [cell], "metadata": {"language_info": {"version": version}}, "nbformat": 4}, indent=1)


MORE = saved("2.7.13", f"{PROGRAM}from tools.more import number\n")


def codes(folder: Path, files: dict[str, str]) -> list[str]:
    for name, text in {"pyproject.toml": "", "tools/__init__.py": "", "tools/labels.py": LABELS, **files}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    options = Options(frozenset({"KC401"}), default_target())
    path = folder / "tools" / "labels.py"
    source = SourceText.from_bytes(path.read_bytes())
    project = Project(ProjectReader(notebooks.code), options.target)
    return [item.code for item in check(source, str(path), options, project).findings]


@pytest.mark.parametrize(
    "files",
    [
        {"a.ipynb": saved("2.7.13")},
        {"a.ipynb": saved("2.7.13"), "b.ipynb": saved("2.7.6")},
        {"old.py": OLD},
        {
            "a.ipynb": saved("2.7.13", PROGRAM.replace("labels", "more")),
            "tools/more.py": "from tools.labels import number\n",
        },
        {"a.ipynb": saved("2.7.13"), "other.py": "import keras\n"},
        {"a.ipynb": saved("2.7.13"), "tools/more.py": "from tools.labels import number\n", "b.ipynb": MORE},
        # what `nbconvert` made of the notebook
        {"a.ipynb": saved("2.7.13"), "a.py": f"# coding: utf-8\n\n# In[3]:\n\n{PROGRAM}"},
    ],
)
def test_all_that_import_it_are_for_python_2(tmp_path: Path, files: dict[str, str]) -> None:
    assert codes(tmp_path, files) == []


@pytest.mark.parametrize(
    "files",
    [
        {"a.ipynb": saved("3.6.5")},
        {"a.ipynb": saved("2.7.13"), "b.ipynb": saved("3.6.5")},
        {"a.ipynb": saved("2.7.13"), "program.py": PROGRAM},
        {"a.ipynb": saved("2.7.13"), "a.py": PROGRAM},
        {"a.ipynb": saved("2.7.13"), "b.py": f"# coding: utf-8\n\n# In[3]:\n\n{PROGRAM}"},
        {"a.ipynb": saved("2.7.13"), "tools/more.py": "from tools.labels import number\n"},
        {"a.ipynb": saved("2.7.13"), "setup.py": "import setuptools\n\nsetuptools.setup(name='tools')\n"},
        # both go on to one program that says nothing
        {
            "tools/more.py": "import cPickle\n",
            "program.py": PROGRAM.replace("labels", "other"),
            "tools/other.py": "from tools.labels import number\n",
        },
    ],
)
def test_not_all_that_import_it_are_for_python_2(tmp_path: Path, files: dict[str, str]) -> None:
    assert codes(tmp_path, files) == ["KC401"]


@pytest.mark.parametrize(("version", "found"), [("2.7.13", []), ("3.6.5", ["KC401"])])
def test_what_was_made_of_a_notebook_is_for_the_same(tmp_path: Path, version: str, found: list[str]) -> None:
    text = f"# coding: utf-8\n\n# In[ ]:\n\n{LABELS}"
    assert codes(tmp_path, {"tools/labels.py": text, "tools/labels.ipynb": saved(version, LABELS)}) == found
    (tmp_path / "tools" / "labels.ipynb").rename(tmp_path / "other.ipynb")
    assert codes(tmp_path, {"tools/labels.py": text}) == ["KC401"]
