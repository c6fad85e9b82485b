"""Padding does not count, and weights do: in the loss, its gradients, metrics and validation.

The numbers of the tables are those of Keras 3.15.1 on TensorFlow, in float32, in batches of 3 and 4, so that the last
batch of `SEQUENCES` is padding alone.
"""

from typing import Any

import numpy as np
import pytest

from scratchnn import Sequential
from scratchnn.layers import LSTM, Activation, Bidirectional, Dense, Dropout, Embedding, GlobalMaxPooling1D, SimpleRNN
from scratchnn.losses import Loss
from scratchnn.metrics import MeanMetric
from scratchnn.optimizers import SGD
from tests.parity.cases import uniform

SEQUENCES = np.array([[1, 2, 0, 0], [3, 4, 5, 6], [7, 0, 0, 0], [0, 0, 0, 0]])
REAL = SEQUENCES != 0
CLASSES = np.array([[0, 1, 2, 0], [1, 1, 2, 0], [2, 0, 0, 0], [1, 2, 0, 1]])
STEP_WEIGHTS = np.array([[1, 2, 3, 4], [0.5, 0, 1, 1], [2, 1, 1, 1], [1, 1, 1, 1]])
LABELS = np.array([[1, 0, 0, 0], [0, 1, 1, 0], [1, 1, 0, 0], [0, 1, 0, 1]], "float32")[..., None]

# the last layer, the loss, the targets; what fit reports without and with weights, and Σ |weights| after it
STEPS: dict[str, tuple[Any, ...]] = {
    "bce": (
        lambda: Dense(1, "sigmoid"), "binary_crossentropy", LABELS, ["accuracy", "mae"],
        {"loss": 0.8087133, "accuracy": 0.5714286, "mae": 0.4544813, "val_loss": 0.7774816, "val_mse": 0.3511641},
        44.748676,
        {"loss": 0.9124122, "accuracy": 0.5714286, "mse": 0.3832693, "val_loss": 0.8507849, "val_mse": 0.3660068},
        44.758697,
    ),
    "mse": (
        lambda: Dense(2), "mse", uniform("t", (4, 4, 2)), ["mae"],
        {"loss": 0.5356560, "mae": 0.6287790, "mse": 0.7142079, "val_loss": 0.4087373, "val_mae": 0.5364751},
        47.098667,
        {"loss": 0.6505934, "mae": 0.6287790, "mse": 0.8096273, "val_loss": 0.4380644, "val_mse": 0.5451468},
        47.118283,
    ),
    "sparse": (
        lambda: Dense(3, "softmax"), "sparse_categorical_crossentropy", CLASSES, ["accuracy"],
        {"loss": 1.0446898, "accuracy": 0.4285714, "val_loss": 0.9560714, "val_accuracy": 0.4285714},
        50.668339,
        {"loss": 0.9856843, "accuracy": 0.4285714, "val_loss": 0.8901435, "val_accuracy": 0.4285714},
        50.750454,
    ),
    "categorical": (
        lambda: Dense(3, "softmax"), "categorical_crossentropy", np.eye(3)[CLASSES], ["mae"],
        {"loss": 1.0446898, "mae": 0.4406841, "mse": 0.2745336, "val_loss": 0.9560714, "val_mse": 0.2575399},
        50.668339,
        {"loss": 0.9856843, "mae": 0.4406841, "mse": 0.2625771, "val_loss": 0.8901435, "val_mse": 0.2389568},
        50.750454,
    ),
}  # fmt: skip


def tagger(last: Any, loss: str, measured: list[str], **settings: Any) -> Sequential:
    layers = [Embedding(8, 4, mask_zero=True), SimpleRNN(5, return_sequences=True), last]
    model = Sequential(layers, seed=0, **settings)
    model.build((None, None))
    model.set_weights([uniform(f"w{i}", weight.shape) for i, weight in enumerate(model.get_weights())])
    weighted = [] if loss.startswith("sparse") else ["mse"]
    model.compile(SGD(0.1), loss, measured, weighted_metrics=weighted)
    return model


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("backend", ["reference", "cpu"])
@pytest.mark.parametrize("case", STEPS)
def test_steps_like_keras(case: str, backend: str, weighted: bool) -> None:
    last, loss, target, measured, plain, plain_sum, weighed, weighed_sum = STEPS[case]
    expected, total = (weighed, weighed_sum) if weighted else (plain, plain_sum)
    model = tagger(last(), loss, measured, backend=backend)
    weight = STEP_WEIGHTS if weighted else None
    data = (SEQUENCES, target) if weight is None else (SEQUENCES, target, weight)
    before = model.evaluate(SEQUENCES, target, 3, sample_weight=weight, verbose=0, return_dict=True)
    history = model.fit(
        *data[:2], batch_size=3, shuffle=False, validation_data=data, sample_weight=weight, verbose=0
    ).history
    for key, value in expected.items():
        assert history[key] == [pytest.approx(value, rel=1e-6)], key
    assert isinstance(before, dict) and before["loss"] == pytest.approx(expected["loss"], rel=1e-6)
    assert sum(np.abs(each).sum(dtype=float) for each in model.get_weights()) == pytest.approx(total, rel=1e-6)


