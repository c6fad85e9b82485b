"""Losses and metrics against Keras as it runs here: values, gradients, reductions, and whole models."""

import inspect
from typing import Any

import numpy as np
import pytest

from scratchnn import Sequential, layers, losses, metrics, optimizers
from scratchnn.callbacks import EarlyStopping
from scratchnn.losses import weight_of, weighted
from tests.metrics.accuracy_cases import CASES as ACCURACIES
from tests.metrics.accuracy_cases import Case as AccuracyCase

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.long]
tf: Any
keras: Any


@pytest.fixture(autouse=True, scope="module")
def import_them(frameworks: tuple[Any, Any]) -> None:
    global tf, keras
    tf, keras = frameworks


N, C = 12, 4
RNG = np.random.default_rng(0)
NUMBERS = RNG.normal(size=(N, C)).astype(np.float32)
OTHERS = NUMBERS[::-1].copy()
PROBABILITIES = RNG.dirichlet(np.ones(C), N).astype(np.float32)
LABELS = RNG.integers(0, 2, (N, C)).astype(np.float32)
CLASSES = RNG.integers(0, C, N)
ROWS = np.eye(C, dtype=np.float32)[CLASSES]
ONE, ONE_LABEL = RNG.uniform(0, 1, (N, 1)).astype(np.float32), RNG.integers(0, 2, (N, 1)).astype(np.float32)
ONE[:5] = [[0], [1], [0.5], [0.25], [0.75]]  # on thresholds
STEPS = RNG.uniform(0, 1, (N, 5, 3)).astype(np.float32)
STEP_LABELS = RNG.integers(0, 2, STEPS.shape).astype(np.float32)
WEIGHTS, STEP_WEIGHTS = RNG.uniform(0, 2, N).astype(np.float32), RNG.uniform(0, 2, (N, 5)).astype(np.float32)

Case = tuple[str, dict[str, Any], Any, Any]
LOSSES: list[Case] = [
    ("MeanSquaredError", {}, NUMBERS, OTHERS),
    ("MeanAbsoluteError", {}, NUMBERS, OTHERS),
    ("MeanAbsolutePercentageError", {}, NUMBERS, OTHERS),
    ("MeanSquaredLogarithmicError", {}, NUMBERS, abs(OTHERS)),
    ("Huber", {}, NUMBERS, 2 * OTHERS),
    ("Huber", {"delta": 0.3}, NUMBERS, OTHERS),
    ("LogCosh", {}, NUMBERS, OTHERS),
    ("CosineSimilarity", {}, NUMBERS, OTHERS),
    ("Hinge", {}, NUMBERS, LABELS),
    ("Hinge", {}, NUMBERS, 2 * LABELS - 1),
    ("SquaredHinge", {}, NUMBERS, LABELS),
    ("CategoricalHinge", {}, NUMBERS, ROWS),
    ("KLDivergence", {}, PROBABILITIES, PROBABILITIES[::-1].copy()),
    ("Poisson", {}, PROBABILITIES, 3 * LABELS),
]
for logits in (False, True):
    y = NUMBERS if logits else PROBABILITIES
    for smoothing in (0.0, 0.2):
        settings = {"from_logits": logits, "label_smoothing": smoothing}
        LOSSES += [
            ("BinaryCrossentropy", settings, y, LABELS),
            ("CategoricalCrossentropy", settings, y, ROWS),
            ("BinaryFocalCrossentropy", settings, y, LABELS),
            ("CategoricalFocalCrossentropy", settings | {"gamma": 1.5}, y, ROWS),
        ]
    balanced = {"apply_class_balancing": True, "alpha": 0.3, "gamma": 1.5, "from_logits": logits}
    LOSSES.append(("BinaryFocalCrossentropy", balanced, y, LABELS))
    for ignored in (None, int(CLASSES[0])):
        settings = {"from_logits": logits, "ignore_class": ignored}
        LOSSES.append(("SparseCategoricalCrossentropy", settings, y, CLASSES))


