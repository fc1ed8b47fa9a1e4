"""Names of a function that are given something that nobody reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic.walk import walk

if TYPE_CHECKING:
    from kerascheck.semantic.module import Module

_READING_ALL = frozenset({"locals", "vars", "eval", "exec", "globals"})


def is_never_read(module: Module, node: cst.CSTNode) -> bool:
    """Whether what the statement around a node makes is bound to one name of a function that only gets items set.

    `table = {tag: number for number, tag in enumerate(tags)}`, then `table["other"] = 0` and nothing else.
    """
    unit = module.index.unit(node)
    if unit is None or not isinstance(unit.statement, cst.SimpleStatementLine):
        return False
    inner = next((item for item in unit.statement.body if any(part is node for part in walk(item))), None)
    if not isinstance(inner, cst.Assign) or len(inner.targets) != 1:
        return False
    target = inner.targets[0].target
    while unit is not None and not isinstance(unit.statement, cst.FunctionDef):
        unit = None if isinstance(unit.statement, cst.ClassDef) else unit.outer
    if unit is None or not isinstance(target, cst.Name):
        return False
    written: set[int] = set()
    names: list[cst.Name] = []
    for part in walk(unit.statement):
        if isinstance(part, cst.AssignTarget):
            goal = part.target
            written.add(id(goal.value if isinstance(goal, cst.Subscript) else goal))
        elif isinstance(part, cst.Name):
            if part.value in _READING_ALL:
                return False
            if part.value == target.value:
                names.append(part)
    return all(id(name) in written for name in names)  # also False where it is `global` or `nonlocal`
