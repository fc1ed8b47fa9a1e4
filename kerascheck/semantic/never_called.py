"""Functions that nothing in a project calls, in a file that other files of it use."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic.config_reads import trains
from kerascheck.semantic.never_made import may_be_named, without_imports

if TYPE_CHECKING:
    from kerascheck.semantic.events import CallFact, Event
    from kerascheck.semantic.module import Module
    from kerascheck.semantic.project import Project
    from kerascheck.semantic.values import Func

_PLAIN = frozenset({"staticmethod", "classmethod"})
_BY_COMMAND = re.compile(r"\bfire\b|\bFire\(")  # every function becomes a command


def is_never_called(fact: Event | CallFact) -> bool:
    """Whether a call stands in a function that no file of the project names, though programs that train use its file.

    Not in a package, whose users may call it, nor in a folder whose `__init__.py` imports the file, and not where a
    function may be called by a name that is not written. One that trains is what somebody runs by hand.
    """
    function, module = fact.function, fact.module
    if not fact.standalone or function is None or module.project is None:
        return False
    known: dict[int, bool] = module.memo.setdefault("never called", {})
    if id(function.node) not in known:
        known[id(function.node)] = _is_never_called(function, module, module.project)
    return known[id(function.node)]


def _is_never_called(function: Func, module: Module, project: Project) -> bool:
    node = function.node
    if not isinstance(node, cst.FunctionDef) or not _is_plain(node, module.tree) or trains(module.code(node)):
        return False
    importers = project.importers(module.path)
    handed_on = any(path.endswith("/__init__.py") for path in importers)  # to those who use the folder as a package
    if handed_on or not importers or project.is_package(module.path):
        return False
    linked = project.linked(module.path, module.source)
    if linked is None:
        return False
    texts = [source.text for source in linked.values()]
    # what does not import the file has other functions of that name; another way to run it names it somehow
    stem = PurePosixPath(module.path.replace("\\", "/")).stem
    around = (text for text in project.texts_with(module.path, stem) if text not in texts)
    name = re.escape(node.name.value)
    named, alias = re.compile(rf"(?<!def )\b{name}\b"), re.compile(rf"\b{name}[ \t]+as\b")
    if any(alias.search(text) or named.search(without_imports(text)) for text in (*texts, *around)):
        return False
    return not any(may_be_named(text) or _BY_COMMAND.search(text) for text in texts) and any(map(trains, texts))


def _is_plain(node: cst.FunctionDef, tree: cst.Module) -> bool:
    """Whether only its own name leads to it: a function of the file, or a method of a class without bases."""
    if node.name.value.startswith("__"):
        return False
    for decorator in node.decorators:
        if not isinstance(decorator.decorator, cst.Name) or decorator.decorator.value not in _PLAIN:
            return False
    owners = [item for item in tree.body if isinstance(item, cst.ClassDef) and node in item.body.body]
    if not owners:
        return node in tree.body
    owner = owners[0]
    bases = [base.value for base in owner.bases]
    plain = all(isinstance(base, cst.Name) and base.value == "object" for base in bases)
    return plain and not owner.keywords and not owner.decorators
