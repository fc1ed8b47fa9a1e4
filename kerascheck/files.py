"""Files: which ones a run looks at, their bytes, and writing them back without damage.

A run over a folder without Keras ends here, so nothing heavy is imported at the top of this module.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from functools import cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pathspec

    from kerascheck.cache import Recorder
    from kerascheck.semantic.project import Project
    from kerascheck.text import SourceText

SUFFIXES = (".py", ".ipynb")
LARGEST_SOURCE = 5_000_000  # bytes of one source file, characters of one notebook's code
LARGEST_FOLDER = 100  # files of one folder whose imports are looked at for the top of a project
LARGEST_PROJECT = 2_000  # files that are looked through for imports of a checked file
LARGEST_START = 2_000_000  # bytes of a notebook that are looked through for its imports
_PICTURE = re.compile(rb"[A-Za-z0-9+/=\\]{200,}")  # in base64: two thirds of what notebooks are
LARGEST_NOTEBOOK = 100_000_000  # bytes; notebooks carry pictures
LARGEST_ENVIRONMENT = 200_000  # bytes of a YAML file that may list an environment
DEFAULT_EXCLUDE = frozenset(
    {
        ".bzr", ".direnv", ".eggs", ".git", ".hg", ".ipynb_checkpoints", ".kerascheck_cache", ".mypy_cache", ".nox",
        ".pants.d", ".pytest_cache", ".ruff_cache", ".svn", ".tox", ".venv", ".virtual_documents", "__pycache__",
        "__pypackages__", "build", "dist", "node_modules", "site-packages", "venv",
    }
)  # fmt: skip
_DEPENDENCIES = re.compile(rb"^dependencies:\s*(?:#[^\n]*\s*)*-\s", re.MULTILINE)
_PLAIN_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


PROJECT_MARKS = (".git", "pyproject.toml", "setup.py", "setup.cfg")


class FileProblem(Exception):
    """A path that cannot be read or written; the text is one line that names it and says what to do."""


def mentions_keras(raw: bytes) -> bool:
    """Whether a file can have findings at all: the test of `engine.mentions_keras`, on bytes."""
    return b"keras" in raw or (b"tensorflow" in raw and b"set_random_seed" in raw)


def may_use_project(path: str, raw: bytes, project: Project | None = None) -> bool:
    """Whether a file without Keras may matter to a Keras program of its project.

    It has a method of models in it or defines `call`, numbers labels, sets a seed or runs the initializer; and a file
    of the project that it imports, or that imports it, directly or not, mentions Keras. Or files that it imports do
    both, and this one calls what stands there. `project` are the files around it, by default those on the disk.
    """
    notebook = path.endswith(".ipynb")
    if not may_matter(raw):
        return False
    text = raw.decode("utf-8", "replace").replace("\r\n", "\n")
    project = project or _neighbourhood()
    helps = not notebook and _helps(raw)  # nothing imports a notebook
    works = helps or any(method.encode() in raw for method in _METHODS)
    if works and project.reaches_keras(path, text):
        return True
    handed = helps or (not notebook and any(method in raw for method in _OF_MODELS))  # models that others make
    return (handed and project.is_used_with_keras(path)) or project.imports_keras_with(path, text, _METHODS)


def may_matter(raw: bytes) -> bool:
    """The first, cheap half of `may_use_project`: the file alone."""
    return b"import" in raw or _helps(raw) or any(method in raw for method in _OF_MODELS)


# a set in braces, or what looks like one
_SET = re.compile(rb"(?:[(=]|\b(?:in|return))\s*\{[^{}:]{1,400}\}")
_OF_MODELS = (b"metrics=", b"load_weights(", b"save_weights(", b"train_on_batch(", b"fit_generator(")
_METHODS = (".fit(", ".save(", "load_weights(", "save_weights(", "fit_generator(", "train_on_batch(", "metrics=")


def _helps(raw: bytes) -> bool:
    """Whether a file may number labels, split rows, keep weights, set a seed, or define a loss or a metric for others.

    Or run the initializer, or define a `call` for classes of others.
    """
    words = (
        b"set(",
        b"enumerate(",
        b".index(",
        b"train_test_split(",
        b"shuffle(",
        b"permutation(",
        b"load_weights(",
        b"save_weights(",
        b"random.seed(",
        b"set_seed(",
        b"variables_initializer(",
        b"import tensorflow",
        b"def call(self",
        b"y_pred",
    )
    return any(word in raw for word in words) or _SET.search(raw) is not None


@cache
def _neighbourhood() -> Project:
    """The files around those of this process, for fronts that are asked for one file after another."""
    return neighbourhood()


def neighbourhood(recorder: Recorder | None = None) -> Project:
    """The files around those of a run, read without a parser. What is looked at goes into `recorder`."""
    from kerascheck.semantic.project import Project

    cells = lambda raw: raw[:LARGEST_START].decode("utf-8", "replace")  # noqa: E731
    return Project(ProjectReader(cells, recorder), None, recorder)


class ProjectReader:
    """Lets the core read the files around a checked one. What cannot be read is as if it were not there.

    `cells` gives the code of a notebook's bytes, None when it cannot be told; without it there are no notebooks.
    What is read goes into `recorder`.
    """

    def __init__(self, cells: Callable[[bytes], str | None] | None = None, recorder: Recorder | None = None) -> None:
        self._cells = cells
        self._recorder = recorder

    def absolute(self, path: str) -> str:
        return os.path.abspath(path).replace(os.sep, "/")

    def shown(self, path: str) -> str:
        here = os.getcwd()
        return display(os.path.relpath(path, here) if path.startswith(os.path.join(here, "")) else path)

    def read(self, path: str) -> SourceText | None:
        from kerascheck.text import DecodeError, SourceText

        if not os.path.isfile(path):
            if self._recorder is not None:
                self._recorder.content(path, None, None)
            return None
        try:
            raw = read(path, self._recorder)
            check_size(path, raw)
            if path.endswith(".ipynb"):
                code = self._cells(raw) if self._cells is not None else None
                return SourceText(code) if code is not None else None
            return SourceText.from_bytes(raw)
        except (FileProblem, DecodeError):
            return None

    def beside(self, folder: str) -> list[str]:
        try:
            names = sorted(name for name in os.listdir(folder) if name.endswith(".py"))
        except OSError:
            return []
        return [os.path.join(folder, name) for name in names[:LARGEST_FOLDER]]

    def sources(self, folder: str) -> list[str]:
        return tree_files(folder, notebooks=self._cells is not None)

    def start_of(self, path: str) -> str:
        try:
            if self._recorder is not None:
                raw = read(path, self._recorder)[:LARGEST_START]
            else:
                with open(path, "rb") as file:
                    raw = file.read(LARGEST_START)
            return _PICTURE.sub(b"", raw).decode("utf-8", "replace")
        except (OSError, FileProblem):
            return ""

    def is_root(self, folder: str) -> bool:
        return bool(project_marks(folder))


def project_marks(folder: str) -> list[str]:
    """What makes a folder the top of a project; a module `setup.py` of a package is no such thing."""
    found = [name for name in PROJECT_MARKS if os.path.exists(os.path.join(folder, name))]
    if found == ["setup.py"] and os.path.exists(os.path.join(folder, "__init__.py")):
        try:
            with open(os.path.join(folder, "setup.py"), "rb") as file:
                return found if b"setup(" in file.read(LARGEST_START) else []
        except OSError:
            return []
    return found


def tree_files(folder: str, notebooks: bool = True) -> list[str]:
    """The Python files, and notebooks, below a folder, as absolute paths with `/`; at most LARGEST_PROJECT."""
    found: list[str] = []
    for path in Discovery().files(folder):
        if path.endswith(".py") or notebooks:
            found.append(os.path.abspath(path).replace(os.sep, "/"))
            if len(found) >= LARGEST_PROJECT:
                break
    return found


def read(path: str, recorder: Recorder | None = None) -> bytes:
    """The bytes of a file, which go into `recorder` too. Raises FileProblem when it cannot be read.

    Of a very large file only the start is read, just enough for `check_size` to refuse it.
    """
    try:
        with open(path, "rb") as file:
            if recorder is None:
                return file.read(LARGEST_NOTEBOOK + 1)
            status = os.fstat(file.fileno())
            raw = file.read(LARGEST_NOTEBOOK + 1)
            recorder.content(path, status, raw)
            return raw
    except OSError as error:
        if recorder is not None:
            recorder.content(path, None, None)
        raise FileProblem(f"{path}: cannot be read: {error.strerror or error}") from error
    except ValueError as error:  # a null character in the name
        raise FileProblem(f"{path!r}: cannot be read: {error}") from error


def read_start(path: str) -> str:
    """The start of a file's text; empty when it cannot be read."""
    try:
        return read(path)[:LARGEST_START].decode("utf-8", "replace")
    except FileProblem:
        return ""


