"""Arguments that weights only start with, or that limit what nothing trains: a loaded copy has the saved values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from itertools import pairwise

import libcst as cst

from kerascheck.semantic.classes import ClassInfo
from kerascheck.semantic.custom_objects import Constructor, is_plain_default
from kerascheck.semantic.purposes import Path, is_self, is_size, uses, uses_of_self, written_of
from kerascheck.semantic.walk import walk

_CONSTANTS = frozenset({"Constant", "constant_initializer"})
_ITEMS = frozenset({"items", "keys", "values", "get", "copy"})
_WEIGHTS = frozenset({"add_weight", "add_variable", "Variable"})
_SHAPING = (cst.Call, cst.BinaryOperation, cst.List, cst.Tuple, cst.Subscript, cst.BaseComp)
_SAYS = frozenset({"print", "warn", "warning", "info", "debug"})


class Purpose(Enum):
    """What becomes of an argument: weights get their `FIRST` values from it, or it is `IDLE`, as nothing is trained."""

    FIRST = "first"
    IDLE = "idle"


def purpose_of(owner: ClassInfo, made: Constructor, name: str, keras_3: bool) -> Purpose | None:
    """What a parameter is used for, where it is nothing else; None when it may be more than that.

    It is followed through names, attributes of `self`, loops, and methods that hand on an initializer.
    """
    flow = _Flow(owner, made, name, keras_3)
    return flow.purpose if flow.follow() else None


class _Flow:
    """Where the value of a parameter goes. `function` is None for an attribute of `self` and for a method's result."""

    def __init__(self, owner: ClassInfo, made: Constructor, name: str, keras_3: bool) -> None:
        self.made, self.name, self.keras_3 = made, name, keras_3
        self.sized = any(written_of(owner, made, name))
        lineage = [item for item in owner.lineage() if isinstance(item, ClassInfo)]
        self.classes = lineage + [
            item for item in owner.module.classes if item is not owner and owner in item.lineage()
        ]
        self.reached: dict[tuple[cst.FunctionDef | None, str], None] = {(made.node, name): None}
        self.tests: list[tuple[cst.FunctionDef, cst.If]] = []
        self.purpose: Purpose | None = None
        tracked = owner.keras_kind is not None and owner.module.target.keras2
        names = ("tensorflow.Variable", "keras.backend.variable") if tracked else ()
        self.variables = [call.node for name in names for call in made.function.module.calls_of(name)]
        # whether it is the first value of one, whose shape may hang on it: any but a fraction may be a size
        self.variable = self.shaped = False
        self.changed: set[str] = set()
        self.fraction = any(item.name == name and isinstance(item.node.default, cst.Float) for item in made.parameters)

    def follow(self) -> bool:
        """Whether everything that is reached is accounted for."""
        done = 0
        while done < len(self.reached):
            function, name = list(self.reached)[done]
            done += 1
            places = [(function, path) for path in uses(function.body, name)] if function else list(self._places(name))
            read = [place for place in places if not _binds(place[1])]
            if function is None and not read:
                held = self.made.held.get(self.name)
                if held is None or held.attribute != name or held.getter != "initializers":
                    return False  # it is there for others
                self.purpose = Purpose.FIRST
            if not all(self._is_fine(inside, path) for inside, path in places):
                return False
            if done == len(self.reached) and not all(self._branches_are_fine(*item) for item in self.tests):
                return False
        if self.variable and not self.fraction and (self.shaped or not self._is_plain()):
            return False
        return self.purpose is not None

    def _is_plain(self) -> bool:
        return any(item.name == self.name and is_plain_default(item) for item in self.made.parameters)

    def _places(self, attribute: str) -> Iterator[tuple[cst.FunctionDef, Path]]:
        """The places that use an attribute of `self`, but for `get_config`, each with the function around it."""
        for item in self.classes:
            for path in uses_of_self(item.node.body, attribute):
                around = next((node for node in path if isinstance(node, cst.FunctionDef)), None)
                if around is not None and around.name.value != "get_config":
                    yield around, path[path.index(around) :]

    def _is_fine(self, function: cst.FunctionDef, path: Path) -> bool:
        """Whether a use is a first value, says nothing of the object, or goes where it is followed."""
        purpose = self._sink(path)
        if purpose is not None:
            self.purpose = purpose if self.purpose is not Purpose.FIRST else Purpose.FIRST
            return True
        if any(isinstance(node, (cst.Raise, cst.Assert)) for node in path) or _binds(path):
            return True
        if self.sized and is_size(path):
            return True  # the size stands in the configuration
        if any(isinstance(node, (cst.FunctionDef, cst.Lambda, cst.ClassDef, cst.Yield)) for node in path[1:]):
            return False
        for outer, inner in reversed(list(pairwise(path))):
            if isinstance(outer, cst.Call) and not self._comes_back(outer, inner, path):
                return False
            if isinstance(outer, cst.If) and inner is outer.test:
                self.tests.append((function, outer))
                return True
            if isinstance(outer, cst.For):
                return inner is outer.iter and self._bind(function, outer.target)
            if isinstance(outer, cst.AssignTarget):
                return self._bind(function, outer.target)
            if isinstance(outer, cst.NamedExpr) and not self._bind(function, outer.target):
                return False
            if isinstance(outer, cst.Assign):
                self._note_change(outer, path)
                return all(self._bind(function, item.target) for item in outer.targets)
            if isinstance(outer, (cst.AnnAssign, cst.AugAssign)):
                return self._bind(function, outer.target)
            if isinstance(outer, cst.Return):
                return self._hand_back(function)
            if isinstance(outer, (cst.BaseSmallStatement, cst.BaseCompoundStatement)):
                return False
        return False

    def _comes_back(self, call: cst.Call, inner: cst.CSTNode, path: Path) -> bool:
        """Whether the value is nothing but part of what a call returns: it is not kept by a method of the class."""
        if inner is call.func:
            return _name(call.func) in _ITEMS or path[-1] is call.func
        return not (isinstance(call.func, cst.Attribute) and is_self(call.func.value))

    def _sink(self, path: Path) -> Purpose | None:
        """FIRST for what is given as `kernel_initializer=`, `initializer=` or `weights=`, or to a constant initializer.

        IDLE for the constraint of a weight that is not trainable, on Keras 3 for its regularizer, too. Run on 2.15 and
        3.15.1: training does not apply the constraint; `losses` of Keras 2 have the regularizer's all the same.
        """
        if self._starts_a_variable(path):
            self.variable |= not self._draws(path)
            return Purpose.FIRST
        if self._is_listed(path):
            return Purpose.FIRST
        for node, inner in pairwise(path):
            if isinstance(node, cst.Call) and inner is not node.func and _name(node.func) in _CONSTANTS:
                return Purpose.FIRST
            if not isinstance(node, cst.Call) or not isinstance(inner, cst.Arg) or inner.keyword is None:
                continue
            keyword = inner.keyword.value
            if keyword == "weights" or keyword.endswith("initializer"):
                return Purpose.FIRST
            idle = keyword == "constraint" or (self.keras_3 and keyword == "regularizer")
            if idle and _name(node.func) == "add_weight" and any(_is_frozen(item) for item in node.args):
                return Purpose.IDLE
        return None

    def _is_listed(self, path: Path) -> bool:
        """Whether it makes a weight as in Keras 1: `self.w = self.w_init(shape)`, `trainable_weights = [self.w]`."""
        for outer, call in pairwise(path):
            if not isinstance(outer, cst.Assign) or not isinstance(call, cst.Call) or call.func is not path[-1]:
                continue
            target = outer.targets[0].target
            if isinstance(target, cst.Attribute) and is_self(target.value) and isinstance(call.func, cst.Attribute):
                listed = rf"trainable_weights\s*=\s*\[[^\]]*\bself\.{target.attr.value}\b"
                return any(re.search(listed, item.module.code(item.node)) for item in self.classes)
        return False

    def _draws(self, path: Path) -> bool:
        """Whether it is an initializer that is called for the first value: `K.variable(self.start(shape))`."""
        held = self.made.held.get(self.name)
        called = len(path) > 1 and isinstance(path[-2], cst.Call) and path[-2].func is path[-1]
        return called and held is not None and held.getter == "initializers"

    def _starts_a_variable(self, path: Path) -> bool:
        """Whether a value is what `self.table = tf.Variable(value, ...)` or `K.variable(value)` starts with.

        Keras 2 has such a variable among the weights and in its files (run on 2.15); Keras 3 does not know it.
        """
        for outer, call, inner in zip(path, path[1:], path[2:], strict=False):
            if isinstance(outer, cst.Assign) and isinstance(call, cst.Call) and call.args and inner is call.args[0]:
                target = outer.targets[0].target
                kept = isinstance(target, cst.Attribute) and is_self(target.value) and len(outer.targets) == 1
                if kept and call.args[0].keyword is None and any(call is node for node in self.variables):
                    self.shaped |= any(isinstance(node, _SHAPING) for node in path[path.index(inner) :])
                    return True
        return False

    def _note_change(self, node: cst.Assign, path: Path) -> None:
        """Keep whether a value is made into something else: `table = quantize(table, mode)` only changes a table."""
        if not any(isinstance(item, _SHAPING) for item in path[path.index(node.value) :]):
            return
        first = node.value.args[0].value if isinstance(node.value, cst.Call) and node.value.args else None
        last, target = path[-1], node.targets[0].target
        again = isinstance(first, cst.Name) and isinstance(target, cst.Name) and first.value == target.value
        if again and len(node.targets) == 1 and isinstance(first, cst.Name) and isinstance(last, cst.Name):
            if first is not last:
                self.changed.add(first.value)
            if first.value in self.changed:
                return
        self.shaped = True

    def _bind(self, function: cst.FunctionDef, target: cst.BaseExpression) -> bool:
        """Go on with what is bound; whether that can be followed."""
        if isinstance(target, (cst.Tuple, cst.List)):
            return all(self._bind(function, item.value) for item in target.elements)
        while isinstance(target, cst.Subscript):
            target = target.value
        if isinstance(target, cst.Name):
            self.reached[function, target.value] = None
            return True
        if isinstance(target, cst.Attribute) and is_self(target.value):
            self.reached[None, target.attr.value] = None
            return True
        return False

    def _hand_back(self, function: cst.FunctionDef) -> bool:
        """Go on with the result of a method of the class' own: `_get_initializer`."""
        name = function.name.value
        if function is self.made.node or not (name.startswith("_") or "init" in name) or name.startswith("__"):
            return False
        self.reached[None, name] = None
        return True

    def _branches_are_fine(self, function: cst.FunctionDef, test: cst.If) -> bool:
        """Whether an `if` that asks for the value decides on nothing but what is followed."""
        for branch in (test.body, test.orelse):
            for node in walk(branch) if branch is not None else ():
                if isinstance(node, (cst.Assign, cst.AnnAssign, cst.AugAssign)):
                    if not self._is_followed(function, node):
                        return False
                elif isinstance(node, cst.Return):
                    if not self._hand_back(function):
                        return False
                elif isinstance(node, cst.Expr):
                    said = isinstance(node.value, cst.Call) and _name(node.value.func) in _SAYS
                    if not said and not isinstance(node.value, (cst.SimpleString, cst.ConcatenatedString)):
                        return False
                elif (isinstance(node, cst.Call) and _name(node.func) in _WEIGHTS) or isinstance(
                    node, (cst.Break, cst.Continue, cst.Del, cst.With, cst.Try, cst.NamedExpr)
                ):
                    return False
        return True

    def _is_followed(self, function: cst.FunctionDef, node: cst.Assign | cst.AnnAssign | cst.AugAssign) -> bool:
        """Whether what is bound in such a branch is followed from here, or is the size of the value."""
        targets = [item.target for item in node.targets] if isinstance(node, cst.Assign) else [node.target]
        if self.sized and node.value is not None and any(is_size(path) for path in uses(node.value, self.name)):
            return True
        before = len(self.reached)
        fine = all(self._bind(function, target) for target in targets)
        if len(self.reached) > before:
            return fine and all(isinstance(target, cst.Name) for target in targets)
        return fine


def _binds(path: Path) -> bool:
    """Whether a name or an attribute is bound here, not read: `self.x = ...`, `for x in ...`."""
    last = path[-1]
    for outer in reversed(path[:-1]):
        if isinstance(outer, (cst.AssignTarget, cst.AnnAssign, cst.For, cst.NamedExpr)):
            return outer.target is last
        if not isinstance(outer, (cst.Tuple, cst.List, cst.Element)):
            return False
        last = outer if isinstance(outer, (cst.Tuple, cst.List)) else last
    return False


def _is_frozen(argument: cst.Arg) -> bool:
    named = argument.keyword is not None and argument.keyword.value == "trainable"
    return named and isinstance(argument.value, cst.Name) and argument.value.value == "False"


def _name(node: cst.BaseExpression) -> str:
    """The last name of what is called."""
    if isinstance(node, cst.Attribute):
        return node.attr.value
    return node.value if isinstance(node, cst.Name) else ""
