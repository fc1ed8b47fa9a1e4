"""The command line, from arguments to exit code."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kerascheck import __version__, check_command, files, run
from kerascheck.cli import main

BAD = "import keras\n\nbad_safe()\n"
UNSAFE = "import keras\n\nbad_unsafe()\n"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fake_rules: None) -> None:
    """An empty working folder, the rules of `fakes`, and no wish for colours."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)


def put(name: str, text: str | bytes) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


class Result:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err

    @property
    def findings(self) -> list[dict[str, object]]:
        found: list[dict[str, object]] = json.loads(self.out)
        return found

    @property
    def codes(self) -> list[object]:
        return [finding["code"] for finding in self.findings]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> object:
    def _call(*arguments: str) -> Result:
        try:
            code = main(list(arguments))
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 1
        out, err = capsys.readouterr()
        return Result(code, out, err)

    return _call


def stdin(monkeypatch: pytest.MonkeyPatch, raw: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))


# --- exit codes and reports


def test_a_clean_folder(call) -> None:
    put("a.py", "import keras\n")
    put("b.py", "import os\n")
    result = call()
    assert result.code == 0
    assert result.out.startswith("target: keras ")
    assert "no findings (1 of 2 files with Keras, " in result.out


def test_a_finding_in_full(call) -> None:
    put("src/a.py", BAD)
    result = call("src")
    assert result.code == 1
    lines = result.out.splitlines()
    assert lines[:6] == [
        "src/a.py:3:1: error KC404 removed-seed-function",
        "  `bad_safe` is bad",
        "    |",
        "  3 | bad_safe()",
        "    | ^^^^^^^^",
        "  fix: call `good` (--fix)",
    ]
    assert lines[-2].endswith("(assumed)")
    assert lines[-1].startswith("found 1 error in 1 file; fixable: 1 with --fix (1 of 1 file with Keras, ")
    assert result.err == ""


def test_check_may_be_said(call) -> None:
    put("a.py", BAD)
    assert call("check", "a.py").code == call("a.py").code == 1


def test_concise(call) -> None:
    put("a.py", BAD)
    assert call("--format", "concise").out.splitlines()[0] == "a.py:3:1: error KC404 `bad_safe` is bad [--fix]"


def test_json_alone_on_stdout(call) -> None:
    put("a.py", BAD + "note()\n")
    result = call("--format", "json", "--statistics")
    assert [(item["path"], item["line"], item["code"]) for item in result.findings] == [
        ("a.py", 3, "KC404"),
        ("a.py", 4, "KC402"),
    ]
    assert "found 1 error, 1 info in 1 file" in result.err
    assert "1  KC402  unseeded-training" in result.err
    assert call("--format", "json", "nowhere").out == "[]\n"


def test_info_comes_last_and_does_not_fail(call) -> None:
    put("a.py", "import keras\nnote()\n")
    put("b.py", BAD)
    lines = call().out.splitlines()
    assert lines[0].startswith("b.py:3:1: error")
    assert "a.py:2:1: info KC402 `note` is worth a note" in lines
    assert call("a.py").code == 0
    assert call("a.py", "--fail-on", "info").code == 1


@pytest.mark.parametrize(("level", "code"), [("info", 1), ("warning", 1), ("error", 0)])
def test_fail_on(call, level: str, code: int) -> None:
    put("a.py", UNSAFE)
    assert call("--fail-on", level).code == code


def test_exit_zero(call) -> None:
    put("a.py", BAD)
    assert call("--exit-zero").code == 0
    assert call("--exit-zero", "nowhere").code == 2


def test_statistics(call) -> None:
    put("a.py", BAD + "bad_safe()\n")
    put("b.py", UNSAFE + "note()\n")
    lines = call("--statistics").out.splitlines()
    start = lines.index("2  KC404  removed-seed-function (2 fixable)")
    assert lines[start : start + 3] == [
        "2  KC404  removed-seed-function (2 fixable)",
        "1  KC201  weights-file-suffix (1 fixable)",
        "1  KC402  unseeded-training",
    ]


