"""A tree of kept and new statements is the tree of the whole text."""

from __future__ import annotations

import random
from pathlib import Path

import libcst as cst
import pytest

from kerascheck.editor.reparse import PartPositions, parsed, reparsed
from kerascheck.semantic.positions import Positions

ROOT = Path(__file__).parent.parent
TEXTS = sorted((ROOT / "fixtures").rglob("*.py")) + sorted((ROOT / "kerascheck").rglob("*.py"))
PIECES = [
    "", "\n", "\n\n", " ", "    ", "\t", "# a comment\n", "    # a deeper comment\n", "  # between\n", "x = 1\n",
    "else:\n    pass\n", "    y = 2\n", "if x: y\n", "if x:\n  y\n", "def f():\n\treturn 1\n", '"""', "'", "(", ")",
    "\\\n", ";", ":", "class A: pass\n", "@decorated\n", "match x:\n    case 1:\n        pass\n",
    "async def f(): await g()\n",
    "try:\n    x\nexcept E:\n    y\nfinally:\n    z\n", "é\U0001f600", "\r\n", "\x0c", "for x in y:\n    pass\n",
]  # fmt: skip


def nodes(tree: cst.CSTNode) -> list[cst.CSTNode]:
    return [tree, *(node for child in tree.children for node in nodes(child))]


def fresh(text: str) -> cst.Module | None:
    try:
        return cst.parse_module(text)
    except cst.ParserSyntaxError:
        return None


def edited(text: str, dice: random.Random) -> str:
    """The text with a piece of it replaced: anywhere, or whole lines."""
    start = dice.randint(0, len(text))
    end = min(start + dice.choice([0, 0, 0, 1, 2, 5, 80, 400]), len(text))
    if dice.random() < 0.6:
        start = text.rfind("\n", 0, start) + 1
        end = max(text.find("\n", end) + 1, start) if dice.random() < 0.5 else start
    return text[:start] + dice.choice(PIECES) + text[end:]


@pytest.mark.parametrize("seed", range(4))
def test_what_was_parsed_in_part_is_what_a_whole_parse_gives(seed: int) -> None:
    dice = random.Random(seed)
    compared = 0
    for _ in range(12):  # what can be parsed in part hangs on the texts that the dice choose
        compared += type_into(dice.choice(TEXTS), dice)
        if compared > 20:
            return
    pytest.fail(f"only {compared} texts were parsed in part")


def type_into(path: Path, dice: random.Random) -> int:
    """Edit the start of a file 30 times; how often that was parsed in part."""
    lines = path.read_text(encoding="utf-8").splitlines(True)[: dice.choice([20, 60, 120])]
    while (first := fresh("".join(lines))) is None:
        lines.pop()
    text = "".join(lines)
    kept = parsed(text, first)
    assert kept is not None
    in_part = 0
    for _ in range(30):
        changed = edited(text, dice)
        found = reparsed(kept, changed)
        whole = fresh(changed)
        if found is None:
            found = parsed(changed, whole) if whole is not None else None
        else:
            in_part += 1
            assert whole is not None, changed
            assert found.tree.deep_equals(whole), changed
            assert found.tree.code == changed
            expected, places = Positions(whole, changed), PartPositions(found)
            mine, theirs = nodes(found.tree), nodes(whole)
            assert len({id(node) for node in mine}) == len(mine)
            for node, other in zip(mine, theirs, strict=True):
                assert places.has(node)
                assert places.whole(node) == expected.whole(other), (changed, node)
                assert places.span(node) == expected.span(other), (changed, node)
        if found is not None:
            kept, text = found, changed
    return in_part


def test_one_changed_letter_leaves_the_other_statements() -> None:
    text = "".join(f"def f{number}():\n    return {number}\n\n\n" for number in range(9))
    kept = parsed(text, cst.parse_module(text))
    assert kept is not None
    found = reparsed(kept, text.replace("return 4", "return 44"))
    assert found is not None
    same = [new is old for new, old in zip(found.tree.body, kept.tree.body, strict=True)]
    assert same == [number not in (3, 4, 5) for number in range(9)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = 1\ny = 2\nz = 3\n", "x = 1\r\ny = 2\nz = 3\n"),  # another line end
        ("a\nif b:\n  c\nd\ne\nf\nif g:\n    h\n", "a\nd\ne\nf\nif g:\n    h\n"),  # another first indent
        ("a\nb\nc\nd\ne\n", 'a\nb\nc\n"""d\ne\n'),  # a string without an end
        ("a\nb\n", ""),
    ],
)
def test_what_is_not_sure_is_parsed_whole(before: str, after: str) -> None:
    kept = parsed(before, cst.parse_module(before))
    assert kept is not None
    assert reparsed(kept, after) is None
