"""The project around open texts: their unsaved text counts, and what has changed is found out again."""

from __future__ import annotations

import os
import posixpath
import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck import files, notebooks
from kerascheck.editor.reparse import Parsed, PartPositions, parsed, reparsed
from kerascheck.semantic.module import SyntaxProblem, parse, python_problem
from kerascheck.semantic.project import Project
from kerascheck.text import SourceText

if TYPE_CHECKING:
    from kerascheck.semantic.module import Module
    from kerascheck.semantic.target import Target

_IMPORTS = re.compile(r"^[ \t]*(?:from|import)[ \t][^#\n]*", re.MULTILINE)
_REFRESH_SECONDS = 2.0  # how long the state of the disk is believed
_TREES_KEPT = 8  # of texts that were looked at, for when they change
# what a module keeps about other files, without having read them
_FROM_USERS = ("users", "uses_keras", "serves_keras", "has_entry_point")

Signature = tuple[int, int] | None


class OpenFirst(files.ProjectReader):
    """Reads open texts before files. Paths are shown relative to `root`, as the command line shows them there."""

    def __init__(self, root: str) -> None:
        super().__init__(notebooks.code)
        self.root = root
        self.open: Mapping[str, str] = {}
        self.signatures: dict[str, Signature] = {}
        self._sources: dict[str, list[str]] = {}

    def absolute(self, path: str) -> str:
        return os.path.normpath(os.path.join(self.root, path)).replace(os.sep, "/")

    def shown(self, path: str) -> str:
        return shown(path, self.root)

    def read(self, path: str) -> SourceText | None:
        text = self.open.get(path)
        if text is not None:
            self.signatures.pop(path, None)
            return SourceText(text)
        self.signatures[path] = signature(path)
        return super().read(path)

    def sources(self, folder: str) -> list[str]:
        """The files below a folder, and the open ones there that are not saved yet."""
        if folder not in self._sources:
            self._sources[folder] = super().sources(folder)
        known = self._sources[folder]
        new = [path for path in self.open if path.startswith(folder + "/") and not os.path.lexists(path)]
        return [*known, *(path for path in new if path not in known)]

    def walk_again(self) -> bool:
        """Look at the folders again. Whether other files are there than before."""
        before, self._sources = self._sources, {}
        return any(super(OpenFirst, self).sources(folder) != found for folder, found in before.items())


class LiveProject(Project):
    """A Project that lives as long as the editor. Call `sync` before a check, so that no old text is believed."""

    kept = 2_000_000  # characters: whoever edits comes back to the same files

    def __init__(self, root: str, target: Target) -> None:
        self._files_first = OpenFirst(root)
        super().__init__(self._files_first, target)
        self._checked = time.monotonic()
        self._parsed: dict[str, Parsed] = {}

    def sync(self, open_texts: Mapping[str, str], *, disk: bool = False) -> None:
        """Take these texts (by absolute path) for those of their files; with `disk` look at all files again."""
        before, self._files_first.open = self._files_first.open, open_texts
        for path in {*before, *open_texts}:
            if before.get(path) != open_texts.get(path):
                self.changed(path)
        if disk or time.monotonic() - self._checked > _REFRESH_SECONDS:
            for path, known in list(self._files_first.signatures.items()):
                if signature(path) != known:
                    self.changed(path)
            if self._files_first.walk_again():
                self._indexes.clear()
                self._roots.clear()
                self._tops.clear()
                self._sources.clear()
                self._forget_imports()
                self._forget_users()
            self._checked = time.monotonic()

    def start(self, source: SourceText, path: str) -> Module:
        try:
            return super().start(source, path)
        except SyntaxProblem:  # as long as it is broken, nothing of it is known to others
            self._drop(self._files_first.absolute(path), source)
            raise

    def _begin(self, source: SourceText, path: str) -> str:
        place = self._files_first.absolute(path)
        known = self._texts.get(place)
        if known is None or known.text != source.text:
            self._forget_users()
            self._note_imports(known, source)
        self._broken.discard(place)
        return super()._begin(source, path)

    def _parse(self, source: SourceText, path: str) -> Module:
        place = self._files_first.absolute(path)
        before = self._parsed.pop(place, None)
        after: Parsed | None = None

        def tree_of(text: str) -> cst.Module:
            nonlocal after
            after = reparsed(before, text) if before is not None else None
            if after is not None:
                return after.tree
            if before is not None and before.is_python:
                problem = python_problem(text)
                if problem is not None:  # libcst's parser takes five times as long to say so
                    raise problem
            tree = cst.parse_module(text)
            after = parsed(text, tree)
            return tree

        try:
            module = parse(source, path, self._meant(), self, tree_of)
        finally:
            last = after or before  # while a text is broken, what it was before is of use
            if last is not None:
                self._parsed[place] = last
                if len(self._parsed) > _TREES_KEPT:
                    del self._parsed[next(iter(self._parsed))]
        if after is not None and module.tree is after.tree:
            module.__dict__["positions"] = PartPositions(after)
        return module

    def changed(self, path: str) -> None:
        """A file has another text now, is new or is gone: what was found out through the old one is forgotten."""
        place = self._files_first.absolute(path)
        known = self._texts.get(place)
        new = self._files_first.read(place)
        if place not in self._texts or (known and known.text) != (new and new.text):
            self._drop(place, new)

    def _drop(self, place: str, new: SourceText | None) -> None:
        gone = self._modules.pop(place, None)
        for other, user in list(self._modules.items()):
            if place in user.dependencies or any(item is gone for item in user.read()):
                del self._modules[other]
        self._forget_users()
        self._forget_imports()
        self._note_imports(self._texts.get(place), new)
        self._starts.pop(place, None)
        self._known.take(place, new)
        self._broken.discard(place)

    def _forget_users(self) -> None:
        """What modules know about the files that import them may not hold any more; what they say themselves does."""
        for module in self._modules.values():
            module.memo.clear()
            for name in _FROM_USERS:
                module.__dict__.pop(name, None)

    def _note_imports(self, before: SourceText | None, after: SourceText | None) -> None:
        if _imports(before) != _imports(after):
            self._indexes.clear()
            self._words.clear()


def signature(path: str) -> Signature:
    """What changes when a file does: its time and size; None when there is none."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_mtime_ns, status.st_size


def shown(path: str, root: str) -> str:
    """A path as findings show it: relative to `root` when it lies there, else absolute; with slashes."""
    path, root = path.replace(os.sep, "/"), root.replace(os.sep, "/")
    return posixpath.relpath(path, root) if path.startswith(root.rstrip("/") + "/") else files.display(path)


def _imports(source: SourceText | None) -> list[str]:
    return [] if source is None else _IMPORTS.findall(source.text)
