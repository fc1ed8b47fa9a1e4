"""Edits by intent: what a fix wants to do, as text edits in the style of the file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kerascheck.edits import Edit
from kerascheck.semantic.names import is_keras
from kerascheck.semantic.values import Ref
from kerascheck.text import Position

if TYPE_CHECKING:
    import libcst as cst

    from kerascheck.semantic.module import Module


def replace(module: Module, node: cst.CSTNode, text: str) -> Edit:
    """Write `text` in place of a node."""
    span = module.span(node)
    return Edit(span.start, span.end, text)


def wrap(module: Module, node: cst.BaseExpression, before: str, after: str) -> list[Edit]:
    """Write `before` and `after` around an expression and its own parentheses."""
    span = module.positions.whole(node)
    return [Edit(span.start, span.start, before), Edit(span.end, span.end, after)]


def indentation(module: Module, offset: int) -> str:
    """The white space at the start of the line of an offset."""
    line = module.source.line(module.source.position(offset).line)
    return line[: len(line) - len(line.lstrip(" \t\f"))].rpartition("\f")[2]


def insert_before(module: Module, statement: cst.CSTNode, line: str) -> Edit | None:
    """Put a line of code before a statement. None when the statement does not start its line (`if x: call()`)."""
    start = module.span(statement).start
    position = module.source.position(start)
    line_start = module.source.offset(Position(position.line, 1))
    if module.source.text[line_start:start].strip(" \t\f"):
        return None
    return Edit(start, start, line + module.source.newline + indentation(module, start))


def insert_after(module: Module, statement: cst.CSTNode, line: str) -> Edit | None:
    """Put a line of code behind a statement and its comment. None when it shares its line with another (`a(); b()`)."""
    text, span = module.source.text, module.span(statement)
    end = min((place for place in (text.find("\n", span.end), text.find("\r", span.end)) if place >= 0), default=-1)
    end = len(text) if end < 0 else end
    rest = text[span.end : end].strip(" \t\f")
    if (rest and not rest.startswith("#")) or insert_before(module, statement, line) is None:
        return None
    return Edit(end, end, module.source.newline + indentation(module, span.start) + line)


def insert_argument(module: Module, call: cst.Call, argument: str) -> Edit:
    """Append an argument to a call, in front of its closing parenthesis; a trailing comma is used."""
    text, span = module.source.text, module.span(call)
    end = span.end - 1  # the closing parenthesis
    if not call.args:
        return Edit(end, end, argument)
    last = call.args[-1]
    value_end = module.positions.whole(last.value).end
    between = text[value_end:end]
    comma = _comma_outside_comments(between)
    if last.star == "**":
        start = module.span(last).start
        return Edit(start, start, f"{argument}, ")
    if comma is None:
        return Edit(value_end, value_end, f", {argument}")
    at = value_end + comma + 1
    if "\n" in between or "\r" in between:
        first = module.span(call.args[-1]).start
        if text[module.source.offset(Position(module.source.position(first).line, 1)) : first].strip() == "":
            return Edit(at, at, f"{module.source.newline}{indentation(module, first)}{argument},")
    return Edit(at, at, f" {argument}")


def insert_parameter(module: Module, function: cst.FunctionDef, parameter: str) -> Edit | None:
    """Give a function one more parameter with a default, behind those that may stand before it."""
    import libcst as cst

    given = function.params
    last: cst.CSTNode | None = None
    if given.kwonly_params:
        last = given.kwonly_params[-1]
    elif isinstance(given.star_arg, cst.Param):
        last = given.star_arg
    elif given.params:
        last = given.params[-1]
    elif isinstance(given.posonly_ind, cst.ParamSlash):
        last = given.posonly_ind
    if isinstance(last, cst.Param):
        last = last.default or (last.annotation.annotation if last.annotation is not None else last.name)
        end = module.positions.whole(last).end
    elif last is not None:
        start = module.positions.whole(last).start
        end = module.source.text.index("/", start) + 1
    else:
        return None
    return Edit(end, end, f", {parameter}")


def _comma_outside_comments(text: str) -> int | None:
    for match in re.finditer(r"#[^\r\n]*|,", text):
        if match.group() == ",":
            return match.start()
    return None


def after_imports(module: Module) -> int | None:
    """The offset of the line behind the last top-level import of the leading run of imports; None without one."""
    if "after_imports" not in module.memo:  # many fixes of one file ask
        module.memo["after_imports"] = _after_imports(module)
    found: int | None = module.memo["after_imports"]
    return found


def _after_imports(module: Module) -> int | None:
    import libcst as cst

    last: cst.CSTNode | None = None
    seen_code = False
    for statement in module.tree.body:
        smalls = statement.body if isinstance(statement, cst.SimpleStatementLine) else ()
        if smalls and all(isinstance(small, (cst.Import, cst.ImportFrom)) for small in smalls):
            last = statement
            if seen_code:
                continue
        elif not _is_docstring(statement) and last is not None:
            seen_code = True
    if last is None:
        return None
    end_line = module.source.position(module.span(last).end).line
    return module.source.offset(Position(end_line + 1, 1))


def _behind_header(module: Module) -> int:
    """The start of the first statement's line; behind it when that is the docstring."""
    import libcst as cst

    if not module.tree.body:
        return len(module.source.text)
    first: cst.CSTNode = module.tree.body[0]
    if _is_docstring(first):
        return module.source.offset(Position(module.source.position(module.span(first).end).line + 1, 1))
    if isinstance(first, (cst.FunctionDef, cst.ClassDef)) and first.decorators:
        first = first.decorators[0]
    return module.source.offset(Position(module.source.position(module.span(first).start).line, 1))


