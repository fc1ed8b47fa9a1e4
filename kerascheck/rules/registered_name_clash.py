"""KC310: two classes that are registered under one name."""

from __future__ import annotations

from kerascheck.finding import Claim, Severity
from kerascheck.rule import RelatedNode, Rule
from kerascheck.semantic.registrations import Registration, registrations


class RegisteredNameClash(Rule):
    code = "KC310"
    severity = Severity.ERROR
    claim = Claim.CONFIG_DIFFERS
    message = "`{name}` and `{other}` are both registered as `{key}`: whichever comes last is loaded for both"
    related_message = "registered under the same name"

    def check(self) -> None:
        if "register_keras_serializable" not in self.module.source.text or not self.module.target.bad(">=3"):
            return  # Keras 2 was not run
        known: dict[str, Registration] = {}
        for module in sorted(self.module.family(), key=lambda item: item is self.module):
            for item in registrations(module):
                earlier = known.setdefault(item.key, item)
                if earlier is item or module is not self.module or self._is_the_same(earlier, item):
                    continue
                self.report(
                    item.owner.node.name,
                    related=[RelatedNode(earlier.owner.module, earlier.owner.node.name, self.related_message)],
                    name=item.owner.name,
                    other=earlier.owner.name,
                    key=item.key,
                )

    def _is_the_same(self, one: Registration, other: Registration) -> bool:
        """A class that is written again in its own file replaces the first; a copy is as good as the first."""
        first, second = one.owner, other.owner
        if first.module is second.module and first.name == second.name:
            return True
        return first.module.code(first.node.body) == second.module.code(second.node.body)
