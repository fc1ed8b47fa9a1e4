"""Custom objects: what their constructors take and keep, what their configuration holds, how Keras finds them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic import calls
from kerascheck.semantic.classes import ClassInfo
from kerascheck.semantic.config import Config, read_config, settled
from kerascheck.semantic.constructors import arguments_of, order_of
from kerascheck.semantic.global_objects import own_global_names
from kerascheck.semantic.own_decorators import COLLECTS
from kerascheck.semantic.registering import only_below_decorators
from kerascheck.semantic.values import Func, Ref, Value
from kerascheck.semantic.walk import children, walk

if TYPE_CHECKING:
    from kerascheck.semantic.module import Module

# what the base classes of Keras put into every configuration, and take as keywords
BASE_KEYS = {
    "layer": frozenset({"name", "trainable", "dtype"}),
    "model": frozenset({"name", "trainable", "dtype"}),
    "loss": frozenset({"name", "reduction", "dtype"}),
    "metric": frozenset({"name", "dtype"}),
}
# taken by the constructors of layers of any release, never part of what a class adds
_BASE_ARGUMENTS = frozenset(
    """name trainable dtype dynamic autocast activity_regularizer reduction input_shape batch_input_shape input_dim
    input_dtype batch_size weights input_tensor""".split()
)
# taken by the constructors of some layers of 2.15 or 3.15.1, besides what the table of arguments has (measured)
_OF_OTHER_RELEASES = frozenset(
    """adjustment alpha bins bounding_box_format call_fn causal cell conv_op data_format enable_caching_device factor
    filters force_generator fused groups has_input_vocabulary has_static_table implementation init_fn input_length
    kernel_constraint kernel_initializer kernel_regularizer lora_alpha lora_rank mask_value max_tokens max_values
    native_serialization_platforms noise_shape oov_method oov_value params pool_dimensions pool_function pool_mode
    quantization_config rank return_runtime reverse_state_order rms_scaling rng_type score_mode seed sparse state
    time_major type_spec unroll use_one_hot_matmul virtual_batch_size vocabulary_dtype vocabulary_size
    zero_output_for_mask""".split()
)
_KINDS = {
    "keras.losses.": "loss",
    "keras.metrics.": "metric",
    "keras.regularizers.": "regularizer",
    "keras.constraints.": "constraint",
    "keras.initializers.": "initializer",
    "keras.optimizers.schedules.": "schedule",
    "keras.optimizers.": "optimizer",
}
_ROOTS = frozenset(
    {"keras.layers.Layer", "keras.Model", "keras.Sequential", "keras.losses.Loss", "keras.metrics.Metric"}
)
_OWN_PACKAGES = re.compile(r"(?:^|[/\\])(?:keras[/\\]src|keras_hub[/\\]src|keras_cv[/\\]src|keras_nlp[/\\]src)[/\\]")
_REGISTER = "keras.utils.register_keras_serializable"
_NEUTRAL_DECORATORS = frozenset(
    {"dataclasses.dataclass", "tensorflow.function", "typing.final", "functools.total_ordering"}
)
_GETTERS = frozenset({"activations", "initializers", "regularizers", "constraints"})
_CONVERSIONS = frozenset({"int", "float", "str", "bool", "tuple", "list"})
_PLAIN_TYPES = frozenset({"int", "float", "str", "bool"})


@dataclass(frozen=True)
class Parameter:
    """A parameter of a constructor."""

    name: str
    node: cst.Param

    @property
    def required(self) -> bool:
        """Whether it has no default."""
        return self.node.default is None


@dataclass(frozen=True)
class SuperCall:
    """The call of the base's `__init__` inside of a constructor. `base` is the written class when it is named."""

    node: cst.Call
    statement: cst.SimpleStatementLine | None
    keywords: dict[str, cst.BaseExpression]
    names: frozenset[str]
    positional: int
    stars: tuple[str, ...]


