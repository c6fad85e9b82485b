"""One run of a study, wherever it is done: in this process, in one of a pool, on another machine."""

import hashlib
import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from scratchnn.callbacks import Callback, Logs
from scratchnn.core import backend, randomness
from scratchnn.core.backend import Backend
from scratchnn.data import DataError, DataWarning, Imdb
from scratchnn.experiments.preparation import PREDICT_BATCH, build_model, checksum, load_reviews, warm_up
from scratchnn.report.console import Console
from scratchnn.study import memory
from scratchnn.study.code import code_version
from scratchnn.study.results import RunResult
from scratchnn.study.tasks import Task
from scratchnn.training import batches
from scratchnn.training.progress import Progress

_HISTORY = ("loss", "accuracy", "val_loss", "val_accuracy", "seconds")
_one_at_a_time = threading.Lock()  # a Dask worker may have threads, but kernels share one pool of them


def run(task: Task, watch: Callable[[int], Any] | None = None) -> RunResult:
    """Train and test. An exception becomes the result's `error`; `watch` gets the number of finished epochs."""
    with _one_at_a_time:
        started = time.perf_counter()
        progress = Progress()
        known: dict[str, Any] = {}
        try:
            chosen = backend.load(task.settings.backend)
            if task.threads is not None:
                chosen.use_threads(task.threads)
            _make_room(task, chosen)
            memory.start_counting()
            _run(task, progress, known, watch)
        except Exception as error:
            known["error"] = f"{type(error).__name__}: {error}"
        history = {key: [record[key] for record in progress.records if key in record] for key in _HISTORY}
        return replace(
            nothing_yet(task),
            **known,
            history={key: values for key, values in history.items() if values},
            seconds=time.perf_counter() - started,
            peak_memory=memory.peak(),
        )


def nothing_yet(task: Task, error: str | None = None) -> RunResult:
    """The result of a run that has not begun, or never ended."""
    nan = float("nan")
    settings = asdict(task.settings)
    return RunResult(
        task.settings.arch, task.settings.seed, task.config_hash, settings, parameters=0, history={}, test_loss=nan,
        test_accuracy=nan, test_set=task.test_set, order_digest="", weights="", seconds=nan, peak_memory=nan,
        error=error,
    )  # fmt: skip


def _run(task: Task, progress: Progress, known: dict[str, Any], watch: Callable[[int], Any] | None) -> None:
    """Fill `known` and `progress` with the results, as far as the run gets."""
    settings = task.settings
    if (here := code_version(settings.backend)) != task.code:
        raise RuntimeError(f"the study was planned with {dict(task.code)}, but this worker has {here}")
    data = _reviews(task)
    if data.digest != task.data_digest:
        raise DataError(
            f"the study was planned with the data {task.data_digest[:8]}, but {data.source} holds {data.digest[:8]}; "
            "give every worker the same files"
        )
    model = build_model(settings)
    first, _ = batches.split((data.x_train, data.y_train, None), settings.validation_split)
    order = randomness.generator(settings.seed, "order", epoch=0).permutation(len(first[0]))
    known["parameters"] = model.count_params()
    known["order_digest"] = hashlib.sha256(order.astype("<i8").tobytes()).hexdigest()[:16]
    warm_up(model, data.x_train[: settings.batch_size])
    model.fit(
        data.x_train,
        data.y_train,
        batch_size=settings.batch_size,
        epochs=settings.epochs,
        validation_split=settings.validation_split,
        callbacks=[] if watch is None else [_Watcher(watch)],
        progress=progress,
        console=Console(quiet=True),
    )
    probabilities = model.predict(data.x_test, batch_size=PREDICT_BATCH, verbose=0).ravel()
    tested = model.evaluate(data.x_test, data.y_test, PREDICT_BATCH, verbose=0, return_dict=True)
    assert isinstance(tested, dict)
    known |= {
        "test_loss": tested["loss"],
        "test_accuracy": tested["accuracy"],
        "weights": checksum(model),
        "probabilities": probabilities,
    }


_encoded: dict[tuple[Any, ...], Imdb] = {}  # those of the last run: the next one often has the same


def _reviews(task: Task) -> Imdb:
    key = _data_key(task)
    if key in _encoded and _encoded[key].digest != task.data_digest:
        del _encoded[key]  # the files may have been repaired since
    if key not in _encoded:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)  # shown when the study was planned
            _encoded[key] = load_reviews(task.settings, task.source)
    return _encoded[key]


def _make_room(task: Task, chosen: Backend) -> None:
    """Free what earlier runs have left: this one has no use for it, and it would count as its memory."""
    if _data_key(task) not in _encoded:
        _encoded.clear()
    chosen.release_memory()


def _data_key(task: Task) -> tuple[Any, ...]:
    names = ("vocabulary", "length", "skip_top", "resplit", "synthetic")
    return task.source, *(getattr(task.settings, name) for name in names)


class _Watcher(Callback):
    def __init__(self, tell: Callable[[int], Any]) -> None:
        self.tell = tell

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.tell(epoch + 1)
