"""What calls do: objects they make, states they change, strings and sequences they give."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

import libcst as cst

from kerascheck.semantic import (
    commandline,
    containers,
    datasets,
    keras_api,
    orders,
    own_decorators,
    own_model_names,
    phases,
    records,
    texts,
)
from kerascheck.semantic.classes import BuildEffect, ClassInfo
from kerascheck.semantic.events import BUILT, NEW, UNSURE, Flag, States
from kerascheck.semantic.glimpse import glimpse
from kerascheck.semantic.names import GLOBAL_OBJECTS, REGISTERS
from kerascheck.semantic.values import (
    NO_ARGUMENTS,
    AnyItem,
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
    Super,
    Tensor,
    Text,
    Unordered,
    Value,
    join,
    options,
    string,
)

if TYPE_CHECKING:
    from kerascheck.semantic.interpreter import Interpreter

TRAINING_METHODS = frozenset({"fit", "fit_generator", "train_on_batch"})
RUNNING_METHODS = TRAINING_METHODS | frozenset(
    """evaluate evaluate_generator predict predict_generator test_on_batch predict_on_batch predict_classes
    predict_proba predict_step test_step train_step""".split()
)
GRAPH_ATTRIBUTES = frozenset({"input", "inputs", "output", "outputs", "layers"})
EVENT_METHODS = RUNNING_METHODS | frozenset(
    "load_weights save_weights save to_json compile build call summary add apply_gradients adapt".split()
)
# what makes a generator of random numbers, and its methods that mix rows
GENERATORS = frozenset(
    {"numpy.random.default_rng", "numpy.random.RandomState", "random.Random", "sklearn.utils.check_random_state"}
)
_MIXES = frozenset({"permutation", "shuffle"})
_MOST_WAYS = 6  # of a call of one of several functions
TRANSPARENT_DECORATORS = frozenset(
    """tensorflow.function staticmethod classmethod property builtins.staticmethod builtins.classmethod
    builtins.property functools.wraps functools.lru_cache functools.cache functools.cached_property
    tensorflow.autograph.experimental.do_not_convert abc.abstractmethod typing.override
    keras.utils.register_keras_serializable numba.jit numba.njit torch.no_grad""".split()
) | {own_decorators.COLLECTS, own_decorators.WRAPS}
# functions outside the project that may call back or keep what they are given
_RISKY = (
    "tensorflow.train.",
    "tensorflow.distribute",
    "threading.",
    "multiprocessing.",
    "builtins.exec",
    "builtins.eval",
)
_QUIET_ROOTS = frozenset(
    """builtins keras numpy pandas os sys json pickle time math random matplotlib logging sklearn scipy collections
    datetime re pathlib cv2 PIL argparse glob shutil csv copy warnings seaborn tqdm absl string itertools h5py yaml
    typing dataclasses functools operator platform subprocess joblib requests""".split()
)
_LOADERS = {
    "keras.models.load_model": ("loaded", BUILT),
    "keras.models.model_from_json": ("loaded", UNSURE),
    "keras.models.model_from_yaml": ("loaded", UNSURE),
    "keras.models.model_from_config": ("loaded", UNSURE),
    "keras.models.clone_model": ("cloned", UNSURE),
    "keras.Model.from_config": ("loaded", UNSURE),
    "keras.Sequential.from_config": ("loaded", UNSURE),
    "tensorflow.saved_model.load": ("loaded", UNSURE),
    "tensorflow_hub.load": ("loaded", UNSURE),
}
_ARRAY = frozenset({"numpy.array", "numpy.asarray", "builtins.list", "builtins.tuple", "builtins.reversed"})
_PUTTING = frozenset({"update", "setdefault"})
_INITIALIZERS = frozenset({"global_variables_initializer", "initialize_all_variables"})
# what a key of a saved dictionary says of a list that numbers mean something in
_NUMBERED = re.compile(
    r"(?i)(?<![a-z])(class(es)?|labels?|names?|vocab(ulary)?|categor(y|ies)|tokens?|char(acter)?s?|words?|tags?"
    r"|letters?|symbols?|alphabet|intents?|species)(?![a-z])"
)
_PLAIN_PATH = frozenset({"pathlib.Path", "pathlib.PurePath", "pathlib.PosixPath", "os.fspath", "os.path.abspath",
                         "os.path.expanduser", "os.path.normpath", "os.path.realpath", "builtins.str"})  # fmt: skip


def decorator_name(value: Value | None) -> str:
    """The canonical name of a decorator, without its arguments; an empty string when it is not known."""
    if isinstance(value, Ref):
        return value.name.removeprefix("builtins.")
    if isinstance(value, Obj):
        return value.ref.removeprefix("builtins.")
    if isinstance(value, Bound) and value.name in {"setter", "getter"}:
        return "property"
    if own_decorators.collects(value):
        return own_decorators.COLLECTS
    if isinstance(value, Func) and own_decorators.wraps(value):
        return own_decorators.WRAPS
    return ""


def call(
    self: Interpreter, node: cst.Call, callee: Value | None, receiver: Value | None, arguments: Arguments
) -> Value | None:
    """The value of a call and its effects."""
    orders.note_set_arguments(self, node, arguments)
    if isinstance(callee, Ref):
        return _external(self, node, callee, arguments)
    if isinstance(callee, Bound):
        return _method(self, node, callee, arguments)
    if isinstance(callee, Func):
        return self.invoke(callee, arguments, None)
    if isinstance(callee, Class):
        return _instantiate(self, node, callee.info, arguments)
    if isinstance(callee, Obj):
        return _call_object(self, node, callee, arguments)
    if isinstance(callee, Choice):
        return _call_choice(self, node, callee, receiver, arguments)
    name = node.func.attr.value if isinstance(node.func, cst.Attribute) else ""
    if name in EVENT_METHODS:
        self.record_event(name, node, receiver, arguments)
    if name == "run":
        _initializer_run(self, node, receiver, arguments)
    if isinstance(callee, Part):
        return _part_call(self, node, callee, arguments)
    for value in arguments.values():
        self.escape(value)
    if name == "append" and receiver is None:
        return None
    if name == "shuffle" and receiver is None and (arguments.positional or arguments.keywords):
        return datasets.shuffled_unknown(self, node, arguments)
    if name == "argmax" and receiver is None:  # of something unknown it is a position all the same
        return Obj("value", ref="?.argmax", call=node, module=self.module, statement=self.statement, order=self.order)
    return _tensor_if_any("?." + name, node, arguments)  # what is called is not known


def _call_choice(
    self: Interpreter, node: cst.Call, callee: Choice, receiver: Value | None, arguments: Arguments
) -> Value | None:
    bound = [option for option in callee.options if isinstance(option, Bound)]
    if len(bound) == len(callee.options) and all(
        item.function is None and isinstance(item.receiver, Obj) for item in bound
    ):
        whole = Choice(tuple(dict.fromkeys(item.receiver for item in bound)))
        return _keras_method(self, node, whole, bound[0].name, arguments)
    if len(callee.options) > _MOST_WAYS:
        return _any_of_many(self, callee, arguments)
    # the models among them are one receiver: what happens here happens to any one of them
    models = [
        item.receiver
        for item in bound
        if item.function is None and isinstance(item.receiver, Obj) and item.receiver.kind == "model"
    ]
    together = Choice(tuple(dict.fromkeys(models))) if len(models) > 1 else None
    ways: list[Value] = [
        option
        for option in callee.options
        if together is None or not (isinstance(option, Bound) and option.function is None and option.receiver in models)
    ]
    result: Value | None = None
    before = self.heap
    heaps = []
    for index, option in enumerate((*ways, together) if together is not None else ways):
        self.heap = before.fork()
        if option is together and together is not None:
            value = _keras_method(self, node, together, bound[0].name, arguments)
        else:
            aside = isinstance(callee, AnyItem) and isinstance(option, Ref)
            self.quiet += aside
            value = call(self, node, option, receiver, arguments)
            self.quiet -= aside
        result = value if index == 0 else join(result, value)
        heaps.append((self.frame.names, self.heap))
    self._merge(heaps)
    return result


def _any_of_many(self: Interpreter, callee: Choice, arguments: Arguments) -> Value | None:
    """A call of one of too many functions and classes to follow each: the kinds of models that they give."""
    for value in arguments.values():
        self.escape(value)
    for option in callee.options:
        called = option.receiver if isinstance(option, Bound) else option
        if isinstance(called, Obj):  # a model: this may be its first call
            self.escape(called)
    found: dict[object, Obj] = {}
    for option in callee.options:
        value = glimpse(self, option) if isinstance(option, Func) else None
        for item in options(value):
            if not isinstance(item, Obj):
                return None
            found[item.form, item.ref, item.cls] = item
    result: Value | None = None
    for index, model in enumerate(found.values()):
        result = model if index == 0 else join(result, model)
    return result


# ---------------------------------------------------------------------- things imported from outside


def _external(self: Interpreter, node: cst.Call, ref: Ref, arguments: Arguments) -> Value | None:
    self.record_call(ref, node, arguments)
    name = ref.name
    root, _, rest = name.partition(".")
    if root == "builtins":
        done, value = containers.builtin(self, node, rest, arguments)
        if done:
            return value
    elif root == "keras":
        done, value = _keras(self, node, ref, rest, arguments)
        if done:
            return value
    elif name in _LOADERS:
        return _model(self, node, ref, arguments, *_LOADERS[name])
    if name in _PLAIN_PATH or name == "os.path.join" or name.endswith("Path"):
        return texts.path_of(name, arguments)
    if name in _ARRAY and arguments.positional and isinstance(arguments.positional[0][1], Unordered):
        source = arguments.positional[0][1]
        return source.ordered_at(node, arguments.positional[0][0], self.statement)
    if name == "os.path.splitext":
        return texts.split_extension(arguments.value("p", 0))
    if name in {"tensorflow.function", "jax.jit", "tensorflow.keras.utils.register_keras_serializable"}:
        first = arguments.positional[0][1] if arguments.positional else None
        if isinstance(first, Func):
            return first
    if rest.startswith("DEFINE_") or "flags.DEFINE_" in name:
        flag = string(arguments.value("name", 0))
        if flag is not None:
            self.heap[("absl", "#arg:" + flag)] = arguments.value("default", 1)
        return None
    if root == "tqdm" and arguments.positional and isinstance(arguments.positional[0][1], (Items, Unordered)):
        return arguments.positional[0][1]
    if name == "argparse.ArgumentParser":
        return Obj("value", ref=name, arguments=arguments, call=node, module=self.module)
    if name == "keras.utils.set_random_seed":
        return None
    if name.endswith((".dump", ".dumps", ".save", ".savez")) and arguments.positional:
        for _, value in arguments.positional[:2]:
            for item in _saved_lists(value):
                # a set that is saved as a set has no order
                if isinstance(item, Unordered) and item.sequence and not item.difference:
                    self.record_order_use("saved", item, node)
    record = records.external(self, node, name, arguments)
    if record is not None:
        return record
    if name != records.PARTIAL:
        _escape_arguments(self, name, root, arguments)
    tensor = _tensor_if_any(name, node, arguments)
    if tensor is not None:
        return tensor
    return Obj(
        "value",
        ref=name,
        original=ref.original,
        arguments=arguments,
        call=node,
        module=self.module,
        statement=self.statement,
        order=self.order,
    )


def _saved_lists(value: Value | None) -> tuple[Value | None, ...]:
    """What may be a saved vocabulary: the value, the items of a list or tuple, a dictionary's items by their keys."""
    if isinstance(value, Mapping):
        words = [(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(key)), item) for key, item in value.entries]
        return tuple(item for key, item in words if _NUMBERED.search(key))
    return tuple(value.known()) if isinstance(value, Items) else (value,)


