"""Names that Keras has itself: what its loaders do with an object of the user's of that name (KC305, KC306)."""

import importlib.util
import sys
from pathlib import Path

import pytest

from kerascheck.engine import Options, check
from kerascheck.files import ProjectReader
from kerascheck.finding import Severity
from kerascheck.semantic.own_names import _table, both, raises_on
from kerascheck.semantic.project import Project
from kerascheck.semantic.target import matches, parse_target
from kerascheck.text import SourceText

PROGRAM = """import keras
from keras import layers


class {layer}(layers.Layer):
    def call(self, inputs):
        return inputs


class {loss}(keras.losses.Loss):
    def call(self, y_true, y_pred):
        return y_pred - y_true


def {activation}(x):
    return x


model = keras.Sequential([layers.Dense(1, input_shape=(3,), activation={activation}), {layer}()])
model.compile("adam", loss={loss}())
model.save("names.{end}")
"""
OTHER = {"layer": "Flattened", "loss": "Hubert", "activation": "rely"}


@pytest.mark.parametrize("target", ["keras==2.15.0", "keras==3.0.5", "keras==3.15.1"])
@pytest.mark.parametrize(
    ("role", "name", "end", "found"),
    [
        ("layer", "Flatten", "h5", False),
        ("layer", "Flattened", "h5", True),
        ("loss", "Huber", "h5", False),
        ("loss", "Hubert", "h5", True),
        ("loss", "Huber", "keras", True),
        ("activation", "relu", "keras", False),
        ("activation", "rely", "keras", True),
    ],
)
def test_an_object_with_a_name_of_keras(
    tmp_path: Path, role: str, name: str, end: str, found: bool, target: str
) -> None:
    wanted = parse_target(target)
    text = PROGRAM.format(**{**OTHER, role: name}, end=end)
    options = Options(frozenset({"KC305"}), wanted)
    path = str(tmp_path / "names.py")  # alone in its project
    findings = check(SourceText(text), path, options, Project(ProjectReader(), wanted)).findings
    assert (name in {item.subject for item in findings if item.severity is not Severity.INFO}) is found
    noted = {item.subject for item in findings if item.severity is Severity.INFO}
    assert noted == ({"relu"} if name == "relu" else set())  # a class of Keras may refuse what the file has


@pytest.mark.parametrize(("target", "found"), [("keras==2.15.0", False), ("keras==3.15.1", True)])
def test_a_name_that_only_some_releases_have(tmp_path: Path, target: str, found: bool) -> None:
    wanted = parse_target(target)
    text = PROGRAM.format(**{**OTHER, "activation": "swish"}, end="keras")
    options = Options(frozenset({"KC305"}), wanted)
    path = str(tmp_path / "names.py")  # alone in its project
    findings = check(SourceText(text), path, options, Project(ProjectReader(), wanted)).findings
    assert [item.severity is not Severity.INFO for item in findings if item.subject == "swish"] == [found]


def test_an_unknown_format_raises_where_both_do() -> None:
    assert raises_on("loss", ".keras", "Huber") == ""
    assert not matches_any(raises_on("loss", "", "Huber"))
    assert raises_on("loss", "", "Hubert") == ""


def test_what_both_match() -> None:
    assert both("", "<3") == both("<3", "") == both("<3", "<3") == "<3"
    joined = both("<3 or >=3.9", ">=2.12")
    assert [matches_at(joined, text) for text in ("2.11", "2.12", "3.0.5", "3.9")] == [False, True, False, True]


def matches_at(specifier: str, release: str) -> bool:
    return matches(parse_target(f"keras=={release}").releases[-1], specifier)


def matches_any(specifier: str) -> bool:
    return any(matches(item, specifier) for item in parse_target("keras>=1").releases)


# ---------------------------------------------------------------------- the installed Keras

WRITER = Path(__file__).resolve().parent.parent / "bench" / "own_names.py"


def test_the_table_is_what_the_installed_keras_does(tmp_path: Path) -> None:
    """Every kind and format, with a few of the names of the table and one that Keras does not have."""
    keras = pytest.importorskip("importlib.metadata").version("keras") if importlib.util.find_spec("keras") else ""
    if not keras or importlib.util.find_spec("tensorflow") is None:
        pytest.skip("Keras on TensorFlow is not installed")
    release = parse_target(f"keras=={keras}").releases[-1]
    spec = importlib.util.spec_from_file_location("own_names", WRITER)
    assert spec is not None
    assert spec.loader is not None
    writer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(writer)
    asked = {}
    for kind in writer.KINDS:
        names: set[str] = set()
        for end in writer.FORMATS:
            known = sorted(_table().get((writer.TOGETHER.get(kind, kind), f".{end}"), {}))
            names |= set(known[:: max(1, len(known) // 4)]) - {"*"}
        asked[kind] = [writer.OWN, *sorted(names)]
    found = [writer.run(sys.executable, "", asked, home) for home in writer.HOMES]
    loaded: set[tuple[str, str, str]] = set()
    seen: set[tuple[str, str, str]] = set()
    for answers in found:
        for key, said in answers.items():
            kind, _, end = key.rpartition(".")
            for name, answer in said.items():
                row = (writer.TOGETHER.get(kind, kind), f".{end}", name)
                seen.add(row)
                if writer.takes_own(kind, answer) and (name != writer.OWN or answer == ""):
                    loaded.add(row)
    assert len(seen) > 100
    for row in sorted(seen):
        on = raises_on(*row)
        assert (row not in loaded) is (on == "" or matches(release, on)), row
