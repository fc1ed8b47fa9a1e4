"""What `compile` is told about metrics and loss, and what Keras makes of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic.classes import ClassInfo
from kerascheck.semantic.events import Event
from kerascheck.semantic.graph import Head
from kerascheck.semantic.labels import ONE_HOT, labels_of
from kerascheck.semantic.origins import heirs
from kerascheck.semantic.several import Output, outputs_of, share
from kerascheck.semantic.values import Const, Func, Items, Mapping, Obj, Part, Ref, Value, boolean, options, string
from kerascheck.semantic.views import views
from kerascheck.semantic.walk import walk

if TYPE_CHECKING:
    from kerascheck.semantic.module import Module

_STRINGS = frozenset({"accuracy", "acc"})
# what makes labels of one class a sample, or may: encoders and tables of several columns make those of several
_ONE_HOT = frozenset(
    {
        "keras.utils.to_categorical",
        "keras.ops.one_hot",
        "pandas.get_dummies",
        "sklearn.preprocessing.LabelBinarizer",
        "sklearn.preprocessing.OneHotEncoder",
        "tensorflow.one_hot",
    }
)
_OFFERED = re.compile(r"""(?:(?<![\w\])])[(\[{]|[,=:]|\breturn)\s*["']acc(?:uracy)?["']""")
_LOSSES = {
    "bce": "binary_crossentropy",
    "binarycrossentropy": "binary_crossentropy",
    "binary_crossentropy": "binary_crossentropy",
    "categoricalcrossentropy": "categorical_crossentropy",
    "categorical_crossentropy": "categorical_crossentropy",
    "sparsecategoricalcrossentropy": "sparse_categorical_crossentropy",
    "sparse_categorical_crossentropy": "sparse_categorical_crossentropy",
    "binaryfocalcrossentropy": "binary_crossentropy",
    "binary_focal_crossentropy": "binary_crossentropy",
}


@dataclass(frozen=True)
class AccuracyString:
    """One "accuracy" or "acc" in a `compile`. `literal` is the string itself, None when it comes from elsewhere.

    `home` is the module that was followed up to this `compile`: the checked one, or one that imports it. Of a model
    with several `outputs` it is for the one at `place`; where these are empty the model has one output, or which it is
    for cannot be told.
    """

    event: Event
    name: str
    node: cst.BaseExpression
    literal: cst.BaseExpression | None
    loss: str | None
    from_logits: bool | None
    head: Head | None
    home: Module
    outputs: tuple[Output, ...] = ()
    place: int = 0

    @property
    def sites(self) -> list[cst.CSTNode]:
        """The call in `home` that leads to the `compile` where that stands in another file; at most one."""
        there = self.event.module is not self.home and self.node is not self.event.site
        return [self.event.site] if there and self.home.owns(self.event.site) else []

    @property
    def counts_logits(self) -> bool:
        """Whether it is for one unit that holds a logit, which Keras then compares with 0.5."""
        head = self.head
        logits = self.loss == "binary_crossentropy" and self.from_logits is True
        return logits and head is not None and head.units == 1 and head.activation == "linear"

    @property
    def counts_the_largest(self) -> bool:
        """Whether it is for several units, each by itself yes or no: of these Keras compares the largest."""
        head = self.head
        if self.loss != "binary_crossentropy" or head is None or head.units is None or head.units < 2:
            return False
        return head.activation == "sigmoid" or (head.activation == "linear" and self.from_logits is True)


def accuracy_strings(module: Module, elsewhere: bool = False) -> Iterator[AccuracyString]:
    """Every "accuracy" string given as a metric to a Keras model's `compile`.

    With `elsewhere` also those that this module hands to a function of another file, which compiles a model with them:
    the `node` is the call here. And those that it has for classes and functions of other files to compile with, such as
    a method that an heir overrides: the `node` is the string. And those of a `compile` here as the programs that import
    this file run it.
    """
    yield from _own_strings(module)
    if elsewhere:
        if "strings elsewhere" not in module.memo:
            found = (*_handed_over(module), *_written_for_others(module), *_as_users_run_it(module))
            module.memo["strings elsewhere"] = found
        yield from module.memo["strings elsewhere"]


def _own_strings(module: Module) -> Iterator[AccuracyString]:
    for event in module.events_of("compile"):
        if event.module is not module or not is_keras_model(module, event):
            continue
        loss, from_logits = loss_of(module, event)
        head = event.head
        if head is None or head.units is None or head.activation is None:
            head = _seen_head(module, event) or head
        for keyword in ("metrics", "weighted_metrics"):
            found = event.arguments.find(keyword)
            if found is None and keyword == "metrics" and len(event.arguments.positional) > 2:
                found = event.arguments.positional[2]
                if not isinstance(found[1], (Items, Mapping)):
                    continue
            if found is None:
                continue
            outputs = outputs_of(module, event.receiver) if head is None else ()
            parts = [share(found, outputs, output.place) for output in outputs]
            if not any(parts) or (isinstance(found[1], Items) and not _is_nested(found[1]) and module.target.keras2):
                for name, node, literal in _strings(found[0], found[1]):
                    yield AccuracyString(event, name, node, literal, loss, from_logits, head, module)
                continue
            for output, part in zip(outputs, parts, strict=True):
                its = share(event.arguments.find("loss", 1), outputs, output.place, spread=True)
                loss, from_logits = loss_by_value(module, its[1] if its is not None else None)
                for name, node, literal in _strings(*part) if part is not None else ():
                    yield AccuracyString(
                        event, name, node, literal, loss, from_logits, output.head, module, outputs, output.place
                    )


def _seen_head(module: Module, event: Event) -> Head | None:
    """The end of the model where only those that import this file know it, and all of them know the same."""
    seen = [other.head for _, other in views(module, event)]
    first = seen[0] if seen else None
    same = all(
        head is not None and first is not None and (head.units, head.activation) == (first.units, first.activation)
        for head in seen
    )
    return first if same else None


def _handed_over(module: Module) -> Iterator[AccuracyString]:
    for event in module.events_of("compile"):
        found = event.arguments.find("metrics")
        models = options(event.receiver)
        if event.module is module or found is None or not module.owns(event.site):
            continue
        made_here = all(isinstance(item, Obj) and item.kind == "model" for item in models)
        if not made_here or not isinstance(event.site, cst.Call) or event.head is None:
            continue
        loss, from_logits = loss_of(event.module, event)
        for node, value in _members(*found):
            if (given := _given_if_any(node)) is not None and _is_parameter(event, given):
                places = [item.place[0] for item in _consts(value) if item.place is not None]
                if any(home is not module and _follows(home, event.module) for home in places):
                    continue  # it is reported where it is written
                for name, _, _ in _strings(node, value):
                    yield AccuracyString(event, name, event.site, None, loss, from_logits, event.head, module)


def _written_for_others(module: Module) -> Iterator[AccuracyString]:
    """The strings of this file with which a `compile` of a file that it imports is run, here or where this is imported.

    A string in a file that knows nothing of the `compile`, as one of constants, is a matter of the other file.
    """
    if not _offers_strings(module):
        return
    runs = [(home, event) for home in (module, *module.users) for event in home.events_of("compile")]
    runs += [(module, event) for event in _of_own_heirs(module, {event.node for _, event in runs})]
    for home, event in runs:
        if event.module is module or not _is_known(event) or not _follows(module, event.module):
            continue
        given = event.site.args if isinstance(event.site, cst.Call) and home is module else ()
        for name, node in _placed(event, module):
            if not any(node is part for item in given for part in walk(item)):
                loss, from_logits = loss_of(event.module, event)
                yield AccuracyString(event, name, node, None, loss, from_logits, event.head, home)


def _of_own_heirs(module: Module, known: set[cst.Call]) -> list[Event]:
    """What a `compile` in another file does that classes of this file inherit, where no program is seen to run it."""
    found: list[Event] = []
    for heir in module.classes:
        bases = [item for item in heir.lineage() if isinstance(item, ClassInfo) and item.module is not module]
        if heir.keras_kind is not None or not bases or not _is_leaf(module, heir):
            continue
        methods = [item for base in bases for item in base.frame.names.values() if isinstance(item, Func)]
        for method in methods:
            node = method.node
            if not isinstance(node, cst.FunctionDef) or heir.method(node.name.value)[0] is not method:
                continue
            if any(isinstance(part, cst.Attribute) and part.attr.value == "compile" for part in walk(node)):
                events = module.facts.events_of_heir(heir, method)
                found += [event for event in events if event.name == "compile" and event.node not in known]
    return found


def _is_leaf(module: Module, owner: ClassInfo) -> bool:
    """Whether nothing is seen to derive from a class."""
    below = any(item is not owner and owner in item.lineage() for item in module.classes)
    return not below and not module.deriving(owner.name)


def _follows(module: Module, other: Module) -> bool:
    """Whether the code of a module was followed into another one."""
    _ = module.facts
    return any(item is other for item in module.read())


def _offers_strings(module: Module) -> bool:
    """Whether a file has such a string that is no key and that a `compile` of a file that it imports may be given."""
    project = module.project
    if project is None or _OFFERED.search(module.source.text) is None:
        return False
    return any(".compile(" in project.text(path) for path in project.reach(module.path))


def _as_users_run_it(module: Module) -> Iterator[AccuracyString]:
    """The strings of a `compile` in this file that programs run on other models, those of heirs for one."""
    for event in {id(event.node): event for event in module.events_of("compile") if event.module is module}.values():
        found = event.arguments.find("metrics")
        if event.function is None or found is None:
            continue
        owner = event.owner
        known = event.head is not None and None not in (event.head.units, event.head.activation, found[1])
        if known and not (owner is not None and module.deriving(owner.name)):
            continue
        runs = views(module, event) or list(_of_heirs(module, event))
        for home, other in runs:
            given = other.arguments.find("metrics")
            if given is None or not _is_known(other):
                continue
            loss, from_logits = loss_of(module, other)
            literals = list(_literals(given[0]))
            for item in _consts(given[1]):
                written, node = item.place if item.place is not None else (module, given[0])
                if written is module or not _follows(written, module):
                    place = node if any(node is literal for literal in literals) else given[0]
                    yield AccuracyString(other, str(item.value), place, None, loss, from_logits, other.head, home)


def _of_heirs(module: Module, event: Event) -> Iterator[tuple[Module, Event]]:
    """A `compile` in a method of a plain class, on instances of the classes of other files that inherit it."""
    function = event.function
    if function is None or event.owner is None or event.owner.keras_kind is not None:
        return
    for home, heir in heirs(module, event.owner):
        if home is module or not _is_leaf(home, heir):
            continue
        if heir.method(cst.ensure_type(function.node, cst.FunctionDef).name.value)[0] is function:
            found = home.facts.events_of_heir(heir, function)
            yield from ((home, other) for other in found if other.node is event.node)


def _is_known(event: Event) -> bool:
    """Whether it is surely a model of Keras that is compiled, with one end that is known."""
    made = all(isinstance(item, Obj) and item.kind == "model" for item in options(event.receiver))
    return made and event.head is not None and not event.untaken


def _placed(event: Event, module: Module) -> list[tuple[str, cst.SimpleString]]:
    """The strings among the metrics of a `compile` that are written in a file."""
    places = [(str(item.value), item.place) for item in _consts(event.arguments.value("metrics"))]
    return [(name, place[1]) for name, place in places if place is not None and place[0] is module]


def _consts(value: Value | None) -> Iterator[Const]:
    if isinstance(value, Const) and value.value in _STRINGS:
        yield value
    for item in value.known() if isinstance(value, Items) else ():
        yield from _consts(item)


def _given_if_any(node: cst.BaseExpression) -> str | None:
    """The name that is handed on: `metrics`, `metrics or []`, `list(metrics)`, `metrics if metrics else []`."""
    if isinstance(node, cst.Call) and len(node.args) == 1 and isinstance(node.func, cst.Name):
        return _given_if_any(node.args[0].value) if node.func.value in {"list", "tuple"} else None
    if isinstance(node, cst.BooleanOperation) and isinstance(node.operator, cst.Or):
        return _given_if_any(node.left)
    if isinstance(node, cst.IfExp):
        sides = (_given_if_any(side) for side in (node.body, node.orelse))
        return next((side for side in sides if side is not None), None)
    return node.value if isinstance(node, cst.Name) else None


def _members(node: cst.BaseExpression, value: Value | None) -> list[tuple[cst.BaseExpression, Value | None]]:
    """The members of a list that is written out, with their values; else the expression itself."""
    if not isinstance(node, (cst.List, cst.Tuple)):
        return [(node, value)]
    nodes = [element.value for element in node.elements]
    known = value.items if isinstance(value, Items) and value.exact and len(value.items) == len(nodes) else ()
    return list(zip(nodes, known))


def _is_parameter(event: Event, name: str) -> bool:
    function = event.function.node if event.function is not None else None
    if not isinstance(function, cst.FunctionDef):
        return False
    parameters = (*function.params.posonly_params, *function.params.params, *function.params.kwonly_params)
    return any(item.name.value == name for item in parameters)


def _is_nested(value: Items) -> bool:
    """Whether a list of metrics is one of lists: a flat one is for every output on Keras 2, and by place on Keras 3."""
    return all(isinstance(item, (Items, Mapping)) for item in value.items)


def is_keras_model(module: Module, event: Event) -> bool:
    """Whether what is compiled is a Keras model, surely or by the arguments it is given."""
    receivers = options(event.receiver)
    if all(isinstance(item, Obj) and item.kind == "model" for item in receivers):
        return True
    if event.receiver is not None and not isinstance(event.receiver, Part):
        return False
    keywords = {keyword for keyword, _, _ in event.arguments.keywords}
    if not keywords & {"optimizer", "loss", "metrics"}:
        return False
    return module.uses_keras or _is_seen_as_model(module, event)


def _is_seen_as_model(module: Module, event: Event) -> bool:
    """Whether each program that imports this file knows what is compiled here as a model."""
    seen = [item for _, other in views(module, event) for item in options(other.receiver)]
    return bool(seen) and all(isinstance(item, Obj) and item.kind == "model" for item in seen)


def _strings(
    node: cst.BaseExpression, value: Value | None
) -> Iterator[tuple[str, cst.BaseExpression, cst.BaseExpression | None]]:
    literals = list(_literals(node))
    if literals:
        for literal in literals:
            yield literal.raw_value, literal, literal
        return
    for name in _names(value):
        yield name, node, None
        return


def _literals(node: cst.BaseExpression) -> Iterator[cst.SimpleString]:
    if isinstance(node, cst.SimpleString):
        if node.raw_value in _STRINGS and not node.prefix:
            yield node
    elif isinstance(node, (cst.List, cst.Tuple, cst.Set)):
        for element in node.elements:
            yield from _literals(element.value)
    elif isinstance(node, cst.Dict):
        for item in node.elements:
            yield from _literals(item.value)


def _names(value: Value | None) -> Iterator[str]:
    name = string(value)
    if name is not None and name in _STRINGS:
        yield name
    elif isinstance(value, Items):
        for item in value.known():
            yield from _names(item)
    elif isinstance(value, Mapping):
        for _, item in value.entries:
            yield from _names(item)


def loss_of(module: Module, event: Event) -> tuple[str | None, bool | None]:
    """The loss of a `compile` by its snake-case name and whether it takes logits; None where it cannot be told."""
    found = event.arguments.find("loss", 1)
    return loss_by_value(module, found[1] if found is not None else None)


def loss_by_value(module: Module, value: Value | None) -> tuple[str | None, bool | None]:
    """The loss that a value stands for by its snake-case name and whether it takes logits; None when not known."""
    if isinstance(value, Mapping) and value.exact and len(value.entries) == 1:
        value = value.entries[0][1]
    if isinstance(value, Items) and value.exact and len(value.items) == 1:
        value = value.items[0]
    name = string(value)
    if name is not None:
        return _LOSSES.get(name.lower(), name.lower()), False
    if isinstance(value, Ref):
        short = value.name.rpartition(".")[2].lower()
        return (_LOSSES.get(short, short), False) if value.name.startswith("keras.") else (None, None)
    if isinstance(value, Obj) and value.ref.startswith("keras.losses."):
        short = value.short.lower()
        given = value.arguments.find("from_logits")
        logits = boolean(given[1]) if given is not None else (False if not value.arguments.open_keywords else None)
        if given is None and value.arguments.positional:
            logits = boolean(value.arguments.positional[0][1])
        return _LOSSES.get(short, short), logits
    if isinstance(value, Func) and value.module is module:
        code = module.code(value.node)
        if "sigmoid_cross_entropy_with_logits" in code or "weighted_cross_entropy_with_logits" in code:
            return "binary_crossentropy", True
        if "binary_crossentropy" in code and "from_logits=True" in code.replace(" ", ""):
            return "binary_crossentropy", True
        if isinstance(value.node, cst.Lambda):
            return None, None
    return None, None


def takes_one_hot(module: Module, event: Event, item: AccuracyString | None = None) -> bool:
    """Whether a fit of the compiled model is given labels that are one-hot of one class, or may well be."""
    if any(isinstance(root, Obj) and root.ref in _ONE_HOT for root in map(_root, _labels(module, event, item))):
        return True
    if item is not None and item.outputs:
        return False
    found = [labels_of(targets_of(other)) for other in _fits(module, event)]
    return any(labels is not None and labels.content == ONE_HOT for labels in found)


def _root(value: Value | None) -> Value | None:
    while isinstance(value, Part):
        value = value.base
    return value


def rebuilds_its_input(module: Module, event: Event) -> bool:
    """Whether a fit of the compiled model is given its input as target, or what the input was made from."""
    for other in module.events:
        if other.name == "fit" and other.receiver is event.receiver and other.receiver is not None:
            inputs, targets = other.arguments.find("x", 0), other.arguments.find("y", 1)
            if inputs is None or targets is None or not module.owns(inputs[0]) or not module.owns(targets[0]):
                continue
            one, two = (re.escape(module.code(item[0])) for item in (inputs, targets))
            if one == two or re.search(rf"^[ \t]*{one}[ \t]*=[^=\n].*\b{two}\b", module.source.text, re.MULTILINE):
                return True
    return False


def takes_several_labels(module: Module, event: Event, item: AccuracyString | None = None) -> bool:
    """Whether a fit of the compiled model is given labels of which surely several can hold for one sample."""
    several = "sklearn.preprocessing.MultiLabelBinarizer"
    return any(isinstance(root, Obj) and root.ref == several for root in map(_root, _labels(module, event, item)))


def _fits(module: Module, event: Event) -> Iterator[Event]:
    for other in module.events_of("fit", "fit_generator"):
        if other.receiver is event.receiver and other.receiver is not None:
            yield other


def _labels(module: Module, event: Event, item: AccuracyString | None) -> Iterator[Value | None]:
    """The labels that the fits of a compiled model are given; with `item` those of its output."""
    for other in _fits(module, event):
        found = other.arguments.find("y", 1) if other.name == "fit" else None
        if item is not None and item.outputs:
            found = share(found, item.outputs, item.place)
        yield found[1] if found is not None else None


def targets_of(fit: Event) -> Value | None:
    """What a fit compares the outputs with: its labels, or the data set or generator that gives them."""
    if fit.name == "fit_generator":
        return fit.arguments.value("generator", 0)
    found = fit.arguments.find("y", 1)
    if found is not None:
        return found[1]
    return fit.arguments.value("x", 0) if fit.arguments.lacks("y", 1) else None
