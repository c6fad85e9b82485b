"""A value that is not computed yet: its shape and the layers that lead to it. Calling a layer on one extends it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scratchnn.layers.base import Layer

Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class Symbol:
    """The output of a chain of layers: `shape` (batch axis first, None), and the layers that lead to it.

    `output` is an index into the outputs of the last layer: 0 is y, 1 and 2 are the states of a recurrent layer with
    `return_state`.
    """

    shape: Shape
    input_shape: Shape
    layers: tuple["Layer", ...] = ()
    output: int = 0

    def then(self, layer: "Layer") -> Any:
        """The output of `layer` applied to this one: a Symbol, or a tuple of them for a layer with several outputs."""
        if self.output != 0:
            raise ValueError(
                f"{layer.label} was called on a state of {self.layers[-1].label}, but a model is a chain of layers "
                "through their first outputs. To use states, call the layers' forward and backward yourself"
            )
        if any(layer is other for other in self.layers):
            raise ValueError(f"{layer.label} is already in this chain; a model can contain a layer only once")
        shape = layer.compute_output_shape(self.shape)
        layers = (*self.layers, layer)
        if shape and isinstance(shape[0], tuple):
            return tuple(Symbol(each, self.input_shape, layers, i) for i, each in enumerate(shape))
        return Symbol(shape, self.input_shape, layers)


def Input(shape: Any, dtype: Any = None, name: str | None = None) -> Symbol:
    """The start of a chain: the shape of one example, without the batch axis; None where it may vary.

    `dtype` and `name` are accepted because Keras' tutorials pass them; the first layer decides the dtype.
    """
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    return Symbol((None, *shape), (None, *shape))
