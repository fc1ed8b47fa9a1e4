"""KC604: early stopping that leaves the model with its last weights, not its best."""

from __future__ import annotations

import libcst as cst

from kerascheck.edits import Fix
from kerascheck.finding import Claim, Severity
from kerascheck.patch import insert_argument, replace
from kerascheck.rule import Rule, unsafe_fix
from kerascheck.semantic.values import Const, Items, Obj, Value, number


class EarlyStoppingKeepsLast(Rule):
    code = "KC604"
    severity = Severity.INFO
    claim = Claim.NONE
    words = (("earlystopping",), ("fit",))
    message = "the model keeps the weights of the last epoch, when training stops {patience} behind the best one"

    def check(self) -> None:
        for event in self.module.events_of("fit", "fit_generator"):
            callbacks = event.arguments.value("callbacks")
            known = list(callbacks.known()) if isinstance(callbacks, Items) and callbacks.exact else [callbacks]
            if not all(isinstance(item, Obj) and item.ref.startswith("keras.callbacks.") for item in known):
                continue  # one that is not known may keep the best weights
            if any(isinstance(item, Obj) and self._keeps_best(item) for item in known):
                continue
            for item in known:
                if isinstance(item, Obj) and item.short == "EarlyStopping" and isinstance(item.call, cst.Call):
                    self._check_stopping(item, item.call)

    def _check_stopping(self, item: Obj, call: cst.Call) -> None:
        restore = item.arguments.find("restore_best_weights", 6)
        if item.arguments.open_keywords or (restore is not None and restore[1] != Const(False)):
            return
        if not self.module.owns(call):
            return
        patience = number(item.arguments.value("patience", 2))
        self.report(
            call,
            fix=self._fix(call, restore),
            subject=self.module.code(call.func),
            patience=f"{patience} epochs" if patience else "some epochs",
        )

    def _keeps_best(self, item: Obj) -> bool:
        """A checkpoint of the best epoch, as far as can be told."""
        if item.short == "EarlyStopping":
            return False
        best = item.arguments.find("save_best_only", 3)
        return item.short == "ModelCheckpoint" and (
            item.arguments.open_keywords or (best is not None and best[1] != Const(False))
        )

    def _fix(self, call: cst.Call, restore: tuple[cst.BaseExpression, Value | None] | None) -> Fix:
        if restore is not None:
            edit = replace(self.module, restore[0], "True")
        else:
            edit = insert_argument(self.module, call, "restore_best_weights=True")
        return unsafe_fix("restore the best weights", [edit])
