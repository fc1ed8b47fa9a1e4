"""KC401: the order of a set of strings becomes the numbering of labels."""

from __future__ import annotations

import libcst as cst

from kerascheck.edits import Fix
from kerascheck.finding import Claim, Severity
from kerascheck.patch import replace, wrap
from kerascheck.rule import RelatedNode, Rule, safe_fix, unsafe_fix
from kerascheck.semantic.elements import are_rows, element_kind, maps_to_numbers, may_be_numbers
from kerascheck.semantic.events import OrderUse
from kerascheck.semantic.for_python_2 import runs_on_python_2
from kerascheck.semantic.idle_keras import leaves_keras_idle
from kerascheck.semantic.kept_lists import is_read_back
from kerascheck.semantic.one_run import ends_with_the_run, leaves_nothing
from kerascheck.semantic.unread_names import is_never_read
from kerascheck.semantic.values import Unordered
from kerascheck.semantic.written_elements import written_kind

_WHAT = {
    "index": "the numbers given to its elements change",
    "classes": "the list that turns numbers into names changes",
    "saved": "the saved order changes",
}
# what makes an order matter, as words; else it takes a loop that counts or compares
_USES = (
    *("enumerate", " zip ", "index", "argmax", "argsort", "top_k", "predict", "dump", "save", "write"),
    *("classes", "class_names", "vocabulary", "categories"),
)


class UnorderedLabels(Rule):
    code = "KC401"
    severity = Severity.ERROR
    claim = Claim.RUNS_DIFFER
    words = ((" set ", " frozenset ", "{"),)
    around = ((*_USES, " for "), (*_USES, " len ", "+=", "=="))
    message = "a set of strings has another order in every process: {what} from run to run"
    unknown = "a set has another order in every process where it holds strings: {what} from run to run"
    alone = " (nothing outlives one)"

    def check(self) -> None:
        if self.module.is_python_2:
            return  # run on 2.7.18: the hashes of strings are the same in each process, unless `-R` is given
        if not (self.module.facts.sets or self.module.order_uses) or not self.module.serves_keras:
            return
        if leaves_keras_idle(self.module) and leaves_nothing(self.module):
            return
        uses = [use for home in (self.module, *self.module.users) for use in home.order_uses]
        numbers = {use.value.place for use in uses if element_kind(use.value.element) == "int"}
        found: dict[int, list[OrderUse]] = {}
        for use in uses:
            if use.value.element is None and use.value.place in numbers:
                continue  # a function by itself, of which all that is known is a call with numbers
            if is_never_read(self.module, use.node):
                continue
            if not self.module.owns(use.value.place) or may_be_numbers(use.value.element):
                continue
            if element_kind(use.value.element) == "int" or (use.kind == "saved" and are_rows(use.value.element)):
                continue
            found.setdefault(id(use.value.place), []).append(use)
        for same in found.values():
            kinds = {self._kind(use.value) for use in same}  # other files may know more of the same set
            kind = next((kind for kind in ("str", "int") if kind in kinds), None)
            if kind == "int" or maps_to_numbers(self.module.source.text, self.module.code(same[0].value.place)):
                continue
            if is_read_back(self.module, same[0].value.place):
                continue  # the file holds the order, once it is there
            if runs_on_python_2(self.module):
                return
            self._report(same[0], kind)  # one finding for a set, whatever else is made of its order

    def _report(self, use: OrderUse, kind: str | None) -> None:
        used = [RelatedNode(self.module, use.node, "the order is used here")] if self.module.owns(use.node) else ()
        alone = use.kind != "saved" and ends_with_the_run(self.module)
        self.report(
            use.value.place,
            message=(self.message if kind == "str" else self.unknown) + (self.alone if alone else ""),
            severity=Severity.INFO if alone else Severity.ERROR if kind == "str" else Severity.WARNING,
            fix=self._fix(use.value, kind),
            related=used,
            subject=self.module.code(use.value.place),
            what=_WHAT[use.kind],
        )

    def _kind(self, value: Unordered) -> str | None:
        """What the elements are, by what they come from, else by how the set is written."""
        known = element_kind(value.element)
        if known is not None:
            return known
        return written_kind(self.module, value.wrapped) or written_kind(self.module, value.place)

    def _fix(self, value: Unordered, kind: str | None) -> Fix:
        place, wrapped = value.place, value.wrapped
        if (
            isinstance(place, cst.Call)
            and isinstance(place.func, cst.Name)
            and place.func.value == "list"
            and len(place.args) == 1
            and place.args[0].value is wrapped
        ):
            edits = [replace(self.module, place.func, "sorted")]
        else:
            edits = wrap(self.module, wrapped, "sorted(", ")")
        # an order that PYTHONHASHSEED fixes would be replaced by another
        sure = kind == "str" and "PYTHONHASHSEED" not in self.module.source.text
        make = safe_fix if sure else unsafe_fix
        return make("sort the set", edits)
