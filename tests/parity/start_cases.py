"""How layers begin: the spread of fresh weights, for every initializer in every place that takes one.

Two frameworks draw different numbers, so what is compared are means, deviations and largest sizes over several draws,
of each block of a weight on its own: a gate's columns, a bias's row. The sizes are all different, so that no
initializer can take one fan for another.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.parity.cases import Spec, spec

T, D, H, V, TAPS = 7, 60, 24, 50, 5
DRAWS = 16
NAMES = (
    "zeros", "ones", "random_uniform", "random_normal", "truncated_normal", "variance_scaling",
    "glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_uniform", "lecun_normal", "orthogonal",
)  # fmt: skip
RECURRENT = ("kernel_initializer", "recurrent_initializer", "bias_initializer")
# The layer's own options, and those of its initializers.
LAYERS: dict[str, tuple[Spec, tuple[str, ...]]] = {
    "Embedding": (spec("Embedding", input_dim=V, output_dim=H), ("embeddings_initializer",)),
    "Dense": (spec("Dense", units=H), ("kernel_initializer", "bias_initializer")),
    "Conv1D": (spec("Conv1D", filters=H, kernel_size=TAPS), ("kernel_initializer", "bias_initializer")),
    "SimpleRNN": (spec("SimpleRNN", units=H), RECURRENT),
    "LSTM": (spec("LSTM", units=H), RECURRENT),
    "LSTM without forget bias": (spec("LSTM", units=H, unit_forget_bias=False), RECURRENT),
    "GRU": (spec("GRU", units=H), RECURRENT),
    "GRU before": (spec("GRU", units=H, reset_after=False), RECURRENT),
}


@dataclass(frozen=True)
class StartCase:
    name: str
    layer: Spec

    @property
    def shape(self) -> tuple[int | None, ...]:
        """Of x."""
        kind = self.layer.layer
        return (None, T) if kind == "Embedding" else (None, D) if kind == "Dense" else (None, T, D)

    def spread(self, draw: Callable[[int], Sequence[np.ndarray]]) -> dict[str, np.ndarray]:
        """Of the weights that `draw` makes of the numbers 0, 1, ...: what is compared, a row for each block."""
        draws = zip(*(draw(number) for number in range(DRAWS)), strict=True)
        return {f"weight{i}": np.array([_spread(b) for b in _blocks(np.stack(w))]) for i, w in enumerate(draws)}


def _blocks(weights: np.ndarray) -> list[np.ndarray]:
    """Weights (DRAWS, ..., blocks H) by blocks of H columns; of a GRU's two biases, those of each row."""
    rows = weights.swapaxes(0, 1) if weights.shape[1] == 2 else [weights]
    return [block for row in rows for block in np.split(row, row.shape[-1] // H, axis=-1)]


def _spread(block: np.ndarray) -> tuple[float, float, float, float]:
    """How many numbers, their mean, deviation and largest size."""
    return block.size, block.mean(dtype=np.float64), block.std(dtype=np.float64), np.abs(block).max()


def with_initializers(layer: Spec, options: Sequence[str], name: str) -> Spec:
    """A bias has one axis, in which Keras too refuses to draw orthogonal rows."""
    chosen: dict[str, Any] = {
        option: name for option in options if name != "orthogonal" or option != "bias_initializer"
    }
    return layer._replace(options=layer.options | chosen)


def _cases() -> list[StartCase]:
    found = [StartCase(f"{kind}, as it is", layer) for kind, (layer, _) in LAYERS.items()]
    for kind, (layer, options) in LAYERS.items():
        found += [StartCase(f"{kind}, {name}", with_initializers(layer, options, name)) for name in NAMES]
    both = [case for case in found if "LSTM" in case.layer.layer or case.layer.layer == "GRU"]
    wrapped = [spec("Bidirectional", layer=case.layer) for case in both]
    found += [
        StartCase(f"Bidirectional {case.name}", layer)
        for case, layer in zip(both, wrapped, strict=True)
        if case.name.endswith(("as it is", "orthogonal", "he_normal"))
    ]
    return found


STARTS = {case.name: case for case in _cases()}
