"""Notebooks: cells as Python, findings in cells, fixes that keep all other bytes."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from kerascheck import engine, notebooks
from kerascheck.edits import Edit
from kerascheck.engine import Options
from kerascheck.files import ProjectReader
from kerascheck.finding import Severity
from kerascheck.notebooks import Notebook, NotebookProblem, cell_changes, check, fix, install_lines
from kerascheck.rule import Rule, safe_fix
from kerascheck.semantic.project import Project
from kerascheck.semantic.target import default_target
from kerascheck.surroundings import Overrides, Surroundings
from kerascheck.text import SourceText

OPTIONS = Options(frozenset({"KC000", "KC001", "KC002", "KC101", "KC201", "KC402", "KC404"}), default_target())


def code(*lines: str, **more: Any) -> dict[str, Any]:
    return {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": list(lines), **more}


def text(*lines: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": list(lines)}


def notebook(*cells: object, indent: int | None = 1, **more: Any) -> bytes:
    data = {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5, **more}
    return (json.dumps(data, indent=indent, ensure_ascii=False) + "\n").encode()


def python(raw: bytes) -> dict[int, str]:
    """The Python of each cell."""
    return {cell.index: cell.text for cell in Notebook.from_bytes(raw).cells}


def shown(raw: bytes) -> list[tuple[int | None, int, int, str]]:
    return [
        (finding.cell, finding.start.line, finding.start.column, finding.code)
        for finding in check(raw, "a.ipynb", OPTIONS).findings
    ]


# --- cells as Python


def test_cells_are_counted_over_all_cells() -> None:
    assert python(notebook(text("# Title"), code("a = 1\n", "b = 2"), text("x"), code("c = 3"))) == {
        2: "a = 1\nb = 2\n",
        4: "c = 3\n",
    }


def test_a_source_may_be_one_string() -> None:
    assert python(notebook({**code(), "source": "a = 1\nb = 2"})) == {1: "a = 1\nb = 2\n"}


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        ("%matplotlib inline", "pass"),
        ("!pip install keras", "pass"),
        ("    !ls", "    pass"),
        ("?model", "pass"),
        ("model.fit?", "pass"),
        ("model.fit??", "pass"),
        ("files = !ls *.h5", "files = get_ipython()"),
        ("a, b = %sql select", "a, b = get_ipython()"),
        ("%time model.fit(x)", "model.fit(x)"),
        ("%timeit -n 3 f(x)", "pass"),
        ("a = b % c", "a = b % c"),
        ("a %= 3", "a %= 3"),
        ("a = b != c", "a = b != c"),
        ("s = 'what?'", "s = 'what?'"),
        ("# what?", "# what?"),
        ("print('%d' % 3)", "print('%d' % 3)"),
    ],
)
def test_magics_are_masked_line_by_line(line: str, masked: str) -> None:
    before = "if x:\n" if line.startswith(" ") else ""
    assert python(notebook(code(before + line + "\n", "y = 1"))) == {1: f"{before}{masked}\ny = 1\n"}


def test_what_looks_like_a_magic_inside_a_string_or_brackets_stays() -> None:
    source = 'a = """\n%time x\n!ls\n"""\nb = (a\n% c)\nd = a \\\n% c\n'
    assert python(notebook(code(source))) == {1: source}


def test_a_percent_sign_behind_an_equals_sign_in_a_call_is_no_magic() -> None:
    source = "print('loss = %d' % a)\nb['c = %d' % 1] = 2\n"
    assert python(notebook(code(source))) == {1: source}


def test_a_shell_command_over_several_lines() -> None:
    assert python(notebook(code("!pip install \\\n", "  keras \\\n", "  numpy\n", "a = 1"))) == {1: "pass\n\n\na = 1\n"}


@pytest.mark.parametrize("magic", ["%%time", "%%capture out", "%%timeit -n 1", "%%prun", "%%backend tensorflow"])
def test_cell_magics_with_a_python_body_keep_it(magic: str) -> None:
    assert python(notebook(code(f"{magic}\n", "a = 1"))) == {1: "a = 1\n"}


@pytest.mark.parametrize("magic", ["%%bash", "%%writefile a.py", "%%html", "%%script false", "%%"])
def test_other_cell_magics_are_skipped(magic: str) -> None:
    assert python(notebook(code(f"\n{magic}\n", "rm -rf x"), code("a = 1"))) == {2: "a = 1\n"}


def test_a_cell_magic_may_stand_behind_comments() -> None:
    cells = [code("# install\n", "%%bash\n", "cd x && ls"), code("# run\n", "%%time\n", "a = 1")]
    assert python(notebook(*cells)) == {2: "a = 1\n"}


def test_a_cell_of_one_line_may_be_a_magic_without_its_sign() -> None:
    cells = [code("ls ./data\n"), code("pip install -q keras"), code("ls = 1"), code("cd x\n", "a = 1")]
    assert python(notebook(*cells)) == {3: "ls = 1\n", 4: "cd x\na = 1\n"}


def test_an_indented_cell_is_dedented_as_ipython_does() -> None:
    assert python(notebook(code("    a = 1\n", "    if a:\n", "        b = 2\n", "\n", "    c = 3"))) == {
        1: "a = 1\nif a:\n    b = 2\n\nc = 3\n"
    }


def test_cells_without_python_are_left_out() -> None:
    cells = [code(""), code("  \n"), {"cell_type": "raw", "source": ["x"]}, code("%%time"), code("a = 1")]
    assert python(notebook(*cells)) == {5: "a = 1\n"}


def test_notebooks_and_cells_in_another_language_are_left_out() -> None:
    assert python(notebook(code("x <- 1"), metadata={"language_info": {"name": "R"}})) == {}
    assert python(notebook(code("x = 1"), metadata={"kernelspec": {"language": "python"}})) == {1: "x = 1\n"}
    other = code("SELECT 1", metadata={"vscode": {"languageId": "sql"}})
    assert python(notebook(other, code("x = 1"))) == {2: "x = 1\n"}


def test_a_notebook_of_format_3() -> None:
    sheets = [
        {"cells": [{"cell_type": "heading", "source": "T"}, {"cell_type": "code", "language": "python", "input": "a"}]},
        {"cells": [{"cell_type": "code", "language": "python", "input": ["b = 1\n", "bad_safe()"]}]},
    ]
    raw = json.dumps({"nbformat": 3, "worksheets": sheets}).encode()
    assert python(raw) == {2: "a\n", 3: "b = 1\nbad_safe()\n"}


# --- findings


@pytest.mark.usefixtures("fake_rules")
def test_findings_are_placed_in_their_cells() -> None:
    raw = notebook(
        text("t"), code("import keras\n", "bad_safe()"), code("%%time\n", "\n", "%time x = bad_safe()\n"),
        code("  if x:\n", "    bad_safe()"),
    )  # fmt: skip
    findings = check(raw, "a.ipynb", OPTIONS).findings
    assert [(item.cell, item.start.line, item.start.column, item.end.column) for item in findings] == [
        (2, 2, 1, 9),
        (3, 3, 11, 19),
        (4, 2, 5, 13),
    ]
    assert [item.excerpt.lines[0] for item in findings if item.excerpt] == [
        "bad_safe()",
        "%time x = bad_safe()",
        "    bad_safe()",
    ]
    edit = findings[1].edits[0]
    assert (edit.cell, edit.start.line, edit.start.column, edit.end.column, edit.text) == (3, 3, 11, 19, "good")


@pytest.mark.usefixtures("fake_rules")
def test_a_cell_that_cannot_be_parsed_is_one_finding_and_the_others_are_checked() -> None:
    raw = notebook(code("import keras\n", "bad_safe()"), code("a = 1\n", "def f(:\n"), code("bad_safe()"), code("x ="))
    assert shown(raw) == [(1, 2, 1, "KC404"), (2, 2, 7, "KC000"), (3, 1, 1, "KC404"), (4, 1, 4, "KC000")]


@pytest.mark.usefixtures("fake_rules")
def test_cells_that_are_open_at_their_end_do_not_swallow_the_next() -> None:
    raw = notebook(code("a = (1,"), code("bad_safe()"), code('b = """x'), code("bad_safe()"), code("c = 1 + \\"))
    assert [item for item in shown(raw) if item[3] == "KC404"] == [(2, 1, 1, "KC404"), (4, 1, 1, "KC404")]
    assert [item[0] for item in shown(raw) if item[3] == "KC000"] == [1, 3, 5]


