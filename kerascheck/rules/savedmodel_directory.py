"""KC205: `load_model` of a SavedModel folder, or of any file that Keras 3 does not read."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from kerascheck.edits import Edit, Fix
from kerascheck.finding import Claim, Severity
from kerascheck.patch import insert_after
from kerascheck.renames import rename_end
from kerascheck.rule import Rule, unsafe_fix
from kerascheck.semantic.endings import EXTENSION, refused_end
from kerascheck.semantic.events import CallFact, Event
from kerascheck.semantic.receivers import is_model
from kerascheck.semantic.storage import WRITING, circle
from kerascheck.semantic.target import Reach, releases_text
from kerascheck.semantic.values import Text, string
from kerascheck.semantic.walk import walk

# measured on 3.0.5-3.15.1, whatever is in the file; folders that Keras 3 reads are those of `zipped=False` and of Orbax
_READ = (".keras", ".h5", ".hdf5")
_FOLDERS = re.compile(r"zipped\s*=\s*False|[Oo]rbax|hf://")
_FOLLOWING = frozenset({"load_model", "save_model", "save", "export"})
_KERAS_2 = ("tf_keras", "tensorflow.python.keras")


class SavedmodelDirectory(Rule):
    code = "KC205"
    severity = Severity.ERROR
    claim = Claim.LOAD_RAISES
    words = (("load_model",),)
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
                    fix=self._fix(call),
                    subject="load_model",
                    end=end,
                    releases=releases_text(self.module.target.bad(">=3")),
                )

    def _end(self, call: CallFact) -> str | None:
        """The end of the path that Keras 3 refuses, a folder's as it is written; None when nothing is wrong."""
        found = call.arguments.find("filepath", 0)
        node, path = found if found is not None else (None, None)
        if call.module is not self.module or call.guarded or call.original.startswith(_KERAS_2):
            return None
        if not isinstance(path, Text) and not string(path):
            return None
        end = refused_end(path, _READ)
        if node is None or end not in {"/", "\\"}:
            return end
        return string(path) or " ".join(self.module.code(node).split())

    def _fix(self, call: CallFact) -> Fix | None:
        """Read a `.keras` file, where the project writes the model under this name, or exports it here."""
        found = call.arguments.find("filepath", 0)
        path = string(found[1]) if found is not None else None
        if found is None or path is None:
            return None
        edits = list(rename_end(call, found[0], EXTENSION, ".keras", _FOLLOWING))
        writers = list(self._writers(path))
        for writer in writers:
            written = writer.arguments.find("filepath", 0)
            if writer.module is self.module and written is not None:
                edits += rename_end(writer, written[0], EXTENSION, ".keras", _FOLLOWING)
        title = "name the file `.keras`, where it is saved and where it is loaded"
        if not writers and edits:
            exported = self._saved_beside(found[0], path)
            title, edits = (
                "save the model as a `.keras` file, too, and load that",
                [*edits, *exported] if exported else [],
            )
        return unsafe_fix(title, dict.fromkeys(edits)) if edits else None

    def _writers(self, path: str) -> Iterator[Event]:
        """The saves of whole models around this file that write under exactly this name."""
        for module in circle(self.module, WRITING):
            for event in module.events_of("save"):
                plain = event.module is module and event.arguments.lacks("save_format")
                same = plain and string(event.arguments.value("filepath", 0)) == path
                if same and is_model(module, event, by_name=False):
                    yield event

    def _saved_beside(self, node: cst.BaseExpression, path: str) -> list[Edit]:
        """A `save` behind the only statement that exports a model to this folder."""
        if not isinstance(node, cst.SimpleString) or "export(" not in self.module.source.text:
            return []
        name = self.module.code(node)
        lines = []
        for statement in walk(self.module.tree):
            if not isinstance(statement, cst.SimpleStatementLine) or len(statement.body) != 1:
                continue
            small = statement.body[0]
            call = small.value if isinstance(small, cst.Expr) else None
            if not isinstance(call, cst.Call) or not isinstance(call.func, cst.Attribute) or not call.args:
                continue
            given = call.args[0].value
            if call.func.attr.value == "export" and isinstance(given, cst.SimpleString) and given.raw_value == path:
                file = name.replace(path, f"{path.rstrip('/')}.keras") if path in name else ""
                lines.append(insert_after(self.module, statement, f"{self.module.code(call.func.value)}.save({file})"))
        return [lines[0]] if len(lines) == 1 and lines[0] is not None and not EXTENSION.search(path) else []
