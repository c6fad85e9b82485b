"""Layers inside another one, which builds them and to which they belong."""

import weakref
from collections.abc import Mapping
from itertools import islice
from typing import Any

from scratchnn_kernels.contract import Array

from scratchnn.core import randomness
from scratchnn.layers.base import Config, Layer, Shape
from scratchnn.layers.symbol import whole_shape
from scratchnn.layers.trainable import Weight
from scratchnn.regularizers import Regularizer


class Wrapper(Layer):
    """Base of layers that have others inside, whose parameters are its own: all arrays are shared."""

    # ---- what a wrapper defines

    @property
    def _inner(self) -> dict[str, Layer]:
        """The layers inside, each with what the names of its parameters begin with here."""
        raise NotImplementedError

    def _build_inner(self, input_shape: Shape, **settings: Any) -> None:
        raise NotImplementedError

    # ---- the same for all wrappers

    @property
    def _parts(self) -> list[Layer]:
        return list(self._inner.values())

    @property
    def uses_rng(self) -> bool:
        return any(layer.uses_rng for layer in self._parts)

    def build(self, input_shape: Shape, *, seed: randomness.GivenSeed = None, index: int = 0, **settings: Any) -> None:
        input_shape = whole_shape(self.label, input_shape)
        self.refuse_empty(input_shape)  # an error about x names this layer
        settings["seed"] = randomness.layer_seed() if seed is None else seed
        self._build_inner(input_shape, index=index, **settings)
        params = self._inner_params()
        super().build(input_shape, index=index, **settings)
        self.set_params(params)

    def _inner_params(self) -> dict[str, Array]:
        return {prefix + name: param for prefix, layer in self._inner.items() for name, param in layer.params.items()}

    def set_params(self, params: Mapping[str, Array]) -> None:
        super().set_params(params)
        for prefix, layer in self._inner.items():
            own = {name.removeprefix(prefix): param for name, param in params.items() if name.startswith(prefix)}
            layer.set_params(own)

    def trainable_names(self) -> list[str]:
        """Those of the layers inside that are trainable: `bidirectional.backward_layer.trainable = False`."""
        if not self.trainable:
            return []
        return [prefix + name for prefix, layer in self._inner.items() for name in layer.trainable_names()]

    @property
    def weights(self) -> list[Weight]:
        return [weight for layer in self._parts for weight in layer.weights]

    def regularizers(self) -> dict[str, Regularizer]:
        return {
            prefix + name: rule for prefix, layer in self._inner.items() for name, rule in layer.regularizers().items()
        }

    def to_keras(self, params: list[Array]) -> list[Array]:
        rest = iter(params)
        return [array for layer in self._parts for array in layer.to_keras(list(islice(rest, len(layer.params))))]

    def from_keras(self, weights: list[Array]) -> list[Array]:
        rest = iter(weights)
        return [array for layer in self._parts for array in layer.from_keras(list(islice(rest, len(layer.weights))))]

    def __getstate__(self) -> Config:
        return super().__getstate__() | {"params": {}}  # the layers inside have them

    def __setstate__(self, state: Config) -> None:
        vars(self).update(state)
        self.set_params(self._inner_params())


def build_inside(owner: Layer, layer: Layer, shape: Shape, **settings: Any) -> None:
    """Build the layer for `owner`. As in Keras, one that was built before keeps its parameters.

    Raises:
        ValueError: if it is in another model or layer.
    """
    other = None if layer.model is None else layer.model()
    if other not in (None, owner):
        raise ValueError(f"{layer.label} is in another place already, and a layer can be in one only")
    weights = layer.get_weights() if layer.built and layer.takes(shape) else None
    layer.build(shape, **settings)
    if weights is not None:
        layer.set_weights(weights)
    layer.model = weakref.ref(owner)
