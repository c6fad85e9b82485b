"""What `fit` says of layers that have died, are saturated or have exploded; and what it must leave as it is."""

import io
import threading
from typing import Any

import numpy as np
import pytest

from scratchnn import Sequential
from scratchnn.callbacks import Callback
from scratchnn.experiments.presets import PRESETS
from scratchnn.layers import (
    GRU,
    LSTM,
    Activation,
    Bidirectional,
    Conv1D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalMaxPooling1D,
    Layer,
    ReLU,
    SimpleRNN,
    TimeDistributed,
)
from scratchnn.optimizers import SGD, Adam, Optimizer
from scratchnn.report.console import Console
from scratchnn.training import health
from scratchnn.training.progress import NonFiniteError, Progress

RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 6, 3)).astype(np.float32)
Y = (X.sum(axis=(1, 2)) > 0).astype(np.float32)


def model_of(*layers: Layer, optimizer: Any = "sgd", loss: str = "binary_crossentropy", x: Any = X) -> Sequential:
    model = Sequential([*layers, Dense(1, "sigmoid", name="head")], backend="reference", seed=0)
    model.compile(optimizer, loss)
    model.build((None, *x.shape[1:]))
    return model


def found(model: Sequential, x: Any = X, y: Any = Y, **settings: Any) -> set[tuple[str, str]]:
    history = model.fit(x, y, 12, verbose=0, **settings)
    return {(each["kind"], each["layer"]) for each in history.findings}


def fill(model: Sequential, layer: str, name: str, number: float) -> None:
    model.get_layer(layer).params[name][...] = number


@pytest.mark.parametrize(
    "layers",
    [
        [Flatten(), Dense(8, "relu")],
        [Conv1D(4, 3, activation="relu"), GlobalMaxPooling1D()],
        [LSTM(4), Dropout(0.5)],
        [Bidirectional(GRU(4, return_sequences=True)), SimpleRNN(5)],
        [LSTM(3, stateful=True)],
    ],
)
def test_nothing_is_found_in_a_network_that_learns(layers: list[Layer]) -> None:
    layers = [layer.clone() for layer in layers]
    assert found(model_of(*layers, optimizer=Adam(0.01)), epochs=3, shuffle=not hasattr(layers[0], "stateful")) == set()


@pytest.mark.parametrize(
    "layers",
    [
        [Flatten(), Dense(8, "relu", name="it")],
        [Flatten(), Dense(8, name="it"), ReLU(name="then")],
        [Flatten(), Dense(8, name="it"), Activation("relu", name="then")],
        [TimeDistributed(Dense(8, "relu"), name="it"), Flatten()],
    ],
)
def test_dead_units(layers: list[Layer]) -> None:
    model = model_of(*[layer.clone() for layer in layers])
    fill(model, "it", "b", -1000.0)
    relu = layers[-1].name if layers[-1].name == "then" else "it"
    assert {("dead units", relu), ("no gradient", "it"), ("constant output", "head")} <= found(model)


def test_a_few_dead_units_are_no_finding() -> None:
    model = model_of(Flatten(), Dense(8, "relu", name="it"))
    model.get_layer("it").params["b"][:3] = -50.0
    assert found(model) == set()


def test_saturated_outputs() -> None:
    model = model_of(SimpleRNN(4, name="it"))
    fill(model, "it", "b", 30.0)
    assert ("saturated outputs", "it") in found(model)
    model = model_of(Flatten(), Dense(4, "sigmoid", name="it"))
    fill(model, "it", "b", -30.0)
    assert ("saturated outputs", "it") in found(model)


def test_a_joined_activation_at_the_end_may_be_saturated() -> None:
    """The loss goes around it, so the gradient passes; through a Dropout after it, it does not."""
    model = model_of(Flatten())
    fill(model, "head", "b", 30.0)
    assert found(model) == set()
    model = model_of(Flatten(), loss="mse")
    fill(model, "head", "b", 30.0)
    assert ("saturated outputs", "head") in found(model)


def test_stuck_gates_are_named() -> None:
    model = model_of(LSTM(2, name="it"))
    model.get_layer("it").params["b"][...] = [0, 0, -50, -50, 0, 0, 50, 50]  # f shut, o open
    history = model.fit(X, Y, verbose=0)
    (told,) = [each["words"] for each in history.findings if each["kind"] == "stuck gates"]
    assert told == "LSTM 'it' (100% of f, 100% of o)"
    model = model_of(Bidirectional(GRU(2), name="it"))
    fill(model, "it", "backward.bx", 50.0)
    assert ("stuck gates", "it") in found(model)


def test_exploding_gradient_and_weights() -> None:
    model = model_of(SimpleRNN(4, "linear", return_sequences=True, name="it"), Flatten(), optimizer=SGD(1e-9))
    model.get_layer("it").params["Wh"][...] = 30 * np.eye(4)
    assert {kind for kind, _ in found(model)} == {"exploding gradient"}
    assert ("exploding gradient", "it") in found(model)
    fill(model, "head", "W", 200.0)
    assert ("exploding weights", "head") in found(model)


def test_a_solved_task_is_no_finding() -> None:
    model = model_of(Flatten())
    fill(model, "head", "W", 0.0)
    fill(model, "head", "b", 80.0)
    assert found(model, y=np.ones(24)) == set()


def test_a_finding_is_told_once_and_stays_in_the_history_of_a_run_that_goes_on() -> None:
    model, progress, out = model_of(Flatten(), Dense(8, "relu", name="it")), Progress(), io.StringIO()
    fill(model, "it", "b", -1000.0)
    console = Console(out, io.StringIO())
    first = model.fit(X, Y, progress=progress, console=console)
    assert {each["epoch"] for each in first.findings} == {1}
    assert out.getvalue().count("dead units: Dense 'it' (8 of 8). Units that give 0 for every example pass no\n") == 1
    second = model.fit(X, Y, epochs=3, progress=progress, console=console)
    assert second.findings == first.findings
    assert out.getvalue().count("dead units") == 1
    assert max(map(len, out.getvalue().splitlines())) <= 80


