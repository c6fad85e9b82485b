"""What is better, large or small: the model's metrics say so where mode="auto" asks, as in Keras."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratchnn import Sequential, losses, metrics
from scratchnn.callbacks import Callback, CallbackList, EarlyStopping, ModelCheckpoint, ReduceLROnPlateau
from scratchnn.layers import Dense
from scratchnn.metrics import AUC, Metric
from scratchnn.models.checkpoint import load_checkpoint, save_checkpoint
from scratchnn.training.progress import Progress

X = np.linspace(-1, 1, 40).reshape(20, 2)
LABELS = (X[:, 0] ** 2 > 0.3).astype(float)
# As `_set_monitor_op` of Keras 3.15.1 decides; tests/parity compares with it as it runs.
UP = [
    "AUC", "Precision", "Recall", "f1_score", "fbeta_score", "r2_score", "cosine_similarity", "acc", "accuracy",
    "binary_accuracy", "categorical_accuracy", "top_k_categorical_accuracy",
]  # fmt: skip
DOWN = [
    "mse", "mae", "mape", "msle", "hinge", "squared_hinge", "categorical_hinge", "kl_divergence", "poisson", "bce",
    "binary_crossentropy", "categorical_crossentropy", "RootMeanSquaredError", "LogCoshError", "loss",
]  # fmt: skip
NEITHER = ["TruePositives", "false_negatives", "true_negatives", "FalsePositives"]


class Own(Metric):
    """The largest output."""

    def __init__(self, name: str, direction: Any = None) -> None:
        super().__init__(name=name)
        self.largest = self.add_variable(())
        self.direction = direction

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        self.largest.assign(np.maximum(self.largest, y_pred.max()))

    def result(self) -> Any:
        return self.largest


class AsInKeras(Own):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._direction = "up"


def model_with(*given: Any, weighted: Any = None) -> Sequential:
    model = Sequential([Dense(1, activation="sigmoid")], seed=1, backend="reference")
    model.compile("sgd", "bce", list(given), weighted_metrics=weighted)
    return model


MAKE: list[Callable[..., Any]] = [
    EarlyStopping,
    ReduceLROnPlateau,
    lambda monitor, **given: ModelCheckpoint("m.npz", monitor, save_best_only=True, **given),
]


def decided(model: Any, name: str, make: Callable[..., Any] = EarlyStopping) -> str:
    callback = make(f"val_{name}")
    callback.set_model(model)
    try:
        callback.on_train_begin()
    except ValueError:
        return "neither"
    return callback.mode


@pytest.mark.parametrize(
    ("names", "expected"), [(UP, "max"), (DOWN, "min"), (NEITHER, "neither")], ids=["up", "down", "neither"]
)
@pytest.mark.parametrize("make", MAKE, ids=["stopping", "plateau", "checkpoint"])
def test_each_metric_says_it(names: list[str], expected: str, make: Callable[..., Any]) -> None:
    for name in names:
        assert decided(model_with(*([] if name == "loss" else [name])), name, make) == expected, name


def own_function(y_true: Any, y_pred: Any) -> Any:
    return abs(y_true - y_pred)[..., 0]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("auc", "max"),
        ("auc_1", "max"),
        ("weighted_auc", "max"),
        ("at", "max"),
        ("huber_loss", "min"),
        ("log_cosh", "min"),
        ("cosine_similarity", "min"),  # the function is the loss's, the negative of the cosine
        ("wrapped", "min"),
        ("own", "neither"),
        ("own_up", "max"),
        ("own_error", "max"),  # what the metric says comes before what its name looks like
        ("own_down", "min"),
        ("own_function", "neither"),
        ("elsewhere", "neither"),
        ("some_error", "min"),  # a number of another callback, by its name
    ],
)
def test_objects_functions_and_ones_own(name: str, expected: str) -> None:
    model = model_with(
        AUC(name="auc"), AUC(name="auc"), metrics.PrecisionAtRecall(0.5, name="at"), losses.Huber(), losses.log_cosh,
        losses.cosine_similarity, metrics.MeanMetricWrapper(losses.hinge, name="wrapped"), Own("own"),
        Own("own_up", "up"), AsInKeras("own_error"), Own("own_down", "down"), own_function,
        weighted=[AUC(name="auc")],
    )  # fmt: skip
    assert decided(model, name) == expected


def test_a_model_is_trained_by_it(tmp_path: Path) -> None:
    """The best epoch is the one of the largest AUC, for all three alike."""
    x = np.random.default_rng(0).normal(size=(40, 2))
    y = (x[:, 0] + x[:, 1] > 0).astype(float)
    given: dict[str, Any] = {"validation_data": (x, y), "verbose": 0, "epochs": 12, "batch_size": 4}
    stopping = EarlyStopping(monitor="val_auc", patience=20)
    checkpoint = ModelCheckpoint(tmp_path / "m.npz", "val_auc", save_best_only=True)
    plateau = ReduceLROnPlateau("val_auc", patience=20)
    history = model_with(AUC(name="auc")).fit(x, y, callbacks=[stopping, checkpoint, plateau], **given).history
    best = max(history["val_auc"])
    assert best > min(history["val_auc"])
    assert stopping.best == checkpoint.best == plateau.best == best
    assert stopping.best_epoch == history["val_auc"].index(best)


@pytest.mark.parametrize("make", MAKE, ids=["stopping", "plateau", "checkpoint"])
def test_what_nothing_decides_is_refused_before_the_first_epoch(make: Callable[..., Any]) -> None:
    model = model_with("AUC", Own("bleu"))
    model.build((None, 2))
    before = [weight.copy() for weight in model.get_weights()]
    with pytest.raises(ValueError, match=r"'val_bleu' is better .* or mode='max', or watch one of loss, AUC"):
        model.fit(X, LABELS, verbose=0, validation_split=0.5, callbacks=make("val_bleu"))
    assert all(map(np.array_equal, before, model.get_weights()))
    callback = make("val_bleu", mode="max")
    callback.set_model(model)
    callback.on_train_begin()
    assert callback.mode == "max"


def test_a_checkpoint_knows_what_was_decided(tmp_path: Path) -> None:
    class Interrupt(Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            if epoch == 2:
                raise KeyboardInterrupt

    def fit(model: Any, progress: Progress, *others: Callback) -> EarlyStopping:
        stopping = EarlyStopping("auc", patience=20)
        model.fit(X, LABELS, epochs=4, verbose=0, callbacks=[stopping, *others], progress=progress)
        return stopping

    expected = fit(model_with(AUC(name="auc")), Progress())
    model, progress = model_with(AUC(name="auc")), Progress()
    with pytest.raises(KeyboardInterrupt):
        fit(model, progress, Interrupt())
    save_checkpoint(model, progress, tmp_path / "a.npz")
    found = fit(*load_checkpoint(tmp_path / "a.npz"))
    assert (found.best, found.best_epoch, found.mode) == (expected.best, expected.best_epoch, "max")


def test_a_loop_of_ones_own_asks_the_model_too() -> None:
    model = model_with(AUC(name="auc"))
    stopping = EarlyStopping("auc")
    CallbackList([stopping], model=model).on_train_begin()
    assert stopping.mode == "max"


def test_a_checkpoint_that_begins_to_watch_later_asks_then() -> None:
    callback = ModelCheckpoint("m.npz", "val_auc")
    callback.set_model(model_with(AUC(name="auc")))  # type: ignore[arg-type]
    callback.on_train_begin()
    assert callback.mode is None
    callback.save_best_only = True
    assert callback.mode == "max"


def test_nothing_is_guessed_where_on_train_begin_was_replaced() -> None:
    class Replaced(EarlyStopping):
        def on_train_begin(self, logs: Any = None) -> None: ...

    with pytest.raises(ValueError, match="Stopping cannot tell whether 'auc' is better large or small"):
        model_with(AUC(name="auc")).fit(X, LABELS, verbose=0, callbacks=[Replaced("auc")])
