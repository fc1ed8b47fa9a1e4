"""What one file writes and another one reads, where neither names the file as it stands on the disk."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from kerascheck.cli import main

PARTS = """import keras


def overlap(y_true, y_pred):
    return keras.ops.sum(y_true * y_pred)


def build(width):
    net = keras.Sequential([keras.Input((3,)), keras.layers.Dense(width), keras.layers.Dense(1)])
    net.compile("adam", "mean_squared_error", metrics=[overlap])
    return net
"""
STUDY = """from parts import build

for width in (4, 8):
    net = build(width)
    net.save({name})
"""


def found(capsys: pytest.CaptureFixture[str], files: dict[str, str], codes: str) -> list[tuple[str, int, str]]:
    for name, text in files.items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(text)
    main(["check", "--no-cache", "--exit-zero", "--format", "json", "--select", codes, "."])
    return [(item["path"], item["line"], item["code"]) for item in json.loads(capsys.readouterr().out)]


@pytest.mark.parametrize(
    ("name", "read", "expected"),
    [
        ('f"width{width}.keras"', "width4.keras", [("report.py", 2, "KC306")]),
        ('"width%d.keras" % width', "width8.keras", [("report.py", 2, "KC306")]),
        ('f"width{width}.keras"', "width5.keras", []),
        ('f"depth{width}.keras"', "width4.keras", []),
    ],
)
def test_a_file_whose_name_is_put_together(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    read: str,
    expected: object,
) -> None:
    monkeypatch.chdir(tmp_path)
    report = f'import keras\nmodel = keras.models.load_model("{read}")\n'
    files = {"parts.py": PARTS, "study.py": STUDY.format(name=name), "report.py": report}
    assert found(capsys, files, "KC306") == expected


def test_names_are_looked_for_in_data_without_a_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    report = 'import keras\nmodel = keras.models.load_model("width5.keras")\n'
    model = 'model = keras.Sequential()\nmodel.save("data.keras")\n'
    data = f'import keras\nDATA = "{"d%s{s}" * 40_000}"\n{model}'
    files = {"parts.py": PARTS, "study.py": STUDY.format(name='"width4.keras"'), "report.py": report, "data.py": data}
    start = time.process_time()
    assert found(capsys, files, "KC306") == []
    assert time.process_time() - start < 10  # seconds; a pattern that goes back and forth takes hours


PATHS = """from pathlib import Path

BASE = Path(__file__).resolve().parent / "models"
MODEL = BASE / "widths.keras"
"""
HANDS_OVER = """import keras
from common.parts import overlap
from common.paths import MODEL

model = keras.models.load_model(MODEL, custom_objects={"overlap": overlap})
"""
READS = """import keras
from {place} import MODEL

model = keras.models.load_model(MODEL)
"""
WRITES = """from common.parts import build
from common.paths import MODEL

build(4).save(MODEL)
"""


@pytest.mark.parametrize(("place", "expected"), [("common.paths", [("common/parts.py", 4, "KC305")]), ("other", [])])
def test_one_of_the_readers_of_a_constant_lacks_the_object(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    place: str,
    expected: object,
) -> None:
    monkeypatch.chdir(tmp_path)
    files = {
        "common/__init__.py": "",
        "common/parts.py": PARTS,
        "common/paths.py": PATHS,
        "train.py": WRITES,
        "batch.py": HANDS_OVER,
        "server.py": READS.format(place=place),
        "other.py": PATHS.replace("models", "others"),
    }
    assert found(capsys, files, "KC305") == expected


SPLIT = """from sklearn.model_selection import train_test_split


def split(rows, labels):
    return train_test_split(rows, labels, test_size=0.2)
"""
RUN = """import json
import keras
import numpy as np
from parts import split

rows = np.load("rows.npy")
train, test, train_labels, test_labels = split(rows, rows[:, 0])
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
model.compile("adam", "mean_squared_error")
model.fit(train, train_labels)
{kept}
model.save("rows.keras")
"""


@pytest.mark.parametrize(
    ("kept", "expected"),
    [
        ("scores = model.evaluate(test, test_labels)\njson.dump(scores, open('s', 'w'))", [("parts.py", 5, "KC405")]),
        ("guess = model.predict(test)\nnp.save('guess.npy', guess)", [("parts.py", 5, "KC405")]),
        ("np.save('test.npy', test)", []),
        ("half = test[::2]\nnp.save('half.npy', half)", []),
    ],
)
def test_scores_of_a_part_are_no_rows(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    kept: str,
    expected: object,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert found(capsys, {"parts.py": SPLIT, "run.py": RUN.format(kept=kept)}, "KC405") == expected


READY = """from parts import build

net = build(4)
"""
SCRIPT = """import keras
from ready import net

