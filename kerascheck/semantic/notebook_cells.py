"""The cells of a notebook, in the text that its Python cells are joined to, or in a script that is written in cells."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import libcst as cst

if TYPE_CHECKING:
    from kerascheck.semantic.module import Module

_MARKER = re.compile(r"^# notebook cell-* \d", re.MULTILINE)  # written by `notebooks`
# the percent format of jupytext, VS Code, Spyder and PyCharm, and the notebooks of Databricks as they are exported
_PERCENT = re.compile(r"^# ?%%|^# COMMAND -{4,}", re.MULTILINE)


def cell_around(module: Module, node: cst.CSTNode) -> range | None:
    """Where the cell with a node starts and ends, in code points; None where the file is not written in cells."""
    text = module.source.text
    marker = _PERCENT if _MARKER.match(text) is None else _MARKER
    starts = [match.start() for match in marker.finditer(text)]
    if not starts or not module.owns(node):
        return None
    place = module.span(node).start
    starts = [0, *starts, len(text)]  # what stands above the first marker is a cell, too
    return range(max(item for item in starts if item <= place), min(item for item in starts if item > place))
