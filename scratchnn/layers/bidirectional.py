from dataclasses import dataclass
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array, Grads, State

from scratchnn.core import randomness
from scratchnn.core.names import class_in_file, look_up
from scratchnn.layers.base import Config, Layer, Shape
from scratchnn.layers.recurrent import Recurrent
from scratchnn.layers.trainable import Weight
from scratchnn.regularizers import Regularizer

MERGE_MODES = ("concat", "sum", "mul", "ave")


@dataclass(frozen=True)
class BidirectionalCache:
    forward: Any
    backward: Any
    y_forward: Array  # what was merged; "mul" needs them
    y_backward: Array
    state_given: bool
    state_returned: bool


class Bidirectional(Layer):
    """Two recurrent layers over the same x, one from each end, and their outputs merged.

    (1)  y_f = forward_layer(x),  y_b = backward_layer(x read from the end), reversed again if it is a sequence
    (2)  y   = [y_f y_b]  |  y_f + y_b  |  y_f ⊙ y_b  |  (y_f + y_b) / 2      for concat, sum, mul, ave

    Shapes: x (B, T, D) -> y (B, 2H) or (B, H), with a T axis if the layer returns sequences
    Params: those of both layers, named "forward.Wx", "backward.Wx" and so on: twice as many.
    Cache:  the caches of both, and both outputs.
    Keras:  the same; with sequences, masked steps give zeros (elsewhere they repeat the step before).
    Raises: ValueError for an unknown merge_mode, TypeError for a layer that is not recurrent.
    Source: Schuster and Paliwal, "Bidirectional Recurrent Neural Networks", IEEE Trans. Signal Processing 45(11), 1997.
    """

    supports_masking = True
    takes_keep_cache = True
    forward_layer: Recurrent
    backward_layer: Recurrent
    takes_state = True

    def __init__(
        self, layer: Recurrent, merge_mode: str = "concat", *, name: str | None = None, trainable: bool = True
    ) -> None:
        super().__init__(name=name, trainable=trainable)
        if not isinstance(layer, Recurrent):
            raise TypeError(f"Bidirectional takes a recurrent layer, got {type(layer).__name__}")
        self.merge_mode = look_up("merge_mode", merge_mode, {mode: mode for mode in MERGE_MODES})
        self.layer = layer
        self.forward_layer, self.backward_layer = self._copy(layer, False), self._copy(layer, True)

    @property
    def uses_rng(self) -> bool:
        return self.layer.uses_rng

    @property
    def _parts(self) -> list[Layer]:
        return [self.forward_layer, self.backward_layer]

    def trainable_names(self) -> list[str]:
        """One direction may be frozen: `bidirectional.backward_layer.trainable = False`."""
        if not self.trainable:
            return []
        sides = {"forward": self.forward_layer, "backward": self.backward_layer}
        return [f"{side}.{name}" for side, layer in sides.items() for name in layer.trainable_names()]

    @property
    def weights(self) -> list[Weight]:
        return self.forward_layer.weights + self.backward_layer.weights

    @staticmethod
    def _copy(layer: Any, other_way: bool) -> Any:
        copy = layer.clone()
        vars(copy)["go_backwards"] = layer.go_backwards != other_way  # settings, fixed for everybody else
        # In a sequence, a masked step would repeat the last output of each direction, and those belong to two different
        # steps. Like Keras, this sets the flag in both directions.
        vars(copy)["zero_output_for_mask"] = layer.return_sequences
        return copy

    # ---- states: those of the forward layer, then those of the backward layer

    @property
    def return_state(self) -> bool:
        return self.layer.return_state

    @property
    def stateful(self) -> bool:
        return self.layer.stateful

    @property
    def state_names(self) -> tuple[str, ...]:
        return tuple(f"{way}.{name}" for way in ("forward", "backward") for name in self.layer.state_names)

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
        half = len(self.layer.state_names)
        if not isinstance(states, list | tuple) or len(states) != 2 * half:
            got = len(states) if isinstance(states, list | tuple) else type(states).__name__
            raise ValueError(f"{self.label} takes {2 * half} arrays as initial_state, got {got}")
        return list(states[:half]), list(states[half:])

    # ---- shapes and parameters

    def compute_output_shape(self, input_shape: Shape) -> Any:
        shape = self.forward_layer.compute_output_shape(input_shape)
        y_shape, *states = shape if self.layer.return_state else (shape,)
        if self.merge_mode == "concat":
            y_shape = (*y_shape[:-1], self._width * y_shape[-1])
        return (y_shape, *states, *states) if self.layer.return_state else y_shape

    def build(self, input_shape: Shape, *, seed: randomness.GivenSeed = None, index: int = 0, **settings: Any) -> None:
        settings["seed"] = randomness.layer_seed() if seed is None else seed
        # Both draw from one seed; the second index is beyond that of any layer of a model, so the draws differ.
        self.forward_layer.build(input_shape, index=index, **settings)
        self.backward_layer.build(input_shape, index=index + 2**32, **settings)
        params = self._params_of_both()
        super().build(input_shape, index=index, **settings)
        self.set_params(params)

    def _params_of_both(self) -> dict[str, Array]:
        params = {f"forward.{name}": param for name, param in self.forward_layer.params.items()}
        return params | {f"backward.{name}": param for name, param in self.backward_layer.params.items()}

    def __getstate__(self) -> Config:
        return super().__getstate__() | {"params": {}}  # those of both layers are theirs

    def __setstate__(self, state: Config) -> None:
        vars(self).update(state)
        self.set_params(self._params_of_both())

    def check_shape(self, shape: Shape) -> None:
        self.forward_layer.check_shape(shape)

    def set_params(self, params: dict[str, Array]) -> None:
        super().set_params(params)
        for prefix, layer in (("forward.", self.forward_layer), ("backward.", self.backward_layer)):
            own = {name.removeprefix(prefix): p for name, p in params.items() if name.startswith(prefix)}
            layer.set_params(own)

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
        if self.layer.return_sequences:
            y_b = y_b[:, ::-1]  # (1)

        if self.merge_mode == "concat":  # (2)
            y = np.concatenate([y_f, y_b], axis=-1)
        elif self.merge_mode == "mul":
            y = y_f * y_b
        else:
            y = (y_f + y_b) * self._share
        given = initial_state is not None
        cache = BidirectionalCache(cache_f, cache_b, y_f, y_b, given, returned) if keep_cache else None
        return (y, *states_f, *states_b) if returned else y, cache

    def backward(self, dy: Any, cache: BidirectionalCache) -> tuple[Any, Grads]:
        half = len(self.layer.state_names)
        dy, *dstates = dy if cache.state_returned else (dy, *[None] * 2 * half)
        if dy is not None:
            y_shape = cache.y_forward.shape
            dy = self.as_gradient(dy, (*y_shape[:-1], self._width * y_shape[-1]))
        if dy is None:
            dy_f = dy_b = None
        elif self.merge_mode == "concat":  # (2)
            dy_f, dy_b = np.split(dy, 2, axis=-1)
        elif self.merge_mode == "mul":
            dy_f, dy_b = dy * cache.y_backward, dy * cache.y_forward
        else:
            dy_f = dy_b = dy * self._share
        if self.layer.return_sequences and dy_b is not None:
            dy_b = dy_b[:, ::-1]  # (1)
        if cache.state_returned:
            dy_f, dy_b = (dy_f, *dstates[:half]), (dy_b, *dstates[half:])
        dx_f, grads_f = self.forward_layer.backward(dy_f, cache.forward)
        dx_b, grads_b = self.backward_layer.backward(dy_b, cache.backward)
        (dx_f, *dstates_f), (dx_b, *dstates_b) = (dx_f, dx_b) if cache.state_given else ((dx_f,), (dx_b,))
        dx = dx_f + dx_b
        grads = {f"forward.{name}": g for name, g in grads_f.items()}
        grads |= {f"backward.{name}": g for name, g in grads_b.items()}
        return (dx, *dstates_f, *dstates_b) if cache.state_given else dx, grads

    @property
    def _width(self) -> int:
        """The width of y, counted in units of one direction."""
        return 2 if self.merge_mode == "concat" else 1

    @property
    def _share(self) -> float:
        """The factor of y_f + y_b in sum and ave."""
        return 0.5 if self.merge_mode == "ave" else 1.0

    def compute_mask(self, x: Array, mask: Array | None) -> Array | None:
        return mask if self.layer.return_sequences else None

    def regularizers(self) -> dict[str, Regularizer]:
        sides = {"forward": self.forward_layer, "backward": self.backward_layer}
        return {f"{side}.{name}": r for side, layer in sides.items() for name, r in layer.regularizers().items()}

    def to_keras(self, params: list[Array]) -> list[Array]:
        half = len(params) // 2
        return self.forward_layer.to_keras(params[:half]) + self.backward_layer.to_keras(params[half:])

    def from_keras(self, weights: list[Array]) -> list[Array]:
        half = len(weights) // 2
        return self.forward_layer.from_keras(weights[:half]) + self.backward_layer.from_keras(weights[half:])

    def get_config(self) -> Config:
        return super().get_config() | {"layer": class_in_file(self.layer), "merge_mode": self.merge_mode}

    def describe(self) -> str:
        return f"{type(self.layer).__name__}, {self.layer.describe()}, {self.merge_mode}"
