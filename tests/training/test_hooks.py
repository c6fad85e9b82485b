"""Which hooks are called, when, and with what: as Keras 3.15.1 calls them."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratchnn import Input, Sequential
from scratchnn.callbacks import HOOKS, Callback, CSVLogger, EarlyStopping, History
from scratchnn.layers import Dense
from scratchnn.losses import MeanSquaredError
from scratchnn.optimizers import SGD
from scratchnn.training.progress import Progress
from tests.training.undoing import everything_of

RNG = np.random.default_rng(3)
X = RNG.normal(size=(70, 4)).astype(np.float32)
Y = (X[:, 0] > 0.2).astype(np.float32)


def made(backend: str = "reference", **compiled: Any) -> Sequential:
    model = Sequential([Dense(3, "tanh"), Dense(1, "sigmoid")], backend=backend, seed=1)
    model.compile(**({"optimizer": "sgd", "loss": "binary_crossentropy", "metrics": ["accuracy"]} | compiled))
    return model


class Listener(Callback):
    """Writes down every call: the hook, its number if it has one, and the names in its logs."""

    def __init__(self) -> None:
        self.heard: list[tuple] = []
        self.logs: list[dict] = []

    def set_params(self, params: dict) -> None:
        super().set_params(params)
        self.heard.append(("set_params", params))


def _listening(hook: str) -> Any:
    def listen(self: Listener, *args: Any, **logs: Any) -> None:
        *number, last = (*args, *logs.values())
        assert isinstance(last, dict) and self.model is not None and not (logs and "batch" not in hook)
        self.heard.append((hook.removeprefix("on_"), *number, *sorted(last)))
        self.logs.append(dict(last))

    return listen


for _hook in HOOKS:
    if _hook not in ("on_batch_begin", "on_batch_end"):
        setattr(Listener, _hook, _listening(_hook))


def batches(kind: str, *numbers: int) -> list[tuple]:
    at_end = ("outputs",) if kind == "predict" else ("accuracy", "loss")
    return [
        call for i in numbers for call in ((f"{kind}_batch_begin", i), (f"{kind}_batch_end", i, *at_end))
    ]  # fmt: skip


def test_fit_calls_the_hooks_in_keras_order() -> None:
    """The list that Keras 3.15.1 gives for the same call."""
    listener = Listener()
    made().fit(X, Y, epochs=1, verbose=0, callbacks=[listener], validation_data=(X[:40], Y[:40]))
    results = ("accuracy", "loss", "val_accuracy", "val_loss")
    assert listener.heard == [
        ("set_params", {"verbose": 0, "epochs": 1, "steps": 3}),
        ("train_begin",),
        ("epoch_begin", 0),
        *batches("train", 0, 1, 2),
        ("test_begin",),
        *batches("test", 0, 1),
        ("test_end", "accuracy", "loss"),
        ("epoch_end", 0, *results),
        ("train_end", *results),
    ]


def test_evaluate_and_predict_call_theirs() -> None:
    listener, model = Listener(), made()
    model.fit(X, Y, verbose=0)
    results = model.evaluate(X, Y, verbose=0, callbacks=listener, return_dict=True)
    params = ("set_params", {"verbose": 0, "epochs": 1, "steps": 3})
    assert listener.heard == [
        params, ("test_begin",), *batches("test", 0, 1, 2), ("test_end", "accuracy", "loss")
    ]  # fmt: skip
    assert listener.logs[-1] == results
    listener = Listener()
    y = model.predict(X, verbose=0, callbacks=[[listener]])
    assert listener.heard == [params, ("predict_begin",), *batches("predict", 0, 1, 2), ("predict_end",)]
    np.testing.assert_array_equal(np.concatenate([logs["outputs"] for logs in listener.logs[2:8:2]]), y)


@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_logs_of_a_batch_are_means_over_all_batches_so_far(backend: str) -> None:
    listener, model = Listener(), made(backend)
    history = model.fit(X, Y, epochs=2, verbose=0, callbacks=[listener]).history
    ends = [logs for call, logs in zip(listener.heard[1:], listener.logs, strict=True) if call[0] == "train_batch_end"]
    assert [ends[2][key] for key in ("loss", "accuracy")] == [history["loss"][0], history["accuracy"][0]]
    assert [ends[5][key] for key in ("loss", "accuracy")] == [history["loss"][1], history["accuracy"][1]]
    # Written out a second time: batches of 32, 32 and 6, without learning.
    still, listener = made(backend, optimizer={"name": "sgd", "learning_rate": 1e-30}), Listener()
    still.fit(X, Y, verbose=0, shuffle=False, callbacks=[listener])
    y = still.predict(X)[:, 0].astype(np.float64)
    for end, n in zip((listener.logs[3], listener.logs[5], listener.logs[7]), (32, 64, 70), strict=True):
        losses = -(Y * np.log(y) + (1 - Y) * np.log(1 - y))[:n]
        expected = losses.mean(), np.mean((y > 0.5)[:n] == Y[:n])
        np.testing.assert_allclose((end["loss"], end["accuracy"]), expected, rtol=1e-6)


def test_a_listener_changes_nothing() -> None:
    alone, heard = made("cpu"), made("cpu")
    alone.fit(X, Y, epochs=2, verbose=0, validation_split=0.2)
    heard.fit(X, Y, epochs=2, verbose=0, validation_split=0.2, callbacks=[Listener()])
    assert everything_of(alone) == everything_of(heard)


# ---- the older names, one callback, functions on the object


def test_the_older_names_of_a_step_are_called() -> None:
    heard: list[tuple] = []

    class Older(Callback):
        def on_batch_begin(self, batch: int, logs: Any = None) -> None:
            heard.append((batch, logs))

        def on_batch_end(self, batch: int, logs: Any = None) -> None:
            heard.append((batch, sorted(logs)))

    made().fit(X, Y, 35, verbose=0, callbacks=Older())
    assert heard == [(0, {}), (0, ["accuracy", "loss"]), (1, {}), (1, ["accuracy", "loss"])]


def test_hooks_hung_onto_the_object_are_called() -> None:
    heard: list[str] = []
    callback = Callback()
    callback.on_train_batch_begin = lambda batch, logs=None: heard.append("begin")  # type: ignore[method-assign]
    callback.on_test_end = lambda logs=None: heard.append("test end")  # type: ignore[method-assign]
    made().fit(X, Y, 70, verbose=0, callbacks=callback, validation_split=0.1)
    assert heard == ["begin", "test end"]


def test_who_begins_a_batch_acts_on_it() -> None:
    """A schedule in on_train_batch_begin; the step that it sets is the step that is taken."""

    class Schedule(Callback):
        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            model.optimizer.learning_rate = (0.5, 1e-30, 1e-30)[batch]  # type: ignore[union-attr]

    model, first = made(optimizer="sgd"), made(optimizer={"name": "sgd", "learning_rate": 0.5})
    model.fit(X, Y, verbose=0, shuffle=False, callbacks=[Schedule()])
    first.train_on_batch(X[:32], Y[:32])
    np.testing.assert_array_equal(model.get_weights()[0], first.get_weights()[0])


# ---- stopping


class Stop(Callback):
    def __init__(self, hook: str, what: str) -> None:
        setattr(self, hook, lambda *args, **logs: setattr(self.model, what, True))


@pytest.mark.parametrize(
    ("hook", "steps"),
    [
        ("on_train_begin", 1), ("on_epoch_begin", 1), ("on_train_batch_begin", 1), ("on_train_batch_end", 1),
        ("on_batch_end", 1), ("on_epoch_end", 3),
    ],
)  # fmt: skip
def test_training_stops_where_keras_stops_it(hook: str, steps: int) -> None:
    """Keras looks after each step: whoever stops before the first one gets it."""
    model = made()
    history = model.fit(X, Y, epochs=4, verbose=0, callbacks=[Stop(hook, "stop_training")], validation_split=0.05)
    assert model.optimizer is not None and model.optimizer.iterations == steps
    assert len(history.history["val_loss"]) == 1
    model.fit(X, Y, verbose=0)  # and the next call is not stopped
    assert model.optimizer.iterations == steps + 3


def test_evaluation_and_prediction_stop_too() -> None:
    model = made()
    model.fit(X, Y, verbose=0)
    stop = Stop("on_test_batch_end", "stop_evaluating")
    assert model.evaluate(X, Y, verbose=0, callbacks=[stop]) == model.evaluate(X[:32], Y[:32], verbose=0)
    assert model.predict(X, callbacks=[Stop("on_predict_batch_end", "stop_predicting")]).shape == (32, 1)
    assert model.predict(X).shape == (70, 1)
    assert len(model.evaluate(X, Y, verbose=0)) == 2  # type: ignore[arg-type]


# ---- history


def test_what_a_callback_adds_to_the_logs_is_in_the_history() -> None:
    class Adds(Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            logs["learning_rate"] = 0.25 / (epoch + 1)

    given = History()
    model = made()
    history = model.fit(X, Y, epochs=2, verbose=0, callbacks=[Adds(), given])
    assert history is given is model.history
    assert history.history["learning_rate"] == [0.25, 0.125]
    assert history.params == {"verbose": 0, "epochs": 2, "steps": 3} and history.model is model


def test_validation_every_few_epochs() -> None:
    """Keras: the numbers of validation are in those epochs alone."""
    listener = Listener()
    history = made().fit(
        X, Y, epochs=5, verbose=0, validation_data=(X, Y), validation_freq=2, callbacks=[listener, EarlyStopping()]
    )
    assert (len(history.history["loss"]), len(history.history["val_loss"])) == (5, 2)
    assert [call for call in listener.heard if call[0] == "test_begin"] == [("test_begin",)] * 2
    history = made().fit(X, Y, epochs=5, verbose=0, validation_data=(X, Y), validation_freq=[1, 2, 5])
    assert len(history.history["val_loss"]) == 3


def test_validation_in_batches_of_its_own() -> None:
    model, listener = made(), Listener()
    settings: dict[str, Any] = {"validation_data": (X, Y), "validation_batch_size": 10, "validation_steps": 3}
    history = model.fit(X, Y, verbose=0, callbacks=[listener], **settings).history
    assert [call[1] for call in listener.heard if call[0] == "test_batch_end"] == [0, 1, 2]
    np.testing.assert_allclose(history["val_loss"][0], model.evaluate(X[:30], Y[:30], verbose=0)[0], rtol=1e-6)  # type: ignore[index]
    assert model.predict(X, 10, steps=3).shape == (30, 1)
    some = model.evaluate(X, Y, 10, 0, steps=3)
    np.testing.assert_allclose(some, model.evaluate(X[:30], Y[:30], verbose=0), rtol=1e-6)


# ---- what is refused, before anything is trained


class WithStart(Callback):
    def on_batch_start(self, batch: int) -> None: ...


class WithFinish(Callback):
    def on_epoch_finish(self, epoch: int) -> None: ...


class WithValidation(Callback):
    def on_validation_end(self, logs: Any) -> None: ...


class LikeLightning(Callback):
    def on_train_epoch_end(self) -> None: ...


@pytest.mark.parametrize(
    ("callbacks", "message"),
    [
        ([WithStart()], r"WithStart\.on_batch_start would never be called: .*; did you mean 'on_batch_begin'\?"),
        ([WithFinish()], r"did you mean 'on_epoch_end'\?"),
        ([WithValidation()], r"did you mean 'on_test_end'\?"),
        ([LikeLightning()], r"did you mean 'on_epoch_end'\?"),
        ([EarlyStopping], r"got <class .*EarlyStopping'>: call it, EarlyStopping\(\)"),
        ([3], r"derived from scratchnn\.callbacks\.Callback, got 3"),
        ("early", r"derived from scratchnn\.callbacks\.Callback, got 'early'"),
    ],
)
@pytest.mark.parametrize("door", ["fit", "evaluate", "predict"])
def test_what_is_no_callback_is_refused_before_anything_happens(door: str, callbacks: Any, message: str) -> None:
    model = made()
    model.fit(X, Y, verbose=0)
    before = everything_of(model)
    data = (X,) if door == "predict" else (X, Y)
    with pytest.raises(TypeError, match=message):
        getattr(model, door)(*data, verbose=0, callbacks=callbacks)
    assert everything_of(model) == before


@pytest.mark.parametrize("hook", [hook for hook in HOOKS if "predict" not in hook])
def test_an_error_in_a_hook_leaves_model_and_progress_together(hook: str) -> None:
    """Training goes on from there to where it would have come without the error."""

    class Failing(Callback):
        failed = False

    def fail(*args: Any, **logs: Any) -> None:
        if not Failing.failed:
            Failing.failed = True
            raise RuntimeError("no more")

    callback = Failing()
    setattr(callback, hook, fail)
    model, straight, progress = made(), made(), Progress()
    settings: dict[str, Any] = {"epochs": 2, "verbose": 0, "validation_split": 0.2}
    with pytest.raises(RuntimeError, match="no more"):
        model.fit(X, Y, progress=progress, callbacks=[callback], **settings)
    model.fit(X, Y, progress=progress, callbacks=[callback], **settings)
    straight.fit(X, Y, **settings)
    assert everything_of(model) == everything_of(straight)
    assert len(progress.records) == 2


def test_a_log_of_epochs_of_which_some_are_validated(tmp_path: Path) -> None:
    """As in Keras, NA stands where there was no validation."""
    from_second, from_first = (CSVLogger(tmp_path / name) for name in ("a.csv", "b.csv"))
    for logger, epochs in ((from_second, 2), (from_first, [1, 3])):
        made(metrics=None).fit(
            X, Y, epochs=3, verbose=0, validation_data=(X, Y), validation_freq=epochs, callbacks=[logger]
        )
    rows = [[row.split(",") for row in (tmp_path / name).read_text().splitlines()] for name in ("a.csv", "b.csv")]
    assert [row[0] for row in rows] == [["epoch", "loss", "val_loss"]] * 2
    assert [[row[2] == "NA" for row in file[1:]] for file in rows] == [[True, False, True], [False, True, False]]


def test_an_epoch_is_all_batches() -> None:
    """Keras goes on with the next epoch in the middle of the examples; here that is refused."""
    model = made()
    assert len(model.fit(X, Y, 32, steps_per_epoch=3, verbose=0).history["loss"]) == 1
    with pytest.raises(ValueError, match=r"all examples, which are 3 batches: steps_per_epoch=2 is refused"):
        model.fit(X, Y, 32, steps_per_epoch=2, verbose=0)
    for wrong in (0, -1, True):
        with pytest.raises(ValueError, match="must be a whole number of at least 1"):
            model.evaluate(X, Y, steps=wrong, verbose=0)
        with pytest.raises(ValueError, match="validation_freq must be a whole number of at least 1"):
            model.fit(X, Y, validation_freq=wrong, verbose=0)


def acting(hook: str, act: Callable[[Any], Any]) -> Callback:
    """A callback that does one thing to the model, at one hook."""
    return type("Acts", (Callback,), {hook: lambda self, *_, **__: act(self.model)})()


def _set_optimizer(model: Any) -> None:
    model.optimizer = SGD()


def _set_loss(model: Any) -> None:
    model.loss = MeanSquaredError()


REPLACING: dict[str, Any] = {
    "model.compile": lambda model: model.compile("sgd", "mse"),
    r"model.optimizer = \.\.\.": _set_optimizer,
    r"model.loss = \.\.\.": _set_loss,
    "model.add": lambda model: model.add(Dense(1)),
}


@pytest.mark.parametrize("hook", ["on_train_begin", "on_epoch_begin", "on_train_batch_end", "on_epoch_end"])
@pytest.mark.parametrize("what", REPLACING)
@pytest.mark.filterwarnings("ignore:the model has other layers")
def test_what_fit_works_with_cannot_be_replaced_by_a_callback(what: str, hook: str) -> None:
    model = Sequential([Input((2,)), Dense(1)], seed=0)
    model.compile("sgd", "mse")
    x, y = np.ones((4, 2)), np.ones(4)
    with pytest.raises(RuntimeError, match=f"^{what} was called by a callback.* between two calls of fit"):
        model.fit(x, y, verbose=0, callbacks=[acting(hook, REPLACING[what])])
    assert len(model.layers) == 1
    REPLACING[what](model)  # between two calls of fit
    model.fit(x, y, verbose=0)


def test_copies_that_a_callback_makes_are_free() -> None:
    copies = []
    model = Sequential([Input((2,)), Dense(1)], seed=0)
    model.compile("sgd", "mse")
    model.fit(
        np.ones((4, 2)), np.ones(4), verbose=0,
        callbacks=[acting("on_epoch_end", lambda model: copies.append(copy.deepcopy(model)))],
    )  # fmt: skip
    copies[0].compile("sgd", "mse")
    assert copies[0].fit(np.ones((4, 2)), np.ones(4), verbose=0).history["loss"]
