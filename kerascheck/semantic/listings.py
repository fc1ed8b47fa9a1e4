"""Lists of the files of a folder in the order of the file system, and where that order becomes a label's number."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeGuard

import libcst as cst

from kerascheck.semantic.walk import children, walk

if TYPE_CHECKING:
    from kerascheck.semantic.module import Module

LISTING = ("os.listdir", "glob.glob", "glob.iglob", "os.scandir", "os.walk", "tensorflow.io.gfile.listdir")
WORDS = ("listdir", "glob", "scandir", "walk", "iterdir")  # one of them is in a file with a listing
_PATHS = re.compile(r"\b(?:pathlib\.)?(?:Pure|Posix|Windows)*Path\(")
_LABELS = re.compile(r"(?i)label|target|class|(?<![a-z])y(?![a-z])|(?<![a-z])ys(?![a-z])|categor")
_CLASS_LISTS = frozenset({"classes", "class_names", "vocabulary"})
_PLAIN = frozenset({"list", "tuple", "array", "asarray"})
_TELLING = frozenset(  # what is looked at; a scope has many more nodes
    {cst.Assign, cst.Call, cst.Comparison, cst.DictComp, cst.Subscript, cst.For, cst.Name, cst.Return}
)


@dataclass(frozen=True)
class LabelOrder:
    """A call that lists a folder (`listing`), and the place where its order becomes numbers (`use`)."""

    listing: cst.BaseExpression
    use: cst.CSTNode
    of_entries: bool = False  # of `os.scandir`: entries, which cannot be compared


def label_orders(module: Module) -> Iterator[LabelOrder]:
    """The listings of a module whose order numbers labels; a listing that is sorted anywhere is left out."""
    facts = {call.node: call.name for call in module.calls_of(*LISTING) if call.module is module}
    if not facts and not ("Path" in module.source.text and re.search(r"\.(?:r?glob|iterdir)\(", module.source.text)):
        return
    finder = _Finder(module, facts)
    functions = [item for item in module.functions if isinstance(item.node, cst.FunctionDef) and module.owns(item.node)]
    for item in functions:
        if isinstance(item.node, cst.FunctionDef) and item.owner is None:
            finder.learn(item.node)
    seen: set[cst.BaseExpression] = set()
    for scope in (module.tree, *(item.node for item in functions)):
        for found in finder.look(scope):
            if found.listing not in seen:
                seen.add(found.listing)
                yield found


class _Finder:
    """Looks at one scope after the other. Attributes such as `self.classes` are known in all of them."""

    def __init__(self, module: Module, calls: dict[cst.Call, str]) -> None:
        self.module = module
        self.calls = calls
        self.known: dict[str, cst.BaseExpression] = {}
        self.returned: dict[str, cst.BaseExpression] = {}
        self.paths = set(re.findall(rf"\b([\w.]+)\s*=\s*{_PATHS.pattern}", module.source.text))

    def learn(self, function: cst.FunctionDef) -> None:
        """Remember a function that returns a listing, whatever way it takes."""
        nodes = self.remember(function.body)
        found = [self.listing(node.value) if node.value else None for node in nodes if isinstance(node, cst.Return)]
        if found and all(item is not None for item in found) and found[0] is not None:
            self.returned[function.name.value] = found[0]

    def look(self, scope: cst.CSTNode) -> Iterator[LabelOrder]:
        """The uses of listings in a scope."""
        nodes = self.remember(scope)
        for node in nodes:
            if not _is_index(node) or not self._is_looked_up(nodes, node):
                yield from self.uses(node)

    def remember(self, scope: cst.CSTNode) -> list[cst.CSTNode]:
        """The nodes of a scope; the names that hold listings in it are known from then on."""
        nodes = [node for node in _own(scope) if type(node) in _TELLING]
        in_place = {
            self.module.code(node.func.value)
            for node in nodes
            if type(node) is cst.Call and type(node.func) is cst.Attribute and node.func.attr.value == "sort"
        }
        self.known = {name: call for name, call in self.known.items() if "." in name}
        others: list[cst.BaseExpression] = []
        for node in nodes:
            if type(node) is cst.Assign and type(node.targets[0].target) in (cst.Name, cst.Attribute):
                target, call = node.targets[0].target, self.listing(node.value)
                if call is None or (name := self.module.code(target)) in in_place:
                    others.append(target)
                else:
                    self.known[name] = call
        if self.known:
            for name in map(self.module.code, others):
                self.known.pop(name, None)
        return nodes

    def listing(self, node: cst.BaseExpression) -> cst.BaseExpression | None:
        """The call behind an expression that keeps its order."""
        if isinstance(node, cst.Call):
            if node in self.calls:
                return None if self.calls[node] == "os.walk" else node
            if self._is_of_a_path(node):
                return node
            function = node.func.attr if isinstance(node.func, cst.Attribute) else node.func
            if isinstance(function, cst.Name) and function.value in _PLAIN and len(node.args) == 1:
                return self.listing(node.args[0].value)
            if isinstance(node.func, cst.Name):
                return self.returned.get(node.func.value)
        if isinstance(node, (cst.ListComp, cst.GeneratorExp)) and node.for_in.inner_for_in is None:
            return self.listing(node.for_in.iter)
        if isinstance(node, (cst.Name, cst.Attribute)):
            return self.known.get(self.module.code(node)) if self.known else None
        return node if self._is_walked(node) else None

    def _is_of_a_path(self, node: cst.Call) -> bool:
        """`path.iterdir()`, and `path.glob(...)` of what is surely a path."""
        if not isinstance(node.func, cst.Attribute) or node.func.attr.value not in {"iterdir", "glob", "rglob"}:
            return False
        receiver = self.module.code(node.func.value)
        made = _PATHS.match(receiver) is not None or receiver in self.paths
        return made or (node.func.attr.value == "iterdir" and not node.args)

    def _is_walked(self, node: cst.BaseExpression) -> bool:
        """`next(os.walk(folder))[1]`: the folders in a folder."""
        if not isinstance(node, cst.Subscript) or len(node.slice) != 1 or not isinstance(node.value, cst.Call):
            return False
        part, call = node.slice[0].slice, node.value
        if not isinstance(part, cst.Index) or self.module.code(part.value) not in {"1", "2"} or len(call.args) != 1:
            return False
        inner = call.args[0].value
        taken = isinstance(call.func, cst.Name) and call.func.value == "next"
        return taken and isinstance(inner, cst.Call) and self.calls.get(inner) == "os.walk"

    def _is_looked_up(self, nodes: list[cst.CSTNode], call: cst.Call) -> bool:
        """Whether the number of a name only gets something out of the list it is a number in: `x[x.index(name)]`."""
        function = cst.ensure_type(call.func, cst.Attribute)
        listed = self.module.code(function.value)
        inside = [node for node in nodes if isinstance(node, cst.Subscript) and self.module.code(node.value) == listed]
        found = [item for subscript in inside for part in subscript.slice for item in walk(part)]
        if any(item is call for item in found):
            return True
        bound = next((node for node in nodes if isinstance(node, cst.Assign) and node.value is call), None)
        target = bound.targets[0].target if bound is not None and len(bound.targets) == 1 else None
        if not isinstance(target, cst.Name):
            return False
        used = [node for node in nodes if isinstance(node, cst.Name) and node.value == target.value]
        return len(used) > 1 and all(node is target or any(item is node for item in found) for node in used)

    def uses(self, node: cst.CSTNode) -> Iterator[LabelOrder]:
        """What turns the order into numbers at a node."""
        call: cst.BaseExpression | None = None
        use = node
        if type(node) is cst.Call:
            if type(node.func) is cst.Attribute and node.func.attr.value == "index":
                call = self.listing(node.func.value)
            if isinstance(node.func, cst.Name) and node.func.value == "dict" and len(node.args) == 1:
                numbered = _numbered(node.args[0].value)
                call = self.listing(numbered) if numbered is not None else None
            for argument in node.args:
                if argument.keyword is not None and argument.keyword.value in _CLASS_LISTS:
                    call = call or self.listing(argument.value)
        elif type(node) is cst.Comparison and len(node.comparisons) == 1:
            if isinstance(
                node.comparisons[0].operator, cst.Equal
            ):  # `parts[-2] == CLASS_NAMES`, a row of one-hot labels
                sides = (node.left, node.comparisons[0].comparator)
                call = next((array for side in sides if (array := self._array(side)) is not None), None)
        elif type(node) is cst.DictComp:
            numbered = _numbered(node.for_in.iter)
            call = self.listing(numbered) if numbered is not None else None
        elif type(node) is cst.Subscript and any(
            isinstance(inner, cst.Attribute) and inner.attr.value == "argmax"
            for part in node.slice
            for inner in walk(part)
        ):
            call = self.listing(node.value)
        elif type(node) is cst.For:
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
            yield LabelOrder(call, use, isinstance(call, cst.Call) and self.calls.get(call) == "os.scandir")

    def _array(self, node: cst.BaseExpression) -> cst.BaseExpression | None:
        """The listing in a name that holds an array, with which anything is compared item by item."""
        call = self.listing(node) if type(node) in (cst.Name, cst.Attribute) else None
        if call is None:
            return None
        name = re.escape(self.module.code(node))
        made = re.search(rf"^[ \t]*{name}\s*=\s*(?:np|numpy)\.(?:as)?array\(", self.module.source.text, re.M)
        return call if made else None


def _is_index(node: cst.CSTNode) -> TypeGuard[cst.Call]:
    """Whether a node is a call such as `names.index(name)`."""
    return isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value == "index"


def _own(scope: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """The nodes of a scope without those of the functions inside of it."""
    stack = [scope]
    while stack:
        node = stack.pop()
        yield node
        inner = [child for child in children(node) if type(child) is not cst.FunctionDef]
        stack += reversed(inner)


def _enumerated(node: cst.BaseExpression) -> cst.BaseExpression | None:
    """What `enumerate(x)` runs over."""
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Name) and node.func.value == "enumerate" and node.args:
        return node.args[0].value
    return None


def _numbered(node: cst.BaseExpression) -> cst.BaseExpression | None:
    """What `enumerate(x)` and `zip(x, range(...))` give numbers to."""
    if not isinstance(node, cst.Call) or not isinstance(node.func, cst.Name) or node.func.value != "zip":
        return _enumerated(node)
    parts = [argument.value for argument in node.args]
    counts = [
        isinstance(part, cst.Call) and isinstance(part.func, cst.Name) and part.func.value == "range" for part in parts
    ]
    return parts[counts.index(False)] if len(parts) == 2 and sorted(counts) == [False, True] else None


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
    of_folders = bool(names) and _lists_inside(loop, names)
    for node in walk(loop.body):
        if isinstance(node, cst.AugAssign) and isinstance(node.operator, cst.AddAssign):  # `labels += [label] * n`
            held = node.target.attr if isinstance(node.target, cst.Attribute) else node.target
            if isinstance(held, cst.Name) and _LABELS.search(held.value) and _repeats(node.value, index):
                return node
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
            if not isinstance(name, cst.Name) or node.func.attr.value not in {"append", "extend"}:
                continue
            if isinstance(value, cst.Name) and value.value == index and _LABELS.search(name.value):
                return node
            if _LABELS.search(name.value) and _repeats(value, index):
                return node
            row = (
                value.elements if isinstance(value, (cst.List, cst.Tuple)) and node.func.attr.value == "append" else ()
            )
            if of_folders and any(isinstance(item.value, cst.Name) and item.value.value == index for item in row):
                return node  # `rows.append((image, label))`, where the names are those of folders
    return None


def _repeats(node: cst.BaseExpression, index: str) -> bool:
    """`[label] * n`, `[label for file in files]`."""
    if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Multiply):
        node = node.left
        items = [item.value for item in node.elements] if isinstance(node, cst.List) else []
        return len(items) == 1 and isinstance(items[0], cst.Name) and items[0].value == index
    return isinstance(node, cst.ListComp) and isinstance(node.elt, cst.Name) and node.elt.value == index


def _lists_inside(loop: cst.For, names: list[str]) -> bool:
    """Whether the loop lists what is in the folder of each name."""
    for node in walk(loop.body):
        if isinstance(node, cst.Call):
            function = node.func.attr if isinstance(node.func, cst.Attribute) else node.func
            if isinstance(function, cst.Name) and function.value in {"listdir", "glob", "iglob", "iterdir", "scandir"}:
                used = {item.value for item in walk(node) if isinstance(item, cst.Name)}
                if used & set(names):
                    return True
    return False
