"""Marimo notebooks: Python files whose cells are functions, with names of other cells as parameters.

    @app.cell
    def _(keras):
        model = keras.Sequential()
        return (model,)

What a cell binds, other cells see: so its body is read as code of the module, in the order of the file.
"""

from __future__ import annotations

import re

_CELL = re.compile(
    r"^(?P<decorator>@\w+\.cell(?:\([^()\n]*\))?[ \t]*)\n(?P<name>(?:async )?def \w+)(?P<takes>\([^()]*\):)",
    re.MULTILINE,
)
_END = re.compile(r"^[^\s#]", re.MULTILINE)
_RETURN = re.compile(r"^    return\b", re.MULTILINE)


def cells(text: str) -> list[tuple[int, int]]:
    """Where the cells of a marimo file start and end, in code points; none in any other file."""
    if "marimo" not in text or ".cell" not in text:
        return []
    found = []
    for match in _CELL.finditer(text):
        end = _END.search(text, match.end())
        found.append((match.start(), end.start() if end is not None else len(text)))
    return found


def as_program(text: str) -> str:
    """A text of the same length in which the cells of a marimo file are blocks of the module; others as they are."""
    parts = []
    last = 0
    for start, end in cells(text):
        match = _CELL.match(text, start)
        assert match is not None
        takes, body = match.end("name"), match.end()
        # `with 0, (keras, model):` runs its body and binds nothing
        parts += [text[last:start], f"{'with 0,':{len(match['decorator']) - 1}}\\\n", " " * len(match["name"])]
        parts += [text[takes:body], _RETURN.sub("    pass; ", text[body:end])]
        last = end
    return "".join([*parts, text[last:]])
