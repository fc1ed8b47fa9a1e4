"""Abstract values: what is known of a Python value without running the program. `None` means "cannot be told"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    import libcst as cst

    from kerascheck.semantic.classes import ClassInfo
    from kerascheck.semantic.interpreter import Frame
    from kerascheck.semantic.module import Module

_DEEPEST_PART = 24  # attributes, items and calls in a chain
_MOST_OPTIONS, _MOST_MODELS = 6, 24  # of a choice
_LONGEST_TEXT = 4096  # of a string that is made from others

set_field = object.__setattr__  # of a frozen class that is being made

Constant = str | bytes | int | float | bool | complex | None
Place = tuple["Module", "cst.SimpleString"]


@dataclass(frozen=True)
class Const:
    """A literal value. `True` and `1` are told apart.

    `place` is where it is written, of the strings that rules ask that of: the module, and the node there.
    """

    value: Constant
    kind: str = ""
    place: Place | None = field(default=None, compare=False, repr=False)

    def __init__(self, value: Constant, place: Place | None = None) -> None:
        set_field(self, "value", value)
        set_field(self, "kind", type(value).__name__)
        if place is not None:
            set_field(self, "place", place)


@dataclass(frozen=True)
class Text:
    """A string of which only the beginning and the end are known."""

    prefix: str
    suffix: str


@dataclass(frozen=True)
class Ref:
    """Something imported from outside the project: `name` is canonical, `original` as imported."""

    name: str
    original: str = field(compare=False, default="")


@dataclass(frozen=True)
class Items:
    """A list, tuple or set. `items` are the leading known items; when not `exact`, more may follow, then `tail`.

    `element` is what every item is, where only that is known.
    """

    kind: str
    items: tuple[Value | None, ...] = ()
    exact: bool = True
    tail: tuple[Value | None, ...] = ()
    element: Value | None = None

    def __init__(
        self,
        kind: str,
        items: tuple[Value | None, ...] = (),
        exact: bool = True,
        tail: tuple[Value | None, ...] = (),
        element: Value | None = None,
    ) -> None:
        set_field(self, "kind", kind)  # the others only where they are not what the class says: it is made often
        if items:
            set_field(self, "items", items)
        if not exact:
            set_field(self, "exact", exact)
        if tail:
            set_field(self, "tail", tail)
        if element is not None:
            set_field(self, "element", element)

    @property
    def last(self) -> Value | None:
        """The last item, if it is known."""
        if self.tail:
            return self.tail[-1]
        return self.items[-1] if self.exact and self.items else None

    def known(self) -> Iterator[Value | None]:
        """Every item that is known."""
        yield from self.items
        yield from self.tail
        if self.element is not None:
            yield self.element


@dataclass(frozen=True)
class Table:
    """A dictionary of a module that functions or other modules fill.

    `mention` is a pattern of what fills it, which matches only where one of the words is.
    """

    path: str
    name: str
    mention: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class Mapping:
    """A dictionary with constant keys; when not `exact`, it may hold other keys too. `table`: others may fill it."""

    entries: tuple[tuple[Constant, Value | None], ...]
    exact: bool = True
    table: Table | None = None
    _table: dict[Constant, Value | None] | None = field(default=None, init=False, compare=False, repr=False)

    def get(self, key: Constant) -> Value | None:
        """The value of a key; None when it is not known."""
        if self._table is None:
            object.__setattr__(self, "_table", dict(self.entries))
        return cast("dict[Constant, Value | None]", self._table).get(key)


class Heap:
    """A value with an identity: two are equal only when they are the same object."""

    __slots__ = ()


class Unordered(Heap):
    """A set, or a sequence made from one without sorting: its order is that of the hash table.

    `element` is what its elements are made from. `place` is where the order comes into being (`list(s)`, or the set
    itself while it is still a set) and `wrapped` the expression there that a `sorted(...)` would have to enclose.
    `difference`: what one set has and another has not, mostly for a report.
    """

    __slots__ = ("difference", "element", "place", "sequence", "statement", "wrapped")

    def __init__(
        self,
        place: cst.BaseExpression,
        element: Value | None,
        statement: cst.CSTNode | None,
        *,
        sequence: bool = False,
        wrapped: cst.BaseExpression | None = None,
        difference: bool = False,
    ) -> None:
        self.difference = difference
        self.place = place
        self.element = element
        self.statement = statement
        self.sequence = sequence
        self.wrapped = wrapped or place

    def ordered_at(
        self, place: cst.BaseExpression, wrapped: cst.BaseExpression, statement: cst.CSTNode | None
    ) -> Unordered:
        """The sequence that iteration at `place` makes of this; a sequence keeps the place it has."""
        if self.sequence:
            return self
        return Unordered(place, self.element, statement, sequence=True, wrapped=wrapped, difference=self.difference)


class Obj(Heap):
    """An object made by a call: a layer, model, optimizer ... (`ref` or `cls` says of what class).

    `kind` is "layer", "model", "instance" (of a class of the project that is not Keras) or "value".
    `form` of a model is "sequential", "functional", "subclass", "application", "loaded", "cloned" or "plain".
    """

    __slots__ = ("arguments", "call", "cls", "form", "kind", "module", "order", "original", "ref", "statement")

    def __init__(
        self,
        kind: str,
        *,
        ref: str = "",
        original: str = "",
        form: str = "",
        cls: ClassInfo | None = None,
        arguments: Arguments | None = None,
        call: cst.CSTNode | None = None,
        module: Module | None = None,
        statement: cst.CSTNode | None = None,
        order: int = 0,
    ) -> None:
        self.kind = kind
        self.ref = ref
        self.original = original
        self.form = form
        self.cls = cls
        self.arguments = arguments or NO_ARGUMENTS
        self.call = call
        self.module = module
        self.statement = statement
        self.order = order

    @property
    def short(self) -> str:
        """The class' last name: "Dense", "MyModel"."""
        return self.cls.name if self.cls is not None else self.ref.rpartition(".")[2]

    def __repr__(self) -> str:
        return f"<{self.kind} {self.form} {self.short}>"


