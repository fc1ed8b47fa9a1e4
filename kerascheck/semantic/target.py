"""Which Keras releases and which backend a project means.

A target is a set: a pin is one release, a range is every release it allows, several requirement files are the union.
Nothing here opens a project file: `target_from_project` is given names and texts. Versions are compared by their
numbers alone, so `3.0.0rc1`, `3.0.0.dev5` and `3.0.0.post1` count as 3.0.0.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from kerascheck.semantic import readmes
from kerascheck.semantic.pythons import written_pythons

BACKENDS = ("tensorflow", "jax", "torch", "numpy")

LegacyEvidence = Literal[
    "keras.engine",
    "a removed module",
    "a removed name",
    "the status of load_weights",
    "tensorflow_addons",
    "transformers",
    "optimizers.legacy",
    "tensorflow.python.keras",
    "tf.contrib",
    "lr=",
    "tf1-session",
    "tf_keras",
    "TF_USE_LEGACY_KERAS",
    "keras1",
    "Python 2",
]
"""What in a source can only run on Keras 1 or 2."""


class TargetError(ValueError):
    """A target that cannot be read; the text is one line and says what is accepted."""


class Reach(Enum):
    """How many releases of a target a specifier matches."""

    ALL = "all"
    SOME = "some"
    NONE = "none"


# --- releases and specifiers

_SUFFIX = r"(?:[-._]?(?:alpha|beta|preview|dev|post|pre|rc|tf|a|b|c)\d*)*(?:\+[\w.]+)?"
_VERSION = re.compile(rf"v?(\d+(?:\.\d+)*){_SUFFIX}", re.IGNORECASE)
_CLAUSE = re.compile(
    rf"(?P<operator>===|==|!=|<=|>=|~=|<|>|\^|~|=)?\s*(?:v?(?P<numbers>\d+(?:\.\d+)*){_SUFFIX}(?P<star>\.?\*)?|\*)",
    re.IGNORECASE,
)
_SEPARATOR = re.compile(r"[\s,]*")
_OR = re.compile(r"\s+or\s+|\|\|?", re.IGNORECASE)


@dataclass(frozen=True, order=True)
class Release:
    """One release of Keras (or of TensorFlow); compared by its numbers, shown as it was written."""

    numbers: tuple[int, ...]  # at least three: 3.6 is (3, 6, 0)
    text: str = field(compare=False)
    package: str = field(compare=False, default="keras")  # "keras", "tf_keras" or "tensorflow"

    @classmethod
    def parse(cls, text: str, package: str = "keras") -> Release:
        """Read "3.6.0", "3.6", "2.2.4-tf", "3.0.0rc1" or "v3.6.0"; raises ValueError on anything else."""
        match = _VERSION.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"not a version: `{text}`")
        return cls(_numbers(match[1]), text.strip().lstrip("vV"), package)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class _Clause:
    operator: str  # "<" "<=" ">" ">=" "==" "!=", or "=*" "!*" for the releases that start with these numbers
    numbers: tuple[int, ...]

    def matches(self, numbers: tuple[int, ...]) -> bool:
        if self.operator == ">=":
            return numbers >= self.numbers
        if self.operator == "<":
            return numbers < self.numbers
        if self.operator == "==":
            return numbers == self.numbers
        if self.operator == "<=":
            return numbers <= self.numbers
        if self.operator == ">":
            return numbers > self.numbers
        if self.operator == "!=":
            return numbers != self.numbers
        starts_so = numbers[: len(self.numbers)] == self.numbers
        return starts_so if self.operator == "=*" else not starts_so


@dataclass(frozen=True)
class _Specifier:
    alternatives: tuple[tuple[_Clause, ...], ...]  # any of them, each with all of its clauses

    def matches(self, release: Release) -> bool:
        return any(all(clause.matches(release.numbers) for clause in clauses) for clauses in self.alternatives)

    @property
    def says_nothing(self) -> bool:
        return any(not clauses for clauses in self.alternatives)

    def bounds(self, package: str) -> tuple[Release, ...]:
        """Releases the specifier itself names and allows: all there is to go by when it matches no known release."""
        named = {
            _padded(clause.numbers)
            for clauses in self.alternatives
            for clause in clauses
            if clause.operator in (">=", "==", "=*")
            and all(other.matches(_padded(clause.numbers)) for other in clauses)
        }
        return tuple(Release(numbers, ".".join(map(str, numbers)), package) for numbers in sorted(named))


def _numbers(text: str) -> tuple[int, ...]:
    return _padded(tuple(int(part) for part in text.split(".")))


def _padded(numbers: tuple[int, ...]) -> tuple[int, ...]:
    while len(numbers) > 3 and numbers[-1] == 0:
        numbers = numbers[:-1]
    return numbers + (0,) * (3 - len(numbers))


@cache
def _specifier(text: str, bare_is_exact: bool = False) -> _Specifier:
    """Read ">=3.0,<3.7", "<3 or >=3.13", "~=3.4", "3.13" (any 3.13.x), "^2.3", "=2.3"; raises ValueError."""
    return _Specifier(tuple(_clauses(part, bare_is_exact) for part in _OR.split(text)))


def _clauses(text: str, bare_is_exact: bool) -> tuple[_Clause, ...]:
    clauses: list[_Clause] = []
    position = 0
    text = text.strip(" \t,")
    while position < len(text):
        match = _CLAUSE.match(text, position)
        if match is None:
            raise ValueError(f"not a version specifier: `{text}`")
        separator = _SEPARATOR.match(text, match.end())
        assert separator is not None  # it matches the empty text
        position = separator.end()
        if position < len(text) and not separator.group() and text[position] not in "<>=!~^":
            raise ValueError(f"not a version specifier: `{text}`")
        if match["numbers"]:
            parts = tuple(int(part) for part in match["numbers"].split("."))
            clauses += _meaning(match["operator"] or "", parts, match["star"] is not None, bare_is_exact)
    return tuple(clauses)


def _meaning(operator: str, parts: tuple[int, ...], star: bool, bare_is_exact: bool) -> list[_Clause]:
    if operator == "~=":  # compatible release: ~=3.4 is >=3.4,<4 and ~=3.4.1 is >=3.4.1,<3.5
        return [_Clause(">=", _padded(parts)), _Clause("=*", parts[:-1] or parts)]
    if operator == "~":  # poetry: ~2.3 and ~2.3.1 stay in 2.3, ~2 stays in 2
        return [_Clause(">=", _padded(parts)), _Clause("=*", parts[:2])]
    if operator == "^":  # poetry: the first number that is not zero stays
        kept = next((index for index, part in enumerate(parts) if part), len(parts) - 1) + 1
        return [_Clause(">=", _padded(parts)), _Clause("=*", parts[:kept])]
    if operator == "!=":
        return [_Clause("!*", parts) if star else _Clause("!=", _padded(parts))]
    if operator in ("<", "<=", ">", ">="):
        return [_Clause(operator, _padded(parts))]
    # `==3.13` is 3.13.0 as in pip; `=3.13` (conda) and a bare `3.13` are any 3.13.x
    exact = operator in ("==", "===") or (operator == "" and bare_is_exact)
    return [_Clause("=*", parts) if star or not exact else _Clause("==", _padded(parts))]


# --- what is known about releases


@dataclass(frozen=True)
class _Known:
    releases: Mapping[str, tuple[Release, ...]]  # package -> final releases, oldest first
    tensorflow_gives: tuple[tuple[_Specifier, _Specifier], ...]  # TensorFlow releases -> the Keras they come with
    on_python: Mapping[str, Mapping[tuple[int, ...], _Specifier]]  # package -> Python -> what can be installed there
    needs_numpy: tuple[tuple[_Specifier, frozenset[Release]], ...]  # TensorFlow releases -> the NumPy they take


@cache
def _known() -> _Known:
    text = (Path(__file__).parent.parent / "data" / "releases.toml").read_text(encoding="utf-8")
    data = _toml(text)
    releases = {
        package: tuple(Release(_numbers(version), version, package) for line in lines for version in line.split())
        for package, lines in data["releases"].items()
    }
    gives = tuple((_specifier(key), _specifier(value)) for key, value in data["tensorflow_gives"].items())
    on_python = {
        package: {_numbers(python): _specifier(text) for python, text in table.items()}
        for package, table in data["python"].items()
    }
    needs_numpy = tuple(
        (_specifier(key), frozenset(release for release in releases["numpy"] if _specifier(value).matches(release)))
        for key, value in data["tensorflow_needs_numpy"].items()
    )
    return _Known(releases, gives, on_python, needs_numpy)


def _toml(text: str) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    data: dict[str, Any] = tomllib.loads(text)
    return data


def known_releases(package: str = "keras") -> tuple[Release, ...]:
    """The final releases of "keras", "tf_keras" or "tensorflow" that kerascheck knows, oldest first."""
    return _known().releases[package]


@cache
def _allowed(package: str, specifier: _Specifier) -> tuple[Release, ...]:
    """Every known release a specifier allows, else the releases it names; empty when it says nothing."""
    if specifier.says_nothing:
        return ()
    known = tuple(release for release in known_releases(package) if specifier.matches(release))
    return known or specifier.bounds(package)


def _given_by(tensorflow: Iterable[Release]) -> frozenset[Release]:
    """Every Keras that one of these TensorFlow releases may come with."""
    given: set[Release] = set()
    releases = tuple(tensorflow)
    for condition, keras in _known().tensorflow_gives:
        if any(condition.matches(release) for release in releases):
            given.update(_allowed("keras", keras))
    return frozenset(given)


def matches(release: Release, specifier: str) -> bool:
    """Whether ">=3.0,<3.7", "<3 or >=3.13" ... matches a release. Raises ValueError when it cannot be read."""
    return _specifier(specifier).matches(release)


# --- the target


@dataclass(frozen=True)
class Target:
    """The Keras releases a project may run on, with the backend and the TensorFlow when they are known."""

    releases: tuple[Release, ...]  # oldest first, never empty
    backend: str | None  # one of BACKENDS; None = not said
    source: str  # "setting target-keras", "requirements.txt:3", "assumed"
    assumed: bool
    tensorflow: tuple[Release, ...] | None = None  # oldest first; None = cannot be told
    serve: tuple[Release, ...] | None = None  # the releases that read what this one writes; None = the same

    def __post_init__(self) -> None:
        if not self.releases:
            raise ValueError("a target needs at least one release")

    def which(self, specifier: str) -> Reach:
        """How many of the releases match ">=3.0,<3.7", "<3 or >=3.13"; "<=3.6" means up to 3.6.0. Raises ValueError."""
        return _reach(self.releases, specifier)

    def bad(self, specifier: str) -> tuple[Release, ...]:
        """The releases that match, oldest first. Raises ValueError when the specifier cannot be read."""
        wanted = _specifier(specifier)
        return tuple(release for release in self.releases if wanted.matches(release))

    def which_tensorflow(self, specifier: str) -> Reach | None:
        """As `which`, for the TensorFlow releases; None when TensorFlow is not known. Raises ValueError."""
        return None if self.tensorflow is None else _reach(self.tensorflow, specifier)

    @property
    def keras2(self) -> bool:
        return all(release.numbers < (3,) for release in self.releases)

    @property
    def keras3(self) -> bool:
        return all(release.numbers >= (3,) for release in self.releases)

    @property
    def asked(self) -> bool:
        """Whether a setting or a comment names the releases, not a requirement."""
        return self.source in {"--target-keras", "tool.kerascheck.target-keras", "setting target-keras", "header"}

    @property
    def newest(self) -> Release:
        return self.releases[-1]

    @property
    def text(self) -> str:
        """For messages: "keras 3.6.0", "keras 3.0.5-3.6.0", "keras 3.15.1 (assumed)"."""
        return releases_text(self.releases) + (" (assumed)" if self.assumed else "")


def _reach(releases: tuple[Release, ...], specifier: str) -> Reach:
    wanted = _specifier(specifier)
    matching = sum(wanted.matches(release) for release in releases)
    if matching == 0:
        return Reach.NONE
    return Reach.ALL if matching == len(releases) else Reach.SOME


def releases_text(releases: Sequence[Release]) -> str:
    """Short words for releases, runs joined: "keras 2.15.0, 3.0.0-3.6.0"; the empty text for none."""
    packages = dict.fromkeys(release.package for release in releases)
    return ", ".join(f"{package} {_runs(releases, package)}" for package in packages)


def _runs(releases: Sequence[Release], package: str) -> str:
    wanted = {release for release in releases if release.package == package}
    runs: list[list[Release]] = []
    together = False
    for release in sorted(wanted | set(known_releases(package))):
        if release not in wanted:
            together = False
            continue
        if together:
            runs[-1].append(release)
        else:
            runs.append([release])
        together = True
    return ", ".join(run[0].text if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def _target(
    releases: Iterable[Release],
    source: str,
    *,
    backend: str | None = None,
    assumed: bool = False,
    tensorflow: Iterable[Release] = (),
) -> Target:
    """Sort, and add what follows: Keras 2.4 up to 2.x runs on TensorFlow only, from 2.6 on of the same minor."""
    ordered = tuple(sorted(set(releases)))
    beside = tuple(sorted(set(tensorflow)))
    if not beside and all((2, 6) <= release.numbers < (3,) for release in ordered):
        minors = {release.numbers[:2] for release in ordered}
        beside = tuple(release for release in known_releases("tensorflow") if release.numbers[:2] in minors)
    if backend is None and all((2, 4) <= release.numbers < (3,) for release in ordered):
        backend = "tensorflow"
    return Target(ordered, backend, source, assumed, beside or None)


def default_target(backend: str | None = None) -> Target:
    """The newest known Keras, assumed."""
    return _target(known_releases()[-1:], "assumed", backend=backend, assumed=True)


def assumed_target(evidence: Sequence[LegacyEvidence]) -> Target:
    """What to assume of a source without pins; code that can only run on Keras 1 or 2 lowers it to Keras 2.

    `tf_keras` and TF_USE_LEGACY_KERAS mean the newest tf_keras, `tf.contrib` the newest TensorFlow 1, the rest the last
    Keras 2. No evidence gives `default_target()`.
    """
    if not evidence:
        return default_target()
    for kind in ("tf_keras", "TF_USE_LEGACY_KERAS"):
        if kind in evidence:
            return _target(known_releases("tf_keras")[-1:], f"assumed: the code uses {kind}", assumed=True)
    if "Python 2" in evidence and (found := _newest_on({(2, 7)}, "the code is for Python 2")) is not None:
        return found
    if "tf.contrib" in evidence:
        tensorflow = [release for release in known_releases("tensorflow") if release.numbers < (2,)][-1:]
        given = _given_by(tensorflow)
        return _target(given, "assumed: the code uses tf.contrib", assumed=True, tensorflow=tensorflow)
    last = [release for release in known_releases() if release.numbers < (3,)][-1:]
    return _target(last, f"assumed: the code uses {evidence[0]}", assumed=True)


def lowered_target(target: Target, evidence: Sequence[LegacyEvidence]) -> Target:
    """A range that project files allow, without Keras 3 for a source that can only run on Keras 1 or 2."""
    releases = tuple(release for release in target.releases if release.numbers < (3,))
    if not evidence or not releases:
        return target
    beside = [release for release in target.tensorflow or () if _given_by([release]) & set(releases)]
    source = f"{target.source}; the code uses {evidence[0]}"
    return _target(releases, source, backend=target.backend, tensorflow=beside)


# --- requirements and how they combine

_PACKAGES: Mapping[str, str] = {
    "keras": "keras",
    "keras-gpu": "keras",
    "keras-base": "keras",
    "keras-nightly": "keras",
    "numpy": "numpy",
    "tf-keras": "tf_keras",
    "tf-keras-nightly": "tf_keras",
    "tf-nightly": "tensorflow",
    "tf-nightly-cpu": "tensorflow",
    "tf-nightly-gpu": "tensorflow",
    "intel-tensorflow": "tensorflow",
    "intel-tensorflow-avx512": "tensorflow",
    "tensorflow": "tensorflow",
    "tensorflow-addons": "addons",
    "tfa-nightly": "addons",
    "tensorflow-aarch64": "tensorflow",
    "tensorflow-base": "tensorflow",
    "tensorflow-cpu": "tensorflow",
    "tensorflow-cpu-aws": "tensorflow",
    "tensorflow-eigen": "tensorflow",
    "tensorflow-gpu": "tensorflow",
    "tensorflow-intel": "tensorflow",
    "tensorflow-macos": "tensorflow",
    "tensorflow-mkl": "tensorflow",
    "tensorflow-rocm": "tensorflow",
    "tf-nightly-2-0-preview": "tensorflow",
    "tf-nightly-gpu-2-0-preview": "tensorflow",
}
_PREVIEWS = frozenset({"tf-nightly-2-0-preview", "tf-nightly-gpu-2-0-preview"})  # of TensorFlow 2.0, by dates
# the newest `tensorflow-gpu` of PyPI's index; conda has packages of its own of that name. Run: pip takes it for a line
# without a release, and cannot install it
_LAST_GPU = (2, 12, 0)
_MENTIONED = re.compile(r"keras|tensorflow|tfa?[-_.]nightly", re.IGNORECASE)


@dataclass(frozen=True)
class _Requirement:
    package: str  # "keras", "tf_keras", "tensorflow", "addons" (of TensorFlow) or "numpy"
    releases: tuple[Release, ...]  # empty = the line says nothing about the version
    source: str
    upgraded: bool = False  # by `pip install --upgrade`: the newest of the releases is there afterwards


@dataclass(frozen=True)
class _Answer:
    """What one file (or one setting) says."""

    releases: frozenset[Release]
    tensorflow: frozenset[Release]
    names_keras: bool  # the releases come from a keras or tf_keras line, not from TensorFlow alone
    sources: tuple[str, ...]


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.strip().lower())


def _requirement_of(
    name: str, specifier: str, source: str, bare_is_exact: bool = False, conda: bool = False
) -> _Requirement | None:
    name = _normalized(name)
    package = _PACKAGES.get(name)
    if package is None:
        return None
    if name in _PREVIEWS:
        specifier = "==2.0.*"
    elif "nightly" in name or package == "addons":  # a date, not a version; versions of its own
        return _Requirement(package, (), source)
    # conda writes a build after the version: keras=2.3.1=py37_0
    specifier = re.sub(r"^(={1,2}\s*[\w.*]+)=[^=].*$", r"\1", specifier.strip())
    only_gpu = not conda and name == "tensorflow-gpu"
    if only_gpu and not specifier:
        specifier = "==" + ".".join(map(str, _LAST_GPU))
    try:
        releases = _allowed(package, _specifier(specifier, bare_is_exact))
        if only_gpu:
            releases = tuple(release for release in releases if release.numbers <= _LAST_GPU) or releases
        return _Requirement(package, releases, source)
    except ValueError:  # a URL, ${KERAS_VERSION}: nobody knows
        return _Requirement(package, (), source)


_WHEEL = re.compile(r"(?:^|[/@\s])([A-Za-z]\w*)-(\d+(?:\.\d+)+)[^-/\s]*(?:-[^-/\s]+){3,4}\.whl\b")
_NAME = re.compile(r"([A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)\s*(?:\[[^\]]*\])?\s*(.*)", re.DOTALL)


def _requirement(text: str, source: str, conda: bool = False) -> _Requirement | None:
    """One requirement as pip or conda writes it; None when it is about another package."""
    text = re.split(r"\s#|;|\s--?[a-z]", text.strip())[0].strip().strip("'\"").rpartition("::")[2]
    wheel = _WHEEL.search(text) if ".whl" in text else None
    named = None if wheel is None else _requirement_of(wheel[1], f"=={wheel[2]}", source)
    if named is not None:  # tensorflow_macos-0.1a3 is a fork with numbers of its own
        known = _known().releases.get(named.package, ())
        return replace(named, releases=tuple(release for release in named.releases if release in known))
    match = _NAME.fullmatch(text)
    if match is None:
        return None
    specifier = match[2].strip()
    if specifier.startswith("(") and specifier.endswith(")"):
        specifier = specifier[1:-1]
    return _requirement_of(match[1], specifier, source, conda=conda)


def _answer(requirements: Iterable[_Requirement]) -> _Answer | None:
    """Put the lines of one file together; None when no line says a version."""
    lines = list(requirements)
    keras = _releases_of(lines, "keras")
    tensorflow = _releases_of(lines, "tensorflow")
    names_keras = any(line.package == "keras" for line in lines)
    names_legacy = any(line.package == "tf_keras" for line in lines)
    addons = [line for line in lines if line.package == "addons"]
    beside_numpy = _beside_numpy(tensorflow, lines)
    narrower = beside_numpy < tensorflow and bool(_given_by(beside_numpy) & keras if keras else beside_numpy)
    tensorflow = beside_numpy if narrower else tensorflow
    given = _given_by(tensorflow)
    releases: frozenset[Release]
    if names_legacy:
        legacy = _releases_of(lines, "tf_keras") or _legacy_beside(tensorflow)
        if names_keras and not keras and not given:
            return None  # both are installed and nothing says which keras; the code may tell
        releases = legacy | (keras or given) if names_keras else legacy
    elif keras:
        releases = keras & given if given else keras
        if not releases:
            # TensorFlow below 2.6 carries its own copy, so `import keras` and `tf.keras` differ: either may be meant.
            # Later there is one Keras, and a pin outside TensorFlow's range was put there on purpose.
            releases = keras | given if all(release.numbers < (2, 6) for release in tensorflow) else keras
    elif given:
        releases = given
    elif addons:  # whatever their release: the last Keras 2, as for a source that imports them
        releases = frozenset([release for release in known_releases() if release.numbers < (3,)][-1:])
    else:
        return None
    if addons:
        # run on 3.0.5 and 3.15.1 with TensorFlow 2.16.2: `import tensorflow_addons` raises on Keras 3
        releases = frozenset(release for release in releases if release.numbers < (3,)) or releases
        tensorflow = frozenset(release for release in tensorflow if _given_by([release]) & releases) or tensorflow
    beside = tensorflow
    if not names_legacy:
        beside = frozenset(release for release in tensorflow if _given_by([release]) & releases) or tensorflow
    lines = [line for line in lines if line.package != "numpy" or narrower]
    said = [line for line in lines if line.releases or line.package == "tf_keras"] or addons
    sources = tuple(dict.fromkeys(line.source for line in said))
    return _Answer(releases, beside, bool(keras) or names_legacy, sources)


def _releases_of(lines: Iterable[_Requirement], package: str) -> frozenset[Release]:
    return frozenset(release for line in lines if line.package == package for release in line.releases)


def _beside_numpy(tensorflow: Iterable[Release], lines: Sequence[_Requirement]) -> frozenset[Release]:
    """The TensorFlow releases that take one of the NumPy releases which these lines ask for."""
    asked = frozenset() if _any_numpy(lines) else _releases_of(lines, "numpy")
    needs = [condition for condition, numpy in _known().needs_numpy if asked and not asked & numpy]
    return frozenset(release for release in tensorflow if not any(condition.matches(release) for condition in needs))


def _any_numpy(lines: Iterable[_Requirement]) -> bool:
    return any(line.package == "numpy" and not line.releases for line in lines)


def _legacy_beside(tensorflow: frozenset[Release]) -> frozenset[Release]:
    """tf_keras without a version: the one of TensorFlow's minor, else any."""
    minors = {release.numbers[:2] for release in tensorflow}
    known = frozenset(known_releases("tf_keras"))
    return frozenset(release for release in known if release.numbers[:2] in minors) or known


