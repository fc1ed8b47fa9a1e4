"""Arguments of a class that nothing in the project gives, or only as the default: a loaded object has that, too."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic.custom_objects import constructor
from kerascheck.semantic.storage import instances

if TYPE_CHECKING:
    from kerascheck.semantic.classes import ClassInfo
    from kerascheck.semantic.module import Module
    from kerascheck.semantic.values import Arguments

_LEFT_OUT = re.compile(
    r"#[^\n]*|^[ \t]*(?:from[ \t]+[\w.]+[ \t]+)?import[ \t]+(?:\([^()]*\)|[^\n]*)", re.MULTILINE
)  # comments and imports


def never_given(module: Module, owner: ClassInfo, name: str) -> bool:
    """Whether all objects of a class that the project makes are made without one argument, or with its default.

    Only where each mention of the class is understood: a call that was followed, an import, a pair `"Gate": Gate`. Not
    in a package, whose users may give it, and not where nothing makes an object.
    """
    known: dict[ClassInfo, bool] = module.memo.setdefault("all made here", {})
    if owner not in known:
        known[owner] = _all_made_here(module, owner)
    made = constructor(owner)
    if not known[owner] or made is None:
        return False
    names = [item.name.value for item in made.node.params.params][1:]
    place = names.index(name) if name in names else len(names)
    default = next((_literal(item.node.default) for item in made.parameters if item.name == name), None)
    return not any(_may_give(item.arguments, name, place, default) for item in instances(module, owner))


def _may_give(arguments: Arguments, name: str, place: int, default: str | None) -> bool:
    """Whether a call may give an argument another value than the default, which is written in both places."""
    if arguments.open_positional or arguments.open_keywords:
        return True
    given = [node for keyword, node, _ in arguments.keywords if keyword == name]
    given += [node for node, _ in arguments.positional[place : place + 1]]
    return any(default is None or _literal(node) != default for node in given)


def _literal(node: cst.BaseExpression | None) -> str | None:
    """A value that is written out, as Python shows it; None for anything else."""
    if node is None:
        return None
    try:
        return repr(ast.literal_eval(cst.Module([]).code_for_node(node)))
    except (ValueError, SyntaxError):
        return None


def _all_made_here(module: Module, owner: ClassInfo) -> bool:
    calls = {id(item.call) for item in instances(module, owner)}
    if not calls:
        return False
    texts = [module.source.text]
    if module.project is not None:
        linked = module.project.linked(module.path, module.source)
        if linked is None or module.project.is_package(module.path):
            return False
        texts = [source.text for source in linked.values()]
    name = re.escape(owner.name)
    pair = re.compile(rf"([\"']){name}\1[ \t]*:[ \t]*(?:\w+\.)*{name}\b|([\"'])[\w>.]*{name}\2")
    mention = re.compile(rf"\b{name}\b(?P<call>[ \t]*\()?(?P<member>\.)?")
    other = re.compile(r"(?:\bclass[ \t]+|\bsuper\([ \t]*)\Z")
    found = 0
    for text in texts:
        if owner.name not in text:
            continue
        text = pair.sub("", _LEFT_OUT.sub("", text))
        for match in mention.finditer(text):
            if other.search(text, max(0, match.start() - 20), match.start()):
                continue
            if not match["call"] and not match["member"]:
                return False
            found += bool(match["call"])
    return found <= len(calls)
