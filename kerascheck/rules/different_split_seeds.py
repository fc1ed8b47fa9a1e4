"""KC407: the two halves of a folder are drawn with different seeds."""

from __future__ import annotations

from kerascheck.finding import Claim, Severity
from kerascheck.patch import replace
from kerascheck.rule import RelatedNode, Rule, unsafe_fix
from kerascheck.semantic.datasets import FROM_DIRECTORY
from kerascheck.semantic.events import CallFact
from kerascheck.semantic.values import Arguments, Const, number, string


class DifferentSplitSeeds(Rule):
    code = "KC407"
    severity = Severity.ERROR
    claim = Claim.LEAK
    words = (("validation_split",), ("from_directory",))
    message = "seed {seed} here and {other} for the other subset: the two overlap"

    def check(self) -> None:
        module = self.module
        earlier: list[CallFact] = []
        for call in module.calls_of(*FROM_DIRECTORY):
            if call.module is not module or not self._is_half(call.arguments):
                continue
            for other in earlier:
                if other.node is not call.node and other.function is call.function and self._differ(other, call):
                    node = call.arguments.find("seed")
                    if node is None:
                        continue
                    first = other.arguments.find("seed")
                    text = module.code(first[0]) if first is not None else ""
                    self.report(
                        node[0],
                        fix=unsafe_fix("give both the same seed", [replace(module, node[0], text)]),
                        related=[RelatedNode(module, other.node, "the other subset")],
                        subject=call.name.rpartition(".")[2],
                        seed=number(node[1]),
                        other=number(first[1]) if first is not None else None,
                    )
                    break
            earlier.append(call)

    def _is_half(self, given: Arguments) -> bool:
        split, seed = number(given.value("validation_split")), number(given.value("seed"))
        subset, shuffle = string(given.value("subset")), given.value("shuffle")
        return (
            split is not None
            and seed is not None
            and subset in {"training", "validation"}
            and (shuffle == Const(True) or given.lacks("shuffle"))
        )

    def _differ(self, one: CallFact, other: CallFact) -> bool:
        first, second = one.arguments, other.arguments
        folders = [given.find("directory", 0) for given in (first, second)]
        if folders[0] is None or folders[1] is None:
            return False
        same = self.module.code(folders[0][0]) == self.module.code(folders[1][0])
        if folders[0][1] is not None and folders[1][1] is not None:
            same = folders[0][1] == folders[1][1]
        return (
            same
            and one.name == other.name
            and first.value("subset") != second.value("subset")
            and number(first.value("validation_split")) == number(second.value("validation_split"))
            and number(first.value("seed")) != number(second.value("seed"))
        )
