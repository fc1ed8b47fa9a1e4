"""States of a model at a statement: builders, attributes, control flow and what escapes. Unsure is silent."""

from __future__ import annotations

import pytest

from kerascheck.semantic.events import Flag
from kerascheck.semantic.module import parse
from kerascheck.semantic.target import default_target
from kerascheck.text import SourceText

HEAD = """import keras
class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1)
    def call(self, x):
        return self.dense(x)
"""


def state(text: str) -> str:
    """What is known of the receiver of the last `load_weights` that was met."""
    module = parse(SourceText(HEAD + text), "a.py", default_target())
    events = [event for event in module.events if event.name == "load_weights"]
    if not events:
        return "not met"
    event = events[-1]
    if event.states and event.never(Flag.VARIABLES):
        return "unbuilt"
    return "built" if event.states and event.every(Flag.VARIABLES) and not event.every(Flag.UNSURE) else "unsure"


UNBUILT = [
    "m = Net()\nm.load_weights('a')",
    "m = keras.Sequential([keras.layers.Dense(1)])\nm.load_weights('a')",
    "m = Net()\nclass B:\n    m = 1\n    def go(self):\n        m.load_weights('a')\nB().go()",
    "class B:\n    m = Net()\n    def go(self, net=m):\n        net.load_weights('a')\nB().go()",
    "m = Net()\nn = [m for m in (1, 2)]\nm.load_weights('a')",
    "m = keras.Sequential()\nm.add(keras.layers.Dense(1))\nm.load_weights('a')",
    "def f():\n    return Net()\nm = f()\nm.load_weights('a')",
    "def f():\n    m = Net()\n    m.compile(loss='mse')\n    return m\nf().load_weights('a')",
    "def f():\n    return Net(), 1\nm, n = f()\nm.load_weights('a')",
    "def f():\n    return {'m': Net()}\nf()['m'].load_weights('a')",
    "def f():\n    return [Net(), Net()]\nf()[1].load_weights('a')",
    "class B:\n    def make(self):\n        return Net()\nB().make().load_weights('a')",
    "class B:\n    @staticmethod\n    def make():\n        return Net()\nB.make().load_weights('a')",
    "class B:\n    @classmethod\n    def make(cls):\n        return Net()\nB.make().load_weights('a')",
    "class B:\n    @property\n    def net(self):\n        return Net()\nB().net.load_weights('a')",
    "class B:\n    def __init__(self):\n        self.m = Net()\nb = B()\nb.m.load_weights('a')",
    "class B:\n    def __init__(self):\n        self.m = Net()\n        self.m.load_weights('a')\nB()",
    "class B:\n    def __init__(self):\n        self.m = self.make()\n    def make(self):\n        return Net()\n"
    "B().m.load_weights('a')",
    "class B:\n    def __init__(self):\n        self.m = Net()\nclass C(B):\n    pass\nC().m.load_weights('a')",
    "class B:\n    def __init__(self):\n        self.m = Net()\nclass C(B):\n    def __init__(self):\n"
    "        super().__init__()\n        self.m.load_weights('a')\nC()",
    "if a:\n    m = Net()\nelse:\n    m = keras.Sequential([keras.layers.Dense(1)])\nm.load_weights('a')",
    "m = Net()\nif a:\n    m.compile()\nm.load_weights('a')",
    "def f(a):\n    if a:\n        return Net()\n    return Net()\nf(b).load_weights('a')",
    "try:\n    m = Net()\nfinally:\n    g = 1\nm.load_weights('a')",
    "with a as b:\n    m = Net()\nm.load_weights('a')",
    "for i in range(3):\n    m = Net()\n    m.load_weights('a')",
    "for i in range(3):\n    m = Net()\n    if i:\n        continue\n    m.load_weights('a')",
    "while a:\n    m = Net()\n    m.load_weights('a')\n    m.fit(x)",
    "match a:\n    case 1:\n        m = Net()\n    case _:\n        m = Net()\nm.load_weights('a')",
    "def f():\n    m = Net()\n    def g():\n        return m\n    return g()\nf().load_weights('a')",
    "def f(net):\n    net.load_weights('a')\nf(Net())",
    "f = lambda: Net()\nf().load_weights('a')",
    "async def f():\n    m = Net()\n    m.load_weights('a')",
    "def f():\n    m = Net()\n    m.load_weights('a')",
    "m = [Net() for i in range(2)]\nm[0].load_weights('a')",
    "x = 1\nm = Net()\n[m for m in range(3)]\nm.load_weights('a')",
    "m = n = Net()\nn.load_weights('a')",
    "m = Net()\nprint(m)\nm.load_weights('a')",
    "(m := Net()).load_weights('a')",
    "if __name__ == '__main__':\n    m = Net()\n    m.load_weights('a')",
    "def main():\n    m = Net()\n    m.load_weights('a')\nmain()",
]  # fmt: skip

