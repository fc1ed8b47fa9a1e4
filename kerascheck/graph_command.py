"""`kerascheck graph`: what is understood of the models of a file, and of where loads get their models from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from kerascheck import files
from kerascheck.semantic.module import Module, SyntaxProblem
from kerascheck.settings import SettingsError
from kerascheck.surroundings import Overrides, Surroundings
from kerascheck.terminal import CLEAN, Failure, many, out, told
from kerascheck.text import DecodeError, Position, SourceText

if TYPE_CHECKING:
    import argparse
    from typing import Any

    import libcst as cst

    from kerascheck.notebooks import Joined
    from kerascheck.semantic.model_facts import LayerFacts, ModelFacts

HELP = """The JSON is one object: `path`, `target`, and `models`, an array in the order in which the program makes them:
  id        a number from 1 on; `model` of a layer names another of them (null when it is listed nowhere)
  kind      functional, sequential, subclass, application, loaded, cloned or plain (cannot be told)
  class     the class that is called; `variable` is the name it is first given, or null
  place     {path, line, cell}: where it is made; cell is null outside of notebooks
  made      how often this place was seen to make one
  complete  false when a layer or a tensor is not known
  input     the shape of the only input without the batch, or null; unknown sizes are null
  output    {units, activation} of the only output, or null
  layers    {name, class, units, activation, runs, interleaved, after, model}: `after` holds the places (from 0) of its
            sources in this array, `runs` how often the graph runs it, `interleaved` that it runs again behind another
  events    {event, place, before, path, path_known}: `before` holds the possible states, such as "built, compiled"
