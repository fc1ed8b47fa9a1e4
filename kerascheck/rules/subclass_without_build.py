"""KC103: a `Model` subclass with layers and no `build`."""

from __future__ import annotations

from functools import cached_property

import libcst as cst

from kerascheck.class_edits import given_values
from kerascheck.finding import Claim, Severity
from kerascheck.repairs import complete_build
from kerascheck.rule import RelatedNode, Rule
from kerascheck.semantic.building import EarlyUse, concerns, early_uses
from kerascheck.semantic.classes import ClassInfo
from kerascheck.semantic.custom_objects import constructor
from kerascheck.semantic.events import Event, Flag
from kerascheck.semantic.storage import instances
from kerascheck.semantic.target import Reach
from kerascheck.semantic.training import models_of
from kerascheck.semantic.values import Func, Obj, Tensor, Value


class SubclassWithoutBuild(Rule):
    code = "KC103"
    severity = Severity.INFO
    claim = Claim.WEIGHTS_NOT_LOADED
    words = ((" class ",), (" call ",), ("model", "functional", "sequential"))
    message = "`{owner}` has no `build`: its weights can be loaded only after it was called once"
    used = "`{owner}` has no `build`, and an instance of it is {use} before it {state}"

    def check(self) -> None:
        candidates = [
            owner
            for owner in self.module.classes
            if owner.module is self.module and owner.keras_kind == "model" and self._lacks_build(owner)
        ]
        if not candidates:
            return
        for owner in candidates:
            early = next((use for use in self._early_uses if not use.refused and concerns(use, owner)), None)
            if early is not None:
                verb = {"load": "loaded", "hollow": "loaded", "save": "saved"}[early.kind]
                self.report(
                    owner.node.name,
                    message=self.used,
                    severity=Severity.WARNING,
                    fix=complete_build(self.module, owner),
                    subject=owner.name,
                    owner=owner.name,
                    use=verb,
                    state="is built" if early.inner else "has variables",
                    related=self._place(early),
                )
            elif not self._harmless(owner):
                self.report(
                    owner.node.name, fix=complete_build(self.module, owner), subject=owner.name, owner=owner.name
                )

    @cached_property
    def _early_uses(self) -> list[EarlyUse]:
        """What KC101, KC102 and KC104 speak of, here and in the files that import this one."""
        users = self.module.users_with("load_weights", "save_weights", ".save(", "save_model")
        return [use for module in (self.module, *users) for use in early_uses(module)]

    def _place(self, use: EarlyUse) -> list[RelatedNode]:
        """Where that is, if it is in another file."""
        module, node = use.event.module, use.event.node
        return [RelatedNode(module, node, "here")] if module is not self.module and module.owns(node) else []

    def _lacks_build(self, owner: ClassInfo) -> bool:
        build, sure = owner.method("build")
        call, _ = owner.method("call")
        if build is not None or not sure or call is None or any(item is None for item in owner.lineage()):
            return False
        if _is_abstract(owner, call):
            return False
        layers = [layer for group in (self.module.facts.sublayers(owner) or {}).values() for layer in group]
        return any(self.module.facts.weighted(layer) for layer in layers) or self._is_given_layers(owner)

    def _is_given_layers(self, owner: ClassInfo) -> bool:
        """Whether an instance of the project is made with a model that the class keeps.

        Measured: up to 3.6 the weights of such parts, built before, are loaded all the same.
        """
        if self.module.target.which(">=3.7") is not Reach.ALL:
            return False
        made = constructor(owner)
        if made is None or not made.held or made.function.owner is not owner:
            return False
        objects = instances(self.module, owner)
        values = [value for name in made.held for value in given_values(objects, made, name)]
        return any(isinstance(value, Obj) and value.kind == "model" for value in values)

    @cached_property
    def _first_uses(self) -> dict[ClassInfo, dict[Obj, Event]]:
        """By class, its instances with what happens to them first."""
        found: dict[ClassInfo, dict[Obj, Event]] = {}
        for event in self.module.events:
            for model in models_of(event) if event.name != "own __call__" else ():
                if model.cls is not None:
                    found.setdefault(model.cls, {}).setdefault(model, event)
        return found

    def _harmless(self, owner: ClassInfo) -> bool:
        receiver, made = self.module.facts.instance_of(owner)
        states = made.get((receiver, "#states"))
        if isinstance(states, frozenset) and any(state & (Flag.VARIABLES | Flag.UNSURE) for state in states):
            return True  # it calls itself in __init__, or is made functional there
        first = {model: event for model, event in self._first_uses.get(owner, {}).items() if model is not receiver}
        return bool(first) and all(_joins_a_graph(event) for event in first.values())


def _is_abstract(owner: ClassInfo, call: Func) -> bool:
    """Whether the class is made to be derived from: a method is abstract, or `call` only raises."""
    if owner.is_abstract:
        return True
    body = call.node.body.body if isinstance(call.node.body, cst.IndentedBlock) else ()
    last = body[-1] if body else None
    return isinstance(last, cst.SimpleStatementLine) and isinstance(last.body[0], cst.Raise)


def _joins_a_graph(event: Event) -> bool:
    """Whether an instance is called on a tensor of a functional graph, and the result is used: that builds it."""
    line = event.statement
    if isinstance(line, cst.SimpleStatementLine) and any(
        isinstance(small, cst.Expr) and small.value is event.node for small in line.body
    ):
        return False
    return event.name == "__call__" and any(_is_symbolic(value) for value in event.arguments.values())


def _is_symbolic(value: Value | None) -> bool:
    while isinstance(value, Tensor) and value.inputs:
        value = value.inputs[0]
    return isinstance(value, Tensor) and value.layer is None and not value.operation
