"""KC404: `tf.set_random_seed`, which TensorFlow 2 does not have."""

from __future__ import annotations

import libcst as cst

from kerascheck.edits import Fix
from kerascheck.finding import Claim, Severity
from kerascheck.patch import insert_before, replace
from kerascheck.rule import Rule, safe_fix
from kerascheck.semantic.target import Reach


class RemovedSeedFunction(Rule):
    code = "KC404"
    severity = Severity.ERROR
    claim = Claim.CALL_RAISES
    words = (("set_random_seed",),)
    message = "`tf.set_random_seed` does not exist in TensorFlow 2: this line raises {error}"

    def check(self) -> None:
        module = self.module
        if module.target.which_tensorflow("<2") is Reach.ALL or module.is_tensorflow_1:
            return
        for item in module.imports:
            if item.original != "tensorflow.set_random_seed" or item.guarded:
                continue
            if module.owns(item.node):  # not in a function of another file, which this one calls
                self.report(item.node, fix=self._import_fix(item.statement, item.node, item.bound), error="ImportError")
        for call in module.calls:
            function = call.node.func
            if call.name != "tensorflow.set_random_seed" or call.guarded or not isinstance(function, cst.Attribute):
                continue
            if call.original.endswith(".set_random_seed") and call.module is module:
                new = f"{module.code(function.value)}.random.set_seed"
                fix = safe_fix(f"call `{new}`", [replace(module, function, new)])
                self.report(call.node, fix=fix, error="AttributeError")

    def _import_fix(self, statement: cst.CSTNode, node: cst.CSTNode, bound: str) -> Fix | None:
        """`from tensorflow.random import set_seed as set_random_seed`: every use of the name stays as it is."""
        lines = statement.body if isinstance(statement, cst.SimpleStatementLine) else ()
        for small in lines:
            if not isinstance(small, cst.ImportFrom) or isinstance(small.names, cst.ImportStar):
                continue
            if "#" in self.module.code(small) or not any(alias is node for alias in small.names):
                return None
            line = f"from tensorflow.random import set_seed as {bound}"
            kept = [self.module.code(alias).rstrip(", ") for alias in small.names if alias is not node]
            if kept and len(lines) == 1:
                before = insert_before(self.module, statement, f"from tensorflow import {', '.join(kept)}")
                if before is None:
                    return None
                line = before.text + line
            elif kept:
                return None
            return safe_fix("import `tensorflow.random.set_seed`", [replace(self.module, small, line)])
        return None
