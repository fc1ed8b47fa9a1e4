"""KC406: a dataset that is shuffled anew in every pass is cut into training and validation."""

from __future__ import annotations

import libcst as cst

from kerascheck.edits import Fix
from kerascheck.finding import Claim, Severity
from kerascheck.patch import insert_argument, replace
from kerascheck.rule import RelatedNode, Rule, unsafe_fix
from kerascheck.semantic.datasets import FROM_DIRECTORY, Step, chain
from kerascheck.semantic.values import Arguments, Const
from kerascheck.semantic.walk import walk


class LeakingSplit(Rule):
    code = "KC406"
    severity = Severity.ERROR
    claim = Claim.LEAK
    words = ((".skip(",), ("take",), ("shuffle", "from_directory"))
    message = "`shuffle` draws another order in every pass: rows of `{skip}` are also in `{take}`"
    directory = "`{function}` draws another order in every pass: rows of `{skip}` are also in `{take}`"

    def check(self) -> None:
        module = self.module
        if not module.serves_keras:
            return
        steps = module.facts.steps_met
        parts = [step for step in steps if step.name in {"take", "skip"} and self._is_kept(step)]
        leaks: dict[cst.CSTNode, list[tuple[Step, Step]]] = {}  # by what is shuffled: the cuts of it
        shuffled: dict[cst.CSTNode, Arguments] = {}
        names: dict[cst.CSTNode, str] = {}
        for skip in parts:
            take = next((one for one in parts if one.name == "take" and one.base == skip.base), None)
            known = chain(skip.base)
            if skip.name != "skip" or take is None or known is None:
                continue
            root, methods = known
            shuffles = [given for name, given in methods if name == "shuffle"]
            if any(self._is_anew(given) for given in shuffles):
                given = next(given for given in shuffles if self._is_anew(given))
                node = next((one.node for one in steps if one.name == "shuffle" and one.arguments is given), None)
                if node is not None:
                    shuffled[node] = given
                    leaks.setdefault(node, []).append((skip, take))
            elif root.ref in FROM_DIRECTORY and not shuffles and self._is_shuffled(root.arguments) and root.call:
                names[root.call] = root.ref.rpartition(".")[2]
                leaks.setdefault(root.call, []).append((skip, take))
        for shuffled_at, cuts in leaks.items():
            skip, take = cuts[0]
            others = dict.fromkeys(step.node for pair in cuts for step in reversed(pair))
            here = shuffled_at in shuffled and module.owns(shuffled_at)  # it may stand in another file
            place = shuffled_at if here else skip.node
            self.report(
                place,
                message=None if shuffled_at in shuffled else self.directory,
                fix=self._fix(shuffled_at, shuffled[shuffled_at])
                if here and isinstance(shuffled_at, cst.Call)
                else None,
                related=[RelatedNode(module, one, "it is cut here") for one in others if one is not place],
                subject=module.code(place),
                function=names.get(shuffled_at, ""),
                skip=module.code(skip.node),
                take=module.code(take.node),
            )

        for function in module.functions:
            if isinstance(function.node, cst.FunctionDef) and module.owns(function.node):
                self._check_parameters(function.node)

    def _check_parameters(self, node: cst.FunctionDef) -> None:
        """`if shuffle: ds = ds.shuffle(...)` of a parameter that is cut afterwards."""
        names = {parameter.name.value for parameter in node.params.params}
        made: dict[str, list[cst.Call]] = {}
        cuts: dict[tuple[str, str], cst.Call] = {}
        for statement in walk(node.body):
            if type(statement) is cst.Assign and type(statement.targets[0].target) is cst.Name:
                method = _method(statement.value)
                target = statement.targets[0].target.value
                if target in names and method is not None and method[:2] == (target, "shuffle"):
                    made.setdefault(target, []).append(method[2])
                    continue
                names.discard(target)
            if type(statement) is cst.Assign or type(statement) is cst.Return:
                for inner in walk(statement):
                    method = _method(inner)
                    if method is not None and method[1] in {"take", "skip"} and method[0] in made:
                        cuts.setdefault(method[:2], method[2])
        for name, shuffles in made.items():
            take, skip = cuts.get((name, "take")), cuts.get((name, "skip"))
            words = {argument.keyword.value for argument in shuffles[0].args if argument.keyword is not None}
            if take is None or skip is None or len(shuffles) > 1 or "reshuffle_each_iteration" in words:
                continue
            edit = insert_argument(self.module, shuffles[0], "reshuffle_each_iteration=False")
            self.report(
                shuffles[0],
                fix=unsafe_fix("keep one order for every pass", [edit]),
                related=[RelatedNode(self.module, one, "it is cut here") for one in (take, skip)],
                subject=self.module.code(shuffles[0]),
                skip=self.module.code(skip),
                take=self.module.code(take),
            )

    def _is_kept(self, step: Step) -> bool:
        """Whether a part gets a name or is handed on; a few rows that a loop shows do no harm."""
        statement = step.statement
        if not self.module.owns(step.node) or not isinstance(statement, cst.SimpleStatementLine):
            return False
        line, part = self.module.span(statement), self.module.span(step.node)
        small = statement.body[0]
        return line.start <= part.start < line.end and isinstance(small, (cst.Assign, cst.AnnAssign, cst.Return))

    def _is_anew(self, given: Arguments) -> bool:
        again = given.find("reshuffle_each_iteration", 2)
        return (again is None and not given.open_keywords) or (again is not None and again[1] == Const(True))

    def _is_shuffled(self, given: Arguments) -> bool:
        shuffle = given.find("shuffle")
        return (shuffle is None and not given.open_keywords) or (shuffle is not None and shuffle[1] == Const(True))

    def _fix(self, node: cst.Call, given: Arguments) -> Fix:
        again = given.find("reshuffle_each_iteration", 2)
        if again is None:
            edit = insert_argument(self.module, node, "reshuffle_each_iteration=False")
        else:
            edit = replace(self.module, again[0], "False")
        return unsafe_fix("keep one order for every pass", [edit])


def _method(node: cst.CSTNode) -> tuple[str, str, cst.Call] | None:
    """The name, the method and the call of `name.method(...)`."""
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and isinstance(node.func.value, cst.Name):
        return node.func.value.value, node.func.attr.value, node
    return None
