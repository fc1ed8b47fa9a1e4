"""KC607: a recurrent layer that is fed by one that gives its last step only."""

from __future__ import annotations

import libcst as cst

from kerascheck.edits import Fix
from kerascheck.finding import Claim, Severity
from kerascheck.patch import insert_argument, replace
from kerascheck.rule import RelatedNode, Rule, unsafe_fix
from kerascheck.semantic.sequences import lost_sequences
from kerascheck.semantic.values import Obj


class SequenceLost(Rule):
    code = "KC607"
    severity = Severity.ERROR
    claim = Claim.CALL_RAISES
    words = (("lstm", "gru", "simplernn"), ("model", "functional", "sequential"))
    message = "this `{before}` gives its last step only, and the `{after}` behind it wants a sequence: building raises"
    related_message = "the layer behind it"

    def check(self) -> None:
        for before, after in lost_sequences(self.module):
            if before.call is None:
                continue
            related = []
            if after.call is not None and after.module is not None:
                related.append(RelatedNode(after.module, after.call, self.related_message))
            self.report(before.call, fix=self._fix(before), related=related, before=before.short, after=after.short)

    def _fix(self, before: Obj) -> Fix | None:
        if not isinstance(before.call, cst.Call) or not self.module.owns(before.call):
            return None
        title = "give the whole sequence: `return_sequences=True`"
        found = before.arguments.find("return_sequences")
        if found is None:
            return unsafe_fix(title, [insert_argument(self.module, before.call, "return_sequences=True")])
        if isinstance(found[0], cst.Name) and found[0].value == "False" and self.module.owns(found[0]):
            return unsafe_fix(title, [replace(self.module, found[0], "True")])
        return None
