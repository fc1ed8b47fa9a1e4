"""Runs programs in a real Keras and writes down what happened; the standard library and Keras only.

How arrays, inputs and values are taken from Keras is shared with the child of confirm mode.

A job is one line of JSON on standard input: {"text": program, "keras": whether to watch Keras}.
The answer is one line of JSON. It holds facts; whether a fact is good or bad is decided in `truth.py`.
"""

import functools
import inspect
import io
import json
import os
import shutil
import sys
import tempfile
import traceback
import types
import zipfile
from collections.abc import Callable
from typing import Any

sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # kerascheck need not be installed here
from kerascheck.confirm.child.program import numpy_of, sample, wanted
from kerascheck.confirm.child.whole import picture

PROGRAM = "program.py"
WATCHED_LAYERS = ("Dropout", "Gaussian", "BatchNormalization", "Random", "LSTMCell", "GRUCell", "SimpleRNNCell")
TOLERANCE = 1e-4


class Record:
    """What one program did."""

    def __init__(self) -> None:
        self.observed: list[dict[str, Any]] = []
        self.examined: set[str] = set()
        self.logs: list[dict[str, Any]] = []
        self.training_flags: dict[int, tuple[Any, set[bool]]] | None = None
        self.forced: dict[int, tuple[Any, bool]] = {}
        self.rows: dict[int, tuple[Any, set[bytes]]] = {}
        self.steps: dict[int, tuple[Any, int]] = {}
        self.busy = False
        self.error_claim: str | None = None
        self.saved: dict[str, tuple[int, list[Any], list[Any]]] = {}
        self.settings: dict[str, list[tuple[str, dict[str, Any]]]] = {}
        self.loaded: dict[int, tuple[Any, list[Any]]] = {}

    def examine(self, claim: str, holds: bool, evidence: str) -> None:
        self.examined.add(claim)
        if holds:
            self.observed.append({"claim": claim, "line": line_of_the_program(), "evidence": evidence})


RECORD = Record()


def line_of_the_program() -> int | None:
    frame: types.FrameType | None = sys._getframe()
    while frame is not None:
        if os.path.basename(frame.f_code.co_filename) == PROGRAM:
            return frame.f_lineno
        frame = frame.f_back
    return None


def weights_in_file(path: str) -> list[Any]:
    """Every weight of the model in a `.weights.h5`, `.keras` or whole-model `.h5` file, without the optimizer."""
    import h5py  # type: ignore[import-not-found, import-untyped, unused-ignore]

    found: list[Any] = []

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and "optimizer" not in name:
            found.append(item[()])

    if str(path).endswith(".keras"):
        with zipfile.ZipFile(path) as archive:
            source: Any = io.BytesIO(archive.read("model.weights.h5"))
    else:
        source = path
    with h5py.File(source, "r") as file:
        file.visititems(visit)
    return found


def values_of(model: Any) -> list[Any]:
    try:
        return [numpy_of(variable) for variable in model.variables]
    except NotImplementedError:  # the graph mode of TensorFlow 1 asks its session
        return list(model.get_weights())


def count_missing(wanted: list[Any], present: list[Any]) -> int:
    import numpy as np

    missing = 0
    left = list(present)
    for value in wanted:
        for position, candidate in enumerate(left):
            if np.shape(candidate) == np.shape(value) and np.allclose(candidate, value):
                del left[position]
                break
        else:
            missing += 1
    return missing


def after_load_weights(model: Any, path: Any) -> None:
    wanted = weights_in_file(os.fspath(path))
    values = values_of(model)
    RECORD.loaded[id(model)] = model, values
    missing = count_missing(wanted, values)
    RECORD.examine(
        "WEIGHTS_NOT_LOADED", missing > 0, f"{missing} of {len(wanted)} arrays of the file are missing in the model"
    )


