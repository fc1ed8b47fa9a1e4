"""Names of Keras 1 and 2 and of TensorFlow 1 that no Keras 3 has.

The table is `data/removed_names.toml`; it says on which releases each name was tried, and what writes it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path


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
    return any(is_removed(f"{bound[first]}.{rest}") for first, rest in _chains(text, bound))


def _chains(text: str, bound: dict[str, str]) -> Iterator[tuple[str, str]]:
    roots = "|".join(sorted(re.escape(name) for name in bound if name.isidentifier()))
    if roots:
        for match in re.finditer(rf"(?<![\w.])({roots})\.([A-Za-z_][\w.]*)", text):
            yield match[1], match[2]


# not on any Keras 3 either (run on 3.0.5, 3.6.0 and 3.15.1), but labelled code with them is judged as Keras 3
_JUDGED = re.compile(
    r"(?:tensorflow\.)?keras\.(?:utils\.(?:np_utils|vis_utils)|wrappers|backend\.(?!\w+_backend|[gs]et_session\b))\b"
)
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
