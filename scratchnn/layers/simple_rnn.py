from typing import Any, Unpack

from scratchnn_kernels.contract import Array, Grads, Recurrence, State

from scratchnn import activations
from scratchnn.layers.base import Config
from scratchnn.layers.recurrent import Recurrent, RecurrentSettings


class SimpleRNN(Recurrent):
    """The plain recurrent layer (Elman's): one state, one nonlinearity.

    (1)  a      = x[t] Wx + h[t] Wh + b         h[0] = 0 or the initial state
    (2)  h[t+1] = h[t]                          where the mask is False, else
    (3)  h[t+1] = act(a)

    Shapes: x (B, T, D) -> y (B, H), the last state, or (B, T, H) with `return_sequences`
    Params: Wx (D, H), Wh (H, H), b (H,): D H + H² + H numbers.
    Cache:  x, all states, the dropout masks; backward walks the states from the last to the first.
    Keras:  the same in defaults, masks and dropout (one mask per sequence).
    Raises: ValueError for shapes that do not fit.
    Source: Elman, "Finding Structure in Time", Cognitive Science 14, 1990.
    """

    gates = 1

    def __init__(self, units: int, activation: Any = "tanh", **settings: Unpack[RecurrentSettings]) -> None:
        super().__init__(units, **settings)
        self.activation = activations.get(activation)

    @property
    def runs_in_kernels(self) -> bool:
        return self.passes_run_in_kernels

    def run_forward(self, call: Recurrence) -> tuple[Array, State, Any]:
        params = self.params["Wx"], self.params["Wh"], self.bias("b")
        return self.backend.kernels.simple_rnn.forward(call, *params, self.activation)

    def run_backward(self, dy: Array | None, dstate: tuple, cache: Any) -> tuple[Array, Grads, State]:
        return self.backend.kernels.simple_rnn.backward(dy, dstate, cache)

    def kept_in_step(self, dropped: bool) -> int:
        return 2 if dropped else 1  # h, in the place of a

    def get_config(self) -> Config:
        return super().get_config() | {"activation": self.activation.get_config()}
