"""What has happened to a model so far: compiled, trained, frozen, in order and on every path.

Keras takes the trainable variables of a model when its training function is made: at the first `fit` or
`train_on_batch` after `compile` (keras 3.x) or at `compile` itself (keras 2). So what is kept here is which layers
were trainable at those two moments.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

import libcst as cst

from kerascheck.semantic.layer_graph import layers_inside
from kerascheck.semantic.values import Obj, Value, boolean, options
from kerascheck.semantic.walk import walk

if TYPE_CHECKING:
    from kerascheck.semantic.events import Event
    from kerascheck.semantic.interpreter import Interpreter
    from kerascheck.semantic.values import Func

SLOT = "#trainable"
PHASE = "#phase"
_MOST = 12  # possible pasts of one model; more are not told apart


@dataclass(frozen=True)
class Switch:
    """One `x.trainable = value`; `value` None when it cannot be told, `order` as that of events."""

    value: bool | None
    order: int
    node: cst.CSTNode = field(compare=False)


@dataclass(frozen=True)
class Loop:
    """A `for` that is being followed: the orders at which it and its present iteration began, and what it runs over."""

    node: cst.For
    function: Func | None
    began: int
    iteration: int

    def again(self, order: int) -> Loop:
        """The same loop in its next iteration."""
        return replace(self, iteration=order)


# A layer or model and "", or a model and the text that says which of its layers are meant. A path on which it was
# never set has None among its switches.
Unit = tuple[Obj, str]
Switches = frozenset[Switch | None]
Snapshot = tuple[tuple[Unit, Switches], ...]


@dataclass(frozen=True)
class Phase:
    """One possible past of a model.

    `first` has what was trainable at the first training by each method ("fit", "train_on_batch") since `compiled`.
    `trained` are the orders of the trainings since its weights were made or set.
    """

    compiled: cst.Call | None = None
    order: int = 0
    at_compile: Snapshot = ()
    first: tuple[tuple[str, Snapshot], ...] = ()
    trained: frozenset[int] = frozenset()

    def first_by(self, method: str) -> Snapshot | None:
        """What was trainable at the first training by a method; None when there was none."""
        return next((snapshot for name, snapshot in self.first if name == method), None)


Phases = frozenset[Phase | None]  # None: nothing has happened on that path
_LOST: frozenset[str] = frozenset({"lost"})


@dataclass(frozen=True)
class Moment:
    """A `compile` or a training, with what was known just before it; `phases` None when that cannot be told."""

    event: Event
    phases: Phases | None
    snapshot: Snapshot
    loops: tuple[Loop, ...]


def method_of(name: str) -> str:
    """Which training function a method uses: "fit" or "train_on_batch"."""
    return "fit" if name == "fit_generator" else name


# ---------------------------------------------------------------------- called while the program is followed


def note_switch(self: Interpreter, target: cst.Attribute, holder: Value | None, value: Value | None) -> None:
    """`holder.trainable = value`, where `target` is the left side."""
    known = boolean(value)
    whole = _looped(self, target.value)
    if whole is not None:
        holder, part = whole
    else:
        part = ""
    choices = options(holder)
    self.order += 1
    for option in choices:
        if not isinstance(option, Obj):
            continue
        unit = (option, part)
        self.units[unit] = None
        made: Switches = frozenset({Switch(known if len(choices) == 1 else None, self.order, target)})
        self.heap[(option, SLOT + part)] = made


def _looped(self: Interpreter, item: cst.BaseExpression) -> tuple[Obj, str] | None:
    """The model and the description of its layers when `item` is the variable of a loop over them."""
    if isinstance(item, cst.Subscript) and isinstance(item.value, cst.Attribute) and item.value.attr.value == "layers":
        model = self.peek(item.value.value)
        return (model, self.module.code(item)) if isinstance(model, Obj) and model.kind == "model" else None
    if not isinstance(item, cst.Name):
        return None
    for one in reversed(self.loops):
        loop = one.node
        if one.function is not self.function or not any(
            isinstance(name, cst.Name) and name.value == item.value for name in walk(loop.target)
        ):
            continue
        for node in walk(loop.iter):
            if isinstance(node, cst.Attribute) and node.attr.value == "layers":
                model = self.peek(node.value)
                if not isinstance(model, Obj) or model.kind != "model":
                    return None
                whole = loop.iter is node and any(line is self.statement for line in loop.body.body)
                return model, "" if whole else f"{self.module.code(loop.iter)} {_condition(self, loop)}"
        return None
    return None


def _condition(self: Interpreter, loop: cst.For) -> str:
    """Where in the body of a loop the statement stands, as far as it hangs on tests."""
    body: cst.CSTNode = loop.body
    found = []
    for node in walk(body):
        if isinstance(node, cst.If) and any(inner is self.statement for inner in walk(node)):
            inside = any(inner is self.statement for inner in walk(node.body))
            found.append(f"{'if' if inside else 'else'} {self.module.code(node.test)}")
    return " ".join(found)


def note_compile(self: Interpreter, receiver: Value | None, node: cst.Call) -> None:
    """`compile` of a model."""
    choices = options(receiver)
    for option in choices:
        if isinstance(option, Obj):
            old = _phases(self, option)
            made: set[Phase | None] = {
                replace(phase or Phase(), compiled=node, order=self.order, at_compile=snapshot(self), first=())
                for phase in old or {None}
            }
            self.heap[(option, PHASE)] = frozenset(made) if len(choices) == 1 else frozenset(made | set(old or {None}))


def note_training(self: Interpreter, receiver: Value | None, name: str) -> None:
    """A call of a training method of a model."""
    choices = options(receiver)
    for option in choices:
        if not isinstance(option, Obj):
            continue
        old = _phases(self, option)
        if old is None:
            continue
        made: set[Phase | None] = set()
        for phase in old:
            now = phase or Phase()
            first = now.first
            if now.first_by(method_of(name)) is None:
                first = (*first, (method_of(name), snapshot(self)))
            made.add(replace(now, first=first, trained=now.trained | {self.order}))
        whole = made if len(choices) == 1 else made | set(old)
        self.heap[(option, PHASE)] = frozenset(whole) if len(whole) <= _MOST else _LOST


def note_moment(self: Interpreter, event: Event) -> None:
    """Keep what is known just before a `compile` or a training."""
    self.moments.append(Moment(event, phases(self, event.receiver), snapshot(self), self.loops))


def note_save(self: Interpreter, event: Event) -> None:
    """Keep what is known just before a whole model is saved, where `trainable` of anything was set."""
    self.saves_met.append(Moment(event, phases(self, event.receiver), snapshot(self), self.loops))


def note_weights(self: Interpreter, receiver: Value | None) -> None:
    """The weights of a model were set."""
    for option in options(receiver):
        old = _phases(self, option) if isinstance(option, Obj) else None
        if old is not None:
            self.heap[(option, PHASE)] = frozenset(replace(phase or Phase(), trained=frozenset()) for phase in old)


def note_lost(self: Interpreter, model: Obj) -> None:
    """A model was handed to code that cannot be read."""
    self.heap[(model, PHASE)] = _LOST


def snapshot(self: Interpreter) -> Snapshot:
    """What `trainable` of everything that it was ever set on is now."""
    return tuple(
        (unit, cast(Switches, self.heap.get((unit[0], SLOT + unit[1]), frozenset({None})))) for unit in self.units
    )


def phases(self: Interpreter, receiver: Value | None) -> Phases | None:
    """The possible pasts of a model; None when they cannot be told."""
    if self.tainted:
        return None
    found: set[Phase | None] = set()
    for option in options(receiver):
        known = _phases(self, option) if isinstance(option, Obj) else None
        if known is None:
            return None
        found |= known
    return frozenset(found)


def _phases(self: Interpreter, model: Obj) -> Phases | None:
    known = self.heap.get((model, PHASE), frozenset({None}))
    return None if "lost" in cast("frozenset[object]", known) else cast(Phases, known)


# ---------------------------------------------------------------------- asked for by rules


def family(interpreter: Interpreter, model: Obj, units: Iterable[Unit]) -> Iterator[Unit]:
    """The units that belong to a model: itself and what is inside of it."""
    inside = {model, *layers_inside(interpreter, model)}
    return (unit for unit in units if unit[0] in inside)


def effective(interpreter: Interpreter, unit: Unit, moment: Snapshot) -> Switches | None:
    """The possible last switches that reach a unit: its own or one of a model around it; None in the set: none.

    None when it cannot be told which came last.
    """
    best: Switches = frozenset({None})
    for other, switches in moment:
        if other != unit and not (other[1] == "" and _contains(interpreter, other[0], unit[0])):
            continue
        orders = [switch.order for switch in switches if switch is not None]
        known = [switch.order for switch in best if switch is not None]
        if not orders or (known and max(orders) < min(known)):
            continue
        if None in switches and known:
            return None  # on one path this one, on another the earlier one
        if not known or min(orders) > max(known):
            best = switches
        else:
            return None
    return best


def _contains(interpreter: Interpreter, whole: Obj, part: Obj) -> bool:
    return whole is part or part in layers_inside(interpreter, whole)


def was_trainable(interpreter: Interpreter, part: Obj, moment: Snapshot) -> bool | None:
    """Whether a layer or model was trainable at a moment; None when it cannot be told."""
    if any(text and _contains(interpreter, holder, part) for (holder, text), _ in moment):
        return None  # some of the layers around it were picked
    return surely(effective(interpreter, (part, ""), moment), (part, ""))


def surely(switches: Switches | None, unit: Unit) -> bool | None:
    """The value that all the switches agree on; a unit that was never set has that of its constructor."""
    if switches is None:
        return None
    given = unit[0].arguments.find("trainable") if unit[0].cls is None and not unit[1] else None
    default = True if given is None else boolean(given[1])
    values = {default if switch is None else switch.value for switch in switches}
    return values.pop() if len(values) == 1 else None
