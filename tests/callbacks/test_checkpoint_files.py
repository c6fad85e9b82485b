"""The files of ModelCheckpoint and CSVLogger: what is there already, and folders that are not."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratchnn import Sequential
from scratchnn.callbacks import Callback, CSVLogger, ModelCheckpoint
from scratchnn.layers import Dense
from scratchnn.training.progress import Progress

X = np.linspace(-1, 1, 16).reshape(8, 2)
Y = X[:, :1] ** 2


class Counts(Callback):
    epochs = 0

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.epochs += 1


def trained(callback: Callback, **settings: Any) -> int:
    """For how many epochs there was training."""
    model = Sequential([Dense(1)], seed=1, backend="reference")
    model.compile("sgd", "mse")
    counts = Counts()
    try:
        model.fit(X, Y, epochs=3, verbose=0, callbacks=[counts, callback], **settings)
    finally:
        trained.epochs = counts.epochs  # type: ignore[attr-defined]
    return counts.epochs


@pytest.mark.parametrize(
    ("template", "there", "epochs"),
    [
        ("c-{epoch:02d}.npz", "c-01.npz", 0),
        ("c-{epoch:02d}.npz", "c-03.npz", 0),
        ("c.npz", "c.npz", 0),
        ("run-{epoch}/c.npz", "run-2/c.npz", 0),
        ("c-{epoch}-{loss:.0f}.npz", "c-2-0.npz", 2),  # which no one knows before
    ],
)
def test_a_file_that_is_there_is_reported_as_soon_as_it_can_be_known(
    template: str, there: str, epochs: int, tmp_path: Path
) -> None:
    (tmp_path / there).parent.mkdir(exist_ok=True)
    (tmp_path / there).write_bytes(b"mine")
    name = there.replace(".", r"\.")
    advice = rf"ModelCheckpoint: .*{name} exists already; choose another name, or ModelCheckpoint\(..., overwrite=True"
    with pytest.raises(FileExistsError, match=advice):
        trained(ModelCheckpoint(tmp_path / template))
    assert trained.epochs == epochs  # type: ignore[attr-defined]
    assert (tmp_path / there).read_bytes() == b"mine"
    assert trained(ModelCheckpoint(tmp_path / template, overwrite=True)) == 3
    assert (tmp_path / there).read_bytes() != b"mine"


def test_files_of_later_epochs_are_nobodys_business(tmp_path: Path) -> None:
    (tmp_path / "4.npz").write_bytes(b"mine")
    assert trained(ModelCheckpoint(tmp_path / "{epoch}.npz")) == 3
    (tmp_path / "1.npz").write_bytes(b"mine")
    (tmp_path / "2.npz").unlink()
    (tmp_path / "3.npz").unlink()
    assert trained(ModelCheckpoint(tmp_path / "{epoch}.npz"), initial_epoch=1) == 2


def test_the_same_callback_goes_on_with_its_files(tmp_path: Path) -> None:
    callback, progress = ModelCheckpoint(tmp_path / "{epoch}.npz"), Progress()
    assert trained(callback, progress=progress) == 3
    assert trained(callback) == 3


@pytest.mark.parametrize("template", ["new/deep/c.npz", "new/{epoch}/c.npz", "new/{loss:.1f}/c.npz"])
def test_a_folder_that_is_not_there_is_made_as_in_keras(template: str, tmp_path: Path) -> None:
    callback = ModelCheckpoint(tmp_path / template)
    assert trained(callback) == 3
    assert callback.last_path is not None and Path(callback.last_path).exists()


def test_a_folder_that_cannot_be_made_is_reported_before_training(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="ModelCheckpoint cannot make its folder: "):
        trained(ModelCheckpoint(tmp_path / "file" / "c-{epoch}.npz"))
    assert trained.epochs == 0  # type: ignore[attr-defined]


def test_a_log_needs_its_folder_as_in_keras(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"CSVLogger: there is no folder .*no for log\.csv; make it first"):
        trained(CSVLogger(tmp_path / "no" / "log.csv"))
    assert trained.epochs == 0  # type: ignore[attr-defined]


def test_save_needs_its_folder_as_in_keras(tmp_path: Path) -> None:
    model = Sequential([Dense(1)], seed=1)
    model.build((None, 2))
    for save in (model.save, model.save_weights):
        with pytest.raises(FileNotFoundError, match=r"not saved, there is no folder .*no; make it first, with os\.mak"):
            save(tmp_path / "no" / "m.npz")