def after_program() -> None:
    """Weights that were loaded and not trained are still there when the program ends."""
    for model, values in RECORD.loaded.values():
        lost = count_missing(values, values_of(model))
        if lost:
            RECORD.examine("WEIGHTS_NOT_LOADED", True, f"{lost} of {len(values)} arrays were lost after the load")


def never_built(model: Any) -> list[str]:
    return [layer.name for layer in model._flatten_layers(include_self=False) if not layer.built]


def after_save_weights(model: Any, path: Any) -> None:
    stored, empty = weights_in_file(os.fspath(path)), never_built(model)
    RECORD.examine("STATE_LOST", not stored and bool(empty), f"the file holds no weights; never built: {empty}")
    hidden = [name for layer in model._flatten_layers(include_self=False) for name in hidden_in(layer, model)]
    if hidden:
        RECORD.examine("STATE_LOST", True, f"weights that the model runs with and does not know: {hidden}")


def hidden_in(layer: Any, model: Any) -> list[str]:
    """The weights of layers that the function of a Lambda reads from outside, and that the model has not."""
    import keras

    code = getattr(getattr(layer, "function", None), "__code__", None)
    if type(layer).__name__ != "Lambda" or code is None:
        return []
    outside = [layer.function.__globals__.get(name) for name in code.co_names]
    outside += [cell.cell_contents for cell in layer.function.__closure__ or ()]
    known = {id(weight) for weight in model.weights}
    found = [weight for item in outside if isinstance(item, keras.layers.Layer) for weight in item.weights]
    return [weight.name for weight in found if id(weight) not in known]


def after_save(model: Any, path: Any) -> None:
    after_save_weights(model, path)
    if not never_built(model):
        remember(model, path)
    RECORD.settings[os.path.abspath(path)] = settings_of(model)


def outputs_of(model: Any, inputs: list[Any]) -> list[Any]:
    """Every output, whatever holds them."""
    found = []
    left = [model(inputs if len(inputs) > 1 else inputs[0])]
    while left:
        item = left.pop(0)
        if isinstance(item, (list, tuple)):
            left[:0] = item
        elif isinstance(item, dict):
            left[:0] = [item[name] for name in sorted(item)]
        else:
            found.append(numpy_of(item))
    return found


def remember(model: Any, path: Any) -> None:
    """What a functional model that was saved whole had and gave, to be compared with the loaded one."""
    shapes = wanted(model, 4)
    if shapes is None or not str(path).endswith((".keras", ".h5")) or str(path).endswith(".weights.h5"):
        return
    inputs = [sample(shape, kind, number) for number, (shape, kind) in enumerate(shapes)]
    RECORD.saved[os.path.abspath(path)] = (len(model.weights), inputs, outputs_of(model, inputs))


def settings_of(model: Any) -> list[tuple[str, dict[str, Any]]]:
    """The names of all layers, and the attributes of the program's own objects that are named as arguments."""
    layers = [model, *model._flatten_layers(include_self=False)]
    if not getattr(model, "inputs", None) or getattr(type(model), "__module__", "") == "__main__":
        layers = layers[:1]  # the layers of a subclass are made again, with new names
    objects = [*layers, getattr(model, "loss", None), *(getattr(model, "metrics", None) or [])]
    compiled = getattr(model, "_compile_metrics", None)
    objects += getattr(compiled, "metrics", None) or []
    found: list[tuple[str, dict[str, Any]]] = []
    for item in objects:
        if item in layers:
            found.append(("layer", {"name": item.name, "trainable": item.trainable}))
        if type(item).__module__ == "__main__" and hasattr(item, "__dict__"):
            taken = inspect.signature(type(item).__init__).parameters
            known = {name: picture(value) for name, value in vars(item).items() if name in taken}
            found.append((type(item).__name__, known))
    return found


