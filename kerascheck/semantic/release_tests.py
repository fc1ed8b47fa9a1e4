"""Tests of the installed release, such as `int(keras.__version__.split(".")[0]) > 2`: on which releases they hold.

A test is worked out for one release at a time, as Python would: versions as text compare as text.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

import libcst as cst

from kerascheck.semantic.target import Release, known_releases
from kerascheck.semantic.walk import walk

_COMPARISONS: dict[type, Callable[[Any, Any], bool]] = {
    cst.Equal: operator.eq,
    cst.NotEqual: operator.ne,
    cst.LessThan: operator.lt,
    cst.LessThanEqual: operator.le,
    cst.GreaterThan: operator.gt,
    cst.GreaterThanEqual: operator.ge,
    cst.In: lambda one, other: one in other,
    cst.NotIn: lambda one, other: one not in other,
}
_PARSERS = frozenset({"parse", "parse_version", "Version", "LooseVersion", "StrictVersion"})
_KERAS = frozenset({"keras.__version__", "tf.keras.__version__", "tensorflow.keras.__version__"})
_TENSORFLOW = frozenset(
    {
        *("tf.__version__", "tensorflow.__version__", "tf.version.VERSION", "tensorflow.version.VERSION"),
        *("tf.VERSION", "tensorflow.VERSION"),
    }
)
_WRITTEN = _KERAS | _TENSORFLOW
_KERAS_3 = (3,)


class _UnknownError(Exception):
    pass


def asks_release(test: cst.BaseExpression, names: Mapping[str, cst.BaseExpression]) -> bool:
    """Whether a test has the release of Keras or TensorFlow in it, or one of these names."""
    return _has_version(test) or any(isinstance(item, cst.Name) and item.value in names for item in walk(test))


_BINDING = frozenset(
    {cst.Assign, cst.AnnAssign, cst.AugAssign, cst.For, cst.CompFor, cst.NamedExpr, cst.Param, cst.AsName}
)


def names_of_versions(tree: cst.Module) -> Mapping[str, cst.BaseExpression]:
    """The names that a file binds once, to an expression with a `__version__` in it."""
    found: dict[str, cst.BaseExpression] = {}
    bound: set[str] = set()
    for node in walk(tree):
        if type(node) not in _BINDING:
            continue
        target: cst.CSTNode | None = None
        value: cst.BaseExpression | None = None
        if isinstance(node, cst.Assign):
            value = node.value
            for item in node.targets[1:]:
                bound.update(name.value for name in walk(item.target) if isinstance(name, cst.Name))
            target = node.targets[0].target
        elif isinstance(node, (cst.AnnAssign, cst.AugAssign, cst.For, cst.CompFor, cst.NamedExpr)):
            target, value = node.target, node.value if isinstance(node, (cst.AnnAssign, cst.NamedExpr)) else None
        elif isinstance(node, (cst.Param, cst.AsName)):
            target = node.name
        if target is None:
            continue
        if isinstance(target, cst.Name) and target.value not in bound and value is not None and _has_version(value):
            found[target.value] = value
        else:
            for name in walk(target):
                if isinstance(name, cst.Name):
                    found.pop(name.value, None)
        bound.update(name.value for name in walk(target) if isinstance(name, cst.Name))
    return found


def _has_version(node: cst.CSTNode) -> bool:
    return any(
        isinstance(item, cst.Attribute) and item.attr.value in {"__version__", "VERSION"} and _dotted(item) in _WRITTEN
        for item in walk(node)
    )


def holds_on(
    test: cst.BaseExpression, releases: Iterable[Release], names: Mapping[str, cst.BaseExpression]
) -> dict[Release, bool | None]:
    """For each release of Keras whether a test holds where it is installed; None when that cannot be told.

    `names` are those of `names_of_versions`. A test of TensorFlow's release holds when it does for every TensorFlow
    that comes with such a Keras: 2.16 and later with Keras 3, earlier ones with Keras 2; from Keras 2.6 on the one of
    its own number, and with 2.4 and 2.5 none before 2.2.
    """
    found: dict[Release, bool | None] = {}
    # what holds beside these TensorFlow releases, where the test asks for no others
    same: dict[tuple[str, ...], bool | None] = {}
    for release in releases:
        beside = _beside(release.numbers[:2])
        if beside not in same:
            held, asked = _held(test, release.text, beside, names)
            if asked:
                found[release] = held
                continue
            same[beside] = held
        found[release] = same[beside]
    return found


def _held(
    test: cst.BaseExpression, keras: str, beside: Iterable[str], names: Mapping[str, cst.BaseExpression]
) -> tuple[bool | None, bool]:
    """Whether a test holds beside each of these TensorFlow releases, and whether it asks for the release of Keras."""
    found: set[bool | None] = set()
    asked = False
    for tensorflow in beside:
        installed = _Installed(keras, tensorflow)
        found.add(_holds(test, installed, names))
        asked = asked or installed.asked_keras
        if not installed.asked_tensorflow or len(found) > 1:
            break
    return found.pop() if len(found) == 1 else None, asked


@cache
def _beside(keras: tuple[int, ...]) -> tuple[str, ...]:
    """The TensorFlow releases that come with a Keras of these two numbers."""
    if keras >= _KERAS_3:
        return _tensorflow((2, 16), (99,))
    if keras >= (2, 6):
        return _tensorflow(keras, (keras[0], keras[1] + 1))
    return _tensorflow((2, 2) if keras >= (2, 4) else (0,), (2, 16))


@cache
def _tensorflow(first: tuple[int, ...], end: tuple[int, ...]) -> tuple[str, ...]:
    return tuple(item.text for item in known_releases("tensorflow") if first <= item.numbers < end)


class _Installed:
    """Two releases that are installed, and which of them were asked for."""

    def __init__(self, keras: str, tensorflow: str) -> None:
        self._keras = keras
        self._tensorflow = tensorflow
        self.asked_keras = False
        self.asked_tensorflow = False

    @property
    def keras(self) -> str:
        self.asked_keras = True
        return self._keras

    @property
    def tensorflow(self) -> str:
        self.asked_tensorflow = True
        return self._tensorflow


def _holds(test: cst.BaseExpression, installed: _Installed, names: Mapping[str, cst.BaseExpression]) -> bool | None:
    """The test of one pair of releases, by three values: `unknown or True` is True."""
    if isinstance(test, cst.UnaryOperation) and isinstance(test.operator, cst.Not):
        inner = _holds(test.expression, installed, names)
        return None if inner is None else not inner
    if isinstance(test, cst.BooleanOperation):
        both = {_holds(side, installed, names) for side in (test.left, test.right)}
        decisive = isinstance(test.operator, cst.Or)
        return decisive if decisive in both else None if None in both else not decisive
    try:
        return bool(_Reader(installed, names).value(test))
    except (_UnknownError, ValueError, TypeError, IndexError):
        return None


class _Reader:
    """What an expression is worth where two releases are installed: text, numbers, lists and tuples of them."""

    def __init__(self, installed: _Installed, names: Mapping[str, cst.BaseExpression]) -> None:
        self.installed = installed
        self.names = names
        self.depth = 0

    def value(self, node: cst.BaseExpression) -> Any:
        """Raises _UnknownError for anything that is not followed, and what Python raises."""
        if isinstance(node, cst.Name):
            return self.name(node.value)
        if isinstance(node, cst.Attribute):
            written = _dotted(node)
            if written in _KERAS:
                return self.installed.keras
            if written in _TENSORFLOW:
                return self.installed.tensorflow
            numbers = self.value(node.value) if node.attr.value in {"major", "minor", "release"} else None
            if isinstance(numbers, _Parsed):
                return numbers if node.attr.value == "release" else numbers[node.attr.value == "minor"]
        elif isinstance(node, (cst.SimpleString, cst.Integer, cst.Float)):
            return node.evaluated_value
        elif isinstance(node, (cst.Tuple, cst.List)):
            items = [self.value(item.value) for item in node.elements]
            return tuple(items) if isinstance(node, cst.Tuple) else items
        elif isinstance(node, cst.Comparison):
            return self.comparison(node)
        elif isinstance(node, cst.Subscript) and len(node.slice) == 1:
            return self.value(node.value)[self.index(node.slice[0].slice)]
        elif isinstance(node, cst.Call) and all(item.keyword is None and not item.star for item in node.args):
            return self.call(node)
        raise _UnknownError

    def name(self, name: str) -> Any:
        self.depth += 1
        if name in {"True", "False"}:
            return name == "True"
        if name not in self.names or self.depth > 9:
            raise _UnknownError
        node = self.names[name]
        if isinstance(node, (cst.BooleanOperation, cst.UnaryOperation)):
            found = _holds(node, self.installed, self.names if self.depth < 3 else {})
            if found is None:
                raise _UnknownError
            return found
        return self.value(node)

    def index(self, node: cst.BaseSlice) -> Any:
        if isinstance(node, cst.Index):
            return self.value(node.value)
        if not isinstance(node, cst.Slice):
            raise _UnknownError
        bounds = (node.lower, node.upper, node.step)
        return slice(*(self.value(bound) if bound is not None else None for bound in bounds))

    def comparison(self, node: cst.Comparison) -> bool:
        left = self.value(node.left)
        for target in node.comparisons:
            right = self.value(target.comparator)
            compare = _COMPARISONS.get(type(target.operator))
            if compare is None:
                raise _UnknownError
            if isinstance(left, _Parsed) != isinstance(right, _Parsed) and not isinstance(right, (tuple, list)):
                raise _UnknownError  # `parse(version) < "3"` raises, or compares in a way of its own
            if not compare(left, right):
                return False
            left = right
        return True

    def call(self, node: cst.Call) -> Any:
        function, arguments = node.func, [item.value for item in node.args]
        name = function.attr.value if isinstance(function, cst.Attribute) else getattr(function, "value", "")
        if (
            name == "version"
            and not arguments
            and isinstance(function, cst.Attribute)
            and _dotted(function) == "keras.version"
        ):
            return self.installed.keras
        if name in _PARSERS and len(arguments) == 1:
            text = self.value(arguments[0])
            return _Parsed(Release.parse(text).numbers)
        if isinstance(function, cst.Attribute):
            if name not in {"split", "partition", "startswith"}:
                raise _UnknownError
            owner = self.value(function.value)
            if not isinstance(owner, str):
                raise _UnknownError
            return getattr(owner, name)(*(self.value(item) for item in arguments))
        if name == "map" and len(arguments) == 2 and _dotted(arguments[0]) == "int":
            return [int(item) for item in self.value(arguments[1])]
        kinds: dict[str, Callable[[Any], Any]] = {"int": int, "float": float, "str": str, "tuple": tuple, "list": list}
        if name in kinds and len(arguments) == 1:
            return kinds[name](self.value(arguments[0]))
        raise _UnknownError


class _Parsed(tuple[int, ...]):
    """The numbers of a version that a parser made: 3.6 equals 3.6.0."""

    __slots__ = ()


def _dotted(node: cst.CSTNode) -> str:
    if isinstance(node, cst.Attribute):
        return f"{_dotted(node.value)}.{node.attr.value}"
    return node.value if isinstance(node, cst.Name) else ""
