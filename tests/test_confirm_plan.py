"""From findings to experiments, without Keras: which experiment decides what, and what it is given."""

from __future__ import annotations

import sys
import types
from collections.abc import Sequence

import pytest
from test_confirm_slice import start

from kerascheck import engine
from kerascheck.confirm.child.program import describe, forget, missing
from kerascheck.confirm.plan import _NOT_FOUND, _SIGNS, Experiment, Plan, plan
from kerascheck.confirm.proof import experiments
from kerascheck.confirm.sandbox import Limits, Result
from kerascheck.confirm.verdict import judge
from kerascheck.edits import apply
from kerascheck.engine import Options
from kerascheck.finding import Claim, Finding, Severity, Status
from kerascheck.semantic.module import Module
from kerascheck.text import Position, SourceText

HEAD = "import keras\nfrom keras import layers\n"
LAYER = """
class Scale(layers.Layer):
    def __init__(self, factor=2.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor
    def call(self, x):
        return x * self.factor
    def get_config(self):
        return super().get_config()
"""
SAVED = "m = keras.Sequential([keras.Input((4,)), Scale(3.0)])\nm.save('a.keras')\n"


class Planner:
    """Stands where the confirmer stands; it plans and runs nothing."""

    def __init__(self) -> None:
        self.plans: list[Plan] = []

    def __call__(self, findings: Sequence[Finding], module: Module, /) -> list[Finding]:
        self.plans += [item for finding in findings if (item := plan(module, finding)) is not None]
        return list(findings)

    def prove(self, *_: object) -> str:
        return ""


def planned(text: str, code: str) -> list[Plan]:
    """The plans for the findings of one rule."""
    module = start({"main.py": text})
    assert module.project is not None
    planner = Planner()
    options = Options(frozenset({code}), module.target, confirm=planner)
    engine.check(SourceText(text), "main.py", options, module.project)
    return planner.plans


def only(text: str, code: str) -> Experiment:
    (item,) = planned(text, code)
    assert item.experiments, item.reason
    return item.experiments[0]


def test_a_forgotten_argument_is_tried_with_another_value() -> None:
    made = only(HEAD + LAYER + SAVED, "KC301")
    assert made.name == "configuration"
    assert made.claim is Claim.CONFIG_DIFFERS
    assert made.parameters["makes"][0] == ["Scale(factor=1.0)", "Scale()"]


def test_an_object_that_is_not_registered_is_loaded_elsewhere() -> None:
    (item,) = planned(HEAD + LAYER + SAVED, "KC305")
    whole, alone = item.experiments
    assert (whole.name, alone.name) == ("roundtrip", "configuration")
    for made in item.experiments:
        assert made.parameters["foreign"]
        assert made.parameters["without"] == ["Scale"]
    assert whole.parameters["format"] == ".keras"


def test_a_load_names_the_file_that_lacks_the_object() -> None:
    made = only(HEAD + LAYER + SAVED + "n = keras.models.load_model('a.keras', compile=False)\n", "KC306")
    assert made.parameters["without"] == ["Scale"]
    assert made.parameters["load"] == {"compile": False}


def test_a_lambda_is_saved_and_loaded_with_its_model() -> None:
    text = "i = keras.Input((4,))\nm = keras.Model(i, layers.Lambda(lambda x: x * 2)(i))\nm.save('a.h5')\n"
    made = only(HEAD + text, "KC307")
    assert made.name == "roundtrip"
    assert made.parameters["format"] == ".h5"


def test_a_lambda_of_a_program_that_saves_nothing_is_tried_alone() -> None:
    text = "def double(x):\n    return x * 2\ni = keras.Input((4,))\nm = keras.Model(i, layers.Lambda(double)(i))\n"
    made = only(HEAD + text, "KC307")
    assert made.parameters["make"].endswith("keras.layers.Lambda(double, name='kerascheck')])")
    assert made.parameters["without"] == ["double"]


@pytest.mark.parametrize(
    ("layer", "loss", "reason"),
    [
        (
            "layers.Dense(units, 'sigmoid')",
            "'binary_crossentropy'",
            "how many outputs the model has cannot be told from the source; name a function that makes the model",
        ),
        ("layers.Dense(2)", "'mse'", "which labels the loss takes cannot be told from the source"),
    ],
)
def test_an_accuracy_that_depends_on_the_unknown_is_not_tried(layer: str, loss: str, reason: str) -> None:
    text = f"def make(units):\n    m = keras.Sequential([keras.Input((4,)), {layer}])\n"
    (item,) = planned(HEAD + text + f"    m.compile('adam', {loss}, metrics=['accuracy'])\n", "KC501")
    assert item.reason == reason