def _escape_arguments(self: Interpreter, name: str, root: str, arguments: Arguments) -> None:
    risky = root not in _QUIET_ROOTS or name.startswith(_RISKY)
    for value in arguments.values():
        if isinstance(value, (Func, Bound)) or (risky and value is not None):
            self.escape(value)


def _tensor_if_any(name: str, node: cst.Call, arguments: Arguments) -> Tensor | None:
    """The result of an operation on symbolic tensors."""
    if name == "keras.backend.function":
        return None
    inputs: list[Value | None] = []
    for value in arguments.values():
        if isinstance(value, Tensor):
            inputs.append(value)
        elif isinstance(value, Items) and any(isinstance(item, Tensor) for item in value.known()):
            inputs += value.known()
    return Tensor(None, name, tuple(inputs), arguments, node) if inputs else None


def _keras(self: Interpreter, node: cst.Call, ref: Ref, rest: str, arguments: Arguments) -> tuple[bool, Value | None]:
    """Calls of Keras itself. The first item is False when the call is nothing special."""
    namespace, _, short = rest.rpartition(".")
    if rest == "Input":
        return True, Tensor(None, "", (), arguments, node)
    if rest == "Sequential":
        model = _model(self, node, ref, arguments, "sequential", NEW)
        layers = arguments.find("layers", 0)
        if layers is None:
            known = Items("list") if arguments.lacks("layers", 0) else None
        else:
            known = layers[1] if isinstance(layers[1], Items) else None
            if isinstance(layers[1], Const) and layers[1].value is None:
                known = Items("list")
        _set_layers(self, model, known)
        return True, model
    if rest == "Model":
        return True, _functional(self, node, ref, arguments)
    if rest in {"Model.__init__", "Sequential.__init__", "layers.Layer.__init__"} and arguments.positional:
        receiver = arguments.positional[0][1]
        inner = Arguments(
            arguments.positional[1:], arguments.keywords, arguments.open_positional, arguments.open_keywords
        )
        if isinstance(receiver, Obj):
            _keras_initializer(self, receiver, inner)
        return True, None
    if rest == "models.save_model" and arguments.positional:
        inner = Arguments(arguments.positional[1:], arguments.keywords)
        self.record_event("save", node, arguments.positional[0][1], inner, arguments.positional[0][0])
        return True, None
    if ref.name in _LOADERS:
        return True, _model(self, node, ref, arguments, *_LOADERS[ref.name])
    if namespace == "layers" and short[:1].isupper():
        layer = Obj(
            "layer",
            ref=ref.name,
            original=ref.original,
            arguments=arguments,
            call=node,
            module=self.module,
            statement=self.statement,
            order=self.order,
        )
        self.heap[(layer, "#states")] = NEW
        for keyword, _, value in arguments.keywords:
            if keyword == "vocabulary" and isinstance(value, Unordered):
                self.record_order_use("classes", value, node)
        return True, layer
    if namespace == "applications" and short[:1].isupper():
        return True, _model(self, node, ref, arguments, "application", BUILT)
    return False, None


