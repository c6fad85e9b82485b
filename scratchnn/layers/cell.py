"""A cell of your own: one time step of a recurrent layer. docs/extending.md shows how to write one."""

from functools import partial
from typing import Any

import numpy as np
from scratchnn_kernels import contract
from scratchnn_kernels.contract import Array, Grads, State

from scratchnn.core.attributes import refuse_unheard
from scratchnn.core.checks import whole_number
from scratchnn.core.descriptions import remade
from scratchnn.layers.base import Config, positive_int
from scratchnn.layers.trainable import Trainable

# The layer's parameters, and the arguments of the cell's methods: no names for a parameter of the cell's own.
RESERVED = {"Wx", "Wh", "b", "self", "cell", "call"}
RESERVED |= {"ax", "ah", "dax", "dah", "state", "states", "dafter", "after", "saved"}


class Cell(contract.Cell, Trainable):
    """One time step of a recurrent layer: derive your own, and write `forward` and `backward`.

    after, saved = forward(ax, ah, state)
    dax, dah, dstate = backward(dafter, state, after, saved)

    ax (B, gates H) = x[t] Wx + b and ah (B, recurrent_gates H) = h[t] Wh come from the layer, which owns these weights.
    `state` is a tuple of arrays (B, size), one for each of `state_size`; the first is h, which the layer returns as its
    output. `dstate` is the gradient of `state` through the cell's own use of it; the layer adds what went through ah.

    A cell may have parameters of its own. They are passed to every method by name, and `backward_own(dax, dah, dafter,
    states, saved, ...)` returns their gradients, for all time steps at once: every array has a time axis in front, and
    states have one step more. What a cell is given, it must not change.
    """

    state_size: int | tuple[int, ...]
    gates: int = 1
    recurrent_gates: int | None = None  # None: as many as `gates`; 0: the cell has no use for ah, and there is no Wh

    def __init_subclass__(cls, **settings: Any) -> None:
        super().__init_subclass__(**settings)
        refuse_unheard(cls, "Cell")

    def own_parameters(self) -> dict[str, tuple[tuple[int, ...], Any]]:
        """The shape and the initializer (or its name) of each parameter that the cell has besides Wx, Wh and b."""
        return {}

    def get_config(self) -> Config:
        """The constructor's arguments, as plain values for a model file."""
        return {}

    @classmethod
    def from_config(cls, config: Any) -> Any:
        """A cell with the settings that `get_config` described."""
        return remade(cls, config, {})


def sizes_of(cell: Cell) -> tuple[int, ...]:
    """The widths of a cell's states, or a ValueError."""
    kind, state_size = type(cell).__name__, getattr(cell, "state_size", None)
    if state_size is None:
        raise ValueError(
            f"{kind} has no state_size: set it to the number of units, or to a tuple of numbers, the width of h first"
        )
    sizes = tuple(state_size) if isinstance(state_size, list | tuple) else (state_size,)
    if not sizes:
        raise ValueError(f"{kind}: state_size must name the width of one state or more, got {state_size!r}")
    return tuple(positive_int(kind, "state_size", size) for size in sizes)


def recurrent_gates_of(cell: Cell) -> int:
    """The blocks of columns of ah, or a ValueError."""
    if cell.recurrent_gates is None:
        return cell.gates
    return whole_number(f"{type(cell).__name__}: recurrent_gates", cell.recurrent_gates, 0)


def own_parameters_of(cell: Cell) -> dict[str, tuple[tuple[int, ...], Any]]:
    """A cell's own parameters, or a ValueError."""
    kind, own = type(cell).__name__, cell.own_parameters()
    wanted = f"{kind}.own_parameters must return a dict of name: (shape, initializer)"
    if not isinstance(own, dict):
        raise ValueError(f"{wanted}, got {own!r}")
    for name, entry in own.items():
        if not isinstance(name, str) or not name.isidentifier() or name in RESERVED:
            raise ValueError(f"{kind}: its own parameter needs another name than {name!r}, which is taken or no name")
        shape = entry[0] if isinstance(entry, tuple) and len(entry) == 2 else None
        if not isinstance(shape, tuple) or not all(isinstance(n, int) and n >= 0 for n in shape):
            raise ValueError(f"{wanted}, got {name!r}: {entry!r}")
    return own


