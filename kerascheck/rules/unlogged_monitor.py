"""KC511: a key that `fit` does not log, watched by a callback or read from the history."""

from __future__ import annotations

import re

import libcst as cst

from kerascheck.edits import Fix
from kerascheck.finding import Claim, Severity
from kerascheck.patch import replace
from kerascheck.rule import Rule, safe_fix, unsafe_fix
from kerascheck.semantic.values import Obj
from kerascheck.semantic.watching import Unlogged, unlogged

# the releases that raise; run on 2.15, 3.10.0 and 3.15.1; ground truth for 3.0.5 to 3.11.3
_OLD = re.compile(r"\b(?:np_utils|nb_epoch|border_mode|fit_generator|predict_classes|samples_per_epoch)\b")
_RAISES = {"EarlyStopping": ">=3.0", "ModelCheckpoint": ">=3.11.3", "ReduceLROnPlateau": ">=3.11.3"}


class UnloggedMonitor(Rule):
    code = "KC511"
    severity = Severity.ERROR
    claim = Claim.CALL_RAISES
    words = (("compile",), ("fit",), ("earlystopping", "modelcheckpoint", "reducelronplateau", ".history["))
    message = "`fit` does not log `{key}`: reading it from the history raises"
    watched = "`fit` does not log `{key}`, which this {callback} watches: it never acts"
    raising = "`fit` does not log `{key}`, which this {callback} watches: on {releases} `fit` raises"

    def check(self) -> None:
        target = self.module.target
        if target.bad("<2.3"):
            return
        # such a program may be meant for Keras 2.2, which logs `acc` for "accuracy"
        old = target.assumed and (target.keras2 or bool(_OLD.search(self.module.source.text)))
        for item in unlogged(self.module):
            watch = item.watch
            if old and not item.validation and item.instead is not None:
                continue
            if watch.callback is None:
                self.report(watch.node, fix=self._fix(item), key=watch.key)
                continue
            name = watch.callback.short
            unknown = watch.key.removeprefix("val_") != "loss" and watch.mode == "auto" and not item.validation
            releases = target.bad(_RAISES[name]) if unknown else ()
            self.report(
                watch.node,
                message=self.raising if releases else self.watched,
                claim=Claim.CALL_RAISES if releases else Claim.NONE,
                fix=self._fix(item),
                key=watch.key,
                callback=name,
                releases=f"keras {releases[0]}" + (f"-{releases[-1]}" if len(releases) > 1 else "") if releases else "",
            )

    def _fix(self, item: Unlogged) -> Fix | None:
        node = item.watch.node
        if item.instead is None or not isinstance(node, cst.SimpleString) or not self.module.owns(node):
            return None
        make = unsafe_fix if self.module.target.bad("<3.0") or isinstance(item.watch.callback, Obj) else safe_fix
        text = f"{node.quote}{item.instead}{node.quote}"
        return make(f"use what is logged: `{item.instead}`", [replace(self.module, node, text)])
