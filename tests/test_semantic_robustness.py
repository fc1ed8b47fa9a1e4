"""Nothing that is handed in may raise anything but SyntaxProblem, and the work grows with the size of the text."""

from __future__ import annotations

import random
import sysconfig
import time
from pathlib import Path

import pytest

from kerascheck import engine
from kerascheck.registry import all_rules
from kerascheck.semantic.copies import are_copies
from kerascheck.semantic.module import Module, SyntaxProblem, parse
from kerascheck.semantic.target import default_target
from kerascheck.text import DecodeError, SourceText

CODES = frozenset(rule.code for rule in all_rules()) | {"KC000", "KC001", "KC002"}
NET = """class Net{i}(keras.Model):
    def __init__(self):
        super().__init__()
        self.one, self.two = Net{j}(), Net{k}()
    def build(self, shape):
        self.one.build(shape)
        super().build(shape)
    def call(self, x):
        return self.two(self.one(x))
net = Net{i}()
net.build((1, 2))
net.load_weights('a')
"""


def check(text: str) -> list[str]:
    """The codes of the findings; a fault of ours fails the test."""
    found = engine.check(SourceText(text), "a.py", engine.Options(CODES, default_target())).findings
    assert not [finding.message for finding in found if finding.code == "KC002"]
    return [finding.code for finding in found]


def facts(text: str) -> Module:
    module = parse(SourceText(text), "a.py", default_target())
    assert module.facts is not None
    return module


DEEP = [
    "x = " + "(" * 150 + "1" + ")" * 150,
    "x = " + "[" * 1000 + "]" * 1000,
    "x = " + "(" * 5000 + "1" + ")" * 5000,
    "x = " + " + ".join(["a"] * 1000),
    "x = " + " + ".join(["a"] * 50_000),
    "x = ('a' " + "'b' " * 1000 + ")",
    "x = ('a' " + "'b' " * 30_000 + ")",
    "x = a" + ".b" * 1500,
    "x = " + "not " * 1000 + "a",
    "x = " + "lambda: " * 500 + "a",
    "x = " + "-" * 10_000 + "1",
    "if a:\n    b\n" + "elif a:\n    b\n" * 900,
    "if a:\n    b\n" + "elif a:\n    b\n" * 5000,
    "".join("  " * depth + "if a:\n" for depth in range(95)) + "  " * 95 + "b\n",
    "".join(" " * depth + "if a:\n" for depth in range(1000)) + " " * 1000 + "b\n",
    "".join("  " * depth + f"for a{depth} in range(12):\n" for depth in range(30)) + "  " * 30 + "b()\n",
    "".join("  " * depth + "def f():\n" for depth in range(90)) + "  " * 90 + "b\n",
    "x = " + "{'a': " * 150 + "1" + "}" * 150,
]


@pytest.mark.parametrize("text", DEEP, ids=range(len(DEEP)))
def test_deep_nesting(text: str) -> None:
    check("import keras\nm = keras.Sequential([keras.layers.Dense(1)])\n" + text + "\nm.load_weights('a')\n")


def test_what_is_too_deep_for_libcst_is_no_syntax_error() -> None:
    assert check("import keras\nx = " + " + ".join(["a"] * 50_000)) == []


@pytest.mark.parametrize(
    "text",
    [
        "\0",
        "import keras\0\n",
        "\ufeffimport keras\n",
        "\x0cimport keras\n\x0c\nx = 1\n",
        "import keras\r\nx = 1\ny = 2\rz = 3\n",
        "import keras\n\tif x:\n  y\n",
        "print 'keras'\n",
        "import keras\nx = '\ud800'\n",
        "import keras\nclass\n",
        "import keras\nx = 0777\n",
        "import keras\n\\\n",
        "import keras  # \u2028 \x85\nx = 1",
        "if keras:\n",
        "keras = (\n",
        "\\",
        "#keras",
        "import keras\nx = 1__0\n",
        "import keras\nx = " + "9" * 10_000 + "\n",
    ],
)
def test_odd_texts(text: str) -> None:
    check(text)


@pytest.mark.parametrize(
    "raw",
    [
        b"# coding: latin-1\nimport keras\nx = '\xe9'\n",
        b"# coding: cp1252\nimport keras\nx = '\x80'\n",
        b"# coding: utf-16\nimport keras\n",
        b"# coding: nothing\nimport keras\n",
        b"# coding: rot13\nvzcbeg xrenf\n",
        b"\xff\xfeimport keras\n",
        b"import keras\nx = '\xff'\n",
        b"\xef\xbb\xbfimport keras\n",
    ],
)
def test_odd_encodings(raw: bytes) -> None:
    try:
        source = SourceText.from_bytes(raw)
    except DecodeError:
        return
    check(source.text)


