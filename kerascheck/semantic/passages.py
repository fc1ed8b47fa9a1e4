"""Where rows go that are mixed or split: to the callers of a function, into attributes, to who imports a file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic.copies import are_copies
from kerascheck.semantic.draws import brings, name_of
from kerascheck.semantic.training import training
from kerascheck.semantic.values import Func
from kerascheck.semantic.written_rows import (
    are_batches,
    are_cut,
    are_given,
    are_written,
    derived_names,
    kept_by_an_object,
    takes_in_turn,
)

if TYPE_CHECKING:
    from kerascheck.semantic.events import CallFact
    from kerascheck.semantic.module import Module

_WORD = re.compile(r"[A-Za-z_]\w*")
# `x, y = split(...)`, `data.split(...)`, `Data(...).split(...)` and `x, y = other(...) if apart else split(...)`
_GIVEN_BY = (
    r"(?m)^[ \t]*([A-Za-z_(][\w, \t()]*?)[ \t]*=[ \t]*"
    r"(?:[\w.]+\([^\n]*\)[ \t]+if\b[^\n]*\belse[ \t]+)?(?:[\w.]+(?:\([^()\n]*\))?\.)?{}\("
)
_CALLED = r"(?m)^[ \t]*(?:\w+\.)*{}\(([^()\n]*)\)"
_KEPT = r"(?m)^[ \t]*((?:self\.\w+[ \t]*,?[ \t]*)+)=(?!=)[^\n]*\b(?:{})\b"
_COMMENTS = re.compile(r"^[ \t]*#[^\n]*$", re.MULTILINE)
_TOP = re.compile(r"\n(?:async def|def|class) ")
_USES = "evaluate|evaluate_generator|fit|fit_generator|predict|train_on_batch"


@dataclass(frozen=True)
class Passage:
    """A file that is given rows, their names there (`data.x`, or `.x` of some object), and the text that follows."""

    home: Module
    names: frozenset[str]
    text: str

    @property
    def is_used_by_a_model(self) -> bool:
        """Whether a model is trained or tried with the rows, or with what is made from them."""
        text = _COMMENTS.sub("", self.text)
        return are_given(text, rf"\.(?:{_USES})\(", derived_names(text, set(self.names)), nested=True)


class Rows:
    """The rows that one draw in a file mixes or splits."""

    def __init__(self, home: Module, call: CallFact) -> None:
        self.home = home
        self.call = call
        line = call.statement
        self._line = line.body[0] if isinstance(line, cst.SimpleStatementLine) else None
        self._function = call.function.node if call.function is not None and home.owns(call.function.node) else None
        self.after = home.source.text[home.span(call.node).end :]
        end = home.span(self._function).end if self._function is not None else len(home.source.text)
        self.rest = home.source.text[home.span(call.node).end : end]  # as far as the names of its function reach
        self.passages: tuple[Passage, ...] = tuple(self._passages())

    @property
    def is_bound(self) -> bool:
        """Whether a name is given to what is drawn: `x = permutation(n)`."""
        return isinstance(self._line, cst.Assign) and self._line.value is self.call.node

    @property
    def is_dropped(self) -> bool:
        """Whether nothing is done with the result: what gives back a mixed copy changes nothing then."""
        return isinstance(self._line, cst.Expr) and self._line.value is self.call.node

    @property
    def names(self) -> set[str]:
        """The names that the result of a draw is bound to."""
        if isinstance(self._line, cst.Assign) and self.is_bound:
            return set(_WORD.findall(self.home.code(self._line.targets[0].target)))
        return set()

    @property
    def mixed(self) -> str:
        """What holds the mixed rows, as it is written: the target of a permutation, or what is shuffled in place."""
        if self.call.name.endswith("permutation"):
            if isinstance(self._line, cst.Assign) and self.is_bound:
                return self.home.code(self._line.targets[0].target)
            return ""
        given = self.call.arguments.positional
        return self.home.code(given[0][0]) if given else ""

    def _passages(self) -> Iterator[Passage]:
        names = self.names | ({self.mixed} if self.mixed.isidentifier() else set())
        derived = derived_names(self.rest, names)
        function = self._function
        if self.call.function is None:
            yield from self._to_importers(derived)
        if not isinstance(function, cst.FunctionDef):
            return
        name = re.escape(function.name.value)
        homes = (self.home, *self.home.users)
        if isinstance(self._line, cst.Return) or self._returns(derived):
            yield from self._to_callers(function, 2)
        parameters = [item.name.value for item in function.params.params]
        if self.mixed in parameters and not self.is_bound:  # `mix(rows)` changes what it is given
            place = parameters.index(self.mixed)
            for home in homes:
                for match in re.finditer(_CALLED.format(name), home.source.text):
                    given = [item.strip() for item in match[1].split(",")]
                    if place < len(given) and given[place].isidentifier():
                        yield Passage(home, frozenset({given[place]}), home.source.text[match.end() :])
        attributes = self._attributes(derived)
        for home in self.home.users if attributes else ():
            yield Passage(home, frozenset(f".{item}" for item in attributes), home.source.text)

    def _to_callers(self, function: cst.FunctionDef, hops: int) -> Iterator[Passage]:
        """What calls a function here, and what calls a function around such a call, which gives the rows on."""
        given_by = _GIVEN_BY.format(re.escape(function.name.value))
        for home in (self.home, *self.home.users):
            text = home.source.text
            for match in re.finditer(given_by, text):
                names = frozenset(_WORD.findall(match[1]))
                yield Passage(home, names, text[match.end() :])
                outer = self._around(match.end()) if hops > 1 and home is self.home else None
                if outer is None or outer is function:
                    continue
                rest = text[match.end() : home.span(outer).end]
                if _gives_back(rest, derived_names(rest, set(names))):
                    yield from self._to_callers(outer, hops - 1)

    def _around(self, place: int) -> cst.FunctionDef | None:
        """The function at the top of this file in which a place in the text is; None in a method."""
        for node in self.home.tree.body:
            if isinstance(node, cst.FunctionDef):
                span = self.home.span(node)
                if span.start <= place < span.end:
                    return node
        return None

    def _to_importers(self, names: set[str]) -> Iterator[Passage]:
        """What the files that import this one call these names."""
        for user in self.home.users if names else ():
            found: set[str] = set()
            for item in user.imports:
                if not brings(item, self.home):
                    continue
                last = item.original.rpartition(".")[2]
                if last == name_of(self.home):
                    found |= {f"{item.bound if item.bound == last else item.original}.{name}" for name in names}
                    found |= {f"{item.bound}.{name}" for name in names}
                elif last == "*":
                    found |= names
                elif last in names:
                    found.add(item.bound)
            if found:
                yield Passage(user, frozenset(found), user.source.text)

    def _attributes(self, names: set[str]) -> set[str]:
        """The attributes of `self` that a method keeps the rows in, and the methods that give them back."""
        call = self.call
        owner = call.function.owner if call.function is not None else None
        if owner is None or not self.home.owns(owner.node):
            return set()
        found = set(re.findall(r"^self\.(\w+)$", self.mixed))
        if names:
            kept = re.findall(_KEPT.format("|".join(map(re.escape, sorted(names)))), self.rest)
            found |= {name for targets in kept for name in re.findall(r"self\.(\w+)", targets)}
        for method in owner.node.body.body if found else ():
            if isinstance(method, cst.FunctionDef) and method is not self._function:
                text = self.home.code(method)
                if re.search(rf"\breturn\b[^\n]*self\.(?:{'|'.join(sorted(found))})\b", text):
                    found.add(method.name.value)
        return found

    def _returns(self, names: set[str]) -> bool:
        """Whether the function of a draw gives back what was drawn."""
        return _gives_back(self.rest, names)

    def is_given_to_model(self, user: Module) -> bool:
        """Whether a script gives a model what it has from here, itself or in a file where it trains one."""
        homes = {id(event.module) for event in training(user)} | {id(user)}
        return any(id(item.home) in homes and item.names and item.is_used_by_a_model for item in self.passages)

    def is_written(self) -> bool:
        """Whether a part of the split is written into a file, so that it can be read again."""
        names = self.names
        if names and (are_written(self.after, names) or kept_by_an_object(self.home, self.rest, names)):
            return True
        return any(
            are_written(item.text, set(item.names)) or kept_by_an_object(item.home, item.text, set(item.names))
            for item in self.passages
        )

    def are_copies(self) -> bool:
        """Whether all that is drawn from are many copies of few rows: each part has them all."""
        given = [node for node, _ in self.call.arguments.positional]
        names = [node.value for node in given if isinstance(node, cst.Name)]
        if not names or len(names) < len(given):
            return False
        start = self.home.span(self._function).start if self._function is not None else 0
        text = self.home.source.text[start : self.home.span(self.call.node).start]
        return all(are_copies(text, name) for name in names)

    def are_cut(self) -> bool:
        """Whether shuffled rows are cut into parts: `x, y = shuffle(x, y)`, then `x[:n]` or a `validation_split`."""
        if not self.is_bound:
            return True
        names = self.names
        if are_cut(self.rest, names):
            return True
        if self.call.function is None or not self._returns(derived_names(self.rest, names)):
            return are_cut(self.after, names)
        return any(are_cut(_TOP.split(item.text)[0], set(item.names)) for item in self.passages)

    def _without_batches(self) -> str:
        """What comes after, without the methods in which the class here gives out its rows one batch after another."""
        owner = self.call.function.owner if self.call.function is not None else None
        if not self.mixed.startswith("self.") or owner is None or not self.home.owns(owner.node):
            return self.after
        getitem = owner.frame.names.get("__getitem__")
        first = getitem.node if isinstance(getitem, Func) else None
        nodes = [first, *owner.node.body.body]
        start, text = self.home.span(self.call.node).end, self.home.source.text
        spans = [self.home.span(node) for node in nodes if node is not None and self._gives_batches(node, first)]
        for begin, end in sorted({(span.start, span.end) for span in spans}, reverse=True):
            text = text[: max(begin, start)] + text[max(end, start) :]
        return text[start:]

    def _gives_batches(self, node: cst.CSTNode, getitem: cst.CSTNode | None) -> bool:
        """Whether a method gives out the rows in batches: where one begins is what it has moved on before."""
        if not isinstance(node, cst.FunctionDef) or not self.home.owns(node):
            return False
        return node is getitem or takes_in_turn(self.home.code(node), self.mixed)

    def are_held_apart(self, program: Module) -> bool:
        """Whether the mixed rows are cut into parts afterwards, here or in a program: `rows[:n]` and `rows[n:]`."""
        mixed = self.mixed
        after = self.rest if mixed.isidentifier() else self._without_batches()
        if mixed and _are_apart(after, mixed, program is self.home):
            return True
        return any(
            _are_apart(_TOP.split(item.text)[0], name, False)
            for item in self.passages
            if item.home is program
            for name in sorted(item.names)
        )


def _gives_back(text: str, names: set[str]) -> bool:
    return bool(names) and re.search(rf"\breturn\b[^\n]*{_any(names)}", text) is not None


def _any(names: set[str]) -> str:
    return rf"\b(?:{'|'.join(map(re.escape, sorted(names)))})\b"


def _are_apart(text: str, name: str, one_is_enough: bool) -> bool:
    """Whether parts of rows are taken. One, `rows[a:b]`, is a batch elsewhere, where whole epochs are not seen."""
    before = r"(?<=\w)" if name.startswith(".") else r"(?<![\w.])"
    found = re.findall(rf"{before}{re.escape(name)}\s*\[([^\]\n]*:[^\]\n]*)", text)
    rows = {part.partition(",")[0].strip() for part in found}  # `rows[:, 1:]` are columns of all of them
    parts = {part for part in rows if ":" in part and part != ":"}
    if len(found) == 1 and parts and are_batches(text, found):
        return False
    # of rows that are only ever cut as `rows[:n]` a sample is taken, and nothing is held out
    return len(parts) > 1 or (one_is_enough and any(not part.startswith(":") for part in parts))
