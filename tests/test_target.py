"""The target: specifiers, settings, headers and what project files pin."""

from __future__ import annotations

import subprocess
import sys
import time
import warnings

import libcst as cst
import pytest

from kerascheck.semantic.module import Module
from kerascheck.semantic.target import (
    LegacyEvidence,
    Reach,
    Release,
    Target,
    TargetError,
    assumed_target,
    default_target,
    header_target,
    is_project_file,
    known_releases,
    parse_target,
    releases_text,
    target_from_pip_lines,
    target_from_project,
    target_from_readme,
)
from kerascheck.text import SourceText


def target_of(*lines: str) -> Target | None:
    return target_from_project({"requirements.txt": "\n".join(lines)})


def text_of(target: Target | None) -> str | None:
    return None if target is None else target.text


# --- releases


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("2.9.0", "2.10.0"),
        ("2.15.0", "3.0.0"),
        ("3.0.5", "3.1"),
        ("3.9.2", "3.10"),
        ("2.2.4-tf", "2.2.5"),
        ("1", "1.0.1"),
    ],
)
def test_releases_compare_by_number(older: str, newer: str) -> None:
    assert Release.parse(older) < Release.parse(newer)


@pytest.mark.parametrize(
    "same",
    [
        "3.6",
        "3.6.0",
        "3.6.0.0",
        "v3.6.0",
        " 3.6.0 ",
        "3.6.0rc1",
        "3.6.0.dev20240901",
        "3.6.0.post1",
        "3.6.0+cpu",
        "3.6-rc0",
    ],
)
def test_releases_that_count_as_one(same: str) -> None:
    assert Release.parse(same) == Release.parse("3.6.0")
    assert hash(Release.parse(same)) == hash(Release.parse("3.6.0"))


@pytest.mark.parametrize("nonsense", ["", "three", "3.", ".3", "3..6", "3.6.0 beta", "3.6x"])
def test_a_version_that_is_none(nonsense: str) -> None:
    with pytest.raises(ValueError, match="not a version"):
        Release.parse(nonsense)


@pytest.mark.parametrize("package", ["keras", "tf_keras", "tensorflow"])
def test_known_releases_are_sorted_and_unique(package: str) -> None:
    releases = known_releases(package)
    assert list(releases) == sorted(set(releases))
    assert {release.package for release in releases} == {package}


def test_newest_known_releases() -> None:
    assert [str(known_releases(package)[-1]) for package in ("keras", "tf_keras", "tensorflow")] == [
        "3.15.1",
        "2.21.0",
        "2.21.0",
    ]


# --- asking


@pytest.mark.parametrize(
    ("specifier", "reach"),
    [
        (">=3.0,<3.7", Reach.ALL),
        (">=3", Reach.ALL),
        ("<3", Reach.NONE),
        (">=3.7", Reach.NONE),
        (">=3.5", Reach.SOME),
        ("<3.5", Reach.SOME),
        ("<3 or >=3.6", Reach.SOME),
        ("<3 or >=3.4", Reach.ALL),
        (">=3.4.0,<3.5.0 or >=3.6", Reach.SOME),
        ("==3.6.0", Reach.SOME),
        ("==3.*", Reach.ALL),
        ("3", Reach.ALL),
        ("3.5", Reach.SOME),
        ("!=3.6.0", Reach.SOME),
        ("!=3.4.*", Reach.SOME),
        ("~=3.4", Reach.ALL),
        ("~=3.4.0", Reach.SOME),
        (">3.6", Reach.NONE),
        (">=3.6.0rc1", Reach.SOME),
        ("", Reach.ALL),
    ],
)
def test_which(specifier: str, reach: Reach) -> None:
    assert parse_target(">=3.4,<3.7").which(specifier) is reach


@pytest.mark.parametrize("specifier", ["three", ">=3.0;<4", "=>3", ">=", ">=3.0,<x", "3.0 or", "3.6.0x"])
def test_a_specifier_that_is_none(specifier: str) -> None:
    with pytest.raises(ValueError, match="not a version specifier"):
        parse_target("3.6.0").which(specifier)


def test_up_to_a_minor_means_its_first_release() -> None:
    assert parse_target("3.3.3").which("<=3.3") is Reach.NONE
    assert parse_target("3.3.3").which("<3.4") is Reach.ALL


def test_bad_releases_are_named_oldest_first() -> None:
    target = parse_target(">=3.4,<3.8")
    assert [str(release) for release in target.bad("<3.7")] == ["3.4.0", "3.4.1", "3.5.0", "3.6.0"]
    assert releases_text(target.bad("<3.7")) == "keras 3.4.0-3.6.0"
    assert target.bad(">=4") == ()
    assert releases_text(()) == ""


def test_keras2_and_keras3() -> None:
    two, three, both = parse_target("keras 2"), parse_target("keras 3"), parse_target(">=2.12")
    assert (two.keras2, two.keras3) == (True, False)
    assert (three.keras2, three.keras3) == (False, True)
    assert (both.keras2, both.keras3) == (False, False)
    assert str(both.newest) == "3.15.1"


def test_gaps_show_in_the_text() -> None:
    assert parse_target("2.15 or 3.4 or >=3.6,<3.8").text == "keras 2.15.0, 3.4.0-3.4.1, 3.6.0-3.7.0"
    assert parse_target(">=3.3,<3.5,!=3.3.2").text == "keras 3.3.0-3.3.1, 3.3.3-3.4.1"


def test_a_target_is_never_empty() -> None:
    with pytest.raises(ValueError, match="at least one release"):
        Target((), None, "assumed", True)


# --- settings and headers


@pytest.mark.parametrize(
    ("text", "shown", "backend"),
    [
        ("3.6.0", "keras 3.6.0", None),
        ("keras 3.6.0", "keras 3.6.0", None),
        ("Keras 3.6.0", "keras 3.6.0", None),
        ("keras 3.6.0, tensorflow", "keras 3.6.0", "tensorflow"),
        ("tensorflow, keras 3.6.0", "keras 3.6.0", "tensorflow"),
        ("keras 3.6.0,jax", "keras 3.6.0", "jax"),
        ("3.6.0, torch", "keras 3.6.0", "torch"),
        ("3.6.0, NumPy", "keras 3.6.0", "numpy"),
        ("keras==3.6", "keras 3.6.0", None),
        ("keras==3.13", "keras 3.13.0", None),
        ("keras==3.13.*", "keras 3.13.0-3.13.2", None),
        ("3.13", "keras 3.13.0-3.13.2", None),
        ("keras 3.13", "keras 3.13.0-3.13.2", None),
        (">=3.4,<3.8", "keras 3.4.0-3.7.0", None),
        (">= 3.4, < 3.8, jax", "keras 3.4.0-3.7.0", "jax"),
        ("keras >=3.4,<3.8", "keras 3.4.0-3.7.0", None),
        ("2.15.0 or >=3.15, tensorflow", "keras 2.15.0, 3.15.0-3.15.1", "tensorflow"),
        ("keras 2.15", "keras 2.15.0", "tensorflow"),
        ("keras 2.3.1", "keras 2.3.1", None),
        ("keras 1", "keras 1.0.0-1.2.2", None),
        ("tf 2.15", "keras 2.15.0", "tensorflow"),
        ("tf2.15", "keras 2.15.0", "tensorflow"),
        ("TensorFlow 2.13", "keras 2.13.1", "tensorflow"),
        ("tensorflow 2.3", "keras 2.4.0", "tensorflow"),
        ("tf 1.15", "keras 2.2.4", "tensorflow"),
        ("tf 2.21", "keras 3.12.0-3.15.1", "tensorflow"),
        ("tf 2.18, keras 3.6.0", "keras 3.6.0", "tensorflow"),
        ("tf 2.18, jax", "keras 3.5.0-3.15.1", "jax"),
        ("tf_keras", "tf_keras 2.14.1-2.21.0", "tensorflow"),
        ("tf-keras 2.17", "tf_keras 2.17.0", "tensorflow"),
        ("tf_keras, tf 2.18", "tf_keras 2.18.0", "tensorflow"),
        ("3.12.9", "keras 3.12.9", None),
        ("3.16", "keras 3.16.0", None),
        (">=3.20", "keras 3.20.0", None),
    ],
)
def test_a_setting(text: str, shown: str, backend: str | None) -> None:
    target = parse_target(text)
    assert (target.text, target.backend, target.assumed) == (shown, backend, False)
    assert target.source == "setting target-keras"


