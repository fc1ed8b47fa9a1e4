"""Edits of a class with a configuration: its constructor, `get_config`, `from_config` and registration."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, cast

import libcst as cst

from kerascheck.edits import Edit
from kerascheck.patch import indentation, insert_argument, keras_name, replace, wrap
from kerascheck.semantic.before_registration import registers_nothing
from kerascheck.semantic.custom_objects import (
    BASE_KEYS,
    Constructor,
    Parameter,
    is_plain_annotation,
    is_plain_default,
    kind_of,
    may_write,
)
from kerascheck.semantic.purposes import is_self
from kerascheck.semantic.storage import circle, instances
from kerascheck.semantic.training import flavour
from kerascheck.semantic.values import Const, Items, Obj, Value
from kerascheck.semantic.walk import walk
from kerascheck.text import Position

if TYPE_CHECKING:
    from kerascheck.semantic.classes import ClassInfo
    from kerascheck.semantic.config import Config
    from kerascheck.semantic.config_objects import RawObject
    from kerascheck.semantic.module import Module
    from kerascheck.semantic.values import Func

# attributes that Keras itself gives to layers, models, losses or metrics
_RESERVED = frozenset(
    """name dtype trainable input output inputs outputs layers weights variables losses metrics loss optimizer built
    path input_shape output_shape summary call build fit compile predict evaluate save metrics_names stateful input_spec
    dtype_policy compute_dtype variable_dtype supports_masking autocast run_eagerly history stop_training states
    reduction fn activity_regularizer updates trainable_weights non_trainable_weights trainable_variables""".split()
)


# a comma behind a value, blanks, lines and comments before it
_COMMA = re.compile(r"(?:[ \t\f\r\n\\]|#[^\r\n]*(?=[\r\n]))*,")


@dataclass(frozen=True)
class Entry:
    """A key of a configuration and the code of its value. `attribute`: the statement that must keep the argument."""

    key: str
    value: str
    safe: bool
    attribute: str = ""
    rebuild: bool = False


def entry(
    module: Module, owner: ClassInfo, made: Constructor, parameter: Parameter, objects: list[Obj]
) -> Entry | None:
    """How a configuration writes one argument; None when there is no plain way."""
    name = parameter.name
    values = [_given(item, made, name) for item in objects]
    layered = [value for value in values if isinstance(value, Obj) and value.kind in {"layer", "model"}]
    plain = all(value is None or is_plain(value) for value in values)
    known = is_plain_default(parameter) or is_plain_annotation(parameter)
    known = known or (bool(values) and None not in values and not layered)
    held = made.held.get(name)
    if held is None or _assigned_elsewhere(owner, made, held.attribute):
        if name in _RESERVED or name in made.attributes or _mentions_attribute(owner, name):
            return None
        return Entry(name, f"self.{name}", known and plain, f"self.{name} = {name}") if plain else None
    if layered:
        return Entry(name, f"self.{held.attribute}", False, rebuild=True) if not held.getter else None
    if not plain:
        return None
    if held.getter:
        getter = _getter_code(module, held.statement)
        if getter is None:
            return None
        return Entry(name, f"{getter}.serialize(self.{held.attribute})", known or _is_none(parameter))
    return Entry(name, f"self.{held.attribute}", known)


def is_plain(value: Value) -> bool:
    """Whether a value is a number, a string, a truth value, None or a list or tuple of such."""
    if isinstance(value, Items):
        return value.exact and all(item is not None and is_plain(item) for item in value.items)
    return isinstance(value, Const)


def _given(made: Obj, constructor: Constructor, name: str) -> Value | None:
    """The value of an argument of an instance; its default is plain enough."""
    index = next((at for at, item in enumerate(constructor.parameters) if item.name == name), None)
    found = made.arguments.find(name, index)
    return Const(None) if found is None else found[1]


def given_values(objects: list[Obj], constructor: Constructor, name: str) -> list[Value | None]:
    """The values that instances were made with; `Const(None)` where the argument was not given."""
    return [_given(item, constructor, name) for item in objects]


def _is_none(parameter: Parameter) -> bool:
    return isinstance(parameter.node.default, cst.Name) and parameter.node.default.value == "None"


def _getter_code(module: Module, statement: cst.CSTNode) -> str | None:
    value = statement.value if isinstance(statement, (cst.Assign, cst.AnnAssign)) else None
    if isinstance(value, cst.Call) and isinstance(value.func, cst.Attribute) and module.owns(value):
        return module.code(value.func.value)
    return None


def _assigned_elsewhere(owner: ClassInfo, made: Constructor, attribute: str) -> bool:
    """Whether a method other than the constructor gives the attribute another value."""
    module = owner.module
    for item in owner.frame.names.values():
        node = getattr(item, "node", None)
        if not isinstance(node, cst.FunctionDef) or node is made.node or not module.owns(node):
            continue
        if any(_is_given(statement, attribute) for statement in walk(node.body)):
            return True
    return False


def _is_given(statement: cst.CSTNode, attribute: str) -> bool:
    """Whether it is an assignment of any kind to `self.attribute`, or to several things with it among them."""
    kind = type(statement)
    if kind is not cst.AssignTarget and kind is not cst.AugAssign and kind is not cst.AnnAssign:
        return False
    target = cast("cst.AssignTarget | cst.AugAssign | cst.AnnAssign", statement).target
    parts = [item.value for item in target.elements] if isinstance(target, (cst.Tuple, cst.List)) else [target]
    return any(
        isinstance(part, cst.Attribute) and part.attr.value == attribute and is_self(part.value) for part in parts
    )


def _mentions_attribute(owner: ClassInfo, name: str) -> bool:
    return re.search(rf"\bself\.{name}\b|\bdef {name}\b", owner.module.code(owner.node)) is not None


def flavour_of(owner: ClassInfo) -> str:
    """How the Keras of a class' bases was imported."""
    return flavour(Obj("instance", cls=owner))


