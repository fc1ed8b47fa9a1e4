"""The pages against a real Keras: a bad block shows its claim, a fixed and a good one do not."""

import ast
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import truth
from truth import Block, Laboratory, Outcome

BLOCKS = truth.all_blocks()
PAIRS = {before.name: (before, after) for before, after in truth.pairs(BLOCKS)}
SAFE_FIXES = [name for name, (before, _) in PAIRS.items() if before.code in {"KC401", "KC404", "KC501"}]
NOT_RUN = {block.name: reason for block in BLOCKS if (reason := truth.why_not_run(block)) is not None}

pytestmark = pytest.mark.skipif(truth.installed_keras() is None, reason="not run: no Keras 3 is installed")

# One line a case: units, activation, labels, loss, and the metric for which the string "accuracy" stands.
STRING_ACCURACY = """
import keras
import numpy as np

x = np.random.RandomState(0).rand(40, 4).astype("float32")
two = (x[:, 0] > x[:, 1]).astype("int32")
three = (x.sum(axis=1) * 3).astype("int32") % 3
one_hot = np.eye(3, dtype="float32")[three]
sparse = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
binary = keras.losses.BinaryCrossentropy(from_logits=True)
B, S, C = keras.metrics.BinaryAccuracy, keras.metrics.SparseCategoricalAccuracy, keras.metrics.CategoricalAccuracy
cases = [
    (1, "sigmoid", two, "binary_crossentropy", B),
    (1, "sigmoid", two.astype("float32")[:, None], "binary_crossentropy", B),
    (1, None, two, "mean_squared_error", B),
    (1, None, two, binary, B),
    (3, "softmax", three, "sparse_categorical_crossentropy", S),
    (3, "softmax", three[:, None], "sparse_categorical_crossentropy", S),
    (3, "softmax", three.astype("float32"), "sparse_categorical_crossentropy", S),
    (3, None, three, sparse, S),
    (3, "softmax", one_hot, "categorical_crossentropy", C),
    (3, "softmax", one_hot.astype("int32"), "categorical_crossentropy", C),
    (3, "softmax", one_hot, "binary_crossentropy", C),
    (3, "softmax", one_hot, "mean_squared_error", C),
    (3, "sigmoid", (x[:, :3] > 0.5).astype("float32"), "binary_crossentropy", C),
]


def history(units, activation, y, loss, metric):
    keras.utils.set_random_seed(3)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(units, activation=activation)])
    model.compile("adam", loss, metrics=[metric], run_eagerly=True)
    logs = model.fit(x, y, epochs=2, verbose=0, validation_split=0.25, shuffle=False, batch_size=16).history
    logs["evaluate"] = list(model.evaluate(x, y, verbose=0, return_dict=True).items())
    return logs


for units, activation, y, loss, metric in cases:
    for word in ("accuracy", "acc"):
        string = history(units, activation, y, loss, word)
        explicit = history(units, activation, y, loss, metric(name=word))
        assert string == explicit, (units, activation, y.shape, loss, string, explicit)
"""

BUILDS = """
import keras
import numpy as np


class NoBuild(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden = keras.layers.Dense(4)
        self.out = keras.layers.Dense(2)

    def call(self, x):
        return self.out(self.hidden(x))


class Flag(NoBuild):
    def build(self, shape):
        self.built = True


class Super(NoBuild):
    def build(self, shape):
        super().build(shape)


class Partial(NoBuild):
    def build(self, shape):
        self.hidden.build(shape)
        self.built = True


class Guarded(NoBuild):
    def build(self, input_shape):
        if not self.hidden.built:
            self.hidden.build(input_shape)
        shape = self.hidden.compute_output_shape(input_shape)
        if not self.out.built:
            self.out.build(shape)
        self.built = True


class NoFlag(NoBuild):
    def build(self, shape):
        self.hidden.build(shape)
        self.out.build((None, 4))


class RunsCall(NoBuild):
    def build(self, shape):
        self.call(keras.Input(shape[1:]))
        self.built = True


class OwnWeights(keras.Model):
    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], 2))
        self.built = True

    def call(self, x):
        return keras.ops.matmul(x, self.kernel)


def chain():
    return keras.Sequential([keras.layers.Dense(4), keras.layers.Dense(2)])


x = np.random.RandomState(0).rand(5, 3).astype("float32")


def loads(make, prepare):
    saved = make()
    expected = np.asarray(saved(x))
    saved.save_weights("saved.weights.h5")
    model = make()
    prepare(model)
    model.load_weights("saved.weights.h5")
    return bool(np.allclose(np.asarray(model(x)), expected))


def build(model):
    model.build((None, 3))


def call(model):
    model(keras.Input(shape=(3,)))


for make in (NoBuild, Flag, Super, Partial):
    assert not loads(make, build), make
for make in (Guarded, NoFlag, RunsCall, OwnWeights, chain):
    assert loads(make, build), make
for make in (NoBuild, Flag, Super, Partial, Guarded, NoFlag, RunsCall, OwnWeights, chain):
    assert loads(make, call), make
"""

