"""From the core's words to those of the protocol. Lines from 0, columns from 0 in the client's units."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from lsprotocol import types
from pygls.uris import from_fs_path, to_fs_path

from kerascheck.editor.analysis import Analysis, real_path
from kerascheck.editor.documents import Change, Document, Encoding, Notebook, Place, Range
from kerascheck.editor.hover import verdict_text
from kerascheck.finding import Finding, Related, Severity, Verdict
from kerascheck.pages import known_codes, url
from kerascheck.semantic.target import BACKENDS
from kerascheck.settings import SettingsError, check_selectors
from kerascheck.surroundings import Overrides
from kerascheck.text import Position

SOURCE = "kerascheck"
_SEVERITIES = {
    Severity.ERROR: types.DiagnosticSeverity.Error,
    Severity.WARNING: types.DiagnosticSeverity.Warning,
    Severity.INFO: types.DiagnosticSeverity.Information,
}
_TAGS = {
    "KC001": types.DiagnosticTag.Unnecessary,  # a comment that silences nothing
    "KC404": types.DiagnosticTag.Deprecated,  # a name that TensorFlow 2 does not have
}
_KEYS = ("select", "extend-select", "ignore", "target-keras", "backend", "unsafe-fixes")


@dataclass(frozen=True)
class Abilities:
    """What the client said that it can do."""

    encoding: Encoding = Encoding.UTF16
    pull: bool = False
    refresh: bool = False
    versions: bool = False
    resolve: bool = False
    show_document: bool = False
    progress: bool = False
    configuration: bool = False
    watch: bool = False
    links: bool = True
    tags: bool = True
    related: bool = True

    @classmethod
    def of(cls, client: types.ClientCapabilities, encoding: str) -> Abilities:
        """Read them; what a client says nothing of, it cannot do, but for what a diagnostic may carry."""
        text = client.text_document or types.TextDocumentClientCapabilities()
        workspace = client.workspace or types.WorkspaceClientCapabilities()
        window = client.window or types.WindowClientCapabilities()
        resolvable = text.code_action.resolve_support.properties if _resolves(text) else ()  # type: ignore[union-attr]
        shown = text.publish_diagnostics
        return cls(
            encoding=Encoding(encoding),
            pull=text.diagnostic is not None,
            refresh=bool(workspace.diagnostics and workspace.diagnostics.refresh_support),
            versions=bool(workspace.workspace_edit and workspace.workspace_edit.document_changes),
            resolve="edit" in resolvable,
            show_document=bool(window.show_document and window.show_document.support),
            progress=bool(window.work_done_progress),
            configuration=bool(workspace.configuration),
            watch=bool(workspace.did_change_watched_files and workspace.did_change_watched_files.dynamic_registration),
            links=shown is None or bool(shown.code_description_support) or text.diagnostic is not None,
            tags=shown is None or shown.tag_support is not None or text.diagnostic is not None,
            related=shown is None or bool(shown.related_information) or text.diagnostic is not None,
        )


def _resolves(text: types.TextDocumentClientCapabilities) -> bool:
    return text.code_action is not None and text.code_action.resolve_support is not None


def path_of(uri: str) -> str:
    """The absolute path of what a URI names; a name of its own for what lies nowhere yet."""
    parts = urlsplit(uri)
    path = to_fs_path(uri) if parts.scheme == "file" else unquote(parts.path)
    if not path or not os.path.isabs(path):
        name = posixpath.basename(path or "") or "untitled"
        path = os.path.join(os.getcwd(), name if name.endswith((".py", ".ipynb")) else f"{name}.py")
    return real_path(os.path.normpath(path))


def uri_of(path: str) -> str:
    """The URI of a file."""
    return from_fs_path(path) or ""


def lies_on_disk(uri: str) -> bool:
    """Whether a URI names a file (or a cell of one) rather than a text without a place."""
    return urlsplit(uri).scheme in ("file", "vscode-notebook-cell")


def to_range(item: Range) -> types.Range:
    return types.Range(
        types.Position(item.start.line, item.start.character), types.Position(item.end.line, item.end.character)
    )


def from_range(item: types.Range) -> Range:
    return Range(Place(item.start.line, item.start.character), Place(item.end.line, item.end.character))


def from_changes(items: Iterable[types.TextDocumentContentChangeEvent]) -> list[Change]:
    return [
        Change(item.text, from_range(item.range) if isinstance(item, types.TextDocumentContentChangePartial) else None)
        for item in items
    ]


def to_edits(changes: Iterable[Change]) -> list[types.TextEdit]:
    return [types.TextEdit(to_range(item.range), item.text) for item in changes if item.range is not None]


def workspace_edit(edits: Sequence[tuple[Document, list[types.TextEdit]]], abilities: Abilities) -> types.WorkspaceEdit:
    """Edits of documents, for exactly the versions that were looked at where the client can tell."""
    if not abilities.versions:
        return types.WorkspaceEdit(changes={document.uri: items for document, items in edits})
    return types.WorkspaceEdit(
        document_changes=[
            types.TextDocumentEdit(
                types.OptionalVersionedTextDocumentIdentifier(document.uri, document.version), list(items)
            )
            for document, items in edits
        ]
    )


def diagnostic(
    finding: Finding, document: Document, analysis: Analysis, abilities: Abilities, texts: Callable[[str], Document]
) -> types.Diagnostic:
    """One finding; `texts` gives the document of a path, for places in other files."""
    severity = types.DiagnosticSeverity.Information if finding.refuted else _SEVERITIES[finding.severity]
    verdict = verdict_text(finding)
    found = types.Diagnostic(
        range=to_range(document.range(finding.start, finding.end, abilities.encoding)),
        message=f"{finding.message}\n{verdict}" if verdict else finding.message,
        severity=severity,
        code=finding.code,
        source=SOURCE,
        data={"fingerprint": finding.fingerprint},
    )
    if abilities.links:
        found.code_description = types.CodeDescription(url(finding.code, finding.name))
    if abilities.tags and finding.code in _TAGS:
        found.tags = [_TAGS[finding.code]]
    if abilities.related and finding.related:
        found.related_information = [_related(item, analysis, abilities, texts) for item in finding.related]
    return found


def _related(
    item: Related, analysis: Analysis, abilities: Abilities, texts: Callable[[str], Document]
) -> types.DiagnosticRelatedInformation:
    path = os.path.normpath(os.path.join(analysis.root, item.path)).replace(os.sep, "/")
    document: Document | None = None
    if path == analysis.sheet.path:
        document = analysis.sheet if isinstance(analysis.sheet, Document) else analysis.sheet.cell(item.cell)
    if document is None:
        document = texts(path)
    start = Position(item.line, item.column)
    end = Position(item.line, len(document.source.line(item.line)) + 1)
    place = document.range(start, max(start, end), abilities.encoding)
    return types.DiagnosticRelatedInformation(types.Location(document.uri, to_range(place)), item.message)


def documents_of(analysis: Analysis) -> list[Document]:
    """The texts of a sheet that may have findings."""
    sheet = analysis.sheet
    return [cell.document for cell in sheet.cells if cell.code] if isinstance(sheet, Notebook) else [sheet]


def overrides_of(settings: Mapping[str, Any]) -> tuple[Overrides, list[str]]:
    """The settings of a client, and one line for each that cannot be used. Keys may be written with capitals."""
    found: dict[str, Any] = {}
    problems = []
    plain = {_kebab(key): value for key, value in settings.items() if value is not None}
    for key in _KEYS:
        if key not in plain:
            continue
        value = plain[key]
        where = f"the editor's setting kerascheck.{key}"
        if key in ("select", "extend-select", "ignore"):
            if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
                problems.append(f"{where} must be a list of codes, families or names")
                continue
            if not value and key == "select":
                continue  # an editor's way to say nothing
            try:
                found[key.replace("-", "_")] = check_selectors(value, where, known_codes())
            except SettingsError as error:
                problems.append(str(error))
        elif key == "unsafe-fixes":
            if isinstance(value, bool):
                found["unsafe_fixes"] = value
            else:
                problems.append(f"{where} must be true or false")
        elif not isinstance(value, str) or (key == "backend" and value and value not in BACKENDS):
            problems.append(f"{where} must be {'one of ' + ', '.join(BACKENDS) if key == 'backend' else 'a text'}")
        elif value:
            found[key.replace("-", "_")] = value
    return Overrides(**found), problems


def _kebab(key: str) -> str:
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in key)


def verdict_of(data: Mapping[str, Any]) -> Verdict:
    """A verdict as the confirming process writes it."""
    from kerascheck.finding import Status

    return Verdict(Status(data["status"]), data["evidence"], data["keras"], data["backend"], data["seconds"])
