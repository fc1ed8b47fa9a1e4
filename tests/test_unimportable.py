"""Classes in files that cannot be imported, as a module beside them is not there."""

from pathlib import Path

import pytest

from kerascheck.engine import Options, check
from kerascheck.files import ProjectReader
from kerascheck.semantic.project import Project
from kerascheck.semantic.target import default_target
from kerascheck.text import SourceText

LAYER = """
import keras

{imports}


class Scale(keras.layers.Layer):
    def __init__(self, factor=1.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs):
        return inputs * self.factor

    def get_config(self):
        return super().get_config()


model = keras.Sequential([keras.Input((2,)), Scale(3.0)])
model.save("scaled.keras")
"""


@pytest.mark.parametrize(
    ("imports", "others", "found"),
    [
        ("from .parts import first", [], 0),
        ("from .parts import first", ["parts.py"], 1),
        ("from .parts import first", ["parts/__init__.py"], 1),
        ("from .parts import first", ["parts/first.py"], 1),  # a folder without `__init__.py`
        ("from .parts.first import value", ["parts/first.py"], 1),
        ("from .parts import first", ["__init__.py"], 1),  # a build may write what a package lacks
        ("from ..parts import first", [], 1),
        ("try:\n    from .parts import first\nexcept ImportError:\n    first = None", [], 1),
        ("def read():\n    from .parts import first", [], 1),
    ],
)
def test_a_class_in_a_file_that_lacks_a_neighbour(imports: str, others: list[str], found: int, tmp_path: Path) -> None:
    for name in others:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("value = 1\n")
    text = LAYER.format(imports=imports)
    options = Options(frozenset({"KC301"}), default_target())
    project = Project(ProjectReader(), options.target)
    assert len(check(SourceText(text), str(tmp_path / "scale.py"), options, project).findings) == found