@pytest.mark.usefixtures("fake_rules")
def test_suppressions_work_in_cells() -> None:
    raw = notebook(code("bad_safe()  # noqa: KC404\n", "x = 1  # noqa: KC201"))
    assert shown(raw) == [(1, 2, 8, "KC001")]


def test_syntax_errors_are_quiet_when_they_are_not_selected() -> None:
    options = Options(frozenset({"KC404"}), default_target())
    assert check(notebook(code("def f(:")), "a.ipynb", options).findings == ()
    assert check(b"no json", "a.ipynb", options).findings == ()


@pytest.mark.parametrize(
    ("raw", "message", "line"),
    [
        (b"", "the notebook is not JSON: Expecting value", 1),
        (b"not json", "the notebook is not JSON: Expecting value", 1),
        (b'{"cells": [\n  {"a": 1,}\n]}', "the notebook is not JSON: ", 2),
        (b"[]", "the notebook is not an object but an array", 1),
        (b"null", "the notebook is not an object but null", 1),
        (b"{}", "the notebook has no `cells`", 1),
        (b'{"cells": 3}', "`cells` of the notebook is not an array but a number", 1),
        (b'{"worksheets": [3]}', "`cells` of the notebook is not an array but a number", 1),
        (b'{"cells": [], "cells": []}', "the key `cells` stands twice in one object", 1),
        (b'{"cells": [{"cell_type": "code", "source": "a", "source": "b"}]}', "the key `source` stands twice", 1),
        (b'\n{"a": "\xff"}', "the notebook is not UTF-8", 2),
        (b"[" * 200_000, "the notebook is nested too deeply", 1),
        (b'{"a":' * 200_000, "the notebook is nested too deeply", 1),
    ],
)
def test_a_file_that_is_no_notebook_is_one_finding(raw: bytes, message: str, line: int) -> None:
    findings = check(raw, "a.ipynb", OPTIONS).findings
    assert [(item.code, item.cell, item.start.line) for item in findings] == [("KC000", None, line)]
    assert findings[0].message.startswith(f"cannot be parsed: {message}")
    assert findings[0].fingerprint
    assert fix(raw, "a.ipynb", OPTIONS, unsafe=True).raw == raw


