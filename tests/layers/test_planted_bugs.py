"""Mistakes planted into layers and losses, one line each: the library's check must notice every one."""

from collections.abc import Callable

import numpy as np
import pytest

from scratchnn.gradients import ArrayError, check, check_loss
from scratchnn.layers import (
    GRU,
    Bidirectional,
    Conv1D,
    Dense,
    Dropout,
    GlobalAveragePooling1D,
    MaxPooling1D,
    SimpleRNN,
)
from scratchnn.losses import CategoricalCrossentropy, Loss, MeanSquaredError
from tests.planting import plant

Check = Callable[[], list[ArrayError]]

X = np.random.default_rng(0).normal(size=(2, 5, 3))
MASK = np.array([[True, True, False, True, False], [False, True, True, True, True]])
H0 = [np.random.default_rng(1).normal(size=(2, 4))]
ONE_HOT, PROBABILITIES = np.eye(3)[[0, 2, 1, 1]], np.random.default_rng(2).uniform(0.2, 0.8, (4, 3))


def rnn(**settings: bool) -> Check:
    return lambda: check(SimpleRNN(4, return_sequences=True, **settings), X, mask=MASK, initial_state=H0)


def both_ways(mode: str) -> Check:
    return lambda: check(Bidirectional(SimpleRNN(4, return_sequences=True), mode), X)


def of(loss: Loss) -> Check:
    return lambda: check_loss(loss, PROBABILITIES, ONE_HOT)


# (file, name, text, what replaces it, the check that must notice)
FAULTS: list[tuple[str, str, str, str, Check]] = [
    ("layers.recurrent", "dx of a layer that reads backwards", "dx = dx[:, ::-1]", "pass", rnn(go_backwards=True)),
    ("layers.recurrent", "hidden outputs send a gradient", "dy = dy * cache.shown", "pass", rnn()),
    (
        "layers.recurrent",
        "state gradients dropped",
        "tuple(dstate), cache.kernel_cache",
        "(None,), cache.kernel_cache",
        rnn(return_state=True),
    ),
    (
        "layers.bidirectional",
        "dy of the other direction not turned",
        "dy_b = dy_b[:, ::-1]",
        "pass",
        both_ways("concat"),
    ),
    ("layers.bidirectional", "dx of one direction only", "dx = dx_f + dx_b", "dx = dx_f", both_ways("sum")),
    (
        "layers.bidirectional",
        "product rule the wrong way round",
        "dy * cache.y_backward, dy * cache.y_forward",
        "dy * cache.y_forward, dy * cache.y_backward",
        both_ways("mul"),
    ),
    ("layers.bidirectional", "half of a mean", "dy_f = dy_b = dy * self._share", "dy_f = dy_b = dy", both_ways("ave")),
    (
        "layers.conv1d",
        "padding not cut off",
        "dx[:, cache.before : cache.before + cache.T]",
        "dx[:, : cache.T]",
        lambda: check(Conv1D(4, 3, padding="causal"), X),
    ),
    (
        "layers.pooling",
        "padding not taken off dx",
        "dx[:, cache.before : cache.before + cache.T]",
        "dx[:, : cache.T]",
        lambda: check(MaxPooling1D(3, strides=1, padding="same"), X),
    ),
    (
        "layers.pooling",
        "masked mean",
        "return cache.weight * dy",
        "return 0.2 * dy",
        lambda: check(GlobalAveragePooling1D(), X, mask=MASK),
    ),
    (
        "layers.dense",
        "steps of a sequence mixed",
        "return dx.reshape(cache.x_shape)",
        "return dx.reshape(cache.x_shape[::-1]).T",
        lambda: check(Dense(4, activation="tanh"), X),
    ),
    (
        "layers.dropout",
        "mask forgotten",
        "self.backend.kernels.dropout.backward(self.as_gradient(dy, cache.shape), cache)",
        "self.as_gradient(dy, cache.shape)",
        lambda: check(Dropout(0.5), X, training=True),
    ),
    ("losses", "a factor of two", "return 2 * (y - target)", "return y - target", of(MeanSquaredError())),
    (
        "losses",
        "mean over numbers, not rows",
        "return dy / cache.size",
        "return dy / cache.y.size",
        of(CategoricalCrossentropy(from_logits=True)),
    ),
    (
        "losses",
        "normalisation taken for constant",
        "(dq - (dq * q).sum(axis=-1, keepdims=True)) / total",
        "dq / total",
        of(CategoricalCrossentropy()),
    ),
    (
        "layers.gru",
        "gradients of the states dropped",
        "backward(dy, dstate, cache)",
        "backward(dy, (None,), cache)",
        lambda: check(GRU(4, return_state=True), X),
    ),
]


@pytest.mark.parametrize(
    ("file", "text", "instead", "errors"),
    [pytest.param(file, *fault, id=f"{file}: {name}") for file, name, *fault in FAULTS],
)
def test_a_fault_in_a_layer_or_loss_is_noticed(
    file: str, text: str, instead: str, errors: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert all(error.ok for error in errors())
    plant(f"scratchnn.{file}", text, instead, monkeypatch)
    assert not all(error.ok for error in errors())
