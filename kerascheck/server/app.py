"""The server itself: what is open, what is due, and the handlers of the protocol."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import sys
import threading
import time
import uuid
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from typing import Any, TypeVar

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from kerascheck import __version__, files, notebooks
from kerascheck.editor import hover as hovers
from kerascheck.editor import repair
from kerascheck.editor.analysis import Analysis, Analyst, World, suppression
from kerascheck.editor.documents import Cell, Document, Notebook, Place, Range, Sheet
from kerascheck.finding import Finding
from kerascheck.notebooks import NotebookRefused
from kerascheck.pages import all_pages, folder, url
from kerascheck.server import wire
from kerascheck.surroundings import Overrides
from kerascheck.text import Position

T = TypeVar("T")

FIX_ALL = "source.fixAll.kerascheck"
NOTEBOOK_FIX_ALL = "notebook.source.fixAll.kerascheck"
OPEN_PAGE = "kerascheck.openPage"
CONFIRM_FILE = "kerascheck.confirmFile"
CONFIRM_FINDING = "kerascheck.confirmFinding"

_DEBOUNCE_SECONDS = 0.01  # what follows so soon is checked together
_LONGEST_WAIT = 0.15  # a text that changes all the time is checked as often
_LONGEST_SILENCE = 0.3  # where checks take longer than the next key, an older version is shown after this time
_QUIET_SECONDS = 0.4  # without a change, before other open texts are checked again
_BREATH_SECONDS = 0.01  # after a check, when its findings are on their way, its garbage goes
_COLLECTIONS_BETWEEN = 25  # after so many what is alive is put aside
_FREEZES_BETWEEN = 8  # after so many that is looked at again
_LONGEST_END = 20.0  # seconds for the confirming process to clean up after itself
_STACK_BYTES = 64 * 1024 * 1024  # of the thread that parses: texts may be nested deeply
_ENCODINGS = {"utf-8": "utf-8", "utf-16": "utf-16", "utf-32": "utf-32"}
_WATCHED = (
    "**/*.py", "**/*.ipynb", "**/pyproject.toml", "**/setup.py", "**/setup.cfg", "**/requirements*", "**/*.lock",
    "**/environment*.y*ml", "**/Pipfile",
)  # fmt: skip
_LOG = logging.getLogger("kerascheck.server")


class Server(LanguageServer):
    """What one client has open, and what is known about it. All but the checks runs in one loop."""

    def __init__(self) -> None:
        super().__init__(
            "kerascheck",
            __version__,
            notebook_document_sync=types.NotebookDocumentSyncOptions(
                [
                    types.NotebookDocumentFilterWithNotebook(
                        notebook="jupyter-notebook", cells=[types.NotebookCellLanguage("python")]
                    )
                ],
                save=True,
            ),
        )
        self.abilities = wire.Abilities()
        self.trusted = False
        self.sheets: dict[str, Sheet] = {}  # by the URI of a text or of a whole notebook
        self.owners: dict[str, str] = {}  # from the URI of a cell to that of its notebook
        self.folders: tuple[str, ...] = ()
        self.overrides = Overrides()
        self.generation = 0  # counts changes of anything that a check sees
        self.disk = False
        self.analyses: dict[str, tuple[Sheet, int, Analysis]] = {}
        self.verdicts: dict[str, tuple[bytes, dict[str, Any]]] = {}
        self.analyst = Analyst()
        self.complaints: set[str] = set()
        self._running: dict[str, tuple[Sheet, int, asyncio.Future[Analysis | None]]] = {}
        self._due: dict[str, float] = {}
        self._first_due: dict[str, float] = {}
        self._published: dict[str, float] = {}
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._others: asyncio.TimerHandle | None = None
        self._uncollected = 0
        self._collections = self._freezes = 0
        self._tasks: set[asyncio.Task[Any]] = set()
        self._worker = _worker()

    # ------------------------------------------------------------------ what is open

    def sheet_at(self, uri: str) -> Sheet | None:
        """The open sheet that a URI names or is a cell of."""
        return self.sheets.get(self.owners.get(uri, uri))

    def document_at(self, uri: str) -> Document | None:
        """The open text that a URI names."""
        sheet = self.sheet_at(uri)
        if isinstance(sheet, Notebook):
            return next((cell.document for cell in sheet.cells if cell.document.uri == uri), None)
        return sheet

    def put(self, sheet: Sheet) -> None:
        """A sheet was opened or has changed."""
        self.sheets[sheet.uri] = sheet
        if isinstance(sheet, Notebook):
            for uri, owner in list(self.owners.items()):
                if owner == sheet.uri:
                    del self.owners[uri]
            self.owners.update({cell.document.uri: sheet.uri for cell in sheet.cells})
        self.generation += 1
        self.due(sheet.uri, _DEBOUNCE_SECONDS)
        self.others_due(sheet.uri)

    def remove(self, uri: str) -> None:
        """A sheet was closed; its findings go."""
        sheet = self.sheets.pop(uri, None)
        for known in (self.analyses, self.verdicts, self._due, self._first_due, self._published):
            known.pop(uri, None)
        self.generation += 1
        if sheet is not None and not self.abilities.pull:
            for document in wire.documents_of(Analysis(sheet, "")):
                self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(document.uri, []))
        self.others_due(uri)

    def world(self) -> World:
        """What a check sees now."""
        texts = {}
        for sheet in self.sheets.values():
            if wire.lies_on_disk(sheet.uri):
                text = sheet.source.text if isinstance(sheet, Document) else notebooks.code(sheet.raw)
                texts[sheet.path] = text or ""
        disk, self.disk = self.disk, False
        return World(texts, self.folders, self.overrides, disk)

    # ------------------------------------------------------------------ checks

    async def in_worker(self, work: Callable[[], T]) -> T:
        """Do something with the analyst, in its thread, after what is waiting there."""
        return await asyncio.get_running_loop().run_in_executor(self._worker, work)

    async def current(self, uri: str) -> Analysis | None:
        """The analysis of a sheet as it is now; what becomes stale meanwhile is dropped and done again."""
        while True:
            sheet = self.sheets.get(uri)
            if sheet is None:
                return None
            analysis = await self._analysed(sheet)
            if analysis is not None and self.sheets.get(uri) is sheet:
                return self._with_verdicts(analysis)

    async def _analysed(self, sheet: Sheet) -> Analysis | None:
        uri, generation = sheet.uri, self.generation
        known = self.analyses.get(uri)
        if known is not None and known[0] is sheet and known[1] == generation:
            return known[2]
        running = self._running.get(uri)
        if running is None or running[0] is not sheet or running[1] != generation:
            world = self.world()

            def work() -> Analysis | None:
                if self.sheets.get(uri) is not sheet:
                    return None  # there is a newer text
                self._uncollected += 1
                return self.analyst.check(sheet, world)

            future = asyncio.ensure_future(self.in_worker(work))
            running = self._running[uri] = (sheet, generation, future)
        analysis = await asyncio.shield(running[2])  # others may wait for it, too
        if self._running.get(uri) is running:
            del self._running[uri]
            if analysis is not None:
                self.analyses[uri] = (sheet, generation, analysis)
                asyncio.get_running_loop().call_later(_BREATH_SECONDS, self._worker.submit, self._collect)
                self._complain(analysis.problem)
        return analysis

    def _collect(self) -> None:
        """Collect garbage, in the worker: facts are many objects, and a collection amid a check doubles it.

        What is alive, above all the trees of open texts, is put aside now and then, and not looked at each time.
        """
        if not self._uncollected:
            return
        self._uncollected = 0
        aside = self._collections % _COLLECTIONS_BETWEEN == 0
        self._collections += 1
        if aside:
            self._freezes += 1
            if self._freezes % _FREEZES_BETWEEN == 0:
                gc.unfreeze()  # what was put aside and has become garbage goes, too
        gc.collect()
        if aside:
            gc.freeze()

    def _complain(self, problem: str) -> None:
        if problem and problem not in self.complaints:
            self.complaints.add(problem)
            self.window_show_message(types.ShowMessageParams(types.MessageType.Error, f"kerascheck: {problem}"))

    def _with_verdicts(self, analysis: Analysis) -> Analysis:
        known = self.verdicts.get(analysis.sheet.uri)
        if known is None or known[0] != analysis.sheet.raw:
            return analysis
        findings = tuple(
            replace(finding, verdict=wire.verdict_of(known[1][finding.fingerprint]))
            if finding.fingerprint in known[1]
            else finding
            for finding in analysis.findings
        )
        return replace(analysis, findings=findings)

    def due(self, uri: str, seconds: float) -> None:
        """A sheet is to be checked soon, and what comes of it shown; a client that asks by itself does so."""
        if self.abilities.pull or uri not in self.sheets:
            return
        now = time.monotonic()
        first = self._first_due.setdefault(uri, now)
        self._due[uri] = min(now + seconds, max(first + _LONGEST_WAIT, now))
        if uri not in self._keepers:
            self._keepers[uri] = self.spawn(self._keep(uri))
            self._keepers[uri].add_done_callback(lambda _: self._keepers.pop(uri, None))

    async def _keep(self, uri: str) -> None:
        """Show the findings of a sheet until nothing is due."""
        while uri in self._due:
            wait = self._due[uri] - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
                continue
            del self._due[uri]
            self._first_due.pop(uri, None)
            sheet = self.sheets.get(uri)
            analysis = await self._analysed(sheet) if sheet is not None else None
            fresh = analysis is not None and self.sheets.get(uri) is analysis.sheet
            waited = time.monotonic() - self._published.get(uri, 0.0) > _LONGEST_SILENCE
            if analysis is not None and uri in self.sheets and (fresh or waited):
                self.publish(self._with_verdicts(analysis))

    def publish(self, analysis: Analysis) -> None:
        """Push the findings of a sheet, cell by cell."""
        found = self.diagnostics(analysis)
        self._published[analysis.sheet.uri] = time.monotonic()
        for document in wire.documents_of(analysis):
            self.text_document_publish_diagnostics(
                types.PublishDiagnosticsParams(document.uri, found.get(document.uri, []), document.version)
            )

    def diagnostics(self, analysis: Analysis) -> dict[str, list[types.Diagnostic]]:
        """The diagnostics of a sheet by the URI of their text."""
        found: dict[str, list[types.Diagnostic]] = {}
        documents = wire.documents_of(analysis)
        for finding in analysis.findings:
            document = analysis.document(finding) or (documents[0] if documents else None)
            if document is not None:
                shown = wire.diagnostic(finding, document, analysis, self.abilities, self.text_of)
                found.setdefault(document.uri, []).append(shown)
        return found

    def text_of(self, path: str) -> Document:
        """The text of a file: the open one, else that on the disk; empty when it cannot be read."""
        for sheet in self.sheets.values():
            if isinstance(sheet, Document) and sheet.path == path:
                return sheet
        source = files.ProjectReader().read(path) if path.endswith(".py") else None
        return Document(wire.uri_of(path), path, source.text if source is not None else "")

    def others_due(self, uri: str) -> None:
        """After a while without changes, check what else is open: facts cross files."""
        if self._others is not None:
            self._others.cancel()
        loop = asyncio.get_running_loop()
        self._others = loop.call_later(_QUIET_SECONDS, self.all_due, uri)

    def all_due(self, but: str = "") -> None:
        """Check all open sheets again, but for one; a client that asks by itself is told to ask."""
        self._worker.submit(self._collect)
        if self.abilities.pull:
            if self.abilities.refresh and not but:
                self.spawn(self._refresh())
            return
        for uri in self.sheets:
            if uri != but:
                self.due(uri, 0)

    async def _refresh(self) -> None:
        await self.workspace_diagnostic_refresh_async(None)

    def world_changed(self) -> None:
        """Files or settings have changed."""
        self.generation += 1
        self.disk = True
        self.all_due()

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run something beside; what goes wrong in it is logged and shown, not lost."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            _LOG.error("a task failed", exc_info=error)
            self._complain(f"internal error: {type(error).__name__}: {error}")


def _worker() -> ThreadPoolExecutor:
    """One thread with a stack for deeply nested texts."""
    before = threading.stack_size(_STACK_BYTES)
    worker = ThreadPoolExecutor(1, "kerascheck")
    worker.submit(int).result()  # the thread exists now
    threading.stack_size(before)
    return worker


# ---------------------------------------------------------------------- handlers


def make_server() -> Server:
    """A server with all its handlers; `start_io` runs it."""
    server = Server()
    feature = server.feature

    @feature(types.INITIALIZE)
    def initialize(params: types.InitializeParams) -> None:
        encoding = server.workspace.position_encoding
        name = encoding.value if isinstance(encoding, types.PositionEncodingKind) else str(encoding)
        server.abilities = wire.Abilities.of(params.capabilities, _ENCODINGS.get(name, "utf-16"))
        given = params.initialization_options
        options: Mapping[str, Any] = given if isinstance(given, dict) else {}
        server.trusted = options.get("trusted") is True
        folders = [item.uri for item in params.workspace_folders or ()]
        root = params.root_uri or (wire.uri_of(params.root_path) if params.root_path else None)
        server.folders = tuple(wire.path_of(uri) for uri in folders or ([root] if root else []))
        if server.folders and os.path.isdir(server.folders[0]):
            os.chdir(server.folders[0])  # so that what is relative means the same as on the command line there
        if isinstance(options.get("settings"), dict):
            _configure(server, options["settings"])

    @feature(types.INITIALIZED)
    async def initialized(_: types.InitializedParams) -> None:
        if server.abilities.watch:
            watchers = [types.FileSystemWatcher(pattern) for pattern in _WATCHED]
            await server.client_register_capability_async(
                types.RegistrationParams(
                    [
                        types.Registration(
                            "kerascheck-files",
                            types.WORKSPACE_DID_CHANGE_WATCHED_FILES,
                            types.DidChangeWatchedFilesRegistrationOptions(watchers),
                        )
                    ]
                )
            )
        await _ask_configuration(server)

    @feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)
    async def configuration(params: types.DidChangeConfigurationParams) -> None:
        if server.abilities.configuration:
            await _ask_configuration(server)
        elif isinstance(params.settings, dict):
            settings = params.settings.get("kerascheck", params.settings)
            _configure(server, settings if isinstance(settings, dict) else {})

    @feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    async def watched(_: types.DidChangeWatchedFilesParams) -> None:
        server.world_changed()

    @feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    async def folders_changed(params: types.DidChangeWorkspaceFoldersParams) -> None:
        gone = {wire.path_of(item.uri) for item in params.event.removed}
        added = [wire.path_of(item.uri) for item in params.event.added]
        server.folders = tuple(dict.fromkeys([*(item for item in server.folders if item not in gone), *added]))
        server.world_changed()

    @feature(types.TEXT_DOCUMENT_DID_OPEN)
    async def opened(params: types.DidOpenTextDocumentParams) -> None:
        item = params.text_document
        server.put(Document(item.uri, wire.path_of(item.uri), item.text, item.version, item.language_id))

    @feature(types.TEXT_DOCUMENT_DID_CHANGE)
    async def changed(params: types.DidChangeTextDocumentParams) -> None:
        sheet = server.sheets.get(params.text_document.uri)
        if isinstance(sheet, Document):
            changes = wire.from_changes(params.content_changes)
            server.put(sheet.changed(changes, params.text_document.version, server.abilities.encoding))

    @feature(types.TEXT_DOCUMENT_DID_SAVE)
    async def saved(_: types.DidSaveTextDocumentParams) -> None:
        server.world_changed()

    @feature(types.TEXT_DOCUMENT_DID_CLOSE)
    async def closed(params: types.DidCloseTextDocumentParams) -> None:
        server.remove(params.text_document.uri)

    _add_notebooks(server)

    @feature(
        types.TEXT_DOCUMENT_DIAGNOSTIC,
        types.DiagnosticOptions(inter_file_dependencies=True, workspace_diagnostics=False, identifier=wire.SOURCE),
    )
    async def pulled(params: types.DocumentDiagnosticParams) -> types.DocumentDiagnosticReport:
        uri = params.text_document.uri
        analysis = await server.current(server.owners.get(uri, uri))
        items = server.diagnostics(analysis).get(uri, []) if analysis is not None else []
        mark = str(hash(json.dumps([str(item) for item in items])))
        if params.previous_result_id == mark:
            return types.RelatedUnchangedDocumentDiagnosticReport(mark)
        return types.RelatedFullDocumentDiagnosticReport(items, result_id=mark)

    @feature(types.TEXT_DOCUMENT_HOVER)
    async def hover(params: types.HoverParams) -> types.Hover | None:
        return await _hover(server, params.text_document.uri, params.position)

    @feature(
        types.TEXT_DOCUMENT_CODE_ACTION,
        types.CodeActionOptions(
            code_action_kinds=[types.CodeActionKind.QuickFix, FIX_ALL, NOTEBOOK_FIX_ALL], resolve_provider=True
        ),
    )
    async def actions(params: types.CodeActionParams) -> list[types.CodeAction]:
        return await _actions(server, params)

    @feature(types.CODE_ACTION_RESOLVE)
    async def resolve(action: types.CodeAction) -> types.CodeAction:
        if isinstance(action.data, dict) and "fixAll" in action.data:
            action.edit = await _fix_all(server, action.data["fixAll"])
        return action

    @server.command(OPEN_PAGE)
    async def open_page(code: str) -> str:
        return await _open_page(server, code)

    @server.command(CONFIRM_FILE)
    async def confirm_file(uri: str) -> dict[str, Any]:
        return await _confirm(server, uri, None)

    @server.command(CONFIRM_FINDING)
    async def confirm_finding(uri: str, fingerprint: str) -> dict[str, Any]:
        return await _confirm(server, uri, fingerprint)

    return server


def _add_notebooks(server: Server) -> None:
    """Notebooks that the client sends cell by cell."""
    feature = server.feature

    @feature(types.NOTEBOOK_DOCUMENT_DID_OPEN)
    async def opened(params: types.DidOpenNotebookDocumentParams) -> None:
        notebook = params.notebook_document
        texts = {item.uri: item for item in params.cell_text_documents}
        path = wire.path_of(notebook.uri)
        cells = tuple(_cell(item, texts.get(item.document), path) for item in notebook.cells)
        server.put(Notebook(notebook.uri, path if path.endswith(".ipynb") else f"{path}.ipynb", cells))

    @feature(types.NOTEBOOK_DOCUMENT_DID_CHANGE)
    async def changed(params: types.DidChangeNotebookDocumentParams) -> None:
        notebook = server.sheets.get(params.notebook_document.uri)
        change = params.change.cells
        if not isinstance(notebook, Notebook) or change is None:
            return
        if change.structure is not None:
            array = change.structure.array
            texts = {item.uri: item for item in change.structure.did_open or ()}
            known = {cell.document.uri: cell.document for cell in notebook.cells}
            added = [
                _cell(item, texts.get(item.document), notebook.path, known.get(item.document))
                for item in array.cells or ()
            ]
            notebook = notebook.with_cells(array.start, array.delete_count, added)
        data = {item.document: item for item in change.data or ()}
        contents = {item.document.uri: item for item in change.text_content or ()}
        cells = []
        for cell in notebook.cells:
            uri = cell.document.uri
            if uri in contents:
                content = contents[uri]
                changes = wire.from_changes(content.changes)
                text = cell.document.changed(changes, content.document.version, server.abilities.encoding)
                cell = replace(cell, document=text)
            if uri in data:
                cell = replace(cell, code=data[uri].kind == types.NotebookCellKind.Code, count=_count(data[uri]))
            cells.append(cell)
        server.put(replace(notebook, cells=tuple(cells), version=params.notebook_document.version))

    @feature(types.NOTEBOOK_DOCUMENT_DID_SAVE)
    async def saved(_: types.DidSaveNotebookDocumentParams) -> None:
        server.world_changed()

    @feature(types.NOTEBOOK_DOCUMENT_DID_CLOSE)
    async def closed(params: types.DidCloseNotebookDocumentParams) -> None:
        server.remove(params.notebook_document.uri)


def _cell(
    item: types.NotebookCell, text: types.TextDocumentItem | None, path: str, known: Document | None = None
) -> Cell:
    """A cell; of one whose text is not sent (Markdown, or another language) only the place counts."""
    code = item.kind == types.NotebookCellKind.Code and (text is not None or known is not None)
    if text is not None:
        return Cell(Document(item.document, path, text.text, text.version, text.language_id), code, _count(item))
    return Cell(known or Document(item.document, path, ""), code, _count(item))


def _count(item: types.NotebookCell) -> int | None:
    return item.execution_summary.execution_order if item.execution_summary is not None else None


async def _ask_configuration(server: Server) -> None:
    if not server.abilities.configuration:
        return
    answer = await server.workspace_configuration_async(
        types.ConfigurationParams([types.ConfigurationItem(section="kerascheck")])
    )
    if answer and isinstance(answer[0], dict):
        _configure(server, answer[0])


def _configure(server: Server, settings: Mapping[str, Any]) -> None:
    overrides, problems = wire.overrides_of(settings)
    for problem in problems:
        server.window_show_message(types.ShowMessageParams(types.MessageType.Warning, f"kerascheck: {problem}"))
    if overrides != server.overrides:
        server.overrides = overrides
        if server.sheets:
            server.world_changed()


# ---------------------------------------------------------------------- hover


async def _hover(server: Server, uri: str, place: types.Position) -> types.Hover | None:
    sheet, document = server.sheet_at(uri), server.document_at(uri)
    if sheet is None or document is None:
        return None
    encoding = server.abilities.encoding
    position = document.position(Place(place.line, place.character), encoding)
    line = document.source.line(position.line)
    named = hovers.code_at(line, position.column - 1)
    if named is not None:
        page = hovers.page_text(named[0])
        return _shown(document, server, position.line, named, page) if page is not None else None
    analysis = await server.current(sheet.uri)
    if analysis is None or document is not server.document_at(uri):
        return None
    parts = []
    around: types.Range | None = None
    name = hovers.name_at(line, position.column - 1)
    if name is not None:
        world = server.world()
        known = await server.in_worker(lambda: _model_text(server, analysis, world, document, position, name[0]))
        if known is not None:
            parts.append(known)
            around = _shown(document, server, position.line, name, "").range
    for finding in analysis.findings:
        if analysis.document(finding) is document and finding.start <= position <= finding.end:
            parts.append(hovers.finding_text(finding))
            around = around or wire.to_range(document.range(finding.start, finding.end, encoding))
    if not parts:
        return None
    return types.Hover(types.MarkupContent(types.MarkupKind.Markdown, "\n\n---\n\n".join(parts)), around)


def _model_text(
    server: Server, analysis: Analysis, world: World, document: Document, position: Position, name: str
) -> str | None:
    found = server.analyst.module(analysis.sheet, world)
    if found is None:
        return None
    module, joined = found
    if joined is None:
        return hovers.model_text(module, None, name, module.source.offset(position))
    for row, line in enumerate(module.source.text.splitlines(), 1):
        if name not in line:
            continue
        cell, inner = joined.place(Position(row, 1))
        owner = analysis.sheet.cell(cell.index) if isinstance(analysis.sheet, Notebook) else None
        if owner is document and inner.line == position.line and not line.startswith("# notebook cell"):
            column = position.column - inner.column + 1
            return hovers.model_text(module, joined, name, module.source.offset(Position(row, max(column, 1))))
    return None


def _shown(document: Document, server: Server, line: int, word: tuple[str, int, int], text: str) -> types.Hover:
    start, end = Position(line, word[1] + 1), Position(line, word[2] + 1)
    return types.Hover(
        types.MarkupContent(types.MarkupKind.Markdown, text),
        wire.to_range(document.range(start, end, server.abilities.encoding)),
    )


# ---------------------------------------------------------------------- code actions


async def _actions(server: Server, params: types.CodeActionParams) -> list[types.CodeAction]:
    uri = params.text_document.uri
    document = server.document_at(uri)
    sheet = server.sheet_at(uri)
    if document is None or sheet is None:
        return []
    analysis = await server.current(sheet.uri)
    if analysis is None or analysis.sheet is not server.sheet_at(uri) or document is not server.document_at(uri):
        return []
    only = params.context.only
    found: list[types.CodeAction] = []
    if _wants(only, types.CodeActionKind.QuickFix.value):
        found += _quick_fixes(server, analysis, document, wire.from_range(params.range))
    kind = next((item for item in (FIX_ALL, NOTEBOOK_FIX_ALL) if _wants(only, item)), None)
    if kind is not None and analysis.fixable and not (kind == NOTEBOOK_FIX_ALL and isinstance(sheet, Document)):
        action = types.CodeAction("kerascheck: fix all that is safe", kind)
        action.data = {"fixAll": uri}
        if not server.abilities.resolve:
            action.edit = await _fix_all(server, uri)
        if server.abilities.resolve or action.edit is not None:
            found.append(action)
    return found


def _wants(only: Any, kind: str) -> bool:
    """Whether a client that asks for some kinds (or all, with None) asks for this one."""
    if only is None:
        return kind != NOTEBOOK_FIX_ALL
    names = [item.value if isinstance(item, types.CodeActionKind) else str(item) for item in only]
    return any(not name or kind == name or kind.startswith(f"{name}.") for name in names)


def _quick_fixes(server: Server, analysis: Analysis, document: Document, asked: Range) -> list[types.CodeAction]:
    """For each finding in a range: its fix, a comment that silences it, its page, and its proof."""
    fixes: list[types.CodeAction] = []
    others: list[types.CodeAction] = []
    encoding = server.abilities.encoding
    for finding in analysis.findings:
        if analysis.document(finding) is not document:
            continue
        if not document.range(finding.start, finding.end, encoding).meets(asked):
            continue
        shown = [wire.diagnostic(finding, document, analysis, server.abilities, server.text_of)]
        if finding.fix is not None:
            fix = _fix(server, analysis, finding)
            if fix is not None:
                mark = "" if finding.fix.safe else ", may change results or names"
                fixes.append(
                    types.CodeAction(
                        f"{finding.fix.title} ({finding.code}{mark})",
                        types.CodeActionKind.QuickFix,
                        shown,
                        is_preferred=finding.fix.safe,
                        edit=fix,
                    )
                )
        silence = suppression(analysis, document, finding, encoding)
        if silence is not None:
            edit = wire.workspace_edit([(document, wire.to_edits([silence]))], server.abilities)
            title = f"suppress {finding.code} on this line"
            others.append(types.CodeAction(title, types.CodeActionKind.QuickFix, shown, is_preferred=False, edit=edit))
        page = types.Command(f"open the page of {finding.code}", OPEN_PAGE, arguments=[finding.code])
        others.append(types.CodeAction(page.title, types.CodeActionKind.QuickFix, shown, command=page))
        if server.trusted:
            proof = types.Command(
                f"confirm {finding.code} in a real Keras",
                CONFIRM_FINDING,
                arguments=[analysis.sheet.uri, finding.fingerprint],
            )
            others.append(types.CodeAction(proof.title, types.CodeActionKind.QuickFix, shown, command=proof))
    return [*fixes, *others]


def _fix(server: Server, analysis: Analysis, finding: Finding) -> types.WorkspaceEdit | None:
    try:
        texts = server.analyst.fixed_once(analysis, finding)  # text work only: no need of the thread
    except NotebookRefused:
        return None
    return _edit(server, texts)


def _edit(server: Server, texts: Mapping[str, str]) -> types.WorkspaceEdit | None:
    """The edit that makes these texts of the documents with these URIs."""
    rows = []
    for uri, text in texts.items():
        document = server.document_at(uri)
        if document is not None:
            rows.append((document, wire.to_edits(repair.changes(document, text, server.abilities.encoding))))
    return wire.workspace_edit(rows, server.abilities) if rows else None


async def _fix_all(server: Server, uri: str) -> types.WorkspaceEdit | None:
    """What `--fix` does to the sheet of a URI; None when that is nothing."""
    sheet = server.sheet_at(uri)
    if sheet is None:
        return None
    world = server.world()
    try:
        texts = await server.in_worker(lambda: server.analyst.fixed(sheet, world))
    except NotebookRefused as refused:
        server.window_show_message(types.ShowMessageParams(types.MessageType.Warning, f"kerascheck: {refused}"))
        return None
    return _edit(server, texts) if server.sheet_at(uri) is sheet else None


# ---------------------------------------------------------------------- commands


async def _open_page(server: Server, code: str) -> str:
    """Show the installed page of a rule, or tell its address. Returns the address."""
    page = all_pages().get(code)
    where = folder()
    address = url(code, page.name) if page is not None else ""
    if page is not None and where is not None and server.abilities.show_document:
        path = os.path.join(where, f"{page.stem}.md")
        await server.window_show_document_async(types.ShowDocumentParams(wire.uri_of(path), take_focus=True))
    elif page is not None:
        server.window_show_message(types.ShowMessageParams(types.MessageType.Info, f"{code} {page.name}: {address}"))
    return address


async def _confirm(server: Server, uri: str, fingerprint: str | None) -> dict[str, Any]:
    """Prove the findings of a sheet, or one of them, in a process of its own. Returns the verdicts and problems."""
    sheet = server.sheet_at(uri)
    if not server.trusted:
        refusal = "not confirmed: that runs code of the project, and the client did not say that it is trusted"
        server.window_show_message(types.ShowMessageParams(types.MessageType.Warning, f"kerascheck: {refusal}"))
        return {"verdicts": {}, "problems": [refusal]}
    if sheet is None:
        return {"verdicts": {}, "problems": [f"not confirmed: {uri} is not open"]}
    token = str(uuid.uuid4())
    progress = server.work_done_progress
    if server.abilities.progress:
        await progress.create_async(token)
        progress.begin(token, types.WorkDoneProgressBegin("kerascheck: confirming", cancellable=True))

    def tell(line: str) -> None:
        if server.abilities.progress:
            progress.report(token, types.WorkDoneProgressReport(message=line))

    world = server.world()
    request = {
        "sheet": _request(sheet),
        "open": dict(world.open),
        "folders": list(world.folders),
        "folder": world.folders[0] if world.folders else "",
        "overrides": asdict(world.overrides),
        "fingerprints": [fingerprint] if fingerprint else [],
    }
    work = asyncio.ensure_future(_child(request, tell))
    if token in progress.tokens:
        loop = asyncio.get_running_loop()
        progress.tokens[token].add_done_callback(
            lambda future: loop.call_soon_threadsafe(work.cancel) if future.cancelled() else None
        )
    ending = "done"
    try:
        answer = await work
    except asyncio.CancelledError:
        ending = "cancelled"
        if not work.cancelled():  # the request was cancelled, not the progress
            work.cancel()
            raise
        answer = {"verdicts": {}, "problems": ["cancelled"]}
    finally:
        if server.abilities.progress:
            progress.end(token, types.WorkDoneProgressEnd(message=ending))
            progress.tokens.pop(token, None)
    for problem in answer["problems"]:
        if problem != "cancelled":
            server.window_show_message(types.ShowMessageParams(types.MessageType.Warning, f"kerascheck: {problem}"))
    if answer["verdicts"]:
        known = server.verdicts.get(sheet.uri)
        before = known[1] if known is not None and known[0] == sheet.raw else {}
        server.verdicts[sheet.uri] = (sheet.raw, {**before, **answer["verdicts"]})
        server.all_due()
    return answer


def _request(sheet: Sheet) -> dict[str, Any]:
    if isinstance(sheet, Document):
        return {"uri": sheet.uri, "path": sheet.path, "text": sheet.source.text}
    cells = [
        {"text": cell.document.text, "language": cell.document.language, "code": cell.code} for cell in sheet.cells
    ]
    return {"uri": sheet.uri, "path": sheet.path, "cells": cells}


async def _child(request: dict[str, Any], tell: Callable[[str], None]) -> dict[str, Any]:
    """Run the confirming process; when this is cancelled it is told to end, and waited for."""
    here = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "kerascheck.server.confirming",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        cwd=here, limit=64 * 1024 * 1024,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    answer: dict[str, Any] = {"verdicts": {}, "problems": ["not confirmed: the confirming process ended at once"]}
    try:
        process.stdin.write(json.dumps(request).encode() + b"\n")
        await process.stdin.drain()
        async for line in process.stdout:
            data = json.loads(line)
            if "progress" in data:
                tell(data["progress"])
            else:
                answer = data
        await process.wait()
    finally:
        if process.returncode is None:
            process.stdin.close()  # it ends with its stdin and cleans up; one request to end is enough
            try:
                await asyncio.wait_for(process.wait(), _LONGEST_END)
            except asyncio.TimeoutError:
                process.kill()
    return answer


def main() -> None:
    """Serve one client on stdin and stdout until it says goodbye. Nothing else may write to stdout."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    logging.getLogger("pygls").setLevel(logging.ERROR)
    server = make_server()
    gc.collect()
    gc.freeze()
    gc.disable()  # `Server` collects when nobody waits
    server.start_io()
