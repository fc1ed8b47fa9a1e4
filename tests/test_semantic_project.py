"""Other files of the project: what an import means, and which files were looked for."""

from __future__ import annotations

import posixpath

import libcst
import pytest

from kerascheck.semantic import project as project_module
from kerascheck.semantic.module import Module
from kerascheck.semantic.project import Project, Texts
from kerascheck.semantic.target import default_target, parse_target, target_from_project
from kerascheck.semantic.values import Class, Const, Func, string
from kerascheck.text import SourceText

NET = "import keras\nclass Net(keras.Model):\n    pass\ndef make():\n    return Net()\nPATH = 'a.h5'\n"


class Files:
    """A project in memory; `/p` is its top."""

    def __init__(self, files: dict[str, str]) -> None:
        self.files = {posixpath.join("/p", name): text for name, text in files.items()}
        self.reads: list[str] = []

    def absolute(self, path: str) -> str:
        return posixpath.join("/p", path)

    def shown(self, path: str) -> str:
        return path.removeprefix("/p/")

    def read(self, path: str) -> SourceText | None:
        self.reads.append(path)
        text = self.files.get(path)
        return None if text is None else SourceText(text)

    def is_root(self, folder: str) -> bool:
        return folder == "/p"

    def sources(self, folder: str) -> list[str]:
        return sorted(path for path in self.files if path.startswith(folder + "/"))


def start(files: dict[str, str], name: str = "main.py") -> Module:
    module = Project(Files(files), default_target()).start(SourceText(files[name]), name)
    assert module.facts is not None
    return module


def named(module: Module, name: str) -> object:
    found = module.bound(name)
    if isinstance(found, Class):
        return found.info.name
    if isinstance(found, Func):
        return "function"
    return string(found) if isinstance(found, Const) else found


FOUND = [
    ({"main.py": "from models import Net as x", "models.py": NET}, "main.py"),
    ({"main.py": "import models\nx = models.Net", "models.py": NET}, "main.py"),
    ({"main.py": "import models as m\nx = m.Net", "models.py": NET}, "main.py"),
    ({"main.py": "from models import *\nx = Net", "models.py": NET}, "main.py"),
    ({"main.py": "from pkg.models import Net as x", "pkg/__init__.py": "", "pkg/models.py": NET}, "main.py"),
    ({"main.py": "from pkg.models import Net as x", "pkg/models.py": NET}, "main.py"),
    ({"main.py": "import pkg.models\nx = pkg.models.Net", "pkg/__init__.py": "", "pkg/models.py": NET}, "main.py"),
    ({"main.py": "from pkg import models\nx = models.Net", "pkg/__init__.py": "", "pkg/models.py": NET}, "main.py"),
    ({"main.py": "from pkg import Net as x", "pkg/__init__.py": "from .models import Net", "pkg/models.py": NET},
     "main.py"),
    ({"main.py": "from pkg import Net as x", "pkg/__init__.py": "from .models import *", "pkg/models.py": NET},
     "main.py"),
    ({"main.py": "from a import *\nx = Net", "a.py": "from b import *", "b.py": "from c import *", "c.py": NET},
     "main.py"),
    ({"main.py": "from pkg import *\nx = models.Net", "pkg/__init__.py": "__all__ = ['models']", "pkg/models.py": NET},
     "main.py"),
    ({"pkg/main.py": "from .models import Net as x", "pkg/__init__.py": "", "pkg/models.py": NET}, "pkg/main.py"),
    ({"pkg/main.py": "from . import models\nx = models.Net", "pkg/__init__.py": "", "pkg/models.py": NET},
     "pkg/main.py"),
    ({"pkg/sub/main.py": "from ..models import Net as x", "pkg/models.py": NET}, "pkg/sub/main.py"),
    ({"pkg/sub/main.py": "from .. import models\nx = models.Net", "pkg/__init__.py": "", "pkg/models.py": NET},
     "pkg/sub/main.py"),
    ({"src/pkg/models.py": NET, "train.py": "from pkg.models import Net as x"}, "train.py"),
    ({"src/pkg/models.py": NET, "src/pkg/train.py": "from pkg.models import Net as x"}, "src/pkg/train.py"),
    ({"pkg/models.py": NET, "scripts/train.py": "from pkg.models import Net as x"}, "scripts/train.py"),
    ({"scripts/models.py": NET, "scripts/train.py": "from models import Net as x"}, "scripts/train.py"),
    ({"main.py": "from a import x", "a.py": "from b import Net as x", "b.py": NET}, "main.py"),
    ({"main.py": "from a import Other as x", "a.py": "from b import Net\nOther = Net", "b.py": NET}, "main.py"),
]  # fmt: skip


