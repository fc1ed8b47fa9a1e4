"""How long an editor waits: from a changed text of 1,000 lines to its findings, while somebody types.

    python bench/latency.py [KEYS] [--file PATH] [--profile]

A training script of 1,000 lines (or PATH) is opened in a real `kerascheck server` that has one core. After a warm-up
KEYS characters (default 200) are typed, one every 150 ms: new lines of code, so that the text is broken now and then.
Prints the median, the 95th percentile and the longest wait in milliseconds, from sending the change to the findings of
that version or a later one; and how many versions were never shown because a newer one came. Exits 1 when the median
is above 100 ms or the 95th percentile above 200 ms. Run it on an idle machine.
With --profile it prints where the time of one check goes instead.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import queue
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from typing import IO, Any

INTERVAL = 0.15  # seconds between two keys: 80 words a minute
BUDGET = {"median": 100.0, "p95": 200.0}  # milliseconds
WARM_UP = 10
LINES = 1_000

_HEAD = '''"""Trains classifiers of sensor windows."""

import argparse
import json
import os

import keras
import numpy as np
from keras import layers

WINDOW = 128
CHANNELS = 6
ACTIVITIES = ["walk", "run", "sit", "stand", "fall"]


def read(path):
    with open(path) as file:
        rows = [json.loads(line) for line in file]
    x = np.array([row["window"] for row in rows], dtype="float32")
    y = np.array([ACTIVITIES.index(row["activity"]) for row in rows])
    return x, y
'''
_PART = '''

class Gate{n}(layers.Layer):
    """Weighs channels."""

    def __init__(self, units, rate=0.{n}, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.rate = rate
        self.inner = layers.Dense(units, activation="relu")
        self.drop = layers.Dropout(rate)
        self.outer = layers.Dense(CHANNELS, activation="sigmoid")

    def build(self, input_shape):
        self.inner.build(input_shape)
        self.outer.build((None, self.units))
        self.built = True

    def call(self, inputs, training=None):
        x = self.inner(inputs)
        x = self.drop(x, training=training)
        return inputs * self.outer(x)

    def get_config(self):
        config = super().get_config()
        config.update({{"units": self.units, "rate": self.rate}})
        return config


def make_{n}(classes=len(ACTIVITIES), width={n}2):
    inputs = keras.Input(shape=(WINDOW, CHANNELS))
    x = Gate{n}(width)(inputs)
    for filters in (32, 64):
        x = layers.Conv1D(filters, 5, padding="same")(x)
        x = layers.BatchNormalization()(x)
        x = layers.Activation("relu")(x)
        x = layers.MaxPooling1D(2)(x)
    x = layers.GlobalAveragePooling1D()(x)
    x = layers.Dropout(0.3)(x)
    outputs = layers.Dense(classes, activation="softmax")(x)
    model = keras.Model(inputs, outputs, name="activities_{n}")
    model.compile(
        optimizer=keras.optimizers.Adam(1e-{n}),
        loss="sparse_categorical_crossentropy",
        metrics=["sparse_categorical_accuracy"],
    )
    return model


def train_{n}(folder, epochs=1{n}):
    x, y = read(os.path.join(folder, "train.jsonl"))
    x_test, y_test = read(os.path.join(folder, "test.jsonl"))
    model = make_{n}()
    path = os.path.join(folder, "activities_{n}.keras")
    callbacks = [
        keras.callbacks.ModelCheckpoint(path, save_best_only=True),
        keras.callbacks.EarlyStopping(patience=3, restore_best_weights=True),
    ]
    history = model.fit(x, y, epochs=epochs, batch_size=32, validation_split=0.2, callbacks=callbacks)
    scores = model.evaluate(x_test, y_test, verbose=0)
    with open(os.path.join(folder, "history_{n}.json"), "w") as file:
        json.dump({{"history": history.history, "scores": list(map(float, scores))}}, file)
    model.save(path)
    again = keras.saving.load_model(path, custom_objects={{"Gate{n}": Gate{n}}})
    difference = np.abs(again.predict(x_test) - model.predict(x_test)).max()
    if difference > 1e-5:
        raise ValueError(f"the loaded model answers otherwise: {{difference}}")
    return scores
'''
_TAIL = """

def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--epochs", type=int, default=10)
    options = parser.parse_args()
    keras.utils.set_random_seed(7)
    train_1(options.folder, options.epochs)


if __name__ == "__main__":
    main()
