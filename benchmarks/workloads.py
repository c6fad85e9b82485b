"""What the benchmarks train, as data: layers, vocabulary, length, batch. Every framework's runner translates it.

Layers and their settings are spelled as in Keras, and so are the shapes and the order of the initial weights.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from scratchnn.experiments import presets
from scratchnn.experiments.stack import OUTPUT, dropout, recurrent

TRAIN_REVIEWS, TEST_REVIEWS = 20_000, 25_000
GATES = {"SimpleRNN": 1, "GRU": 3, "LSTM": 4}

Layer = tuple[str, Mapping[str, Any]]  # the name of its class and its settings
Weights = list[list[np.ndarray]]  # the arrays of each layer


def embedding(V: int, D: int) -> Layer:
    return "Embedding", {"input_dim": V, "output_dim": D}


def preset(name: str) -> tuple[Layer, ...]:
    return presets.PRESETS[name].layers.parts


# The layers of each workload after its embedding. The preset "gru" has a dense layer and dropout before its output,
# as the preset "lstm" has; the workload "gru" has not.
LAYERS: dict[str, tuple[Layer, ...]] = {
    **{name: preset(name) for name in ("ff", "rnn", "lstm", "cnn", "lstm-dropout")},
    "rnn-500": preset("rnn32"),
    "gru": (recurrent("GRU", 32), OUTPUT),
    "lstm-128": (recurrent("LSTM", 128), OUTPUT),
}


@dataclass(frozen=True)
class Workload:
    """One row of the table: the layers of `LAYERS[name]` on an embedding, and the sizes of what they read."""

    name: str
    about: str
    features: int = 16
    vocabulary: int = 1000
    length: int = 100
    batch: int = 32
    share: float = 1.0  # of an epoch and of the test reviews that is timed, then scaled up: the long ones
    dropout: bool = True

    @property
    def layers(self) -> tuple[Layer, ...]:
        layers = (embedding(self.vocabulary, self.features), *LAYERS[self.name])
        return layers if self.dropout else tuple(dropout(0.0) if kind == "Dropout" else (kind, s) for kind, s in layers)

    def without_dropout(self) -> "Workload":
        """The same with all rates 0: frameworks draw different masks, so only this can be compared."""
        return replace(self, dropout=False)

    @property
    def timed_reviews(self) -> int:
        """Full batches only: a last, smaller one would make some frameworks compile once more."""
        return int(TRAIN_REVIEWS * self.share) // self.batch * self.batch

    @property
    def timed_test_reviews(self) -> int:
        return int(TEST_REVIEWS * self.share)


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("lstm", "LSTM 32, dense, dropout"),
        Workload("rnn", "two stacked SimpleRNN 32"),
        Workload("gru", "GRU 32"),
        Workload("cnn", "two Conv1D 32"),
        Workload("ff", "embedding, dense"),
        Workload("lstm-dropout", "LSTM 32 between dropouts", vocabulary=10_000, length=500, share=0.2),
        Workload("rnn-500", "SimpleRNN 32", features=32, vocabulary=10_000, length=500, batch=128, share=0.2),
        Workload("lstm-128", "LSTM 128", features=128, vocabulary=10_000, length=200, batch=64, share=0.2),
    )
}


@dataclass(frozen=True)
class Stage:
    """A layer in its place: the shapes that enter and leave it, (T, D) or (D,), and of its weights in Keras' layout."""

    kind: str
    settings: Mapping[str, Any]
    x: tuple[int, ...]
    y: tuple[int, ...]
    weights: tuple[tuple[int, ...], ...] = ()


def stages(workload: Workload) -> Iterator[Stage]:
    """Walk through the layers with the shapes between them, the batch axis left out."""
    shape: tuple[int, ...] = (workload.length,)
    for kind, settings in workload.layers:
        weights: tuple[tuple[int, ...], ...] = ()
        D = shape[-1]
        match kind:
            case "Embedding":
                weights = ((settings["input_dim"], settings["output_dim"]),)
                y = (*shape, settings["output_dim"])
            case "SimpleRNN" | "GRU" | "LSTM":
                H = settings["units"]
                G = GATES[kind] * H
                weights = ((D, G), (H, G), (2, G) if kind == "GRU" else (G,))
                y = (*shape[:-1], H) if settings["return_sequences"] else (H,)
            case "Dense":
                weights = ((D, settings["units"]), (settings["units"],))
                y = (settings["units"],)
            case "Conv1D":
                k, F = settings["kernel_size"], settings["filters"]
                weights = ((k, D, F), (F,))
                y = (shape[0] - k + 1, F)
            case "MaxPooling1D":
                y = (shape[0] // settings["pool_size"], D)
            case "GlobalMaxPooling1D":
                y = (D,)
            case "Flatten":
                y = (math.prod(shape),)
            case "Dropout":
                y = shape
            case _:
                raise ValueError(f"no stage is known for {kind!r}")
        yield Stage(kind, settings, shape, y, weights)
        shape = y


def parameters(workload: Workload) -> int:
    return sum(math.prod(shape) for stage in stages(workload) for shape in stage.weights)


def initial_weights(workload: Workload, seed: int = 0) -> Weights:
    """The same weights for every framework, biases too, larger than usual.

    With the usual ones every first loss is ln 2 to four digits, whatever the layers compute. The recurrent weights stay
    small enough that a rounding error dies out over 500 steps.
    """
    generator = np.random.default_rng(seed)
    weights: Weights = []
    for stage in stages(workload):
        weights.append([])
        for number, shape in enumerate(stage.weights):
            is_bias = number > 0 and number == len(stage.weights) - 1
            scale = 1.0 if stage.kind == "Embedding" else 0.1 if is_bias else 1 / math.sqrt(math.prod(shape[:-1]))
            weights[-1].append(generator.uniform(-scale, scale, shape).astype(np.float32))
    return weights
