"""KC512: a callback that takes less for better of a metric of which more is better."""

from __future__ import annotations

import libcst as cst

from kerascheck.edits import Fix
from kerascheck.finding import Claim, Severity
from kerascheck.patch import insert_argument, replace
from kerascheck.rule import Rule, unsafe_fix
from kerascheck.semantic.directions import rises
from kerascheck.semantic.events import CallFact
from kerascheck.semantic.target import Reach
from kerascheck.semantic.values import Const, string

# monitor, mode
_PLACES = {"keras.callbacks.ModelCheckpoint": (1, 5), "keras.callbacks.ReduceLROnPlateau": (0, 4)}
_BAD = "<3.11"  # run on 2.15 and 3.0.5-3.10.0: minimised; 3.11.3-3.15.1: maximised
_SEVERITIES = {Reach.ALL: Severity.ERROR, Reach.SOME: Severity.WARNING}


class MonitorDirection(Rule):
    code = "KC512"
    severity = Severity.ERROR
    claim = Claim.WRONG_EPOCH_KEPT
    words = (("modelcheckpoint", "reducelronplateau"),)
    message = "more `{monitor}` is better, and up to keras 3.10 this {callback} takes less for better: {harm}"

    def check(self) -> None:
        reach = self.module.target.which(_BAD)
        if reach not in _SEVERITIES:
            return
        for call in self.module.calls_of(*_PLACES):
            place, mode_place = _PLACES[call.name]
            monitor = string(call.arguments.value("monitor", place))
            mode = call.arguments.find("mode", mode_place)
            if monitor is None or not rises(self.module, monitor):
                continue
            if mode is not None and string(mode[1]) != "auto":
                continue
            if mode is None and not call.arguments.lacks("mode", mode_place):
                continue
            best = call.arguments.value("save_best_only", 3)
            checkpoint = call.name.endswith("ModelCheckpoint")
            if checkpoint and not (isinstance(best, Const) and best.value):
                continue
            self.report(
                call.node,
                severity=_SEVERITIES[reach],
                fix=self._fix(call, mode[0] if mode else None),
                monitor=monitor,
                callback=call.name.rpartition(".")[2],
                harm="the worst epoch is kept" if checkpoint else "the rate falls while the model improves",
            )

    def _fix(self, call: CallFact, mode: cst.BaseExpression | None) -> Fix | None:
        title = 'say so: `mode="max"`'
        if mode is None:
            return unsafe_fix(title, [insert_argument(self.module, call.node, 'mode="max"')])
        if not isinstance(mode, cst.SimpleString) or not self.module.owns(mode):
            return None
        return unsafe_fix(title, [replace(self.module, mode, f"{mode.quote}max{mode.quote}")])
