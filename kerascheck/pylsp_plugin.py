"""The plugin of python-lsp-server (Spyder, JupyterLab): findings with their ends and links, and fixes as code actions.

Places are those of the protocol: lines from 0, columns from 0 in UTF-16 units. Where pylsp's own flake8 is switched on,
it shows the findings already, so this is quiet.
"""

from __future__ import annotations

import os
import pathlib
import threading
from functools import cache
from typing import TYPE_CHECKING, Any

from pylsp import hookimpl

if TYPE_CHECKING:
    from kerascheck.editor.analysis import Analysis, Analyst, World
    from kerascheck.editor.documents import Change, Document, Range
    from kerascheck.finding import Finding

_FIX_ALL = "source.fixAll.kerascheck"
_SEVERITIES = {"error": 1, "warning": 2, "info": 3}
_TAGS = {"KC001": [1], "KC404": [2]}  # unnecessary, deprecated


@hookimpl
def pylsp_settings() -> dict[str, Any]:
    """What can be set: whether it is on, and what `[tool.kerascheck]` has, too."""
    return {
        "plugins": {
            "kerascheck": {
                "enabled": True,
                "select": None,
                "extendSelect": [],
                "ignore": [],
                "targetKeras": None,
                "backend": None,
            }
        }
    }


@hookimpl
def pylsp_lint(config: Any, workspace: Any, document: Any) -> list[dict[str, Any]]:
    """The findings of a document."""
    analysis = _analysis(config, workspace, document)
    if analysis is None:
        return []
    text = _text(workspace, document)
    return [_diagnostic(finding, analysis, text) for finding in analysis.findings]


@hookimpl
def pylsp_code_actions(
    config: Any, workspace: Any, document: Any, range: dict[str, Any], context: dict[str, Any]
) -> list[dict[str, Any]]:
    """For each finding in a range its fix and a comment that silences it; and fix all."""
    from kerascheck.editor.analysis import suppression
    from kerascheck.editor.documents import Encoding, Place, Range
    from kerascheck.editor.repair import changes

    analysis = _analysis(config, workspace, document)
    if analysis is None:
        return []
    text = _text(workspace, document)
    asked = Range(*(Place(range[end]["line"], range[end]["character"]) for end in ("start", "end")))
    only = (context or {}).get("only")
    fixes: list[dict[str, Any]] = []
    others: list[dict[str, Any]] = []
    for finding in analysis.findings if _wants(only, "quickfix") else ():
        if not text.range(finding.start, finding.end, Encoding.UTF16).meets(asked):
            continue
        shown = [_diagnostic(finding, analysis, text)]
        if finding.fix is not None:
            mark = "" if finding.fix.safe else ", may change results or names"
            after = _analyst()[0].fixed_once(analysis, finding).get(text.uri)
            if after is not None:
                edits = changes(text, after, Encoding.UTF16)
                title = f"{finding.fix.title} ({finding.code}{mark})"
                fixes.append(_action(title, "quickfix", text, edits, shown, finding.fix.safe))
        silence = suppression(analysis, text, finding, Encoding.UTF16)
        if silence is not None:
            title = f"suppress {finding.code} on this line"
            others.append(_action(title, "quickfix", text, [silence], shown, False))
    if analysis.fixable and _wants(only, _FIX_ALL):
        analyst, lock = _analyst()
        with lock:
            after = analyst.fixed(text, _world(config, workspace, document)).get(text.uri)
        if after is not None:
            edits = changes(text, after, Encoding.UTF16)
            others.append(_action("kerascheck: fix all that is safe", _FIX_ALL, text, edits, [], False))
    return [*fixes, *others]


@cache
def _analyst() -> tuple[Analyst, threading.Lock]:
    """What looks at documents in this process, one at a time: pylsp asks from several threads."""
    from kerascheck.editor.analysis import Analyst

    return Analyst(), threading.Lock()


