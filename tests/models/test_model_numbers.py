"""Models in numbers: dtype, the two backends side by side, the gradient of a whole model, masks that end."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from scratchnn import Sequential
from scratchnn.layers import (
    GRU,
    LSTM,
    Bidirectional,
    Conv1D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalMaxPooling1D,
    MaxPooling1D,
    SimpleRNN,
)
from scratchnn.losses import BinaryCrossentropy, Loss, SparseCategoricalCrossentropy

RNG = np.random.default_rng(0)
IDS = RNG.integers(0, 20, (10, 6))


@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_float64_from_end_to_end(backend: str) -> None:
    model = Sequential([Embedding(20, 4), Dense(3, "tanh"), Flatten(), Dense(1)], backend=backend, dtype="float64")
    model.compile("adam", "mse")
    model.fit(IDS, RNG.normal(size=10), verbose=0)
    arrays = [*model.get_weights(), model.trainable_grads, model.predict(IDS)]
    assert {array.dtype for array in arrays} == {np.dtype("f8")}


def test_both_backends_learn_alike() -> None:
    losses = []
    for backend in ("reference", "cpu"):
        model = Sequential(
            [
                *(Embedding(20, 4, mask_zero=True), Bidirectional(GRU(3, return_sequences=True), "sum")),
                *(
                    SimpleRNN(4, return_sequences=True, dropout=0.2, recurrent_dropout=0.2),
                    LSTM(5),
                    Dense(1, "sigmoid"),
                ),
            ],
            backend=backend,
            seed=7,
        )
        model.compile("adam", "binary_crossentropy")
        y = np.arange(10) % 2
        losses.append([model.train_on_batch(IDS, y) for _ in range(10)])
    assert losses[0][-1] < losses[0][0]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)


def recurrent() -> list[Any]:
    return [
        *(Embedding(9, 3, mask_zero=True), Bidirectional(GRU(2, return_sequences=True)), Dropout(0.3)),
        *(SimpleRNN(3, return_sequences=True), LSTM(3, recurrent_dropout=0.3), Dense(1, "sigmoid")),
    ]


def convolutional() -> list[Any]:
    return [
        *(Embedding(9, 3), Conv1D(4, 3, padding="same", activation="tanh"), MaxPooling1D(2), Dropout(0.3)),
        *(Flatten(), Dense(3, "softmax")),
    ]


@pytest.mark.parametrize("backend", ["reference", "cpu"])
@pytest.mark.parametrize(
    "layers, loss, classes",
    [(recurrent, BinaryCrossentropy(), 2), (convolutional, SparseCategoricalCrossentropy(), 3)],
)
def test_gradient_is_the_slope_of_the_loss(
    layers: Callable[[], list[Any]], loss: Loss, classes: int, backend: str
) -> None:
    model = Sequential(layers(), backend=backend, dtype="float64", seed=3)
    x = np.random.default_rng(1).integers(0, 9, (5, 6))
    x[0, -2:] = 0  # steps without a word, where they are masked
    model.build((None, 6))
    target = loss.validate((5, *model.output_shape[1:]), np.arange(5) % classes, "float64")

    def forward() -> tuple[float, Any, list[Any]]:
        y, caches = model.forward(x, training=True, epoch=1, step=2)  # one dropout draw, the same each time
        return *loss.forward(y, target), caches

    _, loss_cache, caches = forward()
    grads = model.backward(loss.backward(loss_cache), caches)[1].copy()
    slopes = np.empty_like(grads)
    h = 1e-5
    for i, start in enumerate(model.flat_params.copy()):
        ends = []
        for model.flat_params[i] in (start + h, start - h):
            ends.append(forward()[0])
        model.flat_params[i] = start
        slopes[i] = (ends[0] - ends[1]) / (2 * h)
    assert np.count_nonzero(grads) > 0.8 * grads.size
    np.testing.assert_allclose(grads, slopes, rtol=1e-6, atol=1e-9)


def test_a_mask_that_a_layer_cannot_use_is_told_once() -> None:
    model = Sequential([Embedding(20, 4, mask_zero=True), Conv1D(3, 2), GlobalMaxPooling1D()], backend="reference")
    with pytest.warns(UserWarning, match="Conv1D 'conv1d' cannot use the mask that reaches it") as told:
        model.predict(IDS)
    assert len(told) == 1
    model.predict(IDS)  # a second warning would be an error here
