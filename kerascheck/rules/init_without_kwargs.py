"""KC304: the constructor of a saved layer or model that cannot take `name`, `trainable` and `dtype`."""

from __future__ import annotations

from kerascheck.class_edits import hand_keywords_on
from kerascheck.edits import Fix
from kerascheck.finding import Claim, Severity
from kerascheck.rule import RelatedNode, Rule, safe_fix, unsafe_fix
from kerascheck.semantic.classes import ClassInfo
from kerascheck.semantic.custom_objects import (
    Constructor,
    config_function,
    config_of,
    kind_of,
    read_constructor,
    uses_keywords,
)
from kerascheck.semantic.lost_arguments import saving_raises
from kerascheck.semantic.storage import Reached, reached
from kerascheck.semantic.target import Reach, releases_text


class InitWithoutKwargs(Rule):
    code = "KC304"
    severity = Severity.ERROR
    claim = Claim.LOAD_RAISES
    words = ((" class ",), ("__init__",))
    around = (("save", "modelcheckpoint"),)
    message = "loading `{owner}` raises: its configuration holds {keys}, which `__init__` does not take"
    lost = "`__init__` of `{owner}` drops `**{kwargs}`: a loaded copy loses its name, dtype and trainable"
    some = " ({releases})"

    def check(self) -> None:
        candidates = [owner for owner in self.module.classes if kind_of(owner) in {"layer", "model"}]
        if all(_not_taken(owner) is None for owner in candidates if owner.module is self.module):
            return  # which models are saved is not asked
        for item in reached(self.module):
            if isinstance(item.thing, ClassInfo) and not item.compiled and item.save.format != "json":
                self._check_class(item.thing, item)

    def _check_class(self, saved: ClassInfo, item: Reached) -> None:
        kind = kind_of(saved)
        function, sure = config_function(saved)
        config = config_of(saved)
        if kind not in {"layer", "model"} or not sure or any(base is None for base in saved.lineage()):
            return
        if item.made is not None and saving_raises(saved, item.made, self.module.target):
            return  # KC302 says so: nothing is ever loaded
        if config is not None and config.stranger is not None:
            return  # KC301 says that saving raises
        if function is not None and (config is None or not config.calls_super):
            return  # what it writes cannot be told, or the names of the base are not in it
        # measured: without a get_config of its own Keras 2 writes what `__init__` takes
        bites = "" if kind == "layer" and function is not None else ">=3"
        for owner in saved.lineage():
            initializer = owner.own("__init__") if isinstance(owner, ClassInfo) else None
            made = read_constructor(initializer) if initializer is not None else None
            if not isinstance(owner, ClassInfo) or initializer is None:
                continue
            missing = _not_taken(owner)
            if made is not None and missing is not None:
                self._report(owner, made, missing, item, bites)
            if made is None or made.hands_keywords is not True:
                return

    def _report(self, owner: ClassInfo, made: Constructor, missing: list[str], item: Reached, bites: str) -> None:
        if owner.module is not self.module:
            return
        target = self.module.target
        reach = target.which(bites) if bites else Reach.ALL
        if reach is Reach.NONE:
            return
        self.report(
            made.node.name,
            message=(self.message if missing else self.lost) + (self.some if reach is Reach.SOME else ""),
            severity=Severity.ERROR if reach is Reach.ALL else Severity.WARNING,
            claim=Claim.LOAD_RAISES if missing else Claim.CONFIG_DIFFERS,
            fix=self._fix(owner, made),
            related=[RelatedNode(item.save.module, item.save.node, "saved here")],
            subject=owner.name,
            owner=owner.name,
            keys=", ".join(f"`{key}`" for key in missing),
            kwargs=made.keywords,
            releases=releases_text(target.bad(bites)) if bites else "",
        )

    def _fix(self, owner: ClassInfo, made: Constructor) -> Fix | None:
        if made.keywords in made.used:
            return None  # something is taken out of them, or they are deleted, before the call or after it
        edits = hand_keywords_on(self.module, owner, made)
        if not edits:
            return None
        if made.keywords is not None:  # names that were given and dropped now count
            return unsafe_fix(f"hand `**{made.keywords}` to `super().__init__`", edits)
        return safe_fix("take `**kwargs` and hand it to `super().__init__`", edits)


def _not_taken(owner: ClassInfo) -> list[str] | None:
    """The keys of every configuration that a constructor does not take; none when it drops them, None when all is well.

    What it does with them has to be known.
    """
    initializer = owner.own("__init__")
    made = read_constructor(initializer) if initializer is not None else None
    if made is None:
        return None
    if made.keywords is None:
        return [key for key in ("name", "trainable", "dtype") if not made.takes(key)] or None
    drops = made.hands_keywords is False and not uses_keywords(made)
    return [] if drops and made.super_call is not None and "name" not in made.super_call.keywords else None
