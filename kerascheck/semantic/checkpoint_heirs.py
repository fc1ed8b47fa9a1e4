"""Classes made from `ModelCheckpoint` that keep weights only, as they are written. No parser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from kerascheck.semantic.written_calls import arguments_in, call_at, is_imported

_HEADER = re.compile(r"^([ \t]*)class[ \t]+(\w+)[ \t]*\([ \t]*(?:\w+\.)*ModelCheckpoint[ \t]*\)[ \t]*:", re.MULTILINE)
_INIT = re.compile(r"\bdef[ \t]+__init__[ \t]*\(")
_SUPER = re.compile(r"(?:\bsuper\([^()\n]*\)|\b(?:\w+\.)*ModelCheckpoint)\.__init__\(")
_SET = re.compile(r"\bself\.save_weights_only[ \t]*=(?!=)")
_PLACE = 4  # of save_weights_only, behind filepath, monitor, verbose, save_best_only; read in 2.2.4, 2.15 and 3.15.1
_NAME = "save_weights_only"
# what counts as true; a text that stands at its place does, too (run on 2.15 and 3.15.1: `save_weights_only="max"`)
_TRUE = re.compile(r"True|[\"'][^\"']+[\"']|[1-9]\d*")
_KEYWORD = re.compile(r"(\w+)\s*=(?!=)\s*")


@dataclass(frozen=True)
class Heir:
    """A class made from `ModelCheckpoint`, with its place in the text.

    `parameter` decides whether it keeps weights only; None: it always does. `default` is what it does without one,
    `index` its place in a call; None where it is given by its name only.
    """

    name: str
    start: int
    end: int
    parameter: str | None
    index: int | None = None
    default: bool = False


def checkpoint_heirs(code: str) -> Iterator[Heir]:
    """The classes of a text of which it can be told what decides."""
    for header in _HEADER.finditer(code) if "ModelCheckpoint" in code else ():
        lines = re.compile(rf"(?:\n(?:{header[1]}[ \t]+[^\n]*|[ \t\r]*(?=\n|\Z)))*").match(code, header.end())
        one_line = code.find("\n", header.end())
        if lines is None or not lines[0].strip() or one_line != header.end():
            continue
        found = _heir(header[2], header.start(), lines.end(), lines[0])
        if found is not None and _SET.search(lines[0]) is None:
            yield found


def _heir(name: str, start: int, end: int, body: str) -> Heir | None:
    made = list(_INIT.finditer(body))
    if not made:
        return Heir(name, start, end, _NAME, _PLACE)
    above = list(_SUPER.finditer(body))
    if len(made) != 1 or len(above) != 1:
        return None
    taken = arguments_in(call_at(body, made[0].end()))
    given = arguments_in(call_at(body, above[0].end()))[0 if "super" in above[0][0] else 1 :]
    plain = [re.match(r"\**\w*", item)[0] for item in taken]  # type: ignore[index]
    value = _value(given, _NAME, _PLACE)
    if value is None:
        return None
    if value.startswith("**"):
        return Heir(name, start, end, _NAME) if value in plain and _NAME not in plain else None
    if _TRUE.fullmatch(value):
        return Heir(name, start, end, None)
    between = body[made[0].end() : above[0].start()][len(call_at(body, made[0].end())) :]
    if value not in plain or re.search(rf"\b{value}[ \t]*=(?!=)", between):
        return None
    index, default = plain.index(value) - 1, re.search(r"=\s*(.*)\Z", taken[plain.index(value)], re.DOTALL)
    placed = not any(item.startswith("*") for item in plain[: index + 1])
    is_true = default is not None and _TRUE.fullmatch(default[1].strip()) is not None
    return Heir(name, start, end, value, index if placed else None, is_true)


def _value(given: list[str], name: str, index: int | None) -> str | None:
    """What a call gives to a parameter, `**` of what may have it; None where it gives nothing, "?" for `*` in front."""
    named = {found[1]: item[found.end() :].strip() for item in given if (found := _KEYWORD.match(item))}
    if name in named:
        return named[name]
    placed = [item for item in given if not _KEYWORD.match(item) and not item.startswith("**")]
    if any(item.startswith("*") for item in placed):
        return "?"
    if index is not None and len(placed) > index:
        return placed[index]
    return next((item for item in given if item.startswith("**")), None)


def may_keep_whole(heir: Heir, code: str) -> bool:
    """Whether a text may make a checkpoint of such a class that keeps whole models, or does more with the class."""
    for match in re.finditer(rf"\b{heir.name}\b(?P<call>[ \t]*\()?", code) if heir.name in code else ():
        start, end = code.rfind("\n", 0, match.start()) + 1, code.find("\n", match.end())
        line = code[start : end if end >= 0 else len(code)]
        before = code[start : match.start()]
        if re.search(r"\bclass[ \t]+\Z|\bsuper\([ \t]*\Z", before):
            continue
        if match["call"] is None:
            if is_imported(code, start, start + len(line)) and not re.search(rf"\b{heir.name}[ \t]+as\b", line):
                continue
            return True
        if heir.parameter is None:
            continue
        given = call_at(code, match.end())
        if not given and code[match.end() :].lstrip()[:1] != ")":
            return True  # it is too long to be read
        value = _value(arguments_in(given), heir.parameter, heir.index)
        if not (heir.default if value is None else _TRUE.fullmatch(value)):
            return True
    return False
