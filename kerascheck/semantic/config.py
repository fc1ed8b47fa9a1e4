"""What a `get_config` returns, by reading its body."""

from __future__ import annotations

import builtins
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import libcst as cst

from kerascheck.semantic.classes import ClassInfo
from kerascheck.semantic.index import Index
from kerascheck.semantic.values import Class, Const, Items, Later, Ref, Value
from kerascheck.semantic.walk import children, walk

if TYPE_CHECKING:
    from kerascheck.semantic.interpreter import Frame
    from kerascheck.semantic.module import Module
    from kerascheck.semantic.values import Func


@dataclass
class Config:
    """The keys that a `get_config` writes itself. `calls_super`: those of the base class are among them.

    `literals` are the dictionary literals, `dict(...)` and `update(...)` whose items are keys of the result, in order.
    `stranger` is a `super(Other, self)` in it where the class is surely not made from `Other`: it raises TypeError, or
    NameError where nothing is called `Other` (`unbound`). So does saving: run on 2.15 and 3.15.1 with layers, models,
    losses, metrics, regularizers, constraints, initializers and schedules.
    `listed` are class attributes whose items are keys, too: `{name: getattr(self, name) for name in self.fields}`.
    """

    owner: ClassInfo | None
    function: Func
    keys: frozenset[str] = frozenset()
    calls_super: bool = False
    literals: list[cst.Dict | cst.Call] = field(default_factory=list)
    variable: str = ""
    result: cst.Return | None = None
    stranger: cst.Call | None = None
    unbound: bool = False
    listed: frozenset[str] = frozenset()


class _TooDynamicError(Exception):
    pass


@dataclass
class _Dict:
    keys: set[str]
    calls_super: bool = False
    listed: set[str] = field(default_factory=set)

    def take(self, other: _Dict) -> None:
        """Have what another one has, too."""
        self.keys |= other.keys
        self.listed |= other.listed
        self.calls_super |= other.calls_super


_STARS = re.compile(r"import\s*\(?\s*\*")
_UNWRITTEN_WORDS = ("exec(", "globals(", "builtins", "%run")
_UNWRITTEN = re.compile(r"\bexec\(|\bglobals\(|\bbuiltins\b|%run")
_HARMLESS = frozenset({"default", "override"})  # marks of typing and of libraries


def read_config(function: Func) -> Config | None:
    """The configuration; None when the body, or a decorator, does anything that is not followed here."""
    if any(name.rpartition(".")[2] not in _HARMLESS for name in function.decorators):
        return None  # run: with `tf.function` it gives tensors, and saving raises
    if not isinstance(function.node, cst.FunctionDef) or not isinstance(function.node.body, cst.IndentedBlock):
        return None
    config = Config(function.owner, function)
    reader = _Reader(config)
    try:
        reader.block(function.node.body)
    except _TooDynamicError:
        return None
    if not reader.returned:
        return None
    config.keys = frozenset().union(*(item.keys for item in reader.returned))
    config.calls_super = any(item.calls_super for item in reader.returned)
    config.listed = frozenset().union(*(item.listed for item in reader.returned))
    return config


def settled(config: Config, made: ClassInfo) -> Config | None:
    """The configuration of an object of a class, with what the class lists; None when that cannot be told."""
    if not config.listed:
        return config
    lineage = list(made.lineage())
    if None in lineage:
        return None
    keys = set(config.keys)
    for name in config.listed:
        items = made.attribute(name)
        listed = _strings(items)
        classes = (item for item in lineage if isinstance(item, ClassInfo))
        if listed is None or any(_changes(item.module.source.text, name) for item in classes):
            return None
        keys |= listed
    return replace(config, keys=frozenset(keys), listed=frozenset())


def _strings(value: Value | None) -> set[str] | None:
    """The items of a list or tuple of strings, all of them known."""
    if not isinstance(value, Items) or not value.exact:
        return None
    found = {item.value for item in value.items if isinstance(item, Const) and isinstance(item.value, str)}
    return found if len(found) == len(set(value.items)) else None