With --origins: `sites`, `resolved`, `share`, `load_weights` {sites, resolved}, `origins` and `reasons` (counts).
Exit codes: 0, or 2 when a file cannot be read."""


def run_graph(options: argparse.Namespace) -> int:
    surroundings = Surroundings(Overrides(target_keras=options.target_keras, isolated=options.isolated))
    if options.origins:
        return _origins(options, surroundings)
    if len(options.paths) != 1 or not _is_file(options.paths[0]):
        raise Failure("graph shows one file: name a .py file or a notebook (folders are for --origins)")
    path = options.paths[0]
    module, joined = read_module(path, surroundings)
    from kerascheck.semantic.model_facts import models_in

    found = models_in(module)
    shown = _Shown(module, joined, found)
    if options.format == "json":
        data = {"path": files.display(path), "target": module.target.text, "models": shown.data()}
        out(json.dumps(data, indent=2, ensure_ascii=False) + "\n")
    else:
        out(f"{files.display(path)}: {many(len(found), 'model')}, target {module.target.text}\n")
        out("".join(shown.text()))
    return CLEAN


def _is_file(path: str) -> bool:
    import os

    if not os.path.lexists(path):
        raise Failure(f"{path}: no such file or folder")
    return not os.path.isdir(path)


def read_module(path: str, surroundings: Surroundings) -> tuple[Module, Joined | None]:
    """The module in a file; of a notebook without the cells that are not Python. Raises Failure, in one line."""
    shown = files.display(path)
    try:
        raw = files.read(path)
        files.check_size(path, raw)
        target = surroundings.target(path, raw)
        project = surroundings.project(target)
        if not path.endswith(".ipynb"):
            return project.start(SourceText.from_bytes(raw), shown), None
        joined = _joined(raw)
        return project.start(SourceText(joined.text), shown), joined
    except (files.FileProblem, SettingsError) as problem:
        raise Failure(str(problem)) from None
    except DecodeError as problem:
        raise Failure(f"{shown}: cannot be read: {problem}") from None
    except SyntaxProblem as problem:
        raise Failure(f"{shown}:{problem.line}:{problem.column}: cannot be parsed: {problem.message}") from None


def _joined(raw: bytes) -> Joined:
    from kerascheck.notebooks import Notebook, NotebookProblem, is_python

    try:
        notebook = Notebook.from_bytes(raw)
    except NotebookProblem as problem:
        raise SyntaxProblem(problem.message, problem.line, problem.column) from None
    return notebook.joined(cell.index for cell in notebook.cells if not is_python(cell.text))


class _Shown:
    """The models of a file in words and as data."""

    def __init__(self, module: Module, joined: Joined | None, found: list[ModelFacts]) -> None:
        self.module = module
        self.joined = joined
        self.found = found
        self.ids = {item.model.call or item.model: number for number, item in enumerate(found, start=1)}

    def place(self, place: tuple[Module, cst.CSTNode] | None) -> dict[str, Any] | None:
        if place is None:
            return None
        module, node = place
        position: Position = module.source.position(module.span(node).start)
        if module is not self.module or self.joined is None:
            return {"path": module.path, "line": position.line, "cell": None}
        cell, inner = self.joined.place(position)
        return {"path": module.path, "line": inner.line, "cell": cell.index}

    def data(self) -> list[dict[str, Any]]:
        return [self._model(number, item) for number, item in enumerate(self.found, start=1)]

    def _model(self, number: int, item: ModelFacts) -> dict[str, Any]:
        return {
            "id": number,
            "kind": item.model.form,
            "class": item.model.short,
            "variable": item.variable,
            "place": self.place(item.place),
            "made": item.made,
            "complete": item.complete,
            "input": None if item.shape is None else list(item.shape),
            "output": None if item.head is None else {"units": item.head.units, "activation": item.head.activation},
            "layers": [self._layer(layer) for layer in item.layers],
            "events": [
                {
                    "event": event.name,
                    "place": self.place(event.place),
                    "before": list(event.before),
                    "path": event.path,
                    "path_known": event.known,
                }
                for event in item.happenings
            ],
        }

    def _layer(self, layer: LayerFacts) -> dict[str, Any]:
        inner = layer.model
        return {
            "name": layer.name,
            "class": layer.kind,
            "units": layer.units,
            "activation": layer.activation,
            "runs": layer.runs,
            "interleaved": layer.interleaved,
            "after": list(layer.after),
            "model": self.ids.get(inner.call or inner) if inner is not None else None,
        }

    # ------------------------------------------------------------------ for people

    def text(self) -> list[str]:
        lines: list[str] = []
        for item in self.data():
            lines.append(f"\n{item['id']}  {self._title(item)}\n")
            for number, layer in enumerate(item["layers"]):
                lines.append(f"     {number:>3}  {_layer_text(number, layer)}\n")
            if not item["complete"] and item["kind"] in {"functional", "sequential", "subclass"}:
                lines.append("          (not everything is known)\n")
            width = max((len(event["event"]) for event in item["events"]), default=0)
            lines += [f"     {self._event(event, width)}\n" for event in item["events"]]
        return lines

    def _title(self, item: dict[str, Any]) -> str:
        name = f"{item['variable']} = " if item["variable"] else ""
        kind = "" if item["kind"] == "sequential" else f", {item['kind']}"
        parts = [f"{name}{item['class']}{kind}"]
        if item["place"] is not None:
            parts.append(f"made at {self._where(item['place'])}" + (f" {item['made']} times" * (item["made"] > 1)))
        if item["input"] is not None:
            parts.append(f"input {_shape_text(item['input'])}")
        if item["output"] is not None:
            units = "?" if item["output"]["units"] is None else item["output"]["units"]
            parts.append(f"output {units} {item['output']['activation'] or '?'}")
        return "; ".join(parts)

    def _where(self, place: dict[str, Any]) -> str:
        cell = f"cell {place['cell']}:" if place["cell"] is not None else ""
        return f"{'' if place['path'] == self.module.path and cell else place['path'] + ':'}{cell}{place['line']}"

    def _event(self, event: dict[str, Any], width: int) -> str:
        before = " or ".join(event["before"])
        path = "" if event["path"] is None else f"  {event['path']}"
        return (
            f"{event['event']:<{width}}  {self._where(event['place'])}{f'  ({before} before)' if before else ''}{path}"
        )


def _layer_text(number: int, layer: dict[str, Any]) -> str:
    given = [str(layer[key]) for key in ("units", "activation") if layer[key] is not None]
    text = f"{layer['class']}({', '.join(given)})" if given else layer["class"]
    if layer["name"]:
        text += f" '{layer['name']}'"
    if layer["model"] is not None:
        text += f" = model {layer['model']}"
    after = layer["after"]
    if after and after != [number - 1]:
        text += f"  after {', '.join(map(str, after))}"
    if layer["runs"] > 1:
        text += f"  [one layer, {layer['runs']} runs{', interleaved' if layer['interleaved'] else ''}]"
    return text


def _shape_text(shape: list[int | None]) -> str:
    return "(" + ", ".join("?" if size is None else str(size) for size in shape) + ("," * (len(shape) == 1)) + ")"


# ---------------------------------------------------------------------- --origins


def _origins(options: argparse.Namespace, surroundings: Surroundings) -> int:
    from collections import Counter

    from kerascheck.semantic.origins import origins

    found: list[tuple[str, str, str]] = []
    problems: list[str] = []
    for path in _candidates(options.paths or ["."], problems):
        try:
            module, _ = read_module(path, surroundings)
        except Failure as failure:
            problems.append(str(failure))
            continue
        for item in origins(module):
            found.append((item.method, item.kind, item.reason))
            if options.verbose and not item.kind:
                line = module.source.position(module.span(item.node).start).line
                out(f"{path}:{line}: {item.reason}\n", to_stderr=True)
    weights = [row for row in found if row[0] == "load_weights"]
    resolved = [row for row in found if row[1]]
    kinds = Counter(row[1] for row in resolved).most_common()
    reasons = Counter(row[2] for row in found if not row[1]).most_common()
    share = len(resolved) / len(found) if found else 1.0
    own = sum(bool(row[1]) for row in weights)
    if options.format == "json":
        data = {
            "sites": len(found),
            "resolved": len(resolved),
            "share": round(share, 4),
            "load_weights": {"sites": len(weights), "resolved": own},
            "origins": dict(kinds),
            "reasons": dict(reasons),
        }
        out(json.dumps(data, indent=2) + "\n")
    else:
        out(f"{len(resolved)} of {many(len(found), 'load')} have a known origin ({share:.3f}); ")
        out(f"of load_weights alone {own} of {len(weights)}\n")
        out("".join(f"{count:>6}  {kind}\n" for kind, count in kinds))
        out("not known:\n" * bool(reasons) + "".join(f"{count:>6}  {reason}\n" for reason, count in reasons))
    return told(problems)


def _candidates(paths: list[str], problems: list[str]) -> list[str]:
    """The files below the paths that load anything."""
    found = []
    discovery = files.Discovery()
    for root in paths:
        for path in discovery.files(root):
            try:
                raw = files.read(path)
            except files.FileProblem as problem:
                problems.append(str(problem))
                continue
            if b"load_weights(" in raw or b"load_model(" in raw:
                found.append(path)
    problems += discovery.problems
    return found
