"""Inside the child: the program of the user, the model that it makes, and inputs for it."""

import ast
import importlib
import importlib.util
import linecache
import os
import re
import sys
import time
import types
from typing import Any

LIMIT = 2000  # characters of an exception's text that are kept


def framework() -> Any:
    """The Keras of this environment: keras, or the one inside TensorFlow."""
    if os.environ.get("KERASCHECK_TF_KERAS"):
        import tensorflow

        return tensorflow.keras
    try:
        import keras
    except ImportError as problem:
        try:
            from tensorflow import keras

            keras.__version__  # noqa: B018 - it is imported only now
        except ImportError:
            raise problem from None
    return keras


def describe(error: Any) -> Any:
    """An exception in one line; of a long text the beginning and the end, where Keras puts the reason."""
    try:
        text = " ".join(re.sub(r"\x1b\[[0-9;]*m", "", str(error)).split())
    except BaseException:  # the program's own `__str__` may raise anything
        text = "(no text)"
    text = type(error).__name__ + ": " + text
    return text if len(text) <= LIMIT else text[: LIMIT // 2] + " ... " + text[-LIMIT // 2 :]


def missing(error: Any) -> Any:
    """The name that a NameError, ImportError, FileNotFoundError or a module's AttributeError speaks of.

    Empty when it is not the program that asks for the name, but the code of the experiment itself.
    """
    try:
        if is_our_own(error):
            return ""
        for pattern in (r"module '([\w.]+)' has no attribute '(\w+)'", r"cannot import name '(\w+)' from '([\w.]+)'"):
            found = re.search(pattern, str(error)) if isinstance(error, (AttributeError, ImportError)) else None
            if found is not None:
                one, other = found.groups()
                return other + "." + one if pattern.startswith("cannot") else one + "." + other
        if isinstance(error, NameError):
            return str(getattr(error, "name", None) or str(error).split("'")[1:2] or "")
        if isinstance(error, ImportError):
            return str(error.name or "")
        if isinstance(error, FileNotFoundError):
            return str(error.filename)
    except BaseException:
        pass
    return ""


def is_our_own(error: Any) -> Any:
    """Whether an exception comes from what the experiment does, and not from within code of the program."""
    folder, own = os.path.dirname(os.path.abspath(__file__)), False
    installed = (sys.prefix, sys.base_prefix, os.path.dirname(os.__file__))
    trace = getattr(error, "__traceback__", None)
    while trace is not None:
        place = trace.tb_frame.f_code.co_filename
        if place.startswith("<"):
            own = own and not place.startswith(("<slice>", "<kerascheck_"))
        elif os.path.dirname(os.path.abspath(place)) == folder:
            own = True
        elif "site-packages" not in place and not os.path.abspath(place).startswith(installed):
            own = False
        trace = trace.tb_next
    return own


class Finder:
    """Imports the parts of the project that the parent cut out, by their module names."""

    def __init__(self, sources: Any) -> None:
        self.sources = sources

    def find_spec(self, name: Any, path: Any = None, target: Any = None) -> Any:
        if name not in self.sources:
            return None
        loader: Any = self
        return importlib.util.spec_from_loader(
            name, loader, is_package=any(other.startswith(name + ".") for other in self.sources)
        )

    def create_module(self, spec: Any) -> Any:
        return None

    def exec_module(self, module: Any) -> None:
        source = self.sources[module.__name__]
        remember("<" + module.__name__ + ">", source)
        exec(compile(source, "<" + module.__name__ + ">", "exec"), module.__dict__)


def program(job: Any, name: Any = "kerascheck_slice", wanted_only: Any = None) -> Any:
    """Run the slice of the user's program in a namespace of its own.

    With `wanted_only`, the name of a class, what else fails does not matter.
    """
    for part in job.get("modules", {}):
        sys.modules.pop(part, None)
    sys.meta_path[:] = [item for item in sys.meta_path if type(item).__name__ not in ("Finder", "Absent")]
    sys.meta_path.append(Absent())
    sys.meta_path.insert(0, Finder(job.get("modules", {})))
    forget()
    module = types.ModuleType(name)
    sys.modules[name] = module
    module.__dict__["__file__"] = os.path.join(os.getcwd(), "program.py")
    module.__dict__["kerascheck_files"] = job.get("files", {})
    module.__dict__["kerascheck_shape"] = tuple(job.get("chosen") or (8,))
    remember("<slice>", job["source"])
    if wanted_only is None:
        exec(compile(job["source"], "<slice>", "exec"), module.__dict__)
        return module.__dict__
    first = None
    for line in ast.parse(job["source"]).body:
        try:
            exec(compile(ast.Module([line], []), "<slice>", "exec"), module.__dict__)
        except Exception as error:
            first = first or error
    if first is not None and wanted_only.partition(".")[0] not in module.__dict__:
        raise first
    return module.__dict__


def forget() -> None:
    """Take back what an earlier run of the program has registered with Keras."""
    if "keras" in sys.modules or "tensorflow" in sys.modules:
        registered = framework().utils.get_custom_objects()
        for key, value in list(registered.items()):
            if str(getattr(value, "__module__", "")).startswith("kerascheck_"):
                del registered[key]


class Absent:
    """Empty modules for what the program imports and this environment lacks: most of it is for data and plots."""

    used: "list[str]" = []
    folders: "tuple[str, ...]" = ("<slice>", "<kerascheck_")  # whose imports are meant

    def find_spec(self, name: Any, path: Any = None, target: Any = None) -> Any:
        frame: Any = sys._getframe(1)
        while frame is not None and "importlib" in frame.f_code.co_filename:
            frame = frame.f_back
        place = frame.f_code.co_filename if frame is not None else ""
        root = name.partition(".")[0]
        if not place.startswith(self.folders) or root in NEEDED or root.startswith("kerascheck"):
            return None
        if frame is None or ("KERASCHECK_FOLDERS" in frame.f_globals and place == "<slice>"):
            return None  # a module that the user names
        self.used.append(root)
        loader: Any = self
        return importlib.util.spec_from_loader(name, loader, is_package=True)

    def create_module(self, spec: Any) -> Any:
        return Empty(spec.name)

    def exec_module(self, module: Any) -> None:
        pass


NEEDED = frozenset(["keras", "tensorflow", "torch", "jax", "numpy", "tf_keras"])


class Empty(types.ModuleType):
    """A module in which every name is a class without content."""

    def __getattr__(self, name: Any) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)

        def new(cls: Any, *arguments: Any, **keywords: Any) -> Any:
            if cls is made and len(arguments) == 1 and not keywords and callable(arguments[0]):
                return arguments[0]  # a decorator of what is not there changes nothing
            return object.__new__(cls)

        made = type(name, (), {"__module__": self.__name__, "__new__": new})
        return made


