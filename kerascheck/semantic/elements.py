"""What the elements of a set are: strings or numbers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import libcst as cst

from kerascheck.semantic import keras_api
from kerascheck.semantic.values import (
    Choice,
    Const,
    Items,
    Obj,
    Part,
    Ref,
    Text,
    Unordered,
    Value,
    string,
)
from kerascheck.semantic.walk import walk

if TYPE_CHECKING:
    from kerascheck.semantic.interpreter import Interpreter

_NUMBER = Const(0)
_OF_NUMBERS = re.compile(
    r"(?P<optional>(?:typing\.)?Optional\[)?"
    r"(?:(?:typing|collections\.abc|t|abc)\.)?(?:[Ll]ist|[Tt]uple|[Ss]et|[Ff]rozen[Ss]et|Sequence|Iterable|Collection)"
    r"\[(?:int|float|bool)(?:,\.\.\.)?\](?(optional)\])(?:\|None)?"
)


# tuples that `zip` makes of what is not known: those of numbers have one order
TUPLES = Obj("value", ref="builtins.zip")


def may_be_numbers(value: Value | None) -> bool:
    """Whether elements are those of a NumPy array, or tuples of a `zip`, of which nothing more is known."""
    while isinstance(value, Part):
        value = value.base
    return value is TUPLES or (isinstance(value, Obj) and value.ref == "numpy.unique" and element_kind(value) is None)


def one_of(element: Value | None) -> Value | None:
    """What a loop over a set takes out of it, as far as it is known."""
    if isinstance(element, Items) and element_kind(element) == "int":
        return TUPLES  # which numbers each has is not known
    return element if isinstance(element, (Const, Part)) or element is TUPLES else None


# steps of pandas that keep rows under their labels, and those behind which a label is a name or a value
_SELECTING = frozenset({"where", "mask", "dropna", "query", "sample", "head", "tail", "drop", "drop_duplicates"})
_NAMING = frozenset(
    """value_counts groupby set_index pivot pivot_table T transpose stack unstack describe agg aggregate apply sum mean
    median std min max count nunique size corr isna isnull rename reindex melt""".split()
)


def are_rows(value: Value | None) -> bool:
    """Whether elements are the labels of rows that were selected, `set(table[table.x > 0].index)`: numbers, mostly."""
    if not isinstance(value, Part) or value.attribute != "#element":
        return False
    index = value.base
    if not isinstance(index, Part) or index.attribute != "index":
        return False
    chosen, current = index.base, index.base
    while isinstance(current, Part):
        if current.attribute in _NAMING:
            return False
        current = current.base
    if isinstance(current, Obj) and not (current.arguments.lacks("index_col") and current.arguments.lacks("index")):
        return False
    if not isinstance(chosen, Part):
        return False
    called = chosen.attribute == "#call" and isinstance(chosen.base, Part) and chosen.base.attribute in _SELECTING
    return called or chosen.attribute == "#item"


_OF_A_MAPPING = r"set\((\w+)\.values\(\)\)"


def maps_to_numbers(text: str, code: str) -> bool:
    """Whether a set is made of the values of a mapping, `set(d.values())`, that holds numbers, as far as a text tells.

    It does when it is asked with a number as default, or when it maps things to themselves and there is a largest.
    """
    found = re.fullmatch(_OF_A_MAPPING, code)
    if found is None and code.isidentifier():
        found = re.search(rf"(?<![\w.]){code}\s*=\s*{_OF_A_MAPPING}", text)
    if found is None:
        return False
    name = re.escape(found[1])
    if re.search(rf"(?<![\w.]){name}\.get\([^(),]+,\s*-?\d", text):
        return True
    itself = re.search(rf"(?<![\w.]){name}\s*=\s*\{{(\w+): \1 for \1 in ", text)
    return itself is not None and re.search(rf"\bmax\({name}\)\s*\+\s*1\b", text) is not None


def declared(self: Interpreter, node: cst.BaseExpression) -> Value | None:
    """Some number for the elements of a parameter of which nothing is given, when it is declared to hold numbers.

    By its annotation, `list[int]`, or by its default, `PLOTS` or `(3, 7, 12)`. None when it is not, or is bound anew.
    """
    function = self.function
    if function is None or not isinstance(node, cst.Name) or not isinstance(function.node, cst.FunctionDef):
        return None
    parameters = function.node.params
    every = (*parameters.posonly_params, *parameters.params, *parameters.kwonly_params)
    parameter = next((item for item in every if item.name.value == node.value), None)
    if parameter is None or _is_bound(function.node.body, node.value):
        return None
    if parameter.annotation is not None:
        written = function.module.code(parameter.annotation.annotation)
        if _OF_NUMBERS.fullmatch(re.sub(r"[\s'\"]", "", written)):
            return _NUMBER
    outer, self.frame = self.frame, function.frame
    default = self.peek(parameter.default) if parameter.default is not None else None
    self.frame = outer
    return _NUMBER if isinstance(default, Items) and element_kind(default) == "int" else None


def _is_bound(body: cst.CSTNode, name: str) -> bool:
    """Whether something in a function may give a name another value: an assignment, a loop, a `with`."""
    targets = (cst.AssignTarget, cst.AnnAssign, cst.AugAssign, cst.NamedExpr, cst.For, cst.CompFor)
    places: list[cst.CSTNode] = []
    for node in walk(body):
        if isinstance(node, targets):
            places.append(node.target)
        elif isinstance(node, cst.AsName):
            places.append(node.name)
    return any(isinstance(item, cst.Name) and item.value == name for place in places for item in walk(place))


def same_kind(one: Value | None, other: Value | None) -> bool:
    """Whether two elements of a set are of one plain type."""
    kind = element_kind(one)
    if kind is not None and kind == element_kind(other):
        return True
    return (isinstance(one, Const) and isinstance(other, Const) and one.kind == other.kind) or one == other


def element_kind(value: Value | None) -> str | None:
    """ "str" or "int" (any number) when the elements of a set are surely that; else None."""
    if isinstance(value, Const):
        return "str" if isinstance(value.value, (str, bytes)) else "int" if value.value is not None else None
    if isinstance(value, Text):
        return "str"
    if isinstance(value, Items):
        kinds = {element_kind(item) for item in value.known()}
        return "str" if "str" in kinds else "int" if kinds == {"int"} else None
    if isinstance(value, Choice):
        kinds = {element_kind(item) for item in value.options}
        return kinds.pop() if len(kinds) == 1 else None
    if isinstance(value, (Part, Obj)):
        return _chain_kind(value)
    return None


_NUMBER_TYPES = frozenset("int int8 int16 int32 int64 uint8 uint16 float float32 float64 bool i4 i8 f4 f8".split())
_NUMBER_CALLS = frozenset(
    """builtins.int builtins.float builtins.len builtins.range builtins.round builtins.abs builtins.ord builtins.hash
    builtins.id numpy.arange numpy.argmax numpy.random.randint numpy.bincount random.randint numpy.zeros numpy.ones
    numpy.digitize numpy.floor numpy.round numpy.rint builtins.sum builtins.bool random.sample
    random.randrange numpy.nonzero numpy.flatnonzero numpy.argwhere numpy.argsort numpy.argmin
    keras.utils.to_categorical keras.preprocessing.text.one_hot keras.preprocessing.text.hashing_trick""".split()
)
# of a `Tokenizer`, of arrays and of tables: what they give is made of numbers
_NUMBER_METHODS = frozenset(
    """argmax argmin argsort count index nonzero nunique sequences_to_matrix texts_to_matrix texts_to_sequences
    texts_to_sequences_generator""".split()
)
_NUMBERS_UNLESS = {  # but for this argument: `pad_sequences(rows, dtype=object)`, `where(mask, "yes", "no")`
    "keras.utils.pad_sequences": ("dtype", 2),
    "keras.preprocessing.sequence.pad_sequences": ("dtype", 2),
    "numpy.where": ("x", 1),
}
_TEXT_CALLS = frozenset(
    """builtins.str builtins.input os.listdir glob.glob os.path.basename os.path.join os.path.splitext
    os.path.dirname os.environ.get builtins.chr builtins.repr re.findall re.split""".split()
)
_ROWS = frozenset({"csv.reader", "csv.DictReader"})  # their cells are strings, unless `quoting` says otherwise
_TEXT_METHODS = frozenset(
    """split lower upper strip rstrip lstrip read readline readlines splitlines title capitalize join replace decode
    format""".split()
)


def _chain_kind(value: Value) -> str | None:
    """Follow a chain of attributes, items and calls to something that fixes the type of its elements."""
    current: Value = value
    for _ in range(12):
        if isinstance(current, Part):
            if current.attribute == "#call" and isinstance(current.base, Part):
                method = current.base.attribute
                if method in _TEXT_METHODS:
                    return "str"
                if method == "astype" and current.arguments is not None:
                    return _type_kind(current.arguments.value("dtype", 0))
                if method in _NUMBER_METHODS:
                    return "int"
            elif current.attribute in {"name", "stem", "suffix"}:
                above = current.base
                if isinstance(above, Obj) and above.ref.startswith("pathlib"):
                    return "str"
                if isinstance(above, Part) and above.attribute == "parent":
                    return "str"
            elif current.attribute == "codes":
                return "int"
            current = current.base
            continue
        if isinstance(current, Obj):
            name = current.ref
            if name in _NUMBER_CALLS or (name in _NUMBERS_UNLESS and current.arguments.lacks(*_NUMBERS_UNLESS[name])):
                return "int"
            if name in _TEXT_CALLS or (name in _ROWS and current.arguments.lacks("quoting")):
                return "str"
            parts = name.split(".")
            if parts[-1] == "load_data" and parts[0] == "keras" and parts[-2] in keras_api.INTEGER_LABEL_DATASETS:
                return "int"
            if name in {"numpy.array", "numpy.asarray", "numpy.concatenate", "builtins.list", "builtins.map"}:
                given = current.arguments
                dtype = _type_kind(given.value("dtype", 1) if name != "builtins.map" else given.value("", 0))
                if dtype is not None:
                    return dtype
                place = 1 if name == "builtins.map" and _is_a_sequence(given.value("", 0)) else 0
                first = given.value("", place)
                return element_kind(first) if first is not None else None
            if name.startswith("sklearn.datasets.load_"):
                return "int"
            return None
        if isinstance(current, Unordered):
            return element_kind(current.element)
        return element_kind(current) if isinstance(current, (Const, Text, Items)) else None
    return None


def _is_a_sequence(value: Value | None) -> bool:
    """Whether what is mapped makes sequences of rows: `map(tuple, rows)`."""
    return isinstance(value, Ref) and value.name in {"builtins.tuple", "builtins.list", "builtins.frozenset"}


def _type_kind(value: Value | None) -> str | None:
    name = string(value) or (value.name.rpartition(".")[2] if isinstance(value, Ref) else "")
    if name in _NUMBER_TYPES:
        return "int"
    return "str" if name in {"str", "U", "object_", "str_"} else None
