"""KC610: a model that was frozen for a second model and is then trained itself."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from kerascheck.edits import Fix
from kerascheck.finding import Claim, Severity
from kerascheck.patch import insert_after, insert_before
from kerascheck.rule import RelatedNode, Rule, unsafe_fix
from kerascheck.semantic.layer_graph import layers_inside
from kerascheck.semantic.phases import Moment, Switch, effective, method_of, surely
from kerascheck.semantic.target import Reach, releases_text
from kerascheck.semantic.values import Obj

# measured: 3.6 and 3.7 raise here, for a model that is unfrozen for its step, too
_SILENT = ">=3,<3.6 or >=3.8"


class FrozenDiscriminator(Rule):
    code = "KC610"
    severity = Severity.ERROR
    claim = Claim.NOT_TRAINED
    depends_on_order = True
    words = (("trainable",), ("compile",), (" fit ", "fit_generator", "train_on_batch"))
    message = "`{method}` moves no weight of `{model}`: it was frozen for another model before its first step"
    some = " ({releases})"

    def check(self) -> None:
        module = self.module
        if "trainable" not in module.source.text:
            return
        reach = module.target.which(_SILENT)
        if reach is Reach.NONE:
            return
        for moment, model in self._frozen():
            event = moment.event
            switches = effective(module.facts, (model, ""), moment.snapshot) or ()
            places = [item.node for item in switches if item is not None]
            self.report(
                event.node,
                message=self.message + (self.some if reach is Reach.SOME else ""),
                severity=Severity.ERROR if reach is Reach.ALL else Severity.WARNING,
                related=[RelatedNode(module, node, "it is frozen here") for node in places if module.owns(node)],
                fix=self._fix(moment),
                subject=module.code(event.receiver_node) if event.receiver_node is not None else model.short,
                method=event.name,
                model=module.code(event.receiver_node) if event.receiver_node is not None else "the model",
                releases=releases_text(module.target.bad(_SILENT)),
            )

    def _frozen(self) -> Iterator[tuple[Moment, Obj]]:
        facts = self.module.facts
        seen: dict[cst.Call, bool] = {}
        found: list[tuple[Moment, Obj]] = []
        for moment in facts.moments:
            event, model = moment.event, moment.event.receiver
            if event.name == "compile" or not self.module.owns(event.node):
                continue
            if model is None:  # a function as anybody may call it
                continue
            frozen = isinstance(model, Obj) and model.kind == "model" and self._is_frozen(moment, model)
            # a call that is run twice, as in a loop, is judged by its first run; another path may do better
            if event.node not in seen and frozen and isinstance(model, Obj):
                found.append((moment, model))
            seen.setdefault(event.node, frozen)
        yield from found

    def _is_frozen(self, moment: Moment, model: Obj) -> bool:
        """Whether a model was compiled while trainable, frozen, put into another one, and never trained before."""
        facts, unit = self.module.facts, (model, "")
        if moment.phases is None or surely(effective(facts, unit, moment.snapshot), unit) is not False:
            return False
        switches = [item for item in effective(facts, unit, moment.snapshot) or () if isinstance(item, Switch)]
        for phase in moment.phases:
            if phase is None or phase.compiled is None or phase.first_by(method_of(moment.event.name)) is not None:
                return False
            if surely(effective(facts, unit, phase.at_compile), unit) is not True:
                return False
        return bool(switches) and self._is_part(moment, model, min(item.order for item in switches))

    def _is_part(self, moment: Moment, model: Obj, frozen: int) -> bool:
        """Whether a model that contains this one is compiled after it was frozen and before it is trained."""
        facts = self.module.facts
        wholes = [
            other.event.receiver
            for other in facts.moments
            if other.event.name == "compile" and frozen <= other.event.order <= moment.event.order
        ]
        return any(
            isinstance(whole, Obj) and whole is not model and model in layers_inside(facts, whole) for whole in wholes
        )

    def _fix(self, moment: Moment) -> Fix | None:
        event = moment.event
        if event.statement is None or event.receiver_node is None or event.module is not self.module:
            return None
        name = self.module.code(event.receiver_node)
        before = insert_before(self.module, event.statement, f"{name}.trainable = True")
        after = insert_after(self.module, event.statement, f"{name}.trainable = False")
        if before is None or after is None or not isinstance(event.receiver_node, (cst.Name, cst.Attribute)):
            return None
        return unsafe_fix("make it trainable for its own step", [before, after])
