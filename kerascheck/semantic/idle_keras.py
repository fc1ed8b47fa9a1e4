"""Programs that import Keras and do nothing with it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic.names import is_keras
from kerascheck.semantic.never_made import may_be_named, without_imports

if TYPE_CHECKING:
    from kerascheck.semantic.module import Module


def leaves_keras_idle(module: Module) -> bool:
    """Whether no name that a program imports from Keras stands in what it runs: at most in functions nothing names.

    Nothing else of the project imports it, and it imports nothing with Keras. What a package has, others use.
    """
    known: bool | None = module.memo.get("idle Keras")
    if known is None:
        known = module.memo["idle Keras"] = _is_idle(module)
    return known


def _is_idle(module: Module) -> bool:
    project = module.project
    names = {
        item.bound.partition(".")[0]
        for item in module.imports
        if is_keras(item.original) or item.original.startswith("tensorflow")
    }
    if not names or "*" in names or project is None:
        return False
    text = module.source.text
    if may_be_named(text) or not module.has_entry_point or _names(_without_unused(module), names):
        return False
    return not (project.importers(module.path) or project.is_package(module.path) or project.uses_keras(module.path))


def _names(text: str, names: set[str]) -> bool:
    found = rf"(?<![\w.])(?:{'|'.join(map(re.escape, sorted(names)))})\b"
    return re.search(found, without_imports(text)) is not None


def _without_unused(module: Module) -> str:
    """The text of a program without the functions at its top that nothing names."""
    text = module.source.text
    named = without_imports(text)
    for node in reversed(module.tree.body):
        if isinstance(node, cst.FunctionDef) and not node.decorators:
            name = re.escape(node.name.value)
            if re.search(rf"(?<!def )\b{name}\b", named) is None:
                span = module.span(node)
                text = text[: span.start] + text[span.end :]
    return text
