"""Facts about Keras that no source file tells.

Measured on keras 3.15.1 by building every layer of `keras.layers` on a sample input and counting its weights,
and by reading which of them do something else in training; older names are aliases of the same layers.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

# layers that hold weights once they are built (measured)
WEIGHTED_LAYERS = frozenset(
    """AdditiveAttention BatchNormalization Bidirectional Conv1D Conv1DTranspose Conv2D Conv2DTranspose Conv3D
    Conv3DTranspose ConvLSTM1D ConvLSTM2D ConvLSTM3D Convolution1D Convolution1DTranspose Convolution2D
    Convolution2DTranspose Convolution3D Convolution3DTranspose CuDNNGRU CuDNNLSTM Deconvolution2D Dense DepthwiseConv1D
    DepthwiseConv2D EinsumDense Embedding GRU GRUCell GroupNormalization GroupQueryAttention LSTM LSTMCell
    LayerNormalization LocallyConnected1D LocallyConnected2D MultiHeadAttention Normalization PReLU RMSNormalization RNN
    ReversibleEmbedding SeparableConv1D SeparableConv2D SeparableConvolution1D SeparableConvolution2D SimpleRNN
    SimpleRNNCell SpectralNormalization StackedRNNCells SyncBatchNormalization TimeDistributed""".split()
)
# layers that never hold weights (measured)
WEIGHTLESS_LAYERS = frozenset(
    """Activation ActivityRegularization AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D
    AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D Add AlphaDropout AutoContrast Average
    AveragePooling1D AveragePooling2D AveragePooling3D AvgPool1D AvgPool2D AvgPool3D CategoryEncoding CenterCrop
    Concatenate Cropping1D Cropping2D Cropping3D Dot Dropout ELU Equalization Flatten GaussianDropout GaussianNoise
    GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D GlobalAvgPool1D GlobalAvgPool2D
    GlobalAvgPool3D GlobalMaxPool1D GlobalMaxPool2D GlobalMaxPool3D GlobalMaxPooling1D GlobalMaxPooling2D
    GlobalMaxPooling3D Hashing Identity InputLayer LeakyReLU Masking MaxPool1D MaxPool2D MaxPool3D MaxPooling1D
    MaxPooling2D MaxPooling3D Maximum Minimum Multiply Permute RandomBrightness RandomContrast RandomCrop RandomFlip
    RandomHeight RandomRotation RandomTranslation RandomWidth RandomZoom ReLU RepeatVector Rescaling Reshape Resizing
    Softmax SpatialDropout1D SpatialDropout2D SpatialDropout3D Subtract ThresholdedReLU UnitNormalization UpSampling1D
    UpSampling2D UpSampling3D ZeroPadding1D ZeroPadding2D ZeroPadding3D""".split()
)
# layers that do something else in training than in inference, whatever their arguments; bench/training_flag.py runs
# them all. The random image layers are not among them: their `call` takes `training=True` by default, so they are on
TRAINING_LAYERS = frozenset(
    """AlphaDropout BatchNormalization Dropout GaussianDropout GaussianNoise SpatialDropout1D SpatialDropout2D
    SpatialDropout3D SpectralNormalization SyncBatchNormalization""".split()
)
# layers that take `training=True` by default, so that they are on, in fit and predict, in a model that takes none
ALWAYS_ON_LAYERS = frozenset(
    """AugMix CutMix Equalization MixUp RandAugment RandomBrightness RandomColorDegeneration RandomColorJitter
    RandomContrast RandomCrop RandomElasticTransform RandomErasing RandomFlip RandomGaussianBlur RandomGrayscale
    RandomHue RandomInvert RandomPerspective RandomPosterization RandomRotation RandomSaturation RandomSharpness
    RandomShear RandomTranslation RandomZoom Solarization""".split()
)
# layers that do so only when one of these arguments is not zero
TRAINING_ARGUMENTS = {
    "LSTM": ("dropout", "recurrent_dropout"),
    "GRU": ("dropout", "recurrent_dropout"),
    "SimpleRNN": ("dropout", "recurrent_dropout"),
    "LSTMCell": ("dropout", "recurrent_dropout"),
    "GRUCell": ("dropout", "recurrent_dropout"),
    "SimpleRNNCell": ("dropout", "recurrent_dropout"),
    "ConvLSTM1D": ("dropout", "recurrent_dropout"),
    "ConvLSTM2D": ("dropout", "recurrent_dropout"),
    "ConvLSTM3D": ("dropout", "recurrent_dropout"),
    "MultiHeadAttention": ("dropout",),
    "GroupQueryAttention": ("dropout",),
    "Attention": ("dropout",),
    "AdditiveAttention": ("dropout",),
}
WRAPPERS = frozenset({"Bidirectional", "TimeDistributed", "SpectralNormalization", "Wrapper"})
# the argument that sets the size of the last axis
UNITS = {
    **dict.fromkeys(("Dense", "EinsumDense", "LSTM", "GRU", "SimpleRNN"), ("units", "output_dim")),
    **dict.fromkeys(
        ("Conv1D", "Conv2D", "Conv3D", "Convolution2D", "Conv2DTranspose", "SeparableConv2D", "Conv1DTranspose"),
        ("filters", "nb_filter"),
    ),
}
# what `activation=` is when it is not given; recurrent layers are left out: nobody ends a classifier with one
DEFAULT_LINEAR = frozenset("Dense Conv1D Conv2D Conv3D Convolution2D Conv2DTranspose SeparableConv2D".split())
SHAPE_ARGUMENTS = ("input_shape", "batch_input_shape", "batch_shape", "input_dim", "batch_size")

# data sets whose labels are integers: `(x, y), (x, y) = keras.datasets.<name>.load_data()`
INTEGER_LABEL_DATASETS = frozenset({"mnist", "fashion_mnist", "cifar10", "cifar100", "imdb", "reuters"})


@cache
def public_names(namespace: str) -> frozenset[str]:
    """The public names of a Keras namespace ("layers", "models", "" for keras itself); empty when unknown."""
    return _public_names().get(namespace or "root", frozenset())


def is_public(name: str) -> bool:
    """Whether a canonical name such as `keras.layers.Dense`, or that of a namespace, is public."""
    namespace, _, short = name.removeprefix("keras.").rpartition(".")
    return short in public_names(namespace)


@cache
def _public_names() -> dict[str, frozenset[str]]:
    try:
        import tomllib
    except ModuleNotFoundError:  # Python 3.10
        import tomli as tomllib
    path = Path(__file__).parent.parent / "data" / "keras_names.toml"
    return {key: frozenset(names) for key, names in tomllib.loads(path.read_text(encoding="utf-8")).items()}
