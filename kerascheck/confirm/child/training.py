"""Inside the child: experiments about metrics, training and runs that differ."""

import functools
from typing import Any

from kerascheck.confirm.child.program import (
    LIMIT,
    arrays_of,
    describe,
    framework,
    inputs_for,
    make,
    numpy_of,
    outputs_of,
    program,
    scramble,
    supplied,
)


def metric(job: Any) -> Any:
    """The accuracy that Keras logs against one that is computed by hand."""
    import numpy

    inputs = inputs_for(job, rows=64)
    model, space = make(job)
    outputs = outputs_of(model, inputs)
    scramble(model)
    outputs = outputs_of(model, inputs)
    exec(compile(job["compile"], "<slice>", "exec"), space)
    form = job["labels"]
    border = 0.0 if job.get("logits") else 0.5
    if form == "binary":
        outputs = spread(model, inputs, outputs, border)
        between = bool(((outputs > 0.0) & (outputs <= 0.5)).any())
        if border == 0.0 and not between and outputs.shape[-1] == 1:
            # all outputs are alike: they are put between the two borders
            outputs = spread(model, inputs, outputs, border, 0.25)
    labels, right, rival = labelled(outputs, form, border)
    logged = model.evaluate(inputs, labels, verbose=0, return_dict=True)
    value = logged.get(job["name"])
    if value is None:
        raise ValueError(f"no `{job['name']}` among what evaluate logs: {', '.join(logged)}")
    # labels that are all alike cannot tell a right accuracy from a wrong one
    weak = form == "binary" and bool(labels.min() == labels.max())
    weak = weak or (rival is not None and abs(float(numpy.mean(right)) - rival) < APART)
    if form == "binary" and border == 0.0:
        weak = weak or not ((outputs > 0.0) & (outputs <= 0.5)).any()
    elif form == "binary" and labels.shape[-1] > 1:
        weak = weak or bool((labels.max(-1) == labels.min(-1)).all())
    return {"logged": float(value), "by_hand": float(numpy.mean(right)), "weak": bool(weak)}


APART = 0.02  # two accuracies that are nearer do not tell which one was logged


def labelled(outputs: Any, form: Any, border: Any) -> Any:
    """Labels, which outputs are right by hand, and what the other way of counting gives: the two must differ."""
    import numpy

    units = outputs.shape[-1]
    labels = right = rival = None
    for seed in range(3, 23):
        generator = numpy.random.RandomState(seed)
        if form == "sparse":
            labels = generator.randint(0, units, outputs.shape[:-1])
            return labels, outputs.argmax(-1) == labels, None
        if form == "categorical":
            labels = numpy.eye(units, dtype="float32")[generator.randint(0, units, outputs.shape[:-1])]
            right = outputs.argmax(-1) == labels.argmax(-1)
            rival = float(((outputs > 0.5) == (labels > 0.5)).mean())
        else:
            between = bool(((outputs > 0.0) & (outputs <= 0.5)).any())
            if border == 0.0 and units == 1 and between and (outputs > 0.0).all():  # alike: most labels are 1
                labels = (generator.uniform(0, 1, outputs.shape) < 0.75).astype("float32")
            elif border == 0.0 or units == 1:  # labels that the outputs meet in full: by hand the accuracy is 1
                labels = (outputs > border).astype("float32")
            else:
                labels = generator.randint(0, 2, outputs.shape).astype("float32")
            right = (outputs > border) == (labels > 0.5)
            if units > 1:
                rival = float((outputs.argmax(-1) == labels.argmax(-1)).mean())
        if rival is None or abs(float(right.mean()) - rival) >= APART:
            break
    return labels, right, rival


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


def inside(layer: Any) -> Any:
    """The layers inside of a layer or model, and itself."""
    flatten = getattr(layer, "_flatten_layers", None)
    return list(flatten()) if flatten is not None else [layer]


def overwritten_flag(job: Any) -> Any:
    """In which mode the layers run that the program calls with a flag of its own."""
    import numpy

    keras = framework()
    inputs = inputs_for(job)
    seen: list[Any] = []
    among: set[Any] = set()
    for name in job["layers"]:
        layer = getattr(keras.layers, name, None)
        if layer is not None:
            watch(layer, name, seen, among)
    model, space = make(job)
    parts = inside(eval(compile(job["layer"], "<slice>", "eval"), space))
    among.update(id(part) for part in parts)
    targets = numpy.zeros_like(outputs_of(model, inputs))
    model.compile(optimizer="sgd", loss="mse")
    kept = [numpy_of(weight) for part in parts for weight in moving(part)]
    del seen[:]
    if job["flag"]:
        model.predict(inputs, verbose=0)
    else:
        model.fit(inputs, targets, epochs=1, batch_size=8, verbose=0)
    changed = [numpy_of(weight) for part in parts for weight in moving(part)]
    moved = sum(not numpy.array_equal(one, other) for one, other in zip(kept, changed))
    wrong = sorted({name for name, flag in seen if flag is not job["flag"]})
    return {"calls": len(seen), "wrong": wrong, "moved": moved, "statistics": len(kept)}


