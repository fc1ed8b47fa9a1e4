"""What a text does with whole models, as it is written: save, load, copy them, ask for configurations. No parser."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial

from kerascheck.semantic.checkpoint_heirs import Heir, checkpoint_heirs, may_keep_whole
from kerascheck.semantic.config_answers import only_reads_values
from kerascheck.semantic.written_calls import LONGEST_CALL, arguments_in, call_at, is_imported

_ASIDE = re.compile(
    r"#[^\n]*|(?P<long>\"\"\"|''')(?:\\.|[^\\])*?(?P=long)"
    r"|\"(?P<double>(?:\\.|[^\"\\\n])*)\"|'(?P<single>(?:\\.|[^'\\\n])*)'",
    re.DOTALL,
)
_END = re.compile(r"[\w.]{0,6}\Z")
_KERAS = re.compile(r"keras|tensorflow", re.IGNORECASE)
_LONGEST_RECEIVER = 160
_HEADER = re.compile(r"def[ \t]+\w+[ \t]*\(")

# what writes a configuration, or makes a copy by it. Run on 2.15 and 3.15.1: deepcopy and pickle of a model do, and so
# does Bidirectional with the layer that it is given; training, `save_weights` and `load_weights` go well even where
# `get_config` raises, and so do `tf.saved_model.save`, `model.export`, `tf.saved_model.load` and `tf.train.Checkpoint`
_WHOLE = re.compile(
    r"\b(?:clone_model|clone_and_build_model|model_from_config|model_to_estimator|save_keras_model|deserialize|push_to_hub)\b"
    r"|\bBidirectional\b|\bKeras(?:Class|Regr)"
    r"|\b(?:mlflow|scikeras|tfmot|tensorflow_model_optimization|[Ww]andb|bentoml)\b"
)
_OF_LAYERS = frozenset({"clone_model", "Bidirectional"})
_AS = re.compile(r"[ \t]+as\b")
_TEXTS_READ = re.compile(r"\bmodel_from_(?!config\b)")
_TO_TEXT = re.compile(r"(?<!\bdef )(?<![\w])to_(?:json|yaml)\b(?P<call>\()?")
_COPIES = re.compile(r"\bdeepcopy\(|\b(?:pickle|cPickle|joblib|dill)\.dumps?\(|\bPickler\b|\bimport[^\n]*\bdumps?\b")
_SETTINGS = re.compile(r"(?:self\.)?\w*(?:cfg|conf|configs?|params|args|settings|options)\Z|self\.__dict__\Z")
# an object that a class of settings makes, `C = Config()`; and any other way that a name is bound
_SETTINGS_MADE = r"^[ \t]*{name}[ \t]*=[ \t]*(?:\w+\.)*\w*(?:Config|Params|Settings|Options)\("
_BOUND = (
    r"\b{name}[ \t]*=(?!=)|^[ \t]*{name}[ \t]*:|\b(?:as|for)[ \t]+{name}\b|\bdef[^\n]*\b{name}\b"
    r"|\b{name}\.\w+[ \t]*=[ \t]*[\w.]*(?:model|net)[ \t]*$"  # it gets a model
)
_SAVE = re.compile(r"\.save\((?!\s*\))")  # a path is needed
# run on 2.15 and 3.15.1: with any other keyword `save` of a model raises
_SAVE_TAKES = frozenset(
    "filepath overwrite include_optimizer save_format signatures options save_traces zipped".split()
)
_KEYWORD = re.compile(r"(?:\A|,)\s*(\w+)\s*=(?!=)")
_LAST = re.compile(r"\.(?:png|jpe?g|gif|bmp|tiff?|pdf|npy|npz|txt|csv|wav|mp3|docx|xlsx)[\"']\s*\)*\s*\Z")
_RECEIVER = re.compile(r"[A-Za-z_]\w*(?:\.\w+|\[[^\[\]\n]*\]|\((?:[^()\n]|\([^()\n]*\))*\))*\Z")
_PICTURE = re.compile(r"(?:\bImage\.|\bfromarray\(|\.resize\(|\b\w*(?:[iI]mage|[iI]mg)\.)[^\n]*\Z")
_CHECKPOINTS = (
    r"\b{name}[ \t]*=[ \t]*(?:\w+\.)*(?:Checkpoint(?:Manager)?|TrtGraphConverter(?:V2)?|tensorrt\.Converter)\("
)
_OTHERS = frozenset({"np", "numpy", "torch"})  # what has a `save` of its own
_FOLDER = re.compile(r"\bsave_format\s*=\s*[\"']tf[\"']|\A\s*(?:\w+\.)*\w*[dD]ir(?:ectory)?\s*(?:,|\Z)")
_FILE_END = re.compile(r"\.(?:h5|hdf5|keras|tf)\b|\bh5\b|\bhdf5\b", re.IGNORECASE)
_NO_SUFFIX = re.compile(r"[fFrR]?\"(?:~[^\".]*|[^\".]+)\w\"[ \t]*(?:if\b|,|\Z)")
_MODEL_FILE = re.compile(
    r"(?<!\w)(?<!\w\.)(?P<holder>(?:\w+\.)*)(?:load|save)_model\b(?P<call>\s*\()?(?P<set>\s*=(?!=))?"
)
_OWN_MODEL_FILE = re.compile(r"\bdef (?:load|save)_model\b")
_BY_NAME = re.compile(r"\bgetattr\([^()\n]*[\"'](?:load|save)_model[\"']")
_MODULES = ("models", "saving", "keras")
_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+(?P<base>[.\w]+)[ \t]+)?import[ \t]+(?P<names>\([^()]*\)|[^\n#]*)", re.MULTILINE
)
_ASKS = re.compile(r"\.(?P<what>get|from)_config\((?P<own>[ \t]*self\b)?")
_MAKES = re.compile(r"\*\*[\w.\[\]()]*\.get_config\(\)|\bdumps?\(|\byaml\b|\.write\(")
_ANSWER = re.compile(r"\b(\w+)[ \t]*=[^\n=]*\.get_config\(\)")
_CALLBACK = re.compile(r"\bModelCheckpoint\b(?P<call>[ \t]*\()?")
_ALIAS = re.compile(r"\bModelCheckpoint[ \t]+as\b")
_ONLY_WEIGHTS = re.compile(r"\bsave_weights_only[ \t]*=[ \t]*True\b")
_SAVES_WEIGHTS = re.compile(r"\.save_weights\(|\bsave_weights_only[ \t]*=[ \t]*True\b")
_WEIGHTS = re.compile(
    r"\b(?:save|load)_weights\(|\bsave_weights_only[ \t]*=[ \t]*True\b|\btrain\.Checkpoint(?:Manager)?\("
)
_GRAPHS = re.compile(r"\bsaved_model\.save\(|\.export\(")
_TRAINS = re.compile(r"\.fit\(|\bfit_generator\(|\btrain_on_batch\(|\bapply_gradients\(")
_LAYERS_OF = r"\bfor[ \t]+{name}[ \t]+in[ \t]+(\w+)\.layers\b"
_NO_MODEL = r"\b{name}[ \t]*:[ \t]*(?:np\.|numpy\.|pd\.|int\b|float\b|str\b|bool\b|[dD]ict\b|[lL]ist\b|[tT]uple\b)"
_PUT = r"\b{name}(?:\[[^\]\n]*\][ \t]*=[ \t]*[\w.]+[ \t]*$|\.(?:append|update)\()"
_PART = re.compile(
    r"[(\[]?\s*[A-Za-z_]\w*(?:\.\w+|\[[^\]]*\]|\.(?:get|items|values|pop)\([^()]*\))*\s*(?:[,)\]]|if\b|or\b|\Z)"
)
# libraries whose objects are no models
_FOREIGN = frozenset(
    """PIL numpy torch cv2 pandas sklearn matplotlib imageio skimage scipy docx openpyxl graphviz csv re json caffe
    gensim xgboost lightgbm catboost""".split()
)


@dataclass(frozen=True)
class Asked:
    """What is asked about: the names of a class and its bases, what it is, and what else counts.

    `in_texts`: an architecture as JSON may have an object of it. `raises`: what asks for its configuration fails.
    `cloned`: `clone_model` and `Bidirectional` may make a copy of it.
    """

    names: frozenset[str]
    optimizer: bool = False
    in_texts: bool = True
    raises: bool = False
    cloned: bool = True


class ModelWords:
    """One text without comments, with no more of what stands in quotes than its end."""

    def __init__(self, text: str) -> None:
        self.code = _ASIDE.sub(_blank, text)
        self._text = text
        self._known: dict[tuple[str, bool], bool] = {}

    @cached_property
    def keras(self) -> bool:
        """Whether the text names Keras or TensorFlow."""
        return _KERAS.search(self.code) is not None

    @cached_property
    def trains(self) -> bool:
        return _TRAINS.search(self.code) is not None

    @cached_property
    def saves_weights(self) -> bool:
        return _SAVES_WEIGHTS.search(self.code) is not None

    @cached_property
    def keeps_weights(self) -> bool:
        return _WEIGHTS.search(self.code) is not None

    @cached_property
    def keeps_graphs(self) -> bool:
        return _GRAPHS.search(self.code) is not None or "folder" in self._saved | self._checkpoints

    @cached_property
    def has_own_model_file(self) -> bool:
        """Whether it defines a function or method that is called as those of Keras for files of models."""
        return _OWN_MODEL_FILE.search(self.code) is not None

    @cached_property
    def classes(self) -> frozenset[str]:
        return frozenset(re.findall(r"\bclass[ \t]+(\w+)", self.code))

    @cached_property
    def _imports(self) -> dict[str, str]:
        """What the import statements bind, by name: the module that it comes from; "*" for all of one."""
        found: dict[str, str] = {}
        for match in _IMPORT.finditer(self.code):
            for item in re.split(r"[,\s()]*,[,\s()]*|\A\s*\(\s*|\s*\)\s*\Z", match["names"].replace("\\\n", " ")):
                words = item.replace("\n", " ").split()
                if not words:
                    continue
                if match["base"] is not None:
                    base = match["base"] if words[0] != "*" else found.get("*", "") + " " + match["base"]
                    found[words[-1]] = base if words[0] == "*" else f"{base}.{words[0]}"
                elif len(words) > 1:
                    found[words[-1]] = words[0]
                else:
                    found[words[0].partition(".")[0]] = words[0].partition(".")[0]
        return found

    # ------------------------------------------------------------------ what may be a model

    @cached_property
    def _bound(self) -> dict[str, list[str]]:
        """What the names of the text are bound to, as it is written."""
        found: dict[str, list[str]] = {}
        for names, value in re.findall(r"(?m)^[ \t]*([\w., \t]+?)(?::[^\n=]*)?=(?!=)[ \t]*([^\n]*)", self.code):
            for name in re.findall(r"[\w.]+", names):
                found.setdefault(name, []).append(value)
        for names, value in re.findall(r"\bfor[ \t]+([\w, \t()]+?)[ \t]+in[ \t]+([^\n:\]]*)", self.code):
            for name in re.findall(r"\w+", names)[1 if value.startswith("enumerate(") else 0 :]:
                found.setdefault(name, []).append("*" + value)
        for value, name in re.findall(r"\bwith[ \t]+([^\n]*?)[ \t]+as[ \t]+(\w+)", self.code):
            found.setdefault(name, []).append(value)
        return found

    @cached_property
    def _handed(self) -> frozenset[str]:
        """The names that may have something which the text was handed: parameters, and what is taken out of them."""
        known = {"self", "cls"}
        for match in re.finditer(r"\bdef[ \t]+\w+[ \t]*\(", self.code):
            known.update(re.findall(r"\w+", call_at(self.code, match.end())))
        for names in re.findall(r"\blambda\b([^:\n]*):", self.code):
            known.update(re.findall(r"\w+", names))
        own = set(re.findall(r"\bdef[ \t]+(\w+)", self.code))
        for _ in range(4):
            more = {
                name
                for name, values in self._bound.items()
                if name not in known and any(_gives_on(value, known, own) for value in values)
            }
            if not more:
                break
            known |= more
        return frozenset(known)

    def _is_foreign(self, name: str) -> bool:
        """Whether all that a name is bound to is written out, or made by a library that knows no models."""
        values = self._bound.get(name, [])
        return bool(values) and all(self._is_foreign_value(value) for value in values)

    def _is_foreign_value(self, value: str) -> bool:
        if re.match(r"[\[{]\s*[\]}]|[\"'\d]|(?:dict|list|set)\(\s*\)", value):
            return True
        found = re.match(r"([A-Za-z_]\w*)[\w.]*\(", value)
        base = self._imports.get(found[1], "") if found is not None else ""
        return base.partition(".")[0] in _FOREIGN

    def _may_be_model(self, receiver: str, near: bool) -> bool:
        root = re.match(r"\w+", receiver)
        if root is None:
            return True
        if not near and root[0] not in self._handed:
            return False
        return not self._does(f"foreign {root[0]}", lambda _: self._is_foreign(root[0]), True)

    def _gets_models(self, name: str) -> bool:
        """Whether a dictionary or list may be given a model: `found["net"] = net`."""
        return re.search(_PUT.format(name=re.escape(name)), self.code, re.MULTILINE) is not None

    # ------------------------------------------------------------------ what is done with them

    @cached_property
    def _saved(self) -> frozenset[str]:
        return frozenset(self._find_saved(True))

    @cached_property
    def _saved_of_others(self) -> frozenset[str]:
        """The same for what the text was handed."""
        return frozenset(self._find_saved(False))

    def _find_saved(self, near: bool) -> Iterator[str]:
        """For each `x.save(...)` where x may be a model what it writes: "file" or "folder"."""
        code = self.code
        for match in _SAVE.finditer(code):
            name = _receiver(code, match.start())
            line = code[
                max(code.rfind("\n", 0, match.start()) + 1, match.start() - _LONGEST_RECEIVER) : match.start() + 1
            ]
            if name in _OTHERS or name.endswith("saved_model") or _PICTURE.search(line):
                continue
            given = call_at(code, match.end())
            outside = _outside(given)
            if any(word not in _SAVE_TAKES for word in _KEYWORD.findall(outside)) or _LAST.search(_first(given)):
                continue
            if name and self._does(f"checkpoints {name}", partial(self._is_bound_to_checkpoints, name), True):
                continue
            if self._may_be_model(name, near) or (near and self._is_only_handed(name, match.start())):
                yield "folder" if self._is_folder(given) else "file"

    def _is_only_handed(self, name: str, at: int) -> bool:
        """Whether a name is a parameter of the function above a place, which binds it to nothing else until then."""
        start = self.code.rfind("def ", max(0, at - LONGEST_CALL), at)
        header = _HEADER.match(self.code, start) if start >= 0 and name.isidentifier() else None
        if header is None:
            return False
        given = call_at(self.code, header.end())
        binds = rf"\b{name}\b[^\n=(]*=(?!=)|\b(?:as|for)[ \t]+{name}\b"
        return (
            any(re.match(rf"{name}\b", item) for item in arguments_in(given))
            and re.search(binds, self.code[header.end() + len(given) : at]) is None
        )

    def _is_bound_to_checkpoints(self, name: str, _: bool) -> bool:
        return re.search(_CHECKPOINTS.format(name=re.escape(name)), self.code) is not None

    def _is_folder(self, given: str) -> bool:
        """Whether arguments of a save name a folder: Keras 2 writes a SavedModel there, Keras 3 raises."""
        if _FOLDER.search(given):
            return True
        path = _first(given)
        values = self._bound.get(path, []) if re.fullmatch(r"\w+", path) else [given.strip()]
        if any(_FILE_END.search(value) for value in values):
            return False
        return any(_NO_SUFFIX.match(value) for value in values)

    @cached_property
    def _checkpoints(self) -> frozenset[str]:
        """For the mentions of `ModelCheckpoint` what they may write: "file", "folder"."""
        return frozenset(self._find_checkpoints())

    def _find_checkpoints(self) -> Iterator[str]:
        code = self.code
        for match in _CALLBACK.finditer(code):
            start, end = code.rfind("\n", 0, match.start()) + 1, code.find("\n", match.end())
            if match["call"]:
                given = call_at(code, match.end())
                if _ONLY_WEIGHTS.search(given) is None:
                    yield "folder" if self._is_folder(re.sub(r"\A\s*filepath\s*=", "", given)) else "file"
            elif any(heir.start <= match.start() < heir.end for heir in self.heirs):
                continue
            elif _ALIAS.match(code, match.start()) or not is_imported(code, start, end if end >= 0 else len(code)):
                yield "file"

    @cached_property
    def heirs(self) -> tuple[Heir, ...]:
        """The classes made from `ModelCheckpoint` of which it is known what they keep."""
        return tuple(checkpoint_heirs(self.code))

    def may_keep_whole(self, heir: Heir) -> bool:
        """Whether it may have a checkpoint of such a class that keeps whole models."""
        return may_keep_whole(heir, self.code)

    def _does(self, what: str, find: Callable[[bool], bool], how: bool) -> bool:
        """What `find` says; looked for once."""
        if (what, how) not in self._known:
            self._known[what, how] = find(how)
        return self._known[what, how]

    def _loads(self, own: bool) -> bool:
        """Whether it uses a function of Keras for files of models; `own`: the project has functions of that name."""
        if _BY_NAME.search(self._text):
            return True
        imported = {self._imports.get(name, "") for name in ("load_model", "save_model")} - {""}
        stars = self._imports.get("*", "").split()
        bare = any(_is_of_keras(base) for base in (*imported, *stars)) or (not own and bool(imported or stars))
        in_imports = [match.span() for match in _IMPORT.finditer(self.code)]
        if own and any(_is_of_keras(base) for base in imported):
            return True  # other files may get it from here
        for match in _MODEL_FILE.finditer(self.code):
            before = self.code[max(0, match.start() - len("def ")) : match.start()]
            if before == "def ":
                continue
            inside = any(start <= match.start() < end for start, end in in_imports)
            holder = match["holder"].rstrip(".")
            if not holder:
                if bare and not match["set"] and not inside and not before.endswith("."):
                    return True
                if inside and re.search(r"\b(?:load|save)_model[ \t]+as\b", self.code):
                    return True
                continue
            if holder.rpartition(".")[2] in _MODULES:
                return True
            base = self._imports.get(holder.partition(".")[0], "")
            if base and match["call"] and (_is_of_keras(base) or not own):
                return True
        return False

    @cached_property
    def _reads_text(self) -> bool:
        return _TEXTS_READ.search(self.code) is not None

    def _writes_text(self, near: bool) -> bool:
        """Whether an architecture may be written as JSON or YAML and kept; that of Keras takes keywords alone."""
        for match in _TO_TEXT.finditer(self.code):
            at = match.start()
            name = _receiver(self.code, at - 1) if self.code[at - 1 : at] == "." else ""
            line = self.code[self.code.rfind("\n", 0, match.start()) + 1 : match.start()]
            if match["call"] is None:
                continue
            first = call_at(self.code, match.end()).lstrip()
            if (first and not re.match(r"\w+\s*=", first)) or re.match(r"\s*_\s*=", line):
                continue
            if not _SETTINGS.match(name) and self._may_be_model(name, near):
                return True
        return False

    def _clones(self, near: bool) -> bool:
        """Whether it copies the layers of models, and on Keras 3 what these are compiled with."""
        found = (match for match in _WHOLE.finditer(self.code) if match[0] in _OF_LAYERS)
        return near and any(match[0] != "Bidirectional" or self._is_used(match) for match in found)

    def _copies(self, near: bool) -> bool:
        if near and any(match[0] not in _OF_LAYERS for match in _WHOLE.finditer(self.code)):
            return True
        for match in _COPIES.finditer(self.code) if self.keras else ():
            if not match[0].endswith("("):
                return True
            given = _first(call_at(self.code, match.end()))
            if match[0].startswith("deepcopy") and (
                _SETTINGS.match(given) or re.search(_NO_MODEL.format(name=re.escape(given)), self.code)
            ):
                continue
            if self._is_settings(given):
                continue
            if self._may_be_model(given, True) or self._gets_models(given):
                return True
        return False

    def _is_used(self, mention: re.Match[str]) -> bool:
        """Whether a name is more than imported under its own name."""
        code, at = self.code, mention.start()
        start, end = code.rfind("\n", 0, at) + 1, code.find("\n", at)
        return not is_imported(code, start, end if end >= 0 else len(code)) or bool(_AS.match(code, mention.end()))

    def _is_settings(self, name: str) -> bool:
        """Whether a name is bound to an object of a class of settings, which gets no model, and to nothing else."""
        if not name.isidentifier() or self._gets_models(name):
            return False
        bound = re.findall(_BOUND.format(name=name), self.code, re.MULTILINE)
        return len(bound) == len(re.findall(_SETTINGS_MADE.format(name=name), self.code, re.MULTILINE)) > 0

    def asks(self, asked: Asked, near: bool, classes: frozenset[str]) -> Iterator[str]:
        """For each call of `get_config` or `from_config` that may concern a class "get" or "from"."""
        for match in _ASKS.finditer(self.code):
            name = _receiver(self.code, match.start())
            last = re.sub(r"\(.*", "", name).rpartition(".")[2]
            if match["own"] or re.match(r"super\(|cls(?!\w)", name):
                continue
            if last.lower().endswith("optimizer") and not asked.optimizer:
                continue
            if match["what"] == "from" and last[:1].isupper() and last in classes and last not in asked.names:
                continue
            if self._is_of_keras(name) or not self._may_be_model(name, near):
                continue
            yield match["what"]

    def _is_of_keras(self, name: str) -> bool:
        """Whether a name is that of a loop over the layers of a model that comes with Keras."""
        root = re.match(r"\w+", name)
        return root is not None and self._does(
            f"layers {root[0]}", lambda _: self._names_layers_of_keras(root[0]), True
        )

    def _names_layers_of_keras(self, name: str) -> bool:
        found = re.search(_LAYERS_OF.format(name=name), self.code)
        values = self._bound.get(found[1], []) if found is not None else []
        return bool(values) and all(re.match(r"(?:\w+\.)*applications\.[\w.]+\(", value) for value in values)

    def hands_configuration_on(self) -> bool:
        """Whether an answer of `get_config` may be written, or given to a constructor."""
        if only_reads_values(self.code):
            return False
        if _MAKES.search(self.code):
            return True
        return any(re.search(rf"\*\*{name}\b", self.code) for name in _ANSWER.findall(self.code))

    def may_read(self, asked: Asked, near: bool, own: bool) -> bool:
        """Whether a configuration may be written or read, or a copy be made by one, but for calls of its methods.

        `near`: the text, or one that it imports, names Keras. Where none does it may do so with what it is handed.
        """
        written = self._saved if near else self._saved_of_others
        if "file" in written or (asked.raises and "folder" in written) or self._does("copy", self._copies, near):
            return True
        if asked.cloned and self._does("clone", self._clones, near):
            return True
        if near and ("file" in self._checkpoints or (asked.raises and "folder" in self._checkpoints)):
            return True
        if asked.in_texts and (self._does("text", self._writes_text, near) or (near and self._reads_text)):
            return True
        return near and self._does("load", self._loads, own)

    def may_copy(self) -> bool:
        """Whether it may make a copy by a configuration, or write one, otherwise than by saving a model."""
        anything = Asked(frozenset(), True)
        return (
            self._copies(True)
            or self._clones(True)
            or self._writes_text(True)
            or self._reads_text
            or any(self.asks(anything, True, frozenset()))
        )


def may_train(text: str) -> bool:
    """Whether a text trains a model, or says so in a comment or string: a first look."""
    return _TRAINS.search(text) is not None


def _blank(match: re.Match[str]) -> str:
    quoted = next((match[name] for name in ("double", "single") if match[name] is not None), None)
    if quoted is None:
        return '""' if match["long"] else ""
    end = _END.search(quoted)
    kept = end[0] if end is not None else ""
    return f'"{kept}"' if len(kept) == len(quoted) else f'"~{kept}"'


def _is_of_keras(base: str) -> bool:
    return _KERAS.search(base) is not None


def _gives_on(value: str, known: set[str], own: set[str]) -> bool:
    """Whether a value is one of the known names, a part of it, or what a function of the text makes of it."""
    if value.startswith("*"):
        value = re.sub(r"\A\*\s*(?:(?:enumerate|zip|list|reversed|sorted|tuple|iter)\()?", "", value)
    names = set(re.findall(r"(?<![\w.])\w+", value))
    called = re.match(r"(\w+)\(", value)
    if called is not None:
        return called[1] in own | {"next", "list", "tuple", "dict", "getattr"} and bool(names & known)
    return bool(names & known) and _PART.match(value) is not None


def _receiver(text: str, end: int) -> str:
    """What stands in front of a place, with calls and indices; empty when it is more than such."""
    found = _RECEIVER.search(text[max(0, end - _LONGEST_RECEIVER) : end])
    return found.group() if found is not None else ""


def _first(given: str) -> str:
    return next(iter(arguments_in(given)), "")


def _outside(given: str) -> str:
    """Arguments without what stands in brackets."""
    for _ in range(6):
        less = re.sub(r"\([^()\[\]{}]*\)|\[[^()\[\]{}]*\]|\{[^()\[\]{}]*\}", "_", given)
        if less == given:
            return given
        given = less
    return given
