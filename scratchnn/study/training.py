"""Training for a study: a network or a linear model, tested as each protocol of the study takes it."""

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array
from scratchnn_kernels.reference.binary_crossentropy import EPSILON
from scratchnn_kernels.shapes import Float, Shaped

from scratchnn.callbacks import Callback, Logs
from scratchnn.core import randomness
from scratchnn.core.threads import one_blas_thread
from scratchnn.experiments import linear
from scratchnn.experiments.linear_model import shares_of
from scratchnn.experiments.preparation import PREDICT_BATCH, checksum, let_the_rate_fall, warm_up
from scratchnn.experiments.pretraining import pretrain
from scratchnn.report.console import Console
from scratchnn.study import breakdown
from scratchnn.study.results import Tested
from scratchnn.study.sources import Examples, Rows
from scratchnn.study.tasks import Task
from scratchnn.training.progress import Progress


def train_network(
    task: Task, data: Examples, progress: Progress, known: dict[str, Any], watch: Callable[[int], Any] | None
) -> None:
    settings = task.settings
    model = task.source.build(task.preset, settings)
    (x, _), _ = data.parts(settings.validation_split)
    order = randomness.generator(settings.seed, "order", epoch=0).permutation(len(x))
    known["parameters"] = model.count_params()
    known["order_digest"] = hashlib.sha256(order.astype("<i8").tobytes()).hexdigest()[:16]
    warm_up(model, data.x_train[: settings.batch_size])
    if settings.pretrain_epochs:
        pretrain(model, data.x_train, settings.pretrain_epochs, Console(quiet=True))
    let_the_rate_fall(model, settings, len(x))
    best = _KeepBest(progress)
    model.fit(
        data.x_train,
        data.y_train,
        batch_size=settings.batch_size,
        epochs=settings.epochs,
        **data.held_out(settings.validation_split),
        class_weight=data.class_weight,
        callbacks=[*([] if watch is None else [_Watcher(watch)]), *([best] if "best" in task.protocols else [])],
        progress=progress,
        console=Console(quiet=True),
    )

    def tested(epoch: int) -> Tested:
        y = model.predict(data.x_test, batch_size=PREDICT_BATCH, verbose=0)
        return _tested(epoch, checksum(model), _probabilities(y, data.classes), data.y_test)

    known["tested"] = {}
    for protocol in sorted(task.protocols, reverse=True):  # "last" before "best", which changes the weights
        if protocol == "best" and best.epoch == progress.epoch and "last" in known["tested"]:
            known["tested"][protocol] = known["tested"]["last"]
            continue
        if protocol == "best":
            assert best.weights is not None
            model.set_weights(best.weights)
        known["tested"][protocol] = tested(best.epoch if protocol == "best" else progress.epoch)


def _probabilities(y: Any, classes: int) -> Any:
    """(N, K); of two classes that of the second one, (N,), which a model may give alone or beside the other."""
    return y if classes > 2 else y[:, -1] if y.shape[1] == 2 else y.ravel()


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
    task: Task, data: Examples, progress: Progress, known: dict[str, Any], watch: Callable[[int], Any] | None
) -> None:
    """Two classes have one score, that of the second; of more, each is learned against all others."""
    settings, grams = task.settings, task.preset.grams
    assert grams is not None
    within, held_out = data.parts(settings.validation_split)
    watched = _LinearEpochs(within, held_out, data, progress, watch)
    several = data.classes > 2
    paths: list[list[Any]] = []  # of each class, the scores after each epoch
    for k in range(data.classes) if several else (1,):
        is_k = np.asarray(within[1] == k, float) if several else np.asarray(within[1], float)
        features = linear.NaiveBayes.fit(within[0], is_k, grams)
        X = {name: features(x) for name, x in watched.x.items()}
        known["parameters"] = known.get("parameters", 0) + X["train"].shape[1] + 1
        path: list[Any] = []

        def after_epoch(w: Any, X: Any = X, path: Any = path) -> None:
            scores = {name: each @ w[:-1] + w[-1] for name, each in X.items()}, w.astype("<f8").tobytes()
            path.append(scores) if several else watched.finish([scores])

        with one_blas_thread():
            linear.train(X["train"], is_k, settings.epochs, after_epoch, data.weights_of(within[1]))
        paths.append(path)
    known["order_digest"] = "all at once"
    for n in range(max(map(len, paths))):  # a class whose loss falls no more stays as it is
        watched.finish([path[min(n, len(path) - 1)] for path in paths])
    known["tested"] = {protocol: watched.tested(protocol) for protocol in task.protocols}


