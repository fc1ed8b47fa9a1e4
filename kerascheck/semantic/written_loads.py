"""The `load_model` calls in all files of a project, as they are written: also where a file does not parse."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from kerascheck.semantic.storage import path_key

if TYPE_CHECKING:
    from kerascheck.semantic.module import Module
    from kerascheck.semantic.storage import Save

_LOAD = re.compile(r"(?<!def )\bload_model\(")
_LITERAL = re.compile(r"\s*[rR]?[\"']([^\"'{}%]+)[\"']\s*(?=[,)])")
_NOT_COMPILED = re.compile(r"\bcompile\s*=\s*False\b")
_GIVEN = re.compile(r"\bcustom_objects\s*=\s*(\w|\{|dict\()?")
_AROUND = re.compile(r"\b(?:custom_object_scope|CustomObjectScope|get_custom_objects)\b")
_WRITES = re.compile(r"(?<!\bnp)(?<!\bnumpy)\.save\(|\bsave_model\(|\bModelCheckpoint\b")
_MOST = 2_000  # characters of one call


def is_cared_for(module: Module, save: Save, name: str, compiled: bool) -> bool:
    """Whether a load that stands in no file known to be linked to a save may read its file, and takes care of a name.

    It hands the object over, or it is one of those near by that do not compile the model and the object is only there
    through `compile`: run on 2.15 and 3.15.1 for losses, metrics and optimizers. Where the path is not written out
    only a file that writes no models itself counts: else it reads its own. Where each load of the project hands the
    object over, it is known to need that.
    """
    if module.project is None:
        return False
    key = path_key(save.path)
    written = posixpath.basename(key[1].replace("\\", "/")) if key is not None else ""
    always: bool | None = None
    for text, near in module.project.texts_around(save.module.path, "load_model"):
        for call in _calls(text):
            given = _hands_over(call, text, name)
            always = given and always is not False
            literal = _LITERAL.match(call)
            read = posixpath.basename(literal[1].replace("\\", "/")) if literal is not None else ""
            if read and written and read != written and "{" not in written:
                continue
            if not (read and written) and _WRITES.search(text):
                continue
            if compiled and (near or read) and _NOT_COMPILED.search(call):
                return True
            if given:
                return True
    return always is True


def any_compiles(module: Module) -> bool:
    """Whether some load of the project, as it is written, compiles the model; yes where no other file is known."""
    if module.project is None:
        return True
    texts = (module.source.text, *module.project.texts_with(module.path, "load_model"))
    return any(_NOT_COMPILED.search(call) is None for text in texts for call in _calls(text))


def _hands_over(call: str, text: str, name: str) -> bool:
    given, word = _GIVEN.search(call), rf"\b{re.escape(name)}\b"
    if given is not None and given[1] in {"{", "dict("}:
        return re.search(word, call) is not None
    return (given is not None or _AROUND.search(text) is not None) and re.search(word, text) is not None


def _calls(text: str) -> Iterator[str]:
    """The arguments of each call, as they are written; none of what stands in comments."""
    for match in _LOAD.finditer(text):
        if "#" in text[text.rfind("\n", 0, match.start()) + 1 : match.start()]:
            continue
        depth, end = 1, match.end()
        while depth and end < len(text) and end - match.end() < _MOST:
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        if not depth:
            yield text[match.end() : end]
