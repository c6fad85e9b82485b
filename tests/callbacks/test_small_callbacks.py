"""LambdaCallback, TerminateOnNaN, CallbackList."""

import math
from typing import Any

import numpy as np
import pytest

from scratchnn import Input, Sequential
from scratchnn.callbacks import (
    HOOKS,
    Callback,
    CallbackList,
    EarlyStopping,
    History,
    LambdaCallback,
    ModelCheckpoint,
    TerminateOnNaN,
)
from scratchnn.layers import Dense
from scratchnn.optimizers import SGD, Adam
from scratchnn.training.progress import NonFiniteError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3)).astype(np.float32)
Y = X[:, :1]


def model_of(optimizer: Any = "sgd") -> Sequential:
    model = Sequential([Input((3,)), Dense(1)], backend="reference", seed=1)
    model.compile(optimizer, "mse", ["mae"])
    return model


class Listener(Callback):
    """Hears everything, by its own hooks."""


def heard_by(make: Any) -> list[Any]:
    heard: list[Any] = []

    def listen(hook: str) -> Any:
        return lambda *args, **logs: heard.append((hook, args, tuple(logs)))

    model = model_of()
    callback = make(listen)
    model.fit(X, Y, epochs=2, verbose=0, callbacks=callback, validation_data=(X, Y))
    model.predict(X, verbose=0, callbacks=callback)
    return [(hook, args[:-1] if args and isinstance(args[-1], dict) else args, logs) for hook, args, logs in heard]


@pytest.mark.parametrize("hook", HOOKS)
def test_a_function_hears_what_the_hook_hears(hook: str) -> None:
    def by_class(listen: Any) -> Callback:
        return type("Own", (Callback,), {hook: staticmethod(listen(hook))})()

    found = heard_by(lambda listen: LambdaCallback(**{hook: listen(hook)}))
    assert found == heard_by(by_class)
    assert len(found) > 0


