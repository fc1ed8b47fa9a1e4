"""Seeds, training and files of one program, as the rules on reproducibility see them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kerascheck.semantic.calls import TRAINING_METHODS
from kerascheck.semantic.classes import ClassInfo
from kerascheck.semantic.values import Choice, Const, Obj, Part, Ref, Value, options

if TYPE_CHECKING:
    from kerascheck.semantic.events import CallFact, Event
    from kerascheck.semantic.module import Module
    from kerascheck.semantic.values import Arguments

# which generator a call seeds; "all" is Python, NumPy and the backend together
SEEDS = {
    "random.seed": "python",
    "numpy.random.seed": "numpy",
    "tensorflow.random.set_seed": "tensorflow",
    "tensorflow.random.set_random_seed": "tensorflow",
    "tensorflow.set_random_seed": "tensorflow",
    "tensorflow.compat.v1.set_random_seed": "tensorflow",
    "tensorflow.compat.v2.random.set_seed": "tensorflow",
    "tensorflow.compat.v1.random.set_random_seed": "tensorflow",
    "torch.manual_seed": "torch",
    "keras.utils.set_random_seed": "all",
    "keras.utils.rng_utils.set_random_seed": "all",
    "lightning.seed_everything": "all",
}


_DRAWN = ("random.", "numpy.random.", "time.", "secrets.", "os.urandom", "os.getpid", "datetime.")


@dataclass(frozen=True)
class Seed:
    """One call that seeds "python", "numpy", "tensorflow", "torch" or "all" generators; `imported`: in another file."""

    kind: str
    call: CallFact
    imported: bool = False


def seeds(module: Module) -> list[Seed]:
    """The seeding calls of a program in the order of execution: those of imported modules first."""
    found: list[Seed] = []
    for other in module.family("seed", "Seed", "random", "determin"):
        calls = module.calls if other is module else [item for item in other.interpreter.calls if not item.standalone]
        own: list[Seed] = []
        for call in calls:
            if call.name in SEEDS and _is_empty(call.arguments):  # no longer seeded
                own = [seed for seed in own if seed.kind != SEEDS[call.name]]
            elif call.name in SEEDS:
                own.append(Seed(SEEDS[call.name], call, other is not module))
        found += own
    return sorted(found, key=lambda seed: not seed.imported)


def is_seeded_in_function(module: Module, call: CallFact, kinds: set[str]) -> bool:
    """Whether the function of a call, or the top level for one there, seeds one of these generators in front of it."""
    before = [
        item
        for item in module.calls
        if SEEDS.get(item.name) in kinds and item.function is call.function and item.order < call.order
    ]
    return bool(before) and not _is_empty(before[-1].arguments)


def _is_empty(given: Arguments) -> bool:
    """Whether a generator is seeded with nothing, from the clock, or with a number that was drawn."""
    if given.open_positional or given.open_keywords:
        return False
    return all(is_none(value) or _is_drawn(value) for value in given.values())


def _is_drawn(value: Value | None) -> bool:
    for _ in range(8):
        if isinstance(value, Part):
            value = value.base
        elif isinstance(value, Obj) and value.ref in {"builtins.int", "builtins.round", "builtins.abs"}:
            value = value.arguments.value("", 0)
    return isinstance(value, Obj) and value.ref.startswith(_DRAWN)


def training(module: Module) -> Iterator[Event]:
    """The events that train a Keras model: fit and friends, and `apply_gradients` of a custom loop.

    A receiver that is known not to be a Keras model does not count; an unknown one does when it was compiled
    in this module or the arguments are those of Keras.
    """
    taped = any(call.name in {"tensorflow.GradientTape", "tensorflow.gradients"} for call in module.calls)
    compiled = {_key(event) for event in module.events_of("compile")}
    for event in module.events:
        if event.name in TRAINING_METHODS:
            receivers = options(event.receiver)
            if all(isinstance(item, Obj) and item.kind == "model" for item in receivers):
                yield event
            elif event.receiver is not None and not isinstance(event.receiver, Part):
                continue
            elif event.name != "fit" or _key(event) in compiled or has_keras_arguments(event):
                yield event
        elif event.name == "apply_gradients" and taped:
            yield event


def _key(event: Event) -> str:
    """The receiver as it is written, such as `self.model`."""
    return event.module.code(event.receiver_node) if event.receiver_node is not None else ""


_FIT_ARGUMENTS = frozenset(
    {"epochs", "batch_size", "validation_data", "validation_split", "steps_per_epoch", "callbacks", "nb_epoch"}
)


def has_keras_arguments(event: Event) -> bool:
    """Whether a `fit` has arguments that the estimators of other libraries do not take."""
    if isinstance(event.receiver, Part) and _root_name(event.receiver).partition(".")[0] not in {
        "keras",
        "tensorflow",
        "",
    }:
        return False
    return any(keyword in _FIT_ARGUMENTS for keyword, _, _ in event.arguments.keywords)


def _root_name(value: Value) -> str:
    while isinstance(value, Part):
        value = value.base
    return value.ref if isinstance(value, Obj) else ""


def models_of(event: Event) -> tuple[Obj, ...]:
    """The objects that the receiver of an event may be, as they are made; empty when it cannot be told."""
    receiver = event.receiver
    found = receiver.options if isinstance(receiver, Choice) else (receiver,)
    objects = [item for item in found if isinstance(item, Obj)]
    objects.sort(key=lambda item: item.order)  # a set has another order in each run
    return tuple(objects) if len(objects) == len(found) else ()


def flavour(model: Obj) -> str:
    """How the Keras that a model comes from was imported: "tensorflow.keras.Sequential"; empty when unknown."""
    if model.original or model.cls is None:
        return model.original
    bases = (base for item in model.cls.lineage() if isinstance(item, ClassInfo) for base in item.bases)
    return next((base.original for base in bases if isinstance(base, Ref) and base.name.startswith("keras.")), "")


def is_none(value: Value | None) -> bool:
    """Whether a value is surely `None`."""
    return isinstance(value, Const) and value.value is None
