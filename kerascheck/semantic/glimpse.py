"""What a function makes, read off its return statements: for calls that the budget does not let anybody follow.

Only models are told, and only what kind of thing they are; their states and their inside stay unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import libcst as cst

from kerascheck.semantic.events import UNSURE
from kerascheck.semantic.values import Class, Func, Items, Obj, Ref, Value, join
from kerascheck.semantic.walk import children

if TYPE_CHECKING:
    from kerascheck.semantic.classes import ClassInfo
    from kerascheck.semantic.interpreter import Interpreter

_DEEPEST = 4  # functions that return what another one gives
_LOADED = frozenset({"keras.models.load_model", "keras.models.model_from_json", "keras.models.model_from_config"})
_INNER = frozenset({cst.FunctionDef, cst.ClassDef, cst.Lambda})
_TELLING = frozenset(
    {
        cst.Return, cst.Assign, cst.AnnAssign, cst.Yield, cst.For, cst.AsName, cst.AugAssign, cst.NamedExpr, cst.Del,
        cst.Global, cst.Nonlocal, cst.ImportAlias,
    }
)  # fmt: skip


@dataclass(frozen=True)
class _Made:
    """A model that a call makes."""

    call: cst.Call
    function: Func
    ref: str
    original: str
    form: str
    cls: ClassInfo | None = None


_Recipe = _Made | tuple["_Recipe | None", ...] | frozenset[_Made]


def glimpse(self: Interpreter, function: Func) -> Value | None:
    """The models that a function of the project gives, new ones; None when its return statements do not tell."""
    return _made(self, _recipe(self, function, 0))


def _made(self: Interpreter, recipe: _Recipe | None) -> Value | None:
    if recipe is None:
        return None
    if isinstance(recipe, tuple):
        return Items("tuple", tuple(_made(self, item) for item in recipe))
    if isinstance(recipe, frozenset):
        result: Value | None = None
        for index, item in enumerate(recipe):
            result = _made(self, item) if index == 0 else join(result, _made(self, item))
        return result
    model = Obj(
        "model",
        ref=recipe.ref,
        original=recipe.original,
        form=recipe.form,
        cls=recipe.cls,
        call=recipe.call,
        module=recipe.function.module,
        order=self.order,
    )
    self.heap[(model, "#states")] = UNSURE
    return model


def _recipe(self: Interpreter, function: Func, depth: int) -> _Recipe | None:
    known: dict[int, _Recipe | None] = function.module.memo.setdefault("glimpses", {})
    key = id(function.node)
    if key not in known:
        known[key] = None  # while it is being found out
        if isinstance(function.node, cst.FunctionDef) and not function.opaque and depth < _DEEPEST:
            known[key] = _Body(self, function, depth).given()
    return known[key]


class _Body:
    """The body of one function: what it returns, and what its local names are bound to."""

    def __init__(self, interpreter: Interpreter, function: Func, depth: int) -> None:
        self.interpreter = interpreter
        self.function = function
        self.depth = depth
        self.returned: list[cst.BaseExpression] = []
        self.bound: dict[str, list[cst.BaseExpression | None]] = {}
        self.active: set[str] = set()  # names that are being looked at: `x = x`
        self.generates = False
        parameters = function.node.params
        for parameter in (*parameters.posonly_params, *parameters.params, *parameters.kwonly_params):
            self._bind(parameter.name, None)
        for rest in (parameters.star_arg, parameters.star_kwarg):
            if isinstance(rest, cst.Param):
                self._bind(rest.name, None)
        self._read(function.node.body)

    def _read(self, body: cst.CSTNode) -> None:
        left = [body]
        while left:
            node = left.pop()
            kind = type(node)  # `isinstance` of a node asks its abstract class and is slow
            if kind in _INNER:
                if not isinstance(node, cst.Lambda):
                    self._bind(cast("cst.FunctionDef | cst.ClassDef", node).name, None)
                continue
            if kind in _TELLING:
                self._note(node)
            below = children(node)
            below.reverse()
            left += below

    def _note(self, node: cst.CSTNode) -> None:
        """What a statement or expression says about the names or the result of the function."""
        if isinstance(node, cst.Return):
            if node.value is not None and not (isinstance(node.value, cst.Name) and node.value.value == "None"):
                self.returned.append(node.value)
        elif isinstance(node, cst.Assign):
            for target in node.targets:
                self._bind(target.target, node.value)
        elif isinstance(node, cst.AnnAssign):
            self._bind(node.target, node.value)
        elif isinstance(node, cst.Yield):
            self.generates = True
        else:
            self._forget(node)

    def _bind(self, target: cst.BaseExpression, value: cst.BaseExpression | None) -> None:
        if isinstance(target, cst.Name):
            self.bound.setdefault(target.value, []).append(value)
        elif isinstance(target, (cst.Tuple, cst.List)):
            for element in target.elements:
                self._bind(element.value, None)

    def _forget(self, node: cst.CSTNode) -> None:
        """The names that a loop, an import or the like binds."""
        if isinstance(node, (cst.For, cst.AugAssign, cst.NamedExpr, cst.Del)):
            self._bind(node.target, None)
        elif isinstance(node, cst.AsName):
            self._bind(node.name, None)
        elif isinstance(node, cst.ImportAlias):
            name: cst.BaseExpression = node.name
            while isinstance(name, cst.Attribute):
                name = name.value
            self._bind(name, None)
        elif isinstance(node, (cst.Global, cst.Nonlocal)):
            for item in node.names:
                self._bind(item.name, None)

    def given(self) -> _Recipe | None:
        return None if self.generates else self._all(self.returned)

    def _all(self, nodes: list[cst.BaseExpression | None] | list[cst.BaseExpression]) -> _Recipe | None:
        """What any one of several expressions gives."""
        found = [None if node is None else self._of(node) for node in nodes]
        if not found or None in found:
            return None
        if all(item == found[0] for item in found):
            return found[0]
        single: set[_Made] = set()
        for item in found:
            if isinstance(item, _Made):
                single.add(item)
            elif isinstance(item, frozenset):
                single |= item
            else:
                return None
        return frozenset(single)

    def _of(self, node: cst.BaseExpression) -> _Recipe | None:
        if isinstance(node, cst.Name):
            if node.value in self.active or node.value not in self.bound:
                return None
            self.active.add(node.value)
            found = self._all(self.bound[node.value])
            self.active.discard(node.value)
            return found
        if isinstance(node, (cst.Tuple, cst.List)):
            return tuple(
                None if isinstance(item, cst.StarredElement) else self._of(item.value) for item in node.elements
            )
        if isinstance(node, cst.IfExp):
            return self._all([node.body, node.orelse])
        return self._of_call(node) if isinstance(node, cst.Call) else None

    def _of_call(self, node: cst.Call) -> _Recipe | None:
        root: cst.BaseExpression = node.func
        while isinstance(root, cst.Attribute):
            root = root.value
        if not isinstance(root, cst.Name) or root.value in self.bound:
            return None
        callee = self._outside(node.func)
        if isinstance(callee, Func):
            return _recipe(self.interpreter, callee, self.depth + 1)
        if isinstance(callee, Class):
            kind = callee.info.keras_kind
            if kind not in {"model", "sequential"}:
                return None
            form = "sequential" if kind == "sequential" else "subclass"
            return _Made(node, self.function, "", "", form, callee.info)
        if not isinstance(callee, Ref):
            return None
        form = _form(callee.name, node)
        return _Made(node, self.function, callee.name, callee.original, form) if form else None

    def _outside(self, node: cst.BaseExpression) -> Value | None:
        """The value of a name, or an attribute of one, that the function does not bind."""
        interpreter = self.interpreter
        frame, module = interpreter.frame, interpreter.module
        interpreter.frame, interpreter.module = self.function.frame, self.function.module
        value = interpreter.peek(node)
        interpreter.frame, interpreter.module = frame, module
        return value


def _form(name: str, node: cst.Call) -> str:
    if name == "keras.Sequential":
        return "sequential"
    if name in _LOADED:
        return "loaded"
    if name.startswith("keras.applications.") and name.rpartition(".")[2][:1].isupper():
        return "application"
    if name == "keras.Model":
        keywords = {argument.keyword.value for argument in node.args if argument.keyword is not None}
        plain = [argument for argument in node.args if argument.keyword is None and not argument.star]
        return "functional" if len(plain) >= 2 or keywords & {"output", "outputs"} else ""
    return ""