def _combined(answers: Sequence[_Answer]) -> Target | None:
    """Several files: every release that one of them allows."""
    if not answers:
        return None
    named = frozenset(release for answer in answers if answer.names_keras for release in answer.releases)
    releases: set[Release] = set()
    for answer in answers:
        # a file with TensorFlow alone allows far too much: what another file says about Keras narrows it
        releases |= answer.releases if answer.names_keras else (answer.releases & named or answer.releases)
    sources = dict.fromkeys(source for answer in answers for source in answer.sources)
    tensorflow = frozenset(release for answer in answers for release in answer.tensorflow)
    return _target(releases, ", ".join(sources), tensorflow=tensorflow)


def _narrowed(answers: Mapping[PurePosixPath, _Answer]) -> list[_Answer]:
    """What a package needs and the requirements.txt beside it, as one: both hold, unless they contradict each other."""
    found = dict(answers)
    for path, listed in answers.items():
        if path.name.lower() != "requirements.txt":
            continue
        for own in [other for other in found if other.parent == path.parent and other.name.lower() in _DECLARES]:
            both = found[own].releases & listed.releases
            if both:
                tensorflow = found[own].tensorflow & listed.tensorflow or found[own].tensorflow | listed.tensorflow
                names_keras = found[own].names_keras or listed.names_keras
                found[own] = _Answer(both, tensorflow, names_keras, (*found[own].sources, *listed.sources))
                found.pop(path, None)
    return list(found.values())


