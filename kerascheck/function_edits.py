"""Edits that give a function a place and a name where Keras finds it."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.class_edits import quote
from kerascheck.edits import Edit
from kerascheck.patch import indentation, keras_name, replace
from kerascheck.semantic.captured import names_of_functions_around
from kerascheck.semantic.inside import path_to
from kerascheck.text import Position

if TYPE_CHECKING:
    from kerascheck.semantic.module import Module
    from kerascheck.semantic.values import Func


def hoist(module: Module, function: Func, name: str) -> list[Edit] | None:
    """Write a lambda, or a function inside of another, as a registered function of the module's body.

    `name` is what a lambda is called. None for a function that needs what a function around it binds, for one with
    default values or decorators, and where the name is in use.
    """
    node = function.node
    parameters = node.params
    if parameters.star_kwarg is not None or isinstance(parameters.star_arg, cst.Param) or parameters.kwonly_params:
        return None
    if any(item.default is not None for item in parameters.params) or names_of_functions_around(module, function):
        return None
    path = path_to(module.tree, node)
    if len(path) < 3 or not isinstance(path[1], (cst.SimpleStatementLine, cst.BaseCompoundStatement)):
        return None
    edits: list[Edit]
    if isinstance(node, cst.Lambda):
        body = module.code(node.body)
        if re.search(rf"\b{name}\b", module.source.text) or "\n" in body or "lambda" in body:
            return None
        lines = [
            f"def {name}({module.code(parameters) if parameters.params else ''}):",
            f"{module.tree.default_indent}return {body}",
        ]
        edits = [replace(module, node, name)]
    else:
        found = _moved(module, node, path)
        if found is None:
            return None
        lines, edits = found
    decorator, imports = keras_name(module, "utils.register_keras_serializable", "")
    stem = PurePosixPath(module.path.replace("\\", "/")).stem
    mark, newline = quote(module), module.source.newline
    lines.insert(0, f"@{decorator}(package={mark}{stem if stem.isidentifier() else 'custom'}{mark})")
    at, before = _in_front(module, path[1])
    text = before + "".join(line + newline for line in lines) + newline * 2
    if any(item.start == at for item in imports):
        return None
    return [Edit(at, at, text), *edits, *imports]


def _in_front(module: Module, statement: cst.CSTNode) -> tuple[int, str]:
    """The start of the line of a statement in the module's body, its decorators and the comments above it."""
    source = module.source
    first = (
        statement.decorators[0]
        if isinstance(statement, (cst.FunctionDef, cst.ClassDef)) and statement.decorators
        else statement
    )
    line = source.position(module.span(first).start).line
    while line > 1 and source.line(line - 1).startswith("#"):
        line -= 1
    blank = 0
    while line - blank > 1 and blank < 2 and not source.line(line - 1 - blank).strip():
        blank += 1
    return source.offset(Position(line, 1)), source.newline * (2 - blank if line - blank > 1 else 0)


def _moved(module: Module, node: cst.FunctionDef, path: list[cst.CSTNode]) -> tuple[list[str], list[Edit]] | None:
    """The lines of a function without their indentation, and the edit that takes it out of the one around it."""
    name, block, text = node.name.value, path[-2], module.source.text
    if not isinstance(block, cst.IndentedBlock) or len(block.body) < 2 or node.decorators or node.asynchronous:
        return None
    code = module.code(node)
    if name in module.interpreter.root.names or '"""' in code or "'''" in code or "\\\n" in code:
        return None
    start, end = module.span(node).start, module.span(node).end
    indent = indentation(module, start)
    at = module.source.offset(Position(module.source.position(start).line, 1))
    while end > start and text[end - 1] in " \t\r\n":
        end -= 1
    lines = text[at:end].splitlines()
    if any(line.strip() and not line.startswith(indent) for line in lines):
        return None
    behind = end
    while behind < len(text) and text[behind] in " \t\r\n":
        behind += 1
    behind = module.source.offset(Position(module.source.position(behind).line, 1))
    return [line[len(indent) :] for line in lines], [Edit(at, behind, "")]


def purpose_of(module: Module, function: Func) -> str:
    """What a function is given as, in one word: "activation", "loss" ...; "function" when that is not seen."""
    arguments = [item for item in path_to(module.tree, function.node) if isinstance(item, cst.Arg)]
    keyword = next((item.keyword.value for item in reversed(arguments) if item.keyword is not None), "")
    words = ("activation", "initializer", "regularizer", "constraint", "loss", "metric")
    return next((word for word in words if word in keyword), "function")
