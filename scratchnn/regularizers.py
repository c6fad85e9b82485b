"""Regularizers: a penalty for large weights that is part of the loss, and its gradient. Names and defaults are Keras'.

A layer takes one for its kernel, recurrent kernel or bias: `LSTM(32, kernel_regularizer=regularizers.L2(1e-4))`. The
loss that fit and evaluate report has the penalties of all layers in it, and training follows their gradients. What is
frozen costs nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Float

from scratchnn.core.checks import number
from scratchnn.core.names import lacks_half, make, name_in_file, settings_in


@dataclass(frozen=True)
class Regularizer:
    """A rule for a penalty. To add your own, derive a frozen dataclass from this one, name it and write both methods.

    Both are array code. A bias that has two rows in Keras (GRU) is two arrays here, each with its penalty.
    """

    name: ClassVar[str]

    def __call__(self, w: Float[Array, "..."]) -> Any:
        """The penalty, one number."""
        raise NotImplementedError

    def gradient(self, w: Float[Array, "..."]) -> Float[Array, "..."]:
        """The derivative of the penalty, in the shape and dtype of w."""
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """The fields, as plain values for a model file."""
        return {each.name: getattr(self, each.name) for each in fields(self) if each.init} | name_in_file(
            type(self), self.name
        )

    @classmethod
    def from_config(cls, config: Any) -> Any:
        """The regularizer that `get_config` described."""
        return cls(**settings_in(cls, config))


@dataclass(frozen=True)
class L1L2(Regularizer):
    """l1 Σ |w| + l2 Σ w²."""

    name: ClassVar[str] = "l1_l2"
    l1: Any = 0.0
    l2: Any = 0.0

    def __post_init__(self) -> None:
        for strength in ("l1", "l2"):
            value = getattr(self, strength)
            checked = number(f"{type(self).__name__}: {strength}", 0.0 if value is None else value, 0)
            object.__setattr__(self, strength, checked)

    def __call__(self, w: Float[Array, "..."]) -> Any:
        return _sum(self.l1, np.abs, w) + _sum(self.l2, np.square, w)

    def gradient(self, w: Float[Array, "..."]) -> Float[Array, "..."]:
        return self.l1 * np.sign(w) + 2 * self.l2 * w


@dataclass(frozen=True)
class L1(Regularizer):
    """l1 Σ |w|: it brings small weights to 0."""

    name: ClassVar[str] = "l1"
    l1: Any = 0.01

    def __post_init__(self) -> None:
        object.__setattr__(self, "l1", number("L1: l1", 0.01 if self.l1 is None else self.l1, 0))

    def __call__(self, w: Float[Array, "..."]) -> Any:
        return _sum(self.l1, np.abs, w)

    def gradient(self, w: Float[Array, "..."]) -> Float[Array, "..."]:
        return self.l1 * np.sign(w)


@dataclass(frozen=True)
class L2(Regularizer):
    """l2 Σ w²: it keeps weights small."""

    name: ClassVar[str] = "l2"
    l2: Any = 0.01

    def __post_init__(self) -> None:
        object.__setattr__(self, "l2", number("L2: l2", 0.01 if self.l2 is None else self.l2, 0))

    def __call__(self, w: Float[Array, "..."]) -> Any:
        return _sum(self.l2, np.square, w)

    def gradient(self, w: Float[Array, "..."]) -> Float[Array, "..."]:
        return 2 * self.l2 * w


l1, l2, l1_l2 = L1, L2, L1L2  # as in Keras

__all__ = [
    "L1",
    "L1L2",
    "L2",
    "REGULARIZERS",
    "Regularizer",
    "get",
    "l1",
    "l1_l2",
    "l2",
]

REGULARIZERS: dict[str, Callable[..., Regularizer]] = {"l1": L1, "l2": L2, "l1_l2": L1L2}


def get(identifier: Any) -> Regularizer | None:
    """Return the regularizer meant by a name, a `Regularizer`, its `get_config()`, or None.

    Raises:
        ValueError: for an unknown name (the message corrects a misspelled one), or "l1_l2", which says no strength.
        TypeError: for any other function, because its derivative is not known.
    """
    if identifier is None:
        return None
    if callable(identifier) and not isinstance(identifier, Regularizer):
        if isinstance(identifier, type) and issubclass(identifier, Regularizer):
            return identifier()
        raise TypeError(
            f"a regularizer needs its derivative as well, got only {identifier!r}: there is no autograd here. Derive a "
            "class from scratchnn.regularizers.Regularizer, with __call__(w) and gradient(w)"
        )
    made = make("regularizer", identifier, Regularizer, REGULARIZERS)
    if lacks_half(type(made), "__call__", "gradient"):
        raise TypeError(
            f"{type(made).__name__} defines __call__, and its gradient is that of the class that it is "
            "derived from: define both; check_regularizer of scratchnn.gradients compares the two"
        )
    if isinstance(identifier, str) and isinstance(made, L1L2):
        raise ValueError(f"the name {identifier!r} says no strength: give regularizers.L1L2(l1=0.01, l2=0.01)")
    return made


def _sum(strength: Any, of: Callable[[Any], Any], w: Array) -> Any:
    """strength Σ of(w); no pass over w for a strength of 0."""
    return strength * of(w).sum(dtype=np.float64) if strength else 0.0
