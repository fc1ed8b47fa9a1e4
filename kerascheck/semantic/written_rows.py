"""Rows of data that an object of the project writes into a file: `Dataset(x_test, y_test).save("test.bin")`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic.values import Class, Func

if TYPE_CHECKING:
    from kerascheck.semantic.module import Module

_WORD = re.compile(r"[A-Za-z_]\w*$")


def kept_by_an_object(home: Module, text: str, names: set[str], depth: int = 2) -> bool:
    """Whether code of a file puts rows of these names into an object of the project and saves that.

    Its class stands in a file without Keras, so that it is no model. The rows may be handed to a function first.
    """
    if not names or not depth:
        return False
    rows = "|".join(map(re.escape, sorted(names)))
    for name, maker in re.findall(rf"(?m)^[ \t]*(\w+)[ \t]*=[ \t]*(\w+)\([^\n]*\b(?:{rows})\b", text):
        made = home.exported(maker)
        if isinstance(made, Class) and not made.info.module.uses_keras and f"{name}.save(" in text:
            return True
    for called, given in re.findall(rf"(?m)^[ \t]*(\w+)\(([^\n]*\b(?:{rows})\b[^\n]*)", text):
        function = home.exported(called)
        if not isinstance(function, Func) or not isinstance(function.node, cst.FunctionDef):
            continue
        parameters = [item.name.value for item in function.node.params.params]
        words = [word.strip(" \t)") for word in given.split(",")]
        inside = {parameter for parameter, word in zip(parameters, words) if word in names and _WORD.match(word)}
        body = function.module.code(function.node.body)
        if kept_by_an_object(function.module, body, inside, depth - 1):
            return True
    return False