def _model(self: Interpreter, node: cst.Call, ref: Ref, arguments: Arguments, form: str, states: States) -> Obj:
    model = Obj(
        "model",
        ref=ref.name,
        original=ref.original,
        form=form,
        arguments=arguments,
        call=node,
        module=self.module,
        statement=self.statement,
        order=self.order,
    )
    self.heap[(model, "#states")] = states
    self.models.append(model)
    return model


def _functional(self: Interpreter, node: cst.Call, ref: Ref, arguments: Arguments) -> Obj:
    outputs = arguments.find("outputs", 1) or arguments.find("output")
    if outputs is None:
        return _model(self, node, ref, arguments, "plain", UNSURE)
    model = _model(self, node, ref, arguments, "functional", BUILT)
    _set_graph(self, model, arguments.find("inputs", 0) or arguments.find("input"), outputs)
    return model


def _set_graph(
    self: Interpreter,
    model: Obj,
    inputs: tuple[cst.BaseExpression, Value | None] | None,
    outputs: tuple[cst.BaseExpression, Value | None],
) -> None:
    """Note the ends of a functional model."""
    self.heap[(model, "#outputs")] = self.lasting[(model, "#outputs")] = outputs[1]
    self.heap[(model, "#inputs")] = self.lasting[(model, "#inputs")] = inputs[1] if inputs is not None else None


