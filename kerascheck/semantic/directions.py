"""Metrics of which more is better, by the names under which they are logged."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from kerascheck.semantic.compiled import compiled_models
from kerascheck.semantic.values import Items, Mapping, Obj, Value, string

if TYPE_CHECKING:
    from kerascheck.semantic.module import Module

# classes of keras 3.15.1 that say `_direction = "up"` and have no "acc" in their names, as they log themselves
_RISING = re.compile(
    r"(?:auc|precision|recall|f1|f1_score|f1score|fbeta_score|mean_io_u|io_u|binary_io_u|one_hot_io_u"
    r"|one_hot_mean_io_u|precision_at_recall|recall_at_precision|sensitivity_at_specificity"
    r"|specificity_at_sensitivity)(?:_\d+)?"
)
_CLASSES = frozenset({"AUC", "Precision", "Recall", "F1Score", "FBetaScore"})


def rises(module: Module, monitor: str) -> bool:
    """Whether more is surely better of what is logged under this name."""
    base = monitor.removeprefix("val_")
    return _RISING.fullmatch(base) is not None or base in set(_own_names(module))


def _own_names(module: Module) -> Iterator[str]:
    """The names that the program gives to metrics of these classes."""
    for item in compiled_models(module):
        metrics = item.event.arguments.find("metrics", 2)
        yield from _named(metrics[1] if metrics is not None else None)


def _named(value: Value | None) -> Iterator[str]:
    if isinstance(value, Items):
        for item in value.known():
            yield from _named(item)
    elif isinstance(value, Mapping):
        for _, item in value.entries:
            yield from _named(item)
    elif isinstance(value, Obj) and value.ref.startswith("keras.metrics.") and value.short in _CLASSES:
        name = string(value.arguments.value("name"))
        if name is not None and "acc" not in name:
            yield name
