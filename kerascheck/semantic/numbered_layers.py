"""Whether all layers of a project take their first weights from initializers with numbers of their own."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TYPE_CHECKING

from kerascheck.semantic import keras_api
from kerascheck.semantic.values import boolean
from kerascheck.semantic.written_calls import call_at

if TYPE_CHECKING:
    from kerascheck.semantic.events import Event
    from kerascheck.semantic.module import Module

# the layers with weights that start with random numbers of their own
DRAWN = keras_api.WEIGHTED_LAYERS - {
    *("BatchNormalization", "GroupNormalization", "LayerNormalization", "Normalization", "RMSNormalization"),
    *("Bidirectional", "PReLU", "RNN", "SpectralNormalization", "StackedRNNCells", "SyncBatchNormalization"),
    "TimeDistributed",
}
_IMPORTS = re.compile(r"\bimport_module\(|\bspec_from_file_location\(|\b__import__\(")  # of files not followed
_COMMENT = re.compile(r"^[ \t]*#[^\n]*$", re.MULTILINE)
_LAYER = re.compile(rf"(?<!\w)(?:{'|'.join(sorted(DRAWN))})\(")
_NUMBERED = re.compile(r"\bkernel_initializer\s*=(?:(?!_initializer\s*=)[\s\S])*?\bseed\s*=\s*(?:\d|([A-Za-z_]\w*))")
_ONE_KERNEL = re.compile(r"(?:Dense|Conv\dD|Conv\dDTranspose)\(")
_DRAWS = re.compile(
    r"Dropout\(|Noise\(|\bRandom\w+\(|\badd_weight\(|\bapplications\b|\b(?:default_rng|RandomState)\(\s*\)"
)
# what draws from a generator that is not seeded
_FROM = {
    "python": re.compile(r"(?<![\w.])(?:random\.(?!seed\b)\w+|shuffle|sample|choice|choices|randint|uniform)\("),
    "numpy": re.compile(
        r"\b(?:np|numpy)\.random\.(?!seed\b)|\bnumpy\.random[ \t]+import|\btrain_test_split\(|\bpermutation\("
        r"|\.sample\(|\bKFold\(|ShuffleSplit\(|\bshuffle\(|DataGenerator\("
    ),
    "tensorflow": re.compile(
        r"\bshuffle\(|\b(?:tf|tensorflow|keras|K|backend|image)\.random|\brandom_\w+\(|\b(?:tfp|tfd|tfa)\."
    ),
}
_BATCHES = frozenset({"train_on_batch"})


def is_all_numbered(program: Module, kinds: Collection[str], trained: list[Event]) -> bool:
    """Whether no file of a program makes a layer that draws, and all else it draws from are the seeded `kinds`.

    Each layer has an initializer with a number. Run on 2.15 and 3.15.1 with TensorFlow seeded and a shuffled dataset,
    on 3.15.1 with it seeded and rows that `fit` shuffles, or with NumPy alone and what `train_on_batch` is given or
    `fit(shuffle=False)`, three processes each: the first and the trained weights are equal.
    """
    if "tensorflow" not in kinds and not (program.target.keras3 and all(map(_keeps_order, trained))):
        return False
    texts = list(program.texts())
    if any(_IMPORTS.search(text) for text in texts):
        if program.project is None:
            return False
        texts = [program.source.text, *program.project.texts_with(program.path, "keras")]
    texts = [_COMMENT.sub("", text) for text in texts]
    calls = [match[0] + call_at(text, match.end()) for text in texts for match in _LAYER.finditer(text)]
    if not calls or not all(_ONE_KERNEL.match(call) and _is_numbered(call, texts) for call in calls):
        return False
    unseeded = [pattern for kind, pattern in _FROM.items() if kind not in kinds]
    return not any(pattern.search(text) for pattern in (_DRAWS, *unseeded) for text in texts)


def _is_numbered(call: str, texts: list[str]) -> bool:
    found = _NUMBERED.search(call)
    if found is None or found[1] is None:
        return found is not None
    bound = re.compile(rf"^{found[1]}[ \t]*=[ \t]*(\w+)", re.MULTILINE)
    values = [value for text in texts for value in bound.findall(text)]
    return bool(values) and all(value.isdigit() for value in values)


def _keeps_order(event: Event) -> bool:
    """Whether a training shuffles no rows of its own."""
    shuffle = event.arguments.find("shuffle")
    kept = event.name == "fit" and shuffle is not None and boolean(shuffle[1]) is False
    return event.name in _BATCHES or kept
