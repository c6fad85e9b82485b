"""Runs side by side: the results of one process, also where processes are killed under them."""

import dataclasses
import multiprocessing
import os
import signal
from collections.abc import Callable

import pytest

from scratchnn.study.pool import Pool
from scratchnn.study.results import RunResult
from scratchnn.study.run import run
from scratchnn.study.tasks import Task

Plan = Callable[..., list[Task]]


def collect(pool: Pool, tasks: list[Task], act: Callable[[Task, int], None] | None = None) -> dict[str, RunResult]:
    results: dict[str, RunResult] = {}
    for event in pool.run(tasks):
        if event is None:
            continue
        task, what = event
        if isinstance(what, RunResult):
            assert task.key not in results, "counted twice"
            results[task.key] = what
        elif act is not None:
            act(task, what)
    return results


def numbers(result: RunResult) -> tuple[object, ...]:
    tested = [(name, each.weights, each.loss, each.probabilities.tobytes()) for name, each in result.tested.items()]
    assert len(tested) == 2
    return result.order_digest, *tested


def test_as_in_one_process_and_a_failing_run_stops_no_other(planned: Plan) -> None:
    tasks = planned("ff", "rnn", seeds=2)
    tasks[2] = dataclasses.replace(tasks[2], settings=dataclasses.replace(tasks[2].settings, learning_rate=1e30))
    told: list[tuple[str, int]] = []
    with Pool(2) as pool:
        results = collect(pool, tasks, lambda task, epochs: told.append((task.key, epochs)))
        children = multiprocessing.active_children()
        assert len(children) == 2
    assert not any(child.is_alive() for child in children)
    assert results.keys() == {task.key for task in tasks}
    failed = [result for result in results.values() if result.failed]
    assert [result.key for result in failed] == [tasks[2].key]
    assert str(failed[0].error).startswith("NonFiniteError")
    for task in (tasks[0], tasks[1], tasks[3]):
        assert numbers(results[task.key]) == numbers(run(task))
        assert [epochs for key, epochs in told if key == task.key] == [0, 1, 2]
    assert all(result.peak_memory > 50 for result in results.values())


def test_a_process_that_is_killed_once_costs_nothing_but_time(planned: Plan) -> None:
    tasks = planned("ff", seeds=3, epochs=20)
    killed: list[str] = []

    def kill_first(task: Task, epochs: int) -> None:
        if epochs == 2 and not killed:
            killed.append(task.key)
            (worker,) = [worker for worker in pool._workers if worker.task is task]
            os.kill(worker.process.pid or 0, signal.SIGKILL)

    with Pool(2) as pool:
        results = collect(pool, tasks, kill_first)
    assert killed
    assert results.keys() == {task.key for task in tasks}
    assert not any(result.failed for result in results.values())
    (again,) = [task for task in tasks if task.key in killed]
    assert numbers(results[again.key]) == numbers(run(again))


def test_a_run_that_kills_its_process_fails_and_the_rest_goes_on(planned: Plan) -> None:
    tasks = planned("ff", "rnn")

    def kill_always(task: Task, epochs: int) -> None:
        if epochs == 0 and task is tasks[0]:
            os.kill(pool._workers[0].process.pid or 0, signal.SIGKILL)

    with Pool(1) as pool:
        results = collect(pool, tasks, kill_always)
    assert "was ended by signal 9 twice" in str(results[tasks[0].key].error)
    assert not results[tasks[1].key].failed


@pytest.mark.parametrize(("size", "told"), [(1, "1 process, "), (1000, "1000 processes, 1 thread")])
def test_description(size: int, told: str) -> None:
    with Pool(size) as pool:
        assert pool.description.startswith(told)
        assert pool.places == size