def test_a_set_of_unknown_elements_is_not_replaced_by_one_of_strings() -> None:
    text = "import pandas as pd\ntags = list(set(pd.read_csv('a.csv')['tag'].values))\n"
    text += "index = {tag: number for number, tag in enumerate(tags)}\nm = keras.Sequential([layers.Dense(2)])\n"
    (item,) = planned(HEAD + text, "KC401")
    assert not item.experiments
    assert item.reason == (
        "whether the elements of the set are strings, whose order differs from run to run, "
        "cannot be told from the source"
    )


@pytest.mark.parametrize(
    ("program", "name"),
    [
        ("from keras.engine import Layer", "keras.engine"),
        ("from keras.layers import CuDNNGRU", "keras.layers.CuDNNGRU"),
        ("import keras\nkeras.layers.CuDNNGRU(2)", "keras.layers.CuDNNGRU"),
        ("import of_nobody.part", ""),
    ],
)
def test_a_program_for_another_release_is_said_to_be_one(program: str, name: str) -> None:
    pytest.importorskip("keras")
    try:
        exec(program, {})
    except (AttributeError, ImportError) as error:
        facts = {"failed": describe(error), "missing": missing(error)}
    status, evidence = judge(Experiment("roundtrip"), [Result(facts)], Limits())
    assert status is Status.COULD_NOT_RUN
    start = f"the program is for another release, this one has no `{name}`: " if name else "ModuleNotFoundError"
    assert evidence.startswith(start)


def test_what_the_experiment_itself_asks_for_is_not_said_to_be_missing_for_the_program(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "keras", types.ModuleType("keras"))
    with pytest.raises(AttributeError) as caught:
        forget()
    facts = {"failed": describe(caught.value), "missing": missing(caught.value)}
    status, evidence = judge(Experiment("roundtrip"), [Result(facts)], Limits())
    assert (status, evidence) == (Status.COULD_NOT_RUN, "AttributeError: module 'keras' has no attribute 'utils'")


def test_a_set_of_literals_is_taken_with_the_names_that_make_it() -> None:
    text = "tags = ['a', 'b'] * 8\nnames = list(set(tags))\nindex = {n: i for i, n in enumerate(names)}\n"
    text += "m = keras.Sequential([layers.Dense(2)])\n"
    experiment = only(HEAD + text, "KC401")
    assert experiment.parameters == {"source": "tags = ['a', 'b'] * 8", "value": "list(list(set(tags)))"}
    assert experiment.stand_ins == ()


def test_a_seed_that_comes_from_elsewhere_is_any_number() -> None:
    text = "import tensorflow as tf\nfrom absl import flags\ntf.random.set_seed(flags.FLAGS.seed)\n"
    text += "m = keras.Sequential([keras.Input((4,)), layers.Dense(2)])\nm.compile('adam', 'mse')\nm.fit(x, y)\n"
    assert (
        only(HEAD + text, "KC403").parameters["source"].startswith("import tensorflow\ntensorflow.random.set_seed(7)\n")
    )


def test_a_graph_is_found_again_from_the_second_run_of_its_layer() -> None:
    text = "i = keras.Input((4,))\nt = layers.Dense(4)\nm = keras.Model(i, t(layers.Dense(4)(t(i))))\n"
    text += "m.save('a.keras')\n"
    made = only("# target: keras 3.6.0\n" + HEAD + text, "KC208")
    assert made.name == "roundtrip"
    assert not made.parameters.get("foreign")


def test_an_application_gets_its_weights_from_a_file_of_the_run() -> None:
    text = "b = keras.applications.EfficientNetB0(include_top=False)\n"
    made = only("# target: keras 3.5.0\n" + HEAD + text, "KC210")
    assert made.name == "legacy_weights"
    assert made.parameters["make"].startswith("lambda weights: ")
    assert "weights=weights" in made.parameters["make"]


