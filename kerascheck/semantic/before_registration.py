"""What shows that a program runs only on a Keras that registers nothing, whatever is assumed where no release is said.

`keras.utils.register_keras_serializable` came to the package `keras` with 2.4 (read in 2.2.4, 2.3.1 and 2.4.3). 2.4
left out the arguments of Keras 1 and the module `keras.backend.tensorflow_backend`, and asks for TensorFlow 2.2 (read
in 2.4.3), which has no Python 2, no `tf.Session` and no `tf.log`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kerascheck.semantic.removed_names import is_removed
from kerascheck.semantic.target import Reach

if TYPE_CHECKING:
    from kerascheck.semantic.module import Module

# arguments that no layer and no method of Keras 2 has by this name; up to 2.3 they were renamed on their way in
_ARGUMENTS = frozenset(
    """nb_filter nb_row nb_col nb_epoch border_mode subsample dim_ordering samples_per_epoch nb_val_samples
    W_regularizer b_regularizer W_constraint b_constraint""".split()
)
_GONE = re.compile(
    r"^[^#\n]*(?:\bkeras\.backend\.|\bK\.|\bkeras\.backend[ \t]+import[ \t]+)tensorflow_backend\b"
    r"|^[^#\n]*\b(?:set_)?image_dim_ordering\(",
    re.MULTILINE,
)
_ASKS = re.compile(
    r"\bImportError\b|\bModuleNotFoundError\b|__version__|\.VERSION\b|\bcompat\.v1\b"
)  # it may run on both


def registers_nothing(*modules: Module) -> bool:
    """Whether modules of one program work with the package `keras`, and that is surely one before 2.4."""
    return any(map(_has_package, modules)) and any(map(_is_old, modules))


def _has_package(module: Module) -> bool:
    return any(item.original.partition(".")[0] == "keras" for item in module.interpreter.imports)


def _is_old(module: Module) -> bool:
    known: bool | None = module.memo.get("before registration")
    if known is None:
        known = module.memo["before registration"] = _find(module)
    return known


def _find(module: Module) -> bool:
    target = module.target
    reach = target.which("<2.4")
    if not target.assumed and reach is not Reach.SOME:  # of a range such as `keras-2.1.5+` the code says which can be
        return reach is Reach.ALL
    if target.keras2 and reach is Reach.ALL:
        return True
    text = module.source.text
    if module.is_python_2:
        return True
    if _ASKS.search(text) is not None:
        return False
    return (
        _GONE.search(text) is not None
        or module.is_tensorflow_1
        or any(call.original.startswith("tensorflow.") and is_removed(call.original) for call in module.calls)
        or _gives_first_names(module)
    )


def _gives_first_names(module: Module) -> bool:
    """Whether a call of Keras gives an argument that only Keras 1 had."""
    calls = [call.arguments for call in module.calls if call.module is module and call.name.startswith("keras.")]
    calls += [event.arguments for event in module.events if event.module is module]
    return any(keyword in _ARGUMENTS for given in calls for keyword, _, _ in given.keywords)
