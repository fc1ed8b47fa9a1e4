"""Layers that only other layers make, which do so again when they are made by their own configuration."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic.custom_objects import config_function, constructor, keras_base_with_config, kind_of
from kerascheck.semantic.file_names import last_name
from kerascheck.semantic.given_to_loads import is_custom_object
from kerascheck.semantic.purposes import Path, is_self, paths

if TYPE_CHECKING:
    from kerascheck.semantic.classes import ClassInfo
    from kerascheck.semantic.module import Module

_MAKING = frozenset({"__init__", "build"})
_COMMENT = re.compile(r"#[^\n]*|\n")
_SPOKEN = (cst.Annotation, cst.Import, cst.ImportFrom)


def is_made_inside(owner: ClassInfo) -> bool:
    """Whether all layers of a class are made in `__init__` or `build` of other layers and models of the project.

    Those keep it in an attribute and write a configuration of their own, without it: nothing is made by that of the
    inner one. Run on 2.15 and 3.15.1, also where loading the inner one raises, and where the outer one is a layer
    without a `get_config`: the outputs are equal. False where that
    cannot be told: the name is used in any other way, or the class is in a package, which others install.
    """
    made = [_is_kept(module, path) for module, path in _uses_of(owner)]
    return bool(made) and all(made)


def is_given_inside(owner: ClassInfo, name: str) -> bool:
    """Whether only such layers are given an argument, and all others of the class have its default.

    A class may be handed to a method that makes it: `self.layer(Inner, key)` with `layer = kind(name=key)` in there.
    """
    made = constructor(owner)
    if made is None:
        return False
    names = [item.name.value for item in made.node.params.params][1:]
    place = names.index(name) if name in names else len(names)
    kept = [_is_kept(module, path) for module, path in _uses_of(owner)]
    if not any(kept):
        return False
    return all(
        inside or _gives_not(path[-2], path[-1], name, place) or _is_made_by_a_method(path, name, place)
        for inside, (_, path) in zip(kept, _uses_of(owner))
    )


def _uses_of(owner: ClassInfo) -> list[tuple[Module, Path]]:
    """The uses of a layer's class in the project that may make one; a use without a path cannot be told."""
    module = owner.module
    known: dict[ClassInfo, list[tuple[Module, Path]]] = module.memo.setdefault("uses of classes", {})
    if owner not in known:
        known[owner] = list(_find_uses(owner, module))
    return known[owner]


def _find_uses(owner: ClassInfo, module: Module) -> Iterator[tuple[Module, Path]]:
    if module.project is None or kind_of(owner) != "layer":
        return
    if any(module.project.texts_with(module.path, "setuptools")):
        return
    users = [module, *module.users_with(owner.name, idle=True)]
    known = {user.source.text for user in users}
    word = re.compile(rf"\b{re.escape(owner.name)}\b")
    if any(word.search(text) for text in module.project.texts_with(module.path, owner.name) if text not in known):
        return
    for user in users:
        if word.search(user.source.text):
            yield from ((user, path) for path in _uses(user, owner))


def _uses(module: Module, owner: ClassInfo) -> Iterator[Path]:
    """The uses of a class in a module, but for what makes none: `isinstance`, the custom objects of a load."""
    for path in paths(module.tree):
        last = path[-1]
        name = last.attr.value if isinstance(last, cst.Attribute) else last.value if isinstance(last, cst.Name) else ""
        if name != owner.name or owner.node in path:
            continue
        if any(isinstance(node, _SPOKEN) for node in path):
            if any(isinstance(node, cst.AsName) for node in path) or isinstance(path[-2], cst.AsName):
                yield path
            continue
        if not (_is_asked(path) or is_custom_object(module, path)):
            yield path


def _is_asked(path: Path) -> bool:
    """Whether a class is that of `isinstance(layer, Inner)`, or one of several."""
    call = next((node for node in reversed(path[:-1]) if isinstance(node, cst.Call)), None)
    return (
        call is not None
        and isinstance(call.func, cst.Name)
        and call.func.value in {"isinstance", "issubclass"}
        and all(isinstance(node, (cst.Arg, cst.Tuple, cst.Element)) for node in path[path.index(call) + 1 : -1])
        and len(call.args) == 2
        and call.args[1] in path
    )


