"""Plans for claims about training: flags that are overwritten, optimizers that are shared or new, keys not logged."""

from __future__ import annotations

import contextlib
from typing import Any

import libcst as cst

from kerascheck.confirm.behaviour import history, stepped
from kerascheck.confirm.parts import Experiment, model_parameters, module_and_users, stands_at
from kerascheck.confirm.slice import Missing, Slicer, Untold
from kerascheck.finding import Finding
from kerascheck.semantic import keras_api
from kerascheck.semantic.calls import TRAINING_METHODS
from kerascheck.semantic.events import Event
from kerascheck.semantic.flags import flagged
from kerascheck.semantic.module import Module
from kerascheck.semantic.storage import path_key, saves
from kerascheck.semantic.values import Const, Obj, Value, boolean
from kerascheck.semantic.watching import unlogged

_INFERENCE = ("predict", "evaluate", "predict_on_batch")


def overwritten_flag(module: Module, offset: int, finding: Finding) -> Experiment | None:
    """The layer or model that is called with a flag of its own; watched while the model is trained, or predicts."""
    for home in module_and_users(module):
        used = [moment.event for moment in home.facts.moments if moment.event.name in TRAINING_METHODS]
        for event in [*used, *home.events_of(*_INFERENCE)]:
            model = event.receiver
            if not isinstance(model, Obj) or model.kind != "model":
                continue
            for item in flagged(home.facts, model):
                if not stands_at(module, item.call, offset) or item.training is (event.name in TRAINING_METHODS):
                    continue
                slicer = Slicer(home)
                parameters = model_parameters(slicer, home, model)
                layer = slicer.expression(item.layer, f"`{item.layer.short}`")
                if layer not in parameters.get("source", ""):
                    raise Missing(f"the `{item.layer.short}` inside of the model")
                parameters.update(layer=layer, flag=item.training)
                parameters["layers"] = sorted(keras_api.TRAINING_LAYERS | set(keras_api.TRAINING_ARGUMENTS))
                return Experiment("overwritten_flag", parameters, stand_ins=tuple(slicer.stand_ins))
    return None


def shared_optimizer(module: Module, offset: int, finding: Finding) -> Experiment | None:
    """Two models compiled with one optimizer, and trained in the order of the program."""
    for event in module.events_of("compile"):
        optimizer = event.arguments.value("optimizer", 0)
        if not stands_at(module, event.node, offset) or not isinstance(optimizer, Obj):
            continue
        trained = [
            (first, compiled.receiver)
            for compiled in module.events_of("compile")
            if compiled.arguments.value("optimizer", 0) is optimizer and isinstance(compiled.receiver, Obj)
            for first in _trainings(module, compiled)[:1]
        ]
        models: dict[Obj, Event] = {}
        for first, model in sorted(trained, key=lambda item: item[0].order):
            models.setdefault(model, first)
        if len(models) < 2:
            continue
        slicer = Slicer(module)
        made = slicer.expression(optimizer, "the optimizer")
        texts = {model: slicer.expression(model, f"`{model.short}`") for model in models}
        steps = {(first.order, 0): ["train", texts[model], ""] for model, first in models.items()}
        for model, first in models.items():
            for moment in (moment for moment in module.facts.moments if moment.event is first):
                for step in history(module, moment, model):
                    if step.kind == "switch":
                        part = slicer.expression(step.part, f"`{step.part.short}`")
                        steps[step.order, id(step.part)] = ["switch", part + step.which, step.value]
        parameters = model_parameters(slicer, module, list(models)[-1])
        parameters.update(optimizer=made, models=list(texts.values()), steps=[steps[key] for key in sorted(steps)])
        return Experiment("shared_optimizer", parameters, stand_ins=tuple(slicer.stand_ins))
    return None


def _trainings(module: Module, compiled: Event) -> list[Event]:
    """The trainings of a model after a `compile` and before its next one."""
    later = [item for item in module.events if item.order > compiled.order and item.receiver is compiled.receiver]
    end = min((item.order for item in later if item.name == "compile"), default=None)
    return [item for item in later if item.name in TRAINING_METHODS and (end is None or item.order < end)]


