"""KC101: `load_weights` on a model that has no variables yet."""

from __future__ import annotations

import libcst as cst

from kerascheck.edits import Fix
from kerascheck.finding import Claim, Severity
from kerascheck.patch import insert_before, keras_name
from kerascheck.rule import RelatedNode, Rule, unsafe_fix
from kerascheck.semantic.building import EarlyUse, early_uses, input_shape
from kerascheck.semantic.target import releases_text


class LoadWeightsBeforeBuild(Rule):
    code = "KC101"
    severity = Severity.ERROR
    claim = Claim.LOAD_RAISES
    message = "`{model}` has no variables yet, so `load_weights` raises ({keras})"
    silent = "`{model}` has no variables yet, so `load_weights` loads nothing and says nothing ({keras})"
    mixed = "`{model}` has no variables yet: `load_weights` raises, or on {silent} loads nothing and says nothing"

    def check(self) -> None:
        target = self.module.target
        for use in early_uses(self.module):
            if use.kind != "load":
                continue
            # keras 3.0-3.6: a Model subclass loads nothing; a Sequential raises on every release
            quiet = target.bad(">=3.0,<3.7") if all(model.form == "subclass" for model in use.models) else ()
            message, claim = self.message, Claim.LOAD_RAISES
            if len(quiet) == len(target.releases):
                message, claim = self.silent, Claim.WEIGHTS_NOT_LOADED
            elif quiet:
                message = self.mixed
            self.report(
                use.event.site,
                message=message,
                related=[RelatedNode(use.event.module, use.event.node, "the weights are loaded here")]
                if use.elsewhere(self.module)
                else (),
                claim=claim,
                fix=None if use.elsewhere(self.module) else self._fix(use),
                subject=use.models[0].short,
                model=use.receiver,
                keras=target.text,
                silent=releases_text(quiet) if quiet else "",
            )

    def _fix(self, use: EarlyUse) -> Fix | None:
        event = use.event
        shape = input_shape(self.module, use.models[0]) if len(use.models) == 1 else None
        if shape is None or event.statement is None or not isinstance(event.receiver_node, (cst.Name, cst.Attribute)):
            return None
        model = self.module.code(event.receiver_node)
        flavour = use.models[0].original or _flavour(use)
        name, imports = keras_name(self.module, "Input", flavour)
        edit = insert_before(self.module, event.statement, f"{model}({name}(shape={shape}))")
        return unsafe_fix(f"call `{model}` on an input of shape {shape} first", [edit, *imports]) if edit else None


def _flavour(use: EarlyUse) -> str:
    from kerascheck.semantic.values import Ref

    owner = use.models[0].cls
    for base in owner.bases if owner is not None else ():
        if isinstance(base, Ref):
            return base.original
    return ""
