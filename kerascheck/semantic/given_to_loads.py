"""Classes that stand in a table of custom objects: a load makes them by it, and nothing else does."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic.file_names import last_name
from kerascheck.semantic.purposes import Path, paths

if TYPE_CHECKING:
    from kerascheck.semantic.module import Module

_SCOPES = frozenset({"custom_object_scope", "CustomObjectScope"})


def is_custom_object(module: Module, path: Path) -> bool:
    """Whether a use of a class is a value in a table that is written for a load, or that is only given to loads.

    `load_model(path, custom_objects={"Inner": Inner})`, `objects = dict(Inner=Inner)`, `get_custom_objects()["a"] = A`.
    """
    last, outer = path[-1], path[-2]
    if isinstance(outer, cst.Assign):
        target = outer.targets[0].target
        return len(outer.targets) == 1 and isinstance(target, cst.Subscript) and _is_global(target.value)
    if isinstance(outer, cst.DictElement):
        if outer.value is not last:
            return False
    elif not (isinstance(outer, cst.Arg) and outer.keyword is not None and _is_dict(path[-3])):
        return False
    above = path[:-2]  # it ends in the table
    holder = above[-2]
    if isinstance(holder, cst.Assign):
        target = holder.targets[0].target
        return len(holder.targets) == 1 and isinstance(target, cst.Name) and _is_only_given(module, target, above)
    return _is_given(above[-1], holder, above[-3])


def _is_dict(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.Call) and isinstance(node.func, cst.Name) and node.func.value == "dict"


def _is_global(node: cst.BaseExpression) -> bool:
    return isinstance(node, cst.Call) and last_name(node.func) == "get_custom_objects"


def _is_given(table: cst.CSTNode, holder: cst.CSTNode, call: cst.CSTNode) -> bool:
    """Whether a table, or its name, is the `custom_objects` of a call, or is given to a scope of such."""
    if not isinstance(holder, cst.Arg) or not isinstance(call, cst.Call) or holder.value is not table or holder.star:
        return False
    if holder.keyword is not None:
        return holder.keyword.value == "custom_objects"
    func = call.func
    added = isinstance(func, cst.Attribute) and func.attr.value == "update" and _is_global(func.value)
    return added or last_name(func) in _SCOPES


def _is_only_given(module: Module, target: cst.Name, above: Path) -> bool:
    """Whether a name, of a function or of a module that nothing takes it from, is only given to loads."""
    function = next((node for node in reversed(above) if isinstance(node, (cst.FunctionDef, cst.ClassDef))), None)
    if isinstance(function, cst.ClassDef):
        return False  # it is used by `self.objects`, too
    if function is None and module.project is not None:
        word = re.compile(rf"\b{re.escape(target.value)}\b(?![ \t]*=)")
        if any(word.search(text) for text in module.project.texts_with(module.path, target.value)):
            return False
    given = False
    for path in paths(module.tree if function is None else function.body):
        last = path[-1]
        if isinstance(last, cst.Name) and last.value == target.value and last is not target:
            given = len(path) > 2 and _is_given(last, path[-2], path[-3])
            if not given:
                return False
    return given