def train_majority(
    task: Task, data: Examples, progress: Progress, known: dict[str, Any], watch: Callable[[int], Any] | None
) -> None:
    """Every example gets the shares of the classes among those to train on."""
    within, held_out = data.parts(task.settings.validation_split)
    counts = np.bincount(np.asarray(within[1], np.int64), minlength=data.classes)
    shares = counts / counts.sum()
    known["parameters"], known["order_digest"] = data.classes, "all at once"
    watched = _LinearEpochs(within, held_out, data, progress, watch)
    answers = {
        name: np.full(len(x), shares[1]) if data.classes == 2 else np.tile(shares, (len(x), 1))
        for name, x in watched.x.items()
    }
    watched.record(answers, counts.astype("<i8").tobytes())
    known["tested"] = {protocol: watched.tested(protocol) for protocol in task.protocols}


class _LinearEpochs:
    """Measures a linear model after each epoch, and keeps what it says of the test set after the last and the best."""

    def __init__(
        self,
        within: Rows,
        held_out: Rows | None,
        data: Examples,
        progress: Progress,
        watch: Callable[[int], Any] | None,
    ) -> None:
        rows = {"train": within, "test": (data.x_test, data.y_test)} | ({} if held_out is None else {"val": held_out})
        self.x = {name: x for name, (x, _) in rows.items()}
        self._y = {name: np.asarray(y, float) for name, (_, y) in rows.items()}
        self._progress, self._watch = progress, watch
        self._began = time.perf_counter()
        self._found: dict[int, tuple[str, Any]] = {}

    def finish(self, scores: Sequence[tuple[Mapping[str, Any], bytes]]) -> None:
        """`scores`: of each class that has one, and the weights that gave them."""
        answers = {}
        for name in self.x:
            p = [linear.sigmoid(each[name]) for each, _ in scores]
            answers[name] = p[0] if len(p) == 1 else shares_of(np.stack(p, axis=1))
        self.record(answers, b"".join(weights for _, weights in scores))

    def record(self, answers: Mapping[str, Any], weights: bytes) -> None:
        record = {}
        for name, prefix in (("train", ""), ("val", "val_")):
            if name in answers:
                p, y = answers[name], self._y[name]
                record |= {f"{prefix}loss": cross_entropy(p, y), f"{prefix}accuracy": accuracy(p, y)}
        now, progress = time.perf_counter(), self._progress
        progress.finish_epoch({**record, "seconds": now - self._began})
        self._began = now
        best = progress.best_epoch
        kept = {epoch: each for epoch, each in self._found.items() if epoch == best}
        digest = hashlib.sha256(weights).hexdigest()[:8]
        self._found = {**kept, progress.epoch: (digest, answers["test"].astype(np.float32))}
        if self._watch is not None:
            self._watch(progress.epoch)

    def tested(self, protocol: str) -> Tested:
        epoch = self._progress.best_epoch if protocol == "best" else self._progress.epoch
        assert epoch is not None
        digest, answers = self._found[epoch]
        return _tested(epoch, digest, answers, self._y["test"])


def _tested(epoch: int, weights: str, probabilities: Any, y: Any) -> Tested:
    return Tested(epoch, cross_entropy(probabilities, y), accuracy(probabilities, y), weights, probabilities)


def accuracy(probabilities: Float[Array, "N ..."], y: Shaped[Array, " N"]) -> float:
    return float(breakdown.answers(probabilities[None], y).mean())


def cross_entropy(probabilities: Float[Array, "N ..."], y: Shaped[Array, " N"]) -> float:
    """The mean cross-entropy, with Keras' clipping. In float64: `evaluate` rounds a little more."""
    p = np.clip(probabilities.astype(np.float64), EPSILON, 1 - EPSILON)
    of_label = np.where(y > 0.5, p, 1 - p) if p.ndim == 1 else p[np.arange(len(p)), y.astype(np.int64)]
    return float(-np.log(of_label).mean())


class _Watcher(Callback):
    def __init__(self, tell: Callable[[int], Any]) -> None:
        self.tell = tell

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.tell(epoch + 1)