def check_size(path: str, raw: bytes) -> None:
    """Raises FileProblem when a file is too large to be looked at."""
    largest = LARGEST_NOTEBOOK if path.endswith(".ipynb") else LARGEST_SOURCE
    if len(raw) > largest:
        raise FileProblem(f"{path}: not read, larger than {largest // 1_000_000} MB; exclude it or split it")


def write(path: str, before: bytes, after: bytes) -> None:
    """Replace the bytes `before` of a file by `after`, through a temporary file in the same folder; the mode stays.

    Raises FileProblem, with the file untouched, when it is a symbolic link, read-only, or not `before` any more.
    """
    import tempfile

    try:
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode):
            raise FileProblem(f"{path}: not fixed, a symbolic link; run on the file it points to")
        if not status.st_mode & 0o222 or not os.access(path, os.W_OK):
            raise FileProblem(f"{path}: not fixed, read-only; make it writable and run again")
        with open(path, "rb") as file:
            if file.read() != before:
                raise FileProblem(f"{path}: not fixed, changed while it was checked; run again")
        handle, temporary = tempfile.mkstemp(prefix=".kerascheck-", dir=os.path.dirname(path) or ".")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(after)
            os.chmod(temporary, stat.S_IMODE(status.st_mode))
            if sys.platform != "win32" and (status.st_uid, status.st_gid) != _owner(temporary):
                os.chown(temporary, status.st_uid, status.st_gid)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise FileProblem(f"{path}: not fixed: {error.strerror or error}; the file is as it was") from error


