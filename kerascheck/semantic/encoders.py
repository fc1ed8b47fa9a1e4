"""What becomes of a fitted encoder and of the numbers that it gives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic.calls import TRAINING_METHODS
from kerascheck.semantic.inside import names_in
from kerascheck.semantic.values import Obj, Value, options, string
from kerascheck.semantic.walk import walk

if TYPE_CHECKING:
    from kerascheck.semantic.datasets import Step
    from kerascheck.semantic.module import Module

# methods of matplotlib's modules and axes
_DRAWING = frozenset("bar barplot heatmap hist imsave imshow matshow pcolormesh plot scatter".split())
_ADDING = frozenset({"append", "setdefault"})
_OUTPUTS = frozenset({"__call__", "predict", "predict_generator", "predict_on_batch"})
_MODEL_CALLS = _OUTPUTS | TRAINING_METHODS | {"evaluate", "evaluate_generator", "test_on_batch"}
# functions of pandas and numpy that read a file, and what takes some of its rows
_READING = frozenset(
    """genfromtxt load loadtxt open read_csv read_excel read_feather read_hdf read_json read_parquet read_pickle
    read_table""".split()
)
_CUTTING = frozenset("drop head nlargest nsmallest query sample split tail take train_test_split".split())


def is_one_of_several(module: Module, step: Step) -> bool:
    """Whether an encoder is made in the run of a loop that fits it, and kept in a container beside those of other runs.

    So each series, user or column has its own.
    """
    unit = module.index.unit(step.node)
    while unit is not None and not isinstance(unit.statement, (cst.For, cst.While)):
        if isinstance(unit.statement, (cst.FunctionDef, cst.ClassDef)):
            return False
        unit = unit.outer
    if unit is None or not isinstance(step.base, Obj) or not isinstance(step.node.func, cst.Attribute):
        return False
    inside = list(walk(unit.statement))
    receiver = step.node.func.value
    return any(node is step.base.call for node in inside) and any(
        module.code(kept) == module.code(receiver) for kept in _kept(inside)
    )


def _kept(nodes: list[cst.CSTNode]) -> Iterator[cst.BaseExpression]:
    """What is put into containers, and the items themselves that are bound."""
    for node in nodes:
        if isinstance(node, cst.Assign):
            items = [item.target for item in node.targets if isinstance(item.target, cst.Subscript)]
            yield from items
            if items:
                yield node.value
        elif isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value in _ADDING:
            yield from (item.value for item in node.args)


def is_only_drawn(module: Module, step: Step) -> bool:
    """Whether the numbers of a `fit_transform` go into pictures and nowhere else; its encoder has no name."""
    if not isinstance(step.node.func, cst.Attribute) or not isinstance(step.node.func.value, cst.Call):
        return False
    scope = step.function.node if step.function is not None else module.tree
    assigned = [node for node in walk(scope) if isinstance(node, cst.Assign)]
    names: set[str] = set()
    known: set[int] = set()  # the names that are followed, and those that are drawn
    drawn = False
    for node in walk(scope):
        if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value in _DRAWING:
            known.update(id(part) for item in node.args for part in walk(item))
    while True:
        met = len(names)
        for node in assigned:
            holds = not names.isdisjoint(names_in(node.value)) or any(part is step.node for part in walk(node.value))
            if not holds:
                continue
            targets = [item.target for item in node.targets]
            if not all(isinstance(item, cst.Name) for item in targets):
                return False
            names.update(item.value for item in targets if isinstance(item, cst.Name))
            known.update(id(part) for part in walk(node))
        if len(names) == met:
            break
    for node in walk(scope):
        if isinstance(node, cst.Name) and node.value in names:
            if id(node) not in known:
                return False
            drawn = True
    return drawn


def is_of_the_output(module: Module, step: Step) -> bool:
    """Whether an encoder is fitted on what a model has given, and nothing that it makes is given to a model again."""
    if not step.node.args or not isinstance(step.node.func, cst.Attribute):
        return False
    encoder = step.node.func.value
    if not isinstance(encoder, (cst.Name, cst.Call)):
        return False
    nodes = list(walk(step.function.node if step.function is not None else module.tree))
    given = {id(event.node) for event in module.events if event.name in _OUTPUTS and _is_a_model(event.receiver)}
    made = _made_of(nodes, given)
    if not _holds(step.node.args[0].value, made, given):
        return False
    return not _is_given_to_a_model(module, step, nodes, {encoder.value} if isinstance(encoder, cst.Name) else set())


def _is_a_model(value: Value | None) -> bool:
    return all(isinstance(item, Obj) and item.kind == "model" for item in options(value))


def _holds(node: cst.CSTNode, names: set[str], calls: set[int]) -> bool:
    """Whether an expression has one of some names or calls in it."""
    return not names.isdisjoint(names_in(node)) or any(id(part) in calls for part in walk(node))


def _made_of(nodes: list[cst.CSTNode], calls: set[int]) -> set[str]:
    """The names that are only bound to what is made of the results of some calls."""
    values: dict[str, list[cst.BaseExpression]] = {}
    unsure: set[str] = set()
    for node in nodes:
        if isinstance(node, cst.Assign):
            for item in node.targets:
                if isinstance(item.target, cst.Name):
                    values.setdefault(item.target.value, []).append(node.value)
                elif isinstance(item.target, (cst.Tuple, cst.List)):
                    unsure |= names_in(item.target)
        elif isinstance(node, (cst.For, cst.CompFor, cst.AugAssign)):
            unsure |= names_in(node.target)
    made: set[str] = set()
    while True:
        found = {
            name
            for name, bound in values.items()
            if name not in made | unsure
            and any(_holds(value, made, calls) for value in bound)
            and all(_holds(value, made | {name}, calls) for value in bound)
        }
        if not found:
            return made
        made |= found


def _is_given_to_a_model(module: Module, step: Step, nodes: list[cst.CSTNode], names: set[str]) -> bool:
    """Whether what an encoder makes is given to a model, or goes where it is not followed. `names`: the encoder's."""
    calls = {id(step.node)}
    functions = {item.node.name.value for item in module.functions if isinstance(item.node, cst.FunctionDef)}
    met = -1
    while len(names) != met:
        met = len(names)
        for node in nodes:
            if isinstance(node, cst.Assign) and _holds(node.value, names, calls):
                if any(isinstance(item.target, cst.Attribute) for item in node.targets):
                    return True
                names = names.union(*(names_in(item.target) for item in node.targets))
            elif isinstance(node, (cst.For, cst.CompFor)) and _holds(node.iter, names, calls):
                names = names | names_in(node.target)
            elif isinstance(node, (cst.Return, cst.Yield)) and node.value and _holds(node.value, names, calls):
                return True
            elif isinstance(node, cst.Call) and any(_holds(item.value, names, calls) for item in node.args):
                if isinstance(node.func, cst.Name) and node.func.value in functions:
                    return True
                if isinstance(node.func, cst.Attribute) and isinstance(node.func.value, cst.Name):
                    names = names | {node.func.value.value}  # it may keep what it is given
    asked = {
        id(event.node)
        for event in module.events
        if event.name in _MODEL_CALLS
        and any(not isinstance(item, Obj) or item.kind == "model" for item in options(event.receiver))
    }
    return any(
        isinstance(node, cst.Call)
        and id(node) in asked
        and node is not step.node
        and any(_holds(item.value, names, calls) for item in node.args)
        for node in nodes
    )