def _keras_initializer(self: Interpreter, receiver: Obj, arguments: Arguments) -> None:
    """`super().__init__(...)` of a class of the project: with inputs and outputs it is a functional model."""
    own_model_names.note(self, receiver, arguments)
    if receiver.form == "sequential":
        layers = arguments.value("layers", 0)
        _set_layers(self, receiver, layers if isinstance(layers, Items) else Items("list"))
    outputs = arguments.find("outputs", 1)
    if outputs is not None or (len(arguments.positional) >= 2) or arguments.open_positional:
        self.heap[(receiver, "#states")] = BUILT
        self.heap[(receiver, "#functional")] = Const(True)
        if outputs is not None:
            _set_graph(self, receiver, arguments.find("inputs", 0), outputs)


def _set_layers(self: Interpreter, model: Obj, layers: Items | None) -> None:
    self.heap[(model, "#layers")] = self.lasting[(model, "#layers")] = layers
    if layers is not None and layers.exact and not layers.items:
        return
    first = layers.items[0] if layers is not None and layers.items else None
    shape = gives_shape(self, first)
    if shape is None:
        self.heap[(model, "#states")] = UNSURE
    elif shape:
        self.change(model, Flag.VARIABLES)
    for layer in layers.known() if layers is not None else ():
        _note_built_layer(self, model, layer)


def _note_built_layer(self: Interpreter, model: Obj, layer: Value | None) -> None:
    """A layer that was built before it came into a Sequential brings its variables along.

    Its ends are tensors inside of the Sequential as long as it lies in no other.
    """
    if isinstance(layer, Obj) and layer.kind == "layer" and model.cls is None:
        self.heap[(layer, "#stack")] = model if self.heap.get((layer, "#stack"), model) is model else None
    states = self.states(layer) if layer is not None else None
    if states is not None and any(state & (Flag.VARIABLES | Flag.UNSURE) for state in states):
        self.change(model, Flag.CHILDREN)


