"""What surrounds a file: the settings and the Keras that count for it. All fronts ask here, so they agree."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from kerascheck import files
from kerascheck.pages import known_codes
from kerascheck.settings import PerFile, Settings, SettingsError, from_toml

if TYPE_CHECKING:
    from kerascheck.cache import Recorder
    from kerascheck.engine import Confirm, Options
    from kerascheck.semantic.project import Project, Texts
    from kerascheck.semantic.target import Target

# characters of parsed source that are kept for files which mean another Keras than the one that is checked now
KEPT_BESIDES = 100_000


@dataclass(frozen=True)
class Overrides:
    """What the command line says over the settings; None or empty where it says nothing."""

    select: tuple[str, ...] | None = None
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    per_file_ignores: PerFile = ()
    target_keras: str | None = None
    backend: str | None = None
    unsafe_fixes: bool = False
    isolated: bool = False

    def over(self, settings: Settings) -> Settings:
        """The settings with these on top. A selection on the command line takes the place of the whole selection."""
        chosen = self.select is not None
        return replace(
            settings,
            select=settings.select if self.select is None else self.select,
            extend_select=self.extend_select if chosen else (*settings.extend_select, *self.extend_select),
            ignore=self.ignore if chosen else (*settings.ignore, *self.ignore),
            per_file_ignores=(*settings.per_file_ignores, *self.per_file_ignores),
            target_keras=self.target_keras or settings.target_keras,
            backend=self.backend or settings.backend,
            unsafe_fixes=self.unsafe_fixes or settings.unsafe_fixes,
        )


class Surroundings:
    """The settings and the target of files by the folders they lie in; each pyproject.toml is read once."""

    def __init__(
        self,
        overrides: Overrides,
        confirmer: Callable[[Settings, bytes], Confirm] | None = None,
        recorder: Recorder | None = None,
    ) -> None:
        """`confirmer` gives what confirms the findings of a file with these settings and bytes.

        What is looked at goes into `recorder`.
        """
        self.recorder = recorder
        self._overrides = overrides
        self._confirmer = confirmer
        self._known = known_codes()
        self._settings: dict[str, Settings] = {}
        self._targets: dict[str, Target | None] = {}
        self._readmes: dict[str, Target | None] = {}
        self._beside: dict[str, dict[str, tuple[frozenset[str], Target | None]]] = {}
        self._projects: dict[Target, Project] = {}
        self._texts: Texts | None = None  # read without a parser, for whichever Keras

    def settings(self, path: str) -> Settings:
        """The settings that count for a file, command line included. Raises SettingsError."""
        folder = os.path.dirname(os.path.abspath(path))
        if folder not in self._settings:
            found = None if self._overrides.isolated else read_settings(folder, self._known, self.recorder)
            self._settings[folder] = self._overrides.over(found or Settings(os.getcwd()))
        return self._settings[folder]

    def options(self, path: str, raw: bytes) -> Options:
        """What to ask of the engine for a file. Raises SettingsError."""
        from kerascheck.engine import Options

        settings = self.settings(path)
        relative = os.path.relpath(os.path.abspath(path), settings.folder).replace(os.sep, "/")
        codes = settings.codes_for(relative, self._known)
        confirm = None if self._confirmer is None else self._confirmer(settings, raw)
        return Options(codes, self.target(path, raw), confirm=confirm)

    def project(self, target: Target) -> Project:
        """The files around those that mean this Keras; one for the whole run, so that each is parsed once."""
        from kerascheck.semantic.project import Project, Texts

        if self._texts is None:
            self._texts = Texts()
        # where the same releases are asked for in two files, or a file is named in two ways, they are one project
        meant = target if target.asked else replace(target, source="")
        if meant not in self._projects:
            reader = files.ProjectReader(_cells, self.recorder)
            self._projects[meant] = Project(reader, target, self.recorder, self._texts)
        others = [project for other, project in self._projects.items() if other != meant]
        if sum(project.size for project in others) > KEPT_BESIDES:
            for project in others:
                project.forget()
        return self._projects[meant]

    def forget(self) -> None:
        """Forget what was parsed."""
        for project in self._projects.values():
            project.forget()

    def target(self, path: str, raw: bytes = b"") -> Target:
        """The Keras a file means: by a setting, its comment on top or installs, the project's files or README.

        Else it is the newest. Raises SettingsError when a setting cannot be read.
        """
        from kerascheck.semantic.target import TargetError, default_target, parse_target

        settings = self.settings(path)
        if settings.target_keras is not None:
            text = settings.target_keras + (f", {settings.backend}" if settings.backend else "")
            source = "--target-keras" if self._overrides.target_keras else "tool.kerascheck.target-keras"
            try:
                target = parse_target(text, source)
                if settings.target_serve is None:
                    return target
                return replace(target, serve=parse_target(settings.target_serve, source).releases)
            except TargetError as error:
                raise SettingsError(f"{source}: {error}") from error
        around = partial(self._of_project, os.path.dirname(os.path.abspath(path)))
        known = None if self._overrides.isolated else around
        if path.endswith(".ipynb"):
            found = _of_notebook(path, raw, known)
        else:
            found = _of_header(raw) or _of_databricks(path, raw, known)
        if found is None and known is not None:
            found = known()
            if found is None and path.endswith(".py"):
                found = self._of_users(os.path.abspath(path))
            if found is None or found.assumed:
                found = self._of_readme(os.path.dirname(os.path.abspath(path))) or found
        backend = settings.backend or (_backend(raw) if path.endswith(".ipynb") else None)
        if found is None:
            return default_target(backend)
        return replace(found, backend=backend) if backend else found

    def _of_project(self, folder: str) -> Target | None:
        """The target of the nearest folder, up to the project's top, whose files name one."""
        from kerascheck.semantic.target import is_project_file, target_from_project

        if folder not in self._targets:
            top = files.project_top(folder, self.recorder)
            texts = files.texts(folder, is_project_file, self.recorder)
            if folder == top:
                texts |= files.environment_texts(folder, self.recorder)
            found = target_from_project(texts)
            if (found is None or found.assumed) and folder != top:
                found = self._of_project(os.path.dirname(folder)) or found
            self._targets[folder] = found
        return self._targets[folder]

    def _of_readme(self, folder: str) -> Target | None:
        """The target of the nearest README, up to the project's top, that names releases."""
        from kerascheck.semantic.readmes import is_readme
        from kerascheck.semantic.target import target_from_readme

        if folder not in self._readmes:
            texts = files.texts(folder, is_readme, self.recorder)
            answers = (target_from_readme(name, text) for name, text in texts.items())
            found = next((answer for answer in answers if answer is not None), None)
            if found is None and folder != files.project_top(folder, self.recorder):
                found = self._of_readme(os.path.dirname(folder))
            self._readmes[folder] = found
        return self._readmes[folder]

    def _of_users(self, path: str) -> Target | None:
        """The target that all notebooks beside a module install which use it, themselves or by other modules there.

        None where a module that nothing uses is among them: a program, of which nothing is known.
        """
        folder = os.path.dirname(path)
        if folder not in self._beside:
            self._beside[folder] = dict(self._looked_at(folder))
        beside = self._beside[folder]
        if self.recorder is not None:
            self.recorder.needs(path, beside)
        if not any(target for _, target in beside.values()):
            return None
        found: set[Target | None] = set()
        queue = [path]
        for used in queue:
            name = os.path.basename(used).removesuffix(".py")
            users = [user for user, (words, _) in beside.items() if name in words and user != used]
            found.update(beside[user][1] for user in users if user.endswith(".ipynb"))
            modules = [user for user in users if user.endswith(".py")]
            queue += [user for user in modules if user not in queue]
            if not users:
                return None
        return found.pop() if len(found) == 1 else None

    def _looked_at(self, folder: str) -> Iterator[tuple[str, tuple[frozenset[str], Target | None]]]:
        """The files of a folder: the words of their import statements, and the Keras that a notebook installs."""
        paths = files.sources_in(folder, self.recorder)
        installs = False
        for path in sorted(paths, key=lambda path: path.endswith(".py")):  # notebooks first
            if path.endswith(".py") and not installs:
                return
            try:
                raw = files.read(path, self.recorder)
            except files.FileProblem:
                continue
            own = path.endswith(".ipynb") and _of_notebook(path, raw, None) is not None
            installs = installs or own
            lines = re.findall(rb"\b(?:from|import)[ \t]+([^\n\"\\]*)", raw)
            words = frozenset(word.decode() for line in lines for word in re.findall(rb"\w+", line))
            yield path, (words, self.target(path, raw) if own else None)


