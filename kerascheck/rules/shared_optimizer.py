"""KC606: one optimizer object that is compiled into two models."""

from __future__ import annotations

from collections.abc import Iterator

from kerascheck.finding import Claim, Severity
from kerascheck.rule import RelatedNode, Rule
from kerascheck.semantic.calls import TRAINING_METHODS
from kerascheck.semantic.events import Event
from kerascheck.semantic.layer_graph import layers_inside
from kerascheck.semantic.values import Items, Obj, Value

_OPTIMIZERS = ("keras.optimizers.", "tensorflow.optimizers.")


class SharedOptimizer(Rule):
    code = "KC606"
    severity = Severity.ERROR
    claim = Claim.CALL_RAISES
    words = (("compile",), (" fit ", "fit_generator", "train_on_batch"))
    message = "`{method}` raises: its optimizer already has the variables of another model"

    def check(self) -> None:
        # measured: TensorFlow 2.15 raises as Keras 3 does; older ones keep variables by name. jax takes the variables
        if self.module.target.which(">=2.15") is not self.module.target.which(">=1"):
            return
        if self.module.target.backend == "jax":
            return
        for first, second, training in self._shared():
            self.report(
                second.node,
                related=[
                    RelatedNode(self.module, first.node, "the other model is compiled here"),
                    RelatedNode(self.module, training.node, "this raises"),
                ],
                subject=self.module.code(second.receiver_node) if second.receiver_node is not None else "",
                method=training.name,
            )

    def _shared(self) -> Iterator[tuple[Event, Event, Event]]:
        """Two compiles of different models with one optimizer, and the training of one that comes too late."""
        compiles: dict[Obj, list[Event]] = {}
        for event in self.module.events_of("compile"):
            optimizer = event.arguments.value("optimizer", 0)
            if not isinstance(optimizer, Obj) or ".legacy" in optimizer.original:  # those keep variables by name
                continue
            if optimizer.ref.startswith(_OPTIMIZERS) and isinstance(event.receiver, Obj):
                compiles.setdefault(optimizer, []).append(event)
        for events in compiles.values():
            for place, second in enumerate(events):
                for first in events[:place]:
                    late = self._late(first, second)
                    if late is not None and self.module.owns(second.node) and self.module.owns(first.node):
                        yield first, second, late
                        break

    def _late(self, first: Event, second: Event) -> Event | None:
        one, other = first.receiver, second.receiver
        if not isinstance(one, Obj) or not isinstance(other, Obj) or one is other:
            return None
        trainings = [self._trained(first), self._trained(second)]
        if trainings[0] is None or trainings[1] is None:
            return None
        early, late = sorted((item for item in trainings if item is not None), key=lambda item: item.order)
        return late if self._has_more(late.receiver, early.receiver) else None

    def _has_more(self, late: Value | None, early: Value | None) -> bool:
        """Whether a model surely has variables that another one has not: measured, those of a part do not raise."""
        facts = self.module.facts
        if not isinstance(late, Obj) or not isinstance(early, Obj):
            return False
        inside, other = layers_inside(facts, late), {early, *layers_inside(facts, early)}
        if not inside:
            given = [value for value in late.arguments.values() if isinstance(value, (Obj, Items))]
            return late.form in {"application", "loaded"} or (late.form == "subclass" and not given)
        if late in other or (len(other) == 1 and early.form in {"functional", "plain"}):
            return False
        return any(item.kind == "layer" and facts.weighted(item) for item in inside if item not in other)

    def _trained(self, compiled: Event) -> Event | None:
        """The first training of a model after a compile, and before the next one."""
        for event in self.module.events:
            if event.order <= compiled.order or event.receiver is not compiled.receiver:
                continue
            if event.name == "compile":
                return None
            if event.name in TRAINING_METHODS:
                return event
        return None
