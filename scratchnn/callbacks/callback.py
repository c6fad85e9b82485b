"""Callbacks: what a user can hook into training, evaluation and prediction. The hooks and defaults are those of Keras.

A callback touches the model through `get_weights`, `set_weights`, `save` and `stop_training` alone. Epochs count from 0
in the hooks, and from 1 in file names, as in Keras. What `logs` holds:

    on_epoch_end                        loss and metrics of the epoch, and those of validation as val_...; numbers that
                                        a callback adds go to the callbacks after it and into the history
    on_train_end                        the same, of the last epoch
    on_train_batch_end, on_test_batch_end   loss and metrics over all batches so far, as Keras' running means
    on_test_end                         loss and metrics, without val_
    on_predict_batch_end                "outputs"
    all that begin, on_predict_end      nothing
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from scratchnn_kernels.contract import Array

from scratchnn.core.attributes import Attributes

Logs = Mapping[str, Any]


@runtime_checkable
class Trainable(Protocol):
    """What a callback may ask of a model."""

    stop_training: bool

    def get_weights(self) -> list[Array]: ...
    def set_weights(self, weights: Sequence[Array]) -> None: ...
    def save(self, filepath: str, /, *, overwrite: bool = False) -> Any: ...


class Callback(Attributes):
    """Override the hooks you need; `self.model` and `self.params` are there before the first of them.

    `params`: verbose, epochs and steps, the number of batches in an epoch (in the whole of evaluate or predict).
    `fit` calls the test hooks for its validation. Who listens to the batches of training on a GPU makes it wait for
    each; a hook that nobody overrides costs nothing.

    `on_batch_begin` and `on_batch_end` are Keras' older names of `on_train_batch_begin` and `on_train_batch_end`.
    """

    model: Trainable
    params: dict[str, Any] | None = None
    skips_validation: bool = False  # whether some epochs are not validated, by `validation_freq`

    def set_model(self, model: Trainable) -> None:
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        self.params = params

    def get_state(self) -> dict[str, Any]:
        """What training that is interrupted and resumed needs to know again: plain values, arrays, and lists and dicts
        of them by text. A checkpoint keeps it; {}: nothing."""
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over what `get_state` returned. Called after `on_train_begin`, and only where training is resumed.

        Set `self.model.stop_training` where training had ended already.
        """

    def on_train_begin(self, logs: Logs | None = None) -> None: ...
    def on_train_end(self, logs: Logs | None = None) -> None: ...
    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None: ...
    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None: ...
    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None: ...
    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None: ...

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        self.on_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self.on_batch_end(batch, logs=logs)

    def on_test_begin(self, logs: Logs | None = None) -> None: ...
    def on_test_end(self, logs: Logs | None = None) -> None: ...
    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None: ...
    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None: ...
    def on_predict_begin(self, logs: Logs | None = None) -> None: ...
    def on_predict_end(self, logs: Logs | None = None) -> None: ...
    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None: ...
    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None: ...


HOOKS = tuple(name for name in vars(Callback) if name.startswith("on_"))
