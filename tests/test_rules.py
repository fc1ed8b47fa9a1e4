"""Every rule has its module, page and fixture, and what page and fixture say is what the rule does."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from kerascheck.engine import Checked, Fixed, Options, check, fix
from kerascheck.files import ProjectReader
from kerascheck.registry import all_rules
from kerascheck.rule import Rule
from kerascheck.semantic.project import Project
from kerascheck.semantic.target import default_target, header_target
from kerascheck.text import SourceText

ROOT = Path(__file__).resolve().parent.parent
RULES = {rule.code: rule for rule in all_rules()}

_FENCE = re.compile(r"^```python (bad|fixed|good)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MARKER = re.compile(r"[ \t]*# (error|warning|info): (KC\d{3})[ \t]*$", re.MULTILINE)
_GOOD_CASE = re.compile(r"^(?:class Good|(?:async )?def good_)\w*", re.MULTILINE)
_RULE_TEST = re.compile(r"(^|_)good_")


@dataclass(frozen=True)
class Case:
    """A block of a page or a fixture file. `text` is the program without its markers; `kind` is "" for a fixture."""

    name: str
    code: str
    kind: str
    path: str
    text: str
    markers: tuple[tuple[int, str, str], ...]


def case(name: str, code: str, kind: str, path: str, marked: str) -> Case:
    markers = tuple(
        (marked.count("\n", 0, found.start()) + 1, found[1], found[2]) for found in _MARKER.finditer(marked)
    )
    return Case(name, code, kind, path, _MARKER.sub("", marked), markers)


def stem(rule: type[Rule]) -> str:
    return rule.__module__.rpartition(".")[2]


def page_of(rule: type[Rule]) -> Path:
    return ROOT / "rules" / f"{stem(rule)}.md"


def fixture_files(rule: type[Rule]) -> list[Path]:
    single = ROOT / "fixtures" / f"{stem(rule)}.py"
    return [single] * single.is_file() + sorted((ROOT / "fixtures" / stem(rule)).rglob("*.py"))


def blocks(rule: type[Rule]) -> Iterator[Case]:
    if not page_of(rule).is_file():
        return
    for number, found in enumerate(_FENCE.finditer(page_of(rule).read_text(encoding="utf-8")), start=1):
        yield case(f"{rule.code}-{number}-{found[1]}", rule.code, found[1], "page.py", found[2])


def fixtures(rule: type[Rule]) -> Iterator[Case]:
    for path in fixture_files(rule):
        text = path.read_bytes().decode("utf-8")
        name = path.relative_to(ROOT / "fixtures").as_posix()
        yield case(f"{rule.code}-{name}", rule.code, "", str(path), text)


BLOCKS = [block for rule in RULES.values() for block in blocks(rule)]
FIXTURES = [fixture for rule in RULES.values() for fixture in fixtures(rule)]
PAIRS = [(before, after) for before, after in pairwise(BLOCKS) if before.kind == "bad" and after.kind == "fixed"]


def options(item: Case) -> Options:
    return Options(frozenset({item.code, "KC000", "KC002"}), header_target(item.text) or default_target())


def project(item: Case) -> Project:
    return Project(ProjectReader(), options(item).target)


def checked(item: Case) -> Checked:
    return check(SourceText(item.text), item.path, options(item), project(item))


def repaired(item: Case, text: str | None = None) -> Fixed:
    source = SourceText(item.text if text is None else text)
    return fix(source, item.path, options(item), unsafe=True, project=project(item))


def found_in(item: Case) -> list[tuple[int, str, str]]:
    return [(finding.start.line, finding.severity.label, finding.code) for finding in checked(item).findings]


def names(item: Case) -> str:
    return item.name


@pytest.mark.parametrize("code", RULES)
def test_a_rule_has_module_page_and_fixture_of_one_stem(code: str) -> None:
    rule = RULES[code]
    assert rule.name() == stem(rule).replace("_", "-")
    assert page_of(rule).read_text(encoding="utf-8").startswith(f"# {rule.name()} ({code})\n")
    assert fixture_files(rule)


@pytest.mark.parametrize("code", RULES)
def test_a_page_has_bad_fixed_and_good_blocks(code: str) -> None:
    kinds = [block.kind for block in blocks(RULES[code])]
    assert {"bad", "good"} <= set(kinds)


@pytest.mark.parametrize("code", RULES)
def test_messages_are_lower_case_without_a_full_stop(code: str) -> None:
    rule = RULES[code]
    for name, value in vars(rule).items():
        if isinstance(value, str) and not name.startswith("_") and name != "code":
            assert not value.endswith("."), value
            assert value[0] in "`\"'{ " or value[0].islower(), value


@pytest.mark.parametrize("item", [*BLOCKS, *FIXTURES], ids=names)
def test_the_findings_stand_on_the_marked_lines(item: Case) -> None:
    ast.parse(item.text)
    assert found_in(item) == sorted(item.markers)


@pytest.mark.parametrize("item", BLOCKS, ids=names)
def test_only_bad_blocks_are_marked(item: Case) -> None:
    assert bool(item.markers) == (item.kind == "bad")
    assert {code for _, _, code in item.markers} <= {item.code}


@pytest.mark.parametrize("code", RULES)
def test_a_fixture_has_more_good_than_bad_cases(code: str) -> None:
    rule, bad, good = RULES[code], 0, 0
    for item in fixtures(rule):
        path = Path(item.path)
        if path.stem == stem(rule):  # a case is a function or class
            bad, good = bad + len(item.markers), good + len(_GOOD_CASE.findall(item.text))
            continue
        serious = [severity for _, severity, _ in item.markers if severity != "info" or rule.severity.label == "info"]
        assert item.markers if path.name.startswith("bad_") else not serious  # a case is a file, a note is good
        bad, good = bad + path.name.startswith("bad_"), good + bool(_RULE_TEST.search(path.stem))
    assert 0 < bad < good


@pytest.mark.parametrize(("before", "after"), PAIRS, ids=[before.name for before, _ in PAIRS])
def test_the_fix_of_a_bad_block_gives_its_fixed_block(before: Case, after: Case) -> None:
    assert repaired(before).source.text == after.text


@pytest.mark.parametrize("item", [*BLOCKS, *FIXTURES], ids=names)
def test_a_fix_leaves_nothing_to_fix(item: Case) -> None:
    first = repaired(item)
    compile(first.source.text, item.path, "exec")
    assert [finding for finding in first.left.findings if finding.fix is not None] == []
    assert len(first.left.findings) == len(item.markers) - _fixed_count(item)
    assert repaired(item, first.source.text).source.text == first.source.text


def _fixed_count(item: Case) -> int:
    return sum(finding.fix is not None for finding in checked(item).findings)


@pytest.mark.parametrize("item", [*BLOCKS, *FIXTURES], ids=names)
def test_a_fix_changes_only_its_edits(item: Case) -> None:
    """With other newlines, tabs and letters outside of ASCII the fix is the same."""
    expected = repaired(item).source.text
    for change in (lambda text: text.replace("\n", "\r\n"), lambda text: text.replace("    ", "\t")):
        assert repaired(item, change(item.text)).source.text == change(expected)


@pytest.mark.parametrize("code", RULES)
def test_the_fixed_fixture(code: str, request: pytest.FixtureRequest) -> None:
    accept = request.config.getoption("--accept")
    expected = {}
    for item in fixtures(RULES[code]):
        path = Path(item.path)
        fixed = repaired(item).source.text
        single = path.parent == ROOT / "fixtures"
        if single:
            expected[path.with_suffix(".fixed.py")] = fixed
        elif fixed != item.text:
            folder = ROOT / "fixtures" / stem(RULES[code])
            expected[folder.with_suffix(".fixed") / path.relative_to(folder)] = fixed
    name = stem(RULES[code])
    present = {*(ROOT / "fixtures").glob(f"{name}.fixed.py"), *(ROOT / "fixtures" / f"{name}.fixed").rglob("*.py")}
    if accept:
        for path in present - expected.keys():
            path.unlink()
        for path, text in expected.items():
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(text.encode("utf-8"))
        return
    assert present == expected.keys()
    for path, text in expected.items():
        assert path.read_bytes().decode("utf-8") == text


@pytest.mark.parametrize(
    ("part", "given", "said"),
    [
        ("keras.layers.Dense(2)", "", "`net` has no variables yet, so `load_weights` raises"),
        ("keras.applications.VGG16(weights=None)", "", "`net` is not built yet, so `load_weights` raises"),
        ("part", "keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])", "`net` is not built yet, "),
    ],
)
def test_a_model_with_built_parts_is_not_said_to_have_no_variables(part: str, given: str, said: str) -> None:
    text = f"""import keras


class Net(keras.Model):
    def __init__(self, part=None):
        super().__init__()
        self.part = {part}
        self.head = keras.layers.Dense(1)

    def call(self, inputs):
        return self.head(self.part(inputs))


net = Net({given})
net.load_weights("net.weights.h5")
"""
    found = check(SourceText(text), "net.py", Options(frozenset({"KC101"}), default_target())).findings
    assert [finding.message.startswith(said) for finding in found] == [True]
