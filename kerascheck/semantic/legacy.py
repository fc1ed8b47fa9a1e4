"""What in a source can only run on Keras 1 or 2.

Names that no Keras 3 has stand in a table, see `removed_names`. `import tensorflow_addons` raises on Keras 3 (run on
3.0.5 and 3.15.1 with TensorFlow 2.16.2), and so does that of a TensorFlow class of transformers, such as `TFBertModel`
(run on 3.15.1 with transformers 4.57.6). A single call that Keras 3 refuses (`fit_generator`, `reset_states` of a
metric, an argument that is gone) is no evidence: such a program is met by people who upgrade, and labels of real code
judge it as Keras 3.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import cast

import libcst as cst

from kerascheck.semantic.names import is_keras
from kerascheck.semantic.removed_names import is_removed, names_removed
from kerascheck.semantic.target import LegacyEvidence
from kerascheck.semantic.walk import children

# words that the text must have, at least one; and what the evidence is when no comment begins in front of it
_IN_TEXT: tuple[tuple[LegacyEvidence, tuple[str, ...], re.Pattern[str]], ...] = (
    (
        "TF_USE_LEGACY_KERAS",
        ("TF_USE_LEGACY_KERAS",),
        re.compile(r"""TF_USE_LEGACY_KERAS["']?\]?\s*[=,]\s*["']?(?:1|True)"""),
    ),
    ("tf.contrib", (".contrib",), re.compile(r"\b(?:tensorflow|tf)\.contrib\b")),
    (
        "lr=",
        ("lr=", "lr ", "lr\t", "lr\n", "lr\r"),
        re.compile(r"\b(?:Adam|SGD|RMSprop|Nadam|Adagrad|Adadelta|Adamax)\((?:[^()#\n]*,)?\s*lr\s*="),
    ),
    (
        "tf1-session",
        (".Session(", ".placeholder(", ".ConfigProto(", ".InteractiveSession("),
        re.compile(r"\b(?:tensorflow|tf)\.(?:Session|placeholder|ConfigProto|InteractiveSession)\("),
    ),
)
# a look at the text first: walking a tree takes long
_IMPORT_WORDS = ("tf_keras", "tensorflow_addons")
_OF_TRANSFORMERS = re.compile(r"transformers\.TF[A-Z]\w*")
_TF_CLASS = re.compile(r"\bTF[A-Z]")
_USE_HINT = re.compile(
    r"\btensorflow\.python\.keras\b|\btensorflow\.python[ \t]+import\b|\boptimizers\b[^\n]*\blegacy\b|\.legacy\.[A-Z]"
)
_CALL_HINT = re.compile(r"\)\s*\.(?:expect_partial|assert_consumed|assert_existing_objects_matched)\(")
_USE_WORDS = ("tensorflow.python", "legacy")
_KERAS = re.compile(r"(?:tensorflow\.)?keras\.(.+)")
# `load_weights` of a TensorFlow checkpoint gives a status on Keras 2, on Keras 3 it raises or gives None
_STATUS = frozenset({"expect_partial", "assert_consumed", "assert_existing_objects_matched"})
_TENSORFLOW_1_NAME = re.compile(r"=[ \t]*(?:tf|tensorflow)\.compat\.v1[ \t]*$", re.MULTILINE)
_LEGACY_OPTIMIZER = re.compile(r"(?:tensorflow\.)?keras\.optimizers\.legacy\.[A-Z]\w*")
# TensorFlow's own copy of Keras 2. Run on TensorFlow 2.16.2 with Keras 3.0.5, 3.6.0 and 3.15.1, and on 2.21.0 with
# 3.15.1: it is imported, `save_weights("w")` writes a checkpoint, and neither takes a layer of the other (an error).
# On 2.21.0 `save_weights` to any `.h5`, `.weights.h5` too, raises ImportError, so that suffix is no remedy there.
_FROZEN = re.compile(
    r"tensorflow\.python\.keras\."
    r"(?:(?:layers|applications)\.(?:\w+\.)*(?!InputSpec$)[A-Z]\w*"
    r"|models\.\w+"
    r"|saving\.save\.load_model"
    r"|(?:engine\.\w+\.)?(?:Model|Sequential|Functional|Network|Layer|Input))"
)