def test_a_file_that_cannot_be_parsed_and_the_others_go_on(call) -> None:
    put("a.py", "import keras\ndef f(:\n")
    put("b.py", BAD)
    result = call("--format", "json")
    assert result.code == 1
    assert result.codes == ["KC000", "KC404"]


def test_a_file_that_is_not_utf8(call) -> None:
    put("a.py", b"import keras\nx = '\xe9'\n")
    result = call("--format", "json")
    assert [(item["code"], item["line"], item["column"], item["message"]) for item in result.findings] == [
        ("KC000", 2, 6, "cannot be parsed: line 2 is not valid utf-8")
    ]
    assert call("--fix").code == 1


def test_a_rule_that_fails_is_named_and_exits_2(call) -> None:
    put("a.py", "import keras\nexplode()\nbad_safe()\n")
    result = call("--format", "json")
    assert result.code == 2
    assert result.codes == ["KC002", "KC404"]
    assert "rule KC101 failed with KeyError: 'dense'" in str(result.findings[0]["message"])


def test_a_path_that_is_not_there(call) -> None:
    put("a.py", BAD)
    result = call("a.py", "nowhere.py")
    assert result.code == 2
    assert result.err == "kerascheck: nowhere.py: no such file or folder\n"
    assert "KC404" in result.out


def test_a_file_that_cannot_be_read(call, monkeypatch: pytest.MonkeyPatch) -> None:
    put("a.py", BAD)
    put("b.py", BAD)
    real = open

    def refuse(path, *arguments, **more):
        if str(path).endswith("a.py"):
            raise PermissionError(13, "Permission denied")
        return real(path, *arguments, **more)

    monkeypatch.setattr("builtins.open", refuse)
    result = call("--format", "json")
    assert result.code == 2
    assert [item["path"] for item in result.findings] == ["b.py"]
    assert result.err.startswith("kerascheck: a.py: cannot be read: Permission denied\n")


def test_a_large_file_is_told(call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LARGEST_SOURCE", 20)
    put("a.py", BAD)
    put("b.py", "x = 1\n" * 100)  # large, but without Keras
    result = call()
    assert result.code == 2
    assert result.err == "kerascheck: a.py: not read, larger than 0 MB; exclude it or split it\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--select", "KC9"], "kerascheck: --select: no rule is called `KC9`"),
        (["--ignore", "hollow-buld"], "--ignore: no rule is called `hollow-buld`; did you mean `hollow-build`?"),
        (["--per-file-ignores", "a.py"], "--per-file-ignores: `a.py` is not PATTERN:CODE"),
        (["--target-keras", "new"], "kerascheck: --target-keras: cannot read target `new`"),
        (["--target-keras", "2.15", "--backend", "jax"], "Keras 2 has no jax backend"),
        (["--fix", "--diff"], "--fix writes and --diff does not"),
        (["-", "a.py"], "- stands for standard input"),
        (["--nonsense"], "unrecognized arguments: --nonsense"),
        (["--format", "xml"], "invalid choice: 'xml'"),
        (["-j", "0"], "'0' is not a number from 1 on"),
        (["explain", "KC999"], "there is no rule KC999"),
        (["explain"], "the following arguments are required: TOPIC"),
    ],
)
def test_a_mistake_in_the_arguments_exits_2_with_one_line(call, arguments: list[str], message: str) -> None:
    result = call(*arguments)
    assert result.code == 2
    assert result.out == ""
    assert message in result.err.splitlines()[-1]


# --- selection and settings


def test_selection(call) -> None:
    put("a.py", BAD + "bad_unsafe()\nnote()\n")

    def codes(*arguments: str) -> list[object]:
        return call("--format", "json", *arguments).codes

    assert codes() == ["KC404", "KC201", "KC402"]
    assert codes("--select", "KC4") == ["KC404", "KC402"]
    assert codes("--select", "weights-file-suffix,KC402") == ["KC201", "KC402"]
    assert codes("--select", "KC2", "--extend-select", "KC404") == ["KC404", "KC201"]
    assert codes("--ignore", "KC4") == ["KC201"]
    assert codes("--select", "KC4", "--ignore", "KC402") == ["KC404"]
    assert codes("--per-file-ignores", "a.py:KC404,*.py:KC402") == ["KC201"]
    assert codes("--per-file-ignores", "b.py:KC404") == ["KC404", "KC201", "KC402"]