PROGRAMS = {"string-accuracy": STRING_ACCURACY, "builds": BUILDS}

# {before} and {after} are the two programs of a fix; each leaves a compiled `model` and its `x` and `y`.
CROSS_FILES = """
import keras
import numpy as np

programs = {{"before": {before!r}, "after": {after!r}}}
models, data = {{}}, {{}}
for name, text in programs.items():
    names = {{"__name__": "__main__"}}
    exec(text, names)
    models[name], data[name] = names["model"], (names["x"], names["y"])


def logs(model, name):
    return model.evaluate(*data[name], verbose=0, return_dict=True)


def same(first, second):
    assert list(first) == list(second), (first, second)
    assert all(np.isclose(first[key], second[key]) for key in first), (first, second)


for writer, reader in (("before", "after"), ("after", "before")):
    expected = logs(models[writer], writer)
    for suffix in (".keras", ".h5"):
        models[writer].save(writer + suffix)
        same(expected, logs(keras.models.load_model(writer + suffix), writer))
    models[writer].save_weights(writer + ".weights.h5")
    kept = models[reader].get_weights()
    models[reader].load_weights(writer + ".weights.h5")
    same(expected, logs(models[reader], writer))
    models[reader].set_weights(kept)
"""


def cross_files(name: str) -> str:
    before, after = PAIRS[name]
    return CROSS_FILES.format(before=before.text, after=after.text)


@pytest.fixture(scope="module")
def laboratory(request: pytest.FixtureRequest) -> Iterator[Laboratory]:
    laboratory = Laboratory()
    if "PYTEST_XDIST_WORKER" not in os.environ:  # alone: everything that was selected runs side by side from the start
        selected = {item.name for item in request.session.items}
        for block in sorted(BLOCKS, key=lambda block: not block.compares_runs):
            if f"test_block[{block.name}]" in selected and block.name not in NOT_RUN:
                laboratory.submit_block(block)
        for name, program in PROGRAMS.items():
            if f"test_program[{name}]" in selected:
                laboratory.submit(program)
    yield laboratory
    laboratory.close()


def check(block: Block, outcome: Outcome) -> None:
    shown = outcome.shown(block.claims)
    if not block.must_show:
        assert not shown, shown
        assert outcome.error is None, outcome.error
        if block.kind == "fixed" or (block.code in truth.HARMLESS_ON_KERAS_3 and block.kind == "bad"):
            assert set(block.claims) & set(outcome.examined), f"nothing to see: {outcome.examined}"
        return
    assert shown, f"none of {block.claims}; seen: {outcome.observed}, looked for: {outcome.examined}"
    if shown[0]["claim"] in truth.RAISING and block.code not in truth.FAILS_ELSEWHERE:
        assert shown[0]["line"] in {marker.line for marker in block.markers}, shown
    elif shown[0]["claim"] not in truth.RAISING:
        assert outcome.error is None, outcome.error


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.name)
def test_block(block: Block, laboratory: Laboratory) -> None:
    if block.name in NOT_RUN:
        pytest.skip(f"not run: {NOT_RUN[block.name]}")
    check(block, laboratory.submit_block(block).result())


