"""What a metric is: it counts batch by batch, and makes one number of what it has counted."""

from collections.abc import Sequence
from copy import copy
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array

from scratchnn.core.names import numbered_name


class Variable(np.ndarray):
    """An array that a metric counts in, in the host's memory, with Keras' `assign` and `assign_add`."""

    def assign(self, value: Any) -> "Variable":
        self[...] = on_host(value)
        return self

    def assign_add(self, value: Any) -> "Variable":
        self[...] += on_host(value)
        return self

    def numpy(self) -> Array:
        return np.array(self)


class Metric:
    """Counts over batches of any size. `name` is the key in logs and history.

    Keras' protocol: `update_state` counts a batch, `result` is the metric over everything counted, `reset_state`
    forgets it. One of your own defines the first two, and counts in the variables that it makes in its constructor with
    `self.add_variable(shape)`: these are set back to 0 for an epoch, and kept in a checkpoint.
    """

    name: str = ""
    weighted: bool = False  # whether sample weights count
    masked: bool = False  # whether padding is left out
    joins: str | None = None  # the activation that it goes through, where it can count its pre-activation
    per_batch: bool = True  # whether several batches may not be counted as one
    variables: Sequence[Variable] = ()

    def __init__(self, dtype: Any = None, name: str | None = None) -> None:
        if dtype is not None:
            raise ValueError(f"dtype must be None, got {dtype!r}: a metric counts in float64")
        self.name = name or numbered_name(type(self))
        self.variables = []

    def add_variable(
        self, shape: Any = (), initializer: Any = "zeros", dtype: Any = None, aggregation: str = "sum", name: Any = None
    ) -> Variable:
        """An array of zeros to count in."""
        if initializer not in ("zeros", None) or dtype not in (None, "float32", "float64"):
            raise ValueError(f"a metric counts in float64, from zeros on, got {initializer!r} and {dtype!r}")
        variable = np.zeros(shape).view(Variable)
        self.variables = [*self.variables, variable]
        return variable

    def add_weight(self, shape: Any = (), initializer: Any = "zeros", dtype: Any = None, name: Any = None) -> Variable:
        """Keras' older name of `add_variable`."""
        return self.add_variable(shape, initializer, dtype)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch. `sample_weight` has the first axes of y_pred: (B,) or (B, T)."""
        raise NotImplementedError

    def update_from_logits(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """`update_state`, for outputs before the activation that it `joins`."""
        raise NotImplementedError

    def result(self) -> Any:
        """The metric over everything counted; 0 when that is nothing, as in Keras."""
        raise NotImplementedError

    def reset_state(self) -> None:
        """Forget what was counted."""
        for variable in self.variables:
            variable.assign(0)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Count a batch, and return the result so far."""
        self.update_state(y_true, y_pred, sample_weight=sample_weight)
        return self.result()

    def check(self, y_shape: tuple[int, ...], target_shape: tuple[int, ...]) -> None:
        """Raise ValueError if it cannot count such outputs and targets, or gives more than one number for them."""

    def number(self) -> float:
        """The result as one number.

        Raises:
            TypeError: if it is something else.
        """
        result = self.result()
        if isinstance(result, float):
            return result
        value = np.asarray(on_host(result))
        if value.size != 1 or value.dtype.kind not in "iufb":
            raise TypeError(f"the result of the metric {self.name!r} must be one number, got {result!r}")
        return float(value.reshape(()))

    def counts(self) -> list[float]:
        """What was counted, for a checkpoint and the results of an epoch."""
        return [float(number) for variable in self.variables for number in np.ravel(variable)]

    def load_counts(self, counts: Sequence[float]) -> None:
        """Take over what `counts` returned."""
        sizes = [variable.size for variable in self.variables]
        if sum(sizes) != len(counts):
            raise ValueError(f"the metric {self.name!r} counts {sum(sizes)} numbers, got {len(counts)}")
        for variable, part in zip(self.variables, np.split(np.array(counts), np.cumsum(sizes)[:-1]), strict=True):
            variable.assign(part.reshape(variable.shape))

    def fresh(self) -> Any:
        """The same metric with nothing counted."""
        metric = copy(self)
        copies = {id(variable): variable.copy() for variable in self.variables}
        for name, value in vars(metric).items():
            if id(value) in copies:
                setattr(metric, name, copies[id(value)])
        metric.variables = list(copies.values())
        metric.reset_state()
        return metric

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor, as plain values."""
        return {"name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Metric":
        """The metric that `get_config` described."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


def on_host(array: Any) -> Any:
    """An array in the host's memory; anything else stays what it is."""
    return array.get() if hasattr(array, "get") and not isinstance(array, dict) else array


def aligned(y_true: Any, y_pred: Any) -> tuple[Array, Array]:
    """Both as arrays, where one may lack a trailing axis of length 1, as in Keras."""
    y_true = y_true if hasattr(y_true, "ndim") else np.asarray(y_true)
    y_pred = y_pred if hasattr(y_pred, "ndim") else np.asarray(y_pred)
    if y_pred.ndim == y_true.ndim + 1 and y_pred.shape[-1] == 1:
        return (y_true[..., np.newaxis], y_pred) if y_true.ndim == 1 else (y_true, y_pred[..., 0])
    if y_true.ndim == y_pred.ndim + 1 and y_true.shape[-1] == 1:
        return (y_true, y_pred[..., np.newaxis]) if y_pred.ndim == 1 else (y_true[..., 0], y_pred)
    return y_true, y_pred


def same_shape(name: str, y_true: Array, y_pred: Array) -> None:
    """Raise ValueError unless there is a target for each number of the outputs."""
    if y_true.shape != y_pred.shape:
        raise ValueError(
            f"the metric {name!r} needs a target for each number of the outputs, of shape {tuple(y_pred.shape)}, got "
            f"targets of shape {tuple(y_true.shape)}"
        )


def as_weight(sample_weight: Any, ndim: int) -> Any:
    """Weights as an array, without a trailing axis of length 1 that is too many for outputs of `ndim` axes."""
    weight = sample_weight if hasattr(sample_weight, "ndim") else np.asarray(sample_weight, np.float64)
    return weight[..., 0] if weight.ndim == ndim > 1 and weight.shape[-1] == 1 else weight