def test_keras_2_reaches_every_keras_2() -> None:
    target = parse_target("keras 2")
    assert (str(target.releases[0]), str(target.newest)) == ("2.0.0", "2.15.0")
    assert target.keras2


@pytest.mark.parametrize(
    ("text", "backend"), [("jax", "jax"), ("keras", None), ("keras, torch", "torch"), ("tf", "tensorflow")]
)
def test_a_setting_without_a_version_leaves_the_release_assumed(text: str, backend: str | None) -> None:
    target = parse_target(text, "--target")
    assert (target.text, target.backend, target.source) == ("keras 3.15.1 (assumed)", backend, "--target")


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        ",",
        "3.6.0,",
        "newest",
        "keras three",
        "keras3x",
        "3.6.0 tensorflow",
        "theano",
        "jax 0.4",
        "3.6.0; 3.7.0",
        "=>3",
    ],
)
def test_a_setting_that_cannot_be_read_says_what_is_accepted(text: str) -> None:
    with pytest.raises(TargetError) as caught:
        parse_target(text)
    message = str(caught.value)
    assert message.startswith(f"cannot read target `{text}`: say a Keras release")
    assert "\n" not in message and not message.endswith(".")


@pytest.mark.parametrize(
    "text", ["keras 42", "42.0.0", "2.20", "keras 2.16.0", "<1", ">=3.8,<3.4", "tf 9.1", "tf_keras 2.3"]
)
def test_a_setting_no_release_matches(text: str) -> None:
    with pytest.raises(TargetError, match="release matches; known are"):
        parse_target(text)


def test_settings_that_contradict_themselves() -> None:
    with pytest.raises(TargetError, match="names two backends"):
        parse_target("3.6.0, jax, torch")
    with pytest.raises(TargetError, match="Keras 2 has no jax backend"):
        parse_target("2.15.0, jax")


def test_a_header_is_found_above_the_code() -> None:
    target = header_target("#!/usr/bin/env python\n# coding: utf-8\n\n# target: keras 3.6.0, jax\nimport keras\n")
    assert target is not None
    assert (target.text, target.backend, target.source) == ("keras 3.6.0", "jax", "header")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "import keras\n# target: 3.6.0\n",
        "x = 1  # target: 3.6.0\n",
        '"""# target: 3.6.0"""\n',
        "# targets: 3.6.0\n",
    ],
)
def test_no_header(text: str) -> None:
    assert header_target(text) is None


def test_a_header_with_a_typing_error_is_not_passed_over() -> None:
    with pytest.raises(TargetError):
        header_target("# target: kreas 3.6.0\n")


# --- assumptions


def test_without_pins_the_newest_release_is_assumed() -> None:
    target = default_target()
    assert (target.text, target.backend, target.source, target.assumed) == (
        "keras 3.15.1 (assumed)",
        None,
        "assumed",
        True,
    )
    assert default_target("torch").backend == "torch"
    assert assumed_target([]) == default_target()


@pytest.mark.parametrize(
    ("evidence", "shown"),
    [
        (["keras.engine"], "keras 2.15.0 (assumed)"),
        (["lr="], "keras 2.15.0 (assumed)"),
        (["tf1-session"], "keras 2.15.0 (assumed)"),
        (["keras1"], "keras 2.15.0 (assumed)"),
        (["tf.contrib"], "keras 2.2.4 (assumed)"),
        (["lr=", "tf.contrib"], "keras 2.2.4 (assumed)"),
        (["tf_keras"], "tf_keras 2.21.0 (assumed)"),
        (["keras.engine", "TF_USE_LEGACY_KERAS"], "tf_keras 2.21.0 (assumed)"),
    ],
)
def test_code_for_keras_2_lowers_the_assumption(evidence: list[LegacyEvidence], shown: str) -> None:
    target = assumed_target(evidence)
    assert target.text == shown
    assert target.keras2 and target.assumed
    assert target.source.startswith("assumed: the code uses ")


def test_code_for_keras_2_narrows_a_range() -> None:
    def target_of_source(source: str, target: Target) -> str:
        return Module(SourceText(source), "a.py", cst.parse_module(source), target).target.text

    wide = target_of("tensorflow>=2.13")
    assert wide is not None
    addons = "import keras\nimport tensorflow_addons\n"
    assert target_of_source(addons, wide) == "keras 2.13.1-2.15.0"
    assert target_of_source("import keras\n", wide) == "keras 2.13.1-3.15.1"
    newer = target_of("tensorflow>=2.16")
    assert newer is not None
    assert target_of_source(addons, newer) == "keras 3.0.0-3.15.1"
    assert target_of_source(addons, parse_target(">=2.13")) == "keras 2.13.1-3.15.1"  # somebody asked for it


