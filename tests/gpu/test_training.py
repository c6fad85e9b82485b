"""Training on backend="gpu", emulated: the same numbers as the reference, without ever waiting for the device."""

from typing import Any

import numpy as np
import pytest

from scratchnn import Sequential, optimizers
from scratchnn.experiments.preparation import warm_up
from scratchnn.experiments.presets import PRESETS
from scratchnn.layers import LSTM, Dense, Embedding
from scratchnn.training import ahead
from tests.gpu.device_arrays import counts
from tests.gpu.emulator import Emulator
from tests.gpu.training import DROPPED, IDS, LABELS, SMALL, assert_ten_steps_agree, everything_of, small_model
from tests.parity.training_cases import TrainingCase

pytestmark = pytest.mark.usefixtures("emulator")


# ---- the same numbers


@pytest.mark.parametrize("case", [*SMALL, DROPPED], ids=lambda case: case.name)
def test_ten_steps(case: TrainingCase, emulator: Emulator) -> None:
    assert_ten_steps_agree(case)
    rules = {"SGD": "sgd", "RMSprop": "rmsprop", "Adam": "adam"}
    assert emulator.launched.count(rules[case.optimizer.layer]) == case.steps


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_trains_as_on_the_reference(name: str) -> None:
    length = 100 if name.startswith("cnn") else 12
    assert_trains_as_on_the_reference(name, 60, (18, length), 6, outputs=1e-3)


@pytest.mark.long
@pytest.mark.parametrize("name", ["ff", "rnn", "lstm", "cnn"])
def test_a_published_model_of_full_size_trains_as_on_the_reference(name: str) -> None:
    # Adam divides each gradient by its own size, so rounding grows with every step: 0.0019 after these 50, at most.
    assert_trains_as_on_the_reference(name, 1000, (1200, 100), 32, outputs=5e-3)


def assert_trains_as_on_the_reference(
    name: str, vocabulary: int, shape: tuple[int, int], batch_size: int, outputs: float
) -> None:
    x = np.random.default_rng(1).integers(0, vocabulary, shape)
    y = (x > vocabulary // 2).mean(axis=1) > 0.5
    histories, predictions = [], []
    for backend in ("reference", "gpu"):
        model = Sequential(PRESETS[name].layers(vocabulary), backend=backend, seed=3)
        model.compile("adam", "binary_crossentropy", ["accuracy"])
        history = model.fit(x, y, batch_size, epochs=2, validation_split=0.34, verbose=0)
        histories.append(history.history)
        predictions.append(model.predict(x))
    assert histories[1].keys() == histories[0].keys()
    for key, values in histories[0].items():
        np.testing.assert_allclose(histories[1][key], values, rtol=1e-4, atol=1e-5, err_msg=key)
    np.testing.assert_allclose(predictions[1], predictions[0], rtol=outputs, atol=1e-4)


@pytest.mark.parametrize(
    "compiled",
    [
        {"optimizer": optimizers.SGD(0.1, momentum=0.9, nesterov=True, global_clipnorm=0.05)},
        {"optimizer": optimizers.RMSprop(centered=True, clipnorm=0.01), "metrics": ["mae", "mse"]},
        {"optimizer": optimizers.AdamW(clipvalue=1e-4), "loss": "mse", "metrics": None},
    ],
    ids=["sgd", "rmsprop", "adamw"],
)
def test_clipping_decay_losses_and_metrics(compiled: dict[str, Any]) -> None:
    records = []
    for backend in ("reference", "gpu"):
        optimizer = optimizers.get(compiled["optimizer"].get_config())
        model = small_model(backend, **compiled | {"optimizer": optimizer})
        records.append(model.fit(IDS, LABELS, 8, epochs=2, verbose=0).history)
    for key, values in records[0].items():
        np.testing.assert_allclose(records[1][key], values, rtol=1e-4, err_msg=key)


@pytest.mark.parametrize("loss", ["categorical_crossentropy", "sparse_categorical_crossentropy"])
@pytest.mark.parametrize("from_logits", [False, True])
def test_classes(loss: str, from_logits: bool) -> None:
    classes = IDS[:, 0] % 3
    target = classes if loss.startswith("sparse") else np.eye(3)[classes]
    results = []
    for backend in ("reference", "gpu"):
        model = Sequential(
            [Embedding(20, 4), LSTM(5), Dense(3, None if from_logits else "softmax")], backend=backend, seed=0
        )
        model.compile("adam", {"name": loss, "from_logits": from_logits}, ["accuracy"])
        history = model.fit(IDS, target, 8, epochs=2, verbose=0).history
        results.append([*history["loss"], *history["accuracy"]])
    np.testing.assert_allclose(results[1], results[0], rtol=1e-4)


def test_repeated_runs_are_equal_to_the_bit() -> None:
    first, again = small_model(), small_model()
    histories = [model.fit(IDS, LABELS, 8, epochs=2, verbose=0).history for model in (first, again)]
    assert histories[0] == histories[1]
    assert everything_of(first) == everything_of(again)


# ---- without waiting


def transfers(steps: int) -> tuple[int, int]:
    """How often an epoch of so many steps waits for the device, and how often it sends something."""
    model = small_model()
    x, y = np.resize(IDS, (2 * steps, 6)), np.resize(LABELS, 2 * steps)
    model.fit(x, y, 2, verbose=0)
    counts.clear()
    model.fit(x, y, 2, verbose=0)
    return counts["read"], counts["sent"]


def test_an_epoch_waits_for_the_device_when_it_is_over_and_not_before() -> None:
    assert transfers(10) == transfers(40)
    assert max(transfers(10)) < 8


@pytest.mark.parametrize("limit", [("STEPS_AHEAD", 10), ("MOST_NUMBERS_AHEAD", 19)], ids=lambda limit: limit[0])
def test_steps_run_so_far_ahead_and_no_farther(limit: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty steps of two outputs each: read after every ten; once, what the metric and the norms of all come to."""
    read_once, _ = transfers(10)
    at_the_end, _ = transfers(40)
    monkeypatch.setattr(ahead, *limit)
    read_four_times, _ = transfers(40)
    assert read_once == at_the_end
    assert read_four_times == 4 * (read_once - 2) + 2


def test_a_step_takes_few_launches(emulator: Emulator) -> None:
    """Ours and CuPy's together. Each costs Python some 5 to 10 us, which is what a small model's speed is made of."""
    model = Sequential(PRESETS["lstm"].layers(20), backend="gpu", seed=0)
    model.compile("adam", "binary_crossentropy", ["accuracy"])
    epochs = []
    for n in (20, 40):  # more than eight steps: CuPy joins fewer outputs one by one
        model.fit(IDS[:n], LABELS[:n], 2, verbose=0)
        counts.clear()
        emulator.launched.clear()
        model.fit(IDS[:n], LABELS[:n], 2, verbose=0)
        epochs.append(counts["operations"] + len(emulator.launched))
    assert (epochs[1] - epochs[0]) / 10 == 33  # docs/gpu.md says so, too


def test_warming_up_compiles_all_and_changes_nothing(emulator: Emulator) -> None:
    model = small_model()
    model.ready_optimizer()
    before = everything_of(model)
    warm_up(model, IDS[:8])
    warmed = set(emulator.launched)
    assert everything_of(model) == before
    model.fit(IDS, LABELS, 8, verbose=0)
    assert set(emulator.launched) == warmed
