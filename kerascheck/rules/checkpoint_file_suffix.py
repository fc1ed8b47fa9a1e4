"""KC203: a `ModelCheckpoint` whose file name Keras 3 refuses."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from kerascheck.edits import Fix
from kerascheck.finding import Claim, Severity
from kerascheck.renames import rename_end
from kerascheck.rule import Rule, unsafe_fix
from kerascheck.semantic.endings import EXTENSION, refused_end
from kerascheck.semantic.events import CallFact, Event
from kerascheck.semantic.never_called import is_never_called
from kerascheck.semantic.target import Reach, releases_text
from kerascheck.semantic.values import Const, Value, boolean, string

_CHECKPOINT = "keras.callbacks.ModelCheckpoint"
_KERAS_2 = ("tf_keras", "tensorflow.python.keras")
_FOLLOWING = frozenset({"ModelCheckpoint", "load_model"})


class CheckpointFileSuffix(Rule):
    code = "KC203"
    severity = Severity.ERROR
    claim = Claim.CALL_RAISES
    words = (("modelcheckpoint",),)
    message = (
        "`ModelCheckpoint` raises: the file name ends in `{end}`, {keras} takes `.keras` or `.h5` for whole models"
    )
    old = "`ModelCheckpoint` raises: the file name ends in `{end}`, {keras} takes only `.keras` for whole models"
    weights = "`ModelCheckpoint` raises: the file name ends in `{end}`, {keras} takes only `.weights.h5` for weights"

    def check(self) -> None:
        for call in self.module.calls_of(_CHECKPOINT):
            if call.module is self.module and not call.guarded and not call.original.startswith(_KERAS_2):
                self._check(call)

    def _check(self, call: CallFact) -> None:
        found = call.arguments.find("filepath", 0)
        only = _weights_only(call)
        if found is None or only is None:
            return
        # measured: `.h5` without `save_weights_only` raises on 3.0.5-3.7.0 and is taken from 3.8.0 on
        rows: list[tuple[str, tuple[str, ...], str]] = [(">=3", (".weights.h5",), self.weights)]
        if not only:
            rows = [(">=3", (".keras", ".h5"), self.message), (">=3.0,<3.8", (".keras",), self.old)]
        for specifier, accepted, message in rows:
            end = refused_end(found[1], accepted)
            reach = self.module.target.which(specifier)
            if end is None or reach is Reach.NONE:
                continue
            bad = self.module.target.bad(specifier)
            self.report(
                call.node,
                message=message,
                severity=self._severity(call, reach),
                fix=self._fix(call, *found, accepted[0]),
                subject="ModelCheckpoint",
                end=end,
                keras="Keras 3" if specifier == ">=3" and reach is Reach.ALL else releases_text(bad),
            )
            return

    @staticmethod
    def _severity(call: CallFact, reach: Reach) -> Severity:
        if is_never_called(call):
            return Severity.INFO
        return Severity.ERROR if reach is Reach.ALL else Severity.WARNING

    def _fix(self, call: CallFact, node: cst.BaseExpression, value: Value | None, good: str) -> Fix | None:
        edits = list(rename_end(call, node, EXTENSION, good, _FOLLOWING))
        if not edits:
            return None
        for reader, path in self._readers(string(value)):
            edits += rename_end(reader, path, EXTENSION, good, _FOLLOWING)
        return unsafe_fix(f"name the file `{good}`, where it is written and where it is loaded", dict.fromkeys(edits))

    def _readers(self, path: str | None) -> Iterator[tuple[Event | CallFact, cst.BaseExpression]]:
        """What loads a file of exactly this name here, with the node of the name."""
        if path is None:
            return
        loads: list[Event | CallFact] = [*self.module.events_of("load_weights")]
        loads += self.module.calls_of("keras.models.load_model")
        for reader in loads:
            found = reader.arguments.find("filepath", 0)
            if found is not None and string(found[1]) == path and reader.module is self.module:
                yield reader, found[0]


def _weights_only(call: CallFact) -> bool | None:
    """Whether only the weights are written; None when that cannot be told."""
    found = call.arguments.find("save_weights_only", 4)
    if found is None:
        return False if call.arguments.lacks("save_weights_only", 4) else None
    if isinstance(found[1], Const) and found[1].value in (0, 1):
        return bool(found[1].value)
    return boolean(found[1])
