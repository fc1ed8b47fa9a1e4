"""One walk of the tree that follows what the program would do: names, values, and the states of models.

It runs the module body in order, follows calls into functions and classes of the project, joins the paths of
branches, and afterwards visits the functions that nothing in the project calls. What it meets on the way (calls,
imports, events on objects) is recorded for the rules. It never runs the program.
"""

from __future__ import annotations

import ast
import builtins
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakSet

import libcst as cst

from kerascheck.semantic import (
    branches,
    calls,
    commandline,
    containers,
    datasets,
    elements,
    keras_api,
    left_out,
    orders,
    own_decorators,
    own_model_names,
    phases,
    preparing,
    records,
    registries,
    scores,
    texts,
)
from kerascheck.semantic.classes import BuildEffect, ClassInfo
from kerascheck.semantic.conditions import Condition, dotted_name, may_equal
from kerascheck.semantic.events import NEW, UNSURE, CallFact, Event, Flag, ImportFact, OrderUse, States
from kerascheck.semantic.glimpse import glimpse
from kerascheck.semantic.graph import Head, head_of
from kerascheck.semantic.heap import Facts, joined
from kerascheck.semantic.names import GLOBAL_OBJECTS, canonical
from kerascheck.semantic.values import (
    NO_ARGUMENTS,
    Arguments,
    Bound,
    Choice,
    Class,
    Const,
    Constant,
    Func,
    Items,
    Later,
    Mapping,
    ModuleValue,
    Obj,
    Part,
    Ref,
    Super,
    Table,
    Tensor,
    Text,
    Unordered,
    Value,
    Way,
    concat,
    join,
    number,
    options,
    string,
    text_of,
)
from kerascheck.semantic.walk import walk

if TYPE_CHECKING:
    from kerascheck.semantic.layer_graph import LayerGraph
    from kerascheck.semantic.module import Module
    from kerascheck.semantic.target import Release

Maybe = Value | None
HeapKey = tuple[object, str]
Snapshot = tuple[dict[str, Maybe], Facts]

MAXIMUM_DEPTH = 8
# statements that may be followed into functions, so that the whole stays below the cost of parsing
LEAST_STEPS = 300
STEPS_PER_LINE = 2
STEPS_PER_FUNCTION = 300
MAXIMUM_UNROLL = 12
MAXIMUM_ITEMS = 500  # of a list or dictionary that is made from others
MAXIMUM_NUMBER = 10**18
_MISSING = object()
_BUILTINS = {name: Ref(f"builtins.{name}", name) for name in dir(builtins)}
_NONE = Const(None)
_NAMED = {"None": _NONE, "True": Const(True), "False": Const(False)}
_MADE_ONCE = "functools.cached_property"
_KEPT = 20_000  # literals, and attributes of imported things: they are met again and again
_PLACED = frozenset({'"accuracy"', "'accuracy'", '"acc"', "'acc'"})  # strings that say where they are written
_LONG = 1_000  # characters of a string that is not kept


class Frame:
    """The names of one scope. `rebound` are those bound more than once with different values.

    `kind` is "" for a module or function, "class" or "comprehension".
    """

    __slots__ = ("globals", "kind", "names", "parent", "rebound", "stars")

    def __init__(self, parent: Frame | None, kind: str = "") -> None:
        self.kind = kind
        self.names: dict[str, Maybe] = {}
        self.parent = parent
        self.rebound: set[str] = set()
        self.stars: list[str] = []
        self.globals: set[str] = set()


class Lasting(dict[HeapKey, object]):
    """Facts of objects that hold in the whole program. What is set here counts more than what other modules know."""

    def __init__(self) -> None:
        super().__init__()
        self._own: set[HeapKey] = set()

    def __setitem__(self, key: HeapKey, value: object) -> None:
        self._own.add(key)
        super().__setitem__(key, value)

    def copy(self) -> Lasting:
        """The same facts, none of them its own."""
        found = Lasting()
        found.adopt(self)
        return found

    def adopt(self, other: Lasting) -> None:
        """Take over what another module knows."""
        super().update({key: value for key, value in other.items() if key not in self._own})


