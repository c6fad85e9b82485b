"""Compile all kernels now, so that no training has to wait for it: `python -m scratchnn.warmup`.

`--export` and `--import` take compiled kernels to other machines, and `--verify` reads those that are stored.
"""

import argparse
import json
import os
import sys
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scratchnn.core import program
from scratchnn.core.threads import check_environment

if TYPE_CHECKING:
    from scratchnn.experiments.compiling import Compiled

# Everything else is imported when it is needed: --help answers at once.

TARGETS = ("native", "x86-64-v3", "x86-64-v4")


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit status.

    0: done; 1: compiled but not all stored, or a stored kernel is damaged; 2: nothing done; 130: Ctrl-C.
    """
    parser = argparse.ArgumentParser(
        prog=program.usage_name("scratchnn.warmup"),
        description="Compile the kernels of all layers and optimizers and store them on disk. A training run compiles "
        "the kernels that it uses; this command saves it the wait, for instance when you build a container image or "
        "prepare a classroom.",
        epilog="The folder is the user's cache folder, unless the environment variable SCRATCHNN_CACHE names another.",
    )
    add = parser.add_argument
    add("--dtype", choices=("float32", "float64"), help="of the models (default: float32)")
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--verify", action="store_true", help="read all stored kernels and say which are damaged")
    instead.add_argument("--export", metavar="DIR", type=Path, help="compile for other machines, into a new folder")
    add("--target", choices=TARGETS, help="with --export: the CPUs that it is for (default: native, those like this)")
    instead.add_argument("--import", metavar="DIR", type=Path, dest="source", help="take in an exported folder: code!")
    add("--digest", metavar="HEX", help="with --import: what --export printed, as told by whoever exported it")
    args = parser.parse_args(arguments)
    if args.target and not args.export:
        parser.error("--target needs --export")
    if bool(args.digest) != bool(args.source):
        parser.error("--import and --digest need each other: the digest vouches for code that will run as you")
    if args.dtype and (args.verify or args.source):
        parser.error("--dtype is for compiling")
    return program.ended(lambda: _run(args))


def _run(args: argparse.Namespace) -> int:
    check_environment()
    if os.environ.get("NUMBA_DISABLE_JIT", "0") != "0":
        raise ValueError("NUMBA_DISABLE_JIT is set: kernels run as Python then, and are never compiled")
    if args.export:
        return _export(args.export, args.target or "native", args.dtype or "float32")
    if args.source:
        return _import(args.source, args.digest)
    folder = _cache_folder()
    if args.verify:
        return _verify()
    done = _compile(args.dtype or "float32", folder)
    return 1 if done.lost else 0


def _compile(dtype: str, folder: Path) -> "Compiled":
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
    return done


def _cache_folder() -> Path:
    """Where kernels are stored.

    Raises:
        OSError: if they can be stored nowhere.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        from scratchnn_kernels import numba_private
        from scratchnn_kernels.store.places import places

        found = places() if numba_private.storing() else ()
    if not found:
        reason = str(caught[0].message).partition("; they ")[0] if caught else "kernels cannot be kept"
        raise OSError(f"{reason}; set SCRATCHNN_CACHE to a folder that can be written to")
    return found[0].store.folder.path


def _verify() -> int:
    from scratchnn_kernels.store.places import places

    faults = {
        place.store.folder.path / name: fault for place in places() for name, fault in place.store.faults().items()
    }
    for path, fault in faults.items():
        if fault:
            print(f"error: {path} {fault}", file=sys.stderr)
    bad = sum(fault is not None for fault in faults.values())
    print(
        f"{len(faults) - bad} stored kernels are whole"
        + (f", {bad} are not: they will be compiled again" if bad else "")
    )
    return 1 if bad else 0


def _export(to: Path, target: str, dtype: str) -> int:
    """Compile into a store of its own, so that the user's holds nothing for other CPUs."""
    if "numba" in sys.modules:
        raise ValueError("Numba is loaded already, and cannot compile for another CPU: export in a process of its own")
    if to.exists() and any(to.iterdir()):
        raise ValueError(f"{to} is not empty: kernels are exported into a new folder")
    if target != "native":
        os.environ |= {"NUMBA_CPU_NAME": target, "NUMBA_CPU_FEATURES": ""}
    with tempfile.TemporaryDirectory() as store:
        os.environ["SCRATCHNN_CACHE"] = store
        folder = _cache_folder()
        from scratchnn_kernels.store import exported, processor
        from scratchnn_kernels.store.places import places

        if target != "native" and target not in processor.levels_of_host():
            raise ValueError(f"this machine is not {target}: export on one that is")
        if _compile(dtype, folder).lost:
            return 1
        place = places()[0]
        number, digest = exported.write(place.store.folder, json.loads(place.conditions), to)
    print(f"{number} kernels for {target} are in {to}. Where CPU and versions fit, this takes them in:")
    print(program.to_be_typed(["python", "-m", "scratchnn.warmup", "--import", str(to), "--digest", digest]))
    return 0


def _import(source: Path, digest: str) -> int:
    """Take in what fits: the conditions that it was compiled under are among those of this machine."""
    from scratchnn_kernels.store import exported, places, processor

    found = exported.read(source, digest)
    levels = [processor.of_level(level) for level in processor.levels_of_host()]
    here = [places.conditions_for(cpu, cpu) for cpu in (processor.of_numba(), *levels)]
    if found.conditions not in here:
        fitting = [each for each in here if each["CPU"] == found.conditions.get("CPU")]
        closest = fitting[0] if fitting else here[0]
        differs = next(what for what, value in closest.items() if found.conditions.get(what) != value)
        raise ValueError(
            f"{source} does not fit: it was made for another {differs}, {found.conditions.get(differs)}; here it is "
            f"{closest[differs]}. Kernels are compiled here when they are needed, or by python -m scratchnn.warmup"
        )
    folder = places.folder_for(found.conditions)
    if folder is None:
        raise OSError("there is no home folder to keep compiled kernels in; set SCRATCHNN_CACHE")
    folder.make()
    for name, content in found.entries.items():
        folder.write(name, content)
    print(f"{len(found.entries)} kernels are in {folder.path}, and will be used. To give them up, remove that folder")
    return 0


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