EXAMPLES: dict[str, tuple[Any, ...]] = {
    "weights": (
        Dense(1, "sigmoid"), "bce", [0, 1, 1, 0, 1, 0, 0], {"sample_weight": [1, 2, 0, 0.5, 3, 1, 1]},
        {"loss": 0.8367504, "accuracy": 0.5714286, "mse": 0.2462455}, [0.8927796, 0.7486241],
    ),
    "classes": (
        Dense(1, "sigmoid"), "bce", [0, 1, 1, 0, 1, 0, 0], {"class_weight": {0: 0.5, 1: 2.0}},
        {"loss": 0.6426700, "accuracy": 0.5714286, "mse": 0.1868024}, [0.8979614, 0.7761360],
    ),
    "three classes": (
        Dense(3, "softmax"), "sparse_categorical_crossentropy", [0, 1, 2, 0, 1, 2, 2],
        {"class_weight": {0: 0.5, 1: 2.0}}, {"loss": 1.2872633, "accuracy": 0.5714286}, [-1.2783626, 1.6769236],
    ),
    "numbers": (
        Dense(2), "mse", uniform("y2", (7, 2)), {"sample_weight": np.array([[1], [2], [0], [0.5], [3], [1], [1]])},
        {"loss": 0.3744307, "mae": 0.6982324, "mse": 0.3083546}, [-1.3582592, 1.0943873],
    ),
}  # fmt: skip


@pytest.mark.parametrize("backend", ["reference", "cpu"])
@pytest.mark.parametrize("case", EXAMPLES)
def test_examples_like_keras(case: str, backend: str) -> None:
    layer, loss, target, weights, expected, sums = EXAMPLES[case]
    model = Sequential([layer.clone()], backend=backend, seed=0)
    model.build((None, 3))
    model.set_weights([uniform(f"w{i}", weight.shape) for i, weight in enumerate(model.get_weights())])
    weighted = ["mse"] if "mse" in expected else []
    model.compile(SGD(0.1), loss, ["mae"] if loss == "mse" else ["accuracy"], weighted_metrics=weighted)
    x, target = uniform("x2", (7, 3)), np.array(target)
    history = model.fit(x, target, 4, shuffle=False, verbose=0, **weights).history
    assert {key: value for key, (value,) in history.items()} == pytest.approx(expected, rel=2e-6)
    assert [weight.sum() for weight in model.get_weights()] == pytest.approx(sums, rel=1e-6)


def test_a_batch_of_padding_alone_has_no_loss_and_moves_nothing() -> None:
    model = tagger(Dense(1, "sigmoid"), "bce", ["accuracy"])
    before = model.get_weights()
    assert model.train_on_batch(SEQUENCES[3:], LABELS[3:]) == 0
    for weight, was in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, was)
    assert model.evaluate(SEQUENCES[3:], LABELS[3:], verbose=0) == [0, 0, 0]