@dataclass(frozen=True)
class Holding:
    """An attribute that keeps a parameter. `getter` is the namespace whose `get` was applied, such as "activations"."""

    attribute: str
    getter: str
    statement: cst.CSTNode


@dataclass
class Constructor:
    """The `__init__` of a class of the project."""

    function: Func
    node: cst.FunctionDef
    parameters: tuple[Parameter, ...]
    keywords: str | None
    calls: list[SuperCall] = field(default_factory=list)
    held: dict[str, Holding] = field(default_factory=dict)
    used: frozenset[str] = frozenset()
    attributes: frozenset[str] = frozenset()
    popped: frozenset[str] = frozenset()  # keys taken out of `**kwargs`: as good as parameters

    @property
    def super_call(self) -> SuperCall | None:
        """The only call of the base's `__init__`; None when there is none or more than one."""
        return self.calls[0] if len(self.calls) == 1 else None

    @property
    def own(self) -> tuple[Parameter, ...]:
        """The parameters that are not those of every layer."""
        return tuple(item for item in self.parameters if item.name not in _BASE_ARGUMENTS)

    def takes(self, name: str) -> bool:
        """Whether it has a parameter of this name."""
        return any(item.name == name for item in self.parameters)

    @property
    def hands_keywords(self) -> bool | None:
        """Whether `**kwargs` reaches the base's `__init__`; None when that cannot be told."""
        call = self.super_call
        if call is None:
            return False if not self.calls and not self.keywords else None
        if self.keywords is not None and self.keywords in call.stars:
            return True
        if call.stars or (self.keywords is not None and self.keywords in call.names):
            return None
        return False


def kind_of(owner: ClassInfo) -> str | None:
    """ "layer", "model", "loss", "metric" ... of a class that is Keras through its bases."""
    found = owner.keras_kind
    if found is not None:
        return found
    for item in owner.lineage():
        if isinstance(item, str):
            for prefix, kind in _KINDS.items():
                if item.startswith(prefix):
                    return kind
    return None


def constructor(owner: ClassInfo) -> Constructor | None:
    """The constructor that makes instances; None when there is none in the project or it cannot be told."""
    function, sure = owner.method("__init__")
    return read_constructor(function) if function is not None and sure else None


def read_constructor(function: Func) -> Constructor | None:
    """What an `__init__` does with its parameters; read once."""
    known: dict[cst.CSTNode, Constructor | None] = function.module.memo.setdefault("constructors", {})
    if function.node not in known:
        known[function.node] = _read_constructor(function)
    return known[function.node]


def _read_constructor(function: Func) -> Constructor | None:
    node = function.node
    if not isinstance(node, cst.FunctionDef) or not node.params.params:
        return None
    parameters = tuple(
        Parameter(item.name.value, item)
        for item in (*node.params.posonly_params, *node.params.params[1:], *node.params.kwonly_params)
    )
    found = Constructor(
        function,
        node,
        parameters,
        node.params.star_kwarg.name.value if node.params.star_kwarg is not None else None,
    )
    reader = _Reader(found, node.params.params[0].name.value)
    reader.read(node.body)
    found.used = frozenset(reader.names)
    found.attributes = frozenset(reader.attributes)
    found.popped = frozenset(reader.popped)
    return found


