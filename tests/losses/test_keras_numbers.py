"""Every loss gives what Keras 3.15.1 gave, on TensorFlow in float32: for one batch, its gradient, its reductions."""

from typing import Any

import numpy as np
import pytest

from scratchnn import losses
from scratchnn.losses import weight_of

Y = np.array([[0.2, 0.5, 0.3], [0.7, 0.1, 0.2], [0.25, 0.25, 0.5], [0.05, 0.9, 0.05]], np.float32)
T = np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0], [0, 1, 0]], np.float32)
W = np.array([0.5, 2, 0, 1], np.float32)

# keras.losses.NAME(**settings)(T, Y); the second row of its gradient by a tf.GradientTape; the same with
# sample_weight=W and reduction="sum", "mean_with_sample_weight".
KERAS: list[tuple[str, dict[str, Any], float, list[float], float, float]] = [
    ("MeanSquaredError", {}, 0.200833, [0.11667, 0.016667, -0.13333], 0.828333, 0.236667),
    ("MeanAbsoluteError", {}, 0.358333, [0.083333, 0.083333, -0.083333], 1.3, 0.371429),
    ("MeanAbsolutePercentageError", {}, 1.79167e08, [83333000.0, 83333000.0, -8.3333], 6.5e08, 1.85714e08),
    ("MeanSquaredLogarithmicError", {}, 0.0982433, [0.052022, 0.014441, -0.070948], 0.400999, 0.114571),
    ("Huber", {}, 0.100417, [0.058333, 0.0083333, -0.066667], 0.414167, 0.118333),
    ("Huber", {"delta": 0.3}, 0.0715625, [0.025, 0.0083333, -0.025], 0.274167, 0.0783333),
    ("LogCosh", {}, 0.0936783, [0.050364, 0.0083057, -0.055336], 0.381894, 0.109113),
    ("CosineSimilarity", {}, -0.622112, [0.088202, 0.0126, -0.31501], -1.94681, -0.556232),
    ("Hinge", {}, 1.025, [0.083333, 0.083333, -0.083333], 3.63333, 1.0381),
    ("SquaredHinge", {}, 1.22583, [0.28333, 0.18333, -0.13333], 4.46167, 1.27476),
    ("CategoricalHinge", {}, 0.925, [0.25, 0.0, -0.25], 3.55, 1.01429),
    ("KLDivergence", {}, 0.948557, [-3.5714e-08, -2.5e-07, -1.25], 3.6708, 1.0488),
    ("Poisson", {}, 0.64952, [0.083333, 0.083333, -0.33333], 2.39027, 0.682934),
    ("BinaryCrossentropy", {"label_smoothing": 0.2}, 0.649595, [0.2381, 7.4506e-09, -0.36458], 2.53166, 0.723332),
    (
        "BinaryCrossentropy",
        {"from_logits": True, "label_smoothing": 0.2},
        0.724693,
        [0.047349, 0.035415, -0.029181],
        2.56427,
        0.732648,
    ),
    ("CategoricalCrossentropy", {"label_smoothing": 0.2}, 1.04781, [0.22619, 0.083333, -0.83333], 4.02915, 1.15119),
    (
        "CategoricalCrossentropy",
        {"from_logits": True, "label_smoothing": 0.2},
        1.02949,
        [0.099324, 0.04699, -0.14631],
        3.70027,
        1.05722,
    ),
    ("BinaryFocalCrossentropy", {}, 0.233977, [0.27657, 0.0026819, -0.48126], 1.11685, 0.3191),
    (
        "BinaryFocalCrossentropy",
        {"apply_class_balancing": True, "alpha": 0.3, "gamma": 1.5, "from_logits": True},
        0.184075,
        [0.038784, 0.023418, -0.0071241],
        0.664634,
        0.189895,
    ),
    ("CategoricalFocalCrossentropy", {}, 0.124011, [0.072189, 0.072189, -0.28876], 0.536944, 0.153413),
    (
        "CategoricalFocalCrossentropy",
        {"gamma": 1.0, "from_logits": True},
        0.162219,
        [0.031184, 0.017114, -0.048299],
        0.59833,
        0.170951,
    ),
]


