"""KC207: a lookup layer in a model that is saved as `.h5`, where its table is not kept."""

from __future__ import annotations

from kerascheck.edits import Fix
from kerascheck.finding import Claim, Severity
from kerascheck.renames import rename_end
from kerascheck.rule import RelatedNode, Rule, unsafe_fix
from kerascheck.semantic.endings import EXTENSION
from kerascheck.semantic.layer_graph import layers_inside
from kerascheck.semantic.storage import Save, loads_of, saves
from kerascheck.semantic.target import Reach, releases_text
from kerascheck.semantic.values import Const, Obj

# the place of `vocabulary` (from 0); measured: a table that the constructor is given is in the configuration
_LOOKUPS = {"StringLookup": 4, "IntegerLookup": 4, "TextVectorization": 7}


class H5LosesLookup(Rule):
    code = "KC207"
    severity = Severity.ERROR
    claim = Claim.CALL_RAISES
    words = (("save", "modelcheckpoint"), ("stringlookup", "integerlookup", "textvectorization"))
    message = (
        "the table of `{layer}` is not in an `.h5` file: the loaded model raises `Table not initialized`{releases}"
    )
    refused = "`save` raises: Keras 2 writes no `{layer}` into an `.h5` file{releases}"

    def check(self) -> None:
        for save in saves(self.module):
            if save.format != ".h5" or save.module is not self.module:
                continue
            for model in save.models:
                found = [layer for layer in layers_inside(self.module.facts, model) if _is_lookup(layer)]
                if found:
                    self._report(save, found[0])
                    break

    def _report(self, save: Save, layer: Obj) -> None:
        # measured: 2.15 raises when it saves, 3.0.5-3.15.1 when the loaded model is called
        reach = self.module.target.which(">=3")
        some = f" ({releases_text(self.module.target.bad('>=3'))})" if reach is Reach.SOME else ""
        related = []
        if layer.call is not None and layer.module is not None:
            related.append(RelatedNode(layer.module, layer.call, "the layer is made here"))
        self.report(
            save.node,
            message=self.refused if reach is Reach.NONE else self.message,
            claim=Claim.SAVE_RAISES if reach is Reach.NONE else Claim.CALL_RAISES,
            fix=self._fix(save),
            related=related,
            subject=layer.short,
            layer=layer.short,
            releases=some,
        )

    def _fix(self, save: Save) -> Fix | None:
        event = next((item for item in self.module.events_of("save") if item.node is save.node), None)
        found = save.arguments.find("filepath", 0)
        if event is None or found is None:
            return None
        edits = list(rename_end(event, found[0], EXTENSION, ".keras", frozenset({"load_model", "save"})))
        if not edits:
            return None
        for load in loads_of(self.module, save):
            path = load.call.arguments.find("filepath", 0)
            if path is None or load.module is not self.module:
                return None
            edits += rename_end(load.call, path[0], EXTENSION, ".keras", frozenset({"load_model", "save"}))
        return unsafe_fix("name the file `.keras`, where it is saved and where it is loaded", dict.fromkeys(edits))


def _is_lookup(layer: Obj) -> bool:
    """Whether a layer gets its table from `adapt` or later, not from its constructor."""
    if layer.cls is not None or layer.short not in _LOOKUPS:
        return False
    place = _LOOKUPS[layer.short]
    found = layer.arguments.find("vocabulary", place)
    if found is None:
        return layer.arguments.lacks("vocabulary", place)
    return isinstance(found[1], Const) and found[1].value is None
