"""KC201: a weights file whose name Keras 3 refuses."""

from __future__ import annotations

import os

import libcst as cst

from kerascheck.edits import Fix
from kerascheck.finding import Claim, Severity
from kerascheck.renames import rename_end
from kerascheck.rule import RelatedNode, Rule, unsafe_fix
from kerascheck.semantic.events import Event
from kerascheck.semantic.left_out import changes_tables
from kerascheck.semantic.never_called import is_never_called
from kerascheck.semantic.receivers import is_model, is_model_of_users
from kerascheck.semantic.target import Reach, releases_text
from kerascheck.semantic.unrunnable import ends_unwritten
from kerascheck.semantic.values import Text, Value, options, string
from kerascheck.semantic.views import views
from kerascheck.semantic.weights_names import (
    WEIGHTS_END,
    WEIGHTS_EXTENSION,
    is_resumed,
    names_a_checkpoint,
    refused_by_keras_3,
    refused_by_old_copy,
)

_MOST_FIXES = 100  # each looks through the whole file


class WeightsFileSuffix(Rule):
    code = "KC201"
    severity = Severity.ERROR
    claim = Claim.SAVE_RAISES
    words = (("load_weights", "save_weights"),)
    message = "`save_weights` raises: the file name ends in `{end}`, Keras 3 takes `.weights.h5` only"
    loading = "`load_weights` raises: Keras 3 reads no weights from a file name that ends in `{end}`"
    newest = "`load_weights` raises: Keras 3 reads no checkpoint of TensorFlow, such as `latest_checkpoint` names"
    frozen = "`save_weights` raises: TensorFlow's old copy `tensorflow.python.keras` writes no `{end}` file any more"
    some = " ({releases})"

    def check(self) -> None:
        self._check_frozen()
        reach = self.module.target.which(">=3")
        if reach is Reach.NONE:
            return
        self._check_newest(reach)
        faults: dict[int, list[tuple[Event, str]]] = {}  # a loop over known values is one call
        for event in self.module.events_of("save_weights", "load_weights"):
            end = self._fault(event)
            if end is not None:
                faults.setdefault(id(event.node), []).append((event, end))
        for group in faults.values():
            event, found = group[0][0], _path(group[0][0])
            ends = {end for _, end in group}
            end = group[0][1] if len(ends) == 1 else os.path.commonprefix(sorted(ends)) + "..."  # noqa: RUF071
            if found is None:
                continue
            message = self.message if event.name == "save_weights" else self.loading
            if reach is Reach.SOME:
                message += self.some
            self.report(
                event.node,
                message=message,
                severity=self._severity(event, reach, [item for item, _ in group]),
                claim=Claim.SAVE_RAISES if event.name == "save_weights" else Claim.LOAD_RAISES,
                fix=self._fix(event, *found) if len(faults) <= _MOST_FIXES else None,
                related=self._given(event) if _is_open(found[1]) else (),
                subject=self.module.code(found[0]),
                end=end,
                releases=releases_text(self.module.target.bad(">=3")),
            )

    @staticmethod
    def _severity(event: Event, reach: Reach, group: list[Event]) -> Severity:
        if (event.name == "load_weights" and is_resumed(event)) or all(is_never_called(item) for item in group):
            return Severity.INFO
        return Severity.ERROR if reach is Reach.ALL else Severity.WARNING

    def _check_frozen(self) -> None:
        for event in self.module.events_of("save_weights"):
            end = refused_by_old_copy(self.module, event) if event.module is self.module else None
            if end is not None:
                self.report(event.node, message=self.frozen, claim=Claim.SAVE_RAISES, end=end)

    def _check_newest(self, reach: Reach) -> None:
        """`load_weights(tf.train.latest_checkpoint(folder))`."""
        for event in self.module.events_of("load_weights"):
            own = event.module is self.module and event.runs_on(">=3")
            if ends_unwritten(event.function, event.node):
                continue
            if own and is_model(self.module, event) and names_a_checkpoint(event):
                self.report(
                    event.node,
                    message=self.newest + (self.some if reach is Reach.SOME else ""),
                    severity=Severity.ERROR if reach is Reach.ALL else Severity.WARNING,
                    claim=Claim.LOAD_RAISES,
                    releases=releases_text(self.module.target.bad(">=3")),
                )

    def _fault(self, event: Event) -> str | None:
        """The end of the path that Keras 3 refuses; None when nothing is wrong."""
        found = _path(event)
        if found is None or event.module is not self.module or not event.runs_on(">=3") or event.untaken:
            return None
        if event.name == "load_weights" and ends_unwritten(event.function, event.node):
            return None
        end = refused_by_keras_3(self.module, event)
        if end is None:
            return self._seen_fault(event) if _is_open(found[1]) else None
        return end if is_model(self.module, event) or is_model_of_users(self.module, event) else None

    def _seen_fault(self, event: Event) -> str | None:
        """The same where the path is known to those that import this file only: they all name one that is refused."""
        seen = views(self.module, event)
        if any(changes_tables(user) for user, _ in seen):
            return None  # the path may come out of one
        ends = [refused_by_keras_3(user, other) for user, other in seen if is_model(user, other, by_name=False)]
        return ends[0] if ends and len(ends) == len(seen) and None not in ends else None

    def _given(self, event: Event) -> list[RelatedNode]:
        """The calls of other files that bring the path."""
        sites = {id(other.site): (user, other.site) for user, other in views(self.module, event)}
        return [RelatedNode(user, site, "the name is given here") for user, site in sites.values() if user.owns(site)]

    def _fix(self, event: Event, node: cst.BaseExpression, value: Value | None) -> Fix | None:
        edits = list(rename_end(event, node, WEIGHTS_EXTENSION, WEIGHTS_END))
        if not edits:
            return None
        text, loads = self.module.code(node), []
        for other in self.module.events_of("save", "save_weights", "load_weights"):
            found = _path(other)
            if found is None or other is event or other.module is not self.module:
                continue
            equal = string(value) is not None and found[1] == value
            if not equal and (other.function is not event.function or self.module.code(found[0]) != text):
                continue
            if other.name == "load_weights":
                loads.append((other, found[0]))
            elif other.name == "save" or self._fault(other) is None:
                loads = []  # another file of that name, which is written well
                break
        for other, path in loads:
            edits += rename_end(other, path, WEIGHTS_EXTENSION, WEIGHTS_END) if is_model(self.module, other) else ()
        return unsafe_fix("name the file `.weights.h5`, where it is saved and where it is loaded", dict.fromkeys(edits))


def _is_open(path: Value | None) -> bool:
    """Whether how a path ends is known at most to those that import the file."""
    return all(item is None or (isinstance(item, Text) and not item.suffix) for item in options(path))


def _path(event: Event) -> tuple[cst.BaseExpression, Value | None] | None:
    return event.arguments.find("filepath", 0) or event.arguments.find("path")
