"""Which Python the files of a project ask for, as it is written there; nothing is run and nothing is compared."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

_SETUP_PY = re.compile(r"\bpython_requires\s*=\s*(?:[\"']([^\"'\n]+)[\"']|([A-Za-z_]\w*))")
_SETUP_CFG = re.compile(r"^python_requires\s*=[ \t]*(\S[^\n#;]*)", re.MULTILINE)
_PYPROJECT = re.compile(r"^requires-python\s*=\s*[\"']([^\"'\n]+)[\"']", re.MULTILINE)
_POETRY = re.compile(
    r"^\[tool\.poetry\.dependencies\]\s*\n(?:(?!\[)[^\n]*\n)*?python\s*=\s*[\"']([^\"'\n]+)[\"']", re.MULTILINE
)
_PIPFILE = re.compile(r"^python_(?:full_)?version\s*=\s*[\"']([\d.]+)[\"']", re.MULTILINE)
_CONDA_LIST = re.compile(
    r"^python(={1,2}\d[\d.]*)=\w+[ \t]*$", re.MULTILINE
)  # `conda list --export` gives the build, too
_CONDA = re.compile(r"^[ \t]*-[ \t]+[\"']?python[ \t]*([=<>!~][^\s\"'#]*)", re.MULTILINE)


def written_pythons(files: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What the files of one folder ask for, with its place: (">=3.6,<3.9", "setup.py:12").

    `python_requires` of setup.py and setup.cfg, `requires-python` and poetry's `python` in pyproject.toml, the Python
    of a Pipfile, of conda's environment files and of what `conda list --export` wrote. Classifiers ask for nothing: pip
    does not look at them.
    """
    for name, text in files.items():
        for place, specifier in _written(PurePosixPath(name.replace("\\", "/")), text):
            line = text.count("\n", 0, place) + 1
            if "#" not in text[text.rfind("\n", 0, place) + 1 : place]:
                yield specifier.strip(), f"{name}:{line}"


def _written(path: PurePosixPath, text: str) -> Iterator[tuple[int, str]]:
    base = path.name.lower()
    if base == "setup.py":
        for match in _SETUP_PY.finditer(text):
            if match[1]:
                yield match.start(), match[1]
                continue
            found = re.search(rf"^{match[2]}\s*=\s*[\"']([^\"'\n]+)[\"']", text, re.MULTILINE)
            if found is not None:
                yield match.start(), found[1]
    elif base == "setup.cfg":
        yield from ((match.start(), match[1]) for match in _SETUP_CFG.finditer(text))
    elif base == "pyproject.toml":
        for pattern in (_PYPROJECT, _POETRY):
            yield from ((match.start(1), match[1]) for match in pattern.finditer(text))
    elif base == "pipfile":
        yield from ((match.start(), f"={match[1]}") for match in _PIPFILE.finditer(text))
    elif path.suffix == ".txt":
        yield from ((match.start(), match[1]) for match in _CONDA_LIST.finditer(text))
    elif path.suffix in {".yml", ".yaml"}:
        for match in _CONDA.finditer(text):  # conda writes a build after the version: python=3.6.9=h265db76_0
            yield match.start(), re.sub(r"^(={1,2}\s*[\d.*]+)=[^=].*$", r"\1", match[1])