def compare_loaded(model: Any, path: Any) -> None:
    import numpy as np

    before_settings = RECORD.settings.get(os.path.abspath(path))
    if before_settings is not None:
        after_settings = settings_of(model)
        lost = [one for one, other in zip(before_settings, after_settings) if one != other]
        RECORD.examine("CONFIG_DIFFERS", bool(lost), f"differ: {lost[:3]}")
    functions = {layer.name: getattr(layer, "function", None) for layer in model.layers}
    lambdas = [name for name, function in functions.items() if getattr(function, "__name__", "") == "<lambda>"]
    RECORD.examine("CODE_RUNS", bool(lambdas), f"code from the file is in {lambdas}")

    if os.path.abspath(path) not in RECORD.saved:
        return
    count, inputs, before = RECORD.saved[os.path.abspath(path)]
    RECORD.examine("SHARING_LOST", len(model.weights) > count, f"{count} weights before, {len(model.weights)} after")
    pairs = list(zip(before, outputs_of(model, inputs)))
    differ = any(not np.allclose(one, other, atol=TOLERANCE) for one, other in pairs)
    RECORD.examine("OUTPUTS_DIFFER", differ, "the loaded model gives other outputs")


def accuracy_by_hand(model: Any, x: Any, y: Any) -> float:
    """The share of right answers, from the predictions alone."""
    import numpy as np

    predictions = np.asarray(model.predict(x, verbose=0))
    labels = np.asarray(y)
    if not np.all(labels == np.round(labels)):  # quantities, not classes
        return float(np.mean(np.isclose(predictions.ravel(), labels.ravel(), atol=1e-3)))
    if predictions.shape[-1] == 1:
        limit = 0.0 if getattr(model.loss, "from_logits", False) else 0.5
        return float(np.mean((predictions.ravel() > limit) == (labels.ravel() > 0.5)))
    if labels.shape != predictions.shape:
        return float(np.mean(predictions.argmax(axis=-1).ravel() == labels.ravel()))
    if np.all(labels.sum(axis=-1) == 1):
        return float(np.mean(predictions.argmax(axis=-1) == labels.argmax(axis=-1)))
    return float(np.mean((predictions > 0.5) == (labels > 0.5)))


def loss_name(model: Any) -> str:
    """The loss as its function is called: "binary_crossentropy"; empty when it is none of Keras."""
    loss = model.loss if isinstance(model.loss, str) else getattr(model.loss, "name", None)
    return loss or getattr(model.loss, "__name__", "")


def loss_by_hand(model: Any, predictions: Any, labels: Any) -> float | None:
    """The cross-entropy of the predictions, taken as what the last layer makes: probabilities or logits."""
    import numpy as np

    ends = [layer.activation.__name__ for layer in model.layers if hasattr(layer, "activation")]
    if not loss_name(model).endswith("crossentropy") or not ends:
        return None
    within = ends[-1] in {"sigmoid", "softmax"}
    if predictions.shape[-1] == 1 or loss_name(model) == "binary_crossentropy":
        if predictions.size != labels.size:
            return None
        share = predictions if within else 1 / (1 + np.exp(-predictions))
        share, truth = np.clip(share.ravel(), 1e-7, 1 - 1e-7), labels.ravel()
        return float(np.mean(-truth * np.log(share) - (1 - truth) * np.log(1 - share)))
    if within and not np.allclose(predictions.sum(axis=-1), 1, atol=1e-3):
        return None  # neither probabilities nor surely logits
    if not within:
        predictions = np.exp(predictions - predictions.max(axis=-1, keepdims=True))
        predictions = predictions / predictions.sum(axis=-1, keepdims=True)
    classes = labels.argmax(axis=-1) if labels.shape == predictions.shape else labels.ravel().astype(int)
    chosen = predictions.reshape(-1, predictions.shape[-1])[np.arange(classes.size), classes.ravel()]
    return float(np.mean(-np.log(np.clip(chosen, 1e-7, 1))))


