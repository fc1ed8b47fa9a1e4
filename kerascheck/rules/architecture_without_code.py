"""KC213: a model is made from JSON that names code which is neither registered nor handed over."""

from __future__ import annotations

import re
from dataclasses import replace

import libcst as cst

from kerascheck.finding import Claim, Severity
from kerascheck.rule import RelatedNode, Rule
from kerascheck.semantic.classes import ClassInfo
from kerascheck.semantic.custom_objects import name_of, registered
from kerascheck.semantic.module import Module
from kerascheck.semantic.receivers import OLD_COPY
from kerascheck.semantic.storage import Save, circle, reached_by, saves
from kerascheck.semantic.values import Func

_SUPPLIED = re.compile(r"custom_object_scope|CustomObjectScope|get_custom_objects|enable_unsafe_deserialization")


class ArchitectureWithoutCode(Rule):
    code = "KC213"
    severity = Severity.WARNING
    claim = Claim.LOAD_RAISES
    words = (("model_from_json",),)
    around = (("to_json",),)
    message = "`model_from_json` raises: the text names {names}, neither registered nor handed over"

    def check(self) -> None:
        calls = [call for call in self.module.calls_of("keras.models.model_from_json") if call.module is self.module]
        calls = [call for call in calls if call.arguments.lacks("custom_objects", 1) and not call.guarded]
        if not calls or any(map(_SUPPLIED.search, self.module.texts())):
            return
        around = circle(self.module, ("to_json",))
        written = [save for module in around for save in saves(module) if save.format == "json"]
        missing = [(save, self._missing(save)) for save in written]
        for call in calls:
            # the text may be that of any model which the project writes: where there are several, all must be bad
            near = [item for item in missing if item[0].function is call.function]
            beside = near or missing
            if beside and all(names for _, names in beside) and (near or not self._writes_others(around, written)):
                save, names = beside[0]
                self.report(
                    call.node,
                    related=[RelatedNode(save.module, save.node, "the text is written here")],
                    subject=", ".join(names),
                    names=", ".join("a `lambda`" if name == "<lambda>" else f"`{name}`" for name in names),
                )

    def _writes_others(self, around: list[Module], written: list[Save]) -> bool:
        """Whether some text is that of a model which is not known at any of its calls."""
        known = {id(save.node) for save in written}
        events = (event for module in around for event in module.events_of("to_json"))
        return any(id(event.node) not in known for event in events if event.receiver is None)

    def _missing(self, save: Save) -> list[str]:
        """The names that nobody gives and the text needs, whichever of several models it is that of."""
        each = [self._needed(replace(save, models=(model,))) for model in save.models]
        return sorted({name for names in each for name in names}) if all(each) else []

    def _needed(self, save: Save) -> list[str]:
        found: dict[str, None] = {}
        for item in reached_by(save):
            if (
                item.made is not None
                and item.made.original.startswith(OLD_COPY)
                and item.made.ref == "keras.layers.Lambda"
            ):
                continue  # the old copy has no safe mode: it takes what it writes, or writes nothing any more
            if isinstance(item.thing, Func) and isinstance(item.thing.node, cst.Lambda):
                found["<lambda>"] = None
            elif isinstance(item.thing, ClassInfo) and item.thing.module is not save.module:
                # measured for files: up to 3.8 the module of a class is imported by its name
                if not self.module.target.bad("<3.9") and registered(item.thing) is False:
                    found[item.thing.name] = None
            elif registered(item.thing) is False and name_of(item.thing):
                found[name_of(item.thing)] = None
        return list(found)
