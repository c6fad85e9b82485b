"""Evidence for losses and metrics: two values for each of their parameters, and a look at what comes out."""

import inspect
from typing import Any

import numpy as np

from scratchnn import losses, metrics

RNG = np.random.default_rng(3)
Y = RNG.uniform(0.05, 0.95, (40, 3)).astype(np.float32)
Y /= Y.sum(axis=-1, keepdims=True)
CLASSES = np.where(RNG.random(40) < 0.5, Y.argmax(axis=-1), RNG.integers(0, 3, 40))
ROWS = np.eye(3, dtype=np.float32)[CLASSES]
TWO = (False, True)
PAIRS: dict[str, tuple[Any, Any]] = {
    "name": ("one", "other"), "reduction": ("sum", "sum_over_batch_size"), "from_logits": TWO,
    "label_smoothing": (0.0, 0.2), "ignore_class": (None, 1), "delta": (0.1, 0.5), "alpha": (0.1, 0.4),
    "gamma": (1.5, 2.5), "apply_class_balancing": TWO, "y_true": ("as it is", "turned"),
    "y_pred": ("as it is", "turned"), "num_thresholds": (3, 200), "curve": ("ROC", "PR"),
    "summation_method": ("majoring", "minoring"), "thresholds": (0.2, 0.6), "multi_label": TWO, "num_labels": (2, 3),
    "label_weights": ([1, 1, 1], [1, 2, 9]), "threshold": (0.2, 0.6), "average": ("micro", "macro"),
    "beta": (1.0, 2.0), "fn": (metrics.mean_squared_error, metrics.mean_absolute_error), "top_k": (1, 2),
    "class_id": (0, 1), "k": (1, 2), "class_aggregation": ("uniform_average", "variance_weighted_average"),
    **{share: (0.1, 0.9) for share in ("recall", "precision", "specificity", "sensitivity")},
}  # fmt: skip
NEEDED: dict[str, dict[str, Any]] = {
    "MeanMetricWrapper": {"fn": metrics.mean_squared_error},
    "PrecisionAtRecall": {"recall": 0.5},
    "RecallAtPrecision": {"precision": 0.5},
    "SensitivityAtSpecificity": {"specificity": 0.5},
    "SpecificityAtSensitivity": {"sensitivity": 0.5},
}
# What makes a parameter act.
BESIDE: dict[tuple[str, str], dict[str, Any]] = {
    ("AUC", "num_labels"): {"multi_label": True},
    ("AUC", "label_weights"): {"multi_label": True},
    ("AUC", "from_logits"): {"num_thresholds": 5},
    ("AUC", "summation_method"): {"num_thresholds": 5},
    ("BinaryFocalCrossentropy", "alpha"): {"apply_class_balancing": True},
    ("binary_focal_crossentropy", "alpha"): {"apply_class_balancing": True},
    **{
        (name, which): {"k": 1}
        for name in ("top_k_categorical_accuracy", "sparse_top_k_categorical_accuracy")
        for which in ("y_true", "y_pred")
    },
}


def needed(name: str) -> dict[str, Any]:
    """The arguments without which it cannot be called."""
    if name[0].islower() and name != "get":
        return {"y_true": CLASSES if name.startswith("sparse") else ROWS, "y_pred": Y}
    return NEEDED.get(name, {})


def of(module: str, name: str, /, **given: Any) -> list[Any]:
    """What a loss, a metric or a function makes of the outputs above."""
    (parameter,) = given
    thing = getattr(losses if module == "losses" else metrics, name)
    target = CLASSES if name.lower().startswith("sparse") else ROWS
    given = {**needed(name), **BESIDE.get((name, parameter), {}), **given}
    if inspect.isfunction(thing):
        for which, value in (("y_true", target), ("y_pred", Y)):
            turned = isinstance(given[which], str) and given[which] == "turned"
            given[which] = value[::-1] if turned else value
        return [thing(**given)]
    if name == "AUC" and parameter == "thresholds":
        given["thresholds"] = [given["thresholds"]]
    if module == "losses":
        loss = thing(**given)
        value, cache = loss.forward(Y, loss.validate(Y.shape, target, Y.dtype))
        return [loss.name, value, loss.backward(cache)]
    try:
        metric = thing(**{"name": "this", **given})  # a name of its own is numbered
        for rows in (slice(0, 5), slice(5, 40)):
            if name == "Mean":
                metric.update_state(Y[rows])
            else:
                metric.update_state(target[rows], Y[rows])
        return [metric.name, metric.result()]
    except ValueError as error:
        return [str(error)]