def after_evaluate(model: Any, x: Any, y: Any, logs: dict[str, float]) -> None:
    import numpy as np

    predictions, labels = np.asarray(model.predict(x, verbose=0)), np.asarray(y)
    same = len(predictions) > 1 and bool(np.all(predictions == predictions[:1])) and not np.all(x == np.asarray(x)[:1])
    RECORD.examine("CONSTANT_OUTPUT", same, f"the answer to every row is {predictions[0].tolist()}")
    loss = loss_by_hand(model, predictions, labels)
    if loss is not None:
        evidence = f"loss is {logs['loss']:.4f}, by hand {loss:.4f}"
        RECORD.examine("METRIC_WRONG", not abs(logs["loss"] - loss) <= 0.01 * max(1.0, loss), evidence)
    if "mae" in logs:
        mean = float(np.mean(np.abs(predictions.ravel() - labels.ravel())))
        RECORD.examine("METRIC_WRONG", abs(logs["mae"] - mean) > TOLERANCE, f"mae is {logs['mae']}, by hand {mean}")
    right = accuracy_by_hand(model, x, y)
    for name, value in logs.items():
        if "acc" in name:
            evidence = f"{name} is {value:.4f}, by hand {right:.4f}"
            RECORD.examine("METRIC_WRONG", abs(value - right) > TOLERANCE, evidence)


def watch_file_function(owner: Any, name: str, error_claim: str, after: Callable[[Any, Any], None] | None) -> None:
    original = getattr(owner, name)

    @functools.wraps(original)
    def watched(*arguments: Any, **keywords: Any) -> Any:
        if RECORD.busy:
            return original(*arguments, **keywords)
        RECORD.busy = True
        RECORD.examined.add(error_claim)
        RECORD.error_claim = error_claim
        try:
            result = original(*arguments, **keywords)
            RECORD.error_claim = None
            if after is not None:
                path = keywords["filepath"] if "filepath" in keywords else arguments[1]
                after(arguments[0], path)
            elif name == "load_model":
                compare_loaded(result, keywords["filepath"] if "filepath" in keywords else arguments[0])
        finally:
            RECORD.busy = False
        return result

    setattr(owner, name, watched)


def after_training(model: Any, before: dict[int, Any], name: str) -> None:
    """Whether the weights that are trainable moved, and only these; what a layer counts for itself is left out."""
    import numpy as np

    weights = [weight for weight in model.weights if id(weight) in before]
    weights = [weight for weight in weights if not any(part in weight.name for part in ("moving", "seed", "count"))]
    moved = {id(weight) for weight in weights if not np.array_equal(before[id(weight)], numpy_of(weight))}
    wanted = {id(weight) for weight in model.trainable_weights}
    still = [weight.name for weight in weights if id(weight) in wanted - moved]
    frozen = [weight.name for weight in weights if id(weight) in moved - wanted]
    nothing = bool(weights) and not moved
    evidence = f"in {name} {len(moved)} of {len(weights)} weights moved; trainable and still: {still}; frozen: {frozen}"
    RECORD.examine("NOT_TRAINED", bool(still or frozen or nothing), evidence)


def after_epochs(callbacks: Any, logs: Any) -> None:
    """Whether a checkpoint of the best epoch kept the one with the least of an AUC; more of it is better."""
    for callback in callbacks:
        values = (logs or {}).get(getattr(callback, "monitor", None), ())
        if type(callback).__name__ == "ModelCheckpoint" and callback.save_best_only and "auc" in callback.monitor:
            least, most = min(values), max(values)
            kept = float(callback.best)
            wrong = least != most and abs(kept - least) < abs(kept - most)
            RECORD.examine("WRONG_EPOCH_KEPT", wrong, f"{callback.monitor} of {values}: kept that of {kept}")


def after_flags(name: str) -> None:
    """Whether a layer that was called with a constant `training` in a graph was run with the other one."""
    for layer, flags in (RECORD.training_flags or {}).values():
        _, wanted = RECORD.forced.get(id(layer), (None, None))
        frozen = "Normalization" in type(layer).__name__ and not layer.trainable
        lost = wanted is not None and (not wanted) in flags and not frozen
        RECORD.examine("TRAINING_FLAG_LOST", lost, f"{layer.name} saw training={sorted(flags)} in {name}, not {wanted}")


