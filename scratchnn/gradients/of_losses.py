"""The gradient of a loss with respect to the outputs, compared with differences."""

from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Float

from scratchnn.core.backend import load
from scratchnn.gradients.differences import central, compare
from scratchnn.gradients.errors import ArrayError
from scratchnn.losses import Loss


def check_loss(loss: Loss, y: Float[Array, "..."], target: Any, *, backend: str | None = None) -> list[ArrayError]:
    """Compare a loss's backward with differences of its forward, with respect to the outputs y.

    With `backend`, its kernels compute the loss, if they have it, in their memory.
    """
    where = load(backend or "reference")
    loss = loss if backend is None else loss.on(where.kernels)
    y = np.array(y, np.float64)
    target = loss.validate(y.shape, target, np.float64)
    targets = where.array(target, target.dtype)

    def forward() -> tuple[Any, Any]:
        return loss.forward(where.array(y, np.float64), targets)

    dy = np.array(where.to_host(loss.backward(forward()[1])))
    return compare(
        {"y": y}, {"y": dy}, central({"y": y}, lambda: [np.array(where.to_host(forward()[0]))], [np.ones(())])
    )
