"""A run keeps the model of its best epoch and may stop after it, wherever it is killed and resumed in between."""

import dataclasses
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratchnn import Sequential, load_model
from scratchnn.callbacks import EarlyStopping
from scratchnn.data import DataWarning
from scratchnn.experiments import run as experiment
from scratchnn.experiments.best import ends_early
from scratchnn.experiments.run import Run
from scratchnn.experiments.settings import Settings
from scratchnn.layers import Dense
from scratchnn.report.console import Console
from scratchnn.training.progress import Progress
from tests.commands.test_train import write_data

PATIENCE = 3
BETTER, BEST, LAST = [1, 3, 5], 5, 8  # epochs that lowered the validation loss; then three have not
SETTINGS = Settings(
    arch="ff", vocabulary=50, length=20, epochs=12, batch_size=8, learning_rate=0.1, seed=3, backend="reference",
    early_stop=PATIENCE,
)  # fmt: skip
QUIET = Console(quiet=True)


class Lines:
    """Standard output, kept."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None: ...

    def isatty(self) -> bool:
        return False

    def fileno(self) -> int:
        return -1


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with reviews, which are read once."""
    folder = tmp_path_factory.mktemp("runs")
    write_data(folder / "data")
    with pytest.warns(DataWarning, match="unknown content"):
        data = experiment.load_reviews(SETTINGS, str(folder / "data"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiment, "load_reviews", lambda *_: data)
        yield folder


def start(place: Path, **changes: Any) -> Run:
    return experiment.start(dataclasses.replace(SETTINGS, out=str(place), **changes), str(place / "data"))


def resume(run: Run, place: Path, *changes: int | None) -> Run:
    return experiment.resume(run.folder.path, str(place / "data"), *(changes or (None,)))


def left(run: Run) -> tuple[Any, ...]:
    """What a run leaves behind."""
    return (
        run.folder.best.read_bytes(), run.model.flat_params.tobytes(), run.progress.epoch,
        run.folder.history()["val_loss"], run.folder.history()["epoch"],
    )  # fmt: skip


@pytest.fixture(scope="module")
def whole(place: Path) -> tuple[Any, ...]:
    run = start(place)
    experiment.train(run, QUIET)
    return left(run)


def test_the_best_epoch_is_kept_and_training_stops_after_it(place: Path, whole: tuple[Any, ...]) -> None:
    val_loss = whole[3]
    assert [int(np.argmin(val_loss)) + 1, len(val_loss), whole[2]] == [BEST, LAST, LAST]
    assert val_loss[3] > val_loss[2] > val_loss[4]  # the waiting has begun anew
    run = start(place, epochs=BEST, early_stop=None)
    experiment.train(run, QUIET)
    run.folder.best.unlink()
    best = place / "copy.npz"
    best.write_bytes(whole[0])
    model = load_model(best)
    assert model.flat_params.tobytes() == run.model.flat_params.tobytes() != whole[1]
    assert model.clock == run.model.clock
    assert model.metadata["epoch"] == BEST
    assert model.metadata["val_loss"] == val_loss[BEST - 1]


@pytest.mark.parametrize("name", ["save_checkpoint", "save_best"])
def test_killed_anywhere_and_resumed(name: str, place: Path, whole: tuple[Any, ...]) -> None:
    """Killed before or after any of these calls, a run leaves the folder as it is then: it is resumed from copies."""
    function: Callable[..., Any] = getattr(experiment, name)
    copies: list[tuple[Path, int]] = []
    run = start(place)

    def copied(*args: Any) -> None:
        for act in (None, function):
            if act is not None:
                act(*args)
            epoch = run.progress.epoch
            if act is None and name == "save_checkpoint" and epoch not in (1, BEST, LAST):
                continue  # the folder as after the call before, but for a row of metrics.csv
            copies.append((place / f"{name}-{len(copies)}", epoch - (act is None and name != "save_best")))
            shutil.copytree(run.folder.path, copies[-1][0])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiment, name, copied)
        experiment.train(run, QUIET)
    assert {epoch for _, epoch in copies} == set(BETTER if name == "save_best" else range(LAST + 1))
    for folder, epoch in copies:
        again = experiment.resume(folder, str(place / "data"), None)
        assert again.progress.epoch == epoch
        experiment.train(again, QUIET)
        assert left(again) == whole, folder.name


def test_resuming_what_has_stopped_trains_nothing_unless_told(place: Path, whole: tuple[Any, ...]) -> None:
    run = start(place)
    experiment.train(run, QUIET)
    out = Lines()
    again = resume(run, place, 50)
    experiment.train(again, Console(out))
    assert out.text == (
        f"stopped early after epoch {LAST}: validation loss was lowest after epoch {BEST}; "
        f"a larger --early-stop than {PATIENCE} would train on\n"
    )
    assert left(again) == whole
    again = resume(run, place, 12, PATIENCE + 1)
    experiment.train(again, QUIET)
    never = start(place, early_stop=PATIENCE + 1)
    experiment.train(never, QUIET)
    assert again.progress.epoch == never.progress.epoch > LAST
    assert again.model.flat_params.tobytes() == never.model.flat_params.tobytes()


@pytest.fixture
def stopped(place: Path) -> Run:
    run = start(place)
    experiment.train(run, QUIET)
    return run


def finish(run: Run) -> list[str]:
    out = Lines()
    experiment.finish(run, Console(out))
    return out.text.splitlines()


