"""The part of a program that makes a model, as source text that can be run without the program.

Models are written anew from what the semantic core knows of them; classes and functions of the project are cut out with
the imports, constants and helpers that they use. Data, files, plots and training are left out. A size that cannot be
told is replaced by a stand-in where any size will do, and the verdict says so.
"""

from __future__ import annotations

import contextlib
import re
import textwrap
from collections.abc import Iterator
from collections.abc import Mapping as Mapping_
from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.confirm.arguments import KINDS, LAYERS, SIZE, STAND_INS, usual
from kerascheck.semantic.classes import ClassInfo
from kerascheck.semantic.events import CallFact
from kerascheck.semantic.module import Module
from kerascheck.semantic.values import (
    Arguments,
    Choice,
    Class,
    Const,
    Func,
    Items,
    Mapping,
    ModuleValue,
    Obj,
    Ref,
    Tensor,
    Value,
)

if TYPE_CHECKING:
    from kerascheck.semantic.interpreter import Frame

_EFFECTS = re.compile(
    r"\b(?:open|read_\w+|load|load_data|loadtxt|genfromtxt|imread|get_file|listdir|glob|walk|connect|urlopen|input|"
    r"parse_args|fit|fit_generator|predict|evaluate|system|Popen|run|savefig|show|imshow|makedirs|mkdir|to_csv|"
    r"flow_from_directory|image_dataset_from_directory|load_model|load_weights|remove|rmtree)\s*\("
)
_OPTIONAL = frozenset(
    [
        "name",
        "input_length",
        "kernel_regularizer",
        "bias_regularizer",
        "activity_regularizer",
        "kernel_initializer",
        "bias_initializer",
        "embeddings_initializer",
        "weights",
        "trainable",
        "dtype",
        "kernel_constraint",
        "seed",
        "mask_zero",
        "learning_rate",
    ]
)
_APPLICATION = re.compile(r"EfficientNet|ResNet|VGG|MobileNet|Inception|Xception|DenseNet|NASNet|ConvNeXt|RegNet")
_SHAPES = frozenset({"shape", "input_shape", "batch_shape", "batch_input_shape", "target_shape"})
_FIRST_SIZES = {
    "Input": ("shape",),
    "Dense": ("units",),
    "LSTM": ("units",),
    "GRU": ("units",),
    "SimpleRNN": ("units",),
    "Embedding": ("input_dim", "output_dim"),
    "Conv1D": ("filters", "kernel_size"),
    "Conv2D": ("filters", "kernel_size"),
    "Conv3D": ("filters", "kernel_size"),
    "Conv2DTranspose": ("filters", "kernel_size"),
    "SeparableConv2D": ("filters", "kernel_size"),
    "Dropout": ("rate",),
    "MultiHeadAttention": ("num_heads", "key_dim"),
}
ValueMap = Mapping_[str, "str | None"]
_OPERATORS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/", "matrixmultiply": "@", "power": "**"}


class Missing(Exception):
    """Something that the model needs cannot be told from the source; the text names it."""

    help = "; name a function that makes the model"


class Untold(Missing):
    """Something that is no matter of how the model is made: a function that makes it would not help."""

    help = ""


@dataclass(frozen=True)
class Slice:
    """A program: `source` runs first, `modules` are imported by it under made-up names."""

    source: str
    modules: dict[str, str]
    stand_ins: tuple[str, ...]


