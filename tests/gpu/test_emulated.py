"""Link 3: the gpu pairs against the reference in float64. The CUDA sources run on the CPU (see cuda_on_cpu.h).

In double, which the persistent kernels are never asked for on a device, only the order of sums differs: mistakes cannot
hide behind rounding. In float the margin is that of a device.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scratchnn_kernels import gpu, reference
from scratchnn_kernels.gpu import dispatch
from scratchnn_kernels.gpu.activations import NAMES

from tests.gpu.cases import CELLS, LARGE, OTHERS, PADDED
from tests.gpu.emulator import ORDERS, Emulator
from tests.gpu.on_device import OnDevice
from tests.kernels.pairs import STATES, BinaryCrossentropy, Case, Conv1D, Dense, Embedding, Recurrent, name_of, variants

WAYS = pytest.mark.parametrize("way", [dispatch.PERSISTENT, dispatch.STEPWISE])


def assert_gpu_is_the_reference(case: Case, dtype: Any) -> None:
    expected_y, expected = case.run(getattr(reference, case.kernel))
    outputs, gradients = case.run(OnDevice(getattr(gpu, case.kernel)), dtype)
    assert gradients.keys() == expected.keys()
    pairs = [(f"output {i}", y, outputs[i]) for i, y in enumerate(expected_y)]
    pairs += [(name, d, gradients[name]) for name, d in expected.items()]
    for name, wanted, got in pairs:
        assert (got.shape, got.dtype) == (wanted.shape, dtype), name
        assert got.flags.c_contiguous, name
        rtol, margin = (1e-4, 1e-5) if dtype == np.float32 else (0, 1e-12)
        atol = margin * max(1, np.abs(wanted).max(initial=0))
        np.testing.assert_allclose(got, wanted, rtol=rtol, atol=atol, err_msg=name)


def run_as(way: str, monkeypatch: pytest.MonkeyPatch, held: int | None = None) -> None:
    rule = dispatch.Rule(None, None, None, None, way, held, "this is what is tested")
    monkeypatch.setattr(dispatch, "TABLE", (rule,))


TABLE = [
    *(case for kernel in STATES for case in variants(Recurrent(kernel))),
    *(Recurrent(kernel, B=4, T=9, D=5, H=33, mask="rows") for kernel in STATES),
    Recurrent("gru", B=4, T=9, D=5, H=33, mask="rows", reset_after=False),
]


@WAYS
@pytest.mark.parametrize("case", TABLE, ids=name_of)
def test_recurrent_pairs_are_exact(
    case: Recurrent, way: str, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_as(way, monkeypatch)
    assert_gpu_is_the_reference(case, np.float64)
    assert emulator.launched and all(("step" in kernel) == (way == "stepwise") for kernel in emulator.launched)


@pytest.mark.parametrize("case", LARGE, ids=name_of)
def test_recurrent_pairs_in_float32_as_dispatched(case: Recurrent, emulator: Emulator) -> None:
    assert_gpu_is_the_reference(case, np.float32)
    assert all(("step" in kernel) == (case.H > 128) for kernel in emulator.launched)


@pytest.mark.parametrize("H", [9, 16, 33])
@pytest.mark.parametrize("dropout", [False, True])
@pytest.mark.parametrize(("kernel", "reset_after"), [cell for cell in CELLS if cell[0] != "simple_rnn"])
def test_weights_that_are_not_held_are_read_again(
    kernel: str, reset_after: bool, dropout: bool, H: int, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with more than 96 units, where registers are short; here exactly."""
    run_as(dispatch.PERSISTENT, monkeypatch, held=8)
    case = Recurrent(kernel, B=4, T=6, D=5, H=H, mask="rows", dropout_h=dropout, reset_after=reset_after)
    assert_gpu_is_the_reference(case, np.float64)


