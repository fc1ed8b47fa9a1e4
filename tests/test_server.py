"""The language server, as a real client sees it: every capability, with pytest-lsp around a server process."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable
from functools import wraps
from pathlib import Path
from typing import Any

import pytest
from lsp import Session, applied, edits_of, session
from lsprotocol import types

from kerascheck.pages import all_pages

ROOT = Path(__file__).parent.parent
QUICKSTART = ROOT / "fixtures" / "projects" / "quickstart"
PULLING = "neovim@v0.10.0"
SHUFFLED = """\
import keras


def labels(names):
    return {name: place for place, name in enumerate(set(str(name) for name in names))}


model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
model.fit([], [], labels([]))
"""


def together(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """A test that is a coroutine."""

    @wraps(test)
    def run(*arguments: Any, **named: Any) -> None:
        asyncio.run(test(*arguments, **named))

    return run


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the sample project, a repository of its own."""
    folder = tmp_path / "quickstart"
    shutil.copytree(QUICKSTART, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / ".git").mkdir()
    return folder


def cli(folder: Path, *arguments: str) -> list[dict[str, Any]]:
    """The findings of the command line."""
    command = [sys.executable, "-m", "kerascheck", "--format", "json", *arguments]
    shown = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout
    found: list[dict[str, Any]] = json.loads(shown)
    return found


def at(line: int, character: int) -> types.Range:
    return types.Range(types.Position(line, character), types.Position(line, character))


EVERYWHERE = types.Range(types.Position(0, 0), types.Position(10_000, 0))


def full(capabilities: types.ClientCapabilities) -> None:
    """A client that shows all that a diagnostic may carry, resolves edits and shows documents."""
    text = capabilities.text_document
    assert text is not None
    text.publish_diagnostics = types.PublishDiagnosticsClientCapabilities(
        related_information=True,
        tag_support=types.ClientDiagnosticsTagOptions(
            [types.DiagnosticTag.Unnecessary, types.DiagnosticTag.Deprecated]
        ),
        version_support=True,
        code_description_support=True,
        data_support=True,
    )
    assert text.code_action is not None
    text.code_action.resolve_support = types.ClientCodeActionResolveOptions(["edit"])
    capabilities.window = types.WindowClientCapabilities(
        work_done_progress=True, show_document=types.ShowDocumentClientCapabilities(True)
    )
    assert capabilities.workspace is not None
    capabilities.workspace.workspace_edit = types.WorkspaceEditClientCapabilities(document_changes=True)
    capabilities.workspace.configuration = True
    capabilities.workspace.did_change_watched_files = types.DidChangeWatchedFilesClientCapabilities(False)


# ---------------------------------------------------------------------- findings


@together
async def test_the_same_findings_as_the_command_line(project: Path) -> None:
    expected = cli(project, ".")
    assert len(expected) >= 10
    async with session(project, adapt=full) as editor:
        for path in sorted(project.glob("*.py")):
            uri = editor.open(path)
            own = [item for item in expected if item["path"] == path.name]
            found = await editor.findings(uri, *(item["code"] for item in own))
            rows = [
                (
                    item.code,
                    item.message,
                    item.range.start.line + 1,
                    item.range.start.character + 1,
                    item.range.end.line + 1,
                    item.range.end.character + 1,
                    item.severity and {1: "error", 2: "warning", 3: "info"}[item.severity.value],
                )
                for item in found
            ]
            keys = ("code", "message", "line", "column", "end_line", "end_column", "severity")
            assert sorted(rows) == sorted(tuple(item[key] for key in keys) for item in own)
            for item in found:
                assert item.source == "kerascheck"
                assert item.code_description is not None
                assert item.code_description.href == all_pages()[str(item.code)].url


@together
async def test_related_places_in_another_file_and_tags(project: Path) -> None:
    (project / "old.py").write_text("import tensorflow as tf\nfrom tensorflow import keras\n\ntf.set_random_seed(1)\n")
    (project / "idle.py").write_text("import keras\n\nprint(keras)  # kerascheck: ignore[KC101]\n")
    async with session(project, adapt=full) as editor:
        uri = editor.open(project / "serve.py")
        (hollow,) = [item for item in await editor.findings(uri) if item.code == "KC102"]
        assert hollow.related_information is not None
        (place,) = hollow.related_information
        assert place.location.uri == uri
        assert place.location.range.start == types.Position(21, 4)
        (old,) = [item for item in await editor.findings(editor.open(project / "old.py")) if item.code == "KC404"]
        assert old.tags == (types.DiagnosticTag.Deprecated,)
        (idle,) = await editor.findings(editor.open(project / "idle.py"))
        assert (idle.code, idle.tags) == ("KC001", (types.DiagnosticTag.Unnecessary,))


