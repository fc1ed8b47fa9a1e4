"""Findings as text."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from kerascheck.edits import Applicability, Edit, Fix
from kerascheck.finding import Excerpt, Finding, PlacedEdit, Related, Severity, Status, Verdict
from kerascheck.report import concise, full
from kerascheck.report import json as json_report
from kerascheck.text import Position

FIX = Fix("call it on an Input first", (Edit(0, 0, "x"),), Applicability.UNSAFE)
FINDING = Finding(
    path="src/train.py",
    code="KC101",
    name="load-weights-before-build",
    severity=Severity.ERROR,
    message="`load_weights` loads nothing",
    start=Position(9, 1),
    end=Position(9, 19),
    fix=FIX,
    edits=(PlacedEdit(Position(9, 1), Position(9, 1), "x"),),
    excerpt=Excerpt(9, ("model.load_weights(path)",)),
    fingerprint="abc",
)
INFO = replace(FINDING, code="KC402", name="unseeded-training", severity=Severity.INFO, fix=None, edits=())


def test_full() -> None:
    finding = replace(FINDING, related=(Related("src/models.py", 3, 1, "the class is here"),))
    assert full.render([INFO, finding]) == (
        "src/train.py:9:1: error KC101 load-weights-before-build\n"
        "  `load_weights` loads nothing\n"
        "    |\n"
        "  9 | model.load_weights(path)\n"
        "    | ^^^^^^^^^^^^^^^^^^\n"
        "  see src/models.py:3:1: the class is here\n"
        "  fix: call it on an Input first (--fix --unsafe-fixes)\n"
        "\n"
        "src/train.py:9:1: info KC402 `load_weights` loads nothing\n"
    )


def frame(text: str, start: int, end: int) -> list[str]:
    finding = replace(
        FINDING, fix=None, start=Position(9, start), end=Position(9, end), excerpt=Excerpt(9, (text,)), edits=()
    )
    return [line[6:] for line in full.render([finding]).splitlines()[3:5]]


@pytest.mark.parametrize(
    ("text", "start", "end", "shown", "marks"),
    [
        ("abc", 2, 3, "abc", " ^"),
        ("abc", 2, 2, "abc", " ^"),
        ("abc", 4, 4, "abc", "   ^"),
        ("\tx = 1", 2, 3, "    x = 1", "    ^"),
        ("名 = bad", 5, 8, "名 = bad", "     ^^^"),
        ("e\u0301 = bad", 6, 9, "e\u0301 = bad", "    ^^^"),
        ("a\x1b[31mb", 7, 8, "a\\x1b[31mb", "         ^"),
    ],
)
def test_the_span_is_underlined_as_a_terminal_shows_it(text: str, start: int, end: int, shown: str, marks: str) -> None:
    assert frame(text, start, end) == [shown, marks]


def test_a_span_over_several_lines() -> None:
    finding = replace(FINDING, fix=None, end=Position(99, 2), excerpt=Excerpt(9, ("call(", "    one,", "    two,")))
    assert full.render([finding]).splitlines()[2:] == [
        "     |",
        "   9 | call(",
        "     | ^^^^^",
        "  10 |     one,",
        "     |     ^^^^",
        "  11 |     two,",
        "     |     ^^^^",
        "     | ...",
    ]


def test_no_frame_without_code() -> None:
    for excerpt in (None, Excerpt(1, ()), Excerpt(1, ("  ",))):
        assert len(full.render([replace(FINDING, fix=None, excerpt=excerpt)]).splitlines()) == 2


def test_colours_only_when_asked_for() -> None:
    assert "\x1b[" not in full.render([FINDING, INFO])
    colored = full.render([FINDING], color=True)
    assert "\x1b[31;1merror KC101\x1b[0m" in colored
    assert "\x1b[31;1m^^^^^^^^^^^^^^^^^^\x1b[0m" in colored


def test_a_message_cannot_move_the_cursor() -> None:
    finding = replace(FINDING, message="a\x1b[2Jb\nc\u202ed", path="a\nb.py")
    for text in (full.render([finding]), concise.render([finding])):
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "a\\x1b[2Jb c\\u202ed" in text


def test_the_verdict_is_shown() -> None:
    verdict = Verdict(Status.CONFIRMED, "2 of 2 weights differ", "3.15.1", "tensorflow", 1.25)
    assert "  confirmed: 2 of 2 weights differ (keras 3.15.1, tensorflow, 1.2 s)\n" in full.render(
        [replace(FINDING, verdict=verdict)]
    )


def test_concise() -> None:
    safe = replace(FINDING, fix=replace(FIX, applicability=Applicability.SAFE))
    assert concise.render([INFO, FINDING, safe, replace(FINDING, cell=3, fix=None)]) == (
        "src/train.py:9:1: error KC101 `load_weights` loads nothing [--fix --unsafe-fixes]\n"
        "src/train.py:9:1: error KC101 `load_weights` loads nothing [--fix]\n"
        "src/train.py:cell 3:9:1: error KC101 `load_weights` loads nothing\n"
        "src/train.py:9:1: info KC402 `load_weights` loads nothing\n"
    )


def test_json_has_the_documented_keys_in_order() -> None:
    shown = json.loads(json_report.render([FINDING]), object_pairs_hook=list)
    assert [key for key, _ in shown[0]] == [
        "path", "line", "column", "end_line", "end_column", "cell", "code", "name", "severity", "message", "url", "fix",
        "verdict", "fingerprint",
    ]  # fmt: skip
    (finding,) = json.loads(json_report.render([FINDING]))
    assert finding == {
        "path": "src/train.py",
        "line": 9,
        "column": 1,
        "end_line": 9,
        "end_column": 19,
        "cell": None,
        "code": "KC101",
        "name": "load-weights-before-build",
        "severity": "error",
        "message": "`load_weights` loads nothing",
        "url": "https://github.com/kerascheck/kerascheck/blob/main/rules/load_weights_before_build.md",
        "fix": {
            "title": "call it on an Input first",
            "applicability": "unsafe",
            "edits": [{"start": {"line": 9, "column": 1}, "end": {"line": 9, "column": 1}, "text": "x"}],
        },
        "verdict": None,
        "fingerprint": "abc",
    }


def test_json_of_a_verdict_and_of_nothing() -> None:
    verdict = Verdict(Status.NOT_REACHED, "why", "3.15.1", "jax", 0.5)
    (finding,) = json.loads(json_report.render([replace(FINDING, verdict=verdict, fix=None)]))
    assert finding["verdict"] == {
        "status": "not-reached",
        "evidence": "why",
        "keras": "3.15.1",
        "backend": "jax",
        "seconds": 0.5,
    }
    assert finding["fix"] is None
    assert json_report.render([]) == "[]\n"


def test_json_is_ascii_and_carries_every_letter() -> None:
    text = json_report.render([replace(FINDING, message="é\ud800")])
    assert text.isascii()
    assert json.loads(text)[0]["message"] == "é\ud800"


def test_json_names_the_cell_of_an_edit_in_another_cell() -> None:
    edits = (
        PlacedEdit(Position(1, 1), Position(1, 1), "x", 2),
        PlacedEdit(Position(1, 1), Position(1, 1), "y", 3),
    )
    (finding,) = json.loads(json_report.render([replace(FINDING, cell=2, edits=edits)]))
    assert [edit.get("cell") for edit in finding["fix"]["edits"]] == [None, 3]
