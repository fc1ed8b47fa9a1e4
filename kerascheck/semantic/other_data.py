"""Whether the program that trains a model reads other files of data than one that loads it."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from kerascheck.semantic.config_reads import trains
from kerascheck.semantic.storage import path_key

if TYPE_CHECKING:
    from kerascheck.semantic.module import Module
    from kerascheck.semantic.values import Value

# a file of data that is read by its name, written out
_READ = re.compile(
    r"\b(?:read_\w+|load(?:txt)?|genfromtxt|loadmat|open)\([ \t]*[rR]?[\"']"
    r"([^\"'{}%\n]+\.(?:csv|tsv|txt|npy|npz|json|xlsx?|pkl|pickle|parquet|mat|feather|dat))[\"']"
    r"(?![ \t]*,[ \t]*[\"'][wax])"  # opened to be written
)
_WRITES = re.compile(r"\.save(?:_weights)?\(|\bsave_model\(|\bModelCheckpoint\b")


def is_trained_on_other_data(program: Module, path: Value | None) -> bool:
    """Whether each program of the project that trains and names the file of a model reads data, and none read here.

    What either imports counts. Data whose files are not written out where they are read are not known.
    """
    key, project = path_key(path), program.project
    name = posixpath.basename(key[1]) if key is not None else ""
    if project is None or not name or "{" in name:
        return False
    own = {item for text in program.texts() for item in _data(text)}
    found = False
    for place, source in project.sources_around(program.path, name) if own else ():
        if not trains(source.text) or _WRITES.search(source.text) is None:
            continue
        texts = [source.text, *map(project.text, project.reach(place))]
        theirs = {item for text in texts for item in _data(text)}
        if not theirs or not theirs.isdisjoint(own):
            return False
        found = True
    return found


def _data(text: str) -> set[str]:
    """The names of the files, without folders: a program may be started in another one."""
    return {posixpath.basename(path.replace("\\", "/")) for path in _READ.findall(text)}
