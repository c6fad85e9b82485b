"""Initial values of parameters: the formulas, names and defaults of Keras 3.

An initializer is called as `initializer(shape, generator, dtype)`, or with a shape alone. Numbers are drawn in float64
and then rounded, so that a float32 model starts from the rounded weights of the float64 model with the same seed.

Sources: Glorot, Bengio, "Understanding the difficulty of training deep feedforward neural networks", AISTATS 2010;
He et al., "Delving Deep into Rectifiers", 2015; Saxe et al., "Exact solutions to the nonlinear dynamics of learning in
deep linear neural networks", 2014.
"""

import inspect
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

import numpy as np
from numpy.typing import DTypeLike
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Float

from scratchnn.core import randomness
from scratchnn.core.arrays import converted, require_finite
from scratchnn.core.attributes import heeds_keras
from scratchnn.core.keras_missing import missing
from scratchnn.core.names import make, name_in_file, settings_in


@heeds_keras
@dataclass(frozen=True)
class Initializer:
    """A rule for initial values. To add your own, derive a frozen dataclass from this one, name it and write `draw`."""

    name: ClassVar[str]
    _seed: ClassVar[Any]  # of what is drawn without a generator

    def __init_subclass__(cls, **settings: Any) -> None:
        super().__init_subclass__(**settings)
        call = vars(cls).get("__call__")
        if call is not None and "generator" not in inspect.signature(call).parameters:
            raise TypeError(
                f"{cls.__name__}.__call__ takes no generator, of which all numbers are drawn here: write "
                "draw(self, shape, generator) in its place; docs/extending.md shows how"
            )

    def __call__(self, shape: Any, generator: Any = None, dtype: DTypeLike = np.float32) -> Float[Array, "..."]:
        """An array of this shape. Without a generator, an initializer draws the same numbers each time, as in Keras."""
        return self.draw(tuple(shape), self._generator(generator)).astype(dtype)

    def _generator(self, given: Any) -> np.random.Generator:
        if isinstance(given, np.random.Generator):
            return given
        if given is not None:
            raise TypeError(
                f"an initializer is called as (shape, generator, dtype), with a numpy.random.Generator or None, got "
                f"{given!r} as generator; give dtype by name"
            )
        if "_seed" not in vars(self):
            object.__setattr__(self, "_seed", randomness.layer_seed())
        return randomness.generator(self._seed, "weights")

    def draw(self, shape: tuple[int, ...], generator: np.random.Generator) -> Float[Array, "..."]:
        """Return float64 values of this shape."""
        raise NotImplementedError

    def spread(self, shape: tuple[int, ...]) -> float:
        """How widely the values of an array of this shape are spread, up to a factor; 1 where no shape decides it."""
        return 1.0

    def get_config(self) -> dict[str, Any]:
        """The fields, as plain values for a model file. If yours holds an initializer, put its `get_config()` there."""
        return {each.name: getattr(self, each.name) for each in fields(self) if each.init} | name_in_file(
            type(self), self.name
        )

    @classmethod
    def from_config(cls, config: Any) -> Any:
        """The initializer that `get_config` described."""
        return cls(**settings_in(cls, config))


class Held(dict):
    """How a description has an array: by its shape, which is all that a file gets, and in `array` the array itself."""

    def __init__(self, array: Array) -> None:
        super().__init__(shape=list(array.shape))
        self.array = array


_following: ContextVar[list[int] | None] = ContextVar("_following", default=None)  # see `values_follow`


@contextmanager
def values_follow(numbers: int = sys.maxsize) -> Iterator[None]:
    """For layers that are built in here: their parameters come later, from a file or from another layer.

    They are not drawn. `numbers`: how many there are; a layer that wants more is an error, before it takes any memory.
    """
    token = _following.set([numbers])
    try:
        yield
    finally:
        _following.reset(token)


def follow(count: int) -> bool:
    """Whether the values of so many more parameters come later.

    Raises:
        ValueError: if there are not as many left.
    """
    left = _following.get()
    if left is None:
        return False
    left[0] -= count
    if left[0] < 0:
        raise ValueError("its layers have more parameters than there are numbers for")
    return True


