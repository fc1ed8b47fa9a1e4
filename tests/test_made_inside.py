"""KC301: layers that only other layers make, or give an argument, which do so again when they are loaded."""

from pathlib import Path

import pytest

from kerascheck.engine import Options, check
from kerascheck.files import ProjectReader
from kerascheck.semantic.project import Project
from kerascheck.semantic.target import default_target
from kerascheck.text import SourceText

LAYERS = """import keras


class Scale(keras.layers.Layer):
    def __init__(self, offset=0, factor=2, **kwargs):
        super().__init__(**kwargs)
        self.offset = offset
        self.factor = factor

    def call(self, inputs):
        return inputs * self.factor + self.offset

    def get_config(self):
        return {**super().get_config(), "offset": self.offset}


class Outer(keras.layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.inner = Scale(factor=5)

    def call(self, inputs):
        return self.inner(inputs) + self.units

    def get_config(self):
        return {**super().get_config(), "units": self.units}
"""
PROGRAM = """import keras
from layers import Outer, Scale


class Maker:
    def layer(self, kind, key, **kwargs):
        name = f"{kind.__name__}_{key}"
        return kind(name=name, **kwargs)

    def make(self):
        inputs = keras.Input((3,))
        return keras.Model(inputs, Outer(3)(self.layer(Scale, "first", offset=1)(inputs)))


model = Maker().make()
model.compile("adam", "mse")
model.fit([[1, 2, 3]], [[1, 2, 3]])
model.save("kept.keras")
objects = dict(Outer=Outer, Scale=Scale)
loaded = keras.models.load_model("kept.keras", custom_objects=objects)
print([layer.factor for layer in loaded.layers if isinstance(layer, Scale)])
"""
DIRECT = PROGRAM.replace('self.layer(Scale, "first", offset=1)', 'Scale(1, name="first")')
INSIDE = PROGRAM.replace('self.layer(Scale, "first", offset=1)(inputs)', "inputs")


def found(folder: Path, program: str, layers: str = LAYERS) -> tuple[str, str]:
    for name, text in {"pyproject.toml": "", "layers.py": layers, "program.py": program}.items():
        (folder / name).write_text(text)
    options = Options(frozenset({"KC301"}), default_target())
    path = folder / "layers.py"
    source = SourceText.from_bytes(path.read_bytes())
    (one,) = check(source, str(path), options, Project(ProjectReader(), options.target)).findings
    return one.severity.name.lower(), one.message


@pytest.mark.parametrize("program", [PROGRAM, DIRECT])
def test_it_is_only_given_inside(tmp_path: Path, program: str) -> None:
    severity, message = found(tmp_path, program)
    assert severity == "info"
    assert "only given inside" in message


def test_what_asks_for_a_class_makes_none(tmp_path: Path) -> None:
    severity, message = found(tmp_path, INSIDE)
    assert severity == "info"
    assert "only made inside" in message


@pytest.mark.parametrize(
    "line",
    [
        'loaded = keras.models.load_model("kept.keras", custom_objects={"Scale": Scale, "Outer": Outer})',
        'keras.utils.get_custom_objects()["Scale"] = Scale',
        'keras.utils.get_custom_objects().update({"Scale": Scale})',
        'with keras.utils.custom_object_scope({"Scale": Scale}):\n    pass',
        "print(isinstance(model.layers[0], (Outer, Scale)))",
    ],
)
def test_other_ways_to_name_it(tmp_path: Path, line: str) -> None:
    assert found(tmp_path, f"{INSIDE}{line}\n")[0] == "info"


@pytest.mark.parametrize(
    ("program", "old", "new"),
    [
        # another one is given it
        (DIRECT, "Scale(1,", "Scale(factor=7,"),
        (DIRECT, "Scale(1,", "Scale(1, 7,"),
        (DIRECT, "Scale(1,", "Scale(*open('a'),"),
        (PROGRAM, "offset=1", "factor=7"),
        (PROGRAM, "offset=1", "**dict(factor=7)"),
        (PROGRAM, "name=name,", "name=name, factor=7,"),
        (PROGRAM, "        name =", "        kwargs['factor'] = 7\n        name ="),
        (PROGRAM, "        name =", "        kept = kind\n        name ="),
        # or may be
        (PROGRAM, "kind(name=name, **kwargs)", "keras.Sequential([kind])"),
        (INSIDE, "print(", "table = [Scale]\nprint("),
        (INSIDE, "loaded =", "print(objects['Scale'](factor=7))\nloaded ="),
        (INSIDE, "loaded =", "other = objects\nloaded ="),
        (INSIDE, "loaded =", "class More:\n    kept = {'Scale': Scale}\nMore.kept['Scale'](factor=7)\nloaded ="),
        (
            INSIDE,
            "loaded =",
            "def f():\n    global kept\n    kept = {'Scale': Scale}\n\n\nf()\nkept['Scale'](2, 7)\nloaded =",
        ),
        (INSIDE, "print(", "print(type('More', (Scale,), {}), "),
    ],
)
def test_it_may_be_given_elsewhere(tmp_path: Path, program: str, old: str, new: str) -> None:
    assert old in program
    assert found(tmp_path, program.replace(old, new))[0] == "error"


def test_the_outer_one_writes_it(tmp_path: Path) -> None:
    layers = LAYERS.replace('"units": self.units}', '"units": self.units, "inner": self.inner}')
    assert found(tmp_path, DIRECT, layers)[0] == "error"