_DECLARES = frozenset({"setup.py", "setup.cfg", "pyproject.toml"})


# --- project files


def target_from_project(files: Mapping[str, str]) -> Target | None:
    """The target that requirement and lock files pin; `files` maps a file's name (with folders) to its text.

    Names that are not project files and files that cannot be parsed are passed over. Exact versions of lock files
    (also of requirement files that pip-compile or `uv export` wrote) win over ranges; what other requirement files pin
    as exactly counts beside them, for those who install with pip. Where `[project]` in
    pyproject.toml lists the dependencies, setup.py and setup.cfg beside it are left over: no build looks at theirs.
    A file that asks for `tensorflow-addons` means Keras 2, as far as it allows one; `tensorflow-gpu` ends with 2.12.
    What cannot be installed on any Python that the files ask for is left out, and so is a TensorFlow that does not take
    the NumPy beside it; where they say nothing else, and the newest Keras cannot, the newest that can is assumed. None
    when nothing is said.
    """
    answers: dict[PurePosixPath, _Answer] = {}
    locked: list[_Answer] = []
    pinned: list[_Answer] = []
    without_release: list[list[_Requirement]] = []  # of each file that names a TensorFlow of any release
    declared = {
        path.parent
        for name, text in files.items()
        if (path := _path_of(name)).name.lower() == "pyproject.toml"
        and "dependencies" in _table(_parsed_toml(text), "project")
    }
    for name, text in files.items():
        path = _path_of(name)
        if path.parent in declared and path.name.lower() in {"setup.py", "setup.cfg"}:
            continue
        if _MENTIONED.search(text) is None:
            continue
        reader = _reader(name)
        if reader is None:
            continue
        lines = list(reader(name, text))
        answer = _answer(lines)
        if answer is not None and _is_lock(name, text):
            locked.append(answer)
        elif answer is not None:
            answers[path] = answer
            exact = all(len(line.releases) < 2 for line in lines if line.package != "numpy")
            if exact and path.suffix in {".txt", ".in"}:
                pinned.append(answer)
        elif any(line.package == "tensorflow" for line in lines):
            without_release.append(lines)
    pythons = list(written_pythons(files))
    target = _on_python(_combined(locked + pinned if locked else _narrowed(answers)), pythons)
    if without_release and (target is None or target.assumed):
        return _newest_beside_numpy(without_release, _asked_for(pythons)) or target
    return target


