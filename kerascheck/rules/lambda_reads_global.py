"""KC309: a `Lambda` layer whose function reads a global, which is not there where the model is loaded."""

from __future__ import annotations

import libcst as cst

from kerascheck.finding import Claim, Severity
from kerascheck.rule import RelatedNode, Rule
from kerascheck.semantic.captured import Captured, captured_names
from kerascheck.semantic.storage import Save, loads_of, reached, read_as_weights
from kerascheck.semantic.values import boolean


class LambdaReadsGlobal(Rule):
    code = "KC309"
    severity = Severity.ERROR
    claim = Claim.LOAD_RAISES
    words = (("Lambda",),)
    around = (("save", "modelcheckpoint"),)
    message = "the file has the code of this Lambda and not `{name}`: the loaded model raises when it is called"

    def check(self) -> None:
        names = [item for item in captured_names(self.module) if item.is_global]
        if not names or self.module.is_test:
            return
        groups: dict[cst.Call, list[Captured]] = {}
        for item in names:
            if isinstance(item.function.node, cst.Lambda):  # a registered function is found by its name
                groups.setdefault(item.call.node, []).append(item)
        for call, items in groups.items():
            for found in reached(self.module):
                if found.made is not None and found.made.call is call and self._is_read(found.save):
                    first = items[0].node
                    others = [RelatedNode(self.module, item.node, "it reads this one, too") for item in items[1:]]
                    self.report(
                        first,
                        related=[RelatedNode(found.save.module, found.save.node, "saved here"), *others],
                        subject=first.value,
                        name="`, `".join(item.node.value for item in items),
                    )
                    break

    def _is_read(self, save: Save) -> bool:
        if save.format == "json" or save.temporary or read_as_weights(self.module, save):
            return False
        loads = loads_of(self.module, save)
        if any(load.module.path == self.module.path for load in loads) and self.module.target.bad("<3"):
            return False  # run on 3.6.0 and 3.15.1: Keras 3 does not look in the module that the lambda is from
        return not loads or any(boolean(load.call.arguments.value("safe_mode")) is False for load in loads)
