"""KC608: many models are built and trained in a loop that never clears what Keras keeps of them."""

from __future__ import annotations

import re

import libcst as cst

from kerascheck.finding import Claim, Severity
from kerascheck.rule import Rule
from kerascheck.semantic.phases import Loop, Moment
from kerascheck.semantic.values import Obj, number

_MANY = 20  # rounds; below that the growth is small
_CLEARS = re.compile(r"clear_session|reset_default_graph|\bProcess\(|\bPool\(|subprocess")


class ModelBuiltInLoop(Rule):
    code = "KC608"
    severity = Severity.WARNING
    claim = Claim.MEMORY_GROWS
    message = (
        "each of {rounds} rounds builds and trains a model, and its memory is not all given back: the process grows"
    )

    def check(self) -> None:
        module = self.module
        if not module.uses_keras or _CLEARS.search(module.source.text):
            return
        reported: set[cst.For] = set()
        for moment in module.facts.moments:
            model = moment.event.receiver
            if moment.event.name == "compile" or not isinstance(model, Obj) or model.kind != "model":
                continue
            loop = self._loop(moment, model)
            rounds = self._rounds(loop.node) if loop is not None else None
            if loop is None or rounds is None or rounds < _MANY or loop.node in reported or model.call is None:
                continue
            reported.add(loop.node)
            node = model.call if module.owns(model.call) else moment.event.node
            if module.owns(node):
                self.report(node, subject=module.code(node)[:40], rounds=rounds)

    def _loop(self, moment: Moment, model: Obj) -> Loop | None:
        """The outermost loop of this file that makes the model anew."""
        return next((one for one in moment.loops if model.order > one.began and self.module.owns(one.node)), None)

    def _rounds(self, loop: cst.For) -> int | None:
        """How often a `for i in range(n)` runs, when that is constant."""
        node = loop.iter
        if not isinstance(node, cst.Call) or not isinstance(node.func, cst.Name) or node.func.value != "range":
            return None
        numbers = [self._number(argument.value) for argument in node.args]
        known = [int(item) for item in numbers if item is not None]
        if not known or len(known) < len(numbers) or len(known) > 3 or known[2:] == [0]:
            return None
        return len(range(*known))

    def _number(self, node: cst.BaseExpression) -> float | int | None:
        if isinstance(node, cst.Integer):
            return int(node.value, 0)
        names = self.module.facts.root
        if isinstance(node, cst.Name) and node.value not in names.rebound:
            return number(names.names.get(node.value))
        return None
