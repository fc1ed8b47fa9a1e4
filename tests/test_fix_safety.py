"""What the engine does with fixes: which it applies, in which order, and what it does when one of ours is wrong."""

from collections.abc import Iterable

import libcst as cst
import pytest

from kerascheck import engine
from kerascheck.edits import Edit
from kerascheck.engine import Fixed, Options
from kerascheck.finding import Severity
from kerascheck.rule import Rule, safe_fix, unsafe_fix
from kerascheck.semantic.target import default_target
from kerascheck.text import SourceText

ACCURACY = """\
import numpy as np
from keras.layers import Dense
from keras.models import Sequential

first = Sequential([Dense(3, activation="softmax", input_shape=(2,))])
first.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
second = Sequential([Dense(1, activation="sigmoid", input_shape=(2,))])
second.compile("adam", "binary_crossentropy", metrics=["acc"])
second.save_weights("second.h5")
print(np.__version__)
"""


def fix(text: str, *codes: str, unsafe: bool = False, noqa: bool = True) -> Fixed:
    options = Options(frozenset({*codes, "KC000", "KC002"}), default_target(), noqa=noqa)
    return engine.fix(SourceText(text), "train.py", options, unsafe=unsafe)


def codes_left(fixed: Fixed) -> list[str]:
    return [finding.code for finding in fixed.left.findings]


def test_safe_fixes_are_applied_unasked_and_unsafe_ones_are_not() -> None:
    fixed = fix(ACCURACY, "KC201", "KC501")
    assert fixed.source.text.count("Accuracy(name=") == 2
    assert 'save_weights("second.h5")' in fixed.source.text
    assert {finding.code for finding in fixed.applied} == {"KC501"}
    assert codes_left(fixed) == ["KC201"]


def test_unsafe_fixes_are_applied_on_request() -> None:
    fixed = fix(ACCURACY, "KC201", "KC501", unsafe=True)
    assert 'save_weights("second.weights.h5")' in fixed.source.text
    assert {finding.code for finding in fixed.applied} == {"KC201", "KC501"}
    assert codes_left(fixed) == []


def test_two_fixes_that_need_one_import_insert_it_once() -> None:
    fixed = fix(ACCURACY, "KC501")
    assert fixed.source.text.count("import keras\n") == 1
    assert fixed.source.text.index("import keras\n") > fixed.source.text.index("import Sequential\n")
    compile(fixed.source.text, "train.py", "exec")


def test_a_second_run_changes_nothing() -> None:
    once = fix(ACCURACY, "KC201", "KC402", "KC501", unsafe=True)
    again = fix(once.source.text, "KC201", "KC402", "KC501", unsafe=True)
    assert again.source.text == once.source.text
    assert again.applied == ()


@pytest.mark.parametrize("comment", ["# noqa", "# noqa: KC501", "# kerascheck: ignore[KC501]"])
def test_a_silenced_finding_is_not_fixed(comment: str) -> None:
    silenced = ACCURACY.replace('metrics=["acc"])', f'metrics=["acc"])  {comment}')
    fixed = fix(silenced, "KC501")
    assert 'metrics=["acc"])  ' + comment in fixed.source.text
    assert [finding.start.line for finding in fixed.applied] == [6]


def test_a_silenced_finding_of_another_code_is_fixed() -> None:
    text = ACCURACY.replace('metrics=["acc"])', 'metrics=["acc"])  # noqa: E501')
    assert 'metrics=[keras.metrics.BinaryAccuracy(name="acc")])  # noqa: E501' in fix(text, "KC501").source.text


def test_a_code_that_is_not_selected_is_not_fixed() -> None:
    assert fix(ACCURACY, "KC201").source.text == ACCURACY


def test_a_file_that_cannot_be_parsed_stays() -> None:
    text = "import keras\nmodel.fit(\n"
    fixed = fix(text, "KC201", unsafe=True)
    assert fixed.source.text == text
    assert codes_left(fixed) == ["KC000"]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_inserted_lines_end_as_the_file_does(newline: str) -> None:
    text = ACCURACY.replace("\n", newline)
    fixed = fix(text, "KC501").source.text
    assert fixed.replace(newline, "\n") == fix(ACCURACY, "KC501").source.text
    assert newline == "\n" or "\n" not in fixed.replace(newline, "")