@heeds_keras
@dataclass(frozen=True, eq=False)
class Constant(Initializer):
    """The same value everywhere (`zeros` and `ones` are this), or given values: `Constant(matrix)`.

    As in Keras, an array of fewer or shorter axes is repeated along the others. A copy of it is kept. A model file has
    the parameters, and of the array its shape only: another model cannot start from it.

    Raises:
        TypeError: for a value that is no number and no array of numbers.
        ValueError: for NaN and infinity; when drawn, for a number that the dtype cannot hold, and if the array does not
            fit the shape, or is not there because it is from a file.
    """

    name: ClassVar[str] = "constant"
    value: Any = 0.0

    def __post_init__(self) -> None:
        value = self.value.array if isinstance(self.value, Held) else self.value
        if not isinstance(value, Mapping):
            try:
                value = np.array(value)  # a copy
            except ValueError as error:
                raise ValueError(f"Constant takes a number, or an array of numbers ({error})") from error
            if value.dtype.kind not in "iufb":
                raise TypeError(f"Constant takes a number, or an array of numbers, got {self.value!r}")
            require_finite("Constant", value)
            value.flags.writeable = False
        object.__setattr__(self, "value", value if isinstance(value, Mapping) or value.shape else value.item())

    def __call__(self, shape: Any, generator: Any = None, dtype: DTypeLike = np.float32) -> Float[Array, "..."]:
        if generator is not None:
            self._generator(generator)  # refuses what is none
        return np.array(converted("Constant", self._in_shape(tuple(shape)), dtype))

    def draw(self, shape: tuple[int, ...], generator: np.random.Generator) -> Float[Array, "..."]:
        return self._in_shape(shape).astype(np.float64)

    def _in_shape(self, shape: tuple[int, ...]) -> Array:
        if isinstance(self.value, Mapping):
            if _following.get() is None:
                raise ValueError(
                    f"the array of this Constant, of shape {tuple(self.value['shape'])}, is not in the model file that "
                    "it was read from: give it again, or set_weights"
                )
            return np.broadcast_to(0.0, shape)
        try:
            return np.broadcast_to(self.value, shape)
        except ValueError:
            given = np.shape(self.value)
            raise ValueError(f"Constant has an array of shape {given}, which does not fit shape {shape}") from None

    def get_config(self) -> dict[str, Any]:
        is_array = isinstance(self.value, np.ndarray)
        return super().get_config() | {"value": Held(self.value) if is_array else self.value}

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self) or isinstance(self.value, Mapping) or isinstance(other.value, Mapping):
            return self is other
        return np.array_equal(self.value, other.value)

    def __hash__(self) -> int:
        return hash((type(self), np.shape(self.value)))


@heeds_keras
@dataclass(frozen=True)
class RandomUniform(Initializer):
    """Uniform in [minval, maxval)."""

    name: ClassVar[str] = "random_uniform"
    minval: float = -0.05
    maxval: float = 0.05

    def __post_init__(self) -> None:
        if not self.minval <= self.maxval:
            raise ValueError(f"minval must not be above maxval, got minval={self.minval}, maxval={self.maxval}")

    def draw(self, shape: tuple[int, ...], generator: np.random.Generator) -> Float[Array, "..."]:
        return generator.uniform(self.minval, self.maxval, shape)


@heeds_keras
@dataclass(frozen=True)
class RandomNormal(Initializer):
    """Normal with this mean and standard deviation."""

    name: ClassVar[str] = "random_normal"
    mean: float = 0.0
    stddev: float = 0.05

    def __post_init__(self) -> None:
        if not self.stddev >= 0:
            raise ValueError(f"stddev must be 0 or more, got {self.stddev}")

    def draw(self, shape: tuple[int, ...], generator: np.random.Generator) -> Float[Array, "..."]:
        return generator.normal(self.mean, self.stddev, shape)


@heeds_keras
@dataclass(frozen=True)
class TruncatedNormal(RandomNormal):
    """Normal, drawn again wherever it falls further than two standard deviations from the mean."""

    name: ClassVar[str] = "truncated_normal"

    def draw(self, shape: tuple[int, ...], generator: np.random.Generator) -> Float[Array, "..."]:
        values = generator.standard_normal(shape)
        while (outside := np.abs(values) > 2).any():
            values[outside] = generator.standard_normal(np.count_nonzero(outside))
        return self.mean + self.stddev * values


# The standard deviation of a standard normal that is truncated at -2 and 2.
TRUNCATED_STDDEV = 0.87962566103423978

Mode = Literal["fan_in", "fan_out", "fan_avg"]
Distribution = Literal["truncated_normal", "untruncated_normal", "uniform"]