def display(path: str) -> str:
    """A path as findings show it: without a leading `./`, with slashes."""
    path = os.path.normpath(path)
    return path.replace(os.sep, "/")


class Discovery:
    """The files at and below a path, in a stable order.

    `excluded` says whether the settings exclude a path (as `files` yields it, with the separators of the system);
    `problems` collects paths that could not be looked at, one line each.
    """

    def __init__(
        self,
        *,
        default_exclude: bool = True,
        excluded: Callable[[str], bool] | None = None,
        force_exclude: bool = False,
        recorder: Recorder | None = None,
    ) -> None:
        self.problems: list[str] = []
        self._names = DEFAULT_EXCLUDE if default_exclude else frozenset()
        self._excluded = excluded
        self._force = force_exclude
        self._ignores = Ignores(recorder)

    def files(self, path: str) -> Iterator[str]:
        """Every file at or below `path` that may hold Python; files that git ignores are still among them.

        Ask `git_ignores` about those that matter: reading a .gitignore costs more than looking into a file.
        """
        named = os.path.normpath(path)
        if self._force and self._is_excluded(named, whole=True):
            return
        if os.path.isdir(path):
            yield from self._walk(named)
        elif os.path.lexists(path):
            yield named
        else:
            self.problems.append(f"{path}: no such file or folder")

    def git_ignores(self, path: str, root: str) -> bool:
        """Whether a .gitignore excludes a file found below `root`; `root` itself is always taken."""
        named = os.path.normpath(root)
        return path != named and self._ignores.ignores(path, named)

    def _walk(self, folder: str) -> Iterator[str]:
        """Files below a folder, folders and files by name; links to folders are not followed, so loops cannot be."""
        pending = [folder]
        while pending:
            current = pending.pop()
            try:
                with os.scandir(current) as found:
                    entries = sorted(found, key=lambda entry: entry.name)
            except OSError as error:
                self.problems.append(f"{current}: cannot be read: {error.strerror or error}")
                continue
            skipped: frozenset[str] = frozenset()
            if any(entry.name == ".gitignore" for entry in entries):
                skipped = plain_folders(os.path.join(current, ".gitignore"))
            folders = []
            for entry in entries:
                path = entry.name if current == "." else os.path.join(current, entry.name)
                try:
                    if entry.is_dir(follow_symlinks=False):
                        if entry.name not in skipped and not self._is_excluded(path):
                            folders.append(path)
                    elif entry.name.endswith(SUFFIXES) and entry.is_file() and not self._is_excluded(path):
                        yield path
                except OSError as error:
                    self.problems.append(f"{path}: cannot be read: {error.strerror or error}")
            pending.extend(reversed(folders))

    def _is_excluded(self, path: str, whole: bool = False) -> bool:
        """Whether the default names or the settings exclude a path; `whole` looks at every folder in it."""
        names = path.replace(os.sep, "/").split("/") if whole else (os.path.basename(path),)
        if any(name in self._names for name in names):
            return True
        return self._excluded is not None and self._excluded(path)


