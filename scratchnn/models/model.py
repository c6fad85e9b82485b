"""Models: a list of layers, built once, with its forward and backward pass."""

import os
import warnings
import weakref
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import DTypeLike
from scratchnn_kernels.contract import Array

from scratchnn.core import backend as backends
from scratchnn.core import randomness
from scratchnn.core.attributes import heeds_keras_in
from scratchnn.core.names import class_in_file, described, is_own
from scratchnn.layers import Layer
from scratchnn.layers.base import Shape, as_array, fitting
from scratchnn.layers.symbol import chain_between
from scratchnn.models import saving
from scratchnn.models.naming import name_layers
from scratchnn.report.summary import summary_text
from scratchnn.training.trainer import Trainer


class Caches(list):
    """What each layer keeps for its backward pass, and the mask of the model's output (B, T), or None."""

    mask: Array | None = None


class Model(Trainer):
    """A chain of layers from `Input` to an output: `Model(inputs, outputs)`. `Sequential` takes a list of layers.

    All parameters are in one vector, `flat_params`, and each layer's arrays are views of it, so that an optimizer's
    rule is a few lines on one vector.

    Args:
        backend: "cpu" (Numba), "reference" (NumPy) or "gpu" (CUDA); the same numbers, at different speeds.
        dtype: "float32" or "float64".
        seed: determines every random draw of the model: initial parameters, batch order, dropout.
    """

    layers: list[Layer]
    name: str
    input_shape: Shape
    built: bool
    metadata: dict[str, Any]
    flat_grads: Array

    def __init__(
        self,
        inputs: Any,
        outputs: Any,
        *,
        backend: str = "cpu",
        dtype: DTypeLike = "float32",
        seed: int | None = None,
        name: str | None = None,
    ) -> None:
        self._prepare(backend, dtype, seed, name)
        layers, self.input_shape, self._outputs = chain_between(inputs, outputs)
        self.layers.extend(layers)
        self.build(self.input_shape)

    def _prepare(self, backend: str, dtype: DTypeLike, seed: int | None, name: str | None) -> None:
        self.backend = backends.load(backend)
        self.dtype = np.dtype(dtype)
        if self.dtype not in (np.dtype("float32"), np.dtype("float64")):
            raise ValueError(f"dtype must be float32 or float64, got {self.dtype}")
        self.seed = randomness.default_seed() if seed is None else seed
        self.name = name or type(self).__name__.lower()
        self.layers: list[Layer] = []
        self._masks_ended: list[Layer] = []  # layers about which a warning was given
        self._outputs: tuple[int, ...] | None = None  # of the last layer: 0 is y, others are states; None: all
        self.built = False
        self.input_shape: Shape = ()
        self.metadata: dict[str, Any] = {}  # whatever should be saved with the model: vocabulary, data settings

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("backend", "dtype", "layers") and name in vars(self):
            raise AttributeError(
                f"{name} is fixed when the model is made; make another model, and give it this one's get_weights()"
            )
        super().__setattr__(name, value)

    # ---- building

    def build(self, input_shape: Any) -> None:
        """Fix all shapes and draw the initial parameters. `input_shape` includes the batch axis, None."""
        if not self.layers:
            raise ValueError("a model needs at least one layer")
        name_layers(self.layers)
        for layer in self.layers:
            if layer.model is not None and layer.model() not in (None, self):
                raise ValueError(f"{layer.label} belongs to another model, and a layer can be in one only")
        shape: Any = tuple(input_shape)
        self.input_shape = shape
        for index, layer in enumerate(self.layers):
            if index and isinstance(shape[0], tuple):  # an earlier layer's states go no further
                shape = shape[0]
            if layer.input_shape != shape or layer.model is None:  # a layer built here before keeps its parameters
                layer.build(shape, backend=self.backend, dtype=self.dtype, seed=self.seed, index=index)
            layer.model = weakref.ref(self)
            shape = layer.output_shape
        self._share_one_vector()
        self.built = True

    def _share_one_vector(self) -> None:
        params = [param for layer in self.layers for param in layer.params.values()]
        ends = np.cumsum([0, *(param.size for param in params)])
        self.segments = [slice(int(a), int(b)) for a, b in pairwise(ends)]
        self.flat_params = np.concatenate([param.ravel() for param in params] or [self.backend.xp.zeros(0, self.dtype)])
        self.flat_grads = np.zeros_like(self.flat_params)
        views = iter(self.flat_params[segment] for segment in self.segments)
        for layer in self.layers:
            layer.set_params({name: next(views).reshape(param.shape) for name, param in layer.params.items()})

    @property
    def output_shape(self) -> Any:
        self.require_built()
        return self.layers[-1].output_shape

    @property
    def has_several_outputs(self) -> bool:
        shape: Any = self.output_shape
        return isinstance(shape[0], tuple) and (self._outputs is None or len(self._outputs) > 1)

    def y_shape_of(self, x: Array) -> tuple[int, ...]:
        """The shape of y for the batch x."""
        shape: Any = x.shape
        for layer in self.layers:
            shape = layer.compute_output_shape(shape)
            if isinstance(shape[0], tuple):
                shape = shape[self._outputs[0] if layer is self.layers[-1] and self._outputs else 0]
        return shape

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
    ) -> tuple[Any, "Caches"]:
        """Return y and one cache per layer; `caches.mask` is the mask of y.

        `epoch` and `step` determine the dropout draws in training.

        Without `keep_caches`, for inference, a long sequence takes no more memory than a short one. `pre_activation`:
        y before the last layer's activation, as the loss wants it if the model `joins_loss`.
        """
        caches, last = Caches(), self.layers[-1]
        for index, layer in enumerate(self.layers):
            rng = self.dropout_keys(index, epoch, step) if training and layer.uses_rng else None
            if mask is not None and not layer.supports_masking:
                self._warn_that_mask_ends(layer)
            next_mask = layer.compute_mask(x, mask)
            options: dict[str, Any] = {} if keep_caches or not layer.takes_keep_cache else {"keep_cache": False}
            if pre_activation and layer is last:
                options["pre_activation"] = True
            y, cache = layer.forward(x, mask=mask, training=training, rng=rng, **options)
            caches.append(cache)
            mask = next_mask
            # Of an earlier layer with return_state, only y goes on.
            x = y[0] if isinstance(y, tuple) and layer is not last else y
        caches.mask = mask
        return self._choose(x), caches

    @property
    def joins_loss(self) -> bool:
        """Whether the loss takes the last layer's pre-activation: it is exact where a probability rounds to 0 or 1."""
        last = self.layers[-1]
        activation = last.final_activation
        if activation is None or self.loss is None or activation.name != self.loss.joins:
            return False
        return not any(is_own(type(part)) for part in (self, last, self.loss))  # which may compute something else

    def activate(self, y: Array) -> Array:
        """The model's output, from what `forward_to_loss` returned."""
        activation = self.layers[-1].final_activation
        return activation.forward(y) if self.joins_loss and activation is not None else y

    def _choose(self, outputs: Any) -> Any:
        """Those of the last layer's outputs that the model was made with: one array, or a tuple."""
        if not isinstance(outputs, tuple) or self._outputs is None:
            return outputs
        chosen = tuple(output for i in self._outputs for output in outputs[i : i + 1])
        return chosen[0] if len(chosen) == 1 else chosen

    def dropout_keys(self, index: int, epoch: int, step: int) -> randomness.Keys:
        return randomness.Keys(self.seed, epoch=epoch, step=step, layer=index)

    def _warn_that_mask_ends(self, layer: Layer) -> None:
        if layer not in self._masks_ended:
            self._masks_ended.append(layer)
            warnings.warn(
                f"{layer.label} cannot use the mask that reaches it: it treats padding as words, and so do the layers "
                "after it. GlobalAveragePooling1D and the recurrent layers use masks",
                stacklevel=3,
            )

    def backward(self, dy: Any, caches: list[Any]) -> tuple[Any, Float[Array, " P"]]:
        """Return dx (None if x are ids) and all gradients in one vector, laid out like `flat_params`.

        The vector is overwritten by the next call.
        """
        flat: list[Array] = []  # the gradients from the last parameter to the first, as the backward pass finds them
        dx = dy
        shape: Any = self.layers[-1].output_shape
        if isinstance(shape[0], tuple) and self._outputs is not None:
            given = dy if len(self._outputs) > 1 else (dy,)
            dx = tuple(dict(zip(self._outputs, given, strict=True)).get(i) for i in range(len(shape)))
        for index in reversed(range(len(self.layers))):
            layer = self.layers[index]
            outputs: Any = layer.output_shape
            if index < len(self.layers) - 1 and isinstance(outputs[0], tuple):
                dx = (dx, *[None] * (len(outputs) - 1))
            dx, grads = layer.backward(dx, caches[index])
            flat += [grads[name].ravel() for name in reversed(layer.params)]
        if flat:
            self.backend.kernels.optimizer.join(flat[::-1], self.flat_grads)
        return dx, self.flat_grads

    def check_input(self, x: Any) -> Array:
        """x as an array that the first layer can take: the one check of a whole call."""
        x = as_array(self.backend.to_host(x))
        if len(x) == 0:
            raise ValueError(f"x is empty, of shape {x.shape}; give at least one row")
        self.require_built()
        if x.dtype.kind == "f" and not np.isfinite(x).all():
            raise ValueError(f"x holds {int((~np.isfinite(x)).sum())} values that are NaN or infinite")
        return self.layers[0].as_input(x)

    # ---- parameters

    def count_params(self) -> int:
        self.require_built()
        return self.flat_params.size

    def get_weights(self) -> list[Array]:
        """Copies of all parameters, in Keras' order and shapes."""
        self.require_built()
        return [weight for layer in self.layers for weight in layer.get_weights()]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Overwrite all parameters, given in Keras' order and shapes; nothing is changed if one does not fit."""
        remaining = iter(fitting("the model", weights, self.get_weights()))
        for layer in self.layers:
            layer.set_weights([next(remaining) for _ in layer.get_weights()])

    def set_flat_params(self, params: Array) -> None:
        """Overwrite all parameters by a vector laid out like `flat_params`, or raise ValueError if it does not fit."""
        if params.shape != self.flat_params.shape or params.dtype != self.dtype:
            raise ValueError(f"{params.size} parameters of {params.dtype} for a model of {self.count_params()}")
        self.flat_params[:] = self.backend.array(params, self.dtype)

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """A layer by its name or its index."""
        if index is not None:
            return self.layers[index]
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise ValueError(f"no layer is called {name!r}; there are {[layer.name for layer in self.layers]}")

    # ---- summary and files

    @heeds_keras_in("Model.summary")
    def summary(self, *, print_fn: Any = print) -> str:
        """Print, and return, the table of layers, shapes and parameter counts."""
        self.require_built()
        return self._show(summary_text(self), print_fn)

    @staticmethod
    def _show(text: str, print_fn: Any) -> str:
        if print_fn is not None:
            print_fn(text)
        return text

    def get_config(self) -> dict[str, Any]:
        """All of the model but its numbers, as plain values for a file."""
        compiled = self.get_compile_config()
        if compiled is not None:
            compiled |= {"optimizer": described(self.optimizer), "loss": described(self.loss)}
        return {
            "layers": [class_in_file(layer) for layer in self.layers],
            "input_shape": list(self.input_shape),
            "weights": [list(weight.shape) for weight in self.get_weights()],
            "backend": self.backend.name,
            "dtype": self.dtype.name,
            "seed": self.seed,
            "name": self.name,
            "compiled": compiled,
            "metadata": self.metadata,
        }

    @heeds_keras_in("Model.save")
    def save(self, filepath: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write layers, settings, parameters and `metadata` into one file; see `scratchnn.load_model`.

        It warns of what is not in the file: classes and functions of your own, which loading will ask for.
        """
        self.require_built()
        metrics = self.metric_names if self.optimizer is not None else []
        own = [metric.name for metric in metrics if not isinstance(metric, str)]
        params = self.backend.to_host(self.flat_params)
        saving.save_model(filepath, self.get_config(), params, own, overwrite=overwrite)

    @heeds_keras_in("Model.load_weights")
    def load_weights(self, filepath: str | os.PathLike[str]) -> None:
        """Take the parameters from a saved model of the same shapes; for layers or activations of your own.

        Raises:
            StorageError: if the file is damaged, or its parameters do not fit.
        """
        self.set_flat_params(saving.read_params(filepath, [weight.shape for weight in self.get_weights()]))

    def require_built(self) -> None:
        if not self.built:
            raise RuntimeError(
                "the model has no parameters yet: give the first layer's input with Input, call build, or fit"
            )
