"""The `load_model` calls in all files of a project, as they are written: also where a file does not parse."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from kerascheck.semantic.calls import TRAINING_METHODS
from kerascheck.semantic.events import Flag
from kerascheck.semantic.storage import READING, circle, loads, path_key
from kerascheck.semantic.values import Obj, Part, options

if TYPE_CHECKING:
    from kerascheck.semantic.module import Module
    from kerascheck.semantic.storage import Load, Save
    from kerascheck.semantic.values import Value

_LOAD = re.compile(r"(?<!def )\bload_model\(")
_OWN = re.compile(r"^def load_model\(", re.MULTILINE)
_LITERAL = re.compile(r"\s*[rR]?[\"']([^\"'{}%]+)[\"']\s*(?=[,)])")
_NOT_COMPILED = re.compile(r"\bcompile\s*=\s*False\b")
_GIVEN = re.compile(r"\bcustom_objects\s*=\s*(\w|\{|dict\()?")
_OBJECTS = re.compile(r"\bcustom_objects\s*=|,\s*[\w.{]+\s*(?:[,)]|:|$)")  # by name, or the second argument
_INSIDE = re.compile(r"\([^()]*\)")  # of a call in the call
_AROUND = re.compile(r"\b(?:custom_object_scope|CustomObjectScope|get_custom_objects)\b")
_WRITES = re.compile(r"(?<!\bnp)(?<!\bnumpy)\.save\(|\bsave_model\(|\bModelCheckpoint\b")
# what may write a compiled model, or hand it to something that does
_MAY_SAVE = re.compile(
    r"(?<!\bnp\.)(?<!\bnumpy\.)(?<!\bjson\.)(?<!\bonnx\.)\b(?:save(?!fig|z|txt)\w*|export\w*|dump\w*|log_model|autolog)\("
    r"|\b(?:ModelCheckpoint|BackupAndRestore|WandbCallback|WandbModelCheckpoint)\b"
)
_MEASURING = TRAINING_METHODS | {"evaluate", "evaluate_generator", "test_on_batch"}
_MEASURES = re.compile(rf"\.(?:{'|'.join(sorted(_MEASURING))})\(")
_HANDED_ON = re.compile(r"\b(?:return|yield|lambda)\b[^\n]*\bload_model\(|\.\w+[ \t]*=[^=\n]*\bload_model\(")
_NAMED = re.compile(r"^[ \t]*(\w+)[ \t]*=[^=\n]*\bload_model\(", re.MULTILINE)
_MOST = 2_000  # characters of one call


def is_cared_for(module: Module, save: Save, name: str, compiled: bool) -> bool:
    """Whether a load that stands in no file known to be linked to a save may read its file, and takes care of a name.

    It hands the object over, or it is one of those near by that do not compile the model and the object is only there
    through `compile`: run on 2.15 and 3.15.1 for losses, metrics and optimizers. Where the path is not written out
    only a file that writes no models itself counts: else it reads its own. Where each load of the project hands the
    object over, it is known to need that; where each leaves the model uncompiled, one that may read the file counts
    wherever it lies.
    """
    if module.project is None:
        return False
    written = _file_name(save)
    always: bool | None = None
    may_be_read = False
    bare = compiled and all(_NOT_COMPILED.search(call) for call in _calls(save.module.source.text))
    for text, near in module.project.texts_around(save.module.path, "load_model"):
        for call in _calls(text):
            given = _hands_over(call, text, name)
            always = given and always is not False
            bare = bare and _NOT_COMPILED.search(call) is not None
            if not _may_read(call, text, written):
                continue
            if compiled and (near or _named(call)) and _NOT_COMPILED.search(call):
                return True
            if given:
                return True
            may_be_read = True
    return always is True or (bare and may_be_read)


def is_read_elsewhere(module: Module, save: Save) -> bool:
    """Whether a load that hands nothing over, in whatever file of the project, may read the file of a save."""
    if module.project is None:
        return False
    written = _file_name(save)
    texts = module.project.texts_with(save.module.path, "load_model")
    calls = ((call, text) for text in texts for call in _calls(text))
    return any(_may_read(call, text, written) and not _OBJECTS.search(_INSIDE.sub("", call)) for call, text in calls)


def _file_name(save: Save) -> str:
    key = path_key(save.path)
    return posixpath.basename(key[1].replace("\\", "/")) if key is not None else ""


def _named(call: str) -> str:
    """The name of the file that a call reads, where that is written out."""
    literal = _LITERAL.match(call)
    return posixpath.basename(literal[1].replace("\\", "/")) if literal is not None else ""


def _may_read(call: str, text: str, written: str) -> bool:
    read = _named(call)
    if read and written:
        return read == written or "{" in written
    return not _WRITES.search(text)


def may_be_saved(module: Module) -> bool:
    """Whether what a file compiles may be written: by itself, by what it imports or by what imports it, as written.

    Yes where no other file is known, and in a package, which others use.
    """
    project = module.project
    if project is None or project.is_package(module.path) or any(map(_MAY_SAVE.search, module.texts())):
        return True
    stem = posixpath.splitext(posixpath.basename(module.path.replace("\\", "/")))[0]
    name = posixpath.basename(project.folder_of(module.path)) if stem == "__init__" else stem
    imports = re.compile(rf"\bimport\b[^\n]*\b{re.escape(name)}\b|\bfrom[ \t]+[\w.]*\b{re.escape(name)}\b|%run\b")
    texts = project.texts_with(module.path, name)
    return any(imports.search(text) and _MAY_SAVE.search(text) for text in texts)


def any_measures(module: Module) -> bool:
    """Whether some load of the project may train or evaluate the model as it was compiled when it was saved.

    Yes where no other file is known. A load does not that says `compile=False`, or whose model is only seen to predict
    or to be compiled again; one of another program counts when that trains or evaluates, or hands the model on.
    """
    if module.project is None:
        return True
    near = circle(module, READING)
    if any(_is_measured(other, load) for other in near for load in loads(other) if load.compiles):
        return True
    known = {other.source.text for other in near}
    return any(_may_measure(text) for text in module.project.texts_with(module.path, "load_model") if text not in known)


def _is_measured(module: Module, load: Load) -> bool:
    """Whether a module may train or evaluate the model of a load before it compiles it again.

    Where the model is one of several, or not known, a `compile` that comes between may be on one path only.
    """
    entry, order = module.interpreter.entry, load.call.order
    events = [event for event in module.events if _may_be_of(load, event.receiver)]
    compiled = [event for event in events if event.name == "compile"]
    for event in events:
        if event.name not in _MEASURING:
            continue
        if isinstance(event.receiver, Obj):
            if not event.every(Flag.COMPILED):
                return True
            continue
        start = order if entry(order) == entry(event.order) else -1
        if event.order > start and not any(
            start < item.order < event.order and entry(item.order) == entry(event.order) for item in compiled
        ):
            return True
    return not events and _may_measure(load.module.source.text)


def _may_be_of(load: Load, receiver: Value | None) -> bool:
    found = options(receiver)
    return any(
        item is None or isinstance(item, Part) or (isinstance(item, Obj) and item.call is load.node) for item in found
    )


def _may_measure(text: str) -> bool:
    """Whether a file, as it is written, has a load that compiles, and trains, evaluates or hands on what it loads."""
    if all(_NOT_COMPILED.search(call) for call in _calls(text)):
        return False
    if _MEASURES.search(text) is not None or _HANDED_ON.search(text) is not None:
        return True
    return any(re.search(rf"\breturn\b[^\n]*\b{name}\b", text) for name in set(_NAMED.findall(text)))


def _hands_over(call: str, text: str, name: str) -> bool:
    given, word = _GIVEN.search(call), rf"\b{re.escape(name)}\b"
    if given is not None and given[1] in {"{", "dict("}:
        return re.search(word, call) is not None
    return (given is not None or _AROUND.search(text) is not None) and re.search(word, text) is not None


def _calls(text: str) -> Iterator[str]:
    """The arguments of each call, as they are written; none in comments, nor of a file's own function."""
    own = _OWN.search(text) is not None
    for match in _LOAD.finditer(text):
        if own and text[match.start() - 1 : match.start()] != ".":
            continue
        if "#" in text[text.rfind("\n", 0, match.start()) + 1 : match.start()]:
            continue
        depth, end = 1, match.end()
        while depth and end < len(text) and end - match.end() < _MOST:
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        if not depth:
            yield text[match.end() : end]
