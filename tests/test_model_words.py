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


def reads(text: str) -> bool:
    return ModelWords(text).may_read(ASKED, True, True)


KEEPER = """import keras
class Keeper(keras.callbacks.ModelCheckpoint):
    def __init__(self, model, filepath, save_weights_only=True, **kwargs):
        self.kept = model
        super().__init__(filepath, save_weights_only=save_weights_only, **kwargs)
    def set_model(self, model):
        super().set_model(self.kept)
made = Keeper(model, "a.weights.h5")
"""


def may_keep_whole(text: str) -> bool:
    words = ModelWords(text)
    return reads(text) or any(words.may_keep_whole(heir) for heir in words.heirs)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", ""),
        ("filepath, save_weights_only=save_weights_only", "filepath, 'loss', 0, True, save_weights_only"),
        ("save_weights_only=save_weights_only", "save_weights_only=True"),
        # run on 2.15 and 3.15.1: a text in the place of `save_weights_only` counts as true
        ("filepath, save_weights_only=save_weights_only", "filepath, 'loss', True, True, 'max'"),
        ("super().__init__(filepath", "super(Keeper, self).__init__(filepath"),
        ("super().__init__(filepath", "keras.callbacks.ModelCheckpoint.__init__(self, filepath"),
        ('"a.weights.h5")', '"a.weights.h5", True)'),
    ],
)
def test_a_checkpoint_of_its_own_that_keeps_weights(old: str, new: str) -> None:
    assert not may_keep_whole(KEEPER.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"a.weights.h5")', '"a.keras", save_weights_only=False)'),
        ('"a.weights.h5")', '"a.keras", False)'),
        ('"a.weights.h5")', '"a.keras", **options)'),
        ('"a.weights.h5")', '"a.keras", *options)'),
        ('Keeper(model, "a.weights.h5")', "functools.partial(Keeper, save_weights_only=False)"),
        ("made =", "class More(Keeper):\n    pass\nmade ="),
        ("save_weights_only=True,", "save_weights_only=False,"),
        ("filepath, save_weights_only=save_weights_only", "filepath"),
        ("filepath, save_weights_only=save_weights_only", "filepath, save_weights_only"),  # it is the monitor
        ("self.kept = model", "save_weights_only = False"),
        ("self.kept = model", "super().__init__('b')"),
        ("self.kept)", "self.kept)\n        self.save_weights_only = False"),
        ("self.kept)", "self.kept)\n    def on_epoch_end(self, epoch, logs=None):\n        self.kept.save('b.keras')"),
    ],
)
def test_a_checkpoint_of_its_own_that_may_keep_the_model(old: str, new: str) -> None:
    assert old in KEEPER
    assert may_keep_whole(KEEPER.replace(old, new))


CONVERTER = """import keras
def padding(given, shape):
    if "size" in given:
        print(given["size"])
    return given["padding"] == "same" and shape
for layer in model.layers:
    config = layer.get_config()
    print(config)
    units = config["units"]
    if padding(config, layer.input_shape):
        file.write(layer.get_config()["name"])
"""


def hands_on(text: str) -> bool:
    words = ModelWords(text)
    return any(words.asks(ASKED, True, frozenset())) and words.hands_configuration_on()


def test_values_that_are_read_from_a_configuration() -> None:
    assert not hands_on(CONVERTER)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('config["units"]', "type(layer)(**config)"),
        ('config["units"]', "config\nDense(**units)\nfile.write(units)"),
        ('config["units"]', 'config["kernel_initializer"]'),
        ('config["units"]', 'config["layers"]'),
        ('config["units"]', 'config.get("units", 4)'),
        ('config["units"]', 'config["units"] if "units" in config else 4'),
        ('config["units"]', "config[key]"),
        ('config["units"]', "json.dumps(config)"),
        ('config["units"]', "make(layer, config=config)"),
        ('config["units"]', "self.make(config)"),
        ('config["units"]', "other(config)"),
        ("print(config)", "make(\n        config=layer.get_config()\n    )"),
        ('return given["padding"]', "return make(given)"),
        ('["name"]', ""),
    ],
)
def test_a_configuration_that_may_be_handed_on(old: str, new: str) -> None:
    assert old in CONVERTER
    assert hands_on(CONVERTER.replace(old, new))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import keras, caffe\nnet = caffe.Net(path)\nnet.save(path)\n", False),
        ("import keras\nfrom gensim.models import Word2Vec\nnet = Word2Vec(texts)\nnet.save(path)\n", False),
        ("import keras, caffe\nnet = caffe.Net(path)\nnet = keras.Sequential()\nnet.save(path)\n", True),
        # the name is a parameter elsewhere
        ("import keras, caffe\nnet = caffe.Net(path)\ndef keep(net):\n    net.save(path)\n", True),
        ("import keras, caffe\ndef keep(net):\n    net = caffe.Net(net)\n    net.save(path)\n", False),
    ],
)
def test_what_another_library_saves(text: str, found: bool) -> None:
    assert reads(text) is found
