"""KC603: `trainable` is changed between two trainings of a model that is not compiled again."""

from __future__ import annotations

import libcst as cst

from kerascheck.edits import Fix
from kerascheck.finding import Claim, Severity
from kerascheck.patch import insert_before
from kerascheck.rule import RelatedNode, Rule, unsafe_fix
from kerascheck.semantic.layer_graph import layers_inside
from kerascheck.semantic.phases import Moment, Phase, Snapshot, Unit, effective, family, method_of, surely
from kerascheck.semantic.values import Obj


class TrainableAfterCompile(Rule):
    code = "KC603"
    severity = Severity.ERROR
    claim = Claim.NOT_TRAINED
    depends_on_order = True
    words = (("trainable",), (" fit ", "fit_generator", "train_on_batch"))
    message = "`{method}` does not train `{part}`: it was made trainable with no `compile` before this training"
    freezes = "`{method}` still trains `{part}`: it was frozen with no `compile` before this training"
    raises = "`{method}` raises on {backend}: `{part}` was {change} with no `compile` before this training"

    def check(self) -> None:
        if "trainable" not in self.module.source.text:
            return
        reported: set[cst.CSTNode] = set()
        for moment in self.module.facts.moments:
            event, model = moment.event, moment.event.receiver
            if event.name == "compile" or not isinstance(model, Obj) or model.kind != "model":
                continue
            found = self._changed(moment, model)
            if found is None or not self.module.owns(event.node):
                continue
            unit, value = found
            switches = [item for item in effective(self.module.facts, unit, moment.snapshot) or () if item is not None]
            if all(item.node in reported for item in switches):  # of several trainings behind one change the first
                continue
            reported |= {item.node for item in switches}
            target = switches[0].node
            part = self.module.code(target.value) if isinstance(target, cst.Attribute) else unit[0].short
            backend = self.module.target.backend
            raising = backend == "jax" or (backend == "torch" and value)
            self.report(
                event.node,
                message=self.raises if raising else self.message if value else self.freezes,
                claim=Claim.CALL_RAISES if raising else Claim.NOT_TRAINED,
                fix=self._fix(moment),
                related=[
                    RelatedNode(self.module, item.node, "`trainable` is changed here")
                    for item in switches
                    if self.module.owns(item.node)
                ],
                subject=self.module.code(event.receiver_node) if event.receiver_node is not None else model.short,
                method=event.name,
                part=part,
                backend=backend,
                change="made trainable" if value else "frozen",
            )

    def _changed(self, moment: Moment, model: Obj) -> tuple[Unit, bool] | None:
        """What of a model is now trainable and was not when its training function was made, or the other way."""
        facts = self.module.facts
        if moment.phases is None:
            return None
        before = [self._known(phase, moment.event.name) for phase in moment.phases]
        for unit in family(facts, model, [unit for unit, _ in moment.snapshot]):
            now = surely(effective(facts, unit, moment.snapshot), unit)
            if now is None or (unit[0].kind == "layer" and facts.weighted(unit[0]) is False):
                continue
            known = [old is not None and surely(effective(facts, unit, old), unit) is (not now) for old in before]
            if not known or not all(known):
                continue
            if not now and (self.module.target.backend == "torch" or self._is_part(model)):
                continue  # measured: torch obeys; a discriminator is frozen for the other model
            if self.module.target.keras2 and self._is_shared(unit[0]):
                continue  # each of its models was compiled as it should train it
            return unit, now
        return None

    def _known(self, phase: Phase | None, method: str) -> Snapshot | None:
        """What was trainable when the training function was made; None when there is none yet."""
        if phase is None:
            return None
        if self.module.target.keras2:  # measured: Keras 2 takes the trainable weights when it compiles
            return phase.at_compile if phase.compiled is not None else None
        return phase.first_by(method_of(method))

    def _is_part(self, model: Obj) -> bool:
        facts = self.module.facts
        return any(other is not model and model in layers_inside(facts, other) for other in facts.models)

    def _is_shared(self, part: Obj) -> bool:
        """Whether a layer or model belongs to two compiled models, as the discriminator of a GAN."""
        facts = self.module.facts
        models = {item.event.receiver for item in facts.moments if item.event.name == "compile"}
        found = [one for one in models if isinstance(one, Obj) and (one is part or part in layers_inside(facts, one))]
        return len(found) > 1

    def _fix(self, moment: Moment) -> Fix | None:
        event, phases = moment.event, moment.phases or frozenset()
        calls = {phase.compiled for phase in phases if phase is not None}
        call = calls.pop() if len(calls) == 1 else None
        name = event.receiver_node
        if call is None or event.statement is None or not isinstance(name, (cst.Name, cst.Attribute)):
            return None
        compiled = next((one.event for one in self.module.facts.moments if one.event.node is call), None)
        if compiled is None or compiled.function is not event.function or not self.module.owns(call):
            return None
        optimizer = compiled.arguments.find("optimizer", 0)
        if optimizer is None or not isinstance(optimizer[0], (cst.SimpleString, cst.Call)) or not call.args:
            return None  # an optimizer that has variables cannot be given to other weights
        text = self.module.code(call)
        if (
            "\n" in text
            or not isinstance(call.func, cst.Attribute)
            or self.module.code(call.func.value) != (self.module.code(name))
        ):
            return None
        edit = insert_before(self.module, event.statement, text)
        return unsafe_fix("compile again", [edit]) if edit is not None else None
