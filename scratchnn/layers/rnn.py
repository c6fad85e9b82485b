"""`RNN(cell)`: a recurrent layer around a cell of your own."""

from typing import Any, Unpack

import numpy as np
from scratchnn_kernels.contract import Array, Grads, Recurrence, State

from scratchnn import initializers
from scratchnn.core.names import class_in_file
from scratchnn.layers.base import Config, Shape, positive_int
from scratchnn.layers.cell import Cell, CheckedCell, own_parameters_of, recurrent_gates_of, sizes_of
from scratchnn.layers.recurrent import Recurrent, RecurrentSettings


class RNN(Recurrent):
    """A recurrent layer that walks any `Cell` through time, forward and backward.

    (1)  ax, ah = x[t] Wx + b, h[t] Wh
    (2)  state[t+1] = cell(ax, ah, state[t]), or state[t] where the mask is False

    Shapes: x (B, T, D) -> y (B, H), the last h, or (B, T, H) with `return_sequences`; H is the first `state_size`
    Params: Wx (D, gates H), Wh (H, recurrent_gates H), b (gates H,), and those of the cell.
    Cache:  x, all states, and what the cell saved of each step.
    Keras:  its RNN takes a cell too, and leaves the backward pass to autograd; here the cell has its own. The settings
            are those of SimpleRNN, without units and activation.
    Raises: TypeError for anything that is not a Cell, ValueError for a cell that returns wrong shapes, or for a backend
            other than "reference".
    """

    def __init__(self, cell: Cell, **settings: Unpack[RecurrentSettings]) -> None:
        if not isinstance(cell, Cell):
            raise TypeError(f"RNN takes a cell, derived from scratchnn.layers.Cell, got {cell!r}")
        if "units" in settings:
            raise TypeError("RNN takes no units: the cell decides about that")
        self.cell, kind = cell, type(cell).__name__
        self._sizes = sizes_of(cell)
        super().__init__(self._sizes[0], **settings)
        self.gates = positive_int(kind, "gates", cell.gates)
        others = ("c",) if len(self._sizes) == 2 else tuple(f"state {i}" for i in range(1, len(self._sizes)))
        self.state_names = ("h", *others)
        if self.recurrent_dropout and not self.recurrent_gates:
            raise ValueError(f"RNN: recurrent_dropout needs recurrent weights, but {kind} has recurrent_gates=0")

    @property
    def _parts(self) -> list[Cell]:
        return [self.cell]

    def trainable_names(self) -> list[str]:
        """In Keras all weights belong to the cell, so a frozen cell freezes them all."""
        return super().trainable_names() if self.cell.trainable else []

    @property
    def recurrent_gates(self) -> int:
        return recurrent_gates_of(self.cell)

    @property
    def state_sizes(self) -> tuple[int, ...]:
        return self._sizes

    def build(self, input_shape: Shape, **settings: Any) -> None:
        super().build(input_shape, **settings)
        self._pair()  # an error now, not with the first batch

    def parameter_shapes(self, input_shape: Shape) -> dict:
        own = {name: (shape, initializers.get(rule)) for name, (shape, rule) in own_parameters_of(self.cell).items()}
        return super().parameter_shapes(input_shape) | own

    def _pair(self) -> Any:
        return self.backend.pair("recurrence", f"RNN({type(self.cell).__name__})")

    def run_forward(self, call: Recurrence) -> tuple[Array, State, Any]:
        own = {name: param for name, param in self.params.items() if name not in ("Wx", "Wh", "b")}
        Wh = self.params.get("Wh")
        Wh = np.zeros((self.units, 0), self.dtype) if Wh is None else Wh
        return self._pair().forward(CheckedCell(self.cell, own), call, self.params["Wx"], Wh, self.bias("b"), **own)

    def run_backward(self, dy: Array | None, dstate: tuple, cache: Any) -> tuple[Array, Grads, State]:
        return self._pair().backward(dy, dstate, cache)

    def get_config(self) -> Config:
        return {**self._settings(), "cell": class_in_file(self.cell)}

    def _settings(self) -> Config:
        """The constructor's arguments but the cell, which decides about the units."""
        return {name: value for name, value in super().get_config().items() if name != "units"}

    def describe(self) -> str:
        return ", ".join([type(self.cell).__name__, f"{self.units} units", *self._how()])
