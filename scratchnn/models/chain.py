"""What a chain of layers takes and gives: x and outputs, shapes, the joined loss, states of recurrent layers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array

from scratchnn.core.backend import Backend
from scratchnn.core.names import overrides
from scratchnn.core.warning import warn
from scratchnn.layers.base import Layer, Shape, as_array
from scratchnn.models import initial_states
from scratchnn.training.batches import States


def _passes_on(layer: Any) -> bool:
    return layer.is_identity and not overrides(type(layer), "forward", "backward")


class Chain:
    """The part of a `Model` that knows what its layers take and give. All shapes have the batch axis."""

    _layers: list[Any]
    backend: Backend
    loss: Any
    input_shape: Shape
    _outputs: tuple[int, ...] | None  # of the last layer: 0 is y, others are states; None: all
    _masks_ended: list[Any]  # layers about which a warning was given

    def require_built(self) -> None:
        raise NotImplementedError

    # ---- x and outputs

    def check_input(self, x: Any) -> Array:
        """x as an array that the first layer can take: the one check of a whole call."""
        x = as_array(self.backend.to_host(x))
        if len(x) == 0:
            raise ValueError(f"x is empty, of shape {x.shape}; give at least one row")
        self.require_built()
        if x.shape == self.input_shape[1:]:
            raise ValueError(
                f"x is one example, of shape {x.shape}, without a batch axis: give x[None], a batch of one"
            )
        if x.dtype.kind == "f" and not np.isfinite(x).all():
            raise ValueError(f"x holds {int((~np.isfinite(x)).sum())} values that are NaN or infinite")
        if x.shape[1:] != self.input_shape[1:]:
            if len(x.shape) != len(self.input_shape):
                raise ValueError(f"{self._misfit(x.shape)}, with another number of axes")
            self.check_shape(x.shape)
            self.y_shape_of(x)
        return self._layers[0].as_input(x)  # converts, and refuses what does not fit into what kernels read

    @staticmethod
    def _first_of(layer: Any) -> Shape:
        """The shape of y, which is all that goes on to the next layer."""
        if layer.y_count > 1:
            raise ValueError(
                f"{layer.label} has merge_mode=None, so that it has two outputs, and a model is one chain of layers: "
                "let it be the last layer, or merge them: merge_mode='concat'"
            )
        return layer.output_shape[0]

    def _choose(self, outputs: Any) -> Any:
        """Those of the last layer's outputs that the model was made with: one array, or a tuple."""
        if not isinstance(outputs, tuple) or self._outputs is None:
            return outputs
        chosen = tuple(output for i in self._outputs for output in outputs[i : i + 1])
        return chosen[0] if len(chosen) == 1 else chosen

    def _warn_that_mask_ends(self, layer: Any) -> None:
        if layer not in self._masks_ended:
            self._masks_ended.append(layer)
            warn(
                f"{layer.label} cannot use the mask that reaches it: it treats padding as words, and so do the layers "
                "after it. GlobalAveragePooling1D and the recurrent layers use masks",
            )

    # ---- the joined loss

    @property
    def joined_activation(self) -> Any:
        """The activation of `head` where the loss takes its pre-activation, which is exact where y rounds to 0 or 1.

        None where the loss takes the outputs: also where a Dropout drops probabilities after it, which the loss then
        clips, in `evaluate` as in training.
        """
        head, loss = self.head, self.loss
        activation = head.final_activation
        if activation is None or loss is None or activation.name != loss.joins:
            return None
        if overrides(type(self), "forward", "backward") or overrides(type(head), "forward", "backward"):
            return None
        return None if overrides(type(loss), "forward", "backward", "values", "gradient") else activation

    @property
    def joins_loss(self) -> bool:
        return self.joined_activation is not None

    @property
    def head(self) -> Any:
        """The layer whose activation is the model's output: the last that is not an identity, if one is not."""
        for layer in reversed(self._layers):
            if not _passes_on(layer):
                return layer
        return self._layers[-1]

    # ---- layers

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """A layer by its name or its index."""
        if index is not None or isinstance(name, int):
            place, n = ("index=" if index is not None else "", name if index is None else index)
            if index is None or not -len(self._layers) <= index < len(self._layers):
                raise ValueError(f"get_layer takes a name, or index=0 to index={len(self._layers) - 1}, got {place}{n}")
            return self._layers[index]
        for layer in self._layers:
            if layer.name == name:
                return layer
        raise ValueError(f"no layer is called {name!r}; there are {[layer.name for layer in self._layers]}")

    # ---- shapes

    @property
    def output_shape(self) -> Any:
        self.require_built()
        return self._layers[-1].output_shape

    @property
    def has_several_outputs(self) -> bool:
        shape: Any = self.output_shape
        return isinstance(shape[0], tuple) and (self._outputs is None or len(self._outputs) > 1)

    def y_shape_of(self, x: Array) -> tuple[int, ...]:
        """The shape of y for the batch x, or a ValueError where a layer cannot take what reaches it."""
        shape: Any = x.shape
        for layer in self._layers:
            try:
                layer.check_shape(shape)
            except ValueError as error:
                if layer is self._layers[0]:
                    raise
                raise ValueError(f"{self._misfit(x.shape)}: {error}") from error
            shape = layer.compute_output_shape(shape)
            if isinstance(shape[0], tuple):
                shape = shape[self._outputs[0] if layer is self._layers[-1] and self._outputs else 0]
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
        for layer in self._layers:
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
            warn(
                f"{', '.join(self.states)}: states are carried from each row of a batch to the same row of the next, "
                "where shuffle=True puts another example. Give fit(..., shuffle=False)",
            )
        return None if initial_state is None else initial_states.checked(self._layers, initial_state, counts[0])

    def _stateful(self) -> list[Any]:
        return [layer for layer in self._layers if layer.takes_state and layer.stateful]
