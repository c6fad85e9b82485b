"""Callbacks that set the learning rate, with Keras' epochs, messages and history."""

from typing import Any

import numpy as np
import pytest

from scratchnn import Input, Sequential
from scratchnn.callbacks import Callback, CSVLogger, LearningRateScheduler, ReduceLROnPlateau
from scratchnn.layers import Dense
from scratchnn.optimizers import SGD
from scratchnn.optimizers.schedules import ExponentialDecay

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3)).astype(np.float32)
Y = X[:, :1]
LOSSES = (1.0, 0.9, 0.89, 0.895, 0.7, 0.8, 0.75, 0.72, 0.71, 0.7, 0.69, 0.65, 0.66)
HALVES = [2.0**-i for i in range(11)]
# Keras 3.15.1, ReduceLROnPlateau("loss", **settings) on an SGD(1.0), with these losses of the epochs: the learning
# rate that each epoch was trained with, and the epochs, counted from 1, after which it was reduced.
PLATEAUS: list[tuple[dict[str, Any], list[float], list[int]]] = [
    ({"patience": 2}, [1.0] * 7 + [0.1] * 2 + [0.01] * 4, [7, 9]),
    ({"patience": 2, "cooldown": 2}, [1.0] * 7 + [0.1] * 3 + [0.01] * 3, [7, 10]),
    (
        {"patience": 1, "min_delta": 0.05, "factor": 0.5},
        [1.0] * 3 + [0.5] + [0.25] * 2 + HALVES[3:10],
        [3, 4, 6, 7, 8, 9, 10, 11, 12, 13],
    ),
    ({"patience": 1, "factor": 0.5, "min_lr": 0.3, "cooldown": 1}, [1.0] * 4 + [0.5] * 2 + [0.3] * 7, [4, 6]),
    (
        {"patience": 0, "factor": 0.5},
        [1.0] * 4 + [0.5] * 2 + HALVES[2:7] + [HALVES[6]] * 2,
        [4, 6, 7, 8, 9, 10, 13],
    ),
    ({"patience": 2, "mode": "max", "min_lr": 0.01}, [1.0] * 3 + [0.1] * 2 + [0.01] * 8, [3, 5]),
]  # fmt: skip


def model_of(rate: Any = 1.0) -> Sequential:
    model = Sequential([Input((3,)), Dense(1)], backend="reference", seed=1)
    model.compile(SGD(rate), "mse")
    return model


