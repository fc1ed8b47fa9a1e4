"""Where a project writes and reads whole models, and which of its own classes and functions the files depend on."""

from __future__ import annotations

import builtins
import fnmatch
import posixpath
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import libcst as cst

from kerascheck.semantic import keras_api
from kerascheck.semantic.classes import ClassInfo
from kerascheck.semantic.custom_objects import config_function, constructor, kind_of, name_of
from kerascheck.semantic.events import Flag
from kerascheck.semantic.global_objects import WORDS, global_names
from kerascheck.semantic.lost_arguments import is_graph, lost_arguments
from kerascheck.semantic.own_names import NEVER, both, raises_on, takes_own
from kerascheck.semantic.project import names_not_called
from kerascheck.semantic.same_flags import excluded
from kerascheck.semantic.training import models_of
from kerascheck.semantic.unrunnable import is_never_in_a_graph
from kerascheck.semantic.values import (
    NO_ARGUMENTS,
    Arguments,
    Bound,
    Choice,
    Class,
    Const,
    Func,
    Items,
    Mapping,
    Obj,
    Part,
    Ref,
    Tensor,
    Text,
    Value,
    boolean,
    options,
    string,
    suffix_of,
)
from kerascheck.semantic.walk import walk
from kerascheck.semantic.written_reads import WHOLE_READS, reads_weights_like, reads_whole

if TYPE_CHECKING:
    from kerascheck.semantic.events import CallFact, Event
    from kerascheck.semantic.module import Module

_MAXIMUM_MODULES = 12
_CHECKPOINT = "keras.callbacks.ModelCheckpoint"
_FITS = ("fit", "fit_generator")
_BUILDS = re.compile(r"\bself\(|\.build\(|\bself\.\w+\(")  # what may make variables in a constructor
_SCOPES = frozenset({"keras.utils.custom_object_scope"})
_BUILTINS = frozenset(dir(builtins))
_AROUND = ("custom_object", "CustomObject", *WORDS)


@dataclass(frozen=True)
class Save:
    """A place where a whole model is written. `format` is ".keras", ".h5", "json", or "" when the path is not known."""

    format: str
    path: Value | None
    models: tuple[Obj, ...]
    node: cst.Call
    module: Module
    reader: Module
    arguments: Arguments = NO_ARGUMENTS
    function: Func | None = None
    order: int = 0  # when it runs in the program of `reader`
    alone: bool = False  # in a function that is followed by itself: its arguments are not known

    @property
    def temporary(self) -> bool:
        """Whether the file lies in a temporary folder."""
        return is_temporary(self.module, self.arguments)


@dataclass(frozen=True)
class Load:
    """A `load_model`. `objects` are the names that are supplied, None when that cannot be told."""

    path: Value | None
    call: CallFact
    module: Module
    objects: frozenset[str] | None
    compiles: bool
    reader: Module  # whose program comes to the call

    @property
    def node(self) -> cst.Call:
        """The call."""
        return self.call.node


@dataclass(frozen=True)
class Reached:
    """A class or function of the project that a saved file depends on.

    `made` is the object itself, or the layer whose argument it is. `compiled`: only through `compile`, and there
    `place` is the argument, "losses" in a list or dictionary of them, "wrapped" inside of an object of Keras, and
    `event` the call.
    """

    thing: ClassInfo | Func
    made: Obj | None
    save: Save
    compiled: bool
    place: str = ""
    event: Event | None = None


# what the text of a module has that writes or reads models
WRITING = (".save(", "save_model", "ModelCheckpoint", "to_json")
READING = ("load_model",)
_WEIGHTS = ("save_weights", "load_weights")


def circle(module: Module, words: tuple[str, ...], whole: bool = True) -> list[Module]:
    """This module, those it imports and those that import it, directly or not, which have one of the words.

    Not `whole`: without those it imports, which know nothing of what this one makes.
    """
    known: dict[tuple[bool, tuple[str, ...]], list[Module]] = module.memo.setdefault("circle", {})
    key = whole, words
    if key not in known:
        found = list(module.family(*words)) if whole else [module]
        queue = [module]
        while queue and len(found) < _MAXIMUM_MODULES:
            for user in queue.pop(0).users_with(*words):
                if all(user is not item for item in found):
                    found.append(user)
                    queue.append(user)
        known[key] = found
    return known[key]


def saves(module: Module) -> list[Save]:
    """The whole models that a module writes, through the functions of other files, too."""
    known: list[Save] | None = module.memo.get("saves")
    if known is None:
        known = module.memo["saves"] = list(_saves(module))
    return known


def loads(module: Module) -> list[Load]:
    """The models that a module reads with `load_model`."""
    known: list[Load] | None = module.memo.get("loads")
    if known is None:
        known = module.memo["loads"] = list(_loads(module))
    return known


def loads_standing_in(module: Module) -> Iterator[tuple[Module, Load]]:
    """The loads whose call stands in a module, each with the module that knows its path.

    That is another one where the path is a parameter and a user of the module gives it.
    """
    own = [load for load in loads(module) if load.module is module]
    yield from ((module, load) for load in own)
    if any(path_key(load.path) is None and load.call.function is not None for load in own):
        for user in module.users:
            yield from ((user, load) for load in loads(user) if load.module is module)


def reached(module: Module) -> list[Reached]:
    """What the files depend on that the modules around this one write.

    Which of several models a function saves its callers say, where there are some.
    """
    known: list[Reached] | None = module.memo.get("reached")
    if known is None:
        found = [save for other in circle(module, WRITING, whole=False) for save in saves(other)]
        called = {id(save.node) for save in found if not save.alone}
        sure = [save for save in found if not (save.alone and len(save.models) > 1 and id(save.node) in called)]
        known = module.memo["reached"] = [item for save in sure for item in reached_by(save)]
    return known


