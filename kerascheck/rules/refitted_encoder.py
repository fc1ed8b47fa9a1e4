"""KC412: an encoder is fitted again in a program that loads a model, where the one of the training is needed."""

from __future__ import annotations

import re

import libcst as cst

from kerascheck.finding import Claim, Severity
from kerascheck.rule import RelatedNode, Rule
from kerascheck.semantic.calls import TRAINING_METHODS
from kerascheck.semantic.datasets import Step
from kerascheck.semantic.encoders import (
    is_fitted_alike_in_training,
    is_of_the_output,
    is_one_of_several,
    is_only_drawn,
)
from kerascheck.semantic.values import Obj

_ENCODERS = re.compile(
    r"^(?:sklearn\.preprocessing\.(?:_label\.|_data\.)?(?:LabelEncoder|LabelBinarizer|MultiLabelBinarizer|OneHotEncoder"
    r"|OrdinalEncoder|StandardScaler|MinMaxScaler|RobustScaler|MaxAbsScaler)"
    r"|sklearn\.feature_extraction\.text\.\w+Vectorizer"
    r"|keras\.preprocessing\.text\.Tokenizer|keras_preprocessing\.text\.Tokenizer)$"
)
_LOOKUPS = frozenset(
    f"keras.layers.{name}"
    for name in ("Discretization", "IntegerLookup", "Normalization", "StringLookup", "TextVectorization")
)
_FITS = frozenset({"fit", "fit_transform", "fit_on_texts"})
# what says that the rows are those of the training, where a second fit gives the same numbers
_SAME = re.compile(r"train_test_split|\bdatasets\b.*\bload_|load_data\(|fetch_\w+\(")
_OWN_LOOP = re.compile(r"^[^#\n]*\bapply_gradients\(", re.MULTILINE)
_TRAINING = re.compile(r"(?i)train|(?<![a-z])tr(?![a-z])")
_KEPT = re.compile(
    r"(?:pickle|joblib|dill|cloudpickle)\.load|joblib import|pickle import|tokenizer_from_json|np\.load\("
)


class RefittedEncoder(Rule):
    code = "KC412"
    severity = Severity.WARNING
    # it takes the data of two programs to show it
    claim = Claim.NONE
    words = (
        ("load_model", "load_weights"),
        ("fit", "adapt"),
        ("encoder", "binarizer", "scaler", "vectoriz", "tokenizer", "lookup", "normalization", "discretization"),
    )
    message = (
        "`{encoder}` is fitted again beside a loaded model: other data give other numbers than those it was trained on"
    )

    def check(self) -> None:
        module = self.module
        whole = [call.node for call in module.calls_of("keras.models.load_model") if call.module is module]
        loads = whole or [event.node for event in module.events_of("load_weights") if event.module is module]
        if not loads or _KEPT.search(module.source.text) or _SAME.search(module.source.text):
            return
        if _OWN_LOOP.search(module.source.text) or any(
            event.name in TRAINING_METHODS and self._is_model(event.receiver) for event in module.events
        ):
            return  # the model is trained here: the encoder may be the one that is used with it
        if not any(event.name in {"predict", "evaluate", "predict_on_batch", "__call__"} for event in module.events):
            return
        for step in module.facts.steps_met:
            encoder = step.base
            if step.name not in _FITS or not isinstance(encoder, Obj) or not self._is_ours(step):
                continue
            if is_one_of_several(module, step) or is_only_drawn(module, step):
                continue
            if is_of_the_output(module, step) or is_fitted_alike_in_training(module, step):
                continue
            self.report(
                step.node,
                related=[RelatedNode(module, loads[0], "the model is loaded here")],
                subject=module.code(step.node.func),
                encoder=encoder.short,
            )

        # weights may hold what a layer of the model has learnt
        for event in module.events_of("adapt") if whole else ():
            layer, given = event.receiver, event.arguments.find("data", 0)
            if not isinstance(layer, Obj) or layer.ref not in _LOOKUPS or not module.owns(event.node) or given is None:
                continue
            if not isinstance(given[0], (cst.List, cst.Tuple)) and not _TRAINING.search(module.code(given[0])):
                self.report(
                    event.node,
                    related=[RelatedNode(module, loads[0], "the model is loaded here")],
                    subject=module.code(event.node.func),
                    encoder=layer.short,
                )

    def _is_model(self, value: object) -> bool:
        return not isinstance(value, Obj) or value.kind == "model"

    def _is_ours(self, step: Step) -> bool:
        """Whether it is an encoder that is fitted with data, not with names that the source lists."""
        if not isinstance(step.base, Obj) or not _ENCODERS.match(step.base.ref) or not self.module.owns(step.node):
            return False
        given = step.node.args[0].value if step.node.args else None
        if given is None or isinstance(given, (cst.List, cst.Tuple, cst.Set)):
            return False
        return not _TRAINING.search(self.module.code(given))
