"""KC507: a softmax over one unit, which is always 1."""

from __future__ import annotations

import libcst as cst

from kerascheck.edits import Fix
from kerascheck.finding import Claim, Severity
from kerascheck.patch import replace
from kerascheck.rule import Rule, unsafe_fix
from kerascheck.semantic.compiled import compiled_models, layer_node
from kerascheck.semantic.graph import activation_name
from kerascheck.semantic.values import number

_LAYERS = {
    "keras.layers.Dense": (("units", "output_dim"), 1),
    "keras.layers.Conv1D": (("filters", "nb_filter"), None),
    "keras.layers.Conv2D": (("filters", "nb_filter"), None),
    "keras.layers.Conv3D": (("filters", "nb_filter"), None),
}


class OneUnitSoftmax(Rule):
    code = "KC507"
    severity = Severity.ERROR
    claim = Claim.CONSTANT_OUTPUT
    words = (("softmax",),)
    message = "softmax over one unit is 1.0 whatever the input: this layer always answers the same"

    def check(self) -> None:
        for call in self.module.calls_of(*_LAYERS):
            sizes, place = _LAYERS[call.name]
            units = [number(call.arguments.value(name, 0)) for name in sizes]
            activation = call.arguments.find("activation", place)
            # channels first: the softmax runs over the last axis, which is not the channels
            if 1 not in units or activation is None or not call.arguments.lacks("data_format"):
                continue
            if activation_name(activation[1]) == "softmax":
                self.report(call.node, fix=self._fix(activation[0]))
        for item in compiled_models(self.module):  # the softmax may be a layer of its own
            node = layer_node(self.module, item.head)
            if node is None or item.head is None or item.head.units != 1 or item.head.activation != "softmax":
                continue
            if all(earlier.node is not node for earlier in self.reports):
                self.report(node)

    def _fix(self, activation: cst.BaseExpression) -> Fix | None:
        if not isinstance(activation, cst.SimpleString) or not self.module.owns(activation):
            return None
        quote = activation.quote
        return unsafe_fix("use a sigmoid", [replace(self.module, activation, f"{quote}sigmoid{quote}")])
