"""What the tests of training share: ten steps of the published models against the reference, and a small model."""

from dataclasses import replace
from typing import Any

import numpy as np

from scratchnn import Sequential, optimizers
from scratchnn import layers as our_layers
from scratchnn.layers import LSTM, Dense, Dropout, Embedding
from tests.parity.cases import construct, spec
from tests.parity.training_cases import TRAINING, TrainingCase

IDS = np.random.default_rng(0).integers(0, 20, (42, 6))
LABELS = (IDS[:, 0] > 9).astype(int)


def small(case: TrainingCase) -> TrainingCase:
    """The same layers for fewer words, rows and steps; convolutions and pooling need the length."""
    first = case.layers[0]
    embedding = first._replace(options=first.options | {"input_dim": 100})
    length = 100 if case.name == "cnn" else 30
    return replace(case, layers=(embedding, *case.layers[1:]), vocabulary=100, length=length, batch_size=4)


SMALL = [small(case) for case in TRAINING.values()]
DROPPED = replace(
    SMALL[2],
    name="lstm, dropout",
    layers=(
        spec("Embedding", input_dim=100, output_dim=16, mask_zero=True),
        spec("LSTM", units=9, dropout=0.2, recurrent_dropout=0.2),
        spec("Dropout", rate=0.3),
        spec("Dense", units=1, activation="sigmoid"),
    ),
)


def ten_steps(case: TrainingCase, backend: str) -> tuple[list[float], list[np.ndarray]]:
    """The losses, and how far each parameter has moved."""
    model = Sequential([construct(our_layers, layer) for layer in case.layers], backend=backend, seed=0)
    model.build((None, case.length))
    start = [case.weight(number, weight.shape) for number, weight in enumerate(model.get_weights())]
    model.set_weights(start)
    model.compile(optimizer=construct(optimizers, case.optimizer), loss="binary_crossentropy")
    losses = [model.train_on_batch(x, y) for x, y in case.batches()]
    return losses, [after - before for before, after in zip(start, model.get_weights(), strict=True)]


def assert_ten_steps_agree(case: TrainingCase) -> None:
    (expected, expected_moves), (losses, moves) = ten_steps(case, "reference"), ten_steps(case, "gpu")
    np.testing.assert_allclose(losses, expected, rtol=1e-4, atol=1e-5)
    for got, wanted in zip(moves, expected_moves, strict=True):
        assert np.linalg.norm(got - wanted) < 1e-3 * np.linalg.norm(wanted)


def small_model(backend: str = "gpu", **compiled: Any) -> Sequential:
    layers = [Embedding(20, 4), LSTM(5), Dense(4, "relu"), Dropout(0.2), Dense(1, "sigmoid")]
    model = Sequential(layers, backend=backend, seed=1)
    model.build((None, 6))
    model.compile(**{"optimizer": "adam", "loss": "binary_crossentropy", "metrics": ["accuracy"], **compiled})
    return model


def everything_of(model: Sequential) -> list[bytes]:
    """Parameters, slots and count of steps, to the bit."""
    assert model.optimizer is not None
    return [array.tobytes() for array in [*model.get_weights(), *model.optimizer.state().values()]]
