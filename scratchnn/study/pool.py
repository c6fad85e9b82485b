"""Runs in parallel: one process per core, each with one kernel thread.

Measured with ff, rnn, lstm and cnn, two seeds, four epochs each, on two cores that other programs used too: two
processes of one thread took 24, 27 and 48 s, one process of two threads, run in turn with them, 65, 74 and 112 s.
Threads of one run wait for each other after every time step, and for other programs that have a core; runs do not.
"""

import os
import signal
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from scratchnn.core.threads import cores
from scratchnn.study.results import RunResult
from scratchnn.study.tasks import Task

Event = tuple[Task, "int | RunResult"]  # this many epochs are finished; or the whole run is
_TICK = 0.25  # seconds between two checks of what else there is to do
_TRIES = 2  # of a run whose process dies


@dataclass
class _Worker:
    process: BaseProcess
    connection: Connection
    task: Task | None = None


class Pool:
    """Processes that get tasks one by one, so that it is known which task each of them has.

    A context: on leaving it the processes are terminated, whatever they are doing.
    """

    def __init__(self, size: int) -> None:
        self._threads = max(1, cores() // size)
        # Spawned, not forked: a forked child has none of the threads that kernels run on.
        self._context = get_context("spawn")
        self._size = size
        self._workers: list[_Worker] = []

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *exception: object) -> None:
        for worker in self._workers:
            worker.connection.close()
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join()
        self._workers = []

    @property
    def description(self) -> str:
        processes = f"{self._size} process" + ("es" if self._size > 1 else "")
        return f"{processes}, {self._threads} thread" + ("s" if self._threads > 1 else "")

    @property
    def places(self) -> int:
        """How many runs there are at a time."""
        return self._size

    @property
    def threads(self) -> int:
        """Of the kernels of each run."""
        return self._threads

    def run(self, tasks: Iterable[Task]) -> Iterator[Event | None]:
        """Yield events, and None if there is none for a while. Each task ends with exactly one result.

        A task is taken from `tasks` when there is a process for it, no earlier.
        """
        new, again, deaths = iter(tasks), deque[Task](), Counter[str]()
        while True:
            for worker in self._idle():
                task = again.popleft() if again else next(new, None)
                if task is None:
                    break
                worker.task = task
                yield task, 0
                self._send(worker)
            if not any(worker.task for worker in self._workers):
                return
            ready = wait([worker.connection for worker in self._workers], timeout=_TICK)
            if not ready:
                yield None
            for worker in [worker for worker in self._workers if worker.connection in ready]:
                task = worker.task
                try:
                    message = worker.connection.recv()
                except (EOFError, OSError):
                    self._workers.remove(worker)
                    worker.process.join()
                    if task is None:
                        continue
                    deaths[task.key] += 1
                    if deaths[task.key] < _TRIES:
                        again.append(task)
                    else:
                        yield task, _lost(task, worker.process.exitcode)
                    continue
                assert task is not None
                if isinstance(message, RunResult):
                    worker.task = None
                yield task, message

    def _idle(self) -> Iterator[_Worker]:
        """The workers without a task, then new ones; a new one is started when it is asked for."""
        yield from [worker for worker in self._workers if worker.task is None]
        while len(self._workers) < self._size:
            self._workers.append(self._start())
            yield self._workers[-1]

    def _start(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=work, args=(theirs, self._threads), daemon=True)
        process.start()
        theirs.close()  # the worker has its own copy; when it dies, ours reads the end
        return _Worker(process, ours)

    @staticmethod
    def _send(worker: _Worker) -> None:
        try:
            worker.connection.send(worker.task)
        except OSError:
            pass  # it has just died: receiving from it will fail


def work(connection: Connection, threads: int) -> None:
    """What a worker does: tasks in, numbers of finished epochs and results out, until the parent is gone."""
    for name in ("SIGINT", "SIGHUP"):  # which reach the whole group; the parent decides what to do
        if hasattr(signal, name):  # Windows has no SIGHUP
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    os.environ["NUMBA_NUM_THREADS"] = str(
        threads
    )  # before Numba is imported: threads that are never used are never started
    from scratchnn.study.run import run

    try:
        while True:
            connection.send(run(connection.recv(), connection.send))
    except (EOFError, OSError):
        return  # the parent is gone


def _lost(task: Task, status: int | None) -> Any:
    from scratchnn.study.run import nothing_yet

    how = f"by signal {-status}" if status is not None and status < 0 else f"with status {status}"
    why = " (the system may have been short of memory)" if status == -getattr(signal, "SIGKILL", 9) else ""
    return nothing_yet(task, f"ProcessLost: its process was ended {how} twice{why}")
