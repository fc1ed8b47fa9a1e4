"""The size of the last axis of tensors, and which layers make kernels of one shape."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kerascheck.semantic import keras_api
from kerascheck.semantic.layer_graph import graph_of
from kerascheck.semantic.values import Const, Items, Obj, Tensor, Value, number

if TYPE_CHECKING:
    from kerascheck.semantic.interpreter import Interpreter

# layers behind which the last axis is as before
_KEEPING = frozenset(
    """Activation ReLU LeakyReLU PReLU ELU Softmax Dropout SpatialDropout1D SpatialDropout2D GaussianNoise
    GaussianDropout AlphaDropout BatchNormalization LayerNormalization GroupNormalization MaxPooling1D MaxPooling2D
    AveragePooling1D AveragePooling2D UpSampling1D UpSampling2D ZeroPadding1D ZeroPadding2D GlobalAveragePooling1D
    GlobalAveragePooling2D GlobalMaxPooling1D GlobalMaxPooling2D Add Subtract Multiply Average Maximum""".split()
)
_SHAPED = frozenset({"Dense", "Conv1D", "Conv2D", "Conv3D", "LSTM", "GRU", "SimpleRNN", "Conv2DTranspose"})
_DEEPEST = 60
Kernel = tuple[str, int, object, int]


def units(layer: Obj) -> int | None:
    """The units or filters of a layer, when they are constant."""
    names = keras_api.UNITS.get(layer.short)
    if layer.cls is not None or names is None:
        return None
    found = next((item for name in names if (item := layer.arguments.find(name, 0)) is not None), None)
    known = number(found[1]) if found is not None else None
    return known if isinstance(known, int) else None


def width(value: Value | None, depth: int = 0) -> int | None:
    """The size of the last axis of a tensor; None when it cannot be told."""
    if not isinstance(value, Tensor) or depth > _DEEPEST:
        return None
    if value.layer is None and not value.operation:
        given = value.arguments
        shape = given.value("shape", 0) or given.value("batch_shape")
        last = number(shape.last) if isinstance(shape, Items) else None
        return last if isinstance(last, int) else None
    if isinstance(value.layer, Obj):
        return _behind(value.layer, width(value.inputs[0], depth + 1) if value.inputs else None)
    return width(value.inputs[0], depth + 1) if value.operation in {"add", "multiply"} and value.inputs else None


def _behind(layer: Obj, before: int | None) -> int | None:
    if layer.cls is not None:
        return None
    if layer.short in _KEEPING:
        return before
    return units(layer) if layer.short in _SHAPED else None


def kernels(interpreter: Interpreter, model: Obj) -> Iterator[tuple[Obj, Kernel]]:
    """The layers of a functional or Sequential model with all that the shape of their kernel hangs on."""
    graph = graph_of(interpreter, model)
    layers = interpreter.lasting.get((model, "#layers"))
    if isinstance(layers, Items) and layers.exact:
        before: int | None = None
        for item in layers.items:
            if isinstance(item, Tensor):
                before = width(item)
            elif isinstance(item, Obj):
                before = _given_width(item) or before
                yield from _kernel(item, before)
                before = _behind(item, before)
            else:
                before = None
    elif graph is not None:
        for layer, runs in graph.runs.items():
            inputs = runs[0].tensor.inputs
            yield from _kernel(layer, width(inputs[0]) if inputs else None)


def _given_width(layer: Obj) -> int | None:
    shape = layer.arguments.value("input_shape")
    known = number(shape.last) if isinstance(shape, Items) else number(layer.arguments.value("input_dim"))
    return known if isinstance(known, int) else None


def _kernel(layer: Obj, before: int | None) -> Iterator[tuple[Obj, Kernel]]:
    size = units(layer)
    if size is None or before is None or layer.short not in _SHAPED:
        return
    window = layer.arguments.find("kernel_size", 1) if layer.short.startswith("Conv") else None
    if layer.short.startswith("Conv"):
        known = window[1] if window is not None else None
        if isinstance(known, Items) and known.exact and all(isinstance(item, Const) for item in known.items):
            sizes: object = tuple(number(item) for item in known.items)
            sizes = sizes[0] if isinstance(sizes, tuple) and len(set(sizes)) == 1 else sizes
        elif number(known) is not None:
            sizes = number(known)
        else:
            return
        if layer.arguments.find("groups") is not None:
            return
        yield layer, (layer.short, size, sizes, before)
    else:
        yield layer, (layer.short, size, None, before)
