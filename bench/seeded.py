"""Seed faults into real files and count how many kerascheck finds.

    python bench/seeded.py CORPUS... [--kind KIND] [--per-kind 40] [--per-repository 3] [--seed 1] [--misses]

Each folder in a CORPUS is one repository. A fault is put into one file at a time, in memory, and only that file is
checked, with the others of its repository around it; nothing is written. The fault is found when a finding of its codes
is there that was not there before. Files that have such a finding as they are, and programs that mean a Keras in which
the change is no fault, are left out. `--misses` prints each fault that was not found as a diff. The kinds:

    dropped-key         a key of a constructor argument that is kept, dropped from `get_config`       KC301
    lost-training       `training` taken out of the `call` of a fitted model that hands it on         KC601
    unsorted-labels     `sorted(set(..))` turned `list(set(..))` where positions become numbers       KC401
    weights-suffix      `.weights.h5` of a model's weights or a checkpoint turned `.h5` or nothing    KC201 KC203
    unseeded-split      `random_state` taken out of `train_test_split` where the model is saved       KC405
    one-unit-softmax    the sigmoid of one unit turned softmax                                        KC507
    lost-registration   a registration taken from a class of a model that is saved or loaded whole    KC305 KC306
    early-load          `load_weights` moved up to where the subclassed model was made                KC101 KC102
"""

from __future__ import annotations

import argparse
import ast
import difflib
import os
import random
import re
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kerascheck import engine
from kerascheck.engine import Options
from kerascheck.files import ProjectReader
from kerascheck.semantic.module import SyntaxProblem, parse
from kerascheck.semantic.project import Project
from kerascheck.semantic.target import Reach
from kerascheck.surroundings import Overrides, Surroundings
from kerascheck.text import SourceText

CODES = {
    "dropped-key": frozenset({"KC301"}),
    "lost-training": frozenset({"KC601"}),
    "unsorted-labels": frozenset({"KC401"}),
    "weights-suffix": frozenset({"KC201", "KC203"}),
    "unseeded-split": frozenset({"KC405"}),
    "one-unit-softmax": frozenset({"KC507"}),
    "lost-registration": frozenset({"KC305", "KC306"}),
    "early-load": frozenset({"KC101", "KC102"}),
}
KERAS_3 = frozenset({"lost-training", "weights-suffix", "early-load"})  # no faults on Keras 2, or others
LARGEST = 200_000  # bytes of a file
MOST = 300  # files of a repository; larger ones take minutes for each fault
_SKIPPED = frozenset({".git", "node_modules", "site-packages", "venv", ".venv", "__pycache__"})
_KERAS_BASE = re.compile(
    r"^(?:\w+\.)*(?:Layer|Model|Loss|Metric|Regularizer|Constraint|Initializer|LearningRateSchedule)$"
)
_MODEL_BASE = re.compile(r"^(?:(?:tf\.)?keras\.|models\.|\w+\.)*Model$")
_DIFFERENT = re.compile(r"\b(?:Dropout|BatchNormalization|SpatialDropout\dD|GaussianNoise)\(")
_SAVES = re.compile(r"\.save\(|\.save_weights\(|ModelCheckpoint\(|\bsave_model\(")
_SAVES_WHOLE = re.compile(r"(?s)(?:\.save\(|ModelCheckpoint\(|\bsave_model\().*(?<!\.weights)\.(?:keras|h5)['\"]")
_SEEDS = re.compile(r"np\.random\.seed\(|numpy\.random\.seed\(|set_random_seed\(|\brandom\.seed\(|\bset_seed\(")
_PARAMETER = re.compile(r",\s*training\s*(?::\s*[\w\[\]. |]+)?(?:=\s*(?:None|True|False))?\s*(,?\s*\))")


@dataclass(frozen=True)
class Fault:
    """One file with one fault. `text` is the whole file after the change, `line` where it is."""

    kind: str
    path: Path
    line: int
    text: str