class Ignores:
    """The .gitignore files of the folders that were asked about; each is read once, and everything hangs on it."""

    def __init__(self, recorder: Recorder | None = None) -> None:
        self._recorder = recorder
        self._specs: dict[str, pathspec.GitIgnoreSpec | None] = {}
        self._folders: dict[str, bool] = {}
        self._tops: dict[str, str] = {}

    def ignores(self, path: str, root: str) -> bool:
        """Whether git ignores `path`, looking only at what lies below `root`, which the user named."""
        absolute, top = os.path.abspath(path), os.path.abspath(root)
        return self._within_ignored(os.path.dirname(absolute), top) or self._decides(absolute, absolute, top)

    def _within_ignored(self, folder: str, root: str) -> bool:
        """Whether git ignores `folder` or one above it, up to but without `root`."""
        if folder == root or not folder.startswith(root):
            return False
        return self._within_ignored(os.path.dirname(folder), root) or self._ignores_folder(folder, root)

    def _ignores_folder(self, folder: str, root: str) -> bool:
        if folder not in self._folders:
            self._folders[folder] = self._decides(folder, folder + "/", root)
        return self._folders[folder]

    def _decides(self, path: str, text: str, root: str) -> bool:
        """What the nearest .gitignore that speaks of `path` says; `text` ends in a slash for a folder."""
        folder = os.path.dirname(path)
        top = self._top(root)
        while True:
            spec = self._spec(folder)
            if spec is not None:
                relative = text[len(folder.rstrip(os.sep)) + 1 :].replace(os.sep, "/")
                said = spec.check_file(relative).include
                if said is not None:
                    return said
            if folder == top:
                return False
            folder = os.path.dirname(folder)

    def _top(self, folder: str) -> str:
        """How far up .gitignore files count for what lies below a folder that the user named.

        The top of its repository; the folder itself outside of one, and when git ignores the folder.
        """
        if folder not in self._tops:
            self._tops[folder] = top = find_upwards(folder, ".git") or folder
            if self._recorder is not None:
                self._recorder.look("marks", top)
            if self._within_ignored(folder, top):
                self._tops[folder] = folder
                self._folders.clear()
        return self._tops[folder]

    def _spec(self, folder: str) -> pathspec.GitIgnoreSpec | None:
        if folder not in self._specs:
            path = os.path.join(folder, ".gitignore")
            self._specs[folder] = _read_ignore(path, self._recorder)
            if self._recorder is not None:
                self._recorder.all_need(path)
        return self._specs[folder]


