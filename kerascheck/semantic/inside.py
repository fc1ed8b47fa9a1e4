"""Where in a function an expression stands, and what it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic.walk import children, walk

if TYPE_CHECKING:
    from kerascheck.semantic.module import Module

_LOOPS = (cst.For, cst.While, cst.ListComp, cst.SetComp, cst.DictComp, cst.GeneratorExp, cst.Lambda, cst.FunctionDef)


def path_to(node: cst.CSTNode, wanted: cst.CSTNode) -> list[cst.CSTNode]:
    """The nodes from `node` down to `wanted`, both with them; empty when it is not inside."""
    if node is wanted:
        return [node]
    for child in children(node):
        found = path_to(child, wanted)
        if found:
            return [node, *found]
    return []


def in_loop(body: cst.CSTNode, wanted: cst.CSTNode) -> bool:
    """Whether an expression may run more than once in a call of the function, or in another function inside of it."""
    return any(isinstance(node, _LOOPS) for node in path_to(body, wanted))


def is_lazy(module: Module, body: cst.CSTNode, wanted: cst.CSTNode) -> bool:
    """Whether an expression runs only until an attribute of `self` has got its value from it.

    `if self.x is None: self.x = ...`, `if not hasattr(self, "x")`, `if not self.built`.
    """
    for node in path_to(body, wanted):
        if isinstance(node, cst.If) and not any(item is wanted for item in walk(node.test)):
            test = module.code(node.test)
            if "self." in test or "hasattr(self" in test:
                return any(_keeps(item, wanted) for item in walk(node.body))
    return False


def _keeps(node: cst.CSTNode, wanted: cst.CSTNode) -> bool:
    """Whether a statement puts what holds the expression into an attribute, or an item of one, of `self`."""
    if not isinstance(node, cst.Assign) or not any(item is wanted for item in walk(node.value)):
        return False
    target: cst.BaseExpression = node.targets[0].target
    while isinstance(target, (cst.Attribute, cst.Subscript)):
        target = target.value
    return isinstance(target, cst.Name) and target.value == "self"


def names_in(node: cst.CSTNode) -> set[str]:
    """The names that an expression needs; those of attributes and keywords are none."""
    found: set[str] = set()
    stack = [node]
    while stack:
        current = stack.pop()
        if isinstance(current, cst.Name):
            found.add(current.value)
        elif isinstance(current, (cst.Attribute, cst.Arg)):
            stack.append(current.value)
        else:
            stack += children(current)
    return found