@dataclass(frozen=True)
class File:
    """A Python file of a repository: its text, and `code`, which is that without comments and documentation.

    `others` are the texts of the repository's other files.
    """

    path: Path
    text: str
    tree: ast.Module
    code: str
    others: tuple[str, ...]

    def offset(self, line: int, column: int) -> int:
        """Where a place of `ast` is in the text; its columns count bytes of UTF-8."""
        lines = self.text.splitlines(keepends=True)
        return sum(map(len, lines[: line - 1])) + len(lines[line - 1].encode()[:column].decode())

    def start(self, node: ast.expr | ast.stmt | ast.keyword | ast.arg) -> int:
        """The offset at which a node starts."""
        return self.offset(node.lineno, node.col_offset)

    def end(self, node: ast.expr | ast.stmt | ast.keyword | ast.arg) -> int:
        """The offset at which a node ends."""
        assert node.end_lineno is not None and node.end_col_offset is not None
        return self.offset(node.end_lineno, node.end_col_offset)

    def without(self, start: int, end: int) -> str:
        """The text without one item of a list: the comma beside it goes too."""
        after = re.compile(r"\s*,[ \t]*").match(self.text, end)
        if after is not None:
            return self.text[:start] + self.text[after.end() :]
        head = self.text[:start].rstrip()
        return head.removesuffix(",") + self.text[end:]

    def replaced(self, start: int, end: int, new: str) -> str:
        """The text with a part replaced."""
        return self.text[:start] + new + self.text[end:]


class Overlay(ProjectReader):
    """The files as they are, but one."""

    def __init__(self, path: str, text: str) -> None:
        super().__init__()
        self._path, self._text = path, text

    def read(self, path: str) -> SourceText | None:
        """The text of a file; the changed one's as changed."""
        return SourceText(self._text) if path == self._path else super().read(path)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, nargs="+")
    parser.add_argument("--kind", action="append", choices=sorted(CODES), help="only this kind")
    parser.add_argument("--per-kind", type=int, default=40, metavar="N", help="faults of a kind at most")
    parser.add_argument("--per-repository", type=int, default=3, metavar="N", help="faults of a kind in a repository")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="which faults")
    parser.add_argument("--misses", action="store_true", help="print the faults that were not found")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # what `ast` says about the escapes of others
    kinds = arguments.kind or list(CODES)
    folders = [path.resolve() for corpus in arguments.corpus for path in sorted(corpus.iterdir()) if path.is_dir()]
    chance = random.Random(arguments.seed)
    chance.shuffle(folders)
    seeded: Counter[str] = Counter()
    found: Counter[str] = Counter()
    left_out: Counter[str] = Counter()
    for folder in folders:
        wanted = [kind for kind in kinds if seeded[kind] < arguments.per_kind]
        faults = list(faults_of(folder, wanted))
        chance.shuffle(faults)
        os.chdir(folder)
        taken: Counter[str] = Counter()
        for fault in faults:
            full = taken[fault.kind] >= arguments.per_repository or seeded[fault.kind] >= arguments.per_kind
            if full or (is_found := judged(fault)) is None:
                left_out[fault.kind] += not full
                continue
            taken[fault.kind] += 1
            seeded[fault.kind] += 1
            found[fault.kind] += is_found
            if arguments.misses and not is_found:
                print(*shown(fault, folder), sep="\n", flush=True)
    print(f"{'kind':20}{'seeded':>8}{'found':>8}{'share':>8}{'left out':>10}")
    for kind in [*kinds, "all"]:
        many, hits, out = (
            sum(counts.values()) if kind == "all" else counts[kind] for counts in (seeded, found, left_out)
        )
        print(f"{kind:20}{many:8}{hits:8}{hits / many if many else 0:8.2f}{out:10}")
    return int(sum(found.values()) < 0.9 * sum(seeded.values()))


def faults_of(folder: Path, kinds: list[str]) -> Iterator[Fault]:
    """Every fault of these kinds that can be put into a repository."""
    texts: dict[Path, str] = {}
    for base, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED)
        for name in sorted(names):
            path = Path(base, name)
            if name.endswith(".py") and path.is_file() and path.stat().st_size <= LARGEST:
                try:
                    texts[path] = path.read_bytes().decode("utf-8")
                except UnicodeDecodeError:
                    continue
    if len(texts) > MOST:
        return
    makers = {
        "dropped-key": (dropped_keys, "get_config"),
        "lost-training": (lost_training, "training="),
        "unsorted-labels": (unsorted_labels, "sorted("),
        "weights-suffix": (weights_suffixes, ".weights.h5"),
        "unseeded-split": (unseeded_splits, "random_state"),
        "one-unit-softmax": (one_unit_softmaxes, "sigmoid"),
        "lost-registration": (lost_registrations, "register_keras_serializable"),
        "early-load": (early_loads, "load_weights"),
    }
    for path, text in texts.items():
        chosen = [makers[kind][0] for kind in kinds if makers[kind][1] in text]
        if not chosen or "keras" not in text or "\r" in text or text.startswith("\ufeff"):
            continue
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError):
            continue
        others = tuple(other for place, other in texts.items() if place != path)
        file = File(path, text, tree, _code(text), others)
        for maker in chosen:
            for fault in maker(file):
                if fault.text != text and _parses(fault.text):
                    yield fault


