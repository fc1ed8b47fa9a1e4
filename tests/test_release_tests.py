"""Tests of the installed release, worked out for one release at a time."""

import libcst as cst
import pytest

from kerascheck.semantic.release_tests import asks_release, holds_on, names_of_versions
from kerascheck.semantic.target import Release

KERAS_2, KERAS_3 = Release.parse("2.12.0"), Release.parse("3.15.1")
NAMES = """
release = int(keras.__version__.split(".")[0])
is_new = release > 2 and not tf.__version__.startswith("1.")
given = tf.__version__
given = "1.0"


def build(release_of):
    for given_later in keras.__version__:
        pass
"""


@pytest.mark.parametrize(
    ("test", "on_keras_2", "on_keras_3"),
    [
        ('int(keras.__version__.split(".")[0]) > 2', False, True),
        ('int(keras.__version__.partition(".")[0]) <= 2', True, False),
        ('keras.__version__[0] == "3"', False, True),
        ('keras.__version__.startswith("2.")', True, False),
        ('keras.__version__ >= "3"', False, True),
        ('keras.__version__ >= "3.9"', False, False),  # as text, 3.15.1 comes before 3.9
        ('version.parse(keras.__version__) >= version.parse("3.9")', False, True),
        ("Version(tf.keras.__version__).major == 3", False, True),
        ('LooseVersion(keras.__version__) < LooseVersion("2.3.0")', False, False),
        ('tuple(map(int, tf.__version__.split(".")[:2])) >= (2, 16)', False, True),
        ('tuple(int(part) for part in tf.__version__.split(".")) >= (2, 16)', None, None),
        ('int(tf.__version__.split(".")[0]) < 2', False, False),
        ('tf.__version__.startswith("2.12.")', True, False),  # Keras 2.12 comes with TensorFlow 2.12
        ('tf.__version__.startswith("2.1")', True, None),  # as text 2.16 to 2.19 begin so, and not 2.20
        ('version.parse(tf.__version__) >= version.parse("2.20")', False, None),  # Keras 3 runs on both
        ('tf.__version__ < "2"', False, False),
        ('not keras.__version__.startswith("3")', True, False),
        ('unknown and keras.__version__[0] == "3"', False, None),
        ('unknown or keras.__version__[0] == "3"', None, True),
        ("release > 2", False, True),
        ("2 < release < 4", False, True),
        ("is_new", False, True),
        ('given > "2"', None, None),
        ('int(keras.__version__.split(".")[9]) > 2', None, None),
        ("keras.__version__ > 2", None, None),
    ],
)
def test_a_test_of_the_release_holds_where_python_says_so(test, on_keras_2, on_keras_3):
    names = names_of_versions(cst.parse_module(NAMES))
    expression = cst.parse_expression(test)
    assert holds_on(expression, (KERAS_2, KERAS_3), names) == {KERAS_2: on_keras_2, KERAS_3: on_keras_3}


@pytest.mark.parametrize(("release", "held"), [("2.2.4", None), ("2.4.0", True), ("2.15.0", True), ("3.0.5", True)])
def test_the_tensorflow_that_a_keras_comes_with(release, held):
    """Keras 2.2.4 runs on TensorFlow 1, too."""
    keras = Release.parse(release)
    assert holds_on(cst.parse_expression('tf.__version__.startswith("2.")'), (keras,), {}) == {keras: held}


def test_names_bound_once_to_a_version_are_known():
    assert set(names_of_versions(cst.parse_module(NAMES))) == {"release", "is_new"}


@pytest.mark.parametrize("test", ["numpy.__version__ > '2'", "given > 2", "hasattr(tf, 'compat')"])
def test_other_tests_are_none_of_the_release(test):
    assert not asks_release(cst.parse_expression(test), names_of_versions(cst.parse_module(NAMES)))
