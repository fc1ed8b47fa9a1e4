"""KC509: "accuracy" on several sigmoid units: Keras compares only the largest."""

from __future__ import annotations

import re

from kerascheck.edits import Fix
from kerascheck.finding import Claim, Severity
from kerascheck.patch import keras_name, replace
from kerascheck.rule import RelatedNode, Rule, unsafe_fix
from kerascheck.semantic.first_keras import is_for_keras_1
from kerascheck.semantic.metrics import (
    AccuracyString,
    accuracy_strings,
    rebuilds_its_input,
    takes_one_hot,
    takes_several_labels,
)

_UP_TO_2_3 = re.compile(r"^[ \t]*from[ \t]+keras\.engine(?:\.topology)?[ \t]+import\b", re.MULTILINE)


class AccuracyOnMultiLabel(Rule):
    code = "KC509"
    severity = Severity.ERROR
    claim = Claim.METRIC_WRONG
    words = (("compile",), ("acc",), ("entropy", "bce"))
    message = '"{name}" compares only the largest of {units} sigmoid outputs: for several labels a sample it is wrong'

    def check(self) -> None:
        # read in keras 1.2.2, 2.0.9 and 2.3.1: there the string means BinaryAccuracy beside binary_crossentropy
        if not self.module.target.bad(">=2.4") or _UP_TO_2_3.search(self.module.source.text):
            return
        if is_for_keras_1(self.module):
            return
        for item in accuracy_strings(self.module, elsewhere=True):
            head = item.head
            if head is None or not item.counts_the_largest or takes_one_hot(item.home, item.event, item):
                continue
            # two units may be the two classes of one-hot labels, where the arg-maximum is right
            if head.units == 2 and not takes_several_labels(item.home, item.event, item):
                continue
            self.report(
                item.node,
                # an autoencoder has no labels: the number means little, whichever accuracy it is
                severity=Severity.INFO if rebuilds_its_input(item.home, item.event) else Severity.ERROR,
                fix=self._fix(item, head.activation == "linear"),
                related=[RelatedNode(item.home, node, "the model is compiled here") for node in item.sites],
                subject=item.name,
                name=item.name,
                units=head.units,
            )

    def _fix(self, item: AccuracyString, logits: bool) -> Fix | None:
        if item.literal is None or item.head is None or (logits and self.module.target.bad(">=3.0,<3.5")):
            return None
        flavour = item.head.layer.original if item.head.layer is not None else ""
        name, imports = keras_name(self.module, "metrics.BinaryAccuracy", flavour)
        threshold = "threshold=0.0, " if logits else ""
        text = f'{name}({threshold}name="{item.name}")'
        return unsafe_fix("count every label: `BinaryAccuracy`", [replace(self.module, item.literal, text), *imports])
