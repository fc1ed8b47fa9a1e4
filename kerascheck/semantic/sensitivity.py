"""Which layers do something else in training than in inference."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from kerascheck.semantic import keras_api
from kerascheck.semantic.values import Const, Items, Obj, Value, number

if TYPE_CHECKING:
    from kerascheck.semantic.module import Module


def sensitive(module: Module, layer: Value | None, depth: int = 0, frozen: bool = False) -> bool:
    """Whether a layer or model surely behaves differently in training; False when that cannot be told.

    `frozen`: the model around it may not be trainable; then BatchNormalization is in inference mode anyway.
    """
    if not isinstance(layer, Obj) or depth > 6:
        return False
    frozen = frozen or _may_be_frozen(module, layer)
    if layer.cls is not None:
        return _custom(module, layer, depth, frozen)
    if layer.kind == "model":
        layers = module.facts.lasting.get((layer, "#layers"))
        if isinstance(layers, Items):
            return any(sensitive(module, item, depth + 1, frozen) for item in layers.known())
        return False
    name = layer.short
    if frozen and name in {"BatchNormalization", "SyncBatchNormalization"}:
        return False
    if name in keras_api.TRAINING_LAYERS:
        rate = layer.arguments.find("rate", 0) if name.endswith("ropout") else None
        return rate is None or number(rate[1]) != 0
    if name in keras_api.TRAINING_ARGUMENTS:
        return any(_given(layer, argument) for argument in keras_api.TRAINING_ARGUMENTS[name])
    if name in keras_api.WRAPPERS:
        return sensitive(module, layer.arguments.value("layer", 0), depth + 1, frozen)
    return False


def _may_be_frozen(module: Module, layer: Obj) -> bool:
    given = layer.arguments.find("trainable") if layer.cls is None else None
    values = [given[1]] if given is not None else []
    if (layer, "trainable") in module.facts.lasting:
        values.append(cast("Value | None", module.facts.lasting[(layer, "trainable")]))
    return any(value != Const(True) for value in values)


def _given(layer: Obj, argument: str) -> bool:
    found = layer.arguments.find(argument)
    return found is not None and isinstance(found[1], Const) and number(found[1]) not in {None, 0}


def _custom(module: Module, layer: Obj, depth: int, frozen: bool) -> bool:
    """A class of the project: its `call` takes `training` and something inside of it is sensitive."""
    owner = layer.cls
    if owner is None:
        return False
    layers = [item for group in (module.facts.sublayers(owner) or {}).values() for item in group]
    if any(sensitive(module, item, depth + 1, frozen) for item in layers):
        return True
    base = owner.keras_base or ""
    return base.rpartition(".")[2] in keras_api.TRAINING_LAYERS
