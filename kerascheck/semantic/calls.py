"""What calls do: objects they make, states they change, strings and sequences they give."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

import libcst as cst

from kerascheck.semantic import keras_api
from kerascheck.semantic.classes import BuildEffect, ClassInfo
from kerascheck.semantic.events import BUILT, NEW, UNSURE, Flag, States
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
    Super,
    Tensor,
    Text,
    Unordered,
    Value,
    concat,
    join,
    number,
    options,
    string,
    text_of,
)
from kerascheck.semantic.walk import walk

if TYPE_CHECKING:
    from kerascheck.semantic.interpreter import Interpreter

Maybe = "Value | None"

TRAINING_METHODS = frozenset({"fit", "fit_generator", "train_on_batch"})
RUNNING_METHODS = TRAINING_METHODS | frozenset(
    """evaluate evaluate_generator predict predict_generator test_on_batch predict_on_batch predict_classes
    predict_proba predict_step test_step train_step""".split()
)
GRAPH_ATTRIBUTES = frozenset({"input", "inputs", "output", "outputs", "layers"})
EVENT_METHODS = RUNNING_METHODS | frozenset(
    "load_weights save_weights save to_json compile build call summary add apply_gradients adapt".split()
)
TRANSPARENT_DECORATORS = frozenset(
    """tensorflow.function staticmethod classmethod property builtins.staticmethod builtins.classmethod
    builtins.property functools.wraps functools.lru_cache functools.cache functools.cached_property
    tensorflow.autograph.experimental.do_not_convert abc.abstractmethod typing.override
    keras.utils.register_keras_serializable numba.jit numba.njit torch.no_grad""".split()
)
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
_NAMESPACES = frozenset({"layers", "models", "losses", "metrics", "optimizers", "callbacks", "applications", "utils"})
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
_INITIALIZERS = frozenset({"global_variables_initializer", "initialize_all_variables"})
_CLASS_LISTS = frozenset({"classes", "class_names", "vocabulary", "categories"})
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
    return ""


def call(
    self: Interpreter, node: cst.Call, callee: Value | None, receiver: Value | None, arguments: Arguments
) -> Value | None:
    """The value of a call and its effects."""
    _note_set_arguments(self, node, arguments)
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
    return _tensor_if_any("?." + name, node, arguments)  # what is called is not known


def _call_choice(
    self: Interpreter, node: cst.Call, callee: Choice, receiver: Value | None, arguments: Arguments
) -> Value | None:
    bound = [option for option in callee.options if isinstance(option, Bound)]
    if len(bound) == len(callee.options) and all(
        item.function is None and isinstance(item.receiver, Obj) for item in bound
    ):
        whole = Choice(frozenset(item.receiver for item in bound))
        return _keras_method(self, node, whole, bound[0].name, arguments)
    result: Value | None = None
    before = self.heap
    heaps = []
    for index, option in enumerate(callee.options):
        self.heap = before.fork()
        value = call(self, node, option, receiver, arguments)
        result = value if index == 0 else join(result, value)
        heaps.append((self.frame.names, self.heap))
    self._merge(heaps)
    return result


# ---------------------------------------------------------------------- things imported from outside


def _external(self: Interpreter, node: cst.Call, ref: Ref, arguments: Arguments) -> Value | None:
    self.record_call(ref, node, arguments)
    name = ref.name
    root, _, rest = name.partition(".")
    if root == "builtins":
        done, value = _builtin(self, node, rest, arguments)
        if done:
            return value
    elif root == "keras":
        done, value = _keras(self, node, ref, rest, arguments)
        if done:
            return value
    elif name in _LOADERS:
        return _model(self, node, ref, arguments, *_LOADERS[name])
    if name in _PLAIN_PATH or name == "os.path.join" or name.endswith("Path"):
        return _path(name, arguments)
    if name in _ARRAY and arguments.positional and isinstance(arguments.positional[0][1], Unordered):
        source = arguments.positional[0][1]
        return source.ordered_at(node, arguments.positional[0][0], self.statement)
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
            for item in _inside(value):
                if isinstance(item, Unordered) and item.sequence:  # a set that is saved as a set has no order
                    self.record_order_use("saved", item, node)
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


def _inside(value: Value | None) -> tuple[Value | None, ...]:
    """A value and what a dictionary, list or tuple of it holds."""
    if isinstance(value, Mapping):
        return tuple(item for _, item in value.entries)
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
    found = False
    for value in arguments.values():
        if isinstance(value, Tensor):
            found = True
            inputs.append(value)
        elif isinstance(value, Items) and any(isinstance(item, Tensor) for item in value.known()):
            found = True
            inputs += value.known()
    return Tensor(None, name, tuple(inputs), arguments, node) if found else None


def _keras(
    self: Interpreter, node: cst.Call, ref: Ref, rest: str, arguments: Arguments
) -> tuple[bool, Value | None]:
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


def _model(
    self: Interpreter, node: cst.Call, ref: Ref, arguments: Arguments, form: str, states: States
) -> Obj:
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
    if receiver.form == "sequential":
        layers = arguments.value("layers", 0)
        _set_layers(self, receiver, layers if isinstance(layers, Items) else Items("list"))
    outputs = arguments.find("outputs", 1)
    if outputs is not None or (len(arguments.positional) >= 2) or arguments.open_positional:
        self.heap[(receiver, "#states")] = BUILT
        self.heap[(receiver, "#functional")] = Const(True)
        if outputs is not None:
            _set_graph(self, receiver, arguments.find("inputs", 0), outputs)
    elif arguments.open_keywords and not arguments.keywords:
        return


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
    """A layer that was built before it came into a Sequential brings its variables along."""
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
        _dataclass_fields(self, made, info, arguments)
    if (not sure or any(item is None for item in info.lineage())) and kind is not None:
        self.heap[(made, "#states")] = UNSURE
    return made


def _dataclass_fields(self: Interpreter, made: Obj, info: ClassInfo, arguments: Arguments) -> None:
    for keyword, _, value in arguments.keywords:
        if keyword in info.frame.names:
            self.heap[(made, keyword)] = value


def _call_object(self: Interpreter, node: cst.Call, callee: Obj, arguments: Arguments) -> Value | None:
    if callee.kind == "instance":
        function, _ = callee.cls.method("__call__") if callee.cls is not None else (None, True)
        if function is not None:
            return self.invoke(function, arguments, callee)
        for value in arguments.values():
            self.escape(value)
        return None
    if callee.kind == "value":
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
    made = Tensor(callee, "", tuple(inputs), arguments, node, self.order)
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
    return (Items("list", (made,), exact=False) if name.endswith("s") else made,)


def inner_tensor(self: Interpreter, owner: Obj, operation: str, name: str = "") -> Tensor:
    """A tensor inside a model that is not followed; the same one for the same `operation` and `name`."""
    key = (owner, f"#tensor:{operation}:{name}")
    made = self.heap.get(key) or self.lasting.get(key)
    if not isinstance(made, Tensor):
        made = Tensor(None, operation, (owner,), NO_ARGUMENTS, None)
        self.heap[key] = self.lasting[key] = made
    return made


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
    from kerascheck.semantic.layer_graph import layers_inside

    name = string(arguments.value("name", 0))
    layers = layers_inside(self, owner)
    if name is not None:
        found = [item for item in layers if string(item.arguments.value("name")) == name]
        if len(found) == 1:
            return found[0]
    return Part(owner, "#get_layer", name)


# ---------------------------------------------------------------------- methods


def _method(self: Interpreter, node: cst.Call, bound: Bound, arguments: Arguments) -> Value | None:
    receiver = bound.receiver
    if bound.function is not None:
        if bound.name in EVENT_METHODS and isinstance(receiver, Obj) and receiver.kind == "model":
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
        return _set_method(self, node, receiver, bound.name, arguments)
    if isinstance(receiver, Items):
        return _list_method(self, node, receiver, bound.name, arguments)
    if isinstance(receiver, Mapping):
        return _dict_method(self, node, receiver, bound.name, arguments)
    if isinstance(receiver, (Const, Text)):
        return _text_method(self, node, receiver, bound.name, arguments)
    for value in arguments.values():
        self.escape(value)
    return None


def _super_method(
    self: Interpreter, node: cst.Call, receiver: Super, name: str, arguments: Arguments
) -> Value | None:
    inner = receiver.receiver
    if isinstance(inner, Obj):
        if name == "__init__":
            _keras_initializer(self, inner, arguments)
        elif name == "build" and inner.kind in {"model", "layer"}:
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


def _keras_method(
    self: Interpreter, node: cst.Call, receiver: Value, name: str, arguments: Arguments
) -> Value | None:
    """A method that Keras gives to a model or layer."""
    one = next(iter(receiver.options)) if isinstance(receiver, Choice) else receiver
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
    elif name == "load_weights":
        self.change(receiver, Flag.LOADED)
    elif name == "add" and one.form == "sequential" and arguments.positional:
        _add_layer(self, receiver, arguments.positional[0][1])
    elif name == "pop" and one.form == "sequential":
        self.heap[(one, "#layers")] = None
    elif name in {"add_weight", "add_variable"}:
        self.heap[(one, "#own")] = Const(True)
    elif name == "summary" and self.module.target.bad("<3.7"):
        pass
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


# ---------------------------------------------------------------------- built-in types and functions


def _builtin(
    self: Interpreter, node: cst.Call, name: str, arguments: Arguments
) -> tuple[bool, Value | None]:
    first = arguments.positional[0][1] if arguments.positional else None
    if name in {"set", "frozenset"}:
        return True, _make_set(self, node, first)
    if name in {"list", "tuple"}:
        if isinstance(first, Unordered):
            return True, first.ordered_at(node, arguments.positional[0][0], self.statement)
        if isinstance(first, Items):
            return True, Items(name, first.items, first.exact, first.tail, first.element)
        if not arguments.positional:
            return True, Items(name)
        return True, Part(first, "#list") if isinstance(first, (Obj, Part)) else None
    if name == "dict":
        if (
            isinstance(first, Part)
            and isinstance(first.base, Unordered)
            and first.attribute in {"#enumerate", "#zip", "#pairs"}
        ):
            self.record_order_use("index", first.base, node)
        entries = tuple((keyword, value) for keyword, _, value in arguments.keywords)
        return True, Mapping(entries, not arguments.positional and not arguments.open_keywords)
    if name in {"enumerate", "zip", "reversed", "map", "filter"}:
        sets = [
            value.ordered_at(place, place, self.statement)
            for place, value in arguments.positional
            if isinstance(value, Unordered)
        ]
        for value in arguments.values():
            if isinstance(value, (Func, Bound)) or name in {"map", "filter"}:
                self.escape(value)
        if sets and name == "enumerate":
            return True, Part(sets[0], "#enumerate")
        if sets and name == "zip":
            return True, Part(sets[0], "#zip") if _counts(arguments) else None
        if name == "zip" and arguments.positional and not arguments.open_positional:
            return True, _zipped(tuple(value for _, value in arguments.positional))
        if sets:
            return True, sets[0]
        if name == "enumerate" and isinstance(first, Items):
            if first.exact and len(first.items) <= 12:
                pairs = tuple(Items("tuple", (Const(index), item)) for index, item in enumerate(first.items))
                return True, Items("list", pairs)
            return True, Items("list", (), False, (), Items("tuple", (None, self.element(first))))
        if name == "reversed" and isinstance(first, Items) and first.exact:
            return True, Items("list", tuple(reversed(first.items)))
        return name != "map", None
    if name == "range":
        numbers = [number(value) for _, value in arguments.positional]
        if 0 < len(numbers) <= 3 and all(isinstance(item, int) and abs(item) < 10**9 for item in numbers):
            steps = range(*cast("list[int]", numbers)) if 0 not in numbers[2:] else range(0)
            if 0 < len(steps) <= 12:
                return True, Items("list", tuple(Const(item) for item in steps))
        return False, None
    if name == "sorted" and isinstance(first, Items):
        return True, Items("list", (), False, (), self.element(first))
    if name == "len" and isinstance(first, Items) and first.exact:
        return True, Const(len(first.items))
    if name == "len" and isinstance(first, Mapping) and first.exact:
        return True, Const(len(first.entries))
    if name == "vars" and isinstance(first, Obj):
        return True, first
    if name == "getattr":
        attribute = string(arguments.value("", 1))
        return True, self.attribute(first, attribute) if attribute is not None else None
    if name == "setattr":
        attribute = string(arguments.value("", 1))
        if len(arguments.positional) == 3:
            if attribute is not None:
                self.set_attribute(first, attribute, arguments.positional[2][1])
            else:
                self.escape(arguments.positional[2][1])
        return True, None
    if name == "super":
        return True, None
    return False, None


def _zipped(sequences: tuple[Value | None, ...]) -> Value | None:
    """The pairs of short sequences whose items are all known."""
    rows = []
    for sequence in sequences:
        if not isinstance(sequence, Items) or not sequence.exact or len(sequence.items) > 12:
            return None
        rows.append(sequence.items)
    return Items("list", tuple(Items("tuple", pair) for pair in zip(*rows)))


def _counts(arguments: Arguments) -> bool:
    """Whether `zip(...)` pairs a set with numbers or array rows: one argument is a range or a count."""
    for value in arguments.values():
        if isinstance(value, Obj) and value.ref in {"builtins.range", "itertools.count", "numpy.arange"}:
            return True
        if isinstance(value, Items) and value.items and all(number(item) is not None for item in value.items):
            return True
        if isinstance(value, (Obj, Part)):
            root: Value = value
            while isinstance(root, Part):
                root = root.base
            if isinstance(root, Obj) and root.ref in {"numpy.eye", "numpy.identity", "keras.utils.to_categorical"}:
                return True
    return False


def _make_set(self: Interpreter, node: cst.Call, source: Value | None) -> Value:
    if isinstance(source, Unordered):
        return Unordered(node, source.element, self.statement)
    element: Value | None = None
    if isinstance(source, Items):
        known = list(source.known())
        element = known[0] if known else None
        for value in known[1:]:
            element = element if same_kind(element, value) else None
    elif (isinstance(source, Const) and isinstance(source.value, str)) or isinstance(source, Text):
        element = Const("")
    elif isinstance(source, (Obj, Part)):
        element = Part(source, "#element")
    return self.unordered(node, element)


def same_kind(one: Value | None, other: Value | None) -> bool:
    """Whether two elements of a set are of one plain type."""
    kind = element_kind(one)
    if kind is not None and kind == element_kind(other):
        return True
    return (isinstance(one, Const) and isinstance(other, Const) and one.kind == other.kind) or one == other


def element_kind(value: Value | None) -> str | None:
    """ "str" or "int" (any number) when the elements of a set are surely that; else None."""
    if isinstance(value, Const):
        return "str" if isinstance(value.value, (str, bytes)) else "int" if value.value is not None else None
    if isinstance(value, Text):
        return "str"
    if isinstance(value, Items):
        kinds = {element_kind(item) for item in value.known()}
        return "str" if "str" in kinds else "int" if kinds == {"int"} else None
    if isinstance(value, (Part, Obj)):
        return _chain_kind(value)
    return None


_NUMBER_TYPES = frozenset("int int8 int16 int32 int64 uint8 uint16 float float32 float64 bool i4 i8 f4 f8".split())
_NUMBER_CALLS = frozenset(
    """builtins.int builtins.float builtins.len builtins.range builtins.round builtins.abs builtins.ord builtins.hash
    builtins.id numpy.arange numpy.argmax numpy.random.randint numpy.bincount random.randint numpy.zeros numpy.ones
    numpy.digitize numpy.floor numpy.round numpy.rint builtins.sum builtins.bool random.sample
    random.randrange""".split()
)
_TEXT_CALLS = frozenset(
    """builtins.str builtins.input os.listdir glob.glob os.path.basename os.path.join os.path.splitext
    os.path.dirname os.environ.get builtins.chr builtins.repr""".split()
)
_TEXT_METHODS = frozenset(
    """split lower upper strip rstrip lstrip read readline readlines splitlines title capitalize join replace decode
    format""".split()
)


def _chain_kind(value: Value) -> str | None:
    """Follow a chain of attributes, items and calls to something that fixes the type of its elements."""
    current: Value = value
    for _ in range(12):
        if isinstance(current, Part):
            if current.attribute == "#call" and isinstance(current.base, Part):
                method = current.base.attribute
                if method in _TEXT_METHODS:
                    return "str"
                if method == "astype" and current.arguments is not None:
                    return _type_kind(current.arguments.value("dtype", 0))
                if method in {"argmax", "nunique", "count", "index"}:
                    return "int"
            elif current.attribute in {"name", "stem", "suffix"} and isinstance(current.base, Obj):
                if current.base.ref.startswith("pathlib"):
                    return "str"
            elif current.attribute == "codes":
                return "int"
            current = current.base
            continue
        if isinstance(current, Obj):
            name = current.ref
            if name in _NUMBER_CALLS:
                return "int"
            if name in _TEXT_CALLS:
                return "str"
            parts = name.split(".")
            if parts[-1] == "load_data" and parts[0] == "keras" and parts[-2] in keras_api.INTEGER_LABEL_DATASETS:
                return "int"
            if name in {"numpy.array", "numpy.asarray", "numpy.concatenate", "builtins.list", "builtins.map"}:
                dtype = _type_kind(current.arguments.value("dtype", 1)) if name != "builtins.map" else None
                if name == "builtins.map":
                    dtype = _type_kind(current.arguments.value("", 0))
                if dtype is not None:
                    return dtype
                first = current.arguments.value("", 0)
                return element_kind(first) if first is not None else None
            if name.startswith("sklearn.datasets.load_"):
                return "int"
            return None
        if isinstance(current, Unordered):
            return element_kind(current.element)
        return element_kind(current) if isinstance(current, (Const, Text, Items)) else None
    return None


def _type_kind(value: Value | None) -> str | None:
    name = string(value) or (value.name.rpartition(".")[2] if isinstance(value, Ref) else "")
    if name in _NUMBER_TYPES:
        return "int"
    return "str" if name in {"str", "U", "object_", "str_"} else None


def _set_method(
    self: Interpreter, node: cst.Call, receiver: Unordered, name: str, arguments: Arguments
) -> Value | None:
    if name == "index" and receiver.sequence:
        self.record_order_use("index", receiver, node)
        return None
    if name == "sort":
        rebind(self, node, None)
        return None
    if name in {"add", "append", "update", "extend", "insert", "remove", "discard"}:
        if receiver.element is None and arguments.positional and name in {"add", "append"}:
            receiver.element = arguments.positional[-1][1]
        elif name in {"update", "extend"} and receiver.element is None and arguments.positional:
            receiver.element = (
                Part(cast(Value, arguments.positional[0][1]), "#element")
                if isinstance(arguments.positional[0][1], (Obj, Part))
                else None
            )
        return None
    if name in {"union", "intersection", "difference", "symmetric_difference", "copy"}:
        return receiver if receiver.sequence else Unordered(node, receiver.element, self.statement)
    return None


def rebind(self: Interpreter, node: cst.Call, value: Value | None) -> None:
    """After a method that changes its receiver in place: the name or attribute that holds it has a new value."""
    if isinstance(node.func, cst.Attribute) and isinstance(node.func.value, (cst.Name, cst.Attribute)):
        self.bind(node.func.value, value)


def _list_method(self: Interpreter, node: cst.Call, receiver: Items, name: str, arguments: Arguments) -> Value | None:
    first = arguments.positional[0][1] if arguments.positional else None
    if name == "append" and receiver.kind == "list":
        if self.loop and not receiver.items and not receiver.tail and len(arguments.positional) == 1:
            element = first if receiver.exact and receiver.element is None else join(receiver.element, first)
            rebind(
                self,
                node,
                Items("list", (*receiver.items, first)) if receiver.exact else Items("list", (), False, (), element),
            )
        elif receiver.exact and len(receiver.items) < 64:
            rebind(self, node, Items("list", (*receiver.items, first)))
        else:
            rebind(self, node, Items("list", receiver.items, False, (*receiver.tail[-8:], first), receiver.element))
    elif name == "extend":
        if isinstance(first, Items) and first.exact and receiver.exact:
            rebind(self, node, Items("list", receiver.items + first.items))
        elif isinstance(first, Unordered) and receiver.exact and not receiver.items:
            rebind(self, node, first.ordered_at(arguments.positional[0][0], arguments.positional[0][0], self.statement))
        else:
            rebind(
                self,
                node,
                Items("list", receiver.items, False, first.items if isinstance(first, Items) and first.exact else ()),
            )
    elif name in {"sort", "reverse", "insert", "pop", "remove", "clear"} and (receiver.items or receiver.tail):
        rebind(self, node, Items(receiver.kind, (), False, (), None) if name != "clear" else Items("list"))
    return None


def _dict_method(self: Interpreter, node: cst.Call, receiver: Mapping, name: str, arguments: Arguments) -> Value | None:
    first = arguments.positional[0][1] if arguments.positional else None
    if name == "get" and isinstance(first, Const):
        found = receiver.get(first.value)
        return found if found is not None else arguments.value("default", 1) if receiver.exact else None
    if name in {"values", "items", "keys"} and receiver.exact:
        if name == "values":
            return Items("list", tuple(value for _, value in receiver.entries))
        if name == "keys":
            return Items("list", tuple(Const(key) for key, _ in receiver.entries))
        return Items("list", tuple(Items("tuple", (Const(key), value)) for key, value in receiver.entries))
    if name in {"update", "pop", "setdefault", "clear"}:
        entries = dict(receiver.entries)
        if name == "update" and isinstance(first, Mapping) and first.exact:
            entries.update(first.entries)
            rebind(self, node, Mapping(tuple(entries.items()), receiver.exact))
        else:
            rebind(self, node, Mapping((), False))
    return None


def _text_method(
    self: Interpreter, node: cst.Call, receiver: Const | Text, name: str, arguments: Arguments
) -> Value | None:
    first = arguments.positional[0][1] if arguments.positional else None
    if name == "join" and isinstance(first, Unordered):
        return Part(first, "#joined")
    if name == "format" and isinstance(receiver, Const) and isinstance(receiver.value, str):
        return _format(receiver.value, arguments)
    if name in {"lower", "upper", "strip"} and isinstance(receiver, Const) and isinstance(receiver.value, str):
        return Const(getattr(receiver.value, name)()) if not arguments.positional else None
    if name in {"with_suffix", "with_name"}:
        text = string(first)
        return Text("", text) if text else None
    if name == "joinpath":
        result: Value | None = receiver
        for _, value in arguments.positional:
            result = path_join(result, value)
        return result
    if name in {"resolve", "absolute", "expanduser", "as_posix", "__str__"}:
        return receiver
    if name == "split":
        return Items("list", (), False, (), Const(""))
    return None


_SPECIAL_FIELD = re.compile(r"\{[^{}]*[:.\[!{]")


def _format(template: str, arguments: Arguments) -> Value | None:
    """`"...{}...".format(...)`: the fixed beginning and end, or all of it when every value is known."""
    opening, closing = template.find("{"), template.rfind("}")
    if opening < 0 or closing < opening or "{{" in template or "}}" in template:
        return Const(template) if opening < 0 else None
    # a field with a width could ask for any amount of memory
    plain = _SPECIAL_FIELD.search(template) is None
    if plain and not arguments.open_positional and not arguments.open_keywords:
        positional = [as_text(value) for _, value in arguments.positional]
        keywords = {name: as_text(value) for name, _, value in arguments.keywords}
        if all(isinstance(item, Const) for item in [*positional, *keywords.values()]):
            try:
                return Const(
                    template.format(
                        *[cast(Const, item).value for item in positional],
                        **{name: cast(Const, item).value for name, item in keywords.items()},
                    )
                )
            except (ValueError, IndexError, KeyError, AttributeError, TypeError):
                pass
    return Text(template[:opening], template[closing + 1 :])


def percent_format(left: Value | None, right: Value | None) -> Value | None:
    """`"..." % ...`: the fixed beginning and end."""
    template = string(left)
    if template is None or "%" not in template:
        return None
    start = template.index("%")
    tail = template[template.rindex("%") + 1 :]
    for index, character in enumerate(tail):
        if character.isalpha():
            return Text(template[:start], tail[index + 1 :])
    return Text(template[:start], "")


def as_text(value: Value | None) -> Const | Text | None:
    """What `str(value)` gives, as far as it is known."""
    if isinstance(value, Const) and isinstance(value.value, (int, float)):
        return Const(str(value.value))
    return text_of(value)


def plain_text(value: Value | None) -> Value | None:
    """The value when it is a string."""
    return text_of(value)


def path_join(left: Value | None, right: Value | None) -> Value | None:
    """`path / name`, with `left` a pathlib path or unknown: only a known end counts."""
    one, other = text_of(left), text_of(right)
    if other is None or number(left) is not None:
        return None
    if one is None:
        if left is not None and not isinstance(left, (Part, Obj)):
            return None
        return Text("", f"/{other.value!s}") if isinstance(other, Const) else Text("", other.suffix)
    return concat(concat(one, Const("/")), other)


def _path(name: str, arguments: Arguments) -> Value | None:
    values = [value for _, value in arguments.positional]
    if arguments.open_positional or not values:
        return None
    if name == "builtins.str":
        return as_text(values[0]) or (values[0] if isinstance(values[0], (Obj, Part)) else None)
    result: Value | None = text_of(values[0])
    for value in values[1:]:
        text = text_of(value)
        if text is None:
            result = Text(_prefix(result), "")
        else:
            result = concat(concat(result, Const("/")), text)
    return result


def _prefix(value: Value | None) -> str:
    return value.prefix if isinstance(value, Text) else string(value) or ""


# ---------------------------------------------------------------------- parts of values that are not followed


def part_attribute(self: Interpreter, base: Value, name: str) -> Value | None:
    """An attribute of something that is no object of interest."""
    if isinstance(base, (Items, Mapping, Unordered, Const, Text)):
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
    for value in arguments.values():
        if isinstance(value, (Func, Bound)) or (isinstance(value, (Obj, Items)) and not _known_quiet(root)):
            self.escape(value)
        if name in {"write", "writelines"} and isinstance(value, (Unordered, Part)):
            source = value.base if isinstance(value, Part) and value.attribute == "#joined" else value
            if isinstance(source, Unordered):
                self.record_order_use("saved", source, node)
    if isinstance(root, Obj) and root.ref == "argparse.ArgumentParser":
        return _argparse(self, node, root, name, arguments)
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


def _argparse(self: Interpreter, node: cst.Call, parser: Obj, name: str, arguments: Arguments) -> Value | None:
    if name == "add_argument":
        flags = [string(value) for _, value in arguments.positional]
        long = [flag for flag in flags if flag and flag.startswith("--")] or [flag for flag in flags if flag]
        destination = string(arguments.value("dest")) or (long[0].lstrip("-").replace("-", "_") if long else None)
        if destination is not None:
            default = arguments.value("default")
            self.heap[(parser, "#arg:" + destination)] = default
        return None
    if name in {"parse_args", "parse_known_args"}:
        made = Obj(
            "value",
            ref="argparse.ArgumentParser.parse_args",
            arguments=Arguments(((cast(cst.BaseExpression, node), parser),)),
            call=node,
        )
        return made if name == "parse_args" else Items("tuple", (made, None))
    if name == "set_defaults":
        for keyword, _, value in arguments.keywords:
            self.heap[(parser, "#arg:" + keyword)] = value
        return None
    return Part(parser, "#group")


def argparse_value(self: Interpreter, namespace: Obj, name: str) -> Value | None:
    """The default of a command line argument."""
    parser = namespace.arguments.positional[0][1] if namespace.arguments.positional else None
    found = self.heap.get((parser, "#arg:" + name))
    value = cast("Value | None", found)
    return value if isinstance(value, (Const, Text)) and value != Const(None) else None


# ---------------------------------------------------------------------- where the order of a set goes


def _note_set_arguments(self: Interpreter, node: cst.Call, arguments: Arguments) -> None:
    for keyword, _, value in arguments.keywords:
        if keyword in _CLASS_LISTS:
            source = value.items[0] if isinstance(value, Items) and value.items else value
            if isinstance(source, Unordered):
                self.record_order_use("classes", source, node)


def note_dict_comprehension(self: Interpreter, node: cst.DictComp, iterable: Value | None) -> None:
    """`{c: i for i, c in enumerate(s)}` and `{c: l.index(c) for c in l}`."""
    if not isinstance(iterable, Part) or not isinstance(iterable.base, Unordered):
        return
    if iterable.attribute in {"#enumerate", "#zip"}:
        self.record_order_use("index", iterable.base, node)


def note_list_comprehension(self: Interpreter, node: cst.ListComp | cst.GeneratorExp, iterable: Value | None) -> None:
    """`[float(name == one) for one in s]`: one column for each element."""
    if not isinstance(iterable, Unordered):
        return
    value = node.elt
    if isinstance(value, cst.Call) and isinstance(value.func, cst.Name) and len(value.args) == 1:
        value = value.args[0].value if value.func.value in {"float", "int"} else value
    if isinstance(value, cst.IfExp):
        value = value.test
    if isinstance(value, cst.Comparison) and isinstance(value.comparisons[0].operator, cst.Equal):
        sides = {getattr(side, "value", None) for side in (value.left, value.comparisons[0].comparator)}
        if sides & set(_target_names(node.for_in.target)):
            place = node.for_in.iter
            self.record_order_use("index", iterable.ordered_at(place, place, self.statement), node)


def note_iteration(self: Interpreter, node: cst.For | cst.CompFor, iterable: Value | None) -> None:
    """A loop over a set or its enumeration: what its body does with the positions."""
    numbered = isinstance(iterable, Part) and iterable.attribute in {"#enumerate", "#zip"}
    source = iterable.base if isinstance(iterable, Part) and numbered else iterable
    if not isinstance(source, Unordered) or not isinstance(node, cst.For):
        return
    names = _target_names(node.target)
    finder = _IndexUse(names, bool(numbered))
    finder.look(node.body)
    if finder.found is not None:
        self.record_order_use("index", source.ordered_at(node.iter, node.iter, self.statement), finder.found)


def note_item_assignment(self: Interpreter, target: cst.Subscript, key: Value | None, value: Value | None) -> None:
    """Kept for symmetry with loops: single assignments of items carry no order."""


def note_subscript(self: Interpreter, node: cst.Subscript, base: Value | None, key: Value | None) -> None:
    """`classes[np.argmax(p)]`: a position is turned back into a label."""
    if isinstance(base, Unordered) and base.sequence:
        current = key
        while isinstance(current, Part):
            if current.attribute == "argmax":
                self.record_order_use("classes", base, node)
                return
            current = current.base
        if isinstance(current, Obj) and current.ref.endswith("argmax"):
            self.record_order_use("classes", base, node)
    elif isinstance(base, Part) and isinstance(base.base, Unordered):
        return


def _target_names(target: cst.BaseExpression) -> list[str]:
    if isinstance(target, cst.Name):
        return [target.value]
    if isinstance(target, (cst.Tuple, cst.List)):
        return [name for element in target.elements for name in _target_names(element.value)]
    return []


class _IndexUse:
    """Finds where a loop body turns the position of an element into a number that stays.

    With enumeration: `d[c] = i`, `d[i] = c`, `y.append(i)`, `y[mask] = i`, `{c: i}`. Without: `d[c] = len(d)`,
    `d[c] = n`
    with `n += 1` in the same loop.
    """

    def __init__(self, names: list[str], numbered: bool) -> None:
        self.names = names
        self.numbered = numbered
        self.found: cst.CSTNode | None = None
        self.counters: set[str] = set()
        self.candidates: list[tuple[str, cst.CSTNode]] = []

    def look(self, body: cst.CSTNode) -> None:
        for node in walk(body):
            if isinstance(node, cst.AugAssign):
                self._augmented(node)
            elif isinstance(node, cst.Assign):
                self._assign(node)
            elif isinstance(node, cst.Call):
                self._call(node)
            elif isinstance(node, cst.DictElement):
                self._element(node)

    def _augmented(self, node: cst.AugAssign) -> None:
        if isinstance(node.target, cst.Name):
            self.counters.add(node.target.value)
            for name, place in self.candidates:
                if name == node.target.value:
                    self.found = self.found or place

    def _assign(self, node: cst.Assign) -> None:
        target = node.targets[0].target
        if not isinstance(target, cst.Subscript):
            return
        keys = {
            item.value for element in target.slice for item in walk(element) if isinstance(item, cst.Name)
        }
        value = node.value
        if self.numbered and self.names:
            index = self.names[0]
            if (isinstance(value, cst.Name) and value.value == index) or (
                index in keys and isinstance(value, cst.Name) and value.value in self.names[1:]
            ):
                self.found = self.found or node
        elif keys & set(self.names):
            if isinstance(value, cst.Call) and isinstance(value.func, cst.Name) and value.func.value == "len":
                self.found = self.found or node
            elif isinstance(value, cst.Name) and value.value not in self.names:
                if value.value in self.counters:
                    self.found = self.found or node
                self.candidates.append((value.value, node))

    def _call(self, node: cst.Call) -> None:
        if not self.numbered or not self.names or not isinstance(node.func, cst.Attribute):
            return
        if node.func.attr.value == "append" and len(node.args) == 1:
            value = node.args[0].value
            if isinstance(value, cst.Name) and value.value == self.names[0]:
                self.found = self.found or node

    def _element(self, node: cst.DictElement) -> None:
        if self.numbered and self.names:
            pair = {getattr(node.key, "value", None), getattr(node.value, "value", None)}
            if self.names[0] in pair and pair & set(self.names[1:]):
                self.found = self.found or node
