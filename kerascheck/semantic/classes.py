"""Classes of the project: their bases, methods, and what becomes of `self`."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import TYPE_CHECKING

from kerascheck.semantic.values import Choice, Class, Func, Ref, Value

if TYPE_CHECKING:
    import libcst as cst

    from kerascheck.semantic.interpreter import Frame
    from kerascheck.semantic.module import Module

_LAYER_ROOTS = ("keras.layers.",)
_EMPTY_BASES = frozenset({"builtins.object", "abc.ABC", "typing.Generic", "typing.Protocol"})
_ENUMERATIONS = frozenset({"enum.Enum", "enum.StrEnum", "enum.IntEnum"})
_KINDS = {
    "keras.Model": "model",
    "keras.Sequential": "sequential",
    "keras.layers.Layer": "layer",
}


def _without_object(base: Value | None) -> Value | None:
    """The class that is meant by a base such as `object if DEBUG else Layer`."""
    if isinstance(base, Choice):
        rest = [item for item in base.options if not (isinstance(item, Ref) and item.name == "builtins.object")]
        if len(rest) == 1:
            return rest[0]
    return base


def is_enumeration(info: ClassInfo) -> bool:
    """Whether a class is an `Enum`."""
    return any(isinstance(item, str) and item in _ENUMERATIONS for item in info.lineage())


class BuildEffect(Enum):
    """What an explicit `build(shape)` does: creates all variables, leaves some out, or cannot be told."""

    EFFECTIVE = "effective"
    HOLLOW = "hollow"
    UNKNOWN = "unknown"


class ClassInfo:
    """A class statement and what its body binds. `custom_objects` reads its constructor and configuration."""

    __slots__ = ("_kind", "_lineage", "bases", "decorators", "frame", "module", "name", "node", "scope")

    def __init__(
        self,
        node: cst.ClassDef,
        bases: tuple[Value | None, ...],
        scope: Frame,
        frame: Frame,
        module: Module,
        decorators: tuple[Value | None, ...],
    ) -> None:
        self.node = node
        self.name = node.name.value
        self.bases = tuple(_without_object(base) for base in bases)
        self.scope = scope
        self.frame = frame
        self.module = module
        self.decorators = decorators
        self._lineage: tuple[ClassInfo | str | None, ...] | None = None
        self._kind: str | None = ""  # not looked for yet

    def __repr__(self) -> str:
        return f"<class {self.name}>"

    @property
    def is_abstract(self) -> bool:
        """Whether a method of its own is abstract: what is made is of a class derived from it."""
        methods = (item for item in self.frame.names.values() if isinstance(item, Func))
        return any("abc.abstractmethod" in method.decorators for method in methods)

    def lineage(self) -> Iterator[ClassInfo | str | None]:
        """This class, then its bases, depth first: a class of the project, a canonical name, or None if unknown."""
        if self._lineage is None:
            self._lineage = tuple(self._found_lineage())
        return iter(self._lineage)

    def _found_lineage(self) -> Iterator[ClassInfo | str | None]:
        seen: set[int] = set()
        stack: list[ClassInfo | str | None] = [self]
        while stack:
            item = stack.pop(0)
            yield item
            if isinstance(item, ClassInfo):
                if id(item) in seen or len(seen) > 20:
                    continue
                seen.add(id(item))
                stack[:0] = [
                    base.info if isinstance(base, Class) else base.name if isinstance(base, Ref) else None
                    for base in item.bases
                ]

    @property
    def keras_kind(self) -> str | None:
        """ "model", "sequential", "layer", or None when it is no Keras model or layer, or cannot be told."""
        if self._kind == "":
            self._kind = self._found_kind()
        return self._kind

    def _found_kind(self) -> str | None:
        for item in self.lineage():
            if isinstance(item, str):
                if item in _KINDS:
                    return _KINDS[item]
                if item.startswith(_LAYER_ROOTS) and item.rpartition(".")[2][:1].isupper():
                    return "layer"
        return None

    @property
    def keras_base(self) -> str | None:
        """The canonical name of the first Keras class among its bases, such as `keras.layers.Dense`."""
        return next((item for item in self.lineage() if isinstance(item, str) and item.startswith("keras.")), None)

    def method(self, name: str) -> tuple[Func | None, bool]:
        """The method of this name and whether the answer is sure (an unknown base in front may define it)."""
        sure = True
        for item in self.lineage():
            if isinstance(item, ClassInfo):
                found = item.frame.names.get(name)
                if isinstance(found, Func):
                    return found, sure
                if name in item.frame.names:
                    return None, False
            elif item is None or not (item.startswith("keras.") or item in _EMPTY_BASES):
                sure = False
        return None, sure

    def attribute(self, name: str) -> Value | None:
        """The value that the class body binds to a name, here or in a base of the project."""
        for item in self.lineage():
            if isinstance(item, ClassInfo) and name in item.frame.names:
                return item.frame.names[name]
        return None

    def own(self, name: str) -> Func | None:
        """The method that this class statement itself defines."""
        found = self.frame.names.get(name)
        return found if isinstance(found, Func) else None
