"""KC505: a last layer without softmax or sigmoid, and a loss that takes its outputs for probabilities."""

from __future__ import annotations

import libcst as cst

from kerascheck.edits import Fix
from kerascheck.finding import Claim, Severity
from kerascheck.patch import insert_argument, keras_name, replace
from kerascheck.rule import RelatedNode, Rule, unsafe_fix
from kerascheck.semantic.compiled import (
    CLASS_LOSSES,
    PROBABILITY_LOSSES,
    Compiled,
    compiled_models,
    is_never_asked,
    layer_node,
    loss_place,
)
from kerascheck.semantic.values import Obj

# run on 2.15 and 3.15.1 with the three losses; softplus and exponential are left out: they are never negative, and
# the categorical loss divides by their sum
_NOT_PROBABILITIES = frozenset("linear relu leaky_relu tanh elu selu softsign swish silu gelu".split())
_CLASSES = {
    "binary_crossentropy": "BinaryCrossentropy",
    "categorical_crossentropy": "CategoricalCrossentropy",
    "sparse_categorical_crossentropy": "SparseCategoricalCrossentropy",
}


class LogitsAsProbabilities(Rule):
    code = "KC505"
    severity = Severity.ERROR
    claim = Claim.METRIC_WRONG
    words = (("compile",), ("entropy", "bce"))
    message = (
        "`{loss}` takes the outputs of this layer for probabilities, and with {activation} they are none:"
        " the loss is wrong and nothing says so"
    )

    def check(self) -> None:
        for item in compiled_models(self.module):
            head = item.head
            if head is None or item.loss not in PROBABILITY_LOSSES or item.from_logits is not False:
                continue
            if head.activation not in _NOT_PROBABILITIES or (head.units == 1 and item.loss in CLASS_LOSSES):
                continue
            if is_never_asked(self.module, item):
                continue  # as the generator of a GAN: nothing asks for its loss
            place = loss_place(self.module, item)
            activation = "no activation" if head.activation == "linear" else f"`{head.activation}`"
            self.report(
                layer_node(self.module, head) or item.loss_node or item.event.node,
                fix=self._fix(item),
                related=[RelatedNode(self.module, place, "the loss")] if place is not None else [],
                loss=item.loss,
                activation=activation,
            )

    def _fix(self, item: Compiled) -> Fix | None:
        # the classes with `from_logits` came with Keras 2.3
        if item.head is None or item.head.activation != "linear" or item.loss is None or self.module.target.bad("<2.3"):
            return None
        title = "let the loss take logits: `from_logits=True`"
        if isinstance(item.loss_node, cst.SimpleString):
            flavour = item.head.layer.original if item.head.layer is not None else ""
            name, imports = keras_name(self.module, f"losses.{_CLASSES[item.loss]}", flavour)
            return unsafe_fix(title, [replace(self.module, item.loss_node, f"{name}(from_logits=True)"), *imports])
        made = item.loss_value
        if not isinstance(made, Obj) or not isinstance(made.call, cst.Call) or not self.module.owns(made.call):
            return None
        if made.arguments.find("from_logits", 0) is not None:
            return None
        return unsafe_fix(title, [insert_argument(self.module, made.call, "from_logits=True")])
