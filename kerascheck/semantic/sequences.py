"""Recurrent layers that stand behind one another, with what between them keeps the shape."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kerascheck.semantic.layer_graph import graph_of
from kerascheck.semantic.values import Items, Obj, Value, boolean

if TYPE_CHECKING:
    from kerascheck.semantic.layer_graph import Application
    from kerascheck.semantic.module import Module

_RECURRENT = frozenset({"LSTM", "GRU", "SimpleRNN", "CuDNNLSTM", "CuDNNGRU"})
# layers whose output has as many axes as their input
_KEEP = frozenset(
    """Activation ActivityRegularization AlphaDropout BatchNormalization Dense Dropout ELU GaussianDropout GaussianNoise
    Identity LayerNormalization LeakyReLU Masking PReLU ReLU Softmax ThresholdedReLU""".split()
)


def recurrent_of(layer: Value | None) -> Obj | None:
    """The LSTM, GRU or SimpleRNN that a layer is, or that it wraps in both directions."""
    if not isinstance(layer, Obj) or layer.kind != "layer" or layer.cls is not None:
        return None
    if layer.short == "Bidirectional":
        inner = layer.arguments.value("layer", 0)
        return recurrent_of(inner)
    return layer if layer.short in _RECURRENT else None


def gives_last_step(layer: Obj) -> bool:
    """Whether a recurrent layer surely gives one step and nothing else."""
    given = layer.arguments
    found = given.find("return_sequences")
    last = given.lacks("return_sequences") if found is None else boolean(found[1]) is False
    return last and given.lacks("return_state") and not given.open_keywords


def lost_sequences(module: Module) -> Iterator[tuple[Obj, Obj]]:
    """Each recurrent layer that gives its last step only, and the recurrent layer that gets it."""
    facts = module.facts
    for model in facts.models:
        graph = graph_of(facts, model)
        if graph is not None:
            for item in graph.applications:
                if item.layer is not None and not item.operation and recurrent_of(item.layer) is not None:
                    yield from _behind(item)
        elif model.form == "sequential":
            stack = facts.lasting.get((model, "#layers"))
            if isinstance(stack, Items):
                yield from _in_stack(stack.items)


def _in_stack(stack: tuple[Value | None, ...]) -> Iterator[tuple[Obj, Obj]]:
    before: Obj | None = None
    for layer in stack:
        recurrent = recurrent_of(layer)
        if recurrent is not None:
            if before is not None:
                yield before, recurrent
            before = recurrent if gives_last_step(recurrent) else None
        elif not isinstance(layer, Obj) or layer.cls is not None or layer.short not in _KEEP:
            before = None


def _behind(item: Application) -> Iterator[tuple[Obj, Obj]]:
    after = recurrent_of(item.layer)
    source = item.sources[0] if item.sources else None  # the others are states
    for _ in range(20):
        if source is None or source.layer is None or source.operation:
            return
        before = recurrent_of(source.layer)
        if before is not None:
            if after is not None and gives_last_step(before):
                yield before, after
            return
        if source.layer.cls is not None or source.layer.short not in _KEEP:
            return
        source = source.sources[0] if source.sources else None
