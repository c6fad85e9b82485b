"""300 whole models against Keras 3.15.1: outputs, states, losses, metrics, gradients, and the weights after an epoch.

grammar.py draws them. The recorded numbers are always there; `make long` runs the same models through Keras as well.
"""

import copy
import pickle
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from scratchnn import Input, Model, Sequential, load_model, losses, metrics
from scratchnn import layers as our_layers
from scratchnn.layers.symbol import chain
from tests.models.kinds import state_of
from tests.parity import grammar
from tests.parity.cases import construct
from tests.parity.grammar import CONFIGURATIONS, Configuration, state_count
from tests.parity.grammar_arrays import Arrays
from tests.parity.grammar_words import LASTS
from tests.parity.recording import FOLDER, Results, recorded

SGD = {"name": "sgd", "learning_rate": 0.1}
SHARE = {"float32": 1e-5, "float64": 1e-9}  # of an array's largest number
LOG_2 = 4e-9  # Keras' LogCosh has log 2 in float32, 1.9e-9 too large, whatever the dtype; a weight is 2 at most
BACKENDS = pytest.mark.parametrize("backend", ["reference", "cpu"])
CASES = pytest.mark.parametrize("name", CONFIGURATIONS)
pytestmark = pytest.mark.filterwarnings("ignore:.* cannot use the mask:UserWarning")


# ---- the grammar


def test_every_pair_occurs_three_times() -> None:
    """Of a layer and a mask that reaches it, and of a layer and the kinds of weights and of states beside it."""
    seen = Counter(pair for case in CONFIGURATIONS.values() for pair in case.pairs())
    assert len(CONFIGURATIONS) == grammar.COUNT == 300
    assert len(grammar.all_pairs()) > 200
    assert {pair: seen[pair] for pair in grammar.all_pairs() if seen[pair] < grammar.AT_LEAST} == {}
    assert not [pair for pair in grammar.IMPOSSIBLE if seen[pair]]


def test_every_loss_and_dtype_is_there() -> None:
    for chosen, every in (("last", LASTS), ("dtype", grammar.DTYPES), ("batch_size", grammar.BATCHES)):
        seen = Counter(getattr(case, chosen) for case in CONFIGURATIONS.values())
        assert not [each for each in every if seen[each] < 5], chosen


def test_the_recording_is_small() -> None:
    assert (FOLDER / "grammar.npz").stat().st_size < 5e6


MASKS: dict[str, Any] = {
    "none": lambda real: real.all(),
    "left": lambda real: (np.diff(real * 1) >= 0).all() and real[:, -1].all() and not real.all(),
    "right": lambda real: (np.diff(real * 1) <= 0).all() and real[:, 0].all() and not real.all(),
    "interior": lambda real: real[:, 0].all() and real[:, -1].all() and not real.all(),
    "empty rows": lambda real: real[0].any() and not real.any(axis=1).all(),
}


@CASES
def test_a_mask_reaches_the_layers_that_it_counts_for(name: str) -> None:
    case = CONFIGURATIONS[name]
    arrays = Arrays(case)
    assert MASKS[case.mask](arrays.real)
    model = made(case, arrays, "reference")
    x, mask, reached = arrays.x[: case.batch_size], None, set()
    for layer in model.layers:
        after = layer.compute_mask(x, mask)
        if mask is not None or after is not None:
            reached.add(layer.name)
            np.testing.assert_array_equal(after if mask is None else mask, arrays.real[: case.batch_size])
        x, mask = layer.forward(x, mask=mask)[0], after
        x = x[0] if isinstance(x, tuple) else x
    words = [word for word, layer in zip(case.words, model.layers, strict=True) if layer.name in reached]
    assert tuple(dict.fromkeys(words)) == case.masked


# ---- against Keras


@BACKENDS
@CASES
def test_a_model_gives_what_keras_gave(name: str, backend: str) -> None:
    case = CONFIGURATIONS[name]
    compare(case, run_ours(case, backend), recorded("grammar", name, case))


@CASES
def test_weights_and_states_are_seen(name: str) -> None:
    """Without them the numbers are others."""
    case = CONFIGURATIONS[name]
    expected = recorded("grammar", name, case)
    if case.weights != "none":
        got = run_ours(replace(case, weights="none"), "reference")
        assert far(got["fit loss"], expected["fit loss"]) or far(got["gradient 0"], expected["gradient 0"])
    if case.states == "given" and "Masking" not in name:  # which may leave little of what is given
        assert far(expected["y"], expected["y from states"])


def test_what_is_carried_is_seen() -> None:
    """In the second batch; in a few models hardly, where masks or gates let little of it through."""
    carried = [case for case in CONFIGURATIONS.values() if case.states == "carried"]
    seen = 0
    for case in carried:
        arrays = Arrays(case)
        rows = slice(case.batch_size, None)
        y = made(case, arrays, "reference").predict(arrays.x[rows], case.batch_size)
        seen += far(y, recorded("grammar", case.name, case)["y"][rows])
    assert seen > 0.95 * len(carried) > 50


def far(got: Any, expected: Any) -> bool:
    return np.abs(got - expected).max() > 1e-4 * np.abs(expected).max()


@pytest.mark.long
@CASES
def test_a_model_gives_what_keras_gives(name: str, run_keras: ModuleType) -> None:
    case = CONFIGURATIONS[name]
    expected = run_keras.grammar(case)
    for backend in ("reference", "cpu"):
        compare(case, run_ours(case, backend), expected)