def may_be_reached(module: Module, things: Iterable[ClassInfo | Func]) -> bool:
    """Whether `reached` may have one of some classes and functions at the top of a module; reads no other file.

    Keras is given classes of its own kinds, and functions that are handed over: one that is only called is in no file.
    """
    names = set()
    for thing in things:
        if isinstance(thing, Func):
            names.add(name_of(thing))
        elif kind_of(thing) is not None:
            return True
    if not names or not names.isdisjoint(names_not_called(module.source.text)):
        return bool(names)
    return module.project is not None and module.project.may_hand_over(module.path, names)


def reached_by(save: Save, *models: Obj) -> list[Reached]:
    """What one file depends on, with one of these models in it; with any that it may have when none is given."""
    walk = _Walk(save)
    for model in models or save.models:
        walk.model(model)
        if save.format != "json":
            walk.compiled(model)
    return walk.found


def models_in(save: Save, model: Obj) -> list[Obj]:
    """A model that is saved, and those inside of it that its configuration may have."""
    walk = _Walk(save)
    walk.model(model)
    return [item for item in walk.keep if isinstance(item, Obj) and item.kind == "model"]


def saves_holding(module: Module, made: cst.Call) -> Iterator[Save]:
    """The saves around a module whose model has the layer that a call makes."""
    for other in circle(module, WRITING, whole=False):
        for save in saves(other):
            walk = _Walk(save)
            for model in save.models:
                walk.model(model)
            if any(isinstance(item, Obj) and item.call is made for item in walk.keep):
                yield save


def surely_holds(save: Save, calls: Collection[cst.CSTNode]) -> bool:
    """Whether each model that a save may write has a layer made by one of these calls, whatever branch is taken.

    What stands in a loop is taken to be made at least once.
    """
    return all(_Holding(save, calls).model(model) for model in save.models)


class _Holding:
    """The question whether a model has one of some layers, over all ways that its tensors may have come about."""

    def __init__(self, save: Save, calls: Collection[cst.CSTNode]) -> None:
        self.save = save
        self.facts = save.reader.facts
        self.calls = {id(call) for call in calls}
        self.known: dict[int, bool] = {}
        self.keep: list[object] = []  # keeps ids unique

    def model(self, model: Obj) -> bool:
        if model.form == "functional":
            return self.holds(self.facts.lasting.get((model, "#outputs")))
        layers = self.facts.lasting.get((model, "#layers"))
        if model.form == "sequential" and isinstance(layers, Items):
            return any(self.layer(layer) for layer in layers.known())
        if model.form == "application":  # it has layers of its own, behind those of its input
            return self.holds(model.arguments.value("input_tensor"))
        return True

    def layer(self, value: object) -> bool:
        if isinstance(value, Choice):
            return all(self.layer(option) for option in value.options)
        if isinstance(value, Obj) and value.kind == "model" and value.cls is None:
            return self.model(value)
        walk = _Walk(self.save)
        if isinstance(value, Obj):
            walk.layer(value)
        return any(isinstance(item, Obj) and id(item.call) in self.calls for item in walk.keep)

    def holds(self, value: object) -> bool:
        """Depth first without recursion: graphs are as deep as their models."""
        stack: list[tuple[object, bool]] = [(value, False)]
        while stack:
            item, done = stack.pop()
            if id(item) in self.known and not done:
                continue
            below = _below(item)
            if done:
                found = (self.known[id(one)] for one in below)
                sure = all(found) if isinstance(item, Choice) else any(found)
                self.known[id(item)] = (sure and bool(below)) or self.has_layer(item)
                continue
            self.keep.append(item)
            self.known[id(item)] = False
            stack.append((item, True))
            stack += [(one, False) for one in below]
        return self.known[id(value)]

    def has_layer(self, item: object) -> bool:
        if isinstance(item, Bound):
            return self.layer(item.receiver)
        return self.layer(item.layer if isinstance(item, Tensor) else item)


def _below(item: object) -> tuple[object, ...]:
    if isinstance(item, Items):
        return tuple(item.known())
    if isinstance(item, Mapping):
        return tuple(entry for _, entry in item.entries)
    if isinstance(item, Choice):
        return item.options
    if isinstance(item, Part):
        return (item.base,)
    return item.inputs if isinstance(item, Tensor) else ()


def unfound_on(item: Reached) -> str:
    """The releases on which Keras does not find an unregistered class or function when it loads a file.

    "" are all. Measured: up to 3.8 a `.keras` file names the module of a class, and loading imports it; `__main__` is
    not found. Keras 2.15 does so for the model itself, not for its layers. Keras' own objects are found by their names;
    a metric in an `.h5` file, or a loss in a list or dictionary of them, is looked for by Keras 3 when the loaded model
    is evaluated, not by `load_model`.
    """
    thing = item.thing
    found = raises_on(_kind(item), item.save.format, name_of(thing))
    if item.place == "losses" and item.save.format == ".h5":
        return both(found, "<3")
    if in_h5_by_plain_name(item) and not _is_written_by_keras_2(item):
        found = both(found, ">=3")
    if _loads_never(item):
        return both(found, NEVER if item.save.format == ".h5" else "<3")
    if not isinstance(thing, ClassInfo) or thing.module is item.save.module or item.save.format != ".keras":
        return found
    return both(found, ">=3.9" if thing.keras_kind in {"model", "sequential"} else "<3 or >=3.9")


def _loads_never(item: Reached) -> bool:
    """Whether a model has lost an argument that it cannot be made without: what is handed over changes nothing.

    Run: Keras 3 raises when it is loaded, from 3.12 on when it is saved; 2.15 keeps what a model was made with, and
    writes no `.h5` file of such a class.
    """
    owner, instance = item.thing, item.made
    if not isinstance(owner, ClassInfo) or instance is None or kind_of(owner) != "model":
        return False
    made = constructor(owner) if config_function(owner)[0] is None else None
    if made is None or is_graph(owner, instance) is not False:
        return False
    return any(parameter.required for parameter, _ in lost_arguments(owner, made, instance))