def _newest_beside_numpy(files: Sequence[Sequence[_Requirement]], pythons: set[tuple[int, ...]]) -> Target | None:
    """The newest TensorFlow that takes the NumPy of one of these files, where it and no newer one has a Keras 2."""
    known = known_releases("tensorflow")
    fitting = frozenset(release for lines in files for release in _beside_numpy(known, lines))
    sources = dict.fromkeys(line.source for lines in files for line in lines if line.package == "numpy")
    found = (
        _newest_on(pythons or set(_PYTHONS), ", ".join(sources), sorted(fitting)) if len(fitting) < len(known) else None
    )
    return found if found is not None and found.keras2 else None


_PYTHONS = ((2, 7), *((3, minor) for minor in range(5, 14)))


def _on_python(target: Target | None, written: Sequence[tuple[str, str]]) -> Target | None:
    """A target without what cannot be installed on any Python that the files ask for."""
    pythons = _asked_for(written)
    if not pythons:
        return target
    if target is None:
        return _newest_on(pythons, ", ".join(dict.fromkeys(place for _, place in written)))
    beside = tuple(release for release in target.tensorflow or () if _goes_on(release, pythons))
    gone = _given_by(set(target.tensorflow or ()) - set(beside)) - _given_by(beside) if beside else frozenset()
    releases = tuple(release for release in target.releases if _goes_on(release, pythons) and release not in gone)
    if not releases or (releases == target.releases and beside == (target.tensorflow or ())):
        return target
    return _target(releases, target.source, backend=target.backend, tensorflow=beside)