def judged(fault: Fault) -> bool | None:
    """Whether a fault is found; None where the change is none, or the file has such a finding as it is."""
    path = str(fault.path)
    before = fault.path.read_bytes().decode("utf-8")
    options = Surroundings(Overrides(isolated=True)).options(path, before.encode())
    options = Options(CODES[fault.kind], options.target)
    try:
        meant = parse(SourceText(before), path, options.target).target
    except SyntaxProblem:
        return None
    if fault.kind in KERAS_3 and meant.which(">=3") is not Reach.ALL:
        return None
    if _found(path, before, options):
        return None
    return _found(path, fault.text, options) > 0


def shown(fault: Fault, folder: Path) -> Iterator[str]:
    """A fault as a diff."""
    yield f"--- not found: {fault.kind} {folder.name} {fault.path.relative_to(folder)}:{fault.line}"
    before = fault.path.read_bytes().decode("utf-8").splitlines()
    yield from list(difflib.unified_diff(before, fault.text.splitlines(), lineterm="", n=4))[2:]


def dropped_keys(file: File) -> Iterator[Fault]:
    """A key of `get_config` that is a constructor argument; the class is a Keras object without a `from_config`."""
    for owner in _classes(file, _KERAS_BASE):
        methods = _methods(owner)
        if "get_config" not in methods or "__init__" not in methods or "from_config" in methods:
            continue
        made = methods["__init__"]
        used = {name.id for item in made.body for name in ast.walk(item) if isinstance(name, ast.Name)}
        names = {item.arg for item in (*made.args.args, *made.args.kwonlyargs)} & used
        names -= {"self", "name", "dtype", "trainable", "dynamic", "reduction", "activity_regularizer"}  # of the base
        for node in ast.walk(methods["get_config"]):
            if isinstance(node, ast.Dict):
                for key, value in zip(node.keys, node.values):
                    if isinstance(key, ast.Constant) and key.value in names:
                        text = file.without(file.start(key), file.end(value))
                        yield Fault("dropped-key", file.path, key.lineno, text)
            elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("dict", "config.update"):
                for word in node.keywords:
                    if word.arg in names:
                        text = file.without(file.start(word), file.end(word))
                        yield Fault("dropped-key", file.path, word.lineno, text)
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
                key = node.targets[0].slice
                if isinstance(key, ast.Constant) and key.value in names:
                    text = file.replaced(file.start(node), file.end(node), "pass")
                    yield Fault("dropped-key", file.path, node.lineno, text)


def lost_training(file: File) -> Iterator[Fault]:
    """`training` taken out of a `call` that hands it to a layer which differs; a model of the class is fitted."""
    for owner in _classes(file, _MODEL_BASE):
        methods = _methods(owner)
        call = methods.get("call")
        if call is None or "__init__" not in methods or "train_step" in methods or not _is_fitted(file, owner.name):
            continue
        last = call.args.args[-1]
        if last.arg != "training" or call.args.kwonlyargs:
            continue
        different = {
            ast.unparse(node.targets[0])
            for node in ast.walk(methods["__init__"])
            if isinstance(node, ast.Assign)
            and isinstance(node.value, ast.Call)
            and _DIFFERENT.search(ast.unparse(node.value))
        }
        text = ast.get_source_segment(file.text, call) or ""
        hands = [node for node in ast.walk(call) if isinstance(node, ast.Call) and ast.unparse(node.func) in different]
        hands = [node for node in hands if any(word.arg == "training" for word in node.keywords)]
        bare = re.sub(r",\s*training\s*=\s*training\b", "", text)
        bare = _PARAMETER.sub(r"\1", bare, count=1)
        if hands and not re.search(r"\btraining\b", re.sub(r"#.*|(?s:\"\"\".*?\"\"\")", "", bare)):
            yield Fault("lost-training", file.path, call.lineno, file.text.replace(text, bare, 1))


