"""The callbacks, with Keras' names and defaults. `Callback` says what they are told, and when."""

from typing import TYPE_CHECKING, Any

from scratchnn.callbacks.callback import HOOKS, Callback, Logs
from scratchnn.callbacks.early_stopping import EarlyStopping
from scratchnn.callbacks.files import CSVLogger, ModelCheckpoint
from scratchnn.core.keras_missing import missing

__all__ = ["HOOKS", "CSVLogger", "Callback", "EarlyStopping", "Logs", "ModelCheckpoint"]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        raise missing("callbacks", name, list(globals()))
