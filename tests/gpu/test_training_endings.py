"""How training on backend="gpu", emulated, ends early and goes on: numbers that are none, Ctrl-C, memory, files."""

import signal
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratchnn import Sequential, load_model, optimizers, train
from scratchnn.callbacks import Callback
from scratchnn.layers import Dense, Embedding
from scratchnn.models.checkpoint import load_checkpoint, save_checkpoint
from scratchnn.training.progress import NonFiniteError, Progress
from tests.commands.test_train import write_data
from tests.gpu.emulator import Emulator
from tests.gpu.training import IDS, LABELS, everything_of, small_model

pytestmark = pytest.mark.usefixtures("emulator")
RNG = np.random.default_rng(0)


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
    assert (stands.step, stands.seen) == (there.step, there.seen) == (6, 12)
    assert (stands.loss, stands.gradient_norm, stands.counts) == (there.loss, there.gradient_norm, there.counts)


def test_a_last_step_into_infinity_is_an_error_too() -> None:
    model = Sequential([Dense(1)], backend="gpu", seed=0)
    model.build((None, 3))
    model.compile(optimizers.SGD(1e38), "mse")
    before = model.get_weights()
    with np.errstate(all="ignore"), pytest.raises(NonFiniteError, match="step 1 of epoch 1 would bring parameter W of"):
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
    """Ctrl-C in the middle of step 4. It counts as one of ours, whose steps run ahead, and comes back as SGD."""

    __module__ = optimizers.__name__

    def update(self, w: Any, g: Any) -> None:
        super().update(w, g)
        if self.iterations == 3:
            signal.raise_signal(signal.SIGINT)


@pytest.mark.usefixtures("ctrl_c_interrupts")
def test_an_interrupted_run_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    whole = small_model(optimizer="sgd")
    history = whole.fit(IDS, LABELS, 8, epochs=2, verbose=0)
    model, progress = small_model(optimizer=Stopping()), Progress()
    with pytest.raises(KeyboardInterrupt):
        model.fit(IDS, LABELS, 8, epochs=2, verbose=0, progress=progress)
    assert progress.step == 4
    save_checkpoint(model, progress, tmp_path / "checkpoint.npz")
    again, progress = load_checkpoint(tmp_path / "checkpoint.npz", custom_objects={"Stopping": Stopping})
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
