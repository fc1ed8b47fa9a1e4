"""KC609: training goes on with an optimizer that starts anew."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from kerascheck.finding import Claim, Severity
from kerascheck.rule import RelatedNode, Rule
from kerascheck.semantic.calls import TRAINING_METHODS
from kerascheck.semantic.events import Event, Flag
from kerascheck.semantic.phases import Moment, effective, family, surely
from kerascheck.semantic.storage import Save, loads_of, path_key, saves
from kerascheck.semantic.values import Choice, Const, Obj, number, options


class StaleOptimizerState(Rule):
    code = "KC609"
    severity = Severity.WARNING
    claim = Claim.STATE_LOST
    words = (("load_model", "load_weights", "trainable"), (" fit ", "fit_generator", "train_on_batch"))
    message = "`compile` throws away the optimizer that `load_model` brought: `{method}` starts with a new one"
    dropped = (
        "the file does not keep the optimizer's state: `{part}` was {change} since the training, so a loaded model has"
        " {other} weights to train, and its optimizer starts anew"
    )
    weights = "`{method}` goes on at a later epoch with a new optimizer: a file of weights has no optimizer in it"

    def check(self) -> None:
        module = self.module
        self._check_saves()
        if "load" not in module.source.text:
            return
        for moment, training in self._recompiled():
            self.report(
                moment.event.node,
                related=[RelatedNode(module, training.node, "it is trained on here")]
                if module.owns(training.node)
                else [],
                subject=self._name(moment.event),
                method=training.name,
            )
        if module.target.bad("<3"):
            return  # a TensorFlow checkpoint of Keras 2 may hold the optimizer
        for moment in module.facts.moments:
            event = moment.event
            later = number(event.arguments.value("initial_epoch"))
            if event.name == "fit" and later and module.owns(event.node) and self._has_weights_only(moment):
                self.report(event.node, message=self.weights, subject=self._name(event), method=event.name)

    def _recompiled(self) -> Iterator[tuple[Moment, Event]]:
        """Compiles of a model that was just loaded with its optimizer, and the training that follows."""
        facts = self.module.facts
        for moment in facts.moments:
            event, model = moment.event, moment.event.receiver
            if event.name != "compile" or not isinstance(model, Obj) or model.ref != "keras.models.load_model":
                continue
            if not self.module.owns(event.node) or not self._brings_optimizer(model):
                continue
            if moment.phases is None or any(phase is not None for phase in moment.phases):
                continue  # it was compiled or trained here before
            if any(family(facts, model, [unit for unit, _ in moment.snapshot])):
                continue  # frozen or thawed: other weights are to be trained, with an optimizer for these
            training = self._next(event)
            if training is not None and self._thaws_between(model, training):
                continue
            if self._is_next_stage(event):
                continue
            if training is not None and (self._resumes(training) or self._was_trained(model)):
                yield moment, training

    def _check_saves(self) -> None:
        """Saves of a model of which something was frozen or thawed between its training and the save."""
        facts = self.module.facts
        for moment in facts.saves_met:
            event, model = moment.event, moment.event.receiver
            if not self.module.owns(event.node) or not isinstance(model, Obj) or model.kind != "model":
                continue
            save = next((item for item in saves(self.module) if item.node is event.node), None)
            # measured on 2.15 and 3.3.3-3.15.1: `.keras` files; an `.h5` file of 2.15 keeps what fits
            if save is None or save.format != ".keras" or not moment.phases:
                continue
            trained = [phase.first for phase in moment.phases if phase is not None and len(phase.first) == 1]
            if len(trained) < len(moment.phases):
                continue
            before = [first[0][1] for first in trained]
            for unit in family(facts, model, [unit for unit, _ in moment.snapshot]):
                now = surely(effective(facts, unit, moment.snapshot), unit)
                if now is None or (unit[0].kind == "layer" and facts.weighted(unit[0]) is False):
                    continue
                if any(surely(effective(facts, unit, old), unit) is not (not now) for old in before):
                    continue
                part = next((item.node for item in effective(facts, unit, moment.snapshot) or () if item), None)
                self.report(
                    event.node,
                    message=self.dropped,
                    severity=Severity.WARNING if self._goes_on(save) else Severity.INFO,
                    related=[RelatedNode(self.module, part, "`trainable` is changed here")]
                    if part is not None and self.module.owns(part)
                    else [],
                    subject=self._name(event),
                    part=self.module.code(part.value) if isinstance(part, cst.Attribute) else unit[0].short,
                    change="made trainable" if now else "frozen",
                    other="more" if now else "fewer",
                )
                break

    def _goes_on(self, save: Save) -> bool:
        """Whether a program of the project loads the file with its optimizer and trains it as it is."""
        for load in loads_of(self.module, save) if save.path is not None else ():
            for event in load.module.events if load.compiles else ():
                if any(isinstance(one, Obj) and one.call is load.node for one in options(event.receiver)):
                    if event.name == "compile":
                        break
                    if event.name in TRAINING_METHODS:
                        return True
        return False

    def _thaws_between(self, model: Obj, training: Event) -> bool:
        """Whether something is frozen or thawed between the load and the training: `model.get_layer(..).trainable`."""
        loaded = model.call
        if loaded is None or not self.module.owns(loaded) or not self.module.owns(training.node):
            return False
        between = self.module.source.text[self.module.span(loaded).end : self.module.span(training.node).start]
        return re.search(r"\.trainable\s*=(?!=)", between) is not None

    def _resumes(self, training: Event) -> bool:
        """Whether a training begins at a later epoch."""
        given = training.arguments.find("initial_epoch")
        return given is not None and given[1] != Const(0)

    def _was_trained(self, model: Obj) -> bool:
        """Whether the file is one that this program writes of a trained model; of another, nothing is known."""
        key = path_key(model.arguments.value("filepath", 0))
        if key is None:
            return False
        for event in self.module.events_of("save"):
            if path_key(event.arguments.value("filepath", 0)) != key:
                continue
            if event.every(Flag.TRAINED) or (isinstance(event.receiver, Choice) and self._is_trained_before(event)):
                return True
        calls = self.module.calls_of("keras.callbacks.ModelCheckpoint")
        return any(path_key(call.arguments.value("filepath", 0)) == key for call in calls)

    def _is_trained_before(self, save: Event) -> bool:
        """Whether what stands for one of several models is trained as the same several, and then saved."""
        models = set(options(save.receiver))
        return any(
            event.name in TRAINING_METHODS and event.order < save.order and set(options(event.receiver)) == models
            for event in self.module.events
        )

    def _brings_optimizer(self, model: Obj) -> bool:
        compiled = model.arguments.find("compile", 2)
        return (compiled is None and not model.arguments.open_keywords) or (
            compiled is not None and compiled[1] == Const(True)
        )

    def _next(self, compiled: Event) -> Event | None:
        """The training of a model behind its compile, with nothing between that compiles it again."""
        for event in self.module.events:
            if event.order > compiled.order and any(one is compiled.receiver for one in options(event.receiver)):
                if event.name == "compile":
                    return None
                if event.name in TRAINING_METHODS:
                    return event
        return None

    def _is_next_stage(self, event: Event) -> bool:
        """Whether each `compile` beside and before it had another learning rate, as written: a new one is meant."""
        rate = _rate(event)
        before = [
            _rate(other)
            for other in self.module.events_of("compile")
            if other.function is event.function and other.order < event.order and other.node is not event.node
        ]
        return rate is not None and bool(before) and all(known not in {None, rate} for known in before)

    def _has_weights_only(self, moment: Moment) -> bool:
        event, model = moment.event, moment.event.receiver
        if not isinstance(model, Obj) or model.kind != "model" or model.form == "loaded":
            return False
        return event.every(Flag.LOADED) and event.never(Flag.TRAINED)

    def _name(self, event: Event) -> str:
        return self.module.code(event.receiver_node) if event.receiver_node is not None else "the model"


def _rate(compiled: Event) -> float | None:
    """The learning rate of the optimizer that a `compile` is given, where a number is written for it."""
    made = compiled.arguments.value("optimizer", 0)
    if not isinstance(made, Obj) or not made.ref.startswith("keras.optimizers."):
        return None
    given = made.arguments.find("learning_rate", 0) or made.arguments.find("lr")
    return number(given[1]) if given is not None else None
