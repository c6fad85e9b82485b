"""Losses as users write them: names, objects, functions, settings, and what is refused."""

import inspect
from typing import Any

import numpy as np
import pytest

from scratchnn import Sequential, load_model, losses
from scratchnn.layers import Dense
from scratchnn.losses import LOSSES, Loss

X, LABELS = np.linspace(-1, 1, 12).reshape(6, 2), np.array([0, 1, 1, 0, 1, 0])


@pytest.mark.parametrize(
    ("spellings", "kind"),
    [
        (("mae", "MAE", "mean_absolute_error", "MeanAbsoluteError"), losses.MeanAbsoluteError),
        (("mape", "MAPE"), losses.MeanAbsolutePercentageError),
        (("msle", "MSLE"), losses.MeanSquaredLogarithmicError),
        (("kld", "KLD", "kl_divergence", "KLDivergence"), losses.KLDivergence),
        (("bce", "BCE"), losses.BinaryCrossentropy),
        (("huber", "Huber"), losses.Huber),
        (("log_cosh", "LogCosh"), losses.LogCosh),
        (("binary_focal_crossentropy", "BinaryFocalCrossentropy"), losses.BinaryFocalCrossentropy),
    ],
)
def test_names_of_keras(spellings: tuple[str, ...], kind: type) -> None:
    assert {losses.get(name) for name in spellings} == {kind()}


def test_a_function_of_the_module_is_its_loss() -> None:
    model = Sequential([Dense(1, activation="sigmoid")], seed=1)
    for function in (losses.binary_crossentropy, losses.mse, losses.huber):
        model.compile("sgd", function)
        assert model.loss == losses.get(function.__name__)
    np.testing.assert_allclose(losses.mse([[1.0, 2.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 3.0]]), [2.5, 4.5])
    assert losses.mse([1.0, 2.0], [[0.0], [0.0]]).shape == (2,)


def test_settings_stand_where_keras_has_them() -> None:
    assert losses.Huber(0.5, "sum").reduction == "sum"
    assert losses.BinaryCrossentropy(True, 0.1, -1, "sum", "name").label_smoothing == 0.1
    assert losses.SparseCategoricalCrossentropy(True, 3, "sum").ignore_class == 3
    for kind in set(LOSSES.values()):
        assert [*inspect.signature(kind).parameters][-1] == "dtype"


@pytest.mark.parametrize("reduction", [None, "none"])
def test_without_a_reduction_there_is_a_number_for_each_row(reduction: Any) -> None:
    loss = losses.MeanAbsoluteError(reduction)
    np.testing.assert_allclose(loss([[1.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 4.0]], [1.0, 0.5]), [0.5, 1.0])
    with pytest.raises(ValueError, match="training needs one for all: 'sum_over_batch_size', 'sum' or"):
        Sequential([Dense(1)]).compile("sgd", loss)


def test_a_call_has_the_order_of_keras() -> None:
    assert losses.BinaryCrossentropy()([1.0], [0.25]) == pytest.approx(np.log(4), rel=1e-6)
    assert losses.MeanSquaredError()([0.0, 0.0], [[1.0], [3.0]], sample_weight=[1.0, 0.0]) == 0.5
    with pytest.raises(ValueError, match=r"sample_weight must have the first axes of y_pred, of shape \(2, 1\), got"):
        losses.MeanSquaredError()([0.0, 0.0], [[1.0], [3.0]], sample_weight=[1.0, 0.0, 2.0])


def test_a_loss_remembers_its_settings_in_a_file(tmp_path: Any) -> None:
    for loss in (losses.Huber(0.3, "sum", "mine"), losses.BinaryCrossentropy(label_smoothing=0.1), losses.Poisson()):
        assert losses.get(loss.get_config()) == loss and losses.get(loss.get_config()).name == loss.name
        assert type(loss).from_config(loss.get_config()) == loss
        model = Sequential([Dense(1, activation="sigmoid")], seed=1)
        model.compile("sgd", loss)
        model.fit(X, LABELS, verbose=0)
        model.save(tmp_path / "model.npz", overwrite=True)
        assert load_model(tmp_path / "model.npz").loss == loss


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: losses.MeanSquaredError(reduction="average"),
            "reduction must be one of 'sum_over_batch_size', 'mean'",
        ),
        (
            lambda: losses.MeanSquaredError(dtype="float16"),
            "dtype='float16' is refused: a loss computes in the dtype of the model's outputs",
        ),
        (lambda: losses.CosineSimilarity(axis=0), "axis=0 is refused: classes are the last axis"),
        (lambda: losses.BinaryCrossentropy(label_smoothing=2), "label_smoothing must be a share from 0 to 1, got 2"),
        (lambda: losses.Huber(delta=0), "delta must be a number above 0, got 0"),
        (lambda: losses.SparseCategoricalCrossentropy(ignore_class=1.5), "ignore_class must be a whole number"),
        (lambda: losses.CategoricalFocalCrossentropy(alpha=[0.1, 0.9]), "alpha must be one number for all classes"),
        (lambda: losses.hinge([1, 2], [1.0, 2.0, 3.0]), r"hinge expects targets of shape \(3,\), got \(2,\)"),
        (lambda: losses.kl_divergence([[2, 3]], [[0.5, 0.5]]), "kl_divergence expects labels 0 or 1, or probabilities"),
        (lambda: losses.categorical_hinge([0], [[0.5, 0.5]]), "categorical_hinge expects targets of shape"),
    ],
)
def test_what_is_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


class Called(Loss):
    def __init__(self) -> None:
        super().__init__("called")


def own(y_true: Any, y_pred: Any) -> Any:
    return y_true - y_pred


@pytest.mark.parametrize(("loss", "what"), [(own, "the function own"), (Called(), "the loss Called")])
def test_a_loss_of_ones_own_needs_its_derivative(loss: Any, what: str) -> None:
    with pytest.raises(TypeError, match=f"{what} has no derivative, .* define values"):
        Sequential([Dense(1)]).compile("sgd", loss)


class Squared(Loss):
    """As one writes it for Keras, but for the derivative."""

    def __init__(self, factor: float, name: str | None = None, reduction: str = "sum_over_batch_size") -> None:
        super().__init__(name, reduction)
        self.factor = factor

    def values(self, y: Any, target: Any) -> Any:
        return self.factor * (y - target) ** 2

    def gradient(self, y: Any, target: Any) -> Any:
        return 2 * self.factor * (y - target)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}


def test_a_loss_of_ones_own_has_reductions_and_comes_back(tmp_path: Any) -> None:
    assert Squared(2.0)([0.0, 0.0], [[1.0], [3.0]]) == 10 and Squared(2.0).name == "squared"
    assert Squared(2.0, reduction="sum")([0.0, 0.0], [[1.0], [3.0]]) == 20
    model = Sequential([Dense(1)], seed=1)
    model.compile("sgd", Squared(0.5, reduction="sum"))
    model.fit(X, LABELS, verbose=0)
    with pytest.warns(UserWarning, match="Squared by name only"):
        model.save(tmp_path / "model.npz")
    loaded = load_model(tmp_path / "model.npz", custom_objects={"Squared": Squared}).loss
    assert isinstance(loaded, Squared) and (loaded.factor, loaded.reduction) == (0.5, "sum")


def test_the_module_leaks_nothing() -> None:
    assert not {"np", "activations"} & set(losses.__all__)
    assert callable(losses.binary_crossentropy) and not hasattr(losses, "np") and not hasattr(losses, "activations")
