"""Models that the user names, `pkg.mod:callable`: made by the project itself where no slice can make them.

The project is imported in the child, from its folder, behind the guard that refuses writing and the network. What
trains, predicts, saves or loads is a stub while it is imported and while the callable runs.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from kerascheck.semantic.module import Module
from kerascheck.semantic.values import Obj

if TYPE_CHECKING:
    from kerascheck.confirm.slice import Slicer

# runs in the child as a slice does, before what gets at a model; `kerascheck_files` are texts that are not on disk
STUBS = '''
import contextlib
import importlib
import importlib.abc
import importlib.util
import linecache
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


class KerascheckFiles(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports the project with the texts in `kerascheck_files` in place of the files on disk."""

    def find_spec(self, name, path=None, target=None):
        for folder in KERASCHECK_FOLDERS if path is None else path:
            place = os.path.join(folder, name.rpartition(".")[2])
            package = os.path.join(place, "__init__.py")
            if package in kerascheck_files:
                inner = [place]
                return importlib.util.spec_from_file_location(
                    name, package, loader=self, submodule_search_locations=inner
                )
            if place + ".py" in kerascheck_files:
                return importlib.util.spec_from_file_location(name, place + ".py", loader=self)
        return None

    def exec_module(self, module):
        path = module.__spec__.origin
        text = kerascheck_files[path]
        linecache.cache[path] = (len(text), None, text.splitlines(True), path)
        exec(compile(text, path, "exec"), module.__dict__)


@contextlib.contextmanager
def kerascheck_stubs(here):
    import keras

    names = ["fit", "fit_generator", "train_on_batch", "evaluate", "evaluate_generator", "test_on_batch"]
    names += ["predict", "predict_generator", "predict_on_batch", "save", "save_weights", "load_weights", "export"]
    kept = []
    for owner in [keras.Model, keras.Sequential]:
        for name in names:
            if owner is keras.Model or name in vars(owner):
                kept.append((owner, name, vars(owner).get(name)))
                setattr(owner, name, lambda self, *arguments, **keywords: kerascheck_nothing())
    for folder in reversed(KERASCHECK_FOLDERS[:2]):
        if folder not in sys.path:
            sys.path.insert(0, folder)
    # another version of the project may have been imported
    sys.meta_path[:] = [item for item in sys.meta_path if type(item).__name__ != "KerascheckFiles"]
    sys.meta_path.insert(0, KerascheckFiles())
    known = sys.modules.setdefault("kerascheck_known", types.SimpleNamespace(files=kerascheck_files))
    if known.files != kerascheck_files:
        for name, module in list(sys.modules.items()):
            place = str(getattr(module, "__file__", None) or "")
            if place.startswith(tuple(KERASCHECK_FOLDERS)) and "site-packages" not in place:
                del sys.modules[name]
    known.files = kerascheck_files
    before, argv = os.getcwd(), sys.argv
    sys.argv = ["kerascheck"]
    os.chdir(here)
    try:
        yield
    finally:
        for owner, name, value in kept:
            if value is None:
                with contextlib.suppress(AttributeError):
                    delattr(owner, name)  # it is inherited
            else:
                setattr(owner, name, value)
        sys.argv = argv
        os.chdir(before)


def kerascheck_checked(made, name, expected):
    while isinstance(made, (tuple, list)) and made:
        made = made[0]
    kinds = [kind.__name__ for kind in type(made).__mro__]
    if not hasattr(made, "get_weights"):
        raise TypeError(name + " gives no model but " + kinds[0])
    if expected and expected not in kinds:
        raise TypeError(name + " makes a " + kinds[0] + ", not a " + expected)
    return made
'''
_SOURCE = """
def kerascheck_named(module, name, expected):
    with kerascheck_stubs(KERASCHECK_FOLDERS[0]):
        made = importlib.import_module(module)
        for part in name.split("."):
            made = getattr(made, part)
        if callable(made) and not hasattr(made, "get_weights"):
            made = made()
        elif hasattr(made, "get_config"):
            made = type(made).from_config(made.get_config())
    return kerascheck_checked(made, module + ":" + name, expected)
"""
_KINDS = {"sequential": "Sequential"}


class Maker(Protocol):
    """What takes the place of a slice."""

    @property
    def name(self) -> str:
        """How it is told to the user."""

    def parameters(self, slicer: Slicer, model: Obj, shapes: list[Any]) -> dict[str, Any]:
        """What the worker needs to make the model. Raises Missing."""

    def makes(self, parameters: Mapping[str, Any]) -> bool:
        """Whether an experiment uses a model of this maker."""


@dataclass(frozen=True)
class Named:
    """One `module:callable`, imported from these folders."""

    name: str
    folders: tuple[str, ...]

    def parameters(self, slicer: Slicer, model: Obj, shapes: list[Any]) -> dict[str, Any]:
        """What the worker needs to make the model; it must be of the kind of the one in the source."""
        module, _, callable_name = self.name.partition(":")
        part = slicer.finish()
        return {
            "source": part.source + STUBS.format(folders=list(self.folders)) + _SOURCE,
            "modules": part.modules,
            "files": unsaved(slicer.module),
            "make": f"kerascheck_named({module!r}, {callable_name!r}, {expected_kind(model)!r})",
            "shapes": shapes,
        }

    def makes(self, parameters: Mapping[str, Any]) -> bool:
        """Whether an experiment uses a named model."""
        return str(parameters.get("make", "")).startswith("kerascheck_named(")


@dataclass(frozen=True)
class Invented:
    """Arguments of ours for a class of the project, the last that is tried: they may show a fault, and refute none."""

    name: str = "arguments of ours"

    def parameters(self, slicer: Slicer, model: Obj, shapes: list[Any]) -> dict[str, Any]:
        """What the worker needs to make the model, with nothing that the program gives it. Raises Missing."""
        make = slicer.construct(model.cls, None) if model.cls is not None else slicer.expression(model, "the model")
        part = slicer.finish()
        parameters: dict[str, Any] = {"source": part.source, "modules": part.modules, "make": make, "shapes": shapes}
        return {**parameters, "open_shape": slicer.open_shape, "invented": model.cls is not None}

    def makes(self, parameters: Mapping[str, Any]) -> bool:
        """Whether an experiment uses such a model."""
        return parameters.get("invented") is True


def expected_kind(model: Obj) -> str:
    """The name of a class that the model must have among its own."""
    return model.cls.name if model.cls is not None else _KINDS.get(model.form, "")


def unsaved(module: Module) -> dict[str, str]:
    """The files of the project whose texts are not those on disk, by absolute paths: fixes that are to be proved."""
    found = {}
    for item in module.read():
        path = os.path.abspath(item.path)
        if path.endswith(".py") and os.path.isfile(path):
            with open(path, encoding="utf-8", errors="replace") as file:
                if file.read() != item.source.text.replace("\r\n", "\n"):
                    found[path] = item.source.text
    return found


_IN_USE: ContextVar[Maker | None] = ContextVar("maker", default=None)


@contextmanager
def using(maker: Maker | None) -> Iterator[None]:
    """Plans made meanwhile take the models of the maker in place of slices."""
    token = _IN_USE.set(maker)
    try:
        yield
    finally:
        _IN_USE.reset(token)


def in_use() -> Maker | None:
    """What plans are to take in place of slices."""
    return _IN_USE.get()
