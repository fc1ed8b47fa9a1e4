"""Lists of the files of a folder in the order of the file system, and where that order becomes a label's number."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic.walk import children, walk

if TYPE_CHECKING:
    from kerascheck.semantic.module import Module

LISTING = ("os.listdir", "glob.glob", "glob.iglob")
_LABELS = re.compile(r"(?i)label|target|class|(?<![a-z])y(?![a-z])|(?<![a-z])ys(?![a-z])|categor")
_CLASS_LISTS = frozenset({"classes", "class_names", "vocabulary"})
_PLAIN = frozenset({"list", "tuple", "array", "asarray"})


@dataclass(frozen=True)
class LabelOrder:
    """A call that lists a folder (`listing`), and the place where its order becomes numbers (`use`)."""

    listing: cst.Call
    use: cst.CSTNode


def label_orders(module: Module) -> Iterator[LabelOrder]:
    """The listings of a module whose order numbers labels; a listing that is sorted anywhere is left out."""
    calls = {call.node for call in module.calls_of(*LISTING) if call.module is module}
    if not calls:
        return
    finder = _Finder(module, calls)
    functions = [item for item in module.functions if isinstance(item.node, cst.FunctionDef) and module.owns(item.node)]
    seen: set[cst.Call] = set()
    for scope in (module.tree, *(item.node for item in functions)):
        for found in finder.look(scope):
            if found.listing not in seen:
                seen.add(found.listing)
                yield found


class _Finder:
    """Looks at one scope after the other. Attributes such as `self.classes` are known in all of them."""

    def __init__(self, module: Module, calls: set[cst.Call]) -> None:
        self.module = module
        self.calls = calls
        self.known: dict[str, cst.Call] = {}

    def look(self, scope: cst.CSTNode) -> Iterator[LabelOrder]:
        nodes = list(_own(scope))
        in_place = {
            self.module.code(node.func.value)
            for node in nodes
            if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value == "sort"
        }
        self.known = {name: call for name, call in self.known.items() if "." in name}
        lost: set[str] = set()
        for node in nodes:
            if isinstance(node, cst.Assign) and isinstance(node.targets[0].target, (cst.Name, cst.Attribute)):
                name, call = self.module.code(node.targets[0].target), self.listing(node.value)
                if call is None or name in in_place:
                    lost.add(name)
                else:
                    self.known[name] = call
        for name in lost:
            self.known.pop(name, None)
        for node in nodes:
            yield from self.uses(node)

    def listing(self, node: cst.BaseExpression) -> cst.Call | None:
        """The call behind an expression that keeps its order."""
        if isinstance(node, cst.Call):
            if node in self.calls:
                return node
            function = node.func.attr if isinstance(node.func, cst.Attribute) else node.func
            if isinstance(function, cst.Name) and function.value in _PLAIN and len(node.args) == 1:
                return self.listing(node.args[0].value)
        if isinstance(node, (cst.ListComp, cst.GeneratorExp)) and node.for_in.inner_for_in is None:
            return self.listing(node.for_in.iter)
        if isinstance(node, (cst.Name, cst.Attribute)):
            return self.known.get(self.module.code(node))
        return None

    def uses(self, node: cst.CSTNode) -> Iterator[LabelOrder]:
        """What turns the order into numbers at a node."""
        call: cst.Call | None = None
        use = node
        if isinstance(node, cst.Call):
            if isinstance(node.func, cst.Attribute) and node.func.attr.value == "index":
                call = self.listing(node.func.value)
            for argument in node.args:
                if argument.keyword is not None and argument.keyword.value in _CLASS_LISTS:
                    call = call or self.listing(argument.value)
        elif isinstance(node, cst.DictComp):
            numbered = _enumerated(node.for_in.iter)
            call = self.listing(numbered) if numbered is not None else None
        elif isinstance(node, cst.Subscript) and any(
            isinstance(inner, cst.Attribute) and inner.attr.value == "argmax"
            for part in node.slice
            for inner in walk(part)
        ):
            call = self.listing(node.value)
        elif isinstance(node, cst.For):
            numbered, ranged = _enumerated(node.iter), _ranged(node.iter)
            call = self.listing(numbered or ranged or node.iter)
            if ranged is not None:
                found = _label_use(node, _names(node.target)[0], []) if _names(node.target) else None
            else:
                found = _numbered_use(node) if numbered is not None else _counted_use(node)
            if call is not None and found is None:
                return
            use = found or node
        if call is not None:
            yield LabelOrder(call, use)


def _own(scope: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """The nodes of a scope without those of the functions inside of it."""
    stack = [scope]
    while stack:
        node = stack.pop()
        yield node
        inner = [child for child in children(node) if not isinstance(child, cst.FunctionDef)]
        stack += reversed(inner)


def _enumerated(node: cst.BaseExpression) -> cst.BaseExpression | None:
    """What `enumerate(x)` runs over."""
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Name) and node.func.value == "enumerate" and node.args:
        return node.args[0].value
    return None


def _ranged(node: cst.BaseExpression) -> cst.BaseExpression | None:
    """What `range(len(x))` counts."""
    for name in ("range", "len"):
        if not isinstance(node, cst.Call) or not isinstance(node.func, cst.Name) or node.func.value != name:
            return None
        if len(node.args) != 1:
            return None
        node = node.args[0].value
    return node


def _names(target: cst.BaseExpression) -> list[str]:
    if isinstance(target, cst.Name):
        return [target.value]
    if isinstance(target, (cst.Tuple, cst.List)):
        return [name for element in target.elements for name in _names(element.value)]
    return []


def _numbered_use(loop: cst.For) -> cst.CSTNode | None:
    """`d[name] = i`, `d[i] = name` and `labels.append(i)` for `i, name in enumerate(...)`."""
    names = _names(loop.target)
    return _label_use(loop, names[0], names[1:]) if len(names) == 2 else None


def _counted_use(loop: cst.For) -> cst.CSTNode | None:
    """The same with a counter that the loop itself counts: `label += 1`."""
    for line in loop.body.body:
        small = line.body[0] if isinstance(line, cst.SimpleStatementLine) else None
        target: cst.BaseExpression | None = small.target if isinstance(small, cst.AugAssign) else None
        if isinstance(small, cst.Assign) and isinstance(small.value, cst.BinaryOperation):
            first, left = small.targets[0].target, small.value.left
            if isinstance(first, cst.Name) and isinstance(left, cst.Name) and first.value == left.value:
                target = first
        if isinstance(target, cst.Name):
            found = _label_use(loop, target.value, _names(loop.target))
            if found is not None:
                return found
    return None


def _label_use(loop: cst.For, index: str, names: list[str]) -> cst.CSTNode | None:
    for node in walk(loop.body):
        if isinstance(node, cst.Assign) and isinstance(node.targets[0].target, cst.Subscript):
            target = node.targets[0].target
            keys = {item.value for part in target.slice for item in walk(part) if isinstance(item, cst.Name)}
            given = node.value.value if isinstance(node.value, cst.Name) else None
            if (given == index and keys & set(names)) or (index in keys and given in names):
                return node
        if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and len(node.args) == 1:
            value = node.args[0].value
            holder = node.func.value
            name = holder.attr if isinstance(holder, cst.Attribute) else holder
            if (
                node.func.attr.value == "append"
                and isinstance(value, cst.Name)
                and value.value == index
                and isinstance(name, cst.Name)
                and _LABELS.search(name.value)
            ):
                return node
    return None
