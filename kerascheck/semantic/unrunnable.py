"""What can never run to its end: classes whose objects cannot be built or called, functions that only raise."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic.classes import ClassInfo
from kerascheck.semantic.config import unbound_among
from kerascheck.semantic.custom_objects import Constructor, kind_of
from kerascheck.semantic.purposes import Path, is_self, paths
from kerascheck.semantic.unset_attributes import always, is_unset
from kerascheck.semantic.values import Func
from kerascheck.semantic.walk import walk

if TYPE_CHECKING:
    from kerascheck.semantic.module import Module

_METHODS = ("__init__", "build", "call")
_GIVEN = (("compute_mask", 3), ("build", 2))  # how many arguments Keras gives to a layer's method
_NOT_ALWAYS = (
    cst.IfExp, cst.BooleanOperation, cst.Lambda, cst.BaseComp, cst.Annotation, cst.Import, cst.ImportFrom,
)  # fmt: skip


def never_runs(owner: ClassInfo) -> bool:
    """Whether making, building or calling an object raises: it reads a name that nothing in the file binds.

    Run on 2.15 and 3.15.1, a layer with such a `build`, `call` or `__init__`: NameError before there is a model. So it
    is, with TypeError (2.15, 3.6.0, 3.15.1), where the `compute_mask` of a layer takes less than it is given; a `build`
    without the shape raises on 2.15 alone. Where the file cannot be imported there is no class.
    """
    if cannot_be_imported(owner.module):
        return True
    if kind_of(owner) == "layer" and any(_takes_too_little(owner, *needs) for needs in _GIVEN):
        return True
    for name in _METHODS:
        function, sure = owner.method(name)
        node = function.node if function is not None and sure else None
        if function is not None and isinstance(node, cst.FunctionDef) and unbound_among(list(_names(node)), function):
            return True
    return False


def cannot_be_imported(module: Module) -> bool:
    """Whether a file always takes something from a module beside it that is not there, in a folder that is no package.

    A `from .parts import x` that stands in no `try`, test or function. The one may be compiled, written by a build or
    not be in git, so that a package may have it; in another folder the import fails as that of a program, too.
    """
    known: bool | None = module.memo.get("cannot be imported")
    if known is None:
        known = module.memo["cannot be imported"] = _lacks_a_neighbour(module)
    return known


def _lacks_a_neighbour(module: Module) -> bool:
    project = module.project
    if project is None or module.path.endswith(".ipynb") or "from ." not in module.source.text:
        return False
    if project.find(module.path, ".__init__")[0] is not None:
        return False
    for item in module.tree.body:
        for line in item.body if isinstance(item, cst.SimpleStatementLine) else ():
            if isinstance(line, cst.ImportFrom) and len(line.relative) == 1 and line.module is not None:
                name = "." + module.code(line.module)
                parts = line.names if not isinstance(line.names, cst.ImportStar) else ()
                inside = (f"{name}.{module.code(part.name)}" for part in parts)  # of a folder without `__init__.py`
                if all(project.find(module.path, dotted)[0] is None for dotted in (name, *inside)):
                    return True
    return False


def is_never_in_a_graph(owner: ClassInfo) -> bool:
    """Whether no model has an object of a layer: its own `__call__`, which takes several inputs, makes no node for it.

    Run on 2.15 and 3.15.1: the graph has the layers that it calls, and files load without the class. A `Sequential` has
    what it is given, but gives a layer one input.
    """
    function, sure = owner.method("__call__")
    node = function.node if function is not None and sure else None
    if kind_of(owner) != "layer" or not isinstance(node, cst.FunctionDef) or len(node.params.params) < 2:
        return False
    if any(isinstance(item, cst.Name) and item.value == "super" for item in walk(node.body)):
        return False
    if any(isinstance(item, cst.Attribute) and item.attr.value == "__call__" for item in walk(node.body)):
        return False
    inputs = node.params.params[1].name.value
    return any(
        isinstance(item, cst.Assign)
        and isinstance(item.value, cst.Name)
        and item.value.value == inputs
        and isinstance(item.targets[0].target, cst.Tuple)
        and len(item.targets[0].target.elements) > 1
        for item in always(node.body)
    )


def ends_unwritten(function: Func | None, call: cst.CSTNode) -> bool:
    """Whether a function only prints behind a call of its body, and then raises NotImplementedError: it is a stub."""
    node = function.node if function is not None else None
    lines = node.body.body if isinstance(node, cst.FunctionDef) else ()
    place = next((index for index, line in enumerate(lines) if any(item is call for item in walk(line))), None)
    behind = [
        item for line in lines[place:] for item in (line.body if isinstance(line, cst.SimpleStatementLine) else [line])
    ]
    if place is None or not isinstance(last := behind[-1], cst.Raise):
        return False
    name = last.exc.func if isinstance(last.exc, cst.Call) else last.exc
    if not isinstance(name, cst.Name) or name.value != "NotImplementedError":
        return False
    return isinstance(lines[place], cst.SimpleStatementLine) and all(_prints(item) for item in behind[1:-1])


def _prints(statement: cst.CSTNode) -> bool:
    value = statement.value if isinstance(statement, cst.Expr) else None
    named = isinstance(value, cst.Call) and isinstance(value.func, cst.Name) and value.func.value == "print"
    return named or isinstance(value, cst.BaseString)


def _takes_too_little(owner: ClassInfo, name: str, count: int) -> bool:
    """Whether a method takes fewer arguments by their place, `self` among them, than Keras gives to it."""
    function, sure = owner.method(name)
    if function is None or not sure or not isinstance(function.node, cst.FunctionDef) or function.decorators:
        return False
    if name == "build" and not owner.module.target.keras2:
        return False
    taken = function.node.params
    return not isinstance(taken.star_arg, cst.Param) and len([*taken.posonly_params, *taken.params]) < count


def _names(function: cst.FunctionDef) -> Iterator[cst.Name]:
    """The names that a function reads whenever it is called."""
    for statement in function.body.body:
        if not isinstance(statement, cst.SimpleStatementLine):
            return  # what comes after it may not be reached
        for path in paths(statement):
            if isinstance(path[-1], cst.Name) and not any(isinstance(node, _NOT_ALWAYS) for node in path):
                yield path[-1]


def fails_when_given(owner: ClassInfo, made: Constructor, name: str) -> bool:
    """Whether building or calling an object raises as soon as an argument is given, None being its default.

    All that reads its attribute is tests of it, and what stands behind them, of which one always reads an attribute
    that nothing sets: `if self.penalty is not None: self.add_loss(self.penalty(self.w))`.
    Run on 2.15 and 3.15.1: AttributeError.
    """
    held = made.held.get(name)
    default = next((item.node.default for item in made.parameters if item.name == name), None)
    if held is None or not isinstance(default, cst.Name) or default.value not in {"None", "False"}:
        return False
    failing = False
    for item in owner.lineage():
        for path in paths(item.node.body) if isinstance(item, ClassInfo) else ():
            last = path[-1]
            if not (isinstance(last, cst.Attribute) and last.attr.value == held.attribute and is_self(last.value)):
                continue
            if isinstance(path[-2], cst.AssignTarget):
                continue
            test = next((node for node in path if isinstance(node, cst.If) and _asks(node.test, held.attribute)), None)
            if test is None:
                return False
            failing = failing or (_is_reached(path, test) and _is_failing(owner, test))
    return failing


def _asks(test: cst.BaseExpression, attribute: str) -> bool:
    """Whether a test is `self.x`, `self.x is not None` or `self.x is True`."""
    if isinstance(test, cst.Comparison) and len(test.comparisons) == 1:
        only = test.comparisons[0]
        wanted = {cst.IsNot: "None", cst.NotEqual: "None", cst.Is: "True"}.get(type(only.operator))
        if not isinstance(only.comparator, cst.Name) or only.comparator.value != wanted:
            return False
        test = test.left
    return isinstance(test, cst.Attribute) and test.attr.value == attribute and is_self(test.value)


def _is_reached(path: Path, test: cst.If) -> bool:
    """Whether a test stands in the body of `build` or `call`, and nothing in front of it returns."""
    function = next((node for node in path if isinstance(node, cst.FunctionDef)), None)
    if function is None or function.name.value not in _METHODS or test not in function.body.body or test.orelse:
        return False
    before = takewhile(lambda item: item is not test, function.body.body)
    return not any(isinstance(node, cst.Return) for item in before for node in walk(item))


def _is_failing(owner: ClassInfo, test: cst.If) -> bool:
    read = [node for node in always(test.body) if isinstance(node, cst.Attribute) and is_self(node.value)]
    return is_unset(owner, [node.attr.value for node in read])
