"""The names that Keras has in `keras.models`."""

from scratchnn.models.loading import load_model
from scratchnn.models.model import Model
from scratchnn.models.sequential import Sequential

__all__ = ["Model", "Sequential", "load_model"]
