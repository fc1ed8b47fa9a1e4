"""Objects that a `get_config` puts into the configuration as they are, and nobody makes again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic.config import Config
from kerascheck.semantic.custom_objects import config_of, constructor
from kerascheck.semantic.storage import instances
from kerascheck.semantic.values import Obj, Value
from kerascheck.semantic.walk import walk

if TYPE_CHECKING:
    from kerascheck.semantic.classes import ClassInfo
    from kerascheck.semantic.module import Module

_ARRAYS = frozenset(
    {"numpy.array", "numpy.zeros", "numpy.ones", "numpy.arange", "numpy.linspace", "numpy.random.rand",
     "numpy.random.randn", "numpy.random.normal", "numpy.random.uniform", "numpy.eye", "numpy.asarray"}
)  # fmt: skip
_TENSORS = frozenset({"tensorflow.constant", "tensorflow.zeros", "tensorflow.ones", "tensorflow.convert_to_tensor"})
_SERIALIZERS = frozenset({"serialize_keras_object", "serialize"})


@dataclass(frozen=True)
class RawObject:
    """One item of a configuration: `kind` is "layer", "model", "array" or "tensor"."""

    key: str
    node: cst.BaseExpression
    kind: str
    serialized: bool


def raw_objects(module: Module, owner: ClassInfo) -> Iterator[RawObject]:
    """The objects that the class' configuration holds, where neither `from_config` nor `__init__` makes them again."""
    config = config_of(owner)
    if config is None or config.owner is not owner or owner.method("from_config")[0] is not None:
        return
    made = constructor(owner)
    if made is None or any(isinstance(node, cst.Name) and "deserialize" in node.value for node in walk(made.node)):
        return
    if any(isinstance(node, cst.Name) and node.value in {"isinstance", "from_config"} for node in walk(made.node)):
        return  # it may take a dictionary for the object
    for part in (*config.literals, *_stores(config)):
        for key, value in _items(part):
            serialized = False
            if isinstance(value, cst.Call) and _called(value) in _SERIALIZERS and len(value.args) == 1:
                value, serialized = value.args[0].value, True
            attribute = _own_attribute(value)
            kind = _kind(module, owner, attribute) if attribute is not None else None
            if kind is not None and made.takes(key) and not (serialized and kind in {"array", "tensor"}):
                yield RawObject(key, value, kind, serialized)


def _stores(config: Config) -> Iterator[cst.Assign]:
    """The `config["key"] = value` of a `get_config`."""
    for node in walk(config.function.node.body):
        if isinstance(node, cst.Assign) and len(node.targets) == 1:
            target = node.targets[0].target
            if not isinstance(target, cst.Subscript) or not isinstance(target.value, cst.Name):
                continue
            if target.value.value == config.variable and len(target.slice) == 1:
                yield node


def _items(literal: cst.Dict | cst.Call | cst.Assign) -> Iterator[tuple[str, cst.BaseExpression]]:
    if isinstance(literal, cst.Assign):
        target = literal.targets[0].target
        index = target.slice[0].slice if isinstance(target, cst.Subscript) else None
        if isinstance(index, cst.Index) and isinstance(index.value, cst.SimpleString):
            yield str(index.value.raw_value), literal.value
        return
    if isinstance(literal, cst.Dict):
        for element in literal.elements:
            if isinstance(element, cst.DictElement) and isinstance(element.key, cst.SimpleString):
                yield str(element.key.raw_value), element.value
        return
    for argument in literal.args:
        if argument.keyword is not None:
            yield argument.keyword.value, argument.value
        elif isinstance(argument.value, cst.Dict):
            yield from _items(argument.value)


def _called(call: cst.Call) -> str:
    name = call.func.attr if isinstance(call.func, cst.Attribute) else call.func
    return name.value if isinstance(name, cst.Name) else ""


def _own_attribute(node: cst.BaseExpression) -> str | None:
    if isinstance(node, cst.Attribute) and isinstance(node.value, cst.Name) and node.value.value == "self":
        return node.attr.value
    return None


def _kind(module: Module, owner: ClassInfo, attribute: str) -> str | None:
    """What an attribute holds: what `__init__` makes of it, or what every instance is given for it."""
    sublayers = (module.facts.sublayers(owner) or {}).get(attribute)
    if sublayers:
        return _kind_of(sublayers[0]) if len(sublayers) == 1 else None
    if _is_made_array(module, owner, attribute):
        return "array"
    made = constructor(owner)
    names = (
        [name for name, kept in made.held.items() if kept.attribute == attribute and not kept.getter] if made else []
    )
    if not names or made is None:
        return None
    place = next(index for index, item in enumerate(made.parameters) if item.name == names[0])
    found = {_kind_of(item.arguments.value(names[0], place)) for item in instances(module, owner)}
    return found.pop() if len(found) == 1 else None


def _is_made_array(module: Module, owner: ClassInfo, attribute: str) -> bool:
    """Whether every assignment of an attribute in the class is a call that makes an array of NumPy."""
    calls = {id(call.node) for call in module.calls_of(*_ARRAYS)}
    if not calls:
        return False
    found = [
        node.value
        for node in walk(owner.node.body)
        if isinstance(node, cst.Assign) and any(_own_attribute(item.target) == attribute for item in node.targets)
    ]
    return bool(found) and all(id(value) in calls for value in found)


def _kind_of(value: Value | None) -> str | None:
    if not isinstance(value, Obj):
        return None
    if value.kind in {"layer", "model"}:
        return value.kind
    return "array" if value.ref in _ARRAYS else "tensor" if value.ref in _TENSORS else None