def inherited_without(owner: ClassInfo, keys: list[str]) -> bool:
    """Whether a class of the project inherits `get_config` with a constructor that does not take one of the keys."""
    return any(not _takes(initializer, keys) for initializer in _inheriting_constructors(owner))


def is_fixed_below(module: Module, owner: ClassInfo, key: str) -> bool:
    """Whether a class is there to be derived from: its subclasses give the argument, nobody else makes instances."""
    homes = list(circle(owner.module, (owner.name,), whole=False))
    homes += [home for home in owner.module.deriving(owner.name) if all(home is not item for item in homes)]
    derived = [other for home in homes for other in _derived(home).get(owner, ())]
    if not derived or any(not _is_of_any_class(made) for made in instances(module, owner)):
        return False
    for other in derived:
        initializer = other.own("__init__")
        if may_write(other, key):
            continue  # it lists more names than its base
        if initializer is None:
            inherited = other.method("__init__")[0]
            if inherited is not None and inherited.owner in derived:
                continue  # which is looked at itself
            if not any(other in list(item.lineage())[1:] for item in derived) or instances(module, other):
                return False
        elif other.own("get_config") is None and _takes(initializer, [key]) and not is_fixed_below(module, other, key):
            return False
    return True


def _is_of_any_class(made: Obj) -> bool:
    """Whether an instance was made as `cls(...)`: it is one of whichever subclass the method is called on."""
    function = made.call.func if isinstance(made.call, cst.Call) else None
    return isinstance(function, cst.Name) and function.value == "cls"


def _derived(module: Module) -> dict[ClassInfo, list[ClassInfo]]:
    """The classes of a module by what they derive from, directly or not."""
    known: dict[ClassInfo, list[ClassInfo]] | None = module.memo.get("derived")
    if known is None:
        known = module.memo["derived"] = {}
        for other in module.classes:
            for base in list(other.lineage())[1:]:
                if base is not None and not isinstance(base, str):
                    known.setdefault(base, []).append(other)
    return known


def _inheriting_constructors(owner: ClassInfo) -> list[Func]:
    found = []
    for module in circle(owner.module, (owner.name,), whole=False):
        for other in module.classes:
            if other is not owner and owner in other.lineage() and other.own("get_config") is None:
                initializer = other.own("__init__")
                if initializer is not None:
                    found.append(initializer)
    return found


def _takes(function: Func, keys: list[str]) -> bool:
    parameters = function.node.params
    return {item.name.value for item in (*parameters.params, *parameters.kwonly_params)}.issuperset(keys)


# ---------------------------------------------------------------------- get_config


def quote(module: Module) -> str:
    """The quote that the file prefers."""
    text = module.source.text
    return "'" if text.count("'") > text.count('"') else '"'


def add_items(module: Module, config: Config, entries: list[Entry]) -> list[Edit] | None:
    """Write keys into an existing `get_config`, in its own style."""
    mark = quote(module)
    literals = [item for item in config.literals if module.owns(item)]
    full = [item for item in literals if _has_keys(item)]
    if full:
        place = full[-1]
        if isinstance(place, cst.Dict):
            return _insert_items(module, place, [f"{mark}{item.key}{mark}: {item.value}" for item in entries])
        return [insert_argument(module, place, ", ".join(f"{item.key}={item.value}" for item in entries))]
    result = config.result
    if result is None or result.value is None or not module.owns(result):
        return None
    if config.variable:
        line_start = module.span(result).start
        indent = indentation(module, line_start)
        lines = [f"{config.variable}[{mark}{item.key}{mark}] = {item.value}" for item in entries]
        return [Edit(line_start, line_start, "".join(line + module.source.newline + indent for line in lines))]
    items = ", ".join(f"{mark}{item.key}{mark}: {item.value}" for item in entries)
    return [replace(module, result.value, f"{{**{module.code(result.value)}, {items}}}")]


