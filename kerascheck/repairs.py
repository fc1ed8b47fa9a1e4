"""Fixes that several rules offer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.edits import Edit, Fix
from kerascheck.patch import indentation, insert_before, keras_name
from kerascheck.rule import unsafe_fix
from kerascheck.semantic.building import EarlyUse, input_shape
from kerascheck.semantic.chain import Link, chain_of
from kerascheck.semantic.training import flavour
from kerascheck.text import Position

if TYPE_CHECKING:
    from kerascheck.semantic.classes import ClassInfo
    from kerascheck.semantic.module import Module


def call_first(module: Module, use: EarlyUse) -> Fix | None:
    """Call the model on a symbolic input on the line before its weights are loaded or saved."""
    event = use.event
    if use.elsewhere(module) or len(use.models) != 1 or not isinstance(event.receiver_node, (cst.Name, cst.Attribute)):
        return None
    shape = input_shape(module, use.models[0])
    if shape is None or not _starts_with(event.statement, event.node):
        return None
    model = module.code(event.receiver_node)
    name, imports = keras_name(module, "Input", flavour(use.models[0]))
    edit = insert_before(module, event.statement, f"{model}({name}(shape={shape}))") if event.statement else None
    return unsafe_fix(f"call `{model}` on an input of shape {shape} first", [edit, *imports]) if edit else None


def _starts_with(statement: cst.CSTNode | None, call: cst.Call) -> bool:
    """Whether a call is the first thing that a statement does: nothing it needs is made in the same line."""
    if not isinstance(statement, cst.SimpleStatementLine):
        return False
    first = statement.body[0]
    return isinstance(first, (cst.Expr, cst.Assign, cst.Return)) and first.value is call


def complete_build(module: Module, owner: ClassInfo) -> Fix | None:
    """Write the `build` of a `Model` subclass, or add what its `build` leaves out.

    None unless `call` is a plain chain of the sublayers and `build` does nothing but build some of them.
    """
    call, _ = owner.method("call")
    build, sure = owner.method("build")
    if call is None or not isinstance(call.node, cst.FunctionDef) or not sure:
        return None
    home = owner if build is None else build.owner
    if home is None or home.module is not module or call.module is not module:
        return None
    chain = chain_of(module, home)
    own = chain_of(module, owner)
    if not chain or not own or [link.attribute for link in chain] != [link.attribute for link in own]:
        return None
    if build is None:
        edit = _new_build(module, chain, call.node) if call.owner is owner else None
        return unsafe_fix(f"write a `build` for `{owner.name}`", [edit]) if edit else None
    edit = _longer_build(module, chain, build.node) if isinstance(build.node, cst.FunctionDef) else None
    return unsafe_fix(f"complete the `build` of `{home.name}`", [edit]) if edit else None


def _new_build(module: Module, chain: tuple[Link, ...], call: cst.FunctionDef) -> Edit | None:
    """A new method in front of `call`, its decorators and the comments above it."""
    source = module.source
    start = module.span(call.decorators[0] if call.decorators else call).start
    indent = indentation(module, start)
    line = source.position(start).line
    if source.text[source.offset(Position(line, 1)) : start].strip() or not isinstance(call.body, cst.IndentedBlock):
        return None
    while line > 1 and source.line(line - 1).startswith(indent + "#"):
        line -= 1
    unit = call.body.indent or module.tree.default_indent
    body = [*_build_lines(chain, "input_shape", "shape", frozenset(), unit), "self.built = True"]
    lines = [f"{indent}def build(self, input_shape):", *(indent + unit + item for item in body), ""]
    at = source.offset(Position(line, 1))
    return Edit(at, at, "".join(item + source.newline for item in lines))


def _longer_build(module: Module, chain: tuple[Link, ...], build: cst.FunctionDef) -> Edit | None:
    """The missing lines in front of `self.built = True` or `super().build(...)`, or else at the end."""
    parameters = build.params.params
    if len(parameters) != 2 or not isinstance(build.body, cst.IndentedBlock) or build.decorators:
        return None
    given = parameters[1].name.value
    done: set[str] = set()
    end: cst.BaseStatement | None = None
    for statement in build.body.body:
        code = " ".join(module.code(statement).split())
        attribute = _built_by(statement, code)
        if attribute is not None:
            done.add(attribute)
        elif _marks(code):
            end = end or statement
        elif not _is_docstring(statement) and code != "pass" and not _computes_shape(statement):
            return None
    if _assigns(module, build, given):
        return None
    taken = module.code(build)
    shape = next((name for name in ("shape", "output_shape") if name != given and f"{name} =" not in taken), None)
    if shape is None:
        return None
    unit = build.body.indent or module.tree.default_indent
    lines = _build_lines(chain, given, shape, frozenset(done), unit)
    newline = module.source.newline
    if end is not None:
        start = module.span(end).start
        indent = indentation(module, start)
        return Edit(start, start, "".join(line + newline + indent for line in lines)) if lines else None
    lines.append("self.built = True")
    last = module.span(build.body.body[-1])
    indent = indentation(module, module.span(build.body.body[0]).start)
    position = module.source.position(last.end)
    at = module.source.offset(Position(position.line, len(module.source.line(position.line)) + 1))
    return Edit(at, at, "".join(newline + indent + line for line in lines))


def _build_lines(chain: tuple[Link, ...], given: str, shape: str, done: frozenset[str], unit: str) -> list[str]:
    lines: list[str] = []
    current = given
    pending: list[Link] = []
    for link in chain:
        if link.weighted and link.attribute not in done:
            for earlier in pending:
                lines.append(f"{shape} = self.{earlier.attribute}.compute_output_shape({current})")
                current = shape
            pending = []
            lines += [f"if not self.{link.attribute}.built:", f"{unit}self.{link.attribute}.build({current})"]
        if not link.keeps_shape:
            pending.append(link)
    return lines


def _built_by(statement: cst.CSTNode, code: str) -> str | None:
    """`name` of the statement `self.name.build(...)`, guarded by `if not self.name.built:` or not."""
    if isinstance(statement, cst.If):
        if statement.orelse is not None or len(statement.body.body) != 1:
            return None
        inner = statement.body.body[0]
        if not isinstance(inner, cst.SimpleStatementLine):
            return None
        name = _built_by(inner, "")
        return name if name is not None and code.startswith(f"if not self.{name}.built:") else None
    small = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) and len(statement.body) == 1 else None
    call = small.value if isinstance(small, cst.Expr) else None
    function = call.func if isinstance(call, cst.Call) else None
    if not isinstance(function, cst.Attribute) or function.attr.value != "build":
        return None
    holder = function.value
    if isinstance(holder, cst.Attribute) and isinstance(holder.value, cst.Name) and holder.value.value == "self":
        return holder.attr.value
    return None


def _marks(code: str) -> bool:
    return code == "self.built = True" or (code.startswith("super(") and ".build(" in code and ";" not in code)


def _is_docstring(statement: cst.CSTNode) -> bool:
    small = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) and len(statement.body) == 1 else None
    return isinstance(small, cst.Expr) and isinstance(small.value, (cst.SimpleString, cst.ConcatenatedString))


def _computes_shape(statement: cst.CSTNode) -> bool:
    small = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) and len(statement.body) == 1 else None
    call = small.value if isinstance(small, cst.Assign) else None
    function = call.func if isinstance(call, cst.Call) else None
    return isinstance(function, cst.Attribute) and function.attr.value == "compute_output_shape"


def _assigns(module: Module, build: cst.FunctionDef, name: str) -> bool:
    """Whether the body binds the name of its shape parameter again."""
    return any(line.strip().startswith((f"{name} =", f"{name}=")) for line in module.code(build.body).splitlines())
