"""Class numbers as rows with a 1 in the place of the class."""

from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Float

from scratchnn.core.arrays import as_numbers, narrowed
from scratchnn.core.checks import whole_number


def to_categorical(x: Any, num_classes: int | None = None) -> Float[Array, "..."]:
    """Return class numbers of any shape as one-hot rows: (*shape, num_classes), float64.

    As in Keras, a last axis of length 1 goes first: (N, 1) gives (N, num_classes). `num_classes` None: one more than
    the highest number.

    Raises:
        ValueError: for numbers that are no classes. Keras counts -1 from the end and cuts 1.7 to 1.
    """
    labels = narrowed("x", as_numbers("x", x), np.int64)
    labels = labels.reshape(labels.shape[:-1]) if labels.ndim > 1 and labels.shape[-1] == 1 else labels
    classes = whole_number("num_classes", labels.max(initial=-1) + 1 if num_classes is None else num_classes, 0)
    wrong = labels[(labels < 0) | (labels >= classes)]
    if wrong.size:
        raise ValueError(f"x must hold class numbers from 0 to {classes - 1}, got {wrong.flat[0]}")
    return np.eye(classes)[labels]