class _Reader:
    def __init__(self, made: Constructor, self_name: str) -> None:
        self.made = made
        self.self_name = self_name
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.popped: set[str] = set()
        self.statement: cst.SimpleStatementLine | None = None

    def read(self, body: cst.CSTNode) -> None:
        """Look at all but the functions inside."""
        stack = [body]
        while stack:
            node = stack.pop()
            if isinstance(node, cst.Name):
                self.names.add(node.value)
                continue
            if isinstance(node, cst.FunctionDef):
                continue
            if isinstance(node, cst.SimpleStatementLine):
                self.statement = node
            elif isinstance(node, cst.Call):
                self.call(node)
            elif isinstance(node, cst.Assign):
                for target in node.targets:
                    self._keep(target.target, node.value, node)
            elif isinstance(node, cst.AnnAssign) and node.value is not None:
                self._keep(node.target, node.value, node)
            stack += reversed(children(node))

    def call(self, node: cst.Call) -> None:
        """Keep a call of the base's `__init__`, and the keys that are taken out of the keywords."""
        function = node.func
        if not isinstance(function, cst.Attribute):
            return
        arguments = list(node.args)
        if function.attr.value in {"pop", "get"} and arguments and isinstance(function.value, cst.Name):
            key = arguments[0].value
            if function.value.value == self.made.keywords and isinstance(key, cst.SimpleString):
                self.popped.add(str(key.evaluated_value))
        if function.attr.value != "__init__":
            return
        base = function.value
        if not (isinstance(base, cst.Call) and isinstance(base.func, cst.Name) and base.func.value == "super"):
            if (
                not arguments
                or not isinstance(arguments[0].value, cst.Name)
                or arguments[0].value.value != self.self_name
            ):
                return
            arguments = arguments[1:]
        names = frozenset(name for argument in arguments for name in _names_in(argument))
        self.made.calls.append(
            SuperCall(
                node,
                self.statement,
                {item.keyword.value: item.value for item in arguments if item.keyword is not None},
                names,
                sum(item.keyword is None and item.star == "" for item in arguments),
                tuple(_star_name(item.value) for item in arguments if item.star == "**"),
            )
        )

    def _keep(self, target: cst.BaseExpression, value: cst.BaseExpression, node: cst.CSTNode) -> None:
        if not isinstance(target, cst.Attribute) or not isinstance(target.value, cst.Name):
            return
        if target.value.value != self.self_name:
            return
        attribute = target.attr.value
        held = _held_parameter(value)
        first = attribute not in self.attributes
        self.attributes.add(attribute)
        for name, other in list(self.made.held.items()):
            if other.attribute == attribute:
                del self.made.held[name]  # assigned twice: what it holds cannot be told
        if held is not None and first and self.made.takes(held[0]) and held[0] not in self.made.held:
            self.made.held[held[0]] = Holding(attribute, held[1], node)


def _names_in(node: cst.CSTNode) -> set[str]:
    return {item.value for item in walk(node) if isinstance(item, cst.Name)}


def _star_name(node: cst.BaseExpression) -> str:
    return node.value if isinstance(node, cst.Name) else ""


def _held_parameter(value: cst.BaseExpression) -> tuple[str, str] | None:
    """The parameter that an expression keeps, so that the constructor takes the expression's value just as well."""
    if isinstance(value, cst.Name):
        return value.value, ""
    if isinstance(value, cst.BooleanOperation) and isinstance(value.operator, cst.Or):
        return _held_parameter(value.left)
    if isinstance(value, cst.IfExp) and isinstance(value.body, cst.Name) and isinstance(value.test, cst.Comparison):
        left = value.test.left
        if isinstance(left, cst.Name) and left.value == value.body.value:
            return value.body.value, ""
    if isinstance(value, cst.Call) and len(value.args) == 1 and isinstance(value.args[0].value, cst.Name):
        name = value.args[0].value.value
        if isinstance(value.func, cst.Name) and value.func.value in _CONVERSIONS:
            return name, ""
        if isinstance(value.func, cst.Attribute) and value.func.attr.value == "get":
            home = value.func.value
            last = (
                home.attr.value if isinstance(home, cst.Attribute) else home.value if isinstance(home, cst.Name) else ""
            )
            if last in _GETTERS:
                return name, str(last)
    return None


def is_plain_annotation(parameter: Parameter) -> bool:
    """Whether a parameter is declared to be a number, a string or a truth value."""
    annotation = parameter.node.annotation
    names = _names_in(annotation.annotation) if annotation is not None else set()
    return bool(names) and names <= _PLAIN_TYPES | {"Optional", "None", "typing", "Union"}


