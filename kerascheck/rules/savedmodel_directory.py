"""KC205: `load_model` of a SavedModel folder, or of any file that Keras 3 does not read."""

from __future__ import annotations

import re

from kerascheck.finding import Claim, Severity
from kerascheck.rule import Rule
from kerascheck.semantic.endings import refused_end
from kerascheck.semantic.events import CallFact
from kerascheck.semantic.target import Reach, releases_text
from kerascheck.semantic.values import Text, string

# measured on 3.0.5-3.15.1, whatever is in the file; folders that Keras 3 reads are those of `zipped=False` and of Orbax
_READ = (".keras", ".h5", ".hdf5")
_FOLDERS = re.compile(r"zipped\s*=\s*False|[Oo]rbax|hf://")
_KERAS_2 = ("tf_keras", "tensorflow.python.keras")


class SavedmodelDirectory(Rule):
    code = "KC205"
    severity = Severity.ERROR
    claim = Claim.LOAD_RAISES
    message = "`load_model` raises: Keras 3 reads `.keras` and `.h5` files, no SavedModel and nothing named `{end}`"
    some = " ({releases})"

    def check(self) -> None:
        reach = self.module.target.which(">=3")
        if reach is Reach.NONE or _FOLDERS.search(self.module.source.text):
            return
        for call in self.module.calls_of("keras.models.load_model"):
            end = self._end(call)
            if end is not None:
                self.report(
                    call.node,
                    message=self.message + (self.some if reach is Reach.SOME else ""),
                    severity=Severity.ERROR if reach is Reach.ALL else Severity.WARNING,
                    subject="load_model",
                    end=end,
                    releases=releases_text(self.module.target.bad(">=3")),
                )

    def _end(self, call: CallFact) -> str | None:
        """The end of the path that Keras 3 refuses; None when nothing is wrong."""
        path = call.arguments.value("filepath", 0)
        if call.module is not self.module or call.guarded or call.original.startswith(_KERAS_2):
            return None
        if not isinstance(path, Text) and not string(path):
            return None
        return refused_end(path, _READ)
