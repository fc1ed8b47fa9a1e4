"""kerascheck: a linter that knows Keras."""

__version__ = "0.1.0"