def _has_keys(place: cst.Dict | cst.Call) -> bool:
    """Whether keys are written here: a copy such as `dict(a.items())` is no place for more."""
    if isinstance(place, cst.Dict):
        return any(isinstance(element, cst.DictElement) for element in place.elements)
    return any(argument.keyword is not None for argument in place.args)


def _insert_items(module: Module, place: cst.Dict, items: list[str]) -> list[Edit]:
    text = module.source.text
    end = module.span(place).end - 1
    last = place.elements[-1]
    value_end = module.positions.whole(last.value).end
    first = module.span(last.key if isinstance(last, cst.DictElement) else last.value).start
    comma = _COMMA.match(text, value_end)
    behind = comma.end() if comma and comma.end() <= end else value_end
    line = module.source.offset(Position(module.source.position(first).line, 1))
    if text[line:first].strip(" \t*") == "" and "\n" in text[behind:end]:
        lead = module.source.newline + indentation(module, first)
        joined = "".join(f"{lead}{item}," for item in items)
        number = module.source.position(behind).line
        at = module.source.offset(Position(number, len(module.source.line(number)) + 1))  # behind a comment
        separator = [] if comma else [Edit(behind, behind, ",")]
        if separator and at == behind:
            return [Edit(at, at, "," + joined)]
        return [*separator, Edit(at, at, joined)]
    return [Edit(behind, behind, (" " if comma else ", ") + ", ".join(items))]


def new_get_config(module: Module, owner: ClassInfo, made: Constructor, entries: list[Entry]) -> list[Edit] | None:
    """Write `get_config`, with `from_config` where an argument is an object of its own, at the end of the class."""
    body = owner.node.body
    if not isinstance(body, cst.IndentedBlock) or not body.body:
        return None
    mark, newline = quote(module), module.source.newline
    indent = indentation(module, module.span(body.body[0]).start)
    unit = body.indent or module.tree.default_indent
    edits: list[Edit] = []
    items = []
    for item in entries:
        value = item.value
        if item.rebuild:
            name, imports = keras_name(module, "utils.serialize_keras_object", flavour_of(owner))
            value, edits = f"{name}({item.value})", edits + imports
        items.append(f"{mark}{item.key}{mark}: {value}")
    base = _super_text(module, owner, made)
    lines = ["def get_config(self):", f"{unit}config = {base}.get_config()"]
    joined = f"{unit}config.update({{{', '.join(items)}}})"
    if len(indent + joined) <= 100:
        lines.append(joined)
    else:
        lines += [f"{unit}config.update({{", *(f"{unit * 2}{item}," for item in items), f"{unit}}})"]
    lines.append(f"{unit}return config")
    rebuilt = [item for item in entries if item.rebuild]
    if rebuilt:
        name, imports = keras_name(module, "utils.deserialize_keras_object", flavour_of(owner))
        edits += [item for item in imports if item not in edits]
        lines += ["", "@classmethod", "def from_config(cls, config):"]
        lines += [f"{unit}config[{mark}{i.key}{mark}] = {name}(config[{mark}{i.key}{mark}])" for i in rebuilt]
        lines.append(f"{unit}return cls(**config)")
    at = _end_of_line(module, body.body[-1])
    text = newline + "".join(newline + (indent + line if line else "") for line in lines)
    return [*edits, Edit(at, at, text)]


def make_again(module: Module, owner: ClassInfo, raws: list[RawObject]) -> list[Edit] | None:
    """Serialize the objects of a configuration, and write the `from_config` that makes them again.

    None where classes of the project derive from this one: theirs may be other keys.
    """
    getter = owner.own("get_config")
    homes = [*circle(owner.module, (owner.name,), whole=False), *owner.module.deriving(owner.name)]
    if getter is None or not isinstance(getter.node, cst.FunctionDef) or any(owner in _derived(home) for home in homes):
        return None
    mark, newline = quote(module), module.source.newline
    serialize, imports = keras_name(module, "saving.serialize_keras_object", flavour_of(owner))
    deserialize, more = keras_name(module, "saving.deserialize_keras_object", flavour_of(owner))
    edits = list(dict.fromkeys([*imports, *more]))
    lines = ["@classmethod", "def from_config(cls, config):"]
    unit = owner.node.body.indent if isinstance(owner.node.body, cst.IndentedBlock) else None
    unit = unit or module.tree.default_indent
    for raw in raws:
        if not raw.serialized:
            edits += wrap(module, raw.node, f"{serialize}(", ")")
        key = f"config[{mark}{raw.key}{mark}]"
        lines.append(f"{unit}{key} = {deserialize}({key})")
    lines.append(f"{unit}return cls(**config)")
    indent = indentation(module, module.span(getter.node).start)
    at = _end_of_line(module, getter.node)
    return [*edits, Edit(at, at, newline + "".join(newline + indent + line for line in lines))]


