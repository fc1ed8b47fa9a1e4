"""Parameters that no call in the project gives: their default is what they are, `def __init__(self, cfg=CONFIG)`.

Found by text, as the calls stand in files that may not be read; what cannot be seen through counts as given.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

import libcst as cst

from kerascheck.semantic.project import without_plain_imports
from kerascheck.semantic.values import Mapping
from kerascheck.semantic.walk import walk

if TYPE_CHECKING:
    from kerascheck.semantic.interpreter import Interpreter
    from kerascheck.semantic.module import Module
    from kerascheck.semantic.values import Func, Value

_ASIDE = re.compile(r'"""[\s\S]*?"""|\'\'\'[\s\S]*?\'\'\'|#[^\n]*')
_CHANGE = r"\b{name}\b(?:(?:\[[^\]\n]*\])+\s*[|+]?=(?!=)|(?:\[[^\]\n]*\])*\.(?:update|setdefault|pop|clear)\()"
_LONGEST_CALL = 1_000  # characters
_MOST_HEIRS = 20


def usual_table(self: Interpreter, parameter: str, value: Value | None) -> Mapping | None:
    """A dictionary that a parameter is by default in the function that is followed, where no call gives another one.

    None when it is something else, or when a program of the project may change it.
    """
    function = self.function
    if (
        type(value) is not Mapping
        or not value.exact
        or function is None
        or not isinstance(function.node, cst.FunctionDef)
    ):
        return None
    known: dict[tuple[int, str], bool] = function.module.memo.setdefault("left out", {})
    key = id(function.node), parameter
    if key not in known:
        known[key] = _is_left_out(function, function.node, parameter)
    return value if known[key] else None


def _is_left_out(function: Func, node: cst.FunctionDef, parameter: str) -> bool:
    names = [item.name.value for item in (*node.params.posonly_params, *node.params.params)]
    index = names.index(parameter) if parameter in names else None
    owner, called = function.owner, node.name.value
    if owner is not None and "staticmethod" not in function.decorators:
        index = None if index is None else index - 1  # `self` stands in front
    if called == "__init__" and owner is not None:
        called = owner.name
    texts = list(_texts(function.module, called))
    wanted, done = [called], 0
    while done < len(wanted):
        name, done = wanted[done], done + 1
        for text in texts if len(wanted) <= _MOST_HEIRS else ("",):
            heirs = _only_called_without(text, name, parameter, index)
            if heirs is None or (heirs and re.search(r"\bsuper\([^)]*\)\.__init__\(\s*[^)\s]", text)):
                return False
            wanted += [heir for heir in heirs if heir not in wanted]
    return len(wanted) <= _MOST_HEIRS and not any(_changes(text, table) for text in texts for table in _tables(node))


def _texts(module: Module, name: str) -> Iterator[str]:
    """The texts of a module, of those that it imports, and of those that import it, without what says nothing."""
    project = module.project
    around = project.texts_importing(module.path) if project is not None else ()
    known: dict[str, str] = {} if project is None else cast("dict[str, str]", project.noted.setdefault("left out", {}))
    for text in (*module.texts(), *around):
        if text not in known:
            known[text] = without_plain_imports(_ASIDE.sub("", text))
        yield known[text]


def _tables(node: cst.FunctionDef) -> set[str]:
    """The names that the tables of a function's defaults may have: those in its defaults, and those in capitals."""
    parameters = (*node.params.posonly_params, *node.params.params, *node.params.kwonly_params)
    found = [part for item in parameters if item.default is not None for part in walk(item.default)]
    found += [part for part in walk(node.body) if type(part) is cst.Name and part.value.isupper()]
    return {part.value for part in found if type(part) is cst.Name} - {"None", "True", "False"}


def _changes(text: str, name: str) -> bool:
    """Whether a text may put something into a dictionary of this name."""
    return name in text and re.search(_CHANGE.format(name=re.escape(name)), text) is not None


def changes_tables(module: Module) -> bool:
    """Whether a module may put something into a dictionary whose name is in capitals, maybe one of another file."""
    return re.search(_CHANGE.format(name=r"[A-Z][A-Z_]{2,}"), module.source.text) is not None


def _only_called_without(text: str, name: str, parameter: str, index: int | None) -> list[str] | None:
    """The classes that derive from `name` in a text which does nothing else with it but call it without a parameter.

    None when it may do more.
    """
    heirs: list[str] = []
    for match in re.finditer(rf"\b{re.escape(name)}\b", text) if name in text else ():
        before, after = text[max(0, match.start() - 80) : match.start()], text[match.end() :][:1]
        line = before[before.rfind("\n") + 1 :]
        derives = re.match(r"[ \t]*class[ \t]+(\w+)[ \t]*\([^()]*$", line)
        if re.search(r"\b(?:class|def)[ \t]+$", line) or (line[-1:] in {'"', "'"} and after in {'"', "'"}):
            continue
        if derives is not None:
            heirs.append(derives[1])
        elif after != "(" or _gives(text, match.end(), parameter, index):
            return None
    return heirs


def _gives(text: str, start: int, parameter: str, index: int | None) -> bool:
    """Whether the call whose bracket opens at `start` gives a parameter, or may."""
    depth, begin, count = 0, start + 1, 0
    for place in range(start, min(len(text), start + _LONGEST_CALL)):
        letter = text[place]
        if letter in "([{":
            depth += 1
        elif letter in ")]}":
            depth -= 1
        if depth == 0 or (depth == 1 and letter == ","):
            argument = text[begin:place].strip()
            named = re.match(r"(\w+)\s*=(?!=)", argument)
            if argument.startswith("*") or (named is not None and named[1] == parameter):
                return True
            count += bool(argument) and named is None
            begin = place + 1
        if depth == 0:
            return index is not None and count > index
    return True