_PYTHON_2 = re.compile(r"#!.*\bpython2|# notebook cell-* \d+, python 2\b")  # the second is written by `notebooks`
_GONE = ("xrange", "raw_input", "unicode", "izip")  # functions that Python 3 does not have
# modules that Python 3 does not have (run on 3.11: each import raises), under names that few projects give to a file
_GONE_MODULES = ("cPickle", "cStringIO", "urllib2", "urlparse", "httplib", "xmlrpclib", "cookielib", "Tkinter")
_GONE_IMPORT = re.compile(rf"^(?:import|from)[ \t]+(?:{'|'.join(_GONE_MODULES)})\b", re.MULTILINE)  # not in a `try`
_BUILT_IN = re.compile(r"(?<![\w.\"'])(xrange|raw_input|unicode)\(|^from itertools import[^\n]*\bizip\b", re.MULTILINE)


# `range(n / 2)`: TypeError on Python 3. The division stands outside of all brackets of the call, `int(n / 2)` is none
_RANGE = re.compile(r"(?<![\w.])range\(((?:[^()\n#\"']|\((?:[^()\n#\"']|\([^()\n]{0,99}\)){0,99}\)){1,199})\)")
_LONGEST_RANGE = 1000
_BRACKETS = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_DIVISION = re.compile(r"(?<!/)/(?!/)")
_PYTHON_3 = re.compile(r"\bf[\"']|\bsuper\(\)|\)[ \t]*->|__future__ import[^\n]*\bdivision\b")


def _divides_a_range(text: str) -> bool:
    at = text.find("range(")
    while at >= 0:
        end = text.find("\n", at, at + _LONGEST_RANGE)
        divided = text.find("/", at, end if end >= 0 else at + _LONGEST_RANGE) >= 0
        match = _RANGE.match(text, at) if divided else None
        if match is not None and "/" in match[1] and not _in_comment(text, at):
            count = _BRACKETS.sub("", _BRACKETS.sub("", _BRACKETS.sub("", match[1])))
            if _DIVISION.search(count) is not None:
                return _PYTHON_3.search(text) is None
        at = text.find("range(", at + 1)
    return False


def is_for_python_2(text: str) -> bool:
    """Whether a source is for Python 2 only: by what it says, or by what Python 3 lacks and nothing else brings.

    It is said in the first line, or in the metadata of a notebook.
    """
    if _PYTHON_2.match(text):
        return True
    if "range(" in text and _divides_a_range(text):
        return True
    if any(word in text for word in _GONE_MODULES) and _GONE_IMPORT.search(text) and "ImportError" not in text:
        return True
    if not any(word in text for word in _GONE) or "NameError" in text or "ImportError" in text or "six" in text:
        return False
    called = {match[1] or "izip" for match in _BUILT_IN.finditer(text) if not _in_comment(text, match.start())}
    bound = rf"\b(?:def|as|import)\s+(?:{'|'.join(called)})\b|\b(?:{'|'.join(called)})\s*=(?!=)"
    return bool(called) and ("izip" in called or re.search(bound, text) is None)


def _in_comment(text: str, start: int) -> bool:
    return "#" in text[text.rfind("\n", 0, start) + 1 : start]


def legacy_evidence(text: str, tree: cst.Module) -> tuple[LegacyEvidence, ...]:
    """What in a source can only run on Keras 1 or 2; comments do not count.

    All evidence is looked for where `tf_keras` may be, which tells more than other evidence does; else no more than
    what is in the text, or the first in the tree.
    """
    found = {kind: None for kind, words, pattern in _IN_TEXT if _has(text, words, pattern)}
    if is_for_python_2(text):
        found["Python 2"] = None
    whole = "tf_keras" in text
    if found and not whole:
        return tuple(found)
    removed = names_removed(text)
    hinted = any(word in text for word in _USE_WORDS) and _USE_HINT.search(text) is not None
    used = removed or hinted or (any(word in text for word in _STATUS) and _CALL_HINT.search(text) is not None)
    if (
        used
        or any(word in text for word in _IMPORT_WORDS)
        or ("transformers" in text and _TF_CLASS.search(text) is not None)
    ):
        found |= dict.fromkeys(islice(_in_tree(text, tree, used), None if whole else 1))
    return tuple(found)


