"""KC303: a `get_config` that returns an object which loading cannot make again."""

from __future__ import annotations

from kerascheck.class_edits import make_again
from kerascheck.finding import Claim, Severity
from kerascheck.rule import RelatedNode, Rule, unsafe_fix
from kerascheck.semantic.classes import ClassInfo
from kerascheck.semantic.config_objects import raw_objects
from kerascheck.semantic.storage import Reached, reached


class ObjectInConfig(Rule):
    code = "KC303"
    severity = Severity.ERROR
    claim = Claim.LOAD_RAISES
    words = ((" class ",), ("get_config",))
    around = (("save", "modelcheckpoint"),)
    message = "`{owner}.get_config()` returns {what} as `{key}`, and nothing makes it again: loading raises"

    def check(self) -> None:
        if not any(owner.own("get_config") and any(raw_objects(self.module, owner)) for owner in self.module.classes):
            return  # which models are saved is not asked
        found: dict[ClassInfo, Reached] = {}
        for item in reached(self.module):
            # measured: an `.h5` file is fine for arrays, and for layers on 2.15 and from 3.11.3 on
            if isinstance(item.thing, ClassInfo) and item.thing.module is self.module and item.save.format == ".keras":
                found.setdefault(item.thing, item)
        for owner, item in found.items():
            raws = list(raw_objects(self.module, owner))
            edits = make_again(self.module, owner, raws) if raws else None  # one `from_config` makes them all
            for raw in raws:
                article = "an" if raw.kind == "array" else "a"
                self.report(
                    raw.node,
                    fix=unsafe_fix("make it again in a `from_config`", edits) if edits is not None else None,
                    related=[RelatedNode(item.save.module, item.save.node, "saved here")],
                    subject=owner.name,
                    owner=owner.name,
                    what=f"the configuration of a {raw.kind}" if raw.serialized else f"{article} {raw.kind}",
                    key=raw.key,
                )
