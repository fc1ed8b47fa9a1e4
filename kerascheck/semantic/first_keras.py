"""What shows that a program was written for Keras 1."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kerascheck.semantic.module import Module

# arguments that were renamed in Keras 2.0 (its release notes), as they stand in a call
ARGUMENTS = frozenset(
    """nb_filter nb_row nb_col nb_epoch border_mode subsample dim_ordering samples_per_epoch nb_val_samples
    W_regularizer b_regularizer W_constraint b_constraint output_dim init inner_init forget_bias_init""".split()
)
_WRITTEN = re.compile(
    r"(?m)^[^#\n]*\b(?:(?:nb_epoch|nb_filter|nb_row|border_mode|samples_per_epoch|nb_val_samples|dim_ordering"
    r"|W_regularizer|b_regularizer|W_constraint|image_dim_ordering|set_image_dim_ordering)\b"
    r"|subsample[ ]?=[ ]?\()"  # trees of other libraries take a number, and functions have this name, too
)


def is_for_keras_1(module: Module) -> bool:
    """Whether the file names arguments or functions that only Keras 1 had."""
    known = module.memo.get("keras 1")
    if known is None:
        known = module.memo["keras 1"] = _WRITTEN.search(module.source.text) is not None
    return bool(known)
