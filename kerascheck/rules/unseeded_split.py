"""KC405: data are split at random without a seed in a script that saves or loads a model."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.finding import Claim, Severity
from kerascheck.patch import insert_argument
from kerascheck.rule import RelatedNode, Rule, unsafe_fix
from kerascheck.semantic.copies import are_copies
from kerascheck.semantic.events import CallFact, Event
from kerascheck.semantic.storage import is_temporary, path_key
from kerascheck.semantic.training import is_none, is_seeded_in_function, models_of, seeds, training
from kerascheck.semantic.values import Arguments, Const, Obj
from kerascheck.semantic.written_rows import INSIDE_A_CALL, are_cut, are_written, derived_names, kept_by_an_object

if TYPE_CHECKING:
    from kerascheck.semantic.module import Module

_SPLITS = frozenset({"sklearn.model_selection.train_test_split", "sklearn.cross_validation.train_test_split"})
_SHUFFLES = frozenset({"sklearn.utils.shuffle"})
_IN_PLACE = frozenset({"numpy.random.permutation", "numpy.random.shuffle", "random.shuffle"})
_GENERATORS = frozenset({"numpy.random.default_rng", "numpy.random.RandomState"})
_DRAWS = _SPLITS | _SHUFFLES | _IN_PLACE
_WORD = re.compile(r"[A-Za-z_]\w*")
# `x, y = split(...)` and `x, y = data.split(...)`
_GIVEN_BY = r"(?m)^[ \t]*([A-Za-z_(][\w, \t()]*?)[ \t]*=[ \t]*(?:\w+\.)*{}\("
_TOP = re.compile(r"\n(?:async def|def|class) ")
_SAVES = frozenset({"save", "save_weights"})
_FILES = _SAVES | {"load_weights"}
_USES = frozenset({"fit", "fit_generator", "train_on_batch", "evaluate", "evaluate_generator", "predict"})
_SAVE_CALLS = frozenset({"keras.models.save_model", "keras.callbacks.ModelCheckpoint"})
_LOAD_CALLS = frozenset({"keras.models.load_model", "keras.models.model_from_json", "keras.models.model_from_yaml"})
# packages whose objects have a `save` and are no models
_NO_MODELS = frozenset({"PIL", "docx", "matplotlib", "numpy", "openpyxl", "pandas", "plotly"})
_KEEPING = ("save", "load_weights", "load_model", "model_from", "ModelCheckpoint")  # words of the scripts
_CALLED_BY_FIT = frozenset({"__getitem__", "on_epoch_begin", "on_epoch_end"})


@dataclass(frozen=True)
class Kept:
    """Why it matters which rows were held out: the message, and the place where a model is written or read."""

    message: str
    module: Module
    node: cst.CSTNode
    word: str


def _is_unseeded(made: CallFact) -> bool:
    """Whether a generator is surely made without a seed."""
    given = made.arguments
    return not given.open_positional and not given.open_keywords and all(is_none(value) for value in given.values())


class UnseededSplit(Rule):
    code = "KC405"
    severity = Severity.WARNING
    claim = Claim.RUNS_DIFFER
    depends_on_order = True
    words = (("train_test_split", "shuffle", "permutation"),)
    around = (("save", "load_weights", "load_model", "model_from", "modelcheckpoint"),)
    message = "`{function}` draws another split in every run: nothing tells which rows a saved model was trained on"
    loaded = "`{function}` draws another split in every run: the loaded model was trained on rows held out here"

    def check(self) -> None:
        module = self.module
        self.own: set[cst.CSTNode] = set()
        self.reported: set[cst.CSTNode] = set()
        drawn = self._drawn(module)
        if not drawn:
            return
        kept = self._kept(module) if module.uses_keras else None
        if kept is not None:
            self._check_program(module, drawn, kept)
            return
        # a function that splits is judged by the scripts that call it
        inside = {call.node for call in drawn if call.function is not None}
        for user in module.users_with(*_KEEPING) if inside and not module.is_test else ():
            drawn = [call for call in self._drawn(user) if call.node in inside]
            theirs = [call for call in drawn if self._is_given_to_model(call, user)]
            kept = self._kept(user) if theirs and user.uses_keras and not user.is_test else None
            if kept is not None:
                self._check_program(user, theirs, kept)
            inside -= self.reported
            if not inside:
                return

    def _drawn(self, program: Module) -> list[CallFact]:
        """The draws of this module in a program; those of a generator made without a seed as if they were NumPy's."""
        found = []
        for call in program.calls:
            if call.module is not self.module:
                continue
            if call.name in _DRAWS:
                found.append(call)
            elif call.name in _GENERATORS and _is_unseeded(call):
                own = list(self._of_generator(call))
                self.own |= {item.node for item in own}
                found += own
        return found

    def _of_generator(self, made: CallFact) -> Iterator[CallFact]:
        """The permutations and shuffles of a generator below the line that makes it, in the same block."""
        function = made.function.node if made.function is not None else None
        body = function.body if isinstance(function, cst.FunctionDef) else self.module.tree
        lines = list(body.body) if isinstance(body, (cst.IndentedBlock, cst.Module)) else []
        first = made.statement
        if not isinstance(first, cst.SimpleStatementLine) or first not in lines:
            return
        making = first.body[0]
        if not isinstance(making, cst.Assign) or making.value is not made.node:
            return
        names = [self.module.code(target.target) for target in making.targets]
        for line in lines[lines.index(first) + 1 :]:
            small = line.body[0] if isinstance(line, cst.SimpleStatementLine) else None
            value = small.value if isinstance(small, (cst.Assign, cst.Expr, cst.Return)) else None
            if isinstance(small, cst.Assign) and {self.module.code(item.target) for item in small.targets} & set(names):
                return  # another generator
            if not isinstance(value, cst.Call) or not isinstance(value.func, cst.Attribute):
                continue
            if self.module.code(value.func.value) in names and value.func.attr.value in {"permutation", "shuffle"}:
                given = Arguments(tuple((item.value, None) for item in value.args if item.keyword is None))
                yield CallFact(
                    f"numpy.random.{value.func.attr.value}",
                    made.original,
                    value,
                    given,
                    line,
                    made.order,
                    made.function,
                    made.module,
                    made.loop,
                    made.standalone,
                    made.guarded,
                    made.site,
                )

    def _check_program(self, program: Module, drawn: list[CallFact], kept: Kept) -> None:
        """Check draws of this module in a program, this module or one that calls them."""
        module = self.module
        self.program = program
        self.repeated = {call.node for call in drawn if call.loop}
        there = [RelatedNode(kept.module, kept.node, kept.word)] if program is not module else []
        for call in drawn:
            if call.node in self.reported or self._for_a_batch(call) or self._is_seeded(call) or self._is_written(call):
                continue
            if self._of_copies(call):
                continue
            if call.name in _SPLITS or call.name in _SHUFFLES:
                if not self._has_state(call) and (call.name in _SPLITS or self._cuts(call)):
                    fix = unsafe_fix("give `random_state`", [insert_argument(module, call.node, "random_state=42")])
                    open_call = call.arguments.find("random_state") is not None
                    short = call.name.rpartition(".")[2]
                    self.report(
                        call.node,
                        message=kept.message,
                        fix=None if open_call else fix,
                        related=there,
                        function=short,
                    )
                    self.reported.add(call.node)
            elif call.name in _IN_PLACE and self._sliced(call):
                name = self.module.code(call.node.func) if call.node in self.own else call.name
                claim = Claim.NONE if call.node in self.own else self.claim  # the experiment draws from the global one
                self.report(call.node, message=kept.message, claim=claim, related=there, function=name)
                self.reported.add(call.node)

    def _is_given_to_model(self, call: CallFact, user: Module) -> bool:
        """Whether a script gives a model what it has from a function that splits."""
        for home, given, rest in self._given(call, self._names(call)):
            if home is user and given:
                parts = "|".join(map(re.escape, sorted(derived_names(rest, given))))
                if re.search(rf"\.(?:{'|'.join(sorted(_USES))})\({INSIDE_A_CALL}\b(?:{parts})\b", rest):
                    return True
        return False

    def _is_seeded(self, call: CallFact) -> bool:
        """Whether the generator that a call draws from is seeded before it, here or in a file that imports this one."""
        if call.node in self.own:
            return False  # no global seed reaches a generator of its own
        kinds = {"python" if call.name == "random.shuffle" else "numpy", "all"}
        inside = call.function is not None
        if is_seeded_in_function(self.program, call, kinds):
            return True
        alone = self.program is self.module
        homes = [self.program, *(self.module.users_with("seed") if inside and alone else ())]
        for home in homes:
            for seed in seeds(home):
                if seed.kind not in kinds:
                    continue
                if home is not self.program or seed.imported or seed.call.order < call.order:
                    return True
                if seed.call.function is not call.function and (seed.call.standalone or call.standalone):
                    return True  # which of the two functions runs first is not known
        return False

    def _kept(self, program: Module) -> Kept | None:
        """What the files of a script mean for its split; None when no model outlives the run."""
        files = [event for event in program.events if event.name in _FILES and not self._foreign(event)]
        files = [event for event in files if not is_temporary(event.module, event.arguments)]
        fits = [event.order for event in training(program) if not event.standalone]
        written: set[tuple[str, str]] = set()
        for event in files:
            if event.name in _SAVES:
                # a file of first weights, written in front of all training
                if event.standalone or not fits or event.order > min(fits):
                    return Kept(self.message, event.module, event.node, "saved here")
                written |= {key for key in [path_key(event.arguments.value("filepath", 0))] if key is not None}
        for call in program.calls:
            if call.name in _SAVE_CALLS and not is_temporary(call.module, call.arguments):
                return Kept(self.message, call.module, call.node, "saved here")
        for event in files:
            if event.name == "load_weights" and path_key(event.arguments.value("filepath", 0)) not in written:
                return Kept(self.loaded, event.module, event.node, "loaded here")
        for call in program.calls:
            if (
                call.name in _LOAD_CALLS
                and not is_temporary(call.module, call.arguments)
                and self._is_used(program, call)
            ):
                return Kept(self.loaded, call.module, call.node, "loaded here")
        return None

    def _is_used(self, program: Module, load: CallFact) -> bool:
        """Whether rows may be given to a loaded model; a script may train another, and only look into this one."""
        events = [event for event in program.events if event.name in _USES]
        if all(event.standalone or event.name != "fit" for event in events):
            return True
        used = [models_of(event) for event in events]
        return any(not models or any(model.call is load.node for model in models) for models in used)

    def _for_a_batch(self, call: CallFact) -> bool:
        """Whether rows are shuffled for each batch or epoch, in a loop or in what `fit` calls for them.

        A function that is called in a loop, too, shuffles no other rows in its other calls. Where a model is fitted
        behind the split, as in a search over hyper-parameters, the split is that of a whole training.
        """
        if call.name in _SPLITS and any(
            event.name == "fit" and event.function is call.function and event.order > call.order
            for event in training(self.program)
        ):
            return False
        function = call.function.node if call.function is not None else None
        by_fit = isinstance(function, cst.FunctionDef) and function.name.value in _CALLED_BY_FIT
        return by_fit or call.node in self.repeated

    def _foreign(self, event: Event) -> bool:
        """Whether it is surely not a model that is saved: an image, a figure."""
        receiver = event.receiver
        if not isinstance(receiver, Obj):
            return False
        return receiver.ref.partition(".")[0] in _NO_MODELS or receiver.ref.endswith("train.Saver")

    def _has_state(self, call: CallFact) -> bool:
        if call.arguments.open_keywords:
            return True
        shuffle = call.arguments.value("shuffle")
        if isinstance(shuffle, Const) and shuffle.value is False:
            return True
        state = call.arguments.find("random_state")
        return state is not None and not is_none(state[1])

    def _is_written(self, call: CallFact) -> bool:
        """Whether a part of the split is written into a file, so that it can be read again."""
        names = self._names(call)
        if names:
            rest = self.module.source.text[self.module.span(call.node).end :]
            if are_written(rest, names) or kept_by_an_object(self.module, self._rest(call), names):
                return True
        return any(
            are_written(rest, given) or kept_by_an_object(home, rest, given)
            for home, given, rest in self._given(call, names)
        )

    def _of_copies(self, call: CallFact) -> bool:
        """Whether all that is drawn from are many copies of few rows: each part has them all."""
        given = [node for node, _ in call.arguments.positional]
        names = [node.value for node in given if isinstance(node, cst.Name)]
        if not names or len(names) < len(given):
            return False
        function = call.function.node if call.function is not None else None
        start = self.module.span(function).start if function is not None and self.module.owns(function) else 0
        text = self.module.source.text[start : self.module.span(call.node).start]
        return all(are_copies(text, name) for name in names)

    def _names(self, call: CallFact) -> set[str]:
        """The names that the result of a draw is bound to."""
        line = call.statement
        small = line.body[0] if isinstance(line, cst.SimpleStatementLine) else None
        if isinstance(small, cst.Assign) and small.value is call.node:
            return set(_WORD.findall(self.module.code(small.targets[0].target)))
        return set()

    def _given(self, call: CallFact, names: set[str]) -> Iterator[tuple[Module, set[str], str]]:
        """Where callers of a function that gives back its draw bind it: the file, the names, and what follows."""
        line = call.statement
        small = line.body[0] if isinstance(line, cst.SimpleStatementLine) else None
        returned = isinstance(small, cst.Return) or self._returns(call, derived_names(self._rest(call), names))
        function = call.function.node if call.function is not None and returned else None
        if not isinstance(function, cst.FunctionDef):
            return
        for home in (self.module, *self.module.users):
            for match in re.finditer(_GIVEN_BY.format(re.escape(function.name.value)), home.source.text):
                yield home, set(_WORD.findall(match[1])), home.source.text[match.end() :]

    def _returns(self, call: CallFact, names: set[str]) -> bool:
        """Whether the function of a draw gives back what was drawn."""
        parts = "|".join(map(re.escape, sorted(names)))
        return bool(names) and re.search(rf"\breturn\b[^\n]*\b(?:{parts})\b", self._rest(call)) is not None

    def _rest(self, call: CallFact) -> str:
        """What follows a call, as far as the names of its function reach."""
        end = len(self.module.source.text)
        function = call.function.node if call.function is not None else None
        if function is not None and self.module.owns(function):
            end = self.module.span(function).end
        return self.module.source.text[self.module.span(call.node).end : end]

    def _cuts(self, call: CallFact) -> bool:
        """Whether shuffled rows are cut into parts: `x, y = shuffle(x, y)`, then `x[:n]` or a `validation_split`."""
        line = call.statement
        small = line.body[0] if isinstance(line, cst.SimpleStatementLine) else None
        if not isinstance(small, cst.Assign) or small.value is not call.node:
            return True
        names = self._names(call)
        if are_cut(self._rest(call), names):
            return True
        if call.function is None or not self._returns(call, derived_names(self._rest(call), names)):
            return are_cut(self.module.source.text[self.module.span(call.node).end :], names)
        return any(are_cut(_TOP.split(rest)[0], given) for _, given, rest in self._given(call, names))

    def _sliced(self, call: CallFact) -> bool:
        """Whether the shuffled rows are cut into parts afterwards: `rows[:n]`."""
        name = ""
        if call.name.endswith("permutation"):
            line = call.statement
            small = line.body[0] if isinstance(line, cst.SimpleStatementLine) else None
            if isinstance(small, cst.Assign) and small.value is call.node:
                name = self.module.code(small.targets[0].target)
        elif call.arguments.positional:
            name = self.module.code(call.arguments.positional[0][0])
        rest = self._rest(call) if name.isidentifier() else self.module.source.text[self.module.span(call.node).end :]
        found = re.findall(rf"(?<![\w.]){re.escape(name)}\s*\[([^\]\n]*:[^\]\n]*)", rest) if name else []
        rows = {part.partition(",")[0].strip() for part in found}  # `rows[:, 1:]` are columns of all of them
        parts = {part for part in rows if ":" in part and part != ":"}
        # of rows that are only ever cut as `rows[:n]` a sample is taken, and nothing is held out
        return len(parts) > 1 or any(not part.startswith(":") for part in parts)
