"""What a constructor uses a parameter for: where to read from, what other keys are made of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import cast

import libcst as cst

from kerascheck.semantic.classes import ClassInfo
from kerascheck.semantic.custom_objects import Constructor, config_of
from kerascheck.semantic.values import Func
from kerascheck.semantic.walk import children

Path = tuple[cst.CSTNode, ...]
_READS = re.compile(r"_*(?:load|read|restore)(?:_|$)")


def refuses_any_value(made: Constructor, name: str) -> bool:
    """Whether the constructor raises for anything but None: `if name is not None: raise ...` at the top of its body."""
    for statement in made.node.body.body:
        test = statement.test if isinstance(statement, cst.If) else None
        if not isinstance(test, cst.Comparison) or not isinstance(test.left, cst.Name) or test.left.value != name:
            continue
        only = test.comparisons[0]
        if len(test.comparisons) > 1 or not isinstance(only.operator, cst.IsNot) or not _is_none(only.comparator):
            continue
        body = cst.ensure_type(statement, cst.If).body.body
        last = body[-1] if body else None
        if isinstance(last, cst.SimpleStatementLine) and isinstance(last.body[-1], cst.Raise):
            return True
    return False


def _is_none(node: cst.BaseExpression) -> bool:
    return isinstance(node, cst.Name) and node.value == "None"


def stands_under_another_key(owner: ClassInfo, made: Constructor, name: str) -> bool:
    """Whether `get_config` writes what is made of a parameter under a key that the constructor pops from `**kwargs`."""
    return any(not shape for shape in written_of(owner, made, name))


def written_of(owner: ClassInfo, made: Constructor, name: str) -> Iterator[bool]:
    """The places where `get_config` writes what is made of a parameter under a popped key; whether only its shape."""
    config = config_of(owner)
    if not made.popped or config is None or config.owner is not made.function.owner:
        return
    attributes = _made_of(made, name)
    for path in paths(config.function.node):
        last, outer = path[-1], path[-2] if len(path) > 1 else None
        if not isinstance(last, cst.Attribute) or not is_self(last.value) or last.attr.value not in attributes:
            continue
        if any(_key(node) in made.popped for node in path):
            yield isinstance(outer, cst.Attribute) and outer.attr.value in {"shape", "size"}


def _key(node: cst.CSTNode) -> str | None:
    """The key of an item of a dictionary, as it is written in `{"key": ...}`, `dict(key=...)` or `config["key"] =`."""
    if isinstance(node, cst.Arg):
        return node.keyword.value if node.keyword is not None else None
    key: cst.CSTNode | None = node.key if isinstance(node, cst.DictElement) else None
    if isinstance(node, cst.Assign) and isinstance(target := node.targets[0].target, cst.Subscript):
        index = target.slice[0].slice
        key = index.value if isinstance(index, cst.Index) else None
    return str(key.evaluated_value) if isinstance(key, cst.SimpleString) else None


def _made_of(made: Constructor, name: str) -> set[str]:
    """The attributes of `self` that a constructor binds to what it makes of a parameter, through names, too."""
    names, attributes = {name}, set[str]()
    statements = [path[-1] for path in paths(made.node.body) if isinstance(path[-1], (cst.Assign, cst.AnnAssign))]
    for _ in statements:
        before = len(names) + len(attributes)
        for node in statements:
            if node.value is None or not any(_reads_one(path[-1], names, attributes) for path in paths(node.value)):
                continue
            targets = [item.target for item in node.targets] if isinstance(node, cst.Assign) else [node.target]
            names.update(target.value for target in targets if isinstance(target, cst.Name))
            attributes.update(
                target.attr.value for target in targets if isinstance(target, cst.Attribute) and is_self(target.value)
            )
        if len(names) + len(attributes) == before:
            break
    return attributes


def _reads_one(node: cst.CSTNode, names: set[str], attributes: set[str]) -> bool:
    if isinstance(node, cst.Attribute):
        return is_self(node.value) and node.attr.value in attributes
    return isinstance(node, cst.Name) and node.value in names


def says_where_to_read(owner: ClassInfo, made: Constructor, name: str) -> bool:
    """Whether a parameter is only a place that the constructor reads from, and what is read is kept in other ways.

    That are weights, which are in the file of a model, and attributes that `get_config` writes.
    """
    found = False
    for path in uses(made.node.body, name):
        if _is_tested(path):
            continue
        calls = [
            inner
            for outer, inner in pairwise(path)
            if isinstance(outer, cst.Expr) and isinstance(inner, cst.Call) and path[-1] not in (inner, inner.func)
        ]
        if not calls or not _reads(owner, calls[0]):
            return False
        found = True
    return found


def _reads(owner: ClassInfo, call: cst.Call) -> bool:
    """`self.net.load_weights(path)`, or a method of the class that reads into what `get_config` writes."""
    function = call.func
    if not isinstance(function, cst.Attribute):
        return False
    if function.attr.value == "load_weights":
        return True
    if not is_self(function.value) or not _READS.match(function.attr.value):
        return False
    method, config = owner.method(function.attr.value)[0], owner.method("get_config")[0]
    if method is None or config is None:
        return False
    written = set(re.findall(r"\bself\.(\w+)", _code(config)))
    return set(re.findall(r"\bself\.(\w+)[ \t]*=(?!=)", _code(method))) <= written


def _code(function: Func) -> str:
    return function.module.code(function.node)


def is_self(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.Name) and node.value == "self"


def is_size(path: Path) -> bool:
    """Whether only the length or the shape of an expression is asked for."""
    outer = path[-3:-1]
    if outer and isinstance(outer[-1], cst.Attribute):
        return outer[-1].attr.value == "shape"
    return len(outer) == 2 and isinstance(outer[0], cst.Call) and getattr(outer[0].func, "value", "") == "len"


def _is_tested(path: Path) -> bool:
    """Whether an expression stands in a condition: `if name is not None`."""
    return any(isinstance(outer, (cst.If, cst.IfExp)) and outer.test is inner for outer, inner in pairwise(path))


def uses(node: cst.CSTNode, name: str) -> Iterator[Path]:
    """The places where code reads or binds a name, each with what is around it."""
    for trail in _trails(node):
        last = trail[-1]
        if type(last) is cst.Name and last.value == name:
            yield tuple(trail)


def uses_of_self(node: cst.CSTNode, attribute: str) -> Iterator[Path]:
    """The places where code reads or binds an attribute of `self`, each with what is around it."""
    for trail in _trails(node):
        last = trail[-1]
        if type(last) is cst.Attribute and last.attr.value == attribute and is_self(last.value):
            yield tuple(trail)


def paths(node: cst.CSTNode) -> Iterator[Path]:
    """Every node of a tree behind those that it is in; names of keywords, attributes and parameters are left out."""
    return map(tuple, _trails(node))


def _trails(node: cst.CSTNode) -> Iterator[list[cst.CSTNode]]:
    """The same, in one list that changes from one to the next: most are only looked at."""
    trail: list[cst.CSTNode] = []
    stack = [(node, 0)]
    while stack:
        current, depth = stack.pop()
        trail[depth:] = [current]
        yield trail
        kind = type(current)
        if kind is cst.Arg or kind is cst.Attribute:
            stack.append((cast("cst.Arg | cst.Attribute", current).value, depth + 1))
        elif kind is not cst.Param:
            below = children(current)
            below.reverse()
            stack += [(child, depth + 1) for child in below]