class Slicer:
    """Writes expressions for values of one module and collects what they need."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.stand_ins: list[str] = []
        self.open_shape = False  # whether `kerascheck_shape` stands for a shape that is to be tried
        self.guess = ""  # stands in for any argument of the project's own classes that cannot be told
        self.asks_class = True  # whether such an argument is what the class uses it for, where that can be told
        self._lines: list[str] = []
        self._made: dict[int, str] = {}
        self._kept: dict[int, tuple[Module, dict[int, str]]] = {}
        self._wanted: set[tuple[int, str]] = set()
        self._imports: dict[str, None] = {}
        self._links: dict[int, dict[str, None]] = {}
        self._names: dict[int, str] = {}

    # ------------------------------------------------------------------ values

    def expression(self, value: Value | None, what: str = "a value") -> str:
        """Python source that gives the value. Raises Missing."""
        if isinstance(value, Const):
            return repr(value.value)
        if isinstance(value, Ref):
            return self._reference(value)
        if isinstance(value, Items):
            if not value.exact:
                raise Missing(f"the items of {what}")
            inner = ", ".join(self.expression(item, what) for item in value.items)
            if value.kind == "tuple":
                return f"({inner}{',' if len(value.items) == 1 else ''})"
            return f"[{inner}]"
        if isinstance(value, Mapping) and value.exact:
            return "{" + ", ".join(f"{key!r}: {self.expression(item, what)}" for key, item in value.entries) + "}"
        if isinstance(value, (Class, Func)):
            return self._definition(value)
        if isinstance(value, (Obj, Tensor)):
            return self._once(value, what)
        if isinstance(value, Choice):
            return self._chosen(value, what)
        raise Missing(what)

    def _chosen(self, value: Choice, what: str) -> str:
        """One of several possible values, the first in the program that can be made."""
        last = Missing(what)
        for option in sorted(value.options, key=lambda item: getattr(item, "order", 0)):
            try:
                text = self.expression(option, what)
            except Missing as missing:
                last = missing
                continue
            self.stand_ins.append("one of several paths")
            return text
        raise last

    def _once(self, value: Obj | Tensor, what: str) -> str:
        """One object is made once, however often it is used."""
        name = self._made.get(id(value))
        if name is None:
            text = self._object(value, what) if isinstance(value, Obj) else self._tensor(value, what)
            name = self._made[id(value)] = f"kerascheck_{len(self._made)}"
            self._lines.append(f"{name} = {text}")
        return name

    def _object(self, value: Obj, what: str) -> str:
        heap = self.module.facts.lasting
        if value.cls is not None:
            return f"{self._class(value.cls)}({self._constructor_arguments(value)})"
        if value.form == "sequential":
            layers = heap.get((value, "#layers"))
            if not isinstance(layers, Items) or not layers.exact:
                raise Missing(f"the layers of {what}")
            return f"{self._reference(Ref(value.ref, value.original))}({self.expression(layers, what)})"
        if value.form == "functional":
            inputs = value.arguments.find("inputs", 0) or value.arguments.find("input")
            outputs = value.arguments.find("outputs", 1) or value.arguments.find("output")
            if inputs is None or outputs is None:
                raise Missing(f"the inputs of {what}")
            model = self._reference(Ref(value.ref, value.original))
            return f"{model}({self.expression(inputs[1], what)}, {self.expression(outputs[1], what)})"
        if value.form == "application":
            given = self._arguments(value.arguments, value.short, {"weights": "None"})
            return f"{self._reference(Ref(value.ref, value.original))}({given})"
        if value.form in {"loaded", "cloned", "plain"}:
            raise Missing(f"{what}, which comes from a file")
        if value.ref.startswith("keras."):
            return f"{self._reference(Ref(value.ref, value.original))}({self._arguments(value.arguments, value.short)})"
        if value.ref == "builtins.len":
            try:
                return f"len({self._arguments(value.arguments, 'len')})"
            except Missing:  # the length of data that is not there: any size will do
                self.stand_ins.append("8 for a `len`")
                return "8"
        if value.ref.startswith(("builtins.", "numpy.")) and not _EFFECTS.search(value.ref + "("):
            function = self._reference(Ref(value.ref, value.original or value.ref))
            return f"{function}({self._arguments(value.arguments, value.short)})"
        raise Missing(f"{what} (`{value.ref}`)")

    def _tensor(self, value: Tensor, what: str) -> str:
        if value.layer is None and not value.operation:
            if value.call is None:
                raise Missing(f"the input of {what}")
            flavour = self.flavour()
            return f"{flavour}.Input({self._arguments(value.arguments, 'Input')})"
        if value.operation in {"#input", "#output"} and isinstance(value.inputs[0], Obj):
            return f"{self._once(value.inputs[0], what)}.{value.operation[1:]}"
        if value.operation == "getitem" and len(value.inputs) == 1 and isinstance(value.index, int):
            return f"{self.expression(value.inputs[0], what)}[{value.index}]"
        if isinstance(value.layer, Obj) and not value.operation:
            given = self._arguments(value.arguments, "")
            return f"{self._once(value.layer, what)}({given})"
        if value.operation in _OPERATORS and len(value.inputs) == 2:
            left, right = (self.expression(item, what) for item in value.inputs)
            return f"{left} {_OPERATORS[value.operation]} {right}"
        if value.operation.startswith(("keras.", "tensorflow.")):
            return f"{self._reference(Ref(value.operation, value.operation))}({self._arguments(value.arguments, '')})"
        raise Missing(f"{what} (`{value.operation}`)")

    def construct(self, owner: ClassInfo, made: Obj | None, changed: ValueMap | None = None) -> str:
        """Source that makes an instance of a class: as `made` was made, but for the arguments in `changed`.

        A changed argument is given the text, or left out when that is None.
        """
        value = made if made is not None and made.cls is owner else Obj("instance", cls=owner)
        return f"{self._class(owner)}({self._constructor_arguments(value, changed or {})})"

    def class_name(self, owner: ClassInfo) -> str:
        """Source that gives a class of the project."""
        return self._class(owner)

    def application(self, call: CallFact) -> str:
        """Source of the call of an application, with the name `weights` for its weights."""
        name = self._reference(Ref(call.name, call.original))
        given = call.arguments
        if len(given.positional) > 1:
            given = Arguments(given.positional[:1], given.keywords, given.open_positional, given.open_keywords)
        replaced = {"weights": "weights"}
        if call.arguments.find("input_tensor") is not None:
            replaced["input_tensor"] = "None"
        return f"{name}({self._arguments(given, call.name.rpartition('.')[2], replaced)})"

    def call(self, call: CallFact, *, first: str = "", replaced: dict[str, str] | None = None) -> str:
        """Source of a call of something of Keras, with `first` and `replaced` in place of its own arguments."""
        name, given = self._reference(Ref(call.name, call.original)), call.arguments
        taken = {key: text for key, text in (replaced or {}).items() if given.find(key) is not None}
        if first and given.positional:
            rest = Arguments(given.positional[1:], given.keywords, given.open_positional, given.open_keywords)
            texts = [first, self._arguments(rest, "", taken)]
            return f"{name}({', '.join(text for text in texts if text)})"
        return f"{name}({self._arguments(given, call.name.rpartition('.')[2], taken)})"

    def compile_arguments(self, arguments: Arguments) -> str:
        """The losses and metrics given to `compile`; the optimizer is a plain one."""
        texts = ["optimizer='sgd'"]
        for name, index in (("loss", 1), ("metrics", 2)):
            found = arguments.find(name, index)
            if found is not None:
                made = self.metrics(found[1]) if name == "metrics" else self.expression(found[1], f"the {name}")
                texts.append(f"{name}={made}")
        return ", ".join(texts)

    def metrics(self, value: Value | None) -> str:
        """Source of metrics; one that is given as a string stands in a list, which every release takes."""
        text = self.expression(value, "the metrics")
        return f"[{text}]" if isinstance(value, Const) and isinstance(value.value, str) else text

    def _constructor_arguments(self, value: Obj, changed: ValueMap | None = None) -> str:
        names: list[str] = []
        changed = changed or {}
        initializer, _ = value.cls.method("__init__") if value.cls is not None else (None, True)
        required: list[str] = []
        if initializer is not None:
            parameters = initializer.node.params
            rest = [*parameters.posonly_params, *parameters.params][1:]
            names = [parameter.name.value for parameter in rest]
            required = [p.name.value for p in (*rest, *parameters.kwonly_params) if p.default is None]
        texts: list[str] = []
        by_name = False
        for index, (node, item) in enumerate(value.arguments.positional):
            name = names[index] if index < len(names) else ""
            if name in changed:
                by_name = True  # those after it are given by name, for this one may be left out
            else:
                text = self._given(item, name, self._code(value, node), value.cls)
                texts.append(f"{name}={text}" if by_name and name else text)
            if name in required:
                required.remove(name)
        for keyword, node, item in value.arguments.keywords:
            if keyword in changed:
                continue
            try:
                texts.append(f"{keyword}={self._given(item, keyword, self._code(value, node), value.cls)}")
            except Missing:
                if keyword in required:
                    raise
            if keyword in required:
                required.remove(keyword)
        texts += [f"{name}={text}" for name, text in changed.items() if text is not None]
        required = [name for name in required if changed.get(name) is None]
        if (not value.arguments.open_positional and not value.arguments.open_keywords) or value.call is None:
            for name in required:
                texts.append(f"{name}={self._given(None, name, name, value.cls)}")
        elif required:
            raise Missing(f"the arguments of `{value.short}`")
        return ", ".join(texts)

    def _arguments(self, arguments: Arguments, owner: str, replaced: dict[str, str] | None = None) -> str:
        if arguments.open_positional or arguments.open_keywords:
            raise Missing(f"the arguments of `{owner}`")
        texts: list[str] = []
        sizes = _FIRST_SIZES.get(owner, ())
        for index, (_, item) in enumerate(arguments.positional):
            texts.append(self._given(item, sizes[index] if index < len(sizes) else "", f"an argument of `{owner}`"))
        for keyword, _, item in arguments.keywords:
            if replaced and keyword in replaced:
                continue
            try:
                texts.append(f"{keyword}={self._given(item, keyword, f'`{keyword}` of `{owner}`')}")
            except Missing:
                if keyword not in _OPTIONAL:
                    raise
        texts += [f"{name}={text}" for name, text in (replaced or {}).items()]
        return ", ".join(texts)

    def _given(self, value: Value | None, name: str, what: str, owner: ClassInfo | None = None) -> str:
        try:
            return self.expression(value, what)
        except Missing:
            if name in _SHAPES:
                return self._shape(value, name, what)
            if isinstance(value, (Obj, Tensor)) and value_kind(value) != "value" and not self.guess:
                raise
            kind = next((text for pattern, text in KINDS if (self.guess or owner) and pattern.search(name)), None)
            text = STAND_INS.get(name) or self._usual(owner, name, value) or kind
            text = text or ("8" if name and SIZE.search(name) else self.guess or None)
            if text is None:
                raise
            self.stand_ins.append(f"{what}={text}" if name not in what else f"{name}={text}")
            return text

    def _usual(self, owner: ClassInfo | None, name: str, value: Value | None) -> str | None:
        """What the class can use for a parameter; no settings are made up where the program has its own."""
        text = usual(owner, name, self.guess) if owner is not None and name and self.asks_class else None
        if value is not None and not self.guess and text is not None and text.startswith(("{", "__import__")):
            return None
        if text in LAYERS:
            return f"{self.flavour()}.layers.{LAYERS[text]}"
        return text

    def stand_in(self, name: str) -> str:
        """Source of a value for a parameter that nobody gives. Raises Missing."""
        return self._given(None, name, name)

    def _shape(self, value: Value | None, name: str, what: str = "") -> str:
        """A shape with a small size for every one that cannot be told; an unknown rank is found by trying."""
        self.stand_ins.append(f"sizes of `{name}`")
        known = isinstance(value, Items) and value.exact and value.items
        if _APPLICATION.search(what):
            return "(96, 96, 3)"
        if not known or not isinstance(value, Items):
            self.open_shape = True
            return "kerascheck_shape"
        image = len(value.items) == 3 and name in {"shape", "input_shape"}
        sizes = []
        for index, item in enumerate(value.items):
            size = (64 if index < 2 else 3) if image else 8
            sizes.append(repr(item.value) if isinstance(item, Const) else repr(size))
        return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"

    def _code(self, value: Obj, node: cst.BaseExpression) -> str:
        for module in self.module.read():
            if module.owns(node):
                return f"`{module.code(node)}`"
        return "an argument"

    def _reference(self, ref: Ref) -> str:
        name = ref.original or ref.name
        if name.startswith("tensorflow.python.keras."):  # an old copy of Keras 2, which is not `tensorflow.keras`
            home, _, last = name.rpartition(".")
            made = name.replace(".", "_")  # `tensorflow.python` is no attribute of `tensorflow`
            self._imports[f"from {home} import {last} as {made}"] = None
            return made
        if ".contrib." in name:
            name = "tensorflow." + ref.name
        root = name.partition(".")[0]
        if ref.name.startswith("builtins."):
            return ref.name.partition(".")[2]
        if root == "keras" and ref.name.startswith("keras.") and (".src." in name or name.count(".") > 2):
            name = ref.name
        self._imports[f"import {root}"] = None
        return name

    def flavour(self) -> str:
        """How this module imports Keras."""
        for item in self.module.imports:
            if item.original == "tensorflow" or item.original.startswith("tensorflow.keras"):
                self._imports["import tensorflow"] = None
                return "tensorflow.keras"
        self._imports["import keras"] = None
        return "keras"

    # ------------------------------------------------------------------ definitions of the project

    def _class(self, info: ClassInfo) -> str:
        name = info.name
        if info.scope is not info.module.interpreter.root:
            return self._inner(info, info.node, info.scope, info.module)
        self._need(info.module, name)
        return self._name_of(info.module, name)

    def _definition(self, value: Class | Func) -> str:
        if isinstance(value, Class):
            return self._class(value.info)
        if value.owner is not None:
            raise Missing("a method")
        if isinstance(value.node, cst.Lambda) or value.frame is not value.module.interpreter.root:
            return self._inner(value, value.node, value.frame, value.module)
        name = value.node.name.value
        self._need(value.module, name)
        return self._name_of(value.module, name)

    def _inner(
        self, value: Func | ClassInfo, node: cst.FunctionDef | cst.ClassDef | cst.Lambda, scope: Frame, module: Module
    ) -> str:
        """A lambda, or a function or class inside of a function, with the names that it takes from around it."""
        name = self._made.get(id(value))
        if name is not None:
            return name
        code = _written(module, node)
        bound: dict[str, str] = {}
        own = set() if isinstance(node, cst.ClassDef) else set(_parameters(node))
        if not isinstance(node, cst.Lambda):
            own |= {node.name.value, *_assigned(node.body)}
        for used in dict.fromkeys(_used(node)):
            frame: Frame | None = scope
            while frame is not None and used not in frame.names:
                frame = frame.parent
            if used in own or frame is None:
                continue
            if frame is module.interpreter.root:
                if module is self.module:
                    self._need(module, used)
                else:
                    bound[used] = self._outside(module, used)
            elif used not in frame.rebound:
                with contextlib.suppress(Missing):
                    bound[used] = self.expression(frame.names[used], used)
        name = self._made[id(value)] = f"kerascheck_{len(self._made)}"
        given = ", ".join(f"{key}={text}" for key, text in bound.items())
        names = ", ".join(bound)
        if isinstance(node, cst.Lambda):
            self._lines.append(f"{name} = (lambda {names}: {code})({given})")
            return name
        start = _start(module, node)
        margin = module.source.text[module.source.text.rfind("\n", 0, start) + 1 : start]
        body = textwrap.indent(textwrap.dedent(margin + code if margin.isspace() else code), "    ")
        self._lines.append(
            f"def {name}_maker({names}):\n{body}\n    return {node.name.value}\n{name} = {name}_maker({given})"
        )
        return name

    def _outside(self, module: Module, name: str) -> str:
        self._need(module, name)
        return self._name_of(module, name)

    def _name_of(self, module: Module, name: str) -> str:
        if module is self.module:
            return name
        made = self._module_name(module)
        self._imports[f"import {made}"] = None
        return f"{made}.{name}"

    def _module_name(self, module: Module) -> str:
        return self._names.setdefault(id(module), f"kerascheck_part{len(self._names)}")

    def _need(self, module: Module, name: str) -> None:
        """Keep the statements that bind a module-level name, and what they need."""
        if (id(module), name) in self._wanted:
            return
        self._wanted.add((id(module), name))
        _, kept = self._kept.setdefault(id(module), (module, {}))
        bound = module.interpreter.root.names.get(name)
        if isinstance(bound, (Class, Func)):
            home = bound.info.module if isinstance(bound, Class) else bound.module
            real = bound.info.name if isinstance(bound, Class) else getattr(bound.node, "name", None)
            real = real.value if isinstance(real, cst.Name) else real
            if home is not module and isinstance(real, str):
                self._need(home, real)
                line = f"from {self._module_name(home)} import {real} as {name}"
                self._links.setdefault(id(module), {})[line] = None
                return
        if isinstance(bound, ModuleValue) and bound.module is not None:
            for statement in module.tree.body:
                for attribute in re.findall(rf"\b{re.escape(name)}\.(\w+)", module.code(statement)):
                    if attribute in bound.module.interpreter.root.names:
                        self._need(bound.module, attribute)
            self._kept.setdefault(id(bound.module), (bound.module, {}))
            self._links.setdefault(id(module), {})[f"import {self._module_name(bound.module)} as {name}"] = None
            return
        if isinstance(bound, Obj) and bound.ref == "argparse.ArgumentParser.parse_args":
            self._links.setdefault(id(module), {})[self._namespace(module, bound, name)] = None
            return
        for index, statement in enumerate(module.tree.body):
            if index in kept or name not in set(_binds(statement)):
                continue
            text = module.code(statement)
            if self._imports_project(module, statement):
                if isinstance(bound, Choice):
                    self._relink(module, name, bound)
                else:
                    self._rebind(module, name, bound)
                continue
            simple = isinstance(statement, cst.SimpleStatementLine)
            if isinstance(statement, (cst.For, cst.While, cst.With)) or (simple and _EFFECTS.search(text)):
                continue
            kept[index] = _written(module, statement)
            for used in set(_used(statement)):
                if used != name:
                    self._need(module, used)
        for index, statement in enumerate(module.tree.body):
            if index not in kept and _is_star(statement) and not self._is_project_star(module, statement):
                kept[index] = module.code(statement)
        for other in module.star_modules:
            if name not in module.interpreter.root.names and name in other.interpreter.root.names:
                self._need(other, name)
                line = f"from {self._module_name(other)} import {name}"
                # what a main guard or a loop binds there is left out
                self._links.setdefault(id(module), {})[f"try:\n    {line}\nexcept ImportError:\n    pass"] = None

    def _is_project_star(self, module: Module, statement: cst.CSTNode) -> bool:
        code = module.code(statement)
        return ("keras" not in code and "tensorflow" not in code) or self._imports_project(module, statement)

    def _imports_project(self, module: Module, statement: cst.CSTNode) -> bool:
        """Whether a statement imports from the project: there it finds nothing, its names are bound by their values."""
        if isinstance(statement, (cst.If, cst.Try)):
            return any(self._imports_project(module, item) for block in _blocks(statement) for item in block.body)
        for small in statement.body if isinstance(statement, cst.SimpleStatementLine) else ():
            if isinstance(small, cst.ImportFrom):
                if small.relative or (small.module and module.resolve_import(module.code(small.module), "")):
                    return True
            elif isinstance(small, cst.Import) and any(
                module.resolve_import(module.code(alias.name), "") for alias in small.names
            ):
                return True
        return False

    def _relink(self, module: Module, name: str, bound: Choice) -> None:
        """Import one of several definitions of another file, all of one name, as the program does."""
        homes: dict[tuple[int, str], Module] = {}
        for option in bound.options:
            home = option.info.module if isinstance(option, Class) else getattr(option, "module", None)
            node = option.info.node if isinstance(option, Class) else getattr(option, "node", None)
            if not isinstance(home, Module) or not isinstance(node, (cst.ClassDef, cst.FunctionDef)):
                return
            homes[id(home), node.name.value] = home
        if len(homes) == 1:
            ((_, real), home), *_ = homes.items()
            self._need(home, real)
            line = f"from {self._module_name(home)} import {real} as {name}"
            self._links.setdefault(id(module), {})[line] = None

    def _rebind(self, module: Module, name: str, bound: Value | None) -> None:
        """Bind a name that comes from another file of the project to its value."""
        line = None
        if isinstance(bound, Ref):
            home, _, last = (bound.original or bound.name).rpartition(".")
            line = f"from {home} import {last} as {name}" if home else f"import {last} as {name}"
        elif isinstance(bound, (Const, Items, Mapping)):
            with contextlib.suppress(Missing):
                line = f"{name} = {self.expression(bound, name)}"
        if line is not None:
            self._links.setdefault(id(module), {})[line] = None

    def _namespace(self, module: Module, bound: Obj, name: str) -> str:
        """`args` with the defaults of the command line."""
        parser = bound.arguments.positional[0][1]
        texts = []
        for (holder, slot), value in module.interpreter.heap.items():
            if holder is parser and slot.startswith("#arg:"):
                try:
                    texts.append(f"{slot[5:]}={self.expression(value, slot[5:])}")  # type: ignore[arg-type]
                except Missing:
                    continue
        return f"import types\n{name} = types.SimpleNamespace({', '.join(texts)})"

    # ------------------------------------------------------------------ the program

    def finish(self, *, definitions: bool = True) -> Slice:
        """The program that makes everything asked for so far; without `definitions` its module is left out."""
        modules: dict[str, str] = {}
        main = ""
        for key, (module, kept) in self._kept.items():
            lines = [*self._links.get(key, {}), *(kept[index] for index in sorted(kept))]
            futures = [line for line in lines if line.startswith("from __future__")]
            text = "\n".join([*futures, *(line for line in lines if not line.startswith("from __future__"))]) + "\n"
            if module is self.module:
                main = text
                if key in self._names:  # a part imports from it
                    modules[self._names[key]] = text
            else:
                modules[self._module_name(module)] = text
        source = "\n".join([main if definitions else "", *self._imports, *self._lines]) + "\n"
        return Slice(source, modules, tuple(dict.fromkeys(self.stand_ins)))


def _start(module: Module, node: cst.CSTNode) -> int:
    """Where a statement begins, with its decorators."""
    start = module.span(node).start
    if isinstance(node, (cst.FunctionDef, cst.ClassDef)) and node.decorators:
        first = module.span(node.decorators[0].decorator).start
        start = min(start, module.source.text.rfind("@", 0, first))
    return start


def _written(module: Module, node: cst.CSTNode) -> str:
    """The text of a statement, with its decorators."""
    return module.source.text[_start(module, node) : module.span(node).end]


def value_kind(value: Value | None) -> str:
    """The kind of an object; "tensor" for tensors."""
    return value.kind if isinstance(value, Obj) else "tensor"


def _binds(statement: cst.CSTNode) -> Iterator[str]:
    """The names that a top-level statement binds."""
    if isinstance(statement, (cst.FunctionDef, cst.ClassDef)):
        yield statement.name.value
    elif isinstance(statement, cst.SimpleStatementLine):
        for small in statement.body:
            if isinstance(small, cst.Assign):
                for target in small.targets:
                    yield from _targets(target.target)
            elif isinstance(small, (cst.AnnAssign, cst.AugAssign)):
                yield from _targets(small.target)
            elif isinstance(small, (cst.Import, cst.ImportFrom)) and not isinstance(small.names, cst.ImportStar):
                for alias in small.names:
                    if alias.asname is not None and isinstance(alias.asname.name, cst.Name):
                        yield alias.asname.name.value
                    else:
                        name: cst.BaseExpression = alias.name
                        while isinstance(name, cst.Attribute):
                            name = name.value
                        yield name.value if isinstance(name, cst.Name) else ""
    elif isinstance(statement, (cst.If, cst.Try)):
        for block in _blocks(statement):
            for inner in block.body:
                yield from _binds(inner)


def _blocks(statement: cst.If | cst.Try) -> Iterator[cst.BaseSuite]:
    yield statement.body
    if isinstance(statement, cst.Try):
        for handler in statement.handlers:
            yield handler.body
    orelse = statement.orelse
    if isinstance(orelse, cst.If):
        yield from _blocks(orelse)
    elif orelse is not None:
        yield orelse.body


def _targets(target: cst.BaseExpression) -> Iterator[str]:
    if isinstance(target, cst.Name):
        yield target.value
    elif isinstance(target, (cst.Tuple, cst.List)):
        for element in target.elements:
            yield from _targets(element.value)


def _parameters(node: cst.FunctionDef | cst.Lambda) -> Iterator[str]:
    """The names of the parameters."""
    given = node.params
    for item in (*given.posonly_params, *given.params, *given.kwonly_params, given.star_arg, given.star_kwarg):
        if isinstance(item, cst.Param):
            yield item.name.value


def _assigned(node: cst.CSTNode) -> Iterator[str]:
    """The names that are bound somewhere inside."""
    if isinstance(node, (cst.AssignTarget, cst.For, cst.CompFor)):
        yield from _targets(node.target)
    elif isinstance(node, (cst.FunctionDef, cst.ClassDef)):
        yield node.name.value
    for child in node.children:
        yield from _assigned(child)


def _used(node: cst.CSTNode) -> Iterator[str]:
    if isinstance(node, cst.Name):
        yield node.value
    for child in node.children:
        yield from _used(child)


def _is_star(statement: cst.CSTNode) -> bool:
    return isinstance(statement, cst.SimpleStatementLine) and any(
        isinstance(small, cst.ImportFrom) and isinstance(small.names, cst.ImportStar) for small in statement.body
    )
