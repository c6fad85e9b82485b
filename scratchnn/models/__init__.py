"""The names that Keras has in `keras.models`."""

from typing import TYPE_CHECKING, Any

from scratchnn.core.keras_missing import missing
from scratchnn.models.cloning import clone_model, model_from_json
from scratchnn.models.loading import load_model
from scratchnn.models.model import Model
from scratchnn.models.sequential import Sequential

__all__ = ["Model", "Sequential", "clone_model", "load_model", "model_from_json"]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        raise missing("models", name, list(globals()))