def _super_text(module: Module, owner: ClassInfo, made: Constructor) -> str:
    """`super()` as the constructor writes it."""
    call = made.super_call
    if call is not None and made.function.owner is owner and isinstance(call.node.func, cst.Attribute):
        base = call.node.func.value
        if isinstance(base, cst.Call) and module.owns(base):
            return module.code(base)
    return "super()"


def keep_arguments(module: Module, made: Constructor, entries: list[Entry]) -> list[Edit] | None:
    """Write `self.name = name` behind the call of the base's constructor."""
    lines = [item.attribute for item in entries if item.attribute]
    if not lines:
        return []
    call = made.super_call
    if call is None or call.statement is None or not module.owns(call.statement) or len(call.statement.body) != 1:
        return None
    indent = indentation(module, module.span(call.statement).start)
    at = _end_of_line(module, call.statement)
    return [Edit(at, at, "".join(module.source.newline + indent + line for line in lines))]


def _end_of_line(module: Module, node: cst.CSTNode) -> int:
    """The offset behind the last character of the line on which a node ends."""
    position = module.source.position(module.span(node).end)
    line = position.line if position.column > 1 else position.line - 1
    while not module.source.line(line).strip():
        line -= 1
    return module.source.offset(Position(line, len(module.source.line(line)) + 1))


# ---------------------------------------------------------------------- the constructor


def hand_keywords_on(module: Module, owner: ClassInfo, made: Constructor) -> list[Edit] | None:
    """Let a constructor take `**kwargs` and hand them to its base; an empty list when it does already."""
    if made.hands_keywords:
        return []
    call = made.super_call
    if call is None or call.positional or call.stars or not module.owns(call.node) or made.hands_keywords is None:
        return None
    edits: list[Edit] = []
    added: list[str] = []
    for keyword, value in call.keywords.items():
        if keyword not in BASE_KEYS.get(kind_of(owner) or "", frozenset()) or made.takes(keyword):
            continue
        if not isinstance(value, (cst.SimpleString, cst.Name, cst.Integer, cst.Float)):
            return None
        if isinstance(value, cst.Name) and value.value not in {"True", "False", "None"}:
            return None
        added.append(f"{keyword}={module.code(value)}")
        edits.append(replace(module, value, keyword))
    name = made.keywords or "kwargs"
    if made.keywords is None:
        if made.takes("kwargs"):
            return None
        added.append("**kwargs")
        parameters = _add_parameters(module, made.node, added)
        if parameters is None:
            return None
        edits.append(parameters)
    elif added:
        return None
    edits.append(insert_argument(module, call.node, f"**{name}"))
    return edits


def _add_parameters(module: Module, node: cst.FunctionDef, added: list[str]) -> Edit | None:
    parameters = node.params
    last: cst.CSTNode | None = None
    for group in (parameters.posonly_params, parameters.params, parameters.kwonly_params):
        last = group[-1] if group else last
    if not parameters.kwonly_params and isinstance(parameters.star_arg, cst.Param):
        last = parameters.star_arg
    if last is None or parameters.star_kwarg is not None:
        return None
    start = module.positions.whole(last).start
    text = module.source.text
    whole = text[start : module.positions.whole(last).end].rstrip()
    whole = whole[:-1].rstrip() if whole.endswith(",") else whole
    if "#" in whole:
        return None
    end = start + len(whole)
    line = module.source.offset(Position(module.source.position(start).line, 1))
    if text[line:start].strip() == "":
        lead = "," + module.source.newline + indentation(module, start)
        return Edit(end, end, "".join(lead + item for item in added))
    return Edit(end, end, "".join(f", {item}" for item in added))


# ---------------------------------------------------------------------- registration


def register(module: Module, thing: ClassInfo | Func, origin: str) -> list[Edit] | None:
    """Write the decorator that registers a class or function."""
    node = thing.node
    if not isinstance(node, (cst.ClassDef, cst.FunctionDef)) or registers_nothing(module):
        return None
    name, imports = keras_name(module, "utils.register_keras_serializable", origin)
    first = node.decorators[0] if node.decorators else node
    start = module.span(first).start
    if isinstance(node, cst.FunctionDef) and node.asynchronous is not None:
        return None
    stem = PurePosixPath(module.path.replace("\\", "/")).stem
    package = stem if stem.isidentifier() else "custom"
    mark = quote(module)
    line = f"@{name}(package={mark}{package}{mark})"
    return [Edit(start, start, line + module.source.newline + indentation(module, start)), *imports]