def _asked_for(written: Sequence[tuple[str, str]]) -> set[tuple[int, ...]]:
    """The Pythons of which some patch release is asked for, `==3.8` is 3.8.0; empty when it cannot be told."""
    try:
        wanted = [_specifier(text) for text, _ in written]
    except ValueError:
        return set()
    return {
        python
        for python in _PYTHONS
        if any(text.matches(_python(python, patch)) for text in wanted for patch in range(40))
    }


def _python(numbers: tuple[int, ...], patch: int) -> Release:
    return Release((*numbers, patch), "", "python")


def _goes_on(release: Release, pythons: Iterable[tuple[int, ...]]) -> bool:
    """Whether pip takes a release on one of these Pythons."""
    table = _known().on_python.get(release.package, {})
    found = (table.get(_padded(python)) for python in pythons)
    return any(allowed is None or allowed.matches(release) for allowed in found)


def _newest_on(pythons: set[tuple[int, ...]], source: str, among: Sequence[Release] | None = None) -> Target | None:
    """The newest Keras, and the TensorFlow beside it (`among` these), where some Python is asked for.

    None when any TensorFlow will do, and one of the Pythons can have the newest Keras.
    """
    if among is None and _goes_on(known_releases()[-1], pythons):
        return None
    any_release = known_releases("tensorflow") if among is None else among
    tensorflow = [release for release in any_release if _goes_on(release, pythons)][-1:]
    keras = [release for release in known_releases() if release in _given_by(tensorflow)]
    fitting = [release for release in keras if _goes_on(release, pythons)][-1:]
    return _target(fitting, f"assumed: {source}", assumed=True, tensorflow=tensorflow) if fitting else None


