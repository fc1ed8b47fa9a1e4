"""Scores that a model gives: which values are those of one row, and what is a position in such a row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic.values import Const, Obj, Part, Tensor, Value
from kerascheck.semantic.walk import children

if TYPE_CHECKING:
    from kerascheck.semantic.interpreter import Interpreter
    from kerascheck.semantic.module import Module

_PREDICTED = frozenset({"#predict", "#predict_on_batch"})
# the same scores, in another form
_SAME = frozenset("numpy tolist astype round copy squeeze flatten ravel cpu detach #call #list #slice #minus".split())
_SAME_CALLS = frozenset(
    """array asarray squeeze ravel round around softmax log_softmax sigmoid expit convert_to_numpy convert_to_tensor
    list tuple cast negative getitem nan_to_num clip stop_gradient minus""".split()
)
_WHOLE = frozenset({"int", "int32", "int64", "intp", "asarray", "array", "squeeze", "list", "cast", "convert_to_numpy"})
_RANKS = frozenset({"argsort", "argpartition", "top_k"})
_DEEPEST = 24
_ROUNDS = 6


def is_row(value: Value | None) -> bool:
    """Whether a value surely is scores of one row of what a model predicts: `model.predict(x)[0]`."""
    found = _rows_taken(value)
    return found is not None and found > 0


def is_predicted(value: Value | None) -> bool:
    """Whether a value is what a model predicts, or a part of its rows."""
    return _rows_taken(value) is not None


def _rows_taken(value: Value | None) -> int | None:
    """How many times a row or number is taken from what a model predicts; None when it is something else."""
    taken = 0
    for _ in range(_DEEPEST):
        if isinstance(value, Part):
            if value.attribute in _PREDICTED:
                return taken
            if value.attribute == "#element" or (value.attribute == "#item" and not isinstance(value.index, str)):
                taken += 1
            elif value.attribute not in _SAME:
                return None
            value = value.base
        elif isinstance(value, Tensor):
            if isinstance(value.layer, Obj) and value.layer.kind == "model":
                return taken
            short = value.operation.rpartition(".")[2]
            if value.layer is not None or short not in _SAME_CALLS or not value.inputs:
                return None
            taken += short == "getitem" and not isinstance(value.index, str)
            value = value.inputs[0]
        elif isinstance(value, Obj) and value.kind == "value" and value.ref.rpartition(".")[2] in _SAME_CALLS:
            value = value.arguments.value("", 0)
        else:
            return None
    return None


def is_chosen(value: Value | None) -> bool:
    """Whether a value is a position that scores say: `argmax` of anything, a place in an order of predicted scores."""
    taken = 0  # positions taken from an array of them
    for _ in range(_DEEPEST):
        short, inner = "", None
        if isinstance(value, Part):
            if value.attribute in {"#element", "#item"}:
                taken += 1
            inner = value.base
            short = value.attribute
        elif isinstance(value, Tensor):
            short, inner = value.operation.rpartition(".")[2], value.inputs[0] if value.inputs else None
        elif isinstance(value, Obj) and value.kind == "value":
            short, inner = value.ref.rpartition(".")[2], value.arguments.value("", 0)
            if short not in _WHOLE and short != "argmax" and short not in _RANKS:
                return False
        if short == "argmax":
            return True
        if short in _RANKS:
            rows = _rows_taken(inner)
            return rows is not None and rows + taken > 1
        if inner is None:
            return False
        value = inner
    return False


def counted(value: Value | None) -> tuple[cst.BaseExpression, Value | None, bool] | None:
    """What a value is a position in: `for i, one in enumerate(x)`, and `for i in range(len(x))`, which is less sure.

    The third item says whether it is sure.
    """
    if not isinstance(value, Part):
        return None
    base, given = value.base, None
    sure = value.attribute == "#item"
    if sure and value.index == 0 and isinstance(base, Part) and base.attribute == "#element":
        given = base.base.arguments if isinstance(base.base, Part) and base.base.attribute == "#enumerate" else None
    elif value.attribute == "#element" and isinstance(base, Obj) and base.ref == "builtins.range":
        size = base.arguments.value("", 0) if len(base.arguments.positional) == 1 else None
        given = size.arguments if isinstance(size, Obj) and size.ref == "builtins.len" else None
    return (*given.positional[0], sure) if given is not None and given.positional else None


def is_threshold(self: Interpreter, node: cst.BaseSlice) -> bool:
    """`int(score > 0.5)` and `1 if score > 0.5 else 0`, of a score that a model gives."""
    value = node.value if isinstance(node, cst.Index) else None
    if isinstance(value, cst.Call) and isinstance(value.func, cst.Name) and value.func.value == "int":
        value = value.args[0].value if len(value.args) == 1 else None
    elif isinstance(value, cst.IfExp):
        sides = {self.peek(value.body), self.peek(value.orelse)}
        value = value.test if sides == {Const(0), Const(1)} else None
    return isinstance(value, cst.Comparison) and is_row(self.peek(value.left))


def is_made_from(self: Interpreter, scores: cst.CSTNode, source: cst.BaseExpression) -> bool:
    """Whether scores come from the items of a list themselves, as in a search for the nearest of some words.

    `source` is the list as it is written. Then positions in the scores are those of the list, whatever its order is.
    How many items it has, and the numbers of labels in it, do not make the scores.
    """
    function = self.function
    if function is not None and function.owner is not None and isinstance(source, cst.Attribute):
        flow = _Flow(self.module, function.owner.node)
    else:
        flow = _Flow(self.module, self.module.tree)
    here = flow.home(function.node) if function is not None else 0
    return flow.leads(source, scores, here)


class _Flow:
    """What the names and attributes of a class or module come from, without the order of its statements."""

    def __init__(self, module: Module, scope: cst.CSTNode) -> None:
        self._code = module.code
        self._homes: dict[int, int] = {}  # functions, by the outermost one that they are in
        self._own: dict[int, set[str]] = {0: set()}  # the names that a function binds
        self._bindings: list[tuple[int, cst.BaseExpression, cst.CSTNode]] = []
        stack = [(scope, 0)]
        while stack:
            node, home = stack.pop()
            if isinstance(node, (cst.FunctionDef, cst.Lambda)):
                home = home or id(node)
                self._homes[id(node)] = home
                self._own.setdefault(home, set())
            elif isinstance(node, cst.Param):
                self._own[home].add(node.name.value)
            for target, value in _bindings(node):
                self._bindings.append((home, target, value))
                if isinstance(target, cst.Name) and not isinstance(node, cst.Call):
                    self._own[home].add(target.value)
            stack += [(child, home) for child in children(node)]

    def home(self, function: cst.CSTNode) -> int:
        """The outermost function that a function is in."""
        return self._homes.get(id(function), 0)

    def leads(self, source: cst.BaseExpression, end: cst.CSTNode, home: int) -> bool:
        """Whether the value of an expression in a function comes from that of another one there."""
        derived = {self._key(source, home)}
        for _ in range(_ROUNDS):
            found = {
                self._key(target, inside)
                for inside, target, value in self._bindings
                if any(self._key(item, inside) in derived for item in _mentioned(value))
            }
            if found <= derived:
                break
            derived |= found
        return any(self._key(item, home) in derived for item in _mentioned(end))

    def _key(self, node: cst.BaseExpression, home: int) -> tuple[int, str]:
        code = self._code(node)
        if isinstance(node, cst.Name):
            return (home if code in self._own[home] else 0), code
        return (0 if code.startswith("self.") else home), code


def _bindings(node: cst.CSTNode) -> list[tuple[cst.BaseExpression, cst.CSTNode]]:
    """The names and attributes that a node binds or fills, each with what it comes from."""
    if isinstance(node, cst.Assign):
        return [(name, node.value) for item in node.targets for name in _names_in(item.target)]
    if isinstance(node, (cst.AnnAssign, cst.AugAssign)) and node.value is not None:
        return [(name, node.value) for name in _names_in(node.target)]
    if isinstance(node, (cst.For, cst.CompFor)):
        names = _names_in(node.target)
        counted = isinstance(node.iter, cst.Call) and getattr(node.iter.func, "value", "") == "enumerate"
        return [(name, node.iter) for name in (names[1:] if counted else names)]
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value in _FILLING:
        return [(name, item.value) for name in _names_in(node.func.value) for item in node.args]
    return []


_FILLING = frozenset({"append", "extend", "add", "update", "insert"})
_OTHERWISE = frozenset({"index", "count", "train_test_split", "fit", "evaluate"})
_CALLED = frozenset({"predict", "predict_on_batch", "predict_step"})


def _names_in(target: cst.BaseExpression) -> list[cst.BaseExpression]:
    if isinstance(target, (cst.Tuple, cst.List)):
        return [name for element in target.elements for name in _names_in(element.value)]
    while isinstance(target, (cst.Subscript, cst.StarredElement)):
        target = target.value
    return [target] if isinstance(target, (cst.Name, cst.Attribute)) else []


def _mentioned(node: cst.CSTNode) -> list[cst.BaseExpression]:
    """The names and attributes whose values go into that of an expression."""
    found: list[cst.BaseExpression] = []
    stack = [node]
    while stack:
        item = stack.pop()
        if isinstance(item, cst.Call):
            called = item.func.attr if isinstance(item.func, cst.Attribute) else item.func
            name = called.value if isinstance(called, cst.Name) else ""
            if name == "len" or name in _OTHERWISE:
                continue
            stack += [argument.value for argument in item.args]
            if isinstance(item.func, cst.Attribute) and name not in _CALLED:
                stack.append(item.func.value)
        elif isinstance(item, (cst.Name, cst.Attribute)):
            found.append(item)
            if isinstance(item, cst.Attribute):
                stack.append(item.value)
        else:
            stack += children(item)
    return found