def is_plain_default(parameter: Parameter) -> bool:
    """Whether a parameter's default is a number, a string or a truth value."""
    default = parameter.node.default
    if isinstance(default, cst.UnaryOperation):
        default = default.expression
    if isinstance(default, cst.Name):
        return default.value in {"True", "False"}
    return isinstance(default, (cst.Integer, cst.Float, cst.SimpleString))


def uses_keywords(made: Constructor) -> bool:
    """Whether a constructor does more with its `**kwargs` than to hand them to its base or to ask for another key."""
    known: set[int] = set()
    found = False
    for node in walk(made.node.body):
        if isinstance(node, cst.Arg) and node.keyword is not None:
            known.add(id(node.keyword))
        elif isinstance(node, cst.Attribute):
            known.add(id(node.attr))
        elif isinstance(node, cst.Del):
            known.add(id(node.target))
        elif isinstance(node, cst.Call):
            if any(node is call.node for call in made.calls):
                known.update(id(item.value) for item in node.args if item.star == "**")
            if isinstance(node.func, cst.Attribute) and node.func.attr.value in {"pop", "get"} and len(node.args) == 2:
                key = node.args[0].value
                if isinstance(key, cst.SimpleString) and key.evaluated_value not in BASE_KEYS["layer"]:
                    known.add(id(node.func.value))
        elif isinstance(node, cst.Name) and node.value == made.keywords and id(node) not in known:
            found = True
    return found


# ---------------------------------------------------------------------- configuration


def config_function(owner: ClassInfo) -> tuple[Func | None, bool]:
    """The `get_config` of the project that instances use, and whether the answer is sure."""
    return owner.method("get_config")


def config_of(owner: ClassInfo) -> Config | None:
    """The configuration that the project's own `get_config` writes; None when there is none or it is too dynamic."""
    function, sure = config_function(owner)
    config = read_config(function) if function is not None and sure else None
    return settled(config, owner) if config is not None else None


def config_keys(
    config: Config, owner: ClassInfo, depth: int = 0, made: ClassInfo | None = None
) -> frozenset[str] | None:
    """All keys of a configuration, those of the bases included; None when they cannot be told.

    `made`: the class whose objects are meant, where `owner` is a base of it.
    """
    if not config.calls_super or config.owner is None or depth > 8:
        return config.keys
    lineage = config.owner.lineage()
    next(lineage)
    for item in lineage:
        if item is None:
            return None
        if isinstance(item, ClassInfo):
            function = item.own("get_config")
            if function is not None:
                inner = read_config(function)
                inner = settled(inner, made or owner) if inner is not None else None
                rest = config_keys(inner, item, depth + 1, made or owner) if inner is not None else None
                return None if rest is None else config.keys | rest
        elif item in _ROOTS:
            return config.keys | BASE_KEYS.get(kind_of(owner) or "", frozenset())
        elif item.startswith("keras."):
            given = arguments_of(item)
            if given is None:
                return None
            return config.keys | given | BASE_KEYS.get(kind_of(owner) or "", frozenset())
    return config.keys


def may_write(owner: ClassInfo, key: str) -> bool:
    """Whether the configuration of a class has a key, or goes through a list of the class that is not known."""
    function, _ = config_function(owner)
    config = read_config(function) if function is not None else None
    if config is None:
        return False
    known = settled(config, owner)
    return known is None or key in (config_keys(known, owner) or ())


def keras_base_with_config(owner: ClassInfo) -> str | None:
    """A base that is one of Keras' own classes with arguments, such as `keras.layers.Dense`; None for the roots."""
    base = next((item for item in owner.lineage() if isinstance(item, str) and item.startswith("keras.")), None)
    return None if base is None or base in _ROOTS else base


def handed_on(owner: ClassInfo, name: str) -> bool:
    """Whether a constructor hands a parameter to its base, whose configuration then has to write it."""
    made = constructor(owner)
    return made is None or any(name in call.names for call in made.calls)