def test_blocks_that_were_not_run_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(f"\ntruth: {len(BLOCKS) - len(NOT_RUN)} of {len(BLOCKS)} blocks can be run here")
        for name, reason in NOT_RUN.items():
            print(f"truth: not run: {name}: {reason}")


def test_every_page_has_a_bad_a_fixed_and_two_good_blocks() -> None:
    for code in truth.CLAIMS:
        kinds = [block.kind for block in BLOCKS if block.code == code]
        assert {"bad"} | ({"fixed"} if code not in truth.WITHOUT_FIX else set()) <= set(kinds), code
        assert kinds.count("good") >= 2, code


def test_only_bad_blocks_are_marked_and_with_the_code_of_their_page() -> None:
    for block in BLOCKS:
        assert bool(block.markers) == (block.kind == "bad"), block.name
        assert all(marker.code == block.code for marker in block.markers), block.name


@pytest.mark.parametrize("name", PROGRAMS)
def test_program(name: str, laboratory: Laboratory) -> None:
    outcome = laboratory.submit(PROGRAMS[name]).result()
    assert outcome.error is None, outcome.error


@pytest.mark.parametrize("name", [name for name in SAFE_FIXES if name.startswith("KC501")])
def test_safe_fix_keeps_logs_and_files_in_both_directions(name: str, laboratory: Laboratory) -> None:
    before, after = PAIRS[name]
    crossed = laboratory.submit(cross_files(name)).result()
    assert crossed.error is None, crossed.error
    logs_before = laboratory.submit_block(before).result().logs
    assert logs_before
    assert laboratory.submit_block(after).result().logs == logs_before


def atoms(value: object) -> list[str]:
    if isinstance(value, list):
        return sorted(atom for item in value for atom in atoms(item))
    return [repr(value)]


@pytest.mark.parametrize("name", [name for name in SAFE_FIXES if name.startswith("KC401")])
def test_safe_order_is_one_of_the_orders_of_the_set(name: str, laboratory: Laboratory) -> None:
    before, after = (laboratory.submit_block(block).result().state for block in PAIRS[name])
    assert before.keys() == after.keys()
    for key in before:
        if key not in {"name", "number", "targets", "encoded"}:  # positions: these follow from the order
            assert atoms(before[key]) == atoms(after[key]), key


@pytest.mark.parametrize("name", [name for name in SAFE_FIXES if name.startswith("KC404")])
def test_safe_seed_function_sets_the_seed(name: str, laboratory: Laboratory) -> None:
    _, after = PAIRS[name]
    again = f"""{after.text}
import tensorflow as tensorflow_again
assert tensorflow_again.compat.v1.get_seed(None)[0] == 2, tensorflow_again.compat.v1.get_seed(None)
"""
    outcome = laboratory.submit(again).result()
    assert outcome.error is None, outcome.error


# Appended to a fixture: calls each function that needs no argument, or only `x` and `y`, and keeps what it did.
CALL_THE_FUNCTIONS = """

import inspect as _inspect

import numpy as _numpy

_rows = _numpy.random.RandomState(0).rand(100, 3).astype("float32")
_data = {"x": _rows, "y": (_numpy.arange(100) % 2).reshape(100, 1)}
done = {}
for _name, _function in list(globals().items()):
    if not _inspect.isfunction(_function) or not _name.startswith(("bad_", "good_", "fit_")):
        continue
    _needed = [p.name for p in _inspect.signature(_function).parameters.values() if p.default is p.empty]
    if set(_needed) <= set(_data):
        done[_name] = _observe(_function, [_data[name] for name in _needed])
"""

NOTE_EMPTY_MODELS = """
import keras as _keras

_seen = []


def _lacks_variables(model):
    return any(not layer.built for layer in model._flatten_layers(include_self=False))


def _note(model, *arguments, **keywords):
    _seen.append(not model.built or _lacks_variables(model))


def _note_whole(model, *arguments, **keywords):  # measured: `save` writes what the layers of an unbuilt model have
    _seen.append(_lacks_variables(model))


_keras.Model.load_weights = _keras.Model.save_weights = _note
_keras.Model.save = _note_whole


def _observe(function, arguments):
    del _seen[:]
    try:
        function(*arguments)
    except (OSError, ValueError) as error:  # there is no such file: the function ends here
        if "not found" not in str(error):
            raise
    return any(_seen)
"""

