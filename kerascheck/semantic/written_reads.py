"""What the text of a file reads, as it is written: whole models, or weights of `.h5` files; also where it is no Python.

Words are looked for, not calls alone, as a function may be handed on.
"""

from __future__ import annotations

import posixpath
import re

# words of which a text has one that may read whole models
WHOLE_READS = ("load_model", "model_from_", "saved_model")
_LOAD = re.compile(r"\bload_model\b(?![ \t]*(?:=|:|!=))")  # no setting of this name: `load_model = False`
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
    rest = _NAMED.sub(lambda match: match[0] if match[1].endswith(_H5_ENDS) else "", text)
    return _LOAD.search(_without_imports(rest)) is not None or _SAVED_MODEL.search(text) is not None


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
    return re.sub(r"^[ \t]*from[ \t]+[\w.]+[ \t]+import[ \t]+[\w., \t]+$", "", text, flags=re.MULTILINE)
