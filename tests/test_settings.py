"""Settings in pyproject.toml and what a selection means."""

from __future__ import annotations

import pytest

from kerascheck.settings import (
    ConfirmSettings,
    Settings,
    SettingsError,
    check_per_file,
    check_selectors,
    from_toml,
    matches,
    resolve,
)

KNOWN = {
    "KC000": "syntax-error",
    "KC001": "unused-suppression",
    "KC002": "internal-error",
    "KC101": "load-weights-before-build",
    "KC102": "hollow-build",
    "KC201": "weights-file-suffix",
}


def read(text: str) -> Settings | None:
    return from_toml(text, "pyproject.toml", KNOWN, "/project")


def test_every_key_is_read() -> None:
    settings = read(
        """
        [tool.kerascheck]
        select = ["KC1", "weights-file-suffix"]
        extend-select = ["kc001"]
        ignore = ["KC102"]
        exclude = ["old"]
        extend-exclude = ["gen/*.py"]
        target-keras = ">=3.4,<3.8"
        backend = "jax"
        unsafe-fixes = true
        [tool.kerascheck.per-file-ignores]
        "tests/*" = ["KC101"]
        [tool.kerascheck.confirm]
        python = "../other/bin/python"
        backend = "torch"
        import-seconds = 20
        experiment-seconds = 2.5
        memory = 2048
        models = ["pkg.models:build_model"]
        """
    )
    assert settings == Settings(
        folder="/project",
        select=("KC1", "KC201"),
        extend_select=("KC001",),
        ignore=("KC102",),
        per_file_ignores=(("tests/*", ("KC101",)),),
        exclude=("old",),
        extend_exclude=("gen/*.py",),
        target_keras=">=3.4,<3.8",
        backend="jax",
        unsafe_fixes=True,
        confirm=ConfirmSettings("../other/bin/python", "torch", 20.0, 2.5, 2048, ("pkg.models:build_model",)),
    )


def test_a_file_without_the_table_says_nothing() -> None:
    assert read("[tool.ruff]\nline-length = 120\n") is None
    assert read("") is None
    assert read("tool = 1\n") is None


def test_an_empty_table_is_the_defaults() -> None:
    assert read("[tool.kerascheck]\n") == Settings(folder="/project")


