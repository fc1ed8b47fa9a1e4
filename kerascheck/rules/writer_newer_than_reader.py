"""KC214: a file that the serving environment, an older Keras, cannot read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from kerascheck.finding import Claim, Severity
from kerascheck.rule import Rule
from kerascheck.semantic.keras_bugs import unreadable
from kerascheck.semantic.layer_graph import graph_of, layers_inside
from kerascheck.semantic.storage import Save, saves
from kerascheck.semantic.target import Reach, releases_text


class WriterNewerThanReader(Rule):
    code = "KC214"
    severity = Severity.ERROR
    claim = Claim.LOAD_RAISES
    words = (("save", "modelcheckpoint"),)
    message = "{reader} cannot load this file: it does not read the `{layer}` that {writer} writes"
    whole = "{reader} cannot load this file of {writer}"

    def check(self) -> None:
        train = self.module.target
        if train.serve is None:
            return
        serve = replace(train, releases=train.serve)
        rows = [row for row in unreadable() if train.bad(row.writer) and serve.bad(row.reader)]
        for save in saves(self.module) if rows else ():
            if save.format != ".keras" or save.module is not self.module:
                continue
            found = next(((row, name) for row in rows for name in _names(save) if row.speaks_of(name)), None)
            if found is None:
                continue
            row, name = found
            sure = train.which(row.writer) is Reach.ALL and serve.which(row.reader) is Reach.ALL
            self.report(
                save.node,
                message=self.whole if row.layers == ("*",) else self.message,
                severity=Severity.ERROR if sure else Severity.WARNING,
                subject=name,
                layer=name.rpartition(".")[2],
                writer=releases_text(train.bad(row.writer)),
                reader=releases_text(serve.bad(row.reader)),
            )


def _names(save: Save) -> Iterator[str]:
    """The classes of the built-in layers in a file, and the operations between them."""
    facts = save.reader.facts
    for model in save.models:
        yield "*"
        for layer in layers_inside(facts, model) if model.cls is None else ():
            if layer.cls is None:
                yield layer.short
        graph = graph_of(facts, model) if model.cls is None else None
        for item in graph.applications if graph is not None else ():
            if item.layer is None and item.operation:
                yield item.operation