def _changes(text: str, name: str) -> bool:
    """Whether an attribute may be bound or changed otherwise than in a class statement, by text."""
    return re.search(rf"\.{name}\b\s*(?:[-+*|]?=(?!=)|\.\w+\(|\[[^\]]*\]\s*=)|[\"']{name}[\"']", text) is not None


class _Reader:
    def __init__(self, config: Config) -> None:
        self.config = config
        self.names: dict[str, _Dict] = {}
        self.returned: list[_Dict] = []

    def block(self, block: cst.BaseSuite) -> None:
        for statement in block.body:
            if isinstance(statement, cst.SimpleStatementLine):
                for small in statement.body:
                    self.small(small)
            elif isinstance(statement, cst.If):
                self.branch(statement)
            elif isinstance(statement, cst.For):
                self.loop(statement)
            else:
                raise _TooDynamicError

    def branch(self, statement: cst.If) -> None:
        """Keys of either branch count as written."""
        self.block(statement.body)
        if isinstance(statement.orelse, cst.If):
            self.branch(statement.orelse)
        elif statement.orelse is not None:
            self.block(statement.orelse.body)

    def loop(self, statement: cst.For) -> None:
        """`for name in self.fields: config[name] = getattr(self, name)`, and no more than that."""
        line = statement.body.body[0] if len(statement.body.body) == 1 else None
        small = line.body[0] if isinstance(line, cst.SimpleStatementLine) and len(line.body) == 1 else line
        target = small.targets[0].target if isinstance(small, cst.Assign) and len(small.targets) == 1 else None
        if (
            statement.orelse is not None
            or not isinstance(small, cst.Assign)
            or not isinstance(target, cst.Subscript)
            or not isinstance(target.value, cst.Name)
            or target.value.value not in self.names
            or self.mentions(small.value)
            or len(target.slice) != 1
            or not isinstance(index := target.slice[0].slice, cst.Index)
            or not _is_one_name(index.value, statement.target)
        ):
            raise _TooDynamicError
        self.names[target.value.value].take(self.listing(statement.iter))

    def comprehension(self, node: cst.DictComp) -> _Dict:
        """`{name: getattr(self, name) for name in self.fields}`."""
        loop = node.for_in
        simple = not loop.ifs and loop.inner_for_in is None and _is_one_name(node.key, loop.target)
        if not simple or self.mentions(node.value):
            raise _TooDynamicError
        return self.listing(loop.iter)

    def listing(self, node: cst.BaseExpression) -> _Dict:
        """The keys that a list gives: written here, or what the class of the object binds to an attribute."""
        if isinstance(node, (cst.Tuple, cst.List)):
            keys = [_text(element.value) for element in node.elements if isinstance(element, cst.Element)]
            if len(keys) == len(node.elements) and None not in keys:
                return _Dict({key for key in keys if key is not None})
        if isinstance(node, cst.Name) and self.config.owner is not None:
            known = _strings(bound(self.config.owner, node.value))
            if known is not None and node.value not in self.names:
                return _Dict(known)
        if isinstance(node, cst.Attribute) and not node.attr.value.startswith("__"):
            holder = node.value
            if _is_self(holder) or (
                isinstance(holder, cst.Call)
                and isinstance(holder.func, cst.Name)
                and holder.func.value == "type"
                and len(holder.args) == 1
                and _is_self(holder.args[0].value)
            ):
                return _Dict(set(), listed={node.attr.value})
        raise _TooDynamicError

    def small(self, node: cst.BaseSmallStatement) -> None:
        if isinstance(node, cst.Return):
            if node.value is None:
                raise _TooDynamicError
            self.returned.append(self.dictionary(node.value))
            self.config.result = node
            if isinstance(node.value, cst.Name):
                self.config.variable = node.value.value
        elif isinstance(node, (cst.Assign, cst.AnnAssign)):
            self.assign(node)
        elif isinstance(node, cst.AugAssign):
            if not isinstance(node.target, cst.Name) or not isinstance(node.operator, cst.BitOrAssign):
                raise _TooDynamicError
            self.merge(node.target.value, self.dictionary(node.value))
        elif isinstance(node, cst.Expr):
            self.expression(node.value)
        elif not isinstance(node, (cst.Pass, cst.Assert, cst.Import, cst.ImportFrom, cst.Raise)):
            raise _TooDynamicError

    def assign(self, node: cst.Assign | cst.AnnAssign) -> None:
        targets = [item.target for item in node.targets] if isinstance(node, cst.Assign) else [node.target]
        if node.value is None:
            return
        if len(targets) != 1:
            raise _TooDynamicError
        target = targets[0]
        if isinstance(target, cst.Subscript) and isinstance(target.value, cst.Name):
            index = target.slice[0].slice
            key = _text(index.value) if isinstance(index, cst.Index) else None
            if target.value.value in self.names:
                if key is None:
                    raise _TooDynamicError
                self.names[target.value.value].keys.add(key)
            return
        if isinstance(target, cst.Name):
            try:
                self.names[target.value] = self.dictionary(node.value)
            except _TooDynamicError:
                if self.mentions(node.value):
                    raise
                self.names.pop(target.value, None)

    def expression(self, node: cst.BaseExpression) -> None:
        if (
            isinstance(node, cst.Call)
            and isinstance(node.func, cst.Attribute)
            and isinstance(node.func.value, cst.Name)
        ):
            name = node.func.value.value
            if name in self.names:
                if node.func.attr.value == "update":
                    self.merge(name, self.arguments(node))
                    if any(argument.keyword is not None for argument in node.args):
                        self.config.literals.append(node)
                    return
                if (
                    node.func.attr.value == "setdefault"
                    and node.args
                    and (key := _text(node.args[0].value)) is not None
                ):
                    self.names[name].keys.add(key)
                    return
                raise _TooDynamicError
        if self.mentions(node):
            raise _TooDynamicError

    def mentions(self, node: cst.CSTNode) -> bool:
        """Whether code uses one of the dictionaries in a way that is not followed."""
        if isinstance(node, cst.Name):
            return node.value in self.names
        return any(self.mentions(child) for child in node.children)

    def merge(self, name: str, other: _Dict) -> None:
        if name not in self.names:
            raise _TooDynamicError
        self.names[name].take(other)

    def dictionary(self, node: cst.BaseExpression) -> _Dict:
        if isinstance(node, cst.Name) and node.value in self.names:
            return self.names[node.value]
        if isinstance(node, cst.Dict):
            return self.literal(node)
        if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, (cst.BitOr, cst.Add)):
            both = _Dict(set())
            both.take(self.dictionary(node.left))
            both.take(self.dictionary(node.right))
            return both
        if isinstance(node, cst.DictComp):
            return self.comprehension(node)
        if isinstance(node, cst.Call):
            return self.call(node)
        raise _TooDynamicError

    def literal(self, node: cst.Dict) -> _Dict:
        made = _Dict(set())
        for element in node.elements:
            if isinstance(element, cst.DictElement):
                key = _text(element.key)
                if key is None:
                    raise _TooDynamicError
                made.keys.add(key)
            else:
                made.take(self.dictionary(element.value))
        self.config.literals.append(node)
        return made

    def call(self, node: cst.Call) -> _Dict:
        function = node.func
        name = function.value if isinstance(function, cst.Name) else ""
        if isinstance(function, cst.Attribute):
            name = function.attr.value
            if name == "get_config":
                if _is_self(function.value):
                    raise _TooDynamicError
                return _Dict(set(), self.is_base(function.value, node))
            if name in {"copy", "items"} and not node.args:
                return self.dictionary(function.value)
        if name in {"deepcopy", "copy", "list"} and len(node.args) == 1 and node.args[0].keyword is None:
            return self.dictionary(node.args[0].value)
        if name in {"dict", "OrderedDict"}:
            made = self.arguments(node)
            if name == "dict":
                self.config.literals.append(node)
            return made
        raise _TooDynamicError

    def is_base(self, node: cst.BaseExpression, call: cst.Call) -> bool:
        """Whether `node.get_config(...)` is that of the base: `super()` or `Base.get_config(self)`."""
        owner = self.config.owner
        if isinstance(node, cst.Call) and isinstance(node.func, cst.Name) and node.func.value == "super":
            first = node.args[0].value if node.args else None
            if owner is None or not isinstance(first, cst.Name) or first.value in {owner.name, "__class__"}:
                return True
            self.config.unbound = _is_unbound(owner, first.value)
            found = False if self.config.unbound else _is_made_from(owner, first.value)
            if found is False and self.config.stranger is None:
                self.config.stranger = node
            if found is not None:
                return True
            raise _TooDynamicError
        named = owner is None or not isinstance(node, cst.Name) or _is_made_from(owner, node.value)
        if named and len(call.args) == 1 and _is_self(call.args[0].value):
            return True
        raise _TooDynamicError

    def arguments(self, node: cst.Call) -> _Dict:
        """The arguments of `dict(...)` or `update(...)`."""
        made = _Dict(set())
        for argument in node.args:
            if argument.star == "*":
                raise _TooDynamicError
            if argument.keyword is not None:
                made.keys.add(argument.keyword.value)
                continue
            made.take(self.dictionary(argument.value))
        return made


