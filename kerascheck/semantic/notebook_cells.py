"""The cells of a notebook, in the text that its Python cells are joined to."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import libcst as cst

if TYPE_CHECKING:
    from kerascheck.semantic.module import Module

_MARKER = re.compile(r"^# notebook cell-* \d", re.MULTILINE)  # written by `notebooks`


def cell_around(module: Module, node: cst.CSTNode) -> range | None:
    """Where the cell with a node starts and ends, in code points; None where the file is no notebook."""
    text = module.source.text
    if _MARKER.match(text) is None or not module.owns(node):
        return None
    place = module.span(node).start
    starts = [match.start() for match in _MARKER.finditer(text)] + [len(text)]
    return range(max(item for item in starts if item <= place), min(item for item in starts if item > place))