def unsorted_labels(file: File) -> Iterator[Fault]:
    """`sorted(set(..))` whose positions are numbers afterwards: it is enumerated, or asked for an index."""
    for node in ast.walk(file.tree):
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call) or len(node.targets) > 1:
            continue
        text = ast.unparse(node.value)
        inner = node.value.args[0] if len(node.value.args) == 1 and not node.value.keywords else None
        if not re.match(r"sorted\((?:list\()?set\(", text) or inner is None:
            continue
        name = re.escape(ast.unparse(node.targets[0]))
        if re.search(rf"enumerate\({name}\b|\b{name}\.index\(|zip\({name}, *range", file.code):
            part = file.text[file.start(inner) : file.end(inner)]
            new = part if part.startswith("list") else f"list({part})"
            text = file.replaced(file.start(node.value), file.end(node.value), new)
            yield Fault("unsorted-labels", file.path, node.lineno, text)


def weights_suffixes(file: File) -> Iterator[Fault]:
    """A constant path of `save_weights` or a checkpoint of weights, given there or by a name that is bound once."""
    for node in ast.walk(file.tree):
        if not isinstance(node, ast.Call):
            continue
        words = {word.arg: word.value for word in node.keywords}
        given = node.args[0] if node.args else words.get("filepath")
        only = words.get("save_weights_only")
        checkpoint = ast.unparse(node.func).rpartition(".")[2] == "ModelCheckpoint"
        if checkpoint and not (isinstance(only, ast.Constant) and only.value is True):
            continue
        if given is None or not (checkpoint or _saves_weights(file, node)):
            continue
        if isinstance(given, ast.Name):
            named = given.id
            bound = [
                item
                for item in ast.walk(file.tree)
                if isinstance(item, ast.Assign) and any(named == ast.unparse(target) for target in item.targets)
            ]
            if len(bound) != 1:
                continue
            given = bound[0].value
        start, end = file.start(given), file.end(given)
        part = file.text[start:end]
        if part.count(".weights.h5") == 1 and re.search(r"\.weights\.h5['\"]\)?$", part):
            for new in (".h5", ""):
                text = file.replaced(start, end, part.replace(".weights.h5", new))
                yield Fault("weights-suffix", file.path, given.lineno, text)


def _saves_weights(file: File, node: ast.Call) -> bool:
    """Whether a call is the `save_weights` of what the file compiles, or makes as a model."""
    if not isinstance(node.func, ast.Attribute) or node.func.attr != "save_weights":
        return False
    name = re.escape(ast.unparse(node.func.value))
    return re.search(rf"\b{name}\.compile\(|\b{name} = (?:\w+\.)*(?:Model|Sequential)\(", file.code) is not None


def unseeded_splits(file: File) -> Iterator[Fault]:
    """A `train_test_split` of a script that saves a model and seeds nothing."""
    if not _SAVES.search(file.code) or _SEEDS.search(file.code):
        return
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "train_test_split":
            if any(word.arg == "shuffle" for word in node.keywords):
                continue
            for word in node.keywords:
                if word.arg == "random_state" and ast.unparse(word.value) != "None":
                    text = file.without(file.start(word), file.end(word))
                    yield Fault("unseeded-split", file.path, node.lineno, text)


def one_unit_softmaxes(file: File) -> Iterator[Fault]:
    """`Dense(1, activation="sigmoid")` turned softmax."""
    for node in ast.walk(file.tree):
        if not isinstance(node, ast.Call) or ast.unparse(node.func).rpartition(".")[2] != "Dense":
            continue
        words = {word.arg: word.value for word in node.keywords}
        units = node.args[0] if node.args else words.get("units")
        given = words.get("activation")
        if isinstance(units, ast.Constant) and units.value == 1 and given is not None:
            part = file.text[file.start(given) : file.end(given)]
            if isinstance(given, ast.Constant) and given.value == "sigmoid":
                text = file.replaced(file.start(given), file.end(given), part.replace("sigmoid", "softmax"))
                yield Fault("one-unit-softmax", file.path, given.lineno, text)


