"""The parameters of a model: one vector of those that are trained, one of those that are frozen, and views of them."""

import math
from collections.abc import Iterator, Sequence
from itertools import compress, groupby, pairwise
from operator import itemgetter
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Float

from scratchnn.core.backend import Backend
from scratchnn.layers import Layer
from scratchnn.layers.base import fitting
from scratchnn.layers.trainable import CHANGES, Trainable, Weight


class Parameters(Trainable):
    """What a model has besides its chain of layers: all their arrays, together.

    `trainable_params` is one vector of the parameters that are trained, layer by layer, so that an optimizer's rule is
    a few lines on one vector. What is frozen is in a vector of its own, which no optimizer sees. The layers' arrays are
    views of these two.
    """

    _layers: list[Layer]
    backend: Backend
    dtype: np.dtype
    trainable_params: Float[Array, " P"]
    trainable_grads: Float[Array, " P"]
    segments: list[slice]  # where each trained parameter is in these two vectors
    variable_segments: list[slice]  # and each variable of Keras, of which `clipnorm` takes the norm
    _changes_seen: int = -1
    trained: list[list[str]]  # the names of each layer's parameters in them

    @property
    def _parts(self) -> list[Layer]:
        return self._layers

    def require_built(self) -> None:
        raise NotImplementedError

    # ---- vectors

    def _trainable_names(self) -> list[list[str]]:
        if not self.trainable:
            return [[] for _ in self._layers]
        names = [(layer.params, set(layer.trainable_names())) for layer in self._layers]
        return [[name for name in params if name in trained] for params, trained in names]

    def _share_vectors(self, trained: list[list[str]] | None = None) -> None:
        """Move the arrays of all layers into the two vectors, and their values with them.

        What is trained is what is trainable now, or, in a copy, what its original trained.
        """
        if trained is None:
            self.trained = self._trainable_names()
            self._changes_seen = CHANGES.number
        else:
            self.trained = trained
            self._changes_seen = -1
        sets = [set(names) for names in self.trained]
        is_trained = [name in sets[i] for i, layer in enumerate(self._layers) for name in layer.params]
        params = [param for layer in self._layers for param in layer.params.values()]
        self.trainable_params, self.segments, views = self._joined(params, is_trained, True)
        self.trainable_grads = np.zeros_like(self.trainable_params)
        frozen_views = iter(()) if all(is_trained) else self._joined(params, is_trained, False)[2]
        self.variable_segments = self._variable_segments(is_trained)
        arrays = iter([next(views if each else frozen_views) for each in is_trained])
        for layer in self._layers:
            layer.set_params({name: next(arrays) for name in layer.params})
        # The backward pass ends at the lowest layer with something to train, if parameters below it are frozen.
        lowest = next((i for i, names in enumerate(self.trained) if names), len(self._layers))
        self._lowest = lowest if any(layer.params for layer in self._layers[:lowest]) else 0

    def _joined(
        self, params: list[Array], is_trained: list[bool], wanted: bool
    ) -> tuple[Array, list[slice], Iterator[Array]]:
        """One vector of some of the parameters, where each is in it, and views of it in their shapes."""
        parts = [param for param, each in zip(params, is_trained, strict=True) if each is wanted]
        ends = np.cumsum([0, *(part.size for part in parts)])
        segments = [slice(int(a), int(b)) for a, b in pairwise(ends)]
        vector = np.concatenate([part.ravel() for part in parts] or [self.backend.xp.zeros(0, self.dtype)])
        views = (vector[segment].reshape(part.shape) for segment, part in zip(segments, parts, strict=True))
        return vector, segments, views

    def _variable_segments(self, is_trained: list[bool]) -> list[slice]:
        """Where each of Keras' variables is in the vector of what is trained: the two biases of a GRU are one there."""
        of = []
        for number, layer in enumerate(self._layers):
            ends = np.cumsum([0, *(math.prod(weight.shape) for weight in layer.weights)])
            begins = np.cumsum([0, *(param.size for param in layer.params.values())])[:-1]
            of += [(number, int(index)) for index in np.searchsorted(ends, begins, side="right")]
        trained = compress(of, is_trained)
        groups = groupby(zip(trained, self.segments, strict=True), key=itemgetter(0))
        parts = [[segment for _, segment in group] for _, group in groups]
        return [slice(part[0].start, part[-1].stop) for part in parts]

    @property
    def trainable_has_changed(self) -> bool:
        """Whether other parameters are trainable now than those in `trainable_params`."""
        if self._changes_seen == CHANGES.number:
            return False
        changed = self.trained != self._trainable_names()
        if not changed:  # it was set on another model
            self._changes_seen = CHANGES.number
        return changed

    def trainable_sizes(self) -> dict[str, int]:
        """The size of each trainable parameter, by a name that is its own: the variables of the optimizer, in order."""
        owners = zip(self._layers, self._trainable_names(), strict=True)
        return {f"{layer.name}/{name}": layer.params[name].size for layer, names in owners for name in names}

    @property
    def flat_params(self) -> Float[Array, " N"]:
        """All parameters in one vector, in the order of the layers, whatever is frozen.

        With nothing frozen it is `trainable_params` itself. Else it is a copy, which cannot be written to: use
        `set_flat_params`.
        """
        if self.trainable_params.size == self.count_params():
            return self.trainable_params
        vector = np.concatenate([param.ravel() for layer in self._layers for param in layer.params.values()])
        if isinstance(vector, np.ndarray):
            vector.flags.writeable = False
        return vector

    @flat_params.setter
    def flat_params(self, params: Array) -> None:
        self.set_flat_params(params)

    def set_flat_params(self, params: Array) -> None:
        """Overwrite all parameters by a vector laid out like `flat_params`, or raise ValueError if it does not fit."""
        size = self.count_params()
        if params.shape != (size,) or params.dtype != self.dtype:
            raise ValueError(f"{params.size} parameters of {params.dtype} for a model of {size}")
        params, end = self.backend.array(params, self.dtype), 0
        for layer in self._layers:
            for param in layer.params.values():
                begin, end = end, end + param.size
                param[...] = params[begin:end].reshape(param.shape)

    # ---- as Keras has them

    def count_params(self) -> int:
        """The number of all parameters, frozen ones included."""
        self.require_built()
        return sum(layer.count_params() for layer in self._layers)

    def count_trainable(self) -> int:
        """The number of those that training may change."""
        return sum(layer.count_trainable() for layer in self._layers) if self.trainable else 0

    @property
    def weights(self) -> list[Weight]:
        """All arrays in Keras' order, layer by layer, each with name, shape and `trainable`."""
        return [weight for layer in self._layers for weight in layer.weights]

    @property
    def trainable_weights(self) -> list[Weight]:
        return [weight for layer in self._layers for weight in layer.trainable_weights] if self.trainable else []

    @property
    def trainable_variables(self) -> list[Weight]:
        """Keras' other name of `trainable_weights`."""
        return self.trainable_weights

    @property
    def non_trainable_weights(self) -> list[Weight]:
        if not self.trainable:
            return self.weights
        return [weight for layer in self._layers for weight in layer.non_trainable_weights]

    def get_weights(self) -> list[Array]:
        """Copies of all parameters, in Keras' order and shapes."""
        self.require_built()
        return [weight for layer in self._layers for weight in layer.get_weights()]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Overwrite all parameters, given in Keras' order and shapes; nothing is changed if one does not fit."""
        remaining = iter(fitting("the model", weights, self.get_weights()))
        for layer in self._layers:
            layer.set_weights([next(remaining) for _ in layer.get_weights()])