def gives_shape(self: Interpreter, layer: Value | None) -> bool | None:
    """Whether a Sequential that starts with this layer knows its input shape; None when it cannot be told."""
    if isinstance(layer, Tensor):
        return True if layer.layer is None and not layer.operation else None
    if not isinstance(layer, Obj):
        return None
    given = layer.arguments
    if layer.kind == "model":
        states = self.states(layer)
        if states is None or any(state & Flag.UNSURE for state in states):
            return None
        if not any(state & Flag.VARIABLES for state in states):
            return False
        # measured: a built first model gives the shape from keras 3.5 on
        return True if not self.module.target.bad("<3.5") else None
    if layer.short == "InputLayer":
        return True
    embedding = layer.short == "Embedding"
    for name in keras_api.SHAPE_ARGUMENTS:
        if given.find(name) is not None and not (embedding and name == "input_dim"):
            return None if name == "batch_size" else True
    if given.open_keywords or (layer.ref == "" and layer.cls is None):
        return None
    if embedding:
        if given.lacks("input_length"):
            return False
        # measured: `input_length` gives Keras 2 the shape, Keras 3 ignores it
        target = self.module.target
        return False if target.keras3 else True if target.keras2 else None
    if layer.short in keras_api.WRAPPERS:
        inner = given.value("layer", 0)
        return None if gives_shape(self, inner) is not False else False
    if layer.kind == "layer" and (layer.cls is not None or layer.ref.startswith("keras.layers.")):
        return False
    return None


# ---------------------------------------------------------------------- classes and objects of the project


def _instantiate(self: Interpreter, node: cst.Call, info: ClassInfo, arguments: Arguments) -> Value | None:
    kind = info.keras_kind
    made = Obj(
        "layer" if kind == "layer" else "model" if kind else "instance",
        form="sequential" if kind == "sequential" else "subclass",
        cls=info,
        arguments=arguments,
        call=node,
        module=self.module,
        statement=self.statement,
        order=self.order,
    )
    self.heap[(made, "#states")] = NEW
    if made.kind == "model":
        self.models.append(made)
    if made.form == "sequential":
        self.heap[(made, "#layers")] = Items("list")
    initializer, sure = info.method("__init__")
    if initializer is not None:
        self.invoke(initializer, arguments, made)
        self.dead = False
    else:
        for value in arguments.values():
            if kind is None:
                self.escape(value)
        if kind in {"model", "sequential"}:
            _keras_initializer(self, made, arguments)
        records.fill(self, made, info, arguments)
    if (not sure or any(item is None for item in info.lineage())) and kind is not None:
        self.heap[(made, "#states")] = UNSURE
    return made


def _call_object(self: Interpreter, node: cst.Call, callee: Obj, arguments: Arguments) -> Value | None:
    if callee.kind == "instance":
        function, _ = callee.cls.method("__call__") if callee.cls is not None else (None, True)
        if function is not None:
            return self.invoke(function, arguments, callee)
        for value in arguments.values():
            self.escape(value)
        return None
    if callee.kind == "value":
        if callee.ref + "()" == REGISTERS and arguments.positional:
            self.record_call(Ref(REGISTERS, callee.original), node, arguments)
            return arguments.positional[0][1]
        if callee.ref == records.PARTIAL:
            inner = records.partial(callee, arguments)
            if inner is not None:
                return call(self, node, inner[0], None, inner[1])
        made = records.called(self, node, callee, arguments)
        if made is not None:
            return made
        for value in arguments.values():
            if isinstance(value, (Func, Bound)):
                self.escape(value)
        tensor = _tensor_if_any(callee.ref, node, arguments)
        return tensor or Part(callee, "#call", arguments=arguments)
    self.record_event("__call__", node, callee, arguments)
    self.change(callee, Flag.VARIABLES, Flag.MARKED | Flag.CHILDREN)
    for value in arguments.values():
        if isinstance(value, Obj):
            self.escape(value)
    inputs: list[Value | None] = []
    for value in arguments.values():
        inputs += value.known() if isinstance(value, Items) else [value]
    made = Tensor(callee, "", tuple(inputs), arguments, node, self.order, way=self.way)
    # a layer called twice has no `output` of its own
    self.heap[(callee, "#output")] = None if (callee, "#output") in self.heap else made
    return made


