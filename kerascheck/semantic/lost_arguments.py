"""Arguments of saved objects that their file lacks, because the class has no `get_config` of its own for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kerascheck.semantic.constructors import arguments_of
from kerascheck.semantic.custom_objects import (
    Constructor,
    Parameter,
    config_function,
    config_keys,
    config_of,
    constructor,
    handed_on,
    keras_base_with_config,
    kind_of,
)
from kerascheck.semantic.target import Reach
from kerascheck.semantic.values import Class, Const, Func, Obj, Value

if TYPE_CHECKING:
    from kerascheck.semantic.classes import ClassInfo
    from kerascheck.semantic.target import Target


def lost_arguments(owner: ClassInfo, made: Constructor, instance: Obj) -> Iterator[tuple[Parameter, bool]]:
    """The arguments of an instance that its file lacks; and whether they are plain values."""
    function, sure = config_function(owner)
    if not sure or (function is not None and function.owner is made.function.owner):
        return
    kind = kind_of(owner)
    keys: frozenset[str] = frozenset()
    base = keras_base_with_config(owner)
    if function is not None:
        config = config_of(owner)
        known = config_keys(config, owner) if config is not None else None
        if known is None:
            return
        keys = known
    elif base is not None:
        keys = arguments_of(base) or frozenset()
        if not keys:
            return
    elif kind not in {"model", "loss", "metric", "layer"}:
        return
    for index, parameter in enumerate(made.parameters):
        if parameter not in made.own or parameter.name in keys:
            continue
        found = instance.arguments.find(parameter.name, index)
        if found is None or ((function is not None or base is not None) and handed_on(owner, parameter.name)):
            continue
        value = found[1]
        if kind == "layer" and function is None and base is None:
            if _is_object(value):  # measured: the automatic configuration holds plain arguments only
                yield parameter, False
        elif parameter.required or (parameter.name in made.used and not _is_default(made, parameter, value)):
            yield parameter, True


def saving_raises(owner: ClassInfo, instance: Obj, target: Target) -> bool:
    """Whether an instance cannot be saved at all on the target, because the class has no `get_config`.

    Run on 2.15, 3.0.5, 3.6.0 and 3.15.1: NotImplementedError for a layer with an argument that is no plain value;
    for a model with an argument without a default on 3.15.1 only, see `refuses_to_save`.
    """
    made = constructor(owner)
    home = made.function.owner if made is not None else None
    if made is None or home is None:
        return False
    return any(
        not plain or (parameter.required and refuses_to_save(home, target))
        for parameter, plain in lost_arguments(owner, made, instance)
    )


def refuses_to_save(owner: ClassInfo, target: Target) -> bool:
    """Whether saving, not loading, raises for a model that lacks an argument without a default: from 3.12 on."""
    return kind_of(owner) == "model" and target.which(">=3.12") is Reach.ALL


def _is_default(made: Constructor, parameter: Parameter, value: Value | None) -> bool:
    default, home = parameter.node.default, made.function.owner
    if not isinstance(value, Const) or default is None or home is None:
        return False
    return home.module.code(default).strip("'\"") == str(value.value)


_ARRAYS = frozenset({"numpy.array", "numpy.ones", "numpy.zeros", "numpy.eye", "numpy.arange", "numpy.load"})


def _is_object(value: Value | None) -> bool:
    """Whether a value is surely no number, string, truth value, None or container of such."""
    if isinstance(value, Obj):
        return value.kind in {"layer", "model"} or value.ref in _ARRAYS
    return isinstance(value, (Func, Class))
