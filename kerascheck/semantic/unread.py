"""Arguments that are only kept in an attribute which nothing reads: a loaded copy differs in that attribute alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import libcst as cst

from kerascheck.semantic.classes import ClassInfo
from kerascheck.semantic.custom_objects import Constructor, Holding, is_plain_annotation, is_plain_default
from kerascheck.semantic.purposes import Path, paths, uses
from kerascheck.semantic.unset_attributes import KERAS, is_hidden
from kerascheck.semantic.walk import walk

_ROOTS = frozenset(
    {"keras.layers.Layer", "keras.Model", "keras.losses.Loss", "keras.metrics.Metric", "builtins.object"}
)
# what Keras asks of the layers and other objects that it is given, but for what `KERAS` has (read in the sources of
# 2.15, 3.0.5 and 3.15.1). Not `activation`: that is for pictures of a model, and for a layer that is computed twice
_ASKED = frozenset(
    """add_regularizer backward backward_layer cell cells clipnorm clipvalue constraint constraints count
    data_format dilation_rate embeddings filters fn forward_layer go_backwards idf_weights inner_optimizer iterations
    kernel kernel_size kernel_zero keys layer learning_rate ndim object output_size overwrite_with_gradient padding
    ragged recurrent_activation reduction regularizer reset_after reset_state reset_states result return_sequences
    return_state rank sample_weight_mode scope seed shape sharding sparse state_size states strides time_major
    torch_params total type unroll update_state use_bias use_cudnn use_ema value values weight zero_output_for_mask
    zero_state""".split()
)
_DYNAMIC = re.compile(  # an attribute whose name is not written
    r"\b(?:getattr|hasattr)\([^(),]+,\s*(?![\"'\s])|\battrgetter\(\s*(?![\"'\s])|\b__dict__\b|\bvars\("
)
_CLASS = re.compile(r"^[ \t]*class[ \t]+(\w+)[ \t]*\(([^)]*)\)", re.MULTILINE)


_SAYS = frozenset({"print", "warn", "warning", "info", "debug", "print_tensor"})


@dataclass(frozen=True)
class Unread:
    """An attribute that nothing reads, or (`says`) only tests in front of what is printed or logged."""

    name: str
    says: bool


def unread_attribute(owner: ClassInfo, made: Constructor, name: str) -> Unread | None:
    """The attribute that a parameter is kept in, where that is all, and nothing in the project reads it.

    A test of it in front of statements that only print or log is no reading: `if self.verbose: print(loss)`.

    None when that cannot be told: a base that is more than `Layer`, `Model`, `Loss` or `Metric`, a name that Keras asks
    for, a value that may be a layer or a variable (whose weights are in the file), an object that is handed on, any
    read of an attribute of that name, be it by `getattr`, that may be this one.
    Run on 2.15 and 3.15.1: the loaded copy computes the same and has the same losses.
    """
    held = made.held.get(name)
    classes = [item for item in owner.lineage() if isinstance(item, ClassInfo)]
    if held is None or not all(isinstance(item, ClassInfo) or item in _ROOTS for item in owner.lineage()):
        return None
    attribute = held.attribute
    if is_known_to_keras(attribute):
        return None
    if not _holds_no_weights(made, name, held):
        return None
    if not all(_is_kept_only(held, (made.node, *path)) for path in uses(made.node.body, name)):
        return None
    if any(attribute in item.frame.names for item in classes):
        return None  # a property, a method, or a default of the class
    classes += [item for item in owner.module.classes if item is not owner and owner in item.lineage()]
    texts = [item.module.code(item.node) for item in classes]
    if any(may_read_any(text) for text in texts):
        return None
    read = [path for item in classes for path in _places(item, attribute)]
    if not all(_only_says(path) for path in read):
        return None
    return None if is_read_by_others(owner, classes, attribute) else Unread(attribute, bool(read))


def is_known_to_keras(attribute: str) -> bool:
    """Whether Keras may ask any object for an attribute of this name."""
    return attribute in KERAS or attribute in _ASKED or attribute.startswith("_")


def may_read_any(text: str) -> bool:
    """Whether the text of a class may read attributes that it does not name, or hands its objects on."""
    return is_hidden(text) or _DYNAMIC.search(text) is not None


def is_read_by_others(owner: ClassInfo, classes: list[ClassInfo], attribute: str) -> bool:
    """Whether code outside of a class, its bases and those made from it in its file may read an attribute of it."""
    here = owner.module.source.text
    if _is_read_elsewhere(here, attribute):
        return True
    if owner.module.project is None:
        return False
    others = [item.module.source.text for item in classes if item.module is not owner.module]
    others += owner.module.project.texts_with(owner.module.path, attribute)
    derived = _derived_names([here, *others], {item.name for item in classes})
    for text in others:
        if _is_read_elsewhere(text, attribute):
            return True
        mine = any(not derived.isdisjoint(re.findall(r"\w+", found[2])) for found in _CLASS.finditer(text))
        if mine and _reads(attribute).search(text):
            return True
    return False


def _places(owner: ClassInfo, attribute: str) -> Iterator[Path]:
    """Where a class reads an attribute of `self`, or of anything else; not `x.attribute = ...`."""
    for path in paths(owner.node.body):
        last = path[-1]
        outer = path[-2] if len(path) > 1 else None
        bound = isinstance(outer, (cst.AssignTarget, cst.AnnAssign)) and outer.target is last
        if isinstance(last, cst.Attribute) and last.attr.value == attribute and not bound:
            yield path


def _only_says(path: Path) -> bool:
    """Whether an expression is printed or logged, or is the test of an `if` that does nothing else."""
    for index, (outer, inner) in enumerate(pairwise(path)):
        if isinstance(outer, cst.Expr) and outer.value is not path[-1] and _is_said(outer.value):
            return not any(isinstance(node, cst.Call) and _root(node.func) == "self" for node in walk(outer))
        if isinstance(outer, cst.If) and inner is outer.test:
            function = next((node for node in reversed(path[:index]) if isinstance(node, cst.FunctionDef)), None)
            if function is None or not all(_is_test(node) for node in path[index + 1 : -1]):
                return False
            branches = [outer.body, *([outer.orelse] if outer.orelse is not None else [])]
            return all(isinstance(item, (cst.IndentedBlock, cst.Else)) and _says(item, function) for item in branches)
    return False


def _is_test(node: cst.CSTNode) -> bool:
    return isinstance(node, (cst.UnaryOperation, cst.BooleanOperation, cst.Comparison, cst.ComparisonTarget))


def _says(branch: cst.IndentedBlock | cst.Else, function: cst.FunctionDef) -> bool:
    """Whether all statements of a branch print or log, or bind names for that alone; nothing asks `self` for more."""
    block = branch.body if isinstance(branch, cst.Else) else branch
    bound: set[str] = set()
    for statement in block.body:
        for small in statement.body if isinstance(statement, cst.SimpleStatementLine) else [statement]:
            if isinstance(small, cst.Assign) and all(isinstance(item.target, cst.Name) for item in small.targets):
                bound.update(cst.ensure_type(item.target, cst.Name).value for item in small.targets)
            elif not isinstance(small, cst.Expr) or not _is_said(small.value):
                return False
    if any(isinstance(node, cst.Call) and _root(node.func) == "self" for node in walk(block)):
        return False
    used = {path[-1].value for path in paths(function.body) if isinstance(path[-1], cst.Name) and block not in path}
    return bound.isdisjoint(used)


def _is_said(node: cst.BaseExpression) -> bool:
    if isinstance(node, (cst.SimpleString, cst.ConcatenatedString)):
        return True
    name = node.func if isinstance(node, cst.Call) else None
    last = name.attr.value if isinstance(name, cst.Attribute) else name.value if isinstance(name, cst.Name) else ""
    return last in _SAYS


def _root(node: cst.BaseExpression) -> str:
    while isinstance(node, (cst.Attribute, cst.Call, cst.Subscript)):
        node = node.func if isinstance(node, cst.Call) else node.value
    return node.value if isinstance(node, cst.Name) else ""


def _holds_no_weights(made: Constructor, name: str, held: Holding) -> bool:
    """Whether what is kept surely is no layer, model or variable: these have weights of their own in the file."""
    parameter = next(item for item in made.parameters if item.name == name)
    return bool(held.getter) or is_plain_annotation(parameter) or is_plain_default(parameter)


def _is_kept_only(held: Holding, path: Path) -> bool:
    """Whether a use of the parameter is the one that keeps it, or only a check that raises or says something."""
    if held.statement in path:
        return isinstance(held.statement, cst.AnnAssign) or (
            isinstance(held.statement, cst.Assign) and len(held.statement.targets) == 1
        )
    for outer, inner in pairwise(path):
        if isinstance(outer, (cst.Raise, cst.Assert)):
            return True
        if isinstance(outer, cst.If) and inner is outer.test and outer.orelse is None:
            last = outer.body.body[-1]
            if isinstance(last, cst.SimpleStatementLine) and isinstance(last.body[-1], cst.Raise):
                return True
    return _only_says(path)


def _reads(attribute: str, receiver: str = "") -> re.Pattern[str]:
    """Any mention of an attribute but `x.attribute = ...`."""
    return re.compile(rf"{receiver}\.{attribute}\b(?!\s*=(?!=))")


def _is_read_elsewhere(text: str, attribute: str) -> bool:
    """Whether code reads such an attribute of another object than `self`, or asks for it by its name."""
    if attribute not in text:
        return False
    reads, start = _reads(attribute, r"(?<!\bself)"), text.find(f".{attribute}")
    while start >= 0:  # the pattern alone would try every place of the text
        if reads.match(text, start):
            return True
        start = text.find(f".{attribute}", start + 1)
    if f'{attribute}"' not in text and f"{attribute}'" not in text:
        return False
    quoted = rf"[\"']{attribute}[\"']"
    if re.search(rf"(?:getattr|hasattr|attrgetter)\([^()\n]*{quoted}", text):
        return True
    return _DYNAMIC.search(text) is not None and re.search(rf"{quoted}(?!\s*[:\]=])", text) is not None


def _derived_names(texts: list[str], names: set[str]) -> set[str]:
    """The names of classes that are made from one of these by what is written, directly or not."""
    statements = [(found[1], set(re.findall(r"\w+", found[2]))) for text in texts for found in _CLASS.finditer(text)]
    found, before = set(names), 0
    while len(found) > before:
        before = len(found)
        found.update(name for name, bases in statements if not found.isdisjoint(bases))
    return found
