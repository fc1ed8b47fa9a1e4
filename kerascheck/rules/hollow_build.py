"""KC102: an explicit `build(shape)` that creates no variables, and then `load_weights`."""

from __future__ import annotations

from kerascheck.finding import Claim, Severity
from kerascheck.repairs import complete_build
from kerascheck.rule import RelatedNode, Rule
from kerascheck.semantic.building import early_uses


class HollowBuild(Rule):
    code = "KC102"
    severity = Severity.ERROR
    claim = Claim.WEIGHTS_NOT_LOADED
    message = "`build` creates not all variables of `{owner}`, so `load_weights` leaves them random and says nothing"

    def check(self) -> None:
        for use in early_uses(self.module):
            if use.kind == "hollow" and use.build is not None:
                owner = use.models[0].short
                classes = {model.cls for model in use.models if model.cls is not None}
                self.report(
                    use.build.site,
                    related=[RelatedNode(use.event.module, use.event.node, "the weights are loaded here")],
                    fix=complete_build(self.module, classes.pop()) if len(classes) == 1 else None,
                    subject=owner,
                    owner=owner,
                )
