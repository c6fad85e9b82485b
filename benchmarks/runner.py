"""What the process of every framework has in common: parse, check, warm up, time, print one line of JSON.

A framework's file, `run_scratchnn.py` or `peers/run_*.py`, has a `Subject` for the speed of a workload and, where
accuracies are compared as well, a function that trains a published model.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from benchmarks.workloads import TEST_REVIEWS, TRAIN_REVIEWS, WORKLOADS, Weights, Workload, initial_weights

CHECKED_STEPS = 3
WARM_UP_STEPS = 5
LEAST_SECONDS, MOST_EPOCHS = 1.0, 10  # short epochs are timed until they add up to a second


class Subject(Protocol):
    """A model of one framework, with weights in Keras' layout; Adam, binary cross-entropy."""

    seconds_after: float  # that the last call took after its work was done; they are not counted

    def __init__(self, workload: Workload, weights: Weights, variant: str) -> None: ...

    def describe(self) -> dict[str, Any]:
        """The framework with its version, and the settings that it runs with."""
        ...

    def step(self, x: np.ndarray, y: np.ndarray) -> float:
        """One optimizer step; the loss of the batch before it."""
        ...

    def prepare(self, x: np.ndarray, y: np.ndarray, x_test: np.ndarray, y_test: np.ndarray) -> None:
        """Compile and warm up all that `train` and `evaluate` will need for these data."""
        ...

    def train(self, x: np.ndarray, y: np.ndarray) -> float:
        """One epoch in a shuffled order; the mean loss."""
        ...

    def evaluate(self, x: np.ndarray, y: np.ndarray) -> float:
        """The mean loss of a forward pass over all rows, in the batch size that suits the framework."""
        ...


def main(subject: type[Subject], accuracy: Callable[[str, int, str], dict[str, Any]] | None = None) -> None:
    """The command line of a framework's file."""
    parser = argparse.ArgumentParser()
    job = parser.add_mutually_exclusive_group(required=True)
    job.add_argument("--workload", choices=list(WORKLOADS), help="time it; see workloads.py")
    if accuracy is not None:
        job.add_argument("--arch", help="train a published model; see accuracy.py")
        parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--variant", default="", help="of the framework; see harness.py")
    parser.add_argument("--quick", action="store_true", help="ten batches in place of an epoch")
    parser.add_argument("--started", type=float, default=time.time(), help="when the process was (time.time())")
    args = parser.parse_args()
    if args.workload is None:
        assert accuracy is not None
        result = accuracy(args.arch, args.seed, args.variant)
    else:
        result = measure(subject, WORKLOADS[args.workload], args.variant, args.quick, args.started)
    print(json.dumps(result))


def measure(subject: type[Subject], workload: Workload, variant: str, quick: bool, started: float) -> dict[str, Any]:
    """Check the losses of the first steps, then time epochs and evaluations."""
    loading = time.perf_counter()
    (x, y), (x_test, y_test), data = reviews(workload, quick)
    loading = time.perf_counter() - loading

    weights = initial_weights(workload)
    checked = subject(workload.without_dropout(), weights, variant)
    losses = []
    first_batch = 0.0
    for step in range(CHECKED_STEPS + 1):  # the last one shows the effect of the third step
        rows = slice(step * workload.batch, (step + 1) * workload.batch)
        losses.append(float(checked.step(x[rows], y[rows])))
        first_batch = first_batch or time.time() - started - loading
    del checked

    timed = subject(workload, weights, variant)
    timed.prepare(x, y, x_test, y_test)
    epochs, train_loss = repeat(timed, lambda: timed.train(x, y))
    evaluations, test_loss = repeat(timed, lambda: timed.evaluate(x_test, y_test))
    train_scale = TRAIN_REVIEWS / len(x)
    test_scale = TEST_REVIEWS / len(x_test)
    return {
        **timed.describe(),
        "workload": workload.name,
        "data": data,
        "losses": losses,
        "epoch": statistics.median(epochs) * train_scale,
        "evaluation": statistics.median(evaluations) * test_scale,
        "first_batch": first_batch,  # imports and compilation, without reading the reviews
        "timed": {"reviews": len(x), "epochs": len(epochs), "test_reviews": len(x_test)},
        "train_loss": float(train_loss),
        "test_loss": float(test_loss),
    }


def repeat(subject: Subject, timed: Callable[[], float]) -> tuple[list[float], float]:
    """The seconds of each run, and what the last one returned."""
    seconds: list[float] = []
    while True:
        started = time.perf_counter()
        result = timed()
        seconds.append(time.perf_counter() - started - subject.seconds_after)
        if sum(seconds) >= LEAST_SECONDS or len(seconds) == MOST_EPOCHS:
            return seconds, result


def reviews(workload: Workload, quick: bool) -> tuple[tuple, tuple, str]:
    """The reviews to train and to test on, as ids and labels in float32: the real ones, else the generated."""
    from scratchnn.data import imdb

    data = imdb.load(None, num_words=workload.vocabulary, maxlen=workload.length)
    n_train, n_test = workload.timed_reviews, workload.timed_test_reviews
    if quick:
        n_train, n_test = min(n_train, 10 * workload.batch), min(n_test, 1000)
    train = data.x_train[:n_train], data.y_train[:n_train].astype(np.float32)
    test = data.x_test[:n_test], data.y_test[:n_test].astype(np.float32)
    return train, test, f"{data.source}, {data.digest[:8]}"
