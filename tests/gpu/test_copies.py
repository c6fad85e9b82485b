"""Models whose arrays are on a device are copied and pickled through the host's memory."""

import copy
import pickle  # noqa: TID251 - the package has none; its users do
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratchnn import Sequential, load_model
from scratchnn.layers import GRU, Bidirectional, Dense, Embedding
from scratchnn.optimizers import RMSprop
from tests.gpu.device_arrays import xp

pytestmark = pytest.mark.usefixtures("emulator")
IDS = np.random.default_rng(0).integers(0, 9, (8, 4))
LABELS = np.arange(8) % 2


def trained() -> Any:
    layers = [Embedding(9, 3, mask_zero=True), Bidirectional(GRU(2, dropout=0.2)), Dense(1, "sigmoid")]
    model = Sequential(layers, backend="gpu", seed=1)
    model.compile(RMSprop(0.01, momentum=0.5, clipnorm=1.0), "binary_crossentropy", ["accuracy"])
    model.fit(IDS, LABELS, 4, 1, verbose=0)
    return model


def weights(model: Any) -> list[bytes]:
    return [weight.tobytes() for weight in model.get_weights()]


@pytest.mark.parametrize("way", [copy.deepcopy, copy.copy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copy_trains_on_on_the_device(way: Callable[[Any], Any]) -> None:
    model = trained()
    before, other = weights(model), way(model)
    stored = [param for layer in model.layers[::2] for param in layer.__getstate__()["params"].values()]
    assert {type(param) for param in stored} == {np.ndarray}
    assert isinstance(other.flat_params, xp.ndarray) and isinstance(other.optimizer.slots["velocity"], xp.ndarray)
    assert weights(other) == before
    losses = other.fit(IDS, LABELS, 4, 2, verbose=0).history["loss"]
    assert weights(model) == before
    assert model.fit(IDS, LABELS, 4, 2, verbose=0).history["loss"] == losses
    assert weights(model) == weights(other) != before


def test_a_file_trains_on_on_the_device_too(tmp_path: Path) -> None:
    model = trained()
    model.save(tmp_path / "model.npz")
    loaded = load_model(tmp_path / "model.npz")
    assert loaded.backend.name == "gpu"
    want = model.fit(IDS, LABELS, 4, 2, verbose=0).history["loss"]
    assert loaded.fit(IDS, LABELS, 4, 2, verbose=0).history["loss"] == want
    on_host = load_model(tmp_path / "model.npz", backend="reference")
    np.testing.assert_allclose(on_host.fit(IDS, LABELS, 4, 2, verbose=0).history["loss"], want, rtol=1e-4)


def test_a_copied_layer_is_on_the_device() -> None:
    layer = GRU(3)
    layer.build((None, 4, 2), backend="gpu")
    other = copy.deepcopy(layer)
    assert isinstance(other.params["Wx"], xp.ndarray) and other.params["Wx"] is not layer.params["Wx"]
    x = np.ones((2, 4, 2), np.float32)
    assert np.array_equal(xp.asnumpy(other.forward(x)[0]), xp.asnumpy(layer.forward(x)[0]))
