"""Learning rates that change from step to step: Keras' numbers, and what an optimizer makes of them."""

import copy
import pickle  # noqa: TID251 - the package has none; its users do
import subprocess
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratchnn import Input, Sequential, load_model, optimizers
from scratchnn.callbacks import Callback
from scratchnn.layers import Dense
from scratchnn.models.checkpoint import load_checkpoint, save_checkpoint
from scratchnn.optimizers import SGD, Adam, schedules
from scratchnn.optimizers.schedules import CosineDecay, ExponentialDecay, LearningRateSchedule
from scratchnn.training.progress import NonFiniteError, Progress

STEPS = (0, 1, 4, 5, 6, 9, 10, 11, 15, 20, 29, 30, 31, 70, 75, 100)
# keras.optimizers.schedules.NAME(...)(step) of Keras 3.15.1, to six digits, at these steps.
KERAS: list[tuple[str, tuple, dict[str, Any], str]] = [
    (
        "ExponentialDecay",
        (0.1, 10, 0.5),
        {},
        "0.1 0.0933033 0.0757858 0.0707107 0.0659754 0.0535887 0.05 0.0466517 0.0353553 0.025 0.0133972 "
        "0.0125 0.0116629 0.00078125 0.000552427 9.76563e-05",
    ),
    (
        "ExponentialDecay",
        (0.1, 10, 0.5, True),
        {},
        "0.1 0.1 0.1 0.1 0.1 0.1 0.05 0.05 0.05 0.025 0.025 0.0125 0.0125 0.00078125 0.00078125 9.76563e-05",
    ),
    (
        "InverseTimeDecay",
        (0.1, 10, 0.5),
        {},
        "0.1 0.0952381 0.0833333 0.08 0.0769231 0.0689655 0.0666667 0.0645161 0.0571429 0.05 0.0408163 0.04 "
        "0.0392157 0.0222222 0.0210526 0.0166667",
    ),
    (
        "InverseTimeDecay",
        (0.1, 10, 0.5, True),
        {},
        "0.1 0.1 0.1 0.1 0.1 0.1 0.0666667 0.0666667 0.0666667 0.05 0.05 0.04 0.04 0.0222222 0.0222222 0.0166667",
    ),
    (
        "PiecewiseConstantDecay",
        ([5, 10, 30], [0.1, 0.05, 0.01, 0.001]),
        {},
        "0.1 0.1 0.1 0.1 0.05 0.05 0.05 0.01 0.01 0.01 0.01 0.01 0.001 0.001 0.001 0.001",
    ),
    (
        "PolynomialDecay",
        (0.1, 10),
        {},
        "0.1 0.09001 0.06004 0.05005 0.04006 0.01009 0.0001 0.0001 0.0001 0.0001 0.0001 0.0001 0.0001 0.0001 "
        "0.0001 0.0001",
    ),
    (
        "PolynomialDecay",
        (0.1, 10, 0.01, 2.0),
        {},
        "0.1 0.0829 0.0424 0.0325 0.0244 0.0109 0.01 0.01 0.01 0.01 0.01 0.01 0.01 0.01 0.01 0.01",
    ),
    (
        "PolynomialDecay",
        (0.1, 10, 0.01, 0.5, True),
        {},
        "0.1 0.0953815 0.0797137 0.0736396 0.066921 0.0384605 0.01 0.0703738 0.055 0.01 0.0264317 0.01 "
        "0.0526908 0.01 0.0325 0.01",
    ),
    (
        "CosineDecay",
        (0.1, 20),
        {},
        "0.1 0.0993844 0.0904508 0.0853553 0.0793893 0.0578217 0.05 0.0421783 0.0146447 0 0 0 0 0 0 0",
    ),
    (
        "CosineDecay",
        (0.1, 20, 0.1),
        {},
        "0.1 0.099446 0.0914058 0.0868198 0.0814503 0.0620396 0.055 0.0479604 0.0231802 0.01 0.01 0.01 0.01 "
        "0.01 0.01 0.01",
    ),
    (
        "CosineDecay",
        (0.0, 20, 0.1),
        {"warmup_target": 0.2, "warmup_steps": 10},
        "0 0.02 0.08 0.1 0.12 0.18 0.2 0.198892 0.17364 0.11 0.021108 0.02 0.02 0.02 0.02 0.02",
    ),
    (
        "CosineDecayRestarts",
        (0.1, 10),
        {},
        "0.1 0.0975528 0.0654508 0.05 0.0345491 0.00244718 0.1 0.0993844 0.0853553 0.05 0.000615582 0.1 "
        "0.0998459 0.1 0.0990393 0.0691342",
    ),
    (
        "CosineDecayRestarts",
        (0.1, 10, 1.0, 0.5, 0.1),
        {},
        "0.1 0.0977975 0.0689058 0.055 0.0410942 0.0122025 0.055 0.0538988 0.0325 0.0325 0.0105506 0.02125 "
        "0.0209747 0.0107031 0.0103516 0.0100879",
    ),
    (
        "CosineDecayRestarts",
        (0.1, 5, 3.0, 0.8),
        {},
        "0.1 0.0904508 0.00954915 0.08 0.0791259 0.0667652 0.06 0.0523607 0.02 0.064 0.0578885 0.0565134 "
        "0.0550189 0.0510269 0.05051 0.0431678",
    ),
]
MADE = [getattr(schedules, name)(*args, **settings) for name, args, settings, _ in KERAS]


