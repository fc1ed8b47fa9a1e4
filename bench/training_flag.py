"""Say for every layer of the installed Keras what `fit` makes of it in a model whose `call` takes no `training`.

    python bench/training_flag.py [--all]

Each layer that takes `training` is put into two subclasses of `keras.Model`, which are trained with a learning rate of
zero: one whose `call` takes `training` and hands it on, one whose `call` does not take it. A layer is on when what it
gives, or what it keeps, is not what it gives and keeps with `training=False`. Printed is each layer that is on in the
first, and whether it is on in the second, in `fit` and in `predict`. The exit code is 1 on Keras 3 when the tables of
kerascheck/semantic/keras_api.py say otherwise of a layer.
"""

from __future__ import annotations

import inspect
import logging
import os
import sys
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
warnings.simplefilter("ignore")
logging.getLogger("tensorflow").setLevel(logging.ERROR)
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import keras  # noqa: E402
import numpy as np  # noqa: E402

STEPS = 5  # a layer that turns half of the images is on in one of them, but for one time in a million
DRAWN = np.random.RandomState(0)
ROWS, WORDS, IMAGES, FILMS = (
    DRAWN.rand(4, *shape).astype("float32") for shape in ((8,), (6, 8), (8, 8, 3), (5, 8, 8, 3))
)
LONG = DRAWN.rand(4, 5, 8, 3).astype("float32")
RANGE: dict[str, Any] = {"value_range": (0, 1)}

Call = Callable[..., Any]
Case = tuple[Callable[[], Any], Any, Call]


def plain(layer: Any, x: Any, **flag: Any) -> Any:
    """A layer of one input."""
    return layer(x, **flag)


def twice(layer: Any, x: Any, **flag: Any) -> Any:
    """A layer of two inputs."""
    return layer(x, x, **flag)


def both(layer: Any, x: Any, **flag: Any) -> Any:
    """A layer of two inputs in one list."""
    return layer([x, x], **flag)


def labelled(layer: Any, x: Any, **flag: Any) -> Any:
    """A layer of images and labels."""
    return layer({"images": x, "labels": keras.ops.eye(4)}, **flag)["images"]


def of_cell(kind: Any) -> Any:
    """A recurrent layer of one cell."""
    return keras.layers.RNN(kind(3, dropout=0.5))


def cases() -> dict[str, Case]:
    """How each layer is made, on what it is run, and how it is called."""
    kinds = keras.layers
    found: dict[str, Case] = {}

    def add(name: str, x: Any, *given: Any, call: Call = plain, **named: Any) -> None:
        if hasattr(kinds, name):
            found[name] = (lambda: getattr(kinds, name)(*given, **named), x, call)

    for name in ("Dropout", "AlphaDropout", "GaussianDropout", "GaussianNoise"):
        add(name, ROWS, 0.5)
    for name, x in (("SpatialDropout1D", WORDS), ("SpatialDropout2D", IMAGES), ("SpatialDropout3D", FILMS)):
        add(name, x, 0.5)
    add("BatchNormalization", ROWS)
    add("SpectralNormalization", ROWS, kinds.Dense(4))
    for name in ("LSTM", "GRU", "SimpleRNN"):
        add(name, WORDS, 3, dropout=0.5)
        found[f"{name}, recurrent_dropout"] = (partial(getattr(kinds, name), 3, recurrent_dropout=0.5), WORDS, plain)
        found[f"RNN of {name}Cell"] = (partial(of_cell, getattr(kinds, f"{name}Cell")), WORDS, plain)
    found["RNN of StackedRNNCells"] = (
        lambda: kinds.RNN(kinds.StackedRNNCells([kinds.LSTMCell(3, dropout=0.5)])),
        WORDS,
        plain,
    )
    add("ConvLSTM1D", LONG, 3, 3, dropout=0.5)
    add("ConvLSTM2D", FILMS, 3, 3, dropout=0.5)
    add("ConvLSTM3D", FILMS[:, :, None], 3, (1, 3, 3), dropout=0.5)
    add("MultiHeadAttention", WORDS, 2, 4, dropout=0.5, call=twice)
    add("GroupQueryAttention", WORDS, 4, 2, 1, dropout=0.5, call=twice)
    add("Attention", WORDS, dropout=0.5, call=both)
    add("AdditiveAttention", WORDS, dropout=0.5, call=both)
    found["Bidirectional of LSTM"] = (lambda: kinds.Bidirectional(kinds.LSTM(3, dropout=0.5)), WORDS, plain)
    found["TimeDistributed of Dropout"] = (lambda: kinds.TimeDistributed(kinds.Dropout(0.5)), WORDS, plain)
    found["Sequential of Dropout"] = (lambda: keras.Sequential([kinds.Dropout(0.5)]), ROWS, plain)
    found["Sequential of RandomFlip"] = (lambda: keras.Sequential([kinds.RandomFlip()]), IMAGES, plain)
    add("RandomFlip", IMAGES)
    add("RandomCrop", IMAGES, 4, 4)
    for name in ("RandomRotation", "RandomZoom", "RandomContrast", "RandomHeight", "RandomWidth", "RandomGrayscale"):
        add(name, IMAGES, 0.5)
    for name in ("RandomTranslation", "RandomShear"):
        add(name, IMAGES, 0.5, 0.5)
    names = ("RandomBrightness", "RandomColorDegeneration", "RandomHue", "RandomSaturation", "RandomSharpness")
    for name in names:
        add(name, IMAGES, 0.5, **RANGE)
    add("RandomColorJitter", IMAGES, brightness_factor=0.5, **RANGE)
    add("RandomPosterization", IMAGES, 2, **RANGE)
    add("RandomPerspective", IMAGES, factor=1.0, scale=0.5)
    for name in ("RandomGaussianBlur", "RandomErasing", "RandomElasticTransform"):
        add(name, IMAGES, factor=1.0, **RANGE)
    add("RandomInvert", IMAGES, factor=0.5, **RANGE)
    add("Solarization", IMAGES, addition_factor=0.3, **RANGE)
    for name in ("RandAugment", "AugMix", "AutoContrast", "Equalization"):
        add(name, IMAGES, **RANGE)
    add("ContrastLimitedAdaptiveHistogramEqualization", IMAGES, **RANGE)
    for name in ("CutMix", "MixUp"):
        add(name, IMAGES, call=labelled)
    for name in ("CenterCrop", "Resizing"):
        add(name, IMAGES, 4, 4)
    if hasattr(kinds, "Pipeline"):
        found["Pipeline of RandomFlip"] = (lambda: kinds.Pipeline([kinds.RandomFlip()]), IMAGES, plain)
    return found


