"""What is shown at a place: the page of a finding or code, or what is known of a model variable. Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck import pages
from kerascheck.explain import UnknownTopic, explain
from kerascheck.semantic.events import Flag
from kerascheck.semantic.metrics import loss_of
from kerascheck.semantic.model_facts import LayerFacts, ModelFacts, models_in, states_text
from kerascheck.semantic.values import Obj, options
from kerascheck.semantic.walk import children
from kerascheck.terminal import many

if TYPE_CHECKING:
    from kerascheck.finding import Finding
    from kerascheck.notebooks import Joined
    from kerascheck.semantic.events import Event
    from kerascheck.semantic.module import Module

_CODE = re.compile(r"KC\d{3}")
_NAME = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)?")
_MOST_LAYERS = 12
_ADDS = {  # what is true of a model after one of its methods has returned
    "compile": Flag.COMPILED,
    "fit": Flag.VARIABLES | Flag.TRAINED,
    "fit_generator": Flag.VARIABLES | Flag.TRAINED,
    "train_on_batch": Flag.VARIABLES | Flag.TRAINED,
    "load_weights": Flag.LOADED,
    "__call__": Flag.VARIABLES,
    "predict": Flag.VARIABLES,
    "evaluate": Flag.VARIABLES,
}


@dataclass(frozen=True)
class _Use:
    """One call on a model, at a line and column (from 1) of the text; `receiver` as it is written."""

    event: Event
    receiver: str
    start: int


def page_text(code: str) -> str | None:
    """The page of a code of the catalogue; None when there is no such code."""
    try:
        return explain(code)
    except UnknownTopic:
        return None


def finding_text(finding: Finding) -> str:
    """A finding with its verdict, and the page of its rule."""
    lines = [f"**{finding.code}** {finding.name}: {finding.message}"]
    if finding.verdict is not None:
        lines.append(verdict_text(finding))
    page = pages.all_pages().get(finding.code)
    if page is not None:
        lines.append("---\n\n" + page.text.strip().partition("\n")[2].strip())
        lines.append(f"[{page.name}]({page.url})")
    return "\n\n".join(lines)


def verdict_text(finding: Finding) -> str:
    """The verdict of a finding in one line; an empty string when it has none."""
    verdict = finding.verdict
    if verdict is None:
        return ""
    words = verdict.status.value.replace("-", " ")
    return f"{words}: {verdict.evidence} (keras {verdict.keras}, {verdict.backend}, {verdict.seconds:.1f} s)"


def code_at(line: str, index: int) -> tuple[str, int, int] | None:
    """The code `KCnnn` around a code point (from 0) of a line, with its start and end."""
    for match in _CODE.finditer(line):
        if match.start() <= index <= match.end():
            return match.group(), match.start(), match.end()
    return None


def name_at(line: str, index: int) -> tuple[str, int, int] | None:
    """The name around a code point (from 0) of a line, with its start and end.

    `self.model` is one name on `model`; on the first part of a longer chain it is that part.
    """
    for match in _NAME.finditer(line):
        if match.start() <= index <= match.end():
            first, dot, _ = match.group().partition(".")
            if dot and (first != "self" or index < match.start() + len(first)):
                return first, match.start(), match.start() + len(first)
            return match.group(), match.start(), match.end()
    return None


def model_text(module: Module, joined: Joined | None, name: str, offset: int) -> str | None:
    """What is known of the model that a variable holds at an offset of the module's text; None when nothing is."""
    span = _function_around(module, offset)
    found = _model(module, name, offset, span)
    if found is None:
        return None
    model, inside = found
    uses = sorted(
        (use for use in _uses(module, model) if not inside or _within(use.start, span)), key=lambda use: use.start
    )
    lines = [f"`{name}`: " + _title(module, joined, model)]
    loss = _loss(module, model, uses, offset)
    if loss:
        lines.append(loss)
    state = _state(uses, offset)
    if state:
        lines.append(f"at this line: {state}")
    if model.layers:
        lines.append(_layers(model))
    return "\n\n".join(lines)


def _model(module: Module, name: str, offset: int, span: tuple[int, int]) -> tuple[ModelFacts, bool] | None:
    """The model behind a name: made or used under it in the same function, the last one before the offset first."""
    best: tuple[tuple[bool, bool, int], ModelFacts, bool] | None = None
    for model in models_in(module):
        places = []
        if model.variable == name and model.place is not None and model.place[0] is module:
            places.append(module.span(model.place[1]).start)
        places += [use.start for use in _uses(module, model) if use.receiver == name]
        for place in places:
            inside = _within(place, span)
            rank = (inside, place <= offset, place if place <= offset else -place)
            if best is None or rank > best[0]:
                best = (rank, model, inside)
    if best is None:
        return None
    # a name of another function is another variable, unless it is bound at module level
    if not best[2] and "." not in name and _function_around(module, abs(best[0][2])) != (0, len(module.source.text)):
        return None
    return best[1], best[2]


