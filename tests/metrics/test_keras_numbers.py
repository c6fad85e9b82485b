"""Every metric gives what Keras 3.15.1 gave, over two batches, without and with sample weights."""

from typing import Any

import numpy as np
import pytest

from scratchnn import metrics

P = np.array([[0.1], [0.4], [0.5], [0.55], [0.8], [0.95]], np.float32)
B = np.array([[0], [1], [1], [0], [1], [1]], np.float32)
V = np.array([1, 0.5, 2, 0, 1.5, 3], np.float32)
Y = np.array([[0.2, 0.5, 0.3], [0.7, 0.1, 0.2], [0.25, 0.25, 0.5], [0.05, 0.9, 0.05]], np.float32)
T = np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0], [0, 1, 0]], np.float32)
W = np.array([0.5, 2, 0, 1], np.float32)

# keras.metrics.NAME(**settings) after update_state(B, P) in batches of 2 and 4, then the same with sample_weight=V
ONE: list[tuple[str, dict[str, Any], float, float]] = [
    ("Precision", {}, 0.666667, 1.0),
    ("Recall", {"thresholds": 0.3}, 1.0, 1.0),
    ("TruePositives", {}, 2.0, 4.5),
    ("FalsePositives", {}, 1.0, 0.0),
    ("TrueNegatives", {}, 1.0, 1.0),
    ("FalseNegatives", {}, 2.0, 2.5),
    ("AUC", {}, 0.75, 1.0),
    ("AUC", {"curve": "PR"}, 0.872294, 1.0),
    ("AUC", {"curve": "PR", "summation_method": "majoring", "num_thresholds": 11}, 0.8875, 1.0),
    ("AUC", {"curve": "PRGAIN", "thresholds": [0.2, 0.6]}, 0.75, 1.0),
    ("AUC", {"from_logits": True}, 0.75, 1.0),
    ("SensitivityAtSpecificity", {"specificity": 0.6}, 0.5, 1.0),
    ("PrecisionAtRecall", {"recall": 0.6}, 0.8, 1.0),
    ("F1Score", {"threshold": 0.5}, 0.571428, 0.782609),
    ("BinaryAccuracy", {"threshold": 0.45}, 0.666667, 0.9375),
    ("Accuracy", {}, 0.0, 0.0),
    ("BinaryCrossentropy", {}, 0.464624, 0.304799),
    ("Hinge", {}, 0.666667, 0.35625),
    ("RootMeanSquaredError", {}, 0.40104, 0.307713),
    ("MeanAbsolutePercentageError", {}, 108333000.0, 12500000.0),
]
# ... and after update_state(T, Y) in batches of 2 and 2, then the same with sample_weight=W
SEVERAL: list[tuple[str, dict[str, Any], float, float]] = [
    ("Precision", {"thresholds": 0.3, "class_id": 1}, 1.0, 1.0),
    ("Recall", {"top_k": 2}, 1.0, 1.0),
    ("AUC", {"multi_label": True}, 0.666667, 0.555556),
    ("F1Score", {"average": "micro", "threshold": 0.3}, 0.5, 0.428571),
    ("F1Score", {"average": "macro"}, 0.333333, 0.333333),
    ("F1Score", {"average": "weighted"}, 0.5, 0.428571),
    ("FBetaScore", {"average": "macro", "beta": 2.0}, 0.333333, 0.333333),
    ("R2Score", {}, -0.0341667, 0.0901388),
    ("TopKCategoricalAccuracy", {"k": 2}, 1.0, 1.0),
    ("CategoricalAccuracy", {}, 0.5, 0.428571),
    ("KLDivergence", {}, 0.948557, 1.0488),
    ("CategoricalCrossentropy", {}, 0.94856, 1.0488),
    ("CosineSimilarity", {}, 0.622112, 0.556232),
    ("CategoricalHinge", {}, 0.925, 1.01429),
    ("RootMeanSquaredError", {}, 0.448144, 0.486484),
    ("LogCoshError", {}, 0.0936783, 0.109113),
    ("Poisson", {}, 0.64952, 0.682934),
]
CASES = [(*row, P, B, V) for row in ONE] + [(*row, Y, T, W) for row in SEVERAL]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]} {case[1]}")
def test_a_metric_gives_what_keras_gave(case: Any) -> None:
    name, settings, bare, with_weights, y, target, weight = case
    for expected, given in ((bare, None), (with_weights, weight)):
        metric = getattr(metrics, name)(**settings)
        for rows in (slice(0, 2), slice(2, None)):
            metric.update_state(target[rows], y[rows], None if given is None else given[rows])
        assert metric.number() == pytest.approx(expected, rel=2e-5)
        resumed = type(metric).from_config(metric.get_config())
        resumed.load_counts(metric.counts())
        assert resumed.result() == metric.result() and resumed.name == metric.name
        again = metric.fresh()
        assert (again.result(), metric.number()) == (0, metric.result())
        metric.reset_state()
        assert metric.result() == 0


def test_what_gives_several_numbers() -> None:
    recall = metrics.Recall(thresholds=[0.2, 0.5, 0.9])
    recall.update_state(B, P)
    np.testing.assert_allclose(recall.result(), [1, 0.5, 0.25])  # as keras.metrics.Recall
    score = metrics.F1Score()
    score.update_state(T, Y)
    np.testing.assert_allclose(score.result(), [0, 0.9999999, 0], rtol=1e-6)  # as keras.metrics.F1Score
    with pytest.raises(TypeError, match="the result of the metric 'f1_score' must be one number"):
        score.number()
