"""Methods that must have run before another one: the only ones that bind the attributes of `self` that it reads.

A plain class that keeps its model on `self` mostly makes it in one method and uses it in others. Where nobody is seen
calling these in order, the order follows from what each needs.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, TypeGuard, cast

import libcst as cst

from kerascheck.semantic.classes import ClassInfo
from kerascheck.semantic.values import NO_ARGUMENTS, Func
from kerascheck.semantic.walk import statements, walk

if TYPE_CHECKING:
    from kerascheck.semantic.heap import Key as HeapKey
    from kerascheck.semantic.interpreter import Interpreter
    from kerascheck.semantic.module import Module

_MOST = 6  # methods before one


def methods_before(self: Interpreter, owner: ClassInfo, function: Func) -> tuple[Func, ...]:
    """The methods that bind what a method reads and the constructor does not, in the order in which they need them.

    Empty for a Keras class: its methods are called by Keras, in an order of their own.
    """
    if owner.keras_kind is not None or not isinstance(function.node, cst.FunctionDef):
        return ()
    bound = _binders(self, owner)
    if not bound:
        return ()
    receiver, made = self.instance_of(owner)
    there = {slot for holder, slot in made if holder is receiver}
    chain: list[Func] = []
    _collect(self, function, bound, there, [function], chain)
    return tuple(chain) if len(chain) <= _MOST else ()


def _collect(
    self: Interpreter,
    function: Func,
    bound: dict[str, list[Func]],
    there: set[str],
    waiting: list[Func],
    chain: list[Func],
) -> None:
    read = _read_in(self.module, cast(cst.FunctionDef, function.node))
    for name, binders in bound.items():
        if name not in read or name in there or len(binders) != 1:
            continue
        binder = binders[0]
        if any(item is binder for item in (*waiting, *chain)):
            continue
        _collect(self, binder, bound, there, [*waiting, binder], chain)
        chain.append(binder)


def _read_in(module: Module, node: cst.FunctionDef) -> frozenset[str]:
    """The attributes of `self` that a method mentions."""
    known: dict[int, frozenset[str]] = module.memo.setdefault("read of self", {})
    if id(node) not in known:
        known[id(node)] = frozenset(item.attr.value for item in walk(node.body) if _is_of_self(item))
    return known[id(node)]


def _binders(self: Interpreter, owner: ClassInfo) -> dict[str, list[Func]]:
    """The methods but the constructor, inherited ones with them, by the attributes of `self` that they bind."""
    known: dict[ClassInfo, dict[str, list[Func]]] = self.module.memo.setdefault("binders", {})
    if owner not in known:
        found = known[owner] = {}
        frames = [item.frame for item in owner.lineage() if isinstance(item, ClassInfo)]
        names = {name: item for frame in reversed(frames) for name, item in frame.names.items()}
        methods = [item for item in names.values() if isinstance(item, Func)]
        for method in methods:
            node = method.node
            if not isinstance(node, cst.FunctionDef) or method.decorators or node.name.value == "__init__":
                continue
            for name, anew in _bound_in(node).items():
                found.setdefault(name, []).extend([method] if anew else [method, method])  # not the only one
    return known[owner]


def parts_of_the_constructor(owner: ClassInfo) -> tuple[Func, ...]:
    """The methods that the constructor calls, or one that it calls, and that nothing else in the file mentions."""
    known: dict[ClassInfo, tuple[Func, ...]] = owner.module.memo.setdefault("parts of constructors", {})
    if owner not in known:
        known[owner] = tuple(_find_parts(owner))
    return known[owner]


def _find_parts(owner: ClassInfo) -> list[Func]:
    made = owner.own("__init__")
    if made is None:
        return []
    mentions: Counter[str] | None = None
    found: list[Func] = []
    queue = [made]
    while queue:
        for call in walk(queue.pop().node):
            if type(call) is not cst.Call or not _is_of_self(call.func):
                continue
            name = call.func.attr.value
            item = owner.frame.names.get(name)
            if not isinstance(item, Func) or any(item is one for one in found):
                continue
            if mentions is None:
                mentions = Counter(node.attr.value for node in walk(owner.node) if _is_of_self(node))
            if mentions[name] == 1 and name not in _foreign_attributes(owner.module):
                found.append(item)
                queue.append(item)
    return found


def _is_of_self(node: cst.CSTNode) -> TypeGuard[cst.Attribute]:
    return type(node) is cst.Attribute and type(node.value) is cst.Name and node.value.value == "self"


def _foreign_attributes(module: Module) -> frozenset[str]:
    """The names of the attributes of anything but `self` in a file."""
    if "foreign attributes" not in module.memo:
        names = (node.attr.value for node in module.index.nodes(cst.Attribute) if not _is_of_self(node))
        module.memo["foreign attributes"] = frozenset(names)
    known: frozenset[str] = module.memo["foreign attributes"]
    return known


def _bound_in(node: cst.FunctionDef) -> dict[str, bool]:
    """The attributes of `self` that a method binds, and whether it makes one anew.

    `self.model = clone_model(self.model)` does not: another method has bound it before.
    """
    found: dict[str, bool] = {}
    for item in statements(node.body):
        if type(item) is not cst.Assign:
            continue
        bound: list[str] = []
        for target in item.targets:
            parts = [target.target]
            if isinstance(target.target, (cst.Tuple, cst.List)):
                parts = [element.value for element in target.target.elements]  # type: ignore[misc]
            bound += [part.attr.value for part in parts if _is_of_self(part)]
        if bound:
            read = {inner.attr.value for inner in walk(item.value) if _is_of_self(inner)}
            found.update({name: found.get(name, True) and name not in read for name in bound})
    return found


def prepared(self: Interpreter, owner: ClassInfo, chain: tuple[Func, ...]) -> dict[HeapKey, object]:
    """What an instance is after its constructor and these methods, made without known arguments."""
    receiver, made = self.instance_of(owner)
    if not chain:
        return made
    known: dict[tuple[int, ...], dict[HeapKey, object]] = self.module.memo.setdefault("prepared", {})
    key = tuple(id(item) for item in chain)
    if key not in known:
        heap, dead, tainted = self.heap, self.dead, self.tainted
        saved = (self.loop, self.jumps, self.standalone, self.stack, self.budget)
        self.heap = heap.fork()
        self.heap.update(made)
        self.loop, self.jumps, self.standalone, self.stack = 0, [], True, []
        self.quiet += 1
        visited = set(self.visited)
        for method in chain:
            self.budget = self._allowance()
            self.invoke(method, NO_ARGUMENTS, receiver)
        self.visited = visited
        self.quiet -= 1
        known[key] = made if self.tainted else self.heap.since(heap)
        self.heap, self.dead, self.tainted = heap, dead, tainted
        self.loop, self.jumps, self.standalone, self.stack, self.budget = saved
    return known[key]
