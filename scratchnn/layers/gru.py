from typing import Any, Unpack

import numpy as np
from scratchnn_kernels.contract import Array, Grads, Recurrence, State

from scratchnn import activations
from scratchnn.core.checks import flag
from scratchnn.layers.base import Config, Shape
from scratchnn.layers.recurrent import DrawnApart, Recurrent, RecurrentSettings


class GRU(Recurrent):
    """A recurrent layer with one state and two gates; the update gate z decides how much of the old state stays.

    (1)  ax     = x[t] Wx + bx, ah = h[t] Wh + bh    packed in blocks of H columns: z r g
    (2)  h[t+1] = h[t]                          where the mask is False, else
    (3)  z, r   = rec(ax_z + ah_z), rec(ax_r + ah_r)
    (4)  q      = r ⊙ ah_g                      without `reset_after`: q = (r ⊙ h[t]) Wh_g, and no bh
    (5)  g      = act(ax_g + q)                 candidate
    (6)  h[t+1] = z ⊙ h[t] + (1 - z) ⊙ g        h[0] = 0 or the initial state

    Shapes: x (B, T, D) -> y (B, H), the last state, or (B, T, H) with `return_sequences`
    Params: Wx (D, 3H), Wh (H, 3H), bx (3H,), bh (3H,): 3 (D H + H² + 2H) numbers; 3 (D H + H² + H) without
    `reset_after`.
    Cache:  x, all states, the gates, the dropout masks.
    Keras:  the same; its one bias of shape (2, 3H) is our bx above our bh, and get_weights returns it so.
    Raises: ValueError for shapes that do not fit.
    Source: Cho et al., EMNLP 2014, arXiv 1406.1078 (reset after the product: version 1, before it: version 3).
    """

    gates = 3
    gate_names = ("z", "r", "g")

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        *,
        reset_after: bool = True,
        **settings: Unpack[RecurrentSettings],
    ) -> None:
        super().__init__(units, **settings)
        self.activation = activations.get(activation)
        self.recurrent_activation = activations.get(recurrent_activation)
        self.reset_after = flag(type(self).__name__, "reset_after", reset_after)

    def parameter_shapes(self, input_shape: Shape) -> dict:
        shapes = super().parameter_shapes(input_shape)
        if self.use_bias:
            shape, rule = shapes.pop("b")
            both = (shape, DrawnApart(rule, ((2, *shape),)))  # in Keras, the rows of one array
            shapes |= {"bx": both, "bh": both} if self.reset_after else {"bx": (shape, rule)}
        return shapes

    @property
    def runs_in_kernels(self) -> bool:
        return self.passes_run_in_kernels

    def run_forward(self, call: Recurrence) -> tuple[Array, State, Any]:
        params = self.params["Wx"], self.params["Wh"], self.bias("bx"), self.bias("bh")
        how = self.activation, self.recurrent_activation, self.reset_after
        return self.backend.kernels.gru.forward(call, *params, *how)

    def run_backward(self, dy: Array | None, dstate: tuple, cache: Any) -> tuple[Array, Grads, State]:
        return self.backend.kernels.gru.backward(dy, dstate, cache)

    def to_keras(self, params: list[Array]) -> list[Array]:
        return [*params[:2], np.stack(params[2:])] if len(params) == 4 else params

    def from_keras(self, weights: list[Array]) -> list[Array]:
        return [*weights[:2], *weights[2]] if len(self.params) == 4 else weights

    def kept_in_step(self, dropped: bool) -> int:
        return 4 + (1 if self.reset_after else 0) + (3 if dropped or not self.reset_after else 0)  # h z r g, ah_g, h in

    def get_config(self) -> Config:
        return super().get_config() | {
            "activation": self.activation.get_config(),
            "recurrent_activation": self.recurrent_activation.get_config(),
            "reset_after": self.reset_after,
        }