class CheckedCell(contract.Cell):
    """A user's cell between the walk and its mistakes: each is named where it happens, with what was expected.

    The cell is given arrays that it cannot write to, and what it returns is copied: arrays of earlier steps stay as
    they were, whatever it does with its own.
    """

    def __init__(self, cell: Cell, own: dict[str, Array]) -> None:
        self.cell, self.own, self.kind = cell, _read_only(own), type(cell).__name__
        self.gates, self.recurrent_gates = cell.gates, recurrent_gates_of(cell)

    def forward(self, ax: Array, ah: Array, state: State, **own: Any) -> tuple[State, Any]:
        after, saved = self._call("forward", ("after", "saved"), ax, ah, state)
        self._require("forward must return as its new state", after, [each.shape for each in state], ax.dtype)
        if self.own and not isinstance(saved, tuple):
            got = type(saved).__name__
            raise ValueError(f"{self.kind}.forward must save a tuple of arrays for backward_own, got {got}")
        return _copies(after), _copies(saved) if isinstance(saved, tuple) else saved

    def backward(self, dafter: State, state: State, after: State, saved: Any, **own: Any) -> tuple[Array, Array, State]:
        dax, dah, dstate = self._call("backward", ("dax", "dah", "dstate"), dafter, state, after, saved)
        (B, H), dtype = state[0].shape, state[0].dtype
        self._require("backward must return as dax", [dax], [(B, self.gates * H)], dtype)
        self._require("backward must return as dah", [dah], [(B, self.recurrent_gates * H)], dtype)
        self._require("backward must return as dstate", dstate, [each.shape for each in state], dtype)
        return dax.copy(), dah.copy(), _copies(dstate)

    def backward_own(self, dax: Array, dah: Array, dafter: list, states: list, saved: list, **own: Any) -> Grads:
        grads = self.cell.backward_own(dax, dah, dafter, states, saved, **self.own)
        if not isinstance(grads, dict) or grads.keys() != self.own.keys():
            got = sorted(grads) if isinstance(grads, dict) else grads
            raise ValueError(f"{self.kind}.backward_own must return gradients of {sorted(self.own)}, got {got!r}")
        for name, param in self.own.items():
            self._require(f"backward_own must return for {name}", [grads[name]], [param.shape], param.dtype)
        return grads

    def _call(self, method: str, names: tuple[str, ...], *arrays: Any) -> tuple:
        """What the cell's method returns, as many things as there are names."""
        if getattr(type(self.cell), method) is getattr(contract.Cell, method):
            raise ValueError(f"{self.kind} must define {method}: see scratchnn.layers.Cell")
        given = getattr(self.cell, method)(*_read_only(arrays), **self.own)
        if not isinstance(given, tuple) or len(given) != len(names):
            got = f"a tuple of {len(given)}" if isinstance(given, tuple) else type(given).__name__
            raise ValueError(f"{self.kind}.{method} must return ({', '.join(names)}), got {got}")
        return given

    def _require(self, what: str, arrays: Any, shapes: list[tuple[int, ...]], dtype: np.dtype) -> None:
        """Raise ValueError unless these are arrays of these shapes and this dtype."""
        several = isinstance(arrays, list | tuple)
        if several and len(arrays) == len(shapes) and all(map(partial(_is, dtype), arrays, shapes)):
            return
        wanted = ", ".join(f"{dtype} {shape}" for shape in shapes)
        if not several:
            got = "None" if arrays is None else f"a bare {type(arrays).__name__}"
            raise ValueError(f"{self.kind}.{what} a tuple of {len(shapes)}, {wanted}; got {got}")
        got = ", ".join(f"{a.dtype} {a.shape}" if type(a) is np.ndarray else repr(a) for a in arrays) or "nothing"
        raise ValueError(f"{self.kind}.{what} {wanted}, got {got}")


def _is(dtype: np.dtype, array: Any, shape: tuple[int, ...]) -> bool:
    # Complex numbers are those of gradients/complex_step.py, in arrays of a class of its own.
    plain = type(array) is np.ndarray or (dtype.kind == "c" and isinstance(array, np.ndarray))
    return plain and array.dtype == dtype and array.shape == shape


def _read_only(value: Any) -> Any:
    """The same arrays, in tuples or a dict, but not to be written to."""
    if isinstance(value, np.ndarray):
        view = value.view()
        view.flags.writeable = False
        return view
    if isinstance(value, dict):
        return {name: _read_only(each) for name, each in value.items()}
    return tuple(map(_read_only, value)) if isinstance(value, tuple) else value


def _copies(values: Any) -> tuple:
    return tuple(value.copy() if isinstance(value, np.ndarray) else value for value in values)
