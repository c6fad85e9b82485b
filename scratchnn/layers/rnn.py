"""`RNN(cell)`: a recurrent layer around a cell of your own. docs/extending.md shows how to write one."""

from typing import Any

import numpy as np
from scratchnn_kernels import contract
from scratchnn_kernels.contract import Array, Grads, Recurrence, State

from scratchnn import initializers
from scratchnn.core.names import class_in_file
from scratchnn.layers.base import Config, Shape, positive_int
from scratchnn.layers.recurrent import Recurrent


class Cell(contract.Cell):
    """One time step of a recurrent layer: derive your own, and write `forward` and `backward`.

    after, saved = forward(ax, ah, state)
    dax, dah, dstate = backward(dafter, state, after, saved)

    ax (B, gates H) = x[t] Wx + b and ah (B, recurrent_gates H) = h[t] Wh come from the layer, which owns these weights.
    `state` is a tuple of arrays (B, size), one for each of `state_size`; the first is h, which the layer shows.
    `dstate` is the gradient of `state` as far as the step used it itself; what went through ah, the layer adds.

    A cell may have parameters of its own. They are passed to both methods by name, and `backward_own(dax, dah, dafter,
    states, saved)` returns their gradients, for all time steps at once: a time axis is in front of every array, and
    states have one step more.
    """

    state_size: int | tuple[int, ...]
    gates: int = 1
    recurrent_gates: int | None = None  # None: as many as `gates`; 0: the cell has no use for ah, and there is no Wh

    def own_parameters(self) -> dict[str, tuple[tuple[int, ...], Any]]:
        """The shape and the initializer (or its name) of each parameter that the cell has beside Wx, Wh and b."""
        return {}

    def get_config(self) -> Config:
        """The constructor's arguments, as plain values for a model file."""
        return {}


class RNN(Recurrent):
    """A recurrent layer that walks any `Cell` through time, forward and backward.

    (1)  ax, ah = x[t] Wx + b, h[t] Wh
    (2)  state[t+1] = cell(ax, ah, state[t]), or state[t] where the mask is False

    Shapes: x (B, T, D) -> y (B, H), the last h, or (B, T, H) with `return_sequences`; H is the first `state_size`
    Params: Wx (D, gates H), Wh (H, recurrent_gates H), b (gates H,), and those of the cell.
    Cache:  x, all states, and what the cell saved of each step.
    Keras:  its RNN takes a cell too, but autograd goes back through it; ours says its own way back. The settings are
            those of SimpleRNN.
    Raises: TypeError for what is no Cell, ValueError for one that does not keep to its shapes, or for a backend other
            than "reference".
    """

    def __init__(self, cell: Cell, **settings: Any) -> None:
        if not isinstance(cell, Cell):
            raise TypeError(f"RNN takes a cell, derived from scratchnn.layers.Cell, got {cell!r}")
        self.cell, kind = cell, type(cell).__name__
        self._sizes = _sizes(kind, getattr(cell, "state_size", None))
        super().__init__(self._sizes[0], **settings)
        self.gates = positive_int(kind, "gates", cell.gates)
        self.states = ("h", "c", *(f"state {i}" for i in range(2, len(self._sizes))))[: len(self._sizes)]
        if self.recurrent_dropout and not self.recurrent_gates:
            raise ValueError(f"RNN: recurrent_dropout needs recurrent weights, but {kind} has recurrent_gates=0")

    @property
    def recurrent_gates(self) -> int:
        return self.cell.gates if self.cell.recurrent_gates is None else self.cell.recurrent_gates

    @property
    def state_sizes(self) -> tuple[int, ...]:
        return self._sizes

    def build(self, input_shape: Shape, **settings: Any) -> None:
        super().build(input_shape, **settings)
        self._pair()  # told now, not when the first batch comes

    def parameter_shapes(self, input_shape: Shape) -> dict:
        shapes, own = super().parameter_shapes(input_shape), self.cell.own_parameters()
        if taken := {"Wx", "Wh", "b"} & own.keys():
            raise ValueError(
                f"{self.label}: {', '.join(sorted(taken))} belongs to the layer; name the cell's otherwise"
            )
        return shapes | {name: (shape, initializers.get(rule)) for name, (shape, rule) in own.items()}

    def _pair(self) -> Any:
        return self.backend.pair("recurrence", f"RNN({type(self.cell).__name__})")

    def run_forward(self, call: Recurrence) -> tuple[Array, State, Any]:
        own = {name: self.params[name] for name in self.cell.own_parameters()}
        Wh = self.params.get("Wh")
        Wh = np.zeros((self.units, 0), self.dtype) if Wh is None else Wh
        return self._pair().forward(_Checked(self.cell, own), call, self.params["Wx"], Wh, self.bias("b"), **own)

    def run_backward(self, dy: Array | None, dstate: tuple, cache: Any) -> tuple[Array, Grads, State]:
        return self._pair().backward(dy, dstate, cache)

    def clone(self) -> "RNN":
        return type(self)(**(self.get_config() | {"cell": self.cell}))

    def get_config(self) -> Config:
        return {**self._settings(), "cell": class_in_file(self.cell)}

    def _settings(self) -> Config:
        """The constructor's arguments but the cell, which decides about the units."""
        return {name: value for name, value in super().get_config().items() if name != "units"}

    def describe(self) -> str:
        return ", ".join([type(self.cell).__name__, f"{self.units} units", *self._how()])


