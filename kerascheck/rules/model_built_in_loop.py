"""KC608: many models are built and trained in a loop that never clears what Keras keeps of them."""

from __future__ import annotations

import re
from math import prod

import libcst as cst

from kerascheck.finding import Claim, Severity
from kerascheck.rule import RelatedNode, Rule
from kerascheck.semantic.events import Event
from kerascheck.semantic.values import Items, Mapping, Obj, Value, number
from kerascheck.semantic.walk import walk

_SOME = 5  # rounds; below that nobody needs to be told
_MANY = 20  # below that the growth is small
_SAME = frozenset({"enumerate", "list", "tuple", "sorted", "reversed", "tqdm"})
_VIEWS = frozenset({"items", "keys", "values"})
_CLEARS = re.compile(r"clear_session|reset_default_graph|\bProcess\(|\bPool\(|subprocess")


class ModelBuiltInLoop(Rule):
    code = "KC608"
    severity = Severity.WARNING
    claim = Claim.MEMORY_GROWS
    words = ((" for ",), (" fit ", "fit_generator", "train_on_batch"))
    message = (
        "each of {rounds} rounds builds and trains a model, and its memory is not all given back: the process grows"
    )

    def check(self) -> None:
        module = self.module
        if not any(moment.loops for moment in module.facts.moments) or not module.uses_keras:
            return
        if _CLEARS.search(module.source.text):
            return
        reported: set[cst.For] = set()
        for moment in module.facts.moments:
            model = moment.event.receiver
            if moment.event.name == "compile" or not isinstance(model, Obj) or model.kind != "model":
                continue
            loops = [one.node for one in moment.loops if model.order > one.began and module.owns(one.node)]
            rounds = prod(self._rounds(node.iter) or 1 for node in dict.fromkeys(loops))  # one of unknown length is one
            if rounds < _SOME or loops[0] in reported or model.call is None:
                continue
            reported.add(loops[0])
            node = self._in_loop(loops[-1], moment.event, model.call)
            if module.owns(node):
                made = [RelatedNode(module, model.call, "the model is made here")] if module.owns(model.call) else []
                self.report(
                    node,
                    severity=Severity.WARNING if rounds >= _MANY else Severity.INFO,
                    related=made if node is not model.call else [],
                    subject=module.code(node)[:40],
                    rounds=rounds,
                )

    def _in_loop(self, loop: cst.For, event: Event, made: cst.CSTNode) -> cst.CSTNode:
        """Where the loop makes the model: its constructor, the call of a function that does, or else the training."""
        module = self.module
        whole = module.span(loop)
        if module.owns(made) and whole.start <= module.span(made).start < whole.end:
            return made
        name = module.code(event.receiver_node) if event.receiver_node is not None and module.owns(event.node) else ""
        for node in walk(loop.body):
            if isinstance(node, cst.Assign) and module.code(node.targets[0].target) == name:
                return node.value
        inside = module.owns(event.node) and whole.start <= module.span(event.node).start < whole.end
        return event.node if inside else made

    def _rounds(self, node: cst.BaseExpression) -> int | None:
        """How many items an expression gives, when that is constant: a range, a list, a product of such."""
        if isinstance(node, (cst.List, cst.Tuple)):
            return None if any(isinstance(item, cst.StarredElement) for item in node.elements) else len(node.elements)
        if isinstance(node, cst.Name):
            value = self._constant(node.value)
            if isinstance(value, Items):
                return len(value.items) if value.exact else None
            return len(value.entries) if isinstance(value, Mapping) and value.exact else None
        if not isinstance(node, cst.Call) or any(argument.star for argument in node.args):
            return None
        function = node.func.attr if isinstance(node.func, cst.Attribute) else node.func
        name = function.value if isinstance(function, cst.Name) else ""
        given = [argument.value for argument in node.args if argument.keyword is None]
        if name in _VIEWS and isinstance(node.func, cst.Attribute) and not node.args:
            return self._rounds(node.func.value)
        if name == "range":
            return self._range(given)
        if name in _SAME and given:
            return self._rounds(given[0])
        if name == "product" and given and len(given) == len(node.args):
            counts = [self._rounds(item) for item in given]
            return None if None in counts else prod(count for count in counts if count is not None)
        return None

    def _range(self, given: list[cst.BaseExpression]) -> int | None:
        numbers = [self._number(item) for item in given]
        known = [int(item) for item in numbers if item is not None]
        if not known or len(known) < len(numbers) or len(known) > 3 or known[2:] == [0]:
            return None
        return len(range(*known))

    def _number(self, node: cst.BaseExpression) -> float | int | None:
        if isinstance(node, cst.Integer):
            return int(node.value, 0)
        return number(self._constant(node.value)) if isinstance(node, cst.Name) else None

    def _constant(self, name: str) -> Value | None:
        """The value of a name of the module's body that nothing binds again, there or in a function."""
        names = self.module.facts.root
        if name in names.rebound or len(re.findall(rf"\b{name}\s*=(?!=)", self.module.source.text)) > 1:
            return None
        return names.names.get(name)
