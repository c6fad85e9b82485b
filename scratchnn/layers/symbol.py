"""A value that is not computed yet: its shape and the layers that lead to it. Calling a layer on one extends it.

Of a layer this file uses only `label`, `y_count` and `compute_output_shape`: it imports none.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any

from scratchnn.core.attributes import heeds_keras_in
from scratchnn.core.checks import whole_number

Shape = tuple[int | None, ...]


_CHAIN = "a model is one chain of layers, without branches: combine arrays before or after it"
_LAMBDA = "Lambda(function, backward=...) makes a layer of array code with its derivative"
_ADVICE = {
    "an index": (
        "return_sequences=False gives the last time step alone, Cropping1D takes steps off both ends, and "
        f"{_LAMBDA}, such as Lambda(lambda x: x[:, 0], backward=...)"
    ),
    "iterating": "it is one output; a recurrent layer returns its states besides with return_state=True",
}
_OPERATORS = {
    **{f"__{name}__": sign for name, sign in zip("lt le gt ge".split(), "< <= > >=".split(), strict=True)},
    **{
        f"__{side}{name}__": sign
        for side in ("", "r")
        for name, sign in zip(
            "add sub mul matmul truediv floordiv mod pow and or xor".split(),
            "+ - * @ / // % ** & | ^".split(),
            strict=True,
        )
    },
    **{"__neg__": "-", "__pos__": "+", "__abs__": "abs", "__invert__": "~", "__getitem__": "an index"},
    **{
        "__bool__": "a truth value",
        "__len__": "len",
        "__iter__": "iterating",
        "__array__": "NumPy",
        "__float__": "float",
        "__int__": "int",
    },
}


class _NoNumbers:
    """What has no numbers yet refuses all that would need them."""

    def __init_subclass__(cls) -> None:
        for name, sign in _OPERATORS.items():
            setattr(cls, name, _refusing(sign))

    def __array_ufunc__(self, function: Any, _: str, *inputs: Any, **options: Any) -> Any:
        self.refuse(f"numpy.{function.__name__}", *inputs)

    def __array_function__(self, function: Any, _: Any, arguments: Any, options: Any) -> Any:
        parts = arguments[0] if arguments and isinstance(arguments[0], list | tuple) else arguments
        self.refuse(f"numpy.{function.__name__}", *parts)

    def refuse(self, sign: str, *operands: Any) -> None:
        others = any(isinstance(each, Symbol) and each is not self for each in operands)
        raise TypeError(
            f"{sign} cannot be used on {self}, which has no numbers before data come: "
            f"{_CHAIN if others else _ADVICE.get(sign, _LAMBDA)}"
        )


def _refusing(sign: str) -> Callable[..., Any]:
    return lambda self, *operands, **_: self.refuse(sign, *operands)


@dataclass(frozen=True, eq=False)
class Symbol(_NoNumbers):
    """The output of a chain of layers: `shape` (batch axis first, None), and the layers that lead to it.

    `output` is an index into the outputs of the last layer: 0 is y, 1 and 2 are the states of a recurrent layer with
    `return_state`. `start` is one and the same object for all that was called on one Input, and on no other.
    """

    shape: Shape
    input_shape: Shape
    layers: tuple[Any, ...] = ()
    output: int = 0
    name: str | None = None  # of an Input
    start: object = field(default_factory=object, repr=False)

    def __str__(self) -> str:
        what = f"the output of {self.layers[-1].label}" if self.layers else "an Input"
        return f"{what}, of shape {self.shape}"

    def then(self, layer: Any) -> Any:
        """The output of `layer` applied to this one: a Symbol, or a tuple of them for a layer with several outputs."""
        if self.output != 0:
            what = "a state" if self.output >= self.layers[-1].y_count else "the second output"
            raise ValueError(
                f"{layer.label} was called on {what} of {self.layers[-1].label}, but a model is a chain of layers "
                "through their first outputs. To use states, call the layers' forward and backward yourself"
            )
        if any(layer is other for other in self.layers):
            raise ValueError(f"{layer.label} is already in this chain; a model can contain a layer only once")
        shape = layer.compute_output_shape(self.shape)
        layers = (*self.layers, layer)
        if shape and isinstance(shape[0], tuple):
            return tuple(Symbol(each, self.input_shape, layers, i, start=self.start) for i, each in enumerate(shape))
        return Symbol(shape, self.input_shape, layers, start=self.start)


@heeds_keras_in("Input")
def Input(
    shape: Any = None,
    batch_size: int | None = None,
    dtype: Any = None,
    *,
    batch_shape: Any = None,
    name: str | None = None,
) -> Symbol:
    """The start of a chain: the shape of one example, without the batch axis; None where it may vary.

    `batch_size`, or `batch_shape` with the batch axis in front, is for stateful layers: no other layer is bound to it.
    The first layer decides the dtype, whatever Keras' tutorials pass.
    """
    if (shape is None) == (batch_shape is None) or (batch_shape is not None and batch_size is not None):
        raise ValueError("Input takes shape=, with batch_size= if you like, or batch_shape= alone")
    if batch_shape is None:
        shape = example_shape("Input", shape)
    elif isinstance(batch_shape, list | tuple) and batch_shape:
        batch_size, shape = batch_shape[0], example_shape("Input", tuple(batch_shape[1:]))
    else:
        raise ValueError(f"Input: batch_shape must be a tuple, the batch size first, got {batch_shape!r}")
    if batch_size is not None:
        batch_size = whole_number("Input: batch_size", batch_size, 1)
    return Symbol((batch_size, *shape), (batch_size, *shape), name=name)


def example_shape(owner: str, shape: Any) -> Shape:
    """The shape of one example as a tuple, or a ValueError."""
    lengths = (shape,) if isinstance(shape, Integral) else shape
    if not isinstance(lengths, list | tuple) or not all(length is None or _is_length(length) for length in lengths):
        raise ValueError(
            f"{owner}: the shape of one example must be a tuple of lengths, without the batch axis and None where one "
            f"may vary, such as (100,) or (None, 8); got {shape!r}"
        )
    return tuple(None if length is None else int(length) for length in lengths)


def whole_shape(owner: str, shape: Any) -> Shape:
    """The shape of a whole batch as a tuple, or a TypeError."""
    lengths = shape if isinstance(shape, list | tuple) else ["no shape"]
    if not all(
        each is None or (isinstance(each, Integral) and type(each) is not bool and int(each) >= 0) for each in lengths
    ):
        raise TypeError(f"{owner}: build takes a shape with the batch axis, such as (None, 100, 8), got {shape!r}")
    return tuple(shape)


def _is_length(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) > 0


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
        several = isinstance(inputs, list | tuple) and len(inputs) > 1
        hint = (
            "; a model here has one Input, and states are none: give them to model.predict(x, initial_state=...)"
            if several
            else f", got {_shown(inputs)} and {_shown(outputs)}"
        )
        raise TypeError(f"Model takes what Input(...) returned, and what the last layer called on it returned{hint}")
    if inputs.start is not output.start:
        shapes = f"of shape {output.input_shape}, not from the one of shape {inputs.input_shape} that is given"
        raise ValueError(f"the outputs start from another Input, {shapes}: give that one, Model(inputs, outputs)")
    if any(not isinstance(other, Symbol) or other.layers != output.layers for other in given):
        raise ValueError("a model is one chain of layers: its outputs must be outputs of one last layer, not branches")
    return list(output.layers), output.input_shape, tuple(other.output for other in given)


def _shown(thing: Any) -> str:
    return str(thing) if isinstance(thing, Symbol) else repr(thing)


def chain(start: Symbol, layers: Sequence[Any], outputs: Sequence[int] | None) -> Any:
    """The outputs of these layers, one called on the other, that a model returns; None: all of them."""
    y: Any = start
    for layer in layers:
        y = layer(y[0] if isinstance(y, tuple) else y)
    found = y if isinstance(y, tuple) else (y,)
    return list(found) if outputs is None else [found[i] for i in outputs]