# --- requirement lines


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("keras==3.6.0", "keras 3.6.0"),
        ("Keras==2.3.1", "keras 2.3.1"),
        ("keras == 3.6.0", "keras 3.6.0"),
        ("keras===3.6.0", "keras 3.6.0"),
        ("  keras==3.6.0  ", "keras 3.6.0"),
        ("keras==3.6.0 # pinned", "keras 3.6.0"),
        ("keras==3.6.0\t# pinned", "keras 3.6.0"),
        ('keras==3.6.0; python_version >= "3.9"', "keras 3.6.0"),
        ("keras==3.6.0 ;sys_platform=='linux'", "keras 3.6.0"),
        ("keras[extra]==3.6.0", "keras 3.6.0"),
        ("keras [a, b] == 3.6.0", "keras 3.6.0"),
        ("keras (==3.6.0)", "keras 3.6.0"),
        ("keras==3.6", "keras 3.6.0"),
        ("keras==3.6.*", "keras 3.6.0"),
        ("keras==3.0.0rc1", "keras 3.0.0"),
        ("keras==3.6.0+cpu", "keras 3.6.0"),
        ("keras==3.17.0", "keras 3.17.0"),
        ("keras==0.3.3", "keras 0.3.3"),
        ("keras>=3.4,<3.8", "keras 3.4.0-3.7.0"),
        ("keras<3.8,>=3.4", "keras 3.4.0-3.7.0"),
        ("keras >= 3.4, < 3.8", "keras 3.4.0-3.7.0"),
        ("keras~=3.11.1", "keras 3.11.1-3.11.3"),
        ("keras~=3.14", "keras 3.14.0-3.15.1"),
        ("keras>3.14", "keras 3.14.1-3.15.1"),
        ("keras>=3.15.0,!=3.15.0", "keras 3.15.1"),
        ("keras<3,>=2.12", "keras 2.12.0-2.15.0"),
        ("keras>=2.14", "keras 2.14.0-3.15.1"),
        ("keras<=2.1.6,>=2.1.0", "keras 2.1.0-2.1.6"),
        ("keras>=3.99", "keras 3.99.0"),
        ("keras=2.3.1=pypi_0", "keras 2.3.1"),
        ("keras==3.6.0 --hash=sha256:0123 --hash=sha256:4567", "keras 3.6.0"),
        ("keras==3.6.0 \\\n    --hash=sha256:0123", "keras 3.6.0"),
        ("keras==3.6.0 \\\r\n    --hash=sha256:0123", "keras 3.6.0"),
        ("\ufeffkeras==3.6.0", "keras 3.6.0"),
        ("tensorflow==2.15.0", "keras 2.15.0"),
        ("tensorflow==2.15.0.post1", "keras 2.15.0"),
        ("tensorflow[and-cuda]==2.15.1", "keras 2.15.0"),
        ("tensorflow==2.13.*", "keras 2.13.1"),
        ("tensorflow==2.6.2", "keras 2.6.0"),
        ("tensorflow==2.5", "keras 2.5.0"),
        ("tensorflow==2.3.0", "keras 2.4.0"),
        ("tensorflow==2.2.0", "keras 2.3.0"),
        ("tensorflow==2.0.0b1", "keras 2.2.4"),
        ("tensorflow==1.15.2", "keras 2.2.4"),
        ("tensorflow-gpu==1.12", "keras 2.2.4"),
        ("tensorflow_gpu==2.10", "keras 2.10.0"),
        ("tensorflow-gpu >= 2.9", "keras 2.9.0-2.12.0"),  # there is no newer one
        ("tensorflow-gpu==2.13.0", "keras 2.13.1"),
        ("tensorflow-gpu; sys_platform == 'linux'", "keras 2.12.0"),  # what pip chooses
        ("keras\ntensorflow-gpu", "keras 2.12.0"),
        ("tensorflow>=2.13\ntensorflow-addons", "keras 2.13.1-2.15.0"),  # its import raises on Keras 3
        ("tensorflow>=2.16\ntensorflow-addons", "keras 3.0.0-3.15.1"),
        ("numpy\ntensorflow-addons==0.12.1", "keras 2.15.0"),
        ("tensorflow-gpu\ntfa-nightly", "keras 2.12.0"),
        ("tensorflow-cpu==2.12.0", "keras 2.12.0"),
        ("tensorflow-macos==2.9.2", "keras 2.9.0"),
        ("intel-tensorflow==2.11.0", "keras 2.11.0"),
        ("tensorflow<2", "keras 2.2.4"),
        ("tensorflow==2.16.1", "keras 3.0.0-3.15.1"),
        ("tensorflow==2.17.0", "keras 3.2.0-3.15.1"),
        ("tensorflow==2.19.1", "keras 3.5.0-3.15.1"),
        ("tensorflow==2.20.0", "keras 3.10.0-3.15.1"),
        ("tensorflow==2.21.0", "keras 3.12.0-3.15.1"),
        ("tensorflow==2.22.0", "keras 3.12.0-3.15.1"),
        ("tensorflow>=2.16", "keras 3.0.0-3.15.1"),
        ("tensorflow>=2.14", "keras 2.14.0-3.15.1"),
        ("tensorflow>=2.4,<2.7", "keras 2.4.0, 2.5.0-2.6.0"),
        ("tf_keras==2.16.0", "tf_keras 2.16.0"),
        ("tf-keras~=2.17.0", "tf_keras 2.17.0"),
        ("tf.keras>=2.18", "tf_keras 2.18.0-2.21.0"),
        ("tf-keras", "tf_keras 2.14.1-2.21.0"),
    ],
)
def test_a_requirement_line(line: str, shown: str) -> None:
    assert text_of(target_of(line)) == shown


@pytest.mark.parametrize(
    "line",
    [
        "keras",
        "keras # any",
        "tensorflow",
        "tensorflow; sys_platform == 'linux'",
        "keras-nightly",
        "keras-nightly==3.7.0.dev2024091203",
        "tf-nightly==2.19.0.dev20240909",
        "# keras==3.6.0",
        "#keras==3.6.0",
        "-r keras-requirements.txt",
        "--find-links https://example.org/keras==3.6.0",
        "-e git+https://github.com/keras-team/keras.git@v3.6.0#egg=keras",
        "git+https://github.com/keras-team/keras.git",
        "keras @ git+https://github.com/keras-team/keras.git@v3.6.0",
        "https://storage.googleapis.com/tensorflow/linux/cpu/tensorflow-2.3.0-cp38.whl",
        "tensorflow @ file:///a/arm64/tensorflow_macos-0.1a3-cp38-cp38-macosx_11_0_arm64.whl",
        "keras==${KERAS_VERSION}",
        "keras=={{ version }}",
        "keras<>3",
        "keras-cv==0.9.0",
        "keras_preprocessing==1.1.2",
        "keras-tuner>=1.4",
        "keras-hub==0.17",
        "keras-applications==1.0.8",
        "tensorflow-datasets==4.9.2",
        "tensorflow-hub==0.12",
        "tensorflow-estimator==2.15.0",
        "tensorflow_probability==0.23",
        "tensorflow-io-gcs-filesystem==0.34",
        "scikeras==0.12",
        "autokeras==1.1",
        "numpy==1.26",
        "",
        "==3.6.0",
        "keras==",
    ],
)
def test_a_line_that_says_nothing(line: str) -> None:
    assert target_of(line) is None


def test_lines_that_say_nothing_do_not_hide_the_one_that_does() -> None:
    target = target_of("# gpu", "keras", "numpy", "keras-cv==0.9", "keras==3.6.0", "tf-nightly")
    assert target is not None
    assert (target.text, target.source, target.assumed, target.backend) == (
        "keras 3.6.0",
        "requirements.txt:5",
        False,
        None,
    )


def test_line_numbers_count_continued_lines() -> None:
    target = target_of("numpy==1.26 \\", "  --hash=sha256:1", "keras==3.6.0 \\", "  --hash=sha256:2")
    assert target is not None and target.source == "requirements.txt:3"


# --- keras and tensorflow together


@pytest.mark.parametrize(
    ("lines", "shown"),
    [
        (("tensorflow==2.18.0", "keras==3.6.0"), "keras 3.6.0"),
        (("tensorflow==2.21.0", "keras>=3"), "keras 3.12.0-3.15.1"),
        (("tensorflow==2.16.1", "keras<3.2"), "keras 3.0.0-3.1.1"),
        (("tensorflow==2.15.0", "keras"), "keras 2.15.0"),
        (("tensorflow", "keras==2.15.0"), "keras 2.15.0"),
        (("tensorflow>=2.4", "keras<3,>=2.12"), "keras 2.12.0-2.15.0"),
        (("tensorflow==2.4.1", "keras>=2.2"), "keras 2.4.0"),
        # Keras 3 put over TensorFlow 2.15 by hand, as its release notes told
        (("tensorflow==2.15.0", "keras==3.0.5"), "keras 3.0.5"),
        # two copies side by side: either may be meant
        (("tensorflow==1.15.0", "keras==2.3.1"), "keras 2.2.4, 2.3.1"),
        (("tensorflow==1.14.0", "keras==2.2.4"), "keras 2.2.4"),
        (("tensorflow>=1.14", "keras==2.3.1"), "keras 2.3.1"),
        # one for the desk, one for the laptop
        (('tensorflow==2.15.0; sys_platform != "darwin"', "tensorflow-macos==2.15.0"), "keras 2.15.0"),
        (('tensorflow==2.12.0; python_version<"3.9"', "tensorflow==2.15.0"), "keras 2.12.0, 2.15.0"),
        (("tf_keras", "tensorflow==2.17.0"), "tf_keras 2.17.0"),
        (("tf_keras==2.18.0", "keras==3.6.0"), "tf_keras 2.18.0, keras 3.6.0"),
        (("tf_keras", "keras", "tensorflow==2.18.0"), "tf_keras 2.18.0, keras 3.5.0-3.15.1"),
    ],
)
def test_lines_together(lines: tuple[str, ...], shown: str) -> None:
    assert text_of(target_of(*lines)) == shown
    assert text_of(target_of(*reversed(lines))) == shown


def test_keras_and_tf_keras_without_versions_leave_it_to_the_code() -> None:
    assert target_of("keras", "tf_keras") is None