def in_h5_by_plain_name(item: Reached) -> bool:
    """Whether a class is that of a model which is written to an `.h5` file itself, not inside of another model.

    Run on 2.15, 3.6.0 and 3.15.1: the file has its plain name, so it is not found under the name it is registered by.
    """
    outermost = any(item.made is model for model in item.save.models)
    return isinstance(item.thing, ClassInfo) and item.save.format == ".h5" and outermost and not item.compiled


def _is_written_by_keras_2(item: Reached) -> bool:
    """Whether Keras 2 may write such a file: run on 2.15, `save` and `ModelCheckpoint` refuse what is no graph."""
    owner, model = item.thing, item.made
    if not isinstance(owner, ClassInfo) or model is None or kind_of(owner) != "model":
        return True
    return is_graph(owner, model) is not False


def never_read(item: Reached) -> bool:
    """Whether the weights of such a file find no place, whatever is handed over: nothing is built by `__init__`.

    Run on 3.3.3, 3.6.0, 3.10.0, 3.12.4 and 3.15.1: `Layer count mismatch`; a class whose `__init__` builds its layers
    is loaded.
    """
    owner = item.thing
    if not isinstance(owner, ClassInfo) or not in_h5_by_plain_name(item) or _is_written_by_keras_2(item):
        return False
    made_by = [function for one in owner.lineage() if isinstance(one, ClassInfo) and (function := one.own("__init__"))]
    if any(_BUILDS.search(function.module.code(function.node)) for function in made_by):
        return False
    facts = owner.module.facts
    instance, made = facts.instance_of(owner)
    layers = [layer for group in (facts.sublayers(owner) or {}).values() for layer in group]
    states = [made.get((layer, "#states")) for layer in layers if facts.weighted(layer) is True]
    known = [item for item in (*states, made.get((instance, "#states"))) if isinstance(item, frozenset)]
    return len(known) == len(states) + 1 > 1 and not any(state & Flag.VARIABLES for one in known for state in one)


def replaced(item: Reached) -> bool:
    """Whether Keras takes its own function of this name for an unregistered one of the project."""
    return isinstance(item.thing, Func) and takes_own(_kind(item), item.save.format, name_of(item.thing))


_ROLES = ("activation", "initializer", "regularizer", "constraint")


def _kind(item: Reached) -> str:
    """What an object is for Keras, as the table of names has it."""
    if isinstance(item.thing, ClassInfo):
        kind = "metric" if "metrics" in item.place else kind_of(item.thing) or ""
        return "layer" if kind in {"model", "sequential"} else kind
    if item.compiled:
        kinds = {"loss": "loss function", "losses": "loss function", "wrapped": "wrapped function", "optimizer": ""}
        return kinds.get(item.place, "metric function")
    given = item.made.arguments.keywords if item.made is not None else ()
    keyword = next((keyword for keyword, _, value in given if value is item.thing), "")
    role = next((role for role in _ROLES if role in keyword), "activation")
    return role if role == "activation" else f"{role} function"


def weights_only(module: Module) -> Iterator[Event]:
    """The events around a module that write or read weights without the model."""
    for other in circle(module, _WEIGHTS):
        yield from other.events_of(*_WEIGHTS)


def _with_text(module: Module, words: tuple[str, ...], key: tuple[str, str]) -> list[Module]:
    """The modules around this one, and others of the project that name the same file."""
    found = list(circle(module, words))
    if module.project is not None:
        others = module.project.mentioning(module.path, words, key[1])
        found += [item for item in others if all(item is not one for one in found)]
    return found


def loads_of(module: Module, save: Save) -> list[Load]:
    """The places of the project that read what a save writes."""
    key = path_key(save.path)
    if key is None:
        return []
    known: dict[tuple[str, str], list[Load]] = module.memo.setdefault("readers", {})
    if key not in known:
        others = _with_text(module, READING, key)
        known[key] = [load for other in others for load in loads(other) if path_key(load.path) == key]
    return known[key]


def asks_for(load: Load, item: Reached) -> bool:
    """Whether a load asks for what a file depends on: for what a model was compiled with not always.

    It does not with `compile=False`, nor where it stands behind the save in one function, and flags that both can ask
    for leave it out of each run that compiles the model so.
    """
    save, event = item.save, item.event
    if not item.compiled or not load.compiles:
        return not item.compiled
    module, function = load.module, load.call.function
    if (
        event is None
        or any(other is not module for other in (event.module, save.module, save.reader, load.reader))
        or any(other is not function for other in (event.function, save.function))
        or load.call.order < save.order
        or not all(module.owns(node) for node in (event.node, save.node, load.node))
    ):
        return True
    body = function.node if function is not None else module.tree
    return not excluded(module, body, event.node, load.node) or excluded(module, body, save.node, load.node)


def surely_reads(load: Load, save: Save) -> bool:
    """Whether one of `loads_of` reads this file, not one of the same name that lies elsewhere or was written later."""
    key = path_key(save.path)
    if key is None:
        return False
    module = save.module
    if load.module is not module:
        linked = module.reaches(load.module) or load.module.reaches(module)
        return string(save.path) is not None or linked or _by_one_constant(load, save, key[1])
    if not (module.owns(save.node) and module.owns(load.node)):
        return True
    first, last = module.span(save.node).start, module.span(load.node).start
    function = load.call.function
    if function is not save.function:
        if function is None:
            return True
        first = 0  # a function that writes the file itself reads what it has written
    written = [*_unknown_saves(module, key), *(item for item in saves(module) if path_key(item.path) == key)]
    return not any(
        module.owns(other.node) and first < module.span(other.node).start < last
        for other in written
        if other.function is function
    )


def _by_one_constant(load: Load, save: Save, name: str) -> bool:
    """Whether a file that both import names the file, below a folder that is not known: `BASE / "model.keras"`."""
    one, other = save.module, load.module
    if one.project is None or load.path != save.path:
        return False
    shared = set(one.project.reach(one.path)).intersection(one.project.reach(other.path))
    last = posixpath.basename(name)
    return any(last in one.project.text(path) for path in shared)


