"""The arguments of Keras' own constructors, read from a data file; `get_config` of each class writes them."""

from __future__ import annotations

from functools import cache
from pathlib import Path


@cache
def arguments_of(name: str) -> frozenset[str] | None:
    """The arguments of a class by its canonical name, such as `keras.layers.Dense`; None when it is not known."""
    found = order_of(name)
    return None if found is None else frozenset(found)


@cache
def order_of(name: str) -> tuple[str, ...] | None:
    """The same, in the order in which they may be given without their names."""
    namespace, _, short = name.removeprefix("keras.").rpartition(".")
    found = _table().get(namespace.partition(".")[0], {}).get(short)
    return None if found is None else tuple(found.split())


@cache
def _table() -> dict[str, dict[str, str]]:
    try:
        import tomllib
    except ModuleNotFoundError:  # Python 3.10
        import tomli as tomllib
    path = Path(__file__).parent.parent / "data" / "constructors.toml"
    table: dict[str, dict[str, str]] = tomllib.loads(path.read_text(encoding="utf-8"))
    return table
