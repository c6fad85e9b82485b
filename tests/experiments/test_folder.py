"""The run folder: never an existing one, every setting in it, and no finished epoch lost."""

import math
import os
import re
import resource
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from scratchnn.experiments.folder import RunFolder
from tests.read_only import as_ordinary_user, open_folder

NOW = datetime(2025, 1, 2, 3, 4, 5)
SETTINGS = {
    "epochs": 10,
    "learning_rate": 0.001,
    "clip": None,
    "deterministic": True,
    "layers": (np.int64(16), np.float32(0.5)),
    "out": Path("runs"),
    "data": {"name": "imdb", "sha256": "ab" * 32, "sizes": {"train": 20_000, "test": 25_000}},
}


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path / "runs", "lstm", SETTINGS, now=NOW)


def test_names_and_files(run: RunFolder, tmp_path: Path) -> None:
    assert re.fullmatch(r"lstm-20250102-030405-[0-9a-f]{8}", run.path.name)
    assert run.path.parent == tmp_path / "runs"
    assert os.listdir(run.path) == ["config.toml"]
    paths = (run.config, run.metrics, run.model, run.best, run.checkpoint, run.curves, run.diagram)
    names = [path.name for path in paths]
    assert names == ["config.toml", "metrics.csv", "model.npz", "best.npz", "checkpoint.npz", "curves", "model"]


def test_the_hash_tells_settings_apart(tmp_path: Path) -> None:
    def name(settings: dict) -> str:
        return RunFolder.create(tmp_path / os.urandom(4).hex(), "ff", settings, now=NOW).path.name

    assert name({"a": 1, "b": 2}) == name({"b": 2, "a": 1})
    assert name({"a": 1, "b": 2}) != name({"a": 1, "b": 3})


def test_config_holds_every_setting_and_the_versions(run: RunFolder) -> None:
    config = run.read_config()
    versions = config.pop("versions")
    assert set(versions) == {"python", "scratchnn", "numpy", "numba"}
    assert versions["numpy"] == np.__version__
    assert config == {
        "arch": "lstm",
        "epochs": 10,
        "learning_rate": 0.001,
        "deterministic": True,
        "layers": [16, 0.5],
        "out": "runs",
        "data": SETTINGS["data"],
    }


def test_an_existing_folder_is_never_used_again(run: RunFolder, tmp_path: Path) -> None:
    (run.path / "mine.txt").write_text("keep")
    with ThreadPoolExecutor(8) as pool:
        others = list(pool.map(lambda _: RunFolder.create(tmp_path / "runs", "lstm", SETTINGS, now=NOW), range(16)))
    assert sorted(other.path.name for other in others) == sorted(f"{run.path.name}-{i}" for i in range(2, 18))
    assert sorted(os.listdir(run.path)) == ["config.toml", "mine.txt"]


def test_roots_that_cannot_hold_a_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("keep")
    with pytest.raises(FileExistsError, match=r"cannot make a run folder here: File exists: .*file"):
        RunFolder.create(tmp_path / "file", "lstm", {})
    with pytest.raises(NotADirectoryError, match="cannot make a run folder here"):
        RunFolder.create(tmp_path / "file" / "runs", "lstm", {})
    with open_folder() as folder:
        folder.chmod(0o555)
        with (
            as_ordinary_user(),
            pytest.raises(PermissionError, match="cannot make a run folder here: Permission denied"),
        ):
            RunFolder.create(folder, "lstm", {})
        assert os.listdir(folder) == []
    with pytest.raises(ValueError, match=r"got '\.\./lstm'"):
        RunFolder.create(tmp_path, "../lstm", {})
    with pytest.raises(TypeError, match=r"settings\['a'\]\['b'\]\[1\] cannot be stored: set"):
        RunFolder.create(tmp_path, "lstm", {"a": {"b": [1, set()]}})
    assert os.listdir(tmp_path) == ["file"]


