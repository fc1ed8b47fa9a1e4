"""Runs inside the child process, in the user's environment: the standard library and Keras only.

Handed over as text, so that it runs with any Python from 3.8 on that has a Keras. It is started as
`python worker.py CONTROL RESULT SETTINGS` where the first two are file descriptors. It imports the framework once, runs
no operation of it, and forks a child for every experiment; the parent process watches time and memory and kills.
"""

import contextlib
import functools
import importlib
import importlib.util
import io
import json
import linecache
import os
import random
import signal
import sys
import time
import types
import warnings
from typing import Any

LIMIT = 2000  # characters of an exception's text that are kept


def main() -> None:
    control, result = int(sys.argv[1]), int(sys.argv[2])
    settings = json.loads(sys.argv[3])
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_SETMASK, ())  # it was started while Ctrl-C had to wait
    held = contain(settings)
    requests = os.fdopen(control, "r", encoding="utf-8")
    answers = os.fdopen(result, "w", encoding="utf-8")

    def say(message: Any) -> None:
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    started = time.time()
    facts = {"ready": True, "held": held, "keras": "", "backend": ""}
    if settings.get("framework", True):
        try:
            keras = framework()
            facts["keras"] = keras.__version__
            facts["backend"] = keras.backend.backend() if hasattr(keras.backend, "backend") else "tensorflow"
        except BaseException as error:  # whatever an import does, the parent is told
            facts = {"ready": False, "error": describe(error), "held": held}
    facts["seconds"] = time.time() - started
    say(facts)
    for line in requests:
        job = json.loads(line)
        if not hasattr(os, "fork"):
            in_child(job, settings)
            say({"done": job["id"], "status": 0})
            continue
        pid = os.fork()
        if pid == 0:
            try:
                os.close(control)  # an experiment cannot speak for the worker
                os.close(result)
                limit(settings)
                in_child(job, settings)
                os._exit(0)
            finally:
                os._exit(1)
        say({"started": job["id"], "pid": pid})
        try:
            _, status = os.waitpid(pid, 0)
        except OSError:
            status = -1
        reap()
        say({"done": job["id"], "status": status})


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


def contain(settings: Any) -> Any:
    """What keeps the user's code in: each entry says whether it held. May go on in a forked process."""
    held = {"session": False, "network": False, "subreaper": False, "processes": False, "writes": False}
    try:
        os.setsid()
        held["session"] = True
    except (OSError, AttributeError):
        held["session"] = hasattr(os, "getsid") and os.getsid(0) == os.getpid()
    if sys.platform == "linux":
        try:
            import ctypes

            libc = ctypes.CDLL(None, use_errno=True)
        except (ImportError, OSError):
            return held
        libc.prctl(PARENT_DEATH, signal.SIGKILL, 0, 0, 0)
        held["subreaper"] = libc.prctl(36, 1, 0, 0, 0) == 0
        own_namespaces(libc, held)
        lock_files(libc, settings["root"], held)
    return held


PARENT_DEATH = 1  # PR_SET_PDEATHSIG
NEW_USER, NEW_PROCESSES, NEW_NETWORK = 0x10000000, 0x20000000, 0x40000000


def own_namespaces(libc: Any, held: Any) -> None:
    """A network without a way out and processes that end with this one: as root, or as a user where that is allowed."""
    user, group = os.getuid(), os.getgid()
    for flags in (NEW_PROCESSES | NEW_NETWORK, NEW_USER | NEW_PROCESSES | NEW_NETWORK, NEW_NETWORK):
        if libc.unshare(flags) != 0:
            continue
        held["network"] = True
        if flags & NEW_USER:
            lines = {"setgroups": "deny", "uid_map": f"{user} {user} 1", "gid_map": f"{group} {group} 1"}
            for name, text in lines.items():
                with contextlib.suppress(OSError), open("/proc/self/" + name, "w") as file:
                    file.write(text)
        if flags & NEW_PROCESSES:
            held["processes"] = True
            inner = os.fork()  # the first process of the new namespace: when it ends, all in it are killed
            if inner:
                try:
                    os.waitpid(inner, 0)
                finally:
                    os._exit(1)
            libc.prctl(PARENT_DEATH, signal.SIGKILL, 0, 0, 0)
            libc.prctl(36, 1, 0, 0, 0)
        return


