"""`fit(checkpoint=path)` in processes that are killed at random steps: the next one goes on, to the same bits."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

# Each trial: processes train until one of them ends; the others are killed, each after a random step of its own, or
# while it saves. The parent never trains, so that a child is as new as a program that has just been started.
SCRIPT = """
import hashlib, os, random, signal, sys, time, warnings
from scratchnn import Sequential
from scratchnn.callbacks import Callback, EarlyStopping
from scratchnn.layers import LSTM, Dense, Dropout, Embedding
from scratchnn.optimizers import SGD, Adam, RMSprop
import numpy as np

folder, trials = sys.argv[1], int(sys.argv[2])
ids = np.random.default_rng(0).integers(0, 20, (45, 5))
labels = np.arange(45) % 2
OPTIMIZERS = (lambda: Adam(0.01), lambda: RMSprop(0.01, momentum=0.5), lambda: SGD(0.1, momentum=0.9))
STEPS = 3 * 5  # the last batch of each epoch is a part of one

class Tell(Callback):
    def __init__(self, pipe):
        self.pipe = pipe
    def on_train_batch_end(self, batch, logs=None):
        os.write(self.pipe, b".")

def train(kind, pipe, **options):
    layers = [Embedding(20, 4, mask_zero=True), Dropout(0.3), LSTM(3, dropout=0.2), Dense(1, "sigmoid")]
    model = Sequential(layers, backend="reference", seed=7)
    model.compile(OPTIMIZERS[kind](), "binary_crossentropy", ["accuracy"])
    stop = EarlyStopping(patience=9, restore_best_weights=True)
    history = model.fit(ids, labels, 8, 3, 0, [stop, Tell(pipe)], 0.2, **options)
    digest = hashlib.sha256(model.flat_params.tobytes())
    for name, slot in sorted(model.optimizer.state().items()):
        digest.update(slot.tobytes())
    digest.update(repr([(k, v) for k, v in history.history.items() if k not in ("seconds",)]).encode())
    return digest.hexdigest().encode()

def child(kind, **options):
    told, tell = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(told)
        try:
            os.write(tell, train(kind, tell, **options))
            os._exit(0)
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
            os._exit(1)
    os.close(tell)
    return process, told

def all_of(pipe):
    found = b""
    while part := os.read(pipe, 10**6):
        found += part
    return found

warnings.simplefilter("error")
rng, kills, within, wrong = random.Random(3), 0, 0, 0
whole = []
for kind in range(3):
    process, pipe = child(kind)
    assert os.waitpid(process, 0)[1] == 0
    whole.append(all_of(pipe).lstrip(b"."))
    os.close(pipe)
while kills < trials:
    kind, path = kills % 3, os.path.join(folder, f"{kills}.npz")
    done = False
    while not done:
        process, pipe = child(kind, checkpoint=path, every_steps=rng.choice((1, 2, 3)))
        last, seen = rng.randint(1, STEPS), 0
        while seen < last and (part := os.read(pipe, 1)):
            if part != b".":
                break
            seen += 1
        if seen == last and kills < trials:
            time.sleep(rng.uniform(0, 0.004))  # into the save
            os.kill(process, signal.SIGKILL)
        status = os.waitpid(process, 0)[1]
        rest = part + all_of(pipe) if seen < last else all_of(pipe)
        os.close(pipe)
        if status == signal.SIGKILL:
            kills += 1
            within += seen % 5 != 0
        else:
            assert status == 0, status
            done = True
            wrong += rest.lstrip(b".") != whole[kind]
print(kills, within, wrong, sum(name.endswith(".tmp") for name in os.listdir(folder)))
"""


@pytest.mark.parametrize("kills", [9, pytest.param(60, marks=pytest.mark.long)])
def test_killed_at_random_steps_it_ends_as_undisturbed(kills: int, tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path), str(kills)],
        capture_output=True,
        text=True,
        timeout=60 + 20 * kills,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        check=False,
    )
    assert run.returncode == 0, run.stderr
    killed, within, wrong, _ = map(int, run.stdout.split())
    assert killed == kills
    assert within >= kills / 3  # or the kills come at the wrong time
    assert wrong == 0
