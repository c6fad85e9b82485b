"""The emulated device itself: that it computes what CUDA says, and refuses what CUDA forbids."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.gpu.device_arrays import DeviceArray, xp
from tests.gpu.emulator import ORDERS, Emulator, Fault, kernels_in

Run = Callable[..., DeviceArray]


@pytest.fixture
def run(library_folder: Path) -> Run:
    """Run the body of a kernel that has a vector of ints to read and one to write, on one block."""

    def run_body(body: str, block: int = 64, order: str = "forwards", given: Any = None) -> DeviceArray:
        text = f'extern "C" __global__ void tried(const int *given, int *out, int n) {{ {body} }}'
        emulator = Emulator(library_folder, order, edit=lambda file, _: text)
        given = xp.asarray(np.arange(block, dtype=np.int32)) if given is None else given
        out = emulator.empty((block,), np.int32)
        emulator.launch("dropout.cu", "tried", {"REAL": "float"}, (1,), block, [given, out, np.int32(block)])
        return out

    return run_body


@pytest.mark.parametrize("order", ORDERS)
def test_shuffles_stay_in_their_quad(order: str, run: Run) -> None:
    lanes = np.arange(64)
    out = run("out[threadIdx.x] = __shfl_sync(~0u, given[threadIdx.x], 2, 4);", order=order)
    assert (xp.asnumpy(out) == lanes // 4 * 4 + 2).all()
    out = run("out[threadIdx.x] = __shfl_xor_sync(~0u, given[threadIdx.x], 1, 4);", order=order)
    assert (xp.asnumpy(out) == lanes ^ 1).all()


@pytest.mark.parametrize("order", ORDERS)
def test_a_ballot_tells_every_lane_of_its_warp_what_all_lanes_said(order: str, run: Run) -> None:
    """Two warps, of which the second has 13 threads; two ballots in a row, so that a fast lane meets a slow one."""
    said = np.random.default_rng(0).random((2, 45)) < 0.5
    words = (said * 2 ** (np.arange(45) % 32)).reshape(2, 45)
    expected = np.where(np.arange(45) < 32, words[:, :32].sum(axis=1)[:, None], words[:, 32:].sum(axis=1)[:, None])
    given = xp.asarray((said[0] + 2 * said[1]).astype(np.int32))
    ballot = "int said = given[threadIdx.x]; unsigned first = __ballot_sync(~0u, said & 1);"
    ballot += "unsigned second = __ballot_sync(~0u, said & 2);"
    for number, name in enumerate(("first", "second")):
        out = xp.asnumpy(run(f"{ballot} out[threadIdx.x] = {name};", block=45, order=order, given=given))
        assert (out.view(np.uint32) == expected[number]).all()


def test_the_first_lane_of_a_ballot_is_counted_from_one(run: Run) -> None:
    lanes = np.arange(64)
    out = run("out[threadIdx.x] = __ffs(1u << threadIdx.x % 32 | 1u << 31);")
    assert (xp.asnumpy(out) == lanes % 32 + 1).all()
    assert (xp.asnumpy(run("out[threadIdx.x] = __ffs(0);")) == 0).all()


@pytest.mark.parametrize("order", ORDERS)
def test_a_barrier_makes_what_was_written_visible(order: str, run: Run) -> None:
    write, read = (
        "__shared__ int s[64]; s[threadIdx.x] = given[threadIdx.x];",
        "out[threadIdx.x] = s[63 - threadIdx.x];",
    )
    backwards = np.arange(64)[::-1]
    assert (xp.asnumpy(run(f"{write} __syncthreads(); {read}", order=order)) == backwards).all()
    assert not (xp.asnumpy(run(f"{write} {read}", order=order)) == backwards).all()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("if (threadIdx.x < 40) __syncthreads();", "deadlock: 40 threads wait at a barrier, 0 in a shuffle, 24 have"),
        ("if (threadIdx.x > 0) out[0] = __shfl_sync(~0u, 1, 0, 4);", "deadlock: 0 threads wait at a barrier, 31 in"),
        ("if (threadIdx.x > 0) out[0] = __ballot_sync(~0u, 1);", "deadlock: 0 threads wait at a barrier, 31 in"),
        ("if (threadIdx.x < 32) { __syncthreads(); } else {\n__syncthreads(); }", "wait at different barriers"),
        ("__shared__ int s[20000]; out[threadIdx.x] = s[threadIdx.x];", "too much shared memory"),
        ("const_cast<int *>(given)[0] = 7;", "argument 0: is const"),
        ("out[n] = 7;", "argument 1: written beside the array"),
        ("out[-1] = 7;", "argument 1: written beside the array"),
    ],
)
def test_what_cuda_forbids_is_a_fault(body: str, words: str, run: Run) -> None:
    with pytest.raises(Fault, match=words):
        run(body)


def test_arguments_have_to_fit(run: Run) -> None:
    fine = xp.asarray(np.zeros(64, np.int32))
    for wrong in (np.zeros(64, np.int32), xp.asarray(np.zeros(64)), xp.asarray(np.zeros((64, 2), np.int32))[:, 0], 5):
        with pytest.raises(Fault, match="argument 0"):
            run("", given=wrong)
        run("", given=fine)
    with pytest.raises(Fault, match="1 to 1024 threads"):
        run("", block=1025)


def test_memory_is_not_zero_beforehand(run: Run) -> None:
    assert (xp.asnumpy(run("__shared__ int s[64]; out[threadIdx.x] = s[threadIdx.x];")) == -1).all()
    assert (xp.asnumpy(run("")) == -1).all()


def test_arrays_of_device_and_host_do_not_mix() -> None:
    on_device, on_host = xp.asarray(np.ones(3)), np.ones(3)
    assert isinstance(2 * on_device + 1, DeviceArray) and isinstance(on_device.sum(), DeviceArray)
    for mix in (
        lambda: on_device + on_host,
        lambda: on_host @ on_device,
        lambda: on_device.__setitem__(slice(None), on_host),
        lambda: np.asarray(on_device),
        lambda: np.concatenate([on_device, on_host]),
        lambda: np.add.reduce(on_device),
        lambda: np.linalg.qr(on_device),
    ):
        with pytest.raises(TypeError, match=r"device|host|implicit|Implicit|implemented|NotImplemented|no impl"):
            mix()


def test_parameters_are_found() -> None:
    text = """
    extern "C" __global__ void __launch_bounds__(THREADS) first(
        const real *x,  // (B, T), or null
        long long size) {
    }"""
    ((x, size),) = kernels_in(text).values()
    assert (x.word, x.is_pointer, x.is_const) == ("real", True, True)
    assert (size.word, size.is_pointer, size.is_const) == ("long long", False, False)
