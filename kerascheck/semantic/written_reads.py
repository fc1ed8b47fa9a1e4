"""What the text of a file reads, as it is written: whole models, or weights of `.h5` files; also where it is no Python.

Words are looked for, not calls alone, as a function may be handed on.
"""

from __future__ import annotations

import posixpath
import re

# words of which a text has one that may read whole models
WHOLE_READS = ("load_model", "model_from_", "saved_model")
_LOAD = re.compile(r"\bload_model\b(?![ \t]*(?:=|:|!=))")  # no setting of this name: `load_model = False`
_BOUND = re.compile(r"^[ \t]*load_model[ \t]*=(?!=)", re.MULTILINE)
_TAKEN = re.compile(r"\bload_model[ \t]*\(|\.load_model\b|\bload_model[ \t]+as\b")
_IMPORTS = re.compile(
    r"^[ \t]*from[ \t]+[\w.]+[ \t]+import[ \t]+(?:\([^()]*\)|[\w., \t]+)(?:[ \t]*#[^\n]*)?$", re.MULTILINE
)
_SAVED_MODEL = re.compile(r"\bsaved_model\b")
# a load of a path that is written out
_NAMED = re.compile(r"\bload_model\([ \t]*[rR]?[\"']([^\"'{}%\n]*)[\"'][ \t]*[,)]")
_H5 = re.compile(r"[\"']([^\"'\n]+\.(?:h5|hdf5))[\"'\\]")
_FIRST = re.compile(r"[A-Za-z]{4,}")  # of a file's name
_H5_ENDS = (".h5", ".hdf5", ".keras")


def reads_whole(text: str, h5: bool) -> bool:
    """Whether a file, as it is written, may read whole models; of `h5` whether these may be in an `.h5` file.

    JSON is in no such file, and one that is named without the suffix is a folder.
    """
    if not any(word in text for word in WHOLE_READS):
        return False
    if not h5:
        return True
    if _SAVED_MODEL.search(text) is not None:
        return True
    rest = _without_imports(_NAMED.sub(lambda match: match[0] if match[1].endswith(_H5_ENDS) else "", text))
    return _LOAD.search(rest) is not None and not _is_own(text)


def _is_own(text: str) -> bool:
    """Whether `load_model` is a name of the file's own, which it neither imports nor calls: `load_model = build(n)`."""
    if _BOUND.search(text) is None or _TAKEN.search(text) is not None:
        return False
    return not any("load_model" in match[0] for match in _IMPORTS.finditer(text))


def reads_weights_like(text: str, path: str) -> bool:
    """Whether a file, as it is written, reads weights, and names an `.h5` file that is kept as one at `path` is.

    It lies in the same folder, or its name begins with the same word: `model_7.h5`, `model_best.h5`.
    """
    if "load_weights(" not in text:
        return False
    folder, word = posixpath.dirname(path), _word(path)
    return any(
        (folder and posixpath.dirname(other) == folder) or (word and _word(other) == word)
        for other in _H5.findall(text)
    )


def _word(path: str) -> str:
    found = _FIRST.match(posixpath.basename(path))
    return found[0] if found is not None else ""


def _without_imports(text: str) -> str:
    """A text without the imports that give no other name to a load."""
    return _IMPORTS.sub(lambda match: match[0] if "load_model as" in match[0] else "", text)
