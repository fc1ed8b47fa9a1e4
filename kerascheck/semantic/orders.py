"""Where the order of a set goes: into numbers that stay, class lists and files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic import scores
from kerascheck.semantic.values import (
    Arguments,
    Items,
    Part,
    Tensor,
    Unordered,
    Value,
)
from kerascheck.semantic.walk import walk

if TYPE_CHECKING:
    from kerascheck.semantic.interpreter import Interpreter

_CLASS_LISTS = frozenset({"classes", "class_names", "vocabulary", "categories"})
_BARS = frozenset({"bar", "barh"})


def note_set_arguments(self: Interpreter, node: cst.Call, arguments: Arguments) -> None:
    for keyword, place, value in arguments.keywords:
        if value is None:
            continue
        if keyword in _CLASS_LISTS:
            source = value.items[0] if isinstance(value, Items) and value.items else value
            if isinstance(source, Unordered):
                self.record_order_use("classes", source, node)
        elif isinstance(value, Unordered) and value.sequence and arguments.positional:
            table, rows = arguments.positional[0]  # `DataFrame(p, columns=classes)`, `Series(p[0], index=classes)`
            if scores.is_row(rows) if keyword == "index" else keyword == "columns" and scores.is_predicted(rows):
                _note_scores(self, value, place, node, table)
    if type(node.func) is cst.Attribute and node.func.attr.value in _BARS:
        note_pairs(self, node, arguments)


def note_dict_comprehension(self: Interpreter, node: cst.DictComp, iterable: Value | None) -> None:
    """`{c: i for i, c in enumerate(s)}` and `{c: l.index(c) for c in l}`."""
    if not isinstance(iterable, Part) or not isinstance(iterable.base, Unordered):
        return
    if iterable.attribute in {"#enumerate", "#zip"}:
        self.record_order_use("index", iterable.base, node)


def note_list_comprehension(self: Interpreter, node: cst.ListComp | cst.GeneratorExp, iterable: Value | None) -> None:
    """`[float(name == one) for one in s]`: one column for each element."""
    if not isinstance(iterable, Unordered):
        return
    value = node.elt
    if isinstance(value, cst.Call) and isinstance(value.func, cst.Name) and len(value.args) == 1:
        value = value.args[0].value if value.func.value in {"float", "int"} else value
    if isinstance(value, cst.IfExp):
        value = value.test
    if isinstance(value, cst.Comparison) and isinstance(value.comparisons[0].operator, cst.Equal):
        sides = {getattr(side, "value", None) for side in (value.left, value.comparisons[0].comparator)}
        if sides & set(_target_names(node.for_in.target)):
            place = node.for_in.iter
            self.record_order_use("index", iterable.ordered_at(place, place, self.statement), node)


def note_iteration(self: Interpreter, node: cst.For | cst.CompFor, iterable: Value | None) -> None:
    """A loop over a set or its enumeration: what its body does with the positions."""
    numbered = isinstance(iterable, Part) and iterable.attribute in {"#enumerate", "#zip"}
    source = iterable.base if isinstance(iterable, Part) and numbered else iterable
    if not isinstance(source, Unordered) or not isinstance(node, cst.For):
        return
    names = _target_names(node.target)
    finder = _IndexUse(names, bool(numbered))
    finder.look(node.body)
    if finder.found is not None:
        self.record_order_use("index", source.ordered_at(node.iter, node.iter, self.statement), finder.found)


def note_subscript(self: Interpreter, node: cst.Subscript, base: Value | None, key: Value | None) -> None:
    """`classes[np.argmax(p)]`: a position is turned back into a label. `p[i]`, where `i` counts labels."""
    if len(node.slice) != 1:
        return
    index = node.slice[0].slice
    if isinstance(base, Unordered):
        if not base.sequence:
            return
        count = scores.counted(key)
        if scores.is_chosen(key) or (count is not None and scores.is_row(count[1])) or scores.is_threshold(self, index):
            _note_scores(self, base, node.value, node, index if count is None else count[0])
    elif isinstance(base, (Part, Tensor)) and key is not None and (count := scores.counted(key)) is not None:
        source, labels, sure = count
        if isinstance(labels, Unordered) and scores.is_row(base) and (sure or _is_read_at(self, source, node)):
            _note_scores(self, labels.ordered_at(source, source, self.statement), source, node, node.value)


def _is_read_at(self: Interpreter, labels: cst.BaseExpression, node: cst.Subscript) -> bool:
    """Whether the function around has `labels[i]`, too, with the `i` of a subscript."""
    scope = self.function.node if self.function is not None else self.module.tree
    index = self.module.code(node.slice[0].slice)
    return f"{self.module.code(labels)}[{index}]" in self.module.code(scope)


def note_pairs(self: Interpreter, node: cst.Call, arguments: Arguments) -> None:
    """`zip(classes, p)`, `plt.bar(classes, p)`: each label beside the score that is at its place."""
    given = arguments.positional
    for place, value in given:
        if isinstance(value, Unordered):
            for other, row in given:
                if scores.is_row(row):
                    source = value.ordered_at(place, place, self.statement)
                    _note_scores(self, source, place, node, other)


def _note_scores(
    self: Interpreter, labels: Unordered, source: cst.BaseExpression, node: cst.CSTNode, used: cst.CSTNode
) -> None:
    """Record that labels name what a model predicts; not where that is predicted for the labels one by one."""
    if not self.quiet and not scores.is_made_from(self, used, source):
        self.record_order_use("classes", labels, node)


def _target_names(target: cst.BaseExpression) -> list[str]:
    if isinstance(target, cst.Name):
        return [target.value]
    if isinstance(target, (cst.Tuple, cst.List)):
        return [name for element in target.elements for name in _target_names(element.value)]
    return []


class _IndexUse:
    """Finds where a loop body turns the position of an element into a number that stays.

    With enumeration: `d[c] = i`, `d[i] = c`, `y.append(i)`, `y[mask] = i`, `{c: i}`. Without: `d[c] = len(d)`,
    `d[c] = n`
    with `n += 1` in the same loop.
    """

    def __init__(self, names: list[str], numbered: bool) -> None:
        self.names = names
        self.numbered = numbered
        self.found: cst.CSTNode | None = None
        self.counters: set[str] = set()
        self.candidates: list[tuple[str, cst.CSTNode]] = []

    def look(self, body: cst.CSTNode) -> None:
        for node in walk(body):
            if isinstance(node, cst.AugAssign):
                self._augmented(node)
            elif isinstance(node, cst.Assign):
                self._assign(node)
            elif isinstance(node, cst.Call):
                self._call(node)
            elif isinstance(node, cst.DictElement):
                self._element(node)

    def _augmented(self, node: cst.AugAssign) -> None:
        if isinstance(node.target, cst.Name) and isinstance(node.value, cst.Integer):
            self.counters.add(node.target.value)
            for name, place in self.candidates:
                if name == node.target.value:
                    self.found = self.found or place

    def _assign(self, node: cst.Assign) -> None:
        target = node.targets[0].target
        if not isinstance(target, cst.Subscript):
            return
        keys = {item.value for element in target.slice for item in walk(element) if isinstance(item, cst.Name)}
        value = node.value
        if self.numbered and self.names:
            index = self.names[0]
            if (isinstance(value, cst.Name) and value.value == index) or (
                index in keys and isinstance(value, cst.Name) and value.value in self.names[1:]
            ):
                self.found = self.found or node
        elif keys & set(self.names):
            if isinstance(value, cst.Call) and isinstance(value.func, cst.Name) and value.func.value == "len":
                self.found = self.found or node
            elif isinstance(value, cst.Name) and value.value not in self.names:
                if value.value in self.counters:
                    self.found = self.found or node
                self.candidates.append((value.value, node))

    def _call(self, node: cst.Call) -> None:
        if not self.numbered or not self.names or not isinstance(node.func, cst.Attribute):
            return
        if node.func.attr.value == "append" and len(node.args) == 1:
            value = node.args[0].value
            if isinstance(value, cst.Name) and value.value == self.names[0]:
                self.found = self.found or node

    def _element(self, node: cst.DictElement) -> None:
        if self.numbered and self.names:
            pair = {getattr(node.key, "value", None), getattr(node.value, "value", None)}
            if self.names[0] in pair and pair & set(self.names[1:]):
                self.found = self.found or node
