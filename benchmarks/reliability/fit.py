"""`fit(checkpoint=path)` in processes that are killed: `python -m benchmarks.reliability.fit` (a minute for 60).

Each training is begun again and again, by processes that are killed after a random step, or while they save, until one
of them ends. Its weights, the optimizer's state and its history must have the bits of a training that nobody disturbed.
"""

import hashlib
import os
import random
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.reliability.record import Record, counted, main
from scratchnn import Sequential
from scratchnn.callbacks import Callback, EarlyStopping
from scratchnn.layers import LSTM, Dense, Dropout, Embedding
from scratchnn.optimizers import SGD, Adam, RMSprop

IDS = np.random.default_rng(0).integers(0, 20, (45, 5))
LABELS = np.arange(45) % 2
OPTIMIZERS = (lambda: Adam(0.01), lambda: RMSprop(0.01, momentum=0.5), lambda: SGD(0.1, momentum=0.9))
STEPS_OF_AN_EPOCH = 5
STEPS = 3 * STEPS_OF_AN_EPOCH  # the last batch of each epoch is a part of one


class Tell(Callback):
    """Writes a point into a pipe after each step."""

    def __init__(self, pipe: int) -> None:
        self.pipe = pipe

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        os.write(self.pipe, b".")


def train(kind: int, pipe: int, **options: Any) -> bytes:
    """Train with the optimizer of this number. A digest of all that it comes to."""
    layers = [Embedding(20, 4, mask_zero=True), Dropout(0.3), LSTM(3, dropout=0.2), Dense(1, "sigmoid")]
    model = Sequential(layers, backend="reference", seed=7)
    model.compile(OPTIMIZERS[kind](), "binary_crossentropy", ["accuracy"])
    stop = EarlyStopping(patience=9, restore_best_weights=True)
    history = model.fit(IDS, LABELS, 8, 3, 0, [stop, Tell(pipe)], 0.2, **options)
    digest = hashlib.sha256(model.flat_params.tobytes())
    assert model.optimizer is not None
    for _, slot in sorted(model.optimizer.state().items()):
        digest.update(slot.tobytes())
    digest.update(repr([(key, each) for key, each in history.history.items() if key != "seconds"]).encode())
    return digest.hexdigest().encode()


def child(kind: int, **options: Any) -> tuple[int, int]:
    """A process that trains, and a pipe from it: a point for each step, and at the end the digest."""
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


def all_of(pipe: int) -> bytes:
    found = b""
    while part := os.read(pipe, 10**6):
        found += part
    os.close(pipe)
    return found


@dataclass
class Interruptions:
    kills: int = 0
    within: int = 0
    """Those in the middle of an epoch."""
    wrong: int = 0
    """Trainings that ended with other bits than the undisturbed one, or with an error."""
    trainings: int = 0
    most: int = 0
    """Kills of one training."""


def interrupt(folder: Path, kills: int, seed: int = 3) -> Interruptions:
    """Kill so many processes in all. This one never trains, so that a child is as new as a program just started."""
    warnings.simplefilter("error")
    rng, found = random.Random(seed), Interruptions()
    whole = []
    for kind in range(len(OPTIMIZERS)):
        process, pipe = child(kind)
        whole.append(all_of(pipe).lstrip(b"."))
        assert os.waitpid(process, 0)[1] == 0
    while found.kills < kills:
        before, kind = found.kills, found.trainings % len(OPTIMIZERS)
        ended = None
        while ended is None:
            ended = _one_more(found, kind, folder / f"{found.trainings}.npz", kills, rng)
        found.trainings += 1
        found.wrong += ended != whole[kind]
        found.most = max(found.most, found.kills - before)
    return found


def _one_more(found: Interruptions, kind: int, path: Path, kills: int, rng: random.Random) -> bytes | None:
    """Go on with a training: None if it was killed, what it told at its end if it was not."""
    process, pipe = child(kind, checkpoint=path, every_steps=rng.choice((1, 2, 3)))
    last, seen, part = rng.randint(1, STEPS), 0, b"."
    while seen < last and part == b".":
        part = os.read(pipe, 1)
        seen += part == b"."
    if seen == last and found.kills < kills:
        time.sleep(rng.uniform(0, 0.004))  # into the save
        os.kill(process, signal.SIGKILL)
    rest = (part + all_of(pipe)).lstrip(b".")
    status = os.waitpid(process, 0)[1]
    if status != signal.SIGKILL:
        return rest if status == 0 else b"an error"
    found.kills += 1
    found.within += seen % STEPS_OF_AN_EPOCH != 0
    return None


def measure(tried: int, seed: int) -> Iterator[Record]:
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        found = interrupt(Path(folder), tried, seed)
    yield counted("kills of `fit`", tried, found.wrong, {"kills of one training": found.most}, started)


if __name__ == "__main__":
    main(__doc__ or "", 60, measure, "kills")
