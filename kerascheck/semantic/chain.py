"""The order in which a `call` runs its sublayers, when it is a plain chain of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kerascheck.semantic.values import Obj, Tensor, Value, number

if TYPE_CHECKING:
    from kerascheck.semantic.classes import ClassInfo
    from kerascheck.semantic.module import Module

# layers and functions that leave the shape as it is
_KEEPS_SHAPE = frozenset(
    """Activation ActivityRegularization AlphaDropout BatchNormalization Dropout ELU GaussianDropout GaussianNoise
    GroupNormalization Identity LayerNormalization LeakyReLU Masking Normalization PReLU RMSNormalization ReLU Rescaling
    Softmax SpatialDropout1D SpatialDropout2D SpatialDropout3D SyncBatchNormalization UnitNormalization""".split()
)
_ELEMENTWISE = frozenset(
    """elu gelu hard_sigmoid leaky_relu linear log_softmax mish relu relu6 selu sigmoid silu softmax softplus softsign
    swish tanh""".split()
)
_ROOTS = ("keras.activations.", "keras.ops.", "tensorflow.nn.", "tensorflow.", "tensorflow.math.")
_ARITHMETIC = frozenset({"add", "subtract", "multiply", "divide"})
_FLAGS = frozenset({"training", "mask"})


@dataclass(frozen=True)
class Link:
    """One sublayer of a chain. `weighted`: it holds weights; `keeps_shape`: its output has the shape of its input."""

    attribute: str
    layer: Obj
    weighted: bool
    keeps_shape: bool


def chain_of(module: Module, owner: ClassInfo) -> tuple[Link, ...] | None:
    """The sublayers in the order in which `call` runs them, one into the next.

    None when `call` does anything else, when a sublayer is no layer of Keras itself, or when one with weights is left
    out.
    """
    facts = module.facts
    receiver, made = facts.instance_of(owner)
    names = _names(receiver, made)
    links: list[Link] = []
    value: Value | None = facts.output_of_class(owner)
    while isinstance(value, Tensor) and (value.layer is not None or value.operation):
        if isinstance(value.layer, Obj):
            given = value.arguments
            name = names.get(value.layer)
            weighted = facts.weighted(value.layer)
            if name is None or weighted is None or not _is_plain(value.layer):
                return None
            if len(given.positional) != 1 or given.open_positional or given.open_keywords:
                return None
            if any(keyword not in _FLAGS for keyword, _, _ in given.keywords):
                return None
            links.insert(0, Link(name, value.layer, weighted, value.layer.short in _KEEPS_SHAPE))
            value = given.positional[0][1]
        else:
            value = _input_of(value)
    if not isinstance(value, Tensor) or value.call is not None or len({link.attribute for link in links}) < len(links):
        return None
    layers = [layer for group in (facts.sublayers(owner) or {}).values() for layer in group]
    used = {link.layer for link in links}
    if not links or any(layer not in used and facts.weighted(layer) is not False for layer in layers):
        return None
    return tuple(links)


def _names(receiver: Obj, made: Mapping[tuple[object, str], object]) -> dict[Obj, str]:
    return {
        value: slot
        for (holder, slot), value in made.items()
        if holder is receiver and slot.isidentifier() and isinstance(value, Obj)
    }


def _is_plain(layer: Obj) -> bool:
    """Whether `build` and `compute_output_shape` of a layer do what Keras says."""
    return layer.cls is None and (layer.kind == "layer" or layer.form in {"sequential", "functional", "application"})


def _input_of(value: Tensor) -> Value | None:
    """The one tensor that an operation keeps the shape of."""
    root, _, name = value.operation.rpartition(".")
    if name in _ELEMENTWISE and value.operation.startswith(_ROOTS) and root:
        return value.inputs[0] if len(value.inputs) == 1 else None
    if value.operation in _ARITHMETIC and len(value.inputs) == 2:
        tensors = [item for item in value.inputs if number(item) is None]
        return tensors[0] if len(tensors) == 1 else None
    return None
