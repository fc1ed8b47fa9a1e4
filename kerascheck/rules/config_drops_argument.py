"""KC301: a `get_config` that leaves out an argument of the constructor."""

from __future__ import annotations

import libcst as cst

from kerascheck.class_edits import add_items, entry, inherited_without, is_fixed_below, keep_arguments
from kerascheck.edits import Fix
from kerascheck.finding import Claim, Severity
from kerascheck.patch import replace
from kerascheck.rule import Rule, safe_fix, unsafe_fix
from kerascheck.semantic.classes import ClassInfo
from kerascheck.semantic.config import Config, cannot_be_made, unbound_name
from kerascheck.semantic.config_reads import Kept, kept
from kerascheck.semantic.custom_objects import (
    Parameter,
    config_keys,
    config_of,
    constructor,
    first_refused_key,
    has_bound_from_config,
    kind_of,
    missing_keys,
    refuses,
    written_by_base,
)
from kerascheck.semantic.first_values import Purpose, purpose_of
from kerascheck.semantic.inner_objects import refused_inner_key
from kerascheck.semantic.made_inside import is_given_inside, is_made_inside
from kerascheck.semantic.name_prefixes import only_names
from kerascheck.semantic.never_made import is_never_made
from kerascheck.semantic.purposes import (
    refuses_any_value,
    says_where_to_read,
    stands_under_another_key,
)
from kerascheck.semantic.read_as_weights import is_read_as_weights
from kerascheck.semantic.storage import instances, reached
from kerascheck.semantic.unread import unread_attribute
from kerascheck.semantic.unrunnable import fails_when_given, is_never_in_a_graph, never_runs
from kerascheck.semantic.unset_attributes import is_never_written, unset_attribute
from kerascheck.semantic.usual_values import never_given

_INSIDE = "; it is only made inside of other layers, which make it anew when they are loaded"
_GIVEN = "; it is only given inside of other layers, which make them anew when they are loaded"
_READ = "; only weights are read from the files here that have it"
_UNMADE = "; nothing in this project makes one"


