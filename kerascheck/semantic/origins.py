"""Where the models come from into which a file loads weights, and why that cannot be told of the others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic.values import Bound, Class, Func, ModuleValue, Obj, Part, Ref, Super, Value, options
from kerascheck.semantic.walk import walk

if TYPE_CHECKING:
    from kerascheck.semantic.classes import ClassInfo
    from kerascheck.semantic.events import Event
    from kerascheck.semantic.module import Module

RESOLVED = ("class", "sequential", "functional", "application", "loaded", "several")
_MOST_HEIRS = 30
_FORMS = {"subclass": "class", "cloned": "loaded", "plain": ""}


@dataclass(frozen=True)
class Origin:
    """One `load_weights` or `load_model`. `kind` is one of RESOLVED, or "" with the reason."""

    method: str
    node: cst.Call
    kind: str
    reason: str = ""


def origins(module: Module) -> Iterator[Origin]:
    """The loads that stand in a file; receivers that are known to be no Keras model are left out."""
    if not module.uses_keras:
        return
    events: dict[cst.Call, list[Event]] = {}
    for event in module.events_of("load_weights", "own load_weights"):
        events.setdefault(event.node, []).append(event)
    for call in dict.fromkeys(call.node for call in module.calls_of("keras.models.load_model")):
        if module.owns(call):
            yield Origin("load_model", call, "loaded")
    for node in _sites(module.tree):
        found = _of_events(events.get(node, []))
        if found is None or found[0]:
            elsewhere = [event for user in module.users for event in user.events if event.node is node]
            known = _of_events(elsewhere)
            found = known if known is not None and (known[1] or found is None) else found
        if found is None or found[0]:
            found = _of_events(list(_of_heirs(module, node))) or found
        if found is None:
            if not _is_no_model(module, node):
                yield Origin("load_weights", node, "", "the line is not reached")
        elif found[1]:
            yield Origin("load_weights", node, found[1])
        elif found[0]:
            yield Origin("load_weights", node, "", found[0])


def _of_heirs(module: Module, node: cst.Call) -> Iterator[Event]:
    """A load in a method, on instances of the classes that inherit it, here and in files that import this one."""
    function = _method_around(module, node)
    if function is None or function.owner is None or function.owner.keras_kind is not None:
        return
    for other, heir in heirs(module, function.owner):
        if heir.method(cst.ensure_type(function.node, cst.FunctionDef).name.value)[0] is function:
            yield from (event for event in other.facts.events_of_heir(heir, function) if event.node is node)


def _method_around(module: Module, node: cst.Call) -> Func | None:
    for function in module.functions:
        if function.owner is not None and any(item is node for item in walk(function.node)):
            return function
    return None


def heirs(module: Module, owner: ClassInfo) -> Iterator[tuple[Module, ClassInfo]]:
    """The classes that derive from a class, directly or not, the nearest first; bounded."""
    queue, seen = [(module, owner)], {id(owner)}
    while queue:
        home, base = queue.pop(0)
        for other in (home, *home.deriving(base.name)):
            for heir in other.classes:
                if id(heir) not in seen and any(item is base for item in heir.lineage()):
                    if len(seen) > _MOST_HEIRS:
                        return
                    seen.add(id(heir))
                    yield other, heir
                    queue.append((other, heir))


def _sites(node: cst.CSTNode) -> Iterator[cst.Call]:
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value == "load_weights":
        yield node
    for child in node.children:
        yield from _sites(child)


def _of_events(events: list[Event]) -> tuple[str, str] | None:
    """The reason why a receiver is not known, or what it is; both empty when it is no Keras model."""
    results = []
    for event in events:
        if event.name.startswith("own ") and not _is_model(event.receiver):
            results.append(("", ""))
            continue
        kinds = [_kind(item) for item in options(event.receiver)]
        if None in kinds:
            results.append((_reason(event), ""))
        elif all(kinds):
            results.append(("", str(kinds[0]) if len(set(kinds)) == 1 else "several"))
        else:
            results.append(("", ""))
    if not results:
        return None
    # a line that is run for several receivers is resolved when one of them is
    return min(results, key=lambda row: (not row[1], bool(row[0])))


def _is_model(value: Value | None) -> bool:
    return isinstance(value, Obj) and value.kind == "model"


def _kind(value: Value | None) -> str | None:
    """The origin of a model; "" for what is none; None when it cannot be told."""
    if isinstance(value, Obj) and value.kind == "model":
        return _FORMS.get(value.form, value.form) or None
    if isinstance(value, Super):
        return "class"
    if isinstance(value, Obj) and value.kind == "instance":
        return ""
    return None


def _reason(event: Event) -> str:
    value = event.receiver
    while isinstance(value, (Part, Bound)):
        value = value.base if isinstance(value, Part) else value.receiver
    if isinstance(value, Obj) and value.ref:
        return f"made by `{value.ref}`, outside of the project"
    node, function = event.receiver_node, event.function
    if isinstance(node, cst.Name) and function is not None:
        given = function.node.params
        if any(item.name.value == node.value for item in (*given.params, *given.kwonly_params)):
            return "a parameter of a function that nothing calls with a known model"
    if isinstance(node, cst.Attribute):
        return "an attribute that is set from a parameter or elsewhere"
    return "a value that is not followed"


def _is_no_model(module: Module, node: cst.Call) -> bool:
    """Whether the receiver of a call that was not followed is a module or a class."""
    receiver = node.func.value if isinstance(node.func, cst.Attribute) else None
    if not isinstance(receiver, cst.Name):
        return False
    return isinstance(module.interpreter.root.names.get(receiver.value), (ModuleValue, Ref, Class, Func))
