"""What editors are shown: the same as on the command line, whatever was open and changed before."""

from __future__ import annotations

import ast
import random
import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from kerascheck import engine, notebooks
from kerascheck.editor.analysis import Analysis, Analyst, World, suppression
from kerascheck.editor.documents import Cell, Change, Document, Encoding, Notebook, Place, Range
from kerascheck.editor.repair import changes
from kerascheck.finding import Finding
from kerascheck.flake8_plugin import Checker
from kerascheck.outcome import Mode
from kerascheck.run import look_at
from kerascheck.surroundings import Overrides, Surroundings
from kerascheck.text import SourceText

ROOT = Path(__file__).parent.parent
FIXTURES = sorted(
    path.relative_to(ROOT).as_posix() for path in (ROOT / "fixtures").rglob("*.py") if ".fixed" not in path.name
)


def rows(analysis: Analysis) -> list[tuple[object, ...]]:
    assert analysis.problem == ""
    return sorted((item.start, item.end, item.code, item.message, item.severity) for item in analysis.findings)


def document(path: Path, text: str | None = None) -> Document:
    return Document(path.as_uri(), path.as_posix(), path.read_text(encoding="utf-8") if text is None else text)


@pytest.mark.parametrize("name", FIXTURES)
def test_the_same_in_the_editor_in_flake8_and_on_the_command_line(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    outcome = look_at(name, Mode.CHECK, Surroundings(Overrides()))
    assert outcome.problems == ()
    expected = sorted((item.start, item.end, item.code, item.message, item.severity) for item in outcome.findings)
    world = World(folders=(ROOT.as_posix(),))
    assert rows(Analyst().check(document(ROOT / name), world)) == expected
    text = (ROOT / name).read_text(encoding="utf-8")
    from_flake8 = sorted(
        (line, column + 1, message)
        for line, column, message, _ in Checker(ast.parse(text), name, text.splitlines(True)).run()
    )
    assert from_flake8 == sorted(
        (start.line, start.column, f"{code} {message}") for start, _, code, message, _ in expected if code != "KC001"
    )


# nobody imports a notebook: what is found in this file because another one trains its model is left out
USED_BY_OTHERS = {"fixtures/projects/quickstart/models.py"}
WHOLE = [
    name
    for name in FIXTURES
    if (name.count("/") == 1 or name.startswith("fixtures/projects/")) and name not in USED_BY_OTHERS
]


def as_cells(text: str) -> list[tuple[int, str]]:
    """A text cut above each top-level statement, comments and all: the line of each cell's start, and its source."""
    lines = text.splitlines(True)
    starts = [0]
    for statement in ast.parse(text).body:
        decorators = getattr(statement, "decorator_list", [])
        line = min([statement.lineno, *(item.lineno for item in decorators)]) - 1
        while line > 0 and lines[line - 1].startswith("#"):
            line -= 1
        if line > starts[-1]:
            starts.append(line)
    ends = [*starts[1:], len(lines)]
    return [(start + 1, "".join(lines[start:end])) for start, end in zip(starts, ends, strict=True)]


@pytest.mark.parametrize("name", WHOLE)
def test_the_same_in_a_notebook_with_a_cell_for_each_block(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a file of cells, and as cells that an editor has open; both are where the text was."""
    monkeypatch.chdir(ROOT)
    raw = (ROOT / name).read_bytes()
    surroundings = Surroundings(Overrides())
    options = surroundings.options(name, raw)
    project = surroundings.project(options.target)
    expected = sorted(
        (item.start, item.end, item.code, item.message, item.severity)
        for item in engine.check(SourceText.from_bytes(raw), name, options, project).findings
    )
    cells = as_cells(raw.decode())
    path = ROOT / f"{name[:-3]}.ipynb"
    sheet = Notebook(
        path.as_uri(),
        path.as_posix(),
        tuple(Cell(Document(f"cell:{line}", path.as_posix(), text), True) for line, text in cells),
    )

    def placed(findings: Iterable[Finding]) -> list[tuple[object, ...]]:
        found = []
        for item in findings:
            first = cells[(item.cell or 0) - 1][0] - 1
            start, end = (replace(place, line=place.line + first) for place in (item.start, item.end))
            found.append((start, end, item.code, item.message, item.severity))
        return sorted(found)

    checked = notebooks.check(sheet.raw, path.relative_to(ROOT).as_posix(), options, project)
    assert placed(checked.findings) == expected
    if b"# target:" not in raw:  # a notebook names its Keras by what it installs
        analysis = Analyst().check(sheet, World(folders=(ROOT.as_posix(),)))
        assert placed(analysis.findings) == expected


EDITS = [
    ("models.py", "self.scores = layers.Dense(classes, activation=\"softmax\")", "self.scores = layers.Dense(classes)"),
    ("models.py", "def call(self, inputs):", "def call(self, inputs, training=None):"),
    ("models.py", "(keras.Model):", "(keras.Model):\n    def build(self, s):\n        pass\n"),
    ("serve.py", "model.build((None, FEATURES))", "model(keras.Input((FEATURES,)))"),
    ("serve.py", "import", "import os\nimport"),
    ("train.py", "from models import", "from models import FEATURES as F, "),
    ("train.py", "import keras", "import keras, models"),
    ("train.py", "def main():", "def main(:"),
    ("train.py", "list(set(names))", "sorted(set(names))"),
    ("train.py", "model.fit(", "model.build(None)\n    model.fit("),
]  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_whatever_was_changed_before_a_fresh_look_finds_the_same(tmp_path: Path, seed: int) -> None:
    """An analyst that has seen many versions of all files says what a new one says."""
    folder = tmp_path / "quickstart"
    shutil.copytree(ROOT / "fixtures" / "projects" / "quickstart", folder)
    (folder / ".git").mkdir()
    dice = random.Random(seed)
    originals = {path: path.read_text() for path in sorted(folder.glob("*.py"))}
    texts = dict(originals)
    kept = Analyst()
    for _ in range(25):
        name, old, new = dice.choice(EDITS)
        path = folder / name
        now = texts.get(path, originals[path])
        texts[path] = now.replace(new, old) if new in now else now.replace(old, new)
        if dice.random() < 0.2:
            texts.pop(dice.choice(list(originals)), None)  # closed without saving
        world = World({item.as_posix(): text for item, text in texts.items()}, (folder.as_posix(),))
        order = list(originals)
        dice.shuffle(order)
        for item in order[: dice.randint(1, 3)]:
            sheet = document(item, texts.get(item))
            assert rows(kept.check(sheet, world)) == rows(Analyst().check(sheet, world)), (item.name, name, new)
        if dice.random() < 0.3:
            kept.fixed(document(path, texts.get(path)), world)


TYPED = [
    "", "\n", "    ", "# a\n", "x = 1\n", "(", ")", '"""', "if x:\n    pass\n", "else:\n    pass\n", "é\U0001f600",
    "\r\n",
]  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_after_any_edits_of_a_text_a_fresh_look_finds_the_same(seed: int) -> None:
    """Only the statements around a change are parsed again; nobody can tell."""
    dice = random.Random(seed)
    kept = Analyst()
    found = 0
    for _ in range(4):
        name = dice.choice(WHOLE)
        text = (ROOT / name).read_text(encoding="utf-8")
        for _ in range(10):
            start = dice.randint(0, len(text))
            if dice.random() < 0.7:
                start = text.rfind("\n", 0, start) + 1
            end = start + dice.choice([0, 0, 0, 1, 40, 200])
            changed = text[:start] + dice.choice(TYPED) + text[end:]
            sheet = document(ROOT / name, changed)
            world = World({sheet.path: sheet.source.text}, (ROOT.as_posix(),))
            now = rows(kept.check(sheet, world))
            assert now == rows(Analyst().check(sheet, world)), (name, changed)
            found += len(now)
            if dice.random() < 0.8 and not any(row[2] == "KC000" for row in now):
                text = changed
    assert found > 0


# ---------------------------------------------------------------------- texts and edits

LETTERS = ["a", "é", "\U0001f600", "\t", " ", "\n", "\r\n", "\r", "\x0c", "\u2028", "x = 1", "#"]


@pytest.mark.parametrize("encoding", Encoding)
@pytest.mark.parametrize("seed", range(6))
def test_changes_turn_one_text_into_another(encoding: Encoding, seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(200):
        before = "".join(dice.choice(LETTERS) for _ in range(dice.randint(0, 12)))
        after = (
            "".join(dice.choice(LETTERS) for _ in range(dice.randint(0, 12))) if dice.random() < 0.5 else before + "a"
        )
        bom = "\ufeff" if dice.random() < 0.3 else ""
        text = Document("file:a", "/a", bom + before)
        edits = changes(text, after, encoding)
        done = text
        for change in reversed(edits):  # all are in places of the text before
            done = done.changed([change], 2, encoding)
        assert done.text == bom + after


def test_places_are_kept_through_every_encoding() -> None:
    text = Document("file:a", "/a", "é\U0001f600 = 1\nb")
    for encoding, columns in ((Encoding.UTF8, 6), (Encoding.UTF16, 3), (Encoding.UTF32, 2)):
        place = Place(0, columns)
        position = text.position(place, encoding)
        assert (position.line, position.column) == (1, 3)
        assert text.place(position, encoding) == place
        assert text.position(Place(0, 1000), encoding).column == 7
        assert text.changed([Change("", Range(Place(0, 0), place))], 2, encoding).text == " = 1\nb"
        assert text.changed([Change("c", Range(Place(9, 0), Place(9, 5)))], 2, encoding).text == text.text + "c"


def test_every_finding_of_the_fixtures_can_be_silenced_where_it_stands() -> None:
    silenced = 0
    for name in FIXTURES[::4]:
        sheet = document(ROOT / name)
        world = World(folders=(ROOT.as_posix(),))
        analyst = Analyst()
        analysis = analyst.check(sheet, world)
        for finding in analysis.findings[:3]:
            change = suppression(analysis, sheet, finding, Encoding.UTF16)
            assert change is not None, (name, finding)
            after = sheet.changed([change], 2, Encoding.UTF16)
            codes = [item.code for item in analyst.check(after, world).findings]
            assert codes.count(finding.code) < [item.code for item in analysis.findings].count(finding.code)
            silenced += 1
    assert silenced > 20
