"""Inside the child: variables that are not among the weights of a model, and models that cannot be made."""

import contextlib
import gc
import os
import sys
from typing import Any

from kerascheck.confirm.child.program import (
    arrays_of,
    describe,
    framework,
    inputs_for,
    make,
    numpy_of,
    outputs_of,
    program,
    sample,
    scramble,
    settle,
)


def variables() -> Any:
    """Every variable that is alive, of Keras or of the backend."""
    kinds: list[Any] = []
    own = getattr(framework(), "Variable", None)
    tensorflow, torch = sys.modules.get("tensorflow"), sys.modules.get("torch")
    kinds += [own] if own is not None else []
    kinds += [tensorflow.Variable] if tensorflow is not None else []
    kinds += [torch.nn.Parameter] if torch is not None else []
    return [item for item in gc.get_objects() if issubclass(type(item), tuple(kinds))]


def identities(weights: Any) -> Any:
    """What variables are known by: themselves and what holds their numbers."""
    found = set()
    for weight in weights:
        found.add(id(weight))
        found.add(id(getattr(weight, "_value", weight)))
    return found


def outside(model: Any, old: Any) -> Any:
    """The variables that are not in `old` and not the model's own; each is counted once."""
    own = list(model.weights) + list(getattr(model, "variables", ()))
    known = identities(own) | {id(item) for item in old}
    fresh = [item for item in variables() if id(item) not in known and id(getattr(item, "_value", item)) not in known]
    held = {id(item._value) for item in fresh if getattr(item, "_value", None) is not None}
    return [item for item in fresh if id(item) not in held]


def state(job: Any) -> Any:
    """Variables that are not among the weights: how many, how many more after a call, and whether outputs need them."""
    import numpy

    job = settle(job)
    inputs = inputs_for(job)
    gc.collect()
    old = variables()
    model, space = make(job)
    first = outputs_of(model, inputs)
    hidden = outside(model, old)
    outputs_of(model, inputs)
    if job.get("trains"):
        with contextlib.suppress(TypeError):  # one that takes no flag
            model(inputs, training=True)
    now = outside(model, old)
    facts = {"weights": len(model.weights), "hidden": len(hidden), "more": len(now) - len(hidden)}
    tensorflow = sys.modules.get("tensorflow")  # its variables, as Keras 2 takes them for weights
    facts["plain"] = 0 if tensorflow is None else sum(isinstance(item, tensorflow.Variable) for item in model.weights)
    for item in now:
        value = numpy_of(item)
        if value.dtype.kind == "f":
            item.assign(value + numpy.asarray(0.5, value.dtype))
    other = outputs_of(model, inputs)
    facts["needed"] = not numpy.allclose(first, other, atol=1e-6, equal_nan=True)
    del space
    return facts


def line_alone(job: Any) -> Any:
    """Whether an object of a class takes a variable of TensorFlow for a weight; its constructor is not run."""
    import tensorflow

    space, keras = program(job, wanted_only=job["class"]), framework()
    kind = eval(compile(job["class"], "<slice>", "eval"), space)
    base = keras.Model if issubclass(kind, keras.Model) else keras.layers.Layer
    if not issubclass(kind, base):
        return {"skipped": "the class is neither a layer nor a model"}
    made = kind.__new__(kind)
    base.__init__(made)
    variable = tensorflow.Variable(1.0)
    if job["held"]:
        setattr(made, job["name"], [])
        getattr(made, job["name"]).append(variable)
    else:
        setattr(made, job["name"], variable)
    known = identities([*made.weights, *getattr(made, "variables", ())])
    return {"weights": len(made.weights), "known": id(variable) in known, "kind": kind.__name__}


def making(job: Any) -> Any:
    """Whether the model can be made, and called where its source names the shape of its inputs."""
    try:
        model, _ = make(job)
    except Exception as error:
        return {"raised": describe(error)}
    hints = [(shape, kind) for shape, kind in job.get("shapes", ()) if kind == "float32"]
    try:
        built = bool(model.inputs)
    except (AttributeError, ValueError):
        built = False
    if built:
        model(inputs_for(job))
    elif hints:
        try:
            model(sample((16, *hints[0][0]), "float32"))
        except Exception as error:
            return {"raised": describe(error)}
    else:
        return {"skipped": "the model is made, and the shape of its inputs cannot be told"}
    return {}


def by_name(job: Any) -> Any:
    """Weights in a file, read by the names of the layers into the same model made once more."""
    import numpy

    inputs = inputs_for(job)
    model, _ = make(job)
    outputs_of(model, inputs)
    scramble(model)
    path = os.path.join(os.getcwd(), "named" + job["end"])
    (model.save_weights if job["end"] == ".weights.h5" else model.save)(path)
    other, _ = make(job)
    outputs_of(other, inputs)
    try:
        other.load_weights(path, by_name=True)
    except Exception as error:
        return {"raised": describe(error).replace(os.getcwd() + os.sep, "")}
    kept, found = arrays_of(model), arrays_of(other)
    same = sum(bool(numpy.array_equal(one, two)) for one, two in zip(kept, found))
    return {"weights": len(kept), "loaded": same, "outputs_differ": same < len(kept)}