@pytest.mark.parametrize("weight", [None, WEIGHTS, np.zeros_like(WEIGHTS)], ids=["bare", "weights", "zeros"])
@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", "none", None])
@pytest.mark.parametrize("case", LOSSES, ids=lambda case: f"{case[0]} {case[1]}")
def test_losses(case: Case, reduction: Any, weight: Any) -> None:
    name, settings, y, target = case
    variable = tf.Variable(y)
    with tf.GradientTape() as tape:
        value = getattr(keras.losses, name)(reduction=reduction, **settings)(target, variable, sample_weight=weight)
    loss = getattr(losses, name)(reduction=reduction, **settings)
    np.testing.assert_allclose(loss(target, y, weight), value, rtol=2e-5, atol=1e-6)
    if reduction not in ("none", None):
        checked = loss.validate(y.shape, target)
        counts = weight_of(loss.mask_of(checked), weight, reduction, np.float32)
        dy = loss.backward(weighted(loss, y, checked, counts)[1])
        np.testing.assert_allclose(dy, tape.gradient(value, variable), rtol=1e-4, atol=1e-6)


METRICS: list[tuple[str, dict[str, Any], Any, Any, Any]] = []
for name in ("Precision", "Recall", "TruePositives", "FalsePositives", "TrueNegatives", "FalseNegatives"):
    for thresholds in (None, 0.3, [0.2, 0.5, 0.7], [0.0, 0.25, 0.5, 0.75, 1.0]):
        METRICS += [
            (name, {"thresholds": thresholds}, ONE, ONE_LABEL, WEIGHTS),
            (name, {"thresholds": thresholds}, PROBABILITIES, LABELS, WEIGHTS),
            (name, {"thresholds": thresholds}, STEPS, STEP_LABELS, STEP_WEIGHTS),
        ]
for settings in ({"class_id": 2}, {"top_k": 2}, {"top_k": 2, "class_id": 1}, {"thresholds": 0.2, "top_k": 3}):
    METRICS += [(name, settings, PROBABILITIES, LABELS, WEIGHTS) for name in ("Precision", "Recall")]
for curve in ("ROC", "PR", "PRGAIN"):
    for method in ("interpolation", "majoring", "minoring"):
        for thresholds in (
            {},
            {"num_thresholds": 7},
            {"thresholds": [0.3, 0.1, 0.8]},
            {"thresholds": [0.25, 0.5, 0.75]},
        ):
            settings = {"curve": curve, "summation_method": method, **thresholds}
            METRICS += [
                ("AUC", settings, ONE, ONE_LABEL, WEIGHTS),
                ("AUC", settings, STEPS, STEP_LABELS, STEP_WEIGHTS),
                ("AUC", {"multi_label": True, **settings}, PROBABILITIES, LABELS, WEIGHTS),
            ]
METRICS += [
    ("AUC", {"from_logits": True}, NUMBERS, LABELS, WEIGHTS),
    ("AUC", {"label_weights": [0.1, 0.2, 0.3, 0.4]}, PROBABILITIES, LABELS, WEIGHTS),
    ("AUC", {"label_weights": [0.1, 0.2, 0.3, 0.4], "multi_label": True}, PROBABILITIES, LABELS, WEIGHTS),
]
for average in (None, "micro", "macro", "weighted"):
    for threshold in (None, 0.3):
        settings = {"average": average, "threshold": threshold}
        METRICS += [
            ("F1Score", settings, PROBABILITIES, LABELS, WEIGHTS),
            ("F1Score", settings, ONE, ONE_LABEL, WEIGHTS),
            ("FBetaScore", {**settings, "beta": 2.0}, PROBABILITIES, ROWS, WEIGHTS),
        ]
