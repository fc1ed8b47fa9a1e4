"""KC311: a lambda or a function made by a function, as a part of a model that is saved whole."""

from __future__ import annotations

import re
from itertools import count

import libcst as cst

from kerascheck.edits import Fix
from kerascheck.finding import Claim, Severity
from kerascheck.function_edits import hoist, purpose_of
from kerascheck.rule import RelatedNode, Rule, unsafe_fix
from kerascheck.semantic.custom_objects import is_top_level, name_of, registered
from kerascheck.semantic.storage import READING, Load, Reached, circle, loads, loads_of, reached, read_as_weights
from kerascheck.semantic.values import Func

_INDENTED = re.compile(r"[^\S\n](?:async\s+)?def\s")


class AnonymousFunction(Rule):
    code = "KC311"
    severity = Severity.WARNING
    claim = Claim.LOAD_RAISES
    words = ((" lambda ", " def "),)
    around = (("save", "modelcheckpoint"),)
    message = "{what} is in a saved model, and Keras finds functions by their names: loading raises"

    def check(self) -> None:
        if self.module.is_test or not ("lambda" in self.module.source.text or self._has_inner_function()):
            return
        self._names: dict[int, str] = {}  # what each lambda is called by the fixes
        for item in reached(self.module):
            thing = item.thing
            if not isinstance(thing, Func) or thing.module is not self.module or thing.owner is not None:
                continue
            if (
                item.save.format == "json"
                or item.save.temporary
                or (item.made is not None and item.made.short == "Lambda")
            ):
                continue
            name = name_of(thing)
            if name and (is_top_level(thing) or registered(thing) is not False):
                continue
            # measured on 3.3.3 and 3.15.1: an `.h5` file holds the name of a lambda, a `.keras` file its code
            known = name or ("<lambda>" if item.compiled and item.save.format == ".h5" else "")
            if self._is_left_out(item, known) or read_as_weights(self.module, item.save):
                continue
            node = thing.node.name if isinstance(thing.node, cst.FunctionDef) else thing.node
            self.report(
                node,
                fix=self._fix(thing, name),
                related=[RelatedNode(item.save.module, item.save.node, "saved here")],
                subject=name,
                what=f"`{name}`, which is made inside of a function," if name else "a lambda",
            )

    def _has_inner_function(self) -> bool:
        """Whether a function stands inside of another one; `_INDENTED` may be a method, too."""
        if _INDENTED.search(self.module.source.text) is None:
            return False
        for item in self.module.functions:
            scope = item.frame
            while scope.kind == "class" and scope.parent is not None:
                scope = scope.parent
            if scope.parent is not None and isinstance(item.node, cst.FunctionDef):
                return True
        return False

    def _fix(self, function: Func, name: str) -> Fix | None:
        """Write it into the module's body, registered."""
        if not name and id(function.node) not in self._names:
            base = f"custom_{purpose_of(self.module, function)}"
            numbered = (base if number == 1 else f"{base}_{number}" for number in count(1))
            used = set(self._names.values()) | set(re.findall(r"\bcustom_\w+", self.module.source.text))
            self._names[id(function.node)] = next(item for item in numbered if item not in used)
        edits = hoist(self.module, function, name or self._names[id(function.node)])
        return unsafe_fix("make it a registered function of the module", edits) if edits is not None else None

    def _is_left_out(self, item: Reached, name: str) -> bool:
        """Whether every load does without the function, or is given it."""
        read = loads_of(self.module, item.save)
        if not read:  # a file that nobody here reads, as the other files of the project are read
            read = [load for other in circle(self.module, READING) for load in loads(other)]
            if not any(load.objects is not None and name in load.objects for load in read):
                return False
        return bool(read) and all(self._does_without(load, item, name) for load in read)

    def _does_without(self, load: Load, item: Reached, name: str) -> bool:
        if item.compiled and not load.compiles:
            return True
        return bool(name) and (load.objects is None or name in load.objects)