keras.utils.set_random_seed(4)
net.fit(keras.ops.ones((8, 3)), keras.ops.ones((8, 1)))
"""


@pytest.mark.parametrize(
    ("ready", "expected"),
    [(READY, [("train.py", 4, "KC403")]), (READY + 'net.load_weights("first.weights.h5")\n', [])],
)
def test_an_import_runs_the_builder_of_a_third_file(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    ready: str,
    expected: object,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert found(capsys, {"parts.py": PARTS, "ready.py": ready, "train.py": SCRIPT}, "KC403") == expected


def test_an_import_in_a_function_of_another_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    seeds = "def everything(seed):\n    from tensorflow import set_random_seed\n\n    set_random_seed(seed)\n"
    run = "import keras\nimport seeds\n\nseeds.everything(12)\nmodel = keras.Sequential()\n"
    assert found(capsys, {"seeds.py": seeds, "run.py": run}, "KC404") == [("seeds.py", 2, "KC404")]


MATCHERS = """import numpy as np
import keras
from keras import layers


def learned(rows):
    scaling = layers.Normalization()
    scaling.adapt(rows)
    return scaling


def fixed(rows):
    return layers.Normalization(mean=rows.mean(0), variance=rows.var(0))


def build(scaling):
    inputs = keras.Input((3,))
    return keras.Model(inputs, layers.Dense(1)(scaling(inputs)))


class Matcher:
    def __init__(self):
        self.rows = np.load("rows.npy")
        self.model = self.make()


class Phone(Matcher):
    def make(self):
        return build(learned(self.rows))

    def save(self):
        self.model.save("phone.h5")


class Tablet(Phone):
    def make(self):
        return build(fixed(self.rows))

    def save(self):
        self.model.save("tablet.h5")
"""
KINDS = """import sys
from matchers import Phone, Tablet

{"phone": Phone, "tablet": Tablet}[sys.argv[1]]().save()
"""


def test_a_layer_that_the_method_of_a_class_adapts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    files = {"matchers.py": MATCHERS, "run.py": KINDS, "requirements.txt": "keras==3.4.1\n"}
    line = MATCHERS[: MATCHERS.index('"phone.h5"')].count("\n") + 1
    assert found(capsys, files, "KC210") == [("matchers.py", line, "KC210")]


NETWORKS = """import keras


class Soil(keras.Model):
    def __init__(self):
        super().__init__()
        self.score = keras.layers.Dense(1)

    def call(self, probes):
        return self.score(probes)
"""
FACTORY = """from networks import Soil


def soil():
    net = Soil()
    net.build((None, 5))
    return net
"""
STORE = """class Store:
    def restore(self, model, name):
        model.load_weights(f"{name}.weights.h5")
        return model
"""
SCORE = """from factory import soil
from store import Store

ground = Store().restore(soil(), "soil")
"""


def test_a_script_without_keras_brings_together_what_two_files_make_and_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    files = {"networks.py": NETWORKS, "factory.py": FACTORY, "store.py": STORE, "score.py": SCORE}
    assert found(capsys, files, "KC102") == [("score.py", 4, "KC102")]


ZOO = """import keras
from keras import layers


class Mixer(keras.Model):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.mix = layers.Dense(units)

    def call(self, lags):
        return self.mix(lags)


def make(name):
    if name == "mixer":
        return Mixer(3)
    return keras.Sequential([keras.Input((3,)), layers.Dense(1)])
"""
TRAINER = """from zoo import make


class Trainer:
    def __init__(self, name):
        self.model = make(name)

    def keep(self):
        self.model.save("whole.keras")
"""
FIT = """import keras
from trainer import Trainer

Trainer("{name}").keep()
other = Trainer("mixer")
"""


@pytest.mark.parametrize(("name", "expected"), [("mixer", [("zoo.py", 5, "KC302")]), ("plain", [])])
def test_which_model_a_method_saves_its_callers_say(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    expected: object,
) -> None:
    monkeypatch.chdir(tmp_path)
    files = {"zoo.py": ZOO, "trainer.py": TRAINER, "fit.py": FIT.format(name=name)}
    assert found(capsys, files, "KC302") == expected


KEEPER = """class Keeper:
    def __init__(self, {held}, run):
        self.{held} = {held}
        self.run = run

    def keep(self):
        self.{held}.save_weights("kept.weights.h5")

    def back(self, epoch):
        self.{held}.load_weights(f"{{self.run}}/{{epoch}}.ckpt")
"""


@pytest.mark.parametrize(
    ("keeper", "made", "expected"),
    [
        (KEEPER.format(held="net"), "keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])", [10]),
        (KEEPER.format(held="model"), "keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])", [10]),
        (KEEPER.format(held="net") + "        self.net = self.run\n", "keras.Sequential()", []),
        (
            KEEPER.format(held="net") + "\n    def other(self, net):\n        self.net, _ = net, 0\n",
            "keras.Sequential()",
            [],
        ),
        (KEEPER.format(held="net"), "store.Net()", []),
        (KEEPER.format(held="net").replace("self.net.load", "self.back.load"), "keras.Sequential()", []),
    ],
)
def test_a_load_in_a_method_that_nobody_calls_on_what_another_method_uses(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    keeper: str,
    made: str,
    expected: list[int],
) -> None:
    monkeypatch.chdir(tmp_path)
    program = f"import keras\nimport store\nfrom keeper import Keeper\n\nKeeper({made}, 'a').keep()\n"
    files = {"keeper.py": keeper, "program.py": program, "requirements.txt": "keras==3.15.1\n"}
    assert found(capsys, files, "KC201") == [("keeper.py", line, "KC201") for line in expected]