def lost_registrations(file: File) -> Iterator[Fault]:
    """A registered class that goes into a model which is saved whole, and that nobody gives as a custom object."""
    for owner in _classes(file, _KERAS_BASE):
        name = owner.name
        given = rf"['\"]{name}['\"]|: *(?:\w+\.)*{name}\b(?!\()|custom_objects *= *\w+\b(?!\()|globals\(\)"
        if any(re.search(given, text) for text in (file.code, *file.others)) or not _goes_into_a_file(file, name):
            continue
        for mark in owner.decorator_list:
            if "register_keras_serializable" in ast.unparse(mark):
                start = file.text.rindex("@", 0, file.start(mark))
                text = file.replaced(start, file.end(mark), "")
                text = text[:start].rstrip(" \t") + text[start:].lstrip()
                yield Fault("lost-registration", file.path, owner.lineno, text)


def _goes_into_a_file(file: File, name: str) -> bool:
    """Whether a class is called in a file that saves a whole model, or in a function that such a one calls."""
    makers = {name}
    for node in file.tree.body:
        if isinstance(node, ast.FunctionDef) and re.search(rf"\b{name}\(", ast.unparse(node)):
            makers.add(node.name)
    called = re.compile(rf"(?<!class )(?<!def )\b(?:{'|'.join(makers)})\(")
    texts = (text for text in (file.code, *file.others) if "save_weights_only" not in text)
    return any(called.search(text) and _SAVES_WHOLE.search(text) for text in texts)


def early_loads(file: File) -> Iterator[Fault]:
    """A `load_weights` moved up in its block to the line that made the subclassed model, over what built it."""
    whole = "\n".join((file.text, *file.others))
    lines = file.text.splitlines(keepends=True)
    for parent in ast.walk(file.tree):
        block = getattr(parent, "body", None)
        if not isinstance(block, list):
            continue
        for at, item in enumerate(block):
            made = re.match(r"(?:if [^\n]*:\n +)?([\w.]+)\.load_weights\([^\n]*$", ast.unparse(item))
            if made is None or re.search(rf"^if .*\b{made[1]}\b", ast.unparse(item)):
                continue
            name = re.escape(made[1])
            givers = [
                (place, maker)
                for place, other in enumerate(block[:at])
                if (maker := re.match(rf"{name} = (?:\w+\.)?(\w+)\(", ast.unparse(other))) is not None
            ]
            if len(givers) != 1:
                continue
            place, maker = givers[0]
            body = re.search(rf"(?m)^class {maker[1]}\((?:\w+\.)*Model\):\n(?:[ \t]+.*\n|\n|#.*\n)*", whole)
            if body is None or re.search(r"def build\b|\.build\(|load_weights|tf\.keras\.Input|\bInput\(", body[0]):
                continue
            between = "\n".join(ast.unparse(other) for other in block[place + 1 : at])
            if not re.search(rf"\b{name}(?:\.(?:build|predict|evaluate|fit|train_on_batch))?\(", between):
                continue
            first, last = item.lineno - 1, item.end_lineno
            moved = lines[first:last]
            if set(re.findall(r"\w+", "".join(moved))) & set(re.findall(r"(?m)^(\w+) = ", between)):
                continue  # the path is made between
            rest = lines[:first] + lines[last:]
            goes = block[place].end_lineno
            yield Fault("early-load", file.path, goes + 1, "".join(rest[:goes] + moved + rest[goes:]))


def _classes(file: File, bases: re.Pattern[str]) -> Iterator[ast.ClassDef]:
    for node in ast.walk(file.tree):
        if isinstance(node, ast.ClassDef) and len(node.bases) == 1 and bases.match(ast.unparse(node.bases[0])):
            yield node


def _methods(owner: ast.ClassDef) -> dict[str, ast.FunctionDef]:
    return {item.name: item for item in owner.body if isinstance(item, ast.FunctionDef)}


def _is_fitted(file: File, name: str) -> bool:
    """Whether an instance of a class is bound to a name and fitted, in one of the files."""
    for text in (file.code, *file.others):
        made = re.findall(rf"([\w.]+) *= *(?:\w+\.)?{name}\(", text)
        if any(re.search(rf"(?<![\w.]){re.escape(item)}\.(?:fit|train_on_batch)\(", text) for item in made):
            return True
    return False


def _found(path: str, text: str, options: Options) -> int:
    reader = Overlay(path, text)
    return len(engine.check(SourceText(text), path, options, Project(reader, options.target)).findings)


def _code(text: str) -> str:
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value = ast.Constant(...)
    return ast.unparse(tree)


def _parses(text: str) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
