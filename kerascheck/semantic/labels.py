"""The labels a model is trained with: one-hot rows, class numbers, quantities; as far as the source tells.

Shapes and contents of what the data sets of Keras give were read from the arrays of keras 3.15.1 and its documentation:
`mnist`, `fashion_mnist`, `imdb` and `reuters` have labels of shape (n,), `cifar10` and `cifar100` of shape (n, 1).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from kerascheck.semantic.values import (
    Arguments,
    Choice,
    Const,
    Items,
    Mapping,
    Obj,
    Part,
    Value,
    boolean,
    number,
    options,
    string,
)

ONE_HOT = "one-hot"
INTEGERS = "integers"
SEVERAL = "several"
REAL = "real"
_DEEPEST = 24


@dataclass(frozen=True)
class Labels:
    """What is known of labels; None is not known.

    `content` is "one-hot" (each row has a single 1), "integers" (class numbers), "several" (rows of zeros and ones with
    any number of ones) or "real" (quantities). `width` is 0 for the shape (n,), else the size of the last axis of
    (n, width). `classes` is how many classes there are, by the numbers used or the width of one-hot rows. `rows`:
    one-hot labels are surely of the shape (n, classes), not one-hot at each step of a sequence.
    """

    content: str | None = None
    width: int | None = None
    classes: int | None = None
    source: str = ""
    rows: bool = False

    @property
    def flat(self) -> bool:
        """Whether they surely have two axes at most: a number or a row for each sample."""
        return self.rows or (self.content != ONE_HOT and self.width is not None)


# name: content, width, classes
_DATASETS: dict[str, tuple[str, int, int | None]] = {
    "mnist": (INTEGERS, 0, 10),
    "fashion_mnist": (INTEGERS, 0, 10),
    "cifar10": (INTEGERS, 1, 10),
    "cifar100": (INTEGERS, 1, None),  # 100 or 20, by the argument label_mode
    "imdb": (INTEGERS, 0, 2),
    "reuters": (INTEGERS, 0, 46),
    "boston_housing": (REAL, 0, None),
    "california_housing": (REAL, 0, None),
}
# scikit-learn: content and classes of what `load_iris()` and its like hold as targets, all of the shape (n,)
_TABLES_OF_SKLEARN: dict[str, tuple[str, int | None]] = {
    "load_iris": (INTEGERS, 3),
    "load_digits": (INTEGERS, 10),
    "load_wine": (INTEGERS, 3),
    "load_breast_cancer": (INTEGERS, 2),
    "load_boston": (REAL, None),
    "load_diabetes": (REAL, None),
    "fetch_california_housing": (REAL, None),
    "make_classification": (INTEGERS, None),
    "make_blobs": (INTEGERS, None),
    "make_moons": (INTEGERS, 2),
    "make_circles": (INTEGERS, 2),
    "make_regression": (REAL, None),
}
_KEEP = frozenset({"astype", "copy", "to_numpy", "numpy", "tolist", "#list", "round", "sample", "reset_index", "head"})
_KEEP_DATASET = frozenset({"prefetch", "cache", "shuffle", "repeat", "with_options", "take", "skip", "batch"})
_READERS = frozenset(
    {"pandas.read_csv", "pandas.read_excel", "pandas.read_table", "pandas.read_json", "pandas.DataFrame"}
)
_ARRAYS = frozenset({"numpy.array", "numpy.asarray", "builtins.list", "tensorflow.constant",
                     "tensorflow.convert_to_tensor", "keras.ops.convert_to_tensor", "numpy.float32", "numpy.int32",
                     "tensorflow.cast", "keras.ops.cast", "numpy.copy", "numpy.ascontiguousarray"})  # fmt: skip
_TABLES = frozenset({"numpy.loadtxt", "numpy.genfromtxt"})


def labels_of(value: Value | None, depth: int = 0) -> Labels | None:
    """What is known of an array of labels; None when nothing is."""
    if isinstance(value, Choice):
        found = [labels_of(option, depth + 1) for option in options(value)]
        return found[0] if found and all(item == found[0] for item in found) else None
    if depth > _DEEPEST:
        return None
    if isinstance(value, Items):
        return _literal(value)
    if isinstance(value, Obj):
        return _made(value, depth)
    if isinstance(value, Part):
        return _part(value, depth)
    return None


def _literal(value: Items) -> Labels | None:
    """Rows that are written out."""
    if not value.exact or not value.items or value.kind not in {"list", "tuple"}:
        return None
    numbers = [_number(item) for item in value.items]
    if None not in numbers:
        return _numbers([item for item in numbers if item is not None], 0)
    rows: list[list[float | int]] = []
    for row in value.items:
        if not isinstance(row, Items) or not row.exact:
            return None
        cells = [_number(item) for item in row.items]
        if not cells or None in cells or (rows and len(cells) != len(rows[0])):
            return None
        rows.append([cell for cell in cells if cell is not None])
    width = len(rows[0])
    if width == 1:
        return _numbers([row[0] for row in rows], 1)
    if all(cell in (0, 1) for row in rows for cell in row):
        single = all(sum(row) == 1 for row in rows)
        # the same column in every row says nothing of classes
        one_hot = single and len({tuple(row) for row in rows}) > 1
        return Labels(ONE_HOT if one_hot else SEVERAL, width, width if one_hot else None, "written out")
    return Labels(REAL, width, None, "written out")


def _number(value: Value | None) -> float | int | None:
    known = boolean(value)
    return int(known) if known is not None else number(value)


def _numbers(found: list[float | int], width: int) -> Labels:
    whole = all(float(item).is_integer() and item >= 0 for item in found)
    if not whole:
        return Labels(REAL, width, None, "written out")
    used = {int(item) for item in found}
    # consecutive numbers from 0 are classes; others may be counts or prices
    if used != set(range(len(used))) or len(used) < 2:
        return Labels(None, width, None, "written out")
    if len(used) > 2 and len(used) == len(found):
        return Labels(None, width, None, "written out")
    return Labels(INTEGERS, width, len(used), "written out")


def _made(value: Obj, depth: int) -> Labels | None:
    """What a call gives."""
    name, given = value.ref, value.arguments
    if name == "keras.utils.to_categorical":
        count = number(given.value("num_classes", 1)) or number(given.value("nb_classes"))
        inner = labels_of(given.value("x", 0) or given.value("y"), depth + 1)
        if inner is not None and inner.width is not None and inner.width > 1:
            return None  # one-hot already: these have three axes
        classes = int(count) if count is not None else None
        rows = inner is not None and inner.width in {0, 1}
        # of whole data sets every class is there; others may lack the last one
        if classes is None and inner is not None and inner.content == INTEGERS and _is_whole(inner):
            classes = inner.classes
        return Labels(ONE_HOT, classes, classes, "`to_categorical`", rows)
    if name in {"tensorflow.one_hot", "keras.ops.one_hot", "keras.backend.one_hot", "jax.nn.one_hot"}:
        count = number(given.value("depth", 1)) or number(given.value("num_classes"))
        classes = int(count) if count is not None else None
        return Labels(ONE_HOT, classes, classes, "`one_hot`")
    if name == "pandas.get_dummies":
        column = given.value("data", 0)
        single = isinstance(column, Part) and column.attribute == "#item" and isinstance(column.index, str)
        return Labels(ONE_HOT, None, None, "`get_dummies`", rows=True) if single else None
    if name in _ARRAYS:
        return labels_of(given.positional[0][1], depth + 1) if given.positional else None
    if name in {"numpy.expand_dims", "tensorflow.expand_dims", "keras.ops.expand_dims"}:
        inner = labels_of(given.value("a", 0), depth + 1)
        flat = inner is not None and inner.width == 0 and number(given.value("axis", 1)) in {1, -1}
        return replace(inner, width=1) if inner is not None and flat else None
    if name in {"numpy.squeeze", "numpy.ravel", "tensorflow.squeeze"}:
        inner = labels_of(given.value("a", 0), depth + 1)
        return replace(inner, width=0) if inner is not None and inner.width in {0, 1} else None
    if name in {"numpy.argmax", "tensorflow.argmax"}:
        axis = number(given.value("axis", 1))
        return Labels(INTEGERS, 0, None, "`argmax`") if axis in {1, -1} else None
    if name in {"numpy.concatenate", "numpy.append", "tensorflow.concat"}:
        return _joined(given, depth)
    if name in {"numpy.zeros", "numpy.ones", "numpy.empty"}:  # filled later on
        width = _width(given.value("shape", 0))
        return Labels(None, width, None, f"`{name.rpartition('.')[2]}`") if width is not None else None
    if name == "numpy.random.randint":
        return _random_integers(given)
    if name in {"numpy.random.random", "numpy.random.rand", "numpy.random.randn", "numpy.random.normal"}:
        return _random_real(name, given)
    if name in {"keras.utils.image_dataset_from_directory", "keras.utils.text_dataset_from_directory",
                "keras.preprocessing.image_dataset_from_directory",
                "keras.preprocessing.text_dataset_from_directory"}:  # fmt: skip
        return _directory(given.find("label_mode"), given, "int", "label_mode")
    return None


def _directory(
    found: tuple[object, Value | None] | None, given: Arguments, default: str, argument: str
) -> Labels | None:
    if found is None and given.open_keywords:
        return None
    mode = default if found is None else string(found[1])
    if mode is None:
        return None
    source = f'`{argument}="{mode}"`'
    if mode == "categorical":
        return Labels(ONE_HOT, None, None, source, rows=True)
    if mode in {"sparse", "int"}:
        return Labels(INTEGERS, 0, None, source)
    if mode == "binary":  # (n, 1) from a data set, (n,) from a generator
        return Labels(INTEGERS, 1 if argument == "label_mode" else 0, 2, source)
    return None


def _is_whole(labels: Labels) -> bool:
    name = labels.source.strip("`").removesuffix(".load_data()")
    return name in _DATASETS or name in _TABLES_OF_SKLEARN


def _joined(given: Arguments, depth: int) -> Labels | None:
    first = given.positional[0][1] if given.positional else None
    parts = list(first.items) if isinstance(first, Items) and first.exact else []
    if not parts or number(given.value("axis", 1)) not in {None, 0}:
        return None
    found = [labels_of(item, depth + 1) for item in parts]
    return found[0] if all(item == found[0] for item in found) else None


def _random_integers(given: Arguments) -> Labels | None:
    low, high = number(given.value("low", 0)), number(given.value("high", 1))
    if given.lacks("high", 1):
        low, high = 0, low
    size = given.value("size", 2)
    width = _width(size)
    if low != 0 or high is None or width is None:
        return Labels(None, width) if width is not None else None
    if width > 1:
        return Labels(SEVERAL if high == 2 else None, width, None, "`randint`")
    return Labels(INTEGERS, width, int(high), "`randint`")


def _width(size: Value | None) -> int | None:
    """The width that a shape gives: 0 for one axis."""
    if isinstance(size, Items) and size.exact and 1 <= len(size.items) <= 2:
        last = number(size.items[-1])
        return 0 if len(size.items) == 1 else (int(last) if last is not None else None)
    return 0 if number(size) is not None else None


def _random_real(name: str, given: Arguments) -> Labels | None:
    if name in {"numpy.random.rand", "numpy.random.randn"}:
        if given.open_positional or not 1 <= len(given.positional) <= 2:
            return None
        last = number(given.positional[-1][1])
        width = 0 if len(given.positional) == 1 else (int(last) if last is not None else None)
    else:
        width = _width(given.value("size", 2 if name == "numpy.random.normal" else 0))
    return Labels(REAL, width, None, f"`{name.rpartition('.')[2]}`")


def _part(value: Part, depth: int) -> Labels | None:
    base = value.base
    if value.attribute == "#call" and isinstance(base, Part):
        return _method(base.base, base.attribute, value.arguments, depth)
    if value.attribute in {"#slice", "values"}:
        return labels_of(base, depth + 1)
    if value.attribute == "#column":
        inner = labels_of(base, depth + 1)
        if inner is not None:
            return replace(inner, width=0) if inner.content in {INTEGERS, REAL} and inner.width == 1 else None
        return Labels(None, 0, None, "one column") if _is_table(base, depth) else None
    if value.attribute == "target" and isinstance(base, Obj):
        return _of_sklearn(base)
    if value.attribute == "codes":
        return Labels(INTEGERS, 0, None, "category codes")
    if value.attribute == "#item":
        return _item(base, value.index, depth)
    return None


def _is_table(value: Value, depth: int) -> bool:
    """Whether a value surely has two axes: a table that is read from a file, or its numbers."""
    for _ in range(_DEEPEST - depth):
        if isinstance(value, Obj):
            return value.ref in _READERS or (value.ref in _TABLES and value.arguments.find("delimiter") is not None)
        if not isinstance(value, Part):
            return False
        if value.attribute == "#call" and isinstance(value.base, Part) and value.base.attribute in _KEEP | {"dropna"}:
            value = value.base.base
        elif value.attribute in {"values", "iloc", "#slice", "#slices"}:
            value = value.base
        else:
            return False
    return False


def _item(base: Value, index: object, depth: int) -> Labels | None:
    if isinstance(base, Obj):
        if base.ref in {"numpy.eye", "numpy.identity"} and index is None:
            count = number(base.arguments.value("N", 0))
            classes = int(count) if count is not None else None
            return Labels(ONE_HOT, classes, classes, f"`{base.ref.rpartition('.')[2]}`")
        if base.ref == "sklearn.model_selection.train_test_split" and isinstance(index, int):
            given = base.arguments
            if given.open_positional or not 0 <= index < 2 * len(given.positional):
                return None
            return labels_of(given.positional[index // 2][1], depth + 1)
        if (index == 1 and boolean(base.arguments.value("return_X_y"))) or index == "target":
            return _of_sklearn(base)
        if index == 1 and ".make_" in base.ref:
            return _of_sklearn(base)
        if base.ref in _READERS and isinstance(index, str):
            return Labels(None, 0, None, "one column")
    if isinstance(base, Part) and base.attribute == "#item" and isinstance(base.base, Obj) and index == 1:
        short, _, last = base.base.ref.removeprefix("keras.datasets.").rpartition(".")
        if base.base.ref.startswith("keras.datasets.") and last == "load_data" and short in _DATASETS:
            content, width, classes = _DATASETS[short]
            return Labels(content, width, classes, f"`{short}.load_data()`")
    return None


def _of_sklearn(made: Obj) -> Labels | None:
    home, _, name = made.ref.rpartition(".")
    if not home.startswith("sklearn.datasets") or name not in _TABLES_OF_SKLEARN:
        return None
    content, classes = _TABLES_OF_SKLEARN[name]
    return Labels(content, 0, classes, f"`{name}`")


def _method(owner: Value, name: str, given: Arguments | None, depth: int) -> Labels | None:
    if given is None:
        return None
    if name in _KEEP or name in _KEEP_DATASET:
        return labels_of(owner, depth + 1)
    if name in {"ravel", "flatten", "squeeze"}:
        inner = labels_of(owner, depth + 1)
        return replace(inner, width=0) if inner is not None and inner.width in {0, 1} else None
    if name == "reshape":
        return _reshaped(labels_of(owner, depth + 1), given)
    if name == "map" and len(given.positional) == 1 and isinstance(given.positional[0][1], Mapping):
        table = given.positional[0][1]
        whole = [number(item) for _, item in table.entries]
        if table.exact and whole and sorted(item for item in whole if item is not None) == list(range(len(whole))):
            return Labels(INTEGERS, 0, len(whole), "`map`")
        return None
    root = owner
    if isinstance(root, Obj):
        if root.ref.endswith(".LabelEncoder") and name in {"fit_transform", "transform"}:
            return Labels(INTEGERS, 0, None, "`LabelEncoder`")
        if root.ref.endswith(".OneHotEncoder") and name in {"fit_transform", "transform"}:
            return Labels(ONE_HOT, None, None, "`OneHotEncoder`")
        if root.ref.endswith(".MultiLabelBinarizer") and name in {"fit_transform", "transform"}:
            return Labels(SEVERAL, None, None, "`MultiLabelBinarizer`")
        if root.ref.endswith(".ImageDataGenerator"):
            if name in {"flow_from_directory", "flow_from_dataframe"}:
                return _directory(given.find("class_mode"), given, "categorical", "class_mode")
            if name == "flow":
                return labels_of(given.value("y", 1), depth + 1)
        if root.ref == "tensorflow.data.Dataset" and name == "from_tensor_slices":
            return _pair(given, depth)
    if name == "toarray":
        return labels_of(owner, depth + 1)
    return None


def _pair(given: Arguments, depth: int) -> Labels | None:
    first = given.positional[0][1] if given.positional else None
    if isinstance(first, Items) and first.exact and len(first.items) == 2:
        return labels_of(first.items[1], depth + 1)
    return None


def _reshaped(inner: Labels | None, given: Arguments) -> Labels | None:
    sizes: list[Value | None] = [item for _, item in given.positional]
    if len(sizes) == 1 and isinstance(sizes[0], Items) and sizes[0].exact:
        sizes = list(sizes[0].items)
    if inner is None or inner.content not in {INTEGERS, REAL} or inner.width not in {0, 1}:
        return None
    if len(sizes) == 1:
        return replace(inner, width=0)
    if len(sizes) == 2 and number(sizes[1]) == 1:
        return replace(inner, width=1)
    return None


def ones_and_zeros(value: Value | None) -> bool:
    """Whether labels are made as ones and zeros, as those of a discriminator are."""
    return any(
        isinstance(item, Obj) and item.ref in {"numpy.ones", "numpy.zeros", "numpy.ones_like", "numpy.zeros_like"}
        for item in _roots(value)
    )


def _roots(value: Value | None) -> Iterator[Value]:
    for item in options(value):
        while isinstance(item, Part):
            item = item.base
        if isinstance(item, Items):
            for inner in item.known():
                yield from _roots(inner)
        elif item is not None and not isinstance(item, Const):
            yield item
