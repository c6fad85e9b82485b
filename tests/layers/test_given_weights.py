"""An embedding that starts from a given matrix, by each of the ways that Keras' tutorials use."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratchnn import Sequential, load_model
from scratchnn.initializers import Constant
from scratchnn.layers import Dense, Embedding, Flatten
from scratchnn.models.checkpoint import load_checkpoint, save_checkpoint
from scratchnn.training.progress import Progress

MATRIX = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
IDS = np.random.default_rng(1).integers(0, 20, (9, 5))


def set_later() -> Embedding:
    layer = Embedding(20, 4)
    layer.set_weights([MATRIX])
    return layer


WAYS: dict[str, Any] = {
    "weights, a list": lambda: Embedding(20, 4, weights=[MATRIX], input_length=5, trainable=False),
    "weights": lambda: Embedding(20, 4, weights=MATRIX),
    "weights of float64": lambda: Embedding(20, 4, weights=MATRIX.astype(np.float64), trainable=False),
    "weights, nested lists": lambda: Embedding(20, 4, weights=MATRIX.tolist()),
    "initializer": lambda: Embedding(20, 4, embeddings_initializer=Constant(MATRIX), trainable=False),
    "set before it is built": set_later,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_the_table_is_the_given_matrix(way: str, backend: str, tmp_path: Path) -> None:
    model = Sequential([WAYS[way](), Flatten(), Dense(1)], backend=backend, seed=2)
    model.compile("adam", "mse")
    model.build((None, 5))
    embedding = model.layers[0]
    assert np.array_equal(embedding.get_weights()[0], MATRIX)
    model.fit(IDS, np.ones((9, 1)), epochs=2, verbose=0)
    assert np.array_equal(embedding.get_weights()[0], MATRIX) == (not embedding.trainable)

    model.save(tmp_path / "model.npz")
    loaded = load_model(tmp_path / "model.npz")
    assert all(map(np.array_equal, loaded.get_weights(), model.get_weights()))
    assert loaded.get_config() == model.get_config()
    save_checkpoint(loaded_and_trained(loaded), Progress(), tmp_path / "checkpoint.npz")
    assert load_checkpoint(tmp_path / "checkpoint.npz")[0].layers[0].trainable == embedding.trainable

    fresh = Sequential([embedding.clone()], backend=backend)  # a clone starts from the matrix
    fresh.build((None, 5))
    assert np.array_equal(fresh.get_weights()[0], MATRIX)
    other = loaded.layers[0].clone()
    with pytest.raises(ValueError, match="Embedding 'embedding': the initial E: the array of this Constant"):
        other.build((None, 5))


def loaded_and_trained(model: Any) -> Any:
    model.fit(IDS, np.ones((9, 1)), verbose=0)
    return model


def test_a_large_matrix_is_in_a_file_once(tmp_path: Path) -> None:
    matrix = np.random.default_rng(0).normal(size=(5000, 30)).astype(np.float32)
    Sequential([Embedding(5000, 30, weights=[matrix], input_length=3)]).save(tmp_path / "model.npz")
    assert (tmp_path / "model.npz").stat().st_size < matrix.nbytes + 5000


def test_other_layers_start_as_without_given_weights() -> None:
    models = [
        Sequential([Embedding(20, 4, weights=given, input_length=5), Flatten(), Dense(2)], seed=3)
        for given in (None, MATRIX)
    ]
    assert np.array_equal(models[0].get_weights()[1], models[1].get_weights()[1])


def test_a_matrix_that_does_not_fit_is_refused_before_anything_is_built() -> None:
    with pytest.raises(ValueError, match=r"Embedding expects weights of shapes \[\(20, 4\)\], got \[\(1, 4\)\]"):
        Embedding(20, 4, weights=MATRIX[:1])  # Constant would repeat it, as in Keras; weights are whole
    with pytest.raises(ValueError, match=r"the initial E: Constant has an array of shape \(19, 4\)"):
        Embedding(20, 4, embeddings_initializer=Constant(MATRIX[1:])).build((None, 5))
