"""LSTM: a cell state c that is added to, not multiplied through, and three gates that guard it.

One step, between (1) and (2) of recurrence.py; a = ax + ah is packed in four blocks of H columns, i f g o:

    (3)  i, f, o = rec(a_i), rec(a_f), rec(a_o)         input, forget and output gate
    (4)  g       = act(a_g)                             candidate
    (5)  c'      = f ⊙ c + i ⊙ g
    (6)  h'      = o ⊙ act(c')

Source: Hochreiter and Schmidhuber, "Long Short-Term Memory", Neural Computation 9(8), 1997; the forget gate is from
Gers, Schmidhuber and Cummins, "Learning to Forget", Neural Computation 12(10), 2000.
"""

from dataclasses import dataclass

import numpy as np

from scratchnn_kernels.contract import Array, Cell, ElementwiseActivation, Recurrence, RecurrentOutput, State
from scratchnn_kernels.reference import recurrence


@dataclass(frozen=True)
class LSTMCell(Cell):
    act: ElementwiseActivation
    rec: ElementwiseActivation

    def forward(self, ax: Array, ah: Array, state: State) -> tuple[State, tuple]:
        _, c = state
        a_i, a_f, a_g, a_o = np.split(ax + ah, 4, axis=-1)
        i, f, o = self.rec.forward(a_i), self.rec.forward(a_f), self.rec.forward(a_o)  # (3)
        g = self.act.forward(a_g)  # (4)
        c_after = f * c + i * g  # (5)
        act_c = self.act.forward(c_after)
        return (o * act_c, c_after), (i, f, g, o, act_c)  # (6)

    def backward(self, dafter: State, state: State, after: State, saved: tuple) -> tuple[Array, Array, State]:
        (dh, dc), (_, c), (i, f, g, o, act_c) = dafter, state, saved
        do, dc = dh * act_c, dc + self.act.backward(dh * o, act_c)  # (6)
        df, di, dg = dc * c, dc * g, dc * i  # (5)
        da_g = self.act.backward(dg, g)  # (4)
        da_i, da_f, da_o = self.rec.backward(di, i), self.rec.backward(df, f), self.rec.backward(do, o)  # (3)
        da = np.concatenate([da_i, da_f, da_g, da_o], axis=-1)
        return da, da, (np.zeros_like(dh), dc * f)  # (5): a share f of c is in c'


def forward(
    call: Recurrence, Wx: Array, Wh: Array, b: Array, act: ElementwiseActivation, rec: ElementwiseActivation
) -> RecurrentOutput:
    return recurrence.forward(LSTMCell(act, rec), call, Wx, Wh, b)


backward = recurrence.backward
