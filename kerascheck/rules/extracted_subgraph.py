"""KC211: a graph is cut out right behind a sub-model with several outputs, and saved."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from kerascheck.finding import Claim, Severity
from kerascheck.rule import RelatedNode, Rule
from kerascheck.semantic.saving import whole_saves
from kerascheck.semantic.storage import loads_of
from kerascheck.semantic.target import Reach, releases_text
from kerascheck.semantic.values import Items, Obj, Tensor, Value


class ExtractedSubgraph(Rule):
    code = "KC211"
    severity = Severity.ERROR
    claim = Claim.LOAD_RAISES
    words = (("model", "functional", "sequential"),)
    around = (("save", "modelcheckpoint"),)
    message = (
        "`load_model` raises or never returns: this graph begins at a later output of a model with {count} ({keras})"
    )

    def check(self) -> None:
        # measured: 3.0.5-3.6.0 and 3.12.4 raise, 3.7.0-3.11.3 and 3.13.0 never return; 2.15 and 3.14.0 on load
        reach = self.module.target.which(">=3.0,<3.14")
        if reach is Reach.NONE:
            return
        for model in self.module.facts.models:
            if model.form != "functional" or model.call is None or not self.module.owns(model.call):
                continue
            count = next(self._cut_behind(model), 0)
            save = next(whole_saves(self.module, model), None) if count else None
            if save is None:
                continue
            bad = self.module.target.bad(">=3.0,<3.14")
            read = [RelatedNode(load.module, load.node, "it is loaded here") for load in loads_of(self.module, save)]
            hangs = not self.module.target.bad("<3.7 or >=3.12,<3.13 or >=3.14")
            self.report(
                model.call,
                severity=Severity.ERROR if reach is Reach.ALL else Severity.WARNING,
                claim=Claim.LOAD_HANGS if hangs else Claim.LOAD_RAISES,
                related=[RelatedNode(save.module, save.node, "it is saved here"), *read[:1]],
                subject=model.short,
                count=f"{count} outputs",
                keras=releases_text(bad),
            )

    def _cut_behind(self, model: Obj) -> Iterator[int]:
        """The number of outputs of each sub-model that gives an input of the graph, where there are several."""
        lasting = self.module.facts.lasting
        inputs = cast("Value | None", lasting.get((model, "#inputs")))
        for tensor in inputs.known() if isinstance(inputs, Items) else (inputs,):
            # measured on 3.3.3, 3.7.0 and 3.12.4: behind the first output, or behind one more layer, all is well
            if not isinstance(tensor, Tensor) or tensor.operation != "getitem" or not isinstance(tensor.index, int):
                continue
            source = tensor.inputs[0]
            if not isinstance(source, Tensor) or not isinstance(source.layer, Obj) or source.layer.kind != "model":
                continue
            outputs = lasting.get((source.layer, "#outputs"))
            count = len(outputs.items) if isinstance(outputs, Items) and outputs.exact else 0
            if count > 1 and tensor.index % count:
                yield count