def plain_folders(path: str) -> frozenset[str]:
    """Names in a .gitignore that can be pruned without understanding patterns: `env/`, when nothing is taken back."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = [line.strip() for line in file]
    except OSError:
        return frozenset()
    if any(line.startswith("!") for line in lines):
        return frozenset()
    names = {line.strip("/") for line in lines if line.endswith("/")}
    return frozenset(name for name in names if name and _PLAIN_NAME.issuperset(name))


def find_upwards(folder: str, name: str) -> str | None:
    """The nearest folder, from `folder` up, that holds an entry called `name`; `folder` is absolute."""
    while True:
        if os.path.lexists(os.path.join(folder, name)):
            return folder
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent


def _read_ignore(path: str, recorder: Recorder | None) -> pathspec.GitIgnoreSpec | None:
    try:
        lines = read(path, recorder).decode("utf-8", "replace").splitlines()
    except FileProblem:
        return None
    import pathspec

    try:
        return pathspec.GitIgnoreSpec.from_lines(lines)
    except ValueError:  # one pattern that git would pass over must not stop the run
        return pathspec.GitIgnoreSpec.from_lines(line for line in lines if _is_pattern(line))


def _is_pattern(line: str) -> bool:
    import pathspec

    try:
        pathspec.GitIgnoreSpec.from_lines([line])
    except ValueError:
        return False
    return True


def _owner(path: str) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_uid, status.st_gid


def settings_file(folder: str, recorder: Recorder | None = None) -> str | None:
    """The nearest pyproject.toml, from `folder` up, that speaks of kerascheck; `folder` is absolute.

    Each file that was looked for is something that everything hangs on, for `recorder`.
    """
    while True:
        path = os.path.join(folder, "pyproject.toml")
        try:
            if b"kerascheck" in read(path, recorder):
                return path
        except FileProblem:
            pass  # there is none, or it is not for us to read
        finally:
            if recorder is not None:
                recorder.all_need(path)
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent


def project_top(folder: str, recorder: Recorder | None = None) -> str:
    """The folder up to which requirement files count: the repository, the package, or the working folder."""
    if recorder is not None:
        above = folder
        while above not in recorder.climbed:
            recorder.climbed.add(above)
            recorder.look("marks", above)
            above = os.path.dirname(above)
    for name in PROJECT_MARKS:
        top = find_upwards(folder, name)
        while top is not None and name not in project_marks(top):  # a module `setup.py` of a package
            above = os.path.dirname(top)
            top = find_upwards(above, name) if above != top else None
        if top is not None:
            return top
    here = os.getcwd()
    return here if folder == here or folder.startswith(here.rstrip(os.sep) + os.sep) else folder


def sources_in(folder: str, recorder: Recorder | None = None) -> list[str]:
    """The absolute paths of the Python files and notebooks in a folder; none where there are very many."""
    if recorder is not None:
        recorder.look("notebooks", folder)
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(SUFFIXES))
    except OSError:
        return []
    return [os.path.join(folder, name) for name in names] if len(names) <= LARGEST_FOLDER else []


def environments(folder: str) -> Iterator[tuple[str, bytes]]:
    """The environments that conda makes from files of any name: YAML with a list of dependencies in it.

    Those in a folder and in the folders of it whose names begin with `env` or `conda`, each with its name from there.
    """
    pending = [""]
    for below in pending:
        try:
            with os.scandir(os.path.join(folder, below)) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError:
            continue
        if not below:
            pending += [
                f"{entry.name}/"
                for entry in entries
                if entry.name.lower().startswith(("env", "conda")) and entry.is_dir(follow_symlinks=False)
            ]
        written = [entry for entry in entries if entry.name.lower().endswith((".yml", ".yaml"))]
        for entry in written if len(written) <= LARGEST_FOLDER else ():
            try:
                if not entry.is_file() or entry.stat().st_size > LARGEST_ENVIRONMENT:
                    continue
                raw = read(entry.path)
            except (OSError, FileProblem):
                continue
            if _DEPENDENCIES.search(raw) is not None:
                yield below + entry.name, raw


def environment_texts(folder: str, recorder: Recorder | None = None) -> dict[str, str]:
    """The texts of `environments`."""
    if recorder is not None:
        recorder.look("environments", folder)
    return {name: raw.decode("utf-8", "replace") for name, raw in environments(folder)}


def texts(folder: str, wanted: Callable[[str], bool], recorder: Recorder | None = None) -> dict[str, str]:
    """The texts of the files in a folder, and in its `requirements/`, whose names (with that folder) are wanted."""
    found: dict[str, str] = {}
    if recorder is not None:
        recorder.look("requirements", folder)
    for below in ("", "requirements/"):
        try:
            names = sorted(os.listdir(os.path.join(folder, below)))
        except OSError:
            continue
        for name in names:
            path = os.path.join(folder, below, name)
            if wanted(below + name) and os.path.isfile(path):
                try:
                    raw = read(path, recorder)
                except FileProblem:
                    continue
                finally:
                    if recorder is not None:
                        recorder.all_need(path)
                if len(raw) <= LARGEST_SOURCE:
                    # PowerShell's `pip freeze > requirements.txt` writes UTF-16
                    wide = raw.startswith((b"\xff\xfe", b"\xfe\xff"))
                    found[below + name] = raw.decode("utf-16" if wide else "utf-8", "replace")
    return found