def test_rows_read_back_as_the_same_numbers(run: RunFolder) -> None:
    assert run.history() == {}
    run.append_row({"epoch": 1, "loss": 0.1 + 0.2, "val_loss": np.float32(0.1)})
    run.append_row({"epoch": np.int64(2), "loss": math.nan, "val_loss": math.inf})
    assert run.metrics.read_text() == "epoch,loss,val_loss\n1,0.30000000000000004,0.10000000149011612\n2,nan,inf\n"
    history = run.history()
    assert history["epoch"] == [1, 2]
    assert history["loss"][0] == 0.1 + 0.2
    assert math.isnan(history["loss"][1])


def test_each_row_is_synced_before_append_returns(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: sizes.append(os.fstat(descriptor).st_size))
    run.append_row({"epoch": 1, "loss": 0.5})
    run.append_row({"epoch": 2, "loss": 0.4})
    assert sizes == [17, 23]


@pytest.mark.parametrize(
    "row", [{"loss": 1.0}, {"epoch": 2, "acc": 1.0}, {"loss": 1.0, "epoch": 2}, {"epoch": 2, "a,b": 1.0}]
)
def test_rows_with_other_columns_are_refused(run: RunFolder, row: dict[str, float]) -> None:
    run.append_row({"epoch": 1, "loss": 0.5})
    with pytest.raises(ValueError, match="got"):
        run.append_row(row)
    assert run.metrics.read_text() == "epoch,loss\n1,0.5\n"


def test_going_on_keeps_finished_rows_and_drops_a_cut_one(run: RunFolder) -> None:
    for epoch in (1, 2, 3):
        run.append_row({"epoch": epoch, "loss": 1 / epoch})
    whole = run.metrics.read_bytes()
    for cut in range(len(whole)):
        run.metrics.write_bytes(whole[:cut])
        again = RunFolder.open(run.path)
        rows = whole[:cut].count(b"\n")
        again.append_row({"epoch": rows or 1, "loss": 0.25})
        kept = whole[: whole[:cut].rfind(b"\n") + 1] or b"epoch,loss\n"
        assert run.metrics.read_bytes() == kept + b"%d,0.25\n" % (rows or 1)


def test_going_on_from_an_earlier_checkpoint_drops_later_rows(run: RunFolder) -> None:
    for epoch in (1, 2, 3):
        run.append_row({"epoch": epoch, "loss": 1 / epoch})
    again = RunFolder.open(run.path, finished_epochs=1)
    again.append_row({"epoch": 2, "loss": 0.25})
    assert again.history() == {"epoch": [1, 2], "loss": [1, 0.25]}
    RunFolder.open(run.path, finished_epochs=0)
    assert again.history() == {"epoch": [], "loss": []}


def test_going_on_where_nothing_can_go_on(run: RunFolder, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"is not a run folder: it has no config\.toml"):
        RunFolder.open(tmp_path)
    run.metrics.write_text("epoch,loss\n1,0.5\n2,x\n3,0.5\n")
    with pytest.raises(ValueError, match=r"metrics\.csv', line 3: expected 2 numbers, got b'2,x"):
        RunFolder.open(run.path)
    run.metrics.write_text("epoch,loss\n1,0.5,7\n")
    with pytest.raises(ValueError, match="line 2"):
        RunFolder.open(run.path)


def test_a_full_disk_leaves_no_half_row(run: RunFolder) -> None:
    run.append_row({"epoch": 1, "loss": 0.5})
    before = run.metrics.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 3, limits[1]))
        with pytest.raises(OSError, match=r"row not saved: File too large: .*metrics\.csv"):
            run.append_row({"epoch": 2, "loss": 0.25})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert run.metrics.read_bytes() == before
    run.append_row({"epoch": 2, "loss": 0.25})
    assert run.metrics.read_bytes() == before + b"2,0.25\n"


def test_a_full_disk_leaves_no_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match=r"No space left on device: .*config\.toml"):
        RunFolder.create(tmp_path, "lstm", {})
    assert os.listdir(tmp_path) == []