for name in ("SensitivityAtSpecificity", "SpecificityAtSensitivity", "PrecisionAtRecall", "RecallAtPrecision"):
    wanted = name.split("At")[1].lower()
    for value, settings in ((0.6, {}), (0.5, {"num_thresholds": 1}), (0.9, {"num_thresholds": 20})):
        METRICS.append((name, {wanted: value, **settings}, ONE, ONE_LABEL, WEIGHTS))
    METRICS.append((name, {wanted: 0.3, "class_id": 1}, PROBABILITIES, LABELS, WEIGHTS))
for aggregation in (None, "uniform_average", "variance_weighted_average"):
    METRICS.append(("R2Score", {"class_aggregation": aggregation}, NUMBERS, OTHERS, WEIGHTS))
for name, target in (("MeanSquaredError", OTHERS), ("MeanAbsoluteError", OTHERS), ("LogCoshError", OTHERS)):
    METRICS += [(name, {}, NUMBERS, target, WEIGHTS), (name, {}, STEPS, STEP_LABELS, STEP_WEIGHTS)]
METRICS += [
    ("MeanAbsolutePercentageError", {}, NUMBERS, OTHERS, WEIGHTS),
    ("MeanSquaredLogarithmicError", {}, PROBABILITIES, LABELS, WEIGHTS),
    ("CosineSimilarity", {}, STEPS, STEP_LABELS, STEP_WEIGHTS),
    ("RootMeanSquaredError", {}, STEPS, STEP_LABELS, STEP_WEIGHTS),
    ("RootMeanSquaredError", {}, ONE, ONE_LABEL[:, 0], WEIGHTS),
    ("Hinge", {}, NUMBERS, LABELS, WEIGHTS),
    ("SquaredHinge", {}, NUMBERS, 2 * LABELS - 1, WEIGHTS),
    ("CategoricalHinge", {}, NUMBERS, ROWS, WEIGHTS),
    ("KLDivergence", {}, PROBABILITIES, ROWS, WEIGHTS),
    ("Poisson", {}, PROBABILITIES, LABELS, WEIGHTS),
    ("BinaryCrossentropy", {}, ONE, ONE_LABEL, WEIGHTS),
    ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, NUMBERS, LABELS, WEIGHTS),
    ("CategoricalCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, NUMBERS, ROWS, WEIGHTS),
    ("SparseCategoricalCrossentropy", {}, PROBABILITIES, CLASSES, WEIGHTS),
    ("Accuracy", {}, LABELS, LABELS[::-1].copy(), WEIGHTS),
    ("BinaryAccuracy", {}, ONE, ONE_LABEL[:, 0], WEIGHTS),
    ("BinaryAccuracy", {"threshold": 0.3}, STEPS, STEP_LABELS, STEP_WEIGHTS),
    ("CategoricalAccuracy", {}, PROBABILITIES, ROWS, WEIGHTS),
    ("SparseCategoricalAccuracy", {}, PROBABILITIES, CLASSES[:, None], WEIGHTS),
    ("TopKCategoricalAccuracy", {"k": 2}, PROBABILITIES, ROWS, WEIGHTS),
    ("SparseTopKCategoricalAccuracy", {"k": 3}, PROBABILITIES, CLASSES, WEIGHTS),
]


@pytest.mark.parametrize("weighs", [False, True])
@pytest.mark.parametrize("case", METRICS, ids=lambda case: f"{case[0]} {case[1]}")
def test_metrics(case: Any, weighs: bool) -> None:
    name, settings, y, target, weight = case
    theirs, ours = getattr(keras.metrics, name)(**settings), getattr(metrics, name)(**settings)
    for rows in (slice(0, 5), slice(5, None)):
        for metric in (theirs, ours):
            metric.update_state(target[rows], y[rows], weight[rows] if weighs else None)
    expected = np.asarray(keras.ops.convert_to_numpy(theirs.result()))
    assert np.shape(ours.result()) == expected.shape
    np.testing.assert_allclose(ours.result(), expected, rtol=3e-5, atol=2e-5)  # Keras adds up in float32


