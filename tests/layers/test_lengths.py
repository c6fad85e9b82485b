"""A layer is bound to what its parameters are bound to, the features of x, and takes x of any length, as in Keras.

What each layer takes was tried in Keras 3.15.1: tests/parity/test_lengths.py tries again.
"""

import copy
from typing import Any

import numpy as np
import pytest
from scratchnn_kernels.contract import Array

from examples.min_gru import MinGRU
from scratchnn import Input, Model, Sequential
from scratchnn.layers import (
    GRU,
    LSTM,
    RNN,
    Activation,
    Bidirectional,
    Conv1D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePooling1D,
    GlobalMaxPooling1D,
    Layer,
    MaxPooling1D,
    SimpleRNN,
)

D, H = 3, 4
RNG = np.random.default_rng(0)
# A layer, the shape that it is built with, and others that it takes.
TAKEN: list[tuple[Layer, tuple[int, ...], list[tuple[int, ...]]]] = [
    *((kind(H), (2, 10, D), [(2, 9, D), (5, 1, D), (2, 40, D)]) for kind in (SimpleRNN, LSTM, GRU)),
    (LSTM(H, return_sequences=True, return_state=True, go_backwards=True), (2, 10, D), [(2, 9, D), (3, 33, D)]),
    (GRU(H, reset_after=False), (2, 1, D), [(2, 9, D)]),
    (Bidirectional(LSTM(H)), (2, 10, D), [(2, 9, D), (1, 11, D)]),
    (Bidirectional(GRU(H, return_sequences=True), "mul"), (2, 10, D), [(2, 9, D), (1, 11, D)]),
    (Dense(H, "tanh"), (2, 10, D), [(2, D), (2, 9, D), (2, 3, 2, D)]),
    (Dense(H), (2, D), [(2, 10, D), (2, 3, 2, D)]),
    (Conv1D(H, 3), (2, 10, D), [(2, 9, D), (2, 3, D)]),
    (Conv1D(H, 3, padding="same", strides=2), (2, 10, D), [(2, 9, D), (2, 1, D)]),
    (Conv1D(H, 3, padding="causal"), (2, 10, D), [(2, 1, D)]),
    (MaxPooling1D(2), (2, 10, D), [(2, 7, D), (2, 7, 5)]),
    (GlobalMaxPooling1D(), (2, 10, D), [(2, 7, D), (2, 7, 5)]),
    (GlobalAveragePooling1D(), (2, 10, D), [(2, 7, D), (2, 7, 5)]),
    (Dropout(0.2), (2, 10, D), [(2, 9), (2, 7, D)]),
    (Activation("relu"), (2, 10, D), [(2, 9), (2, 7, D)]),
    (Flatten(), (2, 10, D), [(2, 9), (2, 7, D), (2,)]),
    (Embedding(9, D), (2, 10), [(2, 9), (2,), (2, 3, 4)]),
    (Embedding(9, D, input_length=10), (2, 10), [(2, 9)]),
]
EACH = pytest.mark.parametrize(
    ("layer", "shape", "others"), TAKEN, ids=[f"{type(layer).__name__} {n}" for n, (layer, _, _) in enumerate(TAKEN)]
)


def draw(layer: Layer, shape: tuple[int, ...]) -> Array:
    return RNG.integers(0, 9, shape) if isinstance(layer, Embedding) else RNG.normal(size=shape)


def both_passes(layer: Layer, x: Array) -> list[Array]:
    """All outputs and all gradients."""
    y, cache = layer.forward(x)
    ys = y if isinstance(y, tuple) else (y,)
    dys = tuple(np.cos(np.arange(each.size)).reshape(each.shape).astype(each.dtype) for each in ys)
    dx, grads = layer.backward(dys if isinstance(y, tuple) else dys[0], cache)
    return [*ys, *([] if dx is None else [dx]), *grads.values()]


@EACH
@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_it_is_the_layer_that_was_built_with_that_length(
    layer: Layer, shape: tuple[int, ...], others: list[tuple[int, ...]], backend: str
) -> None:
    layer = copy.deepcopy(layer)
    layer.build((None, *shape[1:]), backend=backend)
    for other in [*others, shape, others[0]]:
        x = draw(layer, other)
        fresh = layer.clone()
        fresh.build((None, *other[1:]), backend=backend)
        fresh.set_weights(layer.get_weights())
        for got, expected in zip(both_passes(layer, x), both_passes(fresh, x), strict=True):
            assert got.shape == expected.shape and got.dtype == expected.dtype
            np.testing.assert_array_equal(got, expected)
    assert layer.input_shape == (None, *shape[1:])  # what summary shows


def test_a_cell_of_ones_own_takes_any_length() -> None:
    layer = RNN(MinGRU(H), return_sequences=True)
    layer.build((None, 10, D), backend="reference")
    x = RNG.normal(size=(2, 9, D))
    long = layer(np.concatenate([x, x], axis=1))
    np.testing.assert_array_equal(layer(x), long[:, :9])


