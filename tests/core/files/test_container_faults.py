"""Saving while the disk refuses or the process is killed: the earlier file stays, whole."""

import errno
import os
import re
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.harness import ROOT
from benchmarks.reliability import saving
from scratchnn.core.files import container
from tests.read_only import as_ordinary_user, open_folder

OLD, NEW, SMALL = {"w": np.zeros(1000)}, {"w": np.ones(1000)}, {"w": np.ones(1)}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    container.write(tmp_path / "model.npz", OLD, {"save": 0})
    return tmp_path / "model.npz"


def assert_old_file_and_nothing_else(path: Path, but: tuple[str, ...] = ()) -> None:
    arrays, meta = container.read(path)
    assert meta == {"save": 0}
    assert np.array_equal(arrays["w"], OLD["w"])
    assert sorted(os.listdir(path.parent)) == sorted([path.name, *but])


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_failing_call_keeps_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    def fail(*_: Any) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(OSError, match=r"not saved, .* unchanged: Input/output error: .*model\.npz") as caught:
        container.write(path, NEW, {"save": 1})
    assert caught.value.errno == errno.EIO
    assert_old_file_and_nothing_else(path)


def test_an_interrupt_removes_the_temporary_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        container.write(path, NEW, {"save": 1})
    assert_old_file_and_nothing_else(path)