def is_project_file(name: str) -> bool:
    """Whether a file of this name (with folders, "requirements/base.txt") is one that `target_from_project` reads.

    It reads YAML of any name; what has another one than `environment.yml` has to be looked into (`files.environments`).
    """
    reader = _reader(name)
    if reader is _read_environment:
        return _path_of(name).name.lower().startswith(("env", "conda"))
    return reader is not None


def target_from_pip_lines(lines: Mapping[str, str], around: Callable[[], Target | None] | None = None) -> Target | None:
    """The target of a notebook's install commands; maps "train.ipynb cell 1:2" to "!pip install keras==3.6".

    `around` gives that of the project. `tensorflow-addons` alone brings no TensorFlow (0.23.0 has it as an extra only):
    it goes to the one that is there, and says that this is one with Keras 2.
    """
    found = [requirement for source, line in lines.items() for requirement in _installed(line, source)]
    answer = _answer(_newest_of_upgrades(found))
    if answer is None:
        return None
    own = _combined([answer])
    if own is None or around is None or any(line.package not in {"addons", "numpy"} for line in found):
        return own
    project = around()
    releases = [] if project is None or project.assumed else [item for item in project.releases if item.numbers < (3,)]
    if project is None or not releases:
        return own
    given = [item for item in project.tensorflow or () if _given_by([item]) & frozenset(releases)]
    source = f"{project.source}, {own.source}"
    return _target(releases, source, backend=project.backend, tensorflow=given or project.tensorflow or ())


def target_from_readme(name: str, text: str) -> Target | None:
    """The target that the README of this name asks for; None when it names no version. See `readmes`.

    Where it asks for none, what it says it was made for counts, unless that does not end: `2.x`, `2.0+`.
    Where it names a Python 2 only, the newest Keras that can be installed on that is assumed, as for project files. A
    Python 3 in such a list is what was there then, not what somebody needs who installs it today.
    """
    lines = list(readmes.requirements(text))
    pythons = [
        (line[len("python") :], f"{name}:{number}") for number, line in lines if line.lower().startswith("python==2")
    ]
    answer = _answer(_of_readme(name, lines))
    if answer is None:
        said = list(_of_readme(name, readmes.environment(text)))
        without_end = {item.package for item in said if set(item.releases) & _newest_of(item.package)}
        answer = _answer(item for item in said if item.package not in without_end)
    return _on_python(None if answer is None else _combined([answer]), pythons)


def _of_readme(name: str, lines: Iterable[tuple[int, str]]) -> Iterator[_Requirement]:
    for number, line in lines:
        source = f"{name}:{number}"
        installed = list(_installed(line, source))
        yield from installed
        words = line.split()[2:] if line.startswith("conda ") else () if installed or " install " in line else (line,)
        yield from filter(None, (_requirement(word, source, conda=line.startswith("conda ")) for word in words))


def _newest_of(package: str) -> frozenset[Release]:
    return frozenset(_known().releases.get(package, ())[-1:])


def _installed(line: str, source: str) -> Iterator[_Requirement]:
    """What a command `pip install ...` names."""
    match = _INSTALL.match(line)
    if match is None or _MENTIONED.search(line) is None:
        return
    words = [word for quoted in _WORD.finditer(match[1]) if (word := "".join(filter(None, quoted.groups())))]
    upgrades = any(_UPGRADE.fullmatch(word) for word in words)
    for requirement in filter(None, (_requirement(word, source) for word in words if not word.startswith("-"))):
        yield replace(requirement, upgraded=upgrades)


def _newest_of_upgrades(lines: Sequence[_Requirement]) -> list[_Requirement]:
    """Keep the newest release of each upgraded line, among those that go with the other package's lines."""
    keras = _releases_of(lines, "keras")
    beside = [
        _newest(line, [release for release in line.releases if _given_by([release]) & keras])
        if line.package == "tensorflow"
        else line
        for line in lines
    ]
    given = _given_by(_releases_of(beside, "tensorflow"))
    return [
        line
        if line.package == "tensorflow"
        else _newest(line, [release for release in line.releases if release in given])
        for line in beside
    ]


def _newest(line: _Requirement, fitting: Sequence[Release]) -> _Requirement:
    return replace(line, releases=tuple(fitting or line.releases)[-1:]) if line.upgraded else line