def test_settings_and_what_the_command_line_says_over_them(call) -> None:
    put("a.py", BAD + "bad_unsafe()\nnote()\n")
    put("pyproject.toml", '[tool.kerascheck]\nselect = ["KC4"]\nignore = ["KC402"]\n')

    def codes(*arguments: str) -> list[object]:
        return call("--format", "json", *arguments).codes

    assert codes() == ["KC404"]
    assert codes("--select", "KC402") == ["KC402"]
    assert codes("--extend-select", "KC201") == ["KC404", "KC201"]
    assert codes("--ignore", "KC404") == []
    assert codes("--isolated") == ["KC404", "KC201", "KC402"]


def test_the_nearest_settings_count(call) -> None:
    put("pyproject.toml", '[tool.kerascheck]\nignore = ["KC404"]\n')
    put("a.py", BAD)
    put("sub/pyproject.toml", "[tool.kerascheck]\n")
    put("sub/b.py", BAD)
    put("other/pyproject.toml", "[tool.ruff]\n")  # it does not speak of us, so the one above counts
    put("other/c.py", BAD)
    assert [item["path"] for item in call("--format", "json").findings] == ["sub/b.py"]


def test_settings_that_cannot_be_read(call) -> None:
    put("a.py", BAD)
    put("pyproject.toml", "[tool.kerascheck]\nselct = []\n")
    result = call()
    assert result.code == 2
    assert result.err == ("kerascheck: pyproject.toml: unknown key `tool.kerascheck.selct`; did you mean `select`?\n")
    assert call("--isolated").code == 1


def test_settings_below_that_cannot_be_read_are_told_once_and_the_rest_goes_on(call) -> None:
    put("a.py", BAD)
    put("sub/pyproject.toml", '[tool.kerascheck]\nbackend = "theano"\n')
    put("sub/b.py", BAD)
    put("sub/c.py", BAD)
    result = call("--format", "json")
    assert result.code == 2
    assert [item["path"] for item in result.findings] == ["a.py"]
    assert result.err.count("sub/pyproject.toml: `tool.kerascheck.backend` must be one of") == 1


def test_per_file_ignores_are_relative_to_the_settings(call, monkeypatch: pytest.MonkeyPatch) -> None:
    put("pyproject.toml", '[tool.kerascheck.per-file-ignores]\n"sub/*.py" = ["KC404"]\n')
    put("sub/a.py", BAD)
    put("a.py", BAD)
    assert [item["path"] for item in call("--format", "json").findings] == ["a.py"]
    monkeypatch.chdir("sub")
    assert call("--format", "json").findings == []


def test_excludes(call) -> None:
    put("pyproject.toml", '[tool.kerascheck]\nextend-exclude = ["gen/*.py"]\n')
    for name in ("a.py", "gen/b.py", "build/c.py", "old/d.py"):
        put(name, BAD)

    def paths(*arguments: str) -> list[object]:
        return [item["path"] for item in call("--format", "json", *arguments).findings]

    assert paths() == ["a.py", "old/d.py"]
    assert paths("--extend-exclude", "old") == ["a.py"]
    assert paths("--exclude", "old") == ["a.py", "build/c.py", "gen/b.py"]
    assert paths("gen/b.py") == ["gen/b.py"]
    assert paths("--force-exclude", "gen/b.py", "build/c.py", "a.py") == ["a.py"]
    put("pyproject.toml", '[tool.kerascheck]\nexclude = ["a.py"]\n')
    assert paths() == ["build/c.py", "gen/b.py", "old/d.py"]


