"""Inside the child: whether a model of one fold knows the rows that it is validated on."""

from typing import Any

from kerascheck.confirm.child.behaviour import heads_of
from kerascheck.confirm.child.program import framework, inputs_for, make, outputs_of, sample

HALF = 8  # rows of each of the two folds


def rows_of(arrays: Any, rows: Any) -> Any:
    """Some rows of what a model takes: of one array, of several, or of arrays by their names."""
    if isinstance(arrays, dict):
        return {name: array[rows] for name, array in arrays.items()}
    if isinstance(arrays, (list, tuple)):
        return [array[rows] for array in arrays]
    return arrays[rows]


def refit(job: Any) -> Any:
    """The answers of the second fold to its validation rows, with two sets of labels for these in the first fold.

    A model that starts anew in the second fold has never seen these labels: then the answers are the same.
    """
    import numpy

    keras = framework()
    inputs = inputs_for(job, rows=2 * HALF)
    halves = [slice(0, HALF), slice(HALF, 2 * HALF)]

    def labels_for(model: Any, rows: Any, shift: Any) -> Any:
        heads = [sample(array.shape, "float32", 5) + shift for array in heads_of(model, rows_of(inputs, rows))]
        return heads if len(heads) > 1 else heads[0]

    def made() -> Any:
        model, _ = make(job)
        outputs_of(model, rows_of(inputs, halves[0]))
        model.compile(optimizer=keras.optimizers.SGD(0.01), loss="mse")
        return model

    def folds(shift: Any) -> Any:
        keras.utils.set_random_seed(1)
        model = made()
        first = model.get_weights()
        for fold, trained in enumerate(reversed(halves)):
            keras.utils.set_random_seed(10 + fold)
            if fold and job["again"]:
                model = made()
            if fold and job["reset"]:
                model.set_weights(first)
            labels = labels_for(model, trained, 0.0 if fold else shift)
            keras.utils.set_random_seed(20 + fold)  # making labels may have drawn numbers
            given = rows_of(inputs, trained)
            model.fit(given, labels, epochs=2, batch_size=HALF, shuffle=False, verbose=0)
        return heads_of(model, rows_of(inputs, halves[1]))

    one, same, other = folds(0.5), folds(0.5), folds(-0.5)
    if not all(numpy.isfinite(array).all() for array in (*one, *other)):
        return {"skipped": "the answers are not finite after two steps of training"}

    def apart(these: Any, those: Any) -> Any:
        return max(float(numpy.abs(left - right).max()) for left, right in zip(these, those))

    return {"rows": HALF, "difference": apart(one, other), "noise": apart(one, same)}
