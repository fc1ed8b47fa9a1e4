"""What a program tells Keras of its classes and functions by calls: registered, or put into its global dictionary."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic.names import GLOBAL_OBJECTS, REGISTERS
from kerascheck.semantic.values import Class, Const, Func, Mapping, ModuleValue, Value

if TYPE_CHECKING:
    from kerascheck.semantic.events import CallFact
    from kerascheck.semantic.module import Module

WORDS = ("get_custom_objects", "register_keras_serializable")
_MENTION = re.compile(r"([\w.]*)\bget_custom_objects\b(\s*\()?")
_IMPORT = re.compile(r"[ \t]*(?:from[ \t]|import[ \t]|[\w, \t]*\\?$)")
# what is done with the dictionary where nothing gets into it, or where that is recorded
_PLAIN_USE = re.compile(
    r"\(\s*\)\s*(?:\[|\.(?:update|setdefault|get|keys|items|values|copy|pop)\(|,|\)|\}|:?\s*(?:#[^\n]*)?$)",
    re.MULTILINE,
)


def registered_by_calls(module: Module) -> frozenset[str]:
    """The names of what a module, or one that it imports, registers by a call: `register_keras_serializable()(Net)`."""
    found = {name for call in _calls([module, *module.family(WORDS[1])], REGISTERS) for name in _registered(call) or ()}
    return frozenset(found)


def own_global_names(module: Module) -> frozenset[str] | None:
    """The names that the calls of a module give to Keras; looked up once."""
    if "global names" not in module.memo:
        module.memo["global names"] = global_names(module, ())
    known: frozenset[str] | None = module.memo["global names"]
    return known


def global_names(module: Module, around: Iterable[Module]) -> frozenset[str] | None:
    """The names that calls in some modules give to Keras, as seen from one of them; None when any cannot be told.

    Where a call that is reached gives one thing, the same call in a function that is read by itself says no more.
    """
    modules = list(dict.fromkeys([module, *around]))
    if any(not _is_followed(other) for other in modules):
        return None
    given: dict[int, list[tuple[bool, frozenset[str] | None]]] = {}
    for call in _calls(modules, REGISTERS, GLOBAL_OBJECTS + "."):
        names = _registered(call) if call.name == REGISTERS else _put(call)
        if names is None and call.standalone and call.name == REGISTERS:
            continue  # a decorator of the project's own: what it is written above is not known to be unregistered
        given.setdefault(id(call.node), []).append((call.standalone, names))
    found: set[str] = set()
    for calls in given.values():
        reached = [names for standalone, names in calls if not standalone]
        for names in reached or [names for _, names in calls]:
            if names is None:
                return None
            found |= names
    return frozenset(found)


def _calls(modules: Iterable[Module], *starts: str) -> Iterator[CallFact]:
    for other in modules:
        yield from (call for call in other.calls if call.name.startswith(starts))


def _is_followed(module: Module) -> bool:
    """Whether each place of a module that names Keras' dictionary is one that was met, and used in a plain way."""
    text = module.source.text
    if WORDS[0] not in text:
        return True
    met = {id(call.node) for call in module.calls_of(GLOBAL_OBJECTS) if call.module is module}
    written = 0
    for match in _MENTION.finditer(text):
        line = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
        if "#" in line or (not match[2] and _IMPORT.match(line)) or _is_own(module, match[1], line):
            continue
        if not match[2] or _PLAIN_USE.match(text, match.end() - 1) is None:
            return False
        written += 1
    return written <= len(met)


def _is_own(module: Module, before: str, line: str) -> bool:
    """Whether a name in the text is that of a function of the project."""
    if line.rstrip().endswith("def"):
        return True
    if before:
        return isinstance(module.bound(before.partition(".")[0]), (ModuleValue, Class))
    return isinstance(module.bound(WORDS[0]), Func)


def _registered(call: CallFact) -> frozenset[str] | None:
    """The name of what a call registers; None when it is not known."""
    return _names_of(call.arguments.value("", 0))


def _names_of(value: Value | None) -> frozenset[str] | None:
    if isinstance(value, Class):
        return frozenset({value.info.name})
    if isinstance(value, Func) and isinstance(value.node, cst.FunctionDef):
        return frozenset({value.node.name.value})
    return None


def _put(call: CallFact) -> frozenset[str] | None:
    """The names that a call or an assignment puts into the dictionary."""
    first = call.arguments.value("", 0)
    if not call.name.endswith(".update"):
        return frozenset({str(first.value)}) if isinstance(first, Const) else None
    names = {name for name, _, _ in call.arguments.keywords}
    if call.arguments.positional:
        if not isinstance(first, Mapping) or not first.exact:
            return None
        names |= {str(key) for key, _ in first.entries}
    return None if call.arguments.open_keywords or call.arguments.open_positional else frozenset(names)