NUMBERS = r"loss (\d\.\d{4})  accuracy (\d\.\d{4})  \[\d\.\d{4}, \d\.\d{4}\] 95%"


def test_both_are_tested_and_told(stopped: Run) -> None:
    weights, best = stopped.model.flat_params.tobytes(), stopped.folder.best.read_bytes()
    last, at_best, checksum, saved = finish(stopped)
    assert re.fullmatch(rf"test  epoch {LAST} \(last\)  {NUMBERS}", last)
    found = re.fullmatch(rf"test  epoch {BEST} \(best\)  {NUMBERS}  best: lowest validation loss", at_best)
    assert found
    assert checksum == f"weights {experiment.checksum(stopped.model)}"
    assert "model.npz, best.npz, metrics.csv" in saved
    assert stopped.model.flat_params.tobytes() == weights
    assert stopped.folder.best.read_bytes() == best
    data = stopped.data
    for path, line, epoch in ((stopped.folder.model, last, LAST), (stopped.folder.best, at_best, BEST)):
        model = load_model(path)
        result = model.evaluate(data.x_test, data.y_test, 256, verbose=0, return_dict=True)
        assert isinstance(result, dict)
        assert f"loss {result['loss']:.4f}  accuracy {result['accuracy']:.4f}" in line
        assert model.metadata["epoch"] == epoch
    about = load_model(stopped.folder.model).metadata
    assert about["best"]["epoch"] == BEST
    assert f"{about['best']['test']['accuracy']:.4f}" == found[2]
    assert about["test"]["loss"] != about["best"]["test"]["loss"]
    picture = stopped.folder.curves.with_suffix(".svg").read_text(encoding="utf-8")
    title = f"ff: test accuracy {about['test']['accuracy']:.4f}, of the best epoch {found[2]}"
    assert title in picture
    assert f"lowest validation loss {min(stopped.folder.history()['val_loss']):.3f} at best epoch {BEST}" in picture


def test_the_table_marks_the_same_epoch(place: Path) -> None:
    run, out = start(place), Lines()
    experiment.train(run, Console(out))
    marked = re.findall(r"^ +(\d+) .* \*$", out.text, re.MULTILINE)
    assert marked == [str(epoch) for epoch in BETTER]  # each the best so far
    assert out.text.splitlines()[-1].startswith(f"stopped early after epoch {LAST}: ")


DAMAGE: dict[str, tuple[Callable[[Path], Any], str]] = {
    "gone": (Path.unlink, "No such file"),
    "cut off": (lambda path: path.write_bytes(path.read_bytes()[:-9]), "damaged"),
    "another epoch's": (
        lambda path: shutil.copy(path.with_name("model.npz"), path),
        f"the weights of epoch {LAST}, not",
    ),
    "a checkpoint": (lambda path: shutil.copy(path.with_name("checkpoint.npz"), path), "holds no scratchnn model"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_best_that_is_gone_is_said_and_does_no_harm(name: str, stopped: Run, place: Path) -> None:
    finish(stopped)
    damage, message = DAMAGE[name]
    damage(stopped.folder.best)
    said = rf"epoch {BEST}, the best so far.*; it is kept again once an epoch is better"
    with pytest.warns(UserWarning, match=said):
        again = resume(stopped, place)
    lines = finish(again)
    assert lines[1].startswith(f"test  epoch {BEST} (best): ")
    assert message in lines[1]
    assert "best.npz" not in lines[-1]
    assert load_model(again.folder.model).flat_params.tobytes() == stopped.model.flat_params.tobytes()


def test_without_validation_there_is_no_best(place: Path) -> None:
    run = start(place, validation_split=0.0, early_stop=None, epochs=2)
    experiment.train(run, QUIET)
    lines = finish(run)
    assert not run.folder.best.exists()
    assert re.fullmatch(rf"test  epoch 2 \(last\)  {NUMBERS}", lines[0])
    assert len(lines) == 3
    assert "best" not in "".join(lines)
    resume(run, place)  # nothing is missing


def test_early_stop_needs_validation() -> None:
    with pytest.raises(ValueError, match=r"early_stop goes by the validation loss, .* hold out a share"):
        dataclasses.replace(SETTINGS, validation_split=0.0)
    for wrong in (0, -1, True, 10**7):
        with pytest.raises(ValueError, match="early_stop must be a whole number from 1 to 1000000"):
            dataclasses.replace(SETTINGS, early_stop=wrong)


def sequences() -> Iterator[list[float]]:
    rng = np.random.default_rng(0)
    for _ in range(50):
        yield (rng.integers(0, 12, 15) / 4).tolist()  # with equal ones


@pytest.mark.parametrize("patience", [1, 2, 4])
def test_it_stops_where_the_callback_would(patience: int) -> None:
    for val_loss in sequences():
        callback, model, progress = EarlyStopping(patience=patience), Sequential([Dense(1)]), Progress()
        callback.set_model(model)  # type: ignore[arg-type]
        callback.on_train_begin()
        for epoch, loss in enumerate(val_loss):
            progress.finish_epoch({"val_loss": loss})
            callback.on_epoch_end(epoch, {"val_loss": loss})
            assert ends_early(progress, patience) == model.stop_training
            assert callback.best_epoch is not None
            assert progress.best_epoch == callback.best_epoch + 1
            if model.stop_training:
                break
