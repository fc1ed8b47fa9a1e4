"""KC512: a callback that takes less for better of a metric of which more is better."""

from __future__ import annotations

import re

import libcst as cst

from kerascheck.edits import Fix
from kerascheck.finding import Claim, Severity
from kerascheck.patch import insert_argument, replace
from kerascheck.rule import Rule, unsafe_fix
from kerascheck.semantic.directions import rises
from kerascheck.semantic.events import CallFact
from kerascheck.semantic.target import Reach
from kerascheck.semantic.values import Const, Value, string

# monitor, mode
_PLACES = {
    "keras.callbacks.ModelCheckpoint": (1, 5),
    "keras.callbacks.ReduceLROnPlateau": (0, 4),
    "keras.callbacks.EarlyStopping": (0, 4),
}
_ACCURACY = re.compile(r"(?:(?:sparse_)?(?:top_k_)?(?:categorical_|binary_)?accuracy|acc)(?:_\d+)?")
_HARM = {
    "ModelCheckpoint": "the worst epoch is kept",
    "ReduceLROnPlateau": "the rate falls while the model improves",
    "EarlyStopping": "the training ends while the model improves",
}
_BAD = "<3.11"  # run on 2.15 and 3.0.5-3.10.0: minimised; 3.11.3-3.15.1: maximised
_SEVERITIES = {Reach.ALL: Severity.ERROR, Reach.SOME: Severity.WARNING}


class MonitorDirection(Rule):
    code = "KC512"
    severity = Severity.ERROR
    claim = Claim.WRONG_EPOCH_KEPT
    words = (("modelcheckpoint", "reducelronplateau", "earlystopping"),)
    given = '`mode="{mode}"`, and {better} `{monitor}` is better: {harm}'
    message = "more `{monitor}` is better, and up to keras 3.10 this {callback} takes less for better: {harm}"

    def check(self) -> None:
        reach = self.module.target.which(_BAD)
        for call in self.module.calls_of(*_PLACES):
            place, mode_place = _PLACES[call.name]
            monitor = string(call.arguments.value("monitor", place))
            mode = call.arguments.find("mode", mode_place)
            best = call.arguments.value("save_best_only", 3)
            short = call.name.rpartition(".")[2]
            if monitor is None or (short == "ModelCheckpoint" and not (isinstance(best, Const) and best.value)):
                continue
            if mode is not None and string(mode[1]) in {"min", "max"}:
                self._check_given(call, short, monitor, mode)
                continue
            if reach not in _SEVERITIES or short == "EarlyStopping" or not rises(self.module, monitor):
                continue
            if mode is not None and string(mode[1]) != "auto":
                continue
            if mode is None and not call.arguments.lacks("mode", mode_place):
                continue
            self.report(
                call.node,
                severity=_SEVERITIES[reach],
                fix=self._fix(call, mode[0] if mode else None, "max"),
                monitor=monitor,
                callback=short,
                harm=_HARM[short],
            )

    def _check_given(
        self, call: CallFact, short: str, monitor: str, mode: tuple[cst.BaseExpression, Value | None]
    ) -> None:
        """A direction that the program itself gives, against that of the metric: wrong on every release."""
        base, given = monitor.removeprefix("val_"), string(mode[1])
        up = _ACCURACY.fullmatch(base) is not None or rises(self.module, monitor)
        if (given == "min" and up) or (given == "max" and base == "loss"):
            self.report(
                call.node,
                message=self.given,
                fix=self._fix(call, mode[0], "max" if up else "min"),
                monitor=monitor,
                mode=given,
                better="more" if up else "less",
                harm=_HARM[short],
            )

    def _fix(self, call: CallFact, mode: cst.BaseExpression | None, better: str) -> Fix | None:
        title = f'say so: `mode="{better}"`'
        if mode is None:
            return unsafe_fix(title, [insert_argument(self.module, call.node, 'mode="max"')])
        if not isinstance(mode, cst.SimpleString) or not self.module.owns(mode):
            return None
        return unsafe_fix(title, [replace(self.module, mode, f"{mode.quote}{better}{mode.quote}")])
