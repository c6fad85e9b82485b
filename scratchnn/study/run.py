"""One run of a study, wherever it is done: in this process, in one of a pool, on another machine."""

import threading
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from scratchnn.core import backend
from scratchnn.data import DataError
from scratchnn.study import memory
from scratchnn.study.code import code_version
from scratchnn.study.results import RunResult
from scratchnn.study.sources import loaded, make_room
from scratchnn.study.tasks import Task
from scratchnn.study.training import train_linear, train_majority, train_network
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
            make_room(task.source, task.settings)
            chosen.release_memory()
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
    settings = {name: value for name, value in asdict(task.settings).items() if name not in task.source.unused}
    return RunResult(
        task.model, task.settings.seed, task.config_hash, settings, parameters=0, history={}, tested={},
        test_set=task.test_set, order_digest="", seconds=nan, peak_memory=nan, error=error,
    )  # fmt: skip


def _run(task: Task, progress: Progress, known: dict[str, Any], watch: Callable[[int], Any] | None) -> None:
    """Fill `known` and `progress` with the results, as far as the run gets."""
    settings = task.settings
    if (here := code_version(settings.backend)) != task.code:
        raise RuntimeError(f"the study was planned with {dict(task.code)}, but this worker has {here}")
    data = loaded(task.source, settings, task.data_digest)
    if data.digest != task.data_digest:
        raise DataError(
            f"the study was planned with the data {task.data_digest[:8]}, but {data.where} holds {data.digest[:8]}; "
            "give every worker the same files"
        )
    train = train_network if task.preset.grams is None else train_linear if task.preset.grams else train_majority
    train(task, data, progress, known, watch)
