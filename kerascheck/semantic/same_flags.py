"""Places of one function that no run reaches both, by what tests around them ask: flags that are bound once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise, product
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic.inside import path_to
from kerascheck.semantic.walk import walk

if TYPE_CHECKING:
    from kerascheck.semantic.module import Module

_MOST_FLAGS = 8
_Test = Callable[[Mapping[object, bool]], bool]


def excluded(module: Module, body: cst.CSTNode, one: cst.CSTNode, other: cst.CSTNode) -> bool:
    """Whether the tests around two places of a body hold together for no values of the flags they ask for.

    `if small or fast: ... load(x)` and `if small: ...` share `small`. A name is a flag where one statement that is in
    no loop binds it, so that both tests see one value; all else that is asked may be anything, each time.
    """
    flags = _bound_once(module, body)
    asked: dict[object, None] = {}
    tests = [*_around(body, one, flags, asked), *_around(body, other, flags, asked)]
    if len(asked) > _MOST_FLAGS:
        return False
    cases = (dict(zip(asked, values)) for values in product((False, True), repeat=len(asked)))
    return not any(all(test(case) for test in tests) for case in cases)


def _around(body: cst.CSTNode, node: cst.CSTNode, flags: set[str], asked: dict[object, None]) -> list[_Test]:
    path = path_to(body, node)
    found: list[_Test] = []
    for outer, inner in pairwise(path):
        if isinstance(outer, cst.If) and inner is not outer.test:
            test = _read(outer.test, flags, asked)
            found.append(test if inner is outer.body else _not(test))
    return found


def _read(test: cst.BaseExpression, flags: set[str], asked: dict[object, None]) -> _Test:
    if isinstance(test, cst.UnaryOperation) and isinstance(test.operator, cst.Not):
        return _not(_read(test.expression, flags, asked))
    if isinstance(test, cst.BooleanOperation):
        left, right = _read(test.left, flags, asked), _read(test.right, flags, asked)
        if isinstance(test.operator, cst.And):
            return lambda case: left(case) and right(case)
        return lambda case: left(case) or right(case)
    name: object = test.value if isinstance(test, cst.Name) and test.value in flags else object()
    asked[name] = None
    return lambda case: case[name]


def _not(test: _Test) -> _Test:
    return lambda case: not test(case)


def _bound_once(module: Module, body: cst.CSTNode) -> set[str]:
    known: dict[cst.CSTNode, set[str]] = module.memo.setdefault("bound once", {})
    if body not in known:
        counts = Counter(_bound(body))
        for node in walk(body):
            if isinstance(node, (cst.For, cst.While)):
                counts.update(_bound(node))
        known[body] = {name for name, count in counts.items() if count == 1}
    return known[body]


def _bound(body: cst.CSTNode) -> list[str]:
    """The names that statements inside of a node bind, delete or declare, each as often as they do."""
    found: list[str] = []
    for node in walk(body):
        targets: Sequence[cst.CSTNode | None] = ()
        if isinstance(node, cst.Assign):
            targets = [item.target for item in node.targets]
        elif isinstance(node, (cst.AnnAssign, cst.AugAssign, cst.NamedExpr, cst.For, cst.CompFor, cst.Del)):
            targets = [node.target]
        elif isinstance(node, (cst.AsName, cst.Param, cst.FunctionDef, cst.ClassDef, cst.MatchAs, cst.MatchStar)):
            targets = [node.name]
        elif isinstance(node, cst.MatchMapping):
            targets = [node.rest]
        elif isinstance(node, (cst.Global, cst.Nonlocal)):
            targets = [item.name for item in node.names] * 2  # others may bind it
        elif isinstance(node, cst.ImportAlias) and node.asname is None:
            targets = [node.name]
        for target in targets:
            found += [name.value for name in walk(target) if isinstance(name, cst.Name)] if target is not None else []
    return found