def rows_of(data: Any) -> set[bytes]:
    """The rows of an array, or of the first part of each batch of a dataset."""
    import numpy as np

    if isinstance(data, (list, tuple)):
        data = data[0] if len(data) else None
    if hasattr(data, "as_numpy_iterator"):
        batches = [item[0] if isinstance(item, tuple) else item for item in data.as_numpy_iterator()]
        return {np.asarray(row).tobytes() for batch in batches for row in np.asarray(batch)}
    return {row.tobytes() for row in data} if isinstance(data, np.ndarray) and data.ndim > 1 else set()


def after_rows(model: Any, data: Any, validation: Any) -> None:
    """Whether a row that is validated on was ever trained on since the weights were made or set."""
    _, trained = RECORD.rows.setdefault(id(model), (model, set()))
    trained |= rows_of(data)
    validated = rows_of(validation)
    if validated:
        both = len(validated & trained)
        RECORD.examine("LEAK", both > 0, f"{both} of {len(validated)} validation rows were trained on")


def watch_data(owner: Any) -> None:
    """`fit` and `evaluate`: which rows they are given; `set_weights` and `load_weights` begin anew."""
    fit, evaluate = owner.fit, owner.evaluate

    @functools.wraps(fit)
    def watched_fit(model: Any, x: Any = None, *arguments: Any, **keywords: Any) -> Any:
        if not RECORD.busy:
            after_rows(model, x, keywords.get("validation_data"))
        return fit(model, x, *arguments, **keywords)

    @functools.wraps(evaluate)
    def watched_evaluate(model: Any, x: Any = None, *arguments: Any, **keywords: Any) -> Any:
        if not RECORD.busy and RECORD.training_flags is None and id(model) in RECORD.rows:
            after_rows(model, None, x)
        return evaluate(model, x, *arguments, **keywords)

    owner.fit, owner.evaluate = watched_fit, watched_evaluate
    for name in ("set_weights", "load_weights"):
        watch_reset(owner, name)


def watch_reset(owner: Any, name: str) -> None:
    original = getattr(owner, name)

    @functools.wraps(original)
    def watched(model: Any, *arguments: Any, **keywords: Any) -> Any:
        RECORD.rows.pop(id(model), None)
        return original(model, *arguments, **keywords)

    setattr(owner, name, watched)


def steps_of(model: Any) -> int:
    optimizer = getattr(model, "optimizer", None)
    return int(numpy_of(optimizer.iterations)) if hasattr(optimizer, "iterations") else 0


def watch_compile(owner: Any) -> None:
    """What the layers start with, and whether an optimizer that has made steps is thrown away."""
    owner = next(base for base in owner.__mro__ if "compile" in vars(base))  # load_model compiles no other `compile`
    original = owner.compile

    @functools.wraps(original)
    def watched(model: Any, *arguments: Any, **keywords: Any) -> Any:
        import numpy as np

        before = steps_of(model)
        result = original(model, *arguments, **keywords)
        if RECORD.busy:
            return result
        if before:
            RECORD.steps[id(model)] = model, before
        values = [numpy_of(weight) for weight in model.weights]
        values = [value for value in values if value.ndim > 1 and value.std() > 0]
        pairs = [
            place
            for place, value in enumerate(values)
            if any(value.shape == other.shape and np.array_equal(value, other) for other in values[:place])
        ]
        if values:
            RECORD.examine("EQUAL_WEIGHTS", bool(pairs), f"{len(pairs)} of {len(values)} kernels are copies")
        return result

    owner.compile = watched


