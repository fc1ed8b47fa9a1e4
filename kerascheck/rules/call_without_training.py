"""KC601: a fitted `Model` subclass whose `call` takes no `training`."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from kerascheck.edits import Edit, Fix
from kerascheck.finding import Claim, Severity
from kerascheck.patch import insert_argument, insert_parameter
from kerascheck.rule import RelatedNode, Rule, unsafe_fix
from kerascheck.semantic.classes import ClassInfo
from kerascheck.semantic.events import Event
from kerascheck.semantic.keras_api import TRAINING_LAYERS
from kerascheck.semantic.module import Module
from kerascheck.semantic.sensitivity import asks_itself, sensitive, stays_on
from kerascheck.semantic.target import Reach, releases_text
from kerascheck.semantic.training import models_of
from kerascheck.semantic.values import Func, Obj


class CallWithoutTraining(Rule):
    code = "KC601"
    severity = Severity.ERROR
    claim = Claim.TRAINING_FLAG_LOST
    words = ((" class ",), (" call ",))
    around = (("model", "functional"), (" fit ", "fit_generator", "train_on_batch"))
    message = "`fit` runs `{layers}` in inference mode: `{owner}.call` takes no `training`"
    jax = "`fit` runs `{layers}` in inference mode on jax: `{owner}.call` takes `training` and does not hand it on"
    but = "its image layers stay on"
    some = " ({releases})"

    def check(self) -> None:
        if self.module.target.which(">=3") is Reach.NONE:
            return
        # several models of one class are one fault
        found: dict[ClassInfo, tuple[Func, list[tuple[Module, Event]]]] = {}
        for home, model, calls in self._trained():
            owner = model.cls
            if owner is None or owner.keras_kind != "model":
                continue
            call, _ = owner.method("call")
            if call is not None and call.module is self.module and isinstance(call.node, cst.FunctionDef):
                lost = [event for event in calls if self._needs_training(home, event)]
                _, known = found.setdefault(owner, (call, []))
                known += [(home, event) for event in lost if not _made_inside(call, event)]
        for owner, (call, seen) in found.items():
            if isinstance(call.node, cst.FunctionDef):
                self._check_call(owner, call, call.node, seen)

    def _trained(self) -> Iterator[tuple[Module, Obj, list[Event]]]:
        """The fitted models of this module, and of those that import it when it has a model class, or a part of one."""
        makes = any(
            owner.keras_kind == "model" or (owner.keras_kind is None and owner.own("call") is not None)
            for owner in self.module.classes
        )
        for home in (self.module, *(self.module.users_with("fit", "train_on_batch") if makes else ())):
            for model, calls in home.facts.calls_when_trained.items():
                yield home, model, calls

    def _check_call(
        self, owner: ClassInfo, call: Func, node: cst.FunctionDef, seen: list[tuple[Module, Event]]
    ) -> None:
        lost = list({id(event.node): event for _, event in seen}.values())
        takes = takes_training(call)
        if not lost or (takes and self.module.target.backend != "jax"):
            return
        bites = self._bites(owner)
        bad = self.module.target.bad(bites) if bites else ()
        if not bad:
            return
        reach = self.module.target.which(bites)
        names = ", ".join(dict.fromkeys(event.module.code(event.node.func) for event in lost))
        message = self.jax if takes else self.message
        if any(stays_on(home, model) for home, event in seen for model in models_of(event)):
            message += f"; {self.but}"
        self.report(
            node.name,
            message=message + (self.some if reach is Reach.SOME else ""),
            severity=Severity.ERROR if reach is Reach.ALL else Severity.WARNING,
            claim=Claim.NONE if all(map(_asks_itself, lost)) else self.claim,  # no experiment shows what is its own
            fix=None if self._hides_flag(owner) else self._fix(node, lost, takes),
            related=[
                RelatedNode(event.module, event.node, f"`{owner.name}` runs it here")
                for event in lost
                if event.function is not call
            ],
            subject=owner.name,
            layers=names,
            owner=call.owner.name if call.owner is not None else owner.name,
            releases=releases_text(bad),
        )

    def _needs_training(self, home: Module, event: Event) -> bool:
        given = event.arguments
        if given.find("training") is not None or given.open_keywords:
            return False
        models = models_of(event)
        # Dropout and BatchNormalization, Sequential and functional models take it as their second argument
        if len(given.positional) > 1 and all(item.short in TRAINING_LAYERS or item.kind == "model" for item in models):
            return False
        return any(sensitive(home, item) and not _is_told(item, len(given.positional)) for item in models)

    def _bites(self, owner: ClassInfo) -> str:
        """The releases on which the flag is lost; measured: a train_step that passes training=True is right from 3.10.

        Empty when a train_step of a base outside of the project may do anything.
        """
        step, sure = owner.method("train_step")
        if step is None:
            return ">=3" if sure else ""
        passes = "training=True" in step.module.code(step.node).replace(" ", "")
        return ">=3,<3.10" if passes else ">=3"

    def _hides_flag(self, owner: ClassInfo) -> bool:
        """Whether a custom train_step does not say `training=True`: then `call` is not told, whatever it takes."""
        step, sure = owner.method("train_step")
        return not sure or (step is not None and "training=True" not in step.module.code(step.node).replace(" ", ""))

    def _fix(self, node: cst.FunctionDef, lost: list[Event], takes: bool) -> Fix | None:
        edits: list[Edit] = []
        if not takes:
            parameter = insert_parameter(self.module, node, "training=None")
            if parameter is None or _mentions(node.body, "training"):
                return None
            edits.append(parameter)
        whole = self.module.span(node)
        for call in {id(event.node): event.node for event in lost}.values():
            # in a method that `call` calls, the flag has no name
            if not self.module.owns(call) or not whole.start <= self.module.span(call).start < whole.end:
                return None
            edits.append(insert_argument(self.module, call, "training=training"))
        return unsafe_fix("add `training=None` to `call` and hand it on", edits)


def _made_inside(call: Func, event: Event) -> bool:
    """Whether a layer is made anew by each call; measured on 3.15.1: with a Dropout `fit` then raises."""
    for made in (item.call for item in models_of(event)):
        for function in (call, event.function):
            home = function.module if function is not None else None
            if function is None or home is None or made is None or not home.owns(made):
                continue
            whole = home.span(function.node)
            if whole.start <= home.span(made).start < whole.end:
                return True
    return False


def _mentions(node: cst.CSTNode, name: str) -> bool:
    """Whether a name of the surroundings, or a local one, is in the way; keywords of calls are not."""
    if isinstance(node, cst.Name):
        return node.value == name
    children = (node.value,) if isinstance(node, (cst.Arg, cst.Attribute)) else node.children
    return any(_mentions(child, name) for child in children)


def _asks_itself(event: Event) -> bool:
    """Whether only the `call` of layers of the project asks for the flag, and nothing of Keras."""
    return all(
        item.kind == "layer" and item.cls is not None and asks_itself(item.cls, item) for item in models_of(event)
    )


def _is_told(item: Obj, given: int) -> bool:
    """Whether so many arguments without a name reach the `training` of a layer's own `call`."""
    call, _ = item.cls.method("call") if item.cls is not None else (None, False)
    names = [parameter.name.value for parameter in call.node.params.params[1:]] if call is not None else []
    return "training" in names and names.index("training") < given


def takes_training(function: Func) -> bool:
    """Whether a function has a parameter named `training`."""
    parameters = function.node.params
    return any(
        parameter.name.value == "training"
        for parameter in (*parameters.posonly_params, *parameters.params, *parameters.kwonly_params)
    )
