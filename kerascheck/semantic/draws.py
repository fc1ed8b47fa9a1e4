"""Draws that mix or split rows, as a program makes them, and whether a seed says what they give."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic.training import is_none, is_seeded_in_function, seeds

if TYPE_CHECKING:
    from kerascheck.semantic.events import CallFact, ImportFact
    from kerascheck.semantic.module import Module

SPLITS = frozenset({"sklearn.model_selection.train_test_split", "sklearn.cross_validation.train_test_split"})
SHUFFLES = frozenset({"sklearn.utils.shuffle"})
MIXES = frozenset({"numpy.random.permutation", "numpy.random.shuffle", "random.shuffle"})
OF_A_GENERATOR = frozenset({"#generator.permutation", "#generator.shuffle"})
_MIXED_BY = re.compile(r"\.(?:permutation|shuffle)\(")
_DRAWS = SPLITS | SHUFFLES | MIXES


def draws(program: Module, home: Module) -> list[CallFact]:
    """The draws that stand in one file, as a program makes them.

    They are of the generators that all share, or of one that is surely made without a seed. In a branch that the
    arguments leave out nothing is drawn.
    """
    found, seeded = [], set()
    for call in program.calls:
        if call.module is not home or call.untaken:
            continue
        if call.name in _DRAWS or (call.name in OF_A_GENERATOR and _is_unseeded(call)):
            found.append(call)
        elif call.name in OF_A_GENERATOR:
            seeded.add((call.node, call.order))  # it may be one or another generator
    return [call for call in found if (call.node, call.order) not in seeded]


def may_draw_when_called(home: Module) -> bool:
    """Whether functions of a file mix rows with something that only their callers make."""
    return _MIXED_BY.search(home.source.text) is not None


def draws_at_import(home: Module) -> list[CallFact]:
    """The draws of a file that are made when it is imported."""
    guards = [home.span(line) for line in home.tree.body if isinstance(line, cst.If) and "__name__" in home.code(line)]
    return [
        call
        for call in draws(home, home)
        if call.function is None and not any(span.start <= home.span(call.node).start < span.end for span in guards)
    ]


def is_seeded(program: Module, home: Module, call: CallFact) -> bool:
    """Whether the generator that a draw of a file is of may be seeded before it in a program."""
    if is_own(call):
        return False
    kinds = {"python" if call.name == "random.shuffle" else "numpy", "all"}
    if call.function is None and program is not home:
        return _is_seeded_at_import(program, home, call, kinds)
    inside = call.function is not None
    if is_seeded_in_function(program, call, kinds):
        return True
    alone = program is home
    homes = [program, *(home.users_with("seed") if inside and alone else ())]
    for other in homes:
        for seed in seeds(other):
            if seed.kind not in kinds:
                continue
            if other is not program or seed.imported or seed.call.order < call.order:
                return True
            if seed.call.function is not call.function and (seed.call.standalone or call.standalone):
                return True  # which of the two functions runs first is not known
    return False


def is_own(call: CallFact) -> bool:
    """Whether a draw is of a generator of its own, which no global seed reaches."""
    # scikit-learn 1.9: `check_random_state(None)` is NumPy's global one
    return call.receiver is not None and call.receiver.ref != "sklearn.utils.check_random_state"


def _is_unseeded(call: CallFact) -> bool:
    """Whether the generator of a draw is surely made without a seed."""
    if call.receiver is None:
        return False
    given = call.receiver.arguments
    return not given.open_positional and not given.open_keywords and all(is_none(value) for value in given.values())


def _is_seeded_at_import(program: Module, home: Module, call: CallFact, kinds: set[str]) -> bool:
    """Whether something may seed before the import of a file by a program reaches a draw there."""
    if is_seeded_in_function(home, call, kinds):
        return True
    if any(True for user in program.users_with("seed") for seed in seeds(user) if seed.kind in kinds):
        return True  # it may seed in front of its import of the program
    starts = [program.span(item.node).start for item in program.imports if brings(item, home)]
    for seed in seeds(program):
        if seed.kind not in kinds or seed.call.module is home:
            continue
        site = seed.call.site
        if seed.imported or not starts or not program.owns(site) or program.span(site).start < min(starts):
            return True
    return False


def brings(item: ImportFact, home: Module) -> bool:
    """Whether an import brings a file of the project or something of it, by the file's name."""
    return name_of(home) in item.original.split(".")


def name_of(home: Module) -> str:
    """The name of a file as imports write it."""
    path = PurePosixPath(home.path.replace("\\", "/"))
    return path.parent.name if path.stem == "__init__" else path.stem
