"""Whether time stays linear: the same kind of file once, four times and sixteen times as long.

    python bench/growth.py [--sizes 1,4,16]

Prints the processor's seconds of `engine.check` with all rules and of `libcst.parse_module`, for each kind and size,
and how much more a line costs in the longest file than in the shortest. Exits 1 when that is more than 2.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections.abc import Callable

import libcst

from kerascheck import engine
from kerascheck.registry import all_rules
from kerascheck.semantic.target import default_target
from kerascheck.text import SourceText

MOST = 2.0


def statements(size: int) -> str:
    """A long training script: 1,250 lines for each unit of size."""
    block = "x{n} = load('data{n}.npy')\nmodel{n} = keras.Sequential([keras.layers.Dense(4, activation='softmax')])\n"
    block += "model{n}.compile(loss='mse', metrics=['accuracy'])\nif x{n} is not None:\n    model{n}.fit(x{n}, x{n})\n"
    return "import keras\n\n" + "".join(block.format(n=number) for number in range(250 * size))


def classes(size: int) -> str:
    """Model classes: 125 for each unit of size."""
    block = (
        "class Net{n}(keras.Model):\n    def __init__(self, units=4, rate=0.5, **kwargs):\n"
        "        super().__init__(**kwargs)\n        self.units = units\n"
        "        self.hidden = keras.layers.Dense(units)\n        self.dropout = keras.layers.Dropout(rate)\n\n"
        "    def call(self, inputs):\n        return self.dropout(self.hidden(inputs))\n\n"
        "    def get_config(self):\n        return {{'units': self.units}}\n\n\n"
    )
    return "import keras\n\n\n" + "".join(block.format(n=number) for number in range(125 * size))


def layers(size: int) -> str:
    """A Sequential of 320 layers for each unit of size, given as a list and by `add`, then compiled and saved."""
    listed = "".join(f"    keras.layers.Dense({number % 7 + 1}),\n" for number in range(160 * size))
    added = "".join(f"model.add(keras.layers.Dense({number % 7 + 1}))\n" for number in range(160 * size))
    rest = "model.compile(loss='mse', metrics=['accuracy'])\nmodel.fit(x, y)\nmodel.save('a.keras')\n"
    return f"import keras\n\nmodel = keras.Sequential([\n{listed}])\n{added}{rest}"


def functional(size: int) -> str:
    """A functional graph of 320 layers for each unit of size."""
    body = "".join(f"x = keras.layers.Dense({number % 7 + 1})(x)\n" for number in range(320 * size))
    return (
        f"import keras\n\nx = inputs = keras.Input((3,))\n{body}model = keras.Model(inputs, x)\nmodel.save('a.keras')\n"
    )


def functions(size: int) -> str:
    """Functions that call one another: 250 for each unit of size."""
    block = "def make{n}(units=3):\n    model = make{m}(units)\n"
    block += "    model.load_weights('a.weights.h5')\n    return model\n\n\n"
    first = "def make0(units=3):\n    return keras.Sequential([keras.layers.Dense(units)])\n\n\n"
    return (
        "import keras\n\n\n" + first + "".join(block.format(n=number, m=number // 2) for number in range(1, 250 * size))
    )


KINDS: dict[str, Callable[[int], str]] = {
    "statements": statements,
    "classes": classes,
    "layers of a Sequential": layers,
    "layers of a graph": functional,
    "functions": functions,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="1,4,16")
    sizes = [int(size) for size in parser.parse_args().sizes.split(",")]
    options = engine.Options(frozenset(rule.code for rule in all_rules()), default_target())
    engine.check(SourceText(statements(1)), "a.py", options)
    broken = False
    for kind, make in KINDS.items():
        costs = []
        for size in sizes:
            source = SourceText(make(size))
            lines = source.text.count("\n")
            gc.collect()
            started = time.process_time()
            libcst.parse_module(source.text)
            parsed = time.process_time()
            found = len(engine.check(source, "a.py", options).findings)
            checked = time.process_time()
            costs.append((checked - parsed) / lines)
            times = f"parse {parsed - started:.2f} s, check {checked - parsed:.2f} s"
            print(f"{kind}: {lines:,} lines, {times}, {found} findings")
        growth = costs[-1] / costs[0]
        broken = broken or growth > MOST
        print(f"{kind}: a line costs {growth:.2f} times as much in the longest (at most {MOST})\n")
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())
