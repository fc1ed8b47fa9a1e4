"""Which things the files of a project register with Keras: those that stand under a decorator, or maybe others."""

from __future__ import annotations

from collections.abc import Iterator, Set
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic.walk import children, walk

if TYPE_CHECKING:
    from kerascheck.semantic.module import Module

WORDS = ("get_custom_objects", "register_keras_serializable", "keras_export")
_REGISTERS = frozenset(WORDS[1:])


def by_decorators(module: Module) -> frozenset[str] | None:
    """The functions of a module that register what they are the decorators of; looked up once.

    None where something else may be registered: Keras' own decorator stands anywhere else than above a class or
    function, or where such a function gives it what it decorates.
    """
    if "decorators that register" not in module.memo:
        plain = any(word in module.source.text for word in WORDS)
        module.memo["decorators that register"] = _by_decorators(module) if plain else frozenset()
    known: frozenset[str] | None = module.memo["decorators that register"]
    return known


def only_below_decorators(module: Module) -> bool:
    """Whether all that a module, what it imports and what imports it register stands under a decorator that does so."""
    near = [module.family(*WORDS), *(user.family(*WORDS) for user in module.users_with(*WORDS))]
    names: set[str] = set()
    for other in dict.fromkeys(item for items in near for item in items):
        found = by_decorators(other)
        if found is None:
            return False
        names |= found
    if not names:
        return True
    near = [module.family(*names), *(user.family(*names) for user in module.users_with(*names))]
    return all(_only_decorate(other, names) for other in dict.fromkeys(item for items in near for item in items))


def _only_decorate(module: Module, names: set[str]) -> bool:
    """Whether a module only imports some functions, defines them, exports them and writes them above things."""
    return all(
        _is_above(way) or isinstance(way[-2], cst.Element if isinstance(way[-1], cst.SimpleString) else cst.FunctionDef)
        for way in _ways(module.tree, names)
    )


def _by_decorators(module: Module) -> frozenset[str] | None:
    if WORDS[0] in module.source.text:
        return None
    found: set[str] = set()
    for way in _ways(module.tree, _REGISTERS):
        name = _registering_function(way)
        if name is None:
            return None
        found.add(name)
    return frozenset(found - {""})


def _ways(tree: cst.CSTNode, names: Set[str]) -> Iterator[list[cst.CSTNode]]:
    """Each place that mentions one of some names, or holds it as a text, with the nodes above it."""
    stack: list[tuple[int, cst.CSTNode]] = [(0, tree)]
    above: list[cst.CSTNode] = []
    while stack:
        depth, node = stack.pop()
        del above[depth:]
        above.append(node)
        if isinstance(node, (cst.Name, cst.SimpleString)):
            if (node.value if isinstance(node, cst.Name) else node.raw_value) in names:
                yield [*above]
        else:
            stack += [(depth + 1, child) for child in children(node)]


def _is_above(way: list[cst.CSTNode]) -> bool:
    """Whether a mention is that of a decorator, called or not, or one of an import that gives no other name."""
    place = _whole(way)
    above = way[place - 1]
    if isinstance(above, cst.Call) and above.func is way[place]:
        above = way[place - 2]
    return isinstance(above, cst.Decorator) or (isinstance(above, cst.ImportAlias) and above.asname is None)


def _whole(way: list[cst.CSTNode]) -> int:
    """The place of the dotted name that a mention is the end of."""
    place = len(way) - 1
    while isinstance(way[place - 1], cst.Attribute):
        place -= 1
    return place


def _registering_function(way: list[cst.CSTNode]) -> str | None:
    """The function at the top of the file that a mention makes a decorator which registers; "" where it makes none.

    None when it may register anything.
    """
    if _is_above(way):
        return ""
    place = _whole(way)
    above = way[place - 1]
    return _gives_its_own(way, above, way[place - 2]) if isinstance(above, cst.Call) else None


def _gives_its_own(way: list[cst.CSTNode], made: cst.Call, outer: cst.CSTNode) -> str | None:
    """The same for `register_keras_serializable(...)(thing)`, where `thing` is what a function is given."""
    if made.func not in way or not isinstance(outer, cst.Call) or outer.func is not made or len(outer.args) != 1:
        return None
    thing = outer.args[0].value
    if not isinstance(thing, cst.Name) or not isinstance(way[0], cst.Module) or way[1] not in way[0].body:
        return None
    functions = [node for node in way if isinstance(node, cst.FunctionDef)]
    if not functions or functions[0] is not way[1] or any(isinstance(node, (cst.ClassDef, cst.Lambda)) for node in way):
        return None
    inner, body = functions[-1], functions[0].body
    if thing.value not in {item.name.value for item in inner.params.params}:
        return None
    own = [node for node in way if isinstance(node, cst.Assign) and node.value is outer]
    for node in walk(body):
        if isinstance(node, (cst.AssignTarget, cst.NamedExpr, cst.For, cst.CompFor, cst.AsName)):
            again = node.name if isinstance(node, cst.AsName) else node.target
            if not any(node in item.targets for item in own) and _mentions(again, thing.value):
                return None
    # the inner functions are only given back
    returned = {id(node.value) for node in walk(body) if isinstance(node, cst.Return)}
    inside = {id(node.name) for node in functions[1:]}
    names = {node.name.value for node in functions[1:]}
    mentions = [node for node in walk(body) if isinstance(node, cst.Name) and node.value in names]
    return functions[0].name.value if all(id(node) in inside | returned for node in mentions) else None


def _mentions(node: cst.CSTNode, name: str) -> bool:
    return any(isinstance(item, cst.Name) and item.value == name for item in walk(node))
