"""Names, constants and classes: what the semantic core knows of an expression. Unknown is None."""

from __future__ import annotations

import pytest

from kerascheck.semantic.module import Module, parse
from kerascheck.semantic.target import default_target
from kerascheck.semantic.values import Const, Obj, Text, Value, string, suffix_of
from kerascheck.text import SourceText


def read(text: str) -> Module:
    return parse(SourceText(text), "a.py", default_target())


def value(text: str, name: str = "x") -> Value | None:
    module = read(text)
    assert module.facts is not None
    return module.interpreter.root.names.get(name)


def layer_of(text: str) -> str | None:
    found = value(text)
    return found.ref if isinstance(found, Obj) else None


DENSE = [
    "import keras\nx = keras.layers.Dense(1)",
    "import keras as k\nx = k.layers.Dense(1)",
    "import keras.layers\nx = keras.layers.Dense(1)",
    "import keras.layers as L\nx = L.Dense(1)",
    "from keras import layers\nx = layers.Dense(1)",
    "from keras import layers as L\nx = L.Dense(1)",
    "from keras.layers import Dense\nx = Dense(1)",
    "from keras.layers import Dense as D\nx = D(1)",
    "from keras.layers import *\nx = Dense(1)",
    "from keras import *\nx = layers.Dense(1)",
    "import tensorflow as tf\nx = tf.keras.layers.Dense(1)",
    "import tensorflow\nx = tensorflow.keras.layers.Dense(1)",
    "import tensorflow.keras as K\nx = K.layers.Dense(1)",
    "import tensorflow.keras.layers as L\nx = L.Dense(1)",
    "from tensorflow import keras\nx = keras.layers.Dense(1)",
    "from tensorflow.keras import layers\nx = layers.Dense(1)",
    "from tensorflow.keras.layers import Dense\nx = Dense(1)",
    "from tensorflow.keras.layers import *\nx = Dense(1)",
    "from tensorflow.python.keras.layers import Dense\nx = Dense(1)",
    "from tensorflow.python.keras.layers.core import Dense\nx = Dense(1)",
    "import tf_keras\nx = tf_keras.layers.Dense(1)",
    "from tf_keras.layers import Dense\nx = Dense(1)",
    "from keras.src.layers import Dense\nx = Dense(1)",
    "from keras.src.layers.core.dense import Dense\nx = Dense(1)",
    "from keras.layers.core import Dense\nx = Dense(1)",
    "from keras.api.layers import Dense\nx = Dense(1)",
    "from tensorflow.compat.v1.keras.layers import Dense\nx = Dense(1)",
    "from tensorflow.contrib.keras import layers\nx = layers.Dense(1)",
    "try:\n    import keras\nexcept ImportError:\n    from tensorflow import keras\nx = keras.layers.Dense(1)",
    "try:\n    from tensorflow.keras.layers import Dense\nexcept ImportError:\n"
    "    from keras.layers import Dense\nx = Dense(1)",
    "try:\n    import tensorflow as tf\nexcept ImportError:\n    tf = None\nx = tf.keras.layers.Dense(1)",
    "import keras\nL = keras.layers\nD = L.Dense\nx = D(1)",
    "import tensorflow as tf\nkeras = tf.keras\nlayers = keras.layers\nx = layers.Dense(1)",
    "def f():\n    from keras import layers\n    return layers.Dense(1)\nx = f()",
    "import keras\nclass A:\n    D = keras.layers.Dense\nx = A.D(1)",
    "import keras\n(D := keras.layers.Dense)\nx = D(1)",
]  # fmt: skip


@pytest.mark.parametrize("text", DENSE)
def test_every_import_style_means_the_same_layer(text: str) -> None:
    assert layer_of(text) == "keras.layers.Dense"


@pytest.mark.parametrize(
    "text",
    [
        "x = keras.layers.Dense(1)",  # nobody imports it
        "import keras_tuner as keras\nx = keras.layers.Dense(1)",
        "import keras\nkeras = make()\nx = keras.layers.Dense(1)",
        "import keras\nif a:\n    D = keras.layers.Dense\nelse:\n    D = other\nx = D(1)",
        "from somewhere import Dense\nx = Dense(1)",
        "from .layers import Dense\nx = Dense(1)",
        "from keras.layers import Dense\ndef Dense(n): return n\nx = Dense(1)",
        "from keras.layers import Dense\ndel Dense\nx = Dense(1)",
        "def f(keras):\n    return keras.layers.Dense(1)\nimport keras\nx = f(unknown)",
    ],
)
def test_what_is_not_surely_keras(text: str) -> None:
    assert layer_of(text) != "keras.layers.Dense"


