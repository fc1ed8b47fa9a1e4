"""Inside the child: experiments about whole models and configurations."""

import contextlib
import json
import os
import signal
import sys
import types
from typing import Any

from kerascheck.confirm.child.program import (
    LIMIT,
    arrays_of,
    choose,
    describe,
    framework,
    inputs_for,
    make,
    missing,
    named,
    outputs_of,
    program,
    sample,
    scramble,
    settle,
    supplied,
    wanted,
)


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
    program(job, "kerascheck_other")
    objects = supplied(job.get("without", ()))
    for name in ("kerascheck_slice", "kerascheck_guarded"):  # as `__main__` is there, and is another script
        sys.modules[name] = types.ModuleType(name)
    return objects


def roundtrip(job: Any) -> Any:
    """A model saved whole and loaded: outputs, weights and configuration before and after."""
    import numpy

    def load(question: Any) -> Any:
        objects = handed(dict(job, chosen=question["chosen"]))
        if job.get("lacks"):
            lend(job["lacks"])
        loaded, facts = read_past_lambdas(question["path"], objects, job)
        if loaded is not None:
            facts["weights"] = len(loaded.weights)
            facts["shadowed"] = shadowed(job.get("without", ()))
        if loaded is not None and job.get("lacks"):
            pairs = wanted(loaded, 4) or []
            try:
                outputs_of(loaded, named(loaded, [sample(shape, kind) for shape, kind in pairs]))
            except Exception as error:
                facts["call_raised"] = describe(error)
        return facts

    elsewhere = Elsewhere(load) if job.get("foreign") else None
    job = choose(job)
    if job.get("single"):
        job = settle(job)
    inputs = inputs_for(dict(job, before=[]))
    if job.get("single") and not isinstance(make(job)[0], framework().Model):
        job = dict(job, wrapped=[list(inputs.shape[1:]), str(inputs.dtype)])
    model, space = make(job)
    outputs_of(model, inputs)
    if job.get("scramble", True):
        scramble(model)
    for step in job.get("after", ()):
        exec(compile(step, "<slice>", "exec"), space)
    expected = outputs_of(model, inputs)
    steady = bool(numpy.allclose(expected, outputs_of(model, inputs), atol=1e-6, equal_nan=True))
    end = job.get("format") or ".keras"
    path = os.path.join(os.getcwd(), "experiment" + ("." * (end[0] != ".")) + end)
    try:
        if end == "json":
            with open(path, "w", encoding="utf-8") as file:
                file.write(model.to_json())
        else:
            model.save(path)
    except Exception as error:
        return {"save_raised": describe(error)}
    if elsewhere is not None:
        return elsewhere.ask({"path": path, "chosen": job.get("chosen")})
    loaded, facts = read_past_lambdas(path, supplied(job.get("without", ())), job)
    if loaded is None:
        return facts
    try:
        found = outputs_of(loaded, inputs)
    except Exception as error:
        return {"call_raised": describe(error), "weights": len(model.weights)}
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


def shadowed(names: Any) -> Any:
    """The names under which Keras has something of its own, unless the program has registered what it means."""
    registered = [getattr(value, "__name__", "") for value in framework().utils.get_custom_objects().values()]
    return [name for name in names if name not in registered and known_to_keras(name)]


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


_LAMBDA = "a Python lambda"  # in what Keras 2.15 to 3.15.1 raise, with marks around the last word or without


def read_past_lambdas(path: Any, objects: Any, job: Any) -> Any:
    """As `read_model`; once more with the code in the file, which this run has written, when only that stands between.

    What the finding speaks of is another fault than the lambda.
    """
    loaded, facts = read_model(path, objects, job.get("load", {}))
    if job.get("past_lambda") and path.endswith(".keras") and _LAMBDA in facts.get("raised", "").replace("`", ""):
        lend()
        loaded, facts = read_model(path, objects, {**job.get("load", {}), "safe_mode": False})
        facts["past_lambda"] = True
    return loaded, facts


def lend(without: Any = "") -> None:
    """Make the names of the program known everywhere, but one: a lambda from a file does not find what it reads."""
    import builtins

    for module in [item for key, item in list(sys.modules.items()) if key.startswith("kerascheck_")]:
        for key, value in list(vars(module).items()):
            if not key.startswith("_") and key != without and not hasattr(builtins, key):
                setattr(builtins, key, value)


def read_model(path: Any, objects: Any, options: Any) -> Any:
    """A model loaded as the program loads it, or None; and what happened."""
    keras = framework()
    taken = dict(options)
    if taken.pop("safe_mode", None) is False and (path.endswith(".keras") or not keras.__version__.startswith("2.")):
        taken["safe_mode"] = False  # this run has written the file itself
    try:
        with hurried():
            if path.endswith(".json"):
                with open(path, encoding="utf-8") as file:
                    return keras.models.model_from_json(file.read(), custom_objects=objects or None), {}
            return keras.models.load_model(path, custom_objects=objects or None, **taken), {}
    except Endless:
        return None, {"endless": ENDLESS}
    except Exception as error:
        return None, {"raised": describe(error).replace(os.getcwd() + os.sep, "")}


