"""Names of files as they are written: what they are put together from, and whether two of them are the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic.walk import children, walk

if TYPE_CHECKING:
    from kerascheck.semantic.module import Module

_DEEPEST = 12
_SAME = frozenset({"str", "Path", "fspath", "PurePath"})


@dataclass(frozen=True)
class Unknown:
    """Something with a name whose value is not known, but is the same wherever the name is: `folder`, `args.out`."""

    home: int  # the identity of the function, of the class for `self`, or of the module
    name: str


Name = tuple["str | Unknown", ...]


@dataclass
class Scope:
    """A function (None: the module) in which names of files are written, with what its parameters were given."""

    module: Module
    function: cst.FunctionDef | None
    owner: cst.ClassDef | None = None  # whose `self` it has
    given: dict[str, Name | None] = field(default_factory=dict)
    bound: dict[str, list[cst.BaseExpression | None]] = field(init=False)

    def __post_init__(self) -> None:
        body: cst.CSTNode = self.module.tree if self.function is None else self.function.body
        self.bound = {}
        for name, value in _bindings(body):
            self.bound.setdefault(name, []).append(value)
        for parameter in parameters(self.function) if self.function is not None else ():
            self.bound.setdefault(parameter, [])

    def name_of(self, node: cst.BaseExpression | None, depth: int = 0) -> Name | None:
        """What the name of a file is put together from; None when that cannot be told."""
        if node is None or depth > _DEEPEST:
            return None
        if isinstance(node, (cst.SimpleString, cst.ConcatenatedString)):
            return (node.evaluated_value,) if isinstance(node.evaluated_value, str) else None
        if isinstance(node, cst.Name):
            return self._named(node.value, depth)
        if isinstance(node, cst.Attribute):
            return self._attribute(node, depth)
        if isinstance(node, cst.BinaryOperation):
            if isinstance(node.operator, cst.Add):
                return _joined([self.name_of(node.left, depth + 1), self.name_of(node.right, depth + 1)])
            if isinstance(node.operator, cst.Divide):
                return _joined([self.name_of(node.left, depth + 1), ("/",), self.name_of(node.right, depth + 1)])
            return None
        if isinstance(node, cst.FormattedString):
            return self._formatted(node, depth)
        if isinstance(node, cst.Call) and all(not item.star and item.keyword is None for item in node.args):
            parts = [self.name_of(item.value, depth + 1) for item in node.args]
            last = last_name(node.func)
            if last in _SAME and len(parts) == 1:
                return parts[0]
            if last in {"join", "Path"} and len(parts) > 1 and self.module.code(node.func) in _JOINS:
                return _joined([piece for part in parts for piece in (part, ("/",))][:-1])
        return None

    def _named(self, name: str, depth: int) -> Name | None:
        if name not in self.bound:
            if self.function is None:
                return (Unknown(id(self.module), name),)
            return whole(self.module)._named(name, depth + 1)
        values = self.bound[name]
        if name in self.given:
            return self.given[name] if not values else None
        if len(values) > 1:
            return None
        known = self.name_of(values[0], depth + 1) if values and values[0] is not None else None
        return known or (Unknown(id(self.function or self.module), name),)

    def _attribute(self, node: cst.Attribute, depth: int) -> Name | None:
        if isinstance(node.value, cst.Name) and node.value.value == "self" and self.owner is not None:
            return (Unknown(id(self.owner), f"self.{node.attr.value}"),)
        base = self.name_of(node.value, depth + 1) if isinstance(node.value, (cst.Name, cst.Attribute)) else None
        if base is None or len(base) != 1 or not isinstance(base[0], Unknown):
            return None
        return (Unknown(base[0].home, f"{base[0].name}.{node.attr.value}"),)

    def _formatted(self, node: cst.FormattedString, depth: int) -> Name | None:
        parts: list[Name | None] = []
        for part in node.parts:
            if isinstance(part, cst.FormattedStringText):
                parts.append((part.value,) if "\\" not in part.value and "{" not in part.value else None)
            elif isinstance(part, cst.FormattedStringExpression):
                plain = part.format_spec is None and part.conversion is None
                parts.append(self.name_of(part.expression, depth + 1) if plain else None)
        return _joined(parts)

    def called(self, call: cst.Call, function: cst.FunctionDef, module: Module, owner: cst.ClassDef | None) -> Scope:
        """The scope of a function, with what this call gives to its parameters."""
        names = parameters(function)
        if owner is not None and names[:1] == ["self"]:
            names = names[1:]
        given: dict[str, Name | None] = {}
        defaults = whole(module)
        for parameter in function.params.params:
            if parameter.default is not None:
                given[parameter.name.value] = defaults.name_of(parameter.default)
        if any(item.star for item in call.args):
            return Scope(module, function, owner, dict.fromkeys(names))
        for place, item in enumerate(call.args):
            name = item.keyword.value if item.keyword is not None else names[place] if place < len(names) else ""
            given[name] = self.name_of(item.value)
        return Scope(module, function, owner, given)


def whole(module: Module) -> Scope:
    """The scope of a module."""
    known: Scope | None = module.memo.get("file names")
    if known is None:
        known = module.memo["file names"] = Scope(module, None)
    return known


_JOINS = frozenset({"os.path.join", "path.join", "osp.join", "join", "Path", "pathlib.Path"})


def parameters(function: cst.FunctionDef) -> list[str]:
    """The names of the parameters of a function, those with stars left out."""
    listed = function.params
    return [item.name.value for item in (*listed.posonly_params, *listed.params, *listed.kwonly_params)]


def last_name(node: cst.BaseExpression) -> str:
    """`load` of `np.load`; the empty text where a call has no name."""
    if isinstance(node, cst.Attribute):
        return node.attr.value
    return node.value if isinstance(node, cst.Name) else ""


def _bindings(body: cst.CSTNode) -> Iterator[tuple[str, cst.BaseExpression | None]]:
    """The names that statements bind, with what one is bound to where it is written; functions in it aside."""
    stack = [body]
    while stack:
        node = stack.pop()
        if isinstance(node, (cst.FunctionDef, cst.ClassDef)):
            yield node.name.value, None
            yield node.name.value, None
            continue
        if isinstance(node, cst.Assign) and len(node.targets) == 1 and isinstance(node.targets[0].target, cst.Name):
            yield node.targets[0].target.value, node.value
            stack.append(node.value)
            continue
        if isinstance(node, (cst.AssignTarget, cst.AnnAssign, cst.For, cst.AugAssign, cst.NamedExpr)):
            for item in walk(node.target):
                if isinstance(item, cst.Name):
                    yield item.value, None
                    yield item.value, None  # it may be bound anew
        elif isinstance(node, (cst.Global, cst.Nonlocal)):
            for each in node.names:
                yield each.name.value, None
                yield each.name.value, None
        elif isinstance(node, cst.AsName) and isinstance(node.name, cst.Name):
            yield node.name.value, None
        stack += children(node)


def _joined(parts: list[Name | None]) -> Name | None:
    found: list[str | Unknown] = []
    for part in parts:
        if part is None:
            return None
        for piece in part:
            if isinstance(piece, str) and found and isinstance(found[-1], str):
                found[-1] += piece
            else:
                found.append(piece)
    return tuple(piece.replace("//", "/") if isinstance(piece, str) else piece for piece in found)
