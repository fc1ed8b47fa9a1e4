"""Inside the child: experiments about files of weights."""

import importlib
import io
import os
from typing import Any

from kerascheck.confirm.child.program import (
    agreement,
    arrays_of,
    describe,
    framework,
    inputs_for,
    make,
    outputs_of,
    scramble,
)


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
    path = os.path.join(os.getcwd(), job.get("name") or name)
    try:
        getattr(model, job["method"])(path)
    except Exception as error:
        return {"raised": describe(error).replace(os.getcwd() + os.sep, "")}
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
        stand_in = True
        if job.get("old"):  # TensorFlow's old copy of Keras 2
            layers = importlib.import_module("tensorflow.python.keras.layers")
            model = importlib.import_module("tensorflow.python.keras.models").Sequential([layers.Dense(2)])
            model.build((None, 3))
        else:
            keras = framework()
            model = keras.Sequential([keras.layers.Input(shape=(3,)), keras.layers.Dense(2)])
    path = os.path.join(os.getcwd(), job["name"])
    if job["method"] == "load_weights":
        model.save_weights("valid.weights.h5")
        if path.endswith(os.sep):
            os.makedirs(path, exist_ok=True)
        else:
            shutil.copyfile("valid.weights.h5", path)
    try:
        getattr(model, job["method"])(path, **job.get("keywords", {}))
    except Exception as error:
        return {"raised": describe(error).replace(os.getcwd() + os.sep, ""), "stand_in": stand_in}
    return {"stand_in": stand_in}


def load_result(job: Any) -> Any:
    """What `load_weights` gives back, and what asking it for something raises."""
    stand_in = False
    try:
        model, _ = make(job)
        model(inputs_for(job))
    except Exception:
        if job.get("own"):
            raise
        keras = framework()
        model, stand_in = keras.Sequential([keras.layers.Input(shape=(3,)), keras.layers.Dense(2)]), True
    path = os.path.join(os.getcwd(), "experiment" + job["end"])
    if job["end"] == ".keras":
        model.save(path)
    else:
        save_weights(model, path)
    result = model.load_weights(path)
    if not job.get("assigned", True):
        result = model
    facts = {"kind": type(result).__name__, "stand_in": stand_in}
    if result is None:
        try:
            eval("result." + job["use"] if job["use"] else "result(0)", {"result": result})
        except (AttributeError, TypeError) as error:
            facts["raised"] = describe(error)
    return facts


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
    session = old.keras.backend.get_session()
    if job.get("initialize", True):
        session.run(old.global_variables_initializer())
    found = model.get_weights()
    same = sum(bool(numpy.array_equal(one, other)) for one, other in zip(kept, found))
    return {"weights": len(kept), "loaded": same, "outputs_differ": same < len(kept), "stand_in": stand_in}