GRAPH = """# target: keras 2.15.0
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import backend as K
tf.compat.v1.disable_eager_execution()
m = tf.keras.Sequential([tf.keras.layers.Dense(2, input_shape=(3,))])
m.load_weights('w.h5')
K.get_session().run(tf.compat.v1.global_variables_initializer())
m.predict(x)
"""
SPLIT = """import sklearn.utils
x, y = sklearn.utils.shuffle(x, y)
a, b = x[:8], x[8:]
m.fit(a)
m.evaluate(b)
m.save('a.keras')
"""
READ = SAVED + "n = keras.models.load_model('a.keras')\n"


@pytest.mark.parametrize(
    ("text", "code", "key", "before", "after"),
    [
        (
            "from tensorflow import set_random_seed as seed\nimport keras\n",
            "KC404",
            "statement",
            "from tensorflow import set_random_seed as seed",
            "from tensorflow.random import set_seed as seed",
        ),
        (HEAD + LAYER + READ, "KC306", "without", ["Scale"], []),
        (
            HEAD + "m = keras.Sequential([keras.Input((3,))])\n" + SPLIT,
            "KC405",
            "value",
            "(lambda rows: (sklearn.utils.shuffle(rows), rows))(list(range(40)))",
            "(lambda rows: (sklearn.utils.shuffle(rows, random_state=42), rows))(list(range(40)))",
        ),
        (GRAPH, "KC111", "initialize", None, False),
    ],
)
def test_a_fix_is_carried_over_into_the_experiment(
    text: str, code: str, key: str, before: object, after: object
) -> None:
    module = start({"main.py": text})
    assert module.project is not None
    planner = Planner()
    options = Options(frozenset({code}), module.target, confirm=planner)
    engine.check(SourceText(text), "main.py", options, module.project)
    (item,) = planner.plans
    assert item.finding.fix is not None
    repaired, _ = apply(text, [item.finding.fix])
    (experiment, moved), *_ = experiments(item.finding, module, start({"main.py": repaired}), 0, item.finding.fix.edits)
    assert experiment.parameters.get(key) == before
    assert moved is not None
    assert moved.parameters[key] == after


@pytest.mark.parametrize(
    ("body", "structure"),
    [
        ("a, b = x\n        return self.d(a) + self.d(b)", 2),
        ("return self.d(x['one']) + self.d(x['two'])", ["one", "two"]),
        ("return self.d(x[0]) + self.d(x[1])", 2),
        ("return self.d(x)", 0),
        ("return self.d(x[0])", 0),
    ],
)
def test_how_call_takes_its_input_apart(body: str, structure: object) -> None:
    text = (
        "class Net(keras.Model):\n    def __init__(self):\n        super().__init__()\n"
        "        self.d = layers.Dense(2)\n"
        f"    def call(self, x):\n        {body}\n"
        "m = Net()\nm.load_weights('a.weights.h5')\n"
    )
    assert only(HEAD + text, "KC101").parameters["structure"] == structure


ROUND = Experiment("roundtrip", claim=Claim.LOAD_RAISES, sign="node index")
UNFOUND = Experiment("roundtrip", claim=Claim.LOAD_RAISES, sign=_NOT_FOUND.format(name="Block"))
SAVING = Experiment("configuration", claim=Claim.SAVE_RAISES, sign=_SIGNS["KC302"])
UNBUILT = Experiment("load_weights", claim=Claim.LOAD_RAISES, sign=_SIGNS["KC101"])
EQUAL = {"weights": 4, "weights_after": 4, "equal": 4, "steady": True, "outputs_differ": False}


