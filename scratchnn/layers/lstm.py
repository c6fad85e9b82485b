from typing import Any, Unpack

from scratchnn_kernels.contract import Array, Grads, Recurrence, State

from scratchnn import activations
from scratchnn.core.checks import flag
from scratchnn.layers.base import Config, Shape
from scratchnn.layers.recurrent import DrawnApart, Recurrent, RecurrentSettings


class LSTM(Recurrent):
    """A recurrent layer with a cell state c that is added to, guarded by three gates.

    (1)  a       = x[t] Wx + h[t] Wh + b        packed in blocks of H columns: i f g o
    (2)  h[t+1], c[t+1] = h[t], c[t]            where the mask is False, else
    (3)  i, f, o = rec(a_i), rec(a_f), rec(a_o) input, forget and output gate
    (4)  g       = act(a_g)                     candidate
    (5)  c[t+1]  = f ⊙ c[t] + i ⊙ g             c[0] = 0 or the initial state
    (6)  h[t+1]  = o ⊙ act(c[t+1])

    Shapes: x (B, T, D) -> y (B, H), the last h, or (B, T, H) with `return_sequences`
    Params: Wx (D, 4H), Wh (H, 4H), b (4H,): 4 (D H + H² + H) numbers.
    Cache:  x, all h and c, the gates, the dropout masks.
    Keras:  the same; `unit_forget_bias` starts the forget block of b at 1.
    Raises: ValueError for shapes that do not fit.
    Source: Hochreiter and Schmidhuber, Neural Computation 9(8), 1997; forget gate: Gers et al., 12(10), 2000.
    """

    gates = 4
    gate_names = ("i", "f", "g", "o")
    state_names = ("h", "c")

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        *,
        unit_forget_bias: bool = True,
        **settings: Unpack[RecurrentSettings],
    ) -> None:
        super().__init__(units, **settings)
        self.activation = activations.get(activation)
        self.recurrent_activation = activations.get(recurrent_activation)
        self.unit_forget_bias = flag(type(self).__name__, "unit_forget_bias", unit_forget_bias)

    def parameter_shapes(self, input_shape: Shape) -> dict:
        shapes, H = super().parameter_shapes(input_shape), self.units
        if self.use_bias and self.unit_forget_bias:  # where Keras draws the biases of i, and then those of g and o
            shapes["b"] = ((4 * H,), DrawnApart(self.bias_initializer, ((H,), (H,), (2 * H,), (2 * H,))))
        return shapes

    def build(self, input_shape: Shape, **settings: Any) -> None:
        super().build(input_shape, **settings)
        if self.use_bias and self.unit_forget_bias:
            self.params["b"][self.units : 2 * self.units] = 1

    @property
    def runs_in_kernels(self) -> bool:
        return self.passes_run_in_kernels

    def run_forward(self, call: Recurrence) -> tuple[Array, State, Any]:
        params = self.params["Wx"], self.params["Wh"], self.bias("b")
        return self.backend.kernels.lstm.forward(call, *params, self.activation, self.recurrent_activation)

    def run_backward(self, dy: Array | None, dstate: tuple, cache: Any) -> tuple[Array, Grads, State]:
        return self.backend.kernels.lstm.backward(dy, dstate, cache)

    def get_config(self) -> Config:
        return super().get_config() | {
            "activation": self.activation.get_config(),
            "recurrent_activation": self.recurrent_activation.get_config(),
            "unit_forget_bias": self.unit_forget_bias,
        }
