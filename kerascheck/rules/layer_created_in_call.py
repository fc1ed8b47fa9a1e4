"""KC106: a layer with state is made inside `call`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import cast

import libcst as cst

from kerascheck.edits import Edit, Fix
from kerascheck.finding import Claim, Severity
from kerascheck.patch import indentation, replace
from kerascheck.rule import Rule, unsafe_fix
from kerascheck.semantic.classes import ClassInfo
from kerascheck.semantic.inside import in_loop, is_lazy, names_in
from kerascheck.semantic.keras_api import TRAINING_LAYERS, WEIGHTED_LAYERS, WRAPPERS
from kerascheck.semantic.target import Reach, releases_text
from kerascheck.semantic.training import models_of
from kerascheck.semantic.values import Obj
from kerascheck.semantic.walk import walk

# measured on 3.15.1: layers that draw random numbers have a variable, too, and `fit` raises
_STATEFUL = (WEIGHTED_LAYERS | TRAINING_LAYERS) - WRAPPERS
# measured on 2.15: these have no variable there, and `fit` takes them; nor in the old copies of Keras 2 (TF 2.21)
_RANDOM = TRAINING_LAYERS - WEIGHTED_LAYERS
_KERAS_2 = ("tf_keras", "tensorflow.python.keras")


class LayerCreatedInCall(Rule):
    code = "KC106"
    severity = Severity.ERROR
    claim = Claim.STATE_LOST
    words = ((" class ",), (" call ",), ("layer", "model", "functional", "sequential"))
    message = "each call makes a new `{layer}`: it is never saved or trained, and `fit` raises on TensorFlow"
    random = "each call makes a new `{layer}`, which has a variable of its own: `fit` raises on TensorFlow{releases}"
    lazy = "`{layer}` is made in the first call: Keras 3 takes no new layer then, and the call raises{releases}"

    def check(self) -> None:
        for owner in self.module.classes:
            call = owner.own("call") if owner.keras_kind is not None else None
            if call is None or call.module is not self.module or _is_keras_2(owner):
                continue
            if not isinstance(call.node, cst.FunctionDef):
                continue
            for node, name in self._made_in(call.node):
                self._check(owner, call.node, node, name)

    def _made_in(self, function: cst.FunctionDef) -> Iterator[tuple[cst.Call, str]]:
        """The constructors of layers with state in a method, each with the name of the layer's class."""
        made = self._made
        for node in walk(function.body) if made else ():
            if id(node) in made:
                name, obj = made[id(node)]
                if obj is None or self.module.facts.weighted(obj) is True:
                    yield cast(cst.Call, node), name

    @cached_property
    def _made(self) -> dict[int, tuple[str, Obj | None]]:
        """The constructors of layers that may have state, by their ids; with the layer when it is to be asked."""
        found: dict[int, tuple[str, Obj | None]] = {}
        for call in self.module.calls:
            if call.name.startswith("keras.layers."):
                short = call.name[13:]
                if short in _STATEFUL and not (short in _RANDOM and call.original.startswith(_KERAS_2)):
                    found.setdefault(id(call.node), (short, None))
        for event in self.module.events_of("__call__"):
            for made in models_of(event):
                if made.cls is not None and made.kind in {"layer", "model"} and isinstance(made.call, cst.Call):
                    found.setdefault(id(made.call), (made.short, made))
        return found

    def _check(self, owner: ClassInfo, function: cst.FunctionDef, node: cst.Call, name: str) -> None:
        if name == "RNN" and _runs_own_cell(node):
            return
        if is_lazy(self.module, function.body, node):
            reach = self.module.target.which(">=3")  # measured: 2.15 is fine
            if reach is not Reach.NONE:
                self.report(
                    node,
                    message=self.lazy,
                    severity=Severity.ERROR if reach is Reach.ALL else Severity.WARNING,
                    claim=Claim.CALL_RAISES,
                    subject=owner.name,
                    layer=name,
                    releases="" if reach is Reach.ALL else f" ({releases_text(self.module.target.bad('>=3'))})",
                )
            return
        weightless = name in _RANDOM
        reach = self.module.target.which(">=3") if weightless else Reach.ALL
        if reach is Reach.NONE:
            return
        self.report(
            node,
            message=self.random if weightless else self.message,
            severity=Severity.ERROR if reach is Reach.ALL else Severity.WARNING,
            claim=Claim.CALL_RAISES if weightless else Claim.STATE_LOST,
            fix=self._fix(owner, function, node, name),
            subject=owner.name,
            layer=name,
            releases="" if reach is Reach.ALL else f" ({releases_text(self.module.target.bad('>=3'))})",
        )

    def _fix(self, owner: ClassInfo, function: cst.FunctionDef, node: cst.Call, name: str) -> Fix | None:
        """Make the layer at the end of `__init__`, where its arguments are known there, too."""
        made = owner.own("__init__")
        if (
            made is None
            or not isinstance(made.node, cst.FunctionDef)
            or not isinstance(made.node.body, cst.IndentedBlock)
        ):
            return None
        known = set(self.module.interpreter.root.names)
        if in_loop(function.body, node) or names_in(node) - known - {"True", "False", "None"}:
            return None
        last = made.node.body.body[-1]
        if not isinstance(last, cst.SimpleStatementLine) or isinstance(last.body[-1], cst.Return):
            return None
        start = self.module.span(last).start
        if self.module.source.text[:start].rpartition("\n")[2].strip():
            return None
        attribute = self._free_name(owner, name)
        end = self.module.span(last).end
        line = (
            f"{self.module.source.newline}{indentation(self.module, start)}self.{attribute} = {self.module.code(node)}"
        )
        edits = [Edit(end, end, line), replace(self.module, node, f"self.{attribute}")]
        return unsafe_fix("make the layer in `__init__`", edits)

    def _free_name(self, owner: ClassInfo, name: str) -> str:
        text, base = self.module.code(owner.node), name.lower()
        count = next(
            number for number in range(1, 1000) if f"self.{base}{'_' + str(number) if number > 1 else ''}" not in text
        )
        return base if count == 1 else f"{base}_{count}"


def _runs_own_cell(node: cst.Call) -> bool:
    """Whether an `RNN` is given a cell that the layer keeps; measured on 3.15.1: its weights are trained and saved."""
    cell = next((item.value for item in node.args if item.keyword is None or item.keyword.value == "cell"), None)
    return isinstance(cell, cst.Attribute) and isinstance(cell.value, cst.Name) and cell.value.value == "self"


def _is_keras_2(owner: ClassInfo) -> bool:
    return any(getattr(base, "original", "").startswith(_KERAS_2) for base in owner.bases)
