"""Whether all layers of a project take their first weights from initializers with numbers of their own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kerascheck.semantic import keras_api
from kerascheck.semantic.written_calls import call_at

if TYPE_CHECKING:
    from kerascheck.semantic.module import Module

_IMPORTS = "import_module("  # it brings files that are not followed
_COMMENT = re.compile(r"^[ \t]*#[^\n]*$", re.MULTILINE)
_LAYER = re.compile(rf"(?<!\w)(?:{'|'.join(sorted(keras_api.WEIGHTED_LAYERS))})\(")
_NUMBERED = re.compile(r"\bkernel_initializer\s*=(?:(?!_initializer\s*=)[\s\S])*?\bseed\s*=\s*\d")
_ONE_KERNEL = re.compile(r"(?:Dense|Conv\dD|Conv\dDTranspose)\(")
_DRAWS = re.compile(r"Dropout\(|Noise\(|\bRandom\w+\(|\badd_weight\(|\bapplications\b")


def is_every_layer_numbered(program: Module) -> bool:
    """Whether a program imports files by `import_module`, and no file of the project makes a layer that draws.

    Run on 2.15 and 3.15.1 with TensorFlow seeded, an initializer with a number in each layer and a shuffled dataset:
    the first and the trained weights are equal.
    """
    if program.project is None or not any(_IMPORTS in text for text in program.texts()):
        return False
    texts = [program.source.text, *program.project.texts_with(program.path, "keras")]
    texts = [_COMMENT.sub("", text) for text in texts]
    calls = [match[0] + call_at(text, match.end()) for text in texts for match in _LAYER.finditer(text)]
    numbered = all(_ONE_KERNEL.match(call) and _NUMBERED.search(call) for call in calls)
    return bool(calls) and numbered and not any(_DRAWS.search(text) for text in texts)
