"""A real client library (pytest-lsp) around a real `kerascheck server`, for the tests of the protocol."""

from __future__ import annotations

import ast
import asyncio
import sys
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from lsprotocol import types
from pytest_lsp import LanguageClient, client_capabilities, make_test_lsp_client

SECONDS = 60.0


class Session:
    """One client and its server. Places are those of the protocol: lines and columns from 0."""

    def __init__(self, client: LanguageClient, result: types.InitializeResult) -> None:
        self.client = client
        self.result = result
        self._versions: dict[str, int] = {}

    def open(self, path: Path | str, text: str | None = None, language: str = "python") -> str:
        uri = path if isinstance(path, str) else path.as_uri()
        if text is None:
            assert isinstance(path, Path)
            text = path.read_bytes().decode()
        self._versions[uri] = 1
        item = types.TextDocumentItem(uri, types.LanguageKind(language), 1, text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))
        return uri

    def change(self, uri: str, *changes: Any) -> None:
        """Texts are whole new texts; the old findings are forgotten, so that `findings` waits for new ones."""
        self._versions[uri] += 1
        self.client.diagnostics.pop(uri, None)
        self.client.text_document_did_change(
            types.DidChangeTextDocumentParams(
                types.VersionedTextDocumentIdentifier(self._versions[uri], uri),
                [
                    types.TextDocumentContentChangeWholeDocument(item) if isinstance(item, str) else item
                    for item in changes
                ],
            )
        )

    async def until(self, wanted: Callable[[], Any], seconds: float = SECONDS) -> Any:
        end = asyncio.get_running_loop().time() + seconds
        while not (found := wanted()):
            assert asyncio.get_running_loop().time() < end, "waited too long"
            await asyncio.sleep(0.01)
        return found

    async def findings(self, uri: str, *codes: str) -> list[types.Diagnostic]:
        """The findings that were pushed for a text: the next ones, or the next that have exactly these codes."""

        def wanted() -> bool:
            found = self.client.diagnostics.get(uri)
            return found is not None and (not codes or sorted(item.code for item in found) == sorted(codes))

        await self.until(wanted)
        return list(self.client.diagnostics[uri])

    async def pull(self, uri: str, previous: str | None = None) -> Any:
        return await self.client.text_document_diagnostic_async(
            types.DocumentDiagnosticParams(types.TextDocumentIdentifier(uri), previous_result_id=previous)
        )

    async def actions(self, uri: str, place: types.Range, *only: str) -> list[types.CodeAction]:
        found = await self.client.text_document_code_action_async(
            types.CodeActionParams(
                types.TextDocumentIdentifier(uri),
                place,
                types.CodeActionContext([], only=list(only) or None),
            )
        )
        return [_whole(item) for item in found or []]

    async def hover(self, uri: str, line: int, character: int) -> str | None:
        found = await self.client.text_document_hover_async(
            types.HoverParams(types.TextDocumentIdentifier(uri), types.Position(line, character))
        )
        return found.contents.value if found is not None else None  # type: ignore[union-attr]

    async def command(self, name: str, *arguments: Any) -> Any:
        return await self.client.workspace_execute_command_async(
            types.ExecuteCommandParams(name, arguments=list(arguments))
        )


def _whole(item: types.CodeAction | types.Command) -> types.CodeAction:
    """lsprotocol 2025.0.0 takes an action with a command in it for that command, which it keeps as text."""
    if isinstance(item, types.CodeAction):
        return item
    inner = ast.literal_eval(item.command)
    command = types.Command(inner["title"], inner["command"], arguments=inner["arguments"])
    return types.CodeAction(item.title, types.CodeActionKind.QuickFix, command=command)


def edits_of(edit: types.WorkspaceEdit, uri: str) -> list[types.TextEdit]:
    """The edits that a workspace edit makes in one text."""
    if edit.document_changes:
        return [
            item
            for change in edit.document_changes
            if isinstance(change, types.TextDocumentEdit) and change.text_document.uri == uri
            for item in change.edits
        ]  # type: ignore[misc]
    return list((edit.changes or {}).get(uri, ()))


def applied(text: str, edits: list[types.TextEdit], encoding: str = "utf-16") -> str:
    """A text after edits, done by hand: lines end in line feeds with or without a carriage return before."""
    units = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}[encoding]
    lines = text.split("\n")

    def offset(place: types.Position) -> int:
        if place.line >= len(lines):
            return len(text)
        raw = lines[place.line].encode(units[0])[: place.character * units[1]]
        return sum(len(line) + 1 for line in lines[: place.line]) + len(raw.decode(units[0]))

    for edit in sorted(edits, key=lambda item: offset(item.range.start), reverse=True):
        text = text[: offset(edit.range.start)] + edit.new_text + text[offset(edit.range.end) :]
    return text


@asynccontextmanager
async def session(
    root: Path | None = None,
    client: str = "neovim@v0.7.0",
    *,
    encodings: list[str] | None = None,
    options: Any = None,
    settings: dict[str, Any] | None = None,
    adapt: Callable[[types.ClientCapabilities], None] | None = None,
) -> AsyncIterator[Session]:
    """A session with the abilities of a client that pytest-lsp knows; Neovim 0.7 does not pull."""
    capabilities = client_capabilities(client)
    if encodings is not None:
        capabilities.general = capabilities.general or types.GeneralClientCapabilities()
        capabilities.general.position_encodings = [types.PositionEncodingKind(item) for item in encodings]
    if adapt is not None:
        adapt(capabilities)
    connection = make_test_lsp_client()
    connection.set_configuration({"kerascheck": settings or {}})
    await connection.start_io(sys.executable, "-m", "kerascheck", "server")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            result = await connection.initialize_session(
                types.InitializeParams(
                    capabilities,
                    root_uri=root.as_uri() if root is not None else None,
                    workspace_folders=[types.WorkspaceFolder(root.as_uri(), root.name)] if root is not None else None,
                    initialization_options=options,
                )
            )
            yield Session(connection, result)
            assert connection.error is None
        await connection.shutdown_session()
    finally:
        server = connection._server
        if server is not None and server.returncode is None:
            server.kill()  # a test has failed
        await connection.stop()
