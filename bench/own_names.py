"""Write kerascheck/data/own_names.toml: the names under which Keras takes its own object for one of the user's.

    python bench/own_names.py --keras PYTHON --keras PYTHON:PYTHONPATH ... [--keep FOLDER]

A saved file holds the names of the user's classes and functions. For each kind of object, both formats and every name
that a module of any of the releases has, a file is loaded in a process that does not know the object: Keras finds
nothing and raises, or it finds an object of its own. The files are saved once under a name that Keras does not have;
this name is then replaced in the configuration, all of which is text. Of a class the configuration is that of its
base class: where Keras' own class wants other arguments, loading raises for another reason, and the name counts.
An activation function with a name of Keras' own may be saved in another, shorter form: it is saved under each name.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

TABLE = Path(__file__).resolve().parent.parent / "kerascheck" / "data" / "own_names.toml"
FORMATS = ("keras", "h5")
# how Keras says that it has found no object of the name
NOTHING = (
    r"Could not locate|Unknown \w+|[Cc]ould not interpret|Cannot deserialize|string indices must be integers"
    r"|parent module \w+ cannot be imported"
)
_HEAD = r"""
import os, sys, warnings
warnings.simplefilter("ignore")
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
"""
_BUILTIN = ("activations", "constraints", "initializers", "losses", "metrics", "optimizers", "regularizers")
_LAYERS = ("layers", "models")
# the kinds, and the modules in which Keras may look for such a name
KINDS = {
    "layer": _LAYERS,
    "inner layer": _LAYERS,
    "cell": _LAYERS,
    "model": _LAYERS,
    "functional model": _LAYERS,
    "activation": (*_BUILTIN, "layers"),
    "activation layer": ("activations", "layers"),
    "initializer": ("initializers",),
    "initializer function": ("initializers",),
    "regularizer": ("regularizers",),
    "regularizer function": ("regularizers",),
    "constraint": ("constraints",),
    "constraint function": ("constraints",),
    "loss": ("losses",),
    "loss function": _BUILTIN,
    "metric": ("losses", "metrics"),
    "metric function": _BUILTIN,
    "wrapped function": _BUILTIN,
    "optimizer": ("optimizers",),
    "schedule": ("optimizers", "optimizers.schedules"),
}
# what a reader of a program does not tell apart is one kind in the table
TOGETHER = dict.fromkeys(("inner layer", "cell", "model", "functional model", "activation layer"), "layer")
OWN = "KerascheckOwn"
HOMES = ("__main__", "kerascheck_elsewhere")  # the module of the objects, which the loading process does not have
ANY = "*"  # in the table: a name that Keras does not have
_NAMES = (
    _HEAD
    + r"""
import importlib, json, keras, types
found = {}
for space in json.load(sys.stdin):
    names = found.setdefault(space, [])
    for root in ("keras", "keras.src"):
        try:
            module = importlib.import_module(f"{root}.{space}")
        except ImportError:
            continue
        for table in (vars(module), getattr(module, "ALL_OBJECTS_DICT", {}),
                      getattr(getattr(module, "LOCAL", None), "ALL_OBJECTS", {})):
            names += [name for name, value in table.items()
                      if isinstance(name, str) and name.isidentifier() and name[0] != "_" and callable(value)]
print("\n" + json.dumps([keras.__version__, found]))
"""
)
# every kind of object in a model of its own; `KerascheckOwn` is what is replaced afterwards
SAVE = (
    _HEAD
    + r"""
import json
import keras
import numpy
import tensorflow
from keras import layers

folder, home = sys.argv[1:]  # `home`: the module in which the objects are


def KerascheckOwn(*given, **more):
    return given[-1] * 1.0 if hasattr(given[-1], "shape") else 0.0


def initial(shape, dtype=None, **more):
    return tensorflow.zeros(shape)


initial.__name__ = initial.__qualname__ = "KerascheckOwn"
initial.__module__ = KerascheckOwn.__module__ = home


class Zeros(keras.initializers.Initializer):
    def __call__(self, shape, dtype=None, **more):
        return tensorflow.zeros(shape)


class Cell(layers.Layer):
    state_size = output_size = 2

    def call(self, x, states, **more):
        return x, states


class Penalty(keras.regularizers.Regularizer):
    def __call__(self, x):
        return 0.0

    def get_config(self):
        return {}


class Bound(keras.constraints.Constraint):
    def __call__(self, x):
        return x


class Lost(keras.losses.Loss):
    def call(self, y_true, y_pred):
        return y_pred - y_true


class Measured(keras.metrics.Metric):
    def update_state(self, *given, **more):
        pass

    def result(self):
        return 0.0


class Slow(keras.optimizers.schedules.LearningRateSchedule):
    def __call__(self, step):
        return 0.1

    def get_config(self):
        return {}


class Descent(keras.optimizers.SGD):
    def get_config(self):
        return {key: value for key, value in super().get_config().items() if key not in ("momentum", "nesterov")}


class Net(keras.Model):
    def call(self, x):
        return x


def named(base):
    return type("KerascheckOwn", (base,), {"__module__": home})


