"""Whether the configuration of a class is ever read: by the texts of all files that may have an instance of it."""

from __future__ import annotations

import enum
import re
from itertools import islice
from typing import TYPE_CHECKING, cast

from kerascheck.semantic.classes import ClassInfo
from kerascheck.semantic.custom_objects import kind_of
from kerascheck.semantic.model_words import Asked, ModelWords, may_train
from kerascheck.semantic.project import MAXIMUM_IMPORTERS

if TYPE_CHECKING:
    from collections.abc import Collection

    from kerascheck.semantic.module import Module
    from kerascheck.semantic.project import Project


class Kept(enum.Enum):
    """What a project keeps of its models, where no configuration is in it."""

    WEIGHTS = "weights"
    GRAPHS = "graphs"
    NOTHING = "nothing"


_CLASS = re.compile(r"\bclass[ \t]+(\w+)[ \t]*\(([^()]*)\)")
_COMPILED = frozenset({"optimizer", "schedule", "loss", "metric"})
_MOST_TEXTS = 300


def kept(owner: ClassInfo, raises: bool = False) -> Kept | None:
    """What is kept of the models that a class is in; None when it may be a configuration.

    Looked at are its module, the files that import it, directly or not, and all that these import: no other one has an
    instance. Where these are too many, or none of them trains, it is all files of the project: one has to train or to
    write weights, else others may use the classes. Where nothing is kept, the module has to be a program itself, one
    that trains and that nothing imports. `raises`: what asks for the configuration fails.
    """
    module = owner.module
    kind = kind_of(owner)
    # run on 2.15 and 3.15.1: the JSON of Keras 2 has nothing of what a model is compiled with
    in_texts = kind not in _COMPILED or module.target.keras3
    names = frozenset(base.name for base in owner.lineage() if isinstance(base, ClassInfo))
    # read in 2.7 and 2.15: a clone is not compiled there; run on 3.15.1: it is, as the model was
    cloned = kind not in _COMPILED or not module.target.keras2
    asked = Asked(names, kind in {"optimizer", "schedule"}, in_texts, raises, cloned)
    known: dict[Asked, Kept | None] = module.memo.setdefault("kept", {})
    if asked not in known:
        known[asked] = _find_kept(module, owner, asked)
    return known[asked]


def _find_kept(module: Module, owner: ClassInfo, asked: Asked) -> Kept | None:
    own = words_of(module.project, module.source.text)
    texts, alone = [(own, True)], True
    if _is_program_of_its_own(module, owner, own):
        return None if _may_read(texts, asked) else _what(texts) or Kept.NOTHING
    if module.project is not None:
        project = module.project
        if any(True for _ in project.texts_with(module.path, "setuptools")):
            return None  # a package, which others install
        linked = project.linked(module.path, module.source)
        users = project.importers(module.path)
        alone = not users
        found = None
        if linked is not None and len(users) < MAXIMUM_IMPORTERS:
            found = [(place, words_of(project, source.text)) for place, source in linked.items()]
        if found is None or not any(words.trains for _, words in found):
            around = [*islice(project.sources_around(module.path), _MOST_TEXTS)]
            if len(around) == _MOST_TEXTS:
                return None
            alone = alone and found is not None and own.trains
            found = [(place, words_of(project, source.text)) for place, source in around]
            if not any(words.trains or words.saves_weights for _, words in found) and not own.trains:
                return None
        texts = [(own, True), *((words, words.keras or project.reaches_keras(place)) for place, words in found)]
    elif not own.trains:
        return None
    if _may_read(texts, asked):
        return None
    return _what(texts) or (Kept.NOTHING if alone and own.trains and module.has_entry_point else None)


def _is_program_of_its_own(module: Module, owner: ClassInfo, own: ModelWords) -> bool:
    """Whether a class is made by the notebook that has it, beside other files; none of these can import it."""
    if not module.path.endswith(".ipynb") or not re.search(rf"(?<!class ){owner.name}\(", own.code):
        return False
    return own.trains or (module.project is not None and any(True for _ in module.project.sources_around(module.path)))


def _what(texts: list[tuple[ModelWords, bool]]) -> Kept | None:
    if any(words.keeps_graphs for words, _ in texts):
        return Kept.GRAPHS
    return Kept.WEIGHTS if any(words.keeps_weights for words, _ in texts) else None


def words_of(project: Project | None, text: str) -> ModelWords:
    """The words of a text; looked up once for each."""
    if project is None:
        return ModelWords(text)
    known = cast("dict[str, ModelWords]", project.noted.setdefault("model words", {}))
    if text not in known:
        known[text] = ModelWords(text)
    return known[text]


def trains(text: str) -> bool:
    """Whether a text trains a model."""
    return may_train(text) and ModelWords(text).trains


def may_copy(text: str) -> bool:
    """Whether a text may make a copy by a configuration, or write one, otherwise than by saving a model."""
    return ModelWords(text).may_copy()


def _may_read(texts: list[tuple[ModelWords, bool]], asked: Asked) -> bool:
    """Whether a configuration may be written, or a copy be made by one."""
    own = any(words.has_own_model_file for words, _ in texts)  # methods of the project have such names, too
    if any(words.may_read(asked, near, own) for words, near in texts):
        return True
    if any(words.may_keep_whole(heir) for other, _ in texts for heir in other.heirs for words, _ in texts):
        return True
    classes = frozenset(name for words, _ in texts for name in words.classes)
    asked = Asked(_heirs(asked.names, texts), asked.optimizer, asked.in_texts, asked.raises, asked.cloned)
    calls = [(words, set(words.asks(asked, near, classes))) for words, near in texts]
    if any("from" in found for _, found in calls):
        return True
    return any(found and (asked.raises or words.hands_configuration_on()) for words, found in calls)


def _heirs(names: Collection[str], texts: list[tuple[ModelWords, bool]]) -> frozenset[str]:
    """Classes of these names, and those that are made from them, as they are written."""
    known = set(names)
    headers = [match.groups() for words, _ in texts for match in _CLASS.finditer(words.code)]
    for _ in range(8):
        more = {name for name, bases in headers if name not in known and known & set(re.findall(r"\w+", bases))}
        if not more:
            break
        known |= more
    return frozenset(known)
