"""What becomes of a fitted encoder and of the numbers that it gives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic.inside import names_in
from kerascheck.semantic.values import Obj
from kerascheck.semantic.walk import walk

if TYPE_CHECKING:
    from kerascheck.semantic.datasets import Step
    from kerascheck.semantic.module import Module

# methods of matplotlib's modules and axes
_DRAWING = frozenset("bar barplot heatmap hist imsave imshow matshow pcolormesh plot scatter".split())
_ADDING = frozenset({"append", "setdefault"})


def is_one_of_several(module: Module, step: Step) -> bool:
    """Whether an encoder is made in the run of a loop that fits it, and kept in a container beside those of other runs.

    So each series, user or column has its own.
    """
    unit = module.index.unit(step.node)
    while unit is not None and not isinstance(unit.statement, (cst.For, cst.While)):
        if isinstance(unit.statement, (cst.FunctionDef, cst.ClassDef)):
            return False
        unit = unit.outer
    if unit is None or not isinstance(step.base, Obj) or not isinstance(step.node.func, cst.Attribute):
        return False
    inside = list(walk(unit.statement))
    receiver = step.node.func.value
    return any(node is step.base.call for node in inside) and any(
        module.code(kept) == module.code(receiver) for kept in _kept(inside)
    )


def _kept(nodes: list[cst.CSTNode]) -> Iterator[cst.BaseExpression]:
    """What is put into containers, and the items themselves that are bound."""
    for node in nodes:
        if isinstance(node, cst.Assign):
            items = [item.target for item in node.targets if isinstance(item.target, cst.Subscript)]
            yield from items
            if items:
                yield node.value
        elif isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value in _ADDING:
            yield from (item.value for item in node.args)


def is_only_drawn(module: Module, step: Step) -> bool:
    """Whether the numbers of a `fit_transform` go into pictures and nowhere else; its encoder has no name."""
    if not isinstance(step.node.func, cst.Attribute) or not isinstance(step.node.func.value, cst.Call):
        return False
    scope = step.function.node if step.function is not None else module.tree
    assigned = [node for node in walk(scope) if isinstance(node, cst.Assign)]
    names: set[str] = set()
    known: set[int] = set()  # the names that are followed, and those that are drawn
    drawn = False
    for node in walk(scope):
        if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value in _DRAWING:
            known.update(id(part) for item in node.args for part in walk(item))
    while True:
        met = len(names)
        for node in assigned:
            holds = not names.isdisjoint(names_in(node.value)) or any(part is step.node for part in walk(node.value))
            if not holds:
                continue
            targets = [item.target for item in node.targets]
            if not all(isinstance(item, cst.Name) for item in targets):
                return False
            names.update(item.value for item in targets if isinstance(item, cst.Name))
            known.update(id(part) for part in walk(node))
        if len(names) == met:
            break
    for node in walk(scope):
        if isinstance(node, cst.Name) and node.value in names:
            if id(node) not in known:
                return False
            drawn = True
    return drawn
