"""`predict` of one row: a pass that is recorded once, and then repeated.

For one review, Python's part of a pass takes longer than the kernels. All of it but the check of x is the same for
every row of that shape. So when a second row of a shape comes, the launches of its pass are noted
(scratchnn_kernels/cpu/plan.py), up to the activation of the last layer, which may be array code; later rows are written
into the same x, and run the same launches, to the same bits.
"""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array

from scratchnn.core.backend import Backend
from scratchnn.core.names import is_own
from scratchnn.layers import Layer
from scratchnn.layers.trainable import CHANGES


class RecordedPass:
    """The pass of a model for one row of a certain shape, as long as none of its settings changes."""

    def __init__(self, shape: tuple[int, ...], *, is_recordable: bool) -> None:
        self.shape, self._changes = shape, CHANGES.number
        self._is_recordable = is_recordable
        self._in_use = threading.Lock()
        self._x: Array | None = None
        self._a: Array  # y before the activation of the last layer
        self._plan: Any

    def is_of(self, shape: tuple[int, ...]) -> bool:
        return self.shape == shape and self._changes == CHANGES.number

    def pre_activation(self, x: Array, forward: Callable[[Array], Array], backend: Backend) -> Array | None:
        """In an array of its own; None where it cannot be recorded, or another thread is using the arrays."""
        if not self._is_recordable or not self._in_use.acquire(blocking=False):
            return None
        try:
            if self._x is None:
                return self._record(x, forward, backend)
            np.copyto(self._x, x)
            self._plan.run()
            return self._a.copy()
        finally:
            self._in_use.release()

    def _record(self, x: Array, forward: Callable[[Array], Array], backend: Backend) -> Array | None:
        plan = backend.plan()
        if plan is None:
            self._is_recordable = False
            return None
        x = x.copy()
        with plan.recorded():
            self._a = forward(x)
        self._plan, self._x = plan, x
        return self._a.copy()


class OneRow:
    """The part of a `Model` that predicts one row."""

    _layers: list[Layer]
    _recorded_pass: RecordedPass | None = None
    backend: Backend
    forward: Callable[..., tuple]
    check_input: Callable[[object], Array]

    def predict_row(self, x: Array) -> Array | None:
        """The output for x of one row; None where `predict` must take its usual way."""
        known = self._recorded_pass
        if known is None or not known.is_of(x.shape):
            self._recorded_pass = RecordedPass(x.shape, is_recordable=self._is_recordable())
            return None
        x = self.check_input(x)
        if not known.is_of(x.shape):  # the check has built the model, to which a layer had been added
            return None
        activation = self._head().final_activation
        a = known.pre_activation(x, partial(self._row_before, pre_activation=activation is not None), self.backend)
        return a if a is None or activation is None else activation.forward(a)

    def _row_before(self, x: Array, pre_activation: bool) -> Array:
        return self.forward(x, keep_caches=False, pre_activation=pre_activation)[0]

    def _head(self) -> Any:
        model: Any = self
        return model.head

    def _is_recordable(self) -> bool:
        """Whether no code of the user's own has a part in a pass, and each layer's can be repeated."""
        if is_own(type(self)) or "forward" in vars(self):
            return False
        head = self._head()
        return all(
            (layer.runs_in_kernels or (layer is head and layer.pre_activation_runs_in_kernels))
            and not is_own(type(layer))
            and "forward" not in vars(layer)
            for layer in self._layers
        )
