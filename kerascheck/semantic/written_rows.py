"""What a text says of rows of data: whether they are cut into parts, or written into files, also by an object.

`Dataset(x_test, y_test).save("test.bin")`, of a class of the project, is such an object.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic.values import Class, Func

if TYPE_CHECKING:
    from kerascheck.semantic.module import Module

_WORD = re.compile(r"[A-Za-z_]\w*$")
_NAME = re.compile(r"[A-Za-z_]\w*")
_FRAME_WRITES = r"(?:to_csv|to_pickle|to_parquet|to_hdf|to_feather|tofile|dump)\("
_WRITES = rf"(?:\.{_FRAME_WRITES}|\b(?:np|numpy)\.save\w*\(|\b(?:pickle|joblib)\.dump\()"
_COPIES = r"\b(?:shutil\.(?:copy\w*|move)|os\.(?:rename|symlink|link))\("
# what is made from rows and is none: a history, scores, predictions
_SCORES = re.compile(
    r"\.(?:fit|evaluate|predict|score|test_on_batch)|\b\w+_(?:score|error|report|auc|loss)\(|\bconfusion_matrix\("
)
# `self.at += n` and `self.at = (self.at + n) - total`
_MOVED_ON = re.compile(r"(?m)^[ \t]*self\.(\w+)[ \t]*(?:\+=|=(?!=)(?=[^\n]*\+)[^\n]*\bself\.\1\b)")
_COUNTER = re.compile(r"\bfor[ \t]+(\w+)[ \t]+in[ \t]+(?:\w+\()?range\(")
_LONGEST_CALL = 4000  # characters between the parentheses of a call


def kept_by_an_object(home: Module, text: str, names: set[str], depth: int = 2) -> bool:
    """Whether code of a file puts rows of these names into an object of the project and saves that.

    Its class stands in a file without Keras, so that it is no model. The rows may be handed to a function first.
    """
    if not names or not depth:
        return False
    rows = "|".join(map(re.escape, sorted(names)))
    for name, maker in re.findall(rf"(?m)^[ \t]*(\w+)[ \t]*=[ \t]*(\w+)\([^\n]*\b(?:{rows})\b", text):
        made = home.exported(maker)
        if isinstance(made, Class) and not made.info.module.uses_keras and f"{name}.save(" in text:
            return True
    for called, given in re.findall(rf"(?m)^[ \t]*(\w+)\(([^\n]*\b(?:{rows})\b[^\n]*)", text):
        function = home.exported(called)
        if not isinstance(function, Func) or not isinstance(function.node, cst.FunctionDef):
            continue
        parameters = [item.name.value for item in function.node.params.params]
        words = [word.strip(" \t)") for word in given.split(",")]
        inside = {parameter for parameter, word in zip(parameters, words) if word in names and _WORD.match(word)}
        body = function.module.code(function.node.body)
        if kept_by_an_object(function.module, body, inside, depth - 1):
            return True
    return False


def are_cut(text: str, names: set[str]) -> bool:
    """Whether rows of these names are cut, or some may be, by a `validation_split` or another function.

    Those that a loop only takes one batch after another are not: none of them is kept for anything.
    """
    if "_split" in text:
        return True
    cuts = list(re.finditer(rf"\b({'|'.join(sorted(names))})\s*\[([^\]\n]*:[^\]\n]*)", text))
    return bool(cuts) and not (are_batches(text, [cut[2] for cut in cuts]) and not _are_cut_twice(text, cuts))


def _are_cut_twice(text: str, cuts: list[re.Match[str]]) -> bool:
    """Whether two places take parts of the same rows: one loop may take the first of them, another one the others."""
    ends: dict[str, int] = {}
    for cut in cuts:
        end = ends.get(cut[1])
        bound = rf"(?m)^[ \t]*(?:\w+[ \t]*,[ \t]*)*{cut[1]}(?:[ \t]*,[ \t]*\w+)*[ \t]*=(?!=)"
        if end is not None and not re.search(bound, text[end : cut.start()]):
            return True
        ends[cut[1]] = cut.end()
    return False


def are_batches(text: str, cuts: list[str]) -> bool:
    """Whether both ends of all cuts move on in a loop: `rows[i * n : (i + 1) * n]`, and none is `rows[: i * n]`."""
    moved = set(_COUNTER.findall(text))
    if not moved:
        return False
    place = re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(derived_names(text, moved))))})\b")
    ends = [cut.partition(",")[0].split(":") for cut in cuts]
    return all(len(pair) == 2 and all(place.search(end) for end in pair) for pair in ends)


def takes_in_turn(method: str, rows: str) -> bool:
    """Whether a method cuts rows only where its last call left off: `rows[self.at : self.at + n]`, `self.at += n`."""
    cuts = re.findall(rf"{re.escape(rows)}\s*\[([^\]\n]*:[^\]\n]*)", method)
    moved = {f"self.{name}" for name in _MOVED_ON.findall(method)} if cuts else set()
    if not moved:
        return False
    places = re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(derived_names(method, moved))))})\b")
    return all(places.search(cut) for cut in cuts)


def derived_names(text: str, names: set[str], rounds: int = 2) -> set[str]:
    """The names, and those of what is made from them, so many times over."""
    names = set(names)
    for _ in range(rounds):
        parts = "|".join(map(re.escape, sorted(names)))
        made = re.findall(rf"(?m)^[ \t]*(\w+(?:[ \t]*,[ \t]*\w+)*)[ \t]*=(?!=)([^\n]*\b(?:{parts})\b)", text)
        new = {name for targets, value in made if not _SCORES.search(value) for name in _NAME.findall(targets)}
        if rounds > 2:
            looped = re.findall(rf"\bfor ([\w, \t()]+) in ([^\n]*\b(?:{parts})\b)", text)
            new |= {name for targets, _ in looped for name in _NAME.findall(targets)}
        if new <= names:
            break
        names |= new
    return names


def are_written(text: str, names: set[str]) -> bool:
    """Whether something of these names, or what is made from it, is written into a file."""
    if not names:
        return False
    if re.search(_COPIES, text):  # the files of a part are put into a folder of their own
        parts = "|".join(map(re.escape, sorted(derived_names(text, names, 6))))
        if re.search(rf"{_COPIES}[^\n]*\b(?:{parts})\b", text):
            return True
    if not re.search(_WRITES, text):
        return False
    names = derived_names(text, names)
    parts = "|".join(map(re.escape, sorted(names)))
    return re.search(rf"\b(?:{parts})\.{_FRAME_WRITES}", text) is not None or are_given(text, _WRITES, names)


def are_given(text: str, called: str, names: set[str], nested: bool = False) -> bool:
    """Whether one of the names stands between the parentheses of a call; `nested`: also in a call in it.

    `called` is a pattern of what stands in front of the arguments, with the parenthesis. What is written of
    `save(model.predict(rows))` are no rows; `fit(*read(rows))` is given them.
    """
    given = re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(names)))})\b")
    for match in re.finditer(called, text):
        start, calls = match.end(), [False]  # whether the parentheses around a place are those of a call in it
        for paren in re.finditer(r"[()]", text[match.end() : match.end() + _LONGEST_CALL]):
            end = match.end() + paren.start()
            if (nested or not any(calls)) and given.search(text, start, end):
                return True
            if paren[0] == "(":
                calls.append(text[end - 1].isalnum() or text[end - 1] in "_])")
            else:
                calls.pop()
            start = end
            if not calls:
                break
    return False