@pytest.mark.parametrize("module", ["losses", "metrics"])
def test_signatures(module: str) -> None:
    ours, theirs = {"losses": losses, "metrics": metrics}[module], getattr(keras, module)
    shared = [name for name in ours.__all__ if hasattr(theirs, name) and name not in ("get", "Loss", "Metric")]
    assert len(shared) > 30
    for name in shared:
        found, expected = (
            [(each.name, each.default) for each in inspect.signature(getattr(where, name)).parameters.values()]
            for where in (ours, theirs)
        )
        assert found == expected or not isinstance(getattr(ours, name), type), name


@pytest.mark.parametrize("case", ACCURACIES, ids=[f"{c.loss} {c.y.shape} {c.target.shape}" for c in ACCURACIES])
def test_accuracy_is_chosen_as_keras_chooses_it(case: AccuracyCase) -> None:
    width = case.y.shape[-1]
    models = [
        kind([where.Input(case.y.shape[1:]), where.Dense(width)])
        for kind, where in ((keras.Sequential, keras.layers), (Sequential, layers))
    ]
    found = []
    for model, rule in zip(models, (keras.optimizers.SGD, optimizers.SGD), strict=True):
        model.set_weights([np.eye(width), np.zeros(width)])
        model.compile(rule(1e-9), case.loss, metrics=["accuracy"], weighted_metrics=["acc"])
        settings = {"verbose": 0, "sample_weight": case.weight}
        measured = model.evaluate(case.y, case.target, batch_size=8, return_dict=True, **settings)
        history = model.fit(case.y, case.target, batch_size=8, shuffle=False, **settings).history
        once = model.test_on_batch(case.y, case.target, sample_weight=case.weight, return_dict=True)
        found.append([each[key] for each in (measured, once) for key in ("accuracy", "acc")])
        found[-1] += [history[key][0] for key in ("accuracy", "acc")]
    np.testing.assert_allclose(found[1], found[0], rtol=1e-5)
    np.testing.assert_allclose(found[1], [case.bare, case.weighted] * 3, atol=1e-5)


def test_what_is_of_keras_is_refused_by_compile() -> None:
    class Own(keras.metrics.Metric):
        pass

    given = (
        keras.metrics.MeanAbsoluteError(),
        keras.metrics.AUC,
        keras.losses.Huber(),
        keras.losses.mean_squared_error,
    )
    for each in (*given, Own(), keras.metrics.binary_accuracy):
        for settings in ({"metrics": [each]}, {"weighted_metrics": [each]}):
            with pytest.raises(TypeError, match=r"is of keras, and .* tensors: (give|derive one from) scratchnn"):
                Sequential([layers.Dense(1)]).compile("sgd", "mse", **settings)
    model = Sequential([layers.Input((4,)), layers.Dense(1)])
    model.compile("sgd", "mse", [lambda y_true, y_pred: keras.ops.mean(abs(y_true - y_pred), axis=-1)])
    with pytest.raises(TypeError, match="one value for each example, or one number, got <tf"):
        model.evaluate(NUMBERS, ONE_LABEL, verbose=0)


DIRECTED = (
    "AUC", "acc", "mse", "mae", "mape", "msle", "binary_accuracy", "kl_divergence", "poisson", "hinge", "squared_hinge",
    "LogCoshError", "root_mean_squared_error", "r2_score", "Precision", "recall", "f1_score",
    "binary_crossentropy", "true_positives", "false_negatives",
)  # fmt: skip


