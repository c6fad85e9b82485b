"""A value that is not computed yet: its shape and the layers that lead to it. Calling a layer on one extends it.

Of a layer this file uses only `label` and `compute_output_shape`: it imports none.
"""

from dataclasses import dataclass
from typing import Any

from scratchnn.core.attributes import heeds_keras_in

Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class Symbol:
    """The output of a chain of layers: `shape` (batch axis first, None), and the layers that lead to it.

    `output` is an index into the outputs of the last layer: 0 is y, 1 and 2 are the states of a recurrent layer with
    `return_state`.
    """

    shape: Shape
    input_shape: Shape
    layers: tuple[Any, ...] = ()
    output: int = 0
    name: str | None = None  # of an Input

    def then(self, layer: Any) -> Any:
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


@heeds_keras_in("Input")
def Input(shape: Any, *, dtype: Any = None, name: str | None = None) -> Symbol:
    """The start of a chain: the shape of one example, without the batch axis; None where it may vary.

    The first layer decides the dtype, whatever Keras' tutorials pass.
    """
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    return Symbol((None, *shape), (None, *shape), name=name)


def chain_between(inputs: Any, outputs: Any) -> tuple[list[Any], Shape, tuple[int, ...]]:
    """The layers that lead from `inputs` to `outputs`, the shape they start from, and which outputs of the last one.

    Raises:
        TypeError: for what is no chain.
        ValueError: for a chain from another Input, and for branches.
    """
    inputs = inputs[0] if isinstance(inputs, list | tuple) and len(inputs) == 1 else inputs
    given = tuple(outputs) if isinstance(outputs, list | tuple) else (outputs,)
    output = given[0] if given else None
    if not isinstance(inputs, Symbol) or inputs.layers or not isinstance(output, Symbol) or not output.layers:
        raise TypeError("Model takes what Input(...) returned, and what the last of the layers called on it returned")
    if inputs.input_shape != output.input_shape:
        raise ValueError(f"outputs start from an Input of shape {output.input_shape}, not {inputs.input_shape}")
    if any(not isinstance(other, Symbol) or other.layers != output.layers for other in given):
        raise ValueError("a model is one chain of layers: its outputs must be outputs of one last layer, not branches")
    return list(output.layers), output.input_shape, tuple(other.output for other in given)
