"""Names of Keras 1 and 2 and of TensorFlow 1 that no Keras 3 has.

The table is `data/removed_names.toml`; it says on which releases each name was tried, and what writes it.
"""

from __future__ import annotations

import re
import sys
from functools import cache, lru_cache
from pathlib import Path


@lru_cache(10_000)
def is_removed(full: str) -> bool:
    """Whether a dotted name, or one that it is in, cannot be reached on any Keras 3, by import or as an attribute.

    A name of TensorFlow proper counts when TensorFlow 2 does not have it.
    """
    if _JUDGED.match(full):
        return False
    parts = full.split(".")
    return any(".".join(parts[:length]) in _names() for length in range(2, len(parts) + 1))


def names_removed(text: str) -> bool:
    """Whether a text seems to use such a name: a look by text, which strings and shadowed names may deceive."""
    bound: dict[str, str] = {}
    for module, names, plain in _IMPORTS.findall(text):
        for part in (names or plain).strip("()").split(","):
            name, _, local = (word.strip() for word in re.sub(r"#[^\n]*", "", part).partition(" as "))
            if not name or not (module or name.startswith(("keras", "tensorflow"))):
                continue
            full = f"{module}.{name}" if module else name
            if is_removed(full):
                return True
            if local or module:
                bound[local or name] = full
            else:
                bound[name.partition(".")[0]] = name.partition(".")[0]
    return any(
        is_removed(f"{full}.{rest}")
        for name, full in bound.items()
        if name.isidentifier()
        for rest in _after(name, text)
    )


def _after(name: str, text: str) -> set[str]:
    """What follows a name and a dot anywhere in a text, as far as it is a chain of names."""
    found = set()
    start = text.find(f"{name}.")
    while start >= 0:
        end = start + len(name) + 1
        if not _IN_CHAIN.match(text[start - 1 : start]):
            rest = _CHAIN.match(text, end)
            if rest is not None:
                found.add(rest[0])
        start = text.find(f"{name}.", end)
    return found


# not on any Keras 3 either (run on 3.0.5, 3.6.0 and 3.15.1), but labelled code with them is judged as Keras 3
_JUDGED = re.compile(
    r"(?:tensorflow\.)?keras\.(?:utils\.(?:np_utils|vis_utils)|wrappers|backend\.(?!\w+_backend|[gs]et_session\b))\b"
)
_IN_CHAIN = re.compile(r"[\w.]")
_CHAIN = re.compile(r"[A-Za-z_][\w.]*")
_IMPORTS = re.compile(
    r"^[ \t]*(?:from[ \t]+((?:keras|tensorflow)\b[\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^\n]*)|import[ \t]+([^\n]*))",
    re.MULTILINE,
)


@cache
def _names() -> frozenset[str]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    path = Path(__file__).parent.parent / "data" / "removed_names.toml"
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    return frozenset(f"{space}.{name}" for space, names in table.items() for name in names.split())
