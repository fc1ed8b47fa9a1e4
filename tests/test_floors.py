"""Imports only go down, and the bans of the design hold."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "kerascheck"

# A module may import from floors below its own; names of one floor that may import one another stand in GROUPS.
FLOORS: dict[str, float] = {
    "": 0,  # the version
    "text": 0, "edits": 0, "terminal": 0, "collector": 0,
    "finding": 1, "semantic": 1,
    "rule": 2, "patch": 2, "suppress": 2, "settings": 2, "words": 2,
    "repairs": 2.5, "class_edits": 2.5, "renames": 2.5,
    "variable_edits": 2.5, "tracking_edits": 2.5,
    "function_edits": 2.6,
    "rules": 3,
    "registry": 4,
    "engine": 5,
    "pages": 6, "files": 6, "notebooks": 6, "outcome": 6, "confirm": 6,
    "cache": 6.1, "processes": 6.1, "report": 6.1, "explain": 6.1, "surroundings": 6.1,
    "run": 6.2, "candidates": 6.2,
    "confirm_command": 6.3,
    "check_command": 6.4, "graph_command": 6.4,
    "editor": 6.5,
    "server": 6.9, "flake8_plugin": 7, "pylsp_plugin": 7,
    "cli": 7,
    "__main__": 8,
}  # fmt: skip
GROUPS = {"semantic", "report", "confirm", "editor", "server"}
HEAVY = {"libcst", "keras", "tensorflow", "tf_keras", "torch", "jax", "numpy", "pygls", "lsprotocol", "rich"}
PROCESSES = {"subprocess", "multiprocessing", "concurrent", "socket", "asyncio", "threading"}


def modules() -> list[tuple[str, ast.Module]]:
    return [
        (path.relative_to(PACKAGE).as_posix(), ast.parse(path.read_text(encoding="utf-8")))
        for path in sorted(PACKAGE.rglob("*.py"))
    ]


def top(module: str) -> str:
    """The part of a dotted name below `kerascheck` that has a floor."""
    return (module.split(".") + [""])[1]


def imported(tree: ast.AST) -> Iterator[tuple[ast.stmt, str]]:
    """Every import with the dotted name of what is imported."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node, alias.name
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            for alias in node.names:
                yield node, f"{node.module}.{alias.name}" if node.module == "kerascheck" else node.module or ""


def typing_only(tree: ast.Module) -> set[ast.stmt]:
    """The statements under `if TYPE_CHECKING:`."""
    return {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for statement in node.body
        for inner in ast.walk(statement)
        if isinstance(inner, ast.stmt)
    }


def floor_of(path: str) -> str:
    name = path.removesuffix(".py")
    return "" if name == "__init__" else name.split("/")[0]


@pytest.mark.parametrize(("path", "tree"), modules(), ids=lambda value: value if isinstance(value, str) else "")
def test_imports_only_go_down(path: str, tree: ast.Module) -> None:
    own = floor_of(path)
    assert own in FLOORS, f"{path} has no floor"
    skipped = typing_only(tree)
    for node, name in imported(tree):
        if node in skipped or name.split(".")[0] != "kerascheck":
            continue
        other = top(name)
        if other == "__version__":
            other = ""
        assert other in FLOORS, f"{path}:{node.lineno} imports {name}, which has no floor"
        allowed = FLOORS[other] < FLOORS[own] or (other == own and own in GROUPS) or other == ""
        # what a package says of itself when it looks for its modules
        allowed = allowed or (own, other) == ("registry", "rules")
        assert allowed, f"{path}:{node.lineno} imports {name}: floor {FLOORS[own]} from floor {FLOORS[other]}"


@pytest.mark.parametrize(("path", "tree"), modules(), ids=lambda value: value if isinstance(value, str) else "")
def test_below_floor_six_nobody_prints_opens_files_or_starts_processes(path: str, tree: ast.Module) -> None:
    own = floor_of(path)
    if FLOORS[own] >= 6 or own == "terminal":
        return
    skipped = typing_only(tree)  # `engine.check_many` takes an executor and starts none
    for node, name in imported(tree):
        assert node in skipped or name.split(".")[0] not in PROCESSES, f"{path}:{node.lineno} imports {name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("print", "input"), f"{path}:{node.lineno} talks to the user"
            if node.func.id == "open":
                assert own == "semantic", f"{path}:{node.lineno} opens a file"
                assert "data" in ast.unparse(tree), f"{path}:{node.lineno} opens a file that is no package data"


