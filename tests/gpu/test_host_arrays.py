"""What a user may hand to layers and models on backend="gpu": arrays of the host and of the device, in every place."""

from typing import Any

import numpy as np
import pytest

from scratchnn import Model, Sequential
from scratchnn.gradients import check
from scratchnn.gradients.cases import Case, cases
from scratchnn.layers import (
    ELU,
    GRU,
    LSTM,
    Activation,
    AlphaDropout,
    AveragePooling1D,
    Bidirectional,
    Conv1D,
    Cropping1D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GaussianDropout,
    GaussianNoise,
    GlobalAveragePooling1D,
    GlobalMaxPooling1D,
    Input,
    Lambda,
    Layer,
    LayerNormalization,
    LeakyReLU,
    Masking,
    MaxPooling1D,
    Permute,
    PReLU,
    ReLU,
    RepeatVector,
    Reshape,
    SimpleRNN,
    Softmax,
    SpatialDropout1D,
    TimeDistributed,
    UpSampling1D,
    ZeroPadding1D,
)
from scratchnn.losses import LOSSES
from scratchnn.metrics import MeanMetric
from scratchnn.regularizers import L1L2, REGULARIZERS
from tests.gpu.device_arrays import xp

pytestmark = pytest.mark.usefixtures("emulator")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 4, 3))
MASK = np.array([[False, True, True, False], [True, False, True, True]])

LAYERS: dict[str, tuple[Layer, dict[str, Any]]] = {
    "bidirectional, mul": (Bidirectional(SimpleRNN(2, return_sequences=True), "mul"), {"mask": MASK}),
    "bidirectional, concat": (Bidirectional(SimpleRNN(2, return_sequences=True)), {}),
    "bidirectional, states": (
        Bidirectional(GRU(1, return_state=True), "ave"),
        {"initial_state": RNG.normal(size=(2, 2, 1))},
    ),
    "backwards, states": (
        LSTM(1, go_backwards=True, return_sequences=True, zero_output_for_mask=True),
        {"mask": MASK, "initial_state": RNG.normal(size=(2, 2, 1))},
    ),
    "dropout": (GRU(2, dropout=0.5, recurrent_dropout=0.5, reset_after=False), {"training": True}),
    "average": (GlobalAveragePooling1D(), {"mask": MASK}),
    "largest": (GlobalMaxPooling1D(), {}),
    "pooling": (MaxPooling1D(2, padding="same"), {}),
    "convolution": (Conv1D(2, 3, padding="causal", activation="tanh"), {}),
    "dense": (Dense(2, "softmax"), {}),
    "activation": (Activation("softplus"), {}),
    "flatten": (Flatten(), {}),
    "reshape": (Reshape((6, -1)), {}),
    "permute": (Permute((2, 1)), {}),
    "zero padding": (ZeroPadding1D((1, 2)), {}),
    "cropping": (Cropping1D((1, 2)), {}),
    "up-sampling": (UpSampling1D(2), {}),
    "masking": (Masking(), {}),
    "average pooling": (AveragePooling1D(3, 1, "same"), {}),
    "layer normalization": (LayerNormalization(), {}),
    "layer normalization, two axes": (LayerNormalization([1, 2]), {}),
    "each step": (TimeDistributed(Dense(2, "tanh")), {"mask": MASK}),
    "each step, dropout": (TimeDistributed(Dropout(0.5)), {"training": True}),
    "spatial dropout": (SpatialDropout1D(0.5), {"training": True}),
    "gaussian dropout": (GaussianDropout(0.5), {"training": True}),
    "gaussian noise": (GaussianNoise(0.5), {"training": True}),
    "alpha dropout": (AlphaDropout(0.5), {"training": True}),
    "relu": (ReLU(1.0, 0.1, 0.2), {}),
    "leaky relu": (LeakyReLU(), {}),
    "elu": (ELU(0.5), {}),
    "prelu": (PReLU("ones", shared_axes=[1]), {}),
    "softmax": (Softmax([1, 2]), {}),
    "lambda": (Lambda(np.tanh, backward=lambda dy, x: dy * (1 - np.tanh(x) ** 2)), {}),
}


@pytest.mark.parametrize("name", LAYERS)
def test_gradients_in_double_from_arrays_of_the_host(name: str) -> None:
    layer, options = LAYERS[name]
    layer.build((None, 4, 3), backend="gpu", dtype=np.float64)
    assert [str(error) for error in check(layer, X, **options) if not error.ok] == []