class Way:
    """A call of a function of the project that is followed, in `module`, and the way that led to it, if any.

    `call` is None where something else runs the function, such as a property. Each time it is followed is another one.
    """

    __slots__ = ("call", "function", "module", "outer")

    def __init__(self, call: cst.Call | None, module: Module, function: Func, outer: Way | None) -> None:
        self.call = call
        self.module = module
        self.function = function
        self.outer = outer


class Tensor(Heap):
    """A symbolic or real output of `layer` (or of the operation `operation`) on `inputs`; an Input has neither.

    The operation "getitem" takes one of several outputs, `index` of them when it is constant. "#input" and "#output"
    are the ends of a model whose inside is not known (its only input), "#inner" is some tensor inside of it.
    `order` counts the calls in the order of execution; `way` are the calls through which the program came here.
    """

    __slots__ = ("arguments", "call", "index", "inputs", "layer", "operation", "order", "way")

    def __init__(
        self,
        layer: Value | None,
        operation: str,
        inputs: tuple[Value | None, ...],
        arguments: Arguments,
        call: cst.CSTNode | None,
        order: int = 0,
        index: Constant = None,
        way: Way | None = None,
    ) -> None:
        self.way = way
        self.layer = layer
        self.operation = operation
        self.inputs = inputs
        self.arguments = arguments
        self.call = call
        self.order = order
        self.index = index


@dataclass(frozen=True)
class Part:
    """Something taken from another value: an attribute, an item (`index` constant or None) or a method's result."""

    base: Value
    attribute: str = ""
    index: Constant = None
    arguments: Arguments | None = field(default=None, compare=False)
    depth: int = field(default=0, compare=False, repr=False)

    def __init__(
        self, base: Value, attribute: str = "", index: Constant = None, arguments: Arguments | None = None
    ) -> None:
        depth = base.depth + 1 if type(base) is Part else 0
        if depth > _DEEPEST_PART:  # `df = df.drop(...)` again and again: where it began is forgotten
            base, depth = _FORGOTTEN, 0
        set_field(self, "base", base)
        set_field(self, "attribute", attribute)
        if index is not None:
            set_field(self, "index", index)
        if arguments is not None:
            set_field(self, "arguments", arguments)
        if depth:
            set_field(self, "depth", depth)