NOTE_ERRORS = """
for _folder in ("folder", "output", "training"):
    os.makedirs(_folder)
for _path in ("model.keras", "model.h5"):
    make_model().save(_path)


def _observe(function, arguments):
    try:
        function(*arguments)
    except ValueError as error:
        return "filename must end" in str(error) or "File format not supported" in str(error)
    except (OSError, ImportError, KeyError):
        return "load" in function.__name__
    return False
"""

NOTE_RESULTS = """
def _observe(function, arguments):
    return function(*arguments)
"""

# Nothing is downloaded here: rows as the source of `imdb.load_data` (3.15.1) makes them, lists in an array of objects.
NUMBERS_FOR_IMDB = """
import keras as _keras
import numpy as _numpy


def _load_data(num_words=None):
    rows = _numpy.empty(2, dtype=object)
    rows[:] = [[1, 14, 22, 16], [1, 94, 28, 6, 22]]
    return (rows, _numpy.array([1, 0])), (rows, _numpy.array([1, 0]))


_keras.datasets.imdb.load_data = _load_data
"""


@pytest.mark.parametrize(
    ("stem", "observe"),
    [
        ("load_weights_before_build", NOTE_EMPTY_MODELS),
        ("hollow_build", NOTE_EMPTY_MODELS),
        ("save_weights_before_build", NOTE_EMPTY_MODELS),
        ("weights_file_suffix", NOTE_ERRORS),
    ],
)
def test_fixture_functions_do_what_their_names_say(stem: str, observe: str) -> None:
    fixture = (truth.ROOT / "fixtures" / f"{stem}.py").read_text(encoding="utf-8")
    outcome = truth.run_fresh(fixture + observe + CALL_THE_FUNCTIONS)  # it patches Keras: a child of its own
    assert outcome.error is None, outcome.error
    done: dict[str, bool] = dict(outcome.state["done"])
    assert len(done) > 15
    assert {name: faulty for name, faulty in done.items() if faulty != name.startswith("bad_")} == {}


# Each function in a folder of its own: whether it raises at all.
NOTE_EXCEPTIONS = """
import os as _os
import tempfile as _tempfile


def _observe(function, arguments):
    _os.chdir(_tempfile.mkdtemp())
    try:
        function(*arguments)
    except Exception:
        return True
    return False
"""
RAISING_FIXTURES = [
    "architecture_without_code",
    "checkpoint_file_suffix",
    "h5_loses_loss",
    "h5_loses_lookup",
    "layer_created_in_call",
    "load_weights_result_used",
    "model_file_suffix",
    "removed_save_argument",
    "savedmodel_directory",
    "unguarded_build",
]


@pytest.mark.parametrize("stem", RAISING_FIXTURES)
def test_fixture_functions_raise_as_their_names_say(stem: str) -> None:
    fixture = (truth.ROOT / "fixtures" / f"{stem}.py").read_text(encoding="utf-8")
    outcome = truth.run_fresh(fixture + NOTE_EXCEPTIONS + CALL_THE_FUNCTIONS)
    assert outcome.error is None, outcome.error
    done: dict[str, bool] = dict(outcome.state["done"])
    assert any(done.values())
    assert {name: raised for name, raised in done.items() if raised != name.startswith("bad_")} == {}


@pytest.mark.parametrize("stem", ["unordered_labels", "unseeded_split"])
def test_fixture_functions_differ_from_run_to_run(stem: str) -> None:
    fixture = (truth.ROOT / "fixtures" / f"{stem}.py").read_text(encoding="utf-8")
    program = fixture + NUMBERS_FOR_IMDB + NOTE_RESULTS + CALL_THE_FUNCTIONS
    first, second = (truth.run_fresh(program, hash_seed=seed, watch=False) for seed in ("1", "2"))
    assert first.error is None, first.error
    once, again = dict(first.state["done"]), dict(second.state["done"])
    assert len(once) > 15
    assert [name for name in once if (once[name] != again[name]) != name.startswith("bad_")] == []