@pytest.mark.parametrize(
    ("lines", "specifier", "reach"),
    [
        (("tensorflow==2.3.1",), "==2.3.*", Reach.ALL),
        (("tensorflow==2.15",), "<2.10", Reach.NONE),
        (("tensorflow>=2.8",), "<2.10", Reach.SOME),
        (("tensorflow>=2.8", "keras<3"), "<2.16", Reach.ALL),
        (("keras==2.8.0",), "<2.10", Reach.ALL),
        (("tf_keras==2.18.0",), ">=2.18,<2.19", Reach.ALL),
        (("keras==2.3.1",), ">=2", None),
        (("keras==3.6.0",), ">=2", None),
        (("keras==3.6.0", "tensorflow==2.18.0"), "2.18", Reach.ALL),
        (("keras==3.6.0", "tensorflow>=2.10"), ">=2.16,<2.20", Reach.ALL),
    ],
)
def test_the_tensorflow_of_a_target(lines: tuple[str, ...], specifier: str, reach: Reach | None) -> None:
    target = target_of(*lines)
    assert target is not None
    assert target.which_tensorflow(specifier) is reach


def test_keras_2_from_2_4_on_runs_on_tensorflow_only() -> None:
    assert [
        target.backend
        for line in ("keras==2.3.1", "keras==2.4.3", "tensorflow==2.15", "tensorflow==2.16.1")
        if (target := target_of(line))
    ] == [None, "tensorflow", "tensorflow", None]


# --- files


PYPROJECT = """
[build-system]
requires = ["keras==1.0.0"]

[project]
name = "keras-things"
dependencies = [
    "numpy",
    "Keras[x] >=3.4,<3.8 ; python_version > '3.9'",
]
"""


@pytest.mark.parametrize(
    ("name", "text", "shown"),
    [
        ("pyproject.toml", PYPROJECT, "keras 3.4.0-3.7.0"),
        (
            "pyproject.toml",
            "[project.optional-dependencies]\ntf = ['tensorflow==2.15.0']\njax = ['jax']\n",
            "keras 2.15.0",
        ),
        ("pyproject.toml", "[dependency-groups]\ndev = ['keras==3.6.0', {include-group = 'x'}]\n", "keras 3.6.0"),
        ("pyproject.toml", "[tool.poetry.dependencies]\npython = '^3.9'\nkeras = '^2.13'\n", "keras 2.13.1-2.15.0"),
        ("pyproject.toml", "[tool.poetry.dependencies]\nkeras = '~3.11.1'\n", "keras 3.11.1-3.11.3"),
        ("pyproject.toml", "[tool.poetry.dependencies]\nkeras = '~3.11'\n", "keras 3.11.0-3.11.3"),
        ("pyproject.toml", "[tool.poetry.dependencies]\nkeras = '3.13'\n", "keras 3.13.0"),
        ("pyproject.toml", "[tool.poetry.dependencies]\nkeras = '3.13.*'\n", "keras 3.13.0-3.13.2"),
        ("pyproject.toml", "[tool.poetry.dependencies]\nkeras = '>=3.4 <3.6'\n", "keras 3.4.0-3.5.0"),
        ("pyproject.toml", "[tool.poetry.dependencies]\nkeras = '2.15.0 || ^3.14'\n", "keras 2.15.0, 3.14.0-3.15.1"),
        ("pyproject.toml", "[tool.poetry.dependencies]\nkeras = {version = '3.6.0', optional = true}\n", "keras 3.6.0"),
        (
            "pyproject.toml",
            "[tool.poetry.dependencies]\ntensorflow = [{version='2.15.0', markers='a'}, {version='2.12.0'}]\n",
            "keras 2.12.0, 2.15.0",
        ),
        ("pyproject.toml", "[tool.poetry.group.train.dependencies]\nkeras = '3.6.0'\n", "keras 3.6.0"),
        ("pyproject.toml", "[tool.poetry.dev-dependencies]\nkeras = '3.6.0'\n", "keras 3.6.0"),
        ("pyproject.toml", "[tool.pdm.dev-dependencies]\ntest = ['keras==3.6.0']\n", "keras 3.6.0"),
        ("pyproject.toml", "[tool.uv]\ndev-dependencies = ['keras==3.6.0']\n", "keras 3.6.0"),
        ("requirements-gpu.txt", "tensorflow-gpu==2.10.1\n", "keras 2.10.0"),
        ("requirements/base.txt", "keras==3.6.0\n", "keras 3.6.0"),
        ("requirments.txt", "keras==3.6.0\n", "keras 3.6.0"),
        ("requirement.txt", "keras==3.6.0\n", "keras 3.6.0"),
        ("service\\requirements\\base.in", "keras==3.6.0\n", "keras 3.6.0"),
        ("dev-requirements.txt", "keras==3.6.0\n", "keras 3.6.0"),
        (
            "requirements.txt",
            "pip install numpy\npip install keras==3.6.0 -i https://index.example/simple\n",
            "keras 3.6.0",
        ),
        (
            "setup.cfg",
            "[options]\ninstall_requires =\n    numpy\n    keras>=3.6,<3.7; python_version>'3'\n",
            "keras 3.6.0",
        ),
        ("setup.cfg", "[options]\ninstall_requires = numpy; keras==3.6.0\n", "keras 3.6.0"),
        (
            "setup.cfg",
            "[options.extras_require]\ntf =\n    tensorflow==2.15.%(x)s\n    tensorflow==2.14.0\n",
            "keras 2.14.0",
        ),
        ("setup.py", "from setuptools import setup\nsetup(install_requires=['keras<=2.3.1'])\n", "keras 1.0.0-2.3.1"),
        ("setup.py", "import setuptools as s\ns.setup(\n install_requires=('a', 'keras>=3.6,<3.7'))\n", "keras 3.6.0"),
        ("setup.py", "setup(install_requires='numpy\\nkeras==3.6.0')\n", "keras 3.6.0"),
        ("setup.py", "NEEDS = ['keras==3.6.0']\nsetup(install_requires=NEEDS)\n", "keras 3.6.0"),
        ("setup.py", "A: list = ['keras==3.6.0']\nsetup(install_requires=A + ['numpy'])\n", "keras 3.6.0"),
        ("setup.py", "setup(extras_require={'tf': ['tensorflow==2.15.0'], 'jax': ['jax']})\n", "keras 2.15.0"),
        ("setup.py", "X = {'tf': ['tensorflow==2.15.0']}\nsetup(extras_require=X)\n", "keras 2.15.0"),
        ("setup.py", "setup(install_requires=['h5py' + VERSION, 'keras==3.6.0'])\n", "keras 3.6.0"),
        (
            "setup.py",
            "N = ['tensorflow==2.9.1']\nif GPU:\n    N = ['tensorflow-gpu==2.10.1']\nsetup(install_requires=N)\n",
            "keras 2.9.0-2.10.0",
        ),
        ("Pipfile", "[packages]\nkeras = '==3.6.0'\n", "keras 3.6.0"),
        ("Pipfile", "[dev-packages]\ntensorflow = {version = '~=2.15.0', extras = ['x']}\n", "keras 2.15.0"),
        ("environment.yml", "name: keras\ndependencies:\n  - python=3.7\n  - keras=2.3\n", "keras 2.3.0-2.3.1"),
        ("environment.yml", "dependencies:\n- conda-forge::keras=2.3.1=py37_0\n", "keras 2.3.1"),
        ("environment.yml", "dependencies:\n- keras>=2.12,<3.0a0\n", "keras 2.12.0-2.15.0"),
        ("environment.yml", "dependencies:\n- 'keras 2.14.*'  # conda\n", "keras 2.14.0"),
        ("environment.yaml", "dependencies:\n- tensorflow-gpu=1.15\n", "keras 2.2.4"),
        ("environment.yaml", "dependencies:\n- tensorflow-gpu>=2.14\n", "keras 2.14.0-3.15.1"),
        ("conda-env.yml", "dependencies:\n- pip\n- pip:\n  - -r requirements.txt\n  - keras==3.6.0\n", "keras 3.6.0"),
        ("environment.yml", "dependencies:\n- keras=2.12|2.14\n", "keras 2.12.0, 2.14.0"),
        ("poetry.lock", '[[package]]\nname = "keras"\nversion = "3.6.0"\ndescription = ""\n', "keras 3.6.0"),
        (
            "uv.lock",
            '[[package]]\nname = "x"\nversion = "1"\ndependencies = [\n    { name = "keras" },\n]\n\n'
            '[[package]]\nname = "keras"\nversion = "3.6.0"\nsource = { registry = "" }\n',
            "keras 3.6.0",
        ),
        ("uv.lock", '[[package]]\r\nname = "keras"\r\nversion = "3.6.0"\r\n', "keras 3.6.0"),
        (
            "poetry.lock",
            '[[package]]\ncategory = "main"\ndescription = "version = 9"\nname = "tensorflow"\noptional = false\n'
            'python-versions = "*"\nversion = "2.4.1"\n\n[package.dependencies]\nkeras = "3.6.0"\n',
            "keras 2.4.0",
        ),
        ("requirements.txt", "https://a.b/gpu/tensorflow_gpu-1.10.1-cp36-cp36m-linux_x86_64.whl\n", "keras 2.2.4"),
        ("requirements.txt", "tensorflow @ file:///a/tensorflow-2.8.0+nv-cp38-cp38-linux_aarch64.whl", "keras 2.8.0"),
        ("requirements.txt", "tf-nightly-2.0-preview==2.0.0.dev20190602\n", "keras 2.2.4"),
        ("requirements.txt", "tf_nightly_gpu-2.0-preview\n", "keras 2.2.4"),
        ("pdm.lock", '[[package]]\nname = "tensorflow"\nversion = "2.15.1"\n', "keras 2.15.0"),
        (
            "Pipfile.lock",
            '{"default": {"keras": {"hashes": ["x"], "version": "==3.6.0"}}, "develop": {}}',
            "keras 3.6.0",
        ),
    ],
)
def test_a_project_file(name: str, text: str, shown: str) -> None:
    assert is_project_file(name)
    target = target_from_project({name: text})
    assert text_of(target) == shown
    assert target is not None and target.source.startswith(name)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", "[project\nkeras = "),
        ("pyproject.toml", "project = 'keras==3.6.0'\n"),
        ("pyproject.toml", "[project]\ndependencies = 'keras==3.6.0'\noptional-dependencies = ['keras==3.6.0']\n"),
        ("pyproject.toml", "[project]\ndependencies = [3, 'keras']\n"),
        ("pyproject.toml", "[tool.poetry.dependencies]\nkeras = {git = 'https://example.org'}\ntensorflow = '*'\n"),
        ("pyproject.toml", "[tool.poetry]\ndependencies = 3\ngroup = ['keras']\n"),
        ("pyproject.toml", "[tool.poetry.dependencies]\nkeras = 3\n"),
        ("pyproject.toml", "[tool.kerascheck]\ntarget-keras = '3.6.0'\n"),
        ("pyproject.toml", "[build-system]\nrequires = ['keras==3.6.0']\n"),
        ("setup.cfg", "keras==3.6.0 without a section\n"),
        ("setup.cfg", "[metadata]\nkeywords = keras==3.6.0\n"),
        ("Pipfile", "keras"),
        ("Pipfile.lock", "{keras"),
        ("Pipfile.lock", '["keras"]'),
        ("Pipfile.lock", '{"default": {"keras": "==3.6.0"}, "develop": ["keras"]}'),
        ("Pipfile.lock", '{"default": {"keras": {"git": "https://example.org"}}}'),
        ("poetry.lock", '[[package]]\nname = "keras-cv"\nversion = "0.9.0"\n'),
        ("uv.lock", '[[package]]\nname = "keras"\nsource = { editable = "." }\n\n[[package]]\nversion = "3.6.0"\n'),
        ("poetry.lock", '[[package]]\nname = "keras"\noptional = false\nname = "x"\nversion = "3.6.0"\n'),
        ("environment.yml", "name: keras\nkeras: 3.6.0\n"),
        ("README.md", "keras==3.6.0\n"),
        ("py36.yml", "dependencies:\n  - python>=3.6\n  - keras-tuner=1.0\n"),
        ("notes.txt", "keras==3.6.0\n"),
        ("setup.py", "install_requires=['keras==3.6.0']\n"),
        ("setup.py", "setup(install_requires=['keras==3.6.0'\n"),
        ("setup.py", "setup(install_requires=['keras' + VERSION, f'keras=={V}', 'keras==' '${V}'])\n"),
        ("setup.py", "setup(install_requires=['keras'])\n"),
        ("setup.py", "setup(install_requires=open('keras.txt').read().split())\n"),
        ("setup.py", "try:\n    N = read()\nexcept OSError:\n    N = ['keras==3.6.0']\nsetup(install_requires=N)\n"),
        ("setup.py", "N = M\nM = N\nsetup(install_requires=N)  # keras\n"),
        ("setup.py", "setup(tests_require=['keras==3.6.0'], keywords='keras==3.6.0')\n"),
        ("setup.py", "# setup(install_requires=['keras==3.6.0'])\n"),
        ("requirements.txt", ""),
    ],
)
def test_files_that_say_nothing(name: str, text: str) -> None:
    assert target_from_project({name: text}) is None


