"""A model's layers once more, on the reference backend in float64: what every part of `explain` walks through."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array

from scratchnn import layers as kinds
from scratchnn.core import backend
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


_ROWS = 128  # of a batch of texts
_PROBABILITIES = ("sigmoid", "hard_sigmoid")


@dataclass(frozen=True, eq=False)
class Walk:
    """A forward pass: what each layer gave, and kept for its backward pass."""

    outputs: list[Any]
    caches: list[Any]


class Chain:
    """The layers of a classifier of word ids: Embedding first, one number per row last.

    Where the model's loss takes logits, a sigmoid comes behind them: what is told of the model is its probability.

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
        self.of_logits = bool(getattr(model.loss, "from_logits", False))
        if self.of_logits:  # the loss makes a probability of the output, and so do we
            self.layers.append(_sigmoid())
        names = [name for name, _ in self.walks()]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(
                f"explain tells the layer in a Bidirectional apart by a name that another has: {twice[0]!r}"
            )
        for _, walked in self.walks():
            vars(walked)["return_state"] = False  # a setting, fixed for everybody else
        self.length: int | None = model.input_shape[1]

    @classmethod
    def of(cls, model: "Model | Chain") -> "Chain":
        """That of the model; a chain itself, made once for several calls, is taken as it is."""
        return model if isinstance(model, Chain) else cls(model)

    @property
    def gives_probability(self) -> bool:
        """Whether the last number is one by the activation it comes from; True where that is not known."""
        others = [
            layer for layer in self.layers if not isinstance(layer, kinds.Dropout | kinds.Flatten | kinds.Reshape)
        ]
        activation = getattr(others[-1], "activation", None)
        return activation is None or activation.name in _PROBABILITIES

    def walks(self) -> list[tuple[str, Recurrent]]:
        """Each walk through time and its name: a recurrent layer is one, a Bidirectional two."""
        return [(name, layer) for name, layer, _ in self.walked([None] * len(self.layers))]

    def walked(self, caches: list[Any]) -> list[tuple[str, Any, Any]]:
        """The name, the layer and the cache of each walk, from the caches of all layers."""
        found = []
        for layer, cache in zip(self.layers, caches, strict=True):
            if isinstance(layer, kinds.Bidirectional):
                for side in ("forward", "backward"):
                    found.append((f"{layer.name}.{side}", getattr(layer, f"{side}_layer"), getattr(cache, side, None)))
            elif isinstance(layer, Recurrent):
                found.append((layer.name, layer, cache))
        return found

    def predicted(self, rows: Array) -> Array:
        """The model's own predictions (N,) for rows of ids, in its own backend."""
        y = np.asarray(self.model.predict(rows, batch_size=_ROWS, verbose=0), np.float64)
        return self.layers[-1].forward(y)[0][:, 0] if self.of_logits else y[:, 0]

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
    def how_it_reads(self) -> str:
        """In words, why p after a word is not that of the state after it."""
        if any(isinstance(layer, kinds.Bidirectional) for layer in self.layers):
            return "reads from both ends"
        if any(isinstance(layer, Recurrent) and layer.go_backwards for layer in self.layers):
            return "reads from the end"
        return "looks at several words at once"

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

    def backward(self, dy: Array, walk: Walk, start: int = 0, end: int | None = None) -> Array:
        """The gradient of what layer `start` was given, from that of what layer `end` was given (None: the output)."""
        below = len(self.layers) - len(walk.caches)  # layers that the walk did not pass
        passed = list(zip(self.layers[start:end], walk.caches[start - below :], strict=False))
        with one_blas_thread():
            for layer, cache in reversed(passed):
                dy, _ = layer.backward(dy, cache)
        return dy


def _sigmoid() -> Any:
    layer = kinds.Activation("sigmoid")
    layer.build((None, 1), backend=backend.load("reference"), dtype=np.float64, seed=0)
    return layer