def has_top_level_keras(module: Module) -> bool:
    """Whether the file imports Keras, or TensorFlow, whenever it is imported itself."""
    return any(
        _is_top_level(module, item.statement) and (is_keras(item.original) or item.original.startswith("tensorflow"))
        for item in module.imports
    )


def _is_docstring(statement: cst.CSTNode) -> bool:
    import libcst as cst

    return (
        isinstance(statement, cst.SimpleStatementLine)
        and isinstance(statement.body[0], cst.Expr)
        and isinstance(statement.body[0].value, (cst.SimpleString, cst.ConcatenatedString))
    )


def keras_name(module: Module, dotted: str, flavour: str = "") -> tuple[str, list[Edit]]:
    """How this file can write `keras.<dotted>`: the expression, and the edits that make it valid (an import).

    `flavour` is how the object at hand was imported ("tensorflow.keras.layers.Dense"): the same Keras is used.
    """
    of_tensorflow = flavour.startswith("tensorflow.") or (not flavour and not _binds(module, "keras"))
    roots = ["keras", "tensorflow.keras", "tf_keras"]
    home, _, name = dotted.rpartition(".")
    top = [item for item in module.imports if _is_top_level(module, item.statement)]
    for item in top:
        original = item.original
        if of_tensorflow != original.startswith("tensorflow") and flavour:
            continue
        for root in roots:
            if original == f"{root}.{dotted}":
                return item.bound, []
            as_itself = "." in item.bound or item.bound == original.partition(".")[0]
            if home and original == f"{root}.{home}" and not as_itself:
                return f"{item.bound}.{name}", []
    for item in top:
        if item.original in {"keras", "tf_keras"} and (not of_tensorflow or not flavour):
            return f"{item.bound}.{dotted}", []
        if item.original == "tensorflow.keras" and item.bound != "tensorflow":
            return f"{item.bound}.{dotted}", []
    for item in top:
        if item.original == "tensorflow" and (of_tensorflow or not flavour):
            return f"{item.bound}.keras.{dotted}", []
    for (
        bound,
        value,
    ) in module.interpreter.root.names.items():  # `try: import keras`, `except: from tensorflow import keras`
        if isinstance(value, Ref) and value.name == "keras":
            return f"{bound}.{dotted}", []
    offset = after_imports(module)
    if offset is None:
        offset = _behind_header(module)
    package = "from tensorflow import keras" if of_tensorflow else "import keras"
    return f"keras.{dotted}", [Edit(offset, offset, own_line(module, offset, package))]


def own_line(module: Module, offset: int, code: str) -> str:
    """The text that puts `code` on a line of its own at the start of a line, or behind a last line without an end."""
    before = module.source.text[:offset]
    newline = module.source.newline
    return code + newline if not before or before.endswith(("\n", "\r")) else newline + code


def _binds(module: Module, name: str) -> bool:
    return any(item.original == name or item.original.startswith(name + ".") for item in module.imports)


def _is_top_level(module: Module, statement: cst.CSTNode) -> bool:
    return any(item is statement for item in module.tree.body)


def remove_argument(module: Module, call: cst.Call, keyword: str) -> list[Edit]:
    """Take a keyword argument out of a call, with the comma in front of it or, where it is the first, behind it."""
    for place, argument in enumerate(call.args):
        if argument.keyword is None or argument.keyword.value != keyword:
            continue
        start, end = module.span(argument).start, module.positions.whole(argument.value).end
        if place > 0:
            return [Edit(module.positions.whole(call.args[place - 1].value).end, end, "")]
        if len(call.args) > 1:
            end = module.span(call.args[1]).start
        return [Edit(start, end, "")]
    return []
