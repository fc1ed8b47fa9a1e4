"""Whole models that a program writes and reads again in the same run, such as those in temporary files.

The file lies in a folder that nothing else knows, so the order of the calls says which file a load reads: the one
that was written last to the same place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic.storage import Load, Save, loads, path_key, saves
from kerascheck.semantic.values import Obj, Part, Value
from kerascheck.semantic.walk import walk

if TYPE_CHECKING:
    from kerascheck.semantic.module import Module
    from kerascheck.semantic.values import Arguments


def reads_back(save: Save) -> list[Load]:
    """The loads that read what a save has written, behind it in the same run, with nothing written over it before."""
    module = save.reader
    entry = module.interpreter.entry
    behind = [
        load
        for load in loads(module)
        if load.call.order > save.order and entry(load.call.order) == entry(save.order) and is_same_file(save, load)
    ]
    if not behind:
        return []
    end = min(_written_over(save), default=behind[-1].call.order)
    return [load for load in behind if load.call.order <= end]


def written_before(module: Module, load: Load) -> list[Save]:
    """What may have written the file of a load in the same run, where nothing is known of its path.

    None of it when something writes there whose model is not known.
    """
    if path_key(load.path) is not None:
        return []
    entry = module.interpreter.entry
    found = [save for save in saves(module) if save.order < load.call.order and is_same_file(save, load)]
    found = [save for save in found if entry(save.order) == entry(load.call.order)]
    known = {save.order for save in found}
    over = {order for save in found for order in _written_over(save) if order < load.call.order}
    return found if over <= known else []


def reads_another(load: Load, save: Save) -> bool:
    """Whether a load reads what something else has written to the same path just before, in the same run."""
    module, key = load.reader, path_key(save.path)
    entry = module.interpreter.entry
    before = [
        order
        for order, path in _written(module)
        if order < load.call.order and path_key(path) == key and entry(order) == entry(load.call.order)
    ]
    return key is not None and bool(before) and (module is not save.reader or max(before) != save.order)


def is_same_file(save: Save, load: Load) -> bool:
    """Whether a save and a load behind it are given the same path: a known one, one value, or one name."""
    key = path_key(save.path)
    if key is not None or path_key(load.path) is not None:
        return key == path_key(load.path)
    if _is_one(save.path) and save.path == load.path:
        return True
    if save.path is not None or load.path is not None or save.module is not load.module:
        return False
    return save.function is load.call.function and _is_one_name(save, load)


def _is_one(path: Value | None) -> bool:
    """Whether values that are equal to a path are the same one: what a call gives, or a part of that by its name."""
    while isinstance(path, Part):
        if path.attribute.startswith("#") and (path.attribute != "#item" or path.index is None):
            return False
        path = path.base
    return isinstance(path, Obj) and path.kind == "value"


def _is_one_name(save: Save, load: Load) -> bool:
    """Whether both are given a name that is not bound between them."""
    module, name = save.module, _name_of(save.arguments)
    if name == "" or name != _name_of(load.call.arguments) or not (module.owns(save.node) and module.owns(load.node)):
        return False
    scope = module.tree if save.function is None else save.function.node
    first, last = module.span(save.node).end, module.span(load.node).start
    bound = (_targets(node) for node in walk(scope) if first <= module.span(node).start < last)
    return first < last and not any(name in targets for targets in bound)


def _name_of(given: Arguments) -> str:
    found = given.find("filepath", 0)
    return found[0].value if found is not None and isinstance(found[0], cst.Name) else ""


def _targets(node: cst.CSTNode) -> set[str]:
    """The names that a statement, a loop or a `with` binds."""
    places: list[cst.CSTNode] = []
    if isinstance(node, (cst.AssignTarget, cst.AnnAssign, cst.AugAssign, cst.NamedExpr, cst.For, cst.CompFor)):
        places.append(node.target)
    elif isinstance(node, cst.AsName):
        places.append(node.name)
    return {item.value for place in places for item in walk(place) if isinstance(item, cst.Name)}


def _written_over(save: Save) -> list[int]:
    """When something behind a save may write over its file."""
    return [order for order, path in _written(save.reader) if order > save.order and _may_be_over(save, path)]


def _written(module: Module) -> list[tuple[int, Value | None]]:
    """When models are written in a program, and where to."""
    events = [item for item in module.events if item.name in {"save", "save_weights"}]
    found = [(item.order, item.arguments.value("filepath", 0)) for item in events]
    return found + [(item.order, item.path) for item in saves(module)]


def _may_be_over(save: Save, path: Value | None) -> bool:
    key, other = path_key(save.path), path_key(path)
    if key is not None or other is not None:
        return key == other
    return not (_is_one(save.path) and _is_one(path)) or save.path == path