_UPGRADE = re.compile(r"--upgrade|-[a-zA-Z]*U[a-zA-Z]*")
_INSTALL = re.compile(r"\s*[!%]?\s*(?:sudo\s+)?(?:\S+\s+-m\s+)?(?:uv\s+)?pip[\d.]*\s+install\s+([^&|\n]*)")
_WORD = re.compile(r"\"([^\"]*)\"|'([^']*)'|([^\s\"']+)")


_Reader = Callable[[str, str], Iterator[_Requirement]]


def _path_of(name: str) -> PurePosixPath:
    return PurePosixPath(name.replace("\\", "/"))


_NAMED = re.compile(r"requi?re?i?ments?")


def _reader(name: str) -> _Reader | None:
    path = _path_of(name)
    base = path.name.lower()
    by_name = _READERS.get(base)
    if by_name is not None:
        return by_name
    # `requirments.txt` is written, too: 5 of about 900 public projects
    if path.suffix in (".txt", ".in") and (_NAMED.search(base) or path.parent.name.lower() == "requirements"):
        return _read_requirements
    return _read_environment if path.suffix in (".yml", ".yaml") else None


def _is_lock(name: str, text: str) -> bool:
    return name.endswith(".lock") or "--hash=" in text or "autogenerated by" in text[:500]


def _read_requirements(name: str, text: str) -> Iterator[_Requirement]:
    number = 1
    for line in re.split(r"(?<!\\)\n", text.lstrip("\ufeff").replace("\r\n", "\n")):
        joined = line.replace("\\\n", " ")
        yield from _installed(joined, f"{name}:{number}")  # some write the commands into the file
        if not joined.lstrip().startswith(("-", "#")) and (found := _requirement(joined, f"{name}:{number}")):
            yield found
        number += 1 + line.count("\n")


def _read_environment(name: str, text: str) -> Iterator[_Requirement]:
    """conda's environment.yml, without a YAML parser: every list item, with those of the pip sub-list."""
    for number, line in enumerate(text.splitlines(), 1):
        item = re.match(r"\s*-\s+(\S.*)", line)
        if item is not None and (found := _requirement(item[1], f"{name}:{number}", conda=True)):
            yield found


def _read_setup_cfg(name: str, text: str) -> Iterator[_Requirement]:
    import configparser

    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(text)
    except configparser.Error:
        return
    values: list[str] = []
    if parser.has_section("options"):
        values.append(parser["options"].get("install_requires", ""))
    if parser.has_section("options.extras_require"):
        values += parser["options.extras_require"].values()
    for value in values:
        for line in re.split(r"[\n;](?!\s*(?:python_|sys_|platform_|os_name|extra))", value):
            if found := _requirement(line, _place(name, text, line.strip())):
                yield found


