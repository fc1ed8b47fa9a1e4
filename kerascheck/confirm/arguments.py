"""What a parameter of a class of the project may be given: told by how the class uses it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import libcst as cst

from kerascheck.semantic.classes import ClassInfo
from kerascheck.semantic.module import Module
from kerascheck.semantic.values import Class, Func
from kerascheck.semantic.walk import walk

_SEVERAL, _LAYER, _RECURRENT = "[8, 8]", "a layer", "a recurrent layer"
LAYERS = {_LAYER: "Dense(8)", _RECURRENT: "LSTM(8)"}
# what the functions of Keras, Python and most projects take as their first arguments
_TAKEN = {
    "Dense": ("8", "'relu'"),
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
    "sum": (_SEVERAL,),
    "sorted": (_SEVERAL,),
    "list": (_SEVERAL,),
    "tuple": (_SEVERAL,),
    "prod": (_SEVERAL,),
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


# parameters with such names take what layers of Keras take by the same names
STAND_INS: dict[str, str] = {
    "units": "8",
    "filters": "8",
    "input_dim": "100",
    "output_dim": "8",
    "num_heads": "2",
    "key_dim": "8",
    "rate": "0.5",
    "kernel_size": "3",
    "num_classes": "8",
    "classes": "8",
}
# parameters of the project's own classes by the words in their names; before those that take a size
KINDS = (
    (re.compile(r"(?:^|_)(?:dropout|drop|rate|prob)(?:_|$)"), "0.1"),
    (re.compile(r"activation$"), "'relu'"),
    (re.compile(r"(?:^|_)name$"), "'experiment'"),
    (re.compile(r"(?:^|_)eps(?:ilon)?$"), "0.001"),
    (re.compile(r"initializer$"), "'glorot_uniform'"),
    (re.compile(r"(?:^|_)data_format$"), "'channels_last'"),
    (re.compile(r"(?:regularizer|constraint)$"), "None"),
)
# a parameter with such a name takes a size, and any size will do
SIZE = re.compile(
    r"units?|dims?|size|num|(?:^|_)n(?:_|$)|classes|hidden|channels|filters|vocab|len|features|depth|width|height|heads|"
    r"layers|latent|count"
)
_PLAIN = frozenset(["shape", "dtype", "ndim", "T", "name", "input_shape", "output", "input", "assign", "numpy", "rank"])
_DEEPEST = 3  # classes that hand a parameter on, attributes of attributes


def usual(owner: ClassInfo, name: str, guess: str = "", *, last: bool = False) -> str | None:
    """Source of a value that the class can use for a parameter of its constructor; None when its use says nothing.

    One of the keys of LAYERS stands for a layer of Keras. Of an object whose attributes or keys are read, those that
    cannot be told are `guess`. Of several values the first in the source is given, or the last.
    """
    made, _ = owner.method("__init__")
    if made is None or not isinstance(made.node, cst.FunctionDef):
        return None
    use = _Use()
    _study(owner, {name}, use, 0)
    if last:
        use.told.reverse()
    return use.text(guess) or _annotated(made.node, name)


@dataclass
class _Use:
    """What is known of a value: what its uses say, and the uses of its attributes or of what is under its keys."""

    told: list[str] = field(default_factory=list)
    members: dict[str, _Use] = field(default_factory=dict)
    keys: bool = False

    def text(self, guess: str) -> str | None:
        """The value that most uses ask for."""
        if self.members and not set(self.told) & set(LAYERS):
            pairs = [(key, use.text(guess) or _by_name(key) or guess or "8") for key, use in self.members.items()]
            pairs = [(key, text) for key, text in pairs if text not in LAYERS]
            if self.keys:
                return "{" + ", ".join(f"{key!r}: {text}" for key, text in pairs) + "}"
            return f"__import__('types').SimpleNamespace({', '.join(f'{key}={text}' for key, text in pairs)})"
        return max(self.told, key=lambda text: (self.told.count(text), -self.told.index(text))) if self.told else None


def _by_name(name: str) -> str | None:
    kind = next((text for pattern, text in KINDS if pattern.search(name)), None)
    return STAND_INS.get(name) or kind or ("8" if SIZE.search(name) else None)


def _study(owner: ClassInfo, given: set[str], use: _Use, depth: int) -> None:
    """Add what a class says of a value that its methods have under these names."""
    home = next((item for item in owner.lineage() if isinstance(item, ClassInfo) and item.own("__init__")), None)
    made = home.own("__init__") if home is not None else None
    if home is None or made is None:
        return
    held = set(given)
    for node in walk(made.node):
        if isinstance(node, cst.Assign) and _path(node.value) in held:
            held |= {text for target in node.targets if (text := _path(target.target)).startswith("self.")}
    for member, is_key in _scan(home.module, home.node, held, use, depth).items() if depth <= _DEEPEST else ():
        paths = {f"{path}[{member!r}]" if is_key else f"{path}.{member}" for path in held}
        _study(owner, paths, use.members.setdefault(member, _Use()), depth + 1)


def _scan(module: Module, body: cst.CSTNode, held: set[str], use: _Use, depth: int) -> dict[str, bool]:
    """Add what a class or function says of a value; the attributes and keys of it that are read, and which are keys."""
    names: dict[str, bool] = {}
    nodes = list(walk(body))
    called = {id(node.func) for node in nodes if isinstance(node, cst.Call)}
    for node in nodes:
        use.told += _told(node, held)
        if isinstance(node, cst.Attribute) and _path(node.value) in held and id(node) not in called:
            if node.attr.value not in _METHODS and node.attr.value not in _PLAIN:
                names.setdefault(node.attr.value, False)
        elif isinstance(node, cst.Subscript) and _path(node.value) in held:
            key = _key(node)
            if key is not None:
                names[key] = use.keys = True
        elif isinstance(node, cst.Call) and depth < _DEEPEST:
            for other, parameter in _handed_on(module, node, held):
                if isinstance(other, Class):
                    _study(other.info, {parameter}, use, depth + 1)
                else:
                    _scan(other.module, other.node, {parameter}, use, depth + 1)
    return names


def _handed_on(module: Module, node: cst.Call, held: set[str]) -> Iterator[tuple[Class | Func, str]]:
    """The classes and functions of the project that get the value, and the parameter of it there."""
    path = _path(node.func)
    found = module.interpreter.root.names.get(path) if path.isidentifier() else None
    if not isinstance(found, (Class, Func)):
        return
    made = found.info.method("__init__")[0] if isinstance(found, Class) else found
    if made is None:
        return
    names = [item.name.value for item in (*made.node.params.posonly_params, *made.node.params.params)]
    names = names[1:] if isinstance(found, Class) else names
    for place, argument in enumerate(node.args):
        if _path(argument.value) in held and not argument.star:
            if argument.keyword is not None:
                yield found, argument.keyword.value
            elif place < len(names):
                yield found, names[place]


def _path(node: cst.CSTNode | None) -> str:
    """`a`, `self.a`, `a.b` or `a["b"]` as text; "" for anything else."""
    if isinstance(node, cst.Name):
        return node.value
    if isinstance(node, cst.Attribute):
        before = _path(node.value)
        return f"{before}.{node.attr.value}" if before else ""
    if isinstance(node, cst.Subscript):
        before, key = _path(node.value), _key(node)
        return f"{before}[{key!r}]" if before and key is not None else ""
    return ""


def _key(node: cst.Subscript) -> str | None:
    """The string in a subscript."""
    index = node.slice[0].slice if len(node.slice) == 1 else None
    if isinstance(index, cst.Index) and isinstance(index.value, cst.SimpleString):
        value = ast.literal_eval(index.value.value)
        return value if isinstance(value, str) else None
    return None


def _told(node: cst.CSTNode, held: set[str]) -> Iterator[str]:
    """What one place of the class says of a value."""
    if isinstance(node, cst.Call):
        yield from _called(node, held)
    elif isinstance(node, (cst.For, cst.CompFor)) and _path(node.iter) in held:
        yield _SEVERAL
    elif isinstance(node, cst.Subscript) and _path(node.value) in held and _key(node) is None:
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
    if path in held:
        yield _LAYER
    home, _, last = path.rpartition(".")
    for place, argument in enumerate(node.args):
        if _path(argument.value) not in held:
            continue
        if argument.star:
            yield _SEVERAL if argument.star == "*" else "{}"
        elif argument.keyword is not None:
            if argument.keyword.value in _KEYWORDS:
                yield _KEYWORDS[argument.keyword.value]
        elif last == "get" and home.rpartition(".")[2] in _GOT:
            yield _GOT[home.rpartition(".")[2]]
        elif place < len(_TAKEN.get(last, ())):
            yield _TAKEN[last][place]


def _compared(right: cst.ComparisonTarget) -> Iterator[str]:
    items: list[cst.BaseExpression] = []
    if isinstance(right.comparator, (cst.List, cst.Tuple, cst.Set)):
        if isinstance(right.operator, (cst.In, cst.NotIn)):
            items = [element.value for element in right.comparator.elements]
    elif isinstance(right.operator, (cst.Equal, cst.NotEqual)):
        items = [right.comparator]
    for item in items:
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


def _annotated(node: cst.FunctionDef, name: str) -> str | None:
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
