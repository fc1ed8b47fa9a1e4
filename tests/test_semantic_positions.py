"""Where nodes stand: against libcst's own provider, and in files of which libcst loses a part."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import libcst as cst
import pytest
from libcst.metadata import MetadataWrapper, PositionProvider

from kerascheck.edits import Applicability, Edit, Fix, apply
from kerascheck.semantic.module import Module, parse
from kerascheck.semantic.positions import LazyPositions, Positions
from kerascheck.semantic.target import default_target
from kerascheck.semantic.walk import walk
from kerascheck.text import Position, SourceText, Span

SNIPPETS = [
    "",
    "\n",
    "# only a comment",
    "x = 1",
    "x = (1)\n",
    "x = ((  a + b )  )  # c\n",
    "f(a, *b, c=1, **d)\n",
    "f(\n    a,  # one\n    b,\n)\n",
    "@d\n@e(1)\nclass A(B, metaclass=C):\n    '''doc'''\n    x: int = 1\n",
    "# above\n\n@d\n# between\ndef f(a, /, b: int = 1, *, c, **k) -> None:\n    return a\n",
    "async def f():\n    async with a as b, c:\n        await b\n    async for x in y:\n        yield x\n",
    "if a:\n    pass\nelif b:\n    pass\nelse:\n    pass\n",
    "try:\n    a\nexcept (B, C) as e:\n    b\nelse:\n    c\nfinally:\n    d\n",
    "try:\n    a\nexcept* B:\n    b\n",
    "match a:\n    case [1, *rest] if rest:\n        b\n"
    "    case {'k': v, **o}:\n        c\n    case A(x=1) | None:\n        d\n",
    "for a, b in c: d; e\nelse: f\n",
    "while (n := f()) > 1:\n\tbreak\n",
    "x = [a for b in c if d for e in f]\ny = {a: b for c in d}\nz = {a for b in c}\nw = (a for b in c)\n",
    "lambda a, *b, c=1: (a)\n",
    "f'{a!r:>{w}} {{}} {b=}' 'c' f\"\"\"\n{d}\n\"\"\"\n",
    "'''\n# no comment\n'''; x = 1\n",
    "from . import (\n    a,\n    b as c,  # d\n)\nfrom ..e import *\nimport g.h as i, j\n",
    "del a, b[1:2, ::3]\nassert a, 'b'\nraise A from b\nglobal c\n",
    "x = a if b else c\ny = not a\nz = -a ** +b\nx @= y\n",
    "x: 'List[int]'\n",
    "äöü = 'ß' + \"\U0001f600\"  # ü\nz = f(äöü)\n",
    "if a:\r\n    b = (1,\r\n         2)\r\nc\r\n",
    "if a:\n\tif b:\n\t\tc\n\n\t# d\n\te\n",
    "x = 1 ; y = 2;\n",
    "x = \\\n    1\n",
    "with (a as b, c):\n    pass\n",
    "print(a if b else(c))\n",
    "def f[T: int](a: T) -> T: return a\n",
    "type X[T] = list[T]\n",
    "x = yield\n",
    "x = a < b <= c is not d not in e\n",
]  # fmt: skip

# (text, what libcst makes of it must differ): comments, blank lines, form feeds and continuations go missing
LOSSES = [
    "print(a)\n        # at an odd place\n        \n",
    "def f():\n    print(a)  # c\n                # False\n                # True\n                \n",
    "f(a)\r\n\r\n\r\n    \r\n\r\n        \r\n\r\n        \r\n",
    "\fx = load(a)\ny = load(b)\n",
    "x = load(a)\n\f\ny = load(b)\n\f\nz = load(c)\n",
    "if a:\r    b\rc(d)\r",
    "\\\nx = load(a)\ny = f(\n  b)\n",
    "x = load(a)\n\n\f# comment\n\f\ndef f():\n    \f\n    y = '''\n\f\n# text\n'''\n    z = load(y)\n",
]


def spans(text: str) -> Iterator[tuple[str, cst.CSTNode, Module]]:
    module = parse(SourceText(text), "a.py", default_target())
    queue: list[cst.CSTNode] = [module.tree]
    while queue:
        node = queue.pop()
        yield module.code(node), node, module
        queue += node.children


def compare(text: str) -> int:
    wrapper = MetadataWrapper(cst.parse_module(text), unsafe_skip_copy=True)
    expected = wrapper.resolve(PositionProvider)
    positions = Positions(wrapper.module, text)
    assert positions.reliable
    lazy = LazyPositions(wrapper.module, text)
    nodes = list(walk(wrapper.module))
    random.Random(5).shuffle(nodes)  # whichever is asked for first
    for node in nodes:
        assert (lazy.span(node), lazy.whole(node)) == (positions.span(node), positions.whole(node))
        assert lazy.has(node)
    source = SourceText(text)
    for node, place in expected.items():
        span = positions.span(node)
        start, end = source.position(span.start), source.position(span.end)
        if isinstance(node, (cst.Newline, cst.TrailingWhitespace, cst.EmptyLine)):
            continue  # behind the last line the provider counts a line that is not there
        if isinstance(node, cst.Module):
            assert (span.start, span.end) == (0, len(wrapper.module.code))
            continue
        assert (start.line, start.column - 1) == (place.start.line, place.start.column), node
        assert (end.line, end.column - 1) == (place.end.line, place.end.column), node
    return len(expected)


@pytest.mark.parametrize("text", SNIPPETS)
def test_snippets_stand_where_libcst_says(text: str) -> None:
    try:
        cst.parse_module(text)
    except cst.ParserSyntaxError:
        pytest.skip("this libcst does not read it")
    compare(text)


def test_real_files_stand_where_libcst_says() -> None:
    files = sorted(Path(cst.__file__).parent.glob("_nodes/*.py"))[:4]
    try:
        from importlib.util import find_spec

        keras = find_spec("keras")
    except ImportError:
        keras = None
    if keras is not None and keras.origin is not None:
        layers = sorted(Path(keras.origin).parent.glob("src/layers/**/*.py"))
        files += random.Random(3).sample(layers, min(len(layers), 12))
    assert files
    for path in files:
        text = path.read_text(encoding="utf-8")
        if len(text) < 60_000:
            assert compare(text) > 0 or not text.strip()


@pytest.mark.parametrize("text", LOSSES)
@pytest.mark.parametrize("before", ["", "import a\n", "def g():\n    pass\n"])
@pytest.mark.parametrize("behind", ["", "import b\n", "if c:\n    d(e)\n# end\n"])
def test_names_stand_right_where_libcst_loses_lines(text: str, before: str, behind: str) -> None:
    text = before + text + behind
    found = 0
    for code, node, module in spans(text):
        assert module.positions.reliable
        if isinstance(node, (cst.Name, cst.SimpleString)):
            assert code == node.value
            found += 1
        elif isinstance(node, cst.Call):
            assert code.endswith(")") and code.startswith(module.code(node.func))
    assert found


def test_the_losses_are_losses() -> None:
    assert any(cst.parse_module(text).code != text for text in LOSSES)


@pytest.mark.parametrize("text", LOSSES)
def test_an_edit_in_a_file_with_losses_changes_what_it_means(text: str) -> None:
    text = "import a\n" + text + "b(c)\n"
    module = parse(SourceText(text), "a.py", default_target())
    last = module.tree.body[-1]
    assert isinstance(last, cst.SimpleStatementLine)
    span = module.span(last.body[0])
    fix = Fix("change it", (Edit(span.start, span.end, "d(e)"),), Applicability.SAFE)
    assert apply(text, [fix])[0] == text[: -len("b(c)\n")] + "d(e)\n"
    position = module.source.position(span.start)
    assert position == Position(len(module.source.line_starts) - 1, 1)


def test_what_cannot_be_matched_is_not_reliable() -> None:
    tree = cst.parse_module("a = 1\nb = 2\n")
    positions = Positions(tree, "a = 1\nc = 22\nb = 2\n")
    assert not positions.reliable
    assert positions.span(tree.body[1]).end <= 20


@pytest.mark.parametrize(
    "text",
    [
        "x = 1\nx = 1\ny = 2\nx = 1\n",
        "if a:\n    x = 1\nx = 1\nb()\nx = 1",
        "# c\n\nx = f()\n# c\n\nx = f()\n\n# end\n",
        "x = 1\r\nx = 1\r\nz = (\r\n  2)",
        "a" * 3 + "\n" + "aaa\n" * 20 + "b\n",
    ],
)
def test_repeated_statements_are_told_apart(text: str) -> None:
    compare(text)


def test_one_statement_is_placed_without_the_others() -> None:
    tree = cst.parse_module("a = 1\nb = 2\nc = 3\n")
    lazy = LazyPositions(tree, tree.code)
    assert lazy.span(tree.body[1]) == Span(6, 11)
    assert list(lazy._written) == [tree.body[1]]
    stranger = cst.parse_module("a = 1\n").body[0]
    assert not lazy.has(stranger)
    with pytest.raises(KeyError):
        lazy.span(stranger)


def test_many_statements_are_placed_together() -> None:
    text = "".join(f"x{number} = {number}\n" for number in range(300))
    assert compare(text) > 300