def watch_calls(owner: Any) -> None:
    """`layer(x, training=...)` on a symbolic tensor."""
    original = owner.__call__

    @functools.wraps(original)
    def watched(layer: Any, *arguments: Any, **keywords: Any) -> Any:
        symbolic = any(type(item).__name__ == "KerasTensor" for item in arguments[:1])
        if symbolic and isinstance(keywords.get("training"), bool):
            for item in layer._flatten_layers():
                RECORD.forced[id(item)] = item, keywords["training"]
        return original(layer, *arguments, **keywords)

    owner.__call__ = watched


def watch_predict(owner: Any) -> None:
    original = owner.predict

    @functools.wraps(original)
    def watched(*arguments: Any, **keywords: Any) -> Any:
        if RECORD.training_flags is not None or not RECORD.forced:
            return original(*arguments, **keywords)
        RECORD.training_flags = {}
        try:
            result = original(*arguments, **keywords)
            after_flags("predict")
        finally:
            RECORD.training_flags = None
        return result

    owner.predict = watched


def watch_training(owner: Any, name: str) -> None:
    original = getattr(owner, name)

    @functools.wraps(original)
    def watched(*arguments: Any, **keywords: Any) -> Any:
        if RECORD.training_flags is not None:
            return original(*arguments, **keywords)
        RECORD.loaded.pop(id(arguments[0]), None)
        RECORD.training_flags = {}
        before = {id(weight): numpy_of(weight) for weight in arguments[0].weights}
        _, steps = RECORD.steps.pop(id(arguments[0]), (None, 0))
        if keywords.get("initial_epoch") and not steps:
            steps = 1
        if steps_of(arguments[0]) or steps:
            again = steps > 0 and steps_of(arguments[0]) == 0
            RECORD.examine("STATE_LOST", again, f"the optimizer had made {steps} steps and starts anew")
        try:
            result = original(*arguments, **keywords)
            after_epochs(keywords.get("callbacks") or (), getattr(result, "history", None))
            after_training(arguments[0], before, name)
            after_flags(name)
            for layer, flags in RECORD.training_flags.values():
                lost = True not in flags and bool(layer.trainable)
                evidence = f"{layer.name} saw training={sorted(flags)} in {name}"
                RECORD.examine("TRAINING_FLAG_LOST", lost, evidence)
        finally:
            RECORD.training_flags = None
        history = getattr(result, "history", None)
        if isinstance(history, dict):
            RECORD.logs.append({key: [float(value) for value in values] for key, values in history.items()})
        return result

    setattr(owner, name, watched)


def watch_evaluate(owner: Any) -> None:
    original = owner.evaluate

    @functools.wraps(original)
    def watched(model: Any, x: Any = None, y: Any = None, **keywords: Any) -> Any:
        result = original(model, x, y, **keywords)
        if not RECORD.busy and RECORD.training_flags is None:
            RECORD.busy = True
            try:
                logs = original(model, x, y, verbose=0, return_dict=True)
                RECORD.logs.append({key: [float(value)] for key, value in logs.items()})
                after_evaluate(model, x, y, logs)
            finally:
                RECORD.busy = False
        return result

    owner.evaluate = watched


def watch_layer(layer_class: Any) -> None:
    original = layer_class.__dict__["call"]
    signature = inspect.signature(original)

    @functools.wraps(original)
    def watched(*arguments: Any, **keywords: Any) -> Any:
        drops = getattr(arguments[0], "dropout", 1) or getattr(arguments[0], "recurrent_dropout", 1)
        if RECORD.training_flags is not None and drops:  # a cell without dropout is the same in both
            bound = signature.bind(*arguments, **keywords)
            bound.apply_defaults()
            _, flags = RECORD.training_flags.setdefault(id(arguments[0]), (arguments[0], set()))
            flags.add(bool(bound.arguments["training"]))
        return original(*arguments, **keywords)

    layer_class.call = watched


