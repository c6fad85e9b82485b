"""What a metric is: it counts batch by batch, and makes one number of what it has counted."""

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from typing import Any, ClassVar

import numpy as np
from scratchnn_kernels.contract import Array

from scratchnn.core.attributes import Guarded, parameters_of
from scratchnn.core.names import is_own, numbered_name
from scratchnn.metrics.kept import Kept, Variable, copied, from_plain, on_host

# Attributes that nothing is counted in.
_NOT_COUNTED = ("name", "weighted", "variables", "_kept", "_holders")


class Metric(Guarded):
    """Counts over batches of any size. `name` is the key in logs and history.

    Keras' protocol: `update_state` counts a batch, `result` is the metric over everything counted, `reset_state`
    forgets it. One of your own defines the first two, and counts in the variables that it makes in its constructor with
    `self.add_variable(shape)`: these are set back to 0 for an epoch, and kept in a checkpoint. So are the metrics that
    it has as attributes. It may also count in other attributes, which its own `reset_state` sets back: those that are
    numbers or arrays of numbers are kept in a checkpoint.

    `direction` says which results are better, "up" or "down", for callbacks with mode="auto"; None: neither. Keras
    calls it `_direction`, and a metric of your own may do so too.

    Raises:
        AttributeError: for setting what one of ours does not have, or what it fixed when it was made.
    """

    name: str = ""
    direction: str | None = None
    weighted: bool = False  # whether sample weights count
    masked: bool = False  # whether padding is left out
    joins: str | None = None  # the activation that it goes through, where it can count its pre-activation
    per_batch: bool = True  # whether several batches may not be counted as one
    variables: Sequence[Variable] = ()
    not_kept: ClassVar[Mapping[str, str]] = {
        "dtype": "a metric counts in float64",
        "axis": "classes are the last axis",
        "ignore_class": "give these steps the sample weight 0, and the metric to weighted_metrics",
        "from_sorted_ids": "give scores, not the ids that a ranking returned",
        "num_regressors": "the adjusted R² is not there; compute it from the score",
    }
    in_counts: ClassVar[tuple[str, ...]] = ()  # attributes that `counts` returns, besides the variables
    _kept: Kept | None = None  # which attributes it counts in, where it is one of the user's own
    _holders: list[str] | None = None  # those of them that hold metrics: to look into long lists takes time

    def __init__(self, dtype: Any = None, name: str | None = None) -> None:
        self.name = name or numbered_name(type(self))
        self.variables = []

    def __setattr__(self, name: str, value: Any) -> None:
        kind = type(self)
        if name in vars(self) and name != "name" and name in parameters_of(kind) and not is_own(kind):
            raise AttributeError(
                f"{kind.__name__}: {name} is fixed when the metric is made: {kind.__name__}({name}={value!r})"
            )
        super().__setattr__(name, value)

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
        for metric in self._inner().values():
            metric.reset_state()

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
        total, done = sum(variable.size for variable in self.variables), 0
        if total != len(counts):
            raise ValueError(
                f"the metric {self.name!r} counts {total} numbers, got {len(counts)}: what it was resumed with makes "
                "other variables; make all of them in its constructor, with add_variable(shape)"
            )
        for variable in self.variables:
            variable.assign(np.reshape(counts[done : done + variable.size], variable.shape))
            done += variable.size

    def state(self) -> Any:
        """`counts`, and where a metric of one's own counts in other attributes as well, these by name."""
        if self._kept is None:
            return self.counts()
        attributes, lost = self._kept.of(self._own_attributes())
        inner = {name: metric.state() for name, metric in self._inner().items()}
        if not (attributes or lost or inner):
            return self.counts()
        return {"counts": self.counts(), "attributes": attributes, "lost": lost, "metrics": inner}

    def load_state(self, state: Any) -> None:
        """Take over what `state` returned.

        Raises:
            ValueError: if it counted in attributes that cannot be kept, or is another metric.
        """
        if not isinstance(state, dict):
            return self.load_counts(state)
        if state["lost"]:
            raise ValueError(
                f"training stands within an epoch, and the metric {self.name!r} counts in "
                f"{', '.join(f'`{name}`' for name in state['lost'])}, which no checkpoint keeps: count in variables, "
                "made with add_variable(shape) in its constructor, or in numbers; or resume from the end of an epoch"
            )
        inner = self._inner()
        if set(inner) != set(state["metrics"]):
            raise ValueError(f"the metric {self.name!r} has the metrics {list(inner)}, got {list(state['metrics'])}")
        for name, metric in inner.items():
            metric.load_state(state["metrics"][name])
        self.load_counts(state["counts"])
        for name, value in state["attributes"].items():
            setattr(self, name, from_plain(value))

    def _own_attributes(self) -> dict[str, Any]:
        """Those that are neither variables nor metrics, nor in `counts`."""
        others = {*_NOT_COUNTED, *self.in_counts}
        return {
            name: value
            for name, value in vars(self).items()
            if name not in others and not isinstance(value, Metric | Variable)
        }

    def _inner(self) -> dict[str, "Metric"]:
        """The metrics that it has as attributes, or in lists and dicts of these, by where they are."""
        keys = [key for key in vars(self) if key not in _NOT_COUNTED] if self._holders is None else self._holders
        return {name: metric for key in keys for name, metric in _metrics_in(key, vars(self)[key])}

    def fresh(self) -> Any:
        """The same metric with nothing counted."""
        metric = copy(self)
        copies: dict[int, Any] = {id(self): metric}
        own = is_own(type(self))
        for name, value in vars(self).items():
            if own or isinstance(value, Variable | list):
                vars(metric)[name] = copied(value, copies, _renewed)
        metric._kept = metric._holders = None
        metric.reset_state()
        if own:
            metric._holders = list(dict.fromkeys(name.split(".")[0] for name in metric._inner()))
            metric._kept = Kept(metric._own_attributes())
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


def _renewed(value: Any) -> Any:
    return value.fresh() if isinstance(value, Metric) else value


def _metrics_in(key: str, value: Any) -> Iterator[tuple[str, Metric]]:
    if isinstance(value, Metric):
        yield key, value
    elif isinstance(value, list | tuple | dict):
        for name, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _metrics_in(f"{key}.{name}", each)


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
