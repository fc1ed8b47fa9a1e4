"""Which files a run looks at: those that mention Keras, and those that matter to a program which does."""

from __future__ import annotations

import os
from functools import cached_property

from kerascheck import files
from kerascheck.cache import KERAS, NOTHING, UNSURE, Cache, Entry, Recorder
from kerascheck.terminal import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from kerascheck.semantic.project import Project


class Exclusions:
    """What the command line leaves out; the settings of each folder that is named add to it."""

    def __init__(
        self, exclude: list[str] | None, extend_exclude: list[str], isolated: bool, cache: Cache | None = None
    ) -> None:
        """`exclude` are the patterns in place of the default names, None where nothing is said."""
        self._exclude = exclude
        self._extend = extend_exclude
        self._isolated = isolated
        self._cache = cache
        self._known: dict[str, tuple[bool, Callable[[str], bool] | None]] = {}

    def of(self, folder: str) -> tuple[bool, Callable[[str], bool] | None]:
        """Whether the default names are excluded below a folder, and what else is."""
        if folder not in self._known:
            default, patterns = (True, []) if self._isolated else self._of_settings(folder)
            here = os.getcwd()
            if self._exclude is not None:
                default = False
                patterns = [(here, pattern) for pattern in self._exclude]
            self._known[folder] = default, _excluder([*patterns, *((here, pattern) for pattern in self._extend)])
        return self._known[folder]

    def _of_settings(self, folder: str) -> tuple[bool, list[tuple[str, str]]]:
        """Whether the settings leave the default names out, and their patterns with the folders these start from."""
        if self._cache is not None and folder in self._cache.exclusions:
            return self._cache.exclusions[folder]
        recorder = None if self._cache is None else self._cache.recorder
        found: tuple[bool, list[tuple[str, str]]] = (True, [])
        if files.settings_file(folder, recorder) is not None:
            from kerascheck.pages import known_codes
            from kerascheck.settings import SettingsError
            from kerascheck.surroundings import read_settings

            try:
                settings = read_settings(folder, known_codes(), recorder)
            except SettingsError as error:
                raise Failure(str(error)) from None
            if settings is not None:
                patterns = (*(settings.exclude or ()), *settings.extend_exclude)
                found = settings.exclude is None, [(settings.folder, pattern) for pattern in patterns]
        if self._cache is not None:
            self._cache.exclusions[folder] = found
        return found


def _excluder(patterns: list[tuple[str, str]]) -> Callable[[str], bool] | None:
    if not patterns:
        return None
    from kerascheck.settings import matches

    def excluded(path: str) -> bool:
        absolute = os.path.abspath(path)
        for base, pattern in patterns:
            relative = os.path.relpath(absolute, base).replace(os.sep, "/")
            if not relative.startswith("../") and matches(relative, pattern):
                return True
        return False

    return excluded


class Candidates:
    """The files of a run. `problems` are lines for stderr, `looked_at` counts the files of any kind."""

    def __init__(self, exclusions: Exclusions, *, force_exclude: bool, cache: Cache | None = None) -> None:
        self.problems: list[str] = []
        self.looked_at = 0
        self._exclusions = exclusions
        self._doubtful: dict[str, tuple[files.Discovery, str]] = {}  # files without Keras, and how they were found
        self._force = force_exclude
        self._cache = cache
        self._recorder: Recorder | None = None if cache is None else cache.recorder

    def all(self, roots: Iterable[str]) -> list[str]:
        """Every file that is not excluded, in order."""
        return [path for path, _ in self._walk(roots, lambda path, named: KERAS)]

    def with_keras(self, roots: Sequence[str]) -> list[str]:
        """The files to look at, in order."""
        found = self._walk(roots, self._kind)
        if all(kind == UNSURE for _, kind in found):  # no Keras anywhere in this run
            return []
        chosen = [path for path, kind in found if kind == KERAS or self._is_chosen(path)]
        self._doubtful.clear()
        self.__dict__.pop("_project", None)  # the texts that it holds have done their service
        return chosen

    def _walk(self, roots: Iterable[str], kind_of: Callable[[str, bool], int]) -> list[tuple[str, int]]:
        seen: set[str] = set()
        found: list[tuple[str, int]] = []
        for root in roots:
            folder = os.path.abspath(root if os.path.isdir(root) else os.path.dirname(root))
            default, excluded = self._exclusions.of(folder)
            discovery = files.Discovery(
                default_exclude=default, excluded=excluded, force_exclude=self._force, recorder=self._recorder
            )
            top = os.path.normpath(root)
            for path in discovery.files(root):
                if path in seen:
                    continue
                seen.add(path)
                try:
                    kind = kind_of(path, path == top)
                    if kind == NOTHING:
                        continue
                    if kind == UNSURE:  # mostly there is no need to ask git
                        self._doubtful[path] = discovery, root
                        found.append((path, kind))
                    elif self._is_ignored(discovery, path, root):
                        seen.discard(path)
                    else:
                        found.append((path, kind))
                except files.FileProblem as problem:
                    self.problems.append(str(problem))
            self.problems.extend(discovery.problems)
        self.looked_at = len(seen)
        return found

    def _is_chosen(self, path: str) -> bool:
        """Whether a file without Keras serves a program that has it, and git does not ignore it."""
        return self._serves_keras(path) and not self._is_ignored(self._doubtful[path][0], path, self._doubtful[path][1])

    def _is_ignored(self, discovery: files.Discovery, path: str, root: str) -> bool:
        if self._cache is None:
            return discovery.git_ignores(path, root)
        known = self._cache.ignored.setdefault(os.path.abspath(root), {})
        absolute = os.path.abspath(path)
        if absolute not in known:
            known[absolute] = discovery.git_ignores(path, root)
        return known[absolute]

    def _kind(self, path: str, named: bool) -> int:
        """Whether a file is worth the parser, or whether that hangs on the project around it.

        A notebook that the user named is read in any case: it may be broken.
        """
        entry = None if self._cache is None else self._cache.entry(path, named)
        if entry is not None:
            return entry.kind
        raw = files.read(path, self._recorder)
        if files.mentions_keras(raw) or (named and path.endswith(".ipynb")):
            files.check_size(path, raw)
            kind = KERAS
        elif not files.may_matter(raw):
            kind = NOTHING
        elif named:
            return KERAS if files.may_use_project(path, raw, self._project) else NOTHING
        else:
            kind = UNSURE
        if self._cache is not None:
            self._cache.put(path, Entry(kind, named))
        return kind

    @cached_property
    def _project(self) -> Project:
        """The files around those of the run."""
        return files.neighbourhood(self._recorder)

    def _serves_keras(self, path: str) -> bool:
        entry = None if self._cache is None else self._cache.entry(path, False)
        if entry is not None and entry.served is not None:
            return entry.served
        try:
            raw = files.read(path, self._recorder)
            served = files.may_use_project(path, raw, self._project)
        except files.FileProblem:  # it was readable a moment ago; what changes underneath is left out
            return False
        if self._cache is not None:
            self._cache.put(path, Entry(UNSURE, False, served))
        return served
