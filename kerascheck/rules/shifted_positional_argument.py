"""KC605: a kernel of two numbers, as Keras 1 took it: the second number is the stride now."""

from __future__ import annotations

from kerascheck.edits import Edit, Fix
from kerascheck.finding import Claim, Severity
from kerascheck.rule import Rule, unsafe_fix
from kerascheck.semantic.events import CallFact
from kerascheck.semantic.first_keras import ARGUMENTS, is_for_keras_1
from kerascheck.semantic.values import number

_CONVOLUTIONS = ("keras.layers.Conv2D", "keras.layers.Convolution2D")


class ShiftedPositionalArgument(Rule):
    code = "KC605"
    severity = Severity.ERROR
    claim = Claim.NONE
    words = (("conv2d", "convolution2d"),)
    message = (
        "the kernel is {rows} by {rows} and the stride {columns}: {rows} by {columns} was meant, as Keras 1 read it"
    )

    # run on 2.15, 3.0.5, 3.6.0 and 3.15.1: each of the arguments of Keras 1 is refused
    raising = (
        "this raises at `{keyword}`, an argument of Keras 1; under its new name the kernel would be {rows} by {rows}"
        " and the stride {columns}, where {rows} by {columns} was meant"
    )

    def check(self) -> None:
        # read in keras 2's legacy/interfaces.py, which was left out with 2.4: two numbers are taken for a kernel
        if not self.module.target.bad(">=2.4"):
            return
        found = {
            call.node: (call, sizes)
            for call in self.module.calls_of(*_CONVOLUTIONS)
            if self.module.owns(call.node) and (sizes := self._sizes(call)) is not None
        }
        if not found:
            return
        equal = sum(rows == columns >= 3 for _, (rows, columns) in found.values())
        old = is_for_keras_1(self.module)
        for call, (rows, columns) in found.values():
            refused = next((keyword for keyword, _, _ in call.arguments.keywords if keyword in ARGUMENTS), None)
            if old or refused is not None or (equal >= 2 and rows == columns >= 3):
                self.report(
                    call.node,
                    message=self.message if refused is None else self.raising,
                    fix=self._fix(call),
                    rows=rows,
                    columns=columns,
                    keyword=refused,
                )

    def _sizes(self, call: CallFact) -> tuple[int, int] | None:
        given = call.arguments
        if len(given.positional) != 3 or given.open_positional or not given.lacks("strides"):
            return None
        rows, columns = (number(value) for _, value in given.positional[1:])
        if not isinstance(rows, int) or not isinstance(columns, int) or rows < 2 or columns < 2:
            return None
        return rows, columns

    def _fix(self, call: CallFact) -> Fix | None:
        first, second = (node for node, _ in call.arguments.positional[1:])
        if not self.module.owns(first) or not self.module.owns(second):
            return None
        start, end = self.module.positions.whole(first).start, self.module.positions.whole(second).end
        return unsafe_fix("write the kernel as one argument", [Edit(start, start, "("), Edit(end, end, ")")])