def test_no_files() -> None:
    assert target_from_project({}) is None


def test_setup_py_is_never_run_and_its_warnings_are_not_shown() -> None:
    text = "raise SystemExit('keras')\n'\\d' is 'x'\nsetup(\n    install_requires=['keras==3.6.0'])\n"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        target = target_from_project({"setup.py": text})
    assert target is not None and (target.text, target.source) == ("keras 3.6.0", "setup.py:4")


def test_requirements_narrow_what_setup_py_beside_them_allows() -> None:
    texts = {
        "code/setup.py": "setup(install_requires=['keras==2.2.4'])\n",
        "code/requirements.txt": "keras>=2.0.0\n",
        "code/gpu/requirements.txt": "keras==2.2.5\n",
    }
    target = target_from_project(texts)
    assert target is not None and target.text == "keras 2.2.4-2.2.5"
    assert target.source == "code/setup.py:1, code/requirements.txt:1, code/gpu/requirements.txt:1"


def test_setup_py_and_requirements_that_contradict_it_are_the_union() -> None:
    texts = {"setup.py": "setup(install_requires=['keras==3.5.0'])\n", "requirements.txt": "keras==3.6.0\n"}
    assert text_of(target_from_project(texts)) == "keras 3.5.0-3.6.0"


def test_sources_name_the_line() -> None:
    assert getattr(target_from_project({"pyproject.toml": PYPROJECT}), "source", "") == "pyproject.toml:9"
    poetry = "[tool.poetry.dependencies]\npython = '^3.9'\nkeras = '3.6.0'\n"
    assert getattr(target_from_project({"pyproject.toml": poetry}), "source", "") == "pyproject.toml:3"


def test_several_files_allow_what_any_of_them_allows() -> None:
    target = target_from_project(
        {"train/requirements.txt": "keras==3.13.0\n", "serve/requirements.txt": "keras==3.12.1\n"}
    )
    assert target is not None
    assert target.text == "keras 3.12.1, 3.13.0"
    assert target.source == "train/requirements.txt:1, serve/requirements.txt:1"
    assert target.which("<3.13") is Reach.SOME


