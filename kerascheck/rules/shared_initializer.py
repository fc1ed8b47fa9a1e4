"""KC408: one random initializer object for two layers of the same shape."""

from __future__ import annotations

import libcst as cst

from kerascheck.edits import Fix
from kerascheck.finding import Claim, Severity
from kerascheck.patch import replace
from kerascheck.rule import RelatedNode, Rule, unsafe_fix
from kerascheck.semantic.values import Obj
from kerascheck.semantic.widths import Kernel, kernels

_RANDOM = frozenset(
    """RandomNormal RandomUniform TruncatedNormal VarianceScaling GlorotNormal GlorotUniform HeNormal HeUniform
    LecunNormal LecunUniform Orthogonal OrthogonalInitializer""".split()
)


class SharedInitializer(Rule):
    code = "KC408"
    severity = Severity.ERROR
    claim = Claim.EQUAL_WEIGHTS
    words = (("kernel_initializer",),)
    message = "this `{layer}` starts with the same kernel as another one: they share the initializer object `{name}`"

    def check(self) -> None:
        module = self.module
        reported: set[cst.CSTNode] = set()
        for model in module.facts.models:
            first: dict[tuple[Obj, Kernel], Obj] = {}
            for layer, kernel in kernels(module.facts, model):
                found = layer.arguments.find("kernel_initializer")
                if found is None or not isinstance(found[1], Obj) or not self._is_random(found[1]):
                    continue
                other = first.setdefault((found[1], kernel), layer)
                if other is layer or layer.call is None or layer.call in reported or not module.owns(found[0]):
                    continue
                reported.add(layer.call)
                related = [RelatedNode(module, other.call, "the other layer")] if other.call is not None else []
                self.report(
                    found[0],
                    fix=self._fix(found[0], found[1]),
                    related=[item for item in related if module.owns(item.node)],
                    subject=layer.short,
                    layer=layer.short,
                    name=module.code(found[0]),
                )

    def _is_random(self, value: Obj) -> bool:
        return value.ref.startswith("keras.initializers.") and value.short in _RANDOM

    def _fix(self, node: cst.BaseExpression, value: Obj) -> Fix | None:
        """A new object in the place of the name; one with a seed would draw the same again."""
        made = value.call
        if made is None or not isinstance(node, cst.Name) or not self.module.owns(made):
            return None
        if not value.arguments.lacks("seed") or value.arguments.positional:
            return None
        text = self.module.code(made)
        return unsafe_fix("make a new initializer", [replace(self.module, node, text)]) if "\n" not in text else None
