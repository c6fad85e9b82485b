"""The whole of a sequence at one glance, for a classifier: its end, its strongest steps and its mean, side by side."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array, Grads

from scratchnn.layers.base import Layer, Memory, Shape


@dataclass(frozen=True)
class ConcatPooling1DCache:
    end: Array  # (B, T, 1): 1 at the last real step, else 0
    share: Array  # (B, T, D): 1 where x is the largest of its feature, divided by how many are, else 0
    weight: Array  # (B, T, 1): 1 / (number of real steps) at real steps, 0 at masked ones
    y_shape: tuple[int, ...]


class ConcatPooling1D(Layer):
    """The last step, the largest value and the mean of each feature over all time steps, or over the real ones.

    (1)  y = [x at the last real step, max over the real t of x[:, t], mean over the real t of x[:, t]]

    A recurrent layer's last state has seen every word, but the gradient of a word far back reaches it through hundreds
    of steps; through the maximum and the mean it reaches each step at once.

    Shapes: x (B, T, D) -> y (B, 3 D). A row without a real step gives zeros.
    Cache:  the weight of each step in the three sums; in a tie of maxima the gradient is shared evenly.
    Keras:  has no such layer.
    Source: Howard, Ruder, "Universal Language Model Fine-tuning for Text Classification", ACL 2018.
    """

    supports_masking = True

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) != 3:
            raise ValueError(f"{self.label} takes sequences of shape (B, T, D), got shape {input_shape}")
        D = input_shape[2]
        assert D is not None  # checked by `build`
        return (input_shape[0], 3 * D)

    def compute_mask(self, x: Array, mask: Array | None) -> None:
        return None

    def forward(
        self, x: Array, *, mask: Array | None = None, training: bool = False, rng: Any = None
    ) -> tuple[Array, ConcatPooling1DCache]:
        x = self.as_input(x)
        B, T, _ = x.shape
        real = self.backend.xp.ones((B, T), bool) if mask is None else self.as_mask(mask, (B, T))
        count = np.maximum(real.sum(axis=1, keepdims=True), 1)
        weight = (real / count).astype(x.dtype)[:, :, None]
        still_to_come = real[:, ::-1].cumsum(axis=1)[:, ::-1]  # real steps from here on
        end = (real & (still_to_come == 1)).astype(x.dtype)[:, :, None]
        real = real[:, :, None]
        largest = np.where(real, x, -np.inf).max(axis=1, keepdims=True)
        share = ((x == largest) & real).astype(x.dtype)
        share /= np.maximum(share.sum(axis=1, keepdims=True), 1)
        y = np.concatenate([(each * x).sum(axis=1) for each in (end, share, weight)], axis=1)  # (1)
        return y, ConcatPooling1DCache(end, share, weight, y.shape)

    def memory(self, shape: tuple[int, ...], *, training: bool) -> Memory:
        B, T, D = shape
        return Memory(
            B * (T + 3) * D, B * T * D, 2 * B * T * D, keeps_x=False
        )  # y, and each step's share in the maximum

    def backward(self, dy: Array, cache: ConcatPooling1DCache) -> tuple[Array, Grads]:
        dy = self.as_gradient(dy, cache.y_shape)
        D = cache.share.shape[2]
        dend, dmax, dmean = (dy[:, None, first : first + D] for first in (0, D, 2 * D))
        return cache.end * dend + cache.share * dmax + cache.weight * dmean, {}  # (1)
