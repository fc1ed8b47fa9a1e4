"""KC202: a whole model is saved under a name that Keras 3 refuses."""

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
from kerascheck.semantic.receivers import is_model
from kerascheck.semantic.target import Reach, releases_text
from kerascheck.semantic.values import Const, Text, Value, boolean, string

# measured on 3.0.5-3.15.1; a path that begins with `hf://` is no file; with `zipped` the name may be that of a folder
_GOOD = (".keras", ".h5", ".hdf5")
_FOLLOWING = frozenset({"load_model", "save_model", "save"})


class ModelFileSuffix(Rule):
    code = "KC202"
    severity = Severity.ERROR
    claim = Claim.SAVE_RAISES
    words = (("save",),)
    message = "`save` raises: the file name ends in `{end}`, Keras 3 takes `.keras` and `.h5` only"
    some = " ({releases})"

    def check(self) -> None:
        reach = self.module.target.which(">=3")
        if reach is Reach.NONE:
            return
        for event in self.module.events_of("save"):
            found = event.arguments.find("filepath", 0)
            if found is None or event.module is not self.module or self._is_another_matter(event, found[1]):
                continue
            end = refused_end(found[1], _GOOD)
            if (
                end is None
                or event.untaken
                or not event.runs_on(">=3")
                or not is_model(self.module, event, by_name=False)
            ):
                continue
            self.report(
                event.node,
                message=self.message + (self.some if reach is Reach.SOME else ""),
                severity=self._severity(event, reach),
                fix=self._fix(event, *found),
                subject=self.module.code(found[0]),
                end=end,
                releases=releases_text(self.module.target.bad(">=3")),
            )

    @staticmethod
    def _severity(event: Event, reach: Reach) -> Severity:
        if is_never_called(event):
            return Severity.INFO
        return Severity.ERROR if reach is Reach.ALL else Severity.WARNING

    def _is_another_matter(self, event: Event, path: Value | None) -> bool:
        """Another format is asked for (KC204 speaks of `save_format`), or the path is none of a file."""
        wanted = event.arguments.find("save_format")
        if wanted is not None and not (isinstance(wanted[1], Const) and not wanted[1].value):
            return True
        zipped = event.arguments.find("zipped", 2)
        if event.arguments.open_keywords or (zipped is not None and boolean(zipped[1]) is not True):
            return True
        start = path.prefix if isinstance(path, Text) else string(path) or ""
        return start.startswith("hf://") or (isinstance(path, Text) and "hf://".startswith(start) and start != "")

    def _fix(self, event: Event, node: cst.BaseExpression, value: Value | None) -> Fix | None:
        edits = list(rename_end(event, node, EXTENSION, ".keras", _FOLLOWING))
        if not edits:
            return None
        for reader, path in self._readers(string(value)):
            edits += rename_end(reader, path, EXTENSION, ".keras", _FOLLOWING)
        title = "name the file `.keras`, where it is saved and where it is loaded"
        return unsafe_fix(title, dict.fromkeys(edits))

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
