"""What a batch needs of memory: counted from shapes, held to what is measured, and compared with what is free."""

import gc
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratchnn import Sequential
from scratchnn.core import memory
from scratchnn.experiments.presets import PRESETS
from scratchnn.layers import (
    GRU,
    LSTM,
    AveragePooling1D,
    Bidirectional,
    ConcatPooling1D,
    Conv1D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GaussianDropout,
    GaussianNoise,
    GlobalAveragePooling1D,
    GlobalMaxPooling1D,
    LayerNormalization,
    LeakyReLU,
    MaxPooling1D,
    SimpleRNN,
    TimeDistributed,
)
from scratchnn.models import needs
from scratchnn.training.ahead import Snapshot
from scratchnn.training.epoch import train_epoch

precompile = pytest.importorskip("scratchnn_kernels.cpu.precompile")
from scratchnn_kernels.cpu import pool  # noqa: E402

RNG = np.random.default_rng(0)
NEAR = 1.2  # of what is measured: a factor

LAYERS: dict[str, list[Any]] = {
    "LSTM": [LSTM(64)],
    "wide LSTM": [LSTM(256)],
    "LSTM, dropout": [LSTM(64, dropout=0.2, recurrent_dropout=0.2)],
    "stacked GRU": [GRU(64, return_sequences=True), GRU(32)],
    "GRU, reset before": [GRU(64, reset_after=False)],
    "SimpleRNN": [SimpleRNN(64, go_backwards=True)],
    "Bidirectional": [Bidirectional(LSTM(64))],
    "Conv1D": [Conv1D(64, 5, activation="relu"), MaxPooling1D(4), Conv1D(64, 5, padding="same"), GlobalMaxPooling1D()],
    "AveragePooling1D": [AveragePooling1D(2), Flatten()],
    "GlobalAveragePooling1D": [GlobalAveragePooling1D()],
    "ConcatPooling1D": [LSTM(32, return_sequences=True), ConcatPooling1D()],
    "Dropout": [Dropout(0.5), Flatten()],
    "GaussianDropout": [GaussianDropout(0.5), Flatten()],
    "GaussianNoise": [GaussianNoise(0.5), Flatten()],
    "Dense": [Flatten(), Dense(256, "relu")],
    "LeakyReLU": [LeakyReLU(), Flatten()],
    "LayerNormalization": [LayerNormalization(), Flatten()],
    "TimeDistributed": [TimeDistributed(Dense(64, "tanh")), Flatten()],
}


def compiled(layers: list[Any], shape: tuple[int, ...], **settings: Any) -> Sequential:
    model = Sequential(layers, seed=0, **settings)
    model.compile("adam", "binary_crossentropy")
    model.build((None, *shape))
    return model


