"""The last way of getting at a model: the file that makes it is imported behind the guards, up to where it is made.

Main guards do not run; what trains, predicts, saves or loads is a stub; nothing outside the temporary folder can be
written and nothing fetched. A model that a function makes is made by calling that function. The file is run anew for
every model, so that none has been used before.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import libcst as cst

from kerascheck.confirm.named import STUBS, expected_kind
from kerascheck.confirm.slice import Missing, Slicer
from kerascheck.semantic.module import Module
from kerascheck.semantic.values import Obj
from kerascheck.semantic.walk import walk

_SOURCE = '''
class KerascheckStop(BaseException):
    pass


def kerascheck_run(path, package, text, call="", stop=False):
    """The module of a file, the models made at the place that is marked in its text, and why the import ended early."""
    kept = []

    def keep(maker):
        def make(*arguments, **keywords):
            kept[:] = [maker(*arguments, **keywords)]
            if stop:
                raise KerascheckStop
            return kept[0]

        return make

    def halt():
        if kept:
            raise KerascheckStop

    module = types.ModuleType("kerascheck_guarded")
    module.__file__, module.__package__ = path, package
    module.kerascheck_kept, module.kerascheck_halt, module.kerascheck_shape = keep, halt, kerascheck_shape
    sys.modules[module.__name__] = module
    for item in sys.meta_path:
        if type(item).__name__ == "Absent":
            item.folders = ("<slice>", "<kerascheck_", *KERASCHECK_FOLDERS)
    sys.path += [folder for folder in KERASCHECK_FOLDERS if folder not in sys.path]
    name = "<" + module.__name__ + ">"
    linecache.cache[name] = (len(text), None, text.splitlines(True), name)
    problem = None
    with kerascheck_stubs(os.path.dirname(path)):
        for step in (lambda: exec(compile(text, name, "exec"), vars(module)), lambda: eval(call, vars(module))):
            try:
                step()
            except KerascheckStop:
                pass
            except BaseException as error:
                problem = problem or error
            if kept or call.partition("(")[0] not in vars(module):
                break
    return module, kept, problem


def kerascheck_imported(path, package, text, call, stop, expected):
    """The model made at the place that is marked in the text."""
    _, kept, problem = kerascheck_run(path, package, text, call, stop)
    if not kept:
        raise problem or RuntimeError("the import of " + os.path.basename(path) + " makes no such model")
    return kerascheck_checked(kept[0], os.path.basename(path), expected)


def kerascheck_names(path, package, text, wanted):
    """All names of a file, among them this one."""
    module, _, problem = kerascheck_run(path, package, text)
    if problem and wanted not in vars(module):
        raise problem
    return {key: value for key, value in vars(module).items() if not key.startswith("__")}
'''


@dataclass(frozen=True)
class Guarded:
    """The import of whichever file makes the model. `stop` is where in `module` the finding stands."""

    module: Module
    stop: int
    folders: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """How it is told to the user."""
        return "a guarded import"

    def parameters(self, slicer: Slicer, model: Obj, shapes: list[Any]) -> dict[str, Any]:
        """What the worker needs to make the model. Raises Missing."""
        home = next((item for item in slicer.module.read() if model.call is not None and item.owns(model.call)), None)
        if home is None or not isinstance(model.call, cst.Call):
            raise Missing(f"where `{model.short}` is made")
        path, package, folders = self._place(home)
        subclass = model.cls is not None
        text = self._marked(home, model.call, subclass)
        call = self._call(home, model.call, slicer)
        part = slicer.finish()
        given = f"{path!r}, {package!r}, {text!r}, {call!r}, {subclass}, {expected_kind(model)!r}"
        return {
            "source": part.source + STUBS.format(folders=folders) + _SOURCE,
            "modules": part.modules,
            "files": {},
            "make": f"kerascheck_imported({given})",
            "shapes": shapes,
            "open_shape": slicer.open_shape,
        }

    def makes(self, parameters: Mapping[str, Any]) -> bool:
        """Whether an experiment uses a model of a guarded import."""
        return "def kerascheck_imported(" in str(parameters.get("source", ""))

    def names(self, slicer: Slicer, wanted: str) -> str:
        """Source after which all names of the module are there, as its import gives them."""
        path, package, folders = self._place(slicer.module)
        given = f"{path!r}, {package!r}, {slicer.module.source.text!r}, {wanted!r}"
        take = f"globals().update(kerascheck_names({given}))\n"
        return STUBS.format(folders=folders) + _SOURCE + take + slicer.finish(definitions=False).source

    def _place(self, home: Module) -> tuple[str, str, list[str]]:
        """The path of a file, its package, and the folders that its imports are looked up in."""
        path = os.path.abspath(home.path)
        folder = own = os.path.dirname(path)
        above, package = [], ""
        while os.path.isfile(os.path.join(folder, "__init__.py")):
            folder, name = os.path.split(folder)
            package = f"{name}.{package}" if package else name
        while folder != os.path.dirname(folder) and folder not in self.folders:
            above.append(folder)
            folder = os.path.dirname(folder)
        return path, package, list(dict.fromkeys([*above[:1], own, *above, *self.folders]))

    def _marked(self, home: Module, call: cst.Call, subclass: bool) -> str:
        """The text with a mark where the model is made and, for one that grows, where the finding stands."""
        text = home.source.text
        marks = [(home.span(call.func).start, "kerascheck_kept("), (home.span(call.func).end, ")")]
        if not subclass and home is self.module:
            for node in walk(home.tree):
                if isinstance(node, cst.SimpleStatementLine):
                    span = home.span(node)
                    if span.start <= self.stop < span.end and home.span(call).start < span.start:
                        marks.append((span.start, "kerascheck_halt(); "))
        for place, mark in sorted(marks, reverse=True):
            text = text[:place] + mark + text[place:]
        return text

    def _call(self, home: Module, call: cst.Call, slicer: Slicer) -> str:
        """The call of the function that makes the model, where it is made in one."""
        start = home.span(call).start
        for statement in home.tree.body:
            span = home.span(statement)
            if not span.start <= start < span.end:
                continue
            if isinstance(statement, cst.ClassDef):
                raise Missing("how the method that makes the model is called")
            if isinstance(statement, cst.FunctionDef):
                given = statement.params
                needed = [item.name.value for item in (*given.posonly_params, *given.params) if item.default is None]
                texts = [slicer.stand_in(name) for name in needed]
                texts += [
                    f"{item.name.value}={slicer.stand_in(item.name.value)}"
                    for item in given.kwonly_params
                    if item.default is None
                ]
                return f"{statement.name.value}({', '.join(texts)})"
        return ""
