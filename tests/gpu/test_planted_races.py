"""Mistakes planted into the CUDA sources, one at a time: the emulated device must notice every one.

They are those that a GPU may hide: most of the time another warp is not fast enough, or memory happens to hold zeros.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scratchnn_kernels import gpu, reference
from scratchnn_kernels.gpu import device, dispatch

from tests.gpu.cases import PADDED
from tests.gpu.emulator import ORDERS, Emulator
from tests.gpu.on_device import OnDevice, to_device, to_host
from tests.kernels.pairs import BinaryCrossentropy, Case, Recurrent, name_of

PUBLISH = "            if (gate < COPIES) h_shared[buffer][gate][unit] = exists ? h_t * kept : real(0);\n"
FIRST = "    if (gate < COPIES) h_shared[buffer][gate][unit] = exists ? h_t * kept : real(0);\n    if (h "
BARRIER = "            __syncthreads();\n"
LSTM_DA = "            da_shared[buffer][gate][unit] = exists ? da_own : real(0);\n"
GRU_DA = "            if (gate != SPARE) dah_shared[buffer][gate][unit] = exists ? da_h : real(0);\n"
RNN_H = "            h_shared[buffer][unit] = exists ? h_t * kept : real(0);\n"
RNN_DA = "            da_shared[buffer][unit] = exists ? da_t : real(0);\n"
RH = "            if (gate == G) shared[G][unit] = exists ? r * h_t * kept : real(0);\n"
DAX_DAH = "dax[t * 3 * states + at_gate] = da_x;  // (1)\n        if (has_column) dah["
DAH_DAX = "dah[t * 3 * states + at_gate] = da_x;  // (1)\n        if (has_column) dax["
NEW_H = "            if (gate < G) shared[gate][unit] = exists ? h_t * kept : real(0);\n"

VOTE, LONELY_VOTE = "unsigned places = __ballot", "unsigned places = first + lane >= N ? 0 : __ballot"
MEMBER, STRICT = "id >= first_id && id <", "id > first_id && id <"
TREE_BARRIER = "        __syncthreads();\n"
TREE = f"{TREE_BARRIER}        if (threadIdx.x < half) part"
TREE_INSIDE = "        if (threadIdx.x < half) __syncthreads();\n        if (threadIdx.x < half) part"

LSTM, GRU, RNN = (Recurrent(kernel, B=2, T=6, H=19, mask="inside") for kernel in ("lstm", "gru", "simple_rnn"))
WIDE_RNN = Recurrent("simple_rnn", B=2, T=6, H=40)
LSTM_WITH_REST = Recurrent("lstm", B=2, T=4, H=27, mask="inside")  # more weights than are held: see `plant`
LOSS = BinaryCrossentropy(B=300)
BEFORE = Recurrent("gru", B=2, T=6, H=19, mask="inside", reset_after=False)

# (case, file, name, text, what replaces it)
FAULTS = [
    (LSTM, "lstm.cu", "barrier removed", PUBLISH + BARRIER, PUBLISH),
    (LSTM, "lstm.cu", "single-buffered state", "            buffer ^= 1;\n" + PUBLISH, PUBLISH),
    (LSTM, "lstm.cu", "divergent barrier", PUBLISH + BARRIER, PUBLISH + "if (gate == 0) __syncthreads();\n"),
    (LSTM, "lstm.cu", "barrier without the spare units", PUBLISH + BARRIER, PUBLISH + "if (exists) __syncthreads();\n"),
    (LSTM, "lstm.cu", "uninitialised shared memory", FIRST, "    if (h "),
    (LSTM, "lstm.cu", "spare units uninitialised", PUBLISH, PUBLISH.replace("if (gate", "if (exists && gate")),
    (LSTM, "lstm.cu", "shuffle without the spare units", "h_t = of_lane(own, O)", "if (exists) h_t = of_lane(own, O)"),
    (LSTM, "lstm.cu", "written beside the array", "if (exists) da[t * 4", "da[t * 4"),
    (LSTM, "lstm.cu", "barrier of the way back removed", LSTM_DA + BARRIER, LSTM_DA),
    (LSTM, "lstm.cu", "single-buffered gradient", "buffer ^= 1;\n        }  // (2): else dh and", "}  // dh"),
    (LSTM, "lstm.cu", "masked steps not written", " if (exists) da[t *", " if (exists && da_own != 0) da[t *"),
    (LSTM_WITH_REST, "lstm.cu", "barrier removed, with a rest", PUBLISH + BARRIER, PUBLISH),
    (LSTM_WITH_REST, "lstm.cu", "the rest forgotten", "N < PADDED ? sum +", "false ? sum +"),
    (LSTM_WITH_REST, "lstm.cu", "the same four again", "of_thread[(k - N) / 4 * (4 * PADDED)]", "of_thread[0]"),
    (LSTM_WITH_REST, "lstm.cu", "another thread's rest", "(rest) + threadIdx.x", "(rest) + (threadIdx.x ^ 1)"),
    (GRU, "gru.cu", "barrier removed", PUBLISH + BARRIER, PUBLISH),
    (GRU, "gru.cu", "single-buffered state", "            buffer ^= 1;\n" + PUBLISH, PUBLISH),
    (GRU, "gru.cu", "barrier of the way back removed", GRU_DA + BARRIER, GRU_DA),
    (GRU, "gru.cu", "single-buffered gradient", "buffer ^= 1;\n        }  // (2): else dh", "}  // dh"),
    (GRU, "gru.cu", "gradients of (1) and (2) swapped", DAX_DAH, DAH_DAX),
    (GRU, "gru.cu", "one gradient for (1) and (2)", "at_gate] = da_h;", "at_gate] = da_x;"),
    (BEFORE, "gru_reset_before.cu", "first barrier removed", RH + BARRIER, RH),
    (BEFORE, "gru_reset_before.cu", "second barrier removed", NEW_H + BARRIER, NEW_H),
    (BEFORE, "gru_reset_before.cu", "barrier in one lane", RH + BARRIER, RH + "if (gate == G) __syncthreads();\n"),
    (RNN, "simple_rnn.cu", "barrier removed", RNN_H + BARRIER, RNN_H),
    (WIDE_RNN, "simple_rnn.cu", "barrier removed, two warps", RNN_H + BARRIER, RNN_H),
    (WIDE_RNN, "simple_rnn.cu", "single-buffered state", "            buffer ^= 1;\n" + RNN_H, RNN_H),
    (WIDE_RNN, "simple_rnn.cu", "barrier of the way back removed", RNN_DA + BARRIER, RNN_DA),
    (PADDED, "embedding.cu", "barrier removed", "    __syncthreads();\n", ""),
    (PADDED, "embedding.cu", "barrier of one warp", "    __syncthreads();\n", "    __syncwarp();\n"),
    (PADDED, "embedding.cu", "one warp forgotten", "other < WARPS", "other < WARPS - 1"),
    (PADDED, "embedding.cu", "lanes without an id do not vote", VOTE, LONELY_VOTE),
    (PADDED, "embedding.cu", "lanes without a column do not vote", VOTE, f"if (d >= D) continue; {VOTE}"),
    (PADDED, "embedding.cu", "one place of each run", "places &= places - 1", "places = 0"),
    (PADDED, "embedding.cu", "the next place's row", "(size_t)place[n] * D", "(size_t)(place[n] ^ 1) * D"),
    (PADDED, "embedding.cu", "one place of eight", "if (place[n] == NONE) break;", "if (n > 0) break;"),
    (PADDED, "embedding.cu", "written beside the array", "first_id + k < V && d < D", "d < D"),
    (PADDED, "embedding.cu", "the first id forgotten", MEMBER, STRICT),
    (PADDED, "embedding.cu", "not cleared", "own_sums[k][lane] = 0", ""),
    (LOSS, "binary_crossentropy.cu", "barrier removed", TREE_BARRIER, ""),
    (LOSS, "binary_crossentropy.cu", "barrier of one warp", TREE_BARRIER, "__syncwarp();\n"),
    (LOSS, "binary_crossentropy.cu", "barrier of the threads that add", TREE, TREE_INSIDE),
    (LOSS, "binary_crossentropy.cu", "read by another thread", "if (threadIdx.x == 0) *", "if (threadIdx.x == 1) *"),
]  # fmt: skip


def is_noticed(case: Case, emulator: Emulator, order: str) -> bool:
    """By the emulator itself, or because numbers differ from the reference's."""
    emulator.order = order
    expected_y, expected = case.run(reference.__dict__[case.kernel])
    try:
        outputs, gradients = case.run(OnDevice(getattr(gpu, case.kernel)))
        assert gradients.keys() == expected.keys()
        pairs = [*zip(outputs, expected_y, strict=True), *((gradients[name], expected[name]) for name in expected)]
        for got, wanted in pairs:
            np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-12 * max(1, np.abs(wanted).max()))
    except AssertionError:
        return True
    return False


