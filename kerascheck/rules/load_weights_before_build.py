"""KC101: `load_weights` on a model that has no variables yet."""

from __future__ import annotations

from kerascheck.finding import Claim, Severity
from kerascheck.repairs import call_first
from kerascheck.rule import RelatedNode, Rule
from kerascheck.semantic.building import early_uses
from kerascheck.semantic.target import releases_text


class LoadWeightsBeforeBuild(Rule):
    code = "KC101"
    severity = Severity.ERROR
    claim = Claim.LOAD_RAISES
    depends_on_order = True
    words = (("load_weights",),)
    message = "`{model}` has no variables yet, so `load_weights` raises ({keras})"
    silent = "`{model}` has no variables yet, so `load_weights` loads nothing and says nothing ({keras})"
    mixed = "`{model}` has no variables yet: `load_weights` raises, or on {silent} loads nothing and says nothing"
    partly = "`{model}` is not built yet, so `load_weights` raises ({keras})"
    inner = "`{model}` is not built yet, though its layers are, so `load_weights` raises ({keras})"
    refused = "`{model}` is not built yet: under a file name that Keras 3 takes, `load_weights` raises all the same"

    def check(self) -> None:
        for use in early_uses(self.module):
            if use.kind != "load":
                continue
            target = use.target
            # keras 3.0-3.6: a Model subclass loads nothing; a Sequential raises on every release
            quiet = target.bad(">=3.0,<3.7") if all(model.form == "subclass" for model in use.models) else ()
            message, claim = self.message, Claim.LOAD_RAISES
            if use.refused:
                message, claim = self.refused, Claim.NONE
            elif use.inner:
                message = self.inner
            elif len(quiet) == len(target.releases):
                message, claim = self.silent, Claim.WEIGHTS_NOT_LOADED
            elif quiet:
                message = self.mixed
            elif use.partly:
                message = self.partly
            self.report(
                use.event.site,
                message=message,
                severity=Severity.INFO if use.refused else Severity.ERROR,
                related=[RelatedNode(use.event.module, use.event.node, "the weights are loaded here")]
                if use.elsewhere(self.module)
                else (),
                claim=claim,
                fix=call_first(self.module, use),
                subject=use.models[0].short,
                model=use.receiver,
                keras=target.text,
                silent=releases_text(quiet) if quiet else "",
            )