def loads_perhaps(module: Module, save: Save) -> list[Load]:
    """The loads around a module, and where the file is named, that may read what a save writes.

    What is not known of a path may be anything, and so is its folder: files are moved.
    """
    key = path_key(save.path)
    others = circle(module, READING) if key is None else _with_text(module, READING, key)
    return [load for other in others for load in loads(other) if _may_be_same(load.path, save.path)]


def _may_be_same(one: Value | None, other: Value | None) -> bool:
    """Whether the names of two files may be equal, without their folders."""
    return any(_may_be(a, b) or _may_be(b, a) for a in _names_of(one) for b in _names_of(other))


def _names_of(path: Value | None) -> Iterator[tuple[str, bool]]:
    """What is known of the end of a file name, and whether that is all of it."""
    for option in options(path):
        end = suffix_of(option)
        text, known = ("", False) if end is None else (end[0].replace("\\", "/"), end[1])
        yield posixpath.basename(text), known or "/" in text


def _may_be(one: tuple[str, bool], other: tuple[str, bool]) -> bool:
    if one[1] and other[1]:
        return one[0] == other[0] or ("{" in one[0] and _one_of(one[0], other[0]))
    return not other[1] and ("{" in one[0] or one[0].endswith(other[0]))


def read_as_weights(module: Module, save: Save) -> bool:
    """Whether the project reads what a save writes, and only with `load_weights`: then nothing but weights is used."""
    key = path_key(save.path)
    if key is None:  # the same expression in the same file
        weights = {_code(save.module, event.arguments) for event in save.module.events_of("load_weights")}
        read = {_code(save.module, load.call.arguments) for load in loads(save.module)} if weights else set()
        if _code(save.module, save.arguments) in weights - read - {""} or _is_numbered_for_weights(module, save):
            return True
        return _only_weights_are_read(module, save)
    if loads_of(module, save):
        return False
    if _only_weights_are_read(module, save) or _gives_way_to_weights(save, key):
        return True
    start = posixpath.basename(key[1]).partition("{")[0] if key[0] == "" else ""
    numbered = "{" in key[1] and len(start) > 2  # a file for each epoch is read by one of its names
    others = _with_text(module, ("load_weights",), ("", posixpath.dirname(key[1]) + "/" + start) if numbered else key)
    events = [event for other in others for event in other.events_of("load_weights")]
    paths = [path_key(event.arguments.value("filepath", 0)) for event in events]
    return key in paths or (numbered and any(path is not None and _one_of(key[1], path[1]) for path in paths))


def _only_weights_are_read(module: Module, save: Save) -> bool:
    """Whether no file of the project reads a whole model, and one around this module reads weights from any path.

    Or no file of the project reads or writes what else may be in an `.h5` file, and one reads weights from one like it.
    """
    h5, project = save.format == ".h5", module.project
    texts = [module.source.text, save.module.source.text]
    if any(reads_whole(text, h5) for text in texts):
        return False
    reads = [event for other in circle(module, ("load_weights",)) for event in other.events_of("load_weights")]
    any_path = any(path_key(event.arguments.value("filepath", 0)) is None for event in reads)
    key = path_key(save.path)
    path = key[1] if h5 and key is not None else ""
    if not any_path and (not path or project is None):
        return False
    known: dict[bool, bool] = module.memo.setdefault("reads whole", {})
    if h5 not in known:
        others = (text for word in WHOLE_READS for text in (project.texts_with(module.path, word) if project else ()))
        known[h5] = any(reads_whole(text, h5) for text in others)
    if known[h5] or any_path or project is None:
        return not known[h5]
    if any("save_weights(" in text for text in texts) or any(project.texts_with(module.path, "save_weights(")):
        return False
    texts += project.texts_with(module.path, "load_weights(")
    return any(reads_weights_like(text, path) for text in texts)


def _gives_way_to_weights(save: Save, key: tuple[str, str]) -> bool:
    """Whether the same function always writes weights to the file after it wrote it whole.

    Where Keras 3 refuses the name for weights, the program ends there, which KC201 says.
    """
    module, function = save.module, save.function
    block = module.tree if function is None else function.node.body
    body = block.body if isinstance(block, (cst.Module, cst.IndentedBlock)) else ()
    last = module.span(save.node).start if module.owns(save.node) else None
    return last is not None and any(
        event.module is module
        and event.function is function
        and path_key(event.arguments.value("filepath", 0)) == key
        and any(event.statement is item for item in body)
        and module.span(event.node).start > last
        for event in module.events_of("save_weights")
    )


def _is_numbered_for_weights(module: Module, save: Save) -> bool:
    """Whether a file for each epoch has a name of which only the end is known, as what `load_weights` reads around.

    `f"{run}-{epoch:02d}.hdf5"`: nothing around may read it whole.
    """
    end = suffix_of(save.path)
    if end is None or "{epoch" not in end[0] or loads_perhaps(module, save):
        return False
    events = [event for other in circle(module, ("load_weights",)) for event in other.events_of("load_weights")]
    read = [suffix_of(event.arguments.value("filepath", 0)) for event in events]
    wanted = posixpath.splitext(end[0])[1]
    return any(one is not None and not one[1] and posixpath.splitext("_" + one[0])[1] == wanted for one in read)


def writes_itself(module: Module, model: Obj, read: Event) -> bool:
    """Whether a model is written to the file that it reads, in the same program: whole or its weights only."""
    return any(_writes(module, event, model, read) for event in module.events if event.module is read.module)


def _writes(module: Module, event: Event, model: Obj, read: Event) -> bool:
    """Whether an event writes a model to the file of a `load_weights`, or is a training with a checkpoint that does."""
    if model not in options(event.receiver):
        return False
    if event.name in {"save", "save_weights"}:
        return _same_file(module, event.arguments, read.arguments)
    if event.name not in _FITS:
        return False
    given = event.arguments.value("callbacks")
    return any(
        isinstance(item, Obj) and item.ref == _CHECKPOINT and _same_file(module, item.arguments, read.arguments)
        for item in (given.known() if isinstance(given, Items) else (given,))
    )