@pytest.fixture(scope="module")
def run_keras(frameworks: Any) -> ModuleType:
    """Keras' side."""
    from tests.parity import run_keras

    return run_keras


def made(case: Configuration, arrays: Arrays, backend: str, optimizer: str | dict[str, Any] = SGD) -> Model:
    last = case.ending
    layers = [construct(our_layers, layer) for layer in case.layers]
    start = Input(arrays.x.shape[1:], case.batch_size if case.states == "carried" else None)
    settings: dict[str, Any] = {"backend": backend, "dtype": case.dtype, "seed": 0}
    if case.states in ("given", "returned"):  # a Sequential would not take several outputs in its middle
        model = Model(start, chain(start, layers, (0,)), **settings)
    else:
        model = Sequential([start, *layers], **settings)
    model.set_weights([arrays.weight(number, weight.shape) for number, weight in enumerate(model.get_weights())])
    loss = construct(losses, last.loss)
    model.compile(optimizer, loss, **last.measured(metrics, case.dtype))
    return model


def run_ours(case: Configuration, backend: str) -> Results:
    """Our side of `run_keras.grammar`, with the same names."""
    arrays = Arrays(case)
    model = made(case, arrays, backend)
    start = model.get_weights()
    size = case.batch_size
    results: dict[str, Any] = {}
    if case.states == "returned":
        results["y"], states = model.predict(arrays.x, size, return_state=True)
        results |= numbered("state", [state for each in states.values() for state in each])
    else:
        results["y"] = model.predict(arrays.x, size)
    if case.states == "given":
        results |= from_given_states(model, arrays)
    values: Any = model.evaluate(
        arrays.x, arrays.y, size, sample_weight=arrays.sample_weight, verbose=0, return_dict=True
    )
    results |= {f"evaluate {key}": value for key, value in values.items()}
    results["batch loss"] = model.train_on_batch(**arrays.first_batch)
    results |= numbered("gradient", in_keras_order(model, model.trainable_grads))
    model.set_weights(start)
    history = model.fit(arrays.x, arrays.y, size, shuffle=False, verbose=0, **arrays.in_fit).history
    results |= {f"fit {key}": value for key, (value,) in history.items() if f"evaluate {key}" in results}
    if case.states == "carried":
        results |= numbered("state", [state for each in model.states.values() for state in each or []])
    results |= numbered("weight", model.get_weights())
    return {key: model.backend.to_host(value) for key, value in results.items()}


def numbered(name: str, arrays: Any) -> Results:
    return {f"{name} {i}": array for i, array in enumerate(arrays)}


def in_keras_order(model: Model, gradients: np.ndarray) -> list[np.ndarray]:
    """Gradients that are laid out like the trained parameters, as arrays like those of `get_weights`."""
    before = model.trainable_params.copy()
    model.trainable_params[:] = gradients
    found = [array for array, weight in zip(model.get_weights(), model.weights, strict=True) if weight.trainable]
    model.trainable_params[:] = before
    return found


def from_given_states(model: Model, arrays: Arrays) -> dict[str, Any]:
    given, number = {}, 0
    for layer, each in zip(model.layers, arrays.case.layers, strict=True):
        count, units = state_count(each)
        if count:
            given[layer.name] = [arrays.state(number + i, units) for i in range(count)]
            number += count
    y, states = model.predict(arrays.x, arrays.case.batch_size, initial_state=given, return_state=True)
    results = {"y from states": y} | numbered("state", [state for each in states.values() for state in each])
    y, caches = model.forward(arrays.x, initial_state=given)
    _, gradients, dstates = model.backward(arrays.output_gradient(y.shape), caches)
    dstates = [dstates[name] for name in given]
    results |= numbered("dstate", [dstate for each in dstates for dstate in each])
    return results | numbered("dweight", in_keras_order(model, gradients))


def compare(case: Configuration, got: Results, expected: Results) -> None:
    assert got.keys() == expected.keys()
    for key, array in expected.items():
        assert np.shape(got[key]) == array.shape, key
        rounded = "log_cosh" in key or (case.last == "log cosh" and "loss" in key)
        atol = SHARE[case.dtype] * np.abs(array).max() + (LOG_2 if rounded else 0)
        np.testing.assert_allclose(got[key], array, rtol=0, atol=atol, err_msg=key)


# ---- files and copies


SOME = [*CONFIGURATIONS][::7]


@pytest.mark.parametrize("name", SOME)
def test_a_model_goes_on_to_the_same_bits(name: str, tmp_path: Path) -> None:
    """Fitted, then saved and loaded, pickled or copied, and fitted on."""
    case = CONFIGURATIONS[name]
    arrays = Arrays(case)
    model = made(case, arrays, "cpu", "adam")

    def fit(each: Any) -> Any:
        return each.fit(arrays.x, arrays.y, case.batch_size, 2, shuffle=False, verbose=0, **arrays.in_fit).history

    fit(model)
    model.save(tmp_path / "model.npz")
    others = [load_model(tmp_path / "model.npz"), pickle.loads(pickle.dumps(model)), copy.deepcopy(model)]
    went_on, ours = fit(model), state_of(model)
    carried, y = copy.deepcopy(model.states), model.predict(arrays.x, case.batch_size)
    for other in others:
        assert fit(other) == went_on
        assert state_of(other) == ours
        np.testing.assert_equal(other.states, carried)
        np.testing.assert_array_equal(other.predict(arrays.x, case.batch_size), y)
