from typing import Any, ClassVar

from scratchnn.callbacks.callback import Callback
from scratchnn.core.checks import flag


class TerminateOnNaN(Callback):
    """Ends training, without an error, at a step whose loss is NaN or infinite.

    Such a step is refused before it acts, and so is one whose gradient or weights are not finite or too large: without
    this callback `fit` raises a `NonFiniteError`. With it, `fit` prints why and where, ends the epoch and returns, as
    in Keras; the loss of that epoch is NaN or infinite in the history. The weights are those before the step, where
    those of Keras are NaN. A batch that was refused has no `on_train_batch_end`.

    With `raise_error` a RuntimeError ends training at once, as in Keras: no other callback hears of it.
    """

    checks: ClassVar = {"raise_error": lambda value: flag("TerminateOnNaN", "raise_error", value)}

    def __init__(self, raise_error: bool = False) -> None:
        self.raise_error = raise_error

    def end(self, batch: int, error: ArithmeticError) -> None:
        """`fit` calls this for a step that was refused: number `batch` of its epoch, counted from 0."""
        if self.raise_error:
            raise RuntimeError(f"NaN or Inf loss encountered at batch {batch}: {error}") from error
        print(f"Batch {batch}: Invalid loss, terminating training: {error}")
        model: Any = self.model
        model.stop_training = True