class ConfigDropsArgument(Rule):
    code = "KC301"
    severity = Severity.ERROR
    claim = Claim.CONFIG_DIFFERS
    words = ((" class ",), ("get_config",))
    message = "`{owner}.get_config` leaves out `{argument}`: a loaded copy gets the default `{default}` instead"
    required = "`{owner}.get_config` leaves out `{argument}`, which has no default: loading raises"
    also = "`{owner}.get_config` leaves out `{argument}`, which has no default: loading raises, first for {cause}"
    wrong = "`{owner}.get_config` writes {keys} and not `{argument}`, which the constructor takes: loading raises"
    first = (
        "`{owner}.get_config` leaves out `{argument}`: a copy made anew starts with the default `{default}`, "
        "a loaded one has the saved values"
    )
    idle = (
        "`{owner}.get_config` leaves out `{argument}`: a loaded copy has the default `{default}`, "
        "which changes nothing, as its weight is not trained"
    )
    unread = (
        "`{owner}.get_config` leaves out `{argument}`: a loaded copy has the default `{default}` in "
        "`self.{attribute}`, which nothing here reads"
    )
    says = (
        "`{owner}.get_config` leaves out `{argument}`: a loaded copy has the default `{default}` in "
        "`self.{attribute}`, which only decides on what is printed"
    )
    names = (
        "`{owner}.get_config` leaves out `{argument}`: a loaded copy has the default `{default}`, "
        "which only names the layers and weights inside"
    )
    usual = (
        "`{owner}.get_config` leaves out `{argument}`: a loaded copy gets the default `{default}`, "
        "as all that are made here do"
    )
    unreached = "`{owner}.get_config` leaves out `{argument}`: no copy gets its value, and loading raises for {cause}"

    kept = {
        Kept.WEIGHTS: "; only weights are saved here, for which nothing is made by a configuration",
        Kept.GRAPHS: "; only graphs and weights are saved here, for which nothing is made by a configuration",
        Kept.NOTHING: "; no model is saved here, so that nothing is made by a configuration",
    }
    stranger = "`{owner}.get_config` calls `super({other}, self)`, and no `{owner}` is a `{other}`: saving raises"
    unbound = "`{owner}.get_config` calls `super({other}, self)`, and nothing is called `{other}`: saving raises"
    unset = "`{owner}.get_config` reads `self.{attribute}`, which nothing sets: saving raises"

    def check(self) -> None:
        for owner in self.module.classes:
            if owner.module is self.module and owner.own("get_config") is not None and kind_of(owner) is not None:
                self._check_class(owner)

    def _check_class(self, owner: ClassInfo) -> None:
        made, config = constructor(owner), config_of(owner)
        missing = [
            item
            for item in missing_keys(owner)
            if not is_fixed_below(self.module, owner, item.name)
            and (item.required or made is None or not says_where_to_read(owner, made, item.name))
            and (made is None or not refuses_any_value(made, item.name))
            and (item.required or made is None or not stands_under_another_key(owner, made, item.name))
            and (item.required or made is None or not fails_when_given(owner, made, item.name))
        ]
        if config is not None and config.stranger is not None:  # nothing is ever written, whatever is left out
            self._report_stranger(owner, config, self._fix(owner, missing) if missing else None)
            return
        if not missing or config is None or never_runs(owner) or is_never_in_a_graph(owner):
            return
        unset = unset_attribute(owner)
        if unset is not None:  # nothing is ever written, either
            if kind_of(owner) in {"loss", "metric"} and not self._is_saved(owner):
                return
            more = self._unread(owner)
            self.report(
                unset,
                message=self.unset + more,
                severity=Severity.INFO if more else Severity.ERROR,
                claim=Claim.SAVE_RAISES,
                subject=owner.name,
                owner=owner.name,
                attribute=unset.attr.value,
            )
            return
        if unbound_name(config) is not None or is_never_written(owner, made) or has_bound_from_config(owner):
            return  # saving raises, or loading does before it makes an object, which is for others to say
        wrong = sorted(key for key in config.keys if made is not None and refuses(owner, made, key))
        others = sorted(key for item in missing if (key := written_by_base(owner, item.name)) is not None)
        wrong += [key for key in others if key not in wrong]
        first = first_refused_key(owner, made, self.module.target.keras2) if made is not None else None
        cause = f"`{first}`" if first else next((f"the missing `{item.name}`" for item in missing if item.required), "")
        inner = None if cause or wrong else refused_inner_key(owner)
        if inner is not None:
            cause = f"`{inner[2]}`, which `{inner[1].name}` in `{inner[0]}` writes and does not take"
        fix = self._fix(owner, missing) if inner is None and not others else None  # it raises all the same
        same = (self.message, self.first, self.idle, self.unread, self.says, self.names, self.usual)
        for parameter in missing[:1] if wrong else missing:  # wrong keys are one mistake, whatever they stand for
            own = made is not None and made.function.owner is owner
            function = owner.own("get_config")
            place: cst.CSTNode = parameter.node.name
            if not own and function is not None and isinstance(function.node, cst.FunctionDef):
                place = function.node.name
            message = self.message
            if wrong or parameter.required or cause:
                required = self.also if first else self.required
                message = self.wrong if wrong else required if parameter.required else self.unreached
            severity, attribute = Severity.ERROR, None
            if message is self.message and kind_of(owner) == "initializer":
                message, severity = self.first, Severity.INFO  # the file has the weights
            elif message is self.message and made is not None:
                purpose = purpose_of(owner, made, parameter.name, self.module.target.keras3)
                if purpose is not None:
                    message, severity = self.first if purpose is Purpose.FIRST else self.idle, Severity.INFO
                else:
                    attribute = unread_attribute(owner, made, parameter.name)
                if attribute is not None:
                    message, severity = self.says if attribute.says else self.unread, Severity.INFO
                elif message is self.message and only_names(owner, made, parameter.name):
                    message, severity = self.names, Severity.INFO
                elif message is self.message and never_given(self.module, owner, parameter.name):
                    message, severity = self.usual, Severity.INFO
            never = kept(owner) if severity is Severity.ERROR else None
            inside = severity is Severity.ERROR and never is None and is_made_inside(owner)
            more = self.kept[never] if never else _INSIDE if inside else ""
            if not more and message is self.message and severity is Severity.ERROR:
                more = _GIVEN if is_given_inside(owner, parameter.name) else ""
            if severity is Severity.ERROR and not more:
                more = _READ if is_read_as_weights(owner) else _UNMADE if is_never_made(owner) else ""
            self.report(
                place,
                message=message + more,
                severity=Severity.INFO if more else severity,
                claim=Claim.CONFIG_DIFFERS if message in same else Claim.LOAD_RAISES,
                fix=fix,
                subject=owner.name,
                owner=owner.name,
                argument="` and `".join(item.name for item in missing) if wrong else parameter.name,
                default=self._default(parameter),
                keys=", ".join(f"`{key}`" for key in wrong),
                cause=cause,
                attribute=attribute.name if attribute is not None else None,
            )

    def _is_saved(self, owner: ClassInfo) -> bool:
        """Whether a model that is written whole is compiled with an object of a class."""
        return any(item.thing is owner and item.save.format != "json" for item in reached(self.module))

    def _unread(self, owner: ClassInfo) -> str:
        """Why nothing asks for the configuration of a class; empty where something may."""
        never = kept(owner, True)
        return self.kept[never] if never else _UNMADE if is_never_made(owner) else ""

    def _report_stranger(self, owner: ClassInfo, config: Config, added: Fix | None) -> None:
        call = config.stranger
        if kind_of(owner) == "optimizer" or call is None or not self.module.owns(call):
            return  # that of an optimizer has not been run
        if cannot_be_made(owner):
            return
        fix = None
        if kind_of(owner) not in {"regularizer", "schedule"}:  # run on 2.15 and 3.15.1: theirs has none to call
            fix = safe_fix("call `super()`", [replace(self.module, call, "super()")])
        if fix is not None and added is not None:
            fix = Fix(f"{fix.title} and {added.title}", (*fix.edits, *added.edits), added.applicability)
        more = self._unread(owner)
        self.report(
            call,
            message=(self.unbound if config.unbound else self.stranger) + more,
            severity=Severity.INFO if more else Severity.ERROR,
            claim=Claim.SAVE_RAISES,
            fix=fix,
            subject=owner.name,
            owner=owner.name,
            other=self.module.code(call.args[0].value),
        )

    def _default(self, parameter: Parameter) -> str:
        node = parameter.node.default
        if node is None or not self.module.owns(node):
            return "..."
        return self.module.code(node)

    def _fix(self, owner: ClassInfo, missing: list[Parameter]) -> Fix | None:
        """One fix for all arguments of the class: they go into the same dictionary."""
        config, made = config_of(owner), constructor(owner)
        if config is None or made is None or made.function.owner is not owner or config.owner is not owner:
            return None
        keys = config_keys(config, owner) or frozenset()
        if any(refuses(owner, made, key) for key in config.keys):
            return None  # a wrong key raises anyway
        found = [entry(self.module, owner, made, item, instances(self.module, owner)) for item in missing]
        entries = [item for item in found if item is not None]
        if (
            len(entries) < len(found)
            or any(item.rebuild for item in entries)
            or not keys.isdisjoint(item.key for item in entries)
        ):
            return None
        kept = keep_arguments(self.module, made, entries)
        edits = add_items(self.module, config, entries)
        if edits is None or kept is None:
            return None
        names = ", ".join(f"`{item.key}`" for item in entries)
        safe = all(item.safe for item in entries) and not kept and owner.method("from_config")[0] is None
        safe = safe and not inherited_without(owner, [item.key for item in entries])
        return (safe_fix if safe else unsafe_fix)(f"add {names} to `get_config`", [*kept, *edits])
