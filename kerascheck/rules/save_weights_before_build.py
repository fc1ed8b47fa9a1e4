"""KC104: `save_weights` or `save` on a model that has no variables yet."""

from __future__ import annotations

from kerascheck.finding import Claim, Severity
from kerascheck.repairs import call_first
from kerascheck.rule import RelatedNode, Rule
from kerascheck.semantic.building import early_uses
from kerascheck.semantic.target import releases_text


class SaveWeightsBeforeBuild(Rule):
    code = "KC104"
    severity = Severity.ERROR
    claim = Claim.SAVE_RAISES
    depends_on_order = True
    words = (("save",),)
    message = "`{model}` has no variables yet, so `save_weights` raises ({keras})"
    empty = "`{model}` has no variables yet, so `save_weights` writes an empty file ({keras})"
    mixed = "`{model}` has no variables yet: `save_weights` raises, or on {old} writes an empty file"
    whole = "`{model}` has no variables yet, so `save` writes a file without weights"
    refused = "`{model}` has no variables yet: `save_weights` has none to save under a name that Keras 3 takes either"

    def check(self) -> None:
        for use in early_uses(self.module):
            event = use.event
            if use.kind != "save":
                continue
            target = use.target
            old = target.bad("<3.7")
            claim = Claim.STATE_LOST
            if use.refused:
                message, claim = self.refused, Claim.NONE
            elif event.name == "save":
                message = self.whole
            elif not old:
                message, claim = self.message, Claim.SAVE_RAISES
            else:
                message = self.empty if len(old) == len(target.releases) else self.mixed
            severity = Severity.WARNING if event.name == "save" else Severity.ERROR
            self.report(
                event.site,
                message=message,
                related=[RelatedNode(event.module, event.node, "the weights are saved here")]
                if use.elsewhere(self.module)
                else (),
                severity=Severity.INFO if use.refused else severity,
                claim=claim,
                fix=call_first(self.module, use),
                subject=use.models[0].short,
                model=use.receiver,
                keras=target.text,
                old=releases_text(old) if old else "",
            )
