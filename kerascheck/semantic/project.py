"""Other files of the project: which file an import means, and what it binds.

Nothing here opens a file: a reader is handed in by the fronts. A budget bounds the work; over it, everything that
another file would tell is unknown.
"""

from __future__ import annotations

import gc
import posixpath
import re
import sys
from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Protocol

from kerascheck.text import SourceText

if TYPE_CHECKING:
    from kerascheck.semantic.module import Module
    from kerascheck.semantic.target import LegacyEvidence, Target

MAXIMUM_FILES = 40  # that are looked at around one file as text
MOST_FILES = 400  # other files that the check of one file may parse
MOST_CHARACTERS = 10_000_000
MAXIMUM_DEPTH = 12
MAXIMUM_CLIMB = 12  # folders above a file in which the top of its project is looked for
MAXIMUM_IMPORTERS = 12
MAXIMUM_REACH = 300  # files that are looked at as text for what they import
LARGEST_IMPORT = 400_000  # characters of another file; longer ones hold data and are not parsed for what they bind
# of source, whose parsed modules are kept from one checked file to the next; measured: 50 to 65 bytes each
KEPT_CHARACTERS = 16_000_000
MOST_KEPT = KEPT_CHARACTERS  # also where less is kept, and what was forgotten is asked for again and again
KEPT_TEXT = 40_000_000  # characters of source that are kept as text
# top-level packages that are never looked for among the project's files
_OUTSIDE = frozenset(sys.stdlib_module_names) | frozenset(
    """tensorflow keras tf_keras numpy pandas matplotlib sklearn scipy cv2 PIL torch jax absl tqdm h5py yaml seaborn
    skimage requests tensorflow_hub tensorflow_datasets tensorflow_addons tensorflow_probability nltk gensim IPython
    pytest setuptools six keras_tuner keras_cv keras_nlp keras_hub transformers""".split()
)
# modules of the standard library that have none below them: `code.models` is a file of the project. Those that have
# some are the folders of Python 3.11's library; `os.path` is made when `os` is imported.
_PLAIN_MODULES = frozenset(sys.stdlib_module_names) - frozenset(
    """asyncio collections concurrent ctypes curses dbm distutils email encodings ensurepip html http idlelib importlib
    json lib2to3 logging multiprocessing os pathlib profiling pydoc_data re sqlite3 string sys sysconfig tkinter tomllib
    turtledemo unittest urllib venv wsgiref xml xmlrpc zoneinfo compression""".split()
)

_RECURSION = 400  # frames that following one more module may take
KEPT_TEXTS = 100_000  # with those that were looked for and are not there
# with a line end in front of the text: looking for it is twice as fast as for the start of a line
_IMPORTS = re.compile(r"\n[ \t]*(?:from|import)[ \t]([^#\n]*)")
_NOTEBOOK_IMPORTS = re.compile(r'(?:"|\\n)[ \t]*(?:from|import)[ \t]([^#"\\\n]*)')  # in the JSON as it is written
_KERAS_IMPORT = re.compile(
    r"^[ \t]*(?:from|import)[ \t]+(?:[\w. \t]+,[ \t]*)*(?:keras|tf_keras|tensorflow)\b", re.MULTILINE
)
_USES = re.compile(
    r"\b(?:fit|fit_generator|train_on_batch|save|save_weights|load_weights|to_json|apply_gradients|index|enumerate|zip)\("
    r"|\b(?:load_model|save_model|ModelCheckpoint)\b"
)
_QUOTE_MARKS = frozenset("\"'")
_NAME_START = re.compile(r"[\s\"'/\\]")
_LONGEST_NAME = 120
_MOST_PARTS = 6
_PLACE = re.compile(r"\{[^{}]*\}|%[\d.]*[sdi]")  # of a value in a text
_USE_WORDS = (
    *("fit(", "_generator(", "_batch(", "save(", "_weights(", "to_json(", "apply_gradients(", "index(", "enumerate("),
    *("zip(", "load_model", "save_model", "ModelCheckpoint"),
)
# an import statement that binds what it names under the same name
_PLAIN_IMPORT = re.compile(
    r"\n[ \t]*(?:from[ \t]+[\w.]+[ \t]+)?import[ \t]+"
    r"(?:[\w.]+(?:[ \t]*,[ \t]*[\w.]+)*[ \t]*(?=[\n#]|\Z)|\((?:\s*\w+\s*,)*\s*\w*\s*\))"
)
_QUOTES = (('"', '"'), ("'", "'"), ('"', '\\"'))
_NOT_CALLED = re.compile(r"\b[^\W\d]\w*\b(?!\s*\()")
# an import statement wherever it stands: over several lines, behind a colon or a semicolon
_IMPORTED = re.compile(
    r"import\b[ \t]*(?:(?=\(((?:[^()#]|#[^\n]{0,1000})*))\(|((?:[^\n\\;]|\\\r?\n)*))"  # every text in linear time
)
_IMPORTED_FROM = re.compile(r"from(?=[ \t.\\])(?:[ \t]|\\\r?\n)*([.\w][.\w \t]*?)(?:[ \t]|\\\r?\n)*")
_LONGEST_FROM = 300  # characters between `from` and `import`
_NO_NAME = re.compile(r"#[^\n]*|\bas\s+\w+|\\")
_WORDS = re.compile(r"\w+")
_DOTTED = re.compile(r"\w+(?:\.\w+)*")
_DOTS = re.compile(r"[ \t]*(\.+)[ \t]+import\b")
_SCRIPTS = ("scripts", "bin", "examples", "experiments", "jobs", "tools")  # folders of programs beside `src`
_RUNS = re.compile(r"\n(?:if __name__\b|for |while |with |[A-Za-z_][\w.]*(?:\[[^\n]*\])?\()")
_TESTS = re.compile(r"(^|[/\\])(test_[^/\\]*|[^/\\]*_test|conftest)\.py$|(^|[/\\])tests?[/\\]")


def is_test_file(path: str) -> bool:
    """Whether a file is one of tests, by its name or folder."""
    return _TESTS.search(path) is not None


