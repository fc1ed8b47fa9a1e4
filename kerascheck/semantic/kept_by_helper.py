"""Orders that a function makes which is only called where a file is missing that else gives them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic.file_names import Name, Scope, last_name, whole
from kerascheck.semantic.walk import walk

if TYPE_CHECKING:
    from kerascheck.semantic.module import Module

_EXISTS = frozenset({"isfile", "exists", "is_file"})
_LOADS = frozenset({"load", "open", "read_text", "read_bytes", "read_csv", "read_pickle", "loadtxt"})
_DUMPS = frozenset({"dump", "save", "write", "writelines", "write_text"})
_CHANGES = frozenset({"append", "extend", "update", "add", "insert", "setdefault"})


def is_kept_by_the_caller(module: Module, place: cst.CSTNode) -> bool:
    """Whether the function around a place is called once, where a file is missing, and the order is written to it.

    `if isfile(path): words = load(path) else: words = make_words(texts, path)`: the branches bind the same names, and
    each file that the function, or the branch, writes the order to is read by the other branch.
    """
    function, owner = _function_around(module, place)
    if function is None:
        return False
    found = _only_call(module, function)
    if found is None:
        return False
    call, home = found
    caller, caller_owner = _function_around(home, call)
    scope = Scope(home, caller, caller_owner) if caller is not None else whole(home)
    helper = scope.called(call, function, module, owner)
    tainted = _tainted(module, function.body, place)
    for test, branch, other in _branches(home, call):
        tested = list(_tested(scope, test))
        bound = _bound(home, branch, call)
        if not tested or None in tested or bound is None:
            continue
        bound |= {name for name in tainted if name.startswith("self.")}
        orders = {*_written(helper, function.body, tainted, place), *_written(scope, branch, bound, call)}
        written = {*_written(helper, function.body), *_written(scope, branch)}
        if orders and None not in orders and written.issuperset(tested) and orders.issubset(_read(scope, other)):
            return _binds(home, other, bound)
    return False


def _function_around(module: Module, node: cst.CSTNode) -> tuple[cst.FunctionDef | None, cst.ClassDef | None]:
    """The function of a module or a method that a node is in, and the class; not a function in a function."""
    unit = module.index.unit(node)
    while unit is not None and not isinstance(unit.statement, cst.FunctionDef):
        unit = unit.outer
    if unit is None or not isinstance(unit.statement, cst.FunctionDef):
        return None, None
    if unit.outer is None:
        return unit.statement, None
    owner = unit.outer.statement
    if isinstance(owner, cst.ClassDef) and unit.outer.outer is None and not unit.statement.decorators:
        return unit.statement, owner
    return None, None


def _only_call(module: Module, function: cst.FunctionDef) -> tuple[cst.Call, Module] | None:
    """The call of a function in the project, where there is one and nothing else names it."""
    name = function.name.value
    if name.startswith("__"):
        return None
    word = re.compile(rf"\b{name}\b")
    homes = [module]
    if module.project is not None:
        texts = [text for text in module.project.texts_with(module.path, name) if word.search(text)]
        if texts:
            homes += [user for user in module.users if word.search(user.source.text)]
            if any(all(text != home.source.text for home in homes) for text in texts):
                return None
    mentions, calls = 0, []
    for home in homes:
        imported = {id(item) for node in home.index.nodes(cst.ImportFrom) for item in walk(node)}
        names = [node for node in home.index.nodes(cst.Name) if node.value == name and id(node) not in imported]
        mentions += sum(node is not function.name for node in names)
        calls += [(node, home) for node in home.index.nodes(cst.Call) if last_name(node.func) == name]
    return calls[0] if len(calls) == 1 and mentions == 1 else None


def _branches(module: Module, call: cst.Call) -> Iterator[tuple[cst.BaseExpression, cst.CSTNode, cst.CSTNode]]:
    """The tests with two branches around a call: the test, the branch with the call, the other."""
    unit = module.index.unit(call)
    while unit is not None and not isinstance(unit.statement, cst.FunctionDef):
        node = unit.statement
        if isinstance(node, cst.If) and isinstance(node.orelse, cst.Else):
            for branch, other in ((node.body, node.orelse.body), (node.orelse.body, node.body)):
                if any(item is call for item in walk(branch)):
                    yield node.test, branch, other
        unit = unit.outer


def _tested(scope: Scope, test: cst.BaseExpression) -> Iterator[Name | None]:
    """The files that a test looks for; None for anything else that it asks."""
    if isinstance(test, cst.UnaryOperation) and isinstance(test.operator, cst.Not):
        yield from _tested(scope, test.expression)
    elif isinstance(test, cst.BooleanOperation):
        yield from _tested(scope, test.left)
        yield from _tested(scope, test.right)
    elif isinstance(test, cst.Call) and last_name(test.func) in _EXISTS:
        yield scope.name_of(test.args[0].value if test.args else _receiver(test))
    else:
        yield None


def _receiver(call: cst.Call) -> cst.BaseExpression | None:
    return call.func.value if isinstance(call.func, cst.Attribute) else None


def _bound(module: Module, branch: cst.CSTNode, call: cst.Call) -> set[str] | None:
    """The names that are bound to what a call gives; None where it goes elsewhere. Nothing for a call by itself."""
    for node in walk(branch):
        if isinstance(node, cst.Expr) and node.value is call:
            return set()
        if isinstance(node, cst.Assign) and node.value is call and len(node.targets) == 1:
            return set(_names(module, node.targets[0].target))
        if isinstance(node, cst.Return) and node.value is call:
            return {"return"}
    return None


def _names(module: Module, target: cst.BaseExpression) -> Iterator[str]:
    if isinstance(target, (cst.Tuple, cst.List)):
        for item in target.elements:
            yield from _names(module, item.value)
    elif isinstance(target, cst.Subscript):
        yield from _names(module, target.value)
    elif isinstance(target, (cst.Name, cst.Attribute)):
        yield module.code(target)


def _binds(module: Module, branch: cst.CSTNode, wanted: set[str]) -> bool:
    targets = [node.target for node in walk(branch) if isinstance(node, cst.AssignTarget)]
    found = {name for target in targets for name in _names(module, target)}
    if any(isinstance(node, cst.Return) for node in walk(branch)):
        found.add("return")
    return bool(wanted) and wanted <= found


def _tainted(module: Module, body: cst.CSTNode, place: cst.CSTNode) -> set[str]:
    """The names and attributes of a function that are made from what stands at a place."""
    found: set[str] = set()
    before = -1
    while len(found) > before:
        before = len(found)
        for node in walk(body):
            if isinstance(node, (cst.Assign, cst.AugAssign)) and _uses(module, node, found, place):
                targets = [item.target for item in node.targets] if isinstance(node, cst.Assign) else [node.target]
                found.update(name for target in targets for name in _names(module, target))
            elif isinstance(node, cst.For) and _uses(module, node.iter, found, place):
                found.update(_names(module, node.target))
            elif isinstance(node, cst.Call) and last_name(node.func) in _CHANGES:
                receiver = _receiver(node)
                if receiver is not None and any(_uses(module, item.value, found, place) for item in node.args):
                    found.update(_names(module, receiver))
    return found


def _uses(module: Module, node: cst.CSTNode, names: set[str], place: cst.CSTNode | None) -> bool:
    return any(
        item is place or (isinstance(item, (cst.Name, cst.Attribute)) and module.code(item) in names)
        for item in walk(node)
    )


def _opened(scope: Scope, body: cst.CSTNode, writes: bool) -> dict[str, Name | None]:
    """The files by the names of their handles: `with open(path) as file`, `file = open(path)`."""
    found: dict[str, Name | None] = {}
    for node in walk(body):
        made: cst.BaseExpression | None = None
        target: cst.BaseExpression | None = None
        if isinstance(node, cst.WithItem) and node.asname is not None:
            made, target = node.item, node.asname.name
        elif isinstance(node, cst.Assign) and len(node.targets) == 1:
            made, target = node.value, node.targets[0].target
        if isinstance(target, cst.Name) and isinstance(made, cst.Call):
            known, name = _open(scope, made, writes)
            if known:
                found[target.value] = None if target.value in found else name
    return found


def _open(scope: Scope, call: cst.BaseExpression, writes: bool) -> tuple[bool, Name | None]:
    """Whether a call opens a file for this, and the name of the file."""
    if not isinstance(call, cst.Call) or last_name(call.func) != "open":
        return False, None
    receiver = _receiver(call)
    whole_path = receiver is not None and last_name(receiver) not in {"io", "codecs", "gzip", "gfile", "bz2"}
    given = [item.value for item in call.args if item.keyword is None]
    named = {item.keyword.value: item.value for item in call.args if item.keyword is not None}
    if whole_path:
        given = [receiver, *given] if receiver is not None else given
    mode = given[1] if len(given) > 1 else named.get("mode")
    text = "r" if mode is None else mode.evaluated_value if isinstance(mode, cst.SimpleString) else ""
    if not given or not any(letter in text for letter in ("wx" if writes else "r")):
        return False, None
    return True, scope.name_of(given[0])


def _written(
    scope: Scope, body: cst.CSTNode, tainted: set[str] | None = None, place: cst.CSTNode | None = None
) -> Iterator[Name | None]:
    """The files that code writes to, or only those with what is made from an order; None for an unknown name."""
    handles = _opened(scope, body, True)
    for node in walk(body):
        if not isinstance(node, cst.Call) or last_name(node.func) not in _DUMPS:
            continue
        if tainted is not None and not any(_uses(scope.module, item.value, tainted, place) for item in node.args):
            continue
        kind, receiver = last_name(node.func), _receiver(node)
        given = [item.value for item in node.args if item.keyword is None]
        if kind in {"write", "writelines"}:
            yield handles.get(receiver.value) if isinstance(receiver, cst.Name) else None
        elif kind == "write_text":
            yield scope.name_of(receiver)
        elif kind == "save":
            name = scope.name_of(given[0]) if len(given) > 1 else None
            last = name[-1] if name is not None else None  # numpy puts `.npy` behind other names
            yield name if isinstance(last, str) and last.endswith(".npy") else None
        elif len(given) > 1:
            target = given[1]
            if isinstance(target, cst.Name) and target.value in handles:
                yield handles[target.value]
            elif isinstance(target, cst.Call) and last_name(target.func) == "open":
                yield _open(scope, target, True)[1]
            else:
                yield scope.name_of(target) if isinstance(receiver, cst.Name) and receiver.value == "joblib" else None


def _read(scope: Scope, body: cst.CSTNode, deep: bool = True) -> Iterator[Name]:
    """The files that code reads, itself or in a function of the same file that it calls."""
    functions = {item.name.value: item for item in scope.module.tree.body if isinstance(item, cst.FunctionDef)}
    for node in walk(body):
        if not isinstance(node, cst.Call):
            continue
        kind = last_name(node.func)
        if kind == "open":
            name = _open(scope, node, False)[1]
        elif kind in _LOADS:
            name = scope.name_of(node.args[0].value if node.args else _receiver(node))
        elif deep and isinstance(node.func, cst.Name) and kind in functions:
            inner = functions[kind]
            yield from _read(scope.called(node, inner, scope.module, None), inner.body, deep=False)
            continue
        else:
            continue
        if name is not None:
            yield name