@pytest.mark.parametrize(("files", "name"), FOUND)
def test_a_class_of_another_file_is_known(files: dict[str, str], name: str) -> None:
    assert named(start(files, name), "x") == "Net"


UNKNOWN = [
    {"main.py": "from models import Net as x"},
    {"main.py": "from models import Missing as x", "models.py": NET},
    {"main.py": "from models import Net as x", "models.py": NET + "Net = unknown\n"},
    {"main.py": "from models import Net as x", "models.py": "this is not python"},
    {"main.py": "from main import x"},
    {"main.py": "from a import x", "a.py": "from main import x"},
    {"main.py": "from a import x", "a.py": "from b import x", "b.py": "from a import x"},
    {"main.py": "from a import *\nx = Net", "a.py": "from b import *", "b.py": "from a import *"},
    {"main.py": "from .. import models\nx = models.Net", "models.py": "Net = unknown"},
    {"main.py": "from pkg import *\nx = models.Net", "pkg/__init__.py": "'models'", "pkg/models.py": NET},
    {"main.py": "from numpy import Net as x", "numpy.py": NET},
    {"main.py": "from json import Net as x", "json.py": NET},
]


@pytest.mark.parametrize("files", UNKNOWN)
def test_a_class_that_cannot_be_told(files: dict[str, str]) -> None:
    assert named(start(files), "x") != "Net"


def test_constants_and_builders_of_another_file() -> None:
    files = {"main.py": "from models import PATH as x, make\nm = make()\nm.load_weights(x)", "models.py": NET}
    module = start(files)
    assert named(module, "x") == "a.h5"
    assert named(module, "make") == "function"
    (event,) = module.events_of("load_weights")
    assert event.receiver is not None and event.states


def test_a_name_bound_twice_in_another_file_is_unknown() -> None:
    module = start({"main.py": "from c import PATH as x", "c.py": "PATH = 'a'\nif b:\n    PATH = 'c'\n"})
    assert named(module, "x") not in ("a", "c")


def test_two_files_of_one_name_are_unknown_unless_one_is_beside() -> None:
    files = {"models.py": NET.replace("Net", "Other"), "scripts/models.py": NET, "scripts/train.py": "import models\n"}
    assert named(start({**files, "scripts/train.py": "from models import Net as x"}, "scripts/train.py"), "x") == "Net"
    files = {"src/models.py": NET, "models.py": NET, "a/b.py": "from models import Net as x"}
    assert named(start(files, "a/b.py"), "x") != "Net"


def test_dependencies_name_what_was_read_and_what_was_not_there() -> None:
    module = start({"pkg/main.py": "from models import Net\nfrom .gone import y", "models.py": NET}, "pkg/main.py")
    dependencies = set(module.dependencies)
    assert "/p/models.py" in dependencies
    assert {"/p/pkg/models.py", "/p/pkg/gone.py", "/p/pkg/gone/__init__.py"} <= dependencies


def test_dependencies_reach_through_imports() -> None:
    files = {"main.py": "from a import x\ny = x", "a.py": "from b import x", "b.py": "from gone import x\nx = 1"}
    assert {"/p/a.py", "/p/b.py", "/p/gone.py"} <= set(start(files).dependencies)


