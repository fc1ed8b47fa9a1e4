"""What a text does with the answers of `get_config`, as it is written. No parser."""

from __future__ import annotations

import re

from kerascheck.semantic.written_calls import arguments_in, call_at

_ASKED = re.compile(r"\.get_config\([ \t]*\)")
_OF_THE_BASE = re.compile(r"\bsuper\([^()\n]*\)\Z")
_BOUND = re.compile(r"^[ \t]*(\w+)[ \t]*=[^\n=]*\Z")
_PRINTED = re.compile(r"\bprint\([^()\n]*\Z")
_ONE = re.compile(r"\[[ \t]*(?P<key>\"[^\"\n]*\"|'[^'\n]*')")
# the ends, six letters at most, of keys whose values may be configurations themselves: of layers, cells, initializers,
# regularizers, optimizers, constraints, losses, metrics, and of a schedule
_INNER = re.compile(r"(?:layers?|config|cells?|izer|traint|loss|losses|etrics?|g_rate|hedule).\Z")
_TESTED = re.compile(r"[ \t]*(?:el)?if\b[^\n]*\bin[ \t]+\Z")
_CALL = re.compile(r"(?P<method>\.)?(?<!\w)(?P<name>\w+)[ \t]*\((?P<given>(?:[^()]|\([^()]*\))*)\Z")
_LONGEST = 300
_MOST = 8


def only_reads_values(code: str) -> bool:
    """Whether all that a text does with the configurations it asks for is to read plain values out of them.

    `config = layer.get_config()`, `config["units"]`, `if "units" in config:`, also in a function that is given it. No
    value may be the configuration of another object, and none is read with a default for what is left out.
    """
    names: dict[str, None] = {}
    found = False
    for match in _ASKED.finditer(code):
        before = code[code.rfind("\n", 0, match.start()) + 1 : match.start()][-_LONGEST:]
        if _OF_THE_BASE.search(before):
            continue
        found = True
        bound = _BOUND.match(before)
        if bound is not None and _is_statement(code, match):
            names[bound[1]] = None
        elif not _reads_one(code, match.end()) and not _PRINTED.search(before):
            return False
    done = 0
    while done < len(names):
        if done == _MOST or not _is_only_read(code, list(names)[done], names):
            return False
        done += 1
    return found


def _is_statement(code: str, match: re.Match[str]) -> bool:
    """Whether the line of a call is a statement by itself, and none of the arguments of a call."""
    above = code[: code.rfind("\n", 0, match.start()) + 1].rstrip()[-1:]
    after = code[match.end() :].split("\n", 1)[0]
    line = code[code.rfind("\n", 0, match.start()) + 1 : match.start()]
    return above not in {"(", "[", "{", ",", "\\"} and not after.strip() and line.count("(") == line.count(")")


def _reads_one(code: str, end: int) -> bool:
    match = _ONE.match(code, end)
    return match is not None and _INNER.search(match["key"]) is None


def _is_only_read(code: str, name: str, names: dict[str, None]) -> bool:
    """Whether nothing but values is taken from a name; the parameters that get it are put to the names."""
    for match in re.finditer(rf"(?<![\w.\"'~]){name}\b(?![\"'])", code):
        before = code[max(0, match.start() - _LONGEST) : match.start()]
        if re.match(r"[ \t]*=(?!=)", code[match.end() : match.end() + 8]) or _reads_one(code, match.end()):
            continue
        if _TESTED.match(before[before.rfind("\n") + 1 :]):
            continue
        call = _CALL.search(before)
        if call is None or call["method"] or not re.match(r"[ \t\n]*[,)]", code[match.end() :][:40]):
            return False
        given = call["given"]
        if re.search(rf"\bdef[ \t]+{call['name']}[ \t]*\(\Z", before[: call.start("given")]) or call["name"] == "print":
            continue
        if given.strip() and not given.rstrip().endswith(","):
            return False
        made = list(re.finditer(rf"\bdef[ \t]+{call['name']}[ \t]*\(", code))
        taken = arguments_in(call_at(code, made[0].end())) if len(made) == 1 else []
        place = len(arguments_in(given))
        if place >= len(taken) or not re.fullmatch(r"\w+", taken[place]) or "*" in given:
            return False
        names[taken[place]] = None
    return True