def _gives_not(call: cst.CSTNode, used: cst.CSTNode, name: str, place: int) -> bool:
    """Whether a use is a call that gives an argument nothing: neither by its name nor at its place nor by stars."""
    if not isinstance(call, cst.Call) or call.func is not used:
        return False
    given = [item for item in call.args if item.keyword is None]
    named = [item.keyword.value for item in call.args if item.keyword is not None]
    return not any(item.star for item in call.args) and len(given) <= place and name not in named


def _is_made_by_a_method(path: Path, name: str, place: int) -> bool:
    """Whether a class is handed to a method of the same class, or a function of the file, that makes it without one."""
    call, argument = path[-3], path[-2]
    if not isinstance(call, cst.Call) or not isinstance(argument, cst.Arg) or argument.keyword or argument.star:
        return False
    if any(item.star or (item.keyword is not None and item.keyword.value == name) for item in call.args):
        return False
    home: cst.CSTNode | None = path[0]
    if isinstance(call.func, cst.Attribute):
        home = (
            next((node for node in path if isinstance(node, cst.ClassDef)), None) if is_self(call.func.value) else None
        )
    body = home.body.body if isinstance(home, cst.ClassDef) else home.body if isinstance(home, cst.Module) else ()
    called = last_name(call.func)
    found = [item for item in body if isinstance(item, cst.FunctionDef) and item.name.value == called]
    index = call.args.index(argument) + isinstance(home, cst.ClassDef)
    if len(found) != 1 or found[0].decorators or index >= len(found[0].params.params):
        return False
    function = found[0]
    parameter, rest = function.params.params[index].name.value, function.params.star_kwarg
    more = rest.name.value if rest is not None else ""
    for inner in paths(function.body):
        last, outer = inner[-1], inner[-2] if len(inner) > 1 else None
        if (
            isinstance(last, cst.Name)
            and last.value == more
            and not (isinstance(outer, cst.Arg) and outer.star == "**")
        ):
            return False
        if not isinstance(last, cst.Name) or last.value != parameter:
            continue
        if isinstance(outer, cst.Attribute) and outer.attr.value == "__name__":
            continue
        made = outer if isinstance(outer, cst.Call) and outer.func is last else None
        given = [item for item in made.args if last_name(item.value) != more or item.star != "**"] if made else []
        if made is None or not _gives_not(made.with_changes(func=last, args=given), last, name, place):
            return False
    return True


def _is_kept(module: Module, path: Path) -> bool:
    """Whether a use is the call in `self.inner = Inner(...)` where a layer or model is made that writes its own."""
    outer = next((node for node in path if isinstance(node, cst.ClassDef)), None)
    function = next((node for node in path if isinstance(node, cst.FunctionDef)), None)
    call, assign = path[-2], next((node for node in path if isinstance(node, cst.Assign)), None)
    if outer is None or function is None or assign is None or function.name.value not in _MAKING:
        return False
    if not isinstance(call, cst.Call) or call.func is not path[-1] or not _is_held(assign.value, call):
        return False
    target = assign.targets[0].target
    if len(assign.targets) != 1 or not isinstance(target, cst.Attribute) or not is_self(target.value):
        return False
    info = next((item for item in module.classes if item.node is outer), None)
    if info is None or not (kind_of(info) in {"layer", "model"} or _is_made_anew(info)):
        return False
    config = info.own("get_config")
    if config is None:  # that of a plain layer writes what it is given alone; a model may be written as its graph
        inherited, sure = config_function(info)
        return inherited is None and sure and kind_of(info) == "layer" and keras_base_with_config(info) is None
    text = module.code(config.node)
    return bool(text) and re.search(rf"\b{re.escape(target.attr.value)}\b", text) is None


def _is_made_anew(owner: ClassInfo) -> bool:
    """Whether a class, of whatever base, says itself that its `from_config` is `return cls(**config)`."""
    function = owner.own("from_config")
    if owner.own("get_config") is None or function is None or not isinstance(function.node, cst.FunctionDef):
        return False
    names = [item.name.value for item in function.node.params.params]
    code = function.module.code(function.node.body).strip()
    return (
        len(names) > 1
        and re.fullmatch(rf"return {names[0]}\(\*\*{names[1]}\)", _COMMENT.sub("", code).strip()) is not None
    )


def _is_held(value: cst.BaseExpression, call: cst.Call) -> bool:
    """Whether a value is a call, or a list of such."""
    if isinstance(value, cst.List):
        return any(item.value is call for item in value.elements)
    return value is call or (isinstance(value, cst.ListComp) and value.elt is call)
