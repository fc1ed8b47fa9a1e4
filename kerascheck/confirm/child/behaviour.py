"""Inside the child: experiments about what a model answers, starts with and learns, and about splits of data."""

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
)
from kerascheck.confirm.child.training import spread


def heads_of(model: Any, inputs: Any) -> Any:
    """All outputs of a model, as arrays."""
    result = model(inputs)
    if isinstance(result, dict):
        result = list(result.values())
    return [numpy_of(item) for item in (result if isinstance(result, (list, tuple)) else [result])]


def same_for_all(array: Any) -> Any:
    """Whether every row of an output is the same."""
    return array.ndim > 0 and len(array) > 1 and float(abs(array - array[:1]).max()) < 1e-6


LAYER_SHAPES = ((16, 8), (16, 6, 8), (16, 8, 8, 3), (16, 4, 8, 8, 3))


def constant_output(job: Any) -> Any:
    """Whether an output is the same for all rows, with three sets of weights."""
    import numpy

    inputs = None
    if job.get("layer"):
        space, last = program(job), None
        for shape in LAYER_SHAPES:
            inputs = sample(shape, "float32")
            try:
                model = eval(compile(job["layer"], "<slice>", "eval"), space)
                outputs_of(model, inputs)
                break
            except Exception as error:
                last = last or error
        else:
            assert last is not None
            raise last
    else:
        inputs = inputs_for(job)
        model, _ = make(job)
    trials = [heads_of(model, inputs)]
    scramble(model)
    trials.append(heads_of(model, inputs))
    for weight in model.weights:
        value = numpy_of(weight)
        if value.dtype.kind == "f" and value.size:
            weight.assign((-value).astype(value.dtype))
    trials.append(heads_of(model, inputs))
    constant = [index for index in range(len(trials[0])) if all(same_for_all(trial[index]) for trial in trials)]
    values = [float(trials[0][index].ravel()[0]) for index in constant]
    widest = max(float(numpy.ptp(array, axis=0).max()) for trial in trials for array in trial)
    return {"outputs": len(trials[0]), "constant": constant, "values": values, "rows": 16, "range": widest}


def equal_weights(job: Any) -> Any:
    """Weights of one model that start with the same numbers."""
    import numpy

    inputs = inputs_for(job)
    model, _ = make(job)
    outputs_of(model, inputs)
    random = []
    for weight in model.weights:
        value = numpy_of(weight)
        if value.dtype.kind == "f" and value.size > 1 and value.min() != value.max():
            random.append((str(getattr(weight, "path", weight.name)), value))
    alike = [
        [one, other, int(value.size)]
        for index, (one, value) in enumerate(random)
        for other, second in random[index + 1 :]
        if value.shape == second.shape and numpy.array_equal(value, second)
    ]
    comparable = sum(
        value.shape == second.shape for index, (_, value) in enumerate(random) for _, second in random[index + 1 :]
    )
    return {"weights": len(model.weights), "pairs": alike, "comparable": comparable}


def moved_by_a_step(model: Any, inputs: Any, targets: Any, method: Any) -> Any:
    """By the index of a weight: whether one step of training moves it."""
    import numpy

    before = arrays_of(model)
    if method == "fit":
        model.fit(inputs, targets, epochs=1, batch_size=16, verbose=0)
    else:
        model.train_on_batch(inputs, targets)
    return [not numpy.array_equal(one, other) for one, other in zip(before, arrays_of(model))]


