"""Dotted names: every spelling of a Keras object to one canonical name.

`tf.keras.layers.Dense`, `keras.src.layers.core.dense.Dense` and `keras.layers.core.Dense` are `keras.layers.Dense`.
"""

from __future__ import annotations

from functools import cache

GLOBAL_OBJECTS = "keras.utils.get_custom_objects"
REGISTERS = "keras.utils.register_keras_serializable()"  # what a call of it gives, called
_ROOTS = (
    "tensorflow.contrib.keras.api.keras",
    "tensorflow.contrib.keras.python.keras",
    "tensorflow.contrib.keras",
    "tensorflow.compat.v1.keras",
    "tensorflow.compat.v2.keras",
    "tensorflow._api.v1.keras",
    "tensorflow._api.v2.keras",
    "tensorflow.python.keras",
    "tensorflow.keras",
    "tf_keras",
    "keras",
)
_INNER = ("api._tf_keras.keras", "_tf_keras.keras", "api._v2.keras", "api._v1.keras", "_v2.keras", "src", "api")
_CLASS_HOMES = frozenset(
    "layers optimizers losses metrics callbacks initializers regularizers constraints applications utils saving".split()
)
_ALIASES = {
    "models.Sequential": "Sequential",
    "engine.Sequential": "Sequential",
    "engine.sequential.Sequential": "Sequential",
    "models.sequential.Sequential": "Sequential",
    "models.Model": "Model",
    "engine.Model": "Model",
    "engine.training.Model": "Model",
    "engine.functional.Functional": "Model",
    "models.model.Model": "Model",
    "models.functional.Functional": "Model",
    "models.Functional": "Model",
    "Layer": "layers.Layer",
    "engine.Layer": "layers.Layer",
    "engine.topology.Layer": "layers.Layer",
    "engine.base_layer.Layer": "layers.Layer",
    "layers.Input": "Input",
    "engine.Input": "Input",
    "engine.topology.Input": "Input",
    "engine.input_layer.Input": "Input",
    "engine.InputSpec": "layers.InputSpec",
    "utils.np_utils.to_categorical": "utils.to_categorical",
    "saving.load_model": "models.load_model",
    "saving.save_model": "models.save_model",
    "saving.saving_api.load_model": "models.load_model",
    "models.cloning.clone_model": "models.clone_model",
    "saving.register_keras_serializable": "utils.register_keras_serializable",
    "saving.get_custom_objects": "utils.get_custom_objects",
    "saving.custom_object_scope": "utils.custom_object_scope",
    "saving.CustomObjectScope": "utils.custom_object_scope",
    "utils.CustomObjectScope": "utils.custom_object_scope",
    "optimizers.adam_v2.Adam": "optimizers.Adam",
}


@cache
def canonical(name: str) -> str:
    """The canonical dotted name; a name outside Keras comes back as it is, `tf` aliases are not expanded here."""
    rest = _inside_keras(name)
    if rest is None:
        return name
    if not rest:
        return "keras"
    if rest in _ALIASES:
        return "keras." + _ALIASES[rest]
    parts = rest.split(".")
    nested = parts[0] in _CLASS_HOMES and len(parts) > 2 and parts[-2] not in {"schedules", "experimental"}
    if nested and (parts[-1][:1].isupper() or parts[0] in {"layers", "utils", "saving"}):
        short = f"{parts[0]}.{parts[-1]}"
        return "keras." + _ALIASES.get(short, short)
    if parts[0] == "layers" and len(parts) > 2:
        return f"keras.layers.{parts[-1]}"
    return "keras." + rest


@cache
def is_keras(name: str) -> bool:
    """Whether a dotted name, canonical or not, lies inside some Keras."""
    return _inside_keras(name) is not None


def _inside_keras(name: str) -> str | None:
    for root in _ROOTS:
        if name == root:
            return ""
        if name.startswith(root) and name[len(root)] == ".":
            rest = name[len(root) + 1 :]
            for inner in _INNER:
                if rest == inner:
                    return ""
                if rest.startswith(inner + "."):
                    return rest[len(inner) + 1 :]
            return rest
    return None
