"""KC405: data are split at random without a seed in a script that saves or loads a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.finding import Claim, Severity
from kerascheck.patch import insert_argument
from kerascheck.rule import RelatedNode, Rule, unsafe_fix
from kerascheck.semantic.draws import (
    SHUFFLES,
    SPLITS,
    draws,
    draws_at_import,
    is_own,
    is_seeded,
    may_draw_when_called,
)
from kerascheck.semantic.events import CallFact, Event
from kerascheck.semantic.idle_keras import leaves_keras_idle
from kerascheck.semantic.other_data import is_trained_on_other_data
from kerascheck.semantic.passages import Rows
from kerascheck.semantic.storage import is_temporary, path_key
from kerascheck.semantic.training import is_none, models_of, training
from kerascheck.semantic.unread_parts import are_unread, goes_to_torch
from kerascheck.semantic.values import Const, Obj, Value

if TYPE_CHECKING:
    from kerascheck.semantic.module import Module

_SAVES = frozenset({"save", "save_weights"})
_FILES = _SAVES | {"load_weights"}
_USES = frozenset({"fit", "fit_generator", "train_on_batch", "evaluate", "evaluate_generator", "predict"})
_SAVE_CALLS = frozenset({"keras.models.save_model", "keras.callbacks.ModelCheckpoint"})
_LOAD_CALLS = frozenset({"keras.models.load_model"})  # `model_from_json` makes one that is not trained
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
        self.reported: set[cst.CSTNode] = set()
        drawn = draws(module, module)
        if not drawn and not may_draw_when_called(module):
            return
        kept = self._kept(module) if drawn and module.uses_keras and not leaves_keras_idle(module) else None
        if kept is not None and not (kept.message == self.loaded and self._only_serves(module, drawn)):
            self._check_program(module, drawn, kept)
            return
        # a function that splits is judged by the scripts that call it, what a file draws when imported by its importers
        early = draws_at_import(module)
        programs: list[tuple[Module, list[CallFact], Kept]] = []
        for user in module.users_with(*_KEEPING) if not module.is_test else ():
            theirs = [*early, *(call for call in draws(user, module) if call.function is not None)]
            theirs = [call for call in theirs if Rows(module, call).is_given_to_model(user)]
            kept = self._kept(user) if theirs and user.uses_keras and not user.is_test else None
            if kept is not None:
                programs.append((user, theirs, kept))
        for user, theirs, kept in sorted(programs, key=lambda item: item[2].message == self.loaded):
            self._check_program(user, theirs, kept)

    def _check_program(self, program: Module, drawn: list[CallFact], kept: Kept) -> None:
        """Check draws of this module in a program, this module or one that calls or imports them."""
        module = self.module
        self.program = program
        self.repeated = {call.node for call in drawn if call.loop}
        there = [RelatedNode(kept.module, kept.node, kept.word)] if program is not module else []
        for call in drawn:
            if call.node in self.reported or self._for_a_batch(call) or is_seeded(program, module, call):
                continue
            rows = Rows(module, call)
            if rows.is_written() or rows.are_copies() or goes_to_torch(module, call) or are_unread(module, call):
                continue
            if call.name in SPLITS or call.name in SHUFFLES:
                if not rows.is_dropped and not self._has_state(call) and (call.name in SPLITS or rows.are_cut()):
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
            elif rows.are_held_apart(program):
                name = module.code(call.node.func) if call.receiver is not None else call.name
                claim = Claim.NONE if is_own(call) else self.claim  # the experiment draws from the global one
                self.report(call.node, message=kept.message, claim=claim, related=there, function=name)
                self.reported.add(call.node)

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
            path = event.arguments.value("filepath", 0)
            if event.name == "load_weights" and path_key(path) not in written and not self._is_of_others(program, path):
                return Kept(self.loaded, event.module, event.node, "loaded here")
        for call in program.calls:
            if (
                call.name in _LOAD_CALLS
                and not is_temporary(call.module, call.arguments)
                and self._is_used(program, call)
                and not self._is_of_others(program, call.arguments.value("filepath", 0))
            ):
                return Kept(self.loaded, call.module, call.node, "loaded here")
        return None

    def _is_of_others(self, program: Module, path: Value | None) -> bool:
        """Whether a model that is read here is trained elsewhere, on other data: none of the rows held out here."""
        return not any(True for _ in training(program)) and is_trained_on_other_data(program, path)

    def _only_serves(self, module: Module, drawn: list[CallFact]) -> bool:
        """Whether a file has functions that split and others that load, and its importers do something with both."""
        if any(not call.standalone for call in drawn) or any(event.name in _USES for event in module.events):
            return False
        loads = [event for event in module.events if event.name in _FILES]
        loads_are_called = any(not load.standalone for load in loads) or any(
            not call.standalone for call in module.calls if call.name in _LOAD_CALLS
        )
        return not loads_are_called and bool(module.users)

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
        behind the split, as in a search over hyper-parameters, the split is that of a whole training; so it is where
        a model is made anew behind each.
        """
        if call.name in SPLITS and any(
            event.name == "fit" and event.function is call.function and event.order > call.order
            for event in training(self.program)
        ):
            return False
        function = call.function.node if call.function is not None else None
        if isinstance(function, cst.FunctionDef) and function.name.value in _CALLED_BY_FIT:
            return True
        return call.node in self.repeated and not any(
            event.loop >= call.loop and model.order > call.order
            for event in training(self.program)
            for model in models_of(event)
        )

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