def written_in_another_run(module: Module, model: Obj, read: Event) -> bool:
    """Whether another program makes the same model, after the same layers, and writes it to the file that is read.

    So the layers have the same numbers in both. Programs that use the file where the model is made are looked at.
    """
    before = _made_before(module, model)
    home = model.module
    if before is None or home is None or home is module:
        return False
    programs = ((other, made) for other in home.users if other is not module for made in other.facts.models)
    return any(
        any(_writes(other, event, made, read) for event in other.events)
        for other, made in programs
        if made.call is model.call and _made_before(other, made) == before
    )


_NUMBERED = ("keras.layers.", "keras.applications.", "keras.models.load_model")


def _made_before(module: Module, model: Obj) -> list[cst.Call] | None:
    """The calls that make layers up to a model, in their order; None when it may be made at several times."""
    if sum(other.call is model.call for other in module.facts.models) != 1:
        return None
    whole = next((call for call in module.calls if call.node is model.call), None)
    if whole is None or whole.standalone:
        return None
    earlier = (call for call in module.calls if call.order < whole.order and not call.standalone)
    return [call.node for call in earlier if call.name.startswith(_NUMBERED)]


def _same_file(module: Module, written: Arguments, read: Arguments) -> bool:
    """Whether two paths are equal, one is a template of the other, or both are written alike and neither is known."""
    one, other = path_key(written.value("filepath", 0)), path_key(read.value("filepath", 0))
    if one is not None and other is not None:
        return one == other or ("{" in one[1] and one[0] == other[0] and _one_of(one[1], other[1]))
    return one is other and _code(module, written) == _code(module, read) != ""


def _one_of(template: str, name: str) -> bool:
    """Whether a file name is one that a template such as `net_{epoch:02d}.h5` gives; it may have a `*`, too."""
    parts = re.split(r"\{[^{}]*\}", posixpath.basename(template))
    shown = "0".join(parts)
    pattern = ".+".join(re.escape(part) for part in parts)
    name = posixpath.basename(name)
    return bool(re.fullmatch(pattern, name)) or ("*" in name and fnmatch.fnmatchcase(shown, name))


def saves_of(module: Module, load: Load) -> list[Save]:
    """The places of the project that write what a load reads."""
    key = path_key(load.path)
    if key is None:
        return []
    others = _with_text(module, WRITING, key)
    found = [save for other in others for save in saves(other) if path_key(save.path) == key]
    beside = [save for save in found if save.module is load.module and save.function is load.call.function]
    return beside if beside and load.call.function is not None else _meant(module, found, key)


def writers_of(module: Module, load: Load) -> list[Save]:
    """The saves that may have written what a load reads; none when one may have whose model is not known.

    What stands in the same function, or with it outside of all functions, has written it. If nothing does: what the
    module writes, those that it is linked to by imports and those beside it, and strangers only when these do not.
    """
    key = path_key(load.path)
    if key is None:
        return []
    others = _with_text(module, WRITING, key)
    found = [save for other in others for save in saves(other) if path_key(save.path) == key]
    beside = [save for save in found if save.module is load.module and save.function is load.call.function]
    unknown = [item for item in _unknown_saves(load.module, key) if item.function is load.call.function]
    if not beside:
        folder = folder_of(module)
        linked = [item for item in others if module.reaches(item) or item.reaches(module) or folder_of(item) == folder]
        near = [save for save in found if any(save.module is item or save.reader is item for item in linked)]
        unknown = [item for other in (linked if near else others) for item in _unknown_saves(other, key)]
        found = near or found
    known = {id(save.node) for save in found}
    return [] if any(id(item.node) not in known for item in unknown) else beside or found


def writes_back(save: Save, model: Obj) -> bool:
    """Whether a model that a save writes was read from the same file as it was: what the file needs stays the same.

    Run on 3.15.1 and 2.15, `.keras` and `.h5`: so it is, unless the model is read without what it was compiled with, is
    compiled anew, or another object is handed over under a name.
    """
    if string(save.path) is None:
        return False  # of the same name, maybe in another folder
    read = [load for load in loads(save.reader) if load.node is model.call]
    if not read or any(path_key(load.path) != path_key(save.path) or not _reads_all(load) for load in read):
        return False
    return not any(model in options(event.receiver) for event in save.reader.events_of("compile", "add"))


def _reads_all(load: Load) -> bool:
    """Whether a model is loaded with what it was compiled with, each object under its own name."""
    found = load.call.arguments.find("custom_objects", 1)
    given = found[1].entries if found is not None and isinstance(found[1], Mapping) else ()
    things = {key: value.info if isinstance(value, Class) else value for key, value in given}
    named = (isinstance(thing, (ClassInfo, Func)) and name_of(thing) == key for key, thing in things.items())
    if not load.call.arguments.lacks("compile", 2) and boolean(load.call.arguments.value("compile", 2)) is not True:
        return False
    return load.objects is not None and load.objects == things.keys() and all(named)


def _unknown_saves(module: Module, key: tuple[str, str]) -> Iterator[Event | CallFact]:
    """The places of a module that write a file of this path, whatever its model is."""
    for event in module.events_of("save"):
        if path_key(event.arguments.value("filepath", 0)) == key:
            yield event
    for call in module.calls_of(_CHECKPOINT):
        same = path_key(call.arguments.value("filepath", 0)) == key
        if same and boolean(call.arguments.value("save_weights_only", 4)) is not True:
            yield call


def folder_of(module: Module) -> str:
    """The folder of a module's file; absolute when the project knows it."""
    return module.project.folder_of(module.path) if module.project is not None else posixpath.dirname(module.path)