class Play(Callback):
    """Puts given losses into the logs."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs["loss"] = LOSSES[epoch]


@pytest.mark.parametrize(("settings", "rates", "reduced"), PLATEAUS, ids=[str(row[0]) for row in PLATEAUS])
def test_the_rate_falls_when_that_of_keras_falls(
    settings: dict, rates: list[float], reduced: list[int], capsys: pytest.CaptureFixture
) -> None:
    callbacks = [Play(), ReduceLROnPlateau("loss", verbose=1, **settings)]
    history = model_of(0.001 * 1000).fit(X * 0, Y * 0, epochs=13, verbose=0, callbacks=callbacks).history
    np.testing.assert_allclose(history["learning_rate"], rates, rtol=1e-12)
    printed = capsys.readouterr().out.splitlines()
    after = [*rates[1:], rates[-1] * settings.get("factor", 0.1)]
    assert [line.rsplit(" ", 1)[0] for line in printed] == [
        f"Epoch {epoch}: ReduceLROnPlateau reducing learning rate to" for epoch in reduced
    ]
    told = [float(line.rsplit(" ", 1)[1].removesuffix(".")) for line in printed]
    np.testing.assert_allclose(told, [after[epoch - 1] for epoch in reduced], rtol=1e-12)


def test_each_epoch_is_trained_with_the_rate_of_the_history() -> None:
    """By the way that the bias goes: the gradient of it is 2 (b - 1) here."""
    model, biases = model_of(0.1), []

    class Note(Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            biases.append(float(model.get_weights()[1][0]))

    schedule = LearningRateScheduler(lambda epoch, rate: rate / 2 if epoch else rate)
    history = model.fit(X * 0, Y * 0 + 1, batch_size=40, epochs=4, verbose=0, callbacks=[schedule, Note()]).history
    assert history["learning_rate"] == [0.1, 0.05, 0.025, 0.0125]
    b = 0.0
    for rate, bias in zip(history["learning_rate"], biases, strict=True):
        b -= rate * 2 * (b - 1)
        assert bias == pytest.approx(b, rel=1e-6)
    assert model.optimizer is not None and model.optimizer.learning_rate == 0.0125


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        (lambda epoch: 0.5 / (epoch + 1), [0.5, 0.25, 0.5 / 3]),
        (lambda epoch, rate: rate * 0.5, [0.5, 0.25, 0.125]),
        (lambda epoch, rate=3: rate * 0.5, [0.5, 0.25, 0.125]),
        (lambda epoch, rate: np.float32(0.25), [0.25, 0.25, 0.25]),
        (lambda *both: both[1] / (1 + both[0]), [1.0, 0.5, 0.5 / 3]),
        (max, [1.0, 1.0, 2.0]),  # which does not tell its arguments
    ],
)
def test_a_schedule_of_one_or_of_two_arguments(
    schedule: Any, rates: list[float], capsys: pytest.CaptureFixture
) -> None:
    if schedule is max:
        schedule = lambda *both: float(max(both))  # noqa: E731
    callback = LearningRateScheduler(schedule, verbose=1)
    history = model_of().fit(X, Y, epochs=3, verbose=0, callbacks=callback).history
    assert history["learning_rate"] == rates
    assert capsys.readouterr().out.splitlines()[0] == (
        f"Epoch 1: LearningRateScheduler setting learning rate to {rates[0]}."
    )


def test_an_error_inside_the_schedule_is_not_taken_for_one_argument_too_many() -> None:
    """Keras would call it again, with the epoch alone."""

    def broken(epoch: int, rate: float = 0.1) -> float:
        return rate + "text"  # type: ignore[operator]

    with pytest.raises(TypeError, match="unsupported operand"):
        model_of().fit(X, Y, verbose=0, callbacks=LearningRateScheduler(broken))


def test_callbacks_after_them_see_the_rate(tmp_path: Any) -> None:
    log = CSVLogger(tmp_path / "log.csv")
    model_of(0.1).fit(X, Y, epochs=2, verbose=0, callbacks=[ReduceLROnPlateau("loss"), log])
    assert (tmp_path / "log.csv").read_text().splitlines()[0] == "epoch,learning_rate,loss"


def test_epochs_that_are_not_validated_do_not_count_as_waiting() -> None:
    class Bad(Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if "val_loss" in logs:
                logs["val_loss"] = float(epoch)

    history = model_of().fit(
        X * 0, Y * 0, epochs=8, verbose=0, validation_data=(X, Y), validation_freq=2,
        callbacks=[Bad(), ReduceLROnPlateau(patience=2)],
    ).history  # fmt: skip
    assert history["learning_rate"] == [1.0] * 6 + [0.1] * 2


def test_nan_is_never_the_best() -> None:
    class Nan(Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            logs["loss"] = [float("nan"), 1.0, 0.9, 0.8, 0.7][epoch]

    callbacks = [Nan(), ReduceLROnPlateau("loss", patience=2)]
    assert model_of().fit(X * 0, Y * 0, epochs=5, verbose=0, callbacks=callbacks).history["learning_rate"] == [1.0] * 5


def test_it_can_be_used_again() -> None:
    callback = ReduceLROnPlateau("loss", patience=2)
    for _ in range(2):
        rates = model_of().fit(X * 0, Y * 0, epochs=4, verbose=0, callbacks=callback).history["learning_rate"]
        assert rates == [1.0, 1.0, 1.0, 0.1]


@pytest.mark.parametrize("callback", [ReduceLROnPlateau("loss"), LearningRateScheduler(lambda epoch: 0.1)])
def test_an_optimizer_that_follows_a_schedule_is_refused_before_training(callback: Callback) -> None:
    """Keras raises a TypeError too, once the rate is set."""
    model = model_of(ExponentialDecay(0.1, 10, 0.5))
    model.build((None, 3))
    before = model.get_weights()
    with pytest.raises(TypeError, match=r"sets the learning rate, but that of this optimizer follows ExponentialDecay"):
        model.fit(X, Y, verbose=0, callbacks=[callback])
    np.testing.assert_array_equal(before[0], model.get_weights()[0])


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: ReduceLROnPlateau(factor=1.0), ValueError, r"factor must be at least 0 and below 1, got 1\.0"),
        (lambda: ReduceLROnPlateau(factor=0.0), ValueError, r"factor must be above 0 and below 1"),
        (lambda: ReduceLROnPlateau(patience=-1), ValueError, r"patience must be a whole number"),
        (lambda: ReduceLROnPlateau(cooldown=-1), ValueError, r"cooldown must be a whole number of at least 0"),
        (lambda: ReduceLROnPlateau(min_lr=-1.0), ValueError, r"min_lr must be 0 or more and finite"),
        (lambda: ReduceLROnPlateau(epsilon=0.1), TypeError, r"takes no argument 'epsilon'"),  # type: ignore
        (lambda: ReduceLROnPlateau(baseline=0.1), ValueError, r"baseline=0\.1 is refused: Keras takes it"),  # type: ignore
        (lambda: LearningRateScheduler(0.1), TypeError, r"takes a function of epoch and learning rate, got 0\.1"),  # type: ignore
    ],
)
def test_what_is_refused(make: Any, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(
    ("callback", "message"),
    [
        (LearningRateScheduler(lambda epoch: 1), r"the schedule must return a float, got 1 for epoch 0"),
        (LearningRateScheduler(lambda epoch: 0.0), r"learning_rate must be positive and finite, got 0\.0"),
        (LearningRateScheduler(lambda epoch: float("nan")), r"learning_rate must be positive and finite, got nan"),
        (ReduceLROnPlateau(), r"ReduceLROnPlateau watches 'val_loss', but the epoch has \['learning_rate', 'loss'\]"),
    ],
)
def test_what_is_refused_in_training(callback: Callback, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        model_of().fit(X * 0, Y, verbose=0, callbacks=[callback])
