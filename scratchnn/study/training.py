"""Training for a study: a network or a linear model, tested as each protocol of the study takes it."""

import hashlib
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array
from scratchnn_kernels.reference.binary_crossentropy import EPSILON
from scratchnn_kernels.shapes import Float, Shaped

from scratchnn.callbacks import Callback, Logs
from scratchnn.core import randomness
from scratchnn.core.threads import one_blas_thread
from scratchnn.data import Imdb
from scratchnn.experiments import linear
from scratchnn.experiments.preparation import PREDICT_BATCH, build_model, checksum, warm_up
from scratchnn.experiments.pretraining import pretrain
from scratchnn.report.console import Console
from scratchnn.study.results import Tested
from scratchnn.study.tasks import Task
from scratchnn.training import batches
from scratchnn.training.progress import Progress


def train_network(
    task: Task, data: Imdb, progress: Progress, known: dict[str, Any], watch: Callable[[int], Any] | None
) -> None:
    settings = task.settings
    model = build_model(settings, task.preset)
    first, _ = batches.split((data.x_train, data.y_train, None), settings.validation_split)
    order = randomness.generator(settings.seed, "order", epoch=0).permutation(len(first[0]))
    known["parameters"] = model.count_params()
    known["order_digest"] = hashlib.sha256(order.astype("<i8").tobytes()).hexdigest()[:16]
    warm_up(model, data.x_train[: settings.batch_size])
    if settings.pretrain_epochs:
        pretrain(model, data.x_train, settings.pretrain_epochs, Console(quiet=True))
    best = _KeepBest(progress)
    model.fit(
        data.x_train,
        data.y_train,
        batch_size=settings.batch_size,
        epochs=settings.epochs,
        validation_split=settings.validation_split,
        callbacks=[*([] if watch is None else [_Watcher(watch)]), *([best] if "best" in task.protocols else [])],
        progress=progress,
        console=Console(quiet=True),
    )

    def tested(epoch: int) -> Tested:
        probabilities = model.predict(data.x_test, batch_size=PREDICT_BATCH, verbose=0).ravel()
        return _tested(epoch, checksum(model), probabilities, data.y_test)

    known["tested"] = {}
    for protocol in sorted(task.protocols, reverse=True):  # "last" before "best", which changes the weights
        if protocol == "best" and best.epoch == progress.epoch and "last" in known["tested"]:
            known["tested"][protocol] = known["tested"]["last"]
            continue
        if protocol == "best":
            assert best.weights is not None
            model.set_weights(best.weights)
        known["tested"][protocol] = tested(best.epoch if protocol == "best" else progress.epoch)


class _KeepBest(Callback):
    """Keeps the weights of the best epoch so far, that of the lowest validation loss, in memory."""

    epoch: int = 0
    weights: list[Array] | None = None

    def __init__(self, progress: Progress) -> None:
        self.progress = progress

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.progress.best_epoch == self.progress.epoch:
            self.epoch, self.weights = self.progress.epoch, self.model.get_weights()


def train_linear(
    task: Task, data: Imdb, progress: Progress, known: dict[str, Any], watch: Callable[[int], Any] | None
) -> None:
    settings, grams = task.settings, task.preset.grams
    assert grams is not None
    within, held_out = batches.split((data.x_train, data.y_train, None), settings.validation_split)
    features = linear.NaiveBayes.fit(within[0], within[1], grams)
    X, y = features(within[0]), np.asarray(within[1], float)
    measured = {"": (X, y)}
    if held_out is not None:
        measured["val_"] = features(held_out[0]), np.asarray(held_out[1], float)
    X_test = features(data.x_test)
    known["parameters"], known["order_digest"] = X.shape[1] + 1, "all at once"
    found: dict[int, Any] = {}  # the weights of the last epoch and of the best one
    began = time.perf_counter()

    def after_epoch(w: Any) -> None:
        nonlocal began
        record = {}
        for prefix, (X, y) in measured.items():
            p = linear.sigmoid(X @ w[:-1] + w[-1])
            record |= {f"{prefix}loss": cross_entropy(p, y), f"{prefix}accuracy": accuracy(p, y)}
        now = time.perf_counter()
        progress.finish_epoch({**record, "seconds": now - began})
        began = now
        best = progress.best_epoch
        kept = {epoch: weights for epoch, weights in found.items() if epoch == best}
        found.clear()
        found.update({**kept, progress.epoch: w.copy()})
        if watch is not None:
            watch(progress.epoch)

    with one_blas_thread():
        linear.train(X, y, settings.epochs, after_epoch)
    known["tested"] = {}
    for protocol in task.protocols:
        epoch = progress.best_epoch if protocol == "best" else progress.epoch
        assert epoch is not None
        w = found[epoch]
        digest = hashlib.sha256(w.astype("<f8").tobytes()).hexdigest()[:8]
        probabilities = linear.sigmoid(X_test @ w[:-1] + w[-1]).astype(np.float32)
        known["tested"][protocol] = _tested(epoch, digest, probabilities, data.y_test)


def _tested(epoch: int, weights: str, probabilities: Any, y: Any) -> Tested:
    return Tested(epoch, cross_entropy(probabilities, y), accuracy(probabilities, y), weights, probabilities)


def accuracy(probabilities: Float[Array, " N"], y: Shaped[Array, " N"]) -> float:
    return float(((probabilities > 0.5) == (y > 0.5)).mean())


def cross_entropy(probabilities: Float[Array, " N"], y: Shaped[Array, " N"]) -> float:
    """The mean binary cross-entropy, with Keras' clipping. In float64: `evaluate` rounds a little more."""
    p = np.clip(probabilities.astype(np.float64), EPSILON, 1 - EPSILON)
    return float(-np.log(np.where(y > 0.5, p, 1 - p)).mean())


class _Watcher(Callback):
    def __init__(self, tell: Callable[[int], Any]) -> None:
        self.tell = tell

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.tell(epoch + 1)