@pytest.mark.parametrize(
    ("lines", "shown"),
    [
        ("tensorflow>=2.0\nnumpy>=1.16,<1.17", "keras 2.2.4, 2.3.0, 2.4.0, 2.7.0"),
        ("numpy==1.19.5\ntensorflow>=2.4,<2.17", "keras 2.4.0, 2.5.0-2.7.0"),
        ("numpy==2.1.3\ntensorflow>=2.15", "keras 3.5.0-3.15.1"),
        ("tensorflow>=2.0\nkeras>=2.4\nnumpy==1.18.5", "keras 2.4.0, 2.7.0"),
        ("numpy==1.19.5\ntensorflow", "keras 2.7.0 (assumed)"),
        ("numpy~=1.22.0\ntensorflow", "keras 2.13.1 (assumed)"),
        # what does not go together, or says nothing
        ("numpy==1.16.4\ntensorflow==2.17.0", "keras 3.2.0-3.15.1"),
        ("numpy==1.16.4\ntensorflow>=2.10\nkeras>=3", "keras 3.0.0-3.15.1"),
        ("numpy==1.26.4\ntensorflow>=2.15", "keras 2.15.0-3.15.1"),
        ("numpy==1.26.4\ntensorflow", None),
        ("numpy==1.23.5\ntensorflow", None),
        ("numpy\ntensorflow", None),
        ("numpy==1.19.5; python_version < '3.9'\nnumpy\ntensorflow", None),
        ("numpy==1.16.4\nkeras", None),
        ("numpy==1.16.4\nkeras\njax", None),
    ],
)
def test_the_numpy_beside_tensorflow(lines: str, shown: str | None) -> None:
    assert text_of(target_from_project({"requirements.txt": f"{lines}\n"})) == shown


def test_a_list_of_conda_names_its_python() -> None:
    listed = "# platform: linux-64\nnumpy=1.16.4=py37_0\npython={}\npython-dateutil=2.8.0=py37_0\n"
    assert (
        text_of(target_from_project({"requirements.txt": listed.format("3.7.3=h0371630_0")}))
        == "keras 2.11.0 (assumed)"
    )
    for other in ("3.7.3", "3.11.4=h0371630_0"):  # of the first pip says that it is no requirement
        assert text_of(target_from_project({"requirements.txt": listed.format(other)})) != "keras 2.11.0 (assumed)"


def test_a_list_of_conda_names_a_preliminary_release_and_its_build() -> None:
    listed = {"requirements.txt": "numpy=1.17.4=py37h4320e6b_0\ntensorflow-gpu=2.1.0rc2=pypi_0\n"}
    assert text_of(target_from_project(listed)) == "keras 2.2.4"


def test_the_numpy_and_the_python_beside_a_tensorflow_of_any_release() -> None:
    conda = "dependencies:\n  - python=3.6\n  - numpy=1.19.2=py36_0\n  - tensorflow\n"
    target = target_from_project({"environment.yml": conda})
    assert target is not None
    assert (target.text, target.source) == ("keras 2.6.0 (assumed)", "assumed: environment.yml:3")


def test_a_file_with_tensorflow_alone_is_narrowed_by_one_with_keras() -> None:
    target = target_from_project({"requirements.txt": "keras==3.6.0\n", "requirements-tf.txt": "tensorflow==2.18.0\n"})
    assert text_of(target) == "keras 3.6.0"
    apart = target_from_project({"requirements.txt": "keras==3.6.0\n", "old/requirements.txt": "tensorflow==1.15.0\n"})
    assert text_of(apart) == "keras 2.2.4, 3.6.0"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("poetry.lock", 'name = "keras"\nversion = "3.6.0"\n'),
        ("Pipfile.lock", '{"default": {"keras": {"version": "==3.6.0"}}}'),
        (
            "requirements.txt",
            "# This file is autogenerated by pip-compile with Python 3.11\nkeras==3.6.0\n    # via -r x.in\n",
        ),
        ("requirements.txt", "keras==3.6.0 --hash=sha256:0123\n"),
    ],
)
def test_lock_files_win_over_ranges(name: str, text: str) -> None:
    target = target_from_project({"pyproject.toml": PYPROJECT, name: text})
    assert text_of(target) == "keras 3.6.0"


def test_a_lock_file_without_keras_leaves_the_ranges() -> None:
    lock = '[[package]]\nname = "keras-cv"\nversion = "0.9.0"\n'
    assert text_of(target_from_project({"pyproject.toml": PYPROJECT, "poetry.lock": lock})) == "keras 3.4.0-3.7.0"


def test_an_exact_pin_counts_beside_a_lock_file() -> None:
    lock = 'name = "keras"\nversion = "3.8.0"\n'
    pinned = {"poetry.lock": lock, "requirements.txt": "keras==3.6.0\nnumpy>1.20\n"}
    assert text_of(target_from_project(pinned)) == "keras 3.6.0, 3.8.0"
    ranged = {"poetry.lock": lock, "requirements.txt": "keras>=3.6.0\n"}
    assert text_of(target_from_project(ranged)) == "keras 3.8.0"