def not_trained(job: Any) -> Any:
    """The program's steps of compiling, freezing and training in its order, then one step; and one after `compile`."""
    import numpy

    needed: dict[Any, Any] = {}
    for kind, name, _ in [["train", job["make"], ""], *job["steps"]]:
        if kind == "train" and name not in needed:
            needed[name] = inputs_for(dict(job, make=name))
    model, space = make(job)
    inputs = needed[job["make"]]
    outputs_of(model, inputs)

    def targets(thing: Any, given: Any) -> Any:
        heads = [numpy.asarray(sample(array.shape, "float32", 5)) + 2.0 for array in heads_of(thing, given)]
        return heads if len(heads) > 1 else heads[0]

    def compiled(thing: Any) -> Any:
        thing.compile(optimizer=framework().optimizers.SGD(0.1), loss="mse")

    own_compile = False
    for kind, name, text in job["steps"]:
        thing = eval(compile(name, "<slice>", "eval"), space)
        if kind == "compile":
            compiled(thing)
            own_compile = own_compile or thing is model
        elif kind == "switch":
            for part in thing if isinstance(thing, list) else [thing]:  # of `.layers[2:]`
                part.trainable = text == "True"
        else:
            moved_by_a_step(thing, needed[name], targets(thing, needed[name]), job["method"])
    if not own_compile:
        return {"skipped": "the `compile` of the model was not found"}
    kept = arrays_of(model)
    trainable = {id(weight) for weight in model.trainable_weights}
    names = [str(getattr(weight, "path", weight.name)) for weight in model.weights]
    counted = [not any(part in name for part in ("moving_", "seed", "count")) for name in names]
    facts: Any = {"weights": sum(counted), "trainable": len(trainable)}
    try:
        moved = moved_by_a_step(model, inputs, targets(model, inputs), job["method"])
    except Exception as error:
        moved, facts["raised"] = [False] * len(names), describe(error)
    for weight, value in zip(model.weights, kept):
        weight.assign(value)
    wanted = [id(weight) in trainable for weight in model.weights]
    compiled(model)
    again = moved_by_a_step(model, inputs, targets(model, inputs), job["method"])
    places = [index for index in range(len(names)) if counted[index]]
    facts["moved"] = sum(moved[index] for index in places)
    facts["moved_again"] = sum(again[index] for index in places)
    facts["still"] = [names[index] for index in places if wanted[index] and again[index] and not moved[index]][:4]
    facts["not_frozen"] = [names[index] for index in places if not wanted[index] and moved[index]][:4]
    return facts