def test_it_looks_every_so_many_steps_and_when_training_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    monkeypatch.setattr(health, "LOOK_EVERY", 5)
    monkeypatch.setattr(health.Health, "look", lambda self: looked.append(self._progress.epoch + 1) or [])
    model_of(Flatten()).fit(X, Y, 12, 6, verbose=0)  # two steps an epoch
    assert looked == [3, 5, 6]


@pytest.mark.parametrize("layer", [LSTM(4, dropout=0.2, stateful=True), GRU(4, recurrent_dropout=0.2), Dropout(0.5)])
def test_looking_changes_nothing(layer: Layer, monkeypatch: pytest.MonkeyPatch) -> None:
    def trained() -> bytes:
        model = model_of(layer.clone(), Flatten(), optimizer="adam")
        model.fit(X, Y, 12, 3, verbose=0, shuffle=False)
        states = [state.tobytes() for each in model.states.values() if each for state in each]
        return b"".join([*(weight.tobytes() for weight in model.get_weights()), *states])

    monkeypatch.setattr(health, "LOOK_EVERY", 1)
    looked_at = trained()
    monkeypatch.setattr(health.Health, "look", lambda self: [])
    assert trained() == looked_at


def test_layers_of_the_users_own_are_not_called_once_more() -> None:
    class Counting(Flatten):
        calls = 0

        def forward(self, x: Any, *, mask: Any = None, training: bool = False, rng: Any = None) -> Any:
            Counting.calls += training
            return super().forward(x, mask=mask, training=training, rng=rng)

    model = model_of(Counting())
    fill(model, "head", "W", 200.0)
    assert found(model) == {("exploding weights", "head")}  # which is seen without
    assert Counting.calls == 2  # steps


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_ends_with_a_word_about_what_died(name: str) -> None:
    x, y = RNG.integers(1, 50, (40, 50)), RNG.integers(0, 2, 40)
    for optimizer in (Adam(1000), SGD(1e30)):
        model = Sequential(PRESETS[name].layers(50), backend="reference", seed=0)
        model.compile(optimizer, "binary_crossentropy")
        model.build((None, 50))
        try:
            assert model.fit(x, y, 20, epochs=2, verbose=0).findings
        except NonFiniteError as error:
            assert any(f"of {layer.label}" in str(error) for layer in model.layers)


# ---- the optimizer's own numbers


class Cubing(Optimizer):
    """Keeps g³ a thousand times over: it overflows where g does not."""

    name = "cubing"

    @property
    def slot_names(self) -> tuple[str, ...]:
        return ("cubes",)

    def update(self, w: Any, g: Any) -> None:
        self.slots["cubes"] += g**3 * np.float32(1e30)
        w -= np.float32(0.01) * g


def test_an_overflow_in_what_a_rule_keeps_is_refused_at_that_step() -> None:
    model = model_of(Flatten(), optimizer=Cubing())
    start, steps = [weight.tobytes() for weight in model.get_weights()], (1e-3 * X, Y)
    model.fit(*steps, verbose=0)
    assert start != (before := [weight.tobytes() for weight in model.get_weights()])
    with pytest.raises(
        NonFiniteError, match=r"step 1 of epoch 1 would make 'cubes' of the optimizer cubing NaN or .*W of"
    ):
        model.fit(1e6 * X, 1 - Y, verbose=0)
    assert [weight.tobytes() for weight in model.get_weights()] == before
    assert np.isfinite(model.optimizer.slots["cubes"]).all()


@pytest.mark.parametrize("optimizer", ["adam", "rmsprop", "adagrad"])
def test_a_gradient_whose_square_overflows_is_refused_at_that_step(optimizer: str) -> None:
    model = model_of(Flatten(), optimizer=optimizer, loss="mse")
    model.layers[-1].params["W"][...] = 0
    with pytest.raises(NonFiniteError, match=r"step 1 of epoch 1.* of Dense 'head'"):
        model.fit(1e25 * X, 1e5 * Y, verbose=0)


# ---- one training at a time


def test_two_threads_cannot_train_one_model() -> None:
    told: list[BaseException] = []

    class Other(Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            for method in (model.fit, model.train_on_batch):
                thread = threading.Thread(target=self.call, args=(method,))
                thread.start()
                thread.join()

        def call(self, method: Any) -> None:
            try:
                method(X, Y)
            except RuntimeError as error:
                told.append(error)

    model = model_of(Flatten())
    model.fit(X, Y, verbose=0, callbacks=Other())
    assert [str(error).split(".")[0] for error in told] == [
        "fit was called while another thread trains this model",
        "train_on_batch was called while another thread trains this model",
    ]
    model.fit(X, Y, verbose=0)  # and afterwards it can be trained


def test_a_model_can_be_trained_again_after_an_error_and_by_its_own_callback() -> None:
    class Within(Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            model.fit(X, Y, verbose=0)

    model = model_of(Flatten())
    with pytest.raises(ValueError, match="epochs"):
        model.fit(X, Y, epochs=0)
    model.fit(X, Y, verbose=0, callbacks=Within())


def test_embedded_ids_have_findings_too() -> None:
    ids = RNG.integers(1, 9, (24, 6))
    model = model_of(Embedding(9, 3, name="it"), LSTM(3), x=ids)
    fill(model, "it", "E", 500.0)
    assert ("exploding weights", "it") in found(model, ids)
