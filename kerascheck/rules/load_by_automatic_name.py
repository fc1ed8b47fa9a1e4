"""KC110: `load_weights(by_name=True)` where the names of the layers are those that Keras counts."""

from __future__ import annotations

from kerascheck.finding import Claim, Severity
from kerascheck.rule import Rule
from kerascheck.semantic.events import Event
from kerascheck.semantic.layer_graph import layers_inside
from kerascheck.semantic.receivers import is_model
from kerascheck.semantic.storage import writes_itself, written_in_another_run
from kerascheck.semantic.target import Reach, releases_text
from kerascheck.semantic.training import models_of
from kerascheck.semantic.values import Obj, boolean, suffix_of

_LEGACY = (".h5", ".hdf5")


class LoadByAutomaticName(Rule):
    code = "KC110"
    severity = Severity.WARNING
    claim = Claim.WEIGHTS_NOT_LOADED
    words = (("load_weights",),)
    message = (
        "`{layer}` has no name of its own: with `by_name=True` it stays random if its number is not that of the file"
    )
    refused = "`load_weights` raises: Keras 3 loads by name only from `.h5` files, not from `{end}`{releases}"
    raises = "`load_weights` with `by_name=True` raises `Weight count mismatch for top-level weights` ({releases})"

    def check(self) -> None:
        for event in self.module.events_of("load_weights"):
            given = event.arguments.value("by_name", 1)
            if event.module is self.module and boolean(given) is True and is_model(self.module, event):
                self._check(event)

    def _check(self, event: Event) -> None:
        known = suffix_of(event.arguments.value("filepath", 0))
        if known is not None and known[0].endswith((".weights.h5", ".keras")):
            # measured: raises on 3.0.5-3.15.1, 2.15 loads
            end = ".keras" if known[0].endswith(".keras") else ".weights.h5"
            self._raises(event, ">=3", self.refused, end)
            return
        if known is not None and not known[0].endswith(_LEGACY):
            return  # KC201 says that Keras 3 does not read it
        # measured: whatever the names are, 3.0.5 and 3.7.0 raise; 3.8.0 on loads
        if known is not None and self._raises(event, ">=3.0,<3.8", self.raises):
            return
        layer = self._unnamed(event)
        if layer is not None:
            self.report(event.node, subject=layer.short, layer=layer.short)

    def _raises(self, event: Event, specifier: str, message: str, end: str = "") -> bool:
        reach = self.module.target.which(specifier)
        if reach is Reach.NONE:
            return False
        bad = releases_text(self.module.target.bad(specifier))
        in_brackets = "" if reach is Reach.ALL else f" ({bad})"
        self.report(
            event.node,
            message=message,
            severity=Severity.ERROR if reach is Reach.ALL else Severity.WARNING,
            claim=Claim.LOAD_RAISES,
            subject="load_weights",
            end=end,
            releases=in_brackets if end else bad,
        )
        return True

    def _unnamed(self, event: Event) -> Obj | None:
        """The first layer with weights that is given no name; None when there is none, or one may have any name."""
        models = models_of(event)
        if len(models) != 1 or models[0].cls is not None or models[0].form not in {"sequential", "functional"}:
            return None
        # measured: its names are those of the file, and of the next run of the same program
        if writes_itself(self.module, models[0], event) or written_in_another_run(self.module, models[0], event):
            return None
        for layer in layers_inside(self.module.facts, models[0]):
            weighted = layer.kind == "layer" and self.module.facts.weighted(layer) is True
            if weighted and layer.arguments.lacks("name"):
                return layer
        return None