def test_what_is_imported_and_not_used_is_not_parsed() -> None:
    files = {
        "main.py": "from a import x, y\nimport c\nz = x",
        "a.py": "from b import y\nx = 1",
        "b.py": NET,
        "c.py": NET,
    }
    module = start(files)
    assert [other.path for other in module.read()] == ["main.py", "a.py"]
    assert module.uses_keras, "that is looked up in the texts"
    assert [other.path for other in module.family("class Net")] == ["main.py", "c.py", "b.py"]
    assert module.reaches(module.family("class Net")[1])


def test_an_object_of_a_module_that_is_read_late_is_known_to_all() -> None:
    files = {
        "main.py": "from b import use, model\ndef late():\n    use()\n    model.load_weights('a.h5')\n",
        "b.py": "from c import model\ndef use():\n    model.fit(x, y)\n",
        "c.py": "import keras\nmodel = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])\n",
    }
    events = list(start(files).events)
    assert [event.name for event in events] == ["fit", "load_weights"]
    assert all(event.states for event in events)


def test_modules_that_import_each_other_know_each_other_in_the_end() -> None:
    files = {
        "main.py": "import b\ndef f():\n    return b.g()\nPATH = 'a.h5'\n",
        "b.py": "from main import PATH\ng = 1\n",
    }
    module = start(files)
    other = next(item for item in module.read() if item.path == "b.py")
    assert other.bound("PATH") == Const("a.h5")


def test_a_budget_of_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project_module, "MOST_FILES", 3)
    chain = {f"m{index}.py": f"from m{index + 1} import x" for index in range(10)}
    files = {"main.py": "from m0 import x", **chain, "m10.py": "x = 'a.h5'"}
    assert named(start(files), "x") != "a.h5"
    short = {"main.py": "from m9 import x", "m9.py": "from m10 import x", "m10.py": "x = 'a.h5'"}
    assert named(start(short), "x") == "a.h5"


def test_a_budget_of_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project_module, "MOST_CHARACTERS", 100)
    files = {"main.py": "import big\nbig.y\nfrom models import PATH as x", "big.py": "y = 1\n" * 50, "models.py": NET}
    assert named(start(files), "x") != "a.h5"


def test_a_long_chain_of_imports_ends() -> None:
    chain = {f"m{index}.py": f"from m{index + 1} import x" for index in range(50)}
    module = start({"main.py": "from m0 import x", **chain, "m50.py": "x = 'a'"})
    assert named(module, "x") in (None, "a")


def wide(count: int) -> dict[str, str]:
    """A file that asks so many others for their names before it comes to the one that counts."""
    parts = {f"part{index}.py": f"PART = {index}\n" for index in range(count)}
    asked = "".join(f"import part{index}\nA{index} = part{index}.PART\n" for index in range(count))
    return {**parts, "hub.py": asked + "from models import Net as x\n", "models.py": NET}


def test_what_a_file_knows_does_not_hang_on_what_was_checked_before() -> None:
    files = wide(60)
    early = "".join(f"import part{index}\nB{index} = part{index}.PART\n" for index in range(30))
    files["early.py"] = early + "from hub import x as y\n"
    assert named(start(files, "hub.py"), "x") == "Net"
    project = Project(Files(files), default_target())
    checked = [project.start(SourceText(files[name]), name) for name in ("early.py", "hub.py", "part3.py")]
    assert [named(checked[0], "y"), named(checked[1], "x")] == ["Net", "Net"]


def test_what_functions_of_another_file_make_is_not_known_because_that_file_was_checked_before() -> None:
    files = {
        "parts.py": "import keras\nLIMIT = 3\ndef make():\n    return keras.Sequential([keras.layers.Dense(1)])\n",
        "main.py": "import parts\nlimit = parts.LIMIT\n",
    }

    def known(*names: str) -> list[object]:
        project = Project(Files(files), default_target())
        facts = [project.start(SourceText(files[name]), name).facts for name in names][-1]
        return [holder for holder, _ in (*facts.heap, *facts.lasting)]

    assert known("parts.py") != []
    assert known("main.py") == known("parts.py", "main.py") == []


