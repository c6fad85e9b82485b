"""Stateful layers, trained by truncated backpropagation through time, against Keras 3.15.1: recorded, and live."""

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from scratchnn import Input, Sequential, optimizers
from scratchnn import layers as our_layers
from tests.parity.cases import construct
from tests.parity.recording import Results, recorded
from tests.parity.stream_cases import STREAMS, StreamCase

BACKENDS = pytest.mark.parametrize("backend", ["reference", "cpu"])
CASES = pytest.mark.parametrize("name", STREAMS)


def run_ours(case: StreamCase, backend: str, *, forgetful: bool = False) -> Results:
    """Our side of `run_keras.stream`; `forgetful`: with states of zeros before every window."""
    layers = [construct(our_layers, layer) for layer in case.layers]
    model = Sequential([Input(batch_shape=case.input_shape()), *layers], backend=backend)
    model.set_weights([case.weight(number, weight.shape) for number, weight in enumerate(model.get_weights())])
    model.compile(optimizers.SGD(0.5), "mse")
    *training, (x_test, y_test), (x, _) = case.windows()
    losses = []
    for x_window, y_window in training:
        losses.append(model.train_on_batch(x_window, y_window))
        if forgetful:
            model.reset_states()
    results: Results = {"losses": np.array(losses)}
    results |= {f"trained {i}": state for i, state in enumerate(states(model))}
    results["loss"] = np.array(model.evaluate(x_test, y_test, verbose=0))
    results["y"] = model.predict(x)
    results |= {f"state {i}": state for i, state in enumerate(states(model))}
    model.reset_states()
    results["y from zeros"] = model.predict(x)
    return results | {f"weight {i}": weight for i, weight in enumerate(model.get_weights())}


def states(model: Any) -> list[np.ndarray]:
    return [model.backend.to_host(state) for carried in model.states.values() for state in carried or []]


def compare(got: Results, expected: Results) -> None:
    assert got.keys() == expected.keys()
    for key, array in expected.items():
        np.testing.assert_allclose(got[key], array, rtol=1e-5, atol=1e-6, err_msg=key)


@BACKENDS
@CASES
def test_a_stream_goes_as_in_keras(name: str, backend: str) -> None:
    compare(run_ours(STREAMS[name], backend), recorded("streams", name, STREAMS[name]))


@CASES
def test_without_its_states_it_goes_otherwise(name: str) -> None:
    expected, got = recorded("streams", name, STREAMS[name]), run_ours(STREAMS[name], "reference", forgetful=True)
    assert got["losses"][0] == pytest.approx(expected["losses"][0], rel=1e-5)
    assert np.abs(got["losses"][1:] / expected["losses"][1:] - 1).max() > 1e-3
    assert np.abs(expected["y"] - expected["y from zeros"]).max() > 1e-3
    assert max(np.abs(got[key] - expected[key]).max() for key in expected if key.startswith("weight")) > 1e-3


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")  # Keras warns of functions that it traces again, one for each length
@BACKENDS
@CASES
def test_a_stream_goes_as_keras_goes(name: str, backend: str, run_keras: ModuleType) -> None:
    compare(run_ours(STREAMS[name], backend), run_keras.stream(STREAMS[name]))


@pytest.fixture(scope="module")
def run_keras(frameworks: Any) -> ModuleType:
    """Keras' side."""
    from tests.parity import run_keras

    return run_keras