"""
_TYPED = (
    "    learning_rate = 0.001  # as before\n"
    '    print("started", len(x), learning_rate)\n'
    '    weights = {name: 1.0 for name in ("walk", "run")}\n'
    "    for epoch in range(epochs):\n        print(epoch, weights)\n"
)


def script() -> str:
    """A training script of 1,000 lines."""
    text, number = _HEAD, 1
    while text.count("\n") + _PART.count("\n") + _TAIL.count("\n") < LINES:
        text += _PART.format(n=number)
        number += 1
    text += _TAIL
    return text + "\n# the end\n" + "# padding\n" * (LINES - text.count("\n") - 2)


class Client:
    """A server process with one core, its notifications with the time at which they came."""

    def __init__(self, root: str) -> None:
        command = [sys.executable, "-m", "kerascheck", "server"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if sys.platform == "linux":
            os.sched_setaffinity(self.process.pid, {min(os.sched_getaffinity(0))})
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._to, self._from = self.process.stdin, self.process.stdout
        self.shown: queue.Queue[tuple[int, float, int]] = queue.Queue()  # version, seconds, findings
        self.answered = threading.Event()
        threading.Thread(target=self._read, args=(self._from,), daemon=True).start()
        uri = pathlib.Path(root).as_uri()
        self.send("initialize", {"processId": None, "rootUri": uri, "capabilities": {}}, 1)
        self.answered.wait(60)
        self.send("initialized", {})

    def send(self, method: str, params: dict[str, Any], number: int | None = None) -> None:
        message: dict[str, Any] = {"jsonrpc": "2.0", "method": method, "params": params}
        if number is not None:
            message["id"] = number
        body = json.dumps(message).encode()
        self._to.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._to.flush()

    def _read(self, stream: IO[bytes]) -> None:
        while header := stream.readline():
            length = int(header.split(b":")[1])
            while stream.readline().strip():
                pass
            message = json.loads(stream.read(length))
            now = time.perf_counter()
            if message.get("id") == 1:
                self.answered.set()
            if message.get("method") == "textDocument/publishDiagnostics":
                params = message["params"]
                self.shown.put((params["version"], now, len(params["diagnostics"])))


def typing(text: str, keys: int) -> list[dict[str, Any]]:
    """The changes that typing makes: an empty line in the last function, then new lines there, letter by letter."""
    lines = text.split("\n")
    row = max((number for number, line in enumerate(lines) if "def " in line), default=0) + 1
    start = {"line": row, "character": 0}
    changes: list[dict[str, Any]] = [{"range": {"start": start, "end": start}, "text": "\n"}]
    column = 0
    for number in range(keys - 1):
        letter = _TYPED[number % len(_TYPED)]
        place = {"line": row, "character": column}
        changes.append({"range": {"start": place, "end": place}, "text": letter})
        row, column = (row + 1, 0) if letter == "\n" else (row, column + 1)
    return changes


def measure(path: str | None, keys: int) -> int:
    """Type, print and compare with the budget."""
    with tempfile.TemporaryDirectory() as folder:
        if path is None:
            text, file = script(), os.path.join(folder, "train.py")
        else:
            text, file = pathlib.Path(path).read_text(encoding="utf-8"), os.path.abspath(path)
        client = Client(os.path.dirname(file))
        uri = pathlib.Path(file).as_uri()
        document = {"uri": uri, "languageId": "python", "version": 1, "text": text}
        started = time.perf_counter()
        client.send("textDocument/didOpen", {"textDocument": document})
        first = client.shown.get(timeout=120)
        print(f"{text.count(chr(10))} lines; first findings after {1000 * (first[1] - started):.0f} ms: {first[2]}")
        sent: dict[int, float] = {}
        for number, change in enumerate(typing(text, keys + WARM_UP), 2):
            sent[number] = time.perf_counter()
            client.send(
                "textDocument/didChange",
                {"textDocument": {"uri": uri, "version": number}, "contentChanges": [change]},
            )
            time.sleep(INTERVAL)
        last = max(sent)
        shown: list[tuple[int, float]] = []
        while not shown or shown[-1][0] < last:
            version, when, _ = client.shown.get(timeout=120)
            shown.append((version, when))
        client.process.kill()
        client.process.wait()
    waits = []
    for number, when in sent.items():
        if number >= 2 + WARM_UP:
            waits.append(1000 * (next(at for version, at in shown if version >= number) - when))
    waits.sort()
    median, p95 = statistics.median(waits), waits[int(len(waits) * 0.95)]
    dropped = len(sent) - len({version for version, _ in shown})
    print(
        f"text to findings over {len(waits)} keys: median {median:.0f} ms, p95 {p95:.0f} ms, longest {waits[-1]:.0f} ms"
    )
    print(f"{dropped} of {len(sent)} versions were dropped for a newer one")
    return 0 if median <= BUDGET["median"] and p95 <= BUDGET["p95"] else 1


def profile(path: str | None) -> None:
    """Where the time of checks while typing goes, by function."""
    import cProfile
    import pstats

    from kerascheck.editor.analysis import Analyst, World
    from kerascheck.editor.documents import Document

    text = script() if path is None else pathlib.Path(path).read_text(encoding="utf-8")
    place = "/nowhere/train.py" if path is None else os.path.abspath(path)
    analyst = Analyst()

    def check(number: int) -> None:
        changed = f"{text}\n# {number}\n"
        analyst.check(Document("", place, changed), World({place: changed}, (os.path.dirname(place),)))

    for number in range(5):
        check(number)
    seconds = []
    for number in range(20):
        started = time.thread_time()
        check(number)
        seconds.append(time.thread_time() - started)
    print(f"one check: median {1000 * statistics.median(seconds):.0f} ms of processor time")
    profiler = cProfile.Profile()
    profiler.enable()
    for number in range(10):
        check(number)
    profiler.disable()
    pstats.Stats(profiler).sort_stats("tottime").print_stats(25)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="how long an editor waits for findings")
    parser.add_argument("keys", type=int, nargs="?", default=200)
    parser.add_argument("--file")
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    if options.profile:
        profile(options.file)
    else:
        sys.exit(measure(options.file, options.keys))
