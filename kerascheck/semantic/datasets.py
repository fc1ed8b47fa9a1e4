"""Datasets, generators and encoders: the steps that make them, in order, and those that cut, shuffle or fit them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic.values import Arguments, Obj, Part, Value

if TYPE_CHECKING:
    from kerascheck.semantic.interpreter import Interpreter
    from kerascheck.semantic.values import Func

STEPS = frozenset(
    {"fit", "fit_on_texts", "fit_transform", "flow_from_dataframe", "flow_from_directory", "shuffle", "skip", "take"}
)
FROM_DIRECTORY = frozenset(
    {
        "keras.utils.image_dataset_from_directory",
        "keras.utils.text_dataset_from_directory",
        "keras.utils.audio_dataset_from_directory",
        "keras.preprocessing.image_dataset_from_directory",
        "keras.preprocessing.text_dataset_from_directory",
    }
)
_UNKNOWN = "?.shuffle"


@dataclass(frozen=True, eq=False)
class Step:
    """One method call on a dataset, generator or encoder: `base.name(...)`."""

    name: str
    node: cst.Call
    base: Value
    arguments: Arguments
    statement: cst.CSTNode | None
    function: Func | None


def note_step(self: Interpreter, node: cst.Call, name: str, base: Value, arguments: Arguments) -> None:
    """Keep a call that shuffles, cuts or begins a dataset, or fits an encoder."""
    if name in STEPS and not self.quiet:
        self.steps_met.append(Step(name, node, base, arguments, self.statement, self.function))


def shuffled_unknown(self: Interpreter, node: cst.Call, arguments: Arguments) -> Obj:
    """`x.shuffle(...)` of something that is not known, such as a parameter."""
    made = Obj("value", ref=_UNKNOWN, arguments=arguments, call=node, module=self.module, statement=self.statement)
    note_step(self, node, "shuffle", made, arguments)
    return made


def chain(value: Value | None) -> tuple[Obj, tuple[tuple[str, Arguments], ...]] | None:
    """Where a dataset begins and the methods it went through, in order; None when it is something else."""
    found: list[tuple[str, Arguments]] = []
    for _ in range(24):
        if isinstance(value, Part) and value.attribute == "#call" and isinstance(value.base, Part):
            found.append((value.base.attribute, value.arguments or Arguments()))
            value = value.base.base
        elif isinstance(value, Obj):
            if value.ref == _UNKNOWN:
                found.append(("shuffle", value.arguments))
            return value, tuple(reversed(found))
        else:
            return None
    return None


def methods(value: Value | None) -> Iterator[tuple[str, Arguments]]:
    """The methods that a dataset went through."""
    known = chain(value)
    if known is not None:
        yield from known[1]
