"""The wheel: built, installed into an environment of its own, and used there."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from kerascheck import __version__
from kerascheck.explain import catalogue_names
from kerascheck.pages import all_pages

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of a new environment with the wheel; its dependencies are those of this one."""
    folder = tmp_path_factory.mktemp("env")
    venv.create(folder, with_pip=False)
    programs = folder / ("Scripts" if sys.platform == "win32" else "bin")
    command = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(programs / "python"),
        "install",
        "-q",
        "--no-deps",
        str(wheel),
    ]
    subprocess.run(command, check=True, capture_output=True)
    site = next(folder.glob("lib/python*/site-packages"), folder / "Lib/site-packages")
    for name in ("libcst", "pathspec", *(["tomli"] if sys.version_info < (3, 11) else [])):
        package = Path(str(importlib.import_module(name).__file__)).parent  # a link, so that nothing is downloaded
        (site / package.name).symlink_to(package, target_is_directory=True)
    return programs


def call(installed: Path, *arguments: str, **more: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(installed / "kerascheck"), *arguments], capture_output=True, text=True, check=False, **more
    )  # type: ignore[call-overload, no-any-return]


def test_pages_lie_beside_the_modules(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for page in all_pages().values():
        assert f"kerascheck/rules/{page.stem}.md" in names
    for path in (ROOT / "kerascheck").rglob("*"):
        if path.suffix in (".py", ".toml") or path.name == "py.typed":
            assert path.relative_to(ROOT).as_posix() in names
    assert {name.split("/")[0] for name in names} == {"kerascheck", f"kerascheck-{__version__}.dist-info"}


def test_metadata(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (item for item in archive.namelist() if item.endswith(".dist-info/METADATA"))
        text = archive.read(name).decode()
        (points,) = (item for item in archive.namelist() if item.endswith("entry_points.txt"))
        entries = archive.read(points).decode()
    needed = [line for line in text.splitlines() if line.startswith("Requires-Dist:") and "extra ==" not in line]
    assert sorted(line.split()[1].split(">")[0] for line in needed) == ["libcst", "pathspec", "tomli"]
    for extra in ("flake8", "confirm", "lsp", "dev"):
        assert f"Provides-Extra: {extra}" in text
    assert "KC = kerascheck.flake8_plugin:Checker" in entries
    assert "kerascheck = kerascheck.cli:main" in entries


def test_explain_for_every_code(installed: Path, tmp_path: Path) -> None:
    for code, name in catalogue_names().items():
        result = call(installed, "explain", code, cwd=tmp_path)
        assert result.returncode == 0, result.stderr
        assert f"# {name} ({code})" in result.stdout
        if code in all_pages():
            assert result.stdout.startswith(all_pages()[code].text.strip())


def test_a_file_is_checked_and_fixed(installed: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text("import tensorflow as tf\nfrom tensorflow import keras\n\ntf.set_random_seed(1)\n")
    result = call(installed, "a.py", cwd=tmp_path)
    assert result.returncode == 1, result.stderr
    assert "KC404" in result.stdout
    call(installed, "--fix", "--select", "KC404", "a.py", cwd=tmp_path)
    assert "tf.random.set_seed(1)" in path.read_text()


def test_the_editable_install_finds_the_pages() -> None:
    from kerascheck import pages

    assert pages.folder() == str(ROOT / "rules")


def test_without_its_pages_it_says_so(tmp_path: Path) -> None:
    """A copy of the modules alone knows no rule: that must not look like code without faults."""
    shutil.copytree(ROOT / "kerascheck", tmp_path / "kerascheck", ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "kerascheck", "--isolated", "kerascheck"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "the folder `rules` is missing" in result.stderr
