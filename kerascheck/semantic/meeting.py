"""Where two runs of one layer come together: in a function that runs it twice, or calls twice what runs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic.walk import children, walk

if TYPE_CHECKING:
    from kerascheck.semantic.module import Module
    from kerascheck.semantic.values import Tensor, Way


@dataclass(frozen=True)
class Step:
    """A call on the way to a run, or the run itself, in the file where it stands; `way` is where it is followed."""

    module: Module
    call: cst.Call
    way: Way | None


@dataclass(frozen=True)
class Meeting:
    """Where a layer runs again: `place` is what one would mend. The rest is what else there is to see, in order."""

    place: Step
    before: Step | None
    again: Step
    run: Step


def steps(tensor: Tensor, home: Module) -> list[Step]:
    """The calls that lead to a run of a layer, the outermost first, with the run at the end; the first is in `home`.

    Calls that are not known, such as that of a property, are left out.
    """
    found: list[Step] = []
    call, way = tensor.call, tensor.way
    while way is not None:
        if isinstance(call, cst.Call):
            found.append(Step(way.function.module, call, way))
        call, way = way.call, way.outer
    if isinstance(call, cst.Call):
        found.append(Step(home, call, None))
    return found[::-1]


def meeting(before: Tensor, again: Tensor, home: Module) -> Meeting | None:
    """Where a layer runs again that ran before, as one who mends it would see it, and where the first run is there.

    That is the run itself; or, where a function is called once for each of the two runs and is given the layer, the
    call that hands it over. A file that does not speak of Keras is not looked at: there it is the call that leads into
    it.
    """
    first, second = steps(before, home), steps(again, home)
    if not second:
        return None
    lowest, there = 0, first[0] if first else None
    for step in reversed(first):  # the innermost function that leads to both runs
        met = next((index for index, other in enumerate(second) if other.way is step.way), None)
        if met is not None:
            lowest, there = met, step
            break
    place, name = len(second) - 1, second[-1].call.func
    while place > lowest and (given := _handed_over(name, second[place])) is not None:
        place, name = place - 1, given
    while place > 0 and not second[place].module.speaks_of_keras:
        place -= 1
    return Meeting(second[place], there, second[lowest], second[-1])


def _handed_over(read: cst.BaseExpression, step: Step) -> cst.BaseExpression | None:
    """The argument from which a function has what it reads; None when it has it from elsewhere, as from `self`."""
    way = step.way
    if way is None or way.call is None:
        return None
    node, given = way.function.node.params, list(way.call.args)
    own = {item.name.value: item for item in (*node.posonly_params, *node.params, *node.kwonly_params)}
    places = [item.name.value for item in (*node.posonly_params, *node.params)]
    if way.function.owner is not None and "staticmethod" not in way.function.decorators:
        own.pop(places.pop(0), None)
    sources = _sources(way.function.node)
    names, queue = set[str](), _names_in(read)
    while queue:
        name = queue.pop()
        if name in names:
            continue
        names.add(name)
        queue += sources.get(name, ())
    for name in own:
        if name not in names:
            continue
        for index, argument in enumerate(given):
            if argument.keyword is not None:
                if argument.keyword.value == name:
                    return argument.value
            elif argument.star or places[index : index + 1] == [name]:
                return argument.value
    return None


def _sources(function: cst.CSTNode) -> dict[str, list[str]]:
    """The names from which the names are made that a function binds; those of loops, too."""
    found: dict[str, list[str]] = {}
    for node in walk(function):
        pairs: list[tuple[cst.CSTNode, cst.CSTNode]] = []
        if isinstance(node, cst.Assign):
            pairs = [(item.target, node.value) for item in node.targets]
        elif isinstance(node, (cst.For, cst.CompFor)):
            pairs = [(node.target, node.iter)]
        elif isinstance(node, cst.NamedExpr):
            pairs = [(node.target, node.value)]
        for target, value in pairs:
            for name in _names_in(target):
                found.setdefault(name, []).extend(_names_in(value))
    return found


def _names_in(node: cst.CSTNode) -> list[str]:
    """The names that an expression reads, the things that attributes are taken of among them, not what is called."""
    found, stack = [], [node]
    while stack:
        item = stack.pop()
        if isinstance(item, cst.Name):
            found.append(item.value)
        elif isinstance(item, (cst.Attribute, cst.Arg)):
            stack.append(item.value)
        elif isinstance(item, cst.Call) and isinstance(item.func, cst.Name):
            stack += item.args
        else:
            stack += children(item)
    return found
