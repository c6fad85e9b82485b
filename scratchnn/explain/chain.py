"""A model's layers once more, on the reference backend in float64: what every part of `explain` walks through."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array

from scratchnn import layers as kinds
from scratchnn.core.threads import one_blas_thread
from scratchnn.layers.recurrent import Recurrent
from scratchnn.layers.trace import on_reference
from scratchnn.models.model import Model

# Layers that treat every step by itself: they may stand before a recurrent layer that reads words one by one.
_STEP_BY_STEP = (
    kinds.Activation, kinds.AlphaDropout, kinds.Dense, kinds.Dropout, kinds.Embedding, kinds.GaussianDropout,
    kinds.GaussianNoise, kinds.LayerNormalization, kinds.LeakyReLU, kinds.Masking, kinds.PReLU, kinds.ReLU, kinds.ELU,
    kinds.SpatialDropout1D, kinds.TimeDistributed,
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Walk:
    """A forward pass: what each layer gave, and kept for its backward pass."""

    outputs: list[Any]
    caches: list[Any]


class Chain:
    """The layers of a classifier of word ids: Embedding first, one number per row last.

    Raises:
        ValueError: for another model, or one that carries states from batch to batch.
    """

    def __init__(self, model: Model) -> None:
        model.require_built()
        self.model = model
        found = model.layers
        if not isinstance(found[0], kinds.Embedding):
            raise ValueError(
                f"explain reads words: it needs a model that begins with an Embedding, and {found[0].label} is first"
            )
        if model.has_several_outputs or tuple(model.output_shape) != (None, 1):
            raise ValueError(
                f"explain needs a model with one number per text, of shape (None, 1), got {model.output_shape}"
            )
        if any(getattr(layer, "stateful", False) for layer in found):
            raise ValueError("explain takes no stateful layers: what they read would depend on the batch before")
        self.layers = [on_reference(layer, np.float64) for layer in found]
        for _, walked in self.walks():
            vars(walked)["return_state"] = False  # a setting, fixed for everybody else
        self.length: int | None = model.input_shape[1]

    @classmethod
    def of(cls, model: "Model | Chain") -> "Chain":
        """That of the model; a chain itself, made once for several calls, is taken as it is."""
        return model if isinstance(model, Chain) else cls(model)

    def walks(self) -> list[tuple[str, Recurrent]]:
        """Each walk through time and its name: a recurrent layer is one, a Bidirectional two."""
        found = []
        for layer in self.layers:
            if isinstance(layer, kinds.Bidirectional):
                sides = {"forward": layer.forward_layer, "backward": layer.backward_layer}
                found += [(f"{layer.name}.{side}", each) for side, each in sides.items()]
            elif isinstance(layer, Recurrent):
                found.append((layer.name, layer))
        return found

    @property
    def last_recurrent(self) -> int | None:
        """The place of the last recurrent layer."""
        places = [n for n, layer in enumerate(self.layers) if isinstance(layer, Recurrent | kinds.Bidirectional)]
        return places[-1] if places else None

    @property
    def reads_on(self) -> bool:
        """Whether the state after a word depends on the words up to it alone, and is all that the head sees."""
        last = self.last_recurrent
        if last is None or getattr(self.layers[last], "return_sequences", True):
            return False
        below, walk = self.layers[:last], self.layers[last]
        recurrent = [layer for layer in [*below, walk] if isinstance(layer, Recurrent)]
        others = [layer for layer in below if not isinstance(layer, Recurrent)]
        forwards = isinstance(walk, Recurrent) and not any(layer.go_backwards for layer in recurrent)
        return forwards and all(isinstance(layer, _STEP_BY_STEP) for layer in others)

    @property
    def step_is_word(self) -> bool:
        """Whether step t of every recurrent layer reads word t: no layer before one joins or drops words."""
        below = self.layers[: self.last_recurrent]
        alike = (*_STEP_BY_STEP, Recurrent, kinds.Bidirectional)
        return self.last_recurrent is not None and all(isinstance(layer, alike) for layer in below)

    def forward(self, x: Any, start: int = 0, mask: Array | None = None) -> Walk:
        """Through the layers from place `start` on, as in `predict`."""
        walk = Walk([], [])
        with one_blas_thread():
            for layer in self.layers[start:]:
                after = layer.compute_mask(x, mask)
                x, cache = layer.forward(x, mask=mask)
                walk.outputs.append(x)
                walk.caches.append(cache)
                mask = after
        return walk

    def backward(self, dy: Array, walk: Walk, start: int = 0) -> Array:
        """The gradient of what layer `start` was given, from that of the output."""
        layers = self.layers[start:]
        with one_blas_thread():
            for layer, cache in zip(layers[::-1], walk.caches[: -len(layers) - 1 : -1], strict=True):
                dy, _ = layer.backward(dy, cache)
        return dy
