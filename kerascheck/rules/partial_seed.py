"""KC403: only some of the generators are seeded, or all of them too late."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.edits import Fix
from kerascheck.finding import Claim, Severity
from kerascheck.patch import keras_name, replace
from kerascheck.rule import RelatedNode, Rule, unsafe_fix
from kerascheck.semantic.before_registration import registers_nothing
from kerascheck.semantic.first_keras import is_for_keras_1
from kerascheck.semantic.layer_graph import layers_inside
from kerascheck.semantic.names import is_keras
from kerascheck.semantic.numbered_layers import DRAWN, is_all_numbered
from kerascheck.semantic.seed_purposes import (
    draws_shared,
    hands_out,
    is_behind_models,
    is_beside_own_seeds,
    is_for_a_draw,
    is_for_its_cell,
    is_for_layers_too,
    is_for_own_numbers,
    is_for_the_last_lines,
    is_for_the_next_line,
    is_said_to_be_for_data,
)
from kerascheck.semantic.target import Reach
from kerascheck.semantic.training import SEEDS, Seed, is_none, models_of, seeds, training
from kerascheck.semantic.values import Const, Items, Mapping, Obj, Value, boolean

if TYPE_CHECKING:
    from kerascheck.semantic.events import CallFact, Event
    from kerascheck.semantic.module import Module

_NAMES = {"python": "Python's `random`", "numpy": "NumPy", "tensorflow": "TensorFlow", "torch": "torch"}
_ALL = frozenset({"python", "numpy", "tensorflow"})
_RECURRENT = re.compile(r"LSTM|GRU|SimpleRNN")
_SEED_FIRST = re.compile(r"(?:glorot|he|lecun)_?(?:normal|uniform)$", re.IGNORECASE)  # others have a mean or gain there
# run on TensorFlow 2.21: AttributeError, which KC404 says; the program is one for TensorFlow 1
_REMOVED = frozenset({"tensorflow.set_random_seed", "tensorflow.random.set_random_seed"})
# likewise; there Keras has its seeds from NumPy
_SESSIONS = frozenset({"tensorflow.Session", "tensorflow.reset_default_graph", "tensorflow.placeholder"})
# run on TensorFlow 2.15 and, with tf_keras, 2.21: with NumPy and TensorFlow seeded, first and trained weights are equal
_GRAPHS = frozenset({"tensorflow.compat.v1.disable_v2_behavior"})


def _frozen(program: Module) -> bool:
    """Whether all of Keras here is `tensorflow.python.keras`: measured, it draws from TensorFlow's seed."""
    names = [item.original for item in program.interpreter.imports if is_keras(item.original)]
    return bool(names) and all(name.startswith("tensorflow.python.keras") for name in names)


def _is_before_2_4(program: Module) -> bool:
    """Whether a program can only run on the package `keras` before 2.4, which has its seeds from NumPy."""
    return _stands_alone(program) and registers_nothing(program)


def _stops_at_import(program: Module) -> bool:
    """Whether a program brings a function that TensorFlow 2 does not have, before all else, as KC404 says."""
    if program.target.which_tensorflow("<2") is Reach.ALL or program.is_tensorflow_1:
        return False
    lines = program.tree.body
    return any(
        item.original in _REMOVED and not item.guarded and any(line is item.statement for line in lines)
        for item in program.imports
    )


def _stands_alone(program: Module) -> bool:
    """Whether all of Keras here is the package `keras`, which before 2.4 drew its seeds from NumPy (its source)."""
    imports = [item for module in program.read() for item in module.interpreter.imports]
    names = [item.original for item in imports if is_keras(item.original)]
    return bool(names) and all(name.partition(".")[0] == "keras" for name in names)


def _has_drawn(program: Module, model: Obj, order: int) -> bool:
    """Whether the first weights of a subclassed model hang on what was drawn before a point of the execution.

    Run on 2.15, 3.6.0 and 3.15.1: where it was built or called before; on Keras 3 also where its layers were made
    before, as they take the seeds of their initialisers there.
    """
    events = program.events_of("build", "__call__", "predict")
    if any(event.order < order and models_of(event) == (model,) and not event.standalone for event in events):
        return True
    inner = program.facts.sublayers(model.cls) if program.target.keras3 and model.cls is not None else None
    held = (item for items in (inner or {}).values() for item in items)
    return any(isinstance(item, Obj) and _is_drawn(item) for item in held)


