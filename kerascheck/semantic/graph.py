"""The end of a model: how many units its output has and which activation, as far as the source tells."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from kerascheck.semantic import keras_api
from kerascheck.semantic.ranks import has_no_width
from kerascheck.semantic.values import (
    NO_ARGUMENTS,
    Arguments,
    Bound,
    Const,
    Items,
    Mapping,
    Obj,
    Ref,
    Tensor,
    Value,
    number,
    string,
)

if TYPE_CHECKING:
    from kerascheck.semantic.interpreter import Interpreter

_ACTIVATIONS = frozenset(
    {"sigmoid", "softmax", "log_softmax", "hard_sigmoid", "tanh", "relu", "linear", "softplus", "elu"}
)
_LAYERS_OF_ACTIVATIONS = {"ReLU": "relu", "LeakyReLU": "leaky_relu", "PReLU": "prelu", "ELU": "elu"}
# the layers that merge outputs of one kind into another of this kind
_MERGES = {
    "Add": frozenset({"linear"}),
    "Subtract": frozenset({"linear"}),
    "Average": frozenset({"linear", "sigmoid", "softmax"}),
}
_MAXIMUM_STEPS = 60


@dataclass(frozen=True)
class Head:
    """The single output of a model: `units` is the size of the last axis, `activation` a lower-case name.

    Either is None when it cannot be told. `rank` is 2 for (batch, units), None when not known.
    """

    units: int | None
    activation: str | None
    layer: Obj | None = None


def head_of(interpreter: Interpreter, model: Value | None, depth: int = 0) -> Head | None:
    """The head of a model with one output; None when there are more, it cannot be told, or the model not be made."""
    if not isinstance(model, Obj) or model.kind != "model" or depth > 4:
        return None
    if model.form == "sequential":
        layers = interpreter.heap.get((model, "#layers"))
        return _of_stack(interpreter, layers, depth) if isinstance(layers, Items) else None
    if model.form == "functional":
        outputs = cast("Value | None", interpreter.heap.get((model, "#outputs")))
        return head_of_tensor(interpreter, outputs, depth)
    if model.form == "application":
        return _of_application(model)
    if model.form == "subclass" and model.cls is not None:
        return head_of_tensor(interpreter, interpreter.output_of(model), depth)
    return None


def head_of_tensor(interpreter: Interpreter, value: Value | None, depth: int) -> Head | None:
    """Follow one tensor back to the layer that sets its last axis."""
    activation: str | None = None
    for _ in range(_MAXIMUM_STEPS):
        if isinstance(value, Items) and value.exact and len(value.items) == 1:
            value = value.items[0]
        if isinstance(value, Bound) and value.name in {"output", "outputs"}:
            return _finish(head_of(interpreter, value.receiver, depth + 1), activation)
        if not isinstance(value, Tensor):
            return None
        if value.operation == "#output":
            return _finish(head_of(interpreter, value.inputs[0], depth + 1), activation)
        if isinstance(value.layer, Obj):
            if value.layer.kind == "model":
                return _finish(head_of(interpreter, value.layer, depth + 1), activation)
            if value.layer.cls is None and value.layer.short in _MERGES:
                return _finish(_of_merged(interpreter, value, depth + 1), activation)
            step = _step(interpreter, value.layer)
            if step is None:
                return None
            if isinstance(step, Head):
                cannot_be = value.layer.short == "Dense" and bool(value.inputs) and has_no_width(value.inputs[0])
                return None if cannot_be else _finish(step, activation)
            activation = activation or step or None
        else:
            name = value.operation.rpartition(".")[2]
            if name not in _ACTIVATIONS:
                return None
            activation = activation or (name if name != "linear" else None)
        value = value.inputs[0] if value.inputs else None
    return None


def _of_merged(interpreter: Interpreter, value: Tensor, depth: int) -> Head | None:
    """What all that is merged agrees in: a sum of raw scores is one, a mean of probabilities is one, too."""
    if depth > 4 or len(value.inputs) < 2 or not isinstance(value.layer, Obj):
        return None
    heads = [head_of_tensor(interpreter, item, depth) for item in value.inputs]
    first = heads[0]
    if first is None or first.units is None or first.activation not in _MERGES[value.layer.short]:
        return None
    if any(head is None or (head.units, head.activation) != (first.units, first.activation) for head in heads):
        return None
    return Head(first.units, first.activation)


def _of_stack(interpreter: Interpreter, layers: Items, depth: int) -> Head | None:
    stack = layers.tail or (layers.items if layers.exact else ())
    activation: str | None = None
    for layer in reversed(stack):
        if isinstance(layer, Obj) and layer.kind == "model":
            return _finish(head_of(interpreter, layer, depth + 1), activation)
        if not isinstance(layer, Obj) or layer.kind != "layer":
            return None
        step = _step(interpreter, layer)
        if step is None:
            return None
        if isinstance(step, Head):
            return _finish(step, activation)
        activation = activation or step or None
    return None


def _finish(head: Head | None, activation: str | None) -> Head | None:
    """A head below an activation layer. Two activations in a row: the outer one counts, but only after a linear one."""
    if head is None or activation is None:
        return head
    return Head(head.units, activation if head.activation == "linear" else None, head.layer)


def _step(interpreter: Interpreter, layer: Obj) -> Head | str | None:
    """A Head for a layer that sets the last axis; an activation's name; "" to pass through; None when unknown."""
    if layer.cls is not None:
        return None
    name, arguments = layer.short, layer.arguments
    if name == "Activation":
        found = activation_name(arguments.value("activation", 0))
        return "" if found == "linear" else found or None
    if name == "Softmax":  # over another axis it is no activation of the units
        return "softmax" if arguments.lacks("axis", 0) or number(arguments.value("axis", 0)) == -1 else None
    if name in _LAYERS_OF_ACTIVATIONS:
        return _LAYERS_OF_ACTIVATIONS[name]
    if name in {"Dropout", "Identity", "ActivityRegularization"}:
        return ""
    if name == "TimeDistributed":
        inner = arguments.value("layer", 0)
        return _step(interpreter, inner) if isinstance(inner, Obj) and inner.kind == "layer" else None
    if name in keras_api.UNITS and name in keras_api.DEFAULT_LINEAR:
        return Head(_units(name, arguments), _activation(arguments, name), layer)
    return None