@pytest.mark.usefixtures("fake_rules")
def test_cells_of_wrong_types_are_named_and_the_others_are_checked() -> None:
    raw = notebook(3, code(source=5), code(source=["a", 1]), code("bad_safe()"), {}, None, {"cell_type": ["code"]})
    assert shown(raw) == [
        (1, 1, 1, "KC000"),
        (2, 1, 1, "KC000"),
        (3, 1, 1, "KC000"),
        (4, 1, 1, "KC404"),
        (6, 1, 1, "KC000"),
    ]
    messages = [item.message for item in check(raw, "a.ipynb", OPTIONS).findings if item.code == "KC000"]
    assert messages[0] == "cannot be parsed: the cell is not an object but a number"
    assert messages[1] == "cannot be parsed: `source` of the cell is not text but a number"


def test_a_lone_surrogate_is_a_finding_of_its_cell() -> None:
    raw = b'{"cells": [{"cell_type": "code", "source": "x = \\"\\ud800\\""}, {"cell_type": "code", "source": "y = 1"}]}'
    assert [item[0] for item in shown(raw)] == [1]


def test_too_much_code_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebooks, "LARGEST_CODE", 3)
    with pytest.raises(NotebookProblem, match="the code cells hold more than"):
        Notebook.from_bytes(notebook(code("a = 1")))


def test_a_notebook_without_code_has_no_findings() -> None:
    assert shown(notebook(text("# Title"))) == []
    assert shown(notebook()) == []


# --- fixes


STYLES: list[dict[str, Any]] = [{"indent": 1}, {"indent": 2}, {"indent": 4}, {"indent": None}]


@pytest.mark.usefixtures("fake_rules")
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("ending", [b"\n", b"", b"\r\n"])
def test_a_fix_changes_just_the_lines_it_means(style: dict[str, Any], ending: bytes) -> None:
    cells = [text("é\n", "x"), code("import keras\n", "bad_safe(1)\n", "x = 'ü'"), code("y = 1"), code("bad_safe()")]
    raw = notebook(*cells, **style).rstrip(b"\n") + ending
    fixed = fix(raw, "a.ipynb", OPTIONS, unsafe=False)
    assert fixed.raw == raw.replace(b"bad_safe", b"good")
    assert fixed.left.findings == ()
    assert [item.cell for item in fixed.applied] == [2, 4]
    again = fix(fixed.raw, "a.ipynb", OPTIONS, unsafe=False)
    assert again.raw == fixed.raw


