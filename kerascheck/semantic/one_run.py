"""Programs of which nothing is left when they end: they write nothing and read nothing back, and set no seed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from kerascheck.semantic.calls import TRAINING_METHODS
from kerascheck.semantic.values import Obj, options

if TYPE_CHECKING:
    from kerascheck.semantic.module import Module

_MOST = 16  # programs that are looked at
# as it is written, in comments, too: what is commented out today is run tomorrow
_OUTLIVES = re.compile(
    r"\b(?:save(?!fig)\w*|dumps?|export\w*|upload\w*|write\w*|restore\w*|load_model|load_weights|model_from_\w+"
    r"|to_(?:csv|json|pickle|excel|hdf|parquet|feather|sql|disk))[ \t]*\("
    r"|\bopen\([^()\n]*,[ \t]*(?:mode[ \t]*=[ \t]*)?[rbf]?[\"'][wxa]"
    r"|\b(?:pickle|joblib|shelve|h5py|ModelCheckpoint|BackupAndRestore|TFLiteConverter|mlflow|wandb|Flask|FastAPI"
    r"|streamlit|gradio)\b"
)
_SEEDS = re.compile(
    r"\w*seed\w*[ \t]*\(|\bseed[ \t]*=[ \t]*(?!None\b)\w|\brandom_state[ \t]*=[ \t]*(?!None\b)\w|PYTHONHASHSEED"
    r"|\b(?:RandomState|default_rng)\([ \t]*\w"
)


def ends_with_the_run(module: Module) -> bool:
    """Whether all that comes of a module's values is gone when the program ends that trains on them.

    The programs are the module and those that import it, directly or not. Others may do so where the project is a
    package. A seed promises that two runs are equal.
    """
    if module.project is not None and module.project.is_package(module.path):
        return False
    programs = list(_programs(module))
    if len(programs) > _MOST or not any(map(_trains, programs)):
        return False
    texts = {text for program in programs for text in program.texts()}
    return not any(_OUTLIVES.search(text) or _SEEDS.search(text) for text in texts)


def leaves_nothing(module: Module) -> bool:
    """Whether a program and what it imports write nothing and read no model, as they are written."""
    return not any(_OUTLIVES.search(text) for text in module.texts())


def _programs(module: Module) -> Iterator[Module]:
    seen, queue = {id(module)}, [module]
    while queue and len(seen) <= _MOST + 1:
        program = queue.pop(0)
        yield program
        for user in program.users:
            if id(user) not in seen:
                seen.add(id(user))
                queue.append(user)


def _trains(module: Module) -> bool:
    for event in module.events_of(*TRAINING_METHODS):
        receivers = options(event.receiver)
        if all(item is None or (isinstance(item, Obj) and item.kind == "model") for item in receivers):
            return True
    return False
