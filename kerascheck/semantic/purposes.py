"""What a constructor uses a parameter for: for the first values of weights, or only to say where to read from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

import libcst as cst

from kerascheck.semantic.classes import ClassInfo
from kerascheck.semantic.custom_objects import Constructor
from kerascheck.semantic.values import Func
from kerascheck.semantic.walk import children

_Path = tuple[cst.CSTNode, ...]
_READS = re.compile(r"_*(?:load|read|restore)(?:_|$)")


def gives_first_values(owner: ClassInfo, made: Constructor, name: str) -> bool:
    """Whether a parameter is only used for values that weights start with: a saved copy has those of the file."""
    found = False
    held = made.held.get(name)
    for path in _uses(made.node.body, name):
        if _is_for_first_values(path):
            found = True
        elif held is not None and any(node is held.statement for node in path):
            uses = list(_uses_of_attribute(owner, held.attribute, held.statement))
            if (not uses and held.getter != "initializers") or not all(_is_for_first_values(use) for use in uses):
                return False
            found = True
        elif not _is_tested(path):
            return False
    return found


def says_where_to_read(owner: ClassInfo, made: Constructor, name: str) -> bool:
    """Whether a parameter is only a place that the constructor reads from, and what is read is kept in other ways.

    That are weights, which are in the file of a model, and attributes that `get_config` writes.
    """
    found = False
    for path in _uses(made.node.body, name):
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
    if not _is_self(function.value) or not _READS.match(function.attr.value):
        return False
    method, config = owner.method(function.attr.value)[0], owner.method("get_config")[0]
    if method is None or config is None:
        return False
    written = set(re.findall(r"\bself\.(\w+)", _code(config)))
    return set(re.findall(r"\bself\.(\w+)[ \t]*=(?!=)", _code(method))) <= written


def _code(function: Func) -> str:
    return function.module.code(function.node)


def _is_self(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.Name) and node.value == "self"


def _is_for_first_values(path: _Path) -> bool:
    """Whether an expression is, or is part of, what is given as `kernel_initializer=`, `initializer=` or `weights=`."""
    keywords = [node.keyword.value for node in path if isinstance(node, cst.Arg) and node.keyword is not None]
    return any(keyword == "weights" or keyword.endswith("initializer") for keyword in keywords)


def _is_tested(path: _Path) -> bool:
    """Whether an expression stands in a condition: `if name is not None`."""
    return any(isinstance(outer, (cst.If, cst.IfExp)) and outer.test is inner for outer, inner in pairwise(path))


def _uses(node: cst.CSTNode, name: str) -> Iterator[_Path]:
    """The places where code reads or binds a name, each with what is around it."""
    for path in _paths(node):
        last = path[-1]
        if isinstance(last, cst.Name) and last.value == name:
            yield path


def _uses_of_attribute(owner: ClassInfo, attribute: str, without: cst.CSTNode) -> Iterator[_Path]:
    """The places of a class that use an attribute of `self`, but for `get_config` and one statement."""
    for path in _paths(owner.node.body):
        last = path[-1]
        if not isinstance(last, cst.Attribute) or last.attr.value != attribute or not _is_self(last.value):
            continue
        if any(
            node is without or (isinstance(node, cst.FunctionDef) and node.name.value == "get_config") for node in path
        ):
            continue
        yield path


def _paths(node: cst.CSTNode) -> Iterator[_Path]:
    """Every node of a tree behind those that it is in; names of keywords, attributes and parameters are left out."""
    stack: list[_Path] = [(node,)]
    while stack:
        path = stack.pop()
        yield path
        last = path[-1]
        if isinstance(last, (cst.Arg, cst.Attribute)):
            stack.append((*path, last.value))
        elif not isinstance(last, cst.Param):
            stack += [(*path, child) for child in reversed(children(last))]
