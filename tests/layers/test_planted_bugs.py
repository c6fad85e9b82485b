"""Mistakes planted into layers and losses, one line each: the library's check must notice every one."""

from collections.abc import Callable

import numpy as np
import pytest

from scratchnn.gradients import ArrayError, check, check_loss
from scratchnn.layers import (
    ELU,
    GRU,
    AlphaDropout,
    AveragePooling1D,
    Bidirectional,
    ConcatPooling1D,
    Conv1D,
    Cropping1D,
    Dense,
    Dropout,
    GaussianDropout,
    GlobalAveragePooling1D,
    Lambda,
    LayerNormalization,
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
from scratchnn.losses import CategoricalCrossentropy, Loss, MeanSquaredError
from tests.planting import plant

Check = Callable[[], list[ArrayError]]

X = np.random.default_rng(0).normal(size=(2, 5, 3))
MASK = np.array([[True, True, False, True, False], [False, True, True, True, True]])
ROWS = np.random.default_rng(3).normal(size=(2, 3))
H0 = [np.random.default_rng(1).normal(size=(2, 4))]
ONE_HOT, PROBABILITIES = np.eye(3)[[0, 2, 1, 1]], np.random.default_rng(2).uniform(0.2, 0.8, (4, 3))


def rnn(**settings: bool) -> Check:
    return lambda: check(SimpleRNN(4, return_sequences=True, **settings), X, mask=MASK, initial_state=H0)


def both_ways(mode: str) -> Check:
    return lambda: check(Bidirectional(SimpleRNN(4, return_sequences=True), mode), X)


def of(loss: Loss) -> Check:
    return lambda: check_loss(loss, PROBABILITIES, ONE_HOT)


def masked_steps() -> list[ArrayError]:
    """The gradient of masked steps is 0: y jumps there, so that differences say nothing."""
    layer = Masking(0.5)
    layer.build((None, 5, 3), backend="reference")
    _, cache = layer.forward(np.where(MASK[..., None], X, 0.5))
    dx, _ = layer.backward(X, cache)
    return [ArrayError("x", dx.shape, float(np.abs(dx - X * MASK[..., None]).max()))]


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
        "whole * cache.y_backward, whole * cache.y_forward",
        "whole * cache.y_forward, whole * cache.y_backward",
        both_ways("mul"),
    ),
    (
        "layers.bidirectional",
        "half of a mean",
        "whole * self._share, whole * self._share",
        "whole, whole",
        both_ways("ave"),
    ),
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
        "layers.concat_pooling",
        "largest and mean swapped",
        "cache.share * dmax + cache.weight * dmean",
        "cache.share * dmean + cache.weight * dmax",
        lambda: check(ConcatPooling1D(), X, mask=MASK),
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
    ("losses.regression", "a factor of two", "return 2 * (y - target)", "return y - target", of(MeanSquaredError())),
    (
        "losses.base",
        "mean over numbers, not rows",
        "return dy / cache.divisor",
        "return dy / cache.y.size",
        of(CategoricalCrossentropy(from_logits=True)),
    ),
    (
        "losses.crossentropies",
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
    (
        "layers.reshaping",
        "one of the repeated rows only",
        "self.as_gradient(dy, cache).sum(axis=1)",
        "self.as_gradient(dy, cache)[:, 0]",
        lambda: check(RepeatVector(3), ROWS),
    ),
    (
        "layers.reshaping",
        "axes not put back",
        "transpose(0, *places)",
        "transpose(0, *self.dims)",
        lambda: check(Permute((3, 1, 2)), np.stack([X, -X], axis=-1)[:, :3, :, :1].repeat(3, axis=-1)),
    ),
    (
        "layers.reshaping",
        "zeros cut off at the wrong end",
        "[:, before : cache[1] - after]",
        "[:, after : cache[1] - before]",
        lambda: check(ZeroPadding1D((1, 2)), X),
    ),
    (
        "layers.reshaping",
        "gradient of a crop at the wrong end",
        "return np.pad(dy, ((0, 0), self.ends, (0, 0))), {}",
        "return np.pad(dy, ((0, 0), self.ends[::-1], (0, 0))), {}",
        lambda: check(Cropping1D((1, 2)), X),
    ),
    ("layers.reshaping", "steps mixed", "sum(axis=2), {}", "mean(axis=2), {}", lambda: check(UpSampling1D(2), X)),
    (
        "layers.reshaping",
        "order of the numbers",
        "self.as_gradient(dy, shape).reshape(cache)",
        "self.as_gradient(dy, shape).T.reshape(cache)",
        lambda: check(Reshape((3, 5)), X),
    ),
    (
        "layers.masking",
        "masked steps send a gradient",
        "np.where(cache.m, self.as_gradient(dy, cache.x_shape), 0), {}",
        "dy, {}",
        masked_steps,
    ),
    (
        "layers.time_distributed",
        "steps and rows mixed",
        "dx.reshape(cache.x_shape), grads",
        "dx.reshape(cache.x_shape)[::-1], grads",
        lambda: check(TimeDistributed(Dense(4, activation="tanh")), X),
    ),
    (
        "layers.layer_normalization",
        "the mean taken for constant",
        "dx = dn - self._mean(dn)",
        "dx = dn.copy()",
        lambda: check(LayerNormalization(), X),
    ),
    (
        "layers.layer_normalization",
        "the deviation taken for constant",
        "dx -= n * self._mean(dn_n)",
        "pass",
        lambda: check(LayerNormalization([1, 2]), X),
    ),
    (
        "layers.layer_normalization",
        "gamma left out",
        "dn, dn_n = dy * gamma, dn_n * gamma",
        "pass",
        lambda: check(LayerNormalization(gamma_initializer="random_normal"), X),
    ),
    (
        "layers.pooling",
        "an average whose windows are all full",
        "d = cache.share * self.as_gradient",
        "d = 1 / self.pool_size * self.as_gradient",
        lambda: check(AveragePooling1D(3, 1, "same"), X),
    ),
    (
        "layers.pooling",
        "padding not taken off dx of an average",
        "dx[:, cache.before :][:, : cache.T]",
        "dx[:, : cache.T]",
        lambda: check(AveragePooling1D(3, 1, "same"), X),
    ),
    (
        "layers.noise",
        "mask forgotten",
        "return dy if cache.factor is None else",
        "return dy if True else",
        lambda: [
            error
            for layer in (SpatialDropout1D(0.5), GaussianDropout(0.5), AlphaDropout(0.5))
            for error in check(layer, X, training=True)
        ],
    ),
    (
        "layers.rectifiers",
        "the derivative forgotten",
        "self.as_gradient(dy, cache.shape) * cache, {}",
        "self.as_gradient(dy, cache.shape), {}",
        lambda: check(ELU(0.5), X) + check(ReLU(0.5, 0.1, 0.2), X),
    ),
    (
        "layers.rectifiers",
        "a learned slope for the wrong numbers",
        "(dy * np.minimum(cache.x, 0))",
        "(dy * cache.x)",
        lambda: check(PReLU(shared_axes=[1]), X),
    ),
    (
        "layers.softmax",
        "the sum taken for constant",
        "y * (dy - (dy * y).sum(axis=self.axis, keepdims=True))",
        "y * dy",
        lambda: check(Softmax([1, 2]), X),
    ),
    (
        "layers.lambda_layer",
        "derivative forgotten",
        "self.backward_function(dy, cache.x, **cache.options)",
        "dy",
        lambda: check(Lambda(np.sin, backward=lambda dy, x: dy * np.cos(x)), X),
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
