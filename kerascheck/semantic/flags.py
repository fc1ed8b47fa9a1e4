"""Explicit `training=` in functional graphs, and what in a layer or model behaves differently in training."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic import keras_api
from kerascheck.semantic.layer_graph import graph_of, layers_inside
from kerascheck.semantic.phases import Snapshot, effective, surely
from kerascheck.semantic.values import Const, Obj, Value, boolean, number

if TYPE_CHECKING:
    from kerascheck.semantic.interpreter import Interpreter

_NORMS = frozenset({"BatchNormalization", "SyncBatchNormalization"})
# keras.applications, counted on 3.15.1 with weights=None: those without BatchNormalization, those whose body has
# Dropout that drops, and those that have it in their top only
_WITHOUT_NORM = ("VGG", "ConvNeXt")
_WITH_DROPOUT = ("EfficientNet",)
_DROPOUT_ON_TOP = frozenset({"MobileNet", "MobileNetV3Small", "MobileNetV3Large"})


@dataclass(frozen=True)
class Flagged:
    """A layer or model that is called with a constant `training` in a functional graph."""

    layer: Obj
    call: cst.Call
    training: bool


def flagged(interpreter: Interpreter, model: Obj) -> Iterator[Flagged]:
    """The calls with an explicit flag in the graph of a model and of the models inside of it."""
    for item in (model, *layers_inside(interpreter, model)):
        graph = graph_of(interpreter, item) if item.kind == "model" else None
        for run in graph.applications if graph is not None else ():
            value = boolean(run.tensor.arguments.value("training"))
            if (
                run.layer is not None
                and not run.operation
                and value is not None
                and isinstance(run.tensor.call, cst.Call)
            ):
                yield Flagged(run.layer, run.tensor.call, value)


def parts(interpreter: Interpreter, layer: Obj) -> tuple[Obj, ...]:
    """A layer, or the layers inside of a model and of a wrapper."""
    return (layer, *layers_inside(interpreter, layer))


def drops(interpreter: Interpreter, layer: Obj) -> bool:
    """Whether a layer or model surely holds dropout or noise."""
    return any(_drops(item) for item in parts(interpreter, layer))


def normalizes(interpreter: Interpreter, layer: Obj, moment: Snapshot) -> bool:
    """Whether a layer or model surely holds batch normalization that is trainable at a moment."""
    for item in parts(interpreter, layer):
        application = item.form == "application" and not item.short.startswith(_WITHOUT_NORM)
        if not application and (item.cls is not None or item.short not in _NORMS):
            continue
        if any(_some_frozen(unit, switches) for unit, switches in moment if unit[0] in {layer, item}):
            return False
        if surely(effective(interpreter, (item, ""), moment), (item, "")) is True:
            return True
    return False


def _some_frozen(unit: tuple[Obj, str], switches: frozenset[object]) -> bool:
    """Whether single layers of a model, chosen by a test, were frozen: perhaps those that normalize."""
    return " if " in unit[1] or " else " in unit[1]


def _drops(layer: Obj) -> bool:
    name, given = layer.short, layer.arguments
    if layer.cls is not None:
        return False
    if layer.form == "application":
        top = given.find("include_top", 0)
        return name.startswith(_WITH_DROPOUT) or (
            name in _DROPOUT_ON_TOP and (given.lacks("include_top", 0) or (top is not None and top[1] == Const(True)))
        )
    if name in keras_api.TRAINING_LAYERS - _NORMS - {"SpectralNormalization"}:
        return _positive(given.value("rate" if name.endswith("ropout") else "stddev", 0))
    return any(_positive(given.value(argument)) for argument in keras_api.TRAINING_ARGUMENTS.get(name, ()))


def _positive(value: Value | None) -> bool:
    return bool(number(value))
