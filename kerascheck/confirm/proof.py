"""Whether a fix mends what an experiment has shown: the same experiment on the repaired text.

The experiment is carried over: definitions of the repaired file take the place of those in the slice, and statements
that the fix puts into the program are run in it. Where nothing can be carried over, the finding is planned anew there.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from kerascheck.confirm.plan import Experiment, plan
from kerascheck.edits import Edit
from kerascheck.finding import Finding
from kerascheck.semantic.module import Module

_MODEL = "kerascheck_model"


def experiments(
    finding: Finding, before: Module, after: Module, place: int, edits: Sequence[Edit]
) -> Iterator[tuple[Experiment, Experiment | None]]:
    """Pairs of the experiment that showed the claim and the one that must not; without the latter it cannot be told.

    `place` is where the finding stands in the repaired text.
    """
    planned = plan(before, finding)
    start = after.source.position(min(place, len(after.source.text)))
    again = plan(after, replace(finding, start=start, end=start))
    later = again.experiments if again is not None else ()
    for experiment in planned.experiments if planned is not None else ():
        moved = carried(experiment, before, after, edits)
        if moved is not None:
            yield experiment, _whole(moved)
        small = experiment.parameters.get("small")
        same = [other for other in later if other.name == experiment.name and other.parameters.get("small") == small]
        yield experiment, _whole(same[0]) if same else None


def _whole(experiment: Experiment) -> Experiment:
    """The experiment as one that can refute: the claim was shown with the same small model, which then tells enough."""
    if not experiment.parameters.get("small"):
        return experiment
    return replace(experiment, parameters={**experiment.parameters, "small": False})


def carried(experiment: Experiment, before: Module, after: Module, edits: Sequence[Edit]) -> Experiment | None:
    """The experiment with what the fix has changed; None when none of it is in the experiment."""
    parameters: dict[str, Any] = dict(experiment.parameters)
    old, new = _definitions(before.source.text), _definitions(after.source.text)
    added = [line for line in _imports(after.source.text) if line not in set(_imports(before.source.text))]
    parameters["source"] = str(parameters.get("source", "")).replace(repr(before.source.text), repr(after.source.text))
    parameters["source"] = _transplanted(parameters["source"], old, new, added)
    if "files" in parameters and not after.path.endswith(".ipynb"):
        parameters["files"] = {**parameters["files"], os.path.abspath(after.path): after.source.text}
    modules = parameters.get("modules") or {}
    parameters["modules"] = {name: _transplanted(text, old, new, added) for name, text in modules.items()}
    if experiment.name in ("load_weights", "save_early"):
        steps = list(parameters.get("before", ()))
        for edit in edits:
            steps[:0] = _model_steps(edit.text)
        shapes = parameters.get("shapes") or []
        if not steps and shapes and any("def build(" in edit.text for edit in edits):
            steps = [f"{_MODEL}.build({(None, *shapes[0][0])!r})"]  # a class that can be built is built before the load
        if steps != list(parameters.get("before", ())):
            parameters["before"] = ["import keras", *steps]
    elif experiment.name == "metric":
        parameters["compile"] = _compiled(str(parameters.get("compile", "")), edits)
        parameters["source"] = "\n".join([*_imports(after.source.text, parameters["compile"]), parameters["source"]])
    elif experiment.name == "run_once":
        _settled(parameters, edits)
    elif parameters.get("without"):  # what a fix hands over; the experiment hands over all but what it is without
        given = {key for edit in edits for key in re.findall(r"[\"'](\w+)[\"']: *\w+", edit.text)}
        if any("custom_objects" in edit.text for edit in edits):
            parameters["without"] = [name for name in parameters["without"] if name not in given]
    elif experiment.name == "initializer":
        removed = [before.source.text[edit.start : edit.end] for edit in edits if not edit.text.strip()]
        if any("initialize" in text for text in removed):
            parameters["initialize"] = False
    elif experiment.name == "load_result":
        removed = [before.source.text[edit.start : edit.end].strip() for edit in edits if not edit.text]
        if any(re.fullmatch(r"[\w.]+\s*=", text) for text in removed):
            parameters["assigned"] = False
    elif experiment.name == "unlogged_key":
        for edit in edits:
            key, logged = _literal(before.source.text[edit.start : edit.end]), _literal(edit.text)
            if key == parameters["key"] and logged:
                parameters["key"] = logged
                parameters["callback"] = parameters["callback"].replace(repr(key), repr(logged))
    elif experiment.name == "statement":
        parameters["statement"] = _edited(str(parameters.get("statement", "")), before, edits)
    if _plain(parameters) == _plain(experiment.parameters):
        return None
    return replace(experiment, parameters=parameters)


def crossing(experiment: Experiment, after: Experiment) -> Experiment | None:
    """A file of the program as it was, read by the repaired one, and the other way round."""
    if not experiment.parameters.get("make") or not after.parameters.get("make"):
        return None
    keys = ("source", "modules", "files", "make", "shapes", "structure", "without")
    one, other = ({key: item.parameters[key] for key in keys if key in item.parameters} for item in (experiment, after))
    return None if one == other else Experiment("crossing", {"one": one, "other": other})


def _literal(text: str) -> str:
    """The string that a text writes; "" when it is none."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return ""
    return value if isinstance(value, str) else ""