def remember(name: Any, source: Any) -> None:
    """Let `inspect` find the source: TensorFlow rewrites the `call` of layers from it."""
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)


def make(job: Any) -> Any:
    """The model, made by the slice, with the steps that the program takes before the finding."""
    space = program(job)
    model = eval(compile(job["make"], "<slice>", "eval"), space)
    if job.get("wrapped"):  # a layer alone: a model around it
        shape, kind = job["wrapped"]
        entry = framework().Input(tuple(shape), dtype=kind)
        model = framework().Model(entry, model(entry))
    space["kerascheck_model"] = model
    for step in job.get("before", ()):
        exec(compile(step, "<slice>", "exec"), space)
    return model, space


GENERIC = (
    ((4, 8), "float32"),
    ((4, 28, 28, 1), "float32"),
    ((4, 32, 32, 3), "float32"),
    ((4, 10, 8), "float32"),
    ((4, 12), "int32"),
    ((4, 64, 64, 3), "float32"),
    ((4, 28, 28), "float32"),
    ((4, 16, 16, 16, 1), "float32"),
    ((4, 1), "float32"),
    ((4, 2), "float32"),
    ((4, 784), "float32"),
    ((4, 224, 224, 3), "float32"),
)


def sample(shape: Any, kind: Any, seed: Any = 0) -> Any:
    import numpy

    generator = numpy.random.RandomState(seed)
    if kind == "string":
        return generator.choice(["one", "two", "three"], shape)
    if kind.startswith("int"):
        return generator.randint(0, 2, shape).astype(kind)
    return generator.uniform(-1.0, 1.0, shape).astype(kind)


def wanted(model: Any, rows: Any) -> Any:
    """The shapes that a built model asks for; None when it does not say."""
    try:
        inputs = model.inputs
    except (AttributeError, ValueError):
        return None
    if not inputs:
        return None
    found = []
    for tensor in inputs:
        shape = [size if isinstance(size, int) else 8 for size in list(tensor.shape)[1:]]
        kind = str(getattr(tensor.dtype, "name", tensor.dtype))
        found.append(((rows, *shape), kind if kind in ("int32", "int64", "string") else "float32"))
    return found


def named(model: Any, arrays: Any) -> Any:
    """The arrays for the inputs of a built model as it takes them: one, several, or by their names."""
    if any(array.dtype.kind == "U" for array in arrays):  # a model takes strings as tensors, and then all as tensors
        import tensorflow

        arrays = [tensorflow.constant(array) for array in arrays]
    structure = getattr(model, "_inputs_struct", getattr(model, "_nested_inputs", None))
    if isinstance(structure, dict) and len(structure) == len(arrays):
        places = {id(tensor): index for index, tensor in enumerate(model.inputs)}
        if all(id(tensor) in places for tensor in structure.values()):
            return {name: arrays[places[id(tensor)]] for name, tensor in structure.items()}
    return arrays if len(arrays) > 1 else arrays[0]


def settle(job: Any) -> Any:
    """Of several ways to make an object, the first whose object takes an input."""
    first = None
    for text in [job["make"], *job.get("others", ())]:
        tried = dict(job, make=text, others=())
        try:
            inputs_for(dict(tried, before=[]))
            return tried
        except Exception as error:
            first = first or error
    if job.get("others"):
        assert first is not None
        raise first
    return job


