"""What the tests of `if` statements and assertions say, read off their text."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping

import libcst as cst

from kerascheck.semantic.release_tests import asks_release, holds_on
from kerascheck.semantic.target import Release
from kerascheck.semantic.values import Value, string
from kerascheck.semantic.walk import children, walk

_COMPARISONS: dict[type, Callable[[float, float], bool]] = {
    cst.Equal: operator.eq,
    cst.NotEqual: operator.ne,
    cst.LessThan: operator.lt,
    cst.LessThanEqual: operator.le,
    cst.GreaterThan: operator.gt,
    cst.GreaterThanEqual: operator.ge,
}


def _is_main_guard(test: cst.BaseExpression) -> bool:
    return (
        isinstance(test, cst.Comparison)
        and isinstance(test.left, cst.Name)
        and test.left.value == "__name__"
        and isinstance(test.comparisons[0].operator, cst.Equal)
    )


class Condition:
    """What the test of an `if` or an assertion is, read once: the statement may be followed often."""

    __slots__ = (
        "asked",
        "built",
        "compared",
        "default",
        "ending",
        "guard",
        "holds",
        "main",
        "measured",
        "other_guard",
        "positive",
    )

    def __init__(
        self, test: cst.BaseExpression, versions: Mapping[str, cst.BaseExpression] | None, releases: tuple[Release, ...]
    ) -> None:
        self.main = _is_main_guard(test)
        self.built, self.positive = _built_test(test)
        asks = versions is not None and asks_release(test, versions)
        # of each release whether a test of the installed release holds there; None when it is another test
        self.holds = holds_on(test, releases, versions or {}) if asks else None
        self.other_guard = asks or _is_version_guard(test)
        self.guard = self.other_guard and not _holds_everywhere(test)
        self.ending = _ending_test(test)
        self.compared = _compared(test)
        self.measured = _measured(test)
        self.default = _default_of(test)
        # whether it holds without a seed; None where it asks for something else
        self.asked = _asked_for_seed(test)


_SEED = re.compile(r"(?i)seed|random_?state|(?:^|_)(?:rng|generator)(?:$|_)")  # what numbers of a program are called


def _asked_for_seed(test: cst.BaseExpression) -> bool | None:
    """Whether a test such as `seed is None` holds without a seed; None when it asks for something else."""
    if isinstance(test, cst.UnaryOperation) and isinstance(test.operator, cst.Not):
        inner = _asked_for_seed(test.expression)
        return None if inner is None else not inner
    name, without = test, False
    if isinstance(test, cst.Comparison) and len(test.comparisons) == 1:
        only = test.comparisons[0]
        if not isinstance(only.comparator, cst.Name) or only.comparator.value != "None":
            return None
        name, without = test.left, isinstance(only.operator, (cst.Is, cst.Equal))
    text = name.value if isinstance(name, cst.Name) else name.attr.value if isinstance(name, cst.Attribute) else ""
    return without if _SEED.search(text) else None


def _ending_test(test: cst.BaseExpression) -> tuple[cst.Name | cst.Attribute, tuple[str, ...]] | None:
    """The name or attribute and the ends of a test `name.endswith("...")`, or of several of them with `or`."""
    if isinstance(test, cst.BooleanOperation) and isinstance(test.operator, cst.Or):
        one, other = _ending_test(test.left), _ending_test(test.right)
        same = one is not None and other is not None and dotted_name(one[0]) == dotted_name(other[0])
        return (one[0], one[1] + other[1]) if one is not None and other is not None and same else None
    if not isinstance(test, cst.Call) or not isinstance(test.func, cst.Attribute) or len(test.args) != 1:
        return None
    owner, value = test.func.value, test.args[0].value
    if isinstance(owner, cst.Call) and len(owner.args) == 1 and dotted_name(owner.func) == "str":
        owner = owner.args[0].value
    if test.func.attr.value != "endswith" or not isinstance(owner, (cst.Name, cst.Attribute)):
        return None
    if dotted_name(owner).startswith("."):
        return None  # of what a call gives, which is not called again
    parts = [item.value for item in value.elements] if isinstance(value, cst.Tuple) else [value]
    ends = tuple(part.evaluated_value for part in parts if isinstance(part, cst.SimpleString))
    return (owner, tuple(end for end in ends if isinstance(end, str))) if len(ends) == len(parts) else None


def may_equal(value: Value | None, text: str | None) -> bool:
    """Whether a string is the one that a test compared with; None stands for the strings of something unknown."""
    known = string(value)
    return known is not None and (text is None or known == text)


def _compared(test: cst.BaseExpression) -> tuple[str, str | None] | None:
    """The name and the string of a test `name == "string"`, or of the first such part of `... and ...`.

    `name in something` may be any string: None.
    """
    if isinstance(test, cst.BooleanOperation) and isinstance(test.operator, cst.And):
        return _compared(test.left) or _compared(test.right)
    if isinstance(test, cst.Comparison) and isinstance(test.left, cst.Name) and len(test.comparisons) == 1:
        only = test.comparisons[0]
        if isinstance(only.operator, cst.Equal) and isinstance(only.comparator, cst.SimpleString):
            text = only.comparator.evaluated_value
            return (test.left.value, text) if isinstance(text, str) else None
        if isinstance(only.operator, cst.In):
            return test.left.value, None
    return None


def _measured(test: cst.BaseExpression) -> tuple[str, Callable[[float, float], bool], float] | None:
    """The parts of a test `name == 1`, or another comparison of a name with a number."""
    if not isinstance(test, cst.Comparison) or not isinstance(test.left, cst.Name) or len(test.comparisons) != 1:
        return None
    only = test.comparisons[0]
    compare = _COMPARISONS.get(type(only.operator))
    if compare is None or not isinstance(only.comparator, (cst.Integer, cst.Float)):
        return None
    return test.left.value, compare, only.comparator.evaluated_value


def _built_test(test: cst.BaseExpression) -> tuple[cst.BaseExpression | None, bool]:
    """`x` of the test `x.built` or `not x.built`, and which of the two it is."""
    positive = True
    if isinstance(test, cst.UnaryOperation) and isinstance(test.operator, cst.Not):
        positive, test = False, test.expression
    if isinstance(test, cst.Attribute) and test.attr.value == "built":
        return test.value, positive
    return None, positive


_MAY_HOLD_GUARD = frozenset(
    {
        cst.Comparison,
        cst.BooleanOperation,
        cst.UnaryOperation,
        cst.Call,
        cst.Subscript,
        cst.ComparisonTarget,
    }
)


# what TensorFlow 2 always has: `hasattr(tf, "config")` tells it from old releases of TensorFlow 1 and lets it in
_IN_TENSORFLOW_2 = frozenset(
    """GradientTape Module Variable compat config data debugging distribute executing_eagerly feature_column function
    image io keras linalg math nn py_function random saved_model strings summary train version""".split()
)


def _holds_everywhere(test: cst.BaseExpression) -> bool:
    """Whether a test is `hasattr(tf, name)` of a name that TensorFlow 2.15 and 2.21 have: its body runs there."""
    if (
        not isinstance(test, cst.Call)
        or len(test.args) != 2
        or dotted_name(test.args[0].value) not in {"tf", "tensorflow"}
    ):
        return False
    name = test.args[1].value
    return isinstance(name, cst.SimpleString) and name.evaluated_value in _IN_TENSORFLOW_2


def _is_version_guard(test: cst.CSTNode) -> bool:
    """Whether a test asks which release is installed, or whether something exists."""
    if type(test) is cst.Call and type(test.func) is cst.Name and test.func.value == "hasattr":
        return not (test.args and dotted_name(test.args[0].value).startswith("self"))
    if type(test) is cst.Name:
        return test.value.lower().startswith(("is_tf", "tf2", "tf_2", "is_keras"))
    if type(test) is cst.Attribute and test.attr.value in {"__version__", "VERSION"}:
        return True
    if type(test) not in _MAY_HOLD_GUARD:
        return False
    if type(test) is cst.Call:  # `int(tf.__version__.split(".")[0])`, `parse(tf.__version__)`
        return any(type(node) is cst.Attribute and _is_version_guard(node) for node in walk(test))
    return any(map(_is_version_guard, children(test)))


def _default_of(test: cst.BaseExpression) -> str | None:
    """The name that `if name is None: name = ...` gives a default."""
    if isinstance(test, cst.Comparison) and isinstance(test.left, cst.Name) and len(test.comparisons) == 1:
        target = test.comparisons[0]
        if isinstance(target.operator, cst.Is) and isinstance(target.comparator, cst.Name):
            return test.left.value if target.comparator.value == "None" else None
    return None


def dotted_name(node: cst.BaseExpression) -> str:
    """`a.b.c` of a chain of names, as far as it is one."""
    if isinstance(node, cst.Name):
        return node.value
    if isinstance(node, cst.Attribute):
        return f"{dotted_name(node.value)}.{node.attr.value}"
    return ""
