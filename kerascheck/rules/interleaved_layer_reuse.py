"""KC208: a layer runs again on what another layer made of its result, and the model is saved whole."""

from __future__ import annotations

import libcst as cst

from kerascheck.finding import Claim, Severity
from kerascheck.rule import RelatedNode, Rule
from kerascheck.semantic.layer_graph import Application, LayerGraph, graph_of
from kerascheck.semantic.meeting import meeting
from kerascheck.semantic.module import Module
from kerascheck.semantic.saving import whole_saves
from kerascheck.semantic.storage import WRITING, Save
from kerascheck.semantic.target import releases_text
from kerascheck.semantic.values import Obj

_Fault = tuple[Application, Application, Application]


class InterleavedLayerReuse(Rule):
    code = "KC208"
    severity = Severity.ERROR
    claim = Claim.LOAD_RAISES
    words = (("layer", "model", "functional", "sequential", "applications", "hub", " def ", " lambda "),)
    around = (("save", "modelcheckpoint"), ("model", "functional", "sequential"))
    message = "`load_model` raises `Layer node index out of bounds`: `{layer}` runs again after `{between}` ({keras})"

    def check(self) -> None:
        # measured: 3.0.5-3.6.0 raise for `.keras` and `.h5`, 2.15 and 3.7.0-3.15.1 load
        bad = self.module.target.bad(">=3.0,<3.7")
        if not bad:
            return
        severity = Severity.ERROR if len(bad) == len(self.module.target.releases) else Severity.WARNING
        for module in (self.module, *self.module.users_with(*WRITING)):
            for model in module.facts.models:
                graph = graph_of(module.facts, model) if model.cls is None else None
                found = self._faults(graph) if graph is not None else []
                save = next(whole_saves(module, model), None) if found else None
                for fault in found if save is not None else []:
                    self._report(fault, module, model, save, severity, releases_text(bad))

    def _faults(self, graph: LayerGraph) -> list[_Fault]:
        """The run before, the run that cannot be made again, and what stands between them."""
        found = []
        for before, again in graph.interleaved():
            between = next((item for item in again.sources if item.key is not again.key), before)
            found.append((before, again, between))
        if not found:
            late = graph.out_of_order()
            runs = graph.runs.get(late[0].layer) if late is not None and late[0].layer is not None else None
            if late is not None and runs is not None and len(runs) > 1:
                found.append((runs[0] if late[0] is not runs[0] else runs[1], late[0], late[1]))
        return found

    def _report(
        self, fault: _Fault, home: Module, model: Obj, save: Save | None, severity: Severity, keras: str
    ) -> None:
        before, again, between = fault
        found = meeting(before.tensor, again.tensor, home)
        if found is None or not self.module.owns(found.place.call):
            return
        related, told = [], {found.place.call}
        for step, text in (
            (found.before, "it runs here before"),
            (found.again, "it runs again here"),
            (found.run, "by this call"),
        ):
            if step is not None and step.call not in told and step.module.owns(step.call):
                told.add(step.call)
                related.append(RelatedNode(step.module, step.call, text))
        if save is not None:
            related.append(RelatedNode(save.module, save.node, "the model is saved here"))
        self.report(
            found.place.call,
            severity=severity,
            related=related,
            subject=model.short,
            layer=self._name(again),
            between=self._name(between),
            keras=keras,
        )

    def _name(self, item: Application) -> str:
        """What runs, as it is written in this file, else its class or operation."""
        call = item.tensor.call
        if isinstance(call, cst.Call) and self.module.owns(call):
            made_here = isinstance(call.func, cst.Call)
            return self.module.code(call.func.func if isinstance(call.func, cst.Call) and made_here else call.func)
        return item.layer.short if item.layer is not None else item.operation.rpartition(".")[2] or "Input"
