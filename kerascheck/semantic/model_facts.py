"""What is understood of each model of a file: how it is made, its layers, what happens to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic import keras_api
from kerascheck.semantic.events import Event, Flag, States
from kerascheck.semantic.graph import activation_name, head_of
from kerascheck.semantic.layer_graph import Application, LayerGraph, graph_of
from kerascheck.semantic.storage import loads, saves
from kerascheck.semantic.values import Const, Items, Obj, Tensor, Text, Value, number, options, string

if TYPE_CHECKING:
    from kerascheck.semantic.graph import Head
    from kerascheck.semantic.module import Module

Shape = tuple[int | None, ...]

_WORDS = {
    Flag.VARIABLES: "built",
    Flag.MARKED: "hollow",
    Flag.CHILDREN: "children built",
    Flag.COMPILED: "compiled",
    Flag.TRAINED: "trained",
    Flag.LOADED: "weights loaded",
    Flag.UNSURE: "unsure",
}
_SHOWN_EVENTS = {
    "fit", "fit_generator", "train_on_batch", "evaluate", "predict", "compile", "build", "save", "save_weights",
    "load_weights", "__call__", "to_json", "summary",
}  # fmt: skip


@dataclass(frozen=True)
class LayerFacts:
    """One layer, sub-model or operation. `after` are the places of its sources in the list of layers."""

    name: str | None
    kind: str
    units: int | None
    activation: str | None
    runs: int
    interleaved: bool
    after: tuple[int, ...]
    model: Obj | None


@dataclass(frozen=True)
class Happening:
    """Something that happens to a model, the possible states before it, and the path that is written or read."""

    name: str
    place: tuple[Module, cst.CSTNode]
    before: tuple[str, ...]
    path: str | None
    known: bool


@dataclass
class ModelFacts:
    """One place that makes a model; `made` counts how often the program was seen to do so.

    `complete` is False when a layer or tensor is not known. `shape` is that of the first input, without the batch.
    """

    model: Obj
    place: tuple[Module, cst.CSTNode] | None
    variable: str | None
    complete: bool
    layers: tuple[LayerFacts, ...]
    shape: Shape | None
    head: Head | None
    made: int = 1
    happenings: list[Happening] = field(default_factory=list)


def models_in(module: Module) -> list[ModelFacts]:
    """The models that a file makes or uses, in the order in which the program makes them."""
    facts = module.facts
    found: dict[object, ModelFacts] = {}
    for model in facts.models:
        if model.module is module or model.call is None:
            _add(found, module, model)
    for event in module.events:
        for option in options(event.receiver):
            if isinstance(option, Obj) and option.kind == "model" and event.name in _SHOWN_EVENTS:
                if option.call is None and event.owner is not None:
                    continue  # `self` inside of its own class
                happening = _happening(event, event.states)
                known = _add(found, module, option, count=False)
                if all(other.place[1] is not happening.place[1] for other in known.happenings):
                    known.happenings.append(happening)
    for save in saves(module):
        if save.format != "json":
            for model in save.models:
                known = _add(found, module, model, count=False)
                if all(other.place[1] is not save.node for other in known.happenings):
                    path, sure = path_text(save.path)
                    known.happenings.append(Happening("checkpoint", (save.module, save.node), (), path, sure))
    for load in loads(module):
        for known in found.values():
            if known.model.call is load.node:
                path, sure = path_text(load.path)
                known.happenings.insert(0, Happening("load_model", (load.module, load.node), (), path, sure))
    return list(found.values())


def _add(found: dict[object, ModelFacts], module: Module, model: Obj, count: bool = True) -> ModelFacts:
    key: object = model.call if model.call is not None else (model.cls or model)
    known = found.get(key)
    if known is None:
        known = found[key] = _described(module, model)
    elif count:
        known.made += 1
        if not known.complete and model.form == "functional":
            other = _described(module, model)
            if other.complete:
                known.model, known.layers, known.complete = model, other.layers, True
                known.shape, known.head = other.shape, other.head
    return known


def _described(module: Module, model: Obj) -> ModelFacts:
    facts = module.facts
    layers: tuple[LayerFacts, ...] = ()
    complete = False
    graph = graph_of(facts, model)
    shape: Shape | None = None
    if graph is not None:
        layers, complete = _of_graph(graph), graph.complete
        inputs = [item for item in graph.applications if item.layer is None and not item.operation]
        shape = _input_shape(inputs[0].tensor) if len(inputs) == 1 else None
    elif model.form == "sequential":
        stack = facts.lasting.get((model, "#layers"))
        if isinstance(stack, Items):
            complete = stack.exact and None not in stack.items
            layers = tuple(_of_stack(list(stack.known())))
            shape = _first_shape(stack.items[0] if stack.items else None)
    elif model.cls is not None:
        sublayers = facts.sublayers(model.cls) or {}
        rows = [(name, item) for name, items in sublayers.items() for item in items]
        complete = all(isinstance(item, Obj) for _, item in rows)
        layers = tuple(_layer(item, own=name) for name, item in rows if isinstance(item, Obj))
    place = (model.module, model.call) if model.module is not None and model.call is not None else None
    if place is None and model.cls is not None:
        place = (model.cls.module, model.cls.node.name)
    return ModelFacts(model, place, _variable(model), complete, layers, shape, head_of(facts, model))


def _of_graph(graph: LayerGraph) -> tuple[LayerFacts, ...]:
    """The applications in the order in which the program makes them, a layer that runs several times once each."""
    rows = sorted(graph.applications, key=lambda item: (bool(item.sources), item.tensor.order))
    rows = _sources_first(rows)
    places = {item: place for place, item in enumerate(rows)}
    apart = {again.layer for _, again in graph.interleaved()}
    found = []
    for item in rows:
        after = tuple(places[source] for source in item.sources)
        if item.layer is not None and item.inside is None:
            runs = len(graph.runs[item.layer])
            found.append(_layer(item.layer, runs, item.layer in apart, after))
        else:
            name = "tensor inside a model" if item.inside is not None else item.operation.rpartition(".")[2] or "Input"
            found.append(LayerFacts(None, name, None, None, 1, False, after, item.inside))
    return tuple(found)


def _sources_first(rows: list[Application]) -> list[Application]:
    done: dict[Application, None] = {}
    waiting = list(rows)
    while waiting:
        ready = [item for item in waiting if all(source in done for source in item.sources)]
        done.update(dict.fromkeys(ready))
        if not ready:
            break
        waiting = [item for item in waiting if item not in done]
    return [*done, *waiting]


def _of_stack(stack: list[Value | None]) -> Iterator[LayerFacts]:
    for place, item in enumerate(stack):
        after = (place - 1,) if place else ()
        if isinstance(item, Obj):
            yield _layer(item, after=after)
        else:
            kind = "Input" if isinstance(item, Tensor) and not item.operation and item.layer is None else "unknown"
            yield LayerFacts(None, kind, None, None, 1, False, after, None)


def _layer(
    layer: Obj, runs: int = 1, interleaved: bool = False, after: tuple[int, ...] = (), own: str | None = None
) -> LayerFacts:
    given = layer.arguments
    units = activation = None
    if layer.cls is None and layer.short in keras_api.UNITS:
        sizes = [number(given.value(keyword, 0)) for keyword in keras_api.UNITS[layer.short]]
        units = next((int(size) for size in sizes if size is not None), None)
    chosen = given.find("activation", 0 if layer.short == "Activation" else 1 if layer.short == "Dense" else None)
    if chosen is not None:
        activation = activation_name(chosen[1])
    elif layer.cls is None and layer.short in keras_api.DEFAULT_LINEAR and not given.open_keywords:
        activation = "linear"
    name = string(given.value("name")) or own
    inner = layer if layer.kind == "model" else None
    return LayerFacts(name, layer.short, units, activation, runs, interleaved, after, inner)


def _happening(event: Event, states: States | None) -> Happening:
    path, known = None, True
    if event.name in {"save", "save_weights", "load_weights"}:
        path, known = path_text(event.arguments.value("filepath", 0))
    name = "call" if event.name == "__call__" else event.name
    return Happening(name, (event.module, event.node), states_text(states), path, known)


def states_text(states: States | None) -> tuple[str, ...]:
    """The possible states in words, such as "built, compiled"; empty when they cannot be told."""
    if states is None:
        return ()
    return tuple(", ".join(word for flag, word in _WORDS.items() if state & flag) or "new" for state in sorted(states))


def path_text(value: Value | None) -> tuple[str | None, bool]:
    """A path as far as it is known, with `...` for what is not, and whether all of it is."""
    if isinstance(value, Const) and isinstance(value.value, str):
        return value.value, True
    if isinstance(value, Text) and (value.prefix or value.suffix):
        return f"{value.prefix}...{value.suffix}", False
    return None, False


def _variable(model: Obj) -> str | None:
    """The name that the model is first assigned to."""
    statement = model.statement
    for small in statement.body if isinstance(statement, cst.SimpleStatementLine) else ():
        if isinstance(small, (cst.Assign, cst.AnnAssign)) and small.value is model.call:
            target = small.targets[0].target if isinstance(small, cst.Assign) else small.target
            if isinstance(target, cst.Name):
                return target.value
            if isinstance(target, cst.Attribute) and isinstance(target.value, cst.Name):
                return f"{target.value.value}.{target.attr.value}"
    return None


def _input_shape(tensor: Tensor) -> Shape | None:
    found = tensor.arguments.value("shape", 0)
    if found is not None:
        return _shape(found)
    whole = _shape(tensor.arguments.value("batch_shape"))
    return whole[1:] if whole is not None else None


def _first_shape(value: Value | None) -> Shape | None:
    if isinstance(value, Tensor):
        return _input_shape(value)
    if not isinstance(value, Obj):
        return None
    shape = _shape(value.arguments.value("input_shape"))
    size = number(value.arguments.value("input_dim"))
    if shape is None and size is not None and value.short != "Embedding":
        return (int(size),)
    return shape


def _shape(value: Value | None) -> Shape | None:
    if not isinstance(value, Items) or not value.exact:
        return None
    sizes = [number(item) for item in value.items]
    nothing = [isinstance(item, Const) and item.value is None for item in value.items]
    if not all(size is not None or free for size, free in zip(sizes, nothing)):
        return None
    return tuple(None if size is None else int(size) for size in sizes)
