"""`kerascheck explain`: the page of a rule, by its code, its name, or an error message that Keras printed."""

from __future__ import annotations

import os
import re
from functools import cache

from kerascheck.pages import Page, all_pages, known_codes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_QUOTES = re.compile("[`'\"\u2018\u2019\u201c\u201d]")
_WILDCARD = re.compile(r"<name>|<n>|\.\.\.")
_CODE = re.compile(r"[Kk][Cc]\d+")
_NAME = re.compile(r"[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)*")
_LONGEST_TEXT = 200_000
_REACH = {"<name>": 300, "<n>": 40, "...": 4000}  # how many characters a placeholder may stand for
_SHORTEST_PASTE = 20  # a cut message must share this many characters with the whole one
_COMES_LATER = "its page comes in a later version"


class UnknownTopic(LookupError):
    """Neither a code, nor a name, nor a message that is known. The text says so in one line."""


class Cause:
    """One row of the message table: what Keras printed, when, and the codes that explain it, likeliest first."""

    __slots__ = ("codes", "fixed", "kind", "note", "patterns", "raised_by", "tail", "versions")

    def __init__(self, row: Mapping[str, Any]) -> None:
        self.patterns: tuple[str, ...] = tuple(row["patterns"])
        self.kind: str = row["kind"]
        self.raised_by: str = row.get("raised_by", "")
        self.codes: tuple[str, ...] = tuple(row["codes"])
        self.versions: str = row["versions"]
        self.note: str = row.get("note", "")
        self.tail: bool = row.get("tail", False)
        self.fixed = 0


def explain(topic: str) -> str:
    """The text to show for a code, a name or a pasted message. Raises UnknownTopic."""
    words = topic.strip()
    if _CODE.fullmatch(words):
        return _of_code(words.upper())
    name = words.lower().replace("_", "-")
    for code, known in {**catalogue_names(), **known_codes()}.items():
        if known == name:
            return _of_code(code)
    found = causes(topic)
    if found:
        return _of_causes(found)
    if _NAME.fullmatch(words):
        names = sorted({*catalogue_names().values(), *known_codes().values()})
        raise UnknownTopic(f"no rule is named `{words}`{did_you_mean(name, names)}")
    raise UnknownTopic("no message of Keras that kerascheck knows is in this text")


def causes(text: str) -> list[Cause]:
    """The rows whose message is in `text`: the end of a longer message first, then the longest message first."""
    plain = _plain(text)
    traceback = 'File "' in text or "Traceback" in text
    if traceback and "keras" not in text.lower():
        return []
    loading = not traceback or any(word in plain for word in ("deserializ", "from_config", "load_model"))
    found = []
    for row in _table()["message"]:
        cause = Cause(row)
        cause.fixed = max(_matched(_plain(pattern), plain) for pattern in cause.patterns)
        if cause.fixed and (loading or not cause.tail):
            found.append(cause)
    return sorted(found, key=lambda cause: (not cause.tail, -cause.fixed))


def catalogue_names() -> Mapping[str, str]:
    """Every code of the catalogue with its name, whether this version has the rule or not."""
    names: Mapping[str, str] = _table()["names"]
    return names


def did_you_mean(word: str, known: list[str]) -> str:
    """`; did you mean ...?` when a known word is near, else an empty string."""
    import difflib

    near = difflib.get_close_matches(word, known, 1, 0.6)
    return f"; did you mean `{near[0]}`?" if near else ""


def _of_code(code: str) -> str:
    page = all_pages().get(code)
    if page is not None:
        return f"{page.text.strip()}\n\n{page.url}\n"
    name = {**catalogue_names(), **known_codes()}.get(code)
    if name is None:
        raise UnknownTopic(f"there is no rule {code}{did_you_mean(code, list({**catalogue_names(), **known_codes()}))}")
    return f"# {name} ({code})\n\nThis rule is part of the catalogue; {_COMES_LATER}.\n"


def _of_causes(found: list[Cause]) -> str:
    lines: list[str] = []
    codes = list(dict.fromkeys(code for cause in found for code in cause.codes))
    for cause in found:
        where = f" ({cause.kind} of {cause.raised_by})" if cause.raised_by else f" ({cause.kind})"
        lines += [f"{cause.patterns[0]}{where}", f"  seen on Keras: {cause.versions}"]
        if cause.note:
            lines.append(f"  {cause.note}")
        if not cause.codes:
            lines.append("  no rule is needed for it")
    pages = all_pages()
    if codes:
        lines += ["", "What can lie behind it, likeliest first:"]
    for code in codes:
        page = pages.get(code)
        name = page.name if page else {**catalogue_names(), **known_codes()}.get(code, "")
        lines.append(f"  {code} {name}: {(page.summary or page.name) if page else _COMES_LATER}")
    first = next((pages[code] for code in codes if code in pages), None)
    return "\n".join(lines) + "\n" + _whole(first, len(codes))


def _whole(page: Page | None, count: int) -> str:
    """The page of the only cause, or how to read those of several."""
    if page is None:
        return ""
    if count == 1:
        return f"\n{page.text.strip()}\n\n{page.url}\n"
    return f"\nThe whole page: kerascheck explain {page.code}\n"


def _plain(text: str) -> str:
    """Without terminal colours and quotes (a shell eats backticks), white space folded."""
    return " ".join(_QUOTES.sub("", _ANSI.sub("", text[:_LONGEST_TEXT])).split())


def _matched(pattern: str, text: str) -> int:
    """How many fixed characters of `pattern` are in `text`; 0 when it does not match.

    A cut message matches when it is a part of the pattern's fixed text.
    """
    pieces = [piece.strip() for piece in _WILDCARD.split(pattern)]
    reaches = [_REACH[wildcard] for wildcard in _WILDCARD.findall(pattern)]
    start = text.find(pieces[0])
    while start >= 0:
        end = start + len(pieces[0])
        for piece, reach in zip(pieces[1:], reaches):
            place = text.find(piece, end, end + reach + len(piece))
            if place < 0:
                break
            end = place + len(piece)
        else:
            return sum(map(len, pieces))
        start = text.find(pieces[0], start + 1) if pieces[0] else -1
    cut = re.sub(r"^[\w.]*(?:Error|Warning|Exception): ", "", text)
    if len(cut) >= _SHORTEST_PASTE and any(cut in piece for piece in pieces):
        return len(cut)
    return 0


@cache
def _table() -> Mapping[str, Any]:
    import sys

    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "messages.toml")
    with open(path, "rb") as file:
        table: Mapping[str, Any] = tomllib.load(file)
    return table
