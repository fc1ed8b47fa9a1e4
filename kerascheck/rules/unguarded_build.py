"""KC105: a `build` that builds a layer which it was given, and which is built already when the file is loaded."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from kerascheck.edits import Edit, Fix
from kerascheck.finding import Claim, Severity
from kerascheck.patch import indentation
from kerascheck.rule import Rule, safe_fix
from kerascheck.semantic.classes import ClassInfo
from kerascheck.semantic.inside import path_to
from kerascheck.semantic.storage import instances, reached
from kerascheck.semantic.target import Reach, releases_text
from kerascheck.semantic.values import Items, Obj
from kerascheck.semantic.walk import walk


class UnguardedBuild(Rule):
    code = "KC105"
    severity = Severity.ERROR
    claim = Claim.LOAD_RAISES
    words = ((" class ",), (".build(",), ("layer", "model", "functional", "sequential"))
    message = "`{layer}.build` raises when the model is loaded: the layer that was given is built by then{releases}"

    def check(self) -> None:
        reach = self.module.target.which(">=3")  # measured: 2.15 loads
        if reach is Reach.NONE:
            return
        for owner in self.module.classes:
            build = owner.own("build") if owner.keras_kind is not None else None
            if build is None or not isinstance(build.node, cst.FunctionDef):
                continue
            for call, name in self._unguarded(owner, build.node):
                kept = owner.method("get_config")[0] is not None or self._is_saved(owner)
                if self._is_harmless(owner, name):
                    continue
                self.report(
                    call,
                    severity=Severity.ERROR if reach is Reach.ALL and kept else Severity.WARNING,
                    fix=self._fix(build.node, call),
                    subject=owner.name,
                    layer=self.module.code(call.func.value) if isinstance(call.func, cst.Attribute) else name,
                    releases="" if reach is Reach.ALL else f" ({releases_text(self.module.target.bad('>=3'))})",
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
            receiver = self.module.code(node.func.value)
            name = _attribute(receiver)
            for loop in (item for item in path if isinstance(item, cst.For)):
                if self.module.code(loop.target) == receiver:
                    name = _attribute(self.module.code(loop.iter))
            tests = [self.module.code(item.test) for item in path if isinstance(item, cst.If)]
            if name in given and not any("built" in test for test in tests) and not _is_tried(path):
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

    def _is_saved(self, owner: ClassInfo) -> bool:
        return any(item.thing is owner for item in reached(self.module))

    def _is_harmless(self, owner: ClassInfo, name: str) -> bool:
        """Whether all that is given, as far as instances are seen, has no weights of its own or is a whole model."""
        parameter, place = self._given(owner)[name]
        seen = [made.arguments.value(parameter, place) for made in instances(self.module, owner)]
        layers = [item for value in seen for item in (value.known() if isinstance(value, Items) else (value,))]
        return bool(layers) and all(isinstance(item, Obj) and self._can_be_built_again(item) for item in layers)

    def _can_be_built_again(self, layer: Obj) -> bool:
        if layer.kind == "model" and layer.cls is None:
            return layer.form == "functional" or not self.module.target.bad("<3.6")
        return self.module.facts.weighted(layer) is False

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