STRINGS = [
    ("x = 'a.h5'", "a.h5"),
    ("x = r'a\\b.h5'", "a\\b.h5"),
    ("x = 'a' 'b.h5'", "ab.h5"),
    ("x = 'a' + '.h5'", "a.h5"),
    ("a = 'm'\nx = a + '.h5'", "m.h5"),
    ("a = 'm'\nx = f'{a}.h5'", "m.h5"),
    ("a = 3\nx = f'{a}.h5'", "3.h5"),
    ("x = 'a'\nx += '.h5'", "a.h5"),
    ("x = '{}.h5'.format('a')", "a.h5"),
    ("x = '{n}.h5'.format(n='a')", "a.h5"),
    ("import os\nx = os.path.join('a', 'b.h5')", "a/b.h5"),
    ("from os.path import join\nx = join('a', 'b.h5')", "a/b.h5"),
    ("from pathlib import Path\nx = Path('a') / 'b.h5'", "a/b.h5"),
    ("import pathlib\nx = str(pathlib.Path('a') / 'b.h5')", "a/b.h5"),
    ("x = {'p': 'a.h5'}['p']", "a.h5"),
    ("d = {}\nd['p'] = 'a.h5'\nx = d['p']", "a.h5"),
    ("d = dict(p='a.h5')\nx = d['p']", "a.h5"),
    ("x = {'p': 'a.h5'}.get('p')", "a.h5"),
    ("x = ['a', 'b.h5'][1]", "b.h5"),
    ("x = ['a', 'b.h5'][-1]", "b.h5"),
    ("a, x = 'b', 'c.h5'", "c.h5"),
    ("(a, (b, x)) = (1, (2, 'c.h5'))", "c.h5"),
    ("class C:\n    path = 'a.h5'\nx = C.path", "a.h5"),
    ("class C:\n    path = 'a.h5'\nx = C().path", "a.h5"),
    ("class B:\n    path = 'a.h5'\nclass C(B):\n    pass\nx = C().path", "a.h5"),
    ("class C:\n    def __init__(self, p='a.h5'):\n        self.p = p\nx = C().p", "a.h5"),
    ("def f(p='a.h5'):\n    return p\nx = f()", "a.h5"),
    ("def f(*, p='a.h5'):\n    return p\nx = f()", "a.h5"),
    ("def f(p):\n    return p + '.h5'\nx = f('a')", "a.h5"),
    ("f = lambda p: p + '.h5'\nx = f('a')", "a.h5"),
    ("x = 'A.H5'.lower()", "a.h5"),
    ("import argparse\np = argparse.ArgumentParser()\np.add_argument('--out', default='a.h5')\n"
     "args = p.parse_args()\nx = args.out", "a.h5"),
    ("import argparse\np = argparse.ArgumentParser()\ng = p.add_argument_group('g')\n"
     "p.add_argument('-o', '--out-file', default='a.h5')\nargs, _ = p.parse_known_args()\nx = args.out_file", "a.h5"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), STRINGS)
def test_strings_that_are_known(text: str, expected: str) -> None:
    assert string(value(text)) == expected


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("x = f'{a}.h5'", ".h5"),
        ("x = f'w_{epoch:02d}.h5'", ".h5"),
        ("x = '%s.h5' % a", ".h5"),
        ("x = 'w%02d-%s.h5' % (a, b)", ".h5"),
        ("x = '{}.h5'.format(a)", ".h5"),
        ("x = '{:03d}.h5'.format(a)", ".h5"),
        ("x = a + '.h5'", ".h5"),
        ("import os\nx = os.path.join(a, 'b.h5')", "b.h5"),
        ("from pathlib import Path\nx = Path(a) / 'b.h5'", "b.h5"),
        ("from pathlib import Path\nx = Path('a').with_suffix('.h5')", ".h5"),
        ("from pathlib import Path\nx = Path(__file__).parent / 'b.h5'", "b.h5"),
    ],
)
def test_ends_of_strings_that_are_known(text: str, end: str) -> None:
    known = suffix_of(value(text))
    assert known is not None and known[0].endswith(end)


