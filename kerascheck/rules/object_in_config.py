"""KC303: a `get_config` that returns an object which loading cannot make again."""

from __future__ import annotations

from kerascheck.finding import Claim, Severity
from kerascheck.rule import RelatedNode, Rule
from kerascheck.semantic.classes import ClassInfo
from kerascheck.semantic.config_objects import raw_objects
from kerascheck.semantic.storage import Reached, reached


class ObjectInConfig(Rule):
    code = "KC303"
    severity = Severity.ERROR
    claim = Claim.LOAD_RAISES
    message = "`{owner}.get_config()` returns {what} as `{key}`, and nothing makes it again: loading raises"

    def check(self) -> None:
        if not any(owner.own("get_config") for owner in self.module.classes):
            return
        found: dict[ClassInfo, Reached] = {}
        for item in reached(self.module):
            # measured: an `.h5` file is fine for arrays, and for layers on 2.15 and from 3.11.3 on
            if isinstance(item.thing, ClassInfo) and item.thing.module is self.module and item.save.format == ".keras":
                found.setdefault(item.thing, item)
        for owner, item in found.items():
            for raw in raw_objects(self.module, owner):
                article = "an" if raw.kind == "array" else "a"
                self.report(
                    raw.node,
                    related=[RelatedNode(item.save.module, item.save.node, "saved here")],
                    subject=owner.name,
                    owner=owner.name,
                    what=f"the configuration of a {raw.kind}" if raw.serialized else f"{article} {raw.kind}",
                    key=raw.key,
                )