def test_two_environments() -> None:
    settings = read('[tool.kerascheck]\ntarget-keras = {train = "3.13", serve = "3.12"}\n')
    assert settings is not None
    assert (settings.target_keras, settings.target_serve) == ("3.13", "3.12")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("selct = []", "pyproject.toml: unknown key `tool.kerascheck.selct`; did you mean `select`?"),
        ("zzz = 1", "pyproject.toml: unknown key `tool.kerascheck.zzz`"),
        ('select = "KC1"', "pyproject.toml: `tool.kerascheck.select` must be an array of strings, not a string"),
        ("select = [1]", "pyproject.toml: `tool.kerascheck.select` must be an array of strings; it holds a number"),
        (
            'ignore = ["hollow-buld"]',
            "pyproject.toml: `tool.kerascheck.ignore`: no rule is called `hollow-buld`; did you mean `hollow-build`?",
        ),
        ('select = ["KC9"]', "pyproject.toml: `tool.kerascheck.select`: no rule is called `KC9`"),
        ("unsafe-fixes = 1", "pyproject.toml: `tool.kerascheck.unsafe-fixes` must be true or false, not a number"),
        ("backend = true", "pyproject.toml: `tool.kerascheck.backend` must be a string, not a boolean"),
        (
            'backend = "theano"',
            "pyproject.toml: `tool.kerascheck.backend` must be one of tensorflow, jax, torch, numpy, not `theano`",
        ),
        (
            "target-keras = 3.6",
            'pyproject.toml: `tool.kerascheck.target-keras` must be a string such as "3.13", not a number',
        ),
        (
            'target-keras = {test = "3.6"}',
            "pyproject.toml: `tool.kerascheck.target-keras` takes `train` and `serve`, not `test`",
        ),
        ("confirm = []", "pyproject.toml: `tool.kerascheck.confirm` must be a table, not an array"),
        (
            "confirm.experiment-second = 3",
            "pyproject.toml: unknown key `tool.kerascheck.confirm.experiment-second`;"
            " did you mean `experiment-seconds`?",
        ),
        ("confirm.memory = 0", "pyproject.toml: `tool.kerascheck.confirm.memory` must be above 0, not 0"),
        ('confirm.memory = "1"', "pyproject.toml: `tool.kerascheck.confirm.memory` must be a number, not a string"),
        (
            'confirm.backend = "mxnet"',
            "pyproject.toml: `tool.kerascheck.confirm.backend` must be one of tensorflow, jax, torch, numpy,"
            " not `mxnet`",
        ),
        (
            'confirm.models = ["models.py"]',
            "pyproject.toml: `tool.kerascheck.confirm.models` holds `models.py`;"
            " it takes MODULE:CALLABLE, as `pkg.models:build`",
        ),
        (
            "per-file-ignores = []",
            "pyproject.toml: `tool.kerascheck.per-file-ignores` must be a table of patterns and arrays of codes, "
            "not an array",
        ),
    ],
)
def test_an_error_names_the_file_and_the_key(line: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(f"[tool.kerascheck]\n{line}\n")
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_toml() -> None:
    with pytest.raises(SettingsError, match=r"^pyproject.toml: cannot be read as TOML: .*line 1"):
        read("[tool.kerascheck\n")


def test_the_table_must_be_a_table() -> None:
    with pytest.raises(SettingsError, match="`tool.kerascheck` must be a table, not a string"):
        read('[tool]\nkerascheck = "yes"\n')


@pytest.mark.parametrize(
    ("select", "ignore", "codes"),
    [
        (["KC"], [], set(KNOWN)),
        (["KC1"], [], {"KC000", "KC002", "KC101", "KC102"}),
        (["KC101"], [], {"KC000", "KC002", "KC101"}),
        (["KC"], ["KC1"], set(KNOWN) - {"KC101", "KC102"}),
        (["KC", "KC101"], ["KC1"], set(KNOWN) - {"KC102"}),  # the longer family wins
        (["KC101"], ["KC101"], {"KC000", "KC002"}),
        (["KC"], ["KC000"], set(KNOWN) - {"KC000"}),
        (["KC1"], ["KC0"], {"KC101", "KC102"}),
        ([], [], {"KC000", "KC002"}),
    ],
)
def test_selections(select: list[str], ignore: list[str], codes: set[str]) -> None:
    assert resolve(select, ignore, KNOWN) == codes


def test_codes_of_a_file() -> None:
    settings = Settings(per_file_ignores=(("tests/*", ("KC1",)), ("old.py", ("KC",))))
    assert settings.codes_for("src/a.py", KNOWN) == set(KNOWN)
    assert settings.codes_for("tests/a.py", KNOWN) == set(KNOWN) - {"KC101", "KC102"}
    assert settings.codes_for("src/old.py", KNOWN) == set()


@pytest.mark.parametrize(
    ("path", "pattern", "expected"),
    [
        ("a/b.py", "b.py", True),
        ("a/b.py", "a", True),
        ("a/b.py", "*.py", True),
        ("a/b.py", "a/*.py", True),
        ("a/c/b.py", "a/*.py", False),
        ("a/c/b.py", "a/**/*.py", True),
        ("a/b.py", "a/**/*.py", True),
        ("a/c/b.py", "a/c", True),
        ("a/c/b.py", "a/", True),
        ("a/c/b.py", "./a/c/", True),
        ("x/a/b.py", "a/b.py", False),
        ("ab.py", "a", False),
        ("a/b1.py", "a/b[0-9].py", True),
        ("a/b1.py", "a/b[!0-9].py", False),
        ("a/b.py", "a/[z-a].py", False),
    ],
)
def test_patterns(path: str, pattern: str, expected: bool) -> None:
    assert matches(path, pattern) is expected


def test_selectors_of_the_command_line() -> None:
    assert check_selectors(["kc1", "Hollow_Build"], "--select", KNOWN) == ("KC1", "KC102")
    with pytest.raises(SettingsError, match="^--select: no rule is called `KC209`; did you mean `KC201`"):
        check_selectors(["KC209"], "--select", KNOWN)


def test_per_file_pairs_of_the_command_line() -> None:
    pairs = ["tests/*:KC1", "tests/*:KC201", "a.py:hollow-build"]
    assert check_per_file(pairs, "--per-file-ignores", KNOWN) == (("tests/*", ("KC1", "KC201")), ("a.py", ("KC102",)))
    with pytest.raises(SettingsError, match="^--per-file-ignores: `KC101` is not PATTERN:CODE"):
        check_per_file(["KC101"], "--per-file-ignores", KNOWN)