def tensors_of(self: Interpreter, owner: Obj, name: str) -> tuple[Value | None] | None:
    """`model.input`, `layer.output` and the like in a 1-tuple; None when this is no such attribute."""
    if owner.kind == "layer":
        if name in {"input", "output"} and (owner, "#output") in self.heap:
            made = cast("Value | None", self.heap[(owner, "#output")])
            if name == "output" or not isinstance(made, Tensor):
                return (made,)
            return (made.inputs[0] if len(made.inputs) == 1 else None,)
        stack = self.heap.get((owner, "#stack"))
        if name in {"input", "output"} and isinstance(stack, Obj):
            return (_tensor_in_stack(self, stack, owner, name),)
        return None
    if owner.kind != "model":
        return None
    if name == "layers":
        return _layers_attribute(self, owner)
    if name not in {"input", "inputs", "output", "outputs"}:
        return None
    known = (owner, "#" + name.rstrip("s") + "s")
    if known in self.heap:
        ends = cast("Value | None", self.heap[known])
        if isinstance(ends, Tensor):
            return (Items("list", (ends,)) if name.endswith("s") else ends,)
        if isinstance(ends, Items) and ends.exact and len(ends.items) == 1 and not name.endswith("s"):
            return (ends.items[0],)
        return (ends,)
    if owner.form == "subclass":
        return None
    made = inner_tensor(self, owner, "#" + name.rstrip("s"))
    stacked = owner.form == "sequential" and owner.cls is None and isinstance(self.heap.get((owner, "#layers")), Items)
    return (Items("list", (made,), exact=stacked) if name.endswith("s") else made,)


def inner_tensor(self: Interpreter, owner: Obj, operation: str, name: str = "") -> Tensor:
    """A tensor inside a model that is not followed; the same one for the same `operation` and `name`."""
    key = (owner, f"#tensor:{operation}:{name}")
    made = self.heap.get(key) or self.lasting.get(key)
    if not isinstance(made, Tensor):
        made = Tensor(None, operation, (owner,), NO_ARGUMENTS, None)
        self.heap[key] = self.lasting[key] = made
    return made


def _tensor_in_stack(self: Interpreter, stack: Obj, layer: Obj, name: str) -> Tensor | None:
    """The input or output of a layer inside of a Sequential, behind those in front of it."""
    layers = self.heap.get((stack, "#layers"))
    if not isinstance(layers, Items) or not layers.exact or sum(item is layer for item in layers.items) != 1:
        return None
    made = inner_tensor(self, stack, "#input")
    for place, item in enumerate(layers.items):
        if not place and (isinstance(item, Tensor) or (isinstance(item, Obj) and item.short == "InputLayer")):
            continue
        if not isinstance(item, Obj) or (item is layer and name == "input"):
            return made if item is layer else None
        key = (item, "#stacked")
        known = self.lasting.get(key)
        if not isinstance(known, Tensor) or known.inputs != (made,):
            known = Tensor(item, "", (made,), Arguments(((cast(cst.BaseExpression, stack.call), made),)), None)
            self.lasting[key] = known
        made = known
        if item is layer:
            return made
    return None


def _layers_attribute(self: Interpreter, owner: Obj) -> tuple[Value | None] | None:
    """`model.layers` of a Sequential; of a functional model with one output only the last."""
    layers = self.heap.get((owner, "#layers"))
    if isinstance(layers, Items) and layers.exact and None not in layers.items:
        own = [item for item in layers.items if not isinstance(item, Tensor)]
        own = [item for item in own if not (isinstance(item, Obj) and item.short == "InputLayer")]
        return (Items("list", tuple(own)),)
    ends = self.heap.get((owner, "#outputs"))
    if isinstance(ends, Tensor) and isinstance(ends.layer, Obj):
        return (Items("list", (), False, (ends.layer,)),)
    return None


def _get_layer(self: Interpreter, owner: Obj, arguments: Arguments) -> Value | None:
    """`model.get_layer(name)`: the layer when it can be found by its name, else something inside the model."""
    from kerascheck.semantic.layer_graph import layers_in_branches, layers_inside

    name = string(arguments.value("name", 0))
    if name is not None:
        for layers in (layers_inside(self, owner), layers_in_branches(self, owner)):
            found = [item for item in layers if string(item.arguments.value("name")) == name]
            if len(found) == 1:
                return found[0]
    return Part(owner, "#get_layer", name)


# ---------------------------------------------------------------------- methods


def _method(self: Interpreter, node: cst.Call, bound: Bound, arguments: Arguments) -> Value | None:
    receiver = bound.receiver
    if bound.function is not None:
        if isinstance(receiver, Obj) and (
            (bound.name in EVENT_METHODS and receiver.kind == "model") or bound.name == "load_weights"
        ):
            self.record_event("own " + bound.name, node, receiver, arguments)
        if bound.name == "build" and isinstance(receiver, Obj) and receiver.kind in {"model", "layer"}:
            self.record_event("build", node, receiver, arguments)
            build(self, receiver)
            return None
        return self.invoke(bound.function, arguments, receiver)
    if isinstance(receiver, Super):
        return _super_method(self, node, receiver, bound.name, arguments)
    if isinstance(receiver, Class):
        return _class_method(self, node, receiver.info, bound.name, arguments)
    if isinstance(receiver, Obj):
        return _keras_method(self, node, receiver, bound.name, arguments)
    if isinstance(receiver, Unordered):
        return containers.set_method(self, node, receiver, bound.name, arguments)
    if isinstance(receiver, Items):
        return containers.list_method(self, node, receiver, bound.name, arguments)
    if isinstance(receiver, Mapping):
        return containers.dict_method(self, node, receiver, bound.name, arguments)
    if isinstance(receiver, (Const, Text)):
        return texts.text_method(self, node, receiver, bound.name, arguments)
    for value in arguments.values():
        self.escape(value)
    return None