def _read_setup_py(name: str, text: str) -> Iterator[_Requirement]:
    """The `install_requires` and `extras_require` of setup(...), where they are written out; nothing is run."""
    import ast
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the text: an invalid escape, `is` with a literal
            tree = ast.parse(text.lstrip("\ufeff"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    bound: dict[str, list[ast.expr]] = {}
    keywords: list[ast.keyword] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == "setup":
            keywords += (item for item in node.keywords if item.arg in ("install_requires", "extras_require"))
        elif isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name):
                    bound.setdefault(target.id, []).append(node.value)

    def written_out(value: ast.expr | None, is_name: bool = False) -> Iterator[tuple[str, int]]:
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            yield from ((line, value.lineno) for line in value.value.splitlines())
        elif isinstance(value, (ast.List, ast.Tuple)):
            for item in value.elts:
                yield from written_out(item, is_name)
        elif isinstance(value, ast.Dict):
            for item in value.values:
                yield from written_out(item, is_name)
        elif isinstance(value, ast.BinOp) and isinstance(value.left, (ast.List, ast.Name)):
            yield from written_out(value.left, is_name)
            yield from written_out(value.right, is_name)
        elif isinstance(value, ast.Name) and not is_name:  # of a name's value, no further name: it cannot go round
            values = bound.get(value.id, [])
            if all(isinstance(item, (ast.List, ast.Tuple, ast.Dict, ast.Constant, ast.BinOp)) for item in values):
                for item in values:
                    yield from written_out(item, is_name=True)

    for keyword in keywords:
        for line, number in written_out(keyword.value):
            if found := _requirement(line, f"{name}:{number}"):
                yield found


def _read_pyproject(name: str, text: str) -> Iterator[_Requirement]:
    data = _parsed_toml(text)
    project = _table(data, "project")
    tool = _table(data, "tool")
    lists = [project.get("dependencies"), _table(tool, "uv").get("dev-dependencies")]
    lists += _table(project, "optional-dependencies").values()
    lists += _table(data, "dependency-groups").values()
    lists += _table(_table(tool, "pdm"), "dev-dependencies").values()
    for dependencies in lists:
        for line in dependencies if isinstance(dependencies, list) else ():
            if isinstance(line, str) and (found := _requirement(line, _place(name, text, line))):
                yield found
    poetry = _table(tool, "poetry")
    groups = _table(poetry, "group")
    tables = [_table(poetry, "dependencies"), _table(poetry, "dev-dependencies")]
    tables += [_table(_table(groups, group), "dependencies") for group in groups]
    for table in tables:
        yield from _read_table(name, text, table)


def _read_pipfile(name: str, text: str) -> Iterator[_Requirement]:
    data = _parsed_toml(text)
    for section in ("packages", "dev-packages"):
        yield from _read_table(name, text, _table(data, section))


def _read_table(name: str, text: str, table: Mapping[str, Any]) -> Iterator[_Requirement]:
    """`keras = "^2.3"`, `keras = {version = "^2.3"}` or a list of such tables."""
    for package, value in table.items():
        for entry in value if isinstance(value, list) else [value]:
            specifier = entry.get("version", "") if isinstance(entry, dict) else entry
            if not isinstance(specifier, str):
                continue
            place = re.search(rf"^\s*[\"']?{re.escape(package)}[\"']?\s*=", text, re.MULTILINE)
            source = name if place is None else f"{name}:{_line(text, place.end())}"
            if found := _requirement_of(package, specifier, source, bare_is_exact=True):
                yield found


# before poetry 1.1 the keys stand by their names, `version` four lines below `name`
_LOCKED = re.compile(r"^name = \"([^\"]+)\"\s*\n(?:(?!name |\[)[^\n]*\n){0,6}?version = \"([^\"]+)\"", re.MULTILINE)


def _read_toml_lock(name: str, text: str) -> Iterator[_Requirement]:
    """poetry.lock, uv.lock and pdm.lock are written by machines in one shape; a TOML parse of a big one takes 0.1 s."""
    for match in _LOCKED.finditer(text.replace("\r\n", "\n")):
        if found := _requirement_of(match[1], f"=={match[2]}", name):
            yield found


def _read_json_lock(name: str, text: str) -> Iterator[_Requirement]:
    import json

    try:
        data = json.loads(text)
    except ValueError:
        return
    for section in ("default", "develop"):
        for package, entry in _table(data, section).items():
            specifier = _table({"entry": entry}, "entry").get("version", "")
            if isinstance(specifier, str) and (found := _requirement_of(package, specifier, name)):
                yield found


_READERS: Mapping[str, _Reader] = {
    "pyproject.toml": _read_pyproject,
    "setup.cfg": _read_setup_cfg,
    "setup.py": _read_setup_py,
    "pipfile": _read_pipfile,
    "pipfile.lock": _read_json_lock,
    "poetry.lock": _read_toml_lock,
    "uv.lock": _read_toml_lock,
    "pdm.lock": _read_toml_lock,
}


def _parsed_toml(text: str) -> dict[str, Any]:
    try:
        return _toml(text.lstrip("\ufeff"))
    except ValueError:  # TOMLDecodeError; settings speaks of a broken pyproject.toml
        return {}


def _table(data: object, key: str) -> dict[str, Any]:
    value = data.get(key) if isinstance(data, dict) else None
    return value if isinstance(value, dict) else {}


def _place(name: str, text: str, part: str) -> str:
    position = text.find(part)
    return name if position < 0 else f"{name}:{_line(text, position)}"


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


# --- settings and headers

_ACCEPTED = (
    "say a Keras release or range, such as `3.6.0`, `3.13`, `>=3.4,<3.8`, `keras 2`, `tf 2.15` or `tf_keras`, "
    "and a backend (tensorflow, jax, torch, numpy) after a comma"
)
_PART = re.compile(r"(?P<name>tf[-_]keras|keras|tensorflow|tf|jax|torch|numpy)?\s*(?P<specifier>.*)", re.IGNORECASE)
_HEADER = re.compile(r"#\s*target:\s*(.*)")


def parse_target(text: str, source: str = "setting target-keras") -> Target:
    """Read "3.6.0", "keras 3.6.0, tensorflow", "3.13" (any 3.13.x), ">=3.4,<3.8", "tf 2.15", "tf_keras" or "keras 2".

    A backend alone leaves the newest Keras, assumed. Raises TargetError with one line that says what is accepted.
    """
    specifiers: dict[str, list[str]] = {}
    backend: str | None = None
    package = "keras"
    for part in text.split(","):
        match = _PART.fullmatch(part.strip())
        if match is None or not part.strip():
            raise TargetError(f"cannot read target `{text}`: {_ACCEPTED}")
        name = (match["name"] or "").lower().replace("-", "_")
        name = "tensorflow" if name == "tf" else name
        specifier = match["specifier"]
        if name in BACKENDS and not specifier:
            if backend not in (None, name):
                raise TargetError(f"target `{text}` names two backends")
            backend = name
            continue
        if name in ("jax", "torch", "numpy"):
            raise TargetError(f"cannot read target `{text}`: {_ACCEPTED}")
        package = name or package
        specifiers.setdefault(package, []).append(specifier)
    requirements = [
        _Requirement(package, _chosen(package, ",".join(parts).strip(), text), source)
        for package, parts in specifiers.items()
    ]
    answer = _answer(requirements)
    if answer is None:  # a backend, or `keras` without a version
        return replace(default_target(backend), source=source)
    if "tensorflow" in specifiers:
        backend = backend or "tensorflow"
    if backend not in (None, "tensorflow") and all(release.numbers < (3,) for release in answer.releases):
        raise TargetError(f"target `{text}`: Keras 2 has no {backend} backend")
    return _target(answer.releases, source, backend=backend, tensorflow=answer.tensorflow)


def _chosen(package: str, specifier: str, text: str) -> tuple[Release, ...]:
    """The releases a setting means: known ones, or a later one than those kerascheck knows."""
    known = known_releases(package)
    try:
        wanted = _specifier(specifier)
    except ValueError:
        raise TargetError(f"cannot read target `{text}`: {_ACCEPTED}") from None
    releases = _allowed(package, wanted)
    minors = {release.numbers[:2] for release in known}
    plausible = tuple(
        release
        for release in releases
        if release.numbers[:2] in minors or (release > known[-1] and release.numbers[0] == known[-1].numbers[0])
    )
    if releases != plausible or (not releases and not wanted.says_nothing):
        raise TargetError(f"target `{text}`: no {package} release matches; known are {known[0]} to {known[-1]}")
    return releases


def header_target(text: str) -> Target | None:
    """The target of a comment such as `# target: keras 3.6.0, tensorflow` above the first line of code, else None.

    Raises TargetError when there is such a comment and it cannot be read.
    """
    for line in text.lstrip("\ufeff").splitlines():
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            return None
        match = _HEADER.fullmatch(stripped)
        if match is not None:
            own, _, serve = match[1].partition(", serve ")
            target = parse_target(own, "header")
            return replace(target, serve=parse_target(serve, "header").releases) if serve else target
    return None
