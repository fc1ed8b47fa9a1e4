"""What the functions of `Lambda` layers take from outside of themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic.events import CallFact
from kerascheck.semantic.values import Class, Func, ModuleValue, Obj, Ref, Value
from kerascheck.semantic.walk import children, walk

if TYPE_CHECKING:
    from kerascheck.semantic.interpreter import Frame
    from kerascheck.semantic.module import Module

_BINDERS = frozenset(
    {
        cst.AssignTarget, cst.CompFor, cst.NamedExpr, cst.For, cst.Param, cst.Import, cst.ImportFrom, cst.FunctionDef,
        cst.ClassDef, cst.Global, cst.With,
    }
)  # fmt: skip
_VARIABLES = frozenset({"tensorflow.Variable", "keras.Variable", "keras.backend.variable"})


@dataclass(frozen=True)
class Captured:
    """A name that the function of a `Lambda` layer reads and does not bind itself.

    `value` is what it stands for, None when that cannot be told; `is_global`: an assignment in the module's body binds
    it, not a function around the layer, an import, a `def` or a `class`.
    """

    call: CallFact
    function: Func
    node: cst.Name
    value: Value | None
    is_global: bool


def captured_names(module: Module) -> Iterator[Captured]:
    """The names from outside in the functions of the `Lambda` layers of a file; each once a function."""
    for call in module.calls_of("keras.layers.Lambda"):
        function = call.arguments.value("function", 0)
        if call.module is not module or not isinstance(function, Func) or function.module is not module:
            continue
        seen: set[str] = set()
        bound = _bound(function)
        for node in _read(function):
            if node.value in seen or node.value in bound:
                continue
            seen.add(node.value)
            home, value = _lookup(module, function, node.value)
            if home:
                is_global = home == "module" and node.value in _assigned(module)
                yield Captured(call, function, node, value, is_global)


def names_of_functions_around(module: Module, function: Func) -> set[str]:
    """The names that a function reads and that another one around it binds: not there in the module's body."""
    bound = _bound(function)
    names = {node.value for node in _read(function)} - bound
    return {name for name in names if _lookup(module, function, name)[0] == "function"}


def _bound(function: Func) -> set[str]:
    """The parameters and the names that are assigned inside."""
    given = function.node.params
    parameters = [*given.params, *given.kwonly_params, *given.posonly_params]
    found = {item.name.value for item in parameters}
    found |= {item.name.value for item in (given.star_arg, given.star_kwarg) if isinstance(item, cst.Param)}
    for node in walk(function.node.body):
        if type(node) not in _BINDERS:  # `isinstance` of a node asks its abstract class and is slow
            continue
        if isinstance(node, cst.Param):
            found.add(node.name.value)
        else:
            bound = node.target if isinstance(node, (cst.AssignTarget, cst.CompFor, cst.NamedExpr, cst.For)) else node
            found |= {item.value for item in walk(bound) if type(item) is cst.Name}
    return found


def _read(function: Func) -> Iterator[cst.Name]:
    """The names in the body, but for those behind a dot and those of keywords."""
    left: list[cst.CSTNode] = [function.node.body]
    while left:
        node = left.pop()
        if type(node) is cst.Name:
            yield node
        elif type(node) is cst.Attribute or type(node) is cst.Arg:
            left.append(node.value)
        else:
            left += reversed(children(node))


def _lookup(module: Module, function: Func, name: str) -> tuple[str, Value | None]:
    """Where a name is bound ("function" or "module", "" when nowhere), and what it stands for."""
    root = module.interpreter.root
    frame: Frame | None = function.frame
    while frame is not None and frame is not root:
        if name in frame.names and frame.kind != "class":
            return "function", frame.names[name]
        frame = frame.parent
    if name in root.names:
        return "module", root.names[name] if name not in root.rebound else None
    return "", None


def _assigned(module: Module) -> frozenset[str]:
    """The names that assignments in the module's body bind, and nothing else does."""
    known = module.memo.get("assigned names")
    if known is None:
        found: set[str] = set()
        other: set[str] = set()
        for statement in module.tree.body:
            for small in statement.body if isinstance(statement, cst.SimpleStatementLine) else ():
                if isinstance(small, cst.Assign):
                    for target in small.targets:
                        parts = target.target.elements if isinstance(target.target, cst.Tuple) else (target,)
                        for part in parts:  # an assignment's target, or an element of a tuple
                            bound = part.value if isinstance(part, cst.BaseElement) else part.target
                            found |= {bound.value} if isinstance(bound, cst.Name) else set()
                elif isinstance(small, cst.AnnAssign) and isinstance(small.target, cst.Name):
                    found.add(small.target.value)
        for name, value in module.interpreter.root.names.items():
            if isinstance(value, (Class, Func, ModuleValue, Ref)):
                other.add(name)
        known = module.memo["assigned names"] = frozenset(found - other)
    result: frozenset[str] = known
    return result


def hidden_layers(module: Module) -> Iterator[Captured]:
    """The layers and models with weights that only the function of a `Lambda` layer uses."""
    for item in captured_names(module):
        value = item.value
        if not isinstance(value, Obj):
            continue
        if value.ref not in _VARIABLES and (
            value.kind not in {"layer", "model"} or module.facts.weighted(value) is not True
        ):
            continue
        if not _is_used_elsewhere(module, item):
            yield item


def _is_used_elsewhere(module: Module, item: Captured) -> bool:
    """Whether the name is used anywhere but at its binding and inside of the function: the model may hold it then."""
    text, span = module.source.text, module.span(item.function.node)
    name = re.escape(item.node.value)
    outside = text[: span.start] + text[span.end :]
    uses = re.findall(rf"(?<![\w.]){name}\b(?!\s*=[^=])", re.sub(r"#[^\n]*", "", outside))
    return bool(uses)
