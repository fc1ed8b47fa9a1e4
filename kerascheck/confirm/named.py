"""Models that the user names, `pkg.mod:callable`: made by the project itself where no slice can make them.

The project is imported in the child, from its folder, behind the guard that refuses writing and the network. What
trains, predicts, saves or loads is a stub while it is imported and while the callable runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from kerascheck.semantic.values import Obj

# runs in the child as a slice does; `kerascheck_named` gives a new model at every call
_SOURCE = '''
import contextlib
import importlib
import inspect
import os
import sys
import types

KERASCHECK_FOLDERS = {folders!r}


class kerascheck_nothing:
    """The result of a stub: every attribute is itself, every item 0.0."""

    history = {{}}
    epoch = []

    def __getattr__(self, name):
        return self

    def __call__(self, *arguments, **keywords):
        return self

    def __getitem__(self, key):
        return 0.0

    def __iter__(self):
        return iter(())

    def __len__(self):
        return 0

    def __float__(self):
        return 0.0


@contextlib.contextmanager
def kerascheck_stubs():
    import keras

    names = ["fit", "fit_generator", "train_on_batch", "evaluate", "predict", "save", "save_weights", "load_weights"]
    kept = []
    for owner in [keras.Model, keras.Sequential]:
        for name in names:
            if owner is keras.Model or name in vars(owner):
                kept.append((owner, name, vars(owner).get(name)))
                setattr(owner, name, lambda self, *arguments, **keywords: kerascheck_nothing())
    here, argv = os.getcwd(), sys.argv
    sys.argv = ["kerascheck"]
    os.chdir(KERASCHECK_FOLDERS[0])
    try:
        yield
    finally:
        for owner, name, value in kept:
            if value is None:
                delattr(owner, name)  # it is inherited
            else:
                setattr(owner, name, value)
        sys.argv = argv
        os.chdir(here)


def kerascheck_named(module, name, expected):
    for folder in reversed(KERASCHECK_FOLDERS):
        if folder not in sys.path:
            sys.path.insert(0, folder)
    with kerascheck_stubs():
        made = importlib.import_module(module)
        for part in name.split("."):
            made = getattr(made, part)
        if callable(made) and not hasattr(made, "get_weights"):
            made = made()
        elif hasattr(made, "get_config"):
            made = type(made).from_config(made.get_config())
    while isinstance(made, (tuple, list)) and made:
        made = made[0]
    kinds = [kind.__name__ for kind in type(made).__mro__]
    if not hasattr(made, "get_weights"):
        raise TypeError(module + ":" + name + " gives no model but " + kinds[0])
    if expected and expected not in kinds:
        raise TypeError(module + ":" + name + " makes a " + kinds[0] + ", not a " + expected)
    return made
'''
_KINDS = {"sequential": "Sequential"}


@dataclass(frozen=True)
class Named:
    """One `module:callable`, imported from these folders."""

    name: str
    folders: tuple[str, ...]

    def parameters(self, model: Obj, shapes: list[Any]) -> dict[str, Any]:
        """What the worker needs to make the model; it must be of the kind of the one in the source."""
        module, _, callable_name = self.name.partition(":")
        expected = model.cls.name if model.cls is not None else _KINDS.get(model.form, "")
        make = f"kerascheck_named({module!r}, {callable_name!r}, {expected!r})"
        return {"source": _SOURCE.format(folders=list(self.folders)), "modules": {}, "make": make, "shapes": shapes}

    def makes(self, parameters: Mapping[str, Any]) -> bool:
        """Whether an experiment uses a named model."""
        return str(parameters.get("make", "")).startswith("kerascheck_named(")


_IN_USE: ContextVar[Named | None] = ContextVar("named", default=None)


@contextmanager
def using(named: Named) -> Iterator[None]:
    """Plans made meanwhile take the named model in place of a slice."""
    token = _IN_USE.set(named)
    try:
        yield
    finally:
        _IN_USE.reset(token)


def in_use() -> Named | None:
    """The named model that plans are to take."""
    return _IN_USE.get()