def _meant(module: Module, found: list[Save], key: tuple[str, str]) -> list[Save]:
    """The saves that a load surely reads: programs of one project that are strangers may use the same file name.

    Those of the module itself come first, then those of modules that it is linked to by imports, then those beside it.
    One that is neither counts only when it is the only one, and the path names a folder, or that one is of a package:
    such a program is not run in the folder it stands in.
    """
    folder = folder_of(module)
    for near in (
        [save for save in found if save.module is module],
        [save for save in found if module.reaches(save.module) or save.module.reaches(module)],
        [save for save in found if folder_of(save.module) == folder],
    ):
        if near:
            return near
    strangers = {id(save.module): save.module for save in found}
    return found if len(strangers) == 1 and ("/" in key[1] or all(map(_is_packaged, strangers.values()))) else []


def _is_packaged(module: Module) -> bool:
    """Whether a module is part of a package."""
    folder = folder_of(module)
    return module.project is not None and module.project.outside_packages(folder) != folder


def path_key(value: Value | None) -> tuple[str, str] | None:
    """Equal for equal paths: a known string, or the known ends of one; None when the file name is not known."""
    text = string(value)
    if text is not None:
        return ("", text.removeprefix("./"))
    if isinstance(value, Text) and "/" in value.suffix:
        return (value.prefix, value.suffix)
    return None


def _code(module: Module, given: Arguments) -> str:
    """The path of a call as it is written; empty when it stands in another file."""
    found = given.find("filepath", 0)
    return module.code(found[0]) if found is not None and module.owns(found[0]) else ""


_TEMPORARY = (
    r"\btempfile\.\w+\(|\b(?:TemporaryDirectory|NamedTemporaryFile|mkdtemp|mkstemp|get_temp_dir)\("
    r"|\btmp_?path\b|\btmpdir\b"
)


def is_temporary(module: Module, given: Arguments) -> bool:
    """Whether the file of a call lies in a temporary folder: in the next run it is not there."""
    names: str | None = module.memo.get("temporary")
    if names is None:
        names = module.memo["temporary"] = _temporary_names(module.source.text)
    return bool(names) and re.search(names, _code(module, given)) is not None


def _temporary_names(text: str) -> str:
    """What an expression with a temporary path has in it, by text: names that such paths are assigned to, too."""
    if not re.search(_TEMPORARY, text):
        return ""
    pattern = _TEMPORARY
    names: set[str] = set()
    for _ in range(4):
        bound = set(re.findall(rf"^[ \t]*(\w+)\b[^=\n]*=(?!=)[^\n]*(?:{pattern})", text, re.MULTILINE))
        for line in re.findall(rf"^[ \t]*with\b[^\n]*(?:{pattern})[^\n]*", text, re.MULTILINE):
            bound.update(re.findall(rf"(?:{pattern})[^\n]*?\bas[ \t]+(\w+)", line))
        if bound <= names:
            break
        names |= bound
        pattern = "|".join([_TEMPORARY, *(rf"\b{name}\b" for name in sorted(names))])
    return pattern


# ---------------------------------------------------------------------- places


def _saves(module: Module) -> Iterator[Save]:
    for event in module.events:
        if event.name in {"save", "to_json"}:
            models = models_of(event)
            if not models or not all(item.kind == "model" for item in models) or _hands_on(models):
                continue
            if event.name == "to_json":
                yield _save("json", None, models, event, module)
                continue
            path = event.arguments.value("filepath", 0)
            made = _format(module, path, event.arguments)
            if made == "" and path is None:
                made = _format_of_callers(module, event)
            if made is not None and not (made == "" and _is_folder(event.module, event.arguments)):
                yield _save(made, path, models, event, module)
        elif event.name in _FITS:
            yield from _checkpoints(module, event)


def _save(made: str, path: Value | None, models: tuple[Obj, ...], event: Event, reader: Module) -> Save:
    place = event.node, event.module, reader, event.arguments, event.function, event.order, event.standalone
    return Save(made, path, models, *place)


def _format_of_callers(module: Module, event: Event) -> str | None:
    """The format that the project gives the files of a class' own `save(self, path)`; "" where that cannot be told."""
    method, found = event.function, event.arguments.find("filepath", 0)
    owner = method.owner if method is not None else None
    if method is None or owner is None or found is None or not isinstance(method.node, cst.FunctionDef):
        return ""
    names = [item.name.value for item in method.node.params.params]
    name = found[0].value if isinstance(found[0], cst.Name) else ""
    if method.node.name.value != "save" or name not in names[1:]:
        return ""
    formats = {
        _format(other, call.arguments.value(name, names.index(name) - 1), NO_ARGUMENTS)
        for other in circle(module, (".save(",), whole=False)
        for call in other.events_of("own save")
        if any(item.cls is not None and owner in item.cls.lineage() for item in models_of(call))
    }
    return formats.pop() if len(formats) == 1 else ""


def _hands_on(models: tuple[Obj, ...]) -> bool:
    """Whether a class says itself what its attributes are: its `save` may be that of another model."""
    return any(item.cls is not None and item.cls.method("__getattribute__")[0] is not None for item in models)


def _is_folder(module: Module, given: Arguments) -> bool:
    """Whether the program makes a folder of the path of a call: Keras 2 writes a SavedModel there, Keras 3 raises."""
    path = re.escape(_code(module, given))
    made = rf"\b(?:mkdir|makedirs)\(\s*{path}\s*[,)]|\bPath\({path}\)\.mkdir\(|(?<![\w.]){path}\.mkdir\("
    return bool(path) and re.search(made, module.source.text) is not None


def _format(module: Module, path: Value | None, arguments: Arguments) -> str | None:
    """The format of a whole-model file; None when it is a SavedModel, no such file, or when that cannot be told."""
    wanted = arguments.find("save_format")
    if wanted is not None:
        name = string(wanted[1])
        return {"keras": ".keras", "h5": ".h5", "keras_v3": ".keras", "hdf5": ".h5"}.get(name or "")
    found = {_format_of(module, option) for option in options(path)}
    if None in found:
        return None  # one of the paths is that of no such file
    return found.pop() if len(found) == 1 else ""