def watch_keras() -> None:
    import keras  # type: ignore[import-not-found, import-untyped, unused-ignore]

    watch_file_function(keras.Model, "load_weights", "LOAD_RAISES", after_load_weights)
    watch_file_function(keras.Model, "save_weights", "SAVE_RAISES", after_save_weights)
    watch_file_function(keras.Model, "save", "SAVE_RAISES", after_save)
    for owner in (keras.models, keras.saving):
        watch_file_function(owner, "load_model", "LOAD_RAISES", None)
    for name in ("fit", "train_on_batch"):
        watch_training(keras.Model, name)
    watch_evaluate(keras.Model)
    watch_compile(keras.Model)
    watch_predict(keras.Model)
    watch_data(keras.Model)
    watch_calls(keras.layers.Layer)
    for name in dir(keras.layers):
        layer_class = getattr(keras.layers, name)
        call = getattr(layer_class, "__dict__", {}).get("call")
        if (
            any(part in name for part in WATCHED_LAYERS)
            and inspect.isfunction(call)
            and "training" in inspect.signature(call).parameters
            and not hasattr(call, "__wrapped__")
        ):
            watch_layer(layer_class)


def plain(value: Any) -> Any:
    """The value as JSON, the same for the same content: sets and keys in order; None for what carries no data."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (type, types.ModuleType)):
        return None
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(json.dumps(plain(item)) for item in value)
    if isinstance(value, dict):
        return sorted([str(key), plain(item)] for key, item in value.items())
    if hasattr(value, "get_weights") and hasattr(value, "layers"):
        return [weight.tolist() for weight in value.get_weights()]
    if hasattr(value, "tolist"):
        return value.tolist()
    if hasattr(value, "numpy") and hasattr(value, "shape"):
        return value.numpy().tolist()
    if isinstance(getattr(value, "history", None), dict):
        return plain(value.history)
    return None


def told(value: Any) -> Any:
    """The same, and None for what cannot be read, such as a tensor of a graph."""
    try:
        return plain(value)
    except Exception:
        return None


def error_of(exception: BaseException) -> dict[str, Any]:
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(exception.__traceback__)
        if os.path.basename(frame.filename) == PROGRAM
    ]
    message = " ".join(str(exception).split())[:300]
    return {"type": type(exception).__name__, "message": message, "line": lines[-1] if lines else None}


def run(text: str, with_keras: bool) -> dict[str, Any]:
    global RECORD
    RECORD = Record()
    home = os.getcwd()
    folder = tempfile.mkdtemp(prefix="truth")
    os.chdir(folder)
    error: dict[str, Any] | None = None
    state: dict[str, Any] = {}
    try:
        with open(PROGRAM, "w", encoding="utf-8") as file:
            file.write(text)
        names: dict[str, Any] = {"__name__": "__main__", "__file__": PROGRAM}
        try:
            exec(compile(text, os.path.join(folder, PROGRAM), "exec"), names)
        except (Exception, SystemExit) as exception:
            error = error_of(exception)
            claim = RECORD.error_claim or "CALL_RAISES"
            evidence = f"{error['type']}: {error['message']}"
            RECORD.observed.append({"claim": claim, "line": error["line"], "evidence": evidence})
        else:
            after_program()
        state = {name: told(value) for name, value in names.items() if not name.startswith("_")}
    finally:
        os.chdir(home)
        shutil.rmtree(folder, ignore_errors=True)
    if with_keras:
        import keras

        keras.utils.clear_session()
        keras.saving.get_custom_objects().clear()
    RECORD.examined.add("CALL_RAISES")
    return {
        "observed": RECORD.observed,
        "examined": sorted(RECORD.examined),
        "logs": RECORD.logs,
        "error": error,
        "state": {name: value for name, value in sorted(state.items()) if value is not None},
    }


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    sys.argv = [PROGRAM]
    with_keras = bool(os.environ.get("TRUTH_WATCH_KERAS"))
    release = None
    if with_keras:
        watch_keras()
        import keras

        release = keras.__version__
    print(json.dumps({"ready": True, "keras": release}), file=answers, flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        print(json.dumps(run(job["text"], with_keras)), file=answers, flush=True)


if __name__ == "__main__":
    main()
