"""KC212: a built-in object with an argument that is lost when the model is saved and loaded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kerascheck.finding import Claim, Severity
from kerascheck.rule import RelatedNode, Rule
from kerascheck.semantic.keras_bugs import LostArgument, lost_arguments
from kerascheck.semantic.layer_graph import layers_inside
from kerascheck.semantic.storage import WRITING, Save, circle, loads_of, saves
from kerascheck.semantic.target import Reach, releases_text
from kerascheck.semantic.training import flavour, models_of
from kerascheck.semantic.values import Items, Mapping, Obj, Value


class LostConstructorArgument(Rule):
    code = "KC212"
    severity = Severity.ERROR
    claim = Claim.CONFIG_DIFFERS
    words = (tuple(dict.fromkeys(word for row in lost_arguments() for word in row.words)),)
    around = (("save", "modelcheckpoint"),)
    message = "a loaded `{name}` has lost `{argument}`: Keras does not write it, or does not read it ({keras})"
    raising = "`load_model` raises: Keras cannot read this `{argument}` of `{name}` ({keras})"

    def check(self) -> None:
        near = (row for row in lost_arguments() if row.may_stand_in(self.module.source.text))
        rows = [(row, self.module.target.which(row.releases)) for row in near]
        rows = [(row, reach) for row, reach in rows if reach is not Reach.NONE]
        for module in circle(self.module, WRITING, whole=False) if rows else ():
            for save in saves(module):
                if save.format != "json" and not save.temporary:
                    for made in _objects(save):
                        for row, reach in rows:
                            self._check(made, row, reach, save)

    def _check(self, made: Obj, row: LostArgument, reach: Reach, save: Save) -> None:
        if made.cls is not None or made.call is None or not row.speaks_of(made.ref):
            return
        if (row.format and save.format != row.format) or flavour(made).startswith("tf_keras"):
            return
        if not row.is_lost(made.arguments.value(row.argument, row.place)):
            return
        if made.ref.startswith("keras.losses.") and not any(item.compiles for item in loads_of(self.module, save)):
            return  # a loss is read by a compiled load only
        self.report(
            made.call,
            message=self.raising if row.raises else self.message,
            severity=Severity.ERROR if reach is Reach.ALL else Severity.WARNING,
            claim=Claim.LOAD_RAISES if row.raises else Claim.CONFIG_DIFFERS,
            related=[RelatedNode(save.module, save.node, "the model is saved here")],
            subject=made.short,
            name=made.short,
            argument=row.argument,
            keras=releases_text(self.module.target.bad(row.releases)),
        )


def _objects(save: Save) -> Iterator[Obj]:
    """The built-in objects that a file holds: layers, what they are given, and the losses."""
    facts = save.reader.facts
    for model in save.models:
        if model.cls is not None:
            continue  # a subclass is made again by its constructor
        for layer in layers_inside(facts, model):
            yield layer
            yield from _held(layer.arguments.values())
        for event in save.reader.events_of("compile"):
            if any(item is model for item in models_of(event)):
                yield from _held((event.arguments.value("loss", 1),))


def _held(values: Iterable[Value | None]) -> Iterator[Obj]:
    for value in values:
        yield from _inner(value)


def _inner(value: Value | None) -> Iterator[Obj]:
    if isinstance(value, Obj):
        yield value
    elif isinstance(value, Items):
        for item in value.known():
            yield from _inner(item)
    elif isinstance(value, Mapping):
        for _, item in value.entries:
            yield from _inner(item)
