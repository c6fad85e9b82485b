"""The cpu kernels under threads, after forks, and without the compiler; each case in a process that may die of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

# A model without BLAS, so that a forked child uses nothing but the kernels.
MODEL = """
import multiprocessing, os, signal, sys, threading, time
import numpy as np
import numba  # so that more threads than cores draw no warning
from scratchnn import Sequential
from scratchnn.layers import Conv1D, Embedding, GlobalMaxPooling1D

x = np.random.default_rng(0).integers(0, 20, (70, 30))
model = Sequential([Embedding(20, 8), Conv1D(16, 3, activation="relu"), GlobalMaxPooling1D()], seed=1)

def work(number=0):
    "Forward and backward, as bytes."
    y, caches = model.forward(x)
    _, grads = model.backward(np.ones_like(y), caches)
    return y.tobytes() + grads.tobytes()

def wait_for(children, seconds=30):
    "Whether every child has exited with 0 by then; those that have not are killed."
    deadline = time.monotonic() + seconds
    statuses = {}
    while len(statuses) < len(children) and time.monotonic() < deadline:
        for pid in set(children) - set(statuses):
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                statuses[pid] = status
        time.sleep(0.01)
    for pid in set(children) - set(statuses):
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        statuses[pid] = "hung"
    return statuses

def fork():
    pid = os.fork()
    if pid == 0:
        try:
            os._exit(0 if work() == expected else 3)
        except BaseException:
            sys.excepthook(*sys.exc_info())
        os._exit(4)
    return pid

model.build((None, 30))
"""


def run(program: str, folder: Path, **environment: str) -> None:
    path = folder / "program.py"
    path.write_text(MODEL + program)
    # Python 3.12 warns of every fork in a process with threads; that is what is tried here.
    command = [sys.executable, "-W", "error", "-W", "ignore:This process:DeprecationWarning", path]
    result = subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert result.returncode == 0, f"status {result.returncode}\n{result.stdout}{result.stderr}"


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


@needs_fork
def test_fork_before_and_after_parallel_work(tmp_path: Path) -> None:
    program = """
expected = None
read, write = os.pipe()
first = os.fork()
if first == 0:  # before this process has run any kernel
    os.write(write, len(work()).to_bytes(8, "little"))
    os._exit(0)
assert set(wait_for([first]).values()) == {0}
expected = work()
assert int.from_bytes(os.read(read, 8), "little") == len(expected)
children = [fork() for _ in range(3)]
assert set(wait_for(children).values()) == {0}, "a child died, hung, or computed something else"
assert work() == expected  # and the parent goes on
"""
    run(program, tmp_path)


@needs_fork
def test_fork_while_another_thread_is_inside_a_kernel(tmp_path: Path) -> None:
    program = """
expected = work()
stop = threading.Event()
done = 0
def keep_working():
    global done
    while not stop.is_set():
        assert work() == expected
        done += 1
thread = threading.Thread(target=keep_working)
thread.start()
children = []
for _ in range(10):
    time.sleep(0.02)
    children.append(fork())
statuses = wait_for(children)
stop.set()
thread.join()
assert set(statuses.values()) == {0}, statuses
assert done > 0
"""
    run(program, tmp_path)


@pytest.mark.parametrize("method", ["spawn", pytest.param("fork", marks=needs_fork), "forkserver"])
def test_a_pool_of_processes(method: str, tmp_path: Path) -> None:
    program = """
if __name__ == "__main__":
    expected = work()
    with multiprocessing.get_context(METHOD).Pool(2) as pool:
        results = pool.map_async(work, range(4)).get(timeout=60)
    assert all(result == expected for result in results)
    assert len(results) == 4
"""
    run(program.replace("METHOD", repr(method)), tmp_path)


@pytest.mark.parametrize("method", ["spawn", pytest.param("fork", marks=needs_fork)])
def test_a_pool_inside_of_a_pool(method: str, tmp_path: Path) -> None:
    program = """
from concurrent.futures import ProcessPoolExecutor

def pool(workers):
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context(METHOD))

def inner(number):
    mine = work()
    with pool(1) as pool_of_mine:
        results = list(pool_of_mine.map(work, range(2), timeout=60))
    return {mine, work(), *results}

if __name__ == "__main__":
    expected = work()
    with pool(2) as outer:
        assert list(outer.map(inner, range(2), timeout=120)) == [{expected}] * 2
    assert work() == expected
"""
    run(program.replace("METHOD", repr(method)), tmp_path)


def test_threads_that_predict_at_once(tmp_path: Path) -> None:
    program = """
expected = work(), model.predict(x, batch_size=32).tobytes()
barrier = threading.Barrier(4)
results = []
def keep_predicting():
    barrier.wait()
    for _ in range(50):
        results.append((work(), model.predict(x, batch_size=32).tobytes()) == expected)
threads = [threading.Thread(target=keep_predicting) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert results == [True] * 200, f"{results.count(False)} results differ, {200 - len(results)} are missing"
"""
    run(program, tmp_path)


@pytest.mark.parametrize("threads", [1, 3])
def test_results_do_not_depend_on_the_threads(threads: int, tmp_path: Path) -> None:
    program = """
import hashlib, pathlib
from scratchnn.threads import kernel_threads
digest = hashlib.sha256(work()).hexdigest()
file = pathlib.Path(__file__).with_name(f"digest of {kernel_threads()}")
file.write_text(digest)
"""
    for number in (2, threads):
        run(program, tmp_path, NUMBA_NUM_THREADS=str(number))
    assert (tmp_path / "digest of 2").read_text() == (tmp_path / f"digest of {threads}").read_text()


def test_kernels_can_be_stepped_through(tmp_path: Path) -> None:
    program = """
from scratchnn.layers import GRU, LSTM, Bidirectional, SimpleRNN
layers = {
    "embedding": lambda: [Embedding(9, 3)],
    "conv1d": lambda: [Embedding(9, 3), Conv1D(4, 2, strides=2, padding="same", activation="elu")],
    "conv1d, dilated": lambda: [Embedding(9, 3), Conv1D(4, 2, dilation_rate=2, activation="sigmoid")],
    "rnn": lambda: [Embedding(9, 3, mask_zero=True), SimpleRNN(3, dropout=0.2, recurrent_dropout=0.2)],
    "lstm": lambda: [Embedding(9, 3, mask_zero=True), LSTM(3, return_sequences=True, recurrent_dropout=0.2)],
    "gru": lambda: [Embedding(9, 3, mask_zero=True), GRU(3, dropout=0.2)],
    "gru, reset before": lambda: [Embedding(9, 3), GRU(3, reset_after=False, return_sequences=True)],
    "both ways": lambda: [Embedding(9, 3), Bidirectional(LSTM(2))],
}
x = np.random.default_rng(0).integers(0, 9, (3, 5))
for name, make in layers.items():
    results = []
    for backend in ("cpu", "reference"):
        model = Sequential(make(), backend=backend, seed=1)
        model.build((None, 5))
        y, caches = model.forward(x, training=True)
        dy = np.random.default_rng(1).normal(size=y.shape).astype(np.float32)
        results.append((y, model.backward(dy, caches)[1]))
    for ours, theirs in zip(*results):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6, err_msg=name)
from scratchnn_kernels.cpu import lstm
import types
functions = [f for f in vars(lstm).values() if callable(f) and getattr(f, "__module__", "") == lstm.__name__]
assert functions and all(isinstance(f, (types.FunctionType, type)) for f in functions), "one is compiled all the same"
"""
    run(program, tmp_path, NUMBA_DISABLE_JIT="1")
