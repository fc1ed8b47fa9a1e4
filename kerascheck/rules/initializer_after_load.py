"""KC111: a graph-mode program runs the initializer of all variables after it has loaded weights."""

from __future__ import annotations

import re

import libcst as cst

from kerascheck.edits import Edit, Fix
from kerascheck.finding import Claim, Severity
from kerascheck.rule import RelatedNode, Rule, unsafe_fix
from kerascheck.semantic.events import Event
from kerascheck.semantic.training import models_of
from kerascheck.semantic.values import Obj
from kerascheck.semantic.walk import walk
from kerascheck.text import Position

_GRAPH_MODE = ("disable_eager_execution", "disable_v2_behavior")
# a session that Keras uses: its own, the default one, or one that it is given
_SHARED = re.compile(r"\bset_session\(|\bas_default\(|\bwith\b[^\n]*Session\(")


class InitializerAfterLoad(Rule):
    code = "KC111"
    severity = Severity.ERROR
    claim = Claim.WEIGHTS_NOT_LOADED
    depends_on_order = True
    words = (("global_variables_initializer", "initialize_all_variables"), ("load_weights", "load_model"))
    message = "the initializer runs after `{load}`, so `{model}` has fresh random weights again"

    def check(self) -> None:
        # measured on 2.15 in graph mode; Keras 3 has no graph mode
        bad = self.module.target.bad("<3")
        events = list(self.module.events_of("initialize", "load_weights"))
        runs = [event for event in events if event.name == "initialize" and event.module is self.module]
        if not bad or not runs or not self._graph_mode():
            return
        severity = Severity.ERROR if len(bad) == len(self.module.target.releases) else Severity.WARNING
        for run in runs:
            model = models_of(run)[0]
            loads = [event for event in events if event.name == "load_weights" and model in models_of(event)]
            if any(load.order > run.order and load.function is run.function for load in loads):
                continue  # loaded again afterwards
            earlier = [load for load in loads if load.order < run.order]
            node = earlier[-1].node if earlier else model.call
            if node is None or not self._uses_session_of_keras(run):
                continue
            place = earlier[-1].module if earlier else model.module
            self.report(
                run.node,
                severity=severity,
                fix=self._fix(run),
                related=[RelatedNode(place, node, "it is loaded here")] if place is not None else (),
                subject=model.short,
                load="load_weights" if earlier else "load_model",
                model=self._name(earlier[-1]) if earlier else "the model",
            )

    def _graph_mode(self) -> bool:
        """Whether the program surely runs in graph mode: TensorFlow 1, or eager mode is switched off."""
        homes = self.module.family("disable_")
        calls = [call for home in homes for call in home.calls if home is self.module or not call.standalone]
        return self.module.is_tensorflow_1 or any(call.name.endswith(_GRAPH_MODE) for call in calls)

    def _uses_session_of_keras(self, run: Event) -> bool:
        """False for a session that the program keeps to itself: Keras' weights live in another one."""
        session = run.arguments.positional[0][1]
        if not isinstance(session, Obj) or not session.ref.endswith(".Session"):
            return True
        return _SHARED.search(self.module.source.text) is not None

    def _name(self, load: Event) -> str:
        node = load.receiver_node
        return self.module.code(node) if node is not None and self.module.owns(node) else "the model"

    def _is_alone(self, line: cst.SimpleStatementLine) -> bool:
        """Whether a block has no other statement."""
        blocks = (node for node in walk(self.module.tree) if isinstance(node, cst.IndentedBlock))
        return any(len(block.body) == 1 and block.body[0] is line for block in blocks)

    def _fix(self, run: Event) -> Fix | None:
        """Take the whole line away, unless it is the only one of its block or a comment above speaks of it."""
        line = run.statement
        if not isinstance(line, cst.SimpleStatementLine) or len(line.body) != 1:
            return None
        small, span, source = line.body[0], self.module.span(line), self.module.source
        if not isinstance(small, cst.Expr) or small.value is not run.node:
            return None
        first, last = source.position(span.start).line, source.position(span.end).line
        above = next((text for number in range(first - 1, 0, -1) if (text := source.line(number).strip())), "")
        if above.startswith("#") or self._is_alone(line):
            return None
        start, end = source.offset(Position(first, 1)), source.offset(Position(last + 1, 1))
        return unsafe_fix("take the initializer away", [Edit(start, end, "")])
