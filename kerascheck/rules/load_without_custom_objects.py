"""KC306: `load_model` of a file of this project that needs objects which are not supplied."""

from __future__ import annotations

import posixpath

import libcst as cst

from kerascheck.class_edits import quote
from kerascheck.edits import Edit, Fix
from kerascheck.finding import Claim, Severity
from kerascheck.patch import after_imports, insert_argument
from kerascheck.rule import RelatedNode, Rule, unsafe_fix
from kerascheck.semantic.classes import ClassInfo
from kerascheck.semantic.custom_objects import is_top_level, name_of, registered
from kerascheck.semantic.module import Module
from kerascheck.semantic.registrations import registrations
from kerascheck.semantic.same_run import written_before
from kerascheck.semantic.storage import (
    Load,
    Reached,
    Save,
    asks_for,
    folder_of,
    in_h5_by_plain_name,
    loads_standing_in,
    never_read,
    reached_by,
    saves_of,
    unfound_on,
    writers_of,
    writes_back,
)
from kerascheck.semantic.target import Reach, releases_text
from kerascheck.semantic.values import Class, Func, Obj


class LoadWithoutCustomObjects(Rule):
    code = "KC306"
    severity = Severity.ERROR
    claim = Claim.LOAD_RAISES
    words = (("load_model",),)
    message = "`load_model` raises: the file needs {names}, neither registered nor handed over"
    plain = (
        "`load_model` raises: the file needs {names}, not handed over; an `.h5` file has its plain name, "
        "under which nothing is registered"
    )
    some = " ({releases})"

    def check(self) -> None:
        for reader, load in loads_standing_in(self.module):
            if load.objects is not None and not load.call.guarded:
                self._check_load(reader, load, load.objects)

    def _check_load(self, reader: Module, load: Load, given: frozenset[str]) -> None:
        before = [save for save in written_before(reader, load) if _models_of(save)]
        meant = before or [save for save in saves_of(reader, load) if _models_of(save)]
        writers = before or ([save for save in writers_of(reader, load) if _models_of(save)] if meant else [])
        save = next((save for save in meant if save in writers), None)
        if save is None:
            return
        needs = [self._missing(load, other, model, given) for other in writers for model in _models_of(other)]
        if not all(missing for missing, _ in needs):
            return  # what another one has written loads
        first, _ = self._missing(load, save, None, given)
        missing = {name: thing for name, thing in first.items() if all(name in other for other, _ in needs)} or first
        target = self.module.target
        bites = next((on for _, on in needs if on and target.which(on) is Reach.SOME), "")
        named = [name for name, thing in missing.items() if not registered(thing)]
        hopeless = reader is not self.module or any(never_read(item) for item in reached_by(save))
        self.report(
            load.node,
            message=(self.message if named else self.plain) + (self.some if bites else ""),
            severity=Severity.WARNING if bites else Severity.ERROR,
            fix=None if hopeless else self._fix(load, missing),
            related=[RelatedNode(save.module, save.node, "saved here")],
            subject=", ".join(missing),
            names=", ".join(f"`{name}`" for name in named or missing),
            releases=releases_text(target.bad(bites)) if bites else "",
        )

    def _missing(
        self, load: Load, save: Save, model: Obj | None, given: frozenset[str]
    ) -> tuple[dict[str, ClassInfo | Func], str]:
        """The objects that the file needs and nobody gives, and the releases on which that raises ("": all)."""
        found: dict[str, ClassInfo | Func] = {}
        bites: set[str] = set()
        for item in reached_by(save, *([model] if model is not None else [])):
            name = name_of(item.thing)
            if save.format == "json" or not name or name in given or not _is_unknown(item):
                continue
            if isinstance(item.thing, Func) and item.made is not None and item.made.short == "Lambda":
                continue  # KC307 speaks of it
            if not asks_for(load, item):
                continue
            on = unfound_on(item)
            if on and self.module.target.which(on) is Reach.NONE:
                continue
            found[name] = item.thing
            bites.add(on)
        return found, "" if "" in bites else " or ".join(sorted(bites))

    def _fix(self, load: Load, missing: dict[str, ClassInfo | Func]) -> Fix | None:
        if not load.call.arguments.lacks("custom_objects", 1) or not isinstance(load.node, cst.Call):
            return None
        names = self.module.interpreter.root.names
        imports: dict[str, list[str]] = {}
        for name, thing in missing.items():
            bound = names.get(name)
            if (bound.info if isinstance(bound, Class) else bound) is thing:
                continue
            stem = posixpath.basename(thing.module.path)
            beside = folder_of(thing.module) == folder_of(self.module) and stem[:-3].isidentifier()
            if not is_top_level(thing) or not beside or name in names or thing.module is self.module:
                return None
            imports.setdefault(stem[:-3], []).append(name)
        offset = after_imports(self.module)
        if imports and offset is None:
            return None
        end = self.module.source.newline
        lines = [f"from {stem} import {', '.join(found)}{end}" for stem, found in imports.items()]
        mark = quote(self.module)
        items = ", ".join(f"{mark}{name}{mark}: {name}" for name in missing)
        edits = [insert_argument(self.module, load.node, f"custom_objects={{{items}}}")]
        if lines and offset is not None:
            edits.append(Edit(offset, offset, "".join(lines)))
        return unsafe_fix(f"hand {', '.join(f'`{name}`' for name in missing)} over", edits)


def _models_of(save: Save) -> list[Obj]:
    """The models that a save may write, without those that are written back to the file they were read from."""
    return [model for model in save.models if not writes_back(save, model)]


def _is_unknown(item: Reached) -> bool:
    """Whether Keras does not find a class or function: it is not registered, or the file has another name of it."""
    known, module = registered(item.thing), item.thing.module
    if not known or not in_h5_by_plain_name(item) or "get_custom_objects" in module.source.text:
        return known is False
    return any(one.owner is item.thing and one.key.index(">") > 0 for one in registrations(module))