def test_gitignore(call) -> None:
    put(".gitignore", "gen/\n")
    put("gen/a.py", BAD)
    put("b.py", BAD)
    result = call("--format", "json")
    assert [item["path"] for item in result.findings] == ["b.py"]
    assert "(1 of 1 file with Keras" in result.err


def test_show_files(call) -> None:
    for name in ("b.py", "a.ipynb", "gen/c.py", "d.txt", ".venv/e.py"):
        put(name, BAD)
    put(".gitignore", "gen/\n")
    assert call("--show-files").out == "a.ipynb\nb.py\n"


def test_show_settings(call) -> None:
    put("pyproject.toml", '[tool.kerascheck]\nselect = ["KC1"]\nunsafe-fixes = true\ntarget-keras = "3.6.0"\n')
    result = call("--show-settings", "--extend-exclude", "old")
    assert result.code == 0
    assert 'select = ["KC1"]\n' in result.out
    assert "unsafe-fixes = true\n" in result.out
    assert 'extend-exclude = ["old"]\n' in result.out
    assert "target: keras 3.6.0 from tool.kerascheck.target-keras" in result.out
    assert '"KC101"' in result.out


def test_the_target(call) -> None:
    def target(*arguments: str) -> list[str]:
        return [line for line in call(*arguments).out.splitlines() if line.startswith("target: ")]

    put("sub/a.py", BAD)
    assert target()[0].endswith(" (assumed)")
    assert target("--target-keras", "3.6.0") == ["target: keras 3.6.0"]
    assert target("--target-keras", "3.6.0", "--backend", "jax") == ["target: keras 3.6.0, jax"]
    put("requirements.txt", "keras==3.4.1\n")
    assert target() == ["target: keras 3.4.1"]
    assert target("--isolated")[0].endswith(" (assumed)")
    put("sub/requirements.txt", "numpy\n")
    assert target() == ["target: keras 3.4.1"]
    put("pyproject.toml", '[tool.kerascheck]\ntarget-keras = "3.13.0"\n')
    assert target() == ["target: keras 3.13.0"]
    put("pyproject.toml", '[tool.kerascheck]\nbackend = "torch"\n')
    assert target() == ["target: keras 3.4.1, torch"]
    put("other/requirements.txt", "keras==3.5.0\n")
    put("other/b.py", BAD)
    assert target() == ["target: keras 3.5.0, torch: 1 file", "target: keras 3.4.1, torch: 1 file"]


def test_a_setting_of_the_target_that_cannot_be_read(call) -> None:
    put("a.py", BAD)
    put("pyproject.toml", '[tool.kerascheck]\ntarget-keras = "newest"\n')
    result = call()
    assert result.code == 2
    assert "kerascheck: tool.kerascheck.target-keras: cannot read target `newest`" in result.err


def test_a_notebook_names_its_own_target(call) -> None:
    put("requirements.txt", "keras==3.4.1\n")
    cells = [{"cell_type": "code", "source": ["!pip install keras==3.6.0\n", "import keras\n", "bad_safe()"]}]
    put("a.ipynb", json.dumps({"cells": cells}))
    result = call()
    assert "target: keras 3.6.0\n" in result.out
    assert result.out.startswith("a.ipynb:cell 1:3:1: error KC404")


# --- fixes


def test_fix_writes_the_safe_fixes_and_the_code_speaks_of_what_is_left(call) -> None:
    path = put("a.py", b"\xef\xbb\xbfimport keras\r\n\tx = 1\r\n".replace(b"\t", b"") + b"bad_safe()\r\n")
    result = call("--fix")
    assert result.code == 0
    assert path.read_bytes() == b"\xef\xbb\xbfimport keras\r\nx = 1\r\ngood()\r\n"
    assert "fixed 1 finding in 1 file; no findings (1 of 1 file with Keras" in result.out
    put("a.py", BAD + "bad_unsafe()\n")
    result = call("--fix")
    assert result.code == 1
    assert "KC201" in result.out
    assert "KC404" not in result.out
    assert "fixed 1 finding in 1 file; left: 1 warning in 1 file; fixable: 1 with --fix --unsafe-fixes" in result.out
    before = path.stat().st_mtime_ns
    assert "fixed nothing" in call("--fix").out
    assert path.stat().st_mtime_ns == before