_STATEMENT = re.compile(
    r"^(?:from|import)[ \t]+(?:[\w.]+[ \t]*,[ \t]*)*"
    r"(?:tensorflow_addons|transformers|(?:tensorflow\.)?keras(?:\.engine|[ \t]+import\b.*\bengine))\b",
    re.MULTILINE,
)


def import_evidence(text: str) -> LegacyEvidence | None:
    """What of a module's own imports, which nothing guards, no Keras 3 has: there it cannot be imported.

    Of a single name that has gone, such as `keras.preprocessing.image.ImageDataGenerator`, the files that import the
    module tell nothing: labels of real code judge them as Keras 3.
    """
    if _STATEMENT.search(text) is None:
        return None
    for module, name in plain_imports(text):
        full = f"{module}.{name}" if name else module
        if module.split(".")[0] == "tensorflow_addons":
            return "tensorflow_addons"
        if _OF_TRANSFORMERS.fullmatch(full):
            return "transformers"
        keras = _KERAS.fullmatch(full)
        if keras is not None and keras[1].split(".")[0] == "engine":
            return "keras.engine"
    return None


_LONG_STRING = re.compile(r"\"{3}.*?\"{3}|'{3}.*?'{3}", re.DOTALL)
_PLAIN_STATEMENT = re.compile(r"^(?:from|import)\b(?:[^\n(\\]|\\\r?\n|\([^()]*\))*", re.MULTILINE)


def plain_imports(text: str) -> tuple[tuple[str, str], ...]:
    """The modules that a text imports whatever happens, each with a name that is taken from it, or with an empty one.

    They are those of the statements that begin a line, outside of long strings; a relative module begins with its dots.
    """
    found: list[tuple[str, str]] = []
    for match in _PLAIN_STATEMENT.finditer(_LONG_STRING.sub("", text)):
        try:
            body = ast.parse(match.group()).body
        except (SyntaxError, ValueError):
            continue
        for line in body:
            if isinstance(line, ast.Import):
                found += [(alias.name, "") for alias in line.names]
            elif isinstance(line, ast.ImportFrom):
                module = "." * line.level + (line.module or "")
                found += [(module, alias.name) for alias in line.names]
    return tuple(found)


def _has(text: str, words: tuple[str, ...], pattern: re.Pattern[str]) -> bool:
    if not any(word in text for word in words):
        return False
    starts = (match.start() for match in pattern.finditer(text))
    return any(not _in_comment(text, start) for start in starts)


_TELLING = frozenset({cst.Import, cst.ImportFrom, cst.Call, cst.ClassDef, cst.Attribute})


def _in_tree(text: str, tree: cst.Module, deep: bool) -> Iterator[LegacyEvidence]:
    names: dict[str, str] = {}  # what a name stands for, by the last import above
    other_keras = "tf.keras" in text
    first_kept = _TENSORFLOW_1_NAME.search(text) is not None  # TensorFlow 1 inside of 2, under its own name
    tf_keras_in_function = False
    for node, may_fail, deferred in _nodes(text, tree, deep):
        if type(node) is cst.Import or type(node) is cst.ImportFrom:
            for full, local in _imported(node):
                if full.split(".")[0] == "tf_keras":
                    if not deferred:
                        yield "tf_keras"
                    tf_keras_in_function = True
                elif full.split(".")[0] == "tensorflow_addons" and not may_fail and not deferred:
                    yield "tensorflow_addons"
                elif _OF_TRANSFORMERS.fullmatch(full) and not may_fail and not deferred:
                    yield "transformers"
                elif is_keras(full):
                    other_keras = True
                    keras = _KERAS.fullmatch(full)
                    if keras is not None and not may_fail:
                        if keras[1].split(".")[0] == "engine":
                            yield "keras.engine"
                        elif is_removed(full):
                            yield "a removed module"
                if local:
                    names[local] = "" if may_fail and is_keras(full) else full
        elif may_fail:
            continue
        elif type(node) is not cst.Attribute and isinstance(node, (cst.Call, cst.ClassDef)):
            for used in [node.func] if isinstance(node, cst.Call) else [base.value for base in node.bases]:
                full = _full(used, names)
                if type(node) is cst.Call and _LEGACY_OPTIMIZER.fullmatch(full):
                    yield "optimizers.legacy"
                elif _FROZEN.fullmatch(full):
                    yield "tensorflow.python.keras"
            if type(node) is cst.Call and _is_status(node):
                yield "the status of load_weights"
        elif type(node) is cst.Attribute:
            full = _full(node, names)
            if not full.startswith(("keras.", "tensorflow.")) or not is_removed(full):
                continue
            if is_keras(full) or full.startswith("tensorflow.compat."):
                yield "a removed name"
            elif not first_kept:
                yield "tf1-session"
    if tf_keras_in_function and not other_keras:
        yield "tf_keras"