def test_a_folder_that_cannot_be_synced_is_reported_but_the_new_file_is_there(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def fail_second(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 2:
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail_second)
    with pytest.raises(OSError, match="saved, but may not survive a power failure"):
        container.write(path, NEW, {"save": 1})
    assert container.read(path)[1] == {"save": 1}


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_order_is_write_sync_rename_sync_folder(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    sync, replace = os.fsync, os.replace

    def recorded_sync(descriptor: int) -> None:
        name = os.readlink(f"/proc/self/fd/{descriptor}")
        calls.append(f"sync {'folder' if name == str(path.parent) else Path(name).suffix} {os.path.getsize(name)}")
        sync(descriptor)

    def recorded_replace(source: Path, target: Path) -> None:
        calls.append(f"replace {Path(source).suffix} {Path(target).name} {Path(source).parent == path.parent}")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", recorded_sync)
    monkeypatch.setattr(os, "replace", recorded_replace)
    container.write(path, SMALL, {"save": 1})  # smaller than any buffer
    assert [call.split(maxsplit=1)[0] for call in calls] == ["sync", "replace", "sync"]
    assert calls[0] == f"sync .tmp {path.stat().st_size}"  # all of it
    assert calls[1] == "replace .tmp model.npz True"
    assert calls[2].startswith("sync folder")


DISK_FULL = """
import resource, sys
import numpy as np
from scratchnn.core.files import container
path, size = sys.argv[1], 8_600
for limit in range(0, size, 300):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        container.write(path, {"w": np.ones(1000)}, {"save": limit})
    except OSError as error:
        assert "File too large" in str(error) and "unchanged" in str(error) and path in str(error), error
    else:
        print("saved below", limit)
    assert container.read(path)[1] == {"save": 0}
"""


def test_a_full_disk_at_any_byte_keeps_the_old_file(path: Path) -> None:
    assert path.stat().st_size > 8_600
    run = subprocess.run([sys.executable, "-c", DISK_FULL, str(path)], capture_output=True, text=True, timeout=60)
    assert (run.stdout, run.stderr, run.returncode) == ("", "", 0)
    assert_old_file_and_nothing_else(path)


def test_a_read_only_folder() -> None:
    with open_folder() as folder:
        container.write(folder / "model.npz", OLD, {"save": 0})
        (folder / "model.npz").chmod(0o666)
        folder.chmod(0o555)
        with as_ordinary_user(), pytest.raises(PermissionError, match=r"not saved, .*Permission denied: .*model\.npz"):
            container.write(folder / "model.npz", NEW, {"save": 1})
        assert_old_file_and_nothing_else(folder / "model.npz")


def test_a_path_that_is_a_folder_or_leads_nowhere(path: Path, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="not saved, .*" + re.escape(str(tmp_path))):
        container.write(tmp_path, NEW, {})
    with pytest.raises(FileNotFoundError, match=r"not saved, .*no/model\.npz"):
        container.write(tmp_path / "no" / "model.npz", NEW, {})
    with pytest.raises(NotADirectoryError, match="not saved"):
        container.write(path / "model.npz", NEW, {})
    assert_old_file_and_nothing_else(path)


def test_long_odd_and_linked_names(path: Path, tmp_path: Path) -> None:
    for name in ("n" * 251 + ".npz", os.fsdecode(b"\xff\xfe.npz")):
        container.write(tmp_path / name, NEW, {})
        assert np.array_equal(container.read(tmp_path / name)[0]["w"], NEW["w"])
    (tmp_path / "link.npz").symlink_to("model.npz")
    container.write(tmp_path / "link.npz", NEW, {"save": 1})
    assert (tmp_path / "link.npz").is_symlink()
    assert container.read(path)[1] == {"save": 1}


def test_mode_owner_and_group_of_the_file_stay(path: Path) -> None:
    path.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(path, 1234, 2345)
    before = path.stat()
    container.write(path, NEW, {"save": 1})
    after = path.stat()
    assert container.read(path)[1] == {"save": 1}
    assert [(each.st_mode, each.st_uid, each.st_gid) for each in (before, after)] == [
        (before.st_mode, before.st_uid, before.st_gid)
    ] * 2


def test_a_new_file_has_the_mode_that_the_umask_says(tmp_path: Path) -> None:
    usual = os.umask(0o027)
    try:
        container.write(tmp_path / "new.npz", NEW, {})
    finally:
        os.umask(usual)
    assert stat.S_IMODE((tmp_path / "new.npz").stat().st_mode) == 0o640


def test_only_a_file_is_replaced(path: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "to-pipe").symlink_to("pipe")
    (tmp_path / "dangling").symlink_to("nothing")
    (tmp_path / "loop").symlink_to("loop")
    for name, said in {
        "pipe": "it is a device, a pipe or a socket, and no file: choose another name",
        "to-pipe": "it is a device, a pipe or a socket, and no file: choose another name",
        "dangling": "it is a link to .*nothing, which is not there: remove the link",
        "loop": "Too many levels of symbolic links",
    }.items():
        with pytest.raises(OSError, match=rf"not saved, .*{said}.*: '{tmp_path / name}'"):
            container.write(tmp_path / name, NEW, {})
    with pytest.raises(OSError, match=r"not saved, .*a device"):
        container.write(os.devnull, NEW, {})
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode) and stat.S_ISCHR(os.stat(os.devnull).st_mode)
    assert not (tmp_path / "nothing").exists() and os.path.islink(tmp_path / "dangling")
    assert_old_file_and_nothing_else(path, but=("pipe", "to-pipe", "dangling", "loop"))


def test_a_file_that_may_not_be_written_or_is_of_another_user_stays() -> None:
    with open_folder() as folder:
        for name in ("protected.npz", "other.npz"):
            container.write(folder / name, OLD, {"save": 0})
        folder.chmod(0o777)
        (folder / "protected.npz").chmod(0o444)
        (folder / "other.npz").chmod(0o666)
        with as_ordinary_user():
            with pytest.raises(PermissionError, match=r"not saved, .*may not be written: choose another name"):
                container.write(folder / "protected.npz", NEW, {"save": 1})
            if os.getuid() == 0:  # else there is no other user
                with pytest.raises(PermissionError, match=r"not saved, .*belongs to another user"):
                    container.write(folder / "other.npz", NEW, {"save": 1})
        for name in ("protected.npz", "other.npz"):
            assert container.read(folder / name)[1] == {"save": 0}
        assert sorted(os.listdir(folder)) == ["other.npz", "protected.npz"]


def test_temporary_files_of_killed_processes_go_after_an_hour(path: Path) -> None:
    old, recent = path.parent / ".scratchnn-old.tmp", path.parent / ".scratchnn-recent.tmp"
    for file, age in ((old, 4000), (recent, 2000)):
        file.touch()
        os.utime(file, (time.time() - age, time.time() - age))
    container.write(path, NEW, {})
    assert not old.exists()
    assert recent.exists()


# ---- kills, by benchmarks/reliability/saving.py: in a process of its own, since a child of one with threads may hang

KILLS = """
import dataclasses, sys
from pathlib import Path
from benchmarks.reliability import saving
how, path, kills = sys.argv[1:]
print(*dataclasses.astuple(saving.kill_writers(how, Path(path), int(kills))))
"""


def kill_writers(how: str, path: Path, kills: int = 30) -> saving.Kills:
    run = subprocess.run(
        [sys.executable, "-c", KILLS, how, str(path), str(kills)],
        capture_output=True,
        text=True,
        timeout=8 * kills,
        cwd=ROOT,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )
    assert run.returncode == 0, run.stderr
    return saving.Kills(*map(int, run.stdout.split()))


@pytest.mark.parametrize(
    ("how", "kills"), [("whole", 30), ("two", 30), pytest.param("whole", 3000, marks=pytest.mark.long)]
)
def test_killing_the_writer_loses_nothing(how: str, kills: int, tmp_path: Path) -> None:
    """Nor, of two generations, the earlier one."""
    found = kill_writers(how, tmp_path / "model.npz", kills)
    assert found.lost == found.gone == 0
    assert found.saves >= kills
    assert found.leftovers >= 2  # so many kills, at least, hit a save at work


def test_the_same_kills_lose_files_saved_in_place(tmp_path: Path) -> None:
    """Without this the test above could pass because its kills come too late."""
    assert kill_writers("in place", tmp_path / "model.npz").lost >= 10  # beside busy programs fewer hit a save at work
