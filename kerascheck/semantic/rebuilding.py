"""What a second `build` of a layer does: most layers refuse it, some take it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

import libcst as cst

from kerascheck.semantic import keras_api
from kerascheck.semantic.classes import ClassInfo
from kerascheck.semantic.inside import path_to
from kerascheck.semantic.values import Items, Obj, Value
from kerascheck.semantic.walk import walk

if TYPE_CHECKING:
    from kerascheck.semantic.module import Module
    from kerascheck.semantic.values import Func

REFUSED = ">=3.0"
# run on 3.0.5, 3.3.3, 3.4.1, 3.5.0, 3.6.0, 3.10.0 and 3.15.1: they ask for themselves whether they are built
_TAKE_IT = frozenset(
    """Bidirectional ConvLSTM1D ConvLSTM2D ConvLSTM3D GRU LSTM RNN ReversibleEmbedding SimpleRNN StackedRNNCells
    TimeDistributed Wrapper""".split()
)
_REFUSED_BEFORE = {"Embedding": ">=3.0,<3.3", "Sequential": ">=3.0,<3.5"}
_ROOTS = frozenset({"keras.layers.Layer", "keras.Model"})


def refused_on(module: Module, layer: Obj) -> str | None:
    """The releases on which the second `build` of a layer raises; empty where none does, None when it is not known."""
    if layer.cls is not None:
        return _of_class(module, layer.cls, 0)
    if layer.kind == "model":
        return {"functional": "", "application": "", "sequential": _REFUSED_BEFORE["Sequential"]}.get(layer.form)
    return _of_keras(layer.short)


def _of_keras(short: str) -> str | None:
    if short in _TAKE_IT or short in keras_api.WEIGHTLESS_LAYERS:
        return ""
    if short in _REFUSED_BEFORE:
        return _REFUSED_BEFORE[short]
    return REFUSED if short in keras_api.WEIGHTED_LAYERS else None


def _of_class(module: Module, owner: ClassInfo, depth: int) -> str | None:
    """The same for a class of the project: what its `build` makes without asking is made twice, which raises."""
    build, sure = owner.method("build")
    if not sure or depth > 4:
        return None
    base = owner.keras_base or ""
    of_base = "" if base in _ROOTS else _of_keras(base.removeprefix("keras.layers."))
    if build is None:
        return of_base  # run on 3.0.5 and 3.15.1: the `build` of `Layer` and `Model` makes nothing
    if not isinstance(build.node, cst.FunctionDef) or build.owner is None:
        return None
    known = {call.node for call in build.module.calls if call.name.startswith("keras.layers.")}
    always = list(_unguarded(build.node))
    kept = {item for node in always for item in _kept(build, node)}
    found = [_of_statement(module, owner, build, node, depth) for node in always if isinstance(node, cst.Call)]
    found += [REFUSED] if known & kept else []  # a sub-layer is state, too
    calls_super = any(_calls(node, "build") and "super(" in build.module.code(node) for node in walk(build.node.body))
    if calls_super:
        bases = list(build.owner.lineage())[1:]
        above = next((item for item in bases if isinstance(item, ClassInfo) and item.own("build")), None)
        found.append(_of_class(module, above, depth + 1) if above is not None else of_base)
    return next((item for item in found if item), "" if None not in found else None)


def _of_statement(module: Module, owner: ClassInfo, build: Func, node: cst.Call, depth: int) -> str | None:
    """What a call inside of a `build` that runs for a second time does there."""
    if _calls(node, "add_weight") or _calls(node, "add_variable"):
        return REFUSED
    receiver = build.module.code(node.func.value) if isinstance(node.func, cst.Attribute) else ""
    if not _calls(node, "build") or not receiver.startswith("self."):
        return ""
    instance, made = module.facts.instance_of(owner)
    held = cast("Value | None", made.get((instance, receiver.removeprefix("self."))))
    layers = [item for item in (held.known() if isinstance(held, Items) else (held,)) if isinstance(item, Obj)]
    inner = [
        _of_class(module, item.cls, depth + 1) if item.cls is not None else refused_on(module, item) for item in layers
    ]
    return next((item for item in inner if item), None if None in inner or not inner else "")


def _unguarded(function: cst.FunctionDef) -> Iterator[cst.Call | cst.Assign]:
    """The calls and assignments of a function that run whenever it does."""
    nodes = list(walk(function.body))
    if any(isinstance(inner, cst.Return) for item in nodes if isinstance(item, cst.If) for inner in walk(item)):
        return
    for node in nodes:
        if isinstance(node, (cst.Call, cst.Assign)):
            path = path_to(function.body, node)
            if not any(isinstance(item, (cst.If, cst.IfExp, cst.Try, cst.TryStar, cst.Lambda)) for item in path):
                yield node


def _kept(build: Func, node: cst.Call | cst.Assign) -> list[cst.Call]:
    """The calls whose results an assignment puts into an attribute of `self`."""
    if not isinstance(node, cst.Assign) or not build.module.code(node.targets[0].target).startswith("self."):
        return []
    return [item for item in walk(node.value) if isinstance(item, cst.Call)]


def _calls(node: cst.CSTNode, name: str) -> bool:
    """Whether a node is a call of a method of this name."""
    return isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value == name