def _is_elsewhere(program: Module, seed: Seed, trained: list[Event]) -> bool:
    """Whether a function that nothing calls seeds, and no training is reached from it."""
    function = seed.call.function
    if not seed.call.standalone or seed.imported or function is None or function.owner is not None:
        return False
    entry = program.interpreter.entry
    return all(entry(event.order) != entry(seed.call.order) for event in trained)


def _is_for_seeded_layers(seed: Seed) -> bool:
    """Whether the function that seeds makes layers, and gives the weights of each a numbered initializer."""
    function = seed.call.function
    if function is None:
        return False
    made = [call for call in seed.call.module.calls if call.function is function]
    made = [call for call in made if call.name.rpartition(".")[2] in DRAWN]
    return bool(made) and all(_has_numbered_initializer(call) for call in made)


def _has_numbered_initializer(call: CallFact) -> bool:
    name = call.name.rpartition(".")[2]
    wanted = ["embeddings_initializer" if name == "Embedding" else "kernel_initializer"]
    if _RECURRENT.search(name):
        wanted.append("recurrent_initializer")
    return all(_has_number(call.arguments.value(item)) for item in wanted)


def _has_number(initializer: Value | None) -> bool:
    if not isinstance(initializer, Obj):
        return False
    first = _SEED_FIRST.match(initializer.short) is not None
    found = initializer.arguments.find("seed", 0 if first else None)
    return found is not None and not is_none(found[1])


# what draws from other generators than Python's; layers of Keras 3 take their seeds from that one
_DRAWING = r"shuffle\(|\b(?:tf|tensorflow|keras|K|np|numpy)\.random\b|random_(?:normal|uniform)\("
_DRAWING_2 = rf"{_DRAWING}|[Dd]ropout|Noise|Random(?!Normal|Uniform)"


def _draws_nothing(program: Module, trained: list[Event]) -> bool:
    """Whether training draws no other numbers than Python's: `fit` with `shuffle=False`, models made in this file.

    Run on 2.15 (five times), 3.6.0 and 3.15.1 (three times) with `random.seed` alone: the first and the trained
    weights are equal, on Keras 3 with `Dropout` and `GaussianNoise`, too.
    """
    for event in trained:
        models = models_of(event)
        shuffle = event.arguments.find("shuffle")
        if event.name != "fit" or shuffle is None or boolean(shuffle[1]) is not False:
            return False
        if not models or any(model.module is not program or model.cls is not None for model in models):
            return False
    return re.search(_DRAWING if program.target.keras3 else _DRAWING_2, program.source.text) is None


def _import_of(program: Module, event: Event) -> cst.CSTNode | None:
    """The import at the top of a script that brings the model which an event is of; None where it is not imported."""
    name = event.receiver_node
    if event.module is not program or not isinstance(name, cst.Name):
        return None
    models = models_of(event)
    if len(models) != 1 or models[0].module is program or program.bound(name.value) is not models[0]:
        return None
    for line in program.tree.body:
        for small in line.body if isinstance(line, cst.SimpleStatementLine) else ():
            if isinstance(small, cst.ImportFrom) and not isinstance(small.names, cst.ImportStar):
                for item in small.names:
                    bound = item.asname.name if item.asname is not None else item.name
                    if isinstance(bound, cst.Name) and bound.value == name.value:
                        return small
    return None


def _starts_at_random(program: Module, model: Obj) -> bool:
    """Whether a model of another file has a layer whose first weights are drawn, and no file around it loads others."""
    home = model.module
    if home is None or model.form not in {"sequential", "functional"}:
        return False
    given = ("load_weights", "set_weights")
    if any(True for other in (home, *program.family(*given)) for _ in other.events_of(*given) if other is not program):
        return False
    # a function of one file may have made it for another one, which the program knows
    return any(_is_drawn(layer) for facts in (home.facts, program.facts) for layer in layers_inside(facts, model))


def _is_drawn(layer: Obj) -> bool:
    """Whether the first weights of a layer are drawn by an initialiser of Keras' own choice."""
    names = ("kernel_initializer", "embeddings_initializer", "depthwise_initializer", "weights")
    given = layer.arguments.open_keywords or any(layer.arguments.find(name) is not None for name in names)
    return layer.cls is None and layer.short in DRAWN and not given


def _is_loaded(program: Module, training: Event) -> bool:
    """Whether weights are given to a model in front of its training: its first ones do not matter."""
    given = program.events_of("load_weights", "set_weights")
    models = models_of(training)
    return any(event.order < training.order and set(models_of(event)) & set(models) for event in given)


