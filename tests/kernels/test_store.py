"""The kernel store under attack: nothing damaged, planted or crashing is run twice, and most of it not once."""

import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from numba.core import event
from scratchnn_kernels import numba_private
from scratchnn_kernels.cpu import precompile
from scratchnn_kernels.store.entries import MAGIC, Store, fault_of, packed
from scratchnn_kernels.store.private_folder import NotPrivateError, PrivateFolder

from tests.kernels.stored import WORK, work

posix = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="this system has no owners and modes of files")
as_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give a file to another user"
)
SOMEBODY = 65534


def entries(cache: Path) -> list[Path]:
    return sorted(cache.rglob("*.kernel"))


def key_of(content: bytes) -> bytes:
    return content[len(MAGIC) : len(MAGIC) + 32]


# ---- damage


@pytest.mark.parametrize("flips, cuts", [(60, 20), pytest.param(2000, 300, marks=pytest.mark.long)])
def test_no_flipped_bit_and_no_cut_goes_unnoticed(flips: int, cuts: int, cache: Path) -> None:
    """Nothing of the code is looked at before its digest: whatever was flipped, there is no code to load."""
    draw = random.Random(flips)
    for path in entries(cache):
        whole = path.read_bytes()
        told: list[str] = []
        store = Store(PrivateFolder(path.parent.parent, path.parent.name), told.append)
        assert store.load(path.name, key_of(whole)) == whole[len(MAGIC) + 64 :]
        for _ in range(flips // 2):
            damaged = bytearray(whole)
            damaged[draw.randrange(len(whole))] ^= 1 << draw.randrange(8)
            path.write_bytes(damaged)
            assert store.load(path.name, key_of(whole)) is None
        for _ in range(cuts // 2):
            path.write_bytes(whole[: draw.randrange(len(whole))])
            assert store.load(path.name, key_of(whole)) is None
        assert len(told) == flips // 2 + cuts // 2
        assert store.faults()[path.name] in ("is damaged", "is no entry of this kernel store")


def test_code_for_something_else_is_not_run(cache: Path, compiled: tuple[Path, str]) -> None:
    """As when files of two CPUs, or of two versions, were mixed up: each is whole."""
    first, second = entries(cache)
    code = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(code)
    numbers, told = work(cache)
    assert numbers == compiled[1]
    assert len(told) == 1 and "is for something else" in told[0]


@pytest.mark.parametrize("setting", [{"NUMBA_BOUNDSCHECK": "1"}, {"NUMBA_CPU_NAME": "haswell"}, {"NUMBA_OPT": "1"}])
def test_code_under_other_settings_is_other_code(setting: dict[str, str], cache: Path) -> None:
    before = entries(cache)
    _, told = work(cache, **setting)
    assert told == []
    assert len(entries(cache)) == 2 * len(before)


# ---- planted code


def plant(path: Path, canary: Path) -> None:
    """In the place of an entry, with the right key and digest: what makes a folder when it is unpickled."""
    evil = b"cos\nmkdir\n(V" + os.fsencode(canary) + b"\ntR."
    path.write_bytes(packed(key_of(path.read_bytes()), evil))


def give_away(path: Path) -> None:
    os.chown(path, SOMEBODY, SOMEBODY)


def open_to_all(path: Path) -> None:
    path.chmod(0o666)


def turn_into_a_link(path: Path) -> None:
    path.rename(path.with_suffix(".elsewhere"))
    path.symlink_to(path.with_suffix(".elsewhere"))


@posix
@pytest.mark.parametrize("how", [pytest.param(give_away, marks=as_root), open_to_all, turn_into_a_link])
def test_a_planted_entry_is_not_run(
    how: Callable[[Path], None], cache: Path, compiled: tuple[Path, str], tmp_path: Path
) -> None:
    for number, path in enumerate(entries(cache)):
        plant(path, tmp_path / f"canary {number}")
        how(path)
    numbers, told = work(cache)
    assert numbers == compiled[1]
    assert len(told) == 1 and "compiling them again" in told[0]
    assert not list(tmp_path.glob("canary*"))
    assert work(cache) == (numbers, []), "what was planted has been replaced"


@posix
def test_a_planted_entry_would_be_run_were_it_the_users(cache: Path, tmp_path: Path) -> None:
    """So the test above can fail."""
    plant(entries(cache)[0], tmp_path / "canary")
    _, told = work(cache)
    assert (tmp_path / "canary").is_dir()
    assert len(told) == 1 and "could not be loaded" in told[0]


def give_folder_away(folder: Path) -> None:
    for path in (*folder.iterdir(), folder):
        give_away(path)


def open_folder_to_all(folder: Path) -> None:
    folder.chmod(0o777)


def link_folder(folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))
    folder.symlink_to("elsewhere", target_is_directory=True)


@posix
@pytest.mark.parametrize(
    "how",
    [pytest.param(give_folder_away, marks=as_root), open_folder_to_all, link_folder],
    ids=lambda how: how.__name__,
)
def test_a_folder_that_is_not_private_is_not_used(
    how: Callable[[Path], None], cache: Path, compiled: tuple[Path, str], tmp_path: Path
) -> None:
    for path in entries(cache):
        plant(path, tmp_path / "canary")
    folder = entries(cache)[0].parent
    how(folder)
    numbers, told = work(cache)
    assert numbers == compiled[1]
    assert len(told) == 1 and "they work uncached" in told[0] and str(folder) in told[0]
    assert not (tmp_path / "canary").exists()
    assert len(list(folder.iterdir())) == 2


@posix
def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    folder = PrivateFolder(tmp_path, "private")
    folder.make()
    os.mkfifo(folder.path / "pipe", 0o600)
    with pytest.raises(NotPrivateError, match="neither a plain file"):
        folder.read("pipe")
    assert folder.path.stat().st_mode & 0o777 == 0o700


# ---- crashes


def every_instruction_traps(code: bytes) -> bytes:
    """The code with all machine code in it replaced by what ends the process: it is an ELF file within a pickle."""
    changed, begin = bytearray(code), code.index(b"\x7fELF")
    (table,) = struct.unpack_from("<Q", code, begin + 0x28)
    size, number = struct.unpack_from("<HH", code, begin + 0x3A)
    for section in range(number):
        flags, _, offset, length = struct.unpack_from("<QQQQ", code, begin + table + section * size + 8)
        if flags & 4:
            changed[begin + offset : begin + offset + length] = b"\xcc" * length
    return bytes(changed)


@pytest.mark.skipif(sys.platform != "linux", reason="takes the code to be ELF")
def test_code_that_crashes_is_compiled_again(cache: Path, compiled: tuple[Path, str]) -> None:
    forward = next(path for path in entries(cache) if "_forward" in path.name)
    content = forward.read_bytes()
    code = every_instruction_traps(content[len(MAGIC) + 64 :])
    forward.write_bytes(packed(key_of(content), code))
    with pytest.raises(AssertionError):  # it is whole, and for this CPU, so it is run, once
        work(cache)
    assert [path for path in forward.parent.iterdir() if path.name.startswith("running-")]
    numbers, told = work(cache)
    assert numbers == compiled[1]
    assert len(told) == 1 and "ended while embedding._forward_shard" in told[0]
    assert work(cache) == (numbers, [])
    assert len(list(forward.parent.iterdir())) == 2


@posix
def test_what_a_process_holds_is_left_behind_only_when_it_has_ended(tmp_path: Path) -> None:
    script = """
import sys, time
from pathlib import Path
from scratchnn_kernels.store.private_folder import PrivateFolder
folder = PrivateFolder(Path(sys.argv[1]), "private")
folder.make()
folder.let_go("first", folder.hold("first", b"words"))
kept = folder.hold("second", b"words")
print("held", flush=True)
time.sleep(60)
"""
    folder = PrivateFolder(tmp_path, "private")
    with subprocess.Popen([sys.executable, "-c", script, tmp_path], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None and child.stdout.readline() == b"held\n"
        assert folder.names() == ["second"]
        assert folder.left_behind("second") is None
        child.kill()
    assert folder.left_behind("second") == b"words"
    assert folder.names() == []


@pytest.mark.parametrize("kills", [3, pytest.param(30, marks=pytest.mark.long)])
def test_killed_while_compiling(kills: int, tmp_path: Path, compiled: tuple[Path, str]) -> None:
    draw = random.Random(kills)
    began = time.monotonic()
    work(tmp_path / "timed")
    whole = time.monotonic() - began
    for _ in range(kills):
        child = subprocess.Popen(
            [sys.executable, "-c", WORK.replace("PREPARE", "")],
            env=os.environ | {"SCRATCHNN_CACHE": str(tmp_path / "cache")},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(draw.uniform(0.3, 1.0) * whole)
        child.send_signal(signal.SIGKILL)
        child.wait()
        assert all(fault_of(path.read_bytes()) is None for path in entries(tmp_path))
    numbers, told = work(tmp_path / "cache")
    assert numbers == compiled[1]
    assert len(told) <= 1
    assert work(tmp_path / "cache") == (numbers, [])


def test_eight_processes_on_a_cold_cache(tmp_path: Path, compiled: tuple[Path, str]) -> None:
    children = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", WORK.replace("PREPARE", "")],
            env=os.environ | {"SCRATCHNN_CACHE": str(tmp_path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(8)
    ]
    assert [child.communicate(timeout=300) for child in children] == [(compiled[1], "")] * 8
    assert [fault_of(path.read_bytes()) for path in entries(tmp_path)] == [None, None]
    assert len(list(entries(tmp_path)[0].parent.iterdir())) == 2


def test_unfinished_files_go_after_an_hour(tmp_path: Path) -> None:
    folder = PrivateFolder(tmp_path, "private")
    folder.make()
    for name, age in ((".unfinished-old", 3700), (".unfinished-new", 60)):
        path = folder.path / name
        path.write_bytes(b"")
        os.utime(path, (time.time() - age,) * 2)
    folder.write("file", b"whole")
    assert sorted(path.name for path in folder.path.iterdir()) == [".unfinished-new", "file"]
    assert folder.names() == ["file"]


# ---- a Numba that lacks a name

# Numba with some of its source changed, as in a version to come. What it calls itself goes on to work.
CHANGED = """
import importlib.abc, importlib.machinery, sys

class Loader(importlib.machinery.SourceFileLoader):
    def get_code(self, name):
        return compile(self.get_source(name).replace(*CHANGES[name]), self.path, "exec")

class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name in CHANGES:
            spec = importlib.machinery.PathFinder.find_spec(name, path)
            spec.loader = Loader(name, spec.origin)
            return spec

sys.meta_path.insert(0, Finder())
"""
CACHE = {"numba.core.dispatcher": ("self._cache", "self._kept")}
DUMPS = {
    "numba.core.serialize": ("def dumps(", "def written("),
    "numba.core.pythonapi": ("serialize.dumps(", "serialize.written("),
    "numba.core.caching": ("import dumps", "import written as dumps"),
}
HIDDEN = {
    "_cache": f"CHANGES = {CACHE}{CHANGED}",
    "_reduce": "from numba.core.compiler import CompileResult; del CompileResult._reduce\n",
    "_rebuild": "from numba.core.compiler import CompileResult; del CompileResult._rebuild\n",
    "dumps": f"CHANGES = {DUMPS}{CHANGED}",
    "loads": "from numba.core import serialize; del serialize.loads\n",
}


@pytest.mark.parametrize("name", HIDDEN)
def test_without_a_private_name_of_numba_nothing_is_stored(
    name: str, tmp_path: Path, compiled: tuple[Path, str]
) -> None:
    numbers, told = work(tmp_path, first=HIDDEN[name])
    assert numbers == compiled[1]
    assert len(told) == 1 and f"'{name}'" in told[0] and "compiled again in every process" in told[0]
    assert entries(tmp_path) == []


# Once the kernels are imported; Numba itself looks these two up no later than that.
HIDE_A_CALL = """
from numba import _dispatcher
from numba.core import codegen
for module in (_dispatcher, codegen):
    vars(module).pop("NAME", None)
"""


@pytest.mark.parametrize("name", ["compute_fingerprint", "JITCodeLibrary"])
def test_without_a_private_name_of_numba_kernels_run_on_one_thread(
    name: str, tmp_path: Path, compiled: tuple[Path, str]
) -> None:
    share = "from scratchnn_kernels.cpu import launching; launching.WORTH_SHARING = 0"
    numbers, told = work(tmp_path, share + HIDE_A_CALL.replace("NAME", name), NUMBA_NUM_THREADS="2")
    assert numbers == compiled[1]
    assert len(told) == 1 and f"'{name}'" in told[0] and "on one thread" in told[0]


@pytest.mark.parametrize("name", ["Listener", "install_listener"])
def test_without_events_of_numba_nothing_is_told(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(event, name)
    numba_private._listening.cache_clear()
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for _ in range(2):
                with precompile.watched(lambda name: None, lambda seconds: None):
                    pass
        (warning,) = caught
        assert f"'{name}'" in str(warning.message) and "it is not shown" in str(warning.message)
    finally:
        numba_private._listening.cache_clear()


def test_the_store_can_be_copied(cache: Path, tmp_path: Path, compiled: tuple[Path, str]) -> None:
    """By the user: nothing in it knows where it lies."""
    shutil.copytree(cache, tmp_path / "copy")
    before = {path.name: path.stat().st_mtime_ns for path in entries(tmp_path / "copy")}
    assert work(tmp_path / "copy") == (compiled[1], [])
    assert {path.name: path.stat().st_mtime_ns for path in entries(tmp_path / "copy")} == before