def _is_one_name(node: cst.BaseExpression, target: cst.BaseExpression) -> bool:
    return isinstance(node, cst.Name) and isinstance(target, cst.Name) and node.value == target.value


def _is_self(node: cst.BaseExpression) -> bool:
    return isinstance(node, cst.Name) and node.value == "self"


def _is_made_from(owner: ClassInfo, name: str) -> bool | None:
    """Whether a class has what a name is bound to among its bases; None when that cannot be told.

    Nor can it where a class of the same file is made from both: there `super(Other, self)` is right.
    """
    other, lineage = bound(owner, name), list(owner.lineage())
    if isinstance(other, Ref):
        return True if other.name in lineage else None
    if not isinstance(other, Class):
        return None
    if any(item is other.info for item in lineage):
        return True
    if None in lineage or other.info.name == owner.name:
        return None
    below = [list(item.lineage()) for item in owner.module.classes if item is not owner]
    both = any(any(item is owner for item in one) and any(item is other.info for item in one) for one in below)
    return None if both else False


def _is_unbound(owner: ClassInfo, name: str) -> bool:
    """Whether nothing in a file can be called by a name: it stands in `super(name, self)` only."""
    text = owner.module.source.text
    rest = re.sub(rf"\bsuper\(\s*{name}\s*,", "", text)
    if bound(owner, name) is not None or re.search(rf"\b{name}\b|import\s*\(?\s*\*|\bexec\(|\bglobals\(|%run", rest):
        return False
    return name not in vars(builtins)


