"""Which releases a README asks for: list items, lines of their own and install commands; never a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator

_NAMES = frozenset({"readme", "readme.md", "readme.rst", "readme.txt", "readme.markdown"})
_HINT = re.compile(r"(?:keras|tensorflow|tf|python)(?:-gpu|-cpu)?\b[^\n\d]{0,20}\d", re.IGNORECASE)
_PICTURE = re.compile(r"!\[[^\]\n]*\]\([^)\n]*\)|<[^>\n]*>")
_LINK = re.compile(r"\[([^\]\n]*)\]\([^)\n]*\)")
_MARKER = re.compile(r"\s*(?:>\s*)*(?:[-*+]|\d{1,2}[.)])?\s*(?:\[[ xX]\]\s*)?")
_ITEM = re.compile(
    r"(?P<name>tensorflow[ ]gpu|[A-Za-z][\w.-]*?)"
    r"(?:\s*(?P<operator>==|>=|<=|~=|>|<|=)\s*|\s*[:(]\s*|\s+(?:version\s+)?|-)"
    r"v?(?P<version>\d+(?:\.(?:\d+|[xX*]))+)\)?"
    r"(?P<more>(?:,\s*[<>=~!]=?\s*\d+(?:\.\d+)*)*)"
    r"(?P<later>\s*(?:\+|\(?\s*(?:or|and)\s+(?:higher|later|above|newer|up)\b\)?))?"
    r"(?:\s+backend)?(?:\s*\([^()]*\))?\s*[.;]?",
    re.IGNORECASE,
)
_COMMAND = re.compile(r"\s*(?:\$\s*)?((?:sudo\s+)?(?:python3?\s+-m\s+)?(?:pip3?|conda)\s+install\s.*)")


def is_readme(name: str) -> bool:
    """Whether a file of this name (with folders) is the README of its folder."""
    return name.lower() in _NAMES


def requirements(text: str) -> Iterator[tuple[int, str]]:
    """What a README asks for, each with its line, from 1: (12, "keras==2.1.0"), or (14, "pip install keras==2.1.0").

    A line counts where it is nothing but packages with their versions, as an item of a list is ("* Keras 2.1.0,
    TensorFlow 1.4"), or a command that installs. Headings, badges, tables and sentences say something else as often.
    A version of two numbers means every release of it, one after which "or later" stands that and the newer ones.
    """
    if _HINT.search(text) is None:
        return
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > 300 or _HINT.search(line) is None:
            continue
        command = _COMMAND.fullmatch(line.replace("`", "").rstrip())
        if command is not None:
            yield number, command[1]
            continue
        if line.lstrip().startswith(("#", "|")):
            continue
        plain = re.sub(r"[`*_\\]+(?![-\w]*\d)|\*\*|__", "", _LINK.sub(r"\1", _PICTURE.sub("", line)))
        marker = _MARKER.match(plain)
        items = re.split(
            r"\s*[,+&;](?!\s*[<>=~!])\s+|\s+(?:and|with|using|on)\s+", plain[marker.end() if marker else 0 :].strip()
        )
        found = [_ITEM.fullmatch(item) for item in items if item]
        if all(found):
            yield from ((number, _requirement(match)) for match in found if match is not None)


def _requirement(match: re.Match[str]) -> str:
    name = "tensorflow" if match["name"].lower() == "tf" else match["name"].replace(" ", "-")
    version = re.sub(r"[xX]", "*", match["version"])
    operator = match["operator"] or "=="
    if match["later"] and not match["more"]:
        return f"{name}>={version.replace('.*', '.0')}"
    if operator in {"=", "=="}:
        wild = "" if version.count(".") > 1 or "*" in version or match["operator"] == "==" else ".*"
        return f"{name}=={re.sub(r'[.][*].*', '.*', version)}{wild}"
    return f"{name}{operator}{version.replace('.*', '.0')}{match['more']}"
