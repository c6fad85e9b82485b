"""Activations: y = f(a), and the backward pass da = dy * f'(a), with the derivative written in the output y alone.

Writing the derivative in y means that a layer keeps y and nothing else for its backward pass: tanh' is 1 - y²,
sigmoid' is y (1 - y), and so on. It is also why gelu, silu (swish) and mish are absent: they fall before they rise, so
one y belongs to two different a with two different derivatives, and y alone cannot tell them apart.

Names and constants are those of Keras 3. Every function keeps the dtype of its argument. The smooth ones take complex
numbers too, for the complex step of gradients/complex_step.py: they branch on the real part alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Float, Shaped

from scratchnn.core.arrays import is_complex, real_part
from scratchnn.core.keras_missing import missing
from scratchnn.core.names import OwnName, look_up


@dataclass(frozen=True)
class Activation:
    """A named pair of functions: `forward(a) -> y` and `backward(dy, y) -> da`, all of one shape and dtype.

    To use a function of your own, give both:
    `Activation("cube", lambda a: a**3, lambda dy, y: dy * 3 * np.cbrt(y) ** 2)`.
    """

    name: str
    forward: Callable[[Any], Any]
    backward: Callable[[Any, Any], Any]

    def __call__(self, a: Float[Array, "..."]) -> Float[Array, "..."]:
        return self.forward(a)

    def get_config(self) -> dict[str, Any]:
        """A plain description for a model file. A file holds no functions: one of your own is only marked as such."""
        if ACTIVATIONS.get(self.name) == self:  # a copy of ours is ours
            return {"name": self.name}
        return {"name": OwnName(self.name, self), "custom": True}


def _size(a: Shaped[Array, "..."]) -> Shaped[Array, "..."]:
    """|a|; of complex numbers a or -a, whichever has no negative real part, so that derivatives pass through it."""
    return np.where(real_part(a) >= 0, a, -a) if is_complex(a) else np.abs(a)


def _linear(a: Float[Array, "..."]) -> Float[Array, "..."]:
    return a


def _linear_backward(dy: Float[Array, "..."], y: Float[Array, "..."]) -> Float[Array, "..."]:
    return dy


def _relu(a: Float[Array, "..."]) -> Float[Array, "..."]:
    return np.maximum(a, 0)


def _relu_backward(dy: Float[Array, "..."], y: Float[Array, "..."]) -> Float[Array, "..."]:
    return dy * (y > 0)


LEAKY_SLOPE = 0.2  # Keras 3; Keras 2 had 0.3


def _leaky_relu(a: Float[Array, "..."]) -> Float[Array, "..."]:
    return np.where(a > 0, a, LEAKY_SLOPE * a)


def _leaky_relu_backward(dy: Float[Array, "..."], y: Float[Array, "..."]) -> Float[Array, "..."]:
    return np.where(y > 0, dy, LEAKY_SLOPE * dy)


def _tanh(a: Float[Array, "..."]) -> Float[Array, "..."]:
    return np.tanh(a)


def _tanh_backward(dy: Float[Array, "..."], y: Float[Array, "..."]) -> Float[Array, "..."]:
    return dy * (1 - y * y)


def _sigmoid(a: Float[Array, "..."]) -> Float[Array, "..."]:
    # exp is taken of -|a| only: it cannot overflow, and small results keep all their digits.
    e = np.exp(-_size(a))
    return np.where(real_part(a) >= 0, 1, e) / (1 + e)


def _sigmoid_backward(dy: Float[Array, "..."], y: Float[Array, "..."]) -> Float[Array, "..."]:
    return dy * y * (1 - y)


def _hard_sigmoid(a: Float[Array, "..."]) -> Float[Array, "..."]:
    return np.clip(a / 6 + 0.5, 0, 1)


def _hard_sigmoid_backward(dy: Float[Array, "..."], y: Float[Array, "..."]) -> Float[Array, "..."]:
    return dy * ((y > 0) & (y < 1)) / 6


def _softsign(a: Float[Array, "..."]) -> Float[Array, "..."]:
    return a / (1 + _size(a))


def _softsign_backward(dy: Float[Array, "..."], y: Float[Array, "..."]) -> Float[Array, "..."]:
    return dy * (1 - np.abs(y)) ** 2


def _softplus(a: Float[Array, "..."]) -> Float[Array, "..."]:
    # log(1 + exp(a)) with the larger of the two terms taken out, so that exp cannot overflow.
    size = _size(a)
    return ((a + size) / 2 if is_complex(a) else np.maximum(a, 0)) + np.log1p(np.exp(-size))


def _softplus_backward(dy: Float[Array, "..."], y: Float[Array, "..."]) -> Float[Array, "..."]:
    return dy * -np.expm1(-y)  # the derivative is sigmoid(a) = 1 - exp(-y)


def _elu(a: Float[Array, "..."]) -> Float[Array, "..."]:
    below = (a - _size(a)) / 2 if is_complex(a) else np.minimum(a, 0)
    return np.where(real_part(a) > 0, a, np.expm1(below))


def _elu_backward(dy: Float[Array, "..."], y: Float[Array, "..."]) -> Float[Array, "..."]:
    return dy * np.where(y > 0, 1, y + 1)


# Klambauer et al., "Self-Normalizing Neural Networks", 2017: the fixed point with mean 0 and variance 1.
SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805


def _selu(a: Float[Array, "..."]) -> Float[Array, "..."]:
    return SELU_SCALE * np.where(a > 0, a, SELU_ALPHA * np.expm1(np.minimum(a, 0)))


def _selu_backward(dy: Float[Array, "..."], y: Float[Array, "..."]) -> Float[Array, "..."]:
    return dy * np.where(y > 0, SELU_SCALE, y + SELU_SCALE * SELU_ALPHA)


def _exponential(a: Float[Array, "..."]) -> Float[Array, "..."]:
    return np.exp(a)  # inf where exp(a) overflows, as everywhere else


def _exponential_backward(dy: Float[Array, "..."], y: Float[Array, "..."]) -> Float[Array, "..."]:
    return dy * y


def _softmax(a: Float[Array, "..."]) -> Float[Array, "..."]:
    """Over the last axis. Subtracting the largest a changes nothing, except that exp cannot overflow."""
    e = np.exp(a - real_part(a).max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def _softmax_backward(dy: Float[Array, "..."], y: Float[Array, "..."]) -> Float[Array, "..."]:
    return y * (dy - (dy * y).sum(axis=-1, keepdims=True))


ACTIVATIONS: dict[str, Activation] = {
    activation.name: activation
    for activation in (
        Activation("linear", _linear, _linear_backward),
        Activation("relu", _relu, _relu_backward),
        Activation("leaky_relu", _leaky_relu, _leaky_relu_backward),
        Activation("tanh", _tanh, _tanh_backward),
        Activation("sigmoid", _sigmoid, _sigmoid_backward),
        Activation("hard_sigmoid", _hard_sigmoid, _hard_sigmoid_backward),
        Activation("softsign", _softsign, _softsign_backward),
        Activation("softplus", _softplus, _softplus_backward),
        Activation("elu", _elu, _elu_backward),
        Activation("selu", _selu, _selu_backward),
        Activation("exponential", _exponential, _exponential_backward),
        Activation("softmax", _softmax, _softmax_backward),
    )
}

# How many arrays of the size of y are there besides, at one time, while `forward` computes.
WORK = {"linear": 0, "relu": 1, "tanh": 1, "softmax": 2}
MOST_WORK = 3  # of all others

# The values of y at which the derivative is 0, or nearly so: one where an activation is flat on one side, both of two.
FLAT_AT = {
    "relu": (0.0,),
    "tanh": (-1.0, 1.0),
    "softsign": (-1.0, 1.0),
    "sigmoid": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
}


__all__ = [
    "ACTIVATIONS",
    "Activation",
    "elu",
    "exponential",
    "get",
    "hard_sigmoid",
    "leaky_relu",
    "linear",
    "relu",
    "selu",
    "sigmoid",
    "softmax",
    "softplus",
    "softsign",
    "tanh",
]

linear, relu, leaky_relu, tanh, sigmoid, hard_sigmoid, softsign, softplus, elu, selu, exponential, softmax = (
    ACTIVATIONS.values()
)


def get(identifier: str | Activation | Mapping[str, Any] | Callable | None) -> Activation:
    """Return the activation meant by a name, an `Activation`, its `get_config()`, or None (linear).

    Raises:
        ValueError: for an unknown name (the message corrects a misspelled one) or a stored activation of your own.
        TypeError: for any other function, because its derivative is not known.
    """
    if identifier is None:
        return ACTIVATIONS["linear"]
    if isinstance(identifier, Activation):
        # Compiled kernels know an activation by its name.
        if ACTIVATIONS.get(identifier.name, identifier) != identifier:
            raise ValueError(f"{identifier.name!r} is the name of one of scratchnn's own activations; choose another")
        return identifier
    if isinstance(identifier, str):
        return look_up("activation", identifier, ACTIVATIONS)
    if isinstance(identifier, Mapping):
        if identifier.get("custom"):
            raise ValueError(
                f"the stored activation {identifier['name']!r} is not one of scratchnn's own, and a file holds no "
                f"functions: load_model(path, custom_objects={{{identifier['name']!r}: ...}}) takes them"
            )
        return look_up("activation", identifier["name"], ACTIVATIONS)
    if not callable(identifier) or isinstance(identifier, type) or hasattr(identifier, "backward"):
        raise TypeError(
            f"an activation is given by its name, or as an Activation of scratchnn.activations, got {identifier!r}. "
            f"Known: {', '.join(sorted(ACTIVATIONS))}"
        )
    raise TypeError(
        f"an activation needs its derivative as well, got only {identifier!r}: "
        "pass Activation(name, forward, backward) with forward(a) -> y and backward(dy, y) -> da"
    )


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        raise missing("activations", name, list(globals()))
