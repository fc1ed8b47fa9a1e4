"""Arguments of a class that nothing in the project gives, or only as the default: a loaded object has that, too."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic.custom_objects import constructor
from kerascheck.semantic.project import is_test_file
from kerascheck.semantic.storage import instances
from kerascheck.semantic.written_calls import arguments_in, call_at

if TYPE_CHECKING:
    from kerascheck.semantic.classes import ClassInfo
    from kerascheck.semantic.module import Module
    from kerascheck.semantic.values import Arguments, Obj

_OTHER = re.compile(r"(?:\bclass[ \t]+|\bsuper\([ \t]*)\Z")
_HEADER = re.compile(r"([ \t]*)class[ \t]+\w+[ \t]*\([^()\n]*\)[ \t]*:")
_LEFT_OUT = re.compile(  # docstrings, comments and imports
    r"(?P<long>\"\"\"|''')(?:\\.|[^\\])*?(?P=long)|#[^\n]*"
    r"|^[ \t]*(?:from[ \t]+[\w.]+[ \t]+)?import[ \t]+(?:\([^()]*\)|[^\n]*)",
    re.MULTILINE,
)


def never_given(module: Module, owner: ClassInfo, name: str) -> bool:
    """Whether all objects of a class that the project makes are made without one argument, or with its default.

    Only where each mention of the class is understood: a call, an import, a pair `"Gate": Gate`, what a string says, a
    class made from it that makes nothing of it. Not in a package, whose users may give it, and not where nothing makes
    an object.
    """
    known: dict[ClassInfo, list[str] | None] = module.memo.setdefault("all made here", {})
    if owner not in known:
        known[owner] = _all_made_here(module, owner)
    calls, made = known[owner], constructor(owner)
    if not calls or made is None:
        return False
    names = [item.name.value for item in made.node.params.params][1:]
    place = names.index(name) if name in names else len(names)
    default = next((_literal(item.node.default) for item in made.parameters if item.name == name), None)
    if any(_may_give_text(call, name, place, default) for call in calls):
        return False
    followed = [item.arguments for item in instances(module, owner) if not _is_from_config(item.call)]
    return not any(_may_give(given, name, place, default) for given in followed)


def _may_give(arguments: Arguments, name: str, place: int, default: str | None) -> bool:
    """Whether a call may give an argument another value than the default, which is written in both places."""
    if arguments.open_positional or arguments.open_keywords:
        return True
    given = [node for keyword, node, _ in arguments.keywords if keyword == name]
    given += [node for node, _ in arguments.positional[place : place + 1]]
    return any(default is None or _literal(node) != default for node in given)


def _may_give_text(call: str, name: str, place: int, default: str | None) -> bool:
    """The same for what stands in the parentheses of a call."""
    for index, item in enumerate(arguments_in(call)):
        keyword = re.match(r"(\w+)\s*=(?!=)\s*", item)
        if item.startswith("*"):
            return True
        if keyword[1] == name if keyword is not None else index == place:
            value = item[keyword.end() :] if keyword is not None else item
            if default is None or _evaluated(value) != default:
                return True
    return False


def _is_from_config(call: cst.CSTNode | None) -> bool:
    """Whether a call is `cls(**config)`: what the configuration leaves out it does not give."""
    return (
        isinstance(call, cst.Call)
        and isinstance(call.func, cst.Name)
        and call.func.value == "cls"
        and all(item.star == "**" and isinstance(item.value, cst.Name) for item in call.args)
    )


def _literal(node: cst.BaseExpression | None) -> str | None:
    """A value that is written out, as Python shows it; None for anything else."""
    return _evaluated(cst.Module([]).code_for_node(node)) if node is not None else None


def _evaluated(text: str) -> str | None:
    try:
        return repr(ast.literal_eval(text.strip()))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def _all_made_here(module: Module, owner: ClassInfo) -> list[str] | None:
    """The arguments of all calls of a class, as they are written; None where a mention is not understood."""
    texts, sure = [module.source.text], any(_is_for_real(module, item) for item in instances(module, owner))
    programs = set(texts)
    if module.project is not None:
        linked = module.project.linked(module.path, module.source)
        if linked is None or module.project.is_package(module.path):
            return None
        texts = [source.text for source in linked.values()]
        programs = {
            source.text for place, source in linked.items() if place.endswith(".py") and not is_test_file(place)
        }
    name = re.escape(owner.name)
    pair = re.compile(rf"([\"']){name}\1[ \t]*:[ \t]*(?:\w+\.)*{name}\b|([\"'])[\w>.]*{name}\2")
    said = re.compile(rf"\"[^\"\n{{}}]*\b{name}\b[^\"\n{{}}]*\"|'[^'\n{{}}]*\b{name}\b[^'\n{{}}]*'")
    mention = re.compile(rf"\b{name}\b(?P<call>[ \t]*\()?(?P<member>\.)?")
    found: list[str] = []
    for whole in texts:
        if owner.name not in whole:
            continue
        text = said.sub("", pair.sub("", _LEFT_OUT.sub("", whole)))
        for match in mention.finditer(text):
            if _OTHER.search(text, max(0, match.start() - 20), match.start()) or _is_idle_heir(text, match.start()):
                continue
            if not match["call"] and not match["member"]:
                return None
            if match["call"]:
                found.append(call_at(text, match.end("call")))
                sure = sure or whole in programs
    return found if sure else None  # tests and notebooks show what others may do with a class


def _is_for_real(module: Module, made: Obj) -> bool:
    return made.module is module or (made.module is not None and _is_program(made.module.path))


def _is_program(path: str) -> bool:
    return path.endswith(".py") and not is_test_file(path)


def _is_idle_heir(text: str, place: int) -> bool:
    """Whether a mention is that of a base in `class Wide(Gate):` which has an own constructor and calls no `super`."""
    line = text.rfind("\n", 0, place) + 1
    header = _HEADER.match(text, line)
    if header is None or header.end() < place:
        return False
    body = re.compile(rf"(?:\n(?:{header[1]}[ \t]+[^\n]*|[ \t\r]*(?=\n|\Z)))*").match(text, text.find("\n", place))
    inside = body[0] if body is not None else ""
    return "def __init__(" in inside and "super(" not in inside and ".__init__(" not in inside
