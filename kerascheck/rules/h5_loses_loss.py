"""KC206: a model with the short name of a loss is saved as `.h5`, from which Keras 3 cannot load it compiled."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from kerascheck.edits import Fix
from kerascheck.finding import Claim, Severity
from kerascheck.patch import replace
from kerascheck.rule import RelatedNode, Rule, safe_fix
from kerascheck.semantic.storage import WRITING, Load, Save, circle, loads, loads_of, saves
from kerascheck.semantic.target import Reach, releases_text
from kerascheck.semantic.training import models_of
from kerascheck.semantic.values import Items, Value, string

# measured on 3.0.5 and 3.15.1, upper case too: the short name is written into the file and not found on loading
_FULL = {
    "mse": "mean_squared_error",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "msle": "mean_squared_logarithmic_error",
    "bce": "binary_crossentropy",
    "kld": "kl_divergence",
}
_SHORT = re.compile(rf"""["'](?:{"|".join(_FULL)})["']""", re.IGNORECASE)


class H5LosesLoss(Rule):
    code = "KC206"
    severity = Severity.ERROR
    claim = Claim.LOAD_RAISES
    words = (("compile",), ("mse", "mae", "mape", "msle", "bce", "kld"))
    around = (("save", "modelcheckpoint"),)
    message = (
        "`load_model` of the `.h5` file raises: Keras 3 does not find the loss `{name}` by its short name{releases}"
    )
    renamed = "loaded from the `.h5` file, the metric `{name}` is called `{full}`, and nothing is logged as `{name}`"

    def check(self) -> None:
        # measured: 2.15 loads; 3.0.5-3.2.1 raise with `compile=False`, too
        if self.module.target.which(">=3") is Reach.NONE or not _SHORT.search(self.module.source.text):
            return
        for module in circle(self.module, WRITING, whole=False):
            for save in saves(module):
                if save.format == ".h5":
                    self._check_save(save)

    def _check_save(self, save: Save) -> None:
        read = list(_readers(save))
        compiled = [load for load in read if load.compiles]
        for event in save.reader.events_of("compile") if read else ():
            if not any(item in save.models for item in models_of(event)) or not self.module.owns(event.node):
                continue
            loss = event.arguments.find("loss", 1)
            lost = list(_names(loss)) if loss is not None else []
            for name, node in lost:
                self._report_loss(name, node, read)
            metrics = event.arguments.find("metrics")
            for name, node in _names(metrics) if metrics is not None and compiled and not lost else ():
                full = _FULL[name.lower()]
                self.report(node, message=self.renamed, severity=Severity.INFO, claim=Claim.NONE, name=name, full=full)

    def _report_loss(self, name: str, node: cst.BaseExpression, read: list[Load]) -> None:
        load = next((item for item in read if item.compiles), read[0])
        specifier = ">=3" if load.compiles else ">=3.0,<3.3"
        reach = self.module.target.which(specifier)
        everywhere = specifier == ">=3" and reach is Reach.ALL
        supplied = load.objects is None or name in load.objects
        if reach is Reach.NONE or supplied:
            return
        self.report(
            node,
            severity=Severity.ERROR if reach is Reach.ALL else Severity.WARNING,
            fix=self._fix(name, node),
            related=[RelatedNode(load.module, load.node, "it is loaded here")],
            subject=name,
            name=name,
            releases="" if everywhere else f" ({releases_text(self.module.target.bad(specifier))})",
        )

    def _fix(self, name: str, node: cst.BaseExpression) -> Fix | None:
        if not isinstance(node, cst.SimpleString):
            return None
        full = node.prefix + node.quote + _FULL[name.lower()] + node.quote
        return safe_fix("write the name of the loss in full", [replace(self.module, node, full)])


def _names(found: tuple[cst.BaseExpression, Value | None]) -> Iterator[tuple[str, cst.BaseExpression]]:
    """The short names in an argument, alone or in a list, with their nodes."""
    node, value = found
    text = string(value)
    if text is not None and text.lower() in _FULL and text in {text.lower(), text.upper()}:
        yield text, node
    elif isinstance(value, Items) and value.exact and isinstance(node, (cst.List, cst.Tuple)):
        for element, item in zip(node.elements, value.items):
            yield from _names((element.value, item))


def _readers(save: Save) -> Iterator[Load]:
    """What loads the file: by its name in the project, or by the same expression in the same file."""
    read = loads_of(save.reader, save)
    yield from read
    path = save.arguments.find("filepath", 0)
    if read or path is None or not save.module.owns(path[0]):
        return
    text = save.module.code(path[0])
    for load in loads(save.module):
        other = load.call.arguments.find("filepath", 0)
        if other is not None and save.module.owns(other[0]) and save.module.code(other[0]) == text:
            yield load
