"""Attributes that a `get_config` reads and nothing sets: it raises, and with it saving."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic.classes import ClassInfo
from kerascheck.semantic.custom_objects import kind_of
from kerascheck.semantic.walk import children, walk

if TYPE_CHECKING:
    from collections.abc import Iterator

# the public attributes of any Layer or Model (measured: `dir` and `vars` on 2.15, 3.0.5, 3.6.0 and 3.15.1)
KERAS = frozenset(
    """activity_regularizer add_loss add_metric add_update add_variable add_weight autocast
    autotune_steps_per_execution build build_from_config built call call_signature_parameters compile
    compile_from_config compiled compiled_loss compiled_metrics compute_dtype compute_loss compute_mask
    compute_metrics compute_output_shape compute_output_signature compute_output_spec count_params
    distribute_reduction_method distribute_strategy dtype dtype_policy dynamic evaluate evaluate_generator export
    finalize_state fit fit_generator from_config get_build_config get_compile_config get_config get_input_at
    get_input_mask_at get_input_shape_at get_layer get_metrics_result get_output_at get_output_mask_at
    get_output_shape_at get_quantization_layer_structure get_state_tree get_weight_paths get_weights history
    inbound_nodes input input_dtype input_mask input_names input_shape input_spec inputs jit_compile layers
    load_own_variables load_weights loss losses make_predict_function make_test_function make_train_function metrics
    metrics_names metrics_variables name name_scope non_trainable_variables non_trainable_weights optimizer
    outbound_nodes output output_mask output_names output_shape outputs path predict predict_function
    predict_generator predict_on_batch predict_step quantization_mode quantize quantized_build quantized_call
    rematerialized_call reset_metrics reset_states run_eagerly save save_own_variables save_spec save_weights
    set_state_tree set_weights state_updates stateful stateless_call stateless_compute_loss steps_per_execution
    stop_training submodules summary supports_jit supports_masking symbolic_call test_function test_on_batch
    test_step to_json to_yaml train_function train_on_batch train_step train_tf_function trainable
    trainable_variables trainable_weights unrolled_steps_per_execution updates variable_dtype variables weights
    with_name_scope""".split()
)
_ROOTS = frozenset({"keras.layers.Layer", "keras.Model", "builtins.object"})
# what sets attributes that no statement names, or leaves it to the classes below
_HIDDEN = re.compile(
    r"setattr|__dict__|__getattr|__slots__|\bvars\(|\blocals\(|abstractmethod|NotImplementedError|metaclass|dataclass"
)
_SELF = re.compile(
    r"(?:def \w+|super|__init__|get_config|from_config|isinstance|hasattr|getattr|len|id|type)\(\s*(\w+,\s*)?self\b"
)
_HANDED = re.compile(r"[(,=]\s*self\s*[,)\n]")


def unset_attribute(owner: ClassInfo) -> cst.Attribute | None:
    """The first `self.name` that the class' own `get_config` always reads and that surely nothing has set.

    None when there is none or it cannot be told: another base than `Layer` or `Model`, a name of Keras' own, an
    assignment to an attribute of that name in the class, in one made from it or of another object in the file, an
    object that is handed on. Run on 2.15, 3.6.0 and 3.15.1: saving raises AttributeError.
    """
    function = owner.own("get_config")
    if function is None or kind_of(owner) not in {"layer", "model"} or not isinstance(function.node, cst.FunctionDef):
        return None
    read = [node for node in _read(function.node) if node.attr.value not in KERAS and node.attr.value[0] != "_"]
    classes = [item for item in owner.lineage() if isinstance(item, ClassInfo)]
    if not read or not all(isinstance(item, ClassInfo) or item in _ROOTS for item in owner.lineage()):
        return None
    read = [node for node in read if not any(node.attr.value in item.frame.names for item in classes)]
    if not read:
        return None
    classes += [item for item in owner.module.classes if item is not owner and owner in item.lineage()]
    for item in classes:
        if is_hidden(item.module.code(item.node)):
            return None
    set_there = {name for item in classes for name in _assigned(item.node)}
    for node in read:
        name = node.attr.value
        given = re.compile(rf"(?<!\bself)\.{name}\s*(?::[^=\n]+)?=(?!=)")  # another object of that name, or this one
        declared = re.compile(rf"^\s+{name}\s*:", re.MULTILINE)
        if name not in set_there and not any(
            given.search(item.module.source.text) or declared.search(item.module.code(item.node)) for item in classes
        ):
            return node
    return None


def unset_in_a_base(owner: ClassInfo) -> bool:
    """Whether the `get_config` of a base in the project reads such an attribute, which this class does not name."""
    for base in list(owner.lineage())[1:]:
        unset = unset_attribute(base) if isinstance(base, ClassInfo) else None
        if unset is not None and unset.attr.value not in owner.module.code(owner.node):
            return True
    return False


def is_hidden(text: str) -> bool:
    """Whether a class may set or read attributes that its text does not name, or hands its objects on."""
    return bool(_HIDDEN.search(text) or _HANDED.search(_SELF.sub("", text)))


def _read(function: cst.FunctionDef) -> Iterator[cst.Attribute]:
    """`self.name` in the statements that are always run."""
    if not isinstance(function.body, cst.IndentedBlock):
        return
    for statement in function.body.body:
        if not isinstance(statement, cst.SimpleStatementLine):
            return  # what comes after it may not be reached
        stack: list[cst.CSTNode] = [statement]
        while stack:
            node = stack.pop()
            if isinstance(node, (cst.IfExp, cst.BooleanOperation, cst.Lambda, cst.BaseComp)):
                continue
            if isinstance(node, cst.Attribute) and isinstance(node.value, cst.Name) and node.value.value == "self":
                yield node
            stack += reversed(children(node))


def _assigned(owner: cst.ClassDef) -> Iterator[str]:
    """The names of attributes that statements of a class set, and of what its body declares."""
    for node in walk(owner):
        targets: list[cst.CSTNode] = []
        if isinstance(node, cst.Assign):
            targets = [item.target for item in node.targets]
        elif isinstance(node, (cst.AnnAssign, cst.AugAssign, cst.For, cst.CompFor, cst.NamedExpr)):
            targets = [node.target]
        elif isinstance(node, cst.AsName):
            targets = [node.name]
        for target in targets:
            yield from (item.attr.value for item in walk(target) if isinstance(item, cst.Attribute))