def read_settings(folder: str, known: Mapping[str, str], recorder: Recorder | None = None) -> Settings | None:
    """The settings of the nearest pyproject.toml that has `[tool.kerascheck]`. Raises SettingsError."""
    while True:
        path = files.settings_file(folder, recorder)
        if path is None:
            return None
        where = os.path.relpath(path).replace(os.sep, "/")
        try:
            text = files.read(path).decode("utf-8")
        except files.FileProblem as problem:
            raise SettingsError(str(problem)) from problem
        except UnicodeDecodeError as error:
            raise SettingsError(f"{where}: cannot be read as TOML: not UTF-8") from error
        folder = os.path.dirname(path)
        found = from_toml(text, where if len(where) <= len(path) else path, known, folder)
        parent = os.path.dirname(folder)
        if found is not None or parent == folder:
            return found
        folder = parent


def _of_header(raw: bytes) -> Target | None:
    """The target of a comment `# target: keras 3.6.0` above the code; a comment about something else is none."""
    if b"# target:" not in raw[:2000]:
        return None
    from kerascheck.semantic.target import TargetError, header_target

    try:
        return header_target(raw[:2000].decode("utf-8", "replace"))
    except TargetError:
        return None


def _of_databricks(path: str, raw: bytes, around: Callable[[], Target | None] | None) -> Target | None:
    """The target that the install commands of an exported Databricks notebook name."""
    if not raw.startswith(b"# Databricks notebook source") or b"install" not in raw:
        return None
    from kerascheck.semantic.target import target_from_pip_lines

    rows = enumerate(raw.decode("utf-8", "replace").splitlines(), 1)
    commands = ((number, row.removeprefix("# MAGIC ")) for number, row in rows if row.startswith("# MAGIC "))
    shown = files.display(path)
    return target_from_pip_lines(
        {f"{shown}:{number}": line for number, line in commands if line.startswith(("%", "!")) and "install" in line},
        around,
    )


def _of_notebook(path: str, raw: bytes, around: Callable[[], Target | None] | None) -> Target | None:
    """The target that a notebook's own install commands name."""
    from kerascheck.notebooks import install_lines
    from kerascheck.semantic.target import target_from_pip_lines

    return target_from_pip_lines(install_lines(raw, files.display(path)), around)


def _backend(raw: bytes) -> str | None:
    from kerascheck.notebooks import backend
    from kerascheck.semantic.target import BACKENDS

    named = backend(raw)
    return named if named in BACKENDS else None


def _cells(raw: bytes) -> str | None:
    from kerascheck.notebooks import code

    return code(raw)
