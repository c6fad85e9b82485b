"""SimpleRNN: one state, one nonlinearity. One step, between (1) and (2) of recurrence.py:

    (3)  h' = act(ax + ah)

Source: Elman, "Finding Structure in Time", Cognitive Science 14, 1990.
"""

from dataclasses import dataclass

import numpy as np

from scratchnn_kernels.contract import Array, Cell, ElementwiseActivation, Recurrence, RecurrentOutput, State
from scratchnn_kernels.reference import recurrence


@dataclass(frozen=True)
class SimpleRNNCell(Cell):
    act: ElementwiseActivation

    def forward(self, ax: Array, ah: Array, state: State) -> tuple[State, tuple]:
        return (self.act.forward(ax + ah),), ()  # (3)

    def backward(self, dafter: State, state: State, after: State, saved: tuple) -> tuple[Array, Array, State]:
        (dh,), (h_after,) = dafter, after
        da = self.act.backward(dh, h_after)  # (3)
        return da, da, (np.zeros_like(dh),)


def forward(call: Recurrence, Wx: Array, Wh: Array, b: Array, act: ElementwiseActivation) -> RecurrentOutput:
    return recurrence.forward(SimpleRNNCell(act), call, Wx, Wh, b)


backward = recurrence.backward
