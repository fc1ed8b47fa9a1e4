"""Layers that only other layers make, which do so again when they are made by their own configuration."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic.custom_objects import config_function, keras_base_with_config, kind_of
from kerascheck.semantic.purposes import Path, is_self, paths

if TYPE_CHECKING:
    from kerascheck.semantic.classes import ClassInfo
    from kerascheck.semantic.module import Module

_MAKING = frozenset({"__init__", "build"})
_SPOKEN = (cst.Annotation, cst.Import, cst.ImportFrom)


def is_made_inside(owner: ClassInfo) -> bool:
    """Whether all layers of a class are made in `__init__` or `build` of other layers and models of the project.

    Those keep it in an attribute and write a configuration of their own, without it: nothing is made by that of the
    inner one. Run on 2.15 and 3.15.1, also where loading the inner one raises, and where the outer one is a layer
    without a `get_config`: the outputs are equal. False where that
    cannot be told: the name is used in any other way, or the class is in a package, which others install.
    """
    module = owner.module
    if module.project is None or kind_of(owner) != "layer":
        return False
    if any(module.project.texts_with(module.path, "setuptools")):
        return False
    users = [module, *module.users_with(owner.name, idle=True)]
    known = {user.source.text for user in users}
    word = re.compile(rf"\b{re.escape(owner.name)}\b")
    if any(word.search(text) for text in module.project.texts_with(module.path, owner.name) if text not in known):
        return False
    made = [found for user in users if word.search(user.source.text) for found in _uses(user, owner)]
    return bool(made) and all(made)


def _uses(module: Module, owner: ClassInfo) -> list[bool]:
    """For each use of a class in a module whether another layer makes it for itself."""
    found: list[bool] = []
    for path in paths(module.tree):
        last = path[-1]
        name = last.attr.value if isinstance(last, cst.Attribute) else last.value if isinstance(last, cst.Name) else ""
        if name != owner.name or owner.node in path:
            continue
        if any(isinstance(node, _SPOKEN) for node in path):
            if any(isinstance(node, cst.AsName) for node in path) or isinstance(path[-2], cst.AsName):
                found.append(False)
            continue
        found.append(_is_kept(module, path))
    return found


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
    if info is None or kind_of(info) not in {"layer", "model"}:
        return False
    config = info.own("get_config")
    if config is None:  # that of a plain layer writes what it is given alone; a model may be written as its graph
        inherited, sure = config_function(info)
        return inherited is None and sure and kind_of(info) == "layer" and keras_base_with_config(info) is None
    text = module.code(config.node)
    return bool(text) and re.search(rf"\b{re.escape(target.attr.value)}\b", text) is None


def _is_held(value: cst.BaseExpression, call: cst.Call) -> bool:
    """Whether a value is a call, or a list of such."""
    if isinstance(value, cst.List):
        return any(item.value is call for item in value.elements)
    return value is call or (isinstance(value, cst.ListComp) and value.elt is call)
