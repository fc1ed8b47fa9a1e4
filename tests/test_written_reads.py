"""What the text of a file reads, as it is written."""

import pytest

from kerascheck.semantic.written_reads import reads_whole


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("from keras.models import Model, load_model\n", False),
        ("from keras.models import (\n    Model,\n    load_model,\n)\n", False),
        ("from keras.models import load_model  # noqa: F401\n", False),
        ("from keras.models import load_model\n\nmodel = load_model(path)\n", True),
        ("from keras.models import load_model as read\n\nmodel = read(path)\n", True),
        ("from keras.models import (Model,\n    load_model as read)\n\nmodel = read(path)\n", True),
        ("from keras.models import load_model\n\nread_all(paths, load_model)\n", True),
        ("load_model = build(4)\nload_model.load_weights(path)\nshow(load_model, 'dense')\n", False),
        ("from keras.models import load_model\n\nif new:\n    load_model = None\nread_all(paths, load_model)\n", True),
        ("import keras\n\nload_model = keras.models.load_model\nread_all(paths, load_model)\n", True),
        ("def load_model(path):\n    return 1\n\nload_model = build(4)\n", True),
    ],
)
def test_a_file_that_may_read_whole_models(text: str, reads: bool) -> None:
    assert reads_whole(text, True) is reads