def _format_of(module: Module, path: Value | None) -> str | None:
    end = suffix_of(path)
    if end is None:
        # Keras 3 writes nothing but `.keras` and `.h5`; on Keras 2 a path may name a SavedModel
        return "" if module.target.keras3 else None
    if end[0].endswith(".weights.h5"):
        return None
    if end[0].endswith(".keras"):
        return ".keras"
    return ".h5" if end[0].endswith((".h5", ".hdf5")) else None


def _checkpoints(module: Module, event: Event) -> Iterator[Save]:
    models = models_of(event)
    if not models or not all(item.kind == "model" for item in models):
        return
    callbacks = event.arguments.value("callbacks")
    for item in callbacks.known() if isinstance(callbacks, Items) else (callbacks,):
        if not isinstance(item, Obj) or item.ref != _CHECKPOINT or item.module is None:
            continue
        if (
            not item.arguments.lacks("save_weights_only", 4)
            and boolean(item.arguments.value("save_weights_only", 4)) is not False
        ):
            continue
        path = item.arguments.value("filepath", 0)
        made = _format(module, path, item.arguments)
        if made is not None and item.call is not None:
            call = cast(cst.Call, item.call)
            place = call, item.module, module, item.arguments, event.function, event.order, event.standalone
            yield Save(made, path, models, *place)


def _loads(module: Module) -> Iterator[Load]:
    for call in module.calls_of("keras.models.load_model"):
        objects = _scoped(module)
        if objects is not None and call.module is module:
            objects = objects | _scoped_here(module, call.node)
        found = call.arguments.find("custom_objects", 1)
        if objects is not None:
            if found is not None:
                given = _handed(*found)
                objects = None if given is None else objects | given
            elif not call.arguments.lacks("custom_objects", 1):
                objects = None
        compiles = call.arguments.find("compile", 2)
        yield Load(
            call.arguments.value("filepath", 0),
            call,
            call.module,
            objects,
            compiles is None or boolean(compiles[1]) is not False,
            module,
        )


def _names(value: Value | None) -> frozenset[str] | None:
    if isinstance(value, Const) and value.value is None:
        return frozenset()
    if isinstance(value, Mapping) and value.exact:
        return frozenset(str(key) for key, _ in value.entries)
    return None


def _handed(node: cst.BaseExpression, value: Value | None) -> frozenset[str] | None:
    """The names in `custom_objects`; None for a dictionary that is empty where it is bound: something fills it."""
    names = _names(value)
    filled = isinstance(value, Mapping) and not names and not isinstance(node, cst.Dict)
    return None if filled else names


def _scoped_here(module: Module, load: cst.Call) -> frozenset[str]:
    """The names that the scopes around a load supply to it alone."""
    return frozenset(
        name for names, inside in _own_scopes(module).values() if names and id(load) in inside for name in names
    )


def _own_scopes(module: Module) -> dict[int, tuple[frozenset[str] | None, frozenset[int]]]:
    """The scopes of a module, by their calls, that hold for the calls written inside of them: names and those calls.

    That is `with custom_object_scope({...}):` with loads in it, and no call of a function of the project.
    """
    known: dict[int, tuple[frozenset[str] | None, frozenset[int]]] | None = module.memo.get("own scopes")
    if known is None:
        known = module.memo["own scopes"] = {}
        scopes = {id(call.node): call for call in module.calls_of(*_SCOPES) if call.module is module}
        loading = {id(call.node) for call in module.calls_of("keras.models.load_model")}
        for node in module.index.nodes(cst.With) if scopes else ():
            inside = [item for item in walk(node.body) if isinstance(item, cst.Call)]
            others = [item for item in inside if id(item) not in loading]
            if len(others) == len(inside) or any(_calls_own(module, item) for item in others):
                continue
            for item in node.items:
                call = scopes.get(id(item.item))
                if call is not None:
                    known[id(item.item)] = _names(call.arguments.value("", 0)), frozenset(map(id, inside))
    return known


def _calls_own(module: Module, call: cst.Call) -> bool:
    """Whether a call may be one of a function of the project that loads something."""
    if isinstance(call.func, cst.Name):
        return call.func.value not in _BUILTINS and not isinstance(module.bound(call.func.value), Ref)
    root = call.func
    while isinstance(root, cst.Attribute):
        root = root.value
    if not isinstance(root, cst.Name):
        return True
    known = module.bound(root.value)
    return root.value in {"self", "cls"} or not (known is None or isinstance(known, Ref))


def _scoped(module: Module) -> frozenset[str] | None:
    """The names that scopes and calls supply somewhere around a module; None when not known."""
    if "scoped" not in module.memo:
        module.memo["scoped"] = _find_scoped(module)
    known: frozenset[str] | None = module.memo["scoped"]
    return known


def _find_scoped(module: Module) -> frozenset[str] | None:
    """Those of the programs that import the module count, too: they may call what it loads with."""
    users = module.users_with(*_AROUND, idle=True)
    family = module.family(*_AROUND)
    names = global_names(module, [*family, *(other for user in users for other in user.family(*_AROUND))])
    if names is None:
        return None
    for other in dict.fromkeys([*family, *users]):
        calls = other.calls if other is module or other in users else other.interpreter.calls
        own = _own_scopes(other) if other is module or other in users else {}
        for call in calls:
            if call.name in _SCOPES and id(call.node) not in own:
                given = _names(call.arguments.value("", 0))
                if given is None:
                    return None
                names |= given
    return names


# ---------------------------------------------------------------------- what a file depends on