@pytest.mark.usefixtures("fake_rules")
def test_bytes_that_no_printer_would_write_stay() -> None:
    raw = (
        b'\xef\xbb\xbf{ "cells":[ {"cell_type" :"code","source": ["a = \\"\\u00e9\\"\\n",   "bad_safe()\\n",\n'
        b'"b = 1"] ,"outputs":[{"x": 1.50, "y": "\\/"}]}, '
        b'{"cell_type": "code", "source":"bad_safe()\\nc = \\"\\u00e9\\""} ]\t}\n\n'
    )
    fixed = fix(raw, "a.ipynb", OPTIONS, unsafe=False)
    assert fixed.raw == raw.replace(b"bad_safe", b"good")


@pytest.mark.usefixtures("fake_rules")
def test_magics_and_indentation_survive_a_fix() -> None:
    cells = [
        code("%%time\n", "\n", "!pip install x\n", "bad_safe()\n", "%time y = bad_safe()\n", "f = !ls"),
        code("    if x:\n", "        bad_safe()\n", "\n", "    z = 1"),
        code("%%bash\n", "bad_safe()"),
    ]
    raw = notebook(*cells)
    fixed = fix(raw, "a.ipynb", OPTIONS, unsafe=False)
    bash = b'"bad_safe()"\n   ]'
    assert raw.count(bash) == 1
    assert fixed.raw == raw.replace(b"bad_safe", b"good").replace(b'"good()"\n   ]', bash)


@pytest.mark.parametrize(
    "line",
    [" " * 60_000 + "x = 1", "x" + " " * 60_000 + "! y", "x = 1" + " " * 60_000 + "# %"],
    ids=["left", "inner", "right"],
)
def test_many_blanks_take_time_in_proportion(line: str) -> None:
    """Measured before: 60,000 blanks took more than ten seconds."""
    start = time.process_time()
    assert list(python(notebook(code(line))).values()) == [line.lstrip() + "\n"]
    assert time.process_time() - start < 3