class Interpreter:
    """Follows one module. After `run` its lists hold what was met, in order."""

    def __init__(self, module: Module) -> None:
        self.module = self.home = module
        self.site: cst.CSTNode | None = None
        self.calling: cst.Call | None = None
        self.handed: dict[int, tuple[Mapping, list[bool]]] = {}  # dictionaries given to functions, and whether changed
        self.way: Way | None = None
        self.frame = Frame(None)
        self.root = self.frame
        self.heap = Facts()
        self.lasting = Lasting()
        self.dead = False
        self.calls: list[CallFact] = []
        self.events: list[Event] = []
        self.imports: list[ImportFact] = []
        self.order_uses: list[OrderUse] = []
        self.classes: list[ClassInfo] = []
        self.functions: list[Func] = []
        self.sets: list[Unordered] = []
        self.models: list[Obj] = []
        self.registered: dict[tuple[Table, Constant], Maybe] = {}  # what tables of the project got here
        self.graphs: dict[Obj, LayerGraph] = {}
        self.statement: cst.CSTNode | None = None
        self.function: Func | None = None
        self.owner: ClassInfo | None = None
        self.returns: list[tuple[Maybe, Facts]] = []
        self.final: int | None = None
        self.literal: dict[int, Const] = {}  # what arguments surely are in the call that is followed, by identity
        self.turns: dict[int, Const] = {}  # what names surely are in one pass through a loop
        self.usual: dict[int, Const] = {}  # and what they are when nothing else is said
        self.jumps: list[Snapshot] = []
        self.stack: list[object] = []
        self.visited: set[object] = set()
        self.order = 0
        self.entries: list[int] = []  # the orders at which functions that nothing calls begin
        self.loop = 0
        self.steps = 0
        self.budget = self.limit = 0
        self.tainted = False
        self.unrolling = 0
        self.standalone = False
        self.untaken = 0  # branches around that the arguments of the call that is followed leave out
        self.guarded = 0
        self.releases: tuple[Release, ...] | None = None  # those of the target that come here; None: all
        self.attempts: tuple[cst.Try | cst.TryStar, ...] = ()
        self.recoveries: tuple[cst.Try | cst.TryStar, ...] = ()
        self.quiet = 0
        self.loops: tuple[phases.Loop, ...] = ()
        self.units: dict[phases.Unit, None] = {}
        self.moments: list[phases.Moment] = []
        self.saves_met: list[phases.Moment] = []
        self.steps_met: list[datasets.Step] = []
        self._tests: dict[cst.If | cst.Assert, Condition] = {}
        self.calls_when_trained: dict[Obj, list[Event]] = {}
        self._instances: dict[ClassInfo, tuple[Obj, dict[HeapKey, object]]] = {}
        self._build_effects: dict[ClassInfo, BuildEffect] = {}
        self._weighted: dict[ClassInfo, bool | None] = {}
        self._outputs: dict[Obj, Maybe] = {}
        self._adopted: set[str] = set()
        self._adopters: WeakSet[Interpreter] = WeakSet()
        self._told: tuple[dict[HeapKey, object], Lasting, dict[phases.Unit, None]] | None = None  # what others learn
        self._doubting = False
        self._eval: dict[type, Callable[[Any], Maybe]] = {
            cst.Name: self._name,
            cst.Attribute: self._attribute,
            cst.Call: self._call,
            cst.SimpleString: self._simple_string,
            cst.ConcatenatedString: self._concatenated,
            cst.FormattedString: self._formatted,
            cst.Integer: self._integer,
            cst.Float: self._float,
            cst.List: self._list,
            cst.Tuple: self._tuple,
            cst.Set: self._set,
            cst.Dict: self._dict,
            cst.ListComp: self._list_comprehension,
            cst.GeneratorExp: self._list_comprehension,
            cst.SetComp: self._set_comprehension,
            cst.DictComp: self._dict_comprehension,
            cst.Lambda: self._lambda,
            cst.BinaryOperation: self._binary,
            cst.BooleanOperation: self._boolean,
            cst.UnaryOperation: self._unary,
            cst.Comparison: self._comparison,
            cst.IfExp: self._if_expression,
            cst.Subscript: self._subscript,
            cst.Await: self._await,
            cst.Yield: self._yield,
            cst.NamedExpr: self._named,
            cst.StarredElement: self._starred,
            cst.From: self._from,
        }
        self._exec: dict[type, Callable[[Any], None]] = {
            cst.SimpleStatementLine: self._line,
            cst.Expr: self._expression,
            cst.Assign: self._assign,
            cst.AnnAssign: self._annotated,
            cst.AugAssign: self._augmented,
            cst.Import: self._import,
            cst.ImportFrom: self._import_from,
            cst.Return: self._return,
            cst.Raise: self._raise,
            cst.Break: self._jump,
            cst.Continue: self._jump,
            cst.Del: self._delete,
            cst.Global: self._global,
            cst.Nonlocal: self._global,
            cst.Assert: self._assert,
            cst.If: self._if,
            cst.For: self._for,
            cst.While: self._while,
            cst.With: self._with,
            cst.Try: self._try,
            cst.TryStar: self._try,
            cst.FunctionDef: self._function_definition,
            cst.ClassDef: self._class_definition,
            cst.Match: self._match,
            cst.IndentedBlock: self._block,
            cst.SimpleStatementSuite: self._line,
        }

    def adopt(self, module: Module) -> None:
        """Know the objects that another module of the project made; those who know this one's get to know them, too.

        They are those that its body made, whether or not its functions were visited since: that hangs on what was
        checked before.
        """
        if module.path in self._adopted:
            return
        self._adopted.add(module.path)
        other = module.interpreter
        if other is self:
            return
        other._adopters.add(self)
        known, lasting, units = other._told or (other.heap.flat(), other.lasting, other.units)
        if self._doubting:
            for key, value in known.items():
                if key[1] == "#states" and isinstance(value, frozenset) and key not in self.heap:
                    self.heap[key] = UNSURE
                    phases.note_lost(self, cast(Obj, key[0]))
        self.heap.foreign.update(known)
        self.lasting.adopt(lasting)
        self.units.update(units)
        for adopter in list(self._adopters):
            adopter.adopt(module)

    def settled(self, names: dict[str, Maybe], name: str) -> Maybe:
        """What a name is bound to, None when it is not; a module of the project that it comes from is read now."""
        value = names.get(name)
        if type(value) is Later:
            later = value
            value = later.module.settled(later)
            if later.known:
                names[name] = value
        return value

    # ------------------------------------------------------------------ driving

    def run(self, tree: cst.Module) -> None:
        """Follow the module body."""
        self.limit = LEAST_STEPS + STEPS_PER_LINE * len(self.home.source.line_starts)
        self.budget = self.limit
        for statement in tree.body:
            self.steps += 1
            try:
                self._exec[type(statement)](statement)
            except RecursionError:
                self._give_up()
            self.dead = False  # code behind sys.exit() is read all the same
        registries.note_tables(self)

    def _allowance(self) -> int:
        """The budget of something that is looked at aside; all such looks together have an end."""
        return min(self.steps + STEPS_PER_FUNCTION, 4 * (self.limit + LEAST_STEPS))

    def _give_up(self) -> None:
        """Something is nested too deeply to be followed: nothing is known any more but classes and functions."""
        self.module = self.home
        self.frame, self.function, self.owner, self.statement = self.root, None, None, None
        self.calling = self.way = None
        self.handed.clear()
        self.returns, self.jumps, self.stack = [], [], []
        self.loop = self.guarded = self.quiet = self.unrolling = self.untaken = 0
        self.releases = None
        self.attempts = self.recoveries = ()
        self.loops = ()
        self.tainted = True
        for name, value in self.root.names.items():
            if not isinstance(value, (Ref, Class, Func, ModuleValue, Later)):
                self.root.names[name] = None
                self.root.rebound.add(name)

    def visit_rest(self) -> None:
        """Visit the functions and methods that nothing has called, each from the state at the end of the module."""
        self._told = self.heap.flat(), self.lasting.copy(), dict(self.units)
        self.standalone = True
        done = 0
        while done < len(self.functions):
            function = self.functions[done]
            done += 1
            if function.node in self.visited or function.module is not self.module:
                continue
            if isinstance(function.node, cst.Lambda):
                continue
            # past the limit a function is still read, but no call in it is followed
            self.budget = max(self.steps, min(self.steps + STEPS_PER_FUNCTION, self.limit + LEAST_STEPS))
            self.tainted = False
            names, heap, registered = dict(self.root.names), self.heap, dict(self.registered)
            self.heap = heap.fork()
            self._forget_rebound()
            self.entries.append(self.order)
            try:
                if function.owner is not None and "staticmethod" not in function.decorators:
                    self._visit_method(function)
                else:
                    self._unsettle()
                    self._doubting = True
                    self.invoke(function, NO_ARGUMENTS, None)
            except RecursionError:
                self._give_up()
            self._doubting = False
            self.root.names, self.heap, self.registered = names, heap, registered

    def entry(self, order: int) -> int:
        """Which of the functions read by themselves an order stands in, counted from 1; 0 is the top level."""
        return bisect_left(self.entries, order)

    def _forget_rebound(self) -> None:
        for name in self.root.rebound:
            if not isinstance(self.settled(self.root.names, name), (Ref, Class, Func)):
                self.root.names[name] = None

    def _unsettle(self) -> None:
        """Before a function that anybody may call at any time: models of the module may have been used before."""
        for (_, slot), states in list(self.heap.items()):
            if slot == "#states" and isinstance(states, frozenset):
                for key in [key for key in self.heap if key[1] == "#states"]:
                    self.heap[key] = UNSURE
                    phases.note_lost(self, cast(Obj, key[0]))
                return

    def _visit_method(self, function: Func, owner: ClassInfo | None = None) -> None:
        """Visit a method on an instance of its class, or of one that inherits it."""
        owner = owner or cast(ClassInfo, function.owner)
        receiver, heap = self.instance_of(owner)
        before = preparing.methods_before(self, owner, function)
        heap = preparing.prepared(self, owner, before) if before else heap
        self.heap.update(heap)
        if function.node.name.value != "__init__":  # type: ignore[union-attr]
            parts = [key for key in heap if key[1] == "#states" and key[0] is not receiver]
            if parts:
                before = (*before, function, *preparing.parts_of_the_constructor(owner))
            for key in parts:
                if self._used_elsewhere(owner, heap, before, key[0]):
                    self.heap[key] = UNSURE
                    phases.note_lost(self, cast(Obj, key[0]))
            self.heap[(receiver, "#states")] = UNSURE
            phases.note_lost(self, receiver)
        first: Maybe = Class(owner) if "classmethod" in function.decorators else receiver
        self.invoke(function, NO_ARGUMENTS, first)

    def events_of_heir(self, owner: ClassInfo, function: Func) -> list[Event]:
        """What an inherited method does on an instance of `owner`, without a trace in the records."""
        heap, dead, events, calls_met = self.heap, self.dead, self.events, self.calls
        saved = (self.budget, self.tainted, self.standalone, set(self.visited))
        counts = len(self.imports), len(self.order_uses), len(self.models), len(self.moments), len(self.saves_met)
        self.heap, self.events, self.calls = heap.fork(), [], []
        self.budget, self.tainted, self.standalone = self.steps + STEPS_PER_FUNCTION, False, True
        self._visit_method(function, owner)
        found = self.events
        self.heap, self.dead, self.events, self.calls = heap, dead, events, calls_met
        self.budget, self.tainted, self.standalone, self.visited = saved
        for items, count in zip((self.imports, self.order_uses, self.models, self.moments, self.saves_met), counts):
            del items[count:]  # type: ignore[attr-defined]
        return found

    def _used_elsewhere(
        self, owner: ClassInfo, heap: dict[HeapKey, object], known: tuple[Func, ...], item: object
    ) -> bool:
        """Whether a method other than the known ones and `__init__` mentions the attribute that holds `item`."""
        receiver, _ = self.instance_of(owner)
        names = {slot for (holder, slot), value in heap.items() if holder is receiver and _holds(value, item)}
        if not names:
            return True
        classes = (item for item in owner.lineage() if isinstance(item, ClassInfo))
        for other in (value for item in classes for value in item.frame.names.values()):
            if not isinstance(other, Func) or other in known or not isinstance(other.node, cst.FunctionDef):
                continue
            if other.node.name.value != "__init__" and names & self.module.attributes_used(other.node):
                return True
        return False

    def instance_of(self, owner: ClassInfo) -> tuple[Obj, dict[HeapKey, object]]:
        """An instance of a class as its `__init__` leaves it, made without known arguments; the heap it needs."""
        known = self._instances.get(owner)
        if known is not None:
            return known
        kind = owner.keras_kind
        receiver = Obj(
            "layer" if kind == "layer" else "model" if kind else "instance",
            form="subclass",
            cls=owner,
            module=self.module,
        )
        self._instances[owner] = (receiver, {})
        heap, dead, order_uses = self.heap, self.dead, len(self.order_uses)
        saved = (self.loop, self.jumps, self.standalone, self.stack)
        tainted = self.tainted
        self.heap, self.loop, self.jumps, self.standalone, self.stack = heap.fork(), 0, [], True, []
        self.heap[(receiver, "#states")] = NEW
        initializer, _ = owner.method("__init__")
        already = initializer is not None and initializer.node in self.visited
        self.quiet += already
        budget, self.budget = self.budget, self._allowance()
        if initializer is not None:
            self.invoke(initializer, NO_ARGUMENTS, receiver)
        self.budget = budget
        self.quiet -= already
        made = self.heap.since(heap)
        self.heap, self.dead = heap, dead
        self.loop, self.jumps, self.standalone, self.stack = saved
        self.tainted = tainted
        if already:
            del self.order_uses[order_uses:]
        self._instances[owner] = (receiver, made)
        return self._instances[owner]

    def _aside(self, owner: ClassInfo, function: Func, arguments: Arguments) -> tuple[Maybe, dict[HeapKey, object]]:
        """What a method of a fresh instance gives and leaves behind, without a trace in the records."""
        receiver, made = self.instance_of(owner)
        heap, dead = self.heap, self.dead
        saved = (self.loop, self.jumps, self.standalone, self.stack, self.budget, self.tainted)
        self.heap = heap.fork()
        self.heap.update(made)
        self.loop, self.jumps, self.standalone, self.stack = 0, [], True, []
        self.budget = self._allowance()
        self.quiet += 1
        visited = set(self.visited)
        value = self.invoke(function, arguments, receiver)
        self.visited = visited
        self.quiet -= 1
        after, self.heap, self.dead = self.heap.since(heap), heap, dead
        self.loop, self.jumps, self.standalone, self.stack, self.budget, self.tainted = saved
        return value, after

    def sublayers(self, owner: ClassInfo) -> dict[str, tuple[Maybe, ...]] | None:
        """The layers and models that an instance holds after `__init__`, by attribute; None items are unknown.

        None when `__init__` cannot be followed.
        """
        receiver, made = self.instance_of(owner)
        found: dict[str, tuple[Maybe, ...]] = {}
        for (holder, slot), value in made.items():
            if holder is not receiver or slot[0] == "#":
                continue
            layers = _layers_in(cast(Maybe, value))
            if layers:
                found[slot] = layers
        return found

    def build_effect(self, owner: ClassInfo) -> BuildEffect:
        """What an explicit `build(shape)` on an instance does."""
        known = self._build_effects.get(owner)
        if known is None:
            self._build_effects[owner] = BuildEffect.UNKNOWN  # while it is being found out
            known = self._build_effects[owner] = self._find_build_effect(owner)
        return known

    def _find_build_effect(self, owner: ClassInfo) -> BuildEffect:
        receiver, made = self.instance_of(owner)
        if (receiver, "#functional") in made:
            return BuildEffect.EFFECTIVE
        function, sure = owner.method("build")
        if not sure or any(item is None for item in owner.lineage()):
            return BuildEffect.UNKNOWN
        after = made
        if function is not None:
            _, after = self._aside(owner, function, NO_ARGUMENTS)
            states = after.get((receiver, "#states"))
            if isinstance(states, frozenset):
                if any(state & Flag.UNSURE for state in states):
                    return BuildEffect.UNKNOWN
                if all(state & (Flag.VARIABLES | Flag.CHILDREN) for state in states):
                    return BuildEffect.EFFECTIVE
            if self.module.target.keras2 and owner.keras_kind == "model":
                # measured: on Keras 2 a `build` that never marks the model leaves `load_weights` nothing to load into
                marked = isinstance(states, frozenset) and all(state & Flag.MARKED for state in states)
                if not marked and (receiver, "built") not in after:
                    return BuildEffect.HOLLOW
        elif self.module.target.bad("<3") and owner.keras_kind == "model":
            # measured: on Keras 2 the `build` of Model calls the model
            return BuildEffect.EFFECTIVE if self.module.target.keras2 else BuildEffect.UNKNOWN
        holders = [
            (slot, layer)
            for (holder, slot), value in after.items()
            if holder is receiver and slot[0] != "#"
            for layer in _layers_in(cast(Maybe, value))
        ]
        missing = unknown = False
        for _, layer in holders:
            weighted = self.weighted(layer)
            states = after.get((layer, "#states"))
            if weighted is False:
                continue
            if weighted is None or not isinstance(states, frozenset) or any(state & Flag.UNSURE for state in states):
                unknown = True
            elif not all(state & Flag.VARIABLES for state in states):
                missing = True
        if missing:
            return BuildEffect.HOLLOW
        if unknown or (not holders and (receiver, "#own") not in after):
            return BuildEffect.UNKNOWN
        return BuildEffect.EFFECTIVE

    def weighted(self, layer: Maybe) -> bool | None:
        """Whether a layer or model holds weights once it is built; None when it cannot be told."""
        if not isinstance(layer, Obj):
            return None
        if layer.cls is None:
            if layer.kind == "model":
                return True
            if layer.short in keras_api.WEIGHTED_LAYERS:
                return True
            return False if layer.short in keras_api.WEIGHTLESS_LAYERS else None
        if any(item is None for item in layer.cls.lineage()) or (layer.cls.keras_base or "") not in {
            "keras.layers.Layer",
            "keras.Model",
        }:
            return None
        if layer.cls not in self._weighted:
            self._weighted[layer.cls] = None  # while it is being found out
            self._weighted[layer.cls] = self._find_weighted(layer.cls)
        return self._weighted[layer.cls]

    def _find_weighted(self, owner: ClassInfo) -> bool | None:
        receiver, made = self.instance_of(owner)
        function, _ = owner.method("build")
        after = self._aside(owner, function, NO_ARGUMENTS)[1] if function is not None else made
        if (receiver, "#own") in after:
            return True
        inner = [
            self.weighted(item)
            for (holder, slot), value in after.items()
            if holder is receiver and slot[0] != "#"
            for item in _layers_in(cast(Maybe, value))
            if not isinstance(item, Obj) or item.cls is not owner
        ]
        if any(inner):
            return True
        return None if None in inner else False

    def output_of(self, model: Obj) -> Maybe:
        """What `call` of an instance of a project's class gives for a tensor."""
        if model not in self._outputs:
            self._outputs[model] = None
            self._outputs[model], _ = self._run_call(model)
        return self._outputs[model]

    def output_of_class(self, owner: ClassInfo) -> Maybe:
        """What `call` of an instance made without known arguments gives for a tensor."""
        receiver, made = self.instance_of(owner)
        heap, self.heap = self.heap, self.heap.fork()
        self.heap.update(made)
        value, _ = self._run_call(receiver)
        self.heap = heap
        return value

    def _run_call(self, model: Obj) -> tuple[Maybe, list[Event]]:
        """Follow `call` of an instance with a tensor: what it gives, and the layers that it calls."""
        function, sure = model.cls.method("call") if model.cls is not None else (None, False)
        if function is None or not sure or not isinstance(function.node, cst.FunctionDef):
            return None, []
        arguments = Arguments(((function.node.name, Tensor(None, "", (), NO_ARGUMENTS, None)),))
        heap, dead, events, calls_met = self.heap, self.dead, self.events, self.calls
        saved = (self.loop, self.jumps, self.standalone, self.stack, self.budget, self.quiet, self.tainted)
        self.heap, self.events, self.calls, self.quiet = heap.fork(), [], [], 0
        self.loop, self.jumps, self.standalone, self.stack = 0, [], True, []
        self.budget = self._allowance()
        visited, uses, imports = set(self.visited), len(self.order_uses), len(self.imports)
        value = self.invoke(function, arguments, model)
        self.visited = visited
        del self.order_uses[uses:], self.imports[imports:]
        found = [event for event in self.events if event.name == "__call__"]
        self.heap, self.dead, self.events, self.calls = heap, dead, events, calls_met
        self.loop, self.jumps, self.standalone, self.stack, self.budget, self.quiet, self.tainted = saved
        return value, found

    # ------------------------------------------------------------------ states and paths

    def snapshot(self) -> Snapshot:
        return self.frame.names, self.heap

    def _fork(self) -> None:
        """Go on with copies, so that what the snapshot holds stays as it is."""
        self.frame.names, self.heap = dict(self.frame.names), self.heap.fork()

    def _restore(self, snapshot: Snapshot) -> None:
        self.frame.names, self.heap = dict(snapshot[0]), snapshot[1].fork()
        self.dead = False

    def _merge(self, paths: Iterable[Snapshot | None]) -> None:
        """Go on from the join of several paths; no path left means the code behind is dead."""
        alive = [path for path in paths if path is not None]
        if not alive:
            self.dead = True
            return
        self.dead = False
        names, heap = alive[0]
        for other_names, other_heap in alive[1:]:
            if other_names is not names:
                names = _join_names(names, other_names)
            if other_heap is not heap:
                heap = _join_heaps(heap, other_heap)
        self.frame.names, self.heap = names, heap

    def _leave(self) -> Snapshot | None:
        """The state at the end of a path; None when the path does not come to its end."""
        return None if self.dead else self.snapshot()

    def states(self, value: Maybe) -> States | None:
        """The possible states of a model or layer, of all the objects that a value may be."""
        found: set[Flag] = set()
        for option in options(value):
            if not isinstance(option, Obj):
                return None
            states = self.heap.get((option, "#states"))
            if not isinstance(states, frozenset):
                return None
            found |= states
        return frozenset(found) | UNSURE if self.tainted else frozenset(found)

    def change(self, value: Maybe, add: Flag, remove: Flag = Flag.NEW) -> None:
        """Record that a method changed a model or layer. Of several possible objects each may be the one."""
        choices = options(value)
        for option in choices:
            if isinstance(option, Obj):
                key = (option, "#states")
                old = self.heap.get(key)
                if isinstance(old, frozenset):
                    new = frozenset((state & ~remove) | add for state in old)
                    self.heap[key] = new if len(choices) == 1 else old | new

    def escape(self, value: Maybe, depth: int = 0) -> None:
        """A value was handed to code that cannot be read: it may do anything with it."""
        if value is None or depth > 3:
            return
        if isinstance(value, Obj):
            if (value, "#states") in self.heap and value.kind in {"model", "layer"}:
                old = self.heap[(value, "#states")]
                self.heap[(value, "#states")] = cast(States, old) | UNSURE
                phases.note_lost(self, value)
            if value.cls is not None or records.has_attributes(value):
                for key in self.heap.attributes(value):
                    self.escape(cast(Maybe, self.heap[key]), depth + 1)
        elif isinstance(value, (Items, Choice)):
            for item in value.known() if isinstance(value, Items) else value.options:
                self.escape(item, depth + 1)
        elif isinstance(value, Mapping):
            for _, item in value.entries:
                self.escape(item, depth + 1)
        elif isinstance(value, Bound):
            if value.function is not None:
                self._maybe_called(value.function, value.receiver)
            else:
                self.escape(value.receiver, depth + 1)
        elif isinstance(value, Func):
            self._maybe_called(value, None)

    def _maybe_called(self, function: Func, receiver: Maybe) -> None:
        """A function was handed to somebody: it may be called, with arguments that cannot be told."""
        if any(item is function.node for item in self.stack) or self.steps > self.budget:
            return
        before = self.heap
        self.heap = before.fork()
        dead = self.dead
        self.invoke(function, NO_ARGUMENTS, receiver)
        self.dead = dead
        self.heap = _join_heaps(before, self.heap)

    # ------------------------------------------------------------------ statements

    def body(self, node: cst.BaseSuite) -> None:
        guarded, releases = self.guarded, self.releases
        known, on_the_line = self._exec, type(node) is not cst.IndentedBlock
        for statement in node.body:
            if self.dead:
                break
            self.steps += 1
            execute = known.get(type(statement))
            if execute is not None:
                if on_the_line:
                    self.statement = node
                execute(statement)
        self.guarded, self.releases = guarded, releases  # a test of the release that returned spoke of this block

    def _block(self, node: cst.IndentedBlock) -> None:
        self.body(node)

    def _line(self, node: cst.SimpleStatementLine) -> None:
        self.statement = node
        for small in node.body:
            if self.dead:
                return
            execute = self._exec.get(type(small))
            if execute is not None:
                execute(small)

    def _expression(self, node: cst.Expr) -> None:
        value = node.value
        if type(value) is not cst.SimpleString:  # a text that describes something
            self.eval(value)

    def _assign(self, node: cst.Assign) -> None:
        value = self.eval(node.value)
        for target in node.targets:
            place = target.target
            if type(place) is cst.Name:
                self._set_name(place.value, value)
            else:
                self.bind(place, value, node.value)

    def _annotated(self, node: cst.AnnAssign) -> None:
        if node.value is not None:
            self.bind(node.target, self.eval(node.value), node.value)
        elif isinstance(node.target, cst.Name):
            self.frame.names.setdefault(node.target.value, None)

    def _augmented(self, node: cst.AugAssign) -> None:
        old = self.eval(node.target)
        value = self.eval(node.value)
        result: Maybe = None
        if isinstance(node.operator, cst.AddAssign):
            result = _plus(old, value)
        if isinstance(old, Tensor) or isinstance(value, Tensor):
            operation = type(node.operator).__name__.lower().removesuffix("assign")
            result = Tensor(None, operation, (old, value), NO_ARGUMENTS, node)
        elif isinstance(old, Unordered) and isinstance(node.operator, (cst.BitOrAssign, cst.BitAndAssign)):
            if old.element is None and isinstance(value, Unordered):
                old.element = value.element
            result = old
        elif isinstance(node.operator, cst.BitOrAssign):
            if isinstance(old, Obj) and old.ref == GLOBAL_OBJECTS and isinstance(old.call, cst.Call):
                self._put_globally("update", old, node.value, value)
                result = old
            elif isinstance(old, Mapping):
                self.note_filled(old)
                result = containers.merged(old, value)
        self.bind(node.target, result, node.value)

    def bind(self, target: cst.BaseExpression, value: Maybe, source: cst.BaseExpression | None = None) -> None:
        """Assign a value to a name, attribute, item or pattern of them."""
        kind = type(target)
        if kind is cst.Name:
            self._set_name(target.value, value)  # type: ignore[attr-defined]
        elif kind is cst.Attribute:
            attribute = cast(cst.Attribute, target)
            holder = self.eval(attribute.value)
            if attribute.attr.value == "trainable":
                phases.note_switch(self, attribute, holder, value)
            self.set_attribute(holder, attribute.attr.value, value)
        elif kind is cst.Tuple or kind is cst.List:
            self._unpack(cast("cst.Tuple | cst.List", target), value)
        elif kind is cst.Subscript:
            subscript = cast(cst.Subscript, target)
            holder = self.eval(subscript.value)
            keys = [self._index(element.slice) for element in subscript.slice]
            self._set_item(subscript, holder, keys[0] if len(keys) == 1 else None, value)
            if isinstance(holder, Obj) and holder.ref == GLOBAL_OBJECTS and isinstance(holder.call, cst.Call):
                self._put_globally("__setitem__", holder, subscript, keys[0], value)
        elif kind is cst.StarredElement:
            self.bind(cast(cst.StarredElement, target).value, None)

    def _put_globally(self, way: str, holder: Obj, node: cst.BaseExpression, *values: Maybe) -> None:
        """A statement that writes into the dictionary of `get_custom_objects()`."""
        arguments = Arguments(tuple((node, value) for value in values))
        self.record_call(Ref(f"{GLOBAL_OBJECTS}.{way}", holder.original), cast(cst.Call, holder.call), arguments)

    def _set_name(self, name: str, value: Maybe) -> None:
        frame = self.frame
        if name in frame.globals:
            frame = self._global_frame(name)
            if frame is not self.frame and frame.names.get(name):
                value = join(self.settled(frame.names, name), value)
        names = frame.names
        if name in names and names[name] is not value and names[name] != value:
            frame.rebound.add(name)
        names[name] = value

    def _global_frame(self, name: str) -> Frame:
        frame = self.frame.parent
        while frame is not None:
            if name in frame.names or frame.parent is None:
                return frame
            frame = frame.parent
        return self.root

    def set_attribute(self, holder: Maybe, name: str, value: Maybe) -> None:
        choices = options(holder)
        for option in choices:
            setter = option.cls.method(f"{name}.setter")[0] if isinstance(option, Obj) and option.cls else None
            if setter is not None:
                given = Arguments(((cast(cst.FunctionDef, setter.node).name, value),))
                self.invoke(setter, given, option)
            elif isinstance(option, (Obj, Class)):
                key: HeapKey = (option, name)
                self.heap[key] = value if len(choices) == 1 else join(cast(Maybe, self.heap.get(key)), value)
                if name == "trainable":
                    self.lasting[key] = self.heap[key]
            else:
                self.escape(value)

    def _set_item(self, target: cst.Subscript, holder: Maybe, key: Maybe, value: Maybe) -> None:
        if isinstance(holder, Mapping):
            self.note_filled(holder)
        if isinstance(target.value, (cst.Name, cst.Attribute)):
            index = number(key)
            if isinstance(holder, Mapping) and isinstance(key, Const):
                full = len(holder.entries) >= MAXIMUM_ITEMS
                entries = {} if full else dict(holder.entries)
                entries[key.value] = value
                made = Mapping(tuple(entries.items()), holder.exact and not full)
                self._rebind(target.value, made if holder.table is None else registries.put(self, holder, made))
            elif (
                isinstance(holder, Items) and holder.exact and isinstance(index, int) and 0 <= index < len(holder.items)
            ):
                items = (*holder.items[:index], value, *holder.items[index + 1 :])
                self.bind(target.value, Items(holder.kind, items))
            elif isinstance(holder, Items):
                self.bind(target.value, Items(holder.kind, (), False, (), join(self.element(holder), value)))
            elif isinstance(holder, Mapping):
                self.bind(target.value, None)
        if holder is None:
            self.escape(value)

    def _rebind(self, target: cst.Name | cst.Attribute, value: Mapping) -> None:
        """A dictionary got another item, which binds no name anew; in an outer scope it may have it or not."""
        frame: Frame | None = self.frame
        if isinstance(target, cst.Attribute):
            self.bind(target, value)
            return
        while frame is not None and target.value not in frame.names:
            frame = frame.parent
        if frame is not None and value.table is not None:
            if frame.parent is not None or frame is self.root:  # those of other modules are theirs to change
                frame.names[target.value] = value
        elif frame is self.frame or frame is None:
            self.frame.names[target.value] = value
        else:
            frame.names[target.value] = Mapping(value.entries, False)

    def _unpack(self, target: cst.Tuple | cst.List, value: Maybe) -> None:
        elements = target.elements
        starred = any(isinstance(element, cst.StarredElement) for element in elements)
        if isinstance(value, Items) and value.exact and len(value.items) == len(elements) and not starred:
            for element, item in zip(elements, value.items):
                self.bind(element.value, item)
            return
        for index, element in enumerate(elements):
            if isinstance(element, cst.StarredElement):
                self.bind(element.value, None)
            else:
                self.bind(element.value, self.item(value, Const(index)))

    def _import(self, node: cst.Import) -> None:
        for alias in node.names:
            dotted = dotted_name(alias.name)
            if alias.asname is not None:
                bound = cast(cst.Name, alias.asname.name).value
                value = self._imported(dotted)
            else:
                bound = dotted.partition(".")[0]
                value = self._imported(bound)
            self._set_name(bound, value)
            self._note_import(dotted, bound, alias)

    def _import_from(self, node: cst.ImportFrom) -> None:
        base = dotted_name(node.module) if node.module is not None else ""
        if node.relative:
            base = "." * len(node.relative) + base
        if isinstance(node.names, cst.ImportStar):
            self.module.note_star(base)
            self._note_import(base + ".*", "*", node)
            return
        for alias in node.names:
            name = dotted_name(alias.name)
            bound = cast(cst.Name, alias.asname.name).value if alias.asname is not None else name
            dotted = f"{base}{name}" if base.endswith(".") else f"{base}.{name}"
            self._set_name(bound, self._imported(dotted, base))
            self._note_import(dotted, bound, alias)

    def _note_import(self, dotted: str, bound: str, node: cst.CSTNode) -> None:
        if not self.quiet:
            statement = cast(cst.CSTNode, self.statement)
            self.imports.append(ImportFact(canonical(dotted), dotted, bound, node, statement, self.guarded > 0))

    def _imported(self, dotted: str, base: str = "") -> Maybe:
        """The value of an imported name: the project's own when it is there, else a reference to the outside."""
        # in Keras' own repository, too, what it makes public is what it is elsewhere
        own = dotted.startswith("keras.src.") and keras_api.is_public(canonical(dotted))
        later = None if own else self.module.imported_later(dotted, base)
        if later is not None:
            return later if self.frame is self.root else self.module.settled(later)
        return None if dotted.startswith(".") else Ref(canonical(dotted), dotted)

    def _return(self, node: cst.Return) -> None:
        value = self.eval(node.value) if node.value is not None else _NONE
        self.returns.append((value, self.heap))
        self.heap = self.heap.fork()
        self.dead = True

    def _raise(self, node: cst.Raise) -> None:
        if node.exc is not None:
            self.eval(node.exc)
        self.dead = True

    def _jump(self, node: cst.CSTNode) -> None:
        self.jumps.append((dict(self.frame.names), self.heap))
        self.heap = self.heap.fork()
        self.dead = True

    def _delete(self, node: cst.Del) -> None:
        targets = node.target.elements if isinstance(node.target, cst.Tuple) else (cst.Element(node.target),)
        for element in targets:
            if isinstance(element.value, cst.Name):
                self.frame.names.pop(element.value.value, None)

    def _global(self, node: cst.Global | cst.Nonlocal) -> None:
        self.frame.globals.update(item.name.value for item in node.names)

    def _assert(self, node: cst.Assert) -> None:
        self.eval(node.test)
        if node.msg is not None:
            self.eval(node.msg)
        if (self.literal or self.turns) and branches.decided(self, node.test) is False:
            self.dead = True  # it raises in this call
        if self.module.versions is not None:
            releases = self._releases_where(self._condition(node), True, self.releases)
            self.guarded += releases != self.releases
            self.releases = releases  # up to the end of the block

    def _condition(self, node: cst.If | cst.Assert) -> Condition:
        test = self._tests.get(node)
        if test is None:
            test = self._tests[node] = Condition(node.test, self.module.versions, self.home.target.releases)
        return test

    def _if(self, node: cst.If) -> None:
        self.eval(node.test)
        test = self._condition(node)
        if test.main:
            self._main_guard(node)
            return
        before, guarded, releases = self.snapshot(), self.guarded, self.releases
        built, positive, guard, ending = test.built, test.positive, test.guard, test.ending
        taken = branches.decided(self, node.test) if self.literal or self.turns else None
        if taken is None and type(node.test) is cst.Comparison:
            taken = branches.holds_of_list(self, node.test)
        paths = len(self.returns), len(self.jumps)
        self.guarded += guard
        self.releases = self._releases_where(test, True, releases)
        self._fork()
        name, value, holds = self._measured(test)
        if holds is False:
            self.frame.names[name] = None  # it is another one here: `if units > 1:` with the default of one
        if taken is False:
            branches.other_call(self, node.test)
        known = string(self.eval(ending[0])) if ending is not None else None
        if ending is not None and known is not None and not known.endswith(ending[1]):
            self._forget(ending[0])  # it is another one here: `if path.endswith(".json"):`
        if built is not None and positive:
            if self._never_built(self.eval(built)):
                self.dead = True  # `if self.built: return` of a new instance
            self.change(self.eval(built), Flag.VARIABLES)
        asked = test.asked if taken is None else None
        self.untaken += taken is False or asked is True
        if not self.dead:
            self.body(node.body)
        self.untaken -= taken is False or asked is True
        if holds is False and self.frame.names.get(name) is None:
            self.frame.names[name] = value
        after = self._leave()
        if taken is False:
            self._untaken(paths)
            after = None
        if taken and after is None and len(self.returns) > paths[0]:
            branches.conclude(self, node)
        self._restore(before)
        self.releases = self._releases_where(test, False, releases)
        if built is not None and not positive:
            self.change(self.eval(built), Flag.VARIABLES)
        if node.orelse is None:
            self.guarded -= guard
            self._go_on(test, guarded, releases, (after is None, False))
            default = test.default
            text: Maybe = None
            if after is not None and default is not None:
                text = self.settled(after[0], default)
                text = text_of(text) or left_out.usual_table(self, default, text)
            if taken and after is None:
                branches.other_call(self, node.test)  # what follows is reached in another one
            self.untaken += asked is False and after is None  # up to the end of the function
            self._merge((None if taken and after is not None else self.snapshot(), after))
            if default is not None and text is not None and self.frame.names.get(default, text) is None:
                self.frame.names[default] = text  # `if path is None: path = "..."` names the default path, or table
            return
        self.guarded += test.other_guard - guard
        excluded = test.compared
        if excluded is not None and may_equal(self.settled(self.frame.names, excluded[0]), excluded[1]):
            self.frame.names[excluded[0]] = None  # it is another one here: `if weights == "imagenet": ... else:`
        if ending is not None and known is not None and known.endswith(ending[1]):
            self._forget(ending[0])
        if holds:
            self.frame.names[name] = None
        paths = len(self.returns), len(self.jumps)
        self.untaken += taken is True or asked is False
        if taken:
            branches.other_call(self, node.test)
        if isinstance(node.orelse, cst.If):
            self._if(node.orelse)
        else:
            self.body(node.orelse.body)
        self.untaken -= taken is True or asked is False
        if holds and self.frame.names.get(name) is None:
            self.frame.names[name] = value
        self.guarded -= test.other_guard
        end = self._leave()
        self._go_on(test, guarded, releases, (after is None, end is None))
        if taken:  # a path that ends is followed behind the statement, too: no other visit of that may come
            self._untaken(paths)
            end = end if after is None else None
        self._merge((after, end))

    def _forget(self, place: cst.Name | cst.Attribute) -> None:
        """A name or attribute has another value in a branch than the known one."""
        if isinstance(place, cst.Name):
            self.frame.names[place.value] = None
            return
        for holder in options(self.eval(place.value)):
            if isinstance(holder, (Obj, Class)):
                self.heap[(holder, place.attr.value)] = None

    def _untaken(self, paths: tuple[int, int]) -> None:
        """A branch was read for what stands in it, and its way out of the function or loop is not taken."""
        del self.returns[paths[0] :], self.jumps[paths[1] :]

    def _releases_where(
        self, test: Condition, holds: bool, releases: tuple[Release, ...] | None
    ) -> tuple[Release, ...] | None:
        """The releases on which a test surely holds, or surely does not, of those given."""
        if test.holds is None:
            return releases
        every = tuple(test.holds)
        found = tuple(item for item in (every if releases is None else releases) if test.holds.get(item) is holds)
        return releases if found == every else found

    def _go_on(
        self, test: Condition, guarded: int, releases: tuple[Release, ...] | None, ended: tuple[bool, bool]
    ) -> None:
        """Behind an `if` one branch of which returns, raises or jumps, only the releases of the other one go on."""
        if ended == (False, True):
            self.releases = self._releases_where(test, True, releases)
        elif ended != (True, False):
            self.releases = releases
        self.guarded = guarded + (self.releases != releases)  # up to the end of the block

    def _measured(self, test: Condition) -> tuple[str, Maybe, bool | None]:
        """The name that a test compares with a number, its value, and whether the test holds for that value."""
        if test.measured is None:
            return "", None, None
        name, compare, bound = test.measured
        value = self.settled(self.frame.names, name)
        known = number(value)
        return name, value, None if known is None else compare(known, bound)

    def _never_built(self, value: Maybe) -> bool:
        states = self.states(value)
        return (
            isinstance(value, Obj)
            and (value, "built") not in self.heap
            and states is not None
            and not any(state & (Flag.VARIABLES | Flag.MARKED | Flag.UNSURE) for state in states)
        )

    def _main_guard(self, node: cst.If) -> None:
        """The file is run; its `else` is what happens when another file imports it."""
        before = self.snapshot()
        self._fork()
        self.body(node.body)
        if node.orelse is not None:
            end, dead, standalone = self.snapshot(), self.dead, self.standalone
            self._restore(before)
            self.standalone = True
            if isinstance(node.orelse, cst.If):
                self._if(node.orelse)
            else:
                self.body(node.orelse.body)
            self._restore(end)
            self.dead, self.standalone = dead, standalone

    def _for(self, node: cst.For) -> None:
        iterable = self.eval(node.iter)
        jumps, self.jumps = self.jumps, []
        self.loop += 1
        loops, self.loops = self.loops, (*self.loops, phases.Loop(node, self.function, self.order, self.order))
        items = self._unrolled(iterable)
        orders.note_iteration(self, node, iterable)
        if items is not None and self.loop <= 2 and self.steps < self.budget:
            turns, self.turns = self.turns, dict(self.turns)
            for item in items:
                if self.steps > self.budget:
                    self.tainted = True
                    item = None
                self._iteration(node.body, node.target, branches.turn(self, item))
                if self.steps > self.budget:
                    break
            self.turns = turns  # behind the loop a name has the last item, or that of a `break`
        else:
            self._iteration(node.body, node.target, self.element(iterable))
            if self.loop <= 2 and self.steps < self.budget:
                first = self.snapshot()
                self._fork()
                self._iteration(node.body, node.target, self.element(iterable))
                self._merge((first, self._leave()))
        self.loop -= 1
        self.jumps, self.loops = jumps, loops
        if node.orelse is not None:
            self.body(node.orelse.body)

    def _iteration(self, body: cst.BaseSuite, target: cst.BaseExpression | None, item: Maybe) -> None:
        """One pass through a loop body; `break` and `continue` join its end."""
        outer, self.jumps = self.jumps, []
        if target is not None:
            self.loops = (*self.loops[:-1], self.loops[-1].again(self.order))
            self.bind(target, item)
        self.body(body)
        paths: list[Snapshot | None] = [self._leave(), *self.jumps]
        returned = self.dead and not self.jumps
        self.jumps = outer
        if returned:
            self.dead = False  # the loop may have had no item: the code behind it is read
            return
        self._merge(paths)

    def _while(self, node: cst.While) -> None:
        self.eval(node.test)
        jumps, self.jumps = self.jumps, []
        self.loop += 1
        self._iteration(node.body, None, None)
        if self.loop <= 2 and self.steps < self.budget:
            first = self.snapshot()
            self._fork()
            self._iteration(node.body, None, None)
            self._merge((first, self._leave()))
        self.loop -= 1
        self.jumps = jumps
        if node.orelse is not None:
            self.body(node.orelse.body)

    def _unrolled(self, iterable: Maybe) -> tuple[Maybe, ...] | None:
        """The items of a short sequence whose items are all known."""
        if isinstance(iterable, Items) and iterable.exact and 0 < len(iterable.items) <= MAXIMUM_UNROLL:
            return iterable.items
        if isinstance(iterable, Mapping) and iterable.exact and 0 < len(iterable.entries) <= MAXIMUM_UNROLL:
            return tuple(Const(key) for key, _ in iterable.entries)
        return None

    def element(self, iterable: Maybe) -> Maybe:
        """What every item of an iterable is."""
        if isinstance(iterable, Items):
            items = tuple(iterable.known())
            if not items:
                return None
            result = items[0]
            for item in items[1:]:
                result = join(result, item)
            return result if result is not None else _some_text(items)
        if isinstance(iterable, Unordered):
            return elements.one_of(iterable.element)
        if isinstance(iterable, (Part, Obj)):
            return Part(iterable, "#element")
        return None

    def _with(self, node: cst.With) -> None:
        for item in node.items:
            value = self._entered(self.eval(item.item))
            if item.asname is not None:
                self.bind(cast(cst.BaseExpression, item.asname.name), value)
        expected = any(_expects_error(item.item) for item in node.items)
        self.quiet += expected
        self.body(node.body)
        self.quiet -= expected

    def _entered(self, value: Maybe) -> Maybe:
        """What `with` gives of a value: of an object of the project that which its `__enter__` returns."""
        if not isinstance(value, Obj) or value.cls is None or value.kind != "instance":
            return value
        enter, _ = value.cls.method("__enter__")
        return self.invoke(enter, Arguments(), value) if enter is not None else value

    def _try(self, node: cst.Try | cst.TryStar) -> None:
        before = self.snapshot()
        self._fork()
        attempts, recoveries = self.attempts, self.recoveries
        if node.handlers:
            self.attempts = (*attempts, node)
        self.guarded += bool(node.handlers)
        self.body(node.body)
        self.guarded -= bool(node.handlers)
        self.attempts = attempts
        if node.orelse is not None and not self.dead:
            self.body(node.orelse.body)
        after = self._leave()
        imports = _only_imports(node.body)
        paths: list[Snapshot | None] = [after]
        for handler in node.handlers:
            self._restore(before)
            if after is not None and not imports:
                self._merge((before, after))
                self._fork()
            if handler.name is not None:
                self.bind(cast(cst.BaseExpression, handler.name.name), None)
            self.guarded += 1
            self.recoveries = (*recoveries, node)
            self.body(handler.body)
            self.recoveries = recoveries
            self.guarded -= 1
            end = self._leave()
            if imports and end is not None and after is not None:
                end = ({**end[0], **_fallbacks(end[0], after[0])}, end[1])
            paths.append(end)
        if not node.handlers and after is None:
            self._restore(before)
            paths = [self.snapshot()] if node.finalbody is not None else [None]
        dead = all(path is None for path in paths)
        self._merge(paths)
        if node.finalbody is not None:
            self.dead = False
            self.body(node.finalbody.body)
            self.dead = self.dead or dead

    def _match(self, node: cst.Match) -> None:
        self.eval(node.subject)
        before = self.snapshot()
        paths: list[Snapshot | None] = [before]
        for case in node.cases:
            self._restore(before)
            self._capture(case.pattern)
            if case.guard is not None:
                self.eval(case.guard)
            self.body(case.body)
            paths.append(self._leave())
        self._merge(paths)

    def _capture(self, pattern: cst.MatchPattern) -> None:
        """The names that a pattern binds are bound anew, to something unknown."""
        for node in walk(pattern):
            captured = node.name if isinstance(node, (cst.MatchAs, cst.MatchStar)) else None
            if isinstance(node, cst.MatchMapping):
                captured = node.rest
            if captured is not None:
                self._set_name(captured.value, None)

    def _function_definition(self, node: cst.FunctionDef) -> None:
        decorators, opaque, values = [], False, []
        for decorator in node.decorators:
            value = self.eval(decorator.decorator)
            values.append(value)
            name = calls.decorator_name(value)
            decorators.append(name)
            opaque = opaque or name not in calls.TRANSPARENT_DECORATORS
        for parameter in _parameters(node.params):
            if parameter.default is not None:
                self.eval(parameter.default)
        function = Func(node, self.frame, self.module, self.owner, tuple(decorators), opaque)
        self.functions.append(function)
        part = _property_part(node)
        if part is None or self.frame.kind != "class":
            self._set_name(node.name.value, function)
        else:  # the property keeps its name; `method("x.setter")` finds this one
            self.frame.names[f"{node.name.value}.{part}"] = function
        self._collect(values, function, node.name)

    def _lambda(self, node: cst.Lambda) -> Maybe:
        function = Func(node, self.frame, self.module, None)
        if node not in self.visited:
            self.visited.add(node)
            names, heap, dead = dict(self.frame.names), self.heap, self.dead
            self.heap = heap.fork()
            for parameter in _parameters(node.params):
                self.frame.names[parameter.name.value] = None
            self.eval(node.body)
            self.frame.names, self.heap, self.dead = names, heap, dead
        return function

    def _class_definition(self, node: cst.ClassDef) -> None:
        bases = tuple(self.eval(argument.value) for argument in node.bases)
        for argument in node.keywords:
            self.eval(argument.value)
        decorators = tuple(self.eval(decorator.decorator) for decorator in node.decorators)
        scope, frame = self.frame, Frame(self.frame, "class")
        info = ClassInfo(node, bases, scope, frame, self.module, decorators)
        self.classes.append(info)
        owner, self.owner = self.owner, info
        statement = self.statement
        self.frame = frame
        self.body(node.body)
        self.frame, self.owner, self.statement = scope, owner, statement
        self.dead = False
        made = Class(info)
        self._set_name(info.name, made)
        self._collect(decorators, made, node.name)

    def _collect(self, decorators: Iterable[Maybe], thing: Func | Class, name: cst.Name) -> None:
        """Run the decorators that keep what they decorate, of a registry of models for one."""
        for decorator in decorators:
            function, receiver = own_decorators.function_of(decorator)
            if function is not None and own_decorators.collects(decorator):
                self.invoke(function, Arguments(((name, thing),)), receiver)
                self.dead = False

    # ------------------------------------------------------------------ expressions

    def eval(self, node: cst.BaseExpression) -> Maybe:
        """The abstract value of an expression; everything in it is visited."""
        evaluate = self._eval.get(type(node))
        return evaluate(node) if evaluate is not None else None

    def peek(self, node: cst.BaseExpression) -> Maybe:
        """The abstract value of an expression, without a trace in the records."""
        self.quiet += 1
        value = self.eval(node)
        self.quiet -= 1
        return value

    def _name(self, node: cst.Name) -> Maybe:
        name = node.value
        frame: Frame | None = self.frame
        while frame is not None:
            names = frame.names
            if name in names:
                value = names[name]
                return value if type(value) is not Later else self.settled(names, name)
            frame = frame.parent
        if name in _BUILTINS:
            if name in _NAMED:
                return _NAMED[name]
            if not self.module.interpreter_stars:
                return _BUILTINS[name]
        starred = self.module.starred(name)
        if starred is not None:
            return starred
        return _BUILTINS.get(name)

    def _attribute(self, node: cst.Attribute) -> Maybe:
        return self.attribute(self.eval(node.value), node.attr.value)

    def attribute(self, base: Maybe, name: str) -> Maybe:
        """The value of `base.name`."""
        if base is None:
            return None
        if isinstance(base, Ref):
            flag = commandline.flag_value(self, base, name)
            if flag is not None:
                return flag
            return _inside(base.name, base.original, name)
        if isinstance(base, Obj):
            return self._object_attribute(base, name)
        if isinstance(base, Class):
            if (base, name) in self.heap:
                return cast(Maybe, self.heap[(base, name)])
            found = base.info.attribute(name)
            if isinstance(found, Func) and "classmethod" in found.decorators:
                return Bound(base, name, found)
            if found is None and name == "__name__":
                return Const(base.info.name)
            if found is None and base.info.keras_kind is not None:
                return Bound(base, name)
            return found
        if isinstance(base, Choice):
            result = _MISSING
            for option in base.options:
                value = self.attribute(option, name)
                result = value if result is _MISSING else join(cast(Maybe, result), value)
            return cast(Maybe, result)
        if isinstance(base, Super):
            return self._super_attribute(base, name)
        if isinstance(base, (Const, Text, Items, Mapping, Unordered, Part, Tensor, Bound)):
            return calls.part_attribute(self, base, name)
        if isinstance(base, Func):
            return _name_of(base) if name == "__name__" else None
        return self.module.foreign_attribute(base, name)

    def _object_attribute(self, base: Obj, name: str) -> Maybe:
        key: HeapKey = (base, name)
        if key in self.heap:
            return cast(Maybe, self.heap[key])
        ends = calls.tensors_of(self, base, name) if name in calls.GRAPH_ATTRIBUTES else None
        if ends is not None:
            return ends[0]
        if base.cls is not None:
            function, sure = base.cls.method(name)
            if function is not None:
                if "property" in function.decorators:
                    return self.invoke(function, NO_ARGUMENTS, base)
                if _MADE_ONCE in function.decorators:
                    made = self.invoke(function, NO_ARGUMENTS, base)
                    self.heap[key] = made
                    return made
                if "staticmethod" in function.decorators:
                    return function
                if "classmethod" in function.decorators:
                    return Bound(Class(base.cls), name, function)
                return Bound(base, name, function)
            found = base.cls.attribute(name)
            if found is not None:
                return found
            if base.kind == "instance" or not sure:
                return None
        elif base.ref == commandline.PARSED:
            return commandline.argparse_value(self, base, name)
        if base.kind == "value":
            return Part(base, name)
        known = own_model_names.name_of(self, base) if name == "name" and base.kind == "model" else None
        return known if known is not None else Bound(base, name)

    def _super_attribute(self, base: Super, name: str) -> Maybe:
        lineage = base.owner.lineage()
        next(lineage)
        for item in lineage:
            if isinstance(item, ClassInfo):
                found = item.frame.names.get(name)
                if isinstance(found, Func):
                    return Bound(base.receiver, name, found)
            elif item is None:
                return None
        return Bound(base, name)

    def _simple_string(self, node: cst.SimpleString) -> Maybe:
        raw = node.value
        if raw in _PLACED:
            return Const(raw[1:-1], (self.module, node))
        return _literal(raw) if len(raw) < _LONG else _text(raw)

    def _concatenated(self, node: cst.ConcatenatedString) -> Maybe:
        left, right = self.eval(node.left), self.eval(node.right)
        if isinstance(left, Const) and isinstance(left.value, bytes):
            return None
        return concat(left, right)

    def _formatted(self, node: cst.FormattedString) -> Maybe:
        result: Maybe = Const("")
        for part in node.parts:
            if isinstance(part, cst.FormattedStringText):
                text = part.value.replace("{{", "{").replace("}}", "}")
                result = concat(result, Const(text)) if "\\" not in text else Text("", "")
            else:
                value = self.eval(cast(cst.FormattedStringExpression, part).expression)
                plain = cast(cst.FormattedStringExpression, part)
                if plain.format_spec is None and plain.conversion is None:
                    known = texts.as_text(value)
                else:
                    known = None
                result = concat(result, known) if known is not None else concat(result, Text("", ""))
        return result

    def _integer(self, node: cst.Integer) -> Maybe:
        return _integer(node.value)

    def _float(self, node: cst.Float) -> Maybe:
        return _float(node.value)

    def _list(self, node: cst.List) -> Maybe:
        return self._sequence("list", node)

    def _tuple(self, node: cst.Tuple) -> Maybe:
        return self._sequence("tuple", node)

    def _sequence(self, kind: str, node: cst.List | cst.Tuple) -> Items | Unordered:
        items: list[Maybe] = []
        tail: list[Maybe] = []
        exact = True
        for element in node.elements:
            value = self.eval(element.value)
            if type(element) is cst.StarredElement:
                if isinstance(value, Unordered) and len(node.elements) == 1:
                    return value.ordered_at(node, element.value, self.statement)
                if isinstance(value, Items) and value.exact and exact:
                    items += value.items
                else:
                    exact, tail = False, []
            elif exact:
                items.append(value)
            else:
                tail.append(value)
        return Items(kind, tuple(items), exact, tuple(tail))

    def _set(self, node: cst.Set) -> Maybe:
        values = [self.eval(element.value) for element in node.elements]
        element = values[0] if values else None
        for value in values[1:]:
            element = element if elements.same_kind(element, value) else None
        if len(node.elements) == 1 and isinstance(node.elements[0], cst.Element):
            return None  # one element has no order
        return self.unordered(node, element)

    def unordered(self, node: cst.BaseExpression, element: Maybe) -> Unordered:
        made = Unordered(node, element, self.statement)
        if not self.quiet:
            self.sets.append(made)
        return made

    def _dict(self, node: cst.Dict) -> Maybe:
        entries: dict[object, Maybe] = {}
        exact = True
        for element in node.elements:
            value = self.eval(element.value)
            if isinstance(element, cst.DictElement):
                key = self.eval(element.key)
                if isinstance(key, Const):
                    entries[key.value] = value
                    continue
            elif isinstance(value, Mapping) and value.exact:
                entries.update(value.entries)
                continue
            exact = False
        return Mapping(tuple(entries.items()), exact)  # type: ignore[arg-type]

    def _comprehension(self, node: cst.CompFor, evaluate: Callable[[], Maybe]) -> tuple[Maybe, Maybe]:
        """Evaluate the element inside the loops of a comprehension; gives the first iterable and the element."""
        outer, self.frame = self.frame, Frame(self.frame, "comprehension")
        first = iterable = self.eval(node.iter)
        loop: cst.CompFor | None = node
        while loop is not None:
            if loop is not node:
                iterable = self.eval(loop.iter)
            orders.note_iteration(self, loop, iterable)
            self.bind(loop.target, self.element(iterable))
            for condition in loop.ifs:
                self.eval(condition.test)
            loop = loop.inner_for_in
        value = evaluate()
        self.frame = outer
        return first, value

    def _list_comprehension(self, node: cst.ListComp | cst.GeneratorExp) -> Maybe:
        first, value = self._comprehension(node.for_in, lambda: self.eval(node.elt))
        orders.note_list_comprehension(self, node, first)
        if isinstance(first, Part) and isinstance(first.base, Unordered) and first.attribute in {"#enumerate", "#zip"}:
            return Part(first.base, "#pairs")
        if isinstance(first, Unordered) and node.for_in.inner_for_in is None:
            made = first.ordered_at(node, node.for_in.iter, self.statement)
            if value is None:
                return made
            return Unordered(
                made.place,
                value,
                made.statement,
                sequence=True,
                wrapped=made.wrapped,
                difference=made.difference,
            )
        exact = self._unrolled(first) if self.unrolling < 2 and self.steps < self.budget else None
        if exact is not None and not node.for_in.ifs and node.for_in.inner_for_in is None:
            items = tuple(self._comprehension_item(node, item, (node.elt,))[0] for item in exact)
            return Items("list", items)
        return Items("list", (), False, (), value)

    def _comprehension_item(
        self, node: cst.BaseComp, item: Maybe, wanted: tuple[cst.BaseExpression, ...]
    ) -> tuple[Maybe, ...]:
        outer, self.frame = self.frame, Frame(self.frame, "comprehension")
        self.steps += 1
        self.quiet += 1
        self.unrolling += 1
        self.bind(node.for_in.target, item)
        values = tuple(self.eval(expression) for expression in wanted)
        self.unrolling -= 1
        self.quiet -= 1
        self.frame = outer
        return values

    def _set_comprehension(self, node: cst.SetComp) -> Maybe:
        first, value = self._comprehension(node.for_in, lambda: self.eval(node.elt))
        if value is None and isinstance(first, (Obj, Part)):
            value = Part(first, "#element")
        elif value is None and first is None and isinstance(node.elt, cst.Name):
            target = node.for_in.target  # `{plot for plot in plots}`
            if isinstance(target, cst.Name) and target.value == node.elt.value and node.for_in.inner_for_in is None:
                value = elements.declared(self, node.for_in.iter)
        return self.unordered(node, value)

    def _dict_comprehension(self, node: cst.DictComp) -> Maybe:
        def evaluate() -> Maybe:
            self.eval(node.key)
            self.eval(node.value)
            return None

        first, _ = self._comprehension(node.for_in, evaluate)
        orders.note_dict_comprehension(self, node, first)
        exact = self._unrolled(first) if self.unrolling < 2 and self.steps < self.budget else None
        if exact is None or node.for_in.ifs or node.for_in.inner_for_in is not None:
            return Mapping((), False)
        pairs = [self._comprehension_item(node, item, (node.key, node.value)) for item in exact]
        entries = tuple((key.value, value) for key, value in pairs if isinstance(key, Const))
        return Mapping(entries, len(entries) == len(pairs))

    def _binary(self, node: cst.BinaryOperation) -> Maybe:
        left, right = self.eval(node.left), self.eval(node.right)
        operator = type(node.operator)
        if isinstance(left, Tensor) or isinstance(right, Tensor):
            return Tensor(None, operator.__name__.lower(), (left, right), NO_ARGUMENTS, node)
        if operator is cst.Add:
            return _plus(left, right)
        if operator is cst.Divide:
            if number(left) is not None and number(right):
                return Const(cast(float, number(left)) / cast(float, number(right)))
            return texts.path_join(left, right)
        if operator is cst.Modulo:
            return texts.percent_format(left, right)
        if isinstance(left, Unordered) and operator in {cst.BitOr, cst.BitAnd, cst.Subtract, cst.BitXor}:
            difference = operator in {cst.Subtract, cst.BitXor} and not isinstance(node.right, cst.Set)
            return Unordered(node, left.element, self.statement, difference=difference or left.difference)
        if isinstance(right, Unordered) and operator in {cst.BitOr, cst.BitAnd, cst.BitXor}:
            difference = operator is cst.BitXor or right.difference
            return Unordered(node, right.element, self.statement, difference=difference)
        if operator is cst.BitOr and isinstance(left, Mapping):
            return containers.merged(left, right)
        one, other = number(left), number(right)
        if one is not None and other is not None:
            return _arithmetic(operator, one, other)
        if operator is cst.Multiply and isinstance(left, Items) and left.exact and isinstance(other, int):
            return Items(left.kind, left.items * other) if len(left.items) * other <= MAXIMUM_ITEMS else None
        return None

    def _boolean(self, node: cst.BooleanOperation) -> Maybe:
        left, right = self.eval(node.left), self.eval(node.right)
        if type(left) is Const and id(left) not in self.usual:
            return left if bool(left.value) is (type(node.operator) is cst.Or) else right
        if type(left) is Items and left.exact and left.items:
            return left if type(node.operator) is cst.Or else right
        if left is None and type(node.operator) is cst.Or and branches.is_optional(self, node.left):
            if isinstance(right, Obj) and right.kind == "instance":
                return right
            return left_out.usual_table(self, cast(cst.Name, node.left).value, right)
        return join(left, right)

    def _unary(self, node: cst.UnaryOperation) -> Maybe:
        value = self.eval(node.expression)
        if isinstance(node.operator, cst.Minus) and (known := number(value)) is not None:
            return Const(-known)
        if isinstance(node.operator, cst.Not) and isinstance(value, Const):
            return Const(not value.value)
        if isinstance(value, Tensor):
            return Tensor(None, type(node.operator).__name__.lower(), (value,), NO_ARGUMENTS, node)
        if isinstance(node.operator, cst.Minus) and scores.is_predicted(value):
            return Part(cast(Value, value), "#minus")
        return None

    def _comparison(self, node: cst.Comparison) -> Maybe:
        self.eval(node.left)
        for target in node.comparisons:
            self.eval(target.comparator)
        return None

    def _if_expression(self, node: cst.IfExp) -> Maybe:
        self.eval(node.test)
        value, other = self.eval(node.body), self.eval(node.orelse)
        taken = branches.decided(self, node.test) if self.literal or self.turns else None
        if taken is None:
            taken = branches.holds_of_list(self, node.test)
        if taken is None and (string(value) is not None or string(other) is not None):
            default = commandline.usual_path(self, node, value, other)
            if default is not None:
                return default
        if taken is None and (value is None) is not (other is None):
            known, unknown = (value, node.orelse) if other is None else (other, node.body)
            if type(known) is Mapping and branches.is_optional(self, unknown):
                return left_out.usual_table(self, cast(cst.Name, unknown).value, known)
        return join(value, other) if taken is None else value if taken else other

    def _subscript(self, node: cst.Subscript) -> Maybe:
        base = self.eval(node.value)
        keys = [self._index(element.slice) for element in node.slice]
        key = keys[0] if len(keys) == 1 else None
        orders.note_subscript(self, node, base, key)
        if len(node.slice) == 1 and isinstance(node.slice[0].slice, cst.Index):
            return self.item(base, key)
        if isinstance(base, (Unordered,)):
            return base
        if isinstance(base, Tensor):
            return Tensor(None, "slice", (base,), NO_ARGUMENTS, node)
        if isinstance(base, Items) and len(node.slice) == 1:
            return self._slice_of(base, node.slice[0].slice)
        if not isinstance(base, (Obj, Part)):
            return None
        if len(keys) == 2 and isinstance(node.slice[0].slice, cst.Slice) and isinstance(node.slice[1].slice, cst.Index):
            return Part(base, "#column", key.value if isinstance(key := keys[1], Const) else None)
        return Part(base, "#slice" if len(keys) == 1 else "#slices")

    def _index(self, node: cst.BaseSlice) -> Maybe:
        if type(node) is cst.Index:
            return self.eval(node.value)
        for bound in (node.lower, node.upper, node.step) if isinstance(node, cst.Slice) else ():
            if bound is not None:
                self.eval(bound)
        return None

    def _slice_of(self, base: Items, node: cst.BaseSlice) -> Maybe:
        """`base[1:]`: a part of a list whose items are all known; of any other one each item is what it was."""
        if not base.exact:
            return base if not base.items and not base.tail else None
        if not isinstance(node, cst.Slice):
            return None
        bounds: list[int | None] = []
        for bound in (node.lower, node.upper, node.step):
            value = _NONE if bound is None else self.peek(bound)
            known = number(value)
            if value != _NONE and not isinstance(known, int):
                return None
            bounds.append(cast("int | None", known))
        return Items(base.kind, base.items[slice(*bounds)]) if bounds[2] != 0 else None

    def item(self, base: Maybe, key: Maybe) -> Maybe:
        """The value of `base[key]`."""
        if isinstance(base, Mapping):
            base = registries.filled(self, base)
            return base.get(key.value) if isinstance(key, Const) else containers.any_builder(base)
        if isinstance(base, Items):
            index = number(key)
            if isinstance(index, int) and base.exact and -len(base.items) <= index < len(base.items):
                return base.items[index]
            if isinstance(index, int) and 0 <= index < len(base.items):
                return base.items[index]
            if index == -1:
                return base.last
            if base.exact and base.items and not isinstance(key, Const):
                return _some_text(base.items)
            return base.element if not base.items and not base.tail else None
        if isinstance(base, Obj) and (found := records.item(self, base, key)) is not None:
            return found[0]
        if isinstance(base, (Obj, Part)) and not (isinstance(base, Obj) and base.kind != "value"):
            return Part(base, "#item", key.value if isinstance(key, Const) else None)
        if isinstance(base, Choice):
            result = _MISSING
            for option in base.options:
                value = self.item(option, key)
                result = value if result is _MISSING else join(cast(Maybe, result), value)
            return cast(Maybe, result)
        if isinstance(base, Tensor):
            return Tensor(
                None, "getitem", (base,), NO_ARGUMENTS, None, index=key.value if isinstance(key, Const) else None
            )
        return None

    def _await(self, node: cst.Await) -> Maybe:
        return self.eval(node.expression)

    def _yield(self, node: cst.Yield) -> Maybe:
        if node.value is not None:
            self.escape(self.eval(node.value))  # type: ignore[arg-type]
        return None

    def _from(self, node: cst.From) -> Maybe:
        return self.eval(node.item)

    def _named(self, node: cst.NamedExpr) -> Maybe:
        value = self.eval(node.value)
        frame = outer = self.frame
        while frame.kind == "comprehension" and frame.parent is not None:
            frame = frame.parent
        self.frame = frame
        if frame is outer:
            self.bind(node.target, value)
        elif isinstance(node.target, cst.Name):  # the comprehension may have had no item
            name = node.target.value
            self._set_name(name, join(self.settled(frame.names, name), value) if name in frame.names else value)
        self.frame = outer
        return value

    def _starred(self, node: cst.StarredElement) -> Maybe:
        return self.eval(node.value)

    # ------------------------------------------------------------------ calls

    def _call(self, node: cst.Call) -> Maybe:
        function_node = node.func
        receiver: Maybe = None
        if type(function_node) is cst.Attribute:
            receiver = self.eval(function_node.value)
            callee = self.attribute(receiver, function_node.attr.value)
        elif type(function_node) is cst.Name and function_node.value == "super" and "super" not in self.root.names:
            for argument in node.args:
                self.eval(argument.value)
            return self._super()
        else:
            callee = self.eval(function_node)
        arguments = self.arguments(node.args)
        self.order += 1
        outer, self.calling = self.calling, node
        if self.module is not self.home:
            result = calls.call(self, node, callee, receiver, arguments)
        else:
            site, self.site = self.site, node
            result = calls.call(self, node, callee, receiver, arguments)
            self.site = site
        self.calling = outer
        return result

    def _super(self) -> Maybe:
        function = self.function
        if function is None or function.owner is None or not isinstance(function.node, cst.FunctionDef):
            return None
        parameters = function.node.params.params
        if not parameters:
            return None
        receiver = self.frame.names.get(parameters[0].name.value)
        return Super(function.owner, receiver) if receiver is not None else None

    def arguments(self, nodes: Iterable[cst.Arg]) -> Arguments:
        """Evaluate the arguments of a call."""
        positional: list[tuple[cst.BaseExpression, Maybe]] = []
        keywords: list[tuple[str, cst.BaseExpression, Maybe]] = []
        open_positional = open_keywords = False
        sure = 0
        known = self._eval
        for argument in nodes:
            node = argument.value
            evaluate = known.get(type(node))
            value = evaluate(node) if evaluate is not None else None
            if not argument.star:
                if argument.keyword is not None:
                    keywords.append((argument.keyword.value, node, value))
                else:
                    positional.append((node, value))
            elif argument.star == "*":
                if isinstance(value, Items) and value.exact:
                    positional += [(node, item) for item in value.items]
                else:
                    sure = sure if open_positional else len(positional)
                    open_positional = True
                    positional.append((node, value))
            elif isinstance(value, Mapping):
                keywords += [(str(key), node, item) for key, item in value.entries]
                open_keywords = open_keywords or not value.exact
            elif isinstance(value, Obj) and value.ref == commandline.PARSED:  # `main(**vars(args))`
                keywords += [(name, node, item) for name, item in commandline.all_arguments(self, value)]
                open_keywords = True
            else:
                open_keywords = True
        return Arguments(tuple(positional), tuple(keywords), open_positional, open_keywords, sure)

    def invoke(self, function: Func, arguments: Arguments, receiver: Maybe) -> Maybe:
        """Follow a call into a function of the project. Over budget everything becomes unsure."""
        node = function.node
        if self.steps > self.budget:
            self.tainted = True
            return glimpse(self, function)
        if len(self.stack) >= MAXIMUM_DEPTH or any(item is node for item in self.stack):
            self._refuse(function, arguments, receiver)
            return glimpse(self, function)
        self.visited.add(node)
        outer = (self.frame, self.function, self.owner, self.statement, self.returns, self.jumps, self.loop, self.dead)
        final, self.final = self.final, None
        calling, way = self.calling, self.way
        self.calling, self.way = None, Way(calling, self.module, function, way)
        untaken = self.untaken
        self.untaken += final is not None
        module, self.module = self.module, function.module
        scope = function.frame
        while scope.kind == "class" and scope.parent is not None:  # what a class body binds its methods do not see
            scope = scope.parent
        self.frame = Frame(scope)
        self.function, self.owner, self.returns, self.jumps, self.dead = function, function.owner, [], [], False
        self.stack.append(node)
        self._bind_parameters(node.params, arguments, receiver)
        handed = [value for value in self.frame.names.values() if type(value) is Mapping]
        fresh = [id(value) for value in handed if id(value) not in self.handed]
        known = [self.handed.setdefault(id(value), (value, [])) for value in handed]
        result: Maybe
        if type(node) is cst.Lambda:
            result = self.eval(node.body)
        else:
            self.body(cast(cst.FunctionDef, node).body)
            if not self.dead:
                self.returns.append((_NONE, self.heap))
            result = self._returned()
        self.final = final
        self.calling, self.way = calling, way
        self.untaken = untaken
        self.stack.pop()
        self.module = module
        self.frame, self.function, self.owner, self.statement, self.returns, self.jumps, self.loop, self.dead = outer
        for value, changed in known:
            if changed:
                self._lose_entries(value)
        for key in fresh:
            self.handed.pop(key, None)
        if type(node) is cst.FunctionDef and node.asynchronous is not None:
            return result if not function.opaque else None
        return None if function.opaque or "abc.abstractmethod" in function.decorators else result

    def note_filled(self, holder: Mapping) -> None:
        """A dictionary is changed in place; when it was handed to a function, whoever handed it over has it, too."""
        known = self.handed.get(id(holder))
        if known is not None:
            known[1].append(True)

    def _lose_entries(self, value: Mapping) -> None:
        """A function has put more into a dictionary that it was given: what is in the caller's is no longer known."""
        for names in (self.frame.names, self.root.names):
            for name, known in names.items():
                if known is value:
                    names[name] = Mapping(value.entries, False)
        for key in [key for key, known in self.heap.items() if known is value]:
            self.heap[key] = Mapping(value.entries, False)

    def _returned(self) -> Maybe:
        if self.final is not None:
            del self.returns[self.final :]
        if not self.returns:  # every path raises
            return None
        result, heap = self.returns[0]
        values = [value for value, _ in self.returns if value != _NONE] or [result]
        result = values[0]
        for value in values[1:]:
            result = join(result, value)
        for _, other in self.returns[1:]:
            if other is not heap:
                heap = _join_heaps(heap, other)
        self.heap = heap
        return result

    def _refuse(self, function: Func, arguments: Arguments, receiver: Maybe) -> None:
        """A call that is not followed may change what it is given and the objects of its module."""
        for value in arguments.values():
            self.escape(value)
        self.escape(receiver)
        for value in function.module.interpreter.root.names.values():
            if type(value) is Later:
                value = value.module.settled_if_read(value)
            if isinstance(value, Obj) and value.kind == "model":
                self.escape(value)

    def _bind_parameters(self, parameters: cst.Parameters, arguments: Arguments, receiver: Maybe) -> None:
        names = self.frame.names
        positional = [*parameters.posonly_params, *parameters.params]
        if receiver is not None and positional:
            names[positional.pop(0).name.value] = receiver
        known = {name: branches.given(self, value) for name, _, value in arguments.keywords}
        entry = arguments is NO_ARGUMENTS and self.standalone and len(self.stack) == 1
        node = self.function.node if self.function is not None else None
        surely = arguments is not NO_ARGUMENTS  # what Keras calls may be given more than is written: `training`
        if self.owner is not None and type(node) is cst.FunctionDef and node.name.value == "call":
            surely = False
        for index, parameter in enumerate(positional):
            name = parameter.name.value
            if name in known:
                names[name] = known.pop(name)
            elif index < (arguments.sure if arguments.open_positional else len(arguments.positional)):
                names[name] = branches.given(self, arguments.positional[index][1])
            elif arguments.open_positional or arguments.open_keywords:
                names[name] = None
            else:
                names[name] = self._default(parameter, entry, surely)
        for parameter in parameters.kwonly_params:
            name = parameter.name.value
            if name in known:
                names[name] = known.pop(name)
            else:
                names[name] = None if arguments.open_keywords else self._default(parameter, entry, surely)
        if type(parameters.star_arg) is cst.Param:
            rest = tuple(value for _, value in arguments.positional[len(positional) :])
            exact = not arguments.open_positional and not entry
            names[parameters.star_arg.name.value] = Items("tuple", rest if exact else (), exact)
        if parameters.star_kwarg is not None:
            exact = not arguments.open_keywords and not entry
            names[parameters.star_kwarg.name.value] = Mapping(tuple(known.items()), exact)

    def _default(self, parameter: cst.Param, entry: bool, surely: bool) -> Maybe:
        """A parameter's default. When anybody may call the function only a string counts: a path, mostly."""
        if parameter.default is None:
            function = self.function
            if function is None or not function.opaque:
                return None
            return commandline.option_value(self, function, parameter.name.value)
        self.quiet += 1
        outer, self.frame = self.frame, self.function.frame if self.function is not None else self.frame
        value = self.eval(parameter.default)
        self.frame = outer
        self.quiet -= 1
        value = commandline.typer_default(self, value)
        if not entry:
            return branches.given(self, value) if surely else branches.usual(self, value)
        written = isinstance(parameter.default, (cst.Tuple, cst.List))  # `metrics=("accuracy",)`
        if string(value) is not None or (written and _is_strings(value)):
            return branches.usual(self, value)
        if isinstance(value, Obj) and value.kind == "instance":  # `settings=DEFAULT`
            return value
        return left_out.usual_table(self, parameter.name.value, value)

    # ------------------------------------------------------------------ records

    def record_call(self, ref: Ref, node: cst.Call, arguments: Arguments, receiver: Obj | None = None) -> None:
        if not self.quiet:
            self.calls.append(
                CallFact(
                    ref.name,
                    ref.original,
                    node,
                    arguments,
                    self.statement,
                    self.order,
                    self.function,
                    self.module,
                    self.loop,
                    self.standalone,
                    self.guarded > 0,
                    node if self.module is self.home or self.site is None else self.site,
                    self.untaken > 0 or self.final is not None,
                    receiver,
                )
            )

    def record_event(
        self,
        name: str,
        node: cst.Call,
        receiver: Maybe,
        arguments: Arguments,
        receiver_node: cst.BaseExpression | None = None,
    ) -> None:
        if self.quiet:
            return
        head: Head | None = None
        if name == "compile" or name in calls.TRAINING_METHODS:
            head = head_of(self, receiver)
            for option in options(receiver):
                if name == "compile" or not isinstance(option, Obj) or option.form != "subclass":
                    continue
                if option.kind == "model" and option not in self.calls_when_trained:
                    self.calls_when_trained[option] = []
                    self.calls_when_trained[option] = self._run_call(option)[1]
        if receiver_node is None and isinstance(node.func, cst.Attribute):
            receiver_node = node.func.value
        self.events.append(
            Event(
                name,
                node,
                receiver,
                receiver_node,
                arguments,
                self.states(receiver),
                self.statement,
                self.order,
                self.function,
                self.owner,
                self.module,
                self.loop,
                self.standalone,
                node if self.module is self.home or self.site is None else self.site,
                head,
                self.attempts,
                self.recoveries,
                self.releases,
                self.untaken > 0 or self.final is not None,
            )
        )
        if name == "compile" or name in calls.TRAINING_METHODS:
            phases.note_moment(self, self.events[-1])
        elif name == "save" and self.units:
            phases.note_save(self, self.events[-1])

    def record_order_use(self, kind: str, value: Unordered, node: cst.CSTNode) -> None:
        if not self.quiet:
            self.order_uses.append(OrderUse(kind, value, node))


