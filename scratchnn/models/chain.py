"""What goes through a chain of layers besides the numbers: the shapes, and the states of recurrent layers."""

import warnings
from collections.abc import Sequence
from typing import Any

from scratchnn_kernels.contract import Array

from scratchnn.layers.base import Shape
from scratchnn.models import initial_states
from scratchnn.training.batches import States


class Chain:
    """The part of a `Model` that knows which shapes and states its layers take. All shapes have the batch axis."""

    layers: list[Any]
    input_shape: Shape
    _outputs: tuple[int, ...] | None  # of the last layer: 0 is y, others are states; None: all

    def require_built(self) -> None:
        raise NotImplementedError

    # ---- shapes

    @property
    def output_shape(self) -> Any:
        self.require_built()
        return self.layers[-1].output_shape

    @property
    def has_several_outputs(self) -> bool:
        shape: Any = self.output_shape
        return isinstance(shape[0], tuple) and (self._outputs is None or len(self._outputs) > 1)

    def y_shape_of(self, x: Array) -> tuple[int, ...]:
        """The shape of y for the batch x, or a ValueError where a layer cannot take what reaches it."""
        shape: Any = x.shape
        for layer in self.layers:
            try:
                layer.check_shape(shape)
            except ValueError as error:
                if layer is self.layers[0]:
                    raise
                raise ValueError(f"{self._misfit(x.shape)}: {error}") from error
            shape = layer.compute_output_shape(shape)
            if isinstance(shape[0], tuple):
                shape = shape[self._outputs[0] if layer is self.layers[-1] and self._outputs else 0]
        return shape

    def check_shape(self, shape: tuple[int, ...]) -> None:
        """Raise ValueError unless x of this shape has the lengths of the Input. A Sequential takes any, as in Keras."""
        if any(length not in (None, got) for length, got in zip(self.input_shape[1:], shape[1:], strict=False)):
            raise ValueError(f"{self._misfit(shape)}; an Input of shape (None, ...) takes any length")

    def _misfit(self, shape: tuple[int, ...]) -> str:
        return f"the model was built for x of shape {self.input_shape}, got {shape}"

    # ---- states that stateful layers carry from batch to batch

    @property
    def states(self) -> dict[str, list[Array] | None]:
        """What each stateful layer begins its next batch with, by its name; None stands for zeros."""
        return {layer.name: layer.states for layer in self._stateful()}

    @states.setter
    def states(self, carried: dict[str, list[Array] | None]) -> None:
        for layer in self.layers:
            if layer.name in carried:
                layer.states = carried[layer.name]

    def reset_states(self) -> None:
        """Let the next batch begin with zeros in every stateful layer; see its `reset_states`."""
        for layer in self._stateful():
            layer.reset_states()

    def check_states(
        self, initial_state: Any, counts: Sequence[int], batch_size: int, *, shuffle: bool = False
    ) -> States | None:
        initial_states.check_batches(self._stateful(), counts, batch_size)
        if shuffle and self.states:
            warnings.warn(
                f"{', '.join(self.states)}: states are carried from each row of a batch to the same row of the next, "
                "where shuffle=True puts another example. Give fit(..., shuffle=False)",
                stacklevel=3,
            )
        return None if initial_state is None else initial_states.checked(self.layers, initial_state, counts[0])

    def _stateful(self) -> list[Any]:
        return [layer for layer in self.layers if layer.takes_state and layer.stateful]
