"""Models with several outputs: which loss, labels and metrics are meant for which.

Run on 2.15, 3.5.0 and 3.15.1: lists go by place, dictionaries by the names of the layers that give the outputs (or by
the keys of the outputs), in any order, and a single loss is taken for every output.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic.graph import Head, head_of_tensor
from kerascheck.semantic.values import Const, Items, Mapping, Obj, Ref, Tensor, Value, string

if TYPE_CHECKING:
    from kerascheck.semantic.module import Module

Given = tuple[cst.BaseExpression, "Value | None"]


@dataclass(frozen=True)
class Output:
    """One of several outputs of a model: its place from 0, the name it goes by (None when not known), and its end."""

    place: int
    name: str | None
    head: Head | None


def outputs_of(module: Module, model: Value | None) -> tuple[Output, ...]:
    """The outputs of a functional model that has several; empty for any other."""
    if not isinstance(model, Obj) or model.form != "functional":
        return ()
    made = module.facts.lasting.get((model, "#outputs"))
    parts: list[tuple[str | None, Value | None]] = []
    if isinstance(made, Items) and made.exact and made.kind in {"list", "tuple"}:
        parts = [(_name(value), value) for value in made.items]
    elif isinstance(made, Mapping) and made.exact:
        parts = [(str(key), value) for key, value in made.entries]
    if len(parts) < 2:
        return ()
    heads = [head_of_tensor(module.facts, value, 0) for _, value in parts]
    return tuple(Output(place, name, head) for place, ((name, _), head) in enumerate(zip(parts, heads, strict=True)))


def _name(value: Value | None) -> str | None:
    layer = value.layer if isinstance(value, Tensor) else None
    return string(layer.arguments.value("name")) if isinstance(layer, Obj) else None


def share(given: Given | None, outputs: tuple[Output, ...], place: int, *, spread: bool = False) -> Given | None:
    """What one output gets of a loss, labels or metrics that are given for all; None when that cannot be told.

    `spread`: one that is no list or dictionary is for every output. The node is that of the part, where it is written.
    """
    if given is None:
        return None
    node, value = given
    if isinstance(value, Items) and value.exact and value.kind in {"list", "tuple"}:
        if len(value.items) != len(outputs):
            return None
        return _element(node, place, len(outputs)) or node, value.items[place]
    if isinstance(value, Mapping) and value.exact:
        names = [output.name for output in outputs]
        keys = [key for key, _ in value.entries]
        if any(key not in names for key in keys) or len(set(names)) < len(names):
            return None
        name = outputs[place].name
        return (_entry(node, name) or node, value.get(name)) if name in keys else None
    single = isinstance(value, (Ref, Obj)) or (isinstance(value, Const) and isinstance(value.value, str))
    return given if spread and single else None


def _element(node: cst.BaseExpression, place: int, count: int) -> cst.BaseExpression | None:
    if isinstance(node, (cst.List, cst.Tuple)) and len(node.elements) == count:
        element = node.elements[place]
        return element.value if isinstance(element, cst.Element) else None
    return None


def _entry(node: cst.BaseExpression, name: str | None) -> cst.BaseExpression | None:
    for element in node.elements if isinstance(node, cst.Dict) else ():
        key = element.key if isinstance(element, cst.DictElement) else None
        if isinstance(key, cst.SimpleString) and key.raw_value == name:
            return element.value
    return None