def _super_method(self: Interpreter, node: cst.Call, receiver: Super, name: str, arguments: Arguments) -> Value | None:
    inner = receiver.receiver
    if isinstance(inner, Obj):
        if name == "__init__":
            _keras_initializer(self, inner, arguments)
        elif name == "build" and inner.kind in {"model", "layer"}:
            if inner.kind == "model" and inner.cls is not None and inner.cls.method("build")[0] is None:
                self.record_event("build", node, inner, arguments)  # from another method
            self.change(inner, Flag.MARKED)
        elif name in EVENT_METHODS and inner.kind == "model":
            return _keras_method(self, node, inner, name, arguments)
    return _tensor_if_any(name, node, arguments)


def _class_method(self: Interpreter, node: cst.Call, info: ClassInfo, name: str, arguments: Arguments) -> Value | None:
    kind = info.keras_kind
    if name == "from_config" and kind is not None:
        return _instantiate(self, node, info, Arguments(open_keywords=True))
    if name == "__init__" and arguments.positional and isinstance(arguments.positional[0][1], Obj):
        inner = Arguments(
            arguments.positional[1:], arguments.keywords, arguments.open_positional, arguments.open_keywords
        )
        _keras_initializer(self, arguments.positional[0][1], inner)
    return None


def _keras_method(self: Interpreter, node: cst.Call, receiver: Value, name: str, arguments: Arguments) -> Value | None:
    """A method that Keras gives to a model or layer."""
    one = receiver.options[0] if isinstance(receiver, Choice) else receiver
    if not isinstance(one, Obj):
        return None
    if name == "__call__" and one is receiver:
        return _call_object(self, node, one, arguments)
    if name in EVENT_METHODS:
        self.record_event(name, node, receiver, arguments)
    for value in arguments.values():
        if isinstance(value, (Func, Bound)):
            self.escape(value)
        elif isinstance(value, Items):
            for item in value.known():
                if isinstance(item, (Func, Bound)) or (isinstance(item, Obj) and item.kind == "instance"):
                    self.escape(item)
    if name in RUNNING_METHODS and one.kind == "model":
        trained = Flag.TRAINED if name in TRAINING_METHODS else Flag.NEW
        self.change(receiver, Flag.VARIABLES | trained, Flag.MARKED | Flag.CHILDREN)
        if trained:
            phases.note_training(self, receiver, name)
        for option in options(receiver):
            if isinstance(option, Obj) and option.cls is not None:
                for key in self.heap.attributes(option):
                    self.escape(cast("Value | None", self.heap[key]))  # its parts may be called by it
        return Part(one, "#" + name)
    if name == "build":
        for option in options(receiver):
            if isinstance(option, Obj):
                build(self, option)
    elif name == "call" and one.form == "subclass":
        self.change(receiver, Flag.CHILDREN)
        return _tensor_if_any("call", node, arguments)
    elif name == "compile":
        self.change(receiver, Flag.COMPILED)
        phases.note_compile(self, receiver, node)
    elif name == "load_weights":
        self.change(receiver, Flag.LOADED)
        phases.note_weights(self, receiver)
    elif name == "set_weights":
        phases.note_weights(self, receiver)
    elif name == "add" and one.form == "sequential" and arguments.positional:
        _add_layer(self, receiver, arguments.positional[0][1])
    elif name == "pop" and one.form == "sequential":
        self.heap[(one, "#layers")] = None
    elif name in {"add_weight", "add_variable"}:
        self.heap[(one, "#own")] = Const(True)
    elif name == "get_layer" and one.kind == "model":
        return _get_layer(self, one, arguments)
    return _tensor_if_any(name, node, arguments)


def _add_layer(self: Interpreter, receiver: Value, layer: Value | None) -> None:
    for option in options(receiver):
        if not isinstance(option, Obj):
            continue
        layers = self.heap.get((option, "#layers"))
        if not isinstance(layers, Items):
            continue
        if layers.exact and not layers.items:
            _set_layers(self, option, Items("list", (layer,)))
            continue
        if layers.exact:
            layers = Items("list", (*layers.items, layer))
        else:
            layers = Items("list", layers.items, False, (*layers.tail[-20:], layer))
        self.heap[(option, "#layers")] = self.lasting[(option, "#layers")] = layers
        _note_built_layer(self, option, layer)


