"""How many axes the output of a model has, as far as the layers of its last part tell; sizes that nobody knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kerascheck.semantic.values import Const, Items, Obj, Tensor, Value, boolean, number

if TYPE_CHECKING:
    from kerascheck.semantic.interpreter import Interpreter

_MAXIMUM_STEPS = 200
_KEEPS = frozenset(
    """Activation ActivityRegularization AlphaDropout BatchNormalization Dense Dropout ELU GaussianDropout GaussianNoise
    Identity LayerNormalization LeakyReLU Masking Normalization PReLU ReLU Rescaling Softmax SpatialDropout1D
    SpatialDropout2D TimeDistributed UnitNormalization""".split()
)
_RECURRENT = frozenset({"GRU", "LSTM", "SimpleRNN"})
_BY_NUMBER = {"1D": 3, "2D": 4, "3D": 5}
_SPREAD = ("Conv", "SeparableConv", "DepthwiseConv", "MaxPool", "AveragePool", "UpSampling", "ZeroPadding", "Cropping")
# behind which each axis but the last is unknown where it was
_SAME_SIZES = frozenset(
    """Activation ActivityRegularization AlphaDropout BatchNormalization Dense Dropout ELU GaussianDropout GaussianNoise
    LayerNormalization LeakyReLU ReLU Rescaling Softmax SpatialDropout1D SpatialDropout2D""".split()
)


@dataclass(frozen=True)
class Rank:
    """`axes` with the one of the batch: 2 for (batch, units). `steps` is the size of the second of three, if known."""

    axes: int
    steps: int | None = None


def rank_of(interpreter: Interpreter, model: Value | None) -> Rank | None:
    """The rank of the only output of a Sequential or functional model; None when it cannot be told."""
    if not isinstance(model, Obj) or model.kind != "model":
        return None
    if model.form == "sequential":
        layers = interpreter.lasting.get((model, "#layers"))
        if not isinstance(layers, Items) or not layers.exact:
            return None
        start = layers.items[0] if layers.items else None
        rest = [item for item in layers.items if isinstance(item, Obj)]
        if isinstance(start, Tensor) and start.layer is None and len(rest) == len(layers.items) - 1:
            return _of_shape(start.arguments.value("shape", 0), rest)
        return _of_layers(rest, len(layers.items))
    made = interpreter.lasting.get((model, "#outputs")) if model.form == "functional" else None
    if isinstance(made, Items) and made.exact and len(made.items) == 1:
        made = made.items[0]
    chain: list[Obj] = []
    for _ in range(_MAXIMUM_STEPS):
        if not isinstance(made, Tensor):
            return None
        if made.layer is None and not made.inputs:
            return _of_shape(made.arguments.value("shape", 0), chain)
        if not isinstance(made.layer, Obj) or len(made.inputs) != 1:
            return None
        chain.insert(0, made.layer)
        if _own(made.layer) is not None:
            return _after(None, chain)
        made = made.inputs[0]
    return None


def _of_shape(shape: Value | None, chain: list[Obj]) -> Rank | None:
    if not isinstance(shape, Items) or not shape.exact:
        return None
    first = number(shape.items[0]) if len(shape.items) == 2 else None
    return _after(Rank(len(shape.items) + 1, int(first) if first is not None else None), chain)


def _of_layers(layers: list[Obj], count: int) -> Rank | None:
    if not layers or len(layers) != count:
        return None
    first = layers[0]
    given = first.arguments
    if given.find("input_dim") is not None and first.short != "Embedding":
        return _after(Rank(2), layers)
    shape = given.find("shape", 0) if first.short in {"Input", "InputLayer"} else given.find("input_shape")
    if shape is None:
        return _after(None, layers)
    return _of_shape(shape[1], layers[1:] if first.short in {"Input", "InputLayer"} else layers)


def _after(rank: Rank | None, layers: list[Obj]) -> Rank | None:
    """The rank behind a chain of layers."""
    for layer in layers:
        own = _own(layer)
        if own is not None:
            same = layer.short in {*_RECURRENT, "Bidirectional"} and rank is not None
            rank = Rank(own, rank.steps) if same and rank is not None else Rank(own)
        elif layer.cls is None and layer.short == "Embedding":
            rank = Rank(rank.axes + 1) if rank is not None else None
        elif layer.cls is not None or layer.kind != "layer" or layer.short not in _KEEPS:
            rank = None
    return rank


def _own(layer: Obj) -> int | None:
    """The number of axes that a layer gives whatever it is given; None when that hangs on its input."""
    if layer.cls is not None or layer.kind != "layer":
        return None
    name, given = layer.short, layer.arguments
    if name == "Flatten" or (name.startswith("Global") and given.lacks("keepdims")):
        return 2
    if name == "Bidirectional":
        inner = given.value("layer", 0)
        return _own(inner) if isinstance(inner, Obj) and inner.short in _RECURRENT else None
    if name in _RECURRENT:
        sequences = given.find("return_sequences")
        if not given.lacks("return_state") or (sequences is None and given.open_keywords):
            return None
        known = False if sequences is None else boolean(sequences[1])
        return None if known is None else 3 if known else 2
    if name == "Reshape":
        shape = given.value("target_shape", 0)
        return len(shape.items) + 1 if isinstance(shape, Items) and shape.exact else None
    if name == "RepeatVector":
        return 3
    number_of = next((axes for end, axes in _BY_NUMBER.items() if end in name), None)
    return number_of if number_of is not None and name.startswith(_SPREAD) and "LSTM" not in name else None


def has_no_width(value: Value | None) -> bool:
    """Whether a tensor comes from `Flatten` of one with an axis of unknown size: no `Dense` can be called with it.

    Run on 2.15 and 3.15.1: ValueError.
    """
    for _ in range(_MAXIMUM_STEPS):
        if not isinstance(value, Tensor) or not isinstance(value.layer, Obj) or len(value.inputs) != 1:
            return False
        if value.layer.cls is not None:
            return False
        if value.layer.short == "Flatten":
            return _has_unknown_axis(value.inputs[0])
        if value.layer.short not in {"Activation", "Dropout", "LeakyReLU", "ReLU"}:
            return False
        value = value.inputs[0]
    return False


def _has_unknown_axis(value: Value | None) -> bool:
    """Whether an axis of a tensor, neither that of the batch nor the last, surely has an unknown size."""
    last = False  # whether the last axis counts, too: behind it stands another one
    for _ in range(_MAXIMUM_STEPS):
        if not isinstance(value, Tensor):
            return False
        if value.layer is None and not value.inputs:
            shape = value.arguments.value("shape", 0)
            sizes = shape.items if isinstance(shape, Items) and shape.exact else ()
            return any(isinstance(item, Const) and item.value is None for item in (sizes if last else sizes[:-1]))
        if not isinstance(value.layer, Obj) or len(value.inputs) != 1 or not _keeps_unknown(value.layer):
            return False
        last = last or value.layer.short == "Embedding"
        value = value.inputs[0]
    return False


def _keeps_unknown(layer: Obj) -> bool:
    name = layer.short
    if layer.cls is not None or layer.kind != "layer" or not layer.arguments.lacks("data_format"):
        return False
    if name in {*_RECURRENT, "Bidirectional"}:
        return _own(layer) == 3
    spread = any(end in name for end in _BY_NUMBER) and name.startswith(_SPREAD) and "LSTM" not in name
    return name in _SAME_SIZES or name == "Embedding" or spread