def fit_functions() -> list[str]:
    fixture = (truth.ROOT / "fixtures" / "call_without_training.py").read_text(encoding="utf-8")
    return re.findall(r"^def (fit_\w+)\(\)", fixture, re.MULTILINE)


@pytest.mark.parametrize("name", fit_functions())
def test_fixture_models_lose_the_training_flag(name: str, laboratory: Laboratory) -> None:
    fixture = (truth.ROOT / "fixtures" / "call_without_training.py").read_text(encoding="utf-8")
    outcome = laboratory.submit(f"{fixture}\n\n{name}()\n").result()
    assert outcome.error is None, outcome.error
    if name == "fit_good_explicit_false":  # inference mode, and said so in the source
        return
    assert bool(outcome.shown(("TRAINING_FLAG_LOST",))) != name.startswith("fit_good_")


# Appended to a fixture: labels that agree with every prediction, so the true accuracy is 1.
EVALUATE_THE_MODEL = """
import numpy as _numpy

_x = _numpy.random.RandomState(0).normal(size=(64, *model.input_shape[1:])).astype("float32")
_p = model.predict(_x, verbose=0)
if _p.shape[-1] == 1:
    _y = _p > (0.0 if getattr(model.loss, "from_logits", False) else 0.5)
elif "sparse" in str(getattr(model.loss, "name", model.loss)):
    _y = _p.argmax(axis=-1)
elif _numpy.allclose(_p.sum(axis=-1), 1.0, atol=1e-3) or getattr(model.loss, "from_logits", False):
    _y = _numpy.eye(_p.shape[-1])[_p.argmax(axis=-1)]
else:
    _y = _p > 0.5
model.evaluate(_x, _numpy.asarray(_y, dtype="float32"), verbose=0)
"""


def metric_functions() -> list[tuple[str, str]]:
    found = []
    for stem in ("accuracy_on_logits", "accuracy_on_multi_label"):
        fixture = (truth.ROOT / "fixtures" / f"{stem}.py").read_text(encoding="utf-8")
        names = re.findall(r"^def ((?:bad|good)_\w+)\(\)", fixture, re.MULTILINE)
        found += [(stem, name) for name in names if name != "good_two_heads"]
    return found


@pytest.mark.parametrize(("stem", "name"), metric_functions())
def test_fixture_models_report_a_wrong_accuracy(stem: str, name: str, laboratory: Laboratory) -> None:
    fixture = (truth.ROOT / "fixtures" / f"{stem}.py").read_text(encoding="utf-8")
    # with some first weights no output lies between the two thresholds
    seed = "import keras as _keras\n_keras.utils.set_random_seed(1)\n"
    outcome = laboratory.submit(f"{fixture}\n\n{seed}model = {name}()\n{EVALUATE_THE_MODEL}").result()
    assert outcome.error is None, outcome.error
    shown = outcome.shown(("METRIC_WRONG",))  # a loss that is wrong is KC505's and KC508's to say
    assert any(not item["evidence"].startswith("loss ") for item in shown) == name.startswith("bad_")


CODES = {block.stem: block.code for block in BLOCKS}
# Their pages' blocks show the fault only in a second process; the experiments have one.
SECOND_PROCESS = {"lambda_hides_layer": "KC308", "lambda_reads_global": "KC309", "registered_name_clash": "KC310"}
CONFIRMED = [stem for stem, code in CODES.items() if code not in truth.WITHOUT_EXPERIMENT | truth.BOUND_TO_RELEASES]
CONFIRMED += [stem for stem in SECOND_PROCESS if stem not in CODES]


