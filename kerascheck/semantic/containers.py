"""Sets, lists, dictionaries and the built-in functions that make and change them."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import libcst as cst

from kerascheck.semantic import elements, orders, records, registries, scores
from kerascheck.semantic.values import (
    NO_ARGUMENTS,
    AnyItem,
    Arguments,
    Bound,
    Class,
    Const,
    Func,
    Items,
    Mapping,
    Obj,
    Part,
    Ref,
    Text,
    Unordered,
    Value,
    join,
    number,
    string,
)

if TYPE_CHECKING:
    from kerascheck.semantic.interpreter import Interpreter


def builtin(self: Interpreter, node: cst.Call, name: str, arguments: Arguments) -> tuple[bool, Value | None]:
    first = arguments.positional[0][1] if arguments.positional else None
    if name in {"set", "frozenset"}:
        inner = arguments.positional[0][0] if arguments.positional else None
        if isinstance(inner, cst.Call) and isinstance(inner.func, cst.Name) and inner.func.value == "zip":
            rows = _rows(self, inner)
            if rows is not None and elements.element_kind(rows) is not None:
                return True, self.unordered(node, rows)
            if any(argument.star for argument in inner.args):
                return True, self.unordered(node, elements.TUPLES)
        made = make_set(self, node, first)
        if first is None and inner is not None:
            made.element = elements.declared(self, inner)
        return True, made
    if name in {"list", "tuple"}:
        if isinstance(first, Unordered):
            return True, first.ordered_at(node, arguments.positional[0][0], self.statement)
        if isinstance(first, Items):
            return True, Items(name, first.items, first.exact, first.tail, first.element)
        if not arguments.positional:
            return True, Items(name)
        return True, Part(first, "#list") if isinstance(first, (Obj, Part)) else None
    if name == "dict":
        if (
            isinstance(first, Part)
            and isinstance(first.base, Unordered)
            and first.attribute in {"#enumerate", "#zip", "#pairs"}
        ):
            self.record_order_use("index", first.base, node)
        return True, _dictionary(arguments)
    if name in {"enumerate", "zip", "reversed", "map", "filter"}:
        sets = [
            value.ordered_at(place, place, self.statement)
            for place, value in arguments.positional
            if isinstance(value, Unordered)
        ]
        for value in arguments.values():
            if isinstance(value, (Func, Bound)) or name in {"map", "filter"}:
                self.escape(value)
        if sets and name == "zip":
            orders.note_pairs(self, node, arguments)
        if sets and name == "enumerate":
            return True, Part(sets[0], "#enumerate", arguments=arguments)
        if sets and name == "zip":
            return True, Part(sets[0], "#zip") if _counts(arguments) else None
        if name == "zip" and arguments.positional and not arguments.open_positional:
            return True, _zipped(tuple(value for _, value in arguments.positional))
        if sets:
            return True, sets[0]
        if name == "enumerate" and first is not None and scores.is_row(first):
            return True, Part(first, "#enumerate", arguments=arguments)
        if name == "enumerate" and isinstance(first, Items):
            if first.exact and len(first.items) <= 12:
                pairs = tuple(Items("tuple", (Const(index), item)) for index, item in enumerate(first.items))
                return True, Items("list", pairs)
            return True, Items("list", (), False, (), Items("tuple", (None, self.element(first))))
        if name == "reversed" and isinstance(first, Items) and first.exact:
            return True, Items("list", tuple(reversed(first.items)))
        return name != "map", None
    if name == "range":
        numbers = [number(value) for _, value in arguments.positional]
        if 0 < len(numbers) <= 3 and all(isinstance(item, int) and abs(item) < 10**9 for item in numbers):
            steps = range(*cast("list[int]", numbers)) if 0 not in numbers[2:] else range(0)
            if 0 < len(steps) <= 12:
                return True, Items("list", tuple(Const(item) for item in steps))
        return False, None
    if name == "sorted" and isinstance(first, Items):
        return True, Items("list", (), False, (), self.element(first))
    if name == "len" and isinstance(first, Items) and first.exact:
        return True, Const(len(first.items))
    if name == "len" and isinstance(first, Mapping) and first.exact:
        return True, Const(len(first.entries))
    if name == "vars" and isinstance(first, Obj):
        return True, first
    if name == "getattr":
        attribute = string(arguments.value("", 1))
        return True, self.attribute(first, attribute) if attribute is not None else None
    if name == "setattr":
        attribute = string(arguments.value("", 1))
        if len(arguments.positional) == 3:
            if attribute is not None:
                self.set_attribute(first, attribute, arguments.positional[2][1])
            else:
                self.escape(arguments.positional[2][1])
        return True, None
    if name == "super":
        return True, None
    return False, None


def _zipped(sequences: tuple[Value | None, ...]) -> Value | None:
    """The pairs of short sequences whose items are all known."""
    rows = []
    for sequence in sequences:
        if not isinstance(sequence, Items) or not sequence.exact or len(sequence.items) > 12:
            return None
        rows.append(sequence.items)
    return Items("list", tuple(Items("tuple", pair) for pair in zip(*rows)))


def _rows(self: Interpreter, node: cst.Call) -> Value | None:
    """What a tuple of a `zip(...)` is made from, as far as it is known; its arguments were evaluated before."""
    self.quiet += 1
    given = [(argument.star, self.eval(argument.value)) for argument in node.args]
    self.quiet -= 1
    sequences: list[Value | None] = []
    for star, value in given:
        if not star:
            sequences.append(value)
        elif isinstance(value, Items):
            sequences += value.known()
    found = tuple(self.element(value) for value in sequences)
    return Items("tuple", found) if found else None


def _counts(arguments: Arguments) -> bool:
    """Whether `zip(...)` pairs a set with numbers or array rows: one argument is a range or a count."""
    for value in arguments.values():
        if isinstance(value, Obj) and value.ref in {"builtins.range", "itertools.count", "numpy.arange"}:
            return True
        if isinstance(value, Items) and value.items and all(number(item) is not None for item in value.items):
            return True
        if isinstance(value, (Obj, Part)):
            root: Value = value
            while isinstance(root, Part):
                root = root.base
            if isinstance(root, Obj) and root.ref in {"numpy.eye", "numpy.identity", "keras.utils.to_categorical"}:
                return True
    return False


def make_set(self: Interpreter, node: cst.Call, source: Value | None) -> Unordered:
    if isinstance(source, Unordered):
        return Unordered(node, source.element, self.statement, difference=source.difference)
    element: Value | None = None
    if isinstance(source, Items):
        known = list(source.known())
        element = known[0] if known else None
        for value in known[1:]:
            element = element if elements.same_kind(element, value) else None
    elif (isinstance(source, Const) and isinstance(source.value, str)) or isinstance(source, Text):
        element = Const("")
    elif isinstance(source, (Obj, Part)):
        element = Part(source, "#element")
    return self.unordered(node, element)


def set_method(self: Interpreter, node: cst.Call, receiver: Unordered, name: str, arguments: Arguments) -> Value | None:
    if name == "index" and receiver.sequence:
        self.record_order_use("index", receiver, node)
        return None
    if name == "sort":
        rebind(self, node, None)
        return None
    if name in {"add", "append", "update", "extend", "insert", "remove", "discard"}:
        if receiver.element is None and arguments.positional and name in {"add", "append"}:
            receiver.element = arguments.positional[-1][1]
        elif name in {"update", "extend"} and receiver.element is None and arguments.positional:
            given = arguments.positional[0][1]
            if isinstance(given, Unordered):
                receiver.element = given.element
            elif isinstance(given, (Obj, Part)):
                receiver.element = Part(given, "#element")
        return None
    if name in {"union", "intersection", "difference", "symmetric_difference", "copy"}:
        if receiver.sequence:
            return receiver
        apart = name.endswith("difference") and not all(
            isinstance(given, (cst.Set, cst.List, cst.Tuple)) for given, _ in arguments.positional
        )
        return Unordered(node, receiver.element, self.statement, difference=apart or receiver.difference)
    return None


def rebind(self: Interpreter, node: cst.Call, value: Value | None) -> None:
    """After a method that changes its receiver in place: the name or attribute that holds it has a new value."""
    if isinstance(node.func, cst.Attribute) and isinstance(node.func.value, (cst.Name, cst.Attribute)):
        self.bind(node.func.value, value)


def list_method(self: Interpreter, node: cst.Call, receiver: Items, name: str, arguments: Arguments) -> Value | None:
    first = arguments.positional[0][1] if arguments.positional else None
    if name == "append" and receiver.kind == "list":
        if self.loop and not receiver.items and not receiver.tail and len(arguments.positional) == 1:
            element = first if receiver.exact and receiver.element is None else join(receiver.element, first)
            rebind(
                self,
                node,
                Items("list", (*receiver.items, first)) if receiver.exact else Items("list", (), False, (), element),
            )
        elif receiver.exact and len(receiver.items) < 64:
            rebind(self, node, Items("list", (*receiver.items, first)))
        else:
            rebind(self, node, Items("list", receiver.items, False, (*receiver.tail[-8:], first), receiver.element))
    elif name == "extend":
        if isinstance(first, Items) and first.exact and receiver.exact:
            rebind(self, node, Items("list", receiver.items + first.items))
        elif isinstance(first, Unordered) and receiver.exact and not receiver.items:
            rebind(self, node, first.ordered_at(arguments.positional[0][0], arguments.positional[0][0], self.statement))
        else:
            rebind(
                self,
                node,
                Items("list", receiver.items, False, first.items if isinstance(first, Items) and first.exact else ()),
            )
    elif name in {"sort", "reverse", "insert", "pop", "remove", "clear"} and (receiver.items or receiver.tail):
        rebind(self, node, Items(receiver.kind, (), False, (), None) if name != "clear" else Items("list"))
    return None


_MOST_BUILDERS = 40
_MOST_ENTRIES = 500


def _dictionary(arguments: Arguments) -> Mapping:
    """What `dict(...)` makes: of another one, or of pairs, and of keywords."""
    made = Mapping((), not arguments.open_keywords and not arguments.open_positional)
    if arguments.positional:
        made = merged(made, arguments.positional[0][1])
    return merged(made, Mapping(tuple((keyword, value) for keyword, _, value in arguments.keywords)))


def merged(one: Mapping, other: Value | None) -> Mapping:
    """A dictionary with the entries of another one, or the pairs of a list, in it."""
    entries = dict(one.entries)
    if isinstance(other, Items) and other.exact:
        pairs = [item.items if isinstance(item, Items) and item.exact else () for item in other.items]
        for pair in pairs:
            if len(pair) != 2 or not isinstance(pair[0], Const):
                return Mapping((), False)
            entries[pair[0].value] = pair[1]
    elif isinstance(other, Mapping) and other.exact:
        entries.update(other.entries)
    else:
        return Mapping((), False)
    return Mapping(tuple(entries.items()), one.exact) if len(entries) <= _MOST_ENTRIES else Mapping((), False)


def any_builder(mapping: Mapping) -> Value | None:
    """One of the functions, methods and classes that a dictionary holds, for a key not known: `BUILDERS[args.model]`.

    None when it holds anything else.
    """
    values = list(dict.fromkeys(value for _, value in mapping.entries))
    if not mapping.exact or not 0 < len(values) <= _MOST_BUILDERS:
        return None
    found: list[Value] = []
    for value in values:
        application = isinstance(value, Ref) and value.name.startswith("keras.applications.")
        method = isinstance(value, Bound) and value.function is not None
        part = records.partial(value, NO_ARGUMENTS) if isinstance(value, Obj) and value.ref == records.PARTIAL else None
        made = part[0] if part is not None else value
        if value is None or not (application or method or isinstance(made, (Func, Class))):
            return None
        found.append(value)
    return found[0] if len(found) == 1 else AnyItem(tuple(found))


def dict_method(self: Interpreter, node: cst.Call, receiver: Mapping, name: str, arguments: Arguments) -> Value | None:
    first = arguments.positional[0][1] if arguments.positional else None
    if name in {"get", "values", "items", "keys"}:
        receiver = registries.filled(self, receiver)
    if name == "get" and isinstance(first, Const):
        found = receiver.get(first.value)
        return found if found is not None else arguments.value("default", 1) if receiver.exact else None
    if name == "get" and len(arguments.positional) == 1:
        return any_builder(receiver)
    if name in {"values", "items", "keys"} and receiver.exact:
        if name == "values":
            return Items("list", tuple(value for _, value in receiver.entries))
        if name == "keys":
            return Items("list", tuple(Const(key) for key, _ in receiver.entries))
        return Items("list", tuple(Items("tuple", (Const(key), value)) for key, value in receiver.entries))
    if name in {"update", "pop", "setdefault", "clear"}:
        self.note_filled(receiver)
        if name == "update":
            rebind(self, node, merged(receiver, _dictionary(arguments)))
        else:
            rebind(self, node, Mapping((), False))
    return None
