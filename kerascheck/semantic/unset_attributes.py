"""Attributes that a `get_config` reads and nothing sets: it raises, and with it saving."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic.classes import ClassInfo
from kerascheck.semantic.config import bound, read_config
from kerascheck.semantic.custom_objects import Constructor, kind_of
from kerascheck.semantic.values import Class
from kerascheck.semantic.walk import children, walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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
# and what losses and metrics have besides (measured in the same way)
_OF_OTHERS = frozenset(
    """merge_state reduction reset_state result stateless_reset_state stateless_result stateless_update_state
    update_state""".split()
)
_ROOTS = frozenset(
    {"keras.layers.Layer", "keras.Model", "keras.losses.Loss", "keras.metrics.Metric", "builtins.object"}
)
_WITH_CONFIG = frozenset({"layer", "model", "loss", "metric"})
# what sets attributes that no statement names, or leaves it to the classes below
_HIDDEN = re.compile(
    r"setattr|__dict__|__getattr|__slots__|\bvars\(|\blocals\(|abstractmethod|NotImplementedError|metaclass|dataclass"
)
_SELF = re.compile(
    r"(?:def \w+|super|__init__|get_config|from_config|isinstance|hasattr|getattr|len|id|type)\(\s*(\w+,\s*)?self\b"
)
_HANDED = re.compile(r"[(,=]\s*self\s*[,)\n]")
_MISSING = "NotImplementedError"
_ABSTRACT = re.compile(r"abstractmethod|NotImplementedError")


def unset_attribute(owner: ClassInfo) -> cst.Attribute | None:
    """The first `self.name` that the class' own `get_config` always reads and that surely nothing has set.

    None when there is none or it cannot be told: another base than `Layer`, `Model`, `Loss` or `Metric`, a name of
    Keras' own, an assignment to an attribute of that name in the class, in one made from it or of another object in the
    file, an object that is handed on. Run on 2.15, 3.6.0 and 3.15.1: saving raises AttributeError, also for a loss or a
    metric, where the model is compiled with it.
    """
    function = owner.own("get_config")
    if function is None or kind_of(owner) not in _WITH_CONFIG or not isinstance(function.node, cst.FunctionDef):
        return None
    known = KERAS | _OF_OTHERS if kind_of(owner) in {"loss", "metric"} else KERAS
    read = [node for node in _read(function.node) if node.attr.value not in known and node.attr.value[0] != "_"]
    classes = [item for item in owner.lineage() if isinstance(item, ClassInfo)]
    if not read or not all(isinstance(item, ClassInfo) or item in _ROOTS for item in owner.lineage()):
        return None
    read = [node for node in read if not any(node.attr.value in item.frame.names for item in classes)]
    if not read:
        return None
    classes += [item for item in owner.module.classes if item is not owner and owner in item.lineage()]
    for item in classes:
        text = item.module.code(item.node)
        if is_hidden(text) and (is_hidden(text.replace(_MISSING, "")) or _is_for_others(item.node)):
            return None
    set_there = {name for item in classes for name in _assigned(item.node)}
    for node in read:
        if node.attr.value not in set_there and not _is_named(node.attr.value, classes):
            return node
    return None


def _is_for_others(owner: cst.ClassDef) -> bool:
    """Whether a method of a class raises NotImplementedError whatever it is given, as others are to be made from it."""
    functions = [item for item in owner.body.body if isinstance(item, cst.FunctionDef)]
    lines = [line for item in functions for line in item.body.body if not isinstance(line, cst.BaseCompoundStatement)]
    return any(isinstance(node, cst.Name) and node.value == _MISSING for line in lines for node in walk(line))


def _is_named(name: str, classes: list[ClassInfo]) -> bool:
    """Whether an attribute is declared in one of the classes, or set of an object that may be of one of them."""
    given = re.compile(rf"(?<!\bself)\.{name}\s*(?::[^=\n]+)?=(?!=)")
    return any(given.search(item.module.source.text) or name in _declared(item.node) for item in classes)


def _declared(owner: cst.ClassDef) -> set[str]:
    """The names that the body of a class annotates: `seed: int`."""
    lines = [item for item in owner.body.body if isinstance(item, cst.SimpleStatementLine)]
    targets = [item.target for line in lines for item in line.body if isinstance(item, cst.AnnAssign)]
    return {target.value for target in targets if isinstance(target, cst.Name)}


def is_never_written(owner: ClassInfo, made: Constructor | None) -> bool:
    """Whether saving raises before anything of an object is written, for an attribute that nothing sets.

    It is read by a `get_config` of a base, which the class calls, or by that of an object which the class writes:
    `serialize_keras_object(self.inner)`, where `inner` is annotated, or made in the constructor. A method that sets it
    and that nothing in the project calls does not count. Run on 2.15 and 3.15.1: AttributeError in both formats.
    """
    if any(_reads_unset(owner, item) for item in list(_configs(owner))[1:]):
        return True
    inner = [other for attribute in _serialized(owner) for other in _classes_of(owner, made, attribute)]
    return any(_reads_unset(other, item) for other in inner for item in _configs(other))


def _configs(owner: ClassInfo) -> Iterator[cst.FunctionDef]:
    """The `get_config` of a class, and those of bases in the project that it calls by `super()`."""
    for item in owner.lineage():
        function = item.own("get_config") if isinstance(item, ClassInfo) else None
        if function is not None and isinstance(function.node, cst.FunctionDef):
            yield function.node
            config = read_config(function)
            if config is None or not config.calls_super:
                return


def _reads_unset(owner: ClassInfo, function: cst.FunctionDef) -> bool:
    return is_unset(owner, (node.attr.value for node in _read(function)))


def is_unset(owner: ClassInfo, attributes: Iterable[str]) -> bool:
    """Whether surely nothing sets one of these attributes of a class' objects, but a method that nothing calls."""
    classes = [item for item in owner.lineage() if isinstance(item, ClassInfo)]
    if not all(isinstance(item, ClassInfo) or item in _ROOTS for item in owner.lineage()):
        return False
    known = KERAS | _OF_OTHERS if kind_of(owner) in {"loss", "metric"} else KERAS
    names = {name for name in set(attributes) - known if not any(name in item.frame.names for item in classes)}
    names = {name for name in names if name[0] != "_"}
    if not names:
        return False
    classes += [item for item in owner.module.classes if item is not owner and owner in item.lineage()]
    texts = [item.module.code(item.node) for item in classes]
    if any(is_hidden(_ABSTRACT.sub("", text)) for text in texts):
        return False
    return any(
        not _is_named(name, classes) and not any(_sets(item, name) for item in classes) for name in sorted(names)
    )


