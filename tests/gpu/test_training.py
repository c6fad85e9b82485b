"""Training on backend="gpu", emulated: the same numbers as the reference, without ever waiting for the device."""

import signal
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratchnn import Sequential, epoch, load_model, optimizers, train
from scratchnn.architectures import ARCHITECTURES
from scratchnn.callbacks import Callback
from scratchnn.layers import LSTM, Dense, Dropout, Embedding
from scratchnn.loading import load_checkpoint
from scratchnn.preparation import warm_up
from scratchnn.progress import NonFiniteError, Progress
from scratchnn.saving import save_checkpoint
from tests.gpu.device_arrays import counts
from tests.gpu.emulator import Emulator
from tests.gpu.training import DROPPED, SMALL, assert_ten_steps_agree
from tests.parity.training_cases import TrainingCase
from tests.test_train import write_data

pytestmark = pytest.mark.usefixtures("emulator")
RNG = np.random.default_rng(0)
IDS = RNG.integers(0, 20, (42, 6))
LABELS = (IDS[:, 0] > 9).astype(int)


def small_model(backend: str = "gpu", **compiled: Any) -> Sequential:
    layers = [Embedding(20, 4), LSTM(5), Dense(4, "relu"), Dropout(0.2), Dense(1, "sigmoid")]
    model = Sequential(layers, backend=backend, seed=1)
    model.build((None, 6))
    model.compile(**{"optimizer": "adam", "loss": "binary_crossentropy", "metrics": ["accuracy"], **compiled})
    return model


def everything_of(model: Sequential) -> list[bytes]:
    """Parameters, slots and count of steps, to the bit."""
    assert model.optimizer is not None
    return [array.tobytes() for array in [*model.get_weights(), *model.optimizer.state().values()]]


# ---- the same numbers


@pytest.mark.parametrize("case", [*SMALL, DROPPED], ids=lambda case: case.name)
def test_ten_steps(case: TrainingCase, emulator: Emulator) -> None:
    assert_ten_steps_agree(case)
    rules = {"SGD": "sgd", "RMSprop": "rmsprop", "Adam": "adam"}
    assert emulator.launched.count(rules[case.optimizer.layer]) == case.steps


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_trains_as_on_the_reference(name: str) -> None:
    length = 100 if name.startswith("cnn") else 12
    x = np.random.default_rng(1).integers(0, 60, (18, length))
    y = (x > 30).mean(axis=1) > 0.5
    histories, outputs = [], []
    for backend in ("reference", "gpu"):
        model = Sequential(ARCHITECTURES[name].layers(60), backend=backend, seed=3)
        model.compile("adam", "binary_crossentropy", ["accuracy"])
        history = model.fit(x, y, batch_size=6, epochs=2, validation_split=0.34, verbose=0)
        histories.append(history.history)
        outputs.append(model.predict(x))
    assert histories[1].keys() == histories[0].keys()
    for key, values in histories[0].items():
        np.testing.assert_allclose(histories[1][key], values, rtol=1e-4, atol=1e-5, err_msg=key)
    np.testing.assert_allclose(outputs[1], outputs[0], rtol=1e-3, atol=1e-4)


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
        model = Sequential([Embedding(20, 4), LSTM(5), Dense(3, None if from_logits else "softmax")], backend=backend)
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
    """Forty steps of two outputs each: a look after every ten."""
    one_look, _ = transfers(10)
    at_the_end, _ = transfers(40)
    monkeypatch.setattr(epoch, *limit)
    four_looks, _ = transfers(40)
    assert one_look == at_the_end
    assert four_looks == 4 * one_look


def test_a_step_takes_few_launches(emulator: Emulator) -> None:
    """Ours and CuPy's together. Each costs Python some 5 to 10 us, which is what a small model's speed is made of."""
    model = Sequential(ARCHITECTURES["lstm"].layers(20), backend="gpu", seed=0)
    model.compile("adam", "binary_crossentropy", ["accuracy"])
    epochs = []
    for n in (20, 40):  # more than eight steps: CuPy joins fewer outputs one by one
        model.fit(IDS[:n], LABELS[:n], 2, verbose=0)
        counts.clear()
        emulator.launched.clear()
        model.fit(IDS[:n], LABELS[:n], 2, verbose=0)
        epochs.append(counts["operations"] + len(emulator.launched))
    assert (epochs[1] - epochs[0]) / 10 == 32  # docs/gpu.md says so, too


def test_warming_up_compiles_all_and_changes_nothing(emulator: Emulator) -> None:
    model = small_model()
    model.ready_optimizer()
    before = everything_of(model)
    warm_up(model, IDS[:8])
    warmed = set(emulator.launched)
    assert everything_of(model) == before
    model.fit(IDS, LABELS, 8, verbose=0)
    assert set(emulator.launched) == warmed


# ---- when a number is none


def model_of_numbers() -> Sequential:
    model = Sequential([Dense(4, "tanh", name="first"), Dense(1, name="last")], backend="gpu", seed=0)
    model.build((None, 3))
    model.compile("adam", "mse")
    return model


class Watching(Callback):
    """Makes `fit` look at every step."""

    def on_batch_end(self, batch: int, logs: Any = None) -> None:
        assert logs is not None
        assert np.isfinite(logs["loss"])


def fail(x: np.ndarray, y: np.ndarray, callbacks: list[Callback]) -> tuple[str, list[bytes], Progress]:
    model, progress = model_of_numbers(), Progress()
    with pytest.raises(NonFiniteError) as caught, np.errstate(all="ignore"):
        model.fit(x, y, 2, epochs=3, verbose=0, shuffle=False, callbacks=callbacks, progress=progress)
    return str(caught.value), everything_of(model), progress