SAVING = (
    'import keras\n\nfrom layers_of_mine import Scale\n\nmodel = keras.Sequential([Scale()])\nmodel.save("m.keras")\n'
)
SCALE = """\
import keras


class Scale(keras.layers.Layer):
    def __init__(self, factor=2, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, x):
        return x * self.factor
"""


@together
async def test_unsaved_texts_of_other_files_count(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "make.py").write_text(
        "import keras\n\n\ndef make():\n    return keras.Sequential([keras.Input((3,))])\n"
    )
    (tmp_path / "use.py").write_text('from make import make\n\nmodel = make()\nmodel.load_weights("m.weights.h5")\n')
    async with session(tmp_path) as editor:
        use = editor.open(tmp_path / "use.py")
        assert [item.code for item in await editor.findings(use)] == []
        make = editor.open(tmp_path / "make.py")
        await editor.findings(make)
        unbuilt = "import keras\n\n\ndef make():\n    return keras.Sequential([keras.layers.Dense(3)])\n"
        editor.change(make, unbuilt)
        await editor.findings(use, "KC101")
        editor.change(make, unbuilt.replace("[keras", "[keras.Input((3,)), keras"))
        await editor.findings(use, *())
        await editor.until(lambda: editor.client.diagnostics[use] == () or editor.client.diagnostics[use] == [])
        editor.change(make, unbuilt)
        await editor.findings(use, "KC101")
        editor.client.text_document_did_close(types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(make)))
        await editor.until(lambda: not editor.client.diagnostics[use])
        assert editor.client.diagnostics[make] in ((), [])


@together
async def test_pull_and_no_push_where_the_client_pulls(project: Path) -> None:
    async with session(project, PULLING) as editor:
        assert editor.result.capabilities.diagnostic_provider is not None
        uri = editor.open(project / "train.py")
        report = await editor.pull(uri)
        assert report.kind == "full"
        assert {item.code for item in report.items} >= {"KC101", "KC401", "KC405"}
        again = await editor.pull(uri, report.result_id)
        assert again.kind == "unchanged"
        editor.change(uri, "import keras\n")
        assert [item.code for item in (await editor.pull(uri, report.result_id)).items] == []
        await asyncio.sleep(0.6)
        assert editor.client.diagnostics == {}


@together
async def test_a_pull_that_is_cancelled_leaves_the_server_well(project: Path) -> None:
    async with session(project, PULLING) as editor:
        uri = editor.open(project / "train.py")
        asked = asyncio.ensure_future(editor.pull(uri))
        await asyncio.sleep(0)
        (number,) = [key for key in editor.client.protocol._request_futures if key]
        editor.client.cancel_request(types.CancelParams(number))
        outcome = (await asyncio.gather(asked, return_exceptions=True))[0]
        assert getattr(outcome, "code", -32800) == -32800, outcome
        assert (await editor.pull(uri)).items


@together
async def test_old_versions_are_dropped_while_typing(tmp_path: Path) -> None:
    published: list[types.PublishDiagnosticsParams] = []
    async with session(tmp_path) as editor:
        uri = editor.open(tmp_path / "a.py", SHUFFLED)
        await editor.findings(uri)
        notify = editor.client.protocol.fm.features[types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS]

        def note(params: types.PublishDiagnosticsParams) -> None:
            published.append(params)
            notify(params)

        editor.client.protocol.fm.features[types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS] = note
        for count in range(1, 60):
            editor.change(uri, SHUFFLED + "#" * count + "\n")
        editor.change(uri, SHUFFLED.replace("set(", "sorted("))
        await editor.until(lambda: any(item.version == 61 for item in published))
        await asyncio.sleep(0.5)
        versions = [item.version for item in published if item.uri == uri]
        assert versions == sorted(set(versions))  # type: ignore[type-var]
        assert len(versions) < 20
        assert "KC401" not in {item.code for item in published[-1].diagnostics}


