"""KC405: data are split at random without a seed in a script that saves or loads a model."""

from __future__ import annotations

import re

import libcst as cst

from kerascheck.finding import Claim, Severity
from kerascheck.patch import insert_argument
from kerascheck.rule import Rule, unsafe_fix
from kerascheck.semantic.events import CallFact, Event
from kerascheck.semantic.training import is_none, seeds
from kerascheck.semantic.values import Const, Obj

_SPLITS = frozenset({"sklearn.model_selection.train_test_split", "sklearn.cross_validation.train_test_split"})
_SHUFFLES = frozenset({"sklearn.utils.shuffle"})
_IN_PLACE = frozenset({"numpy.random.permutation", "numpy.random.shuffle", "random.shuffle"})
_FILES = frozenset({"save", "save_weights", "load_weights"})
_FILE_CALLS = frozenset(
    """keras.models.load_model keras.models.save_model keras.models.model_from_json keras.callbacks.ModelCheckpoint
    keras.models.model_from_yaml""".split()
)
# packages whose objects have a `save` and are no models
_NO_MODELS = frozenset({"PIL", "docx", "matplotlib", "numpy", "openpyxl", "pandas", "plotly"})
_CALLED_BY_FIT = frozenset({"__getitem__", "on_epoch_begin", "on_epoch_end"})


class UnseededSplit(Rule):
    code = "KC405"
    severity = Severity.WARNING
    claim = Claim.RUNS_DIFFER
    message = (
        "`{function}` draws another split in every run: a model that was saved meets its training data as test data"
    )

    def check(self) -> None:
        module = self.module
        if not module.uses_keras or not self._has_files():
            return
        seeded = [seed for seed in seeds(module) if seed.kind in {"numpy", "all"}]
        python = [seed for seed in seeds(module) if seed.kind in {"python", "all"}]
        for call in module.calls:
            if call.module is not module:
                continue
            earlier = python if call.name == "random.shuffle" else seeded
            if any(seed.imported or seed.call.order < call.order or seed.call.function is not None for seed in earlier):
                continue
            if call.name in _SPLITS or call.name in _SHUFFLES:
                if not self._seeded(call) and (call.name in _SPLITS or self._cuts(call)):
                    fix = unsafe_fix("give `random_state`", [insert_argument(module, call.node, "random_state=42")])
                    open_call = call.arguments.find("random_state") is not None
                    self.report(call.node, fix=None if open_call else fix, function=call.name.rpartition(".")[2])
            elif call.name in _IN_PLACE and not self._for_a_batch(call) and self._sliced(call):
                self.report(call.node, function=call.name)

    def _has_files(self) -> bool:
        if any(
            event.name in _FILES and not self._foreign(event) and not self._for_this_run(event)
            for event in self.module.events
        ):
            return True
        return any(call.name in _FILE_CALLS for call in self.module.calls)

    def _for_this_run(self, event: Event) -> bool:
        """Whether the path is made with `tempfile`: such a file is not there in the next run."""
        found = event.arguments.find("filepath", 0)
        if found is None or "tempfile" not in self.module.source.text:
            return False
        code = self.module.code(found[0]) if self.module.owns(found[0]) else ""
        made = rf"(?m)^[ \t]*{re.escape(code)}[ \t]*=.*\btempfile\."
        return "tempfile." in code or (code.isidentifier() and re.search(made, self.module.source.text) is not None)

    def _for_a_batch(self, call: CallFact) -> bool:
        """Whether rows are shuffled for each batch or epoch, in a loop or in what `fit` calls for them."""
        function = call.function.node if call.function is not None else None
        return bool(call.loop) or (isinstance(function, cst.FunctionDef) and function.name.value in _CALLED_BY_FIT)

    def _foreign(self, event: Event) -> bool:
        """Whether it is surely not a model that is saved: an image, a figure."""
        receiver = event.receiver
        return isinstance(receiver, Obj) and receiver.ref.partition(".")[0] in _NO_MODELS

    def _seeded(self, call: CallFact) -> bool:
        if call.arguments.open_keywords:
            return True
        shuffle = call.arguments.value("shuffle")
        if isinstance(shuffle, Const) and shuffle.value is False:
            return True
        state = call.arguments.find("random_state")
        return state is not None and not is_none(state[1])

    def _cuts(self, call: CallFact) -> bool:
        """Whether shuffled rows are cut into parts: `x, y = shuffle(x, y)`, then `x[:n]` or a `validation_split`."""
        line = call.statement
        small = line.body[0] if isinstance(line, cst.SimpleStatementLine) else None
        if not isinstance(small, cst.Assign) or small.value is not call.node:
            return True
        names = re.findall(r"\w+", self.module.code(small.targets[0].target))
        rest = self.module.source.text[self.module.span(call.node).end :]
        cut = "|".join(re.escape(name) for name in names)
        return "_split" in rest or re.search(rf"\b(?:{cut})\s*\[[^\]\n]*:", rest) is not None

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
        rest = self.module.source.text[self.module.span(call.node).end :]
        return bool(name) and re.search(re.escape(name) + r"\s*\[[^\]\n]*:", rest) is not None
