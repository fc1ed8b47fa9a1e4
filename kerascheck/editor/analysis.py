"""Findings and repairs of open texts: what the command line would say of the same files, with unsaved texts counted."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from kerascheck import engine, files, notebooks
from kerascheck.editor.documents import Change, Document, Encoding, Notebook, Sheet
from kerascheck.editor.live import LiveProject, shown
from kerascheck.editor.repair import silenced
from kerascheck.edits import apply
from kerascheck.finding import Finding
from kerascheck.pages import TOOL_NAMES
from kerascheck.semantic.module import SyntaxProblem
from kerascheck.settings import Settings, SettingsError, matches
from kerascheck.surroundings import Overrides, Surroundings
from kerascheck.text import SourceText

if TYPE_CHECKING:
    from kerascheck.engine import Confirm, Options
    from kerascheck.notebooks import Joined
    from kerascheck.semantic.module import Module
    from kerascheck.semantic.target import Target

_VIRTUAL = ".virtual_documents"  # where JupyterLab says that its notebooks lie
_TARGETS_KEPT = 6


@dataclass(frozen=True)
class World:
    """What a check sees besides the sheet: open texts by absolute path, workspace folders, and the client's settings.

    `disk` says that files may have changed since the last check.
    """

    open: Mapping[str, str] = field(default_factory=dict)
    folders: tuple[str, ...] = ()
    overrides: Overrides = field(default_factory=Overrides)
    disk: bool = False


@dataclass(frozen=True)
class Analysis:
    """The findings of one sheet. `problem` says in one line why it could not be looked at; empty when it could.

    `unsafe` says that the settings allow unsafe fixes; `target` is the Keras that it was checked for.
    """

    sheet: Sheet
    root: str
    findings: tuple[Finding, ...] = ()
    problem: str = ""
    target: str = ""
    unsafe: bool = False

    @cached_property
    def by_fingerprint(self) -> dict[str, Finding]:
        return {finding.fingerprint: finding for finding in self.findings}

    @property
    def fixable(self) -> bool:
        """Whether `--fix` would do anything."""
        return any(item.fix is not None and (item.fix.safe or self.unsafe) for item in self.findings)

    def document(self, finding: Finding) -> Document | None:
        """The text that a finding stands in; None when its cell is not open."""
        return self.sheet if isinstance(self.sheet, Document) else self.sheet.cell(finding.cell)


@dataclass(frozen=True)
class _Setting:
    """What surrounds one sheet: its root, its path as shown, its options, its project."""

    root: str
    path: str
    options: Options
    unsafe: bool
    project: LiveProject


class Analyst:
    """Looks at sheets, one call at a time; what was parsed is kept from one call to the next."""

    def __init__(self) -> None:
        self._projects: dict[tuple[str, Target], LiveProject] = {}

    def check(
        self, sheet: Sheet, world: World, confirmer: Callable[[Settings, bytes], Confirm] | None = None
    ) -> Analysis:
        """The findings of a sheet; none when settings exclude it or nothing in it speaks of Keras."""
        root = root_of(sheet.path, world.folders)
        try:
            setting = self._setting(sheet, world, confirmer)
        except (SettingsError, files.FileProblem) as problem:
            return Analysis(sheet, root, problem=str(problem))
        if setting is None:
            return Analysis(sheet, root)
        options, project = setting.options, setting.project
        if isinstance(sheet, Notebook):
            checked = notebooks.check(sheet.raw, setting.path, options, project)
        else:
            checked = engine.check(sheet.source, setting.path, options, project)
        target = options.target.text + (f", {options.target.backend}" if options.target.backend else "")
        return Analysis(sheet, root, checked.findings, target=target, unsafe=setting.unsafe)

    def fixed(self, sheet: Sheet, world: World) -> dict[str, str]:
        """What `--fix` makes of a sheet: the new text of each document (by URI) that changes.

        Raises NotebookRefused when fixes cannot be written.
        """
        try:
            setting = self._setting(sheet, world)
        except (SettingsError, files.FileProblem):
            return {}
        if setting is None:
            return {}
        options, project = setting.options, setting.project
        try:
            if isinstance(sheet, Notebook):
                done = notebooks.fix(sheet.raw, setting.path, options, unsafe=setting.unsafe, project=project)
                after = {cell.index: cell.source for cell in notebooks.Notebook.from_bytes(done.raw).cells}
                return _changed(sheet, after)
            text = engine.fix(sheet.source, setting.path, options, unsafe=setting.unsafe, project=project).source.text
            return {sheet.uri: text} if text != sheet.source.text else {}
        finally:
            project.changed(sheet.path)  # the texts between were ours alone

    def fixed_once(self, analysis: Analysis, finding: Finding) -> dict[str, str]:
        """What the fix of one finding makes of its sheet: the new text of each document (by URI) that changes.

        Raises NotebookRefused when it cannot be written.
        """
        if finding.fix is None:
            return {}
        sheet = analysis.sheet
        if isinstance(sheet, Document):
            text, done = apply(sheet.source.text, [finding.fix])
            return {sheet.uri: text} if done and text != sheet.source.text else {}
        joined = joined_of(sheet, analysis.findings)
        text, done = apply(joined.text, [finding.fix])
        parts = joined.parts(text) if done else []
        after = {
            cell.index: notebooks.rewritten(cell, part) for cell, part in zip(joined.cells, parts) if part != cell.text
        }
        return _changed(sheet, after)

    def module(self, sheet: Sheet, world: World) -> tuple[Module, Joined | None] | None:
        """What is understood of a sheet; None when it cannot be parsed or has nothing to do with Keras."""
        try:
            setting = self._setting(sheet, world)
            if setting is None:
                return None
            if isinstance(sheet, Document):
                return setting.project.start(sheet.source, setting.path), None
            wanted = replace(setting.options, codes=frozenset({"KC000"}))
            joined = joined_of(sheet, notebooks.check(sheet.raw, setting.path, wanted, setting.project).findings)
            return setting.project.start(SourceText(joined.text), setting.path), joined
        except (SettingsError, files.FileProblem, SyntaxProblem):
            return None

    def _setting(
        self, sheet: Sheet, world: World, confirmer: Callable[[Settings, bytes], Confirm] | None = None
    ) -> _Setting | None:
        """What surrounds a sheet; None when it is excluded or has nothing to do with Keras. Raises SettingsError."""
        root = root_of(sheet.path, world.folders)
        path = shown(sheet.path, root)
        raw = sheet.raw
        files.check_size(path, raw)
        surroundings = Surroundings(world.overrides, confirmer)
        settings = surroundings.settings(sheet.path)
        if is_excluded(path, sheet.path, settings):
            return None
        options = surroundings.options(sheet.path, raw)
        project = self._project(root, options.target)
        project.sync(world.open, disk=world.disk)
        if not (isinstance(sheet, Notebook) or files.mentions_keras(raw) or files.may_use_project(path, raw, project)):
            return None
        return _Setting(root, path, options, settings.unsafe_fixes, project)

    def _project(self, root: str, target: Target) -> LiveProject:
        key = (root, target)
        found = self._projects.pop(key, None) or LiveProject(root, target)
        self._projects[key] = found  # the last used stands last
        if len(self._projects) > _TARGETS_KEPT:
            del self._projects[next(iter(self._projects))]
        return found


def joined_of(sheet: Notebook, findings: Sequence[Finding]) -> Joined:
    """The cells of a notebook as the core joined them: without those that cannot be parsed."""
    broken = {finding.cell for finding in findings if finding.code == "KC000" and finding.cell is not None}
    return notebooks.Notebook.from_bytes(sheet.raw).joined(broken)


def suppression(analysis: Analysis, document: Document, finding: Finding, encoding: Encoding) -> Change | None:
    """The comment that silences a finding of a document, where it goes; None where it cannot be silenced so."""
    if finding.code in TOOL_NAMES:
        return None
    text, rows = document.source.text, None
    row = finding.start.line
    if isinstance(analysis.sheet, Notebook):
        joined = joined_of(analysis.sheet, analysis.findings)
        cell = next((item for item in joined.cells if item.index == finding.cell), None)
        if cell is None or any(line.shift for line in cell.lines):
            return None
        text, rows = cell.text, [line.number for line in cell.lines]
        row = rows.index(row) + 1 if row in rows else 0
    edit = silenced(text, row, finding.code) if row else None
    if edit is None:
        return None
    source = SourceText(text)
    start, end = source.position(edit.start), source.position(edit.end)
    if rows is not None:
        start, end = replace(start, line=rows[start.line - 1]), replace(end, line=rows[end.line - 1])
    return Change(edit.text, document.range(start, end, encoding))


def root_of(path: str, folders: Sequence[str]) -> str:
    """The innermost workspace folder around a file; for a file outside of all, the top of its own project."""
    around = [folder for folder in folders if path.startswith(folder.rstrip("/") + "/")]
    if around:
        return max(around, key=len)
    return files.project_top(os.path.dirname(path)).replace(os.sep, "/")


def is_excluded(path: str, absolute: str, settings: Settings) -> bool:
    """Whether a run over the root would leave a file out; `path` is relative to the root, or absolute outside it."""
    inside = settings.exclude is None and not os.path.isabs(path)
    if inside and any(name in files.DEFAULT_EXCLUDE for name in path.split("/")):
        return True
    relative = os.path.relpath(absolute, settings.folder or ".").replace(os.sep, "/")
    patterns = (*(settings.exclude or ()), *settings.extend_exclude)
    return not relative.startswith("../") and any(matches(relative, pattern) for pattern in patterns)


def real_path(path: str) -> str:
    """The path of a file behind the one that a client names; JupyterLab names a copy of a notebook."""
    return path.replace(os.sep, "/").replace(f"/{_VIRTUAL}/", "/")


def _changed(sheet: Notebook, after: Mapping[int, str]) -> dict[str, str]:
    found = {}
    for index, text in after.items():
        document = sheet.cell(index)
        if document is not None and document.text != text:
            found[document.uri] = text
    return found