def cannot_be_made(owner: ClassInfo) -> bool:
    """Whether `__init__` itself calls `super(Other, self).__init__` of a class that this is not made from.

    It raises TypeError, or NameError where nothing is called so, at the first object (Python).
    """
    function = owner.own("__init__")
    body = function.node.body if function is not None and isinstance(function.node, cst.FunctionDef) else None
    for line in body.body if isinstance(body, cst.IndentedBlock) else ():
        for small in line.body if isinstance(line, cst.SimpleStatementLine) else ():
            called = small.value.func if isinstance(small, cst.Expr) and isinstance(small.value, cst.Call) else None
            above = called.value if isinstance(called, cst.Attribute) else None
            if not isinstance(above, cst.Call) or not isinstance(above.func, cst.Name) or above.func.value != "super":
                continue
            first = above.args[0].value if above.args else None
            if isinstance(first, cst.Name) and first.value not in {owner.name, "__class__"}:
                return _is_unbound(owner, first.value) or _is_made_from(owner, first.value) is False
    return False


def unbound_name(config: Config) -> str | None:
    """A name that a `get_config` reads and nothing in its file binds, nor Python; None when none surely is so.

    Run on 2.15 and 3.15.1: saving raises NameError, in both formats.
    """
    node = config.function.node
    return unbound_among([node.body], config.function) if isinstance(node, cst.FunctionDef) else None


