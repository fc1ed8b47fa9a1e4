"""Branches that the arguments of a call decide: `if norm == "l2":` in `build(norm=None)`."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import libcst as cst

from kerascheck.semantic import own_model_names
from kerascheck.semantic.classes import is_enumeration
from kerascheck.semantic.values import Class, Const, Items, Obj, text_of
from kerascheck.semantic.walk import walk

if TYPE_CHECKING:
    from kerascheck.semantic.interpreter import Interpreter
    from kerascheck.semantic.values import Value

_LITERALS = (cst.SimpleString, cst.Integer, cst.Float)
_NAMES = {"None": None, "True": True, "False": False}
_COMPARISONS: dict[type, Callable[[Any, Any], bool]] = {
    cst.Equal: operator.eq,
    cst.NotEqual: operator.ne,
    cst.Is: operator.is_,
    cst.IsNot: operator.is_not,
    cst.LessThan: operator.lt,
    cst.LessThanEqual: operator.le,
    cst.GreaterThan: operator.gt,
    cst.GreaterThanEqual: operator.ge,
    cst.In: lambda one, other: one in other,
    cst.NotIn: lambda one, other: one not in other,
}
_SAME = (operator.eq, operator.ne, operator.is_, operator.is_not)


def given(self: Interpreter, value: Value | None) -> Value | None:
    """An argument of a call that is followed; a constant is noted as what the parameter surely is in that call."""
    if type(value) is Const and id(value) not in self.usual and id(value) not in self.literal:
        value = Const(value.value, value.place)
        self.literal[id(value)] = value
    return value


def turn(self: Interpreter, item: Value | None) -> Value | None:
    """An item that one pass through a loop has; its constants are noted as what a name surely is in that pass."""
    if type(item) is Const:
        item = Const(item.value, item.place)
        self.turns[id(item)] = item
    elif type(item) is Items and item.exact:
        return Items(item.kind, tuple(turn(self, inner) for inner in item.items))
    return item


def usual(self: Interpreter, value: Value | None) -> Value | None:
    """A constant that holds when nothing else is said: a default of the command line, or where anybody may call."""
    if type(value) is Const:
        value = Const(value.value, value.place)
        self.usual[id(value)] = value
    return value


def decided(self: Interpreter, test: cst.BaseExpression) -> bool | None:
    """What a test comes to, of a parameter in the call that is followed or of a loop's target in this pass.

    None when neither says."""
    if type(test) is cst.UnaryOperation:
        inner = decided(self, test.expression) if isinstance(test.operator, cst.Not) else None
        return None if inner is None else not inner
    if type(test) is cst.BooleanOperation:
        ends = isinstance(test.operator, cst.Or)
        one, other = decided(self, test.left), decided(self, test.right)
        if ends in (one, other):
            return ends
        return None if one is None or other is None else not ends
    if type(test) is cst.Comparison:
        return _compared(self, test)
    found = _literal(self, test)
    return None if found is None else bool(found.value)


def holds_of_list(self: Interpreter, test: cst.BaseExpression) -> bool | None:
    """What `rows`, `not rows`, `rows is None` and `rows is not None` come to where all items of a list are known.

    That a list has nothing in it is not believed: something may be put into it meanwhile.
    """
    if type(test) is cst.UnaryOperation:
        inner = holds_of_list(self, test.expression) if isinstance(test.operator, cst.Not) else None
        return None if inner is None else not inner
    name, only = test, None
    if type(test) is cst.Comparison and len(test.comparisons) == 1:
        name, only = test.left, test.comparisons[0]
        if not isinstance(only.comparator, cst.Name) or only.comparator.value != "None":
            return None
    value = self.eval(name) if type(name) is cst.Name else None
    if type(value) is not Items or not value.exact:
        return None
    if only is None:
        return True if value.items else None
    kind = type(only.operator)
    return kind is cst.IsNot if kind in {cst.Is, cst.IsNot} else None


def is_optional(self: Interpreter, node: cst.BaseExpression) -> bool:
    """Whether an expression is a parameter of the function that is followed whose default is None."""
    function = self.function.node if self.function is not None else None
    if not isinstance(node, cst.Name) or not isinstance(function, cst.FunctionDef):
        return False
    parameters = (*function.params.posonly_params, *function.params.params, *function.params.kwonly_params)
    return any(
        item.name.value == node.value and isinstance(item.default, cst.Name) and item.default.value == "None"
        for item in parameters
    )


def _compared(self: Interpreter, test: cst.Comparison) -> bool | None:
    found = _literal(self, test.left)
    if found is None or len(test.comparisons) != 1:
        return None
    only = test.comparisons[0]
    compare, other = _COMPARISONS.get(type(only.operator)), _written(only.comparator)
    if other is None and compare in _SAME:
        member = _member(self, only.comparator)
        if member is not None:
            return (found.value == member.value) is (compare in (operator.eq, operator.is_))
    if (
        compare is None
        or other is None
        or isinstance(other[0], tuple) is not isinstance(only.operator, (cst.In, cst.NotIn))
    ):
        return None
    if compare in (operator.is_, operator.is_not) and not isinstance(other[0], (bool, type(None))):
        return None
    try:
        return compare(found.value, other[0])
    except TypeError:  # `None > 1`
        return None


def _member(self: Interpreter, node: cst.BaseExpression) -> Const | None:
    """The value of a member of an enumeration of the project: `Task.COUNT`."""
    if not isinstance(node, cst.Attribute) or not isinstance(node.value, cst.Name):
        return None
    owner = self.peek(node.value)
    if not isinstance(owner, Class) or not is_enumeration(owner.info):
        return None
    value = owner.info.attribute(node.attr.value)
    return value if type(value) is Const else None


def _literal(self: Interpreter, node: cst.BaseExpression) -> Const | None:
    """The constant that a name, or an attribute of an object, has from the call that is followed."""
    value: object = None
    if type(node) is cst.Name:
        value = self.frame.names.get(node.value)
    elif type(node) is cst.Attribute and type(node.value) is cst.Name:
        owner = self.frame.names.get(node.value.value)
        value = self.heap.get((owner, node.attr.value)) if isinstance(owner, Obj) else None
        if value is None and node.attr.value == "name" and isinstance(owner, Obj) and owner.kind == "model":
            name = own_model_names.name_of(self, owner)
            return name if type(name) is Const and id(name) not in self.usual else None
    return self.literal.get(id(value)) or self.turns.get(id(value))


def _written(node: cst.BaseExpression) -> tuple[object] | None:
    """The constant, or the tuple of constants, that an expression writes; None when it is something else."""
    if isinstance(node, _LITERALS):
        return (node.evaluated_value,)
    if isinstance(node, cst.UnaryOperation) and isinstance(node.expression, (cst.Integer, cst.Float)):
        return (-node.expression.evaluated_value,) if isinstance(node.operator, cst.Minus) else None
    if type(node) is cst.Name and node.value in _NAMES:
        return (_NAMES[node.value],)
    if isinstance(node, (cst.Tuple, cst.List, cst.Set)):
        items = [_written(item.value) for item in node.elements]
        return None if None in items else (tuple(item[0] for item in items if item is not None),)
    return None


def other_call(self: Interpreter, test: cst.BaseExpression) -> None:
    """Before the branch that is not taken is read: in a call that takes it the arguments are others, too.

    Strings are kept, paths mostly, but for those that the test asks about; and None, with which there is nothing to do
    in the branch: `if seed is not None:`.
    """
    function, names = self.function, self.frame.names
    if function is None:
        return
    parameters = function.node.params
    first = function.owner is not None and "staticmethod" not in function.decorators
    asked = {node.value for node in walk(test) if isinstance(node, cst.Name)}
    for parameter in (*parameters.posonly_params, *parameters.params, *parameters.kwonly_params)[first:]:
        name = parameter.name.value
        value = self.settled(names, name)
        if value is not None and value != Const(None) and (name in asked or text_of(value) is None):
            names[name] = None


def conclude(self: Interpreter, node: cst.If) -> None:
    """The branch that is taken returns: what follows is read for what stands in it, and gives the call no value."""
    function = self.function.node if self.function is not None else None
    if self.final is not None or not isinstance(function, cst.FunctionDef):
        return
    for statement in function.body.body:
        part: object = statement
        while isinstance(part, cst.If):
            if part is node:
                self.final = len(self.returns)
                return
            part = part.orelse