def _sizes(kind: str, state_size: Any) -> tuple[int, ...]:
    if state_size is None:
        raise ValueError(
            f"{kind} has no state_size: set it to the number of units, or to a tuple of numbers, the width of h first"
        )
    sizes = tuple(state_size) if isinstance(state_size, list | tuple) else (state_size,)
    if not sizes:
        raise ValueError(f"{kind}: state_size must name the width of one state or more, got {state_size!r}")
    return tuple(positive_int(kind, "state_size", size) for size in sizes)


class _Checked(contract.Cell):
    """A user's cell between the walk and its mistakes: each is named where it happens, with what was expected."""

    def __init__(self, cell: Cell, own: dict[str, Array]) -> None:
        self.cell, self.own = cell, own

    def forward(self, ax: Array, ah: Array, state: State, **own: Any) -> tuple[State, Any]:
        where, given = f"{type(self.cell).__name__}.forward", self.cell.forward(ax, ah, state, **own)
        after, saved = self._several(where, "after, saved", given)
        self._check_arrays(f"{where} must return as its new state", after, state)
        if self.own and not isinstance(saved, tuple):
            raise ValueError(f"{where} must save a tuple of arrays for backward_own, got {type(saved).__name__}")
        return tuple(after), saved

    def backward(self, dafter: State, state: State, after: State, saved: Any, **own: Any) -> tuple[Array, Array, State]:
        where = f"{type(self.cell).__name__}.backward"
        given = self.cell.backward(dafter, state, after, saved, **own)
        dax, dah, dstate = self._several(where, "dax, dah, dstate", given)
        B, H, dtype = *state[0].shape, state[0].dtype
        gates = {
            "dax": self.cell.gates,
            "dah": self.cell.gates if self.cell.recurrent_gates is None else self.cell.recurrent_gates,
        }
        for (name, count), array in zip(gates.items(), (dax, dah), strict=True):
            self._check_arrays(f"{where} must return as {name}", (array,), (np.empty((B, count * H), dtype),))
        self._check_arrays(f"{where} must return as dstate", dstate, state)
        return dax, dah, tuple(dstate)

    def backward_own(self, dax: Array, dah: Array, dafter: list, states: list, saved: list) -> Grads:
        where = f"{type(self.cell).__name__}.backward_own"
        grads = self.cell.backward_own(dax, dah, dafter, states, saved)
        if not isinstance(grads, dict) or grads.keys() != self.own.keys():
            got = sorted(grads) if isinstance(grads, dict) else grads
            raise ValueError(f"{where} must return gradients of {sorted(self.own)}, got {got!r}")
        for name, param in self.own.items():
            self._check_arrays(f"{where} must return for {name}", (grads[name],), (param,))
        return grads

    @staticmethod
    def _several(where: str, names: str, given: Any) -> tuple:
        if not isinstance(given, tuple) or len(given) != names.count(",") + 1:
            got = f"a tuple of {len(given)}" if isinstance(given, tuple) else type(given).__name__
            raise ValueError(f"{where} must return ({names}), got {got}")
        return given

    @staticmethod
    def _check_arrays(what: str, given: Any, expected: State) -> None:
        """Raise ValueError unless `given` is like `expected`: as many arrays, of these shapes and this dtype."""

        def looks(arrays: Any) -> Any:
            if not isinstance(arrays, list | tuple):
                return arrays if arrays is None else type(arrays).__name__
            return [f"{a.dtype} {a.shape}" if isinstance(a, np.ndarray) else repr(a) for a in arrays]

        if looks(given) != looks(expected):
            raise ValueError(f"{what} {', '.join(looks(expected))}, got {looks(given)}")