def test_gradients_of_rows_and_of_steps_inside_steps() -> None:
    for layer, shape in ((RepeatVector(3), (2, 3)), (TimeDistributed(SimpleRNN(2)), (2, 2, 4, 3))):
        layer.build((None, *shape[1:]), backend="gpu", dtype=np.float64)
        assert [str(error) for error in check(layer, RNG.normal(size=shape)) if not error.ok] == []


LOSSES_CHECKED = [case for case in cases() if case.name in {*LOSSES, *REGULARIZERS}]


@pytest.mark.parametrize("case", LOSSES_CHECKED, ids=lambda case: f"{case.name} {case.variant}")
def test_losses_and_penalties_of_arrays_of_the_host(case: Case) -> None:
    """As `python -m scratchnn.gradcheck --backend gpu` asks for them."""
    assert [str(error) for error in case.check(0, "gpu") if not error.ok] == []


@pytest.mark.parametrize("on_device", [False, True])
def test_masks_and_states_of_either_memory(on_device: bool) -> None:
    bring = xp.asarray if on_device else np.asarray
    results = []
    for backend in ("reference", "gpu"):
        layer = LSTM(3, return_sequences=True, return_state=True)
        layer.build((None, 4, 3), backend=backend, seed=0)
        where = bring if backend == "gpu" else np.asarray
        states = [where(state.astype(np.float32)) for state in np.ones((2, 2, 3))]
        y, _ = layer.forward(where(X.astype(np.float32)), mask=where(MASK), initial_state=states)
        results.append([layer.backend.to_host(output) for output in y])
    for expected, got in zip(*results, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_model_with_several_outputs_predicts(dtype: str) -> None:
    ids = RNG.integers(0, 9, (21, 4))
    results = []
    for backend in ("reference", "gpu"):
        x = inputs = Input(shape=(4,))
        for layer in (Embedding(9, 3, mask_zero=True), Bidirectional(GRU(2, return_sequences=True))):
            x = layer(x)
        outputs = LSTM(3, return_state=True)(x)
        model = Model(inputs, outputs, backend=backend, dtype=dtype, seed=1)
        results.append(model.predict(ids, batch_size=2))
    for expected, got in zip(*results, strict=True):
        assert type(got) is np.ndarray and got.dtype == dtype
        np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("bring", [list, np.asarray, xp.asarray], ids=["list", "host", "device"])
def test_forward_and_predict_take_ids_of_either_memory(bring: Any) -> None:
    ids = RNG.integers(0, 9, (5, 4)).tolist()
    model = Sequential([Embedding(9, 3, mask_zero=True), LSTM(2), Dense(1)], backend="gpu", seed=1)
    model.build((None, 4))
    expected = model.predict(ids)
    assert np.array_equal(model.predict(bring(ids)), expected)
    assert np.array_equal(xp.asnumpy(model.forward(bring(ids))[0]), expected)


def test_targets_may_lie_on_the_device() -> None:
    model = Sequential([Dense(1)], backend="gpu", seed=1)
    model.build((None, 3))
    model.compile("sgd", "mse", ["mae"])
    x, y = X[:, 0], X[:, 1, 0]
    expected = model.evaluate(x, y, verbose=0)
    assert model.evaluate(xp.asarray(x), xp.asarray(y), verbose=0) == expected
    assert np.isfinite(model.fit(xp.asarray(x), xp.asarray(y), verbose=0).history["loss"]).all()


def test_penalties_stay_on_the_device_and_are_those_of_the_reference() -> None:
    results = []
    for backend in ("reference", "gpu"):
        rules = {"kernel_regularizer": L1L2(0.01, 0.02), "recurrent_regularizer": "l2", "bias_regularizer": "l1"}
        layers = [Masking(), TimeDistributed(Dense(3, kernel_regularizer="l2")), LSTM(2, **rules), Dense(1)]
        model = Sequential([Input((4, 3)), *layers], backend=backend, dtype="float64", seed=1)
        model.compile("adam", "mse")
        assert backend == "reference" or all(isinstance(loss, xp.ndarray) for loss in model.losses)
        history = model.fit(X, X[:, 0, 0], epochs=3, verbose=0, validation_data=(X, X[:, 0, 0])).history
        results.append(np.array([history["loss"], history["val_loss"]]))
    np.testing.assert_allclose(results[1], results[0], rtol=1e-10)


def test_a_metric_of_the_users_own_may_count_on_the_host() -> None:
    model = Sequential([Dense(1)], backend="gpu", seed=1)
    model.build((None, 3))
    model.compile("sgd", "mse", [MeanMetric("rows", lambda y_true, y_pred: np.full(len(y_true), 2.0))])
    assert model.fit(X[:, 0], X[:, 1, 0], verbose=0).history["rows"] == [2.0]