def test_unsafe_fixes(call) -> None:
    path = put("a.py", UNSAFE)
    assert call("--unsafe-fixes").code == 1
    assert path.read_text() == UNSAFE
    assert call("--fix", "--unsafe-fixes").code == 0
    assert path.read_text() == "import keras\n\nbetter()\n"


def test_unsafe_fixes_as_a_setting(call) -> None:
    path = put("a.py", UNSAFE)
    put("pyproject.toml", "[tool.kerascheck]\nunsafe-fixes = true\n")
    assert call("--fix").code == 0
    assert "better()" in path.read_text()


def test_an_unused_suppression_is_removed(call) -> None:
    path = put("a.py", "import keras  # noqa: KC101, F401\n")
    assert call().code == 1
    assert call("--fix").code == 0
    assert path.read_text() == "import keras  # noqa: F401\n"


def test_diff_shows_and_does_not_write(call) -> None:
    path = put("src/a.py", b"import keras\r\nbad_safe()")
    put("src/b.py", "import keras\n")
    result = call("--diff")
    assert result.code == 1
    assert result.out == (
        "--- src/a.py\n+++ src/a.py\n@@ -1,2 +1,2 @@\n import keras\r\n-bad_safe()\n\\ No newline at end of file\n"
        "+good()\n\\ No newline at end of file\n"
    )
    assert result.err.startswith("would fix 1 finding in 1 file (")
    assert path.read_bytes() == b"import keras\r\nbad_safe()"
    assert call("--diff", "src/b.py").code == 0


def test_the_diff_can_be_applied(call) -> None:
    path = put("a.py", BAD + "x = 1\n" * 20 + "bad_safe()\n")
    put("a.diff", call("--diff").out)
    subprocess.run(["git", "apply", "-p0", "a.diff"], check=True)
    assert path.read_text() == (BAD + "x = 1\n" * 20 + "bad_safe()\n").replace("bad_safe", "good")


def test_diff_of_a_notebook_is_by_cell(call) -> None:
    put("a.ipynb", json.dumps({"cells": [{"cell_type": "code", "source": ["import keras\n", "bad_safe()"]}]}))
    assert call("--diff").out.splitlines()[:2] == ["--- a.ipynb:cell 1", "+++ a.ipynb:cell 1"]


def test_a_notebook_is_fixed(call) -> None:
    raw = json.dumps({"cells": [{"cell_type": "code", "source": ["import keras\n", "bad_safe()"]}]}, indent=1)
    path = put("a.ipynb", raw)
    assert call("--fix").code == 0
    assert path.read_text() == raw.replace("bad_safe", "good")


def test_files_that_cannot_be_written_are_told_and_the_others_are_fixed(call) -> None:
    put("a.py", BAD).chmod(0o444)
    Path("b.py").symlink_to("a.py")
    path = put("c.py", BAD)
    result = call("--fix")
    assert result.code == 2
    assert result.err == (
        "kerascheck: a.py: not fixed, read-only; make it writable and run again\n"
        "kerascheck: b.py: not fixed, a symbolic link; run on the file it points to\n"
    )
    assert Path("a.py").read_text() == BAD
    assert "good()" in path.read_text()
    assert result.out.count("error KC404") == 2  # what is left


