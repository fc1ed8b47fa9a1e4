"""Small records that hold settings and models by name: data classes, named tuples, namespaces, `functools.partial`."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import libcst as cst

from kerascheck.semantic import branches, commandline
from kerascheck.semantic.classes import ClassInfo
from kerascheck.semantic.values import (
    Arguments,
    Class,
    Const,
    Func,
    Items,
    Mapping,
    Obj,
    Ref,
    Text,
    Value,
    string,
)

if TYPE_CHECKING:
    from kerascheck.semantic.interpreter import Interpreter

PARTIAL = "functools.partial"
_MEMBERS = "collections.namedtuple"  # a class that such a call makes
_RECORD = "#record"  # an object whose attributes are known by name
_NAMESPACES = frozenset({"types.SimpleNamespace", "argparse.Namespace"})
# dictionaries whose keys are attributes, too
_DICTIONARIES = frozenset(
    """easydict.EasyDict addict.Dict ml_collections.ConfigDict ml_collections.config_dict.ConfigDict munch.Munch
    munch.munchify box.Box omegaconf.OmegaConf.create dotmap.DotMap attrdict.AttrDict""".split()
)
_FIELDS = frozenset({"dataclasses.field", "attr.ib", "attrs.field", "pydantic.Field"})
_DECORATORS = frozenset(
    """dataclasses.dataclass attr.s attr.dataclass attr.define attr.frozen attrs.define attrs.frozen attrs.mutable
    pydantic.dataclasses.dataclass""".split()
)
_BASES = frozenset(
    {"pydantic.BaseModel", "pydantic.BaseSettings", "pydantic_settings.BaseSettings", "typing.NamedTuple"}
)
_FROM_THE_ENVIRONMENT = frozenset({"os.environ.get", "os.getenv"})


def external(self: Interpreter, node: cst.Call, name: str, arguments: Arguments) -> Value | None:
    """What a call of something imported makes, where that is a record, or a setting that has a default."""
    if name == "enum.auto":
        return Const(f"auto {self.order}")  # of each member another one
    if name in _FROM_THE_ENVIRONMENT:
        default = arguments.value("default", 1)
        return branches.usual(self, default) if isinstance(default, (Const, Text)) and string(default) != "" else None
    if name in _NAMESPACES:
        return _record(self, node, {keyword: value for keyword, _, value in arguments.keywords})
    if name in _DICTIONARIES:
        given = arguments.positional[0][1] if arguments.positional else None
        known = _named(given) if isinstance(given, Mapping) else {}
        return _nested(self, node, {**known, **{keyword: value for keyword, _, value in arguments.keywords}})
    if name == "dataclasses.replace" and arguments.positional:
        return _replaced(self, node, arguments)
    return None


def called(self: Interpreter, node: cst.Call, callee: Obj, arguments: Arguments) -> Value | None:
    """What a call of a class made by `namedtuple(...)` gives; None of anything else."""
    if callee.ref != _MEMBERS:
        return None
    names = _member_names(callee)
    if names is None or arguments.open_positional:
        return None
    given = {name: value for name, (_, value) in zip(names, arguments.positional)}
    return _record(self, node, {**given, **{keyword: value for keyword, _, value in arguments.keywords}})


def partial(callee: Obj, arguments: Arguments) -> tuple[Value, Arguments] | None:
    """What a call of `functools.partial(function, ...)` calls, and with what."""
    given = callee.arguments
    if not given.positional or (given.open_positional and not given.sure):
        return None
    function = given.positional[0][1]
    if function is None:
        return None
    later = {keyword for keyword, _, _ in arguments.keywords}
    keywords = (*(item for item in given.keywords if item[0] not in later), *arguments.keywords)
    positional = (*given.positional[1:], *arguments.positional)
    opened = given.open_positional or arguments.open_positional
    sure = given.sure - 1 if given.open_positional else len(given.positional) - 1 + arguments.sure
    return function, Arguments(
        positional, keywords, opened, given.open_keywords or arguments.open_keywords, sure if opened else 0
    )


def item(self: Interpreter, base: Obj, key: Value | None) -> tuple[Value | None] | None:
    """`vars(args)["out"]`, `config["out"]`, `pair[0]` in a 1-tuple; None when that is not known."""
    name = string(key)
    if name is None:
        return None
    if base.ref == commandline.PARSED:
        return (commandline.argparse_value(self, base, name),)
    if base.ref == _RECORD and (base, name) in self.heap:
        return (cast("Value | None", self.heap[(base, name)]),)
    return None


def fill(self: Interpreter, made: Obj, info: ClassInfo, arguments: Arguments) -> None:
    """Give an object of a class without `__init__` the attributes that a generated one would."""
    lineage = [item for item in info.lineage() if isinstance(item, ClassInfo)]
    if not any(_is_record(item) for item in lineage):
        for keyword, _, value in arguments.keywords:
            if keyword in info.frame.names:
                self.heap[(made, keyword)] = value
        return
    names = list(dict.fromkeys(name for item in reversed(lineage) for name in _declared(item)))
    given = {name: value for name, (_, value) in zip(names, arguments.positional)}
    if arguments.open_positional:
        given = dict(list(given.items())[: arguments.sure])
    given.update((keyword, value) for keyword, _, value in arguments.keywords)
    for name in names:
        if name in given:
            self.heap[(made, name)] = given[name]
        elif arguments.open_keywords or arguments.open_positional:
            self.heap[(made, name)] = None
        else:
            default = info.attribute(name)
            if isinstance(default, Obj) and default.ref in _FIELDS:
                self.heap[(made, name)] = _default_of(self, default)
    after, _ = info.method("__post_init__")
    if after is not None:
        self.invoke(after, Arguments(), made)
        self.dead = False


def has_attributes(value: Obj) -> bool:
    """Whether this is a record, whose attributes are objects that other code may get by it."""
    return value.ref == _RECORD


def _record(self: Interpreter, node: cst.Call, attributes: dict[str, Value | None]) -> Obj:
    made = Obj("value", ref=_RECORD, call=node, module=self.module, statement=self.statement, order=self.order)
    for name, value in attributes.items():
        self.heap[(made, name)] = value
    return made


def _nested(self: Interpreter, node: cst.Call, attributes: dict[str, Value | None]) -> Obj:
    inner: dict[str, Value | None] = {
        name: _nested(self, node, _named(value)) if isinstance(value, Mapping) else value
        for name, value in attributes.items()
    }
    return _record(self, node, inner)


def _named(value: Mapping) -> dict[str, Value | None]:
    return {key: item for key, item in value.entries if isinstance(key, str)}


def _replaced(self: Interpreter, node: cst.Call, arguments: Arguments) -> Value | None:
    """A copy of a data class with other values."""
    old = arguments.positional[0][1]
    if not isinstance(old, Obj) or old.cls is None or old.kind != "instance":
        return None
    made = Obj("instance", cls=old.cls, call=node, module=self.module, statement=self.statement, order=self.order)
    for key in self.heap.attributes(old):
        self.heap[(made, key[1])] = None if arguments.open_keywords else self.heap[key]
    for keyword, _, value in arguments.keywords:
        self.heap[(made, keyword)] = value
    return made


def _member_names(callee: Obj) -> list[str] | None:
    fields = callee.arguments.value("field_names", 1)
    text = string(fields)
    if text is not None:
        return text.replace(",", " ").split()
    if isinstance(fields, Items) and fields.exact:
        names = [string(item) for item in fields.items]
        return None if None in names else cast("list[str]", names)
    return None


def _is_record(info: ClassInfo) -> bool:
    found = (*info.bases, *info.decorators)
    names = {item.name if isinstance(item, Ref) else item.ref for item in found if isinstance(item, (Ref, Obj))}
    return not names.isdisjoint(_DECORATORS | _BASES)


def _declared(info: ClassInfo) -> list[str]:
    """The names that a class body annotates, in order."""
    found = []
    for line in info.node.body.body:
        for small in line.body if isinstance(line, cst.SimpleStatementLine) else ():
            if isinstance(small, cst.AnnAssign) and isinstance(small.target, cst.Name):
                found.append(small.target.value)
    return found


def _default_of(self: Interpreter, field: Obj) -> Value | None:
    """What `field(default=...)` or `field(default_factory=...)` gives a new object."""
    given = field.arguments
    factory = given.value("default_factory") or given.value("factory")
    if isinstance(factory, (Func, Class)) and isinstance(field.call, cst.Call):
        from kerascheck.semantic import calls

        return calls.call(self, field.call, factory, None, Arguments())
    if isinstance(factory, Ref) and factory.name in {"builtins.list", "builtins.dict"}:
        return Items("list") if factory.name.endswith("list") else Mapping(())
    return given.value("default", 0 if field.ref == "pydantic.Field" else None)
