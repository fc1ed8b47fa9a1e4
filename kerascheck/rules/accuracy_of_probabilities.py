"""KC504: `keras.metrics.Accuracy`, which wants equal values, on outputs that are probabilities."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from kerascheck.edits import Fix
from kerascheck.finding import Claim, Severity
from kerascheck.patch import keras_name, replace
from kerascheck.rule import Rule, unsafe_fix
from kerascheck.semantic.compiled import Compiled, compiled_models
from kerascheck.semantic.values import Items, Mapping, Obj, Value

_METRICS = {
    "binary_crossentropy": "BinaryAccuracy",
    "categorical_crossentropy": "CategoricalAccuracy",
    "sparse_categorical_crossentropy": "SparseCategoricalAccuracy",
}


class AccuracyOfProbabilities(Rule):
    code = "KC504"
    severity = Severity.ERROR
    claim = Claim.METRIC_WRONG
    words = (("compile",), ("accuracy",))
    message = (
        "`Accuracy()` counts outputs that equal the label exactly, and a {activation} gives none: it shows about 0"
    )

    def check(self) -> None:
        for item in compiled_models(self.module):
            head = item.head
            if head is None or head.activation not in {"softmax", "sigmoid"}:
                continue
            for keyword in ("metrics", "weighted_metrics"):
                found = item.own(item.event.arguments.find(keyword, 2 if keyword == "metrics" else None))
                for metric in _metrics(found[1] if found is not None else None):
                    node = metric.call
                    if isinstance(node, cst.Call) and self.module.owns(node):
                        self.report(node, fix=self._fix(item, metric, node), activation=head.activation)

    def _fix(self, item: Compiled, metric: Obj, node: cst.Call) -> Fix | None:
        short = _METRICS.get(item.loss or "")
        if short is None or item.from_logits is not False or item.head is None:
            return None
        # one unit is a matter of 0.5, several of the largest
        if (short == "BinaryAccuracy") != (item.head.activation == "sigmoid"):
            return None
        name, imports = keras_name(self.module, f"metrics.{short}", metric.original)
        inner = [self.module.code(argument) for argument in node.args]
        if metric.arguments.lacks("name", 0):
            inner.append('name="accuracy"')
        return unsafe_fix(f"use `{short}`", [replace(self.module, node, f"{name}({', '.join(inner)})"), *imports])


def _metrics(value: Value | None) -> Iterator[Obj]:
    if isinstance(value, Items):
        for item in value.known():
            yield from _metrics(item)
    elif isinstance(value, Mapping):
        for _, item in value.entries:
            yield from _metrics(item)
    elif isinstance(value, Obj) and value.ref == "keras.metrics.Accuracy":
        yield value