class Reader(Protocol):
    """How the fronts let the core see other files. Absolute paths with `/`."""

    def absolute(self, path: str) -> str:
        """The absolute path of a path as it is shown to users."""

    def shown(self, path: str) -> str:
        """An absolute path as it is shown to users."""

    def read(self, path: str) -> SourceText | None:
        """The text of a file; None when there is none, it cannot be read or it is too large."""

    def is_root(self, folder: str) -> bool:
        """Whether a folder is the top of a project (it holds pyproject.toml, setup.py, .git ...)."""

    def beside(self, folder: str) -> list[str]:
        """The Python files directly in a folder, sorted; bounded."""

    def sources(self, folder: str) -> list[str]:
        """The Python files and notebooks below a folder; those that discovery leaves out are left out; bounded."""

    def start_of(self, path: str) -> str:
        """The start of a notebook's file as it is, for a first look at its imports; bounded."""


class Journal(Protocol):
    """Is told what answers hang on: nodes are absolute paths of files, there or not, and parts of trees of files."""

    def needs(self, path: str, nodes: Iterable[str]) -> None:
        """What is found in a file hangs on nodes."""

    def look(self, kind: str, folder: str) -> None:
        """Everything hangs on what is in a folder: its "marks" of a project's top, or its Python "sources"."""

    def all_need(self, path: str) -> None:
        """Everything hangs on a file that was read."""

    def tree(self, top: str, files: Iterable[str]) -> None:
        """These are the files of a tree; its nodes are "imports:<top>" and "texts:<top>"."""

    def imports(self, path: str, words: Iterable[str]) -> None:
        """These are the words in the import statements of a file."""


class Texts:
    """What is known about files without a parser, which hangs on no target: Projects of one run may share it."""

    def __init__(self) -> None:
        self.texts: dict[str, SourceText | None] = {}
        self.size = 0  # characters
        self.roots: dict[str, tuple[str, ...]] = {}
        self.indexes: dict[str, dict[str, tuple[str, ...]]] = {}
        self.tops: dict[str, str] = {}
        self.sources: dict[str, list[str]] = {}
        self.starts: dict[str, str] = {}
        self.words: dict[str, frozenset[str]] = {}
        self.importers: dict[str, tuple[dict[str, tuple[str, ...]], list[str]]] = {}
        self.matching: dict[tuple[str, str], tuple[SourceText, bool]] = {}
        self.having: dict[tuple[str, tuple[str, ...]], tuple[SourceText, bool]] = {}
        self.not_called: dict[str, tuple[SourceText, frozenset[str]]] = {}
        self.mattering: dict[str, tuple[SourceText, bool]] = {}
        self.imports: dict[str, tuple[SourceText, tuple[str, ...]]] = {}
        self.plain: dict[str, tuple[SourceText, tuple[str, ...]]] = {}
        self.evidence: dict[str, tuple[SourceText, LegacyEvidence | None]] = {}
        self.seen: dict[tuple[tuple[str, ...], str], tuple[tuple[str, ...], tuple[str, ...]]] = {}
        self.reached: dict[tuple[str, bool], _Reached] = {}
        self.noted: dict[str, object] = {}

    def take(self, path: str, source: SourceText | None) -> None:
        """This is the text of a file now."""
        before = self.texts.get(path)
        self.size += (0 if source is None else len(source.text)) - (0 if before is None else len(before.text))
        if path in self.texts and (before is None or source is None or before.text != source.text):
            self.reached.clear()
        self.texts[path] = source

    def forget(self) -> None:
        """Forget all texts; what is known about folders stays."""
        for known in (self.texts, self.starts, self.mattering, self.matching, self.having, self.not_called, self.noted):
            known.clear()
        self.evidence.clear()
        self.forget_imports()
        self.size = 0

    def forget_imports(self) -> None:
        """Forget which files imports mean: others may be there now."""
        self.imports.clear()
        self.plain.clear()
        self.seen.clear()
        self.reached.clear()


class _Reached:
    """Files that are looked for while somebody asks for more of them, and once for all who ask."""

    def __init__(self, more: Iterator[str]) -> None:
        self._found: list[str] = []
        self._more = more

    def __iter__(self) -> Iterator[str]:
        at = 0
        while True:
            while at < len(self._found):
                yield self._found[at]
                at += 1
            path = next(self._more, None)
            if path is None:
                return
            self._found.append(path)


