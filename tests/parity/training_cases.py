"""The training runs that are compared with Keras: ten optimizer steps each, with their weights and reviews.

Nothing here comes from a file: weights, ids and labels are drawn from the names of the cases.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tests.parity.cases import Spec, spec, uniform

ADAM = spec("Adam")


@dataclass(frozen=True)
class TrainingCase:
    """Ten optimizer steps of a model, on ten batches of synthetic reviews."""

    name: str
    layers: tuple[Spec, ...]
    count: int
    optimizer: Spec = ADAM
    length: int = 100
    vocabulary: int = 1000
    batch_size: int = 32
    steps: int = 10

    def weight(self, number: int, shape: Sequence[int]) -> np.ndarray:
        """Random, biases too. Keras' own initial weights are so small that every loss would be ln 2 to four digits.

        The variance is kept from layer to layer, so that what happens in the first is seen in the loss.
        """
        scale = 2.0 if number == 0 else math.sqrt(3 / math.prod(shape[:-1])) if len(shape) > 1 else 0.1
        return uniform(f"{self.name} weight {number}", shape, scale)

    def batches(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Ids of which low ones are common, as in word counts, after a padding of zeros; odd ids tend to be liked."""
        found = []
        for step in range(self.steps):
            u = np.abs(uniform(f"ids {step}", (self.batch_size, self.length)).astype(np.float64))
            ids = 1 + (u * u * u * (self.vocabulary - 1)).astype(
                np.int32
            )  # products round alike everywhere, powers not
            padding = uniform(f"padding {step}", (self.batch_size, 1)) * self.length * 0.8
            ids = np.where(np.arange(self.length) < padding, 0, ids)
            odd = np.where(ids % 2 == 1, 1, -1).sum(axis=1, where=ids > 0)
            liked = odd + 8 * uniform(f"mood {step}", (self.batch_size,))
            found.append((ids, (liked > np.median(liked)).astype(np.float32)))
        return found


def summary(start: Sequence[np.ndarray], end: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """How each array has moved: the length of its path, and its parts along two directions, all in float64.

    The movement rather than the weights themselves, which are mostly what they were at the start.
    """
    moved = [(after.astype(np.float64) - before).ravel() for before, after in zip(start, end, strict=True)]
    along = [uniform(f"direction {number}", move.shape) for number, move in enumerate(moved)]
    numbers = [(np.linalg.norm(m), m.sum(), m @ a) for m, a in zip(moved, along, strict=True)]
    return {"moved": np.array(numbers)}


def _training_cases() -> list[TrainingCase]:
    embedding = spec("Embedding", input_dim=1000, output_dim=16)
    dense = spec("Dense", units=1, activation="sigmoid")
    convolution = spec("Conv1D", filters=32, kernel_size=7, activation="relu")
    # The dropout of the published LSTM is here with rate 0: the two frameworks draw different random masks.
    lstm = (
        embedding,
        spec("LSTM", units=32),
        spec("Dense", units=32, activation="relu"),
        spec("Dropout", rate=0.0),
        dense,
    )
    rnn = (embedding, spec("SimpleRNN", units=32, return_sequences=True), spec("SimpleRNN", units=32), dense)
    masked = spec("Embedding", input_dim=1000, output_dim=16, mask_zero=True)
    return [
        TrainingCase("ff", (embedding, spec("Flatten"), dense), 17_601),
        TrainingCase("rnn", rnn, 19_681),
        TrainingCase("lstm", lstm, 23_361),
        TrainingCase(
            "cnn",
            (embedding, convolution, spec("MaxPooling1D", pool_size=5), convolution, spec("GlobalMaxPooling1D"), dense),
            26_849,
        ),
        TrainingCase("lstm, RMSprop", lstm, 23_361, spec("RMSprop")),
        TrainingCase("rnn, SGD", rnn, 19_681, spec("SGD", learning_rate=0.05, momentum=0.9, nesterov=True)),
        # Not a published model: masks and both directions of a GRU, trained.
        TrainingCase("masked GRU", (masked, spec("Bidirectional", layer=spec("GRU", units=16)), dense), 19_297),
    ]


TRAINING = {case.name: case for case in _training_cases()}
