"""KC108: layers that are kept where Keras does not look for them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import libcst as cst

from kerascheck.edits import Fix
from kerascheck.finding import Claim, Severity
from kerascheck.rule import Rule, unsafe_fix
from kerascheck.semantic.classes import ClassInfo
from kerascheck.semantic.target import Reach, releases_text
from kerascheck.semantic.values import Items, Mapping, Obj, Value
from kerascheck.semantic.walk import walk
from kerascheck.tracking_edits import hold_as_well, rename_attribute

_KERAS_2 = ("tf_keras", "tensorflow.python.keras")
_PLAIN = frozenset({"builtins.object", "abc.ABC", "typing.Generic", "typing.Protocol"})


@dataclass(frozen=True)
class _Hidden:
    """A layer in an attribute where it is not found; `how` names the fault, `specifier` the releases that have it.

    `items` is code of a flat list's items that has this layer among them.
    """

    attribute: str
    layer: Obj
    how: str
    specifier: str
    items: str = ""


class HiddenLayers(Rule):
    code = "KC108"
    severity = Severity.ERROR
    claim = Claim.STATE_LOST
    words = ((" class ",), ("self.",), ("layer", "model", "functional", "sequential"))
    message = "the layers in `self.{attribute}` stay random when the model is loaded: {keras} looks into no {how}"
    taken = (
        "the layers in `self._layers` stay random when the model is loaded: Keras keeps its own list there{releases}"
    )
    plain = "the layers inside of the `{holder}` in `self.{attribute}` are neither trained nor saved: it is no layer"

    def check(self) -> None:
        for owner in self.module.classes:
            kind = owner.keras_kind
            if kind is None or any(getattr(base, "original", "").startswith(_KERAS_2) for base in owner.bases):
                continue
            reported: set[str] = set()
            seen = self._seen(owner)
            for hidden in self._hidden(owner, kind):
                if hidden.attribute in reported or hidden.layer in seen:
                    continue
                if not self._is_listed(owner, hidden.attribute):
                    reported.add(hidden.attribute)
                    self._report(owner, hidden)

    def _hidden(self, owner: ClassInfo, kind: str) -> Iterator[_Hidden]:
        receiver, made = self.module.facts.instance_of(owner)
        if (receiver, "#functional") in made and owner.method("call") == (None, True):
            return  # it runs its graph and nothing else, and Keras finds the layers of that (run on 3.0.5 and 3.15.1)
        for (holder, slot), found in made.items():
            if holder is not receiver or slot[0] == "#":
                continue
            value = cast("Value | None", found)
            if slot == "_layers" and kind == "layer":
                # measured: silent on 3.0.5-3.15.1; a Model subclass is fine
                for layer in _flat(value):
                    if self._is_weighted(layer):
                        yield _Hidden(slot, layer, "_layers", ">=3")
            elif kind == "layer":
                for layer, how, items in _nested(value, f"self.{slot}"):
                    # measured: silent on 3.0.5-3.14.1, a list of lists on 2.15, too; fine from 3.15.0 on
                    if self._is_weighted(layer):
                        yield _Hidden(slot, layer, how, "<3.15" if how == "list of lists" else ">=3.0,<3.15", items)
            for item in value.known() if isinstance(value, Items) else (value,):
                if isinstance(item, Obj) and item.kind == "instance" and _is_plain(item):
                    for (inner, name), kept in made.items():
                        for layer in _flat(cast("Value | None", kept)) if inner is item and name[0] != "#" else ():
                            if self._is_weighted(layer):
                                held = isinstance(kept, Obj) and not isinstance(value, Items) and _binds(item, name)
                                yield _Hidden(slot, layer, item.short, ">=0", f"self.{slot}.{name}" if held else "")

    def _seen(self, owner: ClassInfo) -> set[Obj]:
        """The layers that an attribute holds where Keras finds them."""
        receiver, made = self.module.facts.instance_of(owner)
        attributes = [(slot, value) for (holder, slot), value in made.items() if holder is receiver]
        own = [cast("Value | None", value) for slot, value in attributes if slot[0] != "#" and slot != "_layers"]
        return {layer for value in own for layer in _flat(value)}

    def _is_listed(self, owner: ClassInfo, attribute: str) -> bool:
        """Whether another attribute is a list made from this one, which may hold its layers where they are found."""
        pattern = (
            rf"self\.(?!{attribute}\b)\w+ *= *(?:\[|\(|list\(|tuple\(|sum\(|\w*\.?chain)[^\n]*\bself\.{attribute}\b"
        )
        return re.search(pattern, self.module.code(owner.node)) is not None

    def _is_weighted(self, layer: Obj) -> bool:
        return self.module.facts.weighted(layer) is True

    def _report(self, owner: ClassInfo, hidden: _Hidden) -> None:
        bad = self.module.target.bad(hidden.specifier)
        reach = self.module.target.which(hidden.specifier)
        node = self._place(owner, hidden)
        if reach is Reach.NONE or node is None:
            return
        message = self.plain if hidden.specifier == ">=0" else self.message
        self.report(
            node,
            message=self.taken if hidden.how == "_layers" else message,
            severity=Severity.ERROR if reach is Reach.ALL else Severity.WARNING,
            fix=self._fix(owner, hidden),
            subject=owner.name,
            attribute=hidden.attribute,
            how=hidden.how,
            holder=hidden.how,
            keras=releases_text(bad),
            releases="" if reach is Reach.ALL else f" ({releases_text(bad)})",
        )

    def _fix(self, owner: ClassInfo, hidden: _Hidden) -> Fix | None:
        if hidden.how == "_layers":
            edits = rename_attribute(self.module, owner, "_layers", "inner_layers")
            return unsafe_fix("rename `self._layers`", edits) if edits is not None else None
        items = self._held(owner, hidden) if hidden.specifier == ">=0" else hidden.items
        edits = hold_as_well(self.module, owner, hidden.attribute, items) if items else None
        return unsafe_fix("keep the layers in a flat list as well", edits) if edits is not None else None

    def _held(self, owner: ClassInfo, hidden: _Hidden) -> str:
        """The items of a list of all layers that the plain object in an attribute holds; empty without a plain way."""
        found = [
            item.items for item in self._hidden(owner, owner.keras_kind or "") if item.attribute == hidden.attribute
        ]
        return ", ".join(dict.fromkeys(found)) if all(found) else ""

    def _place(self, owner: ClassInfo, hidden: _Hidden) -> cst.CSTNode | None:
        """The statement of the class that puts the layers there, else the first that binds the attribute."""
        text, found = f"self.{hidden.attribute}", None
        made = self.module.span(hidden.layer.call) if _owns(self, hidden.layer) and hidden.layer.call else None
        for node in walk(owner.node):
            if not isinstance(node, cst.SimpleStatementLine):
                continue
            for small in node.body:
                target = _target(small)
                if target is None or self.module.code(target) != text:
                    continue
                span = self.module.span(small)
                if made is not None and span.start <= made.start < span.end:
                    return small
                found = found or small
        return found


def _owns(rule: Rule, layer: Obj) -> bool:
    return layer.call is not None and rule.module.owns(layer.call)


def _target(small: cst.CSTNode) -> cst.BaseExpression | None:
    """What a statement puts something into: `self.x = ...`, `self.x.append(...)`, `self.x[k] = ...`."""
    target: cst.BaseExpression
    if isinstance(small, cst.Assign):
        target = small.targets[0].target
    elif isinstance(small, cst.AnnAssign):
        target = small.target
    elif isinstance(small, cst.Expr) and isinstance(small.value, cst.Call):
        function = small.value.func
        if not isinstance(function, cst.Attribute) or function.attr.value not in {"append", "extend", "insert"}:
            return None
        return function.value
    else:
        return None
    while isinstance(target, cst.Subscript):
        target = target.value
    return target


def _is_plain(item: Obj) -> bool:
    """Whether an object is surely of no class that Keras or TensorFlow knows."""
    if item.cls is None or item.cls.decorators:
        return False
    return all(base is not None and (not isinstance(base, str) or base in _PLAIN) for base in item.cls.lineage())


def _binds(item: Obj, name: str) -> bool:
    """Whether the class of an object has the attribute itself; else it is there only some lines later."""
    return item.cls is not None and f"self.{name} " in item.cls.module.code(item.cls.node)


def _flat(value: Value | None) -> Iterator[Obj]:
    """The layers in an attribute, itself or in a list, tuple or dictionary."""
    parts = value.known() if isinstance(value, Items) else (value,)
    if isinstance(value, Mapping):
        parts = (item for _, item in value.entries)
    for item in parts:
        if isinstance(item, Obj) and item.kind in {"layer", "model"}:
            yield item


def _nested(value: Value | None, name: str) -> Iterator[tuple[Obj, str, str]]:
    """The layers in a container inside of a container, with the words for it and the items of a flat list of them.

    There are no such items where the inner containers hold other things, too, at no place of their own.
    """
    outer = "list" if isinstance(value, Items) else "dictionary"
    rows = name if isinstance(value, Items) else f"{name}.values()"
    inside: list[Value | None] = []
    if isinstance(value, Items) and value.kind != "set":
        inside = list(value.known())
    elif isinstance(value, Mapping):
        inside = [item for _, item in value.entries]
    for item in inside:
        if isinstance(item, (Items, Mapping)):
            inner = "dictionaries" if isinstance(item, Mapping) else "tuples" if item.kind == "tuple" else "lists"
            for layer in _flat(item):
                yield layer, f"{outer} of {inner}", _flattened(inside, rows)


def _flattened(inside: list[Value | None], rows: str) -> str:
    """The code of a comprehension over the layers in containers that are alike."""
    if all(isinstance(item, (Items, Mapping)) and len(list(_flat(item))) == _count(item) for item in inside):
        if all(isinstance(item, Items) for item in inside):
            return f"layer for row in {rows} for layer in row"
        return f"layer for row in {rows} for layer in row.values()" if not _any_items(inside) else ""
    places = [_places(item) for item in inside if isinstance(item, Items) and item.exact]
    if len(places) == len(inside) and len(set(places)) == 1 and len(places[0]) == 1:
        return f"row[{places[0][0]}] for row in {rows}"
    return ""


def _any_items(inside: list[Value | None]) -> bool:
    return any(isinstance(item, Items) for item in inside)


def _count(value: Items | Mapping) -> int:
    return len(value.entries) if isinstance(value, Mapping) else len(list(value.known()))


def _places(value: Items) -> tuple[int, ...]:
    """The places of a list or tuple that hold layers."""
    return tuple(index for index, item in enumerate(value.items) if isinstance(item, Obj) and item.kind == "layer")