@together
async def test_a_broken_text_is_one_finding_until_it_is_mended(tmp_path: Path) -> None:
    async with session(tmp_path) as editor:
        uri = editor.open(tmp_path / "a.py", SHUFFLED + "model.fit(\n")
        (broken,) = await editor.findings(uri, "KC000")
        assert broken.severity == types.DiagnosticSeverity.Error
        editor.change(uri, SHUFFLED)
        assert "KC401" in {item.code for item in await editor.findings(uri)}


@together
async def test_a_text_outside_of_any_workspace(tmp_path: Path) -> None:
    async with session() as editor:
        uri = editor.open(tmp_path / "alone.py", SHUFFLED)
        assert "KC401" in {item.code for item in await editor.findings(uri)}
        new = editor.open("untitled:Untitled-1", SHUFFLED)
        assert "KC401" in {item.code for item in await editor.findings(new)}
        assert editor.client.messages == []


@together
async def test_what_a_run_would_leave_out_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.kerascheck]\nextend-exclude = ["third_party"]\n')
    async with session(tmp_path) as editor:
        for name in (".venv/lib/a.py", "third_party/a.py", ".ipynb_checkpoints/a.py"):
            assert await editor.findings(editor.open(tmp_path / name, SHUFFLED)) == []
        assert await editor.findings(editor.open(tmp_path / "plain.py", "print(1)\n" * 10)) == []
        jupyterlab = tmp_path / ".virtual_documents" / "t.ipynb"
        assert "KC401" in {item.code for item in await editor.findings(editor.open(jupyterlab, SHUFFLED))}


# ---------------------------------------------------------------------- places

ASTRAL = (
    "import keras\n\n\ndef f(names):\n"
    '    return "\U0001f600é", {n: i for i, n in enumerate({str(m) for m in names})}, "\U0001f680"\n'
)


