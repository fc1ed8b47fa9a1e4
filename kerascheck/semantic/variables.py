"""What becomes of a `tf.Variable` that a layer or model keeps: how it begins, what changes it, what writes it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic.inside import path_to
from kerascheck.semantic.storage import WRITING, circle, saves

if TYPE_CHECKING:
    from kerascheck.semantic.classes import ClassInfo
    from kerascheck.semantic.events import CallFact
    from kerascheck.semantic.module import Module

_DRAWN = re.compile(
    r"(?i)random|normal\b|normal\(|uniform|glorot|xavier|orthogonal|lecun|\bhe_|variance_?scaling|shuffle|permutation|sample"
    r"|initializers\.get|(?<!zeros_)(?<!ones_)(?<!constant_)initializer\b"
)
_CHECKPOINT = re.compile(r"(?<!Model)\bCheckpoint\(")
_WRITES_WEIGHTS = re.compile(r"\.save_weights\(|\bModelCheckpoint\(|\bsave_model\(")


def stays_as_made(module: Module, owner: ClassInfo, call: CallFact, name: str) -> bool:
    """Whether the variable in `self.<name>` begins with what every run gives again, and nothing seen changes it."""
    first = call.arguments.find("initial_value", 0)
    if first is None or _DRAWN.search(_origin(module, owner, call, module.code(first[0]))):
        return False
    texts = [module.source.text, *(user.source.text for user in module.users_with(name))]
    changed = re.compile(
        rf"\.{name}\b(?:\[[^\]\n]*\])?\.(?:assign|scatter|load\b)|(?:assign|update|average|set)\w*\([^)\n]*\.{name}\b"
    )
    if any(changed.search(text) for text in texts):
        return False
    # `state = self.state` may be assigned under its other name
    return not any(re.search(rf"=\s*self\.{name}\s*$", text, re.MULTILINE) for text in texts)


def _origin(module: Module, owner: ClassInfo, call: CallFact, text: str) -> str:
    """The code of a value, and of what its names are bound to in the same class."""
    whole = module.code(owner.node)
    seen: set[str] = set()
    for _ in range(4):
        names = set(re.findall(r"\bself\.\w+|(?<![.\w])[A-Za-z_]\w*", text)) - seen
        seen |= names
        found = [
            value for item in names for value in re.findall(rf"^\s*{re.escape(item)}\s*=(?!=)\s*(.+)", whole, re.M)
        ]
        if not found:
            break
        text = "\n".join([text, *(value for value in found if "tf.Variable(" not in value)])
    return text


def is_made_anew(module: Module, owner: ClassInfo, call: CallFact, name: str) -> bool:
    """Whether each call of the layer makes the variable again, so that it keeps nothing from one to the next."""
    for method in ("call", "__call__"):
        function = owner.own(method)
        if function is None or not isinstance(function.node, cst.FunctionDef):
            continue
        path = path_to(function.node.body, call.node)
        if path:
            tests = [item for item in path if isinstance(item, (cst.If, cst.Try, cst.TryStar, cst.ExceptHandler))]
            return not any(_asks(module, item, name) for item in tests)
    return False


def _asks(module: Module, node: cst.CSTNode, name: str) -> bool:
    """Whether a branch is taken until the attribute is there, or a flag is set in it."""
    if not isinstance(node, cst.If):
        return True
    test = module.code(node.test)
    if re.search(rf"\b{name}\b|built|hasattr", test):
        return True
    flags = re.findall(r"\bself\.\w+", test)
    return any(re.search(rf"{re.escape(flag)}\s*=(?!=)", module.code(node.body)) for flag in flags)


def is_configured(module: Module, owner: ClassInfo, name: str) -> bool:
    """Whether `from_config` gives the variable the value that `get_config` wrote."""
    written, restored = owner.own("get_config"), owner.own("from_config")
    return (
        written is not None
        and restored is not None
        and re.search(rf"\.{name}\.assign\(", module.code(restored.node)) is not None
    )


def only_checkpoints(module: Module) -> bool:
    """Whether the programs around a module write variables with `tf.train.Checkpoint`, and nothing with Keras.

    Run on 3.0.5, 3.4.1, 3.10.0 and 3.15.1: such a file holds a `tf.Variable` that is an attribute of a layer or model.
    """
    known: bool | None = module.memo.get("only_checkpoints")
    if known is None:
        around = circle(module, ("Checkpoint", "save_weights", *WRITING), whole=False)
        texts = [item.source.text for item in around]
        known = any(_CHECKPOINT.search(text) for text in texts)
        known = known and not any(_WRITES_WEIGHTS.search(text) for text in texts)
        known = module.memo["only_checkpoints"] = known and not any(True for item in around for _ in saves(item))
    return known
