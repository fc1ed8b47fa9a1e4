"""KC210: Keras 3.0-3.5 leaves a `Normalization` as it was made when its statistics come from an `.h5` file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from kerascheck.finding import Claim, Severity
from kerascheck.rule import RelatedNode, Rule
from kerascheck.semantic.events import CallFact, Event
from kerascheck.semantic.layer_graph import layers_inside
from kerascheck.semantic.saving import whole_saves
from kerascheck.semantic.storage import READING, WRITING, circle, saves_holding
from kerascheck.semantic.target import releases_text
from kerascheck.semantic.values import Const, Obj, Text, Value, options, string, suffix_of

if TYPE_CHECKING:
    from kerascheck.semantic.module import Module

# measured on B0; read in keras 3.5.0 applications/: only EfficientNet B0-B7 have a Normalization without statistics
_NEW_FILE = re.compile(r"\.keras[\"']|\.weights\.h5")
_BACKBONE = re.compile(r"keras\.applications\.EfficientNetB[0-7]")


class UnnormalisedBackbone(Rule):
    code = "KC210"
    severity = Severity.ERROR
    claim = Claim.OUTPUTS_DIFFER
    words = (("efficientnetb", " normalization "),)
    message = "`{name}` does not normalise its input until it is saved and loaded, then its outputs change ({keras})"
    kept = (
        "`{name}` does not normalise its input, and its `.h5` file keeps it so: its outputs change when Keras 3.6 or "
        "later loads it ({keras})"
    )
    adapted = "after this `.h5` file is loaded, the adapted `Normalization` no longer normalises ({keras})"
    loading = "the `Normalization` of this model ignores the statistics in an `.h5` file ({keras})"

    def check(self) -> None:
        # measured: 3.0.5-3.5.0 do not run Normalization.finalize_state() for weights from `.h5`; 2.15 and 3.6.0 do
        bad = self.module.target.bad(">=3.0,<3.6")
        if not bad:
            return
        severity = Severity.ERROR if len(bad) == len(self.module.target.releases) else Severity.WARNING
        for call in self.module.calls:
            if not _BACKBONE.fullmatch(call.name) or not _loads_statistics(call):
                continue
            if call.module is self.module or self._gives_the_file(call):
                name = call.name.rpartition(".")[2]
                here = [RelatedNode(call.module, call.node, "the backbone is made here")]
                kept = self._is_kept_by_files(call)
                self.report(
                    call.site,
                    message=self.kept if kept else self.message,
                    severity=Severity.INFO if kept else severity,
                    claim=Claim.NONE if kept else self.claim,
                    related=here if call.site is not call.node else (),
                    name=name,
                    subject=name,
                    keras=releases_text(bad),
                )
        for event in self.module.events_of("load_weights"):
            if event.module is self.module and _is_legacy_file(event):
                for model in options(event.receiver):
                    if _is_empty_backbone(model) or next(self._normalizations(model), None) is not None:
                        self.report(event.node, message=self.loading, severity=severity, keras=releases_text(bad))
        for event in self.module.events_of("adapt"):
            for layer in options(event.receiver):
                if isinstance(layer, Obj) and layer.short == "Normalization" and layer.cls is None:
                    self._check_saves(layer, event, severity, releases_text(bad))

    def _is_kept_by_files(self, call: CallFact) -> bool:
        """Whether the model is written to legacy `.h5` files only: read again, it is as it was.

        Run on 3.3.3, 3.4.1 and 3.5.0: such a round trip changes nothing; `.keras` and `.weights.h5` do. A file of
        3.5.0 has other outputs on 3.6.0 and 3.15.1.
        """
        formats = {save.format for save in saves_holding(self.module, call.node)}
        if ".h5" not in formats or not formats <= {".h5", "", "json"}:
            return False
        around = circle(self.module, (*WRITING, *READING, "save_weights", "load_weights"))
        return not any(_NEW_FILE.search(other.source.text) for other in around)

    def _gives_the_file(self, call: CallFact) -> bool:
        """Whether the weights of a backbone that another file makes are named here, not in a file that this reads."""
        others = (other for module in self.module.read() if module is not self.module for other in module.calls)
        return not any(other.node is call.node and _loads_statistics(other) for other in others)

    def _normalizations(self, model: Value | None, program: Module | None = None) -> Iterator[Obj]:
        """The Normalization layers inside a model, of this module or another program, whose statistics are data's."""
        facts = (program or self.module).facts
        for layer in layers_inside(facts, model) if isinstance(model, Obj) else ():
            own = layer.kind == "layer" and layer.cls is None and layer.short == "Normalization"
            if own and layer.arguments.lacks("mean", 1) and layer.arguments.lacks("variance", 2):
                yield layer

    def _check_saves(self, layer: Obj, adapt: Event, severity: Severity, keras: str) -> None:
        for model in {item: None for event in self.module.events_of("save") for item in options(event.receiver)}:
            # a method that is followed by itself has an object of its own, with layers that the same calls make
            if not isinstance(model, Obj) or all(item.call is not layer.call for item in self._normalizations(model)):
                continue
            for save in whole_saves(self.module, model):
                held = (item for saved in save.models for item in self._normalizations(saved, save.reader))
                if save.format == ".h5" and any(item.call is layer.call for item in held):
                    here = RelatedNode(adapt.module, adapt.node, "it is adapted here")
                    self.report(save.node, message=self.adapted, severity=severity, related=[here], keras=keras)


def _loads_statistics(call: CallFact) -> bool:
    """Whether the weights are surely read from a legacy `.h5` file: the ones of ImageNet, or such a file by name."""
    weights = call.arguments.find("weights", 1)
    if weights is None:
        return call.arguments.lacks("weights", 1)
    if isinstance(weights[1], Const) and weights[1].value is None:
        return False
    path = string(weights[1])
    return path == "imagenet" or (isinstance(weights[1], (Const, Text)) and _is_legacy(suffix_of(weights[1])))


def _is_empty_backbone(model: Value | None) -> bool:
    """Whether a model is a backbone made without weights: with them its own line says it.

    Run on 3.3.3 and 3.5.0: `load_weights` of a legacy `.h5` file does the same as naming the file in `weights`.
    """
    if not isinstance(model, Obj) or not _BACKBONE.fullmatch(model.ref):
        return False
    weights = model.arguments.value("weights", 1)
    return isinstance(weights, Const) and weights.value is None


def _is_legacy_file(event: Event) -> bool:
    return _is_legacy(suffix_of(event.arguments.value("filepath", 0)))


def _is_legacy(end: tuple[str, bool] | None) -> bool:
    return end is not None and end[0].endswith((".h5", ".hdf5")) and not end[0].endswith(".weights.h5")