def moving(layer: Any) -> Any:
    """The statistics of a BatchNormalization that training changes."""
    if not type(layer).__name__.endswith("BatchNormalization"):
        return []
    return [layer.moving_mean, layer.moving_variance]


def shared_optimizer(job: Any) -> Any:
    """The models of a program, compiled with one optimizer and trained one after the other."""
    import numpy

    given = [inputs_for(dict(job, make=text)) for text in job["models"]]
    space = program(job)
    optimizer = eval(compile(job["optimizer"], "<slice>", "eval"), space)
    models = {text: eval(compile(text, "<slice>", "eval"), space) for text in job["models"]}
    targets = [numpy.zeros_like(outputs_of(model, inputs)) for model, inputs in zip(models.values(), given)]
    batches = dict(zip(models, zip(given, targets)))
    for model in models.values():
        model.compile(optimizer=optimizer, loss="mse")
    trained = 0
    for kind, text, value in job["steps"]:
        if kind == "switch":
            thing = eval(compile(text, "<slice>", "eval"), space)
            for part in thing if isinstance(thing, list) else [thing]:
                part.trainable = value == "True"
            continue
        try:
            models[text].train_on_batch(*batches[text])
        except Exception as error:
            if not trained:
                raise
            return {"raised": describe(error)}
        trained += 1
    return {"models": len(models)}


def optimizer_state(job: Any) -> Any:
    """The steps that an optimizer counts: before a file is written, and after the program reads it."""
    import numpy

    inputs = inputs_for(job)

    def made() -> Any:
        model, space = make(job)
        return model, space, numpy.zeros_like(outputs_of(model, inputs))

    def compiled(model: Any, space: Any) -> Any:
        model.compile(optimizer=eval(compile(job["optimizer"], "<slice>", "eval"), space), loss="mse")

    def steps(model: Any) -> Any:
        return int(numpy_of(model.optimizer.iterations))

    model, space, targets = made()
    for kind, name, text in job.get("steps", [["compile", job["make"], ""], *[["train", job["make"], ""]] * 3]):
        thing = model if name == job["make"] else eval(compile(name, "<slice>", "eval"), space)
        if kind == "switch":
            for part in thing if isinstance(thing, list) else [thing]:
                part.trainable = text == "True"
        elif thing is not model:
            continue  # the training of another model
        elif kind == "compile":
            compiled(model, space)
        else:
            model.train_on_batch(inputs, targets)
    if model.optimizer is None:
        return {"skipped": "the `compile` of the model was not found"}
    before = steps(model)
    if job["whole"]:
        model.save("whole.keras")
        again = framework().models.load_model("whole.keras", custom_objects=supplied())
        brought = steps(again)
        space = program(job)
    else:
        model.save_weights("only.weights.h5")
        again, space, _ = made()
        brought = before
    if job.get("steps"):
        return {"before": before, "brought": before, "after": brought}
    compiled(again, space)
    if not job["whole"]:
        again.load_weights("only.weights.h5")
    return {"before": before, "brought": brought, "after": steps(again)}


def unlogged_key(job: Any) -> Any:
    """One epoch of training; a callback watches a key, or the key is read from the history."""
    import numpy

    inputs = inputs_for(job)
    model, space = make(job)
    targets = numpy.zeros_like(outputs_of(model, inputs))
    metrics = eval(compile(job["metrics"], "<slice>", "eval"), space)
    model.compile(optimizer="sgd", loss="mse", metrics=metrics)
    options = {"validation_data": (inputs, targets)} if job["validated"] else {}
    model.fit(inputs, targets, epochs=1, verbose=0, **options)  # what raises here is not of the key
    callbacks = [eval(compile(job["callback"], "<slice>", "eval"), space)] if job["callback"] else []
    try:
        history = model.fit(inputs, targets, epochs=1, verbose=0, callbacks=callbacks, **options).history
        if not job["callback"]:
            history[job["key"]]
    except Exception as error:
        return {"raised": describe(error)}
    return {"logged": sorted(history)}


def watch(layer: Any, name: Any, seen: Any, among: Any = None) -> None:
    """Note each call of a kind of layer, by name and whether in training mode; only of those that `among` has."""
    original = layer.call

    def call(self: Any, *arguments: Any, **keywords: Any) -> Any:
        flag = keywords.get("training")
        if flag is None and len(arguments) > 1 and isinstance(arguments[1], bool):
            flag = arguments[1]
        if among is None or id(self) in among:
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


def statement(job: Any) -> Any:
    """A statement that is said to raise."""
    space = {"__name__": "kerascheck_slice"}
    exec(compile(job["source"], "<slice>", "exec"), space)
    try:
        exec(compile(job["statement"], "<slice>", "exec"), space)
    except Exception as error:
        return {"raised": describe(error)}
    return {}