def _units(name: str, arguments: Arguments) -> int | None:
    for keyword in keras_api.UNITS[name]:
        value = number(arguments.value(keyword, 0))
        if value is not None:
            return int(value) if math.isfinite(value) else None
    return None


def _activation(arguments: Arguments, name: str) -> str | None:
    index = 1 if name == "Dense" else None
    found = arguments.find("activation", index)
    if found is None:
        return "linear" if arguments.lacks("activation", index) else None
    return activation_name(found[1])


def activation_name(value: Value | None) -> str | None:
    """The lower-case name of an activation given as a string or function; "linear" for None."""
    if isinstance(value, Const) and value.value is None:
        return "linear"
    text = string(value)
    if text is not None:
        return text.lower()
    if isinstance(value, Ref) and value.name.startswith(
        ("keras.activations.", "tensorflow.nn.", "keras.ops.", "keras.backend.", "tensorflow.")
    ):
        return value.name.rpartition(".")[2].lower()
    if isinstance(value, Obj) and value.kind == "layer" and value.cls is None:
        return {"Softmax": "softmax", **_LAYERS_OF_ACTIVATIONS}.get(value.short)
    return None


def _of_application(model: Obj) -> Head | None:
    top = model.arguments.find("include_top", 0)
    if top is not None and not (isinstance(top[1], Const) and top[1].value):
        return None
    if not model.arguments.lacks("include_top", 0) and top is None:
        return None
    classes = model.arguments.find("classes")
    count = number(classes[1]) if classes is not None else 1000
    activation = model.arguments.find("classifier_activation")
    return Head(
        int(count) if count is not None and math.isfinite(count) else None,
        "softmax" if activation is None else activation_name(activation[1]),
    )


__all__ = ["NO_ARGUMENTS", "Head", "Mapping", "activation_name", "head_of", "head_of_tensor"]