def written_by_base(owner: ClassInfo, name: str) -> str | None:
    """The other key under which a base writes a parameter that the constructor hands to it: `units=width`.

    Where the configuration has that key and not the parameter's own name loading raises, as the constructor, or the
    call of the base in it, gets a keyword that it does not take or already has. Run on 3.15.1. None when that
    cannot be told.
    """
    made = constructor(owner)
    call = made.super_call if made is not None else None
    home = made.function.owner if made is not None else None
    if made is None or call is None or home is None or owner.method("from_config") != (None, True):
        return None
    if made.keywords is not None and (made.keywords not in call.stars or uses_keywords(made)):
        return None
    given = [argument for argument in call.node.args if argument.star != "**"]
    if any(argument.star for argument in given):
        return None
    explicit = not (isinstance(call.node.func, cst.Attribute) and isinstance(call.node.func.value, cst.Call))
    order = _order_of_base(home)
    for index, argument in enumerate(given):
        if not isinstance(argument.value, cst.Name) or argument.value.value != name:
            continue
        place = index - explicit
        key = argument.keyword.value if argument.keyword else order[place] if 0 <= place < len(order) else name
        return None if key == name or key in _BASE_ARGUMENTS or made.takes(key) or key in made.popped else key
    return None


def _order_of_base(owner: ClassInfo) -> tuple[str, ...]:
    """The parameters of the constructor that `super().__init__` calls."""
    for base in list(owner.lineage())[1:]:
        if base is None:
            return ()
        if isinstance(base, str):
            return order_of(base) or ()
        function = base.own("__init__")
        if function is not None:
            made = read_constructor(function)
            return tuple(item.name for item in made.parameters) if made is not None else ()
    return ()


def rebuilds(owner: ClassInfo, name: str) -> bool:
    """Whether an own `from_config` may give the argument: it names it, or it is more than `cls(**config)`."""
    function, sure = owner.method("from_config")
    if function is None:
        return not sure
    text = function.module.code(function.node)
    if re.search(rf"\b{re.escape(name)}\b", text):
        return True
    return re.search(r"\bcls\(\s*\*\*\s*config\s*\)", text) is None


def refuses(owner: ClassInfo, made: Constructor, key: str) -> bool:
    """Whether a constructor raises for a keyword: it has no such parameter, and neither have the bases it hands to."""
    if made.takes(key):
        return False
    if made.keywords is None:
        return True
    if key in _BASE_ARGUMENTS or not made.hands_keywords or made.function.owner is None:
        return False
    bases = list(made.function.owner.lineage())[1:]
    read = re.search(rf"\b{made.keywords}\s*(?:\[|\.)", made.function.module.code(made.node))
    return read is None and bool(bases) and all(_does_not_take(item, key) for item in bases)


def _does_not_take(base: ClassInfo | str | None, key: str) -> bool:
    """Whether a class of Keras raises for a keyword.

    Run on 2.15 and 3.15.1: all layers with known arguments raise for what they do not take, but for `HashedCrossing`.
    """
    if base in _ROOTS or base == "builtins.object":
        return True
    if not isinstance(base, str) or not base.startswith("keras.layers.") or base == "keras.layers.HashedCrossing":
        return False
    taken = arguments_of(base)
    return taken is not None and key not in taken and key not in _OF_OTHER_RELEASES


def has_bound_from_config(owner: ClassInfo) -> bool:
    """Whether `from_config` is written as a method of objects. Run on 2.15 and 3.15.1: loading raises TypeError."""
    function, _ = owner.method("from_config")
    return function is not None and not {"classmethod", "staticmethod"} & set(function.decorators)