@pytest.mark.parametrize("stem", CONFIRMED)
def test_the_findings_of_a_fixture_are_confirmed_where_the_page_says_so(stem: str) -> None:
    release, code = truth.installed_keras(), {**CODES, **SECOND_PROCESS}[stem]
    assert release is not None
    # a page whose Measured section has no table speaks of every release
    expected = not truth.is_measured(stem, release) or truth.shown_on(stem, release)
    found = [item for item in truth.confirmed_fixtures(stem, code) if truth.is_executable(item)]
    assert found
    if code in truth.ONLY_ON_KERAS_2 and truth.version(release) >= (3,):
        assert not expected
        answers = {(item["verdict"]["status"], item["verdict"]["evidence"].partition(";")[0]) for item in found}
        assert answers == {("not-reached", truth.ONLY_ON_KERAS_2[code])}
        return
    here = [item for item in found if not truth.is_for_older(item["path"], release)]
    verdicts = {f"{Path(item['path']).name}:{item['line']}": item["verdict"] for item in here}
    unreached = truth.UNREACHED.get(code, set())
    wrong = {
        place: it
        for place, it in verdicts.items()
        if (it["status"] in {"not-reached", "could-not-run"}) != (place in unreached)
        or (place not in unreached and (it["status"] == "confirmed") != expected)
    }
    assert wrong == {}
    assert unreached <= set(verdicts)


# Fixes that confirm mode cannot prove: graph mode needs Keras 2; other files, and what a fix moves, are not followed.
NOT_PROVED = frozenset({"KC111", "KC205", "KC311"})
# Fixes that are left, as they should be: a class that can be built is not built yet (KC103), loading raises for another
# reason still (KC301), programs of an older Keras (KC601, KC603); and those of findings that no experiment reaches.
LEFT = {
    "KC202": ["model_file_suffix.py:178"],
    "KC401": ["unordered_labels.py:306", *(f"bad_defaults.py:{line}" for line in (10, 15, 20, 24)), "bad_naming.py:5"],
    "KC403": ["bad_beside_a_generator.py:7"],
    "KC407": ["different_split_seeds.py:29"],
    "KC504": ["accuracy_of_probabilities.py:12"],
    "KC508": ["loss_output_mismatch.py:30"],
    "KC601": ["bad_own_train_step.py:16"],
    "KC603": ["bad_keras_2.py:10"],
    "KC610": ["frozen_discriminator.py:132"],
    "KC103": [
        *("subclass_without_build.py:12", "subclass_without_build.py:52"),
        *("bad_saved_elsewhere.py:6", "bad_used_elsewhere.py:6"),
    ],
    "KC301": [  # 434, five lines lower: what was fixed above it
        *("config_drops_argument.py:439", "bad_kept_and_read.py:53", "bad_keras_2.py:8"),
        *("bad_unreached.py:7", "bad_unreached.py:41", "bad_unreached.py:51"),
    ],
}
NO_PROOF = truth.WITHOUT_EXPERIMENT | truth.BOUND_TO_RELEASES | truth.WITHOUT_FIX | NOT_PROVED
NO_PROOF |= truth.HARMLESS_ON_KERAS_3
FIXED = [stem for stem, code in CODES.items() if code not in NO_PROOF]


@pytest.mark.parametrize("stem", FIXED)
def test_the_fixes_of_a_fixture_take_the_fault_away(stem: str, tmp_path: Path) -> None:
    """`--fix --confirm` keeps a fix when the experiment that showed the fault does not show it any more."""
    shutil.copytree(truth.ROOT / "fixtures", tmp_path / "fixtures")
    extra = ("--fix", "--unsafe-fixes")
    left = truth.confirmed_fixtures(stem, CODES[stem], tmp_path / "fixtures", extra)
    dropped = [item for item in left if item["fix"] and truth.is_executable(item)]
    places = [f"{Path(item['path']).name}:{item['line']}" for item in dropped]
    assert places == LEFT.get(CODES[stem], []), [item["verdict"]["evidence"] for item in dropped]


