"""KC105: a `build` that builds a layer which it was given, and which is built already when the file is loaded."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from kerascheck.edits import Edit, Fix
from kerascheck.finding import Claim, Severity
from kerascheck.patch import indentation
from kerascheck.rule import Rule, safe_fix
from kerascheck.semantic.classes import ClassInfo
from kerascheck.semantic.inside import path_to
from kerascheck.semantic.rebuilding import REFUSED, refused_on
from kerascheck.semantic.storage import instances
from kerascheck.semantic.target import Reach, releases_text
from kerascheck.semantic.values import Items, Obj
from kerascheck.semantic.walk import walk

_TELLS_CLASS = re.compile(r"serialize\w*\(|class_name")


class UnguardedBuild(Rule):
    code = "KC105"
    severity = Severity.ERROR
    claim = Claim.LOAD_RAISES
    words = ((" class ",), (".build(",), ("layer", "model", "functional", "sequential"))
    message = "`{layer}.build` raises when the model is loaded: the layer that was given is built by then{releases}"

    def check(self) -> None:
        if self.module.target.which(">=3") is Reach.NONE:  # measured: 2.15 loads
            return
        for owner in self.module.classes:
            build = owner.own("build") if owner.keras_kind is not None else None
            if build is None or not isinstance(build.node, cst.FunctionDef):
                continue
            for call, name in self._unguarded(owner, build.node):
                bad = self._bad(owner, name)
                reach = self.module.target.which(bad) if bad else Reach.NONE
                if reach is Reach.NONE:
                    continue
                self.report(
                    call,
                    severity=Severity.ERROR if reach is Reach.ALL else Severity.WARNING,
                    fix=self._fix(build.node, call),
                    subject=owner.name,
                    layer=self.module.code(call.func.value) if isinstance(call.func, cst.Attribute) else name,
                    releases="" if reach is Reach.ALL else f" ({releases_text(self.module.target.bad(bad))})",
                )

    def _unguarded(self, owner: ClassInfo, build: cst.FunctionDef) -> Iterator[tuple[cst.Call, str]]:
        """The `.build(...)` of given layers that nothing keeps from running again, with the attribute's name."""
        given = self._given(owner)
        for node in walk(build.body) if given else ():
            if not isinstance(node, cst.Call) or not isinstance(node.func, cst.Attribute):
                continue
            if node.func.attr.value != "build":
                continue
            path = path_to(build.body, node)
            if len(node.args) > 1 or not any(isinstance(item, cst.Expr) and item.value is node for item in path):
                continue  # Keras' `build` takes one shape and gives nothing
            receiver = self.module.code(node.func.value)
            name = _attribute(receiver)
            for loop in (item for item in path if isinstance(item, cst.For)):
                if self.module.code(loop.target) == receiver:
                    name = _attribute(self.module.code(loop.iter))
            if name not in given:
                continue
            tests = [self.module.code(item.test) for item in path if isinstance(item, cst.If)]
            # `if self.inner.built: return` stands beside the call, not around it
            asked = re.search(rf"{re.escape(receiver)}\.built\b(?!\s*=[^=])", self.module.code(build)) is not None
            if not asked and not any("built" in test for test in tests) and not _is_tried(path):
                yield node, name

    def _given(self, owner: ClassInfo) -> dict[str, tuple[str, int]]:
        """The attributes that hold an argument of the constructor as it was given: its name and place (from 0)."""
        made = owner.own("__init__")
        if made is None or not isinstance(made.node, cst.FunctionDef):
            return {}
        taken = made.node.params
        names = [item.name.value for item in (*taken.params, *taken.kwonly_params)]
        found = {}
        for node in walk(made.node.body):
            if isinstance(node, cst.Assign) and isinstance(node.value, cst.Name) and node.value.value in names:
                name = _attribute(self.module.code(node.targets[0].target))
                if name:
                    found[name] = (node.value.value, names.index(node.value.value) - 1)
        return found

    def _bad(self, owner: ClassInfo, name: str) -> str:
        """The releases on which a file with this layer cannot be loaded; empty where nothing shows that it cannot.

        Measured: without a `get_config` `save` raises, and with one that leaves the layer out the constructor does.
        """
        given = self._given(owner)
        parameter, place = given[name]
        configured = self._configured(owner, [item for item, held in given.items() if held[0] == parameter])
        if not configured:
            return ""
        seen = [made.arguments.value(parameter, place) for made in instances(self.module, owner)]
        parts = [item for value in seen for item in (value.known() if isinstance(value, Items) else (value,))]
        layers = [item for item in parts if isinstance(item, Obj)]
        if layers:
            found = {refused_on(self.module, item) for item in layers} - {None, ""}
            return REFUSED if len(found) > 1 else next((item for item in found if item), "")
        return REFUSED if self._is_any_layer(owner, name, parameter, configured) else ""

    def _configured(self, owner: ClassInfo, names: list[str]) -> str:
        """The code of the methods `get_config` that hand one of the attributes back; empty without one."""
        methods = [item.own("get_config") for item in owner.lineage() if isinstance(item, ClassInfo)]
        texts = [item.module.code(item.node) for item in methods if item is not None]
        if owner.keras_base == "keras.layers.Wrapper" and "layer" in names:
            texts.append("serialize(self.layer)")  # run on 3.15.1: its own
        held = rf"\bself\.(?:{'|'.join(names)})"
        found = "\n".join(text for text in texts if re.search(rf"{held}\b", text))
        if re.search(rf"{held}\.get_config\(", found) and not _TELLS_CLASS.search(found):
            return ""  # it does not say which class it is: whoever loads it makes another one, or fails before
        return found

    def _is_any_layer(self, owner: ClassInfo, name: str, parameter: str, configured: str) -> bool:
        """Whether the class shows that layers are what it is given, and not only whole models."""
        made = owner.own("__init__")
        if made is None or not _TELLS_CLASS.search(configured):
            return False
        text = self.module.code(made.node)
        bindings = re.findall(rf"\bself\.{name}(?::[^=\n]+)?\s*=(?!=)\s*(.+)", text)
        if any(value.strip() != parameter for value in bindings):
            return False
        noted = re.search(rf"\b{parameter}\s*:\s*([^,=)]+)", text)
        asked = re.search(rf"isinstance\(\s*{parameter}\s*,([^\n]*)", text)
        words = " ".join([parameter, *(item[1] for item in (noted, asked) if item is not None)])
        return re.search(r"(?i)model|backbone|functional|sequential", words) is None

    def _fix(self, build: cst.FunctionDef, call: cst.Call) -> Fix | None:
        path = path_to(build.body, call)
        line = next((item for item in path if isinstance(item, cst.SimpleStatementLine)), None)
        if (
            line is None
            or len(line.body) != 1
            or not isinstance(line.body[0], cst.Expr)
            or line.body[0].value is not call
        ):
            return None
        if not isinstance(call.func, cst.Attribute):
            return None
        start, end = self.module.span(line.body[0]).start, self.module.span(line.body[0]).end
        before = self.module.source.text[:start].rpartition("\n")[2]
        if before.strip() or "\n" in self.module.code(call):
            return None
        outer = indentation(self.module, start)
        step = "\t" if "\t" in outer else "    "
        layer = self.module.code(call.func.value)
        text = f"if not {layer}.built:{self.module.source.newline}{outer}{step}{self.module.code(call)}"
        return safe_fix("build it only if it is not built", [Edit(start, end, text)])


def _attribute(text: str) -> str:
    """`inner` of `self.inner`; empty for anything else."""
    name = text.removeprefix("self.")
    return name if name != text and name.isidentifier() else ""


def _is_tried(path: list[cst.CSTNode]) -> bool:
    return any(isinstance(item, (cst.Try, cst.TryStar)) for item in path)
