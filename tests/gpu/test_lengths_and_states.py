"""Any length, and states that are carried, on an emulated GPU: as on the host."""

import copy
from typing import Any

import numpy as np
import pytest

from scratchnn import Input, Sequential
from scratchnn.layers import GRU, LSTM, Bidirectional, Dense, Embedding, Layer
from tests.layers.test_lengths import MODELS, TAKEN, both_passes, draw
from tests.parity.recording import recorded
from tests.parity.stream_cases import STREAMS
from tests.parity.test_streams import run_ours

pytestmark = pytest.mark.usefixtures("emulator")
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


@pytest.mark.parametrize("layer, shape, others", TAKEN, ids=range(len(TAKEN)))
def test_a_layer_takes_any_length(layer: Layer, shape: tuple[int, ...], others: list[tuple[int, ...]]) -> None:
    layer, reference = copy.deepcopy(layer), copy.deepcopy(layer)
    layer.build((None, *shape[1:]), backend="gpu")
    reference.build((None, *shape[1:]), backend="reference")
    reference.set_weights(layer.get_weights())
    for other in (others[0], shape, others[-1]):
        x = draw(layer, other)
        got = [layer.backend.to_host(each) for each in both_passes(layer, layer.backend.array(x, x.dtype))]
        for each, expected in zip(got, both_passes(reference, x), strict=True):
            np.testing.assert_allclose(each, expected, **CLOSE)


@pytest.mark.parametrize("name", ["lstm", "bidirectional"])
def test_a_model_goes_on_at_another_length(name: str) -> None:
    results = []
    for backend in ("reference", "gpu"):
        model = Sequential(copy.deepcopy(MODELS[name]), backend=backend, seed=1)
        model.compile("sgd", "mse")
        rng = np.random.default_rng(1)
        losses = []
        for T in (12, 15, 3):
            x, y = rng.integers(0, 9, (6, T)), rng.normal(size=(6, 1))
            losses += [*model.fit(x, y, 4, verbose=0).history["loss"], model.evaluate(x, y, verbose=0)]
        results.append(losses)
    np.testing.assert_allclose(results[1], results[0], rtol=1e-4)


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_goes_as_in_keras(name: str) -> None:
    got, expected = run_ours(STREAMS[name], "gpu"), recorded("streams", name, STREAMS[name])
    assert got.keys() == expected.keys()
    for key, array in expected.items():
        np.testing.assert_allclose(got[key], array, err_msg=key, **CLOSE)


def test_states_go_in_and_out_in_the_hosts_memory() -> None:
    layers: list[Any] = [Embedding(9, 3), LSTM(4, return_sequences=True), Bidirectional(GRU(3)), Dense(1)]
    model = Sequential([Input((None,)), *layers], backend="gpu", seed=1)
    ids = np.random.default_rng(0).integers(0, 9, (5, 7))
    y, states = model.predict(ids, 2, return_state=True)
    assert {name: [type(each) for each in state] for name, state in states.items()} == {
        "lstm": [np.ndarray] * 2,
        "bidirectional": [np.ndarray] * 2,
    }
    again = model.predict(ids, initial_state={"lstm": [np.zeros((5, 4))] * 2})
    np.testing.assert_allclose(again, y, **CLOSE)
    assert np.abs(model.predict(ids, initial_state=states) - y).max() > 1e-4
