"""ConcatPooling1D against a loop over rows and steps; its gradient is checked with those of all layers."""

import numpy as np
import pytest

from scratchnn import Sequential
from scratchnn.layers import LSTM, ConcatPooling1D, Dense, Embedding

X = np.random.default_rng(0).normal(size=(4, 5, 3))
MASKS = {
    "none": None,
    # with gaps; padding behind; padding in front; nothing real
    "some": np.array([[1, 0, 1, 1, 0], [1, 1, 0, 0, 0], [0, 0, 1, 1, 1], [0, 0, 0, 0, 0]], bool),
}


@pytest.mark.parametrize("name", MASKS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_number(name: str, dtype: type) -> None:
    mask, x = MASKS[name], X.astype(dtype)
    layer = ConcatPooling1D()
    layer.build((None, 5, 3), backend="reference", dtype=dtype)
    y, _ = layer.forward(x, mask=mask)
    for b in range(len(x)):
        steps = [x[b, t] for t in range(5) if mask is None or mask[b, t]]
        wanted = np.concatenate([steps[-1], np.max(steps, axis=0), np.mean(steps, axis=0)]) if steps else np.zeros(9)
        np.testing.assert_allclose(y[b], wanted, rtol=1e-6 if dtype is np.float32 else 1e-15)
    assert y.dtype == dtype


def test_a_tie_shares_the_gradient_among_real_steps() -> None:
    layer = ConcatPooling1D()
    layer.build((None, 3, 1), backend="reference", dtype=np.float64)
    _, cache = layer.forward(np.array([[[2.0], [2.0], [2.0]]]), mask=np.array([[True, True, False]]))
    dx, _ = layer.backward(np.array([[100.0, 10.0, 1.0]]), cache)
    np.testing.assert_allclose(dx[0, :, 0], [5.5, 105.5, 0])  # largest and mean; and the end; nothing


@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_padding_in_front_changes_nothing(backend: str) -> None:
    layers = [Embedding(9, 4, mask_zero=True), LSTM(3, return_sequences=True), ConcatPooling1D(), Dense(1)]
    model = Sequential(layers, seed=1, backend=backend, dtype="float64")
    ids = np.array([[1, 5, 3, 7]])
    padded = np.array([[0, 0, 0, 1, 5, 3, 7]])
    np.testing.assert_allclose(model.predict(padded, verbose=0), model.predict(ids, verbose=0), rtol=1e-12)


def test_it_takes_sequences_only() -> None:
    with pytest.raises(ValueError, match=r"takes sequences of shape \(B, T, D\), got shape \(None, 4\)"):
        ConcatPooling1D().compute_output_shape((None, 4))
