"""The names that Keras has in `keras.models`."""

from scratchnn.loading import load_model
from scratchnn.model import Model
from scratchnn.sequential import Sequential

__all__ = ["Model", "Sequential", "load_model"]
