"""Compile all kernels now, so that no training has to wait for it: `python -m scratchnn.warmup`."""

import argparse
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scratchnn.core import program
from scratchnn.core.threads import check_environment

# Everything else is imported when it is needed: --help answers at once.


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit status: 0 done, 1 compiled but not all stored, 2 nowhere to store kernels, 130 Ctrl-C."""
    parser = argparse.ArgumentParser(
        prog=program.usage_name("scratchnn.warmup"),
        description="Compile the kernels of all layers and optimizers and store them on disk. A training run compiles "
        "the kernels that it uses; this command saves it the wait, for instance when you build a container image or "
        "prepare a classroom.",
        epilog="The folder is the user's cache folder, unless the environment variable SCRATCHNN_CACHE names another.",
    )
    add = parser.add_argument
    add("--dtype", choices=("float32", "float64"), default="float32", help="of the models (default: float32)")
    args = parser.parse_args(arguments)
    return program.ended(lambda: _run(args.dtype))


def _run(dtype: str) -> int:
    check_environment()
    folder = _cache_folder()
    if os.environ.get("NUMBA_DISABLE_JIT", "0") != "0":
        raise ValueError("NUMBA_DISABLE_JIT is set: kernels run as Python then, and are never compiled")

    from scratchnn.core import backend
    from scratchnn.experiments import compiling
    from scratchnn.report.console import Console
    from scratchnn.training.interrupts import Interrupts

    console = Console()
    console.line(f"kernels are kept in {folder}")
    with Interrupts() as interrupts, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a kernel that could not be stored: reported below
        done = compiling.compile_for(backend.load("cpu"), lambda: every_kernel(dtype), console, interrupts)
    if not done.new:
        console.line(f"nothing to compile: all {done.found} are there, and were loaded in {done.seconds:.1f} s")
    if done.lost:
        print(f"error: {done.lost} of them could not be stored in {folder}; is the disk full?", file=sys.stderr)
    return 1 if done.lost else 0


def _cache_folder() -> Path:
    """Where kernels are stored.

    Raises:
        OSError: if they can be stored nowhere.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        from scratchnn_kernels.cpu.jit import cache_folder

        folder = cache_folder()
    if folder is None:
        reason = str(caught[0].message).partition("; they work")[0] if caught else "kernels cannot be kept"
        raise OSError(f"{reason}; set SCRATCHNN_CACHE to a folder that can be written to")
    return folder


def every_kernel(dtype: str) -> None:
    """Use every layer, every optimizer and the loss that has kernels.

    In all ways, that is, that reach another kernel or another type of argument.
    """
    import numpy as np

    from scratchnn import Sequential, losses, optimizers
    from scratchnn.layers import (
        GRU,
        LSTM,
        Activation,
        Bidirectional,
        Conv1D,
        Dense,
        Dropout,
        Embedding,
        Flatten,
        GlobalAveragePooling1D,
        GlobalMaxPooling1D,
        MaxPooling1D,
        SimpleRNN,
    )

    # Large enough for every kernel to be shared among the threads: the loop for that is compiled as well.
    B, T, V, D, H = 64, 64, 4096, 64, 8
    dropped: Any = {"dropout": 0.5, "recurrent_dropout": 0.5}
    stacks = [
        [Embedding(V, D, mask_zero=True), SimpleRNN(H, return_sequences=True), SimpleRNN(H, **dropped)],
        [Embedding(V, D, mask_zero=True), LSTM(H, return_sequences=True), LSTM(H, **dropped)],
        [Embedding(V, D, mask_zero=True), GRU(H, return_sequences=True), GRU(H, **dropped)],
        [Embedding(V, D, mask_zero=True), GRU(H, reset_after=False)],
        [Embedding(V, D), Bidirectional(LSTM(H)), Dense(H, activation="relu"), Dropout(0.5), Dense(1)],
        [Embedding(V, D), Conv1D(D, 3), MaxPooling1D(2), Conv1D(D, 3, dilation_rate=2), Conv1D(D, 1), Flatten()],
        [Embedding(V, D), Dense(D, activation="relu"), Activation("tanh"), GlobalMaxPooling1D(), Dense(1)],
        [Embedding(V, D), GlobalAveragePooling1D(), Dense(1)],
        [Embedding(V, D), Dropout(0.5), Flatten(), Dense(1)],
    ]
    x = np.ones((B, T), np.int32)
    for stack in stacks:
        model = Sequential(stack, dtype=dtype, seed=0)
        model.build((None, T))
        y, caches = model.forward(x, training=True)
        loss = losses.BinaryCrossentropy().on(model.backend.kernels)
        loss.backward(loss.forward(y, np.zeros_like(y))[1])
        _, grads = model.backward(np.zeros_like(y), caches)
        optimizers.gradient_norm(grads, model.backend.kernels.optimizer)
        for make in optimizers.OPTIMIZERS.values():
            optimizer = make()
            optimizer.init(grads.size, dtype, model.backend)
            optimizer.step(model.trainable_params, grads, model.variable_segments)


if __name__ == "__main__":
    sys.exit(main())
