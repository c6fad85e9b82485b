"""The gradient of a regularizer's penalty, compared with differences."""

import numpy as np
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Float

from scratchnn.core.backend import load
from scratchnn.gradients.differences import central, compare
from scratchnn.gradients.errors import ArrayError
from scratchnn.regularizers import Regularizer


def check_regularizer(
    regularizer: Regularizer, w: Float[Array, "..."], *, backend: str = "reference"
) -> list[ArrayError]:
    """Compare a regularizer's gradient with differences of its penalty, with respect to the weights w."""
    where = load(backend)
    w = np.array(w, np.float64)
    gradient = np.array(where.to_host(regularizer.gradient(where.array(w, np.float64))))

    def penalty() -> list[Array]:
        return [np.array(where.to_host(regularizer(where.array(w, np.float64))))]

    return compare({"w": w}, {"w": gradient}, central({"w": w}, penalty, [np.ones(())]))
