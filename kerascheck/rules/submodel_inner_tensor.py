"""KC209: a graph runs what lies inside of its sub-model once more; saved whole, it cannot be loaded or is untied."""

from __future__ import annotations

from typing import cast

import libcst as cst

from kerascheck.finding import Claim, Severity
from kerascheck.rule import RelatedNode, Rule
from kerascheck.semantic.layer_graph import Application, InnerUse, SharedUse, graph_of, inner_uses, shared_uses
from kerascheck.semantic.module import Module
from kerascheck.semantic.saving import whole_saves
from kerascheck.semantic.storage import WRITING, Save
from kerascheck.semantic.target import Release, releases_text
from kerascheck.semantic.values import Obj, string

_DOES = {
    (True, False): "raises",
    (False, True): "silently unties weights",
    (True, True): "raises or unties weights",
}


class SubmodelInnerTensor(Rule):
    code = "KC209"
    severity = Severity.ERROR
    claim = Claim.LOAD_RAISES
    words = (("model", "functional", "sequential", " def ", " lambda "),)
    around = (("save", "modelcheckpoint"), ("model", "functional", "sequential"))
    message = "`load_model` raises: this graph runs `{sub}` and, from inside, {inner} again ({keras})"
    called = (
        "`load_model`, or the first call of what it gives, raises: this graph runs `{sub}` and, from inside,"
        " {inner} again ({keras})"
    )
    untied = "`load_model` silently unties weights: this graph runs `{sub}` and, from inside, {inner} again ({keras})"
    mixed = "`load_model` raises or unties weights: this graph runs `{sub}` and, from inside, {inner} again ({keras})"
    shared = "`load_model` {does}: this graph runs `{sub}` and `{other}`, which share {inner} ({keras})"

    def check(self) -> None:
        for module in self._modules():
            for model in module.facts.models:
                graph = graph_of(module.facts, model) if model.cls is None else None
                if graph is None or not isinstance(model.call, cst.Call):
                    continue
                found: tuple[InnerUse | SharedUse, ...] = tuple(inner_uses(module.facts, graph))
                found += tuple(shared_uses(module.facts, graph))
                for use in found if found and self.module.owns(model.call) else ():
                    if self._reported(module, model, model.call, use):
                        break

    def _modules(self) -> list[Module]:
        """This module; and those that import it, when it makes a model of tensors that only they know."""
        made = [model for model in self.module.facts.models if model.form == "functional"]
        graphs = [graph_of(self.module.facts, model) for model in made]
        unknown = any(graph is None or not graph.complete for graph in graphs)
        return [self.module, *self.module.users_with(*WRITING)] if unknown else [self.module]

    def _reported(self, module: Module, model: Obj, call: cst.Call, use: InnerUse | SharedUse) -> bool:
        for save in whole_saves(module, model):
            raising, silent = self._raising(save, use), self._silent(save, use)
            if not raising and not silent:
                continue
            whole = len({*raising, *silent}) == len(self.module.target.releases)
            inner = self.mixed if raising and silent else self.message if raising else self.untied
            if isinstance(use, InnerUse) and _is_lost(use) and save.format != ".h5":
                inner = self.called
            self.report(
                call,
                message=inner if isinstance(use, InnerUse) else self.shared,
                severity=Severity.ERROR if whole else Severity.WARNING,
                claim=Claim.LOAD_RAISES if raising else Claim.SHARING_LOST,
                related=self._related(use, save),
                subject=model.short,
                sub=self._name(use.run if isinstance(use, InnerUse) else use.one),
                other="" if isinstance(use, InnerUse) else self._name(use.other),
                inner=self._inner(use.inner) if isinstance(use, InnerUse) else f"`{_name_of(use.layer)}`",
                does=_DOES[bool(raising), bool(silent)],
                keras=releases_text(sorted({*raising, *silent})),
            )
            return True
        return False

    def _raising(self, save: Save, use: InnerUse | SharedUse) -> tuple[Release, ...]:
        """The releases on which the file that this save writes cannot be loaded."""
        target = self.module.target
        if isinstance(use, SharedUse):  # measured: 2.15 and 3.0.5-3.15.1, in either order; `.h5` is not even written
            return target.bad(">=2.12") if save.format != ".h5" else ()
        if save.format == ".h5":  # measured: 3.0.5, 3.1.1
            return target.bad(">=3.0,<3.3")
        if _is_lost(
            use
        ):  # measured: 2.15 and 3.15.1 raise, 3.3.3-3.12.4 when it is called; 3.0.5 may load it as it was
            return target.bad(">=2.12,<3 or >=3.3")
        # measured: 2.15 and 3.0.5-3.15.1; before 2.12 it is HDF5. A layer that Keras 3 writes in front of the sub-model
        # is found again when that is loaded
        return target.bad(">=2.12") if use.written_first else target.bad(">=2.12,<3")

    def _silent(self, save: Save, use: InnerUse | SharedUse) -> tuple[Release, ...]:
        """The releases on which it loads with more weights than before."""
        # measured on 2.15: some of these load as they were, others raise
        unknown = isinstance(use, InnerUse) and not use.written_first and use.apart is not False
        if save.format == ".h5":  # measured: 2.15, 3.3.3-3.15.1
            return self.module.target.bad(">=3.3" if unknown else "<3 or >=3.3")
        return () if unknown else self.module.target.bad("<2.12")

    def _related(self, use: InnerUse | SharedUse, save: Save) -> list[RelatedNode]:
        related = []
        if isinstance(use, InnerUse):
            places = (use.run, "the sub-model runs here"), (use.inner, "this is inside it, too")
        else:
            places = (use.one, "the one sub-model runs here"), (use.other, "the other runs here")
        for application, text in places:
            node = application.tensor.call
            if node is not None and self.module.owns(node):
                related.append(RelatedNode(self.module, node, text))
        return [*related, RelatedNode(save.module, save.node, "the model is saved here")]

    def _inner(self, item: Application) -> str:
        """What is used from the inside: a layer by its own name or class, or some tensor."""
        if item.layer is None or item.inside is not None:
            return "a tensor"
        return f"`{_name_of(item.layer)}`"

    def _name(self, run: Application) -> str:
        node, sub = run.tensor.call, cast(Obj, run.layer)
        if isinstance(node, cst.Call) and self.module.owns(node) and isinstance(node.func, (cst.Name, cst.Attribute)):
            return self.module.code(node.func)
        return _name_of(sub)


def _is_lost(use: InnerUse) -> bool:
    """Whether the outer graph takes the run inside of the sub-model, on another input, for its own."""
    return use.written_first is False and use.apart is True


def _name_of(layer: Obj) -> str:
    return string(layer.arguments.value("name")) or layer.short