@WAYS
@pytest.mark.parametrize("name", NAMES)
def test_every_activation(name: str, way: str, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """In both places of an LSTM, which computes all there is; the others use the same functions."""
    run_as(way, monkeypatch)
    case = Recurrent("lstm", T=2, H=3, scale=0.1)
    assert_gpu_is_the_reference(replace(case, activation=name, recurrent_activation=name), np.float64)


@pytest.mark.parametrize("case", [case for case in LARGE if case.H in (32, 100)], ids=name_of)
def test_the_order_of_threads_does_not_matter(case: Recurrent, emulator: Emulator) -> None:
    results = []
    for order in ORDERS:
        emulator.order = order
        outputs, gradients = case.run(OnDevice(getattr(gpu, case.kernel)), np.float32)
        results.append([*outputs, *gradients.values()])
    for other in results[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(results[0], other, strict=True))


@WAYS
@pytest.mark.parametrize("sequences", [True, False])
@pytest.mark.parametrize("kernel", STATES)
def test_a_pass_without_a_cache_gives_the_same_bits(
    kernel: str, sequences: bool, way: str, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_as(way, monkeypatch)
    for reset_after in (True, False) if kernel == "gru" else (True,):
        case = Recurrent(kernel, mask="inside", sequences=sequences, reset_after=reset_after)
        kept, _ = case.forward(OnDevice(getattr(gpu, kernel)), case.arrays())
        outputs, cache = replace(case, keep_cache=False).forward(OnDevice(getattr(gpu, kernel)), case.arrays())
        assert cache is None
        assert all(np.array_equal(a, b) for a, b in zip(kept, outputs, strict=True))


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("case", OTHERS, ids=name_of)
def test_the_other_pairs(case: Case, dtype: Any, emulator: Emulator) -> None:
    assert_gpu_is_the_reference(case, dtype)


def test_a_nan_counts_as_the_largest(emulator: Emulator) -> None:
    x = np.random.default_rng(0).normal(size=(2, 6, 3))
    x[0, 2, 1] = x[0, 3, 1] = x[1, 0, 0] = np.nan
    for module, arguments in (("global_max_pooling1d", ()), ("max_pooling1d", (2, 1))):
        results = []
        for pair in (getattr(reference, module), OnDevice(getattr(gpu, module))):
            y, cache = pair.forward(x, *arguments)
            results.append((y, pair.backward(np.arange(1.0, y.size + 1).reshape(y.shape), cache)))
        for expected, got in zip(*results, strict=True):
            np.testing.assert_array_equal(got, expected)


def test_equally_large_steps_share_the_gradient(emulator: Emulator) -> None:
    x = np.array([2.0, 3.0, 3.0, 1.0, 3.0]).reshape(1, 5, 1)
    pair = OnDevice(gpu.global_max_pooling1d)
    y, cache = pair.forward(x)
    assert y == 3
    np.testing.assert_array_equal(pair.backward(np.full((1, 1), 6.0), cache).ravel(), [0, 2, 2, 0, 2])


@pytest.mark.parametrize("from_logits", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
def test_certainty_has_the_price_that_the_reference_gives_it(dtype: Any, from_logits: bool, emulator: Emulator) -> None:
    """Probabilities of exactly 0 and 1, and logits for which exp overflows."""
    y = np.array([0, 1, 0, 1, 0.25] if not from_logits else [-1e4, 1e4, -1e4, 1e4, 0.25], dtype)
    target = np.array([0, 0, 1, 1, 0.5], dtype)
    results = []
    for pair in (reference.binary_crossentropy, OnDevice(gpu.binary_crossentropy)):
        loss, cache = pair.forward(y, target, from_logits)
        results.append((loss, pair.backward(cache)))
    (expected, expected_dy), (loss, dy) = results
    rtol = 1e-6 if dtype == np.float32 else 1e-14
    assert (loss.shape, loss.dtype) == ((), np.float64)
    assert loss == pytest.approx(expected, rel=rtol)
    np.testing.assert_allclose(dy, expected_dy, rtol=rtol)


@pytest.mark.parametrize("from_logits", [False, True])
def test_a_nan_is_not_lost_in_the_loss(from_logits: bool, emulator: Emulator) -> None:
    for at in (0, 299):
        y = np.full(300, 0.5)
        y[at] = np.nan
        loss, _ = OnDevice(gpu.binary_crossentropy).forward(y, np.zeros(300), from_logits)
        assert np.isnan(loss)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"])
def test_ids_of_every_type(dtype: str, emulator: Emulator) -> None:
    x = np.random.default_rng(0).integers(0, 5, (3, 70)).astype(dtype)
    E, dy = np.random.default_rng(1).normal(size=(5, 3)), np.random.default_rng(2).normal(size=(3, 70, 3))
    results = []
    for pair in (reference.embedding, OnDevice(gpu.embedding)):
        y, cache = pair.forward(x, E)
        results.append((y, pair.backward(dy, cache)["E"]))
    for expected, got in zip(*results, strict=True):
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-12)
    assert emulator.launched == ["embedding_forward", "embedding_backward"]


@pytest.mark.parametrize("outside", [-1, 5, 2**31 - 1, 2**63 - 1, -(2**63)])
def test_an_id_outside_of_the_table_is_not_read_and_gives_nan(outside: int, emulator: Emulator) -> None:
    """Ids that lie on the device are not looked at before. The emulator sees whoever leaves an array."""
    x = np.array([[0, 4, outside, 2]])
    E = np.arange(10.0).reshape(5, 2)
    pair = OnDevice(gpu.embedding)
    y, cache = pair.forward(x, E)
    assert np.isnan(y[0, 2]).all()
    assert np.array_equal(y[0, [0, 1, 3]], E[[0, 4, 2]])
    dE = pair.backward(np.ones((1, 4, 2)), cache)["E"]
    assert np.array_equal(dE[:, 0], [1, 0, 1, 0, 1])


@pytest.mark.parametrize("case", [PADDED, BinaryCrossentropy(B=300)], ids=name_of)
def test_sums_do_not_depend_on_the_order_of_threads(case: Case, emulator: Emulator) -> None:
    results = []
    for order in ORDERS:
        emulator.order = order
        outputs, gradients = case.run(OnDevice(getattr(gpu, case.kernel)), np.float32)
        results.append([*outputs, *gradients.values()])
    for other in results[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(results[0], other, strict=True))


LAUNCHES = [
    (Dense(activation="relu"), ["activate_biased", "activation_derivative"]),
    (Dense(activation="linear"), ["activate_biased"]),
    (Dense(activation="softmax"), []),
    (Conv1D(), ["conv1d_windows", "activate_biased", "activation_derivative", "conv1d_fold"]),
    (BinaryCrossentropy(), ["binary_crossentropy_forward", "binary_crossentropy_backward"]),
    (Embedding(), ["embedding_forward", "embedding_backward"]),
]


@pytest.mark.parametrize(("case", "kernels"), LAUNCHES, ids=[name_of(case) for case, _ in LAUNCHES])
def test_what_a_pass_both_ways_launches(case: Case, kernels: list[str], emulator: Emulator) -> None:
    """Each costs the host some microseconds: a step of training has a budget of them."""
    case.run(OnDevice(getattr(gpu, case.kernel)), np.float32)
    assert emulator.launched == kernels
