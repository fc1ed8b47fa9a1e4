"""KC302: a class whose saved configuration lacks its arguments, because it has no `get_config` of its own."""

from __future__ import annotations

import libcst as cst

from kerascheck.class_edits import entry, hand_keywords_on, inherited_without, keep_arguments, new_get_config
from kerascheck.edits import Fix
from kerascheck.finding import Claim, Severity
from kerascheck.rule import RelatedNode, Rule, safe_fix, unsafe_fix
from kerascheck.semantic.classes import ClassInfo
from kerascheck.semantic.constructors import arguments_of
from kerascheck.semantic.custom_objects import (
    Constructor,
    Parameter,
    config_function,
    config_keys,
    config_of,
    constructor,
    handed_on,
    keras_base_with_config,
    kind_of,
    written_by_base,
)
from kerascheck.semantic.first_values import Purpose, purpose_of
from kerascheck.semantic.lost_arguments import is_graph, lost_arguments, refuses_to_save
from kerascheck.semantic.storage import Reached, instances, loads_of, reached
from kerascheck.semantic.target import Reach, releases_text


class MissingGetConfig(Rule):
    code = "KC302"
    severity = Severity.ERROR
    claim = Claim.CONFIG_DIFFERS
    words = ((" class ",), ("__init__",))
    around = (("save", "modelcheckpoint"),)
    message = "`{owner}` has no `get_config`: a loaded copy gets the default of {arguments} instead"
    required = "`{owner}` has no `get_config`, so the file lacks {arguments}: {verb} raises"
    objects = "`{owner}` has no `get_config` and is made with an object as {arguments}: saving raises"
    inherited = (
        "`{owner}` inherits its `get_config`, which leaves out {arguments}: a loaded copy gets the default instead"
    )
    renamed = "`{owner}` inherits its `get_config`, which writes {keys} and not {arguments}: loading raises"
    first = (
        "the configuration of `{owner}` leaves out {arguments}: a copy made anew starts with the default, "
        "a loaded one has the saved values"
    )
    some = " ({releases})"

    def check(self) -> None:
        if not any(_may_lose_arguments(owner) for owner in self.module.classes):
            return  # which models are saved is not asked
        lost: dict[ClassInfo, tuple[dict[str, Parameter], bool, Reached]] = {}
        for item in reached(self.module):
            owner = item.thing
            if not isinstance(owner, ClassInfo) or item.made is None or item.save.format == "json":
                continue
            made = constructor(owner)
            home = made.function.owner if made is not None else None
            if made is None or home is None or home.module is not self.module or not _may_lose_arguments(home):
                continue
            if not self._is_read(item) or any(base is None for base in owner.lineage()):
                continue
            for parameter, plain in lost_arguments(owner, made, item.made):
                known = lost.setdefault(home, ({}, plain, item))
                known[0][parameter.name] = parameter
        for home, (parameters, plain, item) in lost.items():
            self._report(home, list(parameters.values()), plain, item)

    def _is_read(self, item: Reached) -> bool:
        """A loss or metric does not come back when every load leaves it out."""
        loads = loads_of(self.module, item.save) if item.compiled else []
        return not loads or any(load.compiles for load in loads)

    def _report(self, home: ClassInfo, parameters: list[Parameter], plain: bool, item: Reached) -> None:
        target = self.module.target
        owner = item.thing
        made = constructor(home)
        if made is None or not isinstance(owner, ClassInfo):
            return
        # measured: Keras 2 keeps what a model was made with
        bites = ">=3" if kind_of(home) == "model" and config_function(home)[0] is None else ""
        reach = target.which(bites) if bites else Reach.ALL
        if reach is Reach.NONE:
            return
        required = any(parameter.required for parameter in parameters)
        if required and plain:
            parameters = [parameter for parameter in parameters if parameter.required]
        message = self.objects if not plain else self.required if required else self.message
        if config_function(home)[0] is not None or keras_base_with_config(home) is not None:
            message = self.required if required else self.inherited
        others = {item.name: key for item in parameters if (key := written_by_base(home, item.name)) is not None}
        if others and plain:
            message, parameters = self.renamed, [item for item in parameters if item.name in others]
        first = message in (self.message, self.inherited) and all(
            purpose_of(home, made, parameter.name, target.keras3) is Purpose.FIRST for parameter in parameters
        )
        if first:
            message = self.first
        graph = is_graph(owner, item.made) if item.made is not None and kind_of(home) == "model" else False
        late = refuses_to_save(home, target)
        at_save = late is Reach.ALL and graph is not True
        self.report(
            home.node.name,
            message=message + (self.some if reach is Reach.SOME else ""),
            severity=Severity.INFO if first else Severity.ERROR if reach is Reach.ALL else Severity.WARNING,
            claim=Claim.SAVE_RAISES
            if message is self.objects or (required and at_save and graph is False)
            else Claim.LOAD_RAISES
            if required or message is self.renamed
            else Claim.CONFIG_DIFFERS,
            fix=self._fix(home, made) if not others and (graph is False or self._makes_graph(made)) else None,
            related=[RelatedNode(item.save.module, item.save.node, "saved here")],
            subject=home.name,
            owner=home.name,
            keys=", ".join(f"`{others[item.name]}`" for item in parameters if item.name in others),
            arguments=", ".join(f"`{parameter.name}`" for parameter in parameters),
            verb="saving"
            if at_save and graph is False
            else "loading"
            if late is Reach.NONE or graph is True
            else "saving or loading",
            releases=releases_text(target.bad(bites)) if bites else "",
        )

    def _makes_graph(self, made: Constructor) -> bool:
        """Whether a constructor makes its inputs itself, so that it can make them again.

        Run: with a `get_config` such a class loads on 3.12.4 and 3.15.1, not on 3.6.0; where the graph is handed
        over loading raises on all of them.
        """
        call = made.super_call
        if call is None or not {"inputs", "outputs"} <= call.keywords.keys():
            return False
        own = not any(made.takes(name) for name in ("inputs", "outputs"))
        return own and self.module.target.which(">=3.12") is Reach.ALL

    def _fix(self, owner: ClassInfo, made: Constructor) -> Fix | None:
        """Write every argument that no base writes, and let the constructor take the keys of the base."""
        call = made.super_call
        if (
            call is None
            or (call.positional and kind_of(owner) == "model")
            or not isinstance(made.node, cst.FunctionDef)
        ):
            return None
        config = config_of(owner)
        known = config_keys(config, owner) if config is not None else frozenset()
        base = keras_base_with_config(owner)
        written = (known or frozenset()) | ((arguments_of(base) or frozenset()) if base is not None else frozenset())
        wanted = [
            item
            for item in made.own
            if item.name not in written
            and not ((config is not None or base is not None) and handed_on(owner, item.name))
        ]
        objects = instances(self.module, owner)
        entries = [found for item in wanted if (found := entry(self.module, owner, made, item, objects)) is not None]
        keywords = hand_keywords_on(self.module, owner, made)
        kept = keep_arguments(self.module, made, entries)
        if len(entries) < len(wanted) or not entries or keywords is None or kept is None:
            return None
        if any(item.rebuild for item in entries) and owner.method("from_config")[0] is not None:
            return None
        method = new_get_config(self.module, owner, made, entries)
        if method is None:
            return None
        safe = all(item.safe for item in entries) and (made.keywords is None or made.hands_keywords is True)
        safe = safe and owner.method("from_config")[0] is None
        safe = safe and not inherited_without(owner, [item.key for item in entries])
        return (safe_fix if safe else unsafe_fix)("write a `get_config`", [*keywords, *kept, *method])


def _may_lose_arguments(owner: ClassInfo) -> bool:
    """Whether a class has a constructor of its own and takes its configuration from a base."""
    return owner.own("__init__") is not None and owner.own("get_config") is None and bool(kind_of(owner))
