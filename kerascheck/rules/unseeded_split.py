"""KC405: data are split at random without a seed in a script that saves or loads a model."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.finding import Claim, Severity
from kerascheck.patch import insert_argument
from kerascheck.rule import Rule, unsafe_fix
from kerascheck.semantic.events import CallFact, Event
from kerascheck.semantic.storage import is_temporary, path_key
from kerascheck.semantic.training import is_none, is_seeded_in_function, models_of, seeds, training
from kerascheck.semantic.values import Const, Obj
from kerascheck.semantic.written_rows import kept_by_an_object

if TYPE_CHECKING:
    from kerascheck.semantic.module import Module

_SPLITS = frozenset({"sklearn.model_selection.train_test_split", "sklearn.cross_validation.train_test_split"})
_SHUFFLES = frozenset({"sklearn.utils.shuffle"})
_IN_PLACE = frozenset({"numpy.random.permutation", "numpy.random.shuffle", "random.shuffle"})
_DRAWS = _SPLITS | _SHUFFLES | _IN_PLACE
_FRAME_WRITES = r"(?:to_csv|to_pickle|to_parquet|to_hdf|to_feather|tofile|dump)\("
_WRITES = rf"(?:\.{_FRAME_WRITES}|\b(?:np|numpy)\.save\w*\(|\b(?:pickle|joblib)\.dump\()"
_COPIES = r"\b(?:shutil\.(?:copy\w*|move)|os\.(?:rename|symlink|link))\("
_INSIDE = r"(?:[^()]|\((?:[^()]|\([^()]*\))*\)){0,2000}?"  # what stands in front of an argument
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
_CALLED_BY_FIT = frozenset({"__getitem__", "on_epoch_begin", "on_epoch_end"})


class UnseededSplit(Rule):
    code = "KC405"
    severity = Severity.WARNING
    claim = Claim.RUNS_DIFFER
    depends_on_order = True
    words = (
        ("train_test_split", "shuffle", "permutation"),
        ("save", "load_weights", "load_model", "model_from", "modelcheckpoint"),
    )
    message = "`{function}` draws another split in every run: nothing tells which rows a saved model was trained on"
    loaded = "`{function}` draws another split in every run: the loaded model was trained on rows held out here"

    def check(self) -> None:
        module = self.module
        drawn = [call for call in module.calls if call.name in _DRAWS and call.module is module]
        kept = self._kept() if drawn and module.uses_keras else ""
        self.repeated = {call.node for call in drawn if call.loop}
        for call in drawn if kept else ():
            if self._for_a_batch(call) or self._is_seeded(call) or self._is_written(call):
                continue
            if call.name in _SPLITS or call.name in _SHUFFLES:
                if not self._has_state(call) and (call.name in _SPLITS or self._cuts(call)):
                    fix = unsafe_fix("give `random_state`", [insert_argument(module, call.node, "random_state=42")])
                    open_call = call.arguments.find("random_state") is not None
                    short = call.name.rpartition(".")[2]
                    self.report(call.node, message=kept, fix=None if open_call else fix, function=short)
            elif call.name in _IN_PLACE and self._sliced(call):
                self.report(call.node, message=kept, function=call.name)

    def _is_seeded(self, call: CallFact) -> bool:
        """Whether the generator that a call draws from is seeded before it, here or in a file that imports this one."""
        kinds = {"python" if call.name == "random.shuffle" else "numpy", "all"}
        inside = call.function is not None
        if is_seeded_in_function(self.module, call, kinds):
            return True
        homes = [self.module, *(self.module.users_with("seed") if inside else ())]
        for home in homes:
            for seed in seeds(home):
                if seed.kind not in kinds:
                    continue
                if home is not self.module or seed.imported or seed.call.order < call.order:
                    return True
                if seed.call.function is not call.function and (seed.call.standalone or call.standalone):
                    return True  # which of the two functions runs first is not known
        return False

    def _kept(self) -> str:
        """What the files of this script mean for its split; empty when no model outlives the run."""
        files = [event for event in self.module.events if event.name in _FILES and not self._foreign(event)]
        files = [event for event in files if not is_temporary(event.module, event.arguments)]
        fits = [event.order for event in training(self.module) if not event.standalone]
        written: set[tuple[str, str]] = set()
        for event in files:
            if event.name in _SAVES:
                # a file of first weights, written in front of all training
                if event.standalone or not fits or event.order > min(fits):
                    return self.message
                written |= {key for key in [path_key(event.arguments.value("filepath", 0))] if key is not None}
        for call in self.module.calls:
            if call.name in _SAVE_CALLS and not is_temporary(call.module, call.arguments):
                return self.message
        loads = [event for event in files if event.name == "load_weights"]
        if any(path_key(event.arguments.value("filepath", 0)) not in written for event in loads):
            return self.loaded
        for call in self.module.calls:
            if call.name in _LOAD_CALLS and not is_temporary(call.module, call.arguments) and self._is_used(call):
                return self.loaded
        return ""

    def _is_used(self, load: CallFact) -> bool:
        """Whether rows may be given to a loaded model; a script may train another, and only look into this one."""
        events = [event for event in self.module.events if event.name in _USES]
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
            for event in training(self.module)
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
            if _writes(rest, names) or kept_by_an_object(self.module, self._rest(call), names):
                return True
        return any(
            _writes(rest, given) or kept_by_an_object(home, rest, given)
            for home, given, rest in self._given(call, names)
        )

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
        returned = isinstance(small, cst.Return) or self._returns(call, _derived(self._rest(call), names))
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
        if _cut(self._rest(call), names):
            return True
        if call.function is None or not self._returns(call, _derived(self._rest(call), names)):
            return _cut(self.module.source.text[self.module.span(call.node).end :], names)
        return any(_cut(_TOP.split(rest)[0], given) for _, given, rest in self._given(call, names))

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
        parts = set(re.findall(rf"(?<![\w.]){re.escape(name)}\s*\[([^\]\n]*:[^\]\n]*)", rest)) if name else set()
        # of rows that are only ever cut as `rows[:n]` a sample is taken, and nothing is held out
        return len(parts) > 1 or any(not part.lstrip().startswith(":") for part in parts)


def _cut(text: str, names: set[str]) -> bool:
    """Whether rows of these names are cut, or some may be, by a `validation_split` or another function."""
    return "_split" in text or re.search(rf"\b(?:{'|'.join(sorted(names))})\s*\[[^\]\n]*:", text) is not None


def _derived(text: str, names: set[str], rounds: int = 2) -> set[str]:
    """The names, and those of what is made from them, so many times over."""
    names = set(names)
    for _ in range(rounds):
        parts = "|".join(map(re.escape, sorted(names)))
        made = re.findall(rf"(?m)^[ \t]*(\w+(?:[ \t]*,[ \t]*\w+)*)[ \t]*=(?!=)([^\n]*\b(?:{parts})\b)", text)
        # a history is no split
        new = {name for targets, value in made if ".fit" not in value for name in _WORD.findall(targets)}
        if rounds > 2:
            looped = re.findall(rf"\bfor ([\w, \t()]+) in ([^\n]*\b(?:{parts})\b)", text)
            new |= {name for targets, _ in looped for name in _WORD.findall(targets)}
        if new <= names:
            break
        names |= new
    return names


def _writes(text: str, names: set[str]) -> bool:
    """Whether something of these names, or what is made from it, is written into a file."""
    if not names:
        return False
    if re.search(_COPIES, text):  # the files of a part are put into a folder of their own
        parts = "|".join(map(re.escape, sorted(_derived(text, names, 6))))
        if re.search(rf"{_COPIES}[^\n]*\b(?:{parts})\b", text):
            return True
    if not re.search(_WRITES, text):
        return False
    names = _derived(text, names)
    parts = "|".join(map(re.escape, sorted(names)))
    return re.search(rf"\b(?:{parts})\.{_FRAME_WRITES}|{_WRITES}{_INSIDE}\b(?:{parts})\b", text) is not None