SHAPES = ((8,), (64, 64, 3), (16, 8), (28, 28), (28, 28, 1), (784,), (1,), (16, 16, 16, 1))


def choose(job: Any) -> Any:
    """Settle the shape that the source leaves open: the first with which the model can be made and called."""
    if not job.get("open_shape"):
        return job
    last = None
    for shape in SHAPES:
        tried = dict(job, chosen=list(shape))
        try:
            inputs_for(dict(tried, before=[]))
            return tried
        except Exception as error:
            last = last or error
        if SPENT[0] > TRYING:
            break
    assert last is not None
    raise last


def structured(job: Any, arrays: Any) -> Any:
    """Inputs as the program's `call` takes them apart: several in a list, or by their names."""
    structure = job.get("structure")
    if isinstance(structure, int) and structure > 1:
        return [arrays[index % len(arrays)] for index in range(structure)]
    if isinstance(structure, list):
        return {name: arrays[index % len(arrays)] for index, name in enumerate(structure)}
    return arrays[0]


TRYING = 2.0  # seconds of the processor that one experiment may spend on inputs that do not fit
SPENT = [0.0]
FOUND: "dict[Any, int]" = {}  # which of the inputs fitted, by the program


def inputs_for(job: Any, rows: Any = 16) -> Any:
    """Arrays that the model takes: from its own inputs, the hints of the source, or generic shapes that work."""
    model, _ = make(job)
    own = wanted(model, rows)
    if own is not None:
        return named(model, [sample(shape, kind, index) for index, (shape, kind) in enumerate(own)])
    hints = [((rows, *shape), kind) for shape, kind in job.get("shapes", ())]
    last: Any = None
    shapes = [[item] for item in hints + [((rows,) + shape[1:], kind) for shape, kind in GENERIC]]
    if job.get("structure"):
        few = [((rows, 8), "float32"), ((rows, 12), "int32"), ((rows, 10, 8), "float32"), ((rows, 1), "int32")]
        few += [((rows, 28, 28, 1), "float32"), ((rows, 64, 64, 3), "float32"), ((rows,), "int32")]
        first = len(hints) + 1  # the same for every part, then small ones that differ, then images
        shapes[first:first] = [[one, other] for one in few for other in few if one != other]
    key = (job["source"], job["make"], str(job.get("chosen")))
    order = sorted(range(len(shapes)), key=lambda index: index != FOUND.get(key, 0))
    for count, index in enumerate(order):
        if count and SPENT[0] > TRYING:
            raise ValueError(f"no input fits the model, {count} of {len(shapes)} were tried: {describe(last)}")
        pairs = enumerate(shapes[index])
        array = structured(job, [sample(shape, kind, number) for number, (shape, kind) in pairs])
        started = time.process_time()
        try:
            fresh, _ = make(job)
            fresh(array)
            FOUND[key] = index
            return array
        except Exception as error:  # the wrong shape: the next one may fit
            last = error
            SPENT[0] += time.process_time() - started
    raise ValueError("no input fits the model: " + describe(last))


def arrays_of(model: Any) -> Any:
    return [numpy_of(weight) for weight in model.weights]


def numpy_of(value: Any) -> Any:
    import numpy

    if hasattr(value, "numpy"):
        value = value.detach() if hasattr(value, "detach") else value
        try:
            return numpy.array(value.numpy())
        except TypeError:
            return numpy.array(value.cpu().numpy())
    return numpy.array(value)


def outputs_of(model: Any, inputs: Any) -> Any:
    result = model(inputs)
    while isinstance(result, (list, tuple)):
        result = result[0]
    if isinstance(result, dict):
        result = next(iter(result.values()))
    return numpy_of(result)


def scramble(model: Any) -> None:
    """Weights that no initializer gives, so that untouched ones are told apart."""
    import numpy

    generator = numpy.random.RandomState(7)
    for weight in model.weights:
        value = numpy_of(weight)
        if value.dtype.kind == "f" and value.size:
            weight.assign((value + generator.uniform(0.05, 0.4, value.shape)).astype(value.dtype))


def agreement(one: Any, other: Any) -> Any:
    """The share of samples on which two predictions name the same class; None when there are no classes."""
    if one.ndim < 2 or one.shape != other.shape or one.shape[-1] < 2:
        return None
    return float((one.argmax(-1) == other.argmax(-1)).mean())


def supplied(without: Any = ()) -> Any:
    """The classes and functions of the program, as `custom_objects` would name them."""
    found = {}
    folders = tuple(getattr(sys.modules.get("kerascheck_slice"), "KERASCHECK_FOLDERS", ()))
    own = {name: module for name, module in list(sys.modules.items()) if name.startswith("kerascheck_")}
    for name, module in list(sys.modules.items()):
        place = str(getattr(module, "__file__", None) or "")
        if folders and place.startswith(folders) and "site-packages" not in place:
            own[name] = module
    for module in own.values():
        for key, value in list(vars(module).items()):
            if isinstance(value, (type, types.FunctionType)) and value.__module__ in own and key not in without:
                found[key] = value
    return found