def test_running_ahead_ends_where_looking_at_every_step_ends() -> None:
    x, y = RNG.normal(size=(20, 3)), RNG.normal(size=20)
    y[13] = 1e30  # its square is no float32
    (told, left, stands), (watched, expected, there) = fail(x, y, []), fail(x, y, [Watching()])
    assert "the loss is inf at step 7 of epoch 1" in told
    assert "it is the loss itself" in told
    assert told == watched
    assert left == expected
    assert (stands.step, stands.seen, stands.totals) == (there.step, there.seen, there.totals) == (6, 12, stands.totals)


def test_a_last_step_into_infinity_is_an_error_too() -> None:
    model = Sequential([Dense(1)], backend="gpu", seed=0)
    model.build((None, 3))
    model.compile(optimizers.SGD(1e38), "mse")
    before = model.get_weights()
    with np.errstate(all="ignore"), pytest.raises(NonFiniteError, match="step 1 of epoch 1 would make parameters inf"):
        model.fit(np.full((4, 3), 100.0), np.arange(4.0), verbose=0)
    np.testing.assert_equal(model.get_weights(), before)


@pytest.mark.parametrize("step", [0, 2])
def test_an_error_of_another_kind_leaves_model_and_progress_in_step(
    step: int, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, progress = small_model(), Progress()
    model.fit(IDS, LABELS, 8, verbose=0, progress=progress)
    before = everything_of(model)
    launch = emulator.launch

    def full(file: str, kernel: str, *arguments: Any) -> None:
        if kernel == "adam" and emulator.launched.count("adam") == 6 + step:
            raise MemoryError("full")
        launch(file, kernel, *arguments)

    monkeypatch.setattr(emulator, "launch", full)
    with pytest.raises(MemoryError, match="full"):
        model.fit(IDS, LABELS, 8, epochs=2, verbose=0, progress=progress)
    assert (progress.epoch, progress.step) == (1, 0)
    assert everything_of(model) == before


# ---- stopping, and going on


class StoppingAtOnce(Callback):
    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.model.stop_training = True


def test_who_stops_before_a_look_stops_after_a_step_that_counts() -> None:
    ends = []
    for callbacks in ([StoppingAtOnce(), Watching()], [StoppingAtOnce()]):
        model = small_model()
        history = model.fit(IDS, LABELS, 8, epochs=2, verbose=0, callbacks=callbacks)
        assert model.optimizer is not None and model.optimizer.iterations == 1
        ends.append((history.history, everything_of(model)))
    assert ends[0] == ends[1]


class Stopping(optimizers.SGD):
    """Ctrl-C in the middle of step 4."""

    def update(self, w: Any, g: Any) -> None:
        super().update(w, g)
        if self.iterations == 3:
            signal.raise_signal(signal.SIGINT)


def test_an_interrupted_run_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    whole = small_model(optimizer="sgd")
    history = whole.fit(IDS, LABELS, 8, epochs=2, verbose=0)
    model, progress = small_model(optimizer=Stopping()), Progress()
    with pytest.raises(KeyboardInterrupt):
        model.fit(IDS, LABELS, 8, epochs=2, verbose=0, progress=progress)
    assert progress.step == 4
    save_checkpoint(model, progress, tmp_path / "checkpoint.npz")
    again, progress = load_checkpoint(tmp_path / "checkpoint.npz")
    assert again.backend.name == "gpu"
    resumed = again.fit(IDS, LABELS, 8, epochs=2, verbose=0, progress=progress)
    assert everything_of(again) == everything_of(whole)
    assert resumed.history["accuracy"] == history.history["accuracy"]
    assert resumed.history["loss"] == history.history["loss"]


def test_a_model_of_the_gpu_is_used_on_the_cpu(tmp_path: Path) -> None:
    model = small_model()
    model.fit(IDS, LABELS, 8, verbose=0)
    model.save(tmp_path / "model.npz")
    on_cpu = load_model(tmp_path / "model.npz", backend="cpu")
    np.testing.assert_allclose(on_cpu.predict(IDS), model.predict(IDS), rtol=1e-4, atol=1e-6)


@pytest.mark.filterwarnings("ignore::scratchnn.data.DataWarning")
def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = write_data(tmp_path / "data")
    sizes = ["--arch", "lstm", "--data", str(data), "--vocabulary", "50", "--length", "8", "--batch-size", "64"]
    rows = {}
    for backend in ("cpu", "gpu"):
        out = tmp_path / backend
        assert train.main([*sizes, "--epochs", "1", "--backend", backend, "--out", str(out)]) == 0
        (folder,) = out.iterdir()
        assert train.main(["--resume", str(folder), "--data", str(data), "--epochs", "2"]) == 0
        metrics = (folder / "metrics.csv").read_text().splitlines()
        rows[backend] = [[float(number) for number in line.split(",")[:6]] for line in metrics[1:]]
    assert "machine  backend gpu, an emulated GPU" in capsys.readouterr().out
    assert tomllib.loads((folder / "config.toml").read_text())["device"] == "an emulated GPU"
    np.testing.assert_allclose(rows["gpu"], rows["cpu"], rtol=1e-3)


# ---- too little memory


def test_a_layer_that_does_not_fit_says_what_it_needs(emulator: Emulator) -> None:
    emulator.memory = 10_000
    with pytest.raises(MemoryError, match=r"Embedding .*: 40,000 parameters and gradients needs 0.3 MB of the GPU's"):
        Sequential([Embedding(1000, 40), Dense(1)], backend="gpu").build((None, 5))


def test_an_optimizer_that_does_not_fit_says_what_it_needs(emulator: Emulator) -> None:
    model = small_model()
    emulator.memory = 1000
    with pytest.raises(MemoryError, match=r"the optimizer adam for \d+ parameters needs 0.0 MB of the GPU's memory"):
        model.ready_optimizer()
