"""Sequences of 100 and 200 steps, in float64, whose gradients reach the first step.

Gradients through so many steps usually vanish, and then a pass that loses them on the way looks right. Here the weights
keep them alive: an LSTM's forget gate and a GRU's update gate are nearly open, so that c and h are mostly kept, and a
SimpleRNN's state goes round a circle that it neither leaves nor falls from: Wh turns it and enlarges it a little, tanh
holds it back. `EARLY` is what the tests ask of the gradient of the first step.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import ClassVar

import numpy as np

from tests.parity.cases import LayerCase, Spec, spec

B, D, H = 2, 3, 4
LENGTHS = (100, 200)
EARLY = 1e-3  # of the largest gradient of x, at least, is that of the first step of a layer that reads forwards

# What the kept numbers of y and dx show is enough to tell where a gradient is wrong; weights sum over all steps.
# Around every multiple of 16, at which the cpu kernels begin a new run of steps.
STEPS = {T: sorted({0, *range(15, T, 16), *range(16, T, 16), T - 1}) for T in LENGTHS}


@dataclass(frozen=True)
class LongCase(LayerCase):
    """One recurrent layer; its `mask` is that of `masked_steps`."""

    dtype: ClassVar[str] = "float64"

    def weight(self, number: int, shape: Sequence[int]) -> np.ndarray:
        """As Keras orders and shapes them: Wx, Wh and b, in a Bidirectional twice."""
        (layer,) = self.layers
        cell = layer.options.get("layer", layer).layer
        w = super().weight(number, shape)
        if cell == "SimpleRNN":
            return 0.05 * w + turning(1.05) if number % 3 == 1 else 0.05 * w
        if number % 3 < 2:
            return 0.5 * w
        if cell == "LSTM":
            w[: 2 * H] += np.repeat([-3, 5], H)  # i = 0.05, which keeps c small; f = 0.993
        else:
            w.reshape(-1, 3 * H)[0, :H] += 4  # z = 0.98
        return w

    def mask_array(self) -> np.ndarray | None:
        return None if self.mask is None else masked_steps(self.shape[1])

    def kept(self, results: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Of all results the gradients, and y; of what is a sequence some steps."""
        steps = STEPS[self.shape[1]]
        found = {key: array for key, array in results.items() if key[0] in "yd"}
        return {key: array[:, steps] if array.ndim == 3 else array for key, array in found.items()}


def turning(gain: float) -> np.ndarray:
    """`gain` times a matrix that turns its first two coordinates by 0.3, the other two by 0.7, and so on."""
    W = np.zeros((H, H))
    for pair in range(0, H, 2):
        angle = 0.3 + 0.2 * pair
        W[pair : pair + 2, pair : pair + 2] = [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
    return (gain * W).astype(np.float32).astype(np.float64)


def masked_steps(T: int) -> np.ndarray:
    """(B, T): one row with steps missing inside, the other one with padding on both sides, longer than 16 steps."""
    mask = np.ones((B, T), bool)
    mask[0, 5:T:7] = mask[0, 60:70] = mask[0, 3 * T // 4 : 3 * T // 4 + 20] = False
    mask[1, :19] = mask[1, -21:] = False
    return mask


def _cases() -> list[LongCase]:
    cells = {"SimpleRNN": {}, "LSTM": {}, "GRU": {}, "GRU before": {"reset_after": False}}
    found = []
    for T, (cell, options), sequences, mask, both in product(
        LENGTHS, cells.items(), (False, True), (None, "long"), (False, True)
    ):
        layer: Spec = spec(cell.split()[0], units=H, return_sequences=sequences, **options)
        if both:
            layer = spec("Bidirectional", layer=layer)
        name = "Bidirectional " * both + f"{cell}, {T} steps" + ", sequences" * sequences + ", masked" * bool(mask)
        found.append(LongCase(name, (layer,), (B, T, D), mask=mask, x_scale=0.5))
    return found


LONG = {case.name: case for case in _cases()}
