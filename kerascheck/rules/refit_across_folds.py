"""KC411: one model is fitted again and again across the folds of a cross-validation."""

from __future__ import annotations

import re

import libcst as cst

from kerascheck.finding import Claim, Severity
from kerascheck.rule import RelatedNode, Rule
from kerascheck.semantic.phases import Loop, Moment
from kerascheck.semantic.values import Obj
from kerascheck.semantic.walk import walk

# what gives a model its first weights back, or looks as if
_RESET = re.compile(
    r"set_weights|load_weights|clone_model|from_config|\.assign\(|reset_\w*weights|initiali[sz]er?\b|deepcopy|_compile"
)
_FOLDS = re.compile(r"(?i)fold|(?<![a-z])s?kf(?![a-z])|(?<![a-z])cv(?![a-z])|split")


class RefitAcrossFolds(Rule):
    code = "KC411"
    severity = Severity.ERROR
    claim = Claim.LEAK
    words = ((" for ",), (" fit ", "fit_generator", "train_on_batch"))
    message = "`{model}` goes on from the fold before: it was trained on the rows it is now validated on"

    def check(self) -> None:
        text = self.module.source.text
        if ".split(" not in text and "concat" not in text:
            return
        for moment in self.module.facts.moments:
            event, model = moment.event, moment.event.receiver
            if event.name == "compile" or not isinstance(model, Obj) or model.kind != "model":
                continue
            loop = next((one for one in moment.loops if self._is_over_folds(one)), None)
            if loop is None or not self.module.owns(event.node) or model.order > loop.began:
                continue
            if not self._goes_on(moment, loop) or _RESET.search(self.module.code(loop.node.body)):
                continue
            made = [model.call] if model.call is not None and self.module.owns(model.call) else []
            name = self.module.code(event.receiver_node) if event.receiver_node is not None else "the model"
            self.report(
                event.node,
                related=[RelatedNode(self.module, node, "the model is made here, once") for node in made],
                subject=name,
                model=name,
            )

    def _goes_on(self, moment: Moment, loop: Loop) -> bool:
        """Whether on every path the model was trained in an earlier iteration, and its weights were not set since."""
        return moment.phases is not None and all(
            phase is not None and any(loop.began < order <= loop.iteration for order in phase.trained)
            for phase in moment.phases
        )

    def _is_over_folds(self, loop: Loop) -> bool:
        """`for train, test in kfold.split(x)`, perhaps enumerated, that is not left in its first iteration."""
        if not self.module.owns(loop.node):
            return False
        for line in loop.node.body.body:
            if isinstance(line, cst.SimpleStatementLine) and isinstance(line.body[0], (cst.Break, cst.Return)):
                return False
        for node in walk(loop.node.iter):
            if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value == "split":
                return bool(node.args) and bool(_FOLDS.search(self.module.code(node.func.value)))
        return self._is_over_a_name(loop.node) or self._is_over_slices(loop.node)

    def _is_over_a_name(self, loop: cst.For) -> bool:
        """`folds = list(kfold.split(x))` before, then `for train, test in folds`, perhaps enumerated."""
        names = {re.escape(node.value) for node in walk(loop.iter) if isinstance(node, cst.Name)} - {"enumerate", "zip"}
        before = self.module.source.text[: self.module.span(loop).start]
        for name in names if len(names) == 1 else ():
            bound = re.findall(rf"^[ \t]*{name}\s*=(?!=)[ \t]*([^\n]*)", before, re.MULTILINE)
            made = re.match(r"(?:list\()?(.*?)\.split\([^)]", bound[-1]) if bound else None
            return made is not None and _FOLDS.search(made[1]) is not None
        return False

    def _is_over_slices(self, loop: cst.For) -> bool:
        """`for i in range(k)` that trains on the rows before and behind the `i`-th part, put together.

        `np.concatenate([x[: i * n], x[(i + 1) * n :]])`
        """
        if not isinstance(loop.target, cst.Name) or not self.module.code(loop.iter).startswith("range("):
            return False
        part = rf"\[\s*:\s*{loop.target.value}\s*\*\s*([\w.]+)\s*\]"
        rest = rf"\(\s*{loop.target.value}\s*\+\s*1\s*\)\s*\*\s*"
        body = self.module.code(loop.body)
        before = re.search(part, body)
        together = re.search(r"\b(?:concatenate|concat|vstack|append)\(", body) is not None
        return together and before is not None and re.search(rf"\[{rest}{re.escape(before[1])}\s*:", body) is not None
