"""What in a source lowers the assumed Keras to Keras 2."""

from __future__ import annotations

import libcst as cst
import pytest

from kerascheck.semantic.legacy import legacy_evidence


def evidence(text: str) -> tuple[str, ...]:
    return legacy_evidence(text, cst.parse_module(text))


@pytest.mark.parametrize("prefix", ["keras", "tensorflow.keras"])
@pytest.mark.parametrize(
    "module",
    """layers.core layers.embeddings layers.convolutional layers.recurrent layers.pooling layers.merge layers.wrappers
    layers.noise layers.advanced_activations layers.normalization layers.local layers.cudnn_recurrent utils.conv_utils
    utils.generic_utils utils.layer_utils utils.training_utils backend.tensorflow_backend legacy.interfaces""".split(),
)
def test_an_import_that_every_keras_3_refuses(prefix: str, module: str) -> None:
    """All run on Keras 3.0.5, 3.6.0 and 3.15.1: ModuleNotFoundError or ImportError."""
    above, _, name = module.rpartition(".")
    for line in (
        f"import {prefix}.{module}",
        f"import {prefix}.{module} as M",
        f"from {prefix}.{module} import x",
        f"from {prefix}.{module} import *",
        f"from {prefix}.{above} import {name}",
        f"def f():\n    from {prefix}.{module} import x",
    ):
        assert evidence(line + "\n") == ("a removed module",), line


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import keras\nfor i in xrange(3):\n    pass\n", ("Python 2",)),
        ("name = raw_input('name')\n", ("Python 2",)),
        ("from itertools import chain, izip\n", ("Python 2",)),
        ("import keras\nfor i in range(0, len(x[0]) / size):\n    pass\n", ("Python 2",)),
        ("import keras\nfor i in tqdm(range((n + 1) * k / size)):\n    pass\n", ("Python 2",)),
        ("#!/usr/bin/env python2\nimport keras\n", ("Python 2",)),
        ("import keras\nimport cPickle as pickle\n", ("Python 2",)),
        ("from urllib2 import urlopen\nimport keras\n", ("Python 2",)),
        ("from keras.engine.topology import Layer\n", ("keras.engine",)),
        ("from keras import engine\n", ("keras.engine",)),
        ("from keras.layers.core.dense import Dense\n", ("a removed module",)),
        # run on Keras 3.0.5, 3.6.0 and 3.15.1: the import passes, the call raises ImportError
        ("import tensorflow as tf\nopt = tf.keras.optimizers.legacy.Adam(0.1)\n", ("optimizers.legacy",)),
        ("import keras\nopt = keras.optimizers.legacy.SGD()\n", ("optimizers.legacy",)),
        ("from keras import optimizers as o\nopt = o.legacy.SGD()\n", ("optimizers.legacy",)),
        ("from tensorflow.keras.optimizers import legacy\nopt = legacy.Adam()\n", ("optimizers.legacy",)),
        ("from keras.optimizers.legacy import Adam as A\ndef f():\n    return A()\n", ("optimizers.legacy",)),
        # TensorFlow's own copy of Keras 2
        (
            "from tensorflow.python.keras.models import Sequential\nm = Sequential()\n",
            ("tensorflow.python.keras",),
        ),
        ("from tensorflow.python.keras import layers\nx = layers.Dense(1)\n", ("tensorflow.python.keras",)),
        ("import tensorflow.python.keras as k\nm = k.Sequential()\n", ("tensorflow.python.keras",)),
        ("from tensorflow.python import keras\nx = keras.layers.Dense(1)\n", ("tensorflow.python.keras",)),
        (
            "from tensorflow.python.keras.engine.base_layer import Layer\nclass A(Layer):\n    pass\n",
            ("tensorflow.python.keras",),
        ),
        ("from tensorflow.python.keras.layers.core import Dense\nDense(1)\n", ("tensorflow.python.keras",)),
        # run on Keras 3.0.5, 3.6.0 and 3.15.1: these raise
        ("from keras import backend as K\ndef f():\n    K.get_session()\n", ("a removed name",)),
        ("from keras.preprocessing.image import ImageDataGenerator\n", ("a removed module",)),
        ("from keras.layers import (\n    Dense,\n    CuDNNLSTM,\n)\n", ("a removed module",)),
        ("import tensorflow as tf\nx = tf.keras.experimental.CosineDecay\n", ("a removed name",)),
        ("import tensorflow as tf\nx = tf.truncated_normal((2,))\n", ("tf1-session",)),
        ("import keras\nmodel.load_weights(\n    path(1)\n).expect_partial()\n", ("the status of load_weights",)),
        ("import tensorflow_addons as tfa\n", ("tensorflow_addons",)),
        ("from transformers import (\n    BertConfig,\n    TFBertPreTrainedModel,\n)\n", ("transformers",)),
        # tf_keras
        ("import tf_keras\n", ("tf_keras",)),
        ("try:\n    import tf_keras as keras\nexcept ImportError:\n    import keras\n", ("tf_keras",)),
        ("def f():\n    import tf_keras\n    return tf_keras.Sequential()\n", ("tf_keras",)),
    ],
)
def test_evidence(text: str, found: tuple[str, ...]) -> None:
    assert evidence(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "xrange = range\nfor i in xrange(3):\n    pass\n",
        "for i in range(int(n / 2), n // 2, steps[n / 2]):\n    pass\n",
        "for i in tf.range(n / 2):\n    pass\n",
        "# for i in range(n / 2):\n",
        "for i in range(n / 2):\n    print(f'{i}')\n",
        "from __future__ import division, print_function\nfor i in range(n / 2):\n    pass\n",
        "try:\n    xrange(3)\nexcept NameError:\n    pass\n",
        "from six.moves import xrange\nxrange(3)\n",
        "import keras\ntry:\n    import cPickle\nexcept:\n    import pickle\n",
        "import keras, sys\nif sys.version_info[0] < 3:\n    import cPickle as pickle\n",
        "from urllib2x import y\n# import cPickle\nfrom six.moves import cPickle\n",
        "# for i in xrange(3):\nx = rows.unicode(3)\n",
        "#!/usr/bin/env python3\n",
        "# from keras.layers.core import Dense\n",
        '"""\nfrom keras.layers.core import Dense\nfrom keras.engine import Layer\nimport tf_keras\n"""\n',
        "from .keras.layers.core import Dense\n",
        "from mine.layers.core import Dense\n",
        "from keras.layers import Dense, concatenate\n",
        "from keras.layers.corex import y\n",
        "import keras.legacy\n",  # run: passes on Keras 3
        # labelled code that is judged as Keras 3
        "from keras.utils import np_utils\n",
        "from keras.wrappers.scikit_learn import KerasClassifier\n",
        "from keras.utils.vis_utils import plot_model\n",
        "from keras import backend as K\ndef f(y):\n    return K.ctc_batch_cost(y)\n",
        "import keras\nmodel.fit_generator(x)\nmodel.save_weights('a', save_format='tf')\n",
        "import keras\nm = keras.metrics.Mean()\nm.reset_states()\n",
        # runs on both
        "try:\n    from keras.layers.merge import add\nexcept ImportError:\n    from keras.layers import add\n",
        "try:\n    from keras.layers import add\nexcept ImportError:\n    from keras.layers.merge import add\n",
        "try:\n    from keras.engine import Layer\nexcept (ValueError, ModuleNotFoundError):\n    pass\n",
        "try:\n    from keras.engine import Layer\nexcept:\n    pass\n",
        "import keras\nif keras.__version__ < '3':\n    from keras.engine import Layer\n",
        "import keras\nif keras.__version__ >= '3':\n    x = 1\nelse:\n    from keras.engine import Layer\n",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from keras.engine import Layer\n",
        # run: neither the import nor the class itself raises on Keras 3
        "from keras.optimizers.legacy import Adam\n",
        "import keras\nx = isinstance(y, keras.optimizers.legacy.Optimizer)\n",
        "import tf_keras_x\nfrom mine import optimizers\nopt = optimizers.legacy.Adam()\n",
        "try:\n    from keras.optimizers.legacy import SGD\nexcept ImportError:\n    SGD = str\nSGD()\n",
        "import keras\ntry:\n    o = keras.optimizers.legacy.SGD()\nexcept ImportError:\n    o = 'sgd'\n",
        # only imported, or not a model or layer
        "from tensorflow.keras import Sequential\nfrom tensorflow.python.keras import activations\nSequential()\n",
        "from tensorflow.python.keras.layers import Dense\n",
        "from tensorflow.python.keras.layers import Dense\nfrom tensorflow.keras.layers import Dense\nDense(1)\n",
        "from tensorflow.python.keras.layers import Dense\nx = isinstance(y, Dense)\n",
        "from tensorflow.python.keras import backend as K\nK.clear_session()\n",
        "from tensorflow.python.keras.callbacks import EarlyStopping\nEarlyStopping()\n",
        "from tensorflow.python.keras.utils.data_utils import Sequence\nclass A(Sequence):\n    pass\n",
        "from tensorflow.python.keras.layers import InputSpec\nInputSpec(ndim=2)\n",
        # there on Keras 3
        "from tensorflow.keras.preprocessing.image import ImageDataGenerator\n",
        "from tensorflow.keras import backend as K\nK.mean(x)\n",
        "import tensorflow.compat.v1 as tf\nx = tf.truncated_normal((2,))\n",
        "import tensorflow as tf\ntf = tf.compat.v1\nx = tf.truncated_normal((2,))\n",
        "import tensorflow as tf\ntf.train.Checkpoint().restore(path).expect_partial()\n",
        # of the file itself, in a text, or in a test
        "import keras\n'keras.backend.get_session()'\n# keras.backend.get_session()\n",
        "import keras\nif hasattr(keras.backend, 'get_session'):\n    y = keras.backend.get_session()\n",
        "import keras\ntry:\n    y = keras.backend.get_session()\nexcept AttributeError:\n    y = None\n",
        "from transformers import AutoTokenizer\nTFRecord = read()\n",
        "try:\n    from transformers import TFBertModel\nexcept ImportError:\n    TFBertModel = None\n",
        "try:\n    import tensorflow_addons as tfa\nexcept ImportError:\n    tfa = None\n",
        # one function of several
        "import keras\ndef f():\n    import tf_keras\n",
        "import tensorflow as tf\ntf.keras.Sequential()\ndef f():\n    import tf_keras\n",
    ],
)
def test_no_evidence(text: str) -> None:
    assert evidence(text) == ()
