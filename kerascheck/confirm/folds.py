"""The plan for a model that is fitted in a loop over folds: two folds of ours, with what the loop does between them."""

from __future__ import annotations

import libcst as cst

from kerascheck.confirm.behaviour import nearest
from kerascheck.confirm.parts import Experiment, model_parameters
from kerascheck.confirm.slice import Missing, Slicer
from kerascheck.finding import Finding
from kerascheck.semantic.calls import TRAINING_METHODS
from kerascheck.semantic.module import Module
from kerascheck.semantic.phases import Loop, Moment
from kerascheck.semantic.values import Obj
from kerascheck.semantic.walk import walk

_RESETS = frozenset({"set_weights", "load_weights"})


def refit(module: Module, offset: int, finding: Finding) -> Experiment | None:
    """The model of the loop, fitted on two folds; whether the loop makes it anew or sets its weights is kept."""
    trained = [moment for moment in module.facts.moments if moment.event.name in TRAINING_METHODS]
    inside = [(moment, loop) for moment in trained for loop in _loops(moment, module)[:1]]
    found = nearest(module, offset, ((moment.event.node, (moment, loop)) for moment, loop in reversed(inside)))
    if found is None:
        return None
    moment, loop = found
    model = moment.event.receiver
    if not isinstance(model, Obj) or model.kind != "model":
        raise Missing("the trained model")
    slicer = Slicer(module)
    parameters = model_parameters(slicer, module, model)
    parameters["again"] = model.order > loop.began
    parameters["reset"] = _is_reset(module, moment, loop)
    return Experiment("refit", parameters, stand_ins=("two folds of ours", *slicer.stand_ins))


def _loops(moment: Moment, module: Module) -> list[Loop]:
    """The loops around a training: one over splits first, then those that begin when the model is there."""
    own = [loop for loop in moment.loops if module.owns(loop.node)]
    model = moment.event.receiver
    made = model.order if isinstance(model, Obj) else 0
    return sorted(own, key=lambda loop: (".split(" not in module.code(loop.node.iter), loop.began < made))


def _is_reset(module: Module, moment: Moment, loop: Loop) -> bool:
    """Whether a line of the loop sets the weights of what is fitted."""
    if moment.event.receiver_node is None:
        return False
    name = module.code(moment.event.receiver_node)
    return any(
        isinstance(node, cst.Call)
        and isinstance(node.func, cst.Attribute)
        and node.func.attr.value in _RESETS
        and module.code(node.func.value) == name
        for node in walk(loop.node.body)
    )
