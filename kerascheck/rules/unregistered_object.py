"""KC305: a class or function that a saved model needs and that Keras cannot find by its name."""

from __future__ import annotations

import libcst as cst

from kerascheck.class_edits import flavour_of, register
from kerascheck.edits import Fix
from kerascheck.finding import Claim, Severity
from kerascheck.rule import RelatedNode, Rule, safe_fix, unsafe_fix
from kerascheck.semantic.before_registration import registers_nothing
from kerascheck.semantic.classes import ClassInfo
from kerascheck.semantic.custom_objects import is_top_level, name_of, registered
from kerascheck.semantic.global_objects import registered_by_calls
from kerascheck.semantic.same_run import reads_another, reads_back
from kerascheck.semantic.storage import (
    READING,
    Load,
    Reached,
    Save,
    asks_for,
    circle,
    in_h5_by_plain_name,
    loads,
    loads_of,
    loads_perhaps,
    may_be_reached,
    never_read,
    path_key,
    reached,
    read_as_weights,
    replaced,
    surely_reads,
    unfound_on,
)
from kerascheck.semantic.target import Reach, releases_text
from kerascheck.semantic.unrunnable import never_runs
from kerascheck.semantic.values import Func
from kerascheck.semantic.written_loads import is_cared_for, is_read_elsewhere


class UnregisteredObject(Rule):
    code = "KC305"
    severity = Severity.WARNING
    claim = Claim.LOAD_RAISES
    words = ((" class ", " def "),)
    around = (("save", "modelcheckpoint"),)
    message = "`{name}` is in a saved model and not registered: `load_model` raises where it is not handed over"
    plain = (
        "`{name}` is in a saved `.h5` file by its plain name: `load_model` raises where it is not handed over, "
        "registered or not"
    )
    unread = "`{name}` is in a saved `.h5` file and not built by `__init__`: `load_model` raises, handed over or not"
    some = " ({releases})"
    own = "`{name}` is in a saved model and not registered: `load_model` takes Keras' own `{name}` in its place"
    unregistrable = "`{name}` is in a saved model: `load_model` raises where it is not handed over (Keras before 2.4)"

    def check(self) -> None:
        own: list[ClassInfo | Func] = [*self.module.classes, *self.module.functions]
        top = [item for item in own if item.module is self.module and is_top_level(item)]
        if not any(not registered(item) for item in top) or not may_be_reached(self.module, top):
            return
        found: dict[ClassInfo | Func, list[Reached]] = {}
        for item in reached(self.module):
            if item.thing.module is self.module and item.save.format != "json" and self._counts(item):
                found.setdefault(item.thing, []).append(item)
        for thing, items in found.items():
            if isinstance(thing, Func) or not never_runs(thing):
                self._check_object(thing, items)

    def _counts(self, item: Reached) -> bool:
        if item.save.temporary and not self._named(item.save):
            return False  # nothing else reads such a file
        if isinstance(item.thing, Func) and item.made is not None and item.made.short == "Lambda":
            return False  # KC307 speaks of it
        if name_of(item.thing) in registered_by_calls(item.save.reader):
            return False  # where it is loaded KC306 looks who registers it there
        return name_of(item.thing) != "" and is_top_level(item.thing) and registered(item.thing) is False

    def _named(self, save: Save) -> list[Load]:
        """The loads that surely read a file of this name; of one in a temporary folder those in the same run."""
        if save.temporary:
            return [load for load in reads_back(save) if not load.call.guarded]
        return [load for load in loads_of(self.module, save) if surely_reads(load, save)]

    def _check_object(self, thing: ClassInfo | Func, items: list[Reached]) -> None:
        name, target = name_of(thing), self.module.target
        around = [load for other in circle(self.module, READING) for load in loads(other)]
        if any(path_key(load.path) is None and supplies(load, name) for load in around):
            return  # a load of some file hands it over
        always = bool(around) and all(supplies(load, name) for load in around)  # whatever file it is
        kept = [item for item in items if not item.save.temporary]
        for item in kept + [item for item in items if item.save.temporary]:
            named = self._named(item.save)
            every = [load for load in named if item.save.temporary or not reads_another(load, item.save)]
            needing = [load for load in every if asks_for(load, item)]
            if every and all(supplies(load, name) for load in needing):
                continue
            if not every and (
                always or any(self._is_fine(load, item) for load in loads_perhaps(self.module, item.save))
            ):
                continue
            if read_as_weights(self.module, item.save):
                continue
            if not every and is_cared_for(self.module, item.save, name, item.compiled):
                continue
            bites = unfound_on(item)
            reach = target.which(bites) if bites else Reach.ALL
            note = reach is Reach.NONE and replaced(item)
            if (reach is Reach.NONE and not note) or not isinstance(thing.node, (cst.ClassDef, cst.FunctionDef)):
                continue
            plain = in_h5_by_plain_name(item)
            message = self.unread if never_read(item) else self.plain if plain else self.message
            old = not note and self._is_always_handed_over(item)
            message = self.own if note else self.unregistrable if old else message
            self.report(
                thing.node.name,
                message=message + (self.some if reach is Reach.SOME and not old else ""),
                severity=Severity.INFO if note or old else self.severity,
                claim=Claim.NONE if note else self.claim,
                fix=None
                if note or old or plain
                else self._fix(thing, named, [] if kept and item not in kept else needing),
                related=[RelatedNode(item.save.module, item.save.node, "saved here")],
                subject=name,
                name=name,
                releases=releases_text(target.bad(bites)) if bites else "",
            )
            return

    def _is_always_handed_over(self, item: Reached) -> bool:
        """Whether no Keras of the program registers names, and no load of the project is known to lack this one."""
        if not registers_nothing(self.module, item.save.module, item.save.reader):
            return False
        if not all(self._is_fine(load, item) for load in loads_perhaps(self.module, item.save)):
            return False
        return not is_read_elsewhere(self.module, item.save)

    def _is_fine(self, load: Load, item: Reached) -> bool:
        return supplies(load, name_of(item.thing)) or (item.compiled and not load.compiles)

    def _fix(self, thing: ClassInfo | Func, every: list[Load], needing: list[Load]) -> Fix | None:
        edits = register(self.module, thing, flavour_of(thing) if isinstance(thing, ClassInfo) else "")
        if edits is None:
            return None
        # the registered name is in new files: who reads them has to import the decorated object; and a program that
        # handed the object over by its old name read them before, and does not find it under the new one
        safe = bool(needing) and all(load.module.reaches(thing.module) for load in needing)
        safe = safe and not any(supplies(load, name_of(thing)) for load in every)
        return (safe_fix if safe else unsafe_fix)(f"register `{name_of(thing)}`", edits)


def supplies(load: Load, name: str) -> bool:
    """Whether a load hands the object over, or may do so."""
    return load.objects is None or name in load.objects