@pytest.mark.parametrize(("path", "tree"), modules(), ids=lambda value: value if isinstance(value, str) else "")
def test_only_the_child_of_confirm_imports_a_framework(path: str, tree: ast.Module) -> None:
    if path.startswith("confirm/child/"):
        return
    for node, name in imported(tree):
        root = name.split(".")[0]
        assert root not in HEAVY - {"libcst"} or (path.startswith("server/") and root in ("pygls", "lsprotocol")), (
            f"{path}:{node.lineno} imports {name}"
        )


def test_the_child_of_confirm_stands_alone() -> None:
    for path, tree in modules():
        if path.startswith("confirm/child/"):
            for node, name in imported(tree):
                known = name.startswith("kerascheck.confirm.child.") or not name.startswith("kerascheck")
                assert known, f"{path}:{node.lineno} imports {name}"


@pytest.mark.parametrize(("path", "tree"), modules(), ids=lambda value: value if isinstance(value, str) else "")
def test_the_slow_parts_of_libcst_are_not_used(path: str, tree: ast.Module) -> None:
    for node, name in imported(tree):
        assert not name.startswith(("libcst.matchers", "libcst.codemod", "libcst.metadata")), f"{path}:{node.lineno}"
        if isinstance(node, ast.ImportFrom) and node.module == "libcst":
            assert not {alias.name for alias in node.names} & {"matchers", "codemod", "metadata"}


def test_rules_do_not_import_one_another() -> None:
    for path, tree in modules():
        if path.startswith("rules/"):
            for node, name in imported(tree):
                assert not name.startswith("kerascheck.rules"), f"{path}:{node.lineno} imports {name}"


def test_there_is_one_broad_except_in_the_program() -> None:
    broad = []
    for path, tree in modules():
        if path.startswith("confirm/child/"):  # another program: it runs the user's code
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.ExceptHandler):
                names = ast.unparse(node.type) if node.type else "bare"
                reraises = any(isinstance(inner, ast.Raise) and inner.exc is None for inner in ast.walk(node))
                if names in ("bare", "Exception", "BaseException") and not reraises:
                    broad.append(path)
    assert broad == ["engine.py"]


def loaded(*arguments: str, folder: Path | None = None) -> set[str]:
    """The modules that a call of the command line loads, in a folder of its own or in this one."""
    code = (
        "import sys\nfrom kerascheck.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "print('\\n' + ' '.join(sys.modules))"
    )
    command = [sys.executable, "-c", code, *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder)
    return set(result.stdout.splitlines()[-1].split())


LIGHT = [["--version"], ["--help"], ["explain", "KC101"], ["explain", "--help"], ["rules"]]


@pytest.mark.parametrize("arguments", LIGHT, ids=" ".join)
def test_calls_that_load_no_parser(arguments: list[str]) -> None:
    assert not loaded(*arguments) & (HEAVY | {"kerascheck.engine", "kerascheck.registry", "dataclasses"})


def test_a_run_without_keras_loads_no_parser(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import os\n")
    (tmp_path / ".gitignore").write_text("*.log\n")
    for _ in range(2):  # the second is answered by the cache
        modules_loaded = loaded(str(tmp_path), folder=tmp_path)
        assert "kerascheck.files" in modules_loaded
        assert not modules_loaded & (HEAVY | {"kerascheck.engine", "dataclasses", "inspect", "tomllib", "pathspec"})


def test_a_run_that_the_cache_answers_loads_no_parser(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "a.py").write_text("import keras\nmodel = keras.Sequential()\nmodel.save_weights('a.txt')\n")
    assert "libcst" in loaded(".", "-j", "1", folder=tmp_path)
    assert not loaded(".", "-j", "1", folder=tmp_path) & (HEAVY | {"kerascheck.engine", "tomllib", "pathspec"})


def test_importing_the_flake8_plugin_loads_nothing() -> None:
    code = "import sys, kerascheck.flake8_plugin; print(*(n for n in sys.modules if n.startswith('kerascheck')))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.split() == ["kerascheck", "kerascheck.flake8_plugin"]