@pytest.fixture
def plant(library_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str, str], Emulator]:
    rules = [
        dispatch.Rule(None, None, H_max, None, dispatch.PERSISTENT, held, "in float64 as well")
        for H_max, held in ((24, None), (None, 8))
    ]
    monkeypatch.setattr(dispatch, "TABLE", tuple(rules))
    monkeypatch.setattr(device, "_device", None)

    def use_device_with_fault(in_file: str, text: str, instead: str) -> Emulator:
        # Checked here: an AssertionError in a launch would count as a fault noticed.
        assert not in_file or device.source(in_file).count(text) == 1, f"{text!r} must stand exactly once in {in_file}"

        def edit(file: str, source: str) -> str:
            return source.replace(text, instead) if file == in_file else source

        emulator = Emulator(library_folder, edit=edit)
        device.use(emulator)
        return emulator

    return use_device_with_fault


@pytest.mark.parametrize(
    ("case", "file", "text", "instead"),
    [pytest.param(case, file, *fault, id=f"{file}: {name}") for case, file, name, *fault in FAULTS],
)
def test_a_fault_is_noticed(case: Case, file: str, text: str, instead: str, plant: Callable) -> None:
    emulator = plant(file, text, instead)
    assert any(is_noticed(case, emulator, order) for order in ORDERS)


