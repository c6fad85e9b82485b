"""The same callback in Keras and here: the same hooks in the same order, with the same numbers."""

from typing import Any

import numpy as np
import pytest

from scratchnn import Input, Sequential
from scratchnn.callbacks import HOOKS, Callback
from scratchnn.layers import Dense

pytestmark = pytest.mark.long
RNG = np.random.default_rng(4)
X = RNG.normal(size=(70, 4)).astype(np.float32)
Y = (X[:, 0] > 0.2).astype(np.float32)


def listener(base: type, stop: tuple[str, str] | None = None) -> Any:
    """An object of a class that overrides every hook, and sets what `stop` names in the hook that it names."""

    def listen(hook: str) -> Any:
        def heard(self: Any, *args: Any, **logs: Any) -> None:
            *number, last = (*args, *logs.values())
            self.heard.append((hook, *number, sorted(logs), sorted(last)))
            self.numbers += [np.asarray(last[key], np.float64).ravel() for key in sorted(last)]
            if stop is not None and hook == stop[0]:
                setattr(self.model, stop[1], True)

        return heard

    hooks = [hook for hook in HOOKS if hook not in ("on_batch_begin", "on_batch_end")]
    made = type("Listener", (base,), {hook: listen(hook) for hook in hooks})()
    made.heard, made.numbers = [], []
    return made


CALLS: dict[str, tuple[str, dict[str, Any], tuple[str, str] | None]] = {
    "fit": ("fit", {"epochs": 2}, None),
    "validation": ("fit", {"epochs": 3, "validation_data": (X[:40], Y[:40])}, None),
    "validation now and then": (
        "fit",
        {"epochs": 4, "validation_data": (X[:40], Y[:40]), "validation_freq": 3, "validation_batch_size": 7},
        None,
    ),
    "some steps of validation": ("fit", {"validation_data": (X, Y), "validation_steps": 2}, None),
    "some steps of validation, in batches": (
        "fit",
        {"validation_data": (X, Y), "validation_steps": 2, "batch_size": 8},
        None,
    ),
    "steps instead of a batch size": ("fit", {"epochs": 2, "steps_per_epoch": 3}, None),
    "evaluate in steps": ("evaluate", {"steps": 4}, None),
    "predict in steps": ("predict", {"steps": 4}, None),
    "a second epoch": ("fit", {"epochs": 3, "initial_epoch": 1, "batch_size": 10}, None),
    "no epoch": ("fit", {"epochs": 1, "initial_epoch": 1}, None),
    "stopped by a batch": ("fit", {"epochs": 3}, ("on_train_batch_end", "stop_training")),
    "stopped at the beginning": ("fit", {"epochs": 3}, ("on_train_begin", "stop_training")),
    "stopped by an epoch": ("fit", {"epochs": 3}, ("on_epoch_end", "stop_training")),
    "evaluate": ("evaluate", {}, None),
    "evaluate, stopped": ("evaluate", {}, ("on_test_batch_end", "stop_evaluating")),
    "evaluate, some steps": ("evaluate", {"steps": 2, "batch_size": 20}, None),
    "predict": ("predict", {}, None),
    "predict, stopped": ("predict", {}, ("on_predict_batch_end", "stop_predicting")),
}


@pytest.mark.parametrize("case", CALLS)
def test_hooks_are_called_as_by_keras(case: str, frameworks: tuple[Any, Any]) -> None:
    _, keras = frameworks
    method, settings, stop = CALLS[case]
    theirs = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(3, activation="tanh"), keras.layers.Dense(1, activation="sigmoid")]
    )
    ours = Sequential([Input((4,)), Dense(3, "tanh"), Dense(1, "sigmoid")], seed=1)
    theirs.set_weights(ours.get_weights())
    heard = []
    for model, base in ((ours, Callback), (theirs, keras.callbacks.Callback)):
        model.compile(optimizer="sgd", loss="binary_crossentropy", metrics=["accuracy"])
        callback = listener(base, stop)
        data = (X,) if method == "predict" else (X, Y)
        order = {"shuffle": False} if method == "fit" else {}
        getattr(model, method)(*data, verbose=0, callbacks=[callback], **order, **settings)
        heard.append(callback)
    mine, keras_own = heard
    assert mine.heard == keras_own.heard
    assert mine.params == keras_own.params
    for got, expected in zip(mine.numbers, keras_own.numbers, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)
