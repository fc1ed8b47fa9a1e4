"""Comments that silence findings."""

from __future__ import annotations

import gc
import subprocess
import sys
import time
import tokenize
from pathlib import Path

import pytest

from kerascheck.edits import apply
from kerascheck.finding import Finding, Severity
from kerascheck.suppress import Suppressions
from kerascheck.text import Position

CODES = frozenset({"KC001", "KC101", "KC102", "KC201"})


def found(line: int, code: str = "KC101", name: str = "load-weights-before-build") -> Finding:
    return Finding("a.py", code, name, Severity.ERROR, "m", Position(line, 1), Position(line, 2))


def silenced(text: str, *, noqa: bool = True, code: str = "KC101") -> list[int]:
    """The lines on which a finding would be silenced."""
    suppressions = Suppressions.of(text, noqa=noqa)
    return [line for line in range(1, text.count("\n") + 2) if suppressions.silences(found(line, code))]


@pytest.mark.parametrize(
    ("comment", "codes"),
    [
        ("# noqa", {"KC101", "KC201"}),
        ("# NoQA", {"KC101", "KC201"}),
        ("# noqa: KC101", {"KC101"}),
        ("# noqa:KC101", {"KC101"}),
        ("# noqa: E501,KC101", {"KC101"}),
        ("# noqa: KC1", {"KC101"}),
        ("# noqa: KC101 KC201", {"KC101", "KC201"}),
        ("# noqa: E501", set()),
        ("#noqa", set()),
        ("# noqa : KC101", {"KC101", "KC201"}),  # flake8 reads a bare noqa here
        ("# see above  # noqa: KC201", {"KC201"}),
        ("# kerascheck: ignore", {"KC101", "KC201"}),
        ("# kerascheck: ignore[KC101]", {"KC101"}),
        ("#kerascheck:ignore[KC201, KC101]", {"KC101", "KC201"}),
        ("# kerascheck: ignore[KC2]", {"KC201"}),
        ("# kerascheck: ignore[load-weights-before-build]", {"KC101", "KC201"}),
        ("# kerascheck: ignore[]", set()),
        ("# kerascheck: ignore[KC101", set()),
        ("# kerascheck: ignored by design", set()),
        ("# kerascheck: ignore-this", set()),
        ("# type: ignore  # kerascheck: ignore[KC201]", {"KC201"}),
    ],
)
def test_what_a_comment_at_the_end_of_a_line_silences(comment: str, codes: set[str]) -> None:
    text = f"x = 1  {comment}\ny = 2\n"
    assert {code for code in ("KC101", "KC201") if silenced(text, code=code) == [1]} == codes
    assert silenced(text) in ([], [1])


def test_a_name_silences_only_the_rule_with_that_name() -> None:
    suppressions = Suppressions.of("x = 1  # kerascheck: ignore[hollow-build]\n", noqa=True)
    assert not suppressions.silences(found(1))
    assert suppressions.silences(found(1, "KC102", "hollow-build"))


def test_noqa_speaks_of_its_physical_line_in_a_call_over_several_lines() -> None:
    assert silenced("model = f(\n    1,  # noqa: KC101\n    2,\n)\n") == [2]


def test_noqa_behind_a_string_over_several_lines_speaks_of_all_of_them() -> None:
    assert silenced('x = """a\nb\nc"""  # noqa: KC101\ny = 1\n') == [1, 2, 3]


def test_noqa_behind_a_backslash_speaks_of_the_joined_line() -> None:
    assert silenced("x = 1 + \\\n    2  # noqa: KC101\ny = 1\n") == [1, 2]


def test_noqa_on_its_own_line_says_nothing_about_the_next() -> None:
    assert silenced("# noqa: KC101\nx = 1\n") == [1]


def test_noqa_is_left_to_flake8() -> None:
    assert silenced("x = 1  # noqa: KC101\n", noqa=False) == []
    assert silenced("x = 1  # kerascheck: ignore[KC101]\n", noqa=False) == [1]


def test_ignore_anywhere_in_a_statement_counts_for_its_first_line() -> None:
    assert silenced("model = f(\n    1,\n    2,  # kerascheck: ignore[KC101]\n)\ny = 1\n") == [1, 3]
    assert silenced("model = f(\n    1,\n)  # kerascheck: ignore[KC101]\ny = 1\n") == [1, 3]