class Halving(LearningRateSchedule):
    """One of the user's own."""

    def __init__(self, start: float = 0.1) -> None:
        self.start = start

    def __call__(self, step: int) -> Any:
        return np.float32(self.start / 2**step)

    def get_config(self) -> dict[str, Any]:
        return {"start": self.start}


@pytest.mark.parametrize(
    ("schedule", "expected"), [(schedule, case[-1]) for schedule, case in zip(MADE, KERAS, strict=True)], ids=str
)
def test_the_rates_are_those_of_keras(schedule: LearningRateSchedule, expected: str) -> None:
    np.testing.assert_allclose(
        [schedule(step) for step in STEPS], [float(x) for x in expected.split()], rtol=5e-6, atol=1e-9
    )


@pytest.mark.parametrize("as_given", [list, tuple, np.array, lambda steps: np.array(steps, float).reshape(4, 4)])
@pytest.mark.parametrize("schedule", MADE, ids=str)
def test_an_array_of_steps_has_an_array_of_rates(schedule: Any, as_given: Callable[..., Any]) -> None:
    """As it is drawn: plt.plot(schedule(np.arange(1000))). Each is to the last bit what a step is taken with."""
    steps = as_given(STEPS)
    rates = schedule(steps)
    assert isinstance(rates, np.ndarray) and rates.shape == np.shape(steps)
    assert rates.ravel().tolist() == [schedule(step) for step in STEPS]


@pytest.mark.parametrize("t_mul", [1.5, 2.0, 3.0, 7.0])
def test_cosine_waves_begin_where_the_one_before_ends(t_mul: float) -> None:
    """Logarithms are rounded: log(243) / log(3) is 4.999999999999999."""
    schedule, begin, wave = schedules.CosineDecayRestarts(0.1, 64, t_mul), 0.0, 64.0
    for _ in range(6):
        begin, wave = begin + wave, wave * t_mul
        assert begin == int(begin)
        assert schedule(int(begin)) == pytest.approx(0.1) and schedule(int(begin) - 1) < 0.001


@pytest.mark.parametrize("schedule", MADE, ids=str)
def test_an_optimizer_follows_step_by_step(schedule: LearningRateSchedule) -> None:
    optimizer, w = SGD(schedule), np.zeros(1)
    optimizer.init(1, np.float64)
    for step in range(12):
        assert optimizer.learning_rate == schedule(step)
        before = w.copy()
        optimizer.step(w, np.ones(1))
        assert before - w == pytest.approx(schedule(step), abs=1e-15)
    again = optimizers.get(optimizer.get_config())
    assert type(again.schedule) is type(schedule) and again.get_config() == optimizer.get_config()
    assert type(schedule).from_config(schedule.get_config())(7) == schedule(7)


