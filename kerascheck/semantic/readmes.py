"""Which releases a README asks for, or says it was made for; of sentences few forms are read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

_NAMES = frozenset({"readme", "readme.md", "readme.rst", "readme.txt", "readme.markdown"})
_HINT = re.compile(r"(?:keras|tensorflow|tf|python)(?:-gpu|-cpu)?(?![A-Za-z_])[^\n\d]{0,20}\d", re.IGNORECASE)
_PICTURE = re.compile(r"!\[[^\]\n]*\]\([^)\n]*\)|<[^>\n]*>")
_LINK = re.compile(r"\[([^\]\n]*)\](?:\([^)\n]*\)|\[[^\]\n]*\])")
_MARKER = re.compile(r"\s*(?:>\s*)*(?:[-*+]|\d{1,2}[.)])?\s*(?:\[[ xX]\]\s*)?")
_VERSION = r"\d+(?:\.(?:\d+|[xX*]))+(?:-(?:alpha|beta|rc)\d*)?"
_LATER = r"\s*(?:\+|\(?\s*(?:or|and)\s+(?:higher|later|above|newer|up)\b\)?)"
_ITEM = re.compile(
    r"(?P<name>tensorflow[ ](?:gpu|addons)|[A-Za-z][\w.-]*?)"
    r"(?:\s*(?P<operator>==|>=|<=|~=|>|<|=)\s*|\s*[:(]\s*|\s+(?:version\s*:?\s*)?|-"
    r"|(?:(?<=python)|(?<=keras)|(?<=tensorflow)|(?<=tf)|(?<=gpu))(?!2\.0(?![-.\d])))"  # "TensorFlow2.0" is any 2
    rf"v?(?P<version>{_VERSION})\)?"
    r"(?P<more>(?:,\s*[<>=~!]=?\s*\d+(?:\.\d+)*)*)"
    rf"(?P<later>{_LATER})?"
    r"(?:,?\s+(?:backend|framework))?(?:\s*\([^()]*\))?\s*[.;]?",
    re.IGNORECASE,
)
_SPLIT = re.compile(
    r"\s*[,+&;](?!\s*[<>=~!])(?!\s+(?:backend|framework)\b)\s+(?:and/or\s+)?(?![^()]*\))"
    r"|\s*(?:,|[\uff0c\u3001\uff1b]\s*)(?=[A-Za-z])(?![^()]*\))"
    r"|\s+(?:and|with|using|on)\s+(?!(?:higher|later|above|newer|up)\b)(?![^()]*\))"
)
_COMMAND = re.compile(r"\s*(?:\$\s*)?((?:sudo\s+)?(?:python3?\s+-m\s+)?(?:pip3?|conda)\s+install\s.*)")

_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_BADGE = re.compile(r"img\.shields\.io/badge/([^)\s\"'?]+)", re.IGNORECASE)
_ALT = re.compile(r"!\[([^\]\n]+)\]\([^)\n]*\bbadges?\b")
_LABEL = re.compile(  # in front of what was used: "framework", "Built with"
    r"(?:(?:ml|dl|deep learning)\s+)?framework|librar(?:y|ies)|dependenc(?:y|ies)|requires?"
    r"|(?:built|made|powered|tested)\s+(?:with|by|on|using)",
    re.IGNORECASE,
)
_PACKAGE = re.compile(r"tf|keras(?:[-_]gpu)?|tensorflow(?:[-_ ][cg]pu)?", re.IGNORECASE)
_RELEASE = re.compile(rf"((?:[=~<>]=|[=<>])\s*)?(v?{_VERSION}\+?)", re.IGNORECASE)
_BETWEEN = re.compile(r"\s*[|,/]\s*|\s+(?:and|or)\s+")
_RULER = re.compile(r"\|?(?:\s*:?-+:?\s*\|)+(?:\s*:?-+:?\s*)?")
_VERSIONS = re.compile(r"(?:(?:used|tested|required)\s+)?versions?(?:\s+(?:used|tested|required))?|版本", re.IGNORECASE)
_ENVIRONMENT = re.compile(
    r"(?:^|[(,.]\s*)(?:"
    r"(?:last\s+)?tested\s+(?:with|on|under|using)\b\s*:?"
    r"|(?:(?:my|the|test|tested|testing|running|development)\s+)?environments?\s*:"
    r"|(?:librar(?:y|ies)|dependenc(?:y|ies)|requirements?|prerequisites?)\s*:"
    r"|make\s+sure\s+(?:that\s+)?you\s+(?:are\s+(?:running|using)|have|use)\b)\s*",
    re.IGNORECASE,
)
_DONE = r"(?:based|built|created|developed|implemented|programm?ed|tested|written)"
_MADE = re.compile(  # "The code was written and tested with", "本项目基于"
    r"(?:(?:this|the|our|all)\s+)?(?:(?:jupyter|python|source|training)\s+)?"
    r"(?:codes?|implementation|library|notebooks?|package|program|project|repo(?:sitory)?|scripts?|software)\s+"
    rf"(?:(?:has|have)\s+been|is|are|was|were)\s+{_DONE}(?:(?:\s*,\s*|\s+and\s+){_DONE})*\s+"
    r"(?:based\s+on|in|on|under|using|with)\s+"
    r"|(?:此|本|该|這個|这个)(?:项目|專案|工程|代码|程序|仓库)是?(?:基于|基於)\s*",
    re.IGNORECASE,
)
_ABOUT = re.compile(r"[^.!?]*?\b(?:for|in|using|with)\s+(?=[^.]*\d\.\d)", re.IGNORECASE)
_ELSE = re.compile(  # of these releases something else is said, or it is a whole sentence
    r"\b(?:bugs?|compatib\w*|convert\w*|deprecated|errors?|fails?|from|issues?|migrat\w*|never|no|not|old|port\w*"
    r"|support\w*|to|upgrad\w*|without|are|did|had|has|have|is|it|run\w*|their|they|was|we|were|will|works?|you)\b"
    r"|n't\b",
    re.IGNORECASE,
)
_GENERATION = re.compile(r"\b[1-9]\.0(?!-|\.?[\dxX*])")  # "implemented in TensorFlow 2.0" says no more than "not in 1"
_END = re.compile(r"\)|[.;](?:\s|$)|。|\s*\([^()]*\)\s*\.?$")
_NEXT_RELEASE = re.compile(rf"(v?{_VERSION}\+?)", re.IGNORECASE)
_PLAIN_NAME = re.compile(  # "CUDA 8", "its Keras module", "GPU acceleration"
    r"(?:its\s+)?[A-Za-z][\w.-]*(?:\s+(?:\d+|acceleration|backend|library|module|support))?", re.IGNORECASE
)


def is_readme(name: str) -> bool:
    """Whether a file of this name (with folders) is the README of its folder."""
    return name.lower() in _NAMES


def requirements(text: str) -> Iterator[tuple[int, str]]:
    """What a README asks for, each with its line, from 1: (12, "keras==2.1.0"), or (14, "pip install keras==2.1.0").

    A line counts where it is nothing but packages with their versions, as an item of a list is ("* Keras 2.1.0,
    TensorFlow 1.4"), or a command that installs. A version of two numbers means every release of it, one after which
    "or later" stands that and the newer ones.
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
        items = _SPLIT.split(_plain(line))
        found = [_ITEM.fullmatch(item) for item in items if item]
        if all(found):
            yield from ((number, _requirement(match)) for match in found if match is not None)


def environment(text: str) -> Iterator[tuple[int, str]]:
    """What a README says it was made for, as `requirements` gives it; several releases as "keras==2.3.* or ==2.4.*".

    Badges ("TensorFlow | 2.4"), tables with a column of versions, and "tested with ...", "environment: ..." or "the
    code was written in ..." where nothing but packages with their versions follows. What was tested or used is not
    asked for: whoever reads this leaves out what does not end, `2.x` and `2.0+`. A Python of a badge stands there for
    the people who made it.
    """
    if _HINT.search(text) is None:
        return
    text = _COMMENT.sub(lambda match: "\n" * match[0].count("\n"), text)
    lines = text.splitlines()
    yield from _about(lines)
    versions = -1  # the column of the table in which the versions stand
    for number, line in enumerate(lines, 1):
        is_row = "|" in line and line.count("|") >= line.lstrip().startswith("|") + 1
        if not is_row:
            versions = -1
        elif number < len(lines) and _RULER.fullmatch(lines[number].strip()):
            header = _cells(line)
            versions = next((place for place, cell in enumerate(header) if place and _VERSIONS.fullmatch(cell)), -1)
        if _HINT.search(line) is None:
            continue
        badges = [found for match in _BADGE.finditer(line) if (found := _of_badge(match[1])) is not None]
        if not badges:
            names = (_ITEM.fullmatch(match[1].strip()) for match in _ALT.finditer(line))
            badges = [_requirement(name) for name in names if name is not None and _PACKAGE.fullmatch(name["name"])]
        yield from ((number, badge) for badge in badges)
        if is_row and versions > 0:
            cells = _cells(line)
            if len(cells) > versions and (found := _of_releases(cells[0], cells[versions])) is not None:
                yield number, found
        elif not is_row and len(line) <= 300:
            yield from ((number, found) for found in _tested(_plain(line)))


def _plain(line: str) -> str:
    """A line without its marker, pictures, links and emphasis."""
    plain = _words(line)
    marker = _MARKER.match(plain)
    return plain[marker.end() if marker else 0 :].strip()


def _words(text: str) -> str:
    return re.sub(r"[`*_\\]+(?![-\w]*\d)|\*\*|__", "", _LINK.sub(r"\1", _PICTURE.sub("", text))).strip()


def _requirement(match: re.Match[str]) -> str:
    name = _named(match["name"])
    version = re.sub(r"[xX]", "*", match["version"].partition("-")[0])
    operator = match["operator"] or "=="
    if match["later"] and not match["more"]:
        return f"{name}>={version.replace('.*', '.0')}"
    if operator in {"=", "=="}:
        wild = "" if version.count(".") > 1 or "*" in version or match["operator"] == "==" else ".*"
        return f"{name}=={re.sub(r'[.][*].*', '.*', version)}{wild}"
    return f"{name}{operator}{version.replace('.*', '.0')}{match['more']}"


def _named(name: str) -> str:
    return "tensorflow" if name.lower() == "tf" else name.replace(" ", "-")


def _of_releases(name: str, releases: str) -> str | None:
    """`keras` with "2.3 | 2.4"; None where it is another package, or where something else stands there."""
    found = [_RELEASE.fullmatch(part) for part in _BETWEEN.split(releases.strip())]
    if _PACKAGE.fullmatch(name.strip()) is None or not all(found):
        return None
    items = [_ITEM.fullmatch(f"{name.strip()}{match[1] or ' '}{match[2]}") for match in found if match is not None]
    texts = [_requirement(item) for item in items if item is not None]
    own = _named(name.strip())
    return own + " or ".join(text[len(own) :] for text in texts)


def _of_badge(path: str) -> str | None:
    """What shields.io writes on a badge of this path: "TensorFlow-2.4|2.5-orange.svg"."""
    parts = unquote(unquote(path)).replace("--", "\0").replace("__", "\1").split("-")
    words = [part.replace("_", " ").replace("\0", "-").replace("\1", "_").strip() for part in parts]
    if len(words) == 3 and _LABEL.fullmatch(words[0]) is None:
        return _of_releases(words[0], words[1])
    if len(words) not in {2, 3}:
        return None
    item = _ITEM.fullmatch(words[-2])
    return _requirement(item) if item is not None and _PACKAGE.fullmatch(item["name"]) else None


def _cells(line: str) -> list[str]:
    return [_words(cell) for cell in line.strip().removeprefix("|").removesuffix("|").split("|")]


def _about(lines: list[str]) -> Iterator[tuple[int, str]]:
    """What the title, or the line below it, says the project is for: "A detector for Keras and TensorFlow 2.2"."""
    opening = [(number, line.strip()) for number, line in enumerate(lines[:10], 1) if line.strip()][:2]
    for number, line in opening:
        plain = _plain(line.lstrip("#"))
        start = _ABOUT.match(plain)
        if len(line) <= 300 and start is not None and _ELSE.search(start[0]) is None and not _GENERATION.search(plain):
            yield from ((number, found) for found in _said(plain[start.end() :]))


def _tested(plain: str) -> Iterator[str]:
    """What stands behind "tested with" or "environment:" up to the end of the sentence or bracket."""
    start = _ENVIRONMENT.search(plain)
    if start is None:
        start = _MADE.match(plain)
        if start is None or ("tested" not in start[0].lower() and _GENERATION.search(plain)):
            return
    yield from _said(plain[start.end() :])


def _said(rest: str) -> Iterator[str]:
    """The releases that a sentence goes on with; none where other things stand between them, or behind."""
    end = _END.search(rest)
    if end is not None and re.search(r"\d", rest[end.end() :]) is not None:
        return  # more is said, of other releases perhaps
    said: list[tuple[str, list[str]]] = []
    for part in _SPLIT.split(rest if end is None else rest[: end.start()]):
        item = _ITEM.fullmatch(part)
        again = _NEXT_RELEASE.fullmatch(part)
        if again is not None and said:  # 2.3 of "TensorFlow 2.2, 2.3"
            item = _ITEM.fullmatch(f"{said[-1][0]} {again[1]}")
        if item is not None:
            name, text = _named(item["name"]), _requirement(item)
            if again is None or not said:
                said.append((name, []))
            said[-1][1].append(text[len(name) :])
        elif _PLAIN_NAME.fullmatch(part) is None:
            return
    yield from (name + " or ".join(releases) for name, releases in said)