def optimizer_state(module: Module, offset: int, finding: Finding) -> Experiment | None:
    """How many steps the optimizer has made before a file is written, and after the program has read and compiled."""
    parameters: dict[str, Any]
    for moment in module.facts.saves_met:
        model = moment.event.receiver
        if stands_at(module, moment.event.node, offset) and isinstance(model, Obj):
            slicer = Slicer(module)
            parameters = {**stepped(slicer, module, moment, model), "whole": True, "optimizer": "'adam'"}
            return Experiment("optimizer_state", parameters, stand_ins=tuple(slicer.stand_ins))
    for event in module.events:
        if event.name not in {"compile", *TRAINING_METHODS} or not stands_at(module, event.node, offset):
            continue
        slicer = Slicer(module)
        compiled = event if event.name == "compile" else None
        receiver = event.receiver
        if compiled is not None and isinstance(receiver, Obj):
            key = path_key(receiver.arguments.value("filepath", 0))
            receiver = next(
                (one for save in saves(module) if key and path_key(save.path) == key for one in save.models), None
            )
        text = "'adam'"
        given = compiled.arguments.find("optimizer", 0) if compiled is not None else None
        if given is not None:
            text = _optimizer(slicer, module, given)
        stand_in: tuple[str, ...] = ()
        parameters = {}
        if isinstance(receiver, Obj):
            with contextlib.suppress(Missing):
                parameters = model_parameters(slicer, module, receiver)
        if not parameters:
            keras = slicer.flavour()
            make = f"{keras}.Sequential([{keras}.Input((4,)), {keras}.layers.Dense(2)])"
            part = slicer.finish()
            parameters = {"source": part.source, "modules": part.modules, "make": make, "shapes": []}
            stand_in = ("a small model in place of the program's",)
        parameters.update(optimizer=text, whole=compiled is not None)
        return Experiment("optimizer_state", parameters, stand_ins=(*stand_in, *slicer.stand_ins))
    return None


def _optimizer(slicer: Slicer, module: Module, given: tuple[cst.BaseExpression, Value | None]) -> str:
    """Source of the optimizer that is given to `compile`. Raises Missing for one that has been there before."""
    node, value = given
    if isinstance(value, (Obj, Const)):
        return slicer.expression(value, "the optimizer")
    if module.owns(node) and "optimizer" in module.code(node).rpartition(".")[0]:
        raise Untold("which optimizer is given")
    raise Untold("the optimizer")


_PATHS = ("'kept.weights.h5'", "'kept.keras'")


def unlogged_key(module: Module, offset: int, finding: Finding) -> Experiment | None:
    """One epoch with the program's metrics and validation, and the callback or the key of the history."""
    for item in unlogged(module):
        watch = item.watch
        if not stands_at(module, watch.node, offset):
            continue
        compiled = [
            event
            for event in module.events_of("compile")
            if event.receiver is watch.fit.receiver and event.order < watch.fit.order
        ]
        if not compiled:
            continue
        slicer = Slicer(module)
        last = max(compiled, key=lambda event: event.order)
        metrics = last.arguments.find("metrics", 2)
        parameters: dict[str, Any] = {"metrics": "None"}
        if metrics is not None:
            parameters["metrics"] = slicer.metrics(metrics[1])
        if last.arguments.find("weighted_metrics") is not None:
            raise Untold("the weighted metrics")
        parameters["callback"] = ""
        if watch.callback is not None:
            parameters["callback"] = _callback(slicer, module, watch.callback)
        stand_ins = ["values of ours"]
        made: dict[str, Any] | None = None
        if isinstance(watch.fit.receiver, Obj):
            with contextlib.suppress(Missing):
                made = model_parameters(slicer, module, watch.fit.receiver)
        if made is None:
            keras = slicer.flavour()
            make = f"{keras}.Sequential([{keras}.Input((4,)), {keras}.layers.Dense(2)])"
            part = slicer.finish()
            made = {"source": part.source, "modules": part.modules, "make": make, "shapes": []}
            stand_ins.append("a small model in place of the program's")
        validated = not item.validation and watch.key.startswith("val_")
        parameters.update(made, key=watch.key, validated=validated)
        return Experiment("unlogged_key", parameters, stand_ins=(*stand_ins, *slicer.stand_ins))
    return None


def _callback(slicer: Slicer, module: Module, callback: Obj) -> str:
    """Source of a callback of Keras; a file that it writes lies in the folder of the run."""
    if callback.short != "ModelCheckpoint":
        call = next((item for item in module.calls if item.node is callback.call), None)
        return slicer.call(call) if call is not None else slicer.expression(callback, "the callback")
    monitor = slicer.expression(callback.arguments.value("monitor", 1), "what is monitored")
    mode = callback.arguments.find("mode", 5)
    weights = boolean(callback.arguments.value("save_weights_only", 4)) is True
    text = f"{slicer.flavour()}.callbacks.ModelCheckpoint({_PATHS[0] if weights else _PATHS[1]}, monitor={monitor}"
    text += f", save_best_only=True, save_weights_only={weights}"
    return f"{text}, mode={slicer.expression(mode[1], 'the mode')})" if mode is not None else f"{text})"
