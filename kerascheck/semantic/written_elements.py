"""What the elements of a set are, by the expression that makes it and the statements that fill what is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic.walk import walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kerascheck.semantic.module import Module

_DEEPEST = 4  # names that are made of each other
_NUMBERS = frozenset({"int", "float", "len", "round", "abs", "ord", "hash", "id"})
_OF_NUMBERS = (cst.FloorDivide, cst.Divide, cst.Power)
_SETS = frozenset({"set", "frozenset", "list", "tuple", "sorted", "reversed"})
# methods of strings that no array, frame or list has
_OF_STRINGS = frozenset(
    """capitalize casefold decode format join lower lstrip partition read readline readlines rpartition rsplit rstrip
    splitlines startswith strip swapcase title upper zfill""".split()
)


def written_kind(module: Module, node: cst.BaseExpression, depth: int = 0) -> str | None:
    """ "str" or "int" (any number) when the elements of a set, made at a place, are surely that; else None."""
    inner = _inside(node)
    if isinstance(inner, (cst.SetComp, cst.ListComp, cst.GeneratorExp)):
        loop = inner.for_in
        same = isinstance(inner.elt, cst.Name) and isinstance(loop.target, cst.Name)
        if same and loop.inner_for_in is None and _binds(loop.target, cst.ensure_type(inner.elt, cst.Name).value):
            return written_kind(module, loop.iter, depth + 1) if depth < _DEEPEST else None
        return _kind(inner.elt)
    if isinstance(inner, cst.Name):
        return (_of_name(module, inner, depth) or _of_parameter(module, inner)) if depth < _DEEPEST else None
    return "str" if _kind(inner) == "str" else None  # `set(" ".join(lines))`: its characters


def _inside(node: cst.BaseExpression) -> cst.BaseExpression:
    """What a set, or the list that is made of it, is made from."""
    while (
        isinstance(node, cst.Call)
        and isinstance(node.func, cst.Name)
        and node.func.value in _SETS
        and len(node.args) == 1
        and not node.args[0].star
    ):
        node = node.args[0].value
    return node


def _kind(node: cst.BaseExpression) -> str | None:
    if isinstance(node, (cst.SimpleString, cst.FormattedString, cst.ConcatenatedString)):
        return "str"
    if isinstance(node, (cst.Integer, cst.Float)):
        return "int"
    if isinstance(node, cst.Tuple):
        kinds = {_kind(item.value) for item in node.elements}  # of a starred item it is not known
        return "str" if "str" in kinds else "int" if kinds == {"int"} else None
    if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, (cst.Add, cst.Multiply, cst.Subtract)):
        kinds = {_kind(node.left), _kind(node.right)}
        return "str" if "str" in kinds else "int" if kinds == {"int"} else None
    if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, _OF_NUMBERS):
        return "int" if "int" in {_kind(node.left), _kind(node.right)} else None
    if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Modulo):
        return _kind(node.left)  # of a text it is the text that is filled in
    if isinstance(node, cst.UnaryOperation) and isinstance(node.operator, (cst.Minus, cst.Plus, cst.BitInvert)):
        return "int"
    if isinstance(node, (cst.Comparison, cst.UnaryOperation)):
        return "int"  # True and False
    if isinstance(node, cst.Subscript) and isinstance(node.slice[0].slice, (cst.Index, cst.Slice)):
        return "str" if _kind(node.value) == "str" else None
    if not isinstance(node, cst.Call):
        return None
    if isinstance(node.func, cst.Name):
        return "str" if node.func.value == "str" else "int" if node.func.value in _NUMBERS else None
    if isinstance(node.func, cst.Attribute):
        return "str" if node.func.attr.value in _OF_STRINGS else None
    return None


def _scope(module: Module, place: cst.Name) -> cst.CSTNode:
    """The innermost function around a name that assigns it, else the whole file."""
    start = module.span(place).start
    around = [
        function.node
        for function in module.functions
        if function.module is module and module.span(function.node).start <= start < module.span(function.node).end
    ]
    for node in sorted(around, key=lambda node: -module.span(node).start):
        for item in walk(node):
            target = item.target if isinstance(item, cst.AssignTarget) else None
            if isinstance(target, cst.Name) and target.value == place.value:
                return node
    return module.tree


def _of_name(module: Module, place: cst.Name, depth: int) -> str | None:
    """The kind of what is put into a list of this name, by every statement that fills or binds it where it is known.

    They bind it to a list or set, or to a string, and to nothing else.
    """
    name = place.value
    kinds: set[str | None] = set()
    filled = False
    for node in walk(_scope(module, place)):
        if isinstance(node, cst.Assign):
            if not any(isinstance(item.target, cst.Name) and item.target.value == name for item in node.targets):
                if any(_binds(item.target, name) for item in node.targets):
                    return None
                continue
            listed = _repeated(node.value) or node.value
            if isinstance(listed, (cst.List, cst.Set)) or _is_empty_call(listed):
                elements = listed.elements if isinstance(listed, (cst.List, cst.Set)) else ()
                kinds.update(_kind(item.value) for item in elements)
                filled = filled or bool(elements)
            elif isinstance(node.value, cst.ListComp):
                kinds.add(_kind(node.value.elt))
                filled = True
            elif _inside(node.value) is not node.value and not _is_empty_call(node.value):
                kinds.add(written_kind(module, node.value, depth + 1))
                filled = True
            elif _kind(node.value) == "str":
                kinds.add("str")
                filled = True
            else:
                return None
        elif isinstance(node, (cst.AugAssign, cst.AnnAssign, cst.For, cst.CompFor, cst.NamedExpr)):
            if _binds(node.target, name):
                return None
        elif isinstance(node, (cst.Param, cst.AsName)) and _binds(node.name, name):
            return None
        elif isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.args:
            home = node.func.value
            if isinstance(home, cst.Name) and home.value == name:
                if node.func.attr.value in {"append", "add"}:
                    kinds.add(_kind(node.args[0].value))
                    filled = True
                elif node.func.attr.value in {"extend", "update", "insert"}:
                    return None
    return kinds.pop() if filled and len(kinds) == 1 else None


def _repeated(node: cst.BaseExpression) -> cst.List | None:
    """The list in `[-1] * n`."""
    if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Multiply):
        return next((side for side in (node.left, node.right) if isinstance(side, cst.List)), None)
    return None


def _of_parameter(module: Module, place: cst.Name) -> str | None:
    """ "int" when each call of the function around a place, all in this file, gives a list that begins as `[-1] * n`.

    What stands in such a list later is taken to be of its kind.
    """
    at = module.span(place).start
    for function in module.functions:
        node = function.node
        if function.module is not module or not isinstance(node, cst.FunctionDef) or function.owner is not None:
            continue
        span, names = module.span(node), [item.name.value for item in node.params.params]
        if not span.start <= at < span.end or place.value not in names:
            continue
        word = f"{node.name.value}("
        project = module.project
        if project is not None and any(word in project.text(user) for user in project.importers(module.path)):
            return None
        if any(module.span(item).start < at for item in _bindings(node.body, place.value)):
            return None
        given = [_argument(call, names.index(place.value), place.value) for call in _calls(module, node.name.value)]
        return (
            "int" if given and all(item is not None and _begins_with_numbers(module, item) for item in given) else None
        )
    return None


def _bindings(body: cst.CSTNode, name: str) -> Iterator[cst.CSTNode]:
    for item in walk(body):
        kinds = (cst.AssignTarget, cst.AnnAssign, cst.AugAssign, cst.NamedExpr, cst.For, cst.CompFor)
        if isinstance(item, kinds) and _binds(item.target, name):
            yield item


def _calls(module: Module, name: str) -> Iterator[cst.Call]:
    for node in walk(module.tree):
        if isinstance(node, cst.Call) and isinstance(node.func, cst.Name) and node.func.value == name:
            yield node


def _argument(call: cst.Call, index: int, name: str) -> cst.BaseExpression | None:
    named = next((item.value for item in call.args if item.keyword is not None and item.keyword.value == name), None)
    plain = [item.value for item in call.args if item.keyword is None]
    starred = any(item.star for item in call.args)
    return named or (plain[index] if index < len(plain) and not starred else None)


def _begins_with_numbers(module: Module, node: cst.BaseExpression) -> bool:
    """Whether an argument is a name, one of whose bindings is such a list, and no other is a list of anything else."""
    if not isinstance(node, cst.Name):
        return False
    kinds: set[str | None] = set()
    for item in walk(_scope(module, node)):
        if isinstance(item, cst.Assign) and any(
            isinstance(target.target, cst.Name) and target.target.value == node.value for target in item.targets
        ):
            made = _repeated(item.value)
            kinds.update({_kind(element.value) for element in made.elements} if made is not None else {None})
    return kinds == {"int"}


def _is_empty_call(node: cst.BaseExpression) -> bool:
    named = isinstance(node, cst.Call) and isinstance(node.func, cst.Name) and node.func.value in {"list", "set"}
    return named and isinstance(node, cst.Call) and not node.args


def _binds(node: cst.CSTNode, name: str) -> bool:
    return any(isinstance(item, cst.Name) and item.value == name for item in walk(node))
