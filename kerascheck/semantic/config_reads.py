"""Whether the configuration of a class is ever read: by the texts of all files that may have an instance of it."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from kerascheck.semantic.project import MAXIMUM_IMPORTERS

if TYPE_CHECKING:
    from kerascheck.semantic.module import Module


class Kept(enum.Enum):
    """What a project keeps of its models, where no configuration is in it."""

    WEIGHTS = "weights"
    GRAPHS = "graphs"
    NOTHING = "nothing"


_COMMENT = re.compile(r"^[ \t]*#[^\n]*", re.MULTILINE)
# what writes a configuration, or makes a copy by it. Run on 2.15 and 3.15.1: deepcopy and pickle of a model do, and so
# does Bidirectional with the layer that it is given; training, `save_weights` and `load_weights` go well even where
# `get_config` raises, and so do `tf.saved_model.save`, `model.export`, `tf.saved_model.load` and `tf.train.Checkpoint`
_WHOLE = re.compile(
    r"\b(?:to_json|to_yaml|clone_model|clone_and_build_model|model_to_estimator|save_keras_model"
    r"|deserialize|push_to_hub)\b|model_from_|\bBidirectional\b|\bKeras(?:Class|Regr)"
    r"|\b(?:mlflow|scikeras|tfmot|tensorflow_model_optimization|[Ww]andb|bentoml)\b"
)
_SETTINGS = r"(?:self\.)?\w*(?:cfg|conf|configs?|params|args|settings|options)"
_COPIES = re.compile(
    rf"\bdeepcopy\((?![ \t]*{_SETTINGS}[ \t]*[),])"
    r"|\b(?:pickle|cPickle|joblib|dill)\.dumps?\(|\bPickler\b|\bimport[^\n]*\bdumps?\b"
)
_MODEL_FILE = re.compile(r"\b(?:load|save)_model\b")
_OWN_MODEL_FILE = re.compile(r"\bdef (?:load|save)_model\b")
_KERAS_MODEL_FILE = re.compile(
    r"\b(?:models|saving|keras)\.(?:load|save)_model\b"
    r"|\bfrom[ \t]+[\w.]*keras[\w.]*[ \t]+import\b(?:[^\n(]*|[ \t]*\([^()]*)\b(?:load|save)_model\b"
)
_SAVE = re.compile(r"\.save\((?!\s*\))")  # a path is needed
_RECEIVER = re.compile(r"[A-Za-z_][\w.]*(?:\([^()]*\))?\Z")
_LONGEST_RECEIVER = 120
_OTHER_FILES = frozenset({"np", "numpy", "torch"})  # what has a `save` of its own
_PICTURE = re.compile(r"(?:\bImage\.|\bfromarray\(|\.resize\(|\b\w*(?:[iI]mage|[iI]mg)\.)[^\n]*\Z")
_CHECKPOINTS = r"\b{name}[ \t]*=[ \t]*(?:tf|tensorflow)\.train\.Checkpoint(?:Manager)?\("
_ASKS = re.compile(r"\.(?:get_config|from_config)\((?P<own>[ \t]*self\b)?")
_OWN_OPTIMIZER = re.compile(r"^[ \t]*class[^\n]*Optimizer", re.MULTILINE)
_CALLBACK = re.compile(r"\bModelCheckpoint\b(?P<call>[ \t]*\()?")
_IMPORT = re.compile(r"^[ \t]*(?:from|import)\b[^\n]*$")
_ALIAS = re.compile(r"\bModelCheckpoint[ \t]+as\b")
_ONLY_WEIGHTS = re.compile(r"\bsave_weights_only[ \t]*=[ \t]*True\b")
_WEIGHTS = re.compile(
    r"\b(?:save|load)_weights\(|\bsave_weights_only[ \t]*=[ \t]*True\b|\btrain\.Checkpoint(?:Manager)?\("
)
_GRAPHS = re.compile(r"\bsaved_model\.save\(|\.export\(")
_TRAINS = re.compile(r"\.fit\(|\bfit_generator\(|\btrain_on_batch\(|\bapply_gradients\(")
_LONGEST_CALL = 4000
_MOST_TEXTS = 300


def kept(module: Module) -> Kept | None:
    """What is kept of the models that the classes of a module are in; None when it may be a configuration.

    Looked at are the module, the files that import it, directly or not, and all that these import: no other one has an
    instance. Where these are too many it is all files of the project. They have to train, else others may use the
    classes. Where nothing is kept, the module has to be a program itself, one that trains and that nothing imports.
    """
    if "kept" not in module.memo:
        module.memo["kept"] = _find_kept(module)
    known: Kept | None = module.memo["kept"]
    return known


def _find_kept(module: Module) -> Kept | None:
    own = module.source.text
    texts, alone = [own], True
    if module.project is not None:
        linked = module.project.linked(module.path, module.source)
        users = module.project.importers(module.path)
        if any(True for _ in module.project.texts_with(module.path, "setuptools")):
            return None  # a package, which others install
        if linked is None or len(users) >= MAXIMUM_IMPORTERS:
            others = list(islice(module.project.texts_with(module.path, ""), _MOST_TEXTS))
            if len(others) == _MOST_TEXTS:
                return None
            texts, alone = [own, *others], False
        else:
            texts, alone = [source.text for source in linked.values()], not users
    texts = [_COMMENT.sub("", text) for text in texts]
    if not any(_TRAINS.search(text) for text in texts) or _may_read(texts):
        return None
    if any(_GRAPHS.search(text) for text in texts):
        return Kept.GRAPHS
    if any(_WEIGHTS.search(text) for text in texts):
        return Kept.WEIGHTS
    return Kept.NOTHING if alone and _TRAINS.search(own) and module.has_entry_point else None


def trains(text: str) -> bool:
    """Whether a text trains a model."""
    return _TRAINS.search(_COMMENT.sub("", text)) is not None


def _may_read(texts: list[str]) -> bool:
    """Whether a configuration may be written, or a copy be made by one."""
    strict = any(_OWN_MODEL_FILE.search(text) for text in texts)  # methods of the project have such names, too
    files = _KERAS_MODEL_FILE if strict else _MODEL_FILE
    return any(_is_whole(text) or files.search(text) is not None for text in texts)


def _is_whole(text: str) -> bool:
    return _copies(text) or any(_saves(text)) or any(_whole_checkpoints(text))


def may_copy(text: str) -> bool:
    """Whether a text may make a copy by a configuration, or write one, otherwise than by saving a model."""
    return _copies(_COMMENT.sub("", text))


def _copies(text: str) -> bool:
    if _WHOLE.search(text) or any(_asks_for_config(text)):
        return True
    return ("keras" in text or "tensorflow" in text) and _COPIES.search(text) is not None


def _saves(text: str) -> Iterator[bool]:
    """For each `x.save(...)` whether x may be a model."""
    for match in _SAVE.finditer(text):
        name = _receiver(text, match.start())
        line = text[text.rfind("\n", 0, match.start()) + 1 : match.end() - len("save(")]
        if name not in _OTHER_FILES and not name.endswith("saved_model") and not _PICTURE.search(line):
            yield not name or re.search(_CHECKPOINTS.format(name=re.escape(name)), text) is None


def _asks_for_config(text: str) -> Iterator[bool]:
    """For each call of `get_config` or `from_config` whether it is another than that of a base's method."""
    for match in _ASKS.finditer(text):
        name = _receiver(text, match.start())
        of_optimizer = name.lower().endswith("optimizer") and not _OWN_OPTIMIZER.search(text)
        yield not (match["own"] or name.startswith(("super(", "cls")) or of_optimizer)


