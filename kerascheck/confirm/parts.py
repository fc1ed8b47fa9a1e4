"""What every planner needs: the experiment itself, and the model of a finding as the child gets it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import libcst as cst

from kerascheck.confirm.named import in_use
from kerascheck.confirm.slice import Slicer
from kerascheck.finding import Claim
from kerascheck.semantic.building import input_shape
from kerascheck.semantic.module import Module
from kerascheck.semantic.storage import Save
from kerascheck.semantic.training import models_of
from kerascheck.semantic.values import Obj


@dataclass(frozen=True)
class Experiment:
    """One experiment of the worker. `fresh` is the number of new processes it needs; 0 means a fork of the warm one."""

    name: str
    parameters: dict[str, Any] = field(default_factory=dict)
    fresh: int = 0
    framework: bool = True
    stand_ins: tuple[str, ...] = ()
    claim: Claim = Claim.NONE
    sign: str = ""  # what the text of an exception has when it is the one that the claim speaks of

    @property
    def key(self) -> str:
        """Equal for findings that one run can serve."""
        return repr((self.name, sorted(self.parameters.items(), key=lambda item: item[0]), self.fresh))


def stands_at(module: Module, node: cst.CSTNode, offset: int) -> bool:
    """Whether a node of this file starts at the offset, in code points from 0."""
    return module.owns(node) and module.span(node).start == offset


def module_and_users(module: Module) -> Iterator[Module]:
    """The module and those that import it."""
    yield module
    yield from module.users


def model_parameters(slicer: Slicer, module: Module, model: Obj) -> dict[str, Any]:
    """The slice that makes a model, and the input shapes that the source names."""
    shapes = []
    text = input_shape(module, model)
    if text is not None:
        shape = [size if isinstance(size, int) else 8 for size in ast.literal_eval(text)]
        shapes = [[shape, "float32"], [shape, "int32"]]
    maker = in_use()
    if maker is not None:
        return {"structure": _structure(model), **maker.parameters(slicer, model, shapes)}
    make = slicer.expression(model, f"`{model.short}`")
    made = slicer.finish()
    return {
        "source": made.source,
        "modules": made.modules,
        "make": make,
        "shapes": shapes,
        "open_shape": slicer.open_shape,
        "structure": _structure(model),
    }


def _structure(model: Obj) -> int | list[str]:
    """How `call` takes its input apart: into how many, or by which names; 0 when it does not."""
    call = model.cls.method("call")[0] if model.cls is not None else None
    if call is None or not isinstance(call.node, cst.FunctionDef) or len(call.node.params.params) < 2:
        return 0
    name = re.escape(call.node.params.params[1].name.value)
    code = call.module.code(call.node)
    parts = re.search(rf"^\s*\(?\[?(\w+(?:\s*,\s*\w+)+)\]?\)?\s*=\s*{name}\s*$", code, re.MULTILINE)
    if parts is not None:
        return parts.group(1).count(",") + 1
    keys = list(dict.fromkeys(re.findall(rf"\b{name}\[['\"](\w+)['\"]\]", code)))
    if keys:
        return keys
    highest = max((int(text) for text in re.findall(rf"\b{name}\[(\d)\]", code)), default=0)
    return highest + 1 if highest else 0


def saved(save: Save, model: Obj | None = None, *, compiled: bool = False) -> tuple[Slicer, dict[str, Any]]:
    """The slice that makes what a save writes, compiled as the program does where that matters."""
    reader = save.reader
    slicer = Slicer(reader)
    chosen = model or save.models[0]
    after = []
    if compiled:
        for event in reader.events_of("compile"):
            if any(item is chosen for item in models_of(event)):
                after.append(f"kerascheck_model.compile({slicer.compile_arguments(event.arguments)})")
                break
    parameters = model_parameters(slicer, reader, chosen)
    parameters["format"] = save.format if save.format in {".keras", ".h5"} else ".keras"
    parameters["after"] = after
    return slicer, parameters