def test_real_files_whole_and_broken() -> None:
    """Files of the standard library, and what is left when lines are deleted, swapped and doubled."""
    draw = random.Random(5)
    files = sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))
    fixtures = sorted((Path(__file__).parent.parent / "fixtures").glob("*.py"))
    for path in [*draw.sample(files, 12), *draw.sample(fixtures, min(len(fixtures), 12))]:
        text = path.read_text(encoding="utf-8")[:40_000]
        for _ in range(3):
            try:
                facts(text)
            except SyntaxProblem:
                pass
            else:
                check("import keras\n" + text)
            lines = text.splitlines(True)
            for _ in range(1 + len(lines) // 40):
                one, other = draw.randrange(len(lines)), draw.randrange(len(lines))
                action = draw.randrange(3)
                if action == 0 and len(lines) > 1:
                    del lines[one]
                elif action == 1:
                    lines.insert(one, lines[other])
                else:
                    lines[one] = lines[other]
            text = "".join(lines)


def many_loops(count: int) -> str:
    return "for a in range(12):\n for b in range(12):\n  for c in range(12):\n   f(a, b, c)\n" * count


def many_mutual_calls(count: int) -> str:
    lines = []
    for index in range(count):
        lines.append(f"def f{index}():\n")
        lines += [f"    f{(index * factor + 1) % count}()\n" for factor in (1, 2, 3, 7)]
    return "".join(lines) + "f0()\n"


def many_classes(count: int) -> str:
    return "import keras\n" + "".join(
        NET.format(i=index, j=max(0, index - 1), k=max(0, index - 2)) for index in range(count)
    )


def many_comprehensions(count: int) -> str:
    nested = "1"
    for depth in range(8):
        nested = f"[{nested} for a{depth} in range(12)]"
    return f"x = {nested}\n" * count


def many_branches(count: int) -> str:
    return "def f(m):\n" + "".join(f"    if a{i}:\n        m(x)\n    elif b:\n        g(m)\n" for i in range(count))


def many_methods(count: int) -> str:
    methods = "".join(
        f"    def m{i}(self):\n        self.m{(i + 1) % count}()\n        self.net(x)\n" for i in range(count)
    )
    return "import keras\nclass A:\n    def __init__(self):\n        self.net = keras.Sequential()\n" + methods


@pytest.mark.parametrize(
    "make", [many_loops, many_mutual_calls, many_classes, many_comprehensions, many_branches, many_methods]
)
def test_the_steps_grow_with_the_text(make: object) -> None:
    counts = []
    for size in (20, 80):
        text = make(size)  # type: ignore[operator]
        check(text if "keras" in text else "import keras\n" + text)
        module = facts(text)
        counts.append(module.interpreter.steps)
        assert module.interpreter.steps < 5000 + 60 * text.count("\n")
    assert counts[1] <= 6 * counts[0] + 2000


def test_a_model_of_more_layer_runs_than_are_looked_at() -> None:
    """KC209 failed: the output itself was beyond the bound."""
    check(
        "import keras\ni = keras.Input((4,))\ns = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4)])\n"
        "x = s(i)\nd = keras.layers.Dense(4)\n"
        + "x = d(x)\n" * 3200
        + "m = keras.Model(i, [x, s.layers[0](x)])\nm.save('a.keras')\n"
    )


def test_a_large_literal_and_a_long_file() -> None:
    facts("import keras\nx = [" + "1, " * 100_000 + "]\nfor y in x:\n    f(y)\n")
    module = facts("import keras\n" + "".join(f"x{i} = f({i})\n" for i in range(10_000)))
    assert module.interpreter.steps < 60_000


@pytest.mark.parametrize("joint", ["\nand ", "\nor\n", "|", "&", "^"])
def test_a_long_chain_of_operators_ends_soon_and_harms_nothing(joint: str) -> None:
    text = "import keras\nx = (" + joint.join(["a"] * 10_000) + ")\n"
    start = time.process_time()
    options = engine.Options(frozenset({"KC000", "KC002"}), default_target())
    assert engine.check(SourceText(text), "chain.py", options).findings == ()
    assert time.process_time() - start < 20


def test_names_that_are_bound_to_each_other_in_turns_come_to_an_end() -> None:
    assert not are_copies("rows = other\nother = rows\n" * 200, "rows")
    assert are_copies("rows = np.repeat(few, 40)\nrows = rows + noise\nmore = rows * 2\n", "more")
    assert not are_copies("rows = np.repeat(few, 40)\nrows = load()\n", "rows")
