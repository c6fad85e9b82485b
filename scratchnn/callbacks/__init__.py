"""The callbacks, with Keras' names and defaults. `Callback` says what they are told, and when."""

from scratchnn.callbacks.callback import HOOKS, Callback, Logs
from scratchnn.callbacks.early_stopping import EarlyStopping
from scratchnn.callbacks.files import CSVLogger, ModelCheckpoint

__all__ = ["HOOKS", "CSVLogger", "Callback", "EarlyStopping", "Logs", "ModelCheckpoint"]
