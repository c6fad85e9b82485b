"""What every layer is: parameters, shapes and masks around one forward/backward pair.

y, cache  = layer.forward(x)          everything backward needs is in `cache`, nothing is hidden on the layer
dx, grads = layer.backward(dy, cache)     dx has the shape of x, dy that of y, grads[name] that of params[name]
"""

import copy
import functools
import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import DTypeLike
from scratchnn_kernels.contract import Array, Grads

from scratchnn import activations, initializers
from scratchnn.core import backend as backends
from scratchnn.core import randomness
from scratchnn.core.arrays import as_numbers, converted, require_finite
from scratchnn.core.attributes import Attributes, parameters_of
from scratchnn.core.checks import flag, share, whole_number
from scratchnn.core.descriptions import remade
from scratchnn.core.names import class_in_file, described, is_own
from scratchnn.core.warning import warn
from scratchnn.layers.own_classes import NOT_OF_A_LAYER, check_layer_class, not_begun, undefined
from scratchnn.layers.symbol import Shape, Symbol, example_shape, whole_shape
from scratchnn.layers.trainable import CHANGES, Weighted, without_trainable
from scratchnn.regularizers import Regularizer

Config = dict[str, Any]


class Memory(NamedTuple):
    """How many numbers of its dtype a layer needs for a batch, on the cpu backend, besides x, dy and parameters."""

    kept: int  # y, and what backward reads: until the backward pass has ended
    forward: int = 0  # at most at one time, while the forward pass of the layer computes
    backward: int = 0  # likewise in its backward pass; with dx
    keeps_x: bool = True  # whether x, too, is there until then: backward reads it, or y is a view of it
    keeps_y: bool = False  # whether y is, even if no layer after this one keeps it


KINDS: dict[str, type] = {}  # our layers, by the names of their classes
_SET_BY_BUILD = ("input_shape", "output_shape", "dtype", "backend")


