"""What a recurrent layer computed inside, step by step: `layer.trace(x)`, the same named arrays on every backend.

The caches of the fast kernels have a layout for each backend. A trace does not read them: it walks x once more with the
reference kernels and the layer's weights, which keep every gate in plain arrays (tests hold its h and c to those of the
fast kernels).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike
from scratchnn_kernels.contract import Array

from scratchnn.core import backend
from scratchnn.initializers import values_follow

if TYPE_CHECKING:
    from scratchnn.layers.base import Layer


@dataclass(frozen=True, eq=False)
class Trace(Mapping[str, Array]):
    """Named arrays (B, T, H), step t in place t: the gates of that step, and the states that leave it.

    `i f g o h c` of an LSTM, `z r g h` of a GRU, `h` of a SimpleRNN, the states of an `RNN(cell)`. A Bidirectional has
    those of both layers, "forward.h" and "backward.h"; place t belongs to x[:, t] in both, so the layer from the end
    read x[:, t + 1] before it. At a masked step there are no gates, NaN, and the states are those before it.
    """

    layer: str
    arrays: dict[str, Array]
    initial: dict[str, Array]
    """The states (B, H) that the first step began with, by the names of the states."""

    def __getitem__(self, name: str) -> Array:
        return self.arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.arrays)

    def __len__(self) -> int:
        return len(self.arrays)

    def __repr__(self) -> str:
        shapes = {array.shape for array in self.arrays.values()}
        return f"<Trace of {self.layer}: {' '.join(self)}, {' and '.join(map(str, sorted(shapes)))}>"


def on_reference(layer: Any, dtype: DTypeLike | None = None, *, input_shape: Any = None) -> Any:
    """A layer with the same settings and weights on the reference backend, in `dtype` (None: the layer's)."""
    layer.require_built()
    copy: Layer = layer.clone()
    with values_follow():
        copy.build(
            layer.input_shape if input_shape is None else input_shape,
            backend=backend.load("reference"),
            dtype=layer.dtype if dtype is None else dtype,
            seed=0,
        )
    copy.set_params({name: np.array(layer.backend.to_host(p), copy.dtype) for name, p in layer.params.items()})
    return copy


def traced(layer: Any, x: Any, mask: Any, initial_state: Any) -> Trace:
    """The trace of a layer that is one walk, not two; see `Recurrent.trace`."""
    copy = on_reference(layer)
    if layer.states is not None:
        copy.states = [np.array(layer.backend.to_host(state)) for state in layer.states]
    host = layer.backend.to_host
    given = initial_state if initial_state is None else [host(state) for state in initial_state]
    _, cache = copy.forward(host(x), mask=host(mask), initial_state=given)
    return of_walk(copy, cache.kernel_cache)


def of_walk(layer: Any, walk: Any) -> Trace:
    """The trace of a layer on the reference backend from the cache of its walk."""
    arrays = {name: _in_order(layer, [kept[n] for kept in walk.saved]) for n, name in enumerate(layer.gate_names)}
    for array in arrays.values():
        real = np.broadcast_to(walk.mask[:, :, 0].T, array.shape[:2])
        array[~(real[:, ::-1] if layer.go_backwards else real)] = np.nan
    for n, name in enumerate(layer.state_names):
        arrays[name] = _in_order(layer, [state[n] for state in walk.states[1:]])
    return Trace(layer.label, arrays, dict(zip(layer.state_names, walk.states[0], strict=True)))


def _in_order(layer: Any, steps: list[Array]) -> Array:
    """Arrays (B, H), one for each step of the walk, as one (B, T, H) in the order of x."""
    return np.stack(steps[::-1] if layer.go_backwards else steps, axis=1)
