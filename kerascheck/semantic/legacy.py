"""What in a source can only run on Keras 1 or 2.

Every import below was run on Keras 3.0.5, 3.6.0 and 3.15.1 (TensorFlow 2.16.2; 3.15.1 on 2.21.0 too), with the prefix
`keras` and with `tensorflow.keras`, in the forms `import a.b`, `from a import b` and `from a.b import C`: all raise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from kerascheck.semantic.names import is_keras
from kerascheck.semantic.target import LegacyEvidence
from kerascheck.semantic.walk import children

_IN_TEXT: tuple[tuple[LegacyEvidence, re.Pattern[str]], ...] = (
    (
        "TF_USE_LEGACY_KERAS",
        re.compile(r"""^[^#\n]*TF_USE_LEGACY_KERAS["']?\]?\s*[=,]\s*["']?(?:1|True)""", re.MULTILINE),
    ),
    ("tf.contrib", re.compile(r"^[^#\n]*\b(?:tensorflow|tf)\.contrib\b", re.MULTILINE)),
    (
        "lr=",
        re.compile(
            r"^[^#\n]*\b(?:Adam|SGD|RMSprop|Nadam|Adagrad|Adadelta|Adamax)\((?:[^()#\n]*,)?\s*lr\s*=", re.MULTILINE
        ),
    ),
    (
        "tf1-session",
        re.compile(
            r"^[^#\n]*\b(?:tensorflow|tf)\.(?:Session|placeholder|ConfigProto|InteractiveSession)\(", re.MULTILINE
        ),
    ),
)
_GONE = (
    "backend.tensorflow_backend",
    "layers.advanced_activations",
    "layers.convolutional",
    "layers.core",
    "layers.cudnn_recurrent",
    "layers.embeddings",
    "layers.experimental",  # run on 3.0.5, 3.6.0 and 3.15.1; fine on 2.15
    "layers.local",
    "layers.merge",
    "layers.noise",
    "layers.normalization",
    "layers.pooling",
    "layers.recurrent",
    "layers.wrappers",
    "legacy.interfaces",  # `import keras.legacy` itself does not raise
    "legacy.layers",
    "legacy.models",
    "mixed_precision.experimental",
    "utils.conv_utils",
    "utils.generic_utils",
    "utils.layer_utils",
    "utils.training_utils",
)
# a look at the text first: walking a tree takes long
_LAST = "|".join(sorted({name.rpartition(".")[2] for name in _GONE}))
_IMPORT_HINT = re.compile(
    r"\btf_keras\b|\bkeras\.engine\b|\bkeras[ \t]+import\b[^\n]*\bengine\b"
    rf"|\bkeras\.(?:layers|utils|backend|legacy|mixed_precision)(?:\.|[ \t]+import\b[^#]{{0,400}}?\b)(?:{_LAST})\b"
)
_USE_HINT = re.compile(
    r"\btensorflow\.python\.keras\b|\btensorflow\.python[ \t]+import\b|\boptimizers\b[^\n]*\blegacy\b|\.legacy\.[A-Z]"
)
_KERAS = re.compile(r"(?:tensorflow\.)?keras\.(.+)")
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


def legacy_evidence(text: str, tree: cst.Module) -> tuple[LegacyEvidence, ...]:
    """What in a source can only run on Keras 1 or 2; comments do not count."""
    found = {kind: None for kind, pattern in _IN_TEXT if pattern.search(text)}
    used = _USE_HINT.search(text) is not None
    if used or _IMPORT_HINT.search(text):
        found |= dict.fromkeys(_in_tree(text, tree, used))
    return tuple(found)


def _in_tree(text: str, tree: cst.Module, deep: bool) -> Iterator[LegacyEvidence]:
    names: dict[str, str] = {}  # what a name stands for, by the last import above
    other_keras = "tf.keras" in text
    tf_keras_in_function = False
    for node, may_fail, deferred in _nodes(tree, deep):
        if isinstance(node, (cst.Import, cst.ImportFrom)):
            for full, local in _imported(node):
                if full.split(".")[0] == "tf_keras":
                    if not deferred:
                        yield "tf_keras"
                    tf_keras_in_function = True
                elif is_keras(full):
                    other_keras = True
                    keras = _KERAS.fullmatch(full)
                    if keras is not None and not may_fail:
                        if keras[1].split(".")[0] == "engine":
                            yield "keras.engine"
                        elif any(keras[1] == gone or keras[1].startswith(gone + ".") for gone in _GONE):
                            yield "a removed module"
                if local:
                    names[local] = "" if may_fail and is_keras(full) else full
        elif may_fail:
            continue
        elif isinstance(node, (cst.Call, cst.ClassDef)):
            for used in [node.func] if isinstance(node, cst.Call) else [base.value for base in node.bases]:
                first, dot, rest = _dotted(used).partition(".")
                full = names.get(first, "") + dot + rest
                if isinstance(node, cst.Call) and _LEGACY_OPTIMIZER.fullmatch(full):
                    yield "optimizers.legacy"
                elif _FROZEN.fullmatch(full):
                    yield "tensorflow.python.keras"
    if tf_keras_in_function and not other_keras:
        yield "tf_keras"


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


def _nodes(tree: cst.Module, deep: bool) -> Iterator[tuple[cst.CSTNode, bool, bool]]:
    """Every node in its order, whether it may fail or be left out on another Keras, and whether a function holds it.

    Not `deep`: only statements.
    """
    stack: list[tuple[cst.CSTNode, bool, bool]] = [(tree, False, False)]
    while stack:
        node, may_fail, deferred = stack.pop()
        yield node, may_fail, deferred
        if isinstance(node, cst.Try):
            may_fail = may_fail or any(_catches_import_errors(handler) for handler in node.handlers)
        elif isinstance(node, cst.If):
            may_fail = may_fail or _VERSION_TEST.search(tree.code_for_node(node.test)) is not None
        elif isinstance(node, cst.FunctionDef):
            deferred = True
        elif isinstance(node, cst.BaseExpression) and not deep:
            continue
        stack += [(child, may_fail, deferred) for child in reversed(children(node))]


_VERSION_TEST = re.compile(r"version|TYPE_CHECKING", re.IGNORECASE)
_CATCHING = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}


def _catches_import_errors(handler: cst.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    caught = [item.value for item in handler.type.elements] if isinstance(handler.type, cst.Tuple) else [handler.type]
    return any(_dotted(item) in _CATCHING for item in caught)


def _dotted(node: cst.CSTNode) -> str:
    """`a.b.c` of a chain of names, else the empty text."""
    parts: list[str] = []
    while isinstance(node, cst.Attribute):
        parts.append(node.attr.value)
        node = node.value
    return ".".join(reversed([*parts, node.value])) if isinstance(node, cst.Name) else ""
