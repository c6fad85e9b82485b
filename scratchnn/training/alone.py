"""One training of a model at a time: two threads that train one would step over each other's gradients."""

import functools
import threading
from collections.abc import Callable
from typing import Any, TypeVar

_Method = TypeVar("_Method", bound=Callable[..., Any])
_deciding = threading.Lock()


def trains_alone(method: _Method) -> _Method:
    """A method of a model that trains it: a RuntimeError while another thread is in such a method of the same model.

    The thread itself may train on: a callback calls `fit` in `on_epoch_end`.
    """

    @functools.wraps(method)
    def call(model: Any, *args: Any, **named: Any) -> Any:
        here = threading.get_ident()
        with _deciding:
            before = model._trained_by
            if before not in (None, here):
                raise RuntimeError(
                    f"{method.__name__} was called while another thread trains this model. Wait for that call to end, "
                    "or train a copy of the model, copy.deepcopy(model), in each thread"
                )
            model._trained_by = here
        try:
            return method(model, *args, **named)
        finally:
            model._trained_by = before

    return call  # type: ignore[return-value]