@pytest.mark.parametrize("limit", ["MOST_FILES", "MAXIMUM_DEPTH"])
def test_what_was_refused_for_one_file_is_not_refused_for_the_next(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    chain = {f"m{index}.py": f"import m{index + 1}\nx = m{index + 1}.x" for index in range(6)}
    files = {"far.py": "from m0 import x", "near.py": "from m3 import x", **chain, "m6.py": "x = 'a.h5'"}
    monkeypatch.setattr(project_module, limit, 5)
    project = Project(Files(files), default_target())
    found = []
    for name in ("far.py", "near.py", "m5.py", "far.py"):
        module = project.start(SourceText(files[name]), name)
        assert module.facts is not None
        found.append(named(module, "x"))
    assert found[1:3] == ["a.h5", "a.h5"]
    assert found[0] != "a.h5"
    alone = Project(Files(files), default_target()).start(SourceText(files["m3.py"]), "m3.py")
    after = project.start(SourceText(files["m3.py"]), "m3.py")
    assert named(alone, "x") == named(after, "x") == "a.h5"


def test_a_module_is_parsed_once() -> None:
    reader = Files({"main.py": "import a, b\na, b", "a.py": "import c\nc", "b.py": "import c\nc", "c.py": NET})
    project = Project(reader, default_target())
    assert project.start(SourceText("import a, b\na, b"), "main.py").facts is not None
    assert reader.reads.count("/p/c.py") == 1
    assert project.start(SourceText("import c\nc"), "b.py").facts is not None
    assert reader.reads.count("/p/c.py") == 1


def test_imports_of_keras_modules_do_not_crowd_out_those_of_the_project() -> None:
    files = {f"a{number}.py": "from keras.models import Model, load_model\n" for number in range(20)}
    files |= {f"far/b{number}.py": "import other.models\n" for number in range(20)}
    files |= {"app/models.py": NET, "app/train.py": "from models import Net\nmodel = Net()\nmodel.fit(1)\n"}
    project = Project(Files(files), default_target())
    assert project.importers("app/models.py")[0] == "/p/app/train.py"
    assert not any(path.startswith("/p/a") and path[4:5].isdigit() for path in project.importers("app/models.py"))
    users = project.start(SourceText(NET), "app/models.py").users
    assert [module.path for module in users] == ["app/train.py"]


def test_what_is_kept_is_bounded_and_no_stranger_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Project, "kept", 3_000)
    files = {"models.py": "import keras\nmodel = keras.Sequential([])\n" + "# filler\n" * 100}
    for number in range(20):
        files[f"train{number}.py"] = f"from models import model\nmodel.fit(x, x)\n# {'filler' * 80}\n"
    project = Project(Files(files), default_target())
    largest = 0
    for number in range(20):
        path = f"train{number}.py"
        module = project.start(SourceText(files[path]), path)
        _ = module.facts
        kept = project.parsed()
        assert all(item in kept for known in kept for item in known.read())
        assert len(module.dependencies) == len(set(module.dependencies))
        largest = max(largest, project.size)
    assert 3_000 < largest < 6_000


def test_what_has_nothing_to_do_with_the_last_file_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Project, "kept", 3_000)
    files = {}
    for group, users in (("a", 2), ("b", 3)):
        files[f"models_{group}.py"] = "import keras\nmodel = keras.Sequential([])\n" + "# filler\n" * 100
        for number in range(users):
            files[f"train_{group}{number}.py"] = f"from models_{group} import model\nmodel.fit(x)\n# {'filler' * 80}\n"
    counted = _counted(monkeypatch)
    project = Project(Files(files), default_target())
    for path in files:
        if path.startswith("train"):
            _ = project.start(SourceText(files[path]), path).facts
    assert len(counted) == len(files)
    assert not any("_a" in module.path for module in project.parsed())


