"""Arguments of the command line: what `parse_args()` gives when nothing is said."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import libcst as cst

from kerascheck.semantic import branches
from kerascheck.semantic.values import (
    Arguments,
    Const,
    Items,
    Obj,
    Part,
    Ref,
    Text,
    Value,
    string,
)
from kerascheck.semantic.walk import walk

if TYPE_CHECKING:
    from kerascheck.semantic.interpreter import Interpreter


def argument_parser(self: Interpreter, node: cst.Call, parser: Obj, name: str, arguments: Arguments) -> Value | None:
    if name == "add_argument":
        flags = [string(value) for _, value in arguments.positional]
        long = [flag for flag in flags if flag and flag.startswith("--")] or [flag for flag in flags if flag]
        destination = string(arguments.value("dest")) or (long[0].lstrip("-").replace("-", "_") if long else None)
        if destination is not None:
            required = arguments.value("required") == Const(True)  # then the default is never used
            self.heap[(parser, "#arg:" + destination)] = None if required else arguments.value("default")
        return None
    if name in {"parse_args", "parse_known_args"}:
        made = Obj(
            "value",
            ref="argparse.ArgumentParser.parse_args",
            arguments=Arguments(((cast(cst.BaseExpression, node), parser),)),
            call=node,
        )
        return made if name == "parse_args" else Items("tuple", (made, None))
    if name == "set_defaults":
        for keyword, _, value in arguments.keywords:
            self.heap[(parser, "#arg:" + keyword)] = value
        return None
    return Part(parser, "#group")


def argparse_value(self: Interpreter, namespace: Obj, name: str) -> Value | None:
    """The default of a command line argument."""
    parser = namespace.arguments.positional[0][1] if namespace.arguments.positional else None
    found = self.heap.get((parser, "#arg:" + name))
    value = cast("Value | None", found)
    return branches.usual(self, value) if isinstance(value, (Const, Text)) and value != Const(None) else None


def usual_path(self: Interpreter, node: cst.IfExp, value: Value | None, other: Value | None) -> Value | None:
    """The string that `sys.argv[1] if len(sys.argv) > 1 else "runs"` gives when nothing is said; None for others."""
    if not _asks_for_arguments(node.test):
        return None
    if string(other) is not None and _asks_for_arguments(node.body):
        return branches.usual(self, other)
    if string(value) is not None and _asks_for_arguments(node.orelse):
        return branches.usual(self, value)
    return None


def _asks_for_arguments(node: cst.BaseExpression) -> bool:
    """Whether an expression reads `sys.argv`."""
    return any(
        isinstance(item, cst.Attribute)
        and item.attr.value == "argv"
        and isinstance(item.value, cst.Name)
        and item.value.value == "sys"
        for item in walk(node)
    )


def flag_value(self: Interpreter, base: Ref, name: str) -> Value | None:
    """The default of a flag of absl, of `FLAGS.name`."""
    if not base.name.endswith("flags.FLAGS"):
        return None
    value = cast("Value | None", self.heap.get(("absl", "#arg:" + name)))
    return branches.usual(self, value) if isinstance(value, (Const, Text)) and value != Const(None) else None
