"""Arguments of the command line: what `parse_args()` gives when nothing is said."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import libcst as cst

from kerascheck.semantic import branches
from kerascheck.semantic.values import (
    Arguments,
    Const,
    Func,
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


PARSED = "argparse.ArgumentParser.parse_args"
_ARGUMENT = "#arg:"
_CLICK = frozenset({"click.option", "click.argument"})
_TYPER = frozenset({"typer.Option", "typer.Argument"})


def argument_parser(self: Interpreter, node: cst.Call, parser: Obj, name: str, arguments: Arguments) -> Value | None:
    if name == "add_argument":
        flags = [string(value) for _, value in arguments.positional]
        destination = string(arguments.value("dest")) or _destination(flags)
        if destination is not None:
            required = arguments.value("required") == Const(True)  # then the default is never used
            self.heap[(parser, "#arg:" + destination)] = None if required else arguments.value("default")
        return None
    if name in {"parse_args", "parse_known_args"}:
        made = Obj(
            "value",
            ref=PARSED,
            arguments=Arguments(((cast(cst.BaseExpression, node), parser),)),
            call=node,
        )
        return made if name == "parse_args" else Items("tuple", (made, None))
    if name == "set_defaults":
        for keyword, _, value in arguments.keywords:
            self.heap[(parser, "#arg:" + keyword)] = value
        return None
    return Part(parser, "#group")


def _destination(flags: list[str | None]) -> str | None:
    """The name that the value of an option gets, made from the first long flag."""
    long = [flag for flag in flags if flag and flag.startswith("--")] or [flag for flag in flags if flag]
    return long[0].lstrip("-").replace("-", "_") if long else None


def argparse_value(self: Interpreter, namespace: Obj, name: str) -> Value | None:
    """The default of a command line argument."""
    parser = namespace.arguments.positional[0][1] if namespace.arguments.positional else None
    return _default(self, cast("Value | None", self.heap.get((parser, _ARGUMENT + name))))


def all_arguments(self: Interpreter, namespace: Obj) -> list[tuple[str, Value | None]]:
    """The names and defaults of what `vars(parser.parse_args())` has, as far as they are known."""
    parser = namespace.arguments.positional[0][1] if namespace.arguments.positional else None
    keys = [key for owner, key in self.heap if owner is parser and key.startswith(_ARGUMENT)]
    return [(key.removeprefix(_ARGUMENT), _default(self, cast("Value | None", self.heap[parser, key]))) for key in keys]


def _default(self: Interpreter, value: Value | None) -> Value | None:
    return branches.usual(self, value) if isinstance(value, (Const, Text)) and value != Const(None) else None


def option_value(self: Interpreter, function: Func, name: str) -> Value | None:
    """The default of a parameter that an option of click fills: `@click.option("--out", default="w.h5")`."""
    for decorator, called in zip(function.node.decorators, function.decorators):  # type: ignore[union-attr]
        call = decorator.decorator
        if called not in _CLICK or not isinstance(call, cst.Call):
            continue
        outer, self.frame = self.frame, function.frame
        self.quiet += 1
        given = self.arguments(call.args)
        self.quiet -= 1
        self.frame = outer
        if _destination([string(value) for _, value in given.positional]) == name:
            return _default(self, given.value("default"))
    return None


def typer_default(self: Interpreter, value: Value | None) -> Value | None:
    """The string in `out: str = typer.Option("w.h5")`; any other default as it is."""
    if isinstance(value, Obj) and value.ref in _TYPER:
        inner = value.arguments.value("default", 0)
        return inner if string(inner) is not None else None
    return value


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