class _Walk:
    """Follows a model as Keras writes its configuration.

    A `Model` subclass is written by its own arguments: its sublayers are made again by `__init__` and are not in the
    file (measured on 2.15 and 3.0.5-3.15.1).
    """

    def __init__(self, save: Save) -> None:
        self.save = save
        self.found: list[Reached] = []
        self.seen: set[int] = set()
        self.keep: list[Value] = []  # keeps ids unique
        self.facts = save.reader.facts
        self.event: Event | None = None  # the `compile` that is followed

    def note(self, thing: ClassInfo | Func, made: Obj | None, compiled: bool = False, place: str = "") -> None:
        self.found.append(Reached(thing, made, self.save, compiled, place, self.event if compiled else None))

    def first_time(self, value: Value) -> bool:
        if id(value) in self.seen:
            return False
        self.seen.add(id(value))
        self.keep.append(value)
        return True

    def model(self, model: Obj) -> None:
        if not self.first_time(model):
            return
        if model.cls is not None:
            if not model.cls.is_abstract:
                self.note(model.cls, model)
            return
        if model.form == "sequential":
            layers = self.facts.lasting.get((model, "#layers"))
            for layer in layers.known() if isinstance(layers, Items) else ():
                self.layer(layer)
        elif model.form == "functional":
            stop = model.arguments.value("inputs", 0)
            for value in stop.known() if isinstance(stop, Items) else (stop,):
                if isinstance(value, Tensor):
                    self.first_time(value)
            self.tensor(self.facts.lasting.get((model, "#outputs")))
        elif model.form == "application":
            self.tensor(model.arguments.value("input_tensor"))

    def tensor(self, value: object) -> None:
        stack: list[object] = [value]
        while stack:
            item = stack.pop()
            if isinstance(item, (Items, Mapping)):
                stack += item.known() if isinstance(item, Items) else [entry for _, entry in item.entries]
            elif isinstance(item, Choice):
                stack += item.options
            elif isinstance(item, Bound) and isinstance(item.receiver, Obj):
                self.layer(item.receiver)
            elif isinstance(item, Part):
                stack.append(item.base)
            elif isinstance(item, Obj):
                if item.kind == "model":
                    self.layer(item)
            elif isinstance(item, Tensor) and self.first_time(item):
                self.layer(item.layer)
                stack += item.inputs

    def layer(self, value: Value | None) -> None:
        if isinstance(value, Choice):
            for option in value.options:
                self.layer(option)
        elif isinstance(value, Obj) and value.kind == "model":
            self.model(value)
        elif isinstance(value, Obj) and value.kind == "layer" and self.first_time(value):
            if value.cls is None:
                self.arguments(value)
            elif not is_never_in_a_graph(value.cls):
                self.note(value.cls, value)
        elif isinstance(value, Tensor):
            self.tensor(value)

    def arguments(self, layer: Obj) -> None:
        """The layers, functions and other objects given to a layer of Keras."""
        for value in layer.arguments.values():
            for item in value.known() if isinstance(value, Items) else (value,):
                if isinstance(item, Obj) and item.kind in {"layer", "model"}:
                    self.layer(item)
                elif isinstance(item, Obj) and item.cls is not None and kind_of(item.cls) is not None:
                    self.note(item.cls, item)
                elif isinstance(item, Func):
                    self.note(item, layer)
                elif isinstance(item, Class) and layer.short not in keras_api.WRAPPERS and kind_of(item.info):
                    self.note(item.info, layer)

    def compiled(self, model: Obj) -> None:
        if model.cls is not None and model.cls.method("compile")[0] is not None:
            return
        for event in self.save.reader.events_of("compile"):
            if any(item is model for item in models_of(event)):
                self.event = event
                for name, index in (("optimizer", 0), ("loss", 1), ("metrics", None), ("weighted_metrics", None)):
                    value = event.arguments.value(name, index)
                    several = name == "loss" and isinstance(value, (Items, Mapping))
                    self.compile_argument(value, "losses" if several else name)
                if event.arguments.find("metrics") is None:
                    self.compile_argument(
                        event.arguments.value("metrics", 3 if model.module and model.module.target.keras3 else 2),
                        "metrics",
                    )

    def compile_argument(self, value: Value | None, place: str) -> None:
        if isinstance(value, (Items, Choice)):
            for item in value.known() if isinstance(value, Items) else value.options:
                self.compile_argument(item, place)
        elif isinstance(value, Mapping):
            for _, item in value.entries:
                self.compile_argument(item, place)
        elif isinstance(value, Func):
            self.note(value, None, True, place)
        elif isinstance(value, Obj) and value.cls is not None:
            if kind_of(value.cls) is not None:
                self.note(value.cls, value, True, place)
        elif isinstance(value, Obj) and value.ref.startswith(("keras.optimizers.", "keras.losses.", "keras.metrics.")):
            for inner in value.arguments.values():
                if isinstance(inner, (Obj, Func)) and not (isinstance(inner, Obj) and inner.cls is None):
                    self.compile_argument(inner, "wrapped")


def instances(module: Module, owner: ClassInfo) -> list[Obj]:
    """The instances of a class that the modules around its own make, as far as they are followed."""
    known: dict[ClassInfo, list[Obj]] = module.memo.setdefault("instances", {})
    if owner not in known:
        around = [made for item in reached(module) if (made := item.made) is not None and made.cls is owner]
        for other in circle(module, (owner.name,)):
            around += _made_in(other).get(owner, ())
        known[owner] = list(dict.fromkeys(around))
    return known[owner]


def _made_in(module: Module) -> dict[ClassInfo, list[Obj]]:
    """The objects of the project's classes that a module knows, by their class."""
    known: dict[ClassInfo, list[Obj]] | None = module.memo.get("made")
    if known is None:
        known = module.memo["made"] = {}
        holders = (holder for holder, _ in (*module.facts.heap, *module.facts.lasting))
        models = (made for event in module.events for made in models_of(event))
        for made in dict.fromkeys(item for item in (*holders, *models) if isinstance(item, Obj)):
            if made.cls is not None and made.call is not None:
                known.setdefault(made.cls, []).append(made)
    return known
