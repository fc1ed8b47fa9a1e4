"""KC111: a graph-mode program runs the initializer of all variables after it has loaded weights."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.edits import Edit, Fix
from kerascheck.finding import Claim, Severity
from kerascheck.rule import RelatedNode, Rule, unsafe_fix
from kerascheck.semantic.calls import RUNNING_METHODS
from kerascheck.semantic.events import Event
from kerascheck.semantic.target import Reach
from kerascheck.semantic.training import models_of
from kerascheck.semantic.values import Obj, options
from kerascheck.semantic.walk import walk
from kerascheck.text import Position

if TYPE_CHECKING:
    from kerascheck.semantic.module import Module

_NEW_GRAPH = re.compile(r"\bGraph\(\)\.as_default\(\)$")
_GRAPH_MODE = ("disable_eager_execution", "disable_v2_behavior")
# a session that Keras uses: one that it is given, or the default one
_SHARED = re.compile(r"\bset_session\(|(?<!Graph\(\)\.)\bas_default\(|\bwith[ \t]+[\w.]*sess(?:ion)?\w*[ \t]*[:,]")
# methods that run a model in the session that Keras uses at this place, and do not give its tensors away
_RUNS = RUNNING_METHODS | {"load_weights", "save_weights", "save", "to_json", "compile", "build", "summary"}
_MAIN = re.compile(r"\b__name__\s*==\s*['\"]__main__['\"]")
_INITIALIZERS = ("global_variables_initializer", "initialize_all_variables")
_LOADS = ("load_weights", "load_model")


class InitializerAfterLoad(Rule):
    code = "KC111"
    severity = Severity.ERROR
    claim = Claim.WEIGHTS_NOT_LOADED
    depends_on_order = True
    words = (_INITIALIZERS,)
    around = (_LOADS,)
    message = "the initializer runs after `{load}`, so `{model}` has fresh random weights again"

    def check(self) -> None:
        # measured on 2.15 in graph mode; Keras 3 has no graph mode
        if not self.module.target.bad("<3"):
            return
        self._check_program(self.module)
        if not self.reports and any(word in self.module.source.text for word in _INITIALIZERS):
            # a helper that runs the initializer is judged by the scripts that call it
            for user in self.module.users_with(*_LOADS):
                self._check_program(user)

    def _check_program(self, program: Module) -> None:
        events = list(program.events_of("initialize", "load_weights"))
        runs = [event for event in events if event.name == "initialize" and self._is_here(program, event)]
        if not runs or not self._graph_mode(program):
            return
        every = self.module.target.which("<3") is Reach.ALL
        for run in runs:
            model = models_of(run)[0]
            loads = [event for event in events if event.name == "load_weights" and model in models_of(event)]
            earlier = [load for load in loads if load.order < run.order]
            first = earlier[-1].site if earlier else model.call if model.module is program else None
            call = _call_that_decides(program, run, first)
            if (call is not None) is not (run.module is not self.module):
                continue  # the program that makes this call is where it is reported
            if call is not None and run.standalone and not _comes_before(program, first, call):
                continue  # a function that is read by itself is walked with what others, or an earlier walk, left
            if any(load.order > run.order and _is_again(program, load, run, call) for load in loads):
                continue  # loaded again afterwards
            if not earlier and model.ref != "keras.models.load_model":
                continue  # one of several that a builder may give, and not the one that is loaded
            node = earlier[-1].node if earlier else model.call
            if node is None or not self._uses_session_of_keras(program, run, model) or self._has_own_graph(run, node):
                continue
            place = earlier[-1].module if earlier else model.module
            self.report(
                run.node if call is None else call,
                severity=Severity.ERROR if every else Severity.WARNING,
                fix=self._fix(run) if program is self.module and call is None else None,
                related=self._related(program, run, place, node),
                subject=model.short,
                load="load_weights" if earlier else "load_model",
                model=self._name(earlier[-1]) if earlier else "the model",
            )

    def _is_here(self, program: Module, run: Event) -> bool:
        """Whether it stands in this file, or is what a call of this file leads to."""
        return run.module is self.module or (program is self.module and self.module.owns(run.site))

    def _related(self, program: Module, run: Event, place: Module | None, node: cst.CSTNode) -> list[RelatedNode]:
        found = [RelatedNode(place, node, "it is loaded here")] if place is not None else []
        if run.module is not self.module:
            found.append(RelatedNode(run.module, run.node, "and this is the initializer"))
        elif program is not self.module and program.owns(run.site):
            found.append(RelatedNode(program, run.site, "and this comes here afterwards"))
        return found

    def _graph_mode(self, program: Module) -> bool:
        """Whether the program surely runs in graph mode: TensorFlow 1, or eager mode is switched off."""
        homes = program.family("disable_")
        calls = [call for home in homes for call in home.calls if home is program or not call.standalone]
        return program.is_tensorflow_1 or any(call.name.endswith(_GRAPH_MODE) for call in calls)

    def _uses_session_of_keras(self, program: Module, run: Event, model: Obj) -> bool:
        """False for a session that the program keeps to itself: Keras' weights live in another one."""
        session = run.arguments.positional[0][1]
        if not isinstance(session, Obj) or not session.ref.endswith(".Session"):
            return True
        if any(_shares_session(home, program) for home in program.family("session", "sess")):
            return True
        if run.module is not self.module:
            return False
        blocks = self.module.index.nodes(cst.With)
        return any(
            self._is_used_in(block, run, model)
            for block in blocks
            if any(part.item is session.call for part in block.items)
        )

    def _has_own_graph(self, run: Event, load: cst.CSTNode) -> bool:
        """Whether the initializer runs in a block of `with tf.Graph().as_default()` that the load is not in.

        Run on 2.15: a new graph has none of the variables of the model, which predicts as before.
        """
        for block in self.module.index.nodes(cst.With):
            if any(_NEW_GRAPH.search(self.module.code(part.item)) for part in block.items):
                inside = {id(node) for node in walk(block)}
                if (id(run.node) in inside or id(run.site) in inside) and id(load) not in inside:
                    return True
        return False

    def _is_used_in(self, block: cst.With, run: Event, model: Obj) -> bool:
        """Whether a model may run in a block of `with Session()`; run on 2.15: after the block it is as it was loaded.

        It does not where its names are not read in the block, and above it only to call methods that give numbers.
        """
        events = [event for event in self.module.events if event.name != "initialize"]
        held = [event for event in events if model in options(event.receiver)]
        here = [event for event in held if event.module is self.module]
        names = {event.receiver_node.value for event in here if isinstance(event.receiver_node, cst.Name)}
        if not names or not all(isinstance(event.receiver_node, cst.Name) for event in here):
            return True
        if any(_home(event) is not _home(run) and (event in here or event.order > run.order) for event in held):
            return True  # another function, which may be called in the block
        calls = (node.func for node in self.module.index.nodes(cst.Call))
        plain = {id(it.value) for it in calls if isinstance(it, cst.Attribute) and it.attr.value in _RUNS}
        for node in self.module.index.nodes(cst.Assign):
            plain.update(id(target.target) for target in node.targets)
        inside = {id(node) for node in walk(block)}
        if id(run.node) not in inside:
            return True
        home = list(walk(_home(run) or self.module.tree))
        place = next((index for index, node in enumerate(home) if node is block), len(home))
        plain |= {id(node) for node in home[place:]} - inside
        bound = (node.target for node in home if isinstance(node, cst.AssignTarget))
        local = names <= {target.value for target in bound if isinstance(target, cst.Name)}
        scope = home if local else walk(self.module.tree)
        mentions = (node for node in scope if isinstance(node, cst.Name) and node.value in names)
        return any(id(node) in inside or id(node) not in plain for node in mentions)

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


