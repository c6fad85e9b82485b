"""Runs on Dask: a real scheduler and real workers on loopback, one of which is killed on the way."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from scratchnn.study import cluster as clusters
from scratchnn.study.cluster import Cluster, connect
from scratchnn.study.results import RunResult
from scratchnn.study.run import run
from scratchnn.study.tasks import Task
from tests.study.test_pool import numbers

Plan = Callable[..., list[Task]]
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


def start(*arguments: str, cwd: Path) -> subprocess.Popen[bytes]:
    quiet = {"DASK_DISTRIBUTED__LOGGING__DISTRIBUTED": "critical"}
    command = [sys.executable, "-m", *arguments, "--no-dashboard"]
    return subprocess.Popen(
        command, cwd=cwd, env={**os.environ, **quiet}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A scheduler and two workers, each a process of its own."""
    file = tmp_path / "scheduler.json"
    where = ("--scheduler-file", str(file))
    processes = [start("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", *where, cwd=tmp_path)]
    try:
        for number in range(2):
            folder = ("--local-directory", str(tmp_path / f"worker{number}"))
            options = ("--nthreads", "1", "--no-nanny", "--host", "127.0.0.1", *folder)
            processes.append(start("distributed.cli.dask_worker", *where, *options, cwd=tmp_path))
        deadline = time.monotonic() + 60
        while not file.exists():
            assert time.monotonic() < deadline, "the scheduler does not start"
            time.sleep(0.1)
        yield json.loads(file.read_text())["address"]
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()


def test_a_lost_workers_runs_are_done_again_and_none_counts_twice(address: str, planned: Plan) -> None:
    tasks = planned("ff", "rnn", seeds=3, epochs=20)
    tasks += planned("ff", learning_rate=1e30)
    results: dict[str, RunResult] = {}
    with connect(address) as cluster:
        cluster._client.wait_for_workers(2, timeout=60)
        assert cluster.places == 2
        assert cluster.description == f"Dask, 2 workers at {address}"
        pids = cluster._client.run(os.getpid)
        assert len(set(pids.values()) - {os.getpid()}) == 2
        lost: set[str] = set()
        taken: list[Task] = []
        for event in cluster.run(noting(tasks, taken)):
            assert len(taken) - len(results) <= 2, "taken before a worker is free, when the time left is not known"
            if event is not None and isinstance(event[1], RunResult):
                assert event[0].key == event[1].key
                assert event[1].key not in results, "counted twice"
                results[event[1].key] = event[1]
            elif event is not None and not lost:
                lost = kill_its_worker(cluster, event[0], pids)
        assert lost, "no worker was killed"
        assert cluster.places == 1
    assert results.keys() == {task.key for task in tasks}
    *good, bad = tasks
    assert str(results[bad.key].error).startswith("NonFiniteError")
    assert lost <= {task.key for task in good}
    for task in good:
        assert numbers(results[task.key]) == numbers(run(task))


def noting(tasks: list[Task], taken: list[Task]) -> Iterator[Task]:
    for task in tasks:
        taken.append(task)
        yield task


def kill_its_worker(cluster: Cluster, task: Task, pids: dict[str, int]) -> set[str]:
    """Kill the worker that is at this task; return it, or nothing if it has finished meanwhile."""
    for worker, keys in cluster._client.processing().items():
        if f"scratchnn-{task.key}" in keys:
            os.kill(pids[worker], signal.SIGKILL)
            return {task.key}
    return set()


@pytest.mark.parametrize("seconds", [0, 1])
def test_a_result_that_is_lost_before_or_while_it_is_fetched_is_asked_for_again(
    seconds: float, address: str, planned: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker dies after the end of its run, and it alone has the result: before we ask for it, or meanwhile."""
    tasks = planned("ff", "rnn", seeds=2)
    killed: list[str] = []
    fetch = clusters._result_of

    def kill_and_fetch(future: Any, task: Task) -> RunResult | None:
        if killed:
            return fetch(future, task)
        (holder,) = cluster._client.who_has([future])[future.key]
        killed.append(task.key)
        os.kill(pids[holder], signal.SIGSTOP)  # it does not answer the question, and is killed while we wait
        timer = threading.Timer(seconds, os.kill, (pids[holder], signal.SIGKILL))
        timer.start()
        if not seconds:
            timer.join()
        try:
            return fetch(future, task)
        finally:
            timer.join()

    monkeypatch.setattr(clusters, "_result_of", kill_and_fetch)
    monkeypatch.setattr(clusters, "_FETCH", 5)
    with connect(address) as cluster:
        cluster._client.wait_for_workers(2, timeout=60)
        pids = cluster._client.run(os.getpid)
        found = [event[1] for event in cluster.run(tasks) if event is not None and isinstance(event[1], RunResult)]
    assert killed
    assert sorted(result.key for result in found) == sorted(task.key for task in tasks), "each once"
    for task in tasks:
        (result,) = [each for each in found if each.key == task.key]
        assert numbers(result) == numbers(run(task))


def test_local(planned: Plan) -> None:
    tasks = planned("ff", seeds=2)
    with connect("local") as cluster:
        results = [event[1] for event in cluster.run(tasks) if event is not None and isinstance(event[1], RunResult)]
    assert sorted(result.key for result in results) == sorted(task.key for task in tasks)
    assert not any(result.failed for result in results)


def test_it_may_be_called_where_an_event_loop_runs(address: str) -> None:
    async def main() -> int:
        with connect(address) as cluster:
            cluster._client.wait_for_workers(2, timeout=60)
            return cluster.places

    with ThreadPoolExecutor(1) as thread:  # other tests may have left a loop in this one
        assert thread.submit(lambda: asyncio.run(main())).result() == 2


def test_a_scheduler_that_goes_away_is_told(address: str, planned: Plan) -> None:
    with pytest.raises(OSError, match="scheduler"), connect(address) as cluster:
        cluster._client.wait_for_workers(1, timeout=60)
        scheduler = cluster._client.run_on_scheduler(os.getpid)
        for event in cluster.run(planned("ff", seeds=2, epochs=1000)):
            if event is not None:
                os.kill(scheduler, signal.SIGKILL)


def test_a_worker_is_no_scheduler(address: str) -> None:
    with connect(address) as cluster:
        cluster._client.wait_for_workers(1, timeout=60)
        worker = next(iter(cluster._client.run(os.getpid)))
    with pytest.raises(OSError, match=rf"no Dask scheduler answers at {worker} \(it is a Worker\)"):
        connect(worker)
