"""KC102: an explicit `build(shape)` that creates no variables, and then `load_weights`."""

from __future__ import annotations

from kerascheck.finding import Claim, Severity
from kerascheck.repairs import complete_build
from kerascheck.rule import RelatedNode, Rule
from kerascheck.semantic.building import early_uses
from kerascheck.semantic.values import suffix_of

_COUNTED = (".h5", ".hdf5")


class HollowBuild(Rule):
    code = "KC102"
    severity = Severity.ERROR
    claim = Claim.WEIGHTS_NOT_LOADED
    words = (("load_weights",), ("build",))
    message = "`build` creates not all variables of `{owner}`, so `load_weights` leaves them random and says nothing"
    raising = "`build` creates not all variables of `{owner}`, so `load_weights` of a `{end}` file raises"

    def check(self) -> None:
        for use in early_uses(self.module):
            if use.kind == "hollow" and use.build is not None:
                owner = use.models[0].short
                classes = {model.cls for model in use.models if model.cls is not None}
                path = suffix_of(use.event.arguments.value("filepath", 0))
                # `super().build(...)` in another method passes by a `build` of the class
                by_super = use.build.module.code(use.build.node.func).startswith("super(")
                # measured: the reader of whole-model files of Keras 2 counts the layers
                end = next((end for end in _COUNTED if path is not None and path[0].endswith(end)), "")
                raises = bool(end) and path is not None and not path[0].endswith(".weights.h5")
                self.report(
                    use.build.site,
                    message=self.raising if raises else self.message,
                    claim=Claim.LOAD_RAISES if raises else self.claim,
                    end=end,
                    related=[RelatedNode(use.event.module, use.event.node, "the weights are loaded here")],
                    fix=complete_build(self.module, classes.pop()) if len(classes) == 1 and not by_super else None,
                    subject=owner,
                    owner=owner,
                )