def unbound_among(nodes: Sequence[cst.CSTNode], function: Func) -> str | None:
    """The same for some nodes of a method."""
    node, module = function.node, function.module
    if not isinstance(node, cst.FunctionDef) or _binds_unwritten_names(module):
        return None
    frames, frame = [], function.owner.scope if function.owner is not None else None
    while frame is not None:
        frames.append(frame)
        frame = frame.parent
    stack = list(nodes)
    while stack:
        item = stack.pop()
        if isinstance(item, (cst.Attribute, cst.Arg)):
            stack.append(item.value)
        elif isinstance(item, (cst.Import, cst.ImportFrom)):
            continue
        elif not isinstance(item, cst.Name):
            stack += children(item)
        elif (
            frames
            and item.value not in vars(builtins)
            and item.value not in {"self", "cls", "__class__"}
            and not any(item.value in one.names for one in frames)
            and item.value not in _bound_names(module)
        ):
            return item.value
    return None


def _binds_unwritten_names(module: Module) -> bool:
    """Whether a file may have names that no statement of it writes."""
    if "unwritten names" not in module.memo:
        text = module.source.text
        worded = any(word in text for word in _UNWRITTEN_WORDS) and _UNWRITTEN.search(text) is not None
        module.memo["unwritten names"] = worded or _STARS.search(text) is not None
    found: bool = module.memo["unwritten names"]
    return found


def _bound_names(module: Module) -> frozenset[str]:
    """The names that anything in a file binds, wherever it stands; those of keywords and attributes are none."""
    known: frozenset[str] | None = module.memo.get("bound names")
    if known is None:
        known = module.memo["bound names"] = frozenset(_bound_in(module.index))
    return known


_PLACES: dict[type[cst.CSTNode], Callable[[Any], cst.CSTNode | None]] = {
    **dict.fromkeys(
        (cst.AssignTarget, cst.AnnAssign, cst.AugAssign, cst.For, cst.CompFor, cst.NamedExpr), attrgetter("target")
    ),
    **dict.fromkeys(
        (cst.AsName, cst.FunctionDef, cst.ClassDef, cst.Param, cst.MatchAs, cst.MatchStar), attrgetter("name")
    ),
    cst.MatchMapping: attrgetter("rest"),
}


def _bound_in(index: Index) -> Iterator[str]:
    places: list[cst.CSTNode | None] = []
    for kind, get in _PLACES.items():
        places += [get(node) for node in index.nodes(kind)]
    for alias in index.nodes(cst.ImportAlias):
        place: cst.CSTNode = alias.name
        while isinstance(place, cst.Attribute):
            place = place.value
        places.append(place)
    scopes: list[cst.Global | cst.Nonlocal] = [*index.nodes(cst.Global), *index.nodes(cst.Nonlocal)]
    for scope in scopes:
        yield from (item.name.value for item in scope.names)
    for bound in places:
        if type(bound) is cst.Name:
            yield bound.value
        elif bound is not None:
            yield from (item.value for item in walk(bound) if isinstance(item, cst.Name))


def bound(owner: ClassInfo, name: str) -> Value | None:
    """What a name is bound to where a class statement stands."""
    frame: Frame | None = owner.scope
    while frame is not None:
        if name in frame.names:
            value = frame.names[name]
            return value.module.settled(value) if isinstance(value, Later) else value
        frame = frame.parent
    return None


def _text(node: cst.BaseExpression) -> str | None:
    if isinstance(node, cst.SimpleString):
        value = node.evaluated_value
        return value if isinstance(value, str) else None
    return None
