"""KC506: a last layer with softmax or sigmoid, and a loss that takes its outputs for logits."""

from __future__ import annotations

import libcst as cst

from kerascheck.edits import Fix
from kerascheck.finding import Claim, Severity
from kerascheck.patch import replace
from kerascheck.rule import Rule, unsafe_fix
from kerascheck.semantic.compiled import CLASS_LOSSES, Compiled, backend_of, compiled_models
from kerascheck.semantic.values import Obj

# the activations that make probabilities for each of the losses
_WANTED = {**dict.fromkeys(CLASS_LOSSES, "softmax"), "binary_crossentropy": "sigmoid"}


class ProbabilitiesAsLogits(Rule):
    code = "KC506"
    severity = Severity.ERROR
    claim = Claim.METRIC_WRONG
    words = (("compile",), ("entropy", "bce"))
    message = (
        "`from_logits=True`, and the model ends in a {activation}: on the {backend} backend it is applied twice,"
        " and the loss is wrong"
    )
    corrected = (
        "`from_logits=True`, and the model ends in a {activation}: TensorFlow takes the activation back,"
        " jax and torch apply it twice"
    )

    def check(self) -> None:
        backend = backend_of(self.module)
        wrong = backend in {"jax", "torch"}
        for item in compiled_models(self.module):
            head = item.head
            if head is None or item.loss is None or item.from_logits is not True:
                continue
            if head.activation is None or head.activation != _WANTED.get(item.loss):
                continue
            made = item.loss_value
            flag = made.arguments.find("from_logits", 0) if isinstance(made, Obj) else None
            node = made.call if isinstance(made, Obj) and made.call is not None else None
            if node is None or not self.module.owns(node):
                node = item.loss_node or item.event.node
            self.report(
                node,
                message=self.message if wrong else self.corrected,
                severity=Severity.ERROR if wrong else Severity.INFO,
                fix=self._fix(item, flag[0] if flag else None),
                activation=head.activation,
                backend=backend,
            )

    def _fix(self, item: Compiled, flag: cst.BaseExpression | None) -> Fix | None:
        if not isinstance(flag, cst.Name) or flag.value != "True" or not self.module.owns(flag):
            return None
        return unsafe_fix("let the loss take probabilities: `from_logits=False`", [replace(self.module, flag, "False")])