@pytest.mark.parametrize(("encoding", "start"), [("utf-8", 8), ("utf-16", 5), ("utf-32", 4)])
@together
async def test_places_count_in_the_units_of_the_client(tmp_path: Path, encoding: str, start: int) -> None:
    async with session(tmp_path, encodings=[encoding]) as editor:
        assert editor.result.capabilities.position_encoding == encoding
        uri = editor.open(tmp_path / "a.py", ASTRAL)
        (found,) = [item for item in await editor.findings(uri) if item.code == "KC401"]
        line = ASTRAL.split("\n")[4]
        before = line[: line.index("{str")]
        units = {"utf-8": len(before.encode()), "utf-16": len(before.encode("utf-16-le")) // 2, "utf-32": len(before)}
        assert found.range.start == types.Position(4, units[encoding])
        assert units[encoding] - len(before) == start - 4
        # an edit behind the letters, in the client's units, lands where the client means it
        place = types.Position(4, units[encoding])
        editor.change(uri, types.TextDocumentContentChangePartial(types.Range(place, place), "1, "))
        editor.change(
            uri, types.TextDocumentContentChangePartial(types.Range(place, types.Position(4, place.character + 3)), "")
        )
        await editor.findings(uri, *(item.code for item in [found]))
        (fix, *_) = await editor.actions(uri, types.Range(place, place), "quickfix")
        assert fix.edit is not None
        after = applied(ASTRAL, edits_of(fix.edit, uri), encoding)
        assert after == ASTRAL.replace(
            "enumerate({str(m) for m in names})", "enumerate(sorted({str(m) for m in names}))"
        )


@together
async def test_odd_line_ends_and_a_byte_order_mark(tmp_path: Path) -> None:
    text = (
        "\ufeffx = keras = '\x0c\u2028'\r\nimport keras\r\n"
        + SHUFFLED.replace("\n", "\r\n")
        + "p = list(set(['a', 'b'])).index('a')\r\n"
    )
    async with session(tmp_path) as editor:
        uri = editor.open(tmp_path / "a.py", text)
        found = [item for item in await editor.findings(uri) if item.code == "KC401"]
        assert [item.range.start.line for item in found] == [6, 11]
        (action,) = await editor.actions(uri, EVERYWHERE, "source.fixAll.kerascheck")
        action = await editor.client.code_action_resolve_async(action)
        assert action.edit is not None
        after = applied(text, edits_of(action.edit, uri))
        path = tmp_path / "b.py"
        path.write_bytes(text.encode())
        subprocess.run([sys.executable, "-m", "kerascheck", "--fix", str(path)], capture_output=True, check=False)
        assert after.encode() == path.read_bytes() != text.encode()


# ---------------------------------------------------------------------- actions


@together
async def test_a_quick_fix_is_preferred_when_it_is_safe(project: Path) -> None:
    async with session(project, adapt=full) as editor:
        uri = editor.open(project / "train.py")
        found = await editor.findings(uri)
        text = (project / "train.py").read_text()
        fixes = {}
        for item in found:
            for action in await editor.actions(uri, item.range, "quickfix"):
                if action.edit is not None and "suppress" not in action.title:
                    fixes[item.code] = action
        assert fixes["KC401"].is_preferred is True
        assert fixes["KC405"].is_preferred is False
        edit = fixes["KC401"].edit
        assert edit is not None
        assert edit.document_changes is not None
        assert edit.document_changes[0].text_document.version == 1  # type: ignore[union-attr]
        assert applied(text, edits_of(edit, uri)) == text.replace("list(set(names))", "sorted(set(names))")
        editor.change(uri, applied(text, edits_of(edit, uri)))
        assert "KC401" not in {item.code for item in await editor.findings(uri)}


@pytest.mark.parametrize("unsafe", [False, True])
@together
async def test_fix_all_is_what_the_command_line_writes(project: Path, unsafe: bool) -> None:
    if unsafe:
        (project / "pyproject.toml").write_text("[tool.kerascheck]\nunsafe-fixes = true\n")
    before = {path: path.read_bytes() for path in sorted(project.glob("*.py"))}
    async with session(project, adapt=full) as editor:
        for path, raw in before.items():
            uri = editor.open(path)
            await editor.findings(uri)
            found = await editor.actions(uri, EVERYWHERE, "source.fixAll")
            after = raw
            for action in found:
                assert action.kind == "source.fixAll.kerascheck"
                assert action.edit is None  # this client resolves
                action = await editor.client.code_action_resolve_async(action)
                if action.edit is not None:
                    after = applied(raw.decode(), edits_of(action.edit, uri)).encode()
            subprocess.run(
                [sys.executable, "-m", "kerascheck", "--fix", path.name], cwd=project, capture_output=True, check=False
            )
            assert after == path.read_bytes()
            path.write_bytes(raw)
    changed = subprocess.run(
        [sys.executable, "-m", "kerascheck", "--diff", "."], cwd=project, capture_output=True, check=False
    )
    assert changed.returncode == 1


@together
async def test_suppress_on_this_line_silences_and_changes_nothing_else(project: Path) -> None:
    text = (
        "import keras\n\n\n"
        "def f(path):\n"
        "    model = keras.Sequential([keras.layers.Dense(3)])\n"
        "    model.load_weights(path)  # as trained\n"
        "    model.load_weights(\n"
        '        """a\n'
        'b""")\n'
    )
    async with session(project) as editor:
        uri = editor.open(project / "new.py", text)
        while found := [item for item in await editor.findings(uri) if item.code == "KC101"]:
            (action,) = [
                item
                for item in await editor.actions(uri, found[0].range)
                if item.title == "suppress KC101 on this line"
            ]
            assert action.edit is not None
            text = applied(text, edits_of(action.edit, uri))
            editor.change(uri, text)
        assert text.count("# kerascheck: ignore[KC101]") == 2
        assert "    model.load_weights(path)  # as trained  # kerascheck: ignore[KC101]\n" in text


@together
async def test_the_page_is_opened_or_named(project: Path) -> None:
    async with session(project, adapt=full) as editor:
        uri = editor.open(project / "serve.py")
        (found,) = [item for item in await editor.findings(uri) if item.code == "KC102"]
        actions = await editor.actions(uri, found.range)
        (action,) = [item for item in actions if item.title == "open the page of KC102"]
        assert action.command is not None
        address = await editor.command(action.command.command, *(action.command.arguments or ()))
        assert address == all_pages()["KC102"].url
        (shown,) = editor.client.shown_documents
        assert shown.uri.endswith("/rules/hollow_build.md")
    async with session(project) as editor:
        await editor.command("kerascheck.openPage", "KC102")
        await editor.until(lambda: any(address in item.message for item in editor.client.messages))


# ---------------------------------------------------------------------- hover


@together
async def test_hover_shows_pages_and_what_is_known_of_models(project: Path) -> None:
    async with session(project) as editor:
        uri = editor.open(project / "train.py")
        await editor.findings(uri)
        unbuilt = await editor.hover(uri, 33, 6)
        assert unbuilt is not None
        for words in ("`ActivityNet`, subclass", "made in line 34", "at this line: unbuilt", "4 layers"):
            assert words in unbuilt
        for words in ("last activation softmax", "loss: `sparse_categorical_crossentropy`", "`Dense(relu)` hidden"):
            assert words in unbuilt
        loaded = await editor.hover(uri, 35, 10)
        assert loaded is not None
        assert "`ActivityNet`, subclass" in loaded
        assert "**KC101** load-weights-before-build" in loaded
        assert "## Why it breaks" in loaded
        other = await editor.hover(uri, 45, 6)
        assert other is not None
        assert "made at models.py:30" in other
        assert "at this line: built, compiled" in other
        assert await editor.hover(uri, 31, 6) is None
        noted = editor.open(project / "note.py", "import keras  # see KC102\nprint(keras)\n")
        page = await editor.hover(noted, 0, 22)
        assert page is not None
        assert page.startswith("# hollow-build (KC102)")
        assert await editor.hover(noted, 1, 8) is None


# ---------------------------------------------------------------------- settings


@together
async def test_settings_of_the_client_and_of_the_project_are_read_again(project: Path) -> None:
    async with session(project, adapt=full, settings={"ignore": ["KC405"], "select": []}) as editor:
        uri = editor.open(project / "train.py")
        await editor.until(lambda: "KC405" not in {item.code for item in editor.client.diagnostics.get(uri, [])} and
                           editor.client.diagnostics.get(uri))  # fmt: skip
        editor.client.diagnostics.pop(uri)
        editor.client.set_configuration({"kerascheck": {"select": ["unseeded-split"], "targetKeras": 3}})
        editor.client.workspace_did_change_configuration(types.DidChangeConfigurationParams({}))
        await editor.findings(uri, "KC405")
        await editor.until(
            lambda: any("target-keras must be a text" in item.message for item in editor.client.messages)
        )
        editor.client.set_configuration({"kerascheck": {}})
        editor.client.workspace_did_change_configuration(types.DidChangeConfigurationParams({}))
        await editor.until(lambda: len(editor.client.diagnostics[uri]) > 4)
        editor.client.diagnostics.pop(uri)
        (project / "pyproject.toml").write_text('[tool.kerascheck]\nselect = ["KC401"]\n')
        editor.client.workspace_did_change_watched_files(
            types.DidChangeWatchedFilesParams(
                [types.FileEvent((project / "pyproject.toml").as_uri(), types.FileChangeType.Created)]
            )
        )
        await editor.findings(uri, "KC401")
        (project / "pyproject.toml").write_text('[tool.kerascheck]\nselekt = ["KC401"]\n')
        editor.client.text_document_did_save(types.DidSaveTextDocumentParams(types.TextDocumentIdentifier(uri)))
        await editor.until(lambda: any("did you mean `select`" in item.message for item in editor.client.messages))


@together
async def test_files_of_the_project_are_watched_where_the_client_can(project: Path) -> None:
    registered: list[types.RegistrationParams] = []

    def watching(capabilities: types.ClientCapabilities) -> None:
        full(capabilities)
        assert capabilities.workspace is not None
        capabilities.workspace.did_change_watched_files = types.DidChangeWatchedFilesClientCapabilities(True)

    async with session(project, adapt=watching) as editor:

        @editor.client.feature(types.CLIENT_REGISTER_CAPABILITY)
        def register(params: types.RegistrationParams) -> None:
            registered.append(params)

        await editor.until(lambda: registered)
    (item,) = registered[0].registrations
    assert item.method == types.WORKSPACE_DID_CHANGE_WATCHED_FILES


# ---------------------------------------------------------------------- notebooks

CELLS = [
    ("markdown", "# a title"),
    ("code", "import keras\nnames = [str(n) for n in range(3)]\n"),
    ("code", "%matplotlib inline\nindex = {n: i for i, n in enumerate(set(names))}"),
    ("code", 'model = keras.Sequential([keras.layers.Dense(3)])\nmodel.load_weights("a.weights.h5")'),
]


def open_notebook(editor: Session, path: Path) -> list[str]:
    """Open CELLS as VS Code does; the URIs of all cells."""
    uris = [f"vscode-notebook-cell:{path.as_posix()}#cell{number}" for number in range(len(CELLS))]
    cells = [
        types.NotebookCell(types.NotebookCellKind.Code if kind == "code" else types.NotebookCellKind.Markup, uri)
        for uri, (kind, _) in zip(uris, CELLS)
    ]
    texts = [
        types.TextDocumentItem(uri, types.LanguageKind.Python, 1, text)
        for uri, (kind, text) in zip(uris, CELLS)
        if kind == "code"
    ]
    editor.client.notebook_document_did_open(
        types.DidOpenNotebookDocumentParams(types.NotebookDocument(path.as_uri(), "jupyter-notebook", 1, cells), texts)
    )
    return uris


def write_notebook(path: Path) -> None:
    cells = [{"cell_type": kind, "metadata": {}, "source": text} for kind, text in CELLS]
    path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))


