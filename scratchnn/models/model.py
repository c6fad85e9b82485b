"""Models: a list of layers, built once, with its forward and backward pass."""

import weakref
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike
from scratchnn_kernels.contract import Array

from scratchnn.core import backend as backends
from scratchnn.core import randomness
from scratchnn.core.attributes import heeds_keras_in, refuse_unheard
from scratchnn.core.checks import flag
from scratchnn.core.keras_names import NO_SYMBOLS, OUTPUTS_OF_A_LAYER
from scratchnn.initializers import values_follow
from scratchnn.layers import Layer
from scratchnn.layers.base import Shape
from scratchnn.layers.own_classes import not_begun
from scratchnn.layers.symbol import chain_between, whole_shape
from scratchnn.models import initial_states, needs
from scratchnn.models.calls import Calls
from scratchnn.models.chain import Chain
from scratchnn.models.naming import name_layers
from scratchnn.models.one_row import OneRow
from scratchnn.models.penalties import Penalties
from scratchnn.report.diagram import svg_of_model
from scratchnn.report.summary import summary_text
from scratchnn.training.progress import Clock


class Caches(list):
    """What each layer keeps for its backward pass, and the mask of the model's output (B, T), or None."""

    mask: Array | None = None


class Model(OneRow, Chain, Penalties, Calls):
    """A chain of layers from `Input` to an output: `Model(inputs, outputs)`. `Sequential` takes a list of layers.

    The parameters that are trained are one vector, `trainable_params`, and their gradients another, `trainable_grads`,
    so that an optimizer's rule is a few lines on two vectors; the layers' arrays are views of the first. What is frozen
    (`layer.trainable = False`) is in neither. `flat_params` are all parameters: the same vector where nothing is
    frozen, and otherwise a copy that cannot be written to.

    Args:
        backend: "cpu" (Numba), "reference" (NumPy) or "gpu" (CUDA); the same numbers, at different speeds.
        dtype: "float32" or "float64".
        seed: determines every random draw of the model: initial parameters, batch order, dropout. Without one, the
            model takes the next stream of `set_random_seed`; `seed=(s, n)` is that of model n after it was set to s.
        trainable: False trains no layer, whatever its own `trainable`. Setting `model.trainable` sets it for them all.
    """

    _layers: list[Layer]
    name: str
    input_shape: Shape
    built: bool
    metadata: dict[str, Any]
    trainable_grads: Array
    _small_batches: set[Any]
    not_kept: ClassVar = dict.fromkeys(("inputs", "outputs"), NO_SYMBOLS)

    def __init__(
        self,
        inputs: Any,
        outputs: Any,
        *,
        backend: str = "cpu",
        dtype: DTypeLike = "float32",
        seed: randomness.GivenSeed = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        self._prepare(backend, dtype, seed, name)
        self._trainable = flag(type(self).__name__, "trainable", trainable)
        layers, shape, self._outputs = chain_between(inputs, outputs)
        self._layers.extend(layers)
        self.build(shape)

    def __init_subclass__(cls, **settings: Any) -> None:
        super().__init_subclass__(**settings)
        refuse_unheard(cls, "Model")

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if "_layers" not in vars(self) and not name.startswith("__"):
                raise not_begun(type(self), "super().__init__(...)")
            return super().__getattr__(name)

    def _prepare(self, backend: str, dtype: DTypeLike, seed: randomness.GivenSeed, name: str | None) -> None:
        self.backend = backends.load(backend)
        try:
            self.dtype = np.dtype("float32" if dtype is None else dtype)  # to NumPy, None means float64
        except TypeError:
            raise ValueError(f"dtype must be float32 or float64, got {dtype!r}") from None
        if self.dtype not in (np.dtype("float32"), np.dtype("float64")):
            raise ValueError(f"dtype must be float32 or float64, got {self.dtype}")
        self.seed = randomness.model_seed() if seed is None else randomness.checked(seed)
        self.clock = Clock()
        self.name = name or type(self).__name__.lower()
        self._layers: list[Layer] = []
        self._masks_ended = []
        self._outputs: tuple[int, ...] | None = None  # of the last layer: 0 is y, others are states; None: all
        self.built = False
        self.input_shape: Shape = ()
        self._small_batches: set[Any] = set()  # the shapes of batches whose memory need not be asked for
        self.metadata: dict[str, Any] = {}  # whatever should be saved with the model: vocabulary, data settings

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "layers" or (name in ("backend", "dtype", "input_shape") and name in vars(self)):
            raise AttributeError(
                f"{name} is fixed when the model is made; make another model, and give it this one's get_weights()"
            )
        if name in ("optimizer", "loss"):
            self.require_no_fit(f"model.{name} = ...")
        super().__setattr__(name, value)

    @property
    def layers(self) -> list[Layer]:
        """The layers in their order: a new list, as in Keras. `add` of a `Sequential` appends one to the model."""
        return list(self._layers)

    # ---- building

    def build(self, input_shape: Any) -> None:
        """Fix all shapes and draw the initial parameters. `input_shape` includes the batch axis, None."""
        if not self._layers:
            raise ValueError("a model needs at least one layer")
        name_layers(self._layers)
        for layer in self._layers:
            if layer.model is not None and layer.model() not in (None, self):
                raise ValueError(
                    f"{layer.label} belongs to another model, and a layer can be in one only; {OUTPUTS_OF_A_LAYER}"
                )
        shape: Any = whole_shape(type(self).__name__, input_shape)
        vars(self)["input_shape"] = shape  # nobody else sets it
        for index, layer in enumerate(self._layers):
            if index and isinstance(shape[0], tuple):  # an earlier layer's states go no further
                shape = self._first_of(self._layers[index - 1])
            self._build_layer(layer, shape, index)
            layer.model = weakref.ref(self)
            shape = layer.output_shape
        self._share_vectors()
        self.built = True

    def _build_layer(self, layer: Layer, shape: Shape, index: int) -> None:
        """As in Keras, a layer that was built before, here or alone, keeps its parameters."""
        keeps = layer.built and layer.takes(shape)
        if keeps and (layer.input_shape, layer.backend, layer.dtype) == (shape, self.backend, self.dtype):
            return
        weights = layer.get_weights() if keeps else None
        with nullcontext() if weights is None else values_follow():
            layer.build(shape, backend=self.backend, dtype=self.dtype, seed=self.seed, index=index)
        if weights is not None:
            layer.set_weights(weights)

    # ---- forward and backward

    def forward(
        self,
        x: Any,
        *,
        mask: Array | None = None,
        training: bool = False,
        epoch: int = 0,
        step: int = 0,
        keep_caches: bool = True,
        pre_activation: bool = False,
        initial_state: Any = None,
        return_state: bool = False,
    ) -> tuple[Any, ...]:
        """Return y and one cache per layer; `caches.mask` is the mask of y.

        `epoch` and `step` determine the dropout draws in training: the same two drop the same numbers again, so a loop
        of your own counts them.

        Without `keep_caches`, for inference, a long sequence takes no more memory than a short one. `pre_activation`:
        y before the activation of `head`, as the loss wants it if the model `joins_loss`. `initial_state`: {name of
        a recurrent layer: its states}; such a dict of the states at the end is returned third with `return_state`.
        """
        given, after = {}, {}
        if initial_state is not None:
            given = initial_states.checked(self._layers, initial_state, len(x)) or {}
        caches, last, head = Caches(), self._layers[-1], self.head if pre_activation else None
        for index, layer in enumerate(self._layers):
            rng = self.dropout_keys(index, epoch, step) if training and layer.uses_rng else None
            if mask is not None and not layer.supports_masking:
                self._warn_that_mask_ends(layer)
            next_mask = layer.compute_mask(x, mask)
            options: dict[str, Any] = {} if keep_caches or not layer.takes_keep_cache else {"keep_cache": False}
            if layer is head:
                options["pre_activation"] = True
            if given or return_state:
                options |= initial_states.options_of(layer, given, return_state)
            x = x.copy() if layer.takes_copy else x
            y, cache = layer.forward(x, mask=mask, training=training, rng=rng, **options)
            caches.append(cache if keep_caches else None)
            del cache  # its memory serves the next layer
            if return_state and layer.takes_state:
                y, after[layer.name] = initial_states.split_off(layer, y)
            mask = next_mask
            # Of an earlier layer with return_state, only y goes on.
            x = y[0] if isinstance(y, tuple) and layer is not last else y
        caches.mask = mask
        return (self._choose(x), caches, after) if return_state else (self._choose(x), caches)

    def dropout_keys(self, index: int, epoch: int, step: int) -> randomness.Keys:
        return randomness.Keys(self.seed, epoch=epoch, step=step, layer=index)

    def backward(self, dy: Any, caches: list[Any], dstates: Any = None, *, down_to_x: bool = False) -> tuple[Any, ...]:
        """Return dx and `trainable_grads`, one vector of the gradients of what is trained, penalties' included.

        The next call overwrites the vector. dx is None if x are ids, and also where the lowest layers are frozen: the
        pass ends above them, unless `down_to_x`, or one of them was given states.

        `dstates`: the gradients of the states that forward returned, a dict like theirs. If forward was given initial
        states, a third value is returned: a dict of their gradients.
        """
        self.take_up_trainable()
        dstates, begin = dstates or {}, {}
        flat: list[Array] = []  # the gradients from the last parameter to the first, as the backward pass finds them
        dx = dy
        shape: Any = self._layers[-1].output_shape
        if isinstance(shape[0], tuple) and self._outputs is not None:
            given = dy if len(self._outputs) > 1 else (dy,)
            dx = tuple(dict(zip(self._outputs, given, strict=True)).get(i) for i in range(len(shape)))
        lowest = self._lowest
        if lowest and (down_to_x or any(getattr(cache, "state_given", False) for cache in caches[:lowest])):
            lowest = 0
        for index in reversed(range(lowest, len(self._layers))):
            layer = self._layers[index]
            outputs: Any = layer.output_shape
            if layer.takes_state:
                dx = initial_states.gradient_of(layer, caches[index], dx, dstates)
            elif index < len(self._layers) - 1 and isinstance(outputs[0], tuple):
                dx = (dx, *[None] * (len(outputs) - 1))
            dx, grads = layer.backward(dx, caches[index])
            if layer.takes_state and caches[index].state_given:
                dx, *begin[layer.name] = dx
            flat += [grads[name].ravel() for name in reversed(self.trained[index])]
        self.gather(flat[::-1])
        dx = dx if lowest == 0 else None
        return (dx, self.trainable_grads, begin) if begin else (dx, self.trainable_grads)

    def require_memory(self, shape: tuple[int, ...] | None, *, training: bool) -> None:
        if shape is not None and self.backend.counts_batches:
            needs.require_batch(self, shape, training=training)

    # ---- as text and picture

    def __repr__(self) -> str:
        count = len(self._layers)
        words = [f"{type(self).__name__} '{self.name}'", f"{count} layer{'s' * (count != 1)}"]
        if self.built:
            words += [f"{self.input_shape} -> {self.output_shape}", f"{self.count_params():,} parameters"]
        return f"<{', '.join(words)}{'' if self.built else ', not built'}>"

    def _repr_svg_(self) -> str | None:
        """The diagram, which a notebook shows where the model ends a cell."""
        return svg_of_model(self) if self.built else None

    @heeds_keras_in("Model.summary")
    def summary(self, *, print_fn: Any = None) -> None:
        """Print the table of layers, shapes and parameter counts; or pass it, as one text, to `print_fn`."""
        self.require_built()
        (print_fn or print)(summary_text(self))

    def require_built(self) -> None:
        if not self.built:
            raise RuntimeError(
                "the model has no parameters yet: give the first layer's input with Input, call build, or fit"
            )
