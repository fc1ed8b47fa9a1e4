"""KC204: an argument of saving that Keras 3 does not take any more."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from kerascheck.edits import Fix
from kerascheck.finding import Claim, Severity
from kerascheck.patch import remove_argument
from kerascheck.renames import rename_end
from kerascheck.rule import Rule, safe_fix, unsafe_fix
from kerascheck.semantic.endings import EXTENSION, refused_end
from kerascheck.semantic.events import CallFact, Event
from kerascheck.semantic.receivers import is_model
from kerascheck.semantic.target import Reach, releases_text
from kerascheck.semantic.values import Const, Value, string

# measured: all of these raise on 3.0.5-3.15.1 and are taken on 2.15 (`load_weights_on_restart` only on 3)
_REMOVED = {
    "save": ("signatures", "options", "save_traces"),
    "save_weights": ("save_format", "options"),
    "ModelCheckpoint": ("period", "options", "load_weights_on_restart"),
}
_KERAS_2 = ("tf_keras", "tensorflow.python.keras")
_FILES = (".keras", ".h5", ".hdf5")


class RemovedSaveArgument(Rule):
    code = "KC204"
    severity = Severity.ERROR
    claim = Claim.CALL_RAISES
    words = (
        ("save", "modelcheckpoint"),
        ("signatures", "options", "save_traces", "save_format", "period", "load_weights_on_restart"),
    )
    message = "`{method}` raises: Keras 3 takes no `{argument}`"
    format = "`save` raises: with `save_format` Keras 3 takes only names that end in `.keras` or `.h5`, not `{end}`"
    some = " ({releases})"

    def check(self) -> None:
        if self.module.target.which(">=3") is Reach.NONE:
            return
        for event in self.module.events_of("save", "save_weights"):
            if event.module is self.module and event.runs_on(">=3"):
                self._check_event(event)
        for call in self.module.calls_of("keras.callbacks.ModelCheckpoint"):
            if call.module is self.module and not call.guarded and not call.original.startswith(_KERAS_2):
                for argument in self._removed(call, "ModelCheckpoint"):
                    self._report(call, "ModelCheckpoint", argument, Claim.CALL_RAISES)

    def _check_event(self, event: Event) -> None:
        removed = list(self._removed(event, event.name))
        wanted = event.arguments.find("save_format") if event.name == "save" else None
        end = refused_end(event.arguments.value("filepath", 0), _FILES) if _is_true(wanted) else None
        if (not removed and end is None) or not is_model(self.module, event):
            return
        for argument in removed:
            self._report(event, event.name, argument, Claim.SAVE_RAISES)
        if not removed and end is not None:
            self._report(event, "save", "save_format", Claim.SAVE_RAISES, end)

    def _removed(self, call: Event | CallFact, method: str) -> Iterator[str]:
        for argument in _REMOVED[method]:
            if any(keyword == argument for keyword, _, _ in call.arguments.keywords):
                yield argument

    def _report(self, call: Event | CallFact, method: str, argument: str, claim: Claim, end: str | None = None) -> None:
        reach = self.module.target.which(">=3")
        self.report(
            call.node,
            message=(self.message if end is None else self.format) + (self.some if reach is Reach.SOME else ""),
            severity=Severity.ERROR if reach is Reach.ALL else Severity.WARNING,
            claim=claim,
            fix=self._fix(call, method, argument, end),
            subject=method,
            method=method,
            argument=argument,
            end=end,
            releases=releases_text(self.module.target.bad(">=3")),
        )

    def _fix(self, call: Event | CallFact, method: str, argument: str, end: str | None) -> Fix | None:
        """Drop the argument where it says nothing; the name of the file follows where it has to."""
        found = call.arguments.find(argument)
        if found is None:
            return None
        edits = remove_argument(self.module, call.node, argument)
        path = call.arguments.find("filepath", 0)
        title = f"drop `{argument}`"
        if end is not None:
            good = ".h5" if string(found[1]) in {"h5", "hdf5"} else ".keras"
            renames = list(rename_end(call, path[0], EXTENSION, good)) if path is not None else []
            return unsafe_fix(f"{title} and name the file `{good}`", [*edits, *renames]) if renames else None
        if method == "save_weights" and argument == "save_format":
            takes = path is not None and refused_end(path[1], (".weights.h5",)) is None
            h5 = string(found[1]) in {"h5", "hdf5"}
            return (safe_fix if takes and h5 else unsafe_fix)(title, edits)
        return safe_fix(title, edits) if _says_nothing(argument, found[1]) else unsafe_fix(title, edits)


def _is_true(found: tuple[cst.BaseExpression, Value | None] | None) -> bool:
    return found is not None and isinstance(found[1], Const) and bool(found[1].value)


def _says_nothing(argument: str, value: Value | None) -> bool:
    """Whether an argument has the value that it has when it is not given."""
    default = {"period": 1, "save_traces": True, "load_weights_on_restart": False}.get(argument)
    return isinstance(value, Const) and value.value == default