@together
async def test_cells_are_one_program_and_findings_lie_in_their_cell(tmp_path: Path) -> None:
    path = tmp_path / "t.ipynb"
    write_notebook(path)
    expected = [(item["cell"], item["code"], item["line"], item["column"]) for item in cli(tmp_path, "t.ipynb")]
    assert {(3, "KC401"), (4, "KC101")} <= {row[:2] for row in expected}

    def notebooks(capabilities: types.ClientCapabilities) -> None:
        full(capabilities)
        capabilities.notebook_document = types.NotebookDocumentClientCapabilities(
            types.NotebookDocumentSyncClientCapabilities()
        )

    async with session(tmp_path, adapt=notebooks) as editor:
        uris = open_notebook(editor, path)
        await editor.until(lambda: all(uri in editor.client.diagnostics for uri in uris[1:]))
        found = [
            (number, item.code, item.range.start.line + 1, item.range.start.character + 1)
            for number, uri in enumerate(uris, 1)
            for item in editor.client.diagnostics.get(uri, ())
        ]
        assert sorted(found) == sorted(expected)
        hovered = await editor.hover(uris[3], 1, 2)
        assert hovered is not None
        assert "made in cell 4, line 1" in hovered
        (fix, silence, *_) = await editor.actions(uris[2], at(1, 45))
        assert fix.edit is not None
        assert silence.edit is not None
        assert applied(CELLS[2][1], edits_of(fix.edit, uris[2])).endswith("enumerate(sorted(set(names)))}")
        assert applied(CELLS[2][1], edits_of(silence.edit, uris[2])).endswith("}  # kerascheck: ignore[KC401]")
        (fix_all,) = await editor.actions(uris[1], EVERYWHERE, "notebook.source.fixAll")
        fix_all = await editor.client.code_action_resolve_async(fix_all)
        assert fix_all.edit is not None
        subprocess.run([sys.executable, "-m", "kerascheck", "--fix", str(path)], capture_output=True, check=False)
        fixed = ["".join(cell["source"]) for cell in json.loads(path.read_text())["cells"]]
        assert [applied(text, edits_of(fix_all.edit, uri)) for uri, (_, text) in zip(uris, CELLS)] == fixed
        # the cell that builds the model comes later now; then another is put above
        editor.client.diagnostics.clear()
        first = types.Position(0, 0)
        editor.client.notebook_document_did_change(
            types.DidChangeNotebookDocumentParams(
                types.VersionedNotebookDocumentIdentifier(2, path.as_uri()),
                types.NotebookDocumentChangeEvent(
                    cells=types.NotebookDocumentCellChanges(
                        text_content=[
                            types.NotebookDocumentCellContentChanges(
                                types.VersionedTextDocumentIdentifier(2, uris[2]),
                                [types.TextDocumentContentChangePartial(types.Range(first, first), "broken = (\n")],
                            )
                        ]
                    )
                ),
            )
        )
        await editor.until(lambda: all(uri in editor.client.diagnostics for uri in uris[1:]))  # each comes by itself
        assert [item.code for item in editor.client.diagnostics[uris[2]]] == ["KC000"]
        assert "KC101" in {item.code for item in editor.client.diagnostics[uris[3]]}
        editor.client.diagnostics.clear()
        editor.client.notebook_document_did_change(
            types.DidChangeNotebookDocumentParams(
                types.VersionedNotebookDocumentIdentifier(3, path.as_uri()),
                types.NotebookDocumentChangeEvent(
                    cells=types.NotebookDocumentCellChanges(
                        structure=types.NotebookDocumentCellChangeStructure(
                            types.NotebookCellArrayChange(2, 1, []),
                            did_close=[types.TextDocumentIdentifier(uris[2])],
                        )
                    )
                ),
            )
        )
        await editor.until(lambda: "KC101" in {item.code for item in editor.client.diagnostics.get(uris[3], ())})
        assert uris[2] not in editor.client.diagnostics
        editor.client.notebook_document_did_close(
            types.DidCloseNotebookDocumentParams(
                types.NotebookDocumentIdentifier(path.as_uri()), [types.TextDocumentIdentifier(uris[3])]
            )
        )
        await editor.until(lambda: not editor.client.diagnostics[uris[3]])


