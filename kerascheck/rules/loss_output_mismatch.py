"""KC508: a loss that does not fit the last layer, or labels that do not fit the loss."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from kerascheck.edits import Fix
from kerascheck.finding import Claim, Severity
from kerascheck.patch import replace
from kerascheck.rule import RelatedNode, Rule, unsafe_fix
from kerascheck.semantic.compiled import (
    CLASS_LOSSES,
    PROBABILITY_LOSSES,
    REGRESSION_LOSSES,
    Compiled,
    compiled_models,
    is_never_asked,
    labels_place,
    layer_node,
)
from kerascheck.semantic.labels import INTEGERS, ONE_HOT, SEVERAL, Labels
from kerascheck.semantic.metrics import AccuracyString, accuracy_strings
from kerascheck.semantic.ranks import Rank, rank_of

CATEGORICAL, SPARSE, BINARY = "categorical_crossentropy", "sparse_categorical_crossentropy", "binary_crossentropy"


@dataclass(frozen=True)
class _Fault:
    message: str
    claim: Claim
    severity: Severity = Severity.ERROR
    remedy: str | None = None  # the loss that fits
    at_layer: bool = False


class LossOutputMismatch(Rule):
    code = "KC508"
    severity = Severity.ERROR
    claim = Claim.METRIC_WRONG
    words = (("compile",),)
    message = "`{loss}` does not fit the model or its labels"
    one_unit = "`categorical_crossentropy` over one unit is 0.0 whatever the answer: nothing is learned"
    one_class = "`sparse_categorical_crossentropy` over one unit knows class 0 only: every other label raises in `fit`"
    not_sparse = "the labels are one-hot ({source}) and `{loss}` takes class numbers: `fit` raises"
    not_one_hot = "the labels are {what} ({source}) and `{loss}` takes one-hot rows: `fit` raises"
    not_rows = "the labels are {what} ({source}) and `{loss}` takes one for each of the {units} units: `fit` raises"
    other_width = "the labels have {width} columns ({source}) and the model {units} units: `fit` raises"
    one_column = "the labels are one-hot ({source}) and the model has one unit: `fit` raises"
    too_many = "the labels are {classes} classes ({source}) and the model has {units} units: `fit` raises"
    spread = "the labels are {what} ({source}) and `{loss}` compares each with all {units} units, or raises in `fit`"
    wide = "the labels have {width} columns ({source}) and `{loss}` takes class numbers: `fit` raises"
    axes = "the model answers with {axes} axes and the labels have {flat} ({source}): `fit` raises"
    repeated = "every step of a row is compared with its one label ({source}): the model answers with {axes} axes"
    several = "rows have several labels ({source}), and a softmax gives more than 0.5 to one of them at most"
    sigmoids = "`{loss}` takes one class of a row for right, and {units} sigmoids answer each for itself"
    softmaxes = "`binary_crossentropy` takes each unit for itself, and softmax makes one class of a row right"
    counted = softmaxes + '; before Keras 2.4 "{name}" then counts right units, not right rows'

    def check(self) -> None:
        for item in compiled_models(self.module):
            if item.loss in PROBABILITY_LOSSES:
                fault = next(self._faults(item, item.loss), None)
            else:
                fault = self._spread(item) if item.loss in REGRESSION_LOSSES else None
            if fault is None or is_never_asked(self.module, item):
                continue
            node = layer_node(self.module, item.head) if fault.at_layer else None
            labels = item.labels or Labels()
            self.report(
                node or item.loss_node or item.event.node,
                message=fault.message,
                severity=fault.severity,
                claim=fault.claim,
                fix=self._fix(item, fault.remedy),
                related=self._places(item, fault),
                loss=item.loss,
                units=item.head.units if item.head is not None else None,
                axes=rank.axes if (rank := self._rank(item)) is not None else None,
                flat="one" if labels.width == 0 else "two",
                what="class numbers" if labels.content == INTEGERS else "one number a row",
                source=labels.source,
                width=labels.width,
                classes=labels.classes,
                name=next((found.name for found in self._accuracies(item)), ""),
            )

    def _places(self, item: Compiled, fault: _Fault) -> Iterator[RelatedNode]:
        layer, labels = layer_node(self.module, item.head), labels_place(self.module, item)
        if fault.at_layer:
            if item.loss_node is not None and self.module.owns(item.loss_node):
                yield RelatedNode(self.module, item.loss_node, "the loss")
        elif layer is not None:
            yield RelatedNode(self.module, layer, "the last layer")
        if item.labels is not None and labels is not None:
            yield RelatedNode(self.module, labels, "the labels")

    def _faults(self, item: Compiled, loss: str) -> Iterator[_Fault]:
        units = item.head.units if item.head is not None else None
        activation = item.head.activation if item.head is not None else None
        labels = item.labels
        rank = self._rank(item)
        if labels is not None and rank is not None and rank.axes > 2:
            if self._is_flat_for(labels, loss, rank):
                yield _Fault(self.axes, Claim.CALL_RAISES)
            return
        several = labels is not None and labels.content == SEVERAL and "Binarizer" in labels.source
        if several and activation == "softmax" and loss == CATEGORICAL:
            yield _Fault(self.several, Claim.METRIC_WRONG, Severity.WARNING, at_layer=True)
        if labels is not None:
            yield from self._by_labels(labels, loss, units, activation)
        if units == 1 and activation not in {None, "softmax"}:  # one softmax unit is another rule's
            if loss == CATEGORICAL:
                fits = BINARY if activation == "sigmoid" else None
                yield _Fault(self.one_unit, Claim.METRIC_WRONG, remedy=fits)
            elif loss == SPARSE:
                yield _Fault(self.one_class, Claim.CALL_RAISES, remedy=BINARY if activation == "sigmoid" else None)
        if units is None or units < 2 or item.from_logits:
            return
        if activation == "sigmoid" and loss in CLASS_LOSSES:
            yield _Fault(self.sigmoids, Claim.METRIC_WRONG, Severity.INFO, at_layer=True)
        if activation == "softmax" and loss == BINARY:
            yield self._softmax_and_binary(item)

    def _rank(self, item: Compiled) -> Rank | None:
        return rank_of(self.module.facts, item.event.receiver) if item.labels is not None and not item.outputs else None

    def _is_flat_for(self, labels: Labels, loss: str, rank: Rank) -> bool:
        """Run on 2.15, 3.5.0 and 3.15.1: all of these raise; an axis of size 1 may be squeezed."""
        if loss == CATEGORICAL:
            return labels.content == ONE_HOT and labels.rows
        if not labels.flat or labels.width not in {0, 1}:
            return False
        return labels.width == 0 or rank.axes > 3 or (loss == SPARSE and rank.steps is not None and rank.steps > 1)

    def _spread(self, item: Compiled) -> _Fault | None:
        """Run: (n, 1) against (n, 3) is silent on 2.15 and 3.15.1; (n,) raises on 3.15.1, and is silent on 2.15."""
        units = item.head.units if item.head is not None else None
        labels, rank = item.labels, self._rank(item)
        if labels is not None and labels.flat and labels.width in {0, 1} and rank is not None and rank.axes == 3:
            # run on 2.15, 3.5.0 and 3.15.1: silent
            return _Fault(self.repeated, Claim.METRIC_WRONG) if rank.steps is not None and rank.steps > 1 else None
        if rank is not None and rank.axes > 2:
            return None
        if labels is None or units is None or units < 2 or labels.width not in {0, 1} or labels.content == ONE_HOT:
            return None
        if labels.content is None and labels.source != "one column":
            return None
        return _Fault(self.spread, Claim.METRIC_WRONG)

    def _softmax_and_binary(self, item: Compiled) -> _Fault:
        # read in keras 2.3.1: beside binary_crossentropy the string is BinaryAccuracy there, whatever the shapes
        old = self.module.target.bad("<2.4")
        if old and self._accuracies(item):
            every = len(old) == len(self.module.target.releases)
            return _Fault(self.counted, Claim.METRIC_WRONG, Severity.ERROR if every else Severity.WARNING)
        return _Fault(self.softmaxes, Claim.METRIC_WRONG, Severity.INFO)

    def _accuracies(self, item: Compiled) -> list[AccuracyString]:
        found = [one for one in accuracy_strings(self.module) if one.event is item.event]
        return [one for one in found if (one.outputs, one.place) == (item.outputs, item.place)]

    def _by_labels(self, labels: Labels, loss: str, units: int | None, activation: str | None) -> Iterator[_Fault]:
        one_number = labels.width in {0, 1} and labels.content != ONE_HOT
        if loss == SPARSE:
            if labels.content == ONE_HOT and units != 1:
                yield _Fault(self.not_sparse, Claim.CALL_RAISES, remedy=CATEGORICAL)
            elif labels.width is not None and labels.width > 1 and units != 1:
                yield _Fault(self.wide, Claim.CALL_RAISES)
            elif labels.content == INTEGERS and units and labels.classes and labels.classes > units > 1:
                yield _Fault(self.too_many, Claim.CALL_RAISES)
        elif one_number and loss == CATEGORICAL and units != 1:
            yield _Fault(self.not_one_hot, Claim.CALL_RAISES, remedy=SPARSE if labels.content == INTEGERS else None)
        elif one_number and loss == BINARY and units is not None and units > 1:
            fits = SPARSE if activation == "softmax" and labels.content == INTEGERS else None
            yield _Fault(self.not_rows, Claim.CALL_RAISES, remedy=fits)
        elif labels.content == ONE_HOT and labels.width is None and units == 1:
            yield _Fault(self.one_column, Claim.CALL_RAISES)
        elif labels.width is not None and labels.width > 1 and units is not None and units != labels.width:
            yield _Fault(self.other_width, Claim.CALL_RAISES)

    def _fix(self, item: Compiled, remedy: str | None) -> Fix | None:
        node = item.loss_node
        if remedy is None or not isinstance(node, cst.SimpleString) or not self.module.owns(node):
            return None
        text = f"{node.quote}{remedy}{node.quote}"
        return unsafe_fix(f"use `{remedy}`", [replace(self.module, node, text)])
