"""KC501: the string "accuracy", for which Keras has to guess which accuracy is meant."""

from __future__ import annotations

from collections.abc import Callable

from kerascheck.edits import Edit, Fix
from kerascheck.finding import Claim, Severity
from kerascheck.patch import has_top_level_keras, keras_name, replace
from kerascheck.rule import Rule, safe_fix, unsafe_fix
from kerascheck.semantic.metrics import AccuracyString, accuracy_strings
from kerascheck.semantic.quantities import counted_quantities
from kerascheck.semantic.target import Reach
from kerascheck.semantic.written_loads import any_measures, may_be_saved

# measured on TF 2.3.4: with these losses the loaded model has the accuracy that it had; with a sparse one it has not
_KEPT = frozenset({"categorical_crossentropy", "binary_crossentropy"})


class AmbiguousAccuracy(Rule):
    code = "KC501"
    severity = Severity.INFO
    claim = Claim.METRIC_WRONG
    words = (("compile",), ("acc",))
    message = '"{name}" leaves it to Keras which accuracy is meant; it decides by the shapes of labels and output'
    wrong = '"{name}" becomes another accuracy when the model is loaded (TensorFlow 2.3)'

    def check(self) -> None:
        reach = self.module.target.which_tensorflow("==2.3.*")
        old = (
            reach is Reach.ALL and not self._stands_alone() and may_be_saved(self.module) and any_measures(self.module)
        )
        # on TensorFlow 2.3 what a loaded model reports changes: it becomes right
        make = safe_fix if reach in {None, Reach.NONE} else unsafe_fix
        others = {
            id(found.accuracy.node) for found in counted_quantities(self.module)
        }  # there is another rule for these
        for item in accuracy_strings(self.module):
            if id(item.node) in others:
                continue
            kept = not old or item.loss in _KEPT
            self.report(
                item.node,
                message=self.message if kept else self.wrong,
                severity=Severity.INFO if kept else Severity.ERROR,
                fix=self._fix(item, make),
                subject=item.name,
                name=item.name,
            )

    def _stands_alone(self) -> bool:
        """Whether the package `keras` from before 2.4 is used here, which has an accuracy of its own."""
        imported = [item.original for item in self.module.interpreter.imports]
        apart = self.module.target.which("<2.4") is not Reach.NONE  # beside the 2.4.0 of TensorFlow 2.3
        return apart and any(name.partition(".")[0] == "keras" for name in imported)

    def _fix(self, item: AccuracyString, make: Callable[[str, list[Edit]], Fix]) -> Fix | None:
        """The metric that Keras would choose, under the name that the user wrote. Measured on the page."""
        head = item.head
        if item.literal is None or head is None or head.units is None:
            return None
        if head.units == 1:
            if item.from_logits is not False or head.activation != "sigmoid":
                return None
            metric = "BinaryAccuracy"
        elif item.loss == "sparse_categorical_crossentropy":
            metric = "SparseCategoricalAccuracy"
        elif item.loss == "categorical_crossentropy":
            metric = "CategoricalAccuracy"
        else:
            return None
        layer = head.layer
        name, imports = keras_name(self.module, f"metrics.{metric}", layer.original if layer is not None else "")
        if imports and not has_top_level_keras(self.module):  # it is imported late, or only where it is there
            return None
        text = f'{name}(name="{item.name}")'
        return make(f"name the metric: `{metric}`", [replace(self.module, item.literal, text), *imports])
