"""KC310: two classes or two functions that are registered under one name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kerascheck.finding import Claim, Severity
from kerascheck.rule import RelatedNode, Rule
from kerascheck.semantic.registrations import Registration, registrations

if TYPE_CHECKING:
    from kerascheck.semantic.module import Module


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
        for module in self._earlier():
            for item in registrations(module):
                earlier = known.setdefault(item.key, item)
                if earlier is item or module is not self.module or self._is_the_same(earlier, item):
                    continue
                self.report(
                    item.node.name,
                    related=[RelatedNode(earlier.owner.module, earlier.node.name, self.related_message)],
                    name=item.name,
                    other=earlier.name,
                    key=item.key,
                )

    def _earlier(self) -> Iterator[Module]:
        """The modules that are there before this one, then this one: it imports them, or one program imports both."""
        family = list(self.module.family())
        yield from (module for module in family if module is not self.module)
        for user in self.module.users:
            others = [module for module in user.imported if module is self.module or module not in family]
            if self.module in others:
                yield from others[: others.index(self.module)]
        yield self.module

    def _is_the_same(self, one: Registration, other: Registration) -> bool:
        """A class that is written again in its own file replaces the first; a copy is as good as the first."""
        first, second = one.owner.module, other.owner.module
        if first is second and one.name == other.name:
            return True
        return first.code(one.node.body) == second.code(other.node.body)