ENDLESS = 15  # seconds of the processor after which a load is said not to end


class Endless(BaseException):
    pass


@contextlib.contextmanager
def hurried() -> Any:
    """Stop what takes too much of the processor; on some releases a load never ends."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def stop(number: Any, frame: Any) -> Any:
        raise Endless

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, ENDLESS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def crossing(job: Any) -> Any:
    """Files of the program as it was read by the repaired one, and the other way round.

    Only formats count in which the program as it was could read its own file: what never worked is not lost.
    """
    import numpy

    ends = ("weights.h5", "keras")
    made = {}
    for version in ("one", "other"):
        part = job[version]
        inputs = inputs_for(part)
        model, _ = make(part)
        outputs_of(model, inputs)
        scramble(model)
        expected = outputs_of(model, inputs)
        if not numpy.allclose(expected, outputs_of(model, inputs), atol=1e-6, equal_nan=True):
            return {"lost": []}  # it draws random numbers: nothing to compare
        problems = {}
        for end in ends:
            try:
                (model.save_weights if end == "weights.h5" else model.save)(written_by(version, end))
            except Exception as error:
                problems[end] = describe(error)
        made[version] = inputs, expected, problems

    def problem(writer: Any, reader: Any, end: Any) -> Any:
        inputs, expected, problems = made[writer]
        if end in problems:
            return problems[end]
        try:
            found = crossed(job[reader], written_by(writer, end), inputs)
        except Exception as error:
            return describe(error)
        return "" if numpy.allclose(found, expected, atol=1e-5, equal_nan=True) else "gives other outputs"

    lost = []
    names = {"one": "the program as it was", "other": "the repaired program"}
    for end in ends:
        if problem("one", "one", end):
            continue
        for writer, reader in (("one", "other"), ("other", "one")):
            text = problem(writer, reader, end)
            if text:
                lost.append(f"a {end} file of {names[writer]} in {names[reader]}: {text}")
    return {"lost": lost}


def written_by(version: Any, end: Any) -> Any:
    return os.path.join(os.getcwd(), version + "." + end)


def crossed(job: Any, path: Any, inputs: Any) -> Any:
    """What a program's model gives after it has read a file."""
    model, _ = make(job)
    if path.endswith(".keras"):
        model = framework().models.load_model(path, custom_objects=supplied(job.get("without", ())))
    else:
        outputs_of(model, inputs)
        model.load_weights(path)
    return outputs_of(model, inputs)


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
        # with random weights the outputs are small: what counts is how large the difference is beside them
        "outputs_differ": bool(numpy.abs(found - expected).max() > 1e-3 * numpy.abs(expected).max()),
        "difference": float(numpy.abs(found - expected).max()),
        "size": float(numpy.abs(expected).max()),
    }


def configuration(job: Any) -> Any:
    """An object with arguments of its own, written and read as Keras writes it into a file."""

    def read(question: Any) -> Any:
        facts = {key: value for key, value in revive(question, handed(job)).items() if key != "object"}
        if "raised" not in facts:
            facts["shadowed"] = shadowed(job.get("without", ()))
        return facts

    elsewhere = Elsewhere(read) if job.get("foreign") else None
    space = program(job)
    made, plain, first = None, None, None
    for text, without in job["makes"]:
        try:
            made = eval(compile(text, "<slice>", "eval"), space)
            plain = eval(compile(without, "<slice>", "eval"), space) if without else None
            break
        except Exception as error:
            first = first or error
    else:
        assert first is not None
        raise first
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
    equal = portrait(eval(compile(text, "<slice>", "eval"), space))  # what differs here hangs on no argument
    own = [key for key in before if before[key] == equal.get(key) and (plain is None or before[key] != other.get(key))]
    facts["visible"] = sorted(own)[:20]
    facts["changed"] = {
        key: [before[key][:LIMIT], after.get(key, "nothing")[:LIMIT]] for key in own if after.get(key) != before[key]
    }
    return facts


def clash(job: Any) -> Any:
    """Of two things that are registered under one name, what each is after it was written and read."""
    space = program(job)
    found = []
    for text in job["makes"]:
        made = eval(compile(text, "<slice>", "eval"), space)
        written = json.loads(json.dumps(framework().saving.serialize_keras_object(made)))
        facts = revive(written, {})
        if "raised" in facts:
            return facts
        found.append([title(made), title(facts["object"])])
    return {"found": found}


def title(thing: Any) -> Any:
    """The name of a function, or of the class of an object."""
    return thing.__qualname__ if isinstance(thing, types.FunctionType) else type(thing).__qualname__


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
    shape = getattr(value, "shape", None)
    return type(value).__name__ + ("" if shape is None or callable(shape) else str(tuple(shape)))
