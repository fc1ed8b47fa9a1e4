"""The flake8 plugin, run by a real flake8 on real rules.

`FLAKE8_PYTHONS` may name more interpreters (a list with the separator of PATH) that have another flake8 and kerascheck.
"""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from kerascheck.flake8_plugin import Checker

PYTHONS = [sys.executable, *filter(None, os.environ.get("FLAKE8_PYTHONS", "").split(os.pathsep))]

MODEL = """\
import keras
import tensorflow as tf

tf.set_random_seed(1)


class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(2)

    def call(self, x):
        return self.dense(x)


net = Net()
net.load_weights("w.weights.h5")
"""


@pytest.fixture(params=PYTHONS, ids=lambda path: Path(path).parent.parent.name)
def flake8(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    """Runs flake8 in an empty folder; gives its exit code, its lines and stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, stdin: str | None = None) -> tuple[int, list[str], str]:
        result = subprocess.run(
            [request.param, "-m", "flake8", *arguments], capture_output=True, text=True, input=stdin, check=False
        )
        return result.returncode, result.stdout.splitlines(), result.stderr

    return run


def codes(lines: list[str]) -> list[str]:
    """`path:line:column: CODE` of our findings."""
    return [match[0] for line in lines if (match := re.match(r".*?:\d+:\d+: KC\d{3}", line))]


def ours(*arguments: str) -> list[str]:
    """The findings of the command line in the same form, without those of the tool itself."""
    result = subprocess.run(
        [sys.executable, "-m", "kerascheck", "--format", "json", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    return [
        f"{item['path']}:{item['line']}:{item['column']}: {item['code']}"
        for item in json.loads(result.stdout)
        if item["code"] not in ("KC000", "KC001", "KC002")
    ]


def test_the_same_findings_on_the_same_lines_as_the_command_line(flake8) -> None:
    Path("a.py").write_text(MODEL)
    Path("b.py").write_bytes(b"\xef\xbb\xbf" + MODEL.replace("\n", "\r\n").encode())
    code, lines, _ = flake8("--select", "KC", ".")
    found = codes([line.removeprefix("./") for line in lines])
    assert code == 1
    assert {line.split()[-1] for line in found} >= {"KC101", "KC404"}
    assert sorted(found) == sorted(ours("."))
    assert "a.py:4:1: KC404" in found


def test_the_fixtures_give_the_same(flake8) -> None:
    folder = Path(__file__).parent.parent / "fixtures"
    paths = sorted(str(path) for path in folder.glob("*.py"))
    _, lines, _ = flake8("--select", "KC", "--disable-noqa", *paths)
    assert sorted(codes(lines)) == sorted(ours(*paths))
    assert codes(lines)


def test_noqa_and_per_file_ignores_are_those_of_flake8(flake8) -> None:
    Path("a.py").write_text(MODEL.replace("seed(1)", "seed(1)  # noqa: KC404"))
    Path("b.py").write_text(MODEL)
    _, lines, _ = flake8("--select", "KC404", "--per-file-ignores", "b.py:KC404", "a.py", "b.py")
    assert lines == []
    _, lines, _ = flake8("--select", "KC404", "--disable-noqa", "a.py")
    assert codes(lines) == ["a.py:4:1: KC404"]


def test_our_own_comments_count_and_unused_ones_are_not_reported(flake8) -> None:
    Path("a.py").write_text(MODEL.replace("seed(1)", "seed(1)  # kerascheck: ignore[KC404]"))
    Path("b.py").write_text("import keras  # kerascheck: ignore[KC404]\n\nkeras.Input((3,))\n")
    _, lines, _ = flake8("--select", "KC404,KC0", "a.py", "b.py")
    assert lines == []


def test_selected_by_default_and_can_be_turned_off(flake8) -> None:
    Path("a.py").write_text(MODEL)
    assert codes(flake8("a.py")[1])
    assert codes(flake8("--select", "E", "a.py")[1]) == []
    assert codes(flake8("--extend-ignore", "KC404", "a.py")[1]) == [
        line for line in codes(flake8("a.py")[1]) if "KC404" not in line
    ]


def test_several_processes(flake8) -> None:
    for number in range(8):
        Path(f"m{number}.py").write_text(MODEL)
    one = sorted(flake8("-j", "1", "--select", "KC", ".")[1])
    assert one
    assert sorted(flake8("-j", "4", "--select", "KC", ".")[1]) == one


def test_standard_input(flake8) -> None:
    _, lines, _ = flake8("--select", "KC404", "-", stdin=MODEL)
    assert codes(lines) == ["stdin:4:1: KC404"]
    _, lines, _ = flake8("--select", "KC404", "--stdin-display-name", "src/x.py", "-", stdin=MODEL)
    assert codes(lines) == ["src/x.py:4:1: KC404"]


def test_a_file_that_cannot_be_parsed_is_left_to_flake8(flake8) -> None:
    Path("a.py").write_text("import keras\ndef f(:\n")
    _, lines, _ = flake8("a.py")
    assert any(" E999 " in line for line in lines)
    assert codes(lines) == []


def test_info_is_shown_unless_it_is_turned_off(flake8) -> None:
    Path("a.py").write_text(MODEL)
    every = codes(flake8("--select", "KC", "a.py")[1])
    loud = codes(flake8("--select", "KC", "--kerascheck-min-severity", "warning", "a.py")[1])
    errors = codes(flake8("--select", "KC", "--kerascheck-min-severity", "error", "a.py")[1])
    result = subprocess.run(
        [sys.executable, "-m", "kerascheck", "--format", "json", "a.py"], capture_output=True, text=True, check=False
    )
    severities = [item["severity"] for item in json.loads(result.stdout)]
    assert len(every) == len(severities)
    assert len(loud) == sum(severity != "info" for severity in severities)
    assert len(errors) == severities.count("error")


def test_the_options_may_stand_in_the_configuration_of_flake8(flake8) -> None:
    Path("a.py").write_text(MODEL)
    Path("setup.cfg").write_text("[flake8]\nkerascheck-min-severity = error\nkerascheck-target-keras = 3.6.0\n")
    assert (
        flake8("--select", "KC", "a.py")[1]
        == flake8(
            "--isolated",
            "--select",
            "KC",
            "--kerascheck-min-severity",
            "error",
            "--kerascheck-target-keras",
            "3.6.0",
            "a.py",
        )[1]
    )


def test_the_target_of_the_project_and_of_the_option(flake8) -> None:
    Path("a.py").write_text(MODEL)

    def messages(*arguments: str) -> list[str]:
        return flake8("--select", "KC101", *arguments, "a.py")[1]

    newest = messages()
    Path("pyproject.toml").write_text('[tool.kerascheck]\ntarget-keras = "3.5.0"\n')
    older = messages()
    assert older != newest
    assert older == messages("--kerascheck-target-keras", "3.5.0")
    assert messages("--kerascheck-target-keras", "3.15.1") != older


def test_a_target_that_cannot_be_read_is_one_line(flake8) -> None:
    Path("a.py").write_text(MODEL)
    code, lines, _ = flake8("--kerascheck-target-keras", "newest", "a.py")
    assert code == 1
    assert "--kerascheck-target-keras: cannot read target `newest`" in "".join(lines)
    Path("pyproject.toml").write_text('[tool.kerascheck]\nbackend = "theano"\n')
    code, lines, _ = flake8("-j1", "a.py")
    assert code == 1
    assert "`tool.kerascheck.backend` must be one of" in "".join(lines)


def test_libcst_is_not_loaded_for_files_without_keras(tmp_path: Path) -> None:
    code = (
        "import ast, sys; from kerascheck.flake8_plugin import Checker\n"
        "lines = ['import os\\n', 'import tensorflow as tf\\n']\n"
        "print(list(Checker(ast.parse(''.join(lines)), 'a.py', lines).run()), 'libcst' in sys.modules)"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    assert shown == "[] False\n"


def test_what_the_plugin_yields() -> None:
    found = list(Checker(ast.parse(MODEL), "a.py", MODEL.splitlines(keepends=True)).run())
    line, column, text, kind = next(item for item in found if item[2].startswith("KC404"))
    assert (line, column, kind) == (4, 0, Checker)
    assert text.startswith("KC404 ")
    assert all("\n" not in item[2] for item in found)
