"""KC502: "accuracy" on a one-unit output that holds logits."""

from __future__ import annotations

from kerascheck.edits import Fix
from kerascheck.finding import Claim, Severity
from kerascheck.patch import keras_name, replace
from kerascheck.rule import RelatedNode, Rule, unsafe_fix
from kerascheck.semantic.metrics import AccuracyString, accuracy_strings


class AccuracyOnLogits(Rule):
    code = "KC502"
    severity = Severity.ERROR
    claim = Claim.METRIC_WRONG
    words = (("compile",), ("acc",), ("entropy", "bce"))
    message = '"{name}" compares logits with 0.5, where 0 is the border: the accuracy shown is wrong'

    def check(self) -> None:
        for item in accuracy_strings(self.module, elsewhere=True):
            if item.counts_logits:
                self.report(
                    item.node,
                    fix=self._fix(item),
                    related=[RelatedNode(item.home, node, "the model is compiled here") for node in item.sites],
                    subject=item.name,
                    name=item.name,
                )

    def _fix(self, item: AccuracyString) -> Fix | None:
        # keras 3.0.5-3.4.1 refuse a threshold of 0.0 (measured)
        if item.literal is None or item.head is None or item.head.units != 1 or self.module.target.bad(">=3.0,<3.5"):
            return None
        flavour = item.head.layer.original if item.head.layer is not None else ""
        name, imports = keras_name(self.module, "metrics.BinaryAccuracy", flavour)
        text = f'{name}(threshold=0.0, name="{item.name}")'
        return unsafe_fix(
            "compare with 0: `BinaryAccuracy(threshold=0.0)`", [replace(self.module, item.literal, text), *imports]
        )
