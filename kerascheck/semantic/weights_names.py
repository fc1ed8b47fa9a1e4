"""File names of weights: which ends Keras 3 refuses before it looks at the model or the file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic.inside import path_to
from kerascheck.semantic.receivers import OLD_COPY
from kerascheck.semantic.target import Reach
from kerascheck.semantic.training import flavour, models_of
from kerascheck.semantic.values import Obj, Part, Value, options, suffix_of

if TYPE_CHECKING:
    from kerascheck.semantic.events import Event
    from kerascheck.semantic.module import Module

WEIGHTS_END = ".weights.h5"
# measured: what `load_weights` of Keras 3 reads, and what nobody has run
_READABLE = (WEIGHTS_END, ".h5", ".keras", ".hdf5")
WEIGHTS_EXTENSION = re.compile(r"(\.weights)?\.(h5|hdf5|keras|ckpt|tf|weights|hdf|index|json|pb)$")

_GONE = re.compile(
    rf"{re.escape(OLD_COPY)}\.(?:(?:applications|datasets|estimator|preprocessing|wrappers)(?:\.|$)"
    r"|optimizers\.(?:Adadelta|Adagrad|Adam|Adamax|Nadam|RMSprop|SGD)$"
    r"|layers\.(?:AlphaDropout|BatchNormalization|Bidirectional|CuDNN(?:GRU|LSTM)|DenseFeatures|(?:GRU|LSTM)(?:Cell)?"
    r"|Gaussian(?:Dropout|Noise)|LayerNormalization|LocallyConnected[12]D|MultiHeadAttention|TimeDistributed|Wrapper)$)"
)


def refused_by_keras_3(module: Module, event: Event) -> str | None:
    """The end of the path of a `load_weights` or `save_weights` for which every Keras 3 of the target raises.

    None when it takes the name or when that cannot be told. Measured on 3.0.5, 3.6.0 and 3.15.1: ValueError, whether
    the model has variables or not and whether the file is there or not.
    """
    found = path_of(event)
    end = _bad_end(found, event.name)
    if end is None or not end.endswith(".json"):
        return end
    # from 3.10 on weights can be cut into several files, which a `.weights.json` lists
    sharded = not module.target.bad(">=3.0,<3.10") and (
        event.name == "load_weights" or event.arguments.find("max_shard_size") is not None
    )
    return None if sharded else end


def refused_by_old_copy(module: Module, event: Event) -> str | None:
    """The end of the path of a `save_weights` for which TensorFlow's old copy of Keras 2 raises; None when it does not.

    Measured on TensorFlow 2.15.1, 2.16.2 and 2.21: ImportError, whatever stands in front of the `.h5`, and whether the
    model has variables or not (2.15.1).
    """
    if event.name != "save_weights" or module.target.which(">=2.15") is not Reach.ALL:
        return None
    known = suffix_of(path_of(event))
    if known is None or not known[0].endswith((".h5", ".hdf5")) or _imports_what_is_gone(event.module):
        return None
    models = models_of(event)
    if not models or not all(flavour(model).startswith(OLD_COPY) for model in models):
        return None
    return "." + known[0].split(".")[-1]


def _imports_what_is_gone(module: Module) -> bool:
    """Whether a file brings something, before all else, that the old copy has lost where it writes no `.h5` either.

    Run on TensorFlow 2.15.1 and 2.21.0: ModuleNotFoundError, or ImportError for an optimizer or layer.
    """
    lines = module.tree.body
    return any(
        not item.guarded and _GONE.match(item.original) is not None and any(line is item.statement for line in lines)
        for item in module.imports
    )


def path_of(event: Event) -> Value | None:
    """The path of a `load_weights` or `save_weights`; None when it is not known."""
    found = event.arguments.find("filepath", 0) or event.arguments.find("path")
    return found[1] if found is not None else None


def names_a_checkpoint(event: Event, *, perhaps: bool = False) -> bool:
    """Whether the path is (`perhaps`: on one way) what TensorFlow says of its newest checkpoint: no Keras 3 reads it.

    Measured on 3.0.5, 3.6.0 and 3.15.1: ValueError; for the None that is given where there is none, TypeError on the
    last. Keras 2 reads it.
    """
    found = options(path_of(event))
    return bool(found) and (any if perhaps else all)(_is_newest(item) for item in found)


def _is_newest(value: Value | None) -> bool:
    if isinstance(value, Part) and value.attribute == "latest_checkpoint":
        return isinstance(value.base, Obj) and value.base.ref == "tensorflow.train.CheckpointManager"
    return isinstance(value, Obj) and value.ref == "tensorflow.train.latest_checkpoint"


def is_checkpoint(event: Event) -> bool:
    """Whether the program itself says that the path is that of a TensorFlow checkpoint: it asks for its `.index`."""
    found = event.arguments.find("filepath", 0)
    if found is None or ".index" not in event.module.source.text or not event.module.owns(found[0]):
        return False
    code = event.module.code(found[0])
    path = re.escape(code)
    asked = rf"(?<![\w.]){path}\s*\+\s*[\"']\.index[\"']|\{{{path}\}}\.index[\"']"
    if code[-1] in "\"'":  # the same text with the end
        asked += rf"|{re.escape(code[:-1])}\.index{code[-1]}"
    return re.search(asked, event.module.source.text) is not None


def is_resumed(event: Event) -> bool:
    """Whether a checkpoint is loaded if its `.index` is there, which this program can write on Keras 2 only.

    On Keras 3 the `ModelCheckpoint` or `save_weights` of that name raises: only what Keras 2 has left behind is loaded.
    """
    found = event.arguments.find("filepath", 0)
    if found is None or not is_checkpoint(event):
        return False
    module, code = event.module, event.module.code(found[0])
    tests = [node for node in path_to(module.tree, event.node) if isinstance(node, cst.If)]
    if not any(_asks_for_index(module.code(node.test)) and path_to(node.body, event.node) for node in tests):
        return False
    written = [call.arguments for call in module.calls_of("keras.callbacks.ModelCheckpoint") if call.module is module]
    written += [item.arguments for item in module.events_of("save_weights") if item.module is module]
    paths = (arguments.find("filepath", 0) for arguments in written)
    return any(path is not None and module.code(path[0]) == code for path in paths)


def _asks_for_index(test: str) -> bool:
    return ".index" in test and re.match(r"not\b", test) is None


def _bad_end(value: Value | None, name: str) -> str | None:
    """The end that is refused, the first one where the path may be several; None where one of them is taken."""
    found = [_bad_end_of(item, name) for item in options(value)]
    return found[0] if None not in found else None


def _bad_end_of(value: Value | None, name: str) -> str | None:
    known = suffix_of(value)
    if known is None:
        return None
    text, whole = known
    last = re.split(r"[/\\]", text)[-1]
    if whole and not last:
        return re.split(r"[/\\]", text[:-1])[-1] + text[-1] if len(text) > 1 else None  # a folder: refused all the same
    if text.endswith(WEIGHTS_END) or (not whole and "." not in last and WEIGHTS_END.endswith(text)):
        return None
    extension = WEIGHTS_EXTENSION.search(text)
    if name == "load_weights" and text.endswith(_READABLE):
        return None
    if name == "load_weights" and not whole and extension is None and last == text:
        return None  # the start of the file name is not known, nor that it is one of a file
    if extension is not None:
        return extension.group()
    return last[last.rindex(".") :] if "." in last[1:] else last
