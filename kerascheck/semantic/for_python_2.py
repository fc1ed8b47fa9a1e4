"""Modules that only run on Python 2, by the files that import them and the notebooks they were made from."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from kerascheck.semantic.legacy import is_for_python_2
from kerascheck.semantic.project import MAXIMUM_IMPORTERS

if TYPE_CHECKING:
    from kerascheck.semantic.module import Module
    from kerascheck.semantic.project import Project

_MOST = 60  # files that are looked at
_EXPORTED = re.compile(r"^# In\[[ \d]*\]:", re.MULTILINE)  # as `jupyter nbconvert --to script` writes the cells


def runs_on_python_2(module: Module) -> bool:
    """Whether a module is for Python 2 only: itself, or all that import it are, or the notebook of its cells is."""
    if module.is_python_2:
        return True
    if module.project is None:
        return False
    known: bool | None = module.memo.get("for Python 2")
    if known is None:
        known = module.memo["for Python 2"] = _is_by_others(module, module.project)
    return known


def _is_by_others(module: Module, project: Project) -> bool:
    name = posixpath.basename(module.path.replace("\\", "/"))
    place = posixpath.join(project.folder_of(module.path), name)
    if _EXPORTED.search(module.source.text):
        notebook = _notebook_of(place)
        return any(is_for_python_2(text.text) for path, text in project.sources_around(place) if path == notebook)
    return not project.is_package(module.path) and _is_used_by_python_2(project, place)


def _notebook_of(place: str) -> str:
    """Where the notebook is that a script was made from."""
    return posixpath.splitext(place)[0] + ".ipynb"


def _is_used_by_python_2(project: Project, place: str) -> bool:
    """Whether there are files that import one, directly or not, and all at the end are for Python 2."""
    queue, seen, found = [place], {place}, False
    while queue:
        path = queue.pop()
        candidates = project.importers(path)
        if len(candidates) >= MAXIMUM_IMPORTERS or len(seen) > _MOST:
            return False  # there may be others
        users = [user for user in candidates if user in seen or project.reaches(user, path)]
        if not users:
            return False
        old = {user for user in users if is_for_python_2(project.text(user))}
        found = found or bool(old)
        new = [user for user in users if user not in seen and user not in old]
        queue += [user for user in new if _notebook_of(user) not in old or not _EXPORTED.search(project.text(user))]
        seen.update(users)
    return found
