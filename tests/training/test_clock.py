"""A model counts its epochs and steps over all calls, so that no order and no dropout mask comes twice."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratchnn import Sequential, load_model
from scratchnn.callbacks import Callback, EarlyStopping, ModelCheckpoint
from scratchnn.layers import GRU, LSTM, Dense, Dropout, Embedding, Flatten
from scratchnn.optimizers import SGD
from scratchnn.training.progress import Clock, Progress

IDS = np.random.default_rng(0).integers(0, 20, (26, 6))
LABELS = np.arange(26) % 2

LAYERS: dict[str, Callable[[], list[Any]]] = {
    "order alone": lambda: [Embedding(20, 4), Flatten(), Dense(1, "sigmoid")],
    "dropout": lambda: [Embedding(20, 4), Flatten(), Dropout(0.5), Dense(1, "sigmoid")],
    "recurrent dropout": lambda: [
        Embedding(20, 4, mask_zero=True),
        LSTM(3, dropout=0.2, recurrent_dropout=0.2, return_sequences=True),
        GRU(2, recurrent_dropout=0.4),
        Dense(1, "sigmoid"),
    ],
}


def make(layers: str = "dropout", backend: str = "reference", seed: Any = 1) -> Sequential:
    model = Sequential(LAYERS[layers](), backend=backend, seed=seed)
    model.build((None, 6))
    model.compile("adam", "binary_crossentropy", ["accuracy"])
    return model


def fit(model: Any, epochs: int = 1, **settings: Any) -> list[float]:
    return model.fit(IDS, LABELS, 8, epochs, **({"verbose": 0} | settings)).history["loss"]


def bytes_of(model: Any) -> bytes:
    return model.flat_params.tobytes()


class Masks(Dropout):
    """Keeps what it drew."""

    def __init__(self, rate: float = 0.5, name: str | None = None) -> None:
        super().__init__(rate, name=name)
        self.drawn: list[bytes] = []

    def forward(self, x: Any, **options: Any) -> Any:
        y, mask = super().forward(x, **options)
        if mask is not None:
            self.drawn.append(mask.tobytes())
        return y, mask


def watched() -> tuple[Sequential, list[bytes]]:
    masks = Masks()
    model = Sequential([Embedding(20, 8), Flatten(), masks, Dense(1, "sigmoid")], backend="reference", seed=1)
    model.build((None, 6))
    model.compile("adam", "binary_crossentropy")
    return model, masks.drawn


# ---- several calls are one


@pytest.mark.parametrize("backend", ["reference", "cpu"])
@pytest.mark.parametrize("layers", LAYERS)
def test_six_calls_of_one_epoch_are_one_call_of_six(layers: str, backend: str) -> None:
    one, six = make(layers, backend), make(layers, backend)
    want = fit(one, 6)
    assert [loss for _ in range(6) for loss in fit(six)] == want
    assert bytes_of(six) == bytes_of(one) and six.clock == one.clock == Clock(6)


@pytest.mark.parametrize("parts", [(2, 3), (1, 4), (4, 1), (1, 1, 3)])
@pytest.mark.parametrize("seed", [1, None])
def test_calls_of_some_epochs_are_one_call_of_their_sum(parts: tuple[int, ...], seed: Any) -> None:
    several = make(seed=seed)
    one = make(seed=several.seed)
    assert [loss for part in parts for loss in fit(several, part)] == fit(one, 5)


def test_with_initial_epoch_it_is_the_same() -> None:
    one, two = make(), make()
    assert fit(two, 2) + fit(two, 5, initial_epoch=2) == fit(one, 5)


@pytest.mark.parametrize(
    "between",
    [
        lambda model: model.compile(model.optimizer, "binary_crossentropy", ["accuracy"]),
        lambda model: model.set_weights(model.get_weights()),
        lambda model: model.evaluate(IDS, LABELS, verbose=0),
        lambda model: model.predict(IDS),
        lambda model: model.forward(model.check_input(IDS), training=True, epoch=7, step=3),
    ],
    ids=["compile", "set_weights", "evaluate", "predict", "forward"],
)
def test_what_does_not_train_does_not_count(between: Callable[[Any], Any]) -> None:
    one, two = make(), make()
    first = fit(two, 1)
    between(two)
    assert first + fit(two, 2) == fit(one, 3)


def test_a_model_compiled_anew_draws_anew() -> None:
    model, drawn = watched()
    for _ in range(3):
        model.compile("adam", "binary_crossentropy")
        model.train_on_batch(IDS, LABELS)
        fit(model)
    assert len(set(drawn)) == len(drawn) == 3 * (1 + 4)


def test_a_new_model_begins_with_the_first_epoch() -> None:
    fit(make())
    assert make().clock == Clock(0, 0)
    assert fit(make()) == fit(make())


# ---- what the user sees


def test_epochs_are_numbered_as_in_keras() -> None:
    """Keras 3.15.1: fit(epochs=2), then fit(epochs=5, initial_epoch=3): on_epoch_begin gets 0, 1, then 3, 4."""

    class Listener(Callback):
        def __init__(self) -> None:
            self.heard: list[int] = []

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.heard.append(epoch)

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.heard.append(epoch)

    model, listener = make(), Listener()
    histories = [
        model.fit(IDS, LABELS, epochs=epochs, initial_epoch=first, verbose=0, callbacks=[listener])
        for epochs, first in ((2, 0), (2, 0), (5, 3))
    ]
    assert [history.epoch for history in histories] == [[0, 1], [0, 1], [3, 4]]
    assert listener.heard == [0, 0, 1, 1, 0, 0, 1, 1, 3, 3, 4, 4]
    assert model.clock == Clock(5)  # as `initial_epoch` said


def test_initial_epoch_sets_the_count() -> None:
    ahead, behind = make(), make()
    fit(ahead, 4, initial_epoch=3)
    assert ahead.clock == Clock(4)
    fit(behind, 3)
    fit(behind, 2, initial_epoch=1)  # those of the second epoch, once more
    assert behind.clock == Clock(2)


# ---- steps


def test_no_two_steps_draw_one_mask() -> None:
    model, drawn = watched()
    for _ in range(3):
        model.train_on_batch(IDS, LABELS)
    assert model.clock == Clock(0, 3)
    fit(model, 2)
    for _ in range(2):
        model.train_on_batch(IDS, LABELS)
    fit(model)
    assert len(set(drawn)) == len(drawn) == 3 + 8 + 2 + 4


def test_train_on_batch_by_hand_is_not_bound_to_the_optimizer() -> None:
    model, drawn = watched()
    for _ in range(3):
        model.compile(SGD(0.1), "binary_crossentropy")  # whose iterations begin again
        model.train_on_batch(IDS, LABELS)
    assert len(set(drawn)) == 3


def test_a_step_from_a_callback_draws_a_mask_of_its_own() -> None:
    model, drawn = watched()

    class Meddler(Callback):
        def on_batch_end(self, batch: int, logs: Any = None) -> None:
            model.train_on_batch(IDS[:8], LABELS[:8])

    fit(model, 2, callbacks=[Meddler()])
    assert len(set(drawn)) == len(drawn) == 16


class Stop(Callback):
    def __init__(self, epoch: int, step: int) -> None:
        self.at, self.epoch = (epoch, step), 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.epoch = epoch

    def on_batch_end(self, batch: int, logs: Any = None) -> None:
        if (self.epoch, batch) == self.at:
            raise KeyboardInterrupt


@pytest.mark.parametrize("step", [0, 2, 3])
def test_after_an_interruption_nothing_is_drawn_again(step: int) -> None:
    model, drawn = watched()
    with pytest.raises(KeyboardInterrupt):
        fit(model, 3, callbacks=[Stop(1, step)])
    assert model.clock == Clock(1, step + 1)
    fit(model, 2)
    assert model.clock == Clock(4)
    assert len(set(drawn)) == len(drawn) == 4 + step + 1 + 8


@pytest.mark.parametrize("between", [0, 1, 5])
@pytest.mark.parametrize("step", [0, 2, 3])
def test_with_progress_the_epoch_goes_on(step: int, between: int) -> None:
    """To the same bits where nothing was done in between, and else in the same order with masks of its own."""
    (model, drawn), progress = watched(), Progress()
    whole, _ = watched()
    fit(whole, 3)
    with pytest.raises(KeyboardInterrupt):
        fit(model, 3, callbacks=[Stop(1, step)], progress=progress)
    for _ in range(between):
        model.train_on_batch(IDS, LABELS)
    fit(model, 3, progress=progress)
    assert len(set(drawn)) == len(drawn) == 12 + between
    assert (bytes_of(model) == bytes_of(whole)) == (between == 0)
    assert progress.order == 2


def test_another_fit_in_between_does_not_change_the_order_of_the_epoch() -> None:
    """Else the rest of the epoch would repeat some examples and skip others."""

    class Recording(Embedding):
        def forward(self, x: Any, **options: Any) -> Any:
            self.seen = [*getattr(self, "seen", []), *x[:, 0].tolist()] if options.get("training") else []
            return super().forward(x, **options)

    first = Recording(40, 4)
    model = Sequential([first, Flatten(), Dense(1, "sigmoid")], backend="reference", seed=1)
    model.build((None, 6))
    model.compile("adam", "binary_crossentropy")
    ids = np.repeat(np.arange(26)[:, None], 6, axis=1)
    progress = Progress()
    with pytest.raises(KeyboardInterrupt):
        model.fit(ids, LABELS, 8, 2, verbose=0, progress=progress, callbacks=[Stop(1, 1)])
    before = first.seen[26:]
    model.fit(ids, LABELS, 8, 2, verbose=0)
    first.seen = []
    model.fit(ids, LABELS, 8, 2, verbose=0, progress=progress)
    assert sorted(before + first.seen) == list(range(26))


def test_a_progress_without_its_model_still_draws_what_it_did() -> None:
    """A model that was made anew, with the weights that it had: it counts from where the progress stands."""
    whole, model, progress = make(), make(), Progress()
    fit(whole, 3)
    with pytest.raises(KeyboardInterrupt):
        fit(model, 3, callbacks=[Stop(1, 2)], progress=progress)
    again = make()
    again.set_weights(model.get_weights())
    again.ready_optimizer()
    assert again.optimizer is not None and model.optimizer is not None
    again.optimizer.load_state(model.optimizer.state())
    progress.order = None  # as in a checkpoint of an earlier version
    fit(again, 3, progress=progress)
    assert bytes_of(again) == bytes_of(whole)


def test_training_that_was_stopped_early_goes_on_with_the_next_epoch() -> None:
    model, drawn = watched()
    epochs = len(fit(model, 9, callbacks=[EarlyStopping(monitor="loss", patience=0, min_delta=10.0)]))
    assert 1 < epochs < 9
    fit(model, 2)
    assert len(set(drawn)) == len(drawn) == 4 * (epochs + 2)


# ---- files


def test_checkpoints_of_a_callback_go_on_as_if_nothing_had_happened(tmp_path: Path) -> None:
    model = make()
    history = fit(model, 4, callbacks=[ModelCheckpoint(tmp_path / "{epoch}.npz", monitor="loss")])
    for epoch in (1, 2, 3):
        for settings in ({"epochs": 4, "initial_epoch": epoch}, {"epochs": 4 - epoch}):
            loaded = load_model(tmp_path / f"{epoch}.npz")
            assert loaded.clock == Clock(epoch)
            assert fit(loaded, **settings) == history[epoch:]
            assert bytes_of(loaded) == bytes_of(model)


def test_a_model_saved_in_the_middle_of_an_epoch_draws_anew(tmp_path: Path) -> None:
    model, drawn = watched()
    for _ in range(3):
        model.train_on_batch(IDS, LABELS)
    with pytest.warns(UserWarning, match="Masks"):
        model.save(tmp_path / "model.npz")
    loaded = load_model(tmp_path / "model.npz", custom_objects={"Masks": Masks})
    assert loaded.clock == Clock(0, 3)
    assert loaded.train_on_batch(IDS, LABELS) == model.train_on_batch(IDS, LABELS)
    fit(model)
    assert fit(loaded) is not None
    masks: Any = loaded.layers[2]
    assert not set(masks.drawn) & set(drawn[:3]) and masks.drawn == drawn[3:]


def test_load_weights_keeps_the_count(tmp_path: Path) -> None:
    model, other = make(), make()
    fit(model, 3)
    model.save(tmp_path / "model.npz")
    fit(other, 1)
    other.load_weights(tmp_path / "model.npz")
    assert other.clock == Clock(1)