def _uses(module: Module, model: ModelFacts) -> Iterator[_Use]:
    """The calls on a model in this file."""
    for event in module.events:
        if event.module is not module or event.receiver_node is None or not module.owns(event.node):
            continue
        if _is_on(event, model):
            yield _Use(event, module.code(event.receiver_node), module.span(event.node).start)


def _is_on(event: Event, model: ModelFacts) -> bool:
    receivers = options(event.receiver)
    return any(isinstance(item, Obj) and item.kind == "model" and _same(item, model.model) for item in receivers)


def _same(one: Obj, other: Obj) -> bool:
    return one is other or (one.call is not None and one.call is other.call)


def _title(module: Module, joined: Joined | None, model: ModelFacts) -> str:
    kind = "" if model.model.form in ("sequential", "") else f", {model.model.form}"
    parts = [f"`{model.model.short}`{kind}"]
    if model.place is not None:
        home, node = model.place
        position = home.source.position(home.span(node).start)
        if home is module and joined is not None:
            cell, position = joined.place(position)
            parts.append(f"made in cell {cell.index}, line {position.line}")
        else:
            parts.append(
                f"made at {home.path}:{position.line}" if home is not module else f"made in line {position.line}"
            )
    if model.shape is not None:
        sizes = ", ".join("?" if size is None else str(size) for size in model.shape)
        parts.append(f"input ({sizes}{',' * (len(model.shape) == 1)})")
    if model.head is not None:
        units = "?" if model.head.units is None else model.head.units
        parts.append(f"output {units}, last activation {model.head.activation or 'not known'}")
    return "; ".join(parts)


def _loss(module: Module, model: ModelFacts, uses: list[_Use], offset: int) -> str:
    """The loss of the last `compile` before the offset, of the first behind it, or of one in another file."""
    compiles = [use for use in uses if use.event.name == "compile"]
    event = next((use.event for use in reversed(compiles) if use.start <= offset), None)
    if event is None:
        elsewhere = (item for item in module.events_of("compile") if _is_on(item, model))
        event = compiles[0].event if compiles else next(elsewhere, None)
    if event is None:
        return ""
    name, logits = loss_of(event.module, event)
    if name is None:
        return "loss: not known"
    taken = {True: ", of logits", False: "", None: ", of logits or not"}[logits]
    return f"loss: `{name}`{taken}"


def _state(uses: list[_Use], offset: int) -> str:
    """The possible states of the model where the offset is, in words; empty when they cannot be told."""
    before: Event | None = None
    for use in uses:
        if use.start <= offset <= use.start + len(use.receiver):
            return _words(use.event, after=False)
        if use.start <= offset:
            before = use.event
    if before is not None:
        return _words(before, after=True)
    return _words(uses[0].event, after=False) if uses else ""


def _words(event: Event, *, after: bool) -> str:
    states = event.states
    if states is None or (after and event.name == "build"):
        return ""
    if after:
        states = frozenset(state | _ADDS.get(event.name, Flag.NEW) for state in states)
    rows = states_text(states)
    unbuilt = all(not state & (Flag.VARIABLES | Flag.MARKED | Flag.UNSURE) for state in states)
    words = " or ".join("unbuilt" if row == "new" else row for row in rows)
    return f"unbuilt, {words}" if unbuilt and "unbuilt" not in words else words


def _layers(model: ModelFacts) -> str:
    shown = [f"- {_layer(layer)}" for layer in model.layers[:_MOST_LAYERS]]
    rest = len(model.layers) - len(shown)
    if rest > 0:
        shown.append(f"- and {many(rest, 'more layer')}" if rest == 1 else f"- and {rest} more layers")
    if not model.complete:
        shown.append("- (not everything is known)")
    return f"{many(len(model.layers), 'layer')}:\n\n" + "\n".join(shown)


def _layer(layer: LayerFacts) -> str:
    given = [str(item) for item in (layer.units, layer.activation) if item is not None]
    text = f"`{layer.kind}({', '.join(given)})`" if given else f"`{layer.kind}`"
    text += f" {layer.name}" if layer.name else ""
    return text + (f", {layer.runs} runs" if layer.runs > 1 else "")


def _within(offset: int, span: tuple[int, int]) -> bool:
    return span[0] <= offset < span[1] or span[0] == span[1]


def _function_around(module: Module, offset: int) -> tuple[int, int]:
    """The span of the innermost function around an offset; that of the whole text at module level."""
    best = (0, len(module.source.text))
    pending: list[cst.CSTNode] = [module.tree]
    while pending:
        node = pending.pop()
        if isinstance(node, cst.FunctionDef):
            span = module.span(node)
            if span.start <= offset <= span.end and span.end - span.start < best[1] - best[0]:
                best = (span.start, span.end)
        if isinstance(node, (cst.Module, cst.BaseCompoundStatement, cst.BaseSuite, cst.Else, cst.ExceptHandler,
                             cst.Finally)):  # fmt: skip
            pending.extend(children(node))
    return best
