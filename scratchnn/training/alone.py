"""One training of a model at a time: two threads that train one would step over each other's gradients."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_deciding = threading.Lock()


@contextmanager
def training_alone(model: Any, method: str) -> Iterator[None]:
    """Raise RuntimeError while another thread is in such a context of the same model.

    The thread itself may train on: a callback calls `fit` in `on_epoch_end`.
    """
    here = threading.get_ident()
    with _deciding:
        before = model._trained_by
        if before not in (None, here):
            raise RuntimeError(
                f"{method} was called while another thread trains this model. Wait for that call to end, "
                "or train a copy of the model, copy.deepcopy(model), in each thread"
            )
        model._trained_by = here
    try:
        yield
    finally:
        model._trained_by = before