def _plain(parameters: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in parameters.items() if value or key not in ("modules", "source")}


def _definitions(text: str) -> dict[str, str]:
    """The source of the classes and functions at the top of a text, by name, decorators included."""
    found = {}
    lines = text.splitlines(keepends=True)
    for node in _body(text):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            first = min([node.lineno, *(item.lineno for item in node.decorator_list)])
            found[node.name] = "".join(lines[first - 1 : node.end_lineno]).rstrip()
    return found


def _imports(text: str, used: str | None = None) -> list[str]:
    """The imports at the top of a text; with `used` those of names that occur in it."""
    found = []
    for node in _body(text):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [alias.asname or alias.name.partition(".")[0] for alias in node.names]
            if used is None or any(re.search(rf"\b{re.escape(name)}\b", used) for name in names):
                found.append(ast.unparse(node))
    return found


def _body(text: str) -> list[ast.stmt]:
    try:
        return ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError):
        return []


def _transplanted(text: str, old: dict[str, str], new: dict[str, str], added: Sequence[str]) -> str:
    """A slice with the new definitions in place of the old ones, and the imports that these need."""
    own = _definitions(text)
    changed = False
    for name, source in own.items():
        if name in new and old.get(name) != new[name] and old.get(name, "").strip() == source.strip():
            text = text.replace(source, new[name], 1)
            changed = True
    return "\n".join([*added, text]) if changed else text


def _model_steps(text: str) -> Iterator[str]:
    """Statements of a fix that call the model, such as `model(keras.Input(shape=(3,)))`, on the experiment's model."""
    for node in _body(text.strip()):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            function = node.value.func
            if isinstance(function, ast.Name):
                node.value.func = ast.Name(_MODEL)
            elif isinstance(function, ast.Attribute) and function.attr == "build":
                function.value = ast.Name(_MODEL)
            else:
                continue
            yield ast.unparse(node)


def _compiled(text: str, edits: Sequence[Edit]) -> str:
    """The `compile` of the experiment with the metric of the fix."""
    metric = next((edit.text for edit in edits if "Accuracy" in edit.text and "(" in edit.text), None)
    if metric is None:
        return text
    metric = metric.strip().rstrip(",")
    return re.sub(r"metrics=\[.*\]", lambda _: f"metrics=[{metric.strip('[]')}]", text)


def _settled(parameters: dict[str, Any], edits: Sequence[Edit]) -> None:
    """An experiment about differing runs, with the order, the seed or the split that the fix gives."""
    texts = " ".join(edit.text for edit in edits)
    value = str(parameters.get("value", ""))
    if "sorted" in texts and value.startswith("list("):
        parameters["value"] = "sorted(" + value[len("list(") :]
    state = re.search(r"random_state\s*=\s*\w+", texts)
    if state is not None:
        for rows in ("(list(range(40)))[0]", "shuffle(rows)"):  # as `train_test_split` and `shuffle` are tried
            given, _, rest = rows.rpartition(")")
            parameters["value"] = str(parameters["value"]).replace(rows, f"{given}, {state.group()}){rest}")


def _edited(statement: str, before: Module, edits: Sequence[Edit]) -> str:
    """A statement of the program with what the fix changes in it; as it is when that cannot be told."""
    text = before.source.text
    first, last = min(edit.start for edit in edits), max(edit.end for edit in edits)
    start = text.rfind(statement, 0, first + len(statement)) if statement else -1
    if not 0 <= start <= first or last > start + len(statement):
        return statement
    for edit in sorted(edits, reverse=True):
        statement = statement[: edit.start - start] + edit.text + statement[edit.end - start :]
    return statement


__all__ = ["carried", "crossing", "experiments"]
