"""Every layer against Keras 3.15.1: parameter count, outputs, masks, and the gradients of x, states and weights.

The recorded arrays are always there; `make long` runs the same cases through Keras itself as well.
"""

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from scratchnn import layers as ours
from tests.parity.array_cases import ARRAY_LAYERS
from tests.parity.cases import LAYERS, LayerCase, construct
from tests.parity.recording import Results, recorded

# Float32 on both sides, sums in different orders. atol is for numbers that are small because large ones cancelled:
# the arrays here are of order 1, and sums of some ten such terms keep an absolute error of a few times 1e-7.
FORWARD = {"rtol": 1e-5, "atol": 1e-6}
GRADIENT = {"rtol": 1e-4, "atol": 2e-6}


CASES = LAYERS | ARRAY_LAYERS


@pytest.mark.parametrize("backend", ["reference", "cpu"])
@pytest.mark.parametrize("name", CASES)
def test_layer_gives_what_keras_gave(name: str, backend: str) -> None:
    case = CASES[name]
    compare(run_ours(case, backend), recorded("layers" if name in LAYERS else "array_layers", name, case))


@pytest.mark.long
@pytest.mark.parametrize("backend", ["reference", "cpu"])
@pytest.mark.parametrize("name", CASES)
def test_layer_gives_what_keras_gives(name: str, backend: str, run_keras: ModuleType) -> None:
    compare(run_ours(CASES[name], backend), live(run_keras, name))


@pytest.fixture(scope="module")
def run_keras(frameworks: Any) -> Iterator[ModuleType]:
    """Keras' side."""
    from tests.parity import run_keras

    yield run_keras
    live.cache_clear()


@cache
def live(run_keras: ModuleType, name: str) -> Results:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras warns where a mask ends
        return run_keras.run_keras(CASES[name])


def run_ours(case: LayerCase, backend: str) -> Results:
    """Our side of `run_keras`, with the same names."""
    layers = [construct(ours, layer) for layer in case.layers]
    x = case.inputs()
    shape: Any = (None, *x.shape[1:])
    number = 0
    for layer in layers:
        layer.build(shape, backend=backend, dtype=case.dtype)
        shape = layer.output_shape
        shapes = [weight.shape for weight in layer.get_weights()]
        layer.set_weights([case.weight(number + i, shape) for i, shape in enumerate(shapes)])
        number += len(shapes)

    results = {"count": np.array(sum(layer.count_params() for layer in layers))}
    options: dict[str, Any] = {"initial_state": case.initial_states()} if case.state else {}
    if any(mask is not None for mask in case.dropout_masks()):
        options |= {"training": True, "rng": np.random.default_rng(0)}
        first = layers[0].backend
        kernels = SimpleNamespace(**vars(first.kernels) | {"dropout": ScriptedDropout(case)})
        layers[0].backend = replace(first, kernels=kernels)
    y, mask, caches = x, case.mask_array(), []
    for i, layer in enumerate(layers):
        before, before_mask = y, mask
        y, kept = layer.forward(before, mask=before_mask, **options)
        mask, options = layer.compute_mask(before, before_mask), {}
        caches.append(kept)
        if mask is not None:
            results[f"mask{i}"] = mask
    outputs = y if isinstance(y, tuple) else (y,)
    results |= {f"y{i}": output for i, output in enumerate(outputs)}

    dy: Any = tuple(case.output_gradient(i, output.shape) for i, output in enumerate(outputs))
    d = dy if isinstance(y, tuple) else dy[0]
    dweights: list[np.ndarray] = []
    for layer, kept in zip(reversed(layers), reversed(caches), strict=True):
        d, grads = layer.backward(d, kept)
        grads = {name: layer.backend.to_host(grad) for name, grad in grads.items()}
        dweights = in_keras_order(grads, [weight.ndim for weight in layer.get_weights()]) + dweights
    dx, *dstates = d if case.state else (d,)
    results |= {} if dx is None else {"dx": dx}
    results |= {f"dstate{i}": dstate for i, dstate in enumerate(dstates)}
    results |= {f"dweight{i}": dweight for i, dweight in enumerate(dweights)}
    return {key: layers[0].backend.to_host(array) for key, array in results.items()}


NAMES = ("E", "W", "Wx", "Wh", "gamma", "beta", "alpha", "b", "bx", "bh")


def in_keras_order(grads: Mapping[str, np.ndarray], ndims: list[int]) -> list[np.ndarray]:
    """Our gradients by name as Keras' list, where a GRU's bx and bh are the two rows of one array."""
    found = []
    for direction in ("", "forward.", "backward."):
        own = [grads[direction + name] for name in NAMES if direction + name in grads]
        both_biases = f"{direction}bh" in grads
        found += [*own[:-2], np.stack(own[-2:])] if both_biases else own
    assert [grad.ndim for grad in found] == ndims
    return found


class ScriptedDropout:
    """Stands for the dropout kernels: gives the case's masks, if the layer asks for the shapes that Keras asks for."""

    def __init__(self, case: LayerCase) -> None:
        self.masks = [mask for mask in case.dropout_masks() if mask is not None]

    def mask(self, key: Any, rate: float, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        mask = self.masks.pop(0)
        assert shape == mask.shape
        return mask.astype(dtype)


def compare(got: Results, expected: Results) -> None:
    assert set(got) == set(expected)
    for key, array in expected.items():
        tolerance = FORWARD if key.startswith("y") else GRADIENT if key.startswith("d") else {"rtol": 0}
        assert got[key].shape == array.shape, key
        assert key[0] not in "yd" or got[key].dtype == np.float32, key
        np.testing.assert_allclose(got[key], array, err_msg=key, **tolerance)
