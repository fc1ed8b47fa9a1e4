"""KC310: two classes or two functions that are registered under one name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.class_edits import quote
from kerascheck.edits import Fix
from kerascheck.finding import Claim, Severity
from kerascheck.patch import insert_argument, replace
from kerascheck.rule import RelatedNode, Rule, unsafe_fix
from kerascheck.semantic.registrations import Registration, registrations

if TYPE_CHECKING:
    from kerascheck.semantic.module import Module

_WORD = "register_keras_serializable"


class RegisteredNameClash(Rule):
    code = "KC310"
    severity = Severity.ERROR
    claim = Claim.CONFIG_DIFFERS
    words = ((_WORD,),)
    message = "`{name}` and `{other}` are both registered as `{key}`: whichever comes last is loaded for both"
    related_message = "registered under the same name"

    def check(self) -> None:
        if not any(registrations(self.module)):
            return
        known: dict[str, Registration] = {}
        every = [(module, item) for module in self._earlier() for item in registrations(module)]
        taken = {item.key for _, item in every}
        for module, item in every:
            earlier = known.setdefault(item.key, item)
            if earlier is item or module is not self.module or self._is_the_same(earlier, item):
                continue
            self.report(
                item.node.name,
                fix=self._fix(item, taken),
                related=[RelatedNode(earlier.owner.module, earlier.node.name, self.related_message)],
                name=item.name,
                other=earlier.name,
                key=item.key,
            )

    def _fix(self, item: Registration, taken: set[str]) -> Fix | None:
        """Register it under the name that it has in the source, or that with the name of the file in front."""
        package = item.key.partition(">")[0]
        stem = PurePosixPath(self.module.path.replace("\\", "/")).stem
        name = next((name for name in (item.name, f"{stem}_{item.name}") if f"{package}>{name}" not in taken), None)
        written = [
            decorator.decorator
            for decorator in item.node.decorators
            if isinstance(decorator.decorator, cst.Call) and "register_keras" in self.module.code(decorator.decorator)
        ]
        if name is None or len(written) != 1 or item.key in self.module.source.text:
            return None
        taken.add(f"{package}>{name}")
        call, mark = written[0], quote(self.module)
        given = [argument.value for argument in call.args if argument.keyword and argument.keyword.value == "name"]
        given += [argument.value for argument in call.args[1:2] if argument.keyword is None]
        text = f"{mark}{name}{mark}"
        edit = replace(self.module, given[0], text) if given else insert_argument(self.module, call, f"name={text}")
        return unsafe_fix(f"register it as `{package}>{name}`", [edit])

    def _earlier(self) -> Iterator[Module]:
        """The modules that are there before this one, then this one: it imports them, or one program imports both."""
        family = self.module.family(_WORD)
        yield from (module for module in family if module is not self.module)
        for user in self.module.users_with(_WORD):
            others = [module for module in user.family(_WORD)[1:] if module is self.module or module not in family]
            if self.module in others:
                yield from others[: others.index(self.module)]
        yield self.module

    def _is_the_same(self, one: Registration, other: Registration) -> bool:
        """A class that is written again in its own file replaces the first; a copy is as good as the first."""
        first, second = one.owner.module, other.owner.module
        if first is second and one.name == other.name:
            return True
        return first.code(one.node.body) == second.code(other.node.body)
