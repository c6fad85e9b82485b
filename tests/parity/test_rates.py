"""Learning rates of schedules and callbacks, in Keras and here, step by step and epoch by epoch."""

from typing import Any

import numpy as np
import pytest

from scratchnn import Input, Sequential, callbacks, optimizers
from scratchnn.layers import Dense
from scratchnn.optimizers import schedules

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.long]
RNG = np.random.default_rng(4)
X = RNG.normal(size=(70, 4)).astype(np.float32)
Y = (X[:, :1] - 0.3 * X[:, 1:2]).astype(np.float32)

SCHEDULES: list[tuple[str, dict[str, Any]]] = [
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.9}),
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.9, "staircase": True}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.5}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.5, "staircase": True}),
    ("PiecewiseConstantDecay", {"boundaries": [3, 17, 60], "values": [0.1, 0.02, 0.03, 0.001]}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 30}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 30, "end_learning_rate": 0.02, "power": 2.0}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 30, "power": 0.5, "cycle": True}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 30}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 30, "alpha": 0.2}),
    ("CosineDecay", {"initial_learning_rate": 0.0, "decay_steps": 30, "warmup_target": 0.2, "warmup_steps": 9}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 30, "warmup_target": 0.2}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 16}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 16, "t_mul": 1.0, "m_mul": 0.7}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 9, "t_mul": 1.5, "alpha": 0.1}),
]
IDS = [f"{name}-{settings}" for name, settings in SCHEDULES]


@pytest.mark.parametrize(("name", "settings"), SCHEDULES, ids=IDS)
def test_two_hundred_steps(name: str, settings: dict[str, Any], frameworks: tuple[Any, Any]) -> None:
    _, keras = frameworks
    theirs = getattr(keras.optimizers.schedules, name)(**settings)
    ours = getattr(schedules, name)(**settings)
    expected = [float(theirs(np.int64(step))) for step in range(200)]
    np.testing.assert_allclose([ours(step) for step in range(200)], expected, rtol=2e-5, atol=2e-7)
    if "warmup_target" not in settings:  # where Keras takes no array
        np.testing.assert_allclose(ours(np.arange(200)), theirs(np.arange(200)), rtol=2e-5, atol=2e-7)
    assert ours.get_config() == {
        **theirs.get_config(),
        **{key: float(v) for key, v in settings.items() if type(v) is int},
    }


def both(frameworks: tuple[Any, Any], optimizer: Any, **settings: Any) -> tuple[Any, Any]:
    """Two models that start alike, trained; the second is Keras'. `optimizer` is given the module of optimizers."""
    _, keras = frameworks
    ours = Sequential([Input((4,)), Dense(3, "tanh"), Dense(1)], backend="reference", seed=1)
    theirs = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="tanh"), keras.layers.Dense(1)])
    theirs.set_weights(ours.get_weights())
    hung = settings.pop("callbacks", lambda module: [])
    for model, module, library in ((ours, optimizers, callbacks), (theirs, keras.optimizers, keras.callbacks)):
        model.compile(optimizer=optimizer(module), loss="mse")
        model.fit(X, Y, shuffle=False, verbose=0, callbacks=hung(library), **settings)
    return ours, theirs


RULES = ("SGD", "RMSprop", "Adam", "AdamW", "Nadam")


@pytest.mark.parametrize("number", range(len(SCHEDULES)), ids=IDS)
def test_ten_steps_of_a_model(number: int, frameworks: tuple[Any, Any]) -> None:
    (name, settings), rule = SCHEDULES[number], RULES[number % len(RULES)]
    ours, theirs = both(
        frameworks,
        lambda module: getattr(module, rule)(getattr(module.schedules, name)(**settings)),
        batch_size=14,
        epochs=2,
    )
    for mine, expected in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(mine, expected, rtol=1e-4, atol=2e-5)
    assert ours.optimizer.learning_rate == pytest.approx(float(theirs.optimizer.learning_rate), rel=1e-5, abs=1e-8)


CALLBACKS: dict[str, Any] = {
    "plateau": lambda module: [module.ReduceLROnPlateau("loss", patience=1, factor=0.5, min_delta=0.05, cooldown=1)],
    "plateau, validation": lambda module: [
        module.ReduceLROnPlateau(patience=2, factor=0.3, min_lr=0.01, min_delta=0.2)
    ],
    "scheduler of two": lambda module: [module.LearningRateScheduler(lambda epoch, rate: rate * 0.8)],
    "scheduler of one": lambda module: [module.LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1))],
    "both": lambda module: [
        module.LearningRateScheduler(lambda epoch, rate: rate if epoch < 5 else rate * 1.1),
        module.ReduceLROnPlateau("loss", patience=1, factor=0.5, min_delta=0.1),
    ],
}


@pytest.mark.parametrize("case", CALLBACKS)
def test_histories(case: str, frameworks: tuple[Any, Any]) -> None:
    ours, theirs = both(
        frameworks,
        lambda module: module.SGD(0.1),
        callbacks=CALLBACKS[case],
        epochs=14,
        validation_data=(X[:20], Y[:20]),
    )
    mine, expected = ours.history.history, theirs.history.history
    assert set(mine) == set(expected) == {"loss", "val_loss", "learning_rate"}
    assert len(set(mine["learning_rate"])) > 1
    for key, values in expected.items():
        np.testing.assert_allclose(mine[key], values, rtol=1e-4, atol=1e-7)


def test_keras_calls_a_function_once(frameworks: tuple[Any, Any]) -> None:
    """Which is why we refuse one: it would look as if the rate changed."""
    _, keras = frameworks
    calls: list[int] = []
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(lambda: calls.append(1) or 0.1), "mse")
    model.fit(X, Y, epochs=3, verbose=0)
    assert len(calls) == 1
    with pytest.raises(TypeError):
        optimizers.SGD(lambda: 0.1)


def test_ends_at_nan(frameworks: tuple[Any, Any]) -> None:
    """The same epoch is the last, with a loss that is no number; Keras' weights have gone further."""
    _, keras = frameworks
    ours = Sequential([Input((4,)), Dense(1)], backend="reference", seed=1)
    theirs = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    for model, module, library in ((ours, optimizers, callbacks), (theirs, keras.optimizers, keras.callbacks)):
        model.compile(module.SGD(10.0), "mse")
        model.fit(X * 1e4, Y, batch_size=10, epochs=5, verbose=0, callbacks=[library.TerminateOnNaN()])
    both_of_them: Any = ours, theirs
    for model in both_of_them:
        assert model.stop_training and len(model.history.history["loss"]) == 1
        assert not np.isfinite(model.history.history["loss"][0])
    # Keras' last step has acted, where ours has not.
    assert np.abs(ours.get_weights()[0]).max() < 1e15 < np.abs(theirs.get_weights()[0]).max()