BUILT = [
    "m = Net()\nm.fit(x, y)\nm.load_weights('a')",
    "m = Net()\nm(x)\nm.load_weights('a')",
    "m = Net()\nm.predict(x)\nm.load_weights('a')",
    "m = keras.Sequential([keras.layers.Dense(1)])\nm.build((None, 2))\nm.load_weights('a')",
    "m = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])\nm.load_weights('a')",
    "m = keras.Sequential([keras.layers.Dense(1, input_shape=(2,))])\nm.load_weights('a')",
    "i = keras.Input((2,))\nm = keras.Model(i, keras.layers.Dense(1)(i))\nm.load_weights('a')",
    "m = keras.applications.ResNet50()\nm.load_weights('a')",
    "m = keras.models.load_model('b')\nm.load_weights('a')",
    "def f():\n    m = Net()\n    m(x)\n    return m\nf().load_weights('a')",
    "def g(m):\n    m(x)\nm = Net()\ng(m)\nm.load_weights('a')",
    "m = Net()\nif a:\n    m(x)\nelse:\n    m.fit(x)\nm.load_weights('a')",
    "m = Net()\nif not m.built:\n    m(x)\nm.load_weights('a')",
    "m = Net()\ntry:\n    g()\nfinally:\n    m(x)\nm.load_weights('a')",
    "m = Net()\nm.fit(x)\nfor i in range(20):\n    m.load_weights('a')",
    "class B:\n    def __init__(self):\n        self.m = Net()\n        self.m(x)\nB().m.load_weights('a')",
]  # fmt: skip

