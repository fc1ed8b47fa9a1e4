"""Rules for tests of the fronts: they find calls of `bad_safe`, `bad_unsafe` and `note`, and mend them."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst
import pytest

from kerascheck import engine
from kerascheck.edits import Edit
from kerascheck.finding import Severity
from kerascheck.rule import Rule, safe_fix, unsafe_fix


def _calls(node: cst.CSTNode, name: str) -> Iterator[cst.Name]:
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Name) and node.func.value == name:
        yield node.func
    for child in node.children:
        yield from _calls(child, name)


class _Fake(Rule):
    words = ()
    looked_for = ""
    replacement = ""

    def check(self) -> None:
        for node in _calls(self.module.tree, self.looked_for):
            span = self.module.span(node)
            edit = Edit(span.start, span.end, self.replacement)
            make = safe_fix if self.looked_for == "bad_safe" else unsafe_fix
            fix = make(f"call `{self.replacement}`", [edit]) if self.replacement else None
            self.report(node, fix=fix)


class Safe(_Fake):
    code = "KC404"
    severity = Severity.ERROR
    message = "`bad_safe` is bad"
    looked_for = "bad_safe"
    replacement = "good"

    @classmethod
    def name(cls) -> str:
        return "removed-seed-function"


class Unsafe(_Fake):
    code = "KC201"
    severity = Severity.WARNING
    message = "`bad_unsafe` is bad"
    looked_for = "bad_unsafe"
    replacement = "better"

    @classmethod
    def name(cls) -> str:
        return "weights-file-suffix"


class Note(_Fake):
    code = "KC402"
    severity = Severity.INFO
    message = "`note` is worth a note"
    looked_for = "note"

    @classmethod
    def name(cls) -> str:
        return "unseeded-training"


class Failing(_Fake):
    code = "KC101"
    severity = Severity.ERROR
    message = ""

    @classmethod
    def name(cls) -> str:
        return "load-weights-before-build"

    def check(self) -> None:
        if next(_calls(self.module.tree, "explode"), None) is not None:
            raise KeyError("dense")


RULES = (Failing, Safe, Unsafe, Note)


@pytest.fixture
def fake_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the rules of this module."""
    monkeypatch.setattr(engine, "all_rules", lambda: RULES)
