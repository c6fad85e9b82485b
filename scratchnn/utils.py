"""The names that Keras has in `keras.utils`."""

from scratchnn.core.randomness import set_random_seed
from scratchnn.data.text import pad_sequences
from scratchnn.report.diagram import plot_model

__all__ = ["pad_sequences", "plot_model", "set_random_seed"]
