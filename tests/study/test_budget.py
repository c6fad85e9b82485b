"""A time that ends: only runs that fit into it begin, judged by what is known at that moment."""

import time
from collections.abc import Callable

import pytest

from scratchnn.study import budget as budgets
from scratchnn.study.budget import Budget, expectation, parse
from scratchnn.study.tasks import Task

Plan = Callable[..., list[Task]]


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("10m", 600), ("1.5h", 5400)])
def test_times(text: str, seconds: float) -> None:
    assert parse(text) == seconds


@pytest.mark.parametrize("text", ["10", "", "m", "-5s", "0s", "0.0m", "1e3s", "ten minutes", "5 m", "nans"])
def test_no_times(text: str) -> None:
    with pytest.raises(ValueError, match="--budget takes a time such as 90s, 10m or 2h, above 0, got"):
        parse(text)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(budgets.time, "perf_counter", lambda: now[0])
    return now


def test_each_task_is_judged_when_it_could_begin(planned: Plan, clock: list[float]) -> None:
    tasks = planned("ff", "lstm", seeds=3)
    expected = {"ff": 2.0, "lstm": 6.0}
    known: dict[str, float] = {}
    budget = Budget(20.0, 100.0, lambda task: expected[task.model])
    begun = []
    for task in budget.affordable(tasks, lambda task: known.get(task.model)):
        begun.append(task.model)
        clock[0] += expected[task.model]
        if task.model == "ff":
            known["ff"] = 4.5  # slower than expected
    # 100 ff 102 lstm 108 ff 110 lstm 116: not another ff, 4.5 s by now; nor an lstm
    assert begun == ["ff", "lstm", "ff", "lstm"]


def test_a_shorter_run_may_fit_where_a_longer_does_not(planned: Plan, clock: list[float]) -> None:
    tasks = planned("lstm", "ff")
    budget = Budget(5.0, 100.0, lambda task: {"ff": 2.0, "lstm": 6.0}[task.model])
    assert [task.model for task in budget.affordable(tasks, lambda task: None)] == ["ff"]
    budget.check(tasks)
    budget.check([])
    with pytest.raises(
        ValueError, match="--budget 5 s is too short for one run: lstm is expected to take 6 s, and 5 s"
    ):
        budget.check(tasks[:1])


@pytest.mark.filterwarnings("ignore::scratchnn.data.DataWarning")
def test_what_a_run_will_take_is_measured(planned: Plan) -> None:
    short, long = planned("lstm", epochs=2), planned("lstm", epochs=2000)

    def expected(tasks: list[Task]) -> float:
        return expectation(tasks, threads=1)(tasks[0])

    ratio = expected(long) / expected(short)
    assert 100 < ratio < 10_000, "a thousand times as many epochs, on a machine that others use too"
    began = time.perf_counter()
    assert 0 < expected(planned("linear-bigrams")) < 10
    assert time.perf_counter() - began < 10