class Layer(Weighted, Attributes):
    """Base of all layers.

    A layer is built once: `build` fixes its shapes, backend and dtype, and draws its initial parameters. A model
    builds its layers itself; `layer.build((None, T, D))` does it for a layer used alone.

    A constructor's arguments are fixed from then on, except those in `checks`: they are read in every call, and may be
    set at any time.
    """

    supports_masking: bool = False  # whether an incoming mask is used or passed on
    backend: backends.Backend
    dtype: np.dtype
    given_input_shape: tuple[int | None, ...] | None
    built: bool
    params: Mapping[str, Array]
    model: Any
    output_shape: Any
    takes_keep_cache: ClassVar[bool] = False  # whether forward takes keep_cache=False, for inference
    takes_state: ClassVar[bool] = False  # whether forward takes initial_state and return_state, as recurrent layers do
    not_settings: ClassVar[tuple[str, ...]] = ()  # public attributes that a forward pass sets
    takes_copy: bool = False  # whether forward gets a copy of x: code of the user's own may write into it
    not_kept: ClassVar = NOT_OF_A_LAYER
    regularized: ClassVar[dict[str, str]] = {}  # by parameter, the constructor's argument for its regularizer

    @property
    def uses_rng(self) -> bool:
        """Whether forward draws random numbers when training."""
        return False

    @property
    def y_count(self) -> int:
        """How many outputs there are, without the states that recurrent layers may return after them."""
        return 1

    @property
    def final_activation(self) -> activations.Activation | None:
        """What turns the pre-activation a into y, where forward takes `pre_activation=True`, which returns a.

        A loss that goes through a sigmoid or a softmax is exact where y is rounded to 0 or 1: see `losses`.
        """
        return None

    @property
    def flat_at(self) -> tuple[float, ...]:
        """The values of y at which the layer's activation passes no gradient back: (0,) of relu, (-1, 1) of tanh."""
        return activations.FLAT_AT.get(getattr(getattr(self, "activation", None), "name", ""), ())

    @property
    def runs_in_kernels(self) -> bool:
        """Whether all that its passes in training compute on the cpu backend is launched, whatever the numbers of the
        batch: such a step can be run again without Python (scratchnn_kernels/cpu/plan.py)."""
        return False

    @property
    def pre_activation_runs_in_kernels(self) -> bool:
        """The same of passes that leave out the activation, for a loss that goes through it."""
        return False

    @property
    def is_identity(self) -> bool:
        """Whether y is x, in training too: a loss goes through this layer to the activation before it."""
        return False

    def __init__(self, *, name: str | None = None, input_shape: Any = None, trainable: bool = True) -> None:
        self.name, self._trainable = name, flag(type(self).__name__, "trainable", trainable)
        # The shape of one example: older tutorials pass it to the first layer of a Sequential.
        owner = f"{type(self).__name__}: input_shape"
        self.given_input_shape = None if input_shape is None else example_shape(owner, input_shape)
        self.built = False
        self.params: Mapping[str, Array] = MappingProxyType({})
        self.model: Any = None  # a weak reference to the model it belongs to
        self.input_shape: Shape = ()
        self.output_shape: Any = ()
        self._last_shape: Shape = ()  # of x that was taken besides `input_shape`: it need not be checked again

    def __init_subclass__(cls, **settings: Any) -> None:
        super().__init_subclass__(**settings)
        if is_own(cls):
            check_layer_class(cls)
            cls.takes_copy = True
        else:
            KINDS[cls.__name__] = cls

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if "built" not in vars(self) and not name.startswith("__"):
                raise not_begun(type(self))
            return super().__getattr__(name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in vars(self) and name in _fixed_settings(type(self)) and (self.built or not is_own(type(self))):
            raise AttributeError(
                f"{self.label}: {name} is fixed when the layer is made; make another one with {name}={value!r}"
            )
        if name in _SET_BY_BUILD and not is_own(type(self)) and (name in vars(self) or "shape" not in name):
            raise AttributeError(
                f"{self.label}: {name} follows from what the layer is built for; make another one: build(input_shape, "
                "backend=, dtype=), or a model with another Input, backend or dtype"
            )
        super().__setattr__(name, flag(self.label, name, value) if name == "built" else value)
        if not name.startswith("_") and name not in self.not_settings:
            CHANGES.number += 1

    # ---- what a layer defines

    def compute_output_shape(self, input_shape: Shape) -> Any:
        """The shape of y (a tuple of shapes where y is a tuple). The batch axis, and others not known yet, are None.

        Raises:
            ValueError: if the layer cannot take this input.
        """
        raise undefined(type(self), "compute_output_shape(self, input_shape)")

    def parameter_shapes(self, input_shape: Shape) -> dict[str, tuple[tuple[int, ...], initializers.Initializer]]:
        """The shape and the initializer of each parameter, in Keras' order."""
        return {}

    def forward(
        self, x: Array, *, mask: Array | None = None, training: bool = False, rng: Any = None
    ) -> tuple[Any, Any]:
        """Return y and the cache. `mask` (B, T) bool; `rng` is what dropout draws from, needed only when training."""
        raise undefined(type(self), "forward(self, x, *, mask=None, training=False, rng=None)")

    def backward(self, dy: Any, cache: Any) -> tuple[Any, Grads]:
        """Return dx (None where x has no gradient) and the gradients of the parameters."""
        raise undefined(type(self), "backward(self, dy, cache)")

    def compute_mask(self, x: Array, mask: Array | None) -> Array | None:
        """The mask for the next layer."""
        return mask if self.supports_masking else None

    def memory(self, shape: tuple[int, ...], *, training: bool) -> Memory:
        """What a batch x of this shape needs. Without `training`, nothing is kept but y, and `backward` means nothing.

        Tests hold it to what is measured. Here: y is kept, and dx computed.
        """
        y = self.compute_output_shape(shape)
        outputs = y if isinstance(y[0], tuple) else (y,)
        return Memory(sum(map(math.prod, outputs)), 0, math.prod(shape))

    def get_config(self) -> Config:
        """The constructor's arguments, as plain values."""
        given = {argument: getattr(self, argument) for argument in self.regularized.values()}
        config = {argument: rule if rule is None else described(rule) for argument, rule in given.items()}
        config |= {} if self.name is None else {"name": self.name}
        return config if self.trainable else config | {"trainable": False}

    @classmethod
    def from_config(cls, config: Any) -> Any:
        """A layer with the settings that `get_config` described, and parameters of its own once it is built."""
        return remade(cls, config, KINDS)

    def in_file(self) -> dict[str, Any]:
        """How a description names this layer, and the settings to make it from.

        A model's file has `trainable` of all layers, and of what is inside them, in one place of its own: so it comes
        back for a layer whose constructor does not take it, too.
        """
        return without_trainable(class_in_file(self))

    def describe(self) -> str:
        """A few words for diagrams: what the name of the class does not say."""
        return ""

    # ---- the same for all layers

    def build(
        self,
        input_shape: Shape,
        *,
        backend: str | backends.Backend = "cpu",
        dtype: DTypeLike = np.float32,
        seed: randomness.GivenSeed = None,
        index: int = 0,
    ) -> None:
        """Fix the shapes (`input_shape` includes the batch axis, None) and draw the initial parameters.

        `index` is the layer's place in its model: the seed and the index determine the draw. Without a seed, as for a
        model, two layers differ, and a program draws the same ones each time it runs (see `set_random_seed`).
        """
        input_shape = whole_shape(self.label, input_shape)
        self.refuse_empty(input_shape)
        vars(self).update(  # nobody else sets them
            output_shape=self.compute_output_shape(input_shape),
            input_shape=input_shape,
            backend=backends.load(backend) if isinstance(backend, str) else backend,
            dtype=np.dtype(dtype),
        )
        self._last_shape = self.input_shape
        generator = randomness.generator(randomness.layer_seed() if seed is None else seed, "weights", layer=index)
        shapes = self.parameter_shapes(self.input_shape)
        count = sum(math.prod(shape) for shape, _ in shapes.values())
        come_later = initializers.follow(count)
        self.backend.require_memory(
            2 * count * self.dtype.itemsize, f"{self.label}: {count:,} parameters and gradients"
        )
        if come_later:
            params = {name: self.backend.xp.zeros(shape, self.dtype) for name, (shape, _) in shapes.items()}
        else:
            drawn = {name: self._drawn(name, *each, generator) for name, each in shapes.items()}
            params = {name: self.backend.array(param, self.dtype) for name, param in drawn.items()}
        self.set_params(params)
        self.built = True
        if self._softmax_length() == 1:
            warn(
                f"{self.label} has a softmax over an axis of length 1, which always gives 1, whatever x is. Did you "
                "mean a sigmoid, such as Dense(1, 'sigmoid')?"
            )

    def _softmax_length(self) -> int | None:
        """The length of the axis over which a softmax of this layer makes shares; None without one."""
        return self.output_shape[-1] if self.final_activation is activations.softmax else None

    def _drawn(self, name: str, shape: tuple[int, ...], draw: Any, generator: np.random.Generator) -> Array:
        try:
            with np.errstate(over="ignore"):  # of float32; what it gives is refused
                drawn = draw(shape, generator, self.dtype)
            require_finite(f"in {self.dtype} it", drawn)
            return drawn
        except ValueError as error:
            raise ValueError(f"{self.label}: the initial {name}: {error}") from error

    def set_params(self, params: Mapping[str, Array]) -> None:
        """Replace the parameters by other arrays: a model passes views of its one flat vector.

        Nobody else puts an array in the place of one, which training would not know: they can be written into.
        """
        self.params = MappingProxyType(dict(params))

    def check_input(self, x: Array) -> None:
        """Raise ValueError unless this layer, as built, can take the batch x."""
        self.require_built()
        if x.shape[1:] == self.input_shape[1:] and x.shape[0]:
            return  # as built: the common case, in every training step
        self.check_shape(x.shape)

    def takes(self, shape: Shape) -> bool:
        """Whether this layer, as built, can take x of this shape."""
        try:
            self.check_shape(shape)
        except ValueError:
            return False
        return True

    def check_shape(self, shape: Shape) -> None:
        """Raise ValueError unless this layer, as built, can take x of this shape: with it, the parameters' shapes stay.

        So a layer is bound to no more of the shape it was built with than its parameters are: an LSTM to the features
        of a sequence, not to its length. Axes that are not known yet are None.
        """
        self.refuse_empty(shape)
        if shape[1:] == self._last_shape[1:]:
            return
        self.compute_output_shape(shape)
        for name, (needed, _) in self.parameter_shapes(shape).items():
            if needed != self.params[name].shape:
                raise ValueError(
                    f"{self.label} was built for x of shape {self.input_shape}, got {shape}, for which {name} would be "
                    f"{needed} instead of {self.params[name].shape}"
                )
        self._last_shape = shape

    def refuse_empty(self, shape: Shape) -> None:
        """Raise ValueError for x without numbers, from which kernels would return whatever is in memory."""
        if 0 in shape:
            raise ValueError(f"{self.label} needs at least one number along every axis of x, got shape {shape}")

    def as_input(self, x: Any) -> Array:
        """x as a contiguous array of the layer's dtype, checked."""
        self.require_built()
        x = self.backend.array(x, self.dtype)
        self.check_input(x)
        return x

    def as_gradient(self, dy: Any, y_shape: tuple[int, ...]) -> Array:
        """dy as a contiguous array of the layer's dtype, checked to have the shape of y."""
        dy = self.backend.array(dy, self.dtype, "dy")
        if dy.shape != y_shape:
            raise ValueError(f"{self.label}: dy must have the shape of y, {y_shape}, got {dy.shape}")
        return dy

    def as_mask(self, mask: Any, shape: tuple[int, ...]) -> Array:
        """The mask as kernels expect it, checked."""
        mask = mask if self.backend.is_device_array(mask) else as_numbers("mask", mask)
        if mask.shape != shape or mask.dtype != bool:
            raise ValueError(f"{self.label} takes a bool mask of shape {shape}, got {mask.dtype} of shape {mask.shape}")
        return self.backend.array(mask, bool)

    def regularizers(self) -> dict[str, Regularizer]:
        """The regularizer of each parameter that has one."""
        rules = {name: getattr(self, self.regularized[name]) for name in self.params if name in self.regularized}
        return {name: rule for name, rule in rules.items() if rule is not None}

    @property
    def losses(self) -> list[Any]:
        """The penalty of each trainable parameter that has a regularizer; as in Keras, what is frozen has none."""
        rules = self.regularizers()
        return [rules[name](self.params[name]) for name in self.trainable_names() if name in rules]

    def require_built(self) -> None:
        if not self.built:
            raise RuntimeError(
                f"{self.label} has no parameters yet: call build(input_shape) first, or put it in a model"
            )

    def __repr__(self) -> str:
        words = [type(self).__name__ if self.name is None else self.label]
        if self.built:
            words += [f"{self.input_shape} -> {self.output_shape}", f"{self.count_params():,} parameters"]
            words += [] if self.trainable else ["frozen"]
        else:
            words += ["not built"]
        return f"<{', '.join(filter(None, [words[0], self.describe(), *words[1:]]))}>"

    @property
    def label(self) -> str:
        """How error messages name this layer."""
        kind = type(self).__name__
        return kind if self.name is None else f"{kind} '{self.name}'"

    def count_params(self) -> int:
        self.require_built()
        return sum(param.size for param in self.params.values())

    def get_weights(self) -> list[Array]:
        """Copies of the parameters in Keras' order and shapes."""
        self.require_built()
        return self.to_keras([np.array(self.backend.to_host(param)) for param in self.params.values()])

    def set_weights(self, weights: Any) -> None:
        """Overwrite the parameters, given in Keras' order and shapes.

        Raises:
            ValueError: naming the expected and the received shapes, before anything is changed.
        """
        arrays = fitting(self.label, weights, self.get_weights())
        for param, array in zip(self.params.values(), self.from_keras(arrays), strict=True):
            param[...] = self.backend.array(array, self.dtype)

    def to_keras(self, params: list[Array]) -> list[Array]:
        """The parameters as the list of arrays that Keras has for this layer."""
        return params

    def from_keras(self, weights: list[Array]) -> list[Array]:
        """The inverse of `to_keras`."""
        return weights

    # ---- copies

    def clone(self) -> "Layer":
        """An unbuilt layer with the same settings."""
        layer = type(self).__new__(type(self))
        for name, value in vars(self).items():
            if name not in ("params", "model", "backend", "dtype"):
                vars(layer)[name] = value.clone() if isinstance(value, Layer) else copy.deepcopy(value)
        vars(layer).update(built=False, params={}, model=None, input_shape=(), output_shape=())
        return layer

    def __getstate__(self) -> Config:
        """For copies, which have parameters of their own and belong to no model; arrays are in the host's memory."""
        params = {name: np.array(self.backend.to_host(param)) for name, param in self.params.items()}
        return vars(self) | {"model": None, "params": params}

    def __setstate__(self, state: Config) -> None:
        vars(self).update(state)
        self.set_params({name: self.backend.array(param, self.dtype) for name, param in self.params.items()})

    def __copy__(self) -> "Layer":
        return copy.deepcopy(self)  # a shallow copy would train the parameters of this one

    def __call__(self, x: Any, **kwargs: Any) -> Any:
        """Chain onto a `Symbol` (see `Input`), or compute y for an array."""
        built = self.built  # an error where a constructor forgot that of its base
        if isinstance(x, Symbol):
            if "initial_state" in kwargs:
                raise TypeError(
                    f"{self.label}: initial_state cannot be given in a chain. Give it to the model: "
                    "model.predict(x, initial_state={layer.name: [h]}), and model.forward takes it too"
                )
            if kwargs:
                raise TypeError(f"{self.label}: {', '.join(kwargs)} cannot be given in a chain; call forward yourself")
            return x.then(self)
        if symbols := _symbols_in(x):
            raise TypeError(
                f"{self.label} takes one input, got {symbols}: a model is a chain of layers, without branches"
            )
        if not built:
            self.build((None, *as_array(x).shape[1:]))
        return self.forward(x, **kwargs)[0]


@functools.cache
def _fixed_settings(kind: type) -> frozenset[str]:
    """The arguments of our own constructors that nothing reads again once the layer is built."""
    ours = next(each for each in kind.__mro__ if not is_own(each))
    return frozenset(parameters_of(ours)) - {"name", "input_shape", "output_shape", *kind.checks}


def _symbols_in(x: Any) -> int:
    return sum(isinstance(each, Symbol) for each in x) if isinstance(x, list | tuple) else 0


def fitting(owner: str, weights: Any, present: list[Array]) -> list[Array]:
    """The weights in the shapes and the dtype of the present ones, or an error before anything is changed."""
    if not isinstance(weights, list | tuple):
        raise TypeError(f"{owner} expects a list of {len(present)} arrays as weights, got a {type(weights).__name__}")
    arrays = [as_numbers(f"weight {n} of {owner}", weight) for n, weight in enumerate(weights)]
    expected = [weight.shape for weight in present]
    if [array.shape for array in arrays] != expected:
        raise ValueError(f"{owner} expects weights of shapes {expected}, got {[array.shape for array in arrays]}")
    pairs = zip(arrays, present, strict=True)
    return [converted(f"weight {n} of {owner}", array, old.dtype) for n, (array, old) in enumerate(pairs)]


def as_array(x: Any) -> Array:
    """x as an array of numbers with a batch axis, or a ValueError."""
    array = as_numbers("x", x)
    if array.ndim == 0:
        raise ValueError(f"x must have a batch axis, got the single value {array}")
    return array


def positive_int(owner: str, name: str, value: Any) -> int:
    """The value as an int, or a ValueError that names the argument."""
    return whole_number(f"{owner}: {name}", value, 1)


def dropout_rate(owner: str, name: str, value: Any) -> float:
    """The value as a float in [0, 1), or a ValueError that names the argument."""
    return share(f"{owner}: {name}", value)


def draw_key(rng: np.random.Generator | randomness.Keys | None) -> Array:
    """The two-word key of a dropout mask: the model's next key, or, for a layer used alone, drawn from `rng`."""
    if isinstance(rng, randomness.Keys):
        return rng.next()
    if rng is None:
        raise ValueError("dropout in training needs rng: a numpy.random.Generator, for instance default_rng(0)")
    return rng.integers(0, 2**64, size=2, dtype=np.uint64)
