"""KC308: a `Lambda` layer whose function uses a layer that the model does not know."""

from __future__ import annotations

from kerascheck.finding import Claim, Severity
from kerascheck.rule import Rule
from kerascheck.semantic.captured import hidden_layers
from kerascheck.semantic.target import Reach
from kerascheck.semantic.values import Obj


class LambdaHidesLayer(Rule):
    code = "KC308"
    severity = Severity.ERROR
    claim = Claim.STATE_LOST
    words = (("Lambda",),)
    message = "the model does not know `{name}`, which this Lambda uses: its weights are neither trained nor saved"
    raising = "this Lambda uses `{name}`, whose weights Keras 2 does not track: the first call raises"

    def check(self) -> None:
        old = self.module.target.which("<3") is Reach.ALL
        for item in hidden_layers(self.module):
            if isinstance(item.value, Obj):
                self.report(
                    item.call.node,
                    message=self.raising if old else self.message,
                    claim=Claim.CALL_RAISES if old else Claim.STATE_LOST,
                    subject=item.node.value,
                    name=item.node.value,
                )
