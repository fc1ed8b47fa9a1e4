"""Which layers do something else in training than in inference."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

import libcst as cst

from kerascheck.semantic import keras_api
from kerascheck.semantic.values import Const, Items, Obj, Value, number
from kerascheck.semantic.walk import walk

if TYPE_CHECKING:
    from kerascheck.semantic.classes import ClassInfo
    from kerascheck.semantic.module import Module
    from kerascheck.semantic.values import Func

_OF_CELLS = {"RNN": "cell", "StackedRNNCells": "cells"}
_HARMLESS = frozenset({"self", "name", "dtype", "seed", "trainable"})  # parameters that switch nothing off


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
    if name in _OF_CELLS:
        cells = layer.arguments.value(_OF_CELLS[name], 0)
        known = cells.known() if isinstance(cells, Items) else (cells,)
        return any(sensitive(module, cell, depth + 1, frozen) for cell in known)
    return False


def stays_on(module: Module, layer: Value | None, depth: int = 0) -> bool:
    """Whether a layer or model surely is, or holds, one of random images that is on without being told."""
    if not isinstance(layer, Obj) or depth > 6:
        return False
    if layer.cls is not None:
        held = [item for group in (module.facts.sublayers(layer.cls) or {}).values() for item in group]
    elif layer.kind == "model":
        layers = module.facts.lasting.get((layer, "#layers"))
        held = [item for item in layers.known() if isinstance(item, Obj)] if isinstance(layers, Items) else []
    else:
        return layer.short in keras_api.ALWAYS_ON_LAYERS
    return any(stays_on(module, item, depth + 1) for item in held)


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
    """A class of the project: something inside of it is sensitive, or its own `call` asks whether it is training."""
    owner = layer.cls
    if owner is None:
        return False
    layers = [item for group in (module.facts.sublayers(owner) or {}).values() for item in group]
    if any(sensitive(module, item, depth + 1, frozen) for item in layers):
        return True
    base = owner.keras_base or ""
    return base.rpartition(".")[2] in keras_api.TRAINING_LAYERS or asks_itself(owner, layer)


def asks_itself(owner: ClassInfo, layer: Obj) -> bool:
    """Whether the `call` of a class does something else in training, and nothing that it was given may turn that off.

    Run on 3.15.1: called by a model that does not hand `training` on, such a layer is told its own default, in `fit`
    and `train_on_batch`.
    """
    function, sure = owner.method("call")
    if function is None or not sure or not isinstance(function.node, cst.FunctionDef):
        return False
    parameters = function.node.params
    flags = [item for item in (*parameters.params, *parameters.kwonly_params) if item.name.value == "training"]
    default = flags[0].default if flags else None
    if not isinstance(default, cst.Name) or default.value not in {"None", "False"}:
        return False
    return _has_branches(function) and not _may_be_off(owner, layer, function.module.code(function.node))


def _has_branches(function: Func) -> bool:
    """Whether `if training:`, or `x if training else y`, stands in the body of a `call`, with two ways that differ."""
    if any(
        isinstance(node, cst.AssignTarget) and isinstance(node.target, cst.Name) and node.target.value == "training"
        for node in walk(function.node.body)
    ):
        return False  # asked of something else, such as the learning phase
    code = function.module.code
    for line in function.node.body.body if isinstance(function.node.body, cst.IndentedBlock) else ():
        if isinstance(line, cst.If) and _is_flag(line.test):
            other = line.orelse.body if isinstance(line.orelse, cst.Else) else None
            inside = [node for way in (line.body, other) if way is not None for node in walk(way)]
            does = any(isinstance(node, (cst.Return, cst.Assign, cst.AugAssign)) for node in inside)
            if does and (other is None or code(line.body) != code(other)):
                return True
        elif isinstance(line, cst.SimpleStatementLine) and any(
            isinstance(node, cst.IfExp) and _is_flag(node.test) and code(node.body) != code(node.orelse)
            for node in walk(line)
        ):
            return True
    return False


def _is_flag(test: cst.BaseExpression) -> bool:
    if isinstance(test, cst.UnaryOperation) and isinstance(test.operator, cst.Not):
        test = test.expression
    return isinstance(test, cst.Name) and test.value == "training"


def _may_be_off(owner: ClassInfo, layer: Obj, call: str) -> bool:
    """Whether a layer was made with a zero, `None` or something unknown that its `call` may ask, such as a rate."""
    initializer, sure = owner.method("__init__")
    if initializer is None:
        return not sure
    given = layer.arguments
    if given.open_positional or given.open_keywords or not isinstance(initializer.node, cst.FunctionDef):
        return True
    text = initializer.module.code(initializer.node)
    parameters = initializer.node.params
    # `self` stands in front
    places = [(item, place - 1) for place, item in enumerate(parameters.params)]
    for item, place in (*places, *((item, None) for item in parameters.kwonly_params)):
        name = item.name.value
        kept = re.search(rf"\bself\.(_?{name}) = {name}\n", text + "\n")
        if name in _HARMLESS or (kept is not None and re.search(rf"\bself\.{kept[1]}\b", call) is None):
            continue
        found = given.find(name, place)
        if found is None and item.default is not None:
            if initializer.module.code(item.default) in {"None", "False", "0", "0.0", "0.", "()", "[]"}:
                return True
        elif found is None or not isinstance(found[1], Const) or not found[1].value:
            return True
    return False