def is_on(case: Case, hands: bool, work: str) -> bool:
    """Whether a layer is on in a model whose `call` hands the flag on, or takes none, in `fit` or `predict`."""
    make, x, call = case
    layer = make()
    quiet = np.asarray(call(layer, x, training=False))
    kept = [np.array(item) for item in layer.get_weights()]
    seen = []

    class Told(keras.Model):  # type: ignore[misc]
        """Hands the flag on."""

        def __init__(self) -> None:
            super().__init__()
            self.layer, self.out = layer, keras.layers.Dense(1)

        def call(self, inputs: Any, training: Any = None) -> Any:
            seen.append(call(self.layer, inputs, training=training))
            return self.out(inputs)

    class Untold(Told):
        """Takes none."""

        def call(self, inputs: Any) -> Any:  # type: ignore[override]
            seen.append(call(self.layer, inputs))
            return self.out(inputs)

    model = Told() if hands else Untold()
    model(x)
    model.compile(keras.optimizers.SGD(0.0), "mse", run_eagerly=True)
    y = np.zeros((*x.shape[:-1], 1), "float32")
    layer.set_weights(kept)
    seen.clear()
    for _ in range(STEPS):
        _ = model.fit(x, y, shuffle=False, verbose=0) if work == "fit" else model.predict(x, verbose=0)
    changed = any(not np.allclose(old, new) for old, new in zip(kept, layer.get_weights()))
    given = [np.asarray(item) for item in seen]
    return changed or any(item.shape != quiet.shape or not np.allclose(item, quiet, atol=1e-5) for item in given)


def main() -> int:
    """Print the table and compare it with ours."""
    from kerascheck.semantic.keras_api import ALWAYS_ON_LAYERS, TRAINING_ARGUMENTS, TRAINING_LAYERS

    print(f"keras {keras.__version__}, {keras.backend.backend()}")
    print(f"{'layer':46} {'default':9} told  untold  in predict")
    found = cases()
    lost: set[str] = set()
    stays: set[str] = set()
    for name, case in found.items():
        default = inspect.signature(type(case[0]()).call).parameters.get("training")
        try:
            told, untold, answered = is_on(case, True, "fit"), is_on(case, False, "fit"), is_on(case, False, "predict")
        except Exception as error:  # a fault of an old release
            print(f"{name:46} {type(error).__name__}")
            continue
        if told and not untold:
            lost.add(name.partition(",")[0])
        elif told and untold and answered:
            stays.add(name)
        words = ["on" if value else "off" for value in (told, untold, answered)]
        if told or untold or "--all" in sys.argv:
            print(f"{name:46} {default.default if default else '-'!s:9} {words[0]:5} {words[1]:7} {words[2]}")
    kinds = {name: value for name, value in vars(keras.layers).items() if inspect.isclass(value)}
    takes = {name for name, value in kinds.items() if "training" in inspect.signature(value).parameters or _asks(value)}
    print("not run:", ", ".join(sorted(takes - {word for name in found for word in name.split()})))
    if keras.__version__ < "3":
        return 0
    different = set()
    for table, measured, word in (
        ({*TRAINING_LAYERS, *TRAINING_ARGUMENTS}, lost, "loses the flag"),
        (ALWAYS_ON_LAYERS, stays, "stays on"),
    ):
        known = {name for name in measured if " of " not in name}
        for name in sorted((table & found.keys()) ^ known):
            print(f"{name}: {word if name in known else f'not: {word}'}")
            different.add(name)
    return 1 if different else 0


def _asks(kind: Any) -> bool:
    call = getattr(kind, "call", None)
    return call is not None and "training" in inspect.signature(call).parameters


if __name__ == "__main__":
    sys.exit(main())
