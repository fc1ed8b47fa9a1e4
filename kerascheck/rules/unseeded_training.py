"""KC402: a script that trains and sets no seed."""

from __future__ import annotations

import libcst as cst

from kerascheck.edits import Edit, Fix
from kerascheck.finding import Claim, Severity
from kerascheck.patch import after_imports, keras_name
from kerascheck.rule import Rule, unsafe_fix
from kerascheck.semantic.training import seeds, training
from kerascheck.semantic.values import Func


class UnseededTraining(Rule):
    code = "KC402"
    severity = Severity.INFO
    claim = Claim.RUNS_DIFFER
    depends_on_order = True
    words = ((" fit ", "fit_generator", "train_on_batch", "apply_gradients"),)
    message = "no seed is set before this training: each run starts from other weights and ends with other numbers"

    def check(self) -> None:
        if not self.module.uses_keras or self.module.is_test:
            return
        first = next(training(self.module), None)
        if first is None or (first.standalone and not self.module.has_entry_point):
            return
        # a function that seeds and is never called seeds nothing
        if any(first.standalone or not seed.call.standalone for seed in seeds(self.module)):
            return
        if not self._has_seeding_decorator():
            self.report(first.site, fix=self._fix())

    def _has_seeding_decorator(self) -> bool:
        """Whether a function is decorated with one of the project that speaks of seeds: `@reproducible(7)`."""
        for node in self.module.index.nodes(cst.FunctionDef):
            for decorator in node.decorators:
                named = decorator.decorator.func if isinstance(decorator.decorator, cst.Call) else decorator.decorator
                value = self.module.exported(named.value) if isinstance(named, cst.Name) else None
                if isinstance(value, Func) and "seed" in value.module.code(value.node):
                    return True
        return False

    def _fix(self) -> Fix | None:
        offset = after_imports(self.module)
        if offset is None:
            return None
        name, imports = keras_name(self.module, "utils.set_random_seed")
        if not imports and not self._bound_before(name.partition(".")[0], offset):
            return None
        if offset and self.module.source.text[offset - 1] not in "\r\n":
            return None  # the import is the last line, and has no end
        newline = self.module.source.newline
        rest = self.module.source.text[offset:]
        gap = "" if rest.startswith((newline, "\n")) or not rest else newline
        line = f"{name}(42){newline}{gap}"
        if imports and imports[0].start == offset:
            edits = [Edit(offset, offset, imports[0].text + newline + line)]
        else:
            edits = [Edit(offset, offset, newline + line), *imports]
        return unsafe_fix("set one seed after the imports", edits)

    def _bound_before(self, name: str, offset: int) -> bool:
        """Whether an import above a place brings a name."""
        return any(
            item.bound.partition(".")[0] == name
            and self.module.owns(item.node)
            and self.module.span(item.node).start < offset
            for item in self.module.imports
        )
