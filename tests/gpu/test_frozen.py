"""Frozen parts on backend="gpu", emulated: the rest trains as on the reference, and nothing is launched below it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from scratchnn import Sequential, load_model
from scratchnn.initializers import Constant
from scratchnn.layers import LSTM, Dense, Embedding
from tests.gpu.emulator import Emulator
from tests.gpu.training import IDS, LABELS

pytestmark = pytest.mark.usefixtures("emulator")
MATRIX = np.random.default_rng(3).normal(size=(20, 4)).astype("float32")


def trained(backend: str, frozen: Sequence[int]) -> tuple[Sequential, list[np.ndarray]]:
    """A model after two epochs, and its weights before."""
    layers = [Embedding(20, 4, Constant(MATRIX), input_length=6), LSTM(5), Dense(4, "relu"), Dense(1, "sigmoid")]
    model = Sequential(layers, backend=backend, seed=1)
    for i in frozen:
        model.layers[i].trainable = False
    model.compile("adam", "binary_crossentropy")
    before = model.get_weights()
    model.fit(IDS, LABELS, batch_size=16, epochs=2, verbose=0)
    return model, before


@pytest.mark.parametrize("frozen", [[0], [1], [0, 1, 2], [3], [0, 1, 2, 3]], ids=str)
@pytest.mark.filterwarnings("ignore:nothing in this model is trainable")
def test_it_trains_as_on_the_reference(frozen: list[int], emulator: Emulator, tmp_path: Path) -> None:
    (model, before), (expected, _) = trained("gpu", frozen), trained("reference", frozen)
    layer_of = [i for i, layer in enumerate(model.layers) for _ in layer.params]
    for i, start, got, wanted in zip(layer_of, before, model.get_weights(), expected.get_weights(), strict=True):
        assert np.array_equal(got, start) == (i in frozen)
        np.testing.assert_allclose(got, wanted, rtol=1e-3, atol=1e-5)
    assert np.array_equal(
        model.backend.to_host(model.flat_params), np.concatenate([w.ravel() for w in model.get_weights()])
    )
    model.save(tmp_path / "model.npz")
    loaded = load_model(tmp_path / "model.npz")
    assert loaded.trainable_state() == model.trainable_state()
    assert all(map(np.array_equal, loaded.get_weights(), model.get_weights()))


def test_nothing_is_launched_for_what_is_frozen_below(emulator: Emulator) -> None:
    def launched(frozen: Sequence[int]) -> int:
        first = len(emulator.launched)
        trained("gpu", frozen)
        return len(emulator.launched) - first

    everything, without_embedding, head = (launched(frozen) for frozen in ([], [0], [0, 1]))
    assert everything > without_embedding > head
