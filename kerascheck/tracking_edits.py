"""Edits that put layers where Keras finds them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.edits import Edit
from kerascheck.patch import indentation, insert_after
from kerascheck.semantic.storage import circle
from kerascheck.semantic.walk import walk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kerascheck.semantic.classes import ClassInfo
    from kerascheck.semantic.module import Module


def rename_attribute(module: Module, owner: ClassInfo, attribute: str, name: str) -> list[Edit] | None:
    """Give an attribute of `self` another name in the whole class; None when anything else may speak of it."""
    text = module.code(owner.node)
    uses = [
        node.attr
        for node in walk(owner.node)
        if isinstance(node, cst.Attribute)
        and node.attr.value == attribute
        and isinstance(node.value, cst.Name)
        and node.value.value == "self"
    ]
    everywhere = sum(len(re.findall(rf"\b{attribute}\b", other.source.text)) for other in circle(module, (attribute,)))
    name = free_attribute(text, name)
    if not uses or everywhere != len(uses):
        return None
    return [Edit(module.span(node).start, module.span(node).end, name) for node in uses]


def free_attribute(text: str, name: str) -> str:
    """The name, or the name with a number, which the text does not have."""
    numbered = (f"{name}_{number}" for number in range(2, 100))
    return next(item for item in (name, *numbered) if re.search(rf"\b{item}\b", text) is None)


def hold_as_well(module: Module, owner: ClassInfo, attribute: str, items: str) -> list[Edit] | None:
    """Write `self.<attribute>_layers = [items]` behind the last statement of the method that fills the attribute.

    None when more than one method does, or when one returns before its end.
    """
    method, last = _filled_by(module, owner, attribute)
    if method is None or last is None or any(isinstance(node, cst.Return) for node in walk(method.body)):
        return None
    name = free_attribute(module.code(owner.node), f"{attribute.lstrip('_')}_layers")
    line = f"self.{name} = [{items}]"
    if isinstance(last, cst.SimpleStatementLine):
        edit = insert_after(module, last, line)
        return [edit] if edit is not None else None
    end = module.span(last).end
    while end > 0 and module.source.text[end - 1] in " \t\r\n":
        end -= 1
    stop = min((at for at in (module.source.text.find(mark, end) for mark in "\r\n") if at >= 0), default=-1)
    stop = len(module.source.text) if stop < 0 else stop
    return [Edit(stop, stop, module.source.newline + indentation(module, module.span(last).start) + line)]


def _filled_by(
    module: Module, owner: ClassInfo, attribute: str
) -> tuple[cst.FunctionDef | None, cst.BaseStatement | None]:
    """The only method with statements that put something into the attribute, and the last of them in its body."""
    found: list[tuple[cst.FunctionDef, cst.BaseStatement]] = []
    fills = re.compile(
        rf"\bself\.{attribute}\b(?:\[[^\]\n]*\])*\s*(?:=(?!=)|:[^\n=]+=(?!=)|\.(?:append|extend|insert)\()"
    )
    for item in owner.node.body.body:
        if isinstance(item, cst.FunctionDef) and isinstance(item.body, cst.IndentedBlock):
            statements: Sequence[cst.BaseStatement] = item.body.body
            filling = [statement for statement in statements if fills.search(module.code(statement))]
            found += [(item, filling[-1])] if filling else []
    return found[0] if len(found) == 1 else (None, None)
