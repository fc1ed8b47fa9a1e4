"""What a parameter of a class of the project may be given: told by how the class uses it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import libcst as cst

from kerascheck.semantic.classes import ClassInfo
from kerascheck.semantic.walk import walk

_SEVERAL, _LAYER, _RECURRENT = "[8, 8]", "a layer", "a recurrent layer"
LAYERS = {_LAYER: "Dense(8)", _RECURRENT: "LSTM(8)"}
# what the functions of Keras, Python and most projects take as their first arguments
_TAKEN = {
    "Dense": ("8",),
    "Input": ("(8,)",),
    "LSTM": ("8",),
    "GRU": ("8",),
    "SimpleRNN": ("8",),
    "Embedding": ("100", "8"),
    "Conv1D": ("8", "3", "1"),
    "Conv2D": ("8", "3", "1"),
    "Conv3D": ("8", "3", "1"),
    "Conv1DTranspose": ("8", "3", "1"),
    "Conv2DTranspose": ("8", "3", "1"),
    "SeparableConv2D": ("8", "3", "1"),
    "DepthwiseConv2D": ("3", "1"),
    "Dropout": ("0.1",),
    "SpatialDropout1D": ("0.1",),
    "SpatialDropout2D": ("0.1",),
    "GaussianNoise": ("0.1",),
    "GaussianDropout": ("0.1",),
    "MultiHeadAttention": ("2", "8"),
    "Activation": ("'relu'",),
    "LeakyReLU": ("0.1",),
    "RepeatVector": ("4",),
    "MaxPooling1D": ("2",),
    "MaxPooling2D": ("2",),
    "AveragePooling2D": ("2",),
    "UpSampling2D": ("2",),
    "l1": ("0.01",),
    "l2": ("0.01",),
    "L1": ("0.01",),
    "L2": ("0.01",),
    "l1_l2": ("0.01", "0.01"),
    "L1L2": ("0.01", "0.01"),
    "Constant": ("0.1",),
    "float": ("0.5",),
    "int": ("8",),
    "range": ("2",),
    "len": (_SEVERAL,),
    "enumerate": (_SEVERAL,),
    "zip": (_SEVERAL, _SEVERAL),
    "reversed": (_SEVERAL,),
    "sqrt": ("4.0",),
    "TimeDistributed": (_LAYER,),
    "Bidirectional": (_RECURRENT,),
}
_KEYWORDS = {
    "units": "8",
    "filters": "8",
    "kernel_size": "3",
    "strides": "1",
    "dilation_rate": "1",
    "pool_size": "2",
    "padding": "'same'",
    "activation": "'relu'",
    "recurrent_activation": "'sigmoid'",
    "input_dim": "100",
    "output_dim": "8",
    "num_heads": "2",
    "key_dim": "8",
    "rate": "0.1",
    "dropout": "0.1",
    "recurrent_dropout": "0.1",
    "epsilon": "0.001",
    "momentum": "0.9",
    "axis": "-1",
    "name": "'experiment'",
    "use_bias": "True",
    "return_sequences": "True",
    "return_state": "False",
    "trainable": "True",
    "training": "True",
    "kernel_initializer": "'glorot_uniform'",
    "bias_initializer": "'zeros'",
    "embeddings_initializer": "'uniform'",
    "kernel_regularizer": "None",
    "bias_regularizer": "None",
    "activity_regularizer": "None",
    "kernel_constraint": "None",
    "mask_zero": "False",
    "input_length": "None",
    "seed": "7",
    "data_format": "'channels_last'",
    "interpolation": "'nearest'",
    "learning_rate": "0.01",
    "stddev": "0.1",
    "factor": "0.1",
}
# `activations.get(x)` and its sisters
_GOT = {
    "activations": "'relu'",
    "initializers": "'glorot_uniform'",
    "regularizers": "None",
    "constraints": "None",
    "losses": "'mse'",
    "optimizers": "'sgd'",
}
_METHODS = {
    **dict.fromkeys(("lower", "upper", "startswith", "endswith", "split", "strip", "format"), "'relu'"),
    **dict.fromkeys(("append", "extend", "copy"), _SEVERAL),
    **dict.fromkeys(("items", "keys", "values", "get", "pop"), "{}"),
    **dict.fromkeys(("build", "weights", "trainable_weights", "trainable", "compute_output_shape", "layers"), _LAYER),
    **dict.fromkeys(("trainable_variables", "variables", "get_config", "built", "get_layer", "output_shape"), _LAYER),
}
_ANNOTATED = {
    "int": "8",
    "float": "0.5",
    "bool": "True",
    "list": _SEVERAL,
    "List": _SEVERAL,
    "dict": "{}",
    "Dict": "{}",
}
_ANNOTATED |= {"tuple": "(8, 8)", "Tuple": "(8, 8)", "Sequence": _SEVERAL, "Callable": "'relu'", "Layer": _LAYER}
_ANNOTATED |= {"Optional": "None", "Model": _LAYER, "Dict": "{}"}


def usual(owner: ClassInfo, name: str) -> str | None:
    """Source of a value that the class can use for a parameter of its constructor; None when its use says nothing.

    One of the keys of LAYERS stands for a layer of Keras.
    """
    made, _ = owner.method("__init__")
    if made is None:
        return None
    home = next((item for item in owner.lineage() if isinstance(item, ClassInfo) and item.own("__init__")), owner)
    held = {name, *_attributes(made.node, name)}
    found = [text for node in walk(home.node) for text in _told(node, held)]
    if found:
        return max(found, key=lambda text: (found.count(text), -found.index(text)))
    return _annotated(made.node, name)


def _attributes(node: cst.CSTNode, name: str) -> Iterator[str]:
    """The attributes that keep the parameter as it is."""
    for item in walk(node):
        if isinstance(item, cst.Assign) and isinstance(item.value, cst.Name) and item.value.value == name:
            for target in item.targets:
                text = _path(target.target)
                if text.startswith("self."):
                    yield text


def _path(node: cst.CSTNode | None) -> str:
    """`a` or `self.a` as text; "" for anything else."""
    if isinstance(node, cst.Name):
        return node.value
    if isinstance(node, cst.Attribute) and isinstance(node.value, cst.Name):
        return f"{node.value.value}.{node.attr.value}"
    return ""


def _told(node: cst.CSTNode, held: set[str]) -> Iterator[str]:
    """What one place of the class says of a value."""
    if isinstance(node, cst.Call):
        yield from _called(node, held)
    elif isinstance(node, (cst.For, cst.CompFor)) and _path(node.iter) in held:
        yield _SEVERAL
    elif isinstance(node, cst.Subscript) and _path(node.value) in held:
        index = node.slice[0].slice if node.slice else None
        text = isinstance(index, cst.Index) and isinstance(index.value, cst.SimpleString)
        if not text:
            yield "[8, 8, 8]"
    elif isinstance(node, cst.Attribute) and _path(node.value) in held and node.attr.value in _METHODS:
        yield _METHODS[node.attr.value]
    elif isinstance(node, cst.Comparison) and _path(node.left) in held:
        yield from _compared(node.comparisons[0])
    elif isinstance(node, cst.BinaryOperation):
        yield from _computed(node, held)
    elif isinstance(node, cst.StarredElement) and _path(node.value) in held:
        yield _SEVERAL


def _called(node: cst.Call, held: set[str]) -> Iterator[str]:
    path = _path(node.func)
    if path in held and path != "self":
        yield _LAYER
    last = node.func.attr.value if isinstance(node.func, cst.Attribute) else path
    home = _path(node.func.value).rpartition(".")[2] if isinstance(node.func, cst.Attribute) else ""
    if isinstance(node.func, cst.Attribute) and isinstance(node.func.value, cst.Attribute):
        home = node.func.value.attr.value
    for place, argument in enumerate(node.args):
        if _path(argument.value) not in held:
            continue
        if argument.star:
            yield _SEVERAL if argument.star == "*" else "{}"
        elif argument.keyword is not None:
            if argument.keyword.value in _KEYWORDS:
                yield _KEYWORDS[argument.keyword.value]
        elif last == "get" and home in _GOT:
            yield _GOT[home]
        elif place < len(_TAKEN.get(last, ())):
            yield _TAKEN[last][place]


def _compared(right: cst.ComparisonTarget) -> Iterator[str]:
    items = [right.comparator]
    if isinstance(right.operator, cst.In) and isinstance(right.comparator, (cst.List, cst.Tuple, cst.Set)):
        items = [element.value for element in right.comparator.elements]
    elif not isinstance(right.operator, (cst.Equal, cst.In)):
        items = []
    for item in items[:1]:
        if isinstance(item, cst.SimpleString):
            yield repr(ast.literal_eval(item.value))


def _computed(node: cst.BinaryOperation, held: set[str]) -> Iterator[str]:
    left, right = _path(node.left) in held, _path(node.right) in held
    other = node.right if left else node.left
    if not left and not right:
        return
    if isinstance(node.operator, cst.Add) and isinstance(other, (cst.SimpleString, cst.FormattedString)):
        yield "'experiment'"
    elif isinstance(node.operator, (cst.FloorDivide, cst.Modulo)):
        yield "8" if left else "2"
    elif isinstance(node.operator, cst.Subtract) and right and isinstance(other, (cst.Integer, cst.Float)):
        yield "0.1"


def _annotated(node: cst.FunctionDef | cst.Lambda, name: str) -> str | None:
    """By the annotation."""
    for item in (*node.params.params, *node.params.kwonly_params):
        if item.name.value != name or item.annotation is None:
            continue
        kind = item.annotation.annotation
        while isinstance(kind, cst.Subscript):
            kind = kind.value
        last = kind.attr if isinstance(kind, cst.Attribute) else kind
        return _ANNOTATED.get(last.value) if isinstance(last, cst.Name) else None
    return None
