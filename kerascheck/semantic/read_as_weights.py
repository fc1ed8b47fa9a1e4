"""Classes whose objects are only in whole `.h5` files of which a project reads nothing but the weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kerascheck.semantic.config_reads import may_copy
from kerascheck.semantic.storage import reached, read_as_weights
from kerascheck.semantic.written_reads import WHOLE_READS, reads_whole

if TYPE_CHECKING:
    from kerascheck.semantic.classes import ClassInfo


def is_read_as_weights(owner: ClassInfo) -> bool:
    """Whether all files that have an object of a class are `.h5` and the project reads weights from each of them.

    No file of the project reads whole models or copies one, and it is no package. Run on 2.15, 3.6.0 and 3.15.1:
    `load_weights` of such a file looks at no configuration.
    """
    module = owner.module
    project = module.project
    if project is None:
        return False
    saves = [item.save for item in reached(module) if item.thing is owner]
    if not saves or not all(save.format == ".h5" and read_as_weights(module, save) for save in saves):
        return False
    if project.is_package(module.path):
        return False
    texts = [module.source.text, *(text for word in WHOLE_READS for text in project.texts_with(module.path, word))]
    if any(reads_whole(text, False) for text in texts):
        return False
    return not any(may_copy(text) for text in (module.source.text, *project.texts_with(module.path, "")))
