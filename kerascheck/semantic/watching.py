"""What `fit` logs, and what callbacks and readers of the history ask for.

Run on 2.15, 3.10.0 and 3.15.1: `metrics=["accuracy"]` logs `accuracy`, `metrics=["acc"]` logs `acc`; a name that
begins with `val_` is logged when validation data or a split is given, and only then. Read in keras 2.2.5: up to there
both strings log `acc`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic.compiled import Compiled, compiled_models
from kerascheck.semantic.events import Event
from kerascheck.semantic.values import Const, Func, Items, Mapping, Obj, Ref, Value, string
from kerascheck.semantic.walk import walk

if TYPE_CHECKING:
    from kerascheck.semantic.module import Module

CALLBACKS = {
    "keras.callbacks.EarlyStopping": 0,
    "keras.callbacks.ModelCheckpoint": 1,
    "keras.callbacks.ReduceLROnPlateau": 0,
}
_OF_METRICS = frozenset({"accuracy", "acc"})
# run on 2.15, 3.6.0 and 3.15.1: a metric that is given as a string is logged under this string
_OTHER_NAMES = {
    "mae": "mean_absolute_error",
    "mse": "mean_squared_error",
    "mape": "mean_absolute_percentage_error",
    "mean_absolute_error": "mae",
    "mean_squared_error": "mse",
    "mean_absolute_percentage_error": "mape",
}


@dataclass(frozen=True)
class Watch:
    """A key that is asked for: by a callback of a fit (`callback`), or in its history (`callback` None)."""

    fit: Event
    key: str
    node: cst.BaseExpression
    callback: Obj | None
    mode: str | None = None  # None is not known


@dataclass(frozen=True)
class Unlogged:
    """A key that a fit surely does not log; `instead` is the key that it logs for the same, None without one.

    `validation`: the key would be logged if validation data were given.
    """

    watch: Watch
    instead: str | None
    validation: bool


def unlogged(module: Module) -> Iterator[Unlogged]:
    """The keys that are asked for and not logged."""
    for item in compiled_models(module):
        if not _is_plain(item):
            continue
        names = accuracy_names(item)
        written = _strings(item)
        for fit in item.fits:
            if fit.name == "train_on_batch":
                continue
            validated = _is_validated(fit)
            for watch in [*_callbacks(fit), *_history(module, fit)]:
                found = _judged(watch, names, validated) or _renamed(watch, written)
                if found is not None:
                    yield found


def _is_plain(item: Compiled) -> bool:
    """Whether the model has one output and is trained by Keras itself: then metrics keep their names."""
    model = item.event.receiver
    return (
        isinstance(model, Obj)
        and model.form in {"sequential", "functional"}
        and item.head is not None
        and not item.outputs
    )


def accuracy_names(item: Compiled) -> frozenset[str] | None:
    """Which of "accuracy" and "acc" are among the names of the metrics; None when it cannot be told."""
    given = item.event.arguments
    found: set[str] = set()
    for keyword, place in (("metrics", 2), ("weighted_metrics", None)):
        metrics = given.find(keyword, place)
        if metrics is None:
            if not given.lacks(keyword, place):
                return None
            continue
        names = _names(metrics[1])
        if names is None:
            return None
        found |= names
    return frozenset(found & _OF_METRICS)


def _names(value: Value | None) -> set[str] | None:
    if isinstance(value, Const):
        return set() if value.value is None else {str(value.value)}
    if isinstance(value, Mapping):
        value = Items("list", tuple(item for _, item in value.entries), value.exact)
    if isinstance(value, Items) and value.exact:
        found: set[str] = set()
        for item in value.items:
            inner = _names(item)
            if inner is None:
                return None
            found |= inner
        return found
    if isinstance(value, Obj) and value.ref.startswith("keras.metrics."):
        named = value.arguments.find("name")
        if named is not None:
            name = string(named[1])
            return {name} if name is not None else None
        # the first argument of most classes is the name; the class Accuracy is called "accuracy"
        if value.arguments.positional or value.arguments.open_keywords or value.short == "MeanMetricWrapper":
            return None
        return {"accuracy"} if value.short == "Accuracy" else {value.short}
    if isinstance(value, Func) and isinstance(value.node, cst.FunctionDef):
        return {value.node.name.value}
    if isinstance(value, Ref) and value.name.startswith(("keras.metrics.", "keras.losses.")):
        return {value.name.rpartition(".")[2]}
    return None


def _is_validated(fit: Event) -> bool | None:
    given = fit.arguments
    # fit(x, y, batch_size, epochs, verbose, callbacks, validation_split, validation_data)
    places = {"validation_split": 6, "validation_data": 7} if fit.name == "fit" else {"validation_data": 5}
    if all(given.lacks(name, place) for name, place in places.items()):
        return False
    for name, place in places.items():
        found = given.find(name, place)
        if found is not None and isinstance(found[1], (Obj, Items)):
            return True
        if found is not None and isinstance(found[1], Const) and found[1].value:
            return True
    return None


def _callbacks(fit: Event) -> Iterator[Watch]:
    found = fit.arguments.find("callbacks", 5 if fit.name == "fit" else 4)
    value = found[1] if found is not None else None
    for item in value.known() if isinstance(value, Items) else (value,):
        watch = watch_of(fit, item)
        if watch is not None:
            yield watch


def watch_of(fit: Event, item: Value | None) -> Watch | None:
    """What a callback watches; None when it watches nothing, or it cannot be told."""
    if not isinstance(item, Obj) or item.ref not in CALLBACKS or not isinstance(item.call, cst.Call):
        return None
    given = item.arguments
    if item.short == "ModelCheckpoint":
        best = given.value("save_best_only", 3)
        if not isinstance(best, Const) or not best.value:
            return None  # it saves every epoch
    monitor = given.find("monitor", CALLBACKS[item.ref])
    if monitor is None and not given.lacks("monitor", CALLBACKS[item.ref]):
        return None
    key = "val_loss" if monitor is None else string(monitor[1])
    if key is None:
        return None
    return Watch(fit, key, item.call if monitor is None else monitor[0], item, mode_of(item))


def mode_of(callback: Obj) -> str | None:
    """The `mode` of a callback, "auto" when it is not given; None when it cannot be told."""
    place = {"EarlyStopping": 4, "ModelCheckpoint": 5, "ReduceLROnPlateau": 4}[callback.short]
    found = callback.arguments.find("mode", place)
    if found is not None:
        return string(found[1])
    return "auto" if callback.arguments.lacks("mode", place) else None


def _history(module: Module, fit: Event) -> Iterator[Watch]:
    """`name.history["key"]` below `name = model.fit(...)`, where the name is bound once in the file."""
    if fit.module is not module or ".history[" not in module.source.text:
        return
    names = _bound_to(module, fit.node)
    for node in _reads(module):
        place = node.value
        if not isinstance(place, cst.Attribute) or not isinstance(place.value, (cst.Name, cst.Call)):
            continue
        index = node.slice[0].slice
        if place.value is not fit.node and not (isinstance(place.value, cst.Name) and place.value.value in names):
            continue
        if isinstance(index, cst.Index) and isinstance(index.value, cst.SimpleString) and not index.value.prefix:
            yield Watch(fit, str(index.value.raw_value), index.value, None)


_MISSING_KEY = frozenset({"KeyError", "LookupError", "Exception"})


def _reads(module: Module) -> tuple[cst.Subscript, ...]:
    known = module.memo.get("history reads")
    if known is None:
        tried = {
            id(node) for attempt in module.index.nodes(cst.Try) if _takes_missing(attempt) for node in walk(attempt)
        }
        known = module.memo["history reads"] = tuple(
            node
            for node in module.index.nodes(cst.Subscript)
            if len(node.slice) == 1
            and isinstance(node.value, cst.Attribute)
            and node.value.attr.value == "history"
            and id(node) not in tried
        )
    found: tuple[cst.Subscript, ...] = known
    return found


def _takes_missing(attempt: cst.Try) -> bool:
    """Whether a `try` goes on when a key is missing: one of the names it tries is the right one."""
    for handler in attempt.handlers:
        if handler.type is None:
            return True
        if any(isinstance(item, cst.Name) and item.value in _MISSING_KEY for item in walk(handler.type)):
            return True
    return False


def _bound_to(module: Module, call: cst.Call) -> frozenset[str]:
    known = module.memo.get("bound once")
    if known is None:
        bound: dict[str, list[cst.BaseExpression]] = {}
        for assign in module.index.nodes(cst.Assign):
            for target in assign.targets:
                if isinstance(target.target, cst.Name):
                    bound.setdefault(target.target.value, []).append(assign.value)
        for parameter in module.index.nodes(cst.Param):
            bound.setdefault(parameter.name.value, []).append(parameter.name)
        known = module.memo["bound once"] = {name: values[0] for name, values in bound.items() if len(values) == 1}
    return frozenset(name for name, value in known.items() if value is call)


def _strings(item: Compiled) -> frozenset[str]:
    """The metrics of a model all of whose metrics are strings; none of another."""
    given = item.event.arguments
    metrics = given.find("metrics", 2)
    value = metrics[1] if metrics is not None and given.lacks("weighted_metrics") else None
    known = value.items if isinstance(value, Items) and value.exact else ()
    found = [text for text in map(string, known) if text is not None]
    return frozenset(found) if len(found) == len(known) else frozenset()


def _renamed(watch: Watch, written: frozenset[str]) -> Unlogged | None:
    """The long name of a metric that was given by its short one, or the other way about."""
    base = watch.key.removeprefix("val_")
    other = _OTHER_NAMES.get(base)
    if other not in written or base in written:
        return None
    return Unlogged(watch, watch.key[: len(watch.key) - len(base)] + str(other), False)


def _judged(watch: Watch, names: frozenset[str] | None, validated: bool | None) -> Unlogged | None:
    base = watch.key.removeprefix("val_")
    front = watch.key[: len(watch.key) - len(base)]
    if front and validated is False and base in {*_OF_METRICS, "loss"}:
        known = base == "loss" or names is None or base in names
        return Unlogged(watch, base if known else next(iter(sorted(names or ())), None), known)
    if base not in _OF_METRICS or names is None or base in names:
        return None
    other = next(iter(sorted(names)), None)
    return Unlogged(watch, None if other is None else front + other, False)