@pytest.mark.parametrize(
    ("files", "handed"),
    [
        ({"main.py": "from losses import own\nown(1)\n"}, False),
        ({"main.py": "from losses import (\n    own,\n    other,\n)\nx = own (1)\n"}, False),
        ({"main.py": "from losses import own as mine\nmodel.compile(loss=mine)\n"}, True),
        ({"main.py": "import losses\nmodel.compile(loss=losses.own)\n"}, True),
        ({"main.py": "import losses\nmodel.compile(loss=getattr(losses, 'own'))\n"}, True),
        ({"hub.py": "from losses import own\n", "main.py": "import hub\nmodel.compile(loss=hub.own)\n"}, True),
        ({"main.py": "def own(): pass\nx = own\n"}, False),
    ],
)
def test_whether_a_function_may_be_handed_over_is_seen_in_the_texts(files: dict[str, str], handed: bool) -> None:
    reader = Files({"losses.py": "def own(y, z):\n    return y - z\n", **files})
    assert Project(reader, default_target()).may_hand_over("losses.py", {"own"}) is handed


def test_starts_of_notebooks_are_given_back_with_the_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    class WithNotebooks(Files):
        def start_of(self, path: str) -> str:
            self.reads.append(path)
            return self.files[path]

    monkeypatch.setattr(project_module, "KEPT_TEXT", 1_000)
    reader = WithNotebooks({"main.py": NET, "large.ipynb": "x" * 2_000})
    project = Project(reader, default_target())
    for _ in range(2):
        project.start(SourceText(NET), "main.py")
        assert project.mentioning("main.py", ("load_model",), "a.h5") == []
    assert reader.reads.count("/p/large.ipynb") == 2