# ---------------------------------------------------------------------- confirm


@together
async def test_confirm_is_refused_where_the_workspace_is_not_trusted(project: Path) -> None:
    async with session(project, adapt=full) as editor:
        uri = editor.open(project / "serve.py")
        found = await editor.findings(uri)
        answer = await editor.command("kerascheck.confirmFile", uri)
        assert answer["verdicts"] == {}
        assert "trusted" in answer["problems"][0]
        titles = [item.title for item in await editor.actions(uri, found[0].range)]
        assert not any("confirm" in title for title in titles)
        assert editor.client.progress_reports == {}


@together
async def test_a_finding_is_confirmed_and_the_diagnostic_says_so(project: Path) -> None:
    pytest.importorskip("keras")
    async with session(project, adapt=full, options={"trusted": True}) as editor:
        uri = editor.open(project / "serve.py")
        (found,) = [item for item in await editor.findings(uri) if item.code == "KC102"]
        (action,) = [item for item in await editor.actions(uri, found.range) if item.title.startswith("confirm KC102")]
        assert action.command is not None
        editor.client.diagnostics.pop(uri)
        answer = await editor.command(action.command.command, *(action.command.arguments or ()))
        assert [item["status"] for item in answer["verdicts"].values()] == ["confirmed"], answer
        (shown,) = [item for item in await editor.findings(uri) if item.code == "KC102"]
        assert "\nconfirmed: " in shown.message
        (reports,) = editor.client.progress_reports.values()
        assert isinstance(reports[0], types.WorkDoneProgressBegin)
        assert isinstance(reports[-1], types.WorkDoneProgressEnd)
        assert any(isinstance(item, types.WorkDoneProgressReport) for item in reports)
        editor.change(uri, (project / "serve.py").read_text() + "# changed\n")
        (shown,) = [item for item in await editor.findings(uri) if item.code == "KC102"]
        assert "confirmed" not in shown.message  # the proof was of another text


