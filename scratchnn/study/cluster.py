"""Runs on other machines, by a Dask cluster. Scheduler and workers are Dask's own; ours is only the task.

Every worker needs this version of scratchnn and the same reviews, and should be started with one thread:
`dask worker tcp://host:8786 --nthreads 1`. The run of a lost worker is repeated by another, also where it was finished
and its result had not been fetched; results are kept by the name of the run, so none counts twice.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from scratchnn.core.extras import extra
from scratchnn.core.threads import cores
from scratchnn.study.pool import Event
from scratchnn.study.results import RunResult
from scratchnn.study.run import nothing_yet, run
from scratchnn.study.tasks import Task

_PATIENCE = 4  # seconds; with the imports, ten at most until it is known whether a scheduler answers
_TICK = 0.2  # seconds between two checks
_FETCH = 60  # seconds; a result has 200 kB
_TRIES = 5  # of a task whose result is lost
_GONE = "the Dask scheduler is gone; start it again, and the same command continues"


def connect(address: str) -> "Cluster":
    """Reach the scheduler at `address`, such as "tcp://host:8786", or start a cluster on this machine for "local".

    Raises:
        ImportError: without Dask, naming the extra.
        OSError: if no scheduler answers within ten seconds.
        ValueError: if it is no address.
    """
    with extra("cluster", "--cluster"):
        from distributed import Client, LocalCluster
        from distributed.comm.addressing import resolve_address
    if address == "local":
        options: dict[str, Any] = {"dashboard_address": None, "silence_logs": 50}
        local = LocalCluster(n_workers=cores(), threads_per_worker=1, processes=True, **options)
        return Cluster(Client(local, set_as_default=False), local)
    try:
        resolve_address(address)
        with ThreadPoolExecutor(1) as thread:  # the current one may have an event loop of its own, as in notebooks
            kind = thread.submit(lambda: asyncio.run(_ask(address))).result()
        problem = "" if kind == "Scheduler" else f"it is a {kind}"
    except TimeoutError:
        problem = f"no answer within {_PATIENCE} s"
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"--cluster takes the address of a scheduler, such as tcp://host:8786, or local; got {address!r} ({error})"
        ) from None
    except OSError as error:  # no such machine, or nothing listens there
        problem = str(error)
    except Exception as error:  # the answer is not Dask's
        problem = f"what answers there is no Dask scheduler: {type(error).__name__}"
    if problem:
        raise OSError(
            f"no Dask scheduler answers at {address} ({problem}); start one with `dask scheduler`, check host and "
            "port, or leave --cluster out"
        )
    return Cluster(Client(address, timeout=_PATIENCE, set_as_default=False))


async def _ask(address: str) -> str:
    """The kind of server at the address. A `Client` would ask too, but keeps asking after a refusal."""
    from distributed import rpc

    async with asyncio.timeout(_PATIENCE), rpc(address) as remote:
        answer: Any = await remote.identity()
        return answer["type"]


class Cluster:
    """The same as `Pool`, elsewhere. A context: on leaving it, unfinished runs are cancelled."""

    def __init__(self, client: Any, local: Any = None) -> None:
        self._client = client
        self._local = local

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(self, *exception: object) -> None:
        self._client.close()  # the scheduler drops tasks that no client waits for
        if self._local is not None:
            self._local.close()

    @property
    def description(self) -> str:
        return f"Dask, {len(self._workers())} workers at {self._client.scheduler.address}"

    @property
    def places(self) -> int:
        """How many runs there are at a time."""
        return sum(worker["nthreads"] for worker in self._workers().values())

    threads = 1  # of the kernels of each run

    def _workers(self) -> dict[str, Any]:
        return self._client.scheduler_info(n_workers=-1).get("workers", {})  # none once the scheduler is gone

    def run(self, tasks: Iterable[Task]) -> Iterator[Event | None]:
        """Yield events, and None if there is none for a while. Each task ends with exactly one result.

        A task is taken from `tasks` when a worker is free for it: a budget asks then whether time is left.
        """
        new, waiting = iter(tasks), dict[Any, Task]()
        tries, started = Counter[str](), set[str]()
        while True:
            if self._client.status != "running":
                raise OSError(_GONE)
            while len(waiting) < max(1, self.places) and (task := next(new, None)) is not None:
                waiting[self._submit(task, 0)] = task
            if not waiting:
                return
            finished = [future for future in waiting if future.done()]
            processing = {key for keys in self._client.processing().values() for key in keys} if not finished else set()
            for future, task in waiting.items():
                if future.key in processing and task.key not in started:
                    started.add(task.key)
                    yield task, 0
            for future in finished:
                task = waiting.pop(future)
                result = _result_of(future, task)
                if result is None and self._client.status != "running":
                    raise OSError(_GONE)  # no result, and nobody to ask again
                if result is None and (tries.update([task.key]) or tries[task.key] < _TRIES):
                    waiting[self._submit(task, tries[task.key])] = task
                else:
                    yield task, result or nothing_yet(task, f"ResultLost: its result was lost {_TRIES} times")
            if not finished:
                time.sleep(_TICK)
                yield None

    def _submit(self, task: Task, attempt: int) -> Any:
        """Not pure: a result is never taken from an earlier study that the scheduler may remember."""
        name = f"scratchnn-{task.key}" + (f"-again{attempt}" if attempt else "")
        return self._client.submit(run, replace(task, threads=1), key=name, pure=False)


def _result_of(future: Any, task: Task) -> RunResult | None:
    """What became of the task; None if the result is gone, as with the worker that had it."""
    if future.status == "error":
        error = future.exception()  # KilledWorker: every worker that tried it was lost
        return nothing_yet(task, f"{type(error).__name__}: {error}")
    try:
        return future.result(timeout=_FETCH)
    except Exception:  # Dask has many names for it, and none of them is the run's: `run` raises nothing
        return None