def test_what_is_better_large_or_small() -> None:
    """Of metrics by their names, of objects without one, of functions and losses, weighted and not."""

    def own(y_true: Any, y_pred: Any) -> Any:
        return abs(y_true - y_pred)[..., 0]

    theirs = keras.Sequential, keras.layers, keras.losses, keras.metrics, keras.callbacks.EarlyStopping
    found = []
    for kind, of_layers, of_losses, module, watching in (theirs, (Sequential, layers, losses, metrics, EarlyStopping)):
        model = kind([of_layers.Input((4,)), of_layers.Dense(1, activation="sigmoid")])
        given = [of_losses.cosine_similarity, of_losses.Huber(), module.binary_accuracy, own]
        given += [
            module.AUC(name="auc"),
            module.CosineSimilarity(name="cosine"),
            module.SensitivityAtSpecificity(0.5, name="s"),
        ]
        given += [module.MeanMetricWrapper(of_losses.mean_squared_error, name="w")]
        model.compile("sgd", "mse", metrics=[*DIRECTED, *given], weighted_metrics=["MAE", "recall"])
        decided = {}
        for name in model.fit(NUMBERS, ONE_LABEL, verbose=0).history:
            callback = watching(monitor=f"val_{name}")
            callback.set_model(model)
            try:
                if kind is Sequential:
                    callback.on_train_begin()
                    decided[name] = {"max": "greater", "min": "less"}[callback.mode]
                else:
                    callback._set_monitor_op()
                    decided[name] = callback.monitor_op.__name__
            except ValueError:
                decided[name] = "refused"
        found.append(decided)
    expected, got = found
    assert sorted(set(expected.values())) == ["greater", "less", "refused"] and len(expected) == len(DIRECTED) + 11
    assert expected["weighted_recall"] == "refused"  # a name that Keras gives, and does not find again
    assert {**expected, "weighted_recall": "greater"} == got


IDS = RNG.integers(1, 5, (11, 4))
PADDED = np.where(np.arange(4) >= RNG.integers(1, 5, (11, 1)), 0, IDS)
W = RNG.uniform(0, 2, (11, 4)).astype(np.float32)
ASKED = ("mse", "binary_crossentropy", "acc", "hinge", "RootMeanSquaredError", "AUC", "Precision")


@pytest.mark.parametrize("weighs", [False, True])
@pytest.mark.parametrize(
    ("name", "settings", "width"),
    [
        ("BinaryCrossentropy", {"label_smoothing": 0.1}, 1),
        ("BinaryCrossentropy", {"reduction": "sum"}, 1),
        ("BinaryCrossentropy", {"reduction": "mean_with_sample_weight"}, 1),
        ("BinaryFocalCrossentropy", {}, 1),
        ("MeanAbsoluteError", {"reduction": "sum"}, 1),
        ("Huber", {"delta": 0.2}, 1),
        ("SparseCategoricalCrossentropy", {"ignore_class": -1}, 3),
    ],
)
def test_masked_models_train_and_measure(name: str, settings: dict[str, Any], width: int, weighs: bool) -> None:
    activation = "sigmoid" if width == 1 else "softmax"
    parts = [("Embedding", (5, 3)), ("SimpleRNN", (4,)), ("Dense", (width, activation))]
    extra = [{"mask_zero": True}, {"return_sequences": True}, {}]
    theirs, ours = (
        kind([getattr(where, layer)(*args, **more) for (layer, args), more in zip(parts, extra, strict=True)])
        for kind, where in ((keras.Sequential, keras.layers), (Sequential, layers))
    )
    theirs.build((None, 4))
    ours.build((None, 4))
    ours.set_weights(theirs.get_weights())
    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, (11, 4, 1)).astype(np.float32) if width == 1 else rng.integers(-1, 3, (11, 4))
    asked = ASKED if width == 1 else ["acc"]
    weights = W if weighs else None
    results = []
    for model, module in ((theirs, keras.losses), (ours, losses)):
        model.compile("sgd", getattr(module, name)(**settings), metrics=asked, weighted_metrics=asked)
        found = model.evaluate(PADDED, y, batch_size=4, verbose=0, return_dict=True, sample_weight=weights)
        fit = {"batch_size": 4, "epochs": 2, "verbose": 0, "shuffle": False, "sample_weight": weights}
        results.append((found, model.fit(PADDED, y, **fit).history))
    for expected, got in zip(*results, strict=True):
        assert set(got) == set(expected)
        for key in got:
            np.testing.assert_allclose(got[key], expected[key], rtol=2e-4, atol=1e-5, err_msg=key)
