"""Edits that make a `tf.Variable` a weight of its layer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.edits import Edit
from kerascheck.patch import keras_name, replace
from kerascheck.semantic.inside import path_to
from kerascheck.semantic.values import number

if TYPE_CHECKING:
    from kerascheck.semantic.classes import ClassInfo
    from kerascheck.semantic.events import CallFact
    from kerascheck.semantic.module import Module

_ZEROS = frozenset({"tensorflow.zeros", "numpy.zeros", "tensorflow.ones", "numpy.ones"})
# what is drawn, by its function: the initializer that draws the same, and the names of its arguments
_DRAWN = {
    "tensorflow.random.normal": ("RandomNormal", {"mean": "0.0", "stddev": "1.0"}),
    "tensorflow.random.truncated_normal": ("TruncatedNormal", {"mean": "0.0", "stddev": "1.0"}),
    "tensorflow.random.uniform": ("RandomUniform", {"minval": "0.0", "maxval": "1.0"}),
}
_DIMENSIONS = {"numpy.random.randn": ("RandomNormal", "stddev=1.0"), "numpy.random.rand": ("RandomUniform", "0.0, 1.0")}
_INITIALIZER = re.compile(
    r"(?:tensorflow|keras\.initializers)\.(?:\w+_initializer|Zeros|Ones|Constant|\w*(?:Normal|Uniform)|\w*_(?:normal|uniform)"
    r"|Orthogonal|Identity)$"
)
# run on 3.0.5 and 3.15.1: what a weight of Keras and a `tf.Variable` both have
_SHARED = frozenset("append assign assign_add assign_sub dtype extend name numpy shape trainable".split())
_FOREIGN = re.compile(r"\.(?:value\(\)|read_value\(|initialized_value|scatter_|sparse_read|gather_nd\()|\]\.assign")
_KEPT = ("dtype", "trainable", "name")


def as_weight(module: Module, owner: ClassInfo, call: CallFact, attribute: str, origin: str) -> list[Edit] | None:
    """Write `self.add_weight(...)` for a `tf.Variable` that `__init__` or `build` puts into `self.<attribute>`.

    None where the shape or the initializer cannot be read from the first value, or where the variable is used in a
    way that a weight of Keras does not know.
    """
    method = next(
        (item for name in ("__init__", "build") if (item := owner.own(name)) and _holds(item.node, call)), None
    )
    if method is None or not isinstance(method.node, cst.FunctionDef):
        return None
    start, here = module.span(method.node).start, module.span(call.node).start
    if method is owner.own("__init__") and "__init__(" not in module.source.text[start:here].partition(":")[2]:
        return None  # Keras counts weights from the base's constructor on
    text = module.code(owner.node)
    if not _SHARED.issuperset(re.findall(rf"\bself\.{attribute}\.(\w+)", text)) or _FOREIGN.search(text):
        return None
    given = call.arguments
    kept = {name: given.find(name) for name in _KEPT}
    known = sum(item is not None for item in kept.values())
    first = given.find("initial_value", 0)
    kept["trainable"] = given.find("trainable", 1)
    if first is None or given.open_keywords or given.open_positional or len(given.positional) > 2:
        return None
    if len(given.keywords) != known + any(key == "initial_value" for key, _, _ in given.keywords):
        return None
    made = _value(module, first[0], origin)
    if made is None or "#" in module.code(call.node):  # a comment would be lost
        return None
    shape, initializer, dtype, edits = made
    words = {name: module.code(found[0]) for name, found in kept.items() if found is not None}
    if "/" in words.get("name", ""):  # run on 3.15.1: a name with a slash is refused
        return None
    if dtype and "dtype" not in words:
        words = {"dtype": dtype, **words}
    if "int" in words.get("dtype", "") and "trainable" not in words:
        words["trainable"] = "False"  # whole numbers have no gradient
    text = ", ".join(
        [f"shape={shape}", f"initializer={initializer}", *(f"{key}={code}" for key, code in words.items())]
    )
    return [replace(module, call.node, f"self.add_weight({text})"), *edits]


def _holds(node: cst.CSTNode, call: CallFact) -> bool:
    return isinstance(node, cst.FunctionDef) and bool(path_to(node.body, call.node))


def _value(module: Module, node: cst.BaseExpression, origin: str) -> tuple[str, str, str, list[Edit]] | None:
    """The shape, the initializer and the type of a first value, as code, with the imports that they need."""
    scalar = _scalar(node)
    if scalar is not None:
        code = module.code(node)
        dtype = "" if isinstance(scalar, float) else '"int32"'
        if scalar in {0, 1}:
            return "()", '"ones"' if scalar else '"zeros"', dtype, []
        name, edits = keras_name(module, "initializers.Constant", origin)
        return "()", f"{name}({code})", dtype, edits
    if not isinstance(node, cst.Call):
        return None
    fact = next((item for item in module.calls if item.node is node), None)
    return _initialized(module, node) or (_drawn(module, fact, origin) if fact is not None else None)


def _scalar(node: cst.BaseExpression) -> float | int | None:
    sign = 1
    if isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Minus):
        node, sign = node.expression, -1
    return sign * node.evaluated_value if isinstance(node, (cst.Integer, cst.Float)) else None


def _drawn(module: Module, fact: CallFact, origin: str) -> tuple[str, str, str, list[Edit]] | None:
    given = fact.arguments
    if given.open_keywords or given.open_positional:
        return None
    if fact.name in _DIMENSIONS:
        initializer, drawn = _DIMENSIONS[fact.name]
        shape = ", ".join(module.code(item) for item, _ in given.positional)
        name, edits = keras_name(module, f"initializers.{initializer}", origin)
        return f"({shape}{',' if len(given.positional) == 1 else ''})", f"{name}({drawn})", '"float64"', edits
    found = given.find("shape", 0)
    if found is None:
        return None
    shape = _whole(module, found[0])
    if number(found[1]) is not None or isinstance(found[0], cst.Integer):  # np.zeros(3)
        shape = f"({shape},)"
    elif not isinstance(found[0], (cst.Tuple, cst.List)) and not shape.endswith("shape"):
        return None  # whether it is a number or a tuple is not seen
    if fact.name in _ZEROS:
        dtype = given.find("dtype", 1)
        if len(given.positional) + len(given.keywords) > 1 + (dtype is not None):
            return None
        word = '"ones"' if fact.name.endswith("ones") else '"zeros"'
        standard = '"float64"' if fact.name.startswith("numpy.") else ""
        return shape, word, module.code(dtype[0]) if dtype is not None else standard, []
    if fact.name not in _DRAWN:
        return None
    initializer, names = _DRAWN[fact.name]
    words = []
    for index, (name, default) in enumerate(names.items(), start=1):
        value = given.find(name, index)
        if value is not None or name != "mean":
            words.append(f"{name}={module.code(value[0]) if value is not None else default}")
    dtype = given.find("dtype", 3)
    if any(name not in {"shape", "dtype", *names} for name, _, _ in given.keywords) or len(given.positional) > 4:
        return None
    whole, edits = keras_name(module, f"initializers.{initializer}", origin)
    return shape, f"{whole}({', '.join(words)})", module.code(dtype[0]) if dtype is not None else "", edits


def _initialized(module: Module, node: cst.Call) -> tuple[str, str, str, list[Edit]] | None:
    """The parts of `initializer(shape=..., dtype=...)`."""
    maker: cst.BaseExpression | None = node.func
    if isinstance(maker, cst.Name):
        bound = [
            fact.node
            for fact in module.calls
            if isinstance(fact.statement, cst.SimpleStatementLine)
            and isinstance(small := fact.statement.body[0], cst.Assign)
            and small.value is fact.node
            and isinstance(small.targets[0].target, cst.Name)
            and small.targets[0].target.value == maker.value
        ]
        maker = bound[0] if bound else None
        names = [fact.name for fact in module.calls if any(fact.node is item for item in bound)]
    else:
        names = [fact.name for fact in module.calls if fact.node is maker]
    if maker is None or not names or not all(_INITIALIZER.match(name) for name in names):
        return None
    parts = {"shape": "", "dtype": ""}
    for argument, place in zip(node.args, ("shape", "dtype"), strict=False):
        key = argument.keyword.value if argument.keyword is not None else place
        if argument.star or key not in parts:
            return None
        parts[key] = _whole(module, argument.value)
    if not parts["shape"] or len(node.args) > 2:
        return None
    return parts["shape"], module.code(node.func), parts["dtype"], []


def _whole(module: Module, node: cst.BaseExpression) -> str:
    """The text of an expression with its own parentheses."""
    span = module.positions.whole(node)
    return module.source.text[span.start : span.end]
