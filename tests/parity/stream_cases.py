"""Streams: stateful layers that are trained on one window after the other, for both frameworks alike."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tests.parity.cases import H, Spec, V, spec, uniform

B, D = 3, 2
LENGTHS = (5, 5, 3, 6, 4)  # of the windows: three to train on, one to evaluate, one to predict


@dataclass(frozen=True)
class StreamCase:
    """Three steps of SGD on three windows of a stream, then evaluate and predict on the two that follow."""

    name: str
    layers: tuple[Spec, ...]
    ids: bool = False
    sequences: bool = False  # one target for each step

    def weight(self, number: int, shape: Sequence[int]) -> np.ndarray:
        return uniform(f"{self.name} weight {number}", shape, 0.8)

    def input_shape(self) -> tuple[int | None, ...]:
        return (B, None) if self.ids else (B, None, D)

    def windows(self) -> list[tuple[np.ndarray, np.ndarray]]:
        found = []
        for number, T in enumerate(LENGTHS):
            x = uniform(f"{self.name} x {number}", (B, T) if self.ids else (B, T, D))
            x = (x.astype(np.float64) ** 2 * V).astype(np.int32) if self.ids else x  # many zeros, which are masked
            found.append((x, uniform(f"{self.name} y {number}", (B, T, 1) if self.sequences else (B, 1))))
        return found


def _cases() -> list[StreamCase]:
    def recurrent(kind: str, **options: object) -> Spec:
        return spec(kind, units=H, stateful=True, **options)

    dense, masked = spec("Dense", units=1), spec("Embedding", input_dim=V, output_dim=D, mask_zero=True)
    both = spec("Bidirectional", layer=recurrent("GRU"))
    two = (recurrent("LSTM", return_sequences=True), recurrent("GRU"), dense)
    return [
        *(StreamCase(kind, (recurrent(kind), dense)) for kind in ("SimpleRNN", "LSTM", "GRU")),
        StreamCase("GRU before", (recurrent("GRU", reset_after=False), dense)),
        StreamCase("backwards", (recurrent("LSTM", go_backwards=True), dense)),
        StreamCase("each step", (recurrent("LSTM", return_sequences=True), dense), sequences=True),
        StreamCase("two layers", two),
        StreamCase("Bidirectional", (both, dense)),
        StreamCase("masked", (masked, *two), ids=True),
        StreamCase("masked Bidirectional", (masked, both, dense), ids=True),
    ]


STREAMS = {case.name: case for case in _cases()}
