import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scratchnn_kernels.contract import Array, Grads, State

from scratchnn.core.names import class_in_file, look_up
from scratchnn.layers.base import Config, Layer, Memory, Shape
from scratchnn.layers.inside import Wrapper, build_inside
from scratchnn.layers.recurrent import Recurrent
from scratchnn.layers.trace import Trace

MERGE_MODES = ("concat", "sum", "mul", "ave")
_FIXED = {
    "layer": "the two layers that it trains are forward_layer and backward_layer, copies of the one that was given",
    **dict.fromkeys(("forward_layer", "backward_layer"), "both layers are made with it; make another Bidirectional"),
}
ALIKE = ("return_sequences", "return_state", "stateful")  # settings that both layers must have in common


@dataclass(frozen=True)
class BidirectionalCache:
    forward: Any
    backward: Any
    y_forward: Array  # what was merged; "mul" needs them
    y_backward: Array
    state_given: bool
    state_returned: bool


class Bidirectional(Wrapper):
    """Two recurrent layers over the same x, one from each end, and their outputs merged.

    (1)  y_f = forward_layer(x),  y_b = backward_layer(x read from the end), reversed again if it is a sequence
    (2)  y   = [y_f y_b]  |  y_f + y_b  |  y_f ⊙ y_b  |  (y_f + y_b) / 2      for concat, sum, mul, ave

    merge_mode=None returns both, y_f and y_b, as two outputs. Such a layer must be the last of a model, which is a
    chain of layers with one input each. The layer from the end has the settings of the other, unless `backward_layer`
    is given, a layer of its own with go_backwards.

    Shapes: x (B, T, D) -> y (B, 2H) or (B, H), with a T axis if the layer returns sequences
    Params: those of both layers, named "forward.Wx", "backward.Wx" and so on.
    Cache:  the caches of both, and both outputs.
    Keras:  the same; with sequences, masked steps give zeros (elsewhere they repeat the step before). It refuses a
            layer with go_backwards and no backward_layer; here the two directions then change places.
    Raises: ValueError for an unknown merge_mode and for two layers that do not go together, TypeError for a layer that
            is not recurrent.
    Source: Schuster and Paliwal, "Bidirectional Recurrent Neural Networks", IEEE Trans. Signal Processing 45(11), 1997.
    """

    supports_masking = True
    takes_keep_cache = True
    forward_layer: Recurrent
    backward_layer: Recurrent
    takes_state = True

    def __init__(
        self,
        layer: Recurrent,
        merge_mode: str | None = "concat",
        *,
        backward_layer: Recurrent | None = None,
        name: str | None = None,
        input_shape: Any = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(name=name, input_shape=input_shape, trainable=trainable)
        for each in (layer,) if backward_layer is None else (layer, backward_layer):
            if not isinstance(each, Recurrent):
                raise TypeError(f"Bidirectional takes a recurrent layer, got {type(each).__name__}")
        modes = {mode: mode for mode in MERGE_MODES}
        self.merge_mode = None if merge_mode is None else look_up("merge_mode", merge_mode, modes)
        self._given_backward = backward_layer is not None
        if backward_layer is None:
            backward_layer = self._copy(layer, True)
        else:
            self._check_pair(layer, backward_layer)
            vars(backward_layer)["zero_output_for_mask"] = layer.return_sequences
        # The layer that was given is only what both are made from; a backward_layer that was given is itself, as in
        # Keras.
        vars(self).update(forward_layer=self._copy(layer, False), backward_layer=backward_layer)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _FIXED:
            raise AttributeError(f"{self.label} cannot set its attribute {name!r}: {_FIXED[name]}")
        super().__setattr__(name, value)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name == "layer":
                raise AttributeError(f"{type(self).__name__!r} object has no attribute 'layer': {_FIXED[name]}")
            return super().__getattr__(name)

    def _check_pair(self, layer: Recurrent, backward_layer: Recurrent) -> None:
        if backward_layer is layer:
            raise ValueError("Bidirectional: backward_layer must be another layer than the first one")
        if layer.go_backwards == backward_layer.go_backwards:
            raise ValueError(
                f"Bidirectional: one layer must read from the end, but both have go_backwards={layer.go_backwards}; "
                "give it to backward_layer: GRU(3, go_backwards=True)"
            )
        for setting in ALIKE:
            values = getattr(layer, setting), getattr(backward_layer, setting)
            if values[0] != values[1]:
                raise ValueError(
                    f"Bidirectional: both layers need the same {setting}, got {values[0]}, and {values[1]} of "
                    "backward_layer"
                )
        if self.merge_mode not in (None, "concat") and layer.units != backward_layer.units:
            raise ValueError(
                f"Bidirectional: merge_mode={self.merge_mode!r} needs outputs of one width, got {layer.units} units "
                f"and {backward_layer.units}; merge_mode='concat' takes both"
            )

    @property
    def _inner(self) -> dict[str, Layer]:
        return {"forward.": self.forward_layer, "backward.": self.backward_layer}

    @property
    def y_count(self) -> int:
        return 2 if self.merge_mode is None else 1

    @staticmethod
    def _copy(layer: Any, other_way: bool) -> Any:
        copy = layer.clone()
        vars(copy)["go_backwards"] = layer.go_backwards != other_way  # settings, fixed for everybody else
        # In a sequence, a masked step would repeat the last output of each direction, and those belong to two different
        # steps. Like Keras, this sets the flag in both directions.
        vars(copy)["zero_output_for_mask"] = layer.return_sequences
        return copy

    @property
    def flat_at(self) -> tuple[float, ...]:
        return self.forward_layer.flat_at if self.merge_mode in ("concat", "ave") else ()

    # ---- states: those of the forward layer, then those of the backward layer

    @property
    def return_state(self) -> bool:
        return self.forward_layer.return_state

    @property
    def stateful(self) -> bool:
        return self.forward_layer.stateful

    @property
    def state_names(self) -> tuple[str, ...]:
        sides = {"forward.": self.forward_layer, "backward.": self.backward_layer}
        return tuple(side + name for side, layer in sides.items() for name in layer.state_names)

    @property
    def states(self) -> list[Array] | None:
        if self.forward_layer.states is None or self.backward_layer.states is None:
            return None
        return [*self.forward_layer.states, *self.backward_layer.states]

    @states.setter
    def states(self, states: list[Array] | None) -> None:
        halves = (None, None) if states is None else self._halves(states)
        self.forward_layer.states, self.backward_layer.states = halves

    @property
    def batch_size(self) -> int | None:
        return self.forward_layer.batch_size

    def reset_states(self) -> None:
        """As a recurrent layer's; as in Keras, an AttributeError unless it is stateful."""
        if not self.stateful:
            raise AttributeError(f"{self.label} carries no states: give stateful=True to the layer that it wraps")
        self.forward_layer.reset_states()
        self.backward_layer.reset_states()

    reset_state = reset_states

    def as_state(self, initial_state: Any, B: int) -> State:
        forward, backward = self._halves(initial_state)
        return (*self.forward_layer.as_state(forward, B), *self.backward_layer.as_state(backward, B))

    def _halves(self, states: Any) -> tuple[list[Array], list[Array]]:
        first, count = len(self.forward_layer.state_names), len(self.state_names)
        if not isinstance(states, list | tuple) or len(states) != count:
            got = len(states) if isinstance(states, list | tuple) else type(states).__name__
            raise ValueError(f"{self.label} takes {count} arrays as initial_state, got {got}")
        return list(states[:first]), list(states[first:])

    # ---- shapes and parameters

    def compute_output_shape(self, input_shape: Shape) -> Any:
        shapes = [layer.compute_output_shape(input_shape) for layer in self._parts]
        (y_f, *states_f), (y_b, *states_b) = shapes if self.return_state else ((shape,) for shape in shapes)
        if self.merge_mode is None:
            return (y_f, y_b, *states_f, *states_b)
        y = (*y_f[:-1], y_f[-1] + y_b[-1]) if self.merge_mode == "concat" else y_f
        return (y, *states_f, *states_b) if self.return_state else y

    def _build_inner(self, input_shape: Shape, *, index: int = 0, **settings: Any) -> None:
        # Both draw from one seed; the second index is beyond that of any layer of a model, so the draws differ.
        self.forward_layer.build(input_shape, index=index, **settings)
        if self._given_backward:
            build_inside(self, self.backward_layer, input_shape, index=index + 2**32, **settings)
        else:
            self.backward_layer.build(input_shape, index=index + 2**32, **settings)

    def check_shape(self, shape: Shape) -> None:
        for layer in self._parts:
            layer.check_shape(shape)

    def forward(
        self,
        x: Array,
        *,
        mask: Any = None,
        training: bool = False,
        rng: Any = None,
        initial_state: Any = None,
        return_state: bool | None = None,
        keep_cache: bool = True,
    ) -> tuple[Any, BidirectionalCache | None]:
        """`initial_state`: the forward layer's states, then the backward layer's. The other words: see `Recurrent`."""
        x = self.as_input(x)
        state_f, state_b = (None, None) if initial_state is None else self._halves(initial_state)
        returned = self.return_state if return_state is None else return_state
        options: dict[str, Any] = {"mask": mask, "training": training, "rng": rng, "keep_cache": keep_cache}
        options |= {} if returned == self.return_state else {"return_state": returned}
        y_f, cache_f = self.forward_layer.forward(x, initial_state=state_f, **options)
        y_b, cache_b = self.backward_layer.forward(x, initial_state=state_b, **options)
        (y_f, *states_f), (y_b, *states_b) = (y_f, y_b) if returned else ((y_f,), (y_b,))
        if self.forward_layer.return_sequences:
            y_b = y_b[:, ::-1]  # (1)

        y: tuple[Any, ...]
        if self.merge_mode is None:
            y = y_f, y_b
        elif self.merge_mode == "concat":  # (2)
            y = (np.concatenate([y_f, y_b], axis=-1),)
        elif self.merge_mode == "mul":
            y = (y_f * y_b,)
        else:
            y = ((y_f + y_b) * self._share,)
        given = initial_state is not None
        cache = BidirectionalCache(cache_f, cache_b, y_f, y_b, given, returned) if keep_cache else None
        outputs: tuple[Any, ...] = (*y, *states_f, *states_b) if returned else y
        return outputs[0] if len(outputs) == 1 else outputs, cache

    def memory(self, shape: tuple[int, ...], *, training: bool) -> Memory:
        one, other = (layer.memory(shape, training=training) for layer in self._parts)
        x, y = math.prod(shape), sum(layer.memory(shape, training=False).kept for layer in self._parts)
        kept = one.kept + other.kept + y if training else y
        forward = max(one.forward, other.forward) + (0 if training else y)
        return Memory(kept, forward, max(one.backward, x + other.backward) + y, keeps_x=False)

    def backward(self, dy: Any, cache: BidirectionalCache) -> tuple[Any, Grads]:
        given = dy if isinstance(dy, tuple) else (dy,)
        dy_f, dy_b = self._of_both(given[: self.y_count], cache)
        if self.forward_layer.return_sequences and dy_b is not None:
            dy_b = dy_b[:, ::-1]  # (1)
        if cache.state_returned:
            dstates_f, dstates_b = self._halves(given[self.y_count :])
            dy_f, dy_b = (dy_f, *dstates_f), (dy_b, *dstates_b)
        else:
            dy_f = np.zeros_like(cache.y_forward) if dy_f is None else dy_f
            dy_b = np.zeros_like(cache.y_backward) if dy_b is None else dy_b
        dx_f, grads_f = self.forward_layer.backward(dy_f, cache.forward)
        dx_b, grads_b = self.backward_layer.backward(dy_b, cache.backward)
        (dx_f, *dstates_f), (dx_b, *dstates_b) = (dx_f, dx_b) if cache.state_given else ((dx_f,), (dx_b,))
        dx = dx_f + dx_b
        grads = {f"forward.{name}": g for name, g in grads_f.items()}
        grads |= {f"backward.{name}": g for name, g in grads_b.items()}
        return (dx, *dstates_f, *dstates_b) if cache.state_given else dx, grads

    def trace(self, x: Array, *, mask: Array | None = None, initial_state: Any = None) -> Trace:
        """The traces of both layers, as "forward.h" and "backward.h": place t belongs to x[:, t] in both."""
        states = (None, None) if initial_state is None else self._halves(initial_state)
        arrays, initial = {}, {}
        for (side, layer), state in zip(self._inner.items(), states, strict=True):
            one = layer.trace(x, mask=mask, initial_state=state)  # type: ignore[attr-defined]
            arrays |= {side + name: array for name, array in one.items()}
            initial |= {side + name: array for name, array in one.initial.items()}
        return Trace(self.label, arrays, initial)

    def _of_both(self, dy: tuple[Any, ...], cache: BidirectionalCache) -> tuple[Any, Any]:
        """The gradients of y_f and y_b; None for none."""
        shape_f, shape_b = cache.y_forward.shape, cache.y_backward.shape
        if self.merge_mode is None:
            dy_f, dy_b = dy
            return (
                None if dy_f is None else self.as_gradient(dy_f, shape_f),
                None if dy_b is None else self.as_gradient(dy_b, shape_b),
            )
        if dy[0] is None:
            return None, None
        if self.merge_mode == "concat":  # (2)
            whole = self.as_gradient(dy[0], (*shape_f[:-1], shape_f[-1] + shape_b[-1]))
            return whole[..., : shape_f[-1]], whole[..., shape_f[-1] :]
        whole = self.as_gradient(dy[0], shape_f)
        if self.merge_mode == "mul":
            return whole * cache.y_backward, whole * cache.y_forward
        return whole * self._share, whole * self._share

    @property
    def _share(self) -> float:
        """The factor of y_f + y_b in sum and ave."""
        return 0.5 if self.merge_mode == "ave" else 1.0

    def compute_mask(self, x: Array, mask: Array | None) -> Array | None:
        return mask if self.forward_layer.return_sequences else None

    def get_config(self) -> Config:
        """As in Keras, of the two layers as they are now; the one from the end is None where it has the settings of the
        other."""
        config = super().get_config() | {"layer": class_in_file(self.forward_layer), "merge_mode": self.merge_mode}
        return config | {"backward_layer": None if self._alike() else class_in_file(self.backward_layer)}

    def _alike(self) -> bool:
        """Whether the layer from the end can be made from the other one."""
        if self._given_backward:
            return False
        settings, other = (layer.get_config() | {"go_backwards": None} for layer in self._parts)
        return repr(settings) == repr(other)

    def describe(self) -> str:
        sides = self._parts[:1] if self._alike() else self._parts
        told = [", ".join(filter(None, (type(each).__name__, each.describe()))) for each in sides]
        return f"{' and '.join(told)}, {self.merge_mode or 'two outputs'}"