@pytest.mark.parametrize(
    ("experiment", "facts", "status"),
    [
        (ROUND, {"raised": "ValueError: Layer node index out of bounds"}, Status.CONFIRMED),
        (ROUND, {"raised": "TypeError: Could not locate class 'A'"}, Status.NOT_REACHED),
        (ROUND, {"save_raised": "OSError: disk"}, Status.NOT_REACHED),
        (ROUND, EQUAL, Status.REFUTED),
        (ROUND, {**EQUAL, "weights_after": 6}, Status.CONFIRMED),
        (ROUND, {**EQUAL, "outputs_differ": True}, Status.NOT_REACHED),
        (ROUND, {"weights": 4, "shadowed": ["dice"]}, Status.NOT_REACHED),
        (Experiment("roundtrip", claim=Claim.OUTPUTS_DIFFER), {**EQUAL, "outputs_differ": True}, Status.CONFIRMED),
        (Experiment("roundtrip", claim=Claim.OUTPUTS_DIFFER), {**EQUAL, "steady": False}, Status.NOT_REACHED),
        (Experiment("roundtrip", claim=Claim.CODE_RUNS, sign="ambda"), EQUAL, Status.CONFIRMED),
        (Experiment("roundtrip", claim=Claim.CODE_RUNS, sign="ambda"), {"raised": "a Lambda"}, Status.NOT_REACHED),
        (
            Experiment("configuration", claim=Claim.CONFIG_DIFFERS),
            {"changed": {"rate": ["0.2", "0.1"]}, "visible": ["rate"]},
            Status.CONFIRMED,
        ),
        (Experiment("configuration", claim=Claim.CONFIG_DIFFERS), {"changed": {}, "visible": ["a"]}, Status.REFUTED),
        (Experiment("configuration", claim=Claim.CONFIG_DIFFERS), {"changed": {}, "visible": []}, Status.NOT_REACHED),
        (
            Experiment("configuration", claim=Claim.LOAD_RAISES, sign="missing 1 required"),
            {"raised": "unexpected keyword 'name'", "raised_again": "missing 1 required argument"},
            Status.CONFIRMED,
        ),
        (UNBUILT, {"raised": "ValueError: Layer 'd' expected 0 variables, but received 2"}, Status.CONFIRMED),
        (UNFOUND, {"raised": "Received: layer=Block of type <class 'str'>."}, Status.CONFIRMED),  # seen on 2.15
        (UNFOUND, {"raised": "Received: layer=Other of type <class 'str'>."}, Status.NOT_REACHED),
        (SAVING, {"raised": "TypeError: Unable to revive model from config."}, Status.NOT_REACHED),  # 3.0.5 to 3.11.3
        (UNBUILT, {"raised": "OSError: no such file"}, Status.NOT_REACHED),
        (Experiment("initializer"), {"skipped": "no graph mode"}, Status.NOT_REACHED),
        (Experiment("load_result"), {"kind": "CheckpointLoadStatus"}, Status.REFUTED),
        (Experiment("clash"), {"found": [["One", "One"], ["Two", "Two"]]}, Status.REFUTED),
        (Experiment("clash"), {"raised": "TypeError: Could not locate class 'One'"}, Status.NOT_REACHED),
        (Experiment("overwritten_flag", {"flag": False}), {"calls": 2, "wrong": [], "moved": 0}, Status.REFUTED),
        (Experiment("overwritten_flag", {"flag": False}), {"calls": 0, "wrong": [], "moved": 0}, Status.NOT_REACHED),
        (Experiment("optimizer_state"), {"before": 3, "brought": 3, "after": 3}, Status.REFUTED),
        (Experiment("optimizer_state"), {"before": 3, "brought": 0, "after": 0}, Status.NOT_REACHED),
        (Experiment("unlogged_key", {"key": "acc"}), {"logged": ["acc", "loss"]}, Status.REFUTED),
        (Experiment("line_alone", {"name": "a"}), {"known": True, "kind": "Own", "weights": 1}, Status.REFUTED),
    ],
)
def test_what_results_say_of_a_claim(experiment: Experiment, facts: dict[str, object], status: Status) -> None:
    assert judge(experiment, [Result(facts)], Limits())[0] is status


def test_what_takes_two_releases_is_not_reached() -> None:
    place = Position(1, 1)
    finding = Finding("a.py", "KC214", "none", Severity.ERROR, "", place, place, claim=Claim.LOAD_RAISES)
    made = plan(start({"main.py": HEAD}), finding)
    assert made is not None
    assert (made.status, made.experiments) == (Status.NOT_REACHED, ())
    assert made.reason.startswith("it takes two releases")


def test_a_claim_without_an_experiment_could_not_be_run() -> None:
    place = Position(1, 1)
    finding = Finding("a.py", "KC999", "none", Severity.ERROR, "", place, place, claim=Claim.WRONG_BACKEND)
    made = plan(start({"main.py": HEAD}), finding)
    assert made is not None
    assert (made.status, made.reason) == (Status.COULD_NOT_RUN, "no experiment for the claim wrong-backend yet")
