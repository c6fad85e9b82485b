"""Metrics: values by hand, sums over batches, and names."""

import numpy as np
import pytest

from scratchnn import metrics
from scratchnn.metrics import Mean, MeanMetric


@pytest.mark.parametrize(
    ("name", "y", "target", "total", "seen"),
    [
        # 0.5 itself counts as 0; a soft label is never met exactly; a logit of 0.2 (probability 0.55) counts as 0.
        ("binary_accuracy", [[0.9], [0.5], [0.2], [0.9]], [[1.0], [0.0], [1.0], [0.7]], 2, 4),
        ("binary_accuracy", [[0.9, 0.1], [0.1, 0.1]], [[1.0, 1.0], [0.0, 0.0]], 1.5, 2),
        ("categorical_accuracy", [[0.2, 0.5, 0.3], [9.0, -1.0, 0.0]], [[0.0, 1.0, 0.0], [0.1, 0.9, 0.0]], 1, 2),
        ("sparse_categorical_accuracy", [[0.2, 0.5, 0.3], [9.0, -1.0, 0.0]], [1, 1], 1, 2),
        ("sparse_categorical_accuracy", [[[0.2, 0.8], [0.6, 0.4]]], [[1, 0]], 2, 2),
        ("mse", [[1.0, 2.0]], [[3.0, 2.5]], 2.125, 1),
        ("mae", [[1.0, 2.0]], [[3.0, 2.5]], 1.25, 1),
    ],
)
def test_measures(name: str, y: list, target: list, total: float, seen: int) -> None:
    metric = metrics.get(name)
    assert isinstance(metric, Mean)
    metric.update_state(np.array(target), np.array(y))
    assert float(metric.total) / float(metric.count) == metric.result() == total / seen


def test_uneven_batches_add_up_to_the_whole() -> None:
    generator = np.random.default_rng(2)
    y, target = generator.uniform(size=(11, 1)), generator.integers(0, 2, (11, 1)).astype(np.float64)
    in_batches, whole = (MeanMetric("acc", metrics.binary_accuracy) for _ in range(2))
    whole.update_state(target, y)
    for rows in (slice(0, 4), slice(4, 8), slice(8, 11)):
        in_batches.update_state(target[rows], y[rows])
    assert (in_batches.total, in_batches.count) == (whole.total, whole.count)
    assert whole.count == 11 and 0 < whole.total < 11

    whole.reset_state()
    assert whole.result() == 0  # as Keras


def test_get_takes_a_metric_and_makes_a_new_one_of_a_name() -> None:
    metric = MeanMetric("mine", metrics.mean_squared_error)
    metric.load_counts([3.0, 4.0])
    got = metrics.get(metric)  # counts of its own: the user's object may serve two models
    assert isinstance(got, MeanMetric)
    assert (got.name, got.measure, got.total, got.count) == ("mine", metric.measure, 0.0, 0)
    assert metrics.get("mae") is not metrics.get("mae")


def test_what_get_refuses() -> None:
    with pytest.raises(ValueError, match=r"unknown metric 'acuracy'; did you mean 'accuracy'\?"):
        metrics.get("acuracy")
    for name in ("ce", "crossentropy"):  # Keras knows these as losses alone, too
        with pytest.raises(ValueError, match=f"unknown metric {name!r}.* f1_score, .* r2_score, "):
            metrics.get(name)