def _analysis(config: Any, workspace: Any, document: Any) -> Analysis | None:
    """The findings of a document; None when they are shown by others or there is nothing to say."""
    if config.plugin_settings("flake8", document_path=document.path).get("enabled"):
        return None
    analyst, lock = _analyst()
    with lock:
        return analyst.check(_text(workspace, document), _world(config, workspace, document))


def _text(workspace: Any, document: Any) -> Document:
    from kerascheck.editor.documents import Document

    return Document(document.uri, _path(workspace, document), document.source, document.version)


def _path(workspace: Any, document: Any) -> str:
    """The absolute path of a document; pylsp gives the cells of a notebook a name of no place."""
    from kerascheck.editor.analysis import real_path

    path = document.path or "untitled"
    if not os.path.isabs(path) or not str(document.uri).startswith("file:"):
        name = os.path.basename(path) or "untitled"
        path = os.path.join(workspace.root_path or os.getcwd(), name if name.endswith(".py") else f"{name}.py")
    return real_path(os.path.normpath(path))


def _world(config: Any, workspace: Any, document: Any) -> World:
    """Open documents, the root, and the settings of the plugin."""
    from kerascheck.editor.analysis import World
    from kerascheck.pages import known_codes
    from kerascheck.settings import SettingsError, check_selectors
    from kerascheck.surroundings import Overrides

    settings = config.plugin_settings("kerascheck", document_path=document.path)
    texts = {}
    for item in workspace.documents.values():
        if str(item.uri).startswith("file:") and isinstance(getattr(item, "source", None), str):
            text = _text(workspace, item)
            texts[text.path] = text.source.text
    chosen: dict[str, Any] = {}
    for key, name in (("select", "select"), ("extendSelect", "extend_select"), ("ignore", "ignore")):
        if settings.get(key):
            try:
                chosen[name] = check_selectors(settings[key], f"pylsp.plugins.kerascheck.{key}", known_codes())
            except SettingsError:
                continue  # pylsp has no way to say so; the rest of the settings counts
    overrides = Overrides(
        target_keras=settings.get("targetKeras") or None, backend=settings.get("backend") or None, **chosen
    )
    root = workspace.root_path
    return World(texts, (root.replace(os.sep, "/"),) if root else (), overrides)


def _diagnostic(finding: Finding, analysis: Analysis, text: Document) -> dict[str, Any]:
    from kerascheck.editor.documents import Encoding
    from kerascheck.pages import url

    found: dict[str, Any] = {
        "source": "kerascheck",
        "range": _range(text.range(finding.start, finding.end, Encoding.UTF16)),
        "message": finding.message,
        "severity": _SEVERITIES[finding.severity.label],
        "code": finding.code,
        "codeDescription": {"href": url(finding.code, finding.name)},
    }
    if finding.code in _TAGS:
        found["tags"] = _TAGS[finding.code]
    rows = []
    for item in finding.related:
        path = os.path.normpath(os.path.join(analysis.root, item.path)).replace(os.sep, "/")
        place = {"line": item.line - 1, "character": item.column - 1}
        uri = text.uri if path == text.path else pathlib.Path(path).as_uri()
        rows.append({"location": {"uri": uri, "range": {"start": place, "end": place}}, "message": item.message})
    if rows:
        found["relatedInformation"] = rows
    return found


def _range(item: Range) -> dict[str, Any]:
    return {
        "start": {"line": item.start.line, "character": item.start.character},
        "end": {"line": item.end.line, "character": item.end.character},
    }


def _action(
    title: str, kind: str, text: Document, edits: list[Change], shown: list[dict[str, Any]], preferred: bool
) -> dict[str, Any]:
    changed = [{"range": _range(item.range), "newText": item.text} for item in edits if item.range is not None]
    action: dict[str, Any] = {"title": title, "kind": kind, "edit": {"changes": {text.uri: changed}}}
    if shown:
        action |= {"diagnostics": shown, "isPreferred": preferred}
    return action


def _wants(only: list[str] | None, kind: str) -> bool:
    """Whether a client that asks for some kinds (or all, with None) asks for this one."""
    return not only or any(kind == item or kind.startswith(f"{item}.") for item in only)
