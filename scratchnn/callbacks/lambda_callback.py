from typing import Any

from scratchnn.callbacks.callback import Callback

Hook = Any  # a function, or None


class LambdaCallback(Callback):
    """A callback made of functions, one for each hook of `Callback` that it needs.

    They are called with what the hook is called with: `on_epoch_end(epoch, logs)`, `on_train_end(logs)`,
    `on_train_batch_end(batch, logs=...)`.

    Raises:
        TypeError: for what is no function, or no hook; Keras takes any name, and never calls it.
    """

    def __init__(
        self,
        on_epoch_begin: Hook = None,
        on_epoch_end: Hook = None,
        on_train_begin: Hook = None,
        on_train_end: Hook = None,
        on_train_batch_begin: Hook = None,
        on_train_batch_end: Hook = None,
        *,
        on_batch_begin: Hook = None,
        on_batch_end: Hook = None,
        on_test_begin: Hook = None,
        on_test_end: Hook = None,
        on_test_batch_begin: Hook = None,
        on_test_batch_end: Hook = None,
        on_predict_begin: Hook = None,
        on_predict_end: Hook = None,
        on_predict_batch_begin: Hook = None,
        on_predict_batch_end: Hook = None,
    ) -> None:
        for hook, function in locals().items():
            if hook == "self" or function is None:
                continue
            if not callable(function):
                raise TypeError(f"LambdaCallback: {hook} must be a function, got {function!r}")
            setattr(self, hook, function)
