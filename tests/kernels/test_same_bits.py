"""The number of threads changes no bit of a trained model, nor does another program that keeps a core busy."""

import os
import subprocess
import sys
from functools import cache

import pytest

# Every layer with a kernel, dropout and masks; 31 rows divide by no number of threads.
TRAIN = """
import hashlib
import sys
import numpy as np
from scratchnn import Sequential, layers

embedding = layers.Embedding(50, 17, mask_zero=True)
both = layers.Bidirectional(layers.GRU(5, return_sequences=True, dropout=0.2))
lstm = layers.LSTM(17, return_sequences=True, recurrent_dropout=0.2)
masked = [embedding, both, lstm, layers.GRU(9, reset_after=False, return_sequences=True), layers.SimpleRNN(7)]
plain = [layers.Embedding(50, 17), layers.Conv1D(17, 3, activation="relu"), layers.Flatten()]
one, two = (layers.Conv1D(33, k, activation="relu") for k in (3, 2))
pooled = [layers.Embedding(50, 17), one, layers.MaxPooling1D(3), two, layers.GlobalMaxPooling1D()]
rng = np.random.default_rng(0)
x, y = rng.integers(0, 50, (93, 11)), rng.integers(0, 2, 93)
digest = hashlib.sha256()
for chain in (masked, plain, pooled):
    model = Sequential([layers.Input(shape=(11,)), *chain, layers.Dense(1, activation="sigmoid")], seed=3)
    model.compile("adam", "binary_crossentropy")
    start = model.flat_params.copy()
    model.fit(x, y, batch_size=31, epochs=2, verbose=0)
    assert not np.array_equal(start, model.flat_params) and np.isfinite(model.flat_params).all()
    digest.update(model.flat_params.tobytes())
    digest.update(model.predict(x, verbose=0).tobytes())
from scratchnn.threads import kernel_threads
print(digest.hexdigest(), kernel_threads())
"""

# One core is kept busy by another program: threads stop and go where they would not otherwise.
BUSY = """
import os
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
while True:
    pass
"""


@cache
def train(threads: int) -> str:
    """The digest of the trained models, in a process with so many threads."""
    env = os.environ | {"NUMBA_NUM_THREADS": str(threads)}
    done = subprocess.run([sys.executable, "-c", TRAIN], env=env, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    digest, threads_used = done.stdout.split()
    assert int(threads_used) == threads  # else the comparison would show nothing
    return digest


@pytest.mark.parametrize("threads", [2, 3, 4, 7])
def test_threads_change_no_bit(threads: int) -> None:
    assert train(threads) == train(1)


def test_a_busy_core_changes_no_bit() -> None:
    with subprocess.Popen([sys.executable, "-c", BUSY]) as busy:
        try:
            assert train.__wrapped__(2) == train(1)
        finally:
            busy.kill()