@pytest.mark.parametrize(
    "text",
    [
        "x = a",
        "x = input()",
        "import os\nx = os.environ['P']",
        "import os\nx = os.path.join('a', b)",
        "x = 'a.h5' if a else b",
        "x = 'a.h5'\nif a:\n    x = b",
        "x = 'a.h5'\nfor x in b:\n    pass",
        "x = 'a.h5'\nwith a as x:\n    pass",
        "x = 'a.h5'\ntry:\n    f()\nexcept E as x:\n    pass",
        "d = {'p': 'a.h5'}\nd[k] = 'b'\nx = d['p']",
        "d = {'p': 'a.h5', **other}\nd.update(b)\nx = d['p']",
        "x = ['a', 'b'][i]",
        "import sys\nx = sys.argv[1]",
        "x = 'a' * 3",
        "x = 'a.h5'\nimport x",
        "def f(p='a.h5'):\n    return p\nx = f(q)",
        "def f(p='a.h5'):\n    return p\nx = f(**q)",
        "def f(p='a.h5'):\n    return p\nx = f(*q)",
        "@unknown\ndef f():\n    return 'a.h5'\nx = f()",
        "def f():\n    global x\n    x = b\nx = 'a.h5'\nf()",
        "x = '{:>1000000000}'.format('a')",
        "x = '{:{}}'.format('a', 1000000000)",
    ],
)
def test_strings_that_are_not_known(text: str) -> None:
    assert string(value(text)) is None


@pytest.mark.parametrize(
    "text",
    [
        "x = 's'\n" + "x = x + x\n" * 60,
        "x = 3\n" + "x = x * x\n" * 60,
        "x = [1]\n" + "x = x + x\n" * 60,
        "x = 'a'\n" + "x = x.b\n" * 3000,
        "x = g()\n" + "x = x.b(1)\n" * 3000,
        "x = " + "9" * 5000,
        "x = range(10**30)",
        "x = range(1, 2, 3, 4)",
        "x = 1e400 // 3",
        "x = 1e400 - 1e400",
        "x = 10**400 * 1.5",
    ],
)
def test_values_do_not_grow_without_end(text: str) -> None:
    found = value(text)
    if isinstance(found, Const):
        assert len(str(found.value)) < 10_000
    elif isinstance(found, Text):
        assert len(found.prefix + found.suffix) < 20_000


CLASSES = [
    ("class A(keras.Model): pass", "model"),
    ("class A(keras.models.Model): pass", "model"),
    ("class A(keras.layers.Layer): pass", "layer"),
    ("class A(keras.Layer): pass", "layer"),
    ("class A(keras.layers.Dense): pass", "layer"),
    ("class A(keras.Sequential): pass", "sequential"),
    ("class B(keras.Model): pass\nclass A(B): pass", "model"),
    ("class M: pass\nclass A(M, keras.Model): pass", "model"),
    ("class M: pass\nclass B(keras.Model): pass\nclass A(M, B): pass", "model"),
    ("class A(Unknown, keras.Model): pass", "model"),
    ("B = keras.Model\nclass A(B): pass", "model"),
    ("class A(keras.Model, metaclass=abc.ABCMeta): pass", "model"),
    ("class A: pass", None),
    ("class A(object): pass", None),
    ("class A(Unknown): pass", None),
    ("class A(keras.callbacks.Callback): pass", None),
    ("class A(keras.losses.Loss): pass", None),
    ("class A(A): pass", None),
    ("import keras_tools\nclass A(keras_tools.Model): pass", None),
]


@pytest.mark.parametrize(("text", "kind"), CLASSES)
def test_the_kind_of_a_class(text: str, kind: str | None) -> None:
    module = read("import keras, abc\n" + text)
    assert module.classes[-1].name == "A"
    assert module.classes[-1].keras_kind == kind


def test_an_unknown_base_in_front_makes_a_method_unsure() -> None:
    module = read("import keras\nclass A(Unknown, keras.Model):\n    pass\n")
    assert module.classes[0].method("build") == (None, False)
    module = read("import keras\nclass A(keras.Model):\n    pass\n")
    assert module.classes[0].method("build") == (None, True)
