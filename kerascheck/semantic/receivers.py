"""What a method is called on: a Keras model for sure, or something that the file treats as one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic.training import flavour, has_keras_arguments, models_of
from kerascheck.semantic.values import Func
from kerascheck.semantic.walk import walk

if TYPE_CHECKING:
    from kerascheck.semantic.events import Event
    from kerascheck.semantic.module import Module

OLD_COPY = "tensorflow.python.keras"  # TensorFlow's old copy of Keras 2
_MODEL_NAME = re.compile(r"(?:^|[._])model\d*$", re.IGNORECASE)
_BINDING = (cst.AssignTarget, cst.AnnAssign, cst.AugAssign, cst.For, cst.CompFor, cst.NamedExpr)
_ONLY_OF_MODELS = ("compile", "fit", "fit_generator", "train_on_batch", "summary")


def is_model_of_users(module: Module, event: Event) -> bool:
    """Whether a file that imports this one knows that the receiver of an event here is a Keras model.

    Of an attribute that a class binds once it is enough that they know it in another of its methods.
    """
    users = module.users if not models_of(event) else []
    seen = [(user, other) for user in users for other in user.events_of(event.name) if other.node is event.node]
    if not seen and users and (kept := _kept_attribute(module, event)) is not None:
        events = [(user, other) for user in users for other in user.events if models_of(other)]
        seen = [it for it in events if it[1].module is module and _kept_attribute(module, it[1]) == kept]
    return any(is_model(user, other, by_name=False) for user, other in seen)


def _kept_attribute(module: Module, event: Event) -> tuple[cst.ClassDef, str] | None:
    """The class and the attribute of `self` that a method is called on, if only the constructor binds it, once."""
    node, owner = event.receiver_node, event.owner
    if owner is None or not isinstance(node, cst.Attribute) or not isinstance(node.value, cst.Name):
        return None
    initializer = owner.frame.names.get("__init__")
    if node.value.value != "self" or not isinstance(initializer, Func):
        return None
    bound = [item for item in walk(owner.node) if isinstance(item, _BINDING) and _is_own(item.target, node.attr.value)]
    inside = [item for item in walk(initializer.node.body) if any(item is other for other in bound)]
    return (owner.node, node.attr.value) if len(bound) == len(inside) == 1 else None


def _is_own(node: cst.CSTNode, attribute: str) -> bool:
    """Whether a target has `self.attribute` in it."""
    return any(
        isinstance(item, cst.Attribute)
        and item.attr.value == attribute
        and isinstance(item.value, cst.Name)
        and item.value.value == "self"
        for item in walk(node)
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
