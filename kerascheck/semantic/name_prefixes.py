"""Arguments of a layer that only name the layers and weights inside: a loaded copy computes the same."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise

import libcst as cst

from kerascheck.semantic.classes import ClassInfo
from kerascheck.semantic.config import bound
from kerascheck.semantic.custom_objects import Constructor, constructor, kind_of
from kerascheck.semantic.purposes import Path, is_self, paths
from kerascheck.semantic.unread import is_known_to_keras, is_read_by_others, may_read_any
from kerascheck.semantic.values import Class

_ROOTS = frozenset({"keras.layers.Layer", "builtins.object"})
_NO_LAYERS = frozenset({"keras.layers.Input", "keras.layers.InputLayer"})  # what is fed is told by their names
_WEIGHTS = frozenset({"add_weight", "add_variable"})
_TEXTS = (
    *(cst.FormattedString, cst.FormattedStringExpression, cst.ConcatenatedString, cst.BinaryOperation),
    *(cst.BooleanOperation, cst.IfExp),
)
_START = re.compile(r"(?:[A-Za-z0-9][\w.-]*)?")
_BEGIN = re.compile(r"[A-Za-z0-9]")
_TESTS = (cst.Comparison, cst.ComparisonTarget, cst.UnaryOperation, cst.BooleanOperation)
# what asks a layer or a weight for its name
_ASKS = re.compile(r"(?<!\bself)\.(?:name|path)\b(?!\s*=(?!=))|\bget_layer\(|\bname_scope\b")


def only_names(owner: ClassInfo, made: Constructor, name: str) -> bool:
    """Whether a parameter of a layer reaches nothing but `name=` of layers and weights that it makes.

    It is followed through attributes, names and texts that are put together. Run on 2.15, 3.6.0 and 3.15.1: files in
    all formats load, also by name, and the outputs are equal. Not for a model, whose layers `load_weights` with
    `by_name=True` finds by name, not for weights of the layer itself on Keras 2, where two that are loaded with one
    name cannot be saved as `.h5`, and not where the class, or one made from it, asks for a name. A name has to begin
    with a letter or a digit, else loading raises on Keras 3: `f"{prefix}_conv"` with the default "".
    """
    parameter = next((item for item in made.parameters if item.name == name), None)
    default = parameter.node.default if parameter is not None else None
    if kind_of(owner) != "layer" or not isinstance(default, cst.SimpleString):
        return False
    start = default.evaluated_value
    if not isinstance(start, str) or not _START.fullmatch(start):
        return False
    if not all(isinstance(item, ClassInfo) or item in _ROOTS for item in owner.lineage()):
        return False
    classes = [item for item in owner.lineage() if isinstance(item, ClassInfo)]
    classes += [item for item in owner.module.classes if item is not owner and owner in item.lineage()]
    texts = [item.module.code(item.node) for item in classes]
    if any(_ASKS.search(text) or may_read_any(text) for text in texts):
        return False
    flow = _Flow(made, classes, bool(start), not owner.module.target.keras2)
    return flow.follow(name) and not any(
        is_known_to_keras(attribute)
        or any(attribute in item.frame.names for item in classes)
        or is_read_by_others(owner, classes, attribute)
        for attribute in flow.attributes
    )


@dataclass
class _Flow:
    """Where a text goes in the classes of a layer: attributes of `self`, and names of a function."""

    made: Constructor
    classes: list[ClassInfo]
    begins: bool  # whether the default is not empty
    weights: bool  # whether it may name weights
    attributes: set[str] = field(default_factory=set)
    names: set[tuple[cst.FunctionDef, str]] = field(default_factory=set)
    named: bool = False

    def follow(self, name: str) -> bool:
        """Whether all that is reached only names something, and something is."""
        self.names.add((self.made.node, name))
        functions = [node for item in self.classes for node in item.node.body.body if isinstance(node, cst.FunctionDef)]
        before = 0
        while before < len(self.names) + len(self.attributes):
            before = len(self.names) + len(self.attributes)
            for function in functions:
                for path in paths(function.body):
                    if self._is_reached(function, path) and not self._is_fine(function, path):
                        return False
        return self.named

    def _is_reached(self, function: cst.FunctionDef, path: Path) -> bool:
        last = path[-1]
        outer = path[-2] if len(path) > 1 else None
        if isinstance(outer, (cst.AssignTarget, cst.AnnAssign)) and outer.target is last:
            return False
        if isinstance(last, cst.Attribute):
            return is_self(last.value) and last.attr.value in self.attributes
        return isinstance(last, cst.Name) and (function, last.value) in self.names

    def _is_fine(self, function: cst.FunctionDef, path: Path) -> bool:
        """Whether a use is part of a text that names something or is followed, or the test of which one it is."""
        for outer, inner in reversed(list(pairwise(path))):
            if isinstance(outer, _TEXTS) or (isinstance(outer, _TESTS) and self._is_in_test(path)):
                continue
            if isinstance(outer, cst.Arg):
                call = path[path.index(outer) - 1]
                self.named = self.named or isinstance(call, cst.Call)
                if not isinstance(call, cst.Call) or outer.keyword is None or not self._begins(outer.value, path[-1]):
                    return False
                return self._is_name(call, outer.keyword)
            if isinstance(outer, (cst.Assign, cst.AnnAssign)) and not self.begins and outer.value is not path[-1]:
                return False
            if isinstance(outer, cst.Assign):
                return len(outer.targets) == 1 and self._bind(function, outer.targets[0].target)
            if isinstance(outer, cst.AnnAssign):
                return self._bind(function, outer.target)
            if isinstance(outer, cst.If) and inner is outer.test:
                return outer.orelse is None and self._chooses(function, outer.body)
            return False
        return False

    def _begins(self, value: cst.BaseExpression, text: cst.CSTNode) -> bool:
        """Whether a name is one where the text in it is empty: `prefix + "conv"`, `f"{prefix}conv"`."""
        if self.begins:
            return True
        if isinstance(value, cst.BinaryOperation):
            right = value.right.evaluated_value if isinstance(value.right, cst.SimpleString) else None
            return value.left is text and isinstance(right, str) and _BEGIN.match(right) is not None
        if not isinstance(value, cst.FormattedString) or len(value.parts) < 2:
            return False
        first, second = value.parts[:2]
        after = second.value if isinstance(second, cst.FormattedStringText) else ""
        return isinstance(first, cst.FormattedStringExpression) and _BEGIN.match(after) is not None

    def _is_in_test(self, path: Path) -> bool:
        return any(isinstance(outer, (cst.If, cst.IfExp)) and outer.test is inner for outer, inner in pairwise(path))

    def _chooses(self, function: cst.FunctionDef, body: cst.BaseSuite) -> bool:
        """Whether a branch only binds what is followed: `if prefix is None: prefix = "block"`."""
        statements = [node for line in body.body if isinstance(line, cst.SimpleStatementLine) for node in line.body]
        if not statements or any(isinstance(line, cst.BaseCompoundStatement) for line in body.body):
            return False
        targets = [node.targets[0].target for node in statements if isinstance(node, cst.Assign)]
        return len(targets) == len(statements) and all(self._bind(function, target, known=True) for target in targets)

    def _bind(self, function: cst.FunctionDef, target: cst.BaseExpression, known: bool = False) -> bool:
        if isinstance(target, cst.Name):
            if not known:
                self.names.add((function, target.value))
            return (function, target.value) in self.names
        if not isinstance(target, cst.Attribute) or not is_self(target.value):
            return False
        if not known:
            self.attributes.add(target.attr.value)
        return target.attr.value in self.attributes

    def _is_name(self, call: cst.Call, keyword: cst.Name) -> bool:
        """Whether a keyword of a call is the name of a layer of Keras, a layer of the project or a weight."""
        if keyword.value != "name":
            return False
        if isinstance(call.func, cst.Attribute) and call.func.attr.value in _WEIGHTS:
            return self.weights and is_self(call.func.value)
        for item in self.classes:
            for fact in item.module.calls:
                if fact.node is call:
                    return fact.name.startswith("keras.layers.") and fact.name not in _NO_LAYERS
            value = bound(item, call.func.value) if isinstance(call.func, cst.Name) else None
            if isinstance(value, Class):
                made = constructor(value.info)
                own = value.info.method("__init__")[0] is not None
                own = own and (made is None or made.takes("name") or "name" in made.popped)
                return kind_of(value.info) == "layer" and not own
        return False
