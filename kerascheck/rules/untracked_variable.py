"""KC107: a `tf.Variable` on a layer or model, which Keras 3 neither saves nor trains."""

from __future__ import annotations

import re

import libcst as cst

from kerascheck.class_edits import flavour_of
from kerascheck.edits import Fix
from kerascheck.finding import Claim, Severity
from kerascheck.rule import Rule, unsafe_fix
from kerascheck.semantic.classes import ClassInfo
from kerascheck.semantic.events import CallFact
from kerascheck.semantic.target import Reach, releases_text
from kerascheck.semantic.values import boolean
from kerascheck.semantic.variables import is_configured, is_made_anew, only_checkpoints, stays_as_made
from kerascheck.semantic.walk import walk
from kerascheck.variable_edits import as_weight

# `[tf.Variable(tf.zeros_like(v), trainable=False) for v in self.trainable_variables]`
_GATHERED = re.compile(
    r"\bzeros(?:_like)?\((\w+)[^\]]*?\bfor\s(?:\w+,\s*)?\1\s+in\s[\w.()]*trainable_(?:variables|weights)\b"
)
_KERAS_2 = ("tf_keras", "tensorflow.python.keras")


class UntrackedVariable(Rule):
    code = "KC107"
    severity = Severity.ERROR
    claim = Claim.STATE_LOST
    words = ((" class ",), ("variable",), ("layer", "model", "functional", "sequential"))
    message = "`{name}` is neither trained nor saved: Keras 3 does not know a `tf.Variable` on a {kind}{releases}"
    fixed = "`{name}` is not saved: Keras 3 does not know a `tf.Variable` on a {kind}{releases}"
    saved = "`{name}` is not trained: Keras 3 does not know a `tf.Variable` on a {kind}{releases}"

    def check(self) -> None:
        reach = self.module.target.which(">=3")
        calls = [call for call in self.module.calls_of("tensorflow.Variable") if call.module is self.module]
        if reach is Reach.NONE or not calls:
            return
        for owner in self.module.classes:
            if owner.keras_kind is not None and not _is_keras_2(owner):
                self._check(owner, calls, reach)

    def _check(self, owner: ClassInfo, calls: list[CallFact], reach: Reach) -> None:
        whole = self.module.span(owner.node)
        for call in calls:
            if not whole.start <= self.module.span(call.node).start < whole.end:
                continue
            name = self._attribute(call)
            if name is None or self._is_given(owner, call, name):
                continue
            trained = boolean(call.arguments.value("trainable", 1)) is not False and not self._is_counted(call)
            if self._is_no_fault(owner, call, name, trained):
                continue
            kept = self._is_kept_otherwise(owner, call, name)
            if kept and not trained:
                continue
            self.report(
                call.node,
                message=self.saved if kept else self.message if trained else self.fixed,
                # a counter that nobody misses after loading is no fault
                severity=Severity.ERROR if reach is Reach.ALL and trained else Severity.WARNING,
                fix=self._fix(owner, call, name),
                subject=owner.name,
                kind="layer" if owner.keras_kind == "layer" else "model",
                name=name,
                releases="" if reach is Reach.ALL else f" ({releases_text(self.module.target.bad('>=3'))})",
            )

    def _is_counted(self, call: CallFact) -> bool:
        """Whether the values are whole numbers, truths or texts, which have no gradient on any Keras."""
        given, first = call.arguments.find("dtype"), call.arguments.find("initial_value", 0)
        if given is not None:
            return re.search(r"\b(?:u?int\d*|bool|string)\b", self.module.code(given[0])) is not None
        return first is not None and isinstance(first[0], (cst.Integer, cst.SimpleString))

    def _is_no_fault(self, owner: ClassInfo, call: CallFact, name: str, trained: bool) -> bool:
        """Whether nothing is lost without a word: the value is the same again, or Keras 3 raises for its own reason."""
        attribute = name.removeprefix("self.")
        if is_made_anew(self.module, owner, call, attribute) or self._is_refused(owner, name):
            return True
        if trained:
            return False
        alone = self._statement_value(call) is call.node
        return self._is_for_gradients(owner, name) or (alone and stays_as_made(self.module, owner, call, attribute))

    def _is_refused(self, owner: ClassInfo, name: str) -> bool:
        """Whether the class puts the variable where Keras 3 takes none.

        Run on 3.0.5, 3.4.1, 3.10.0 and 3.15.1: `trainable_weights` cannot be set, and there is no `_trainable_weights`
        to append to; setting that one is silent and does nothing.
        """
        text = self.module.code(owner.node)
        lists = "(?:non_)?trainable_(?:weights|variables)"
        if re.search(rf"\bself\.{lists}\s*\+?=(?!=)[^\n]*{re.escape(name)}\b", text):
            return True
        added = re.search(rf"\bself\.(_{lists})\.(?:append|extend)\([^\n]*{re.escape(name)}\b", text)
        return added is not None and re.search(rf"\bself\.{added[1]}\s*=", text) is None

    def _is_kept_otherwise(self, owner: ClassInfo, call: CallFact, name: str) -> bool:
        """Whether a configuration or a checkpoint of TensorFlow has the value."""
        attribute = name.removeprefix("self.")
        if is_configured(self.module, owner, attribute):
            return True
        return self._statement_value(call) is call.node and only_checkpoints(self.module)

    def _statement_value(self, call: CallFact) -> cst.BaseExpression | None:
        """What the statement of a call binds."""
        line = call.statement.body[0] if isinstance(call.statement, cst.SimpleStatementLine) else None
        return line.value if isinstance(line, (cst.Assign, cst.AnnAssign)) else None

    def _fix(self, owner: ClassInfo, call: CallFact, name: str) -> Fix | None:
        edits = as_weight(self.module, owner, call, name.removeprefix("self."), flavour_of(owner))
        return unsafe_fix("make it with `self.add_weight`", edits) if edits is not None else None

    def _is_given(self, owner: ClassInfo, call: CallFact, name: str) -> bool:
        """Whether the value is an argument of the constructor, and nothing but that: made again with the object."""
        made = owner.own("__init__")
        first = call.arguments.find("initial_value", 0)
        if made is None or first is None or call.arguments.find("trainable", 1) is not None:
            return False
        taken = made.node.params
        names = {item.name.value for item in (*taken.params, *taken.kwonly_params)}
        value = first[0]
        return isinstance(value, cst.Name) and value.value in names and f"{name}.assign" not in self.module.source.text

    def _is_for_gradients(self, owner: ClassInfo, name: str) -> bool:
        """Whether a variable gathers gradients of some batches, or counts these: a loaded model begins with none.

        No output hangs on it: `call` does not know it.
        """
        call = owner.own("call")
        if call is not None and self.module.owns(call.node) and name in self.module.code(call.node):
            return False
        return _GATHERED.search(self.module.code(owner.node)) is not None

    def _attribute(self, call: CallFact) -> str | None:
        """The attribute of `self` that gets the variable, alone or in a list."""
        target: cst.BaseExpression
        for small in call.statement.body if isinstance(call.statement, cst.SimpleStatementLine) else ():
            if isinstance(small, cst.Assign) and len(small.targets) == 1:
                target, value = small.targets[0].target, small.value
            elif isinstance(small, cst.AnnAssign) and small.value is not None:
                target, value = small.target, small.value
            elif isinstance(small, cst.Expr) and isinstance(small.value, cst.Call):  # self.kernels.append(...)
                function = small.value.func
                if not isinstance(function, cst.Attribute) or function.attr.value not in {"append", "extend"}:
                    continue
                target, value = function.value, small.value.args[0].value if small.value.args else small.value
            else:
                continue
            named = isinstance(target, cst.Attribute) and isinstance(target.value, cst.Name)
            text = self.module.code(target)
            if named and text.startswith("self.") and _is_kept(value, call.node):
                return text
        return None


def _is_kept(value: cst.BaseExpression, variable: cst.Call) -> bool:
    """Whether the value is the variable, or a container of such."""
    if value is variable:
        return True
    holders = (cst.List, cst.Tuple, cst.Dict, cst.ListComp, cst.DictComp)
    return isinstance(value, holders) and any(item is variable for item in walk(value))


def _is_keras_2(owner: ClassInfo) -> bool:
    return any(getattr(base, "original", "").startswith(_KERAS_2) for base in owner.bases)