@dataclass(frozen=True)
class _Rows:
    """Where the rows come from that an encoder is fitted on: the files that are read, and how rows are taken."""

    paths: frozenset[str]
    cuts: frozenset[str]
    encoder: str


def is_fitted_alike_in_training(module: Module, step: Step) -> bool:
    """Whether a program of the project that trains fits the same encoder on the same file, rows taken alike.

    The path must be written in both programs, as must whatever takes some of the rows.
    """
    rows = _rows(module, step)
    if rows is None or module.project is None:
        return False
    for other in module.project.mentioning(module.path, (".fit(", "train_on_batch", "fit_generator"), min(rows.paths)):
        if not any(event.name in TRAINING_METHODS and _is_a_model(event.receiver) for event in other.events):
            continue
        if any(other.owns(item.node) and _rows(other, item) == rows for item in other.facts.steps_met):
            return True
    return False


def _rows(module: Module, step: Step) -> _Rows | None:
    """What is known of the rows that an encoder is fitted on; None when a path is not known."""
    made = step.base
    if not isinstance(made, Obj) or not isinstance(made.call, cst.Call) or made.module is not module:
        return None
    if not step.name.startswith("fit") or not step.node.args:
        return None
    given = ", ".join(sorted(module.code(item) for item in made.call.args))
    paths: set[str] = set()
    cuts: set[str] = set()
    for value in _sources(module, step):
        for node in walk(value):
            if isinstance(node, cst.Call):
                called = node.func.attr if isinstance(node.func, cst.Attribute) else node.func
                name = called.value if isinstance(called, cst.Name) else ""
                if name in _READING:
                    path = _path(module, node)
                    if path is None:
                        return None
                    paths.add(path)
                    cuts.update(module.code(item) for item in node.args[1:])
                elif name in _CUTTING:
                    cuts.add(", ".join([name, *(module.code(item.value) for item in node.args)]))
            elif isinstance(node, cst.Subscript):
                cuts.update(module.code(item.slice) for item in node.slice if not _is_column(item.slice))
    return _Rows(frozenset(paths), frozenset(cuts), f"{made.ref}({given})") if paths else None


def _path(module: Module, call: cst.Call) -> str | None:
    """The path that a call reads, where it is written."""
    given = call.args[0].value if call.args else None
    if isinstance(given, cst.SimpleString):
        return given.raw_value
    return string(module.bound(given.value)) if isinstance(given, cst.Name) else None


def _is_column(part: cst.BaseSlice) -> bool:
    """Whether an index names columns."""
    value = part.value if isinstance(part, cst.Index) else None
    items = [item.value for item in value.elements] if isinstance(value, cst.List) else [value]
    return all(isinstance(item, cst.SimpleString) for item in items)


def _sources(module: Module, step: Step) -> list[cst.BaseExpression]:
    """What an encoder is fitted on, and what the names in it were bound to before, and the names in that."""
    start = module.span(step.node).start
    bound: list[tuple[set[str], cst.BaseExpression]] = []
    for node in walk(step.function.node if step.function is not None else module.tree):
        if isinstance(node, cst.Assign) and module.span(node.value).end < start:
            bound.append((set().union(*(names_in(item.target) for item in node.targets)), node.value))
        elif isinstance(node, (cst.For, cst.CompFor)) and module.span(node.iter).end < start:
            bound.append((names_in(node.target), node.iter))
        elif isinstance(node, cst.WithItem) and node.asname is not None and module.span(node.item).end < start:
            bound.append((names_in(node.asname.name), node.item))
    found: list[cst.BaseExpression] = [step.node.args[0].value]
    names = names_in(found[0])
    while True:
        more = [item for item in bound if not names.isdisjoint(item[0])]
        if not more:
            return found
        bound = [item for item in bound if names.isdisjoint(item[0])]
        for _, value in more:
            found.append(value)
            names |= names_in(value)
