"""Functional and Sequential models as graphs: what runs on what, what is run twice, what lies inside of what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, cast

from kerascheck.semantic import keras_api
from kerascheck.semantic.values import Bound, Choice, Items, Mapping, Obj, Part, Tensor, Value, boolean, options

if TYPE_CHECKING:
    from kerascheck.semantic.interpreter import Interpreter

_MAXIMUM_APPLICATIONS = 3000
_MAXIMUM_NESTING = 6
_FLAGS = frozenset({"training", "mask"})
# built-in layers with one or more outputs, depending on an argument; all others have one
_RECURRENT = frozenset({"LSTM", "GRU", "SimpleRNN", "RNN", "Bidirectional", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"})
_OPEN = frozenset({"Lambda", "TimeDistributed", "Wrapper", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"})


@dataclass(frozen=True, eq=False)
class Application:
    """One run of a layer or sub-model (`layer`) or of an operation on other applications; an input has neither.

    `layer` is also set for "#output", "#input" and "#inner": some tensor inside of that model.
    """

    tensor: Tensor
    layer: Obj | None
    operation: str
    sources: tuple[Application, ...]

    @property
    def inside(self) -> Obj | None:
        """The model, not followed itself, from the inside of which this tensor is taken."""
        return self.layer if self.operation.startswith("#") else None

    @property
    def key(self) -> object:
        """What Keras calls the operation: the layer, however often it is run."""
        return self.layer if self.layer is not None and not self.operation else self.tensor


class LayerGraph:
    """What lies between the inputs and outputs of a functional model.

    `applications` has each once, in the order in which Keras meets them from the outputs, sources first. `complete` is
    False when a tensor comes from somewhere that cannot be told, `exact` when a subscript may be an operation or not.
    """

    def __init__(
        self, model: Obj, inputs: Value | None, outputs: Value | None, facts: dict[tuple[object, str], object]
    ) -> None:
        self.model = model
        self.complete = self.exact = True
        self._facts = facts
        self._known: dict[Tensor, Application] = {}
        self._met: dict[object, int] = {}
        self._ends: list[Tensor] = [self._producer(item) for item in self._tensors(inputs)]
        self.outputs = tuple(self._follow(item) for item in self._tensors(outputs))

    @property
    def ends(self) -> tuple[Tensor, ...]:
        """The inputs."""
        return tuple(self._ends)

    @property
    def applications(self) -> tuple[Application, ...]:
        return tuple(self._known.values())

    @cached_property
    def runs(self) -> dict[Obj, list[Application]]:
        """The applications of each layer and sub-model, in the order in which the program makes them."""
        found: dict[Obj, list[Application]] = {}
        for item in self._known.values():
            if item.layer is not None and not item.operation:
                found.setdefault(item.layer, []).append(item)
        return {layer: sorted(items, key=lambda item: item.tensor.order) for layer, items in found.items()}

    def holds(self, tensor: Tensor) -> bool:
        """Whether a tensor lies on the way from the inputs to the outputs."""
        return tensor in self._known

    def interleaved(self) -> Iterator[tuple[Application, Application]]:
        """Layers that run on a result of their own that has been through something else: the run before, the run.

        The first such run of each layer.
        """
        for layer, items in self.runs.items():
            for item in items[1:]:
                before = self._before(item, layer)
                if before is not None:
                    yield before, item
                    break

    def out_of_order(self) -> tuple[Application, Application] | None:
        """The run that Keras 3.0-3.6 cannot make again when it loads the model, and the source that it misses.

        Those releases make the runs of one layer all at once, the deepest layer first (keras 3.6.0 ops/function.py
        map_graph, models/functional.py functional_from_config). None when all is well or the graph is not known.
        """
        if not self.complete or not self.exact:
            return None
        # an input exists as soon as it is made
        made = {item for item in self._known.values() if item.layer is None and not item.operation}
        for items in self.operations:
            for item in items:
                missing = next((source for source in item.sources if source not in made), None)
                if missing is not None:
                    return item, missing
                made.add(item)
        return None

    def writes_before(self, one: Application, other: Application) -> bool | None:
        """Whether the configuration has the layer of `one` before that of `other`; None when it cannot be told."""
        if not self.complete or not self.exact:
            return None
        places = {items[0].key: place for place, items in enumerate(self.operations)}
        return places[one.key] < places[other.key]

    @cached_property
    def operations(self) -> list[list[Application]]:
        """The runs of each layer or operation, in the order in which Keras writes them: the deepest first."""
        depths: dict[Application, int] = {}
        of_operation: dict[object, int] = {}
        for item in reversed(self._known.values()):
            depth = max(depths.get(item, 0), of_operation.get(item.key, 0))
            depths[item] = of_operation[item.key] = depth
            for source in item.sources:
                depths[source] = max(depth + 1, depths.get(source, 0))
        rows: dict[tuple[int, int], list[Application]] = {}
        for item in sorted(self._known.values(), key=lambda item: item.tensor.order):
            rows.setdefault((-of_operation[item.key], self._met[item.key]), []).append(item)
        return [rows[place] for place in sorted(rows)]

    def _before(self, item: Application, layer: Obj) -> Application | None:
        """A run of `layer` that this run depends on through another operation."""
        queue = [source for source in item.sources if source.key is not layer]
        seen: set[Application] = set()
        while queue:
            current = queue.pop()
            if current in seen:
                continue
            seen.add(current)
            if current.key is layer:
                return current
            queue += current.sources
        return None

    # ------------------------------------------------------------------ following tensors

    def _follow(self, tensor: Tensor) -> Application:
        """The application that gives a tensor; those it depends on are made first, without recursion."""
        start = self._producer(tensor)
        stack: list[tuple[Tensor, list[Tensor], int]] = []
        self._open(start, stack)
        while stack:
            current, sources, place = stack.pop()
            if place < len(sources):
                stack.append((current, sources, place + 1))
                self._open(sources[place], stack)
            elif current not in self._known:
                before = tuple(dict.fromkeys(self._known[item] for item in sources if item in self._known))
                self._known[current] = Application(current, _layer_of(current), _operation_of(current), before)
        known = self._known.get(start)
        if known is None:  # more than is looked at
            self.complete = False
            return Application(start, _layer_of(start), _operation_of(start), ())
        return known

    def _open(self, tensor: Tensor, stack: list[tuple[Tensor, list[Tensor], int]]) -> None:
        if tensor in self._known or any(tensor is item for item, _, _ in stack[-1:]):
            return
        if len(self._known) + len(stack) > _MAXIMUM_APPLICATIONS:
            self.complete = False
            return
        layer = _layer_of(tensor)
        self._met.setdefault(tensor if layer is None or _operation_of(tensor) else layer, len(self._met))
        stops = any(tensor is item for item in self._ends)
        stack.append((tensor, [] if stops else self._sources(tensor), 0))

    def _sources(self, tensor: Tensor) -> list[Tensor]:
        if tensor.operation.startswith("#") or (tensor.layer is None and not tensor.operation):
            return []
        if not isinstance(tensor.layer, Obj):
            if tensor.operation.startswith("?") or any(value is None for _, value in tensor.arguments.positional):
                self.complete = False
            return [self._producer(item) for value in tensor.inputs for item in self._tensors(value)]
        given = [value for _, value in tensor.arguments.positional]
        given += [value for name, _, value in tensor.arguments.keywords if name not in _FLAGS]
        found = [self._producer(item) for value in given for item in self._tensors(value)]
        if not found:
            self.complete = False
        return found

    def _tensors(self, value: Value | None) -> Iterator[Tensor]:
        """The tensors in a value; what cannot be told makes the graph incomplete."""
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, Items):
            self.complete = self.complete and value.exact
            for item in value.known():
                yield from self._tensors(item)
        elif isinstance(value, Mapping):
            self.complete = self.complete and value.exact
            for _, item in value.entries:
                yield from self._tensors(item)
        elif value is None or isinstance(value, (Part, Obj, Choice, Bound)):
            self.complete = False

    def _producer(self, tensor: Tensor) -> Tensor:
        """The application behind a tensor that is one of several outputs."""
        while tensor.operation == "getitem" and isinstance(tensor.inputs[0], Tensor):
            several = self._has_several_outputs(tensor.inputs[0])
            if several is False:
                break
            if several is None:
                self.exact = False
            tensor = tensor.inputs[0]
        return tensor

    def _has_several_outputs(self, tensor: Tensor) -> bool | None:
        """Whether what gives a tensor gives several, so that `[0]` chooses one; None when it cannot be told."""
        layer = tensor.layer
        if not isinstance(layer, Obj):
            return False if tensor.operation in {"", "slice"} else None
        if layer.kind == "model":
            outputs = self._facts.get((layer, "#outputs"))
            if isinstance(outputs, Items):
                return len(outputs.items) > 1 if outputs.exact else None
            return False if isinstance(outputs, Tensor) or (layer, "#layers") in self._facts else None
        if layer.cls is not None or layer.short in _OPEN:
            return None
        if layer.short in _RECURRENT:
            if layer.short in {"RNN", "Bidirectional"}:
                return None
            state = layer.arguments.find("return_state")
            return False if state is None else boolean(state[1])
        if layer.short in {"MultiHeadAttention", "Attention", "AdditiveAttention"}:
            return None if tensor.arguments.find("return_attention_scores") is not None else False
        return False


def _layer_of(tensor: Tensor) -> Obj | None:
    if tensor.operation.startswith("#"):  # `#input` of a model, or what a layer that is not known gives
        first = tensor.inputs[0]
        return first if isinstance(first, Obj) else None
    return tensor.layer if isinstance(tensor.layer, Obj) else None


def _operation_of(tensor: Tensor) -> str:
    return "" if isinstance(tensor.layer, Obj) else tensor.operation


def graph_of(interpreter: Interpreter, model: Value | None) -> LayerGraph | None:
    """The graph of a functional model; None when it is none or its outputs cannot be told."""
    if not isinstance(model, Obj) or model.kind != "model":
        return None
    known = interpreter.graphs.get(model)
    if known is None:
        outputs = interpreter.lasting.get((model, "#outputs"))
        if outputs is None:
            return None
        inputs = interpreter.lasting.get((model, "#inputs"))
        known = LayerGraph(model, cast("Value | None", inputs), cast("Value | None", outputs), interpreter.lasting)
        interpreter.graphs[model] = known
    return known


def layers_inside(interpreter: Interpreter, model: Obj, depth: int = 0) -> tuple[Obj, ...]:
    """The layers and models inside a model, those of its sub-models too, as far as they are known."""
    found: list[Obj] = []
    if depth > _MAXIMUM_NESTING:
        return ()
    layers = interpreter.lasting.get((model, "#layers"))
    graph = graph_of(interpreter, model)
    if model.kind == "layer":
        inner = model.arguments.value("layer", 0) if model.short in keras_api.WRAPPERS else None
        found = [inner] if isinstance(inner, Obj) else []
    elif isinstance(layers, Items):
        found = [item for item in layers.known() if isinstance(item, Obj)]
    elif graph is not None:
        found = list(graph.runs)
    for item in list(found):
        if item is not model and (item.kind == "model" or item.short in keras_api.WRAPPERS):
            found += layers_inside(interpreter, item, depth + 1)
    return tuple(dict.fromkeys(found))


def layers_in_branches(interpreter: Interpreter, model: Obj) -> tuple[Obj, ...]:
    """The layers that a functional model may have, whichever branches are taken where it is built."""
    found: dict[Obj, None] = {}
    stack: list[object] = [interpreter.lasting.get((model, "#outputs"))]
    seen: set[int] = set()
    while stack:
        item = stack.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, Items):
            stack += item.known()
        elif isinstance(item, Choice):
            stack += item.options
        elif isinstance(item, Tensor):
            stack += item.inputs
            found.update((layer, None) for layer in options(item.layer) if isinstance(layer, Obj))
    return tuple(found)


@dataclass(frozen=True)
class InnerUse:
    """A graph that runs `sub` (in `run`) and also, in `inner`, something with weights from the inside of `sub`.

    `written_first`: the configuration has `sub` before the inner layer; None when that cannot be told.
    `apart`: `sub` has an input of its own, so that the inner layer is run there on another one; likewise.
    """

    sub: Obj
    run: Application
    inner: Application
    written_first: bool | None
    apart: bool | None


def inner_uses(interpreter: Interpreter, graph: LayerGraph) -> Iterator[InnerUse]:
    """The sub-models that a graph runs as a whole while it also uses a layer or tensor from their inside."""
    for sub, runs in graph.runs.items():
        found = _inner_of(interpreter, graph, sub)
        if found:
            # one layer that comes behind the sub-model is enough for the fault
            order = [graph.writes_before(runs[0], item) for item in found]
            inner = next((item for item, first in zip(reversed(found), reversed(order)) if first), found[-1])
            first = True if True in order else None if None in order else False
            yield InnerUse(sub, runs[0], inner, first, _is_apart(interpreter, graph, sub, inner.layer))


def _is_apart(interpreter: Interpreter, graph: LayerGraph, sub: Obj, layer: Obj | None) -> bool | None:
    """Whether the models inside that run a layer begin with no input of the graph; None when that cannot be told."""
    if not graph.ends or not graph.complete or any(item.operation == "#input" for item in graph.applications):
        return None  # `sub.inputs` are those of the sub-model
    if any(end.operation for end in graph.ends):
        return None
    found: set[bool | None] = set()
    for model in (sub, *layers_inside(interpreter, sub)):
        if model.kind != "model" or model is layer:
            continue
        own, layers = graph_of(interpreter, model), interpreter.lasting.get((model, "#layers"))
        if own is not None:
            if not own.complete:
                found.add(None)
            elif layer in own.runs:
                found.add(bool(own.ends) and not set(own.ends) & set(graph.ends))
        elif not isinstance(layers, Items) or not layers.exact:
            found.add(None)
        elif any(item is layer for item in layers.items):
            found.add(True)
    return None if None in found or not found else found == {True}


@dataclass(frozen=True)
class SharedUse:
    """A graph that runs two sub-models, none inside the other, that both hold one layer or model with weights."""

    one: Application
    other: Application
    layer: Obj


def shared_uses(interpreter: Interpreter, graph: LayerGraph) -> Iterator[SharedUse]:
    """The pairs of sub-models of a graph that share a layer with weights; one layer for each pair."""
    subs = [(sub, runs[0], _parts(interpreter, sub)) for sub, runs in graph.runs.items() if sub.kind == "model"]
    for place, (sub, run, parts) in enumerate(subs):
        for other, second, others in subs[place + 1 :]:
            if sub in others or other in parts:
                continue
            shared = next((item for item in parts if item in others and _holds_weights(interpreter, item)), None)
            if shared is not None:
                first = run.tensor.order <= second.tensor.order
                yield SharedUse(run if first else second, second if first else run, shared)


def _parts(interpreter: Interpreter, model: Obj, depth: int = 0) -> dict[Obj, None]:
    """The layers and models that a model runs, those of its sub-models too; what a wrapper wraps is none.

    A model from whose inside it takes tensors counts, too: its layers are layers of this one.
    """
    found: dict[Obj, None] = {}
    layers = interpreter.lasting.get((model, "#layers"))
    graph = graph_of(interpreter, model)
    if isinstance(layers, Items):
        found.update((item, None) for item in layers.known() if isinstance(item, Obj))
    elif graph is not None:
        found.update((item.layer, None) for item in graph.applications if item.layer and item.operation != "#input")
    for item in [item for item in found if item.kind == "model" and item is not model and depth < _MAXIMUM_NESTING]:
        found.update(_parts(interpreter, item, depth + 1))
    return found


def _inner_of(interpreter: Interpreter, graph: LayerGraph, sub: Obj) -> list[Application]:
    """The applications of a graph that have weights and lie inside a sub-model that the graph also runs."""
    inside = layers_inside(interpreter, sub)
    if not inside and sub.kind != "model":
        return []
    found = []
    for item in graph.applications:
        layer = item.layer
        if layer is None or item.operation == "#input" or (item.inside is None and layer is sub):
            continue
        near = (sub, *inside) if item.inside is not None else inside
        if any(layer is other for other in near) and _holds_weights(interpreter, layer):
            found.append(item)
    return found


def _holds_weights(interpreter: Interpreter, layer: Obj) -> bool | None:
    if layer.kind == "model":
        inside = layers_inside(interpreter, layer)
        return any(interpreter.weighted(item) for item in inside if item.kind == "layer") if inside else True
    return interpreter.weighted(layer)