class Func(Heap):
    """A function, method or lambda of the project."""

    __slots__ = ("decorators", "frame", "module", "node", "opaque", "owner")

    def __init__(
        self,
        node: cst.FunctionDef | cst.Lambda,
        frame: Frame,
        module: Module,
        owner: ClassInfo | None,
        decorators: tuple[str, ...] = (),
        opaque: bool = False,
    ) -> None:
        self.node = node
        self.frame = frame
        self.module = module
        self.owner = owner
        self.decorators = decorators
        self.opaque = opaque


class ModuleValue(Heap):
    """A module of the project, as `import models` binds it."""

    __slots__ = ("module", "name")

    def __init__(self, module: Module | None, name: str) -> None:
        self.module = module
        self.name = name


class Later(Heap):
    """A name that another module of the project binds, as an import brings it; that module is read when it is used.

    It is found in the names of a module only, where `Module.settled` puts the value in its place.
    """

    __slots__ = ("base", "dotted", "known", "module", "value")

    def __init__(self, module: Module, dotted: str, base: str) -> None:
        self.module = module
        self.dotted = dotted
        self.base = base
        self.known = False
        self.value: Value | None = None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Later):
            return NotImplemented
        return (self.module, self.dotted, self.base) == (other.module, other.dotted, other.base)

    def __hash__(self) -> int:
        return hash((self.dotted, self.base))


class Class(Heap):
    """A class of the project."""

    __slots__ = ("info",)

    def __init__(self, info: ClassInfo) -> None:
        self.info = info


@dataclass(frozen=True)
class Bound:
    """A method of an object: a function of the project, or (`function` None) one of Keras by `name`."""

    receiver: Value
    name: str
    function: Func | None = None


@dataclass(frozen=True)
class Super:
    """`super()` inside a method of `owner`."""

    owner: ClassInfo
    receiver: Value


@dataclass(frozen=True, eq=False)
class Choice:
    """One of several values, all of them known; they stand in the order in which they were met, which is of no account.

    The order of a set of them would change from run to run, and with it what is found.
    """

    options: tuple[Value, ...]

    @cached_property
    def _all(self) -> frozenset[Value]:
        return frozenset(self.options)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._all == other._all

    def __hash__(self) -> int:
        return hash(self._all)


@dataclass(frozen=True, eq=False)
class AnyItem(Choice):
    """One item of a dictionary, by a key that is not known. That each of them is ever taken is not said."""


Value = (
    Const
    | Text
    | Ref
    | Items
    | Mapping
    | Unordered
    | Obj
    | Tensor
    | Part
    | Func
    | Class
    | ModuleValue
    | Later
    | Bound
    | Super
    | Choice
)


@dataclass(frozen=True)
class Arguments:
    """The arguments of a call: nodes and values. `open` when a `*` or `**` of unknown content is among them.

    `sure` is how many stand in front of the first such `*`.
    """

    positional: tuple[tuple[cst.BaseExpression, Value | None], ...] = ()
    keywords: tuple[tuple[str, cst.BaseExpression, Value | None], ...] = ()
    open_positional: bool = False
    open_keywords: bool = False
    sure: int = field(default=0, compare=False)

    def __init__(
        self,
        positional: tuple[tuple[cst.BaseExpression, Value | None], ...] = (),
        keywords: tuple[tuple[str, cst.BaseExpression, Value | None], ...] = (),
        open_positional: bool = False,
        open_keywords: bool = False,
        sure: int = 0,
    ) -> None:
        if positional:  # what is not set is what the class says: every call makes one
            set_field(self, "positional", positional)
        if keywords:
            set_field(self, "keywords", keywords)
        if open_positional:
            set_field(self, "open_positional", open_positional)
        if open_keywords:
            set_field(self, "open_keywords", open_keywords)
        if sure:
            set_field(self, "sure", sure)

    def find(self, name: str, index: int | None = None) -> tuple[cst.BaseExpression, Value | None] | None:
        """The node and value of an argument given by keyword or at a position (from 0); None when not given."""
        for keyword, node, value in self.keywords:
            if keyword == name:
                return node, value
        if index is not None and index < (self.sure if self.open_positional else len(self.positional)):
            return self.positional[index]
        return None

    def value(self, name: str, index: int | None = None) -> Value | None:
        """The value of an argument; None when it is not given or not known."""
        found = self.find(name, index)
        return found[1] if found else None

    def lacks(self, name: str, index: int | None = None) -> bool:
        """Whether the argument is surely not given."""
        if self.find(name, index) is not None or self.open_keywords:
            return False
        return index is None or not self.open_positional

    def values(self) -> list[Value | None]:
        """The values of all arguments."""
        found = [value for _, value in self.positional]
        if self.keywords:
            found += [value for _, _, value in self.keywords]
        return found


