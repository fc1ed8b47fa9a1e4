"""The plugin of python-lsp-server, in a real server found by its entry point, driven by JSON-RPC on its pipes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types

QUICKSTART = Path(__file__).parent.parent / "fixtures" / "projects" / "quickstart"


class Pylsp:
    """A python-lsp-server with all its other linters off."""

    def __init__(self, root: Path) -> None:
        command = [sys.executable, "-m", "pylsp"]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._number = 0
        self.published: dict[str, list[dict[str, Any]]] = {}
        self.request("initialize", {"processId": None, "rootUri": root.as_uri(), "capabilities": {}})
        self.notify("initialized", {})

    def settings(self, **plugins: Any) -> None:
        off = {name: {"enabled": False} for name in ("pycodestyle", "pyflakes", "mccabe", "flake8", "autopep8")}
        self.notify("workspace/didChangeConfiguration", {"settings": {"pylsp": {"plugins": {**off, **plugins}}}})

    def send(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.process.stdin.flush()

    def notify(self, method: str, params: Any) -> None:
        self.send({"method": method, "params": params})

    def receive(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        length = 0
        while line := self.process.stdout.readline().strip():
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        message: dict[str, Any] = json.loads(self.process.stdout.read(length))
        if message.get("method") == "textDocument/publishDiagnostics":
            self.published[message["params"]["uri"]] = message["params"]["diagnostics"]
        return message

    def request(self, method: str, params: Any) -> Any:
        self._number += 1
        self.send({"id": self._number, "method": method, "params": params})
        while (message := self.receive()).get("id") != self._number or "method" in message:
            pass
        assert "error" not in message, message
        return message["result"]

    def open(self, path: Path, text: str | None = None) -> list[dict[str, Any]]:
        text = path.read_text() if text is None else text
        item = {"uri": path.as_uri(), "languageId": "python", "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": item})
        while path.as_uri() not in self.published:
            self.receive()
        return self.published.pop(path.as_uri())


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "quickstart"
    shutil.copytree(QUICKSTART, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / ".git").mkdir()
    return folder


@pytest.fixture
def server(project: Path) -> Iterator[Pylsp]:
    pylsp = Pylsp(project)
    pylsp.settings()
    yield pylsp
    pylsp.process.kill()
    pylsp.process.wait()


def applied(text: str, edits: list[dict[str, Any]]) -> str:
    from lsp import applied as apply_all

    whole = [
        types.TextEdit(
            types.Range(*(types.Position(item["range"][end]["line"], item["range"][end]["character"])
                          for end in ("start", "end"))),
            item["newText"],
        )
        for item in edits
    ]  # fmt: skip
    return apply_all(text, whole)


def test_the_entry_point_is_there() -> None:
    (point,) = entry_points(group="pylsp", name="kerascheck")
    assert point.value == "kerascheck.pylsp_plugin"


def test_findings_with_ends_as_the_command_line_has_them(project: Path, server: Pylsp) -> None:
    command = [sys.executable, "-m", "kerascheck", "--format", "json", "train.py"]
    shown = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False).stdout
    expected = [
        (item["code"], item["message"], item["line"] - 1, item["column"] - 1, item["end_line"] - 1,
         item["end_column"] - 1, item["url"])
        for item in json.loads(shown)
    ]  # fmt: skip
    found = [
        (item["code"], item["message"], item["range"]["start"]["line"], item["range"]["start"]["character"],
         item["range"]["end"]["line"], item["range"]["end"]["character"], item["codeDescription"]["href"])
        for item in server.open(project / "train.py")
        if item["source"] == "kerascheck"
    ]  # fmt: skip
    assert sorted(found) == sorted(expected)
    assert len(found) > 4


def test_fixes_suppressions_and_fix_all(project: Path, server: Pylsp) -> None:
    path = project / "train.py"
    text = path.read_text()
    diagnostics = server.open(path)
    (shuffled,) = [item for item in diagnostics if item["code"] == "KC401"]
    assert shuffled["relatedInformation"][0]["location"]["uri"] == path.as_uri()
    where = {"textDocument": {"uri": path.as_uri()}, "range": shuffled["range"], "context": {"diagnostics": []}}
    fix, silence, fix_all = server.request("textDocument/codeAction", where)
    assert (fix["isPreferred"], silence["isPreferred"]) == (True, False)
    sorted_text = text.replace("list(set(names))", "sorted(set(names))")
    assert applied(text, fix["edit"]["changes"][path.as_uri()]) == sorted_text
    assert "list(set(names))  # kerascheck: ignore[KC401]" in applied(text, silence["edit"]["changes"][path.as_uri()])
    assert fix_all["kind"] == "source.fixAll.kerascheck"
    command = [sys.executable, "-m", "kerascheck", "--fix", "train.py"]
    subprocess.run(command, cwd=project, capture_output=True, check=False)
    assert applied(text, fix_all["edit"]["changes"][path.as_uri()]) == path.read_text()


def test_a_notebook_as_jupyterlab_sends_it(project: Path, server: Pylsp) -> None:
    cells = [
        "import keras; m = keras.Sequential()",
        "get_ipython().run_line_magic('time', '')",
        "x = dict(enumerate({str(n) for n in 'ab'}))",
    ]
    text = "\n\n\n".join(cells) + "\n"
    found = server.open(project / ".virtual_documents" / "t.ipynb", text)
    assert [(item["code"], item["range"]["start"]["line"]) for item in found if item["source"] == "kerascheck"] == [
        ("KC401", 6)
    ]


def test_settings_and_quiet_where_flake8_is_on(project: Path, server: Pylsp) -> None:
    server.settings(kerascheck={"enabled": True, "ignore": ["KC4", "no-such-rule"]})
    assert "KC403" in {item["code"] for item in server.open(project / "train.py")}
    server.settings(kerascheck={"enabled": True, "ignore": ["KC4"]})
    assert not {"KC401", "KC403"} & {item["code"] for item in server.open(project / "train.py")}
    server.settings(flake8={"enabled": True})
    sources = {item["source"] for item in server.open(project / "train.py")}
    assert "kerascheck" not in sources
