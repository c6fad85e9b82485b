"""The callbacks, with Keras' names and defaults. `Callback` says what they are told, and when."""

from typing import TYPE_CHECKING, Any

from scratchnn.callbacks.backup import BackupAndRestore
from scratchnn.callbacks.callback import HOOKS, Callback, Logs
from scratchnn.callbacks.callback_list import CallbackList
from scratchnn.callbacks.early_stopping import EarlyStopping
from scratchnn.callbacks.files import CSVLogger, ModelCheckpoint
from scratchnn.callbacks.history import History
from scratchnn.callbacks.lambda_callback import LambdaCallback
from scratchnn.callbacks.learning_rate import LearningRateScheduler, ReduceLROnPlateau
from scratchnn.callbacks.terminate_on_nan import TerminateOnNaN
from scratchnn.core.keras_missing import missing

__all__ = [
    "HOOKS", "BackupAndRestore", "CSVLogger", "Callback", "CallbackList", "EarlyStopping", "History",
    "LambdaCallback", "LearningRateScheduler", "Logs", "ModelCheckpoint", "ReduceLROnPlateau", "TerminateOnNaN",
]  # fmt: skip


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        raise missing("callbacks", name, list(globals()))