def test_the_first_six_stand_in_keras_order() -> None:
    heard: list[str] = []
    note = lambda name: lambda *args, **logs: heard.append(name)  # noqa: E731
    callback = LambdaCallback(*(note(name) for name in ("eb", "ee", "tb", "te", "bb", "be")))
    model_of().fit(X, Y, verbose=0, callbacks=[callback])
    assert heard == ["tb", "eb", *["bb", "be"] * 2, "ee", "te"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LambdaCallback(on_epoch_end=3), r"LambdaCallback: on_epoch_end must be a function, got 3"),  # type: ignore
        (lambda: LambdaCallback(on_epoch_finish=print), r"no argument 'on_epoch_finish'; did you mean 'on_epoch_"),  # type: ignore
        (lambda: CallbackList([3]), r"CallbackList takes callbacks, got 3"),
        (lambda: CallbackList([History()]), r"CallbackList takes no History: fit fills it"),
    ],
)
def test_what_is_refused(make: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        make()


# ---- TerminateOnNaN

DATA = (X * 1e4, Y)
# Of Keras 3.15.1 with SGD(10.0) on such data: {"loss": [inf], "val_loss": [inf]}, stopped in the first epoch, and
# the weights are NaN. Here the step is refused, and the weights stay.


def too_fast(**settings: Any) -> tuple[Sequential, list[list[np.ndarray]], Any]:
    model, weights = model_of(SGD(10.0)), []
    note = LambdaCallback(
        on_train_batch_begin=lambda batch, logs: weights.append([each.copy() for each in model.get_weights()])
    )
    callbacks = [note, *settings.pop("callbacks", [TerminateOnNaN()])]
    result = model.fit(*DATA, batch_size=10, epochs=5, verbose=0, callbacks=callbacks, **settings)
    return model, weights, result


def test_a_step_that_is_refused_ends_training_without_an_error(capsys: pytest.CaptureFixture) -> None:
    ended: list[Any] = []
    ends = LambdaCallback(on_epoch_end=lambda epoch, logs: ended.append(epoch), on_train_end=ended.append)
    model, weights, history = too_fast(callbacks=[TerminateOnNaN(), ends], validation_data=(X, Y))
    batch = len(weights) - 1
    assert capsys.readouterr().out.startswith(f"Batch {batch}: Invalid loss, terminating training: ")
    assert 0 < batch < 4 and model.stop_training
    for before, after in zip(weights[-1], model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    assert model.optimizer is not None and model.optimizer.iterations == batch
    assert not math.isfinite(history.history["loss"][0]) and len(history.history["loss"]) == 1
    assert math.isfinite(history.history["val_loss"][0])  # of the weights that stayed
    assert math.isfinite(history.history["mae"][0])  # of the steps that were taken
    epoch, logs = ended
    assert epoch == 0 and not math.isfinite(logs["loss"])
    model.set_weights([weight * 0 for weight in model.get_weights()])
    model.optimizer.learning_rate = 0.1
    assert model.fit(X, Y, epochs=1, verbose=0).history["loss"][0] < 2  # and training can go on


@pytest.mark.parametrize("poison", [math.nan, math.inf])
def test_the_loss_of_the_history_is_the_one_that_was_refused(poison: float) -> None:
    """Also at the first step of an epoch, when no other was counted."""
    model = model_of(SGD(1e-3))

    def poisoned(epoch: int, logs: Any) -> None:
        if epoch == 1:
            model.layers[-1].params["b"][0] = poison

    history = model.fit(
        X, Y, epochs=5, verbose=0, callbacks=[TerminateOnNaN(), LambdaCallback(on_epoch_begin=poisoned)]
    ).history
    assert len(history["loss"]) == 2 and math.isfinite(history["loss"][0])
    assert repr(history["loss"][1]) == repr(poison)


def test_without_it_the_step_is_an_error_and_with_raise_error_too() -> None:
    with pytest.raises(NonFiniteError):
        too_fast(callbacks=[])
    ended: list[Any] = []
    with pytest.raises(RuntimeError, match=r"NaN or Inf loss encountered at batch \d: .* at step \d of epoch 1"):
        too_fast(callbacks=[TerminateOnNaN(raise_error=True), LambdaCallback(on_train_end=ended.append)])
    assert ended == []
    with pytest.raises(ValueError, match="raise_error must be True or False, got 1"):
        TerminateOnNaN().raise_error = 1  # type: ignore[assignment]


def test_others_do_not_take_the_refused_epoch_for_a_good_one(tmp_path: Any) -> None:
    best = EarlyStopping("loss", patience=1)
    saved = ModelCheckpoint(tmp_path / "{epoch}.npz", "loss", save_best_only=True)
    model, _, _ = too_fast(callbacks=[TerminateOnNaN(), best, saved])
    assert best.best is None and saved.last_path is None and model.stop_training


def test_nothing_changes_where_every_number_is_finite() -> None:
    results = []
    for callbacks in ([], [TerminateOnNaN()]):
        model = model_of(Adam(0.01))
        history = model.fit(X, Y, epochs=3, verbose=0, callbacks=callbacks).history
        results.append((history, [weight.tobytes() for weight in model.get_weights()]))
    assert results[0] == results[1]


# ---- CallbackList


def test_a_list_tells_all_of_them_in_their_order() -> None:
    heard: list[Any] = []
    one, two = (
        LambdaCallback(
            on_epoch_end=lambda epoch, logs, name=name: heard.append((name, epoch, dict(logs))),
            on_batch_end=lambda batch, logs, name=name: heard.append((name, batch)),
        )
        for name in ("one", "two")
    )
    model = model_of()
    both = CallbackList([one, [two]], model=model, epochs=3, steps=2)
    assert one.model is two.model is model and two.params == {"epochs": 3, "steps": 2}
    both.on_train_batch_end(4, logs={})
    both.on_epoch_end(2, {"loss": 1.0})
    assert heard == [("one", 4), ("two", 4), ("one", 2, {"loss": 1.0}), ("two", 2, {"loss": 1.0})]


def test_fit_takes_a_list_of_lists() -> None:
    heard: list[Any] = []
    callbacks = CallbackList([LambdaCallback(on_epoch_end=lambda epoch, logs: heard.append(epoch))])
    model = model_of()
    model.fit(X, Y, epochs=2, verbose=0, callbacks=callbacks)
    model.fit(X, Y, epochs=1, verbose=0, callbacks=[callbacks, [History()]])
    assert heard == [0, 1, 0]


def test_a_history_of_ones_own_is_filled() -> None:
    history = History()
    assert model_of().fit(X, Y, epochs=2, verbose=0, callbacks=[history]) is history
    assert history.epoch == [0, 1] and sorted(history.history) == ["loss", "mae"]