def lock_files(libc: Any, root: Any, held: Any) -> None:
    """Landlock, from Linux 5.13 on: no file outside the temporary folder is written, made or removed, by C code too."""
    import ctypes
    import struct

    version = libc.syscall(444, None, 0, 1)
    if version < 1:
        return
    write, made = 1 << 1, sum(1 << bit for bit in range(4, 13))
    handled = write | made | (1 << 13 if version >= 2 else 0) | (1 << 14 if version >= 3 else 0)
    ports = 3 if version >= 4 else 0  # binding and connecting by TCP
    scoped = 3 if version >= 6 else 0  # abstract sockets of, and signals to, processes outside
    rules = struct.pack("QQQ", handled, ports, scoped)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = libc.syscall(444, ctypes.c_char_p(rules), ctypes.c_size_t(size), 0)
    if ruleset < 0:
        return
    for folder, allowed in ((root, handled), ("/dev", write | handled & 1 << 14), ("/dev/shm", handled)):
        try:
            place = os.open(folder, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue
        libc.syscall(445, ruleset, 1, ctypes.c_char_p(struct.pack("=Qi", allowed, place)), 0)
        os.close(place)
    libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
    held["writes"] = libc.syscall(446, ruleset, 0) == 0
    held["network"] = held["network"] or bool(held["writes"] and ports)
    os.close(ruleset)


def limit(settings: Any) -> None:
    """In the child of an experiment: it ends with its parent, leaves no core and fills no disk."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        largest = settings.get("file_megabytes", 2048) * 1_000_000
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
    if sys.platform == "linux":
        with contextlib.suppress(ImportError, OSError):
            import ctypes

            ctypes.CDLL(None).prctl(PARENT_DEATH, signal.SIGKILL, 0, 0, 0)


def reap() -> None:
    """Kill and collect what an experiment left running; orphans come to this process."""
    until = time.time() + 3
    while time.time() < until:
        found = children()
        if os.getpid() == 1:  # the first of its namespace: this means all others in it
            with contextlib.suppress(OSError):
                os.kill(-1, signal.SIGKILL)
        for pid in found:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except OSError:
            return  # there are no children
        time.sleep(0.005)


def children() -> Any:
    """The processes whose parent is this one, by /proc; empty elsewhere, and in a namespace of its own."""
    found: list[int] = []
    mine = str(os.getpid())
    if mine == "1":
        return found
    try:
        names = os.listdir("/proc")
    except OSError:
        return found
    for name in names:
        if name.isdigit():
            try:
                with open("/proc/" + name + "/stat", "rb") as file:
                    fields = file.read().rpartition(b")")[2].split()
            except OSError:
                continue
            if fields[1].decode() == mine:
                found.append(int(name))
    return found


def in_child(job: Any, settings: Any) -> None:
    """Run one experiment and leave its result in a file."""
    folder = job["folder"]
    with contextlib.suppress(OSError, AttributeError):
        os.setpgid(0, 0)
    os.chdir(folder)
    started = time.time()
    outcome: dict[str, Any] = {}
    target = os.path.join(folder, "result.json")
    try:
        reseed()
        guard(settings["root"])
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            if job["experiment"] != "roundtrip":  # that one forks before anything is tried
                job = choose(job)
            outcome = EXPERIMENTS[job["experiment"]](job)
        outcome["warnings"] = [str(item.message)[:300] for item in caught if interesting(str(item.message))][:5]
    except BaseException as error:  # a program may raise anything, SystemExit too
        outcome = {"failed": describe(error), "missing": missing(error)}
    outcome["seconds"] = time.time() - started
    try:
        text = json.dumps(outcome)
    except Exception as error:
        text = json.dumps({"failed": describe(error)})
    os.makedirs(folder, exist_ok=True)  # the program may have removed it
    with open(target + ".part", "w", encoding="utf-8") as file:
        file.write(text)
    os.rename(target + ".part", target)


def reseed() -> None:
    """After a fork every process would draw the same numbers."""
    seed = int.from_bytes(os.urandom(4), "little")
    random.seed(seed)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(seed)
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is not None and "set_seed" in dir(tensorflow.random):
        tensorflow.random.set_seed(seed)
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(seed)


# events of changes to files, and how many of their last arguments are descriptors that paths are relative to
WRITING = {
    "os.remove": 1,
    "os.rename": 2,
    "os.mkdir": 1,
    "os.rmdir": 1,
    "os.truncate": 0,
    "os.link": 2,
    "os.symlink": 1,
    "os.chmod": 1,
    "os.chown": 1,
    "os.utime": 1,
    "shutil.rmtree": 0,
    "shutil.move": 0,
}
NETWORK = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "socket.gethostbyname"})
PROGRAMS = frozenset({"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.startfile"})


def guard(root: Any) -> None:
    """Refuse writes outside the temporary folder, connections, other programs and signals, with a word that says so.

    C libraries are not seen here; where Linux has Landlock and namespaces, these hold them too.
    """
    root = os.path.realpath(root)

    def outside(path: Any, folder: Any = -1) -> Any:
        if isinstance(path, int) or path is None:
            return False
        path = os.fsdecode(path) if isinstance(path, (str, bytes, os.PathLike)) else str(path)
        if isinstance(folder, int) and folder >= 0 and not os.path.isabs(path):
            try:
                path = os.path.join(os.readlink("/proc/self/fd/" + str(folder)), path)
            except OSError:
                return True
        full = os.path.realpath(path)
        return not (full == root or full.startswith((root + os.sep, "/dev/")))

    def hook(event: Any, arguments: Any) -> None:
        if event == "open":
            path, mode, flags = arguments
            writes = (isinstance(mode, str) and any(letter in mode for letter in "wax+")) or (
                isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC)
            )
            if writes and outside(path):
                raise PermissionError(f"kerascheck: no writing outside the temporary folder: {path}")
        elif event in WRITING:
            count = WRITING[event]
            folders = list(arguments[len(arguments) - count :]) or [-1]
            paths = [item for item in arguments[:2] if isinstance(item, (str, bytes, os.PathLike))]
            if any(outside(path, folders[min(index, len(folders) - 1)]) for index, path in enumerate(paths)):
                raise PermissionError("kerascheck: no changes outside the temporary folder")
        elif event in NETWORK:
            raise PermissionError("kerascheck: no network")
        elif event in PROGRAMS:
            raise PermissionError("kerascheck: no other programs")
        elif event in ("os.kill", "os.killpg"):
            group = os.getpgid(arguments[0]) if event == "os.kill" and arguments[0] > 0 else arguments[0]
            if group not in (0, os.getpgid(0)):
                raise PermissionError("kerascheck: no signals to other processes")

    sys.addaudithook(hook)


def describe(error: Any) -> Any:
    """An exception in one line; of a long text the beginning and the end, where Keras puts the reason."""
    try:
        text = " ".join(str(error).split())
    except BaseException:  # the program's own `__str__` may raise anything
        text = "(no text)"
    text = type(error).__name__ + ": " + text
    return text if len(text) <= LIMIT else text[: LIMIT // 2] + " ... " + text[-LIMIT // 2 :]


def missing(error: Any) -> Any:
    """The name that a NameError, ImportError or FileNotFoundError speaks of."""
    try:
        if isinstance(error, NameError):
            return str(getattr(error, "name", None) or str(error).split("'")[1:2] or "")
        if isinstance(error, ImportError):
            return str(error.name or "")
        if isinstance(error, FileNotFoundError):
            return str(error.filename)
    except BaseException:
        pass
    return ""


def interesting(text: Any) -> Any:
    return any(
        part in text
        for part in (
            "`build()` was called",
            "has not yet been built",
            "Skipping variable loading",
            "from_logits",
            "softmax over axis",
        )
    )


# ---------------------------------------------------------------------- the user's program


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


def program(job: Any, name: Any = "kerascheck_slice") -> Any:
    """Run the slice of the user's program in a namespace of its own."""
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
    exec(compile(job["source"], "<slice>", "exec"), module.__dict__)
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
        found.append(((rows, *shape), kind if kind in ("int32", "int64") else "float32"))
    return found


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


def inputs_for(job: Any, rows: Any = 16) -> Any:
    """Arrays that the model takes: from its own inputs, the hints of the source, or generic shapes that work."""
    model, _ = make(job)
    own = wanted(model, rows)
    if own is not None:
        arrays = [sample(shape, kind, index) for index, (shape, kind) in enumerate(own)]
        return arrays if len(arrays) > 1 else arrays[0]
    hints = [((rows, *shape), kind) for shape, kind in job.get("shapes", ())]
    last = None
    shapes = [[item] for item in hints + [((rows,) + shape[1:], kind) for shape, kind in GENERIC]]
    if job.get("structure"):
        few = [((rows, 8), "float32"), ((rows, 12), "int32"), ((rows, 10, 8), "float32"), ((rows, 1), "int32")]
        few += [((rows, 28, 28, 1), "float32"), ((rows, 64, 64, 3), "float32"), ((rows,), "int32")]
        shapes += [[one, other] for one in few for other in few if one != other]
    for several in shapes:
        array = structured(job, [sample(shape, kind, index) for index, (shape, kind) in enumerate(several)])
        try:
            fresh, _ = make(job)
            fresh(array)
            return array
        except Exception as error:  # the wrong shape: the next one may fit
            last = error
    raise ValueError("no input fits the model: " + describe(last) if last else "no input fits the model")


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


# ---------------------------------------------------------------------- experiments


def load_weights(job: Any) -> Any:
    """Weights of a model that was used, loaded into one made as the program makes it."""
    import numpy

    inputs = inputs_for(dict(job, before=[]))
    trained, _ = make(dict(job, before=[]))
    trained(inputs)
    scramble(trained)
    path = os.path.join(os.getcwd(), "experiment.h5" if job.get("legacy") else "experiment.weights.h5")
    save_weights(trained, path)
    expected, kept = outputs_of(trained, inputs), arrays_of(trained)
    steady = bool(numpy.allclose(expected, outputs_of(trained, inputs), atol=1e-6, equal_nan=True))
    model, _ = make(job)
    try:
        model.load_weights(path)
    except Exception as error:
        return {"raised": describe(error)}
    found = outputs_of(model, inputs)
    loaded = arrays_of(model)
    same = sum(one.shape == other.shape and numpy.array_equal(one, other) for one, other in zip(kept, loaded))
    return {
        "weights": len(kept),
        "loaded": int(same),
        # a model that draws random numbers never gives the same outputs twice
        "outputs_differ": found.shape != expected.shape
        or (steady and not numpy.allclose(found, expected, atol=1e-5, equal_nan=True)),
        "agreement": agreement(expected, found) if steady else None,
    }


def save_weights(model: Any, path: Any) -> None:
    """The weights of a model; in the format of Keras 2 where the program reads such a file."""
    try:
        model.save_weights(path)
    except ValueError:  # Keras 3 only reads it
        h5py: Any = importlib.import_module("h5py")
        legacy: Any = importlib.import_module("keras.src.legacy.saving.legacy_h5_format")
        with h5py.File(path, "w") as file:
            legacy.save_weights_to_hdf5_group(file, model)


def save_early(job: Any) -> Any:
    """`save_weights` or `save` on a model made as the program makes it."""
    model, _ = make(job)
    name = "experiment.keras" if job["method"] == "save" else "experiment.weights.h5"
    path = os.path.join(os.getcwd(), name)
    try:
        getattr(model, job["method"])(path)
    except Exception as error:
        return {"raised": describe(error)}
    stored = stored_arrays(path)
    inputs = inputs_for(dict(job, before=[]))
    model(inputs)
    return {"weights": len(model.weights), "stored": stored}


def stored_arrays(path: Any) -> Any:
    """How many arrays a weights file or a `.keras` file holds."""
    import zipfile

    import h5py  # type: ignore[import-untyped]

    if path.endswith(".keras"):
        with zipfile.ZipFile(path) as archive:
            data = io.BytesIO(archive.read("model.weights.h5"))
        file = h5py.File(data, "r")
    else:
        file = h5py.File(path, "r")
    count = [0]

    def visit(name: Any, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and not name.startswith("optimizer"):
            count[0] += 1

    file.visititems(visit)
    file.close()
    return count[0]


def suffix(job: Any) -> Any:
    """`save_weights` to, or `load_weights` from, a file of the program's name."""
    import shutil

    try:
        model, _ = make(job)
        inputs = inputs_for(job)
        model(inputs)
        stand_in = False
    except Exception:
        keras = framework()
        model = keras.Sequential([keras.layers.Input(shape=(3,)), keras.layers.Dense(2)])
        stand_in = True
    path = os.path.join(os.getcwd(), job["name"])
    if job["method"] == "load_weights":
        model.save_weights("valid.weights.h5")
        shutil.copyfile("valid.weights.h5", path)
    try:
        getattr(model, job["method"])(path)
    except Exception as error:
        return {"raised": describe(error).replace(os.getcwd() + os.sep, ""), "stand_in": stand_in}
    return {"stand_in": stand_in}


def metric(job: Any) -> Any:
    """The accuracy that Keras logs against one that is computed by hand."""
    import numpy

    inputs = inputs_for(job, rows=64)
    model, space = make(job)
    outputs = outputs_of(model, inputs)
    scramble(model)
    outputs = outputs_of(model, inputs)
    exec(compile(job["compile"], "<slice>", "exec"), space)
    generator = numpy.random.RandomState(3)
    form = job["labels"]
    border = 0.0 if job.get("logits") else 0.5
    if form == "categorical":
        labels = numpy.eye(outputs.shape[-1], dtype="float32")[
            generator.randint(0, outputs.shape[-1], outputs.shape[:-1])
        ]
        right = outputs.argmax(-1) == labels.argmax(-1)
    elif form == "sparse":
        labels = generator.randint(0, outputs.shape[-1], outputs.shape[:-1])
        right = outputs.argmax(-1) == labels
    else:
        outputs = spread(model, inputs, outputs, border)
        between = bool(((outputs > 0.0) & (outputs <= 0.5)).any())
        if border == 0.0 and not between and outputs.shape[-1] == 1:
            # all outputs are alike: they are put between the two borders, and most labels are 1
            outputs = spread(model, inputs, outputs, border, 0.25)
            labels = (generator.uniform(0, 1, outputs.shape) < 0.75).astype("float32")
        elif border == 0.0 or outputs.shape[-1] == 1:  # labels that the outputs meet in full: by hand the accuracy is 1
            labels = (outputs > border).astype("float32")
        else:
            labels = generator.randint(0, 2, outputs.shape).astype("float32")
        right = (outputs > border) == (labels > 0.5)
    logged = model.evaluate(inputs, labels, verbose=0, return_dict=True)
    value = logged.get(job["name"])
    if value is None:
        raise ValueError(f"no `{job['name']}` among what evaluate logs: {', '.join(logged)}")
    # labels that are all alike cannot tell a right accuracy from a wrong one
    weak = form == "binary" and bool(labels.min() == labels.max())
    if form == "binary" and border == 0.0:
        weak = weak or not ((outputs > 0.0) & (outputs <= 0.5)).any()
    elif form == "binary" and labels.shape[-1] > 1:
        weak = weak or bool((labels.max(-1) == labels.min(-1)).all())
    return {"logged": float(value), "by_hand": float(numpy.mean(right)), "weak": bool(weak)}


def spread(model: Any, inputs: Any, outputs: Any, border: Any, centre: Any = None) -> Any:
    """Shift the last bias so that outputs lie on both sides of the border, and logits some between 0 and 0.5."""
    import numpy

    units = outputs.shape[-1]
    weights = model.weights
    places = [
        index
        for index, weight in enumerate(weights)
        if tuple(weight.shape) == (units,)
        and "bias" in str(getattr(weight, "path", "") or getattr(weight, "name", ""))
        and index
        and tuple(weights[index - 1].shape)[-1:] == (units,)
    ]
    if not places:
        return outputs
    kernel, bias = weights[places[-1] - 1], weights[places[-1]]
    if centre is not None:
        kernel.assign(numpy.zeros(tuple(kernel.shape), "float32"))
        bias.assign(numpy.full(units, centre, "float32"))
        return outputs_of(model, inputs)

    def logits() -> Any:
        flat = outputs_of(model, inputs).reshape(-1, units).astype("float64")
        if border == 0.0:
            return flat
        flat = numpy.clip(flat, 1e-6, 1 - 1e-6)
        return numpy.log(flat / (1 - flat))

    bias.assign(numpy.zeros(units, "float32"))
    for _ in range(3):  # a saturated sigmoid tells its scale only after it was made smaller
        scale = numpy.maximum(logits().std(axis=0), 1e-6)
        kernel.assign((numpy_of(kernel) * (0.4 / scale)).astype("float32"))
    middle = numpy.median(logits(), axis=0) - (0.2 if border == 0.0 else 0.0)
    bias.assign((-middle).astype("float32"))
    return outputs_of(model, inputs)


def training_flag(job: Any) -> Any:
    """Whether one step of fit runs the layers of a model in training mode."""
    import numpy

    keras = framework()
    inputs = inputs_for(job)
    model, _ = make(job)
    targets = numpy.zeros_like(outputs_of(model, inputs))
    seen: list[Any] = []
    for name in job["layers"]:
        layer = getattr(keras.layers, name, None)
        if layer is not None:
            watch(layer, name, seen)
    model, _ = make(job)
    model.compile(optimizer="sgd", loss="mse")
    del seen[:]
    model.fit(inputs, targets, epochs=1, batch_size=8, verbose=0)
    # a symbolic call while the model is built has no flag: a layer is lost when no call of it was in training mode
    trained = {name for name, flag in seen if flag}
    return {"calls": len(seen), "inference": sorted({name for name, _ in seen} - trained)}


def watch(layer: Any, name: Any, seen: Any) -> None:
    original = layer.call

    def call(self: Any, *arguments: Any, **keywords: Any) -> Any:
        flag = keywords.get("training")
        if flag is None and len(arguments) > 1 and isinstance(arguments[1], bool):
            flag = arguments[1]
        seen.append((name, bool(flag) if not hasattr(flag, "shape") else True))
        return original(self, *arguments, **keywords)

    functools.update_wrapper(call, original)  # Keras reads the signature
    layer.call = call


def run_once(job: Any) -> Any:
    """One of several fresh runs: what the program's expression gives, or what its model weighs after one step."""
    if job.get("value"):
        space = program(job)
        return {"value": repr(eval(compile(job["value"], "<slice>", "eval"), space))[:LIMIT]}
    import hashlib

    inputs = inputs_for(job)
    space = program(job)  # once more: trying inputs has drawn random numbers
    model = eval(compile(job["make"], "<slice>", "eval"), space)
    space["kerascheck_model"] = model
    for step in job.get("after", ()):
        exec(compile(step, "<slice>", "exec"), space)
    import numpy

    targets = numpy.zeros_like(outputs_of(model, inputs))
    model.compile(optimizer="sgd", loss="mse")
    model.fit(inputs, targets, epochs=1, batch_size=4, verbose=0)
    digest = hashlib.sha256()
    for array in arrays_of(model):
        digest.update(numpy.ascontiguousarray(array).tobytes())
    return {"value": digest.hexdigest()[:16]}


def crossing(job: Any) -> Any:
    """Files of one version of a program read by another, in both directions; what it could not read itself is left."""
    import numpy

    lost = []
    versions = (("the program as it was", job["one"]), ("the repaired program", job["other"]))
    for (writer, one), (reader, other) in (versions, versions[::-1]):
        inputs = inputs_for(one)
        model, _ = make(one)
        outputs_of(model, inputs)
        scramble(model)
        expected = outputs_of(model, inputs)
        if not numpy.allclose(expected, outputs_of(model, inputs), atol=1e-6, equal_nan=True):
            continue  # it draws random numbers: nothing to compare
        for name, save in (("crossing.weights.h5", model.save_weights), ("crossing.keras", model.save)):
            path = os.path.join(os.getcwd(), name)
            try:
                save(path)
                known = crossed(one, path, inputs)
            except Exception:
                continue  # such a file never was
            if not numpy.allclose(known, expected, atol=1e-5, equal_nan=True):
                continue
            try:
                same = numpy.allclose(crossed(other, path, inputs), expected, atol=1e-5, equal_nan=True)
                problem = "" if same else "gives other outputs"
            except Exception as error:
                problem = describe(error)
            if problem:
                lost.append(f"a {name[9:]} file of {writer} in {reader}: {problem}")
    return {"lost": lost}


def crossed(job: Any, path: Any, inputs: Any) -> Any:
    """What a program's model gives after it has read a file."""
    model, _ = make(job)
    if path.endswith(".keras"):
        model = framework().models.load_model(path, custom_objects=supplied())
    else:
        outputs_of(model, inputs)
        model.load_weights(path)
    return outputs_of(model, inputs)


def statement(job: Any) -> Any:
    """A statement that is said to raise."""
    space = {"__name__": "kerascheck_slice"}
    exec(compile(job["source"], "<slice>", "exec"), space)
    try:
        exec(compile(job["statement"], "<slice>", "exec"), space)
    except Exception as error:
        return {"raised": describe(error)}
    return {}


# ---------------------------------------------------------------------- whole models and configurations


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


class Elsewhere:
    """A process that has not run the program: forked before any operation, it reads a file when it is told to."""

    def __init__(self, task: Any) -> None:
        self.answer = os.path.join(os.getcwd(), "elsewhere.json")
        reading, self.writing = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.writing)
            with os.fdopen(reading, "r") as lines:
                line = lines.readline()
            if line:
                try:
                    found = task(json.loads(line))
                except BaseException as error:
                    found = {"failed": describe(error), "missing": missing(error)}
                with open(self.answer, "w", encoding="utf-8") as file:
                    json.dump(found, file)
            os._exit(0)
        os.close(reading)

    def ask(self, question: Any) -> Any:
        with os.fdopen(self.writing, "w") as lines:
            lines.write(json.dumps(question) + "\n")
        os.waitpid(self.pid, 0)
        with open(self.answer, encoding="utf-8") as file:
            return json.load(file)


def handed(job: Any) -> Any:
    """The objects that the loading program hands over. It is another program: its modules have other names."""
    if job.get("only") == []:
        return {}
    try:
        program(job, "kerascheck_other")
    except Exception:
        if job.get("only") is None:
            raise
        return {}
    objects = supplied(job.get("without", ()))
    if job.get("only") is not None:
        objects = {key: value for key, value in objects.items() if key in job["only"]}
    return objects


def roundtrip(job: Any) -> Any:
    """A model saved whole and loaded: outputs, weights and configuration before and after."""
    import numpy

    def load(question: Any) -> Any:
        objects = handed(dict(job, chosen=question["chosen"]))
        loaded, facts = read_model(question["path"], objects, job.get("load", {}))
        if loaded is not None:
            facts["weights"] = len(loaded.weights)
            facts["shadowed"] = [name for name in job.get("without", ()) if known_to_keras(name)]
        return facts

    elsewhere = Elsewhere(load) if job.get("foreign") else None
    job = choose(job)
    inputs = inputs_for(dict(job, before=[]))
    model, space = make(job)
    outputs_of(model, inputs)
    if job.get("scramble", True):
        scramble(model)
    for step in job.get("after", ()):
        exec(compile(step, "<slice>", "exec"), space)
    expected = outputs_of(model, inputs)
    steady = bool(numpy.allclose(expected, outputs_of(model, inputs), atol=1e-6, equal_nan=True))
    path = os.path.join(os.getcwd(), "experiment" + (job.get("format") or ".keras"))
    try:
        model.save(path)
    except Exception as error:
        return {"save_raised": describe(error)}
    if elsewhere is not None:
        return elsewhere.ask({"path": path, "chosen": job.get("chosen")})
    loaded, facts = read_model(path, supplied(job.get("without", ())), job.get("load", {}))
    if loaded is None:
        return facts
    found = outputs_of(loaded, inputs)
    kept, again = arrays_of(model), arrays_of(loaded)
    same = sum(one.shape == other.shape and numpy.array_equal(one, other) for one, other in zip(kept, again))
    close = found.shape == expected.shape and numpy.allclose(found, expected, atol=1e-4, rtol=1e-4, equal_nan=True)
    facts.update(
        {
            "weights": len(kept),
            "weights_after": len(again),
            "equal": int(same),
            "steady": steady,
            "outputs_differ": not close,
            "difference": float(numpy.abs(found - expected).max()) if found.shape == expected.shape else None,
            "size": float(numpy.abs(expected).max()) if expected.size else 0.0,
        }
    )
    return facts


def known_to_keras(name: Any) -> Any:
    """Whether Keras has a loss, metric or activation of its own by this name."""
    keras = framework()
    for home in (keras.losses, keras.metrics, keras.activations, keras.layers):
        try:
            if hasattr(home, name) or (home is not keras.layers and home.get(name) is not None):
                return True
        except Exception:
            continue
    return False


def read_model(path: Any, objects: Any, options: Any) -> Any:
    """A model loaded as the program loads it, or None; and what happened."""
    keras = framework()
    taken = dict(options)
    if taken.pop("safe_mode", None) is False and path.endswith(".keras"):
        taken["safe_mode"] = False  # this run has written the file itself
    try:
        return keras.models.load_model(path, custom_objects=objects or None, **taken), {}
    except Exception as error:
        return None, {"raised": describe(error).replace(os.getcwd() + os.sep, "")}


def legacy_weights(job: Any) -> Any:
    """An application with weights from an older `.h5` file, then saved and loaded (keras#20147)."""
    import numpy

    space = program(job)
    build = eval(compile(job["make"], "<slice>", "eval"), space)
    keras = framework()
    first = build(None)
    for layer in first.layers:
        if type(layer).__name__ == "Normalization":
            given = []
            for index, array in enumerate(layer.get_weights()):
                fresh = numpy.full(array.shape, (1.5, 0.05, 0)[min(index, 2)])
                given.append(fresh.astype(array.dtype))
            layer.set_weights(given)
    first.save("weights.h5")
    base = build(os.path.join(os.getcwd(), "weights.h5"))
    shape = [size if isinstance(size, int) else 64 for size in list(base.inputs[0].shape)[1:]]
    inputs = sample((2, *shape), "float32") * 100.0
    expected = outputs_of(base, inputs)
    base.save("whole.keras")
    loaded = keras.models.load_model("whole.keras")
    found = outputs_of(loaded, inputs)
    kept, again = arrays_of(base), arrays_of(loaded)
    return {
        "weights": len(kept),
        "weights_after": len(again),
        "equal": int(sum(numpy.array_equal(one, other) for one, other in zip(kept, again))),
        "steady": True,
        "outputs_differ": not numpy.allclose(found, expected, atol=1e-4, rtol=1e-3),
        "difference": float(numpy.abs(found - expected).max()),
        "size": float(numpy.abs(expected).max()),
    }


def initializer(job: Any) -> Any:
    """Graph mode: weights are loaded, then the initializer of all variables is run."""
    import numpy

    keras = framework()
    if int(keras.__version__.partition(".")[0]) > 2:
        return {"skipped": "Keras 3 has no graph mode; give an environment with Keras 2 to --python"}
    import tensorflow

    old = tensorflow.compat.v1
    old.disable_eager_execution()
    stand_in = False
    try:
        model = make(job)[0]
        kept = [array + 1.0 for array in model.get_weights()]
        if not kept:
            raise ValueError("no weights")
    except Exception:
        stand_in = True
        model = keras.Sequential([keras.layers.Dense(2, input_shape=(3,))])
        kept = [array + 1.0 for array in model.get_weights()]
    model.set_weights(kept)
    model.save_weights("old.h5")
    model.load_weights("old.h5")
    old.keras.backend.get_session().run(old.global_variables_initializer())
    found = model.get_weights()
    same = sum(bool(numpy.array_equal(one, other)) for one, other in zip(kept, found))
    return {"weights": len(kept), "loaded": same, "outputs_differ": same < len(kept), "stand_in": stand_in}


def configuration(job: Any) -> Any:
    """An object with arguments of its own, written and read as Keras writes it into a file."""

    def read(question: Any) -> Any:
        facts = {key: value for key, value in revive(question, handed(job)).items() if key != "object"}
        if "raised" not in facts:
            facts["shadowed"] = [name for name in job.get("without", ()) if known_to_keras(name)]
        return facts

    elsewhere = Elsewhere(read) if job.get("foreign") else None
    space = program(job)
    made, plain, last = None, None, None
    for text, without in job["makes"]:
        try:
            made = eval(compile(text, "<slice>", "eval"), space)
            plain = eval(compile(without, "<slice>", "eval"), space) if without else None
            break
        except Exception as error:
            last = error
    else:
        assert last is not None
        raise last
    if job.get("base"):  # what every layer keeps
        made.trainable = False
    try:
        written = json.loads(json.dumps(framework().saving.serialize_keras_object(made)))
    except Exception as error:
        if elsewhere is None:
            return {"save_raised": describe(error)}
        # a file of another release has such an entry
        name = framework().saving.get_registered_name(type(made))
        written = {"module": type(made).__module__, "class_name": type(made).__name__, "config": {}}
        written["registered_name"] = name
    if elsewhere is not None:
        return elsewhere.ask(written)
    facts = revive(written, supplied(job.get("without", ())))
    again = facts.pop("object", None)
    if again is None and isinstance(written, dict) and isinstance(written.get("config"), dict):
        # another fault stands in the way: only with what the constructor takes
        import inspect

        taken = inspect.signature(type(made).__init__).parameters
        config = written["config"]
        if not any(item.kind is item.VAR_KEYWORD for item in taken.values()):
            config = {key: value for key, value in config.items() if key in taken}
        try:
            again = type(made)(**config)
        except Exception as error:
            facts["raised_again"] = describe(error)
    if again is None:
        return facts
    if job.get("base"):
        before = {"name": made.name, "trainable": made.trainable}
        after = {"name": again.name, "trainable": again.trainable}
        facts["visible"] = sorted(before)
        facts["changed"] = {key: [repr(before[key]), repr(after[key])] for key in before if before[key] != after[key]}
        return facts
    before, after = portrait(made), portrait(again)
    other = portrait(plain) if plain is not None else {}
    own = [key for key in before if plain is None or before[key] != other.get(key)]
    facts["visible"] = sorted(own)[:20]
    facts["changed"] = {
        key: [before[key][:LIMIT], after.get(key, "nothing")[:LIMIT]] for key in own if after.get(key) != before[key]
    }
    return facts


def revive(written: Any, objects: Any) -> Any:
    try:
        return {"object": framework().saving.deserialize_keras_object(written, custom_objects=objects or None)}
    except Exception as error:
        return {"raised": describe(error)}


def portrait(thing: Any) -> Any:
    """What an object keeps, as text by attribute; what Keras itself keeps in every object is left out."""
    keras = framework()
    common = set(dir(thing.__class__.__mro__[-1]))
    for base in (keras.layers.Layer, keras.Model, keras.losses.Loss, keras.metrics.Metric):
        if isinstance(thing, base):
            with contextlib.suppress(Exception):
                common |= set(vars(keras.layers.Layer() if base is keras.layers.Layer else keras.Model()))
    skipped = common | {"name", "_name", "_auto_config", "_auto_get_config", "_path", "_parent_path"}
    own = {key: value for key, value in vars(thing).items() if key not in skipped and not key.startswith("_self_")}
    return {key: picture(value) for key, value in own.items()}


def picture(value: Any, depth: Any = 0) -> Any:
    """A text that is equal for values that are equal."""
    if value is None or isinstance(value, (bool, int, float, str, complex, bytes)):
        return repr(value)
    if depth > 3:
        return "..."
    if isinstance(value, dict):
        return "{" + ", ".join(repr(key) + ": " + picture(item, depth + 1) for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple, set, frozenset)):
        return "[" + ", ".join(picture(item, depth + 1) for item in value) + "]"
    if isinstance(value, type) or (callable(value) and hasattr(value, "__qualname__")):
        return value.__qualname__
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, (numpy.ndarray, numpy.generic)):
        return repr(value.tolist())[:LIMIT]
    if hasattr(value, "get_config"):
        try:
            config = value.get_config()
        except Exception:
            return type(value).__name__
        if isinstance(config, dict):
            config = {key: item for key, item in config.items() if key not in ("name", "layers", "shared_object_id")}
            return type(value).__name__ + picture(config, depth + 1)
    return type(value).__name__ + (str(tuple(value.shape)) if hasattr(value, "shape") else "")


EXPERIMENTS = {
    "load_weights": load_weights,
    "save_early": save_early,
    "suffix": suffix,
    "metric": metric,
    "training_flag": training_flag,
    "run_once": run_once,
    "statement": statement,
    "crossing": crossing,
    "roundtrip": roundtrip,
    "legacy_weights": legacy_weights,
    "configuration": configuration,
    "initializer": initializer,
}

if __name__ == "__main__":
    main()
