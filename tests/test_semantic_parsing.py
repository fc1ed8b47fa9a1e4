"""The parser that shares white space: the same tree as libcst's, with fewer objects."""

from __future__ import annotations

import contextlib

import libcst as cst
import pytest

from kerascheck.semantic.parsing import parse_tree

TEXT = "import a.b  # c\n\n\ndef f(x, y = 1 , *z):\n    return g(x, y=2)[ 0 ] . h\nif a :\r\n\tpass\n"
NAMES = ("SimpleWhitespace", "Newline", "TrailingWhitespace", "Comma", "Dot", "AssignEqual")


def test_the_tree_is_that_of_libcst() -> None:
    tree = parse_tree(TEXT)
    assert tree.code == TEXT
    assert tree.deep_equals(cst.parse_module(TEXT))


def test_equal_white_space_is_one_node_and_names_are_not() -> None:
    line = cst.ensure_type(parse_tree("f(x, x, x)\n").body[0], cst.SimpleStatementLine)
    call = cst.ensure_type(cst.ensure_type(line.body[0], cst.Expr).value, cst.Call)
    assert call.args[0].comma is call.args[1].comma
    assert call.args[0].value is not call.args[1].value


@pytest.mark.parametrize("text", [TEXT, "x = (\n"])
def test_libcst_is_as_before_afterwards(text: str) -> None:
    before = [getattr(cst, name) for name in NAMES]
    with contextlib.suppress(cst.ParserSyntaxError):
        parse_tree(text)
    assert [getattr(cst, name) for name in NAMES] == before
    assert all(type(kind) is type(cst.Name) for kind in before)
    with pytest.raises(cst.CSTValidationError):
        cst.SimpleWhitespace("x")
    assert cst.SimpleWhitespace(" ") is not cst.SimpleWhitespace(" ")


def test_another_thread_still_knows_white_space(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def parse(text: str) -> cst.Module:
        kind = cst.SimpleWhitespace  # as another thread sees it
        seen.append((isinstance(space, kind), isinstance(cst.Newline(), kind), isinstance(kind(value="  "), kind)))
        return cst.Module([])

    space = cst.SimpleWhitespace(" ")
    monkeypatch.setattr(cst, "parse_module", parse)
    parse_tree("x")
    assert seen == [(True, False, True)]
