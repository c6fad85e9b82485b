"""BackupAndRestore: Keras' arguments, and training that goes on to the same bits."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scratchnn.callbacks import BackupAndRestore, Callback, CallbackList
from scratchnn.models.checkpoint import load_checkpoint
from tests.training.test_kept_by_fit import ALL, Kill, Killed, ended, flip, train
from tests.training.test_resuming import EPOCHS, IDS, LABELS, STEPS, new_model


@pytest.fixture(scope="module")
def undisturbed() -> tuple[Any, ...]:
    model = new_model("adam")
    return ended(model, train(model))


@pytest.mark.parametrize("save_freq", ["epoch", 1, 2, 4])
def test_it_goes_on_from_any_step(save_freq: Any, undisturbed: tuple[Any, ...], tmp_path: Path) -> None:
    for step in range(1, ALL + 1):
        folder = tmp_path / f"{step}"
        with pytest.raises(Killed):
            train(new_model("adam"), BackupAndRestore(folder, save_freq), Kill(step))
        assert [path.name for path in folder.iterdir()] == ["latest.npz"]
        kept = load_checkpoint(folder / "latest.npz")[1]
        # Kill comes before the backup of its step, and what is before the first one is kept too.
        saved = (step - 1) // STEPS * STEPS if save_freq == "epoch" else (step - 1) // save_freq * save_freq
        assert kept.epoch * STEPS + kept.step == saved
        model = new_model("adam")
        assert ended(model, train(model, BackupAndRestore(folder, save_freq))) == undisturbed
        assert not folder.exists()


def test_the_epochs_of_keras_docstring(tmp_path: Path) -> None:
    """Interrupted at the beginning of epoch 4, six are left; Keras' history has these alone, ours all ten."""

    class Interrupting(Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            begun.append(epoch)
            if epoch == 4 and len(begun) == 5:
                raise RuntimeError("Interrupting!")

    begun: list[int] = []

    def fit(model: Any) -> Any:
        return model.fit(IDS, LABELS, 8, 10, 0, [BackupAndRestore(tmp_path / "backup"), Interrupting()])

    model = new_model("adam")
    with pytest.raises(RuntimeError, match="Interrupting!"):
        fit(model)
    history = fit(model)  # the same object, as in the docstring
    assert begun == [*range(5), *range(4, 10)]
    assert history.epoch == list(range(10))


def test_what_it_leaves(tmp_path: Path) -> None:
    def left(**options: Any) -> list[str]:
        train(new_model("adam"), BackupAndRestore(tmp_path / "kept", **options))
        return sorted(path.name for path in tmp_path.rglob("*"))

    assert left() == []
    assert left(delete_checkpoint=False) == ["kept", "latest.npz"]
    with pytest.warns(UserWarning, match="nothing is trained"):
        assert left(double_checkpoint=True) == []
    assert left(double_checkpoint=True, delete_checkpoint=False) == ["kept", "latest.npz", "latest.previous.npz"]
    (tmp_path / "kept" / "mine.txt").touch()
    with pytest.warns(UserWarning, match="nothing is trained"):
        assert left() == ["kept", "mine.txt"]


def test_the_one_before_is_used_if_there_are_two(undisturbed: tuple[Any, ...], tmp_path: Path) -> None:
    with pytest.raises(Killed):
        train(new_model("adam"), BackupAndRestore(tmp_path, 1, double_checkpoint=True), Kill(5))
    flip(tmp_path / "latest.npz", 0.5)
    model = new_model("adam")
    with pytest.warns(UserWarning, match="the one before is used"):
        known = train(model, BackupAndRestore(tmp_path, 1, double_checkpoint=True, delete_checkpoint=False))
    assert ended(model, known) == undisturbed
    newest = load_checkpoint(tmp_path / "latest.npz")[1]
    assert (newest.epoch, newest.step) == (EPOCHS - 1, STEPS)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BackupAndRestore(""), "backup_dir must be the path of a folder"),
        (lambda: BackupAndRestore("x", 0), "save_freq must be a whole number of at least 1, got 0"),
        (lambda: BackupAndRestore("x", "batch"), "save_freq must be a whole number"),
        (lambda: BackupAndRestore("x", False), "save_freq=False is refused: .* 'epoch' or a number"),
    ],
)
def test_wrong_arguments(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_two_places_are_refused_and_so_is_a_loop_of_ones_own(tmp_path: Path) -> None:
    pair = [BackupAndRestore(tmp_path / "a"), BackupAndRestore(tmp_path / "b")]
    with pytest.raises(ValueError, match=r"one place keeps the training: give checkpoint=path, or one"):
        train(new_model("adam"), *pair)
    with pytest.raises(ValueError, match="one place keeps the training"):
        train(new_model("adam"), pair[0], checkpoint=tmp_path / "c.npz")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(RuntimeError, match=r"acts in model\.fit alone"):
        CallbackList([pair[0]], model=new_model("adam")).on_train_begin()
