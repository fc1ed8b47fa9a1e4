"""Applying fixes together."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kerascheck.edits import Applicability, Edit, Fix, apply


def fix(*edits: Edit, title: str = "mend") -> Fix:
    return Fix(title, edits, Applicability.SAFE)


def test_fixes_apart_are_all_applied_in_any_order() -> None:
    one, two = fix(Edit(0, 1, "A")), fix(Edit(4, 5, "E"))
    for order in ([one, two], [two, one]):
        assert apply("abcde", order) == ("AbcdE", [one, two])


def test_fixes_that_overlap_or_touch_wait() -> None:
    one, over, touching = fix(Edit(0, 2, "X")), fix(Edit(1, 3, "Y")), fix(Edit(2, 2, "Z"))
    assert apply("abcd", [one, over, touching]) == ("Xcd", [one])


def test_the_same_edit_of_two_fixes_counts_once() -> None:
    line = Edit(0, 0, "import a\n")
    one, two = fix(line, Edit(3, 4, "D")), fix(line, Edit(6, 7, "G"))
    assert apply("abcdefg", [one, two]) == ("import a\nabcDefG", [one, two])


def test_a_fix_is_applied_whole_or_not_at_all() -> None:
    one = fix(Edit(2, 3, "C"))
    both = fix(Edit(5, 6, "F"), Edit(2, 3, "X"))
    assert apply("abcdefg", [one, both])[0] == "abCdefg"


def test_a_fix_whose_own_edits_overlap_is_left_out() -> None:
    assert apply("abcd", [fix(Edit(0, 2, "X"), Edit(1, 3, "Y"))]) == ("abcd", [])


def test_a_fix_whose_own_edits_touch_is_applied() -> None:
    assert apply("abcd", [fix(Edit(0, 2, "X"), Edit(2, 3, "Y"))])[0] == "XYd"


def test_a_fix_without_edits_is_none() -> None:
    assert apply("abcd", [fix()]) == ("abcd", [])


_SPANS = st.tuples(st.integers(0, 30), st.integers(0, 5), st.text("xyz", max_size=3))


@given(st.lists(st.lists(_SPANS, min_size=1, max_size=3), max_size=6))
def test_text_outside_the_applied_edits_stays(spans: list[list[tuple[int, int, str]]]) -> None:
    text = "abcdefghijklmnopqrstuvwxyzABCDEFGHI"
    fixes = [fix(*(Edit(start, start + length, new) for start, length, new in group)) for group in spans]
    result, applied = apply(text, fixes)
    edits = sorted({edit for item in applied for edit in item.edits})
    expected, end = "", 0
    for edit in edits:
        assert edit.start >= end
        expected += text[end : edit.start] + edit.text
        end = edit.end
    assert result == expected + text[end:]