def test_a_file_that_changes_underneath_is_told(call, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put("a.py", BAD)
    real = run.fix

    def slow(*arguments, **more):
        path.write_text(BAD + "x = 1\n")
        return real(*arguments, **more)

    monkeypatch.setattr(run, "fix", slow)
    result = call("--fix")
    assert result.code == 2
    assert "a.py: not fixed, changed while it was checked; run again" in result.err
    assert path.read_text() == BAD + "x = 1\n"


def test_a_fix_that_the_encoding_lacks_letters_for(call, monkeypatch: pytest.MonkeyPatch) -> None:
    import fakes

    monkeypatch.setattr(fakes.Safe, "replacement", "good_ж")
    path = put("a.py", b"# coding: latin-1\nimport keras\nbad_safe()\n")
    result = call("--fix")
    assert result.code == 2
    assert "kerascheck: a.py: not fixed: " in result.err
    assert path.read_bytes() == b"# coding: latin-1\nimport keras\nbad_safe()\n"


# --- standard input


def test_stdin(call, monkeypatch: pytest.MonkeyPatch) -> None:
    stdin(monkeypatch, BAD.encode())
    result = call("--stdin-filename", "src/x.py", "-", "--format", "json")
    assert result.code == 1
    assert [item["path"] for item in result.findings] == ["src/x.py"]
    stdin(monkeypatch, b"import os\n")
    assert call("-").code == 0


def test_stdin_takes_the_settings_of_its_name(call, monkeypatch: pytest.MonkeyPatch) -> None:
    put("src/pyproject.toml", '[tool.kerascheck]\nignore = ["KC404"]\n')
    stdin(monkeypatch, BAD.encode())
    assert call("-", "--stdin-filename", "src/x.py").code == 0
    stdin(monkeypatch, BAD.encode())
    assert call("-", "--stdin-filename", "x.py").code == 1


@pytest.mark.parametrize("raw", [b"import keras\r\nbad_safe()\r\n", b"import os\r\n", b"import keras\ndef f(:\n"])
def test_stdin_fixed_goes_to_stdout_byte_for_byte(raw: bytes) -> None:
    code = "import sys, fakes; from kerascheck import cli, engine; engine.all_rules = lambda: fakes.RULES; cli.main()"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    result = subprocess.run(
        [sys.executable, "-c", f"{code}", "--fix", "-"], input=raw, capture_output=True, env=environment, check=True
    )
    assert result.stdout == raw.replace(b"bad_safe", b"good")
    if b"keras" in raw:
        assert b"fixed" in result.stderr


def test_stdin_as_a_diff(call, monkeypatch: pytest.MonkeyPatch) -> None:
    stdin(monkeypatch, BAD.encode())
    result = call("--diff", "-", "--stdin-filename", "x.py")
    assert result.code == 1
    assert "-bad_safe()\n+good()\n" in result.out
    assert not Path("x.py").exists()


def test_a_notebook_on_stdin(call, monkeypatch: pytest.MonkeyPatch) -> None:
    stdin(monkeypatch, json.dumps({"cells": [{"cell_type": "code", "source": "import keras\nbad_safe()"}]}).encode())
    result = call("-", "--stdin-filename", "x.ipynb", "--format", "json")
    assert [(item["cell"], item["line"]) for item in result.findings] == [(1, 2)]


# --- explain, rules, version


def test_version_and_help(call) -> None:
    assert call("--version").out == call("-V").out == call("check", "--version").out == f"kerascheck {__version__}\n"
    shown = call("--help")
    assert shown.code == 0
    for option in ("--fix", "--select", "--stdin-filename", "--target-keras", "explain", "rules"):
        assert option in shown.out


def test_explain(call, monkeypatch: pytest.MonkeyPatch) -> None:
    assert call("explain", "KC101").out.startswith("# load-weights-before-build (KC101)")
    assert "KC201" in call("explain", "The", "filename", "must", "end", "in", "`.weights.h5`.").out
    stdin(monkeypatch, b"ValueError: The filename must end in `.weights.h5`. Received: x")
    assert "KC201" in call("explain", "-").out


def test_rules(call) -> None:
    assert "KC101  load-weights-before-build  " in call("rules").out
    rows = json.loads(call("rules", "--format", "json").out)
    assert {"code", "name", "summary", "url"} == set(rows[0])


# --- terminals, pipes, signals, processes


@pytest.mark.parametrize(
    ("environment", "arguments", "colored"),
    [
        ({}, [], False),
        ({"FORCE_COLOR": "1"}, [], True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, [], False),
        ({"FORCE_COLOR": "1"}, ["--color", "never"], False),
        ({"NO_COLOR": "1"}, ["--color", "always"], True),
    ],
)
def test_colours(call, monkeypatch: pytest.MonkeyPatch, environment, arguments: list[str], colored: bool) -> None:
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    put("a.py", BAD)
    assert ("\x1b[" in call(*arguments).out) is colored


def test_colours_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm")
    assert check_command._colored("auto", Terminal())
    assert not check_command._colored("auto", io.StringIO())
    monkeypatch.setenv("TERM", "dumb")
    assert not check_command._colored("auto", Terminal())


def test_progress_on_a_terminal_when_it_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    now = time.perf_counter()
    quick = check_command._Progress(80, now)
    quick.at(12)
    quick.end()
    assert terminal.getvalue() == ""
    slow = check_command._Progress(80, now - 3)
    slow.at(12)
    slow.at(13)  # too soon after the last
    slow.end()
    assert terminal.getvalue() == "\r\x1b[Kkerascheck: 12 of 80 files\r\x1b[K"


def test_letters_that_stdout_lacks_are_escaped(tmp_path: Path) -> None:
    put("é.py", "import keras\ndef é(:\n")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "kerascheck", "."]
    result = subprocess.run(command, capture_output=True, env=environment, check=False)
    assert result.returncode == 1
    assert b"\\xe9.py:2:" in result.stdout


