"""Names under which Keras takes its own object for one of the user's: then loading a file does not raise.

The table is `data/own_names.toml`; bench/own_names.py writes it, by loading a file for each kind, name and release.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

NEVER = "<0"  # a specifier that no release matches
_FORMATS = (".keras", ".h5")


def raises_on(kind: str, ending: str, name: str) -> str:
    """The releases on which Keras does not find an unregistered object of this name and raises; "" for all of them.

    `kind` is "layer", "loss", "loss function", "metric" ...; `ending` is ".keras" or ".h5", anything else is either.
    """
    found = ""
    for item in _FORMATS if ending not in _FORMATS else (ending,):
        names = _table().get((kind, item), {})
        found = both(found, names.get(name, names.get("*", "")))
    return found


def takes_own(kind: str, ending: str, name: str) -> bool:
    """Whether some release takes Keras' own object of this name in a file of this format."""
    return name in _table().get((kind, ending), {})


def both(one: str, other: str) -> str:
    """The releases that both match; "" are all."""
    if not one or not other or one == other:
        return one or other
    return " or ".join(f"{left},{right}" for left in one.split(" or ") for right in other.split(" or "))


@cache
def _table() -> dict[tuple[str, str], dict[str, str]]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    path = Path(__file__).parent.parent / "data" / "own_names.toml"
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    return {
        (kind, f".{ending}"): {name: on or NEVER for on, names in groups.items() for name in names.split()}
        for kind, formats in table.items()
        for ending, groups in formats.items()
    }