@pytest.mark.parametrize("loss", ["bce", "mse", "sparse_categorical_crossentropy", "categorical_crossentropy"])
def test_padding_changes_nothing(loss: str) -> None:
    """Longer padding, and other targets in it: the same loss, metrics and gradients."""
    sparse, classes = loss.startswith("sparse"), "categorical" in loss
    target = CLASSES if sparse else np.eye(3)[CLASSES] if classes else LABELS
    other = target.copy()
    other[~REAL] = [1, 0, 0] if target.shape[-1] == 3 and not sparse else 1
    longer = np.pad(SEQUENCES, ((0, 0), (0, 3)))
    longer_target = np.pad(other, ((0, 0), (0, 3), (0, 0))[: other.ndim])
    longer_target[:, 4:] = [0, 1, 0] if target.shape[-1] == 3 and not sparse else 1
    results = []
    for x, t in ((SEQUENCES, target), (SEQUENCES, other), (longer, longer_target)):
        model = tagger(Dense(3, "softmax") if classes else Dense(1, "sigmoid"), loss, [], dtype="float64")
        model.fit(x, t, batch_size=2, verbose=0, shuffle=False)
        results.append([*model.get_weights(), np.array(model.evaluate(x, t, 2, verbose=0))])
    for each in results[1:]:
        for a, b in zip(results[0], each, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    "layers",
    [
        lambda: [LSTM(3, return_sequences=True), Dropout(0.0), Dense(1), Activation("sigmoid")],
        lambda: [Bidirectional(LSTM(3, return_sequences=True)), Dense(1, "sigmoid")],
        lambda: [Dense(1, "sigmoid")],
        lambda: [LSTM(1, activation="sigmoid", return_sequences=True)],
    ],
)
def test_the_mask_comes_through(layers: Any) -> None:
    model = Sequential([Embedding(8, 4, mask_zero=True), *layers()], seed=1)
    model.compile("sgd", "binary_crossentropy", ["accuracy"])
    loss, accuracy = np.array(model.evaluate(SEQUENCES, LABELS, verbose=0))
    p = np.clip(model.predict(SEQUENCES), 1e-7, 1 - 1e-7)
    wanted = -(LABELS * np.log(p) + (1 - LABELS) * np.log(1 - p))[REAL].mean()
    assert loss == pytest.approx(wanted, rel=1e-5)
    assert accuracy == pytest.approx(((p > 0.5) == LABELS)[REAL].mean())


def test_where_a_mask_ends_all_counts() -> None:
    model = Sequential([Embedding(8, 4, mask_zero=True), LSTM(3), Dense(1, "sigmoid")], seed=1)
    model.compile("sgd", "binary_crossentropy")
    model.build((None, 4))
    y, caches = model.forward(SEQUENCES)
    assert caches.mask is None and y.shape == (4, 1)
    pooled = Sequential([Embedding(8, 4, mask_zero=True), GlobalMaxPooling1D(), Dense(1)], seed=1)
    pooled.compile("sgd", "mse")
    with pytest.warns(UserWarning, match="cannot use the mask"):
        pooled.fit(SEQUENCES, LABELS[:, 0], verbose=0)


def test_a_weight_of_two_is_two_copies() -> None:
    """Of an example: its share of gradient and metrics; the loss stays a mean over the examples that were given."""
    x, y = uniform("x", (4, 3)), np.array([0, 1, 1, 0])
    models = []
    for rows, weight in ([0, 1, 2, 3], [1, 2, 0, 1]), ([0, 1, 1, 3], None):
        model = Sequential([Dense(1, "sigmoid")], seed=3, dtype="float64")
        model.compile("sgd", "bce", weighted_metrics=["mse", "accuracy"])
        history = model.fit(x[rows], y[rows], epochs=3, sample_weight=weight, shuffle=False, verbose=0).history
        models.append((history, model.get_weights()))
    (a, w), (b, v) = models
    for key in a:
        assert a[key] == pytest.approx(b[key], rel=1e-12), key
    for one, other in zip(w, v, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_weights_go_with_their_examples() -> None:
    """Shuffled, held out at the end, and in every step; a weight of 0 takes an example out of the gradients."""
    x, y = uniform("x", (40, 3)), (uniform("x", (40, 3))[:, 0] > 0).astype(float)
    weight = (np.arange(40) % 3 > 0).astype(float)
    poisoned = y.copy()
    poisoned[weight == 0] = 1 - poisoned[weight == 0]
    results = []
    for target in (y, poisoned):
        model = Sequential([Dense(1, "sigmoid")], seed=3)
        model.compile("adam", "bce", weighted_metrics=["accuracy"])
        history = model.fit(x, target, 7, 3, sample_weight=weight, validation_split=0.25, verbose=0).history
        results.append((history, [each.tobytes() for each in model.get_weights()]))
    assert results[0] == results[1]
    assert "val_accuracy" in results[0][0]


def test_metrics_and_weighted_metrics_of_one_name() -> None:
    model = Sequential([Dense(1)], seed=1)
    model.compile("sgd", "mse", ["mae"], weighted_metrics=["mae"])
    result = model.evaluate(np.ones((2, 3)), [0, 5], sample_weight=[1, 0], verbose=0, return_dict=True)
    y = float(model.predict(np.ones((1, 3)))[0, 0])
    assert isinstance(result, dict)
    assert result["mae"] == pytest.approx((abs(y) + abs(y - 5)) / 2) and result["weighted_mae"] == pytest.approx(abs(y))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sample_weight": [1, 2]}, r"sample_weight expects shape \(4,\), one weight per example, got \(2,\)"),
        ({"sample_weight": np.ones((4, 3))}, r"expects shape \(4,\).* got \(4, 3\)"),
        ({"sample_weight": [1, 2, np.nan, 1]}, "expects finite weights, got 1 that are not"),
        ({"sample_weight": ["a"] * 4}, "sample_weight must be an array of numbers, got dtype <U1, which is text"),
        ({"class_weight": {0: 1}, "sample_weight": [1] * 4}, "class_weight or sample_weight, not both"),
        ({"class_weight": {2: 1.0}}, r"a class in class_weight must be a whole number from 0 to 1, got 2"),
        ({"class_weight": {"a": 1.0}}, "a class in class_weight must be a whole number"),
        ({"class_weight": {0: np.inf}}, "expects a finite weight for class 0, .* got inf"),
        ({"class_weight": "balanced"}, r"class_weight expects a dict, \{class number: weight\}, got 'balanced'"),
        ({"validation_data": (1,)}, r"validation_data must be \(x, y\) or \(x, y, sample_weight\), got a tuple of 1"),
        ({"validation_data": np.ones((4, 3))}, r"validation_data must be .* got a ndarray"),
    ],
)
def test_bad_weights(arguments: dict[str, Any], message: str) -> None:
    model = Sequential([Dense(1, "sigmoid")], seed=1)
    model.compile("sgd", "bce")
    with pytest.raises((ValueError, TypeError), match=message):
        model.fit(np.ones((4, 3)), [0, 1, 1, 0], verbose=0, **arguments)