def test_ten_steps_lead_where_those_of_keras_lead() -> None:
    """As in tests/test_optimizers.py, with CosineDecay(0.0, 8, 0.1, warmup_target=0.2, warmup_steps=4)."""
    for optimizer, expected in (
        (SGD, [-0.8459069, -0.3333333, 0.1792402, 0.6918138]),
        (lambda rate: Adam(rate, weight_decay=0.1), [-0.1184722, -0.2954644, -0.4724565, 0.1184712]),
    ):
        rule = optimizer(CosineDecay(0.0, 8, 0.1, warmup_target=0.2, warmup_steps=4))
        w = np.linspace(-1, 1, 4).astype(np.float32)
        rule.init(4, np.float32)
        for step in range(10):
            rule.step(w, (np.linspace(-1, 2, 4) * 0.6**step).astype(np.float32))
        # Keras' 1 - beta_2**t is that of float32, and loses five digits at first.
        np.testing.assert_allclose(w, expected, atol=1e-5)


# ---- in a model

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3)).astype(np.float32)
Y = X[:, :1] - X[:, 1:2]


def model_of(schedule: Any, backend: str = "reference", optimizer: Any = None) -> Sequential:
    model = Sequential([Input((3,)), Dense(4, "tanh"), Dense(1)], backend=backend, seed=1)
    model.compile(optimizer or Adam(schedule), "mse")
    return model


def fit(model: Any, epochs: int, **settings: Any) -> list[bytes]:
    model.fit(X, Y, batch_size=10, epochs=epochs, verbose=0, **settings)
    return [weight.tobytes() for weight in model.get_weights()]


