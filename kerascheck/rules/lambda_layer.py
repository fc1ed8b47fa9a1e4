"""KC307: a `Lambda` layer whose function cannot be found again when its model is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from kerascheck.class_edits import register
from kerascheck.edits import Fix
from kerascheck.finding import Claim, Severity
from kerascheck.rule import RelatedNode, Rule, unsafe_fix
from kerascheck.semantic.before_registration import registers_nothing
from kerascheck.semantic.custom_objects import is_top_level, name_of, registered
from kerascheck.semantic.events import CallFact
from kerascheck.semantic.inside import in_loop
from kerascheck.semantic.receivers import OLD_COPY
from kerascheck.semantic.safe_mode import FIRST_SAFE_MODE, refused_from
from kerascheck.semantic.storage import (
    Load,
    Save,
    loads_of,
    reached,
    read_as_weights,
    saves_holding,
    surely_holds,
    weights_only,
)
from kerascheck.semantic.target import releases_text
from kerascheck.semantic.values import Func, Ref, boolean, options

# measured on 3.0.5, 3.6.0 and 3.15.1: written by their name and not found again, in `.keras` and `.h5`; those that are
# activations, too, such as `relu`, are found, and `abs` is up to 3.6 at least
_LOST_OPERATIONS = frozenset(
    """argmax copy cos cumsum exp flip floor log log1p logsumexp max mean min negative norm normalize ones_like ravel
    reciprocal round rsqrt sign sin sort sqrt square stop_gradient sum transpose zeros_like""".split()
)


@dataclass(frozen=True)
class _Lost:
    """A layer, the name of its function ("": a lambda), and the places that write models with it whole."""

    call: CallFact
    name: str
    what: str
    fix: Fix | None
    whole: list[Save]


class LambdaLayer(Rule):
    code = "KC307"
    severity = Severity.ERROR
    claim = Claim.LOAD_RAISES
    words = (("Lambda",),)
    message = "loading this model raises: {what} is not portable ({keras})"
    runs = "loading this model runs the code that is in the file: {what} is written into it ({keras})"
    loads = (
        "the {file} has the code of {what}: loading it works and runs that, and raises from Keras {since} on ({keras})"
    )
    hint = "a file of a model with this layer cannot be loaded: {what} is not portable"

    def check(self) -> None:
        found = list(self._lost())
        nodes = [item.call.node for item in found]
        for item in found:
            self._check_layer(item, nodes)

    def _lost(self) -> Iterator[_Lost]:
        """The layers whose functions are not found again."""
        for call in self.module.calls_of("keras.layers.Lambda"):
            given = options(call.arguments.value("function", 0))
            if call.module is not self.module or call.original.startswith(OLD_COPY):
                continue  # the old copy has no safe mode: it loads what it writes, or writes nothing any more
            lambdas = all(isinstance(item, Func) and isinstance(item.node, cst.Lambda) for item in given)
            function = given[0] if lambdas or len(given) == 1 else None  # `POOLING[kind]`: each of them is one
            if isinstance(function, Ref):
                home, _, short = function.name.rpartition(".")
                if home == "keras.ops" and short in _LOST_OPERATIONS:
                    what = f"`keras.ops.{short}`, which Keras does not find by its name,"
                    yield _Lost(call, short, what, None, list(saves_holding(self.module, call.node)))
            elif isinstance(function, Func) and (
                isinstance(function.node, cst.Lambda) or registered(function) is False
            ):
                name = name_of(function)
                what = f"the function `{name}`, which is not registered," if name else "a Python lambda"
                found = reached(self.module)
                whole = [item.save for item in found if item.made is not None and item.made.call is call.node]
                yield _Lost(call, name, what, self._fix(function), whole)

    def _check_layer(self, lost: _Lost, nodes: list[cst.Call]) -> None:
        call, name = lost.call, lost.name
        loadable: Save | None = None
        for save in lost.whole if not self.module.is_test else ():
            if read_as_weights(self.module, save):
                continue
            loads = loads_of(self.module, save)
            if name and loads and all(load.objects is None or name in load.objects for load in loads):
                return
            if not (_is_repeated(call) or surely_holds(save, nodes)):
                continue
            runs = not name and _is_unsafe(loads)
            bad = self._refusing(save, name)
            if runs or bad:
                # measured: 2.15 refuses a registered function in a `.keras` file, too
                helps = save.format == ".h5" or not self.module.target.bad("<3")
                self.report(
                    call.node,
                    message=self.runs if runs else self.message,
                    claim=Claim.CODE_RUNS if runs else Claim.LOAD_RAISES,
                    fix=lost.fix if helps else None,
                    related=[RelatedNode(save.module, save.node, "saved here")],
                    subject=self.module.code(call.node.func),
                    what=lost.what,
                    keras=self.module.target.text if runs else bad,
                )
                return
            loadable = loadable or (None if name else save)
        if loadable is not None:
            self._note(lost, loadable)
        elif (lost.whole or not any(True for _ in weights_only(self.module))) and self._may_refuse(*lost.whole):
            self.report(
                call.node, message=self.hint, severity=Severity.INFO, fix=lost.fix, subject="Lambda", what=lost.what
            )

    def _note(self, lost: _Lost, save: Save) -> None:
        """The file can be loaded where the project runs, and not where a newer Keras reads it.

        It is no more than a note where Keras refuses nothing yet, in no format.
        """
        call, refuses = lost.call, self._may_refuse(save)
        self.report(
            call.node,
            message=self.loads,
            severity=Severity.WARNING if refuses else Severity.INFO,
            claim=Claim.CODE_RUNS,
            fix=lost.fix if refuses else None,
            related=[RelatedNode(save.module, save.node, "saved here")],
            subject=self.module.code(call.node.func),
            what=lost.what,
            file="JSON" if save.format == "json" else f"`{save.format}` file" if save.format else "file",
            since=refused_from(save.format, lost.name),
            keras="Keras before 2.4" if self._is_old(save) else self.module.target.text,
        )

    def _refusing(self, save: Save, name: str) -> str:
        """The releases of the target that refuse a file, as words; empty for none."""
        target, refusing = self.module.target, f">={refused_from(save.format, name)}"
        bad = target.bad(refusing)
        if not bad or not self._may_refuse(save):
            return ""
        return target.text if len(bad) == len(target.releases) else releases_text(bad)

    def _may_refuse(self, *whole: Save) -> bool:
        """Whether some release that the programs may run on refuses what is not portable."""
        return bool(self.module.target.bad(f">={FIRST_SAFE_MODE}")) and not self._is_old(*whole)

    def _is_old(self, *whole: Save) -> bool:
        return registers_nothing(self.module, *(module for save in whole for module in (save.module, save.reader)))

    def _fix(self, function: Func) -> Fix | None:
        if not isinstance(function.node, cst.FunctionDef) or function.module is not self.module:
            return None
        if not is_top_level(function):
            return None
        edits = register(self.module, function, "")
        return unsafe_fix(f"register `{name_of(function)}`", edits) if edits else None


def _is_unsafe(loads: list[Load]) -> bool:
    return any(boolean(load.call.arguments.value("safe_mode")) is False for load in loads)


def _is_repeated(call: CallFact) -> bool:
    """Whether a layer is made in a loop, which is taken to run."""
    body = call.function.node.body if call.function is not None else None
    return body is not None and in_loop(body, call.node)
