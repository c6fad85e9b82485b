"""Runs of the command that are killed at random moments, that a signal finds testing, or that find a lock."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.reliability.command import interrupt
from scratchnn.experiments.lock import LockedError, held
from scratchnn.models.checkpoint import load_checkpoint
from tests.commands.test_train import SMALL, assert_refused, checksum_of, environment, train, write_data

BATCHES = ["--seed", "5", "--batch-size", "4", "--backend", "reference"]
ARGUMENTS = [*SMALL, "--data", "data", *BATCHES]
EPOCHS = 4
MANY = ["--epochs", str(EPOCHS), "--checkpoint-every", "1", "--quiet"]

pytestmark = pytest.mark.usefixtures("ctrl_c_interrupts")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with reviews, and in `run` what an undisturbed run leaves."""
    cwd = tmp_path_factory.mktemp("killed")
    write_data(cwd / "data")
    assert train(cwd, *SMALL, "--data", cwd / "data", *BATCHES, *MANY).returncode == 0
    (folder,) = (cwd / "runs").iterdir()
    folder.rename(cwd / "run")
    return cwd


@pytest.mark.parametrize("kills", [4, pytest.param(60, marks=pytest.mark.long)])
def test_killed_at_random_it_goes_on_to_the_same_bits(kills: int, place: Path, tmp_path: Path) -> None:
    found = interrupt(tmp_path, place / "run", place / "data", [*SMALL, *BATCHES, *MANY], kills, seed=1)
    assert found.wrong == 0
    assert found.within >= 1  # or the kills come at the wrong time


def test_steps_and_seconds_between_two_checkpoints(place: Path) -> None:
    for wrong in ("0", "0s", "often", "-1", "1.5", "nans", "infs"):
        refused = train(place, *SMALL, f"--checkpoint-every={wrong}")
        assert refused.returncode == 2
        assert f"expected a time such as 60s, or a number of steps such as 500, got '{wrong}'" in refused.stderr
    # The last two checkpoints are of the last step and of the end of the epoch.
    assert load_checkpoint(place / "run" / "checkpoint.previous.npz")[1].step == 60
    runs = place / "often"
    whole = train(place, *ARGUMENTS, "--epochs", "1", "--checkpoint-every", "0.0001s", "--out", runs)
    assert checksum_of(whole)
    (folder,) = runs.iterdir()
    assert load_checkpoint(folder / "checkpoint.previous.npz")[1].step == 60


# ---- the final test


@pytest.mark.usefixtures("ctrl_c_interrupts")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_is_heard_in_the_final_test(number: int, status: int, place: Path, tmp_path: Path) -> None:
    shutil.copytree(place / "run", tmp_path / "run")
    (tmp_path / "run" / "model.npz").unlink()
    script = f"""
import signal, sys
from scratchnn import train
from scratchnn.experiments import run
before = run.tested
def tested(*arguments):
    signal.raise_signal({number})
    return before(*arguments)
run.tested = tested
sys.exit(train.main(["--resume", {str(tmp_path / "run")!r}, "--data", {str(place / "data")!r}]))
"""
    command = [sys.executable, "-c", script]
    ended = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == status, ended.stderr
    assert f"stopped after {EPOCHS} epochs; continue with: python -m scratchnn.train --resume" in ended.stderr
    assert not re.search("^(test|weights)", ended.stdout, re.MULTILINE)
    assert not (tmp_path / "run" / "model.npz").exists()
    again = train(tmp_path, "--resume", "run", "--data", place / "data")
    assert checksum_of(again)
    assert (tmp_path / "run" / "model.npz").is_file()


# ---- the lock


@contextmanager
def holder(folder: Path) -> Iterator[int]:
    """Another process that holds the folder: its number."""
    script = f"""
import sys
from benchmarks.reliability.command import interrupt
from scratchnn.experiments.lock import held
with held({str(folder)!r}):
    print("held", flush=True)
    sys.stdin.read()
"""
    command = [sys.executable, "-c", script]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    try:
        yield process.pid
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def run(place: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(place / "run", tmp_path / "run"))


def test_a_second_one_is_refused_by_name_and_a_killed_one_is_not_waited_for(run: Path, place: Path) -> None:
    resume = ("--resume", run, "--data", place / "data")
    with holder(run) as pid:
        left = {path.name: path.read_bytes() for path in run.iterdir()}
        assert json.loads(left["lock"]) == {"pid": pid, "host": socket.gethostname()}
        line = assert_refused(train(place, *resume))
        assert line == (
            f"error: process {pid} on {socket.gethostname()} trains in {run}: wait until it has ended, or stop it"
        )
        assert {path.name: path.read_bytes() for path in run.iterdir()} == left
    assert json.loads((run / "lock").read_text())["pid"] == pid  # it was killed
    assert checksum_of(train(place, *resume))
    assert not (run / "lock").exists()


def test_another_host_is_named_and_what_to_do(run: Path) -> None:
    (run / "lock").write_text(json.dumps({"pid": 7, "host": "elsewhere"}))
    with pytest.raises(LockedError, match=rf"^process 7 on elsewhere trains in .*, remove {run / 'lock'}$"), held(run):
        pass
    (run / "lock").unlink()
    with held(run):
        assert json.loads((run / "lock").read_text())["pid"] == os.getpid()
    assert not (run / "lock").exists()


def test_what_the_lock_leaves_alone(run: Path, tmp_path: Path) -> None:
    (run / "lock").write_text("mine")
    with pytest.raises(LockedError, match="is not the lock of a run: remove it"), held(run):
        pass
    assert (run / "lock").read_text() == "mine"
    (run / "lock").write_text("")  # killed before it was written
    with held(run):
        pass
    other = tmp_path / "other"
    other.mkdir()
    (other / "lock").write_text("mine")
    with held(other):  # no run's folder
        pass
    assert (other / "lock").read_text() == "mine"
    with held(tmp_path / "nowhere"):
        pass


def test_without_locks_of_the_file_system_the_process_is_looked_for(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    def no_locks(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    with holder(run) as pid:
        monkeypatch.setattr(fcntl, "flock", no_locks)
        with pytest.raises(LockedError, match=f"^process {pid} on"), held(run):
            pass
    with held(run):  # it is dead
        pass
