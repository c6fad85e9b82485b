"""Ten optimizer steps of each published model against recorded Keras runs, loss by loss and weight by weight.

There is no live counterpart. The runs were recorded on Keras' JAX backend, because its TensorFlow backend updates
embeddings differently: see `run_keras.train`.
"""

import numpy as np
import pytest

from scratchnn import Sequential, optimizers
from scratchnn import layers as our_layers
from tests.parity.cases import construct
from tests.parity.recording import load, recorded
from tests.parity.training_cases import TRAINING, summary

LOSS = 1e-4
# Of the length of an array's path. Adam and RMSprop divide each gradient by its own size, so that the smallest ones,
# which are mostly rounding, move their weights as far as any other.
MOVED = 1e-3


@pytest.mark.parametrize("backend", ["reference", "cpu"])
@pytest.mark.parametrize("name", TRAINING)
def test_ten_steps(name: str, backend: str) -> None:
    case = TRAINING[name]
    expected = recorded("training", name, case)
    model = Sequential([construct(our_layers, layer) for layer in case.layers], backend=backend, seed=0)
    model.build((None, case.length))
    assert model.count_params() == case.count == expected["count"]
    start = [case.weight(number, weight.shape) for number, weight in enumerate(model.get_weights())]
    model.set_weights(start)
    model.compile(optimizer=construct(optimizers, case.optimizer), loss="binary_crossentropy")

    losses = [model.train_on_batch(x, y) for x, y in case.batches()]
    np.testing.assert_allclose(losses, expected["losses"], rtol=LOSS)

    moved = summary(start, model.get_weights())["moved"]
    for number, (got, wanted) in enumerate(zip(moved, expected["moved"], strict=True)):
        np.testing.assert_allclose(got, wanted, rtol=0, atol=MOVED * wanted[0], err_msg=f"weights {number}")


@pytest.mark.parametrize("name", TRAINING)
def test_losses_depend_on_the_steps(name: str) -> None:
    """Losses that training hardly changes would show nothing about it."""
    expected = recorded("training", name, TRAINING[name])
    change = np.abs(expected["losses"] / expected["untrained"] - 1)
    assert change[0] < 1e-6
    assert change.max() > 30 * LOSS


def test_recorded_with_dense_embedding_gradients() -> None:
    made_by = load("training")[1]["made_by"]
    assert made_by["keras"] == "3.15.1"
    assert made_by["backend"] == "jax"