@pytest.mark.parametrize(("name", "settings", "value", "second_row", "total", "mean"), KERAS, ids=str)
def test_a_loss_gives_what_keras_gave(
    name: str, settings: dict[str, Any], value: float, second_row: list[float], total: float, mean: float
) -> None:
    loss = getattr(losses, name)(**settings)
    assert loss(T, Y) == pytest.approx(value, rel=2e-5)
    target = loss.validate(Y.shape, T)
    for weight in (None, np.ones(4, np.float32)):
        dy = loss.backward(loss.forward(Y, target, weight)[1])
        assert dy.dtype == np.float32
        np.testing.assert_allclose(dy[1], second_row, rtol=2e-4, atol=2e-8)
    for reduction, expected in (("sum", total), ("mean_with_sample_weight", mean)):
        assert getattr(losses, name)(reduction=reduction, **settings)(T, Y, W) == pytest.approx(expected, rel=2e-5)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        # SparseCategoricalCrossentropy(reduction=r, **settings)(C, Y, sample_weight=w), r the mean, then the sum, w
        # None, then W.
        ({"ignore_class": 1}, [1.4978662, 1.6094379, 2.9957323, 3.2188759]),
        ({"ignore_class": 0, "from_logits": True}, [0.9418578, 1.2078692, 2.8255734, 3.6236076]),
    ],
)
def test_an_ignored_class_is_masked(settings: dict[str, Any], expected: list[float]) -> None:
    classes = T.argmax(axis=-1)
    found = [
        losses.SparseCategoricalCrossentropy(reduction=reduction, **settings)(classes, Y, weight)
        for reduction in ("mean", "sum")
        for weight in (None, W)
    ]
    assert found == pytest.approx(expected, rel=1e-5)
    loss = losses.SparseCategoricalCrossentropy(**settings)
    dy = loss.backward(loss.forward(Y, classes)[1])
    np.testing.assert_array_equal((dy == 0).all(axis=-1), classes == settings["ignore_class"])
    renamed = np.where(classes == settings["ignore_class"], -7, classes)  # a number of no class
    settings = settings | {"ignore_class": -7}
    assert losses.SparseCategoricalCrossentropy(**settings)(renamed, Y) == pytest.approx(expected[0], rel=1e-5)


# At kinks and edges: the gradient of the values of one row, as a tf.GradientTape gave it for keras.losses.function.
KINKS: list[tuple[str, list[float], list[float], list[float]]] = [
    ("MeanAbsoluteError", [1, 2], [1, 3], [0, 1]),
    ("MeanAbsolutePercentageError", [1, 2, 0], [1, 3, 0], [0, 50, 0]),
    ("Hinge", [1, -1], [1, -1], [-1, 1]),
    ("Huber", [0, 0], [1, 0], [1, 0]),
    ("CategoricalHinge", [1, 0, 0], [2, 1, 1], [-1, 0.5, 0.5]),
    ("CategoricalHinge", [1, 0, 0], [0, 0, 0], [-1, 1 / 3, 1 / 3]),
    ("MeanSquaredLogarithmicError", [1, 1, 1], [1e-7, 0, -1], [-1.386294, 0, 0]),
    ("KLDivergence", [0.5, 0.5, 0.2], [1e-7, 1, 1.5], [-5e6, -0.5, 0]),
    ("KLDivergence", [0.5, 0.5, 0], [0, 0.5, 0.5], [0, -1, -2e-7]),
    ("Poisson", [1, 2], [0, 1], [-9999999, -1]),
    ("CosineSimilarity", [1, 2], [0, 0], [-4472136, -8944272]),
    ("CosineSimilarity", [1, 2], [1e-8, 0], [-4472136, -8944272]),
    ("CosineSimilarity", [0, 0], [1, 0], [0, 0]),
    ("BinaryFocalCrossentropy", [1, 0], [1, 1], [0, 31.88477]),
    ("CategoricalFocalCrossentropy", [1, 0], [1, 0], [0, 0]),
]


@pytest.mark.parametrize(("name", "target", "y", "expected"), KINKS)
def test_gradients_at_kinks(name: str, target: list[float], y: list[float], expected: list[float]) -> None:
    dy = getattr(losses, name)().gradient(np.array([y], np.float32), np.array([target], np.float32))
    np.testing.assert_allclose(dy[0], expected, rtol=1e-5, atol=1e-7)


def test_hinges_take_labels_0_and_1_for_sides() -> None:
    y = np.array([[0.3, -0.4], [1.5, 0.2]])
    for name in ("hinge", "squared_hinge"):
        values = [getattr(losses, name)(labels, y) for labels in ([[0, 1], [1, 0]], [[-1, 1], [1, -1]])]
        np.testing.assert_array_equal(*values)
    # keras.losses.hinge([[0, 1], [0, -1]], [[0.3, 0.4], [0.1, 0.2]]): -1 is there, so 0 is 0
    np.testing.assert_allclose(losses.hinge([[0, 1], [0, -1]], [[0.3, 0.4], [0.1, 0.2]]), [0.8, 1.1], rtol=1e-6)


def test_a_mask_is_not_rescaled_in_a_sum() -> None:
    mask, weight = np.array([True, False, True, True]), np.array([1.0, 2.0, 3.0, 4.0])
    for reduction, expected in (("sum", [1, 0, 3, 4]), ("mean_with_sample_weight", [1, 0, 3, 4])):
        np.testing.assert_array_equal(weight_of(mask, weight, reduction, np.float64), expected)
    np.testing.assert_allclose(weight_of(mask, weight, "mean", np.float64), np.array([1, 0, 3, 4]) * 4 / 3)
