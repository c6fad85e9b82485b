"""Whether the held-out end of the data has the classes of the rest: files that are sorted by label are common."""

from collections import Counter
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array

from scratchnn.losses import Loss

# A random end of n examples has the share q of a class, whose share of all is p, or one further from p with a
# probability of at most exp(-n KL(q, p)). This holds for any n and for rare classes (Hoeffding 1963), where a standard
# score would call it all but impossible that there are three examples instead of one. For a deviation of four standard
# deviations the bound is e^-8. A class that is missing altogether is told of earlier, and earlier still where all
# examples are of one class: then the accuracy says nothing. The more classes there are, the more unlikely the most
# unlikely one must be.
_UNLIKELY_SHARE = 8.0
_UNLIKELY_LACK = 3.0
_UNLIKELY_SINGLE = 2.3
_MOST_NAMED = 3


def classes_in(target: Any, loss: Loss) -> Counter[float] | None:
    """How many targets are in each class; None for what has no classes: regression, soft labels, steps of sequences.

    `target` is what the loss took: class numbers, one-hot rows, labels of 0 and 1. A row of several such labels, which
    exclude nothing, has none either.
    """
    values = np.asarray(target)
    if values.ndim == 2 and values.shape[1] > 1 and loss.accuracy == "categorical_accuracy":
        values = values.argmax(axis=1)
    if values.size != len(values):
        return None
    found, counts = np.unique(values, return_counts=True)
    if loss.accuracy is None and not set(found.tolist()) <= {-1, 0, 1}:
        return None
    if (found != np.floor(found)).any():
        return None
    return Counter(dict(zip(map(float, found), counts.tolist(), strict=True)))


def warning_of(rest: Counter[float] | None, held: Counter[float] | None) -> str | None:
    """What is wrong with the classes of the held-out examples, and what to do; None where chance may explain it."""
    if rest is None or held is None or len(whole := rest + held) < 2:
        return None
    names = sorted(whole)
    n, N = held.total(), whole.total()
    q, p = (np.array([counts[name] for name in names]) / total for counts, total in ((held, n), (whole, N)))
    strange = n * _divergence(q, p) - np.log(max(1.0, len(names) / 2))
    single = (q == 1) & (strange > _UNLIKELY_SINGLE)
    lacks = (q == 0) & (strange > _UNLIKELY_LACK)
    told = np.flatnonzero(single | lacks | (strange > _UNLIKELY_SHARE))
    if len(told) == 0:
        return None
    if single.any():
        problem = f"every label of the {n:,} validation examples is {names[int(single.argmax())]:g}"
    elif lacks.any():
        lacking = _listed([f"{names[i]:g}" for i in np.flatnonzero(lacks)])
        problem = f"none of the {n:,} validation examples is of class {lacking}"
    else:
        problem = f"the {n:,} validation examples have another balance of classes than the rest"
    shares = [
        f"class {names[i]:g} is {q[i]:.1%} of them and {rest[names[i]] / rest.total():.1%} of the rest" for i in told
    ]
    return (
        f"{problem} ({_listed(shares)}): the last examples are held out as they are, so shuffle x and y together "
        "first, for instance with order = np.random.default_rng(0).permutation(len(x)); x, y = x[order], y[order]"
    )


def _divergence(q: Array, p: Array) -> Array:
    """KL(q, p), each the share of a class, against that of all others."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return sum(np.where(a > 0, a * np.log(a / b), 0) for a, b in ((q, p), (1 - q, 1 - p)))  # type: ignore[return-value]


def _listed(names: list[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