def test_more_is_kept_where_the_same_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that use four of twelve others each, checked twice: less is parsed when what is kept may grow."""
    files = {}
    for number in range(12):
        names = [f"part{(number + step) % 12}" for step in (0, 1, 5, 6)]
        files[f"part{number}.py"] = f"x = 1\n# {'filler' * 250}\n"
        files[f"user{number}.py"] = f"import {', '.join(names)}\n" + "".join(f"print({name}.x)\n" for name in names)
    always, grown = _parses(files, 1, monkeypatch), _parses(files, 8, monkeypatch)
    assert 24 <= grown < 0.7 * always


def _parses(files: dict[str, str], most: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """How often a file is parsed when all are checked twice, and `most` times as much as usual may be kept."""
    monkeypatch.setattr(Project, "kept", 3_000)
    monkeypatch.setattr(project_module, "MOST_KEPT", most * 3_000)
    with monkeypatch.context() as patch:
        counted = _counted(patch)
        project = Project(Files(files), default_target())
        for _ in range(2):
            for path, text in files.items():
                _ = project.start(SourceText(text), path).facts
    return len(counted)


def _counted(patch: pytest.MonkeyPatch) -> list[str]:
    """The texts that are parsed from now on."""
    counted: list[str] = []
    parse_module = libcst.parse_module

    def count(text: str) -> libcst.Module:
        counted.append(text)
        return parse_module(text)

    patch.setattr(libcst, "parse_module", count)
    return counted


def test_projects_for_two_releases_share_what_they_read_without_a_parser() -> None:
    """Their modules are their own: what code means hangs on the release."""
    reader = Files({"main.py": "from net import make\n", "net.py": NET})
    texts = Texts()
    one = Project(reader, default_target(), texts=texts)
    other = Project(reader, parse_target("2.15", "a test"), texts=texts)
    assert list(one.reach("main.py")) == ["/p/net.py"]
    reader.reads.clear()
    assert list(other.reach("main.py")) == ["/p/net.py"]
    assert reader.reads == []
    module = one.module("/p/net.py")
    assert module is not None
    assert module is not other.module("/p/net.py")
    one.forget()
    assert other.is_read("/p/net.py")


def test_what_a_file_reaches_is_found_out_once_and_anew_when_a_text_changes() -> None:
    files = {"main.py": "import a\n", "a.py": "import b\n", "b.py": "", "c.py": ""}
    project = Project(Files(files), default_target())
    first = project.reach("main.py")
    assert next(first) == "/p/a.py"  # not looked further yet
    assert list(project.reach("main.py")) == ["/p/a.py", "/p/b.py"]
    assert list(first) == ["/p/b.py"]
    project.pass_over(SourceText("import c\n"), "a.py")  # as a fix or an editor writes it
    assert list(project.reach("main.py")) == ["/p/a.py", "/p/c.py"]


def test_the_characters_that_are_kept_as_text_are_counted_once() -> None:
    texts = Texts()
    texts.take("/p/a.py", SourceText("12345"))
    texts.take("/p/a.py", SourceText("12345"))
    assert texts.size == 5
    texts.take("/p/a.py", SourceText("1"))
    texts.take("/p/b.py", None)
    assert texts.size == 1
    texts.forget()
    assert (texts.size, texts.texts) == (0, {})


OLD_LAYER = "from keras.engine.topology import Layer\nclass Shuffle(Layer):\n    pass\n"
ADDONS = "import keras\nimport tensorflow_addons as tfa\nNORM = tfa.layers.InstanceNormalization()\n"


@pytest.mark.parametrize(
    "files",
    [
        {"main.py": "import keras\nfrom nets import make\n", "nets.py": OLD_LAYER},
        {"main.py": "import keras\nfrom nets import make\n", "nets.py": "import blocks\n", "blocks.py": ADDONS},
        {"main.py": "import keras\nimport nets.big\n", "nets/__init__.py": "", "nets/big.py": ADDONS},
        {"main.py": "import keras\nfrom nets import (\n    big,\n)\n", "nets/__init__.py": "", "nets/big.py": ADDONS},
        {
            "main.py": "import keras\nfrom nets import make\n",
            "nets/__init__.py": "from .big import *\n",
            "nets/big.py": "from transformers import TFBertModel\n",
        },
    ],
)
def test_what_cannot_be_imported_on_keras_3_tells_of_those_that_import_it(files: dict[str, str]) -> None:
    assert start(files).target.text == "keras 2.15.0 (assumed)"
    ranged = target_from_project({"requirements.txt": "keras>=2.2.4"})
    module = Project(Files(files), ranged).start(SourceText(files["main.py"]), "main.py")
    assert ranged is not None
    assert ranged.newest.numbers >= (3,) > module.target.newest.numbers


@pytest.mark.parametrize(
    "files",
    [
        {
            "main.py": "import keras\ntry:\n    from nets import make\nexcept ImportError:\n    make = None\n",
            "nets.py": ADDONS,
        },
        {"main.py": "import keras\ndef late():\n    from nets import make\n", "nets.py": ADDONS},
        {"main.py": "import keras\nif False:\n    import nets\n", "nets.py": ADDONS},
        {"main.py": "import keras\nimport nets\n", "nets.py": f'"""\n{ADDONS}"""\nimport keras\n'},
        {"main.py": "import keras\nimport nets\n", "nets.py": "def f():\n    import tensorflow_addons\n"},
        {"main.py": "import keras\nimport nets\n", "nets.py": "import keras\nM = keras.optimizers.Adam(lr=1)\n"},
        {"main.py": "import keras\nimport nets\n", "nets.py": "from keras.utils import np_utils\n"},
        {"main.py": "import keras\nimport nets\n", "nets.py": "from keras.layers.core import Dense\n"},
        {"main.py": "import keras\nfrom nets import make\n", "other/nets.py": ADDONS},
    ],
)
def test_what_may_be_left_out_on_keras_3_tells_nothing_of_those_that_import_it(files: dict[str, str]) -> None:
    assert start(files).target.text == default_target().text
