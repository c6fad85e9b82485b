"""One run of a study, wherever it is done: in this process, in one of a pool, on another machine."""

import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from scratchnn.core import backend
from scratchnn.core.backend import Backend
from scratchnn.data import DataError, DataWarning, Imdb
from scratchnn.experiments.preparation import load_reviews
from scratchnn.study import memory
from scratchnn.study.code import code_version
from scratchnn.study.results import RunResult
from scratchnn.study.tasks import Task
from scratchnn.study.training import train_linear, train_network
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
    nan, settings = float("nan"), asdict(task.settings)
    return RunResult(
        task.model, task.settings.seed, task.config_hash, settings, parameters=0, history={}, tested={},
        test_set=task.test_set, order_digest="", seconds=nan, peak_memory=nan, error=error,
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
    train = train_network if task.preset.grams is None else train_linear
    train(task, data, progress, known, watch)


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
    names = (
        "vocabulary",
        "length",
        "skip_top",
        "resplit",
        "train_reviews",
        "test_reviews",
        "shuffle_words",
        "synthetic",
    )
    seed = task.settings.seed if task.settings.shuffle_words else None
    return task.source, seed, *(getattr(task.settings, name) for name in names)