def test_ignore_on_its_own_line_counts_for_the_next_statement() -> None:
    assert silenced("# kerascheck: ignore[KC101]\nx = f(\n    1,\n)\ny = 1\n")[1:] == [2, 3, 4]
    assert silenced("# kerascheck: ignore[KC101]\n\n# why\nx = 1\ny = 1\n")[1:] == [4]


def test_ignore_above_a_block_counts_for_its_first_line_only() -> None:
    text = "import a\n\n\nclass A:\n    # kerascheck: ignore[KC101]\n    def f(self):\n        return 1\n"
    assert silenced(text)[1:] == [6]


def test_ignore_above_decorators_counts_for_the_class_too() -> None:
    text = "# kerascheck: ignore[KC101]\n@one\n@two(1)\nclass A:\n    x = 1\n"
    assert silenced(text)[1:] == [2, 3, 4]


def test_ignore_on_its_own_line_inside_brackets_counts_for_the_next_line() -> None:
    text = "x = [\n    1,\n    # kerascheck: ignore[KC101]\n    2,\n    3,\n]\n"
    assert silenced(text) == [1, 3, 4]


def test_file_ignore_counts_everywhere() -> None:
    assert silenced("x = 1\ny = 2\n# kerascheck: file-ignore[KC101]\n") == [1, 2, 3, 4]
    assert silenced("x = 1\n# kerascheck: file-ignore[KC2]\n") == []


def test_comments_in_strings_are_no_comments() -> None:
    assert silenced('x = "# noqa: KC101"\ny = """\n# kerascheck: ignore[KC101]\n"""\nz = 1\n') == []


def test_lines_that_end_in_carriage_returns() -> None:
    assert silenced("a = 1\r\nb = 2  # noqa: KC101\r\nc = 3\r\n") == [2]
    assert silenced("a = 1\r\nb = 2  # kerascheck: ignore[KC101]\r\nc = 3\r\n") == [2]


def test_a_text_without_the_words_is_not_tokenized(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("tokenized")

    monkeypatch.setattr(tokenize, "generate_tokens", fail)
    suppressions = Suppressions.of("x = 1  # not a word\n", noqa=True)
    assert not suppressions.silences(found(1))
    assert suppressions.unused(CODES) == []
    foreign = Suppressions.of("x = 1  # noqa: E501\n", noqa=True)
    assert foreign.unused(CODES) == []


def test_a_text_that_cannot_be_tokenized_keeps_the_comments_before() -> None:
    assert silenced("x = 1  # noqa: KC101\ny = (\n") == [1]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = 1  # noqa: KC101\n", "x = 1\n"),
        ("x = 1  # noqa:KC101\r\ny = 1\r\n", "x = 1\r\ny = 1\r\n"),
        ("x = 1  # noqa: KC101,E501\n", "x = 1  # noqa: E501\n"),
        ("x = 1  # noqa: E501, KC101, W291\n", "x = 1  # noqa: E501, W291\n"),
        ("x = 1  # noqa: E501 KC101\n", "x = 1  # noqa: E501\n"),
        ("x = 1  # noqa: KC101, KC102\n", "x = 1\n"),
        ("x = 1  # noqa: KC101 because of a reason\n", "x = 1  # because of a reason\n"),
        ("x = 1  # noqa: KC101  # type: ignore\n", "x = 1  # type: ignore\n"),
        ("x = 1  # type: ignore  # noqa: KC101\n", "x = 1  # type: ignore\n"),
        ("x = 1  # kerascheck: ignore[KC101]\n", "x = 1\n"),
        ("x = 1  # kerascheck: ignore[KC101, KC601]\n", "x = 1  # kerascheck: ignore[KC601]\n"),
        ("a = 1\n# kerascheck: ignore[KC101]\nx = 1\n", "a = 1\nx = 1\n"),
        ("a = 1\r\n    # kerascheck: ignore[KC101]\r\nx = 1\r\n", "a = 1\r\nx = 1\r\n"),
        ("# kerascheck: file-ignore[KC101]\nx = 1\n", "x = 1\n"),
        ("x = 1  # noqa: KC101", "x = 1"),
        ("é = '𝒳'  # noqa: KC101\n", "é = '𝒳'\n"),
    ],
)
def test_unused_codes_are_reported_and_just_they_are_removed(before: str, after: str) -> None:
    unused = Suppressions.of(before, noqa=True).unused(CODES)
    assert len(unused) == 1
    assert unused[0].fix.safe
    assert before[unused[0].span.start] == "#"
    text, _ = apply(before, [item.fix for item in unused])
    assert text == after


