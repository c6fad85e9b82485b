"""Planned steps give the bits of the plain loop, and whatever cannot be planned takes that loop."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from scratchnn import Sequential, layers, losses, regularizers
from scratchnn.callbacks import LambdaCallback
from scratchnn.optimizers import SGD, Adam
from scratchnn.optimizers.schedules import ExponentialDecay
from scratchnn.training import planned

V, T = 50, 21
rng = np.random.default_rng(0)
x, y = rng.integers(0, V, (403, T)), rng.integers(0, 2, 403)  # 13 batches of 31, the last one whole: 403 = 13 * 31


def head(*before: layers.Layer) -> list[layers.Layer]:
    return [layers.Embedding(V, 17), *before, layers.Dense(1, activation="sigmoid")]


PLANNED: dict[str, Callable[[], list[layers.Layer]]] = {
    "ff": lambda: head(layers.Flatten(), layers.Dense(16, "relu")),
    "lstm": lambda: head(layers.Dropout(0.2), layers.LSTM(17), layers.Dense(9, "relu"), layers.Dropout(0.3)),
    "lstm that drops": lambda: head(layers.LSTM(17, dropout=0.1, recurrent_dropout=0.2)),
    "gru": lambda: head(layers.GRU(17, return_sequences=True), layers.GRU(5, reset_after=False)),
    "rnn": lambda: head(layers.SimpleRNN(17, return_sequences=True), layers.SimpleRNN(5, use_bias=False)),
    "cnn": lambda: head(
        layers.Conv1D(17, 3, activation="relu"), layers.MaxPooling1D(2),
        layers.Conv1D(9, 2, activation="tanh"), layers.GlobalMaxPooling1D(), layers.Dense(3),
    ),
}  # fmt: skip


def trained(make: Callable[[], Any], loss: Any = "binary_crossentropy", **options: Any) -> tuple[bytes, dict, int]:
    """Weights, history, and how many steps were taken by a plan."""
    model = make() if isinstance(make(), Sequential) else Sequential(make(), seed=3)
    model.compile(options.pop("optimizer", "adam"), loss, ["accuracy"])
    count = 0
    again = planned.PlannedSteps._again

    def counted(self: Any, *args: Any) -> Any:
        nonlocal count
        count += 1
        return again(self, *args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(planned.PlannedSteps, "_again", counted)
        data = options.pop("data", (x, y))
        history = model.fit(*data, **{"batch_size": 31, "epochs": 3, "verbose": 0} | options)
    return model.flat_params.tobytes(), history.history, count


def plainly(*args: Any, **options: Any) -> tuple[bytes, dict, int]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(planned, "can_be_planned", lambda model: False)
        return trained(*args, **options)


@pytest.mark.parametrize("name", PLANNED)
def test_the_bits_are_those_of_the_loop(name: str) -> None:
    *ours, count = trained(PLANNED[name])
    *theirs, none = plainly(PLANNED[name])
    assert ours == theirs
    assert (count, none) == (3 * 11, 0), "of 13 steps, the first two are taken plainly"


@pytest.mark.parametrize(
    "options",
    [
        {"batch_size": 50},  # the last batch is smaller
        {"optimizer": SGD(0.1, momentum=0.9, global_clipnorm=0.1)},
        {"optimizer": Adam(ExponentialDecay(0.01, 5, 0.5), weight_decay=0.01)},
        {"validation_split": 0.2, "shuffle": False},
        {"epochs": 1},
    ],
    ids=str,
)
def test_whatever_optimizer_and_batches(options: dict[str, Any]) -> None:
    def again() -> dict[str, Any]:
        return {k: type(v).from_config(v.get_config()) if hasattr(v, "get_config") else v for k, v in options.items()}

    *ours, count = trained(PLANNED["lstm"], **again())
    *theirs, _ = plainly(PLANNED["lstm"], **again())
    assert ours == theirs and count > 0


def test_a_layer_that_changes_between_epochs_is_planned_anew() -> None:
    def run(train: Callable[..., Any]) -> Any:
        model = Sequential(PLANNED["lstm"](), seed=3)

        def change(epoch: int, logs: Any) -> None:
            if epoch == 1:
                model.layers[1].rate = 0.5
                model.set_weights([2 * weight for weight in model.get_weights()])

        return train(lambda: model, callbacks=[LambdaCallback(on_epoch_begin=change)])

    *ours, count = run(trained)
    *theirs, _ = run(plainly)
    assert ours == theirs and count == 3 * 11
    assert ours[0] != trained(PLANNED["lstm"])[0]


def test_gradients_that_are_too_large_are_found_at_their_step() -> None:
    from scratchnn.training.progress import NonFiniteError

    def failure(train: Callable[..., Any]) -> str:
        with pytest.raises(NonFiniteError) as error:
            train(PLANNED["ff"], optimizer=SGD(1e30))
        return str(error.value)

    assert failure(trained) == failure(plainly)


class OwnFlatten(layers.Flatten):
    """Whatever it does, no plan knows of it."""


def masked() -> list[layers.Layer]:
    return [layers.Embedding(V, 17, mask_zero=True), layers.LSTM(5), layers.Dense(1, activation="sigmoid")]


HEARS = LambdaCallback(on_train_batch_end=lambda batch, logs: None)
UNPLANNED: dict[str, tuple[Callable[[], list[layers.Layer]], dict[str, Any]]] = {
    "a mask": (masked, {}),
    "a layer of the user's own": (lambda: head(OwnFlatten()), {}),
    "array code": (lambda: head(layers.Flatten(), layers.Dense(3, "tanh")), {}),
    "padding": (lambda: head(layers.Conv1D(4, 3, padding="same"), layers.Flatten()), {}),
    "stateful": (lambda: head(layers.LSTM(4, stateful=True)), {"shuffle": False}),
    "backwards": (lambda: head(layers.GRU(4, go_backwards=True)), {}),
    "sample weights": (PLANNED["ff"], {"sample_weight": np.linspace(0, 1, len(x))}),
    "smoothed labels": (PLANNED["ff"], {"loss": losses.BinaryCrossentropy(label_smoothing=0.1)}),
    "another loss": (PLANNED["ff"], {"loss": "mse"}),
    "a callback at each step": (PLANNED["ff"], {"callbacks": [HEARS]}),
    "a penalty": (
        lambda: head(layers.Flatten(), layers.Dense(3, kernel_regularizer=regularizers.L2(0.1))), {},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", UNPLANNED)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_what_cannot_be_planned_takes_the_loop(name: str) -> None:
    make, options = UNPLANNED[name]
    *ours, count = trained(make, **options)
    *theirs, _ = plainly(make, **options)
    assert ours == theirs and count == 0


def test_other_backends_have_no_plan() -> None:
    def run(train: Callable[..., Any]) -> Any:
        return train(lambda: Sequential(PLANNED["ff"](), backend="reference", seed=3))

    assert run(trained)[2] == 0
