"""Classes that nothing in a project makes: no file of it has an object of them."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic.config_reads import trains
from kerascheck.semantic.purposes import Path, paths
from kerascheck.semantic.storage import instances

if TYPE_CHECKING:
    from kerascheck.semantic.classes import ClassInfo
    from kerascheck.semantic.module import Module
    from kerascheck.semantic.project import Project

_REGISTERS = "register_keras_serializable"
_SPOKEN = (cst.Annotation, cst.Import, cst.ImportFrom)
# what may make a class whose name no text has
_ANY = re.compile(
    r"\bgetattr\((?!self\b)[^()\n,]+,[ \t]*(?![\"'\s])|(?<![\w.])(?:globals|eval|exec)\("
    r"|(?<![\w.])(?:locals|vars)\([^()]*\)(?:\[|\.get\()|\b(?:__subclasses__|getmembers)\b"
    r"|\b(?:deserialize|from_config|get_registered_object|get_custom_objects)\([^()\n]*\w"
)
_OWN_CONFIG = re.compile(r"\bdef from_config\(|\bsuper\([^()]*\)\.from_config\(")
_LEFT_OUT = re.compile(
    r"#[^\n]*|^[ \t]*(?:from[ \t]+[\w.]+[ \t]+)?import[ \t]+(?:\([^()]*\)|[^\n;]*)"
    r"|^__all__[ \t]*\+?=[ \t]*[\[(][^\[\]()]*[\])]",
    re.MULTILINE,
)
# classes that a load is given, written out where it is called
_GIVEN_TO_LOAD = re.compile(r"\bcustom_objects[ \t]*=[ \t]*\{[^{}]*\}")
_ALIAS = r"\b{name}[ \t]+as\b"


def is_never_made(owner: ClassInfo) -> bool:
    """Whether programs of the project that train know a class and none of them makes an object of it.

    Only where nothing names it but its definition, imports, and a table that is only given to loads, as their custom
    objects. Not in a package, whose users may make it, and not where a class may be made by a name that is not written.
    """
    module = owner.module
    known: dict[ClassInfo, bool] = module.memo.setdefault("never made", {})
    if owner not in known:
        known[owner] = module.project is not None and _is_never_made(owner, module, module.project)
    return known[owner]


def _is_never_made(owner: ClassInfo, module: Module, project: Project) -> bool:
    if any(_REGISTERS not in module.code(item) for item in owner.node.decorators):
        return False  # it may be made by the name that it is kept by
    if instances(module, owner) or project.is_package(module.path) or not project.importers(module.path):
        return False
    word = re.compile(rf"\b{re.escape(owner.name)}\b")
    alias = re.compile(_ALIAS.format(name=re.escape(owner.name)))
    for text in project.texts_with(module.path, owner.name):
        if alias.search(text) or word.search(_GIVEN_TO_LOAD.sub("", _LEFT_OUT.sub("", text))):
            return False
    tables: set[str] = set()
    if not all(_says_nothing(path, owner, tables) for path in paths(module.tree) if _names(path[-1], owner.name)):
        return False
    linked = project.linked(module.path, module.source)
    texts = [source.text for source in linked.values()] if linked is not None else []
    if any(may_be_named(text) for text in texts) or not any(trains(text) for text in texts):
        return False
    return not any(_is_read(table, [module.source.text, *project.texts_with(module.path, table)]) for table in tables)


def may_be_named(text: str) -> bool:
    """Whether a text may reach for a name that is not written there."""
    return _ANY.search(_OWN_CONFIG.sub("", text)) is not None


def without_imports(text: str) -> str:
    """A text without comments, imports and `__all__`."""
    return _LEFT_OUT.sub("", text)


def _names(node: cst.CSTNode, name: str) -> bool:
    if isinstance(node, cst.SimpleString):
        return node.evaluated_value == name
    return isinstance(node, cst.Name) and node.value == name


def _says_nothing(path: Path, owner: ClassInfo, tables: set[str]) -> bool:
    """Whether a mention of a class in its own file makes none: in its definition, an annotation or a table."""
    if path[-2] is owner.node or any(isinstance(node, _SPOKEN) for node in path):
        return True
    for outer, inner in pairwise(path):
        if isinstance(outer, cst.Decorator):
            return owner.node in path and isinstance(path[-1], cst.SimpleString)
        if isinstance(outer, cst.Call) and outer.func is not inner:
            func = outer.func
            if isinstance(func, cst.Name) and func.value == "super":
                return True
        if isinstance(outer, cst.Assign) and isinstance(path[-1], cst.SimpleString):
            target = outer.targets[0].target
            if isinstance(target, cst.Name) and target.value == "__all__":
                return True
        if isinstance(outer, cst.DictElement):
            table = _table(path[: path.index(outer)])
            tables.update(table)
            return bool(table)
    return False


def _table(path: Path) -> set[str]:
    """The name in `NAME = {...}` or `NAME.update({...})`, of the dictionary that a path ends in."""
    if len(path) < 2 or not isinstance(path[-1], cst.Dict):
        return set()
    outer = path[-2]
    if isinstance(outer, cst.Assign) and len(outer.targets) == 1 and isinstance(outer.targets[0].target, cst.Name):
        return {outer.targets[0].target.value}
    call = path[-3] if isinstance(outer, cst.Arg) and len(path) > 2 else None
    func = call.func if isinstance(call, cst.Call) else None
    if isinstance(func, cst.Attribute) and func.attr.value == "update" and isinstance(func.value, cst.Name):
        return {func.value.value}
    return set()


def _is_read(table: str, texts: list[str]) -> bool:
    """Whether a text does more with a table than to make it, to add to it, or to give it to a load."""
    name = re.escape(table)
    given = re.compile(rf"\bcustom_objects[ \t]*=[ \t]*{name}\b(?![\[.(])|\b[cC]ustom_?[oO]bject_?[sS]cope\({name}\)")
    used = re.compile(rf"\b{name}\b(?![ \t]*=[ \t]*\{{|\.update\()")
    return any(used.search(given.sub("", _LEFT_OUT.sub("", text))) for text in texts)