# --- notebooks and installed packages


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("!pip install keras==3.6.0", "keras 3.6.0"),
        ("%pip install -q 'keras>=3.4,<3.8' numpy", "keras 3.4.0-3.7.0"),
        ("!pip3 install --upgrade \"tensorflow==2.15.0; python_version<'3.12'\"", "keras 2.15.0"),
        ("!python -m pip install tensorflow==2.18 keras==3.6.0", "keras 3.6.0"),
        ("!{sys.executable} -m pip install tensorflow-gpu==1.15", "keras 2.2.4"),
        ("  !uv pip install tf_keras && echo keras==2.0.0", "tf_keras 2.14.1-2.21.0"),
        ("pip install keras==3.6.0 | tail -1", "keras 3.6.0"),
        ("!pip install tf-nightly-2.0-preview", "keras 2.2.4"),
        ("!pip install -U keras", None),
        ("!pip install -r keras-requirements.txt", None),
        ("!echo pip install keras==3.6.0", None),
        ("# !pip install keras==3.6.0", None),
        ("!pip uninstall keras==3.6.0", None),
    ],
)
def test_install_lines_of_a_notebook(line: str, shown: str | None) -> None:
    target = target_from_pip_lines({"train.ipynb cell 1:2": line})
    assert text_of(target) == shown
    assert target is None or target.source == "train.ipynb cell 1:2"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("- Keras 2.1.6", "keras 2.1.6"),
        ("keras==2.1.5  ", "keras 2.1.5"),
        ("* TensorFlow 2.5.0, Keras 2.5.0, NumPy 1.19.5.", "keras 2.5.0"),
        ("  1. [Keras 2.2.4](https://keras.io/) (the old one)", "keras 2.2.4"),
        ("> tensorflow 1.12.0\\", "keras 2.2.4"),
        ("- **Keras**: 3.6", "keras 3.6.0"),
        ("- [x] `tensorflow >= 2.13.0, <=2.15.1`", "keras 2.13.1-2.15.0"),
        ("-Tensorflow 2.16 or higher<br>", "keras 3.0.0-3.15.1"),
        ("- tensorflow 1.x", "keras 2.2.4"),
        ("    $ pip install keras==2.3.1 h5py", "keras 2.3.1"),
        ("`conda install -c anaconda keras-gpu=2.3.1`", "keras 2.3.1"),
        ("- Python 2.7", "keras 2.2.4 (assumed)"),
        ("* Keras 2.0.9 using TensorFlow GPU 1.4.1 backend", "keras 2.0.9, 2.2.4"),
        ("> `tensorflow-gpu`: 1.9, backend  ", "keras 2.2.4"),
        ("tensorflow ==1.2.0 (should work with later versions, but untested)\\", "keras 2.2.4"),
        ("* tensorflow 2.0.0-beta1", "keras 2.2.4"),
        ("+ **TensorFlow version: 2.5.0-rc1**<br/>", "keras 2.5.0"),
        ("- TensorFlow 2.6.0, TensorFlow Addons 0.15.0", "keras 2.6.0"),
        ("* TensorFlow 2.2, and/or TensorFlow-GPU 2.2 (not tried >=2.3, so it could work)", "keras 2.3.0"),
        ("* [tensorflow][tf] == 2.13.0", "keras 2.13.1"),
        ("- Python 2.7 or above", None),
        ("- Python 3.6", None),
        ("pip install keras", None),
        ("# Keras 2.1.6", None),
        ("| Keras | 2.1.6 |", None),
        ("Update to Keras 2.0.4 after May.", None),
        ("We have tested it with Keras 2.1.6", None),
        ("Keras 2", None),
        # what it was made for
        ("![tf](https://img.shields.io/badge/tensorflow-2.0-green)", "keras 2.2.4"),
        ("[![TF](https://img.shields.io/badge/TensorFlow-2.4|2.5-orange)](https://a.b)", "keras 2.4.0, 2.5.0"),
        ("<img src='https://img.shields.io/badge/Keras-V2.3.1-red.svg?style=flat'> and more", "keras 2.3.1"),
        ("![](https://img.shields.io/badge/Framework-TensorFlow%202.7.0-FF6F00?logo=x)", "keras 2.7.0"),
        ("[tf]: https://img.shields.io/badge/tensorflow-2.0.0--rc1%20%7C%202.5-blue", "keras 2.2.4, 2.5.0"),
        ("![TensorFlow 2.4](https://badge.example.org/badge/tf24.svg)", "keras 2.4.0"),
        ("![tf](https://img.shields.io/badge/tensorflow-2.x-green)", None),
        ("![tf](https://img.shields.io/badge/TensorFlow-2.0+-green)", None),
        ("![tf](https://img.shields.io/badge/TensorFlow-%3E%3D2.3-green)", None),
        ("![tf](https://img.shields.io/badge/tensorflow-1.14+,2.x-orange.svg)", None),
        ("![tf](https://img.shields.io/badge/TensorFlow-FF6F00?logo=tensorflow)", None),
        ("![k](https://img.shields.io/badge/Keras%203-TensorFlow%202.9-orange)", None),
        ("![p](https://img.shields.io/badge/Python-3.6|3.7-blue)", None),
        ("![v](https://img.shields.io/badge/keras--nets-2.1.6-blue)", None),
        ("<!-- ![tf](https://img.shields.io/badge/tensorflow-2.0-green) -->", None),
        ("![Keras 2.1.6](figures/loss.png)", None),
        ("Tested with TensorFlow 2.8, 2.9 and 2.10 (Sep 2023).", "keras 2.8.0-2.10.0"),
        ("* install it (skip this if it is there, test environment:tensorflow 2.4.0)", "keras 2.4.0"),
        ("It runs on Theano, too (tested on Theano 0.9 and Tensorflow 1.0).", "keras 2.2.4"),
        ("* My environment: Python 3.6 + Keras 2.0.4 + Tensorflow 1.x", "keras 2.0.4, 2.2.4"),
        ("Library: Tensorflow-1.9 + pillow + scikit-learn-0.18", "keras 2.2.4"),
        ("**此项目基于python2.7,keras2.1.2,cuda 8**", "keras 2.1.2"),
        ("本项目基于 Keras 2.2.4、Python 3.6。", "keras 2.2.4"),
        ("* python3.6, tensorflow2.3.1", "keras 2.4.0"),
        ("The python code was written based on tensorflow 1.6 with GPU acceleration.", "keras 2.2.4"),
        ("Codes were written based on tensorflow=1.15 and its keras module. <br />", "keras 2.2.4"),
        ("This software has been developed and tested with python 3.9 and tensorflow 2.8. Read on.", "keras 2.8.0"),
        ("* Project has been tested on Ubuntu 18.04 with Python 3.6.8 and TensorFlow 2.0.0-alpha0", "keras 2.2.4"),
        ("## Instructions (make sure you are running Keras version 2.0.6)", "keras 2.0.6"),
        ("pip3 install -U https://a.b/tensorflow/mac/tensorflow-1.4.0-py3-none-any.whl", "keras 2.2.4"),
        ("Last tested on tensorflow 1.13.1", "keras 2.2.4"),
        ("The code is based on Tensorflow 2.4. To install it, run", "keras 2.4.0"),
        ("A detector of cans for Keras and Tensorflow 2.4", "keras 2.4.0"),
        ("Nets using keras-gpu 2.2.4 with tensorflow-gpu 1.12.0 backend.", "keras 2.2.4"),
        ("Reproduction of a paper (2019) in Tensorflow 2.0.", None),
        ("This does not work with TensorFlow 2.4", None),
        ("A port of the nets in TensorFlow 1.4", None),
        ("Nets for TensorFlow 2.4 and newer", None),
        ("A tracker. It was slow in TensorFlow 2.4", None),
        ("This code is implemented in TensorFlow 2.0", None),
        ("This code is implemented in TensorFlow 2.0.", None),
        ("- TensorFlow2.0", None),
        ("- the mod-tf2.4 of last year", None),
        ("Their code was written in TensorFlow 2.4", None),
        ("This code is based on a paper and Keras 2.1.6", None),
        ("The code was written with TensorFlow 2.4 and is run with 2.9", None),
        ("The code was tested in the TensorFlow 2.4 course of last year", None),
        ("此论文基于keras2.1.2", None),
        ("Tested with TensorFlow 2.15+", None),
        ("Tested with TensorFlow 2.4. It may work with 2.9, too.", None),
        ("Not tested with TensorFlow 2.4", None),
        ("Tested with TensorFlow 2.4 by the authors of another paper", None),
    ],
)
def test_a_line_of_a_readme(line: str, shown: str | None) -> None:
    target = target_from_readme("README.md", f"Some words\n{line}\n")
    assert text_of(target) == shown
    assert target is None or target.source.endswith("README.md:2")


def test_what_a_title_says_counts_at_the_top_alone() -> None:
    assert text_of(target_from_readme("README.md", "# Nets for Keras 2.1.6\n")) == "keras 2.1.6"
    assert text_of(target_from_readme("README.md", "# Nets\n\nOf mine.\n\nOthers for Keras 2.1.6\n")) is None


def test_what_a_readme_asks_for_counts_before_what_it_was_made_for() -> None:
    badge = "![tf](https://img.shields.io/badge/TensorFlow-2.4-orange)\n"
    assert text_of(target_from_readme("README.md", badge + "- TensorFlow 2.6.0\n")) == "keras 2.6.0"
    assert text_of(target_from_readme("README.md", badge + "pip install tensorflow\n")) == "keras 2.4.0"
    for release in ("2.0+", "2.x", "%3E=2.0"):
        without_end = badge.replace("2.4", release) + "Tested with TensorFlow 2.4\n"
        assert target_from_readme("README.md", without_end) is None


@pytest.mark.parametrize(
    ("table", "shown"),
    [
        ("| Package | Version |\n|---|:---:|\n| TensorFlow | 2.4.0 |\n| **Keras** | 2.4.3 |", "keras 2.4.0, 2.4.3"),
        (
            "Library | Used for | Version used\n--- | --- | ---\nnumpy | | 1.19\n`tensorflow-gpu` | | 2.4/2.5",
            "keras 2.4.0, 2.5.0",
        ),
        ("| 依赖 | 版本 |\n| - | - |\n| keras | 2.3.1 |", "keras 2.3.1"),
        ("| Package | Version |\n|---|---|\n| TensorFlow | 2.4+ |", None),
        ("| Package | Minimum version |\n|---|---|\n| TensorFlow | 2.4 |", None),
        ("| Framework | Accuracy |\n|---|---|\n| Keras | 2.1 |", None),
        ("| Package | Version |\n|---|---|\n\n| TensorFlow | 2.4.0 |", None),
        ("| Keras | 2.1.6 |", None),
    ],
)
def test_a_table_of_a_readme(table: str, shown: str | None) -> None:
    assert text_of(target_from_readme("README.md", f"# A\n\n{table}\n")) == shown