def _call_that_decides(program: Module, run: Event, load: cst.CSTNode | None) -> cst.CSTNode | None:
    """The call of a program which leads to an initializer of another file, where the program has loaded before it.

    None where both happen behind one call: then the other file says which of them comes first.
    """
    if run.module is program or not program.owns(run.site):
        return None
    return run.site if load is not None and load is not run.site else None


def _comes_before(program: Module, first: cst.CSTNode | None, second: cst.CSTNode) -> bool:
    """Whether two calls stand in one function of a file, in this order."""
    if first is None or not program.owns(first) or program.span(first).start > program.span(second).start:
        return False
    around = [item for item in program.index.nodes(cst.FunctionDef) if any(node is second for node in walk(item))]
    return bool(around) and any(node is first for node in walk(around[-1]))


def _is_again(program: Module, load: Event, run: Event, call: cst.CSTNode | None) -> bool:
    """Whether a load that is met later in the walk surely comes after the initializer."""
    if call is None:
        return load.function is run.function
    return not load.standalone or _comes_before(program, call, load.site)


def _shares_session(home: Module, program: Module) -> bool:
    """Whether a file gives Keras a session, when it is run or called: not where only a script that it is does so."""
    text = home.source.text
    if _SHARED.search(text) is None or home is program:
        return _SHARED.search(text) is not None
    parts = [home.code(line) for line in home.tree.body if not isinstance(line, cst.If) or not _is_main(home, line)]
    return any(_SHARED.search(part) for part in parts)


def _is_main(home: Module, line: cst.If) -> bool:
    """Whether a statement is run only where the file is not imported."""
    return _MAIN.search(home.code(line.test)) is not None


def _home(event: Event) -> cst.CSTNode | None:
    """The function that an event stands in; None at the level of the module."""
    return event.function.node if event.function is not None else None