def model(*inner, shape=(2,), **compiled):
    made = keras.Sequential([keras.Input(shape), *inner, layers.Dense(1)])
    if compiled:
        made.compile(**{"optimizer": "sgd", "loss": keras.losses.MeanSquaredError(), **compiled})
    return made


class Layer(layers.Layer):
    def call(self, x):
        return x


def functional():
    inputs = keras.Input((2,))
    return named(keras.Model)(inputs=inputs, outputs=layers.Dense(1)(inputs))


MODELS = {
    "layer": lambda: model(named(Layer)()),
    "inner layer": lambda: model(layers.TimeDistributed(named(Layer)()), shape=(3, 2)),
    "cell": lambda: model(layers.RNN(named(Cell)()), shape=(3, 2)),
    "model": lambda: named(Net)(),
    "functional model": functional,
    "activation layer": lambda: model(layers.Dense(2, activation=named(Layer)())),
    "activation": lambda: model(layers.Dense(2, activation=KerascheckOwn)),
    "initializer": lambda: model(layers.Dense(2, kernel_initializer=named(Zeros)())),
    "initializer function": lambda: model(layers.Dense(2, kernel_initializer=initial)),
    "regularizer": lambda: model(layers.Dense(2, kernel_regularizer=named(Penalty)())),
    "regularizer function": lambda: model(layers.Dense(2, kernel_regularizer=KerascheckOwn)),
    "constraint": lambda: model(layers.Dense(2, kernel_constraint=named(Bound)())),
    "constraint function": lambda: model(layers.Dense(2, kernel_constraint=KerascheckOwn)),
    "loss": lambda: model(loss=named(Lost)()),
    "loss function": lambda: model(loss=KerascheckOwn),
    "metric": lambda: model(metrics=[named(Measured)()]),
    "metric function": lambda: model(metrics=[KerascheckOwn]),
    "wrapped function": lambda: model(metrics=[keras.metrics.MeanMetricWrapper(KerascheckOwn, name="a")]),
    "optimizer": lambda: model(optimizer=named(Descent)()),
    "schedule": lambda: model(optimizer=keras.optimizers.SGD(learning_rate=named(Slow)())),
}
for kind, make in MODELS.items():
    for end in ("keras", "h5"):
        try:
            keras.backend.clear_session()
            made = make()
            if kind == "model":
                made(numpy.zeros((1, 2), "float32"))
            made.save(os.path.join(folder, f"{kind}.{end}"))
        except Exception as error:
            print(kind, end, type(error).__name__, str(error)[:200].replace("\n", " "), file=sys.stderr)
for name in json.load(sys.stdin):
    KerascheckOwn.__name__ = KerascheckOwn.__qualname__ = name
    for end in ("keras", "h5"):
        keras.backend.clear_session()
        try:
            MODELS["activation"]().save(os.path.join(folder, f"activation={name}.{end}"))
        except Exception as error:
            print(name, end, type(error).__name__, str(error)[:200].replace("\n", " "), file=sys.stderr)
"""
)
# nothing but `main` is in the module that a file may name as that of its objects
LOAD = (
    _HEAD.replace("import os, sys, warnings", "def main():\n    import os, sys, warnings", 1)
    .replace("\nw", "\n    w")
    .replace("\nos.", "\n    os.")
    + r"""
    import json, re, shutil, zipfile
    import h5py, keras

    job = json.load(sys.stdin)
    folder = job["folder"]

    def load(kind, end, name):
        source, path = os.path.join(folder, f"{kind}={name}.{end}"), os.path.join(folder, f"now.{end}")
        if not os.path.exists(source):
            source = os.path.join(folder, f"{kind}.{end}")
        if end == "keras":
            with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, "w") as new:
                for item in old.namelist():
                    data = old.read(item)
                    if item == "config.json":
                        data = data.replace(b'"KerascheckOwn"', b'"%s"' % name.encode())
                    new.writestr(item, data)
        else:
            shutil.copy(source, path)
            with h5py.File(path, "a") as file:
                for key in ("model_config", "training_config"):
                    if key in file.attrs:
                        text = file.attrs[key]
                        text = text.decode() if isinstance(text, bytes) else text
                        file.attrs[key] = text.replace('"KerascheckOwn"', '"%s"' % name)
        try:
            keras.models.load_model(path)
        except Exception as error:
            return "nothing" if re.search(job["nothing"], str(error)) else f"{type(error).__name__}: {error}"[-160:]
        return ""

    found = {}
    for kind, names in job["kinds"].items():
        for end in job["formats"]:
            if not os.path.exists(os.path.join(folder, f"{kind}.{end}")):
                continue
            for count, name in enumerate(names):
                if count % 50 == 0:
                    keras.backend.clear_session()
                found.setdefault(f"{kind}.{end}", {})[name] = load(kind, end, name)
    print("\n" + json.dumps(found))


