"""Arguments of saved objects that their file lacks, because the class has no `get_config` of its own for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic.classes import ClassInfo
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
    read_constructor,
    uses_keywords,
    written_by_base,
)
from kerascheck.semantic.target import Reach
from kerascheck.semantic.values import Class, Const, Func, Obj, Value

if TYPE_CHECKING:
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
    if function is None and _is_made_like_a_graph(made) and kind == "model" and is_graph(owner, instance) is not False:
        return
    for index, parameter in enumerate(made.parameters):
        if parameter not in made.own or parameter.name in keys:
            continue
        found = instance.arguments.find(parameter.name, index)
        handed = (function is not None or base is not None) and handed_on(owner, parameter.name)
        if handed and written_by_base(owner, parameter.name) in keys:
            yield parameter, True  # whatever is given
            continue
        if found is None or handed:
            continue
        value = found[1]
        if kind == "layer" and function is None and base is None:
            if _is_object(value):  # measured: the automatic configuration holds plain arguments only
                yield parameter, False
        elif parameter.required or (parameter.name in made.used and not _is_default(made, parameter, value)):
            yield parameter, True


def saving_raises(owner: ClassInfo, instance: Obj, target: Target) -> bool:
    """Whether an instance cannot be saved, or read, at all on the target, because the class has no `get_config`.

    Run on 2.15, 3.0.5, 3.6.0 and 3.15.1: NotImplementedError for a layer with an argument that is no plain value;
    for a model with an argument without a default on 3.15.1 only, see `refuses_to_save`; for one that is a graph
    (`is_graph`) loading raises in its place.
    """
    made = constructor(owner)
    home = made.function.owner if made is not None else None
    if made is None or home is None:
        return False
    return any(
        not plain or (parameter.required and refuses_to_save(home, target) is Reach.ALL)
        for parameter, plain in lost_arguments(owner, made, instance)
    )


def refuses_to_save(owner: ClassInfo, target: Target) -> Reach:
    """Where saving, not loading, raises for a model that lacks an argument without a default: from 3.12 on.

    Not for one that `is_graph`.
    """
    return target.which(">=3.12") if kind_of(owner) == "model" else Reach.NONE


def is_graph(owner: ClassInfo, instance: Obj) -> bool | None:
    """Whether a model is made as `Model(inputs, outputs)`, by its constructors; None when that cannot be told.

    Run on 3.0.5, 3.3.3, 3.6.0, 3.7.0, 3.10.0, 3.12.4 and 3.15.1: such a model is always written, and where its class
    has an argument without a default and no `get_config`, it is loading that raises.
    """
    keywords, count = {name for name, _, _ in instance.arguments.keywords}, len(instance.arguments.positional)
    sure = not instance.arguments.open_keywords and not instance.arguments.open_positional
    for item in owner.lineage():
        function = item.own("__init__") if isinstance(item, ClassInfo) else None
        if function is None:
            if isinstance(item, str) and item == "keras.Model":
                if count == 2 or (count == 1 and "outputs" in keywords) or {"inputs", "outputs"} <= keywords:
                    return True
                return False if sure else None
            if not isinstance(item, ClassInfo):
                return None
            continue
        made = read_constructor(function)
        call = made.super_call if made is not None else None
        if made is None or call is None:
            return None
        stars = [argument.value for argument in call.node.args if argument.star == "*"]
        handed = made.keywords is not None and call.stars == (made.keywords,)
        named = {parameter.name for parameter in made.parameters}
        again = bool(stars) and _is_rest(made, stars)
        known = (not stars or again) and (not call.stars or (handed and not uses_keywords(made)))
        sure = known and (sure or not (stars or call.stars))
        rest = max(count - len(made.node.params.params) + 1, 0) if again else 0
        keywords = set(call.keywords) | ({key for key in keywords if key not in named} if handed else set())
        count = call.positional + rest
    return None


def _is_rest(made: Constructor, stars: list[cst.BaseExpression]) -> bool:
    """Whether `*` hands on what `*args` of the constructor took."""
    star = made.node.params.star_arg
    return (
        isinstance(star, cst.Param)
        and len(stars) == 1
        and isinstance(stars[0], cst.Name)
        and stars[0].value == star.name.value
    )


def _is_made_like_a_graph(made: Constructor) -> bool:
    """Whether Keras takes a constructor for that of `Model(inputs, outputs, name)`, and writes the graph itself.

    Run: on 3.15.1 a graph of such a class is loaded without a `get_config`; on 3.12.4 and 3.6.0 it is not.
    """
    return [item.name.value for item in made.node.params.params[1:]] == ["inputs", "outputs", "name"]


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