NOT_UNBUILT = [
    "m = Net()\nif a:\n    m(x)\nm.load_weights('a')",
    "m = Net()\nif a:\n    pass\nelif b:\n    m(x)\nm.load_weights('a')",
    "def f(m):\n    if a:\n        return\n    m(x)\nm = Net()\nf(m)\nm.load_weights('a')",
    "m = Net()\ntry:\n    m(x)\nexcept E:\n    pass\nm.load_weights('a')",
    "m = Net()\ntry:\n    g()\nexcept E:\n    m(x)\nm.load_weights('a')",
    "m = Net()\nwhile a:\n    m(x)\nm.load_weights('a')",
    "m = Net()\nfor i in a:\n    m(x)\n    break\nm.load_weights('a')",
    "m = Net()\nfor i in a:\n    m.load_weights('a')\n    m(x)",
    "m = Net()\nfor i in a:\n    if i:\n        m(x)\n        continue\nm.load_weights('a')",
    "m = Net()\nfor i in a:\n    pass\nelse:\n    m(x)\nm.load_weights('a')",
    "m = Net()\nmatch a:\n    case 1:\n        m(x)\nm.load_weights('a')",
    "m = Net()\nwith a:\n    m(x)\nm.load_weights('a')",
    "m = Net()\nunknown(m)\nm.load_weights('a')",
    "m = Net()\nunknown([m])\nm.load_weights('a')",
    "m = Net()\nunknown({'m': m})\nm.load_weights('a')",
    "m = Net()\nunknown.m = m\nm.load_weights('a')",
    "m = Net()\nunknown[0] = m\nm.load_weights('a')",
    "m = Net()\nunknown(m.fit)\nm.load_weights('a')",
    "m = Net()\ndef g():\n    m(x)\nunknown(g)\nm.load_weights('a')",
    "m = Net()\nunknown(lambda: m(x))\nm.load_weights('a')",
    "m = Net()\ndef g(v):\n    unknown(v)\ng(m)\nm.load_weights('a')",
    "m = Net()\ndef g(*v, **k):\n    unknown(v, k)\ng(m)\nm.load_weights('a')",
    "m = Net()\ndef g(n, v):\n    return g(n - 1, v) if n else v(x)\ng(3, m)\nm.load_weights('a')",
    "def f(n):\n    return f(n - 1) if n else Net()\nf(3).load_weights('a')",
    "def f():\n    yield Net()\nfor m in f():\n    m.load_weights('a')",
    "def f(m):\n    m.load_weights('a')",
    "def f(m=Net()):\n    m.load_weights('a')",
    "m = Net()\nm = unknown()\nm.load_weights('a')",
    "m = Net()\nif a:\n    m = unknown()\nm.load_weights('a')",
    "m = Net()\nfor m in a:\n    m.load_weights('a')",
    "m = Net()\ndel m\nm.load_weights('a')",
    "@unknown\ndef f():\n    return Net()\nf().load_weights('a')",
    "class B(Unknown):\n    def run(self):\n        self.m.load_weights('a')\n    def __init__(self):\n"
    "        self.m = Net()\n    def fit(self):\n        self.m(x)",
    "class N(Unknown, keras.Model):\n    pass\nN().load_weights('a')",
    "from other import make\nmake().load_weights('a')",
    "from other import *\nm = Net2()\nm.load_weights('a')",
    "m = Net()\nsetattr(unknown, 'm', m)\nm.load_weights('a')",
    "m = Net()\ndef f():\n    m.load_weights('a')",
    "m = Net()\nc = [m]\nc[0](x)\nm.load_weights('a')",
    "def f():\n    m = Net()\n    def g():\n        m(x)\n    g()\n    m.load_weights('a')",
    "m = keras.Sequential(unknown)\nm.load_weights('a')",
    "m = keras.Sequential()\nfor l in unknown:\n    m.add(l)\nm.load_weights('a')",
    "m = Net()\nm.build((None, 2))\nm.unknown_method()\nm.fit(x)\nm.load_weights('a')",
    "m = keras.models.clone_model(n)\nm.load_weights('a')",
    "async def f(m):\n    async with a as m:\n        m.load_weights('a')",
    "m = Net()\nlist(map(unknown, [m]))\nm.load_weights('a')",
    "m = Net()\ndef gen():\n    yield m\nunknown(gen())\nm.load_weights('a')",
    "class A:\n    def __init__(self, m):\n        self.m = m\n    def run(self):\n        self.m.load_weights('a')\n"
    "A(unknown).run()",
]  # fmt: skip


@pytest.mark.parametrize("text", UNBUILT)
def test_surely_unbuilt(text: str) -> None:
    assert state(text) == "unbuilt"


@pytest.mark.parametrize("text", BUILT)
def test_surely_built(text: str) -> None:
    assert state(text) == "built"


@pytest.mark.parametrize("text", NOT_UNBUILT)
def test_perhaps_built_is_not_unbuilt(text: str) -> None:
    assert state(text) != "unbuilt"


@pytest.mark.parametrize(
    "text",
    [
        "class B:\n    m = Net()\n    def go(self):\n        m.load_weights('a')\nB().go()",
        "m = Net()\nmatch v:\n    case [m]:\n        m.load_weights('a')",
        "m = Net()\nmatch v:\n    case {'k': 1, **m}:\n        m.load_weights('a')",
        "m = Net()\nmatch v:\n    case (1, *_) as m:\n        m.load_weights('a')",
        "m = Net()\nn = [x for x in y if (m := x)]\nm.load_weights('a')",
    ],
)
def test_a_name_that_is_bound_anew_is_not_unbuilt(text: str) -> None:
    assert state(text) != "unbuilt"


def test_dead_code_is_not_met() -> None:
    assert state("def f():\n    return 1\n    m = Net()\n    m.load_weights('a')\nf()") == "not met"
    assert state("def f():\n    m = Net()\n    raise E\n    m.load_weights('a')\nf()") == "not met"