class Project:
    """The files around a checked file. Modules are parsed once and kept; one Project serves a whole run."""

    kept = KEPT_CHARACTERS

    def __init__(
        self, reader: Reader, target: Target | None, journal: Journal | None = None, texts: Texts | None = None
    ) -> None:
        """`journal` is told what the answers about each file hang on; `texts` are shared with other Projects."""
        self._journal = journal
        self._reader = reader
        self._target = target
        self._modules: dict[str, Module] = {}
        self._broken: set[str] = set()
        self._known = known = Texts() if texts is None else texts
        self._texts, self._starts, self._sources, self._words = known.texts, known.starts, known.sources, known.words
        self._roots, self._tops, self._indexes, self._importers = (
            known.roots,
            known.tops,
            known.indexes,
            known.importers,
        )
        self._matching, self._having, self._mattering = known.matching, known.having, known.mattering
        self._not_called, self._imports, self._seen = known.not_called, known.imports, known.seen
        self.noted = known.noted  # what is found out about texts on higher floors, kept with them
        self._loading: list[str] = []
        self._current = ""  # the file that is checked now
        self._incomplete: set[str] = set()  # those to which an import was refused, as too much was read for one check
        self._files = self._characters = 0
        self._links: set[tuple[str, str]] = set()  # who got to know whom otherwise than by an import
        self._room = 0  # how much the modules may take before they are forgotten; 0 until the first check is done
        self._allowed = self.kept
        self._forgotten: set[str] = set()
        self._again = 0  # characters that were parsed once more since modules were forgotten
        self._grown = False
        self._looked = 0  # what was kept when other projects were looked for, which begins at an eighth of the limit

    def start(self, source: SourceText, path: str) -> Module:
        """The module of a file that is to be checked; its own budget begins. Raises SyntaxProblem.

        A module that was parsed as an import of another file, from the same text, is used again.
        """
        self._files = self._characters = 0
        place = self._begin(source, path)
        known = self._modules.get(place)
        if known is not None:
            known.path = path  # as the user wrote it
            return known
        self._note_again(place, source)
        module = self._modules[place] = self._parse(source, path)
        self._known.take(place, source)
        return module

    def _note_again(self, place: str, source: SourceText) -> None:
        if place in self._forgotten:
            self._again += len(source.text)

    def pass_over(self, source: SourceText, path: str) -> None:
        """Take note of the text of a file that is checked without being parsed."""
        self._known.take(self._begin(source, path), source)

    def _begin(self, source: SourceText, path: str) -> str:
        """The place of a file that is to be checked; what was read through an older text of it is forgotten."""
        checked = self._modules.get(self._current)
        if checked is not None:
            checked.forget_places()
        self._make_room()
        place = self._current = _normal(self._reader.absolute(path))
        known = self._modules.get(place)
        if known is not None and known.source.text != source.text:
            self._incomplete.add(place)
        self._forget_incomplete()
        return place

    def _forget_incomplete(self) -> None:
        """Forget modules that know less than they could, and those that were told by them."""
        gone = {id(self._modules[place]) for place in self._incomplete if place in self._modules}
        self._incomplete.clear()
        for path, module in list(self._modules.items()) if gone else ():
            if any(id(item) in gone for item in module.read()):
                del self._modules[path]

    def _make_room(self) -> None:
        """Forget modules when they take too much: those that have nothing to do with the last one, or else all.

        Not one by one: modules hold on to those that they import, and one that is parsed anew would be a stranger to
        those that know the old one. What one check needs may be more than the limit: so that not every check begins
        from nothing, about as much again is allowed before it is forgotten. Where much of what was forgotten is parsed
        again, more is kept, and less when that has passed (measured: 230 files that know each other, 2,632 parses with
        one limit, 215 without).
        """
        size = self.size
        if self._again > self._allowed // 2 and self._allowed < MOST_KEPT:
            self._room += self._allowed
            self._allowed *= 2
            self._again, self._grown = 0, True
        if not self._room and size:
            self._room = max(self._allowed, min(2 * size, size + self._allowed))
        strangers = self._strangers() if size > self._room else []
        if not strangers and size > max(self._looked + self.kept // 16, self.kept // 8):
            self._looked, strangers = size, self._of_others()
        if strangers and sum(len(self._modules[path].source.text) for path in strangers) > size // 4:
            for path in strangers:
                del self._modules[path]
            self._forgotten.update(strangers)
            self._looked = self.size
            self._give_back()
        elif size > self._room:
            if not self._grown and self._again < self._allowed // 8:
                self._allowed = max(self.kept, self._allowed // 2)
            self._grown = False
            self._forgotten.update(self._modules)
            self._modules.clear()
            self._links.clear()
            self._room = self._again = self._looked = 0
            self._give_back()
        if self._known.size > KEPT_TEXT or len(self._texts) > KEPT_TEXTS:
            self._known.forget()

    def _give_back(self) -> None:
        if gc.isenabled():
            gc.collect()  # trees are circles; the collector by itself comes late

    def _of_others(self) -> list[str]:
        """The kept modules of other projects than that of the file that was checked last."""
        top = self._top(posixpath.dirname(self._current))
        return [path for path in self._modules if self._top(posixpath.dirname(path)) != top]

    def _strangers(self) -> list[str]:
        """The kept modules that know nothing of the one that was used last and that it knows nothing of."""
        links: dict[str, set[str]] = {path: set() for path in self._modules}
        paths = {id(module): path for path, module in self._modules.items()}
        imports = ((path, item) for path, module in self._modules.items() for item in module.imported)
        for one, other in (*((path, paths.get(id(item), path)) for path, item in imports), *self._links):
            if one in links and other in links:
                links[one].add(other)
                links[other].add(one)
        near: set[str] = set()
        queue = list(self._modules)[-1:]
        while queue:
            path = queue.pop()
            if path not in near:
                near.add(path)
                queue += links[path]
        return [path for path in self._modules if path not in near]

    @property
    def size(self) -> int:
        """The characters of source of the modules that are kept now."""
        return sum(len(module.source.text) for module in self._modules.values())

    def forget(self) -> None:
        """Forget all modules; the texts stay."""
        modules = len(self._modules)
        self._modules.clear()
        self._links.clear()
        self._room = self._again = self._looked = 0
        if modules:
            self._give_back()

    def _forget_imports(self) -> None:
        self._known.forget_imports()

    def _parse(self, source: SourceText, path: str) -> Module:
        """Parse a file that is to be checked. Raises SyntaxProblem."""
        from kerascheck.semantic.module import parse

        return parse(source, path, self._meant(), self)

    def folder_of(self, path: str) -> str:
        """The absolute folder of a file, whichever way its path is written."""
        return posixpath.dirname(_normal(self._reader.absolute(path)))

    def parsed(self) -> list[Module]:
        """The modules that are kept now."""
        return list(self._modules.values())

    def module(self, path: str, asker: Module | None = None) -> Module | None:
        """The module in a file, with its body followed; None when it cannot be read, is in a cycle or over budget.

        `asker` is the module that wants to know it.
        """
        from kerascheck.semantic.module import SyntaxProblem, parse

        if path in self._loading:
            return None  # a cycle: what the other file has bound so far cannot be told
        if len(self._loading) >= MAXIMUM_DEPTH:
            self._refuse(asker)
            return None
        module = self._modules.get(path)
        if module is None:
            source = self._text(path)
            if source is None or path in self._broken or len(source.text) > LARGEST_IMPORT:
                return None
            if self._files >= MOST_FILES or self._characters > MOST_CHARACTERS:
                self._refuse(asker)
                return None
            self._files += 1
            self._characters += len(source.text)
            self._note_again(path, source)
            try:
                module = parse(source, self._reader.shown(path), self._meant(), self)
            except SyntaxProblem:
                self._broken.add(path)
                return None
        else:
            del self._modules[path]
        self._modules[path] = module  # the last used stands last
        if module.is_running:
            return None
        self._loading.append(path)
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(limit + _RECURSION)  # it may be asked for from deep inside of another one
        try:
            _ = module.interpreter
        finally:
            sys.setrecursionlimit(limit)
            self._loading.pop()
        return module

    def _refuse(self, asker: Module | None) -> None:
        """Too much is read for one check: whoever asks for more knows less than it would alone."""
        self._incomplete.update(self._loading, (self._current,))
        if asker is not None:
            self._incomplete.add(_normal(self._reader.absolute(asker.path)))

    def _meant(self) -> Target:
        if self._target is None:
            raise ValueError("a Project without a target parses nothing")
        return self._target

    def find(self, importer: str, dotted: str) -> tuple[str | None, tuple[str, ...]]:
        """The file of module `dotted` (leading dots: relative) as seen from a file; and all files looked for.

        The path is absolute. None when there is no such file, or when two files of the project could be meant.
        """
        importer = _normal(self._reader.absolute(importer))
        folder = posixpath.dirname(importer)
        dots = len(dotted) - len(dotted.lstrip("."))
        parts = [part for part in dotted.lstrip(".").split(".") if part]
        if dots:
            base = folder
            for _ in range(dots - 1):
                base = posixpath.dirname(base)
            tried = tuple(_candidates(base, parts))
            found = next((path for path in tried if path != importer and self._text(path) is not None), None)
            if self._journal is not None:
                self._journal.needs(importer, (path for path in tried if path in self._texts))
            return found, tried
        below = len(parts) > 1 and parts[0] in _PLAIN_MODULES
        if not parts or (parts[0] in _OUTSIDE and parts[:2] != ["keras", "src"] and not below):
            return None, ()
        looked, hits = self._seen_from(self._search_roots(folder), dotted, parts, importer)
        if self._journal is not None:
            self._journal.needs(importer, (path for path in looked if path in self._texts))
        if len(hits) > 1:
            beside = [path for path in _candidates(folder, parts) if path in hits]
            package = self._text(posixpath.join(folder, "__init__.py")) is not None
            return (beside[0] if beside and not package else None), looked
        return (hits[0] if hits else None), looked

    def _seen_from(
        self, roots: tuple[str, ...], dotted: str, parts: list[str], importer: str
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The files looked for under the name of a module, and those that are there; one finds no file in itself."""
        known = self._seen.get((roots, dotted))
        if known is None or importer in known[0]:
            looked: list[str] = []
            hits: dict[str, None] = {}
            for root in roots:
                for path in _candidates(root, parts):
                    looked.append(path)
                    if path != importer and self._text(path) is not None:
                        hits[path] = None
                        break
            known = tuple(looked), tuple(hits)
            if importer not in known[0]:
                self._seen[roots, dotted] = known
        return known

    def reaches_keras(self, path: str, text: str | None = None) -> bool:
        """Whether a file imports, directly or not, one of the project that mentions Keras; needs no parser.

        `text` is that of the file, where it is another one than on disk.
        """
        source = None if text is None else SourceText(text)
        return any("keras" in self.text(other) for other in self.reach(path, source))

    def imports_keras_with(self, path: str, text: str, words: tuple[str, ...]) -> bool:
        """Whether of the files that one imports, maybe by a package, some have the words and some use Keras; no parser.

        They may be two: a function that makes models, of a class in a third file, and one that loads what it is given.
        """
        found = self._given_by_imports(_normal(self._reader.absolute(path)), SourceText(text))
        return any(self._has(item, words) for item in found) and self.reaches_keras(path, text)

    def import_evidence(self, path: str) -> LegacyEvidence | None:
        """What a file of the project that this one imports, directly or not, and whatever happens, brings from Keras 2.

        On Keras 3 no file can be imported that does, nor this one.
        """
        if not any(self._evidence_in(other) for other in self.reach(path)):
            return None
        place = _normal(self._reader.absolute(path))
        queue, seen = [place], {place}
        while queue and len(seen) <= MAXIMUM_REACH:
            importer = queue.pop(0)
            evidence = self._evidence_in(importer) if importer != place else None
            if evidence is not None:
                return evidence
            for found in self._plain_imports_of(importer):
                if found not in seen:
                    seen.add(found)
                    queue.append(found)
        return None

    def _evidence_in(self, place: str) -> LegacyEvidence | None:
        """What the imports of one file bring from Keras 2."""
        from kerascheck.semantic.legacy import import_evidence

        source = self._text(place)
        if source is None:
            return None
        known = self._known.evidence.get(place)
        if known is None or known[0] is not source:
            known = self._known.evidence[place] = source, import_evidence(source.text)
        return known[1]

    def _plain_imports_of(self, place: str) -> tuple[str, ...]:
        """The files of the project that a file imports whatever happens."""
        from kerascheck.semantic.legacy import plain_imports

        source = self._text(place)
        if source is None:
            return ()
        known = self._known.plain.get(place)
        if known is None or known[0] is not source:
            paths: dict[str, None] = {}
            for module, name in plain_imports(source.text):
                inner = f"{module}{'' if module.endswith('.') else '.'}{name}" if name not in {"", "*"} else module
                for dotted in dict.fromkeys((module, inner)):
                    found = self.find(place, dotted)[0] if dotted.strip(".") else None
                    if found is not None:
                        paths[found] = None
            known = self._known.plain[place] = source, tuple(paths)
        return known[1]

    def reaches(self, path: str, other: str) -> bool:
        """Whether a file imports another one, directly or not; needs no parser."""
        wanted = _normal(self._reader.absolute(other))
        return any(found == wanted for found in self.reach(path))

    def reach(self, path: str, source: SourceText | None = None, packages: bool = False) -> Iterator[str]:
        """The files of the project that a file imports, directly or not, the nearest first; by text, and bounded.

        With `packages` those that start the packages of what is imported are among them.
        """
        place = _normal(self._reader.absolute(path))
        if source is not None:
            return self._walk(place, source, packages)
        known = self._known.reached.get((place, packages))
        if known is None:
            known = self._known.reached[place, packages] = _Reached(self._walk(place, self._text(place), packages))
        return iter(known)

    def _walk(self, place: str, source: SourceText | None, packages: bool) -> Iterator[str]:
        queue = [(place, source)]
        seen = {place}
        above: dict[str, tuple[str, ...]] = {}
        while queue:
            importer, text = queue.pop(0)
            imported = self._imports_of(importer, text) if text is not None else ()
            for found in self._with_starts(importer, imported, above) if packages else imported:
                if found not in seen:
                    if len(seen) > MAXIMUM_REACH:
                        return
                    seen.add(found)
                    yield found
                    queue.append((found, self._text(found)))

    def _with_starts(self, importer: str, paths: Iterable[str], above: dict[str, tuple[str, ...]]) -> Iterator[str]:
        """Files that one imports, each behind the `__init__.py` of the packages that it lies in.

        `above` are those of the folders looked at so far, the one that is not there first.
        """
        for path in paths:
            folder = path[: path.rfind("/")] or "/"
            starts = above.get(folder)
            if starts is None:
                starts = above[folder] = self._starts_above(folder)
            if self._journal is not None:
                self._journal.needs(importer, starts)
            yield from (start for start in starts[1:] if start != importer)
            yield path

    def _starts_above(self, folder: str) -> tuple[str, ...]:
        starts: list[str] = []
        while self._text(start := posixpath.join(folder, "__init__.py")) is not None:
            starts.append(start)
            folder = posixpath.dirname(folder)
        return (start, *reversed(starts))

    def is_used_with_keras(self, path: str) -> bool:
        """Whether a file that imports this one, or one that such a file imports, mentions Keras; needs no parser."""
        found = list(self._importing(path))
        return any("keras" in self.text(other) for other in found) or any(self.reaches_keras(other) for other in found)

    def may_hand_over(self, path: str, names: Collection[str]) -> bool:
        """Whether a file, or one that imports it, directly or not, may do more with such functions than call them.

        By text; where so many files import it that not all are looked at, they may.
        """
        looked = 0
        for other in (_normal(self._reader.absolute(path)), *self._importing(path)):
            source, looked = self._text(other), looked + 1
            if looked > MAXIMUM_FILES:
                return True
            if source is None or not any(name in source.text for name in names):
                continue
            known = self._not_called.get(other)
            if known is None or known[0] is not source:
                known = self._not_called[other] = source, names_not_called(source.text)
            if not known[1].isdisjoint(names):
                return True
        return False

    def texts_importing(self, path: str) -> list[str]:
        """The texts of the files whose imports name this file's module, or one of theirs; bounded."""
        return [self.text(other) for other in self._importing(path)]

    def _importing(self, path: str) -> Iterator[str]:
        """The files whose imports name this file's module, or one of theirs: candidates, the nearest first; bounded."""
        queue = self.importers(path)
        seen = {_normal(self._reader.absolute(path)), *queue}
        looked = 0
        while queue and looked < MAXIMUM_FILES:
            other = queue.pop(0)
            looked += 1
            yield other
            further = [place for place in self.importers(other) if place not in seen]
            seen.update(further)
            queue += further

    def imported(self, path: str, source: SourceText) -> dict[str, SourceText] | None:
        """The files that a text imports, directly or not, found without a parser; None when there are too many."""
        return self._with_imports({_normal(self._reader.absolute(path)): source})

    def linked(self, path: str, source: SourceText) -> dict[str, SourceText] | None:
        """The same for a text, the files that import it, directly or not, and all that those import."""
        place = _normal(self._reader.absolute(path))
        found = {place: source}
        queue = self.importers(path)
        while queue:
            other = queue.pop(0)
            text = self._text(other) if other not in found else None
            if text is not None:
                if len(found) >= MAXIMUM_FILES:
                    return None
                found[other] = text
                queue += self.importers(other)
        return self._with_imports(found)

    def _with_imports(self, found: dict[str, SourceText]) -> dict[str, SourceText] | None:
        """The files, and those that they import."""
        queue = list(found)
        while queue:
            importer = queue.pop(0)
            for other in self._imports_of(importer, found[importer]):
                text = self._text(other) if other not in found else None
                if text is not None:
                    if len(found) >= MAXIMUM_FILES:
                        return None
                    found[other] = text
                    queue.append(other)
        return found

    def _imports_of(self, place: str, source: SourceText) -> tuple[str, ...]:
        """The files of the project that the import statements of a text name."""
        known = self._imports.get(place)
        if known is None or (known[0] is not source and known[0].text != source.text):
            paths: dict[str, None] = {}
            for base, names in import_statements(source.text):
                found = self.find(place, base)[0] if base else None
                if found is not None:
                    paths[found] = None
                if found is not None and not found.endswith("/__init__.py"):
                    continue  # a module has no modules inside
                for name in names:
                    joint = base if base.endswith(".") else base + "."
                    inside = [joint + name] if base else _with_packages(name)
                    places = (self.find(place, dotted)[0] for dotted in inside)
                    paths.update((path, None) for path in places if path is not None)
            known = self._imports[place] = source, tuple(paths)
        return known[1]

    def importers(self, path: str) -> list[str]:
        """The files of the project whose imports name this file's module, by text; a candidate list."""
        place = _normal(self._reader.absolute(path))
        stem = posixpath.basename(place)[:-3]
        if stem == "__init__":
            stem = posixpath.basename(posixpath.dirname(place))
        folder = posixpath.dirname(place)
        top = self._top(folder)
        index = self._import_index(top)
        known = self._importers.get(place)
        if known is None or known[0] is not index:
            near = sorted(  # the nearest count when there are too many
                (other for other in index.get(stem, ()) if other != place),
                key=lambda other: -len(posixpath.commonpath([folder, posixpath.dirname(other)])),
            )[:MAXIMUM_IMPORTERS]
            known = self._importers[place] = index, near
        found = list(known[1])
        if self._journal is not None:
            self._journal.needs(place, (f"imports:{top}", *found))
        return found

    def uses_keras(self, path: str) -> bool:
        """Whether a file imports, directly or not, one of the project that imports any Keras; needs no parser."""
        return any(self._imports_keras(other) for other in self.reach(path))

    def serves_keras(self, path: str) -> bool:
        """Whether a file that imports this one, directly or not, uses Keras; needs no parser."""
        return any(
            self.reaches(other, path) and (self._imports_keras(other) or self.uses_keras(other))
            for other in self._importing(path)
        )

    def _imports_keras(self, path: str) -> bool:
        text = self.text(path)
        return "keras" in text and _KERAS_IMPORT.search(text) is not None

    def users(self, module: Module, words: tuple[str, ...] = (), idle: bool = False) -> list[Module]:
        """The modules of the project that import this one, directly or not, and train, save, load or number labels.

        Their bodies are followed. Who imports whom is looked up in the texts; only those that matter are parsed: with
        `words` those that have one of them, themselves or in a file that they import. `idle`: all that import it count.
        """
        place = _normal(self._reader.absolute(module.path))
        found: list[Module] = []
        for path in self._importing(module.path):
            source = self._text(path)
            if source is None or not (idle or self._matters(path, source)):
                continue
            if self._has_near(path, source, words):
                other = self.module(path) if self.reaches(path, module.path) else None
                if other is not None:
                    self._links.add((place, path))
                    found.append(other)
                if len(found) == MAXIMUM_IMPORTERS:
                    break
        return found

    def _has_near(self, path: str, source: SourceText, words: tuple[str, ...]) -> bool:
        """Whether a file has one of the words, itself or in a file that it imports, maybe by a package."""
        if not words or self._has(path, words):
            return True
        return any(self._has(item, words) for item in self._given_by_imports(path, source))

    def _given_by_imports(self, path: str, source: SourceText) -> Iterator[str]:
        """The files that a text imports; and of a package those that its `__init__` gives on."""
        for other in self._imports_of(path, source):
            yield other
            known = self._text(other) if other.endswith("/__init__.py") else None
            if known is not None:
                yield from self._imports_of(other, known)

    def _works_with_keras(self, path: str, name: str) -> bool:
        """Whether a file imports Keras or TensorFlow itself, or is a program that has a name as it is; no parser."""
        source = self._text(path)
        return source is not None and (
            _KERAS_IMPORT.search(source.text) is not None or (name in source.text and _runs(source.text))
        )

    def _has(self, path: str, words: tuple[str, ...]) -> bool:
        """Whether a file has one of the words; looked up once for each text."""
        source = self._text(path)
        if source is None:
            return False
        known = self._having.get((path, words))
        if known is None or known[0] is not source:
            known = self._having[path, words] = source, any(word in source.text for word in words)
        return known[1]

    def has_pattern(self, path: str, pattern: str, words: tuple[str, ...]) -> bool:
        """Whether a file matches a pattern, which it can only with one of the words; looked up once for each text."""
        if not self._has(path, words):
            return False
        source = self._texts[path]
        known = self._matching.get((path, pattern))
        if source is not None and (known is None or known[0] is not source):
            known = self._matching[path, pattern] = source, re.search(pattern, source.text) is not None
        return known is not None and known[1]

    def _matters(self, path: str, source: SourceText) -> bool:
        """Whether a user of a module does anything with what it imports; looked up once for each text."""
        known = self._mattering.get(path)
        if known is None or known[0] is not source:
            text = source.text  # looking for the words first is much faster than the pattern
            does = any(word in text for word in _USE_WORDS) and _USES.search(text) is not None
            known = source, does or _runs(text)
            self._mattering[path] = known
        return known[1]

    def deriving(self, module: Module, name: str) -> list[Module]:
        """The modules of the project that import this one and have a class statement with `name` among its bases."""
        derives = re.compile(rf"^[ \t]*class[ \t]+\w+\([^)]*\b{re.escape(name)}\b", re.MULTILINE)
        place = _normal(self._reader.absolute(module.path))
        found = []
        for path in self.importers(module.path):
            source = self._text(path)
            if source is not None and derives.search(source.text):
                other = self.module(path) if self.reaches(path, module.path) else None
                if other is not None:
                    self._links.add((place, path))
                    found.append(other)
        return found

    def mentioning(self, path: str, words: tuple[str, ...], name: str) -> list[Module]:
        """The modules of the project that have one of the words and the name of a file, themselves or by an import.

        A module with the name, but none of the words, counts when it imports one that has: `put(model, PATH)`.
        A bare name counts in folders above and below this one only: elsewhere it is another file. Where none is there,
        those of the folders count which the packages lie in: there such programs are run.
        """
        place = _normal(self._reader.absolute(path))
        folder = posixpath.dirname(place)
        top = self._top(folder)
        started = self.outside_packages(folder)
        last = posixpath.basename(name)
        if top not in self._sources:
            self._sources[top] = [_normal(other) for other in self._reader.sources(top)]
        stems: set[str] = set()
        halves: set[str] = set()  # files that have the name without its ending: that of a model, maybe
        # files with one of the words: whether they have the name, or the ending behind the name of a model
        using: list[tuple[str, bool, bool, frozenset[str]]] = []
        helping: set[str] = set()  # files with one of the words
        without: list[tuple[str, bool, SourceText]] = []
        for other in self._sources[top]:
            if other.endswith(".ipynb") and not _names_file(self._start_of(other), last):
                continue
            source = self._glance(other)
            if source is None:
                continue
            named = _names_file(source.text, last)
            if named or _has_stem(source.text, last):  # a package may give it on
                known = posixpath.basename(other)[:-3], posixpath.basename(posixpath.dirname(other))
                (stems if named else halves).update(known)
            has = any(word in source.text for word in words)
            if has and not other.endswith(".ipynb"):
                helping.add(posixpath.basename(other.removesuffix("/__init__.py")).removesuffix(".py"))
            elif not has and other != place:
                without.append((other, named, source))
            if has and other != place:
                ends = not named and ".name" in source.text and _has_ending(source.text, last)
                using.append((other, named, ends, self._import_words(other, source.text)))
        for other, named, source in without if helping else ():
            if (named or stems) and self._matters(other, source):
                imported = self._import_words(other, source.text)
                if not helping.isdisjoint(imported):
                    using.append((other, named, False, imported))
        if self._journal is not None:
            self._journal.tree(top, self._sources[top])
            self._journal.needs(place, (f"texts:{top}",))
        hits: list[tuple[int, str]] = []
        beside: list[tuple[int, str]] = []  # in a package beside this folder, or in a folder beside this package
        for other, named, ends, imported in using:
            if not (named or not stems.isdisjoint(imported) or (ends and not halves.isdisjoint(imported))):
                continue
            above = posixpath.commonpath([folder, posixpath.dirname(other)])
            there = self.outside_packages(posixpath.dirname(other))
            if "/" in name.strip("/") or above in {folder, posixpath.dirname(other)} or started == there:
                hits.append((-len(above), other))
            elif posixpath.commonpath([started, there]) in {started, there} and self._works_with_keras(other, last):
                beside.append((-len(above), other))
        chosen = [other for _, other in sorted(hits or beside)[:MAXIMUM_IMPORTERS]]
        if self._journal is not None:
            self._journal.needs(place, chosen)
        self._links.update((place, other) for other in chosen)
        found = (self.module(other) for other in chosen)
        return [module for module in found if module is not None]

    def outside_packages(self, folder: str) -> str:
        """The folder that the outermost package around a folder lies in, without `src`; itself where it is in none."""
        current = folder
        while self._text(posixpath.join(current, "__init__.py")) is not None and current != posixpath.dirname(current):
            current = posixpath.dirname(current)
        return posixpath.dirname(current) if current != folder and posixpath.basename(current) == "src" else current

    def is_package(self, path: str) -> bool:
        """Whether the project around a file can be installed: others may use what it has."""
        place = _normal(self._reader.absolute(path))
        settings = posixpath.join(self._top(posixpath.dirname(place)), "pyproject.toml")
        if self._journal is not None:
            self._journal.needs(place, (settings,))
        if re.search(r"^\[(?:build-system|tool\.(?:poetry|flit)\b)", self.text(settings), re.MULTILINE):
            return True
        return any(True for _ in self.texts_with(path, "setuptools"))

    def texts_with(self, path: str, word: str) -> Iterator[str]:
        """The texts with a word among all files of the project around a file, its notebooks too; none is parsed."""
        return (text for text, _ in self.texts_around(path, word))

    def texts_around(self, path: str, word: str) -> Iterator[tuple[str, bool]]:
        """The same, and whether each lies in the folder of the file, or in one above or below it."""
        folder = posixpath.dirname(_normal(self._reader.absolute(path)))
        for other, source in self.sources_around(path, word):
            there = posixpath.dirname(other)
            yield source.text, posixpath.commonpath([folder, there]) in {folder, there}

    def sources_around(self, path: str, word: str = "") -> Iterator[tuple[str, SourceText]]:
        """The same files with a word, by their places."""
        place = _normal(self._reader.absolute(path))
        top = self._top(posixpath.dirname(place))
        if top not in self._sources:
            self._sources[top] = [_normal(other) for other in self._reader.sources(top)]
        if self._journal is not None:
            self._journal.tree(top, self._sources[top])
            self._journal.needs(place, (f"texts:{top}",))
        for other in self._sources[top]:
            if other == place or (other.endswith(".ipynb") and word not in self._start_of(other)):
                continue
            source = self._glance(other)
            if source is not None and word in source.text:
                yield other, source

    def _start_of(self, path: str) -> str:
        if path not in self._starts:
            self._starts[path] = self._reader.start_of(path)
            self._known.size += len(self._starts[path])
        return self._starts[path]

    def _import_words(self, path: str, text: str) -> frozenset[str]:
        if path not in self._words:
            self._words[path] = frozenset(word for line in _import_lines(text) for word in _WORDS.findall(line))
        return self._words[path]

    def is_run_elsewhere(self, path: str) -> bool:
        """Whether a file of the project that does something when it is run imports this one."""
        queue = [_normal(self._reader.absolute(path))]
        seen: set[str] = set()
        while queue and len(seen) < 40:
            place = queue.pop(0)
            seen.add(place)
            for other in self.importers(place):
                source = self._text(other)
                if source is not None and other not in seen and not is_test_file(other):
                    if _runs(source.text):
                        return True
                    queue.append(other)
        return False

    def _top(self, folder: str) -> str:
        """The top of the project that a folder is in: a marked one, else as far up as packages are imported from."""
        if folder in self._tops:
            return self._tops[folder]
        journal = self._journal
        top = next((root for root in self._search_roots(folder) if self._reader.is_root(root)), None)
        if top is None:
            top, below = folder, ""
            for _ in range(MAXIMUM_CLIMB):
                parent = posixpath.dirname(top)
                start = posixpath.join(top, "__init__.py")
                package = self._text(start) is not None
                folders, wanted = [parent], [posixpath.basename(top)]
                if wanted == ["src"]:  # what is in it is imported by its own name
                    folders += [posixpath.join(parent, name) for name in _SCRIPTS]
                    wanted = [below] if below else [posixpath.basename(path)[:-3] for path in self._reader.beside(top)]
                beside = [_normal(path) for place in folders if not package for path in self._reader.beside(place)]
                texts = [self._text(path) for path in beside]
                if journal is not None:
                    for place in (top, *folders):
                        journal.look("sources", place)
                    for path in (start, *beside):
                        journal.all_need(path)
                name = re.compile(rf"\b(?:{'|'.join(map(re.escape, wanted))})\b")
                lines = (line for text in texts if text is not None for line in _import_lines(text.text))
                found = package or (wanted and any(name.search(line) for line in lines))
                found = found or self._uses_packages_of(parent, top)
                if parent == top or not (found or self._is_for_notebooks(top, wanted)):
                    break
                top, below = parent, posixpath.basename(top)
        self._tops[folder] = top
        return top

    def _uses_packages_of(self, parent: str, folder: str) -> bool:
        """Whether a file in a folder imports a package that lies beside the folder, as programs in `jobs` do."""
        if self._journal is not None:
            self._journal.look("sources", folder)
        for path in map(_normal, self._reader.beside(folder)):
            source = self._text(path)
            if self._journal is not None:
                self._journal.all_need(path)
            for line in _import_lines(source.text) if source is not None else ():
                name = _DOTTED.match(line)
                if name is None or _is_outside(line):
                    continue
                parts = name.group().split(".")
                tried = [posixpath.join(parent, parts[0], "__init__.py")]
                tried += _candidates(parent, parts) if len(parts) > 1 else ()
                hits = [other for other in tried if self._text(other) is not None]
                if self._journal is not None:
                    for other in tried:
                        self._journal.all_need(other)
                if hits and not any(self._text(other) is not None for other in _candidates(folder, parts[:1])):
                    return True
        return False

    def _is_for_notebooks(self, folder: str, names: list[str]) -> bool:
        """Whether a notebook in the folder `notebooks` beside `src` imports one of the names."""
        if posixpath.basename(folder) != "src":
            return False
        place = posixpath.join(posixpath.dirname(folder), "notebooks")
        notebooks = [_normal(path) for path in self._reader.sources(place) if path.endswith(".ipynb")]
        if self._journal is not None:
            self._journal.look("sources", place)
            for path in notebooks:
                self._journal.all_need(path)
        return any(not imported_words(path, self._start_of(path)).isdisjoint(names) for path in notebooks)

    def _import_index(self, top: str) -> dict[str, tuple[str, ...]]:
        """From a word in an import statement to the files below a folder that have it."""
        if top not in self._indexes:
            index: dict[str, list[str]] = {}
            sources = self._reader.sources(top)
            if self._journal is not None:
                self._journal.tree(top, sources)
            for path in sources:
                source = None if path.endswith(".ipynb") else self._glance(_normal(path))
                text = self._reader.start_of(path) if path.endswith(".ipynb") else source.text if source else ""
                words = imported_words(path, text)
                for word in words:
                    index.setdefault(word, []).append(_normal(path))
                if self._journal is not None:
                    self._journal.imports(path, words)
            self._indexes[top] = {word: tuple(paths) for word, paths in index.items()}
        return self._indexes[top]

    def _search_roots(self, folder: str) -> tuple[str, ...]:
        """The file's folder and those above it, up to the project's top; and `src` of the top, or beside the folder."""
        known = self._roots.get(folder)
        if known is None:
            found = [folder]
            current = folder
            for _ in range(MAXIMUM_CLIMB):
                if self._journal is not None:
                    self._journal.look("marks", current)
                if self._reader.is_root(current):
                    found.append(posixpath.join(current, "src"))
                    break
                parent = posixpath.dirname(current)
                if parent == current:
                    found.append(posixpath.join(posixpath.dirname(folder), "src"))
                    break
                current = parent
                found.append(current)
            else:
                found = [*found[:4], posixpath.join(posixpath.dirname(folder), "src")]
            found.append(posixpath.join(folder, "src"))
            known = self._roots[folder] = tuple(dict.fromkeys(found))
        return known

    def text(self, path: str) -> str:
        """The text of a file that was found; empty when it is gone."""
        source = self._text(path)
        return "" if source is None else source.text

    def is_under_way(self, path: str) -> bool:
        """Whether a module cannot be asked yet, because it is followed just now."""
        known = self._modules.get(path)
        return path in self._loading or (known is not None and known.is_running)

    def is_read(self, path: str) -> bool:
        """Whether the module in a file was parsed already."""
        return path in self._modules

    def _text(self, path: str) -> SourceText | None:
        if path not in self._texts:
            self._known.take(path, self._reader.read(path))
        return self._texts[path]

    def _glance(self, path: str) -> SourceText | None:
        """The text of one of many files that are looked through; it is kept only when there is room for it."""
        if path in self._texts or self._known.size < KEPT_TEXT:
            return self._text(path)
        return self._reader.read(path)


def _names_file(text: str, name: str) -> bool:
    """Whether a text has the name of a file, or may make it: `f"{run}.keras"` with `run` out of `("first", "second")`.

    In a notebook, too, where the quotes of the cells are escaped.
    """
    return name in text or (_has_stem(text, name) and _has_ending(text, name)) or _has_template(text, name)


def _has_template(text: str, name: str) -> bool:
    """Whether a text puts a name together that may be this one: `f"width{width}.keras"` for "width4.keras".

    It looks back from each end of a name, and no further than a name is long: texts may be data without a space.
    """
    suffix = posixpath.splitext(name)[1]
    at = text.find(suffix) if suffix else -1
    while at >= 0:
        end = at + len(suffix)
        if text[end : end + 2].lstrip("\\")[:1] in _QUOTE_MARKS:
            before = _NAME_START.split(text[max(0, at - _LONGEST_NAME) : at])
            first, *others = _PLACE.split(before[-1])
            parts = [first, *filter(None, others[:-1]), *others[-1:]]  # places side by side are one
            enough = len(before) > 1 and 1 < len(parts) <= _MOST_PARTS and len("".join(parts)) > 1
            if enough and re.fullmatch(".+".join(map(re.escape, parts)), name[: -len(suffix)]):
                return True
        at = text.find(suffix, end)
    return False


def _has_stem(text: str, name: str) -> bool:
    stem, suffix = posixpath.splitext(name)
    return bool(suffix) and any(f"{quote}{stem}{end}" in text for quote, end in _QUOTES)


def _has_ending(text: str, name: str) -> bool:
    suffix = posixpath.splitext(name)[1]
    return any(f"{before}{suffix}" in text for before in ("}", "%s", '"', "'"))


def without_plain_imports(text: str) -> str:
    """A text without the import statements that bind what they name under the same name."""
    return _PLAIN_IMPORT.sub("", f"\n{text}")


def names_not_called(text: str) -> frozenset[str]:
    """The names in a text that stand there otherwise than to be called, defined or imported under that name."""
    return frozenset(_NOT_CALLED.findall(without_plain_imports(text)))


def import_statements(text: str) -> Iterator[tuple[str, list[str]]]:
    """What the import statements of a text name: the module behind `from`, empty without one, and the names.

    Text that only looks like a statement is taken for one.
    """
    for match in _IMPORTED.finditer(text):
        start = match.start()
        if start and (text[start - 1].isalnum() or text[start - 1] in "_."):
            continue
        base, behind = None, start
        while base is None and (behind := text.rfind("from", max(0, start - _LONGEST_FROM), behind)) >= 0:
            base = _IMPORTED_FROM.fullmatch(text, behind, start)
        names = (name.strip() for name in _NO_NAME.sub(" ", match[1] or match[2] or "").split(","))
        yield base[1].replace(" ", "") if base else "", [name for name in names if name.replace(".", "").isidentifier()]


def _with_packages(dotted: str) -> list[str]:
    """`a`, `a.b` and `a.b.c` of the last."""
    parts = dotted.split(".")
    return [".".join(parts[: count + 1]) for count in range(len(parts))]


def imported_words(path: str, text: str) -> set[str]:
    """The words in the import statements of a file; `text` is that of a module, or a notebook's JSON.

    A package that is named by dots alone is there by the name of its folder: `from . import train`.
    """
    lines = _NOTEBOOK_IMPORTS.findall(text) if path.endswith(".ipynb") else _import_lines(text)
    words = {word for line in lines if not _is_outside(line) for word in _WORDS.findall(line)}
    for dots in {found[1] for found in map(_DOTS.match, lines) if found is not None}:
        folder = _normal(path)
        for _ in dots:
            folder = posixpath.dirname(folder)
        words.add(posixpath.basename(folder))
    return words - {""}


def _import_lines(text: str) -> list[str]:
    """The lines of a module that import, without their first word and without a comment."""
    return _IMPORTS.findall(f"\n{text}")


def _runs(text: str) -> bool:
    """Whether a module does something when it is run, by text."""
    return _RUNS.search(f"\n{text}") is not None


def _is_outside(line: str) -> bool:
    """Whether an import, without its first word, reaches for one package that is no part of the project."""
    root = _WORDS.match(line)
    if root is None or root.group() not in _OUTSIDE or line.startswith("keras.src"):
        return False
    if root.group() in _PLAIN_MODULES and line[root.end() : root.end() + 1] == ".":
        return False
    return "," not in line or " import " in line


def _candidates(base: str, parts: list[str]) -> Iterator[str]:
    path = posixpath.join(base, *parts) if parts else base
    if parts:
        yield path + ".py"
    yield posixpath.join(path, "__init__.py")


def _normal(path: str) -> str:
    return posixpath.normpath(path.replace("\\", "/"))