def first_refused_key(owner: ClassInfo, made: Constructor, keras_2: bool) -> str | None:
    """The first key of Keras' own in a configuration that a constructor without `**kwargs` does not take.

    Python names it before any argument that is missing. Run on 2.15 and 3.15.1: this is the order of the keys, but
    Keras 2 puts none of them into the configuration of a model.
    """
    config = config_of(owner)
    if config is None or not config.calls_super or made.keywords:
        return None
    kind = kind_of(owner) or ""
    keys = {
        "layer": ("name", "trainable", "dtype"),
        "model": () if keras_2 else ("name", "trainable", "dtype"),
        "loss": ("reduction", "name") if keras_2 else ("name", "reduction"),
        "metric": ("name", "dtype"),
    }
    return next((key for key in keys.get(kind, ()) if not made.takes(key)), None)


def missing_keys(owner: ClassInfo) -> Iterator[Parameter]:
    """The constructor's parameters that the class' configuration surely leaves out."""
    made = constructor(owner)
    config = config_of(owner)
    if made is None or config is None or any(item is None for item in owner.lineage()):
        return
    keys = config_keys(config, owner)
    if keys is None:
        return
    if kind_of(owner) == "optimizer" and not all(made.takes(key) for key in config.keys):
        return  # hyperparameters have names of their own
    for parameter in made.own:
        name = parameter.name
        if name in keys or (not parameter.required and name not in made.used):
            continue
        if config.calls_super and handed_on(owner, name) and written_by_base(owner, name) not in keys:
            continue
        if not rebuilds(owner, name) and not _is_folded(made, name, keys):
            yield parameter


def _is_folded(made: Constructor, name: str, keys: frozenset[str]) -> bool:
    """Whether a parameter only gives another one, which the configuration has, its value: `shape = (size, size)`."""
    if name in made.held:
        return False
    for node in walk(made.node.body):
        if isinstance(node, cst.Assign) and any(
            isinstance(item, cst.Name) and item.value == name for item in walk(node.value)
        ):
            given = {item.target.value for item in node.targets if isinstance(item.target, cst.Name)}
            if any(other in keys and other != name and made.takes(other) for other in given):
                return True
    return False


# ---------------------------------------------------------------------- registration


def registered(thing: ClassInfo | Func) -> bool | None:
    """Whether Keras can find a class or function by its name; None when that cannot be told."""
    if _OWN_PACKAGES.search(thing.module.path):
        return None  # measured: Keras imports classes of its own packages
    if isinstance(thing, Func):
        names = list(thing.decorators)
    else:
        names = [_decorator(value) for value in thing.decorators]
    if _REGISTER in names:
        return True
    if any(name.endswith(("keras_export", "register_keras_serializable")) for name in names):
        return True
    if any(name == "" or name not in _NEUTRAL_DECORATORS | calls.TRANSPARENT_DECORATORS for name in names):
        return None
    name = name_of(thing)
    text = thing.module.source.text
    if COLLECTS in names and not only_below_decorators(thing.module):
        return None  # all that is collected may be registered
    if re.search(rf"register_keras_serializable\([^()]*\)\(\s*{name}\b", text):
        return True
    if "get_custom_objects" not in text:
        return False
    given = own_global_names(thing.module)
    if given is not None:
        return name in given
    return re.search(rf"get_custom_objects\(\)[^\n]*\b{name}\b|update\([^)]*\b{name}\b", text) is not None


def _decorator(value: Value | None) -> str:
    if isinstance(value, Ref):
        return value.name
    return calls.decorator_name(value)


def name_of(thing: ClassInfo | Func) -> str:
    """The name of a class or function; an empty string for a lambda."""
    if isinstance(thing, ClassInfo):
        return thing.name
    return thing.node.name.value if isinstance(thing.node, cst.FunctionDef) else ""


def is_top_level(thing: ClassInfo | Func) -> bool:
    """Whether a class or function is bound in its module's body."""
    module: Module = thing.module
    frame = thing.scope if isinstance(thing, ClassInfo) else thing.frame
    return frame is module.interpreter.root