@heeds_keras
@dataclass(frozen=True)
class VarianceScaling(Initializer):
    """Variance scale / n, where n is the fan in, the fan out, or their mean; Glorot's and He's rules are this.

    The variance is that of the numbers that come out: the truncated normal starts wider to make up for its lost tails.
    """

    name: ClassVar[str] = "variance_scaling"
    scale: float = 1.0
    mode: Mode = "fan_in"
    distribution: Distribution = "truncated_normal"

    def __post_init__(self) -> None:
        if not self.scale > 0:
            raise ValueError(f"scale must be positive, got {self.scale}")
        if self.mode not in get_args(Mode):
            raise ValueError(f"mode must be one of {', '.join(get_args(Mode))}, got {self.mode!r}")
        if self.distribution not in get_args(Distribution):
            known = ", ".join(get_args(Distribution))
            raise ValueError(f"distribution must be one of {known}, got {self.distribution!r}")

    def draw(self, shape: tuple[int, ...], generator: np.random.Generator) -> Float[Array, "..."]:
        stddev = self.spread(shape)
        if self.distribution == "uniform":
            limit = math.sqrt(3) * stddev  # the uniform distribution on [-limit, limit] has variance limit² / 3
            return generator.uniform(-limit, limit, shape)
        if self.distribution == "truncated_normal":
            return TruncatedNormal(0.0, stddev / TRUNCATED_STDDEV).draw(shape, generator)
        return generator.normal(0.0, stddev, shape)

    def spread(self, shape: tuple[int, ...]) -> float:
        """The standard deviation."""
        fan_in, fan_out = fans(shape)
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        return math.sqrt(self.scale / max(1.0, n))


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """How many numbers enter one output unit, and how many outputs one input reaches.

    (D, G) -> D and G; a Conv1D's (k, D, F) -> kD and kF, because each filter sees k time steps of D features at once.
    """
    if len(shape) == 0:
        return 1, 1
    if len(shape) == 1:
        return shape[0], shape[0]
    window = math.prod(shape[:-2])
    return window * shape[-2], window * shape[-1]


@heeds_keras
@dataclass(frozen=True)
class Orthogonal(Initializer):
    """`gain` times a random matrix whose columns are orthonormal; its rows, when there are fewer rows than columns.

    A shape of more than two axes is taken as (product of all but the last, last). An orthogonal Wh keeps the length of
    h, so that gradients through many time steps start out neither vanishing nor exploding.
    """

    name: ClassVar[str] = "orthogonal"
    gain: float = 1.0

    def draw(self, shape: tuple[int, ...], generator: np.random.Generator) -> Float[Array, "..."]:
        if len(shape) < 2:
            raise ValueError(f"an orthogonal initial value needs at least two axes, got shape {shape}")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        q, r = np.linalg.qr(generator.standard_normal((max(rows, columns), min(rows, columns))))
        # QR leaves the sign of each column open, and LAPACK's choice is not random. Making the diagonal of r positive
        # makes q uniform among orthogonal matrices (Mezzadri, "How to generate random matrices...", 2007).
        q *= np.where(np.diag(r) < 0, -1, 1)
        return self.gain * (q.T if rows < columns else q).reshape(shape)


INITIALIZERS: dict[str, Callable[..., Initializer]] = {
    "zeros": partial(Constant, 0.0),
    "ones": partial(Constant, 1.0),
    "constant": Constant,
    "random_uniform": RandomUniform,
    "uniform": RandomUniform,  # Keras' other name, the default of its Embedding
    "random_normal": RandomNormal,
    "normal": RandomNormal,
    "truncated_normal": TruncatedNormal,
    "variance_scaling": VarianceScaling,
    "glorot_uniform": partial(VarianceScaling, 1.0, "fan_avg", "uniform"),
    "glorot_normal": partial(VarianceScaling, 1.0, "fan_avg", "truncated_normal"),
    "he_uniform": partial(VarianceScaling, 2.0, "fan_in", "uniform"),
    "he_normal": partial(VarianceScaling, 2.0, "fan_in", "truncated_normal"),
    "lecun_uniform": partial(VarianceScaling, 1.0, "fan_in", "uniform"),
    "lecun_normal": partial(VarianceScaling, 1.0, "fan_in", "truncated_normal"),
    "orthogonal": Orthogonal,
}


__all__ = [
    "INITIALIZERS",
    "Constant",
    "Initializer",
    "Orthogonal",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "VarianceScaling",
    "get",
]


def get(identifier: str | Initializer | Mapping[str, Any]) -> Initializer:
    """Return the initializer meant by a name, an `Initializer`, or its `get_config()`.

    Raises:
        ValueError: for an unknown name (the message corrects a misspelled one) or a value out of range.
    """
    return make("initializer", identifier, Initializer, INITIALIZERS)


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        raise missing("initializers", name, list(globals()))