def _sets(owner: ClassInfo, name: str) -> bool:
    """Whether a class sets an attribute, but for methods that nothing in the project calls."""
    for statement in owner.node.body.body:
        if name not in _assigned(statement):
            continue
        method = statement.name.value if isinstance(statement, cst.FunctionDef) and not statement.decorators else "_"
        if method.startswith("_") or method in KERAS:
            return True
        project, called = owner.module.project, re.compile(rf"\.{method}\b|[\"']{method}[\"']")
        others = project.texts_with(owner.module.path, method) if project is not None else ()
        if called.search(owner.module.source.text) or any(called.search(text) for text in others):
            return True
    return False


def _serialized(owner: ClassInfo) -> Iterator[str]:
    """The attributes of `self` that `get_config` always serializes, or asks for their configuration."""
    own = owner.own("get_config")
    function = own.node if own is not None else None
    for node in always(function.body) if isinstance(function, cst.FunctionDef) else ():
        if not isinstance(node, cst.Call):
            continue
        name = node.func.attr if isinstance(node.func, cst.Attribute) else node.func
        value: cst.CSTNode | None = node.func.value if isinstance(node.func, cst.Attribute) else None
        if isinstance(name, cst.Name) and name.value in {"serialize_keras_object", "serialize"} and node.args:
            value = node.args[0].value
        elif not isinstance(name, cst.Name) or name.value != "get_config":
            continue
        if isinstance(value, cst.Attribute) and isinstance(value.value, cst.Name) and value.value.value == "self":
            yield value.attr.value


def _classes_of(owner: ClassInfo, made: Constructor | None, attribute: str) -> Iterator[ClassInfo]:
    """What the constructor says that an attribute is: by the annotation of the argument, or by making it."""
    for node in walk(made.node.body) if made is not None else ():
        if not isinstance(node, cst.Assign) or attribute not in _assigned(node):
            continue
        found: cst.BaseExpression | None = node.value.func if isinstance(node.value, cst.Call) else None
        if isinstance(node.value, cst.Name) and made is not None:
            given = [item.node.annotation for item in made.parameters if item.name == node.value.value]
            found = given[0].annotation if given and given[0] is not None else None
        value = bound(owner, found.value) if isinstance(found, cst.Name) else None
        if isinstance(value, Class):
            yield value.info


@lru_cache(64)
def is_hidden(text: str) -> bool:
    """Whether a class may set or read attributes that its text does not name, or hands its objects on."""
    return bool(_HIDDEN.search(text) or _HANDED.search(_SELF.sub("", text)))


def _read(function: cst.FunctionDef) -> Iterator[cst.Attribute]:
    """`self.name` in the statements that are always run."""
    for node in always(function.body):
        if isinstance(node, cst.Attribute) and isinstance(node.value, cst.Name) and node.value.value == "self":
            yield node


def always(body: cst.BaseSuite) -> Iterator[cst.CSTNode]:
    """What is run whenever the body of a function or a branch is."""
    if not isinstance(body, cst.IndentedBlock):
        return
    for statement in body.body:
        if not isinstance(statement, cst.SimpleStatementLine):
            return  # what comes after it may not be reached
        stack: list[cst.CSTNode] = [statement]
        while stack:
            node = stack.pop()
            if isinstance(node, (cst.IfExp, cst.BooleanOperation, cst.Lambda, cst.BaseComp)):
                continue
            yield node
            stack += reversed(children(node))


def _assigned(owner: cst.CSTNode) -> Iterator[str]:
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
