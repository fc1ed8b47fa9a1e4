"""Accuracies asked of models that give quantities: there is no right or wrong answer to count."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic.compiled import (
    REGRESSION_LOSSES,
    Compiled,
    compiled_as_run,
    compiled_models,
    is_inside_another,
)
from kerascheck.semantic.labels import INTEGERS, ONE_HOT, REAL, SEVERAL, ones_and_zeros
from kerascheck.semantic.metrics import AccuracyString, accuracy_strings, targets_of
from kerascheck.semantic.values import Func, Items, Mapping, Obj, Value, options
from kerascheck.semantic.walk import walk

if TYPE_CHECKING:
    from kerascheck.semantic.module import Module

_JUDGE = re.compile(r"(?i)disc|critic|adversar|(?<![a-z])w?gan(?![a-z])|[a-z]gan(?![a-z])|judge")


@dataclass(frozen=True)
class CountedQuantities:
    """An "accuracy" beside a loss of regression, beside an output that is the loss itself (`placeholder`), or beside a
    loss that aligns sequences of two lengths (`aligned`). `columns`: labels and outputs are rows of several quantities.
    """

    accuracy: AccuracyString
    loss: str
    placeholder: bool = False
    aligned: bool = False
    columns: bool = False


def counted_quantities(module: Module) -> tuple[CountedQuantities, ...]:
    """Every "accuracy" or "acc" string that is given to a model of quantities, also by a function of another file."""
    known = module.memo.get("counted quantities")
    if known is None:
        known = module.memo["counted quantities"] = tuple(_found(module))
    found: tuple[CountedQuantities, ...] = known
    return found


def _found(module: Module) -> Iterator[CountedQuantities]:
    models = {(id(item.event), item.place): item for item in compiled_models(module)}
    trained = {id(item.event.node) for item in models.values() if item.fits}
    told: set[int] = set()
    for accuracy in accuracy_strings(module, elsewhere=True):
        own = accuracy.home is module and accuracy.event.module is module
        seen = () if own else compiled_as_run(accuracy.home, accuracy.event)
        item = next((it for it in seen if it.place == accuracy.place), None)
        if own:
            item = models.get((id(accuracy.event), accuracy.place))
        if item is None or bool(item.outputs) != bool(accuracy.outputs) or id(accuracy.node) in told:
            continue
        if own and not item.fits and id(item.event.node) in trained:
            continue  # its callers train it, and show the labels
        found = _counted(accuracy, item)
        if found is not None:
            told.add(id(accuracy.node))
            yield found


def _counted(accuracy: AccuracyString, item: Compiled) -> CountedQuantities | None:
    if _gives_its_output(item.loss_value):
        return CountedQuantities(accuracy, "lambda", placeholder=True)
    if _aligns(item.loss_value):
        return CountedQuantities(accuracy, "CTC", aligned=True)
    if item.loss in REGRESSION_LOSSES and _is_regression(accuracy.home, item):
        several = item.labels is not None and (item.labels.width or 0) > 1
        return CountedQuantities(accuracy, item.loss, columns=several)
    return None


def _is_regression(module: Module, item: Compiled) -> bool:
    labels, head = item.labels, item.head
    if labels is not None and labels.content == REAL:
        # a softmax says that the columns are classes, and that the largest is meant, which is what is counted then
        return head is None or head.activation != "softmax" or head.units == 1
    if head is None or head.units != 1 or head.activation not in {"linear", "relu", "leaky_relu"}:
        return False
    if labels is not None and labels.content == INTEGERS:
        return labels.classes is not None and labels.classes > 2
    if labels is not None and labels.content in {ONE_HOT, SEVERAL}:
        return False
    return not _is_judge(module, item)


def _is_judge(module: Module, item: Compiled) -> bool:
    """Whether the model may be the discriminator of a GAN: trained on labels of ones and zeros."""
    if any(fit.name == "train_on_batch" or ones_and_zeros(targets_of(fit)) for fit in item.fits):
        return True
    if is_inside_another(module, item.event.receiver):
        return True
    if item.fits:
        return False
    function = item.event.function
    names = [module.code(item.event.receiver_node) if item.event.receiver_node is not None else ""]
    if function is not None and isinstance(function.node, cst.FunctionDef):
        names.append(function.node.name.value)
    if item.event.owner is not None:
        names.append(item.event.owner.name)
    if any(_JUDGE.search(name) for name in names):
        return True
    return any(event.name == "train_on_batch" and _is_unknown(event.receiver) for event in module.events)


def _is_unknown(receiver: Value | None) -> bool:
    return not all(isinstance(item, Obj) for item in options(receiver))


def _aligns(value: Value | None) -> bool:
    """Whether a loss is CTC, that of Keras or a function that returns one."""
    if isinstance(value, Obj):
        return value.ref == "keras.losses.CTC"
    if not isinstance(value, Func) or not isinstance(value.node, cst.FunctionDef):
        return False
    called = {
        node.func.attr.value if isinstance(node.func, cst.Attribute) else getattr(node.func, "value", "")
        for node in walk(value.node.body)
        if isinstance(node, cst.Call)
    }
    return bool(called & {"ctc_batch_cost", "ctc_loss"})


def _gives_its_output(value: Value | None) -> bool:
    """Whether a loss is a function that returns its second argument, as that of a CTC layer is."""
    if isinstance(value, Mapping):
        return len(value.entries) == 1 and _gives_its_output(value.entries[0][1])
    if isinstance(value, Items):
        return value.exact and len(value.items) == 1 and _gives_its_output(value.items[0])
    if not isinstance(value, Func) or not isinstance(value.node, cst.Lambda):
        return False
    parameters, body = value.node.params.params, value.node.body
    return len(parameters) == 2 and isinstance(body, cst.Name) and body.value == parameters[1].name.value