def test_a_reader_that_goes_away_is_no_traceback(tmp_path: Path) -> None:
    put("a.py", "import keras\n" + "x = 1  # noqa: KC101\n" * 3000)
    command = f"{sys.executable} -m kerascheck a.py | head -c 10"
    result = subprocess.run(command, shell=True, capture_output=True, check=False)
    assert result.stderr == b""
    assert len(result.stdout) == 10


def test_ctrl_c_exits_130_with_one_line(call, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    put("a.py", BAD)
    monkeypatch.setattr(run, "look_at", interrupt)
    result = call("a.py")
    assert result.code == 130
    assert result.err == "kerascheck: interrupted\n"


def test_ctrl_c_in_a_run_with_processes(tmp_path: Path) -> None:
    for number in range(60):
        # words that rules ask for, so that each file is parsed: some ten seconds of work
        put(f"a{number}.py", 'import keras\nmodel.compile("sgd", metrics=["accuracy"])\n' + "x = [1, 2, 3]\n" * 3000)
    process = subprocess.Popen(
        [sys.executable, "-m", "kerascheck", ".", "-j", "2"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background ignores it
    )  # fmt: skip
    time.sleep(1.5)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err == b"kerascheck: interrupted\n"


def test_many_files_in_processes_give_the_same_in_the_same_order(call) -> None:
    for number in range(run.PARALLEL_FROM + 20):
        put(f"m{number:03}.py", BAD if number % 3 else "import keras\ndef f(:\n")
    one = call("--format", "json", "-j", "1")
    several = call("--format", "json", "-j", "3")
    assert one.out == several.out
    assert len(one.findings) == run.PARALLEL_FROM + 20
    assert one.code == several.code == 1
    call("--fix", "-j", "3")
    assert all("bad_safe" not in Path(f"m{number:03}.py").read_text() for number in range(run.PARALLEL_FROM + 20))


def test_a_process_that_dies_does_not_end_the_run(call, monkeypatch: pytest.MonkeyPatch) -> None:
    parent = os.getpid()
    real = run.look_at

    def dying(path, *arguments):
        if path == "m05.py" and os.getpid() != parent:
            os._exit(9)
        return real(path, *arguments)

    monkeypatch.setattr(run, "look_at", dying)
    for number in range(12):
        put(f"m{number:02}.py", BAD)
    assert len(call("--format", "json", "-j", "2").findings) == 12


def test_the_same_file_named_twice_is_looked_at_once(call) -> None:
    put("a.py", BAD)
    assert len(call("--format", "json", "a.py", "./a.py", ".").findings) == 1


def test_run_as_a_module() -> None:
    result = subprocess.run([sys.executable, "-m", "kerascheck", "--version"], capture_output=True, check=True)
    assert result.stdout.decode() == f"kerascheck {__version__}\n"