def _is_status(node: cst.Call) -> bool:
    """Whether a call asks the status that `load_weights` gives for a checkpoint of TensorFlow."""
    if not (type(node.func) is cst.Attribute and node.func.attr.value in _STATUS):
        return False
    load = node.func.value
    return (
        isinstance(load, cst.Call) and isinstance(load.func, cst.Attribute) and load.func.attr.value == "load_weights"
    )


def _full(node: cst.CSTNode, names: dict[str, str]) -> str:
    """A chain of names with its first part as it was imported."""
    first, dot, rest = _dotted(node).partition(".")
    return names.get(first, "") + dot + rest


def _imported(node: cst.Import | cst.ImportFrom) -> Iterator[tuple[str, str]]:
    """The full names that an absolute import reaches for, with the names it binds."""
    if isinstance(node, cst.Import):
        for alias in node.names:
            full = _dotted(alias.name)
            if alias.asname is not None:
                yield full, _dotted(alias.asname.name)
            else:
                yield full, ""  # binds the first part, to itself
                yield full.split(".")[0], full.split(".")[0]
    elif node.module is not None and not node.relative:
        module = _dotted(node.module)
        if isinstance(node.names, cst.ImportStar):
            yield f"{module}.*", ""
        else:
            for alias in node.names:
                name = _dotted(alias.name)
                yield f"{module}.{name}", name if alias.asname is None else _dotted(alias.asname.name)


def _nodes(text: str, tree: cst.Module, deep: bool) -> Iterator[tuple[cst.CSTNode, bool, bool]]:
    """The telling nodes in their order, whether each may fail or be left out on another Keras, or is in a function.

    Not `deep`: only statements.
    """
    guarded = _VERSION_TEST.search(text) is not None  # to write the test of each `if` costs more than all the rest
    stack: list[tuple[cst.CSTNode, bool, bool]] = [(tree, False, False)]
    while stack:
        node, may_fail, deferred = stack.pop()
        kind = type(node)
        if kind in _TELLING:
            yield node, may_fail, deferred
        if kind is cst.Try:
            handlers = cast(cst.Try, node).handlers
            may_fail = may_fail or any(_catches_import_errors(handler) for handler in handlers)
        elif kind is cst.If:
            test = cast(cst.If, node).test
            may_fail = may_fail or (guarded and _VERSION_TEST.search(tree.code_for_node(test)) is not None)
        elif kind is cst.FunctionDef:
            deferred = True
        elif kind is cst.Import or kind is cst.ImportFrom or (not deep and _is_expression(kind)):
            continue
        below = children(node)
        if below:
            stack += [(child, may_fail, deferred) for child in reversed(below)]


@cache
def _is_expression(kind: type) -> bool:
    return issubclass(kind, cst.BaseExpression)  # asking each node would ask its abstract class, which is slow


_VERSION_TEST = re.compile(r"version|TYPE_CHECKING|hasattr|tf_?[12]\b", re.IGNORECASE)
_CATCHING = {"AttributeError", "ImportError", "ModuleNotFoundError", "Exception", "BaseException"}


def _catches_import_errors(handler: cst.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    caught = [item.value for item in handler.type.elements] if isinstance(handler.type, cst.Tuple) else [handler.type]
    return any(_dotted(item) in _CATCHING for item in caught)


def _dotted(node: cst.CSTNode) -> str:
    """`a.b.c` of a chain of names, else the empty text."""
    parts: list[str] = []
    while type(node) is cst.Attribute:
        parts.append(node.attr.value)
        node = node.value
    return ".".join(reversed([*parts, node.value])) if type(node) is cst.Name else ""