class FromPlace(Layer):
    """y = x + a parameter of its own for each step: what is bound to the length stays so."""

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def parameter_shapes(self, input_shape: Any) -> dict:
        from scratchnn import initializers

        return {"at": (tuple(input_shape[1:]), initializers.get("ones"))}

    def forward(self, x: Any, **options: Any) -> Any:
        return self.as_input(x) + self.params["at"], None


def test_a_layer_whose_parameters_have_the_length_is_bound_to_it() -> None:
    layer = FromPlace()
    layer.build((None, 10, D), backend="reference")
    with pytest.raises(
        ValueError, match=r"\(None, 10, 3\), got \(2, 1, 3\), for which at would be \(1, 3\) instead of"
    ):
        layer.forward(np.ones((2, 1, D)))


# ---- models

MODELS: dict[str, list[Layer]] = {
    "lstm": [Embedding(9, D, input_length=12), LSTM(H), Dense(1)],
    "bidirectional": [Embedding(9, D, mask_zero=True), Bidirectional(GRU(H, return_sequences=True)), LSTM(2), Dense(1)],
    "cnn": [Embedding(9, D), Conv1D(H, 3), MaxPooling1D(2), Conv1D(H, 3), GlobalMaxPooling1D(), Dense(1)],
    "mean": [Embedding(9, D, mask_zero=True), Dropout(0.3), Dense(4, "relu"), GlobalAveragePooling1D(), Dense(1)],
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_a_model_fitted_at_one_length_goes_on_at_another(name: str, backend: str) -> None:
    """Keras' Sequential takes T = 15 in fit, evaluate, predict and train_on_batch after it was fitted at T = 12."""
    fixed = Sequential(copy.deepcopy(MODELS[name]), backend=backend, seed=1)
    free = Sequential([Input((None,)), *copy.deepcopy(MODELS[name])], backend=backend, seed=1)
    rng = np.random.default_rng(1)
    data = [(rng.integers(0, 9, (6, T)), rng.normal(size=(6, 1))) for T in (12, 15, 8, 40)]
    results = []
    for model in (fixed, free):
        model.compile("adam", "mse")
        (x, y), *others = data
        found: list[Any] = [model.fit(x, y, 4, verbose=0, validation_data=others[0]).history["val_loss"]]
        for x, y in others:
            found += [model.fit(x, y, 4, verbose=0).history["loss"], model.evaluate(x, y, verbose=0)]
            found += [model.train_on_batch(x, y), model.predict(x, 4).tolist()]
        results.append([*found, *(weight.tolist() for weight in model.get_weights())])
    assert results[0] == results[1]
    assert fixed.input_shape == (None, 12) and free.input_shape == (None, None)
    words: list[str] = []
    fixed.summary(print_fn=words.append)
    assert "(None, 12" in words[0]


def test_steps_of_many_to_many_targets_go_with_x() -> None:
    model = Sequential([Input((12, D)), GRU(H, return_sequences=True), Dense(2)], backend="reference")
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 12, D)), np.ones((4, 12, 2)), verbose=0)
    model.fit(np.ones((4, 15, D)), np.ones((4, 15, 2)), verbose=0)
    with pytest.raises(ValueError, match=r"\(4, 15, 2\).* got \(4, 12, 2\)"):
        model.fit(np.ones((4, 15, D)), np.ones((4, 12, 2)), verbose=0)


def test_a_functional_model_keeps_to_the_length_of_its_input() -> None:
    """Keras: "expected shape=(None, 12), found shape=(4, 15)"; with Input((None,)) it takes any."""
    for length, taken in ((12, False), (None, True)):
        start = Input((length,))
        model = Model(start, Dense(1)(LSTM(H)(Embedding(9, D)(start))), backend="reference")
        x = np.ones((4, 15), int)
        if taken:
            assert model.predict(x).shape == (4, 1)
        else:
            with pytest.raises(ValueError, match=r"x of shape \(None, 12\), got \(4, 15\); an Input of shape \(None, "):
                model.predict(x)


def test_ids_of_any_rank_are_looked_up() -> None:
    layer = Embedding(9, D, mask_zero=True)
    layer.build((None, 5), backend="cpu")
    ids = RNG.integers(0, 9, (2, 3, 4))
    np.testing.assert_array_equal(layer(ids), layer.params["E"][ids])
    np.testing.assert_array_equal(layer.compute_mask(ids, None), ids != 0)
    model = Sequential([Input((3, 4)), Embedding(9, D), Flatten(), Dense(1)], backend="cpu")
    model.compile("sgd", "mse")
    assert model.layers[0].output_shape == (None, 3, 4, D)
    model.fit(ids, np.ones(2), verbose=0)
    assert model.predict(ids).shape == (2, 1)
    with pytest.raises(ValueError, match="ids 0 to 8, got ids from 9 to 9"):
        layer(np.full((2, 3, 4), 9))
