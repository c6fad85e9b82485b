"""Two generations of a file: the one before is there whatever happens, and is used where the newest is damaged."""

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratchnn.core.files import container
from scratchnn.core.files.container import StorageError
from scratchnn.core.files.generations import newest_usable, one_before


def write(path: Path, generation: int) -> None:
    container.write(path, {"w": np.full(9, generation)}, {"generation": generation}, one_before(path))


def generation(path: str | os.PathLike[str]) -> int:
    return container.read(path)[1]["generation"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    for n in range(3):
        write(tmp_path / "run.npz", n)
    return tmp_path / "run.npz"


def test_the_one_before_is_kept_and_no_more(path: Path) -> None:
    assert one_before(path).name == "run.previous.npz"
    assert (generation(path), generation(one_before(path))) == (2, 1)
    assert sorted(os.listdir(path.parent)) == ["run.npz", "run.previous.npz"]
    container.write(path, {}, {"generation": 3})  # which keeps none
    assert (generation(path), generation(one_before(path))) == (3, 1)


def test_it_is_next_to_the_file_that_a_link_leads_to(path: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "link.npz").symlink_to(path)
    write(elsewhere / "link.npz", 3)
    assert (generation(path), generation(one_before(path))) == (3, 2)
    assert os.listdir(elsewhere) == ["link.npz"]


def test_without_hard_links_it_is_renamed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: Any) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    write(path, 3)
    assert (generation(path), generation(one_before(path))) == (3, 2)
    assert sorted(os.listdir(path.parent)) == ["run.npz", "run.previous.npz"]


def test_after_a_kill_between_the_two_names_nothing_is_left_over(path: Path) -> None:
    one_before(path).unlink()
    os.link(path, one_before(path))
    write(path, 3)
    assert (generation(path), generation(one_before(path))) == (3, 2)
    assert sorted(os.listdir(path.parent)) == ["run.npz", "run.previous.npz"]


@pytest.mark.parametrize("kind", ["folder", "fifo"])
def test_what_is_no_file_is_not_replaced_by_it(kind: str, path: Path) -> None:
    one_before(path).unlink()
    one_before(path).mkdir() if kind == "folder" else os.mkfifo(one_before(path))
    with pytest.raises(OSError, match=r"not saved, .*: it is a (folder|device)"):
        write(path, 3)
    assert generation(path) == 2
    assert sorted(os.listdir(path.parent)) == ["run.npz", "run.previous.npz"]


def test_a_name_that_fails_leaves_both_as_they_were(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace = os.replace

    def fail(source: Any, target: Any) -> None:
        if Path(target) == path:
            raise OSError(errno.EIO, "Input/output error")
        replace(source, target)

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="not saved, what was there before is unchanged"):
        write(path, 3)
    assert generation(path) == 2
    assert newest_usable(path, generation) == (2, True)


def test_the_newest_is_used_or_else_the_one_before(path: Path) -> None:
    assert newest_usable(path, generation) == (2, True)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.warns(UserWarning, match=r"run\.npz.*; the one before is used, .*run\.previous\.npz"):
        assert newest_usable(path, generation) == (1, False)
    path.unlink()
    with pytest.warns(UserWarning, match=r"^there is no .*run\.npz; the one before is used"):
        assert newest_usable(path, generation) == (1, False)
    one_before(path).write_bytes(b"")
    with pytest.raises(FileNotFoundError):
        newest_usable(path, generation)
    path.write_bytes(b"nothing")
    with pytest.raises(StorageError, match=r"run\.npz'"):
        newest_usable(path, generation)
    one_before(path).unlink()
    with pytest.raises(StorageError, match=r"run\.npz'"):
        newest_usable(path, generation)