class _Broken(Rule):
    """A rule whose fixes are given by a test."""

    code = "KC404"
    severity = Severity.ERROR
    words = ()
    message = "`{name}` is bad"
    edits: Iterable[Edit] = ()
    safe = True

    def check(self) -> None:
        for statement in self.module.tree.body:
            small = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) else None
            if isinstance(small, cst.Assign) and isinstance(small.value, cst.Name) and small.value.value == "bad":
                span = self.module.span(small.value)
                make = safe_fix if self.safe else unsafe_fix
                self.report(small.value, fix=make("mend", self.edit(span.start, span.end)), name="bad")

    def edit(self, start: int, end: int) -> list[Edit]:
        raise NotImplementedError


def use(monkeypatch: pytest.MonkeyPatch, *rules: type[Rule]) -> None:
    monkeypatch.setattr(engine, "all_rules", lambda: rules)


def test_a_fix_that_breaks_the_file_is_not_applied_and_the_rule_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class Breaks(_Broken):
        def edit(self, start: int, end: int) -> list[Edit]:
            return [Edit(start, end, "(")]

    use(monkeypatch, Breaks)
    text = "import keras\nx = bad\n"
    fixed = fix(text, "KC404")
    assert fixed.source.text == text
    assert fixed.applied == ()
    assert sorted(codes_left(fixed)) == ["KC002", "KC404"]
    assert "KC404" in next(finding.message for finding in fixed.left.findings if finding.code == "KC002")


def test_a_fix_that_never_comes_to_an_end_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class Grows(_Broken):
        def edit(self, start: int, end: int) -> list[Edit]:
            return [Edit(0, 0, "#\n")]

    use(monkeypatch, Grows)
    fixed = fix("import keras\nx = bad\n", "KC404")
    assert "KC002" in codes_left(fixed)
    compile(fixed.source.text, "train.py", "exec")


def test_a_rule_that_fails_leaves_the_fixes_of_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    class Fails(_Broken):
        code = "KC403"

        def check(self) -> None:
            raise KeyError("dense")

    class Mends(_Broken):
        def edit(self, start: int, end: int) -> list[Edit]:
            return [Edit(start, end, "good")]

    use(monkeypatch, Fails, Mends)
    fixed = fix("import keras\nx = bad\n", "KC403", "KC404")
    assert fixed.source.text == "import keras\nx = good\n"
    assert codes_left(fixed) == ["KC002"]


def test_fixes_that_meet_wait_for_the_next_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    class Left(_Broken):
        code = "KC403"

        def edit(self, start: int, end: int) -> list[Edit]:
            return [Edit(start, end, "worse")]

    class Right(_Broken):
        def edit(self, start: int, end: int) -> list[Edit]:
            return [Edit(start, end, "good")]

    use(monkeypatch, Left, Right)
    fixed = fix("import keras\nx = bad\ny = bad\n", "KC403", "KC404")
    assert "bad" not in fixed.source.text
    assert len(fixed.applied) == 2


def test_a_fix_whose_own_edits_overlap_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    class Overlaps(_Broken):
        def edit(self, start: int, end: int) -> list[Edit]:
            return [Edit(start, end, "one"), Edit(start, end - 1, "other")]

    use(monkeypatch, Overlaps)
    text = "import keras\nx = bad\n"
    fixed = fix(text, "KC404")
    assert fixed.source.text == text
    assert codes_left(fixed) == ["KC404"]


def test_unsafe_fixes_of_a_rule_wait_for_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    class Mends(_Broken):
        safe = False

        def edit(self, start: int, end: int) -> list[Edit]:
            return [Edit(start, end, "good")]

    use(monkeypatch, Mends)
    text = "import keras\nx = bad\n"
    assert fix(text, "KC404").source.text == text
    assert fix(text, "KC404", unsafe=True).source.text == "import keras\nx = good\n"


def test_ten_passes_are_an_end_when_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    class Countdown(Rule):
        code = "KC404"
        severity = Severity.ERROR
        words = ()
        message = "one more"

        def check(self) -> None:
            text = self.module.source.text
            if "x" in text:
                self.report(
                    self.module.tree.body[0], fix=safe_fix("less", [Edit(text.index("x"), text.index("x") + 1, "")])
                )

    monkeypatch.setattr(engine, "all_rules", lambda: (Countdown,))
    fixed = fix("import keras  # " + "x" * 10 + "\n", "KC404")
    assert (fixed.source.text, codes_left(fixed), len(fixed.applied)) == ("import keras  # \n", [], 10)
    fixed = fix("import keras  # " + "x" * 11 + "\n", "KC404")
    assert "x" * 11 in fixed.source.text
    assert [item.message for item in fixed.left.findings if item.code == "KC002"] == [
        "the fixes of KC404 do not come to an end; none was applied"
    ]