# Appended to a fixture and the call of one of its functions: every whole model that was saved is loaded.
LOAD_WHAT_WAS_SAVED = """
import glob as _glob
import inspect as _inspect

import keras as _keras

_own = [value for value in globals().values() if _inspect.isclass(value) or _inspect.isfunction(value)]
_own = {value.__name__: value for value in _own if value.__module__ == "__main__"}
_files = [path for path in _glob.glob("*.keras") + _glob.glob("*.h5") if not path.endswith(".weights.h5")]
for _path in sorted(_files):
    _keras.models.load_model(_path, custom_objects=_own, compile=COMPILED)
"""
# Rules about losses among others: what they save is loaded compiled, or no loss would be looked for.
COMPILED = frozenset({"KC311"})
# Good cases of a rule because another one says what is wrong with them: that one's claim must be seen.
SAID_BY_ANOTHER = {
    ("anonymous_function.py", "good_lambda_layer"): "KC307",  # the code of a lambda is not loaded in safe mode
    ("init_without_kwargs/good_unsaveable.py", "good_layer_with_a_function"): "KC302",  # saving raises already
    ("init_without_kwargs/good_unsaveable.py", "good_model_with_a_required_argument"): "KC302",
    ("init_without_kwargs/good_unsaveable.py", "good_layer_that_calls_super_of_another_class"): "KC301",
    ("model_file_suffix.py", "good_own_save"): "KC304",  # what is written to `.keras` after all does not load
}
# Bad cases that Keras has repaired, with the release from which they load as they were; see keras_bugs.toml.
REPAIRED_IN = {
    ("lost_constructor_argument.py", "bad_output_padding"): "3.15.0",  # keras#23014
}
# Bad cases of which neither the outputs nor the configuration of the loaded model tell what was lost.
NOT_SEEN_AFTER_LOADING = {
    ("lost_constructor_argument.py", "bad_attention_seed"),  # no configuration has the seed before 3.15: keras#23029
    ("stale_optimizer_state.py", "bad_thawed_before_it_is_saved"),  # the function does not train on what it saved
}


def saving_functions() -> Iterator[tuple[str, str]]:
    """Functions of fixtures that save a whole model and need neither an argument nor a download."""
    for stem in (stem for stem in CODES if stem not in SECOND_PROCESS):
        folder = truth.ROOT / "fixtures"
        for path in [*folder.glob(f"{stem}.py"), *sorted((folder / stem).glob("good_*.py"))]:
            if "torchvision" in path.read_text(encoding="utf-8"):
                continue
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                text = ast.unparse(node)
                if (
                    isinstance(node, ast.FunctionDef)
                    and not node.args.args
                    and re.search(r"\.save\(", text)
                    and not re.search(r"EfficientNet|load_model|load_weights|compat", text)
                ):
                    yield path.relative_to(folder).as_posix(), node.name


@pytest.mark.parametrize(("path", "name"), list(saving_functions()))
def test_models_that_a_fixture_saves_load_as_its_name_says(path: str, name: str, laboratory: Laboratory) -> None:
    fixture = (truth.ROOT / "fixtures" / path).read_text(encoding="utf-8")
    stem = path.partition("/")[0].removesuffix(".py")
    claims = set(truth.CLAIMS[CODES[stem]])
    loading = f"COMPILED = {CODES[stem] in COMPILED}\n{LOAD_WHAT_WAS_SAVED}"
    loaded = loading if claims - {"SAVE_RAISES", "STATE_LOST"} else ""  # what else keeps it from loading
    outcome = laboratory.submit(f"{fixture}\n\n{name}()\n{loaded}").result()
    release = truth.installed_keras()
    assert release is not None
    another = SAID_BY_ANOTHER.get((path, name))
    if another is not None:
        assert outcome.shown(truth.CLAIMS[another]), (another, outcome.error)
        return
    faulty = name.startswith("bad_") and truth.shown_on(stem, release) and (path, name) not in NOT_SEEN_AFTER_LOADING
    repaired = REPAIRED_IN.get((path, name))
    if repaired is not None:
        faulty = truth.version(release) < truth.version(repaired)
    shown = outcome.shown(truth.CLAIMS[CODES[stem]])
    assert bool(shown) == faulty, (shown, outcome.error)
    assert faulty or outcome.error is None, outcome.error