def _place(found: list[Seed], trained: list[Event]) -> Seed:
    """The seed that is reported, and that the fix completes.

    It is the last one in front of the models, or of the training, and rather none that is for what the next line mixes.
    """
    made = [model.order for event in trained for model in models_of(event)]
    for start in (min(made, default=0), min(event.order for event in trained)):
        front = [seed for seed in found if seed.imported or seed.call.order < start]
        if front:
            return ([seed for seed in front if not is_for_the_next_line(seed)] or front)[-1]
    return found[-1]


class PartialSeed(Rule):
    code = "KC403"
    severity = Severity.WARNING
    claim = Claim.RUNS_DIFFER
    depends_on_order = True
    words = (("seed",),)
    around = ((" fit ", "fit_generator", "train_on_batch", "apply_gradients"),)
    message = "only {seeded} {verb} seeded: Keras draws its first weights from Python's `random`, so runs differ"
    missing = "only {seeded} {verb} seeded: TensorFlow's own random numbers still differ from run to run"
    late = "the seed is set after the model was built: its first weights are random"

    def check(self) -> None:
        self._check_program(self.module)
        given = [call for call in self.module.calls if call.name in SEEDS]
        if self.reports or not given:
            return
        # a helper that seeds is judged by the scripts that call it; one that works itself only by the order there
        if not self._has_other_work():
            for user in self.module.users_with("fit", "train_on_batch", "apply_gradients"):
                self._check_program(user)
        elif any(call.function is not None and SEEDS[call.name] == "all" for call in given):
            for user in self.module.users:
                self._check_program(user, order_only=True)
                if self.reports:
                    return

    def _has_other_work(self) -> bool:
        """Whether the module draws numbers or uses models itself: then its seed is for that."""
        draws = any(draws_shared(call) for call in self.module.calls)
        return draws or any(True for _ in self.module.events_of("predict", "load_weights", "fit"))

    def _check_program(self, program: Module, order_only: bool = False) -> None:
        if not program.uses_keras or program.is_test:
            return
        # some is behind an assertion that no release of the target fulfils
        trained = [event for event in training(program) if event.releases != ()]
        if not trained or (trained[0].standalone and not program.has_entry_point):
            return
        found = [
            seed
            for seed in seeds(program)
            if not is_for_a_draw(program, seed)
            and not is_for_layers_too(seed)
            and not (hands_out(seed, cst.Yield) and is_for_own_numbers(seed, helped=True))
        ]
        if not trained[0].standalone:
            found = [seed for seed in found if not seed.call.standalone]
            # a seed behind the last training is for the numbers that are drawn there
            ends = [event.order for event in trained if not event.standalone]
            found = [seed for seed in found if seed.imported or seed.call.order < max(ends)]
        else:
            found = [seed for seed in found if not _is_elsewhere(program, seed, trained)]
        if not found or any(seed.call.name in _REMOVED and not seed.call.guarded for seed in found):
            return
        if _stops_at_import(program):
            return
        if any(call.name in _SESSIONS and not call.guarded and not call.standalone for call in program.calls):
            return
        kinds = {seed.kind for seed in found}
        if "all" in kinds or kinds == _ALL:
            self._check_order(program, found)
            return
        # `if seed != -1:`, and no call gives another
        found = [seed for seed in found if not seed.call.untaken and not is_for_the_last_lines(seed)]
        if order_only or not found:
            return
        kinds = {seed.kind for seed in found}
        target = program.target
        old = target.which_tensorflow("<2.10") is Reach.ALL
        if "tensorflow" in kinds and old:
            return
        # a pin of `keras` from before 2.4, beside which stands the 2.4.0 that TensorFlow 2.3 and 2.4 have
        apart = target.which("<2.4") is not Reach.NONE and target.which("<2.5") is Reach.ALL
        if "numpy" in kinds and apart and _stands_alone(program):
            return
        # measured: the first weights come from Python's `random`, and what `fit` shuffles and layers draw does not;
        # jax has its numbers for fit from NumPy, and with TensorFlow seeded nothing is left; below 2.15 not run
        if "tensorflow" in kinds and (_frozen(program) or any(call.name in _GRAPHS for call in program.calls)):
            return
        if "python" in kinds and ({"tensorflow", "torch"} & kinds or target.which(">=2.15") is Reach.NONE):
            return
        if "python" in kinds and _draws_nothing(program, trained):
            return
        if target.backend == "jax" and {"python", "numpy"} <= kinds:
            return
        last = _place(found, trained)
        if _is_for_seeded_layers(last) or is_all_numbered(program, kinds, trained):
            return
        # as it stands; not once its arguments are renamed, or what only an older Keras has is replaced
        enough = "numpy" in kinds and (is_for_keras_1(program) or _is_before_2_4(program))
        alone = len({id(seed.call.node) for seed in found}) == 1
        behind = alone and (is_behind_models(program, last, trained) or is_for_its_cell(program, last, trained))
        draws = len(kinds) == 1 and all(is_for_the_next_line(seed) for seed in found)
        for_data = all(
            (hands_out(seed, cst.Return) and is_for_own_numbers(seed))
            or (len(kinds) == 1 and (is_said_to_be_for_data(seed) or is_beside_own_seeds(program, seed)))
            for seed in found
        )
        names = " and ".join(_NAMES[kind] for kind in sorted(kinds, key=list(_NAMES).index))
        self.report(
            last.call.node,
            severity=Severity.INFO if enough or for_data or behind or draws else Severity.WARNING,
            message=self.missing if "python" in kinds or old else self.message,
            fix=self._fix(last) if last.call.module is self.module and not (old or for_data or behind) else None,
            seeded=names,
            verb="are" if len(kinds) > 1 else "is",
        )

    def _check_order(self, program: Module, found: list[Seed]) -> None:
        complete = [seed for seed in found if seed.kind == "all"]
        # the three generators together count from where the last of them is set for the first time
        each = {seed.kind: seed for seed in reversed(found)}
        whole = complete[0] if complete else max(each.values(), key=lambda seed: seed.call.order)
        if whole.imported:
            return  # it is set when the file is imported
        first = whole.call
        place = self._late_place(program, first)
        if first.standalone or place is None:
            return
        for event in training(program):
            models = models_of(event)
            if event.standalone or not models or any(model.call is None for model in models):
                continue
            imported = _import_of(program, event)
            if imported is not None:
                # the orders of two files say nothing of one another: the import does
                random = all(_starts_at_random(program, model) for model in models) and not _is_loaded(program, event)
                if random and self._is_behind(imported, program, first):
                    related = [RelatedNode(program, imported, "the model is built by this import")]
                    # the experiment would run another order
                    self.report(place, message=self.late, claim=Claim.NONE, related=related)
                return
            if all(
                model.form in {"sequential", "subclass", "functional"} and model.order < first.order for model in models
            ):
                if models[0].form == "subclass" and not _has_drawn(program, models[0], first.order):
                    continue  # its weights come with the first call
                made, home = models[0].call, models[0].module
                if (program is not self.module or first.function is not None) and _is_loaded(program, event):
                    return
                related = [RelatedNode(home, made, "the model is built here")] if made and home else []
                if place is not first.node:
                    related.append(RelatedNode(first.module, first.node, "the seed is set here"))
                own = program is self.module and first.function is None  # else the experiment runs another order
                self.report(place, message=self.late, claim=self.claim if own else Claim.NONE, related=related)
            return

    def _late_place(self, program: Module, first: CallFact) -> cst.CSTNode | None:
        """Where a seed that comes too late is reported; None when that is in another file.

        A function of another file that seeds is right: the program calls it too late. A method is where it stands.
        """
        helps = first.function is not None and first.function.owner is None and first.module is not program
        if first.module is self.module:
            return None if helps else first.node
        return first.site if helps and program is self.module and program.owns(first.site) else None

    def _is_behind(self, imported: cst.CSTNode, program: Module, first: CallFact) -> bool:
        """Whether a seed surely runs later than an import of this script, and no script that imports it seeds."""
        if program is not self.module or first.function is not None:
            return False
        if program.span(imported).start > program.span(first.node).start:
            return False
        return not any(call.name in SEEDS for user in program.users_with("seed") for call in user.calls)

    def _fix(self, seed: Seed) -> Fix | None:
        arguments = seed.call.arguments.positional
        if not self.module.owns(seed.call.node):
            return None
        if len(arguments) != 1 or seed.call.arguments.keywords:
            return None
        known = arguments[0][1]
        if isinstance(known, (Items, Mapping)) or (isinstance(known, Const) and not isinstance(known.value, int)):
            return None  # NumPy takes more than numbers
        name, imports = keras_name(self.module, "utils.set_random_seed")
        value = self.module.code(arguments[0][0])
        edits = [replace(self.module, seed.call.node, f"{name}({value})"), *imports]
        return unsafe_fix(f"seed everything at once with `{name}`", edits)
