"""The names that Keras has in `keras.models`."""

from scratchnn.model import Model, Sequential
from scratchnn.saving import load_model

__all__ = ["Model", "Sequential", "load_model"]
