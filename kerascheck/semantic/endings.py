"""The ends of file names: whether Keras takes a file by its name."""

from __future__ import annotations

import re

from kerascheck.semantic.values import Value, options, suffix_of

EXTENSION = re.compile(r"(\.weights)?\.(h5|hdf5|keras|ckpt|tf|weights|hdf|index|json|pb|model|savedmodel|pt|pkl)$")


def refused_end(value: Value | None, accepted: tuple[str, ...]) -> str | None:
    """The end of a path that surely has none of the accepted ends, as it is shown; None otherwise or when not known.

    Of a path that may be several the first one, if all are refused.
    """
    found = [_refused_end_of(item, accepted) for item in options(value)]
    return found[0] if None not in found else None


def _refused_end_of(value: Value | None, accepted: tuple[str, ...]) -> str | None:
    known = suffix_of(value)
    if known is None:
        return None
    text, whole = known
    # of a longer name only `text` is known: `5` may be the end of `.h5`
    if any(text.endswith(end) or (not whole and end.endswith(text)) for end in accepted):
        return None
    last = re.split(r"[/\\]", text)[-1]
    if not last:
        return text[-1:] if text else None
    extension = EXTENSION.search(text)
    if extension is not None:
        return extension.group()
    place = last.rfind(".")
    return last[place:] if place > 0 and "{" not in last[place:] else last
