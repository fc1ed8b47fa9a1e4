"""KC409: predictions in a shuffled order are compared with labels in another."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from kerascheck.edits import Fix
from kerascheck.finding import Claim, Severity
from kerascheck.patch import insert_argument, replace
from kerascheck.rule import RelatedNode, Rule, unsafe_fix
from kerascheck.semantic.datasets import FROM_DIRECTORY, chain
from kerascheck.semantic.events import Event
from kerascheck.semantic.values import Arguments, Const
from kerascheck.semantic.walk import walk

_FLOWS = frozenset({"flow_from_directory", "flow_from_dataframe"})
_COMPARING = frozenset(
    """confusion_matrix classification_report accuracy_score balanced_accuracy_score f1_score precision_score
    recall_score roc_curve roc_auc_score auc precision_recall_curve average_precision_score cohen_kappa_score
    matthews_corrcoef log_loss precision_recall_fscore_support from_predictions plot_confusion_matrix equal
    top_k_accuracy_score""".split()
)


class ShuffledEvaluation(Rule):
    code = "KC409"
    severity = Severity.ERROR
    claim = Claim.RUNS_DIFFER
    words = (("predict",), ("_from_",))
    message = (
        "`predict` takes `{data}` in a shuffled order, its labels are read in another one: they do not belong together"
    )

    def check(self) -> None:
        module = self.module
        if "_from_" not in module.source.text or not module.serves_keras:
            return
        for event in module.events_of("predict", "predict_generator"):
            given = event.arguments.find("x", 0) or event.arguments.find("generator")
            if given is None or not module.owns(event.node) or not isinstance(given[0], (cst.Name, cst.Attribute)):
                continue
            known = chain(given[1])
            if known is None:
                continue
            root, methods = known
            name = module.code(given[0])
            labels: cst.CSTNode | None = None
            node: cst.Call | None = None
            if methods and methods[-1][0] in _FLOWS and self._is_shuffled(methods[-1][1]):
                arguments = methods[-1][1]
                node = next((one.node for one in module.facts.steps_met if one.arguments is arguments), None)
                labels = self._compared(event, self._attributes(event, name))
            elif root.ref in FROM_DIRECTORY and self._is_shuffled(root.arguments):
                arguments = root.arguments
                node = root.call if isinstance(root.call, cst.Call) else None
                if all(method not in {"cache", "take", "skip"} for method, _ in methods):
                    labels = self._compared(event, self._collected(event, name))
            if labels is None or node is None:
                continue
            self.report(
                event.node,
                fix=self._fix(node, arguments),
                related=[RelatedNode(module, labels, "the labels are read here")],
                subject=name,
                data=name,
            )

    def _is_shuffled(self, given: Arguments) -> bool:
        shuffle = given.find("shuffle")
        return (shuffle is None and not given.open_keywords) or (shuffle is not None and shuffle[1] == Const(True))

    def _scope(self, event: Event) -> cst.CSTNode:
        return event.function.node if event.function is not None else self.module.tree

    def _attributes(self, event: Event, name: str) -> Iterator[cst.CSTNode]:
        """`generator.classes` and `generator.labels`."""
        for node in walk(self._scope(event)):
            if (
                isinstance(node, cst.Attribute)
                and node.attr.value in {"classes", "labels"}
                and isinstance(node.value, (cst.Name, cst.Attribute))
                and self.module.code(node.value) == name
            ):
                yield node

    def _collected(self, event: Event, name: str) -> Iterator[cst.CSTNode]:
        """Comprehensions and loops over the dataset that predict nothing themselves."""
        for node in walk(self._scope(event)):
            if isinstance(node, (cst.ListComp, cst.GeneratorExp)) and self._runs_over(node.for_in.iter, name):
                if isinstance(node.for_in.target, cst.Tuple):
                    yield node
            elif isinstance(node, cst.For) and self._runs_over(node.iter, name):
                called = [one.func for one in walk(node.body) if isinstance(one, cst.Call)]
                words = {one.attr.value for one in called if isinstance(one, cst.Attribute)}
                models = {one.value for one in called if isinstance(one, cst.Name)}
                if not words & {"predict", "predict_on_batch", "call"} and not any("model" in one for one in models):
                    yield node

    def _runs_over(self, node: cst.BaseExpression, name: str) -> bool:
        while isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute):
            if node.func.attr.value not in {"unbatch", "as_numpy_iterator", "map"}:
                return False
            node = node.func.value
        return isinstance(node, (cst.Name, cst.Attribute)) and self.module.code(node) == name

    def _compared(self, event: Event, sources: Iterator[cst.CSTNode]) -> cst.CSTNode | None:
        """The first of the sources that reaches a comparison, under its own or another name."""
        found = list(sources)
        if not found:
            return None
        names: dict[str, cst.CSTNode] = {}
        scope = self._scope(event)
        for _ in range(2):  # `y = np.concatenate([...])`, then `labels = np.argmax(y, axis=1)`
            for node in walk(scope):
                if isinstance(node, cst.Assign) and isinstance(node.targets[0].target, cst.Name):
                    source = self._source(node.value, found, names)
                    if source is not None:
                        names.setdefault(node.targets[0].target.value, source)
                elif isinstance(node, cst.For) and node in found:
                    for name in self._filled(node):
                        names.setdefault(name, node)
        for node in walk(scope):
            if isinstance(node, cst.Call):
                last = node.func.attr if isinstance(node.func, cst.Attribute) else node.func
                if not isinstance(last, cst.Name) or last.value not in _COMPARING or len(node.args) < 2:
                    continue
            elif not isinstance(node, cst.Comparison) or not isinstance(node.comparisons[0].operator, cst.Equal):
                continue
            source = self._source(node, found, names)
            if source is not None:
                return source
        return None

    def _source(self, node: cst.CSTNode, found: list[cst.CSTNode], names: dict[str, cst.CSTNode]) -> cst.CSTNode | None:
        if isinstance(node, cst.Call) and isinstance(node.func, cst.Name) and node.func.value in {"len", "set", "sum"}:
            return None
        for inner in walk(node):
            if any(inner is one for one in found):
                return inner
            if isinstance(inner, cst.Name) and inner.value in names:
                return names[inner.value]
        return None

    def _filled(self, loop: cst.For) -> Iterator[str]:
        """The lists that a loop appends to."""
        for node in walk(loop.body):
            function = node.func if isinstance(node, cst.Call) else None
            if not isinstance(function, cst.Attribute) or function.attr.value not in {"append", "extend"}:
                continue
            if isinstance(function.value, cst.Name):
                yield function.value.value

    def _fix(self, node: cst.Call, given: Arguments) -> Fix | None:
        if not self.module.owns(node):
            return None
        shuffle = given.find("shuffle")
        edit = (
            replace(self.module, shuffle[0], "False")
            if shuffle
            else insert_argument(self.module, node, "shuffle=False")
        )
        return unsafe_fix("keep the order of the files", [edit])