NO_ARGUMENTS = Arguments()
_FORGOTTEN = Obj("value")


def options(value: Value | None) -> tuple[Value | None, ...]:
    """The possible values: those of a Choice, else the value itself."""
    return value.options if isinstance(value, Choice) else (value,)


def join(one: Value | None, other: Value | None) -> Value | None:
    """What a value is after either of two paths; None as soon as one of them is unknown."""
    if one is other or one == other:
        return one
    if one is None or other is None:
        return None
    if isinstance(one, Items) and isinstance(other, Items) and one.kind == other.kind == "list":
        return _join_lists(one, other)
    found = tuple(dict.fromkeys((*options(one), *options(other))))
    if len(found) > _MOST_OPTIONS and not _are_some_models(found):
        return None
    return Choice(found)  # type: ignore[arg-type]


def _are_some_models(found: tuple[Value | None, ...]) -> bool:
    return len(found) <= _MOST_MODELS and all(isinstance(item, Obj) and item.kind == "model" for item in found)


def _join_lists(one: Items, other: Items) -> Items:
    """Keep the common head and the common end of two lists."""
    head = []
    for left, right in zip(one.items, other.items):
        if left != right or left is None:
            break
        head.append(left)
    ends = [item.tail or (item.items[len(head) :] if item.exact else ()) for item in (one, other)]
    tail: list[Value | None] = []
    for left, right in zip(reversed(ends[0]), reversed(ends[1])):
        if left != right or left is None:
            break
        tail.insert(0, left)
    element = join(one.element, other.element) if one.element is not None else None
    return Items("list", tuple(head), False, tuple(tail), element)


def text_of(value: Value | None) -> Const | Text | None:
    """The value as far as it is a string."""
    if isinstance(value, Text) or (isinstance(value, Const) and isinstance(value.value, str)):
        return value
    return None


def string(value: Value | None) -> str | None:
    """The string that a value surely is."""
    return value.value if isinstance(value, Const) and isinstance(value.value, str) else None


def number(value: Value | None) -> float | int | None:
    """The number that a value surely is; booleans are none."""
    if isinstance(value, Const) and isinstance(value.value, (int, float)) and not isinstance(value.value, bool):
        return value.value
    return None


def boolean(value: Value | None) -> bool | None:
    """The truth value that a value surely is, when it is a boolean."""
    return value.value if isinstance(value, Const) and isinstance(value.value, bool) else None


def suffix_of(value: Value | None) -> tuple[str, bool] | None:
    """The end of a string and whether that is all of it; None when the end is not known."""
    if isinstance(value, Text):
        return (value.suffix, False) if value.suffix else None
    known = string(value)
    return None if known is None else (known, True)


def concat(one: Value | None, other: Value | None) -> Value | None:
    """The concatenation of two strings as far as they are known."""
    left, right = text_of(one), text_of(other)
    if left is None and right is None:
        return None
    if isinstance(left, Const) and isinstance(right, Const):
        whole = str(left.value) + str(right.value)
        return Const(whole) if len(whole) <= _LONGEST_TEXT else Text(whole[:_LONGEST_TEXT], whole[-_LONGEST_TEXT:])
    prefix = "" if left is None else (str(left.value) if isinstance(left, Const) else left.prefix)
    suffix = "" if right is None else (str(right.value) if isinstance(right, Const) else right.suffix)
    if isinstance(left, Const) and isinstance(right, Text):
        prefix += right.prefix
    if isinstance(right, Const) and isinstance(left, Text):
        suffix = left.suffix + suffix
    return Text(prefix[:_LONGEST_TEXT], suffix[-_LONGEST_TEXT:])