def test_fixes_of_later_passes_are_placed_in_the_text_of_their_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seed lines that go away in a first pass must not move what a second pass mends into another cell."""

    class Shrink(Rule):
        code = "KC404"
        severity = Severity.ERROR
        words = ()
        message = "too long"

        def check(self) -> None:
            text = self.module.source.text
            where = text.find("first()\n\n\n\n")
            last = text.find("last()")
            if where >= 0:
                self.report(self.module.tree.body[1], fix=safe_fix("cut", [Edit(where + 8, where + 11, "")]))
            elif last >= 0:
                self.report(self.module.tree.body[-1], fix=safe_fix("rename", [Edit(last, last + 6, "done()")]))

    monkeypatch.setattr(engine, "all_rules", lambda: (Shrink,))
    raw = notebook(
        code("import keras\n", "first()\n", "\n", "\n", "\n", "second()"), text("words"), code("x = 1\n", "last()")
    )
    fixed = notebooks.fix(raw, "a.ipynb", OPTIONS, unsafe=False)
    assert [(item.cell, item.start.line, item.start.column) for item in fixed.applied] == [(1, 2, 1), (3, 2, 1)]
    assert b"done()" in fixed.raw


@pytest.mark.usefixtures("fake_rules")
def test_a_broken_cell_does_not_keep_the_others_from_being_fixed() -> None:
    raw = notebook(code("bad_safe()"), code("bad_safe(:"), code("bad_safe()"))
    fixed = fix(raw, "a.ipynb", OPTIONS, unsafe=False)
    assert fixed.raw == raw.replace(b'"bad_safe()"', b'"good()"')
    assert [(item.cell, item.code) for item in fixed.left.findings] == [(2, "KC000")]


@pytest.mark.usefixtures("fake_rules")
def test_unsafe_fixes_are_applied_when_asked_for() -> None:
    raw = notebook(code("bad_unsafe()"))
    assert fix(raw, "a.ipynb", OPTIONS, unsafe=False).raw == raw
    assert fix(raw, "a.ipynb", OPTIONS, unsafe=True).raw == raw.replace(b"bad_unsafe", b"better")


@pytest.mark.parametrize("indent", [1, None])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (["a\n", "b\n", "c"], ["a\n", "x\n", "b\n", "c"]),
        (["a\n", "b\n", "c"], ["x\n", "a\n", "b\n", "c"]),
        (["a\n", "b\n", "c"], ["a\n", "b\n", "c\n", "x"]),
        (["a\n", "b\n", "c"], ["a\n", "c"]),
        (["a\n", "b\n", "c"], ["b\n", "c"]),
        (["a\n", "b\n", "c"], ["a\n", "b"]),
        (["a\n", "a\n", "a\n"], ["a\n", "a\n"]),
        (["a"], ["x\n", "a"]),
        (["a"], ["x"]),
        (["a\n", "b"], ["x\n", "y\n", "z"]),
        (["é\n", "b"], ["é\n", "ü"]),
        (["a\n", "b\n", ""], ["a\n", "x\n", ""]),
        (["", "a\n", "b"], ["", "x\n", "b"]),
    ],
)
def test_lines_that_come_and_go_keep_the_style(before: list[str], after: list[str], indent: int | None) -> None:
    raw = notebook(text("t"), code(*before), code("z"), indent=indent)
    wanted = notebook(text("t"), code(*after), code("z"), indent=indent)
    assert Notebook.from_bytes(raw).with_sources({2: "".join(after)}) == wanted


def test_escapes_that_colab_writes_are_kept() -> None:
    raw = notebook(code("a = b > c\n", "d = b > e")).replace(b">", b"\\u003e")
    assert Notebook.from_bytes(raw).with_sources({1: "a = b > c\nd = b > f"}) == raw.replace(b"e e", b"e f")


def test_changes_are_told_by_cell() -> None:
    assert cell_changes(notebook(code("a"), code("b")), notebook(code("a"), code("c"))) == [(2, "b", "c")]


def test_the_lines_that_install_packages() -> None:
    raw = notebook(text("!pip install no"), code("import a\n", "!pip install keras==3.6.0\n", "%pip install -q numpy"))
    assert install_lines(raw, "a.ipynb") == {
        "a.ipynb cell 2:2": "!pip install keras==3.6.0",
        "a.ipynb cell 2:3": "%pip install -q numpy",
    }
    assert install_lines(b"install", "a.ipynb") == {}


def test_a_notebook_tells_how_a_module_is_used(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("")
    module = tmp_path / "blocks.py"
    body = "    def call(self, x):\n        return 2 * x\n"
    module.write_text(f"import keras\n\n\nclass Twice(keras.layers.Layer):\n{body}")
    cells = [
        ["# Training\n"],
        ["import keras\n", "from blocks import Twice\n"],
        ["%matplotlib inline\n", "model = keras.Sequential([keras.Input((3,)), Twice()])\n", "model.save('m.keras')\n"],
        ["x = = 1\n"],
    ]
    kinds = ["markdown", "code", "code", "code"]
    data = {
        "cells": [
            {"cell_type": kind, "metadata": {}, "source": lines, "outputs": [], "execution_count": None}
            for kind, lines in zip(kinds, cells)
        ],
        "metadata": {},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    (tmp_path / "train.ipynb").write_text(json.dumps(data, indent=1))
    found = engine.check(
        SourceText(module.read_text()),
        str(module),
        Options(frozenset({"KC305"}), default_target()),
        Project(ProjectReader(notebooks.code), default_target()),
    ).findings
    assert [(finding.code, finding.start.line) for finding in found] == [("KC305", 4)]
    assert [(other.cell, other.line, other.column) for other in found[0].related] == [(3, 3, 1)]
    assert other_fronts_find(module) == [("KC305", 4)]


def other_fronts_find(module: Path) -> list[tuple[str, int]]:
    command = [sys.executable, "-m", "kerascheck", "--isolated", "--select", "KC305", "--format", "json", str(module)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return [(item["code"], item["line"]) for item in json.loads(done.stdout)]


# --- what only notebooks have


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        ('rate = 0.5 #@param {type:"number"}', 'rate = ___ #@param {type:"number"}'),
        ("name = 'a#b'  # @param", "name = _____  # @param"),
        ('name = "adam" #@param ["adam", "sgd"]', 'name = ______ #@param ["adam", "sgd"]'),
        ("on = True#@param", "on = ____#@param"),
        ("x = make() #@param", "x = make() #@param"),
        ("x = 0.5  # a parameter", "x = 0.5  # a parameter"),
        ("x == 5 #@param", "x == 5 #@param"),
    ],
)
def test_values_that_colab_shows_as_a_form_are_not_constants(line: str, masked: str) -> None:
    assert python(notebook(code(f"{line}\n", "y = 1"))) == {1: f"{masked}\ny = 1\n"}


def test_a_chosen_value_proves_nothing() -> None:
    """The end of a file's name is a fact in a plain line, and none where whoever runs it chooses it."""
    build = code("import keras\n", "model = keras.Sequential([keras.Input((4,))])\n", "model.save_weights(path)")
    options = Options(frozenset({"KC201"}), default_target())
    plain = notebook(code('path = "a.keras"'), build)
    chosen = notebook(code('path = "a.keras" #@param {type:"string"}'), build)
    assert [item.cell for item in check(plain, "a.ipynb", options).findings] == [2]
    assert check(chosen, "a.ipynb", options).findings == ()