@pytest.mark.parametrize("schedule", [ExponentialDecay(0.1, 3, 0.5), Halving()], ids=["ours", "own"])
@pytest.mark.parametrize("door", ["file", "checkpoint", "pickle", "deepcopy"])
def test_a_schedule_goes_on_where_it_was(schedule: Any, door: str, tmp_path: Path) -> None:
    whole = fit(model_of(schedule), 4)
    model, path, own = model_of(schedule), tmp_path / "model.npz", {"Halving": Halving}
    fit(model, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore" if isinstance(schedule, Halving) else "error")  # save warns of a class
        if door == "file":
            model.save(path)
            other: Any = load_model(path, custom_objects=own)
        elif door == "checkpoint":
            save_checkpoint(model, Progress(), path)
            other = load_checkpoint(path, custom_objects=own)[0]
        else:
            other = pickle.loads(pickle.dumps(model)) if door == "pickle" else copy.deepcopy(model)
    assert other.optimizer.iterations == 8 and other.optimizer.learning_rate == schedule(8)
    assert fit(other, 2) == whole != fit(model_of(schedule(0)), 4)


def test_another_process_follows_it_too(tmp_path: Path) -> None:
    path = tmp_path / "optimizer.pickle"
    path.write_bytes(pickle.dumps(Adam(ExponentialDecay(0.25, 3, 0.5))))
    code = f"import pickle; print(pickle.load(open({str(path)!r}, 'rb')).learning_rate)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "0.25\n"


def test_a_step_that_is_undone_is_not_counted_by_the_schedule() -> None:
    class Exploding(LearningRateSchedule):
        def __call__(self, step: int) -> float:
            return 0.1 if step < 5 else 1e30

    for schedule in (Exploding(), schedules.PiecewiseConstantDecay([4], [0.1, 1e30])):
        model = model_of(schedule)
        with pytest.raises(NonFiniteError, match="step 2 of epoch 2"):
            fit(model, 3)
        assert model.optimizer is not None and model.optimizer.iterations == 5
        assert [w.tobytes() for w in model.get_weights()] == fit_steps(5)


def fit_steps(steps: int) -> list[bytes]:
    """The weights after so many steps with a rate of 0.1."""

    class Stop(Callback):
        seen = 0

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.seen += 1
            self.model.stop_training = self.seen == steps

    return fit(model_of(0.1), 9, callbacks=Stop())


@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_a_schedule_that_stays_is_a_number(backend: str) -> None:
    stays = schedules.PiecewiseConstantDecay([3], [0.01, 0.01])
    assert fit(model_of(stays, backend), 3) == fit(model_of(0.01, backend), 3)


def test_a_rule_of_ones_own_follows_it_without_knowing() -> None:
    @dataclass(eq=False)
    class Plain(optimizers.Optimizer):
        name = "plain"
        learning_rate: float = field(default=0.5)

        def update(self, w: Any, g: Any) -> None:
            w -= self.learning_rate * g

    rule, w = Plain(ExponentialDecay(0.25, 1, 0.5)), np.zeros(1)  # type: ignore
    rule.init(1, np.float64)
    rule.step(w, np.ones(1))
    rule.step(w, np.ones(1))
    assert w == -0.375 and Plain().learning_rate == 0.5


def test_a_schedule_is_called_once_for_a_step_that_is_taken() -> None:
    """One that is a list of as many rates as there are steps is never asked for more."""

    class Listed(LearningRateSchedule):
        def __call__(self, step: int) -> float:
            return [0.1, 0.2, 0.3, 0.4][step]

    model = model_of(Listed())
    fit(model, 1)
    with pytest.raises(NotImplementedError, match="define get_config"):
        model.get_config()


def test_other_schedules_may_be_set_and_numbers_not() -> None:
    optimizer = Adam(0.1)
    optimizer.learning_rate = ExponentialDecay(0.2, 1, 0.5)
    assert optimizer.learning_rate == 0.2
    optimizer.learning_rate = CosineDecay(0.3, 5)
    assert optimizer.learning_rate == 0.3
    with pytest.raises(TypeError, match=r"follows CosineDecay, so it cannot be set to 0\.1: make the optimizer with a"):
        optimizer.learning_rate = 0.1
    assert optimizer.learning_rate == 0.3


@pytest.mark.parametrize(
    ("act", "error", "message"),
    [
        (lambda: ExponentialDecay(0.1, 0, 0.5), ValueError, r"^decay_steps must be positive and finite, got 0$"),
        (lambda: ExponentialDecay(-0.1, 1, 0.5), ValueError, r"initial_learning_rate must be 0 or more and finite"),
        (lambda: ExponentialDecay(0.1, 1, 0.5, 1), ValueError, r"schedule: staircase must be True or False, got 1"),  # type: ignore
        (lambda: CosineDecay(0.1, 5, warmup_steps=3), ValueError, r"warmup_steps needs a warmup_target"),
        (
            lambda: CosineDecay(0.1, 5, warmup=3),  # type: ignore
            TypeError,
            r"CosineDecay takes no argument 'warmup'; did you mean 'warm",
        ),
        (lambda: schedules.CosineDecayRestarts(0.1, 5, 0.5), ValueError, r"t_mul must be at least 1, or the periods"),
        (
            lambda: schedules.PiecewiseConstantDecay([5], [0.1]),
            ValueError,
            r"values must be one more than boundaries, got 1 for 1",
        ),
        (
            lambda: schedules.PiecewiseConstantDecay([5, 5], [1, 2, 3]),
            ValueError,
            r"each after the one before, got \[5, 5",
        ),
        (lambda: schedules.PiecewiseConstantDecay([2.5], [1, 2]), ValueError, r"boundaries must be a whole number"),  # type: ignore
        (lambda: Adam(lambda: 0.1), TypeError, r"takes a number or a schedule, got <function .* LearningRateSchedule"),
        (lambda: Adam(CosineDecay), TypeError, r"got the class CosineDecay: call it"),
        (
            lambda: setattr(Adam(), "schedule", 3),
            AttributeError,
            r"set as the learning rate: optimizer\.learning_rate =",
        ),
        (lambda: setattr(CosineDecay(0.1, 5), "warmup", 3), AttributeError, r"has no attribute 'warmup'"),
        (
            lambda: Adam(LearningRateSchedule()).learning_rate,
            NotImplementedError,
            r"must define __call__\(self, step\)",
        ),
        (
            lambda: Adam(LearningRateSchedule()).get_config(),
            NotImplementedError,
            r"must define get_config\(self\) to be",
        ),
        (
            lambda: optimizers.get({"name": "sgd", "learning_rate": {"class": "CosinDecay", "config": {}}}),
            ValueError,
            r"unknown schedule 'CosinDecay'",
        ),
        (
            lambda: optimizers.get({"name": "sgd", "learning_rate": {"rate": 3}}),
            ValueError,
            r"by its class and its con",
        ),
        (
            lambda: fit(model_of(None, optimizer=optimizers.Ftrl(CosineDecay(0.1, 3))), 1),
            ValueError,
            r"Ftrl divides by the learning rate, which its schedule has at 0 in step 3",
        ),
        (lambda: fit(model_of(Halving(-1)), 1), ValueError, r"Halving at step 0: the learning rate must be 0 or more"),
        (lambda: fit(model_of(Halving(np.nan)), 1), ValueError, r"Halving at step 0: .* got nan"),
    ],
)
def test_what_is_refused(act: Callable[[], Any], error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        act()
