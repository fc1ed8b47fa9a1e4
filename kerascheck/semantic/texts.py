"""Strings and paths, as far as they are known: formatting, joining, pathlib."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, cast

import libcst as cst

from kerascheck.semantic.values import (
    Arguments,
    Const,
    Items,
    Obj,
    Part,
    Text,
    Unordered,
    Value,
    concat,
    number,
    string,
    text_of,
)

if TYPE_CHECKING:
    from kerascheck.semantic.interpreter import Interpreter


def text_method(
    self: Interpreter, node: cst.Call, receiver: Const | Text, name: str, arguments: Arguments
) -> Value | None:
    first = arguments.positional[0][1] if arguments.positional else None
    if name == "join" and isinstance(first, Unordered):
        return Part(first, "#joined")
    if name == "join" and isinstance(first, Items) and first.exact and string(receiver) is not None:
        return _joined(receiver, first.items)
    if name == "format" and isinstance(receiver, Const) and isinstance(receiver.value, str):
        return format_text(receiver.value, arguments)
    if name in {"lower", "upper", "strip"} and isinstance(receiver, Const) and isinstance(receiver.value, str):
        return Const(getattr(receiver.value, name)()) if not arguments.positional else None
    if name in {"with_suffix", "with_name"}:
        text = string(first)
        return Text("", text) if text else None
    if name == "joinpath":
        result: Value | None = receiver
        for _, value in arguments.positional:
            result = path_join(result, value)
        return result
    if name in {"resolve", "absolute", "expanduser", "as_posix", "__str__"}:
        return receiver
    if name == "split":
        return Items("list", (), False, (), Const(""))
    return None


def _joined(separator: Value, items: tuple[Value | None, ...]) -> Value | None:
    result: Value | None = Const("")
    for index, item in enumerate(items):
        text = text_of(item)
        if text is None:
            return None
        result = concat(concat(result, separator), text) if index else text
    return result


_SPECIAL_FIELD = re.compile(r"\{[^{}]*[:.\[!{]")


def format_text(template: str, arguments: Arguments) -> Value | None:
    """`"...{}...".format(...)`: the fixed beginning and end, or all of it when every value is known."""
    opening, closing = template.find("{"), template.rfind("}")
    if opening < 0 or closing < opening or "{{" in template or "}}" in template:
        return Const(template) if opening < 0 else None
    # a field with a width could ask for any amount of memory
    plain = _SPECIAL_FIELD.search(template) is None
    if plain and not arguments.open_positional and not arguments.open_keywords:
        positional = [as_text(value) for _, value in arguments.positional]
        keywords = {name: as_text(value) for name, _, value in arguments.keywords}
        if all(isinstance(item, Const) for item in [*positional, *keywords.values()]):
            try:
                return Const(
                    template.format(
                        *[cast(Const, item).value for item in positional],
                        **{name: cast(Const, item).value for name, item in keywords.items()},
                    )
                )
            except (ValueError, IndexError, KeyError, AttributeError, TypeError):
                pass
    return Text(template[:opening], template[closing + 1 :])


_WIDE = re.compile(r"%[^a-zA-Z%]*(?:\d{4}|\*)")  # may fill up with thousands of characters


def percent_format(left: Value | None, right: Value | None) -> Value | None:
    """`"..." % ...`: the text where all values are known, else its fixed beginning and end."""
    template = string(left)
    if template is None or "%" not in template:
        return None
    given = right.items if isinstance(right, Items) and right.kind == "tuple" and right.exact else (right,)
    values = tuple(item.value for item in given if isinstance(item, Const))
    if len(values) == len(given) and _WIDE.search(template) is None:
        try:
            return Const(template % values)
        except (TypeError, ValueError):
            return None  # it raises
    start = template.index("%")
    tail = template[template.rindex("%") + 1 :]
    for index, character in enumerate(tail):
        if character.isalpha():
            return Text(template[:start], tail[index + 1 :])
    return Text(template[:start], "")


def as_text(value: Value | None) -> Const | Text | None:
    """What `str(value)` gives, as far as it is known."""
    if isinstance(value, Const) and isinstance(value.value, (int, float)):
        return Const(str(value.value))
    return text_of(value)


def plain_text(value: Value | None) -> Value | None:
    """The value when it is a string."""
    return text_of(value)


def path_join(left: Value | None, right: Value | None) -> Value | None:
    """`path / name`, with `left` a pathlib path or unknown: only a known end counts."""
    one, other = text_of(left), text_of(right)
    if other is None or number(left) is not None:
        return None
    if one is None:
        if left is not None and not isinstance(left, (Part, Obj)):
            return None
        return Text("", f"/{other.value!s}") if isinstance(other, Const) else Text("", other.suffix)
    return concat(concat(one, Const("/")), other)


def path_of(name: str, arguments: Arguments) -> Value | None:
    values = [value for _, value in arguments.positional]
    if arguments.open_positional or not values:
        return None
    if name == "builtins.str":
        return as_text(values[0]) or (values[0] if isinstance(values[0], (Obj, Part)) else None)
    result: Value | None = text_of(values[0])
    for value in values[1:]:
        text = text_of(value)
        if text is None:
            result = Text(_prefix(result), "")
        else:
            result = concat(concat(result, Const("/")), text)
    return result


def _prefix(value: Value | None) -> str:
    return value.prefix if isinstance(value, Text) else string(value) or ""


def split_extension(path: Value | None) -> Value | None:
    """What `os.path.splitext` makes of a path: all of it without its extension, and the extension."""
    text = text_of(path)
    if text is None:
        return None
    known = text.suffix if isinstance(text, Text) else str(text.value)
    root, extension = posixpath.splitext(known)
    if isinstance(text, Const):
        return Items("tuple", (Const(root), Const(extension)))
    return Items("tuple", (Text(text.prefix, root), Const(extension))) if extension else None