def _receiver(text: str, end: int) -> str:
    """The name in front of a place, and the call that it may be; empty when there is something else."""
    found = _RECEIVER.search(text[max(0, end - _LONGEST_RECEIVER) : end])
    return found.group() if found is not None else ""


def _whole_checkpoints(text: str) -> Iterator[bool]:
    """For each mention of `ModelCheckpoint` whether it may write a model whole."""
    for match in _CALLBACK.finditer(text):
        start, end = text.rfind("\n", 0, match.start()) + 1, text.find("\n", match.end())
        if match["call"]:
            yield _ONLY_WEIGHTS.search(_call(text, match.end())) is None
        elif _ALIAS.match(text, match.start()) or not _is_imported(text, start, end if end >= 0 else len(text)):
            yield True


def _is_imported(text: str, start: int, end: int) -> bool:
    """Whether a line is one of an import: by itself, or inside of `import (...)`."""
    if _IMPORT.match(text[start:end]):
        return True
    opened = text.rfind("(", 0, start)
    return opened >= 0 and text[:opened].rstrip().endswith("import") and ")" not in text[opened:start]


def _call(text: str, start: int) -> str:
    """What stands in the parentheses that are opened before a place."""
    depth = 1
    for index in range(start, min(len(text), start + _LONGEST_CALL)):
        depth += {"(": 1, ")": -1}.get(text[index], 0)
        if not depth:
            return text[start:index]
    return ""
