"""What a method is called on: a Keras model for sure, or something that the file treats as one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kerascheck.semantic.training import flavour, has_keras_arguments, models_of

if TYPE_CHECKING:
    from kerascheck.semantic.events import Event
    from kerascheck.semantic.module import Module

OLD_COPY = "tensorflow.python.keras"  # TensorFlow's old copy of Keras 2
_MODEL_NAME = re.compile(r"(?:^|[._])model\d*$", re.IGNORECASE)
_ONLY_OF_MODELS = ("compile", "fit", "fit_generator", "train_on_batch", "summary")


def is_model_of_users(module: Module, event: Event) -> bool:
    """Whether a file that imports this one knows that the receiver of an event here is a Keras model."""
    return any(
        other.node is event.node and is_model(user, other, by_name=False)
        for user in (module.users if not models_of(event) else ())
        for other in user.events_of(event.name)
    )


def is_model(module: Module, event: Event, *, by_name: bool = True) -> bool:
    """Whether the receiver of an event is a Keras model for sure, or something that this file treats as one.

    With `by_name` it is enough that it is called a model; without, only what is compiled here, or fitted
    with arguments of Keras, counts.
    Models of `tf_keras` and of the old copy do not count: they are Keras 2, whatever else is installed.
    """
    models = models_of(event)
    if models:
        return all(item.kind == "model" and not flavour(item).startswith(("tf_keras", OLD_COPY)) for item in models)
    if event.receiver is not None or event.receiver_node is None or not module.uses_keras:
        return False
    if module.uses_only_tf_keras:
        return False
    receiver = module.code(event.receiver_node)
    if by_name and _MODEL_NAME.search(receiver):
        return True
    return any(
        other.module is module
        and other.receiver_node is not None
        and module.code(other.receiver_node) == receiver
        and (other.name != "fit" or has_keras_arguments(other))  # `fit(x, y)` have many estimators
        for other in module.events_of(*_ONLY_OF_MODELS)
    )
