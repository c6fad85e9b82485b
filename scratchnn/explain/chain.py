"""A model's layers once more, on the reference backend in float64: what every part of `explain` walks through."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array

from scratchnn import layers as kinds
from scratchnn.core import backend
from scratchnn.core.threads import one_blas_thread
from scratchnn.explain.classes import class_of, classes_of
from scratchnn.layers.recurrent import Recurrent
from scratchnn.layers.trace import on_reference
from scratchnn.models.model import Model

# Layers that treat every step by itself: they may stand before a recurrent layer that reads words one by one.
_STEP_BY_STEP = (
    kinds.Activation, kinds.AlphaDropout, kinds.Dense, kinds.Dropout, kinds.Embedding, kinds.GaussianDropout,
    kinds.GaussianNoise, kinds.LayerNormalization, kinds.LeakyReLU, kinds.Masking, kinds.PReLU, kinds.ReLU, kinds.ELU,
    kinds.SpatialDropout1D, kinds.TimeDistributed,
)  # fmt: skip


_PASSING = (kinds.Dropout, kinds.Flatten, kinds.Reshape)  # which make a probability of nothing
_ROWS = 128  # of a batch of texts
_PROBABILITIES = ("sigmoid", "hard_sigmoid", "softmax")


@dataclass(frozen=True, eq=False)
class Walk:
    """A forward pass: what each layer gave, and kept for its backward pass."""

    outputs: list[Any]
    caches: list[Any]


class Chain:
    """The layers of a classifier of word ids: Embedding first, one number per row last.

    Where the model's loss takes logits, a sigmoid or softmax comes behind them: what is told of the model is its
    probability. Of a model with an output for each class, a layer behind them picks the one that is told of.

    Args:
        of_class: the class that is told of, its name or number, if there are several outputs.
        later: whether `pick` may say so later.

    Raises:
        ValueError: for another model, one that carries states from batch to batch, one whose weights are no finite
            numbers, and for a class that there is not.
    """

    def __init__(self, model: Model, of_class: Any = None, *, later: bool = False) -> None:
        model.require_built()
        self.model = model
        found = model.layers
        if not isinstance(found[0], kinds.Embedding):
            raise ValueError(
                f"explain reads words: it needs a model that begins with an Embedding, and {found[0].label} is first"
            )
        shape = tuple(model.output_shape)
        if model.has_several_outputs or len(shape) != 2 or shape[1] is None:
            raise ValueError(
                "explain needs a model with one number per text, of shape (None, 1), or one for each class, of shape "
                f"(None, C), got {model.output_shape}"
            )
        if any(getattr(layer, "stateful", False) for layer in found):
            raise ValueError("explain takes no stateful layers: what they read would depend on the batch before")
        self.classes = classes_of(model)
        self.of_class = class_of(model, of_class, later)
        self.undecided = self.of_class is not None and of_class is None
        self.layers = [on_reference(layer, np.float64) for layer in found]
        _require_finite(self.layers)
        self.of_logits = bool(getattr(model.loss, "from_logits", False))
        self.behind: list[Any] = []  # what comes behind the model's own layers
        if self.of_logits:  # the loss makes a probability of the output, and so do we
            self.behind.append(_probability(shape[1], getattr(model.loss, "joins", None) or "sigmoid"))
        if self.of_class is not None:
            self.behind.append(_picking(shape[1], self.of_class))
        self.layers += self.behind
        names = [name for name, _ in self.walks()]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(
                f"explain tells the layer in a Bidirectional apart by a name that another has: {twice[0]!r}"
            )
        for _, walked in self.walks():
            vars(walked)["return_state"] = False  # a setting, fixed for everybody else
        self.length: int | None = model.input_shape[1]

    @classmethod
    def of(cls, model: "Model | Chain", of_class: Any = None, *, later: bool = False) -> "Chain":
        """That of the model; a chain itself, made once for several calls, is taken as it is."""
        return model if isinstance(model, Chain) else cls(model, of_class, later=later)

    def pick(self, place: int) -> None:
        """Tell of this class from now on."""
        W = self.behind[-1].params["W"]
        W[...] = np.eye(len(W))[:, place : place + 1]
        self.of_class, self.undecided = place, False

    @property
    def gives_probability(self) -> bool:
        """Whether the last number is one by the activation it comes from; True where that is not known."""
        others = [layer for layer in self.layers if not isinstance(layer, _PASSING)]
        if self.of_class is not None:
            others.pop()  # which only picks
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
        for layer in self.behind:
            y = layer.forward(y)[0]
        return y[:, 0]

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


def _probability(outputs: int, activation: str) -> Any:
    layer = kinds.Activation(activation)
    layer.build((None, outputs), backend=backend.load("reference"), dtype=np.float64, seed=0)
    return layer


def _picking(outputs: int, place: int) -> Any:
    """A layer that hands on one of the outputs."""
    layer = kinds.Dense(1, use_bias=False)
    layer.build((None, outputs), backend=backend.load("reference"), dtype=np.float64, seed=0)
    layer.params["W"][...] = np.eye(outputs)[:, place : place + 1]
    return layer


def _require_finite(layers: Any) -> None:
    """Said before anything is computed with them, which would warn."""
    for layer in layers:
        for name, param in layer.params.items():
            if count := int((~np.isfinite(param)).sum()):
                raise ValueError(
                    f"the model's weights are not usable: {count} of {param.size} numbers of {name} of {layer.label} "
                    "are NaN or infinite"
                )