def target_of(folder: Path, *cells: dict[str, Any]) -> tuple[str, str | None]:
    raw = notebook(*cells)
    found = Surroundings(Overrides()).target(str(folder / "a.ipynb"), raw)
    return found.text, found.backend


def test_the_backend_of_cell_magics_is_that_of_the_notebook(tmp_path: Path) -> None:
    cell = code("%%backend jax\n", "import keras")
    assert target_of(tmp_path, cell, code("%%backend jax\n", "x = 1"))[1] == "jax"
    assert target_of(tmp_path, cell, code("%%backend torch\n", "x = 1"))[1] is None
    assert target_of(tmp_path, code("%%backend own\n", "import keras"))[1] is None
    assert target_of(tmp_path, code("%pip install -q keras==3.4.1"), cell) == ("keras 3.4.1", "jax")
    assert target_of(tmp_path, code("!pip install keras==3.4.1")) == ("keras 3.4.1", None)


def test_a_finding_that_hangs_on_order_says_when_cells_were_run_in_another() -> None:
    """A count of the last run that does not fit the order is noted at findings of states, not at others."""

    def cells(*counts: int | None) -> bytes:
        sources = (
            [
                "import keras\n",
                "class M(keras.Model):\n",
                "    def call(self, x):\n",
                "        return x\n",
                "    def build(self, s):\n",
                "        self.d = 1",
            ],
            ["m = M()"],
            ["m.load_weights('a.weights.h5')\n", "m.compile(metrics=['accuracy'])"],
            ["m.build((None, 3))"],
        )
        return notebook(*(code(*lines, execution_count=count) for lines, count in zip(sources, counts, strict=True)))

    def notes(raw: bytes) -> list[tuple[str, list[int | None]]]:
        options = Options(frozenset({"KC101", "KC501"}), default_target())
        findings = check(raw, "a.ipynb", options).findings
        return [(item.code, [other.cell for other in item.related if "order in which" in other.message])
                for item in findings]  # fmt: skip

    assert notes(cells(1, 2, 3, 4)) == [("KC101", []), ("KC501", [])]
    assert notes(cells(1, 2, 7, 4)) == [("KC101", [4]), ("KC501", [])]
    assert notes(cells(1, 9, 3, 4)) == [("KC101", [2]), ("KC501", [])]
    assert notes(cells(None, None, None, None)) == [("KC101", []), ("KC501", [])]


def test_what_a_later_cell_makes_anew_is_not_what_it_was() -> None:
    first = [
        "import keras\n",
        "class M(keras.Model):\n",
        "    def call(self, x):\n",
        "        return x\n",
        "    def build(self, s):\n",
        "        self.d = 1\n",
        "m = M()",
    ]
    use = code("m.load_weights('a.weights.h5')")
    options = Options(frozenset({"KC101"}), default_target())
    assert [item.cell for item in check(notebook(code(*first), use), "a.ipynb", options).findings] == [2]
    for again in ("m = other()", "from other import m", "class M(Base):\n    pass\nm = M()"):
        raw = notebook(code(*first), code(again), use)
        assert check(raw, "a.ipynb", options).findings == (), again


@pytest.mark.parametrize(
    ("metadata", "found"),
    [
        ({}, ["KC401"]),
        ({"kernelspec": {"name": "python3"}}, ["KC401"]),
        ({"kernelspec": {"name": "python2"}}, []),
        ({"kernelspec": {"name": "python2"}, "language_info": {"version": "3.6.5"}}, ["KC401"]),
        ({"kernelspec": {"name": "anaconda"}, "language_info": {"version": "2.7.14"}}, []),
    ],
)
def test_strings_have_the_same_order_in_each_process_of_python_2(metadata: dict[str, object], found: list[str]) -> None:
    first = code("import keras\n", "names = ['cat', 'dog', 'cat']")
    raw = notebook(first, code("index = {name: i for i, name in enumerate(set(names))}"), metadata=metadata)
    findings = check(raw, "a.ipynb", Options(frozenset({"KC401"}), default_target())).findings
    assert [item.code for item in findings] == found
    assert all(item.cell == 2 for item in findings)
