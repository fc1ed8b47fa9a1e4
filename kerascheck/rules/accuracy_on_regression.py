"""KC503: "accuracy" asked of a model that gives quantities."""

from __future__ import annotations

import re

import libcst as cst

from kerascheck.edits import Fix
from kerascheck.finding import Claim, Severity
from kerascheck.patch import replace
from kerascheck.rule import RelatedNode, Rule, unsafe_fix
from kerascheck.semantic.quantities import CountedQuantities, counted_quantities

_READ = re.compile(r"""["'](?:val_)?acc(?:uracy)?["']""")


class AccuracyOnRegression(Rule):
    code = "KC503"
    severity = Severity.WARNING
    claim = Claim.METRIC_WRONG
    words = (("compile",), ("acc",))
    message = '"{name}" beside `{loss}` counts outputs that equal the label: for quantities it says nothing'
    placeholder = '"{name}" compares the loss, which is what this model gives, with the labels: it says nothing'
    # run on 2.15, 3.3.3 and 3.15.1
    columns = (
        '"{name}" beside `{loss}` counts rows with the largest output in the place of the largest label, not errors'
    )
    aligned = (
        '"{name}" compares step by step, and {loss} aligns the steps with a shorter text: it says nothing, or raises'
    )

    def check(self) -> None:
        for item in counted_quantities(self.module):
            self.report(
                item.accuracy.node,
                message=self._message(item),
                fix=self._fix(item),
                related=[
                    RelatedNode(item.accuracy.home, node, "the model is compiled here") for node in item.accuracy.sites
                ],
                name=item.accuracy.name,
                loss=item.loss,
            )

    def _message(self, item: CountedQuantities) -> str:
        if item.placeholder:
            return self.placeholder
        if item.aligned:
            return self.aligned
        return self.columns if item.columns else self.message

    def _fix(self, item: CountedQuantities) -> Fix | None:
        literal = item.accuracy.literal
        if item.placeholder or item.aligned or not isinstance(literal, cst.SimpleString):
            return None
        if len(_READ.findall(self.module.source.text)) > 1:  # the history is read under this name
            return None
        return unsafe_fix(
            "measure the mean absolute error", [replace(self.module, literal, f"{literal.quote}mae{literal.quote}")]
        )