main()
"""
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keras", action="append", required=True, metavar="PYTHON[:PYTHONPATH]")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="answers of earlier runs, one file a release")
    arguments = parser.parse_args()
    spaces = sorted({space for names in KINDS.values() for space in names})
    versions: dict[str, tuple[str, str]] = {}
    names: dict[str, set[str]] = {space: set() for space in spaces}
    for keras in arguments.keras:
        python, _, path = keras.partition(":")
        version, found = json.loads(ask(python, path, _NAMES, json.dumps(spaces)))
        versions[version] = (python, path)
        for space, members in found.items():
            names[space] |= set(members)
    asked = {kind: [OWN, *sorted({name for space in KINDS[kind] for name in names[space]})] for kind in KINDS}
    answers = {}
    for version in sorted(versions, key=numbers):
        kept = arguments.keep / f"{version}.json" if arguments.keep is not None else None
        if kept is not None and kept.exists():
            answers[version] = json.loads(kept.read_text(encoding="utf-8"))
        else:
            answers[version] = [run(*versions[version], asked, home) for home in HOMES]
            if kept is not None:
                kept.write_text(json.dumps(answers[version]), encoding="utf-8")
        print(version, file=sys.stderr)
    TABLE.write_text("\n".join(text(table(answers), list(answers))), encoding="utf-8")
    return 0


def run(python: str, path: str, asked: dict[str, list[str]], home: str) -> dict[str, dict[str, str]]:
    """What a release says to each name of each kind, by "kind.format": nothing where it loads the file."""
    with tempfile.TemporaryDirectory() as folder:
        ask(python, path, SAVE, json.dumps(asked.get("activation", [])), folder, home)
        job = {"folder": folder, "kinds": asked, "formats": FORMATS, "nothing": NOTHING}
        found: dict[str, dict[str, str]] = json.loads(ask(python, path, LOAD, json.dumps(job)))
        return found


def ask(python: str, path: str, code: str, given: str, *arguments: str) -> str:
    """The last line that a program prints."""
    environment = {**os.environ, "PYTHONPATH": path, "KERAS_BACKEND": "tensorflow"}
    done = subprocess.run(
        [python, "-c", code, *arguments], input=given, capture_output=True, text=True, env=environment
    )
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    return done.stdout.splitlines()[-1] if done.stdout.strip() else ""


def numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


def takes_own(kind: str, answer: str) -> bool:
    """Whether Keras has found an object of its own: a class may then refuse the arguments, a function is called."""
    return answer == "" or (answer != "nothing" and not kind.endswith("function") and kind != "activation")


def table(answers: dict[str, list[dict[str, dict[str, str]]]]) -> dict[str, dict[str, dict[str, list[str]]]]:
    """The names by kind, format and the releases on which loading raises, "" for none."""
    releases = sorted(answers, key=numbers)
    taken: dict[tuple[str, str], dict[str, set[str]]] = {}
    for release in releases:
        for found in answers[release]:
            for key, said in found.items():
                kind, _, end = key.rpartition(".")
                group = taken.setdefault((TOGETHER.get(kind, kind), end), {})
                for name, answer in said.items():
                    if name == OWN and kind in TOGETHER:
                        continue  # none of these loads
                    if takes_own(kind, answer) and (name != OWN or answer == ""):
                        group.setdefault(ANY if name == OWN else name, set()).add(release)
    made: dict[str, dict[str, dict[str, list[str]]]] = {}
    for (kind, end), group in sorted(taken.items()):
        others = group.get(ANY, set())
        for name, silent in sorted(group.items()):
            if name == ANY or not silent <= others:
                on = raising(releases, silent | others)
                made.setdefault(kind, {}).setdefault(end, {}).setdefault(on, []).append(name)
    return made


def raising(releases: list[str], silent: set[str]) -> str:
    """The releases on which loading surely raises: from one that does up to the last before one that does not."""
    parts = []
    start = 0
    while start < len(releases):
        if releases[start] in silent:
            start += 1
            continue
        end = start
        while end + 1 < len(releases) and releases[end + 1] not in silent:
            end += 1
        first, last = releases[start], releases[end]
        lower = "" if start == 0 else ">=3" if releases[start - 1].startswith("2.") else f">={first}"
        upper = "" if end + 1 == len(releases) else "<3" if last.startswith("2.") else f"<={last}"
        parts.append(",".join(part for part in (lower, upper) if part))
        start = end + 1
    return " or ".join(parts)


def text(made: dict[str, dict[str, dict[str, list[str]]]], releases: list[str]) -> Iterator[str]:
    yield "# Names under which Keras takes its own object for one of the user's when it loads a file: by the kind of"
    yield "# the user's object and the format, the releases on which loading raises all the same (an empty key: none)"
    yield "# and the names. A star is any other name; without it, all of those raise on every release. Where a class of"
    yield "# Keras refuses the arguments of the user's, loading raises for that; such a name is here, too."
    yield f"# Written by bench/own_names.py on Keras {', '.join(releases)} (TensorFlow)."
    for kind, formats in made.items():
        for end, groups in formats.items():
            yield f'["{kind}".{end}]'
            for on, names in groups.items():
                yield f'"{on}" = """'
                line = ""
                for name in names:
                    if len(line) + len(name) > 116:
                        yield line
                        line = ""
                    line = f"{line} {name}" if line else name
                yield line + '"""'
    yield ""


if __name__ == "__main__":
    raise SystemExit(main())
