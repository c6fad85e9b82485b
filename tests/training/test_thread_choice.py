"""The number of threads that training uses: measured by a clock that the test sets."""

import argparse
from collections.abc import Callable

import pytest

from scratchnn import Sequential
from scratchnn.core import backend
from scratchnn.experiments.flags import threads
from scratchnn.layers import Dense
from scratchnn.training.threads import SECONDS, TRIES, WINDOW, ThreadChoice


class Machine:
    """Kernels whose steps take what `seconds` says for its number of threads, by a clock of its own."""

    def __init__(self, most: int, seconds: Callable[[int], float]) -> None:
        self.most = self.threads = most
        self.seconds, self.time = seconds, 0.0
        self.taken: list[int] = []  # the threads of each step

    def use_threads(self, number: int) -> None:
        self.threads = number

    def now(self) -> float:
        return self.time

    def train(self, choice: ThreadChoice, steps: int) -> list[int]:
        self.taken = []
        for _ in choice.timed(range(steps)):
            self.time += self.seconds(self.threads)
            self.taken.append(self.threads)
        return self.taken


def chosen(machine: Machine) -> ThreadChoice:
    return ThreadChoice(machine.most, machine.use_threads, machine.now)


def test_the_fastest_number_is_used() -> None:
    machine = Machine(8, lambda threads: {8: 3.0, 4: 1.0, 2: 2.0, 1: 4.0}[threads] / 1000)
    choice = chosen(machine)
    taken = machine.train(choice, 100)
    assert set(taken[: 4 * (TRIES + 1)]) == {8, 4, 2, 1} and set(taken[4 * (TRIES + 1) :]) == {4}
    assert str(choice) == "4 threads (1.00 ms a step; 3.00 on 8, 2.00 on 2, 4.00 on 1)"
    assert machine.threads == 8, "afterwards all are used again"


def test_it_changes_with_what_else_the_machine_has_to_do() -> None:
    machine = Machine(2, lambda threads: 0.001 / threads)
    choice = chosen(machine)
    assert machine.train(choice, 60)[-1] == 2
    machine.seconds = lambda threads: 0.002 * threads  # another program has come
    assert machine.train(choice, 2 * WINDOW + 4 * TRIES)[-1] == 1
    machine.seconds = lambda threads: 0.001 / threads  # and is gone: one thread does not notice
    assert machine.train(choice, round(SECONDS / 0.001) + 4 * TRIES)[-1] == 2


def test_measuring_takes_few_of_the_steps() -> None:
    machine = Machine(2, lambda threads: 0.001 * threads)
    taken = machine.train(chosen(machine), 20_000)
    assert taken.count(2) < 0.005 * len(taken)


def test_a_step_that_fails_leaves_all_threads() -> None:
    machine = Machine(2, lambda threads: 0.001)
    steps = chosen(machine).timed(range(9))
    assert [next(steps), next(steps), next(steps)] == [0, 1, 2]
    steps.close()
    assert machine.threads == 2


def test_training_that_ends_within_a_trial_tells_what_was_measured_before() -> None:
    machine = Machine(2, lambda threads: 0.001 / threads)
    choice = chosen(machine)
    machine.train(choice, 3)
    assert str(choice) == "2 threads", "nothing is known yet"
    machine.train(choice, 60)
    machine.time += 2 * SECONDS
    machine.train(choice, 3)
    assert str(choice) == "2 threads (0.50 ms a step; 1.00 on 1)"


def test_the_flag_takes_a_number_or_auto() -> None:
    assert (threads("3"), threads("auto")) == (3, None)
    with pytest.raises(argparse.ArgumentTypeError, match="expected a number of threads, or auto, got 'many'"):
        threads("many")


@pytest.mark.parametrize("name", ["reference", "cpu"])
def test_fit_says_what_it_used_where_there_was_a_choice(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    model = Sequential([Dense(1)], backend=name)
    model.compile("sgd", "mse")
    model.fit([[1.0]] * 400, [1.0] * 400, batch_size=4)
    told = "trained on" in capsys.readouterr().out
    assert told == (backend.load(name).threads_to_choose() > 1)