@together
async def test_confirming_can_be_cancelled_and_leaves_nothing(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("keras")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    async with session(project, adapt=full, options={"trusted": True}) as editor:
        uri = editor.open(project / "train.py")
        await editor.findings(uri)
        asked = asyncio.ensure_future(editor.command("kerascheck.confirmFile", uri))
        token = await editor.until(lambda: next(iter(editor.client.progress_reports), None))
        await editor.until(lambda: len(editor.client.progress_reports[token]) > 1)
        editor.client.window_work_done_progress_cancel(types.WorkDoneProgressCancelParams(token))
        answer = await asyncio.wait_for(asked, 30)
        assert answer == {"verdicts": {}, "problems": ["cancelled"]}
        await editor.until(lambda: not list(temporary.glob("kerascheck-*")))
        assert await editor.findings(uri)


# ---------------------------------------------------------------------- the process


def test_without_pygls_the_command_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['pygls'] = sys.modules['lsprotocol'] = None\n"
        "from kerascheck.cli import main; sys.exit(main(['server']))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (2, "")
    assert "pip install 'kerascheck[lsp]'" in result.stderr


def test_the_server_loads_no_framework_and_ends_with_its_client(project: Path) -> None:
    code = (
        "import sys\nfrom kerascheck.server.app import Server\n"
        "from kerascheck.server import app\n"
        "from kerascheck.editor.analysis import Analyst, World\nfrom kerascheck.editor.documents import Document\n"
        f"path = {str(project / 'train.py')!r}\n"
        "found = Analyst().check(Document('', path, open(path).read()), World()).findings\n"
        "print(len(found), *({'keras', 'tensorflow', 'jax', 'torch', 'numpy'} & set(sys.modules)))\n"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert len(shown) == 1
    assert int(shown[0]) > 4
    ended = subprocess.run([sys.executable, "-m", "kerascheck", "server"], input=b"", capture_output=True, timeout=30)
    assert ended.stdout == b""
