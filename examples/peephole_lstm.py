"""An LSTM whose gates also see its cell state, through weights of their own: a cell for scratchnn.layers.RNN.

One time step, with a = ax + ah packed in four blocks of columns, i f g o, and p the peephole weights, a row per gate:

    (3)  i, f = sigmoid(a_i + p_i ⊙ c), sigmoid(a_f + p_f ⊙ c)
    (4)  g    = tanh(a_g)
    (5)  c'   = f ⊙ c + i ⊙ g
    (6)  o    = sigmoid(a_o + p_o ⊙ c')
    (7)  h'   = o ⊙ tanh(c')

Source: Gers, Schraudolph and Schmidhuber, "Learning Precise Timing with LSTM Recurrent Networks", JMLR 3, 2002.
"""

import numpy as np

from scratchnn.activations import sigmoid, tanh
from scratchnn.layers import Cell


class PeepholeLSTM(Cell):
    gates = 4

    def __init__(self, units):
        self.state_size = (units, units)  # h and c

    def get_config(self):
        return {"units": self.state_size[0]}

    def own_parameters(self):
        return {"p": ((3, self.state_size[0]), "glorot_uniform")}

    def forward(self, ax, ah, state, p):
        (_, c), (a_i, a_f, a_g, a_o), (p_i, p_f, p_o) = state, np.split(ax + ah, 4, axis=-1), p
        i, f = sigmoid(a_i + p_i * c), sigmoid(a_f + p_f * c)  # (3)
        g = tanh(a_g)  # (4)
        c_after = f * c + i * g  # (5)
        o = sigmoid(a_o + p_o * c_after)  # (6)
        tanh_c = tanh(c_after)
        return (o * tanh_c, c_after), (i, f, g, o, tanh_c)  # (7)

    def backward(self, dafter, state, after, saved, p):
        (dh, dc), (_, c), (i, f, g, o, tanh_c), (p_i, p_f, p_o) = dafter, state, saved, p
        do, dc = dh * tanh_c, dc + tanh.backward(dh * o, tanh_c)  # (7)
        da_o = sigmoid.backward(do, o)  # (6)
        dc = dc + da_o * p_o
        di, df, dg = dc * g, dc * c, dc * i  # (5)
        da_g = tanh.backward(dg, g)  # (4)
        da_i, da_f = sigmoid.backward(di, i), sigmoid.backward(df, f)  # (3)
        da = np.concatenate([da_i, da_f, da_g, da_o], axis=-1)
        return da, da, (np.zeros_like(dh), dc * f + da_i * p_i + da_f * p_f)  # (5), (3)

    def backward_own(self, dax, dah, dafter, states, saved, p):
        (_, c), (da_i, da_f, _, da_o) = states, np.split(dah, 4, axis=-1)
        seen = (da_i * c[:-1], da_f * c[:-1], da_o * c[1:])  # what each gate saw of c: (3), (3), (6)
        return {"p": np.stack([each.sum(axis=(0, 1)) for each in seen])}