@pytest.mark.parametrize("case", [LSTM, LSTM_WITH_REST, GRU, BEFORE, RNN, WIDE_RNN, PADDED, LOSS], ids=name_of)
def test_without_a_fault_nothing_is_noticed(case: Case, plant: Callable) -> None:
    emulator = plant("", "", "")
    assert not any(is_noticed(case, emulator, order) for order in ORDERS)


@pytest.mark.parametrize(
    ("text", "instead"),
    [(TREE_BARRIER, ""), (TREE_BARRIER, "__syncwarp();\n"), (TREE, TREE_INSIDE), ("gridDim.x * BLOCK", "BLOCK")],
    ids=["barrier removed", "barrier of one warp", "barrier of the threads that add", "numbers of other blocks"],
)
def test_a_fault_in_the_norm_is_noticed(
    text: str, instead: str, plant: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu.optimizer, "SUMMING", 64)
    monkeypatch.setattr(gpu.optimizer, "ALONE", 500)
    g = np.random.default_rng(0).normal(size=999)

    def is_noticed(emulator: Emulator, order: str) -> bool:
        emulator.order = order
        try:
            found = [float(to_host(gpu.optimizer.squared_norm(to_device(part)))) for part in (g, g[:400])]
        except AssertionError:
            return True
        return found != [pytest.approx(reference.optimizer.squared_norm(part)) for part in (g, g[:400])]

    assert not any(is_noticed(plant("", "", ""), order) for order in ORDERS)
    assert any(is_noticed(plant("optimizer.cu", text, instead), order) for order in ORDERS)


def test_a_deadlock_says_where(plant: Callable) -> None:
    emulator = plant("lstm.cu", PUBLISH + BARRIER, PUBLISH + "if (gate == 0) __syncthreads();\n")
    with pytest.raises(AssertionError, match=r"lstm_forward: deadlock: \d+ threads wait at a barrier"):
        LSTM.run(OnDevice(gpu.lstm))
    assert emulator.launched == ["lstm_forward"]