def loss(job: Any) -> Any:
    """The loss or the metric that Keras logs, and what it is by hand."""
    import numpy

    inputs = inputs_for(job, rows=64)
    model, space = make(job)
    outputs = outputs_of(model, inputs)
    scramble(model)
    outputs = outputs_of(model, inputs)
    if job["head"] not in PROBABILITIES and job["labels"] != "quantities":  # large logits are as good as probabilities
        outputs = spread(model, inputs, outputs, 0.0)
    exec(compile(job["compile"], "<slice>", "exec"), space)
    form, head, units = job["labels"], job["head"], outputs.shape[-1]
    if units == 1 and form in ("categorical", "sparse") and job["about"] == "loss":
        form = "binary"  # one output tells two classes apart
    generator = numpy.random.RandomState(4)
    if form == "quantities":
        labels = outputs.copy()
        labels[len(labels) // 2 :] = labels[len(labels) // 2 :] * 2.0 + 0.37  # half of the answers are right
    elif form == "sparse":
        labels = generator.randint(0, units, outputs.shape[:-1])
    elif form == "categorical":
        labels = numpy.eye(units, dtype="float32")[generator.randint(0, units, outputs.shape[:-1])]
    else:
        labels = generator.randint(0, 2, outputs.shape).astype("float32")
    try:
        logged = model.evaluate(inputs, labels, verbose=0, return_dict=True, batch_size=64)
    except Exception as error:
        return {"raised": describe(error)}
    if job["about"] == "metric":
        name = next((key for key in logged if "acc" in key), None)
        if name is None:
            return {"skipped": f"no accuracy among what evaluate logs: {', '.join(logged)}"}
        return {"name": name, "logged": float(logged[name]), "by_hand": right_answers(outputs, labels, form, head)}
    if form == "quantities":
        return {"skipped": "a loss of quantities is not computed by hand"}
    value = cross_entropy(outputs.astype("float64"), labels, form, head)
    return {"name": "loss", "logged": float(logged["loss"]), "by_hand": value}


def labels_raise(job: Any) -> Any:
    """One step of fit with labels of the program's form."""
    import numpy

    inputs = inputs_for(job)
    model, space = make(job)
    outputs_of(model, inputs)
    exec(compile(job["compile"], "<slice>", "exec"), space)
    labels = numpy.arange(16) % job["classes"]
    if job["content"] == "one-hot":
        labels = numpy.eye(job["classes"], dtype="float32")[labels]
    elif job["column"]:
        labels = labels.reshape(16, 1)
    try:
        model.fit(inputs, labels, epochs=1, batch_size=16, verbose=0)
    except Exception as error:
        return {"raised": describe(error)}
    return {}


def right_answers(outputs: Any, labels: Any, form: Any, head: Any) -> Any:
    """The share of right answers."""
    import numpy

    if form == "quantities":
        return float(numpy.isclose(outputs, labels, atol=1e-3).mean())
    if form == "sparse":
        return float((outputs.argmax(-1) == labels).mean())
    if form == "categorical":
        return float((outputs.argmax(-1) == labels.argmax(-1)).mean())
    return float(((outputs > (0.5 if head in PROBABILITIES else 0.0)) == (labels > 0.5)).mean())


def cross_entropy(outputs: Any, labels: Any, form: Any, head: Any) -> Any:
    """The cross-entropy of what the last layer makes: probabilities, or logits when it does not make these."""
    import numpy

    tiny = 1e-7
    if form == "binary":
        share = outputs if head in PROBABILITIES else 1.0 / (1.0 + numpy.exp(-outputs))
        share = numpy.clip(share, tiny, 1.0 - tiny)
        return float(numpy.mean(-labels * numpy.log(share) - (1.0 - labels) * numpy.log(1.0 - share)))
    if head not in PROBABILITIES:
        outputs = numpy.exp(outputs - outputs.max(axis=-1, keepdims=True))
    outputs = outputs / outputs.sum(axis=-1, keepdims=True)
    classes = labels if form == "sparse" else labels.argmax(-1)
    chosen = outputs.reshape(-1, outputs.shape[-1])[numpy.arange(classes.size), classes.ravel()]
    return float(numpy.mean(-numpy.log(numpy.clip(chosen, tiny, 1.0))))


PROBABILITIES = frozenset(["sigmoid", "softmax"])
BETTER = (0.5, 0.7, 0.9, 0.8)  # what is monitored, by epoch: the third is the best


def wrong_epoch(job: Any) -> Any:
    """Which epoch a callback keeps, or whether it steps in, while what it monitors gets better."""
    import numpy

    space = program(job)
    keras = framework()
    model = eval(compile(job["make"], "<slice>", "eval"), space)
    metric = eval(compile("metrics." + job["metric"], "<slice>", "eval"), {"metrics": keras.metrics})
    model.compile(optimizer="sgd", loss="binary_crossentropy", metrics=[metric])
    inputs = sample((8, 4), "float32")
    targets = (numpy.arange(8) % 2).reshape(8, 1).astype("float32")
    model.fit(inputs, targets, validation_data=(inputs, targets), verbose=0)
    callback = eval(compile(job["callback"], "<slice>", "eval"), space)
    callback.set_model(model)
    callback.set_params({"epochs": 4, "verbose": 0, "steps": 1})
    callback.on_train_begin()
    bias = model.weights[-1]
    rate = float(numpy_of(model.optimizer.learning_rate))
    rising = job["kind"] != "ModelCheckpoint"
    values = [0.3 + 0.01 * epoch for epoch in range(40)] if rising else BETTER
    for epoch, value in enumerate(values):
        bias.assign(numpy.full(tuple(bias.shape), float(epoch), "float32"))
        callback.on_epoch_begin(epoch)
        callback.on_epoch_end(epoch, {job["monitor"]: value, "loss": 1.0, "val_loss": 1.0})
        if getattr(model, "stop_training", False):
            return {"stopped": epoch, "values": list(values[: epoch + 1])[-3:]}
        if float(numpy_of(model.optimizer.learning_rate)) < rate:
            return {"lowered": epoch, "values": list(values[: epoch + 1])[-3:]}
    if rising:
        return {"values": list(values)[-3:]}
    if not os.path.exists(job["file"]):
        return {"skipped": "the callback wrote no file"}
    if job["file"].endswith(".weights.h5"):
        model.load_weights(job["file"])
    else:
        model = keras.models.load_model(job["file"])
    return {"kept": int(numpy_of(model.weights[-1]).ravel()[0]), "best": 2, "values": list(values)}


def leak(job: Any) -> Any:
    """How many rows of the validation part are in the training part."""
    program(job)
    if job.get("shuffle"):
        import tensorflow

        data = eval("data.shuffle(" + job["shuffle"] + ")", {"data": tensorflow.data.Dataset.range(100)})
        training, validation = data.take(80), data.skip(80)
        seen: Any = set()
        held = {int(row) for row in validation.as_numpy_iterator()}
        for _ in range(3):
            seen |= {int(row) for row in training.as_numpy_iterator()}
        return {"validation": len(held), "leaked": len(held & seen)}
    for name in ("one", "other"):
        os.makedirs(os.path.join("images", name))
        for number in range(20):
            with open(os.path.join("images", name, f"{number}.png"), "wb"):
                pass  # they are listed and split, and never read
    space = program(job)
    paths: Any = {"training": set(), "validation": set()}
    for subset, text in job["parts"]:
        made = eval(compile(text, "<slice>", "eval"), space)
        paths[subset] |= set(made.file_paths)
    return {"validation": len(paths["validation"]), "leaked": len(paths["validation"] & paths["training"])}


def picture(shade: Any) -> Any:
    """A PNG file of four by four points of one grey."""
    import struct
    import zlib

    def chunk(kind: Any, data: Any) -> Any:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress((b"\0" + bytes([shade]) * 4) * 4)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 4, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def shuffled(job: Any) -> Any:
    """Whether the rows that a pass over a folder gives are in the order in which the program reads the labels."""
    import numpy

    for name in ("one", "other", "third"):
        os.makedirs(os.path.join("images", name))
        for number in range(20):
            with open(os.path.join("images", name, f"{number}.png"), "wb") as file:
                file.write(picture(number))
    space = program(job)
    data = eval(compile(job["data"], "<slice>", "eval"), space)

    if job["flow"]:  # pictures are read with Pillow, which need not be here; which rows are taken is the same
        data._get_batches_of_transformed_samples = lambda rows: (rows, data.classes[rows])

    def once() -> Any:
        if job["flow"]:
            return numpy.concatenate([data[index][1] for index in range(len(data))])
        return numpy.concatenate([numpy_of(labels) for _, labels in data])

    one = once()
    other = numpy.asarray(data.classes) if job["flow"] else once()
    if one.ndim > 1:
        one = one.argmax(-1) if one.shape[-1] > 1 else one.ravel()
        other = other if job["flow"] else other.argmax(-1) if other.shape[-1] > 1 else other.ravel()
    return {"rows": len(one), "apart": int((one != other).sum()) if len(one) == len(other) else len(one)}


ROUNDS = 6


def memory(job: Any) -> Any:
    """How many objects stay after each of the models that are made in a loop and let go, with `clear_session` or not.

    `layers` and `objects` count those alive after each model; a model is trained when the program trains it.
    """
    keras = framework()
    inputs = inputs_for(job)

    def alive(clear: Any) -> Any:
        layers, objects = [], []
        for _ in range(ROUNDS):
            if clear:
                keras.backend.clear_session()
            model, space = make(job)
            targets = outputs_of(model, inputs)
            if job["trains"]:
                model.compile(optimizer="sgd", loss="mse")
                model.fit(inputs, targets, epochs=1, batch_size=16, verbose=0)
            del model, space, targets
            sys.modules.pop("kerascheck_slice", None)
            gc.collect()
            every = gc.get_objects()
            layers.append(sum(isinstance(item, keras.layers.Layer) for item in every))
            objects.append(len(every))
            del every
        return {"layers": layers, "objects": objects}

    return {"kept": alive(False), "cleared": alive(True)}
