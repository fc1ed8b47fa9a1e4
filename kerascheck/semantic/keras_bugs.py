"""Version-bound faults of Keras, read from a data file: a row there is all that a new lost argument needs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from kerascheck.semantic.values import Const, Obj, Value, boolean, number

_FLOATS_EQUAL = 1e-9


@dataclass(frozen=True)
class LostArgument:
    """An argument of a built-in class that a loaded copy does not have, or with which loading raises.

    `owner` is a canonical name, or a namespace that ends in `*`. `releases` is a specifier. The fault shows when the
    argument is given and, by `kind`: "value" is `value`, "default" is something else than `value`, "given" whatever
    it is, "object NAME" is an object of this class. `format` is the only format of files that has the fault, if any.
    """

    bug: str
    owner: str
    argument: str
    place: int | None
    kind: str
    value: object
    raises: bool
    format: str
    releases: str
    issues: tuple[str, ...]

    def speaks_of(self, name: str) -> bool:
        """Whether a canonical name is that of the class."""
        if self.owner.endswith(".*"):
            return name.rpartition(".")[0] == self.owner[:-2]
        return name == self.owner

    @property
    def words(self) -> tuple[str, ...]:
        """What a text with such a call has one of: the class, or for a whole namespace its name or the argument."""
        namespace, _, short = self.owner.rpartition(".")
        if short != "*":
            return (short.lower(),)
        return (self.argument, "**") if self.place is None else (namespace.rpartition(".")[2],)

    def may_stand_in(self, text: str) -> bool:
        """Whether a text has the words that a call with this argument needs: a cheap look before the files are read."""
        short = self.owner.rpartition(".")[2]
        return (short == "*" or short in text) and (self.place is not None or self.argument in text or "**" in text)

    def is_lost(self, given: Value | None) -> bool:
        """Whether the fault shows with this value of the argument; False when that cannot be told."""
        if self.kind.startswith("object "):
            return isinstance(given, Obj) and given.cls is None and given.ref == self.kind.removeprefix("object ")
        if given is None or (isinstance(given, Const) and given.value is None):
            return False
        if self.kind == "given":
            return True
        same = _equal(given, self.value)
        return same is (self.kind == "value")


def _equal(given: Value, value: object) -> bool | None:
    """Whether a value is this constant; None when it cannot be told."""
    if isinstance(value, bool):
        known = boolean(given)
        return None if known is None else known is value
    found = number(given)
    return None if found is None or not isinstance(value, (int, float)) else abs(found - value) < _FLOATS_EQUAL


@cache
def lost_arguments() -> tuple[LostArgument, ...]:
    """The arguments that get lost when a model is saved and loaded."""
    found = []
    for bug in _table()["bug"]:
        for row in bug.get("lost", ()):
            kind = row.get("kind") or ("default" if "default" in row else "value")
            found.append(
                LostArgument(
                    bug["id"],
                    row["class"],
                    row["argument"],
                    row.get("place"),
                    kind,
                    row.get("default", row.get("value")),
                    row.get("raises", False),
                    row.get("format", ""),
                    " or ".join(bug["affected"]),
                    tuple(bug["issues"]),
                )
            )
    return tuple(found)


@dataclass(frozen=True)
class Unreadable:
    """What a release that matches `writer` writes of these layers, one that matches `reader` cannot read."""

    bug: str
    layers: tuple[str, ...]
    writer: str
    reader: str

    def speaks_of(self, name: str) -> bool:
        """Whether a layer's class, or a canonical name of an operation, is meant."""
        return any(item in (name, "*") or (item.endswith(".*") and name.startswith(item[:-1])) for item in self.layers)


@cache
def unreadable() -> tuple[Unreadable, ...]:
    """What older releases cannot read of files that newer ones write."""
    return tuple(
        Unreadable(bug["id"], tuple(row["layers"]), row["writer"], row["reader"])
        for bug in _table()["bug"]
        for row in bug.get("writes", ())
    )


@cache
def _table() -> dict[str, Any]:
    try:
        import tomllib
    except ModuleNotFoundError:  # Python 3.10
        import tomli as tomllib
    path = Path(__file__).parent.parent / "data" / "keras_bugs.toml"
    table: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    return table