def build(self: Interpreter, target: Obj) -> None:
    """An explicit `build(shape)` of a model or layer."""
    if target.cls is None or target.form == "sequential":
        self.change(target, Flag.VARIABLES, Flag.MARKED)
        return
    states = self.heap.get((target, "#states"))
    if isinstance(states, frozenset) and all(state & Flag.VARIABLES for state in states):
        return
    effect = self.build_effect(target.cls)
    if effect is BuildEffect.EFFECTIVE:
        self.change(target, Flag.VARIABLES, Flag.MARKED)
    elif effect is BuildEffect.HOLLOW:
        self.change(target, Flag.MARKED)
    else:
        self.heap[(target, "#states")] = UNSURE


# ---------------------------------------------------------------------- parts of values that are not followed


def part_attribute(self: Interpreter, base: Value, name: str) -> Value | None:
    """An attribute of something that is no object of interest."""
    if isinstance(base, (Items, Mapping, Unordered, Const, Text)):
        if isinstance(base, (Const, Text)) and name == "value":
            return base  # of a member of an enumeration: a constant itself has no such attribute
        if isinstance(base, (Const, Text)) and name in {"parent", "stem", "name"}:
            return Text("", base.suffix) if name == "name" and isinstance(base, Text) else None
        return Bound(base, name)
    if isinstance(base, Part):
        if base.attribute == "#get_layer" and name in {"input", "output"} and isinstance(base.base, Obj):
            return inner_tensor(self, base.base, "#inner", str(base.index) + "." + name)
        return Part(base, name)
    if isinstance(base, Bound) and isinstance(base.receiver, Obj) and base.function is None:
        return Part(base, name)
    return None


def _part_call(self: Interpreter, node: cst.Call, callee: Part, arguments: Arguments) -> Value | None:
    """A method of something that came from outside: `df["x"].unique()`, `parser.add_argument(...)`."""
    root: Value | None = callee.base
    while isinstance(root, Part):
        root = root.base
    name = callee.attribute
    datasets.note_step(self, node, name, callee.base, arguments)
    if name in _MIXES and isinstance(callee.base, Obj) and callee.base.ref in GENERATORS:
        self.record_call(Ref(f"#generator.{name}", callee.base.original), node, arguments, callee.base)
    if isinstance(root, Obj) and root is callee.base and root.ref == GLOBAL_OBJECTS and name in _PUTTING:
        self.record_call(Ref(f"{GLOBAL_OBJECTS}.{name}", root.original), node, arguments)
    for value in arguments.values():
        if isinstance(value, (Func, Bound)) or (isinstance(value, (Obj, Items)) and not _known_quiet(root)):
            self.escape(value)
        if name in {"write", "writelines"} and isinstance(value, (Unordered, Part)):
            source = value.base if isinstance(value, Part) and value.attribute == "#joined" else value
            if isinstance(source, Unordered) and not source.difference:
                self.record_order_use("saved", source, node)
    if isinstance(root, Obj) and root.ref == "argparse.ArgumentParser":
        return commandline.argument_parser(self, node, root, name, arguments)
    tensor = _tensor_if_any(name, node, arguments)
    return tensor or Part(callee, "#call", arguments=arguments)


def _initializer_run(self: Interpreter, node: cst.Call, receiver: Value | None, arguments: Arguments) -> None:
    """`session.run(initializer)` or `initializer.run()`: an event "initialize" for each model loaded before.

    Its only argument is what `run` is a method of.
    """
    given = [receiver, *(value for _, value in arguments.positional[:1])]
    flat = [item for value in given for item in (value.known() if isinstance(value, Items) else (value,))]
    if not any(isinstance(item, Obj) and item.ref.rpartition(".")[2] in _INITIALIZERS for item in flat):
        return
    session = Arguments(((node.func, receiver),))
    for (owner, slot), states in list(self.heap.items()):
        if (
            slot != "#states"
            or not isinstance(owner, Obj)
            or owner.kind != "model"
            or not isinstance(states, frozenset)
        ):
            continue
        if owner.ref == "keras.models.load_model" or any(state & Flag.LOADED for state in states):
            self.record_event("initialize", node, owner, session)


def _known_quiet(root: Value | None) -> bool:
    return isinstance(root, Obj) and (
        (root.ref.partition(".")[0] in _QUIET_ROOTS and not root.ref.startswith(_RISKY))
        or root.ref == "tensorflow.GradientTape"
    )
