"""Arguments of a class that nothing in the project gives: each object has the default, a loaded one too."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

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
    """Whether all objects of a class that the project makes are made without one argument.

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
    return not any(_may_give(item.arguments, name, place) for item in instances(module, owner))


def _may_give(arguments: Arguments, name: str, place: int) -> bool:
    if arguments.open_positional or arguments.open_keywords or len(arguments.positional) > place:
        return True
    return any(keyword == name for keyword, _, _ in arguments.keywords)


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
