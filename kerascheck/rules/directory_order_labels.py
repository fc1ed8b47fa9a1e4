"""KC410: the order in which the file system lists folders becomes the numbering of labels."""

from __future__ import annotations

from kerascheck.finding import Claim, Severity
from kerascheck.patch import wrap
from kerascheck.rule import RelatedNode, Rule, unsafe_fix
from kerascheck.semantic.idle_keras import leaves_keras_idle
from kerascheck.semantic.listings import WORDS, label_orders
from kerascheck.semantic.one_run import leaves_nothing

_KEY = ", key=lambda entry: entry.name)"


class DirectoryOrderLabels(Rule):
    code = "KC410"
    severity = Severity.WARNING
    # another order needs another file system: a run on one machine shows nothing
    claim = Claim.NONE
    words = (WORDS,)
    message = "the file system gives these names in any order: on another one the labels have other numbers"

    def check(self) -> None:
        module = self.module
        if not any(word in module.source.text for word in WORDS) or not module.serves_keras:
            return
        if leaves_keras_idle(module) and leaves_nothing(module):
            return
        for found in label_orders(module):
            self.report(
                found.listing,
                fix=unsafe_fix(
                    "sort the names", wrap(module, found.listing, "sorted(", _KEY if found.of_entries else ")")
                ),
                related=[RelatedNode(module, found.use, "the order becomes numbers here")],
                subject=module.code(found.listing),
            )