@pytest.mark.parametrize(
    "text",
    [
        "x = 1  # noqa\n",
        "x = 1  # noqa: E501\n",
        "x = 1  # noqa: KC601\n",  # not selected in this run
        "x = 1  # noqa: KC1\n",
        "x = 1  # kerascheck: ignore\n",
        "x = 1  # kerascheck: ignore[hollow-build]\n",
        "x = 1  # noqa: KC101, KC001\n",
        "# kerascheck: file-ignore[KC001]\nx = 1  # noqa: KC101\n",
        "x = '# noqa: KC101'\n",
    ],
)
def test_comments_that_are_never_reported_as_unused(text: str) -> None:
    assert Suppressions.of(text, noqa=True).unused(CODES) == []


def test_only_the_codes_that_silenced_nothing_are_unused() -> None:
    text = "x = 1  # noqa: KC101, KC102\n"
    suppressions = Suppressions.of(text, noqa=True)
    assert suppressions.silences(found(1))
    unused = suppressions.unused(CODES)
    assert [item.message for item in unused] == ["this comment silences nothing: no `KC102` is found here"]
    assert apply(text, [unused[0].fix])[0] == "x = 1  # noqa: KC101\n"


def test_two_comments_for_one_finding_are_both_of_use() -> None:
    suppressions = Suppressions.of("# kerascheck: file-ignore[KC101]\nx = 1  # noqa: KC101\n", noqa=True)
    assert suppressions.silences(found(2))
    assert suppressions.unused(CODES) == []


def test_the_lines_of_noqa_are_those_of_flake8(tmp_path: Path) -> None:
    """flake8 itself decides which of E225-like findings a noqa silences; ours must agree line by line."""
    text = (
        "import os  # noqa: F401\n"
        "a=1  # noqa: E225\n"
        "b=(\n    2,  # noqa: E225\n)\n"
        'c="""x\ny"""  # noqa: E225\n'
        "d=1 + \\\n    2  # noqa: E225\n"
        "# noqa: E225\n"
        "e=1\n"
        "f=1  # NOQA:E2\n"
        "g=1  # noqa: e225\n"
    )
    path = tmp_path / "a.py"
    path.write_text(text)
    command = [sys.executable, "-m", "flake8", "--isolated", "--select=E225", str(path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    theirs = {int(line.split(":")[1]) for line in result.stdout.splitlines()}
    assert theirs  # flake8 ran and found some
    every = {2, 3, 6, 8, 11, 12, 13}
    ours = Suppressions.of(text, noqa=True)
    assert {line for line in every if not ours.silences(found(line, "E225"))} == theirs


@pytest.mark.parametrize(
    "text",
    [
        "x = 1  " + "# noqa: " * 40_000 + "\n",
        "x = 1  " + "# kerascheck: " * 40_000 + "KC101\n",
        "# kerascheck: ignore[KC101]\n" * 3_000 + "x = [\n" + "    1,\n" * 3_000 + "]\n",
        "x = [\n" + "    1,  # kerascheck: ignore[KC101]\n    # noqa: KC101\n" * 3_000 + "]\n",
    ],
    ids=["words", "other words", "above", "inside"],
)
def test_many_comments_take_time_in_proportion(text: str) -> None:
    """Quadratic work took from 10 seconds on; a second is many times what is needed."""
    gc.disable()  # what other tests of this process keep may take seconds to look through
    try:
        start = time.process_time()
        suppressions = Suppressions.of(text, noqa=True)
        for line in range(1, 20):
            suppressions.silences(found(line))
        suppressions.unused(CODES)
        taken = time.process_time() - start
    finally:
        gc.enable()
    assert taken < 3
