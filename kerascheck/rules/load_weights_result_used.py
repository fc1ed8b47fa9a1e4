"""KC109: the result of `load_weights` is used in place of the model: it is None."""

from __future__ import annotations

import libcst as cst

from kerascheck.edits import Edit, Fix
from kerascheck.finding import Claim, Severity
from kerascheck.rule import Rule, safe_fix
from kerascheck.semantic.classes import ClassInfo
from kerascheck.semantic.events import Event
from kerascheck.semantic.later import USED, first_use
from kerascheck.semantic.receivers import is_model
from kerascheck.semantic.target import Reach, releases_text
from kerascheck.semantic.values import suffix_of

# measured on 2.15 and 3.0.5-3.15.1: None for each of these; a TensorFlow checkpoint on Keras 2 gives a status object
_READ = (".weights.h5", ".h5", ".keras", ".hdf5")


class LoadWeightsResultUsed(Rule):
    code = "KC109"
    severity = Severity.ERROR
    claim = Claim.CALL_RAISES
    words = (("load_weights",),)
    message = "`load_weights` returns None, and `{name}` is used as the model behind it"
    some = " ({releases})"

    def check(self) -> None:
        for event in self.module.events_of("load_weights"):
            if event.module is not self.module or not isinstance(event.statement, cst.SimpleStatementLine):
                continue
            reach = self._returns_none(event)
            name = self._name(event) if reach is not Reach.NONE else None
            if name is None or not is_model(self.module, event):
                continue
            self._report(event, name, self.message, reach, self._fix(event, name))

    def _report(self, event: Event, name: str, message: str, reach: Reach, fix: Fix | None) -> None:
        self.report(
            event.node,
            message=message + (self.some if reach is Reach.SOME else ""),
            severity=Severity.ERROR if reach is Reach.ALL else Severity.WARNING,
            fix=fix,
            subject=name,
            name=name,
            releases=releases_text(self.module.target.bad(">=3")),
        )

    def _returns_none(self, event: Event) -> Reach:
        """On how many releases nothing comes back; none where the load itself raises (KC201 says so)."""
        known = suffix_of(event.arguments.value("filepath", 0))
        if known is None:
            return self.module.target.which(">=3")
        return Reach.ALL if known[0].endswith(_READ) else Reach.NONE

    def _name(self, event: Event) -> str | None:
        """What the result is bound to, when that is used as a model afterwards."""
        assigned = _assignment(event)
        if assigned is None or not isinstance(assigned.target, (cst.Name, cst.Attribute)):
            return None
        name = self.module.code(assigned.target)
        scope = event.function.node.body if event.function is not None else self.module.tree
        found = first_use(self.module, scope, event.statement or event.node, name)
        if found is None and name.startswith("self.") and event.owner is not None:
            found = USED if self._used_by_others(event.owner, event, name) else None
        return name if found is USED else None

    def _used_by_others(self, owner: ClassInfo, event: Event, name: str) -> bool:
        """Whether another method of the class does something with what the attribute holds."""
        attribute = name.partition(".")[2]
        return "." not in attribute and any(
            other.receiver_node is not None
            and other.owner is owner
            and other.function is not event.function
            and other.module is self.module
            and other.name != "load_weights"
            and self.module.code(other.receiver_node) == name
            for other in self.module.events
        )

    def _fix(self, event: Event, name: str) -> Fix | None:
        """Drop the assignment, where the model itself is what it overwrites."""
        receiver = event.receiver_node
        if receiver is None or self.module.code(receiver) != name:
            return None
        line = event.statement
        assert isinstance(line, cst.SimpleStatementLine)  # looked at above
        small = line.body[0]
        start, end = self.module.span(small).start, self.module.positions.whole(event.node).start
        return safe_fix("drop the assignment", [Edit(start, end, "")]) if len(line.body) == 1 else None


def _assignment(event: Event) -> cst.AssignTarget | None:
    """The only target that the result is assigned to."""
    line = event.statement
    for small in line.body if isinstance(line, cst.SimpleStatementLine) else ():
        if isinstance(small, cst.Assign) and small.value is event.node and len(small.targets) == 1:
            return small.targets[0]
    return None
