"""KC602: an explicit `training` in a functional graph, which Keras 3 overwrites."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from kerascheck.finding import Claim, Severity
from kerascheck.rule import RelatedNode, Rule
from kerascheck.semantic.events import Event
from kerascheck.semantic.flags import Flagged, drops, flagged, normalizes
from kerascheck.semantic.module import Module
from kerascheck.semantic.target import Reach, releases_text
from kerascheck.semantic.values import Obj

_RUNNING = ("fit", "train_on_batch", "predict", "evaluate")
_INFERENCE = ("predict", "evaluate", "predict_on_batch")


class OverwrittenTrainingFlag(Rule):
    code = "KC602"
    severity = Severity.ERROR
    claim = Claim.TRAINING_FLAG_LOST
    words = (("training",),)
    around = ((" fit ", "fit_generator", "train_on_batch", "predict", "evaluate"),)
    message = "`{method}` overwrites `training=False`: the dropout in `{layer}` is on"
    statistics = "`{method}` overwrites `training=False`: the batch normalization in `{layer}` changes its statistics"
    inference = "`{method}` overwrites `training=True`: `{layer}` drops nothing"
    some = " ({releases})"

    def check(self) -> None:
        reach = self.module.target.which(">=3")
        if reach is Reach.NONE or "training" not in self.module.source.text:
            return
        reported: set[cst.CSTNode] = set()
        for item, event, message in self._lost():
            if item.call in reported or not self.module.owns(item.call):
                continue
            reported.add(item.call)
            self.report(
                item.call,
                message=message + (self.some if reach is Reach.SOME else ""),
                severity=Severity.ERROR if reach is Reach.ALL else Severity.WARNING,
                related=[RelatedNode(event.module, event.node, f"`{event.name}` runs it")],
                subject=self.module.code(item.call.func),
                method=event.name,
                layer=item.layer.short if isinstance(item.call.func, cst.Call) else self.module.code(item.call.func),
                releases=releases_text(self.module.target.bad(">=3")),
            )

    def _lost(self) -> Iterator[tuple[Flagged, Event, str]]:
        for home in (self.module, *self.module.users_with(*_RUNNING)):
            for moment in home.facts.moments:
                if moment.event.name == "compile":
                    continue
                for item in self._flags(home, moment.event):
                    if item.training:
                        continue
                    if normalizes(home.facts, item.layer, moment.snapshot):
                        yield item, moment.event, self.statistics
                    elif drops(home.facts, item.layer):
                        yield item, moment.event, self.message
            for event in home.events_of(*_INFERENCE):
                for item in self._flags(home, event):
                    if item.training and drops(home.facts, item.layer):
                        yield item, event, self.inference

    def _flags(self, home: Module, event: Event) -> Iterator[Flagged]:
        model = event.receiver
        if isinstance(model, Obj) and model.kind == "model":
            yield from flagged(home.facts, model)
