"""The number of threads and the library behind them change no bit of a trained model."""

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
import numba
print(digest.hexdigest(), numba.get_num_threads(), numba.threading_layer())
"""


@cache
def train(threads: int, layer: str) -> tuple[str, int, str]:
    """The digest of the trained models, in a process with so many threads."""
    env = os.environ | {"NUMBA_NUM_THREADS": str(threads), "NUMBA_THREADING_LAYER": layer}
    done = subprocess.run([sys.executable, "-c", TRAIN], env=env, capture_output=True, text=True, timeout=600)
    if "No threading layer could be loaded" in done.stderr:
        pytest.skip(f"this installation of Numba has no {layer}")
    assert done.returncode == 0, done.stderr
    digest, threads_used, layer_used = done.stdout.split()
    return digest, int(threads_used), layer_used


@pytest.mark.parametrize(
    ("threads", "layer"), [(2, "workqueue"), (3, "workqueue"), (4, "workqueue"), (1, "omp"), (2, "omp"), (3, "omp")]
)
def test_threads_change_no_bit(threads: int, layer: str) -> None:
    digest, threads_used, layer_used = train(threads, layer)
    assert (threads_used, layer_used) == (threads, layer)  # else the comparison would show nothing
    assert digest == train(1, "workqueue")[0]
