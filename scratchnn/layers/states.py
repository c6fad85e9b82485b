"""The states of a recurrent layer from outside: given, returned, and carried from batch to batch."""

from typing import Any

from scratchnn_kernels.contract import Array, State

from scratchnn.layers.base import Layer, Shape


class WithStates(Layer):
    """A layer that begins with states of shape (B, size), zeros unless they are given or carried, and ends with others.

    With `stateful` it carries them: `states` is what the next batch begins with, each row where the same row of the
    batch before ended. They are replaced, never written to. As in Keras every forward pass moves them on, also those of
    predict, evaluate and validation, and nothing but `reset_states` sets them back.
    """

    takes_state = True
    not_settings = ("states",)
    stateful: bool = False
    states: list[Array] | None = None  # None: the next batch begins with zeros, and decides about its size
    state_names: tuple[str, ...] = ("h",)

    @property
    def state_sizes(self) -> tuple[int, ...]:
        """The width of each state; the first is h, of H units."""
        raise NotImplementedError

    def build(self, input_shape: Shape, **settings: Any) -> None:
        super().build(input_shape, **settings)
        self.reset_states()

    def reset_states(self) -> None:
        """Let the next batch of a stateful layer begin with zeros; it may have another size, unless Input fixes it."""
        self.states = None
        if self.batch_size is not None:
            self.states = list(self._zeros(self.batch_size))

    reset_state = reset_states  # Keras has both names

    @property
    def batch_size(self) -> int | None:
        """How many rows every batch of a stateful layer must have; None where the next one decides."""
        fixed = self.input_shape[0] if self.stateful and self.built else None
        return len(self.states[0]) if fixed is None and self.states else fixed

    def as_state(self, initial_state: Any, B: int) -> State:
        """A given initial state as kernels expect it, checked."""
        shapes = [(B, size) for size in self.state_sizes]
        arrays = list(initial_state) if isinstance(initial_state, list | tuple) else [initial_state]
        arrays = tuple(self.backend.array(array, self.dtype, "initial_state") for array in arrays)
        if [array.shape for array in arrays] != shapes:
            raise ValueError(
                f"{self.label} takes as initial_state {list(self.state_names)} of shapes {shapes}; "
                f"got shapes {[array.shape for array in arrays]}"
            )
        return arrays

    def _zeros(self, B: int) -> State:
        return tuple(self.backend.xp.zeros((B, size), self.dtype) for size in self.state_sizes)

    def _carried(self, B: int) -> State | None:
        """What a stateful layer begins with, or None for zeros."""
        if self.batch_size not in (None, B):
            raise ValueError(
                f"{self.label} is stateful: each row goes on where the same row of the batch before ended, so every "
                f"batch has {self.batch_size} rows, got {B}. Call reset_states() before another stream of data"
            )
        return None if self.states is None else self.as_state(self.states, B)