def peak_of(work: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> int:
    """Bytes of the arrays that work makes, at their height; its kernels do not run, so that none must be compiled."""
    monkeypatch.setattr(pool, "SMALLEST", 2**60)  # no array is one of an earlier call
    precompile.builds_for(work)
    gc.collect()
    tracemalloc.start()
    try:
        precompile.builds_for(work)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def assert_counted(model: Sequential, x: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def step() -> None:
        before = Snapshot()
        before.take(model)
        train_epoch(model, [(0, x.copy(), target, None)], 0, lambda *outcome: None)

    target = np.zeros(model.y_shape_of(x), model.dtype)
    needed = needs.training_bytes(model, x.shape)
    model.ready_optimizer()
    assert 1 / NEAR < needed / peak_of(step, monkeypatch) < NEAR
    needed = needs.inference_bytes(model, x.shape)
    assert 1 / NEAR < needed / peak_of(lambda: model.forward(x.copy(), keep_caches=False), monkeypatch) < NEAR


@pytest.mark.parametrize("name", PRESETS)
def test_what_a_preset_needs_is_what_is_measured(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = PRESETS[name].settings()
    model = compiled(PRESETS[name].layers(settings.vocabulary), (settings.length,))
    assert_counted(model, RNG.integers(1, settings.vocabulary, (128, settings.length)).astype(np.int32), monkeypatch)


@pytest.mark.parametrize("name", LAYERS)
def test_what_a_layer_needs_is_what_is_measured(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = compiled([*(layer.clone() for layer in LAYERS[name]), Dense(1, "sigmoid")], (100, 40))
    assert_counted(model, RNG.normal(size=(160, 100, 40)).astype(np.float32), monkeypatch)


# ---- what is free


def lstm() -> Sequential:
    return compiled([Embedding(50, 16), LSTM(32), Dense(1, "sigmoid")], (100,))


X, Y = np.ones((20_000, 100), np.int32), np.ones(20_000)


@pytest.mark.parametrize("method", ["fit", "evaluate", "predict", "train_on_batch"])
def test_a_batch_that_cannot_fit_is_refused_before_it_is_made(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = lstm()
    monkeypatch.setattr(memory, "available", lambda: 100 * 2**20)
    given: dict[str, Any] = {} if method == "train_on_batch" else {"batch_size": len(X), "verbose": 0}
    arguments = (X,) if method == "predict" else (X, Y)
    needed, size = r"on a batch of shape \(20000, 100\) needs [\d,]+ MB of memory, of which 100 MB are free", r"(\d+)"
    with pytest.raises(MemoryError, match=f"{needed}, most of it for LSTM 'lstm': batch_size={size} would fit") as told:
        getattr(model, method)(*arguments, **given)
    fits = int(str(told.value).split("batch_size=")[1].split()[0])
    count = needs.inference_bytes if method in ("predict", "evaluate") else needs.training_bytes
    assert count(model, (fits, 100)) <= 100 * 2**20 < count(model, (fits + 1, 100))
    assert model.optimizer is not None and model.optimizer.iterations == 0


def test_where_one_row_is_too_much_no_batch_size_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: 2**20)
    with pytest.raises(MemoryError, match="one row would not fit; give shorter rows, or fewer units"):
        lstm().fit(np.ones((2, 200_000), np.int32), np.ones(2), verbose=0)


def test_parameters_that_cannot_fit_are_refused_before_they_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: 2**27)
    with pytest.raises(MemoryError, match=r"Embedding.*: 100,000,000 parameters and gradients needs 763 MB of memory"):
        Sequential([Embedding(10**8, 1)]).build((None, 3))


def test_where_nothing_is_known_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: None)
    needs.require_batch(lstm(), (10**9, 100), training=True)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells the size of the address space")
def test_ulimit_counts() -> None:
    code = (
        "import resource\nfrom scratchnn.core import memory\nbefore = memory.available()\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + 2**24, resource.RLIM_INFINITY))\n"
        "assert 0 < memory.available() <= 2**24 < before\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_limit_of_a_container_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    proc, groups = tmp_path / "proc", tmp_path / "cgroup"
    inner = groups / "outer" / "inner"
    (proc / "self").mkdir(parents=True)
    inner.mkdir(parents=True)
    (proc / "meminfo").write_text("MemTotal: 9000000 kB\nMemAvailable:  8000000 kB\nSwapFree: 1000 kB\n")
    (proc / "self" / "cgroup").write_text("0::/outer/inner\n")
    monkeypatch.setattr(memory, "_PROC", proc)
    monkeypatch.setattr(memory, "_CGROUPS", groups)
    monkeypatch.setattr(memory, "_of_address_space", lambda: None)
    assert memory.available() == 8_001_000 * 1024
    (inner / "memory.max").write_text("max\n")
    (inner.parent / "memory.max").write_text("50000\n")
    (inner.parent / "memory.current").write_text("30000\n")
    (inner.parent / "memory.stat").write_text("anon 5\ninactive_file 7000\n")
    assert memory.available() == 27_000
    (proc / "self" / "cgroup").write_text("5:cpu,memory:/one\n")
    (groups / "memory" / "one").mkdir(parents=True)
    (groups / "memory" / "one" / "memory.limit_in_bytes").write_text("1000\n")
    (groups / "memory" / "one" / "memory.usage_in_bytes").write_text("400\n")
    assert memory.available() == 600
