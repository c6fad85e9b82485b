"""Gradients of a student's pair of functions, compared with derivatives of his own forward pass."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from scratchnn import gradients, initializers
from scratchnn.labs.student import Wrong
from scratchnn.layers import Layer


class Pair(Layer):
    """Two functions as a layer, x (B, ...) and parameters by name: what `gradients.check` takes.

    forward(x, params) -> y, cache; backward(dy, cache) -> dx, grads.
    """

    pair: tuple[Callable[..., Any], Callable[..., Any]]
    given: Mapping[str, Any]

    def __init__(self, forward: Callable[..., Any], backward: Callable[..., Any], given: Mapping[str, Any]) -> None:
        super().__init__()
        self.pair, self.given = (forward, backward), given

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape  # of no importance: a pair is checked alone, outside of any model

    def parameter_shapes(self, input_shape: Any) -> Any:
        return {name: (np.shape(value), initializers.get("zeros")) for name, value in self.given.items()}

    def forward(self, x: Any, *, mask: Any = None, training: bool = False, rng: Any = None) -> Any:
        return self.pair[0](x, self.params)

    def backward(self, dy: Any, cache: Any) -> Any:
        return self.pair[1](dy, cache)


def gradcheck(
    forward: Callable[..., Any], backward: Callable[..., Any], x: Any, params: Mapping[str, np.ndarray]
) -> str:
    """Return the largest relative error of all gradients, in words.

    Raises:
        Wrong: naming the arrays whose gradients are off, and by how much.
    """
    layer = Pair(forward, backward, params)
    layer.build((None, *np.shape(x)[1:]), backend="reference", dtype=np.float64, seed=0)
    for name, value in params.items():
        layer.params[name][...] = value
    errors = gradients.check(layer, x)
    off = [f"d{each.name} ({each.remark or f'relative error {each.error:.0e}'})" for each in errors if not each.ok]
    if off:
        right = [f"d{error.name}" for error in errors if error.ok]
        also = f"; {', '.join(right)} agree" if right else ""
        raise Wrong(f"gradcheck compares with differences of forward, and finds off: {', '.join(off)}{also}")
    return f"gradcheck agrees to {max(error.error for error in errors):.0e}"
