"""KC606: one optimizer object that is compiled into two models."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from kerascheck.finding import Claim, Severity
from kerascheck.rule import RelatedNode, Rule
from kerascheck.semantic.calls import TRAINING_METHODS
from kerascheck.semantic.compiled import backend_of
from kerascheck.semantic.events import Event
from kerascheck.semantic.layer_graph import layers_inside
from kerascheck.semantic.phases import Snapshot, was_trainable
from kerascheck.semantic.values import Items, Obj

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
        if backend_of(self.module) == "jax":
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
        return late if self._has_more(late, early) else None

    def _has_more(self, later: Event, earlier: Event) -> bool:
        """Whether a model surely trains variables that another one did not: measured, those of a part do not raise."""
        facts = self.module.facts
        late, early = later.receiver, earlier.receiver
        if not isinstance(late, Obj) or not isinstance(early, Obj):
            return False
        inside, other = layers_inside(facts, late), {early, *layers_inside(facts, early)}
        layers = {item for item in other if item.kind == "layer" and facts.weighted(item) is not False}
        # torch makes it all the same
        if backend_of(self.module) != "torch" and not any(self._moves(earlier, item) for item in layers or other):
            return False
        known = inside
        if not inside:
            given = [value for value in late.arguments.values() if isinstance(value, (Obj, Items))]
            if late.form in {"application", "loaded"} or (late.form == "subclass" and not given):
                known = (late,)
        elif len(other) == 1 and early.form in {"functional", "plain"}:
            return False
        return any(
            self._moves(later, item)
            and ((late not in other and item not in other) or self._moves(earlier, item) is False)
            for item in known
            if item is late or (item.kind == "layer" and facts.weighted(item))
        )

    def _moves(self, training: Event, part: Obj) -> bool | None:
        """Whether a training moves the weights of a layer or model; None when it cannot be told.

        An optimizer gets the variables that are trainable at its first training, and is not made without any: run on
        3.0.5-3.15.1. On 2.15 it raises with a frozen discriminator, too, whichever is trained first.
        """
        then = self._snapshots.get(training.order)
        if then is None or not self.module.target.bad(">=3"):
            return True
        return was_trainable(self.module.facts, part, then)

    @cached_property
    def _snapshots(self) -> dict[int, Snapshot]:
        return {moment.event.order: moment.snapshot for moment in self.module.facts.moments}

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
