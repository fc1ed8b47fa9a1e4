"""The words that rules declare: what is not parsed for want of them, and that no finding is lost by them."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from dataclasses import replace

import pytest
from test_rules import BLOCKS, FIXTURES, RULES, Case, names, project
from test_semantic_project import Files

from kerascheck import engine
from kerascheck.engine import Checked, Options, check, fix
from kerascheck.pages import known_codes
from kerascheck.semantic.keras_bugs import LostArgument, lost_arguments
from kerascheck.semantic.project import MAXIMUM_FILES, Project, import_statements
from kerascheck.semantic.target import default_target
from kerascheck.text import SourceText
from kerascheck.words import Words, Written, stand

EVERYTHING = frozenset(known_codes())
DATA = "from keras.datasets import mnist\n\n(x, y), _ = mnist.load_data()\nprint(x.shape)\n"


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The paths of the checked files that were parsed."""
    found: list[str] = []
    whole = engine._module

    def module(source: SourceText, path: str, *rest: object) -> object:
        found.append(path)
        return whole(source, path, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(engine, "_module", module)
    yield found


def looked_at(text: str, *codes: str, files: dict[str, str] | None = None) -> Checked:
    options = Options(frozenset(codes) or EVERYTHING, default_target())
    around = None if files is None else Project(Files({"main.py": text, **files}), options.target)
    return check(SourceText(text), "main.py", options, around)


def codes(checked: Checked) -> list[str]:
    return [finding.code for finding in checked.findings]


# ---------------------------------------------------------------------- what rules declare


@pytest.mark.parametrize("code", RULES)
def test_a_rule_declares_its_words_itself(code: str) -> None:
    declared = vars(RULES[code]).get("words", ())
    assert declared, "a rule without words would have every file parsed"
    for group in (*declared, *RULES[code].around):
        assert isinstance(group, tuple)
        assert group
        assert all(word.strip() for word in group), group


@pytest.mark.parametrize("item", [item for item in (*BLOCKS, *FIXTURES) if item.markers], ids=names)
def test_the_words_of_a_rule_stand_where_it_finds_something(item: Case) -> None:
    """By the texts alone, as it is decided which file is parsed."""
    written = Written(SourceText(item.text), item.path, project(item))
    assert {code for _, _, code in item.markers} == {item.code}
    assert written.may_find([RULES[item.code]])


@pytest.mark.parametrize("item", [item for item in FIXTURES if item.markers], ids=names)
def test_without_its_first_words_a_rule_is_not_run(item: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    rule = RULES[item.code]
    monkeypatch.setattr(rule, "check", lambda self: pytest.fail("it was run"))
    monkeypatch.setattr(rule, "words", (("a word of no fixture",), *rule.words))
    options = Options(frozenset({item.code}), default_target())
    assert check(SourceText(item.text), item.path, options, project(item)).findings == ()


def test_a_row_of_the_table_brings_its_words() -> None:
    words = {word for group in RULES["KC212"].words for word in group}
    row = LostArgument("a", "keras.layers.Dense", "units", None, "given", None, False, "", ">=3", ())
    assert row.words == ("dense",)
    assert replace(row, owner="keras.layers.*").words == ("units", "**")
    assert replace(row, owner="keras.layers.*", place=0).words == ("layers",)
    assert all(words.issuperset(row.words) for row in lost_arguments())


def test_a_notice_of_a_word() -> None:
    text = Words(SourceText("class A:\n    dataset = Lambda()\n    x.skip(1)\n    call_it = GlobalAverage\n"))
    there = (" class ", "class", "set", "lambda", "Lambda", ".skip(", "call", "globalaverage", "ass")
    assert [word for word in there if not text.any_of((word,))] == []
    away = (" set ", " call ", "LAMBDA", ".SKIP(", "skip(2", " global ", "class a", "{")
    assert [word for word in away if text.any_of((word,))] == []
    assert text.any_of(("nothing", "skip"))
    assert stand((("class",), ("nothing", "skip")), [text])
    assert not stand((("class",), ("nothing",)), [text])


# ---------------------------------------------------------------------- what is not parsed


def test_a_file_without_words_is_not_parsed(parsed: list[str]) -> None:
    assert looked_at(DATA).findings == ()
    assert looked_at(DATA, files={"other.py": "import keras\n"}).findings == ()
    assert parsed == []


def test_only_the_words_of_selected_rules_count(parsed: list[str]) -> None:
    text = "import keras\nlayer = keras.layers.Dense(1, activation='softmax')\n"
    assert codes(looked_at(text, "KC307")) == []
    assert parsed == []
    assert codes(looked_at(text, "KC307", "KC507")) == ["KC507"]
    assert parsed == ["main.py"]


@pytest.mark.parametrize("broken", ["x = = 1\n", "  x = 1\n", "\x00", "(", "x = '\x00'\n"])
def test_what_is_no_python_is_reported_all_the_same(broken: str) -> None:
    text = f"import keras\n{broken}"
    alone = looked_at(text)
    # beside a rule whose words are there, so that it is parsed as ever; nobody minds the last in a string
    told = looked_at(text + "# load_weights", "KC000", "KC101")
    assert codes(alone) == codes(told) == (["KC000"] if "'" not in broken else [])
    places = [(item.start.line, item.start.column, item.message) for item in told.findings]
    assert [(item.start.line, item.start.column, item.message) for item in alone.findings] == places
    assert codes(looked_at(text, "KC001", "KC101")) == []


def test_the_warnings_of_a_text_that_is_not_parsed_are_not_shown(parsed: list[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert looked_at(DATA + "path = 'C:\\data'\nprint(x is 'a')\n").findings == ()
    assert parsed == []


def test_comments_that_silence_nothing_are_found_without_a_parser(parsed: list[str]) -> None:
    text = DATA.replace("data()\n", "data()  # noqa: KC101\n")
    checked = looked_at(text)
    assert [(item.code, item.start.line) for item in checked.findings] == [("KC001", 3)]
    assert looked_at(text, "KC000", "KC101").findings == ()
    done = fix(SourceText(text), "main.py", Options(EVERYTHING, default_target()), unsafe=False)
    assert done.source.text == DATA
    assert parsed == []


# ---------------------------------------------------------------------- words in other files

WRAPPED = """from names import Hidden
import keras
model = keras.Sequential([keras.Input((1,)), Hidden(lambda x: x)])
"""


def test_a_name_may_come_from_another_file() -> None:
    renamed = {"names.py": "from keras.layers import Lambda as Hidden\n"}
    assert "Lambda" not in WRAPPED
    assert codes(looked_at(WRAPPED, "KC307", files=renamed)) == ["KC307"]
    through = {"names.py": "from inner import *\n", "inner.py": renamed["names.py"]}
    assert codes(looked_at(WRAPPED, "KC307", files=through)) == ["KC307"]
    assert codes(looked_at(WRAPPED, "KC307", files={"names.py": "from elsewhere import Hidden\n"})) == []


def test_the_training_may_be_in_another_file() -> None:
    text = "import keras\nfrom lib import run\nmodel = keras.Sequential([keras.layers.Dense(1)])\nrun(model)\n"
    lib = "import keras\ndef run(model):\n    model.compile('sgd', 'mse')\n    model.{}([[1.0]], [[1.0]])\n"
    assert "fit" not in text
    assert codes(looked_at(text, "KC402", files={"lib.py": lib.format("fit")})) == ["KC402"]
    assert codes(looked_at(text, "KC402", files={"lib.py": lib.format("predict")})) == []


LAYER = """import keras
class Scale(keras.layers.Layer):
    def __init__(self, by):
        super().__init__()
        self.by = by
    def call(self, x):
        return x * self.by
"""
TRAIN = "import keras\nfrom main import Scale\nmodel = keras.Sequential([keras.Input((1,)), Scale(2)])\n"


def test_a_model_may_be_saved_by_a_file_that_imports_its_class(parsed: list[str]) -> None:
    assert "KC305" in codes(looked_at(LAYER, "KC305", files={"train.py": TRAIN + "model.save('a.keras')\n"}))
    through = TRAIN + "from keep import keep\nkeep(model)\n"
    keep = "def keep(model):\n    model.save('a.keras')\n"
    assert "KC305" in codes(looked_at(LAYER, "KC305", files={"train.py": through, "keep.py": keep}))
    assert parsed == ["main.py"] * 2
    assert codes(looked_at(LAYER, "KC305", files={"train.py": TRAIN})) == []
    assert parsed == ["main.py"] * 2


def test_where_too_many_files_are_around_nothing_is_told_by_their_words(parsed: list[str]) -> None:
    many = {f"m{number}.py": f"import m{number + 1}\n" for number in range(MAXIMUM_FILES + 1)}
    assert looked_at("import keras, m0\n", "KC307", files={"m0.py": "x = 1\n"}).findings == ()
    assert parsed == []
    assert looked_at("import keras, m0\n", "KC307", files=many).findings == ()
    assert parsed == ["main.py"]


def test_import_statements_wherever_they_stand() -> None:
    text = (
        "from __future__ import annotations\n\nimport ast\n"
        "try: import a.b as c, d\nexcept ImportError: from ..x import (y,  # z\n   w as q,\n)\n"
        "from . import k; import m\nfrom .n \\\n   import o, \\\n   p\nfrom.from_r import*\n"
        "important = import_module('s')\nfrom from_t import u\n"
        "# we import (or not\nfrom v import (  # old (or so)\n    w1,  # (new)\n    w2\n)\n"
    )
    assert list(import_statements(text)) == [
        ("__future__", ["annotations"]),
        ("", ["ast"]),
        ("", ["a.b", "d"]),
        ("..x", ["y", "w"]),
        (".", ["k"]),
        ("", ["m"]),
        (".n", ["o", "p"]),
        (".from_r", []),
        ("from_t", ["u"]),
        ("", []),
        ("v", ["w1", "w2"]),
    ]


@pytest.mark.parametrize(
    "piece", ["import (", "import ", "from ", "from import (#", "import a, \\\n", "from a" + " " * 300]
)
def test_looking_at_a_text_takes_no_longer_than_it_is_long(piece: str) -> None:
    """A million characters: anything that grows with their square would take hours."""
    started = time.process_time()
    for _ in import_statements(piece * (1_000_000 // len(piece))):
        pass
    Words(SourceText(piece * (1_000_000 // len(piece)))).any_of(("lambda",))
    assert time.process_time() - started < 20


def test_other_files_see_the_new_text_of_one_that_is_not_parsed_any_more() -> None:
    """With one Project, as in a run that fixes: names.py is parsed for main.py, changes, and then has no words."""
    files = Files({"main.py": WRAPPED, "names.py": "from keras.layers import Lambda as Hidden\n"})
    around = Project(files, default_target())
    options = Options(frozenset({"KC307"}), default_target())
    assert codes(check(SourceText(WRAPPED), "main.py", options, around)) == ["KC307"]
    files.files["/p/names.py"] = "from keras.layers import Activation as Hidden\n"
    assert check(SourceText(files.files["/p/names.py"]), "names.py", options, around).findings == ()
    assert codes(check(SourceText(WRAPPED), "main.py", options, around)) == []
