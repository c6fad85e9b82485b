from collections.abc import Iterator
from typing import Any

from scratchnn.callbacks.callback import HOOKS, Callback
from scratchnn.callbacks.history import History
from scratchnn.core.names import is_own


class CallbackList(Callback):
    """Several callbacks as one, for a training loop of your own: what it is told, it tells all of them in their order.

    `verbose`, `epochs` and `steps` are their `params`. `fit` makes its own list: give it a plain one.

    Raises:
        TypeError: for what is no callback, and for a History, which only `fit` fills.
    """

    def __init__(
        self,
        callbacks: Any = None,
        *,
        model: Any = None,
        verbose: Any = None,
        epochs: int | None = None,
        steps: int | None = None,
    ) -> None:
        self.callbacks = [] if callbacks is None else list(flat(callbacks))
        for each in self.callbacks:
            if not isinstance(each, Callback):
                raise TypeError(f"CallbackList takes callbacks, got {each!r}")
            if isinstance(each, History):
                raise TypeError("CallbackList takes no History: fit fills it; keep the logs of your own loop yourself")
        if model is not None:
            self.set_model(model)
        given = {"verbose": verbose, "epochs": epochs, "steps": steps}
        self.set_params({name: value for name, value in given.items() if value is not None})

    def set_model(self, model: Any) -> None:
        super().set_model(model)
        for callback in self.callbacks:
            callback.set_model(model)

    def set_params(self, params: dict[str, Any]) -> None:
        super().set_params(params)
        for callback in self.callbacks:
            callback.set_params(params)


def _tell_all(hook: str) -> Any:
    def tell(self: CallbackList, *args: Any, **logs: Any) -> None:
        for callback in self.callbacks:
            getattr(callback, hook)(*args, **logs)

    return tell


for _hook in HOOKS:
    setattr(CallbackList, _hook, _tell_all(_hook))


def flat(callbacks: Any) -> Iterator[Any]:
    """What is in a list of callbacks and of lists, in its order; one callback is a list of itself."""
    if isinstance(callbacks, CallbackList):
        if is_own(type(callbacks)):
            raise TypeError(
                f"{type(callbacks).__name__}, derived from CallbackList, would not be called: fit calls the callbacks "
                "in it one by one. Derive from Callback"
            )
        callbacks = callbacks.callbacks
    if isinstance(callbacks, list | tuple):
        for each in callbacks:
            yield from flat(each)
    else:
        yield callbacks