@lru_cache(_KEPT)
def _inside(name: str, original: str, attribute: str) -> Ref:
    """An attribute of something imported from outside."""
    return Ref(canonical(f"{name}.{attribute}"), f"{original}.{attribute}")


@lru_cache(_KEPT)
def _literal(raw: str) -> Const | None:
    return _text(raw)


def _text(raw: str) -> Const | None:
    """The value of one string as it is written."""
    quote = raw[0]
    if quote in "\"'" and "\\" not in raw:
        if raw[1:3] != quote * 2:
            return Const(raw[1:-1])
        if "\r" not in raw:
            return Const(raw[3:-3])
    try:
        return Const(ast.literal_eval(raw))
    except (ValueError, SyntaxError):
        return None


def _some_text(items: tuple[Maybe, ...]) -> Maybe:
    """A string of which nothing more is known, where all of some values are strings; else None."""
    return Text("", "") if all(text_of(item) is not None for item in items) else None


def _name_of(function: Func) -> Const | None:
    """`function.__name__`; None when a decorator may have put something else in its place."""
    if function.opaque:
        return None
    return Const(function.node.name.value if isinstance(function.node, cst.FunctionDef) else "<lambda>")


@lru_cache(_KEPT)
def _integer(raw: str) -> Const | None:
    return Const(int(raw, 0)) if len(raw) < 40 else None