def test_classes_of_steps_are_refused() -> None:
    model = tagger(Dense(3, "softmax"), "sparse_categorical_crossentropy", [])
    with pytest.raises(ValueError, match=r"give sample_weight of shape \(N, T\) instead"):
        model.fit(SEQUENCES, CLASSES, class_weight={0: 2.0}, verbose=0)
    per_example = model.evaluate(SEQUENCES, CLASSES, sample_weight=[1, 1, 0, 0], verbose=0)
    first_two = model.evaluate(SEQUENCES[:2], CLASSES[:2], verbose=0)
    assert isinstance(per_example, float) and isinstance(first_two, float)
    assert 7 * per_example == pytest.approx(6 * first_two)  # over 7 real steps, over 6


def test_a_loss_that_cannot_weigh_says_so() -> None:
    class Bare(Loss):
        name = "bare"

        def forward(self, y: Any, target: Any) -> Any:  # type: ignore[override]
            return float(np.square(y - target).mean()), y - target

        def backward(self, cache: Any) -> Any:
            return 2 * cache / cache.size

    model = Sequential([Dense(1)], seed=1)
    model.compile("sgd", Bare())
    x, y = np.ones((4, 3)), np.arange(4)
    model.fit(x, y, verbose=0)
    for call in (model.fit, model.evaluate, model.train_on_batch):
        with pytest.raises(TypeError, match=r"Bare\.forward takes no weight, but a mask or sample weights"):
            call(x, y, sample_weight=[1, 2, 3, 4])


@pytest.mark.parametrize("name", ["loss", "gradient_norm", "seconds"])
def test_no_metric_hides_another_result(name: str) -> None:
    model = Sequential([Dense(1)], seed=1)
    with pytest.raises(ValueError, match=f"a metric called '{name}' would hide another result"):
        model.compile("sgd", "mse", [MeanMetric(name, lambda y_true, y_pred: y_pred[..., 0])])


def test_metrics_of_one_name_are_numbered_as_in_keras() -> None:
    model = Sequential([Dense(1)], seed=1)
    model.compile("sgd", "mse", ["mae", "mae", "mse"], weighted_metrics=["mae", "mape", "mae"])
    results = model.evaluate(np.ones((3, 2)), np.ones(3), verbose=0, return_dict=True)
    assert isinstance(results, dict)
    assert list(results) == ["loss", "mae", "mae_1", "mse", "weighted_mae", "mape", "weighted_mae_1"]
