"""The catalogue: a Markdown page a rule. The pages lie beside this module in a wheel, in `rules/` of a checkout.

Nothing here imports the rules or the parser: `explain`, `rules` and the settings need names and texts only.
"""

from __future__ import annotations

import os
import re
from functools import cache

from kerascheck.terminal import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

URL = "https://github.com/kerascheck/kerascheck/blob/main/rules/{stem}.md"

# The codes of the tool itself; they have no rule module and may be reported by any run.
TOOL_NAMES: Mapping[str, str] = {
    "KC000": "syntax-error",
    "KC001": "unused-suppression",
    "KC002": "internal-error",
}

_TITLE = re.compile(r"^#[ \t]+(?P<name>[a-z0-9]+(?:-[a-z0-9]+)*)[ \t]+\((?P<code>KC\d{3})\)[ \t]*$", re.MULTILINE)
_HEADING = re.compile(r"^## +(?P<heading>[^\n]+?) *$", re.MULTILINE)
_FENCE = re.compile(r"^(?:```|~~~).*?^(?:```|~~~)[ \t]*$", re.MULTILINE | re.DOTALL)


class Page:
    """One page: the code, the name, the file's stem, the whole text and the sections by heading."""

    __slots__ = ("code", "name", "stem", "text")

    def __init__(self, code: str, name: str, stem: str, text: str) -> None:
        self.code = code
        self.name = name
        self.stem = stem
        self.text = text

    @property
    def sections(self) -> dict[str, str]:
        """The text below each `##` heading, in the order of the page. Headings inside code blocks do not count."""
        blocks = [match.span() for match in _FENCE.finditer(self.text)]
        headings = [
            match
            for match in _HEADING.finditer(self.text)
            if not any(start <= match.start() < end for start, end in blocks)
        ]
        ends = [match.start() for match in headings[1:]] + [len(self.text)]
        return {match["heading"]: self.text[match.end() : end].strip() for match, end in zip(headings, ends)}

    @property
    def summary(self) -> str:
        """The first sentence of "What it finds", in one line; an empty string when the page has none."""
        paragraph = self.sections.get("What it finds", "").split("\n\n", 1)[0]
        line = " ".join(paragraph.split())
        end = re.search(r"\.(?= [A-Z`])", line)
        return line[: end.end()] if end else line

    @property
    def url(self) -> str:
        """The page's stable address in the project's repository."""
        return URL.format(stem=self.stem)


def folder() -> str | None:
    """The folder that holds the pages: `rules` beside this module (wheel) or in the checkout; None when neither."""
    here = os.path.dirname(os.path.abspath(__file__))
    for candidate in (os.path.join(here, "rules"), os.path.join(os.path.dirname(here), "rules")):
        try:
            names = os.listdir(candidate)
        except OSError:
            continue
        if any(name.endswith(".md") for name in names):
            return candidate
    return None


@cache
def all_pages() -> Mapping[str, Page]:
    """Every page by code, in the order of the codes. Raises Failure when there is none: no rule would be known."""
    where = folder()
    if where is None:
        raise Failure(
            "the folder `rules` is missing, so no rule is known: kerascheck is not there as a whole, install it"
        )
    found: dict[str, Page] = {}
    for entry in sorted(os.listdir(where)):
        if not entry.endswith(".md"):
            continue
        with open(os.path.join(where, entry), encoding="utf-8") as file:
            page = parse_page(entry[: -len(".md")], file.read())
        if page is not None:
            found[page.code] = page
    return {code: found[code] for code in sorted(found)}


def parse_page(stem: str, text: str) -> Page | None:
    """The page in `text`, or None when its first line is not `# <name> (<code>)`, as in an index or a README."""
    match = _TITLE.match(text.lstrip("\ufeff \t\r\n"))
    return Page(match["code"], match["name"], stem, text) if match else None


def known_codes() -> Mapping[str, str]:
    """Every code this version knows and its name, in the order of the codes. Imports no rule."""
    names = {**TOOL_NAMES, **{code: page.name for code, page in all_pages().items()}}
    return {code: names[code] for code in sorted(names)}


def url(code: str, name: str) -> str:
    """The address of a rule's page; the stem of its file is the name with underscores."""
    page = all_pages().get(code)
    return page.url if page else URL.format(stem=name.replace("-", "_"))