@lru_cache(_KEPT)
def _float(raw: str) -> Const:
    return Const(float(raw))


def _arithmetic(operator: type, one: float | int, other: float | int) -> Maybe:
    if abs(one) > MAXIMUM_NUMBER or abs(other) > MAXIMUM_NUMBER:
        return None
    if operator is cst.Add:
        return Const(one + other)
    if operator is cst.Subtract:
        return Const(one - other)
    if operator is cst.Multiply:
        return Const(one * other)
    return Const(one // other) if operator is cst.FloorDivide and other else None


def _plus(left: Maybe, right: Maybe) -> Maybe:
    one, other = number(left), number(right)
    if one is not None and other is not None:
        return _arithmetic(cst.Add, one, other)
    if isinstance(left, Items) and isinstance(right, Items):
        if left.exact and right.exact and len(left.items) + len(right.items) <= MAXIMUM_ITEMS:
            return Items(left.kind, left.items + right.items)
        tail = right.items if right.exact else right.tail
        return Items(left.kind, left.items[:MAXIMUM_ITEMS], False, tail[-MAXIMUM_ITEMS:])
    if isinstance(left, Unordered) and left.sequence:
        return left
    if isinstance(right, Unordered) and right.sequence and isinstance(left, Items):
        return right
    return concat(texts.plain_text(left), texts.plain_text(right))


def _join_names(one: dict[str, Maybe], other: dict[str, Maybe]) -> dict[str, Maybe]:
    result = dict(other)
    for name, value in one.items():
        if name in result:
            if result[name] is not value:
                result[name] = join(_settled(value), _settled(result[name]))
        else:
            result[name] = value
    return result


def _settled(value: Maybe) -> Maybe:
    return value.module.settled(value) if type(value) is Later else value


def _join_heaps(one: Facts, other: Facts) -> Facts:
    return joined(one, other, _join_facts)


def _join_facts(one: object, other: object) -> object:
    if isinstance(one, frozenset) and isinstance(other, frozenset):
        return one | other
    return join(cast(Maybe, one), cast(Maybe, other))


def _holds(value: object, item: object) -> bool:
    if value is item:
        return True
    if isinstance(value, Items):
        return any(entry is item for entry in value.known())
    return isinstance(value, Choice) and any(entry is item for entry in value.options)


def _layers_in(value: Maybe) -> tuple[Maybe, ...]:
    """The layers and models in an attribute: itself, or the items of a list, tuple or dictionary."""
    if isinstance(value, Obj):
        return (value,) if value.kind in {"layer", "model"} else ()
    if isinstance(value, Items):
        return tuple(layer for item in value.known() for layer in _layers_in(item))
    if isinstance(value, Mapping):
        return tuple(layer for _, item in value.entries for layer in _layers_in(item))
    if isinstance(value, Choice):
        found = tuple(layer for item in value.options for layer in _layers_in(item))
        return (None,) if found else ()
    return ()


def _only_imports(body: cst.BaseSuite) -> bool:
    return any(
        isinstance(small, (cst.Import, cst.ImportFrom))
        for line in body.body
        if isinstance(line, cst.SimpleStatementLine)
        for small in line.body
    )


def _fallbacks(end: dict[str, Maybe], after: dict[str, Maybe]) -> dict[str, Maybe]:
    """After `try: import x / except ImportError: x = None` the name means the import."""
    return {
        name: value
        for name, value in after.items()
        if isinstance(value, Ref) and not isinstance(end.get(name), (Ref, Class, Func))
    }


def _property_part(node: cst.FunctionDef) -> str | None:
    """`setter` or `deleter` of a function that is this part of the property of the same name."""
    for decorator in node.decorators:
        item = decorator.decorator
        if not isinstance(item, cst.Attribute) or not isinstance(item.value, cst.Name):
            continue
        if item.value.value == node.name.value and item.attr.value in {"setter", "deleter"}:
            return item.attr.value
    return None


def _is_strings(value: Maybe) -> bool:
    """Whether a value is a list or tuple of strings: names of metrics, mostly."""
    return isinstance(value, Items) and value.exact and all(string(item) is not None for item in value.items)


def _expects_error(node: cst.BaseExpression) -> bool:
    """Whether a context manager is there for what its body raises: `pytest.raises(...)`, `self.assertRaises(...)`."""
    function = node.func if isinstance(node, cst.Call) else None
    name = function.attr if isinstance(function, cst.Attribute) else function
    return isinstance(name, cst.Name) and name.value in {"raises", "assertRaises", "assertRaisesRegex"}


def _parameters(parameters: cst.Parameters) -> Iterator[cst.Param]:
    yield from parameters.posonly_params
    yield from parameters.params
    yield from parameters.kwonly_params
    if type(parameters.star_arg) is cst.Param:
        yield parameters.star_arg
    if parameters.star_kwarg is not None:
        yield parameters.star_kwarg
