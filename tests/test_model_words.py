"""What a text does with whole models, without a parser."""

import time

import pytest

from kerascheck.semantic.model_words import Asked, ModelWords

ASKED = Asked(frozenset({"Scale"}))


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("import keras\nm = keras.models.load_model('m.keras')\n", True),
        ("import keras\nm = make().models.load_model('m.keras')\n", True),
        ("import keras\nself.loader.load_model(mesh.filename)\n", False),
        ("import keras\nparser.add_argument('--load_model')\n", False),
        ("import keras\nimages[0].save(path, save_all=True)\n", False),
        ("import keras\nmodel.save(path)\n", True),
    ],
)
def test_what_may_read_or_write_a_configuration(text: str, reads: bool) -> None:
    assert ModelWords(text).may_read(ASKED, True, True) is reads


@pytest.mark.parametrize("piece", ["x.save(", "x.save(a, ", "a.b", "x.get_config(", "a = b.save(\n", "x.save([("])
def test_the_same_piece_again_and_again_takes_no_time_out_of_proportion(piece: str) -> None:
    """Four times the text takes about four times as long; sixteen times before, and 25 s for the first piece."""

    def seconds(times: int) -> float:
        started = time.process_time()
        words = ModelWords(piece * times)
        words.may_read(ASKED, True, True)
        list(words.asks(ASKED, True, frozenset()))
        return time.process_time() - started

    assert seconds(4000) < 9 * max(seconds(1000), 0.02)