@pytest.mark.parametrize(
    ("line", "shown", "tensorflow"),
    [
        ("!pip install -U 'keras>=3.4,<3.8' numpy", "keras 3.7.0", None),
        ("%pip install -qU 'keras>=3.4'", "keras 3.15.1", None),
        ("!pip install keras>=3.4 --upgrade", "keras 3.15.1", None),
        ("!pip install -U 'tensorflow>=2.10.0'", "keras 3.12.0-3.15.1", "tensorflow 2.21.0"),
        ("!pip install -U 'tf_keras>=2.16'", "tf_keras 2.21.0", "tensorflow 2.21.0"),
        # pip takes what goes together
        ("!pip install -U 'tensorflow>=2.10' 'keras<3'", "keras 2.15.0", "tensorflow 2.15.1"),
        ("!pip install -U 'keras>=2' tensorflow==2.15.0", "keras 2.15.0", "tensorflow 2.15.0"),
        ("!pip install --upgrade-strategy eager 'keras>=3.14'", "keras 3.14.0-3.15.1", None),
        ("!pip install -U keras", None, None),
    ],
)
def test_an_upgrade_installs_the_newest_release_it_allows(line: str, shown: str | None, tensorflow: str | None) -> None:
    """pip 23.2.1 in an environment with keras 3.5.0: `keras>=3.4,<3.8` leaves it, with -U it takes 3.7.0."""
    target = target_from_pip_lines({"cell": line})
    assert text_of(target) == shown
    beside = target.tensorflow if target is not None else None
    assert (releases_text(beside) if beside else None) == tensorflow


def test_only_the_lines_with_an_upgrade_are_narrowed() -> None:
    lines = {"1": "!pip install -U pip", "2": "!pip install 'keras>=3.14'"}
    assert text_of(target_from_pip_lines(lines)) == "keras 3.14.0-3.15.1"


@pytest.mark.parametrize(
    ("lines", "pins", "shown"),
    [
        ("!pip install tensorflow-addons", "tensorflow==2.8.0", "keras 2.8.0"),  # it brings no TensorFlow
        ("%pip install -qU tensorflow_addons==0.16.1 tqdm", "tensorflow==2.8.0", "keras 2.8.0"),
        ("!pip install tensorflow-addons", "tensorflow>=2.13,<2.17", "keras 2.13.1-2.15.0"),
        ("!pip install tensorflow-addons", "tensorflow==2.18.0", "keras 2.15.0"),  # its import raises there
        ("!pip install tensorflow-addons", "numpy", "keras 2.15.0"),
        ("!pip install tensorflow-addons tensorflow==2.9.1", "tensorflow==2.8.0", "keras 2.9.0"),
        ("!pip install keras==2.11.0", "tensorflow==2.8.0", "keras 2.11.0"),
    ],
)
def test_addons_alone_go_to_the_tensorflow_of_the_project(lines: str, pins: str, shown: str) -> None:
    target = target_from_pip_lines({"cell": lines}, lambda: target_from_project({"requirements.txt": pins}))
    assert text_of(target) == shown


# --- cost


def test_importing_the_module_loads_no_data_and_no_parser() -> None:
    code = (
        "import sys, kerascheck.semantic.target as target\n"
        "assert target.target_from_project({'requirements.txt': 'numpy==1.26'}) is None\n"
        "assert not {'tomllib', 'tomli', 'json', 'configparser', 'libcst', 'packaging'} & set(sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stderr == ""


def test_a_long_odd_line_takes_no_time() -> None:
    start = time.perf_counter()
    for line in (
        "keras==3.0" + "-a" * 5000 + "!",
        "keras" + "." * 20000 + "!",
        "keras==" + "1." * 5000,
        "keras" + " " * 20000 + "x",
    ):
        target_of(line)
    big = 'name = "x"\nversion = "1"\n' * 20000 + 'name = "keras"\nversion = "3.6.0"\n'
    assert text_of(target_from_project({"uv.lock": big})) == "keras 3.6.0"
    assert time.perf_counter() - start < 2


# --- the Python that a project asks for

SETUP = "from setuptools import setup\n\nsetup(name='x', python_requires={!r}, install_requires={})\n"


@pytest.mark.parametrize(
    ("name", "text", "target", "source"),
    [
        ("setup.py", SETUP.format("==3.8", []), "keras 2.13.1 (assumed)", "assumed: setup.py:3"),
        ("setup.py", SETUP.format(">=3.6, <3.9", ["tensorflow"]), "keras 2.13.1 (assumed)", "assumed: setup.py:3"),
        ("setup.py", SETUP.format(">=3.6,<3.9", ["tensorflow>=2.8"]), "keras 2.8.0-2.13.1", "setup.py:3"),
        ("setup.py", SETUP.format(">=3.6", ["keras>=2.15"]), "keras 2.15.0-3.15.1", "setup.py:3"),
        ("setup.py", SETUP.format("<3.11", ["keras>=3.10"]), "keras 3.10.0-3.12.4", "setup.py:3"),
        ("setup.py", SETUP.format("==3.8", ["keras==3.0.0"]), "keras 3.0.0", "setup.py:3"),  # it cannot be installed
        ("setup.py", SETUP.format(">=3.6", []), None, None),
        ("setup.py", SETUP.format("three", []), None, None),
        ("setup.py", "PYTHON = '<3.9'\n" + SETUP.replace("{!r}", "PYTHON").format([]), "keras 2.13.1 (assumed)", None),
        ("setup.py", "# " + SETUP.format("==3.8", []).splitlines()[-1], None, None),
        ("setup.cfg", "[options]\npython_requires = >=3.6,<3.8\n", "keras 2.11.0 (assumed)", "assumed: setup.cfg:2"),
        ("pyproject.toml", '[project]\nrequires-python = "~=3.9.0"\n', "keras 3.10.0 (assumed)", None),
        ("pyproject.toml", '[tool.poetry.dependencies]\npython = "~3.8"\n', "keras 2.13.1 (assumed)", None),
        ("pyproject.toml", '[tool.poetry.dependencies]\npython = "^3.8"\n', None, None),
        ("Pipfile", '[requires]\npython_version = "3.7"\n', "keras 2.11.0 (assumed)", None),
        ("environment.yml", "dependencies:\n  - python=3.7.9=h1_0\n", "keras 2.11.0 (assumed)", None),
        ("environment.yml", "dependencies:\n  - python=3.7\n  - tensorflow>=2.9\n", "keras 2.9.0-2.11.0", None),
        ("environment.yml", "dependencies:\n  - python-dateutil=3.7\n", None, None),
        (
            "setup.py",
            SETUP.format(">=2.7", []) + "# classifiers=['Programming Language :: Python :: 3.6']\n",
            None,
            None,
        ),
    ],
)
def test_what_cannot_be_installed_on_the_python_of_a_project_is_no_target(
    name: str, text: str, target: str | None, source: str | None
) -> None:
    found = target_from_project({name: text})
    assert text_of(found) == target
    assert source is None or (found is not None and found.source == source)


def test_the_pythons_of_several_files_are_put_together() -> None:
    files = {"environment.yml": "- python=3.7\n", "conda/env_new.yml": "- python=3.11\n"}
    assert target_from_project(files) is None
    assert text_of(target_from_project({"environment.yml": files["environment.yml"]})) == "keras 2.11.0 (assumed)"


def test_a_target_that_a_python_gives_is_lowered_further_by_the_code() -> None:
    target = target_from_project({"setup.py": SETUP.format("<3.10", [])})
    assert target is not None
    source = SourceText("from keras.engine import Layer\n")
    module = Module(source, "model.py", cst.parse_module(source.text), target)
    assert (target.text, module.target.text) == ("keras 3.10.0 (assumed)", "keras 2.15.0 (assumed)")
